//! `bordereau solution check`: a folder is read, checked and tried on generated rows.

use std::path::Path;

use bordereau_engine::dry_run;
use bordereau_engine::release::Release;

use crate::score::options;
use crate::settings::Settings;
use crate::table::grouped;

/// Checks one folder and prints what was found; whether it passed.
pub fn run(folder: &Path, settings: &Settings) -> bool {
    let release = match Release::from_folder(folder) {
        Ok(release) => release,
        Err(problems) => {
            println!("{}: {} found", folder.display(), counted(problems.len(), "problem"));
            problems.iter().for_each(|problem| println!("  {problem}"));
            return false;
        }
    };
    match dry_run::run(release.into(), &options(settings)) {
        Ok(outcome) => {
            let (read, scored) = (grouped(outcome.records.read), grouped(outcome.records.scored));
            println!("{}: good; a dry run scored {scored} of {read} generated records", folder.display());
            true
        }
        Err(error) => {
            println!("{}: the dry run failed: {error}", folder.display());
            false
        }
    }
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
