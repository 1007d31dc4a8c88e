//! Keys and references over all rows of all relations, with memory bounded.
//!
//! Validation gives each row's key values as one 128-bit hash of their typed values ([`KeyHasher`]), scattered over
//! partitions by the hash, so that equal keys always meet in the same partition. This module then goes through one
//! partition at a time: rows that share a unique key ([`repeated`]), and for a reference the child rows without a
//! parent, the parents without a needed child, and the parent of each other child row ([`matched`]). A row is known by
//! its place (counted from 0) and its number in the file.
//!
//! Two different keys share a hash with a chance below 1e-19 for a hundred million rows; the seed of the hash is drawn
//! for each batch, so that nobody can prepare such keys. No result depends on the seed or on the number of partitions.
//!
//! Cost: 32 bytes a key on disk. In memory a map over the different keys of a partition; a partition with more of them
//! than allowed is gone through in several passes, each over a slice of its hashes. Rows that share a key are counted,
//! not kept, so that one key on a hundred million rows takes one entry.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Float64Array, Int64Array, StringViewArray,
    Time64MicrosecondArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, TimeUnit};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::error::Result;
use crate::spool::Spool;

/// Bytes of one entry: hash, place and row number.
const ENTRY_BYTES: usize = 32;
/// Entries read at a time.
const READ_ENTRIES: usize = 8_192;

/// Turns key values into hashes; one for all keys of a batch.
#[derive(Debug, Clone, Copy)]
pub struct KeyHasher {
    seed: u64,
}

impl Default for KeyHasher {
    fn default() -> Self {
        Self { seed: RandomState::new().build_hasher().finish() }
    }
}

impl KeyHasher {
    /// Without a seed: the same key has the same hash in every batch.
    pub fn lasting() -> Self {
        Self { seed: 0 }
    }

    /// Hashes the key values of each row; none where a part is null, for such a row has no key. The columns are typed,
    /// so `7/7/2017` and `2017-07-07` are the same key where the field is a date.
    pub fn hash_rows(&self, columns: &[ArrayRef]) -> Vec<Option<u128>> {
        let rows = columns.first().map_or(0, |column| column.len());
        let parts: Vec<KeyColumn<'_>> = columns.iter().map(KeyColumn::new).collect();
        let mut bytes = Vec::with_capacity(64);
        (0..rows)
            .map(|row| {
                bytes.clear();
                let whole = parts.iter().all(|part| part.push(&mut bytes, row));
                whole.then(|| xxh3_128_with_seed(&bytes, self.seed))
            })
            .collect()
    }
}

