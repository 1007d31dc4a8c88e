//! Lines and keys of the text, with their line numbers for errors.

use std::str::{FromStr, SplitAsciiWhitespace};

use super::{invalid, short, unsupported};
use crate::Error;

/// The lines of the file, each trimmed.
pub(super) struct Lines<'a> {
    rest: std::str::Lines<'a>,
    line: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, Error> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let before = &bytes[..error.valid_up_to()];
            invalid(1 + before.iter().filter(|byte| **byte == b'\n').count(), "not UTF-8")
        })?;
        Ok(Self { rest: text.lines(), line: 0 })
    }

    /// The number of the last line given.
    pub(super) fn line(&self) -> usize {
        self.line.max(1)
    }

    /// The next line that is not blank.
    pub(super) fn next_filled(&mut self) -> Option<(usize, &'a str)> {
        loop {
            let text = self.rest.next()?.trim();
            self.line += 1;
            if !text.is_empty() {
                return Some((self.line, text));
            }
        }
    }
}

/// One `key=value`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    pub key: &'static str,
    pub text: &'a str,
    pub line: usize,
}

impl<'a> Field<'a> {
    pub(super) fn invalid(&self, message: impl std::fmt::Display) -> Error {
        invalid(self.line, format!("{}: {message}", self.key))
    }

    pub(super) fn words(&self) -> SplitAsciiWhitespace<'a> {
        self.text.split_ascii_whitespace()
    }

    pub(super) fn number<T: FromStr>(&self) -> Result<T, Error> {
        self.text.parse().map_err(|_| self.invalid("not a number of its kind"))
    }

    pub(super) fn numbers<T: FromStr>(&self) -> Result<Vec<T>, Error> {
        let parse = |(at, word): (usize, &str)| {
            word.parse().map_err(|_| self.invalid(format!("entry {} is not a number of its kind", at + 1)))
        };
        self.words().enumerate().map(parse).collect()
    }

    /// Exactly `count` numbers.
    pub(super) fn array<T: FromStr>(&self, count: usize) -> Result<Vec<T>, Error> {
        let numbers = self.numbers()?;
        match numbers.len() == count {
            true => Ok(numbers),
            false => Err(self.invalid(format!("{} entries instead of {count}", numbers.len()))),
        }
    }
}

/// The keys of the header or of a tree: at most as many as are known.
pub(super) struct Keys<'a> {
    fields: Vec<Field<'a>>,
    line: usize,
}

impl<'a> Keys<'a> {
    /// Read up to the next `Tree=` or `end of trees`. A key that is not `known` is refused: it may change the scores.
    pub(super) fn read(lines: &mut Lines<'a>, known: &'static [&'static str]) -> Result<Self, Error> {
        let mut keys = Self { fields: Vec::new(), line: lines.line() };
        loop {
            let before = (lines.rest.clone(), lines.line);
            let Some((line, text)) = lines.next_filled() else { return Ok(keys) };
            if text.starts_with("Tree=") || text == "end of trees" {
                (lines.rest, lines.line) = before;
                return Ok(keys);
            }
            let (key, text) = text.split_once('=').unwrap_or((text, ""));
            let Some(key) = known.iter().find(|known| **known == key) else {
                return Err(unsupported(line, format!("key {:?}", short(key))));
            };
            if keys.get(key).is_some() {
                return Err(invalid(line, format!("{key}: comes twice")));
            }
            keys.fields.push(Field { key, text: text.trim(), line });
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<Field<'a>> {
        self.fields.iter().find(|field| field.key == key).copied()
    }

    pub(super) fn need(&self, key: &str) -> Result<Field<'a>, Error> {
        self.get(key).ok_or_else(|| invalid(self.line, format!("{key}: missing")))
    }
}
