//! Scoring by bits: every split of every tree is asked about eight rows at once, and no row walks down a tree.
//!
//! The leaves of a tree with at most 64 of them are the bits of a word, from left to right. A row starts with all bits
//! set; a split that sends it right clears the leaves of its left side; the lowest bit that is left is the leaf where
//! the row ends (Lucchese et al. 2015, QuickScorer; eight rows side by side as in their V-QuickScorer). The splits of
//! one input are sorted by threshold, so the scan ends at the first one that sends none of the eight rows right. A
//! missing value is minus infinity for splits that send it left and infinity for the others.
//!
//! Sums: each row's trees in the order of the file, in double precision, so the bits of a score are those of
//! [`super::score::Walk`]. Cost: about one vector operation of eight lanes for each split and eight rows; 24 bytes a
//! split, read one block of trees at a time. It pays with wide vectors and a whole forest of small trees; others walk.

use super::explain::Lanes;
use super::layout::{Visit, slot_of};
use super::score::in_words;
use super::{Child, LANES, Precision, Slot, Test, Tree};

/// The leaves that are left of one tree for each of eight rows, in one cache line.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Words([u64; LANES]);

/// No split was asked yet.
const ALL_LEAVES: Words = Words([u64::MAX; LANES]);

/// Trees whose words are worked on together: they fill a quarter of a first-level cache.
const BLOCK_TREES: usize = 128;

/// A split by threshold: a row whose value is larger keeps only these leaves.
#[derive(Debug, Clone, Copy)]
struct AtMost {
    threshold: f64,
    keep: u64,
    /// Place of the tree in its block.
    tree: u32,
}

/// A split by categories: a row outside the set keeps only these leaves.
#[derive(Debug, Clone)]
struct In {
    slot: usize,
    words: Vec<u32>,
    missing_left: bool,
    keep: u64,
    tree: usize,
}

/// A split that only a missing value fails: its threshold is infinity. A missing row keeps only these leaves.
#[derive(Debug, Clone, Copy)]
struct Present {
    slot: usize,
    keep: u64,
    tree: usize,
}

/// The splits of one slot that send a missing value the same way, by ascending threshold.
#[derive(Debug, Clone)]
struct Run {
    slot: usize,
    missing: f64,
    splits: Vec<AtMost>,
}

/// Neighbouring trees.
#[derive(Debug, Clone)]
struct Block {
    runs: Vec<Run>,
    sets: Vec<In>,
    presents: Vec<Present>,
    /// For each tree its output and where its leaves start.
    trees: Vec<(usize, usize)>,
}

/// All trees.
#[derive(Debug)]
pub(super) struct Bits {
    blocks: Vec<Block>,
    /// From left to right, tree after tree.
    leaves: Vec<f64>,
    precision: Precision,
}

impl Bits {
    /// Nothing when some tree has more than 64 leaves or linear ones, or a threshold that is no number.
    pub(super) fn new(trees: &[Tree], orders: &[Vec<Visit>], slots: &[Slot], precision: Precision) -> Option<Self> {
        let fits = |tree: &Tree| {
            let ordered = |test: &Test| !matches!(test, Test::AtMost { threshold, .. } if threshold.is_nan());
            tree.leaves.len() <= 64
                && tree.leaves.iter().all(|leaf| leaf.linear.is_none())
                && tree.splits.iter().all(|split| ordered(&split.test))
        };
        if !trees.iter().all(fits) {
            return None;
        }
        let mut bits = Self { blocks: Vec::new(), leaves: Vec::new(), precision };
        for (trees, orders) in trees.chunks(BLOCK_TREES).zip(orders.chunks(BLOCK_TREES)) {
            let mut block = Block { runs: Vec::new(), sets: Vec::new(), presents: Vec::new(), trees: Vec::new() };
            for (at, (tree, order)) in trees.iter().zip(orders).enumerate() {
                block.trees.push((tree.output, bits.leaves.len()));
                bits.leaves.extend(leaves(order).map(|leaf| tree.leaves[leaf].value));
                block.push(at, tree, &kept_leaves(tree, order), slots);
            }
            block.runs.iter_mut().for_each(|run| run.splits.sort_by(|a, b| a.threshold.total_cmp(&b.threshold)));
            block.runs.sort_by_key(|run| run.slot);
            bits.blocks.push(block);
        }
        Some(bits)
    }

    /// Add every tree to `raw`, rows x outputs; `features` are groups x slots x lanes.
    #[inline(always)]
    pub(super) fn add(&self, features: &[Lanes], slots: usize, raw: &mut [f64], outputs: usize) {
        match self.precision {
            Precision::Double => self.add_rounded(features, slots, raw, outputs, |sum| sum),
            Precision::Single => self.add_rounded(features, slots, raw, outputs, |sum| f64::from(sum as f32)),
        }
    }

