//! Scoring by ranks: every split of a tree is asked about many rows at once, in the narrowest numbers that will do.
//!
//! A split by threshold depends only on how many of the forest's thresholds of that input are below the value. That
//! *rank* is found once for a row by binary search, and is a byte as long as an input has at most 255 thresholds (else
//! two bytes, in the same code). From the leaves up each split then picks the number of the leaf where a row ends: its
//! right side's where the rank is above the threshold's place, else its left side's. So no row walks and nothing
//! branches on a value; 64 rows are one vector. Binned inputs are what LightGBM trains on; QuickScorer's rank variant
//! (Lucchese et al. 2017) compares likewise. A *symmetric* tree, which asks the same on every split of a level, adds up
//! the bits of its leaf's number instead (as CatBoost does).
//!
//! A missing value has rank 0 for splits that send it left and the highest for the others, so these have ranks of their
//! own. A category's code picks a byte in which each bit
//! answers another split of the tree. Sums: each row's trees in the order of the file, so the
//! bits of a score are those of [`super::score::Walk`]. Cost: about five vector operations a split and 64 rows, and a
//! load and an addition a tree and row. Memory: 12 bytes a split, a bit for each split by categories and category.

mod arrange;

use super::layout::read;
use super::{Precision, Slot};

/// Rows worked on together, of a large batch and of a small one.
const MANY: usize = 256;
const FEW: usize = 64;

/// Most leaves of a tree; in larger ones a walk asks much fewer splits.
const LEAVES_MAX: usize = 256;

/// Most bytes of all planes.
const BYTES_MAX: usize = 1 << 24;

/// Most codes that categories may have.
const CODES_MAX: usize = 1 << 15;

/// An unsigned number that holds ranks and leaves.
trait Rank: Copy + Default + PartialOrd {
    fn of(n: usize) -> Self;
    fn index(self) -> usize;
    /// By a mask: both are read, so that the compiler does not choose between two addresses and gather.
    fn choose(is_right: bool, right: Self, left: Self) -> Self;
    /// The number with a bit set if the row goes right.
    fn with(self, is_right: bool, bit: Self) -> Self;
}

macro_rules! rank {
    ($number:ty) => {
        impl Rank for $number {
            fn of(n: usize) -> Self {
                n as Self
            }

            fn index(self) -> usize {
                self.into()
            }

            #[inline(always)]
            fn choose(is_right: bool, right: Self, left: Self) -> Self {
                let mask = Self::from(is_right).wrapping_neg();
                (right & mask) | (left & !mask)
            }

            #[inline(always)]
            fn with(self, is_right: bool, bit: Self) -> Self {
                self | (Self::from(is_right).wrapping_neg() & bit)
            }
        }
    };
}

rank!(u8);
rank!(u16);

/// The thresholds of one slot whose splits send a missing value the same way.
#[derive(Debug)]
struct Scale {
    slot: Slot,
    missing_left: bool,
    /// Ascending, then infinite ones up to a power of two; `count` are real.
    thresholds: Vec<f64>,
    count: usize,
}

/// The codes of one slot that some set knows are below `size`. Missing is `size`, all others are `size + 1`.
#[derive(Debug)]
struct Codes {
    slot: Slot,
    size: usize,
}

/// Who goes right.
#[derive(Debug, Clone, Copy)]
enum Ask {
    /// Rows whose rank on the scale is above the place.
    Above { scale: u16, place: u16 },
    /// Rows with this bit in one of the tree's planes.
    Marked { plane: u16, bit: u8 },
}

/// What a side of a split is: a leaf of the tree, or the last result that was not yet used.
#[derive(Debug, Clone, Copy)]
enum Side {
    Leaf(u16),
    Last,
}

#[derive(Debug, Clone, Copy)]
struct Pick {
    ask: Ask,
    left: Side,
    right: Side,
}

#[derive(Debug)]
enum Way {
    /// Splits such that both sides of each come before it, the right one first. None in a single leaf.
    Picks(std::ops::Range<usize>),
    /// What the levels ask, from the root; the leaves from left to right.
    Levels(Vec<Ask>),
}

#[derive(Debug)]
struct Ranked {
    way: Way,
    output: usize,
    /// Where its leaves start.
    leaves: usize,
    planes: Vec<Plane>,
}

/// Eight splits of one tree by categories of one slot: a byte for each code, in which a bit says that it goes right.
#[derive(Debug, Clone, Copy)]
struct Plane {
    codes: u16,
    /// Where its bytes start.
    bytes: u32,
    bits: u8,
}

