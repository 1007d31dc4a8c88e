//! One block of one relation: checked, typed, hashed, and turned into the bytes that scratch files take.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringViewArray, new_null_array};
use arrow::datatypes::{Field, Schema};
use bordereau_base::cell::CellRules;
use bordereau_base::finding::Severity;
use bordereau_files::intake::RawRows;

use super::Judgement;
use super::cells::{self, CheckedColumn, Keep};
use super::faults::{self, Fault, FaultKind};
use super::rules::{RelationRules, Verdict};
use crate::blocks;
use crate::error::Result;
use crate::keys::KeyHasher;
use crate::release::layout::column_type;

/// Most faults of one batch in a scratch file.
const BATCH_FAULTS: usize = 1 << 14;

/// All that is needed to check the blocks of one relation. Each worker has its own copy: compiled patterns are slower
/// when threads share them.
#[derive(Debug, Clone)]
pub struct RelationChecks<'a> {
    judgement: Judgement<'a>,
    relation: usize,
    cells: Vec<CellRules>,
    keep: Vec<Keep>,
    rules: RelationRules,
    hasher: KeyHasher,
}

/// A block after validation.
#[derive(Debug)]
pub struct CheckedBlock {
    /// Row number in the file of each row.
    pub row_numbers: Vec<u64>,
    /// The row numbers, the columns `layout.read` and the texts `layout.texts`, for the scratch file.
    pub rows: Vec<u8>,
    /// Its faults in batches for the scratch file.
    pub faults: Vec<Vec<u8>>,
    /// Places in the block of the rows with an error.
    pub faulty: Vec<u32>,
    /// Key sets (by index) with the hash of each row.
    pub hashes: Vec<(usize, Vec<Option<u128>>)>,
    /// Rows of a UTF-8 file that were read as Windows-1252.
    pub windows_1252_rows: u64,
}

impl<'a> RelationChecks<'a> {
    /// Compiles the checks of a relation.
    ///
    /// # Errors
    /// When a rule was not planned over the relation's fields.
    pub fn new(judgement: Judgement<'a>, relation: usize, hasher: KeyHasher) -> Result<Self> {
        let Judgement { dictionary, layout, rules } = judgement;
        let fields = &dictionary.relations[relation].fields;
        let rules = RelationRules::new(dictionary, relation, rules)?;
        let keys = layout.key_sets_of(relation).flat_map(|(_, set)| &set.fields);
        let kept: BTreeSet<usize> =
            keys.chain(&layout.relations[relation].read).chain(rules.fields()).copied().collect();
        let keep = |field: usize| if kept.contains(&field) { Keep::Typed } else { Keep::Nothing };
        Ok(Self {
            judgement,
            relation,
            cells: fields.iter().map(CellRules::new).collect(),
            keep: (0..fields.len()).map(keep).collect(),
            rules,
            hasher,
        })
    }

    /// Checks a block. `raw` has a column for each field; `columns` says which of them the file has.
    ///
    /// # Errors
    /// When Arrow cannot do a step.
    pub fn check(&self, raw: &RawRows, columns: &[Option<usize>]) -> Result<CheckedBlock> {
        let checked = self.check_columns(raw, columns)?;
        let typed = |fields: &[usize]| fields.iter().map(|field| self.typed(&checked, *field, raw.len())).collect();
        let mut faults = row_faults(raw);
        for (field, column) in (0u32..).zip(&checked) {
            let texts = &raw.columns[field as usize];
            faults.extend(column.faults.iter().map(|(at, violation)| Fault {
                at: *at,
                field: Some(field),
                kind: FaultKind::Cell(*violation),
                value: uploaded(texts, *at),
            }));
        }
        self.judge(raw, &checked, typed(self.rules.fields()), &mut faults)?;
        faults.sort_by_key(Fault::order);
        let layout = self.judgement.layout;
        let sets = layout.key_sets_of(self.relation);
        let hashes = sets.map(|(index, set)| (index, self.hasher.hash_rows(&typed(&set.fields)))).collect();
        let read = &layout.relations[self.relation].read;
        Ok(CheckedBlock {
            row_numbers: raw.row_numbers.values().to_vec(),
            rows: self.encoded(raw, typed(read))?,
            faults: encoded_faults(&faults)?,
            faulty: self.faulty(&faults),
            hashes,
            windows_1252_rows: raw.windows_1252_rows,
        })
    }

    fn check_columns(&self, raw: &RawRows, columns: &[Option<usize>]) -> Result<Vec<CheckedColumn>> {
        let fields = self.cells.iter().zip(&self.keep).zip(&raw.columns).zip(columns);
        fields
            .map(|(((rules, keep), texts), column)| match column {
                Some(_) => cells::check(texts, rules, *keep),
                None => Ok(CheckedColumn { typed: None, faults: Vec::new() }),
            })
            .collect()
    }

