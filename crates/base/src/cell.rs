//! Reading one cell: the text of a file to a typed value, or the first rule of the field that it breaks.
//!
//! [`CellRules::new`] compiles a field of the dictionary once; after that nothing is allocated for a cell, apart from
//! numbers with group characters that are longer than any sensible number. A cell goes through: blanks around it are
//! cut off ([`trim_blanks`]); a missing value is `required` or nothing; the text is parsed as the field's type; the
//! value is held against the constraints. The loop over a column belongs to the engine: it takes the concrete reader
//! out of [`Reader`] once for each column and calls [`ReadCell::read`] on each cell. Nothing here knows of columns,
//! rows or files.
//!
//! The sentences shown to people are built once for each field and never hold a cell's value.

mod boolean;
mod bounds;
pub mod calendar;
mod iso;
mod moment;
mod number;
mod sentence;
pub mod temporal;
mod text;
mod web;

pub use boolean::BooleanReader;
pub use moment::{DateReader, DatetimeReader, TimeReader, YearReader, YearmonthReader};
pub use number::{IntegerReader, NumberReader};
pub use text::TextReader;

use crate::dictionary::{Constraints, Field, FieldKind, Value};
use crate::finding::FindingCode;

/// Which rule of its field a cell breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Violation {
    /// The value is missing and may not be.
    Required,
    /// The text is not of the field's type and format.
    Type,
    /// Too few characters.
    MinLength,
    /// Too many characters.
    MaxLength,
    /// The text does not match the pattern.
    Pattern,
    /// Below the minimum.
    Minimum,
    /// Above the maximum.
    Maximum,
    /// Not above the exclusive minimum.
    ExclusiveMinimum,
    /// Not below the exclusive maximum.
    ExclusiveMaximum,
    /// Not one of the values allowed.
    Enumeration,
}

impl Violation {
    /// All violations, in the order of their numbers.
    pub const ALL: [Violation; 10] = [
        Self::Required,
        Self::Type,
        Self::MinLength,
        Self::MaxLength,
        Self::Pattern,
        Self::Minimum,
        Self::Maximum,
        Self::ExclusiveMinimum,
        Self::ExclusiveMaximum,
        Self::Enumeration,
    ];

    /// The code of the finding it makes.
    pub const fn code(self) -> FindingCode {
        match self {
            Self::Required => FindingCode::Required,
            _ => FindingCode::InvalidInputValue,
        }
    }
}

/// Reads the cells of one type. `text` is trimmed and not missing.
pub trait ReadCell {
    /// What a column of the type holds; nothing for text, which is kept as it is.
    type Value: Copy;

    /// The value of `text`.
    ///
    /// # Errors
    /// The first rule it breaks.
    fn read(&self, text: &str) -> Result<Self::Value, Violation>;
}

/// The reader of a field, by its type.
#[derive(Debug, Clone)]
pub enum Reader {
    /// Of string and any fields.
    Text(TextReader),
    /// Of number fields.
    Number(NumberReader),
    /// Of integer fields.
    Integer(IntegerReader),
    /// Of boolean fields.
    Boolean(BooleanReader),
    /// Of date fields: days since 1970-01-01.
    Date(DateReader),
    /// Of datetime fields: microseconds since 1970-01-01T00:00:00.
    Datetime(DatetimeReader),
    /// Of time fields: microseconds since midnight.
    Time(TimeReader),
    /// Of year fields.
    Year(YearReader),
    /// Of yearmonth fields: the first day of the month, in days since 1970-01-01.
    Yearmonth(YearmonthReader),
}

