//! The store: SQLite, and the only module that knows SQL.
//!
//! One file in WAL mode with `synchronous=FULL`: a commit is durable when it returns. Writing transactions begin
//! IMMEDIATE, so that two of them wait for each other instead of failing half way. Several processes may have the same
//! store open. Reads and writes of [`accounts`] and [`batches`] are plain functions of [`Store`]; each change of a
//! batch's state appends its event in the same transaction.

mod accounts;
mod arrivals;
mod artefacts;
mod audit;
mod backup;
mod batches;
mod contributions;
mod counts;
mod events;
mod operations;
mod resumable;
mod retention;
mod tokens;
mod turns;
mod webhooks;

use std::collections::BTreeSet;
use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bordereau_base::ids::CustomerName;
use bordereau_base::state::BatchState;
use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, Sqlite, SqlitePool, Transaction};
use tokio::sync::Notify;

pub(crate) use accounts::Candidate;
pub(crate) use arrivals::{Inserted, NewBatch, StoredUpload, SubmittedProfiled, Taken};
pub(crate) use backup::{Named, Unfinished, named_objects, renew, unfinished_uploads};
pub(crate) use batches::{BatchRow, Claim, Fence, Finished, explanations_name, format_name};
pub(crate) use contributions::{KeptContribution, PlacedFile, Replacement, Swapped};
pub(crate) use events::About;
pub(crate) use operations::{Deleted, Withdrawal};
pub(crate) use resumable::ResumableRow;
pub(crate) use webhooks::DueWebhook;

use crate::error::{Error, Result};
use crate::folder::Folder;

/// One of them is held by the follower of the log, one by the watch over accounts.
const CONNECTIONS_MAX: u32 = 6;
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// The open store. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pool: SqlitePool,
    grown: Arc<Grown>,
    /// Told when there may be something to deliver to webhooks.
    webhooks: Arc<Notify>,
}

/// The customers whose log this process has added to since somebody last looked.
#[derive(Debug, Default)]
pub(crate) struct Grown {
    customers: Mutex<BTreeSet<CustomerName>>,
    told: Notify,
}

impl Grown {
    /// Waits until there is a customer.
    pub(crate) async fn wait(&self) {
        self.told.notified().await;
    }

