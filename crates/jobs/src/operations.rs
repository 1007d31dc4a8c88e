//! What a customer can do with its batches besides sending them and fetching results: list, look at, cancel, delete.
//!
//! A caller sees the batches of its customer whose solution and submission it has a right to. Cancelling takes effect
//! at once for a batch that waits or runs in this process, and within about a second for one that another process
//! runs. Deleting removes upload and results for good; the row stays as a tombstone, so that the key means no other
//! batch.

use std::io;

use bordereau_base::ids::{BatchKey, SolutionName, SubmissionName};
use bordereau_base::state::BatchState;
use jiff::Timestamp;

use crate::account::Caller;
use crate::batch::BatchStatus;
use crate::error::{Error, Result};
use crate::event::EventName;
use crate::jobs::{EVENTS_AT_ONCE_MAX, Jobs};
use crate::store::{Deleted, Deletion};

/// Batches in one page at most.
pub const PAGE_MAX: u32 = 500;

/// Which batches are wanted. [`Default`] is all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListRequest {
    /// Only those in this state.
    pub state: Option<BatchState>,
    /// Only those of this solution.
    pub solution: Option<SolutionName>,
    /// Only those of this submission.
    pub submission: Option<SubmissionName>,
    /// Only those older than this one: the last of the page before.
    pub before: Option<BatchKey>,
}

/// A page of batches.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchPage {
    /// Newest first. Progress is there for those that run in this process.
    pub batches: Vec<BatchStatus>,
    /// Where the next page begins (`before`); none when this is the last one.
    pub next: Option<BatchKey>,
}

/// What became of a wish to cancel a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelling {
    /// It will never run.
    Cancelled,
    /// Whoever runs it was asked to stop.
    Stopping,
    /// It has ended in this state, and nothing was changed.
    Ended(BatchState),
}

/// A batch and the moments of its states.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchHistory {
    /// Where it is now.
    pub status: BatchStatus,
    /// Each state it came into, in order, with the moment.
    pub states: Vec<(BatchState, Timestamp)>,
}

impl Jobs {
    /// Batches of the caller's customer that it has a right to, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list_batches(&self, caller: &Caller, request: &ListRequest, limit: u32) -> Result<BatchPage> {
        let limit = limit.clamp(1, PAGE_MAX) as usize;
        let (mut batches, mut before) = (Vec::new(), request.before);
        loop {
            let rows = self.inner.store.list(caller.customer(), request, before, PAGE_MAX).await?;
            let last_page = rows.len() < PAGE_MAX as usize;
            for row in rows {
                if batches.len() == limit {
                    let next = batches.last().map(|status: &BatchStatus| status.key);
                    return Ok(BatchPage { batches, next });
                }
                before = Some(row.status.key);
                if caller.may(&row.status.solution, &row.status.submission) {
                    batches.push(BatchStatus { progress: self.progress(row.id, row.attempt), ..row.status });
                }
            }
            if last_page {
                return Ok(BatchPage { batches, next: None });
            }
        }
    }

    /// One batch with its history.
    ///
    /// # Errors
    /// [`Error::Unknown`] when the customer has no such batch, [`Error::Forbidden`] without the right to its solution
    /// and submission; when the store fails.
    pub async fn batch(&self, caller: &Caller, key: BatchKey) -> Result<BatchHistory> {
        let status = self.authorized(caller, key).await?;
        let events = self.inner.store.events_of(caller.customer(), key, 0, EVENTS_AT_ONCE_MAX).await?;
        let changes = events.into_iter().filter(|event| event.name == EventName::ProfileUpdated);
        Ok(BatchHistory { status, states: changes.map(|event| (event.state, event.at)).collect() })
    }

    /// Cancels a batch.
    ///
    /// # Errors
    /// As [`Jobs::batch`].
    pub async fn cancel(&self, caller: &Caller, key: BatchKey) -> Result<Cancelling> {
        self.authorized(caller, key).await?;
        let cancelling = self.inner.store.cancel(caller.customer(), key, self.now()).await?.ok_or(Error::Unknown)?;
        if cancelling == Cancelling::Stopping
            && let Some(row) = self.inner.store.batch(caller.customer(), key).await?
            && let Some(progress) = self.running().get(&(row.id, row.attempt))
        {
            progress.cancel();
        }
        tracing::info!(customer = %caller.customer(), user = %caller.name(), %key, "a batch is cancelled");
        Ok(cancelling)
    }

    /// Deletes a batch that has ended, with its upload and results. One that is deleted already is no error.
    ///
    /// # Errors
    /// [`Error::NotEnded`] when it has not ended; else as [`Jobs::batch`]; when the data folder cannot be written.
    pub async fn delete(&self, caller: &Caller, key: BatchKey) -> Result<()> {
        self.authorized(caller, key).await?;
        match self.inner.store.delete(caller.customer(), key, self.now()).await?.ok_or(Error::Unknown)? {
            Deletion::NotEnded => Err(Error::NotEnded),
            Deletion::Done(deleted) => {
                tracing::info!(customer = %caller.customer(), user = %caller.name(), %key, "a batch is deleted");
                self.remove_artefacts(deleted).await
            }
        }
    }

    /// Removes the files of a deleted batch. After a crash the sweep does so.
    async fn remove_artefacts(&self, deleted: Deleted) -> Result<()> {
        let folder = &self.inner.folder;
        let results = folder.object(&format!("results/{}", deleted.id));
        let upload = deleted.upload_object.map(|object| folder.object(&object));
        tokio::task::spawn_blocking(move || {
            if let Some(upload) = upload {
                gone(std::fs::remove_file(upload))?;
            }
            gone(std::fs::remove_dir_all(results))
        })
        .await??;
        Ok(())
    }

    async fn authorized(&self, caller: &Caller, key: BatchKey) -> Result<BatchStatus> {
        let status = self.status(caller.customer(), key).await?.ok_or(Error::Unknown)?;
        self.authorize(caller, &status.solution, &status.submission)?;
        Ok(status)
    }
}

/// What is not there need not be removed.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
