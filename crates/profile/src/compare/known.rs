//! What one side knows of the distribution of a column, by its document alone or with its state.

use std::collections::BTreeMap;

use bordereau_sketch::frequent::Frequency;

use super::curve::Curve;
use crate::column::ColumnState;
use crate::document::{ColumnProfile, DecimalStyle, Frequent, LogicalType, ValueCount};
use crate::personal::{self, Searched};

/// Values that are counted one by one, and how little is known of the others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Categories {
    /// Most frequent first, equal counts by value.
    pub listed: Vec<ValueCount>,
    /// Values that are not listed.
    pub others: u64,
    /// None of the others occurs more often than this.
    pub other_at_most: u64,
    /// Counts by value.
    counts: BTreeMap<String, (u64, u64)>,
}

impl Categories {
    /// Of `total` values these are known; what is not among them occurs at most `other_at_most` times.
    pub fn new(mut listed: Vec<ValueCount>, total: u64, other_at_most: u64) -> Self {
        listed.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.value.cmp(&other.value)));
        let known: u64 = listed.iter().map(|value| value.count).sum();
        let others = total.saturating_sub(known);
        let counts = listed.iter().map(|value| (value.value.clone(), (value.count, value.count_error))).collect();
        Self { listed, others, other_at_most: other_at_most.min(others), counts }
    }

    /// Whether every value is listed with its exact count.
    pub fn is_complete(&self) -> bool {
        self.others == 0 && self.listed.iter().all(|value| value.count_error == 0)
    }

    /// How often a value occurs: at least and at most.
    pub fn count(&self, value: &str) -> (u64, u64) {
        let listed = self.counts.get(value).map(|(count, error)| (*count, count.saturating_add(*error)));
        listed.unwrap_or((0, self.other_at_most))
    }
}

/// Values that say what personal data may stand in a column by chance.
const LOOKED_AT_MAX: usize = 512;

/// Whether values may be looked at and told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// They may.
    Values,
    /// Only their masks, if those are known: one side at least holds them to be personal data.
    Masks,
}

/// What is known of a column.
#[derive(Debug, Clone)]
pub(crate) struct Known<'a> {
    pub column: &'a ColumnProfile,
    pub shown: Shown,
    /// Of columns whose type is a number.
    pub curve: Option<Curve>,
    /// Whether the curve has each value with its count.
    pub curve_is_exact: bool,
    /// Of all other columns but dates.
    pub categories: Option<Categories>,
    /// What single values are searched for before they are told; nothing where they are told as a document has them.
    searched: Option<Searched>,
}

impl<'a> Known<'a> {
    /// What the document tells.
    pub fn of_document(column: &'a ColumnProfile, shown: Shown) -> Self {
        let mut known = Self { column, shown, curve: None, curve_is_exact: false, categories: None, searched: None };
        match column.typing.logical {
            LogicalType::Date | LogicalType::Datetime | LogicalType::Empty => {}
            _ if shown == Shown::Masks => known.categories = Some(masks(column)),
            LogicalType::Integer | LogicalType::Number => known.read_numbers(),
            _ => known.categories = Some(values(column)),
        }
        known
    }

    fn read_numbers(&mut self) {
        let Some(numbers) = &self.column.numbers else { return };
        let atoms = plain_numbers(&self.column.frequent, numbers.min, numbers.max);
        let counted: u64 = atoms.iter().map(|(_, count)| count).sum();
        self.curve_is_exact = counted == numbers.count && counted > 0;
        self.curve = if self.curve_is_exact { Curve::of_values(atoms) } else { Curve::of_statistics(numbers, &atoms) };
    }

    /// What the state tells, where the document tells less.
    pub fn of_state(column: &'a ColumnProfile, state: &ColumnState, shown: Shown) -> Self {
        let mut known = Self::of_document(column, shown);
        if shown == Shown::Masks {
            return known;
        }
        if known.curve.is_some() && !known.curve_is_exact {
            known.curve_is_exact = known.count_numbers(state);
            if !known.curve_is_exact {
                known.curve = bucket_curve(column, state).or(known.curve);
            }
        }
        if known.categories.is_some() {
            let listed: Vec<ValueCount> = state.frequent.values().map(|value| counted(&value)).collect();
            let looked_at: Vec<&str> = listed.iter().take(LOOKED_AT_MAX).map(|value| &*value.value).collect();
            known.searched = Some(Searched::of(&looked_at));
            known.categories = Some(Categories::new(listed, known.values(), state.frequent.absent_count_max()));
        }
        known
    }

