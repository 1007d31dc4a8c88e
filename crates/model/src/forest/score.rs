//! Scoring: many rows down one tree, tree after tree.
//!
//! A block of rows (a few KiB) stays in the first-level cache while the trees stream by; eight rows walk down a tree at
//! once, so that the processor overlaps their loads. Leaves point at themselves: a row that has arrived waits there,
//! and the loop ends when all eight have. Each row's trees are summed in the order of the file.

use super::layout::{Visit, slot_of};
use super::{Child, LANES, LeafTerms, Precision, Slot, Test, Tree};

/// `x` missing goes left.
const MISSING_LEFT: u16 = 1;
/// A leaf: always "left", which is itself.
const LEAF: u16 = 2;
/// `value` is a set of categories: its first word in `sets` in the high half, the number of words in the low half.
const IN_SET: u16 = 4;

/// 16 bytes. The right child is at `left + 1`.
#[derive(Debug, Clone, Copy)]
struct Node {
    /// Threshold, set or leaf value.
    value: f64,
    left: u32,
    slot: u16,
    flags: u16,
}

/// The trees as one array of nodes.
pub(super) struct Walk {
    nodes: Vec<Node>,
    roots: Vec<Root>,
    /// Bit sets of categories; never empty, so that word 0 can always be read.
    sets: Vec<u32>,
    /// For each node its leaf's terms; empty unless some tree is linear.
    linear: Vec<Option<LeafTerms>>,
    precision: Precision,
}

/// What a node says to a row.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Down { slot: usize, to: u32 },
    Leaf(f64),
}

/// What a node is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// Its children are at `left` and after it.
    Split {
        slot: usize,
        left: u32,
    },
    Leaf(f64),
}

#[derive(Debug, Clone, Copy)]
struct Root {
    node: u32,
    output: u32,
    has_sets: bool,
}

impl Walk {
    /// Lay the trees out. The slots are those of [`super::layout::slots`].
    pub(super) fn new(
        trees: &[Tree],
        orders: &[Vec<Visit>],
        slots: &[Slot],
        precision: Precision,
    ) -> Result<Self, String> {
        let mut walk = Self { nodes: Vec::new(), roots: Vec::new(), sets: vec![0], linear: Vec::new(), precision };
        for (tree, order) in trees.iter().zip(orders) {
            walk.push(tree, order, slots)?;
        }
        Ok(walk)
    }

    fn push(&mut self, tree: &Tree, order: &[Visit], slots: &[Slot]) -> Result<(), String> {
        let too_many = |_| "more than 4,294,967,295 nodes".to_owned();
        let root = u32::try_from(self.nodes.len()).map_err(too_many)?;
        u32::try_from(self.nodes.len() + order.len()).map_err(too_many)?;
        // Where each split's pair of children goes: handed out in preorder.
        let (mut places, mut next) = (vec![0; tree.splits.len()], root + 1);
        self.nodes.resize(self.nodes.len() + order.len(), Node { value: 0.0, left: 0, slot: 0, flags: 0 });
        let is_linear = tree.leaves.iter().any(|leaf| leaf.linear.is_some());
        if is_linear || !self.linear.is_empty() {
            self.linear.resize(self.nodes.len(), None);
        }
        let mut has_sets = false;
        for visit in order {
            let place = match visit.depth {
                0 => root,
                _ => places[visit.parent as usize] + u32::from(!visit.is_left),
            };
            self.nodes[place as usize] = match visit.child {
                Child::Leaf(leaf) => {
                    let leaf = &tree.leaves[leaf as usize];
                    if let Some(terms) = &leaf.linear {
                        self.linear[place as usize] = Some(terms.clone());
                    }
                    Node { value: leaf.value, left: place, slot: 0, flags: LEAF }
                }
                Child::Split(split) => {
                    (places[split as usize], next) = (next, next + 2);
                    let split = &tree.splits[split as usize];
                    has_sets |= matches!(split.test, Test::In { .. });
                    let slot = slots.binary_search(&slot_of(split.input, &split.test)).unwrap_or_default();
                    self.node(&split.test, slot as u16, next - 2)?
                }
            };
        }
        self.roots.push(Root { node: root, output: tree.output as u32, has_sets });
        Ok(())
    }

    fn node(&mut self, test: &Test, slot: u16, left: u32) -> Result<Node, String> {
        Ok(match test {
            Test::AtMost { threshold, missing_left, .. } => {
                Node { value: *threshold, left, slot, flags: if *missing_left { MISSING_LEFT } else { 0 } }
            }
            Test::In { words, missing_left } => {
                let flags = IN_SET | if *missing_left { MISSING_LEFT } else { 0 };
                let start = u32::try_from(self.sets.len()).map_err(|_| "too many categories".to_owned())?;
                let len = u32::try_from(words.len()).map_err(|_| "too many categories".to_owned())?;
                self.sets.extend_from_slice(words);
                Node { value: f64::from_bits(u64::from(start) << 32 | u64::from(len)), left, slot, flags }
            }
        })
    }

