//! Keys and references over all rows, and each row to its record.

use arrow::array::RecordBatch;

use crate::error::Result;
use crate::summary::Counts;

/// The accepted records of a batch, in ranges of neighbouring records; lies in scratch files.
#[derive(Debug)]
pub struct Linked {
    /// Records read, scored and rejected. `scored` counts those accepted here.
    pub records: Counts,
    /// Rows of each relation.
    pub rows: Vec<Counts>,
}

/// One range of neighbouring records: all that features, scores and outputs need. Only accepted records are in it.
#[derive(Debug)]
pub struct RecordRange {
    /// For each relation of the dictionary its rows as record batches of the schema
    /// `table_schema(dictionary, relation, layout.relations[relation].read)`: typed fields that the feature query reads,
    /// then `record` (Int64). Rows are in the order of the file. May be empty.
    pub tables: Vec<Vec<RecordBatch>>,
    /// One row for each accepted record, ascending: `record` (Int64, the record's place among all rows of its file,
    /// counted from 0), then the texts (Utf8View, as uploaded) of the record relation's fields `layout.texts`.
    pub records: RecordBatch,
}

impl Linked {
    /// Number of ranges, the same for the same upload whatever the number of threads.
    pub fn ranges(&self) -> usize {
        0
    }

    /// Reads one range; from any thread.
    ///
    /// # Errors
    /// When a scratch file cannot be read.
    pub fn range(&self, range: usize) -> Result<RecordRange> {
        let _ = range;
        Err(crate::Error::Worker("link"))
    }
}
