//! Listing, cancelling and deleting what customers have under their keys: a batch, a profile, or both.

use bordereau_base::ids::{BatchKey, CustomerName, SolutionName, SubmissionName};
use bordereau_base::state::BatchState;
use jiff::Timestamp;
use sqlx::{Sqlite, Transaction};

use super::arrivals::names_upload;
use super::audit::record;
use super::batches::{BatchRow, Claim, Fence, STATUS_COLUMNS, StatusRow};
use super::contributions::withdraw;
use super::events::{About, append_events};
use super::{Store, state_named, stored};
use crate::audit::Deed;
use crate::error::Result;
use crate::operations::{Cancelling, KeyPrefix, ListRequest};

/// What was deleted, and what of it lies in the data folder.
#[derive(Debug, Default)]
pub(crate) struct Deleted {
    pub(crate) ids: Vec<i64>,
    /// Uploads that no row names any more.
    pub(crate) uploads: Vec<String>,
}

/// What became of a wish to delete what is under a key.
#[derive(Debug)]
pub(crate) enum Deletion {
    /// All of it is deleted, or was before.
    Done(Deleted),
    /// Some of it has not ended, and nothing was changed.
    NotEnded,
}

impl Deletion {
    /// What was deleted, if anything was.
    pub(crate) fn done(self) -> Option<Deleted> {
        match self {
            Self::Done(deleted) => Some(deleted),
            Self::NotEnded => None,
        }
    }
}

/// What becomes of rows that a deleted batch contributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Withdrawal {
    /// They go too.
    Withdraw,
    /// They stay.
    Keep,
}

#[derive(sqlx::FromRow)]
struct Target {
    id: i64,
    solution: String,
    submission: String,
    state: String,
    upload_object: Option<String>,
}

/// What is under a key, the batch first.
async fn targets(
    write: &mut Transaction<'static, Sqlite>,
    customer: &CustomerName,
    key: BatchKey,
) -> Result<Vec<Target>> {
    let query = "SELECT id, solution, submission, state, upload_object FROM batches WHERE customer = ? AND key = ?
                 ORDER BY is_profile";
    Ok(sqlx::query_as(query).bind(customer.as_str()).bind(key.to_string()).fetch_all(&mut **write).await?)
}

impl Target {
    async fn tell(
        &self,
        write: &mut Transaction<'static, Sqlite>,
        customer: &CustomerName,
        key: BatchKey,
        state: BatchState,
        now: Timestamp,
    ) -> Result<()> {
        let solution = stored(&self.solution, "solution name")?;
        let submission = stored(&self.submission, "submission name")?;
        let about = About { customer, key, solution: &solution, submission: &submission };
        append_events(write, about, state, now).await
    }

    /// Keeps the row and nothing that it names.
    async fn forget(&self, write: &mut Transaction<'static, Sqlite>, now: Timestamp) -> Result<()> {
        sqlx::query(
            "UPDATE batches SET state = 'deleted', updated_ms = ?, upload_object = NULL, results_object = NULL,
                 results_sha256 = NULL, results_bytes = NULL, summary = NULL, report = NULL
             WHERE id = ?",
        )
        .bind(now.as_millisecond())
        .bind(self.id)
        .execute(&mut **write)
        .await?;
        sqlx::query("DELETE FROM artefacts WHERE batch = ?").bind(self.id).execute(&mut **write).await?;
        Ok(())
    }
}

impl Store {
    /// What a customer has, newest first, from the one before `before` on (the newest when that is none of its keys).
    /// Of a batch and a profile under one key the batch.
    pub(crate) async fn list(
        &self,
        customer: &CustomerName,
        request: &ListRequest,
        before: Option<BatchKey>,
        rows_max: u32,
    ) -> Result<Vec<BatchRow>> {
        let query = format!(
            "SELECT {STATUS_COLUMNS} FROM batches
             WHERE customer = ?1 AND state != 'deleted'
               AND (is_profile = 0 OR NOT EXISTS (
                   SELECT 1 FROM batches b WHERE b.customer = ?1 AND b.key = batches.key AND b.is_profile = 0))
               AND (?2 IS NULL
                   OR id < (SELECT id FROM batches WHERE customer = ?1 AND key = ?2 ORDER BY is_profile LIMIT 1))
               AND (?10 IS NULL OR test = ?10)
               AND (?3 IS NULL OR state = ?3) AND (?4 IS NULL OR solution = ?4) AND (?5 IS NULL OR submission = ?5)
               AND (?7 IS NULL OR created_ms >= ?7) AND (?8 IS NULL OR created_ms < ?8)
               AND (?9 IS NULL OR substr(key, 1, length(?9)) = ?9)
             ORDER BY id DESC LIMIT ?6"
        );
        let query = sqlx::query_as::<_, StatusRow>(sqlx::AssertSqlSafe(query));
        let rows = query
            .bind(customer.as_str())
            .bind(before.map(|key| key.to_string()))
            .bind(request.state.map(BatchState::as_str))
            .bind(request.solution.as_ref().map(SolutionName::as_str))
            .bind(request.submission.as_ref().map(SubmissionName::as_str))
            .bind(rows_max)
            .bind(request.since.map(Timestamp::as_millisecond))
            .bind(request.until.map(Timestamp::as_millisecond))
            .bind(request.key_prefix.as_ref().map(KeyPrefix::as_str))
            .bind(request.tests.wanted())
            .fetch_all(&self.pool)
            .await?;
        rows.into_iter().map(BatchRow::try_from).collect()
    }

