//! Submitting a profiled upload to a solution without sending it again.
//!
//! The key is the key of the upload: the batch has the key of its profile, so a subscription to the key hears of both,
//! each event with its solution and submission. A key has at most one batch. The same submission again gives the same
//! answer, because clients submit by GET too, which proxies and browsers repeat; another one is refused. One
//! transaction makes the row, which names the file that the profile names. Nothing else moves, so there is nothing that
//! a crash could leave half done.

use crate::account::{Action, Caller};
use crate::batch::{Accepted, BatchRequest};
use crate::error::{Error, Result};
use crate::jobs::Jobs;
use crate::profile::is_profile;
use crate::store::{NewBatch, StoredUpload, SubmittedProfiled};
use crate::upload::{again, request_sha256};

impl Jobs {
    /// Makes the upload that was profiled under the key of `request` a batch of the same key. The right to solution and
    /// submission is enough, because nothing of the profile is shown. The profile may still run; a batch stays when its
    /// profile fails or is cancelled later.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without the right; [`Error::Unknown`] for a solution, submission or release that is not
    /// there, without a key, and for a key without a profile or whose profile has failed or was cancelled or deleted;
    /// [`Error::Conflict`] when the key has a batch of another request; when the store fails.
    pub async fn submit_profiled(&self, caller: &Caller, request: &BatchRequest) -> Result<Accepted> {
        self.authorize(caller, Action::Send, &request.solution, &request.submission)?;
        let (version, sha256) = self.pinned(request)?;
        let (Some(key), false) = (request.key, is_profile(&request.solution, &request.submission)) else {
            return Err(Error::Unknown);
        };
        let customer = caller.customer();
        let new = |upload: StoredUpload| NewBatch {
            customer: customer.clone(),
            key,
            by: caller.clone(),
            request: request.clone(),
            release_version: version.clone(),
            release_sha256: sha256.clone(),
            request_sha256: request_sha256(request, caller, &upload.sha256),
            upload_object: upload.object,
            upload_sha256: upload.sha256,
            upload_bytes: upload.bytes,
        };
        match self.inner.store.submit_profiled(customer, key, new, self.now()).await? {
            SubmittedProfiled::New => {
                tracing::info!(%customer, %key, "a profiled upload was submitted");
                self.inner.accepted.notify_one();
                Ok(Accepted::New(key))
            }
            SubmittedProfiled::Taken(taken) => again(key, taken),
            SubmittedProfiled::NoProfile => Err(Error::Unknown),
            SubmittedProfiled::NoTest => Err(Error::Forbidden),
        }
    }
}
