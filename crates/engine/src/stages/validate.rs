//! From delimited rows to typed columns and faults.
//!
//! One thread reads the files of the relations, one after the other in the order of the dictionary, and cuts blocks;
//! workers make columns of a block, check each cell, each row and each rule, and hash the keys; the calling thread puts
//! what they give into scratch files, in the order of the files. What comes out is a [`Validated`]: for each relation
//! its rows (the typed columns that the feature query reads and the texts that are kept as uploaded) and its faults,
//! and for each key the hashes of all rows. Nothing here looks at two rows together: that is [`super::link`].
//!
//! Errors in names of files and columns refuse the upload as a whole; faults of rows never do. The outcome does not
//! depend on threads or block sizes.
//!
//! Memory: a few blocks for each thread, one bit for each row with an error, and the budget of the scratch files.
//! Start reading with [`validate`], then `block`.

pub(crate) mod block;
mod cells;
pub(crate) mod faults;
pub(crate) mod files;
pub(crate) mod header;
mod rules;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bordereau_base::dictionary::Dictionary;
use bordereau_base::ordered;
use bordereau_base::state::Stage;
use bordereau_files::intake::Assumptions;

pub use files::{Input, RowsFile};

use self::block::{CheckedBlock, RelationChecks};
use self::files::{OpenFile, RawBlock};
use super::resources::Resources;
use crate::error::{Error, Result};
use crate::keys::{KeyHasher, KeySpool};
use crate::places::PlaceSet;
use crate::progress::Progress;
use crate::release::layout::Layout;
use crate::release::{Release, Rule};
use crate::spool::Spool;

/// The parts of a release that say how rows are judged.
#[derive(Debug, Clone, Copy)]
pub struct Judgement<'a> {
    /// The data dictionary.
    pub dictionary: &'a Dictionary,
    /// Relations, keys and references.
    pub layout: &'a Layout,
    /// The rules of all relations.
    pub rules: &'a [Rule],
}

impl<'a> From<&'a Release> for Judgement<'a> {
    fn from(release: &'a Release) -> Self {
        Self { dictionary: &release.dictionary, layout: &release.layout, rules: &release.rules }
    }
}

/// All rows of an upload, each checked by itself; lies in scratch files.
#[derive(Debug)]
pub struct Validated {
    /// One for each relation of the dictionary.
    pub(crate) relations: Vec<RelationRows>,
    /// Rows of relation `r` are bucket `2 r`, one batch for each block; faults bucket `2 r + 1`.
    pub(crate) blocks: Arc<Spool>,
    /// One for each key set.
    pub(crate) keys: Vec<Arc<KeySpool>>,
}

/// What was read of one relation.
#[derive(Debug, Default)]
pub(crate) struct RelationRows {
    /// Its file, where the upload has one.
    pub file: Option<FileRead>,
    /// Number of rows.
    pub rows: u64,
    /// Rows and batches of faults of each block.
    pub blocks: Vec<BlockSize>,
    /// Places of the rows with an error of their own.
    pub faulty: PlaceSet,
}

/// How much of a scratch file one block takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlockSize {
    pub rows: u32,
    pub fault_batches: u32,
}

/// A file that was read.
#[derive(Debug, Clone)]
pub(crate) struct FileRead {
    /// Its name in the upload.
    pub name: String,
    /// What was assumed of it; absent for rows made in memory.
    pub assumptions: Option<Assumptions>,
    /// Columns that are no field.
    pub ignored: Vec<String>,
    /// Fields without a column.
    pub absent: Vec<String>,
}

/// Validates all rows of an upload.
///
/// # Errors
/// [`Error::Refused`] when a file or column is missing, unknown or misplaced or a file cannot be read as rows,
/// [`Error::Cancelled`] soon after [`Progress::cancel`], and failures of our own disk.
pub fn validate(
    input: Input<'_>,
    judgement: Judgement<'_>,
    resources: &Resources,
    progress: &Progress,
) -> Result<Validated> {
    progress.enter(Stage::Validate);
    let found = files::look(input, judgement.dictionary, judgement.layout)?;
    match found.refusal() {
        Some(refusal) => Err(Error::Refused(refusal)),
        None => validate_files(found.files, input, judgement, resources, progress),
    }
}

