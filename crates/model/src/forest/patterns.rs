//! A tree as the tables read it: groups of neighbouring leaves, and the pattern of decisions that each depends on.
//!
//! What a leaf gives to the inputs on its path depends only on which of them pass all their tests on it (see
//! [`super::explain`]): of `u` inputs there are `2^u` *patterns*. Leaves below one split share the inputs above it, so
//! a group of them has one table together, with an entry for each combination of *digits*: whether the row passes the
//! tests above the group on an input, and between which of the thresholds in the group an input lies. All leaves of a
//! symmetric tree are one group. Woodelf (Nadel and Wettenstein 2025) and Fast TreeSHAP v2 (Yang 2022) tabulate
//! likewise; here the tables are made for a call, not for a model, so their memory is bounded by one tree.
//!
//! How leaves are grouped depends on the tree alone, never on the rows: sums are made in the same order whether a
//! group's entries are looked up or computed.

use std::collections::BTreeMap;
use std::ops::Range;

use super::paths::{LEFT, PathTree, RIGHT, SlotTest, Step};

/// Entries that a group may have though its leaves alone would have fewer.
const ENTRIES_MIN: usize = 256;

/// Most entries of a table.
pub(super) const ENTRIES_MAX: usize = 1 << 12;

/// Most splits of a group: those of a symmetric tree of depth six.
const SPLITS_MAX: usize = 63;

/// Most inputs on a path; trees with longer ones are walked.
pub(super) const PLAYERS_MAX: usize = 32;

/// One tree.
#[derive(Debug)]
pub(super) struct PatternTree {
    pub output: usize,
    /// The different tests.
    pub tests: Vec<SlotTest>,
    /// Two for each split: number `2 x split + side`.
    pub edges: Vec<Edge>,
    /// The inputs that the tree reads; a place in this list stands for each.
    pub inputs: Vec<u32>,
    pub groups: Vec<Group>,
    pub leaves: Vec<PathLeaf>,
    pub players: Vec<Player>,
    pub needs: Vec<Need>,
}

/// An edge, passed by rows that pass the edges above it that test the same input, and are on this side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    pub before: Option<u32>,
    pub test: u32,
    pub side: usize,
}

/// Leaves that share a table.
#[derive(Debug)]
pub(super) struct Group {
    /// A row's entry is the sum of the steps of the marks that are set for it.
    pub marks: Vec<Mark>,
    /// How many values each digit has; the first one changes fastest.
    pub digits: Vec<u32>,
    pub entries: usize,
    /// Places of the inputs that its leaves give something to.
    pub places: Vec<u32>,
    pub leaves: Range<usize>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub source: Source,
    pub step: u16,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    /// The row passes this edge.
    Pass(u32),
    /// The row goes right at this test.
    Right(u32),
}

#[derive(Debug, Clone)]
pub(super) struct PathLeaf {
    pub value: f64,
    pub players: Range<usize>,
    pub needs: Range<usize>,
}

/// An input on a leaf's path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Player {
    /// The product of the cover ratios of the edges that test it.
    pub ratio: f64,
    /// The last edge that tests it.
    pub edge: u32,
    /// Its index in the group's places.
    pub at: u32,
}

/// The values of a digit with which a player passes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Need {
    pub digit: u32,
    pub low: u16,
    pub high: u16,
    /// Counted from the leaf's first.
    pub player: u32,
}

impl PatternTree {
    /// Nothing where walking is the better way: long paths, whose patterns are too many and whose leaves share most of
    /// their work.
    pub(super) fn new(tree: &PathTree, points: usize) -> Option<Self> {
        if tree.forks.is_empty() || tree.players > PLAYERS_MAX {
            return None;
        }
        let shape = Shape::new(tree);
        let computed: usize = shape.leaves.iter().map(|leaf| leaf.players * leaf.players.div_ceil(2)).sum();
        if 2 * computed > 20 * tree.forks.len() * points {
            return None;
        }
        let mut build = Build::new(tree, &shape);
        build.groups();
        Some(build.made)
    }

    /// The inputs on a leaf's path.
    pub(super) fn players(&self, leaf: &PathLeaf) -> &[Player] {
        &self.players[leaf.players.clone()]
    }
}

/// Who hangs where. Splits and leaves are numbered in preorder, so those below a split follow each other.
struct Shape {
    parents: Vec<Option<(u32, usize)>>,
    leaves: Vec<ShapeLeaf>,
    /// The splits below each, and the leaves.
    splits_below: Vec<Range<usize>>,
    leaves_below: Vec<Range<usize>>,
}

struct ShapeLeaf {
    parent: (u32, usize),
    value: f64,
    players: usize,
}