/// All trees.
#[derive(Debug)]
pub(super) struct Ranks {
    scales: Vec<Scale>,
    codes: Vec<Codes>,
    /// Of all planes.
    bytes: Vec<u8>,
    picks: Vec<Pick>,
    trees: Vec<Ranked>,
    /// Of all trees, and then as many as one may have, so that each tree's can be read as an array.
    leaves: Vec<f64>,
    /// Most results that wait to be used.
    waiting: usize,
    /// Whether a byte holds every rank.
    narrow: bool,
    precision: Precision,
}

/// Working memory, made once for a call.
#[derive(Default)]
pub(super) struct RankWork {
    narrow: Work<u8>,
    wide: Work<u16>,
}

#[derive(Default)]
struct Work<T> {
    /// Scales x rows.
    ranks: Vec<T>,
    /// Codes x rows.
    codes: Vec<u16>,
    /// Planes of a tree x rows.
    planes: Vec<u8>,
    /// Waiting results x rows.
    waiting: Vec<T>,
}

impl Ranks {
    /// Add every tree to `raw`, rows x outputs, for rows x inputs of `values`.
    #[inline(always)]
    pub(super) fn add(&self, values: &[f64], inputs: usize, raw: &mut [f64], outputs: usize, work: &mut RankWork) {
        match self.narrow {
            true => self.add_as(values, inputs, raw, outputs, &mut work.narrow),
            false => self.add_as(values, inputs, raw, outputs, &mut work.wide),
        }
    }

    #[inline(always)]
    fn add_as<T: Rank>(&self, values: &[f64], inputs: usize, raw: &mut [f64], outputs: usize, work: &mut Work<T>) {
        let blocks = values.chunks(MANY * inputs).zip(raw.chunks_mut(MANY * outputs));
        for (values, raw) in blocks {
            match raw.len() <= FEW * outputs {
                true => self.add_block::<T, FEW>(values, inputs, raw, outputs, work),
                false => self.add_block::<T, MANY>(values, inputs, raw, outputs, work),
            }
        }
    }

    #[inline(always)]
    fn add_block<T: Rank, const ROWS: usize>(
        &self,
        values: &[f64],
        inputs: usize,
        raw: &mut [f64],
        outputs: usize,
        work: &mut Work<T>,
    ) {
        work.ranks.resize(self.scales.len() * ROWS, T::default());
        work.codes.resize(self.codes.len() * ROWS, 0);
        work.waiting.resize((self.waiting + 1) * ROWS, T::default());
        let ranks = work.ranks.as_chunks_mut::<ROWS>().0;
        for (scale, ranks) in self.scales.iter().zip(&mut *ranks) {
            scale.rank(values, inputs, ranks);
        }
        let codes = work.codes.as_chunks_mut::<ROWS>().0;
        for (slot, codes) in self.codes.iter().zip(&mut *codes) {
            for (row, code) in values.chunks_exact(inputs).zip(codes) {
                *code = slot.code(read(row, slot.slot));
            }
        }
        let waiting = work.waiting.as_chunks_mut::<ROWS>().0;
        for tree in &self.trees {
            work.planes.resize(work.planes.len().max(tree.planes.len() * ROWS), 0);
            let planes = work.planes.as_chunks_mut::<ROWS>().0;
            for (plane, to) in tree.planes.iter().zip(&mut *planes) {
                let codes = &codes[usize::from(plane.codes)];
                let bytes = &self.bytes[plane.bytes as usize..][..self.codes[usize::from(plane.codes)].size + 2];
                to.iter_mut().zip(codes).for_each(|(to, code)| *to = bytes[usize::from(*code)]);
            }
            let asked = Asked { ranks, planes };
            let ends = match &tree.way {
                Way::Picks(picks) => ends(&self.picks[picks.clone()], &asked, waiting),
                Way::Levels(levels) => asked.add_levels(levels),
            };
            let Some(leaves) = self.leaves[tree.leaves..].first_chunk::<LEAVES_MAX>() else { return };
            match self.precision {
                Precision::Double => add_leaves(&mut raw[tree.output..], outputs, &ends, leaves, |sum| sum),
                Precision::Single => {
                    add_leaves(&mut raw[tree.output..], outputs, &ends, leaves, |sum| f64::from(sum as f32));
                }
            }
        }
    }
}

