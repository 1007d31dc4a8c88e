//! Uploads that come in pieces.

use bordereau_base::ids::{BatchKey, CustomerName};
use jiff::Timestamp;

use super::batches::{explanations_name, format_name, format_named};
use super::{Store, moment, signed, stored, unsigned};
use crate::batch::BatchRequest;
use crate::error::Result;
use crate::resumable::UploadId;

/// An upload that comes in pieces.
#[derive(Debug, Clone)]
pub(crate) struct ResumableRow {
    pub(crate) id: UploadId,
    pub(crate) customer: CustomerName,
    pub(crate) request: BatchRequest,
    pub(crate) key: BatchKey,
    pub(crate) metadata: String,
    pub(crate) bytes: u64,
    pub(crate) position: u64,
    pub(crate) finished: bool,
    pub(crate) expires: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Stored {
    customer: String,
    key: String,
    solution: String,
    submission: String,
    version: Option<String>,
    format: String,
    explanations: Option<String>,
    metadata: String,
    bytes: i64,
    position: i64,
    finished: bool,
    expires_ms: i64,
}

impl Stored {
    fn row(self, id: UploadId) -> Result<ResumableRow> {
        let key = stored(&self.key, "batch key")?;
        let explanations = self.explanations.as_deref();
        Ok(ResumableRow {
            id,
            customer: stored(&self.customer, "customer name")?,
            request: BatchRequest {
                solution: stored(&self.solution, "solution name")?,
                submission: stored(&self.submission, "submission name")?,
                version: self.version.as_deref().map(|text| stored(text, "release version")).transpose()?,
                key: Some(key),
                format: format_named(&self.format)?,
                explanations: explanations.map(|text| stored(text, "number of explanations")).transpose()?,
            },
            key,
            metadata: self.metadata,
            bytes: unsigned(self.bytes),
            position: unsigned(self.position),
            finished: self.finished,
            expires: moment(self.expires_ms)?,
        })
    }
}

impl Store {
    /// Writes a new upload.
    pub(crate) async fn add_upload(&self, row: &ResumableRow, now: Timestamp) -> Result<()> {
        let request = &row.request;
        sqlx::query(
            "INSERT INTO resumable_uploads (id, customer, key, solution, submission, version, format, explanations,
                 metadata, bytes, created_ms, expires_ms)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(row.id.to_string())
        .bind(row.customer.as_str())
        .bind(row.key.to_string())
        .bind(request.solution.as_str())
        .bind(request.submission.as_str())
        .bind(request.version.as_ref().map(|version| version.as_str().to_owned()))
        .bind(format_name(request.format))
        .bind(request.explanations.map(explanations_name))
        .bind(&row.metadata)
        .bind(signed(row.bytes))
        .bind(now.as_millisecond())
        .bind(row.expires.as_millisecond())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// An upload, whosever it is.
    pub(crate) async fn upload(&self, id: UploadId) -> Result<Option<ResumableRow>> {
        let query =
            "SELECT customer, key, solution, submission, version, format, explanations, metadata, bytes, position,
                         finished, expires_ms
                     FROM resumable_uploads WHERE id = ?";
        let row: Option<Stored> = sqlx::query_as(query).bind(id.to_string()).fetch_optional(&self.pool).await?;
        row.map(|row| row.row(id)).transpose()
    }

    /// How many uploads of a customer are not whole.
    pub(crate) async fn open_uploads(&self, customer: &CustomerName) -> Result<u64> {
        let query = "SELECT count(*) FROM resumable_uploads WHERE customer = ? AND finished = 0";
        let count: i64 = sqlx::query_scalar(query).bind(customer.as_str()).fetch_one(&self.pool).await?;
        Ok(unsigned(count))
    }

    /// Writes how far an upload is, whether it is a batch, and when it expires.
    pub(crate) async fn advance_upload(&self, row: &ResumableRow) -> Result<()> {
        sqlx::query("UPDATE resumable_uploads SET position = ?, finished = ?, expires_ms = ? WHERE id = ?")
            .bind(signed(row.position))
            .bind(row.finished)
            .bind(row.expires.as_millisecond())
            .bind(row.id.to_string())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Removes an upload; one that is gone is no error.
    pub(crate) async fn remove_upload(&self, id: UploadId) -> Result<()> {
        sqlx::query("DELETE FROM resumable_uploads WHERE id = ?").bind(id.to_string()).execute(&self.pool).await?;
        Ok(())
    }

    /// Uploads that have expired.
    pub(crate) async fn expired_uploads(&self, now: Timestamp) -> Result<Vec<UploadId>> {
        let query = "SELECT id FROM resumable_uploads WHERE expires_ms <= ?";
        let ids: Vec<String> = sqlx::query_scalar(query).bind(now.as_millisecond()).fetch_all(&self.pool).await?;
        ids.iter().map(|id| stored(id, "upload id")).collect()
    }
}
