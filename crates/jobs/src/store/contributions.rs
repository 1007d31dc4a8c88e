//! What pools hold, and the one transaction that changes it.

use std::path::PathBuf;

use bordereau_base::ids::{BatchKey, CustomerName, SolutionName};
use bordereau_base::state::BatchState;
use jiff::Timestamp;
use sqlx::{Sqlite, Transaction};

use super::batches::{Claim, Finished, finishing};
use super::events::append_events;
use super::{Named, Store, signed, stored, unsigned};
use crate::contribution::ContributedFile;
use crate::error::Result;
use crate::operations::Tests;

/// What a pool holds.
#[derive(Debug)]
pub(crate) struct Pool {
    /// How often it was changed.
    pub(crate) swaps: i64,
    pub(crate) kept: Vec<KeptContribution>,
}

/// What is left of one batch's contribution.
#[derive(Debug)]
pub(crate) struct KeptContribution {
    pub(crate) batch: i64,
    pub(crate) key: BatchKey,
    pub(crate) month: String,
    /// The object that holds its keys.
    pub(crate) keys: Named,
    /// The rows of each relation.
    pub(crate) files: Vec<(String, Named)>,
}

/// A file that is in place and durable, not named yet.
#[derive(Debug)]
pub(crate) struct PlacedFile {
    pub(crate) relation: String,
    pub(crate) object: String,
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
    pub(crate) rows: u64,
}

/// What is to be kept of one batch's contribution in the place of what was; without records nothing.
#[derive(Debug, Default)]
pub(crate) struct Replacement {
    pub(crate) batch: i64,
    pub(crate) month: String,
    pub(crate) records: u64,
    pub(crate) keys: Named,
    pub(crate) files: Vec<PlacedFile>,
}

/// What became of the wish to change a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Swapped {
    /// It is changed and the batch has ended.
    Done,
    /// The batch has gone to another attempt; nothing was changed.
    Fenced,
    /// Somebody else changed the pool meanwhile; nothing was changed.
    Changed,
}

impl Store {
    /// What the pool of a batch holds, oldest batch first. What test users contribute is a pool of its own.
    pub(crate) async fn pool(&self, claim: &Claim) -> Result<Pool> {
        let (customer, solution) = (&claim.customer, &claim.solution);
        let mut read = self.pool.begin().await?;
        let swaps = swaps(&mut read, customer, solution).await?;
        let rows: Vec<(i64, String, String, String, String)> = sqlx::query_as(
            "SELECT batch, key, month, keys_object, coalesce(keys_sha256, '') FROM contributions JOIN batches ON id = batch
             WHERE contributions.customer = ? AND contributions.solution = ? AND test = ? ORDER BY batch",
        )
        .bind(customer.as_str())
        .bind(solution.as_str())
        .bind(claim.test)
        .fetch_all(&mut *read)
        .await?;
        let mut kept = Vec::new();
        for (batch, key, month, object, sha256) in rows {
            let files = "SELECT relation, object, sha256 FROM contributed_files WHERE batch = ? ORDER BY relation";
            let files: Vec<(String, String, String)> = sqlx::query_as(files).bind(batch).fetch_all(&mut *read).await?;
            let files = files.into_iter().map(|(relation, object, sha256)| (relation, Named { object, sha256 }));
            let (key, files) = (stored(&key, "batch key")?, files.collect());
            kept.push(KeptContribution { batch, key, month, keys: Named { object, sha256 }, files });
        }
        Ok(Pool { swaps, kept })
    }

    /// Ends a batch and changes its pool, if the pool is as it was after `swaps` changes.
    pub(crate) async fn swap_contributions(
        &self,
        claim: &Claim,
        results: &Finished,
        swaps_known: i64,
        replacements: &[Replacement],
        now: Timestamp,
    ) -> Result<Swapped> {
        let (customer, solution, fence) = (&claim.customer, &claim.solution, &claim.fence);
        let mut write = self.write().await?;
        if swaps(&mut write, customer, solution).await? != swaps_known {
            return Ok(Swapped::Changed);
        }
        let ended = finishing(results, now).bind(fence.id).bind(&fence.owner).bind(fence.attempt);
        if ended.execute(&mut *write).await?.rows_affected() != 1 {
            return Ok(Swapped::Fenced);
        }
        append_events(&mut write, claim.about(), BatchState::Finished, now).await?;
        swap_counted(&mut write, customer, solution).await?;
        for replacement in replacements {
            forget(&mut write, replacement.batch).await?;
            if replacement.records > 0 {
                name(&mut write, customer, solution, replacement).await?;
            }
        }
        write.commit().await?;
        self.log_grew(customer);
        Ok(Swapped::Done)
    }