    /// Cancels those of `ids` under a key that wait, and asks who runs the others to stop. What became of them
    /// together: stopping when one of them is, else cancelled when one is. None: there is nothing.
    pub(crate) async fn cancel(
        &self,
        customer: &CustomerName,
        key: BatchKey,
        ids: &[i64],
        deed: &Deed<'_>,
        now: Timestamp,
    ) -> Result<Option<Cancelling>> {
        let mut write = self.write().await?;
        let mut cancelling = None;
        for target in targets(&mut write, customer, key).await?.iter().filter(|target| ids.contains(&target.id)) {
            let becomes = cancel_one(&mut write, customer, key, target, now).await?;
            cancelling = Some(cancelling.map_or(becomes, |one| together(one, becomes)));
        }
        if cancelling.is_some() {
            record(&mut *write, deed, now).await?;
        }
        write.commit().await?;
        self.log_grew(customer);
        deed.tell();
        Ok(cancelling)
    }

    /// Deletes what is under a key when all of it has ended: the rows stay and name nothing any more. One that is none
    /// of `ids` came a moment ago and counts as one that has not ended.
    pub(crate) async fn delete(
        &self,
        customer: &CustomerName,
        key: BatchKey,
        ids: &[i64],
        contributed: Withdrawal,
        deed: &Deed<'_>,
        now: Timestamp,
    ) -> Result<Deletion> {
        let mut write = self.write().await?;
        let targets = targets(&mut write, customer, key).await?;
        for target in &targets {
            if !ids.contains(&target.id) || !state_named(&target.state)?.is_final() {
                return Ok(Deletion::NotEnded);
            }
        }
        let mut deleted = Deleted::default();
        for target in targets {
            if target.state != BatchState::Deleted.as_str() {
                target.forget(&mut write, now).await?;
                target.tell(&mut write, customer, key, BatchState::Deleted, now).await?;
            }
            if contributed == Withdrawal::Withdraw {
                withdraw(&mut write, customer, target.id).await?;
            }
            deleted.ids.push(target.id);
            if let Some(object) = target.upload_object
                && !names_upload(&mut *write, &object).await?
            {
                deleted.uploads.push(object);
            }
        }
        record(&mut *write, deed, now).await?;
        write.commit().await?;
        self.log_grew(customer);
        deed.tell();
        Ok(Deletion::Done(deleted))
    }

    /// Whether the batch of an attempt is to be cancelled.
    pub(crate) async fn cancel_requested(&self, fence: &Fence) -> Result<bool> {
        let query = "SELECT cancel_requested FROM batches WHERE id = ?";
        let asked: Option<bool> = sqlx::query_scalar(query).bind(fence.id).fetch_optional(&self.pool).await?;
        Ok(asked.unwrap_or(false))
    }

    /// Ends a batch as cancelled. False as for [`Store::finish`].
    pub(crate) async fn cancelled(&self, claim: &Claim, now: Timestamp) -> Result<bool> {
        let change = sqlx::query(
            "UPDATE batches SET state = 'cancelled', lease_owner = NULL, lease_until_ms = NULL, updated_ms = ?
             WHERE id = ? AND lease_owner = ? AND attempt = ? AND state = 'running'",
        )
        .bind(now.as_millisecond());
        self.leave(claim, change, BatchState::Cancelled, now).await
    }

    /// Those among batches of these numbers that are in one of these states.
    pub(crate) async fn among(&self, ids: &[i64], states: &[BatchState]) -> Result<Vec<i64>> {
        let unwritable = |_| crate::error::Error::Stored("list of batches");
        let ids = serde_json::to_string(ids).map_err(unwritable)?;
        let states = serde_json::to_string(states).map_err(unwritable)?;
        let query = "SELECT id FROM batches
                     WHERE id IN (SELECT value FROM json_each(?)) AND state IN (SELECT value FROM json_each(?))";
        Ok(sqlx::query_scalar(query).bind(ids).bind(states).fetch_all(&self.pool).await?)
    }
}

async fn cancel_one(
    write: &mut Transaction<'static, Sqlite>,
    customer: &CustomerName,
    key: BatchKey,
    target: &Target,
    now: Timestamp,
) -> Result<Cancelling> {
    let (becomes, change) = match state_named(&target.state)? {
        BatchState::Accepted => (
            Cancelling::Cancelled,
            "UPDATE batches SET cancel_requested = 1, state = 'cancelled', updated_ms = ? WHERE id = ?",
        ),
        BatchState::Running => {
            (Cancelling::Stopping, "UPDATE batches SET cancel_requested = 1, updated_ms = ? WHERE id = ?")
        }
        ended => return Ok(Cancelling::Ended(ended)),
    };
    sqlx::query(change).bind(now.as_millisecond()).bind(target.id).execute(&mut **write).await?;
    if becomes == Cancelling::Cancelled {
        target.tell(write, customer, key, BatchState::Cancelled, now).await?;
    }
    Ok(becomes)
}

/// What became of two, the batch first.
fn together(one: Cancelling, other: Cancelling) -> Cancelling {
    match (one, other) {
        (Cancelling::Stopping, _) | (_, Cancelling::Stopping) => Cancelling::Stopping,
        (Cancelling::Cancelled, _) | (_, Cancelling::Cancelled) => Cancelling::Cancelled,
        (ended, _) => ended,
    }
}
