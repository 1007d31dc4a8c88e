//! What is wrong with single rows, as validation notes it: everything a finding needs but its texts and its severity.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringViewArray, UInt8Array, UInt32Array, UInt64Array};
use arrow::datatypes::{UInt8Type, UInt32Type, UInt64Type};
use bordereau_base::cell::Violation;
use bordereau_base::finding::{FindingCode, Severity};

use super::Judgement;
use crate::error::{Error, Result};

/// One fault of one row of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The row's place in the block.
    pub at: u32,
    /// The field at fault; absent when the whole row is.
    pub field: Option<u32>,
    /// What is wrong.
    pub kind: FaultKind,
    /// The cell as uploaded, where there is one and it is not empty.
    pub value: Option<Box<str>>,
}

/// What is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// A value breaks a rule of its field.
    Cell(Violation),
    /// Another row has the same key (index of the key set); the other's row number.
    Repeated(u32, u64),
    /// No parent has the key of this reference.
    NoParent(u32),
    /// The row has no key for this reference, which should lead it to its record.
    NoKey(u32),
    /// No child refers to this row by this reference.
    NoChild(u32),
    /// The rule of this index is broken.
    Rule(u32),
    /// The rule of this index could not be computed.
    RuleFailed(u32),
    /// The row has so many values and the header so many names.
    Ragged(u32, u32),
    /// The row holds bytes that are not text.
    Undecodable,
}

impl FaultKind {
    /// The kind without what differs from row to row, so that faults with the same reason can be counted together.
    pub fn without_detail(self) -> Self {
        match self {
            Self::Repeated(set, _) => Self::Repeated(set, 0),
            Self::Ragged(..) => Self::Ragged(0, 0),
            kind => kind,
        }
    }

    /// The code of its finding.
    pub fn code(self) -> FindingCode {
        match self {
            Self::Cell(violation) => violation.code(),
            Self::Repeated(..) => FindingCode::UniqueKey,
            Self::NoParent(_) | Self::NoKey(_) | Self::NoChild(_) => FindingCode::ForeignKey,
            Self::Rule(_) | Self::RuleFailed(_) => FindingCode::Dependency,
            Self::Ragged(..) => FindingCode::RaggedRow,
            Self::Undecodable => FindingCode::Encoding,
        }
    }
}

impl Fault {
    /// The order in which faults are reported: by row, then code, then field; what shares all three stays as it was
    /// made.
    pub fn order(&self) -> (u32, FindingCode, Option<u32>, FaultKind) {
        (self.at, self.kind.code(), self.field, self.kind)
    }

    /// Whether it keeps the record from being scored.
    pub fn severity(&self, judgement: Judgement<'_>, relation: usize) -> Severity {
        let Judgement { layout, rules, .. } = judgement;
        let warned = |relation: usize, fields: &[usize]| {
            let all = fields.iter().all(|field| layout.relations[relation].warnings[*field]);
            if all { Severity::Warning } else { Severity::Error }
        };
        match self.kind {
            FaultKind::Cell(_) => warned(relation, self.field.map(|field| field as usize).as_slice()),
            FaultKind::Rule(rule) | FaultKind::RuleFailed(rule) => rules[rule as usize].severity,
            FaultKind::Repeated(set, _) => warned(relation, &layout.key_sets[set as usize].fields),
            FaultKind::NoParent(reference) => match &layout.references[reference as usize] {
                // Without its record a row cannot be scored.
                reference if reference.leads_to_record => Severity::Error,
                reference => warned(relation, &layout.key_sets[reference.child].fields),
            },
            FaultKind::NoKey(_) | FaultKind::NoChild(_) | FaultKind::Ragged(..) | FaultKind::Undecodable => {
                Severity::Error
            }
        }
    }
}

