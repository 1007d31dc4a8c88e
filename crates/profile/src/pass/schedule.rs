//! Which block is read next.
//!
//! The first bytes of each relation come in small blocks, so that all threads have work at once and a first profile is
//! soon there; the rest in large ones, which cost less each. With few relations the first bytes of all of them come
//! first, so that a preliminary profile says something of each. All this goes by bytes and order alone.

use crate::error::Result;
use crate::input::{Input, RawBlock, Reader};

/// Bytes of the first blocks of a relation, and up to where they are so small.
const FIRST_BLOCK_BYTES: usize = 256 << 10;
const FIRST_BYTES: u64 = 2 << 20;

/// Bytes of a block afterwards. Larger ones are no faster and take more memory; smaller ones cost more to merge.
const BLOCK_BYTES: usize = 2 << 20;

/// Relations that are read side by side at first; more are read one after the other, since each that is open holds
/// memory.
const SIDE_BY_SIDE_MAX: usize = 16;

/// What a worker gets.
#[derive(Debug)]
pub(crate) enum Item {
    /// The next rows of a relation.
    Rows {
        relation: usize,
        block: RawBlock,
        /// How far the relation is read.
        position: u64,
    },
    /// A relation has no more rows.
    End {
        relation: usize,
        /// Its unpacked bytes.
        bytes: u64,
    },
}

/// The blocks of an upload in order, read on one thread.
#[derive(Debug)]
pub(crate) struct Schedule<'a> {
    input: &'a Input,
    /// By relation, while it is open.
    readers: Vec<Option<Reading>>,
    /// The relation that is read, and whether only its first bytes are.
    relation: usize,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    FirstBytes,
    Rest,
}

#[derive(Debug)]
struct Reading {
    reader: Reader,
    bytes: u64,
}

impl<'a> Schedule<'a> {
    pub(crate) fn new(input: &'a Input) -> Result<Self> {
        let relations = input.sources().len();
        let mut schedule = Self { input, readers: Vec::new(), relation: 0, phase: Phase::Rest };
        if relations <= SIDE_BY_SIDE_MAX {
            schedule.phase = Phase::FirstBytes;
        }
        schedule.readers.resize_with(relations, || None);
        Ok(schedule)
    }

    /// The next item, none after the end of the last relation.
    pub(crate) fn next(&mut self) -> Result<Option<Item>> {
        loop {
            if self.relation == self.readers.len() {
                if self.phase == Phase::Rest {
                    return Ok(None);
                }
                (self.relation, self.phase) = (0, Phase::Rest);
                continue;
            }
            if let Some(item) = self.next_of_relation()? {
                return Ok(Some(item));
            }
            self.relation += 1;
        }
    }

    /// The next item of the relation that is read; none when another one comes next.
    fn next_of_relation(&mut self) -> Result<Option<Item>> {
        let relation = self.relation;
        let Some(place) = self.readers.get_mut(relation) else { return Ok(None) };
        let reading = match place {
            Some(reading) => reading,
            None => place.insert(Reading { reader: self.input.read_all(relation, FIRST_BLOCK_BYTES)?, bytes: 0 }),
        };
        let first = reading.bytes < FIRST_BYTES;
        if self.phase == Phase::FirstBytes && !first {
            return Ok(None);
        }
        match reading.reader.next_block(if first { FIRST_BLOCK_BYTES } else { BLOCK_BYTES })? {
            Some(block) => {
                // Never 0, or blocks of nothing would be counted as none.
                reading.bytes += block.bytes().max(1);
                Ok(Some(Item::Rows { relation, block, position: reading.reader.position() }))
            }
            None if self.phase == Phase::FirstBytes => {
                // Its end is told in its turn.
                reading.bytes = FIRST_BYTES;
                Ok(None)
            }
            None => {
                let bytes = reading.reader.bytes_read();
                // Closed, and never opened again: the next call is for the next relation.
                *place = None;
                self.relation += 1;
                Ok(Some(Item::End { relation, bytes }))
            }
        }
    }
}
