//! The rows of one relation, in blocks, whatever it is read from.

use super::parquet::{self, Batches, ParquetFile};
use crate::error::Result;
use arrow::array::{RecordBatch, StringViewArray};
use bordereau_files::intake::{Assumptions, Block, Delimiter, Encoding, HowKnown, LineEnds, Projection, RawRows, Rows};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is known of a file before its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// `utf-8`, `utf-16le`, `utf-16be` or `windows-1252`; absent for Parquet.
    pub encoding: Option<String>,
    /// The delimiter; absent for Parquet.
    pub delimiter: Option<String>,
    /// What was assumed, one sentence each.
    pub assumed: Vec<String>,
}

/// Reads one relation, on one thread.
pub struct Reader {
    header: Vec<String>,
    facts: Facts,
    rows: RowSource,
    /// How far the file is read where that cannot be told from the blocks.
    packed_position: Option<Arc<AtomicU64>>,
    position: u64,
}

enum RowSource {
    Text(Box<Rows>),
    Parquet { batches: Batches, bytes: u64, rows: u64 },
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("header", &self.header).field("position", &self.position).finish_non_exhaustive()
    }
}

impl Reader {
    pub(crate) fn of_rows(rows: Rows, packed_position: Option<Arc<AtomicU64>>, assumed: Vec<String>) -> Self {
        let header = rows.header().iter().enumerate().map(|(place, name)| named(name, place)).collect();
        let facts = facts(rows.assumptions(), assumed);
        Self { header, facts, rows: RowSource::Text(Box::new(rows)), packed_position, position: 0 }
    }

    pub(crate) fn of_parquet(file: &ParquetFile) -> Result<Self> {
        let header = file.names().iter().enumerate().map(|(place, name)| named(name, place)).collect();
        let mut assumed = vec!["Parquet: values are taken as their texts, numbers in their shortest form".to_owned()];
        assumed.extend_from_slice(&file.notes);
        let facts = Facts { encoding: None, delimiter: None, assumed };
        let rows = RowSource::Parquet { batches: file.batches()?, bytes: file.bytes, rows: file.rows() };
        Ok(Self { header, facts, rows, packed_position: None, position: 0 })
    }

    /// Names of the columns, trimmed; `column_7` for a column without a name.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// What is known of the file so far.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The next rows, about `block_bytes` of them where they are cut by bytes; none after the last.
    ///
    /// # Errors
    /// A refusal when what is unpacked cannot be read on.
    pub fn next_block(&mut self, block_bytes: usize) -> Result<Option<RawBlock>> {
        match &mut self.rows {
            RowSource::Text(rows) => {
                rows.set_block_bytes(block_bytes);
                let Some(block) = rows.next_block()? else { return Ok(None) };
                self.position = match &self.packed_position {
                    Some(packed) => packed.load(Ordering::Relaxed),
                    None => self.position + block.bytes() as u64,
                };
                Ok(Some(RawBlock::Text { block, columns: self.header.len() }))
            }
            RowSource::Parquet { batches, bytes, rows } => {
                let Some(batch) = batches.next_batch()? else { return Ok(None) };
                let share = batch.num_rows() as f64 / (*rows).max(1) as f64;
                let bytes = (share * *bytes as f64) as u64;
                self.position += bytes;
                Ok(Some(RawBlock::Typed { batch, bytes }))
            }
        }
    }

    /// How far the file is read, in the unit of [`Source::size`](super::Source::size).
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Unpacked bytes read so far.
    pub fn bytes_read(&self) -> u64 {
        match &self.rows {
            RowSource::Text(rows) => rows.bytes_read(),
            RowSource::Parquet { bytes, .. } => *bytes,
        }
    }
}

/// The name of the column at `place`, counted from 0.
fn named(name: &str, place: usize) -> String {
    if name.is_empty() { format!("column_{}", place + 1) } else { name.to_owned() }
}

/// Rows as they were read, not yet taken apart. Owned: send it to any thread.
#[derive(Debug)]
pub enum RawBlock {
    /// Of a delimited file with `columns` columns.
    Text {
        /// The rows as bytes.
        block: Block,
        /// Names in the header.
        columns: usize,
    },
    /// Of a typed file.
    Typed {
        /// The rows.
        batch: RecordBatch,
        /// Its share of the unpacked bytes.
        bytes: u64,
    },
}

/// The rows of a block as text columns.
#[derive(Debug)]
pub struct Table {
    /// In the order of the header; null where a row is too short (or a typed value is missing).
    pub columns: Vec<StringViewArray>,
    /// Rows.
    pub rows: usize,
    /// Row numbers (header = row 1) of rows with too few or too many values, ascending.
    pub ragged: Vec<u64>,
    /// Rows with bytes that are no text.
    pub undecodable: u64,
    /// Rows of a UTF-8 file that were read as Windows-1252.
    pub windows_1252_rows: u64,
}

impl RawBlock {
    /// Unpacked bytes.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Text { block, .. } => block.bytes() as u64,
            Self::Typed { bytes, .. } => *bytes,
        }
    }

    /// Makes columns. Pure computation.
    ///
    /// # Errors
    /// A refusal when a typed value has no text.
    pub fn table(self) -> Result<Table> {
        match self {
            Self::Text { block, columns } => {
                let raw = block.tokenize(&Projection::all(columns))?;
                let rows = raw.len();
                let RawRows { columns, ragged, undecodable, windows_1252_rows, .. } = raw;
                let ragged = ragged.iter().map(|row| row.row).collect();
                Ok(Table { columns, rows, ragged, undecodable: undecodable.len() as u64, windows_1252_rows })
            }
            Self::Typed { batch, .. } => {
                let (columns, rows) = (parquet::texts(&batch)?, batch.num_rows());
                Ok(Table { columns, rows, ragged: Vec::new(), undecodable: 0, windows_1252_rows: 0 })
            }
        }
    }
}

fn facts(found: &Assumptions, mut assumed: Vec<String>) -> Facts {
    let encoding = match found.encoding {
        Encoding::Utf8 => "utf-8",
        Encoding::Utf16Le => "utf-16le",
        Encoding::Utf16Be => "utf-16be",
        Encoding::Windows1252 => "windows-1252",
    };
    let by = |known| match known {
        HowKnown::ByteOrderMark => "by its byte order mark",
        HowKnown::Extension => "by the extension of its name",
        HowKnown::Detected => "by looking at its first rows",
    };
    let (delimiter, shown) = match found.delimiter {
        Delimiter::Comma => (",", "comma"),
        Delimiter::Semicolon => (";", "semicolon"),
        Delimiter::Tab => ("\t", "tab"),
        Delimiter::Pipe => ("|", "pipe"),
    };
    assumed.push(format!("the encoding is {encoding}, {}", by(found.encoding_known_by)));
    assumed.push(format!("the delimiter is the {shown}, {}", by(found.delimiter_known_by)));
    assumed.push("the first row holds the names of the columns".to_owned());
    match found.line_ends {
        LineEnds::Lf | LineEnds::CrLf => {}
        LineEnds::Mixed => assumed.push("lines end in LF and in CR LF, mixed".to_owned()),
        LineEnds::Cr => assumed.push("lines end in CR alone".to_owned()),
        LineEnds::None => assumed.push("no line end was seen in its first bytes; LF is assumed".to_owned()),
    }
    Facts { encoding: Some(encoding.to_owned()), delimiter: Some(delimiter.to_owned()), assumed }
}