    /// The typed column of a field; all null where the file has none.
    fn typed(&self, checked: &[CheckedColumn], field: usize, rows: usize) -> ArrayRef {
        let kind = &self.judgement.dictionary.relations[self.relation].fields[field].kind;
        let absent = || new_null_array(&column_type(kind), rows);
        checked[field].typed.clone().unwrap_or_else(absent)
    }

    /// Adds the faults that rules find. A rule is not asked about a row with the wrong number of values, for there it
    /// is not known which value is whose, nor about a row where a value that it reads is at fault already.
    fn judge(
        &self,
        raw: &RawRows,
        checked: &[CheckedColumn],
        columns: Vec<ArrayRef>,
        faults: &mut Vec<Fault>,
    ) -> Result<()> {
        let rows = raw.row_numbers.values();
        let ragged: BTreeSet<u64> = raw.ragged.iter().map(|ragged| ragged.row).collect();
        let at_fault = |field: usize, at: u32| checked[field].faults.binary_search_by_key(&at, |(at, _)| *at).is_ok();
        let is_judged = |at: u32, fields: &[usize]| {
            !ragged.contains(&rows[at as usize]) && !fields.iter().any(|field| at_fault(*field, at))
        };
        self.rules.judge(columns, raw.len(), is_judged, |rule, at, verdict| {
            let field = self.judgement.rules[rule as usize].field;
            let kind = match verdict {
                Verdict::Broken => FaultKind::Rule(rule),
                Verdict::Failed => FaultKind::RuleFailed(rule),
            };
            faults.push(Fault { at, field: Some(field as u32), kind, value: uploaded(&raw.columns[field], at) });
        })
    }

    fn encoded(&self, raw: &RawRows, read: Vec<ArrayRef>) -> Result<Vec<u8>> {
        let numbers: ArrayRef = Arc::new(raw.row_numbers.clone());
        let texts = self.judgement.layout.relations[self.relation]
            .texts
            .iter()
            .map(|field| Arc::new(raw.columns[*field].clone()) as ArrayRef);
        let columns: Vec<ArrayRef> =
            std::iter::once(numbers).chain(read.into_iter().chain(texts).map(compact)).collect();
        blocks::encode(&unnamed(columns)?)
    }

    /// Places of the rows with an error.
    fn faulty(&self, faults: &[Fault]) -> Vec<u32> {
        let errors = faults.iter().filter(|fault| fault.severity(self.judgement, self.relation) == Severity::Error);
        let mut rows: Vec<u32> = errors.map(|fault| fault.at).collect();
        rows.dedup();
        rows
    }
}

/// Bytes of a cell that a finding quotes. A row may have many findings, and each has the key of its row: without a cap
/// a few long cells would make results many times as large as the upload.
const QUOTED_BYTES: usize = 1_024;

/// The part of a cell that a finding quotes: all of it, unless it is very long.
pub fn quoted(text: &str) -> &str {
    &text[..text.floor_char_boundary(QUOTED_BYTES)]
}

/// The cell as findings quote it, where there is one and it is not blank.
pub fn uploaded(texts: &StringViewArray, at: u32) -> Option<Box<str>> {
    let text = texts.is_valid(at as usize).then(|| texts.value(at as usize))?;
    (!text.trim_ascii().is_empty()).then(|| quoted(text).into())
}

/// Faults of whole rows.
fn row_faults(raw: &RawRows) -> Vec<Fault> {
    let rows = raw.row_numbers.values();
    let fault = |row: u64, kind| {
        let at = rows.binary_search(&row).ok()?;
        Some(Fault { at: at as u32, field: None, kind, value: None })
    };
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let ragged = raw
        .ragged
        .iter()
        .filter_map(|ragged| fault(ragged.row, FaultKind::Ragged(count(ragged.found), count(ragged.expected))));
    let undecodable = raw.undecodable.iter().filter_map(|row| fault(*row, FaultKind::Undecodable));
    ragged.chain(undecodable).collect()
}

fn encoded_faults(faults: &[Fault]) -> Result<Vec<Vec<u8>>> {
    faults.chunks(BATCH_FAULTS).map(|chunk| blocks::encode(&faults::to_batch(chunk)?)).collect()
}

/// Text views without the bytes they do not show.
fn compact(column: ArrayRef) -> ArrayRef {
    match column.as_string_view_opt() {
        Some(texts) => Arc::new(texts.gc()),
        None => column,
    }
}

/// A batch whose columns are known by their place.
fn unnamed(columns: Vec<ArrayRef>) -> Result<RecordBatch> {
    let field = |(at, column): (usize, &ArrayRef)| Field::new(at.to_string(), column.data_type().clone(), true);
    let schema = Schema::new(columns.iter().enumerate().map(field).collect::<Vec<_>>());
    Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
}
