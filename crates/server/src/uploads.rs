//! Resumable uploads: tus 1.0.0 with creation, creation-with-upload, checksum, termination and expiration.
//!
//! A whole upload ends in the same batch as the same bytes posted at once; what is asked stands in `Upload-Metadata`.
//! Credentials are looked at first, then the protocol's version (412), the name of the upload (404), rights, headers,
//! and only then the body. What came of a body that breaks off is kept, unless it has a checksum.

mod headers;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{ALLOW, CACHE_CONTROL, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use bordereau_jobs::{Action, Caller, Checksum, Resumable, UploadId, UploadTaken};
use futures::StreamExt;

use self::headers::{LENGTH, METADATA, OFFSET, RESUMABLE, VERSION};
use crate::openapi::parameters;
use crate::problem::Problem;
use crate::routes::Site;

/// Say what of tus is understood.
///
/// No credentials are needed.
#[utoipa::path(
    options,
    path = "/api/2/uploads",
    tag = "uploads",
    operation_id = "upload_options",
    responses((status = 204, description = "`Tus-Version`, `Tus-Extension`, `Tus-Checksum-Algorithm` and `Tus-Max-Size` say it.")),
)]
pub(crate) async fn options(State(site): State<Site>) -> Response {
    let mut response = empty(StatusCode::NO_CONTENT);
    let sent = response.headers_mut();
    for (name, value) in [
        ("tus-version", VERSION.to_owned()),
        ("tus-extension", "creation,creation-with-upload,checksum,termination,expiration".to_owned()),
        ("tus-checksum-algorithm", Checksum::ALGORITHMS.join(",")),
        ("tus-max-size", site.jobs.upload_bytes_max().to_string()),
    ] {
        set(sent, HeaderName::from_static(name), value);
    }
    sent.insert(ALLOW, HeaderValue::from_static("OPTIONS,POST"));
    response
}

