//! How long what customers have is kept, and what has been kept long enough.

use bordereau_base::ids::{BatchKey, CustomerName};
use jiff::Timestamp;

use super::{Store, stored};
use crate::audit::Deed;
use crate::error::{Error, Result};
use crate::retention::Retention;

/// Keys of one customer that are looked at in one go.
const KEYS_MAX: u32 = 1_000;

impl Store {
    pub(crate) async fn set_retention(
        &self,
        customer: &CustomerName,
        retention: Retention,
        deed: &Deed<'_>,
        now: Timestamp,
    ) -> Result<()> {
        let days = match retention {
            Retention::AsSet => None,
            Retention::Forever => Some(0),
            Retention::Days(days) => Some(i64::from(days)),
        };
        let mut write = self.write().await?;
        let done = sqlx::query("UPDATE customers SET retention_days = ? WHERE name = ?")
            .bind(days)
            .bind(customer.as_str())
            .execute(&mut *write)
            .await?;
        if done.rows_affected() == 1 { self.recorded(write, deed, now).await } else { Err(Error::Absent("customer")) }
    }

    pub(crate) async fn retention(&self) -> Result<Vec<(CustomerName, Retention)>> {
        let query = "SELECT name, retention_days FROM customers ORDER BY name";
        let rows: Vec<(String, Option<i64>)> = sqlx::query_as(query).fetch_all(&self.pool).await?;
        let retention = |days: Option<i64>| match days.map(u32::try_from) {
            None => Retention::AsSet,
            Some(Ok(days)) if days > 0 => Retention::Days(days),
            Some(_) => Retention::Forever,
        };
        rows.into_iter().map(|(name, days)| Ok((stored(&name, "customer name")?, retention(days)))).collect()
    }

    /// Keys of a customer of which everything ended before a moment and something is not deleted, with their rows.
    pub(crate) async fn ended_before(
        &self,
        customer: &CustomerName,
        before: Timestamp,
    ) -> Result<Vec<(BatchKey, Vec<i64>)>> {
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT key, json_group_array(id) FROM batches WHERE customer = ?
             GROUP BY key
             HAVING min(state IN ('finished', 'failed', 'cancelled', 'deleted')) = 1
                AND max(updated_ms) < ? AND max(state != 'deleted') = 1
             LIMIT ?",
        )
        .bind(customer.as_str())
        .bind(before.as_millisecond())
        .bind(KEYS_MAX)
        .fetch_all(&self.pool)
        .await?;
        let ids = |ids: &str| serde_json::from_str(ids).map_err(|_| Error::Stored("list of batches"));
        rows.iter().map(|(key, rows)| Ok((stored(key, "batch key")?, ids(rows)?))).collect()
    }
}
