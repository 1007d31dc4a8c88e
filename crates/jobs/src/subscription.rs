//! Subscriptions: waiting for events of one customer without missing any.
//!
//! [`Jobs::subscribe`] first registers a waiter and then reads the log, so an event that is committed in between is
//! read, delivered, or both, and never lost; what comes twice is passed on once. How an event gets to the waiters is
//! [`crate::waiters`]'s.
//!
//! Memory: a few hundred bytes a subscription; one that does not keep up reads from the log what its inbox has no room
//! for. Knows no HTTP: how long to wait is the caller's.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bordereau_base::ids::{BatchKey, CustomerName};

use crate::account::{Action, Caller};
use crate::error::{Error, Result};
use crate::event::{Cursor, Event, Filter};
use crate::jobs::{EVENTS_AT_ONCE_MAX, Jobs};
use crate::waiters::{Place, Taken, Waiter, follow};

/// The same filters for who may know of tests only.
fn of_tests(filters: Vec<Filter>) -> Vec<Filter> {
    let possible = filters.into_iter().filter(|filter| filter.test != Some(false));
    possible.map(|filter| Filter { test: Some(true), ..filter }).collect()
}

/// An open subscription. Dropping it ends it.
pub struct Subscription {
    jobs: Jobs,
    customer: CustomerName,
    waiter: Arc<Waiter>,
    place: Place,
    /// What was in the log already, in order, and is wanted.
    past: VecDeque<Arc<Event>>,
    /// The numbers of `past`, which may be delivered once more.
    passed: BTreeSet<u64>,
    /// The log is known up to here.
    known: u64,
    reset: bool,
}

impl Jobs {
    /// Subscribes to the events of the caller's customer that match any of `filters` (all events when there are none).
    ///
    /// With `since`, a cursor of an earlier answer, events after it come first. A cursor that is no longer, not yet or
    /// never was one of this log gives what [`Subscription::was_reset`] says. Without one, filters with a batch key
    /// begin at the batch's first event, and others with what happens from now on.
    ///
    /// A caller hears of what it has a right to: others' events pass it by. Test users hear of tests only.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when the role has no subscriptions; [`Error::Busy`] when the customer has too
    /// many subscriptions; when the store fails.
    pub async fn subscribe(&self, caller: &Caller, filters: Vec<Filter>, since: Option<&str>) -> Result<Subscription> {
        if !caller.may_ever(Action::Follow) {
            return Err(Error::Forbidden);
        }
        let filters = if filters.is_empty() { vec![Filter::default()] } else { filters };
        let filters = if caller.is_tester() { of_tests(filters) } else { filters };
        let mut subscription = self.register(caller, filters).await?;
        match since {
            Some(text) => subscription.begin_at(text).await?,
            None => subscription.begin_with_keys().await?,
        }
        Ok(subscription)
    }

    /// Subscriptions that are open in this process; for metrics.
    pub fn subscriptions(&self) -> usize {
        self.inner.waiters.count()
    }

    async fn register(&self, caller: &Caller, filters: Vec<Filter>) -> Result<Subscription> {
        let customer = caller.customer();
        let (store, waiters) = (&self.inner.store, &self.inner.waiters);
        if !waiters.following.swap(true, Ordering::Relaxed) {
            tokio::spawn(follow(Arc::downgrade(&self.inner), Arc::clone(waiters), store.clone()));
        }
        let waiter = Arc::new(Waiter::new(caller.clone(), filters));
        let mut last = None;
        let place = loop {
            if let Some(added) = waiters.add(customer, &waiter, last, self.inner.options.subscriptions_max)? {
                break added;
            }
            // Only who is first for a customer needs to ask where its log ends.
            last = Some(store.last_event(customer).await?);
        };
        if last.is_some() {
            store.log_grew(customer);
        }
        let (jobs, customer) = (self.clone(), customer.clone());
        Ok(Subscription {
            jobs,
            customer,
            waiter,
            known: place.since,
            place,
            past: VecDeque::new(),
            passed: BTreeSet::new(),
            reset: false,
        })
    }
}

