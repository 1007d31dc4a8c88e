//! Cutting: from the bytes of one entry to blocks of whole rows, on one thread.
//!
//! Only the ends of rows are looked for here, quotes and newlines and nothing else, so that one thread keeps several
//! tokenising ones busy. Rows are counted, so each block knows the number of its first row. Memory: the bytes of one
//! pending block, and while a row is longer than that, at most `line_bytes_max` (and the room that a growing buffer
//! takes).

use super::dialect::{Assumptions, Dialect, Encoding};
use super::source::{ByteStream, Source};
use super::text::{self, Opened, TextSource};
use super::tokenize::{self, Projection, RawRows};
use super::upload::{self, EntryKind};
use super::views::SLACK;
use super::walk::{self, RowScan, Syntax};
use super::{IntakeError, shown};
use bordereau_base::dictionary::canonical_name;
use bordereau_base::limits::IntakeLimits;
use bordereau_base::refusal::{Refusal, RefusalCode};
use std::collections::HashMap;

/// Bytes that are read at least at a time.
const READ_BYTES: usize = 64 << 10;

/// No row and no block is cut longer, whatever the settings say: the text of a block must stay below 2 GiB, which is
/// what views can point into, also when Windows-1252 grows threefold as UTF-8.
const BLOCK_BYTES_CEILING: usize = 256 << 20;

/// The rows of one entry, cut into blocks on one thread.
#[derive(Debug)]
pub struct Rows {
    header: Vec<String>,
    assumptions: Assumptions,
    cutter: Cutter,
    block_bytes: usize,
    refused: Option<Refusal>,
}

impl Rows {
    /// Reads the header of a file `name` of the given kind whose bytes `stream` gives, cutting blocks of about
    /// `block_bytes`. Of `limits` those on rows and columns hold here; those on bytes are up to the stream.
    pub fn of_stream(
        name: &str,
        kind: EntryKind,
        stream: Box<dyn ByteStream>,
        limits: &IntakeLimits,
        block_bytes: usize,
    ) -> Result<Self, IntakeError> {
        Self::open(Source::given(shown(name), stream), kind, limits, block_bytes)
    }

    /// Reads the header of an entry.
    pub(crate) fn open(
        source: Source,
        kind: EntryKind,
        limits: &IntakeLimits,
        block_bytes: usize,
    ) -> Result<Self, IntakeError> {
        let opened = TextSource::open(source)?;
        let dialect = Dialect::find(kind, &opened.window, opened.whole);
        let mut assumptions = Assumptions {
            encoding: opened.encoding,
            encoding_known_by: opened.known_by,
            byte_order_mark: opened.byte_order_mark,
            delimiter: dialect.delimiter,
            delimiter_known_by: dialect.known_by,
            line_ends: dialect.line_ends,
            windows_1252_rows: 0,
        };
        let mut cutter = Cutter::new(opened, dialect.syntax(), limits.line_bytes_max.min(BLOCK_BYTES_CEILING));
        let (header, windows_1252) = cutter.read_header(limits.columns_max)?;
        assumptions.windows_1252_rows = u64::from(windows_1252);
        let mut rows = Self { header, assumptions, cutter, block_bytes, refused: None };
        rows.set_block_bytes(block_bytes);
        Ok(rows)
    }

    /// From the next block on, cuts blocks of about `block_bytes`. The rows are the same for any size.
    pub fn set_block_bytes(&mut self, block_bytes: usize) {
        self.block_bytes = block_bytes.clamp(1, BLOCK_BYTES_CEILING);
    }

    /// The names in the header, trimmed, as written. At least one; no two compare equal (empty ones aside).
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// What is assumed of the file.
    pub fn assumptions(&self) -> &Assumptions {
        &self.assumptions
    }

