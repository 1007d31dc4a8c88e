//! The keys of the records of one contribution: a file sorted by hash, so that two of them are compared in one walk.
//!
//! Layout: [`MAGIC`], then entries of 24 bytes, the hash of the record's key (16 bytes, big endian) and the record's
//! number (8 bytes, big endian), ascending, each hash once. The hash is XXH3-128 over the typed values without a seed,
//! the same in every contribution; whoever prepares two keys of one hash replaces a record of its own by another of its
//! own, and nobody else's.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use crate::places::PlaceSet;
use crate::spool::Spool;

/// What a file of keys begins with: kind and version.
pub const MAGIC: [u8; 16] = *b"bordereau keys 1";

const ENTRY_BYTES: usize = 24;
type Entry = [u8; ENTRY_BYTES];

/// Partitions are `2^PARTITION_BITS`; one is sorted in memory at a time.
const PARTITION_BITS: u32 = 10;
/// Bytes that wait in memory to be written.
const GATHERED_BYTES_MAX: usize = 8 << 20;

/// Gathers the keys of a contribution in any order.
#[derive(Debug)]
pub struct KeyFile {
    spool: Spool,
    records: u64,
}

impl KeyFile {
    /// No keys yet; what is gathered lies in `scratch`.
    ///
    /// # Errors
    /// When the scratch file cannot be made.
    pub fn create(scratch: &Path) -> io::Result<Self> {
        Ok(Self { spool: Spool::create(scratch, GATHERED_BYTES_MAX)?, records: 0 })
    }

    /// Takes the key of a record.
    ///
    /// # Errors
    /// When the scratch file cannot be written.
    pub fn append(&mut self, hash: u128, record: u64) -> io::Result<()> {
        let mut entry: Entry = [0; ENTRY_BYTES];
        entry[..16].copy_from_slice(&hash.to_be_bytes());
        entry[16..].copy_from_slice(&record.to_be_bytes());
        self.records += 1;
        self.spool.append((hash >> (128 - PARTITION_BITS)) as usize, &entry)
    }

    /// Writes the file; how many keys it has.
    ///
    /// # Errors
    /// When the scratch file cannot be read or the file cannot be written.
    pub fn write(mut self, path: &Path) -> io::Result<u64> {
        self.spool.seal()?;
        let mut out = BufWriter::new(File::create_new(path)?);
        out.write_all(&MAGIC)?;
        for partition in 0..self.spool.buckets() {
            let bytes = self.spool.read(partition)?;
            let mut entries = bytes.as_chunks::<ENTRY_BYTES>().0.to_vec();
            entries.sort_unstable();
            entries.iter().try_for_each(|entry| out.write_all(entry))?;
        }
        out.flush()?;
        Ok(self.records)
    }
}

/// Reads a file of keys in order.
struct Keys {
    file: BufReader<File>,
}

impl Keys {
    /// Reads from where the file is.
    fn of(file: File) -> io::Result<Self> {
        let mut file = BufReader::new(file);
        let mut magic = [0; MAGIC.len()];
        file.read_exact(&mut magic)?;
        if magic == MAGIC { Ok(Self { file }) } else { Err(io::ErrorKind::InvalidData.into()) }
    }

    fn next(&mut self) -> io::Result<Option<Entry>> {
        let mut entry: Entry = [0; ENTRY_BYTES];
        match self.file.read_exact(&mut entry) {
            Ok(()) => Ok(Some(entry)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn record(entry: &Entry) -> u64 {
    entry[16..].try_into().map_or(0, u64::from_be_bytes)
}

/// Adds to `into` the records of the contribution `of` whose keys the contribution `other` has too. Both files are at
/// their beginning.
///
/// # Errors
/// When a file cannot be read or is no file of keys.
pub fn add_common(of: File, other: File, into: &mut PlaceSet) -> io::Result<()> {
    let (mut left, mut right) = (Keys::of(of)?, Keys::of(other)?);
    let (mut ours, mut theirs) = (left.next()?, right.next()?);
    while let (Some(one), Some(two)) = (&ours, &theirs) {
        match one[..16].cmp(&two[..16]) {
            std::cmp::Ordering::Less => ours = left.next()?,
            std::cmp::Ordering::Greater => theirs = right.next()?,
            std::cmp::Ordering::Equal => {
                into.insert(record(one));
                ours = left.next()?;
            }
        }
    }
    Ok(())
}

/// Writes the keys in `from`, a file at its beginning, to `to` without the records `dropped`; how many are left.
///
/// # Errors
/// When `from` cannot be read or is no file of keys, or `to` is there or cannot be written.
pub fn write_without(from: File, dropped: &PlaceSet, to: &Path) -> io::Result<u64> {
    let mut keys = Keys::of(from)?;
    let mut out = BufWriter::new(File::create_new(to)?);
    out.write_all(&MAGIC)?;
    let mut left = 0;
    while let Some(entry) = keys.next()? {
        if !dropped.contains(record(&entry)) {
            out.write_all(&entry)?;
            left += 1;
        }
    }
    out.flush()?;
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn written(keys: &BTreeMap<u128, u64>, path: &Path) {
        let mut file = KeyFile::create(path.parent().unwrap()).unwrap();
        // Not in order.
        keys.iter().rev().for_each(|(hash, record)| file.append(*hash, *record).unwrap());
        assert_eq!(file.write(path).unwrap(), keys.len() as u64);
    }

    fn opened(path: &Path) -> File {
        File::open(path).unwrap()
    }

    fn keys() -> impl Strategy<Value = BTreeMap<u128, u64>> {
        // Hashes from both ends and the middle, so that there are some in common.
        let hash = (0u128..40).prop_map(|at| at * (u128::MAX / 40));
        prop::collection::btree_map(hash, 0u64..1_000, 0..30)
    }

    proptest! {
        #[test]
        fn what_two_have_in_common_is_found_and_can_be_left_out(ours in keys(), theirs in keys()) {
            let folder = tempfile::tempdir().unwrap();
            let (one, two, rest) = (folder.path().join("one"), folder.path().join("two"), folder.path().join("rest"));
            written(&ours, &one);
            written(&theirs, &two);
            let mut common = PlaceSet::default();
            add_common(opened(&one), opened(&two), &mut common).unwrap();
            let shared = ours.iter().filter(|(hash, _)| theirs.contains_key(hash));
            let mut expected: Vec<u64> = shared.map(|(_, record)| *record).collect();
            expected.sort_unstable();
            expected.dedup();
            prop_assert_eq!(common.iter().collect::<Vec<_>>(), expected);
            let left = ours.values().filter(|record| !common.contains(**record)).count() as u64;
            prop_assert_eq!(write_without(opened(&one), &common, &rest).unwrap(), left);
            let mut none = PlaceSet::default();
            add_common(opened(&rest), opened(&two), &mut none).unwrap();
            let records: std::collections::BTreeSet<_> = ours.values().collect();
            prop_assert!(none.is_empty() || ours.len() != records.len());
        }
    }

    #[test]
    fn what_is_no_file_of_keys_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (path, to) = (folder.path().join("other"), folder.path().join("to"));
        std::fs::write(&path, b"bordereau keys 2 and so on").unwrap();
        assert!(write_without(opened(&path), &PlaceSet::default(), &to).is_err());
    }
}
