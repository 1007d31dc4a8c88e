//! Refusals: why an upload or a batch as a whole is not taken. Rows are never refused, they get findings.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What kind of refusal; stable, for programs. The sentence of a [`Refusal`] is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RefusalCode {
    /// The bytes are not a zip archive.
    NotAZip,
    /// An entry of the zip is encrypted.
    PasswordProtected,
    /// The zip holds folders.
    Subdirectories,
    /// An entry is not csv, psv, tsv or txt.
    UnknownEntryType,
    /// An entry is packed by a method other than stored or deflated.
    UnsupportedCompression,
    /// The zip ends before its entries do.
    Truncated,
    /// An entry's bytes do not have the checksum the zip states.
    WrongChecksum,
    /// The zip holds no delimited file at all.
    NoFiles,
    /// Two entries are for the same relation.
    DuplicateRelation,
    /// An entry is for no relation of the solution.
    UnknownRelation,
    /// A required relation has no entry.
    MissingRelation,
    /// A file has no bytes, or no header row.
    EmptyFile,
    /// A header names a column twice.
    DuplicateColumn,
    /// A required column is not in the header.
    MissingColumn,
    /// A header names a column that a relation with `fieldsMatch: exact` does not have, or not in that place.
    UnexpectedColumn,
    /// A file's bytes are not text in any encoding that is read.
    UnreadableText,
    /// A quoted value is opened and never closed.
    UnclosedQuote,
    /// A cap of [`crate::limits::IntakeLimits`] was crossed.
    LimitExceeded,
}

/// Why an upload or a batch is not taken: one clear report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The kind of refusal.
    pub code: RefusalCode,
    /// One sentence that names the file and column, never a cell's value.
    pub message: String,
}

impl Refusal {
    /// A refusal of the kind `code`, said in the sentence `message`.
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}
