//! The step from a whole upload to its batch.

use std::fs::File;

use uuid::Uuid;

use super::Taken;
use crate::account::Caller;
use crate::artefact::digest;
use crate::batch::Accepted;
use crate::error::{Error, Result};
use crate::jobs::Jobs;
use crate::store::{ResumableRow, StoredUpload};

/// Makes a whole upload its batch. `lock` is its file, held until the end. One that was made a batch before is the same
/// batch again. One that is refused is removed; after a fault of ours it stays, and its last byte sent again
/// tries again.
pub(super) async fn finish(jobs: &Jobs, caller: &Caller, mut row: ResumableRow, lock: File) -> Result<Taken> {
    if row.finished {
        jobs.remove_parts(row.id).await?;
        let key = row.key;
        return Ok(Taken { upload: row.into(), accepted: Some(Accepted::Again(key)) });
    }
    let accepted = accepted(jobs, caller, &row).await;
    match &accepted {
        Ok(_) => {
            (row.finished, row.position) = (true, row.bytes);
            jobs.inner.store.advance_upload(&row).await?;
            jobs.remove_parts(row.id).await?;
        }
        Err(Error::Refused(_) | Error::Conflict | Error::Unknown | Error::TooLarge { .. }) => {
            jobs.forget_upload(row.id).await?;
        }
        Err(_) => {}
    }
    drop(lock);
    Ok(Taken { upload: row.into(), accepted: Some(accepted?) })
}

async fn accepted(jobs: &Jobs, caller: &Caller, row: &ResumableRow) -> Result<Accepted> {
    let (path, options) = (jobs.parts(row.id), jobs.inner.options.clone());
    let checked = path.clone();
    let looked = tokio::task::spawn_blocking(move || {
        (options.check_upload)(&checked, &options.limits)?;
        Result::<_, Error>::Ok(digest(&checked)?)
    });
    let (sha256, bytes) = looked.await??;
    if bytes != row.bytes {
        return Err(Error::Stored("position of an upload"));
    }
    let object = format!("uploads/{}/{}.zip", jobs.owner().await?, Uuid::new_v4().simple());
    let upload = StoredUpload { object: object.clone(), sha256, bytes };
    // The file stays until the store says that the batch is there.
    let place = move |folder: &crate::folder::Folder| folder.place_copy(&path, &object);
    jobs.accept_upload(caller, &row.request, upload, place).await
}
