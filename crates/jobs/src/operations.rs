//! What a customer can do with its batches besides sending them and fetching results: list, look at, cancel, delete.
//!
//! A caller sees the batches of its customer whose solution and submission it has a right to. Cancelling takes effect
//! at once for a batch that waits or runs in this process, and within about a second for one that another process
//! runs. Deleting removes upload, results and contributed rows for good; the row stays as a tombstone, so that the key
//! means no other batch.
//!
//! Where a key has a profile and a batch, the batch stands for both in lists and when it is looked at. Cancelling stops
//! both, as far as the caller has a right to each; deleting removes both, and needs both rights.

use std::path::PathBuf;

use bordereau_base::ids::{BatchKey, SolutionName, SubmissionName};
use bordereau_base::state::BatchState;
use jiff::Timestamp;

use crate::account::{Action, Caller};
use crate::audit::{Actor, Deed, DeedName};
use crate::batch::BatchStatus;
use crate::error::{Error, Result};
use crate::folder::gone;
use crate::jobs::Jobs;
use crate::runner::attempt;
use crate::store::{About, BatchRow, Deleted, Withdrawal};

/// Batches in one page at most.
pub const PAGE_MAX: u32 = 500;

/// What a list has of the batches that test users sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tests {
    /// None of them.
    #[default]
    Without,
    /// Nothing else.
    Only,
    /// Them too.
    With,
}

impl Tests {
    /// Whether a test is wanted, or something that is none; none when both are.
    pub(crate) fn wanted(self) -> Option<bool> {
        match self {
            Self::Without => Some(false),
            Self::Only => Some(true),
            Self::With => None,
        }
    }
}

/// Which batches are wanted. [`Default`] is all that are no tests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListRequest {
    /// Only those in this state.
    pub state: Option<BatchState>,
    /// Only those of this solution.
    pub solution: Option<SolutionName>,
    /// Only those of this submission.
    pub submission: Option<SubmissionName>,
    /// Only those accepted at this moment or later.
    pub since: Option<Timestamp>,
    /// Only those accepted before this moment.
    pub until: Option<Timestamp>,
    /// Only those whose key begins so.
    pub key_prefix: Option<KeyPrefix>,
    /// Tests among them; test users see nothing else, whatever this says.
    pub tests: Tests,
    /// Only those older than this one: the last of the page before.
    pub before: Option<BatchKey>,
}

/// How a key begins: 1 to 36 hexadecimal digits and dashes, whatever their case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPrefix(String);

