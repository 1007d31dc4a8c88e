//! Whether a key repeats, found out as early and as cheaply as can be.
//!
//! A key is followed from row to row until it is seen twice, and then no more: most columns are given up within the
//! first block. What is left is counted by [`KeyCounts`]. Keys are compared by a hash of 64 bits, so that a unique key
//! of `n` rows is taken for one that repeats with a probability of about `n^2 / 2^65`, one in ten million for two
//! million rows; the other way round nothing is mistaken.

use crate::vector::widest;
use bordereau_sketch::hash::{NULL_HASH, combine};
use bordereau_sketch::keys::{KeyCounts, Uniqueness};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Hashes up to which a key is followed by a list.
const FEW: usize = 8_192;

/// The first hash of a key of several columns.
const SEED: u64 = 0;

/// Columns whose values together may name a row, followed over the rows.
#[derive(Debug, Clone)]
pub(crate) struct Followed {
    /// Places of the columns.
    pub(crate) columns: Vec<usize>,
    /// What was seen; none once it has repeated or had a null.
    pub(crate) seen: Option<Seen>,
    /// Rows at which it is looked at again.
    look_at: u64,
    rows: u64,
    /// Tells the workers that nobody wants more of it.
    given_up: Arc<AtomicBool>,
}

#[derive(Debug, Clone)]
pub(crate) enum Seen {
    Few(Vec<u64>),
    Many(Box<KeyCounts>),
}

/// What is known of a followed key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Unique,
    UniqueInSample,
    Repeated,
}

impl Followed {
    pub(crate) fn new(columns: Vec<usize>) -> Self {
        let seen = Some(Seen::Few(Vec::new()));
        Self { columns, seen, look_at: 1_024, rows: 0, given_up: Arc::default() }
    }

    /// A key whose counts are known, as from an encoded state; none for a key that was given up.
    pub(crate) fn of_counts(columns: Vec<usize>, counts: Option<KeyCounts>) -> Self {
        let mut followed = Self::new(columns);
        match counts {
            Some(mut counts) => {
                followed.rows = counts.settled().rows();
                followed.look_at = followed.rows.saturating_mul(2).max(1_024);
                followed.seen = Some(Seen::Many(Box::new(counts)));
            }
            None => followed.give_up(),
        }
        followed
    }

    /// Whether nobody wants more of it. It changes the work of workers, never the outcome.
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.given_up)
    }

    fn give_up(&mut self) {
        self.seen = None;
        self.given_up.store(true, Ordering::Relaxed);
    }

    /// Adds the rows of the next block; none when one of them has a null. `limit` is how many keys may be kept.
    pub(crate) fn add(&mut self, hashes: Option<Vec<u64>>, limit: u32) {
        let Some(seen) = &mut self.seen else { return };
        let Some(hashes) = hashes else { return self.give_up() };
        self.rows += hashes.len() as u64;
        match seen {
            Seen::Many(counts) => counts.add(&hashes),
            Seen::Few(few) if few.len() + hashes.len() <= FEW => few.extend_from_slice(&hashes),
            Seen::Few(few) => {
                let mut counts = KeyCounts::new(limit);
                counts.add(few);
                counts.add(&hashes);
                *seen = Seen::Many(Box::new(counts));
            }
        }
        if self.rows >= self.look_at {
            self.look_at = self.rows.saturating_mul(2);
            if self.verdict() == Verdict::Repeated {
                self.give_up();
            }
        }
    }

    /// What is known by now.
    pub(crate) fn verdict(&mut self) -> Verdict {
        match &mut self.seen {
            None => Verdict::Repeated,
            Some(Seen::Few(few)) => {
                if repeats(few) {
                    Verdict::Repeated
                } else {
                    Verdict::Unique
                }
            }
            Some(Seen::Many(counts)) => {
                let settled = counts.settled();
                match settled.is_exact() {
                    true if settled.kept() as u64 == settled.rows() => Verdict::Unique,
                    true => Verdict::Repeated,
                    false => match settled.uniqueness() {
                        Uniqueness::Unique => Verdict::Unique,
                        Uniqueness::UniqueInSample => Verdict::UniqueInSample,
                        Uniqueness::Repeated => Verdict::Repeated,
                    },
                }
            }
        }
    }

    /// Adds the rows of a later file. Counts of other limits cannot be joined; the key is given up then, as one that is
    /// not known.
    pub(crate) fn merge(&mut self, other: &Self, limit: u32) {
        self.rows += other.rows;
        let merged = match (self.seen.take(), &other.seen) {
            (Some(own), Some(theirs)) => {
                let mut own = own.into_counts(limit);
                let theirs = theirs.clone().into_counts(limit);
                own.merge(&theirs).is_ok().then_some(own)
            }
            _ => None,
        };
        match merged {
            Some(counts) => self.seen = Some(Seen::Many(Box::new(counts))),
            None => self.give_up(),
        }
    }
}

