//! The second reading of all rows: the accepted ones go to the range of their record, the faults become findings.
//!
//! One thread reads neighbouring blocks of a relation as they lie in the scratch file, with the record of each row and
//! what keys say of them; workers take a run of blocks apart by range; the calling thread appends the pieces to the
//! buckets of their ranges, in the order of the files.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringViewArray};
use arrow::compute::interleave;
use arrow::datatypes::{SchemaRef, UInt64Type};
use bordereau_base::ordered;

use super::facts::{DenseReader, Facts, KeyFacts, NO_KEY, NO_PARENT, SparseReader, known_record};
use super::findings::{Tally, Wording, schema as findings_schema};
use super::records::{Accepted, way_up};
use super::{Schemas, bucket};
use crate::blocks::{self, BlockReader};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::spool::Spool;
use crate::stages::resources::Resources;
use crate::stages::validate::block::uploaded;
use crate::stages::validate::faults::{self, Fault, FaultKind};
use crate::stages::validate::{BlockSize, Judgement, Validated};

/// What the second reading gives.
#[derive(Debug)]
pub struct Distributed {
    /// Pieces of tables, see [`bucket`].
    pub ranges: Spool,
    /// Findings of relation `r` in bucket `r`.
    pub findings: Spool,
    /// How many findings of each kind.
    pub tally: Tally,
}

/// Reads all rows again.
///
/// # Errors
/// [`Error::Cancelled`], and when scratch files cannot be read or written.
pub fn distribute(
    validated: &Validated,
    facts: &KeyFacts,
    accepted: &Accepted,
    judgement: Judgement<'_>,
    schemas: &Schemas,
    resources: &Resources,
    progress: &Progress,
) -> Result<Distributed> {
    let gathered = resources.budget.gathered_bytes_max;
    let mut out = Distributed {
        ranges: Spool::create(&resources.scratch, gathered)?,
        findings: Spool::create(&resources.scratch, gathered)?,
        tally: Tally::default(),
    };
    let relations = judgement.dictionary.relations.len();
    let wordings: Vec<_> = (0..relations).map(|relation| Wording::new(judgement, relation)).collect();
    let findings_schema = findings_schema(judgement);
    let mut reading = (0..relations).map(|relation| Reading::new(validated, facts, judgement, relation));
    let mut open = reading.next();
    let source = || {
        while let Some(relation) = &mut open {
            progress.check()?;
            match relation.next_run(resources.budget.run_bytes)? {
                Some(run) => return Ok(Some(run)),
                None => open = reading.next(),
            }
        }
        Ok(None)
    };
    let worker = || {
        |run: Run| {
            let sorter = Sorter { judgement, accepted, schemas, relation: run.relation };
            sorter.take_apart(run, &wordings[sorter.relation], &findings_schema)
        }
    };
    ordered::run("link", resources.threads, source, worker, |apart: Apart| {
        progress.check()?;
        out.tally.add(&apart.tally);
        apart.findings.iter().try_for_each(|batch| out.findings.append(apart.relation, batch))?;
        apart.pieces.iter().try_for_each(|(bucket, piece)| out.ranges.append(*bucket, piece))?;
        Ok(())
    })?;
    progress.records_total.store(accepted.counts[judgement.layout.record].scored, Ordering::Relaxed);
    out.ranges.seal()?;
    out.findings.seal()?;
    Ok(out)
}

/// Neighbouring blocks of one relation, as they lie in the scratch file.
struct Run {
    relation: usize,
    blocks: Vec<StoredBlock>,
}

struct StoredBlock {
    rows: Vec<u8>,
    faults: Vec<Vec<u8>>,
    /// The record of each row, or why it has none.
    records: Vec<u64>,
    /// What keys and references say of rows.
    key_faults: Vec<Fault>,
}

/// Reads the blocks of one relation in order.
struct Reading<'a> {
    judgement: Judgement<'a>,
    relation: usize,
    sizes: std::slice::Iter<'a, BlockSize>,
    place: u64,
    rows: BlockReader,
    faults: BlockReader,
    records: Option<DenseReader<'a>>,
    keys: Vec<KeyReader<'a>>,
}

/// Reads one kind of fault that a key or reference found.
struct KeyReader<'a> {
    facts: SparseReader<'a>,
    field: usize,
    kind: fn(usize, u64) -> FaultKind,
    index: usize,
}

impl<'a> Reading<'a> {
    fn new(validated: &'a Validated, facts: &'a KeyFacts, judgement: Judgement<'a>, relation: usize) -> Self {
        let reader = |bucket| BlockReader::new(Arc::clone(&validated.blocks), bucket);
        Self {
            judgement,
            relation,
            sizes: validated.relations[relation].blocks.iter(),
            place: 0,
            rows: reader(2 * relation),
            faults: reader(2 * relation + 1),
            records: facts.records[relation].as_ref().map(|records| DenseReader::new(records, NO_KEY)),
            keys: key_readers(facts, judgement, relation),
        }
    }

