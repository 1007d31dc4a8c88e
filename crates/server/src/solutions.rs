//! The solutions that a caller may use, their releases and data dictionaries.
//!
//! A solution of which the caller may use no submission does not exist for it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use bordereau_base::ids::{ReleaseVersion, SolutionName};
use bordereau_jobs::{Action, Caller, Release, SubmissionKind};
use serde::Serialize;
use utoipa::ToSchema;

use crate::batches::json;
use crate::names::PathParts;
use crate::openapi::parameters;
use crate::problem::Problem;
use crate::query::{pairs, parsed, twice, unknown};
use crate::routes::Site;

/// Solutions in the order of their names.
#[derive(Debug, Serialize, ToSchema)]
struct SolutionsBody {
    /// Those that the caller may use.
    solutions: Vec<SolutionBody>,
}

/// A solution.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SolutionBody {
    /// Its name, as in paths.
    solution: String,
    /// Title for people.
    title: String,
    /// What it is for.
    description: String,
    /// The release that is active now; absent when none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    active_release: Option<String>,
    /// All releases; of a single solution only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    releases: Vec<ReleaseBody>,
    /// What may be asked of it, as far as the caller has the right.
    submissions: Vec<SubmissionBody>,
    /// Path of the solution.
    link: String,
    /// Path of its data dictionary.
    dictionary: String,
}

/// What may be asked of a solution.
#[derive(Debug, Serialize, ToSchema)]
struct SubmissionBody {
    /// Its name, as in paths.
    submission: String,
    /// Title for people.
    title: String,
    /// `scoring`, or `contribution`: the accepted rows are kept and nothing is scored.
    kind: &'static str,
}

/// A release of a solution.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ReleaseBody {
    /// Its version.
    release: String,
    /// Title for people.
    title: String,
    /// From when on it is the active one, RFC 3339; may lie in the future.
    active_from: String,
    /// Whether it is the active one now.
    active: bool,
    /// Whether its models are demonstration models, trained on synthetic data.
    demonstration: bool,
    /// SHA-256 over all its files, in hex.
    sha256: String,
    /// Path of its data dictionary.
    dictionary: String,
}

/// Releases of a solution.
#[derive(Debug, Serialize, ToSchema)]
struct ReleasesBody {
    /// The oldest version first.
    releases: Vec<ReleaseBody>,
}

