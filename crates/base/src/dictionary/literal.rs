//! Values written in a descriptor: bounds and members of an enumeration.

/// A value of the kind of its field, together with how it is shown to people.
#[derive(Debug, Clone, PartialEq)]
pub struct Literal {
    /// As the descriptor has it, such as `2017-07-31` or `0.5`.
    pub text: String,
    /// What it means.
    pub value: Value,
}

/// The value of a cell or literal, in the unit in which columns hold it.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Of a string or any field.
    Text(String),
    /// Of a number field.
    Number(f64),
    /// Of an integer or year field.
    Integer(i64),
    /// Of a boolean field.
    Boolean(bool),
    /// Of a date field, or the first day of the month of a yearmonth field: days since 1970-01-01.
    Date(i32),
    /// Of a datetime field: microseconds since 1970-01-01T00:00:00.
    Datetime(i64),
    /// Of a time field: microseconds since midnight.
    Time(i64),
}