    #[inline(always)]
    fn add_rounded(
        &self,
        features: &[Lanes],
        slots: usize,
        raw: &mut [f64],
        outputs: usize,
        round: impl Fn(f64) -> f64,
    ) {
        let mut words = [ALL_LEAVES; BLOCK_TREES];
        for block in &self.blocks {
            for (group, raw) in raw.chunks_mut(LANES * outputs).enumerate() {
                block.ask(&features[group * slots..(group + 1) * slots], &mut words);
                for ((output, start), word) in block.trees.iter().zip(&words) {
                    for (raw, word) in raw.chunks_exact_mut(outputs).zip(word.0) {
                        raw[*output] = round(raw[*output] + self.leaves[start + word.trailing_zeros() as usize]);
                    }
                }
            }
        }
    }
}

impl Block {
    fn push(&mut self, at: usize, tree: &Tree, kept: &[u64], slots: &[Slot]) {
        for (split, keep) in tree.splits.iter().zip(kept) {
            let slot = slots.binary_search(&slot_of(split.input, &split.test)).unwrap_or_default();
            match &split.test {
                Test::In { words, missing_left } => {
                    let (words, missing_left) = (words.clone(), *missing_left);
                    self.sets.push(In { slot, words, missing_left, keep: *keep, tree: at });
                }
                // No number is above infinity, so the run's stand-in for a missing value would go left too.
                Test::AtMost { threshold: f64::INFINITY, missing_left, .. } => {
                    if !missing_left {
                        self.presents.push(Present { slot, keep: *keep, tree: at });
                    }
                }
                Test::AtMost { threshold, missing_left, .. } => {
                    let missing = if *missing_left { f64::NEG_INFINITY } else { f64::INFINITY };
                    let split = AtMost { threshold: *threshold, keep: *keep, tree: at as u32 };
                    match self.runs.iter_mut().find(|run| run.slot == slot && run.missing == missing) {
                        Some(run) => run.splits.push(split),
                        None => self.runs.push(Run { slot, missing, splits: vec![split] }),
                    }
                }
            }
        }
    }

    /// The leaves that are left of each tree for eight rows (slots x lanes).
    #[inline(always)]
    fn ask(&self, features: &[Lanes], words: &mut [Words; BLOCK_TREES]) {
        *words = [ALL_LEAVES; BLOCK_TREES];
        for run in &self.runs {
            let values = features[run.slot].0.map(|x| if x.is_nan() { run.missing } else { x });
            let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            for split in run.splits.iter().take_while(|split| split.threshold < largest) {
                // The places of trees are below the number of words; the rest of the division tells the compiler so.
                let word = &mut words[split.tree as usize % BLOCK_TREES];
                *word = narrowed(*word, &values, split.threshold, split.keep);
            }
        }
        for set in &self.sets {
            for (word, value) in words[set.tree].0.iter_mut().zip(&features[set.slot].0) {
                *word &= if in_words(&set.words, set.missing_left, *value) { u64::MAX } else { set.keep };
            }
        }
        for present in &self.presents {
            for (word, value) in words[present.tree].0.iter_mut().zip(&features[present.slot].0) {
                *word &= if value.is_nan() { present.keep } else { u64::MAX };
            }
        }
    }
}

/// The words after a split; written without branches, so that it becomes three vector instructions.
#[inline(always)]
fn narrowed(Words(words): Words, values: &[f64; LANES], threshold: f64, keep: u64) -> Words {
    let mut rights = [0_u64; LANES];
    for (right, value) in rights.iter_mut().zip(values) {
        *right = u64::from(*value > threshold).wrapping_neg();
    }
    let mut narrowed = [0_u64; LANES];
    for (lane, narrowed) in narrowed.iter_mut().enumerate() {
        *narrowed = words[lane] & (keep | !rights[lane]);
    }
    Words(narrowed)
}

/// The leaves from left to right.
fn leaves(order: &[Visit]) -> impl Iterator<Item = usize> {
    order.iter().filter_map(|visit| match visit.child {
        Child::Leaf(leaf) => Some(leaf as usize),
        Child::Split(_) => None,
    })
}

