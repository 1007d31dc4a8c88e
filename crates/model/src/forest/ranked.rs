//! Scoring by ranks: every split of a tree is asked about many rows at once, in bytes.
//!
//! A split by threshold depends only on how many of the forest's thresholds of that input are below the value. That
//! *rank* is found once for a row, and is a byte: where an input has more than 255 thresholds, each 255 of them are a
//! scale of their own. From the leaves up each split then picks the number of the leaf where a row ends: its right
//! side's where the rank is above the threshold's place, else its left side's. So no row walks and nothing branches on
//! a value or on a tree's shape; 64 rows are one vector. Binned inputs are what LightGBM trains on; QuickScorer's rank
//! variant (Lucchese et al. 2017) compares likewise. A *symmetric* tree, which asks the same on every split of a level,
//! adds up the bits of its leaf's number instead (as CatBoost does).
//!
//! A missing value has rank 0 for splits that send it left and the highest for the others, so these have ranks of their
//! own. A category's code picks a byte in which each bit answers another split of the tree. Sums: each row's trees in
//! the order of the file, so the bits of a score are those of [`super::score::Walk`]. Cost: about five vector
//! operations a split and 64 rows, and with AVX-512 ([`wide`]) fifty for a tree's leaves. Memory: 10 bytes a split, 16
//! a leaf, a bit for each split by categories and category; 64 KiB for a call.

mod arrange;
#[cfg(target_arch = "x86_64")]
pub(super) mod wide;

use super::Slot;
use super::layout::read;

/// Rows in a vector of bytes.
const GROUP: usize = 64;

/// Groups worked on together in a large batch; a small one takes one after the other.
const GROUPS: usize = 4;

/// Most leaves of a tree; in larger ones a walk asks much fewer splits.
const LEAVES_MAX: usize = 256;

/// Most thresholds of a scale, so that a byte holds every rank.
const RANK_MAX: usize = 255;

/// Most bytes of all planes.
const BYTES_MAX: usize = 1 << 24;

/// Most codes that categories may have.
const CODES_MAX: usize = 1 << 15;

/// Groups where results wait: a tree's leaf numbers, each 64 times, and from [`FIRST`] on [`GROUPS`] for each split of
/// two leaves.
const WAITING: usize = 1024;
const FIRST: u16 = LEAVES_MAX as u16;

/// A byte for each of 64 rows.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Group([u8; GROUP]);

/// A sum for each of 64 rows.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Sums<S>([S; GROUP]);

/// Thresholds of one slot whose splits send a missing value the same way.
#[derive(Debug)]
struct Scale {
    slot: Slot,
    missing_left: bool,
    /// Ascending, then infinite ones up to 64, 128 or 256; `count` are real.
    thresholds: Vec<f64>,
    count: usize,
}

/// The codes of one slot that some set knows are below `size`. Missing is `size`, all others are `size + 1`.
#[derive(Debug)]
struct Codes {
    slot: Slot,
    size: usize,
}

/// Who goes right: rows whose byte in the column, of which `mask` counts, is above the place. Columns are the scales'
/// ranks, and then the tree's planes.
#[derive(Debug, Clone, Copy)]
struct Ask {
    column: u16,
    mask: u8,
    place: u8,
}

/// A split: where the result of its right side is, of its left, and where its own goes, as places in [`Waiting`].
#[derive(Debug, Clone, Copy)]
struct Pick {
    ask: Ask,
    left: u16,
    right: u16,
    to: u16,
}

#[derive(Debug)]
enum Way {
    /// Splits such that both sides of each come before it. None in a single leaf.
    Picks(std::ops::Range<usize>),
    /// What the levels ask, from the root; the leaves from left to right.
    Levels(Vec<Ask>),
}

