//! A Parquet member, or file, made of record batches.
//!
//! Rows are cut anew into batches of a fixed number before they are encoded, since the writer looks at a page's size
//! once a batch: so the bytes depend on the rows and their types alone, not on how they came. Row groups have a fixed
//! number of rows too, the writer's name is fixed, and the Arrow schema (whose metadata has no order) is left out:
//! readers see plain Parquet types, text as `STRING`.

use super::{Member, MemberLengths, Packing};
use arrow::array::RecordBatch;
use arrow::compute::{BatchCoalescer, cast};
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use std::io::{self, Read, Write};
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

    /// A file with the rows of a finished one, `lengths` and bytes as [`Member::save`] wrote them, to be appended to.
    /// Cost: reads and encodes all rows once more, since a file that has ended cannot be gone on with.
    ///
    /// # Errors
    /// As [`ParquetRows::create`]; those of `from`; when it does not hold such a file with these columns.
    pub fn restore(
        name: &str,
        schema: SchemaRef,
        scratch: &Path,
        lengths: MemberLengths,
        from: &mut impl Read,
    ) -> io::Result<Self> {
        let mut file = tempfile::tempfile_in(scratch)?;
        let not_whole = || io::Error::new(io::ErrorKind::InvalidData, "what was saved of a Parquet file is not whole");
        if io::copy(&mut from.take(lengths.spooled_bytes), &mut file)? != lengths.spooled_bytes {
            return Err(not_whole());
        }
        let mut restored = Self::create(name, SchemaRef::clone(&schema), scratch)?;
        let saved = ParquetRecordBatchReaderBuilder::try_new(file)?.with_batch_size(BATCH_ROWS).build()?;
        for batch in saved {
            let batch = batch.map_err(io::Error::other)?;
            if batch.num_columns() != schema.fields().len() {
                return Err(not_whole());
            }
            // Texts come as plain ones.
            let typed =
                batch.columns().iter().zip(schema.fields()).map(|(column, field)| cast(column, field.data_type()));
            let typed = typed.collect::<Result<Vec<_>, _>>().map_err(io::Error::other)?;
            restored.append(RecordBatch::try_new(SchemaRef::clone(&schema), typed).map_err(io::Error::other)?)?;
        }
        if Some(restored.rows) == lengths.rows { Ok(restored) } else { Err(not_whole()) }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array, Int64Array, StringViewArray, UInt64Array};
    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    fn rows(from: usize, to: usize) -> RecordBatch {
        let schema = Schema::new(vec![
            Field::new("key", DataType::Utf8View, false),
            Field::new("value", DataType::Float64, true),
            Field::new("rank", DataType::Int64, true),
            Field::new("row", DataType::UInt64, false),
            Field::new("text", DataType::Utf8View, true),
        ]);
        let some = |at: usize| (at % 11 != 3).then_some(at);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringViewArray::from_iter_values((from..to).map(|at| format!("a key that is long: {at}")))),
            Arc::new(
                (from..to)
                    .map(|at| some(at).map(|at| if at % 7 == 0 { f64::NAN } else { at as f64 * -0.1 }))
                    .collect::<Float64Array>(),
            ),
            Arc::new((from..to).map(|at| some(at).map(|at| at as i64 - 50)).collect::<Int64Array>()),
            Arc::new(UInt64Array::from_iter_values((from..to).map(|at| u64::MAX - at as u64))),
            Arc::new((from..to).map(|at| some(at).map(|at| (at % 5).to_string())).collect::<StringViewArray>()),
        ];
        RecordBatch::try_new(Arc::new(schema), columns).unwrap()
    }

    #[test]
    fn promise_4_parquet_that_was_saved_and_restored_goes_on_to_the_same_bytes() {
        let scratch = tempfile::tempdir().unwrap();
        let (schema, name, end) = (rows(0, 0).schema(), "outputs.parquet", 66_000);
        let mut whole = ParquetRows::create(name, SchemaRef::clone(&schema), scratch.path()).unwrap();
        whole.append(rows(0, end)).unwrap();
        let expected = whole.finish().unwrap().digest();
        for cut in [0, 9_000, 65_537] {
            let mut table = ParquetRows::create(name, SchemaRef::clone(&schema), scratch.path()).unwrap();
            table.append(rows(0, cut)).unwrap();
            for _ in 0..1 + cut % 2 {
                let (member, mut bytes) = (table.finish().unwrap(), Vec::new());
                member.save(&mut bytes).unwrap();
                let restored = |lengths, mut bytes: &[u8]| {
                    ParquetRows::restore(name, SchemaRef::clone(&schema), scratch.path(), lengths, &mut bytes)
                };
                assert!(restored(member.lengths(), &bytes[1..]).is_err());
                assert!(restored(MemberLengths { rows: Some(1 << 40), ..member.lengths() }, &bytes).is_err());
                table = restored(member.lengths(), &bytes).unwrap();
            }
            table.append(rows(cut, end)).unwrap();
            assert_eq!(table.finish().unwrap().digest(), expected, "{cut}");
        }
    }
}
