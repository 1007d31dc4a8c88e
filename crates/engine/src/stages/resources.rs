//! What the stages may take of the machine.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// Threads, scratch space and memory of the stages. Nothing here changes the results.
#[derive(Debug, Clone)]
pub struct Resources {
    /// Worker threads.
    pub threads: NonZeroUsize,
    /// Folder for scratch files; they are unnamed and vanish with the process.
    pub scratch: PathBuf,
    /// Caps on memory.
    pub budget: Budget,
}

impl Resources {
    /// The default budget with these threads and this folder.
    pub fn new(threads: NonZeroUsize, scratch: &Path) -> Self {
        Self { threads, scratch: scratch.to_owned(), budget: Budget::default() }
    }
}

/// Caps on what validating and linking hold in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Bytes that wait in memory to be written, for all scratch files of one kind together.
    pub gathered_bytes_max: usize,
    /// Partitions of a key are `2^key_partition_bits`; worked out from the size of the upload when absent.
    pub key_partition_bits: Option<u32>,
    /// Different keys that a worker holds.
    pub keys_max: usize,
    /// Rows whose facts (their record, their faults) are held at a time.
    pub page_rows: u64,
    /// Bytes of neighbouring blocks that a worker gives to ranges together.
    pub run_bytes: usize,
    /// Records of a range at most.
    pub range_records_max: u64,
    /// Values of all rows of a range after which it ends; one record's rows always stay together.
    pub range_cells: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            gathered_bytes_max: 32 << 20,
            key_partition_bits: None,
            keys_max: 500_000,
            page_rows: 1 << 16,
            run_bytes: 8 << 20,
            range_records_max: 8_192,
            range_cells: 2 << 20,
        }
    }
}

impl Budget {
    /// Partitions (as a power of two) that keep the keys of an upload of so many unpacked bytes within a processor's
    /// cache. The bytes may be a wrong claim; then partitions are gone through in slices, which is only slower.
    pub(crate) fn partition_bits(&self, upload_bytes: u64) -> u32 {
        const ROW_BYTES: u64 = 64;
        const PARTITION_ROWS: u64 = 1 << 15;
        let partitions = upload_bytes / (ROW_BYTES * PARTITION_ROWS);
        let bits = (partitions.max(1).ilog2() + 1).clamp(PARTITION_BITS_MIN, PARTITION_BITS_MAX);
        self.key_partition_bits.unwrap_or(bits).min(PARTITION_BITS_MAX)
    }
}

/// So many partitions cost nearly nothing and help where an upload says that it is small and is not.
const PARTITION_BITS_MIN: u32 = 6;
const PARTITION_BITS_MAX: u32 = 12;
