//! Whatever PMML can say that is neither forest nor linear: models in models, one row at a time.
//!
//! A row's inputs are first treated, as those of a linear predictor; then [`Step`]s run in order, each of which writes
//! its numbers into its own slots of the row's fields: derived fields, trees, equations, and ensembles, which run the
//! steps of their segments. Slots are handed out by the reader, so that a step only reads what is written before it.
//! A missing value is NaN, a category the number of its symbol. Memory: one row's fields.
//!
//! A graph has no contributions: of an arbitrary composition there is no agreed exact attribution. Where it is a sum of
//! trees below a link it is made a forest, which has some (see [`crate::forest`]).

mod ensemble;
mod measure;
mod network;
mod predicate;
mod rules;
mod texts;
mod treated;
mod tree;
mod vectors;

pub(crate) use measure::{Ask, Clusters, Compared, Comparison, Distance, Measure, Neighbors, Weighing};
pub(crate) use rules::{Choice, Rule, Rules};
pub(crate) use texts::{Argument, NumberFormat, Symbols, TextFunction, TextStep, Texts, is_date_format};
pub(crate) use treated::{Operation, Treated};
pub(crate) use vectors::{Entry, Kernel, Machine, Machines, Verdict};

pub(crate) use ensemble::{Ensemble, Method, MissingPrediction, Segment};
pub(crate) use network::{Activation, Bayes, Evidence, Layer, Neuron, Normalization};
pub(crate) use predicate::{Compare, Predicate};
pub(crate) use tree::{MissingValue, NoTrueChild, Node, Tree};

use crate::Features;
use crate::forest::Precision;
use crate::linear::{Equation, Expression, Finish, OTHER, Treatment};
use crate::link::Link;
use crate::scorecard::{self, Characteristic, Reasons};

/// What is computed of a row before its score.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub inputs: Vec<Treatment>,
    /// All fields of a row, inputs first.
    pub slots: usize,
    pub steps: Vec<Step>,
    /// The texts of the document.
    pub symbols: Symbols,
    /// For each input the code from which on [`Features::texts`] has its texts; nothing where texts do not matter.
    pub texts_from: Vec<Option<f64>>,
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
    /// A field of a segment, treated there, from slot to slot.
    Treat(usize, Treatment, usize),
    /// A slot times another: a number of trials.
    Times(usize, usize),
    /// One of some numbers by its rank, of equal ones the first; missing where any is.
    Ranked {
        from: usize,
        count: usize,
        rank: Rank,
        /// Symbols to give in place of the numbers.
        symbols: Option<Vec<f64>>,
        to: usize,
    },
    /// The symbol of the place that a slot holds.
    Pick {
        of: usize,
        symbols: Vec<f64>,
        to: usize,
    },
    /// For each symbol another one; any other stays.
    Rename {
        of: usize,
        names: Vec<(f64, f64)>,
        to: usize,
    },
    /// Points of a scorecard, and the symbols of its reason codes from slot to slot.
    Points {
        card: Box<Points>,
        to: usize,
    },
    /// Values in place of an answer that is missing.
    Default {
        to: usize,
        values: Vec<f64>,
    },
    /// Ordered classes: cumulative probabilities from slot `from` on become those of the classes.
    Cumulated {
        from: usize,
        classes: usize,
        to: usize,
    },
    /// Numbers divided by their sum (`simplemax`).
    Shares {
        from: usize,
        count: usize,
    },
    Text(TextStep),
    Tree(Tree),
    Layer(Layer),
    Bayes(Bayes),
    Clusters(Clusters),
    Neighbors(Neighbors),
    Machines(Machines),
    Rules(Rules),
    Ensemble(Ensemble),
}

/// A place among numbers in order, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rank {
    Highest(usize),
    Lowest(usize),
}

/// A scorecard within a graph.
#[derive(Debug)]
pub(crate) struct Points {
    pub initial: f64,
    pub characteristics: Vec<Characteristic>,
    /// How many reason codes are written behind the sum, with their order and symbols.
    pub reasons: Option<(Reasons, Vec<f64>)>,
}

