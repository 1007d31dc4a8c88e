//! Keys and references over all rows of all relations, with memory bounded.
//!
//! Validation gives each row's key values as one 128-bit hash of their typed values ([`hash_rows`]), scattered over
//! partitions by the hash, so that equal keys always meet in the same partition. This module then takes one partition
//! at a time: rows that share a unique key, child rows without a parent, parents without a needed child, and for
//! each other child row the row of its parent. Two different keys share a hash with a chance below 1e-19 for a hundred
//! million rows. Rows are named by their number in the file. Cost: 24 bytes a key on disk, one partition of each side in
//! memory, one sort of each partition.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType};
use xxhash_rust::xxh3::xxh3_128;

use crate::error::Result;
use crate::spool::Spool;

/// Bytes of one entry: hash and row number.
const ENTRY_BYTES: usize = 24;

/// A key's hash and the row that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    hash: u128,
    row: u64,
}

/// Hashes the key values of each row; none where a part is null, for such a row has no key. The columns are typed, so
/// `7/7/2017` and `2017-07-07` are the same key where the field is a date.
pub fn hash_rows(columns: &[ArrayRef]) -> Vec<Option<u128>> {
    let rows = columns.first().map_or(0, |column| column.len());
    let mut bytes = Vec::with_capacity(64);
    (0..rows)
        .map(|row| {
            if columns.iter().any(|column| column.is_null(row)) {
                return None;
            }
            bytes.clear();
            columns.iter().for_each(|column| push_value(&mut bytes, column, row));
            Some(xxh3_128(&bytes))
        })
        .collect()
}

/// Appends one value so that different values never give the same bytes: texts with their length, numbers as such.
fn push_value(bytes: &mut Vec<u8>, column: &ArrayRef, row: usize) {
    let number = match column.data_type() {
        DataType::Utf8View => {
            let text = column.as_string_view().value(row);
            bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
            return;
        }
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row),
        DataType::Date32 => i64::from(column.as_primitive::<Date32Type>().value(row)),
        DataType::Timestamp(..) => column.as_primitive::<TimestampMicrosecondType>().value(row),
        DataType::Time64(_) => column.as_primitive::<Time64MicrosecondType>().value(row),
        DataType::Boolean => i64::from(column.as_boolean().value(row)),
        // 0.0 and -0.0 are equal numbers, so they are the same key.
        _ => (column.as_primitive::<Float64Type>().value(row) + 0.0).to_bits().cast_signed(),
    };
    bytes.extend_from_slice(&number.to_le_bytes());
}

/// The scattered hashes of one key of one relation.
#[derive(Debug)]
pub struct KeySpool {
    spool: Spool,
    partition_bits: u32,
}

impl KeySpool {
    /// An empty one in `scratch` with `2^partition_bits` partitions.
    ///
    /// # Errors
    /// When the scratch file cannot be made.
    pub fn create(scratch: &std::path::Path, partition_bits: u32, gathered_bytes_max: usize) -> Result<Self> {
        Ok(Self { spool: Spool::create(scratch, gathered_bytes_max)?, partition_bits })
    }

    /// Takes the hashes of a block of rows.
    ///
    /// # Errors
    /// When the scratch file cannot be written.
    pub fn append(&mut self, hashes: &[Option<u128>], row_numbers: &[u64]) -> Result<()> {
        for (hash, row) in hashes.iter().zip(row_numbers) {
            if let Some(hash) = hash {
                let mut entry = [0; ENTRY_BYTES];
                entry[..16].copy_from_slice(&hash.to_le_bytes());
                entry[16..].copy_from_slice(&row.to_le_bytes());
                let partition = hash.checked_shr(128 - self.partition_bits).unwrap_or(0);
                self.spool.append(partition as usize, &entry)?;
            }
        }
        Ok(())
    }

    /// Ends writing.
    ///
    /// # Errors
    /// When the scratch file cannot be written.
    pub fn seal(mut self) -> Result<Arc<Self>> {
        self.spool.seal()?;
        Ok(Arc::new(self))
    }

    /// Number of partitions.
    pub fn partitions(&self) -> usize {
        1 << self.partition_bits
    }

    /// The entries of a partition, sorted by hash and row.
    fn sorted(&self, partition: usize) -> Result<Vec<Entry>> {
        let bytes = self.spool.read(partition)?;
        let (entries, _) = bytes.as_chunks::<ENTRY_BYTES>();
        let mut entries: Vec<Entry> = entries
            .iter()
            .map(|entry| {
                let (hash, row) = entry.split_at(16);
                Entry {
                    hash: hash.try_into().map_or(0, u128::from_le_bytes),
                    row: row.try_into().map_or(0, u64::from_le_bytes),
                }
            })
            .collect();
        entries.sort_unstable();
        Ok(entries)
    }
}

/// A row whose unique key other rows have too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Repeated {
    /// The row.
    pub row: u64,
    /// The first of the others in the file.
    pub other: u64,
    /// How many rows share the key, this one included.
    pub rows: u64,
}

