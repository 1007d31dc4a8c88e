//! Masks: the shape of a value.
//!
//! `A` to `Z` become `A`, `a` to `z` become `a`, digits become `9`, everything else stands for itself. Values of more
//! than 32 bytes have no mask.

#[cfg(target_arch = "x86_64")]
use crate::vector::masked;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Bytes of the longest value that has a mask.
pub(crate) const MASK_BYTES_MAX: usize = 32;

/// The shape of a value of at most 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mask {
    /// The first 16 bytes, the first in the lowest place; zeros beyond the end.
    low: u128,
    /// The last 16 bytes when there are more than 16, else 0.
    high: u128,
    /// Bytes.
    length: u8,
}

impl std::hash::Hash for Mask {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.mixed());
    }
}

impl Mask {
    /// The mask of a value; `None` when it is too long.
    pub(crate) fn of(value: &[u8]) -> Option<Self> {
        let length = u8::try_from(value.len()).ok().filter(|length| usize::from(*length) <= MASK_BYTES_MAX)?;
        let start = padded(value);
        let end =
            if value.len() > 16 { value.last_chunk::<16>().map_or(0, |end| u128::from_le_bytes(*end)) } else { 0 };
        Some(Self::of_parts(start, end, length))
    }

    /// The mask of a value given its first 16 bytes (zeros beyond its end) and, if it is longer than that, its last
    /// 16 bytes, else 0.
    #[inline]
    pub(crate) fn of_parts(start: u128, end: u128, length: u8) -> Self {
        let high = if length > 16 { masked(end) } else { 0 };
        Self { low: masked(start), high, length }
    }

    /// Bytes of the values.
    pub(crate) fn len(&self) -> usize {
        usize::from(self.length)
    }

    /// The bytes, in the first [`Mask::len`] places.
    pub(crate) fn bytes(&self) -> [u8; MASK_BYTES_MAX] {
        let mut bytes = [0; MASK_BYTES_MAX];
        if let Some(start) = bytes.first_chunk_mut::<16>() {
            *start = self.low.to_le_bytes();
        }
        if self.length > 16
            && let Some(end) = bytes.get_mut(self.len() - 16..self.len())
        {
            end.copy_from_slice(&self.high.to_le_bytes());
        }
        bytes
    }

    /// As it is shown.
    pub(crate) fn text(&self) -> String {
        let bytes = self.bytes();
        String::from_utf8_lossy(bytes.get(..self.len()).unwrap_or_default()).into_owned()
    }

    /// Whether there are three or more runs of letters among the first 16 bytes.
    #[inline]
    pub(crate) fn has_three_words(&self) -> bool {
        const ONES: u128 = u128::from_le_bytes([1; 16]);
        // Zero in the places of letters, given that masks have no letters but these two.
        let others = (self.low | (ONES * 0x20)) ^ (ONES * b'a' as u128);
        let low_bits = (others & (ONES * 0x7f)) + ONES * 0x7f;
        let letters = !(low_bits | others) & (ONES * 0x80);
        let mut starts = letters & !(letters << 8);
        starts &= starts.wrapping_sub(1);
        starts &= starts.wrapping_sub(1);
        starts != 0
    }

    /// A hash for tables in memory.
    #[inline]
    pub(crate) fn mixed(&self) -> u64 {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        let fold = |half: u128| (half as u64).wrapping_mul(ODD) ^ ((half >> 64) as u64).rotate_left(23);
        let mixed = (fold(self.low) ^ fold(self.high).rotate_left(31) ^ u64::from(self.length)).wrapping_mul(ODD);
        mixed ^ (mixed >> 32)
    }
}

/// The first 16 bytes, zeros beyond the end.
#[inline]
fn padded(value: &[u8]) -> u128 {
    if let Some(start) = value.first_chunk::<16>() {
        return u128::from_le_bytes(*start);
    }
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(value).for_each(|(to, from)| *to = *from);
    u128::from_le_bytes(bytes)
}

/// Sixteen bytes at once.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn masked(value: u128) -> u128 {
    masked_words(value)
}

/// [`masked`] of any machine.
#[cfg(any(test, not(target_arch = "x86_64")))]
#[inline]
fn masked_words(value: u128) -> u128 {
    u128::from(masked_word((value >> 64) as u64)) << 64 | u128::from(masked_word(value as u64))
}