    /// The next blocks, up to about `run_bytes`.
    fn next_run(&mut self, run_bytes: usize) -> Result<Option<Run>> {
        let mut blocks = Vec::new();
        let mut bytes = 0;
        while bytes < run_bytes || blocks.is_empty() {
            let Some(size) = self.sizes.next() else { break };
            let block = self.next_block(*size)?;
            bytes += block.rows.len() + block.faults.iter().map(Vec::len).sum::<usize>();
            blocks.push(block);
        }
        Ok((!blocks.is_empty()).then_some(Run { relation: self.relation, blocks }))
    }

    fn next_block(&mut self, size: BlockSize) -> Result<StoredBlock> {
        let early_end = || Error::Io(std::io::ErrorKind::UnexpectedEof.into());
        let rows = self.rows.next_bytes()?.ok_or_else(early_end)?;
        let faults = (0..size.fault_batches).map(|_| self.faults.next_bytes()?.ok_or_else(early_end));
        let faults = faults.collect::<Result<_>>()?;
        let (first, end) = (self.place, self.place + u64::from(size.rows));
        self.place = end;
        let records = if self.relation == self.judgement.layout.record {
            (first..end).collect()
        } else {
            let mut record = |place| self.records.as_mut().map_or(Ok(NO_KEY), |records| records.value(place));
            (first..end).map(&mut record).collect::<Result<_>>()?
        };
        let mut key_faults = Vec::new();
        for key in &mut self.keys {
            key.facts.before(end, |place, value| {
                let kind = (key.kind)(key.index, value);
                let at = (place - first) as u32;
                key_faults.push(Fault { at, field: Some(key.field as u32), kind, value: None });
            })?;
        }
        Ok(StoredBlock { rows, faults, records, key_faults })
    }
}

fn key_readers<'a>(facts: &'a KeyFacts, judgement: Judgement<'_>, relation: usize) -> Vec<KeyReader<'a>> {
    let layout = judgement.layout;
    let reader = |(index, (facts, set)): (usize, (&'a Option<Facts>, usize)), kind: fn(usize, u64) -> FaultKind| {
        let set = &layout.key_sets[set];
        let facts = facts.as_ref().filter(|_| set.relation == relation)?;
        Some(KeyReader { facts: SparseReader::new(facts), field: *set.fields.first()?, kind, index })
    };
    let repeats = facts.repeats.iter().zip(0..).enumerate();
    let orphans = facts.orphans.iter().zip(layout.references.iter().map(|reference| reference.child)).enumerate();
    let childless = facts.childless.iter().zip(layout.references.iter().map(|reference| reference.parent)).enumerate();
    repeats
        .filter_map(|set| reader(set, |set, other| FaultKind::Repeated(set as u32, other)))
        .chain(orphans.filter_map(|set| reader(set, |index, _| FaultKind::NoParent(index as u32))))
        .chain(childless.filter_map(|set| reader(set, |index, _| FaultKind::NoChild(index as u32))))
        .collect()
}

/// A run taken apart.
struct Apart {
    relation: usize,
    pieces: Vec<(usize, Vec<u8>)>,
    findings: Vec<Vec<u8>>,
    tally: Tally,
}

struct Sorter<'a> {
    judgement: Judgement<'a>,
    accepted: &'a Accepted,
    schemas: &'a Schemas,
    relation: usize,
}

/// Where an accepted row goes and where it is in its run.
#[derive(Debug, Clone, Copy)]
struct Place {
    range: usize,
    block: usize,
    at: usize,
    record: u64,
}

