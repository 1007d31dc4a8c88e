//! Values with their counts, found by hash: the table under the frequent values and the sample of values.
//!
//! An open-addressing table of positions (linear probing, the upper half of the hash kept beside each position), one
//! entry of 32 bytes a value, and one arena for the bytes of all values longer than 12 bytes; shorter ones stand in the
//! entry. Nothing is allocated for a single value. Values are told apart by their bytes, not only by their hashes; of
//! values longer than [`KEPT_BYTES_MAX`] by hash, length and the bytes kept.

/// How many bytes of a value are kept.
pub(crate) const KEPT_BYTES_MAX: usize = 200;

const INLINE_BYTES_MAX: usize = 12;

/// Values of a table that does not fit into the nearest caches.
const LOOK_AHEAD_MIN: usize = 4_096;

/// Values in the order of their insertion, each with a count.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    entries: Vec<Entry>,
    /// `upper half of the hash << 32 | position + 1`, 0 for a free slot; a power of two of them.
    slots: Vec<u64>,
    arena: Vec<u8>,
}

type View = [u8; 16];

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Length (4 bytes), then the value itself if it has at most 12 bytes, else its first 4 bytes and its place in the
    /// arena (8 bytes). Little endian, as in an Arrow view.
    view: View,
    hash: u64,
    count: u64,
}

/// A value in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held<'a> {
    pub hash: u64,
    /// Cut at [`KEPT_BYTES_MAX`].
    pub bytes: &'a [u8],
    /// Of the whole value.
    pub length: u32,
    pub count: u64,
}

impl Entry {
    /// Of the whole value.
    #[inline]
    fn length(&self) -> u32 {
        let [a, b, c, d, ..] = self.view;
        u32::from_le_bytes([a, b, c, d])
    }

    /// Where the bytes of a long value start in the arena.
    fn place(&self) -> usize {
        let [.., a, b, c, d, e, f, g, h] = self.view;
        u64::from_le_bytes([a, b, c, d, e, f, g, h]) as usize
    }
}

impl Table {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes in the arena.
    pub fn arena_bytes(&self) -> usize {
        self.arena.len()
    }

