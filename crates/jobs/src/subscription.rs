//! Subscriptions: waiting for events of one customer without missing any.
//!
//! [`Jobs::subscribe`] first registers a waiter and then reads the log, so an event that is committed in between is
//! read, delivered, or both, and never lost; what comes twice is passed on once. One follower a process reads what was
//! added to the logs of customers that are waited for (told at once of commits of this process, and by the store's
//! version of those of others) and gives each event to the waiters whose filters it matches. A waiter is found by the
//! most telling pair of its filters (batch key, then name), so an event costs nothing for those who wait for others.
//!
//! Memory: a few hundred bytes a waiter; one that does not keep up is not sent more than [`BACKLOG_MAX`] events, and
//! reads the rest from the log. Knows no HTTP: how long to wait is the caller's.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bordereau_base::ids::{BatchKey, CustomerName};
use tokio::sync::mpsc;

use crate::account::{Action, Caller};
use crate::error::{Error, Result};
use crate::event::{Cursor, Event, EventName, Filter, Subject};
use crate::jobs::{EVENTS_AT_ONCE_MAX, Inner, Jobs};
use crate::store::Store;

/// Events that wait for one subscription.
const BACKLOG_MAX: usize = 64;
/// How often the follower looks for commits of other processes.
const LOOK: Duration = Duration::from_millis(100);

/// All waiters of this process.
#[derive(Debug)]
pub(crate) struct Waiters {
    epoch: String,
    customers: Mutex<HashMap<CustomerName, Waiting>>,
    following: AtomicBool,
}

/// Those who wait for events of one customer.
#[derive(Debug)]
struct Waiting {
    /// Every event up to this one was given to those who wanted it.
    last: u64,
    count: usize,
    next_id: u64,
    by: HashMap<Telling, HashMap<u64, Arc<Waiter>>>,
}

/// The most telling pair of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Telling {
    Key(BatchKey),
    Name(EventName),
    Nothing,
}

#[derive(Debug)]
struct Waiter {
    caller: Caller,
    filters: Vec<Filter>,
    sender: mpsc::Sender<Arc<Event>>,
    /// There was no room for an event.
    lagged: AtomicBool,
}

impl Telling {
    fn of(filter: &Filter) -> Self {
        match (filter.key, filter.name) {
            (Some(key), _) => Self::Key(key),
            (None, Some(name)) => Self::Name(name),
            (None, None) => Self::Nothing,
        }
    }
}

impl Waiting {
    fn new(last: u64) -> Self {
        Self { last, count: 0, next_id: 0, by: HashMap::new() }
    }

    fn add(&mut self, waiter: &Arc<Waiter>) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.count += 1;
        for filter in &waiter.filters {
            self.by.entry(Telling::of(filter)).or_default().insert(id, Arc::clone(waiter));
        }
        id
    }

    fn remove(&mut self, id: u64, filters: &[Filter]) {
        self.count -= 1;
        for telling in filters.iter().map(Telling::of) {
            if let Some(waiters) = self.by.get_mut(&telling) {
                waiters.remove(&id);
                if waiters.is_empty() {
                    self.by.remove(&telling);
                }
            }
        }
    }

    /// Gives an event to those who want it, once each.
    fn give(&mut self, event: Arc<Event>) {
        let mut given = BTreeSet::new();
        let key = event.batch().map(|batch| Telling::Key(batch.key));
        for telling in key.into_iter().chain([Telling::Name(event.name), Telling::Nothing]) {
            for (id, waiter) in self.by.get(&telling).into_iter().flatten() {
                if waiter.wants(&event) && given.insert(*id) {
                    waiter.give(&event);
                }
            }
        }
        self.last = event.sequence;
    }
}

impl Waiter {
    /// Whether a filter matches, and the caller has a right to hear of it.
    fn wants(&self, event: &Event) -> bool {
        let may = match &event.subject {
            Subject::Batch(batch) => self.caller.may(Action::Follow, &batch.solution, &batch.submission),
            Subject::Webhook { .. } => self.caller.may_change_all(),
        };
        may && self.filters.iter().any(|filter| filter.matches(event))
    }

    fn give(&self, event: &Arc<Event>) {
        // Once it lags, what follows is read from the log too, or it would come before what was left out.
        if self.lagged.load(Ordering::Acquire) || self.sender.try_send(Arc::clone(event)).is_err() {
            self.lagged.store(true, Ordering::Release);
        }
    }
}

impl Waiters {
    pub(crate) fn new(epoch: String) -> Self {
        Self { epoch, customers: Mutex::default(), following: AtomicBool::new(false) }
    }

    /// What cursors of this store have in common.
    pub(crate) fn epoch(&self) -> &str {
        &self.epoch
    }

    /// Subscriptions that are open, of all customers; for metrics.
    pub(crate) fn count(&self) -> usize {
        self.customers().values().map(|waiting| waiting.count).sum()
    }

