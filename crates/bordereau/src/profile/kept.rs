//! Kept states: what `profile --state` writes, and `profile merge`, which puts several together.

use std::io::Write as _;
use std::path::Path;

use bordereau_base::refusal::{Refusal, RefusalCode};
use bordereau_profile::state_file::{Error, StateFile};

use super::{Stop, failure, give, outputs, settings, wishes};
use crate::cli::ProfileMerge;
use crate::exit::{DONE, Failure};
use crate::settings::Layers;

/// How a state begins.
const MAGIC: &[u8] = b"BDPROF";

/// Runs `profile merge`.
///
/// # Errors
/// When a state cannot be read, or does not go with the first.
pub fn merge(args: &ProfileMerge, layers: Layers) -> Result<u8, Failure> {
    let settings = settings(&args.how, layers)?;
    let outputs: Vec<&Path> = args.out.files().chain(args.output.as_deref()).collect();
    outputs::look(&args.states, &outputs)?;
    let stop = Stop::on_interrupt();
    let mut together: Option<StateFile> = None;
    for path in &args.states {
        let next = read(path)?;
        match &mut together {
            Some(first) => first.merge(&next).map_err(|error| refused(path, &error))?,
            None => together = Some(next),
        }
    }
    let together = together.ok_or_else(|| Failure::Usage("there is nothing to merge".to_owned()))?;
    let wishes = wishes(&settings, &args.how);
    let profile = together.profile(&wishes, settings.threads, &stop.control).map_err(failure)?;
    if let Some(path) = &args.output {
        keep(path, &together)?;
    }
    give(profile, &args.out)?;
    Ok(DONE)
}

/// Writes a state.
///
/// # Errors
/// When the file cannot be written.
pub fn keep(path: &Path, state: &StateFile) -> Result<(), Failure> {
    outputs::write(path, |out| out.write_all(&state.encode()))
}

/// Whether bytes begin as a state does.
pub fn is_state(start: &[u8]) -> bool {
    start.starts_with(MAGIC)
}

/// Reads a state.
///
/// # Errors
/// A refusal that names the file when it is none, or is damaged.
pub fn read(path: &Path) -> Result<StateFile, Failure> {
    let bytes = std::fs::read(path).map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?;
    StateFile::decode(&bytes).map_err(|error| refused(path, &error))
}

fn refused(path: &Path, error: &Error) -> Failure {
    let code = match error {
        Error::Digest | Error::Unreadable(_) => RefusalCode::WrongChecksum,
        Error::NotAState | Error::Version { .. } | Error::Seed | Error::Limits { .. } | Error::Merge(_) => {
            RefusalCode::UnknownEntryType
        }
    };
    Failure::Refused(Refusal::new(code, format!("{}: {error}", path.display())))
}
