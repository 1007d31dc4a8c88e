//! The numbers of a column in ascending order, with counts: exactly, or by buckets.
//!
//! [`Cells`] is what percentiles, fences, the median absolute deviation and histograms are read from. While all
//! distinct values are counted, a cell is one number; beyond, it is a bucket of
//! [`LogHistogram`](bordereau_sketch::quantiles), whose middle is within a stated share of every number in it. One
//! code serves both: an exact cell is a bucket without width.

use bordereau_base::cell::trim_blanks;

use super::show::whole_characters;
use super::typing::Commas;
use crate::column::{ColumnState, NumberState, Reading, read};

/// Numbers that are counted together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cell {
    /// The least it may hold.
    pub(super) low: f64,
    /// The greatest it may hold.
    pub(super) high: f64,
    /// What stands for them.
    pub(super) middle: f64,
    /// How many.
    pub(super) count: u64,
}

/// Finite numbers in ascending order, at least one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cells {
    cells: Vec<Cell>,
    total: u64,
    /// The true number lies within this share of the middle of its cell; 0 when cells are exact.
    error: f64,
}

/// A number that is known to lie between two others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bounded {
    pub(super) value: f64,
    /// The true number lies within this share of `value`; 0 when exact.
    pub(super) relative_error: f64,
}

impl Bounded {
    /// A number of at least 0 that is `value`, or anything from `low` to `high`. Where that is more than the whole of
    /// `value`, the middle between 0 and `high` is said, give or take all of it.
    pub(super) fn new(value: f64, low: f64, high: f64) -> Self {
        let off = (value - low.max(0.0)).max(high - value);
        if off <= 0.0 {
            return Self { value, relative_error: 0.0 };
        }
        if off <= value {
            return Self { value, relative_error: off / value };
        }
        Self { value: high / 2.0, relative_error: 1.0 }
    }
}

impl Cells {
    /// The numbers of a column whose numbers together are `numbers`; `None` when there are none.
    pub(super) fn of(state: &ColumnState, commas: Commas, numbers: &NumberState) -> Option<Self> {
        if numbers.count == 0 {
            return None;
        }
        Some(Self::exact(state, commas, numbers.count).unwrap_or_else(|| Self::estimated(numbers)))
    }

