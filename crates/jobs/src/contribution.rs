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
//! What test users contribute is a pool of its own for each customer and solution, beside that of production.
//!
//! A file of the pool that is read must have the digest it was written with. A contribution that would have to be
//! compared with damaged keys, or to take records from damaged rows, is refused and changes nothing.
//!
//! Objects: `contributions/<customer>/<solution>/<relation>/<month of acceptance>/<batch key>.<owner>-<id>.parquet`
//! (below `test-contributions/` those of tests), and the sorted keys in `contribution-keys/`. Memory: one bit for each
//! record of a contribution that loses some.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bordereau_base::ids::{BatchKey, CustomerName, SolutionName};
use bordereau_engine::contribution::{Contribution, keys, keys_path, rows, rows_path};
use bordereau_engine::places::PlaceSet;
use bordereau_engine::progress::Progress;
use bordereau_engine::{Error as EngineError, Result as EngineResult};
use uuid::Uuid;

use crate::artefact::digest;
use crate::error::{Error, Result};
use crate::folder::{self, Folder};
use crate::integrity::hashed;
use crate::jobs::Jobs;
use crate::operations::Tests;
use crate::store::{Claim, Finished, KeptContribution, Named, PlacedFile, Replacement, Swapped};

/// Where contributed files lie among the objects: rows, rows of tests, keys.
const ROOTS: [&str; 3] = ["contributions", "test-contributions", "contribution-keys"];