    /// Puts the numbers in as they were counted, if every one of them was.
    fn count_numbers(&mut self, state: &ColumnState) -> bool {
        let Some(values) = state.frequent.exact_counts() else { return false };
        let read = |value: Frequency<'_>| Some((plain_number(std::str::from_utf8(value.bytes).ok()?)?, value.count));
        let mut numbers: Vec<(f64, u64)> = values.filter_map(read).filter(|(at, _)| at.is_finite()).collect();
        let counted: u64 = numbers.iter().map(|(_, count)| count).sum();
        if self.column.numbers.as_ref().is_none_or(|numbers| numbers.count != counted) {
            return false;
        }
        numbers.sort_by(|one, other| one.0.total_cmp(&other.0));
        self.curve = Curve::of_values(numbers).or(self.curve.take());
        true
    }

    /// What is told of a value: its mask, when personal data stands in it.
    pub fn told(&self, value: &str) -> String {
        match &self.searched {
            Some(searched) if personal::found_in(value, *searched).is_some() => personal::masked(value),
            _ => value.to_owned(),
        }
    }

    /// Whether only masks may be told.
    pub fn is_masked(&self) -> bool {
        self.shown == Shown::Masks
    }

    /// Values, nulls apart.
    pub fn values(&self) -> u64 {
        self.column.rows.saturating_sub(self.column.nulls.total)
    }

    /// Whether (nearly) each value occurs once, as with policy numbers: new values are then no news.
    pub fn is_identifier(&self) -> bool {
        self.values() >= 2 && self.column.uniqueness >= super::IDENTIFIER_UNIQUENESS
    }
}

/// A number that is written plainly.
fn plain_number(text: &str) -> Option<f64> {
    text.trim_ascii().parse().ok()
}

/// The curve of the buckets of the state, of the reading of commas that the column has.
fn bucket_curve(column: &ColumnProfile, state: &ColumnState) -> Option<Curve> {
    let comma = column.typing.number_style.as_ref().is_some_and(|style| style.decimal == DecimalStyle::Comma);
    let ambiguous = if comma { &state.ambiguous_as_comma } else { &state.ambiguous_as_grouped };
    let mut readings = [&state.numbers, &state.comma_numbers, ambiguous].into_iter().flatten();
    let mut histogram = readings.next()?.histogram.clone();
    for reading in readings {
        histogram.merge(&reading.histogram).ok()?;
    }
    let numbers = column.numbers.as_ref().filter(|numbers| numbers.count == histogram.count())?;
    // Both edges of a bucket belong to it.
    Curve::of_bins(
        histogram
            .buckets()
            .map(|bucket| (bucket.low.max(numbers.min), bucket.high.min(numbers.max).next_up(), bucket.count)),
    )
}

/// A value as it is shown and told apart.
fn counted(value: &Frequency<'_>) -> ValueCount {
    let text = String::from_utf8_lossy(value.bytes);
    let value_text = if value.is_cut() { format!("{text}… ({} bytes)", value.length) } else { text.into_owned() };
    ValueCount { value: value_text, count: value.count, count_error: value.error }
}

/// The listed values.
fn values(column: &ColumnProfile) -> Categories {
    let total = column.rows.saturating_sub(column.nulls.total);
    let frequent = &column.frequent;
    let least = frequent.values.last().map_or(total, |value| value.count);
    Categories::new(frequent.values.clone(), total, frequent.missed_at_most.unwrap_or(least))
}

/// The listed masks.
fn masks(column: &ColumnProfile) -> Categories {
    let total = column.rows.saturating_sub(column.nulls.total);
    let masks = &column.strings.masks;
    Categories::new(masks.clone(), total, masks.last().map_or(total, |mask| mask.count))
}

/// The frequent values that are plain numbers with exact counts, ascending. Values written otherwise are left to the
/// histograms.
fn plain_numbers(frequent: &Frequent, min: f64, max: f64) -> Vec<(f64, u64)> {
    let exact = frequent.values.iter().filter(|value| value.count_error == 0);
    let read = |value: &ValueCount| Some((plain_number(&value.value)?, value.count));
    let mut numbers: Vec<(f64, u64)> = exact.filter_map(read).filter(|(at, _)| *at >= min && *at <= max).collect();
    numbers.sort_by(|one, other| one.0.total_cmp(&other.0));
    numbers
}
