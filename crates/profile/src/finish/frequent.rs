//! Frequent and rare values, distinct values and entropy, from the counts of values.
//!
//! Exact while all distinct values are counted; then counters with bounds, a sample of distinct values and an
//! estimate of how many there are give estimates whose error is stated.

use std::collections::HashSet;

use super::show::{Counted, Shown};
use crate::column::ColumnState;
use crate::document::{Count, Estimate, Frequent, ValueCount};

/// Values that are shown at most.
pub(super) const FREQUENT_MAX: usize = 20;
/// Rarest values that are shown at most.
const RAREST_MAX: usize = 10;
/// Standard errors that the number of distinct values is trusted to lie within, for bounds.
const STANDARD_ERRORS: f64 = 3.0;

/// The number of distinct values: exact while they are all counted or sampled, else an estimate with its standard
/// error.
pub(super) fn distinct(state: &ColumnState) -> Count {
    if state.frequent.is_exact() {
        return Count { value: state.frequent.len() as u64, exact: true, relative_error: None };
    }
    if state.sample.is_complete() {
        return Count { value: state.sample.values().len() as u64, exact: true, relative_error: None };
    }
    let least = state.frequent.len().max(state.sample.values().len()) as u64;
    let value = (state.distinct.estimate().round() as u64).clamp(least, state.tallies.values().max(least));
    Count { value, exact: false, relative_error: Some(state.distinct.relative_standard_error()) }
}

/// The most frequent values as they are shown. Of a column shown as masks, masks are counted, not values.
pub(super) fn frequent(state: &ColumnState, shown: &Shown) -> Frequent {
    let exact = state.frequent.is_exact();
    let counted: Vec<Counted> = if shown.masks_all() {
        state.frequent.values().map(|value| Counted::from(&value)).collect()
    } else {
        state.frequent.top(FREQUENT_MAX).iter().map(Counted::from).collect()
    };
    let mut values = shown.counts(counted);
    values.truncate(FREQUENT_MAX);
    let missed_at_most = (!exact).then(|| {
        if shown.masks_all() {
            // Values that have no counter may share one mask.
            state.tallies.values() - values.iter().map(|value| value.count).sum::<u64>().min(state.tallies.values())
        } else {
            missed_at_most(state)
        }
    });
    Frequent { values, exact, missed_at_most, masked: shown.masks_all() }
}

/// The bound of a value that is not among the most frequent: one without a counter, or a counter that is not shown.
fn missed_at_most(state: &ColumnState) -> u64 {
    let top: HashSet<(u64, u32)> =
        state.frequent.top(FREQUENT_MAX).iter().map(|value| (value.hash, value.length)).collect();
    let others = state.frequent.values().filter(|value| !top.contains(&(value.hash, value.length)));
    others.map(|value| value.count + value.error).max().unwrap_or(0).max(state.frequent.absent_count_max())
}

/// The rarest values as they are shown, rarest first; none when not all values are counted.
pub(super) fn rarest(state: &ColumnState, shown: &Shown) -> Vec<ValueCount> {
    let Some(rarest) = state.frequent.rarest(RAREST_MAX) else { return Vec::new() };
    let mut values = if shown.masks_all() {
        shown.counts(state.frequent.values().map(|value| Counted::from(&value)))
    } else {
        shown.counts(rarest.iter().map(Counted::from))
    };
    values.sort_by(|a, b| a.count.cmp(&b.count).then_with(|| a.value.cmp(&b.value)));
    values.truncate(RAREST_MAX);
    values
}

/// Groups of values that differ in upper and lower case only: of all distinct values while they are all counted, else
/// of those that are kept, so at least as many.
pub(super) fn case_variants(state: &ColumnState) -> u64 {
    let classes = &state.texts.classes;
    if classes.upper == 0 || classes.lower == 0 {
        return 0;
    }
    let mut folded: Vec<String> = state
        .frequent
        .values()
        .filter(|value| !value.is_cut())
        .map(|value| super::show::whole_characters(value.bytes).to_lowercase())
        .collect();
    folded.sort_unstable();
    folded.chunk_by(|a, b| a == b).filter(|group| group.len() > 1).count() as u64
}

/// Shannon's entropy in bits, `-sum p log2 p` over the distinct values.
pub(super) fn entropy(state: &ColumnState, distinct: &Count) -> Estimate {
    let values = state.tallies.values();
    if values == 0 {
        return Estimate { value: 0.0, exact: true, relative_error: None };
    }
    let Some(counts) = state.frequent.exact_counts() else { return estimated(state, distinct) };
    let mut counts: Vec<u64> = counts.map(|value| value.count).collect();
    counts.sort_unstable();
    let total = counts.iter().sum::<u64>() as f64;
    let value = counts.iter().map(|count| share_bits(*count as f64, total)).sum::<f64>();
    Estimate { value: value.max(0.0), exact: true, relative_error: None }
}

/// What a value that occurs `count` times of `total` adds: `-p log2 p`.
fn share_bits(count: f64, total: f64) -> f64 {
    if count <= 0.0 { 0.0 } else { -(count / total) * (count / total).log2() }
}