/// Add the leaf where each row ends to the row's sum, `stride` apart.
#[inline(always)]
fn add_leaves<T: Rank, const ROWS: usize>(
    sums: &mut [f64],
    stride: usize,
    ends: &[T; ROWS],
    leaves: &[f64; LEAVES_MAX],
    round: impl Fn(f64) -> f64,
) {
    let leaf = |end: T| leaves[end.index() % LEAVES_MAX];
    if stride == 1
        && let Some(sums) = sums.first_chunk_mut::<ROWS>()
    {
        for row in 0..ROWS {
            sums[row] = round(sums[row] + leaf(ends[row]));
        }
        return;
    }
    for (sum, end) in sums.iter_mut().step_by(stride).zip(ends) {
        *sum = round(*sum + leaf(*end));
    }
}

/// What the splits of a tree read of a block of rows.
struct Asked<'a, T, const ROWS: usize> {
    ranks: &'a [[T; ROWS]],
    planes: &'a [[u8; ROWS]],
}

impl<T: Rank, const ROWS: usize> Asked<'_, T, ROWS> {
    /// `yes` for the rows that go right, `no` for the others.
    #[inline(always)]
    fn pick(&self, ask: Ask, no: impl Fn(usize) -> T, yes: impl Fn(usize) -> T) -> [T; ROWS] {
        let mut picked = [T::default(); ROWS];
        match ask {
            Ask::Above { scale, place } => {
                let (ranks, place) = (&self.ranks[usize::from(scale)], T::of(place.into()));
                for row in 0..ROWS {
                    picked[row] = T::choose(ranks[row] > place, yes(row), no(row));
                }
            }
            Ask::Marked { plane, bit } => {
                let plane = &self.planes[usize::from(plane)];
                for row in 0..ROWS {
                    picked[row] = T::choose(plane[row] & bit != 0, yes(row), no(row));
                }
            }
        }
        picked
    }

    /// The leaves of a symmetric tree, as many rows at a time as a vector holds.
    #[inline(always)]
    fn add_levels(&self, levels: &[Ask]) -> [T; ROWS] {
        let mut ends = [T::default(); ROWS];
        for (part, ends) in ends.as_chunks_mut::<FEW>().0.iter_mut().enumerate() {
            let mut sum = [T::default(); FEW];
            for (level, ask) in levels.iter().rev().enumerate() {
                let bit = T::of(1 << level);
                match *ask {
                    Ask::Above { scale, place } => {
                        let ranks = &self.ranks[usize::from(scale)].as_chunks::<FEW>().0[part];
                        let place = T::of(place.into());
                        for row in 0..FEW {
                            sum[row] = sum[row].with(ranks[row] > place, bit);
                        }
                    }
                    Ask::Marked { plane, bit: mark } => {
                        let plane = &self.planes[usize::from(plane)].as_chunks::<FEW>().0[part];
                        for row in 0..FEW {
                            sum[row] = sum[row].with(plane[row] & mark != 0, bit);
                        }
                    }
                }
            }
            *ends = sum;
        }
        ends
    }
}

/// The leaves of a tree where rows end.
#[inline(always)]
fn ends<T: Rank, const ROWS: usize>(
    picks: &[Pick],
    asked: &Asked<'_, T, ROWS>,
    waiting: &mut [[T; ROWS]],
) -> [T; ROWS] {
    let mut next = 0;
    for pick in picks {
        let leaf = |number: u16| T::of(number.into());
        match (pick.left, pick.right) {
            (Side::Leaf(left), Side::Leaf(right)) => {
                waiting[next] = asked.pick(pick.ask, |_| leaf(left), |_| leaf(right));
                next += 1;
            }
            (Side::Leaf(left), Side::Last) => {
                let last = &waiting[next - 1];
                waiting[next - 1] = asked.pick(pick.ask, |_| leaf(left), |row| last[row]);
            }
            (Side::Last, Side::Leaf(right)) => {
                let last = &waiting[next - 1];
                waiting[next - 1] = asked.pick(pick.ask, |row| last[row], |_| leaf(right));
            }
            (Side::Last, Side::Last) => {
                let (left, right) = (&waiting[next - 1], &waiting[next - 2]);
                waiting[next - 2] = asked.pick(pick.ask, |row| left[row], |row| right[row]);
                next -= 1;
            }
        }
    }
    if next == 0 { [T::default(); ROWS] } else { waiting[0] }
}

