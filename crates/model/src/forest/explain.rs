//! Exact path-dependent TreeSHAP. Most trees are looked up ([`super::tables`]); those with long paths are walked here,
//! eight rows at a time.
//!
//! For a leaf of value v let j run over the distinct inputs on its path: z_j is the product of the cover ratios of the
//! edges that test j, o_j is 1 where the row passes all of them, else 0. The Shapley value of input i is then
//!
//! ```text
//! phi_i = sum over leaves  v (o_i - z_i)  integral_0^1  product_{j != i} (z_j (1 - t) + o_j t)  dt
//! ```
//!
//! (the integral of the multilinear extension along its diagonal, Owen 1972; the game is that of Lundberg et al. 2020,
//! algorithm 1). The product is a polynomial of t, so Gauss-Legendre with half as many points as inputs on the longest
//! path is exact, and all its factors are positive.
//!
//! Leaves share their paths, so the products are not made leaf by leaf: on the way down the tree each edge replaces its
//! input's factor f = z (1 - t) + o t by a new one f', on the way up the sum S of everything below it is known, and the
//! edge adds S ((o' - z') / f' - (o - z) / f) to its input (as linear TreeSHAP does, Yu et al. 2022). For a given edge
//! and point all these are constants of three cases: the row goes left, it goes right, or it had failed an earlier test
//! of the same input and is not here at all. They are tabulated once per tree and block of rows, and picked by masks.
//!
//! Cost: per row about splits x points x 20 flops; the constants of a tree are made anew for each block of
//! [`WALKED_ROWS`] rows, so that the memory does not depend on the number of trees. A lane's arithmetic never depends
//! on its neighbours, and is the same on every processor (see [`super::vector`]).

use super::layout::Visit;
use super::paths::{Fork, LEFT, PathTree, RIGHT, SlotTest, Step};
use super::patterns::{PLAYERS_MAX, PatternTree};
use super::quadrature::Quadrature;
use super::score::in_words;
use super::single::{Row, Single};
use super::tables::{Block, Cells, Tables};
use super::vector;
use super::{EXPLAIN_ROWS, LANES, Rules, Slot, Tree};
use crate::level::Level;

/// A number for each of eight rows, in one cache line: stores that cross two are twice as slow.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Lanes(pub [f64; LANES]);

/// All ones in the lanes of the rows that are meant.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Mask([u64; LANES]);

/// Numbers of points of the rules; a tree takes the next one (more points than needed are exact as well).
const POINTS: [usize; 11] = [1, 2, 3, 4, 5, 6, 7, 8, 12, 32, 512];

/// Most points the kernel is made for: the last rule goes through it in parts, so that the constants of a large tree
/// with one long path stay bounded.
const POINTS_MAX: usize = 32;

/// Most rows of a call that are explained one after the other.
const SINGLE_ROWS: usize = 2;

/// Rows walked together: their contributions stay in the second-level cache.
const WALKED_ROWS: usize = 512;

/// All trees' paths.
pub(super) struct Paths {
    tabled: Vec<PatternTree>,
    walked: Vec<PathTree>,
    /// One for each entry of [`POINTS`]; only those needed are filled.
    rules: Vec<Quadrature>,
    /// The rule of `n` points at `n`, for trees with tables.
    table_rules: Vec<Quadrature>,
    slots: usize,
    level: Level,
}

/// The constants of a split's two edges at one point.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Constants {
    sides: [Case; 2],
}

/// The constants of one edge.
#[derive(Debug, Clone, Copy, Default)]
struct Case {
    /// What the product is multiplied by when the row goes to this side, to the other side, does not reach the split.
    here: f64,
    there: f64,
    gone: f64,
    /// Weight of the sum below for this split's input; 0 when the row does not reach the split.
    gain: f64,
    loss: f64,
}

