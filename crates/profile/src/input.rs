//! What is profiled, whatever it comes in: a zip, a folder, files, a file packed by gzip or Zstandard, Parquet,
//! standard input.
//!
//! [`Input::open`] looks at names, first bytes and directories and unpacks nothing. [`Input::read`] opens one relation
//! and reads its header; a [`Reader`] gives its rows in blocks ([`RawBlock`]), on one thread; [`RawBlock::table`] makes
//! text columns of a block, on any thread. What can be wrong with an upload as a whole is a refusal, rows that are not
//! as they should be are counted and never refused.
//!
//! # How a file is known
//! By its first bytes it is a zip, Parquet, or packed by gzip or Zstandard; by its name without `.gz` or `.zst` it is
//! one of the delimited kinds. Standard input has no name: the delimiter is found as in a `.txt`.
//!
//! # Cost
//! One open file for each file of the upload. What is unpacked is counted and held against the caps of
//! [`IntakeLimits`]; memory is that of one block and one decoder for each relation that is being read.

mod digest;
mod packed;
mod parquet;
mod reader;
mod spool;

pub use reader::{Facts, RawBlock, Reader, Table};

use crate::error::{Error, Result};
use bordereau_base::limits::IntakeLimits;
use bordereau_base::refusal::RefusalCode;
use bordereau_files::intake::{
    EntryKind, Folder, Rows, Upload, check_relations, file_name, list_folder, open_file, shown, starts_like_a_zip,
};
use digest::{DigestSlot, HashedFile};
use packed::{Caps, Meter, PackedStream, Packing};
use parquet::ParquetFile;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The path and the name of standard input.
pub const STANDARD_INPUT: &str = "-";

/// The relation that standard input is.
const STANDARD_INPUT_RELATION: &str = "stdin";

/// An upload that was opened: names, kinds and caps are checked, nothing is unpacked yet. Holds open file handles.
#[derive(Debug)]
pub struct Input {
    name: String,
    bytes: u64,
    sources: Vec<Source>,
    zip: Option<Upload>,
    notes: Vec<String>,
    /// The files that were uploaded with their digests: of a zip it alone, else one for each source.
    digests: Vec<(Arc<File>, DigestSlot)>,
    meter: Arc<Meter>,
    limits: IntakeLimits,
}

/// One relation of an upload.
#[derive(Debug)]
pub struct Source {
    /// Name of the relation: that of its file without extensions.
    pub relation: String,
    /// Name of the file, or of the entry of the zip.
    pub file: String,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// The entry of that number, with the bytes it claims.
    Zip {
        entry: usize,
        bytes: u64,
    },
    Delimited {
        file: Arc<File>,
        kind: EntryKind,
        packing: Packing,
        bytes: u64,
    },
    Parquet(Box<ParquetFile>),
}

impl Source {
    /// How large it is in the unit of [`Reader::position`]: bytes unpacked where it says so, else packed.
    pub fn size(&self) -> u64 {
        match &self.place {
            Place::Zip { bytes, .. } | Place::Delimited { bytes, .. } => *bytes,
            Place::Parquet(file) => file.bytes,
        }
    }
}

/// A file of an upload, open, with its name and its digest if that is known already.
struct Opened {
    name: String,
    file: File,
    /// The same file opened once more, to be hashed beside the pass: with a cursor of its own.
    to_hash: File,
    slot: DigestSlot,
}

impl Input {
    /// Opens one zip or folder, or files of any kind, or standard input (`-`), which is kept in an unnamed file in the
    /// folder of temporary files.
    ///
    /// # Errors
    /// [`Error::Refused`] for anything wrong with the upload, [`Error::Io`] when a file cannot be read.
    pub fn open(paths: &[PathBuf], limits: &IntakeLimits) -> Result<Self> {
        if let [path] = paths
            && path.as_os_str() == STANDARD_INPUT
        {
            return Self::from_stream(std::io::stdin().lock(), &std::env::temp_dir(), limits);
        }
        if paths.iter().any(|path| path.as_os_str() == STANDARD_INPUT) {
            let message = "standard input is profiled alone; give no other files with it";
            return Err(Error::refused(RefusalCode::UnknownEntryType, message));
        }
        let (name, paths, notes) = match paths {
            [folder] if folder.is_dir() => {
                let Folder { files, notes } = list_folder(folder, limits)?;
                (folder_name(folder), files, notes)
            }
            [file] => (file_name(file), vec![file.clone()], Vec::new()),
            files => (files.iter().map(|file| file_name(file)).collect::<Vec<_>>().join(", "), files.to_vec(), vec![]),
        };
        if paths.len() as u64 > limits.entries_max {
            let message = format!("the upload has more than {} entries (entries_max)", limits.entries_max);
            return Err(Error::refused(RefusalCode::LimitExceeded, message));
        }
        let open = |path: &PathBuf| {
            let (file, to_hash) = (open_file(path)?, open_file(path)?);
            Ok(Opened { name: file_name(path), file, to_hash, slot: DigestSlot::default() })
        };
        let files = paths.iter().map(open).collect::<Result<Vec<_>>>()?;
        Self::of_files(name, files, notes, limits)
    }

