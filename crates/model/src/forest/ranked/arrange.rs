//! Laying a forest out for [`super`]: scales, planes, and the order of the splits.

use super::{Ask, BYTES_MAX, CODES_MAX, Codes, LEAVES_MAX, Pick, Plane, Ranked, Ranks, Scale, Side, Way};
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
        let most = scales.iter().map(|scale| scale.count).max().unwrap_or(0);
        let too_many = [most, scales.len(), codes.len()].into_iter().any(|count| count > usize::from(u16::MAX));
        if too_many || codes.iter().any(|codes| codes.size > CODES_MAX) {
            return None;
        }
        let (bytes, picks, leaves) = (Vec::new(), Vec::new(), Vec::new());
        let narrow = most <= usize::from(u8::MAX);
        let trees_made = Vec::with_capacity(trees.len());
        let mut ranks = Self { scales, codes, bytes, picks, trees: trees_made, leaves, waiting: 0, narrow, precision };
        for (tree, order) in trees.iter().zip(orders) {
            ranks.push(tree, order)?;
        }
        ranks.leaves.resize(ranks.leaves.len() + LEAVES_MAX, 0.0);
        Some(ranks)
    }

    fn push(&mut self, tree: &Tree, order: &[Visit]) -> Option<()> {
        let start = self.leaves.len();
        // Leaves are numbered from left to right.
        let mut numbers = vec![0_u16; tree.leaves.len()];
        let from_left = order.iter().filter_map(|visit| match visit.child {
            Child::Leaf(leaf) => Some(leaf as usize),
            Child::Split(_) => None,
        });
        for (number, leaf) in from_left.enumerate() {
            numbers[leaf] = number as u16;
            self.leaves.push(tree.leaves[leaf].value);
        }
        let mut planes = Vec::new();
        let way = match levels(tree, order) {
            Some(splits) => {
                let asks = splits.into_iter().map(|split| self.ask(tree, split, &mut planes));
                Way::Levels(asks.collect::<Option<Vec<Ask>>>()?)
            }
            None => Way::Picks(self.push_picks(tree, order, &numbers, &mut planes)?),
        };
        self.trees.push(Ranked { way, output: tree.output, leaves: start, planes });
        Some(())
    }

    fn push_picks(
        &mut self,
        tree: &Tree,
        order: &[Visit],
        numbers: &[u16],
        planes: &mut Vec<Plane>,
    ) -> Option<std::ops::Range<usize>> {
        let (start, mut waiting) = (self.picks.len(), 0_usize);
        let side = |child: Child| match child {
            Child::Leaf(leaf) => Side::Leaf(numbers[leaf as usize]),
            Child::Split(_) => Side::Last,
        };
        for visit in order.iter().rev() {
            let Child::Split(at) = visit.child else { continue };
            let split = &tree.splits[at as usize];
            let (left, right) = (side(split.left), side(split.right));
            let used = [left, right].into_iter().filter(|side| matches!(side, Side::Last)).count();
            waiting = waiting + 1 - used.min(waiting);
            self.waiting = self.waiting.max(waiting);
            let ask = self.ask(tree, at as usize, planes)?;
            self.picks.push(Pick { ask, left, right });
        }
        Some(start..self.picks.len())
    }

    fn ask(&mut self, tree: &Tree, split: usize, planes: &mut Vec<Plane>) -> Option<Ask> {
        let split = &tree.splits[split];
        let slot = slot_of(split.input, &split.test);
        match &split.test {
            Test::AtMost { threshold, missing_left, .. } => {
                let scale = self.scales.binary_search_by_key(&(slot, *missing_left), Scale::key).ok()?;
                let below = |other: &f64| other < threshold;
                let place = self.scales[scale].thresholds.partition_point(below);
                Some(Ask::Above { scale: scale as u16, place: place as u16 })
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
                Some(Ask::Marked { plane: at as u16, bit })
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
    let chunks = all.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1));
    chunks
        .map(|chunk| {
            let count = chunk.len();
            let mut thresholds: Vec<f64> = chunk.iter().map(|item| item.2).collect();
            thresholds.resize((count + 1).next_power_of_two(), f64::INFINITY);
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