impl Shape {
    fn new(tree: &PathTree) -> Self {
        let count = tree.forks.len();
        let mut shape = Self {
            parents: vec![None],
            leaves: Vec::new(),
            splits_below: vec![0..1; count],
            leaves_below: vec![0..0; count],
        };
        // Different inputs down to each split, its own included.
        let mut players: Vec<usize> = vec![1; count];
        for step in &tree.steps {
            match *step {
                Step::Down { split, side, .. } => {
                    let child = shape.parents.len();
                    players[child] = players[split as usize] + usize::from(tree.forks[child].before.is_none());
                    shape.parents.push(Some((split, side)));
                    shape.splits_below[child].start = child;
                    shape.leaves_below[child].start = shape.leaves.len();
                }
                Step::Leaf { split, side, value, .. } => {
                    shape.leaves.push(ShapeLeaf { parent: (split, side), value, players: players[split as usize] });
                }
                Step::Up { split, .. } => {
                    shape.splits_below[split as usize].end = shape.parents.len();
                    shape.leaves_below[split as usize].end = shape.leaves.len();
                }
            }
        }
        shape
    }
}

/// The digits of a group to be.
struct Digits {
    /// Above the group, for each input the last edge that tests it.
    above: Vec<u32>,
    /// Within the group: tests of one slot that send missing values the same way, by ascending threshold.
    chains: Vec<Vec<u32>>,
}

impl Digits {
    fn radixes(&self) -> impl Iterator<Item = usize> {
        self.above.iter().map(|_| 2).chain(self.chains.iter().map(|chain| chain.len() + 1))
    }

    /// The number of combinations; very many are as good as any other number that is too many.
    fn entries(&self) -> usize {
        self.radixes().fold(1, usize::saturating_mul)
    }
}

struct Build<'a> {
    tree: &'a PathTree,
    shape: &'a Shape,
    /// The test of each split.
    tests: Vec<u32>,
    made: PatternTree,
}

impl<'a> Build<'a> {
    fn new(tree: &'a PathTree, shape: &'a Shape) -> Self {
        let mut known = BTreeMap::new();
        let mut made = PatternTree {
            output: tree.output,
            tests: Vec::new(),
            edges: Vec::with_capacity(2 * tree.forks.len()),
            inputs: tree.forks.iter().map(|fork| fork.input).collect(),
            groups: Vec::new(),
            leaves: Vec::with_capacity(shape.leaves.len()),
            players: Vec::new(),
            needs: Vec::new(),
        };
        made.inputs.sort_unstable();
        made.inputs.dedup();
        let mut tests = Vec::with_capacity(tree.forks.len());
        for fork in &tree.forks {
            let test = *known.entry(key(&fork.test)).or_insert_with(|| {
                made.tests.push(fork.test.clone());
                made.tests.len() as u32 - 1
            });
            tests.push(test);
            let before = fork.before.map(|(split, side)| 2 * split + side as u32);
            made.edges.extend([LEFT, RIGHT].map(|side| Edge { before, test, side }));
        }
        Self { tree, shape, tests, made }
    }

    /// Group from the leaves up as long as the entries are few, then lay the groups out from left to right.
    fn groups(&mut self) {
        let count = self.tree.forks.len();
        // Entries of the group that a split is the top of; nothing where the groups below stay apart.
        let mut whole: Vec<Option<usize>> = vec![None; count];
        let mut below = vec![0_usize; count];
        let mut apart = vec![0_usize; count];
        for leaf in &self.shape.leaves {
            below[leaf.parent.0 as usize] += 1 << leaf.players.min(PLAYERS_MAX);
        }
        for at in (0..count).rev() {
            let few = self.shape.splits_below[at].len() <= SPLITS_MAX && apart[at] == 0;
            let entries = if few { self.digits(at).entries() } else { usize::MAX };
            whole[at] = (entries <= below[at].max(ENTRIES_MIN)).then_some(entries);
            if let Some((parent, _)) = self.shape.parents[at] {
                below[parent as usize] += whole[at].unwrap_or(below[at]);
                apart[parent as usize] += usize::from(whole[at].is_none());
            }
        }
        let mut next = 0;
        while next < self.shape.leaves.len() {
            // The highest whole group that starts with this leaf.
            let mut top = None;
            let mut above = Some(self.shape.leaves[next].parent);
            while let Some((split, LEFT)) = above
                && whole[split as usize].is_some()
            {
                top = Some(split as usize);
                above = self.shape.parents[split as usize];
            }
            self.group(next, top);
            next = top.map_or(next + 1, |top| self.shape.leaves_below[top].end);
        }
    }

    /// The digits of the group below a split.
    fn digits(&self, top: usize) -> Digits {
        let mut chains: Vec<Vec<u32>> = Vec::new();
        let mut tests: Vec<u32> = self.shape.splits_below[top].clone().map(|split| self.tests[split]).collect();
        tests.sort_unstable_by_key(|test| (key(&self.made.tests[*test as usize]), *test));
        tests.dedup();
        for test in tests {
            let follows = |chain: &Vec<u32>| {
                chain
                    .last()
                    .is_some_and(|last| chained(&self.made.tests[*last as usize], &self.made.tests[test as usize]))
            };
            match chains.last_mut().filter(|chain| follows(chain)) {
                Some(chain) => chain.push(test),
                None => chains.push(vec![test]),
            }
        }
        Digits { above: self.edges_to(self.shape.parents[top]), chains }
    }

