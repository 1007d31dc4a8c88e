//! What is known of a relation beside its columns, and of two relations together.
//!
//! Owns rows that are ragged, undecodable or repeated, candidate keys, correlations and links. Data: workers hand the
//! cells of a block, column by column, to a `Collector`, which makes a `RelationPart`; [`RelationState`] takes the
//! parts in the order of the blocks. What is followed is chosen before the pass (`plan`), so that it costs a few
//! nanoseconds a cell. Cells are compared by the hash of their value as uploaded (blanks included), the same for keys
//! of one relation and of two; nulls of every kind are one value in a row, and a key with a null part takes no part.
//!
//! Does not know values, types or documents beyond those of [`crate::document`].
//!
//! # Memory
//! Four million rows (2^22) are compared exactly, then a sample; the keys that are followed in a relation share as many
//! hashes, and so do those of all links. A hash that is kept takes 8 bytes, and at most as much again before it is
//! sorted in.

mod finish;
mod links;
mod pairs;
mod plan;
mod repeats;

pub(crate) use finish::RelationName;
pub(crate) use links::links;
pub(crate) use plan::{LINKED_RELATIONS_MAX, LinkPlan, Plan, Sample, choose_links, shared_sets};

use crate::column::CellScratch;
use bordereau_sketch::codec::Error;
use bordereau_sketch::hash::NULL_HASH;
use bordereau_sketch::keys::KeyCounts;
pub(crate) use pairs::{Pair, Pairs};
pub(crate) use repeats::Followed;
use repeats::{RowHashes, Verdict, filled_key_hashes, whole_key_hashes};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Rows that are compared exactly with each other.
pub(crate) const ROWS_EXACT_MAX: u32 = 1 << 22;

/// Hashes that the candidate keys of a relation, and the links of an upload, may keep.
pub(crate) const KEYS_MAX: u32 = 1 << 22;

/// Hashes that one key may always keep.
const KEY_LIMIT_MIN: u32 = 1 << 16;

/// Row numbers of ragged rows that are kept.
const RAGGED_EXAMPLES_MAX: usize = 10;

/// What is known of a relation by now. Made of parts in the order of the file.
#[derive(Debug, Clone)]
pub struct RelationState {
    /// Columns of the relation.
    pub(crate) columns: usize,
    /// Rows seen.
    pub(crate) rows: u64,
    /// Unpacked bytes of the blocks seen.
    pub(crate) bytes: u64,
    /// Rows with too few or too many values.
    pub(crate) ragged_rows: u64,
    /// Row numbers of the first of them.
    pub(crate) ragged_examples: Vec<u64>,
    /// Rows with bytes that are no text.
    pub(crate) undecodable_rows: u64,
    /// Rows of a UTF-8 file that were read as Windows-1252.
    pub(crate) windows_1252_rows: u64,
    pub(crate) row_keys: RowKeys,
    /// Columns that may name a row.
    pub(crate) singles: Vec<Followed>,
    /// Sets of columns that may name a row together.
    pub(crate) composites: Vec<Followed>,
    /// Columns that were not followed, there being too many.
    pub(crate) singles_left_out: usize,
    /// Shared sets of columns, for links.
    pub(crate) link_keys: Vec<LinkKeys>,
    /// Columns that are correlated.
    pub(crate) numeric: Vec<usize>,
    pub(crate) pairs: Pairs,
}

/// The rows of a relation by their hashes. While a single column is known to name the rows, none can repeat, and their
/// hashes are only listed.
#[derive(Debug, Clone, Default)]
pub(crate) struct RowKeys {
    listed: Vec<Vec<u64>>,
    listed_rows: usize,
    counts: Option<Box<KeyCounts>>,
}

impl RowKeys {
    pub(crate) fn of_counts(counts: KeyCounts) -> Self {
        Self { listed: Vec::new(), listed_rows: 0, counts: Some(Box::new(counts)) }
    }

    fn add(&mut self, hashes: Vec<u64>) {
        match &mut self.counts {
            Some(counts) => counts.add(&hashes),
            None => {
                self.listed_rows += hashes.len();
                self.listed.push(hashes);
            }
        }
    }

    /// The rows counted; from here on they are, and no longer listed.
    pub(crate) fn counts(&mut self) -> &mut KeyCounts {
        let listed = std::mem::take(&mut self.listed);
        let counts = self.counts.get_or_insert_with(|| Box::new(KeyCounts::new(ROWS_EXACT_MAX)));
        listed.iter().for_each(|hashes| counts.add(hashes));
        self.listed_rows = 0;
        counts
    }
}

/// The values of some shared columns, rows with a null among them left out.
#[derive(Debug, Clone)]
pub(crate) struct LinkKeys {
    pub(crate) columns: Vec<usize>,
    pub(crate) counts: KeyCounts,
}

