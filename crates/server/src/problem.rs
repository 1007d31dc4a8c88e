//! Every answer that is not a success: status, sentence, code, headers. One exhaustive table.
//!
//! As text, which is the default, the body is the line the guides fix or one sentence. A client whose `Accept` names
//! `application/problem+json` gets RFC 9457 with the same sentence in `detail` and a stable `code`. Only there is a
//! batch that is still running told apart from one that does not exist, and only to its own customer: to nobody else
//! does [`bordereau_jobs`] say that it is there.

use axum::body::Body;
use axum::http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use bordereau_base::refusal::Refusal;
use bordereau_jobs::{BatchStatus, Error, Report};
use serde::Serialize;
use utoipa::ToSchema;

const PENDING_RETRY_S: u32 = 5;
const BUSY_RETRY_S: u32 = 2;
const DRAINING_RETRY_S: u32 = 10;
const FULL_RETRY_S: u32 = 60;
/// What tus answers when a checksum does not fit.
const CHECKSUM_MISMATCH: u16 = 460;

/// Why a request is not answered as it was meant to.
#[derive(Debug)]
pub(crate) enum Problem {
    /// No or wrong credentials.
    Unauthorized,
    /// No right to the solution and submission.
    Forbidden,
    /// No such thing, or another customer's.
    NotFound,
    /// The batch has no results yet.
    Pending(Box<BatchStatus>),
    /// The batch has failed and will never have results.
    Failed(Report),
    /// Not for this path.
    MethodNotAllowed,
    /// The body is not `multipart/form-data` with a boundary.
    NotMultipart,
    /// No part of the body is named `file` or `batch-file`.
    NoFilePart,
    /// More than one part is.
    ManyFileParts,
    /// The body breaks off or is not well-formed.
    BrokenMultipart,
    /// A query parameter that is not known, given twice, or not well-formed; the sentence.
    Query(String),
    /// A body that is not what it must be; the sentence.
    Body(String),
    /// A header that is missing or not well-formed; the sentence.
    Header(String),
    /// The client speaks another version of tus, or none.
    TusVersion,
    /// The body is no piece of a resumable upload.
    NotAPiece,
    /// The piece breaks off.
    BrokenPiece,
    /// Another piece of the upload is being taken.
    Locked,
    /// The upload is at another position.
    Position,
    /// The bytes are not those of the checksum.
    Checksum,
    /// There is one of that name already.
    Taken(&'static str),
    /// Something is left of it that must go first.
    InUse(&'static str),
    /// An administrator's own account.
    Oneself,
    /// The upload is not taken.
    Refused(Refusal),
    /// The body came too slowly.
    TooSlow,
    /// The batch key was used for something else.
    Conflict,
    /// The batch has not ended.
    NotEnded,
    /// The upload has more bytes than this.
    TooLarge { upload_bytes_max: u64 },
    /// Too many of these lately, and how long to wait.
    TooOften { what: &'static str, wait_ms: u64 },
    /// Too many of these at once.
    Busy(&'static str),
    /// The server is being shut down.
    Draining,
    /// The disk of the data folder is full; already logged.
    Full,
    /// What was asked for is damaged on our disk; already logged.
    Damaged,
    /// A fault of ours, already logged.
    Internal,
}

/// An RFC 9457 problem, sent when `Accept` names `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemBody {
    /// `urn:bordereau:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// The reason phrase of the status.
    title: &'static str,
    /// The status of the response.
    status: u16,
    /// One sentence.
    detail: String,
    /// Stable, for programs: such as `unauthorized`, `batchPending`, or the code of a refusal such as `notAZip`.
    code: String,
    /// Of a batch without results yet: where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<PendingBody>,
}

/// Where a batch is that has no results yet.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PendingBody {
    /// `accepted` or `running`.
    state: &'static str,
    /// `validate`, `link`, `score` or `pack`, while it runs.
    stage: Option<&'static str>,
    /// Rows read so far, while it runs.
    rows_read: Option<u64>,
    /// Records that will be scored, while it runs; zero until that is known.
    records_total: Option<u64>,
    /// Records scored so far, while it runs.
    records_scored: Option<u64>,
}

impl From<&BatchStatus> for PendingBody {
    fn from(status: &BatchStatus) -> Self {
        let progress = status.progress.as_ref();
        Self {
            state: status.state.as_str(),
            stage: progress.map(|progress| progress.stage.as_str()),
            rows_read: progress.map(|progress| progress.rows_read),
            records_total: progress.map(|progress| progress.records_total),
            records_scored: progress.map(|progress| progress.records_scored),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Forbidden => Self::Forbidden,
            Error::Unknown | Error::Absent(_) => Self::NotFound,
            Error::Unwelcome => Self::Unauthorized,
            Error::Taken(what) => Self::Taken(what),
            Error::InUse(what) => Self::InUse(what),
            Error::Oneself => Self::Oneself,
            Error::Invalid(invalid) => Self::Body(format!("{invalid}.")),
            Error::Conflict => Self::Conflict,
            Error::NotEnded => Self::NotEnded,
            Error::TooLarge { upload_bytes_max } => Self::TooLarge { upload_bytes_max },
            Error::Refused(refusal) => Self::Refused(refusal),
            Error::Locked => Self::Locked,
            Error::Position => Self::Position,
            Error::Checksum => Self::Checksum,
            Error::Busy(what) => Self::Busy(what),
            Error::TooOften { what, wait_ms } => Self::TooOften { what, wait_ms },
            Error::Webhook(sentence) => Self::Body(sentence),
            Error::Full => {
                tracing::error!("a request failed: the data folder has no room left");
                Self::Full
            }
            Error::Damaged(_) => Self::Damaged,
            error @ (Error::Store(_)
            | Error::Backup(_)
            | Error::Migrate(_)
            | Error::Stored(_)
            | Error::Io(_)
            | Error::Objects(_)
            | Error::Hash
            | Error::Task) => {
                tracing::error!(error = chain(&error), "a request failed by a fault of ours");
                Self::Internal
            }
        }
    }
}

/// An error with what is below it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut below = error.source();
    while let Some(source) = below {
        line = format!("{line}: {source}");
        below = source.source();
    }
    line
}

impl Problem {
    fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound | Self::Pending(_) => StatusCode::NOT_FOUND,
            Self::Failed(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotMultipart
            | Self::NoFilePart
            | Self::ManyFileParts
            | Self::BrokenMultipart
            | Self::Query(_)
            | Self::Header(_)
            | Self::BrokenPiece
            | Self::Body(_)
            | Self::Refused(_) => StatusCode::BAD_REQUEST,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TusVersion => StatusCode::PRECONDITION_FAILED,
            Self::NotAPiece => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Locked => StatusCode::LOCKED,
            // The protocol's own.
            Self::Checksum => StatusCode::from_u16(CHECKSUM_MISMATCH).unwrap_or(StatusCode::BAD_REQUEST),
            Self::Conflict | Self::NotEnded | Self::Position | Self::Taken(_) | Self::InUse(_) | Self::Oneself => {
                StatusCode::CONFLICT
            }
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Busy(_) | Self::TooOften { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Draining => StatusCode::SERVICE_UNAVAILABLE,
            Self::Full => StatusCode::INSUFFICIENT_STORAGE,
            Self::Damaged | Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The body as text. The statuses whose line the guides fix have it; so have those of the same kind.
    fn text(&self) -> String {
        match self {
            Self::Unauthorized => "401:Unauthorized".to_owned(),
            Self::Forbidden => "403:Forbidden".to_owned(),
            Self::NotFound | Self::Pending(_) => "404:Not Found".to_owned(),
            Self::MethodNotAllowed => "405:Method Not Allowed".to_owned(),
            Self::Internal => "500:Internal Server Error".to_owned(),
            Self::Failed(report) => report.message.clone(),
            Self::NotMultipart => {
                "The body is not multipart/form-data. Send the zip in a part named file or batch-file.".to_owned()
            }
            Self::NoFilePart => {
                "The body has no part named file or batch-file. Send the zip in a part of one of these names."
                    .to_owned()
            }
            Self::ManyFileParts => {
                "The body has more than one part named file or batch-file. Send one zip in one part.".to_owned()
            }
            Self::BrokenMultipart => "The multipart body breaks off or is not well-formed.".to_owned(),
            Self::Query(sentence) | Self::Body(sentence) | Self::Header(sentence) => sentence.clone(),
            Self::TusVersion => "The header Tus-Resumable must be 1.0.0.".to_owned(),
            Self::NotAPiece => "The body is not application/offset+octet-stream.".to_owned(),
            Self::BrokenPiece => "The piece breaks off. Ask where the upload is, and send the rest.".to_owned(),
            Self::Locked => "Another piece of the upload is being taken. Try again later.".to_owned(),
            Self::Position => "The upload is at another position. Ask where it is.".to_owned(),
            Self::Checksum => "The bytes do not fit their checksum. Send them again.".to_owned(),
            Self::Taken(what) => format!("There is a {what} of that name already."),
            Self::InUse(what) => {
                format!("The {what} is still in use. Disable it, and remove its users and batches first.")
            }
            Self::Oneself => "Nobody can disable, remove or demote themselves.".to_owned(),
            Self::Refused(refusal) => refusal.message.clone(),
            Self::TooSlow => "The body came too slowly. Send it again.".to_owned(),
            Self::Conflict => "The batch key was already used for another upload or request.".to_owned(),
            Self::NotEnded => "The batch has not ended. Cancel it first.".to_owned(),
            Self::TooLarge { upload_bytes_max } => format!("The upload has more than {upload_bytes_max} bytes."),
            Self::TooOften { what, .. } => format!("Too many {what}. Try again later."),
            Self::Busy(what) => format!("Too many {what} at once. Try again later."),
            Self::Draining => "The server is being shut down. Try again later.".to_owned(),
            Self::Damaged => {
                "What is stored is damaged and is not handed out. Please tell the operator of the service.".to_owned()
            }
            Self::Full => "The server has no room left. Nothing was accepted. Try again later.".to_owned(),
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Unauthorized => "Credentials are missing or wrong.".to_owned(),
            Self::Forbidden => "The user has no right to do this.".to_owned(),
            Self::NotFound => "There is nothing under this path.".to_owned(),
            Self::Pending(_) => "The batch has no results yet.".to_owned(),
            Self::MethodNotAllowed => "The path does not take this method.".to_owned(),
            Self::Internal => "A fault on our side.".to_owned(),
            other => other.text(),
        }
    }

    fn code(&self) -> String {
        let code = match self {
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "notFound",
            Self::Pending(_) => "batchPending",
            Self::Failed(report) => &report.code,
            Self::MethodNotAllowed => "methodNotAllowed",
            Self::NotMultipart => "notMultipart",
            Self::NoFilePart => "noFilePart",
            Self::ManyFileParts => "manyFileParts",
            Self::BrokenMultipart => "brokenMultipart",
            Self::Query(_) => "badQuery",
            Self::Body(_) => "badBody",
            Self::Header(_) => "badHeader",
            Self::TusVersion => "tusVersion",
            Self::NotAPiece => "notAPiece",
            Self::BrokenPiece => "brokenPiece",
            Self::Locked => "uploadLocked",
            Self::Position => "uploadPosition",
            Self::Checksum => "checksumMismatch",
            Self::Taken(_) => "nameTaken",
            Self::InUse(_) => "inUse",
            Self::Oneself => "oneself",
            Self::Refused(refusal) => return Report::from(refusal.clone()).code,
            Self::TooSlow => "tooSlow",
            Self::Conflict => "batchKeyConflict",
            Self::NotEnded => "batchNotEnded",
            Self::TooLarge { .. } => "uploadTooLarge",
            Self::TooOften { .. } => "tooOften",
            Self::Busy(_) => "busy",
            Self::Draining => "draining",
            Self::Full => "full",
            Self::Damaged => "damaged",
            Self::Internal => "internal",
        };
        code.to_owned()
    }

    fn retry_after_s(&self) -> Option<u32> {
        match self {
            Self::Pending(_) => Some(PENDING_RETRY_S),
            Self::Busy(_) | Self::Locked => Some(BUSY_RETRY_S),
            Self::TooOften { wait_ms, .. } => Some(u32::try_from(wait_ms.div_ceil(1_000)).unwrap_or(u32::MAX)),
            Self::Draining => Some(DRAINING_RETRY_S),
            Self::Full => Some(FULL_RETRY_S),
            _ => None,
        }
    }

    /// The response for a client that sent `headers`.
    pub(crate) fn into_response(self, headers: &HeaderMap) -> Response {
        self.respond(if wants_problem(headers) { Form::Problem } else { Form::Text })
    }

    /// The response as an RFC 9457 problem, whatever the client accepts.
    pub(crate) fn into_problem_response(self) -> Response {
        self.respond(Form::Problem)
    }

    fn respond(self, form: Form) -> Response {
        let status = self.status();
        let (kind, body) = if form == Form::Problem {
            let code = self.code();
            let body = ProblemBody {
                kind: format!("urn:bordereau:problem:{code}"),
                title: status.canonical_reason().unwrap_or_default(),
                status: status.as_u16(),
                detail: self.detail(),
                code,
                batch: if let Self::Pending(status) = &self { Some(PendingBody::from(&**status)) } else { None },
            };
            ("application/problem+json", serde_json::to_string(&body).unwrap_or_default())
        } else {
            ("text/plain; charset=utf-8", self.text())
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let sent = response.headers_mut();
        sent.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        if let Some(seconds) = self.retry_after_s() {
            sent.insert(RETRY_AFTER, seconds.into());
        }
        if let Self::TooOften { what: "requests", .. } = self {
            let seconds = self.retry_after_s().unwrap_or_default();
            if let Ok(left) = HeaderValue::try_from(format!("\"customer\";r=0;t={seconds}")) {
                sent.insert(HeaderName::from_static("ratelimit"), left);
            }
        }
        if matches!(self, Self::Unauthorized) {
            let challenge = "Basic realm=\"bordereau\", charset=\"UTF-8\"";
            sent.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
            sent.append(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"bordereau\""));
        }
        response
    }
}

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Problem,
}

/// A copy of what [`Problem::into_response`] looks at, which keeps nothing else of the request's head in memory.
pub(crate) fn accept_only(headers: &HeaderMap) -> HeaderMap {
    let mut accept = HeaderMap::new();
    for value in headers.get_all(ACCEPT) {
        // The bytes were those of a header, so they are again.
        accept.extend(HeaderValue::from_bytes(value.as_bytes()).ok().map(|value| (ACCEPT, value)));
    }
    accept
}

/// Whether `Accept` names `application/problem+json`, with a weight above zero.
fn wants_problem(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("application/problem+json"));
        let mut weights = parts.filter_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        named && weights.all(|weight| weight.parse::<f32>().is_ok_and(|weight| weight > 0.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_body_is_sent_to_who_asks_for_it() {
        for (accept, wanted) in [
            ("", false),
            ("*/*", false),
            ("application/json", false),
            ("application/problem+json", true),
            ("text/plain, Application/Problem+JSON;q=0.5", true),
            ("application/problem+json;q=0", false),
            ("application/problem+json;q=x", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_str(accept).unwrap());
            assert_eq!(wants_problem(&headers), wanted, "{accept:?}");
        }
    }

    #[test]
    fn a_fault_of_ours_says_so_and_nothing_more() {
        let problem = Problem::from(Error::Stored("report"));
        assert_eq!(
            (problem.status(), problem.text().as_str()),
            (StatusCode::INTERNAL_SERVER_ERROR, "500:Internal Server Error")
        );
    }

    #[test]
    fn who_comes_too_often_or_too_late_is_told_when_to_come_back() {
        for (problem, status, sentence, seconds) in [
            (Problem::Busy("uploads"), 429, "Too many uploads at once. Try again later.", "2"),
            (Problem::Draining, 503, "The server is being shut down. Try again later.", "10"),
            (
                Problem::from(Error::from(std::io::Error::from(std::io::ErrorKind::StorageFull))),
                507,
                "The server has no room left. Nothing was accepted. Try again later.",
                "60",
            ),
        ] {
            assert_eq!(problem.text(), sentence);
            let response = problem.into_response(&HeaderMap::new());
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(response.headers()[RETRY_AFTER], seconds);
        }
    }
}
