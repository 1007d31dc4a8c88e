//! Numbers and whole numbers.

use super::bounds::Bounds;
use super::{ReadCell, Violation};
use crate::dictionary::{Constraints, NumberFormat, Value};

/// Reads numbers into 64-bit floats.
///
/// Law: the value is the float nearest to the decimal number written, as `str::parse` gives it.
#[derive(Debug, Clone)]
pub struct NumberReader {
    spelling: Option<Spelling>,
    bounds: Bounds<f64>,
}

impl NumberReader {
    pub(super) fn new(format: &NumberFormat, constraints: &Constraints) -> Self {
        let bounds = Bounds::new(constraints, |value| match value {
            Value::Number(number) => Some(*number),
            _ => None,
        });
        Self { spelling: Spelling::new(format, &format.decimal_char), bounds }
    }
}

impl ReadCell for NumberReader {
    type Value = f64;

    #[inline]
    fn read(&self, text: &str) -> Result<f64, Violation> {
        let number = match &self.spelling {
            None => float(text),
            Some(spelling) => spelling.with_plain(text, float),
        };
        self.bounds.check(number.ok_or(Violation::Type)?)
    }
}

/// Reads whole numbers into 64-bit integers; one that does not fit is not of the type.
#[derive(Debug, Clone)]
pub struct IntegerReader {
    spelling: Option<Spelling>,
    bounds: Bounds<i64>,
}

impl IntegerReader {
    pub(super) fn new(format: &NumberFormat, constraints: &Constraints) -> Self {
        let bounds = Bounds::new(constraints, |value| match value {
            Value::Integer(number) => Some(*number),
            _ => None,
        });
        Self { spelling: Spelling::new(format, "."), bounds }
    }
}

impl ReadCell for IntegerReader {
    type Value = i64;

    #[inline]
    fn read(&self, text: &str) -> Result<i64, Violation> {
        let number = match &self.spelling {
            None => text.parse().ok(),
            Some(spelling) => spelling.with_plain(text, |plain| plain.parse().ok()),
        };
        self.bounds.check(number.ok_or(Violation::Type)?)
    }
}

/// Powers of ten that a float holds exactly.
const EXACT_POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// A number in plain form. One whose decimal digits are too many for a float's range is no number to us.
#[inline]
fn float(text: &str) -> Option<f64> {
    if let Some(number) = short_float(text.as_bytes()) {
        return Some(number);
    }
    let number: f64 = text.parse().ok()?;
    let named_infinite = text.bytes().any(|b| matches!(b, b'i' | b'I'));
    (number.is_finite() || number.is_nan() || named_infinite).then_some(number)
}

/// Digits with at most one point, at most 15 digits in all: both the digits and the power of ten are exact floats, so
/// one division gives the nearest float (Clinger, "How to read floating point numbers accurately", 1990).
#[inline]
fn short_float(bytes: &[u8]) -> Option<f64> {
    let (negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    if digits.len() > 16 {
        return None;
    }
    let mut mantissa = 0_u64;
    let mut count = 0;
    let mut point_at = None;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            mantissa = mantissa * 10 + u64::from(digit);
            count += 1;
        } else if byte == b'.' && point_at.is_none() {
            point_at = Some(count);
        } else {
            return None;
        }
    }
    if count == 0 || count > 15 {
        return None;
    }
    let power = EXACT_POWERS.get(count - point_at.unwrap_or(count))?;
    let number = mantissa as f64 / power;
    Some(if negative { -number } else { number })
}

/// How numbers of a field differ from the plain form.
#[derive(Debug, Clone)]
struct Spelling {
    /// Present when it is not the point.
    decimal_char: Option<Box<str>>,
    group_char: Option<Box<str>>,
    /// Present when other characters around the number are passed over: the decimal character, point included.
    strip_keeping: Option<Box<str>>,
}

/// Longer numbers with group or decimal characters are put together on the heap.
const STACK_BYTES: usize = 64;

impl Spelling {
    fn new(format: &NumberFormat, decimal_char: &str) -> Option<Self> {
        let spelling = Self {
            decimal_char: (decimal_char != ".").then(|| decimal_char.into()),
            group_char: format.group_char.as_deref().map(Into::into),
            strip_keeping: (!format.bare_number).then(|| decimal_char.into()),
        };
        let plain =
            spelling.decimal_char.is_none() && spelling.group_char.is_none() && spelling.strip_keeping.is_none();
        (!plain).then_some(spelling)
    }

