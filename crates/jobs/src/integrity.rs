//! Whether what lies in the data folder is still what was put there.
//!
//! Each upload, result, profile, state and file of a pool is named in the store with its SHA-256. Before one is handed
//! out, and before an upload or a pool is worked on, the file that was opened for it is hashed: what a disk has changed
//! since is found, counted, logged with its name and never served. Cost: one more read of the file, which the read that
//! follows finds in the system's cache.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::sync::Arc;

use bordereau_base::digest::hex;
use bordereau_engine::progress::Progress;
use object_store::{GetResult, GetResultPayload, ObjectStoreExt};
use sha2::{Digest, Sha256};

use crate::artefact::Artefact;
use crate::batch::ResultsFile;
use crate::error::{Error, Result};
use crate::jobs::Jobs;
use crate::store::Claim;

const PIECE_BYTES: usize = 256 << 10;

impl Jobs {
    /// Opens what the store names, once its bytes are known to be those that were written.
    ///
    /// # Errors
    /// [`Error::Damaged`] when they are not; when it cannot be read.
    pub(crate) async fn open_artefact(&self, artefact: Artefact, what: &'static str) -> Result<ResultsFile> {
        let Artefact { object, sha256, bytes } = artefact;
        let mut got = self.inner.folder.objects.get(&object.as_str().into()).await?;
        if let GetResultPayload::File(file, path) = got.payload {
            let (file, found) = tokio::task::spawn_blocking(move || hashed(file)).await??;
            self.compare(&object, what, &sha256, Some(&found))?;
            got = GetResult { payload: GetResultPayload::File(file, path), ..got };
        }
        Ok(ResultsFile { sha256, bytes, content: got.into_stream() })
    }

    /// As [`Jobs::open_artefact`], as a file at its beginning.
    ///
    /// # Errors
    /// As there.
    pub(crate) async fn open_file(&self, object: &str, sha256: &str, what: &'static str) -> Result<File> {
        let path = self.inner.folder.object(object);
        // Goes with this future, which the server drops when the client hangs up.
        let waiting = Arc::new(());
        let waited_for = Arc::downgrade(&waiting);
        let opened = tokio::task::spawn_blocking(move || {
            let mut file = File::open(path)?;
            let found = digest(&mut file, || waited_for.strong_count() > 0)?;
            file.rewind()?;
            io::Result::Ok(found.map(|found| (file, found)))
        });
        let (file, found) = opened.await??.ok_or(Error::Task)?;
        drop(waiting);
        self.compare(object, what, sha256, Some(&found))?;
        Ok(file)
    }

    /// Looks at the upload of a batch that is about to run. False: the batch is being cancelled.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it is not what was accepted, or gone; when it cannot be read.
    pub(crate) async fn check_upload(&self, claim: &Claim, progress: &Arc<Progress>) -> Result<bool> {
        let (path, progress) = (self.inner.folder.object(&claim.upload_object), Arc::clone(progress));
        let found = tokio::task::spawn_blocking(move || {
            File::open(path).and_then(|mut file| digest(&mut file, || progress.check().is_ok()))
        })
        .await?;
        let found = match found {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Ok(None) => return Ok(false),
            Ok(Some(found)) => found,
            Err(error) => return Err(error.into()),
        };
        self.compare(&claim.upload_object, "upload", &claim.upload_sha256, Some(&found))?;
        Ok(true)
    }

    /// Counts and logs a file that is not what was written; `found` is its digest, none when it is gone.
    pub(crate) fn is_damaged(&self, object: &str, what: &'static str, stated: &str, found: Option<&str>) {
        self.inner.measures.damaged();
        tracing::error!(object, stated, found, "a stored {what} is not what was written; check the disk");
    }

    fn compare(&self, object: &str, what: &'static str, stated: &str, found: Option<&str>) -> Result<()> {
        if found == Some(stated) {
            return Ok(());
        }
        self.is_damaged(object, what, stated, found);
        Err(Error::Damaged(what))
    }
}

/// A file at its beginning, with the SHA-256 of it in hex. Blocks.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn hashed(mut file: File) -> io::Result<(File, String)> {
    let found = digest(&mut file, || true)?.unwrap_or_default();
    file.rewind()?;
    Ok((file, found))
}

/// SHA-256 in hex of what is left of a file; none once `go_on` says no. Blocks.
fn digest(file: &mut File, go_on: impl Fn() -> bool) -> io::Result<Option<String>> {
    let (mut hash, mut piece) = (Sha256::new(), vec![0; PIECE_BYTES]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(Some(hex(&hash.finalize()))),
            _ if !go_on() => return Ok(None),
            read => hash.update(&piece[..read]),
        }
    }
}
