//! From what was seen and counted to the part of the profile that says it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use bordereau_base::finding::Severity;
use bordereau_base::refusal::Refusal;
use bordereau_profile::document::{Against, AgainstColumn, AgainstStatus, RejectedRows};

use super::asked::Asked;
use super::lacking::{Seen, SeenFile};
use crate::release::Release;
use crate::release::table::{FieldRow, field_rows};
use crate::stages::link::findings::Reason;
use crate::stages::validate::faults::FaultKind;
use crate::stages::validate::header::{listed, must_be_there};
use crate::stages::validate::{Input, Judgement};
use crate::summary::Counts;

/// Characters of what a dictionary asks of a field; a long enumeration is cut.
const EXPECTED_CHARS_MAX: usize = 300;

/// What validating and linking gave.
#[derive(Debug)]
pub struct Checked {
    records: Counts,
    reasons: Vec<Reason>,
    /// Values that break the type or a constraint, by relation and field.
    values: BTreeMap<(usize, usize), u64>,
}

impl Checked {
    /// `reasons` are those of `judgement`.
    pub fn new(records: Counts, reasons: Vec<Reason>, judgement: Judgement<'_>) -> Self {
        let mut values = BTreeMap::new();
        for reason in &reasons {
            let Some(field) = reason.field else { continue };
            let is_own = match reason.kind {
                FaultKind::Cell(_) => true,
                FaultKind::Repeated(set, _) => judgement.layout.key_sets[set as usize].fields == [field],
                _ => false,
            };
            if is_own {
                *values.entry((reason.relation, field)).or_default() += reason.count;
            }
        }
        Self { records, reasons, values }
    }
}

/// The answer; `checked` is absent where a file could not be read as rows, and then there is a refusal.
pub fn report(asked: &Asked, refusal: Option<Refusal>, seen: &Seen, checked: Option<&Checked>) -> Against {
    let release = asked.release().as_ref();
    let records = checked.map(|checked| checked.records).unwrap_or_default();
    let accepted = if refusal.is_some() { 0 } else { records.scored };
    let rows = |severity| checked.map(|checked| rows_by_reason(release, &checked.reasons, severity));
    Against {
        refusal: refusal.map(|refusal| refusal.message),
        columns: columns(release, seen, checked),
        fits: accepted > 0,
        records_read: records.read,
        records_accepted: accepted,
        records_rejected: records.read - accepted,
        rejected_rows: rows(Severity::Error).unwrap_or_default(),
        warned_rows: rows(Severity::Warning).unwrap_or_default(),
        ..empty(asked)
    }
}

/// The answer when no file of the upload has the name of a relation; none when one has.
pub fn unrelated(input: Input<'_>, asked: &Asked) -> Option<Against> {
    let dictionary = &asked.release().dictionary;
    if input.stems().iter().any(|(_, stem)| dictionary.relation_index(stem).is_some()) {
        return None;
    }
    let names: Vec<String> = dictionary.relations.iter().map(|relation| relation.name.clone()).collect();
    let message = format!("no file is named after a relation of the solution, which has {}", listed(&names));
    Some(Against { refusal: Some(message), ..empty(asked) })
}

fn empty(asked: &Asked) -> Against {
    let manifest = &asked.release().manifest;
    Against {
        solution: manifest.solution.to_string(),
        submission: asked.submission().to_string(),
        release: manifest.version.to_string(),
        fits: false,
        refusal: None,
        columns: Vec::new(),
        records_read: 0,
        records_accepted: 0,
        records_rejected: 0,
        rejected_rows: Vec::new(),
        warned_rows: Vec::new(),
    }
}

fn rows_by_reason(release: &Release, reasons: &[Reason], severity: Severity) -> Vec<RejectedRows> {
    let row = |reason: &Reason| {
        let relation = &release.dictionary.relations[reason.relation];
        RejectedRows {
            code: reason.kind.code().as_str().to_owned(),
            relation: relation.name.clone(),
            field: reason.field.map(|field| relation.fields[field].name.clone()).unwrap_or_default(),
            reason: reason.sentence.clone(),
            rows: reason.count,
        }
    };
    let mut rows: Vec<_> = reasons.iter().filter(|reason| reason.severity == severity).map(row).collect();
    // Stable: equal numbers stay in the order of the dictionary.
    rows.sort_by_key(|row| Reverse(row.rows));
    rows
}

/// The fields in the order of the dictionary, then the columns that it does not know.
fn columns(release: &Release, seen: &Seen, checked: Option<&Checked>) -> Vec<AgainstColumn> {
    let mut words = field_rows(release).into_iter();
    let mut columns = Vec::new();
    for (at, relation) in release.dictionary.relations.iter().enumerate() {
        for field in 0..relation.fields.len() {
            let rejected = checked.map(|checked| checked.values.get(&(at, field)).copied().unwrap_or(0));
            columns.push(AgainstColumn {
                relation: relation.name.clone(),
                name: relation.fields[field].name.clone(),
                status: status(release, seen, (at, field), rejected),
                expected: words.next().map(|row| expected(&row)).unwrap_or_default(),
                values_rejected: rejected.unwrap_or(0),
            });
        }
    }
    for (relation, file) in release.dictionary.relations.iter().zip(&seen.0) {
        let SeenFile::Header { unknown, .. } = file else { continue };
        columns.extend(unknown.iter().map(|name| AgainstColumn {
            relation: relation.name.clone(),
            name: name.clone(),
            status: AgainstStatus::Unknown,
            expected: String::new(),
            values_rejected: 0,
        }));
    }
    columns
}

/// `rejected` are the values of the field that do not fit, absent when they were not read.
fn status(release: &Release, seen: &Seen, (at, field): (usize, usize), rejected: Option<u64>) -> AgainstStatus {
    let relation = &release.dictionary.relations[at];
    let is_needed = must_be_there(relation, &relation.fields[field]);
    match &seen.0[at] {
        SeenFile::Unread => AgainstStatus::NotChecked,
        SeenFile::NotSent if !release.layout.relations[at].required => AgainstStatus::Absent,
        SeenFile::Header { has, .. } if has[field] => match rejected {
            None => AgainstStatus::NotChecked,
            Some(0) => AgainstStatus::Fits,
            Some(_) => AgainstStatus::SomeRejected,
        },
        SeenFile::NotSent | SeenFile::Header { .. } if is_needed => AgainstStatus::Missing,
        SeenFile::NotSent | SeenFile::Header { .. } => AgainstStatus::Absent,
    }
}

fn expected(row: &FieldRow) -> String {
    let words = row.expected();
    match words.char_indices().nth(EXPECTED_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}
