//! Record batches in a [`Spool`]: each batch is framed by its length and written as an Arrow IPC stream of one batch.

use std::borrow::Borrow;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};

use crate::error::{Error, Result};
use crate::spool::Spool;

/// What a frame takes beside the buffers of its columns, about.
const FRAME_BYTES: usize = 4_096;

/// The bytes of a batch as a spool takes them. String views should be compacted first (`gc`), or the buffers they
/// share with other columns are written once for each.
///
/// # Errors
/// When Arrow cannot encode the batch.
pub fn encode(batch: &RecordBatch) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(FRAME_BYTES + batch.get_array_memory_size());
    bytes.resize(8, 0);
    let options = IpcWriteOptions::default();
    let mut writer = StreamWriter::try_new_with_options(&mut bytes, &batch.schema(), options)?;
    writer.write(batch)?;
    writer.finish()?;
    drop(writer);
    let len = (bytes.len() - 8) as u64;
    bytes[..8].copy_from_slice(&len.to_le_bytes());
    Ok(bytes)
}

/// Goes through the batches of one bucket, holding one at a time.
#[derive(Debug)]
pub struct BlockReader<S: Borrow<Spool> = Arc<Spool>> {
    spool: S,
    bucket: usize,
    at: u64,
}

impl<S: Borrow<Spool>> BlockReader<S> {
    /// Starts at the bucket's first batch.
    pub fn new(spool: S, bucket: usize) -> Self {
        Self { spool, bucket, at: 0 }
    }

    /// The bytes of the next batch, undecoded, so that decoding can happen elsewhere; none at the end.
    ///
    /// # Errors
    /// When the scratch file cannot be read.
    pub fn next_bytes(&mut self) -> Result<Option<Vec<u8>>> {
        let spool = self.spool.borrow();
        if self.at >= spool.len(self.bucket) {
            return Ok(None);
        }
        let mut len = [0; 8];
        spool.read_at(self.bucket, self.at, &mut len)?;
        let len = u64::from_le_bytes(len);
        let mut bytes = vec![0; usize::try_from(len).map_err(std::io::Error::other)?];
        spool.read_at(self.bucket, self.at + 8, &mut bytes)?;
        self.at += 8 + len;
        Ok(Some(bytes))
    }

    /// The next batch, none at the end.
    ///
    /// # Errors
    /// When the scratch file cannot be read or does not hold what was written.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        self.next_bytes()?.map(decode).transpose()
    }
}

/// A batch from the bytes that [`BlockReader::next_bytes`] gave.
///
/// # Errors
/// When the bytes are not one IPC stream of one batch.
pub fn decode(bytes: Vec<u8>) -> Result<RecordBatch> {
    let mut buffer = Buffer::from_vec(bytes);
    let mut decoder = StreamDecoder::new();
    let batch = decoder.decode(&mut buffer)?;
    batch.ok_or_else(|| Error::Io(std::io::ErrorKind::UnexpectedEof.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array, StringViewArray};

    #[test]
    fn batches_come_back_as_they_were() {
        let scratch = tempfile::tempdir().unwrap();
        let mut spool = Spool::create(scratch.path(), 100).unwrap();
        let batch = |n: i64| {
            let ints: ArrayRef = Arc::new(Int64Array::from_iter_values(0..n));
            let text: ArrayRef =
                Arc::new(StringViewArray::from_iter_values((0..n).map(|i| format!("a text that is long: {i}"))));
            RecordBatch::try_from_iter([("i", ints), ("t", text)]).unwrap()
        };
        for n in [3, 0, 500] {
            spool.append(2, &encode(&batch(n)).unwrap()).unwrap();
        }
        spool.seal().unwrap();
        let mut reader = BlockReader::new(Arc::new(spool), 2);
        for n in [3, 0, 500] {
            assert_eq!(reader.next_batch().unwrap(), Some(batch(n)));
        }
        assert_eq!(reader.next_batch().unwrap(), None);
    }
}
