//! The upload as a list of entries, from whatever it came in: a zip, a folder, single files.
//!
//! Names and kinds are judged here in the same way for all three; what only a zip can have is in `zip`. Opening unpacks
//! nothing. Start with [`Upload::open`].

use super::cut::Rows;
use super::source::{Claim, Source, Stretch};
use super::zip::{self, Member};
use super::{IntakeError, shown};
use bordereau_base::dictionary::canonical_name;
use bordereau_base::limits::IntakeLimits;
use bordereau_base::refusal::RefusalCode;
use rawzip::FileReader;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of a block, unless a caller wants others.
const BLOCK_BYTES: usize = 1 << 20;

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

impl EntryKind {
    /// The kind of the file `name`, `None` when it has no extension of a delimited file.
    pub fn of(name: &str) -> Option<Self> {
        let (_, extension) = name.rsplit_once('.')?;
        match extension.trim_end().to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "psv" => Some(Self::Psv),
            "tsv" => Some(Self::Tsv),
            "txt" => Some(Self::Txt),
            _ => None,
        }
    }
}

/// One delimited file of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name as uploaded, such as `Insured.csv`.
    pub name: String,
    /// The name without its extension: the relation as written. Compare by [`canonical_name`].
    pub stem: String,
    /// The kind by extension.
    pub kind: EntryKind,
    /// Bytes it takes in the upload.
    pub packed_bytes: u64,
    /// Bytes it says it has unpacked; a claim, for progress only.
    pub declared_bytes: u64,
}

impl Entry {
    /// `None` when `name` is not that of a delimited file.
    pub(crate) fn new(name: &str, packed_bytes: u64, declared_bytes: u64) -> Option<Self> {
        let kind = EntryKind::of(name)?;
        let (stem, _) = name.rsplit_once('.')?;
        Some(Self { name: name.to_owned(), stem: stem.to_owned(), kind, packed_bytes, declared_bytes })
    }
}

/// What to make of a name in an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NamePart<'a> {
    /// Made by a tool for itself: `__MACOSX` and dot files.
    Ignored,
    /// The name, without a leading `./`.
    Name(&'a str),
}

impl<'a> NamePart<'a> {
    pub(crate) fn of(path: &'a str) -> Self {
        let mut name = path;
        while let Some(rest) = name.strip_prefix("./") {
            name = rest;
        }
        let (first, below) = name.split_once(['/', '\\']).map_or((name, false), |(first, _)| (first, true));
        if name.is_empty() || first == "__MACOSX" || (!below && first.starts_with('.')) {
            Self::Ignored
        } else {
            Self::Name(name)
        }
    }
}

/// The note for a name that is ignored.
pub(crate) fn ignored(name: &str) -> String {
    format!("{} was ignored: it is not part of the data", shown(name))
}

pub(crate) fn unknown_type(name: &str) -> IntakeError {
    let message = format!("{} is not a csv, psv, tsv or txt file", shown(name));
    IntakeError::refused(RefusalCode::UnknownEntryType, message)
}

pub(crate) fn too_many_entries(entries_max: u64) -> IntakeError {
    let message = format!("the upload has more than {entries_max} entries (entries_max)");
    IntakeError::refused(RefusalCode::LimitExceeded, message)
}

fn too_many_bytes(upload_bytes_max: u64) -> IntakeError {
    let message = format!("the upload has more than {upload_bytes_max} bytes (upload_bytes_max)");
    IntakeError::refused(RefusalCode::LimitExceeded, message)
}

/// What holds of the entries of any upload: there are some, no two are for one relation, none is empty, and all
/// together are within the cap on unpacked bytes.
pub(crate) fn check_entries(entries: &[Entry], limits: &IntakeLimits) -> Result<(), IntakeError> {
    if entries.is_empty() {
        let message = "the upload holds no csv, psv, tsv or txt file";
        return Err(IntakeError::refused(RefusalCode::NoFiles, message));
    }
    check_relations(entries.iter().map(|entry| (entry.name.as_str(), entry.stem.as_str())))?;
    if let Some(entry) = entries.iter().find(|entry| entry.declared_bytes == 0) {
        return Err(empty(&shown(&entry.name)));
    }
    let max = limits.unpacked_bytes_max;
    if bytes_total(entries) > max {
        let message = format!("the files of the upload have more than {max} bytes (unpacked_bytes_max)");
        return Err(IntakeError::refused(RefusalCode::LimitExceeded, message));
    }
    Ok(())
}

/// Refuses two files for one relation, given the name of each file and the relation it is for.
pub fn check_relations<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> Result<(), IntakeError> {
    let mut first_of = HashMap::new();
    for (name, stem) in files {
        if let Some(first) = first_of.insert(canonical_name(stem), name) {
            let message = format!("{} and {} are for the same relation", shown(first), shown(name));
            return Err(IntakeError::refused(RefusalCode::DuplicateRelation, message));
        }
    }
    Ok(())
}

fn bytes_total(entries: &[Entry]) -> u64 {
    entries.iter().fold(0, |sum, entry| sum.saturating_add(entry.declared_bytes))
}

/// `name` is fit to be shown.
pub(crate) fn empty(name: &str) -> IntakeError {
    IntakeError::refused(RefusalCode::EmptyFile, format!("{name} is empty"))
}

/// An upload that was opened: its names, kinds and caps are checked, nothing is unpacked yet. Holds open file handles.
#[derive(Debug)]
pub struct Upload {
    entries: Vec<Entry>,
    notes: Vec<String>,
    /// One for each entry.
    places: Vec<(Stretch, Option<Claim>)>,
    limits: IntakeLimits,
}

