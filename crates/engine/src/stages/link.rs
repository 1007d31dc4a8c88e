//! Keys and references over all rows, and each row to its record.
//!
//! [`link()`] takes what validation kept ([`super::validate::Validated`]) and goes through it three times: the keys,
//! partition by partition (`facts`); the places of rows, to know each row's record, which records are rejected and
//! where ranges of records end (`records`); and the rows themselves, which go to the range of their record while their
//! faults become findings (`distribute`, `findings`). What comes out is a [`Linked`], from which any range can be read
//! at any time by any thread.
//!
//! A record is rejected when it or any of its rows, in whatever relation, has a finding of severity error. A row
//! without a record is rejected by itself. So `scored + rejected = read` for each relation.
//!
//! Memory: one bit a row for errors, one bit a record for rejections, ten bytes for each 64 records, and the budget;
//! disk: all kept columns once more, and 16 bytes for each child row. Nothing depends on the order in which children
//! lie in their file, on threads, or on block sizes.

mod distribute;
mod facts;
pub(crate) mod findings;
mod records;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bordereau_base::state::Stage;

use self::distribute::{Distributed, distribute};
use self::findings::Tally;
use self::records::Accepted;
use super::resources::Resources;
use super::validate::{Judgement, Validated};
use crate::blocks::BlockReader;
use crate::error::Result;
use crate::progress::Progress;
use crate::release::features_plan::RECORD_COLUMN;
use crate::release::layout::table_schema;
use crate::spool::Spool;
use crate::summary::{Counts, FindingCount, RelationSummary};

/// The accepted records of a batch, in ranges of neighbouring records, and all findings; lies in scratch files.
#[derive(Debug)]
pub struct Linked {
    /// Records read, scored and rejected. `scored` counts those accepted here.
    pub records: Counts,
    /// Rows of each relation.
    pub rows: Vec<Counts>,
    /// Each relation of the release in its order, as the summary has it.
    pub relations: Vec<RelationSummary>,
    /// Findings by relation, field (whole rows first), code and severity, in that order.
    pub finding_counts: Vec<FindingCount>,
    /// What is to be noted of the files, one sentence each.
    pub notes: Vec<String>,
    pub(crate) tally: Tally,
    schemas: Schemas,
    ranges: usize,
    tables: Arc<Spool>,
    findings: Arc<Spool>,
}

/// One range of neighbouring records: all that features, scores and outputs need. Only accepted records are in it.
#[derive(Debug, PartialEq)]
pub struct RecordRange {
    /// For each relation of the dictionary its rows as record batches of the schema `table_schema(dictionary, relation,
    /// layout.relations[relation].read)`: typed fields that the feature query reads, then `record` (Int64). Rows are in
    /// the order of the file. May be empty.
    pub tables: Vec<Vec<RecordBatch>>,
    /// One row for each accepted record, ascending: `record` (Int64, the record's place among all rows of its file,
    /// counted from 0), then the texts (Utf8View, as uploaded) of the record relation's fields `layout.texts`.
    pub records: RecordBatch,
}

/// The schemas of what is read back.
#[derive(Debug)]
struct Schemas {
    tables: Vec<SchemaRef>,
    records: SchemaRef,
    findings: SchemaRef,
}

impl Schemas {
    fn new(judgement: Judgement<'_>) -> Self {
        let Judgement { dictionary, layout, .. } = judgement;
        let table =
            |relation: usize| table_schema(dictionary, relation, layout.relations[relation].read.iter().copied());
        let fields = &dictionary.relations[layout.record].fields;
        let texts = &layout.relations[layout.record].texts;
        let text = |field: &usize| Field::new(fields[*field].sql_name(), DataType::Utf8View, true);
        let record = Field::new(RECORD_COLUMN, DataType::Int64, false);
        Self {
            tables: (0..dictionary.relations.len()).map(table).collect(),
            records: Arc::new(Schema::new(std::iter::once(record).chain(texts.iter().map(text)).collect::<Vec<_>>())),
            findings: findings::schema(judgement),
        }
    }
}

/// The bucket of a table of a range; `table` is a relation, or the number of relations for the texts of records.
fn bucket(range: usize, table: usize, relations: usize) -> usize {
    range * (relations + 1) + table
}

/// Links what validation kept.
///
/// # Errors
/// [`crate::Error::Cancelled`] soon after [`Progress::cancel`], and failures of our own disk.
pub fn link(
    validated: Validated,
    judgement: Judgement<'_>,
    resources: &Resources,
    progress: &Progress,
) -> Result<Linked> {
    progress.enter(Stage::Link);
    let mut validated = validated;
    let faulty = validated.relations.iter_mut().map(|relation| std::mem::take(&mut relation.faulty)).collect();
    let mut facts = facts::find(&validated, faulty, judgement, resources, progress)?;
    validated.keys.clear();
    records::resolve(judgement.layout, &mut facts, progress)?;
    let rows: Vec<u64> = validated.relations.iter().map(|relation| relation.rows).collect();
    let accepted = records::cut(judgement.dictionary, judgement.layout, &facts, &rows, &resources.budget, progress)?;
    let schemas = Schemas::new(judgement);
    let done = distribute(&validated, &facts, &accepted, judgement, &schemas, resources, progress)?;
    Ok(linked(&validated, judgement, accepted, schemas, done))
}

