//! Rows of CSV into a buffer of bytes: RFC 4180 in all but the line end.
//!
//! - Cells are separated by commas. A cell is quoted only where it must be: when it holds a comma, a quote, a carriage
//!   return or a line feed. Quotes inside are doubled.
//! - Rows end in a line feed alone: every reader of today takes it, and it saves a byte a row. The RFC has CRLF.
//! - A missing value is an empty cell, and so is an empty text; they are not told apart. A row whose only cell is empty
//!   is written as `""`, since many readers skip a blank line.
//! - Numbers have the fewest digits that read back to the same number, whole ones no decimal point (`0.1`, `3`,
//!   `1e300`, `-0`). NaN and the infinities are empty cells.
//! - Text is written as it is. A value that begins with `=`, `+`, `-` or `@` keeps its first character: results are
//!   data to be read back and compared, and a spreadsheet that runs formulas from a file must be told not to.
//!
//! Cost: one pass over each cell, no allocation but the buffer's growth. Knows no header and no types of columns.

use super::Part;

/// Rows of CSV in the making: add the cells of a row in order, then [`CsvRows::end_row`].
///
/// ```
/// use bordereau_files::results::csv::CsvRows;
/// let mut rows = CsvRows::new();
/// rows.text("a \"b\", c");
/// rows.number(0.5);
/// rows.missing();
/// rows.integer(-7);
/// rows.end_row();
/// assert_eq!(rows.bytes(), b"\"a \"\"b\"\", c\",0.5,,-7\n");
/// ```
#[derive(Debug, Clone, Default)]
pub struct CsvRows {
    /// Whole rows, then the cells of the row in the making, each with a comma after it.
    bytes: Vec<u8>,
    row_start: usize,
    rows: u64,
}

/// Bytes that force a cell into quotes.
const QUOTED: [bool; 256] = {
    let mut table = [false; 256];
    table[b',' as usize] = true;
    table[b'"' as usize] = true;
    table[b'\r' as usize] = true;
    table[b'\n' as usize] = true;
    table
};

impl CsvRows {
    /// No rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// No rows, and memory for `bytes` of them.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), ..Self::default() }
    }

    /// Adds a cell of text, as it is.
    pub fn text(&mut self, value: &str) {
        let value = value.as_bytes();
        if value.iter().any(|&byte| QUOTED[usize::from(byte)]) {
            self.quoted(value);
        } else {
            self.bytes.extend_from_slice(value);
        }
        self.bytes.push(b',');
    }

    fn quoted(&mut self, value: &[u8]) {
        self.bytes.push(b'"');
        let mut rest = value;
        while let Some(at) = memchr::memchr(b'"', rest) {
            self.bytes.extend_from_slice(&rest[..=at]);
            self.bytes.push(b'"');
            rest = &rest[at + 1..];
        }
        self.bytes.extend_from_slice(rest);
        self.bytes.push(b'"');
    }

    /// Adds a cell with a number in its shortest form; an empty one for NaN and the infinities.
    pub fn number(&mut self, value: f64) {
        push_number(&mut self.bytes, value);
        self.bytes.push(b',');
    }

    /// Adds a cell with a whole number.
    pub fn integer(&mut self, value: i64) {
        if value < 0 {
            self.bytes.push(b'-');
        }
        push_digits(&mut self.bytes, value.unsigned_abs());
        self.bytes.push(b',');
    }

    /// Adds a cell with a count or a row number.
    pub fn count(&mut self, value: u64) {
        push_digits(&mut self.bytes, value);
        self.bytes.push(b',');
    }

    /// Adds an empty cell.
    pub fn missing(&mut self) {
        self.bytes.push(b',');
    }

    /// Ends the row. A row without cells is not written.
    pub fn end_row(&mut self) {
        match self.bytes.len() - self.row_start {
            0 => return,
            1 => self.bytes.splice(self.row_start.., *b"\"\"\n").for_each(drop),
            _ => {
                self.bytes.pop();
                self.bytes.push(b'\n');
            }
        }
        self.row_start = self.bytes.len();
        self.rows += 1;
    }

    /// Rows ended so far, a header among them.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The rows ended so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.row_start]
    }

    /// The rows ended so far as bytes; cells of a row not ended are dropped.
    pub fn into_bytes(mut self) -> Vec<u8> {
        self.bytes.truncate(self.row_start);
        self.bytes
    }

    /// The rows ended so far, deflated; cells of a row not ended are dropped.
    pub fn into_part(self) -> Part {
        Part::deflated(self.into_bytes())
    }
}

