//! Contributions by looking them up: the kernel of [`super::patterns`].
//!
//! What a leaf of value v gives to the inputs on its path (z_j and o_j as in [`super::explain`]), with the product
//! P(t) of all their factors z_j (1 - t) + o_j t, is
//!
//! ```text
//! an input that passes:       v (1 - z_i) integral P(t) / (z_i (1 - t) + t) dt
//! an input that does not:    -v           integral P(t) / (1 - t) dt
//! ```
//!
//! A block of rows has one bit vector for each test and edge; these make the entry of each row in the table of a group.
//! A table pays from some rows on; before that, and where it would be too large, the same numbers are computed for
//! eight rows at a time. Both multiply the same factors in the same order, so the sums have the same bits whichever
//! way a group takes, and however rows are cut into blocks.
//!
//! Cost: to look up, about one load and one addition for each group of leaves and input; to compute, for each leaf
//! 4 x inputs x points flops. Memory: the tables of one tree ([`TABLES_CELLS`] at most) and the masks of a block.

use super::LANES;
use super::explain::Lanes;
use super::paths::{LEFT, SlotTest};
use super::patterns::{ENTRIES_MAX, Group, PatternTree, Source};
use super::quadrature::Quadrature;
use super::score::in_words;
use super::terms::{Constants, Scratch, compute, tabulate};

/// Rows whose masks and sums are in the first-level cache together.
const TABLE_ROWS: usize = 128;

/// Most numbers in the tables of a tree: a second-level cache of them.
const TABLES_CELLS: usize = 1 << 17;

/// Rows that an entry of a table must serve for the table to be made.
const ROWS_PER_ENTRY: usize = 2;

/// All ones or none for each row of a block.
type Marks = [u16; TABLE_ROWS];

/// What a tree needs for a block of rows; made once for a call.
#[derive(Default)]
pub(super) struct Tables {
    cells: Vec<f64>,
    /// How each group is added.
    ways: Vec<Way>,
    /// For each leaf of a group that is computed.
    constants: Vec<Constants>,
    rights: Vec<Marks>,
    passes: Vec<Marks>,
    /// Rows x the tree's inputs.
    sums: Vec<f64>,
    /// Places of a group x lanes.
    given: Vec<Lanes>,
    scratch: Scratch,
}

/// How a group's contributions are found.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// In the table that starts here, of entries of some length.
    LookedUp { start: usize, length: usize },
    /// From the constants that start here.
    Computed { constants: usize },
}

/// The rows of a call: groups x slots x lanes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'a> {
    pub features: &'a [Lanes],
    pub slots: usize,
}

/// Contributions of the same rows, rows x `cells`: an input's is at `input x outputs + output`.
#[derive(Debug)]
pub(super) struct Cells<'a> {
    pub values: &'a mut [f64],
    pub cells: usize,
    pub outputs: usize,
}

/// Add the contributions of a tree to some rows.
#[inline(always)]
pub(super) fn add(tree: &PatternTree, rules: &[Quadrature], block: Block<'_>, to: Cells<'_>, tables: &mut Tables) {
    tables.prepare(tree, rules, to.values.len() / to.cells);
    let width = tree.inputs.len();
    let features = block.features.chunks(TABLE_ROWS / LANES * block.slots);
    for (features, to_values) in features.zip(to.values.chunks_mut(TABLE_ROWS * to.cells)) {
        tables.ask(tree, features, block.slots);
        tables.sum(tree, features.len() / block.slots * LANES);
        for (row, sums) in to_values.chunks_exact_mut(to.cells).zip(tables.sums.chunks_exact(width)) {
            for (input, sum) in tree.inputs.iter().zip(sums) {
                row[*input as usize * to.outputs + tree.output] += sum;
            }
        }
    }
}

/// The length of an entry of so many numbers: one that fits a cache line does not cross two.
fn entry_length(width: usize) -> usize {
    if width <= LANES { width.next_power_of_two() } else { width.next_multiple_of(LANES / 2) }
}

