//! Uploads that are profiled: what is asked, what does it, and what its customer gets.
//!
//! A profile is a batch of the solution `unstructured` and the submission `profile`. Its release is the version of the
//! profile's format. It runs as any batch does, under a lease, and its results are the full profile; until then the
//! newest preliminary one is handed out.
//!
//! Its key is the key of the upload: submitted to a solution ([`Jobs::submit_profiled`]) the same upload is a batch of
//! the same key, so that a customer may have one profile and one batch under one key, and each look-up says which it
//! means ([`Kind`]).

mod pass;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use bordereau_base::digest::hex;
use bordereau_base::ids::{BatchKey, ReleaseVersion, SolutionName, SubmissionName};
use bordereau_base::limits::IntakeLimits;
use bordereau_base::state::BatchState;
use bordereau_engine::progress::Progress;
use bordereau_profile::document::{FORMAT, Profile, ProfileState};
use sha2::{Digest, Sha256};

use crate::account::{Action, Caller};
use crate::artefact::{Artefact, ArtefactKind};
use crate::batch::{BatchRequest, BatchStatus, Report, ResultsFile};
use crate::error::{Error, Result};
use crate::jobs::Jobs;

pub(crate) use pass::profile_upload;

/// An upload that is to be profiled.
#[derive(Debug, Clone)]
pub struct ProfileSpec {
    /// The zip.
    pub upload: PathBuf,
    /// Caps on it.
    pub limits: IntakeLimits,
    /// Worker threads.
    pub threads: NonZeroUsize,
    /// When the upload was accepted: dates after that day lie in the future, whenever the profile is made.
    pub accepted: jiff::Timestamp,
}

/// Takes profiles as they come: any number of preliminary ones, then a full one.
pub type ProfileSink<'a> = dyn FnMut(Profile) -> bordereau_engine::Result<()> + 'a;

/// What profiles an upload: gives profiles to the sink, an error of which ends it, and in the end the bytes of the
/// state that the full one was made of. Counts in [`Progress`] and ends soon after [`Progress::cancel`].
pub type ProfileUpload =
    Arc<dyn Fn(&ProfileSpec, &Progress, &mut ProfileSink<'_>) -> bordereau_engine::Result<Vec<u8>> + Send + Sync>;

impl BatchRequest {
    /// Asks for a profile under a key of the client's choice, if any.
    pub fn profile(key: Option<BatchKey>) -> Self {
        Self { key, ..Self::new(SolutionName::unstructured(), SubmissionName::profile()) }
    }
}

/// Whether this asks for a profile.
pub(crate) fn is_profile(solution: &SolutionName, submission: &SubmissionName) -> bool {
    (solution.as_str(), submission.as_str()) == (SolutionName::UNSTRUCTURED, SubmissionName::PROFILE)
}

/// Which of the two that may share a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What was sent to a solution.
    Batch,
    /// What was sent to be profiled.
    Profile,
}

/// The version and digest that stand for the release of a profile: those of its format.
pub(crate) fn format_release() -> Result<(ReleaseVersion, String)> {
    let version = FORMAT.rsplit('/').next().and_then(|version| version.parse().ok());
    Ok((version.ok_or(Error::Unknown)?, hex(&Sha256::digest(FORMAT))))
}

/// The answer to a question for a profile.
#[derive(Debug)]
pub enum BatchProfile {
    /// The customer has no such profile.
    Unknown,
    /// Not even the preliminary one is there.
    Pending(Box<BatchStatus>),
    /// Never: the upload cannot be profiled.
    Failed(Report),
    /// Never: it was cancelled before any profile was there, or deleted.
    Ended(BatchState),
    /// Here it is, as JSON.
    Ready {
        /// Whether it is of all rows.
        state: ProfileState,
        /// Its bytes.
        file: ResultsFile,
    },
}

impl Jobs {
    /// The newest profile of an upload that was sent to be profiled. When it was cancelled, what was there stays.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without the right to profiles; when store or objects fail.
    pub async fn profile(&self, caller: &Caller, key: BatchKey) -> Result<BatchProfile> {
        self.authorize(caller, Action::Read, &SolutionName::unstructured(), &SubmissionName::profile())?;
        match self.profile_now(caller, key).await {
            // The full one took the preliminary one's place between the row and the file.
            Err(error) if error.is_of_a_missing_file() => self.profile_now(caller, key).await,
            answer => answer,
        }
    }

    async fn profile_now(&self, caller: &Caller, key: BatchKey) -> Result<BatchProfile> {
        let store = &self.inner.store;
        let Some(row) = store.batch(caller.customer(), key, Kind::Profile).await? else {
            return Ok(BatchProfile::Unknown);
        };
        let mut status = row.status;
        self.authorize_of(caller, Action::Read, &status)?;
        let (state, artefact) = match status.state {
            BatchState::Failed => {
                let report = status.report.take();
                return report.map(BatchProfile::Failed).ok_or(Error::Stored("report"));
            }
            BatchState::Finished => {
                let results = row.results.ok_or(Error::Stored("name of results"))?;
                let full = Artefact { object: results.object, sha256: results.sha256, bytes: results.bytes };
                (ProfileState::Full, full)
            }
            BatchState::Accepted | BatchState::Running | BatchState::Cancelled | BatchState::Deleted => {
                let Some(preliminary) = store.artefact(row.id, ArtefactKind::PreliminaryProfile).await? else {
                    if status.state.is_final() {
                        return Ok(BatchProfile::Ended(status.state));
                    }
                    status.progress = self.progress(row.id, row.attempt);
                    return Ok(BatchProfile::Pending(Box::new(status)));
                };
                (ProfileState::Preliminary, preliminary)
            }
        };
        let file = self.open_artefact(artefact, "profile").await?;
        if state == ProfileState::Full {
            self.fetched(caller, &status.solution, &status.submission, key).await;
        }
        Ok(BatchProfile::Ready { state, file })
    }

    /// The state that the full profile of an upload was made of; none while there is no full profile.
    ///
    /// # Errors
    /// As [`Jobs::profile`].
    pub async fn profile_state(&self, caller: &Caller, key: BatchKey) -> Result<Option<ResultsFile>> {
        self.authorize(caller, Action::Read, &SolutionName::unstructured(), &SubmissionName::profile())?;
        let store = &self.inner.store;
        let Some(row) = store.batch(caller.customer(), key, Kind::Profile).await? else {
            return Ok(None);
        };
        self.authorize_of(caller, Action::Read, &row.status)?;
        match store.artefact(row.id, ArtefactKind::ProfileState).await? {
            Some(state) => Ok(Some(self.open_artefact(state, "profile state").await?)),
            None => Ok(None),
        }
    }
}