    /// From the counts of all distinct values; `None` when they are not all counted, or not as numbers: a value of more
    /// than 200 bytes is not kept whole.
    fn exact(state: &ColumnState, commas: Commas, count: u64) -> Option<Self> {
        let mut numbers: Vec<(f64, u64)> = state
            .frequent
            .exact_counts()?
            .filter(|value| !value.is_cut())
            .filter_map(|value| Some((number_of(whole_characters(value.bytes), commas)?, value.count)))
            .collect();
        numbers.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        numbers.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            kept.1 += if same { next.1 } else { 0 };
            same
        });
        Self::of_counts(&numbers).filter(|cells| cells.total == count)
    }

    /// From distinct finite numbers with counts, ascending.
    pub(super) fn of_counts(numbers: &[(f64, u64)]) -> Option<Self> {
        let cells: Vec<_> =
            numbers.iter().map(|&(number, count)| Cell { low: number, high: number, middle: number, count }).collect();
        let total = cells.iter().map(|cell| cell.count).sum();
        (total > 0).then_some(Self { cells, total, error: 0.0 })
    }

    fn estimated(numbers: &NumberState) -> Self {
        let histogram = &numbers.histogram;
        let (min, max) = (numbers.min, numbers.max);
        let cells: Vec<_> = histogram
            .buckets()
            .map(|bucket| Cell {
                low: bucket.low.max(min),
                high: bucket.high.min(max),
                middle: bucket.middle.clamp(min, max),
                count: bucket.count,
            })
            .collect();
        let total = cells.iter().map(|cell| cell.count).sum();
        // The histogram's error is a share of the true number, ours one of the number said.
        let error = histogram.relative_error() / (1.0 - histogram.relative_error());
        Self { cells, total, error }
    }

    /// Whether every cell is one number.
    pub(super) fn is_exact(&self) -> bool {
        self.error == 0.0
    }

    /// The percentile of nearest rank: the number at rank `ceil(percent n / 100)`.
    pub(super) fn percentile(&self, percent: u8) -> Bounded {
        let rank = (u128::from(percent) * u128::from(self.total)).div_ceil(100).max(1);
        let mut seen = 0_u128;
        for cell in &self.cells {
            seen += u128::from(cell.count);
            if seen >= rank {
                return self.ranked(cell, rank);
            }
        }
        self.cells.last().map_or(Bounded { value: 0.0, relative_error: 0.0 }, |last| self.ranked(last, rank))
    }

    /// The number of a rank that falls into a cell. The least and the greatest number are known exactly.
    fn ranked(&self, cell: &Cell, rank: u128) -> Bounded {
        let exact = |value| Bounded { value, relative_error: 0.0 };
        if cell.low == cell.high {
            exact(cell.middle)
        } else if rank == 1 {
            exact(cell.low)
        } else if rank >= u128::from(self.total) {
            exact(cell.high)
        } else {
            Bounded { value: cell.middle, relative_error: self.error }
        }
    }

    /// The median of the distances from `median`, of nearest rank.
    pub(super) fn median_absolute_deviation(&self, median: Bounded) -> Bounded {
        let distance = |cell: &Cell| (cell.middle / 2.0 - median.value / 2.0).abs() * 2.0;
        let mut distances: Vec<(f64, u64)> = self.cells.iter().map(|cell| (distance(cell), cell.count)).collect();
        distances.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let rank = self.total.div_ceil(2);
        let mut seen = 0;
        let found = distances.iter().find(|(_, count)| {
            seen += count;
            seen >= rank
        });
        let value = found.map_or(0.0, |(distance, _)| distance.min(f64::MAX));
        if self.is_exact() {
            return Bounded { value, relative_error: 0.0 };
        }
        // A true distance `d` is said as anything from `d (1 - e) - 2 e |median|` to `d (1 + e) + 2 e |median|`; both
        // grow with `d`, so the same holds for the medians of the two.
        let off = 2.0 * self.error * median.value.abs();
        Bounded::new(value, (value - off) / (1.0 + self.error), (value + off) / (1.0 - self.error))
    }

    /// How many numbers are below `bound`, at least and at most.
    pub(super) fn below(&self, bound: f64) -> (u64, u64) {
        let sure = self.cells.partition_point(|cell| cell.high < bound);
        let maybe = self.cells.partition_point(|cell| cell.low < bound);
        let count = |cells: &[Cell]| cells.iter().map(|cell| cell.count).sum();
        (count(&self.cells[..sure]), count(&self.cells[..maybe]))
    }

    /// How many numbers are above `bound`, at least and at most.
    pub(super) fn above(&self, bound: f64) -> (u64, u64) {
        let sure = self.cells.partition_point(|cell| cell.low <= bound);
        let maybe = self.cells.partition_point(|cell| cell.high <= bound);
        let count = |cells: &[Cell]| cells.iter().map(|cell| cell.count).sum();
        (count(&self.cells[sure..]), count(&self.cells[maybe..]))
    }

    /// How many numbers lie in each bin between two edges (the last edge included), and whether that is exact:
    /// numbers of a cell that an edge cuts are taken to be evenly spread.
    pub(super) fn binned(&self, edges: &[f64]) -> (Vec<u64>, bool) {
        let mut exact = true;
        let mut at = 0;
        let mut before = 0_u64;
        let mut counted = 0_u64;
        let mut counts = Vec::with_capacity(edges.len().saturating_sub(1));
        for (place, &edge) in edges.iter().enumerate().skip(1) {
            let last = place + 1 == edges.len();
            while self.cells.get(at).is_some_and(|cell| last || cell.high < edge) {
                before += self.cells[at].count;
                at += 1;
            }
            let cut = self.cells.get(at).filter(|cell| cell.low < edge);
            let share = cut.map_or(0.0, |cell| (edge - cell.low) / (cell.high - cell.low));
            exact &= cut.is_none();
            let below = before + cut.map_or(0, |cell| (share * cell.count as f64).round() as u64);
            counts.push(below.saturating_sub(counted));
            counted = below.max(counted);
        }
        (counts, exact)
    }

    /// Edges between bins with about equal counts, each the least number of the cell of a decile; duplicates are one.
    /// `[x, x]` when all numbers are the same.
    pub(super) fn decile_edges(&self) -> Vec<f64> {
        let (Some(first), Some(last)) = (self.cells.first(), self.cells.last()) else { return Vec::new() };
        let mut edges = vec![first.low];
        let mut seen = 0_u128;
        let mut decile = 1_u128;
        for cell in &self.cells {
            seen += u128::from(cell.count);
            while decile < 10 && seen >= (decile * u128::from(self.total)).div_ceil(10) {
                edges.push(cell.low);
                decile += 1;
            }
        }
        edges.push(last.high);
        edges.dedup();
        if edges.len() == 1 {
            edges.push(last.high);
        }
        edges
    }
}

/// The number that a value is, when it is a finite one.
fn number_of(text: &str, commas: Commas) -> Option<f64> {
    let Reading::Number(number) = read(trim_blanks(text)) else { return None };
    let value = if number.form.ambiguous_comma && commas == Commas::Decimal {
        number.with_decimal_comma()
    } else {
        number.value
    };
    // A negative zero is a zero.
    Some(value + 0.0)
}

#[cfg(test)]
mod tests {
    use bordereau_sketch::quantiles::LogHistogram;
    use proptest::prelude::*;

    use super::*;

