//! Webhooks: events of a customer sent to addresses of its choice, by Standard Webhooks.
//!
//! A [`Webhook`] reads the same log as subscriptions ([`crate::subscription`]) from a place that is kept in the store.
//! [`Jobs::deliver_webhooks`] ([`deliver`]) sends what its filters want in the order of the log, one message at a time,
//! and moves the place on when the receiver has answered 2xx: every event arrives at least once, in order, also over
//! crashes. One that is refused again and again over a day disables the webhook, which says why and keeps its place.
//!
//! This module knows no HTTP: [`SendWebhook`], which the server gives, makes the request and decides which addresses
//! may be reached. Secrets are shown when they are made and never again.

pub(crate) mod deliver;
pub(crate) mod secret;

use std::sync::Arc;
use std::time::Duration;

use bordereau_base::ids::CustomerName;
pub use bordereau_base::ids::WebhookId;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::account::Caller;
use crate::audit::{Actor, Deed, DeedName};
use crate::error::{Error, Result};
use crate::event::{Event, Filter};
use crate::jobs::Jobs;
use crate::runner::later;
use secret::{Secret, signatures};

/// Webhooks of one customer at most.
pub const WEBHOOKS_MAX: usize = 20;
/// Deliveries in one page at most.
pub const DELIVERIES_PAGE_MAX: u32 = 200;
/// How long the secret before is signed with too after a new one was made.
const ROTATION: SignedDuration = SignedDuration::from_hours(24);

/// Whether events are sent to a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookState {
    /// They are.
    Enabled,
    /// Its owner does not want them now; its place is kept.
    Paused,
    /// They could not be delivered; the sentence says why. Its place is kept.
    Disabled(String),
}

impl WebhookState {
    /// The stable spelling.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Paused => "paused",
            Self::Disabled(_) => "disabled",
        }
    }

    /// Why it is disabled.
    pub fn reason(&self) -> Option<&str> {
        if let Self::Disabled(reason) = self { Some(reason) } else { None }
    }
}

/// A webhook as its customer may know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose events it gets.
    pub customer: CustomerName,
    /// Where they are sent.
    pub url: String,
    /// Which are sent: those that match any, all when there are none. As they were written.
    pub filters: Vec<String>,
    /// Whether they are sent.
    pub state: WebhookState,
    /// Every wanted event up to this one was delivered.
    pub position: u64,
    /// Failed attempts at the event that is due.
    pub failures: u64,
    /// The next attempt, when one is being waited for.
    pub next_attempt: Option<Timestamp>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
}

/// One attempt at sending a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// 1, 2, 3, ... of the webhook.
    pub number: u64,
    /// The id of the message; the same in each attempt at it.
    pub message: String,
    /// The event's place in the log; none of a ping.
    pub sequence: Option<u64>,
    /// The event's name.
    pub name: String,
    /// 1 for the first attempt.
    pub attempt: u64,
    /// What came of it.
    pub answer: Answer,
    /// How long that took.
    pub took_ms: u64,
    /// When it was made.
    pub at: Timestamp,
}

impl Delivery {
    /// Whether the receiver has it.
    pub fn is_delivered(&self) -> bool {
        matches!(self.answer, Answer::Status { status: 200..=299, .. })
    }
}

/// What a webhook is to be; absent parts stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookChange {
    /// Where events are sent.
    pub url: Option<String>,
    /// Which are sent.
    pub filters: Option<Vec<String>>,
    /// Whether they are sent.
    pub switch: Option<Switch>,
}

/// What the owner of a webhook does with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// Sends from where it stopped, at once.
    On,
    /// Stops for now.
    Off,
}

/// A signed message, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where to.
    pub url: String,
    /// `webhook-id`.
    pub id: String,
    /// `webhook-timestamp`, in seconds since 1970.
    pub timestamp_s: i64,
    /// `webhook-signature`.
    pub signature: String,
    /// The body: one JSON object.
    pub payload: String,
}

/// What came of sending a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The receiver answered.
    Status {
        /// With this status.
        status: u16,
        /// It wants nothing for so long.
        retry_after_s: Option<u64>,
    },
    /// There was no answer, for this reason: one of a few words of ours.
    Fault(String),
}

