//! Counts, estimates, values, bins and alerts: what all parts of a profile are made of.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A count that is exact, or an estimate with its error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Count {
    /// The count, or the estimate rounded to a whole number.
    pub value: u64,
    /// Whether `value` is exact.
    pub exact: bool,
    /// Standard error relative to the value, such as 0.008; absent when exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative_error: Option<f64>,
}

/// A number that is exact (to rounding), or an estimate with a bound of its error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// Whether `value` is exact to floating-point rounding.
    pub exact: bool,
    /// The true value lies within this share of `value`; absent when exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative_error: Option<f64>,
}

/// A percentile.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Percentile {
    /// Percent: 1, 5, 10, 25, 50, 75, 90, 95 or 99.
    pub percent: u8,
    /// The smallest value with at least that share of the values at or below it (nearest rank).
    pub value: f64,
    /// Whether `value` is exact.
    pub exact: bool,
    /// The true value lies within this share of `value`; absent when exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative_error: Option<f64>,
}

/// A value and how often it occurs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ValueCount {
    /// The text as uploaded, cut at 200 characters (`…` at its end then), or its mask when it is masked.
    pub value: String,
    /// How often, at least.
    pub count: u64,
    /// It may occur up to this many times more than `count`; 0 when exact.
    pub count_error: u64,
}

/// The most frequent values of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Frequent {
    /// The most frequent, most frequent first, equal counts by value; at most 20.
    pub values: Vec<ValueCount>,
    /// Whether all counts are exact and no other value is more frequent.
    pub exact: bool,
    /// No value that is missing from `values` occurs more often than this; absent when exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed_at_most: Option<u64>,
    /// Whether the values are shown as masks, being personal data.
    pub masked: bool,
}

/// Values counted in bins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Histogram {
    /// In ascending order, without gaps.
    pub bins: Vec<Bin>,
    /// Whether the counts are exact.
    pub exact: bool,
}

/// One bin of a histogram: `from` inclusive, `to` exclusive, but inclusive for the last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bin {
    /// Lower bound: a number, or for dates a text such as `2024-03`.
    pub from: serde_json::Value,
    /// Upper bound.
    pub to: serde_json::Value,
    /// Values in it.
    pub count: u64,
}

/// How much an alert matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Likely to need a look before the data is used.
    Warning,
    /// Likely to give wrong results when used as it is.
    Error,
}

/// Something a reader should look at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Alert {
    /// Stable code, such as `mostly_null`; `docs/alerts.md` lists them all.
    pub code: String,
    /// How much it matters.
    pub severity: Severity,
    /// One sentence with the figures; never a value of a column that holds personal data.
    pub message: String,
}
