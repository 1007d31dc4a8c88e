//! The delivery of events to webhooks.
//!
//! One task at a time delivers to a webhook, under a lease: the next wanted event of the log, until the receiver has
//! it, and then the next. A failed attempt puts the webhook off by the next of the waits, a tenth more or less; the
//! last one disables it. Whatever crashes, the place in the log moves only after a 2xx, so that an event may come twice
//! and is never left out.
//!
//! Customers share the places: none holds more than some of them, whoever holds the fewest is next, and while somebody
//! without a place waits for one, those who have one give it up after each event.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use bordereau_base::ids::CustomerName;
use jiff::Timestamp;
use rand::RngExt;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{Answer, Delivery, Sent, Webhook, WebhookId, WebhookState, read_filters, signed};
use crate::error::Result;
use crate::event::{Cursor, Event};
use crate::jobs::{EVENTS_AT_ONCE_MAX, Jobs};
use crate::runner::later;
use crate::store::DueWebhook;

/// Events delivered to one webhook before others that wait for a place get their turn.
const TURN: usize = 100;
/// A wait is up to this share longer or shorter, so that what failed together does not come back together.
const JITTER: f64 = 0.1;
/// The longest a receiver can put us off by `Retry-After`.
const RETRY_AFTER_S_MAX: u64 = 3_600;
/// The status by which a receiver says that it wants nothing any more.
const GONE: u16 = 410;

impl Jobs {
    /// Delivers events to webhooks until `shutdown` is there; then attempts under way come to their end.
    ///
    /// # Errors
    /// Only when it cannot begin: the data folder cannot be written. Later faults are logged and tried again.
    pub async fn deliver_webhooks(&self, shutdown: impl Future<Output = ()>) -> Result<()> {
        let owner = self.owner().await?.to_owned();
        let pressing = watch::Sender::new(Pressing::Nothing);
        let (seen, busy) = (HashMap::new(), HashMap::new());
        let mut deliverer = Deliverer { jobs: self.clone(), owner, pressing, seen, busy };
        let mut turns = JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            deliverer.take_up(&mut turns).await;
            tokio::select! {
                () = &mut shutdown => break,
                () = self.inner.store.webhooks_told() => {}
                Some(ended) = turns.join_next() => deliverer.ended(ended),
                () = tokio::time::sleep(Duration::from_millis(self.inner.options.poll_ms)) => {}
            }
        }
        deliverer.pressing.send_replace(Pressing::Shutdown);
        while turns.join_next().await.is_some() {}
        Ok(())
    }
}

/// Why a turn is to end before it has to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pressing {
    Nothing,
    /// A customer without a place waits for one.
    Others,
    Shutdown,
}

struct Deliverer {
    jobs: Jobs,
    owner: String,
    pressing: watch::Sender<Pressing>,
    /// Up to where the log was looked at for each webhook, with nothing wanted behind its place.
    seen: HashMap<WebhookId, u64>,
    /// Webhooks that are being delivered to.
    busy: HashMap<WebhookId, CustomerName>,
}

/// A turn that ended: up to where the log was looked at.
type Turn = (WebhookId, Option<u64>);

impl Deliverer {
    async fn take_up(&mut self, turns: &mut JoinSet<Turn>) {
        let mut due = match self.jobs.inner.store.due_webhooks(self.jobs.now()).await {
            Ok(due) => due,
            Err(error) => return tracing::warn!(%error, "cannot look for webhooks"),
        };
        due.retain(|due| {
            let is_behind = self.seen.get(&due.id).is_none_or(|seen| *seen < due.log_end);
            is_behind && !self.busy.contains_key(&due.id)
        });
        let options = &self.jobs.inner.options.webhooks;
        while turns.len() < options.at_once {
            // Of customers that hold equally many places the one is next that has waited longest.
            let Some(next) = (0..due.len()).min_by_key(|at| self.places(&due[*at])) else { break };
            if self.places(&due[next]) >= options.at_once_of_customer {
                break;
            }
            let DueWebhook { id, customer, .. } = due.remove(next);
            self.busy.insert(id, customer);
            let (jobs, owner, pressing) = (self.jobs.clone(), self.owner.clone(), self.pressing.subscribe());
            let from = self.seen.get(&id).copied().unwrap_or_default();
            turns.spawn(turn(jobs, owner, id, from, pressing));
        }
        let others_wait = due.iter().any(|due| self.places(due) == 0);
        self.pressing.send_replace(if others_wait { Pressing::Others } else { Pressing::Nothing });
    }

    /// How many places the customer holds that this webhook is of.
    fn places(&self, due: &DueWebhook) -> usize {
        self.busy.values().filter(|customer| **customer == due.customer).count()
    }

    fn ended(&mut self, ended: std::result::Result<Turn, tokio::task::JoinError>) {
        match ended {
            Ok((id, seen)) => {
                self.busy.remove(&id);
                self.seen.extend(seen.map(|seen| (id, seen)));
            }
            // Nobody knows whose turn it was: all are looked at anew, and leases keep two from one webhook.
            Err(_) => self.busy.clear(),
        }
    }
}

