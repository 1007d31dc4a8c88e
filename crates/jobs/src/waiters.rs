//! Who waits for events in this process, and how an event gets to those who want it.
//!
//! One follower a process reads what was added to the logs of customers that are waited for (told at once of commits of
//! this process, and by the store's version of those of others) and puts each event into the inboxes of the waiters
//! whose filters it matches; all share one event. Waiters are found by their whole filters: for each [`Shape`] of
//! filter that somebody waits with (64 at most, mostly one or two) there is one filter that matches the event, and
//! it is looked up. So an event costs nothing for those who wait for others, however alike their filters are.
//!
//! Whoever is registered is given every event after the one that was given last at that time. Wakes come after the lock
//! is given back: the woken need it to leave. Memory: some hundred bytes a waiter, and its inbox, which holds
//! [`BACKLOG_MAX`] events; who does not keep up reads the rest from the log.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bordereau_base::ids::CustomerName;

use crate::account::{Action, Caller};
use crate::error::{Error, Result};
use crate::event::{Cursor, Event, Filter, Subject};
use crate::jobs::{EVENTS_AT_ONCE_MAX, Inner};
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
    pub(crate) following: AtomicBool,
}

/// A waiter that was added.
#[derive(Debug)]
pub(crate) struct Place {
    id: u64,
    /// Up to where events were given before.
    pub(crate) since: u64,
    /// Up to where events were given to those who wait for the customer.
    pub(crate) last: Arc<AtomicU64>,
    /// Where the customer's log begins: what its cursors have in common.
    pub(crate) begin: Cursor,
}

/// Those who wait for events of one customer.
#[derive(Debug)]
struct Waiting {
    /// Every event up to this one was given to those who wanted it.
    last: Arc<AtomicU64>,
    begin: Cursor,
    count: usize,
    next_id: u64,
    by: BTreeMap<Shape, HashMap<Filter, HashMap<u64, Arc<Waiter>>>>,
}

/// Which pairs a filter has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Shape {
    name: bool,
    key: bool,
    solution: bool,
    submission: bool,
    test: bool,
    state: bool,
}

/// One who waits.
#[derive(Debug)]
pub(crate) struct Waiter {
    caller: Caller,
    pub(crate) filters: Vec<Filter>,
    inbox: Mutex<Inbox>,
}

#[derive(Debug, Default)]
struct Inbox {
    events: VecDeque<Arc<Event>>,
    /// The last event that was offered: it may be wanted by several filters.
    offered: u64,
    /// There was no room for an event.
    lagged: bool,
    waker: Option<Waker>,
}

/// What is in an inbox.
#[derive(Debug)]
pub(crate) enum Taken {
    Event(Arc<Event>),
    /// There was no room: the rest is in the log.
    Lagged,
    Nothing,
}

impl Shape {
    fn of(filter: &Filter) -> Self {
        Self {
            name: filter.name.is_some(),
            key: filter.key.is_some(),
            solution: filter.solution.is_some(),
            submission: filter.submission.is_some(),
            test: filter.test.is_some(),
            state: filter.state.is_some(),
        }
    }

    /// The filter of this shape that matches the event; none when none does.
    fn filter(self, event: &Event) -> Option<Filter> {
        let mut filter = Filter { name: self.name.then_some(event.name), ..Filter::default() };
        if let Some(batch) = event.batch() {
            filter.key = self.key.then_some(batch.key);
            filter.solution = self.solution.then(|| batch.solution.to_string());
            filter.submission = self.submission.then(|| batch.submission.to_string());
            filter.test = self.test.then_some(batch.test);
            filter.state = self.state.then_some(batch.state);
        }
        // It is of another shape when the event has no batch, and tests are wanted only by who says so.
        Some(filter).filter(|filter| Self::of(filter) == self && filter.matches(event))
    }
}

impl Waiting {
    fn new(last: u64, begin: Cursor) -> Self {
        Self { last: Arc::new(AtomicU64::new(last)), begin, count: 0, next_id: 0, by: BTreeMap::new() }
    }

    fn last(&self) -> u64 {
        self.last.load(Ordering::Acquire)
    }

    /// The filters of a waiter as they are looked up; those of other customers match nothing.
    fn looked_up<'a>(customer: &'a CustomerName, waiter: &'a Waiter) -> impl Iterator<Item = Filter> + 'a {
        let own = |filter: &&Filter| filter.customer.as_deref().is_none_or(|named| named == customer.as_str());
        waiter.filters.iter().filter(own).map(|filter| Filter { customer: None, ..filter.clone() })
    }

