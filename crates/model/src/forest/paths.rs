//! A tree as the explanation kernel reads it: its splits in preorder with cover ratios, and the order of the work.

use super::layout::{Visit, slot_of};
use super::{Child, Empty, Rules, Slot, Test, Tree};

/// The two sides of a split.
pub(super) const LEFT: usize = 0;
pub(super) const RIGHT: usize = 1;

/// A split, numbered in preorder.
#[derive(Debug, Clone)]
pub(super) struct Fork {
    pub test: SlotTest,
    pub input: u32,
    /// The nearest edge above that tests the same input: its split and side.
    pub before: Option<(u32, usize)>,
    /// The product of the cover ratios of the edges above that test the same input; 1 if there is none.
    pub ratio_before: f64,
    /// The product including the edge to each side.
    pub ratios: [f64; 2],
}

/// A split's question to a slot.
#[derive(Debug, Clone)]
pub(super) enum SlotTest {
    AtMost { slot: u32, threshold: f64, missing_left: bool },
    In { slot: u32, words: Vec<u32>, missing_left: bool },
}

/// One step of the walk over a tree, in order.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// From a split at `depth` down to the split at its `side`.
    Down { split: u32, side: usize, depth: u32 },
    /// From a split at `depth` to a leaf at its `side`.
    Leaf { split: u32, side: usize, depth: u32, value: f64 },
    /// Both sides of a split are done; it is itself at `side` of its parent.
    Up { split: u32, side: usize, depth: u32 },
}

/// One tree.
#[derive(Debug)]
pub(super) struct PathTree {
    pub forks: Vec<Fork>,
    pub steps: Vec<Step>,
    /// Splits on the longest path.
    pub depth: usize,
    /// Most distinct inputs on a path.
    pub players: usize,
    pub output: usize,
}

impl PathTree {
    /// Nothing when the tree has no contributions: linear leaves, or a split that no training row reached.
    pub(super) fn new(tree: &Tree, order: &[Visit], slots: &[Slot], empty: Empty) -> Option<Self> {
        let covers = covers(tree, order, empty)?;
        let mut build = Build { tree, order, slots, covers, forks: Vec::new(), path: Vec::new(), players: 0 };
        let steps = build.steps();
        let depth = order.iter().map(|visit| visit.depth).max().unwrap_or(0);
        Some(Self { forks: build.forks, steps, depth, players: build.players, output: tree.output })
    }
}

/// The cover-weighted mean of each output: the raw score of the game without players. Nothing when the trees have no
/// contributions.
pub(super) fn bias(trees: &[Tree], orders: &[Vec<Visit>], rules: &Rules) -> Option<Vec<f64>> {
    let mut bias = vec![0.0; rules.base.len()];
    for (tree, order) in trees.iter().zip(orders) {
        let covers = covers(tree, order, rules.empty)?;
        bias[tree.output] += match tree.leaves.as_slice() {
            [leaf] => leaf.value,
            leaves => leaves.iter().map(|leaf| leaf.cover / covers[0] * leaf.value).sum::<f64>(),
        };
    }
    Some(bias)
}

/// Training rows that reached each node of the preorder; nothing when the root is a split and has none, or any
/// split has none and that is not allowed, or leaves are linear.
fn covers(tree: &Tree, order: &[Visit], empty: Empty) -> Option<Vec<f64>> {
    if tree.leaves.iter().any(|leaf| leaf.linear.is_some()) {
        return None;
    }
    let mut covers = vec![0.0; order.len()];
    let mut places = vec![0; tree.splits.len()];
    for (at, visit) in order.iter().enumerate() {
        match visit.child {
            Child::Split(split) => places[split as usize] = at,
            Child::Leaf(leaf) => covers[at] = tree.leaves[leaf as usize].cover,
        }
    }
    for at in (1..order.len()).rev() {
        covers[places[order[at].parent as usize]] += covers[at];
    }
    let may_be_empty = |at: usize| at > 0 && empty == Empty::Halved;
    let is_leaf = |visit: &Visit| matches!(visit.child, Child::Leaf(_));
    let reached = |(at, visit): (usize, &Visit)| is_leaf(visit) || covers[at] > 0.0 || may_be_empty(at);
    order.iter().enumerate().all(reached).then_some(covers)
}

struct Build<'a> {
    tree: &'a Tree,
    order: &'a [Visit],
    slots: &'a [Slot],
    covers: Vec<f64>,
    forks: Vec<Fork>,
    /// The open splits from the root down.
    path: Vec<Open>,
    players: usize,
}

/// A split whose right side is still to come.
struct Open {
    split: u32,
    /// The side of the walk below it.
    side: usize,
    cover: f64,
    /// Distinct inputs on the path, this split's included.
    players: usize,
}

impl Build<'_> {
    fn steps(&mut self) -> Vec<Step> {
        let mut steps = Vec::with_capacity(2 * self.order.len());
        for (at, visit) in self.order.iter().enumerate() {
            self.close(visit.depth, &mut steps);
            let side = if visit.is_left { LEFT } else { RIGHT };
            if let Some(open) = self.path.last_mut() {
                open.side = side;
                let ratio = if open.cover > 0.0 { self.covers[at] / open.cover } else { 0.5 };
                let fork = &mut self.forks[open.split as usize];
                fork.ratios[side] = fork.ratio_before * ratio;
                let (split, depth) = (open.split, visit.depth as u32 - 1);
                steps.push(match visit.child {
                    Child::Split(_) => Step::Down { split, side, depth },
                    Child::Leaf(leaf) => {
                        Step::Leaf { split, side, depth, value: self.tree.leaves[leaf as usize].value }
                    }
                });
            }
            if let Child::Split(split) = visit.child {
                self.open(split, self.covers[at]);
            }
        }
        self.close(0, &mut steps);
        steps
    }

    fn open(&mut self, split: u32, cover: f64) {
        let split = &self.tree.splits[split as usize];
        let above = |open: &&Open| self.forks[open.split as usize].input == split.input;
        let before = self.path.iter().rev().find(above).map(|open| (open.split, open.side));
        let ratio_before = before.map_or(1.0, |(split, side)| self.forks[split as usize].ratios[side]);
        let players = self.path.last().map_or(0, |open| open.players) + usize::from(before.is_none());
        self.players = self.players.max(players);
        let slot = self.slots.binary_search(&slot_of(split.input, &split.test)).unwrap_or_default() as u32;
        let test = match &split.test {
            Test::AtMost { threshold, missing_left, .. } => {
                SlotTest::AtMost { slot, threshold: *threshold, missing_left: *missing_left }
            }
            Test::In { words, missing_left } => {
                SlotTest::In { slot, words: words.clone(), missing_left: *missing_left }
            }
        };
        self.path.push(Open { split: self.forks.len() as u32, side: LEFT, cover, players });
        self.forks.push(Fork { test, input: split.input, before, ratio_before, ratios: [0.0; 2] });
    }

    /// Leave the splits at `depth` and below.
    fn close(&mut self, depth: usize, steps: &mut Vec<Step>) {
        while self.path.len() > depth {
            let Some(open) = self.path.pop() else { return };
            let side = self.path.last().map_or(LEFT, |open| open.side);
            steps.push(Step::Up { split: open.split, side, depth: self.path.len() as u32 });
        }
    }
}
