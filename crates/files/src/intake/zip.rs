//! The directory of a zip: what can be said of an archive without unpacking it.
//!
//! The directory is read record by record, counted by itself, never by what the archive claims, and given up at the
//! first record over the cap. Names are compared here, so that two entries of one name are both seen. The local header
//! of each entry is read to know where its bytes lie; entries that share bytes are refused. Cost: the directory and 30
//! bytes an entry; memory for `entries_max` names, of 1 KiB each at most.

use super::source::{self, Claim, Packing, Stretch};
use super::upload::{Entry, EntryKind, NamePart};
use super::{IntakeError, shown};
use bordereau_base::limits::IntakeLimits;
use bordereau_base::refusal::RefusalCode;
use rawzip::{
    CompressionMethod, Error, ErrorKind, FileReader, MAX_CENTRAL_DIRECTORY_RECORD_SIZE, ZipArchive,
    ZipArchiveEntryWayfinder, ZipFileHeaderRecord, ZipLocator,
};
use std::fs::File;
use std::io;
use std::sync::Arc;

const NOT_A_ZIP: &str = "error opening zipfile zipfile could not be opened";
const PASSWORD_PROTECTED: &str = "error opening zipfile Password protected zipfile not supported";
const SUBDIRECTORIES: &str = "File contains subdirectories, provide zips with only files";

/// Where an entry's bytes lie and what the directory claims of them.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) stretch: Stretch,
    pub(crate) claim: Claim,
}

/// A zip whose directory was found good.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) entries: Vec<Entry>,
    /// One for each entry.
    pub(crate) members: Vec<Member>,
    pub(crate) notes: Vec<String>,
}

/// Reads and checks the directory of the zip `file`.
pub(crate) fn read_directory(file: File, limits: &IntakeLimits) -> Result<Directory, IntakeError> {
    let mut buffer = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
    let archive = locate(file, &mut buffer)?;
    let listing = list(&archive, &mut buffer, limits)?;
    refuse_by_record(&listing.records)?;
    let entries: Vec<Entry> = listing.records.iter().filter_map(Record::entry).collect();
    super::upload::check_entries(&entries, limits)?;
    entries.iter().try_for_each(|entry| check_ratio(entry, limits))?;
    let ranges = find_bytes(&archive, &listing.records)?;
    let file = Arc::new(archive.into_inner());
    let members = ranges
        .into_iter()
        .zip(&listing.records)
        .map(|((at, end), record)| Member {
            stretch: Stretch { file: Arc::clone(&file), at, end },
            claim: record.claim(),
        })
        .collect();
    Ok(Directory { entries, members, notes: listing.notes })
}

fn not_a_zip() -> IntakeError {
    IntakeError::refused(RefusalCode::NotAZip, NOT_A_ZIP)
}

/// A fault of rawzip's as ours: our disk's, or the archive's, which is then what `otherwise` says. Places beyond the
/// end of a file, and beyond what a file may have, come from an archive that names them.
fn fault(error: Error, otherwise: impl FnOnce() -> IntakeError) -> IntakeError {
    match error.into_kind() {
        ErrorKind::IO(error) if !matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput) => {
            IntakeError::Io(error)
        }
        _ => otherwise(),
    }
}

fn locate(file: File, buffer: &mut [u8]) -> Result<ZipArchive<FileReader>, IntakeError> {
    ZipLocator::new().locate_in_file(file, buffer).map_err(|(file, error)| {
        let nonsense = matches!(error.kind(), ErrorKind::InvalidEndOfCentralDirectory);
        fault(error, || {
            if !nonsense && starts_like_a_zip(&file) {
                let message = "the zip is cut short: its directory, which comes last, is not all there";
                IntakeError::refused(RefusalCode::Truncated, message)
            } else {
                not_a_zip()
            }
        })
    })
}

/// Whether a file begins with the signature of an entry, or of an archive without entries.
pub fn starts_like_a_zip(file: &File) -> bool {
    let mut first = [0; 4];
    let read = match file.try_clone() {
        Ok(file) => rawzip::ReaderAt::read_exact_at(&FileReader::from(file), &mut first, 0),
        Err(error) => Err(error),
    };
    read.is_ok() && matches!(&first, b"PK\x03\x04" | b"PK\x05\x06" | b"PK\x07\x08")
}

/// One record of the directory, as much of it as is needed.
#[derive(Debug)]
struct Record {
    name: String,
    encrypted: bool,
    folder: bool,
    link: bool,
    method: CompressionMethod,
    packed_bytes: u64,
    unpacked_bytes: u64,
    crc: u32,
    local_header_offset: u64,
    wayfinder: ZipArchiveEntryWayfinder,
}

impl Record {
    fn new(name: &str, header: &ZipFileHeaderRecord<'_>) -> Self {
        let flags = header.flags();
        Self {
            name: name.to_owned(),
            encrypted: flags.is_encrypted()
                || flags.has_strong_encryption()
                || flags.is_masked()
                || header.compression_method() == CompressionMethod::AES,
            folder: name.contains(['/', '\\']) || header.is_dir(),
            link: header.mode().is_symlink(),
            method: header.compression_method(),
            packed_bytes: header.compressed_size_hint(),
            unpacked_bytes: header.uncompressed_size_hint(),
            crc: header.crc32(),
            local_header_offset: header.local_header_offset(),
            wayfinder: header.wayfinder(),
        }
    }

