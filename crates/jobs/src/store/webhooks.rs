//! Webhooks, their places in the log, and what was sent to them.
//!
//! Whoever delivers holds a lease; the place moves only for the holder, and only forwards.

use bordereau_base::ids::CustomerName;
use jiff::Timestamp;
use sqlx::FromRow;

use super::audit::record;
use super::events::append_disabled;
use super::{Store, moment, signed, stored, unsigned};
use crate::audit::{Actor, Deed, DeedName};
use crate::error::{Error, Result};
use crate::webhook::secret::Secret;
use crate::webhook::{
    Answer, Delivery, NewWebhook, Switch, WEBHOOKS_MAX, Webhook, WebhookChange, WebhookId, WebhookState,
};

/// Attempts that are kept for each webhook.
const DELIVERIES_KEPT: i64 = 1_000;

const COLUMNS: &str = "id, customer, url, filters, state, reason, position, failures, wait_until_ms, created_ms, \
                       updated_ms";

#[derive(FromRow)]
struct WebhookRow {
    id: String,
    customer: String,
    url: String,
    filters: String,
    state: String,
    reason: Option<String>,
    position: i64,
    failures: i64,
    wait_until_ms: i64,
    created_ms: i64,
    updated_ms: i64,
}

impl TryFrom<WebhookRow> for Webhook {
    type Error = Error;

    fn try_from(row: WebhookRow) -> Result<Self> {
        let state = match row.state.as_str() {
            "enabled" => WebhookState::Enabled,
            "paused" => WebhookState::Paused,
            "disabled" => WebhookState::Disabled(row.reason.unwrap_or_default()),
            _ => return Err(Error::Stored("state of a webhook")),
        };
        let is_waiting = row.failures > 0 && state == WebhookState::Enabled;
        Ok(Self {
            id: stored(&row.id, "id of a webhook")?,
            customer: stored(&row.customer, "customer name")?,
            url: row.url,
            filters: serde_json::from_str(&row.filters).map_err(|_| Error::Stored("filter"))?,
            state,
            position: unsigned(row.position),
            failures: unsigned(row.failures),
            next_attempt: is_waiting.then(|| moment(row.wait_until_ms)).transpose()?,
            created: moment(row.created_ms)?,
            updated: moment(row.updated_ms)?,
        })
    }
}

/// A webhook that may have something to be sent.
#[derive(Debug)]
pub(crate) struct DueWebhook {
    pub(crate) id: WebhookId,
    pub(crate) customer: CustomerName,
    /// The last event of the customer's log.
    pub(crate) log_end: u64,
}

#[derive(FromRow)]
struct DeliveryRow {
    number: i64,
    message: String,
    sequence: Option<i64>,
    name: String,
    attempt: i64,
    status: Option<u16>,
    fault: Option<String>,
    took_ms: i64,
    at_ms: i64,
}

impl TryFrom<DeliveryRow> for Delivery {
    type Error = Error;

    fn try_from(row: DeliveryRow) -> Result<Self> {
        let answer = match (row.status, row.fault) {
            (Some(status), _) => Answer::Status { status, retry_after_s: None },
            (None, fault) => Answer::Fault(fault.unwrap_or_default()),
        };
        Ok(Self {
            number: unsigned(row.number),
            message: row.message,
            sequence: row.sequence.map(unsigned),
            name: row.name,
            attempt: unsigned(row.attempt),
            answer,
            took_ms: unsigned(row.took_ms),
            at: moment(row.at_ms)?,
        })
    }
}

fn filters_text(filters: &[String]) -> Result<String> {
    serde_json::to_string(filters).map_err(|_| Error::Stored("filter"))
}