    pub fn memory_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>() + self.slots.capacity() * size_of::<u64>() + self.arena.capacity()
    }

    /// Adds `count` to a value and gives its position; a new one is the last.
    #[inline]
    pub fn add(&mut self, hash: u64, value: &[u8], count: u64) -> usize {
        let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
        self.add_cut(hash, value.get(..KEPT_BYTES_MAX).unwrap_or(value), length, count)
    }

    /// Adds `count` to a value of which `kept` is left.
    #[inline]
    pub fn add_cut(&mut self, hash: u64, kept: &[u8], length: u32, count: u64) -> usize {
        if (self.entries.len() + 1) * 4 > self.slots.len() * 3 {
            self.grow();
        }
        let head = head_of(kept, length);
        let mask = self.slots.len() - 1;
        let tag = hash & 0xffff_ffff_0000_0000;
        let mut slot = hash as usize & mask;
        loop {
            let found = self.slots[slot];
            if found == 0 {
                break;
            }
            if found & 0xffff_ffff_0000_0000 == tag {
                let position = (found as u32 - 1) as usize;
                if self.is(position, hash, head, kept) {
                    let held = &mut self.entries[position].count;
                    *held = held.saturating_add(count);
                    return position;
                }
            }
            slot = (slot + 1) & mask;
        }
        self.slots[slot] = tag | (self.entries.len() as u64 + 1);
        self.push(hash, head, kept, count)
    }

    /// Reads what adding values of these hashes will look at, so that a large table's waits for memory overlap instead
    /// of coming one after the other. What it gives is of no use but to be read.
    pub fn look_ahead(&self, hashes: impl Iterator<Item = u64> + Clone) -> u64 {
        if self.entries.len() < LOOK_AHEAD_MIN {
            return 0;
        }
        let mask = self.slots.len() - 1;
        let slot = |hash: u64, step: usize| self.slots.get((hash as usize + step) & mask).copied().unwrap_or(0);
        let read = hashes.clone().fold(0, |read, hash| read ^ slot(hash, 0));
        // What is not in its first slot is most often in the next.
        let likely = |hash: u64| {
            let first = slot(hash, 0);
            if (first ^ hash) >> 32 == 0 { first } else { slot(hash, 1) }
        };
        let entry = |slot: u64| self.entries.get((slot as u32).wrapping_sub(1) as usize);
        hashes.fold(read, |read, hash| read ^ entry(likely(hash)).map_or(0, |entry| entry.count))
    }

    #[inline]
    fn is(&self, position: usize, hash: u64, head: View, kept: &[u8]) -> bool {
        let entry = &self.entries[position];
        if entry.hash != hash {
            return false;
        }
        if kept.len() <= INLINE_BYTES_MAX {
            return entry.view == head;
        }
        entry.view[..8] == head[..8] && self.bytes_of(entry) == kept
    }

    fn push(&mut self, hash: u64, head: View, kept: &[u8], count: u64) -> usize {
        let mut view = head;
        if kept.len() > INLINE_BYTES_MAX {
            view[8..].copy_from_slice(&(self.arena.len() as u64).to_le_bytes());
            self.arena.extend_from_slice(kept);
        }
        self.entries.push(Entry { view, hash, count });
        self.entries.len() - 1
    }

    fn bytes_of<'a>(&'a self, entry: &'a Entry) -> &'a [u8] {
        let kept = (entry.length() as usize).min(KEPT_BYTES_MAX);
        if kept <= INLINE_BYTES_MAX {
            return &entry.view[4..4 + kept];
        }
        let start = entry.place();
        self.arena.get(start..start + kept).unwrap_or_default()
    }

    #[cold]
    fn grow(&mut self) {
        let slots = (self.slots.len() * 2).max(16);
        self.slots = vec![0; slots];
        for (position, entry) in self.entries.iter().enumerate() {
            let mut slot = entry.hash as usize & (slots - 1);
            while self.slots[slot] != 0 {
                slot = (slot + 1) & (slots - 1);
            }
            self.slots[slot] = (entry.hash & 0xffff_ffff_0000_0000) | (position as u64 + 1);
        }
    }

    pub fn get(&self, position: usize) -> Held<'_> {
        let entry = &self.entries[position];
        Held { hash: entry.hash, bytes: self.bytes_of(entry), length: entry.length(), count: entry.count }
    }

    /// All values in the order of their insertion.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Held<'_>> {
        (0..self.len()).map(|position| self.get(position))
    }

    /// The positions of all values by hash, then bytes: the order of encoding.
    pub fn positions_by_hash(&self) -> Vec<usize> {
        let mut positions: Vec<usize> = (0..self.len()).collect();
        positions.sort_unstable_by_key(|position| order_of(&self.get(*position)));
        positions
    }

    /// The values at these positions alone, in this order.
    pub fn chosen(&self, positions: &[usize]) -> Self {
        let mut table = Self::default();
        for &position in positions {
            let held = self.get(position);
            table.add_cut(held.hash, held.bytes, held.length, held.count);
        }
        table
    }
}

/// What values are ordered by where nothing else decides.
pub(crate) fn order_of<'a>(held: &Held<'a>) -> (u64, &'a [u8], u32) {
    (held.hash, held.bytes, held.length)
}

/// The view of a value without its place in the arena.
#[inline]
fn head_of(kept: &[u8], length: u32) -> View {
    let shown = if kept.len() <= INLINE_BYTES_MAX { few_bytes(kept) } else { few_bytes(&kept[..4]) };
    (shown << 32 | u128::from(length)).to_le_bytes()
}

/// At most twelve bytes, the first lowest, by loads of fixed size that overlap.
#[inline]
fn few_bytes(bytes: &[u8]) -> u128 {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<4>()) {
        let last = u128::from(u32::from_le_bytes(*last)) << (8 * (bytes.len() - 4));
        u128::from(u64::from_le_bytes(*first)) | last
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let last = u64::from(u32::from_le_bytes(*last)) << (8 * (bytes.len() - 4));
        u128::from(u64::from(u32::from_le_bytes(*first)) | last)
    } else {
        bytes.iter().rev().fold(0, |value, byte| value << 8 | u128::from(*byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_bytes_are_the_bytes_in_their_order() {
        let bytes: Vec<u8> = (1..=12).map(|byte| byte * 21).collect();
        for length in 0..=bytes.len() {
            let mut expected = [0; 16];
            expected[..length].copy_from_slice(&bytes[..length]);
            assert_eq!(few_bytes(&bytes[..length]).to_le_bytes(), expected, "{length}");
        }
    }
}
