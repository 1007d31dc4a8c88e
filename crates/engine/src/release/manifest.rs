//! `solution.toml` as it is written: the shape only. What must agree with the dictionary, the SQL and the models is
//! checked by [`super::Release::load`]; the reference for authors is `docs/solution-format.md`.

use bordereau_base::figure::grouped_digits;
use std::collections::BTreeMap;

use bordereau_base::finding::Severity;
use bordereau_base::ids::{ReleaseVersion, SolutionName, SubmissionName};
use bordereau_model::Format;
use serde::{Deserialize, Serialize};

/// A whole `solution.toml`. Unknown keys are refused, so that a misspelling is not silently without effect.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Name of the solution, as in its path and its URLs.
    pub solution: SolutionName,
    /// Version of this release.
    pub version: ReleaseVersion,
    /// Title for people.
    pub title: String,
    /// What the solution is for, one or two sentences.
    #[serde(default)]
    pub description: String,
    /// The moment from which the release is the active one, an RFC 3339 instant; it may lie in the future.
    pub active_from: jiff::Timestamp,
    /// Whether the models were trained on synthetic data; said wherever a user meets them.
    #[serde(default)]
    pub demonstration: bool,
    /// The relation whose rows are the records.
    pub record: String,
    /// What may be asked of the solution.
    pub submissions: BTreeMap<SubmissionName, SubmissionSpec>,
    /// What is asked of single relations beyond the dictionary, by relation name.
    #[serde(default)]
    pub relations: BTreeMap<String, RelationSpec>,
    /// How findings are judged.
    #[serde(default)]
    pub findings: FindingsSpec,
    /// Rules between the fields of one row.
    #[serde(default)]
    pub rules: Vec<RuleSpec>,
    /// What goes into the results beside the scores.
    #[serde(default)]
    pub outputs: OutputsSpec,
    /// The models, in the order of their output columns.
    #[serde(default)]
    pub models: Vec<ModelSpec>,
    /// Texts of explanation by feature.
    #[serde(default)]
    pub explanations: BTreeMap<String, ExplanationSpec>,
}

/// One submission of a solution.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubmissionSpec {
    /// Title for people.
    pub title: String,
    /// What becomes of the accepted records.
    #[serde(default)]
    pub kind: SubmissionKind,
}

/// What becomes of the accepted records of a submission.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubmissionKind {
    /// They are scored and explained.
    #[default]
    Scoring,
    /// They are kept for the pool of the solution; nothing is scored.
    Contribution,
}

/// What is asked of one relation beyond the dictionary.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RelationSpec {
    /// Whether the upload must hold the relation's file.
    pub required: bool,
    /// Whether each row of the parent relation needs a row here.
    pub children: Children,
}

impl Default for RelationSpec {
    fn default() -> Self {
        Self { required: true, children: Children::Any }
    }
}

/// How many rows of a child relation a parent row needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Children {
    /// Any number, none included.
    Any,
    /// At least one; a parent without is a `foreignKey` finding.
    AtLeastOne,
}

/// How findings are judged.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FindingsSpec {
    /// Fields as `relation.field` whose findings are warnings: the value counts as missing, the record is scored.
    pub warnings: Vec<String>,
}

/// A rule between the fields of one row.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSpec {
    /// Stable id, unique in the release.
    pub id: String,
    /// The relation whose rows it is about.
    pub relation: String,
    /// The fields it is about; a finding names the first.
    pub fields: Vec<String>,
    /// A boolean SQL expression over the relation's fields. A row where it is false gets a finding; null holds, as in
    /// an SQL CHECK constraint.
    pub holds: String,
    /// Whether a broken rule keeps the record from being scored.
    #[serde(default = "error")]
    pub severity: Severity,
    /// The finding's sentence.
    pub sentence: String,
}

fn error() -> Severity {
    Severity::Error
}

/// What goes into the results beside the scores.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutputsSpec {
    /// Columns of the record relation that are copied to the outputs as uploaded.
    pub pass_through: Vec<String>,
    /// How many features explain a prediction, unless the caller says otherwise.
    pub explanations: Explanations,
}

impl Default for OutputsSpec {
    fn default() -> Self {
        Self { pass_through: Vec::new(), explanations: Explanations::Top(5) }
    }
}

/// How many features explain a prediction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Explanations {
    /// The features with the largest absolute contribution, at most this many; zero switches explaining off.
    Top(u16),
    /// All features.
    All,
}

impl std::str::FromStr for Explanations {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::All);
        }
        text.parse().map(Self::Top).map_err(|_| "must be a number from 0 to 65535 or \"all\"".to_owned())
    }
}

impl<'de> Deserialize<'de> for Explanations {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u16),
            Word(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(count) => Ok(Self::Top(count)),
            Written::Word(word) => word.parse().map_err(serde::de::Error::custom),
        }
    }
}

/// One model of a release.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// Short name; prefix of its output columns.
    pub name: String,
    /// Title for people.
    pub title: String,
    /// Path of the model file inside the release.
    pub file: String,
    /// Format of the model file.
    #[serde(with = "FormatName")]
    pub format: Format,
    /// Name of the output column that holds the prediction.
    pub prediction: String,
    /// Which direction of the prediction is worse for the insurer; an importance is negative there.
    pub worse: Direction,
    /// Sentence of interpretation with `{bin}`, `{lower_bound}` and `{upper_bound}`, for bins without their own.
    #[serde(default)]
    pub interpretation: Option<String>,
    /// How bounds are printed in sentences.
    #[serde(default)]
    pub bound_format: BoundFormat,
    /// The bins, from the lowest prediction to the highest.
    pub bins: Vec<BinSpec>,
    /// The class whose number is the prediction, of a model that gives one for each class.
    #[serde(default)]
    pub class: Option<String>,
    /// The fields of the file's own output that go into the results; all where it is not given.
    #[serde(default)]
    pub output_fields: Option<Vec<OutputFieldSpec>>,
    /// Which records are explained, where explanations are asked for.
    #[serde(default)]
    pub explain: ExplainedRows,
    /// Path of the rows inside the release that the model is explained against; absent where contributions are those
    /// that the model has by itself.
    #[serde(default)]
    pub background: Option<String>,
}