fn linked(
    validated: &Validated,
    judgement: Judgement<'_>,
    accepted: Accepted,
    schemas: Schemas,
    done: Distributed,
) -> Linked {
    let ranges = accepted.ranges();
    let rows = accepted.counts;
    let relations = judgement.dictionary.relations.iter().zip(&validated.relations).zip(&rows);
    let relations = relations.map(|((relation, read), rows)| {
        let file = read.file.as_ref();
        RelationSummary {
            name: relation.name.clone(),
            file: file.map(|file| file.name.clone()),
            rows: *rows,
            assumptions: file.and_then(|file| file.assumptions.clone()),
            ignored_columns: file.map(|file| file.ignored.clone()).unwrap_or_default(),
            absent_columns: file.map(|file| file.absent.clone()).unwrap_or_default(),
        }
    });
    let empty = validated.relations.iter().filter(|relation| relation.rows == 0);
    let notes = empty.filter_map(|relation| Some(format!("{} has a header but no rows", relation.file.as_ref()?.name)));
    Linked {
        records: rows[judgement.layout.record],
        relations: relations.collect(),
        finding_counts: done.tally.counts(judgement),
        tally: done.tally,
        notes: notes.collect(),
        rows,
        schemas,
        ranges,
        tables: Arc::new(done.ranges),
        findings: Arc::new(done.findings),
    }
}

impl Linked {
    /// Number of ranges, the same for the same upload whatever the number of threads. Every range has a record.
    pub fn ranges(&self) -> usize {
        self.ranges
    }

    /// Reads one range; from any thread. A table is one batch, or none when it has no rows.
    ///
    /// # Errors
    /// When a scratch file cannot be read.
    pub fn range(&self, range: usize) -> Result<RecordRange> {
        let relations = self.schemas.tables.len();
        let table = |(relation, schema)| {
            let table = self.table(bucket(range, relation, relations), schema)?;
            Ok(if table.num_rows() == 0 { Vec::new() } else { vec![table] })
        };
        let tables = self.schemas.tables.iter().enumerate().map(table).collect::<Result<_>>()?;
        let records = self.table(bucket(range, relations, relations), &self.schemas.records)?;
        Ok(RecordRange { tables, records })
    }

    /// The pieces of a table as one batch, so that what follows cannot depend on how they were cut.
    fn table(&self, bucket: usize, schema: &SchemaRef) -> Result<RecordBatch> {
        let mut reader = BlockReader::new(Arc::clone(&self.tables), bucket);
        let mut pieces = Vec::new();
        while let Some(piece) = reader.next_batch()? {
            pieces.push(piece);
        }
        Ok(match pieces.len() {
            1 => pieces.remove(0),
            _ => concat_batches(schema, &pieces)?,
        })
    }

    /// The rows of one relation in one range, as [`RecordRange::tables`] has them.
    ///
    /// # Errors
    /// When a scratch file cannot be read.
    pub fn rows_of(&self, range: usize, relation: usize) -> Result<RecordBatch> {
        self.table(bucket(range, relation, self.schemas.tables.len()), &self.schemas.tables[relation])
    }

    /// The schema of the rows of a relation.
    pub fn rows_schema(&self, relation: usize) -> &SchemaRef {
        &self.schemas.tables[relation]
    }

    /// The columns of a batch of findings: `relation`, `row` (UInt64, the header is row 1), the fields of the record's
    /// key as uploaded, `field`, `code`, `severity`, `value` (as uploaded), `message`; all but `row` are Utf8View.
    pub fn findings_schema(&self) -> SchemaRef {
        Arc::clone(&self.schemas.findings)
    }

    /// All findings in the order of the results: by relation, row, code and field.
    pub fn findings(&self) -> Findings {
        Findings { spool: Arc::clone(&self.findings), relations: self.schemas.tables.len(), next: 0, reader: None }
    }
}

/// Goes through all findings, a batch at a time. Where batches end says nothing.
#[derive(Debug)]
pub struct Findings {
    spool: Arc<Spool>,
    relations: usize,
    next: usize,
    reader: Option<BlockReader>,
}

impl Iterator for Findings {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(batch) = self.reader.as_mut().and_then(|reader| reader.next_batch().transpose()) {
                return Some(batch);
            }
            if self.next == self.relations {
                return None;
            }
            self.reader = Some(BlockReader::new(Arc::clone(&self.spool), self.next));
            self.next += 1;
        }
    }
}
