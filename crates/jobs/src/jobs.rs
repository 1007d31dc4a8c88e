//! [`Jobs`]: an open data folder, and what can be done with it short of receiving ([`crate::upload`]) and running
//! ([`crate::runner`]).

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bordereau_base::ids::{BatchKey, CustomerName, InvalidId, ReleaseVersion, SolutionName, SubmissionName};
use bordereau_base::state::BatchState;
use bordereau_engine::catalog::Catalog;
use bordereau_engine::progress::Progress;
use bordereau_engine::release::Release;
use jiff::Timestamp;
use tokio::sync::{Notify, OnceCell, Semaphore};

use crate::access::AccessWatch;
use crate::account::{Action, Caller};
use crate::artefact::Artefact;
use crate::audit::{Actor, Deed, DeedName};
use crate::batch::{BatchProgress, BatchRequest, BatchResults, BatchStatus, Report};
use crate::credentials::Credentials;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::folder::Folder;
use crate::measures::Measures;
use crate::options::JobsOptions;
use crate::owner::Owner;
use crate::pace::Pace;
use crate::profile::{self, Kind};
use crate::store::{Finished, Store};
use crate::waiters::Waiters;

pub(crate) const EVENTS_AT_ONCE_MAX: u32 = 1_000;

/// An open data folder. Cheap to clone. Several processes may have the same folder open, servers among them.
#[derive(Clone)]
pub struct Jobs {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) options: JobsOptions,
    pub(crate) folder: Folder,
    pub(crate) store: Store,
    pub(crate) credentials: Credentials,
    pub(crate) pace: Pace,
    /// Who may get in, as far as this process knows.
    pub(crate) access: Arc<AccessWatch>,
    pub(crate) uploads: Arc<Semaphore>,
    /// Told when a batch was accepted in this process.
    pub(crate) accepted: Notify,
    /// The attempts that run in this process, by batch and number.
    pub(crate) running: Mutex<HashMap<(i64, i64), Arc<Progress>>>,
    pub(crate) measures: Measures,
    /// Who waits for events.
    pub(crate) waiters: Arc<Waiters>,
    owner: OnceCell<Owner>,
}

impl Jobs {
    /// Opens a data folder, making it (readable by this user only) and bringing its store up to date when needed.
    ///
    /// # Errors
    /// When folder or store cannot be read or written, or the store was made by a newer program.
    pub async fn open(options: JobsOptions) -> Result<Self> {
        let data = options.data.clone();
        let folder = tokio::task::spawn_blocking(move || Folder::open(&data)).await??;
        let store = Store::open(&folder).await?;
        let credentials = Credentials::new(Duration::from_millis(options.credentials_ttl_ms));
        let uploads = Arc::new(Semaphore::new(options.uploads_at_once));
        let waiters = Arc::new(Waiters::new(store.epoch().await?));
        let (accepted, running, owner) = (Notify::new(), Mutex::default(), OnceCell::new());
        let pace = Pace::new(options.pace);
        let inner = Inner {
            options,
            folder,
            store,
            credentials,
            pace,
            access: Arc::new(AccessWatch::new()),
            uploads,
            accepted,
            running,
            measures: Measures::default(),
            waiters,
            owner,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The releases that batches may ask for.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.inner.options.catalog
    }

    /// The most bytes an upload may have.
    pub fn upload_bytes_max(&self) -> u64 {
        self.inner.options.limits.upload_bytes_max
    }

    /// Gives a customer a share of the runner: one of weight 2 has two batches taken up for each one of a customer of
    /// weight 1, while both have some waiting. 1 to 1,000; 1 unless set.
    ///
    /// # Errors
    /// [`Error::Absent`] without that customer, [`Error::Invalid`] for another weight.
    pub async fn set_weight(&self, actor: &Actor, customer: &CustomerName, weight: u32) -> Result<()> {
        if !(1..=1_000).contains(&weight) {
            return Err(InvalidId { what: "a weight", rule: "from 1 to 1000" }.into());
        }
        let deed = Deed::new(actor, DeedName::WeightChanged).of(customer).with(&weight);
        self.inner.store.set_weight(customer, weight, &deed, self.now()).await
    }

    /// How many passwords this process compared with a hash since it started; for metrics.
    pub fn password_checks(&self) -> u64 {
        self.inner.credentials.checks()
    }

    /// What a customer has under a key: the batch when there is one, else the profile.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn status(&self, customer: &CustomerName, key: BatchKey) -> Result<Option<BatchStatus>> {
        let Some(row) = self.inner.store.under_key(customer, key).await?.into_iter().next() else {
            return Ok(None);
        };
        Ok(Some(BatchStatus { progress: self.progress(row.id, row.attempt), ..row.status }))
    }

    /// The results of a batch, asked for under the solution and submission it was sent to. A profile is no results: see
    /// [`Jobs::profile`].
    ///
    /// # Errors
    /// [`Error::Forbidden`] without the right to solution and submission; when store or objects fail.
    pub async fn results(
        &self,
        caller: &Caller,
        solution: &SolutionName,
        submission: &SubmissionName,
        key: BatchKey,
    ) -> Result<BatchResults> {
        match self.finished(caller, solution, submission, key).await? {
            Ok(results) => {
                let results = Artefact { object: results.object, sha256: results.sha256, bytes: results.bytes };
                let file = self.open_artefact(results, "results file").await?;
                self.fetched(caller, solution, submission, key).await;
                Ok(BatchResults::Ready(file))
            }
            Err(without) => Ok(without),
        }
    }

