//! A forest: trees of tests on one input each, summed per output.
//!
//! A reader hands over [`Tree`]s as it found them; [`Forest::new`] checks that each really is a tree and lays it out
//! for scoring, as [`ranked::Ranks`] (small trees) and [`score::Walk`] (all others, and few rows), and for explaining,
//! as [`patterns::PatternTree`] (most trees) or [`paths::PathTree`] (those with long paths). All read rows through
//! *slots*: an input, with zeros taken as missing or not. Memory: about 30 bytes per node for scoring, and 300 for
//! explaining, from the first explanation on; while it explains, 8 MiB of rows and one tree's tables (1 MiB).

mod against;
mod background;
mod explain;
mod layout;
mod paths;
mod patterns;
mod quadrature;
mod ranked;
mod score;
mod single;
mod tables;
mod terms;
mod vector;

use std::sync::{Mutex, OnceLock, PoisonError};

pub(crate) use against::Against;
use against::Trees;
use explain::Paths;
use ranked::{RankWork, Ranks};
use score::Walk;

use crate::level::Level;

/// Deepest tree accepted. It bounds the scratch memory of the kernels; LightGBM's trees stay below some hundreds.
pub(crate) const DEPTH_MAX: usize = 1024;

/// Most leaves of a tree, LightGBM's own limit. It bounds the constants that explaining a tree needs.
pub(crate) const LEAVES_MAX: usize = 1 << 17;

/// Rows handled together: their features and contributions stay in the second-level cache while all trees pass by.
const BLOCK_ROWS: usize = 128;

/// Most rows explained together: as many as make a tree's tables cheap.
const EXPLAIN_ROWS: usize = 8192;

/// Most rows explained together against background rows.
const AGAINST_ROWS: usize = 2048;

/// Most contributions in hand (8 MiB of them) as long as one group of lanes has fewer.
const EXPLAIN_CELLS: usize = 1 << 20;

/// Rows side by side in the kernels' innermost loops.
const LANES: usize = 8;

/// Where a split sends a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Child {
    Split(u32),
    Leaf(u32),
}

/// What a split asks. True goes left.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Test {
    /// `x <= threshold`; a missing value goes left if `missing_left`. With `zero_missing` zeros (|x| <= 1e-35) are
    /// missing.
    AtMost { threshold: f64, missing_left: bool, zero_missing: bool },
    /// Bit `x` of the set goes left, and a missing value if `missing_left`; everything beyond the set goes right.
    In { words: Vec<u32>, missing_left: bool },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Split {
    pub input: u32,
    pub test: Test,
    pub left: Child,
    pub right: Child,
}

/// A leaf's own linear predictor: `constant + sum of coefficient x input`, if none of the inputs is missing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LeafTerms {
    pub constant: f64,
    pub terms: Vec<(u32, f64)>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Leaf {
    pub value: f64,
    /// Training rows that ended here; explanations need them.
    pub cover: f64,
    pub linear: Option<LeafTerms>,
}

/// One tree as read: split 0 is the root, or leaf 0 when there is no split.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tree {
    pub splits: Vec<Split>,
    pub leaves: Vec<Leaf>,
    pub output: usize,
}

impl Tree {
    /// Hangs a child under the split that it belongs to, on its left when that is said; the root is under none.
    pub(crate) fn hang(&mut self, child: Child, parent: Option<(usize, bool)>) {
        match parent {
            Some((split, true)) => self.splits[split].left = child,
            Some((split, false)) => self.splits[split].right = child,
            None => {}
        }
    }
}

/// The floating-point numbers that a model computes with. Values are `f64` everywhere; in single precision each of them
/// is a number that `f32` has, and every sum is rounded to one (rounding twice gives the same bits: 53 >= 2 x 24 + 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    Double,
    Single,
}

impl Precision {
    /// The number as this precision holds it.
    pub(crate) fn fit(self, x: f64) -> f64 {
        match self {
            Self::Double => x,
            Self::Single => f64::from(x as f32),
        }
    }
}