/// Appends a number as a cell has it: the shortest form that reads back equal, nothing for NaN and the infinities.
pub fn push_number(into: &mut Vec<u8>, value: f64) {
    if !value.is_finite() {
        return;
    }
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(value);
    match text.split_once("e+") {
        Some((digits, exponent)) => {
            into.extend_from_slice(digits.as_bytes());
            into.push(b'e');
            into.extend_from_slice(exponent.as_bytes());
        }
        None => into.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes()),
    }
}

fn push_digits(into: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        // A remainder of ten fits a byte.
        digits[start] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    into.extend_from_slice(&digits[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(add: impl Fn(&mut CsvRows)) -> String {
        let mut rows = CsvRows::new();
        add(&mut rows);
        rows.text("x");
        rows.end_row();
        let text = String::from_utf8(rows.into_bytes()).unwrap();
        text.strip_suffix(",x\n").unwrap().to_owned()
    }

    #[test]
    fn texts_are_quoted_only_where_they_must_be() {
        for (value, expected) in [
            ("", ""),
            ("plain", "plain"),
            (" spaces ", " spaces "),
            ("semi;colon\ttab|pipe'", "semi;colon\ttab|pipe'"),
            ("a,b", "\"a,b\""),
            ("\"", "\"\"\"\""),
            ("say \"no\" twice\"\"", "\"say \"\"no\"\" twice\"\"\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            ("\r", "\"\r\""),
            ("Zürich \u{1f980}", "Zürich \u{1f980}"),
            ("=1+1", "=1+1"),
            ("@SUM(A1)", "@SUM(A1)"),
            ("-2", "-2"),
        ] {
            assert_eq!(cell(|rows| rows.text(value)), expected, "{value:?}");
        }
    }

    #[test]
    fn numbers_have_their_shortest_form() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-3.0, "-3"),
            (0.1, "0.1"),
            (1.0 / 3.0, "0.3333333333333333"),
            (1234567.0, "1234567"),
            (12345.0625, "12345.0625"),
            (1e15, "1000000000000000"),
            (1e300, "1e300"),
            (1.5e-9, "1.5e-9"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (f64::NAN, ""),
            (f64::INFINITY, ""),
            (f64::NEG_INFINITY, ""),
        ] {
            assert_eq!(cell(|rows| rows.number(value)), expected, "{value:?}");
        }
    }

    #[test]
    fn whole_numbers_are_plain() {
        for value in [0, 7, -7, 10, 99, 100, i64::MAX, i64::MIN] {
            assert_eq!(cell(|rows| rows.integer(value)), value.to_string());
        }
        assert_eq!(cell(|rows| rows.count(u64::MAX)), u64::MAX.to_string());
    }

    #[test]
    fn a_row_of_one_empty_cell_is_no_blank_line() {
        let mut rows = CsvRows::new();
        rows.end_row();
        rows.missing();
        rows.end_row();
        rows.text("");
        rows.end_row();
        rows.missing();
        rows.missing();
        rows.end_row();
        rows.text("never ended");
        assert_eq!(rows.rows(), 3);
        assert_eq!(rows.bytes(), b"\"\"\n\"\"\n,\n");
        assert_eq!(rows.into_bytes(), b"\"\"\n\"\"\n,\n");
    }
}