/// As [`validate`], over the files of `input` that are open, whether their headers are taken or not. A field without a
/// column is missing in every row, and nothing is said of that.
///
/// # Errors
/// [`Error::Refused`] when a file cannot be read as rows; otherwise as [`validate`].
pub(crate) fn validate_files(
    files: Vec<OpenFile>,
    input: Input<'_>,
    judgement: Judgement<'_>,
    resources: &Resources,
    progress: &Progress,
) -> Result<Validated> {
    progress.bytes_total.store(input.bytes_total(), Ordering::Relaxed);
    let hasher = KeyHasher::default();
    let checks = (0..judgement.dictionary.relations.len())
        .map(|relation| RelationChecks::new(judgement, relation, hasher))
        .collect::<Result<Vec<_>>>()?;
    let mut kept = Kept::new(&files, judgement, resources, input.bytes_likely())?;
    let columns: Vec<_> = files.iter().map(|file| (file.relation, file.header.columns.clone())).collect();
    let source = source(files, progress);
    let worker = || {
        let checks = checks.clone();
        let columns = &columns;
        move |(file, block): (usize, RawBlock)| {
            let (relation, columns) = &columns[file];
            let rows = block.rows(columns)?;
            Ok((*relation, checks[*relation].check(&rows, columns)?))
        }
    };
    ordered::run("validate", resources.threads, source, worker, |(relation, block)| {
        progress.check()?;
        progress.rows_read.fetch_add(block.row_numbers.len() as u64, Ordering::Relaxed);
        kept.take(relation, block)
    })?;
    kept.seal()
}

/// Gives the blocks of all files, one file after the other, each with the number of its file.
fn source(files: Vec<OpenFile>, progress: &Progress) -> impl FnMut() -> Result<Option<(usize, RawBlock)>> + Send {
    let mut files = files.into_iter().map(|file| file.blocks).enumerate();
    let mut open = files.next();
    let mut counted = 0;
    move || {
        while let Some((file, blocks)) = &mut open {
            progress.check()?;
            let block = blocks.next()?;
            progress.bytes_read.fetch_add(blocks.bytes_read().saturating_sub(counted), Ordering::Relaxed);
            counted = blocks.bytes_read();
            if let Some(block) = block {
                return Ok(Some((*file, block)));
            }
            open = files.next();
            counted = 0;
        }
        Ok(None)
    }
}

/// What becomes a [`Validated`], while it is being written.
struct Kept {
    relations: Vec<RelationRows>,
    blocks: Spool,
    keys: Vec<KeySpool>,
}

impl Kept {
    fn new(files: &[OpenFile], judgement: Judgement<'_>, resources: &Resources, bytes: u64) -> Result<Self> {
        let Resources { scratch, budget, .. } = resources;
        let mut relations: Vec<_> = judgement.dictionary.relations.iter().map(|_| RelationRows::default()).collect();
        for file in files {
            relations[file.relation].file = Some(FileRead {
                name: file.name.clone(),
                assumptions: file.assumptions.clone(),
                ignored: file.header.ignored.clone(),
                absent: file.header.absent.clone(),
            });
        }
        let sets = judgement.layout.key_sets.len();
        let (bits, gathered) = (budget.partition_bits(bytes), budget.gathered_bytes_max / sets.max(1));
        let keys = (0..sets).map(|_| KeySpool::create(scratch, bits, gathered)).collect::<Result<_>>()?;
        Ok(Self { relations, blocks: Spool::create(scratch, budget.gathered_bytes_max)?, keys })
    }

    fn take(&mut self, relation: usize, block: CheckedBlock) -> Result<()> {
        let rows = &mut self.relations[relation];
        self.blocks.append(2 * relation, &block.rows)?;
        for batch in &block.faults {
            self.blocks.append(2 * relation + 1, batch)?;
        }
        for (set, hashes) in &block.hashes {
            self.keys[*set].append(hashes, rows.rows, &block.row_numbers)?;
        }
        block.faulty.iter().for_each(|at| rows.faulty.insert(rows.rows + u64::from(*at)));
        let size = |count: usize| u32::try_from(count).map_err(|_| Error::Worker("validate"));
        let size = BlockSize { rows: size(block.row_numbers.len())?, fault_batches: size(block.faults.len())? };
        rows.blocks.push(size);
        rows.rows += u64::from(size.rows);
        if let Some(assumptions) = rows.file.as_mut().and_then(|file| file.assumptions.as_mut()) {
            assumptions.windows_1252_rows += block.windows_1252_rows;
        }
        Ok(())
    }

    fn seal(mut self) -> Result<Validated> {
        self.blocks.seal()?;
        let keys = self.keys.into_iter().map(KeySpool::seal).collect::<Result<_>>()?;
        Ok(Validated { relations: self.relations, blocks: Arc::new(self.blocks), keys })
    }
}