impl Seen {
    pub(crate) fn into_counts(self, limit: u32) -> KeyCounts {
        match self {
            Self::Many(counts) => *counts,
            Self::Few(few) => {
                let mut counts = KeyCounts::new(limit);
                counts.add(&few);
                counts
            }
        }
    }
}

fn repeats(hashes: &mut [u64]) -> bool {
    hashes.sort_unstable();
    hashes.windows(2).any(|pair| pair[0] == pair[1])
}

/// Whether all hashes are different, given a list that may be sorted.
pub(crate) fn all_different(mut hashes: Vec<u64>) -> bool {
    !repeats(&mut hashes)
}

/// The hashes of rows, made column by column.
#[derive(Debug, Clone, Default)]
pub(crate) struct RowHashes {
    pub(crate) hashes: Vec<u64>,
}

impl RowHashes {
    pub(crate) fn new(rows: usize) -> Self {
        Self { hashes: vec![SEED; rows] }
    }

    /// Mixes in the next column.
    pub(crate) fn push(&mut self, column: &[u64]) {
        combine_all(&mut self.hashes, column);
    }
}

widest! {
    /// Mixes a cell into the hash of each row.
    fn combine_all(rows: &mut [u64], cells: &[u64]) = combined;
}

#[inline(always)]
fn combined(rows: &mut [u64], cells: &[u64]) {
    rows.iter_mut().zip(cells).for_each(|(row, cell)| *row = combine(*row, *cell));
}

/// The hashes of a key of some columns, made column by column in the order of the file, read in the order of the key.
pub(crate) fn key_hashes(columns: &[&[u64]]) -> Vec<u64> {
    match columns {
        [] => Vec::new(),
        [column] => column.to_vec(),
        [first, rest @ ..] => {
            let mut hashes = first.to_vec();
            for column in rest {
                combine_all(&mut hashes, column);
            }
            hashes
        }
    }
}

/// As [`key_hashes`], none when a part of a key is null.
pub(crate) fn whole_key_hashes(columns: &[&[u64]]) -> Option<Vec<u64>> {
    let whole = columns.iter().all(|column| !column.contains(&NULL_HASH));
    whole.then(|| key_hashes(columns))
}

/// As [`key_hashes`], without the rows where a part of the key is null.
pub(crate) fn filled_key_hashes(columns: &[&[u64]]) -> Vec<u64> {
    let mut hashes = key_hashes(columns);
    if columns.iter().any(|column| column.contains(&NULL_HASH)) {
        let mut row = 0;
        hashes.retain(|_| {
            row += 1;
            columns.iter().all(|column| column[row - 1] != NULL_HASH)
        });
    }
    hashes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_is_unique_until_it_repeats() {
        let mut followed = Followed::new(vec![0]);
        for block in 0..40_u64 {
            let hashes = (block * 1_000..(block + 1) * 1_000).map(|n| combine(n, 1)).collect();
            followed.add(Some(hashes), 1 << 20);
            assert_eq!(followed.verdict(), Verdict::Unique, "{block}");
        }
        followed.add(Some(vec![combine(17, 1)]), 1 << 20);
        assert_eq!(followed.verdict(), Verdict::Repeated);
        let mut followed = Followed::new(vec![0]);
        followed.add(None, 1 << 20);
        assert_eq!(followed.verdict(), Verdict::Repeated);
        assert!(followed.flag().load(Ordering::Relaxed));
    }

    proptest! {
        #[test]
        fn a_verdict_is_what_a_set_says(
            blocks in prop::collection::vec(prop::collection::vec(0_u64..200_000, 0..3_000), 0..6),
        ) {
            let mut followed = Followed::new(vec![0]);
            let mut set = std::collections::HashSet::new();
            let mut unique = true;
            for block in &blocks {
                followed.add(Some(block.iter().map(|n| combine(*n, 7)).collect()), 1 << 20);
                unique &= block.iter().all(|n| set.insert(*n));
            }
            prop_assert_eq!(followed.verdict() == Verdict::Unique, unique);
        }

        #[test]
        fn keys_with_a_null_part_do_not_take_part(rows in prop::collection::vec((0_u64..3, 0_u64..3), 0..50)) {
            let cell = |n: u64| if n == 0 { NULL_HASH } else { n };
            let first: Vec<u64> = rows.iter().map(|row| cell(row.0)).collect();
            let second: Vec<u64> = rows.iter().map(|row| cell(row.1)).collect();
            let expected: Vec<u64> =
                rows.iter().filter(|row| row.0 > 0 && row.1 > 0).map(|row| combine(row.0, row.1)).collect();
            prop_assert_eq!(filled_key_hashes(&[&first, &second]), expected.clone());
            let whole = whole_key_hashes(&[&first, &second]);
            prop_assert_eq!(whole, (expected.len() == rows.len()).then_some(expected));
        }
    }
}