/// What contributions are where no training row reached a split, so that nothing is known of its sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Empty {
    /// The forest has none.
    Unexplained,
    /// Both sides are as likely. It matters only where a leaf below is not 0.
    Halved,
}

/// When a raw score's base is added, which its last bits depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base {
    /// Before all trees.
    First,
    /// After all trees.
    Last,
}

/// How the trees of an output become its raw score, and contributions to it.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub precision: Precision,
    /// One per output: what is added to the trees.
    pub base: Vec<f64>,
    pub base_comes: Base,
    /// Runs of trees that are summed on their own, and then added: 1, or 2 as ONNX Runtime has it on two threads.
    pub runs: usize,
    /// Predictions are the link of raw / scale: the number of iterations of a random forest, else 1.
    pub scale: f64,
    pub empty: Empty,
}

impl Rules {
    /// Trees alone, in double precision.
    pub(crate) fn plain(outputs: usize) -> Self {
        Self {
            precision: Precision::Double,
            base: vec![0.0; outputs],
            base_comes: Base::First,
            runs: 1,
            scale: 1.0,
            empty: Empty::Unexplained,
        }
    }
}

/// One column of the kernels' row blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot {
    input: u32,
    zero_missing: bool,
}

/// LightGBM's zero: `|x| <= 1e-35f`, the float's value.
const ZERO: f64 = 1e-35_f32 as f64;

/// Most rows of a call that walk down the trees: ranks are for 64 rows together, however few there are.
const WALKED_ROWS: usize = 7;

/// The layout that rows are scored by; the scores have the same bits. Few rows always walk.
struct Scorer {
    walk: Walk,
    ranks: Option<Ranks>,
    level: Level,
}

impl Scorer {
    fn new(
        trees: &[Tree],
        orders: &[Vec<layout::Visit>],
        slots: &[Slot],
        precision: Precision,
    ) -> Result<Self, String> {
        let walk = Walk::new(trees, orders, slots, precision)?;
        Ok(Self { walk, ranks: Ranks::new(trees, orders, precision), level: Level::detect() })
    }
}

/// What explaining needs, laid out when something is first explained: it is many times as large as what scoring needs.
struct Explainer {
    /// The trees until then.
    trees: Mutex<Vec<Tree>>,
    paths: OnceLock<Paths>,
}

pub(crate) struct Forest {
    inputs: usize,
    outputs: usize,
    rules: Rules,
    slots: Vec<Slot>,
    /// One for each run of trees.
    scorers: Vec<Scorer>,
    explainer: Option<Explainer>,
    bias: Vec<f64>,
    trees: usize,
    leaves: usize,
    depth: usize,
    is_linear: bool,
}

impl Forest {
    /// Check and lay out. The error names the tree (counted from 0) and what is wrong with it.
    pub(crate) fn new(trees: Vec<Tree>, inputs: usize, rules: Rules) -> Result<Self, (usize, String)> {
        let outputs = rules.base.len();
        let mut orders = Vec::with_capacity(trees.len());
        for (at, tree) in trees.iter().enumerate() {
            orders.push(layout::preorder(tree, inputs).map_err(|message| (at, message))?);
        }
        let slots = layout::slots(&trees);
        if slots.len() > usize::from(u16::MAX) {
            return Err((0, format!("{} inputs are used, at most {} are supported", slots.len(), u16::MAX)));
        }
        let run = trees.len().div_ceil(rules.runs.max(1)).max(1);
        let runs = trees.chunks(run).zip(orders.chunks(run));
        let scorers = runs.map(|(trees, orders)| Scorer::new(trees, orders, &slots, rules.precision));
        let scorers = scorers.collect::<Result<Vec<Scorer>, String>>().map_err(|message| (0, message))?;
        let bias = paths::bias(&trees, &orders, &rules);
        let added = |bias: &Vec<f64>| bias.iter().zip(&rules.base).map(|(bias, base)| bias + base).collect();
        let (explains, bias) = (bias.is_some(), bias.as_ref().map_or_else(Vec::new, added));
        let all = || trees.iter().flat_map(|tree| &tree.leaves);
        let (leaves, is_linear) = (all().count(), all().any(|leaf| leaf.linear.is_some()));
        let depth = orders.iter().flatten().map(|visit| visit.depth).max().unwrap_or(0);
        let count = trees.len();
        let explainer = explains.then(|| Explainer { trees: Mutex::new(trees), paths: OnceLock::new() });
        Ok(Self { inputs, outputs, rules, slots, scorers, explainer, bias, trees: count, leaves, depth, is_linear })
    }

