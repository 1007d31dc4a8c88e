//! Rows for a model: cells as text, out of a delimited file or a JSON object, bound to the inputs by name. Used by the
//! commands about models, and for the background of a release's model.
//!
//! A column is found by the name of the input, else by the same letters in any case. What is not there, is empty or
//! (for a number) reads as no number is missing to the model; all of it is counted and told. Memory: the whole file,
//! which the setting for uploads bounds.

use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, StringViewArray};
use bordereau_base::limits::IntakeLimits;
use bordereau_files::intake::{self, ByteStream, EntryKind, IntakeError, Projection, Upload};
use bordereau_model::{Features, Input, InputKind, Model};
use serde::Serialize;

/// What pandas and R write for a missing number.
const MISSING_NUMBERS: [&str; 6] = ["NA", "NaN", "nan", "null", "NULL", "None"];

/// Most rows of a background. What is kept of each, and the time to count them, grow with their number.
pub const BACKGROUND_ROWS_MAX: usize = 10_000;

/// Bytes of a block of a file that is in memory.
const BLOCK_BYTES: usize = 1 << 20;

/// Why there are no rows.
#[derive(Debug, thiserror::Error)]
pub enum RowsError {
    /// They are not what is needed, which is said in one sentence.
    #[error("{0}")]
    Unfit(String),
    /// They cannot be read.
    #[error("{0}")]
    Unread(String),
}

/// Cells as text.
#[derive(Debug)]
pub struct Rows {
    /// What they came from.
    pub name: String,
    header: Vec<String>,
    columns: Vec<StringViewArray>,
    /// Their numbers in the file; the header is 1.
    pub numbers: Vec<u64>,
}

/// Where an input of a model found its cells, and what they were.
#[derive(Debug, Serialize)]
pub struct Matched {
    /// Name of the input.
    pub input: String,
    /// Name of its column.
    pub column: Option<String>,
    /// How it was found.
    pub how: How,
    /// Cells that are missing.
    pub missing: u64,
    /// Cells that are no number where one is needed; they count as missing.
    pub not_numbers: u64,
    /// The row of the first of these.
    pub first_not_number: Option<u64>,
    /// Cells with a category that the model does not know.
    pub unknown: u64,
}

/// How a column was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum How {
    /// By its name.
    Name,
    /// By its name in other letters.
    OtherCase,
    /// Not at all.
    Absent,
}

/// Rows as a model reads them.
pub struct Bound {
    /// The cells.
    pub features: Features,
    /// Each input.
    pub inputs: Vec<Matched>,
    /// Columns that no input reads.
    pub not_read: Vec<String>,
}

impl Rows {
    /// Reads a delimited file.
    ///
    /// # Errors
    /// When it is none, or its rows do not fit its header.
    pub fn read(path: &Path, limits: &IntakeLimits) -> Result<Self, RowsError> {
        let name = path.display().to_string();
        let upload = Upload::open(&[path.to_owned()], limits).map_err(|error| RowsError::of(&name, error))?;
        if upload.entries().len() != 1 {
            return Err(RowsError::Unfit(format!("{name}: must be one delimited file")));
        }
        let rows = upload.read(0).map_err(|error| RowsError::of(&name, error))?;
        Self::all(name, rows)
    }