/// For each split the leaves, as bits from left to right, that are not on its left side.
fn kept_leaves(tree: &Tree, order: &[Visit]) -> Vec<u64> {
    let mut starts = vec![0_u32; tree.splits.len()];
    let mut kept = vec![u64::MAX; tree.splits.len()];
    let mut seen = 0_u32;
    for visit in order {
        if visit.depth > 0 && !visit.is_left {
            let start = starts[visit.parent as usize];
            // A left side holds 1 to 63 leaves.
            kept[visit.parent as usize] = !(((1_u64 << (seen - start)) - 1) << start);
        }
        match visit.child {
            Child::Split(split) => starts[split as usize] = seen,
            Child::Leaf(_) => seen += 1,
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::layout::{gather, gather_lanes, preorder, slots};
    use super::super::score::Walk;
    use super::super::vector::{Level, add_bits};
    use super::super::{Leaf, Split};
    use super::*;

    const INPUTS: usize = 4;

    /// A tree grown by splitting a leaf again and again; numbers come from `dice`.
    fn grown(splits: usize, output: usize, dice: &mut impl FnMut(u32) -> u32) -> Tree {
        let mut tree = Tree { splits: Vec::new(), leaves: vec![leaf(0)], output };
        let mut parents: Vec<Option<(usize, bool)>> = vec![None];
        for at in 0..splits {
            let old = dice(tree.leaves.len() as u32) as usize;
            let new = tree.leaves.len();
            match parents[old] {
                Some((parent, true)) => tree.splits[parent].left = Child::Split(at as u32),
                Some((parent, false)) => tree.splits[parent].right = Child::Split(at as u32),
                None => {}
            }
            let (left, right) = (Child::Leaf(old as u32), Child::Leaf(new as u32));
            tree.splits.push(Split { input: dice(INPUTS as u32), test: test(dice), left, right });
            parents[old] = Some((at, true));
            parents.push(Some((at, false)));
            tree.leaves.push(leaf(new));
        }
        tree
    }

    fn leaf(at: usize) -> Leaf {
        Leaf { value: 1.0 / (at as f64 + 3.0), cover: 1.0, linear: None }
    }

    fn test(dice: &mut impl FnMut(u32) -> u32) -> Test {
        if dice(4) == 0 {
            return Test::In { words: vec![dice(16), dice(4)], missing_left: dice(2) == 0 };
        }
        let (missing_left, zero_missing) = (dice(2) == 0, dice(2) == 0);
        let threshold = match dice(12) {
            0 => f64::INFINITY,
            1 => f64::NEG_INFINITY,
            number => f64::from(number) - 6.0,
        };
        Test::AtMost { threshold, missing_left, zero_missing }
    }

    proptest! {
        #[test]
        fn scores_are_those_of_the_walk_bit_by_bit(
            seed in 1_u32..,
            sizes in prop::collection::vec(0_usize..=63, 1..200),
            rows in 1_usize..40,
            single in any::<bool>(),
        ) {
            let mut state = seed;
            let mut dice = |below: u32| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) % below
            };
            let trees: Vec<Tree> =
                sizes.iter().enumerate().map(|(at, size)| grown(*size, at % 2, &mut dice)).collect();
            let special = [f64::NAN, 0.0, -0.0, 1e-36, f64::INFINITY, f64::NEG_INFINITY, 2.5, 33.0];
            let values: Vec<f64> = (0..rows * INPUTS)
                .map(|_| match dice(2) {
                    0 => special[dice(8) as usize],
                    _ => f64::from(dice(12)) - 5.0,
                })
                .collect();
            let orders: Vec<_> = trees.iter().map(|tree| preorder(tree, INPUTS).unwrap()).collect();
            let slots = slots(&trees);
            let (mut block, mut lanes) = (Vec::new(), Vec::new());
            gather(&mut block, &values, INPUTS, &slots);
            gather_lanes(&mut lanes, &values, INPUTS, &slots);
            let precision = if single { Precision::Single } else { Precision::Double };
            let mut expected = vec![0.0; rows * 2];
            let walk = Walk::new(&trees, &orders, &slots, precision).unwrap();
            walk.add(&block, slots.len(), (&values, INPUTS), &mut expected, 2);
            let bits = Bits::new(&trees, &orders, &slots, precision).unwrap();
            for level in Level::all() {
                let mut given = vec![0.0; rows * 2];
                add_bits(level, &bits, &lanes, slots.len(), &mut given, 2);
                prop_assert_eq!(&given, &expected);
            }
        }
    }

    #[test]
    fn forests_that_do_not_fit_walk() {
        let mut dice = |_: u32| 0;
        let fits = |tree: Tree| {
            let orders = vec![preorder(&tree, INPUTS).unwrap()];
            let trees = [tree];
            Bits::new(&trees, &orders, &slots(&trees), Precision::Double).is_some()
        };
        assert!(fits(grown(63, 0, &mut dice)));
        assert!(!fits(grown(64, 0, &mut dice)));
        let mut nan = grown(1, 0, &mut dice);
        nan.splits[0].test = Test::AtMost { threshold: f64::NAN, missing_left: true, zero_missing: false };
        assert!(!fits(nan));
    }
}