    /// Opens what `stream` gives, once it has ended: it is kept in an unnamed file in the folder `scratch`.
    ///
    /// # Errors
    /// As [`Input::open`]; a refusal when there are more bytes than `upload_bytes_max`.
    pub fn from_stream(stream: impl Read, scratch: &Path, limits: &IntakeLimits) -> Result<Self> {
        let slot = DigestSlot::default();
        let file = spool::keep(stream, scratch, limits.upload_bytes_max, &slot)?;
        let to_hash = file.try_clone()?;
        let opened = Opened { name: STANDARD_INPUT.to_owned(), file, to_hash, slot };
        Self::of_files(STANDARD_INPUT.to_owned(), vec![opened], Vec::new(), limits)
    }

    fn of_files(name: String, files: Vec<Opened>, notes: Vec<String>, limits: &IntakeLimits) -> Result<Self> {
        let bytes = files
            .iter()
            .try_fold(0_u64, |sum, opened| Ok::<_, Error>(sum.saturating_add(opened.file.metadata()?.len())))?;
        if bytes > limits.upload_bytes_max {
            let message = format!("the upload has more than {} bytes (upload_bytes_max)", limits.upload_bytes_max);
            return Err(Error::refused(RefusalCode::LimitExceeded, message));
        }
        let meter = Arc::new(Meter::new(files.len(), limits.unpacked_bytes_max));
        let limits = limits.clone();
        let mut input = Self { name, bytes, sources: Vec::new(), zip: None, notes, digests: Vec::new(), meter, limits };
        match <[Opened; 1]>::try_from(files) {
            Ok([opened]) if starts_like_a_zip(&opened.file) || is_named_zip(&opened.name) => input.add_zip(opened)?,
            Ok([opened]) => input.add_file(opened)?,
            Err(files) => files.into_iter().try_for_each(|opened| input.add_file(opened))?,
        }
        input.check()?;
        Ok(input)
    }

    fn add_zip(&mut self, opened: Opened) -> Result<()> {
        let upload = Upload::open_zip(opened.file, &self.limits)?;
        self.notes.extend_from_slice(upload.notes());
        self.sources = upload
            .entries()
            .iter()
            .enumerate()
            .map(|(entry, of)| Source {
                relation: of.stem.clone(),
                file: of.name.clone(),
                place: Place::Zip { entry, bytes: of.declared_bytes },
            })
            .collect();
        self.zip = Some(upload);
        self.digests.push((Arc::new(opened.to_hash), opened.slot));
        Ok(())
    }

    fn add_file(&mut self, opened: Opened) -> Result<()> {
        let Opened { name, mut file, to_hash, slot } = opened;
        let (first, bytes) = (first_bytes(&mut file)?, file.metadata()?.len());
        if bytes == 0 {
            return Err(Error::refused(RefusalCode::EmptyFile, format!("{} is empty", shown(&name))));
        }
        let (relation, place) = if first == *b"PAR1" {
            let parquet = ParquetFile::open(shown(&name), file, &self.limits)?;
            (without_extension(&name), Place::Parquet(Box::new(parquet)))
        } else {
            let packing = Packing::of(&first);
            let inner = without_packing(&name);
            let kind = if name == STANDARD_INPUT { Some(EntryKind::Txt) } else { EntryKind::of(inner) };
            let kind = kind.ok_or_else(|| unknown_type(&name, packing))?;
            (without_extension(inner), Place::Delimited { file: Arc::new(file), kind, packing, bytes })
        };
        let relation = if name == STANDARD_INPUT { STANDARD_INPUT_RELATION.to_owned() } else { relation };
        self.sources.push(Source { relation, file: name, place });
        self.digests.push((Arc::new(to_hash), slot));
        Ok(())
    }

    fn check(&self) -> Result<()> {
        if self.sources.is_empty() {
            return Err(Error::refused(RefusalCode::NoFiles, "the upload holds no file that can be profiled"));
        }
        check_relations(self.sources.iter().map(|source| (source.file.as_str(), source.relation.as_str())))?;
        let max = self.limits.unpacked_bytes_max;
        if self.sources.iter().fold(0_u64, |sum, source| sum.saturating_add(source.size())) > max {
            let message = format!("the files of the upload have more than {max} bytes (unpacked_bytes_max)");
            return Err(Error::refused(RefusalCode::LimitExceeded, message));
        }
        Ok(())
    }

