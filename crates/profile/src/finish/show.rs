//! How values are shown: as they are, as masks, or not at all.
//!
//! Everything in a profile that is a value of the file goes through [`Shown`]. Invariant: in a column of personal
//! data no value leaves it but as a mask (or as it is, when the user asked for that), and in any other column no
//! single value that looks personal does.

use std::collections::BTreeMap;

use bordereau_sketch::frequent::Frequency;

use crate::column::CutText;
use crate::document::ValueCount;
use crate::personal::{self, Searched};
use crate::settings::PersonalDataMode;

/// What stands at the end of a text that was cut.
pub(super) const CUT_MARK: char = '…';

/// How the values of one column are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown {
    mode: PersonalDataMode,
    /// Whether the column as a whole holds personal data.
    personal: bool,
    searched: Searched,
}

impl Shown {
    /// For a column that does or does not hold personal data as a whole; `searched` is what single values are
    /// searched for.
    pub(super) fn new(mode: PersonalDataMode, personal: bool, searched: Searched) -> Self {
        Self { mode, personal, searched }
    }

    /// Whether no value of the column may be seen.
    pub(super) fn hides_all(&self) -> bool {
        self.personal && self.mode != PersonalDataMode::Show
    }

    /// Whether values that may not be seen are shown as masks.
    pub(super) fn masks_all(&self) -> bool {
        self.personal && self.mode == PersonalDataMode::Mask
    }

    /// What is shown of a text; `None` when nothing is.
    pub(super) fn text(&self, text: &str) -> Option<String> {
        let hidden = self.hides_all()
            || (self.mode != PersonalDataMode::Show && personal::found_in(text, self.searched).is_some());
        match (hidden, self.mode) {
            (false, _) | (_, PersonalDataMode::Show) => Some(text.to_owned()),
            (true, PersonalDataMode::Mask) => Some(personal::masked(text)),
            (true, PersonalDataMode::Drop) => None,
        }
    }

    /// Values with counts as they are shown: those that look the same are one, most frequent first, equal counts by
    /// text.
    pub(super) fn counts(&self, counted: impl IntoIterator<Item = Counted>) -> Vec<ValueCount> {
        let mut merged: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for counted in counted {
            if let Some(value) = self.text(&counted.text) {
                let (count, error) = merged.entry(value).or_default();
                *count += counted.count;
                *error += counted.error;
            }
        }
        let mut shown: Vec<_> =
            merged.into_iter().map(|(value, (count, count_error))| ValueCount { value, count, count_error }).collect();
        // Stable, so equal counts stay by text.
        shown.sort_by_key(|value| std::cmp::Reverse(value.count));
        shown
    }
}

/// A value before it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counted {
    /// With the mark of a cut.
    pub(super) text: String,
    /// How often, at least.
    pub(super) count: u64,
    /// How much more often, at most.
    pub(super) error: u64,
}

impl From<&Frequency<'_>> for Counted {
    fn from(frequency: &Frequency<'_>) -> Self {
        Self { text: text_of(frequency), count: frequency.count, error: frequency.error }
    }
}

/// The text of a counted value, with the mark of a cut. A character that was cut in two is left out.
pub(super) fn text_of(frequency: &Frequency<'_>) -> String {
    let mut text = whole_characters(frequency.bytes).to_owned();
    if frequency.is_cut() {
        text.push(CUT_MARK);
    }
    text
}

/// The bytes up to the first that is no text.
pub(super) fn whole_characters(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    }
}

/// A text with the mark of a cut.
pub(super) fn cut_text(text: &CutText) -> String {
    let mut shown = text.text.to_string();
    if text.is_cut {
        shown.push(CUT_MARK);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(text: &str, count: u64) -> Counted {
        Counted { text: text.to_owned(), count, error: 0 }
    }

    fn shown(mode: PersonalDataMode, personal: bool, values: &[(&str, u64)]) -> Vec<(String, u64)> {
        let shown = Shown::new(mode, personal, Searched::of(&[]));
        let counts = shown.counts(values.iter().map(|(text, count)| counted(text, *count)));
        counts.into_iter().map(|value| (value.value, value.count)).collect()
    }

    #[test]
    fn values_are_shown_masked_or_not() {
        use PersonalDataMode::{Drop, Mask, Show};
        let names = [("Ann Lee", 2), ("Bob Ray", 3), ("Eve", 1)];
        assert_eq!(shown(Mask, true, &names), [("Aaa Aaa".to_owned(), 5), ("Aaa".to_owned(), 1)]);
        assert_eq!(shown(Show, true, &names).len(), 3);
        assert!(shown(Drop, true, &names).is_empty());
        let notes = [("call a@b.com", 1), ("fine", 4), ("call c@d.com", 1)];
        assert_eq!(shown(Mask, false, &notes), [("fine".to_owned(), 4), ("aaaa a@a.aaa".to_owned(), 2)]);
        assert_eq!(shown(Drop, false, &notes), [("fine".to_owned(), 4)]);
        assert_eq!(shown(Show, false, &notes).len(), 3);
    }

    #[test]
    fn characters_are_not_cut_in_two() {
        assert_eq!(whole_characters("né".as_bytes()), "né");
        assert_eq!(whole_characters(&"né".as_bytes()[..2]), "n");
    }
}
