//! Sweeping up after processes that ended: uploads on their way in, uploads in place that no batch names, lock files.
//!
//! Everything a process leaves lies in folders with its owner's name, so what belongs to a living process is never
//! touched. The results of attempts that came to nothing are removed by the batch's next attempt, see
//! [`crate::runner`], and here when there is none.

use std::io;
use std::path::Path;

use bordereau_base::state::BatchState;

use crate::error::Result;
use crate::jobs::Jobs;
use crate::runner::attempt;
use crate::{folder, owner};

impl Jobs {
    /// The owners among `ids` whose process has ended.
    pub(crate) async fn dead_among(&self, ids: Vec<String>) -> Result<Vec<String>> {
        let owners = self.inner.folder.owners();
        let dead = tokio::task::spawn_blocking(move || {
            let mut dead = Vec::new();
            for id in ids {
                if owner::is_dead(&owners, &id)? {
                    dead.push(id);
                }
            }
            io::Result::Ok(dead)
        });
        Ok(dead.await??)
    }

    /// Sweeps up after all processes that ended.
    pub(crate) async fn sweep(&self) -> Result<()> {
        let folder = &self.inner.folder;
        let (owners, incoming, uploads) = (folder.owners(), folder.incoming(), folder.object("uploads"));
        let found = tokio::task::spawn_blocking(move || {
            let mut found = owner::registered(&owners)?;
            found.extend(names(&incoming)?);
            found.extend(names(&uploads)?);
            found.sort();
            found.dedup();
            io::Result::Ok(found)
        });
        for dead in self.dead_among(found.await??).await? {
            self.sweep_owner(&dead).await?;
        }
        let ids = self.result_folders().await?;
        self.sweep_deleted(&ids).await?;
        self.sweep_ended(&ids).await?;
        self.sweep_contributions().await?;
        self.sweep_expired().await
    }

    /// Removes what has been kept long enough.
    pub(crate) async fn sweep_expired(&self) -> Result<()> {
        self.sweep_uploads().await?;
        self.sweep_retention().await
    }

    /// The batches that have a folder of results.
    async fn result_folders(&self) -> Result<Vec<i64>> {
        let results = self.inner.folder.object("results");
        let listed = tokio::task::spawn_blocking(move || names(&results)).await??;
        Ok(listed.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Removes results of deleted batches whose removal was cut short.
    async fn sweep_deleted(&self, ids: &[i64]) -> Result<()> {
        let results = self.inner.folder.object("results");
        for id in self.inner.store.among(ids, &[BatchState::Deleted]).await? {
            let folder = results.join(id.to_string());
            tokio::task::spawn_blocking(move || std::fs::remove_dir_all(folder)).await??;
        }
        Ok(())
    }

    /// Removes what attempts left of batches that have ended: who ends a batch does so, but may end first itself. Only
    /// folders are looked at closely in which something may be left.
    async fn sweep_ended(&self, ids: &[i64]) -> Result<()> {
        let store = &self.inner.store;
        let finished = store.among(ids, &[BatchState::Finished]).await?;
        let results = self.inner.folder.object("results");
        let crowded = tokio::task::spawn_blocking(move || {
            let mut crowded = Vec::new();
            for id in finished {
                if is_crowded(&names(&results.join(id.to_string()))?) {
                    crowded.push(id);
                }
            }
            io::Result::Ok(crowded)
        });
        let mut suspects = crowded.await??;
        suspects.extend(store.among(ids, &[BatchState::Failed, BatchState::Cancelled]).await?);
        for id in suspects {
            attempt::tidy(self, id, i64::MAX).await?;
        }
        Ok(())
    }

    async fn sweep_owner(&self, dead: &str) -> Result<()> {
        let folder = &self.inner.folder;
        let (incoming, uploads) = (folder.incoming().join(dead), folder.object("uploads").join(dead));
        let listed = uploads.clone();
        for name in tokio::task::spawn_blocking(move || names(&listed)).await?? {
            if !self.inner.store.names_upload(&format!("uploads/{dead}/{name}")).await? {
                tracing::info!(owner = dead, upload = name, "sweeping an upload that never became a batch");
                let file = uploads.join(name);
                tokio::task::spawn_blocking(move || std::fs::remove_file(file)).await??;
            }
        }
        let (owners, dead) = (folder.owners(), dead.to_owned());
        tokio::task::spawn_blocking(move || {
            match std::fs::remove_dir_all(&incoming) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            // Fails when uploads of batches are in it, as it should.
            if std::fs::remove_dir(&uploads).is_ok() {
                folder::sync_names(uploads.parent().unwrap_or(Path::new("/")))?;
            }
            owner::bury(&owners, &dead)
        })
        .await??;
        Ok(())
    }
}

/// Whether there is more in the folder of a finished batch than its results, or its profile and the state of it.
fn is_crowded(names: &[String]) -> bool {
    let attempt = |name: &str| name.split_once(".profile.").map(|(attempt, _)| attempt.to_owned());
    match names {
        [] | [_] => false,
        [one, other] => attempt(one).is_none() || attempt(one) != attempt(other),
        _ => true,
    }
}

/// Names in a folder; none when it is not there.
pub(crate) fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}
