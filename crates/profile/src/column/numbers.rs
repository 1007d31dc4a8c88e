//! Statistics of the values of a column that are numbers, in one reading.

use bordereau_sketch::moments::Moments;
use bordereau_sketch::quantiles::LogHistogram;
use bordereau_sketch::sum::ExactSum;

/// Numbers, infinities and NaN apart. Everything is exact and independent of the order, but the last bits of the
/// moments; `histogram` states its own error.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NumberState {
    /// Values.
    pub(crate) count: u64,
    /// The least; `INFINITY` without values. A zero is never negative here.
    pub(crate) min: f64,
    /// The greatest; `NEG_INFINITY` without values.
    pub(crate) max: f64,
    /// Zeros of either sign.
    pub(crate) zeros: u64,
    /// Of those, the ones written with a minus sign.
    pub(crate) negative_zeros: u64,
    /// Values below zero.
    pub(crate) negatives: u64,
    /// Most digits after the decimal character; of `1.5e-3` the digits of `1.5`.
    pub(crate) decimals_max: u32,
    /// Their sum.
    pub(crate) sum: ExactSum,
    /// Mean and central moments.
    pub(crate) moments: Moments,
    /// For percentiles beyond the exact counts of [`ColumnState::frequent`](super::ColumnState).
    pub(crate) histogram: LogHistogram,
}

impl NumberState {
    /// No numbers yet.
    pub(crate) fn new(buckets_max: u32) -> Self {
        Self {
            count: 0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            zeros: 0,
            negative_zeros: 0,
            negatives: 0,
            decimals_max: 0,
            sum: ExactSum::default(),
            moments: Moments::default(),
            histogram: LogHistogram::new(buckets_max),
        }
    }
}

/// How numbers are written. Counts of values, of which one may count for several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NumberStyles {
    /// A character between groups of digits, the ambiguous ones included.
    pub(crate) grouped: u64,
    /// A decimal comma, the ambiguous ones not included.
    pub(crate) decimal_comma: u64,
    /// A decimal point.
    pub(crate) decimal_point: u64,
    /// `1,234`: one comma, one to three digits before it and three after.
    pub(crate) ambiguous_comma: u64,
    /// A currency sign or code; which ones is in [`ColumnState::currency_signs`](super::ColumnState).
    pub(crate) currency: u64,
    /// A percent sign; the number is as written, not divided by 100.
    pub(crate) percent: u64,
    /// Parentheses, which make it negative.
    pub(crate) parentheses: u64,
    /// An exponent.
    pub(crate) exponent: u64,
}
