//! The distinct values of a block, found by their bytes.
//!
//! A value of at most 12 bytes is its view, so it is told from others by one comparison of 16 bytes; a longer one by
//! its hash, then its bytes. Values come in the order of their first row. Reused from block to block without
//! allocating.

use arrow::array::{Array, StringViewArray};
use bordereau_sketch::hash::hash_bytes;

/// Longest value that lies in its view.
pub(super) const INLINE_MAX: u32 = 12;
/// Stands for a null row among the codes.
pub(super) const NULL_CODE: u32 = u32::MAX;
const SLOTS_MIN: usize = 4_096;

/// Distinct values with their counts, and which of them each row has.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    entries: Vec<Entry>,
    /// Place of an entry plus one, 0 for a free slot; a power of two of them, at most half used.
    slots: Vec<u32>,
    /// For each row the place of its value, [`NULL_CODE`] for nulls.
    pub(super) codes: Vec<u32>,
}

/// A distinct value of a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// The view of its first row.
    pub(super) view: u128,
    /// What it is found by: of long values their hash.
    key: u64,
    /// Its first row.
    pub(super) row: u32,
    /// Rows that have it.
    pub(super) count: u32,
}

impl Entry {
    /// Its hash, if it is known already.
    pub(super) fn known_hash(&self) -> Option<u64> {
        (self.view as u32 > INLINE_MAX).then_some(self.key)
    }
}

impl Dictionary {
    /// Forgets all values.
    pub(super) fn clear(&mut self) {
        if self.slots.len() > SLOTS_MIN && self.entries.len() < SLOTS_MIN / 2 {
            self.slots.truncate(SLOTS_MIN);
        }
        self.slots.fill(0);
        self.slots.resize(self.slots.len().max(SLOTS_MIN), 0);
        self.entries.clear();
        self.codes.clear();
    }

    /// The values, in the order of their first row.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Adds the rows from the last one added to `end`.
    #[inline(always)]
    pub(super) fn add(&mut self, values: &StringViewArray, end: usize) {
        let start = self.codes.len();
        self.codes.reserve(end - start);
        let views = values.views().get(start..end).unwrap_or_default();
        for (row, &view) in (start..end).zip(views) {
            let code = if values.is_null(row) {
                NULL_CODE
            } else if view as u32 <= INLINE_MAX {
                self.place(row, view, mixed(view), |entry| entry.view == view)
            } else {
                let value = values.value(row).as_bytes();
                let key = hash_bytes(value);
                let same = |entry: &Entry| {
                    entry.key == key
                        && entry.view as u64 == view as u64
                        && values.value(entry.row as usize).as_bytes() == value
                };
                self.place(row, view, key, same)
            };
            self.codes.push(code);
        }
    }

    #[inline(always)]
    fn place(&mut self, row: usize, view: u128, key: u64, same: impl Fn(&Entry) -> bool) -> u32 {
        let mask = self.slots.len() - 1;
        let mut at = key as usize & mask;
        loop {
            let Some(&slot) = self.slots.get(at) else { return NULL_CODE };
            match slot.checked_sub(1).and_then(|place| self.entries.get_mut(place as usize)) {
                None => break,
                Some(entry) if same(entry) => {
                    entry.count += 1;
                    return slot - 1;
                }
                Some(_) => at = (at + 1) & mask,
            }
        }
        self.insert(at, Entry { view, key, row: row as u32, count: 1 })
    }

    fn insert(&mut self, at: usize, entry: Entry) -> u32 {
        let place = self.entries.len() as u32;
        self.entries.push(entry);
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = place + 1;
        }
        if self.entries.len() * 2 > self.slots.len() {
            self.grow();
        }
        place
    }

    #[cold]
    fn grow(&mut self) {
        let slots = self.slots.len() * 2;
        self.slots.clear();
        self.slots.resize(slots, 0);
        for (place, entry) in self.entries.iter().enumerate() {
            let mut at = entry.key as usize & (slots - 1);
            while self.slots.get(at).is_some_and(|slot| *slot != 0) {
                at = (at + 1) & (slots - 1);
            }
            if let Some(slot) = self.slots.get_mut(at) {
                *slot = place as u32 + 1;
            }
        }
    }
}

/// A hash of 16 bytes for this table alone.
#[inline(always)]
fn mixed(view: u128) -> u64 {
    let product =
        u128::from(view as u64 ^ 0x9e37_79b9_7f4a_7c15) * u128::from((view >> 64) as u64 ^ 0xd6e8_feb8_6659_fd93);
    (product as u64) ^ (product >> 64) as u64
}