/// Working memory of [`Paths::explain`], made once per call for many rows.
pub(super) struct Scratch {
    work: Work,
    tables: Tables,
    single: Single,
    /// Groups x outputs x inputs, of the trees that are walked.
    phi: Vec<Lanes>,
    rows: Vec<f64>,
    inputs: usize,
    outputs: usize,
}

/// What one tree needs for one group of rows.
#[derive(Default)]
pub(super) struct Work {
    /// Splits x points.
    constants: Vec<Constants>,
    /// Of each split the rows that go left and those that go right; a row that does not reach it is in neither.
    masks: Vec<[Mask; 2]>,
    /// Depths x points: the product of all factors down to a split.
    products: Vec<Lanes>,
    /// Depths x points, for each side of the split above: the sum of everything below.
    sums: [Vec<Lanes>; 2],
}

impl Paths {
    /// Nothing when the trees have no contributions: linear leaves, or a split no training row reached.
    pub(super) fn new(trees: &[Tree], orders: &[Vec<Visit>], slots: &[Slot], rules: &Rules) -> Option<Self> {
        let (mut tabled, mut walked) = (Vec::new(), Vec::new());
        let mut needed = [false; POINTS.len()];
        for (tree, order) in trees.iter().zip(orders) {
            let path = PathTree::new(tree, order, slots, rules.empty)?;
            let rule = rule_of(&path);
            match PatternTree::new(&path, POINTS[rule]) {
                Some(tree) => tabled.push(tree),
                None if path.forks.is_empty() => {}
                None => {
                    needed[rule] = true;
                    walked.push(path);
                }
            }
        }
        let rules = POINTS.iter().zip(needed).map(|(points, needed)| Quadrature::new(if needed { *points } else { 0 }));
        let table_rules = (0..=PLAYERS_MAX.div_ceil(2)).map(Quadrature::new).collect();
        let (rules, slots, level) = (rules.collect(), slots.len(), Level::detect());
        Some(Self { tabled, walked, rules, table_rules, slots, level })
    }

    pub(super) fn scratch(&self, inputs: usize, outputs: usize) -> Scratch {
        let (work, tables, single) = (Work::default(), Tables::default(), Single::default());
        Scratch { work, tables, single, phi: Vec::new(), rows: Vec::new(), inputs, outputs }
    }

    /// Contributions (rows x inputs x outputs) of a block, groups x slots x lanes.
    pub(super) fn explain<'a>(&self, block: &[Lanes], rows: usize, scratch: &'a mut Scratch) -> &'a [f64] {
        debug_assert!(rows <= EXPLAIN_ROWS);
        let (cells, outputs) = (scratch.inputs * scratch.outputs, scratch.outputs);
        scratch.rows.clear();
        scratch.rows.resize(rows * cells, 0.0);
        if rows <= SINGLE_ROWS {
            for (row, to) in scratch.rows.chunks_exact_mut(cells).enumerate() {
                let row = Row { features: &block[row / LANES * self.slots..], lane: row % LANES };
                vector::add_row(self.level, &self.tabled, &self.table_rules, row, (to, outputs), &mut scratch.single);
            }
        }
        let tabled = if rows <= SINGLE_ROWS { &[] } else { self.tabled.as_slice() };
        for tree in tabled {
            let block = Block { features: block, slots: self.slots };
            let to = Cells { values: &mut scratch.rows, cells, outputs };
            vector::add_tables(self.level, tree, &self.table_rules, block, to, &mut scratch.tables);
        }
        if !self.walked.is_empty() {
            let blocks = block.chunks(WALKED_ROWS / LANES * self.slots);
            for (at, block) in blocks.enumerate() {
                self.walk(block, at * WALKED_ROWS, scratch);
            }
        }
        &scratch.rows
    }

    /// Add the contributions of the trees that are walked to the rows from `first` on.
    fn walk(&self, block: &[Lanes], first: usize, scratch: &mut Scratch) {
        let (inputs, outputs) = (scratch.inputs, scratch.outputs);
        scratch.phi.clear();
        scratch.phi.resize(block.len() / self.slots * outputs * inputs, Lanes([0.0; LANES]));
        for tree in &self.walked {
            let rule = &self.rules[rule_of(tree)];
            for (points, weights) in rule.points.chunks(POINTS_MAX).zip(rule.weights.chunks(POINTS_MAX)) {
                scratch.work.prepare(tree, points, weights);
                for (group, phi) in scratch.phi.chunks_exact_mut(outputs * inputs).enumerate() {
                    let features = &block[group * self.slots..(group + 1) * self.slots];
                    let phi = &mut phi[tree.output * inputs..(tree.output + 1) * inputs];
                    vector::run(self.level, tree, points.len(), features, &mut scratch.work, phi);
                }
            }
        }
        let rows = scratch.rows.chunks_exact_mut(inputs * outputs).skip(first).take(WALKED_ROWS);
        for (row, cells) in rows.enumerate() {
            let group = &scratch.phi[row / LANES * outputs * inputs..];
            for (at, cell) in cells.iter_mut().enumerate() {
                *cell += group[at % outputs * inputs + at / outputs].0[row % LANES];
            }
        }
    }
}

