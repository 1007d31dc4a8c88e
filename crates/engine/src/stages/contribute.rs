//! The rows of the accepted records made ready to be kept, for submissions that contribute data.
//!
//! Relation by relation and range by range all fields are written as Parquet ([`crate::contribution::rows`]), and the
//! keys of the records sorted ([`crate::contribution::keys`]). One thread writes, for Parquet is encoded in one go;
//! workers read ahead. What is written depends on upload, release, batch key and moment of acceptance alone.

use std::sync::atomic::Ordering;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use bordereau_base::ordered;
use bordereau_base::state::Stage;

use super::link::Linked;
use super::resources::Resources;
use crate::batch::BatchSpec;
use crate::contribution::keys::KeyFile;
use crate::contribution::rows::RowsFile;
use crate::contribution::{Contribution, Destination, keys_path, rows_path};
use crate::error::{Error, Result};
use crate::keys::KeyHasher;
use crate::progress::Progress;

/// Writes the rows and keys of all accepted records.
///
/// # Errors
/// [`Error::Cancelled`] soon after [`Progress::cancel`], and when the folder or a scratch file fails.
pub fn contribute(
    spec: &BatchSpec,
    linked: &Linked,
    to: &Destination,
    resources: &Resources,
    progress: &Progress,
) -> Result<Contribution> {
    progress.enter(Stage::Contribute);
    progress.records_total.store(linked.records.scored, Ordering::Relaxed);
    let dictionary = &spec.release.dictionary;
    let record = spec.release.layout.record;
    let mut keys = KeyFile::create(&resources.scratch)?;
    let mut relations = Vec::new();
    for (at, relation) in dictionary.relations.iter().enumerate() {
        let name = relation.sql_name();
        let path = rows_path(&to.folder, &name);
        let mut file = RowsFile::create(&path, linked.rows_schema(at), spec.batch_key, to.accepted)?;
        let mut ranges = 0..linked.ranges();
        let worker = || {
            |range| {
                progress.check()?;
                linked.rows_of(range, at)
            }
        };
        ordered::run(
            "contribute",
            resources.threads,
            || Ok(ranges.next()),
            worker,
            |rows: RecordBatch| {
                if at == record {
                    add_keys(&mut keys, &rows, &relation.primary_key)?;
                    progress.records_scored.fetch_add(rows.num_rows() as u64, Ordering::Relaxed);
                }
                file.append(&rows)
            },
        )?;
        relations.push((name, file.finish()?));
    }
    let records = keys.write(&keys_path(&to.folder))?;
    Ok(Contribution { records, relations })
}

fn add_keys(keys: &mut KeyFile, rows: &RecordBatch, key: &[usize]) -> Result<()> {
    let columns: Vec<ArrayRef> = key.iter().map(|field| rows.column(*field).clone()).collect();
    let records = rows.columns().last().and_then(|column| column.as_primitive_opt::<Int64Type>());
    let records = records.ok_or(Error::Worker("link"))?;
    for (hash, record) in KeyHasher::lasting().hash_rows(&columns).into_iter().zip(records.values()) {
        // An accepted record has a whole key.
        let hash = hash.ok_or(Error::Worker("link"))?;
        keys.append(hash, record.cast_unsigned())?;
    }
    Ok(())
}
