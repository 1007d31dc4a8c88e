//! A forest whose inputs are treated first, as a document asks: what a graph becomes that is a sum of trees below a
//! link.
//! Rows are treated a block at a time; a category's symbol becomes its place among those that the document names, as
//! sets of the forest have them. A row that ends where a tree has no answer has no score: such a leaf is NaN for
//! scores, and of no weight in explanations.

use std::collections::HashMap;

use crate::forest::{Against, Forest};
use crate::linear::{Treatment, key};

/// Rows treated together.
const BLOCK_ROWS: usize = 1024;

/// What is done to the sum of the trees, in order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Operation {
    Multiply(f64),
    Divide(f64),
    Add(f64),
    /// Round to single precision.
    Single,
}

pub(crate) struct Treated {
    pub inputs: Vec<Treatment>,
    /// For a category the place of each symbol ([`key`]); any other has the place after the last.
    pub places: Vec<Option<HashMap<u64, f64>>>,
    pub forest: Forest,
    /// The same, to be explained, where some leaf has no answer.
    pub explained: Option<Forest>,
    /// For each output.
    pub operations: Vec<Vec<Operation>>,
}

impl Treated {
    fn explaining(&self) -> &Forest {
        self.explained.as_ref().unwrap_or(&self.forest)
    }

    pub(crate) fn explains(&self) -> bool {
        self.explaining().explains()
    }

    /// Treated rows x inputs, and whether each row can have a score.
    fn treat(&self, rows: &[f64], treated: &mut Vec<f64>, scored: &mut Vec<bool>) {
        treated.clear();
        scored.clear();
        let mut fields = Vec::new();
        for row in rows.chunks_exact(self.inputs.len().max(1)) {
            scored.push(Treatment::treat_row(&self.inputs, row, &mut fields));
            for (value, places) in fields.iter().zip(&self.places) {
                treated.push(match places {
                    Some(places) if !value.is_nan() => places.get(&key(*value)).copied().unwrap_or(places.len() as f64),
                    _ => *value,
                });
            }
        }
    }

    /// The outputs (rows x outputs) of rows x inputs.
    pub(crate) fn score(&self, values: &[f64], raw: &mut [f64]) {
        let (inputs, outputs) = (self.inputs.len().max(1), self.operations.len().max(1));
        let (mut treated, mut scored) = (Vec::new(), Vec::new());
        let blocks = values.chunks(BLOCK_ROWS * inputs).zip(raw.chunks_mut(BLOCK_ROWS * outputs));
        for (values, raw) in blocks {
            self.treat(values, &mut treated, &mut scored);
            self.forest.score(&treated, raw);
            for (raw, scored) in raw.chunks_exact_mut(outputs).zip(&scored) {
                for (raw, operations) in raw.iter_mut().zip(&self.operations) {
                    *raw = if *scored { Operation::all(operations, *raw) } else { f64::NAN };
                }
            }
        }
    }

    /// What explaining against background rows needs, see [`Forest::against`]; nothing where a row may end without an
    /// answer.
    pub(crate) fn against(&self, background: &[f64]) -> Option<Against> {
        let (mut treated, mut scored) = (Vec::new(), Vec::new());
        self.treat(background, &mut treated, &mut scored);
        self.is_answering().then(|| self.forest.against(&treated)).flatten()
    }

    /// Whether every row ends where a tree has an answer.
    pub(crate) fn is_answering(&self) -> bool {
        self.explained.is_none()
    }

    /// As [`Self::explain`], against background rows.
    pub(crate) fn explain_against(&self, against: &Against, values: &[f64], each: impl FnMut(&[f64])) {
        self.explain_by(|rows, each| self.forest.explain_against(against, rows, each), values, each);
    }

    /// Call `each` with the contributions (rows x inputs x outputs) of one block of rows after the other.
    pub(crate) fn explain(&self, values: &[f64], each: impl FnMut(&[f64])) {
        self.explain_by(|rows, each| self.explaining().explain(rows, each), values, each);
    }

    /// `explain` gives the contributions to the sums of treated rows.
    fn explain_by(
        &self,
        explain: impl Fn(&[f64], &mut dyn FnMut(&[f64])),
        values: &[f64],
        mut each: impl FnMut(&[f64]),
    ) {
        let (inputs, outputs) = (self.inputs.len().max(1), self.operations.len().max(1));
        let factors: Vec<f64> = self.operations.iter().map(|all| Operation::factor(all)).collect();
        let (mut treated, mut scored) = (Vec::new(), Vec::new());
        let (mut raw, mut cells) = (Vec::new(), Vec::new());
        for values in values.chunks(BLOCK_ROWS * inputs) {
            self.treat(values, &mut treated, &mut scored);
            raw.clear();
            raw.resize(scored.len() * outputs, 0.0);
            self.score(values, &mut raw);
            let mut row = 0;
            explain(&treated, &mut |block| {
                cells.clear();
                cells.extend_from_slice(block);
                for cells in cells.chunks_exact_mut(inputs * outputs) {
                    for (at, cell) in cells.iter_mut().enumerate() {
                        let output = at % outputs;
                        let known = !raw[row * outputs + output].is_nan();
                        *cell = if known { *cell * factors[output] } else { f64::NAN };
                    }
                    row += 1;
                }
                each(&cells);
            });
        }
    }

    pub(crate) fn bias(&self) -> Vec<f64> {
        let pairs = self.explaining().bias().iter().zip(&self.operations);
        pairs.map(|(bias, operations)| Operation::all(operations, *bias)).collect()
    }

    pub(crate) fn size(&self) -> (usize, usize) {
        (self.forest.trees(), self.forest.leaves())
    }
}

impl Operation {
    pub(crate) fn all(operations: &[Self], x: f64) -> f64 {
        operations.iter().fold(x, |x, operation| match operation {
            Self::Multiply(by) => x * by,
            Self::Divide(by) => x / by,
            Self::Add(more) => x + more,
            Self::Single => f64::from(x as f32),
        })
    }

    /// What a part of the sum is multiplied by.
    pub(crate) fn factor(operations: &[Self]) -> f64 {
        operations.iter().fold(1.0, |factor, operation| match operation {
            Self::Multiply(by) => factor * by,
            Self::Divide(by) => factor / by,
            Self::Add(_) | Self::Single => factor,
        })
    }
}
