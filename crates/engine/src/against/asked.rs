//! What is asked of which release.

use std::sync::Arc;

use bordereau_base::ids::{InvalidId, ReleaseVersion, SolutionName, SubmissionName};

use crate::catalog::Catalog;
use crate::release::Release;

/// A submission of a release; the release has it.
#[derive(Debug, Clone)]
pub struct Asked {
    release: Arc<Release>,
    submission: SubmissionName,
}

/// Why there is nothing to hold an upload against.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskedError {
    /// Not of the form `solution/submission` or `solution@version/submission`.
    #[error("give a solution and a submission, such as insureright/scoring or insureright@1.0.7/scoring")]
    Form,
    /// A part is not such a name.
    #[error(transparent)]
    Name(#[from] InvalidId),
    /// No such solution.
    #[error("there is no solution {0}")]
    Solution(SolutionName),
    /// The solution has no such release.
    #[error("{0} has no release {1}")]
    Version(SolutionName, ReleaseVersion),
    /// The moment of none of the solution's releases has come.
    #[error("{0} has no active release")]
    NotActive(SolutionName),
    /// The release has no such submission.
    #[error("{solution} has no submission {submission}; it has {known}")]
    Submission {
        /// The solution.
        solution: SolutionName,
        /// What was asked of it.
        submission: SubmissionName,
        /// Its submissions, with commas.
        known: String,
    },
}

impl Asked {
    /// Asks `submission` of `release`.
    ///
    /// # Errors
    /// [`AskedError::Submission`] when the release does not have it.
    pub fn new(release: Arc<Release>, submission: SubmissionName) -> Result<Self, AskedError> {
        let manifest = &release.manifest;
        if !manifest.submissions.contains_key(&submission) {
            let known: Vec<&str> = manifest.submissions.keys().map(SubmissionName::as_str).collect();
            let (solution, known) = (manifest.solution.clone(), known.join(", "));
            return Err(AskedError::Submission { solution, submission, known });
        }
        Ok(Self { release, submission })
    }

    /// Reads `solution/submission`, which asks the release that is active at `now`, or `solution@version/submission`.
    ///
    /// # Errors
    /// When the text is not of that form, and when the catalogue does not have what it names.
    pub fn parse(text: &str, catalog: &Catalog, now: jiff::Timestamp) -> Result<Self, AskedError> {
        let (solution, submission) = text.split_once('/').ok_or(AskedError::Form)?;
        let (solution, version) = match solution.split_once('@') {
            Some((solution, version)) => (solution, Some(version.parse::<ReleaseVersion>()?)),
            None => (solution, None),
        };
        let (solution, submission): (SolutionName, SubmissionName) = (solution.parse()?, submission.parse()?);
        if catalog.releases(&solution).next().is_none() {
            return Err(AskedError::Solution(solution));
        }
        let release = match version {
            Some(version) => {
                let unknown = || AskedError::Version(solution.clone(), version.clone());
                catalog.release(&solution, &version).ok_or_else(unknown)?
            }
            None => catalog.active(&solution, now).ok_or_else(|| AskedError::NotActive(solution.clone()))?,
        };
        Self::new(Arc::clone(release), submission)
    }

    /// Every submission of the release of each solution that is active at `now`, by solution and submission. Callers
    /// leave out what their customer may not use.
    pub fn all(catalog: &Catalog, now: jiff::Timestamp) -> Vec<Self> {
        let active = catalog.solutions().filter_map(|solution| catalog.active(solution, now));
        let asked = active.flat_map(|release| {
            let submissions = release.manifest.submissions.keys();
            submissions.map(|submission| Self { release: Arc::clone(release), submission: submission.clone() })
        });
        asked.collect()
    }

    /// The release.
    pub fn release(&self) -> &Arc<Release> {
        &self.release
    }

    /// What is asked of it.
    pub fn submission(&self) -> &SubmissionName {
        &self.submission
    }
}
