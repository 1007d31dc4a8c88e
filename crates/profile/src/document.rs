//! The profile as it is handed out: plain data, its JSON is the published format `bordereau-profile/1`.
//!
//! Every number that is not exact carries how far off it may be. Names are those of the JSON; `docs/profile.md` defines
//! each statistic (formula, exact or estimated, error), and `docs/profile.schema.json` is generated from these types.
//! Nothing here computes: profiles are made by the pass, drawn by `bordereau-report`.

mod column;
mod relation;
mod values;

pub use column::{
    BooleanSpelling, CharacterClasses, ColumnProfile, DateStatistics, DateUnit, DecimalStyle, LogicalType,
    NullSpelling, Nulls, NumberStatistics, NumberStyle, PersonalData, PersonalDataKind, Sortedness, StringStatistics,
    TemporalFormat, TypeVotes, Typing,
};
pub use relation::{
    Against, AgainstColumn, AgainstStatus, CandidateKey, Children, Correlations, DuplicateRows, RejectedRows,
    RelationLink, RelationProfile,
};
pub use values::{Alert, Bin, Count, Estimate, Frequent, Histogram, Percentile, Severity, ValueCount};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The name of the format with its version, as it stands in [`Profile::format`].
pub const FORMAT: &str = "bordereau-profile/1";

/// Everything that is known of one upload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Profile {
    /// Always [`FORMAT`].
    pub format: String,
    /// Whether all rows were seen.
    pub state: ProfileState,
    /// Unpacked bytes seen, as a share (0 to 1) of those there are; 1 when `state` is `full`.
    pub share_read: f64,
    /// The upload as a whole.
    pub upload: UploadFacts,
    /// One for each file, in the order of the upload.
    pub relations: Vec<RelationProfile>,
    /// What relations of the upload have to do with each other.
    pub links: Vec<RelationLink>,
    /// How the upload fits solutions, for those that were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub against: Vec<Against>,
    /// Alerts on the upload as a whole; those of relations and columns stand with them.
    pub alerts: Vec<Alert>,
    /// What was computed less exactly than usual, and why; empty for uploads of usual shape.
    pub degraded: Vec<String>,
    /// SHA-256 in hex of this document's JSON without `digest` and `timings`: equal for equal uploads, whatever the
    /// number of threads.
    pub digest: String,
    /// How long it took; the only part that differs between two runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timings: Option<Timings>,
}

/// Whether a profile is of all rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProfileState {
    /// Of the rows seen so far.
    Preliminary,
    /// Of all rows.
    Full,
}

/// The upload as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UploadFacts {
    /// File name of the zip, the folder or the single file; `-` for standard input.
    pub name: String,
    /// Bytes as uploaded (packed).
    pub bytes: u64,
    /// Unpacked bytes of all entries; in a preliminary profile as they claim.
    pub unpacked_bytes: u64,
    /// SHA-256 in hex of what was uploaded (of a folder: of its files' digests in order); absent while preliminary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Names of the entries that were profiled.
    pub entries: Vec<String>,
    /// What was ignored or assumed, one sentence each.
    pub notes: Vec<String>,
}

/// How long it took, wall clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Timings {
    /// Milliseconds from opening the upload to this profile.
    pub elapsed_ms: u64,
    /// Worker threads.
    pub threads: usize,
}
