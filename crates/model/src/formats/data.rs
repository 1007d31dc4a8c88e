//! JSON and UBJSON documents as one tree of values that know where they stand.
//!
//! [`json`] and [`ubjson`] read bytes into [`Data`]; a list of numbers is one array, so that a model's long arrays cost
//! 8 bytes a number. [`Part`] is what readers of formats ask: a value with its path, which errors name with the line
//! (the first line of a binary document, where the path alone tells the place).
//!
//! Invariants: nesting is bounded by [`DEPTH_MAX`], memory by a small multiple of the file whatever counts it claims,
//! and a key comes once in its map.

pub(super) mod json;
mod ubjson;

use std::borrow::Cow;
use std::collections::HashSet;

use crate::{Error, Format};

/// Deepest nesting: the deepest tree accepted, node in node, and what is around it.
const DEPTH_MAX: usize = 1100;

/// A value and the offset of its first byte.
#[derive(Debug)]
pub(super) struct Data<'a> {
    at: usize,
    value: Value<'a>,
}

#[derive(Debug)]
enum Value<'a> {
    Null,
    Flag(bool),
    Number(f64),
    Text(Cow<'a, str>),
    /// A list of nothing but numbers, at least one of them unless the document gives their type.
    Numbers(Vec<f64>),
    List(Vec<Data<'a>>),
    Map(Map<'a>),
}

type Map<'a> = Vec<(Cow<'a, str>, Data<'a>)>;

/// What is wrong with a document, and at which byte.
#[derive(Debug)]
struct Broken {
    at: usize,
    message: String,
}

impl Broken {
    fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }
}

pub(super) struct Document<'a> {
    format: Format,
    bytes: &'a [u8],
    root: Data<'a>,
    binary: bool,
}

impl<'a> Document<'a> {
    /// Read a document; UBJSON where no JSON can begin like this.
    pub(super) fn read(format: Format, bytes: &'a [u8]) -> Result<Self, Error> {
        let binary = matches!(bytes.get(..2), Some([b'{', b'#' | b'$' | b'N' | b'i' | b'U' | b'I' | b'l' | b'L']));
        let read = if binary { ubjson::read(bytes) } else { json::read(bytes) };
        match read {
            Ok(root) => Ok(Self { format, bytes, root, binary }),
            Err(broken) if binary => Err(Error::invalid(format, 1, format!("byte {}: {}", broken.at, broken.message))),
            Err(broken) => Err(Error::invalid(format, line_of(bytes, broken.at), broken.message)),
        }
    }

    pub(super) fn root(&self) -> Part<'_> {
        Part { document: self, data: &self.root, path: String::new() }
    }
}

fn line_of(bytes: &[u8], at: usize) -> usize {
    1 + bytes.iter().take(at).filter(|byte| **byte == b'\n').count()
}

/// A value of a document, with the path that leads to it.
#[derive(Clone)]
pub(super) struct Part<'d> {
    document: &'d Document<'d>,
    data: &'d Data<'d>,
    path: String,
}

impl<'d> Part<'d> {
    fn within(&self, data: &'d Data<'d>, step: &str) -> Self {
        let dot = if self.path.is_empty() || step.starts_with('[') { "" } else { "." };
        Self { document: self.document, data, path: format!("{}{dot}{step:.60}", self.path) }
    }

    /// The line it begins in, counted from 1.
    pub(super) fn line(&self) -> usize {
        if self.document.binary { 1 } else { line_of(self.document.bytes, self.data.at) }
    }

    pub(super) fn invalid(&self, message: impl std::fmt::Display) -> Error {
        Error::invalid(self.document.format, self.line(), format!("{}: {message}", self.path))
    }

    pub(super) fn unsupported(&self, message: impl std::fmt::Display) -> Error {
        Error::unsupported(self.document.format, self.line(), format!("{}: {message}", self.path))
    }