impl KeyPrefix {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for KeyPrefix {
    type Err = &'static str;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        let plain = text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        match plain && (1..=36).contains(&text.len()) {
            true => Ok(Self(text.to_ascii_lowercase())),
            false => Err("must be 1 to 36 hexadecimal digits and dashes"),
        }
    }
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
    /// Batches of the caller's customer that it has a right to, newest first; profiles where they are not submitted.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when the role reads nothing; when the store fails.
    pub async fn list_batches(&self, caller: &Caller, request: &ListRequest, limit: u32) -> Result<BatchPage> {
        if !caller.may_ever(Action::Read) {
            return Err(Error::Forbidden);
        }
        let limit = limit.clamp(1, PAGE_MAX) as usize;
        let tests = if caller.is_tester() { Tests::Only } else { request.tests };
        let request = &ListRequest { tests, ..request.clone() };
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
                if caller.may_of(Action::Read, &row.status) {
                    batches.push(BatchStatus { progress: self.progress(row.id, row.attempt), ..row.status });
                }
            }
            if last_page {
                return Ok(BatchPage { batches, next: None });
            }
        }
    }

    /// One batch with its history; the profile where there is no batch.
    ///
    /// # Errors
    /// [`Error::Unknown`] when the customer has no such batch, [`Error::Forbidden`] without the right to its solution
    /// and submission; when the store fails.
    pub async fn batch(&self, caller: &Caller, key: BatchKey) -> Result<BatchHistory> {
        let (row, _) = self.authorized(caller, Action::Read, key).await?;
        let BatchStatus { solution, submission, .. } = &row.status;
        let about = About { customer: caller.customer(), key, solution, submission };
        let states = self.inner.store.states_of(about).await?;
        let progress = self.progress(row.id, row.attempt);
        Ok(BatchHistory { status: BatchStatus { progress, ..row.status }, states })
    }

    /// Cancels a batch, and the profile under its key when the caller has a right to it.
    ///
    /// # Errors
    /// As [`Jobs::batch`].
    pub async fn cancel(&self, caller: &Caller, key: BatchKey) -> Result<Cancelling> {
        let (batch, profile) = self.authorized(caller, Action::Change, key).await?;
        let profile = profile.filter(|row| caller.may_of(Action::Change, &row.status));
        let ids: Vec<i64> = profile.iter().chain([&batch]).map(|row| row.id).collect();
        let (store, customer) = (&self.inner.store, caller.customer());
        let actor = Actor::from(caller);
        let deed = Deed::new(&actor, DeedName::BatchCancelled).of(customer).to(&key);
        let cancelling = store.cancel(customer, key, &ids, &deed, self.now()).await?.ok_or(Error::Unknown)?;
        if cancelling == Cancelling::Stopping {
            // Read again: another attempt may have begun meanwhile.
            let rows = store.under_key(customer, key).await?;
            let running = self.running();
            for row in rows.iter().filter(|row| ids.contains(&row.id)) {
                if let Some(progress) = running.get(&(row.id, row.attempt)) {
                    progress.cancel();
                }
            }
        }
        // What an attempt saved before it was given back; a running one does so when it ends.
        for id in store.among(&ids, &[BatchState::Cancelled]).await? {
            // It is cancelled all the same, and what is left is swept at the next start.
            if let Err(error) = attempt::tidy(self, id, i64::MAX).await {
                tracing::warn!(%error, %key, "cannot remove what was saved of a cancelled batch");
            }
        }
        tracing::info!(customer = %caller.customer(), user = %caller.name(), %key, "a batch is cancelled");
        Ok(cancelling)
    }

    /// Deletes a batch that has ended, with its upload and results, and the profile under its key. What is deleted
    /// already is no error.
    ///
    /// # Errors
    /// [`Error::NotEnded`] when either has not ended, [`Error::Forbidden`] without the right to both; else as
    /// [`Jobs::batch`]; when the data folder cannot be written.
    pub async fn delete(&self, caller: &Caller, key: BatchKey) -> Result<()> {
        let (batch, profile) = self.authorized(caller, Action::Change, key).await?;
        if let Some(BatchRow { status, .. }) = &profile {
            self.authorize_of(caller, Action::Change, status)?;
        }
        let actor = Actor::from(caller);
        let deed = Deed::new(&actor, DeedName::BatchDeleted).of(caller.customer()).to(&key);
        let ids: Vec<i64> = profile.iter().chain([&batch]).map(|row| row.id).collect();
        let deletion =
            self.inner.store.delete(caller.customer(), key, &ids, Withdrawal::Withdraw, &deed, self.now()).await?;
        let deleted = deletion.done().ok_or(Error::NotEnded)?;
        tracing::info!(customer = %caller.customer(), user = %caller.name(), %key, "a batch is deleted");
        self.remove_artefacts(deleted).await
    }

    /// Removes the files of what was deleted. After a crash the sweep does so.
    pub(crate) async fn remove_artefacts(&self, deleted: Deleted) -> Result<()> {
        let folder = &self.inner.folder;
        let results: Vec<PathBuf> = deleted.ids.iter().map(|id| folder.object(&format!("results/{id}"))).collect();
        let uploads: Vec<PathBuf> = deleted.uploads.iter().map(|object| folder.object(object)).collect();
        tokio::task::spawn_blocking(move || {
            uploads.iter().try_for_each(|upload| gone(std::fs::remove_file(upload)))?;
            results.iter().try_for_each(|folder| gone(std::fs::remove_dir_all(folder)))
        })
        .await??;
        self.clear_leavings().await
    }

    /// What stands under a key for the caller who has a right to it, and the profile when that is another.
    async fn authorized(&self, caller: &Caller, action: Action, key: BatchKey) -> Result<(BatchRow, Option<BatchRow>)> {
        if !caller.may_ever(action) {
            return Err(Error::Forbidden);
        }
        let mut rows = self.inner.store.under_key(caller.customer(), key).await?.into_iter();
        let first = rows.next().ok_or(Error::Unknown)?;
        self.authorize_of(caller, action, &first.status)?;
        Ok((first, rows.next()))
    }
}
