//! Listing, cancelling and deleting batches.

use bordereau_base::ids::{BatchKey, CustomerName, SolutionName, SubmissionName};
use bordereau_base::state::BatchState;
use jiff::Timestamp;

use super::batches::{BatchRow, Claim, Fence, STATUS_COLUMNS, StatusRow};
use super::events::{About, append_events};
use super::{Store, state_named, stored};
use crate::error::Result;
use crate::operations::{Cancelling, ListRequest};

/// A batch that was deleted, and what of it lies in the data folder.
#[derive(Debug)]
pub(crate) struct Deleted {
    pub(crate) id: i64,
    pub(crate) upload_object: Option<String>,
}

/// What became of a wish to delete a batch.
#[derive(Debug)]
pub(crate) enum Deletion {
    /// It is deleted, or was before.
    Done(Deleted),
    /// It has not ended.
    NotEnded,
}

#[derive(sqlx::FromRow)]
struct Target {
    id: i64,
    solution: String,
    submission: String,
    state: String,
    upload_object: Option<String>,
}

const TARGET: &str =
    "SELECT id, solution, submission, state, upload_object FROM batches WHERE customer = ? AND key = ?";

impl Store {
    /// Batches of a customer, newest first, from the one before `before` on (the newest when that is none of its keys).
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
               AND (?2 IS NULL OR id < (SELECT id FROM batches WHERE customer = ?1 AND key = ?2))
               AND (?3 IS NULL OR state = ?3) AND (?4 IS NULL OR solution = ?4) AND (?5 IS NULL OR submission = ?5)
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
            .fetch_all(&self.pool)
            .await?;
        rows.into_iter().map(BatchRow::try_from).collect()
    }

    /// Cancels a batch that waits, or asks the one who runs it to stop. None: there is no such batch.
    pub(crate) async fn cancel(
        &self,
        customer: &CustomerName,
        key: BatchKey,
        now: Timestamp,
    ) -> Result<Option<Cancelling>> {
        let mut write = self.write().await?;
        let query = sqlx::query_as::<_, Target>(TARGET).bind(customer.as_str()).bind(key.to_string());
        let Some(target) = query.fetch_optional(&mut *write).await? else {
            return Ok(None);
        };
        let becomes = match state_named(&target.state)? {
            BatchState::Accepted => Cancelling::Cancelled,
            BatchState::Running => Cancelling::Stopping,
            ended => return Ok(Some(Cancelling::Ended(ended))),
        };
        let change = match becomes {
            Cancelling::Cancelled => {
                "UPDATE batches SET cancel_requested = 1, state = 'cancelled', updated_ms = ? WHERE id = ?"
            }
            _ => "UPDATE batches SET cancel_requested = 1, updated_ms = ? WHERE id = ?",
        };
        sqlx::query(change).bind(now.as_millisecond()).bind(target.id).execute(&mut *write).await?;
        if becomes == Cancelling::Cancelled {
            self.tell(&mut write, customer, key, &target, BatchState::Cancelled, now).await?;
        }
        write.commit().await?;
        self.log_grew(customer);
        Ok(Some(becomes))
    }

    /// Deletes a batch that has ended: its row stays and names nothing any more. None: there is no such batch.
    pub(crate) async fn delete(
        &self,
        customer: &CustomerName,
        key: BatchKey,
        now: Timestamp,
    ) -> Result<Option<Deletion>> {
        let mut write = self.write().await?;
        let query = sqlx::query_as::<_, Target>(TARGET).bind(customer.as_str()).bind(key.to_string());
        let Some(target) = query.fetch_optional(&mut *write).await? else {
            return Ok(None);
        };
        let state = state_named(&target.state)?;
        if !state.is_final() {
            return Ok(Some(Deletion::NotEnded));
        }
        if state != BatchState::Deleted {
            sqlx::query(
                "UPDATE batches SET state = 'deleted', updated_ms = ?, upload_object = NULL, results_object = NULL,
                     results_sha256 = NULL, results_bytes = NULL, summary = NULL, report = NULL
                 WHERE id = ?",
            )
            .bind(now.as_millisecond())
            .bind(target.id)
            .execute(&mut *write)
            .await?;
            sqlx::query("DELETE FROM artefacts WHERE batch = ?").bind(target.id).execute(&mut *write).await?;
            self.tell(&mut write, customer, key, &target, BatchState::Deleted, now).await?;
            write.commit().await?;
            self.log_grew(customer);
        }
        Ok(Some(Deletion::Done(Deleted { id: target.id, upload_object: target.upload_object })))
    }

    async fn tell(
        &self,
        write: &mut sqlx::Transaction<'static, sqlx::Sqlite>,
        customer: &CustomerName,
        key: BatchKey,
        target: &Target,
        state: BatchState,
        now: Timestamp,
    ) -> Result<()> {
        let (solution, submission) =
            (stored(&target.solution, "solution name")?, stored(&target.submission, "submission name")?);
        let about = About { customer, key, solution: &solution, submission: &submission };
        append_events(write, about, state, now).await
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

    /// The deleted among batches of these numbers.
    pub(crate) async fn deleted_among(&self, ids: &[i64]) -> Result<Vec<i64>> {
        let ids = serde_json::to_string(ids).map_err(|_| crate::error::Error::Stored("list of batches"))?;
        let query = "SELECT id FROM batches WHERE state = 'deleted' AND id IN (SELECT value FROM json_each(?))";
        Ok(sqlx::query_scalar(query).bind(ids).fetch_all(&self.pool).await?)
    }
}
