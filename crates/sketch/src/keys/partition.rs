//! One of 256 parts of the keys: all hashes that begin with the same eight bits, in ascending order.
//!
//! Hashes are uniform, so sorting a buffer is one step of counting by the next bits, which leaves a few hashes in each
//! of its buckets, and a few moves within each. Buckets with many hashes (a key that repeats, or hashes made up to
//! collide) are left to the sort of the standard library, which is `n log n` for all of them.

use std::collections::BTreeMap;

pub(super) const PARTITIONS: usize = 256;

const PARTITION_BITS: u32 = 8;
/// At most 4,096 buckets, whose positions stay in the first cache.
const BUCKET_BITS_MAX: u32 = 12;
/// Hashes in a bucket up to which moving them one by one is fastest.
const INSERTION_MAX: usize = 16;

/// Distinct hashes with counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Partition {
    hashes: Vec<u64>,
    /// None at all while every count is 1. `u32::MAX` stands for a count kept elsewhere.
    counts: Vec<u32>,
}

pub(super) fn partition_of(hash: u64) -> usize {
    (hash >> (64 - PARTITION_BITS)) as usize
}

impl Partition {
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    pub fn memory_bytes(&self) -> usize {
        self.hashes.capacity() * size_of::<u64>() + self.counts.capacity() * size_of::<u32>()
    }

    /// Appends a hash greater than all others.
    #[inline]
    pub fn push(&mut self, hash: u64, count: u64, large: &mut BTreeMap<u64, u64>) {
        if count > 1 && self.counts.is_empty() {
            self.counts.reserve(self.hashes.capacity());
            self.counts.resize(self.hashes.len(), 1);
        }
        self.hashes.push(hash);
        if count > 1 || !self.counts.is_empty() {
            let narrow = u32::try_from(count).unwrap_or(u32::MAX);
            if narrow == u32::MAX {
                large.insert(hash, count);
            }
            self.counts.push(narrow);
        }
    }

    /// Hashes and counts, by hash.
    pub fn counts<'a>(&'a self, large: &'a BTreeMap<u64, u64>) -> impl Iterator<Item = (u64, u64)> + 'a {
        self.hashes.iter().enumerate().map(|(index, &hash)| match self.counts.get(index) {
            None => (hash, 1),
            Some(&u32::MAX) => (hash, large.get(&hash).copied().unwrap_or(u64::from(u32::MAX))),
            Some(&count) => (hash, u64::from(count)),
        })
    }

    fn count_at(&self, index: usize, large: &BTreeMap<u64, u64>) -> u64 {
        match self.counts.get(index) {
            None => 1,
            Some(&u32::MAX) => large.get(&self.hashes[index]).copied().unwrap_or(u64::from(u32::MAX)),
            Some(&count) => u64::from(count),
        }
    }

    /// Adds counts that come by ascending hash.
    #[inline]
    pub fn merge(&mut self, added: impl Iterator<Item = (u64, u64)>, large: &mut BTreeMap<u64, u64>) {
        let mut merged = Self::default();
        merged.hashes.reserve_exact(self.hashes.len() + added.size_hint().1.unwrap_or(0));
        let mut at = 0;
        for (hash, count) in added {
            while let Some(&known) = self.hashes.get(at).filter(|known| **known < hash) {
                merged.push(known, self.count_at(at, large), large);
                at += 1;
            }
            let mut count = count;
            if self.hashes.get(at) == Some(&hash) {
                count = count.saturating_add(self.count_at(at, large));
                at += 1;
            }
            merged.push(hash, count, large);
        }
        for rest in at..self.hashes.len() {
            merged.push(self.hashes[rest], self.count_at(rest, large), large);
        }
        if merged.hashes.capacity() > 2 * merged.hashes.len() {
            merged.hashes.shrink_to_fit();
        }
        *self = merged;
    }

    /// Adds one for each of these hashes, all of this partition.
    pub fn add(&mut self, hashes: &[u64], scratch: &mut Scratch, large: &mut BTreeMap<u64, u64>) {
        scratch.sort(hashes);
        let unique = if self.counts.is_empty() { merged_unique(&self.hashes, &scratch.sorted) } else { None };
        match unique {
            Some(merged) => self.hashes = merged,
            None => self.merge(scratch.counted(), large),
        }
    }

    /// Keeps the hashes without any of these bits.
    pub fn retain(&mut self, unkept: u64) {
        let hashes = &self.hashes;
        let mut kept = hashes.iter().map(|hash| hash & unkept == 0);
        self.counts.retain(|_| kept.next().unwrap_or(false));
        self.hashes.retain(|hash| hash & unkept == 0);
        if self.counts.iter().all(|count| *count == 1) {
            self.counts = Vec::new();
        }
        self.hashes.shrink_to_fit();
        self.counts.shrink_to_fit();
    }
}

/// Buffers for sorting, used for one partition after the other.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    sorted: Vec<u64>,
    ends: Vec<u32>,
}

impl Scratch {
    /// The distinct hashes among those sorted last, ascending, with their counts.
    fn counted(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let runs = self.sorted.chunk_by(|left, right| left == right);
        runs.map(|run| (run[0], run.len() as u64))
    }

    fn sort(&mut self, hashes: &[u64]) {
        let bits = (usize::BITS - hashes.len().leading_zeros()).clamp(1, BUCKET_BITS_MAX);
        let bucket_of = |hash: u64| ((hash << PARTITION_BITS) >> (64 - bits)) as usize;
        self.ends.clear();
        self.ends.resize(1 << bits, 0);
        hashes.iter().for_each(|hash| self.ends[bucket_of(*hash)] += 1);
        let mut start = 0;
        for end in &mut self.ends {
            start += std::mem::replace(end, start);
        }
        self.sorted.clear();
        self.sorted.resize(hashes.len(), 0);
        for &hash in hashes {
            let end = &mut self.ends[bucket_of(hash)];
            self.sorted[*end as usize] = hash;
            *end += 1;
        }
        self.sort_buckets();
    }

    /// Sorts each bucket; those before it hold smaller hashes alone.
    fn sort_buckets(&mut self) {
        let mut start = 0;
        for &end in &self.ends {
            let end = end as usize;
            if end - start > INSERTION_MAX {
                self.sorted[start..end].sort_unstable();
            } else if end - start > 1 {
                insert_in_order(&mut self.sorted[start..end]);
            }
            start = end;
        }
    }
}

/// Both ascending lists in one, if no hash is twice among them. Keys mostly are unique, and which of two hashes is
/// smaller cannot be predicted, so this merges without a branch on it, and looks at what it found only at the end.
fn merged_unique(known: &[u64], added: &[u64]) -> Option<Vec<u64>> {
    let mut merged = vec![0; known.len() + added.len()];
    let (mut left, mut right) = (0, 0);
    for slot in &mut merged {
        let (Some(&a), Some(&b)) = (known.get(left), added.get(right)) else { break };
        *slot = a.min(b);
        left += usize::from(a <= b);
        right += usize::from(b < a);
    }
    let (rest_known, rest_added) = (&known[left..], &added[right..]);
    let rest = if rest_known.is_empty() { rest_added } else { rest_known };
    merged[left + right..].copy_from_slice(rest);
    merged.array_windows().all(|[a, b]| a != b).then_some(merged)
}

/// Sorts a few hashes.
#[inline]
fn insert_in_order(hashes: &mut [u64]) {
    for next in 1..hashes.len() {
        let hash = hashes[next];
        let mut at = next;
        while at > 0 && hashes[at - 1] > hash {
            hashes[at] = hashes[at - 1];
            at -= 1;
        }
        hashes[at] = hash;
    }
}
