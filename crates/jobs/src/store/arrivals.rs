//! Uploads that become batches: sent as such, or profiled before and submitted.
//!
//! A customer has at most one batch and one profile under a key, of one upload. Both may name the same file.

use bordereau_base::ids::{BatchKey, CustomerName, ReleaseVersion};
use bordereau_base::state::BatchState;
use jiff::Timestamp;
use sqlx::{Executor, FromRow, Sqlite, Transaction};

use super::audit::record;
use super::batches::{explanations_name, format_name};
use super::events::{About, append_events};
use super::{Store, signed, state_named, unsigned};
use crate::account::Caller;
use crate::audit::{Actor, Deed, DeedName};
use crate::batch::BatchRequest;
use crate::error::{Error, Result};
use crate::profile::is_profile;

/// An upload that is in place, about to become a batch.
#[derive(Debug)]
pub(crate) struct NewBatch {
    pub(crate) customer: CustomerName,
    pub(crate) key: BatchKey,
    pub(crate) by: Caller,
    pub(crate) request: BatchRequest,
    pub(crate) release_version: ReleaseVersion,
    pub(crate) release_sha256: String,
    pub(crate) request_sha256: String,
    pub(crate) upload_object: String,
    pub(crate) upload_sha256: String,
    pub(crate) upload_bytes: u64,
}

/// An upload that is in place.
#[derive(Debug)]
pub(crate) struct StoredUpload {
    pub(crate) object: String,
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
}

/// What became of a [`NewBatch`].
#[derive(Debug)]
pub(crate) enum Inserted {
    /// It is durable.
    New,
    /// It is not: the key is taken.
    Taken(Taken),
    /// The commit failed, and only the store can tell, later, whether it took place.
    Doubtful(Error),
}

/// What stands under a key already, where a new batch would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// The same upload and request.
    Same,
    /// Another upload or request, or what was deleted.
    Other,
}

/// What became of the wish to submit a profiled upload.
#[derive(Debug)]
pub(crate) enum SubmittedProfiled {
    /// The batch is durable.
    New,
    /// It is not: the key has its batch already.
    Taken(Taken),
    /// There is no profile of that key, or it has ended without a full one.
    NoProfile,
    /// The profile is no test, and who wants to submit it a test user.
    NoTest,
}

impl Store {
    /// Makes a batch durable, unless its key is taken. After an error it is certainly not there.
    pub(crate) async fn insert_batch(&self, batch: &NewBatch, now: Timestamp) -> Result<Inserted> {
        let mut write = self.write().await?;
        if let Some(taken) = taken(&under(&mut *write, &batch.customer, batch.key).await?, batch) {
            return Ok(Inserted::Taken(taken));
        }
        insert(&mut write, batch, now).await?;
        let committed = write.commit().await;
        self.log_grew(&batch.customer);
        batch.tell();
        Ok(committed.map_or_else(|error| Inserted::Doubtful(error.into()), |()| Inserted::New))
    }

    /// Whether the key of a new batch is taken; takes no lock.
    pub(crate) async fn taken(&self, batch: &NewBatch) -> Result<Option<Taken>> {
        Ok(taken(&under(&self.pool, &batch.customer, batch.key).await?, batch))
    }

    /// Makes a profiled upload a batch under the same key: one transaction, and no file is touched. `new` makes the
    /// batch of an upload.
    pub(crate) async fn submit_profiled(
        &self,
        customer: &CustomerName,
        key: BatchKey,
        new: impl Fn(StoredUpload) -> NewBatch,
        now: Timestamp,
    ) -> Result<SubmittedProfiled> {
        // Most requests are repeated ones, or in vain, and are answered without the lock.
        if let Err(answer) = submission(&under(&self.pool, customer, key).await?, &new)? {
            return Ok(answer);
        }
        let mut write = self.write().await?;
        let batch = match submission(&under(&mut *write, customer, key).await?, &new)? {
            Ok(batch) => batch,
            Err(answer) => return Ok(answer),
        };
        insert(&mut write, &batch, now).await?;
        write.commit().await?;
        self.log_grew(customer);
        batch.tell();
        Ok(SubmittedProfiled::New)
    }

    /// Whether a batch or profile names the object as its upload.
    pub(crate) async fn names_upload(&self, object: &str) -> Result<bool> {
        names_upload(&self.pool, object).await
    }
}

impl NewBatch {
    fn about(&self) -> About<'_> {
        let BatchRequest { solution, submission, .. } = &self.request;
        About { customer: &self.customer, key: self.key, solution, submission }
    }

    fn deed<'a>(&'a self, actor: &'a Actor) -> Deed<'a> {
        let BatchRequest { solution, submission, .. } = &self.request;
        let deed = Deed::new(actor, DeedName::BatchSent).of(&self.customer).to(&self.key);
        deed.with(&format!("{solution}/{submission}"))
    }

    /// Writes who sent it to the log, once it is durable.
    fn tell(&self) {
        self.deed(&Actor::from(&self.by)).tell();
    }
}