fn rule_of(tree: &PathTree) -> usize {
    let points = tree.players.div_ceil(2);
    POINTS.partition_point(|have| *have < points).min(POINTS.len() - 1)
}

impl Work {
    /// Tabulate a tree's constants at some points and make room.
    fn prepare(&mut self, tree: &PathTree, points: &[f64], weights: &[f64]) {
        self.constants.clear();
        for fork in &tree.forks {
            self.constants.extend(points.iter().map(|t| Constants::new(fork, *t)));
        }
        self.masks.resize(tree.forks.len(), [Mask([0; LANES]); 2]);
        let depths = (tree.depth + 1) * points.len();
        self.products.resize(self.products.len().max(depths), Lanes([0.0; LANES]));
        self.sums.iter_mut().for_each(|sums| sums.resize(sums.len().max(depths), Lanes([0.0; LANES])));
        for (product, weight) in self.products.iter_mut().zip(weights) {
            *product = Lanes([*weight; LANES]);
        }
    }
}

impl Constants {
    fn new(fork: &Fork, t: f64) -> Self {
        Self { sides: fork.ratios.map(|ratio| Case::new(fork.ratio_before, ratio, t)) }
    }
}

impl Case {
    /// `before` and `ratio` are z and z', without and with the edge to this side. A ratio of 0 (no training row took
    /// this edge) makes the product and the sum 0, so any finite number will do where the formula has 0 / 0.
    fn new(before: f64, ratio: f64, t: f64) -> Self {
        let f = before * (1.0 - t) + t;
        let f_here = ratio * (1.0 - t) + t;
        let unread = (1.0 - before) / f;
        Self {
            here: f_here / f,
            there: ratio * (1.0 - t) / f,
            gone: if before > 0.0 { ratio / before } else { 0.0 },
            gain: (1.0 - ratio) / f_here - unread,
            loss: -1.0 / (1.0 - t) - unread,
        }
    }
}

/// Which rows go to which side of every split.
#[inline(always)]
fn pass(tree: &PathTree, features: &[Lanes], masks: &mut [[Mask; 2]]) {
    for at in 0..tree.forks.len() {
        let fork = &tree.forks[at];
        let left = match &fork.test {
            SlotTest::AtMost { slot, threshold, missing_left } => {
                let missing = mask(*missing_left);
                features[*slot as usize].0.map(|x| mask(x <= *threshold) | (mask(x.is_nan()) & missing))
            }
            SlotTest::In { slot, words, missing_left } => {
                features[*slot as usize].0.map(|x| mask(in_words(words, *missing_left, x)))
            }
        };
        let here = fork.before.map_or([u64::MAX; LANES], |(split, side)| masks[split as usize][side].0);
        masks[at] = [
            Mask(std::array::from_fn(|lane| here[lane] & left[lane])),
            Mask(std::array::from_fn(|lane| here[lane] & !left[lane])),
        ];
    }
}

