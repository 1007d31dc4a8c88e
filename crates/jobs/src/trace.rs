//! What an attempt did and when: for traces. Plain moments; whoever is given one makes spans of it.

use std::sync::Arc;

use bordereau_base::ids::{BatchKey, CustomerName, ReleaseVersion, SolutionName, SubmissionName};
use bordereau_base::state::Stage;
use jiff::Timestamp;

/// One attempt at a batch, from when it was taken up to the transaction that ended it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptTrace {
    /// The customer.
    pub customer: CustomerName,
    /// The batch.
    pub key: BatchKey,
    /// 1 for the first.
    pub attempt: u64,
    /// The solution.
    pub solution: SolutionName,
    /// What was asked of it.
    pub submission: SubmissionName,
    /// The release.
    pub release: ReleaseVersion,
    /// When the batch was accepted.
    pub accepted: Timestamp,
    /// When the attempt began.
    pub began: Timestamp,
    /// When it had ended.
    pub ended: Timestamp,
    /// When each stage began, in the order in which they ran. A stage ends where the next begins.
    pub stages: Vec<(Stage, Timestamp)>,
    /// What became of it: `finished`, `failed`, `cancelled` (or given back at shutdown), `fault`, `full`, or `lost` to
    /// another attempt.
    pub outcome: &'static str,
    /// Rows that were read.
    pub rows: u64,
    /// Unpacked bytes that were read.
    pub bytes: u64,
    /// Records that were scored.
    pub records: u64,
}

/// Is given each attempt that ended. It must not block.
pub type TraceAttempt = Arc<dyn Fn(AttemptTrace) + Send + Sync>;
