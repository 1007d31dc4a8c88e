//! `summary.json` of a results zip: what was read, scored and rejected, what was assumed, and by which models.

use bordereau_base::digest::hex;
use bordereau_base::finding::{FindingCode, Severity};
use bordereau_base::ids::{BatchKey, CustomerName, ReleaseVersion, SolutionName, SubmissionName};
use bordereau_files::intake::Assumptions;
use bordereau_files::results::MemberDigest;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// The whole summary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Absent on the command line.
    pub customer: Option<CustomerName>,
    /// Absent on the command line.
    pub batch_key: Option<BatchKey>,
    /// The solution.
    pub solution: SolutionName,
    /// What was asked of it.
    pub submission: SubmissionName,
    /// The release that made the results.
    pub release: ReleaseSummary,
    /// Records read, scored and rejected; `scored + contributed + rejected = read`.
    pub records: Counts,
    /// Each relation of the release in its order.
    pub relations: Vec<RelationSummary>,
    /// Each model in the order of its output columns.
    pub models: Vec<ModelSummary>,
    /// Findings by relation, field, code and severity, in that order.
    pub findings: Vec<FindingCount>,
    /// What was left aside or assumed of the upload as a whole, one sentence each.
    pub notes: Vec<String>,
    /// SHA-256 in hex over the members of the zip with this summary in it, `digest` and `timings` left out; see
    /// `docs/results.md`.
    pub digest: String,
    /// How long it took; not part of the digest.
    pub timings: Timings,
}

/// Which release made the results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReleaseSummary {
    /// Its version.
    pub version: ReleaseVersion,
    /// Its title.
    pub title: String,
    /// SHA-256 over all files of the release, in hex.
    pub sha256: String,
    /// Whether its models are demonstration models, trained on synthetic data.
    pub demonstration: bool,
}

/// Rows or records read, and what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All that were read.
    pub read: u64,
    /// Those of scored records.
    pub scored: u64,
    /// Those of contributed records; absent where the submission contributes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contributed: Option<u64>,
    /// The others.
    pub rejected: u64,
}

impl Counts {
    /// Those of records that were not rejected.
    pub fn accepted(&self) -> u64 {
        self.scored + self.contributed.unwrap_or_default()
    }

    /// The same, with what was accepted contributed instead of scored.
    pub(crate) fn as_contributed(self) -> Self {
        Self { scored: 0, contributed: Some(self.accepted()), ..self }
    }
}

/// One relation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RelationSummary {
    /// Name of the relation.
    pub name: String,
    /// Name of its file in the upload; absent when an optional relation was not sent.
    pub file: Option<String>,
    /// Rows read, scored (with their record) and rejected.
    pub rows: Counts,
    /// What was assumed of the file.
    pub assumptions: Option<Assumptions>,
    /// Columns of the file that the dictionary does not know; they were ignored.
    pub ignored_columns: Vec<String>,
    /// Fields that the file has no column for; their values count as missing.
    pub absent_columns: Vec<String>,
}

/// One model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelSummary {
    /// Short name, prefix of its columns.
    pub name: String,
    /// Title for people.
    pub title: String,
    /// Path in the release.
    pub file: String,
    /// SHA-256 of the model file, in hex.
    pub sha256: String,
    /// Records in each bin, from bin 1.
    pub bins: Vec<u64>,
    /// Records for which the model gives no prediction.
    pub without_prediction: u64,
    /// Inputs with categories the model does not know, and in how many records.
    pub unknown_categories: Vec<UnknownCategories>,
    /// Records whose prediction is explained.
    #[serde(default)]
    pub explained: u64,
    /// Records whose prediction is not: none is asked for, the release leaves them out, or the model has no
    /// contributions.
    #[serde(default)]
    pub not_explained: u64,
    /// How its predictions are explained; absent where the model has no contributions.
    #[serde(default)]
    pub explanation: Option<ExplanationSummary>,
    /// The fields of the model's own output, in the order of their columns.
    #[serde(default)]
    pub output_fields: Vec<OutputFieldSummary>,
}

/// How a model's predictions are explained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExplanationSummary {
    /// `path-dependent` (trees, by their training rows), `interventional` (against background rows), `terms` (linear
    /// predictors) or `points` (scorecards).
    pub method: String,
    /// The number of background rows; absent for other methods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background_rows: Option<u64>,
    /// What the contributions of a record start from, on the scale of the model's link: with all of them it adds up to
    /// the raw score. For `interventional` the mean raw score of the background.
    pub base: Option<f64>,
}

/// A field of a model's own output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputFieldSummary {
    /// Its name in the model file.
    pub field: String,
    /// Its column in the outputs.
    pub column: String,
    /// `number` or `text`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Records without a value.
    pub missing: u64,
}

/// Categories a model does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownCategories {
    /// Name of the input.
    pub input: String,
    /// Records with such a category.
    pub records: u64,
}

/// Findings of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingCount {
    /// Name of the relation.
    pub relation: String,
    /// The field; absent when the whole row is at fault.
    pub field: Option<String>,
    /// The kind of fault.
    pub code: FindingCode,
    /// Whether it kept records from being scored.
    pub severity: Severity,
    /// How many.
    pub count: u64,
}

/// Wall-clock times.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Timings {
    /// Each stage in run order.
    pub stages: Vec<StageTiming>,
    /// Where the workers of the stage `score` spent their time.
    #[serde(default)]
    pub score_busy: ScoreBusy,
    /// From the first byte to the finished zip; in `summary.json` to the moment the zip is begun.
    pub total_ms: u64,
}

/// Wall-clock time of one stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageTiming {
    /// `validate`, `link`, `score` (features, scores and explanations) or `pack`.
    pub stage: String,
    /// How long.
    pub ms: u64,
    /// Rows (validate, link) or records (score, pack) per second.
    pub rows_per_second: f64,
}

/// Time that the workers of the stage `score` spent on each kind of work, all threads together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScoreBusy {
    /// Reading records and computing their features.
    pub features_ms: u64,
    /// Predicting.
    pub score_ms: u64,
    /// Explaining.
    pub explain_ms: u64,
    /// Turning rows into the bytes of the results.
    pub write_ms: u64,
}

/// Members of `summary.json` that its digest leaves out.
const OUTSIDE_DIGEST: [&str; 2] = ["digest", "timings"];

impl Summary {
    /// The bytes of `summary.json`: indented by two spaces, a newline at the end.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which no summary of ours causes.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(json)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The digest over `members` (those before the summary, in the order of the zip) and this summary: SHA-256 over a
    /// line for each member, its name, a space and the SHA-256 of its plain bytes in hex. The line of the summary is
    /// over its compact JSON without `digest` and `timings`.
    ///
    /// # Errors
    /// As [`Summary::to_json`].
    pub fn digest_over(&self, members: &[MemberDigest]) -> Result<String> {
        let mut value = serde_json::to_value(self).map_err(json)?;
        if let Some(object) = value.as_object_mut() {
            OUTSIDE_DIGEST.iter().for_each(|key| drop(object.shift_remove(*key)));
        }
        let compact = serde_json::to_vec(&value).map_err(json)?;
        let mut hash = Sha256::new();
        for member in members {
            hash.update(format!("{} {}\n", member.name, member.sha256));
        }
        hash.update(format!("summary.json {}\n", hex(&Sha256::digest(&compact))));
        Ok(hex(&hash.finalize()))
    }
}

fn json(error: serde_json::Error) -> Error {
    Error::Io(std::io::Error::other(error))
}
