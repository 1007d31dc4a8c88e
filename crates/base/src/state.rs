//! The states of a batch and the stages it goes through.

use serde::{Deserialize, Serialize};

/// Where a batch stands. A batch goes from `accepted` to `running` and ends in `finished`, `failed` or
/// `cancelled`; after a crash a `running` batch is taken up again. One that has ended may be `deleted`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BatchState {
    /// Durable and waiting for a runner.
    Accepted,
    /// A runner holds its lease.
    Running,
    /// Results are ready.
    Finished,
    /// Refused as a whole, with one clear report; the upload is kept.
    Failed,
    /// Ended by its customer before there were results; the upload is kept.
    Cancelled,
    /// Upload and results are gone; that it was there is not.
    Deleted,
}

impl BatchState {
    /// All of them, in the order a batch goes through them.
    pub const ALL: [Self; 6] =
        [Self::Accepted, Self::Running, Self::Finished, Self::Failed, Self::Cancelled, Self::Deleted];

    /// The state of that spelling.
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// The stable spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Deleted => "deleted",
        }
    }

    /// Whether the batch will not run any more; all that may still happen is that it is deleted.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Accepted | Self::Running)
    }
}

/// The stages of a batch, in the order they run (a batch scores or contributes), and the one of a profile. Features,
/// scores and explanations are computed together, one range of records at a time, so they share a stage; timings tell
/// them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Unpack, decode, cut into rows, type, check each value and each row.
    Validate,
    /// Check keys and references over all rows, and give each row to its record.
    Link,
    /// Features, scores and explanations of the accepted records.
    Score,
    /// The rows of the accepted records made ready to be kept, of a submission that contributes data.
    Contribute,
    /// Put the results zip together.
    Pack,
    /// Profile an upload; the only stage of such a batch.
    Profile,
}

impl Stage {
    /// All stages in run order.
    pub const ALL: [Stage; 6] = [Self::Validate, Self::Link, Self::Score, Self::Contribute, Self::Pack, Self::Profile];

    /// The stable spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Validate => "validate",
            Self::Link => "link",
            Self::Score => "score",
            Self::Contribute => "contribute",
            Self::Pack => "pack",
            Self::Profile => "profile",
        }
    }
}
