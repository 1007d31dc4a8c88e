//! From faults to findings: the words, the severity and the record's key.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringViewArray, StringViewBuilder, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bordereau_base::cell::{CellRules, Violation};
use bordereau_base::finding::Severity;

use crate::error::Result;
use crate::stages::validate::Judgement;
use crate::stages::validate::block::quoted;
use crate::stages::validate::faults::{Fault, FaultKind};
use crate::stages::validate::header::listed;
use crate::summary::FindingCount;

/// Most findings of one batch.
const BATCH_FINDINGS: usize = 1 << 14;

/// How many findings there are of each relation, field, reason and severity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<Kind, u64>);

/// Relation, field, kind without detail and severity of findings that are counted together.
type Kind = (usize, Option<u32>, FaultKind, Severity);

/// Findings with the same reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Index of the relation.
    pub relation: usize,
    /// Index of the field (the first one of a key or rule); absent when the whole row is at fault.
    pub field: Option<usize>,
    /// What is wrong, without what differs from row to row.
    pub kind: FaultKind,
    /// Whether it keeps records from being scored.
    pub severity: Severity,
    /// One sentence, without a value.
    pub sentence: String,
    /// How many. No row has two of them.
    pub count: u64,
}

impl Tally {
    /// Adds those of another.
    pub fn add(&mut self, other: &Self) {
        other.0.iter().for_each(|(kind, count)| *self.0.entry(*kind).or_default() += count);
    }

    /// By code, in the order of relation, field (whole rows first), code and severity.
    pub fn counts(&self, judgement: Judgement<'_>) -> Vec<FindingCount> {
        let mut counts = BTreeMap::new();
        for ((relation, field, kind, severity), count) in &self.0 {
            *counts.entry((*relation, *field, kind.code(), *severity)).or_default() += count;
        }
        let named = |((relation, field, code, severity), count): ((usize, Option<u32>, _, _), u64)| {
            let relation = &judgement.dictionary.relations[relation];
            let field = field.map(|field| relation.fields[field as usize].name.clone());
            FindingCount { relation: relation.name.clone(), field, code, severity, count }
        };
        counts.into_iter().map(named).collect()
    }

    /// By reason, in the order of relation and field (whole rows first).
    pub fn reasons(&self, judgement: Judgement<'_>) -> Vec<Reason> {
        let relations = 0..judgement.dictionary.relations.len();
        let wordings: Vec<_> = relations.map(|relation| Wording::new(judgement, relation)).collect();
        let reason = |(&(relation, field, kind, severity), &count): (&Kind, &u64)| Reason {
            relation,
            field: field.map(|field| field as usize),
            kind,
            severity,
            sentence: wordings[relation].reason(kind, field),
            count,
        };
        self.0.iter().map(reason).collect()
    }
}

/// The columns of a batch of findings: `relation`, `row`, the fields of the record's key, `field`, `code`, `severity`,
/// `value`, `message`. All are texts (Utf8View) but `row` (UInt64).
pub fn schema(judgement: Judgement<'_>) -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8View, true);
    let record = &judgement.dictionary.relations[judgement.layout.record];
    let mut fields = vec![text("relation"), Field::new("row", DataType::UInt64, false)];
    fields.extend(record.primary_key.iter().map(|field| text(&record.fields[*field].name)));
    fields.extend(["field", "code", "severity", "value", "message"].map(text));
    Arc::new(Schema::new(fields))
}

/// What is said of the faults of one relation.
#[derive(Debug)]
pub struct Wording<'a> {
    judgement: Judgement<'a>,
    relation: usize,
    sentences: Vec<[String; Violation::ALL.len()]>,
}

impl<'a> Wording<'a> {
    /// Prepares the sentences of a relation.
    pub fn new(judgement: Judgement<'a>, relation: usize) -> Self {
        let sentences = judgement.dictionary.relations[relation].fields.iter().map(|field| {
            let rules = CellRules::new(field);
            Violation::ALL.map(|violation| format!("{} {}", field.name, rules.sentence(violation)))
        });
        Self { judgement, relation, sentences: sentences.collect() }
    }

    /// Findings from the faults of a block, in their order. `texts` are the columns `layout.texts` of the block.
    ///
    /// # Errors
    /// When Arrow cannot make a batch.
    pub fn batches(
        &self,
        schema: &SchemaRef,
        faults: &[Fault],
        row_numbers: &[u64],
        texts: &[StringViewArray],
    ) -> Result<(Vec<RecordBatch>, Tally)> {
        let mut tally = Tally::default();
        for fault in faults {
            let severity = fault.severity(self.judgement, self.relation);
            *tally.0.entry((self.relation, fault.field, fault.kind.without_detail(), severity)).or_default() += 1;
        }
        let batch = |faults| self.batch(schema, faults, row_numbers, texts);
        Ok((faults.chunks(BATCH_FINDINGS).map(batch).collect::<Result<_>>()?, tally))
    }