impl Sorter<'_> {
    fn take_apart(&self, mut run: Run, wording: &Wording<'_>, schema: &SchemaRef) -> Result<Apart> {
        let rows = run.blocks.iter_mut().map(|block| std::mem::take(&mut block.rows));
        let blocks = rows.map(blocks::decode).collect::<Result<Vec<_>>>()?;
        let mut apart =
            Apart { relation: run.relation, pieces: Vec::new(), findings: Vec::new(), tally: Tally::default() };
        for (stored, block) in run.blocks.iter_mut().zip(&blocks) {
            let texts = self.texts(block);
            let faults = self.faults(stored, &texts)?;
            let numbers = block.column(0).as_primitive::<UInt64Type>().values();
            let (batches, tally) = wording.batches(schema, &faults, numbers, &texts)?;
            apart.tally.add(&tally);
            batches.iter().try_for_each(|batch| blocks::encode(batch).map(|batch| apart.findings.push(batch)))?;
        }
        let places = self.places(&run);
        for piece in places.chunk_by(|a, b| a.range == b.range) {
            self.add_piece(piece, &blocks, &mut apart.pieces)?;
        }
        Ok(apart)
    }

    /// The texts kept of a block: its last columns.
    fn texts(&self, block: &RecordBatch) -> Vec<StringViewArray> {
        let layout = &self.judgement.layout.relations[self.relation];
        block
            .columns()
            .iter()
            .skip(1 + layout.read.len())
            .filter_map(|text| text.as_string_view_opt().cloned())
            .collect()
    }

    /// All faults of a block, in the order in which they are reported.
    fn faults(&self, stored: &mut StoredBlock, texts: &[StringViewArray]) -> Result<Vec<Fault>> {
        let mut all = Vec::new();
        for batch in stored.faults.drain(..) {
            all.extend(faults::from_batch(&blocks::decode(batch)?)?);
        }
        let found = all.len();
        all.append(&mut stored.key_faults);
        self.add_recordless(stored, &mut all, found);
        if all.len() > found {
            all[found..].iter_mut().for_each(|fault| fault.value = self.key_value(fault, texts));
            all.sort_by_key(Fault::order);
        }
        Ok(all)
    }

    /// Adds the faults of rows that have no record. A row without a key says so only when nothing else was found that
    /// explains it: neither a fault of a value of the key nor a wrong number of values.
    fn add_recordless(&self, stored: &StoredBlock, all: &mut Vec<Fault>, found: usize) {
        let layout = self.judgement.layout;
        let Some(index) = way_up(layout, self.relation) else { return };
        let fields = &layout.key_sets[layout.references[index].child].fields;
        let explains = |fault: &Fault| match fault.kind {
            FaultKind::Ragged(..) => true,
            FaultKind::Cell(_) => fault.field.is_some_and(|field| fields.contains(&(field as usize))),
            _ => false,
        };
        for (at, record) in (0u32..).zip(&stored.records) {
            let kind = match *record {
                NO_PARENT => FaultKind::NoParent(index as u32),
                NO_KEY => FaultKind::NoKey(index as u32),
                _ => continue,
            };
            let first = all[..found].partition_point(|fault| fault.at < at);
            let explained = || all[first..found].iter().take_while(|fault| fault.at == at).any(explains);
            if *record == NO_PARENT || !explained() {
                all.push(Fault { at, field: fields.first().map(|field| *field as u32), kind, value: None });
            }
        }
    }

    /// The uploaded text of the field that a fault of a key names.
    fn key_value(&self, fault: &Fault, texts: &[StringViewArray]) -> Option<Box<str>> {
        let layout = &self.judgement.layout.relations[self.relation];
        let place = layout.texts.binary_search(&(fault.field? as usize)).ok()?;
        uploaded(texts.get(place)?, fault.at)
    }

    /// The accepted rows of a run by range, those of a range in the order of the file.
    fn places(&self, run: &Run) -> Vec<Place> {
        let mut places = Vec::new();
        for (block, stored) in run.blocks.iter().enumerate() {
            for (at, record) in stored.records.iter().enumerate() {
                let record = known_record(*record).and_then(|record| Some((record, self.accepted.range(record)?)));
                places.extend(record.map(|(record, range)| Place { range, block, at, record }));
            }
        }
        if !places.is_sorted_by_key(|place| place.range) {
            places.sort_by_key(|place| place.range);
        }
        places
    }

    /// Adds the rows of one range: the table that the feature query reads and, for records, the texts that are kept.
    fn add_piece(&self, piece: &[Place], blocks: &[RecordBatch], pieces: &mut Vec<(usize, Vec<u8>)>) -> Result<()> {
        let Some(range) = piece.first().map(|place| place.range) else { return Ok(()) };
        let layout = self.judgement.layout;
        let relations = layout.relations.len();
        let read = layout.relations[self.relation].read.len();
        let records: ArrayRef = Arc::new(Int64Array::from_iter_values(piece.iter().map(|place| place.record as i64)));
        let mut columns = (1..=read).map(|column| gathered(piece, blocks, column)).collect::<Result<Vec<_>>>()?;
        columns.push(Arc::clone(&records));
        let table = RecordBatch::try_new(Arc::clone(&self.schemas.tables[self.relation]), columns)?;
        pieces.push((bucket(range, self.relation, relations), blocks::encode(&table)?));
        if self.relation == layout.record {
            let texts = layout.relations[self.relation].texts.len();
            let texts = (0..texts).map(|text| gathered(piece, blocks, 1 + read + text));
            let columns = std::iter::once(Ok(records)).chain(texts).collect::<Result<Vec<_>>>()?;
            let kept = RecordBatch::try_new(Arc::clone(&self.schemas.records), columns)?;
            pieces.push((bucket(range, relations, relations), blocks::encode(&kept)?));
        }
        Ok(())
    }
}

/// One column of the rows at the places, without bytes of other rows.
fn gathered(places: &[Place], blocks: &[RecordBatch], column: usize) -> Result<ArrayRef> {
    let (Some(first), Some(last)) = (places.first(), places.last()) else {
        return Err(Error::Worker("link"));
    };
    let neighbours = first.block == last.block && last.at - first.at + 1 == places.len();
    let rows = if neighbours {
        blocks[first.block].column(column).slice(first.at, places.len())
    } else {
        let columns: Vec<&dyn Array> = blocks.iter().map(|block| block.column(column).as_ref()).collect();
        let indices: Vec<(usize, usize)> = places.iter().map(|place| (place.block, place.at)).collect();
        interleave(&columns, &indices)?
    };
    Ok(match rows.as_string_view_opt() {
        Some(texts) => Arc::new(texts.gc()),
        None => rows,
    })
}
