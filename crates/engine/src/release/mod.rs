//! Solution releases: a folder of `solution.toml`, `datapackage.json`, `features.sql` and `models/`, read and checked.
//!
//! [`Release::load`] reads a release and either gives one in which everything agrees (the dictionary with the standard,
//! the SQL with the relations, the models with the features, the bins, texts and rules with all of them) or every
//! problem found, each with its file and place. A loaded release is immutable and shared. The order of the checks:
//! [`manifest`] and the dictionary alone, [`layout`] from both, then `queries` (which plans the SQL), then `models`.
//! [`crate::dry_run`] goes one step further and scores generated rows.

pub mod features_plan;
mod functions_plan;
pub mod layout;
pub mod manifest;
pub(crate) mod models;
mod queries;
mod relations;
mod source;
pub mod table;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use bordereau_base::dictionary::Dictionary;
use bordereau_base::digest::hex;
use bordereau_base::ids::SubmissionName;
use bordereau_model::Model;
use sha2::{Digest, Sha256};

use crate::contribution::unkeepable;
use crate::error::Result;
use crate::functions::AskedField;
use crate::session::session_state;
use layout::Layout;
use manifest::{Manifest, SubmissionKind};

pub use queries::{Rule, first_line, row_schema};
pub use source::ReleaseFiles;

/// Something in a release that keeps it from being used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Path of the file inside the release.
    pub file: String,
    /// Where in the file: a line, a JSON pointer, a TOML key; empty for the file as a whole.
    pub place: String,
    /// One sentence.
    pub message: String,
}

impl Problem {
    fn new(file: &str, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), place: place.into(), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.as_str() {
            "" => write!(f, "{}: {}", self.file, self.message),
            place => write!(f, "{}: {place}: {}", self.file, self.message),
        }
    }
}

/// A model of a release, ready to score.
#[derive(Debug, Clone)]
pub struct ReleaseModel {
    /// The model itself.
    pub model: Arc<Model>,
    /// SHA-256 of the model file, in hex.
    pub sha256: String,
    /// What the scoring function knows the model by: the digest of its file, with that of its background.
    pub key: String,
    /// For each input of the model, the feature that feeds it (index into [`Release::features`]).
    pub inputs: Vec<usize>,
    /// The filled-in sentence of each bin.
    pub sentences: Vec<String>,
    /// The output that is the prediction.
    pub output: usize,
    /// The fields of the model's own output that go into the results.
    pub fields: Vec<ModelField>,
}

/// A field of a model's own output in the results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelField {
    /// Which one, and of which type.
    pub asked: AskedField,
    /// Its name in the model file.
    pub name: String,
    /// Name of its column in the outputs.
    pub column: String,
}

/// A release in which everything agrees.
#[derive(Debug)]
pub struct Release {
    /// `solution.toml`.
    pub manifest: Manifest,
    /// `datapackage.json`.
    pub dictionary: Dictionary,
    /// The same as it is written: a Data Package.
    pub datapackage: String,
    /// `features.sql`; empty where nothing is scored.
    pub features_sql: String,
    /// The columns the feature query gives, `record` left out.
    pub features: SchemaRef,
    /// Relations, keys and references.
    pub layout: Layout,
    /// The rules, planned, by relation.
    pub rules: Vec<Rule>,
    /// The models in the order of the manifest.
    pub models: Vec<ReleaseModel>,
    /// SHA-256 over all files of the release with their paths, in hex.
    pub sha256: String,
}

