//! Uploads that come in pieces and survive bad lines.
//!
//! An upload is made with its length and with what is asked ([`Jobs::create_upload`]), takes pieces one after the other
//! ([`Jobs::resume_upload`], [`Piece`]), and becomes the batch that the same bytes sent at once would have become as
//! soon as it is whole. The key of that batch is chosen when the upload is made, so that finishing it twice is the same
//! batch. What is asked is looked at when it is made and again when it is whole.
//!
//! Invariants: what was answered to be there is durable. A file is synced before the position behind its bytes is
//! written to the store; what a file has beyond that position counts for nothing and is cut off by the next piece. A
//! piece holds the file's lock, so nobody else takes one meanwhile, in whatever process. A piece with a checksum counts
//! as a whole or not at all. The last byte counts once the batch is there: who hears that all came need not come again.
//! Another customer's uploads do not exist.
//!
//! Cost: [`BUFFER_BYTES`] of memory for each piece on its way in, a sync each [`SYNC_BYTES`], and one reading of the
//! whole for its digest.

mod checksum;
mod finish;

use std::fs::{File, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::mem;
use std::path::PathBuf;
use std::sync::Arc;

use bordereau_base::ids::BatchKey;
use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use crate::account::{Action, Caller};
use crate::batch::{Accepted, BatchRequest};
use crate::error::{Error, Result};
use crate::folder;
use crate::jobs::Jobs;
use crate::runner::later;
use crate::store::ResumableRow;
use crate::upload::BUFFER_BYTES;

pub use checksum::Checksum;
use checksum::Sum;

/// How much of a piece without a checksum may be lost when the process ends.
const SYNC_BYTES: u64 = 16 << 20;
/// Uploads of one customer that are not whole.
const OPEN_MAX: u64 = 1_000;

/// The name of an upload; random, so that nobody guesses another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadId(Uuid);

impl std::fmt::Display for UploadId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.simple())
    }
}

impl std::str::FromStr for UploadId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let id: Uuid = text.parse().map_err(|_| Error::Unknown)?;
        // One spelling only.
        if id.simple().to_string() == text { Ok(Self(id)) } else { Err(Error::Unknown) }
    }
}

/// Where an upload is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resumable {
    /// Its name.
    pub id: UploadId,
    /// The key of the batch that it becomes.
    pub key: BatchKey,
    /// Bytes of the whole.
    pub bytes: u64,
    /// Bytes that are there and durable.
    pub position: u64,
    /// When it is removed unless something of it comes.
    pub expires: Timestamp,
    /// What its client said of it, as it said it.
    pub metadata: String,
}

/// What a piece came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Where the upload is now.
    pub upload: Resumable,
    /// The batch, when the upload is whole.
    pub accepted: Option<Accepted>,
}

impl Jobs {
    /// Makes an upload of `bytes` bytes for `request`. `metadata` is what the client said, to be told again.
    ///
    /// # Errors
    /// As [`Jobs::begin_upload`]; [`Error::TooLarge`] when it has more bytes than are taken; [`Error::Busy`] when the
    /// customer has very many that are not whole.
    pub async fn create_upload(
        &self,
        caller: &Caller,
        request: &BatchRequest,
        bytes: u64,
        metadata: String,
    ) -> Result<Resumable> {
        self.authorize(caller, Action::Send, &request.solution, &request.submission)?;
        self.pinned(request)?;
        let upload_bytes_max = self.upload_bytes_max();
        if bytes > upload_bytes_max {
            return Err(Error::TooLarge { upload_bytes_max });
        }
        if self.inner.store.open_uploads(caller.customer()).await? >= OPEN_MAX {
            return Err(Error::Busy("unfinished uploads"));
        }
        let key = request.key.unwrap_or_else(BatchKey::random);
        let row = ResumableRow {
            id: UploadId(Uuid::new_v4()),
            customer: caller.customer().clone(),
            request: BatchRequest { key: Some(key), ..request.clone() },
            key,
            metadata,
            bytes,
            position: 0,
            finished: false,
            expires: later(self.now(), self.inner.options.resumable_ms),
        };
        self.inner.store.add_upload(&row, self.now()).await?;
        Ok(row.into())
    }

    /// Where an upload is.
    ///
    /// # Errors
    /// [`Error::Unknown`] when the customer has no such upload, [`Error::Forbidden`] without the right to what it asks.
    pub async fn resumable(&self, caller: &Caller, id: UploadId) -> Result<Resumable> {
        Ok(self.upload_of(caller, id).await?.into())
    }