    /// The name of the results of a batch, or why there is none.
    pub(crate) async fn finished(
        &self,
        caller: &Caller,
        solution: &SolutionName,
        submission: &SubmissionName,
        key: BatchKey,
    ) -> Result<std::result::Result<Finished, BatchResults>> {
        self.authorize(caller, Action::Read, solution, submission)?;
        let Some(row) = self.inner.store.batch(caller.customer(), key, Kind::Batch).await? else {
            return Ok(Err(BatchResults::Unknown));
        };
        let mut status = row.status;
        if (&status.solution, &status.submission) != (solution, submission) {
            return Ok(Err(BatchResults::Unknown));
        }
        self.authorize_of(caller, Action::Read, &status)?;
        match status.state {
            BatchState::Accepted | BatchState::Running => {
                status.progress = self.progress(row.id, row.attempt);
                Ok(Err(BatchResults::Pending(Box::new(status))))
            }
            BatchState::Cancelled | BatchState::Deleted => Ok(Err(BatchResults::Ended(status.state))),
            BatchState::Failed => {
                let report = status.report.take();
                report.map(|report| Err(BatchResults::Failed(report))).ok_or(Error::Stored("report"))
            }
            BatchState::Finished => row.results.map(Ok).ok_or(Error::Stored("name of results")),
        }
    }

    /// The customer's events after a sequence number (zero: all), in order, at most 1,000.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn events(&self, customer: &CustomerName, after: u64) -> Result<Vec<Event>> {
        self.inner.store.events(customer, after, EVENTS_AT_ONCE_MAX).await
    }

    /// Whether the caller may do this at all; asked before a body is read.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when not.
    pub fn authorize(
        &self,
        caller: &Caller,
        action: Action,
        solution: &SolutionName,
        submission: &SubmissionName,
    ) -> Result<()> {
        if caller.may(action, solution, submission) { Ok(()) } else { Err(Error::Forbidden) }
    }

    /// Whether the caller may do this with a batch or profile of its customer.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when not.
    pub(crate) fn authorize_of(&self, caller: &Caller, action: Action, status: &BatchStatus) -> Result<()> {
        if caller.may_of(action, status) { Ok(()) } else { Err(Error::Forbidden) }
    }

    /// Records that results were handed out. They are, also when that cannot be written down: who may read them is
    /// settled, and a full disk shall not keep them.
    pub(crate) async fn fetched(
        &self,
        caller: &Caller,
        solution: &SolutionName,
        submission: &SubmissionName,
        key: BatchKey,
    ) {
        let actor = Actor::from(caller);
        let deed = Deed::new(&actor, DeedName::ResultsFetched).of(caller.customer()).to(&key);
        let deed = deed.with(&format!("{solution}/{submission}"));
        if let Err(error) = self.inner.store.record(&deed, self.now()).await {
            tracing::error!(%error, "the audit log cannot be written");
        }
    }

    /// The release for a request at this moment, when solution, submission and version are known.
    fn release(
        &self,
        solution: &SolutionName,
        submission: &SubmissionName,
        version: Option<&ReleaseVersion>,
    ) -> Result<Arc<Release>> {
        let catalog = self.catalog();
        let release = match version {
            Some(version) => catalog.release(solution, version),
            None => catalog.active(solution, self.now()),
        };
        let asked = release.filter(|release| release.manifest.submissions.contains_key(submission));
        asked.cloned().ok_or(Error::Unknown)
    }

    /// The version and digest to pin for a request: those of its release, or of the format of profiles.
    pub(crate) fn pinned(&self, request: &BatchRequest) -> Result<(ReleaseVersion, String)> {
        let BatchRequest { solution, submission, version, .. } = request;
        if profile::is_profile(solution, submission) {
            let format = profile::format_release()?;
            let is_asked = version.as_ref().is_none_or(|version| *version == format.0);
            return if is_asked { Ok(format) } else { Err(Error::Unknown) };
        }
        let release = self.release(solution, submission, version.as_ref())?;
        Ok((release.manifest.version.clone(), release.sha256.clone()))
    }

    /// The present moment, as this data folder sees it.
    pub fn now(&self) -> Timestamp {
        (self.inner.options.clock)()
    }

    /// This process among the living; registered when first needed.
    pub(crate) async fn owner(&self) -> Result<&str> {
        let owners = self.inner.folder.owners();
        let register =
            async || tokio::task::spawn_blocking(move || Owner::register(&owners)).await?.map_err(Error::from);
        Ok(self.inner.owner.get_or_try_init(register).await?.id())
    }

    pub(crate) fn running(&self) -> MutexGuard<'_, HashMap<(i64, i64), Arc<Progress>>> {
        self.inner.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn progress(&self, id: i64, attempt: i64) -> Option<BatchProgress> {
        let running = self.running();
        let progress = running.get(&(id, attempt))?;
        Some(BatchProgress {
            stage: progress.stage(),
            bytes_total: progress.bytes_total.load(Ordering::Relaxed),
            bytes_read: progress.bytes_read.load(Ordering::Relaxed),
            rows_read: progress.rows_read.load(Ordering::Relaxed),
            records_total: progress.records_total.load(Ordering::Relaxed),
            records_scored: progress.records_scored.load(Ordering::Relaxed),
        })
    }
}

/// A report for a fault of ours, which says so. `what` is what could not be done.
pub(crate) fn service_report(code: &str, what: &str) -> Report {
    let message = format!(
        "{what} because of a fault on our side, not of the upload. The upload is kept; please tell the operator of the \
         service."
    );
    Report::new(crate::batch::Fault::Service, code, message)
}
