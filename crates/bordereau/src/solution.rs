//! `bordereau solution`: which releases there are, what is in one, and whether a folder is a good one.

use std::path::Path;
use std::sync::Arc;

use bordereau_base::ids::{ReleaseVersion, SolutionName};
use bordereau_engine::catalog::{BrokenRelease, Catalog};
use bordereau_engine::release::Release;

use crate::cli::Solution;
use crate::exit::{DONE, Failure, REFUSED};
use crate::settings::{Layers, Settings};
use crate::table::{Align, Table};
use crate::terminal::say;

mod check;
mod show;

/// Runs the command.
///
/// # Errors
/// When the settings or the releases cannot be used.
pub fn run(command: Solution, mut layers: Layers) -> Result<u8, Failure> {
    match command {
        Solution::List { solutions } => {
            layers.set_flag_if("solutions", solutions);
            say(list(&catalog(&layers.resolve()?.settings()?)?, jiff::Timestamp::now()))?;
            Ok(DONE)
        }
        Solution::Show { solution, release, markdown, solutions } => {
            layers.set_flag_if("solutions", solutions);
            let catalog = catalog(&layers.resolve()?.settings()?)?;
            let release = find(&catalog, &solution, release.as_ref())?;
            say(if markdown { show::markdown(release) } else { show::text(release) })?;
            Ok(DONE)
        }
        Solution::Check { folders } => {
            let settings = layers.resolve()?.settings()?;
            let mut code = DONE;
            for folder in &folders {
                if !check::run(folder, &settings)? {
                    code = REFUSED;
                }
            }
            Ok(code)
        }
    }
}

/// The releases inside the program and those of the settings' folder.
///
/// # Errors
/// When one of them cannot be used; all that is wrong is said.
pub fn catalog(settings: &Settings) -> Result<Catalog, Failure> {
    let mut catalog = Catalog::embedded().map_err(|broken| said(&broken))?;
    if let Some(folder) = &settings.solutions {
        catalog.add_folder(folder).map_err(|broken| said(&broken))?;
    }
    Ok(catalog)
}

fn said(broken: &[BrokenRelease]) -> Failure {
    let lines = broken
        .iter()
        .flat_map(|release| release.problems.iter().map(|problem| format!("\n  {}: {problem}", release.place)));
    Failure::Usage(format!("releases that cannot be used:{}", lines.collect::<String>()))
}

/// The release of a folder.
///
/// # Errors
/// When it cannot be used; all that is wrong is said.
pub fn load(folder: &Path) -> Result<Release, Failure> {
    let place = folder.display().to_string();
    Release::from_folder(folder).map_err(|problems| said(&[BrokenRelease { place, problems }]))
}

/// The release of that version, or the active one.
///
/// # Errors
/// When there is none; the text says which there are.
pub fn find<'a>(
    catalog: &'a Catalog,
    solution: &SolutionName,
    version: Option<&ReleaseVersion>,
) -> Result<&'a Arc<Release>, Failure> {
    let versions: Vec<&str> = catalog.releases(solution).map(|release| release.manifest.version.as_str()).collect();
    if versions.is_empty() {
        let message = format!("there is no solution {solution}; `bordereau solution list` shows them");
        return Err(Failure::Usage(message));
    }
    let versions = versions.join(", ");
    match version {
        Some(version) => catalog
            .release(solution, version)
            .ok_or_else(|| Failure::Usage(format!("{solution} has no release {version}; it has {versions}"))),
        None => catalog.active(solution, jiff::Timestamp::now()).ok_or_else(|| {
            Failure::Usage(format!("no release of {solution} is active yet; ask for one of {versions} by --release"))
        }),
    }
}

fn list(catalog: &Catalog, now: jiff::Timestamp) -> String {
    let left = |name| (name, Align::Left);
    let mut table = Table::new(["solution", "release", "active from", "state", "models", "title"].map(left));
    for solution in catalog.solutions() {
        let active = catalog.active(solution, now).map(|release| &release.manifest.version);
        for release in catalog.releases(solution) {
            let manifest = &release.manifest;
            let state = match active {
                Some(version) if *version == manifest.version => "active",
                _ if manifest.active_from > now => "future",
                _ => "superseded",
            };
            let models = match (manifest.models.len(), manifest.demonstration) {
                (count, true) => format!("{count} (demonstration)"),
                (count, false) => count.to_string(),
            };
            table.row([
                solution.to_string(),
                manifest.version.to_string(),
                manifest.active_from.to_string(),
                state.to_owned(),
                models,
                manifest.title.clone(),
            ]);
        }
    }
    table.text("")
}
