//! Whether what lies in the data folder is still what was put there.
//!
//! Each upload, result, profile and state is named in the store with its SHA-256. Before one is handed out, and before
//! an upload is worked on, its bytes are hashed again: what a disk has changed since is found, counted, logged with its
//! name and never served. Cost: one more read of the file, which the read that follows finds in the system's cache.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use bordereau_base::digest::hex;
use bordereau_engine::progress::Progress;
use object_store::ObjectStoreExt;
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
        let content = self.inner.folder.objects.get(&object.as_str().into()).await?.into_stream();
        let (path, stated) = (self.inner.folder.object(&object), sha256.clone());
        let found = tokio::task::spawn_blocking(move || digest(&path, || true)).await??;
        self.compare(&object, what, &stated, found.as_deref())?;
        Ok(ResultsFile { sha256, bytes, content })
    }

    /// Looks at the upload of a batch that is about to run. False: the batch is being cancelled.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it is not what was accepted, or gone; when it cannot be read.
    pub(crate) async fn check_upload(&self, claim: &Claim, progress: &Arc<Progress>) -> Result<bool> {
        let (path, progress) = (self.inner.folder.object(&claim.upload_object), Arc::clone(progress));
        let found = tokio::task::spawn_blocking(move || digest(&path, || progress.check().is_ok())).await?;
        let found = match found {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Ok(None) => return Ok(false),
            Ok(Some(found)) => found,
            Err(error) => return Err(error.into()),
        };
        self.compare(&claim.upload_object, "upload", &claim.upload_sha256, Some(&found))?;
        Ok(true)
    }

    fn compare(&self, object: &str, what: &'static str, stated: &str, found: Option<&str>) -> Result<()> {
        if found == Some(stated) {
            return Ok(());
        }
        self.inner.measures.damaged();
        tracing::error!(object, stated, found, "a stored {what} is not what was written; check the disk");
        Err(Error::Damaged(what))
    }
}

/// SHA-256 of a file in hex; none once `go_on` says no. Blocks.
fn digest(path: &Path, go_on: impl Fn() -> bool) -> io::Result<Option<String>> {
    let (mut file, mut hash, mut piece) = (File::open(path)?, Sha256::new(), vec![0; PIECE_BYTES]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(Some(hex(&hash.finalize()))),
            _ if !go_on() => return Ok(None),
            read => hash.update(&piece[..read]),
        }
    }
}
