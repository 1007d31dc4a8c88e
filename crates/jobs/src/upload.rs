//! Receiving an upload: bytes to disk while they are hashed, then the steps that make it a batch.
//!
//! Order of [`UploadReceiver::finish`]: sync the file, look at the zip's directory, pin the release, put the file in
//! place and sync the names, commit the row. Only then is there a key to give. A crash between any two steps leaves a
//! file that no row names, in a folder with the name of the process, and is swept once that process has ended.
//!
//! Cost: [`BUFFER_BYTES`] in memory for each upload; one SHA-256 and one write of each byte, on blocking threads.

use std::fs::File;
use std::io::{self, Write};
use std::mem;
use std::path::PathBuf;
use std::sync::Arc;

use bordereau_base::digest::hex;
use bordereau_base::ids::BatchKey;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use crate::account::{Action, Caller};
use crate::batch::{Accepted, BatchRequest};
use crate::error::{Error, Result};
use crate::folder::{self, Folder};
use crate::jobs::Jobs;
use crate::store::{Inserted, NewBatch, StoredUpload, Taken, explanations_name, format_name};

/// How much of an upload is held in memory.
pub const BUFFER_BYTES: usize = 1 << 20;

/// An upload on its way in. Dropped before it is finished it leaves nothing behind.
pub struct UploadReceiver {
    jobs: Jobs,
    caller: Caller,
    request: BatchRequest,
    incoming: Incoming,
    /// Absent after a write that failed or was abandoned half way.
    sink: Option<Sink>,
    buffer: Vec<u8>,
    bytes: u64,
    _turn: OwnedSemaphorePermit,
}

/// The file on its way in, removed with this.
struct Incoming {
    path: PathBuf,
    object: String,
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // After the upload was put in place nothing is there any more; else the sweep finds what cannot be removed now.
        let _ = std::fs::remove_file(&self.path);
    }
}

struct Sink {
    file: File,
    hash: Sha256,
}

impl Sink {
    fn take(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.hash.update(bytes);
        self.file.write_all(bytes)
    }
}

impl Jobs {
    /// Begins to receive an upload for `request`. Rights and release are looked at before any byte is taken.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without the right, [`Error::Unknown`] for a solution, submission or release that is not
    /// there, [`Error::Busy`] when too many uploads are under way, [`Error::Full`] when the disk has no
    /// room for more; when the data folder cannot be written.
    pub async fn begin_upload(&self, caller: &Caller, request: BatchRequest) -> Result<UploadReceiver> {
        self.authorize(caller, Action::Send, &request.solution, &request.submission)?;
        self.pinned(&request)?;
        let turn = Arc::clone(&self.inner.uploads).try_acquire_owned().map_err(|_| Error::Busy("uploads"))?;
        self.has_room().await?;
        let owner = self.owner().await?;
        let name = Uuid::new_v4().simple().to_string();
        let folder = self.inner.folder.incoming().join(owner);
        let incoming = Incoming { path: folder.join(&name), object: format!("uploads/{owner}/{name}.zip") };
        let path = incoming.path.clone();
        let file = tokio::task::spawn_blocking(move || {
            folder::make(&folder)?;
            File::create_new(path)
        });
        let sink = Some(Sink { file: file.await??, hash: Sha256::new() });
        let (jobs, caller, buffer) = (self.clone(), caller.clone(), Vec::new());
        Ok(UploadReceiver { jobs, caller, request, incoming, sink, buffer, bytes: 0, _turn: turn })
    }
}

impl Jobs {
    /// Makes an upload that was looked at a batch: pins the release, puts the file in place by `place`, commits the
    /// row.
    pub(crate) async fn accept_upload(
        &self,
        caller: &Caller,
        request: &BatchRequest,
        upload: StoredUpload,
        place: impl FnOnce(&Folder) -> io::Result<()> + Send + 'static,
    ) -> Result<Accepted> {
        let (release_version, release_sha256) = self.pinned(request)?;
        let new = NewBatch {
            customer: caller.customer().clone(),
            key: request.key.unwrap_or_else(BatchKey::random),
            by: caller.clone(),
            request: request.clone(),
            release_version,
            release_sha256,
            request_sha256: request_sha256(request, caller, &upload.sha256),
            upload_object: upload.object,
            upload_sha256: upload.sha256,
            upload_bytes: upload.bytes,
        };
        let store = &self.inner.store;
        if let Some(taken) = store.taken(&new).await? {
            return again(new.key, taken);
        }
        let (folder, to) = (self.inner.folder.clone(), self.inner.folder.object(&new.upload_object));
        tokio::task::spawn_blocking(move || place(&folder)).await??;
        let inserted = store.insert_batch(&new, self.now()).await;
        if !matches!(inserted, Ok(Inserted::New | Inserted::Doubtful(_))) {
            // No row names it. What cannot be removed now is swept once this process has ended.
            let _ = tokio::task::spawn_blocking(move || std::fs::remove_file(to)).await;
        }
        match inserted? {
            Inserted::New => {
                tracing::info!(customer = %new.customer, key = %new.key, bytes = new.upload_bytes, "batch accepted");
                self.inner.accepted.notify_one();
                Ok(Accepted::New(new.key))
            }
            Inserted::Taken(taken) => again(new.key, taken),
            // The file stays until the sweep, which asks the store.
            Inserted::Doubtful(error) => Err(error),
        }
    }
}

