//! Statistics of the values as texts.

use std::collections::BTreeMap;

use bordereau_sketch::frequent::Frequency;

use super::frequent::case_variants;
use super::show::{Shown, cut_text};
use crate::column::{ColumnState, LENGTHS_EXACT};
use crate::document::{Bin, Histogram, StringStatistics, ValueCount};
use crate::personal;
use crate::settings::PersonalDataMode;

/// Masks that are shown at most.
const MASKS_MAX: usize = 20;

/// The statistics. `drop` leaves out least, greatest and masks of personal data.
pub(super) fn statistics(state: &ColumnState, shown: &Shown, mode: PersonalDataMode) -> StringStatistics {
    let texts = &state.texts;
    let values = state.tallies.values();
    let without_masks = shown.hides_all() && mode == PersonalDataMode::Drop;
    StringStatistics {
        length_min: texts.length_min,
        length_mean: if values == 0 { 0.0 } else { texts.length_sum as f64 / values as f64 },
        length_max: texts.length_max,
        lengths: lengths(state),
        min: texts.min.as_ref().and_then(|text| shown.text(&cut_text(text))),
        max: texts.max.as_ref().and_then(|text| shown.text(&cut_text(text))),
        classes: texts.classes.clone(),
        masks: if without_masks { Vec::new() } else { masks(state) },
        padded: texts.padded,
        case_variants: case_variants(state),
    }
}

/// Values by length: one bin a length up to 64 characters, lengths without values between them included, then by
/// octave.
fn lengths(state: &ColumnState) -> Histogram {
    let mut bins: Vec<Bin> = Vec::new();
    let mut next = None::<u64>;
    for (least, most, count) in state.texts.lengths.bins() {
        while let Some(missing) = next.filter(|missing| *missing < least) {
            // Up to 64 each length, then up to the next power of two.
            let to = if missing <= 64 { missing + 1 } else { (missing + 1).next_power_of_two().min(least) };
            bins.push(Bin { from: missing.into(), to: to.into(), count: 0 });
            next = Some(to);
        }
        let to = most.saturating_add(1);
        bins.push(Bin { from: least.into(), to: to.into(), count });
        next = Some(to);
    }
    if let Some(last) = bins.last_mut().filter(|_| state.texts.length_max > 64) {
        // The last bin ends with the greatest length, and includes it.
        last.to = state.texts.length_max.into();
    }
    Histogram { bins, exact: true }
}

/// The most frequent masks. Letters beyond ASCII, which masks have as they are, are letters here.
fn masks(state: &ColumnState) -> Vec<ValueCount> {
    let mut merged: BTreeMap<String, u64> = BTreeMap::new();
    for (mask, count) in state.masks.most_frequent() {
        *merged.entry(personal::masked(&mask)).or_default() += count;
    }
    let count_error = state.masks.other;
    let mut masks: Vec<_> = merged.into_iter().map(|(value, count)| ValueCount { value, count, count_error }).collect();
    masks.sort_by_key(|mask| std::cmp::Reverse(mask.count));
    masks.truncate(MASKS_MAX);
    masks
}

/// Values that are exactly as long as the longest, at least: counted while lengths or values are, else as the sample of
/// distinct values has them. Of lengths beyond 64 characters it is known for ASCII only.
pub(super) fn at_length_max(state: &ColumnState) -> u64 {
    let texts = &state.texts;
    if texts.length_max <= LENGTHS_EXACT as u64 {
        return texts.lengths.bins().last().map_or(0, |(_, _, count)| count);
    }
    if texts.classes.non_ascii > 0 {
        return 0;
    }
    let longest = |value: &Frequency<'_>| u64::from(value.length) == texts.length_max;
    match state.frequent.exact_counts() {
        Some(counts) => counts.filter(longest).map(|value| value.count).sum(),
        None => state.sample.values().filter(longest).map(|value| value.count).sum(),
    }
}
