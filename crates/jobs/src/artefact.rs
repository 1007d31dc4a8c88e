//! Files that an attempt makes: hashed while they are written, and durable before anybody names them.
//!
//! They lie in the batch's folder of results, `results/<batch>/<attempt>.<what>`, so that what an attempt left can be
//! told from what others made. Blocking functions.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use bordereau_base::digest::hex;
use sha2::{Digest, Sha256};

use crate::folder::{self, Folder};
use crate::store::Fence;

/// What a batch gives beside its results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArtefactKind {
    /// The newest profile of the rows seen so far; goes when the full one is there.
    PreliminaryProfile,
    /// The state that the full profile was made of.
    ProfileState,
}

impl ArtefactKind {
    /// The spelling in the store.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::PreliminaryProfile => "preliminaryProfile",
            Self::ProfileState => "profileState",
        }
    }
}

/// A file that is in place and durable, not named yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Artefact {
    /// Its path among the objects.
    pub(crate) object: String,
    /// SHA-256 in hex.
    pub(crate) sha256: String,
    /// Its length.
    pub(crate) bytes: u64,
}

/// The batch's folder of results among the objects.
pub(crate) fn folder_of(fence: &Fence) -> String {
    format!("results/{}", fence.id)
}

/// Writes `<attempt>.<what>`, which must not be there, and makes it durable. `fill` writes the content; it may write in
/// small pieces.
///
/// # Errors
/// When the data folder cannot be written, and those of `fill`.
pub(crate) fn write(
    folder: &Folder,
    fence: &Fence,
    what: &str,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<Artefact> {
    let object = format!("{}/{}.{what}", folder_of(fence), fence.attempt);
    let batch = folder.object(&folder_of(fence));
    folder::make(&batch)?;
    let file = File::create_new(folder.object(&object))?;
    let mut out = BufWriter::new(Hashing { file, hash: Sha256::new(), bytes: 0 });
    fill(&mut out)?;
    let Hashing { file, hash, bytes } = out.into_inner()?;
    file.sync_all()?;
    folder::sync_names(&batch)?;
    Ok(Artefact { object, sha256: hex(&hash.finalize()), bytes })
}

/// SHA-256 in hex of a file, and its length.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn digest(path: &std::path::Path) -> io::Result<(String, u64)> {
    let mut out = Hashing { file: io::sink(), hash: Sha256::new(), bytes: 0 };
    let bytes = io::copy(&mut File::open(path)?, &mut out)?;
    Ok((hex(&out.hash.finalize()), bytes))
}

struct Hashing<W> {
    file: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
