//! Why there is no profile. Bad rows are not here, they are counted; a bad upload is a [`Refusal`].

use bordereau_base::ordered::Panicked;
use bordereau_base::refusal::{Refusal, RefusalCode};
use bordereau_files::intake::IntakeError;

/// What can end a profile before it is whole.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The upload is not taken; one sentence for its sender. Trying again gives the same.
    #[error(transparent)]
    Refused(Refusal),
    /// The profile was cancelled.
    #[error("the profile was cancelled")]
    Cancelled,
    /// Our own disk failed, or a file is not there.
    #[error("reading failed")]
    Io(#[from] std::io::Error),
    /// A worker thread ended without a result.
    #[error("a worker thread of the {0} stage ended early")]
    Worker(&'static str),
}

impl Error {
    pub(crate) fn refused(code: RefusalCode, message: impl Into<String>) -> Self {
        Self::Refused(Refusal::new(code, message))
    }
}

impl From<Panicked> for Error {
    fn from(Panicked(stage): Panicked) -> Self {
        Self::Worker(stage)
    }
}

impl From<IntakeError> for Error {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::Refused(refusal) => Self::Refused(refusal),
            IntakeError::Io(error) => Self::Io(error),
        }
    }
}

/// Results of profiling.
pub type Result<T, E = Error> = std::result::Result<T, E>;
