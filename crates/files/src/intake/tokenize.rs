//! From a block of bytes to columns.
use arrow::array::{StringViewArray, UInt64Array};

/// Which columns of a file are wanted, in the order wanted. A column may be absent from the file (all null then).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projection {
    columns: Vec<Option<usize>>,
}

impl Projection {
    /// One item for each wanted column: its place in [`Rows::header`](super::Rows::header), `None` when the file has it not.
    pub fn new(columns: Vec<Option<usize>>) -> Self {
        Self { columns }
    }

    /// All columns of a file with `columns` of them.
    pub fn all(columns: usize) -> Self {
        Self { columns: (0..columns).map(Some).collect() }
    }

    /// The wanted columns.
    pub fn columns(&self) -> &[Option<usize>] {
        &self.columns
    }
}

/// A row with more or fewer values than the header has names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RaggedRow {
    /// Row number in the file.
    pub row: u64,
    /// Values found.
    pub found: usize,
    /// Names in the header.
    pub expected: usize,
}

/// The rows of one block as string columns.
#[derive(Debug, Clone)]
pub struct RawRows {
    /// Row number in the file of each row; ascending; blank lines leave gaps. No nulls.
    pub row_numbers: UInt64Array,
    /// In the order of the projection, each as long as `row_numbers`. Values are as written (not trimmed, quotes removed);
    /// an empty value is "", a value that a short row lacks is null, a column the file lacks is all null.
    pub columns: Vec<StringViewArray>,
    /// Rows with too few or too many values, ascending. They are in the columns too: missing values null, extra ones dropped.
    pub ragged: Vec<RaggedRow>,
    /// Row numbers of rows with bytes that are not text (see the module page), ascending.
    pub undecodable: Vec<u64>,
    /// Rows of a UTF-8 file that were read as Windows-1252.
    pub windows_1252_rows: u64,
}

impl RawRows {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.row_numbers.values().len()
    }

    /// Whether there are no rows, as in a block of blank lines.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
