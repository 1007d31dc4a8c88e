//! Checking that a tree is one, and copying rows into the blocks the kernels read.

use std::collections::BTreeSet;

use super::explain::Lanes;
use super::{Child, DEPTH_MAX, LANES, LEAVES_MAX, Slot, Test, Tree, ZERO};

/// A node of a tree in preorder, left before right; the first is the root.
#[derive(Debug, Clone, Copy)]
pub(super) struct Visit {
    pub child: Child,
    /// Edges from the root.
    pub depth: usize,
    /// The split above (itself for the root), and whether this node is its left child.
    pub parent: u32,
    pub is_left: bool,
}

/// The nodes in preorder, or why this is not a tree: too many leaves; a child that does not exist, is reached twice or
/// never, is too deep; an input that does not exist.
pub(super) fn preorder(tree: &Tree, inputs: usize) -> Result<Vec<Visit>, String> {
    if tree.leaves.len() != tree.splits.len() + 1 {
        return Err(format!("{} leaves for {} splits", tree.leaves.len(), tree.splits.len()));
    }
    if tree.leaves.len() > LEAVES_MAX {
        return Err(format!("more than {LEAVES_MAX} leaves"));
    }
    let mut seen = [vec![false; tree.splits.len()], vec![false; tree.leaves.len()]];
    let root = if tree.splits.is_empty() { Child::Leaf(0) } else { Child::Split(0) };
    let mut open = vec![Visit { child: root, depth: 0, parent: 0, is_left: true }];
    let mut order = Vec::with_capacity(tree.splits.len() + tree.leaves.len());
    while let Some(visit) = open.pop() {
        let (kind, index) = match visit.child {
            Child::Split(index) => (0, index),
            Child::Leaf(index) => (1, index),
        };
        let what = ["split", "leaf"][kind];
        let mark = seen[kind].get_mut(index as usize).ok_or_else(|| format!("{what} {index} does not exist"))?;
        if std::mem::replace(mark, true) {
            return Err(format!("{what} {index} has two parents"));
        }
        if visit.depth > DEPTH_MAX {
            return Err(format!("deeper than {DEPTH_MAX}"));
        }
        order.push(visit);
        if let Child::Split(parent) = visit.child {
            let split = &tree.splits[parent as usize];
            if split.input as usize >= inputs {
                return Err(format!("split {parent} reads feature {}, there are {inputs}", split.input));
            }
            let depth = visit.depth + 1;
            open.push(Visit { child: split.right, depth, parent, is_left: false });
            open.push(Visit { child: split.left, depth, parent, is_left: true });
        }
    }
    // As many leaves as splits + 1 and no node twice: all were reached, or a cycle was left out.
    match order.len() == tree.splits.len() + tree.leaves.len() {
        true => Ok(order),
        false => Err("some nodes cannot be reached from the root".to_owned()),
    }
}

pub(super) fn slot_of(input: u32, test: &Test) -> Slot {
    Slot { input, zero_missing: matches!(test, Test::AtMost { zero_missing: true, .. }) }
}

/// Every slot some split reads, sorted.
pub(super) fn slots(trees: &[Tree]) -> Vec<Slot> {
    let splits = trees.iter().flat_map(|tree| &tree.splits);
    splits.map(|split| slot_of(split.input, &split.test)).collect::<BTreeSet<_>>().into_iter().collect()
}

/// A row's value in a slot.
#[inline(always)]
pub(super) fn read(row: &[f64], slot: Slot) -> f64 {
    let value = row[slot.input as usize];
    if slot.zero_missing && value.abs() <= ZERO { f64::NAN } else { value }
}

/// Slots x rows.
pub(super) fn gather_columns(columns: &mut Vec<Vec<f64>>, values: &[f64], inputs: usize, slots: &[Slot]) {
    columns.resize(slots.len(), Vec::new());
    for (column, slot) in columns.iter_mut().zip(slots) {
        column.clear();
        column.extend(values.chunks_exact(inputs).map(|row| read(row, *slot)));
    }
}

/// Rows x slots, padded to whole groups of lanes by copies of the last row.
pub(super) fn gather(block: &mut Vec<f64>, values: &[f64], inputs: usize, slots: &[Slot]) {
    block.clear();
    for row in values.chunks_exact(inputs) {
        block.extend(slots.iter().map(|slot| read(row, *slot)));
    }
    let rows = values.len() / inputs;
    for _ in rows..rows.next_multiple_of(LANES) {
        block.extend_from_within((rows - 1) * slots.len()..rows * slots.len());
    }
}

/// Groups x slots x lanes, padded likewise.
pub(super) fn gather_lanes(block: &mut Vec<Lanes>, values: &[f64], inputs: usize, slots: &[Slot]) {
    block.clear();
    for group in values.chunks(LANES * inputs) {
        let last = group.len() / inputs - 1;
        block.extend(
            slots.iter().map(|slot| {
                Lanes(std::array::from_fn(|lane| read(&group[lane.min(last) * inputs..][..inputs], *slot)))
            }),
        );
    }
}