    /// The value of a key; nothing where it is not there, null, or this is no map.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        let Value::Map(map) = &self.data.value else { return None };
        let (name, data) = map.iter().find(|(name, _)| name == key)?;
        (!matches!(data.value, Value::Null)).then(|| self.within(data, name))
    }

    pub(super) fn need(&self, key: &str) -> Result<Self, Error> {
        self.get(key).ok_or_else(|| match self.path.as_str() {
            "" => Error::invalid(self.document.format, self.line(), format!("{key} is missing")),
            _ => self.invalid(format!("{key} is missing")),
        })
    }

    /// Keys and values of a map, in the order of the file.
    pub(super) fn entries(&self) -> Result<impl Iterator<Item = (&'d str, Self)>, Error> {
        let Value::Map(map) = &self.data.value else { return Err(self.invalid("not an object")) };
        let part = self.clone();
        Ok(map.iter().map(move |(name, data)| (name.as_ref(), part.within(data, name))))
    }

    /// Refuse keys of a map that are not known: they may change the scores.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Error> {
        match self.entries()?.find(|(key, _)| !known.contains(key)) {
            Some((_, part)) => Err(part.unsupported("this key")),
            None => Ok(()),
        }
    }

    /// The elements of a list that holds more than numbers.
    pub(super) fn items(&self) -> Result<impl ExactSizeIterator<Item = Self>, Error> {
        let list = match &self.data.value {
            Value::List(list) => list.as_slice(),
            Value::Numbers(numbers) if numbers.is_empty() => &[],
            _ => return Err(self.invalid("not a list")),
        };
        let part = self.clone();
        Ok(list.iter().enumerate().map(move |(at, data)| part.within(data, &format!("[{at}]"))))
    }

    /// A list of numbers; true and false are 1 and 0.
    pub(super) fn numbers(&self) -> Result<Cow<'d, [f64]>, Error> {
        let flag = |data: &Data<'_>| match data.value {
            Value::Flag(flag) => Some(f64::from(u8::from(flag))),
            Value::Number(number) => Some(number),
            _ => None,
        };
        match &self.data.value {
            Value::Numbers(numbers) => Ok(Cow::Borrowed(numbers)),
            Value::List(list) => {
                let numbers: Option<Vec<f64>> = list.iter().map(flag).collect();
                Ok(Cow::Owned(numbers.ok_or_else(|| self.invalid("not a list of numbers"))?))
            }
            _ => Err(self.invalid("not a list of numbers")),
        }
    }

    /// Exactly `count` numbers.
    pub(super) fn array(&self, count: usize) -> Result<Cow<'d, [f64]>, Error> {
        let numbers = self.numbers()?;
        match numbers.len() == count {
            true => Ok(numbers),
            false => Err(self.invalid(format!("{} entries instead of {count}", numbers.len()))),
        }
    }

    /// A number, or a text that is one.
    pub(super) fn number(&self) -> Result<f64, Error> {
        let number = match &self.data.value {
            Value::Number(number) => Some(*number),
            Value::Text(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.ok_or_else(|| self.invalid("not a number"))
    }

    /// A finite number.
    pub(super) fn finite(&self) -> Result<f64, Error> {
        self.number().and_then(|number| match number.is_finite() {
            true => Ok(number),
            false => Err(self.invalid("not finite")),
        })
    }

    /// A whole number from 0, or a text that is one.
    pub(super) fn whole(&self) -> Result<usize, Error> {
        let number = self.number()?;
        whole(number).ok_or_else(|| self.invalid("not a whole number from 0"))
    }

    pub(super) fn flag(&self) -> Result<bool, Error> {
        match self.data.value {
            Value::Flag(flag) => Ok(flag),
            _ => Err(self.invalid("neither true nor false")),
        }
    }

    pub(super) fn text(&self) -> Result<&'d str, Error> {
        match &self.data.value {
            Value::Text(text) => Ok(text),
            _ => Err(self.invalid("not a text")),
        }
    }

    pub(super) fn texts(&self) -> Result<Vec<&'d str>, Error> {
        self.items()?.map(|item| item.text()).collect()
    }

    /// The document from here on.
    pub(super) fn rest(&self) -> &'d str {
        let bytes = self.document.bytes.get(self.data.at..).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

/// A whole number from 0 that an index can be.
pub(super) fn whole(number: f64) -> Option<usize> {
    (number >= 0.0 && number <= f64::from(u32::MAX) && number.fract() == 0.0).then_some(number as usize)
}

/// The first key of a map that comes twice.
fn twice<'m>(map: &'m Map<'_>) -> Option<&'m Data<'m>> {
    if map.len() <= 16 {
        let seen = |at: usize| map[..at].iter().any(|(name, _)| *name == map[at].0);
        return (1..map.len()).find(|at| seen(*at)).map(|at| &map[at].1);
    }
    let mut seen = HashSet::with_capacity(map.len());
    map.iter().find(|(name, _)| !seen.insert(name.as_ref())).map(|(_, data)| data)
}
