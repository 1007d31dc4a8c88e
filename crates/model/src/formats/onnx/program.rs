//! What a graph computes of one row: steps in order, each of which writes its own slots.
//!
//! A graph is traced with one row at load ([`super::trace`]), so that all shapes are known and only numbers are left:
//! the program has no tensors. The first slots are the inputs. A slot is written once, by one step, which only reads
//! slots before it. Constants are folded while tracing, by running the step itself.
//!
//! Rows go through in blocks, slot by slot: a step's numbers for all rows of the block lie side by side. A row never
//! sees its neighbours. Functions come from `libm`, rounded to the type of the tensor: the same bits on every machine.

use std::collections::HashMap;
use std::sync::Arc;

use super::functions::{One, Two};
use super::machines::{self, Svm};
use super::tensor::{Cell, Kind};
use super::trees::Ensemble;

/// Numbers of a block of rows in hand, at most.
const CELLS: usize = 1 << 18;

/// Most rows of a block.
const ROWS: usize = 64;

#[derive(Debug, Clone)]
pub(super) enum Op {
    One(One, Kind, Cell),
    Two(Two, Kind, Cell, Cell),
    /// The second where the first is true, else the third.
    Choose(Cell, Cell, Cell),
    /// `start` + the sum of weight x cell, in this order.
    Sum {
        kind: Kind,
        start: f64,
        terms: Vec<(Cell, f64)>,
    },
    /// 1 where the cell is the number.
    Is(Cell, f64),
    /// The number that stands for the cell's ([`crate::linear::key`]); another where it is in no row, or not a number.
    Table {
        of: Cell,
        rows: Arc<HashMap<u64, f64>>,
        default: f64,
        missing: f64,
    },
    /// One of the others, by its place (from the end if negative); not a number where there is none.
    Pick(Cell, Vec<Cell>),
    /// The place of the largest, the first or the last of equal ones.
    Largest {
        of: Vec<Cell>,
        last: bool,
    },
    /// As many numbers as cells.
    All(All, Kind, Vec<Cell>),
    /// One number per target.
    Trees(Arc<Ensemble>, Vec<Cell>),
    Svm(Arc<Svm>, Vec<Cell>),
    /// The probabilities of classes, from those of the first of each pair ([`machines::couple`]).
    Coupled {
        pairs: Vec<Cell>,
        classes: usize,
    },
}

/// Functions of many numbers that give as many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum All {
    Softmax,
    /// Numbers that are as good as 0 take no part.
    SoftmaxZero,
    LogSoftmax,
    /// Divided by the largest, the sum of absolute values, the root of the sum of squares.
    ByMax,
    ByL1,
    ByL2,
}

#[derive(Debug, Clone)]
pub(super) struct Step {
    pub op: Op,
    /// The first of its slots.
    pub to: u32,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Program {
    pub inputs: usize,
    pub steps: Vec<Step>,
    pub slots: usize,
}

impl Op {
    /// Numbers it gives.
    pub(super) fn width(&self) -> usize {
        match self {
            Self::All(_, _, cells) => cells.len(),
            Self::Trees(trees, _) => trees.targets,
            Self::Coupled { classes, .. } => *classes,
            _ => 1,
        }
    }

    /// Call `each` with every cell it reads.
    pub(super) fn reads(&self, mut each: impl FnMut(Cell)) {
        match self {
            Self::One(_, _, a) | Self::Is(a, _) | Self::Table { of: a, .. } => each(*a),
            Self::Two(_, _, a, b) => [*a, *b].into_iter().for_each(each),
            Self::Choose(a, b, c) => [*a, *b, *c].into_iter().for_each(each),
            Self::Sum { terms, .. } => terms.iter().for_each(|(cell, _)| each(*cell)),
            Self::Pick(at, cells) => {
                each(*at);
                cells.iter().for_each(|cell| each(*cell));
            }
            Self::Largest { of: cells, .. }
            | Self::All(_, _, cells)
            | Self::Trees(_, cells)
            | Self::Svm(_, cells)
            | Self::Coupled { pairs: cells, .. } => cells.iter().for_each(|cell| each(*cell)),
        }
    }

    pub(super) fn is_constant(&self) -> bool {
        let mut all = true;
        self.reads(|cell| all &= matches!(cell, Cell::Is(_)));
        all
    }

