//! The rows of a contribution, one Parquet file for each relation.
//!
//! Columns: the fields of the dictionary by their canonical names, typed, as `features.sql` would see them; then those
//! of [`ADDED`]. Written again without some records, the others keep their order and their values.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchReader, StringViewArray, TimestampMicrosecondArray,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit};
use bordereau_base::ids::BatchKey;
use bordereau_files::results::parquet::ParquetRows;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::error::{Error, Result};
use crate::places::PlaceSet;
use crate::release::features_plan::RECORD_COLUMN;

/// The number of the row's record within its contribution: the same in all relations.
pub const RECORD: &str = RECORD_COLUMN;
/// The columns beside the fields: [`RECORD`], the batch that contributed the row, and when its upload was accepted.
pub const ADDED: [&str; 3] = [RECORD, "batch_key", "accepted"];

const READ_ROWS: usize = 8_192;

/// Writes the rows of one relation.
#[derive(Debug)]
pub struct RowsFile {
    rows: ParquetRows<File>,
    schema: SchemaRef,
    key: String,
    accepted_us: i64,
}

impl RowsFile {
    /// An empty file. `table` is the schema of the rows that will come, [`RECORD`] last.
    ///
    /// # Errors
    /// When the file is there or cannot be written.
    pub fn create(path: &Path, table: &SchemaRef, key: Option<BatchKey>, accepted: jiff::Timestamp) -> Result<Self> {
        let moment = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let added =
            [Arc::new(Field::new(ADDED[1], DataType::Utf8View, false)), Arc::new(Field::new(ADDED[2], moment, false))];
        let schema = Arc::new(Schema::new(table.fields().iter().cloned().chain(added).collect::<Vec<_>>()));
        let rows = ParquetRows::to_writer(Arc::clone(&schema), File::create_new(path)?)?;
        let key = key.map(|key| key.to_string()).unwrap_or_default();
        Ok(Self { rows, schema, key, accepted_us: accepted.as_microsecond() })
    }

    /// Appends rows of the table.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append(&mut self, table: &RecordBatch) -> Result<()> {
        let count = table.num_rows();
        let keys: ArrayRef = Arc::new(StringViewArray::from_iter_values(std::iter::repeat_n(&self.key, count)));
        let moments = TimestampMicrosecondArray::from_value(self.accepted_us, count).with_timezone("UTC");
        let columns = table.columns().iter().cloned().chain([keys, Arc::new(moments) as ArrayRef]).collect();
        Ok(self.rows.append(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)?)
    }

    /// Ends the file; how many rows it has.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(self) -> Result<u64> {
        let (_, rows) = self.rows.into_writer()?;
        Ok(rows)
    }
}

/// How many rows a file has.
///
/// # Errors
/// When the file cannot be read as Parquet.
pub fn read_count(path: &Path) -> Result<u64> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?).map_err(io::Error::from)?;
    Ok(builder.metadata().file_metadata().num_rows().cast_unsigned())
}

/// The rows of a file, some thousand at a time.
///
/// # Errors
/// When the file cannot be read as Parquet.
pub fn read(file: File) -> Result<ParquetRecordBatchReader> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(io::Error::from)?;
    Ok(builder.with_batch_size(READ_ROWS).build().map_err(io::Error::from)?)
}

/// Writes the rows in `from` to `to` without those of the records `dropped`; how many are left.
///
/// # Errors
/// When `from` cannot be read or is no contribution, or `to` is there or cannot be written.
pub fn write_without(from: File, dropped: &PlaceSet, to: &Path) -> Result<u64> {
    let reader = read(from)?;
    let schema = RecordBatchReader::schema(&reader);
    let mut out = ParquetRows::to_writer(schema, File::create_new(to)?)?;
    for batch in reader {
        let batch = batch?;
        let records = batch.column_by_name(RECORD).and_then(|column| column.as_primitive_opt::<Int64Type>());
        let records = records.ok_or_else(|| Error::Io(io::ErrorKind::InvalidData.into()))?;
        let kept = records.values().iter().map(|record| Some(!dropped.contains(record.cast_unsigned())));
        out.append(filter_record_batch(&batch, &kept.collect::<BooleanArray>())?)?;
    }
    Ok(out.into_writer()?.1)
}
