//! Snapshots of the store, and what they name.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{FromRow, SqlitePool};
use uuid::Uuid;

use super::Store;
use crate::error::{Error, Result};
use crate::folder;

/// An object that a row names.
#[derive(Debug, Clone, Default, PartialEq, Eq, FromRow)]
pub(crate) struct Named {
    /// Its path among the objects.
    pub(crate) object: String,
    /// What it must be; empty where that is not known.
    pub(crate) sha256: String,
}

impl Store {
    /// Writes the present state of the store, in one read, to a file that is not there.
    pub(crate) async fn snapshot(&self, file: &Path) -> Result<()> {
        let (made, name) = (file.to_owned(), file.to_string_lossy().into_owned());
        // It holds what the store holds, so nobody else may read it. SQLite takes an empty file for none.
        tokio::task::spawn_blocking(move || folder::make_file(&made)).await??;
        sqlx::query("VACUUM INTO ?").bind(name).execute(&self.pool).await?;
        Ok(())
    }
}

async fn open(file: &Path) -> Result<SqlitePool> {
    let options = SqliteConnectOptions::new().filename(file).journal_mode(SqliteJournalMode::Delete);
    Ok(SqlitePoolOptions::new().max_connections(1).connect_with(options).await?)
}

/// The objects that the rows of a snapshot name. The snapshot is looked through as a whole.
pub(crate) async fn named_objects(file: &Path) -> Result<Vec<Named>> {
    let pool = open(file).await?;
    let sound: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&pool).await?;
    if sound != "ok" {
        return Err(Error::Backup("the store in it is damaged".to_owned()));
    }
    let named = sqlx::query_as(
        "SELECT upload_object AS object, upload_sha256 AS sha256 FROM batches WHERE upload_object IS NOT NULL
         UNION SELECT results_object, results_sha256 FROM batches WHERE results_object IS NOT NULL
         UNION SELECT object, sha256 FROM artefacts
         UNION SELECT object, sha256 FROM contributed_files
         UNION SELECT keys_object, coalesce(keys_sha256, '') FROM contributions",
    )
    .fetch_all(&pool)
    .await?;
    pool.close().await;
    Ok(named)
}

/// Gives the log of a snapshot a new epoch, so that cursors from before are none of it.
pub(crate) async fn renew_epoch(file: &Path) -> Result<()> {
    let pool = open(file).await?;
    sqlx::query("UPDATE log SET epoch = ?").bind(Uuid::new_v4().simple().to_string()).execute(&pool).await?;
    pool.close().await;
    Ok(())
}