    fn batch(
        &self,
        schema: &SchemaRef,
        faults: &[Fault],
        row_numbers: &[u64],
        texts: &[StringViewArray],
    ) -> Result<RecordBatch> {
        let relation = &self.judgement.dictionary.relations[self.relation];
        let layout = &self.judgement.layout.relations[self.relation];
        let rows = faults.iter().map(|fault| row_numbers[fault.at as usize]);
        let field = |fault: &Fault| fault.field.map(|field| relation.fields[field as usize].name.as_str());
        let severity = |fault: &Fault| Some(fault.severity(self.judgement, self.relation).as_str());
        let mut columns: Vec<ArrayRef> =
            vec![texts_of(faults, |_| Some(relation.name.as_str())), Arc::new(UInt64Array::from_iter_values(rows))];
        columns.extend(layout.record_key.iter().map(|key| {
            let place = key.and_then(|field| layout.texts.binary_search(&field).ok());
            texts_of(faults, |fault| {
                let at = fault.at as usize;
                place.map(|place| &texts[place]).filter(|texts| texts.is_valid(at)).map(|texts| quoted(texts.value(at)))
            })
        }));
        columns.push(texts_of(faults, field));
        columns.push(texts_of(faults, |fault| Some(fault.kind.code().as_str())));
        columns.push(texts_of(faults, severity));
        columns.push(texts_of(faults, |fault| fault.value.as_deref()));
        columns.push(self.messages(faults));
        Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
    }

    fn messages(&self, faults: &[Fault]) -> ArrayRef {
        let mut messages = StringViewBuilder::with_capacity(faults.len()).with_deduplicate_strings();
        for fault in faults {
            match (fault.kind, fault.field) {
                (FaultKind::Cell(violation), Some(field)) => {
                    messages.append_value(&self.sentences[field as usize][violation as usize]);
                }
                _ => messages.append_value(self.message(fault.kind)),
            }
        }
        Arc::new(messages.finish())
    }

    /// The sentence of all faults of a kind, as far as it is the same for all rows.
    fn reason(&self, kind: FaultKind, field: Option<u32>) -> String {
        match (kind, field) {
            (FaultKind::Cell(violation), Some(field)) => self.sentences[field as usize][violation as usize].clone(),
            (FaultKind::Repeated(set, _), _) => format!("{} must not repeat", self.key_fields(set as usize)),
            (FaultKind::Ragged(..), _) => "the row has more or fewer values than the header has names".to_owned(),
            _ => self.message(kind),
        }
    }

    /// The names of the fields of a key set.
    fn key_fields(&self, set: usize) -> String {
        let set = &self.judgement.layout.key_sets[set];
        let relation = &self.judgement.dictionary.relations[set.relation];
        listed(&set.fields.iter().map(|field| relation.fields[*field].name.clone()).collect::<Vec<_>>())
    }

    /// The sentence of a fault that is not of one cell.
    fn message(&self, kind: FaultKind) -> String {
        let Judgement { dictionary, layout, rules } = self.judgement;
        let reference = |index: u32| &layout.references[index as usize];
        let fields = |set: usize| self.key_fields(set);
        let relation = |set: usize| &dictionary.relations[layout.key_sets[set].relation].name;
        match kind {
            FaultKind::Cell(violation) => format!("the value breaks the rule {violation:?}"),
            FaultKind::Repeated(set, other) => {
                format!("{} must not repeat, and row {other} has the same", fields(set as usize))
            }
            FaultKind::NoParent(index) => {
                let parent = reference(index).parent;
                format!("{} has no row with this {}", relation(parent), fields(parent))
            }
            FaultKind::NoKey(index) => {
                let reference = reference(index);
                format!("without {} the row belongs to no {}", fields(reference.child), relation(reference.parent))
            }
            FaultKind::NoChild(index) => {
                let child = reference(index).child;
                format!("{} has no row with this {}, and at least one is needed", relation(child), fields(child))
            }
            FaultKind::Rule(rule) => rules[rule as usize].sentence.clone(),
            FaultKind::RuleFailed(rule) => {
                format!("{} (this could not be computed for the row)", rules[rule as usize].sentence)
            }
            FaultKind::Ragged(found, expected) => {
                let values = if found == 1 { "value" } else { "values" };
                format!("the row has {found} {values}, but the header has {expected} names")
            }
            FaultKind::Undecodable => "the row holds bytes that are not text in the encoding of the file".to_owned(),
        }
    }
}

/// A column of short texts, each kept once.
fn texts_of<'f, 't>(faults: &'f [Fault], text: impl Fn(&'f Fault) -> Option<&'t str>) -> ArrayRef {
    let mut texts = StringViewBuilder::with_capacity(faults.len()).with_deduplicate_strings();
    faults.iter().for_each(|fault| texts.append_option(text(fault)));
    Arc::new(texts.finish())
}
