//! Taking a prediction apart: the link at its end, and before it a sum of parts each of which is of one input alone, or
//! of trees.

use super::functions::{One, Two};
use super::program::{All, Op, Program, Step};
use super::tensor::{Cell, Kind};
use crate::link::Link;

/// Most steps taken to find the parts of a sum.
const STEPS_MAX: usize = 1 << 20;

/// Raw scores as sums.
#[derive(Debug)]
pub(super) struct Margin {
    pub sums: Vec<Sum>,
    pub link: Link,
    /// For every slot what it depends on.
    pub sources: Vec<Source>,
}

/// `constant` + the sum of weight x slot.
#[derive(Debug, Default)]
pub(super) struct Sum {
    pub constant: f64,
    pub terms: Vec<(u32, f64)>,
}

/// The inputs that a slot depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Input(u32),
    Several,
}

impl Margin {
    /// Nothing where the raw scores are no such sums. May add a step to the program.
    pub(super) fn of(program: &mut Program, outputs: &[Cell]) -> Option<Self> {
        let (cells, link, shift) = peel(program, outputs);
        let sources = sources(program);
        let sums = cells.iter().map(|cell| sum(program, &sources, *cell)).collect::<Option<Vec<Sum>>>();
        let mut sums = sums?;
        sums.iter_mut().for_each(|sum| sum.constant += shift);
        Some(Self { sums, link, sources })
    }
}

/// The step that writes a cell.
pub(super) fn writer(program: &Program, cell: Cell) -> Option<&Step> {
    match cell {
        Cell::At(slot) => program.writer(slot).map(|at| &program.steps[at]),
        Cell::Is(_) => None,
    }
}

/// What is inside the link, the link, and what is to be added inside.
fn peel(program: &mut Program, outputs: &[Cell]) -> (Vec<Cell>, Link, f64) {
    let logit = Link::Logit { slope: 1.0 };
    for (function, link) in [(One::Exp, Link::Log), (One::Sigmoid, logit), (One::Logistic, Link::LogitByHalf)] {
        let inner = |cell: &Cell| match writer(program, *cell) {
            Some(Step { op: Op::One(found, _, of), .. }) if *found == function => Some(*of),
            _ => None,
        };
        if let Some(inner) = outputs.iter().map(inner).collect::<Option<Vec<Cell>>>() {
            return (inner, link, 0.0);
        }
    }
    if let Some(found) = scaled_exponential(program, outputs) {
        return found;
    }
    if let Some(Step { op: Op::All(All::Softmax, kind, cells), to }) =
        outputs.first().and_then(|at| writer(program, *at))
    {
        let all = (0..cells.len() as u32).map(|at| Cell::At(to + at));
        if outputs.iter().copied().eq(all) {
            return (cells.clone(), Link::Softmax, 0.0);
        }
        if let ([output], [a, b]) = (outputs, &cells[..]) {
            // One of two: the logistic function of the difference.
            let (own, other) = if *output == Cell::At(*to) { (*a, *b) } else { (*b, *a) };
            let op = Op::Sum { kind: *kind, start: 0.0, terms: vec![(own, 1.0), (other, -1.0)] };
            let slot = program.slots as u32;
            program.steps.push(Step { op, to: slot });
            program.slots += 1;
            return (vec![Cell::At(slot)], logit, 0.0);
        }
    }
    (outputs.to_vec(), Link::Identity, 0.0)
}

/// c exp(x) is exp(x + log c).
fn scaled_exponential(program: &Program, outputs: &[Cell]) -> Option<(Vec<Cell>, Link, f64)> {
    let [output] = outputs else { return None };
    let (of, factor) = match writer(program, *output)?.op {
        Op::Two(Two::Multiply, _, of, Cell::Is(c)) | Op::Two(Two::Multiply, _, Cell::Is(c), of) => (of, c),
        Op::Two(Two::Divide, _, of, Cell::Is(c)) => (of, 1.0 / c),
        _ => return None,
    };
    match writer(program, of)?.op {
        Op::One(One::Exp, _, inner) if factor > 0.0 && factor.is_finite() => {
            Some((vec![inner], Link::Log, libm::log(factor)))
        }
        _ => None,
    }
}

fn sources(program: &Program) -> Vec<Source> {
    let mut sources: Vec<Source> = (0..program.inputs).map(|at| Source::Input(at as u32)).collect();
    for step in &program.steps {
        let mut source = None;
        step.op.reads(|cell| {
            if let Cell::At(slot) = cell {
                let of = sources[slot as usize];
                source = Some(if source.is_none_or(|source| source == of) { of } else { Source::Several });
            }
        });
        sources.resize(step.to as usize + step.op.width(), source.unwrap_or(Source::Several));
    }
    sources
}

/// The parts of a sum, in its order.
fn sum(program: &Program, sources: &[Source], cell: Cell) -> Option<Sum> {
    let mut sum = Sum::default();
    let mut open = vec![(cell, 1.0)];
    for _ in 0..STEPS_MAX {
        let Some((cell, weight)) = open.pop() else { return Some(sum) };
        let slot = match cell {
            Cell::Is(x) => {
                sum.constant += weight * x;
                continue;
            }
            Cell::At(slot) => slot,
        };
        let Some(step) = writer(program, cell).filter(|_| sources[slot as usize] == Source::Several) else {
            sum.terms.push((slot, weight));
            continue;
        };
        let float = |kind: &Kind| kind.is_float();
        match &step.op {
            Op::Trees(..) => sum.terms.push((slot, weight)),
            Op::Sum { kind, start, terms } if float(kind) => {
                sum.constant += weight * start;
                open.extend(terms.iter().rev().map(|(cell, by)| (*cell, weight * by)));
            }
            Op::Two(Two::Add, kind, a, b) if float(kind) => open.extend([(*b, weight), (*a, weight)]),
            Op::Two(Two::Subtract, kind, a, b) if float(kind) => open.extend([(*b, -weight), (*a, weight)]),
            Op::Two(Two::Multiply, kind, a, Cell::Is(by)) | Op::Two(Two::Multiply, kind, Cell::Is(by), a)
                if float(kind) =>
            {
                open.push((*a, weight * by));
            }
            Op::Two(Two::Divide, kind, a, Cell::Is(by)) if float(kind) => open.push((*a, weight / by)),
            Op::One(One::Negative, kind, a) if float(kind) => open.push((*a, -weight)),
            Op::One(One::Same, kind, a) if float(kind) => open.push((*a, weight)),
            _ => return None,
        }
    }
    None
}