impl UploadReceiver {
    /// Takes the next bytes of the upload.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when the upload has more bytes than are taken; when the data folder cannot be written. After
    /// an error the upload cannot be finished.
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        let upload_bytes_max = self.jobs.upload_bytes_max();
        if self.bytes > upload_bytes_max {
            self.sink = None;
            return Err(Error::TooLarge { upload_bytes_max });
        }
        self.buffer.extend_from_slice(&bytes);
        if self.buffer.len() >= BUFFER_BYTES { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<()> {
        self.jobs.has_room().await?;
        let mut sink = self.sink.take().ok_or(Error::Task)?;
        let buffer = mem::take(&mut self.buffer);
        let written = tokio::task::spawn_blocking(move || sink.take(&buffer).map(|()| (sink, buffer)));
        let (sink, mut buffer) = written.await??;
        buffer.clear();
        (self.sink, self.buffer) = (Some(sink), buffer);
        Ok(())
    }

    /// Makes the upload a batch. When this returns a key, file and batch survive power loss. Runs to its end even when
    /// the caller stops waiting.
    ///
    /// # Errors
    /// [`Error::Refused`] when the zip is not taken; [`Error::Conflict`] when the customer used the key for another
    /// upload or request; [`Error::Unknown`] when the release went meanwhile; [`Error::Unwelcome`] when the caller's
    /// credentials did; when store or data folder fail.
    pub async fn finish(self) -> Result<Accepted> {
        // A task of its own: dropped between placing the file and the commit it could not tell which of both to keep.
        tokio::spawn(self.accept()).await?
    }

    async fn accept(mut self) -> Result<Accepted> {
        self.flush().await?;
        let sink = self.sink.take().ok_or(Error::Task)?;
        if !self.jobs.is_welcome(&self.caller) {
            return Err(Error::Unwelcome);
        }
        let upload_sha256 = self.check(sink).await?;
        let upload = StoredUpload { object: self.incoming.object.clone(), sha256: upload_sha256, bytes: self.bytes };
        let (from, object) = (self.incoming.path.clone(), upload.object.clone());
        let place = move |folder: &Folder| folder::place(&from, &folder.object(&object));
        self.jobs.accept_upload(&self.caller, &self.request, upload, place).await
    }

    /// Syncs the file and looks at the zip's directory; the digest of its bytes.
    async fn check(&self, sink: Sink) -> Result<String> {
        let (path, options) = (self.incoming.path.clone(), self.jobs.inner.options.clone());
        tokio::task::spawn_blocking(move || {
            sink.file.sync_all()?;
            (options.check_upload)(&path, &options.limits)?;
            Ok(hex(&sink.hash.finalize()))
        })
        .await?
    }
}

/// The answer for a key that is taken.
pub(crate) fn again(key: BatchKey, taken: Taken) -> Result<Accepted> {
    match taken {
        Taken::Same => Ok(Accepted::Again(key)),
        Taken::Other => Err(Error::Conflict),
    }
}

/// What must be the same for a repeated key to mean the same batch. The release that was active is not part of it.
pub(crate) fn request_sha256(request: &BatchRequest, caller: &Caller, upload_sha256: &str) -> String {
    let explanations = request.explanations.map(explanations_name).unwrap_or_default();
    let parts = [
        request.solution.as_str(),
        request.submission.as_str(),
        request.version.as_ref().map_or("", |version| version.as_str()),
        format_name(request.format),
        &explanations,
        upload_sha256,
    ];
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    // A test is never taken for the same as what is none.
    if caller.is_tester() {
        hash.update("test");
    }
    hex(&hash.finalize())
}
