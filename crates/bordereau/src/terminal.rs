//! What the program says on standard output and standard error: the one place that writes there.
//!
//! `println!` ends a program that writes into a pipe nobody reads any more (`bordereau solution list | head -1`) with a
//! panic. Here a closed pipe is silence: what was asked is done all the same, and the exit code tells of that.

use std::fmt::Display;
use std::io::{BufWriter, ErrorKind, Write};

use crate::exit::Failure;

/// Writes to standard output as it is, without a line end of its own.
///
/// # Errors
/// When it cannot be written, such as on a full disk; not when nobody reads it.
pub fn say(text: impl Display) -> Result<(), Failure> {
    say_all(|out| write!(out, "{text}"))
}

/// Writes much to standard output, piece by piece, as [`say`].
///
/// # Errors
/// As [`say`].
pub fn say_all(content: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<(), Failure> {
    let mut out = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    match content(&mut out).and_then(|()| out.flush()) {
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
