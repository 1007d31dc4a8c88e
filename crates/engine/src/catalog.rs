//! All releases of all solutions that a process knows: those inside the program and those of a folder.
//!
//! A folder is laid out `<solution>/<version>/`. A release in the folder takes the place of one of the same name and
//! version inside the program. The catalogue is read once and immutable; which release is active depends on the moment
//! that is asked about, so callers bring the time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bordereau_base::ids::{ReleaseVersion, SolutionName};
use include_dir::{Dir, include_dir};

use crate::release::{Problem, Release, ReleaseFiles};

/// The solutions that come with the program.
static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../solutions");

/// Releases by solution and version.
#[derive(Debug, Default)]
pub struct Catalog {
    solutions: BTreeMap<SolutionName, BTreeMap<ReleaseVersion, Arc<Release>>>,
}

/// A release that could not be used.
#[derive(Debug)]
pub struct BrokenRelease {
    /// Where it is, such as `insureright/1.0.7`.
    pub place: String,
    /// Everything wrong with it.
    pub problems: Vec<Problem>,
}

impl Catalog {
    /// The releases inside the program.
    ///
    /// # Errors
    /// Those that cannot be used; a test keeps that from happening in a shipped program.
    pub fn embedded() -> Result<Self, Vec<BrokenRelease>> {
        let mut catalog = Self::default();
        let mut broken = Vec::new();
        for release in EMBEDDED.dirs().flat_map(Dir::dirs) {
            let mut names = release.path().iter().rev().map(|name| name.to_string_lossy());
            let (version, solution) = (names.next().unwrap_or_default(), names.next().unwrap_or_default());
            let loaded = Release::load(&ReleaseFiles::from_embedded(release));
            catalog.take(&solution, &version, loaded, &mut broken);
        }
        if broken.is_empty() { Ok(catalog) } else { Err(broken) }
    }

    /// Adds the releases of a folder `<solution>/<version>/`. Files beside the folders are left alone, and so is what
    /// starts with a dot.
    ///
    /// # Errors
    /// Those that cannot be used, and the folder itself when it cannot be read; none is added then.
    pub fn add_folder(&mut self, folder: &Path) -> Result<(), Vec<BrokenRelease>> {
        let mut added = Self::default();
        let mut broken = Vec::new();
        for (solution, path) in sub_folders(folder)? {
            for (version, path) in sub_folders(&path)? {
                added.take(&solution, &version, Release::from_folder(&path), &mut broken);
            }
        }
        if !broken.is_empty() {
            return Err(broken);
        }
        for (solution, releases) in added.solutions {
            self.solutions.entry(solution).or_default().extend(releases);
        }
        Ok(())
    }

    /// Adds a release that was read from a folder of these names, or says what is wrong with it.
    fn take(
        &mut self,
        solution: &str,
        version: &str,
        loaded: Result<Release, Vec<Problem>>,
        broken: &mut Vec<BrokenRelease>,
    ) {
        let checked = loaded.and_then(|release| {
            let problems = misplaced(&release, solution, version);
            if problems.is_empty() { Ok(release) } else { Err(problems) }
        });
        match checked {
            Ok(release) => self.add(release),
            Err(problems) => broken.push(BrokenRelease { place: format!("{solution}/{version}"), problems }),
        }
    }

    /// Adds one release.
    pub fn add(&mut self, release: Release) {
        let (solution, version) = (release.manifest.solution.clone(), release.manifest.version.clone());
        self.solutions.entry(solution).or_default().insert(version, Arc::new(release));
    }

    /// Names of the solutions, in order.
    pub fn solutions(&self) -> impl Iterator<Item = &SolutionName> {
        self.solutions.keys()
    }

    /// The releases of a solution, oldest version first; empty for an unknown solution.
    pub fn releases(&self, solution: &SolutionName) -> impl Iterator<Item = &Arc<Release>> {
        self.solutions.get(solution).into_iter().flat_map(BTreeMap::values)
    }

    /// The release of that version, active or not.
    pub fn release(&self, solution: &SolutionName, version: &ReleaseVersion) -> Option<&Arc<Release>> {
        self.solutions.get(solution)?.get(version)
    }

    /// The active release at a moment: the newest whose moment has come; of two with the same moment the higher
    /// version.
    pub fn active(&self, solution: &SolutionName, now: jiff::Timestamp) -> Option<&Arc<Release>> {
        let come = self.releases(solution).filter(|release| release.manifest.active_from <= now);
        come.max_by(|a, b| {
            (a.manifest.active_from, &a.manifest.version).cmp(&(b.manifest.active_from, &b.manifest.version))
        })
    }
}

/// What the names of its folders say about a release must be what its manifest says.
fn misplaced(release: &Release, solution: &str, version: &str) -> Vec<Problem> {
    let said = [
        ("solution", release.manifest.solution.as_str(), solution),
        ("version", release.manifest.version.as_str(), version),
    ];
    let differs = said.into_iter().filter(|(_, written, folder)| written != folder);
    let problem = |(key, written, folder): (&str, &str, &str)| Problem {
        file: "solution.toml".to_owned(),
        place: key.to_owned(),
        message: format!("is {written}, but the release lies in a folder named {folder}"),
    };
    differs.map(problem).collect()
}

fn sub_folders(folder: &Path) -> Result<Vec<(String, PathBuf)>, Vec<BrokenRelease>> {
    let unreadable = |error: std::io::Error| {
        let problem =
            Problem { file: String::new(), place: String::new(), message: format!("cannot be read: {error}") };
        vec![BrokenRelease { place: folder.display().to_string(), problems: vec![problem] }]
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() && !name.starts_with('.') {
            found.push((name, path));
        }
    }
    found.sort();
    Ok(found)
}