impl Scale {
    /// How many thresholds are below each row's value.
    #[inline(always)]
    fn rank<T: Rank, const ROWS: usize>(&self, values: &[f64], inputs: usize, ranks: &mut [T; ROWS]) {
        const TOGETHER: usize = 16;
        let missing = if self.missing_left { 0 } else { self.count };
        let mut rows = values.chunks_exact(inputs);
        for ranks in ranks.chunks_mut(TOGETHER) {
            let mut cells = [f64::NAN; TOGETHER];
            cells.iter_mut().zip(&mut rows).for_each(|(cell, row)| *cell = read(row, self.slot));
            let mut places = [0_usize; TOGETHER];
            let mut step = self.thresholds.len() / 2;
            while step > 0 {
                for (place, cell) in places.iter_mut().zip(&cells) {
                    *place += if self.thresholds[*place + step - 1] < *cell { step } else { 0 };
                }
                step /= 2;
            }
            for (rank, (place, cell)) in ranks.iter_mut().zip(places.iter().zip(&cells)) {
                *rank = T::of(if cell.is_nan() { missing } else { *place });
            }
        }
    }
}

impl Codes {
    /// As [`super::score::in_words`] reads it: cut towards zero.
    fn code(&self, x: f64) -> u16 {
        let code = x as i32;
        let place = match usize::try_from(code) {
            _ if x.is_nan() => self.size,
            Ok(code) if code < self.size => code,
            _ => self.size + 1,
        };
        place as u16
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::layout::{gather, preorder, slots};
    use super::super::score::Walk;
    use super::super::vector::{Level, add_ranks};
    use super::super::{BLOCK_ROWS, Child, Leaf, Split, Test, Tree};
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

    /// A tree with the same question on every split of a level.
    fn symmetric(depth: usize, output: usize, dice: &mut impl FnMut(u32) -> u32) -> Tree {
        let depth = depth.min(7);
        let mut splits = Vec::new();
        for level in 0..depth {
            let (input, test) = (dice(INPUTS as u32), test(dice));
            for at in 0..1_u32 << level {
                let child = |side: u32| match level + 1 == depth {
                    true => Child::Leaf(2 * at + side),
                    false => Child::Split((2 << level) - 1 + 2 * at + side),
                };
                splits.push(Split { input, test: test.clone(), left: child(0), right: child(1) });
            }
        }
        Tree { splits, leaves: (0..1 << depth).map(leaf).collect(), output }
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
            sizes in prop::collection::vec(0_usize..=99, 1..60),
            rows in 1_usize..400,
            single in any::<bool>(),
        ) {
            let mut state = seed;
            let mut dice = |below: u32| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) % below
            };
            let tree = |(at, size): (usize, &usize)| match size {
                90.. => symmetric(size - 89, at % 2, &mut dice),
                _ => grown(*size, at % 2, &mut dice),
            };
            let trees: Vec<Tree> = sizes.iter().enumerate().map(tree).collect();
            let special = [f64::NAN, 0.0, -0.0, 1e-36, f64::INFINITY, f64::NEG_INFINITY, 2.5, 33.0];
            let values: Vec<f64> = (0..rows * INPUTS)
                .map(|_| match dice(2) {
                    0 => special[dice(8) as usize],
                    _ => f64::from(dice(12)) - 5.0,
                })
                .collect();
            let orders: Vec<_> = trees.iter().map(|tree| preorder(tree, INPUTS).unwrap()).collect();
            let slots = slots(&trees);
            let mut block = Vec::new();
            let precision = if single { Precision::Single } else { Precision::Double };
            let mut expected = vec![0.0; rows * 2];
            let walk = Walk::new(&trees, &orders, &slots, precision).unwrap();
            let blocks = values.chunks(BLOCK_ROWS * INPUTS).zip(expected.chunks_mut(BLOCK_ROWS * 2));
            for (values, raw) in blocks {
                gather(&mut block, values, INPUTS, &slots);
                walk.add(&block, slots.len(), (values, INPUTS), raw, 2);
            }
            let mut ranks = Ranks::new(&trees, &orders, precision).unwrap();
            for (level, narrow) in Level::all().into_iter().flat_map(|level| [(level, true), (level, false)]) {
                ranks.narrow = narrow;
                let mut given = vec![0.0; rows * 2];
                add_ranks(level, &ranks, (&values, INPUTS), &mut given, 2, &mut RankWork::default());
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
            Ranks::new(&trees, &orders, Precision::Double).is_some()
        };
        assert!(fits(grown(255, 0, &mut dice)));
        assert!(!fits(grown(256, 0, &mut dice)));
        let mut nan = grown(1, 0, &mut dice);
        nan.splits[0].test = Test::AtMost { threshold: f64::NAN, missing_left: true, zero_missing: false };
        assert!(!fits(nan));
    }
}
