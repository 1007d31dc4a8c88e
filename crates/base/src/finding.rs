//! Findings: what is said about a bad row. Bad customer data is never an error of ours, it is data that we return.

use serde::{Deserialize, Serialize};

/// What kind of fault a finding names. The spelling in results, JSON and docs is that of [`FindingCode::as_str`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[repr(u8)]
pub enum FindingCode {
    /// A required value is missing.
    Required,
    /// A value is not of its field's type, or breaks a constraint.
    InvalidInputValue,
    /// The values of a key are repeated.
    UniqueKey,
    /// A child row without its parent, or a parent without a child where one is needed.
    ForeignKey,
    /// A rule between fields does not hold.
    Dependency,
    /// A row has more or fewer values than the header has names.
    RaggedRow,
    /// A row holds bytes that are not text in the encoding of the file.
    Encoding,
}

impl FindingCode {
    /// All codes, in the order in which a row's findings are listed.
    pub const ALL: [FindingCode; 7] = [
        Self::Required,
        Self::InvalidInputValue,
        Self::UniqueKey,
        Self::ForeignKey,
        Self::Dependency,
        Self::RaggedRow,
        Self::Encoding,
    ];

    /// The stable spelling, such as `invalidInputValue`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::InvalidInputValue => "invalidInputValue",
            Self::UniqueKey => "uniqueKey",
            Self::ForeignKey => "foreignKey",
            Self::Dependency => "dependency",
            Self::RaggedRow => "raggedRow",
            Self::Encoding => "encoding",
        }
    }
}

/// Whether a finding keeps its record from being scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Severity {
    /// The record is left out of the scores.
    Error,
    /// The record is scored; an unusable value counts as missing.
    Warning,
}

impl Severity {
    /// The stable spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One fault of one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Row number in the file; the header is row 1.
    pub row: u64,
    /// The field at fault (the first one for a key or rule), absent when the whole row is.
    pub field: Option<String>,
    /// The kind of fault.
    pub code: FindingCode,
    /// Whether the record is left out.
    pub severity: Severity,
    /// The value as uploaded, absent when there is none. Personal data: for results, never for logs.
    pub value: Option<String>,
    /// One sentence for a person, without the value.
    pub message: String,
}
