//! Laying a forest out for [`super`]: scales, planes, the order of the splits, and the words of leaves.

use super::{
    Ask, BYTES_MAX, CODES_MAX, Codes, FIRST, GROUP, GROUPS, LEAVES_MAX, Leaves, Number, Pick, Plane, RANK_MAX, Ranked,
    Ranks, Scale, Values, Way,
};
use crate::forest::layout::{Visit, slot_of};
use crate::forest::{Child, Precision, Slot, Test, Tree};

impl Ranks {
    /// Nothing when some tree is too large or has linear leaves, or there are too many thresholds or categories.
    pub(in crate::forest) fn new(trees: &[Tree], orders: &[Vec<Visit>], precision: Precision) -> Option<Self> {
        let fits = |tree: &Tree| {
            let ordered = |test: &Test| !matches!(test, Test::AtMost { threshold, .. } if threshold.is_nan());
            tree.leaves.len() <= LEAVES_MAX
                && tree.leaves.iter().all(|leaf| leaf.linear.is_none())
                && tree.splits.iter().all(|split| ordered(&split.test))
        };
        if !trees.iter().all(fits) {
            return None;
        }
        let (scales, codes) = (scales(trees), codes(trees));
        let columns = scales.len() + LEAVES_MAX;
        if columns.max(codes.len()) > usize::from(u16::MAX) || codes.iter().any(|codes| codes.size > CODES_MAX) {
            return None;
        }
        let (bytes, picks, made) = (Vec::new(), Vec::new(), Vec::with_capacity(trees.len()));
        let leaves = match precision {
            Precision::Double => Values::Double(Leaves { values: Vec::new(), words: Vec::new() }),
            Precision::Single => Values::Single(Leaves { values: Vec::new(), words: Vec::new() }),
        };
        let mut ranks = Self { scales, codes, bytes, planes: 0, picks, trees: made, leaves };
        for (tree, order) in trees.iter().zip(orders) {
            ranks.push(tree, order)?;
        }
        match &mut ranks.leaves {
            Values::Double(leaves) => leaves.values.extend([0.0; LEAVES_MAX]),
            Values::Single(leaves) => leaves.values.extend([0.0; LEAVES_MAX]),
        }
        Some(ranks)
    }

    fn push(&mut self, tree: &Tree, order: &[Visit]) -> Option<()> {
        // Leaves are numbered from left to right.
        let mut numbers = vec![0_u16; tree.leaves.len()];
        let from_left = order.iter().filter_map(|visit| match visit.child {
            Child::Leaf(leaf) => Some(leaf as usize),
            Child::Split(_) => None,
        });
        let from_left: Vec<usize> = from_left.collect();
        from_left.iter().enumerate().for_each(|(number, leaf)| numbers[*leaf] = number as u16);
        let values: Vec<f64> = from_left.iter().map(|leaf| tree.leaves[*leaf].value).collect();
        let (leaves, words) = match &mut self.leaves {
            Values::Double(leaves) => leaves.push(&values),
            Values::Single(leaves) => leaves.push(&values),
        };
        let mut planes = Vec::new();
        let way = match levels(tree, order) {
            Some(splits) => {
                let asks = splits.into_iter().map(|split| self.ask(tree, split, &mut planes));
                Way::Levels(asks.collect::<Option<Vec<Ask>>>()?)
            }
            None => Way::Picks(self.push_picks(tree, order, &numbers, &mut planes)?),
        };
        self.planes = self.planes.max(planes.len());
        self.trees.push(Ranked { way, output: tree.output, leaves, words, planes });
        Some(())
    }

    /// Splits of two leaves come first: these need no other's result, so that none waits for the one before it.
    fn push_picks(
        &mut self,
        tree: &Tree,
        order: &[Visit],
        numbers: &[u16],
        planes: &mut Vec<Plane>,
    ) -> Option<std::ops::Range<usize>> {
        let start = self.picks.len();
        let splits = order.iter().rev().filter_map(|visit| match visit.child {
            Child::Split(at) => Some(at as usize),
            Child::Leaf(_) => None,
        });
        let is_last = |at: &usize| {
            let split = &tree.splits[*at];
            matches!((split.left, split.right), (Child::Leaf(_), Child::Leaf(_)))
        };
        let (first, others): (Vec<usize>, Vec<usize>) = splits.partition(is_last);
        let mut places = vec![FIRST; tree.splits.len()];
        for (slot, at) in first.iter().enumerate() {
            places[*at] = FIRST + (slot * GROUPS) as u16;
        }
        for at in first.into_iter().chain(others) {
            let split = &tree.splits[at];
            let place = |child: Child| match child {
                Child::Leaf(leaf) => numbers[leaf as usize],
                Child::Split(at) => places[at as usize],
            };
            let (left, right) = (place(split.left), place(split.right));
            // A result goes where one of its sides was.
            let to = if left.max(right) < FIRST { places[at] } else { left.max(right) };
            places[at] = to;
            let ask = self.ask(tree, at, planes)?;
            self.picks.push(Pick { ask, left, right, to });
        }
        Some(start..self.picks.len())
    }

