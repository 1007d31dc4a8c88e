//! Files in which the stage `score` is saved when a batch is to stop and be gone on with ([`Progress::drain`]).
//!
//! A checkpoint is a saving and never needed: without it, or where it does not fit, the batch starts over. It is of one
//! build of the program, one upload, one release and one way to ask, all of which stand in its head; whoever goes on
//! from it says what of that must be the same ([`Checkpoint::of`]). What is in it is the stage's own affair
//! (`stages/score/kept.rs`).
//!
//! # Format
//! The line `bordereau checkpoint 01`; the length of the head, eight bytes, least first; the head, JSON; the bodies,
//! whose lengths the head has; SHA-256 of all of that. The digest is compared before anything else is looked at, so
//! what is read after it is what a program wrote. The number in the first line changes with the format; no build reads
//! the files of another, so none is kept readable.
//!
//! Knows nothing of the folders in which the files lie, and removes none but one that it could not finish.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bordereau_base::digest::hex;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::progress::Progress;

/// How each file begins.
const MAGIC: &[u8; 24] = b"bordereau checkpoint 01\n";
const DIGEST_BYTES: u64 = 32;
/// Bytes that are read at a time.
const READ_BYTES: usize = 1 << 20;
/// Bytes after which what was written is synced, so that the time it takes is known.
const SYNCED_BYTES: u64 = 64 << 20;

/// Is told what becomes of a checkpoint.
pub type Tell = Arc<dyn Fn(Told) + Send + Sync>;

/// Where scoring is saved, and what it goes on from.
#[derive(Clone)]
pub struct Checkpoint {
    /// What stands for the upload and for what is asked of it, such as digest and submission: the same for all attempts
    /// at a batch, and for no other.
    pub of: String,
    /// A checkpoint of an earlier attempt.
    pub from: Option<PathBuf>,
    /// The file to be written when the work is to stop. Whole and synced when it is there after the batch; its name is
    /// not.
    pub to: PathBuf,
    /// The longest time for writing it.
    pub time_max: Duration,
    /// Is told what becomes of it.
    pub tell: Tell,
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpoint").field("from", &self.from).field("to", &self.to).finish_non_exhaustive()
    }
}

/// What becomes of a checkpoint. Ranges are runs of neighbouring records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Scoring goes on from one.
    Resumed {
        /// Ranges that need not be scored again.
        ranges: usize,
        /// Their records.
        records: u64,
    },
    /// There is one, and it is of no use; all starts over. The reason quotes nothing of it.
    Unusable(String),
    /// So many ranges are scored.
    Scored {
        /// All that are scored, by earlier attempts too.
        ranges: usize,
    },
    /// So many ranges are explained, of a batch that explains after all is scored.
    Explained {
        /// All that are explained, by earlier attempts too.
        ranges: usize,
    },
    /// The work stops, and was saved.
    Saved {
        /// Ranges that need not be scored again.
        ranges: usize,
        /// Their records.
        records: u64,
        /// Bytes of the file.
        bytes: u64,
    },
    /// The work stops, and could not be saved.
    NotSaved(String),
}

/// Why a checkpoint is of no use.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unusable(pub(crate) String);

impl Unusable {
    pub(crate) fn new(why: &str) -> Self {
        Self(why.to_owned())
    }
}

impl From<io::Error> for Unusable {
    fn from(error: io::Error) -> Self {
        // The text of an error below ours may quote a cell.
        Self(format!("reading failed: {}", error.kind()))
    }
}

impl From<Error> for Unusable {
    fn from(error: Error) -> Self {
        match error {
            Error::Io(error) => error.into(),
            other => Self(other.to_string()),
        }
    }
}

/// What tells this build of the program from others: its version and the SHA-256 of the program; nothing when that
/// cannot be read. Cost: reads the program once.
pub(crate) fn build() -> Option<&'static str> {
    static BUILD: OnceLock<Option<String>> = OnceLock::new();
    let build = BUILD.get_or_init(|| {
        // The very program that runs, whatever was put in its place since.
        let path =
            if cfg!(target_os = "linux") { PathBuf::from("/proc/self/exe") } else { std::env::current_exe().ok()? };
        let digest = digest(Sha256::new(), File::open(path).ok()?).ok()?;
        Some(format!("{} {}", env!("CARGO_PKG_VERSION"), hex(&digest)))
    });
    build.as_deref()
}

/// SHA-256 of what `hash` has taken already, then of all that is read.
fn digest(mut hash: Sha256, mut from: impl Read) -> io::Result<[u8; DIGEST_BYTES as usize]> {
    let mut piece = vec![0; READ_BYTES];
    loop {
        match from.read(&mut piece)? {
            0 => return Ok(hash.finalize().into()),
            read => hash.update(&piece[..read]),
        }
    }
}

