//! What is known of a relation, of two together, and of an upload against a solution.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Alert, ColumnProfile, Count};

/// Everything that is known of one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RelationProfile {
    /// Name of the relation: the file's name without its extension.
    pub name: String,
    /// Name of the file.
    pub file: String,
    /// Unpacked bytes read.
    pub bytes: u64,
    /// Rows seen, without the header.
    pub rows: u64,
    /// `utf-8`, `utf-16le`, `utf-16be`, `windows-1252`; absent for Parquet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// The delimiter; absent for Parquet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    /// What was assumed of the file and how that is known, one sentence each.
    pub assumed: Vec<String>,
    /// Rows with fewer or more values than the header.
    pub ragged_rows: u64,
    /// Row numbers (header = row 1) of the first of them, at most 10.
    pub ragged_examples: Vec<u64>,
    /// Rows with bytes that are no text.
    pub undecodable_rows: u64,
    /// Rows that are the same as an earlier row, all values compared.
    pub duplicate_rows: DuplicateRows,
    /// Columns without any value.
    pub empty_columns: Vec<String>,
    /// Sets of columns that name a row.
    pub candidate_keys: Vec<CandidateKey>,
    /// Pearson's correlation of pairs of numeric columns; absent when there are fewer than two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlations: Option<Correlations>,
    /// In the order of the file.
    pub columns: Vec<ColumnProfile>,
    /// Alerts on the relation as a whole.
    pub alerts: Vec<Alert>,
}

/// Rows that repeat an earlier one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DuplicateRows {
    /// Rows less distinct rows.
    pub count: Count,
}

/// Columns whose values together name a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CandidateKey {
    /// Names of the columns; no part of them is enough.
    pub columns: Vec<String>,
    /// Whether all rows were compared. Otherwise no repeat was seen in a sample by hash.
    pub exact: bool,
}

/// Pearson's correlation coefficients, over the rows where both columns have a number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Correlations {
    /// Names of the columns, in the order of the file; a bounded number of them.
    pub columns: Vec<String>,
    /// Symmetric, row by row; null where it is not defined (a constant, or fewer than two common rows).
    pub pearson: Vec<Vec<Option<f64>>>,
    /// Numeric columns that were left out: there are too many, or their decimal comma was known too late.
    pub left_out: Vec<String>,
}

/// What two relations of an upload have in common.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RelationLink {
    /// The relation whose rows are named once.
    pub parent: String,
    /// The relation whose rows refer to them.
    pub child: String,
    /// The columns they share, by name in the parent.
    pub columns: Vec<String>,
    /// The same columns as the child names them.
    pub child_columns: Vec<String>,
    /// Whether every combination of their values occurs once in the parent.
    pub parent_is_unique: bool,
    /// Rows of the child whose combination no row of the parent has.
    pub orphans: Count,
    /// Rows of the parent without any row of the child.
    pub childless: Count,
    /// Rows of the child for each row of the parent.
    pub children: Children,
}

/// How many children parents have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Children {
    /// The fewest.
    pub min: u64,
    /// The mean.
    pub mean: f64,
    /// The most.
    pub max: u64,
    /// Parents with exactly `children` children, ascending; the last pair counts all from there on.
    pub distribution: Vec<(u64, u64)>,
    /// Whether all parents were looked at, or a sample of them by hash.
    pub exact: bool,
}

/// How an upload fits a solution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Against {
    /// The solution.
    pub solution: String,
    /// What would be asked of it.
    pub submission: String,
    /// The release it was held against.
    pub release: String,
    /// Whether the upload would be accepted, with at least one record to score.
    pub fits: bool,
    /// Why it would be refused as a whole, one sentence; absent when it would not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// Column by column, fields of the dictionary first, then columns it does not know.
    pub columns: Vec<AgainstColumn>,
    /// Records of the upload; 0 when they could not be read.
    pub records_read: u64,
    /// Records that would be scored; 0 when the upload would be refused.
    pub records_accepted: u64,
    /// The others.
    pub records_rejected: u64,
    /// Why records are left out: rows by error code, relation, field and reason, most first.
    pub rejected_rows: Vec<RejectedRows>,
    /// Rows whose findings are warnings: they are scored, and the value counts as missing. By the same, most first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warned_rows: Vec<RejectedRows>,
}

/// One column or field against the dictionary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgainstColumn {
    /// The relation, as the dictionary or the upload names it.
    pub relation: String,
    /// The field or column.
    pub name: String,
    /// How it fits.
    pub status: AgainstStatus,
    /// Type and constraints the dictionary asks for, in words; empty for an unknown column.
    pub expected: String,
    /// Values that break the type or a constraint of the field, also where that is a warning. What rules between
    /// fields, keys of several fields and references find stands in `rejected_rows` only.
    pub values_rejected: u64,
}

/// How a column fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgainstStatus {
    /// All values do.
    Fits,
    /// Some values do not.
    SomeRejected,
    /// The field has no column; it may be absent.
    Absent,
    /// The field has no column and is required.
    Missing,
    /// The column is no field; it is ignored, or `refusal` says that it may not be there.
    Unknown,
    /// The file could not be read as rows, so its values are not known.
    NotChecked,
}

/// Findings with the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RejectedRows {
    /// Error code, such as `invalidInputValue`.
    pub code: String,
    /// The relation.
    pub relation: String,
    /// The field, the first one of a key or a rule between fields; empty when the whole row is at fault.
    pub field: String,
    /// The sentence of the reason, without the value.
    pub reason: String,
    /// Rows with this finding. A row may have several findings and is counted with each.
    pub rows: u64,
}
