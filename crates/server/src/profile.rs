//! Profiles: an upload of any shape is sent to be profiled, and its profile is fetched, preliminary and then full.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use bordereau_base::ids::BatchKey;
use bordereau_jobs::{Action, BatchProfile, BatchRequest, ResultsFile};
use bordereau_profile::datapackage;
use bordereau_profile::document::{Profile, ProfileState};
use futures::StreamExt;

use crate::names::{PathParts, key};
use crate::openapi::parameters;
use crate::problem::Problem;
use crate::query::{pairs, parsed, twice, unknown};
use crate::results::has;
use crate::routes::Site;
use crate::submit::{UploadForm, receive, text_key};

/// The largest profile that is made a page or a draft of; one of ten thousand columns has about half as much.
const DOCUMENT_BYTES_MAX: u64 = 512 << 20;

/// Says of an answer whether the profile is `preliminary` or `full`.
const PROFILE_STATE: HeaderName = HeaderName::from_static("profile-state");

/// Send an upload to be profiled.
///
/// A zip of delimited files of any shape. The answer is the profile key, once the upload is durable. A preliminary
/// profile is there soon (event `preliminaryProfile`), the full one follows (event `batchFinished`).
#[utoipa::path(
    post,
    path = "/solutions/batch/{version}/profile",
    tag = "profile",
    params(parameters::Version, parameters::ChosenProfileKey),
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "The profile key.", body = String, content_type = "text/plain"),
        (status = "4XX", description = "As of a batch."),
        (status = "5XX", description = "As of a batch."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn send_versioned(State(site): State<Site>, parts: PathParts, request: Request) -> Response {
    send_upload(&site, parts, request).await
}

/// Send an upload to be profiled.
///
/// The same as under the versioned path.
#[utoipa::path(
    post,
    path = "/api/2/batch/profile",
    tag = "profile",
    params(parameters::ChosenProfileKey),
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "The profile key.", body = String, content_type = "text/plain"),
        (status = "4XX", description = "As of a batch."),
        (status = "5XX", description = "As of a batch."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn send(State(site): State<Site>, parts: PathParts, request: Request) -> Response {
    send_upload(&site, parts, request).await
}

async fn send_upload(site: &Site, parts: PathParts, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let accepted = async {
        let caller = crate::auth::caller(&site.jobs, &head.headers).await?;
        crate::names::version(&parts)?;
        let asked = |key| BatchRequest::profile(key);
        let anything = asked(None);
        site.jobs.authorize(&caller, Action::Send, &anything.solution, &anything.submission)?;
        if site.is_draining() {
            return Err(Problem::Draining);
        }
        receive(site, &caller, asked(profile_key(&head.uri)?), &head.headers, body).await
    };
    match accepted.await {
        Ok(key) => text_key(key),
        Err(problem) => Problem::into_response(problem, &head.headers),
    }
}

/// The key that the client chose.
fn profile_key(uri: &Uri) -> Result<Option<BatchKey>, Problem> {
    let mut key = None;
    for (name, value) in pairs(uri)? {
        if name != "batchKey" {
            return Err(unknown("is batchKey"));
        }
        if key.replace(parsed(&name, &value)?).is_some() {
            return Err(twice(&name));
        }
    }
    Ok(key)
}

/// The forms in which a profile is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The document as it is.
    Json,
    /// A page for people.
    Html,
    /// A draft of a data dictionary.
    Datapackage,
    /// The state it was made of, which `bordereau profile merge` and `compare` read.
    Sketch,
}

impl Form {
    /// What the query asks for, else what the client prefers.
    fn asked(uri: &Uri, headers: &HeaderMap) -> Result<Self, Problem> {
        let mut asked = None;
        for (name, value) in pairs(uri)? {
            if name != "format" {
                return Err(unknown("is format"));
            }
            let form = match value.as_str() {
                "json" => Self::Json,
                "html" => Self::Html,
                "datapackage" => Self::Datapackage,
                "sketch" => Self::Sketch,
                _ => {
                    let sentence = "The query parameter format must be json, html, datapackage or sketch.";
                    return Err(Problem::Query(sentence.to_owned()));
                }
            };
            if asked.replace(form).is_some() {
                return Err(twice(&name));
            }
        }
        Ok(asked.unwrap_or(if prefers_html(headers) { Self::Html } else { Self::Json }))
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Json | Self::Datapackage => "application/json",
            Self::Html => "text/html; charset=utf-8",
            Self::Sketch => "application/octet-stream",
        }
    }
}

/// Whether `Accept` gives `text/html` more weight than `application/json`, as browsers do.
fn prefers_html(headers: &HeaderMap) -> bool {
    let accept: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let weight = |kind: &str| {
        let ranges = accept.iter().flat_map(|value| value.split(','));
        let weights = ranges.filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            parts.next().filter(|name| name.eq_ignore_ascii_case(kind))?;
            let quality = parts.find_map(|part| part.strip_prefix("q="));
            quality.map_or(Some(1.0), |quality| quality.parse::<f32>().ok())
        });
        weights.fold(0.0, f32::max)
    };
    weight("text/html") > weight("application/json")
}