/// All rows of a partition that share a key with another row, in no particular order.
///
/// # Errors
/// When the scratch file cannot be read.
pub fn repeated(keys: &KeySpool, partition: usize) -> Result<Vec<Repeated>> {
    let entries = keys.sorted(partition)?;
    let mut found = Vec::new();
    for group in entries.chunk_by(|a, b| a.hash == b.hash).filter(|group| group.len() > 1) {
        for (at, entry) in group.iter().enumerate() {
            let other = if at == 0 { group[1].row } else { group[0].row };
            found.push(Repeated { row: entry.row, other, rows: group.len() as u64 });
        }
    }
    Ok(found)
}

/// What a reference from a child relation to its parent gives for one partition.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Matched {
    /// Child row and the row of its parent (the first, where the parent's key is repeated).
    pub links: Vec<(u64, u64)>,
    /// Child rows without a parent.
    pub orphans: Vec<u64>,
    /// Parent rows without a child.
    pub childless: Vec<u64>,
}

/// Matches a partition of child keys with the same partition of parent keys.
///
/// # Errors
/// When a scratch file cannot be read.
pub fn matched(child: &KeySpool, parent: &KeySpool, partition: usize) -> Result<Matched> {
    let (children, parents) = (child.sorted(partition)?, parent.sorted(partition)?);
    let mut out = Matched::default();
    let mut children = children.chunk_by(|a, b| a.hash == b.hash).peekable();
    for group in parents.chunk_by(|a, b| a.hash == b.hash) {
        while let Some(orphans) = children.next_if(|rows| rows[0].hash < group[0].hash) {
            out.orphans.extend(orphans.iter().map(|entry| entry.row));
        }
        match children.next_if(|rows| rows[0].hash == group[0].hash) {
            Some(rows) => out.links.extend(rows.iter().map(|entry| (entry.row, group[0].row))),
            None => out.childless.extend(group.iter().map(|entry| entry.row)),
        }
    }
    out.orphans.extend(children.flatten().map(|entry| entry.row));
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Date32Array, StringViewArray};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn spooled(keys: &[u8], bits: u32) -> Arc<KeySpool> {
        let scratch = tempfile::tempdir().unwrap();
        let mut spool = KeySpool::create(scratch.path(), bits, 64).unwrap();
        let hashes: Vec<_> = keys.iter().map(|key| Some(xxh3_128(&[*key]))).collect();
        let rows: Vec<u64> = (2..).take(keys.len()).collect();
        spool.append(&hashes, &rows).unwrap();
        spool.seal().unwrap()
    }

    #[test]
    fn texts_do_not_run_into_each_other() {
        let text = |values: [&str; 2]| Arc::new(StringViewArray::from_iter_values(values)) as ArrayRef;
        let hashes = hash_rows(&[text(["ab", "a"]), text(["c", "bc"])]);
        assert_ne!(hashes[0], hashes[1]);
        let dates = Arc::new(Date32Array::from(vec![Some(1), None])) as ArrayRef;
        assert_eq!(hash_rows(&[dates, text(["x", "x"])])[1], None);
    }

    proptest! {
        #[test]
        fn matches_what_a_map_finds(
            parents in prop::collection::vec(0u8..40, 0..60),
            children in prop::collection::vec(0u8..50, 0..120),
            bits in 0u32..5,
        ) {
            let (parent, child) = (spooled(&parents, bits), spooled(&children, bits));
            let mut got = Matched::default();
            let mut again = Vec::new();
            for partition in 0..parent.partitions() {
                let part = matched(&child, &parent, partition).unwrap();
                got.links.extend(part.links);
                got.orphans.extend(part.orphans);
                got.childless.extend(part.childless);
                again.extend(repeated(&parent, partition).unwrap());
            }
            let numbered = |keys: &[u8]| keys.iter().zip(2u64..).map(|(k, row)| (*k, row)).collect::<Vec<_>>();
            let mut first = BTreeMap::new();
            for (key, row) in numbered(&parents) {
                first.entry(key).or_insert(row);
            }
            let mut expected = Matched::default();
            for (key, row) in numbered(&children) {
                match first.get(&key) {
                    Some(parent) => expected.links.push((row, *parent)),
                    None => expected.orphans.push(row),
                }
            }
            for (key, row) in numbered(&parents) {
                if !children.contains(&key) {
                    expected.childless.push(row);
                }
            }
            got.links.sort_unstable();
            got.orphans.sort_unstable();
            got.childless.sort_unstable();
            prop_assert_eq!(got, expected);
            again.sort_unstable();
            let mut shared = Vec::new();
            for (key, row) in numbered(&parents) {
                let same: Vec<u64> = numbered(&parents).iter().filter(|(k, _)| *k == key).map(|(_, r)| *r).collect();
                if same.len() > 1 {
                    let other = if same[0] == row { same[1] } else { same[0] };
                    shared.push(Repeated { row, other, rows: same.len() as u64 });
                }
            }
            prop_assert_eq!(again, shared);
        }
    }
}
