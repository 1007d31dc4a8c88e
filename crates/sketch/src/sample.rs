//! A sample of the distinct values: those with the smallest hashes, with their exact counts.
//!
//! A hash is uniform, so the `k` smallest belong to a uniform sample of the distinct values without replacement
//! (Bar-Yossef, Jayram, Kumar, Sivakumar, Trevisan 2002, "Counting distinct elements in a data stream"; KMV). A value
//! among the `k` smallest at the end has been among them from its first occurrence on, so its count is exact.
//!
//! **Order.** Independent. **Cost.** One compare for a value that is not in the sample; its number of new values is
//! about `k ln(distinct / k)`. **Memory.** At most `2 k` values of 45 bytes and up to 200 of their own.

use crate::codec::{Codec, Error, Reader, Writer};
use crate::frequent::{Frequency, read_table, write_held};
use crate::values::{Held, Table};

/// The values with the smallest hashes.
#[derive(Debug, Clone)]
pub struct BottomSample {
    size: u32,
    /// No value with a greater hash can be in the sample. The greatest hash until a value has been left out.
    threshold: u64,
    /// Whether a value has ever been left out.
    complete: bool,
    table: Table,
}

impl BottomSample {
    /// An empty sample of up to `size` values, at least 1.
    #[must_use]
    pub fn new(size: u32) -> Self {
        Self { size: size.max(1), threshold: u64::MAX, complete: true, table: Table::default() }
    }

    /// The hash above which nothing is taken; callers may compare before they call [`BottomSample::add`].
    #[inline]
    #[must_use]
    pub fn threshold(&self) -> u64 {
        self.threshold
    }

    /// Adds `count` occurrences of a value.
    #[inline]
    pub fn add(&mut self, hash: u64, value: &[u8], count: u64) {
        if hash <= self.threshold && count > 0 {
            self.table.add(hash, value, count);
            self.shrink();
        }
    }

    #[inline]
    fn shrink(&mut self) {
        if self.table.len() >= 2 * self.size as usize {
            self.cut();
        }
    }

    #[cold]
    fn cut(&mut self) {
        let positions = self.positions();
        if positions.len() < self.table.len() {
            self.complete = false;
        }
        self.table = self.table.chosen(&positions);
        if !self.complete && self.table.len() == self.size as usize {
            self.threshold = self.threshold.min(self.table.get(self.table.len() - 1).hash);
        }
    }

    /// The positions of the sample in the table, by hash.
    fn positions(&self) -> Vec<usize> {
        let mut positions = self.table.positions_by_hash();
        positions.truncate(self.size as usize);
        positions
    }

    /// Adds all that another one has seen. Associative and commutative.
    ///
    /// # Errors
    /// [`Error::Parameters`] for another size; nothing is changed then.
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        if self.size != other.size {
            return Err(Error::Parameters("size of a sample"));
        }
        self.complete &= other.complete;
        // What the other left out is above its threshold.
        self.threshold = self.threshold.min(other.threshold);
        for held in other.table.iter().filter(|held| held.hash <= self.threshold) {
            self.table.add_cut(held.hash, held.bytes, held.length, held.count);
        }
        self.cut();
        Ok(())
    }

    /// Whether the sample is all distinct values there are.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete && self.table.len() <= self.size as usize
    }

    /// The sample, by ascending hash; the counts are exact.
    pub fn values(&self) -> impl ExactSizeIterator<Item = Frequency<'_>> {
        self.positions().into_iter().map(|position| {
            let Held { hash, bytes, length, count } = self.table.get(position);
            Frequency { hash, bytes, length, count, error: 0 }
        })
    }

    /// The bytes it holds.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.table.memory_bytes()
    }
}

impl PartialEq for BottomSample {
    fn eq(&self, other: &Self) -> bool {
        self.encode() == other.encode()
    }
}

impl Eq for BottomSample {}

impl Codec for BottomSample {
    const KIND: u8 = 6;
    const VERSION: u8 = 1;

    fn write(&self, writer: &mut Writer) {
        writer.u32(self.size);
        writer.u8(u8::from(self.is_complete()));
        let positions = self.positions();
        writer.length(positions.len());
        positions.into_iter().for_each(|position| write_held(writer, &self.table.get(position)));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let size = reader.u32()?;
        if size == 0 {
            return Err(Error::Parameters("size of a sample"));
        }
        let mut sample = Self::new(size);
        sample.complete = match reader.u8()? {
            0 => false,
            1 => true,
            _ => return Err(Error::Invalid("a mark is neither 0 nor 1")),
        };
        sample.table = read_table(reader, |_, table| {
            if table.len() <= size as usize { Ok(()) } else { Err(Error::Invalid("more values than in the sample")) }
        })?;
        let full = sample.table.len() == size as usize;
        if !full && !sample.complete {
            return Err(Error::Invalid("a sample that is not full left values out"));
        }
        if full && !sample.complete {
            sample.threshold = sample.table.get(sample.table.len() - 1).hash;
        }
        Ok(sample)
    }
}