    /// All contributed files, or those of a customer, a solution.
    pub(crate) async fn contributed(
        &self,
        customer: Option<&CustomerName>,
        solution: Option<&SolutionName>,
        tests: Tests,
        path: impl Fn(&str) -> PathBuf,
    ) -> Result<Vec<ContributedFile>> {
        type Row = (String, String, bool, String, String, String, i64, i64, String, String);
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT c.customer, c.solution, test, relation, month, key, rows, bytes, sha256, object
             FROM contributions c JOIN contributed_files f ON f.batch = c.batch JOIN batches ON id = c.batch
             WHERE (?1 IS NULL OR c.customer = ?1) AND (?2 IS NULL OR c.solution = ?2) AND (?3 IS NULL OR test = ?3)
             ORDER BY c.customer, c.solution, test, relation, month, c.batch",
        )
        .bind(customer.map(CustomerName::as_str))
        .bind(solution.map(SolutionName::as_str))
        .bind(tests.wanted())
        .fetch_all(&self.pool)
        .await?;
        let file = |(customer, solution, test, relation, month, key, rows, bytes, sha256, object): Row| {
            Ok(ContributedFile {
                customer: stored(&customer, "customer name")?,
                solution: stored(&solution, "solution name")?,
                test,
                relation,
                month,
                key: stored(&key, "batch key")?,
                rows: unsigned(rows),
                bytes: unsigned(bytes),
                sha256,
                path: path(&object),
            })
        };
        rows.into_iter().map(file).collect()
    }

    /// Whether a contribution names the object.
    pub(crate) async fn names_contributed(&self, object: &str) -> Result<bool> {
        let query = "SELECT EXISTS (SELECT 1 FROM contributed_files WHERE object = ?1)
                         OR EXISTS (SELECT 1 FROM contributions WHERE keys_object = ?1)";
        Ok(sqlx::query_scalar(query).bind(object).fetch_one(&self.pool).await?)
    }

    /// Objects that are to be removed.
    pub(crate) async fn leavings(&self) -> Result<Vec<String>> {
        Ok(sqlx::query_scalar("SELECT object FROM leavings").fetch_all(&self.pool).await?)
    }

    /// An object of [`Store::leavings`] is gone.
    pub(crate) async fn removed(&self, object: &str) -> Result<()> {
        sqlx::query("DELETE FROM leavings WHERE object = ?").bind(object).execute(&self.pool).await?;
        Ok(())
    }
}

/// Takes what is left of a batch's contribution out of its pool; nothing when there is nothing.
pub(super) async fn withdraw(
    write: &mut Transaction<'static, Sqlite>,
    customer: &CustomerName,
    batch: i64,
) -> Result<()> {
    let query = "SELECT solution FROM contributions WHERE batch = ?";
    let solution: Option<String> = sqlx::query_scalar(query).bind(batch).fetch_optional(&mut **write).await?;
    if let Some(solution) = solution {
        swap_counted(write, customer, &stored(&solution, "solution name")?).await?;
        forget(write, batch).await?;
    }
    Ok(())
}

async fn swaps(
    read: &mut Transaction<'static, Sqlite>,
    customer: &CustomerName,
    solution: &SolutionName,
) -> Result<i64> {
    let query = "SELECT swaps FROM pools WHERE customer = ? AND solution = ?";
    let swaps: Option<i64> =
        sqlx::query_scalar(query).bind(customer.as_str()).bind(solution.as_str()).fetch_optional(&mut **read).await?;
    Ok(swaps.unwrap_or_default())
}

async fn swap_counted(
    write: &mut Transaction<'static, Sqlite>,
    customer: &CustomerName,
    solution: &SolutionName,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO pools (customer, solution, swaps) VALUES (?, ?, 1)
         ON CONFLICT (customer, solution) DO UPDATE SET swaps = swaps + 1",
    )
    .bind(customer.as_str())
    .bind(solution.as_str())
    .execute(&mut **write)
    .await?;
    Ok(())
}

/// Removes the names of a batch's contribution and lists its files to be removed.
async fn forget(write: &mut Transaction<'static, Sqlite>, batch: i64) -> Result<()> {
    for query in [
        "INSERT OR IGNORE INTO leavings (object) SELECT object FROM contributed_files WHERE batch = ?1
         UNION SELECT keys_object FROM contributions WHERE batch = ?1",
        "DELETE FROM contributed_files WHERE batch = ?1",
        "DELETE FROM contributions WHERE batch = ?1",
    ] {
        sqlx::query(query).bind(batch).execute(&mut **write).await?;
    }
    Ok(())
}

async fn name(
    write: &mut Transaction<'static, Sqlite>,
    customer: &CustomerName,
    solution: &SolutionName,
    kept: &Replacement,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO contributions (batch, customer, solution, month, records, keys_object, keys_sha256)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(kept.batch)
    .bind(customer.as_str())
    .bind(solution.as_str())
    .bind(&kept.month)
    .bind(signed(kept.records))
    .bind(&kept.keys.object)
    .bind(&kept.keys.sha256)
    .execute(&mut **write)
    .await?;
    for file in &kept.files {
        sqlx::query(
            "INSERT INTO contributed_files (batch, relation, object, sha256, bytes, rows) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(kept.batch)
        .bind(&file.relation)
        .bind(&file.object)
        .bind(&file.sha256)
        .bind(signed(file.bytes))
        .bind(signed(file.rows))
        .execute(&mut **write)
        .await?;
    }
    Ok(())
}
