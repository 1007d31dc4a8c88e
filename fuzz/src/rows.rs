//! All rows of a delimited file.

use crate::intake::{IntakeError, Projection, RaggedRow, Rows};
use arrow::array::{Array, StringViewArray};

/// What was read of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// The names in its header.
    pub header: Vec<String>,
    /// Each row with its number.
    pub rows: Vec<(u64, Vec<Option<String>>)>,
    /// Rows with too few or too many values.
    pub ragged: Vec<RaggedRow>,
    /// Rows that are not text.
    pub undecodable: Vec<u64>,
    /// Rows that were read as Windows-1252.
    pub windows_1252_rows: u64,
}

/// Reads all blocks, or gives the sentence with which the file is refused.
pub fn read(opened: Result<Rows, IntakeError>) -> Result<Read, String> {
    let sentence = |error: IntakeError| error.to_string();
    let mut rows = opened.map_err(sentence)?;
    let mut read = Read { header: rows.header().to_vec(), ..Read::default() };
    let columns = Projection::all(read.header.len());
    while let Some(block) = rows.next_block().map_err(sentence)? {
        let block = block.tokenize(&columns).map_err(sentence)?;
        for (at, row) in block.row_numbers.values().iter().enumerate() {
            read.rows.push((*row, block.columns.iter().map(|column| cell(column, at)).collect()));
        }
        read.ragged.extend(block.ragged);
        read.undecodable.extend(block.undecodable);
        read.windows_1252_rows += block.windows_1252_rows;
    }
    assert!(read.rows.is_sorted_by(|(one, _), (next, _)| one < next), "row numbers ascend");
    Ok(read)
}

fn cell(column: &StringViewArray, at: usize) -> Option<String> {
    column.is_valid(at).then(|| column.value(at).to_owned())
}
