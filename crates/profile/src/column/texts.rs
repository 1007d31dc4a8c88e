//! Statistics of the values of a column as texts, nulls apart.

use super::shape::Shape;
use crate::document::CharacterClasses;

/// Lengths up to this one are counted each on its own.
pub(crate) const LENGTHS_EXACT: usize = 64;
/// Beyond, lengths are counted by octave: 65..=127, 128..=255, ...
const LENGTH_BINS: usize = LENGTHS_EXACT + 1 + 58;
/// Characters that are kept of the least and the greatest text.
const CUT_CHARACTERS: usize = 200;

/// Values by their length in characters (Unicode scalar values).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lengths {
    counts: Box<[u64; LENGTH_BINS]>,
}

impl Default for Lengths {
    fn default() -> Self {
        Self { counts: Box::new([0; LENGTH_BINS]) }
    }
}

impl Lengths {
    /// Adds `count` values of `length` characters.
    #[inline]
    pub(crate) fn add(&mut self, length: u64, count: u64) {
        if let Some(own) = self.counts.get_mut(Self::bin(length)) {
            *own += count;
        }
    }

    /// Adds another's values.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.counts.iter_mut().zip(other.counts.iter()).for_each(|(own, more)| *own += more);
    }

    /// The lengths that occur, ascending: the least and the greatest of a bin, and its values.
    pub(crate) fn bins(&self) -> impl Iterator<Item = (u64, u64, u64)> + '_ {
        let used = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        used.map(|(bin, &count)| {
            if bin <= LENGTHS_EXACT {
                return (bin as u64, bin as u64, count);
            }
            let octave = (bin - LENGTHS_EXACT - 1) as u32 + 6;
            (if octave == 6 { 65 } else { 1 << octave }, ((1_u128 << (octave + 1)) - 1) as u64, count)
        })
    }

    /// All counters, in the order of lengths: for bytes.
    pub(crate) fn counters(&mut self) -> &mut [u64] {
        self.counts.as_mut_slice()
    }

    fn bin(length: u64) -> usize {
        if length <= LENGTHS_EXACT as u64 { length as usize } else { LENGTHS_EXACT + 1 + length.ilog2() as usize - 6 }
    }
}

/// A text cut at 200 characters. Cutting keeps the order, so the least of cut texts is the least text cut.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CutText {
    /// The first 200 characters.
    pub(crate) text: Box<str>,
    /// Whether there are more.
    pub(crate) is_cut: bool,
}

impl CutText {
    /// Cuts a text.
    pub(crate) fn new(text: &str) -> Self {
        match text.char_indices().nth(CUT_CHARACTERS) {
            Some((end, _)) => Self { text: text.get(..end).unwrap_or_default().into(), is_cut: true },
            None => Self { text: text.into(), is_cut: false },
        }
    }
}

/// The values as texts. Exact and independent of the order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TextState {
    /// Values by length; exact to 64 characters, then by octave.
    pub(crate) lengths: Lengths,
    /// Fewest characters; 0 without values.
    pub(crate) length_min: u64,
    /// Most characters.
    pub(crate) length_max: u64,
    /// Characters of all values.
    pub(crate) length_sum: u64,
    /// Bytes of all values.
    pub(crate) bytes: u64,
    /// Values with at least one character of a class.
    pub(crate) classes: CharacterClasses,
    /// Values with ASCII blanks before or after.
    pub(crate) padded: u64,
    /// The least in byte order.
    pub(crate) min: Option<CutText>,
    /// The greatest in byte order.
    pub(crate) max: Option<CutText>,
}

impl TextState {
    /// Adds `count` values of a shape and `bytes` bytes; not the least and the greatest text.
    pub(super) fn add_shape(&mut self, shape: &Shape, bytes: u64, count: u64) {
        let length = shape.characters;
        self.length_min = if self.length_sum + self.bytes == 0 { length } else { self.length_min.min(length) };
        self.length_max = self.length_max.max(length);
        self.length_sum += length * count;
        self.bytes += bytes * count;
        self.lengths.add(length, count);
        self.padded += if shape.padded { count } else { 0 };
        add_classes(&mut self.classes, &shape.classes, count);
    }

    /// Adds another's values.
    pub(crate) fn merge(&mut self, other: &Self) {
        let (Some(min), Some(max)) = (&other.min, &other.max) else { return };
        self.length_min = if self.min.is_some() { self.length_min.min(other.length_min) } else { other.length_min };
        self.length_max = self.length_max.max(other.length_max);
        self.length_sum += other.length_sum;
        self.bytes += other.bytes;
        self.padded += other.padded;
        self.lengths.merge(&other.lengths);
        add_classes(&mut self.classes, &other.classes, 1);
        if self.min.as_ref().is_none_or(|own| min < own) {
            self.min = Some(min.clone());
        }
        if self.max.as_ref().is_none_or(|own| max > own) {
            self.max = Some(max.clone());
        }
    }
}

/// Adds `times` the classes of `more` to `own`.
fn add_classes(own: &mut CharacterClasses, more: &CharacterClasses, times: u64) {
    own.digits += more.digits * times;
    own.upper += more.upper * times;
    own.lower += more.lower * times;
    own.blanks += more.blanks * times;
    own.punctuation += more.punctuation * times;
    own.non_ascii += more.non_ascii * times;
    own.control += more.control * times;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_fall_into_their_bins() {
        for (length, bin) in [
            (0, (0, 0)),
            (64, (64, 64)),
            (65, (65, 127)),
            (127, (65, 127)),
            (128, (128, 255)),
            (10_000_000, (8_388_608, 16_777_215)),
            (u64::MAX, (1 << 63, u64::MAX)),
        ] {
            let mut lengths = Lengths::default();
            lengths.add(length, 3);
            assert_eq!(lengths.bins().collect::<Vec<_>>(), [(bin.0, bin.1, 3)], "{length}");
        }
    }

    #[test]
    fn cutting_keeps_the_order() {
        let long = "é".repeat(200);
        let (exact, cut) = (CutText::new(&long), CutText::new(&format!("{long}é")));
        assert!(exact < cut && !exact.is_cut && cut.is_cut);
        assert_eq!(exact.text, cut.text);
    }
}
