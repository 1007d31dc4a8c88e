//! Batches and the log of what happened to them.
//!
//! Whoever takes a batch up gets a [`Fence`]: its owner's name and the number of the attempt. Every later write of that
//! attempt names the fence and does nothing once the batch has gone to another attempt, so a process that lost its
//! lease without noticing can neither commit nor fail nor give back what is no longer its own.

use bordereau_base::ids::{BatchKey, CustomerName, ReleaseVersion, SolutionName, SubmissionName};
use bordereau_base::state::BatchState;
use bordereau_engine::batch::ResultFormat;
use bordereau_engine::release::manifest::Explanations;
use jiff::Timestamp;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{FromRow, Sqlite};

use super::events::{About, append_events};
use super::turns::served;
use super::{Store, moment, signed, state_named, stored, unsigned};
use crate::batch::{BatchStatus, Report};
use crate::error::{Error, Result};
use crate::profile::Kind;

/// The right to change a batch; see the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fence {
    pub(crate) id: i64,
    pub(crate) owner: String,
    pub(crate) attempt: i64,
}

/// A batch that was taken up.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) fence: Fence,
    pub(crate) customer: CustomerName,
    pub(crate) key: BatchKey,
    pub(crate) solution: SolutionName,
    pub(crate) submission: SubmissionName,
    pub(crate) release_version: ReleaseVersion,
    pub(crate) release_sha256: String,
    pub(crate) format: ResultFormat,
    pub(crate) explanations: Option<Explanations>,
    pub(crate) upload_object: String,
    pub(crate) upload_sha256: String,
    pub(crate) accepted: Timestamp,
    /// Whether a test user sent it.
    pub(crate) test: bool,
    pub(crate) failures: u64,
    pub(crate) crashes: u64,
    /// Its customer wants it to end.
    pub(crate) cancel_requested: bool,
}

/// Results that are in place, about to be named.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) object: String,
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
    pub(crate) summary: String,
}

/// A batch as its customer asks for it.
#[derive(Debug)]
pub(crate) struct BatchRow {
    pub(crate) id: i64,
    pub(crate) attempt: i64,
    pub(crate) status: BatchStatus,
    pub(crate) results: Option<Finished>,
}

#[derive(FromRow)]
struct ClaimRow {
    id: i64,
    customer: String,
    key: String,
    solution: String,
    submission: String,
    release_version: String,
    release_sha256: String,
    format: String,
    explanations: Option<String>,
    upload_object: String,
    upload_sha256: String,
    created_ms: i64,
    test: bool,
    state: String,
    attempt: i64,
    failures: i64,
    crashes: i64,
    cancel_requested: bool,
}

/// The columns of a [`StatusRow`].
pub(super) const STATUS_COLUMNS: &str = "id, key, solution, submission, release_version, test, state, attempt, created_ms, \
                                         updated_ms, results_object, results_sha256, results_bytes, summary, report";

#[derive(FromRow)]
pub(super) struct StatusRow {
    id: i64,
    key: String,
    solution: String,
    submission: String,
    release_version: String,
    test: bool,
    state: String,
    attempt: i64,
    created_ms: i64,
    updated_ms: i64,
    results_object: Option<String>,
    results_sha256: Option<String>,
    results_bytes: Option<i64>,
    summary: Option<String>,
    report: Option<String>,
}

impl Store {
    /// What a customer has under a key: the batch first, then the profile.
    pub(crate) async fn under_key(&self, customer: &CustomerName, key: BatchKey) -> Result<Vec<BatchRow>> {
        let query = format!("SELECT {STATUS_COLUMNS} FROM batches WHERE customer = ? AND key = ? ORDER BY is_profile");
        let rows: Vec<StatusRow> = sqlx::query_as(sqlx::AssertSqlSafe(query))
            .bind(customer.as_str())
            .bind(key.to_string())
            .fetch_all(&self.pool)
            .await?;
        rows.into_iter().map(BatchRow::try_from).collect()
    }

