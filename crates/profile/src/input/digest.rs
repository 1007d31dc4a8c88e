//! SHA-256 of what was uploaded, found while it is read.
//!
//! A file that is read from its first to its last byte is hashed on the way, so that the disk is read once and the
//! bytes are still in the cache; files that are read here and there (zips, Parquet) are hashed beside the pass. Cost:
//! some 1.5 GB a second and core where the processor has instructions for it.

use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, OnceLock};

const READ_BYTES: usize = 256 << 10;

/// The digest of one file, once it is known. Shared by all that may find it out.
pub(crate) type DigestSlot = Arc<OnceLock<[u8; 32]>>;

/// Reads a file from its start, hashing what it reads when there is a slot for the digest. There may be one reader of a
/// file at a time, since they share its cursor.
#[derive(Debug)]
pub(crate) struct HashedFile {
    file: Arc<File>,
    hashing: Option<(Sha256, DigestSlot)>,
    bytes: u64,
    failed: bool,
}

impl HashedFile {
    pub(crate) fn open(file: Arc<File>, slot: Option<DigestSlot>) -> io::Result<Self> {
        (&*file).seek(SeekFrom::Start(0))?;
        Ok(Self { file, hashing: slot.map(|slot| (Sha256::new(), slot)), bytes: 0, failed: false })
    }

    /// Bytes read so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether the disk failed, so that what a decoder says is no fault of the file's.
    pub(crate) fn failed(&self) -> bool {
        self.failed
    }
}

impl Read for HashedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match (&*self.file).read(buffer) {
            Ok(read) => read,
            Err(error) => {
                self.failed = error.kind() != io::ErrorKind::Interrupted;
                return Err(error);
            }
        };
        self.bytes += read as u64;
        if let Some((hasher, _)) = &mut self.hashing {
            hasher.update(&buffer[..read]);
        }
        if read == 0
            && !buffer.is_empty()
            && let Some((hasher, slot)) = self.hashing.take()
        {
            // Whoever was first found the same.
            let _ = slot.set(hasher.finalize().into());
        }
        Ok(read)
    }
}

/// Hashes a whole file into `slot`, unless its digest is known; gives up when `cancelled` says so.
pub(crate) fn hash_file(file: &Arc<File>, slot: &DigestSlot, cancelled: &dyn Fn() -> bool) -> io::Result<()> {
    if slot.get().is_some() {
        return Ok(());
    }
    let mut reader = HashedFile::open(Arc::clone(file), Some(Arc::clone(slot)))?;
    let mut buffer = vec![0; READ_BYTES];
    while !cancelled() && reader.read(&mut buffer)? > 0 {}
    Ok(())
}

/// The digest of an upload of several files: that of their digests in order; of a single file its own.
pub(crate) fn of_all(digests: &[[u8; 32]]) -> [u8; 32] {
    match digests {
        [digest] => *digest,
        digests => Sha256::digest(digests.concat()).into(),
    }
}