    /// Calls it `name`, where its path does not say what its sender called it.
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Name of the zip, the folder or the file; the names of several files; `-` for standard input.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes as uploaded.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The relations, in the order of the upload.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// What was left aside, one sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Opens the relation of that number and reads its header. At most one reader of a relation may be read at a time;
    /// readers of different relations may be read on several threads.
    ///
    /// # Errors
    /// A refusal when the header, or the first bytes, are not as they should be.
    pub fn read(&self, source: usize, block_bytes: usize) -> Result<Reader> {
        self.open_reader(source, block_bytes, None)
    }

    /// As [`Input::read`], of the reader that reads all rows, so that it finds out the digest on its way.
    pub(crate) fn read_all(&self, source: usize, block_bytes: usize) -> Result<Reader> {
        let slot = if self.zip.is_some() { None } else { self.digests.get(source).map(|(_, slot)| slot.clone()) };
        self.open_reader(source, block_bytes, slot)
    }

    fn open_reader(&self, number: usize, block_bytes: usize, slot: Option<DigestSlot>) -> Result<Reader> {
        let missing = || std::io::Error::new(std::io::ErrorKind::NotFound, "no relation of that number");
        let source = self.sources.get(number).ok_or_else(missing)?;
        match &source.place {
            Place::Zip { entry, .. } => {
                let upload = self.zip.as_ref().ok_or_else(missing)?;
                Ok(Reader::of_rows(upload.read_in_blocks(*entry, block_bytes)?, None, Vec::new()))
            }
            Place::Delimited { file, kind, packing, bytes } => {
                let slot = slot.filter(|slot| slot.get().is_none());
                let file = HashedFile::open(Arc::clone(file), slot)?;
                let caps = Caps::new(&self.meter, number, *bytes, &self.limits);
                let stream = PackedStream::new(shown(&source.file), file, *packing, caps)?;
                let position = (*packing != Packing::Plain).then(|| stream.position());
                let rows = Rows::of_stream(&source.file, *kind, Box::new(stream), &self.limits, block_bytes)?;
                let assumed = match packing {
                    Packing::Plain => None,
                    Packing::Gzip => Some("packed by gzip, by its first bytes".to_owned()),
                    Packing::Zstd => Some("packed by Zstandard, by its first bytes".to_owned()),
                };
                Ok(Reader::of_rows(rows, position, assumed.into_iter().collect()))
            }
            Place::Parquet(file) => Reader::of_parquet(file),
        }
    }

    /// Finds out the digests that reading all rows does not: of zips and Parquet files. May run beside the pass.
    pub(crate) fn hash_rest(&self, cancelled: &dyn Fn() -> bool) -> Result<()> {
        for (number, (file, slot)) in self.digests.iter().enumerate() {
            let streamed = matches!(self.sources.get(number), Some(Source { place: Place::Delimited { .. }, .. }));
            if self.zip.is_some() || !streamed {
                digest::hash_file(file, slot, cancelled)?;
            }
        }
        Ok(())
    }

    /// SHA-256 of what was uploaded; of several files that of their digests in order. None before all were read.
    pub(crate) fn sha256(&self) -> Option<[u8; 32]> {
        let digests = self.digests.iter().map(|(_, slot)| slot.get().copied()).collect::<Option<Vec<_>>>()?;
        Some(digest::of_all(&digests))
    }
}

fn is_named_zip(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".zip")
}

fn folder_name(folder: &Path) -> String {
    match folder.canonicalize() {
        Ok(whole) if folder.file_name().is_none() => file_name(&whole),
        _ => file_name(folder),
    }
}

/// The first four bytes of a file, fewer as zeros.
fn first_bytes(file: &mut File) -> Result<[u8; 4]> {
    let mut first = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(4).read_to_end(&mut first)?;
    first.resize(4, 0);
    Ok([first[0], first[1], first[2], first[3]])
}

/// A name without the extension that says how the file is packed.
fn without_packing(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((inner, extension)) if ["gz", "zst", "zstd"].contains(&extension.to_ascii_lowercase().as_str()) => inner,
        _ => name,
    }
}

fn without_extension(name: &str) -> String {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned()
}

fn unknown_type(name: &str, packing: Packing) -> Error {
    let name = shown(name);
    let message = match packing {
        Packing::Plain => {
            format!("{name} is not a csv, psv, tsv, txt, parquet or zip file, nor one packed as .gz or .zst")
        }
        Packing::Gzip | Packing::Zstd => {
            format!("{name} does not say what it unpacks to; name it like policies.csv.gz")
        }
    };
    Error::refused(RefusalCode::UnknownEntryType, message)
}