#[derive(Debug)]
struct Ranked {
    way: Way,
    output: usize,
    /// Where its leaves start, and the planes of their words if it has at most 64.
    leaves: usize,
    words: Option<usize>,
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

/// The leaves of all trees, and then as many as one may have, so that each tree's can be read as an array.
#[derive(Debug)]
struct Leaves<S> {
    values: Vec<S>,
    /// The same of trees of at most 64 leaves: the lowest 16 bits of all, the next, and so on.
    words: Vec<[u16; GROUP]>,
}

#[derive(Debug)]
enum Values {
    Double(Leaves<f64>),
    Single(Leaves<f32>),
}

/// All trees.
#[derive(Debug)]
pub(super) struct Ranks {
    scales: Vec<Scale>,
    codes: Vec<Codes>,
    /// Of all planes.
    bytes: Vec<u8>,
    /// Most planes of a tree.
    planes: usize,
    picks: Vec<Pick>,
    trees: Vec<Ranked>,
    leaves: Values,
}

/// The number that scores are summed in.
trait Number: Copy {
    const WORDS: usize;
    fn of(x: f64) -> Self;
    fn double(self) -> f64;
    fn plus(self, other: Self) -> Self;
    /// 16 of its bits, counted from the lowest.
    fn word(self, at: usize) -> u16;
    #[cfg(target_arch = "x86_64")]
    fn add_wide(kernel: wide::Wide, words: &[[u16; GROUP]], ends: &[Group], sums: &mut [Sums<Self>]);
}

macro_rules! number {
    ($number:ty, $words:expr, $add_wide:ident) => {
        impl Number for $number {
            const WORDS: usize = $words;

            #[inline(always)]
            fn of(x: f64) -> Self {
                x as Self
            }

            #[inline(always)]
            fn double(self) -> f64 {
                self.into()
            }

            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self + other
            }

            fn word(self, at: usize) -> u16 {
                (self.to_bits() >> (16 * at)) as u16
            }

            #[cfg(target_arch = "x86_64")]
            #[inline(always)]
            fn add_wide(kernel: wide::Wide, words: &[[u16; GROUP]], ends: &[Group], sums: &mut [Sums<Self>]) {
                if let Some(words) = words.first_chunk() {
                    kernel.$add_wide(words, ends, sums);
                }
            }
        }
    };
}

number!(f64, 4, add_double);
number!(f32, 2, add_single);

/// The parts of the work that differ by processor, with the same results.
pub(super) trait Kernel: Copy {
    #[allow(private_interfaces)]
    fn ranks(self, scale: &Scale, values: impl Iterator<Item = f64>, to: &mut Group);
    #[allow(private_interfaces, private_bounds)]
    fn add<S: Number>(self, leaves: &Leaves<S>, tree: &Ranked, ends: &[Group], sums: &mut [Sums<S>]);
}

/// What every processor can.
#[derive(Debug, Clone, Copy)]
pub(super) struct Portable;

/// Working memory, made once for a call.
pub(super) struct RankWork {
    /// Ranks and then planes x groups.
    columns: Vec<Group>,
    /// Codes x groups.
    codes: Vec<[u16; GROUP]>,
    waiting: Box<[Group; WAITING]>,
}

impl Default for RankWork {
    fn default() -> Self {
        let mut waiting = Box::new([Group([0; GROUP]); WAITING]);
        (0..=u8::MAX).zip(waiting.iter_mut()).for_each(|(leaf, group)| *group = Group([leaf; GROUP]));
        Self { columns: Vec::new(), codes: Vec::new(), waiting }
    }
}

impl Ranks {
    /// Add every tree to `raw`, rows x outputs, for rows x inputs of `values`.
    #[inline(always)]
    pub(super) fn add(
        &self,
        kernel: impl Kernel,
        rows: (&[f64], usize),
        raw: &mut [f64],
        outputs: usize,
        work: &mut RankWork,
    ) {
        match &self.leaves {
            Values::Double(leaves) => self.add_as(kernel, leaves, rows, raw, outputs, work),
            Values::Single(leaves) => self.add_as(kernel, leaves, rows, raw, outputs, work),
        }
    }

