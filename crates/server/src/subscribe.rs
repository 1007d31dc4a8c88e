//! Subscriptions: the long poll of the guide, and the same log as Server-Sent Events.
//!
//! Both read [`bordereau_jobs::Subscription`], which misses nothing; here is only how long to wait and how it is
//! written. A long poll is answered as soon as there is an event, when its time is over, or when the server is being
//! shut down, always with a cursor to go on from. While it waits its connection is in the [`Lot`]. A stream goes on
//! until the client or the server ends it.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::sse::{Event as SentEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use bordereau_jobs::{Caller, Cursor, Event, Filter, Subject, Subscription};
use bytes::Bytes;
use futures::{FutureExt, Stream};
use rand::RngExt;
use serde::Serialize;
use utoipa::ToSchema;

use crate::connection::{Lot, Written};
use crate::openapi::parameters;
use crate::problem::{Problem, accept_only};
use crate::query::{pairs, twice, unknown};
use crate::routes::Site;

/// The route of the long poll.
const LONGPOLL: &str = "/solutions/longpoll/subscribe";
const JSON: &str = "application/json";
/// Seconds a long poll waits unless its client says otherwise.
const TIMEOUT_S: u64 = 30;
/// The longest a client may ask for.
pub(crate) const TIMEOUT_S_MAX: u64 = 300;
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

/// Something that happened to a profile or batch, or to a webhook.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventBody {
    /// `preliminaryProfile`, `profileUpdatedEvent`, `batchFinished`, `batchFailed` or `webhookDisabled`.
    name: &'static str,
    /// The batch or profile key; absent of a webhook, as all that follows of batches.
    #[serde(skip_serializing_if = "Option::is_none")]
    batch_key: Option<String>,
    /// The customer.
    customer: String,
    /// The solution the batch was sent to.
    #[serde(skip_serializing_if = "Option::is_none")]
    solution: Option<String>,
    /// What was asked of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    submission: Option<String>,
    /// Whether a test user sent it; left out when not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    test: bool,
    /// The state it is in since: `accepted`, `running`, `finished` or `failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    /// The id of the webhook; absent of a batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook: Option<String>,
    /// Why it was disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// 1, 2, 3, ... of the customer, without holes.
    sequence: u64,
    /// When, RFC 3339.
    at: String,
}

