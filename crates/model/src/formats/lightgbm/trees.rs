//! One tree's block of keys.

use super::invalid;
use super::lines::{Field, Keys};
use crate::Error;
use crate::forest::{Child, Leaf, LeafTerms, Split, Test, Tree};

pub(super) const KEYS: &[&str] = &[
    "num_leaves",
    "num_cat",
    "split_feature",
    "split_gain",
    "threshold",
    "decision_type",
    "left_child",
    "right_child",
    "leaf_value",
    "leaf_weight",
    "leaf_count",
    "internal_value",
    "internal_weight",
    "internal_count",
    "cat_boundaries",
    "cat_threshold",
    "is_linear",
    "leaf_const",
    "num_features",
    "leaf_features",
    "leaf_coeff",
    "shrinkage",
];

/// Bits of `decision_type`: what the split is and where missing values go. The two above tell what is missing.
const CATEGORICAL: u8 = 1;
const DEFAULT_LEFT: u8 = 2;

/// Read the block that begins at `line`.
pub(super) fn read(keys: &Keys<'_>, line: usize, inputs: usize, output: usize) -> Result<Tree, Error> {
    let field = keys.need("num_leaves")?;
    let leaves: usize = field.number()?;
    if leaves == 0 {
        return Err(field.invalid("0"));
    }
    let leaves = read_leaves(keys, leaves, inputs)?;
    let splits = match leaves.len() {
        1 => Vec::new(),
        leaves => read_splits(keys, leaves - 1)?,
    };
    match splits.iter().position(|split| split.input as usize >= inputs) {
        Some(at) => Err(invalid(line, format!("split {at} reads a feature that does not exist"))),
        None => Ok(Tree { splits, leaves, output }),
    }
}

fn read_splits(keys: &Keys<'_>, count: usize) -> Result<Vec<Split>, Error> {
    let features: Vec<u32> = keys.need("split_feature")?.array(count)?;
    let thresholds_field = keys.need("threshold")?;
    let thresholds: Vec<f64> = thresholds_field.array(count)?;
    let lefts: Vec<i32> = keys.need("left_child")?.array(count)?;
    let rights: Vec<i32> = keys.need("right_child")?.array(count)?;
    let kinds_field = keys.get("decision_type");
    let kinds: Vec<u8> = kinds_field.map_or_else(|| Ok(vec![0; count]), |field| field.array(count))?;
    let mut sets = Sets::read(keys)?;
    let mut splits = Vec::with_capacity(count);
    for at in 0..count {
        let test = if kinds[at] & CATEGORICAL != 0 {
            let words = sets.take(thresholds[at]).ok_or_else(|| {
                thresholds_field.invalid(format!("entry {} is not a set of categories of its own", at + 1))
            })?;
            Test::In { words, missing_left: false }
        } else {
            let field = kinds_field.as_ref().unwrap_or(&thresholds_field);
            at_most(kinds[at], thresholds[at]).ok_or_else(|| field.invalid(format!("entry {} is not valid", at + 1)))?
        };
        splits.push(Split { input: features[at], test, left: child(lefts[at]), right: child(rights[at]) });
    }
    Ok(splits)
}

/// The test of a numeric split; nothing when the bits or the threshold mean nothing.
fn at_most(kind: u8, threshold: f64) -> Option<Test> {
    let default_left = kind & DEFAULT_LEFT != 0;
    let (missing_left, zero_missing) = match kind >> 2 {
        // NaN is taken as 0.0.
        0 => (0.0 <= threshold, false),
        1 => (default_left, true),
        2 => (default_left, false),
        _ => return None,
    };
    (!threshold.is_nan()).then_some(Test::AtMost { threshold, missing_left, zero_missing })
}

fn child(number: i32) -> Child {
    match u32::try_from(number) {
        Ok(split) => Child::Split(split),
        Err(_) => Child::Leaf(!number as u32),
    }
}

/// The bit sets of a tree's categorical splits. Each belongs to one split, so they cannot make a small file large.
struct Sets {
    sets: Vec<Option<Vec<u32>>>,
}

