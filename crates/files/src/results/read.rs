//! The rows of a member of a results zip of ours, read as a stream.
//!
//! It reads what [`super::write_zip`], [`super::csv`] and [`super::parquet`] write, and refuses anything else. Memory:
//! a buffer, a row of a CSV or a few thousand rows of a Parquet file, whatever the size of the member.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Take};

use arrow::array::{Array, AsArray, RecordBatch, RecordBatchReader};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use bytes::Bytes;
use flate2::bufread::DeflateDecoder;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use rawzip::{CompressionMethod, RECOMMENDED_BUFFER_SIZE, ZipArchive};

const READ_ROWS: usize = 4_096;

/// Goes through the rows of a member `<stem>.csv` or `<stem>.parquet`.
pub struct MemberRows {
    columns: Vec<String>,
    rows: Rows,
}

enum Rows {
    Csv(CsvReader<BufReader<Unpacked>>),
    Parquet { reader: ParquetRecordBatchReader, batch: Option<RecordBatch>, at: usize },
}

enum Unpacked {
    Stored(BufReader<Take<File>>),
    Deflated(DeflateDecoder<BufReader<Take<File>>>),
}

impl Read for Unpacked {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stored(bytes) => bytes.read(into),
            Self::Deflated(bytes) => bytes.read(into),
        }
    }
}

impl MemberRows {
    /// Opens the member of a zip; none when the zip has none of that name.
    ///
    /// # Errors
    /// When the zip cannot be read, and [`io::ErrorKind::InvalidData`] when it is none of ours.
    pub fn open(mut zip: File, stem: &str) -> io::Result<Option<Self>> {
        let (csv, parquet) = (format!("{stem}.csv"), format!("{stem}.parquet"));
        let Some(found) = find(&zip, &[&csv, &parquet])? else { return Ok(None) };
        if found.name == parquet {
            let section = Section { file: zip, start: found.start, len: found.end - found.start };
            let reader = ParquetRecordBatchReaderBuilder::try_new(section)?.with_batch_size(READ_ROWS).build()?;
            let columns = reader.schema().fields().iter().map(|field| field.name().clone()).collect();
            return Ok(Some(Self { columns, rows: Rows::Parquet { reader, batch: None, at: 0 } }));
        }
        zip.seek(SeekFrom::Start(found.start))?;
        let packed = BufReader::new(zip.take(found.end - found.start));
        let unpacked = match found.deflated {
            true => Unpacked::Deflated(DeflateDecoder::new(packed)),
            false => Unpacked::Stored(packed),
        };
        let mut reader = CsvReader { bytes: BufReader::new(unpacked), line: Vec::new() };
        let mut columns = Vec::new();
        reader.next_row(&mut columns)?;
        Ok(Some(Self { columns, rows: Rows::Csv(reader) }))
    }

    /// Names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Puts the cells of the next row into `row`, missing ones as empty texts; false at the end.
    ///
    /// # Errors
    /// As [`MemberRows::open`].
    pub fn next_row(&mut self, row: &mut Vec<String>) -> io::Result<bool> {
        match &mut self.rows {
            Rows::Csv(reader) => {
                let more = reader.next_row(row)?;
                if more && row.len() != self.columns.len() {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                Ok(more)
            }
            Rows::Parquet { reader, batch, at } => {
                while batch.as_ref().is_none_or(|batch| *at == batch.num_rows()) {
                    let Some(next) = reader.next().transpose().map_err(io::Error::other)? else { return Ok(false) };
                    (*batch, *at) = (Some(texts(&next)?), 0);
                }
                row.clear();
                let columns = batch.iter().flat_map(RecordBatch::columns);
                row.extend(columns.map(|column| {
                    let column = column.as_string::<i32>();
                    if column.is_valid(*at) { column.value(*at).to_owned() } else { String::new() }
                }));
                *at += 1;
                Ok(true)
            }
        }
    }
}

/// The same rows, each column as text.
fn texts(batch: &RecordBatch) -> io::Result<RecordBatch> {
    let schema = batch.schema();
    let columns = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| Ok((field.name(), cast(column, &DataType::Utf8).map_err(io::Error::other)?)));
    RecordBatch::try_from_iter(columns.collect::<io::Result<Vec<_>>>()?).map_err(io::Error::other)
}

/// Where a member's packed bytes lie.
struct Found {
    name: String,
    deflated: bool,
    start: u64,
    end: u64,
}

fn find(zip: &File, names: &[&str]) -> io::Result<Option<Found>> {
    let broken = |error: rawzip::Error| io::Error::new(io::ErrorKind::InvalidData, error);
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let archive = ZipArchive::from_file(zip.try_clone()?, &mut buffer).map_err(broken)?;
    let mut headers = archive.entries(&mut buffer);
    while let Some(header) = headers.next_entry().map_err(broken)? {
        let name = String::from_utf8_lossy(header.file_path().as_ref()).into_owned();
        if names.contains(&name.as_str()) {
            let deflated = header.compression_method() == CompressionMethod::DEFLATE;
            let entry = archive.get_entry(header.wayfinder()).map_err(broken)?;
            let (start, end) = entry.compressed_data_range();
            return Ok(Some(Found { name, deflated, start, end }));
        }
    }
    Ok(None)
}

