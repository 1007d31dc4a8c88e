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
use crate::openapi::parameters;
use crate::problem::Problem;
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
    params(parameters::Version, parameters::Asked, parameters::ToSubmit, parameters::Wishes),
    responses(
        (status = 200, description = "The key.", body = String, content_type = "text/plain"),
        (status = 400, description = "A query that is not well-formed."),
        (status = 403, description = "No right to the solution and submission."),
        (status = 404, description = "No such solution, submission or release; no such profile, or it failed or was cancelled or deleted before it was submitted."),
        (status = 409, description = "The key has a batch of another request."),
        (status = 429, description = "Too many at once; see `Retry-After`."),
        (status = 503, description = "The server is being shut down; see `Retry-After`."),
        (status = 507, description = "The disk is full and nothing was accepted; see `Retry-After`."),
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
    params(parameters::Version, parameters::Asked, parameters::ToSubmit, parameters::Wishes),
    responses(
        (status = 200, description = "The key.", body = String, content_type = "text/plain"),
        (status = "4XX", description = "As by `POST`."),
        (status = "5XX", description = "As by `POST`."),
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
    params(parameters::Asked, parameters::ToSubmit, parameters::Wishes),
    responses(
        (status = 200, description = "The key.", body = String, content_type = "text/plain"),
        (status = "4XX", description = "As under the versioned path."),
        (status = "5XX", description = "As under the versioned path."),
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
    params(parameters::Asked, parameters::ToSubmit, parameters::Wishes),
    responses(
        (status = 200, description = "The key.", body = String, content_type = "text/plain"),
        (status = "4XX", description = "As under the versioned path."),
        (status = "5XX", description = "As under the versioned path."),
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
