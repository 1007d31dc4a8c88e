//! Exit codes, and why a command did not do what it was asked.

use std::fmt;

use bordereau_base::refusal::Refusal;
use bordereau_engine::model_rows::RowsError;

use crate::settings::SettingError;

/// All went well.
pub const DONE: u8 = 0;
/// What was compared is different.
pub const DIFFERENT: u8 = 1;
/// The upload as a whole was refused, or a release does not pass its check, or a model file is not read.
pub const REFUSED: u8 = 2;
/// Something went wrong on our side.
pub const INTERNAL: u8 = 3;
/// The command line or the settings cannot be understood.
pub const USAGE: u8 = 64;
/// Stopped by Ctrl-C.
pub const INTERRUPTED: u8 = 130;

/// Why a command ended early; its text is for the person at the terminal.
#[derive(Debug)]
pub enum Failure {
    /// What was asked cannot be understood or does not exist.
    Usage(String),
    /// The upload was refused.
    Refused(Refusal),
    /// Stopped by Ctrl-C.
    Interrupted,
    /// Something went wrong on our side.
    Internal(String),
}

impl Failure {
    /// Its exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => USAGE,
            Self::Refused(_) => REFUSED,
            Self::Interrupted => INTERRUPTED,
            Self::Internal(_) => INTERNAL,
        }
    }

    /// An error on our side with all its causes.
    pub fn internal(error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            text.push_str(": ");
            text.push_str(&inner.to_string());
            cause = inner.source();
        }
        Self::Internal(text)
    }
}

impl From<RowsError> for Failure {
    fn from(error: RowsError) -> Self {
        match error {
            RowsError::Unfit(message) => Self::Usage(message),
            RowsError::Unread(message) => Self::Internal(message),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) | Self::Internal(message) => f.write_str(message),
            Self::Refused(refusal) => write!(f, "the upload was refused: {refusal}"),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl From<SettingError> for Failure {
    fn from(error: SettingError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<bordereau_engine::Error> for Failure {
    fn from(error: bordereau_engine::Error) -> Self {
        match error {
            bordereau_engine::Error::Refused(refusal) => Self::Refused(refusal),
            bordereau_engine::Error::Cancelled => Self::Interrupted,
            other => Self::internal(&other),
        }
    }
}