    /// A customer's batch or profile.
    pub(crate) async fn batch(&self, customer: &CustomerName, key: BatchKey, kind: Kind) -> Result<Option<BatchRow>> {
        let query = format!("SELECT {STATUS_COLUMNS} FROM batches WHERE customer = ? AND key = ? AND is_profile = ?");
        let row: Option<StatusRow> = sqlx::query_as(sqlx::AssertSqlSafe(query))
            .bind(customer.as_str())
            .bind(key.to_string())
            .bind(kind == Kind::Profile)
            .fetch_optional(&self.pool)
            .await?;
        row.map(BatchRow::try_from).transpose()
    }

    /// The owners of all running batches.
    pub(crate) async fn lease_owners(&self) -> Result<Vec<String>> {
        let query = "SELECT DISTINCT lease_owner FROM batches WHERE state = 'running' AND lease_owner IS NOT NULL";
        Ok(sqlx::query_scalar(query).fetch_all(&self.pool).await?)
    }

    /// Takes up a batch for `owner`: one that waits, or one whose lease has run out or is held by one of `dead`.
    /// Customers take turns ([`super::turns`]). Of a customer's, those that failed or crashed least come first, and of
    /// those the oldest, so that a bad one cannot hold up the others.
    pub(crate) async fn claim(
        &self,
        owner: &str,
        dead: &[String],
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Option<Claim>> {
        let dead = serde_json::to_string(dead).map_err(|_| Error::Stored("list of owners"))?;
        let mut write = self.write().await?;
        let row: Option<ClaimRow> = sqlx::query_as(
            "SELECT id, customer, key, solution, submission, release_version, release_sha256, format, explanations,
                 upload_object, upload_sha256, batches.created_ms, test, state, attempt, failures, crashes, cancel_requested
             FROM batches JOIN customers ON customers.name = batches.customer, log
             WHERE (state = 'accepted' AND wait_until_ms <= ?1)
                OR (state = 'running' AND (lease_until_ms <= ?1 OR lease_owner IN (SELECT value FROM json_each(?2))))
             ORDER BY max(customers.turn, log.turn), failures + crashes, id LIMIT 1",
        )
        .bind(now.as_millisecond())
        .bind(dead)
        .fetch_optional(&mut *write)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let crashed = row.state == BatchState::Running.as_str();
        sqlx::query(
            "UPDATE batches SET state = 'running', attempt = attempt + 1, crashes = crashes + ?, lease_owner = ?,
                 lease_until_ms = ?, updated_ms = ?
             WHERE id = ?",
        )
        .bind(i64::from(crashed))
        .bind(owner)
        .bind(lease_until.as_millisecond())
        .bind(now.as_millisecond())
        .bind(row.id)
        .execute(&mut *write)
        .await?;
        served(&mut write, &row.customer).await?;
        let claim = row.claim(owner, crashed)?;
        if !crashed {
            append_events(&mut write, claim.about(), BatchState::Running, now).await?;
        }
        write.commit().await?;
        self.log_grew(&claim.customer);
        Ok(Some(claim))
    }

    /// Whether [`Store::claim`] would find something; takes no lock.
    pub(crate) async fn has_claimable(&self, dead: &[String], now: Timestamp) -> Result<bool> {
        let dead = serde_json::to_string(dead).map_err(|_| Error::Stored("list of owners"))?;
        Ok(sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM batches
             WHERE (state = 'accepted' AND wait_until_ms <= ?1)
                OR (state = 'running' AND (lease_until_ms <= ?1 OR lease_owner IN (SELECT value FROM json_each(?2)))))",
        )
        .bind(now.as_millisecond())
        .bind(dead)
        .fetch_one(&self.pool)
        .await?)
    }

    /// Holds the lease longer. False: the batch has gone to another attempt.
    pub(crate) async fn renew(&self, fence: &Fence, lease_until: Timestamp) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE batches SET lease_until_ms = ?
             WHERE id = ? AND lease_owner = ? AND attempt = ? AND state = 'running'",
        )
        .bind(lease_until.as_millisecond())
        .bind(fence.id)
        .bind(&fence.owner)
        .bind(fence.attempt)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Names the results. False: the batch has gone to another attempt, and nothing was changed.
    pub(crate) async fn finish(&self, claim: &Claim, results: &Finished, now: Timestamp) -> Result<bool> {
        self.leave(claim, finishing(results, now), BatchState::Finished, now).await
    }

    /// Ends a batch with a report. False as for [`Store::finish`].
    pub(crate) async fn fail(&self, claim: &Claim, report: &Report, now: Timestamp) -> Result<bool> {
        let report = serde_json::to_string(report).map_err(|_| Error::Stored("report"))?;
        let change = sqlx::query(
            "UPDATE batches SET state = 'failed', lease_owner = NULL, lease_until_ms = NULL, updated_ms = ?, report = ?
             WHERE id = ? AND lease_owner = ? AND attempt = ? AND state = 'running'",
        )
        .bind(now.as_millisecond())
        .bind(report);
        self.leave(claim, change, BatchState::Failed, now).await
    }

    /// Gives a batch back to be taken up at once. False as for [`Store::finish`].
    pub(crate) async fn give_back(&self, claim: &Claim, now: Timestamp) -> Result<bool> {
        let change = sqlx::query(
            "UPDATE batches SET state = 'accepted', lease_owner = NULL, lease_until_ms = NULL, updated_ms = ?
             WHERE id = ? AND lease_owner = ? AND attempt = ? AND state = 'running'",
        )
        .bind(now.as_millisecond());
        self.leave(claim, change, BatchState::Accepted, now).await
    }

    /// Gives a batch back after a fault of ours, not to be taken up before `wait_until`. False as for
    /// [`Store::finish`].
    pub(crate) async fn put_off(&self, claim: &Claim, wait_until: Timestamp, now: Timestamp) -> Result<bool> {
        let change = sqlx::query(
            "UPDATE batches SET state = 'accepted', lease_owner = NULL, lease_until_ms = NULL, updated_ms = ?,
                 failures = failures + 1, wait_until_ms = ?
             WHERE id = ? AND lease_owner = ? AND attempt = ? AND state = 'running'",
        )
        .bind(now.as_millisecond())
        .bind(wait_until.as_millisecond());
        self.leave(claim, change, BatchState::Accepted, now).await
    }

    /// Gives a batch back that there was no room for, not to be taken up before `wait_until`. False as for
    /// [`Store::finish`].
    pub(crate) async fn wait_for_room(&self, claim: &Claim, wait_until: Timestamp, now: Timestamp) -> Result<bool> {
        let change = sqlx::query(
            "UPDATE batches SET state = 'accepted', lease_owner = NULL, lease_until_ms = NULL, updated_ms = ?,
                 wait_until_ms = ?
             WHERE id = ? AND lease_owner = ? AND attempt = ? AND state = 'running'",
        )
        .bind(now.as_millisecond())
        .bind(wait_until.as_millisecond());
        self.leave(claim, change, BatchState::Accepted, now).await
    }

    /// Runs a change that ends with the three parameters of a fence, and appends its event.
    pub(super) async fn leave(
        &self,
        claim: &Claim,
        change: Query<'_, Sqlite, SqliteArguments>,
        state: BatchState,
        now: Timestamp,
    ) -> Result<bool> {
        let fence = &claim.fence;
        let change = change.bind(fence.id).bind(fence.owner.clone()).bind(fence.attempt);
        let mut write = self.write().await?;
        if change.execute(&mut *write).await?.rows_affected() != 1 {
            return Ok(false);
        }
        append_events(&mut write, claim.about(), state, now).await?;
        write.commit().await?;
        self.log_grew(&claim.customer);
        Ok(true)
    }
}