/// Writes [`Checkpoint::to`], whose bodies `fill` gives, and syncs it. Its length. Leaves nothing after an error.
///
/// # Errors
/// When the file cannot be written, or not within the time; those of `fill`.
pub(crate) fn write(
    checkpoint: &Checkpoint,
    head: &[u8],
    fill: impl FnOnce(&mut Writer) -> io::Result<()>,
) -> io::Result<u64> {
    let file = File::options().write(true).create(true).truncate(true).open(&checkpoint.to)?;
    let until = Instant::now() + checkpoint.time_max;
    let mut out = Writer { file, hash: Sha256::new(), bytes: 0, unsynced: 0, until };
    let written = out.write_all(MAGIC).and_then(|()| {
        out.write_all(&(head.len() as u64).to_le_bytes())?;
        out.write_all(head)?;
        fill(&mut out)?;
        out.end()
    });
    // A file that is not whole is of no use to anybody.
    written.inspect_err(|_| _ = std::fs::remove_file(&checkpoint.to))
}

/// Takes the bytes of a checkpoint.
pub(crate) struct Writer {
    file: File,
    hash: Sha256,
    bytes: u64,
    unsynced: u64,
    until: Instant,
}

impl Writer {
    fn end(&mut self) -> io::Result<u64> {
        self.file.write_all(&self.hash.clone().finalize())?;
        self.file.sync_all()?;
        Ok(self.bytes + DIGEST_BYTES)
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if Instant::now() > self.until {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        self.unsynced += written as u64;
        if self.unsynced >= SYNCED_BYTES {
            self.unsynced = 0;
            self.file.sync_data()?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The head of a checkpoint that is whole, and its bodies.
///
/// # Errors
/// When it cannot be read or is none; also when the batch is to stop.
pub(crate) fn open<'a>(path: &Path, progress: &'a Progress) -> Result<(Vec<u8>, impl Read + use<'a>), Unusable> {
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let mut from = BufReader::with_capacity(READ_BYTES, Watched { from: file, progress });
    let mut magic = [0; MAGIC.len()];
    let begins = from.read_exact(&mut magic).is_ok() && magic == *MAGIC;
    if !begins || bytes < MAGIC.len() as u64 + 8 + DIGEST_BYTES {
        return Err(Unusable::new("it is no checkpoint of this format"));
    }
    let hashed = bytes - DIGEST_BYTES;
    let found = digest(Sha256::new_with_prefix(magic), from.by_ref().take(hashed - MAGIC.len() as u64))?;
    let mut stated = [0; DIGEST_BYTES as usize];
    from.read_exact(&mut stated)?;
    if stated != found {
        return Err(Unusable::new("it is damaged"));
    }
    from.seek(SeekFrom::Start(MAGIC.len() as u64))?;
    let mut length = [0; 8];
    from.read_exact(&mut length)?;
    let mut head = Vec::new();
    from.by_ref().take(u64::from_le_bytes(length)).read_to_end(&mut head)?;
    Ok((head, from.take(hashed)))
}

/// Reads as long as the batch is not to stop.
struct Watched<'a> {
    from: File,
    progress: &'a Progress,
}

impl Read for Watched<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.progress.check().map_err(io::Error::other)?;
        self.from.read(into)
    }
}

impl Seek for Watched<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.from.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(to: PathBuf) -> Checkpoint {
        Checkpoint { of: String::new(), from: None, to, time_max: Duration::from_secs(600), tell: Arc::new(drop) }
    }

    fn read(path: &Path) -> Result<(Vec<u8>, Vec<u8>), Unusable> {
        let progress = Progress::default();
        let (head, mut from) = open(path, &progress)?;
        let mut body = vec![0; 9];
        from.read_exact(&mut body)?;
        Ok((head, body))
    }

    #[test]
    fn what_was_written_comes_back_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.checkpoint");
        let bytes = write(&checkpoint(path.clone()), b"{}", |out| out.write_all(b"some body")).unwrap();
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(bytes, whole.len() as u64);
        assert_eq!(read(&path), Ok((b"{}".to_vec(), b"some body".to_vec())));
        // Each byte changed, each length, something behind it.
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            std::fs::write(&path, damaged).unwrap();
            assert!(read(&path).is_err(), "{at}");
            std::fs::write(&path, &whole[..at]).unwrap();
            assert!(read(&path).is_err(), "{at} bytes");
        }
        std::fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
        assert!(read(&path).is_err());
        std::fs::remove_file(&path).unwrap();
        assert!(read(&path).is_err());
    }

    #[test]
    fn one_that_cannot_be_finished_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.checkpoint");
        let failed = write(&checkpoint(path.clone()), b"{}", |_| Err(io::ErrorKind::StorageFull.into()));
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
        let late = Checkpoint { time_max: Duration::ZERO, ..checkpoint(path.clone()) };
        let failed = write(&late, b"{}", |out| {
            while Instant::now() <= out.until {}
            out.write_all(b"too late")
        });
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(!path.exists());
    }

    #[test]
    fn reading_ends_when_the_batch_is_to_stop() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.checkpoint");
        write(&checkpoint(path.clone()), b"{}", |out| out.write_all(b"some body")).unwrap();
        let progress = Progress::default();
        progress.drain();
        assert!(open(&path, &progress).is_err());
    }

    #[test]
    fn a_build_has_a_name() {
        assert!(build().unwrap().len() > 64);
    }
}