impl Subscription {
    /// The next event that is wanted, in the order of the log. Dropping the future loses none.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn next(&mut self) -> Result<Arc<Event>> {
        loop {
            if let Some(event) = self.ready().await? {
                return Ok(event);
            }
            self.waiter.filled().await;
        }
    }

    /// As [`Subscription::next`], but none when there is nothing to give right now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn ready(&mut self) -> Result<Option<Arc<Event>>> {
        if let Some(event) = self.past.pop_front() {
            self.known = self.known.max(event.sequence);
            return Ok(Some(event));
        }
        loop {
            match self.waiter.take() {
                Taken::Event(event) if self.is_new(&event) => return Ok(Some(event)),
                Taken::Event(_) => {}
                Taken::Lagged => {
                    // Boxed, because it is rare and would make every wait larger.
                    Box::pin(self.read_log(self.known)).await?;
                    return Ok(self.past.pop_front().inspect(|event| self.known = self.known.max(event.sequence)));
                }
                Taken::Nothing => return Ok(None),
            }
        }
    }

    /// Whether the cursor was none of this log: what comes first is then the newest event of each kind of the batches
    /// that changed last, as far as it is wanted.
    pub fn was_reset(&self) -> bool {
        self.reset
    }

    /// A cursor from which a later subscription with the same filters goes on without missing an event: to be asked for
    /// when [`Subscription::ready`] gives none, or after the last event that was taken.
    pub fn cursor(&self) -> Cursor {
        let before_past = self.past.front().map_or(u64::MAX, |event| event.sequence.saturating_sub(1));
        self.place.begin.at(self.known.min(before_past))
    }

    /// As [`Subscription::cursor`], further on where nothing that is wanted lies between; nothing was ready.
    pub async fn latest_cursor(&mut self) -> Result<(Option<Arc<Event>>, Cursor)> {
        let last = self.place.last.load(Ordering::Acquire);
        // What was given before `last` was read is in the inbox by now.
        let event = self.ready().await?;
        if event.is_none() {
            self.known = self.known.max(last);
            self.passed.retain(|sequence| *sequence > last);
        }
        Ok((event, self.cursor()))
    }

    fn is_new(&mut self, event: &Arc<Event>) -> bool {
        let new = !self.passed.remove(&event.sequence);
        if new {
            self.known = self.known.max(event.sequence);
        }
        new
    }

    /// Begins after a cursor, or says that it is none of this log.
    async fn begin_at(&mut self, text: &str) -> Result<()> {
        let inner = &self.jobs.inner;
        let cursor = Cursor::read(text, inner.waiters.epoch(), &self.customer);
        let end = inner.store.last_event(&self.customer).await?;
        match cursor {
            Some(cursor) if cursor.sequence <= end => {
                self.known = cursor.sequence;
                self.read_log(cursor.sequence).await
            }
            _ => {
                (self.reset, self.known) = (true, end);
                let newest = inner.store.newest_events(&self.customer, EVENTS_AT_ONCE_MAX).await?;
                self.pass(newest);
                Ok(())
            }
        }
    }

    /// Begins with what is in the log of the batches that filters name.
    async fn begin_with_keys(&mut self) -> Result<()> {
        let keys: BTreeSet<BatchKey> = self.waiter.filters.iter().filter_map(|filter| filter.key).collect();
        let mut events = Vec::new();
        for key in keys {
            events.extend(self.jobs.inner.store.events_of(&self.customer, key, 0, EVENTS_AT_ONCE_MAX).await?);
        }
        let keyed: Vec<&Filter> = self.waiter.filters.iter().filter(|filter| filter.key.is_some()).collect();
        events.retain(|event| keyed.iter().any(|filter| filter.matches(event)));
        events.sort_by_key(|event| event.sequence);
        self.pass(events);
        Ok(())
    }

    /// Reads on after a place of the log until there is something that is wanted, or to its end.
    async fn read_log(&mut self, mut after: u64) -> Result<()> {
        loop {
            let events = self.jobs.inner.store.events(&self.customer, after, EVENTS_AT_ONCE_MAX).await?;
            let more = events.len() == EVENTS_AT_ONCE_MAX as usize;
            after = events.last().map_or(after, |event| event.sequence);
            self.pass(events);
            if !self.past.is_empty() {
                return Ok(());
            }
            self.known = self.known.max(after);
            if !more {
                return Ok(());
            }
        }
    }

    fn pass(&mut self, events: Vec<Event>) {
        for event in events.into_iter().filter(|event| self.waiter.wants(event)) {
            self.passed.insert(event.sequence);
            self.past.push_back(Arc::new(event));
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("customer", &self.customer)
            .field("waiter", &self.waiter)
            .finish_non_exhaustive()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.jobs.inner.waiters.remove(&self.customer, &self.place, &self.waiter);
    }
}