impl Claim {
    pub(super) fn about(&self) -> About<'_> {
        let Self { customer, key, solution, submission, .. } = self;
        About { customer, key: *key, solution, submission }
    }
}

impl ClaimRow {
    fn claim(self, owner: &str, crashed: bool) -> Result<Claim> {
        let explanations = self.explanations.as_deref();
        Ok(Claim {
            fence: Fence { id: self.id, owner: owner.to_owned(), attempt: self.attempt + 1 },
            customer: stored(&self.customer, "customer name")?,
            key: stored(&self.key, "batch key")?,
            solution: stored(&self.solution, "solution name")?,
            submission: stored(&self.submission, "submission name")?,
            release_version: stored(&self.release_version, "release version")?,
            release_sha256: self.release_sha256,
            format: format_named(&self.format)?,
            explanations: explanations.map(|text| stored(text, "number of explanations")).transpose()?,
            upload_object: self.upload_object,
            upload_sha256: self.upload_sha256,
            accepted: moment(self.created_ms)?,
            test: self.test,
            failures: unsigned(self.failures),
            crashes: unsigned(self.crashes) + u64::from(crashed),
            cancel_requested: self.cancel_requested,
        })
    }
}

impl TryFrom<StatusRow> for BatchRow {
    type Error = Error;

