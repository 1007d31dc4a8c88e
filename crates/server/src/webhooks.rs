//! Webhooks of a customer: make, look at, change, remove, try, and see what was sent.
//!
//! Only users with the right to everything may: a webhook tells another machine of all the customer's batches.
//! [`network`] says what may be reached, [`send`] makes the requests.

pub(crate) mod network;
pub(crate) mod send;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bordereau_jobs::{Answer, DELIVERIES_PAGE_MAX, Delivery, Secret, Switch, Webhook, WebhookChange, WebhookId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::batches::json;
use crate::json_body;
use crate::names::PathParts;
use crate::openapi::parameters;
use crate::problem::Problem;
use crate::query::{pairs, parsed, position, twice, unknown};
use crate::routes::Site;

const PAGE: u32 = 50;

/// A webhook to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewWebhook {
    /// Where events are sent: an `https` address that is reached from the server.
    url: String,
    /// Which events: filters as of subscriptions, of which any may match; all events when there are none.
    #[serde(default)]
    filters: Vec<String>,
}

/// What a webhook is to be; absent members stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangedWebhook {
    /// Where events are sent.
    url: Option<String>,
    /// Which events.
    filters: Option<Vec<String>>,
    /// `enabled` sends from where it stopped, at once; `paused` stops for now.
    state: Option<WantedState>,
}

/// What the owner of a webhook does with it.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum WantedState {
    Enabled,
    Paused,
}

/// A webhook.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WebhookBody {
    /// Its id.
    id: String,
    /// Where events are sent.
    url: String,
    /// Which events.
    filters: Vec<String>,
    /// `enabled`, `paused`, or `disabled` after a day without success.
    state: &'static str,
    /// Why it is disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The `sequence` of the last event that was delivered or passed over.
    position: u64,
    /// Failed attempts at the event that is due.
    failures: u64,
    /// When that is tried again, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt: Option<String>,
    /// When it was made, RFC 3339.
    created: String,
    /// When it was last changed, RFC 3339.
    updated: String,
    /// What messages are signed with: `whsec_` and base64. Only in the answer that makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl WebhookBody {
    fn new(webhook: Webhook, secret: Option<&Secret>) -> Self {
        Self {
            id: webhook.id.to_string(),
            state: webhook.state.as_str(),
            reason: webhook.state.reason().map(str::to_owned),
            url: webhook.url,
            filters: webhook.filters,
            position: webhook.position,
            failures: webhook.failures,
            next_attempt: webhook.next_attempt.map(|at| at.to_string()),
            created: webhook.created.to_string(),
            updated: webhook.updated.to_string(),
            secret: secret.map(Secret::reveal),
        }
    }
}

/// The webhooks of a customer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhooksBody {
    /// Oldest first.
    webhooks: Vec<WebhookBody>,
}

/// One attempt at a message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeliveryBody {
    /// 1, 2, 3, ... of the webhook.
    number: u64,
    /// `webhook-id` of the message, the same in each attempt at it.
    message: String,
    /// The event's; absent of a ping.
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
    /// The event's name, or `ping`.
    name: String,
    /// 1 for the first.
    attempt: u64,
    /// Whether the receiver answered 2xx.
    delivered: bool,
    /// The status of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// Why there was no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
    /// How long it took, in milliseconds.
    took_ms: u64,
    /// When it was made, RFC 3339.
    at: String,
}

impl From<Delivery> for DeliveryBody {
    fn from(delivery: Delivery) -> Self {
        let delivered = delivery.is_delivered();
        let (status, fault) = match delivery.answer {
            Answer::Status { status, .. } => (Some(status), None),
            Answer::Fault(fault) => (None, Some(fault)),
        };
        let Delivery { number, message, sequence, name, attempt, took_ms, at, .. } = delivery;
        Self { number, message, sequence, name, attempt, delivered, status, fault, took_ms, at: at.to_string() }
    }
}

/// A page of attempts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveriesBody {
    /// Newest first.
    deliveries: Vec<DeliveryBody>,
    /// `cursor` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// What is not well-formed does not exist.
fn id(parts: PathParts) -> Result<WebhookId, Problem> {
    let Path(parts) = parts.map_err(|_| Problem::NotFound)?;
    parts.get("id").and_then(|text| text.parse().ok()).ok_or(Problem::NotFound)
}

