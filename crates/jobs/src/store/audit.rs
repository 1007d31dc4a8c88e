//! The audit log, which only grows.

use bordereau_base::ids::CustomerName;
use jiff::Timestamp;
use sqlx::{Executor, FromRow, Sqlite, Transaction};

use super::{Store, moment, signed, unsigned};
use crate::audit::{AuditRecord, AuditRequest, Deed};
use crate::error::Result;

#[derive(FromRow)]
struct AuditRow {
    id: i64,
    at_ms: i64,
    actor: String,
    via: String,
    address: Option<String>,
    deed: String,
    customer: Option<String>,
    subject: Option<String>,
    detail: Option<String>,
}

impl TryFrom<AuditRow> for AuditRecord {
    type Error = crate::error::Error;

    fn try_from(row: AuditRow) -> Result<Self> {
        let AuditRow { id, at_ms, actor, via, address, deed, customer, subject, detail } = row;
        Ok(Self { id: unsigned(id), at: moment(at_ms)?, actor, via, address, deed, customer, subject, detail })
    }
}

/// Records a deed; within the transaction that does it where it changes something.
pub(super) async fn record(store: impl Executor<'_, Database = Sqlite>, deed: &Deed<'_>, now: Timestamp) -> Result<()> {
    sqlx::query(
        "INSERT INTO audit (at_ms, actor, via, address, deed, customer, subject, detail)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(now.as_millisecond())
    .bind(&deed.actor.name)
    .bind(&deed.actor.via)
    .bind(deed.actor.address.map(|address| address.to_string()))
    .bind(deed.name.as_str())
    .bind(deed.customer.map(CustomerName::as_str))
    .bind(&deed.subject)
    .bind(&deed.detail)
    .execute(store)
    .await?;
    Ok(())
}

impl Store {
    /// Records a deed by the transaction that did it, which ends.
    pub(super) async fn recorded(
        &self,
        mut write: Transaction<'static, Sqlite>,
        deed: &Deed<'_>,
        now: Timestamp,
    ) -> Result<()> {
        record(&mut *write, deed, now).await?;
        write.commit().await?;
        deed.tell();
        Ok(())
    }

    /// Records a deed that changes nothing.
    pub(crate) async fn record(&self, deed: &Deed<'_>, now: Timestamp) -> Result<()> {
        record(&self.pool, deed, now).await?;
        deed.tell();
        Ok(())
    }

    /// Records, newest first.
    pub(crate) async fn audit(&self, request: &AuditRequest, rows_max: u32) -> Result<Vec<AuditRecord>> {
        let rows: Vec<AuditRow> = sqlx::query_as(
            "SELECT id, at_ms, actor, via, address, deed, customer, subject, detail FROM audit
             WHERE (?1 IS NULL OR actor = ?1) AND (?2 IS NULL OR customer = ?2) AND (?3 IS NULL OR id < ?3)
             ORDER BY id DESC LIMIT ?4",
        )
        .bind(&request.actor)
        .bind(request.customer.as_ref().map(CustomerName::as_str))
        .bind(request.before.map(signed))
        .bind(rows_max)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(AuditRecord::try_from).collect()
    }
}