impl From<&Event> for EventBody {
    fn from(event: &Event) -> Self {
        let batch = event.batch();
        let (webhook, reason) = match &event.subject {
            Subject::Batch(_) => (None, None),
            Subject::Webhook { id, reason } => (Some(id.to_string()), Some(reason.clone())),
        };
        Self {
            name: event.name.as_str(),
            batch_key: batch.map(|batch| batch.key.to_string()),
            customer: event.customer.to_string(),
            solution: batch.map(|batch| batch.solution.to_string()),
            submission: batch.map(|batch| batch.submission.to_string()),
            test: batch.is_some_and(|batch| batch.test),
            state: batch.map(|batch| batch.state.as_str()),
            webhook,
            reason,
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
    params(parameters::Poll),
    responses(
        (status = 200, description = "Events, or none when the time was over.", body = EventsBody),
        (status = 400, description = "A query that is not well-formed."),
        (status = 403, description = "The user's role has no subscriptions."),
        (status = 429, description = "Too many subscriptions at once; see `Retry-After`."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn longpoll(State(site): State<Site>, request: Request) -> Response {
    let begun = Instant::now();
    let (head, _) = request.into_parts();
    let (accept, lot) = (accept_only(&head.headers), Lot::of(&head));
    let polled = match Box::pin(begin(site.clone(), head)).await {
        Ok(poll) => match lot.filter(|_| poll.waits(&site)) {
            Some(lot) => match lot.park(Box::pin(parked(site, poll, accept, begun))).await {},
            None => Box::pin(poll.answer(&site)).await,
        },
        Err(problem) => Err(problem),
    };
    match polled {
        Ok(answer) => uncached(([(CONTENT_TYPE, JSON)], answer.json()).into_response()),
        Err(problem) => problem.into_response(&accept),
    }
}

/// The answer of a poll that waits outside of its connection: counted as any other, and written out.
async fn parked(site: Site, poll: Poll, accept: HeaderMap, begun: Instant) -> Written {
    let polled = AssertUnwindSafe(poll.answer(&site)).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("a long poll panicked");
        Err(Problem::Internal)
    });
    let is_last = site.is_draining();
    let (status, bytes) = match polled {
        Ok(answer) => (StatusCode::OK, site.last_answer.written(answer, is_last)),
        Err(problem) => Box::pin(written_out(problem.into_response(&accept), is_last)).await,
    };
    site.answered(LONGPOLL, &Method::GET, status, begun);
    Written { bytes, is_last }
}

/// An answer with a small body as it goes over the wire.
async fn written_out(response: Response, is_last: bool) -> (StatusCode, Bytes) {
    let (head, body) = response.into_parts();
    // What a problem says is in memory already.
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let mut bytes = format!("HTTP/1.1 {}\r\n", head.status).into_bytes();
    for (name, value) in head.headers.iter().filter(|(name, _)| **name != CONTENT_LENGTH) {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    let close = if is_last { "connection: close\r\n" } else { "" };
    let rest = format!("content-length: {}\r\n{close}date: {}\r\n\r\n", body.len(), date(SystemTime::now()));
    bytes.extend_from_slice(rest.as_bytes());
    bytes.extend_from_slice(&body);
    (head.status, bytes.into())
}

/// A time as the header `date` has it.
fn date(time: SystemTime) -> String {
    let time = jiff::Timestamp::try_from(time).unwrap_or_default();
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&time).unwrap_or_default()
}

/// What a long poll is answered.
#[derive(Debug, PartialEq)]
struct Answer {
    events: Vec<Arc<Event>>,
    cursor: Cursor,
    reset: bool,
}

impl Answer {
    fn json(&self) -> String {
        let events = self.events.iter().map(|event| EventBody::from(&**event)).collect();
        let body = EventsBody { events, cursor: self.cursor.to_string(), reset: self.reset };
        serde_json::to_string(&body).unwrap_or_default()
    }
}

/// The answer that was written last. All who waited for one event are answered the same, so it is written once.
#[derive(Debug, Default)]
pub(crate) struct LastAnswer(Mutex<Option<Remembered>>);

#[derive(Debug)]
struct Remembered {
    answer: Answer,
    is_last: bool,
    /// Since 1970: as of when the date is.
    second: u64,
    bytes: Bytes,
}

impl LastAnswer {
    fn written(&self, answer: Answer, is_last: bool) -> Bytes {
        let now = SystemTime::now();
        let second = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = &*last
            && (last.second, last.is_last) == (second, is_last)
            && last.answer == answer
        {
            return last.bytes.clone();
        }
        let (json, close) = (answer.json(), if is_last { "connection: close\r\n" } else { "" });
        let bytes = Bytes::from(format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {JSON}\r\ncache-control: no-store\r\ncontent-length: {}\r\n{close}date: \
             {}\r\n\r\n{json}",
            json.len(),
            date(now),
        ));
        *last = Some(Remembered { answer, is_last, second, bytes: bytes.clone() });
        bytes
    }
}

/// A poll that has begun.
struct Poll {
    caller: Caller,
    subscription: Box<Subscription>,
    events: Vec<Arc<Event>>,
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
    /// Whether there is nothing to be answered yet.
    fn waits(&self, site: &Site) -> bool {
        self.has_nothing() && Instant::now() < self.until && !site.is_draining()
    }

    fn has_nothing(&self) -> bool {
        self.events.is_empty() && !self.subscription.was_reset()
    }

    async fn answer(mut self, site: &Site) -> Result<Answer, Problem> {
        if self.has_nothing() {
            let event = tokio::select! {
                event = self.subscription.next() => Some(event?),
                () = tokio::time::sleep_until(self.until.into()) => None,
                () = site.stopped() => None,
                () = site.jobs.until_unwelcome(&self.caller) => return Err(Problem::Unauthorized),
            };
            self.events.extend(event);
        }
        let Self { mut subscription, mut events, .. } = self;
        events.extend(Box::pin(ready(&mut subscription)).await?);
        let (more, cursor) = if events.len() < EVENTS_MAX {
            Box::pin(subscription.latest_cursor()).await?
        } else {
            (None, subscription.cursor())
        };
        events.extend(more);
        Ok(Answer { events, cursor, reset: subscription.was_reset() })
    }
}

async fn ready(subscription: &mut Subscription) -> Result<Vec<Arc<Event>>, Problem> {
    let mut events = Vec::new();
    while events.len() < EVENTS_MAX
        && let Some(event) = subscription.ready().await?
    {
        events.push(event);
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
    params(parameters::Stream),
    responses(
        (status = 200, description = "The stream.", body = Object, content_type = "text/event-stream"),
        (status = 400, description = "A query that is not well-formed."),
        (status = 403, description = "The user's role has no subscriptions."),
        (status = 429, description = "Too many subscriptions at once; see `Retry-After`."),
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
