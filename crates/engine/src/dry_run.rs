//! The last check of a release: generated rows go through the whole batch, from files to results zip.
//!
//! Rows are made from the dictionary alone (`cells` makes values, `rows` puts them together so that keys, references
//! and rules hold where chance can make them hold) and are the same for the same release and seed. They are no likeness
//! of real business: what is found is whether files that keep to the dictionary can be scored at all, not whether the
//! scores make sense.

mod cells;
mod chance;
mod rows;

use std::path::Path;
use std::sync::Arc;

use bordereau_base::finding::Severity;
use bordereau_base::ids::SubmissionName;

use crate::batch::{BatchSpec, Options, score_batch};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::release::manifest::SubmissionKind;
use crate::release::{Problem, Release};
use crate::summary::Summary;

/// Records that a dry run makes unless told otherwise.
pub const RECORDS: usize = 200;

/// What a dry run showed.
#[derive(Debug)]
pub struct DryRun {
    /// As of any batch; absent when the batch ended without results.
    pub summary: Option<Summary>,
    /// What keeps the release from being used; empty when it passed.
    pub problems: Vec<Problem>,
}

/// Makes about `records` records with what belongs to them and scores them. Scratch files lie in `options.scratch`.
///
/// # Errors
/// When the machine fails (disk, cancelled); whatever is wrong with the release is a [`Problem`] instead.
pub fn dry_run(release: &Arc<Release>, records: usize, seed: u64, options: &Options) -> Result<DryRun> {
    let folder = tempfile::tempdir_in(&options.scratch)?;
    rows::write(release, records, seed, folder.path())?;
    match scored(release, folder.path(), options) {
        Ok(summary) => {
            let problems = problems(release, &summary);
            Ok(DryRun { summary: Some(summary), problems })
        }
        Err(error) => {
            let problem = match &error {
                Error::Release(message) => problem("features.sql", message.clone()),
                Error::Refused(refusal) => {
                    problem("datapackage.json", format!("generated files are refused: {refusal}"))
                }
                Error::DataFusion(inner) => {
                    let message = crate::release::first_line(inner);
                    problem("features.sql", format!("fails on generated rows: {message}"))
                }
                _ => return Err(error),
            };
            Ok(DryRun { summary: None, problems: vec![problem] })
        }
    }
}

fn scored(release: &Arc<Release>, folder: &Path, options: &Options) -> Result<Summary> {
    let mut submissions: Vec<_> = release.manifest.submissions.iter().collect();
    // What is scored is tried more of.
    submissions.sort_by_key(|(_, spec)| spec.kind != SubmissionKind::Scoring);
    let submission = submissions.first().map(|(name, _)| (*name).clone());
    let submission: SubmissionName =
        submission.ok_or_else(|| Error::Release("the release has no submission".to_owned()))?;
    let spec = BatchSpec {
        release: Arc::clone(release),
        submission,
        customer: None,
        batch_key: None,
        upload: vec![folder.to_owned()],
    };
    let out = tempfile::tempfile_in(&options.scratch)?;
    Ok(score_batch(&spec, options, &Progress::default(), &out)?.summary)
}

fn problem(file: &str, message: String) -> Problem {
    Problem { file: file.to_owned(), place: String::new(), message }
}

fn problems(release: &Release, summary: &Summary) -> Vec<Problem> {
    let mut problems = Vec::new();
    if summary.records.accepted() == 0 {
        let found = summary.findings.iter().filter(|found| found.severity == Severity::Error);
        let found: Vec<String> = found
            .map(|found| {
                let field = found.field.as_deref().unwrap_or("the row");
                format!("{} x {} of {field} in {}", found.count, found.code.as_str(), found.relation)
            })
            .collect();
        let message = format!("no generated record could be scored, of {}: {}", summary.records.read, found.join(", "));
        problems.push(problem("datapackage.json", message));
    }
    for (model, spec) in summary.models.iter().zip(&release.manifest.models) {
        if model.without_prediction > 0 {
            let (without, all) = (model.without_prediction, summary.records.scored);
            problems.push(problem(&spec.file, format!("gives no prediction for {without} of {all} generated records")));
        }
    }
    problems
}
