//! Subscriptions: the long poll of the guide, and the same log as Server-Sent Events.
//!
//! Both read [`bordereau_jobs::Subscription`], which misses nothing; here is only how long to wait and how it is
//! written. A long poll is answered as soon as there is an event, when its time is over, or when the server is being
//! shut down, always with a cursor to go on from. A stream goes on until the client or the server ends it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::sse::{Event as SentEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use bordereau_jobs::{Caller, Event, Filter, Subscription};
use futures::Stream;
use rand::RngExt;
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::problem::{Problem, ProblemBody, accept_only};
use crate::query::{pairs, twice, unknown};
use crate::routes::Site;

/// Seconds a long poll waits unless its client says otherwise.
const TIMEOUT_S: u64 = 30;
/// The longest a client may ask for.
const TIMEOUT_S_MAX: u64 = 300;
/// A timeout is up to this share longer, so that clients that began together do not come back together.
const JITTER: f64 = 0.1;
/// Events in one answer of a long poll.
const EVENTS_MAX: usize = 1_000;
/// Filters in one subscription.
const FILTERS_MAX: usize = 64;
/// How often a stream without events shows that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The answer of a long poll.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventsBody {
    /// In the order in which they happened; none when the time was over.
    events: Vec<EventBody>,
    /// Where to go on: `since` of the next poll with the same filters.
    cursor: String,
    /// The cursor that was sent is none of this log (any more): `events` is the present state, the newest event of each
    /// kind of each batch.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    reset: bool,
}

/// Something that happened to a profile or batch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventBody {
    /// `preliminaryProfile`, `profileUpdatedEvent`, `batchFinished` or `batchFailed`.
    name: &'static str,
    /// The batch or profile key.
    batch_key: String,
    /// The customer.
    customer: String,
    /// The solution the batch was sent to.
    solution: String,
    /// What was asked of it.
    submission: String,
    /// Whether a test user sent it; left out when not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    test: bool,
    /// The state it is in since: `accepted`, `running`, `finished` or `failed`.
    state: &'static str,
    /// 1, 2, 3, ... of the customer, without holes.
    sequence: u64,
    /// When, RFC 3339.
    at: String,
}

impl From<&Event> for EventBody {
    fn from(event: &Event) -> Self {
        Self {
            name: event.name.as_str(),
            batch_key: event.key.to_string(),
            customer: event.customer.to_string(),
            solution: event.solution.to_string(),
            submission: event.submission.to_string(),
            test: event.test,
            state: event.state.as_str(),
            sequence: event.sequence,
            at: event.at.to_string(),
        }
    }
}

/// An event as the JSON object that subscriptions give.
pub(crate) fn event_json(event: &Event) -> String {
    serde_json::to_string(&EventBody::from(event)).unwrap_or_default()
}

/// What a subscription asks for.
#[derive(Debug, Default)]
struct Wanted {
    filters: Vec<Filter>,
    since: Option<String>,
    timeout_s: Option<u64>,
}

impl Wanted {
    fn read(uri: &Uri) -> Result<Self, Problem> {
        let mut wanted = Self::default();
        for (name, value) in pairs(uri)? {
            let repeated = match name.as_str() {
                "filter" => {
                    wanted.filters.push(filter(&value)?);
                    false
                }
                "since" => wanted.since.replace(value).is_some(),
                "timeout" => wanted.timeout_s.replace(timeout_s(&value)?).is_some(),
                _ => return Err(unknown("are filter, since and timeout")),
            };
            if repeated {
                return Err(twice(&name));
            }
        }
        if wanted.filters.len() > FILTERS_MAX {
            return Err(Problem::Query(format!("A subscription may have at most {FILTERS_MAX} filters.")));
        }
        Ok(wanted)
    }
}

fn filter(text: &str) -> Result<Filter, Problem> {
    text.parse().map_err(|error| Problem::Query(format!("The query parameter filter is not well-formed: {error}.")))
}

