//! The audit log.

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use bordereau_jobs::{AuditRecord, AuditRequest};
use serde::Serialize;
use utoipa::ToSchema;

use super::{PAGE, answer, paged};
use crate::openapi::parameters;
use crate::problem::Problem;
use crate::query::{pairs, parsed, position, twice, unknown};
use crate::routes::Site;

/// A page of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditBody {
    /// Newest first.
    records: Vec<RecordBody>,
    /// `before` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cursor: Option<u64>,
}

/// Something that was done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecordBody {
    /// 1, 2, 3, ... in the order in which it was done.
    id: u64,
    /// When, RFC 3339.
    at: String,
    /// The user; `(operator)` for the command line, `(program)` for the server itself.
    actor: String,
    /// `password`, `commandLine`, `program`, or the prefix of the token.
    via: String,
    /// From which address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    address: Option<String>,
    /// Such as `userAdded`.
    deed: String,
    /// The customer it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    customer: Option<String>,
    /// The user, token or batch key it was done to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    subject: Option<String>,
    /// What more there is to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<String>,
}

impl From<AuditRecord> for RecordBody {
    fn from(record: AuditRecord) -> Self {
        let AuditRecord { id, at, actor, via, address, deed, customer, subject, detail } = record;
        Self { id, at: at.to_string(), actor, via, address, deed, customer, subject, detail }
    }
}

/// Read the audit log.
///
/// Who did what, when and from where, newest first.
#[utoipa::path(
    get,
    operation_id = "read_audit",
    path = "/api/2/admin/audit",
    tag = "administration",
    params(parameters::AuditPage),
    responses(
        (status = 200, description = "A page of the audit log.", body = AuditBody),
        (status = 400, description = "A query or body that is not what it must be."),
        (status = 403, description = "The user is no administrator."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn read(State(site): State<Site>, request: Request) -> Response {
    let (headers, uri) = (request.headers(), request.uri());
    let read = async {
        crate::auth::administrator(&site.jobs, headers).await?;
        let (wanted, limit) = wanted(uri)?;
        let (records, more) = paged(site.jobs.audit(&wanted, limit + 1).await?, limit);
        let cursor = records.last().filter(|_| more).map(|record| record.id);
        Ok(AuditBody { records: records.into_iter().map(RecordBody::from).collect(), cursor })
    };
    answer(StatusCode::OK, read.await)
}

fn wanted(uri: &Uri) -> Result<(AuditRequest, u32), Problem> {
    let (mut wanted, mut limit, mut seen) = (AuditRequest::default(), PAGE, Vec::new());
    for (name, value) in pairs(uri)? {
        match name.as_str() {
            "actor" => wanted.actor = Some(value),
            "customer" => wanted.customer = Some(parsed("customer", &value)?),
            "before" => wanted.before = Some(position("before", &value)?),
            "limit" => limit = crate::batches::page_limit(&value)?,
            _ => return Err(unknown("are actor, customer, before and limit")),
        }
        if seen.contains(&name) {
            return Err(twice(&name));
        }
        seen.push(name);
    }
    Ok((wanted, limit))
}
