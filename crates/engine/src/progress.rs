//! How far a batch is, shared between the stages that count and whoever watches: plain counters, no callbacks.

use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering};

use bordereau_base::state::Stage;
use jiff::Timestamp;

use crate::error::{Error, Result};

/// Values of [`Progress::stop`], the stronger the larger.
const DRAIN: u8 = 1;
const CANCEL: u8 = 2;

/// Counters of one running batch. Each only grows within a stage.
#[derive(Debug, Default)]
pub struct Progress {
    stage: AtomicU8,
    /// When each stage began, in milliseconds since 1970; zero for one that has not.
    entered_ms: [AtomicI64; Stage::ALL.len()],
    stop: AtomicU8,
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
    /// Those among them that an earlier attempt scored, see [`crate::checkpoint`].
    pub records_resumed: AtomicU64,
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
        if let Some(entered) = self.entered_ms.get(stage as usize) {
            // A stage may say so more than once; it began the first time.
            let now = Timestamp::now().as_millisecond();
            let _ = entered.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// The stages that have begun, in order, with the moments.
    pub fn entered(&self) -> Vec<(Stage, Timestamp)> {
        let begun = Stage::ALL.iter().zip(&self.entered_ms).map(|(stage, ms)| (*stage, ms.load(Ordering::Relaxed)));
        let begun = begun.filter(|(_, ms)| *ms > 0);
        let mut begun: Vec<_> =
            begun.filter_map(|(stage, ms)| Some((stage, Timestamp::from_millisecond(ms).ok()?))).collect();
        begun.sort_by_key(|(_, at)| *at);
        begun
    }

    /// Records that this attempt has scored itself.
    pub fn records_scored_here(&self) -> u64 {
        let resumed = self.records_resumed.load(Ordering::Relaxed);
        self.records_scored.load(Ordering::Relaxed).saturating_sub(resumed)
    }

    /// Asks the batch to stop; it ends with [`Error::Cancelled`] within the time of one block of rows.
    pub fn cancel(&self) {
        self.stop.fetch_max(CANCEL, Ordering::Relaxed);
    }

    /// As [`Progress::cancel`], but what is done is to be gone on with: it is saved where there is a
    /// [`crate::checkpoint::Checkpoint`]. Cancelling is stronger.
    pub fn drain(&self) {
        self.stop.fetch_max(DRAIN, Ordering::Relaxed);
    }

    /// Whether the batch is to stop and be gone on with.
    pub fn is_draining(&self) -> bool {
        self.stop.load(Ordering::Relaxed) == DRAIN
    }

    /// To be called by stages between blocks.
    ///
    /// # Errors
    /// [`Error::Cancelled`] once [`Progress::cancel`] or [`Progress::drain`] was called.
    pub fn check(&self) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) > 0 { Err(Error::Cancelled) } else { Ok(()) }
    }
}
