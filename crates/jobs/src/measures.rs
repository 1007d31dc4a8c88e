//! What this process did since it started, and what waits: for operators, never for customers.

use std::sync::atomic::{AtomicU64, Ordering};

use bordereau_base::state::{BatchState, Stage};

use crate::error::Result;
use crate::jobs::Jobs;

/// Counters of this process. Each only grows.
#[derive(Debug, Default)]
pub(crate) struct Measures {
    stage_ms: [AtomicU64; Stage::ALL.len()],
    attempts: AtomicU64,
    faults: AtomicU64,
    damaged: AtomicU64,
    expired: AtomicU64,
    rows: AtomicU64,
    bytes: AtomicU64,
    records: AtomicU64,
    webhooks_delivered: AtomicU64,
    webhooks_failed: AtomicU64,
    checkpoints: [AtomicU64; CHECKPOINTS.len()],
}

/// What becomes of checkpoints: what was scored was saved, or could not be; a batch went on from one, or could not.
const CHECKPOINTS: [&str; 4] = ["written", "failed", "resumed", "unusable"];

/// A reading of what was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Batches in each state, of all customers.
    pub batches: Vec<(BatchState, u64)>,
    /// How long the batch that waits longest has waited, in seconds; zero when none waits.
    pub queue_age_s: f64,
    /// Attempts that run in this process.
    pub running: u64,
    /// Subscriptions that are open in this process.
    pub subscriptions: u64,
    /// Uploads that are being received by this process.
    pub uploads: u64,
    /// Free bytes of the disk of the data folder.
    pub free_bytes: u64,
    /// Attempts that this process began.
    pub attempts: u64,
    /// Attempts of this process that ended by a fault of ours.
    pub faults: u64,
    /// Stored files that this process found to be other than their digest says.
    pub damaged: u64,
    /// Batches whose upload and results this process removed because they were kept long enough.
    pub expired: u64,
    /// Rows read by attempts of this process that ended.
    pub rows: u64,
    /// Unpacked bytes read by them.
    pub bytes: u64,
    /// Records scored by them.
    pub records: u64,
    /// Wall-clock milliseconds that finished batches spent in each stage.
    pub stage_ms: Vec<(Stage, u64)>,
    /// Webhooks in each state, of all customers.
    pub webhooks: Vec<(String, u64)>,
    /// Messages to webhooks that were taken.
    pub webhooks_delivered: u64,
    /// Attempts at webhooks that failed.
    pub webhooks_failed: u64,
    /// What became of checkpoints of running batches: `written`, `failed`, `resumed`, `unusable`.
    pub checkpoints: Vec<(&'static str, u64)>,
    /// Passwords that were compared with a hash.
    pub password_checks: u64,
}

impl Measures {
    pub(crate) fn attempt_began(&self) {
        self.attempts.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn fault(&self) {
        self.faults.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an attempt at a webhook.
    pub(crate) fn webhook(&self, taken: bool) {
        let counter = if taken { &self.webhooks_delivered } else { &self.webhooks_failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts what became of a checkpoint, one of [`CHECKPOINTS`].
    pub(crate) fn checkpoint(&self, what: &str) {
        let counters = CHECKPOINTS.iter().zip(&self.checkpoints).filter(|(name, _)| **name == what);
        counters.for_each(|(_, counter)| _ = counter.fetch_add(1, Ordering::Relaxed));
    }

    pub(crate) fn damaged(&self) {
        self.damaged.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn expired(&self) {
        self.expired.fetch_add(1, Ordering::Relaxed);
    }

    /// Adds what one attempt did.
    pub(crate) fn attempt_ended(&self, progress: &bordereau_engine::progress::Progress) {
        for (total, part) in [(&self.rows, &progress.rows_read), (&self.bytes, &progress.bytes_read)] {
            total.fetch_add(part.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        self.records.fetch_add(progress.records_scored_here(), Ordering::Relaxed);
    }

    /// Adds the time a finished batch spent in a stage, by its name.
    pub(crate) fn stage(&self, name: &str, ms: u64) {
        let stages = Stage::ALL.iter().zip(&self.stage_ms);
        for (_, total) in stages.filter(|(stage, _)| stage.as_str() == name) {
            total.fetch_add(ms, Ordering::Relaxed);
        }
    }
}

impl Jobs {
    /// Reads what was measured.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn measures(&self) -> Result<Reading> {
        let inner = &self.inner;
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let measures = &inner.measures;
        let waiting = inner.store.waiting_since().await?;
        let age_ms = waiting.map_or(0, |since| self.now().as_millisecond() - since.as_millisecond());
        Ok(Reading {
            batches: inner.store.batches_by_state().await?,
            free_bytes: self.free_bytes().await?,
            webhooks: inner.store.webhooks_by_state().await?,
            queue_age_s: age_ms.max(0) as f64 / 1_000.0,
            running: self.running().len() as u64,
            subscriptions: self.subscriptions() as u64,
            uploads: inner.options.uploads_at_once.saturating_sub(inner.uploads.available_permits()) as u64,
            attempts: load(&measures.attempts),
            faults: load(&measures.faults),
            damaged: load(&measures.damaged),
            expired: load(&measures.expired),
            rows: load(&measures.rows),
            bytes: load(&measures.bytes),
            records: load(&measures.records),
            stage_ms: Stage::ALL.iter().zip(&measures.stage_ms).map(|(stage, ms)| (*stage, load(ms))).collect(),
            webhooks_delivered: load(&measures.webhooks_delivered),
            webhooks_failed: load(&measures.webhooks_failed),
            checkpoints: CHECKPOINTS
                .iter()
                .zip(&measures.checkpoints)
                .map(|(what, count)| (*what, load(count)))
                .collect(),
            password_checks: self.password_checks(),
        })
    }

    /// Why no uploads can be taken now; none when they can.
    pub async fn unready(&self) -> Option<&'static str> {
        if self.inner.store.epoch().await.is_err() {
            return Some("the store does not answer");
        }
        self.has_room().await.is_err().then_some("the disk has too little room left")
    }
}
