//! Bounds of histograms that a person can read: multiples of 1, 2 or 5 times a power of ten.
//!
//! A bound is the float nearest to its decimal, so `0.3` is written `0.3`. Pure functions of a few numbers; at most
//! [`BINS_MAX`] bins and one for each tail.

/// Most bins of one width; there are at least 16 unless the numbers are whole and few.
pub const BINS_MAX: u64 = 40;
/// How many times wider than its middle part (1st to 99th percentile) a range is for its tails to get bins of their
/// own.
const TAIL_FACTOR: f64 = 5.0;

/// What bounds are made for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The least number.
    pub min: f64,
    /// The greatest number.
    pub max: f64,
    /// The 1st percentile.
    pub low: f64,
    /// The 99th percentile.
    pub high: f64,
    /// Whether all numbers are whole: bins are then at least 1 wide and the greatest number has room in the last.
    pub whole: bool,
}

/// Bounds of bins from `min` or below to `max` or above, strictly ascending; `[min, max]` when both are the same or too
/// close for bounds between them.
///
/// Law: the first bound is at most `min`, the last at least `max`. When the range is more than five times that of the
/// middle 98 %, a side that reaches far out gets one wide bin of its own and the others are of equal width.
pub fn equal_width(range: Range) -> Vec<f64> {
    let Range { min, max, low, high, whole } = range;
    let middle = high - low;
    let wide = middle > 0.0 && (max / TAIL_FACTOR - min / TAIL_FACTOR) > middle;
    let from = if wide && low - min > middle { low } else { min };
    let to = if wide && max - high > middle { high } else { max };
    let mut edges = round_edges(from, to, whole);
    if edges.is_empty() {
        return vec![min, max];
    }
    if edges.first().is_some_and(|first| *first > min) {
        edges.insert(0, min);
    }
    if edges.last().is_some_and(|last| *last < max) {
        edges.push(max);
    }
    edges
}

/// Multiples of one round step from `from` or below to `to` or above; empty when floats are too coarse for them.
fn round_edges(from: f64, to: f64, whole: bool) -> Vec<f64> {
    let width = to / 2.0 - from / 2.0;
    if width.is_nan() || width <= 0.0 || width < from.abs().max(to.abs()) * f64::EPSILON * 64.0 {
        return if whole && from == to && from.abs() < 1e15 { vec![from, from + 1.0] } else { Vec::new() };
    }
    let Some(mut step) = Step::at_least(width / (BINS_MAX as f64 / 2.0), whole) else { return Vec::new() };
    loop {
        if let Some(edges) = step.edges(from, to, whole) {
            return edges;
        }
        match step.next() {
            Some(next) => step = next,
            None => return Vec::new(),
        }
    }
}

/// `digit * 10^exponent`, the digit being 1, 2 or 5.
#[derive(Debug, Clone, Copy)]
struct Step {
    digit: i64,
    exponent: i32,
}

impl Step {
    /// The least step that is no less than `width`, and no less than 1 for whole numbers.
    fn at_least(width: f64, whole: bool) -> Option<Self> {
        let exponent = (width.log10().floor() as i32).max(-323);
        let first = Self { digit: 1, exponent: if whole { exponent.max(0) } else { exponent } };
        let steps = std::iter::successors(Some(first), |step| step.next());
        steps.take(6).find(|step| step.multiple(1).is_some_and(|size| size >= width))
    }

    fn next(&self) -> Option<Self> {
        let next = match self.digit {
            1 => Self { digit: 2, ..*self },
            2 => Self { digit: 5, ..*self },
            _ => Self { digit: 1, exponent: self.exponent + 1 },
        };
        (next.exponent <= 308).then_some(next)
    }

    /// The float nearest to `times` steps; `None` when it is out of range.
    fn multiple(&self, times: i64) -> Option<f64> {
        let number = format!("{}e{}", times.checked_mul(self.digit)?, self.exponent).parse::<f64>().ok()?;
        number.is_finite().then_some(number)
    }