    /// For each input tested on the way down to and with an edge, the last edge that does.
    fn edges_to(&self, mut edge: Option<(u32, usize)>) -> Vec<u32> {
        let mut seen: Vec<u32> = Vec::new();
        let mut edges = Vec::new();
        while let Some((split, side)) = edge {
            let input = self.tree.forks[split as usize].input;
            if !seen.contains(&input) {
                seen.push(input);
                edges.push(2 * split + side as u32);
            }
            edge = self.shape.parents[split as usize];
        }
        edges.reverse();
        edges
    }

    /// Lay out the group of one leaf, or of all below a split.
    fn group(&mut self, leaf: usize, top: Option<usize>) {
        let digits = match top {
            Some(top) => self.digits(top),
            None => Digits { above: self.edges_to(Some(self.shape.leaves[leaf].parent)), chains: Vec::new() },
        };
        let entries = digits.entries();
        let first = self.made.leaves.len();
        let mut places = Vec::new();
        for leaf in top.map_or(leaf..leaf + 1, |top| self.shape.leaves_below[top].clone()) {
            self.leaf(leaf, top, &digits, &mut places);
        }
        let (mut marks, mut step) = (Vec::new(), 1_usize);
        let sources = digits.above.iter().map(|edge| vec![Source::Pass(*edge)]);
        let chains = digits.chains.iter().map(|chain| chain.iter().map(|test| Source::Right(*test)).collect());
        if entries <= ENTRIES_MAX {
            for (sources, radix) in sources.chain(chains).zip(digits.radixes()) {
                marks.extend(sources.into_iter().map(|source| Mark { source, step: step as u16 }));
                step *= radix;
            }
        }
        let digits = digits.radixes().map(|radix| radix as u32).collect();
        let leaves = first..self.made.leaves.len();
        self.made.groups.push(Group { marks, digits, entries, places, leaves });
    }

    fn leaf(&mut self, leaf: usize, top: Option<usize>, digits: &Digits, places: &mut Vec<u32>) {
        let ShapeLeaf { parent, value, .. } = self.shape.leaves[leaf];
        let (players, needs) = (self.made.players.len(), self.made.needs.len());
        let edges = self.edges_to(Some(parent));
        for edge in &edges {
            let fork = &self.tree.forks[*edge as usize / 2];
            let place = self.made.inputs.binary_search(&fork.input).unwrap_or_default() as u32;
            let at = places.iter().position(|known| *known == place).unwrap_or_else(|| {
                places.push(place);
                places.len() - 1
            });
            let ratio = fork.ratios[*edge as usize % 2];
            self.made.players.push(Player { ratio, edge: *edge, at: at as u32 });
        }
        let input_of = |edge: u32| self.tree.forks[edge as usize / 2].input;
        let player = |input: u32| edges.iter().position(|edge| input_of(*edge) == input).unwrap_or_default() as u32;
        for (digit, edge) in digits.above.iter().enumerate() {
            let player = player(input_of(*edge));
            self.made.needs.push(Need { digit: digit as u32, low: 1, high: 1, player });
        }
        let mut edge = Some(parent);
        while let Some((split, side)) = edge
            && top.is_some_and(|top| split as usize >= top)
        {
            let test = self.tests[split as usize];
            let place = |(at, chain): (usize, &Vec<u32>)| Some((at, chain.iter().position(|other| *other == test)?));
            if let Some((chain, at)) = digits.chains.iter().enumerate().find_map(place) {
                let (low, high) = if side == LEFT { (0, at as u16) } else { (at as u16 + 1, u16::MAX) };
                let digit = (digits.above.len() + chain) as u32;
                let player = player(self.tree.forks[split as usize].input);
                self.made.needs.push(Need { digit, low, high, player });
            }
            edge = self.shape.parents[split as usize];
        }
        let (players, needs) = (players..self.made.players.len(), needs..self.made.needs.len());
        self.made.leaves.push(PathLeaf { value, players, needs });
    }
}

/// What makes two tests the same one, in the order of chains.
fn key(test: &SlotTest) -> (u32, bool, u64, &[u32]) {
    match test {
        SlotTest::AtMost { slot, threshold, missing_left } => {
            // As `total_cmp` orders them, with both zeros the same.
            let bits = (threshold + 0.0).to_bits() as i64;
            let ordered = bits ^ (((bits >> 63) as u64) >> 1) as i64;
            (*slot, *missing_left, (ordered as u64) ^ (1 << 63), &[])
        }
        SlotTest::In { slot, words, missing_left } => (*slot, *missing_left, u64::MAX, words),
    }
}

/// Whether two tests that follow each other by [`key`] are one digit: who goes right at the second does at the first.
fn chained(first: &SlotTest, second: &SlotTest) -> bool {
    match (first, second) {
        (
            SlotTest::AtMost { slot, threshold, missing_left },
            SlotTest::AtMost { slot: other_slot, threshold: other, missing_left: other_missing },
        ) => slot == other_slot && missing_left == other_missing && threshold <= other,
        _ => false,
    }
}
