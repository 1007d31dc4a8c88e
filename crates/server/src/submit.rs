//! `POST`: an upload becomes a batch.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::Response;
use bordereau_base::ids::BatchKey;
use bordereau_jobs::{Action, BatchRequest, Caller};

use crate::multipart;
use crate::names::{PathParts, named};
use crate::openapi::parameters;
use crate::problem::Problem;
use crate::query::batch_request;
use crate::routes::Site;

/// The body of an upload.
#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "describes the body in the OpenAPI document")]
pub(crate) struct UploadForm {
    /// The zip with one delimited file per relation. The part may also be named `batch-file`.
    #[schema(format = Binary, content_media_type = "application/zip")]
    file: String,
}

/// Submit a batch.
///
/// The zip holds one delimited file per relation of the solution. The answer is the batch key, once the upload is
/// durable. The same key with the same upload and request is the same batch; with another it is refused.
#[utoipa::path(
    post,
    path = "/solutions/batch/{version}/{solution}/{submission}",
    tag = "batch",
    params(parameters::Version, parameters::Asked, parameters::ChosenKey, parameters::Wishes),
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "The batch key.", body = String, content_type = "text/plain"),
        (status = 400, description = "Not multipart, no such part, a query that is not well-formed, or a zip that is not taken."),
        (status = 403, description = "No right to the solution and submission."),
        (status = 404, description = "No such solution, submission or release."),
        (status = 408, description = "The body came too slowly."),
        (status = 409, description = "The batch key was used for another upload or request."),
        (status = 413, description = "The upload is too large."),
        (status = 429, description = "Too many at once; see `Retry-After`."),
        (status = 503, description = "The server is being shut down; see `Retry-After`."),
        (status = 507, description = "The disk is full and nothing was accepted; see `Retry-After`."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn submit_versioned(State(site): State<Site>, parts: PathParts, request: Request) -> Response {
    answer(&site, parts, request).await
}

/// Submit a batch.
///
/// The same as under the versioned path.
#[utoipa::path(
    post,
    path = "/api/2/batch/{solution}/{submission}",
    tag = "batch",
    params(parameters::Asked, parameters::ChosenKey, parameters::Wishes),
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "The batch key.", body = String, content_type = "text/plain"),
        (status = "4XX", description = "As under the versioned path."),
        (status = "5XX", description = "As under the versioned path."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn submit(State(site): State<Site>, parts: PathParts, request: Request) -> Response {
    answer(&site, parts, request).await
}

async fn answer(site: &Site, parts: PathParts, request: Request) -> Response {
    let (head, body) = request.into_parts();
    match accept(site, parts, &head.headers, &head.uri, body).await {
        Ok(key) => text_key(key),
        Err(problem) => problem.into_response(&head.headers),
    }
}

/// The answer to an upload that is durable.
pub(crate) fn text_key(key: BatchKey) -> Response {
    let mut response = Response::new(Body::from(key.to_string()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

async fn accept(
    site: &Site,
    parts: PathParts,
    headers: &HeaderMap,
    uri: &Uri,
    body: Body,
) -> Result<BatchKey, Problem> {
    let caller = crate::auth::caller(&site.jobs, headers).await?;
    let named = named(parts)?;
    site.jobs.authorize(&caller, Action::Send, &named.solution, &named.submission)?;
    if site.is_draining() {
        return Err(Problem::Draining);
    }
    receive(site, &caller, batch_request(&named, uri)?, headers, body).await
}

/// Receives the upload in `body` for `request`.
pub(crate) async fn receive(
    site: &Site,
    caller: &Caller,
    request: BatchRequest,
    headers: &HeaderMap,
    body: Body,
) -> Result<BatchKey, Problem> {
    let boundary = multipart::boundary(headers)?;
    let upload_bytes_max = site.jobs.upload_bytes_max();
    if announced_bytes(headers)
        .is_some_and(|bytes| bytes > upload_bytes_max.saturating_add(multipart::BESIDES_BYTES_MAX))
    {
        return Err(Problem::TooLarge { upload_bytes_max });
    }
    let mut receiver = site.jobs.begin_upload(caller, request).await?;
    multipart::receive(body, boundary, &mut receiver, upload_bytes_max, site.body_idle).await?;
    Ok(receiver.finish().await?.key())
}

fn announced_bytes(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
