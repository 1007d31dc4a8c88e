//! The grammar of rows: where a row ends, where a value starts, what a quoted value says.
//!
//! Everything here works on bytes of an encoding that extends ASCII. A quote opens a value only at the start of the
//! value (blanks before it allowed); anywhere else it is text. The cutter, the header and the tokeniser share these
//! rules, so that they agree on where rows end. Cost: one pass, no look back further than the last mark.

use super::scan::{LANES, hits};
use memchr::{memchr, memchr2};
use std::borrow::Cow;

pub(crate) const QUOTE: u8 = b'"';

/// The bytes that part values and rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Syntax {
    pub(crate) delimiter: u8,
    /// LF, or CR for files whose lines end in CR alone.
    pub(crate) newline: u8,
}

impl Syntax {
    /// Space, and tab unless it parts values.
    #[inline]
    pub(crate) fn is_blank(self, byte: u8) -> bool {
        byte == b' ' || (byte == b'\t' && self.delimiter != b'\t')
    }

    pub(crate) fn all_blank(self, bytes: &[u8]) -> bool {
        bytes.iter().all(|&byte| self.is_blank(byte))
    }

    /// Whether a quote that follows `before`, the bytes of its row so far, opens a value.
    #[inline]
    pub(crate) fn opens_value(self, before: &[u8]) -> bool {
        match before.iter().rev().find(|&&byte| !self.is_blank(byte)) {
            None => true,
            Some(&byte) => byte == self.delimiter,
        }
    }

    /// A row without its line end.
    pub(crate) fn without_line_end(self, row: &[u8]) -> &[u8] {
        let row = row.strip_suffix(&[self.newline]).unwrap_or(row);
        if self.newline == b'\n' { row.strip_suffix(b"\r").unwrap_or(row) } else { row }
    }
}

/// A search for the ends of rows that stops where the bytes end and goes on when there are more.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RowScan {
    /// Everything before this place has been looked at.
    pub(crate) at: usize,
    /// Whether that place is inside a quoted value.
    pub(crate) quoted: bool,
    /// A bit for each of the next `ahead` bytes that is a quote or a newline.
    hits: u64,
    ahead: usize,
}

impl RowScan {
    /// From a place inside a quoted value on.
    pub(crate) fn in_quotes(at: usize) -> Self {
        Self { at, quoted: true, ..Self::default() }
    }

    /// The end of the row that starts at `row_start`, its line end included; `None` when it is not in `bytes`.
    ///
    /// After `None`, call again with more bytes and the same `row_start`.
    #[inline]
    pub(crate) fn row_end(&mut self, bytes: &[u8], row_start: usize, syntax: Syntax) -> Option<usize> {
        loop {
            let Some(place) = self.next_mark(bytes, syntax) else {
                self.at = bytes.len();
                return None;
            };
            if bytes[place] == syntax.newline {
                if self.quoted {
                    continue;
                }
                return Some(self.at);
            }
            if !self.quoted {
                self.quoted = syntax.opens_value(&bytes[row_start..place]);
                continue;
            }
            match bytes.get(place + 1) {
                Some(&QUOTE) => {
                    self.next_mark(bytes, syntax);
                }
                Some(_) => self.quoted = false,
                // Whether it closes the value or is doubled is known only by the byte after it.
                None => {
                    *self = Self::in_quotes(place);
                    return None;
                }
            }
        }
    }

    /// Goes on to the byte after the next quote or newline and gives the place of that.
    #[inline(always)]
    fn next_mark(&mut self, bytes: &[u8], syntax: Syntax) -> Option<usize> {
        while self.hits == 0 {
            self.at += std::mem::take(&mut self.ahead);
            let rest = &bytes[self.at..];
            let Some(chunk) = rest.first_chunk::<LANES>() else {
                let place = self.at + memchr2(QUOTE, syntax.newline, rest)?;
                self.at = place + 1;
                return Some(place);
            };
            self.hits = hits(chunk, [QUOTE, syntax.newline]);
            self.ahead = LANES;
        }
        let before = self.hits.trailing_zeros() as usize;
        self.hits = self.hits >> before >> 1;
        self.ahead -= before + 1;
        self.at += before + 1;
        Some(self.at - 1)
    }

    /// Goes on to the byte after the closing quote; `None` when it is not in `bytes`, or its last byte.
    pub(crate) fn leave_quotes(&mut self, bytes: &[u8]) -> Option<()> {
        (self.hits, self.ahead) = (0, 0);
        loop {
            let Some(found) = memchr(QUOTE, &bytes[self.at..]) else {
                self.at = bytes.len();
                return None;
            };
            let place = self.at + found;
            // Whether it closes the value or is doubled is known only by the byte after it.
            self.at = place;
            if *bytes.get(place + 1)? == QUOTE {
                self.at = place + 2;
            } else {
                self.at = place + 1;
                self.quoted = false;
                return Some(());
            }
        }
    }
}

