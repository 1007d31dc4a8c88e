//! The headers of tus: read, or said what is wrong with them.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bordereau_base::ids::{SolutionName, SubmissionName};
use bordereau_jobs::{BatchRequest, Checksum};
use jiff::Timestamp;

use crate::problem::Problem;
use crate::query::{Wish, wish};

pub(super) const VERSION: &str = "1.0.0";
pub(super) const RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
pub(super) const LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(super) const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const METADATA: HeaderName = HeaderName::from_static("upload-metadata");
pub(super) const CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");

/// What clients of tus add by themselves, and what means nothing here.
const IGNORED: [&str; 5] = ["filename", "filetype", "name", "type", "relativePath"];

/// A header as text; none when it is absent, there twice, or no text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

/// A header that must be a number.
pub(super) fn number(headers: &HeaderMap, name: &HeaderName) -> Result<u64, Problem> {
    let digits = text(headers, name).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = digits.and_then(|text| text.parse().ok());
    number.ok_or_else(|| Problem::Header(format!("The header {} must be a number of bytes.", spelt(name))))
}

fn spelt(name: &HeaderName) -> &'static str {
    if *name == LENGTH { "Upload-Length" } else { "Upload-Offset" }
}

/// Whether the body is a piece.
pub(super) fn has_piece(headers: &HeaderMap) -> bool {
    text(headers, &CONTENT_TYPE).is_some_and(|kind| kind.eq_ignore_ascii_case("application/offset+octet-stream"))
}

/// The checksum of a piece, when it has one.
pub(super) fn checksum(headers: &HeaderMap) -> Result<Option<Checksum>, Problem> {
    if !headers.contains_key(CHECKSUM) {
        return Ok(None);
    }
    let stated = text(headers, &CHECKSUM).and_then(|text| text.split_once(' '));
    let bytes = stated.and_then(|(name, sum)| Some((name, BASE64_STANDARD.decode(sum.trim()).ok()?)));
    let checksum = bytes.and_then(|(name, bytes)| Checksum::named(name, bytes));
    let sentence = "The header Upload-Checksum must be sha1 or sha256, a space, and the checksum in base64.";
    checksum.map(Some).ok_or_else(|| Problem::Header(sentence.to_owned()))
}

/// What `Upload-Metadata` asks for.
pub(super) fn request(metadata: &str) -> Result<BatchRequest, Problem> {
    let (mut solution, mut submission) = (None, None);
    let (mut wishes, mut seen) = (Vec::new(), Vec::new());
    for pair in metadata.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once(' ').unwrap_or((pair, ""));
        if IGNORED.contains(&name) {
            continue;
        }
        let value = BASE64_STANDARD.decode(value.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let value =
            value.ok_or_else(|| Problem::Header("A value of Upload-Metadata is not base64 of text.".to_owned()))?;
        if seen.contains(&name) {
            return Err(Problem::Header("A name is in Upload-Metadata more than once.".to_owned()));
        }
        seen.push(name);
        match name {
            "solution" => solution = value.parse::<SolutionName>().ok(),
            "submission" => submission = value.parse::<SubmissionName>().ok(),
            _ => wishes.push((name, value)),
        }
    }
    for name in ["solution", "submission"] {
        if !seen.contains(&name) {
            return Err(Problem::Header(format!("Upload-Metadata must say the {name}.")));
        }
    }
    // A name that is not well-formed is a name of nothing.
    let (Some(solution), Some(submission)) = (solution, submission) else { return Err(Problem::NotFound) };
    let mut request = BatchRequest::new(solution, submission);
    for (name, value) in wishes {
        let known = wish(&mut request, name, &value).map_err(|problem| match problem {
            Problem::Query(sentence) => Problem::Header(sentence.replace("The query parameter", "In Upload-Metadata")),
            other => other,
        })?;
        if known == Wish::Unknown {
            let known = "solution, submission, batchKey, solutionVersion, format and explanations";
            return Err(Problem::Header(format!("A name in Upload-Metadata is not known. Known are {known}.")));
        }
    }
    Ok(request)
}

/// A moment as HTTP writes it.
pub(super) fn date(moment: Timestamp) -> String {
    moment.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(metadata: &str) -> String {
        match request(metadata) {
            Ok(request) => format!("{}/{} {:?}", request.solution, request.submission, request.version),
            Err(Problem::Header(sentence)) => sentence,
            Err(other) => format!("{other:?}"),
        }
    }

    #[test]
    fn metadata_says_what_is_asked() {
        let both = "solution aW5zdXJlcmlnaHQ=,submission c2NvcmluZw==";
        for (metadata, expected) in [
            (both.to_owned(), "insureright/scoring None"),
            (format!("filename Ym9vay56aXA=, {both},filetype"), "insureright/scoring None"),
            (format!("{both},solutionVersion !"), "A value of Upload-Metadata is not base64 of text."),
            (format!("{both},solution YQ=="), "A name is in Upload-Metadata more than once."),
            ("submission c2NvcmluZw==".to_owned(), "Upload-Metadata must say the solution."),
            ("solution YQ==".to_owned(), "Upload-Metadata must say the submission."),
            ("solution IA==,submission YQ==".to_owned(), "NotFound"),
            (
                format!("{both},batchkey YQ=="),
                "A name in Upload-Metadata is not known. Known are solution, submission, batchKey, solutionVersion, format \
                 and explanations.",
            ),
            (format!("{both},format emlw"), "In Upload-Metadata format is not well-formed: must be csv or parquet."),
        ] {
            assert_eq!(said(&metadata), expected, "{metadata}");
        }
    }

    #[test]
    fn a_moment_is_written_as_http_has_it() {
        assert_eq!(date(Timestamp::UNIX_EPOCH), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
