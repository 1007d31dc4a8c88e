//! The batches and profiles of a customer: list, look at one, cancel, delete. A profile that was submitted is seen as
//! its batch.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bordereau_base::ids::{BatchKey, SolutionName, SubmissionName};
use bordereau_base::state::BatchState;
use bordereau_jobs::{
    BatchHistory, BatchPage, BatchProgress, BatchStatus, Cancelling, ListRequest, PAGE_MAX, Report, Tests,
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::openapi::parameters;
use crate::problem::Problem;
use crate::query::{pairs, parsed, twice, unknown};
use crate::routes::Site;

const PAGE: u32 = 50;

/// A page of batches.
#[derive(Debug, Serialize, ToSchema)]
struct BatchesBody {
    /// Newest first.
    batches: Vec<BatchBody>,
    /// `cursor` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// Where a batch is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct BatchBody {
    /// Its key.
    batch_key: String,
    /// The solution it was sent to.
    solution: String,
    /// What was asked of it.
    submission: String,
    /// The release that was pinned when it was accepted.
    release: String,
    /// Whether a test user sent it.
    test: bool,
    /// `accepted`, `running`, `finished`, `failed`, `cancelled` or `deleted`.
    state: &'static str,
    /// How often it was taken up.
    attempt: u64,
    /// When it was accepted, RFC 3339.
    created: String,
    /// When it last changed, RFC 3339.
    updated: String,
    /// How far it is, while it runs in this process.
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<ProgressBody>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<ReportBody>,
    /// Records read, scored (or contributed) and rejected, once it is finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    records: Option<Value>,
    /// Findings by relation, field, code and severity, once it is finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    findings: Option<Value>,
    /// Findings by code, once it is finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    findings_by_code: Option<BTreeMap<String, u64>>,
    /// Each state it came into, in order; of a single batch only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    states: Vec<StateBody>,
    /// Paths of this batch and of its results.
    links: LinksBody,
}

/// How far a batch is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProgressBody {
    /// `validate`, `link`, `score`, `contribute` or `pack`; of a profile `profile`.
    stage: &'static str,
    /// Unpacked bytes of the upload, as it claims.
    bytes_total: u64,
    /// Unpacked bytes read.
    bytes_read: u64,
    /// Rows read.
    rows_read: u64,
    /// Records that will be scored; zero until that is known.
    records_total: u64,
    /// Records scored.
    records_scored: u64,
}

/// Why a batch failed.
#[derive(Debug, Serialize, ToSchema)]
struct ReportBody {
    /// Stable, for programs.
    code: String,
    /// One sentence.
    message: String,
}

/// A state and when the batch came into it.
#[derive(Debug, Serialize, ToSchema)]
struct StateBody {
    /// The state.
    state: &'static str,
    /// When, RFC 3339.
    at: String,
}

/// Paths on this server.
#[derive(Debug, Serialize, ToSchema)]
struct LinksBody {
    /// The batch.
    batch: String,
    /// Its results zip, which is there once it is finished; of a profile, the profile.
    results: String,
    /// What was found wrong with its rows; absent of a profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<String>,
}

impl From<BatchProgress> for ProgressBody {
    fn from(progress: BatchProgress) -> Self {
        let BatchProgress { stage, bytes_total, bytes_read, rows_read, records_total, records_scored } = progress;
        Self { stage: stage.as_str(), bytes_total, bytes_read, rows_read, records_total, records_scored }
    }
}

impl From<BatchStatus> for BatchBody {
    fn from(status: BatchStatus) -> Self {
        let BatchStatus { key, solution, submission, .. } = &status;
        let is_profile =
            (solution.as_str(), submission.as_str()) == (SolutionName::UNSTRUCTURED, SubmissionName::PROFILE);
        let results = match is_profile {
            true => format!("/api/2/batch/{solution}/{key}/profile"),
            false => format!("/api/2/batch/{solution}/{submission}/{key}"),
        };
        let errors = (!is_profile).then(|| format!("/api/2/batches/{key}/errors"));
        let links = LinksBody { batch: format!("/api/2/batches/{key}"), results, errors };
        let member = |name: &str| status.summary.as_ref().and_then(|summary| summary.get(name)).cloned();
        Self {
            batch_key: key.to_string(),
            solution: solution.to_string(),
            submission: submission.to_string(),
            release: status.release.to_string(),
            test: status.test,
            state: status.state.as_str(),
            attempt: status.attempt,
            created: status.created.to_string(),
            updated: status.updated.to_string(),
            progress: status.progress.map(ProgressBody::from),
            records: member("records"),
            findings: member("findings"),
            findings_by_code: status.summary.as_ref().and_then(by_code),
            report: status.report.map(|Report { code, message, .. }| ReportBody { code, message }),
            states: Vec::new(),
            links,
        }
    }
}