/// A row that was prepared and scored.
#[derive(Debug)]
pub(crate) struct Graph {
    pub prepared: Prepared,
    /// The slots of the outputs.
    pub outputs: Vec<usize>,
    /// What is computed of a scored row for its output fields.
    pub more: Vec<Step>,
}

impl Prepared {
    /// For each slot of inputs and derived fields the input it comes from, the first that its definition reads.
    pub(crate) fn sources(&self) -> Vec<Option<usize>> {
        let mut sources: Vec<Option<usize>> =
            (0..self.slots).map(|at| (at < self.inputs.len()).then_some(at)).collect();
        for step in &self.steps {
            let mut first = None;
            let mut note = |field: usize| first = first.or(sources.get(field).copied().flatten());
            match step {
                Step::Derive(to, expression) => {
                    expression.reads(&mut note);
                    sources[*to] = first;
                }
                Step::Text(text) => {
                    text.arguments.iter().for_each(|argument| argument.value.reads(&mut note));
                    sources[text.to] = first;
                }
                _ => {}
            }
        }
        sources
    }

    /// Call `each` with every row's number and fields; with nothing where an invalid value leaves it without a score.
    pub(crate) fn rows(&self, features: &Features, mut each: impl FnMut(usize, Option<&[f64]>)) {
        self.rows_and(&[], features, |at, row| each(at, row.map(|(fields, _)| fields)));
    }

