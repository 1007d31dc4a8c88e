//! Text.

use super::{ReadCell, Violation, web};
use crate::dictionary::{Constraints, Literal, StringFormat, TextPattern, Value};

/// More members than this are searched in order.
const SCANNED_MEMBERS: usize = 16;

/// The texts allowed. Codes are short, and short texts are compared as numbers, which is several times as fast.
#[derive(Debug, Clone)]
enum Members {
    /// All have at most [`PACKED_BYTES`] bytes; packed and in order.
    Packed(Vec<u64>),
    /// In order.
    Texts(Vec<Box<str>>),
}

const PACKED_BYTES: usize = 7;

impl Members {
    fn new(mut texts: Vec<Box<str>>) -> Self {
        if let Some(mut packed) = texts.iter().map(|text| packed(text)).collect::<Option<Vec<u64>>>() {
            packed.sort_unstable();
            return Self::Packed(packed);
        }
        texts.sort_unstable();
        Self::Texts(texts)
    }

    #[inline]
    fn contains(&self, text: &str) -> bool {
        match self {
            Self::Packed(members) => packed(text).is_some_and(|text| {
                if members.len() <= SCANNED_MEMBERS {
                    members.contains(&text)
                } else {
                    members.binary_search(&text).is_ok()
                }
            }),
            Self::Texts(members) => members.binary_search_by(|member| (**member).cmp(text)).is_ok(),
        }
    }
}

/// A short text as a number; different texts give different numbers, for a one leads the bytes.
#[inline]
fn packed(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    (bytes.len() <= PACKED_BYTES).then(|| bytes.iter().fold(1, |packed, byte| packed << 8 | u64::from(*byte)))
}

/// Checks texts. The value of a text is the text itself, so reading gives nothing.
#[derive(Debug, Clone)]
pub struct TextReader {
    format: StringFormat,
    min_length: usize,
    max_length: usize,
    pattern: Option<TextPattern>,
    members: Option<Members>,
}

impl TextReader {
    pub(super) fn new(format: StringFormat, constraints: &Constraints) -> Self {
        let members = constraints.enumeration.as_ref().map(|list| {
            let text = |literal: &Literal| match &literal.value {
                Value::Text(text) => Some(super::trim_blanks(text).into()),
                _ => None,
            };
            Members::new(list.iter().filter_map(text).collect())
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
            Some(members) if !members.contains(text) => Err(Violation::Enumeration),
            _ => Ok(()),
        }
    }
}

fn characters(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_whether_short_or_long_few_or_many() {
        let codes: Vec<String> = (0..40).map(|code| format!("C{code}")).collect();
        for members in [vec!["N", "R"], vec!["", "a", "\0", "\0a", "1234567"], vec!["N", "a long one"]] {
            let reader = Members::new(members.iter().map(|text| (*text).into()).collect());
            for text in ["N", "R", "", "a", "\0", "\0a", "1234567", "12345678", "a long one", "b", "n"] {
                assert_eq!(reader.contains(text), members.contains(&text), "{members:?} {text:?}");
            }
        }
        let many = Members::new(codes.iter().map(|text| text.as_str().into()).collect());
        assert!(codes.iter().all(|code| many.contains(code)) && !many.contains("C40") && !many.contains("C"));
    }
}
