//! `GET`: the results of a batch.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use bordereau_base::ids::BatchKey;
use bordereau_jobs::{BatchResults, ResultsFile};

use crate::names::{PathParts, named};
use crate::openapi::parameters;
use crate::problem::Problem;
use crate::routes::Site;

/// Fetch the results of a batch.
///
/// 404 while they are in the making, with `Retry-After`; also for an unknown key and for another customer's. 422 when
/// the batch failed as a whole; the body is its one report.
#[utoipa::path(
    get,
    path = "/solutions/batch/{version}/{solution}/{submission}/{key}",
    tag = "batch",
    params(parameters::Version, parameters::SentTo, parameters::OneBatch),
    responses(
        (status = 200, description = "The results zip. `ETag` is its SHA-256.", content_type = "application/zip"),
        (status = 304, description = "The client has it already."),
        (status = 403, description = "No right to the solution and submission."),
        (status = 404, description = "Not ready, or no such batch."),
        (status = 422, description = "The batch failed as a whole."),
        (status = 429, description = "Too many at once; see `Retry-After`."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn results_versioned(State(site): State<Site>, parts: PathParts, request: Request) -> Response {
    answer(&site, parts, request.headers()).await
}

/// Fetch the results of a batch.
///
/// The same as under the versioned path.
#[utoipa::path(
    get,
    path = "/api/2/batch/{solution}/{submission}/{key}",
    tag = "batch",
    params(parameters::SentTo, parameters::OneBatch),
    responses(
        (status = 200, description = "The results zip. `ETag` is its SHA-256.", content_type = "application/zip"),
        (status = "4XX", description = "As under the versioned path."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn results(State(site): State<Site>, parts: PathParts, request: Request) -> Response {
    answer(&site, parts, request.headers()).await
}

async fn answer(site: &Site, parts: PathParts, headers: &HeaderMap) -> Response {
    match ready(site, parts, headers).await {
        Ok((key, file)) => zip(key, file, headers),
        Err(problem) => problem.into_response(headers),
    }
}

async fn ready(site: &Site, parts: PathParts, headers: &HeaderMap) -> Result<(BatchKey, ResultsFile), Problem> {
    let caller = crate::auth::caller(&site.jobs, headers).await?;
    let named = named(parts)?;
    let key = named.key.ok_or(Problem::NotFound)?;
    match site.jobs.results(&caller, &named.solution, &named.submission, key).await? {
        BatchResults::Ready(file) => Ok((key, file)),
        BatchResults::Pending(status) => Err(Problem::Pending(status)),
        BatchResults::Failed(report) => Err(Problem::Failed(report)),
        BatchResults::Unknown | BatchResults::Ended(_) => Err(Problem::NotFound),
    }
}

fn zip(key: BatchKey, file: ResultsFile, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", file.sha256);
    let known = has(headers, &tag);
    let mut response = Response::new(if known { Body::empty() } else { Body::from_stream(file.content) });
    let sent = response.headers_mut();
    if let Ok(tag) = HeaderValue::try_from(tag) {
        sent.insert(ETAG, tag);
    }
    // The results of a customer are nobody else's, and they never change.
    sent.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    sent.insert(CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    sent.insert(CONTENT_LENGTH, file.bytes.into());
    sent.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(name) = HeaderValue::try_from(format!("attachment; filename=\"{key}.zip\"")) {
        sent.insert(CONTENT_DISPOSITION, name);
    }
    response
}

/// Whether `If-None-Match` names the tag.
pub(crate) fn has(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|named| {
        let named = named.trim();
        named == "*" || named.strip_prefix("W/").unwrap_or(named) == tag
    })
}
