//! Text.

use super::{ReadCell, Violation, web};
use crate::dictionary::{Constraints, StringFormat, TextPattern, Value};

/// More members than this are searched in order.
const SCANNED_MEMBERS: usize = 8;

/// Checks texts. The value of a text is the text itself, so reading gives nothing.
#[derive(Debug, Clone)]
pub struct TextReader {
    format: StringFormat,
    min_length: usize,
    max_length: usize,
    pattern: Option<TextPattern>,
    /// In order.
    members: Option<Vec<Box<str>>>,
}

impl TextReader {
    pub(super) fn new(format: StringFormat, constraints: &Constraints) -> Self {
        let members = constraints.enumeration.as_ref().map(|list| {
            let mut members: Vec<Box<str>> = list
                .iter()
                .filter_map(|literal| match &literal.value {
                    Value::Text(text) => Some(super::trim_blanks(text).into()),
                    _ => None,
                })
                .collect();
            members.sort_unstable();
            members
        });
        Self {
            format,
            min_length: constraints.min_length.unwrap_or(0),
            max_length: constraints.max_length.unwrap_or(usize::MAX),
            pattern: constraints.pattern.clone(),
            members,
        }
    }

    /// Whether every text is a value.
    pub fn accepts_all(&self) -> bool {
        self.format == StringFormat::Default
            && self.min_length == 0
            && self.max_length == usize::MAX
            && self.pattern.is_none()
            && self.members.is_none()
    }

    fn is_member(members: &[Box<str>], text: &str) -> bool {
        if members.len() <= SCANNED_MEMBERS {
            members.iter().any(|member| **member == *text)
        } else {
            members.binary_search_by(|member| (**member).cmp(text)).is_ok()
        }
    }
}

impl ReadCell for TextReader {
    type Value = ();

    #[inline]
    fn read(&self, text: &str) -> Result<(), Violation> {
        let right = match self.format {
            StringFormat::Default => true,
            StringFormat::Email => web::is_email(text),
            StringFormat::Uri => web::is_uri(text),
            StringFormat::Binary => web::is_base64(text),
            StringFormat::Uuid => web::is_uuid(text),
        };
        if !right {
            return Err(Violation::Type);
        }
        // A character has one to four bytes: most lengths are settled without counting.
        if text.len() < self.min_length
            || (text.len() < self.min_length.saturating_mul(4) && characters(text) < self.min_length)
        {
            return Err(Violation::MinLength);
        }
        if text.len() > self.max_length && characters(text) > self.max_length {
            return Err(Violation::MaxLength);
        }
        if self.pattern.as_ref().is_some_and(|pattern| !pattern.is_match(text)) {
            return Err(Violation::Pattern);
        }
        match &self.members {
            Some(members) if !Self::is_member(members, text) => Err(Violation::Enumeration),
            _ => Ok(()),
        }
    }
}

fn characters(text: &str) -> usize {
    text.chars().count()
}
