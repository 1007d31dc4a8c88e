//! Parquet files: typed columns as texts, so that the same statistics come out as for a delimited file.
//!
//! Numbers become their shortest text that reads back as the same number, days and times ISO 8601 (in UTC where they
//! have a time zone). Nested and binary columns are left out, and that is said. Memory: one batch of rows, beside the
//! pages that the reader holds.

use crate::error::{Error, Result};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringViewArray, make_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use bordereau_base::dictionary::canonical_name;
use bordereau_base::limits::IntakeLimits;
use bordereau_base::refusal::RefusalCode;
use bordereau_files::intake::shown;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use std::collections::HashSet;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Bytes of the views of a batch, about.
const BATCH_BYTES: usize = 4 << 20;

/// A file whose footer was found good.
#[derive(Debug)]
pub(crate) struct ParquetFile {
    /// Fit to be shown.
    name: String,
    file: File,
    metadata: ArrowReaderMetadata,
    /// The columns that are read: their places among the roots of the schema, and their names.
    places: Vec<usize>,
    names: Vec<String>,
    /// What was left out or changed, one sentence each.
    pub(crate) notes: Vec<String>,
    /// Unpacked bytes, as the footer claims.
    pub(crate) bytes: u64,
}

impl ParquetFile {
    /// Reads the footer. `name` is fit to be shown.
    pub(crate) fn open(name: String, file: File, limits: &IntakeLimits) -> Result<Self> {
        let metadata = guarded(&name, || ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()))?;
        let groups = metadata.metadata().row_groups();
        let bytes =
            groups.iter().fold(0_u64, |sum, group| sum.saturating_add(group.total_byte_size().max(0).unsigned_abs()));
        let mut opened = Self { name, file, metadata, places: Vec::new(), names: Vec::new(), notes: Vec::new(), bytes };
        opened.check(limits)?;
        opened.choose_columns()?;
        Ok(opened)
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Starts at the first row.
    pub(crate) fn batches(&self) -> Result<Batches> {
        let file = self.file.try_clone()?;
        let rows = (BATCH_BYTES / (16 * self.places.len().max(1))).clamp(64, 64 << 10);
        let reader = guarded(&self.name, || {
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
            let mask = ProjectionMask::roots(builder.parquet_schema(), self.places.iter().copied());
            builder.with_projection(mask).with_batch_size(rows).build()
        })?;
        Ok(Batches { name: self.name.clone(), reader })
    }

    /// Rows, as the footer claims.
    pub(crate) fn rows(&self) -> u64 {
        self.metadata.metadata().file_metadata().num_rows().max(0).unsigned_abs()
    }

    fn schema(&self) -> &SchemaRef {
        self.metadata.schema()
    }

    fn check(&self, limits: &IntakeLimits) -> Result<()> {
        let (name, columns, bytes) = (&self.name, limits.columns_max, limits.unpacked_bytes_max);
        if self.schema().fields().len() > columns {
            let message = format!("the schema of {name} names more than {columns} columns (columns_max)");
            return Err(Error::refused(RefusalCode::LimitExceeded, message));
        }
        if self.bytes > bytes {
            let message = format!("{name} has more than {bytes} bytes unpacked (unpacked_bytes_max)");
            return Err(Error::refused(RefusalCode::LimitExceeded, message));
        }
        Ok(())
    }

    fn choose_columns(&mut self) -> Result<()> {
        let mut written = HashSet::new();
        for (place, field) in self.metadata.schema().fields().iter().enumerate() {
            let (column, file) = (field.name().trim(), &self.name);
            if !column.is_empty() && !written.insert(canonical_name(column)) {
                let message = format!("the schema of {file} names the column {} twice", shown(column));
                return Err(Error::refused(RefusalCode::DuplicateColumn, message));
            }
            match as_text(field.data_type()) {
                AsText::LeftOut(kind) => {
                    self.notes.push(format!("the column {} was left out: it is {kind}", shown(column)));
                    continue;
                }
                AsText::InUtc => self.notes.push(format!("times of the column {} are shown in UTC", shown(column))),
                AsText::AsIs => {}
            }
            self.places.push(place);
            self.names.push(column.to_owned());
        }
        if self.places.is_empty() {
            let message = format!("{} has no column of texts, numbers, days or times", self.name);
            return Err(Error::refused(RefusalCode::EmptyFile, message));
        }
        Ok(())
    }
}

/// The rows of a file, batch by batch.
pub(crate) struct Batches {
    name: String,
    reader: ParquetRecordBatchReader,
}

impl Batches {
    /// The next rows, none after the last.
    pub(crate) fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        let reader = &mut self.reader;
        guarded(&self.name, || reader.next().transpose().map_err(ParquetError::from))
    }
}

/// Runs a step of the reader. It may panic at files that were made to harm; that is the file's fault then.
fn guarded<T>(name: &str, step: impl FnOnce() -> Result<T, ParquetError>) -> Result<T> {
    let damaged =
        || Error::refused(RefusalCode::WrongChecksum, format!("{name} is damaged: it cannot be read as Parquet"));
    match catch_unwind(AssertUnwindSafe(step)) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(ParquetError::NYI(what))) if what.contains("not supported") || what.contains("Disabled") => {
            let message = format!("{name} is packed in a way that is not read; write it with Zstandard or Snappy");
            Err(Error::refused(RefusalCode::UnsupportedCompression, message))
        }
        Ok(Err(ParquetError::External(error))) => match error.downcast::<std::io::Error>() {
            Ok(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => Err(Error::Io(*error)),
            _ => Err(damaged()),
        },
        Ok(Err(_)) | Err(_) => Err(damaged()),
    }
}

/// What is made of a column.
enum AsText {
    AsIs,
    InUtc,
    LeftOut(&'static str),
}

fn as_text(kind: &DataType) -> AsText {
    match kind {
        DataType::Dictionary(_, values) => as_text(values),
        DataType::Timestamp(_, Some(_)) => AsText::InUtc,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            AsText::LeftOut("binary")
        }
        DataType::Duration(_) | DataType::Interval(_) => AsText::LeftOut("a span of time"),
        kind if kind.is_nested() => AsText::LeftOut("nested"),
        _ => AsText::AsIs,
    }
}

/// The texts of a batch, column by column.
pub(crate) fn texts(batch: &RecordBatch) -> Result<Vec<StringViewArray>> {
    batch.columns().iter().map(text).collect()
}

fn text(column: &ArrayRef) -> Result<StringViewArray> {
    let texts = match column.data_type() {
        DataType::Null => return Ok(StringViewArray::new_null(column.len())),
        DataType::Dictionary(_, values) => {
            cast(column, values).and_then(|plain| cast(&in_utc(&plain)?, &DataType::Utf8View))
        }
        _ => in_utc(column).and_then(|column| cast(&column, &DataType::Utf8View)),
    };
    // Only kinds that can be cast were chosen; what is left are numbers of days beyond any calendar.
    let unreadable =
        |_| Error::refused(RefusalCode::UnreadableText, "a value of a Parquet file cannot be shown as text");
    Ok(texts.map_err(unreadable)?.as_string_view().clone())
}

/// Times without their time zone, so that they are shown in UTC whatever the zone is.
fn in_utc(column: &ArrayRef) -> Result<ArrayRef, arrow::error::ArrowError> {
    let DataType::Timestamp(unit, Some(_)) = column.data_type() else { return Ok(column.clone()) };
    let data = column.to_data().into_builder().data_type(DataType::Timestamp(*unit, None)).build()?;
    Ok(make_array(data))
}
