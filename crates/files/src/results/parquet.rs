//! A Parquet member, or file, made of record batches.
//!
//! Rows are cut anew into batches of a fixed number before they are encoded, since the writer looks at a page's size
//! once a batch: so the bytes depend on the rows and their types alone, not on how they came. Row groups have a fixed
//! number of rows too, the writer's name is fixed, and the Arrow schema (whose metadata has no order) is left out:
//! readers see plain Parquet types, text as `STRING`.

use super::{Member, Packing};
use arrow::array::RecordBatch;
use arrow::compute::BatchCoalescer;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use std::io::{self, Write};
use std::path::Path;

/// Rows of a row group; also what bounds memory.
const GROUP_ROWS: usize = 65_536;
/// Rows that are encoded at once.
const BATCH_ROWS: usize = 8_192;

/// A Parquet file in the making. Memory: one row group, compressed page by page, and one batch.
pub struct ParquetRows<W: Write + Send = SpooledMember> {
    coalescer: BatchCoalescer,
    writer: ArrowWriter<W>,
    rows: u64,
}

impl ParquetRows {
    /// No rows yet, the spool in the folder `scratch`.
    ///
    /// # Errors
    /// As [`Member::create`]; when a type of the schema has no form in Parquet.
    pub fn create(name: &str, schema: SchemaRef, scratch: &Path) -> io::Result<Self> {
        Self::to_writer(schema, SpooledMember(Member::create(name, Packing::Stored, scratch)?))
    }

    /// Ends the file; the member knows its rows.
    ///
    /// # Errors
    /// When the spool cannot be written.
    pub fn finish(self) -> io::Result<Member> {
        let (SpooledMember(mut member), rows) = self.into_writer()?;
        member.count_rows(rows);
        Ok(member)
    }
}

impl<W: Write + Send> ParquetRows<W> {
    /// No rows yet, the file going to `out`.
    ///
    /// # Errors
    /// When `out` cannot be written; when a type of the schema has no form in Parquet.
    pub fn to_writer(schema: SchemaRef, out: W) -> io::Result<Self> {
        let level = ZstdLevel::try_new(1).map_err(io::Error::other)?;
        let properties = WriterProperties::builder()
            .set_created_by("bordereau".to_owned())
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .build();
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(out, schema.clone(), options)?;
        Ok(Self { coalescer: BatchCoalescer::new(schema, BATCH_ROWS), writer, rows: 0 })
    }

    /// Appends the rows of a batch.
    ///
    /// # Errors
    /// When the batch has another schema or the spool cannot be written; the file is then of no use.
    pub fn append(&mut self, batch: RecordBatch) -> io::Result<()> {
        self.rows += batch.num_rows() as u64;
        self.coalescer.push_batch(batch).map_err(io::Error::other)?;
        self.write_completed()
    }

    fn write_completed(&mut self) -> io::Result<()> {
        while let Some(batch) = self.coalescer.next_completed_batch() {
            self.writer.write(&batch)?;
        }
        Ok(())
    }

    /// Ends the file; what it was written to, and its rows.
    ///
    /// # Errors
    /// When the rest cannot be written.
    pub fn into_writer(mut self) -> io::Result<(W, u64)> {
        self.coalescer.finish_buffered_batch().map_err(io::Error::other)?;
        self.write_completed()?;
        Ok((self.writer.into_inner()?, self.rows))
    }
}

impl<W: Write + Send> std::fmt::Debug for ParquetRows<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetRows").field("rows", &self.rows).finish_non_exhaustive()
    }
}

/// A member as the writer wants it.
#[derive(Debug)]
pub struct SpooledMember(Member);

impl Write for SpooledMember {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.append_bytes(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