/// How many findings of each code a summary counts.
fn by_code(summary: &Value) -> Option<BTreeMap<String, u64>> {
    let mut codes = BTreeMap::new();
    for counted in summary.get("findings")?.as_array()? {
        let (code, count) = (counted["code"].as_str().unwrap_or_default(), counted["count"].as_u64().unwrap_or(0));
        *codes.entry(code.to_owned()).or_default() += count;
    }
    Some(codes)
}

/// List batches.
///
/// Those of the caller's customer whose solution and submission it has a right to, newest first; profiles are among
/// them. Deleted ones are left out. A profile that was submitted is left out too: its batch stands for both.
#[utoipa::path(
    get,
    path = "/api/2/batches",
    tag = "batches",
    params(parameters::BatchesPage),
    responses(
        (status = 200, description = "A page of batches.", body = BatchesBody),
        (status = 400, description = "A query that is not well-formed."),
        (status = 403, description = "The user's role reads no batches."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn list(State(site): State<Site>, request: Request) -> Response {
    let (headers, uri) = (request.headers(), request.uri());
    let listed = async {
        let caller = crate::auth::caller(&site.jobs, headers).await?;
        let (wanted, limit) = list_request(uri)?;
        Ok(site.jobs.list_batches(&caller, &wanted, limit).await?)
    };
    json(
        listed.await.map(|BatchPage { batches, next }| BatchesBody {
            batches: batches.into_iter().map(BatchBody::from).collect(),
            cursor: next.map(|key| key.to_string()),
        }),
        headers,
    )
}

fn list_request(uri: &Uri) -> Result<(ListRequest, u32), Problem> {
    let (mut request, mut limit, mut which) = (ListRequest::default(), None, None);
    for (name, value) in &pairs(uri)? {
        let repeated = match name.as_str() {
            "state" => {
                let state = BatchState::named(value).filter(|state| *state != BatchState::Deleted);
                let sentence = "The query parameter state must be accepted, running, finished, failed or cancelled.";
                request.state.replace(state.ok_or_else(|| Problem::Query(sentence.to_owned()))?).is_some()
            }
            "solution" => request.solution.replace(parsed(name, value)?).is_some(),
            "submission" => request.submission.replace(parsed(name, value)?).is_some(),
            "since" => request.since.replace(moment(name, value)?).is_some(),
            "until" => request.until.replace(moment(name, value)?).is_some(),
            "keyPrefix" => request.key_prefix.replace(parsed(name, value)?).is_some(),
            "cursor" => request.before.replace(parsed(name, value)?).is_some(),
            "limit" => limit.replace(page_limit(value)?).is_some(),
            "test" => which.replace(tests(value)?).is_some(),
            _ => {
                return Err(unknown(
                    "are state, solution, submission, since, until, keyPrefix, test, limit and cursor",
                ));
            }
        };
        if repeated {
            return Err(twice(name));
        }
    }
    request.tests = which.unwrap_or_default();
    Ok((request, limit.unwrap_or(PAGE)))
}

fn moment(name: &str, value: &str) -> Result<Timestamp, Problem> {
    let sentence = || format!("The query parameter {name} must be a moment such as 2026-11-25T08:00:00Z.");
    value.parse().map_err(|_| Problem::Query(sentence()))
}

fn tests(value: &str) -> Result<Tests, Problem> {
    match value {
        "without" => Ok(Tests::Without),
        "only" => Ok(Tests::Only),
        "all" => Ok(Tests::With),
        _ => Err(Problem::Query("The query parameter test must be without, only or all.".to_owned())),
    }
}

pub(crate) fn page_limit(value: &str) -> Result<u32, Problem> {
    let limit = value.parse().ok().filter(|limit| (1..=PAGE_MAX).contains(limit));
    limit.ok_or_else(|| {
        Problem::Query(format!("The query parameter limit must be a whole number from 1 to {PAGE_MAX}."))
    })
}

/// Look at a batch.
///
/// State, progress while it runs, the moment of each state, and once it is finished records and findings. The batch
/// when the key has one, else the profile.
#[utoipa::path(
    get,
    path = "/api/2/batches/{key}",
    tag = "batches",
    params(parameters::OneBatch),
    responses(
        (status = 200, description = "The batch.", body = BatchBody),
        (status = 403, description = "No right to the batch's solution and submission."),
        (status = 404, description = "No such batch."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn show(State(site): State<Site>, key: KeyPart, request: Request) -> Response {
    let headers = request.headers();
    let shown = async {
        let caller = crate::auth::caller(&site.jobs, headers).await?;
        Ok(site.jobs.batch(&caller, key_of(key)?).await?)
    };
    json(
        shown.await.map(|BatchHistory { status, states }| {
            let states = states.into_iter().map(|(state, at)| StateBody { state: state.as_str(), at: at.to_string() });
            BatchBody { states: states.collect(), ..BatchBody::from(status) }
        }),
        headers,
    )
}

/// Cancel a batch.
///
/// One that waits never runs. One that runs is asked to stop and is `cancelled` soon after; its upload stays. One that
/// has ended is left as it is. The profile under the same key is cancelled too, when the caller has a right to
/// profiles; what was there of it stays.
#[utoipa::path(
    post,
    path = "/api/2/batches/{key}/cancel",
    tag = "batches",
    params(parameters::OneBatch),
    responses(
        (status = 200, description = "It is cancelled, or has ended before.", body = BatchBody),
        (status = 202, description = "It was asked to stop.", body = BatchBody),
        (status = 403, description = "No right to the batch's solution and submission."),
        (status = 404, description = "No such batch."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn cancel(State(site): State<Site>, key: KeyPart, request: Request) -> Response {
    let headers = request.headers();
    let cancelled = async {
        let caller = crate::auth::caller(&site.jobs, headers).await?;
        let key = key_of(key)?;
        let cancelling = site.jobs.cancel(&caller, key).await?;
        Ok((cancelling, site.jobs.batch(&caller, key).await?.status))
    };
    match cancelled.await {
        Ok((cancelling, status)) => {
            let mut response = json(Ok(BatchBody::from(status)), headers);
            if cancelling == Cancelling::Stopping {
                *response.status_mut() = StatusCode::ACCEPTED;
            }
            response
        }
        Err(problem) => Problem::into_response(problem, headers),
    }
}

/// Delete a batch.
///
/// Upload, results and contributed rows are removed for good, and so is the profile under the same key, to which a
/// right is needed too. The key stays used.
#[utoipa::path(
    delete,
    path = "/api/2/batches/{key}",
    tag = "batches",
    params(parameters::OneBatch),
    responses(
        (status = 204, description = "It is gone, or was before."),
        (status = 403, description = "No right to the batch's solution and submission, or to the profile under its key."),
        (status = 404, description = "No such batch."),
        (status = 409, description = "It or the profile under its key has not ended; cancel it first."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn delete(State(site): State<Site>, key: KeyPart, request: Request) -> Response {
    let headers = request.headers();
    let deleted: Result<(), Problem> = async {
        let caller = crate::auth::caller(&site.jobs, headers).await?;
        Ok(site.jobs.delete(&caller, key_of(key)?).await?)
    }
    .await;
    match deleted {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(problem) => problem.into_response(headers),
    }
}

/// The key in a path, or why it cannot be had.
pub(crate) type KeyPart = Result<Path<String>, axum::extract::rejection::PathRejection>;

/// What is not well-formed does not exist.
pub(crate) fn key_of(key: KeyPart) -> Result<BatchKey, Problem> {
    let Path(key) = key.map_err(|_| Problem::NotFound)?;
    key.parse().map_err(|_| Problem::NotFound)
}

pub(crate) fn json<T: Serialize>(answer: Result<T, Problem>, headers: &HeaderMap) -> Response {
    match answer {
        Ok(body) => {
            let mut response = Response::new(Body::from(serde_json::to_string(&body).unwrap_or_default()));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(problem) => problem.into_response(headers),
    }
}