    pub(crate) fn trees(&self) -> usize {
        self.trees
    }

    pub(crate) fn leaves(&self) -> usize {
        self.leaves
    }

    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// Whether leaves have linear predictors.
    pub(crate) fn is_linear(&self) -> bool {
        self.is_linear
    }

    pub(crate) fn explains(&self) -> bool {
        self.explainer.is_some()
    }

    pub(crate) fn scale(&self) -> f64 {
        self.rules.scale
    }

    pub(crate) fn bias(&self) -> &[f64] {
        &self.bias
    }

    /// Fill `raw` (rows x outputs) with base and trees for rows x inputs of `values`.
    pub(crate) fn score(&self, values: &[f64], raw: &mut [f64]) {
        match self.rules.base_comes {
            Base::First => raw.chunks_exact_mut(self.outputs).for_each(|raw| raw.copy_from_slice(&self.rules.base)),
            Base::Last => raw.fill(0.0),
        }
        let mut sums = Vec::new();
        for (at, scorer) in self.scorers.iter().enumerate() {
            if at == 0 {
                self.add_trees(scorer, values, raw);
                continue;
            }
            sums.clear();
            sums.resize(raw.len(), 0.0);
            self.add_trees(scorer, values, &mut sums);
            raw.iter_mut().zip(&sums).for_each(|(raw, sum)| *raw = self.rules.precision.fit(*raw + sum));
        }
        if self.rules.base_comes == Base::Last {
            let rows = raw.chunks_exact_mut(self.outputs);
            let pairs = rows.flat_map(|raw| raw.iter_mut().zip(&self.rules.base));
            pairs.for_each(|(raw, base)| *raw = self.rules.precision.fit(*raw + base));
        }
    }

    /// Add a run of trees.
    fn add_trees(&self, scorer: &Scorer, values: &[f64], raw: &mut [f64]) {
        match &scorer.ranks {
            Some(_) if raw.len() <= WALKED_ROWS * self.outputs => {
                for (row, raw) in values.chunks_exact(self.inputs).zip(raw.chunks_exact_mut(self.outputs)) {
                    let slots: Vec<f64> = self.slots.iter().map(|slot| layout::read(row, *slot)).collect();
                    scorer.walk.add_row(&slots, raw);
                }
            }
            Some(ranks) => {
                let rows = (values, self.inputs);
                vector::add_ranks(scorer.level, ranks, rows, raw, self.outputs, &mut RankWork::default());
            }
            None => {
                let mut block = Vec::new();
                let rows = values.chunks(BLOCK_ROWS * self.inputs);
                for (values, raw) in rows.zip(raw.chunks_mut(BLOCK_ROWS * self.outputs)) {
                    layout::gather(&mut block, values, self.inputs, &self.slots);
                    scorer.walk.add(&block, self.slots.len(), (values, self.inputs), raw, self.outputs);
                }
            }
        }
    }