impl Store {
    /// Adds a webhook that begins at the end of the log. False: the customer has too many.
    pub(crate) async fn insert_webhook(&self, new: &NewWebhook<'_>, deed: &Deed<'_>, now: Timestamp) -> Result<bool> {
        let NewWebhook { id, customer, url, filters, secret } = new;
        let mut write = self.write().await?;
        let query =
            "SELECT last_event, (SELECT count(*) FROM webhooks WHERE customer = name) FROM customers WHERE name = ?";
        let found: Option<(i64, i64)> =
            sqlx::query_as(query).bind(customer.as_str()).fetch_optional(&mut *write).await?;
        let (position, count) = found.ok_or(Error::Absent("customer"))?;
        if count >= WEBHOOKS_MAX as i64 {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO webhooks (id, customer, url, filters, secret, state, position, created_ms, updated_ms)
             VALUES (?, ?, ?, ?, ?, 'enabled', ?, ?, ?)",
        )
        .bind(id.to_string())
        .bind(customer.as_str())
        .bind(url)
        .bind(filters_text(filters)?)
        .bind(secret.bytes())
        .bind(position)
        .bind(now.as_millisecond())
        .bind(now.as_millisecond())
        .execute(&mut *write)
        .await?;
        self.recorded(write, deed, now).await?;
        Ok(true)
    }

    /// A webhook, of that customer when one is given.
    pub(crate) async fn webhook(&self, customer: Option<&CustomerName>, id: WebhookId) -> Result<Option<Webhook>> {
        let query = format!("SELECT {COLUMNS} FROM webhooks WHERE id = ?1 AND (?2 IS NULL OR customer = ?2)");
        let row: Option<WebhookRow> = sqlx::query_as(sqlx::AssertSqlSafe(query))
            .bind(id.to_string())
            .bind(customer.map(CustomerName::as_str))
            .fetch_optional(&self.pool)
            .await?;
        row.map(Webhook::try_from).transpose()
    }

    /// All webhooks, or those of a customer, oldest first.
    pub(crate) async fn webhooks(&self, customer: Option<&CustomerName>) -> Result<Vec<Webhook>> {
        let query = format!(
            "SELECT {COLUMNS} FROM webhooks WHERE ?1 IS NULL OR customer = ?1 ORDER BY customer, created_ms, id"
        );
        let rows: Vec<WebhookRow> = sqlx::query_as(sqlx::AssertSqlSafe(query))
            .bind(customer.map(CustomerName::as_str))
            .fetch_all(&self.pool)
            .await?;
        rows.into_iter().map(Webhook::try_from).collect()
    }