/// Make a resumable upload.
///
/// Its pieces are sent to the path in `Location`; when it is whole it becomes a batch under the key in `Batch-Key`.
/// With `Content-Type: application/offset+octet-stream` the body is the first piece.
#[utoipa::path(
    post,
    path = "/api/2/uploads",
    tag = "uploads",
    operation_id = "create_upload",
    params(parameters::Tus, parameters::NewUpload),
    responses(
        (status = 201, description = "It is made. `Location` is its path, `Batch-Key` the key of the batch that it becomes, `Upload-Expires` when it is removed unless something of it comes."),
        (status = 400, description = "A header that is missing or not well-formed, or a zip that is not taken."),
        (status = 403, description = "No right to the solution and submission."),
        (status = 404, description = "No such solution, submission or release."),
        (status = 412, description = "Another version of tus; `Tus-Version` says which is understood."),
        (status = 413, description = "The upload is too large."),
        (status = 429, description = "Too many at once; see `Retry-After`."),
        (status = 503, description = "The server is being shut down; see `Retry-After`."),
        (status = 507, description = "The disk is full; see `Retry-After`."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn create(State(site): State<Site>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    tus(created(&site, &head, body).await, &head.headers)
}

async fn created(site: &Site, head: &Parts, body: Body) -> Result<Response, Problem> {
    let caller = known(site, &head.headers).await?;
    let metadata = headers::text(&head.headers, &METADATA).unwrap_or_default();
    let request = headers::request(metadata)?;
    site.jobs.authorize(&caller, Action::Send, &request.solution, &request.submission)?;
    if site.is_draining() {
        return Err(Problem::Draining);
    }
    let bytes = headers::number(&head.headers, &LENGTH)?;
    if bytes == 0 {
        return Err(Problem::Header("The header Upload-Length must be at least 1.".to_owned()));
    }
    let has_piece = headers::has_piece(&head.headers);
    let checksum = headers::checksum(&head.headers)?;
    let mut upload = site.jobs.create_upload(&caller, &request, bytes, metadata.to_owned()).await?;
    if has_piece {
        upload = received(site, &caller, upload.id, 0, checksum, body).await?.upload;
    }
    let mut response = empty(StatusCode::CREATED);
    set(response.headers_mut(), LOCATION, format!("/api/2/uploads/{}", upload.id));
    tell(&mut response, &upload);
    Ok(response)
}

/// Ask where a resumable upload is.
#[utoipa::path(
    head,
    path = "/api/2/uploads/{id}",
    tag = "uploads",
    operation_id = "look_at_upload",
    params(parameters::OneUpload, parameters::Tus),
    responses(
        (status = 200, description = "`Upload-Offset` is where the next piece begins, `Upload-Length` where the upload ends; when both are the same it has become its batch."),
        (status = "4XX", description = "As for a new one; 404 also when it has expired."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn look(State(site): State<Site>, id: IdPart, request: Request) -> Response {
    let headers = request.headers();
    let found = async {
        let caller = known(&site, headers).await?;
        let upload = site.jobs.resumable(&caller, named(id)?).await?;
        let mut response = empty(StatusCode::OK);
        set(response.headers_mut(), LENGTH, upload.bytes.to_string());
        if !upload.metadata.is_empty() {
            set(response.headers_mut(), METADATA, upload.metadata.clone());
        }
        tell(&mut response, &upload);
        Ok(response)
    };
    tus(found.await, headers)
}

/// Send a piece of a resumable upload.
///
/// The last one makes it a batch. A piece whose line breaks is kept as far as it came; ask by `HEAD` where to go on. A
/// zip that is not taken ends the upload; after a fault of ours the last byte is to be sent again, as `HEAD` says.
#[utoipa::path(
    patch,
    path = "/api/2/uploads/{id}",
    tag = "uploads",
    operation_id = "resume_upload",
    params(parameters::OneUpload, parameters::Tus, parameters::Piece),
    request_body(content = String, content_type = "application/offset+octet-stream"),
    responses(
        (status = 204, description = "It is kept. `Upload-Offset` is where the next one begins; `Batch-Key` the key of the batch."),
        (status = 400, description = "A header that is missing or not well-formed, or a zip that is not taken."),
        (status = 403, description = "No right to the solution and submission."),
        (status = 404, description = "No such upload."),
        (status = 408, description = "The body came too slowly; what came is kept."),
        (status = 409, description = "The upload is elsewhere, or the batch key was used for another upload or request."),
        (status = 412, description = "Another version of tus."),
        (status = 413, description = "More bytes than `Upload-Length` said."),
        (status = 415, description = "Not `application/offset+octet-stream`."),
        (status = 423, description = "Another piece is being taken."),
        (status = 429, description = "Too many at once; see `Retry-After`."),
        (status = 460, description = "The bytes are not those of the checksum; none is kept."),
        (status = 503, description = "The server is being shut down; see `Retry-After`."),
        (status = 507, description = "The disk is full; see `Retry-After`."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn resume(State(site): State<Site>, id: IdPart, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let taken = async {
        let caller = known(&site, &head.headers).await?;
        let id = named(id)?;
        site.jobs.resumable(&caller, id).await?;
        if site.is_draining() {
            return Err(Problem::Draining);
        }
        if !headers::has_piece(&head.headers) {
            return Err(Problem::NotAPiece);
        }
        let position = headers::number(&head.headers, &OFFSET)?;
        let checksum = headers::checksum(&head.headers)?;
        let taken = received(&site, &caller, id, position, checksum, body).await?;
        let mut response = empty(StatusCode::NO_CONTENT);
        tell(&mut response, &taken.upload);
        Ok(response)
    };
    tus(taken.await, &head.headers)
}

/// Remove a resumable upload.
#[utoipa::path(
    delete,
    path = "/api/2/uploads/{id}",
    tag = "uploads",
    operation_id = "terminate_upload",
    params(parameters::OneUpload, parameters::Tus),
    responses(
        (status = 204, description = "It is gone. The batch that it became, if any, is not."),
        (status = "4XX", description = "As for a piece."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn terminate(State(site): State<Site>, id: IdPart, request: Request) -> Response {
    let headers = request.headers();
    let gone = async {
        let caller = known(&site, headers).await?;
        site.jobs.terminate_upload(&caller, named(id)?).await?;
        Ok(empty(StatusCode::NO_CONTENT))
    };
    tus(gone.await, headers)
}

type IdPart = Result<Path<String>, axum::extract::rejection::PathRejection>;

/// What is not well-formed does not exist.
fn named(id: IdPart) -> Result<UploadId, Problem> {
    let Path(id) = id.map_err(|_| Problem::NotFound)?;
    id.parse().map_err(|_| Problem::NotFound)
}

/// The caller, who speaks our version of the protocol.
async fn known(site: &Site, headers: &HeaderMap) -> Result<Caller, Problem> {
    let caller = crate::auth::caller(&site.jobs, headers).await?;
    if headers::text(headers, &RESUMABLE) == Some(VERSION) { Ok(caller) } else { Err(Problem::TusVersion) }
}

/// Takes a piece to its end, or to where its line breaks.
async fn received(
    site: &Site,
    caller: &Caller,
    id: UploadId,
    position: u64,
    checksum: Option<Checksum>,
    body: Body,
) -> Result<UploadTaken, Problem> {
    let mut piece = site.jobs.resume_upload(caller, id, position, checksum).await?;
    let mut body = body.into_data_stream();
    loop {
        // What came before a break is kept when the piece is dropped.
        let next = tokio::time::timeout(site.body_idle, body.next()).await.map_err(|_| Problem::TooSlow)?;
        match next {
            Some(Ok(bytes)) => piece.write(&bytes).await?,
            Some(Err(_)) => return Err(Problem::BrokenPiece),
            None => return Ok(piece.end().await?),
        }
    }
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Says where an upload is.
fn tell(response: &mut Response, upload: &Resumable) {
    let sent = response.headers_mut();
    set(sent, OFFSET, upload.position.to_string());
    set(sent, HeaderName::from_static("batch-key"), upload.key.to_string());
    set(sent, HeaderName::from_static("upload-expires"), headers::date(upload.expires));
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

/// The answer with what each answer of the protocol has.
fn tus(answer: Result<Response, Problem>, headers: &HeaderMap) -> Response {
    let mut response = answer.unwrap_or_else(|problem| problem.into_response(headers));
    let is_other = response.status() == StatusCode::PRECONDITION_FAILED;
    let sent = response.headers_mut();
    sent.insert(RESUMABLE, HeaderValue::from_static(VERSION));
    sent.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if is_other {
        sent.insert("tus-version", HeaderValue::from_static(VERSION));
    }
    response
}
