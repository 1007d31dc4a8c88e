//! Names in paths.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use bordereau_base::ids::{BatchKey, SolutionName, SubmissionName};

use crate::problem::Problem;

/// The variable parts of a path by name, or why they cannot be had.
pub(crate) type PathParts = Result<Path<BTreeMap<String, String>>, PathRejection>;

/// What a path names. Whatever is not well-formed does not exist.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) solution: SolutionName,
    pub(crate) submission: SubmissionName,
    pub(crate) key: Option<BatchKey>,
}

/// Reads `version` (when the path has one), `solution`, `submission` and `key` (when the path has one).
pub(crate) fn named(parts: PathParts) -> Result<Named, Problem> {
    version(&parts)?;
    let Path(parts) = parts.map_err(|_| Problem::NotFound)?;
    let part = |name: &str| parts.get(name).map(String::as_str);
    let parsed = || {
        Some(Named {
            solution: part("solution")?.parse().ok()?,
            submission: part("submission")?.parse().ok()?,
            key: part("key").map(str::parse).transpose().ok()?,
        })
    };
    parsed().ok_or(Problem::NotFound)
}

/// Whether the path's `version`, when it has one, is one.
pub(crate) fn version(parts: &PathParts) -> Result<(), Problem> {
    let known = parts.as_ref().is_ok_and(|Path(parts)| parts.get("version").is_none_or(|text| is_version(text)));
    if known { Ok(()) } else { Err(Problem::NotFound) }
}

/// The part of a path that has this name.
pub(crate) fn part(parts: &PathParts, name: &str) -> Result<String, Problem> {
    let found = parts.as_ref().ok().and_then(|Path(parts)| parts.get(name));
    found.cloned().ok_or(Problem::NotFound)
}

/// Reads `version` (when the path has one) and `key`.
pub(crate) fn key(parts: PathParts) -> Result<BatchKey, Problem> {
    version(&parts)?;
    let Path(parts) = parts.map_err(|_| Problem::NotFound)?;
    parts.get("key").and_then(|text| text.parse().ok()).ok_or(Problem::NotFound)
}

/// Any integer from 1 up, and the word `version`, mean the same behaviour today.
fn is_version(text: &str) -> bool {
    let number = text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() && !text.starts_with('0');
    number || text == "version"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_integers_from_one_up_and_the_word() {
        for (text, ok) in [
            ("1", true),
            ("5", true),
            ("version", true),
            ("18446744073709551616", true),
            ("0", false),
            ("01", false),
            ("+1", false),
            ("VERSION", false),
            ("", false),
            ("-1", false),
            ("1.0", false),
            ("Version", false),
            ("<version>", false),
        ] {
            assert_eq!(is_version(text), ok, "{text:?}");
        }
    }
}
