//! True and false.

use super::{ReadCell, Violation};
use crate::dictionary::{BooleanFormat, Constraints, Value};

/// Reads booleans by the texts that mean true and false.
#[derive(Debug, Clone)]
pub struct BooleanReader {
    true_values: Vec<Box<str>>,
    false_values: Vec<Box<str>>,
    members: Option<Vec<bool>>,
}

impl BooleanReader {
    pub(super) fn new(format: &BooleanFormat, constraints: &Constraints) -> Self {
        let texts = |list: &[String]| list.iter().map(|text| super::trim_blanks(text).into()).collect();
        let members = constraints.enumeration.as_ref().map(|list| {
            list.iter()
                .filter_map(|literal| match literal.value {
                    Value::Boolean(value) => Some(value),
                    _ => None,
                })
                .collect()
        });
        Self { true_values: texts(&format.true_values), false_values: texts(&format.false_values), members }
    }
}

impl ReadCell for BooleanReader {
    type Value = bool;

    #[inline]
    fn read(&self, text: &str) -> Result<bool, Violation> {
        let value = if self.true_values.iter().any(|known| **known == *text) {
            true
        } else if self.false_values.iter().any(|known| **known == *text) {
            false
        } else {
            return Err(Violation::Type);
        };
        match &self.members {
            Some(members) if !members.contains(&value) => Err(Violation::Enumeration),
            _ => Ok(value),
        }
    }
}