/// Eight bytes at once, in plain arithmetic: compilers take a loop over the bytes of an integer apart byte by byte.
#[cfg(any(test, not(target_arch = "x86_64")))]
#[inline(always)]
fn masked_word(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const TOPS: u64 = ONES << 7;
    // The top bit of each byte says whether its lower seven reach `first`; nothing is carried to the next byte.
    let reach = |sevens: u64, first: u8| sevens + ONES * u64::from(0x80 - first);
    let (sevens, ascii) = (word & !TOPS, !word & TOPS);
    let within = |sevens, first, last| (reach(sevens, first) ^ reach(sevens, last + 1)) & ascii;
    let digits = within(sevens, b'0', b'9');
    let letters = within(sevens | ONES << 5, b'a', b'z');
    // From the top bit of a byte to all its bits, and to bit 5, which small letters have and large ones have not.
    let ends = digits | letters;
    let others = word & !(ends << 1).wrapping_sub(ends >> 7);
    let cases = word & letters >> 2;
    others | cases | letters >> 1 | letters >> 7 | ((digits >> 7) * u64::from(b'9'))
}

/// Takes the one number that [`Mask`] feeds it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Passed(u64);

impl Hasher for Passed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }

    #[inline]
    fn write_i32(&mut self, value: i32) {
        let mixed = (value as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

/// A table whose keys mix their own hash; never iterated in its order.
pub(crate) type Mixed<K, V> = HashMap<K, V, BuildHasherDefault<Passed>>;

/// Masks that are counted in one block.
pub(crate) const BLOCK_MASKS_MAX: usize = 256;

/// Values by mask, for a bounded number of masks: those that came first, of a block the first [`BLOCK_MASKS_MAX`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct MaskCounts {
    counts: Mixed<Mask, u64>,
    /// Values whose mask has no count, those without a mask included. While 0, all counts are exact.
    pub(crate) other: u64,
}

impl MaskCounts {
    /// Adds `count` values of a mask.
    pub(crate) fn add(&mut self, mask: Mask, count: u64, masks_max: usize) {
        if let Some(own) = self.counts.get_mut(&mask) {
            *own += count;
        } else if self.counts.len() < masks_max {
            self.counts.insert(mask, count);
        } else {
            self.other += count;
        }
    }

    /// Adds the values of a later part.
    pub(crate) fn merge(&mut self, next: &Self, masks_max: usize) {
        self.other += next.other;
        // In the order of the masks, so that which ones find room does not depend on the table.
        for (mask, count) in next.sorted() {
            self.add(mask, count, masks_max);
        }
    }

    /// Ascending by mask.
    pub(crate) fn sorted(&self) -> Vec<(Mask, u64)> {
        let mut sorted: Vec<_> = self.counts.iter().map(|(mask, count)| (*mask, *count)).collect();
        sorted.sort_unstable();
        sorted
    }

    /// As they are shown, most frequent first, equal counts by mask.
    pub(crate) fn most_frequent(&self) -> Vec<(String, u64)> {
        let mut shown: Vec<_> = self.counts.iter().map(|(mask, count)| (mask.text(), *count)).collect();
        shown.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_shown_as_texts() {
        for (value, mask) in [
            ("", Some("")),
            ("WC2020-0001234-02", Some("AA9999-9999999-99")),
            ("O'Brien Ünal", Some("A'Aaaaa Üaaa")),
            ("\u{0}x", Some("\u{0}a")),
            ("12345678901234567890123456789012", Some("99999999999999999999999999999999")),
            ("123456789012345678901234567890123", None),
        ] {
            assert_eq!(Mask::of(value.as_bytes()).map(|mask| mask.text()).as_deref(), mask, "{value:?}");
        }
        assert_ne!(Mask::of(b"a"), Mask::of(b"a\0"));
    }

    #[test]
    fn each_byte_has_its_mask_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            let shown = match byte {
                b'0'..=b'9' => b'9',
                b'A'..=b'Z' => b'A',
                b'a'..=b'z' => b'a',
                other => other,
            };
            for (place, other) in (0..16).zip([0, 0xff, b'z', b'0', 0x80, 0x7f].into_iter().cycle()) {
                let fill = |byte: u8, other: u8| {
                    let mut bytes = [other; 16];
                    bytes[place] = byte;
                    u128::from_le_bytes(bytes)
                };
                let other_shown = match other {
                    b'z' => b'a',
                    b'0' => b'9',
                    other => other,
                };
                assert_eq!(masked(fill(byte, other)), fill(shown, other_shown), "{byte} at {place}");
                assert_eq!(masked_words(fill(byte, other)), fill(shown, other_shown), "{byte} at {place}");
            }
        }
    }

    #[test]
    fn words_are_counted_to_three() {
        for (value, three) in [
            ("a-b-c", true),
            ("aB1cd2e", true),
            ("ab-cd", false),
            ("", false),
            ("1a2\u{e1}\u{c1}b", false),
            ("9 Oak Ave Nort", true),
            ("AAAAAAAAAAAAAAAA", false),
        ] {
            assert_eq!(Mask::of(value.as_bytes()).unwrap().has_three_words(), three, "{value:?}");
        }
    }
}