/// A typed column, its type found out once.
enum KeyColumn<'a> {
    Text(&'a StringViewArray),
    Integer(&'a Int64Array),
    Date(&'a Date32Array),
    Datetime(&'a TimestampMicrosecondArray),
    Time(&'a Time64MicrosecondArray),
    Boolean(&'a BooleanArray),
    Number(&'a Float64Array),
}

impl<'a> KeyColumn<'a> {
    fn new(column: &'a ArrayRef) -> Self {
        match column.data_type() {
            DataType::Utf8View => Self::Text(column.as_string_view()),
            DataType::Int64 => Self::Integer(column.as_primitive()),
            DataType::Date32 => Self::Date(column.as_primitive()),
            DataType::Timestamp(TimeUnit::Microsecond, _) => Self::Datetime(column.as_primitive()),
            DataType::Time64(_) => Self::Time(column.as_primitive()),
            DataType::Boolean => Self::Boolean(column.as_boolean()),
            _ => Self::Number(column.as_primitive()),
        }
    }

    /// Appends one value so that different values never give the same bytes: texts with their length, numbers as such.
    /// False where the value is null.
    #[inline]
    fn push(&self, bytes: &mut Vec<u8>, row: usize) -> bool {
        let number = match self {
            Self::Text(column) if column.is_valid(row) => {
                let text = column.value(row);
                bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
                bytes.extend_from_slice(text.as_bytes());
                return true;
            }
            Self::Integer(column) if column.is_valid(row) => column.value(row),
            Self::Date(column) if column.is_valid(row) => i64::from(column.value(row)),
            Self::Datetime(column) if column.is_valid(row) => column.value(row),
            Self::Time(column) if column.is_valid(row) => column.value(row),
            Self::Boolean(column) if column.is_valid(row) => i64::from(column.value(row)),
            // 0.0 and -0.0 are equal numbers, so they are the same key.
            Self::Number(column) if column.is_valid(row) => (column.value(row) + 0.0).to_bits().cast_signed(),
            _ => return false,
        };
        bytes.extend_from_slice(&number.to_le_bytes());
        true
    }
}

/// A key's hash and the row that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    hash: u128,
    place: u64,
    row: u64,
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
    pub fn create(scratch: &Path, partition_bits: u32, gathered_bytes_max: usize) -> Result<Self> {
        Ok(Self { spool: Spool::create(scratch, gathered_bytes_max)?, partition_bits })
    }

    /// Takes the hashes of a block of rows, the first of which is at `first_place`. Blocks come in the order of the
    /// file.
    ///
    /// # Errors
    /// When the scratch file cannot be written.
    pub fn append(&mut self, hashes: &[Option<u128>], first_place: u64, row_numbers: &[u64]) -> Result<()> {
        for ((hash, row), place) in hashes.iter().zip(row_numbers).zip(first_place..) {
            if let Some(hash) = hash {
                let mut entry = [0; ENTRY_BYTES];
                entry[..16].copy_from_slice(&hash.to_le_bytes());
                entry[16..24].copy_from_slice(&place.to_le_bytes());
                entry[24..].copy_from_slice(&row.to_le_bytes());
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

    /// Calls `take` with each entry of a slice of a partition, in the order of the file.
    fn each(&self, part: Slice, mut take: impl FnMut(Entry) -> Result<()>) -> Result<()> {
        let len = self.spool.len(part.partition);
        let mut bytes = vec![0; (len as usize).min(READ_ENTRIES * ENTRY_BYTES)];
        let mut at = 0;
        while at < len {
            let count = ((len - at) as usize).min(bytes.len());
            self.spool.read_at(part.partition, at, &mut bytes[..count])?;
            for entry in bytes[..count].as_chunks::<ENTRY_BYTES>().0 {
                let (hash, rest) = entry.split_at(16);
                let (place, row) = rest.split_at(8);
                let hash = hash.try_into().map_or(0, u128::from_le_bytes);
                if part.holds(hash) {
                    let place = place.try_into().map_or(0, u64::from_le_bytes);
                    take(Entry { hash, place, row: row.try_into().map_or(0, u64::from_le_bytes) })?;
                }
            }
            at += count as u64;
        }
        Ok(())
    }
}

/// The part of a partition whose hashes end in `low`.
#[derive(Debug, Clone, Copy)]
struct Slice {
    partition: usize,
    bits: u32,
    low: u128,
}

impl Slice {
    fn whole(partition: usize) -> Self {
        Self { partition, bits: 0, low: 0 }
    }

    fn holds(&self, hash: u128) -> bool {
        hash & ((1 << self.bits) - 1) == self.low
    }

    fn halves(self) -> [Self; 2] {
        let half = |bit: u128| Self { bits: self.bits + 1, low: self.low | bit << self.bits, ..self };
        [half(0), half(1)]
    }
}

/// Keys are hashes already: some of their bits are as good a hash as any. The lowest tell slices apart and the highest
/// partitions, so those in between are taken.
#[derive(Debug, Default)]
struct MiddleBits(u64);

impl Hasher for MiddleBits {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = (hash >> 32) as u64;
    }
}

type ByHash<T> = HashMap<u128, T, BuildHasherDefault<MiddleBits>>;

/// The entries of a slice by their hash, each folded into one value; none when there are more than `keys_max` hashes.
fn by_hash<T>(
    keys: &KeySpool,
    slice: Slice,
    keys_max: usize,
    first: impl Fn(Entry) -> T,
    again: impl Fn(&mut T, Entry),
) -> Result<Option<ByHash<T>>> {
    let mut map = ByHash::<T>::default();
    let mut full = false;
    keys.each(slice, |entry| {
        if !full {
            map.entry(entry.hash).and_modify(|known| again(known, entry)).or_insert_with(|| first(entry));
            // Slices end somewhere: hashes that agree in so many bits are the same.
            full = map.len() > keys_max && slice.bits < 32;
        }
        Ok(())
    })?;
    Ok((!full).then_some(map))
}

/// A row whose unique key other rows have too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Repeated {
    /// The place of the row.
    pub place: u64,
    /// Row number of the first of the others in the file.
    pub other: u64,
}

/// Calls `take` with each row of a partition that shares its key with another row. `keys_max` different keys are held
/// in memory.
///
/// # Errors
/// When the scratch file cannot be read, and those of `take`.
pub fn repeated(
    keys: &KeySpool,
    partition: usize,
    keys_max: usize,
    mut take: impl FnMut(Repeated) -> Result<()>,
) -> Result<()> {
    repeated_in(keys, Slice::whole(partition), keys_max, &mut take)
}

fn repeated_in(
    keys: &KeySpool,
    slice: Slice,
    keys_max: usize,
    take: &mut impl FnMut(Repeated) -> Result<()>,
) -> Result<()> {
    let first = |entry: Entry| (entry.row, None);
    let again = |known: &mut (u64, Option<u64>), entry: Entry| {
        known.1.get_or_insert(entry.row);
    };
    let Some(map) = by_hash(keys, slice, keys_max, first, again)? else {
        return slice.halves().into_iter().try_for_each(|half| repeated_in(keys, half, keys_max, take));
    };
    if map.values().all(|(_, second)| second.is_none()) {
        return Ok(());
    }
    keys.each(slice, |entry| match map.get(&entry.hash) {
        Some((first, Some(second))) => {
            let other = if entry.row == *first { *second } else { *first };
            take(Repeated { place: entry.place, other })
        }
        _ => Ok(()),
    })
}

/// What a reference from a child relation to its parent says of one row; rows by their places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Matched {
    /// A child row and its parent (the first, where the parent's key is repeated).
    Link {
        /// The child row.
        child: u64,
        /// Its parent.
        parent: u64,
    },
    /// A child row without a parent.
    Orphan(u64),
    /// A parent row without a child.
    Childless(u64),
}

/// Matches a partition of child keys with the same partition of parent keys and calls `take` with what it finds, in no
/// particular order. `keys_max` different parent keys are held in memory.
///
/// # Errors
/// When a scratch file cannot be read, and those of `take`.
pub fn matched(
    child: &KeySpool,
    parent: &KeySpool,
    partition: usize,
    keys_max: usize,
    mut take: impl FnMut(Matched) -> Result<()>,
) -> Result<()> {
    matched_in(child, parent, Slice::whole(partition), keys_max, &mut take)
}

fn matched_in(
    child: &KeySpool,
    parent: &KeySpool,
    slice: Slice,
    keys_max: usize,
    take: &mut impl FnMut(Matched) -> Result<()>,
) -> Result<()> {
    let Some(mut parents) = by_hash(parent, slice, keys_max, |entry| (entry.place, false), |_, _| ())? else {
        let mut halves = slice.halves().into_iter();
        return halves.try_for_each(|half| matched_in(child, parent, half, keys_max, take));
    };
    let mut childless = parents.len();
    child.each(slice, |entry| match parents.get_mut(&entry.hash) {
        Some((place, has_child)) => {
            childless -= usize::from(!*has_child);
            *has_child = true;
            take(Matched::Link { child: entry.place, parent: *place })
        }
        None => take(Matched::Orphan(entry.place)),
    })?;
    if childless == 0 {
        return Ok(());
    }
    parent.each(slice, |entry| match parents.get(&entry.hash) {
        Some((_, false)) => take(Matched::Childless(entry.place)),
        _ => Ok(()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const SEED: KeyHasher = KeyHasher { seed: 7 };

    fn hash(key: u8) -> u128 {
        xxh3_128_with_seed(&[key], SEED.seed)
    }

    /// Row numbers with gaps, so that places and row numbers are not taken for each other.
    fn row(place: u64) -> u64 {
        2 + place * 3
    }

    fn spooled(keys: &[u8], bits: u32) -> Arc<KeySpool> {
        let scratch = tempfile::tempdir().unwrap();
        let mut spool = KeySpool::create(scratch.path(), bits, 64).unwrap();
        let hashes: Vec<_> = keys.iter().map(|key| Some(hash(*key))).collect();
        let rows: Vec<u64> = (0..keys.len() as u64).map(row).collect();
        let half = keys.len() / 2;
        spool.append(&hashes[..half], 0, &rows[..half]).unwrap();
        spool.append(&hashes[half..], half as u64, &rows[half..]).unwrap();
        spool.seal().unwrap()
    }

    fn placed(keys: &[u8]) -> Vec<(u8, u64)> {
        keys.iter().zip(0u64..).map(|(key, place)| (*key, place)).collect()
    }

    #[test]
    fn texts_do_not_run_into_each_other() {
        let text = |values: [&str; 2]| Arc::new(StringViewArray::from_iter_values(values)) as ArrayRef;
        let hashes = SEED.hash_rows(&[text(["ab", "a"]), text(["c", "bc"])]);
        assert_ne!(hashes[0], hashes[1]);
        let dates = Arc::new(Date32Array::from(vec![Some(1), None])) as ArrayRef;
        assert_eq!(SEED.hash_rows(&[dates, text(["x", "x"])])[1], None);
    }

    #[test]
    fn equal_numbers_are_equal_keys() {
        let numbers = Arc::new(Float64Array::from(vec![0.0, -0.0, 1.0])) as ArrayRef;
        let hashes = SEED.hash_rows(&[numbers]);
        assert_eq!(hashes[0], hashes[1]);
        assert_ne!(hashes[0], hashes[2]);
    }

    proptest! {
        #[test]
        fn matches_what_a_map_finds(
            parents in prop::collection::vec(0u8..40, 0..60),
            children in prop::collection::vec(0u8..50, 0..120),
            bits in 0u32..5,
            keys_max in 0usize..30,
        ) {
            let (parent, child) = (spooled(&parents, bits), spooled(&children, bits));
            let mut got = Vec::new();
            for partition in 0..parent.partitions() {
                matched(&child, &parent, partition, keys_max, |found| {
                    got.push(found);
                    Ok(())
                }).unwrap();
            }
            let mut first = BTreeMap::new();
            placed(&parents).into_iter().for_each(|(key, place)| { first.entry(key).or_insert(place); });
            let mut expected: Vec<Matched> = placed(&children).into_iter().map(|(key, child)| match first.get(&key) {
                Some(parent) => Matched::Link { child, parent: *parent },
                None => Matched::Orphan(child),
            }).collect();
            let childless = placed(&parents).into_iter().filter(|(key, _)| !children.contains(key));
            expected.extend(childless.map(|(_, place)| Matched::Childless(place)));
            got.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(got, expected);
        }

        #[test]
        fn repeated_keys_are_found(
            keys in prop::collection::vec(0u8..40, 0..60),
            bits in 0u32..5,
            keys_max in 0usize..30,
        ) {
            let spool = spooled(&keys, bits);
            let mut got = Vec::new();
            for partition in 0..spool.partitions() {
                repeated(&spool, partition, keys_max, |found| {
                    got.push(found);
                    Ok(())
                }).unwrap();
            }
            let mut expected = Vec::new();
            for (key, place) in placed(&keys) {
                let mut others = placed(&keys).into_iter().filter(|(k, p)| *k == key && *p != place);
                expected.extend(others.next().map(|(_, other)| Repeated { place, other: row(other) }));
            }
            got.sort_unstable();
            prop_assert_eq!(got, expected);
        }
    }

    #[test]
    fn one_key_on_many_rows_takes_one_pass() {
        let spool = spooled(&[9; 50_000], 2);
        let mut found = 0;
        for partition in 0..spool.partitions() {
            repeated(&spool, partition, 1, |_| {
                found += 1;
                Ok(())
            })
            .unwrap();
        }
        assert_eq!(found, 50_000);
    }
}