/// Faults found by validation as a batch, to be kept in a scratch file.
///
/// # Errors
/// When Arrow cannot make the batch.
pub fn to_batch(faults: &[Fault]) -> Result<RecordBatch> {
    let (kinds, details): (Vec<u8>, Vec<u64>) = faults.iter().map(|fault| parts(fault.kind)).unzip();
    let columns: [(&str, ArrayRef); 5] = [
        ("at", Arc::new(UInt32Array::from_iter_values(faults.iter().map(|fault| fault.at)))),
        ("field", Arc::new(UInt32Array::from_iter(faults.iter().map(|fault| fault.field)))),
        ("kind", Arc::new(UInt8Array::from(kinds))),
        ("detail", Arc::new(UInt64Array::from(details))),
        ("value", Arc::new(StringViewArray::from_iter(faults.iter().map(|fault| fault.value.as_deref())))),
    ];
    Ok(RecordBatch::try_from_iter(columns)?)
}

/// The faults of a batch that [`to_batch`] made.
///
/// # Errors
/// When it is not such a batch.
pub fn from_batch(batch: &RecordBatch) -> Result<Vec<Fault>> {
    let wrong = || Error::Io(std::io::ErrorKind::InvalidData.into());
    let [at, field, kind, detail, value] = batch.columns() else { return Err(wrong()) };
    let at = at.as_primitive_opt::<UInt32Type>().ok_or_else(wrong)?;
    let field = field.as_primitive_opt::<UInt32Type>().ok_or_else(wrong)?;
    let kind = kind.as_primitive_opt::<UInt8Type>().ok_or_else(wrong)?;
    let detail = detail.as_primitive_opt::<UInt64Type>().ok_or_else(wrong)?;
    let value = value.as_string_view_opt().ok_or_else(wrong)?;
    (0..batch.num_rows())
        .map(|row| {
            Ok(Fault {
                at: at.value(row),
                field: field.is_valid(row).then(|| field.value(row)),
                kind: from_parts(kind.value(row), detail.value(row)).ok_or_else(wrong)?,
                value: value.is_valid(row).then(|| value.value(row).into()),
            })
        })
        .collect()
}

/// Numbers for the kinds that validation finds; those over all rows are found later and never written.
fn parts(kind: FaultKind) -> (u8, u64) {
    match kind {
        FaultKind::Cell(violation) => (0, violation as u64),
        FaultKind::Rule(rule) => (1, rule.into()),
        FaultKind::RuleFailed(rule) => (2, rule.into()),
        FaultKind::Ragged(found, expected) => (3, u64::from(found) << 32 | u64::from(expected)),
        FaultKind::Undecodable => (4, 0),
        FaultKind::Repeated(..) | FaultKind::NoParent(_) | FaultKind::NoKey(_) | FaultKind::NoChild(_) => (u8::MAX, 0),
    }
}

fn from_parts(kind: u8, detail: u64) -> Option<FaultKind> {
    Some(match kind {
        0 => FaultKind::Cell(*Violation::ALL.get(detail as usize)?),
        1 => FaultKind::Rule(detail as u32),
        2 => FaultKind::RuleFailed(detail as u32),
        3 => FaultKind::Ragged((detail >> 32) as u32, detail as u32),
        4 => FaultKind::Undecodable,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_back_as_they_were() {
        let kinds = Violation::ALL.map(FaultKind::Cell).into_iter().chain([
            FaultKind::Rule(7),
            FaultKind::RuleFailed(u32::MAX),
            FaultKind::Ragged(3, 70_000),
            FaultKind::Undecodable,
        ]);
        let fault = |(at, kind)| Fault {
            at,
            field: (at % 2 == 0).then_some(at * 3),
            kind,
            value: (at % 3 == 0).then(|| format!("a value that is long: {at}").into()),
        };
        let faults: Vec<Fault> = (0..).zip(kinds).map(fault).collect();
        assert_eq!(from_batch(&to_batch(&faults).unwrap()).unwrap(), faults);
        assert_eq!(from_batch(&to_batch(&[]).unwrap()).unwrap(), []);
    }
}