    /// The numbers for one row; `read` gives its cells.
    pub(super) fn values(&self, read: impl Fn(Cell) -> f64, to: &mut [f64]) {
        match self {
            Self::All(all, kind, cells) => {
                to.iter_mut().zip(cells).for_each(|(to, cell)| *to = read(*cell));
                all.apply(to);
                to.iter_mut().for_each(|x| *x = kind.fit(*x));
            }
            Self::Trees(trees, cells) => trees.values(|at| read(cells[at]), to),
            Self::Coupled { pairs, .. } => {
                machines::couple(&pairs.iter().map(|cell| read(*cell)).collect::<Vec<f64>>(), to);
                to.iter_mut().for_each(|x| *x = Kind::Single.fit(*x));
            }
            _ => to[0] = self.value(read),
        }
    }

    fn value(&self, read: impl Fn(Cell) -> f64) -> f64 {
        match self {
            Self::One(function, kind, a) => kind.fit(function.of(read(*a))),
            Self::Two(function, kind, a, b) => function.of(*kind, read(*a), read(*b)),
            Self::Choose(condition, a, b) => match read(*condition) {
                x if x.is_nan() => x,
                0.0 => read(*b),
                _ => read(*a),
            },
            Self::Sum { kind, start, terms } => {
                terms.iter().fold(*start, |sum, (cell, weight)| kind.fit(sum + kind.fit(read(*cell) * weight)))
            }
            Self::Is(a, number) => f64::from(u8::from(read(*a) == *number)),
            Self::Table { of, rows, default, missing } => match read(*of) {
                x if x.is_nan() => *missing,
                x => rows.get(&crate::linear::key(x)).copied().unwrap_or(*default),
            },
            Self::Pick(at, cells) => {
                let at = read(*at);
                let from = if at < 0.0 { at + cells.len() as f64 } else { at };
                let found = if from >= 0.0 { cells.get(from as usize) } else { None };
                found.map_or(f64::NAN, |cell| read(*cell))
            }
            Self::Largest { of, last } => {
                let better = |best: f64, x: f64| if *last { x >= best } else { x > best };
                let mut best = 0;
                for at in 1..of.len() {
                    if better(read(of[best]), read(of[at])) {
                        best = at;
                    }
                }
                best as f64
            }
            Self::Svm(svm, cells) => svm.value(|at| read(cells[at])),
            Self::All(..) | Self::Trees(..) | Self::Coupled { .. } => f64::NAN,
        }
    }
}

impl All {
    fn apply(self, x: &mut [f64]) {
        let largest = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        match self {
            Self::Softmax => {
                x.iter_mut().for_each(|x| *x = libm::exp(*x - largest));
                divide(x, x.iter().sum());
            }
            Self::SoftmaxZero => {
                let tiny = 1e-7_f32.into();
                let sum = x.iter_mut().fold(0.0, |sum, x| match x.abs() > tiny {
                    true => {
                        *x = libm::exp(*x - largest);
                        sum + *x
                    }
                    false => {
                        *x *= libm::exp(-largest);
                        sum
                    }
                });
                divide(x, sum);
            }
            Self::LogSoftmax => {
                let sum: f64 = x.iter().map(|x| libm::exp(*x - largest)).sum();
                let log = libm::log(sum);
                x.iter_mut().for_each(|x| *x = *x - largest - log);
            }
            Self::ByMax => divide(x, largest),
            Self::ByL1 => divide(x, x.iter().map(|x| x.abs()).sum()),
            Self::ByL2 => divide(x, x.iter().map(|x| x * x).sum::<f64>().sqrt()),
        }
    }
}

/// All of them by a number that is not 0.
fn divide(x: &mut [f64], by: f64) {
    if by != 0.0 {
        x.iter_mut().for_each(|x| *x /= by);
    }
}

impl Program {
    /// The place of a step in the program that writes a slot; nothing for an input.
    pub(super) fn writer(&self, slot: u32) -> Option<usize> {
        if (slot as usize) < self.inputs {
            return None;
        }
        self.steps.partition_point(|step| step.to <= slot).checked_sub(1)
    }

    /// Trees of all steps.
    pub(super) fn trees(&self) -> usize {
        let trees = |step: &Step| match &step.op {
            Op::Trees(trees, _) => trees.roots.len(),
            _ => 0,
        };
        self.steps.iter().map(trees).sum()
    }

