//! The distinct values of a block that are handed on: to be counted exactly, the frequent ones, and those of the
//! sample.
//!
//! # Rows looked at one by one
//! Counting every value of a nearly unique block exactly would cost more than all the rest. Instead rows are counted by
//! some bits of their hash; a value that occurs often is in a bucket that is at least as full, so only the rows of full
//! buckets are counted by value. What occurs less often than `error + 1` times may be missed: the state is told.

use bordereau_sketch::distinct::Distinct;
use bordereau_sketch::hash::NULL_HASH;

use super::mask::Mixed;
use super::part::{Counted, Counts};
use super::state::Hint;
use crate::settings::Limits;

const BUCKETS: usize = 16_384;
/// Counted blocks of no more distinct values than this hand all of them on.
const HANDED_ON: usize = 512;

/// Collects values of one block. Reused from block to block.
#[derive(Debug)]
pub(super) struct Values {
    limits: Limits,
    is_exact: bool,
    sample_hash_max: u64,
    /// Occurrences that make a value frequent in a block.
    frequent_min: u32,
    all: Vec<Counts>,
    sampled: Vec<Counts>,
}

impl Values {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            is_exact: true,
            sample_hash_max: u64::MAX,
            frequent_min: 0,
            all: Vec::new(),
            sampled: Vec::new(),
        }
    }

    /// Starts with a block of so many rows.
    pub(super) fn start(&mut self, hint: &Hint, rows: usize) {
        self.is_exact = hint.is_exact();
        self.sample_hash_max = hint.sample_hash_max();
        self.frequent_min = 2 + (rows / self.limits.frequent_counters) as u32;
    }

    /// Adds a distinct value.
    pub(super) fn distinct_value(&mut self, counts: Counts) {
        self.all.push(counts);
        self.sample(counts);
    }

    /// Adds a row.
    #[inline(always)]
    pub(super) fn row(&mut self, hash: u64, row: u32) {
        if self.is_exact {
            self.all.push(Counts { hash, row, count: 1 });
        }
        self.sample(Counts { hash, row, count: 1 });
    }

    #[inline(always)]
    fn sample(&mut self, counts: Counts) {
        if counts.hash <= self.sample_hash_max {
            self.take_sample(counts);
        }
    }

    #[inline(never)]
    fn take_sample(&mut self, counts: Counts) {
        self.sampled.push(counts);
        if self.sampled.len() >= 4 * self.limits.sample_values {
            self.cut_sample();
        }
    }

    /// Keeps the values of the smallest hashes, each once.
    fn cut_sample(&mut self) {
        self.sampled.sort_unstable_by_key(|counts| (counts.hash, counts.row));
        self.sampled.dedup_by(|next, kept| {
            let same = next.hash == kept.hash;
            kept.count += if same { next.count } else { 0 };
            same
        });
        if let Some(last) = self.sampled.get(self.limits.sample_values - 1) {
            self.sample_hash_max = self.sample_hash_max.min(last.hash);
            self.sampled.truncate(self.limits.sample_values);
        }
    }

    /// After distinct values.
    pub(super) fn finish_counted(&mut self) -> Counted {
        let all = std::mem::take(&mut self.all);
        let sampled = std::mem::take(&mut self.sampled);
        if all.len() <= HANDED_ON {
            return Counted { heavy: all.clone(), all: Some(all), error: 0, sampled };
        }
        let heavy = all.iter().filter(|counts| counts.count >= self.frequent_min).copied().collect();
        Counted { heavy, all: Some(all), error: u64::from(self.frequent_min - 1), sampled }
    }

    /// After rows, whose hashes are all given.
    pub(super) fn finish_direct(&mut self, hashes: &[u64]) -> (Counted, Option<Distinct>) {
        let mut distinct = Distinct::dense(self.limits.distinct_precision);
        let mut full = vec![0_u32; BUCKETS];
        let bucket = |hash: u64| (hash >> 20) as usize % BUCKETS;
        for &hash in hashes.iter().filter(|hash| **hash != NULL_HASH) {
            distinct.add_hash(hash);
            if let Some(count) = full.get_mut(bucket(hash)) {
                *count += 1;
            }
        }
        let heavy = self.heavy(hashes, |hash| full.get(bucket(hash)).is_some_and(|count| *count >= self.frequent_min));
        let all = std::mem::take(&mut self.all);
        let counted = Counted {
            all: self.is_exact.then_some(all),
            heavy,
            error: u64::from(self.frequent_min - 1),
            sampled: std::mem::take(&mut self.sampled),
        };
        (counted, Some(distinct))
    }

    fn heavy(&self, hashes: &[u64], is_full: impl Fn(u64) -> bool) -> Vec<Counts> {
        let mut places: Mixed<u64, usize> = Mixed::default();
        let mut found: Vec<Counts> = Vec::new();
        for (row, &hash) in hashes.iter().enumerate() {
            if !is_full(hash) || hash == NULL_HASH {
                continue;
            }
            let place = *places.entry(hash).or_insert(found.len());
            match found.get_mut(place) {
                Some(counts) => counts.count += 1,
                None => found.push(Counts { hash, row: row as u32, count: 1 }),
            }
        }
        found.retain(|counts| counts.count >= self.frequent_min);
        found
    }
}
