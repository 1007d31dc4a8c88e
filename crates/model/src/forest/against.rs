//! Exact interventional contributions: what each input changes when a row takes the place of background rows.
//!
//! The game of a row x and a background row b: a coalition's value is the score of b with the coalition's inputs taken
//! from x (Lundberg et al. 2020, "interventional"). The contributions are the mean over the background, and add up
//! with the mean score of the background to the row's score.
//!
//! Of the inputs on a leaf's path let b fail the tests of those in P, and x of those in Q. If P and Q share an input no
//! coalition reaches the leaf. Else those that do hold P and nothing of Q, so that with p = |P| and q = |Q| the leaf's
//! value v gives each input of P v (p - 1)! q! / (p + q)!, takes v p! (q - 1)! / (p + q)! from each of Q, and is
//! nothing to the others. So all that matters of the background is how many of its rows have which P at which leaf,
//! which is counted once for a model; and what a leaf gives to a row depends on Q alone, and is computed once for all
//! rows of a block that have the same. Nothing is asked about training rows. (Woodelf, Nadel and Wettenstein 2025,
//! counts likewise.)
//!
//! A row's numbers depend on that row alone: they are sums over the leaves in the order of the trees, and within a leaf
//! over the different P in ascending order.
//!
//! Cost: counting takes background rows x nodes; explaining rows x (nodes + leaves x inputs on a path), and for each
//! different Q of a block at a leaf the number of different P. Memory: 16 bytes for each different P of a leaf, of
//! which there are at most as many as background rows.

use std::collections::HashMap;
use std::ops::Range;

use super::background::{Pair, weight};
use super::score::{Place, Walk};

/// Most inputs on a path; the pairs of rows walk down trees with more.
const PLAYERS_MAX: usize = 32;

/// Most inputs on the path of a leaf whose patterns are numbered in a list.
const LISTED_MAX: usize = 12;

/// What is known of the background beforehand.
pub(crate) struct Against {
    /// Slots x rows.
    columns: Vec<Vec<f64>>,
    rows: usize,
    /// In the order of the model.
    trees: Vec<CountedTree>,
    patterns: Vec<Pattern>,
    weights: Vec<[f64; PLAYERS_MAX + 1]>,
}

struct CountedTree {
    walk: usize,
    root: u32,
    output: usize,
    /// From left to right, for each its patterns; nothing of a tree with very long paths.
    leaves: Option<Vec<Range<usize>>>,
}

/// Background rows that fail the same inputs of a leaf's path.
#[derive(Debug, Clone, Copy)]
struct Pattern {
    failing: u32,
    rows: f64,
}

/// The trees as they are walked, and the input of each slot.
#[derive(Clone, Copy)]
pub(super) struct Trees<'a> {
    pub walks: &'a [&'a Walk],
    pub inputs: &'a [usize],
    pub outputs: usize,
}

impl Against {
    /// Count a background, slots x rows, of which there is at least one.
    pub(super) fn new(trees: Trees<'_>, columns: Vec<Vec<f64>>, rows: usize) -> Self {
        let weights = (0..=PLAYERS_MAX).map(|p| std::array::from_fn(|q| if p == 0 { 0.0 } else { weight(p, q) }));
        let mut against = Self { columns, rows, trees: Vec::new(), patterns: Vec::new(), weights: weights.collect() };
        let mut sorted = Vec::new();
        for (at, walk) in trees.walks.iter().enumerate() {
            for (root, output) in walk.roots() {
                let mut leaves = Vec::new();
                let first = against.patterns.len();
                let patterns = &mut against.patterns;
                let mut descent = Descent::new(walk, trees.inputs, &against.columns, rows);
                let counted = descent.go(root, 0, &mut |_, _, failing| {
                    let start = patterns.len();
                    count(failing, &mut sorted, patterns);
                    leaves.push(start..patterns.len());
                });
                if counted.is_none() {
                    against.patterns.truncate(first);
                }
                let leaves = counted.map(|()| leaves);
                against.trees.push(CountedTree { walk: at, root, output, leaves });
            }
        }
        against
    }

    /// Add the contributions of a block of rows, slots x rows, to `phi`, rows x inputs x outputs.
    pub(super) fn add(&self, trees: Trees<'_>, columns: &[Vec<f64>], rows: usize, phi: &mut [f64]) {
        let cells = phi.len() / rows.max(1);
        let (mut given, share) = (Given::default(), 1.0 / self.rows as f64);
        for tree in &self.trees {
            let walk = trees.walks[tree.walk];
            let Some(leaves) = &tree.leaves else {
                self.add_pairs(tree, trees, columns, phi.chunks_exact_mut(cells));
                continue;
            };
            let mut leaves = leaves.iter();
            let mut descent = Descent::new(walk, trees.inputs, columns, rows);
            descent.go(tree.root, 0, &mut |value, players, failing| {
                let Some(patterns) = leaves.next().and_then(|at| self.patterns.get(at.clone())) else { return };
                given.start(players.len());
                for (failing, phi) in failing.iter().zip(phi.chunks_exact_mut(cells)) {
                    let Some(given) = given.of(*failing, patterns, value * share, &self.weights) else { continue };
                    for (player, given) in players.iter().zip(given) {
                        phi[player * trees.outputs + tree.output] += given;
                    }
                }
            });
        }
    }

    /// The same without what was counted.
    #[cfg(test)]
    pub(super) fn paired(mut self) -> Self {
        self.trees.iter_mut().for_each(|tree| tree.leaves = None);
        self
    }