    fn packing(&self) -> Option<Packing> {
        match self.method {
            CompressionMethod::STORE => Some(Packing::Stored),
            CompressionMethod::DEFLATE => Some(Packing::Deflated),
            _ => None,
        }
    }

    fn claim(&self) -> Claim {
        Claim {
            packing: self.packing().unwrap_or(Packing::Stored),
            packed_bytes: self.packed_bytes,
            unpacked_bytes: self.unpacked_bytes,
            crc: self.crc,
        }
    }

    /// `None` when the name is not that of a delimited file.
    fn entry(&self) -> Option<Entry> {
        Entry::new(&self.name, self.packed_bytes, self.unpacked_bytes)
    }
}

#[derive(Debug, Default)]
struct Listing {
    records: Vec<Record>,
    notes: Vec<String>,
}

/// Bytes of a name in the directory at most, folders included; few file systems take a name of more than 255. A zip may
/// have 65,535, and a thousand such names would take more memory than all else.
const NAME_BYTES_MAX: usize = 1024;

fn name_too_long() -> IntakeError {
    let message = format!("the zip holds an entry whose name is longer than {NAME_BYTES_MAX} bytes");
    IntakeError::refused(RefusalCode::LimitExceeded, message)
}

fn list(archive: &ZipArchive<FileReader>, buffer: &mut [u8], limits: &IntakeLimits) -> Result<Listing, IntakeError> {
    let mut listing = Listing::default();
    let mut headers = archive.entries(buffer);
    let mut count: u64 = 0;
    while let Some(header) = headers.next_entry().map_err(|error| fault(error, not_a_zip))? {
        count += 1;
        if count > limits.entries_max {
            return Err(super::upload::too_many_entries(limits.entries_max));
        }
        let path = header.file_path();
        if path.as_bytes().len() > NAME_BYTES_MAX {
            return Err(name_too_long());
        }
        let name = String::from_utf8_lossy(path.as_bytes());
        match NamePart::of(&name) {
            NamePart::Ignored => listing.notes.push(super::upload::ignored(&name)),
            NamePart::Name(name) => listing.records.push(Record::new(name, &header)),
        }
    }
    // The count of a zip that is not zip64 has sixteen bits, and some writers let it run over.
    let told = archive.entries_hint();
    if told != count && told != count & 0xffff {
        return Err(not_a_zip());
    }
    Ok(listing)
}

/// Refusals for what a record says it is; the same one whatever the order of the entries.
fn refuse_by_record(records: &[Record]) -> Result<(), IntakeError> {
    if records.iter().any(|record| record.encrypted) {
        return Err(IntakeError::refused(RefusalCode::PasswordProtected, PASSWORD_PROTECTED));
    }
    if records.iter().any(|record| record.folder) {
        return Err(IntakeError::refused(RefusalCode::Subdirectories, SUBDIRECTORIES));
    }
    if let Some(record) = records.iter().find(|record| record.link) {
        let message = format!("{} is a link, not a file", shown(&record.name));
        return Err(IntakeError::refused(RefusalCode::UnknownEntryType, message));
    }
    if let Some(record) = records.iter().find(|record| EntryKind::of(&record.name).is_none()) {
        return Err(super::upload::unknown_type(&record.name));
    }
    if let Some(record) = records.iter().find(|record| record.packing().is_none()) {
        let method = record.method.name().unwrap_or("unknown");
        let message = format!(
            "{} is packed by the method {} ({method}), which is not supported; use deflate, the usual one",
            shown(&record.name),
            record.method.as_u16(),
        );
        return Err(IntakeError::refused(RefusalCode::UnsupportedCompression, message));
    }
    Ok(())
}

/// From here on the ratio of unpacked to packed bytes is judged.
const RATIO_FREE_BYTES: u64 = 16 << 20;

fn check_ratio(entry: &Entry, limits: &IntakeLimits) -> Result<(), IntakeError> {
    let allowed = entry.packed_bytes.saturating_mul(limits.unpack_ratio_max);
    if entry.declared_bytes <= RATIO_FREE_BYTES || entry.declared_bytes <= allowed {
        return Ok(());
    }
    let (name, max) = (shown(&entry.name), limits.unpack_ratio_max);
    let message =
        format!("{name} unpacks to more than {max} bytes for each byte it takes in the zip (unpack_ratio_max)");
    Err(IntakeError::refused(RefusalCode::LimitExceeded, message))
}

/// Where the packed bytes of each record lie: inside the archive, before its directory, shared by no two.
fn find_bytes(archive: &ZipArchive<FileReader>, records: &[Record]) -> Result<Vec<(u64, u64)>, IntakeError> {
    let mut ranges = Vec::with_capacity(records.len());
    let mut spans = Vec::with_capacity(records.len());
    for record in records {
        let cut_short = || source::cut_short(&shown(&record.name));
        let entry = archive.get_entry(record.wayfinder).map_err(|error| fault(error, cut_short))?;
        let (start, end) = entry.compressed_data_range();
        if end > archive.directory_offset() {
            return Err(cut_short());
        }
        ranges.push((start, end));
        spans.push((record.local_header_offset, end, &record.name));
    }
    spans.sort();
    for pair in spans.windows(2) {
        if let [(_, end, first), (start, _, second)] = pair
            && start < end
        {
            let message = format!("{} and {} share bytes of the zip", shown(first), shown(second));
            return Err(IntakeError::refused(RefusalCode::NotAZip, message));
        }
    }
    Ok(ranges)
}