    /// The next block of whole rows, `None` after the last. After a refusal, the same one again.
    pub fn next_block(&mut self) -> Result<Option<Block>, IntakeError> {
        if let Some(refusal) = &self.refused {
            return Err(IntakeError::Refused(refusal.clone()));
        }
        let rows_max = (self.block_bytes / self.header.len()).max(1) as u64;
        let cut = self.cutter.next(self.block_bytes, rows_max);
        if let Err(IntakeError::Refused(refusal)) = &cut {
            self.refused = Some(refusal.clone());
        }
        Ok(cut?.map(|cut| Block { cut, columns: self.header.len(), encoding: self.assumptions.encoding }))
    }

    /// Unpacked bytes read so far, for progress.
    pub fn bytes_read(&self) -> u64 {
        self.cutter.text.bytes()
    }
}

/// Whole rows of a file as bytes, not yet tokenised. Owned: send it to any thread.
#[derive(Debug)]
pub struct Block {
    cut: Cut,
    columns: usize,
    encoding: Encoding,
}

impl Block {
    /// Makes columns of the block. Pure computation.
    pub fn tokenize(self, columns: &Projection) -> Result<RawRows, IntakeError> {
        let Cut { bytes, first_row, rows, syntax } = self.cut;
        let decoded = text::decode(bytes, self.encoding, syntax);
        Ok(tokenize::tokenize(decoded, syntax, first_row, rows, self.columns, columns))
    }

    /// Bytes of the rows.
    pub fn bytes(&self) -> usize {
        self.cut.bytes.len()
    }
}

/// Rows cut off a file, each with its line end, also the last of the file.
#[derive(Debug)]
struct Cut {
    bytes: Vec<u8>,
    /// Row number of the first row.
    first_row: u64,
    /// How many, blank ones included.
    rows: u64,
    syntax: Syntax,
}

#[derive(Debug)]
struct Cutter {
    text: TextSource,
    encoding: Encoding,
    syntax: Syntax,
    line_bytes_max: usize,
    /// Bytes read and not yet cut off, from `start` on.
    pending: Vec<u8>,
    start: usize,
    /// The rows found so far after `start`: how many, and where the last of them ends.
    rows: u64,
    end: usize,
    scan: RowScan,
    /// Row number of the row at `start`.
    row: u64,
    ended: bool,
}

impl Cutter {
    fn new(opened: Opened, syntax: Syntax, line_bytes_max: usize) -> Self {
        Self {
            text: opened.text,
            encoding: opened.encoding,
            syntax,
            line_bytes_max,
            pending: opened.window,
            start: 0,
            rows: 0,
            end: 0,
            scan: RowScan::default(),
            row: 1,
            ended: false,
        }
    }

    /// Cuts off about `bytes_wanted`, at most `rows_max` rows; `None` at the end of the file.
    fn next(&mut self, bytes_wanted: usize, rows_max: u64) -> Result<Option<Cut>, IntakeError> {
        loop {
            let full = self.find_rows(bytes_wanted, rows_max)?;
            if full || (self.rows > 0 && (self.ended || self.pending.len() - self.start >= bytes_wanted)) {
                return Ok(Some(self.cut_off(bytes_wanted)));
            }
            if self.ended {
                return if self.end == self.pending.len() { Ok(None) } else { Err(self.unclosed_quote()) };
            }
            self.read_more(bytes_wanted)?;
        }
    }

    /// Finds ends of rows in what is pending; true when there are enough for a block.
    fn find_rows(&mut self, bytes_wanted: usize, rows_max: u64) -> Result<bool, IntakeError> {
        loop {
            if self.rows == rows_max || self.end - self.start >= bytes_wanted {
                return Ok(true);
            }
            let found = self.scan.row_end(&self.pending, self.end, self.syntax);
            let row_bytes = found.map_or(self.pending.len(), |end| end - 1) - self.end;
            if row_bytes > self.line_bytes_max {
                return Err(self.line_too_long());
            }
            let Some(end) = found else { return Ok(false) };
            self.rows += 1;
            self.end = end;
        }
    }

    fn read_more(&mut self, bytes_wanted: usize) -> Result<(), IntakeError> {
        self.pending.drain(..self.start);
        self.end -= self.start;
        self.scan.at -= self.start;
        self.start = 0;
        let room = bytes_wanted.saturating_sub(self.pending.len()).max(READ_BYTES);
        self.pending.reserve(room + SLACK);
        if !self.text.append(&mut self.pending, room)? {
            self.ended = true;
            if self.end < self.pending.len() {
                self.pending.push(self.syntax.newline);
            }
        }
        Ok(())
    }