    fn ask(&mut self, tree: &Tree, split: usize, planes: &mut Vec<Plane>) -> Option<Ask> {
        let split = &tree.splits[split];
        let slot = slot_of(split.input, &split.test);
        match &split.test {
            Test::AtMost { threshold, missing_left, .. } => {
                let below = |scale: &Scale| {
                    let last = scale.thresholds[scale.count - 1];
                    scale.key() < (slot, *missing_left) || (scale.key() == (slot, *missing_left) && last < *threshold)
                };
                let column = self.scales.partition_point(below);
                let place = self.scales.get(column)?.thresholds.partition_point(|other| other < threshold);
                Some(Ask { column: column as u16, mask: u8::MAX, place: place as u8 })
            }
            Test::In { words, missing_left } => {
                let codes = self.codes.binary_search_by_key(&slot, |codes| codes.slot).ok()?;
                let at = self.plane(codes, planes)?;
                let plane = &mut planes[at];
                let bit = 1 << plane.bits;
                plane.bits += 1;
                let goes_left = |code: usize| words.get(code / 32).is_some_and(|word| word >> (code % 32) & 1 != 0);
                let size = self.codes[codes].size;
                let bytes = &mut self.bytes[plane.bytes as usize..][..size + 2];
                for (code, byte) in bytes.iter_mut().enumerate() {
                    let left = if code == size { *missing_left } else { code < size && goes_left(code) };
                    *byte |= if left { 0 } else { bit };
                }
                Some(Ask { column: (self.scales.len() + at) as u16, mask: bit, place: 0 })
            }
        }
    }

    /// A plane of the tree for these codes with a bit to spare.
    fn plane(&mut self, codes: usize, planes: &mut Vec<Plane>) -> Option<usize> {
        let fits = |plane: &Plane| usize::from(plane.codes) == codes && plane.bits < 8;
        if let Some(at) = planes.iter().position(fits) {
            return Some(at);
        }
        let bytes = self.bytes.len();
        self.bytes.resize(bytes + self.codes[codes].size + 2, 0);
        planes.push(Plane { codes: codes as u16, bytes: bytes as u32, bits: 0 });
        (self.bytes.len() <= BYTES_MAX).then_some(planes.len() - 1)
    }
}

impl<S: Number> Leaves<S> {
    /// Where a tree's leaves are, and their words.
    fn push(&mut self, values: &[f64]) -> (usize, Option<usize>) {
        let (start, words) = (self.values.len(), self.words.len());
        self.values.extend(values.iter().map(|value| S::of(*value)));
        if values.len() > GROUP {
            return (start, None);
        }
        for word in 0..S::WORDS {
            let mut plane = [0; GROUP];
            plane.iter_mut().zip(values).for_each(|(to, value)| *to = S::of(*value).word(word));
            self.words.push(plane);
        }
        (start, Some(words))
    }
}

impl Scale {
    fn key(&self) -> (Slot, bool) {
        (self.slot, self.missing_left)
    }
}

/// The scales of a forest, sorted by [`Scale::key`].
fn scales(trees: &[Tree]) -> Vec<Scale> {
    let mut all: Vec<(Slot, bool, f64)> = Vec::new();
    for split in trees.iter().flat_map(|tree| &tree.splits) {
        if let Test::AtMost { threshold, missing_left, .. } = split.test {
            // Both zeros are the same.
            all.push((slot_of(split.input, &split.test), missing_left, threshold + 0.0));
        }
    }
    all.sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)));
    all.dedup();
    let slots = all.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1));
    slots
        .flat_map(|slot| slot.chunks(RANK_MAX))
        .map(|chunk| {
            let count = chunk.len();
            let mut thresholds: Vec<f64> = chunk.iter().map(|item| item.2).collect();
            thresholds.resize((count + 1).next_power_of_two().max(GROUP), f64::INFINITY);
            Scale { slot: chunk[0].0, missing_left: chunk[0].1, thresholds, count }
        })
        .collect()
}

/// The slots that sets read, sorted.
fn codes(trees: &[Tree]) -> Vec<Codes> {
    let mut all: Vec<(Slot, usize)> = Vec::new();
    for split in trees.iter().flat_map(|tree| &tree.splits) {
        if let Test::In { words, .. } = &split.test {
            all.push((slot_of(split.input, &split.test), 32 * words.len()));
        }
    }
    all.sort_unstable();
    let chunks = all.chunk_by(|a, b| a.0 == b.0);
    chunks.map(|chunk| Codes { slot: chunk[0].0, size: chunk[chunk.len() - 1].1 }).collect()
}

/// For each level of a symmetric tree a split, from the root; nothing for other trees.
fn levels(tree: &Tree, order: &[Visit]) -> Option<Vec<usize>> {
    let depth = tree.leaves.len().trailing_zeros() as usize;
    if depth == 0 || tree.leaves.len() != 1 << depth {
        return None;
    }
    let mut levels: Vec<Option<usize>> = vec![None; depth];
    for visit in order {
        match visit.child {
            Child::Leaf(_) if visit.depth != depth => return None,
            Child::Leaf(_) => {}
            Child::Split(at) => {
                let (level, at) = (levels.get_mut(visit.depth)?, at as usize);
                let known = &tree.splits[*level.get_or_insert(at)];
                if known.input != tree.splits[at].input || known.test != tree.splits[at].test {
                    return None;
                }
            }
        }
    }
    levels.into_iter().collect()
}
