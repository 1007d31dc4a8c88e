//! The log of what happened, a sequence without holes for each customer.

use bordereau_base::ids::{BatchKey, CustomerName, SolutionName, SubmissionName};
use bordereau_base::state::BatchState;
use jiff::Timestamp;
use sqlx::pool::PoolConnection;
use sqlx::{FromRow, Sqlite, Transaction};

use super::{Store, moment, signed, state_named, stored, unsigned};
use crate::error::{Error, Result};
use crate::event::{BatchChange, Event, EventName, Subject};
use crate::webhook::WebhookId;

#[derive(FromRow)]
struct EventRow {
    sequence: i64,
    name: String,
    key: String,
    solution: String,
    submission: String,
    test: bool,
    state: String,
    webhook: Option<String>,
    reason: Option<String>,
    at_ms: i64,
}

impl EventRow {
    fn event(self, customer: &CustomerName) -> Result<Event> {
        let subject = match &self.webhook {
            Some(id) => {
                Subject::Webhook { id: stored(id, "id of a webhook")?, reason: self.reason.unwrap_or_default() }
            }
            None => Subject::Batch(BatchChange {
                key: stored(&self.key, "batch key")?,
                solution: stored(&self.solution, "solution name")?,
                submission: stored(&self.submission, "submission name")?,
                test: self.test,
                state: state_named(&self.state)?,
            }),
        };
        Ok(Event {
            customer: customer.clone(),
            sequence: unsigned(self.sequence),
            name: self.name.parse().map_err(|_| Error::Stored("event name"))?,
            subject,
            at: moment(self.at_ms)?,
        })
    }
}

fn events(rows: Vec<EventRow>, customer: &CustomerName) -> Result<Vec<Event>> {
    rows.into_iter().map(|row| row.event(customer)).collect()
}

/// What an event is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    pub(crate) customer: &'a CustomerName,
    pub(crate) key: BatchKey,
    pub(crate) solution: &'a SolutionName,
    pub(crate) submission: &'a SubmissionName,
}

/// Appends the events of a batch that came into `state`.
pub(crate) async fn append_events(
    write: &mut Transaction<'static, Sqlite>,
    about: About<'_>,
    state: BatchState,
    now: Timestamp,
) -> Result<()> {
    append_event(write, about, EventName::ProfileUpdated, state, now).await?;
    match state {
        BatchState::Finished => append_event(write, about, EventName::BatchFinished, state, now).await,
        BatchState::Failed => append_event(write, about, EventName::BatchFailed, state, now).await,
        BatchState::Accepted | BatchState::Running | BatchState::Cancelled | BatchState::Deleted => Ok(()),
    }
}

/// Appends one event with the customer's next sequence number.
pub(crate) async fn append_event(
    write: &mut Transaction<'static, Sqlite>,
    about: About<'_>,
    name: EventName,
    state: BatchState,
    now: Timestamp,
) -> Result<()> {
    let sequence = next_sequence(write, about.customer).await?;
    sqlx::query(
        "INSERT INTO events (customer, sequence, name, key, solution, submission, state, at_ms, test)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, coalesce((SELECT test FROM batches
             WHERE customer = ?1 AND key = ?4 AND solution = ?5 AND submission = ?6), 0))",
    )
    .bind(about.customer.as_str())
    .bind(sequence)
    .bind(name.as_str())
    .bind(about.key.to_string())
    .bind(about.solution.as_str())
    .bind(about.submission.as_str())
    .bind(state.as_str())
    .bind(now.as_millisecond())
    .execute(&mut **write)
    .await?;
    Ok(())
}

/// Appends that a webhook was disabled.
pub(super) async fn append_disabled(
    write: &mut Transaction<'static, Sqlite>,
    customer: &CustomerName,
    webhook: WebhookId,
    reason: &str,
    now: Timestamp,
) -> Result<()> {
    let sequence = next_sequence(write, customer).await?;
    sqlx::query(
        "INSERT INTO events (customer, sequence, name, key, solution, submission, state, at_ms, webhook, reason)
         VALUES (?, ?, ?, '', '', '', '', ?, ?, ?)",
    )
    .bind(customer.as_str())
    .bind(sequence)
    .bind(EventName::WebhookDisabled.as_str())
    .bind(now.as_millisecond())
    .bind(webhook.to_string())
    .bind(reason)
    .execute(&mut **write)
    .await?;
    Ok(())
}

async fn next_sequence(write: &mut Transaction<'static, Sqlite>, customer: &CustomerName) -> Result<i64> {
    let query = "UPDATE customers SET last_event = last_event + 1 WHERE name = ? RETURNING last_event";
    Ok(sqlx::query_scalar(query).bind(customer.as_str()).fetch_one(&mut **write).await?)
}