    #[inline(always)]
    fn add_as<S: Number>(
        &self,
        kernel: impl Kernel,
        leaves: &Leaves<S>,
        (values, inputs): (&[f64], usize),
        raw: &mut [f64],
        outputs: usize,
        work: &mut RankWork,
    ) {
        work.columns.resize((self.scales.len() + self.planes) * GROUPS, Group([0; GROUP]));
        work.codes.resize(self.codes.len() * GROUPS, [0; GROUP]);
        let mut sums = vec![Sums([S::of(0.0); GROUP]); outputs * GROUPS];
        let many = GROUP * GROUPS;
        for (values, raw) in values.chunks(many * inputs).zip(raw.chunks_mut(many * outputs)) {
            let rows = raw.len() / outputs;
            let mut add = |few: usize| {
                for (values, raw) in values.chunks(few * inputs).zip(raw.chunks_mut(few * outputs)) {
                    let sums = &mut sums[..outputs * few / GROUP];
                    load(raw, outputs, sums);
                    match few == many {
                        true => self.add_block::<S, GROUPS>(kernel, leaves, (values, inputs), sums, work),
                        false => self.add_block::<S, 1>(kernel, leaves, (values, inputs), sums, work),
                    }
                    store(sums, raw, outputs);
                }
            };
            add(if rows > many / 2 { many } else { GROUP });
        }
    }

    #[inline(always)]
    fn add_block<S: Number, const N: usize>(
        &self,
        kernel: impl Kernel,
        leaves: &Leaves<S>,
        (values, inputs): (&[f64], usize),
        sums: &mut [Sums<S>],
        work: &mut RankWork,
    ) {
        let columns = work.columns.as_chunks_mut::<N>().0;
        for (scale, column) in self.scales.iter().zip(&mut *columns) {
            for (group, values) in column.iter_mut().zip(values.chunks(GROUP * inputs)) {
                kernel.ranks(scale, values.chunks_exact(inputs).map(|row| read(row, scale.slot)), group);
            }
        }
        let codes = work.codes.as_chunks_mut::<N>().0;
        for (slot, codes) in self.codes.iter().zip(&mut *codes) {
            for (row, code) in values.chunks_exact(inputs).zip(codes.as_flattened_mut()) {
                *code = slot.code(read(row, slot.slot));
            }
        }
        let sums = sums.as_chunks_mut::<N>().0;
        for tree in &self.trees {
            let planes = columns.iter_mut().skip(self.scales.len());
            for (plane, column) in tree.planes.iter().zip(planes) {
                self.fill(plane, &codes[usize::from(plane.codes)], column);
            }
            let ends = match &tree.way {
                Way::Picks(picks) if tree.planes.is_empty() => {
                    ends::<N, false>(&self.picks[picks.clone()], columns, &mut work.waiting)
                }
                Way::Picks(picks) => ends::<N, true>(&self.picks[picks.clone()], columns, &mut work.waiting),
                Way::Levels(levels) => add_levels(levels, columns),
            };
            kernel.add(leaves, tree, &ends, &mut sums[tree.output]);
        }
    }

    #[inline(always)]
    fn fill<const N: usize>(&self, plane: &Plane, codes: &[[u16; GROUP]; N], column: &mut [Group; N]) {
        let bytes = &self.bytes[plane.bytes as usize..][..self.codes[usize::from(plane.codes)].size + 2];
        for (codes, group) in codes.iter().zip(column) {
            codes.iter().zip(&mut group.0).for_each(|(code, to)| *to = bytes[usize::from(*code)]);
        }
    }
}

/// Rows x outputs into outputs x groups.
fn load<S: Number>(raw: &[f64], outputs: usize, sums: &mut [Sums<S>]) {
    let groups = sums.len() / outputs;
    for (row, raw) in raw.chunks_exact(outputs).enumerate() {
        raw.iter().enumerate().for_each(|(at, x)| sums[at * groups + row / GROUP].0[row % GROUP] = S::of(*x));
    }
}

/// The way back.
fn store<S: Number>(sums: &[Sums<S>], raw: &mut [f64], outputs: usize) {
    let groups = sums.len() / outputs;
    for (row, raw) in raw.chunks_exact_mut(outputs).enumerate() {
        raw.iter_mut().enumerate().for_each(|(at, x)| *x = sums[at * groups + row / GROUP].0[row % GROUP].double());
    }
}

/// By a mask: both are read, so that the compiler does not choose between two addresses and gather.
#[inline(always)]
fn choose(is_right: bool, right: u8, left: u8) -> u8 {
    let mask = u8::from(is_right).wrapping_neg();
    (right & mask) | (left & !mask)
}