/// List solutions.
///
/// Those of which the caller may use a submission.
#[utoipa::path(
    get,
    path = "/api/2/solutions",
    tag = "solutions",
    operation_id = "list_solutions",
    responses(
        (status = 200, description = "The solutions.", body = SolutionsBody),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn list(State(site): State<Site>, request: Request) -> Response {
    let headers = request.headers();
    let listed = async {
        let caller = crate::auth::caller(&site.jobs, headers).await?;
        let names = site.jobs.catalog().solutions();
        let solutions = names.filter_map(|name| Some(solution(name, shown(&site, &caller, name)?)));
        Ok(SolutionsBody { solutions: solutions.collect() })
    };
    json(listed.await, headers)
}

/// Look at a solution.
///
/// With its releases. 404 also without the right to any of its submissions.
#[utoipa::path(
    get,
    path = "/api/2/solutions/{solution}",
    tag = "solutions",
    operation_id = "show_solution",
    params(parameters::OneSolution),
    responses(
        (status = 200, description = "The solution.", body = SolutionBody),
        (status = 404, description = "No such solution."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn show(State(site): State<Site>, parts: PathParts, request: Request) -> Response {
    let headers = request.headers();
    let found = async {
        let (name, known) = known(&site, parts, headers).await?;
        Ok(SolutionBody { releases: releases_of(&site, &name), ..solution(&name, known) })
    };
    json(found.await, headers)
}

/// List the releases of a solution.
///
/// Also those that become active later: they can be asked for by their version.
#[utoipa::path(
    get,
    path = "/api/2/solutions/{solution}/releases",
    tag = "solutions",
    operation_id = "releases_of_solution",
    params(parameters::OneSolution),
    responses(
        (status = 200, description = "The releases.", body = ReleasesBody),
        (status = 404, description = "No such solution."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn releases(State(site): State<Site>, parts: PathParts, request: Request) -> Response {
    let headers = request.headers();
    let found = async {
        let (name, _) = known(&site, parts, headers).await?;
        Ok(ReleasesBody { releases: releases_of(&site, &name) })
    };
    json(found.await, headers)
}

/// Fetch the data dictionary of a solution.
///
/// A Data Package (version 2 of the standard): relations with their fields, constraints and keys.
#[utoipa::path(
    get,
    path = "/api/2/solutions/{solution}/dictionary",
    tag = "solutions",
    operation_id = "dictionary_of_solution",
    params(parameters::OneSolution, parameters::OneRelease),
    responses(
        (status = 200, description = "The dictionary as it is written in the release.", body = Object),
        (status = 400, description = "A query that is not well-formed."),
        (status = 404, description = "No such solution or release."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn dictionary(State(site): State<Site>, parts: PathParts, request: Request) -> Response {
    let (headers, uri) = (request.headers(), request.uri());
    let found = async {
        let (name, _) = known(&site, parts, headers).await?;
        let mut version: Option<ReleaseVersion> = None;
        for (parameter, value) in pairs(uri)? {
            let repeated = match parameter.as_str() {
                "solutionVersion" => version.replace(parsed("solutionVersion", &value)?).is_some(),
                _ => return Err(unknown("is solutionVersion")),
            };
            if repeated {
                return Err(twice(&parameter));
            }
        }
        let catalog = site.jobs.catalog();
        let release = match version {
            Some(version) => catalog.release(&name, &version),
            None => catalog.active(&name, site.jobs.now()),
        };
        release.cloned().ok_or(Problem::NotFound)
    };
    match found.await {
        Ok(release) => written(&release),
        Err(problem) => problem.into_response(headers),
    }
}

fn written(release: &Release) -> Response {
    let mut response = release.datapackage.clone().into_response();
    let sent = response.headers_mut();
    sent.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    sent.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Ok(tag) = HeaderValue::try_from(format!("\"{}\"", release.sha256)) {
        sent.insert(ETAG, tag);
    }
    response
}

/// The solution that a path names, when the caller may use any of it.
async fn known(site: &Site, parts: PathParts, headers: &HeaderMap) -> Result<(SolutionName, Known), Problem> {
    let caller = crate::auth::caller(&site.jobs, headers).await?;
    let parts = parts.map_err(|_| Problem::NotFound)?;
    let name: SolutionName = parts.get("solution").and_then(|name| name.parse().ok()).ok_or(Problem::NotFound)?;
    let known = shown(site, &caller, &name).ok_or(Problem::NotFound)?;
    Ok((name, known))
}

/// What stands for a solution: its active release, else its newest one; and what the caller may ask of it.
struct Known {
    release: Arc<Release>,
    is_active: bool,
    submissions: Vec<SubmissionBody>,
}

fn shown(site: &Site, caller: &Caller, name: &SolutionName) -> Option<Known> {
    let catalog = site.jobs.catalog();
    let active = catalog.active(name, site.jobs.now());
    let release = active.or_else(|| catalog.releases(name).last())?;
    let submissions =
        release.manifest.submissions.iter().filter(|(submission, _)| caller.may(Action::Read, name, submission));
    let submissions: Vec<_> = submissions
        .map(|(submission, spec)| SubmissionBody {
            submission: submission.to_string(),
            title: spec.title.clone(),
            kind: match spec.kind {
                SubmissionKind::Scoring => "scoring",
                SubmissionKind::Contribution => "contribution",
            },
        })
        .collect();
    let release = Arc::clone(release);
    (!submissions.is_empty()).then_some(Known { release, is_active: active.is_some(), submissions })
}

fn solution(name: &SolutionName, known: Known) -> SolutionBody {
    let manifest = &known.release.manifest;
    SolutionBody {
        solution: name.to_string(),
        title: manifest.title.clone(),
        description: manifest.description.clone(),
        active_release: known.is_active.then(|| manifest.version.to_string()),
        releases: Vec::new(),
        submissions: known.submissions,
        link: format!("/api/2/solutions/{name}"),
        dictionary: format!("/api/2/solutions/{name}/dictionary"),
    }
}

fn releases_of(site: &Site, name: &SolutionName) -> Vec<ReleaseBody> {
    let catalog = site.jobs.catalog();
    let active = catalog.active(name, site.jobs.now()).map(|release| release.manifest.version.clone());
    let releases = catalog.releases(name).map(|release| {
        let manifest = &release.manifest;
        ReleaseBody {
            release: manifest.version.to_string(),
            title: manifest.title.clone(),
            active_from: manifest.active_from.to_string(),
            active: active.as_ref() == Some(&manifest.version),
            demonstration: manifest.demonstration,
            sha256: release.sha256.clone(),
            dictionary: format!("/api/2/solutions/{name}/dictionary?solutionVersion={}", manifest.version),
        }
    });
    releases.collect()
}