impl Upload {
    /// Opens one zip (known by its content, whatever its name), or one folder, or single delimited files.
    ///
    /// Errors: a [`Refusal`](bordereau_base::refusal::Refusal) for anything wrong with the upload.
    pub fn open(paths: &[PathBuf], limits: &IntakeLimits) -> Result<Upload, IntakeError> {
        match paths {
            [folder] if folder.is_dir() => Self::open_folder(folder, limits),
            [file] => {
                let opened = open_file(file)?;
                let delimited = EntryKind::of(&file.to_string_lossy()).is_some();
                if delimited && !zip::starts_like_a_zip(&opened) {
                    Self::open_files(vec![(file_name(file), opened)], Vec::new(), limits)
                } else {
                    Self::open_zip(opened, limits)
                }
            }
            files => {
                let files = files.iter().map(|file| Ok((file_name(file), open_file(file)?)));
                Self::open_files(files.collect::<Result<_, IntakeError>>()?, Vec::new(), limits)
            }
        }
    }

    /// Opens a zip that is open already.
    pub fn open_zip(file: File, limits: &IntakeLimits) -> Result<Self, IntakeError> {
        if file.metadata()?.len() > limits.upload_bytes_max {
            return Err(too_many_bytes(limits.upload_bytes_max));
        }
        let directory = zip::read_directory(file, limits)?;
        let places = directory.members.into_iter().map(|Member { stretch, claim }| (stretch, Some(claim))).collect();
        Ok(Self { entries: directory.entries, notes: directory.notes, places, limits: limits.clone() })
    }

    fn open_folder(folder: &Path, limits: &IntakeLimits) -> Result<Self, IntakeError> {
        let Folder { files, notes } = list_folder(folder, limits)?;
        if let Some(name) = files.iter().map(|file| file_name(file)).find(|name| EntryKind::of(name).is_none()) {
            return Err(unknown_type(&name));
        }
        let files = files.iter().map(|file| Ok((file_name(file), open_file(file)?)));
        let files = files.collect::<Result<_, IntakeError>>()?;
        Self::open_files(files, notes, limits)
    }

    fn open_files(files: Vec<(String, File)>, notes: Vec<String>, limits: &IntakeLimits) -> Result<Self, IntakeError> {
        if files.len() as u64 > limits.entries_max {
            return Err(too_many_entries(limits.entries_max));
        }
        let mut entries = Vec::new();
        let mut places = Vec::new();
        for (name, file) in files {
            let bytes = file.metadata()?.len();
            entries.push(Entry::new(&name, bytes, bytes).ok_or_else(|| unknown_type(&name))?);
            places.push((Stretch { file: Arc::new(FileReader::from(file)), at: 0, end: bytes }, None));
        }
        if bytes_total(&entries) > limits.upload_bytes_max {
            return Err(too_many_bytes(limits.upload_bytes_max));
        }
        check_entries(&entries, limits)?;
        Ok(Self { entries, notes, places, limits: limits.clone() })
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
        bytes_total(&self.entries)
    }

    /// Opens the entry at `entry` of [`Upload::entries`] and reads its header. Entries may be read on several threads.
    pub fn read(&self, entry: usize) -> Result<Rows, IntakeError> {
        self.read_in_blocks(entry, BLOCK_BYTES)
    }

    /// As [`Upload::read`], cutting blocks of about `block_bytes`. The rows are the same for any size.
    pub fn read_in_blocks(&self, entry: usize, block_bytes: usize) -> Result<Rows, IntakeError> {
        let (Some(Entry { name, kind, .. }), Some((stretch, claim))) =
            (self.entries.get(entry), self.places.get(entry))
        else {
            return Err(io::Error::new(io::ErrorKind::NotFound, "no entry of that number").into());
        };
        let source = Source::new(shown(name), stretch.clone(), *claim);
        Rows::open(source, *kind, &self.limits, block_bytes)
    }
}

/// The last part of a path, as a name of an upload.
pub fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// What a folder holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its files, in the order of their names.
    pub files: Vec<PathBuf>,
    /// What was left aside, one sentence each.
    pub notes: Vec<String>,
}

/// Lists a folder; one that holds folders, or too many names, is refused.
pub fn list_folder(folder: &Path, limits: &IntakeLimits) -> Result<Folder, IntakeError> {
    let mut found = Vec::new();
    for item in std::fs::read_dir(folder)? {
        found.push(item?.file_name());
        if found.len() as u64 > limits.entries_max {
            return Err(too_many_entries(limits.entries_max));
        }
    }
    found.sort();
    let mut listed = Folder { files: Vec::new(), notes: Vec::new() };
    for name in found {
        let shown_name = name.to_string_lossy();
        match NamePart::of(&shown_name) {
            NamePart::Ignored => listed.notes.push(ignored(&shown_name)),
            NamePart::Name(_) if folder.join(&name).is_dir() => {
                let message = format!("the folder holds another folder, {}; give only files", shown(&shown_name));
                return Err(IntakeError::refused(RefusalCode::Subdirectories, message));
            }
            NamePart::Name(_) => listed.files.push(folder.join(&name)),
        }
    }
    Ok(listed)
}

/// Opens a regular file; never waits for a pipe.
pub fn open_file(path: &Path) -> Result<File, IntakeError> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    if !std::fs::metadata(path).map_err(named)?.is_file() {
        let message = format!("{} is not a file", shown(&file_name(path)));
        return Err(IntakeError::refused(RefusalCode::UnknownEntryType, message));
    }
    Ok(File::open(path).map_err(named)?)
}

/// Checks a zip's directory without unpacking it: all that can be answered at once. Cost: reads the directory and the
/// local header of each entry.
pub fn check_zip(path: &Path, limits: &IntakeLimits) -> Result<(), IntakeError> {
    Upload::open_zip(open_file(path)?, limits).map(drop)
}