/// The leaves of a tree where rows end. `MASKED` where it asks planes.
#[inline(always)]
fn ends<const N: usize, const MASKED: bool>(
    picks: &[Pick],
    columns: &[[Group; N]],
    waiting: &mut [Group; WAITING],
) -> [Group; N] {
    for pick in picks {
        let Ask { column, mask, place } = pick.ask;
        let column = &columns[usize::from(column)];
        for (part, bytes) in column.iter().enumerate() {
            let from = |place: u16| usize::from(place) + if place < FIRST { 0 } else { part };
            let (left, right) = (waiting[from(pick.left) % WAITING], waiting[from(pick.right) % WAITING]);
            let mut picked = bytes.0;
            for (row, byte) in picked.iter_mut().enumerate() {
                let is_right = if MASKED { *byte & mask > place } else { *byte > place };
                *byte = choose(is_right, right.0[row], left.0[row]);
            }
            waiting[from(pick.to) % WAITING] = Group(picked);
        }
    }
    let root = picks.last().map_or(0, |pick| usize::from(pick.to));
    std::array::from_fn(|part| waiting[(root + if root == 0 { 0 } else { part }) % WAITING])
}

/// The leaves of a symmetric tree.
#[inline(always)]
fn add_levels<const N: usize>(levels: &[Ask], columns: &[[Group; N]]) -> [Group; N] {
    let mut ends = [Group([0; GROUP]); N];
    for (level, Ask { column, mask, place }) in levels.iter().rev().enumerate() {
        let column = &columns[usize::from(*column)];
        let bit = 1 << level;
        for part in 0..N {
            for row in 0..GROUP {
                let is_right = column[part].0[row] & mask > *place;
                ends[part].0[row] |= u8::from(is_right).wrapping_neg() & bit;
            }
        }
    }
    ends
}

impl Kernel for Portable {
    #[allow(private_interfaces)]
    #[inline(always)]
    fn ranks(self, scale: &Scale, values: impl Iterator<Item = f64>, to: &mut Group) {
        const TOGETHER: usize = 16;
        let mut values = values.fuse();
        for ranks in to.0.chunks_mut(TOGETHER) {
            let mut cells = [f64::NAN; TOGETHER];
            cells.iter_mut().zip(&mut values).for_each(|(cell, value)| *cell = value);
            let mut places = [0_usize; TOGETHER];
            let mut step = (scale.count + 1).next_power_of_two() / 2;
            while step > 0 {
                for (place, cell) in places.iter_mut().zip(&cells) {
                    *place += if scale.thresholds[*place + step - 1] < *cell { step } else { 0 };
                }
                step /= 2;
            }
            for (rank, (place, cell)) in ranks.iter_mut().zip(places.iter().zip(&cells)) {
                *rank = if cell.is_nan() { scale.missing() } else { *place as u8 };
            }
        }
    }

    #[allow(private_interfaces, private_bounds)]
    #[inline(always)]
    fn add<S: Number>(self, leaves: &Leaves<S>, tree: &Ranked, ends: &[Group], sums: &mut [Sums<S>]) {
        let Some(leaves) = leaves.values[tree.leaves..].first_chunk::<LEAVES_MAX>() else { return };
        for (ends, sums) in ends.iter().zip(sums) {
            for (end, sum) in ends.0.iter().zip(&mut sums.0) {
                *sum = sum.plus(leaves[usize::from(*end)]);
            }
        }
    }
}

impl Scale {
    /// The rank of a missing value.
    fn missing(&self) -> u8 {
        if self.missing_left { 0 } else { self.count as u8 }
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
    use super::super::vector::add_ranks;
    use super::super::{BLOCK_ROWS, Child, Leaf, Precision, Split, Test, Tree};
    use super::*;
    use crate::level::Level;

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
        Leaf { value: f64::from(1.0 / (at as f32 + 3.0)), cover: 1.0, linear: None }
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
            let mut by_rows = vec![0.0; rows * 2];
            for (row, raw) in values.chunks_exact(INPUTS).zip(by_rows.chunks_exact_mut(2)) {
                gather(&mut block, row, INPUTS, &slots);
                walk.add_row(&block[..slots.len()], raw);
            }
            prop_assert_eq!(&by_rows, &expected);
            let ranks = Ranks::new(&trees, &orders, precision).unwrap();
            for level in Level::all() {
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
