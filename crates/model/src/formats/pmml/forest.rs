//! From a graph to a forest: where a document is a sum of trees below a link.
//!
//! [`convert`] follows the steps of a graph and writes down for each slot the weighted trees it is the sum of, and what
//! was done to that sum since ([`Sum`]); [`grow`] makes of each tree one of splits in two. Anything else (segments with
//! conditions, medians, a tree on a field of several inputs) stays a graph, which is scored as well but not explained.

mod grow;
mod region;

use std::collections::HashMap;

use crate::forest::{self, Empty, Forest, Precision, Rules};
use crate::graph::{
    Ensemble, Graph, Method, MissingPrediction, Operation, Predicate, Prepared, Segment, Step, Treated, Tree,
};
use crate::linear::{Equation, Expression, Factor, Function, Treatment, key};
use crate::link::Link;
use region::Sources;

/// Trees with their columns and weights, and what is done to their sum.
#[derive(Debug, Clone, Default)]
struct Sum {
    trees: Vec<(usize, usize, f64)>,
    operations: Vec<Operation>,
}

/// What is known of the slots.
struct Walk<'g> {
    sums: HashMap<usize, (Sum, Link)>,
    trees: Vec<&'g Tree>,
    /// How derived fields and fields treated again are made.
    sources: Sources<'g>,
    precision: Precision,
    /// Whether a tree without an answer leaves the whole without one.
    may_have_gaps: bool,
}

/// The forest of a graph, with the link above it; nothing where the graph is none.
pub(super) fn convert(graph: &Graph) -> Option<(Treated, Link, Precision)> {
    let mut walk = Walk {
        sums: HashMap::new(),
        trees: Vec::new(),
        sources: Sources::new(graph.prepared.inputs.len()),
        precision: Precision::Double,
        may_have_gaps: true,
    };
    walk.steps(&graph.prepared.steps)?;
    let mut outputs = Vec::with_capacity(graph.outputs.len());
    for slot in &graph.outputs {
        outputs.push(walk.sums.get(slot)?.clone());
    }
    let link = outputs.first()?.1;
    if outputs.iter().any(|(_, other)| *other != link) {
        return None;
    }
    let sums: Vec<Sum> = outputs.into_iter().map(|(sum, _)| sum).collect();
    let treated = walk.grow(&graph.prepared, &sums)?;
    let rounds = |sum: &Sum| sum.operations.contains(&Operation::Single);
    let precision = if sums.iter().any(rounds) { Precision::Single } else { walk.precision };
    Some((treated, link, precision))
}

impl<'g> Walk<'g> {
    /// Follow steps; nothing where one may change what is known of a slot in a way that is not followed.
    fn steps(&mut self, steps: &'g [Step]) -> Option<()> {
        for step in steps {
            match step {
                Step::Derive(to, expression) => match self.affine(expression) {
                    Some(sum) => _ = self.sums.insert(*to, sum),
                    None => self.sources.derive(*to, expression),
                },
                Step::Treat(from, treatment, to) => self.sources.treat(*to, *from, treatment),
                Step::Tree(tree) => {
                    for column in 0..tree.width {
                        let trees = vec![(self.trees.len(), column, 1.0)];
                        let sum = Sum { trees, operations: Vec::new() };
                        self.sums.insert(tree.to + column, (sum, Link::Identity));
                    }
                    self.trees.push(tree);
                }
                Step::Equations { equations, link, precision, to } => {
                    for (at, equation) in equations.iter().enumerate() {
                        if let Some(sum) = self.equation(equation, *precision) {
                            self.sums.insert(to + at, (sum, *link));
                        }
                    }
                }
                Step::Finish(at, finish) => match self.sums.remove(at) {
                    Some((mut sum, Link::Identity)) if finish.is_affine() => {
                        sum.operations.extend([Operation::Multiply(finish.factor), Operation::Add(finish.constant)]);
                        self.sums.insert(*at, (sum, Link::Identity));
                    }
                    _ => {}
                },
                Step::Ensemble(ensemble) => self.ensemble(ensemble)?,
                Step::Default { .. } | Step::Times(..) | Step::Cumulated { .. } | Step::Shares { .. } => return None,
                // What they write is read by no sum.
                _ => {}
            }
        }
        Some(())
    }

    /// A copy of a sum, or one that something is added to or that is multiplied.
    fn affine(&self, expression: &Expression) -> Option<(Sum, Link)> {
        match expression {
            Expression::Field(slot) => self.sums.get(slot).cloned(),
            Expression::Apply { function, arguments, .. } => {
                let [first, second] = arguments.as_slice() else { return None };
                let (inner, other, is_first) = match (first, second) {
                    (Expression::Constant(other), inner) => (inner, *other, false),
                    (inner, Expression::Constant(other)) => (inner, *other, true),
                    _ => return None,
                };
                let operations = match (function, is_first) {
                    (Function::Add, _) => vec![Operation::Add(other)],
                    (Function::Multiply, _) => vec![Operation::Multiply(other)],
                    (Function::Subtract, true) => vec![Operation::Add(-other)],
                    (Function::Subtract, false) => vec![Operation::Multiply(-1.0), Operation::Add(other)],
                    (Function::Divide, true) => vec![Operation::Divide(other)],
                    _ => return None,
                };
                let (mut sum, link) = self.affine(inner)?;
                sum.operations.extend(operations);
                (link == Link::Identity).then_some((sum, link))
            }
            Expression::Single(inner) => {
                let (mut sum, link) = self.affine(inner)?;
                sum.operations.push(Operation::Single);
                (link == Link::Identity).then_some((sum, link))
            }
            _ => None,
        }
    }