/// List webhooks.
#[utoipa::path(
    get,
    path = "/api/2/webhooks",
    tag = "webhooks",
    operation_id = "list_webhooks",
    responses(
        (status = 200, description = "The webhooks.", body = WebhooksBody),
        (status = 403, description = "No right to every submission of every solution."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn list(State(site): State<Site>, headers: HeaderMap) -> Response {
    let listed = async {
        let caller = crate::auth::caller(&site.jobs, &headers).await?;
        let webhooks = site.jobs.list_webhooks(&caller).await?;
        Ok(WebhooksBody { webhooks: webhooks.into_iter().map(|webhook| WebhookBody::new(webhook, None)).collect() })
    };
    json(listed.await, &headers)
}

/// Make a webhook.
///
/// It gets the events from now on. The answer has the secret, which is not shown again.
#[utoipa::path(
    post,
    path = "/api/2/webhooks",
    tag = "webhooks",
    operation_id = "add_webhook",
    request_body(content = NewWebhook, content_type = "application/json"),
    responses(
        (status = 201, description = "The webhook, with its secret.", body = WebhookBody),
        (status = 400, description = "The body is not well-formed, or not taken; it says why."),
        (status = 403, description = "No right to every submission of every solution."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn add(State(site): State<Site>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let added = async {
        let caller = crate::auth::caller(&site.jobs, &head.headers).await?;
        site.jobs.authorize_webhooks(&caller)?;
        let NewWebhook { url, filters } = json_body::read(body, site.body_idle).await?;
        let (webhook, secret) = site.jobs.add_webhook(&caller, &url, &filters).await?;
        Ok(WebhookBody::new(webhook, Some(&secret)))
    };
    let added = added.await;
    let is_added = added.is_ok();
    let mut response = json(added, &head.headers);
    if is_added {
        *response.status_mut() = StatusCode::CREATED;
    }
    response
}

/// Look at a webhook.
#[utoipa::path(
    get,
    path = "/api/2/webhooks/{id}",
    tag = "webhooks",
    operation_id = "show_webhook",
    params(parameters::OneWebhook),
    responses(
        (status = 200, description = "The webhook.", body = WebhookBody),
        (status = 403, description = "No right to every submission of every solution."),
        (status = 404, description = "No such webhook."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn show(State(site): State<Site>, parts: PathParts, headers: HeaderMap) -> Response {
    let shown = async {
        let caller = crate::auth::caller(&site.jobs, &headers).await?;
        Ok(WebhookBody::new(site.jobs.webhook(&caller, id(parts)?).await?, None))
    };
    json(shown.await, &headers)
}

/// Change a webhook.
///
/// Enabling one that was disabled or paused sends what came meanwhile, from where it stopped.
#[utoipa::path(
    patch,
    path = "/api/2/webhooks/{id}",
    tag = "webhooks",
    operation_id = "change_webhook",
    params(parameters::OneWebhook),
    request_body(content = ChangedWebhook, content_type = "application/json"),
    responses(
        (status = 200, description = "The webhook.", body = WebhookBody),
        (status = 400, description = "The body is not well-formed, or not taken; it says why."),
        (status = 403, description = "No right to every submission of every solution."),
        (status = 404, description = "No such webhook."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn change(State(site): State<Site>, parts: PathParts, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let changed = async {
        let caller = crate::auth::caller(&site.jobs, &head.headers).await?;
        let id = id(parts)?;
        site.jobs.webhook(&caller, id).await?;
        let ChangedWebhook { url, filters, state } = json_body::read(body, site.body_idle).await?;
        let switch = state.map(|state| match state {
            WantedState::Enabled => Switch::On,
            WantedState::Paused => Switch::Off,
        });
        let change = WebhookChange { url, filters, switch };
        Ok(WebhookBody::new(site.jobs.change_webhook(&caller, id, &change).await?, None))
    };
    json(changed.await, &head.headers)
}

/// Remove a webhook.
#[utoipa::path(
    delete,
    path = "/api/2/webhooks/{id}",
    tag = "webhooks",
    operation_id = "remove_webhook",
    params(parameters::OneWebhook),
    responses(
        (status = 204, description = "It is gone."),
        (status = 403, description = "No right to every submission of every solution."),
        (status = 404, description = "No such webhook."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn remove(State(site): State<Site>, parts: PathParts, headers: HeaderMap) -> Response {
    let removed: Result<(), Problem> = async {
        let caller = crate::auth::caller(&site.jobs, &headers).await?;
        Ok(site.jobs.remove_webhook(&caller, id(parts)?).await?)
    }
    .await;
    match removed {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(problem) => problem.into_response(&headers),
    }
}

/// Give a webhook a new secret.
///
/// For a day messages are signed with the one before too, so that none is lost while the receiver changes.
#[utoipa::path(
    post,
    path = "/api/2/webhooks/{id}/rotate",
    tag = "webhooks",
    operation_id = "rotate_webhook",
    params(parameters::OneWebhook),
    responses(
        (status = 200, description = "The webhook, with its new secret.", body = WebhookBody),
        (status = 403, description = "No right to every submission of every solution."),
        (status = 404, description = "No such webhook."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn rotate(State(site): State<Site>, parts: PathParts, headers: HeaderMap) -> Response {
    let rotated = async {
        let caller = crate::auth::caller(&site.jobs, &headers).await?;
        let (webhook, secret) = site.jobs.rotate_webhook(&caller, id(parts)?).await?;
        Ok(WebhookBody::new(webhook, Some(&secret)))
    };
    json(rotated.await, &headers)
}

/// Try a webhook.
///
/// Sends a signed message whose `name` is `ping`, once, whatever the state of the webhook.
#[utoipa::path(
    post,
    path = "/api/2/webhooks/{id}/ping",
    tag = "webhooks",
    operation_id = "ping_webhook",
    params(parameters::OneWebhook),
    responses(
        (status = 200, description = "What came of it.", body = DeliveryBody),
        (status = 403, description = "No right to every submission of every solution."),
        (status = 404, description = "No such webhook."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn ping(State(site): State<Site>, parts: PathParts, headers: HeaderMap) -> Response {
    let sent = async {
        let caller = crate::auth::caller(&site.jobs, &headers).await?;
        Ok(DeliveryBody::from(site.jobs.ping_webhook(&caller, id(parts)?).await?))
    };
    json(sent.await, &headers)
}

/// See what was sent.
///
/// The last thousand attempts are kept.
#[utoipa::path(
    get,
    path = "/api/2/webhooks/{id}/deliveries",
    tag = "webhooks",
    operation_id = "deliveries_of_webhook",
    params(parameters::OneWebhook, parameters::DeliveriesPage),
    responses(
        (status = 200, description = "Attempts, newest first.", body = DeliveriesBody),
        (status = 400, description = "A query that is not well-formed."),
        (status = 403, description = "No right to every submission of every solution."),
        (status = 404, description = "No such webhook."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn deliveries(State(site): State<Site>, parts: PathParts, uri: Uri, headers: HeaderMap) -> Response {
    let listed = async {
        let caller = crate::auth::caller(&site.jobs, &headers).await?;
        let id = id(parts)?;
        let (before, limit) = page(&uri)?;
        // One more tells whether there is another page.
        let mut found = site.jobs.deliveries(&caller, id, before, limit + 1).await?;
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let cursor = found.last().filter(|_| more).map(|last| last.number.to_string());
        Ok(DeliveriesBody { deliveries: found.into_iter().map(DeliveryBody::from).collect(), cursor })
    };
    json(listed.await, &headers)
}

/// Where a page begins and how long it is.
fn page(uri: &Uri) -> Result<(Option<i64>, u32), Problem> {
    let (mut before, mut limit) = (None, None);
    for (name, value) in pairs(uri)? {
        let repeated = match name.as_str() {
            "cursor" => before.replace(position("cursor", &value)?.cast_signed()).is_some(),
            "limit" => limit.replace(parsed("limit", &value)?).is_some(),
            _ => return Err(unknown("are limit and cursor")),
        };
        if repeated {
            return Err(twice(&name));
        }
    }
    let limit = limit.unwrap_or(PAGE);
    if (1..DELIVERIES_PAGE_MAX).contains(&limit) {
        return Ok((before, limit));
    }
    Err(Problem::Query(format!(
        "The query parameter limit must be a whole number from 1 to {}.",
        DELIVERIES_PAGE_MAX - 1
    )))
}
