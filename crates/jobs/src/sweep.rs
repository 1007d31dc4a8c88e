//! Sweeping up after processes that ended: uploads on their way in, uploads in place that no batch names, lock files.
//!
//! Everything a process leaves lies in folders with its owner's name, so what belongs to a living process is never
//! touched. The results of attempts that came to nothing are removed by the batch's next attempt, see
//! [`crate::runner`].

use std::io;
use std::path::Path;

use crate::error::Result;
use crate::jobs::Jobs;
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
        self.sweep_deleted().await?;
        self.sweep_contributions().await?;
        self.sweep_expired().await
    }

    /// Removes what has been kept long enough.
    pub(crate) async fn sweep_expired(&self) -> Result<()> {
        self.sweep_uploads().await?;
        self.sweep_retention().await
    }

    /// Removes results of deleted batches whose removal was cut short.
    async fn sweep_deleted(&self) -> Result<()> {
        let results = self.inner.folder.object("results");
        let listed = results.clone();
        let ids = tokio::task::spawn_blocking(move || names(&listed)).await??;
        let ids: Vec<i64> = ids.iter().filter_map(|name| name.parse().ok()).collect();
        for id in self.inner.store.deleted_among(&ids).await? {
            let folder = results.join(id.to_string());
            tokio::task::spawn_blocking(move || std::fs::remove_dir_all(folder)).await??;
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

/// Names in a folder; none when it is not there.
pub(crate) fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}
