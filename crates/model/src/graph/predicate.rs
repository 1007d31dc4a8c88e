//! Predicates of trees, segments and scorecards, with three truth values: a missing field makes a comparison unknown.

use crate::linear::key;

#[derive(Debug, Clone)]
pub(crate) enum Predicate {
    True,
    False,
    /// A field against a number, or a symbol (equal and not equal only).
    Compare(usize, Compare, f64),
    IsMissing(usize),
    IsNotMissing(usize),
    /// The field is one of some values ([`key`]s, ascending), or none of them.
    In {
        field: usize,
        keys: Vec<u64>,
        is_in: bool,
    },
    And(Vec<Predicate>),
    Or(Vec<Predicate>),
    Xor(Vec<Predicate>),
    /// The first that is known.
    Surrogate(Vec<Predicate>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compare {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Predicate {
    /// Nothing when it is unknown.
    pub(crate) fn test(&self, fields: &[f64]) -> Option<bool> {
        let present = |field: &usize| Some(fields[*field]).filter(|x| !x.is_nan());
        match self {
            Self::True => Some(true),
            Self::False => Some(false),
            Self::Compare(field, compare, value) => present(field).map(|x| match compare {
                Compare::Equal => x == *value,
                Compare::NotEqual => x != *value,
                Compare::Less => x < *value,
                Compare::LessOrEqual => x <= *value,
                Compare::Greater => x > *value,
                Compare::GreaterOrEqual => x >= *value,
            }),
            Self::IsMissing(field) => Some(fields[*field].is_nan()),
            Self::IsNotMissing(field) => Some(!fields[*field].is_nan()),
            Self::In { field, keys, is_in } => present(field).map(|x| keys.binary_search(&key(x)).is_ok() == *is_in),
            Self::And(parts) => decided(parts, fields, false),
            Self::Or(parts) => decided(parts, fields, true),
            Self::Xor(parts) => {
                let mut odd = false;
                for part in parts {
                    odd ^= part.test(fields)?;
                }
                Some(odd)
            }
            Self::Surrogate(parts) => parts.iter().find_map(|part| part.test(fields)),
        }
    }

    /// Predicates and values that it is made of.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::In { keys, .. } => 1 + keys.len(),
            Self::And(parts) | Self::Or(parts) | Self::Xor(parts) | Self::Surrogate(parts) => {
                1 + parts.iter().map(Self::size).sum::<usize>()
            }
            _ => 1,
        }
    }

    /// Call `each` with every field it reads, in the order of the file.
    pub(crate) fn reads(&self, each: &mut impl FnMut(usize)) {
        match self {
            Self::True | Self::False => {}
            Self::Compare(field, ..) | Self::IsMissing(field) | Self::IsNotMissing(field) => each(*field),
            Self::In { field, .. } => each(*field),
            Self::And(parts) | Self::Or(parts) | Self::Xor(parts) | Self::Surrogate(parts) => {
                parts.iter().for_each(|part| part.reads(each));
            }
        }
    }
}

/// One part that is `decisive` decides; else an unknown part leaves all unknown.
fn decided(parts: &[Predicate], fields: &[f64], decisive: bool) -> Option<bool> {
    let mut known = true;
    for part in parts {
        match part.test(fields) {
            Some(truth) if truth == decisive => return Some(decisive),
            Some(_) => {}
            None => known = false,
        }
    }
    known.then_some(!decisive)
}
