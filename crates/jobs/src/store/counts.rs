//! Counts over all batches, for operators.

use bordereau_base::state::BatchState;
use jiff::Timestamp;

use super::{Store, moment, state_named, unsigned};
use crate::error::Result;

impl Store {
    /// Batches in each state.
    pub(crate) async fn batches_by_state(&self) -> Result<Vec<(BatchState, u64)>> {
        let query = "SELECT state, count(*) FROM batches GROUP BY state";
        let rows: Vec<(String, i64)> = sqlx::query_as(query).fetch_all(&self.pool).await?;
        rows.into_iter().map(|(state, count)| Ok((state_named(&state)?, unsigned(count)))).collect()
    }

    /// When the batch was accepted that waits longest; none when none waits.
    pub(crate) async fn waiting_since(&self) -> Result<Option<Timestamp>> {
        let query = "SELECT min(created_ms) FROM batches WHERE state = 'accepted'";
        let oldest: Option<i64> = sqlx::query_scalar(query).fetch_one(&self.pool).await?;
        oldest.map(moment).transpose()
    }
}