/// What workers need to know to make parts: what is followed, and what no longer is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layout {
    plan: Plan,
    /// By column, whether its hashes are needed once all columns were seen.
    keeps_hashes: Vec<bool>,
    /// By column its place among the numeric ones.
    numeric_place: Vec<Option<usize>>,
    /// By column its place among the singles.
    single_place: Vec<Option<usize>>,
    singles_given_up: Vec<Arc<AtomicBool>>,
    composites_given_up: Vec<Arc<AtomicBool>>,
}

/// One block of a relation.
#[derive(Debug)]
pub(crate) struct RelationPart {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) ragged: Vec<u64>,
    pub(crate) undecodable_rows: u64,
    pub(crate) windows_1252_rows: u64,
    row_hashes: Vec<u64>,
    singles: Vec<KeyPart>,
    composites: Vec<KeyPart>,
    links: Vec<Vec<u64>>,
    pairs: Pairs,
}

/// A followed key in one block.
#[derive(Debug)]
enum KeyPart {
    /// Nobody wants it any more.
    GivenUp,
    /// A row has a null.
    Null,
    Hashes(Vec<u64>),
}

/// Makes a part of a block, column by column in the order of the file.
#[derive(Debug)]
pub(crate) struct Collector<'a> {
    layout: &'a Layout,
    rows: usize,
    row_hashes: RowHashes,
    singles: Vec<KeyPart>,
    kept: Vec<Option<Vec<u64>>>,
    numbers: Vec<Vec<f64>>,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(layout: &'a Layout, rows: usize) -> Self {
        Self {
            layout,
            rows,
            row_hashes: RowHashes::new(rows),
            singles: layout.plan.singles.iter().map(|_| KeyPart::GivenUp).collect(),
            kept: vec![None; layout.keeps_hashes.len()],
            numbers: vec![Vec::new(); layout.plan.numeric.len()],
        }
    }

    /// Takes the cells of the column at `place`.
    pub(crate) fn column(&mut self, place: usize, cells: &CellScratch) {
        let layout = self.layout;
        self.row_hashes.push(&cells.hashes);
        if let Some(&Some(single)) = layout.single_place.get(place)
            && !layout.singles_given_up[single].load(Ordering::Relaxed)
        {
            let null = cells.hashes.contains(&NULL_HASH);
            self.singles[single] = if null { KeyPart::Null } else { KeyPart::Hashes(cells.hashes.clone()) };
        }
        if layout.keeps_hashes.get(place) == Some(&true) {
            self.kept[place] = Some(cells.hashes.clone());
        }
        if let Some(&Some(numeric)) = layout.numeric_place.get(place) {
            self.numbers[numeric] = cells.numbers.clone().unwrap_or_else(|| vec![f64::NAN; self.rows]);
        }
    }

    /// The part. Facts on rows beside their cells are added by the caller.
    pub(crate) fn finish(self) -> RelationPart {
        let Self { layout, rows, row_hashes, singles, kept, numbers } = self;
        let columns =
            |set: &[usize]| -> Vec<&[u64]> { set.iter().filter_map(|&column| kept.get(column)?.as_deref()).collect() };
        let composite = |(set, given_up): (&Vec<usize>, &Arc<AtomicBool>)| {
            if given_up.load(Ordering::Relaxed) {
                return KeyPart::GivenUp;
            }
            whole_key_hashes(&columns(set)).map_or(KeyPart::Null, KeyPart::Hashes)
        };
        let composites = layout.plan.composites.iter().zip(&layout.composites_given_up).map(composite).collect();
        let links = layout.plan.links.iter().map(|set| filled_key_hashes(&columns(set))).collect();
        RelationPart {
            rows: rows as u64,
            bytes: 0,
            ragged: Vec::new(),
            undecodable_rows: 0,
            windows_1252_rows: 0,
            row_hashes: row_hashes.hashes,
            singles,
            composites,
            links,
            pairs: Pairs::of_block(&numbers),
        }
    }
}

impl RelationState {
    /// No rows of a relation with so many columns, of which what `plan` says is followed. `link_sets` is the number of
    /// sets that are followed for links in all relations of the upload.
    pub(crate) fn new(plan: &Plan, columns: usize, link_sets: usize) -> Self {
        let limit = limit_of_each(link_sets);
        let link_keys = |set: &Vec<usize>| LinkKeys { columns: set.clone(), counts: KeyCounts::new(limit) };
        Self {
            columns,
            rows: 0,
            bytes: 0,
            ragged_rows: 0,
            ragged_examples: Vec::new(),
            undecodable_rows: 0,
            windows_1252_rows: 0,
            row_keys: RowKeys::default(),
            singles: plan.singles.iter().map(|&column| Followed::new(vec![column])).collect(),
            composites: plan.composites.iter().map(|set| Followed::new(set.clone())).collect(),
            singles_left_out: plan.singles_left_out,
            link_keys: plan.links.iter().map(link_keys).collect(),
            numeric: plan.numeric.clone(),
            pairs: Pairs::default(),
        }
    }