const COLUMNS: &str = "sequence, name, key, solution, submission, test, state, webhook, reason, at_ms";

impl Store {
    /// What cursors of this store have in common.
    pub(crate) async fn epoch(&self) -> Result<String> {
        Ok(sqlx::query_scalar("SELECT epoch FROM log").fetch_one(&self.pool).await?)
    }

    /// The sequence number of the customer's last event, zero before the first.
    pub(crate) async fn last_event(&self, customer: &CustomerName) -> Result<u64> {
        let query = "SELECT last_event FROM customers WHERE name = ?";
        let last: Option<i64> = sqlx::query_scalar(query).bind(customer.as_str()).fetch_optional(&self.pool).await?;
        Ok(unsigned(last.unwrap_or_default()))
    }

    /// The last sequence number of every customer.
    pub(crate) async fn last_events(&self) -> Result<Vec<(CustomerName, u64)>> {
        let query = "SELECT name, last_event FROM customers";
        let rows: Vec<(String, i64)> = sqlx::query_as(query).fetch_all(&self.pool).await?;
        rows.into_iter().map(|(name, last)| Ok((stored(&name, "customer name")?, unsigned(last)))).collect()
    }

    /// The customer's events after a sequence number, in order.
    pub(crate) async fn events(&self, customer: &CustomerName, after: u64, rows_max: u32) -> Result<Vec<Event>> {
        let query =
            format!("SELECT {COLUMNS} FROM events WHERE customer = ? AND sequence > ? ORDER BY sequence LIMIT ?");
        let query = sqlx::query_as(sqlx::AssertSqlSafe(query));
        let query = query.bind(customer.as_str()).bind(signed(after)).bind(rows_max);
        events(query.fetch_all(&self.pool).await?, customer)
    }

    /// The events of one batch after a sequence number, in order.
    pub(crate) async fn events_of(
        &self,
        customer: &CustomerName,
        key: BatchKey,
        after: u64,
        rows_max: u32,
    ) -> Result<Vec<Event>> {
        let query = format!(
            "SELECT {COLUMNS} FROM events WHERE customer = ? AND key = ? AND sequence > ? ORDER BY sequence LIMIT ?"
        );
        let query = sqlx::query_as(sqlx::AssertSqlSafe(query));
        let query = query.bind(customer.as_str()).bind(key.to_string()).bind(signed(after)).bind(rows_max);
        events(query.fetch_all(&self.pool).await?, customer)
    }

    /// The states that a batch or profile came into, in order, with the moments.
    pub(crate) async fn states_of(&self, about: About<'_>) -> Result<Vec<(BatchState, Timestamp)>> {
        let query = "SELECT state, at_ms FROM events
                     WHERE customer = ? AND key = ? AND name = ? AND solution = ? AND submission = ? ORDER BY sequence";
        let changes: Vec<(String, i64)> = sqlx::query_as(query)
            .bind(about.customer.as_str())
            .bind(about.key.to_string())
            .bind(EventName::ProfileUpdated.as_str())
            .bind(about.solution.as_str())
            .bind(about.submission.as_str())
            .fetch_all(&self.pool)
            .await?;
        let states = changes.into_iter().map(|(state, at_ms)| Ok((state_named(&state)?, moment(at_ms)?)));
        let mut states: Vec<_> = states.collect::<Result<_>>()?;
        // A newer preliminary profile is a change too, and no other state.
        states.dedup_by_key(|(state, _)| *state);
        Ok(states)
    }

    /// The newest event of each name of each batch and profile, of those that changed last, and of each webhook that is
    /// still disabled, in order.
    pub(crate) async fn newest_events(&self, customer: &CustomerName, rows_max: u32) -> Result<Vec<Event>> {
        let query = format!(
            "SELECT {COLUMNS} FROM events WHERE customer = ?1 AND sequence IN (
                 SELECT max(sequence) FROM events
                 WHERE customer = ?1
                   AND (webhook IS NULL OR webhook IN (SELECT id FROM webhooks WHERE state = 'disabled'))
                 GROUP BY key, solution, submission, name, webhook
                 ORDER BY 1 DESC LIMIT ?2)
             ORDER BY sequence"
        );
        let query = sqlx::query_as(sqlx::AssertSqlSafe(query)).bind(customer.as_str()).bind(rows_max);
        events(query.fetch_all(&self.pool).await?, customer)
    }

    /// A number that changes when another connection, of this process or another, has changed the store, as long as it
    /// is asked for on the same `connection`.
    pub(crate) async fn data_version(&self, connection: &mut Option<PoolConnection<Sqlite>>) -> Result<i64> {
        let connection = match connection {
            Some(connection) => connection,
            None => connection.insert(self.pool.acquire().await?),
        };
        Ok(sqlx::query_scalar("PRAGMA data_version").fetch_one(&mut **connection).await?)
    }
}
