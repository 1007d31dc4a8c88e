//! Append-only scratch files with buckets: the one way in which the engine holds more than memory allows.
//!
//! A [`Spool`] takes byte chunks for numbered buckets in any order and gives each bucket's bytes back in the order they
//! were appended. Small chunks of a bucket are gathered in memory and written out as one extent; what is gathered for
//! all buckets together stays below a budget given at the start. The file is unnamed in a scratch folder and vanishes
//! with the value. Nothing here knows what the bytes mean.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Chunks of so many bytes are written at once; there is nothing to be gained by gathering them.
const DIRECT_BYTES: usize = 1 << 18;
/// Bytes that are copied at a time.
const COPIED_BYTES: u64 = 1 << 20;

/// Bytes of one bucket in the file.
#[derive(Debug, Clone, Copy)]
struct Extent {
    offset: u64,
    len: u64,
}

/// A scratch file of buckets. Write first, then [`Spool::seal`], then read from any thread.
#[derive(Debug)]
pub struct Spool {
    file: File,
    end: u64,
    buckets: Vec<Bucket>,
    gathered: usize,
    gathered_max: usize,
}

#[derive(Debug, Default)]
struct Bucket {
    gathered: Vec<u8>,
    extents: Vec<Extent>,
}

impl Spool {
    /// A spool whose file lies in `scratch`; at most `gathered_bytes_max` bytes wait in memory.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn create(scratch: &Path, gathered_bytes_max: usize) -> io::Result<Self> {
        let file = tempfile::tempfile_in(scratch).map_err(|error| {
            let message = format!("a scratch file cannot be made in {}: {error}", scratch.display());
            std::io::Error::new(error.kind(), message)
        })?;
        Ok(Self { file, end: 0, buckets: Vec::new(), gathered: 0, gathered_max: gathered_bytes_max })
    }

    /// Appends `bytes` to the bucket.
    ///
    /// # Errors
    /// When the file cannot be written, such as on a full disk.
    pub fn append(&mut self, bucket: usize, bytes: &[u8]) -> io::Result<()> {
        if self.buckets.len() <= bucket {
            self.buckets.resize_with(bucket + 1, Bucket::default);
        }
        if bytes.len() >= DIRECT_BYTES && self.buckets[bucket].gathered.is_empty() {
            return self.write_through(bucket, bytes);
        }
        self.buckets[bucket].gathered.extend_from_slice(bytes);
        self.gathered += bytes.len();
        if self.gathered > self.gathered_max {
            self.write_out()?;
        }
        Ok(())
    }

    /// Appends the next `len` bytes of `from` to the bucket.
    ///
    /// # Errors
    /// As [`Spool::append`]; those of `from`, which must have so many.
    pub fn append_from(&mut self, bucket: usize, from: &mut impl Read, len: u64) -> io::Result<()> {
        let (mut left, mut piece) = (len, Vec::new());
        while left > 0 {
            piece.clear();
            from.by_ref().take(left.min(COPIED_BYTES)).read_to_end(&mut piece)?;
            if piece.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.append(bucket, &piece)?;
            left -= piece.len() as u64;
        }
        Ok(())
    }

    /// Ends writing: everything gathered is in the file and its memory is free.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn seal(&mut self) -> io::Result<()> {
        self.write_out()
    }

    fn write_out(&mut self) -> io::Result<()> {
        for at in 0..self.buckets.len() {
            let gathered = std::mem::take(&mut self.buckets[at].gathered);
            self.write_through(at, &gathered)?;
        }
        self.gathered = 0;
        Ok(())
    }

    fn write_through(&mut self, bucket: usize, bytes: &[u8]) -> io::Result<()> {
        let len = bytes.len() as u64;
        if len == 0 {
            return Ok(());
        }
        self.file.write_all_at(bytes, self.end)?;
        let extents = &mut self.buckets[bucket].extents;
        match extents.last_mut() {
            Some(last) if last.offset + last.len == self.end => last.len += len,
            _ => extents.push(Extent { offset: self.end, len }),
        }
        self.end += len;
        Ok(())
    }

    /// One more than the largest bucket ever appended to.
    pub fn buckets(&self) -> usize {
        self.buckets.len()
    }

    /// Bytes of a bucket, zero for one that was never appended to.
    pub fn len(&self, bucket: usize) -> u64 {
        self.buckets.get(bucket).map_or(0, |bucket| bucket.extents.iter().map(|extent| extent.len).sum())
    }

    /// All bytes of a sealed bucket, in the order they were appended.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&self, bucket: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(self.len(bucket)).map_err(io::Error::other)?];
        let mut at = 0;
        for extent in self.buckets.get(bucket).map_or(&[][..], |bucket| &bucket.extents) {
            let len = extent.len as usize;
            self.file.read_exact_at(&mut bytes[at..at + len], extent.offset)?;
            at += len;
        }
        Ok(bytes)
    }

    /// Writes all bytes of a sealed bucket.
    ///
    /// # Errors
    /// When the file cannot be read or `out` not be written.
    pub fn copy_to(&self, bucket: usize, out: &mut impl Write) -> io::Result<()> {
        let (mut at, end) = (0, self.len(bucket));
        let mut piece = Vec::new();
        while at < end {
            piece.resize((end - at).min(COPIED_BYTES) as usize, 0);
            self.read_at(bucket, at, &mut piece)?;
            out.write_all(&piece)?;
            at += piece.len() as u64;
        }
        Ok(())
    }

    /// Bytes `from..from + into.len()` of a sealed bucket; for readers that go through a bucket piece by piece.
    ///
    /// # Errors
    /// When the range is not inside the bucket or the file cannot be read.
    pub fn read_at(&self, bucket: usize, from: u64, into: &mut [u8]) -> io::Result<()> {
        let mut skip = from;
        let mut at = 0;
        for extent in self.buckets.get(bucket).map_or(&[][..], |bucket| &bucket.extents) {
            if at == into.len() {
                break;
            }
            if skip >= extent.len {
                skip -= extent.len;
                continue;
            }
            let take = usize::try_from(extent.len - skip).unwrap_or(usize::MAX).min(into.len() - at);
            self.file.read_exact_at(&mut into[at..at + take], extent.offset + skip)?;
            at += take;
            skip = 0;
        }
        if at == into.len() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_come_back_in_order_whatever_is_held_in_memory() {
        let scratch = tempfile::tempdir().unwrap();
        for (budget, scale) in [(0, 1), (7, 1), (1 << 20, 1), (1 << 20, 60_000)] {
            let mut spool = Spool::create(scratch.path(), budget).unwrap();
            let mut expected = vec![Vec::new(); 5];
            for step in 0u8..200 {
                let bucket = usize::from(step) * 7 % 5;
                let bytes = vec![step; usize::from(step % 9) * scale];
                expected[bucket].extend_from_slice(&bytes);
                spool.append(bucket, &bytes).unwrap();
            }
            spool.seal().unwrap();
            for (bucket, bytes) in expected.iter().enumerate() {
                assert_eq!(&spool.read(bucket).unwrap(), bytes);
                let mut middle = vec![0; bytes.len() / 2];
                spool.read_at(bucket, 3, &mut middle).unwrap();
                assert_eq!(middle, bytes[3..3 + middle.len()]);
                assert!(spool.read_at(bucket, bytes.len() as u64, &mut [0]).is_err());
            }
            assert_eq!(spool.len(99), 0);
            let (mut saved, mut again) = (Vec::new(), Spool::create(scratch.path(), budget).unwrap());
            (0..5).for_each(|bucket| spool.copy_to(bucket, &mut saved).unwrap());
            let mut from = saved.as_slice();
            (0..5).for_each(|bucket| again.append_from(bucket, &mut from, spool.len(bucket)).unwrap());
            assert!(again.append_from(0, &mut from, 1).is_err());
            again.seal().unwrap();
            (0..5).for_each(|bucket| assert_eq!(again.read(bucket).unwrap(), expected[bucket]));
        }
    }
}