    /// Webhooks in each state.
    pub(crate) async fn webhooks_by_state(&self) -> Result<Vec<(String, u64)>> {
        let query = "SELECT state, count(*) FROM webhooks GROUP BY state";
        let rows: Vec<(String, i64)> = sqlx::query_as(query).fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|(state, count)| (state, unsigned(count))).collect())
    }

    /// Changes what the change names. One that is switched on is tried at once, and its failures are forgotten.
    pub(crate) async fn change_webhook(
        &self,
        id: WebhookId,
        change: &WebhookChange,
        deed: &Deed<'_>,
        now: Timestamp,
    ) -> Result<()> {
        let mut write = self.write().await?;
        let filters = change.filters.as_deref().map(filters_text).transpose()?;
        let state = change.switch.map(|switch| match switch {
            Switch::On => "enabled",
            Switch::Off => "paused",
        });
        sqlx::query(
            "UPDATE webhooks SET url = coalesce(?2, url), filters = coalesce(?3, filters), updated_ms = ?5,
                 reason = iif(?4 IS NULL, reason, NULL), state = coalesce(?4, state),
                 failures = iif(?4 = 'enabled', 0, failures), wait_until_ms = iif(?4 = 'enabled', 0, wait_until_ms)
             WHERE id = ?1",
        )
        .bind(id.to_string())
        .bind(&change.url)
        .bind(filters)
        .bind(state)
        .bind(now.as_millisecond())
        .execute(&mut *write)
        .await?;
        self.recorded(write, deed, now).await
    }

    /// Takes a new secret into use beside the one before.
    pub(crate) async fn rotate_webhook(
        &self,
        id: WebhookId,
        secret: &Secret,
        before_until: Timestamp,
        deed: &Deed<'_>,
        now: Timestamp,
    ) -> Result<()> {
        let mut write = self.write().await?;
        sqlx::query(
            "UPDATE webhooks SET secret_before = secret, before_until_ms = ?, secret = ?, updated_ms = ? WHERE id = ?",
        )
        .bind(before_until.as_millisecond())
        .bind(secret.bytes())
        .bind(now.as_millisecond())
        .bind(id.to_string())
        .execute(&mut *write)
        .await?;
        self.recorded(write, deed, now).await
    }

    /// Removes a webhook and what was sent to it.
    pub(crate) async fn remove_webhook(&self, id: WebhookId, deed: &Deed<'_>, now: Timestamp) -> Result<()> {
        let mut write = self.write().await?;
        let done = sqlx::query("DELETE FROM webhooks WHERE id = ?").bind(id.to_string()).execute(&mut *write).await?;
        if done.rows_affected() == 1 { self.recorded(write, deed, now).await } else { Err(Error::Unknown) }
    }

    /// The secrets to sign with, the newest first; none when the webhook is gone.
    pub(crate) async fn secrets(&self, id: WebhookId, now: Timestamp) -> Result<Option<Vec<Secret>>> {
        let query = "SELECT secret, iif(before_until_ms > ?, secret_before, NULL) FROM webhooks WHERE id = ?";
        let found: Option<(Vec<u8>, Option<Vec<u8>>)> =
            sqlx::query_as(query).bind(now.as_millisecond()).bind(id.to_string()).fetch_optional(&self.pool).await?;
        Ok(found.map(|(newest, before)| [Some(newest), before].into_iter().flatten().map(Secret::from_bytes).collect()))
    }

    /// Webhooks whose customer's log goes on behind their place and that may be tried now; those that have waited
    /// longest first.
    pub(crate) async fn due_webhooks(&self, now: Timestamp) -> Result<Vec<DueWebhook>> {
        let rows: Vec<(String, String, i64)> = sqlx::query_as(
            "SELECT w.id, w.customer, c.last_event FROM webhooks w JOIN customers c ON c.name = w.customer
             WHERE w.state = 'enabled' AND w.wait_until_ms <= ? AND w.position < c.last_event
             ORDER BY w.updated_ms, w.id",
        )
        .bind(now.as_millisecond())
        .fetch_all(&self.pool)
        .await?;
        let due = rows.into_iter().map(|(id, customer, end)| {
            let (id, customer) = (stored(&id, "id of a webhook")?, stored(&customer, "customer name")?);
            Ok(DueWebhook { id, customer, log_end: unsigned(end) })
        });
        due.collect()
    }

    /// Who holds webhooks.
    pub(crate) async fn webhook_holders(&self) -> Result<Vec<String>> {
        let query = "SELECT DISTINCT lease_owner FROM webhooks WHERE lease_owner IS NOT NULL";
        Ok(sqlx::query_scalar(query).fetch_all(&self.pool).await?)
    }

    /// Holds an enabled webhook that nobody else alive holds.
    pub(crate) async fn hold_webhook(
        &self,
        id: WebhookId,
        owner: &str,
        dead: &[String],
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool> {
        let dead = serde_json::to_string(dead).map_err(|_| Error::Stored("list of owners"))?;
        let done = sqlx::query(
            "UPDATE webhooks SET lease_owner = ?1, lease_until_ms = ?2
             WHERE id = ?3 AND state = 'enabled' AND wait_until_ms <= ?4 AND (lease_owner IS NULL OR lease_owner = ?1
                OR lease_until_ms <= ?4 OR lease_owner IN (SELECT value FROM json_each(?5)))",
        )
        .bind(owner)
        .bind(until.as_millisecond())
        .bind(id.to_string())
        .bind(now.as_millisecond())
        .bind(dead)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Lets others have it.
    pub(crate) async fn let_go_of_webhook(&self, id: WebhookId, owner: &str) -> Result<()> {
        sqlx::query("UPDATE webhooks SET lease_owner = NULL, lease_until_ms = NULL WHERE id = ? AND lease_owner = ?")
            .bind(id.to_string())
            .bind(owner)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Moves the place over events that are not wanted.
    pub(crate) async fn pass_over(&self, id: WebhookId, position: u64) -> Result<()> {
        sqlx::query("UPDATE webhooks SET position = ?1 WHERE id = ?2 AND position < ?1 AND failures = 0")
            .bind(signed(position))
            .bind(id.to_string())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Moves the place behind an event that was delivered. False: somebody else holds the webhook.
    pub(crate) async fn delivered(&self, id: WebhookId, owner: &str, sequence: u64, now: Timestamp) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE webhooks SET position = ?1, failures = 0, wait_until_ms = 0, updated_ms = ?2
             WHERE id = ?3 AND lease_owner = ?4 AND position < ?1",
        )
        .bind(signed(sequence))
        .bind(now.as_millisecond())
        .bind(id.to_string())
        .bind(owner)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Counts a failed attempt, unless the webhook was switched meanwhile. That it is disabled by it is an event of its
    /// customer and a line of the audit log.
    pub(crate) async fn not_delivered(
        &self,
        Webhook { id, customer, .. }: &Webhook,
        owner: &str,
        state: &WebhookState,
        wait_until: Timestamp,
        now: Timestamp,
    ) -> Result<()> {
        let mut write = self.write().await?;
        let counted = sqlx::query(
            "UPDATE webhooks SET failures = failures + 1, wait_until_ms = ?, state = ?, reason = ?, updated_ms = ?
             WHERE id = ? AND lease_owner = ? AND state = 'enabled'",
        )
        .bind(wait_until.as_millisecond())
        .bind(state.as_str())
        .bind(state.reason())
        .bind(now.as_millisecond())
        .bind(id.to_string())
        .bind(owner)
        .execute(&mut *write)
        .await?;
        let (actor, mut done) = (Actor::program(), None);
        if let (1, Some(reason)) = (counted.rows_affected(), state.reason()) {
            append_disabled(&mut write, customer, *id, reason, now).await?;
            let deed = Deed::new(&actor, DeedName::WebhookDisabled).of(customer).to(id).with(&reason);
            record(&mut *write, &deed, now).await?;
            done = Some(deed);
        }
        write.commit().await?;
        if let Some(deed) = done {
            deed.tell();
        }
        self.log_grew(customer);
        Ok(())
    }

    /// Writes down an attempt, as the next of its webhook; the oldest ones go. Its number.
    pub(crate) async fn add_delivery(&self, id: WebhookId, sent: &Delivery) -> Result<u64> {
        let (status, fault) = match &sent.answer {
            Answer::Status { status, .. } => (Some(*status), None),
            Answer::Fault(fault) => (None, Some(fault.as_str())),
        };
        let mut write = self.write().await?;
        // The webhook may have been removed meanwhile.
        let number: Option<i64> = sqlx::query_scalar(
            "INSERT INTO webhook_deliveries
                 (webhook, number, message, sequence, name, attempt, status, fault, took_ms, at_ms)
             SELECT id, 1 + coalesce((SELECT max(number) FROM webhook_deliveries WHERE webhook = webhooks.id), 0),
                 ?, ?, ?, ?, ?, ?, ?, ? FROM webhooks WHERE id = ?
             RETURNING number",
        )
        .bind(&sent.message)
        .bind(sent.sequence.map(signed))
        .bind(&sent.name)
        .bind(signed(sent.attempt))
        .bind(status)
        .bind(fault)
        .bind(signed(sent.took_ms))
        .bind(sent.at.as_millisecond())
        .bind(id.to_string())
        .fetch_optional(&mut *write)
        .await?;
        sqlx::query(
            "DELETE FROM webhook_deliveries WHERE webhook = ?1 AND number <= (
                 SELECT max(number) FROM webhook_deliveries WHERE webhook = ?1) - ?2",
        )
        .bind(id.to_string())
        .bind(DELIVERIES_KEPT)
        .execute(&mut *write)
        .await?;
        write.commit().await?;
        Ok(number.map(unsigned).unwrap_or_default())
    }

    /// Attempts, newest first.
    pub(crate) async fn deliveries(&self, id: WebhookId, before: Option<i64>, rows_max: u32) -> Result<Vec<Delivery>> {
        let rows: Vec<DeliveryRow> = sqlx::query_as(
            "SELECT number, message, sequence, name, attempt, status, fault, took_ms, at_ms FROM webhook_deliveries
             WHERE webhook = ? AND number < ? ORDER BY number DESC LIMIT ?",
        )
        .bind(id.to_string())
        .bind(before.unwrap_or(i64::MAX))
        .bind(rows_max)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(Delivery::try_from).collect()
    }
}
