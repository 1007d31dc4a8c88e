//! Members with rows of the results zip, as CSV or as Parquet.
//!
//! Workers turn a batch into a [`Chunk`] (for CSV that is nearly all the work: text and deflate), one thread appends
//! the chunks in order. Both formats have the same columns under the same names. Columns are texts (`Utf8View`),
//! numbers (`Float64`) and whole numbers (`Int64`, `UInt64`); null is an empty cell of a CSV.

use std::io::Read;
use std::path::Path;

use arrow::array::{Array, AsArray, Float64Array, Int64Array, RecordBatch, StringViewArray, UInt64Array};
use arrow::datatypes::{DataType, Float64Type, Int64Type, SchemaRef, UInt64Type};
use bordereau_files::results::csv::CsvRows;
use bordereau_files::results::parquet::ParquetRows;
use bordereau_files::results::{Member, MemberLengths, Packing, Part};

use crate::batch::ResultFormat;
use crate::error::{Error, Result};

/// Bytes of CSV expected for a cell, to size buffers.
const CELL_BYTES: usize = 12;

/// Rows made ready to be appended.
#[derive(Debug)]
pub enum Chunk {
    /// Lines of CSV, deflated, and how many there are.
    Csv(Part, u64),
    /// Rows as they are; a Parquet file is encoded in one go.
    Parquet(RecordBatch),
}

impl Chunk {
    /// Makes rows ready; the costly part, for any thread.
    ///
    /// # Errors
    /// When a column is of another type than tables have.
    pub fn new(batch: RecordBatch, format: ResultFormat) -> Result<Self> {
        match format {
            ResultFormat::Csv => Ok(Self::Csv(csv(&batch)?.into_part(), batch.num_rows() as u64)),
            ResultFormat::Parquet => Ok(Self::Parquet(batch)),
        }
    }
}

enum Cells<'a> {
    Text(&'a StringViewArray),
    Number(&'a Float64Array),
    Whole(&'a Int64Array),
    Count(&'a UInt64Array),
}

impl Cells<'_> {
    fn write(&self, row: usize, rows: &mut CsvRows) {
        match self {
            Self::Text(column) if column.is_valid(row) => rows.text(column.value(row)),
            Self::Number(column) if column.is_valid(row) => rows.number(column.value(row)),
            Self::Whole(column) if column.is_valid(row) => rows.integer(column.value(row)),
            Self::Count(column) if column.is_valid(row) => rows.count(column.value(row)),
            _ => rows.missing(),
        }
    }
}

fn csv(batch: &RecordBatch) -> Result<CsvRows> {
    let cells = batch.columns().iter().map(|column| match column.data_type() {
        DataType::Utf8View => Ok(Cells::Text(column.as_string_view())),
        DataType::Float64 => Ok(Cells::Number(column.as_primitive::<Float64Type>())),
        DataType::Int64 => Ok(Cells::Whole(column.as_primitive::<Int64Type>())),
        DataType::UInt64 => Ok(Cells::Count(column.as_primitive::<UInt64Type>())),
        other => Err(Error::Arrow(arrow::error::ArrowError::NotYetImplemented(format!("{other} in results")))),
    });
    let cells: Vec<_> = cells.collect::<Result<_>>()?;
    let mut rows = CsvRows::with_capacity(batch.num_rows() * cells.len() * CELL_BYTES);
    for row in 0..batch.num_rows() {
        cells.iter().for_each(|cell| cell.write(row, &mut rows));
        rows.end_row();
    }
    Ok(rows)
}

/// A member in the making.
#[derive(Debug)]
pub enum Table {
    /// A CSV with its header written.
    Csv(Member),
    /// A Parquet file.
    Parquet(Box<ParquetRows>),
}

impl Table {
    /// An empty member `<stem>.csv` or `<stem>.parquet`, spooled in the folder `scratch`.
    ///
    /// # Errors
    /// When the spool cannot be made or written.
    pub fn create(stem: &str, schema: &SchemaRef, format: ResultFormat, scratch: &Path) -> Result<Self> {
        let name = member_name(stem, format);
        match format {
            ResultFormat::Parquet => {
                Ok(Self::Parquet(Box::new(ParquetRows::create(&name, SchemaRef::clone(schema), scratch)?)))
            }
            ResultFormat::Csv => {
                let mut member = Member::create(&name, Packing::Deflated, scratch)?;
                let mut header = CsvRows::new();
                schema.fields().iter().for_each(|field| header.text(field.name()));
                header.end_row();
                member.append(&header.into_part())?;
                member.count_rows(0);
                Ok(Self::Csv(member))
            }
        }
    }

    /// A table as it was when its member was finished and saved ([`Member::save`]), to be appended to.
    ///
    /// # Errors
    /// As [`Member::restore`].
    pub fn restore(
        stem: &str,
        schema: &SchemaRef,
        format: ResultFormat,
        scratch: &Path,
        lengths: MemberLengths,
        from: &mut impl Read,
    ) -> Result<Self> {
        let name = member_name(stem, format);
        Ok(match format {
            ResultFormat::Csv => Self::Csv(Member::restore(&name, Packing::Deflated, scratch, lengths, from)?),
            ResultFormat::Parquet => {
                let schema = SchemaRef::clone(schema);
                Self::Parquet(Box::new(ParquetRows::restore(&name, schema, scratch, lengths, from)?))
            }
        })
    }

    /// Appends rows.
    ///
    /// # Errors
    /// When the spool cannot be written; when the chunk was made for the other format.
    pub fn append(&mut self, chunk: Chunk) -> Result<()> {
        match (self, chunk) {
            (Self::Csv(member), Chunk::Csv(part, rows)) => {
                member.append(&part)?;
                member.count_rows(rows);
            }
            (Self::Parquet(table), Chunk::Parquet(batch)) => table.append(batch)?,
            _ => return Err(Error::Io(std::io::ErrorKind::InvalidInput.into())),
        }
        Ok(())
    }

    /// Ends the member.
    ///
    /// # Errors
    /// When the spool cannot be written.
    pub fn finish(self) -> Result<Member> {
        match self {
            Self::Csv(member) => Ok(member),
            Self::Parquet(table) => Ok(table.finish()?),
        }
    }
}

/// The name of a member with rows, such as `outputs.csv`.
pub fn member_name(stem: &str, format: ResultFormat) -> String {
    match format {
        ResultFormat::Csv => format!("{stem}.csv"),
        ResultFormat::Parquet => format!("{stem}.parquet"),
    }
}