/// Rows of a relation that one batch contributed and no later one replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContributedFile {
    /// Whose they are.
    pub customer: CustomerName,
    /// The solution they were contributed to.
    pub solution: SolutionName,
    /// Whether a test user contributed them.
    pub test: bool,
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
    /// moment later; one that is not there any more is to be looked up again. `tests` says whether what test users
    /// contributed is wanted.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn contributed(
        &self,
        customer: Option<&CustomerName>,
        solution: Option<&SolutionName>,
        tests: Tests,
    ) -> Result<Vec<ContributedFile>> {
        self.inner.store.contributed(customer, solution, tests, |object| self.inner.folder.object(object)).await
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
        let folder = self.inner.folder.clone();
        let found = tokio::task::spawn_blocking(move || {
            let mut found = Vec::new();
            ROOTS.iter().try_for_each(|root| list(&folder, root, &mut found))?;
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

/// Why a contribution is not kept.
#[derive(Debug)]
pub(crate) enum Unkept {
    /// A file of the pool is not what was written, or gone.
    Damaged {
        what: &'static str,
        named: Named,
        /// Its digest, none when it is gone.
        found: Option<String>,
    },
    /// The work failed or is to stop.
    Failed(EngineError),
}

impl<E: Into<EngineError>> From<E> for Unkept {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Makes what an attempt made part of the pool and ends its batch. False: the batch has gone to another attempt.
///
/// # Errors
/// [`Unkept::Damaged`], logged and counted, when what is in the pool cannot be trusted; [`EngineError::Cancelled`] when
/// the work is to stop; when the data folder or the store fails.
pub(crate) async fn keep(
    jobs: &Jobs,
    claim: &Arc<Claim>,
    made: Made,
    progress: &Arc<Progress>,
) -> std::result::Result<bool, Unkept> {
    let owner = jobs.owner().await.map_err(fault)?.to_owned();
    let made = Arc::new(made);
    let store = &jobs.inner.store;
    for turn in 0u64.. {
        let pool = store.pool(claim).await.map_err(fault)?;
        let swaps = pool.swaps;
        let work = Arc::new(Work {
            folder: jobs.inner.folder.clone(),
            owner: owner.clone(),
            claim: Arc::clone(claim),
            made: Arc::clone(&made),
            scratch: made.folder.join(format!("turn-{turn}")),
            progress: Arc::clone(progress),
            placed: Mutex::default(),
        });
        let working = Arc::clone(&work);
        let worked = tokio::task::spawn_blocking(move || working.replacements(&pool.kept)).await;
        let replacements = match worked.map_err(io::Error::other)? {
            Ok(replacements) => replacements,
            Err(unkept) => {
                remove(jobs, &work).await?;
                // A file of the pool may have gone because somebody else replaced it.
                let is_of_a_file = matches!(unkept, Unkept::Damaged { .. } | Unkept::Failed(EngineError::Io(_)));
                if is_of_a_file && store.pool(claim).await.map_err(fault)?.swaps != swaps {
                    continue;
                }
                if let Unkept::Damaged { what, named, found } = &unkept {
                    jobs.is_damaged(&named.object, what, &named.sha256, found.as_deref());
                }
                return Err(unkept);
            }
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
                remove(jobs, &work).await?;
                return Ok(false);
            }
            Swapped::Changed => remove(jobs, &work).await?,
        }
    }
    Ok(false)
}

/// Removes files that are not going to be named.
async fn remove(jobs: &Jobs, work: &Work) -> EngineResult<()> {
    let folder = jobs.inner.folder.clone();
    let placed = std::mem::take(&mut *work.placed.lock().unwrap_or_else(PoisonError::into_inner));
    let removed = tokio::task::spawn_blocking(move || {
        let paths = placed.iter().map(|object| folder.object(object));
        paths.map(std::fs::remove_file).try_for_each(folder::gone)
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
    /// Objects that are in place and not named yet.
    placed: Mutex<Vec<String>>,
}

/// A file to be read.
enum Source {
    /// The attempt has just made it.
    Own(PathBuf),
    /// It lies in the pool.
    Kept(&'static str, Named),
}

impl Work {
    /// The new contribution and those that lose records to it, in place and durable.
    fn replacements(&self, kept: &[KeptContribution]) -> std::result::Result<Vec<Replacement>, Unkept> {
        folder::make(&self.scratch)?;
        let own = self.claim.fence.id;
        let own_keys = Source::Own(keys_path(&self.made.folder));
        let mut lost = PlaceSet::default();
        for newer in kept.iter().filter(|kept| kept.batch > own) {
            let keys = Source::Kept("file of contributed keys", newer.keys.clone());
            keys::add_common(self.open(&own_keys)?, self.open(&keys)?, &mut lost)?;
        }
        let mut replacements = vec![self.own(&own_keys, &lost)?];
        for older in kept.iter().filter(|kept| kept.batch < own) {
            self.progress.check()?;
            let keys = Source::Kept("file of contributed keys", older.keys.clone());
            let mut lost = PlaceSet::default();
            keys::add_common(self.open(&keys)?, self.open(&own_keys)?, &mut lost)?;
            if !lost.is_empty() {
                let rows = |named: &Named| Source::Kept("file of contributed rows", named.clone());
                let sources: Vec<_> = older.files.iter().map(|(name, named)| (name.clone(), rows(named))).collect();
                replacements.push(self.placed(older, &keys, &sources, &lost)?);
            }
        }
        Ok(replacements)
    }

    fn own(&self, keys: &Source, lost: &PlaceSet) -> std::result::Result<Replacement, Unkept> {
        let names = self.made.contribution.relations.iter().map(|(name, _)| name);
        let sources: Vec<_> =
            names.map(|name| (name.clone(), Source::Own(rows_path(&self.made.folder, name)))).collect();
        let own = KeptContribution {
            batch: self.claim.fence.id,
            key: self.claim.key,
            month: self.claim.accepted.strftime("%Y-%m").to_string(),
            keys: Named::default(),
            files: Vec::new(),
        };
        self.placed(&own, keys, &sources, lost)
    }

    /// What is left of a contribution without the records it lost.
    fn placed(
        &self,
        of: &KeptContribution,
        keys: &Source,
        sources: &[(String, Source)],
        lost: &PlaceSet,
    ) -> std::result::Result<Replacement, Unkept> {
        let name = format!("{}.{}-{}", of.key, self.owner, Uuid::new_v4().simple());
        let left_keys = self.scratch.join(format!("{}.keys", of.batch));
        let records = keys::write_without(self.open(keys)?, lost, &left_keys)?;
        let mut placed = Replacement { batch: of.batch, month: of.month.clone(), records, ..Replacement::default() };
        if records == 0 {
            return Ok(placed);
        }
        let (sha256, _) = digest(&left_keys)?;
        placed.keys = Named { object: format!("{}/{name}.keys", ROOTS[2]), sha256 };
        self.place(&left_keys, &placed.keys.object)?;
        for (relation, source) in sources {
            self.progress.check()?;
            let (customer, solution) = (&self.claim.customer, &self.claim.solution);
            let root = ROOTS[usize::from(self.claim.test)];
            let object = format!("{root}/{customer}/{solution}/{relation}/{}/{name}.parquet", of.month);
            let file = self.left(of.batch, relation, source, lost)?;
            let (sha256, bytes) = digest(&file)?;
            self.place(&file, &object)?;
            let rows = rows::read_count(&file)?;
            placed.files.push(PlacedFile { relation: relation.clone(), object, sha256, bytes, rows });
        }
        Ok(placed)
    }

    fn place(&self, file: &std::path::Path, object: &str) -> io::Result<()> {
        self.placed.lock().unwrap_or_else(PoisonError::into_inner).push(object.to_owned());
        self.folder.place_copy(file, object)
    }

    fn left(
        &self,
        batch: i64,
        relation: &str,
        source: &Source,
        lost: &PlaceSet,
    ) -> std::result::Result<PathBuf, Unkept> {
        if let (Source::Own(path), true) = (source, lost.is_empty()) {
            return Ok(path.clone());
        }
        let left = self.scratch.join(format!("{batch}-{relation}.parquet"));
        rows::write_without(self.open(source)?, lost, &left)?;
        Ok(left)
    }

    /// Opens a file; of the pool one whose bytes are those that were written, as far as that is known.
    fn open(&self, source: &Source) -> std::result::Result<File, Unkept> {
        let (what, named) = match source {
            Source::Own(path) => return Ok(File::open(path)?),
            Source::Kept(what, named) => (*what, named.clone()),
        };
        match File::open(self.folder.object(&named.object)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Unkept::Damaged { what, named, found: None }),
            file => {
                let (file, found) = hashed(file?)?;
                match named.sha256.is_empty() || named.sha256 == found {
                    true => Ok(file),
                    false => Err(Unkept::Damaged { what, named, found: Some(found) }),
                }
            }
        }
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