/// Fetch a profile.
///
/// The newest one there is: preliminary while the full one is in the making. The header `Profile-State` and the member
/// `state` say which. JSON, or a page for a client that prefers HTML.
#[utoipa::path(
    get,
    path = "/solutions/batch/{version}/unstructured/{key}/profile",
    tag = "profile",
    params(parameters::Version, parameters::OneProfile, parameters::ProfileForm),
    responses(
        (status = 200, description = "The profile.", content((Object = "application/json"), (String = "text/html"), (String = "application/octet-stream"))),
        (status = 304, description = "The client has it already."),
        (status = 400, description = "A query that is not well-formed."),
        (status = 403, description = "No right to profiles."),
        (status = 404, description = "Not ready, or no such profile."),
        (status = 422, description = "The upload cannot be profiled."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn profile_versioned(State(site): State<Site>, parts: PathParts, request: Request) -> Response {
    fetch(&site, parts, request).await
}

/// Fetch a profile.
///
/// The same as under the versioned path.
#[utoipa::path(
    get,
    path = "/api/2/batch/unstructured/{key}/profile",
    tag = "profile",
    params(parameters::OneProfile, parameters::ProfileForm),
    responses(
        (status = 200, description = "The profile.", content((Object = "application/json"), (String = "text/html"), (String = "application/octet-stream"))),
        (status = "4XX", description = "As under the versioned path."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn profile(State(site): State<Site>, parts: PathParts, request: Request) -> Response {
    fetch(&site, parts, request).await
}

async fn fetch(site: &Site, parts: PathParts, request: Request) -> Response {
    let headers = request.headers();
    match fetched(site, parts, headers, request.uri()).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(headers),
    }
}

async fn fetched(site: &Site, parts: PathParts, headers: &HeaderMap, uri: &Uri) -> Result<Response, Problem> {
    let caller = crate::auth::caller(&site.jobs, headers).await?;
    let key = key(parts)?;
    let found = site.jobs.profile(&caller, key).await?;
    let form = Form::asked(uri, headers)?;
    let (state, file) = match found {
        BatchProfile::Ready { state, file } => (state, file),
        BatchProfile::Pending(status) => return Err(Problem::Pending(status)),
        BatchProfile::Failed(report) => return Err(Problem::Failed(report)),
        BatchProfile::Unknown | BatchProfile::Ended(_) => return Err(Problem::NotFound),
    };
    let tag = format!("\"{}-{}\"", file.sha256, form as u8);
    let known = has(headers, &tag);
    let body = match form {
        _ if known => Body::empty(),
        Form::Json => Body::from_stream(file.content),
        Form::Sketch => {
            let sketch = site.jobs.profile_state(&caller, key).await?.ok_or(Problem::NotFound)?;
            Body::from_stream(sketch.content)
        }
        Form::Html | Form::Datapackage => made(form, file).await?,
    };
    let mut response = Response::new(body);
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    describe(&mut response, form, state, key, &tag);
    Ok(response)
}

/// A page or a draft of a document.
async fn made(form: Form, file: ResultsFile) -> Result<Body, Problem> {
    if file.bytes > DOCUMENT_BYTES_MAX {
        let sentence = "The profile is too large for this format. Fetch it as json.";
        return Err(Problem::Query(sentence.to_owned()));
    }
    let mut bytes = Vec::new();
    let mut content = file.content;
    while let Some(piece) = content.next().await {
        bytes.extend_from_slice(&piece.map_err(bordereau_jobs::Error::from)?);
    }
    let written = tokio::task::spawn_blocking(move || {
        let profile: Profile = serde_json::from_slice(&bytes).map_err(|_| bordereau_jobs::Error::Stored("profile"))?;
        Ok(match form {
            Form::Html => bordereau_report::html(&profile),
            _ => serde_json::to_string_pretty(&datapackage::draft(&profile)).unwrap_or_default(),
        })
    });
    let written: Result<String, bordereau_jobs::Error> = written.await.map_err(bordereau_jobs::Error::from)?;
    Ok(Body::from(written?))
}

fn describe(response: &mut Response, form: Form, state: ProfileState, key: BatchKey, tag: &str) {
    let sent = response.headers_mut();
    sent.insert(CONTENT_TYPE, HeaderValue::from_static(form.content_type()));
    sent.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    sent.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    sent.insert(VARY, HeaderValue::from_static("accept"));
    let named = match state {
        ProfileState::Preliminary => "preliminary",
        ProfileState::Full => "full",
    };
    sent.insert(PROFILE_STATE, HeaderValue::from_static(named));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        sent.insert(ETAG, tag);
    }
    if form == Form::Html {
        // The page names the digests of its own script and style; nothing else may run or be fetched.
        let policy = HeaderValue::from_static("frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
        sent.insert(CONTENT_SECURITY_POLICY, policy);
    }
    if form == Form::Sketch
        && let Ok(name) = HeaderValue::try_from(format!("attachment; filename=\"{key}.state\""))
    {
        sent.insert(CONTENT_DISPOSITION, name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_gets_a_page_and_a_program_json() {
        for (accept, html) in [
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            ("*/*", false),
            ("", false),
            ("application/json", false),
            ("application/json, text/html;q=0.5", false),
            ("text/html;q=0", false),
            ("TEXT/HTML", true),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_str(accept).unwrap());
            assert_eq!(prefers_html(&headers), html, "{accept:?}");
        }
    }
}