    /// An equation of one sum.
    fn equation(&self, equation: &Equation, precision: Precision) -> Option<Sum> {
        let [term] = equation.terms.as_slice() else { return None };
        let [Factor::Power(slot, 1.0)] = term.factors.as_slice() else { return None };
        let (mut sum, Link::Identity) = self.sums.get(slot)?.clone() else { return None };
        let round = (precision == Precision::Single).then_some(Operation::Single);
        sum.operations.push(Operation::Multiply(term.coefficient));
        sum.operations.extend(round);
        sum.operations.push(Operation::Add(equation.intercept));
        sum.operations.extend(round);
        Some(sum)
    }

    fn ensemble(&mut self, ensemble: &'g Ensemble) -> Option<()> {
        for segment in &ensemble.segments {
            if !matches!(segment.predicate, Predicate::True) {
                return None;
            }
            self.steps(&segment.steps)?;
        }
        if ensemble.missing != MissingPrediction::ReturnMissing && ensemble.method != Method::Chain {
            self.may_have_gaps = false;
        }
        for column in 0..ensemble.width {
            let found = |segment: &Segment| self.sums.get(&(segment.answer? + column)).cloned();
            let sum = match ensemble.method {
                Method::Chain => ensemble.segments.last().and_then(found),
                Method::First => ensemble.segments.first().and_then(found),
                Method::Sum { .. } | Method::Average => {
                    let all: Option<Vec<_>> = ensemble.segments.iter().map(found).collect();
                    all.and_then(|all| added(&ensemble.segments, all)).map(|sum| (sum, Link::Identity))
                }
                _ => None,
            };
            let Some((mut sum, link)) = sum else { continue };
            if ensemble.method == Method::Average {
                sum.operations.push(Operation::Divide(ensemble.segments.iter().map(|one| one.weight).sum()));
            }
            if ensemble.method == (Method::Sum { single: true }) {
                self.precision = Precision::Single;
            }
            self.sums.insert(ensemble.to + column, (sum, link));
        }
        Some(())
    }

    /// The forest of the outputs' sums.
    fn grow(&self, prepared: &Prepared, sums: &[Sum]) -> Option<Treated> {
        let places: Vec<Option<HashMap<u64, f64>>> = prepared.inputs.iter().map(places).collect();
        let mut grown = grow::Grown::new(&self.sources, &places, prepared.slots);
        for (output, sum) in sums.iter().enumerate() {
            if sum.trees.is_empty() {
                return None;
            }
            for (tree, column, weight) in &sum.trees {
                grown.tree(self.trees[*tree], *column, *weight, output, self.precision)?;
            }
        }
        let rules = || Rules { precision: self.precision, empty: Empty::Halved, ..Rules::plain(sums.len()) };
        let (inputs, has_gaps) = (prepared.inputs.len(), grown.has_gaps);
        if has_gaps && !self.may_have_gaps {
            return None;
        }
        let explained = match has_gaps {
            true => Some(Forest::new(grown.trees.iter().map(filled).collect(), inputs, rules()).ok()?),
            false => None,
        };
        let forest = Forest::new(grown.trees, inputs, rules()).ok()?;
        let operations = sums.iter().map(|sum| sum.operations.clone()).collect();
        Some(Treated { inputs: prepared.inputs.clone(), places, forest, explained, operations })
    }
}

/// The sum of what segments give, each with its weight; nothing where more than a factor was done to one.
fn added(segments: &[Segment], all: Vec<(Sum, Link)>) -> Option<Sum> {
    let mut trees = Vec::new();
    for (segment, (sum, link)) in segments.iter().zip(all) {
        let is_factor = |one: &Operation| matches!(one, Operation::Multiply(_) | Operation::Divide(_));
        if link != Link::Identity || !sum.operations.iter().all(is_factor) {
            return None;
        }
        let factor = segment.weight * Operation::factor(&sum.operations);
        trees.extend(sum.trees.into_iter().map(|(tree, column, weight)| (tree, column, weight * factor)));
    }
    Some(Sum { trees, operations: Vec::new() })
}

/// The places of a category's symbols.
fn places(treatment: &Treatment) -> Option<HashMap<u64, f64>> {
    let mut symbols: Vec<f64> = treatment.symbols.clone()?;
    symbols.extend(Some(treatment.replacement).filter(|symbol| !symbol.is_nan()));
    let mut places = HashMap::new();
    for symbol in symbols {
        let next = places.len() as f64;
        places.entry(key(symbol)).or_insert(next);
    }
    Some(places)
}

/// The tree with 0 in place of an answer that is missing.
fn filled(tree: &forest::Tree) -> forest::Tree {
    let mut tree = tree.clone();
    tree.leaves.iter_mut().filter(|leaf| leaf.value.is_nan()).for_each(|leaf| leaf.value = 0.0);
    tree
}