/// Sends a message, following no redirect, and gives up in bounded time.
pub type SendWebhook = Arc<dyn Fn(Message) -> BoxFuture<'static, Answer> + Send + Sync>;

/// Writes an event as the JSON object that subscriptions give.
pub type WriteEvent = Arc<dyn Fn(&Event) -> String + Send + Sync>;

/// Says why an address cannot be that of a webhook.
pub type CheckUrl = Arc<dyn Fn(&str) -> std::result::Result<(), String> + Send + Sync>;

/// How webhooks are delivered.
#[derive(Clone)]
pub struct WebhookOptions {
    /// Makes the request.
    pub send: SendWebhook,
    /// Makes the payload.
    pub write: WriteEvent,
    /// Looks at an address before it is taken.
    pub check_url: CheckUrl,
    /// Webhooks that are delivered to at the same time.
    pub at_once: usize,
    /// Of these at most so many of one customer.
    pub at_once_of_customer: usize,
    /// How long to wait after the first failure, the second, ...; after as many failures and one more it is disabled.
    pub waits: Vec<Duration>,
    /// How long one attempt may take at most, lease included.
    pub lease: Duration,
}

impl Default for WebhookOptions {
    /// Eleven attempts over a day. What is made of HTTP is not there: every attempt fails.
    fn default() -> Self {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        let waits_s =
            [5, 30, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 6 * HOUR, 10 * HOUR + 17 * MINUTE];
        Self {
            send: Arc::new(|_| Box::pin(async { Answer::Fault("this program sends no webhooks".to_owned()) })),
            write: Arc::new(|_| String::new()),
            check_url: Arc::new(|_| Ok(())),
            at_once: 64,
            at_once_of_customer: 8,
            waits: waits_s.into_iter().map(Duration::from_secs).collect(),
            lease: Duration::from_secs(60),
        }
    }
}

/// A webhook that is about to be there.
pub(crate) struct NewWebhook<'a> {
    pub(crate) id: WebhookId,
    pub(crate) customer: &'a CustomerName,
    pub(crate) url: &'a str,
    pub(crate) filters: &'a [String],
    pub(crate) secret: &'a Secret,
}

/// Filters as they were written, read.
pub(crate) fn read_filters(texts: &[String]) -> Result<Vec<Filter>> {
    if texts.len() > FILTERS_MAX {
        return Err(Error::Webhook(format!("A webhook may have at most {FILTERS_MAX} filters.")));
    }
    let read = texts.iter().map(|text| text.parse());
    read.collect::<Result<_, _>>().map_err(|error| Error::Webhook(format!("A filter is not well-formed: {error}.")))
}

/// Scheme, host and port of an address. What follows may be what its receiver knows the sender by.
fn origin(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    format!("{scheme}://{}", authority.rsplit('@').next().unwrap_or_default())
}

