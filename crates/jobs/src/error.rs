//! What can go wrong in this crate. Nothing here repeats a password, a cell's value or another customer's key.

use std::io;

use bordereau_base::ids::InvalidId;
use bordereau_base::refusal::Refusal;
use bordereau_files::intake::IntakeError;

use crate::folder;

/// The code of SQLite for a database or disk that is full.
const SQLITE_FULL: &str = "13";

/// What a caller of [`crate::Jobs`] can branch on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The user may not do this with this solution and submission.
    #[error("the user has no right to this solution and submission")]
    Forbidden,
    /// No such solution, submission, release, batch or profile. Only told to users with the right to it.
    #[error("there is no such solution, submission, release, batch or profile")]
    Unknown,
    /// The batch key is taken by an earlier upload or request of the same customer that was a different one.
    #[error("the batch key was already used for another upload or request")]
    Conflict,
    /// The upload has more bytes than are taken.
    #[error("the upload is larger than {upload_bytes_max} bytes")]
    TooLarge {
        /// The cap that was crossed.
        upload_bytes_max: u64,
    },
    /// The upload is not taken; the sentence is for its sender.
    #[error(transparent)]
    Refused(Refusal),
    /// The batch has not ended, and only one that has can be deleted.
    #[error("the batch has not ended")]
    NotEnded,
    /// A piece of the upload is being taken by somebody else.
    #[error("a piece of the upload is being taken")]
    Locked,
    /// The upload is at another position than the piece.
    #[error("the upload is at another position")]
    Position,
    /// The bytes are not those of their checksum.
    #[error("the bytes do not fit their checksum")]
    Checksum,
    /// Too many uploads or password checks at once; trying again later may help.
    #[error("too many {0} at once")]
    Busy(&'static str),
    /// It happened too often lately; what, and when it may again.
    #[error("too many {what}")]
    TooOften {
        /// Requests, or failed logins.
        what: &'static str,
        /// Not before this time is over.
        wait_ms: u64,
    },
    /// A customer or user of that name is there already.
    #[error("there is a {0} of that name already")]
    Taken(&'static str),
    /// There is no customer or user of that name.
    #[error("there is no {0} of that name")]
    Absent(&'static str),
    /// The caller's credentials are worth nothing any more.
    #[error("the credentials were revoked meanwhile")]
    Unwelcome,
    /// Something is left of it that must go first.
    #[error("the {0} is still in use")]
    InUse(&'static str),
    /// An administrator's own account is for others to change.
    #[error("nobody can disable, remove or demote themselves")]
    Oneself,
    /// A name, grant or password that is not well-formed.
    #[error(transparent)]
    Invalid(#[from] InvalidId),
    /// An address or filter of a webhook that is not taken; the sentence is for its owner.
    #[error("{0}")]
    Webhook(String),
    /// A back-up cannot be made or restored; the sentence is for the operator.
    #[error("{0}")]
    Backup(String),
    /// The disk of the data folder, or what this program may use of it, is full.
    #[error("the data folder has no room left")]
    Full,
    /// The database failed.
    #[error("the database failed")]
    Store(#[source] sqlx::Error),
    /// The database could not be brought to the shape this program needs; perhaps a newer program made it.
    #[error("the database has a shape this program does not know")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A stored value cannot be read back.
    #[error("the database holds an unreadable {0}")]
    Stored(&'static str),
    /// A stored file is not what was written, by its digest; already logged and counted.
    #[error("a stored {0} is damaged")]
    Damaged(&'static str),
    /// A file of the data folder cannot be read or written.
    #[error("the data folder cannot be read or written")]
    Io(#[source] std::io::Error),
    /// The object store failed.
    #[error("the object store failed")]
    Objects(#[from] object_store::Error),
    /// A password could not be hashed.
    #[error("a password cannot be hashed")]
    Hash,
    /// A task of ours ended without a result.
    #[error("a task ended early")]
    Task,
}

impl Error {
    /// Whether a file that the store names was not there: another may have taken its place since the store was asked.
    pub(crate) fn is_of_a_missing_file(&self) -> bool {
        match self {
            Self::Io(error) => error.kind() == std::io::ErrorKind::NotFound,
            Self::Objects(error) => matches!(error, object_store::Error::NotFound { .. }),
            _ => false,
        }
    }
}

impl From<IntakeError> for Error {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::Refused(refusal) => Self::Refused(refusal),
            IntakeError::Io(error) => error.into(),
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        if folder::is_full(&error) { Self::Full } else { Self::Io(error) }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        if code.as_deref() == Some(SQLITE_FULL) { Self::Full } else { Self::Store(error) }
    }
}

impl From<tokio::task::JoinError> for Error {
    fn from(_: tokio::task::JoinError) -> Self {
        Self::Task
    }
}

/// Results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart_from_other_faults() {
        for (kind, full) in [
            (io::ErrorKind::StorageFull, true),
            (io::ErrorKind::QuotaExceeded, true),
            (io::ErrorKind::PermissionDenied, false),
        ] {
            assert_eq!(matches!(Error::from(io::Error::from(kind)), Error::Full), full, "{kind}");
        }
    }

    #[tokio::test]
    async fn a_full_database_is_a_full_disk() {
        let pool = sqlx::SqlitePool::connect("sqlite::memory:").await.unwrap();
        let mut connection = pool.acquire().await.unwrap();
        for query in ["PRAGMA max_page_count = 2", "CREATE TABLE t (x)"] {
            sqlx::query(query).execute(&mut *connection).await.unwrap();
        }
        let full = sqlx::query("INSERT INTO t VALUES (zeroblob(100000))").execute(&mut *connection).await;
        assert!(matches!(Error::from(full.unwrap_err()), Error::Full));
    }
}