impl Release {
    /// Reads and checks a release.
    ///
    /// # Errors
    /// Every problem found; a later check is left out where an earlier one failed that it builds on.
    pub fn load(files: &ReleaseFiles) -> Result<Release, Vec<Problem>> {
        let (manifest, dictionary, sql) = read_parts(files)?;
        let mut problems = Vec::new();
        if manifest.has(SubmissionKind::Contribution) {
            let unkeepable = unkeepable(&dictionary).into_iter();
            problems.extend(unkeepable.map(|(place, message)| Problem::new("datapackage.json", place, message)));
        }
        let layout = relations::layout(&manifest, &dictionary, &mut problems);
        let (Some(mut layout), true) = (layout, problems.is_empty()) else {
            return Err(problems);
        };
        let state = session_state().map_err(|error| vec![Problem::new("features.sql", "", error.to_string())])?;
        let rules = queries::rules(&state, &manifest, &dictionary, &mut problems);
        let features = match &sql {
            Some(sql) => queries::features(&state, sql, &dictionary, &mut layout, &mut problems),
            None => Some(Arc::new(Schema::empty())),
        };
        let models =
            features.as_ref().map(|features| models::load(files, &manifest, &dictionary, features, &mut problems));
        match (features, models) {
            (Some(features), Some(models)) if problems.is_empty() => {
                let sha256 = digest(files);
                Ok(Release {
                    manifest,
                    dictionary,
                    datapackage: written(files, "datapackage.json"),
                    features_sql: sql.unwrap_or_default(),
                    features,
                    layout,
                    rules,
                    models,
                    sha256,
                })
            }
            _ => Err(problems),
        }
    }

    /// What becomes of the accepted records of a submission; of one that the release does not have, nothing but what
    /// scoring does.
    pub fn kind_of(&self, submission: &SubmissionName) -> SubmissionKind {
        self.manifest.submissions.get(submission).map(|spec| spec.kind).unwrap_or_default()
    }

    /// Reads and checks the release in a folder.
    ///
    /// # Errors
    /// As [`Release::load`]; also when the folder cannot be read.
    pub fn from_folder(folder: &Path) -> Result<Release, Vec<Problem>> {
        let files = ReleaseFiles::from_folder(folder).map_err(|error| {
            vec![Problem::new(&folder.display().to_string(), "", format!("cannot be read: {error}"))]
        })?;
        Self::load(&files)
    }
}

/// Manifest, dictionary and feature query; a release that scores nothing needs no query.
fn read_parts(files: &ReleaseFiles) -> Result<(Manifest, Dictionary, Option<String>), Vec<Problem>> {
    let mut problems = Vec::new();
    let manifest = text(files, "solution.toml", &mut problems).and_then(|text| parse_manifest(&text, &mut problems));
    let dictionary = match files.get("datapackage.json") {
        None => {
            problems.push(Problem::new("datapackage.json", "", "is missing"));
            None
        }
        Some(bytes) => Dictionary::from_json(bytes)
            .map_err(|found| {
                problems.extend(found.into_iter().map(|p| Problem::new("datapackage.json", p.place, p.message)));
            })
            .ok(),
    };
    let scores = manifest.as_ref().is_none_or(|manifest| manifest.has(SubmissionKind::Scoring));
    let wanted = scores || files.get("features.sql").is_some();
    let sql = if wanted { text(files, "features.sql", &mut problems) } else { None };
    match (manifest, dictionary) {
        (Some(manifest), Some(dictionary)) if problems.is_empty() => Ok((manifest, dictionary, sql)),
        _ => Err(problems),
    }
}

/// A file that was read as UTF-8 before.
fn written(files: &ReleaseFiles, path: &str) -> String {
    let bytes = files.get(path).unwrap_or_default();
    String::from_utf8_lossy(bytes).trim_start_matches('\u{feff}').to_owned()
}

fn text(files: &ReleaseFiles, path: &str, problems: &mut Vec<Problem>) -> Option<String> {
    let Some(bytes) = files.get(path) else {
        problems.push(Problem::new(path, "", "is missing"));
        return None;
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text.trim_start_matches('\u{feff}').to_owned()),
        Err(_) => {
            problems.push(Problem::new(path, "", "is not UTF-8 text"));
            None
        }
    }
}

fn parse_manifest(text: &str, problems: &mut Vec<Problem>) -> Option<Manifest> {
    match toml::from_str(text) {
        Ok(manifest) => Some(manifest),
        Err(error) => {
            let place = error.span().map_or(String::new(), |span| line_and_column(text, span.start));
            problems.push(Problem::new("solution.toml", place, error.message()));
            None
        }
    }
}

fn line_and_column(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    format!("line {line}, column {column}")
}

fn digest(files: &ReleaseFiles) -> String {
    let mut hash = Sha256::new();
    for (path, bytes) in files.iter() {
        hash.update((path.len() as u64).to_le_bytes());
        hash.update(path);
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
    hex(&hash.finalize())
}