impl Tables {
    /// Make the tables that pay for so many rows, and the constants of all other leaves.
    #[inline(always)]
    fn prepare(&mut self, tree: &PatternTree, rules: &[Quadrature], rows: usize) {
        self.ways.clear();
        let (mut end, mut leaves) = (0, 0);
        for group in &tree.groups {
            let length = entry_length(group.places.len());
            let next = end + (group.entries.min(ENTRIES_MAX + 1) * length).next_multiple_of(LANES);
            let pays = group.entries <= ENTRIES_MAX && group.entries * ROWS_PER_ENTRY <= rows && next <= TABLES_CELLS;
            if pays {
                self.ways.push(Way::LookedUp { start: end, length });
                end = next;
            } else {
                self.ways.push(Way::Computed { constants: leaves });
                leaves += group.leaves.len();
            }
        }
        self.cells.resize(self.cells.len().max(end + LANES), 0.0);
        self.constants.resize_with(self.constants.len().max(leaves), Constants::default);
        let aligned = aligned(&self.cells);
        let cells = &mut self.cells[aligned..];
        for (group, way) in tree.groups.iter().zip(&self.ways) {
            match *way {
                Way::LookedUp { start, length } => {
                    let table = &mut cells[start..start + group.entries * length];
                    tabulate(tree, group, rules, length, table, &mut self.scratch);
                }
                Way::Computed { constants } => {
                    for (leaf, constants) in
                        tree.leaves[group.leaves.clone()].iter().zip(&mut self.constants[constants..])
                    {
                        constants.fill(tree.players(leaf), leaf.value, rules);
                    }
                }
            }
        }
    }

    /// Ask all tests about a block of rows.
    #[inline(always)]
    fn ask(&mut self, tree: &PatternTree, features: &[Lanes], slots: usize) {
        self.rights.resize(tree.tests.len().max(self.rights.len()), [0; TABLE_ROWS]);
        self.passes.resize(tree.edges.len().max(self.passes.len()), [0; TABLE_ROWS]);
        for (test, rights) in tree.tests.iter().zip(&mut self.rights) {
            let rights = rights.as_chunks_mut::<LANES>().0.iter_mut();
            match test {
                SlotTest::AtMost { slot, threshold, missing_left } => {
                    for (rights, features) in rights.zip(features.chunks_exact(slots)) {
                        let (cells, mut wide) = (&features[*slot as usize].0, [0_u64; LANES]);
                        for lane in 0..LANES {
                            let left = (cells[lane] <= *threshold) | (cells[lane].is_nan() & missing_left);
                            wide[lane] = u64::from(!left).wrapping_neg();
                        }
                        (0..LANES).for_each(|lane| rights[lane] = wide[lane] as u16);
                    }
                }
                SlotTest::In { slot, words, missing_left } => {
                    for (rights, features) in rights.zip(features.chunks_exact(slots)) {
                        for (right, x) in rights.iter_mut().zip(&features[*slot as usize].0) {
                            *right = ones(!in_words(words, *missing_left, *x));
                        }
                    }
                }
            }
        }
        for (at, edge) in tree.edges.iter().enumerate() {
            let (above, below) = self.passes.split_at_mut(at);
            let (rights, to) = (&self.rights[edge.test as usize], &mut below[0]);
            let flip = if edge.side == LEFT { u16::MAX } else { 0 };
            match edge.before {
                Some(before) => {
                    let before = &above[before as usize];
                    (0..TABLE_ROWS).for_each(|row| to[row] = before[row] & (rights[row] ^ flip));
                }
                None => (0..TABLE_ROWS).for_each(|row| to[row] = rights[row] ^ flip),
            }
        }
    }