    /// What workers need to know.
    pub(crate) fn layout(&self, plan: &Plan) -> Layout {
        let mut layout = Layout {
            plan: plan.clone(),
            keeps_hashes: vec![false; self.columns],
            numeric_place: vec![None; self.columns],
            single_place: vec![None; self.columns],
            singles_given_up: self.singles.iter().map(Followed::flag).collect(),
            composites_given_up: self.composites.iter().map(Followed::flag).collect(),
        };
        plan.composites.iter().chain(&plan.links).flatten().for_each(|&column| layout.keeps_hashes[column] = true);
        plan.numeric.iter().enumerate().for_each(|(at, &column)| layout.numeric_place[column] = Some(at));
        plan.singles.iter().enumerate().for_each(|(at, &column)| layout.single_place[column] = Some(at));
        layout
    }

    /// Adds the next block of the file.
    pub(crate) fn merge_part(&mut self, part: RelationPart) {
        self.rows += part.rows;
        self.bytes += part.bytes;
        self.ragged_rows += part.ragged.len() as u64;
        let room = RAGGED_EXAMPLES_MAX.saturating_sub(self.ragged_examples.len());
        self.ragged_examples.extend(part.ragged.iter().take(room));
        self.undecodable_rows += part.undecodable_rows;
        self.windows_1252_rows += part.windows_1252_rows;
        let followed = self.singles.iter_mut().chain(&mut self.composites);
        let limit = limit_of_each(followed.filter(|followed| followed.seen.is_some()).count());
        let parts = part.singles.into_iter().chain(part.composites);
        for (followed, part) in self.singles.iter_mut().chain(&mut self.composites).zip(parts) {
            match part {
                KeyPart::GivenUp => {}
                KeyPart::Null => followed.add(None, limit),
                KeyPart::Hashes(hashes) => followed.add(Some(hashes), limit),
            }
        }
        self.add_rows(part.row_hashes);
        self.link_keys.iter_mut().zip(&part.links).for_each(|(keys, hashes)| keys.counts.add(hashes));
        self.pairs.merge(&part.pairs);
    }

    fn add_rows(&mut self, hashes: Vec<u64>) {
        self.row_keys.add(hashes);
        let named = self.singles.iter().any(|single| single.seen.is_some());
        if !named || self.row_keys.listed_rows > ROWS_EXACT_MAX as usize {
            self.row_keys.counts();
        }
    }

    /// Whether a single column certainly names the rows, so that none of them repeats.
    fn is_named_by_a_column(&mut self) -> bool {
        self.singles.iter_mut().any(|single| single.verdict() == Verdict::Unique)
    }

    /// Adds the rows of a later file of the same relation. Keys that were followed in one of the two only are given up,
    /// since nothing is known of them in the other.
    ///
    /// # Errors
    /// [`Error::Parameters`] for another number of columns; nothing is changed then.
    pub fn merge(&mut self, other: &mut Self) -> Result<(), Error> {
        if self.columns != other.columns {
            return Err(Error::Parameters("columns of a relation"));
        }
        self.row_keys.counts().merge(other.row_keys.counts())?;
        self.rows += other.rows;
        self.bytes += other.bytes;
        self.ragged_rows += other.ragged_rows;
        self.undecodable_rows += other.undecodable_rows;
        self.windows_1252_rows += other.windows_1252_rows;
        self.singles_left_out = self.singles_left_out.max(other.singles_left_out);
        merge_followed(&mut self.singles, &other.singles);
        merge_followed(&mut self.composites, &other.composites);
        self.link_keys.retain_mut(|keys| {
            let same = other.link_keys.iter().find(|theirs| theirs.columns == keys.columns);
            same.is_some_and(|theirs| keys.counts.merge(&theirs.counts).is_ok())
        });
        if self.numeric == other.numeric {
            self.pairs.merge(&other.pairs);
        } else {
            self.merge_other_pairs(other);
        }
        Ok(())
    }

    /// Keeps the pairs of columns that both have.
    fn merge_other_pairs(&mut self, other: &Self) {
        let both: Vec<usize> = self.numeric.iter().copied().filter(|column| other.numeric.contains(column)).collect();
        let pairs = self.pairs.of_columns(&self.numeric, &both);
        self.pairs = pairs;
        self.pairs.merge(&other.pairs.of_columns(&other.numeric, &both));
        self.numeric = both;
    }
}

fn merge_followed(own: &mut Vec<Followed>, other: &[Followed]) {
    own.retain_mut(|followed| {
        let Some(theirs) = other.iter().find(|theirs| theirs.columns == followed.columns) else { return false };
        followed.merge(theirs, KEYS_MAX);
        true
    });
}

/// How many hashes each of some keys may keep.
fn limit_of_each(keys: usize) -> u32 {
    (KEYS_MAX / u32::try_from(keys.max(1)).unwrap_or(u32::MAX)).max(KEY_LIMIT_MIN)
}
