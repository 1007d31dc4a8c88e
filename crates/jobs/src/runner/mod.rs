//! The runner: takes up batches under a lease, has each scored, ends it.
//!
//! [`Jobs::run`] keeps up to `batches_at_once` attempts going. A batch is taken up when it waits, when its lease has
//! run out, or at once when the process that held it has ended ([`crate::owner`]). [`attempt`] does one attempt: a
//! heartbeat renews the lease; when it finds the lease lost it cancels the work. How an attempt ends decides what
//! becomes of the batch (`attempt::Ending`): results, a report, another try later, or back in line.
//!
//! Invariant: whatever an attempt does is undone or without effect unless its last transaction commits under its fence.

pub(crate) mod attempt;
mod checkpoint;
mod profile;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;

use crate::error::Result;
use crate::jobs::Jobs;
use crate::store::Claim;

impl Jobs {
    /// Runs batches until `shutdown` is there; then running ones are stopped, what they have scored is saved, and they
    /// are given back, to be taken up at the next start. First sweeps up after processes that ended.
    ///
    /// # Errors
    /// Only when it cannot begin: the data folder cannot be written. Later faults are logged and tried again.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) -> Result<()> {
        let owner = self.owner().await?.to_owned();
        if let Err(error) = self.sweep().await {
            tracing::warn!(%error, "cannot sweep up after processes that ended");
        }
        let mut attempts = JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        let sweeping = tokio::spawn(sweep_again(self.clone()));
        loop {
            self.take_up(&owner, &mut attempts).await;
            tokio::select! {
                () = &mut shutdown => break,
                () = self.inner.accepted.notified() => {}
                Some(_) = attempts.join_next() => {}
                () = tokio::time::sleep(Duration::from_millis(self.inner.options.poll_ms)) => {}
            }
        }
        // What it leaves half done is swept at the next start.
        sweeping.abort();
        for progress in self.running().values() {
            progress.drain();
        }
        while attempts.join_next().await.is_some() {}
        Ok(())
    }

    /// Starts attempts while there is room and work.
    async fn take_up(&self, owner: &str, attempts: &mut JoinSet<()>) {
        while attempts.len() < self.inner.options.batches_at_once.get() && self.may_take_up(attempts.len()).await {
            match self.claim(owner).await {
                Ok(Some(claim)) => attempts.spawn(attempt::begin(self.clone(), claim)),
                Ok(None) => return,
                Err(error) => {
                    tracing::error!(%error, "cannot look for batches");
                    return;
                }
            };
        }
    }

    async fn claim(&self, owner: &str) -> Result<Option<Claim>> {
        let store = &self.inner.store;
        let mut holders = store.lease_owners().await?;
        holders.retain(|holder| holder != owner);
        let dead = self.dead_among(holders).await?;
        let now = self.now();
        if !store.has_claimable(&dead, now).await? {
            return Ok(None);
        }
        store.claim(owner, &dead, now, self.lease_until()).await
    }

    fn lease_until(&self) -> Timestamp {
        later(self.now(), self.inner.options.lease_ms)
    }
}

/// Sweeps what has expired, again and again.
async fn sweep_again(jobs: Jobs) {
    loop {
        tokio::time::sleep(Duration::from_millis(jobs.inner.options.sweep_ms)).await;
        if let Err(error) = jobs.sweep_expired().await {
            tracing::warn!(%error, "cannot sweep what has expired");
        }
    }
}

/// A moment some milliseconds later; the last one there is when that is too far.
pub(crate) fn later(moment: Timestamp, ms: u64) -> Timestamp {
    let span = SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX));
    moment.checked_add(span).unwrap_or(Timestamp::MAX)
}

/// The longest time in which an attempt hears that its batch is to be cancelled by way of another process.
const CANCEL_LOOK_MS: u64 = 1_000;

/// Holds the lease of a claim; cancels the work when it is lost, or when the batch is to be cancelled.
async fn hold_lease(jobs: Jobs, claim: Arc<Claim>, progress: Arc<bordereau_engine::progress::Progress>) {
    let every = Duration::from_millis((jobs.inner.options.lease_ms / 3).clamp(1, CANCEL_LOOK_MS));
    loop {
        tokio::time::sleep(every).await;
        if jobs.inner.store.cancel_requested(&claim.fence).await.unwrap_or(false) {
            return progress.cancel();
        }
        match jobs.inner.store.renew(&claim.fence, jobs.lease_until()).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::warn!(key = %claim.key, attempt = claim.fence.attempt, "the lease was lost");
                return progress.cancel();
            }
            // The lease may still be held: the commit at the end will tell.
            Err(error) => tracing::warn!(%error, key = %claim.key, "cannot renew the lease"),
        }
    }
}