    /// What `read` makes of the number in plain form.
    fn with_plain<T>(&self, text: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = match &self.strip_keeping {
            Some(decimal_char) => strip(text, decimal_char),
            None => text,
        };
        if self.group_char.is_none() && self.decimal_char.is_none() {
            return read(text);
        }
        if text.len() > STACK_BYTES {
            let mut plain = Vec::with_capacity(text.len());
            self.write_plain(text, |byte| plain.push(byte))?;
            return read(std::str::from_utf8(&plain).ok()?);
        }
        let mut plain = [0_u8; STACK_BYTES];
        let mut length = 0;
        self.write_plain(text, |byte| {
            if let Some(slot) = plain.get_mut(length) {
                *slot = byte;
                length += 1;
            }
        })?;
        read(std::str::from_utf8(plain.get(..length)?).ok()?)
    }

    /// Group characters left out, the decimal character as a point. `None` when a point stands for nothing.
    fn write_plain(&self, mut text: &str, mut push: impl FnMut(u8)) -> Option<()> {
        while let Some(&byte) = text.as_bytes().first() {
            if let Some(rest) = self.group_char.as_deref().and_then(|group| text.strip_prefix(group)) {
                text = rest;
                continue;
            }
            if let Some(decimal_char) = self.decimal_char.as_deref() {
                if let Some(rest) = text.strip_prefix(decimal_char) {
                    push(b'.');
                    text = rest;
                    continue;
                }
                if byte == b'.' {
                    return None;
                }
            }
            if !byte.is_ascii() {
                return None;
            }
            push(byte);
            text = text.get(1..)?;
        }
        Some(())
    }
}

/// Without the characters before the number (up to a digit, a minus, or the decimal character before a digit) and
/// after its last digit.
fn strip<'a>(text: &'a str, decimal_char: &str) -> &'a str {
    let end = text.bytes().rposition(|b| b.is_ascii_digit()).map_or(0, |last| last + 1);
    let text = text.get(..end).unwrap_or_default();
    let starts_number = |at: usize| {
        let rest = text.get(at..).unwrap_or_default();
        let after_decimal = rest.strip_prefix(decimal_char).and_then(|rest| rest.bytes().next());
        rest.starts_with(|c: char| c == '-' || c.is_ascii_digit()) || after_decimal.is_some_and(|b| b.is_ascii_digit())
    };
    let start = text.char_indices().map(|(at, _)| at).find(|&at| starts_number(at)).unwrap_or(end);
    text.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn short_numbers_are_what_the_standard_library_makes_of_them(text in "-?[0-9]{0,9}\\.?[0-9]{0,9}") {
            if let Some(number) = short_float(text.as_bytes()) {
                let expected: f64 = text.parse().unwrap();
                prop_assert_eq!(number.to_bits(), expected.to_bits());
            } else {
                let digits = text.bytes().filter(u8::is_ascii_digit).count();
                prop_assert!(digits == 0 || text.trim_start_matches('-').len() > 15, "{}", text);
            }
        }

        #[test]
        fn any_text_is_the_number_of_the_standard_library_or_none(text in "[-+0-9.eE]{0,24}|[-+a-zA-Z]{0,9}") {
            let expected: Option<f64> = text.parse().ok();
            match float(&text) {
                Some(number) => prop_assert_eq!(Some(number.to_bits()), expected.map(f64::to_bits)),
                None => prop_assert!(expected.is_none_or(f64::is_infinite), "{}", text),
            }
        }

        #[test]
        fn group_and_decimal_characters_only_change_the_spelling(
            whole in 0_u64..u64::MAX, fraction in "[0-9]{0,8}", negative: bool, group in "[ ,'’]", padding in 0_usize..80
        ) {
            let sign = if negative { "-" } else { "" };
            let whole = format!("{}{whole}", "0".repeat(padding));
            let grouped = whole.as_bytes().rchunks(3).rev().map(|digits| std::str::from_utf8(digits).unwrap());
            let grouped = grouped.collect::<Vec<_>>().join(&group);
            let format = NumberFormat { decimal_char: "·".into(), group_char: Some(group), bare_number: true };
            let reader = NumberReader::new(&format, &Constraints::default());
            let expected: f64 = format!("{sign}{whole}.{fraction}").parse().unwrap();
            prop_assert_eq!(reader.read(&format!("{sign}{grouped}·{fraction}")), Ok(expected));
        }
    }
}
