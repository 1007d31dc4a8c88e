//! `bordereau solution check`: a folder is read, checked and tried on generated rows.

use std::path::Path;
use std::sync::Arc;

use bordereau_engine::dry_run::{RECORDS, dry_run};
use bordereau_engine::release::{Problem, Release};

use crate::score::options;
use crate::settings::Settings;
use crate::table::grouped;

/// The dry run's rows are the same each time.
const SEED: u64 = 1;

/// Checks one folder and prints what was found; whether it passed.
pub fn run(folder: &Path, settings: &Settings) -> bool {
    let release = match Release::from_folder(folder) {
        Ok(release) => Arc::new(release),
        Err(problems) => return failed(folder, &problems),
    };
    match dry_run(&release, RECORDS, SEED, &options(settings)) {
        Ok(tried) if !tried.problems.is_empty() => failed(folder, &tried.problems),
        Ok(tried) => {
            let records = tried.summary.map(|summary| summary.records).unwrap_or_default();
            let (read, scored) = (grouped(records.read), grouped(records.scored));
            println!("{}: good; a dry run scored {scored} of {read} generated records", folder.display());
            true
        }
        Err(error) => {
            println!("{}: the dry run could not be done: {}", folder.display(), crate::exit::Failure::internal(&error));
            false
        }
    }
}

fn failed(folder: &Path, problems: &[Problem]) -> bool {
    println!("{}: {} found", folder.display(), counted(problems.len(), "problem"));
    problems.iter().for_each(|problem| println!("  {problem}"));
    false
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