impl Sets {
    fn read(keys: &Keys<'_>) -> Result<Self, Error> {
        let Some(field) = keys.get("cat_boundaries") else { return Ok(Self { sets: Vec::new() }) };
        let bounds: Vec<usize> = field.numbers()?;
        let words: Vec<u32> = keys.need("cat_threshold")?.numbers()?;
        let mut sets = Vec::with_capacity(bounds.len());
        for pair in bounds.windows(2) {
            let words = words.get(pair[0]..pair[1]).ok_or_else(|| field.invalid("does not fit cat_threshold"))?;
            sets.push(Some(words.to_vec()));
        }
        match bounds.first().copied().unwrap_or(0) == 0 && bounds.last().copied().unwrap_or(0) == words.len() {
            true => Ok(Self { sets }),
            false => Err(field.invalid("does not cover cat_threshold")),
        }
    }

    fn take(&mut self, number: f64) -> Option<Vec<u32>> {
        let at = number as usize;
        if at as f64 != number { None } else { self.sets.get_mut(at)?.take() }
    }
}

fn read_leaves(keys: &Keys<'_>, count: usize, inputs: usize) -> Result<Vec<Leaf>, Error> {
    let values = finite(&keys.need("leaf_value")?, count)?;
    // Old versions write no counts for a tree of one leaf.
    let covers: Vec<f64> = match keys.get("leaf_count") {
        Some(field) if count > 1 || !field.text.is_empty() => counts(&field, count)?,
        _ => vec![0.0; count],
    };
    let linear = match keys.get("is_linear").map(|field| field.number::<u8>().map(|flag| (field, flag))).transpose()? {
        None | Some((_, 0)) => None,
        Some((_, 1)) => Some(read_terms(keys, count, inputs)?),
        Some((field, _)) => return Err(field.invalid("neither 0 nor 1")),
    };
    let mut linear = linear.map(Vec::into_iter);
    let leaves = values.into_iter().zip(covers);
    Ok(leaves
        .map(|(value, cover)| Leaf { value, cover, linear: linear.as_mut().and_then(|terms| terms.next()) })
        .collect())
}

fn counts(field: &Field<'_>, count: usize) -> Result<Vec<f64>, Error> {
    let counts = finite(field, count)?;
    match counts.iter().position(|count| *count < 0.0) {
        Some(at) => Err(field.invalid(format!("entry {} is below 0", at + 1))),
        None => Ok(counts),
    }
}

fn finite(field: &Field<'_>, count: usize) -> Result<Vec<f64>, Error> {
    let numbers: Vec<f64> = field.array(count)?;
    match numbers.iter().position(|number| !number.is_finite()) {
        Some(at) => Err(field.invalid(format!("entry {} is not finite", at + 1))),
        None => Ok(numbers),
    }
}

/// The linear predictors of a linear tree's leaves.
fn read_terms(keys: &Keys<'_>, count: usize, inputs: usize) -> Result<Vec<LeafTerms>, Error> {
    let constants = finite(&keys.need("leaf_const")?, count)?;
    let lengths_field = keys.need("num_features")?;
    let lengths: Vec<usize> = lengths_field.array(count)?;
    let total = lengths.iter().try_fold(0_usize, |sum, length| sum.checked_add(*length));
    let total = total.ok_or_else(|| lengths_field.invalid("too many"))?;
    let features_field = keys.need("leaf_features")?;
    let features: Vec<u32> = features_field.array(total)?;
    if let Some(at) = features.iter().position(|feature| *feature as usize >= inputs) {
        return Err(features_field.invalid(format!("entry {} does not exist", at + 1)));
    }
    let coefficients = finite(&keys.need("leaf_coeff")?, total)?;
    let mut terms = features.into_iter().zip(coefficients);
    let pairs = constants.into_iter().zip(lengths);
    Ok(pairs.map(|(constant, length)| LeafTerms { constant, terms: terms.by_ref().take(length).collect() }).collect())
}