    /// Begins to take a piece that lies at `position` of the upload.
    ///
    /// # Errors
    /// As [`Jobs::resumable`]; [`Error::Locked`] while another piece is being taken; [`Error::Position`] when the
    /// upload is elsewhere; [`Error::Busy`] when too many uploads are under way; [`Error::Damaged`] when our disk has
    /// lost some of it, and it is gone then.
    pub async fn resume_upload(
        &self,
        caller: &Caller,
        id: UploadId,
        position: u64,
        checksum: Option<Checksum>,
    ) -> Result<Piece> {
        self.upload_of(caller, id).await?;
        let turn = Arc::clone(&self.inner.uploads).try_acquire_owned().map_err(|_| Error::Busy("uploads"))?;
        let file = self.locked(id).await?;
        // Read again under the lock.
        let row = self.upload_of(caller, id).await?;
        if row.position != position {
            return Err(Error::Position);
        }
        let finished = row.finished;
        let file = tokio::task::spawn_blocking(move || {
            let mut file = file;
            if finished {
                return Ok(Some(file));
            }
            if file.metadata()?.len() < position {
                return Ok(None);
            }
            file.set_len(position)?;
            file.seek(SeekFrom::Start(position))?;
            io::Result::Ok(Some(file))
        });
        let Some(file) = file.await?? else { return Err(self.lost(id, position).await?) };
        let sum = checksum.as_ref().map(Checksum::begin);
        let state = State { jobs: self.clone(), file, buffer: Vec::new(), written: position, row, sum };
        Ok(Piece { state: Some(state), caller: caller.clone(), checksum, _turn: turn })
    }

    /// Removes an upload that is not wanted any more.
    ///
    /// # Errors
    /// As [`Jobs::resumable`]; [`Error::Locked`] while a piece is being taken.
    pub async fn terminate_upload(&self, caller: &Caller, id: UploadId) -> Result<()> {
        self.upload_of(caller, id).await?;
        let _lock = self.locked(id).await?;
        self.forget_upload(id).await
    }

    /// Removes uploads that have expired, and files that no upload names.
    pub(crate) async fn sweep_uploads(&self) -> Result<()> {
        let store = &self.inner.store;
        for id in store.expired_uploads(self.now()).await? {
            match self.locked(id).await {
                Ok(_lock) => {
                    tracing::info!(%id, "removing an upload that has expired");
                    self.forget_upload(id).await?;
                }
                Err(Error::Locked) => {}
                Err(error) => return Err(error),
            }
        }
        let folder = self.inner.folder.resumable();
        let names = tokio::task::spawn_blocking(move || crate::sweep::names(&folder)).await??;
        for id in names.iter().filter_map(|name| name.parse::<UploadId>().ok()) {
            if store.upload(id).await?.is_none_or(|row| row.finished) && self.locked(id).await.is_ok() {
                self.remove_parts(id).await?;
            }
        }
        Ok(())
    }

    async fn upload_of(&self, caller: &Caller, id: UploadId) -> Result<ResumableRow> {
        let row = self.inner.store.upload(id).await?;
        let row = row.filter(|row| row.customer == *caller.customer()).ok_or(Error::Unknown)?;
        self.authorize(caller, Action::Send, &row.request.solution, &row.request.submission)?;
        if row.expires <= self.now() { Err(Error::Unknown) } else { Ok(row) }
    }

    /// The file of an upload, locked until it is closed.
    async fn locked(&self, id: UploadId) -> Result<File> {
        let path = self.parts(id);
        tokio::task::spawn_blocking(move || {
            folder::make_file(&path)?;
            let file = File::options().read(true).write(true).open(&path)?;
            match file.try_lock() {
                Ok(()) => Ok(file),
                Err(TryLockError::WouldBlock) => Err(Error::Locked),
                Err(TryLockError::Error(error)) => Err(error.into()),
            }
        })
        .await?
    }

    /// Gives up an upload of which the disk has less than was acknowledged: nothing must take the place of that.
    async fn lost(&self, id: UploadId, position: u64) -> Result<Error> {
        self.inner.measures.damaged();
        tracing::error!(%id, position, "an unfinished upload is shorter than what was acknowledged; check the disk");
        self.forget_upload(id).await?;
        Ok(Error::Damaged("unfinished upload"))
    }

    /// First the row, then the file: a file without a row is swept.
    async fn forget_upload(&self, id: UploadId) -> Result<()> {
        self.inner.store.remove_upload(id).await?;
        self.remove_parts(id).await
    }