    fn add_pairs<'a>(
        &self,
        tree: &CountedTree,
        trees: Trees<'_>,
        columns: &[Vec<f64>],
        phi: impl Iterator<Item = &'a mut [f64]>,
    ) {
        let slots = |columns: &[Vec<f64>], row: usize| columns.iter().map(|column| column[row]).collect::<Vec<f64>>();
        let inputs = trees.inputs.iter().max().map_or(0, |last| last + 1);
        let share = 1.0 / self.rows as f64;
        for (row, phi) in phi.enumerate() {
            let row = slots(columns, row);
            for other in 0..self.rows {
                let other = slots(&self.columns, other);
                let mut pair = Pair::new(trees.walks[tree.walk], trees.inputs, (&row, &other), inputs);
                pair.add(tree.root, |input, value| phi[input * trees.outputs + tree.output] += share * value);
            }
        }
    }
}

/// Add how many of the rows fail what, in ascending order.
fn count(failing: &[u32], sorted: &mut Vec<u32>, patterns: &mut Vec<Pattern>) {
    sorted.clear();
    sorted.extend_from_slice(failing);
    sorted.sort_unstable();
    let groups = sorted.chunk_by(|a, b| a == b);
    patterns.extend(groups.map(|same| Pattern { failing: same[0], rows: same.len() as f64 }));
}

/// A walk through a tree, with all rows at once.
struct Descent<'a> {
    walk: &'a Walk,
    inputs: &'a [usize],
    columns: &'a [Vec<f64>],
    /// The inputs on the path so far.
    players: Vec<usize>,
    /// For each depth of the path and each row the places of the players that it fails, as bits.
    failing: Vec<Vec<u32>>,
}

impl<'a> Descent<'a> {
    fn new(walk: &'a Walk, inputs: &'a [usize], columns: &'a [Vec<f64>], rows: usize) -> Self {
        Self { walk, inputs, columns, players: Vec::new(), failing: vec![vec![0; rows]] }
    }

    /// Call `each` at every leaf below a node, from left to right, with its value, the inputs on its path, and what
    /// each row fails. Stops with nothing at a path of too many inputs.
    fn go(&mut self, node: u32, depth: usize, each: &mut impl FnMut(f64, &[usize], &[u32])) -> Option<()> {
        let (slot, left) = match self.walk.place(node) {
            Place::Leaf(value) => {
                each(value, &self.players, &self.failing[depth]);
                return Some(());
            }
            Place::Split { slot, left } => (slot, left),
        };
        let known = self.players.iter().position(|player| *player == self.inputs[slot]);
        let player = known.unwrap_or(self.players.len());
        if player >= PLAYERS_MAX {
            return None;
        }
        if known.is_none() {
            self.players.push(self.inputs[slot]);
        }
        if self.failing.len() == depth + 1 {
            self.failing.push(vec![0; self.failing[0].len()]);
        }
        for side in 0..2 {
            let (above, below) = self.failing.split_at_mut(depth + 1);
            self.walk.mark(node, &self.columns[slot], side, 1 << player, &above[depth], &mut below[0]);
            self.go(left + side, depth + 1, each)?;
        }
        if known.is_none() {
            self.players.pop();
        }
        Some(())
    }
}

/// What a leaf gives to rows that fail the same inputs.
#[derive(Default)]
struct Given {
    players: usize,
    /// By what is failed: the number of its entry from 1 on, or 0.
    listed: Vec<u32>,
    mapped: HashMap<u32, u32>,
    /// For each entry the players' contributions, and whether there are any.
    entries: Vec<f64>,
    any: Vec<bool>,
}

impl Given {
    fn start(&mut self, players: usize) {
        self.players = players;
        self.entries.clear();
        self.any.clear();
        self.mapped.clear();
        self.listed.clear();
        if players <= LISTED_MAX {
            self.listed.resize(1 << players, 0);
        }
    }

    /// The contributions of the players; nothing where the leaf has no part in the row's score or any other.
    #[inline]
    fn of(
        &mut self,
        failing: u32,
        patterns: &[Pattern],
        value: f64,
        weights: &[[f64; PLAYERS_MAX + 1]],
    ) -> Option<&[f64]> {
        let next = self.any.len() as u32 + 1;
        let entry = match self.players <= LISTED_MAX {
            true => &mut self.listed[failing as usize],
            false => self.mapped.entry(failing).or_default(),
        };
        if *entry == 0 {
            *entry = next;
            self.make(failing, patterns, value, weights);
            return self.entry(next);
        }
        let at = *entry;
        self.entry(at)
    }

    #[inline]
    fn entry(&self, number: u32) -> Option<&[f64]> {
        let at = number as usize - 1;
        self.any[at].then(|| &self.entries[at * self.players..][..self.players])
    }

    fn make(&mut self, failing: u32, patterns: &[Pattern], value: f64, weights: &[[f64; PLAYERS_MAX + 1]]) {
        let q = failing.count_ones() as usize;
        let (mut lost, mut any) = (0.0, false);
        let start = self.entries.len();
        self.entries.resize(start + self.players, 0.0);
        let entry = &mut self.entries[start..];
        for pattern in patterns.iter().filter(|pattern| pattern.failing & failing == 0) {
            let p = pattern.failing.count_ones() as usize;
            any |= p + q > 0;
            lost += pattern.rows * weights[q][p];
            let gained = pattern.rows * weights[p][q];
            let mut rest = pattern.failing;
            while rest != 0 {
                entry[rest.trailing_zeros() as usize] += gained;
                rest &= rest - 1;
            }
        }
        for (player, entry) in entry.iter_mut().enumerate() {
            *entry = if failing >> player & 1 != 0 { -lost * value } else { *entry * value };
        }
        self.any.push(any);
    }
}
