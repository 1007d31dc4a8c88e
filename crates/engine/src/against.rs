//! Uploads held against solutions: what would become of an upload, without scoring it.
//!
//! [`against`] runs the stages `validate` and `link` of a batch over an upload and says, in the words of a profile
//! ([`Against`]), column by column how it fits the dictionary, and how many records would be left out for which reason.
//! The numbers are those that the summary of a real batch would have, for they come from the same tally. Columns that
//! the feature query reads are not kept, so it costs what those two stages cost or less, in time, memory and disk.
//!
//! Where a batch would be refused, the refusal is part of the answer, and what can be judged is judged all the same:
//! every file whose header can be read has its columns listed and the values that are there checked. Rules, keys and
//! references for which something is lacking are left out then (`lacking`), so that one missing column does not show
//! as a fault of every row.
//!
//! It does not know who may use a solution; callers bring what is asked ([`Asked`]). Nothing here holds a cell's value.

mod asked;
mod lacking;
mod report;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bordereau_base::limits::IntakeLimits;
use bordereau_base::refusal::Refusal;
use bordereau_base::state::Stage;
use bordereau_files::intake::{IntakeError, Upload};
use bordereau_profile::document::Against;

pub use asked::{Asked, AskedError};

use self::lacking::{Checkable, Seen};
use self::report::Checked;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::release::Release;
use crate::stages::link::link;
use crate::stages::resources::Resources;
use crate::stages::validate::files::{self, Found};
use crate::stages::validate::{Input, validate_files};

/// Holds an open upload against what is asked. Blocks; starts its own threads. The answer does not depend on them.
///
/// # Errors
/// [`Error::Cancelled`] soon after [`Progress::cancel`], and failures of our own disk. An upload that would be refused
/// is no error.
pub fn against(input: Input<'_>, asked: &Asked, resources: &Resources, progress: &Progress) -> Result<Against> {
    let release = asked.release().as_ref();
    progress.enter(Stage::Validate);
    for counter in [&progress.bytes_read, &progress.rows_read] {
        counter.store(0, Ordering::Relaxed);
    }
    let found = files::look(input, &release.dictionary, &release.layout)?;
    let seen = Seen::new(release, &found);
    let refusal = found.refusal();
    match checked(found, &seen, input, release, resources, progress) {
        Ok(checked) => Ok(report::report(asked, refusal, &seen, Some(&checked))),
        Err(Error::Refused(late)) => Ok(report::report(asked, refusal.or(Some(late)), &seen, None)),
        Err(error) => Err(error),
    }
}

/// As [`against`], for each of what is asked, opening one zip, one folder or single delimited files. Submissions of the
/// same release that follow each other are answered by one reading.
///
/// # Errors
/// As [`against`].
pub fn against_upload(
    paths: &[PathBuf],
    limits: &IntakeLimits,
    asked: &[Asked],
    resources: &Resources,
    progress: &Progress,
) -> Result<Vec<Against>> {
    each(paths, limits, asked, |input, asked| against(input, asked, resources, progress))
}

/// As [`against_upload`], for all that a caller may use: a solution that has no relation of the name of any file is
/// answered by a sentence instead of all its columns.
///
/// # Errors
/// As [`against`].
pub fn against_all(
    paths: &[PathBuf],
    limits: &IntakeLimits,
    asked: &[Asked],
    resources: &Resources,
    progress: &Progress,
) -> Result<Vec<Against>> {
    each(paths, limits, asked, |input, asked| match report::unrelated(input, asked) {
        Some(answer) => Ok(answer),
        None => against(input, asked, resources, progress),
    })
}

fn each(
    paths: &[PathBuf],
    limits: &IntakeLimits,
    asked: &[Asked],
    answer: impl Fn(Input<'_>, &Asked) -> Result<Against>,
) -> Result<Vec<Against>> {
    let upload = match Upload::open(paths, limits) {
        Ok(upload) => upload,
        Err(IntakeError::Refused(refusal)) => return Ok(asked.iter().map(|asked| unopened(asked, &refusal)).collect()),
        Err(error) => return Err(error.into()),
    };
    let mut answers: Vec<Against> = Vec::with_capacity(asked.len());
    let mut last: Option<&Asked> = None;
    for asked in asked {
        let known = last.filter(|last| Arc::ptr_eq(last.release(), asked.release())).and(answers.last());
        let next = match known {
            Some(known) => Against { submission: asked.submission().to_string(), ..known.clone() },
            None => answer(Input::Upload(&upload), asked)?,
        };
        answers.push(next);
        last = Some(asked);
    }
    Ok(answers)
}

/// The answer for an upload that cannot be opened at all.
fn unopened(asked: &Asked, refusal: &Refusal) -> Against {
    let seen = Seen::nothing(asked.release());
    report::report(asked, Some(refusal.clone()), &seen, None)
}

/// Validates and links what can be.
fn checked(
    found: Found,
    seen: &Seen,
    input: Input<'_>,
    release: &Release,
    resources: &Resources,
    progress: &Progress,
) -> Result<Checked> {
    let checkable = Checkable::new(release, seen);
    let judgement = checkable.judgement(release);
    let validated = validate_files(found.files, input, judgement, resources, progress)?;
    let linked = link(validated, judgement, resources, progress)?;
    Ok(Checked::new(linked.records, linked.tally.reasons(judgement), judgement))
}