    fn add(&mut self, customer: &CustomerName, waiter: &Arc<Waiter>) -> Place {
        let id = self.next_id;
        self.next_id += 1;
        self.count += 1;
        for filter in Self::looked_up(customer, waiter) {
            let alike = self.by.entry(Shape::of(&filter)).or_default().entry(filter).or_default();
            alike.insert(id, Arc::clone(waiter));
        }
        Place { id, since: self.last(), last: Arc::clone(&self.last), begin: self.begin.clone() }
    }

    fn remove(&mut self, customer: &CustomerName, place: &Place, waiter: &Waiter) {
        self.count -= 1;
        for filter in Self::looked_up(customer, waiter) {
            let shape = Shape::of(&filter);
            let Some(filters) = self.by.get_mut(&shape) else { continue };
            let Some(alike) = filters.get_mut(&filter) else { continue };
            alike.remove(&place.id);
            if alike.is_empty() {
                filters.remove(&filter);
                if filters.is_empty() {
                    self.by.remove(&shape);
                }
            }
        }
    }

    /// Gives an event to those who want it, once each. Those to be woken are added to `wakers`; the result is how many
    /// waiters were looked at.
    fn give(&mut self, event: &Arc<Event>, wakers: &mut Vec<Waker>) -> usize {
        let mut looked_at = 0;
        for (shape, filters) in &self.by {
            let alike = shape.filter(event).and_then(|filter| filters.get(&filter));
            for waiter in alike.into_iter().flat_map(HashMap::values) {
                looked_at += 1;
                wakers.extend(waiter.offer(event));
            }
        }
        self.last.store(event.sequence, Ordering::Release);
        looked_at
    }
}

impl Waiter {
    pub(crate) fn new(caller: Caller, filters: Vec<Filter>) -> Self {
        Self { caller, filters, inbox: Mutex::default() }
    }

    /// Whether a filter matches, and the caller has a right to hear of it.
    pub(crate) fn wants(&self, event: &Event) -> bool {
        self.filters.iter().any(|filter| filter.matches(event)) && self.may_hear(event)
    }

    fn may_hear(&self, event: &Event) -> bool {
        match &event.subject {
            Subject::Batch(batch) => self.caller.may(Action::Follow, &batch.solution, &batch.submission),
            Subject::Webhook { .. } => self.caller.may_change_all(),
        }
    }

    /// Puts an event that a filter matches into the inbox, once; who is to be woken.
    fn offer(&self, event: &Arc<Event>) -> Option<Waker> {
        if !self.may_hear(event) {
            return None;
        }
        let mut inbox = self.inbox();
        if inbox.offered >= event.sequence {
            return None;
        }
        inbox.offered = event.sequence;
        // Once it lags, what follows is read from the log too, or it would come before what was left out.
        if inbox.lagged || inbox.events.len() == BACKLOG_MAX {
            inbox.lagged = true;
        } else {
            inbox.events.push_back(Arc::clone(event));
        }
        inbox.waker.take()
    }

    /// Takes what has come.
    pub(crate) fn take(&self) -> Taken {
        let mut inbox = self.inbox();
        match inbox.events.pop_front() {
            Some(event) => Taken::Event(event),
            None if std::mem::take(&mut inbox.lagged) => Taken::Lagged,
            None => Taken::Nothing,
        }
    }

    /// Waits until there is something to take.
    pub(crate) async fn filled(&self) {
        poll_fn(|context| self.poll_filled(context)).await;
    }

