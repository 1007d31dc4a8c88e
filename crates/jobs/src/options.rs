//! The settings of a data folder's server, and what it is made of.

use std::fs::File;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bordereau_base::limits::IntakeLimits;
use bordereau_engine::batch::{BatchSpec, Options, Outcome};
use bordereau_engine::catalog::Catalog;
use bordereau_engine::progress::Progress;
use bordereau_files::intake::IntakeError;
use jiff::Timestamp;

use crate::pace::PaceLimits;
use crate::profile::ProfileUpload;
use crate::room::FreeBytes;
use crate::trace::TraceAttempt;
use crate::webhook::WebhookOptions;

/// The present moment.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What scores a batch: [`bordereau_engine::batch::score_batch`], or something faulty in a test.
pub type ScoreBatch =
    Arc<dyn Fn(&BatchSpec, &Options, &Progress, &File) -> bordereau_engine::Result<Outcome> + Send + Sync>;

/// What looks at an upload before it is accepted: [`bordereau_files::intake::check_zip`], or something else in a test.
pub type CheckUpload = Arc<dyn Fn(&Path, &IntakeLimits) -> Result<(), IntakeError> + Send + Sync>;

/// When a batch is tried again after a fault of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// A batch that failed this often by a fault of ours fails for good.
    pub failures_max: u64,
    /// A batch whose process ended this often while it ran fails for good: it may be what ends it. Large, because a
    /// process may also be ended by others, and such a batch goes last.
    pub crashes_max: u64,
    /// How long to wait after the first failure; twice as long after each further one.
    pub wait_ms: u64,
    /// The longest wait.
    pub wait_ms_max: u64,
}

impl Default for Retry {
    fn default() -> Self {
        Self { failures_max: 5, crashes_max: 100, wait_ms: 1_000, wait_ms_max: 60_000 }
    }
}

/// All settings of [`crate::Jobs`]. [`JobsOptions::new`] has the defaults.
#[derive(Clone)]
pub struct JobsOptions {
    /// The data folder; made when it is not there.
    pub data: PathBuf,
    /// The releases that batches may ask for.
    pub catalog: Arc<Catalog>,
    /// Caps on uploads.
    pub limits: IntakeLimits,
    /// Worker threads of each running batch.
    pub threads: NonZeroUsize,
    /// Batches that run at the same time.
    pub batches_at_once: NonZeroUsize,
    /// Uploads that are received at the same time; more are told to come back.
    pub uploads_at_once: usize,
    /// How long a batch belongs to a process that shows no sign of life. Renewed three times as often.
    pub lease_ms: u64,
    /// How often the runner looks for batches of other processes; its own it knows of at once.
    pub poll_ms: u64,
    /// What happens after faults of ours.
    pub retry: Retry,
    /// Subscriptions of one customer at the same time; more are told to come back.
    pub subscriptions_max: usize,
    /// How long an upload that comes in pieces is kept when nothing of it comes.
    pub resumable_ms: u64,
    /// Days for which uploads and results are kept after their batch has ended, where a customer has no days of its
    /// own; for ever when absent.
    pub retention_days: Option<u32>,
    /// How often what has expired is looked for.
    pub sweep_ms: u64,
    /// How long verified credentials are remembered: the longest time for which a change of a password or right made by
    /// another process (the command line) is without effect here.
    pub credentials_ttl_ms: u64,
    /// How often customers may ask, and anybody give wrong credentials.
    pub pace: PaceLimits,
    /// Folder for scratch files; a folder of the data folder when absent.
    pub scratch: Option<PathBuf>,
    /// Scores a batch.
    pub score: ScoreBatch,
    /// Profiles an upload.
    pub profile: ProfileUpload,
    /// Looks at an upload before it is accepted.
    pub check_upload: CheckUpload,
    /// How webhooks are delivered.
    pub webhooks: WebhookOptions,
    /// Free bytes of the data folder's disk below which no upload is taken, and below half of which no batch is taken
    /// up. Zero: as long as there are any.
    pub disk_free_bytes_min: u64,
    /// Resident bytes of the process above which no batch is begun beside one that runs. Zero: any.
    pub memory_bytes_max: u64,
    /// Tells how many bytes are free.
    pub free_bytes: FreeBytes,
    /// Is told of each attempt that ended.
    pub trace: Option<TraceAttempt>,
    /// Tells the time.
    pub clock: Clock,
}

impl JobsOptions {
    /// The defaults, for a data folder and the releases of `catalog`.
    pub fn new(data: impl Into<PathBuf>, catalog: Arc<Catalog>) -> Self {
        Self {
            data: data.into(),
            catalog,
            limits: IntakeLimits::default(),
            threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            batches_at_once: NonZeroUsize::MIN,
            uploads_at_once: 16,
            lease_ms: 30_000,
            poll_ms: 500,
            retry: Retry::default(),
            subscriptions_max: 20_000,
            resumable_ms: 86_400_000,
            retention_days: None,
            sweep_ms: 30_000,
            credentials_ttl_ms: 60_000,
            pace: PaceLimits::default(),
            scratch: None,
            score: Arc::new(bordereau_engine::batch::score_batch),
            profile: Arc::new(crate::profile::profile_upload),
            check_upload: Arc::new(bordereau_files::intake::check_zip),
            webhooks: WebhookOptions::default(),
            disk_free_bytes_min: 0,
            memory_bytes_max: 0,
            free_bytes: Arc::new(crate::room::free_bytes),
            trace: None,
            clock: Arc::new(Timestamp::now),
        }
    }
}