    /// Reads a delimited file that is in memory.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn of_bytes(name: &str, bytes: &[u8], limits: &IntakeLimits) -> Result<Self, RowsError> {
        let kind = EntryKind::of(name).ok_or_else(|| RowsError::Unfit(format!("{name}: is not a csv file")))?;
        let stream = Box::new(Bytes(Cursor::new(bytes.to_vec())));
        let rows = intake::Rows::of_stream(name, kind, stream, limits, BLOCK_BYTES);
        Self::all(name.to_owned(), rows.map_err(|error| RowsError::of(name, error))?)
    }

    fn all(name: String, mut rows: intake::Rows) -> Result<Self, RowsError> {
        let header = rows.header().to_vec();
        let all = Projection::all(header.len());
        let (mut pieces, mut numbers) = (vec![Vec::new(); header.len()], Vec::new());
        while let Some(block) = rows.next_block().map_err(|error| RowsError::of(&name, error))? {
            let block = block.tokenize(&all).map_err(|error| RowsError::of(&name, error))?;
            if let Some(ragged) = block.ragged.first() {
                let (row, found, expected) = (ragged.row, ragged.found, ragged.expected);
                let message = format!("{name}: row {row} has {found} values for {expected} names");
                return Err(RowsError::Unfit(message));
            }
            numbers.extend(block.row_numbers.values());
            pieces.iter_mut().zip(block.columns).for_each(|(pieces, column)| pieces.push(column));
        }
        let columns = pieces.iter().map(|pieces| pieces.iter().flatten().collect()).collect();
        Ok(Self { name, header, columns, numbers })
    }

    /// One row out of a JSON object: a number, text, true, false or null by name.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn of_json(text: &str) -> Result<Self, RowsError> {
        let wrong = |what: &str| RowsError::Unfit(format!("--row: {what}"));
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(text).map_err(|error| wrong(&format!("not a JSON object: {error}")))?;
        let cell = |(name, value): (&String, &serde_json::Value)| match value {
            serde_json::Value::Null => Ok(None),
            serde_json::Value::String(text) => Ok(Some(text.clone())),
            serde_json::Value::Number(number) => Ok(Some(number.to_string())),
            serde_json::Value::Bool(flag) => Ok(Some(flag.to_string())),
            _ => Err(wrong(&format!("{name:?} is neither number, text, true, false nor null"))),
        };
        let cells = object.iter().map(cell).collect::<Result<Vec<_>, RowsError>>()?;
        let columns = cells.into_iter().map(|cell| StringViewArray::from_iter([cell])).collect();
        Ok(Self { name: "--row".to_owned(), header: object.keys().cloned().collect(), columns, numbers: vec![1] })
    }

    /// The row of that number alone; nothing where there is none.
    pub fn only(&self, number: Option<u64>) -> Option<Self> {
        let at = match number {
            Some(number) => self.numbers.iter().position(|row| *row == number)?,
            None => (!self.numbers.is_empty()).then_some(0)?,
        };
        let columns = self.columns.iter().map(|column| column.slice(at, 1)).collect();
        let (name, header) = (self.name.clone(), self.header.clone());
        Some(Self { name, header, columns, numbers: vec![self.numbers[at]] })
    }

    /// The names of the columns.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    fn place(&self, name: &str) -> (Option<usize>, How) {
        let exact = self.header.iter().position(|column| column == name);
        let other = || {
            let wanted = name.trim().to_lowercase();
            self.header.iter().position(|column| column.trim().to_lowercase() == wanted)
        };
        match (exact, exact.or_else(other)) {
            (Some(at), _) => (Some(at), How::Name),
            (None, Some(at)) => (Some(at), How::OtherCase),
            (None, None) => (None, How::Absent),
        }
    }

    /// The cell of a column as it is shown; nothing where it is empty.
    pub fn cell(&self, name: &str, row: usize) -> Option<&str> {
        let column = self.columns.get(self.place(name).0?)?;
        Some(column)
            .filter(|column| column.is_valid(row))
            .map(|column| column.value(row))
            .filter(|text| !text.is_empty())
    }

    /// The numbers of a column of this very name, missing ones as NaN.
    ///
    /// # Errors
    /// When a cell is no number; it is named by its row.
    pub fn numbers_of(&self, name: &str) -> Option<Result<Vec<f64>, RowsError>> {
        let at = self.header.iter().position(|column| column == name)?;
        let read = |(row, text): (usize, Option<&str>)| match text.map(number) {
            None | Some(Cell::Missing) => Ok(f64::NAN),
            Some(Cell::Number(number)) => Ok(number),
            Some(Cell::Other) => {
                let row = self.numbers.get(row).copied().unwrap_or_default();
                Err(RowsError::Unfit(format!("{}: column {name:?}, row {row}: not a number", self.name)))
            }
        };
        Some(self.columns.get(at)?.iter().enumerate().map(read).collect())
    }

    /// Binds the cells to a model.
    ///
    /// # Errors
    /// When there is a column for none of its inputs.
    pub fn bind(&self, model: &Model) -> Result<Bound, RowsError> {
        let (mut columns, mut inputs): (Vec<ArrayRef>, Vec<Matched>) = (Vec::new(), Vec::new());
        let mut read = vec![false; self.header.len()];
        for input in model.inputs() {
            let (place, how) = self.place(&input.name);
            let texts = match place {
                Some(at) => {
                    read[at] = true;
                    self.columns[at].clone()
                }
                None => StringViewArray::new_null(self.numbers.len()),
            };
            let column = place.map(|at| self.header[at].clone());
            let (cells, matched) = self.cells(input, &texts, Matched::new(input, column, how));
            columns.push(cells);
            inputs.push(matched);
        }
        if inputs.iter().all(|input| input.how == How::Absent) {
            return Err(RowsError::Unfit(format!("{}: holds none of the model's inputs", self.name)));
        }
        let features = model.bind(&columns).map_err(|error| RowsError::Unread(error.to_string()))?;
        inputs.iter_mut().zip(features.unseen()).for_each(|(input, unseen)| input.unknown = *unseen);
        let not_read = self.header.iter().zip(read).filter(|(_, read)| !read).map(|(name, _)| name.clone());
        Ok(Bound { features, inputs, not_read: not_read.collect() })
    }

    /// A model, explained against these rows from now on.
    ///
    /// # Errors
    /// When there are none or more than [`BACKGROUND_ROWS_MAX`], an input has no column, a cell is no number where one
    /// is needed, or the model is not explained so.
    pub fn as_background_of(&self, model: Model) -> Result<Model, RowsError> {
        let unfit = |message: String| RowsError::Unfit(format!("{}: {message}", self.name));
        if self.numbers.is_empty() || self.numbers.len() > BACKGROUND_ROWS_MAX {
            let rows = self.numbers.len();
            return Err(unfit(format!("a background has 1 to {BACKGROUND_ROWS_MAX} rows, this one has {rows}")));
        }
        let bound = self.bind(&model)?;
        for input in &bound.inputs {
            if input.how == How::Absent {
                return Err(unfit(format!("there is no column for the input {}", input.input)));
            }
            if let Some(row) = input.first_not_number {
                return Err(unfit(format!("row {row}: the input {} is a number, and the cell is none", input.input)));
            }
        }
        model.with_background(&bound.features).map_err(|error| unfit(error.to_string()))
    }

    fn cells(&self, input: &Input, texts: &StringViewArray, mut matched: Matched) -> (ArrayRef, Matched) {
        let filled = || texts.iter().map(|text| text.filter(|text| !text.is_empty()));
        if let InputKind::Category { values } = &input.kind
            && !(are_numbers(values) && filled().flatten().all(|text| matches!(number(text), Cell::Number(_))))
        {
            matched.missing = filled().filter(Option::is_none).count() as u64;
            return (Arc::new(filled().collect::<StringViewArray>()), matched);
        }
        let mut numbers = Vec::with_capacity(texts.len());
        for (row, text) in filled().enumerate() {
            numbers.push(match text.map(number) {
                Some(Cell::Number(number)) => Some(number),
                Some(Cell::Other) => {
                    matched.not_numbers += 1;
                    matched.first_not_number = matched.first_not_number.or(self.numbers.get(row).copied());
                    None
                }
                None | Some(Cell::Missing) => None,
            });
        }
        matched.missing = numbers.iter().filter(|number| number.is_none()).count() as u64 - matched.not_numbers;
        (Arc::new(Float64Array::from(numbers)), matched)
    }
}

