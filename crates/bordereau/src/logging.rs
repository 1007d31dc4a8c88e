//! Log lines to standard error, as the settings say.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::exit::Failure;
use crate::settings::{LogFormat, Settings};

/// Starts logging for the rest of the process.
///
/// # Errors
/// When the filter of the settings cannot be understood.
pub fn start(settings: &Settings) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&settings.log).map_err(|error| Failure::Usage(format!("setting log: {error}")))?;
    let coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    // Where a line cannot be written, because nobody reads the pipe any more, saying so would end the thread.
    let lines = tracing_subscriber::fmt().log_internal_errors(false).with_env_filter(filter).with_ansi(coloured);
    let lines = lines.with_writer(std::io::stderr);
    let started = match settings.log_format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    started.map_err(|error| Failure::Internal(format!("logging cannot be started: {error}")))
}
