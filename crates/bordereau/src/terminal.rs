//! What the program says on standard output and standard error: the one place that writes there.
//!
//! `println!` ends a program that writes into a pipe nobody reads any more (`bordereau solution list | head -1`) with a
//! panic. Here a closed pipe is silence: what was asked is done all the same, and the exit code tells of that.

use std::fmt::Display;
use std::io::{ErrorKind, Write};

use crate::exit::Failure;

/// Writes to standard output as it is, without a line end of its own.
///
/// # Errors
/// When it cannot be written, such as on a full disk; not when nobody reads it.
pub fn say(text: impl Display) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Internal(format!("standard output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a line to standard error.
pub fn warn(line: impl Display) {
    // Where this cannot be written there is nowhere left to say so.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