    fn try_from(row: StatusRow) -> Result<Self> {
        let report = row.report.as_deref().map(serde_json::from_str).transpose();
        let summary = row.summary.as_deref().map(serde_json::from_str).transpose();
        let status = BatchStatus {
            key: stored(&row.key, "batch key")?,
            solution: stored(&row.solution, "solution name")?,
            submission: stored(&row.submission, "submission name")?,
            release: stored(&row.release_version, "release version")?,
            test: row.test,
            state: state_named(&row.state)?,
            attempt: unsigned(row.attempt),
            created: moment(row.created_ms)?,
            updated: moment(row.updated_ms)?,
            progress: None,
            report: report.map_err(|_| Error::Stored("report"))?,
            summary: summary.map_err(|_| Error::Stored("summary"))?,
        };
        let results = match (row.results_object, row.results_sha256, row.results_bytes, row.summary) {
            (Some(object), Some(sha256), Some(bytes), Some(summary)) => {
                Some(Finished { object, sha256, bytes: unsigned(bytes), summary })
            }
            _ => None,
        };
        Ok(Self { id: row.id, attempt: row.attempt, status, results })
    }
}

pub(crate) fn format_name(format: ResultFormat) -> &'static str {
    match format {
        ResultFormat::Csv => "csv",
        ResultFormat::Parquet => "parquet",
    }
}

/// The change that names the results of a batch; the three parameters of a fence are still to be bound.
pub(super) fn finishing(results: &Finished, now: Timestamp) -> Query<'_, Sqlite, SqliteArguments> {
    sqlx::query(
        "UPDATE batches SET state = 'finished', lease_owner = NULL, lease_until_ms = NULL, updated_ms = ?,
             results_object = ?, results_sha256 = ?, results_bytes = ?, summary = ?
         WHERE id = ? AND lease_owner = ? AND attempt = ? AND state = 'running'",
    )
    .bind(now.as_millisecond())
    .bind(&results.object)
    .bind(&results.sha256)
    .bind(signed(results.bytes))
    .bind(&results.summary)
}

pub(super) fn format_named(text: &str) -> Result<ResultFormat> {
    match text {
        "csv" => Ok(ResultFormat::Csv),
        "parquet" => Ok(ResultFormat::Parquet),
        _ => Err(Error::Stored("result format")),
    }
}

pub(crate) fn explanations_name(explanations: Explanations) -> String {
    match explanations {
        Explanations::Top(count) => count.to_string(),
        Explanations::All => "all".to_owned(),
    }
}