#[inline(always)]
fn mask(yes: bool) -> u64 {
    0_u64.wrapping_sub(u64::from(yes))
}

#[inline(always)]
fn pick(value: f64, mask: u64) -> u64 {
    value.to_bits() & mask
}

/// Add the contributions of one tree to eight rows: `features` are slots x lanes, `phi` inputs x lanes. `POINTS` is the
/// number of points that `work` was prepared for.
#[inline(always)]
pub(super) fn run<const POINTS: usize>(tree: &PathTree, features: &[Lanes], work: &mut Work, phi: &mut [Lanes]) {
    pass(tree, features, &mut work.masks);
    let constants = work.constants.as_chunks::<POINTS>().0;
    let products = work.products.as_chunks_mut::<POINTS>().0;
    let [left, right] = &mut work.sums;
    let sums = [left.as_chunks_mut::<POINTS>().0, right.as_chunks_mut::<POINTS>().0];
    for step in &tree.steps {
        match *step {
            Step::Down { split, side, depth } => {
                let (split, depth) = (split as usize, depth as usize);
                let (above, below) = products.split_at_mut(depth + 1);
                multiply(&constants[split], side, &work.masks[split], &above[depth], 1.0, &mut below[0]);
            }
            Step::Leaf { split, side, depth, value } => {
                let (split, depth) = (split as usize, depth as usize);
                let sum = &mut sums[side][depth + 1];
                multiply(&constants[split], side, &work.masks[split], &products[depth], value, sum);
            }
            Step::Up { split, side, depth } => {
                let (split, depth) = (split as usize, depth as usize);
                let below = [sums[LEFT][depth + 1], sums[RIGHT][depth + 1]];
                let input = tree.forks[split].input as usize;
                gather(&constants[split], &work.masks[split], &below, &mut sums[side][depth], &mut phi[input]);
            }
        }
    }
}

/// Keeps the compiler from vectorising over many points, with gathers and scatters, instead of over the lanes (it makes
/// the kernel three times slower). Few points are unrolled, and that is left alone.
#[inline(always)]
fn apart<const POINTS: usize>(k: usize) -> usize {
    if POINTS > 5 { std::hint::black_box(k) } else { k }
}

/// `to = from x factor of the edge x value`.
#[inline(always)]
fn multiply<const POINTS: usize>(
    constants: &[Constants; POINTS],
    side: usize,
    masks: &[Mask; 2],
    from: &[Lanes; POINTS],
    value: f64,
    to: &mut [Lanes; POINTS],
) {
    let (here, there) = (&masks[side].0, &masks[1 - side].0);
    for k in 0..POINTS {
        let k = apart::<POINTS>(k);
        let case = &constants[k].sides[side];
        for lane in 0..LANES {
            let (here, there) = (here[lane], there[lane]);
            let bits = pick(case.here, here) | pick(case.there, there) | pick(case.gone, !(here | there));
            to[k].0[lane] = from[k].0[lane] * (f64::from_bits(bits) * value);
        }
    }
}