impl RowsError {
    fn of(name: &str, error: IntakeError) -> Self {
        match error {
            IntakeError::Refused(refusal) => Self::Unfit(refusal.to_string()),
            IntakeError::Io(error) => Self::Unread(format!("{name}: {error}")),
        }
    }
}

/// A file in memory.
#[derive(Debug)]
struct Bytes(Cursor<Vec<u8>>);

impl ByteStream for Bytes {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, IntakeError> {
        Ok(self.0.read(buffer)?)
    }
}

impl Matched {
    fn new(input: &Input, column: Option<String>, how: How) -> Self {
        Self { input: input.name.clone(), column, how, missing: 0, not_numbers: 0, first_not_number: None, unknown: 0 }
    }
}

/// Whether all categories are numbers as they are written shortest, so that a column may write them otherwise (`3.0`).
fn are_numbers(values: &[String]) -> bool {
    let plain = |value: &String| value.parse::<f64>().is_ok_and(|number| number.to_string() == *value);
    !values.is_empty() && values.iter().all(plain)
}

enum Cell {
    Number(f64),
    Missing,
    Other,
}

fn number(text: &str) -> Cell {
    let text = text.trim();
    match text.parse::<f64>() {
        _ if text.is_empty() || MISSING_NUMBERS.contains(&text) => Cell::Missing,
        Ok(number) => Cell::Number(number),
        Err(_) if text.eq_ignore_ascii_case("true") => Cell::Number(1.0),
        Err(_) if text.eq_ignore_ascii_case("false") => Cell::Number(0.0),
        Err(_) => Cell::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_read_as_python_and_r_write_them() {
        for (text, expected) in
            [("1.5", Some(1.5)), (" 2 ", Some(2.0)), ("True", Some(1.0)), ("FALSE", Some(0.0)), ("1e3", Some(1000.0))]
        {
            assert!(matches!(number(text), Cell::Number(number) if Some(number) == expected), "{text}");
        }
        assert!(["", " ", "NA", "nan", "None"].iter().all(|text| matches!(number(text), Cell::Missing)));
        assert!(["x", "1,5", "$3"].iter().all(|text| matches!(number(text), Cell::Other)));
    }

    #[test]
    fn categories_that_are_numbers_are_known() {
        let values = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<String>>();
        assert!(are_numbers(&values(&["1", "12", "2.5"])));
        assert!(!are_numbers(&values(&["007", "8"])) && !are_numbers(&values(&["a"])) && !are_numbers(&[]));
    }
}