    /// Add every tree to `raw`, rows x outputs. `block` is padded rows x slots; `rows` the same rows with all their
    /// inputs, and how many those are (linear leaves read them).
    pub(super) fn add(&self, block: &[f64], slots: usize, rows: (&[f64], usize), raw: &mut [f64], outputs: usize) {
        // A forest of single leaves has no slots: any one value will do.
        let (block, slots) = if slots == 0 { (&[0.0; super::BLOCK_ROWS][..], 1) } else { (block, slots) };
        for root in &self.roots {
            let groups = block.chunks_exact(LANES * slots).zip(raw.chunks_mut(LANES * outputs)).enumerate();
            for (group, (features, raw)) in groups {
                let lanes = std::array::from_fn(|lane| &features[lane * slots..(lane + 1) * slots]);
                let ends = match root.has_sets {
                    true => self.descend::<true>([root.node; LANES], lanes),
                    false => self.descend::<false>([root.node; LANES], lanes),
                };
                for (lane, raw) in raw.chunks_exact_mut(outputs).enumerate() {
                    let end = ends[lane] as usize;
                    let value = match self.linear.get(end) {
                        Some(Some(terms)) => self.linear_leaf(end, terms, rows, group * LANES + lane),
                        _ => self.nodes[end].value,
                    };
                    let sum = raw[root.output as usize] + value;
                    raw[root.output as usize] = self.precision.fit(sum);
                }
            }
        }
    }

    /// The same for one row's slots, down eight trees at once; for trees without linear leaves.
    pub(super) fn add_row(&self, slots: &[f64], raw: &mut [f64]) {
        let slots = if slots.is_empty() { &[0.0] } else { slots };
        for roots in self.roots.chunks(LANES) {
            let starts = std::array::from_fn(|lane| roots[lane.min(roots.len() - 1)].node);
            let ends = match roots.iter().any(|root| root.has_sets) {
                true => self.descend::<true>(starts, [slots; LANES]),
                false => self.descend::<false>(starts, [slots; LANES]),
            };
            for (root, end) in roots.iter().zip(ends) {
                let sum = &mut raw[root.output as usize];
                *sum = self.precision.fit(*sum + self.nodes[end as usize].value);
            }
        }
    }

    /// The first node of each tree, and its output.
    pub(super) fn roots(&self) -> impl Iterator<Item = (u32, usize)> {
        self.roots.iter().map(|root| (root.node, root.output as usize))
    }

    /// One step of a row's slots down from a node; of a linear leaf its value alone.
    pub(super) fn step(&self, node: u32, slots: &[f64]) -> Step {
        let node = self.nodes[node as usize];
        if node.flags & LEAF != 0 {
            return Step::Leaf(node.value);
        }
        let slot = usize::from(node.slot);
        let x = slots[slot];
        let left = match node.flags & IN_SET != 0 {
            true => self.contains(node, x),
            false => (x <= node.value) | (x.is_nan() & (node.flags & MISSING_LEFT != 0)),
        };
        Step::Down { slot, to: node.left + u32::from(!left) }
    }

    /// Where a node leads to, whatever the row.
    pub(super) fn place(&self, node: u32) -> Place {
        let Node { value, left, slot, flags } = self.nodes[node as usize];
        if flags & LEAF != 0 { Place::Leaf(value) } else { Place::Split { slot: usize::from(slot), left } }
    }

    /// Of each value of a split's slot the marks `from` with `mark` added where the split sends it to the other side.
    pub(super) fn mark(&self, node: u32, column: &[f64], side: u32, mark: u32, from: &[u32], to: &mut [u32]) {
        let node = self.nodes[node as usize];
        let cells = column.iter().zip(from).zip(to);
        let added = |left: bool| if u32::from(!left) == side { 0 } else { mark };
        if node.flags & IN_SET != 0 {
            cells.for_each(|((x, from), to)| *to = from | added(self.contains(node, *x)));
            return;
        }
        let missing_left = node.flags & MISSING_LEFT != 0;
        cells.for_each(|((x, from), to)| *to = from | added((*x <= node.value) | (x.is_nan() & missing_left)));
    }

    /// The nodes where eight rows end.
    #[inline]
    fn descend<const SETS: bool>(&self, mut at: [u32; LANES], rows: [&[f64]; LANES]) -> [u32; LANES] {
        loop {
            let mut arrived = LEAF;
            for lane in 0..LANES {
                let node = self.nodes[at[lane] as usize];
                let x = rows[lane][usize::from(node.slot)];
                let left = if SETS && node.flags & IN_SET != 0 {
                    self.contains(node, x)
                } else {
                    (x <= node.value) | (x.is_nan() & (node.flags & MISSING_LEFT != 0)) | (node.flags & LEAF != 0)
                };
                at[lane] = node.left + u32::from(!left);
                arrived &= node.flags;
            }
            if arrived != 0 {
                return at;
            }
        }
    }

    fn contains(&self, node: Node, x: f64) -> bool {
        let set = node.value.to_bits();
        let (start, len) = ((set >> 32) as usize, set as u32);
        in_words(&self.sets[start..start + len as usize], node.flags & MISSING_LEFT != 0, x)
    }

    fn linear_leaf(&self, node: usize, terms: &LeafTerms, (rows, inputs): (&[f64], usize), row: usize) -> f64 {
        let row = &rows[row * inputs..(row + 1) * inputs];
        let mut sum = terms.constant;
        for (input, coefficient) in &terms.terms {
            let x = row[*input as usize];
            if x.is_nan() {
                return self.nodes[node].value;
            }
            sum += coefficient * x;
        }
        sum
    }
}

/// Whether a category is in a bit set: cut towards zero as LightGBM and XGBoost do; negative and beyond are not.
pub(super) fn in_words(words: &[u32], missing: bool, x: f64) -> bool {
    if x.is_nan() {
        return missing;
    }
    let code = x as i32;
    if code < 0 {
        return false;
    }
    words.get(code as usize / 32).is_some_and(|word| word >> (code % 32) & 1 != 0)
}