    fn counts(numbers: &[f64]) -> Vec<(f64, u64)> {
        let mut sorted = numbers.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u64)).collect()
    }

    fn exact(numbers: &[f64]) -> Cells {
        Cells::of_counts(&counts(numbers)).unwrap()
    }

    fn estimated(numbers: &[f64]) -> Cells {
        let mut state = NumberState::new(8_192);
        state.histogram = LogHistogram::new(8_192);
        numbers.iter().for_each(|number| state.histogram.add(*number, 1));
        state.min = numbers.iter().copied().fold(f64::INFINITY, f64::min);
        state.max = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        state.count = numbers.len() as u64;
        Cells::estimated(&state)
    }

    fn nearest_rank(sorted: &[f64], percent: usize) -> f64 {
        sorted[(percent * sorted.len()).div_ceil(100).max(1) - 1]
    }

    #[test]
    fn percentiles_are_of_nearest_rank() {
        let cells = exact(&[15.0, 20.0, 35.0, 40.0, 50.0]);
        for (percent, value) in [(1, 15.0), (5, 15.0), (25, 20.0), (50, 35.0), (75, 40.0), (99, 50.0)] {
            assert_eq!(cells.percentile(percent), Bounded { value, relative_error: 0.0 }, "{percent}");
        }
    }

    #[test]
    fn numbers_that_may_be_nothing_are_said_to_be() {
        assert_eq!(Bounded::new(5.0, 5.0, 5.0), Bounded { value: 5.0, relative_error: 0.0 });
        assert_eq!(Bounded::new(10.0, 9.0, 12.0), Bounded { value: 10.0, relative_error: 0.2 });
        assert_eq!(Bounded::new(0.0, -1.0, 2.0), Bounded { value: 1.0, relative_error: 1.0 });
    }

    #[test]
    fn bins_count_every_number_once() {
        let cells = exact(&[0.0, 0.5, 1.0, 1.0, 2.0, 3.0]);
        assert_eq!(cells.binned(&[0.0, 1.0, 2.0, 3.0]), (vec![2, 2, 2], true));
        assert_eq!(cells.binned(&[0.0, 3.0]), (vec![6], true));
        assert_eq!(cells.decile_edges(), [0.0, 0.5, 1.0, 2.0, 3.0]);
        assert_eq!(exact(&[7.0, 7.0]).decile_edges(), [7.0, 7.0]);
        assert_eq!(exact(&[7.0, 7.0]).binned(&[7.0, 7.0]), (vec![2], true));
    }

    fn holds(bounded: Bounded, truth: f64) -> bool {
        (bounded.value - truth).abs()
            <= bounded.relative_error * bounded.value.abs() * (1.0 + 1e-12) + truth.abs() * 1e-12
    }

    proptest! {
        #[test]
        fn estimates_lie_within_their_errors(
            numbers in prop::collection::vec(prop_oneof![-1e6_f64..1e6, 99.0_f64..101.0, Just(0.0)], 1..300),
        ) {
            let (cells, truth) = (estimated(&numbers), exact(&numbers));
            let mut sorted = numbers.clone();
            sorted.sort_by(f64::total_cmp);
            for percent in [1, 5, 10, 25, 50, 75, 90, 95, 99] {
                let wanted = nearest_rank(&sorted, usize::from(percent));
                prop_assert_eq!(truth.percentile(percent).value, wanted + 0.0);
                prop_assert!(holds(cells.percentile(percent), wanted), "{} {:?}", wanted, cells.percentile(percent));
            }
            let median = nearest_rank(&sorted, 50);
            let mut distances: Vec<f64> = numbers.iter().map(|number| (number - median).abs()).collect();
            distances.sort_by(f64::total_cmp);
            let wanted = nearest_rank(&distances, 50);
            let found = truth.median_absolute_deviation(truth.percentile(50)).value;
            prop_assert!((found - wanted).abs() <= 1e-9);
            let said = cells.median_absolute_deviation(cells.percentile(50));
            prop_assert!(holds(said, wanted), "{} {:?}", wanted, said);
            for bound in [-1e5, 0.0, 100.0, 5e5] {
                let below = numbers.iter().filter(|number| **number < bound).count() as u64;
                let above = numbers.iter().filter(|number| **number > bound).count() as u64;
                prop_assert_eq!(truth.below(bound), (below, below));
                prop_assert_eq!(truth.above(bound), (above, above));
                let (least, most) = cells.below(bound);
                prop_assert!(least <= below && below <= most);
                let (least, most) = cells.above(bound);
                prop_assert!(least <= above && above <= most);
            }
            for cells in [&cells, &truth] {
                let (counts, _) = cells.binned(&[-1e6, -10.0, 0.0, 100.0, 1e6]);
                prop_assert_eq!(counts.iter().sum::<u64>(), numbers.len() as u64);
                let edges = cells.decile_edges();
                let (counts, exact) = cells.binned(&edges);
                prop_assert_eq!(counts.iter().sum::<u64>(), numbers.len() as u64);
                prop_assert!(exact && edges.len() <= 11);
            }
        }
    }
}
