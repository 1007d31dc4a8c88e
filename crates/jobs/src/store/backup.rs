//! Snapshots of the store, and what they name.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{FromRow, SqlitePool};
use uuid::Uuid;

use super::{Store, unsigned};
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

/// An upload that comes in pieces and is not whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unfinished {
    /// The name of its file.
    pub(crate) id: String,
    /// How many bytes are there, more than none.
    pub(crate) position: u64,
}

/// The uploads of a snapshot that are not whole and have some bytes.
pub(crate) async fn unfinished_uploads(file: &Path) -> Result<Vec<Unfinished>> {
    let pool = open(file).await?;
    let query = "SELECT id, position FROM resumable_uploads WHERE finished = 0 AND position > 0";
    let rows: Vec<(String, i64)> = sqlx::query_as(query).fetch_all(&pool).await?;
    pool.close().await;
    Ok(rows.into_iter().map(|(id, position)| Unfinished { id, position: unsigned(position) }).collect())
}

/// Gives the log of a snapshot a new epoch, so that cursors from before are none of it, and sends the uploads `missing`
/// back to their beginning.
pub(crate) async fn renew(file: &Path, missing: &[String]) -> Result<()> {
    let pool = open(file).await?;
    for id in missing {
        sqlx::query("UPDATE resumable_uploads SET position = 0 WHERE id = ?").bind(id).execute(&pool).await?;
    }
    sqlx::query("UPDATE log SET epoch = ?").bind(Uuid::new_v4().simple().to_string()).execute(&pool).await?;
    pool.close().await;
    Ok(())
}
