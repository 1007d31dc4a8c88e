//! Data that customers contribute to a solution: kept, replaced by later contributions, withdrawn.
//!
//! A batch of a submission that contributes writes the rows of its accepted records under its attempt's own path, and
//! [`keep`] makes them part of the customer's pool of that solution. Among the contributions of a pool each record's
//! key is there once, in the contribution that was accepted last, whenever each of them was run. So an older
//! contribution loses the records that the new one has too, and the new one loses those that a newer one has already.
//! Files are never changed: what loses records is written again beside the old file, all new files are made durable,
//! and the transaction that ends the batch names them in the place of the old ones. It does so only if nobody changed
//! the pool meanwhile; else the work is done again on what the pool is now. A crash before leaves files that no row
//! names, after it files that are listed to be removed; the sweep removes both.
//!
//! Objects: `contributions/<customer>/<solution>/<relation>/<month of acceptance>/<batch key>.<owner>-<id>.parquet`,
//! and the sorted keys in `contribution-keys/`. Memory: one bit for each record of a contribution that loses some.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bordereau_base::ids::{BatchKey, CustomerName, SolutionName};
use bordereau_engine::contribution::{Contribution, keys, keys_path, rows, rows_path};
use bordereau_engine::places::PlaceSet;
use bordereau_engine::progress::Progress;
use bordereau_engine::{Error as EngineError, Result as EngineResult};
use uuid::Uuid;

use crate::artefact::digest;
use crate::error::{Error, Result};
use crate::folder::{self, Folder};
use crate::jobs::Jobs;
use crate::store::{Claim, Finished, KeptContribution, PlacedFile, Replacement, Swapped};

/// Rows of a relation that one batch contributed and no later one replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContributedFile {
    /// Whose they are.
    pub customer: CustomerName,
    /// The solution they were contributed to.
    pub solution: SolutionName,
    /// Canonical name of the relation.
    pub relation: String,
    /// The month in which the batch was accepted, in UTC, such as `2026-11`.
    pub month: String,
    /// The batch.
    pub key: BatchKey,
    /// Rows of the file.
    pub rows: u64,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 in hex.
    pub sha256: String,
    /// Where it lies.
    pub path: PathBuf,
}

/// What an attempt made of a contributing batch, under its own path.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) results: Finished,
    pub(crate) folder: PathBuf,
    pub(crate) contribution: Contribution,
}

impl Jobs {
    /// What is contributed at this moment: of all customers and solutions, or of those named. A file may be replaced a
    /// moment later; one that is not there any more is to be looked up again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn contributed(
        &self,
        customer: Option<&CustomerName>,
        solution: Option<&SolutionName>,
    ) -> Result<Vec<ContributedFile>> {
        self.inner.store.contributed(customer, solution, |object| self.inner.folder.object(object)).await
    }

    /// Removes what is listed to be removed.
    pub(crate) async fn clear_leavings(&self) -> Result<()> {
        for object in self.inner.store.leavings().await? {
            let path = self.inner.folder.object(&object);
            tokio::task::spawn_blocking(move || folder::gone(std::fs::remove_file(path))).await??;
            self.inner.store.removed(&object).await?;
        }
        Ok(())
    }

    /// Removes contributed files that nothing names and whose process has ended.
    pub(crate) async fn sweep_contributions(&self) -> Result<()> {
        self.clear_leavings().await?;
        let roots = ["contributions", "contribution-keys"];
        let folder = self.inner.folder.clone();
        let found = tokio::task::spawn_blocking(move || {
            let mut found = Vec::new();
            roots.iter().try_for_each(|root| list(&folder, root, &mut found))?;
            io::Result::Ok(found)
        });
        let found = found.await??;
        let mut owners: Vec<String> = found.iter().filter_map(|object| owner_of(object)).map(str::to_owned).collect();
        owners.sort();
        owners.dedup();
        let dead = self.dead_among(owners).await?;
        for object in found {
            let left = owner_of(&object).is_some_and(|owner| dead.iter().any(|dead| dead == owner));
            if left && !self.inner.store.names_contributed(&object).await? {
                tracing::info!(object, "sweeping contributed rows that no batch names");
                let path = self.inner.folder.object(&object);
                tokio::task::spawn_blocking(move || folder::gone(std::fs::remove_file(path))).await??;
            }
        }
        Ok(())
    }
}

/// Makes what an attempt made part of the pool and ends its batch. False: the batch has gone to another attempt.
///
/// # Errors
/// [`EngineError::Cancelled`] when the work is to stop; when the data folder or the store fails.
pub(crate) async fn keep(jobs: &Jobs, claim: &Arc<Claim>, made: Made, progress: &Arc<Progress>) -> EngineResult<bool> {
    let owner = jobs.owner().await.map_err(fault)?.to_owned();
    let made = Arc::new(made);
    let store = &jobs.inner.store;
    for turn in 0u64.. {
        let pool = store.pool(&claim.customer, &claim.solution).await.map_err(fault)?;
        let swaps = pool.swaps;
        let work = Work {
            folder: jobs.inner.folder.clone(),
            owner: owner.clone(),
            claim: Arc::clone(claim),
            made: Arc::clone(&made),
            scratch: made.folder.join(format!("turn-{turn}")),
            progress: Arc::clone(progress),
        };
        let worked = tokio::task::spawn_blocking(move || work.replacements(&pool.kept)).await;
        let replacements = match worked.map_err(io::Error::other)? {
            Ok(replacements) => replacements,
            // A file of the pool may have gone because somebody else replaced it.
            Err(EngineError::Io(_)) if changed(jobs, claim, swaps).await? => continue,
            Err(error) => return Err(error),
        };
        // After an error nobody knows whether they are named; the sweep asks the store.
        let swapped = store.swap_contributions(claim, &made.results, swaps, &replacements, jobs.now()).await;
        match swapped.map_err(fault)? {
            Swapped::Done => {
                if let Err(error) = jobs.clear_leavings().await {
                    tracing::warn!(%error, "cannot remove replaced rows; the sweep will");
                }
                return Ok(true);
            }
            Swapped::Fenced => {
                remove(jobs, replacements).await?;
                return Ok(false);
            }
            Swapped::Changed => remove(jobs, replacements).await?,
        }
    }
    Ok(false)
}