/// The rows of `bytes`, each with its line end; the last may lack it.
pub(crate) fn rows(bytes: &[u8], syntax: Syntax) -> impl Iterator<Item = &[u8]> {
    let mut scan = RowScan::default();
    let mut start = 0;
    std::iter::from_fn(move || {
        if start == bytes.len() {
            return None;
        }
        let end = scan.row_end(bytes, start, syntax).unwrap_or(bytes.len());
        let row = &bytes[start..end];
        start = end;
        Some(row)
    })
}

/// The number of values in a row that has no line end any more.
pub(crate) fn count_values(row: &[u8], syntax: Syntax) -> usize {
    let mut values = 1;
    let mut at = 0;
    while let Some(end) = value_end(row, at, syntax) {
        values += 1;
        at = end + 1;
    }
    values
}

/// The values of a row that has no line end any more.
pub(crate) fn values(row: &str, syntax: Syntax) -> Vec<Cow<'_, str>> {
    let mut values = Vec::new();
    let mut at = 0;
    loop {
        let end = value_end(row.as_bytes(), at, syntax);
        values.push(value(&row[at..end.unwrap_or(row.len())], syntax));
        match end {
            Some(end) => at = end + 1,
            None => return values,
        }
    }
}

/// The place of the delimiter that ends the value at `start`; `None` for the last value of a row.
fn value_end(row: &[u8], start: usize, syntax: Syntax) -> Option<usize> {
    let text = row[start..].iter().position(|&byte| !syntax.is_blank(byte)).map_or(row.len(), |blanks| start + blanks);
    let mut from = start;
    if row.get(text) == Some(&QUOTE) {
        let mut scan = RowScan::in_quotes(text + 1);
        scan.leave_quotes(row)?;
        from = scan.at;
    }
    memchr(syntax.delimiter, &row[from..]).map(|found| from + found)
}

/// What a value says, given all its bytes between two delimiters.
fn value(raw: &str, syntax: Syntax) -> Cow<'_, str> {
    let Some(quoted) = raw.trim_start_matches(|c: char| c.is_ascii() && syntax.is_blank(c as u8)).strip_prefix('"')
    else {
        return Cow::Borrowed(raw);
    };
    let mut scan = RowScan::in_quotes(0);
    let (inner, after) = match scan.leave_quotes(quoted.as_bytes()) {
        Some(()) => (&quoted[..scan.at - 1], &quoted[scan.at..]),
        None => (quoted.strip_suffix('"').unwrap_or(quoted), ""),
    };
    let after = if syntax.all_blank(after.as_bytes()) { "" } else { after };
    if after.is_empty() && !inner.contains('"') {
        return Cow::Borrowed(inner);
    }
    Cow::Owned(inner.replace("\"\"", "\"") + after)
}

#[cfg(test)]
mod tests {
    use super::{RowScan, Syntax};
    use proptest::prelude::*;

    const SYNTAX: Syntax = Syntax { delimiter: b',', newline: b'\n' };

    /// The end of the first row, value by value.
    fn first_end(bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            let blanks = bytes[at..].iter().take_while(|&&byte| SYNTAX.is_blank(byte)).count();
            let mut from = at + blanks;
            if bytes.get(from) == Some(&b'"') {
                from += 1;
                loop {
                    from += bytes[from..].iter().position(|&byte| byte == b'"')? + 1;
                    match bytes.get(from)? {
                        b'"' => from += 1,
                        _ => break,
                    }
                }
            }
            let end = from + bytes[from..].iter().position(|&byte| byte == b',' || byte == b'\n')?;
            if bytes[end] == b'\n' {
                return Some(end + 1);
            }
            at = end + 1;
        }
    }

    proptest! {
        #[test]
        fn rows_end_where_their_values_end(
            pieces in prop::collection::vec(prop::sample::select(vec!["a", ",", "\"", "\"\"", "\n", " ", ",\"", "\",", "0123456789abcdefghijklmnopqrstuvwxyz"]), 0..80),
            windows in prop::collection::vec(1_usize..150, 1..5),
        ) {
            let text = pieces.concat();
            let bytes = text.as_bytes();
            let (mut scan, mut start, mut windows, mut known) = (RowScan::default(), 0, windows.iter().cycle(), 0);
            while start < bytes.len() {
                let expected = first_end(&bytes[start..]).map(|end| start + end);
                let mut found = scan.row_end(&bytes[..known.max(start)], start, SYNTAX);
                while found.is_none() && known < bytes.len() {
                    known = (known.max(start) + windows.next().copied().unwrap_or(1)).min(bytes.len());
                    found = scan.row_end(&bytes[..known], start, SYNTAX);
                }
                prop_assert_eq!(found, expected, "{:?} from {}", text, start);
                let Some(end) = found else { break };
                start = end;
            }
        }
    }
}