    async fn remove_parts(&self, id: UploadId) -> Result<()> {
        let path = self.parts(id);
        Ok(tokio::task::spawn_blocking(move || folder::gone(std::fs::remove_file(path))).await??)
    }

    fn parts(&self, id: UploadId) -> PathBuf {
        self.inner.folder.resumable().join(id.to_string())
    }
}

/// A piece on its way in. Dropped before its end, what came of it is kept, unless it has a checksum.
pub struct Piece {
    /// Absent once it has ended.
    state: Option<State>,
    caller: Caller,
    checksum: Option<Checksum>,
    _turn: OwnedSemaphorePermit,
}

struct State {
    jobs: Jobs,
    /// Locked.
    file: File,
    buffer: Vec<u8>,
    /// Where the file ends.
    written: u64,
    /// As the store has it.
    row: ResumableRow,
    sum: Option<Sum>,
}

impl Piece {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when the upload has more bytes than it was said to have; when the data folder or the store
    /// fails. After an error the piece has ended.
    pub async fn write(&mut self, bytes: &Bytes) -> Result<()> {
        let Some(mut state) = self.state.take() else { return Err(Error::Task) };
        let there = state.written + (state.buffer.len() + bytes.len()) as u64;
        if there > state.row.bytes {
            return Err(Error::TooLarge { upload_bytes_max: state.row.bytes });
        }
        state.buffer.extend_from_slice(bytes);
        if state.buffer.len() >= BUFFER_BYTES {
            state = state.flushed().await?;
            if self.checksum.is_none() && state.written - state.row.position >= SYNC_BYTES {
                state = state.saved().await?;
            }
        }
        self.state = Some(state);
        Ok(())
    }

    /// Ends the piece: what came of it is durable. When the upload is whole it becomes its batch.
    ///
    /// # Errors
    /// [`Error::Checksum`] when the bytes are not those that were summed, and none of them counts; for a whole upload
    /// as [`crate::UploadReceiver::finish`], and an upload that is refused is gone.
    pub async fn end(mut self) -> Result<Taken> {
        let Some(state) = self.state.take() else { return Err(Error::Task) };
        let mut state = state.flushed().await?;
        if let (Some(sum), Some(checksum)) = (state.sum.take(), &self.checksum)
            && !checksum.is(sum)
        {
            return Err(Error::Checksum);
        }
        let state = state.saved().await?;
        if state.written < state.row.bytes {
            return Ok(Taken { upload: state.row.into(), accepted: None });
        }
        // A task of its own, so that it comes to its end whoever stops waiting.
        let caller = self.caller.clone();
        tokio::spawn(async move { finish::finish(&state.jobs, &caller, state.row, state.file).await }).await?
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let Some(state) = self.state.take().filter(|_| self.checksum.is_none()) else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            // The line broke; the lock is held until what came is kept.
            runtime.spawn(async move {
                let kept = match state.flushed().await {
                    Ok(state) => state.saved().await.map(drop),
                    Err(error) => Err(error),
                };
                if let Err(error) = kept {
                    tracing::warn!(%error, "what came of a broken piece cannot be kept");
                }
            });
        }
    }
}

impl State {
    /// Writes what is gathered to the file.
    async fn flushed(mut self) -> Result<Self> {
        let state = tokio::task::spawn_blocking(move || {
            let buffer = mem::take(&mut self.buffer);
            if let Some(sum) = &mut self.sum {
                sum.update(&buffer);
            }
            self.file.write_all(&buffer)?;
            self.written += buffer.len() as u64;
            self.buffer = buffer;
            self.buffer.clear();
            io::Result::Ok(self)
        });
        Ok(state.await??)
    }

    /// Makes what is written durable, then says so in the store; of the last byte only the batch does.
    async fn saved(self) -> Result<Self> {
        let folder = self.jobs.inner.folder.resumable();
        let state = tokio::task::spawn_blocking(move || {
            self.file.sync_all()?;
            folder::sync_names(&folder)?;
            io::Result::Ok(self)
        });
        let mut state = state.await??;
        state.row.position = state.written.min(state.row.bytes.saturating_sub(1));
        state.row.expires = later(state.jobs.now(), state.jobs.inner.options.resumable_ms);
        state.jobs.inner.store.advance_upload(&state.row).await?;
        Ok(state)
    }
}

impl From<ResumableRow> for Resumable {
    fn from(row: ResumableRow) -> Self {
        let ResumableRow { id, key, bytes, position, expires, metadata, .. } = row;
        Self { id, key, bytes, position, expires, metadata }
    }
}