impl Reader {
    /// The reader of a kind, holding values against `constraints`. Constraints that do not apply to the kind are
    /// passed over; a dictionary has none such.
    pub fn new(kind: &FieldKind, constraints: &Constraints) -> Self {
        match kind {
            FieldKind::String(format) => Self::Text(TextReader::new(*format, constraints)),
            FieldKind::Any => Self::Text(TextReader::new(Default::default(), constraints)),
            FieldKind::Number(format) => Self::Number(NumberReader::new(format, constraints)),
            FieldKind::Integer(format) => Self::Integer(IntegerReader::new(format, constraints)),
            FieldKind::Boolean(format) => Self::Boolean(BooleanReader::new(format, constraints)),
            FieldKind::Date(format) => Self::Date(DateReader::new(format, constraints)),
            FieldKind::Datetime(format) => Self::Datetime(DatetimeReader::new(format, constraints)),
            FieldKind::Time(format) => Self::Time(TimeReader::new(format, constraints)),
            FieldKind::Year => Self::Year(YearReader::new(constraints)),
            FieldKind::Yearmonth => Self::Yearmonth(YearmonthReader::new(constraints)),
        }
    }

    /// The value of one trimmed cell that is not missing. For single values; columns take the concrete reader.
    ///
    /// # Errors
    /// The first rule it breaks.
    pub fn read(&self, text: &str) -> Result<Value, Violation> {
        match self {
            Self::Text(reader) => reader.read(text).map(|()| Value::Text(text.to_owned())),
            Self::Number(reader) => reader.read(text).map(Value::Number),
            Self::Integer(reader) => reader.read(text).map(Value::Integer),
            Self::Boolean(reader) => reader.read(text).map(Value::Boolean),
            Self::Date(reader) => reader.read(text).map(Value::Date),
            Self::Datetime(reader) => reader.read(text).map(Value::Datetime),
            Self::Time(reader) => reader.read(text).map(Value::Time),
            Self::Year(reader) => reader.read(text).map(Value::Integer),
            Self::Yearmonth(reader) => reader.read(text).map(Value::Date),
        }
    }
}

/// All that is needed to read the cells of one field. Built once, shared by all workers.
#[derive(Debug, Clone)]
pub struct CellRules {
    missing_values: Vec<Box<str>>,
    missing_only_empty: bool,
    required: bool,
    reader: Reader,
    sentences: [Box<str>; Violation::ALL.len()],
}

impl CellRules {
    /// Compiles a field.
    pub fn new(field: &Field) -> Self {
        let missing_values: Vec<Box<str>> = field.missing_values.iter().map(|text| trim_blanks(text).into()).collect();
        Self {
            missing_only_empty: matches!(missing_values.as_slice(), [only] if only.is_empty()),
            missing_values,
            required: field.constraints.required,
            reader: Reader::new(&field.kind, &field.constraints),
            sentences: Violation::ALL.map(|violation| sentence::of(field, violation).into()),
        }
    }

    /// Whether a trimmed cell means "no value".
    #[inline]
    pub fn is_missing(&self, trimmed: &str) -> bool {
        if self.missing_only_empty {
            trimmed.is_empty()
        } else {
            self.missing_values.iter().any(|text| **text == *trimmed)
        }
    }

    /// Whether a missing value is a fault.
    pub fn required(&self) -> bool {
        self.required
    }

    /// The reader of values that are not missing.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// What is said to people of such a fault: a sentence without its subject, such as `is required` or
    /// `must have at most 50 characters`.
    pub fn sentence(&self, violation: Violation) -> &str {
        &self.sentences[violation as usize]
    }

    /// Reads one cell as it is in the file: `None` when missing. For single values; columns take the reader.
    ///
    /// # Errors
    /// The first rule it breaks.
    pub fn read(&self, raw: &str) -> Result<Option<Value>, Violation> {
        let text = trim_blanks(raw);
        if !self.is_missing(text) {
            return self.reader.read(text).map(Some);
        }
        if self.required { Err(Violation::Required) } else { Ok(None) }
    }
}

/// The text without the ASCII blanks (space, tab, line ends, form feed) around it.
#[inline]
pub fn trim_blanks(text: &str) -> &str {
    match text.as_bytes() {
        [] => text,
        [first, .., last] if *first > b' ' && *last > b' ' => text,
        [only] if *only > b' ' => text,
        _ => text.trim_ascii(),
    }
}