    /// Steps that the cells need, in order, and those slots marked that are needed.
    pub(super) fn needed(&self, cells: impl IntoIterator<Item = Cell>) -> Vec<usize> {
        let mut wanted = vec![false; self.slots];
        let want = |cell: Cell, wanted: &mut Vec<bool>| {
            if let Cell::At(slot) = cell {
                wanted[slot as usize] = true;
            }
        };
        cells.into_iter().for_each(|cell| want(cell, &mut wanted));
        let mut needed = Vec::new();
        for (at, step) in self.steps.iter().enumerate().rev() {
            let to = step.to as usize;
            if wanted[to..to + step.op.width()].contains(&true) {
                needed.push(at);
                step.op.reads(|cell| want(cell, &mut wanted));
            }
        }
        needed.reverse();
        needed
    }

    /// Only what the cells need: the slots of steps are numbered anew, those of inputs stay.
    pub(super) fn pruned(&self, cells: &mut [Cell]) -> Self {
        let mut moved: HashMap<u32, u32> = HashMap::new();
        let mut pruned = Self { inputs: self.inputs, steps: Vec::new(), slots: self.inputs };
        for at in self.needed(cells.iter().copied()) {
            let mut step = self.steps[at].clone();
            step.op.rename(|slot| moved.get(&slot).copied().unwrap_or(slot));
            for offset in 0..step.op.width() {
                moved.insert(self.steps[at].to + offset as u32, (pruned.slots + offset) as u32);
            }
            step.to = pruned.slots as u32;
            pruned.slots += step.op.width();
            pruned.steps.push(step);
        }
        for cell in cells {
            if let Cell::At(slot) = cell {
                *slot = moved.get(slot).copied().unwrap_or(*slot);
            }
        }
        pruned
    }

    /// The outputs (rows x outputs) of rows x inputs.
    pub(super) fn run(&self, values: &[f64], outputs: &[Cell], raw: &mut [f64]) {
        let rows = (CELLS / self.slots.max(1)).clamp(1, ROWS);
        let mut cells = vec![0.0; self.slots * rows];
        let (inputs, width) = (self.inputs.max(1), outputs.len().max(1));
        let mut wide = Vec::new();
        for (values, raw) in values.chunks(rows * inputs).zip(raw.chunks_mut(rows * width)) {
            for (row, values) in values.chunks_exact(inputs).enumerate() {
                values.iter().enumerate().for_each(|(slot, value)| cells[slot * rows + row] = *value);
            }
            let count = values.len() / inputs;
            for step in &self.steps {
                let (before, to) = cells.split_at_mut(step.to as usize * rows);
                wide.resize(step.op.width(), 0.0);
                for row in 0..count {
                    step.op.values(|cell| read(before, rows, row, cell), &mut wide);
                    wide.iter().enumerate().for_each(|(slot, value)| to[slot * rows + row] = *value);
                }
            }
            for (row, raw) in raw.chunks_exact_mut(width).enumerate() {
                raw.iter_mut().zip(outputs).for_each(|(raw, cell)| *raw = read(&cells, rows, row, *cell));
            }
        }
    }

    /// A cell of a row of which one input is known, by the steps that [`Self::needed`] gave for it.
    pub(super) fn probe(&self, steps: &[usize], cell: Cell, (input, value): (usize, f64), row: &mut Vec<f64>) -> f64 {
        row.resize(self.slots, f64::NAN);
        row[input] = value;
        for at in steps {
            let step = &self.steps[*at];
            let (before, to) = row.split_at_mut(step.to as usize);
            step.op.values(|cell| read(before, 1, 0, cell), &mut to[..step.op.width()]);
        }
        read(row, 1, 0, cell)
    }
}

fn read(cells: &[f64], rows: usize, row: usize, cell: Cell) -> f64 {
    match cell {
        Cell::Is(x) => x,
        Cell::At(slot) => cells[slot as usize * rows + row],
    }
}

impl Op {
    fn rename(&mut self, new: impl Fn(u32) -> u32) {
        let change = |cell: &mut Cell| {
            if let Cell::At(slot) = cell {
                *slot = new(*slot);
            }
        };
        match self {
            Self::One(_, _, a) | Self::Is(a, _) | Self::Table { of: a, .. } => change(a),
            Self::Two(_, _, a, b) => [a, b].into_iter().for_each(change),
            Self::Choose(a, b, c) => [a, b, c].into_iter().for_each(change),
            Self::Sum { terms, .. } => terms.iter_mut().for_each(|(cell, _)| change(cell)),
            Self::Pick(at, cells) => {
                change(at);
                cells.iter_mut().for_each(change);
            }
            Self::Largest { of: cells, .. }
            | Self::All(_, _, cells)
            | Self::Trees(_, cells)
            | Self::Svm(_, cells)
            | Self::Coupled { pairs: cells, .. } => cells.iter_mut().for_each(change),
        }
    }
}