    fn cut_off(&mut self, bytes_wanted: usize) -> Cut {
        let bytes = if self.end - self.start > self.pending.len() - self.end {
            let mut rest = Vec::with_capacity(self.pending.len() - self.end + bytes_wanted + READ_BYTES + SLACK);
            rest.extend_from_slice(&self.pending[self.end..]);
            let mut bytes = std::mem::replace(&mut self.pending, rest);
            bytes.truncate(self.end);
            bytes.drain(..self.start);
            self.scan.at -= self.end;
            (self.start, self.end) = (0, 0);
            bytes
        } else {
            let mut bytes = Vec::with_capacity(self.end - self.start + SLACK);
            bytes.extend_from_slice(&self.pending[self.start..self.end]);
            self.start = self.end;
            bytes
        };
        let cut = Cut { bytes, first_row: self.row, rows: self.rows, syntax: self.syntax };
        self.row += self.rows;
        self.rows = 0;
        cut
    }

    /// Reads on to the first row that is not blank: its names, and whether it was read as Windows-1252 in a UTF-8 file.
    fn read_header(&mut self, columns_max: usize) -> Result<(Vec<String>, bool), IntakeError> {
        let name = self.text.name().to_owned();
        loop {
            let Some(Cut { bytes: row, .. }) = self.next(1, 1)? else {
                return Err(if self.row > 1 { no_header(&name) } else { upload::empty(&name) });
            };
            let row = self.syntax.without_line_end(&row);
            if self.syntax.all_blank(row) {
                continue;
            }
            if walk::count_values(row, self.syntax) > columns_max {
                let message = format!("the header of {name} names more than {columns_max} columns (columns_max)");
                return Err(IntakeError::refused(RefusalCode::LimitExceeded, message));
            }
            let (row, windows_1252) = text::decode_header(&name, row, self.encoding, self.syntax)?;
            return Ok((header(&name, &row, self.syntax)?, windows_1252));
        }
    }

    fn line_too_long(&self) -> IntakeError {
        let (name, row, max) = (self.text.name(), self.row + self.rows, self.line_bytes_max);
        // Judged at the cap: how much more of the row is pending depends on how it was read.
        let allowed = &self.pending[self.end..self.end + max];
        let mut scan = RowScan::default();
        scan.row_end(allowed, 0, self.syntax);
        let hint = if scan.quoted { "; it may hold a quote that is never closed" } else { "" };
        let message = format!("row {row} of {name} is longer than {max} bytes (line_bytes_max){hint}");
        IntakeError::refused(RefusalCode::LimitExceeded, message)
    }

    fn unclosed_quote(&self) -> IntakeError {
        let (name, row) = (self.text.name(), self.row + self.rows);
        IntakeError::refused(RefusalCode::UnclosedQuote, format!("a quote in row {row} of {name} is never closed"))
    }
}

/// The names of a header row.
fn header(name: &str, row: &str, syntax: Syntax) -> Result<Vec<String>, IntakeError> {
    let names: Vec<String> = walk::values(row, syntax).iter().map(|name| name.trim().to_owned()).collect();
    let mut written = HashMap::new();
    for column in names.iter().filter(|column| !column.is_empty()) {
        if let Some(first) = written.insert(canonical_name(column), column) {
            let (first, second) = (shown(first), shown(column));
            let message = if first == second {
                format!("the header of {name} names the column {first} twice")
            } else {
                format!("the header of {name} names one column twice, as {first} and as {second}")
            };
            return Err(IntakeError::refused(RefusalCode::DuplicateColumn, message));
        }
    }
    if written.is_empty() { Err(no_header(name)) } else { Ok(names) }
}

fn no_header(name: &str) -> IntakeError {
    IntakeError::refused(RefusalCode::EmptyFile, format!("{name} has no header row that names its columns"))
}
