//! The comparison as it is handed out: plain data, its JSON is the published format `bordereau-comparison/1`.
//!
//! `docs/profile-compare.md` defines every figure and threshold; `docs/comparison.schema.json` is generated from these
//! types.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::document::{LogicalType, ProfileState, ValueCount};

/// The name of the format with its version, as it stands in [`Comparison::format`].
pub const FORMAT: &str = "bordereau-comparison/1";

/// How one upload differs from an earlier one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Always [`FORMAT`].
    pub format: String,
    /// The worst light of all below.
    pub light: Light,
    /// What it comes to, one sentence.
    pub sentence: String,
    /// What was compared with.
    pub old: ComparedUpload,
    /// What was compared.
    pub new: ComparedUpload,
    /// Relations of both, in the order of the old upload.
    pub relations: Vec<RelationComparison>,
    /// Names of relations of the new upload only.
    pub relations_added: Vec<String>,
    /// Names of relations of the old upload only.
    pub relations_removed: Vec<String>,
    /// What was assumed or could not be compared, one sentence each.
    pub notes: Vec<String>,
}

/// One of the two uploads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComparedUpload {
    /// Name of the upload.
    pub name: String,
    /// SHA-256 in hex of what was uploaded, where the profile has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Whether the profile is of all rows.
    pub state: ProfileState,
    /// What was known of it.
    pub basis: Basis,
}

/// What is known of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// The profile with its whole state: values are counted one by one while a column has few enough of them.
    State,
    /// The profile's JSON: the values and bins that it lists.
    Document,
}

/// A traffic light.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Light {
    /// Nothing moved beyond what is usual.
    Green,
    /// Look at it.
    Amber,
    /// Do not use it before somebody has looked.
    Red,
}

/// How a relation differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RelationComparison {
    /// Name in the old upload.
    pub name: String,
    /// Name in the new upload.
    pub new_name: String,
    /// The worst light of its findings and columns.
    pub light: Light,
    /// What it comes to, one sentence.
    pub sentence: String,
    /// Rows of the old upload.
    pub rows_old: u64,
    /// Rows of the new upload.
    pub rows_new: u64,
    /// Columns of the new upload only.
    pub columns_added: Vec<String>,
    /// Columns of the old upload only.
    pub columns_removed: Vec<String>,
    /// Whether the columns of both stand in another order.
    pub columns_reordered: bool,
    /// What is to be said of the relation as a whole, worst first.
    pub findings: Vec<Moved>,
    /// Columns of both, in the order of the old upload.
    pub columns: Vec<ColumnComparison>,
}

/// How a column differs. Parts that do not apply are absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ColumnComparison {
    /// Name in the old upload.
    pub name: String,
    /// The worst light of its findings.
    pub light: Light,
    /// What moved most, one sentence.
    pub sentence: String,
    /// What moved beyond a threshold, worst first.
    pub findings: Vec<Moved>,
    /// Type in the old upload.
    pub type_old: LogicalType,
    /// Type in the new upload.
    pub type_new: LogicalType,
    /// Share of rows without a value, 0 to 1.
    pub nulls_old: f64,
    /// Share of rows without a value, 0 to 1.
    pub nulls_new: f64,
    /// Whether the two shares of nulls differ by more than chance (two-proportion test, level 0.001).
    pub nulls_significant: bool,
    /// The distributions, bin by bin; absent where they are not compared: identifiers, dates, and columns without rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
    /// Of columns of numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<NumberChange>,
    /// Of columns of dates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dates: Option<DateChange>,
    /// Of columns of texts, codes and booleans.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub categories: Option<CategoryChange>,
    /// Masks (`A` upper, `a` lower, `9` digit) that the old upload has not, most frequent first; only where all masks
    /// of the old upload are known.
    pub new_masks: Vec<ValueCount>,
}

/// Something that moved beyond a threshold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Moved {
    /// Stable code, such as `nulls`; `docs/profile-compare.md` lists them all.
    pub code: String,
    /// How much it matters.
    pub light: Light,
    /// One sentence with the figures; never a value of a column that holds personal data.
    pub message: String,
}

/// Two distributions over the same bins. Shares are of all rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Distribution {
    /// What the bins are.
    pub over: BinKind,
    /// The bins; the last two of categories and masks are all others and nulls, the last of deciles is nulls.
    pub bins: Vec<BinShares>,
    /// Population stability index over the bins.
    pub psi: f64,
    /// What the index stays below by chance in 999 of 1,000 pairs of samples of these sizes.
    pub psi_by_chance: f64,
    /// Jensen-Shannon distance to base 2 over the bins, 0 to 1.
    pub js: f64,
    /// Whether all shares are exact. Otherwise they are from histograms, or of values that one profile does not list.
    pub exact: bool,
}

/// What bins are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BinKind {
    /// Tenths of the old upload's numbers.
    Deciles,
    /// The old upload's most frequent values.
    Categories,
    /// The old upload's most frequent masks, for personal data.
    Masks,
}

/// A bin's share of the rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BinShares {
    /// What is in it: a range of numbers, a value, `(other)` or `(null)`.
    pub bin: String,
    /// In the old upload, 0 to 1.
    pub old: f64,
    /// In the new upload.
    pub new: f64,
}

/// How numbers moved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NumberChange {
    /// Kolmogorov-Smirnov distance of the numbers, 0 to 1.
    pub ks: f64,
    /// The true distance is no larger; equal to `ks` when that is exact.
    pub ks_at_most: f64,
    /// What the distance stays below by chance in 999 of 1,000 pairs of samples of these sizes.
    pub ks_by_chance: f64,
    /// Mean of the old upload.
    pub mean_old: f64,
    /// Mean of the new upload.
    pub mean_new: f64,
    /// Change of the mean in standard deviations of the old upload; absent when that is 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_shift: Option<f64>,
    /// Median of the old upload.
    pub median_old: f64,
    /// Median of the new upload.
    pub median_new: f64,
    /// Numbers below the least of the old upload, about.
    pub below_old_min: u64,
    /// Numbers above the greatest of the old upload, about.
    pub above_old_max: u64,
    /// Whether both are exact. Otherwise they are from histograms; that there are none is always exact.
    pub outside_exact: bool,
}

/// How dates moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DateChange {
    /// Earliest and latest of the old upload, ISO 8601; absent for personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range_old: Option<(String, String)>,
    /// Earliest and latest of the new upload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range_new: Option<(String, String)>,
    /// Formats that the old upload has not, with how many values have them.
    pub new_formats: Vec<ValueCount>,
}

/// How categories moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CategoryChange {
    /// Values that the old upload has not, most frequent first, at most 20.
    pub appeared: Vec<ValueCount>,
    /// How many such values there are.
    pub appeared_values: u64,
    /// How many rows have one.
    pub appeared_rows: u64,
    /// Values that the new upload has not, with their count in the old, at most 20.
    pub vanished: Vec<ValueCount>,
    /// How many such values there are.
    pub vanished_values: u64,
    /// How many rows of the old upload have one.
    pub vanished_rows: u64,
    /// Whether all values of both are known. Otherwise only what is certain is listed.
    pub complete: bool,
    /// Whether the values are masks, being personal data.
    pub masked: bool,
}
