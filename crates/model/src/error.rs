//! What can go wrong when a model is loaded or bound.

use crate::Format;

/// Why a model file was refused, or why columns do not fit a model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file breaks its format: bad number, missing part, inconsistent counts, a limit of this reader.
    #[error("{format} model, line {line}: {message}")]
    Invalid {
        /// The format it was read as.
        format: Format,
        /// Line of the file, counted from 1 (always 1 in a binary file).
        line: usize,
        /// What is wrong; names the key or element.
        message: String,
    },
    /// The file may be fine, but asks for something this reader does not do.
    #[error("{format} model, line {line}: {message} is not supported")]
    Unsupported {
        /// The format it was read as.
        format: Format,
        /// Line of the file, counted from 1 (always 1 in a binary file).
        line: usize,
        /// What is not supported; names the key or element.
        message: String,
    },
    /// The file is of no format that is read; says what it looks like.
    #[error("not a model file of a format that is read (LightGBM, XGBoost, CatBoost, PMML, ONNX): {0}")]
    Unknown(&'static str),
    /// A column given to [`crate::Model::bind`] does not fit the input of that name.
    #[error("input {name}: {message}")]
    Input {
        /// Name of the input, or `*` when the columns as a whole do not fit.
        name: String,
        /// What does not fit (types and counts, never values).
        message: String,
    },
    /// Rows given to [`crate::Model::with_background`] that the model cannot be explained against; the end of a
    /// sentence.
    #[error("{0}")]
    Background(String),
}

impl Error {
    pub(crate) fn invalid(format: Format, line: usize, message: impl Into<String>) -> Self {
        Self::Invalid { format, line, message: message.into() }
    }

    pub(crate) fn unsupported(format: Format, line: usize, message: impl Into<String>) -> Self {
        Self::Unsupported { format, line, message: message.into() }
    }

    pub(crate) fn input(name: &str, message: impl Into<String>) -> Self {
        Self::Input { name: name.to_owned(), message: message.into() }
    }
}
