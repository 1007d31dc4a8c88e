//! What one value reads as: the one place that decides it.
//!
//! [`read`] takes any value; it is exact and takes some ten nanoseconds. The quick ways of [`plan`](super::plan) give
//! the same for the shapes they are made for.

mod number;
mod spelling;
mod temporal;

pub(crate) use number::{NumberForm, NumberReading, POWERS};
pub(crate) use spelling::{boolean, is_null};
pub(crate) use temporal::{Stamp, TemporalReading, century};

/// What a value reads as.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reading {
    /// A spelling of null.
    Null,
    /// A number.
    Number(NumberReading),
    /// `inf` and the like.
    Infinity {
        /// Below zero.
        negative: bool,
    },
    /// A day or a time.
    Temporal(TemporalReading),
    /// It has the form of a day or a time, but there is no such.
    InvalidDate,
    /// A word for true or false.
    Boolean,
    /// None of these.
    Text,
}

/// What a value reads as, given without the blanks around it and not empty.
pub(crate) fn read(trimmed: &str) -> Reading {
    let bytes = trimmed.as_bytes();
    if bytes.len() <= spelling::NULL_BYTES_MAX && is_null(trimmed) {
        return Reading::Null;
    }
    if bytes.len() <= spelling::BOOLEAN_BYTES_MAX
        && boolean(trimmed).is_some()
        && !bytes.first().is_some_and(u8::is_ascii_digit)
    {
        return Reading::Boolean;
    }
    if let Some(negative) = spelling::infinity(trimmed) {
        return Reading::Infinity { negative };
    }
    if let Some(number) = number::read(trimmed) {
        return Reading::Number(number);
    }
    match temporal::read(bytes) {
        temporal::Found::Is(reading) => Reading::Temporal(reading),
        temporal::Found::Invalid => Reading::InvalidDate,
        temporal::Found::Not => Reading::Text,
    }
}
