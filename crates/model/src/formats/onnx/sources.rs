//! Tests of computed features as tests of the raw columns they come from.
//!
//! A converter puts scalers, imputers and encoders in front of trees. A feature g that is computed from one column
//! alone turns a test of g(x) into a test of x, so that the trees read, and the explanations speak of, the columns as
//! they are:
//!
//! - g rises or falls with x (scaled, cast, imputed): the threshold on x is found by halving the numbers of its type,
//!   which is exact, rounding included;
//! - x is a text: g is computed for each known text, for all others, and for the empty one;
//! - g tells some numbers from others (encoded whole numbers), or the test asks for equality: x is replaced by its
//!   place among all numbers at which any test of the column changes ([`crate::features::Binding::Ranked`]), and the
//!   answer is computed for each place.
//!
//! Anything else, and any feature of several columns, is left to the program.

use std::collections::{BTreeSet, HashMap};

use super::functions::{One, Two};
use super::margin::{Source, writer};
use super::program::{Op, Program};
use super::tensor::{Cell, Kind};
use super::trace::Column;
use super::trees;
use crate::forest::Test;
use crate::linear::{OTHER, Treatment};

/// Most numbers at which the tests of a column change.
const POINTS_MAX: usize = 1 << 13;

/// Most words of all sets together.
const WORDS_MAX: usize = 1 << 24;

/// How a column's features are tested.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Mode {
    /// By thresholds.
    Plain,
    /// By codes: the texts' numbers in their order.
    Codes,
    /// By places among these numbers.
    Ranked(Vec<f64>),
}

/// Features and the columns they come from.
pub(super) struct Sources<'a> {
    program: &'a Program,
    columns: &'a [Column],
    inputs: &'a [Treatment],
    sources: &'a [Source],
    /// By input.
    pub modes: HashMap<usize, Mode>,
    /// Steps of a feature.
    chains: HashMap<u32, Vec<usize>>,
    row: Vec<f64>,
    words: usize,
}

impl<'a> Sources<'a> {
    /// Nothing where some feature cannot be tested by its column. `tests` are all features and tests of them.
    pub(super) fn of(
        program: &'a Program,
        (columns, inputs): (&'a [Column], &'a [Treatment]),
        sources: &'a [Source],
        tests: &[(u32, &trees::Split)],
    ) -> Option<Self> {
        let (modes, chains) = (HashMap::new(), HashMap::new());
        let mut all = Self { program, columns, inputs, sources, modes, chains, row: Vec::new(), words: 0 };
        let mut ranked = BTreeSet::new();
        for (slot, split) in tests {
            let input = all.input(*slot)?;
            let mode = if columns[input].kind == Kind::Text { Mode::Codes } else { Mode::Plain };
            all.modes.insert(input, mode);
            all.chains.entry(*slot).or_insert_with(|| program.needed([Cell::At(*slot)]));
            if columns[input].kind != Kind::Text && !(is_threshold(&split.test) && all.rises(*slot).is_some()) {
                ranked.insert(input);
            }
        }
        let mut points: HashMap<usize, BTreeSet<u64>> = HashMap::new();
        for (slot, split) in tests {
            let input = all.input(*slot)?;
            if ranked.contains(&input) {
                let more = all.points(*slot, split)?;
                let points = points.entry(input).or_default();
                points.extend(more.into_iter().map(|point| order(point, Kind::Double)));
                if points.len() > POINTS_MAX {
                    return None;
                }
            }
        }
        for (input, points) in points {
            let points = points.into_iter().map(|point| number(point, Kind::Double)).collect();
            all.modes.insert(input, Mode::Ranked(points));
        }
        Some(all)
    }

    /// The column of a feature.
    pub(super) fn input(&self, slot: u32) -> Option<usize> {
        match self.sources[slot as usize] {
            Source::Input(input) => Some(input as usize),
            Source::Several => None,
        }
    }

    /// Whether the feature's test passes for a number of the column.
    fn passes(&mut self, slot: u32, split: &trees::Split, x: f64) -> bool {
        let input = self.input(slot).unwrap_or_default();
        if slot as usize == input {
            return split.passes(x);
        }
        let steps = self.chains.get(&slot).map_or(&[][..], Vec::as_slice);
        split.passes(self.program.probe(steps, Cell::At(slot), (input, x), &mut self.row))
    }

