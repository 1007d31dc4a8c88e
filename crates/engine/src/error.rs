//! Why the engine could not do what it was asked. Bad rows are not here, they are findings; a bad upload is a
//! [`Refusal`].

use bordereau_base::ordered::Panicked;
use bordereau_base::refusal::Refusal;
use bordereau_files::intake::IntakeError;

/// What can end a batch before its results.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The upload as a whole is not taken; to be told to its customer.
    #[error(transparent)]
    Refused(Refusal),
    /// The release cannot do what it promises, such as a feature query that gives a record twice. Its author must act.
    #[error("{0}")]
    Release(String),
    /// The batch was cancelled.
    #[error("the batch was cancelled")]
    Cancelled,
    /// Reading or writing scratch files or results failed.
    #[error("reading or writing failed")]
    Io(#[from] std::io::Error),
    /// Arrow could not do a step.
    #[error("a step over columns failed")]
    Arrow(#[from] arrow::error::ArrowError),
    /// DataFusion could not plan or run a query.
    #[error("a query failed")]
    DataFusion(#[from] Box<datafusion::error::DataFusionError>),
    /// A model could not read its features.
    #[error("a model could not be evaluated")]
    Model(#[from] bordereau_model::Error),
    /// A worker thread ended without a result.
    #[error("a worker thread of the {0} stage ended early")]
    Worker(&'static str),
}

impl From<datafusion::error::DataFusionError> for Error {
    fn from(error: datafusion::error::DataFusionError) -> Self {
        Self::DataFusion(Box::new(error))
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

/// Results of the engine.
pub type Result<T, E = Error> = std::result::Result<T, E>;