    /// Registers a waiter; its number and up to where events were given. None when nobody waits for the customer yet
    /// and `last`, where its log ends, is not given.
    fn add(
        &self,
        customer: &CustomerName,
        waiter: &Arc<Waiter>,
        last: Option<u64>,
        count_max: usize,
    ) -> Result<Option<(u64, u64)>> {
        let mut customers = self.customers();
        if !customers.contains_key(customer) {
            let Some(last) = last else { return Ok(None) };
            customers.insert(customer.clone(), Waiting::new(last));
        }
        match customers.get_mut(customer) {
            Some(waiting) if waiting.count < count_max => Ok(Some((waiting.add(waiter), waiting.last))),
            _ => Err(Error::Busy("subscriptions")),
        }
    }

    /// Takes a waiter out; up to where events were given to it.
    fn remove(&self, customer: &CustomerName, id: u64, filters: &[Filter]) {
        let mut customers = self.customers();
        let Some(waiting) = customers.get_mut(customer) else { return };
        waiting.remove(id, filters);
        if waiting.count == 0 {
            customers.remove(customer);
        }
    }

    /// Up to where events of a customer were given to those who wait.
    fn last(&self, customer: &CustomerName) -> u64 {
        self.customers().get(customer).map_or(0, |waiting| waiting.last)
    }

    fn customers(&self) -> MutexGuard<'_, HashMap<CustomerName, Waiting>> {
        self.customers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what is new in the log of one customer that is waited for.
    async fn follow(&self, store: &Store, customer: &CustomerName) -> Result<()> {
        loop {
            let Some(last) = self.customers().get(customer).map(|waiting| waiting.last) else {
                return Ok(());
            };
            let events = store.events(customer, last, EVENTS_AT_ONCE_MAX).await?;
            let more = events.len() == EVENTS_AT_ONCE_MAX as usize;
            let mut customers = self.customers();
            let Some(waiting) = customers.get_mut(customer) else {
                return Ok(());
            };
            // Whoever waits since a moment ago may start later in the log than where was read.
            for event in events.into_iter().filter(|event| event.sequence > waiting.last).collect::<Vec<_>>() {
                waiting.give(Arc::new(event));
            }
            if !more {
                return Ok(());
            }
        }
    }

    /// The customers whose log is longer than what was given.
    async fn behind(&self, store: &Store) -> Result<Vec<CustomerName>> {
        let logs = store.last_events().await?;
        let customers = self.customers();
        let behind = |(name, last): &(CustomerName, u64)| customers.get(name).is_some_and(|w| w.last < *last);
        Ok(logs.into_iter().filter(behind).map(|(name, _)| name).collect())
    }
}

/// Reads the logs as they grow, as long as the data folder is open.
async fn follow(inner: Weak<Inner>, waiters: Arc<Waiters>, store: Store) {
    let mut version = None;
    let mut connection = None;
    while inner.strong_count() > 0 {
        tokio::select! {
            () = store.grown().wait() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
        let mut customers = store.grown().take();
        match store.data_version(&mut connection).await {
            Ok(found) if version != Some(found) => match waiters.behind(&store).await {
                Ok(behind) => {
                    version = Some(found);
                    customers.extend(behind);
                }
                Err(error) => tracing::warn!(%error, "cannot look for new events"),
            },
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "cannot look for new events"),
        }
        for customer in customers {
            if let Err(error) = waiters.follow(&store, &customer).await {
                tracing::warn!(%error, "cannot read new events");
                store.log_grew(&customer);
                tokio::time::sleep(LOOK).await;
            }
        }
    }
}

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
    id: u64,
    receiver: mpsc::Receiver<Arc<Event>>,
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
        let (sender, receiver) = mpsc::channel(BACKLOG_MAX);
        let waiter = Arc::new(Waiter { caller: caller.clone(), filters, sender, lagged: AtomicBool::new(false) });
        let mut last = None;
        let (id, known) = loop {
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
            id,
            receiver,
            past: VecDeque::new(),
            passed: BTreeSet::new(),
            known,
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
            // The sender lives as long as the waiter, which is ours.
            if let Some(event) = self.receiver.recv().await
                && self.is_new(&event)
            {
                return Ok(event);
            }
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
        while let Ok(event) = self.receiver.try_recv() {
            if self.is_new(&event) {
                return Ok(Some(event));
            }
        }
        if self.waiter.lagged.swap(false, Ordering::AcqRel) {
            // Boxed, because it is rare and would make every wait larger.
            Box::pin(self.read_log(self.known)).await?;
            return Ok(self.past.pop_front().inspect(|event| self.known = self.known.max(event.sequence)));
        }
        Ok(None)
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
        Cursor::new(&self.jobs.inner.waiters.epoch, &self.customer, self.known.min(before_past))
    }

    /// As [`Subscription::cursor`], further on where nothing that is wanted lies between; nothing was ready.
    pub async fn latest_cursor(&mut self) -> Result<(Option<Arc<Event>>, Cursor)> {
        let last = self.jobs.inner.waiters.last(&self.customer);
        // What was given before `last` was read is in the channel by now.
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
        let cursor = Cursor::read(text, &inner.waiters.epoch, &self.customer);
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
        self.jobs.inner.waiters.remove(&self.customer, self.id, &self.waiter.filters);
    }
}