fn timeout_s(text: &str) -> Result<u64, Problem> {
    let seconds = text.parse().ok().filter(|seconds| (0..=TIMEOUT_S_MAX).contains(seconds));
    let sentence = || format!("The query parameter timeout must be whole seconds from 0 to {TIMEOUT_S_MAX}.");
    seconds.ok_or_else(|| Problem::Query(sentence()))
}

/// Wait for events.
///
/// Answers as soon as an event matches one of the filters, else when the time is over, with a cursor to go on from. A
/// subscription sees its own customer's events and no others.
#[utoipa::path(
    get,
    path = "/solutions/longpoll/subscribe",
    tag = "events",
    params(
        ("filter" = Option<String>, Query, description = "Pairs that must all match, such as `name,batchFinished,batchKey,GUID`. May be repeated: then any may match. Without one every event matches."),
        ("since" = Option<String>, Query, description = "The cursor of an earlier answer. Without it a filter with a batch key begins at the batch's first event, any other with what happens from now on."),
        ("timeout" = Option<u64>, Query, description = "Seconds to wait, 0 to 300, 30 when absent; up to a tenth longer."),
    ),
    responses(
        (status = 200, description = "Events, or none when the time was over.", body = EventsBody),
        (status = 400, description = "A query that is not well-formed.", content((String = "text/plain"), (ProblemBody = "application/problem+json"))),
        (status = 401, description = "Credentials are missing or wrong.", content((String = "text/plain"), (ProblemBody = "application/problem+json"))),
        (status = 403, description = "The user's role has no subscriptions.", content((String = "text/plain"), (ProblemBody = "application/problem+json"))),
        (status = 429, description = "Too many subscriptions at once; see `Retry-After`.", content((String = "text/plain"), (ProblemBody = "application/problem+json"))),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn longpoll(State(site): State<Site>, request: Request) -> Response {
    // Ten thousand may wait. What is there only before and after the wait is boxed, and the head of the request goes:
    // a single header would keep all that was read of the connection.
    let (head, _) = request.into_parts();
    let accept = accept_only(&head.headers);
    let polled = match Box::pin(begin(site.clone(), head)).await {
        Ok(poll) => poll.answered(&site).await,
        Err(problem) => Err(problem),
    };
    match polled {
        Ok(body) => {
            let json = serde_json::to_string(&body).unwrap_or_default();
            uncached(([(CONTENT_TYPE, "application/json")], json).into_response())
        }
        Err(problem) => problem.into_response(&accept),
    }
}

/// A poll that waits.
struct Poll {
    caller: Caller,
    subscription: Box<Subscription>,
    events: Vec<EventBody>,
    until: Instant,
}

async fn begin(site: Site, head: Parts) -> Result<Poll, Problem> {
    let caller = crate::auth::caller(&site.jobs, &head.headers).await?;
    let wanted = Wanted::read(&head.uri)?;
    let wait_s = wanted.timeout_s.unwrap_or(TIMEOUT_S) as f64 * (1.0 + JITTER * rand::rng().random::<f64>());
    let until = Instant::now() + Duration::from_secs_f64(wait_s);
    let mut subscription = site.jobs.subscribe(&caller, wanted.filters, wanted.since.as_deref()).await?;
    let events = ready(&mut subscription).await?;
    Ok(Poll { caller, subscription: Box::new(subscription), events, until })
}

impl Poll {
    async fn answered(mut self, site: &Site) -> Result<EventsBody, Problem> {
        if self.events.is_empty() && !self.subscription.was_reset() {
            let event = tokio::select! {
                event = self.subscription.next() => Some(event?),
                () = tokio::time::sleep_until(self.until) => None,
                () = site.stopped() => None,
                () = site.jobs.until_unwelcome(&self.caller) => return Err(Problem::Unauthorized),
            };
            self.events.extend(event.as_deref().map(EventBody::from));
        }
        Box::pin(self.ended()).await
    }

    async fn ended(self) -> Result<EventsBody, Problem> {
        let Self { mut subscription, mut events, .. } = self;
        events.extend(ready(&mut subscription).await?);
        let (more, cursor) =
            if events.len() < EVENTS_MAX { subscription.latest_cursor().await? } else { (None, subscription.cursor()) };
        events.extend(more.as_deref().map(EventBody::from));
        Ok(EventsBody { events, cursor: cursor.to_string(), reset: subscription.was_reset() })
    }
}

async fn ready(subscription: &mut Subscription) -> Result<Vec<EventBody>, Problem> {
    let mut events = Vec::new();
    while events.len() < EVENTS_MAX
        && let Some(event) = subscription.ready().await?
    {
        events.push(EventBody::from(&*event));
    }
    Ok(events)
}

/// Follow events as a stream.
///
/// Server-Sent Events: `id` is the cursor after the event, `event` its name, `data` the event as JSON. A client that
/// comes back sends the last `id` as `Last-Event-ID` and misses nothing; `event: reset` says that it is none of this
/// log, and the present state follows.
#[utoipa::path(
    get,
    path = "/api/2/events",
    tag = "events",
    params(
        ("filter" = Option<String>, Query, description = "As of the long poll."),
        ("since" = Option<String>, Query, description = "As of the long poll; `Last-Event-ID` goes before it."),
        ("Last-Event-ID" = Option<String>, Header, description = "The cursor of the last event that was received."),
    ),
    responses(
        (status = 200, description = "The stream.", body = Object, content_type = "text/event-stream"),
        (status = 400, description = "A query that is not well-formed.", content((String = "text/plain"), (ProblemBody = "application/problem+json"))),
        (status = 401, description = "Credentials are missing or wrong.", content((String = "text/plain"), (ProblemBody = "application/problem+json"))),
        (status = 403, description = "The user's role has no subscriptions.", content((String = "text/plain"), (ProblemBody = "application/problem+json"))),
        (status = 429, description = "Too many subscriptions at once; see `Retry-After`.", content((String = "text/plain"), (ProblemBody = "application/problem+json"))),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn stream(State(site): State<Site>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    match opened(&site, &head.headers, &head.uri).await {
        Ok((caller, subscription)) => {
            let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
            uncached(Sse::new(sent(site, caller, subscription)).keep_alive(keep_alive).into_response())
        }
        Err(problem) => problem.into_response(&head.headers),
    }
}

async fn opened(site: &Site, headers: &HeaderMap, uri: &Uri) -> Result<(Caller, Subscription), Problem> {
    let caller = crate::auth::caller(&site.jobs, headers).await?;
    let wanted = Wanted::read(uri)?;
    let last = headers.get("last-event-id").map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let subscription = site.jobs.subscribe(&caller, wanted.filters, last.or(wanted.since).as_deref()).await?;
    Ok((caller, subscription))
}

/// The events of a subscription as they are written, until the server is being shut down, the credentials end or the
/// store fails.
fn sent(site: Site, caller: Caller, subscription: Subscription) -> impl Stream<Item = Result<SentEvent, Infallible>> {
    let first = subscription.was_reset();
    futures::stream::unfold((site, caller, subscription, first), |(site, caller, mut subscription, reset)| async move {
        if reset {
            let event = SentEvent::default().event("reset").id(subscription.cursor().to_string()).data("{}");
            return Some((Ok(event), (site, caller, subscription, false)));
        }
        let event = tokio::select! {
            event = subscription.next() => event.ok()?,
            () = site.stopped() => return None,
            () = site.jobs.until_unwelcome(&caller) => return None,
        };
        let written = written(&event, &subscription);
        Some((Ok(written), (site, caller, subscription, false)))
    })
}

fn written(event: &Arc<Event>, subscription: &Subscription) -> SentEvent {
    let id = subscription.cursor().to_string();
    SentEvent::default().id(id).event(event.name.as_str()).data(event_json(event))
}

fn uncached(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