    /// Lay the trees out for explaining, once.
    fn paths<'a>(&self, explainer: &'a Explainer) -> Option<&'a Paths> {
        if let Some(paths) = explainer.paths.get() {
            return Some(paths);
        }
        let mut trees = explainer.trees.lock().unwrap_or_else(PoisonError::into_inner);
        if explainer.paths.get().is_none() {
            let orders = trees.iter().map(|tree| layout::preorder(tree, self.inputs));
            let orders = orders.collect::<Result<Vec<_>, String>>().ok()?;
            let paths = Paths::new(&trees, &orders, &self.slots, &self.rules)?;
            *trees = Vec::new();
            let _ = explainer.paths.set(paths);
        }
        explainer.paths.get()
    }

    /// What explaining against background rows, of which there is at least one, needs; nothing of linear leaves.
    pub(crate) fn against(&self, background: &[f64]) -> Option<Against> {
        let walks: Vec<&Walk> = self.scorers.iter().map(|scorer| &scorer.walk).collect();
        let inputs = self.slot_inputs();
        let trees = Trees { walks: &walks, inputs: &inputs, outputs: self.outputs };
        let mut columns = Vec::new();
        layout::gather_columns(&mut columns, background, self.inputs, &self.slots);
        (!self.is_linear).then(|| Against::new(trees, columns, background.len() / self.inputs))
    }

    /// As [`Self::explain`], against background rows.
    pub(crate) fn explain_against(&self, against: &Against, values: &[f64], mut each: impl FnMut(&[f64])) {
        let walks: Vec<&Walk> = self.scorers.iter().map(|scorer| &scorer.walk).collect();
        let inputs = self.slot_inputs();
        let trees = Trees { walks: &walks, inputs: &inputs, outputs: self.outputs };
        let cells = self.inputs * self.outputs;
        let (mut columns, mut phi) = (Vec::new(), Vec::new());
        for values in values.chunks(explain_rows(cells).min(AGAINST_ROWS) * self.inputs) {
            layout::gather_columns(&mut columns, values, self.inputs, &self.slots);
            phi.clear();
            phi.resize(values.len() * self.outputs, 0.0);
            against.add(trees, &columns, values.len() / self.inputs, &mut phi);
            each(&phi);
        }
    }

    fn slot_inputs(&self) -> Vec<usize> {
        self.slots.iter().map(|slot| slot.input as usize).collect()
    }

    /// Call `each` with the contributions (rows x inputs x outputs) of one block of rows after the other.
    pub(crate) fn explain(&self, values: &[f64], mut each: impl FnMut(&[f64])) {
        let Some(paths) = self.explainer.as_ref().and_then(|explainer| self.paths(explainer)) else { return };
        let mut scratch = paths.scratch(self.inputs, self.outputs);
        let mut block = Vec::new();
        for values in values.chunks(explain_rows(self.inputs * self.outputs) * self.inputs) {
            layout::gather_lanes(&mut block, values, self.inputs, &self.slots);
            each(paths.explain(&block, values.len() / self.inputs, &mut scratch));
        }
    }
}

/// Rows explained together when each has this many contributions: whole groups of lanes.
fn explain_rows(cells: usize) -> usize {
    let rows = (EXPLAIN_CELLS / cells.max(1)).min(EXPLAIN_ROWS);
    (rows - rows % LANES).max(LANES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forest_is_laid_out_for_explaining_once_and_by_whoever_asks_first() {
        let leaf = |value, cover| Leaf { value, cover, linear: None };
        let test = Test::AtMost { threshold: 0.5, missing_left: true, zero_missing: false };
        let split = Split { input: 0, test, left: Child::Leaf(0), right: Child::Leaf(1) };
        let tree = Tree { splits: vec![split], leaves: vec![leaf(-1.0, 3.0), leaf(1.0, 1.0)], output: 0 };
        let forest = Forest::new(vec![tree; 3], 1, Rules::plain(1)).unwrap();
        assert!(forest.explains() && forest.bias() == [-1.5]);
        let explained = || {
            let mut all = Vec::new();
            forest.explain(&[0.0, 1.0, f64::NAN], |block| all.extend_from_slice(block));
            all
        };
        let expected = vec![-1.5, 4.5, -1.5];
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(explained)).collect();
            threads.into_iter().for_each(|thread| assert_eq!(thread.join().unwrap(), expected));
        });
        assert!(forest.explainer.unwrap().trees.lock().unwrap().is_empty());
    }

    #[test]
    fn a_block_holds_a_bounded_number_of_contributions_and_whole_groups() {
        for (cells, rows) in [(0, 8192), (1, 8192), (128, 8192), (129, 8128), (2049, 504), (100_000, 8), (1 << 18, 8)] {
            assert_eq!(explain_rows(cells), rows, "{cells}");
        }
    }
}
