//! One batch from upload to results zip: the stages in run order.

use std::fs::File;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use bordereau_base::ids::{BatchKey, CustomerName, SubmissionName};
use bordereau_base::limits::IntakeLimits;

use crate::error::Result;
use crate::progress::Progress;
use crate::release::Release;
use crate::release::manifest::Explanations;
use crate::summary::Summary;

/// What is to be scored, and for whom.
#[derive(Debug, Clone)]
pub struct BatchSpec {
    /// The release, pinned when the batch was accepted.
    pub release: Arc<Release>,
    /// What is asked of the solution.
    pub submission: SubmissionName,
    /// Absent on the command line.
    pub customer: Option<CustomerName>,
    /// Absent on the command line.
    pub batch_key: Option<BatchKey>,
    /// One zip, or one folder, or single delimited files.
    pub upload: Vec<PathBuf>,
}

/// The format of the members with rows of a results zip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResultFormat {
    /// `outputs.csv`, `explanations.csv`, `errors.csv`.
    #[default]
    Csv,
    /// `outputs.parquet`, `explanations.parquet`, `errors.parquet`.
    Parquet,
}

/// How a batch is run. Nothing here but `explanations` and `format` changes the results.
#[derive(Debug, Clone)]
pub struct Options {
    /// Caps on the upload.
    pub limits: IntakeLimits,
    /// Worker threads.
    pub threads: NonZeroUsize,
    /// How many features explain a prediction; the release's own setting when absent.
    pub explanations: Option<Explanations>,
    /// Format of the results.
    pub format: ResultFormat,
    /// Folder for scratch files; they are unnamed and vanish with the process.
    pub scratch: PathBuf,
}

/// What a batch gave.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// As in `summary.json` of the results.
    pub summary: Summary,
    /// SHA-256 of the whole results zip, in hex.
    pub zip_sha256: String,
    /// Bytes of the results zip.
    pub zip_bytes: u64,
}

/// Scores a batch and writes its results zip to `out`, which is left unsynced. Blocks; starts its own threads.
///
/// # Errors
/// [`crate::Error::Refused`] when the upload as a whole is not taken, [`crate::Error::Cancelled`] soon after
/// [`Progress::cancel`], others as they say. `out` then holds nothing of use.
pub fn score_batch(spec: &BatchSpec, options: &Options, progress: &Progress, out: &File) -> Result<Outcome> {
    let _ = (spec, options, progress, out);
    Err(crate::Error::Worker("pack"))
}