    /// The sums of all groups for a block of rows that was asked about.
    #[inline(always)]
    fn sum(&mut self, tree: &PatternTree, rows: usize) {
        let width = tree.inputs.len();
        self.sums.clear();
        self.sums.resize(rows * width, 0.0);
        let aligned = aligned(&self.cells);
        for (group, way) in tree.groups.iter().zip(&self.ways) {
            match *way {
                Way::LookedUp { start, length } => {
                    let entries = self.entries(group);
                    let start = aligned + start;
                    let table = &self.cells[start..start + group.entries * length];
                    look_up(table, length, &entries, &group.places, &mut self.sums, width);
                }
                Way::Computed { constants } => {
                    let constants = &self.constants[constants..constants + group.leaves.len()];
                    self.given.resize(self.given.len().max(group.places.len()), Lanes([0.0; LANES]));
                    let given = &mut self.given[..group.places.len()];
                    for (block, sums) in self.sums.chunks_exact_mut(LANES * width).enumerate() {
                        given.fill(Lanes([0.0; LANES]));
                        for (leaf, constants) in tree.leaves[group.leaves.clone()].iter().zip(constants) {
                            let passes = |edge: u32| self.passes[edge as usize].as_chunks::<LANES>().0[block];
                            compute(tree.players(leaf), constants, passes, given);
                        }
                        for (given, place) in given.iter().zip(&group.places) {
                            let sums = sums[*place as usize..].iter_mut().step_by(width);
                            sums.zip(given.0).for_each(|(sum, given)| *sum += given);
                        }
                    }
                }
            }
        }
    }

    /// Each row's entry in the table of a group.
    #[inline(always)]
    fn entries(&self, group: &Group) -> Marks {
        let mut entries = [0_u16; TABLE_ROWS];
        for mark in &group.marks {
            let set = match mark.source {
                Source::Pass(edge) => &self.passes[edge as usize],
                Source::Right(test) => &self.rights[test as usize],
            };
            (0..TABLE_ROWS).for_each(|row| entries[row] += set[row] & mark.step);
        }
        entries
    }
}

/// Where the first cache line starts.
fn aligned(cells: &[f64]) -> usize {
    cells.as_ptr().align_offset(LANES * size_of::<f64>()).min(LANES)
}

#[inline(always)]
fn ones(yes: bool) -> u16 {
    0_u16.wrapping_sub(u16::from(yes))
}

/// Add each row's entry of a table to its sums.
#[inline(always)]
fn look_up(table: &[f64], length: usize, entries: &Marks, places: &[u32], sums: &mut [f64], width: usize) {
    match places.len() {
        1 => look_up_few::<1, 1>(table, entries, places, sums, width),
        2 => look_up_few::<2, 2>(table, entries, places, sums, width),
        3 => look_up_few::<3, 4>(table, entries, places, sums, width),
        4 => look_up_few::<4, 4>(table, entries, places, sums, width),
        5 => look_up_few::<5, 8>(table, entries, places, sums, width),
        6 => look_up_few::<6, 8>(table, entries, places, sums, width),
        7 => look_up_few::<7, 8>(table, entries, places, sums, width),
        8 => look_up_few::<8, 8>(table, entries, places, sums, width),
        9 => look_up_few::<9, 12>(table, entries, places, sums, width),
        10 => look_up_few::<10, 12>(table, entries, places, sums, width),
        11 => look_up_few::<11, 12>(table, entries, places, sums, width),
        12 => look_up_few::<12, 12>(table, entries, places, sums, width),
        _ => {
            for (sums, entry) in sums.chunks_exact_mut(width).zip(entries) {
                let entry = &table[usize::from(*entry) * length..][..places.len()];
                places.iter().zip(entry).for_each(|(place, value)| sums[*place as usize] += value);
            }
        }
    }
}

/// The same for entries of a length that is known.
#[inline(always)]
fn look_up_few<const WIDTH: usize, const LENGTH: usize>(
    table: &[f64],
    entries: &Marks,
    places: &[u32],
    sums: &mut [f64],
    width: usize,
) {
    let table = table.as_chunks::<LENGTH>().0;
    let Some(places) = places.first_chunk::<WIDTH>() else { return };
    for (sums, entry) in sums.chunks_exact_mut(width).zip(entries) {
        let entry = &table[usize::from(*entry)];
        for at in 0..WIDTH {
            sums[places[at] as usize] += entry[at];
        }
    }
}
