//! Statistics of the values that are numbers.

use std::borrow::Cow;

use super::cells::{Bounded, Cells};
use super::edges::{self, Range};
use super::typing::Commas;
use crate::column::{ColumnState, NumberState};
use crate::document::{Bin, Count, Estimate, Histogram, NumberStatistics, Percentile};

/// The percentiles there are.
pub(super) const PERCENTS: [u8; 9] = [1, 5, 10, 25, 50, 75, 90, 95, 99];
/// Interquartile ranges between the quartiles and Tukey's fences.
const FENCE_RANGES: f64 = 1.5;

/// All numbers of a column, ambiguous ones read as `commas` says; `None` when there are none.
pub(super) fn all_numbers(state: &ColumnState, commas: Commas) -> Option<Cow<'_, NumberState>> {
    let ambiguous = match commas {
        Commas::Grouping => &state.ambiguous_as_grouped,
        Commas::Decimal => &state.ambiguous_as_comma,
    };
    let mut readings = [&state.numbers, &state.comma_numbers, ambiguous].into_iter().flatten();
    let mut all = Cow::Borrowed(&**readings.next()?);
    for more in readings {
        // They are made with the same bounds, so that they always merge.
        all.to_mut().merge(more).unwrap_or_default();
    }
    Some(all).filter(|all| all.count > 0)
}

/// The statistics; `whole` says that all numbers are whole.
pub(super) fn statistics(state: &ColumnState, commas: Commas, whole: bool) -> Option<NumberStatistics> {
    let numbers = all_numbers(state, commas)?;
    let cells = Cells::of(state, commas, &numbers)?;
    let percentiles = PERCENTS.map(|percent| (percent, cells.percentile(percent)));
    let at = |wanted: u8| {
        let found = percentiles.iter().find(|(percent, _)| *percent == wanted);
        found.map_or(Bounded { value: 0.0, relative_error: 0.0 }, |(_, bounded)| *bounded)
    };
    let (lower, upper) = (at(25), at(75));
    let range = interquartile(lower, upper);
    let spread = upper.value - lower.value;
    let fences = (finite(lower.value - FENCE_RANGES * spread), finite(upper.value + FENCE_RANGES * spread));
    let edges =
        edges::equal_width(Range { min: numbers.min, max: numbers.max, low: at(1).value, high: at(99).value, whole });
    Some(NumberStatistics {
        count: numbers.count,
        min: numbers.min,
        max: numbers.max,
        range: finite(numbers.max - numbers.min),
        sum: finite(numbers.sum.to_f64()),
        mean: finite(numbers.sum.mean().unwrap_or_default()),
        standard_deviation: numbers.moments.standard_deviation().map(finite),
        skewness: numbers.moments.skewness(),
        kurtosis: numbers.moments.kurtosis(),
        zeros: numbers.zeros,
        negatives: numbers.negatives,
        infinities: state.tallies.infinities + state.tallies.negative_infinities,
        percentiles: percentiles.iter().map(|(percent, bounded)| percentile(*percent, *bounded)).collect(),
        interquartile_range: estimate(range, &cells),
        fences,
        outside_fences: outside(&cells, lower, upper),
        median_absolute_deviation: estimate(cells.median_absolute_deviation(at(50)), &cells),
        equal_width: histogram(&cells, &edges),
        equal_count: histogram(&cells, &cells.decile_edges()),
        decimals_max: decimals_max(&numbers, state, commas),
    })
}

/// Infinities are no JSON: what is beyond the greatest float is said to be that.
fn finite(number: f64) -> f64 {
    if number.is_nan() { 0.0 } else { number.clamp(f64::MIN, f64::MAX) }
}

fn decimals_max(numbers: &NumberState, state: &ColumnState, commas: Commas) -> u32 {
    match (&state.ambiguous_as_comma, commas) {
        (Some(_), Commas::Decimal) => numbers.decimals_max.max(3),
        _ => numbers.decimals_max,
    }
}