/// Delivers to one webhook until nothing is wanted, an attempt fails, or others are to have their turn.
async fn turn(jobs: Jobs, owner: String, id: WebhookId, from: u64, pressing: watch::Receiver<Pressing>) -> Turn {
    let mut seen = from;
    match deliver_some(&jobs, &owner, id, &mut seen, &pressing).await {
        Ok(()) => (id, Some(seen)),
        Err(error) => {
            tracing::warn!(%error, webhook = %id, "cannot deliver to a webhook");
            (id, None)
        }
    }
}

async fn deliver_some(
    jobs: &Jobs,
    owner: &str,
    id: WebhookId,
    seen: &mut u64,
    pressing: &watch::Receiver<Pressing>,
) -> Result<()> {
    let store = &jobs.inner.store;
    let holders = store.webhook_holders().await?;
    let dead = jobs.dead_among(holders.into_iter().filter(|holder| holder != owner).collect()).await?;
    for _ in 0..TURN {
        // Held anew for each event, and read anew: it may have been paused, changed or removed meanwhile.
        if !store.hold_webhook(id, owner, &dead, jobs.now(), jobs.webhook_lease_until()).await? {
            return Ok(());
        }
        let Some(webhook) = store.webhook(None, id).await? else { return Ok(()) };
        let Some(event) = next_wanted(jobs, &webhook, seen).await? else { break };
        let delivered = deliver(jobs, owner, &webhook, &event).await?;
        if !delivered || *pressing.borrow() != Pressing::Nothing {
            break;
        }
    }
    store.let_go_of_webhook(id, owner).await
}

/// The next event that the webhook wants. Where there is none, `seen` is the end of the log.
async fn next_wanted(jobs: &Jobs, webhook: &Webhook, seen: &mut u64) -> Result<Option<Event>> {
    let filters = read_filters(&webhook.filters)?;
    let mut after = webhook.position.max(*seen);
    loop {
        let events = jobs.inner.store.events(&webhook.customer, after, EVENTS_AT_ONCE_MAX).await?;
        let is_end = events.len() < EVENTS_AT_ONCE_MAX as usize;
        for event in events {
            if filters.is_empty() || filters.iter().any(|filter| filter.matches(&event)) {
                return Ok(Some(event));
            }
            after = event.sequence;
            *seen = after;
        }
        if is_end {
            return Ok(None);
        }
        // So many are not looked at again by the next process.
        jobs.inner.store.pass_over(webhook.id, after).await?;
    }
}

/// Sends one event once. False: it was not taken.
async fn deliver(jobs: &Jobs, owner: &str, webhook: &Webhook, event: &Event) -> Result<bool> {
    let (store, options) = (&jobs.inner.store, &jobs.inner.options.webhooks);
    let Some(secrets) = store.secrets(webhook.id, jobs.now()).await? else { return Ok(false) };
    let id = Cursor::new(jobs.inner.waiters.epoch(), &webhook.customer, event.sequence).to_string();
    let message = signed(&webhook.url, id, (options.write)(event), &secrets, jobs.now());
    let what = Sent { sequence: Some(event.sequence), name: event.name.as_str(), attempt: webhook.failures + 1 };
    let sent = jobs.send(message, what).await;
    store.add_delivery(webhook.id, &sent).await?;
    if sent.is_delivered() {
        return store.delivered(webhook.id, owner, event.sequence, jobs.now()).await;
    }
    let (state, wait_until) = after_failure(jobs, webhook, &sent);
    let failures = webhook.failures + 1;
    match state.reason() {
        Some(reason) => {
            tracing::error!(customer = %webhook.customer, webhook = %webhook.id, reason, "webhook disabled")
        }
        None => {
            tracing::warn!(customer = %webhook.customer, webhook = %webhook.id, failures, "a webhook did not take an event")
        }
    }
    store.not_delivered(webhook, owner, &state, wait_until, jobs.now()).await?;
    Ok(false)
}

/// What becomes of a webhook that did not take an event, and when it is tried again.
fn after_failure(jobs: &Jobs, webhook: &Webhook, sent: &Delivery) -> (WebhookState, Timestamp) {
    let waits = &jobs.inner.options.webhooks.waits;
    let failures = usize::try_from(webhook.failures).unwrap_or(usize::MAX);
    let (what, retry_after_s) = match &sent.answer {
        Answer::Status { status: GONE, .. } => {
            let reason = "The receiver answered 410: it wants no more events.".to_owned();
            return (WebhookState::Disabled(reason), jobs.now());
        }
        Answer::Status { status, retry_after_s } => (format!("the answer was {status}"), *retry_after_s),
        Answer::Fault(fault) => (format!("there was no answer: {fault}"), None),
    };
    let Some(wait) = waits.get(failures) else {
        let attempts = failures.saturating_add(1);
        let reason = format!("An event was not taken in {attempts} attempts over a day; at last {what}.");
        return (WebhookState::Disabled(reason), jobs.now());
    };
    let jittered = wait.mul_f64(1.0 - JITTER + 2.0 * JITTER * rand::rng().random::<f64>());
    let asked = Duration::from_secs(retry_after_s.unwrap_or_default().min(RETRY_AFTER_S_MAX));
    let wait_ms = u64::try_from(jittered.max(asked).as_millis()).unwrap_or(u64::MAX);
    (WebhookState::Enabled, later(jobs.now(), wait_ms))
}