/// Add both sides' sums, and give the split's input its share.
#[inline(always)]
fn gather<const POINTS: usize>(
    constants: &[Constants; POINTS],
    masks: &[Mask; 2],
    below: &[[Lanes; POINTS]; 2],
    sum: &mut [Lanes; POINTS],
    phi: &mut Lanes,
) {
    for k in 0..POINTS {
        let k = apart::<POINTS>(k);
        let [left, right] = &constants[k].sides;
        for lane in 0..LANES {
            let (goes_left, goes_right) = (masks[LEFT].0[lane], masks[RIGHT].0[lane]);
            let weight_left = f64::from_bits(pick(left.gain, goes_left) | pick(left.loss, goes_right));
            let weight_right = f64::from_bits(pick(right.gain, goes_right) | pick(right.loss, goes_left));
            let (left, right) = (below[LEFT][k].0[lane], below[RIGHT][k].0[lane]);
            phi.0[lane] += left * weight_left + right * weight_right;
            sum[k].0[lane] = left + right;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Child, Leaf, Split, Test, layout};
    use super::*;

    /// A tree that is one long path to the right, testing inputs in turn.
    fn path(splits: u32, inputs: u32, leaf: impl Fn(u32) -> Leaf) -> Tree {
        let split = |at: u32| Split {
            input: at % inputs,
            test: Test::AtMost {
                threshold: f64::from(at % 5) - 2.0,
                missing_left: at.is_multiple_of(2),
                zero_missing: false,
            },
            left: Child::Leaf(at),
            right: if at + 1 < splits { Child::Split(at + 1) } else { Child::Leaf(splits) },
        };
        Tree { splits: (0..splits).map(split).collect(), leaves: (0..=splits).map(leaf).collect(), output: 0 }
    }

    fn explain(tree: Tree, inputs: usize, values: &[f64], level: Level) -> Vec<f64> {
        let trees = [tree];
        let orders = [layout::preorder(&trees[0], inputs).unwrap()];
        let slots = layout::slots(&trees);
        let mut block = Vec::new();
        layout::gather_lanes(&mut block, values, inputs, &slots);
        let mut paths = Paths::new(&trees, &orders, &slots, &Rules::plain(1)).unwrap();
        paths.level = level;
        paths.explain(&block, values.len() / inputs, &mut paths.scratch(inputs, 1)).to_vec()
    }

    #[test]
    fn every_level_of_the_processor_gives_the_same_bits() {
        let leaf = |at: u32| Leaf { value: f64::from(at) - 3.0, cover: f64::from(at % 9 + 1), linear: None };
        for (splits, inputs) in [(1, 7), (2, 7), (4, 7), (9, 7), (40, 7), (12, 12), (20, 20), (60, 60), (150, 150)] {
            let cell = |at: usize| if at.is_multiple_of(11) { f64::NAN } else { (at % 6) as f64 - 1.5 };
            let values: Vec<f64> = (0..inputs as usize * 300).map(cell).collect();
            let bits = |level| -> Vec<u64> {
                let result = explain(path(splits, inputs, leaf), inputs as usize, &values, level);
                result.iter().map(|x| x.to_bits()).collect()
            };
            let results: Vec<Vec<u64>> = Level::all().into_iter().map(bits).collect();
            assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{splits} splits");
        }
    }

    /// The last leaf alone is 1, and every split sends half of its rows on. With z = 1/2 the integrals have closed
    /// forms.
    #[test]
    fn the_longest_paths_are_exact() {
        for n in [2_u32, 11, 12, 25, 64, 65, 200, 1000] {
            let value = |at: u32| f64::from(u8::from(at == n));
            let cover = |at: u32| 0.5_f64.powi(at.min(n - 1) as i32 + 1);
            let leaf = |at: u32| Leaf { value: value(at), cover: cover(at), linear: None };
            let mut rows = vec![10.0; n as usize * 2];
            rows[n as usize] = -10.0;
            let ours = explain(path(n, n, leaf), n as usize, &rows, Level::detect());
            let (passes, fails) = ours.split_at(n as usize);
            let (count, share) = (f64::from(n), (1.0 - 0.5_f64.powi(n as i32)) / f64::from(n));
            let other = (1.0 - 0.5_f64.powi(n as i32 - 1)) / (count - 1.0) - share;
            let close = |a: f64, b: f64| (a - b).abs() < 1e-13;
            assert!(passes.iter().all(|phi| close(*phi, share)), "{n} splits: {:?} is not {share}", passes.first());
            assert!(close(fails[0], -share), "{n} splits: {} is not -{share}", fails[0]);
            assert!(fails[1..].iter().all(|phi| close(*phi, other)), "{n} splits: {:?} is not {other}", fails.get(1));
        }
    }
}
