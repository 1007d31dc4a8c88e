//! The upload as a list of entries, from whatever it came in.

use super::IntakeError;
use super::cut::Rows;
use bordereau_base::limits::IntakeLimits;
use std::path::{Path, PathBuf};

/// The kind of a delimited file, by its extension in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// Comma separated.
    Csv,
    /// Pipe separated.
    Psv,
    /// Tab separated.
    Tsv,
    /// The delimiter is found.
    Txt,
}

/// One delimited file of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name as uploaded, such as `Insured.csv`.
    pub name: String,
    /// The name without its extension: the relation as written. Compare by [`canonical_name`](super::canonical_name).
    pub stem: String,
    /// The kind by extension.
    pub kind: EntryKind,
    /// Bytes it takes in the upload.
    pub packed_bytes: u64,
    /// Bytes it says it has unpacked; a claim, for progress only.
    pub declared_bytes: u64,
}

/// An upload that was opened: its names, kinds and caps are checked, nothing is unpacked yet. Holds open file handles.
#[derive(Debug)]
pub struct Upload {
    entries: Vec<Entry>,
    notes: Vec<String>,
}

impl Upload {
    /// Opens one zip (known by its content, whatever its name), or one folder, or single delimited files.
    ///
    /// Errors: a [`Refusal`](bordereau_base::refusal::Refusal) for anything wrong with the upload.
    pub fn open(paths: &[PathBuf], limits: &IntakeLimits) -> Result<Upload, IntakeError> {
        let _ = (paths, limits);
        Err(std::io::Error::from(std::io::ErrorKind::Unsupported).into())
    }

    /// The delimited files, in the order of the upload (of their names for a folder).
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What was left aside, one sentence each: warnings for the summary.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Bytes of all entries unpacked, as they claim; for progress only.
    pub fn bytes_total(&self) -> u64 {
        self.entries.iter().fold(0, |sum, entry| sum.saturating_add(entry.declared_bytes))
    }

    /// Opens the entry at `entry` of [`Upload::entries`] and reads its header. Entries may be read on several threads.
    pub fn read(&self, entry: usize) -> Result<Rows, IntakeError> {
        let _ = entry;
        Err(std::io::Error::from(std::io::ErrorKind::Unsupported).into())
    }
}

/// Checks a zip's directory without unpacking it: all that can be answered at once. Cost: reads the directory and the
/// local header of each entry.
pub fn check_zip(path: &Path, limits: &IntakeLimits) -> Result<(), IntakeError> {
    let _ = (path, limits);
    Err(std::io::Error::from(std::io::ErrorKind::Unsupported).into())
}
