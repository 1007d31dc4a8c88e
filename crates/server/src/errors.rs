//! `GET .../errors`: what was found wrong with the rows of a batch, page by page.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use bordereau_base::finding::{FindingCode, Severity};
use bordereau_base::ids::BatchKey;
use bordereau_jobs::{Action, BatchFindings, BatchResults, FindingRow, FindingsPage, FindingsRequest, PAGE_MAX};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::batches::{KeyPart, json, key_of, page_limit};
use crate::names::{Named, PathParts, named};
use crate::openapi::parameters;
use crate::problem::Problem;
use crate::query::{pairs, position, twice, unknown};
use crate::routes::Site;

/// Findings in a page unless the client says otherwise.
const PAGE: u32 = 100;

/// A page of findings.
#[derive(Debug, Serialize, ToSchema)]
struct FindingsBody {
    /// By relation, row, code and field, as in the member `errors` of the results.
    findings: Vec<FindingBody>,
    /// `cursor` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// Something found wrong with a row.
#[derive(Debug, Serialize, ToSchema)]
struct FindingBody {
    /// The relation of the row.
    relation: String,
    /// The number of the row in its file; the header is row 1.
    row: u64,
    /// The fields of the record's key, as uploaded; null where the row has none.
    #[schema(value_type = Object)]
    key: Map<String, Value>,
    /// The field at fault; absent when the whole row is.
    #[serde(skip_serializing_if = "String::is_empty")]
    field: String,
    /// `required`, `invalidInputValue`, `uniqueKey`, `foreignKey`, `dependency`, `raggedRow` or `encoding`.
    code: String,
    /// `error` or `warning`.
    severity: String,
    /// The value as uploaded; absent when there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    value: String,
    /// One sentence.
    message: String,
}

impl From<FindingRow> for FindingBody {
    fn from(finding: FindingRow) -> Self {
        let FindingRow { relation, row, key, field, code, severity, value, message } = finding;
        let text = |text: String| if text.is_empty() { Value::Null } else { Value::String(text) };
        let key = key.into_iter().map(|(name, value)| (name, text(value))).collect();
        Self { relation, row, key, field, code, severity, value, message }
    }
}

/// List the findings of a batch.
///
/// What was found wrong with its rows, as in the member `errors` of the results; there once the batch is finished. 404,
/// 422 as for the results.
#[utoipa::path(
    get,
    path = "/solutions/batch/{version}/{solution}/{submission}/{key}/errors",
    tag = "batch",
    params(parameters::Version, parameters::SentTo, parameters::OneBatch, parameters::FindingsPage),
    responses(
        (status = 200, description = "A page of findings.", body = FindingsBody),
        (status = 400, description = "A query that is not well-formed."),
        (status = 403, description = "No right to the solution and submission."),
        (status = 404, description = "Not ready, or no such batch."),
        (status = 422, description = "The batch failed as a whole."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn errors_versioned(State(site): State<Site>, parts: PathParts, request: Request) -> Response {
    errors(State(site), parts, request).await
}

/// List the findings of a batch.
///
/// The same as under the versioned path.
#[utoipa::path(
    get,
    path = "/api/2/batch/{solution}/{submission}/{key}/errors",
    tag = "batch",
    params(parameters::SentTo, parameters::OneBatch, parameters::FindingsPage),
    responses(
        (status = 200, description = "A page of findings.", body = FindingsBody),
        (status = "4XX", description = "As under the versioned path."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn errors(State(site): State<Site>, parts: PathParts, request: Request) -> Response {
    let (headers, uri) = (request.headers(), request.uri());
    let listed = async {
        let caller = crate::auth::caller(&site.jobs, headers).await?;
        let Named { solution, submission, key } = named(parts)?;
        site.jobs.authorize(&caller, Action::Read, &solution, &submission)?;
        let (wanted, limit) = findings_request(uri)?;
        let key: BatchKey = key.ok_or(Problem::NotFound)?;
        answered(site.jobs.findings(&caller, &solution, &submission, key, wanted, limit).await?)
    };
    json(listed.await, headers)
}

/// List the findings of a batch.
///
/// The same as under the versioned path, for whoever has nothing but the key.
#[utoipa::path(
    get,
    path = "/api/2/batches/{key}/errors",
    tag = "batches",
    params(parameters::OneBatch, parameters::FindingsPage),
    responses(
        (status = 200, description = "A page of findings.", body = FindingsBody),
        (status = "4XX", description = "As under the versioned path."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn errors_of_key(State(site): State<Site>, key: KeyPart, request: Request) -> Response {
    let (headers, uri): (&HeaderMap, &Uri) = (request.headers(), request.uri());
    let listed = async {
        let caller = crate::auth::caller(&site.jobs, headers).await?;
        let status = site.jobs.batch(&caller, key_of(key)?).await?.status;
        let (wanted, limit) = findings_request(uri)?;
        let found = site.jobs.findings(&caller, &status.solution, &status.submission, status.key, wanted, limit);
        answered(found.await?)
    };
    json(listed.await, headers)
}

fn answered(findings: BatchFindings) -> Result<FindingsBody, Problem> {
    match findings {
        BatchFindings::Page(FindingsPage { findings, next }) => Ok(FindingsBody {
            findings: findings.into_iter().map(FindingBody::from).collect(),
            cursor: next.map(|next| next.to_string()),
        }),
        BatchFindings::Without(BatchResults::Pending(status)) => Err(Problem::Pending(status)),
        BatchFindings::Without(BatchResults::Failed(report)) => Err(Problem::Failed(report)),
        BatchFindings::Without(BatchResults::Unknown | BatchResults::Ended(_) | BatchResults::Ready(_)) => {
            Err(Problem::NotFound)
        }
    }
}

fn findings_request(uri: &Uri) -> Result<(FindingsRequest, usize), Problem> {
    let (mut request, mut limit, mut after) = (FindingsRequest::default(), None, None);
    for (name, value) in pairs(uri)? {
        let repeated = match name.as_str() {
            "relation" => request.relation.replace(value).is_some(),
            "field" => request.field.replace(value).is_some(),
            "code" => request.code.replace(code(&value)?).is_some(),
            "severity" => request.severity.replace(severity(&value)?).is_some(),
            "cursor" => after.replace(position("cursor", &value)?).is_some(),
            "limit" => limit.replace(page_limit(&value)?).is_some(),
            _ => return Err(unknown("are relation, field, code, severity, limit and cursor")),
        };
        if repeated {
            return Err(twice(&name));
        }
    }
    request.after = after.unwrap_or_default();
    Ok((request, limit.unwrap_or(PAGE).min(PAGE_MAX) as usize))
}

fn code(value: &str) -> Result<FindingCode, Problem> {
    let found = FindingCode::ALL.into_iter().find(|code| code.as_str() == value);
    found.ok_or_else(|| {
        let known: Vec<&str> = FindingCode::ALL.iter().map(|code| code.as_str()).collect();
        Problem::Query(format!("The query parameter code must be one of {}.", known.join(", ")))
    })
}

fn severity(value: &str) -> Result<Severity, Problem> {
    let found = [Severity::Error, Severity::Warning].into_iter().find(|severity| severity.as_str() == value);
    found.ok_or_else(|| Problem::Query("The query parameter severity must be error or warning.".to_owned()))
}