    /// The multiples of this step around `from` and `to`; `None` when there are too many.
    fn edges(&self, from: f64, to: f64, whole: bool) -> Option<Vec<f64>> {
        let size = self.multiple(1)?;
        let (mut first, mut last) = ((from / size).floor() as i64, (to / size).ceil() as i64);
        // Division rounds; the bounds must hold for the multiples themselves.
        while self.multiple(first).is_some_and(|edge| edge > from) {
            first -= 1;
        }
        while self.multiple(last).is_some_and(|edge| edge < to || (whole && edge == to)) {
            last += 1;
        }
        let bins = last.checked_sub(first)?;
        // A multiple beyond the greatest float ends the range there.
        let edge = |times| self.multiple(times).unwrap_or(if times < 0 { f64::MIN } else { f64::MAX });
        let mut edges: Vec<f64> = (bins as u64 <= BINS_MAX).then(|| (first..=last).map(edge).collect())?;
        edges.dedup();
        Some(edges)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn full(min: f64, max: f64, whole: bool) -> Vec<f64> {
        equal_width(Range { min, max, low: min, high: max, whole })
    }

    #[test]
    fn bounds_are_round() {
        assert_eq!(full(0.0, 1.0, false).len(), 21);
        assert_eq!(full(0.0, 1.0, false)[6], 0.3);
        assert_eq!(full(1.0, 5.0, true), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(full(7.0, 7.0, true), [7.0, 8.0]);
        assert_eq!(full(7.5, 7.5, false), [7.5, 7.5]);
        assert_eq!(full(1950.0, 2024.0, true)[..3], [1950.0, 1952.0, 1954.0]);
        assert_eq!(full(-1.2e-7, 3.4e-7, false)[0], -1.2e-7);
    }

    #[test]
    fn extremes_have_bounds() {
        for (min, max) in [(f64::MIN, f64::MAX), (0.0, 5e-324), (1e308, 1.7e308), (1e15, 1e15 + 3.0), (-5e-324, 5e-324)]
        {
            let edges = full(min, max, false);
            assert!(edges.len() >= 2 && edges[0] <= min && edges[edges.len() - 1] >= max, "{min} {max} {edges:?}");
            assert!(edges.iter().all(|edge| edge.is_finite()), "{edges:?}");
        }
    }

    #[test]
    fn far_tails_get_bins_of_their_own() {
        let edges = equal_width(Range { min: 0.0, max: 4e6, low: 10.0, high: 5_000.0, whole: false });
        assert_eq!(edges[edges.len() - 1], 4e6);
        assert_eq!(edges[edges.len() - 2], 5_000.0);
        assert!(edges.len() > 16 && edges[0] == 0.0);
        let both = equal_width(Range { min: -1e9, max: 1e9, low: -1.0, high: 1.0, whole: false });
        assert_eq!((both[0], both[1], both[both.len() - 2]), (-1e9, -1.0, 1.0));
    }

    proptest! {
        #[test]
        fn bounds_ascend_and_cover(
            a in proptest::num::f64::NORMAL | proptest::num::f64::ZERO,
            b in proptest::num::f64::NORMAL,
            low in 0.0_f64..0.5,
            high in 0.5_f64..1.0,
        ) {
            let (min, max) = if a <= b { (a, b) } else { (b, a) };
            let between = |share: f64| (min + (max / 2.0 - min / 2.0) * share * 2.0).clamp(min, max);
            let edges = equal_width(Range { min, max, low: between(low), high: between(high), whole: false });
            prop_assert!(edges.len() as u64 <= BINS_MAX + 3);
            prop_assert!(edges[0] <= min && edges[edges.len() - 1] >= max);
            prop_assert!(edges.windows(2).all(|pair| pair[0] < pair[1]) || min == max || edges.len() == 2);
        }

        #[test]
        fn whole_numbers_have_room(min in -100_000_i64..100_000, width in 0_i64..100_000) {
            let (min, max) = (min as f64, (min + width) as f64);
            let edges = equal_width(Range { min, max, low: min, high: max, whole: true });
            prop_assert!(edges[edges.len() - 1] > max && edges[0] <= min);
            prop_assert!(edges.iter().all(|edge| edge.fract() == 0.0));
        }
    }
}