async fn changed(jobs: &Jobs, claim: &Claim, swaps: i64) -> EngineResult<bool> {
    let pool = jobs.inner.store.pool(&claim.customer, &claim.solution).await.map_err(fault)?;
    Ok(pool.swaps != swaps)
}

/// Removes files that are not going to be named.
async fn remove(jobs: &Jobs, replacements: Vec<Replacement>) -> EngineResult<()> {
    let folder = jobs.inner.folder.clone();
    let removed = tokio::task::spawn_blocking(move || {
        let objects = replacements.iter().flat_map(Replacement::objects);
        objects.map(|object| folder.object(object)).try_for_each(|path| folder::gone(std::fs::remove_file(path)))
    });
    Ok(removed.await.map_err(io::Error::other)??)
}

fn fault(error: Error) -> EngineError {
    match error {
        Error::Io(error) => error.into(),
        error => io::Error::other(error).into(),
    }
}

/// One turn at making a contribution part of its pool. Blocks.
struct Work {
    folder: Folder,
    owner: String,
    claim: Arc<Claim>,
    made: Arc<Made>,
    scratch: PathBuf,
    progress: Arc<Progress>,
}

impl Work {
    /// The new contribution and those that lose records to it, in place and durable.
    fn replacements(&self, kept: &[KeptContribution]) -> EngineResult<Vec<Replacement>> {
        folder::make(&self.scratch)?;
        let own = self.claim.fence.id;
        let own_keys = keys_path(&self.made.folder);
        let mut lost = PlaceSet::default();
        for newer in kept.iter().filter(|kept| kept.batch > own) {
            keys::add_common(&own_keys, &self.folder.object(&newer.keys), &mut lost)?;
        }
        let mut replacements = vec![self.own(&lost)?];
        for older in kept.iter().filter(|kept| kept.batch < own) {
            self.progress.check()?;
            let mut lost = PlaceSet::default();
            keys::add_common(&self.folder.object(&older.keys), &own_keys, &mut lost)?;
            if !lost.is_empty() {
                let sources = older.files.iter().map(|(name, object)| (name.clone(), self.folder.object(object)));
                let keys = self.folder.object(&older.keys);
                replacements.push(self.placed(older, &keys, &sources.collect::<Vec<_>>(), &lost)?);
            }
        }
        Ok(replacements)
    }

    fn own(&self, lost: &PlaceSet) -> EngineResult<Replacement> {
        let names = self.made.contribution.relations.iter().map(|(name, _)| name);
        let sources: Vec<_> = names.map(|name| (name.clone(), rows_path(&self.made.folder, name))).collect();
        let own = KeptContribution {
            batch: self.claim.fence.id,
            key: self.claim.key,
            month: self.claim.accepted.strftime("%Y-%m").to_string(),
            keys: String::new(),
            files: Vec::new(),
        };
        self.placed(&own, &keys_path(&self.made.folder), &sources, lost)
    }

    /// What is left of a contribution without the records it lost.
    fn placed(
        &self,
        of: &KeptContribution,
        keys: &Path,
        sources: &[(String, PathBuf)],
        lost: &PlaceSet,
    ) -> EngineResult<Replacement> {
        let name = format!("{}.{}-{}", of.key, self.owner, Uuid::new_v4().simple());
        let left_keys = self.scratch.join(format!("{}.keys", of.batch));
        let records = keys::write_without(keys, lost, &left_keys)?;
        let mut placed = Replacement { batch: of.batch, month: of.month.clone(), records, ..Replacement::default() };
        if records == 0 {
            return Ok(placed);
        }
        placed.keys = format!("contribution-keys/{name}.keys");
        self.folder.place_copy(&left_keys, &placed.keys)?;
        for (relation, source) in sources {
            self.progress.check()?;
            let (customer, solution) = (&self.claim.customer, &self.claim.solution);
            let object = format!("contributions/{customer}/{solution}/{relation}/{}/{name}.parquet", of.month);
            let file = self.left(of.batch, relation, source, lost)?;
            self.folder.place_copy(&file, &object)?;
            let (sha256, bytes) = digest(&file)?;
            let rows = rows::read_count(&file)?;
            placed.files.push(PlacedFile { relation: relation.clone(), object, sha256, bytes, rows });
        }
        Ok(placed)
    }

    fn left(&self, batch: i64, relation: &str, source: &Path, lost: &PlaceSet) -> EngineResult<PathBuf> {
        if lost.is_empty() {
            return Ok(source.to_owned());
        }
        let left = self.scratch.join(format!("{batch}-{relation}.parquet"));
        rows::write_without(source, lost, &left)?;
        Ok(left)
    }
}

/// The owner in the name of a contributed file.
fn owner_of(object: &str) -> Option<&str> {
    let name = object.rsplit('/').next()?;
    name.split('.').nth(1)?.split('-').next()
}

fn list(folder: &Folder, object: &str, found: &mut Vec<String>) -> io::Result<()> {
    let entries = match std::fs::read_dir(folder.object(object)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let below = format!("{object}/{}", entry.file_name().to_string_lossy());
        match entry.file_type()?.is_dir() {
            true => list(folder, &below, found)?,
            false => found.push(below),
        }
    }
    Ok(())
}