/// The values that have a counter add what their counts say. The others are as many and as frequent as those of them in
/// the sample; the bounds are those of any counts that add up, none above the bound of values without a counter, spread
/// over as many values as there may be (three standard errors).
fn estimated(state: &ColumnState, distinct: &Count) -> Estimate {
    let total = state.tallies.values() as f64;
    let mut kept: Vec<(u64, u64, u64)> =
        state.frequent.values().map(|value| (value.hash, value.count, value.error)).collect();
    kept.sort_unstable();
    let bits = |count: u64| share_bits(count as f64, total);
    let likely: f64 = kept.iter().map(|(_, count, error)| bits(count + error / 2)).sum();
    let low: f64 = kept.iter().map(|(_, count, error)| bits(*count).min(bits(count + error))).sum();
    let high: f64 = kept.iter().map(|(_, count, error)| most_bits(*count, count + error, total)).sum();
    let counted: u64 = kept.iter().map(|(_, count, _)| *count).sum();
    let errors: u64 = kept.iter().map(|(_, _, error)| *error).sum();
    let others = Others {
        total,
        most: state.tallies.values().saturating_sub(counted) as f64,
        least: state.tallies.values().saturating_sub(counted + errors) as f64,
        each_at_most: state.frequent.absent_count_max().max(1) as f64,
        distinct: (distinct.value as f64 - kept.len() as f64).max(0.0),
        distinct_error: distinct.relative_error.unwrap_or(0.0) * STANDARD_ERRORS * distinct.value as f64,
    };
    let sampled: Vec<u64> = state
        .sample
        .values()
        .filter(|value| kept.binary_search_by_key(&value.hash, |(hash, _, _)| *hash).is_err())
        .map(|value| value.count)
        .collect();
    let (low, high) = (low + others.low(), high + others.high());
    let value = (likely + others.likely(&sampled)).clamp(low.min(high), high.max(low));
    let error = (value - low).abs().max((high - value).abs());
    let relative_error = if value > 0.0 { error / value } else { 1.0 };
    Estimate { value, exact: false, relative_error: Some(relative_error) }
}

/// The most that a value adds whose count lies between two.
fn most_bits(least: u64, most: u64, total: f64) -> f64 {
    let peak = (total / std::f64::consts::E).clamp(least as f64, most as f64);
    share_bits(peak, total)
}

/// The values without a counter.
struct Others {
    /// All values of the column.
    total: f64,
    /// How many values have no counter, at most and at least.
    most: f64,
    least: f64,
    /// How often each of them occurs at most.
    each_at_most: f64,
    /// How many distinct ones, and how far that may be off.
    distinct: f64,
    distinct_error: f64,
}

impl Others {
    /// As if the sample stood for all of them: the mean number of bits of a value of its counts.
    fn likely(&self, sampled: &[u64]) -> f64 {
        let counted = sampled.iter().map(|count| *count as f64).sum::<f64>();
        if counted <= 0.0 {
            return self.high();
        }
        let middle = self.most / 2.0 + self.least / 2.0;
        let bits =
            sampled.iter().map(|count| *count as f64 / counted * -(*count as f64 / self.total).log2()).sum::<f64>();
        middle / self.total * bits
    }

    /// All as frequent as each other: the greatest entropy there is.
    fn high(&self) -> f64 {
        let distinct = (self.distinct + self.distinct_error).min(self.most).max(1.0);
        [self.most, self.least]
            .map(|rows| distinct * share_bits(rows / distinct, self.total))
            .into_iter()
            .fold(0.0, f64::max)
    }

    /// As many as can be as frequent as one can be, the rest once each: the least, as `-p log2 p` is concave.
    fn low(&self) -> f64 {
        [self.most, self.least].map(|rows| self.low_of(rows)).into_iter().fold(f64::INFINITY, f64::min)
    }

    fn low_of(&self, rows: f64) -> f64 {
        let once_bits = share_bits(1.0, self.total);
        let distinct = (self.distinct - self.distinct_error).max(rows / self.each_at_most).min(rows);
        if self.each_at_most <= 1.0 {
            return rows * once_bits;
        }
        let often = ((rows - distinct) / (self.each_at_most - 1.0)).max(0.0);
        let once = (distinct - often).max(0.0);
        often * share_bits(self.each_at_most, self.total) + once * once_bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_in_bits() {
        assert_eq!(share_bits(1.0, 2.0), 0.5);
        assert_eq!(share_bits(0.0, 2.0), 0.0);
        assert_eq!(share_bits(2.0, 2.0), 0.0);
    }

    #[test]
    fn bounds_hold_for_values_without_a_counter() {
        // 1,000 values of 4,000 that occur 1 to 7 times each.
        let counts: Vec<u64> = (0..1_000).map(|n| 1 + n % 7).collect();
        let rows = counts.iter().sum::<u64>() as f64;
        let truth: f64 = counts.iter().map(|count| share_bits(*count as f64, 10_000.0)).sum();
        let others = Others {
            total: 10_000.0,
            most: rows,
            least: rows,
            each_at_most: 9.0,
            distinct: 1_000.0,
            distinct_error: 24.0,
        };
        assert!(others.low() <= truth && truth <= others.high(), "{} {truth} {}", others.low(), others.high());
        let likely = others.likely(&counts);
        assert!((likely - truth).abs() < 1e-9, "{likely} {truth}");
    }
}
