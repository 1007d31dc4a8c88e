//! What batches give beside their results.

use bordereau_base::state::BatchState;
use jiff::Timestamp;
use sqlx::{Sqlite, Transaction};

use super::batches::{Claim, Fence, Finished, finishing};
use super::events::{append_event, append_events};
use super::{Store, signed, unsigned};
use crate::artefact::{Artefact, ArtefactKind};
use crate::error::Result;
use crate::event::EventName;

impl Store {
    /// Names a preliminary profile in the place of the one before. False: the batch has gone to another attempt, and
    /// nothing was changed.
    pub(crate) async fn put_preliminary(&self, claim: &Claim, profile: &Artefact, now: Timestamp) -> Result<bool> {
        let mut write = self.write().await?;
        let fence = &claim.fence;
        let held = sqlx::query(
            "UPDATE batches SET updated_ms = ? WHERE id = ? AND lease_owner = ? AND attempt = ? AND state = 'running'",
        )
        .bind(now.as_millisecond())
        .bind(fence.id)
        .bind(&fence.owner)
        .bind(fence.attempt)
        .execute(&mut *write)
        .await?;
        if held.rows_affected() != 1 {
            return Ok(false);
        }
        self.tell_of_first(&mut write, claim, BatchState::Running, now).await?;
        append_event(&mut write, claim.about(), EventName::ProfileUpdated, BatchState::Running, now).await?;
        put(&mut write, fence, ArtefactKind::PreliminaryProfile, profile).await?;
        write.commit().await?;
        self.log_grew(&claim.customer);
        Ok(true)
    }

    /// Names the full profile and its state; the preliminary one goes. False as for [`Store::put_preliminary`].
    pub(crate) async fn finish_profile(
        &self,
        claim: &Claim,
        profile: &Finished,
        state: &Artefact,
        now: Timestamp,
    ) -> Result<bool> {
        let mut write = self.write().await?;
        let fence = &claim.fence;
        let ended = finishing(profile, now).bind(fence.id).bind(&fence.owner).bind(fence.attempt);
        let ended = ended.execute(&mut *write).await?;
        if ended.rows_affected() != 1 {
            return Ok(false);
        }
        self.tell_of_first(&mut write, claim, BatchState::Finished, now).await?;
        append_events(&mut write, claim.about(), BatchState::Finished, now).await?;
        put(&mut write, fence, ArtefactKind::ProfileState, state).await?;
        sqlx::query("DELETE FROM artefacts WHERE batch = ? AND kind = ?")
            .bind(fence.id)
            .bind(ArtefactKind::PreliminaryProfile.as_str())
            .execute(&mut *write)
            .await?;
        write.commit().await?;
        self.log_grew(&claim.customer);
        Ok(true)
    }

    /// Appends `preliminaryProfile` unless the batch has had a profile before. A full profile that comes first counts,
    /// so that whoever waits for the preliminary one is answered.
    async fn tell_of_first(
        &self,
        write: &mut Transaction<'static, Sqlite>,
        claim: &Claim,
        state: BatchState,
        now: Timestamp,
    ) -> Result<()> {
        let known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM artefacts WHERE batch = ?)")
            .bind(claim.fence.id)
            .fetch_one(&mut **write)
            .await?;
        match known {
            true => Ok(()),
            false => append_event(write, claim.about(), EventName::PreliminaryProfile, state, now).await,
        }
    }

    /// An artefact of a batch.
    pub(crate) async fn artefact(&self, batch: i64, kind: ArtefactKind) -> Result<Option<Artefact>> {
        let query = "SELECT object, sha256, bytes FROM artefacts WHERE batch = ? AND kind = ?";
        let row: Option<(String, String, i64)> =
            sqlx::query_as(query).bind(batch).bind(kind.as_str()).fetch_optional(&self.pool).await?;
        Ok(row.map(|(object, sha256, bytes)| Artefact { object, sha256, bytes: unsigned(bytes) }))
    }

    /// All objects that a batch names in its folder of results.
    pub(crate) async fn objects_of(&self, batch: i64) -> Result<Vec<String>> {
        let query = "SELECT object FROM artefacts WHERE batch = ?1 UNION ALL
                     SELECT results_object FROM batches WHERE id = ?1 AND results_object IS NOT NULL";
        Ok(sqlx::query_scalar(query).bind(batch).fetch_all(&self.pool).await?)
    }
}

async fn put(
    write: &mut Transaction<'static, Sqlite>,
    fence: &Fence,
    kind: ArtefactKind,
    artefact: &Artefact,
) -> Result<()> {
    sqlx::query("INSERT OR REPLACE INTO artefacts (batch, kind, object, sha256, bytes) VALUES (?, ?, ?, ?, ?)")
        .bind(fence.id)
        .bind(kind.as_str())
        .bind(&artefact.object)
        .bind(&artefact.sha256)
        .bind(signed(artefact.bytes))
        .execute(&mut **write)
        .await?;
    Ok(())
}