/// Rows of a CSV as [`super::csv`] writes them: commas, lines that end in LF, quotes where a cell needs them.
struct CsvReader<R> {
    bytes: R,
    line: Vec<u8>,
}

impl<R: BufRead> CsvReader<R> {
    fn next_row(&mut self, row: &mut Vec<String>) -> io::Result<bool> {
        row.clear();
        self.line.clear();
        // A row goes on over lines as long as a quote is open.
        loop {
            let read = self.bytes.read_until(b'\n', &mut self.line)?;
            let quotes = self.line.iter().filter(|byte| **byte == b'"').count();
            if quotes % 2 == 0 {
                break;
            }
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        if self.line.is_empty() {
            return Ok(false);
        }
        if self.line.pop() != Some(b'\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let (mut cell, mut quoted, mut bytes) = (Vec::new(), false, self.line.iter().copied().peekable());
        while let Some(byte) = bytes.next() {
            match byte {
                b'"' if quoted && bytes.next_if_eq(&b'"').is_some() => cell.push(b'"'),
                b'"' => quoted = !quoted,
                b',' if !quoted => row.push(text(&mut cell)?),
                other => cell.push(other),
            }
        }
        row.push(text(&mut cell)?);
        Ok(true)
    }
}

fn text(cell: &mut Vec<u8>) -> io::Result<String> {
    String::from_utf8(std::mem::take(cell)).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// A part of a file as if it were one.
struct Section {
    file: File,
    start: u64,
    len: u64,
}

impl Length for Section {
    fn len(&self) -> u64 {
        self.len
    }
}

impl ChunkReader for Section {
    type T = BufReader<Take<File>>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(self.start + start))?;
        Ok(BufReader::new(file.take(self.len.saturating_sub(start))))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let mut bytes = vec![0; length];
        std::os::unix::fs::FileExt::read_exact_at(&self.file, &mut bytes, self.start + start)?;
        Ok(bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use arrow::array::{ArrayRef, StringViewArray, UInt64Array};

    use super::super::csv::CsvRows;
    use super::super::parquet::ParquetRows;
    use super::super::{Member, Packing, write_zip};
    use super::*;

    const CELLS: [[&str; 2]; 4] = [["plain", "1"], ["with, comma", "2"], ["two\nlines \"quoted\"", "3"], ["", "4"]];

    fn csv(scratch: &Path, packing: Packing) -> Member {
        let mut rows = CsvRows::new();
        for cells in [["name", "row"]].iter().chain(&CELLS) {
            cells.iter().for_each(|cell| rows.text(cell));
            rows.end_row();
        }
        let mut member = Member::create("errors.csv", packing, scratch).unwrap();
        match packing {
            Packing::Deflated => member.append(&rows.into_part()).unwrap(),
            Packing::Stored => {
                member
                    .append_bytes(b"name,row\nplain,1\n\"with, comma\",2\n\"two\nlines \"\"quoted\"\"\",3\n,4\n")
                    .unwrap();
            }
        }
        member
    }

    fn parquet(scratch: &Path) -> Member {
        let names: ArrayRef = Arc::new(StringViewArray::from_iter_values(CELLS.map(|cells| cells[0])));
        let numbers: ArrayRef = Arc::new(UInt64Array::from_iter_values(1..=4));
        let batch = RecordBatch::try_from_iter([("name", names), ("row", numbers)]).unwrap();
        let mut rows = ParquetRows::create("errors.parquet", batch.schema(), scratch).unwrap();
        rows.append(batch).unwrap();
        rows.finish().unwrap()
    }

    #[test]
    fn rows_come_back_as_they_were_written() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("results.zip");
        for at in 0..3 {
            let mut other = Member::create("README.txt", Packing::Deflated, scratch.path()).unwrap();
            other.append_bytes(b"something else").unwrap();
            let member = match at {
                0 => csv(scratch.path(), Packing::Deflated),
                1 => csv(scratch.path(), Packing::Stored),
                _ => parquet(scratch.path()),
            };
            write_zip(File::create(&path).unwrap(), &[other, member]).unwrap();
            let mut rows = MemberRows::open(File::open(&path).unwrap(), "errors").unwrap().unwrap();
            assert_eq!(rows.columns(), ["name", "row"]);
            let mut row = Vec::new();
            for cells in CELLS {
                assert!(rows.next_row(&mut row).unwrap());
                assert_eq!(row, cells);
            }
            assert!(!rows.next_row(&mut row).unwrap());
            assert!(MemberRows::open(File::open(&path).unwrap(), "outputs").unwrap().is_none());
        }
        std::fs::write(&path, b"no zip").unwrap();
        assert!(MemberRows::open(File::open(&path).unwrap(), "errors").is_err());
    }
}