    /// Takes the customers.
    pub(crate) fn take(&self) -> BTreeSet<CustomerName> {
        std::mem::take(&mut self.customers.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Store {
    /// Opens the store of a data folder, making or migrating it when needed. One process does so at a time.
    pub(crate) async fn open(folder: &Folder) -> Result<Self> {
        let (path, file) = (folder.store_lock(), folder.store());
        let lock = tokio::task::spawn_blocking(move || {
            let lock = File::create(path)?;
            lock.lock()?;
            // Its hashes are nobody else's to read, also in a folder that was there before with wider rights. What
            // SQLite makes beside it gets the same rights.
            crate::folder::make_file(&file)?;
            std::io::Result::Ok(lock)
        })
        .await??;
        let options = SqliteConnectOptions::new()
            .filename(folder.store())
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true);
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(BUSY_TIMEOUT)
            // When a commit fails SQLite may undo the transaction by itself. The driver's own undoing then fails too,
            // and it takes the connection for one within a transaction for ever: none could begin on it.
            .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
            .connect_with(options)
            .await?;
        sqlx::migrate!().run(&pool).await?;
        let root = folder.root().to_owned();
        tokio::task::spawn_blocking(move || crate::folder::sync_names(&root)).await??;
        drop(lock);
        Ok(Self { pool, grown: Arc::default(), webhooks: Arc::default() })
    }

    /// Says that there may be new events of a customer.
    pub(crate) fn log_grew(&self, customer: &CustomerName) {
        self.grown.customers.lock().unwrap_or_else(PoisonError::into_inner).insert(customer.clone());
        self.grown.told.notify_one();
        self.webhooks.notify_one();
    }

    /// Says that there may be something to deliver to webhooks.
    pub(crate) fn webhooks_changed(&self) {
        self.webhooks.notify_one();
    }

    /// Waits until there may be something to deliver to webhooks, as far as this process knows.
    pub(crate) async fn webhooks_told(&self) {
        self.webhooks.notified().await;
    }

    /// What [`Store::log_grew`] was told.
    pub(crate) fn grown(&self) -> &Grown {
        &self.grown
    }

    async fn write(&self) -> Result<Transaction<'static, Sqlite>> {
        Ok(self.pool.begin_with("BEGIN IMMEDIATE").await?)
    }
}

fn is_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// Reads a stored text as the type it was written from.
fn stored<T: std::str::FromStr>(text: &str, what: &'static str) -> Result<T> {
    text.parse().map_err(|_| Error::Stored(what))
}

fn moment(ms: i64) -> Result<Timestamp> {
    Timestamp::from_millisecond(ms).map_err(|_| Error::Stored("moment"))
}

/// The batch state of that spelling.
fn state_named(text: &str) -> Result<BatchState> {
    BatchState::named(text).ok_or(Error::Stored("batch state"))
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use sqlx::migrate::Migrator;

    use super::*;
    use crate::artefact::ArtefactKind;
    use crate::profile::Kind;

    /// A store of the first four shapes, with a profile that has its state and a batch, is brought up to date.
    #[tokio::test]
    async fn what_an_older_store_holds_is_kept() {
        let data = tempfile::tempdir().unwrap();
        let folder = Folder::open(data.path()).unwrap();
        let path = folder.store();
        let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(path).create_if_missing(true));
        let pool = pool.await.unwrap();
        let older: Vec<_> = sqlx::migrate!().iter().filter(|step| step.version <= 4).cloned().collect();
        Migrator { migrations: Cow::Owned(older), ..Migrator::DEFAULT }.run(&pool).await.unwrap();
        sqlx::raw_sql(
            "INSERT INTO customers (name, created_ms) VALUES ('valen', 1);
             INSERT INTO batches (customer, key, sent_by, solution, submission, release_version, release_sha256, format,
                 request_sha256, upload_object, upload_sha256, upload_bytes, state, created_ms, updated_ms)
             SELECT 'valen', column1, 'jane', column2, column3, '1', '', 'csv', '', column1, '', 1, 'running', 1, 1
             FROM (VALUES ('ac5b3d51-50f8-40d1-e378-18f8db2fabc9', 'unstructured', 'profile'),
                          ('fdb46259-6eb0-4f6d-860d-a7886b05b138', 'insureright', 'scoring'));
             INSERT INTO artefacts (batch, kind, object, sha256, bytes) VALUES (1, 'profileState', 'state', '', 1);",
        )
        .execute(&pool)
        .await
        .unwrap();
        pool.close().await;
        let store = Store::open(&folder).await.unwrap();
        let customer: CustomerName = "valen".parse().unwrap();
        for (key, kind, id) in [
            ("ac5b3d51-50f8-40d1-e378-18f8db2fabc9", Kind::Profile, 1),
            ("fdb46259-6eb0-4f6d-860d-a7886b05b138", Kind::Batch, 2),
        ] {
            let other = if kind == Kind::Batch { Kind::Profile } else { Kind::Batch };
            assert_eq!(store.batch(&customer, key.parse().unwrap(), kind).await.unwrap().unwrap().id, id);
            assert!(store.batch(&customer, key.parse().unwrap(), other).await.unwrap().is_none());
            assert!(store.names_upload(key).await.unwrap());
        }
        assert_eq!(store.artefact(1, ArtefactKind::ProfileState).await.unwrap().unwrap().object, "state");
    }

    /// As after a commit that failed because the disk was full: the transaction is gone, and the driver does not know.
    #[tokio::test]
    async fn a_transaction_that_was_undone_behind_the_drivers_back_spoils_no_later_one() {
        let data = tempfile::tempdir().unwrap();
        let store = Store::open(&Folder::open(data.path()).unwrap()).await.unwrap();
        for at in 0..2 * CONNECTIONS_MAX {
            let mut write = store.write().await.unwrap_or_else(|error| panic!("{at}: {error:?}"));
            sqlx::raw_sql("ROLLBACK").execute(&mut *write).await.unwrap();
            assert!(write.commit().await.is_err(), "{at}");
        }
    }
}