/// Whether a batch or profile names the object as its upload.
pub(super) async fn names_upload(store: impl Executor<'_, Database = Sqlite>, object: &str) -> Result<bool> {
    let query = "SELECT EXISTS (SELECT 1 FROM batches WHERE upload_object = ?)";
    Ok(sqlx::query_scalar(query).bind(object).fetch_one(store).await?)
}

/// What stands under a key: at most one batch and one profile.
#[derive(FromRow)]
struct UnderKey {
    is_profile: bool,
    test: bool,
    state: String,
    request_sha256: String,
    upload_object: Option<String>,
    upload_sha256: String,
    upload_bytes: i64,
}

async fn under(
    store: impl Executor<'_, Database = Sqlite>,
    customer: &CustomerName,
    key: BatchKey,
) -> Result<Vec<UnderKey>> {
    let query = "SELECT is_profile, test, state, request_sha256, upload_object, upload_sha256, upload_bytes
                 FROM batches WHERE customer = ? AND key = ?";
    Ok(sqlx::query_as(query).bind(customer.as_str()).bind(key.to_string()).fetch_all(store).await?)
}

/// What keeps a new batch from its key. A key is of one upload, and of one request for a profile and one for a batch.
/// Once either is deleted the key is used up.
fn taken(under: &[UnderKey], batch: &NewBatch) -> Option<Taken> {
    let deleted = BatchState::Deleted.as_str();
    if under.iter().any(|row| row.state == deleted || row.upload_sha256 != batch.upload_sha256) {
        return Some(Taken::Other);
    }
    let is_profile = is_profile(&batch.request.solution, &batch.request.submission);
    let rival = under.iter().find(|row| row.is_profile == is_profile)?;
    Some(if rival.request_sha256 == batch.request_sha256 { Taken::Same } else { Taken::Other })
}

/// The batch that a profiled upload becomes, or why it does not.
fn submission(
    under: &[UnderKey],
    new: impl Fn(StoredUpload) -> NewBatch,
) -> Result<std::result::Result<NewBatch, SubmittedProfiled>> {
    let profile = under.iter().find(|row| row.is_profile);
    let Some((profile, object)) = profile.and_then(|row| Some((row, row.upload_object.clone()?))) else {
        return Ok(Err(SubmittedProfiled::NoProfile));
    };
    let (sha256, bytes) = (profile.upload_sha256.clone(), unsigned(profile.upload_bytes));
    let batch = new(StoredUpload { object, sha256, bytes });
    if batch.by.is_tester() && !profile.test {
        return Ok(Err(SubmittedProfiled::NoTest));
    }
    // Whatever became of the profile since, the same again has the same answer.
    if let Some(taken) = taken(under, &batch) {
        return Ok(Err(SubmittedProfiled::Taken(taken)));
    }
    Ok(match state_named(&profile.state)? {
        BatchState::Accepted | BatchState::Running | BatchState::Finished => Ok(batch),
        BatchState::Failed | BatchState::Cancelled | BatchState::Deleted => Err(SubmittedProfiled::NoProfile),
    })
}

/// Writes the row of a batch and its first event.
async fn insert(write: &mut Transaction<'static, Sqlite>, batch: &NewBatch, now: Timestamp) -> Result<()> {
    sqlx::query(
        "INSERT INTO batches (customer, key, sent_by, solution, submission, release_version, release_sha256, format,
             explanations, request_sha256, upload_object, upload_sha256, upload_bytes, state, created_ms, updated_ms, test)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'accepted', ?, ?, ?)",
    )
    .bind(batch.customer.as_str())
    .bind(batch.key.to_string())
    .bind(batch.by.name().as_str())
    .bind(batch.request.solution.as_str())
    .bind(batch.request.submission.as_str())
    .bind(batch.release_version.as_str())
    .bind(&batch.release_sha256)
    .bind(format_name(batch.request.format))
    .bind(batch.request.explanations.map(explanations_name))
    .bind(&batch.request_sha256)
    .bind(&batch.upload_object)
    .bind(&batch.upload_sha256)
    .bind(signed(batch.upload_bytes))
    .bind(now.as_millisecond())
    .bind(now.as_millisecond())
    .bind(batch.by.is_tester())
    .execute(&mut **write)
    .await?;
    let actor = Actor::from(&batch.by);
    record(&mut **write, &batch.deed(&actor), now).await?;
    append_events(write, batch.about(), BatchState::Accepted, now).await
}
