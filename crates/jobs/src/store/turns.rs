//! Turns of customers, by stride scheduling: each batch that is taken up moves its customer's turn on by [`STRIDE`]
//! divided by its weight, and the customer with the earliest turn is served next. So customers with work get shares by
//! their weights, however many batches each has waiting.
//!
//! Source: C. A. Waldspurger, W. E. Weihl, "Stride Scheduling: Deterministic Proportional-Share Resource Management"
//! (1995).

use bordereau_base::ids::CustomerName;
use jiff::Timestamp;
use sqlx::{Sqlite, Transaction};

use super::Store;
use crate::audit::Deed;
use crate::error::{Error, Result};

/// How far a turn moves for a weight of 1. A multiple of many weights, and far below what an integer can add up.
const STRIDE: i64 = 720_720;

/// Notes that a batch of the customer was taken up.
pub(super) async fn served(write: &mut Transaction<'static, Sqlite>, customer: &str) -> Result<()> {
    let turn: i64 = sqlx::query_scalar(
        "UPDATE customers SET turn = max(turn, (SELECT turn FROM log)) + ?1 / weight WHERE name = ?2
         RETURNING turn - ?1 / weight",
    )
    .bind(STRIDE)
    .bind(customer)
    .fetch_one(&mut **write)
    .await?;
    sqlx::query("UPDATE log SET turn = max(turn, ?)").bind(turn).execute(&mut **write).await?;
    Ok(())
}

impl Store {
    /// Gives a customer a weight.
    pub(crate) async fn set_weight(
        &self,
        customer: &CustomerName,
        weight: u32,
        deed: &Deed<'_>,
        now: Timestamp,
    ) -> Result<()> {
        let mut write = self.write().await?;
        let done = sqlx::query("UPDATE customers SET weight = ? WHERE name = ?")
            .bind(weight)
            .bind(customer.as_str())
            .execute(&mut *write)
            .await?;
        if done.rows_affected() == 1 { self.recorded(write, deed, now).await } else { Err(Error::Absent("customer")) }
    }
}
