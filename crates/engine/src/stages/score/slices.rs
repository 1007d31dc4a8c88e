//! The rows of a range in slices of neighbouring records, so that a query's working memory stays small.
//!
//! DataFusion keeps some accumulators for each group of an aggregate, and a group is a record. Over a whole range that
//! may be memory by the hundred megabytes, given out and taken back by the system page by page; over a slice it stays
//! in the allocator and mostly in the caches. The rows of a slice keep their order, and a record's features come from
//! its own rows, so results do not depend on how ranges are sliced.

use arrow::array::{Array, AsArray, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::Int64Type;

use crate::error::{Error, Result};

/// Records of a slice. The kernels want blocks of 512 rows and more.
pub const SLICE_RECORDS: usize = 1_024;

/// For each relation the rows of some records.
pub type Tables = Vec<Vec<RecordBatch>>;

/// Slices the rows of the records `records` (ascending), `length` records to a slice; the last column of each batch
/// says whose row it is.
///
/// # Errors
/// When a batch has no such column, which no range has.
pub fn slices(tables: Tables, records: &Int64Array, length: usize) -> Result<Vec<Tables>> {
    let firsts: Vec<i64> = records.values().chunks(length).filter_map(|slice| slice.first().copied()).collect();
    if firsts.len() < 2 {
        return Ok(vec![tables]);
    }
    let mut slices: Vec<Tables> = firsts.iter().map(|_| vec![Vec::new(); tables.len()]).collect();
    for (relation, batches) in tables.iter().enumerate() {
        for batch in batches {
            for (slice, rows) in
                rows_of_slices(batch, &firsts)?.into_iter().enumerate().filter(|(_, rows)| !rows.is_empty())
            {
                slices[slice][relation].push(take_record_batch(batch, &UInt32Array::from(rows))?);
            }
        }
    }
    Ok(slices)
}

/// For each slice, given by its first record, the places of its rows.
fn rows_of_slices(batch: &RecordBatch, firsts: &[i64]) -> Result<Vec<Vec<u32>>> {
    let record = batch.columns().last().and_then(|column| column.as_primitive_opt::<Int64Type>());
    let record = record.filter(|column| column.null_count() == 0).ok_or(Error::Worker("link"))?;
    let mut rows = vec![Vec::new(); firsts.len()];
    for (row, record) in (0..).zip(record.values()) {
        rows[firsts.partition_point(|first| first <= record).saturating_sub(1)].push(row);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn each_row_goes_to_the_slice_of_its_record_and_keeps_its_order() {
        // Records 0, 3, 6, ...; their rows come from the last record to the first, two each.
        let count = 2 * SLICE_RECORDS as i64 + 1;
        let records = Int64Array::from_iter_values((0..count).map(|at| at * 3));
        let owners: Vec<i64> = records.values().iter().rev().flat_map(|record| [*record; 2]).collect();
        let numbers = Int64Array::from_iter_values(0..owners.len() as i64);
        let columns: Vec<(&str, arrow::array::ArrayRef)> =
            vec![("row", Arc::new(numbers)), ("record", Arc::new(Int64Array::from(owners.clone())))];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let slices = slices(vec![vec![batch], Vec::new()], &records, SLICE_RECORDS).unwrap();
        assert_eq!(slices.len(), 3);
        for (slice, tables) in slices.iter().enumerate() {
            let wanted = records.values().chunks(SLICE_RECORDS).nth(slice).unwrap();
            let rows = tables[0][0].column(0).as_primitive::<Int64Type>().values();
            let expected: Vec<i64> =
                (0..).zip(&owners).filter(|(_, owner)| wanted.contains(owner)).map(|(row, _)| row).collect();
            assert_eq!(rows.to_vec(), expected);
            assert!(tables[1].is_empty());
        }
    }
}
