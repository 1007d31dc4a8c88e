//! `GET` or `POST`: a profiled upload is submitted to a solution, without being sent again.
//!
//! The guide submits by `GET`, which proxies and browsers repeat: the same again has the same answer, and none of the
//! answers may be kept by anybody in between. `HEAD` submits nothing. A body is not looked at.

use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CACHE_CONTROL};
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::Response;
use bordereau_base::ids::BatchKey;
use bordereau_jobs::Action;

use crate::names::{PathParts, named};
use crate::problem::{Problem, ProblemBody};
use crate::query::batch_request;
use crate::routes::Site;
use crate::submit::text_key;

/// Submit a profiled upload.
///
/// The upload that was sent to be profiled becomes a batch of the solution, under the same key and without being sent
/// again; it may be submitted while it is still profiled. The right to the solution and submission is enough. The same
/// submission again has the same answer; a key has one batch, so another one is refused.
#[utoipa::path(
    post,
    path = "/solutions/batch/{version}/{solution}/{submission}/{key}/submit",
    tag = "profile",
    operation_id = "submit_profiled_versioned",
    params(
        ("version" = String, Path, description = "An integer from 1 up, or the word `version`."),
        ("solution" = String, Path, description = "Such as `insureright`."),
        ("submission" = String, Path, description = "Such as `scoring`."),
        ("key" = String, Path, description = "The profile key. It becomes the batch key too."),
        ("solutionVersion" = Option<String>, Query, description = "The release, such as `1.0.7`; else the active one."),
        ("format" = Option<String>, Query, description = "`csv` (default) or `parquet`: the members of the results."),
        ("explanations" = Option<String>, Query, description = "Features per prediction: 0 up, or `all`; else as the release says."),
    ),
    responses(
        (status = 200, description = "The key.", body = String, content_type = "text/plain"),
        (status = 400, description = "A query that is not well-formed.", content((String = "text/plain"), (ProblemBody = "application/problem+json"))),
        (status = 401, description = "Credentials are missing or wrong.", content((String = "text/plain"), (ProblemBody = "application/problem+json"))),
        (status = 403, description = "No right to the solution and submission.", content((String = "text/plain"), (ProblemBody = "application/problem+json"))),
        (status = 404, description = "No such solution, submission or release; no such profile, or it failed or was cancelled or deleted before it was submitted.", content((String = "text/plain"), (ProblemBody = "application/problem+json"))),
        (status = 409, description = "The key has a batch of another request.", content((String = "text/plain"), (ProblemBody = "application/problem+json"))),
        (status = 429, description = "Too many at once; see `Retry-After`.", content((String = "text/plain"), (ProblemBody = "application/problem+json"))),
        (status = 503, description = "The server is being shut down; see `Retry-After`.", content((String = "text/plain"), (ProblemBody = "application/problem+json"))),
        (status = 507, description = "The disk is full and nothing was accepted; see `Retry-After`.", content((String = "text/plain"), (ProblemBody = "application/problem+json"))),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn post_versioned(State(site): State<Site>, parts: PathParts, request: Request) -> Response {
    answer(&site, parts, request).await
}

/// Submit a profiled upload.
///
/// The same as by `POST`.
#[utoipa::path(
    get,
    path = "/solutions/batch/{version}/{solution}/{submission}/{key}/submit",
    tag = "profile",
    operation_id = "submit_profiled_by_get_versioned",
    params(
        ("version" = String, Path, description = "An integer from 1 up, or the word `version`."),
        ("solution" = String, Path, description = "Such as `insureright`."),
        ("submission" = String, Path, description = "Such as `scoring`."),
        ("key" = String, Path, description = "The profile key. It becomes the batch key too."),
        ("solutionVersion" = Option<String>, Query, description = "As by `POST`."),
        ("format" = Option<String>, Query, description = "As by `POST`."),
        ("explanations" = Option<String>, Query, description = "As by `POST`."),
    ),
    responses(
        (status = 200, description = "The key.", body = String, content_type = "text/plain"),
        (status = "4XX", description = "As by `POST`.", content((String = "text/plain"), (ProblemBody = "application/problem+json"))),
        (status = "5XX", description = "As by `POST`.", content((String = "text/plain"), (ProblemBody = "application/problem+json"))),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn get_versioned(State(site): State<Site>, parts: PathParts, request: Request) -> Response {
    answer(&site, parts, request).await
}

/// Submit a profiled upload.
///
/// The same as under the versioned path.
#[utoipa::path(
    post,
    path = "/api/2/batch/{solution}/{submission}/{key}/submit",
    tag = "profile",
    operation_id = "submit_profiled",
    params(
        ("solution" = String, Path, description = "Such as `insureright`."),
        ("submission" = String, Path, description = "Such as `scoring`."),
        ("key" = String, Path, description = "The profile key. It becomes the batch key too."),
        ("solutionVersion" = Option<String>, Query, description = "The release, such as `1.0.7`; else the active one."),
        ("format" = Option<String>, Query, description = "`csv` (default) or `parquet`: the members of the results."),
        ("explanations" = Option<String>, Query, description = "Features per prediction: 0 up, or `all`; else as the release says."),
    ),
    responses(
        (status = 200, description = "The key.", body = String, content_type = "text/plain"),
        (status = "4XX", description = "As under the versioned path.", content((String = "text/plain"), (ProblemBody = "application/problem+json"))),
        (status = "5XX", description = "As under the versioned path.", content((String = "text/plain"), (ProblemBody = "application/problem+json"))),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn post(State(site): State<Site>, parts: PathParts, request: Request) -> Response {
    answer(&site, parts, request).await
}

/// Submit a profiled upload.
///
/// The same as under the versioned path.
#[utoipa::path(
    get,
    path = "/api/2/batch/{solution}/{submission}/{key}/submit",
    tag = "profile",
    operation_id = "submit_profiled_by_get",
    params(
        ("solution" = String, Path, description = "Such as `insureright`."),
        ("submission" = String, Path, description = "Such as `scoring`."),
        ("key" = String, Path, description = "The profile key. It becomes the batch key too."),
        ("solutionVersion" = Option<String>, Query, description = "As by `POST`."),
        ("format" = Option<String>, Query, description = "As by `POST`."),
        ("explanations" = Option<String>, Query, description = "As by `POST`."),
    ),
    responses(
        (status = 200, description = "The key.", body = String, content_type = "text/plain"),
        (status = "4XX", description = "As under the versioned path.", content((String = "text/plain"), (ProblemBody = "application/problem+json"))),
        (status = "5XX", description = "As under the versioned path.", content((String = "text/plain"), (ProblemBody = "application/problem+json"))),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn get(State(site): State<Site>, parts: PathParts, request: Request) -> Response {
    answer(&site, parts, request).await
}

/// `HEAD` is not what `GET` is here: whoever only looks must not submit.
pub(crate) async fn head(headers: HeaderMap) -> Response {
    let mut response = Problem::MethodNotAllowed.into_response(&headers);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET,POST"));
    response
}

async fn answer(site: &Site, parts: PathParts, request: Request) -> Response {
    let (head, _) = request.into_parts();
    let mut response = match submitted(site, parts, &head.headers, &head.uri).await {
        Ok(key) => text_key(key),
        Err(problem) => problem.into_response(&head.headers),
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn submitted(site: &Site, parts: PathParts, headers: &HeaderMap, uri: &Uri) -> Result<BatchKey, Problem> {
    let caller = crate::auth::caller(&site.jobs, headers).await?;
    let named = named(parts)?;
    site.jobs.authorize(&caller, Action::Send, &named.solution, &named.submission)?;
    if site.is_draining() {
        return Err(Problem::Draining);
    }
    let mut request = batch_request(&named, uri)?;
    if request.key.is_some() {
        let sentence = "The query parameter batchKey is not taken here: the key is the one of the path.";
        return Err(Problem::Query(sentence.to_owned()));
    }
    request.key = named.key;
    Ok(site.jobs.submit_profiled(&caller, &request).await?.key())
}
