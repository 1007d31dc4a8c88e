//! `bordereau solution check`: a folder is read, checked and tried on generated rows.

use std::path::Path;
use std::sync::Arc;

use bordereau_engine::dry_run::{RECORDS, dry_run};
use bordereau_engine::release::{Problem, Release};
use bordereau_model::Method;

use crate::exit::Failure;
use crate::score::options;
use crate::settings::Settings;
use crate::terminal::say;
use bordereau_base::figure::grouped;

/// The dry run's rows are the same each time.
const SEED: u64 = 1;

/// Checks one folder and prints what was found; whether it passed.
///
/// # Errors
/// When standard output cannot be written.
pub fn run(folder: &Path, settings: &Settings) -> Result<bool, Failure> {
    let (passed, text) = tried(folder, settings);
    say(format_args!("{}: {text}\n", folder.display()))?;
    Ok(passed)
}

/// Whether the folder passed, and why.
fn tried(folder: &Path, settings: &Settings) -> (bool, String) {
    let release = match Release::from_folder(folder) {
        Ok(release) => Arc::new(release),
        Err(problems) => return (false, listed(&problems)),
    };
    match dry_run(&release, RECORDS, SEED, &options(settings)) {
        Ok(tried) if !tried.problems.is_empty() => (false, listed(&tried.problems)),
        Ok(tried) => {
            let records = tried.summary.map(|summary| summary.records).unwrap_or_default();
            let did = if records.contributed.is_some() { "accepted" } else { "scored" };
            let (read, accepted) = (grouped(records.read), grouped(records.accepted()));
            (true, format!("good; a dry run {did} {accepted} of {read} generated records{}", backgrounds(&release)))
        }
        Err(error) => (false, format!("the dry run could not be done: {}", Failure::internal(&error))),
    }
}

/// The models that are explained against background rows.
fn backgrounds(release: &Release) -> String {
    let pairs = release.manifest.models.iter().zip(&release.models);
    let said = pairs.filter_map(|(spec, loaded)| {
        let rows = loaded.model.method().and_then(Method::background_rows)?;
        Some(format!("; {} is explained against {} background rows", spec.name, grouped(rows as u64)))
    });
    said.collect()
}

fn listed(problems: &[Problem]) -> String {
    let mut text = format!("{} found", counted(problems.len(), "problem"));
    problems.iter().for_each(|problem| text.push_str(&format!("\n  {problem}")));
    text
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
