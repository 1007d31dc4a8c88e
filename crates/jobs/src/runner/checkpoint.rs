//! Checkpoints of attempts, `results/<batch>/<attempt>.checkpoint`: what a batch goes on from that was given back at a
//! shutdown.
//!
//! The engine writes `<attempt>.checkpoint.part` when the work is to stop; it gets its name here once the engine has
//! ended. The next attempt goes on from the newest. What is of no use is removed, and so are all of a batch after a
//! fault of ours, so that nothing that may have to do with the fault is worked on again. The newest is kept as long as
//! its batch has not ended ([`super::attempt::tidy`]). Losing one costs time only. What is in them: see
//! [`bordereau_engine::checkpoint`]. Blocking functions.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bordereau_engine::checkpoint::{Checkpoint, Told};

use crate::artefact;
use crate::folder::{self, Folder};
use crate::jobs::Jobs;
use crate::store::{Claim, Fence};
use crate::sweep::names;

/// The longest time for writing one, so that a shutdown comes to its end.
const WRITE_MS_MAX: u64 = 30_000;
const ENDING: &str = ".checkpoint";

/// What the engine is told of this attempt's checkpoint and of an earlier one.
///
/// # Errors
/// When the folder of the batch cannot be read.
pub(super) fn of(jobs: &Jobs, claim: &Claim) -> io::Result<Checkpoint> {
    let fence = &claim.fence;
    let from = newest(&jobs.inner.folder.object(&artefact::folder_of(fence)))?;
    let (told_jobs, key, attempt, unusable) = (jobs.clone(), claim.key, fence.attempt, from.clone());
    let tell = move |told: Told| match told {
        Told::Resumed { ranges, records } => {
            tracing::info!(%key, attempt, ranges, records, "going on from a checkpoint");
            told_jobs.inner.measures.checkpoint("resumed");
        }
        Told::Unusable(why) => {
            tracing::warn!(%key, attempt, why, "a checkpoint is of no use; the batch starts over");
            told_jobs.inner.measures.checkpoint("unusable");
            // It is of no use to later attempts either.
            let _ = unusable.as_ref().map(std::fs::remove_file);
        }
        Told::Scored { ranges } => tracing::trace!(%key, attempt, ranges, "scored"),
        Told::Explained { ranges } => tracing::trace!(%key, attempt, ranges, "explained"),
        Told::Saved { ranges, records, bytes } => {
            tracing::info!(%key, attempt, ranges, records, bytes, "what is scored was saved in a checkpoint");
            told_jobs.inner.measures.checkpoint("written");
        }
        Told::NotSaved(why) => {
            tracing::warn!(%key, attempt, why, "what is scored cannot be saved; the batch starts over");
            told_jobs.inner.measures.checkpoint("failed");
        }
    };
    Ok(Checkpoint {
        of: format!("{} {}", claim.upload_sha256, claim.submission),
        from,
        to: part(&jobs.inner.folder, fence),
        time_max: Duration::from_millis(WRITE_MS_MAX),
        tell: Arc::new(tell),
    })
}

/// Gives a name to the checkpoint that the attempt has written, if it has.
///
/// # Errors
/// When it cannot be named.
pub(super) fn place(folder: &Folder, fence: &Fence) -> io::Result<()> {
    let part = part(folder, fence);
    if part.is_file() { folder::place(&part, &part.with_extension("")) } else { Ok(()) }
}

/// Removes the checkpoints of this attempt and of earlier ones.
///
/// # Errors
/// When they cannot be removed.
pub(super) fn remove(folder: &Folder, fence: &Fence) -> io::Result<()> {
    let batch = folder.object(&artefact::folder_of(fence));
    let found = names(&batch)?;
    let mut earlier = found.iter().filter(|name| attempt(name).is_some_and(|attempt| attempt <= fence.attempt));
    earlier.try_for_each(|name| folder::gone(std::fs::remove_file(batch.join(name))))
}

/// The newest checkpoint in the folder of a batch.
///
/// # Errors
/// When the folder cannot be read.
pub(super) fn newest(batch: &Path) -> io::Result<Option<PathBuf>> {
    let found = names(batch)?;
    let newest = found.iter().filter_map(|name| Some((attempt(name)?, name))).max();
    Ok(newest.map(|(_, name)| batch.join(name)))
}

/// Whose checkpoint a file is.
fn attempt(name: &str) -> Option<i64> {
    name.strip_suffix(ENDING)?.parse().ok()
}

fn part(folder: &Folder, fence: &Fence) -> PathBuf {
    folder.object(&format!("{}/{}{ENDING}.part", artefact::folder_of(fence), fence.attempt))
}
