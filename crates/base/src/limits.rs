//! Caps on what an upload may ask of us. Each has a default here, once, and a setting of the same name.

use serde::{Deserialize, Serialize};

/// Caps on one upload. Crossing one refuses the upload with a sentence that names the cap and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IntakeLimits {
    /// Bytes of the upload as sent.
    pub upload_bytes_max: u64,
    /// Entries of a zip, ignored ones included.
    pub entries_max: u64,
    /// Bytes of all entries together once unpacked, counted as they are unpacked, whatever the zip declares.
    pub unpacked_bytes_max: u64,
    /// Unpacked bytes for each packed byte of an entry, judged once an entry has given more than 16 MiB.
    pub unpack_ratio_max: u64,
    /// Columns of a relation.
    pub columns_max: usize,
    /// Bytes of one row, its quoted newlines included.
    pub line_bytes_max: usize,
}

impl Default for IntakeLimits {
    fn default() -> Self {
        Self {
            upload_bytes_max: 16 << 30,
            entries_max: 1_000,
            unpacked_bytes_max: 256 << 30,
            unpack_ratio_max: 200,
            columns_max: 10_000,
            line_bytes_max: 16 << 20,
        }
    }
}
