//! How far a batch is, shared between the stages that count and whoever watches: plain counters, no callbacks.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use bordereau_base::state::Stage;

use crate::error::{Error, Result};

/// Counters of one running batch. Each only grows within a stage.
#[derive(Debug, Default)]
pub struct Progress {
    stage: AtomicU8,
    cancelled: AtomicBool,
    /// Unpacked bytes of the upload, as it claims.
    pub bytes_total: AtomicU64,
    /// Unpacked bytes read.
    pub bytes_read: AtomicU64,
    /// Rows of all relations read and validated.
    pub rows_read: AtomicU64,
    /// Records that will be scored; zero until that is known.
    pub records_total: AtomicU64,
    /// Records scored (and explained).
    pub records_scored: AtomicU64,
}

impl Progress {
    /// The stage that runs.
    pub fn stage(&self) -> Stage {
        let index = usize::from(self.stage.load(Ordering::Relaxed));
        Stage::ALL.get(index).copied().unwrap_or(Stage::Validate)
    }

    /// Says that `stage` begins.
    pub fn enter(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Relaxed);
    }

    /// Asks the batch to stop; it ends with [`Error::Cancelled`] within the time of one block of rows.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// To be called by stages between blocks.
    ///
    /// # Errors
    /// [`Error::Cancelled`] once [`Progress::cancel`] was called.
    pub fn check(&self) -> Result<()> {
        if self.cancelled.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
    }
}
