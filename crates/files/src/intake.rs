//! Intake: from an upload to Arrow string columns, block by block, with memory bounded whatever the upload claims.
//!
//! Flow: [`Upload::open`] checks names, kinds and caps without unpacking; [`Upload::read`] opens one entry and reads
//! its header; [`Rows::next_block`] (one thread an entry) unpacks and cuts blocks of whole rows; [`Block::tokenize`]
//! (any thread, pure computation) makes columns of them. Values are not trimmed and not typed here.
//!
//! # Encodings
//! A byte order mark decides; without one, NUL bytes at every other place mean UTF-16. Otherwise the first 256 KiB of
//! the entry decide: when they are valid UTF-8 the file is taken as UTF-8, else as Windows-1252. A row of a UTF-8 file
//! that is not valid UTF-8 (deep in the file, say) is read as Windows-1252 on its own and counted
//! ([`RawRows::windows_1252_rows`]), so that the outcome depends on the row alone, never on block size or threads. Rows
//! that hold NUL bytes, lone surrogates or bytes that Windows-1252 does not define are listed in
//! [`RawRows::undecodable`]; in their text a lone surrogate is U+FFFD.
//!
//! # Rows
//! Row numbers are those of the file: the first line is row 1 (normally the header), every further record one more, a
//! blank line too; a newline inside quotes does not count. Blank lines (nothing but spaces) are skipped. The lines of
//! a file end in LF or CRLF, mixed at will, when its first 256 KiB hold an LF outside quotes, else in CR.
//!
//! # Quotes
//! `"` is special only at the start of a value, blanks before it allowed (they are dropped). Inside, `""` stands for
//! `"`. Blanks after the closing quote are dropped when nothing follows them; other text after it is kept as it is,
//! blanks and quotes included. Blanks are spaces, and tabs where they do not part values.
//!
//! # Cost
//! Memory: one pending block and at most twice `line_bytes_max` more for each open entry, and per tokenised block its
//! bytes and 16 bytes a cell. A block is cut so that rows x columns stays within its size in bytes. Time: see
//! `examples/intake_speed.rs`; much of it is first touches of fresh memory, so an allocator that reuses it pays.

mod cut;
mod dialect;
mod scan;
mod source;
mod text;
mod tokenize;
mod upload;
mod views;
mod walk;
mod zip;

pub use cut::{Block, Rows};
pub use dialect::{Assumptions, Delimiter, Encoding, HowKnown, LineEnds};
pub use source::ByteStream;
pub use tokenize::{Projection, RaggedRow, RawRows};
pub use upload::{Entry, EntryKind, Folder, Upload, check_relations, check_zip, file_name, list_folder, open_file};
pub use zip::starts_like_a_zip;

use bordereau_base::refusal::{Refusal, RefusalCode};

/// Why intake cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The upload is not taken; one sentence for its sender. Trying again gives the same.
    #[error("{0}")]
    Refused(Refusal),
    /// Our own disk failed, not the upload. Trying again may help.
    #[error("the upload cannot be read")]
    Io(#[from] std::io::Error),
}

impl IntakeError {
    pub(crate) fn refused(code: RefusalCode, message: impl Into<String>) -> Self {
        Self::Refused(Refusal::new(code, message))
    }
}

/// A name from an upload as it is shown in a sentence: control characters replaced, cut at 200 characters.
pub fn shown(name: &str) -> String {
    name.chars().take(200).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