    /// The test of the column, and whether passing it is failing the feature's.
    pub(super) fn test(&mut self, slot: u32, split: &trees::Split) -> Option<(Test, bool)> {
        let input = self.input(slot)?;
        match self.modes.get(&input)?.clone() {
            Mode::Plain => Some(self.threshold(slot, split)),
            Mode::Codes => {
                let symbols = self.inputs[input].symbols.clone()?;
                let (other, missing) = (self.passes(slot, split, OTHER), self.inputs[input].replacement);
                let missing = self.passes(slot, split, missing);
                self.set(slot, split, &symbols, (other, missing))
            }
            Mode::Ranked(points) => {
                let missing = self.passes(slot, split, f64::NAN);
                self.set(slot, split, &places(&points), (false, missing))
            }
        }
    }

    /// A set of those codes for which the answer is not that for all others.
    fn set(
        &mut self,
        slot: u32,
        split: &trees::Split,
        values: &[f64],
        (other, missing): (bool, bool),
    ) -> Option<(Test, bool)> {
        let mut words = vec![0_u32; values.len().div_ceil(32)];
        self.words += words.len();
        if self.words > WORDS_MAX {
            return None;
        }
        for (code, value) in values.iter().enumerate() {
            if self.passes(slot, split, *value) != other {
                words[code / 32] |= 1 << (code % 32);
            }
        }
        Some((Test::In { words, missing_left: missing != other }, other))
    }

    fn threshold(&mut self, slot: u32, split: &trees::Split) -> (Test, bool) {
        let kind = self.columns[self.input(slot).unwrap_or_default()].kind;
        let missing = self.passes(slot, split, f64::NAN);
        let (threshold, first) = self.last(slot, split, kind);
        (Test::AtMost { threshold, missing_left: missing == first, zero_missing: false }, !first)
    }

    /// The largest number for which the answer is still that for the smallest, and that answer.
    fn last(&mut self, slot: u32, split: &trees::Split, kind: Kind) -> (f64, bool) {
        let (mut low, mut high) = (order(f64::NEG_INFINITY, kind), order(f64::INFINITY, kind));
        let first = self.passes(slot, split, f64::NEG_INFINITY);
        if self.passes(slot, split, f64::INFINITY) == first {
            return (f64::INFINITY, first);
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            match self.passes(slot, split, number(middle, kind)) == first {
                true => low = middle,
                false => high = middle,
            }
        }
        (number(low, kind), first)
    }

    /// Whether a feature rises with its column; nothing where it neither rises nor falls, or is not always a number.
    fn rises(&self, slot: u32) -> Option<bool> {
        let (mut rises, mut at) = (true, Cell::At(slot));
        while let Some(step) = writer(self.program, at) {
            let wide = |kind: &Kind| matches!(kind, Kind::Single | Kind::Double | Kind::Whole { bits: 64, .. });
            let by = |x: f64| (x.is_finite() && x != 0.0).then_some(x > 0.0);
            let (next, is_same) = match &step.op {
                Op::One(function, kind, a) if wide(kind) => match function {
                    One::Same | One::Exp | One::Sigmoid | One::Logistic | One::Tanh | One::Relu => (*a, true),
                    One::Ceil | One::Floor | One::Round => (*a, true),
                    One::Negative => (*a, false),
                    _ => return None,
                },
                Op::Two(Two::Add | Two::Min | Two::Max, kind, a, Cell::Is(x))
                | Op::Two(Two::Add | Two::Min | Two::Max, kind, Cell::Is(x), a)
                | Op::Two(Two::Subtract | Two::OrElse, kind, a, Cell::Is(x))
                    if wide(kind) && x.is_finite() =>
                {
                    (*a, true)
                }
                Op::Two(Two::Subtract, kind, Cell::Is(x), a) if wide(kind) && x.is_finite() => (*a, false),
                Op::Two(Two::Multiply, kind, a, Cell::Is(x)) | Op::Two(Two::Multiply, kind, Cell::Is(x), a)
                    if wide(kind) =>
                {
                    (*a, by(*x)?)
                }
                Op::Two(Two::Divide, kind, a, Cell::Is(x)) if kind.is_float() => (*a, by(*x)?),
                _ => return None,
            };
            rises ^= !is_same;
            at = next;
        }
        Some(rises)
    }

