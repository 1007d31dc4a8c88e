//! Whatever PMML can say that is neither forest nor linear: models in models, one row at a time.
//!
//! A row's inputs are first treated, as those of a linear predictor; then [`Step`]s run in order, each of which writes
//! its numbers into its own slots of the row's fields: derived fields, trees, equations, and ensembles, which run the
//! steps of their segments. Slots are handed out by the reader, so that a step only reads what is written before it.
//! A missing value is NaN, a category the number of its symbol. Memory: one row's fields.
//!
//! A graph has no contributions: of an arbitrary composition there is no agreed exact attribution.

mod ensemble;
mod network;
mod predicate;
mod tree;

pub(crate) use ensemble::{Ensemble, Method, MissingPrediction, Segment};
pub(crate) use network::{Activation, Bayes, Evidence, Layer, Neuron, Normalization};
pub(crate) use predicate::{Compare, Predicate};
pub(crate) use tree::{MissingValue, NoTrueChild, Node, Tree};

use crate::forest::Precision;
use crate::linear::{Equation, Expression, Finish, Treatment};
use crate::link::Link;

/// What is computed of a row before its score.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub inputs: Vec<Treatment>,
    /// All fields of a row, inputs first.
    pub slots: usize,
    pub steps: Vec<Step>,
}

/// One computation.
#[derive(Debug)]
pub(crate) enum Step {
    /// Write an expression's value.
    Derive(usize, Expression),
    /// Equations through their link, from slot `to` on.
    Equations {
        equations: Vec<Equation>,
        link: Link,
        precision: Precision,
        to: usize,
    },
    /// 1 less what slot `of` holds: the probability of the other class.
    Complement {
        of: usize,
        to: usize,
    },
    /// Bounds, scale and cast of a slot.
    Finish(usize, Finish),
    /// The symbol of the most probable class, the first of equal ones.
    Label {
        from: usize,
        symbols: Vec<f64>,
        to: usize,
    },
    Tree(Tree),
    Layer(Layer),
    Bayes(Bayes),
    Ensemble(Ensemble),
}

/// A row that was prepared and scored.
#[derive(Debug)]
pub(crate) struct Graph {
    pub prepared: Prepared,
    /// The slots of the outputs.
    pub outputs: Vec<usize>,
}

impl Prepared {
    /// For each slot of inputs and derived fields the input it comes from, the first that its definition reads.
    pub(crate) fn sources(&self) -> Vec<Option<usize>> {
        let mut sources: Vec<Option<usize>> =
            (0..self.slots).map(|at| (at < self.inputs.len()).then_some(at)).collect();
        for step in &self.steps {
            if let Step::Derive(to, expression) = step {
                let mut first = None;
                expression.reads(&mut |field| first = first.or(sources.get(field).copied().flatten()));
                sources[*to] = first;
            }
        }
        sources
    }

    /// The row's fields; false when an invalid value leaves it without a score.
    pub(crate) fn fields(&self, row: &[f64], fields: &mut Vec<f64>) -> bool {
        let scored = Treatment::treat_row(&self.inputs, row, fields);
        fields.resize(self.slots, f64::NAN);
        run(&self.steps, fields);
        scored
    }
}

impl Graph {
    /// The outputs (rows x outputs) of rows x inputs.
    pub(crate) fn score(&self, values: &[f64], raw: &mut [f64]) {
        let mut fields = Vec::new();
        let rows = values.chunks_exact(self.prepared.inputs.len().max(1));
        for (row, raw) in rows.zip(raw.chunks_exact_mut(self.outputs.len().max(1))) {
            let scored = self.prepared.fields(row, &mut fields);
            for (raw, slot) in raw.iter_mut().zip(&self.outputs) {
                *raw = if scored { fields[*slot] } else { f64::NAN };
            }
        }
    }

    /// Trees, and their leaves with the terms of equations.
    pub(crate) fn size(&self) -> (usize, usize) {
        size(&self.prepared.steps)
    }
}

fn run(steps: &[Step], fields: &mut [f64]) {
    for step in steps {
        step.run(fields);
    }
}

fn size(steps: &[Step]) -> (usize, usize) {
    steps.iter().fold((0, 0), |(trees, parts), step| match step {
        Step::Tree(tree) => (trees + 1, parts + tree.leaves()),
        Step::Layer(layer) => (trees, parts + layer.neurons.len()),
        Step::Bayes(bayes) => (trees, parts + bayes.inputs.len()),
        Step::Equations { equations, .. } => {
            (trees, parts + equations.iter().map(|equation| equation.terms.len()).sum::<usize>())
        }
        Step::Ensemble(ensemble) => {
            let inner = ensemble.segments.iter().map(|segment| size(&segment.steps));
            inner.fold((trees, parts), |sum, inner| (sum.0 + inner.0, sum.1 + inner.1))
        }
        _ => (trees, parts),
    })
}

impl Step {
    fn run(&self, fields: &mut [f64]) {
        match self {
            Self::Derive(to, expression) => fields[*to] = expression.value(fields),
            Self::Equations { equations, link, precision, to } => {
                for (at, equation) in equations.iter().enumerate() {
                    fields[to + at] = equation.value(fields, *precision);
                }
                link.apply(&mut fields[*to..to + equations.len()], equations.len(), *precision);
            }
            Self::Complement { of, to } => fields[*to] = 1.0 - fields[*of],
            Self::Finish(at, finish) => fields[*at] = finish.of(fields[*at]),
            Self::Label { from, symbols, to } => {
                let best = largest(&fields[*from..from + symbols.len()]);
                fields[*to] = best.map_or(f64::NAN, |best| symbols[best]);
            }
            Self::Tree(tree) => tree.run(fields),
            Self::Layer(layer) => layer.run(fields),
            Self::Bayes(bayes) => bayes.run(fields),
            Self::Ensemble(ensemble) => ensemble.run(fields),
        }
    }
}

/// The place of the largest number, the first of equal ones; nothing when any is missing.
fn largest(numbers: &[f64]) -> Option<usize> {
    if numbers.iter().any(|number| number.is_nan()) {
        return None;
    }
    (0..numbers.len()).reduce(|best, at| if numbers[at] > numbers[best] { at } else { best })
}