    /// As [`Self::rows`], with more steps, and with the texts of the row.
    pub(crate) fn rows_and(
        &self,
        more: &[Step],
        features: &Features,
        mut each: impl FnMut(usize, Option<(&[f64], &Texts<'_>)>),
    ) {
        let (mut fields, mut texts) = (Vec::new(), Texts::new(&self.symbols));
        for (at, row) in features.values().chunks_exact(self.inputs.len().max(1)).enumerate() {
            texts.clear();
            let scored = Treatment::treat_row(&self.inputs, row, &mut fields);
            for (input, from) in self.texts_from.iter().enumerate() {
                if let Some(from) = from
                    && row[input] >= *from
                    && fields[input] == OTHER
                {
                    let text = features.texts()[input].get((row[input] - from) as usize);
                    fields[input] = text.map_or(OTHER, |text| texts.symbol(text));
                }
            }
            fields.resize(self.slots, f64::NAN);
            if scored {
                run(&self.steps, &mut fields, &mut texts);
                run(more, &mut fields, &mut texts);
            }
            each(at, scored.then_some((&fields, &texts)));
        }
    }
}

impl Graph {
    /// The outputs (rows x outputs) of rows.
    pub(crate) fn score(&self, features: &Features, raw: &mut [f64]) {
        let width = self.outputs.len();
        self.prepared.rows(features, |at, fields| {
            for (raw, slot) in raw[at * width..].iter_mut().zip(&self.outputs) {
                *raw = fields.map_or(f64::NAN, |fields| fields[*slot]);
            }
        });
    }

    /// Trees, and their leaves with the terms of equations.
    pub(crate) fn size(&self) -> (usize, usize) {
        size(&self.prepared.steps)
    }
}

fn run(steps: &[Step], fields: &mut [f64], texts: &mut Texts<'_>) {
    for step in steps {
        step.run(fields, texts);
    }
}

fn size(steps: &[Step]) -> (usize, usize) {
    steps.iter().fold((0, 0), |(trees, parts), step| match step {
        Step::Tree(tree) => (trees + 1, parts + tree.leaves()),
        Step::Layer(layer) => (trees, parts + layer.neurons.len()),
        Step::Bayes(bayes) => (trees, parts + bayes.inputs.len()),
        Step::Clusters(clusters) => (trees, parts + clusters.centres.len()),
        Step::Neighbors(neighbors) => (trees, parts + neighbors.points.len()),
        Step::Machines(machines) => (trees, parts + machines.parts()),
        Step::Rules(rules) => (trees, parts + rules.rules.len()),
        Step::Points { card, .. } => {
            (trees, parts + card.characteristics.iter().map(|part| part.attributes.len()).sum::<usize>())
        }
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
    fn run(&self, fields: &mut [f64], texts: &mut Texts<'_>) {
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
            Self::Treat(from, treatment, to) => {
                fields[*to] = treatment.treat(fields[*from]).unwrap_or(f64::NAN);
            }
            Self::Times(at, by) => fields[*at] *= fields[*by],
            Self::Ranked { from, count, rank, symbols, to } => {
                let numbers = &fields[*from..from + count];
                let place = rank.place(numbers);
                let value = |place: usize| symbols.as_ref().map_or(numbers[place], |symbols| symbols[place]);
                fields[*to] = place.map_or(f64::NAN, value);
            }
            Self::Pick { of, symbols, to } => {
                let place = fields[*of];
                let symbol = symbols.get(place as usize).filter(|_| place >= 0.0);
                fields[*to] = symbol.copied().unwrap_or(f64::NAN);
            }
            Self::Rename { of, names, to } => {
                let symbol = fields[*of];
                fields[*to] = names.iter().find(|(from, _)| *from == symbol).map_or(symbol, |(_, name)| *name);
            }
            Self::Points { card, to } => card.run(fields, *to),
            Self::Default { to, values } => stand_in(&mut fields[*to..to + values.len()], values),
            Self::Cumulated { from, classes, to } => cumulated(*from, *classes, *to, fields),
            Self::Shares { from, count } => {
                let numbers = &mut fields[*from..from + count];
                let sum: f64 = numbers.iter().sum();
                numbers.iter_mut().for_each(|number| *number /= sum);
            }
            Self::Text(step) => step.run(fields, texts),
            Self::Tree(tree) => tree.run(fields),
            Self::Layer(layer) => layer.run(fields),
            Self::Bayes(bayes) => bayes.run(fields),
            Self::Clusters(clusters) => clusters.run(fields),
            Self::Neighbors(neighbors) => neighbors.run(fields),
            Self::Machines(machines) => machines.run(fields),
            Self::Rules(rules) => rules.run(fields),
            Self::Ensemble(ensemble) => ensemble.run(fields, texts),
        }
    }
}

/// Values in place of an answer that is missing.
fn stand_in(answer: &mut [f64], values: &[f64]) {
    if answer.iter().any(|value| value.is_nan()) {
        answer.copy_from_slice(values);
    }
}

/// The probability of each of some ordered classes, from those of all up to each but the last.
fn cumulated(from: usize, classes: usize, to: usize, fields: &mut [f64]) {
    let mut below = 0.0;
    for class in 0..classes {
        // A missing one leaves the last missing as well.
        let up_to = if class + 1 == classes { 1.0 + 0.0 * below } else { fields[from + class] };
        fields[to + class] = up_to - below;
        below = up_to;
    }
}

impl Points {
    fn run(&self, fields: &mut [f64], to: usize) {
        let mut points = Vec::new();
        let all = scorecard::points(&self.characteristics, fields, &mut points);
        fields[to] = match all {
            true => points.iter().fold(self.initial, |sum, (_, more)| sum + more),
            false => f64::NAN,
        };
        let Some((reasons, symbols)) = &self.reasons else { return };
        let order = if all { reasons.order(&self.characteristics, &points) } else { Vec::new() };
        for (at, slot) in fields[to + 1..=to + symbols.len()].iter_mut().enumerate() {
            *slot = order.get(at).map_or(f64::NAN, |code| symbols[*code as usize]);
        }
    }
}

impl Rank {
    /// Nothing when a number is missing or there are not so many.
    fn place(self, numbers: &[f64]) -> Option<usize> {
        if numbers.iter().any(|number| number.is_nan()) {
            return None;
        }
        match self {
            Self::Highest(0) => largest(numbers),
            Self::Highest(rank) | Self::Lowest(rank) => {
                let mut places: Vec<usize> = (0..numbers.len()).collect();
                let is_lowest = matches!(self, Self::Lowest(_));
                places.sort_by(|a, b| {
                    let order = numbers[*a].total_cmp(&numbers[*b]);
                    if is_lowest { order } else { order.reverse() }
                });
                places.get(rank).copied()
            }
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