    fn poll_filled(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut inbox = self.inbox();
        if inbox.lagged || !inbox.events.is_empty() {
            return Poll::Ready(());
        }
        match &mut inbox.waker {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Registers a waiter. None when nobody waits for the customer yet and `last`, where its log ends, is not given.
    ///
    /// # Errors
    /// [`Error::Busy`] when `count_max` wait for the customer already.
    pub(crate) fn add(
        &self,
        customer: &CustomerName,
        waiter: &Arc<Waiter>,
        last: Option<u64>,
        count_max: usize,
    ) -> Result<Option<Place>> {
        let mut customers = self.customers();
        if !customers.contains_key(customer) {
            let Some(last) = last else { return Ok(None) };
            let begin = Cursor::new(&self.epoch, customer, 0);
            customers.insert(customer.clone(), Waiting::new(last, begin));
        }
        match customers.get_mut(customer) {
            Some(waiting) if waiting.count < count_max => Ok(Some(waiting.add(customer, waiter))),
            _ => Err(Error::Busy("subscriptions")),
        }
    }

    /// Takes a waiter out.
    pub(crate) fn remove(&self, customer: &CustomerName, place: &Place, waiter: &Waiter) {
        let mut customers = self.customers();
        let Some(waiting) = customers.get_mut(customer) else { return };
        waiting.remove(customer, place, waiter);
        if waiting.count == 0 {
            customers.remove(customer);
        }
    }

    fn customers(&self) -> MutexGuard<'_, HashMap<CustomerName, Waiting>> {
        self.customers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what is new in the log of one customer that is waited for.
    async fn follow(&self, store: &Store, customer: &CustomerName) -> Result<()> {
        loop {
            let Some(last) = self.customers().get(customer).map(Waiting::last) else {
                return Ok(());
            };
            let events = store.events(customer, last, EVENTS_AT_ONCE_MAX).await?;
            let more = events.len() == EVENTS_AT_ONCE_MAX as usize;
            self.give(customer, events);
            if !more {
                return Ok(());
            }
        }
    }

    async fn follow_each(&self, store: &Store, customers: impl IntoIterator<Item = CustomerName>) {
        for customer in customers {
            if let Err(error) = self.follow(store, &customer).await {
                tracing::warn!(%error, "cannot read new events");
                store.log_grew(&customer);
                tokio::time::sleep(LOOK).await;
            }
        }
    }

    /// Gives what was read to those who wait for the customer, and wakes them.
    fn give(&self, customer: &CustomerName, events: Vec<Event>) {
        let mut wakers = Vec::new();
        if let Some(waiting) = self.customers().get_mut(customer) {
            for event in events {
                // Whoever waits since a moment ago may start later in the log than where was read.
                if event.sequence > waiting.last() {
                    waiting.give(&Arc::new(event), &mut wakers);
                }
            }
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    /// The customers whose log is longer than what was given.
    async fn behind(&self, store: &Store) -> Result<Vec<CustomerName>> {
        let logs = store.last_events().await?;
        let customers = self.customers();
        let behind = |(name, last): &(CustomerName, u64)| customers.get(name).is_some_and(|w| w.last() < *last);
        Ok(logs.into_iter().filter(behind).map(|(name, _)| name).collect())
    }
}

/// Reads the logs as they grow, as long as the data folder is open.
pub(crate) async fn follow(inner: Weak<Inner>, waiters: Arc<Waiters>, store: Store) {
    let (mut version, mut connection) = (None, None);
    while inner.strong_count() > 0 {
        tokio::select! {
            () = store.grown().wait() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
        // First what is known to have grown: to look for more takes two queries.
        waiters.follow_each(&store, store.grown().take()).await;
        let looked = async {
            let found = store.data_version(&mut connection).await?;
            if version != Some(found) {
                let behind = waiters.behind(&store).await?;
                version = Some(found);
                waiters.follow_each(&store, behind).await;
            }
            Ok::<(), Error>(())
        };
        if let Err(error) = looked.await {
            tracing::warn!(%error, "cannot look for new events");
        }
    }
}

#[cfg(test)]
mod tests {
    use bordereau_base::state::BatchState;
    use jiff::Timestamp;

    use super::*;
    use crate::account::{Grant, User};
    use crate::event::{BatchChange, EventName};

    const KEY: &str = "ac5b3d51-50f8-40d1-e378-18f8db2fabc9";
    /// The number of the event whose batch is a test.
    const TEST: u64 = 2;

    fn customer() -> CustomerName {
        "valen".parse().unwrap()
    }

    fn event(sequence: u64) -> Event {
        Event {
            customer: customer(),
            sequence,
            name: EventName::BatchFinished,
            subject: Subject::Batch(BatchChange {
                key: KEY.parse().unwrap(),
                solution: "insureright".parse().unwrap(),
                submission: "scoring".parse().unwrap(),
                test: sequence == TEST,
                state: BatchState::Finished,
            }),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    fn waiter(filters: Vec<Filter>, grant: &str) -> Arc<Waiter> {
        let user = User::new("jane".parse().unwrap(), customer(), vec![grant.parse::<Grant>().unwrap()]);
        Arc::new(Waiter::new(Caller::new(user), filters))
    }

    fn waiting() -> Waiting {
        Waiting::new(0, Cursor::new("epoch", &customer(), 0))
    }

    fn add(waiting: &mut Waiting, filters: &[&str]) -> (Place, Arc<Waiter>) {
        let waiter = waiter(filters.iter().map(|text| text.parse().unwrap()).collect(), "*/*");
        (waiting.add(&customer(), &waiter), waiter)
    }

    /// How many events are in an inbox.
    fn taken(waiter: &Waiter) -> usize {
        std::iter::from_fn(|| matches!(waiter.take(), Taken::Event(_)).then_some(())).count()
    }

    #[test]
    fn promise_6_an_event_looks_at_nobody_who_waits_for_another() {
        let mut waiting = waiting();
        let mine = "name,batchFinished,state,finished,solution,insureright";
        let wanting: Vec<_> = (0..3).map(|_| add(&mut waiting, &[mine]).1).collect();
        let mut others = Vec::new();
        for number in 0..1_000 {
            let key = format!("batchKey,{number:08x}-50f8-40d1-e378-18f8db2fabc9");
            for filter in [
                key.as_str(),
                &format!("name,batchFinished,{key}"),
                &format!("name,batchFinished,state,finished,solution,s{number}"),
                "name,batchFinished,state,failed,solution,insureright",
                "name,batchFinished,test,true",
                "name,batchFinished,customer,acme",
            ] {
                others.push(add(&mut waiting, &[filter]));
            }
        }
        assert_eq!(waiting.give(&Arc::new(event(1)), &mut Vec::new()), wanting.len());
        assert!(wanting.iter().all(|waiter| taken(waiter) == 1));
        assert!(others.iter().all(|(_, waiter)| taken(waiter) == 0));
        for (place, waiter) in &others {
            waiting.remove(&customer(), place, waiter);
        }
        assert_eq!((waiting.count, waiting.by.len()), (3, 1));
    }

    /// Every filter that can be made of the right and a wrong value of each pair, against three events.
    #[test]
    fn a_waiter_is_found_exactly_when_its_filter_matches() {
        let webhook = Subject::Webhook { id: KEY.parse().unwrap(), reason: "It was not there.".to_owned() };
        let events = [event(1), event(TEST), Event { subject: webhook, ..event(3) }];
        let pairs = [
            ["", "name,batchFinished,", "name,batchFailed,"],
            ["", "batchKey,ac5b3d51-50f8-40d1-e378-18f8db2fabc9,", "batchKey,bc5b3d51-50f8-40d1-e378-18f8db2fabc9,"],
            ["", "customer,valen,", "customer,acme,"],
            ["", "solution,insureright,", "solution,ca,"],
            ["", "submission,scoring,", "submission,claim_detail,"],
            ["", "test,false,", "test,true,"],
            ["", "state,finished,", "state,failed,"],
        ];
        let mut waiting = waiting();
        let mut waiters = Vec::new();
        for number in 0..3_usize.pow(7) {
            let text: String =
                pairs.iter().enumerate().map(|(at, pair)| pair[number / 3_usize.pow(at as u32) % 3]).collect();
            let filter = text.trim_end_matches(',').parse().unwrap_or_default();
            let waiter = waiter(vec![filter], "*/*");
            waiting.add(&customer(), &waiter);
            waiters.push(waiter);
        }
        for event in events {
            let wanting = waiters.iter().filter(|waiter| waiter.wants(&event)).count();
            let given = Arc::new(event);
            assert_eq!(waiting.give(&given, &mut Vec::new()), wanting);
            for waiter in &waiters {
                assert_eq!(taken(waiter), usize::from(waiter.wants(&given)), "{:?}", waiter.filters);
            }
        }
    }

    #[test]
    fn an_event_comes_once_however_many_filters_match_and_not_without_the_right_to_it() {
        let mut waiting = waiting();
        let (_, twice) = add(&mut waiting, &["name,batchFinished", "state,finished", "name,batchFinished"]);
        let stranger = waiter(vec![Filter::default()], "ca/*");
        waiting.add(&customer(), &stranger);
        waiting.give(&Arc::new(event(1)), &mut Vec::new());
        assert_eq!((taken(&twice), taken(&stranger)), (1, 0));
        for sequence in 2..=100 {
            waiting.give(&Arc::new(event(sequence)), &mut Vec::new());
        }
        assert!((0..BACKLOG_MAX).all(|_| matches!(twice.take(), Taken::Event(_))));
        assert!(matches!((twice.take(), twice.take()), (Taken::Lagged, Taken::Nothing)));
    }
}