    /// Numbers of the column between which the feature's test has one answer.
    fn points(&mut self, slot: u32, split: &trees::Split) -> Option<Vec<f64>> {
        let input = self.input(slot)?;
        if slot as usize == input {
            return Some(split.test.points().to_vec());
        }
        if is_threshold(&split.test) && self.rises(slot).is_some() {
            let kind = self.columns[input].kind;
            return Some(vec![self.last(slot, split, kind).0]);
        }
        self.steps_of(slot, input)
    }

    /// Numbers at which a feature changes that is the same between them: whatever reads the column itself, cast or not,
    /// only tells some numbers from others.
    fn steps_of(&self, slot: u32, input: usize) -> Option<Vec<f64>> {
        let mut raw = BTreeSet::from([input as u32]);
        let mut points = Vec::new();
        for at in self.chains.get(&slot)? {
            let step = &self.program.steps[*at];
            let mut reads = false;
            step.op.reads(|cell| reads |= matches!(cell, Cell::At(slot) if raw.contains(&slot)));
            if !reads {
                continue;
            }
            match &step.op {
                Op::One(One::Same, ..) => {
                    raw.insert(step.to);
                }
                Op::Is(_, x) => points.push(*x),
                Op::Table { rows, .. } => points.extend(rows.keys().map(|key| f64::from_bits(*key))),
                Op::Two(function, _, _, Cell::Is(x)) | Op::Two(function, _, Cell::Is(x), _) if function.compares() => {
                    points.push(*x);
                }
                _ => return None,
            }
        }
        if raw.contains(&slot) || points.len() > POINTS_MAX {
            return None;
        }
        // A number that is cut to a whole one changes a whole one before or after it.
        Some(points.iter().flat_map(|x| [x - 1.0, *x, x + 1.0]).collect())
    }
}

fn is_threshold(test: &trees::Test) -> bool {
    use trees::Test::{Greater, GreaterOrEqual, Less, LessOrEqual};
    matches!(test, LessOrEqual(_) | Less(_) | GreaterOrEqual(_) | Greater(_))
}

/// A number for each place among points: below the first, the first, between it and the second, ...
fn places(points: &[f64]) -> Vec<f64> {
    let Some(first) = points.first() else { return vec![0.0] };
    let pairs = points.iter().flat_map(|point| [*point, point.next_up()]);
    std::iter::once(first.next_down()).chain(pairs).collect()
}

/// Numbers of a type in their order, as integers.
fn order(x: f64, kind: Kind) -> u64 {
    let flip = |bits: u64, sign: u64| if bits & sign != 0 { !bits & (sign | (sign - 1)) } else { bits | sign };
    match kind {
        Kind::Single => flip(u64::from((x as f32).to_bits()), 1 << 31),
        _ => flip(x.to_bits(), 1 << 63),
    }
}

fn number(order: u64, kind: Kind) -> f64 {
    let back = |bits: u64, sign: u64| if bits & sign != 0 { bits & !sign } else { !bits & (sign | (sign - 1)) };
    match kind {
        Kind::Single => f64::from(f32::from_bits(back(order, 1 << 31) as u32)),
        _ => f64::from_bits(back(order, 1 << 63)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_in_the_order_of_their_integers() {
        let numbers = [f64::NEG_INFINITY, -2.5, -1e-30, 0.0, 1e-30, 1.0, 3.5, f64::INFINITY];
        for kind in [Kind::Single, Kind::Double] {
            for pair in numbers.windows(2) {
                assert!(order(pair[0], kind) < order(pair[1], kind), "{pair:?}");
            }
            for x in numbers {
                assert_eq!(number(order(x, kind), kind), kind.fit(x));
            }
        }
    }

    #[test]
    fn every_place_among_points_has_a_number() {
        assert_eq!(places(&[1.0, 2.0]).len(), 5);
        assert_eq!(places(&[1.0])[1], 1.0);
        assert!(places(&[1.0])[0] < 1.0 && places(&[1.0])[2] > 1.0);
    }
}
