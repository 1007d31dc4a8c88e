//! What callers send and get: requests, states, reports, results.

use std::fmt;

use bordereau_base::ids::{BatchKey, ReleaseVersion, SolutionName, SubmissionName};
use bordereau_base::refusal::Refusal;
use bordereau_base::state::{BatchState, Stage};
use bordereau_engine::batch::ResultFormat;
use bordereau_engine::release::manifest::Explanations;
use bytes::Bytes;
use futures::stream::BoxStream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is asked for with an upload.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchRequest {
    /// The solution.
    pub solution: SolutionName,
    /// What is asked of it.
    pub submission: SubmissionName,
    /// The release; the one that is active when the upload is accepted, when absent.
    pub version: Option<ReleaseVersion>,
    /// The key, when the client chose it.
    pub key: Option<BatchKey>,
    /// Format of the results.
    pub format: ResultFormat,
    /// How many features explain a prediction; as the release says, when absent.
    pub explanations: Option<Explanations>,
}

impl BatchRequest {
    /// A request without any wishes: the active release, a random key, CSV, explanations as the release says.
    pub fn new(solution: SolutionName, submission: SubmissionName) -> Self {
        Self { solution, submission, version: None, key: None, format: ResultFormat::default(), explanations: None }
    }
}

/// An upload that is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// A new batch.
    New(BatchKey),
    /// The same upload and request under the same key as before; nothing was added.
    Again(BatchKey),
}

impl Accepted {
    /// The key to answer.
    pub fn key(self) -> BatchKey {
        let (Self::New(key) | Self::Again(key)) = self;
        key
    }
}

/// Whose fault a failed batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// The upload's: sending another one helps.
    Upload,
    /// The release's: its author must act.
    Release,
    /// The service's: its operator must act.
    Service,
}

/// Why a batch failed: the one clear report for its customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Whose fault it is.
    pub fault: Fault,
    /// Stable, for programs: the code of a refusal such as `missingColumn`, or `releaseGone`, `releaseChanged`,
    /// `releaseBroken`, `serviceFailed`, `serviceCrashed`, `uploadDamaged`, `contributionDamaged`.
    pub code: String,
    /// One sentence, without any cell's value.
    pub message: String,
}

impl Report {
    pub(crate) fn new(fault: Fault, code: &str, message: impl Into<String>) -> Self {
        Self { fault, code: code.to_owned(), message: message.into() }
    }
}

impl From<Refusal> for Report {
    fn from(refusal: Refusal) -> Self {
        let code = serde_json::to_value(refusal.code).ok();
        let code = code.as_ref().and_then(|code| code.as_str()).unwrap_or("refused");
        Self::new(Fault::Upload, code, refusal.message)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// How far a batch is that runs in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BatchProgress {
    /// The stage that runs.
    pub stage: Stage,
    /// Unpacked bytes of the upload, as it claims.
    pub bytes_total: u64,
    /// Unpacked bytes read.
    pub bytes_read: u64,
    /// Rows of all relations read.
    pub rows_read: u64,
    /// Records that will be scored; zero until that is known.
    pub records_total: u64,
    /// Records scored.
    pub records_scored: u64,
}

/// A batch as its customer may know it.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchStatus {
    /// Its key.
    pub key: BatchKey,
    /// The solution.
    pub solution: SolutionName,
    /// What was asked of it.
    pub submission: SubmissionName,
    /// The release pinned at acceptance.
    pub release: ReleaseVersion,
    /// Whether a test user sent it.
    pub test: bool,
    /// Where it is.
    pub state: BatchState,
    /// How often it was taken up.
    pub attempt: u64,
    /// When it was accepted.
    pub created: Timestamp,
    /// When its state last changed.
    pub updated: Timestamp,
    /// Present while it runs in this process.
    pub progress: Option<BatchProgress>,
    /// Present when it failed.
    pub report: Option<Report>,
    /// `summary.json` of the results, present when it finished.
    pub summary: Option<serde_json::Value>,
}

/// The answer to a question for results.
#[derive(Debug)]
pub enum BatchResults {
    /// There is no such batch of this customer, solution and submission.
    Unknown,
    /// Not yet.
    Pending(Box<BatchStatus>),
    /// Never: the batch failed.
    Failed(Report),
    /// Never: the batch was cancelled or deleted.
    Ended(BatchState),
    /// Here they are.
    Ready(ResultsFile),
}

/// The results zip.
pub struct ResultsFile {
    /// SHA-256 of the zip, in hex.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
    /// Its bytes, in pieces, read as they are asked for.
    pub content: BoxStream<'static, object_store::Result<Bytes>>,
}

impl fmt::Debug for ResultsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResultsFile").field("sha256", &self.sha256).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}