fn percentile(percent: u8, bounded: Bounded) -> Percentile {
    let exact = bounded.relative_error == 0.0;
    Percentile { percent, value: bounded.value, exact, relative_error: (!exact).then_some(bounded.relative_error) }
}

fn estimate(bounded: Bounded, cells: &Cells) -> Estimate {
    let exact = cells.is_exact() || bounded.relative_error == 0.0;
    Estimate { value: finite(bounded.value), exact, relative_error: (!exact).then_some(bounded.relative_error) }
}

/// The 75th less the 25th percentile.
fn interquartile(lower: Bounded, upper: Bounded) -> Bounded {
    let range = finite(upper.value - lower.value);
    let off = lower.relative_error * lower.value.abs() + upper.relative_error * upper.value.abs();
    Bounded::new(range, range - off, finite(range + off))
}

/// Numbers outside of Tukey's fences. When the quartiles are estimates, so are the fences, and the error is that of the
/// numbers between the innermost and the outermost place where each fence may be.
fn outside(cells: &Cells, lower: Bounded, upper: Bounded) -> Count {
    let fences = |lower: f64, upper: f64| {
        let spread = upper - lower;
        (lower - FENCE_RANGES * spread, upper + FENCE_RANGES * spread)
    };
    let (off_lower, off_upper) = (lower.relative_error * lower.value.abs(), upper.relative_error * upper.value.abs());
    let (below, above) = fences(lower.value, upper.value);
    let reach_below = (1.0 + FENCE_RANGES) * off_lower + FENCE_RANGES * off_upper;
    let reach_above = (1.0 + FENCE_RANGES) * off_upper + FENCE_RANGES * off_lower;
    let least = cells.below(below - reach_below).0 + cells.above(above + reach_above).0;
    let most = cells.below(below + reach_below).1 + cells.above(above - reach_above).1;
    if least == most {
        return Count { value: least, exact: true, relative_error: None };
    }
    let (low, high) = (cells.below(below), cells.above(above));
    let value = (low.0.midpoint(low.1)) + (high.0.midpoint(high.1));
    let off = value.saturating_sub(least).max(most.saturating_sub(value));
    Count { value, exact: false, relative_error: Some(off as f64 / value.max(1) as f64) }
}

fn histogram(cells: &Cells, edges: &[f64]) -> Histogram {
    let (counts, exact) = cells.binned(edges);
    let bins =
        edges.windows(2).zip(counts).map(|(pair, count)| Bin { from: pair[0].into(), to: pair[1].into(), count });
    Histogram { bins: bins.collect(), exact }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_estimates_have_the_errors_of_both() {
        let bounded = |value, relative_error| Bounded { value, relative_error };
        assert_eq!(interquartile(bounded(10.0, 0.0), bounded(30.0, 0.0)), bounded(20.0, 0.0));
        assert_eq!(interquartile(bounded(100.0, 0.01), bounded(200.0, 0.01)), bounded(100.0, 0.03));
        assert_eq!(interquartile(bounded(100.0, 0.01), bounded(100.0, 0.01)), bounded(1.0, 1.0));
        assert_eq!(interquartile(bounded(f64::MIN, 0.0), bounded(f64::MAX, 0.0)), bounded(f64::MAX, 0.0));
    }

    #[test]
    fn numbers_outside_the_fences_are_counted() {
        let counts: Vec<(f64, u64)> = (1..=10).map(|n| (f64::from(n), 1)).chain([(100.0, 2)]).collect();
        let cells = Cells::of_counts(&counts).unwrap();
        let found = outside(&cells, cells.percentile(25), cells.percentile(75));
        assert_eq!(found, Count { value: 2, exact: true, relative_error: None });
    }

    #[test]
    fn what_is_beyond_a_float_is_the_greatest_float() {
        assert_eq!(finite(f64::INFINITY), f64::MAX);
        assert_eq!(finite(f64::NEG_INFINITY), f64::MIN);
        assert_eq!(finite(f64::NAN), 0.0);
    }
}