/// A field of a model file's own output in the results.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum OutputFieldSpec {
    /// Under its own name.
    Named(String),
    /// Under another name.
    Renamed(RenamedField),
}

/// A field under another name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenamedField {
    /// Its name in the model file.
    pub field: String,
    /// The column's.
    pub column: String,
}

impl OutputFieldSpec {
    /// Its name in the model file, and that of its column.
    pub fn names(&self) -> (&str, &str) {
        match self {
            Self::Named(name) => (name, name),
            Self::Renamed(RenamedField { field, column }) => (field, column),
        }
    }
}

/// Which records of a model are explained. Shares are above 0 and at most 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExplainedRows {
    /// Every one that has a prediction.
    #[default]
    All,
    /// None.
    None,
    /// Those whose prediction is at least this.
    AtLeast(f64),
    /// Those whose prediction is at most this.
    AtMost(f64),
    /// The share with the highest predictions, to the record: the number is rounded up, and of equal predictions the
    /// records that come first in the upload are taken.
    Highest(f64),
    /// The share with the lowest predictions, likewise.
    Lowest(f64),
    /// A share taken by the place of the record in the upload: the same records in every run.
    Sample(f64),
}

impl ExplainedRows {
    /// Whether it takes all predictions to know which records are meant.
    pub fn by_rank(self) -> bool {
        matches!(self, Self::Highest(_) | Self::Lowest(_))
    }
}

#[derive(Deserialize)]
#[serde(remote = "Format", rename_all = "lowercase")]
enum FormatName {
    #[serde(rename = "lightgbm")]
    LightGbm,
    Pmml,
    XgBoost,
    CatBoost,
    Onnx,
}

/// A direction of a prediction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Larger predictions are meant.
    Higher,
    /// Smaller predictions are meant.
    Lower,
}

/// How the bounds of a bin are printed in its sentence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BoundFormat {
    /// The number as it is.
    #[default]
    Number,
    /// A share, printed times one hundred with a percent sign.
    Percent,
    /// An amount in dollars, without cents.
    Dollars,
}

/// One bin of a model. A prediction falls into the first bin whose `below` is larger; the last bin has none.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BinSpec {
    /// Number of the bin, counted from one.
    pub bin: u16,
    /// Predictions of the bin are smaller than this; absent for the last bin.
    #[serde(default)]
    pub below: Option<f64>,
    /// Lower bound of what the bin stands for, in the unit of the sentence.
    pub lower_bound: f64,
    /// Upper bound of what the bin stands for.
    pub upper_bound: f64,
    /// The bin's own sentence.
    #[serde(default)]
    pub interpretation: Option<String>,
}

/// Texts of explanation of one feature.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExplanationSpec {
    /// What the feature is.
    pub description: String,
    /// Said instead where the value made the outcome better.
    #[serde(default)]
    pub better: Option<String>,
    /// Said instead where the value made the outcome worse.
    #[serde(default)]
    pub worse: Option<String>,
}

impl Manifest {
    /// Whether a submission is of this kind.
    pub fn has(&self, kind: SubmissionKind) -> bool {
        self.submissions.values().any(|spec| spec.kind == kind)
    }
}

impl BoundFormat {
    /// A bound as a sentence has it.
    pub fn print(self, bound: f64) -> String {
        match self {
            Self::Number => format!("{bound}"),
            Self::Percent => format!("{}%", round(bound * 100.0, 1)),
            Self::Dollars => {
                let digits = format!("{:.0}", bound.abs());
                let sign = if bound < 0.0 && digits != "0" { "-" } else { "" };
                format!("{sign}${}", grouped_digits(&digits))
            }
        }
    }
}

fn round(value: f64, decimals: i32) -> f64 {
    let scale = 10f64.powi(decimals);
    (value * scale).round() / scale
}

impl ModelSpec {
    /// The sentence of interpretation of the bin at `index`, filled in. Shapes: one sentence a bin, so it can be made
    /// once per release instead of once per record.
    pub fn sentence(&self, index: usize) -> String {
        let bin = &self.bins[index];
        let template = bin.interpretation.as_ref().or(self.interpretation.as_ref()).map_or("", String::as_str);
        template
            .replace("{bin}", &bin.bin.to_string())
            .replace("{lower_bound}", &self.bound_format.print(bin.lower_bound))
            .replace("{upper_bound}", &self.bound_format.print(bin.upper_bound))
    }

    /// Index of the bin of a prediction; the last for NaN, which no model of ours returns for a valid row.
    pub fn bin_of(&self, prediction: f64) -> usize {
        let last = self.bins.len().saturating_sub(1);
        self.bins.iter().position(|bin| bin.below.is_some_and(|below| prediction < below)).unwrap_or(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_print_as_their_format_says() {
        for (format, bound, expected) in [
            (BoundFormat::Number, 0.25, "0.25"),
            (BoundFormat::Percent, 0.05, "5%"),
            (BoundFormat::Percent, 0.1234, "12.3%"),
            (BoundFormat::Dollars, 1234567.4, "$1,234,567"),
            (BoundFormat::Dollars, -950.0, "-$950"),
            (BoundFormat::Dollars, -0.2, "$0"),
        ] {
            assert_eq!(format.print(bound), expected);
        }
    }
}