/// What of a webhook changes, as the audit log says it.
fn told(change: &WebhookChange) -> String {
    let switch = change.switch.map(|switch| match switch {
        Switch::On => "enabled".to_owned(),
        Switch::Off => "paused".to_owned(),
    });
    let filters = change.filters.as_ref().map(|_| "filters".to_owned());
    [change.url.as_deref().map(origin), filters, switch].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Filters of one webhook at most.
const FILTERS_MAX: usize = 64;

impl Jobs {
    /// Who may send all events of a customer to others: a user with the right to every submission of every solution.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for others.
    pub fn authorize_webhooks(&self, caller: &Caller) -> Result<()> {
        if caller.may_change_all() { Ok(()) } else { Err(Error::Forbidden) }
    }

    /// Adds a webhook for the events from now on; the secret is given this once.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without the right to everything, [`Error::Webhook`] when address or filters are not taken
    /// or there are too many webhooks; when the store fails.
    pub async fn add_webhook(&self, caller: &Caller, url: &str, filters: &[String]) -> Result<(Webhook, Secret)> {
        self.authorize_webhooks(caller)?;
        self.add_webhook_of(&Actor::from(caller), caller.customer(), url, filters).await
    }

    /// As [`Jobs::add_webhook`], for operators.
    ///
    /// # Errors
    /// As there; [`Error::Absent`] without that customer.
    pub async fn add_webhook_of(
        &self,
        actor: &Actor,
        customer: &CustomerName,
        url: &str,
        filters: &[String],
    ) -> Result<(Webhook, Secret)> {
        (self.inner.options.webhooks.check_url)(url).map_err(Error::Webhook)?;
        read_filters(filters)?;
        let (id, secret) = (WebhookId::random(), Secret::random());
        let store = &self.inner.store;
        let deed = Deed::new(actor, DeedName::WebhookAdded).of(customer).to(&id).with(&origin(url));
        let new = NewWebhook { id, customer, url, filters, secret: &secret };
        if !store.insert_webhook(&new, &deed, self.now()).await? {
            return Err(Error::Webhook(format!("There may be at most {WEBHOOKS_MAX} webhooks.")));
        }
        let webhook = store.webhook(Some(customer), id).await?.ok_or(Error::Unknown)?;
        Ok((webhook, secret))
    }

    /// The webhooks of the caller's customer, oldest first.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without the right to everything; when the store fails.
    pub async fn list_webhooks(&self, caller: &Caller) -> Result<Vec<Webhook>> {
        self.authorize_webhooks(caller)?;
        self.inner.store.webhooks(Some(caller.customer())).await
    }

    /// All webhooks, or those of a customer: for operators.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list_webhooks_of(&self, customer: Option<&CustomerName>) -> Result<Vec<Webhook>> {
        self.inner.store.webhooks(customer).await
    }

    /// One webhook.
    ///
    /// # Errors
    /// [`Error::Unknown`] when the customer has none of that id; as [`Jobs::list_webhooks`].
    pub async fn webhook(&self, caller: &Caller, id: WebhookId) -> Result<Webhook> {
        self.authorize_webhooks(caller)?;
        self.inner.store.webhook(Some(caller.customer()), id).await?.ok_or(Error::Unknown)
    }

    /// Changes a webhook. Other filters are in force from now on.
    ///
    /// # Errors
    /// As [`Jobs::webhook`] and [`Jobs::add_webhook`].
    pub async fn change_webhook(&self, caller: &Caller, id: WebhookId, change: &WebhookChange) -> Result<Webhook> {
        self.webhook(caller, id).await?;
        self.change_webhook_of(&Actor::from(caller), id, change).await
    }

    /// As [`Jobs::change_webhook`], for operators.
    ///
    /// # Errors
    /// As there.
    pub async fn change_webhook_of(&self, actor: &Actor, id: WebhookId, change: &WebhookChange) -> Result<Webhook> {
        if let Some(url) = &change.url {
            (self.inner.options.webhooks.check_url)(url).map_err(Error::Webhook)?;
        }
        read_filters(change.filters.as_deref().unwrap_or_default())?;
        let customer = self.customer_of(id).await?;
        let deed = Deed::new(actor, DeedName::WebhookChanged).of(&customer).to(&id).with(&told(change));
        self.inner.store.change_webhook(id, change, &deed, self.now()).await?;
        self.inner.store.webhooks_changed();
        self.inner.store.webhook(None, id).await?.ok_or(Error::Unknown)
    }

    /// Gives a webhook a new secret, given this once. The one before is signed with too for a day.
    ///
    /// # Errors
    /// As [`Jobs::webhook`].
    pub async fn rotate_webhook(&self, caller: &Caller, id: WebhookId) -> Result<(Webhook, Secret)> {
        self.webhook(caller, id).await?;
        self.rotate_webhook_of(&Actor::from(caller), id).await
    }

    /// As [`Jobs::rotate_webhook`], for operators.
    ///
    /// # Errors
    /// As there.
    pub async fn rotate_webhook_of(&self, actor: &Actor, id: WebhookId) -> Result<(Webhook, Secret)> {
        let customer = self.customer_of(id).await?;
        let deed = Deed::new(actor, DeedName::WebhookRotated).of(&customer).to(&id);
        let secret = Secret::random();
        let until = self.now().checked_add(ROTATION).unwrap_or(Timestamp::MAX);
        self.inner.store.rotate_webhook(id, &secret, until, &deed, self.now()).await?;
        Ok((self.inner.store.webhook(None, id).await?.ok_or(Error::Unknown)?, secret))
    }

    /// Removes a webhook with its deliveries.
    ///
    /// # Errors
    /// As [`Jobs::webhook`].
    pub async fn remove_webhook(&self, caller: &Caller, id: WebhookId) -> Result<()> {
        self.webhook(caller, id).await?;
        self.remove_webhook_of(&Actor::from(caller), id).await
    }

    /// As [`Jobs::remove_webhook`], for operators.
    ///
    /// # Errors
    /// As there.
    pub async fn remove_webhook_of(&self, actor: &Actor, id: WebhookId) -> Result<()> {
        let customer = self.customer_of(id).await?;
        let deed = Deed::new(actor, DeedName::WebhookRemoved).of(&customer).to(&id);
        self.inner.store.remove_webhook(id, &deed, self.now()).await
    }

    async fn customer_of(&self, id: WebhookId) -> Result<CustomerName> {
        let webhook = self.inner.store.webhook(None, id).await?;
        webhook.map(|webhook| webhook.customer).ok_or(Error::Unknown)
    }

    /// The attempts at a webhook, newest first, before the one with the number `before`. The last thousand are kept.
    ///
    /// # Errors
    /// As [`Jobs::webhook`].
    pub async fn deliveries(
        &self,
        caller: &Caller,
        id: WebhookId,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Delivery>> {
        self.webhook(caller, id).await?;
        self.deliveries_of(id, before, limit).await
    }

    /// As [`Jobs::deliveries`], for operators.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deliveries_of(&self, id: WebhookId, before: Option<i64>, limit: u32) -> Result<Vec<Delivery>> {
        self.inner.store.deliveries(id, before, limit.min(DELIVERIES_PAGE_MAX)).await
    }

    /// Sends a message to a webhook that is no event, whatever its state, and says what came of it.
    ///
    /// # Errors
    /// As [`Jobs::webhook`].
    pub async fn ping_webhook(&self, caller: &Caller, id: WebhookId) -> Result<Delivery> {
        let webhook = self.webhook(caller, id).await?;
        let Some((secrets, now)) = self.inner.store.secrets(id, self.now()).await?.zip(Some(self.now())) else {
            return Err(Error::Unknown);
        };
        let payload =
            serde_json::json!({ "name": "ping", "customer": webhook.customer.as_str(), "at": now.to_string() });
        let message_id = format!("ping_{}", Uuid::new_v4().simple());
        let message = signed(&webhook.url, message_id, payload.to_string(), &secrets, now);
        let sent = self.send(message, Sent { sequence: None, name: "ping", attempt: 1 }).await;
        let number = self.inner.store.add_delivery(id, &sent).await?;
        Ok(Delivery { number, ..sent })
    }

    /// Sends a message; the delivery has no number yet.
    async fn send(&self, message: Message, what: Sent<'_>) -> Delivery {
        let (id, at, began) = (message.id.clone(), self.now(), std::time::Instant::now());
        let answer = (self.inner.options.webhooks.send)(message).await;
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let Sent { sequence, name, attempt } = what;
        self.inner.measures.webhook(matches!(answer, Answer::Status { status: 200..=299, .. }));
        Delivery { number: 0, message: id, sequence, name: name.to_owned(), attempt, answer, took_ms, at }
    }

    /// The moment until which a lease on a webhook is held that is taken now.
    fn webhook_lease_until(&self) -> Timestamp {
        later(self.now(), u64::try_from(self.inner.options.webhooks.lease.as_millis()).unwrap_or(u64::MAX))
    }
}

/// What is sent.
struct Sent<'a> {
    sequence: Option<u64>,
    name: &'a str,
    attempt: u64,
}

fn signed(url: &str, id: String, payload: String, secrets: &[Secret], now: Timestamp) -> Message {
    let timestamp_s = now.as_second();
    let signature = signatures(secrets, &id, timestamp_s, payload.as_bytes());
    Message { url: url.to_owned(), id, timestamp_s, signature, payload }
}
