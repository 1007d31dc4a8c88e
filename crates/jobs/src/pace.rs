//! How often something may happen: requests of a customer, and wrong credentials.
//!
//! *Requests*: each customer has a bucket that holds [`PaceLimits::requests_burst`] and is filled by
//! [`PaceLimits::requests_per_s`]; a request takes one. Only verified callers take from it, so nobody can empty
//! another's.
//!
//! *Wrong credentials* are counted for the name, for the address and for both together, whether there is such a user
//! or not. After [`PaceLimits::failures_free`] (twice as many for the name, and for the address) the next attempt
//! must wait, twice as long after each further failure, up to [`PaceLimits::failure_wait_ms_max`]; it is refused
//! before anything is compared. That must not be a way to lock others out: a name that got in from an address during
//! the last day is *proven* there, and for it only the failures of that name from that address count, and the wait is
//! at most [`PROVEN_WAIT_MS_MAX`]. So whoever guesses at a name from elsewhere, or at other names from a shared
//! address, keeps nobody out who was in before. Tokens cannot be guessed and are not counted. An attempt counts as
//! failed from its beginning until it succeeds, so many at once are no way around.
//!
//! Memory: names are kept as 64-bit hashes under a key of the process, at most [`ENTRIES_MAX`] of each kind; when
//! there are more, those go that failed least and longest ago. An IPv6 address counts by its first 64 bits.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bordereau_base::ids::CustomerName;

use crate::error::{Error, Result};

/// Entries of each kind.
const ENTRIES_MAX: usize = 10_000;
/// Failures are forgotten when there was none for so long.
const FORGET: Duration = Duration::from_secs(15 * 60);
/// How long a name is proven at an address.
const PROVEN: Duration = Duration::from_secs(24 * 3600);
/// The longest wait of a name at an address where it is proven.
pub const PROVEN_WAIT_MS_MAX: u64 = 30_000;
/// The first wait; twice as long after each further failure.
const WAIT_MS: u64 = 1_000;

/// How often something may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaceLimits {
    /// Requests of a customer in a second, in the long run. Zero: as many as there are.
    pub requests_per_s: u32,
    /// Requests of a customer at once.
    pub requests_burst: u32,
    /// Wrong credentials of a name from an address before it must wait. Zero: it never must.
    pub failures_free: u32,
    /// The longest wait after wrong credentials.
    pub failure_wait_ms_max: u64,
}

impl Default for PaceLimits {
    fn default() -> Self {
        Self { requests_per_s: 1_000, requests_burst: 20_000, failures_free: 10, failure_wait_ms_max: 300_000 }
    }
}

/// The counters of a process.
#[derive(Debug)]
pub(crate) struct Pace {
    limits: PaceLimits,
    buckets: Mutex<HashMap<CustomerName, Bucket>>,
    failures: Mutex<Failures>,
    hasher: RandomState,
}

#[derive(Debug)]
struct Bucket {
    left: f64,
    at: Instant,
}

#[derive(Debug, Default)]
struct Failures {
    entries: HashMap<Counted, Entry>,
    proven: HashMap<(u64, IpAddr), Instant>,
}

/// Whose failures are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Counted {
    Name(u64),
    Address(IpAddr),
    Both(u64, IpAddr),
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    failures: u32,
    last: Instant,
    until: Instant,
}

/// An attempt to get in, counted as failed until [`Pace::succeeded`].
#[derive(Debug)]
pub(crate) struct Attempt {
    name: u64,
    address: Option<IpAddr>,
    /// It is the one after which the next must wait for the first time.
    pub(crate) is_last_free: bool,
}

impl Pace {
    pub(crate) fn new(limits: PaceLimits) -> Self {
        let (buckets, failures) = (Mutex::default(), Mutex::default());
        Self { limits, buckets, failures, hasher: RandomState::new() }
    }

    /// Takes a request out of the customer's bucket.
    pub(crate) fn request(&self, customer: &CustomerName, now: Instant) -> Result<()> {
        let PaceLimits { requests_per_s, requests_burst, .. } = self.limits;
        if requests_per_s == 0 {
            return Ok(());
        }
        let (rate, burst) = (f64::from(requests_per_s), f64::from(requests_burst.max(1)));
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if !buckets.contains_key(customer) {
            buckets.insert(customer.clone(), Bucket { left: burst, at: now });
        }
        let Some(bucket) = buckets.get_mut(customer) else { return Ok(()) };
        let since = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.left = (bucket.left + since * rate).min(burst);
        bucket.at = now;
        if bucket.left < 1.0 {
            let wait_ms = ((1.0 - bucket.left) / rate * 1_000.0).ceil() as u64;
            return Err(Error::TooOften { what: "requests", wait_ms: wait_ms.max(1) });
        }
        bucket.left -= 1.0;
        Ok(())
    }

    /// Begins an attempt, or says how long to wait before one.
    pub(crate) fn attempt(&self, name: &str, address: Option<IpAddr>, now: Instant) -> Result<Attempt> {
        let (name, address) = (self.hasher.hash_one(name), address.map(network));
        let mut attempt = Attempt { name, address, is_last_free: false };
        if self.limits.failures_free == 0 {
            return Ok(attempt);
        }
        let mut failures = self.failures();
        let counted = self.counted(&failures, &attempt, now);
        let entries = counted.iter().filter_map(|(counted, ..)| failures.entries.get(counted));
        let waits = entries.filter(|entry| now.duration_since(entry.last) < FORGET);
        if let Some(wait) = waits.map(|entry| entry.until.saturating_duration_since(now)).max()
            && !wait.is_zero()
        {
            return Err(Error::TooOften { what: "failed logins", wait_ms: wait.as_millis() as u64 + 1 });
        }
        for (counted, free, wait_ms_max) in counted {
            let failed = failures.add(counted, free, wait_ms_max, now);
            attempt.is_last_free |= failed == free;
        }
        Ok(attempt)
    }

    /// The attempt got in: it does not count, and its name is proven at its address.
    pub(crate) fn succeeded(&self, attempt: &Attempt, now: Instant) {
        let mut failures = self.failures();
        let Attempt { name, address, .. } = *attempt;
        failures.entries.remove(&Counted::Name(name));
        let Some(address) = address else { return };
        failures.entries.remove(&Counted::Both(name, address));
        failures.take_back(Counted::Address(address), now);
        if failures.proven.len() >= ENTRIES_MAX {
            failures.proven.retain(|_, at| now.duration_since(*at) < PROVEN);
        }
        if failures.proven.len() >= ENTRIES_MAX
            && let Some(oldest) = failures.proven.iter().min_by_key(|(_, at)| **at).map(|(key, _)| *key)
        {
            failures.proven.remove(&oldest);
        }
        failures.proven.insert((name, address), now);
    }

    /// What an attempt is counted for, with the number that is free and the longest wait.
    fn counted(&self, failures: &Failures, attempt: &Attempt, now: Instant) -> Vec<(Counted, u32, u64)> {
        let PaceLimits { failures_free: free, failure_wait_ms_max: wait_ms_max, .. } = self.limits;
        let Attempt { name, address, .. } = *attempt;
        let Some(address) = address else { return vec![(Counted::Name(name), free, wait_ms_max)] };
        let proven = failures.proven.get(&(name, address)).is_some_and(|at| now.duration_since(*at) < PROVEN);
        if proven {
            return vec![(Counted::Both(name, address), free, wait_ms_max.min(PROVEN_WAIT_MS_MAX))];
        }
        let many = free.saturating_mul(2);
        vec![
            (Counted::Both(name, address), free, wait_ms_max),
            (Counted::Name(name), many, wait_ms_max),
            (Counted::Address(address), many, wait_ms_max),
        ]
    }

    fn failures(&self) -> MutexGuard<'_, Failures> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Failures {
    /// Counts a failure; how many there are.
    fn add(&mut self, counted: Counted, free: u32, wait_ms_max: u64, now: Instant) -> u32 {
        if self.entries.len() >= ENTRIES_MAX && !self.entries.contains_key(&counted) {
            self.make_room(now);
        }
        let entry = self.entries.entry(counted).or_insert(Entry { failures: 0, last: now, until: now });
        if now.duration_since(entry.last) >= FORGET {
            entry.failures = 0;
        }
        entry.failures = entry.failures.saturating_add(1);
        entry.last = now;
        if let Some(beyond) = entry.failures.checked_sub(free) {
            let wait_ms = WAIT_MS.saturating_mul(1 << beyond.min(30)).min(wait_ms_max);
            entry.until = now + Duration::from_millis(wait_ms);
        }
        entry.failures
    }

    fn take_back(&mut self, counted: Counted, now: Instant) {
        if let Some(entry) = self.entries.get_mut(&counted) {
            entry.failures = entry.failures.saturating_sub(1);
            entry.until = now;
        }
    }

    fn make_room(&mut self, now: Instant) {
        self.entries.retain(|_, entry| now.duration_since(entry.last) < FORGET);
        if self.entries.len() >= ENTRIES_MAX
            && let Some(least) =
                self.entries.iter().min_by_key(|(_, entry)| (entry.failures, entry.last)).map(|(key, _)| *key)
        {
            self.entries.remove(&least);
        }
    }
}

/// What counts as one address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "192.0.2.1";
    const THERE: &str = "198.51.100.7";

    fn pace() -> Pace {
        Pace::new(PaceLimits { requests_per_s: 10, requests_burst: 3, failures_free: 3, failure_wait_ms_max: 60_000 })
    }

    fn at(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    fn wait_ms<T>(result: Result<T>) -> u64 {
        match result {
            Ok(_) => 0,
            Err(Error::TooOften { wait_ms, .. }) => wait_ms,
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_bucket_is_emptied_at_once_and_filled_with_time_for_each_customer() {
        let (pace, now) = (pace(), Instant::now());
        let (valen, acme) = ("valen".parse().unwrap(), "acme".parse().unwrap());
        for left in [true, true, true, false] {
            assert_eq!(pace.request(&valen, now).is_ok(), left);
        }
        assert_eq!(wait_ms(pace.request(&valen, now)), 100);
        assert!(pace.request(&acme, now).is_ok(), "another customer has its own");
        assert!(pace.request(&valen, now + Duration::from_millis(101)).is_ok());
        assert!(pace.request(&valen, now + Duration::from_millis(150)).is_err());
        for left in [true, true, true, false] {
            assert_eq!(pace.request(&valen, now + Duration::from_secs(3600)).is_ok(), left, "no more than the burst");
        }
        let unlimited = Pace::new(PaceLimits { requests_per_s: 0, ..PaceLimits::default() });
        assert!((0..50_000).all(|_| unlimited.request(&valen, now).is_ok()));
    }

    #[test]
    fn waits_grow_up_to_their_limit_and_are_forgotten() {
        let (pace, mut now) = (pace(), Instant::now());
        let mut waits = Vec::new();
        for _ in 0..12 {
            let wait = wait_ms(pace.attempt("jane", at(HERE), now));
            if wait > 0 {
                waits.push(wait - 1);
                now += Duration::from_millis(wait);
                assert!(pace.attempt("jane", at(HERE), now).is_ok());
            }
        }
        assert_eq!(waits[..5], [1_000, 2_000, 4_000, 8_000, 16_000]);
        assert_eq!(*waits.last().unwrap(), 60_000);
        assert!(pace.attempt("jane", at(HERE), now + FORGET).is_ok());
    }

    #[test]
    fn an_attempt_that_succeeds_does_not_count() {
        let (pace, now) = (pace(), Instant::now());
        for _ in 0..50 {
            let attempt = pace.attempt("jane", at(HERE), now).unwrap();
            pace.succeeded(&attempt, now);
        }
    }

    #[test]
    fn nobody_who_was_in_before_is_locked_out_by_others() {
        let (pace, now) = (pace(), Instant::now());
        let jane = pace.attempt("jane", at(HERE), now).unwrap();
        pace.succeeded(&jane, now);
        // Her name is guessed at from everywhere, and everything from her address.
        for guess in 0..100 {
            let _ = pace.attempt("jane", at(&format!("203.0.113.{guess}")), now);
            let _ = pace.attempt(&format!("name-{guess}"), at(HERE), now);
        }
        assert!(pace.attempt("jane", at(THERE), now).is_err(), "from a new address the name must wait");
        assert!(pace.attempt("joe", at(HERE), now).is_err(), "and so must another name from this address");
        let jane = pace.attempt("jane", at(HERE), now).unwrap();
        pace.succeeded(&jane, now);
        // Who shares both name and address with the guesser waits a little.
        let longest = (0..50).map(|_| wait_ms(pace.attempt("jane", at(HERE), now))).max();
        assert!(longest.unwrap() <= PROVEN_WAIT_MS_MAX + 1);
    }

    #[test]
    fn memory_is_bounded_and_who_fails_most_is_remembered() {
        let (pace, now) = (pace(), Instant::now());
        for _ in 0..3 {
            let _ = pace.attempt("jane", at(HERE), now);
        }
        for guess in 0..12_000_u32 {
            let _ = pace.attempt(&guess.to_string(), Some(IpAddr::from(guess.to_be_bytes())), now);
        }
        let failures = pace.failures();
        assert!(failures.entries.len() <= ENTRIES_MAX);
        drop(failures);
        assert!(pace.attempt("jane", at(HERE), now).is_err());
    }

    #[test]
    fn one_network_of_ipv6_counts_as_one_address() {
        assert_eq!(network("2001:db8::1".parse().unwrap()), network("2001:db8::ffff:1".parse().unwrap()));
        assert_ne!(network("2001:db8::1".parse().unwrap()), network("2001:db8:0:1::1".parse().unwrap()));
        assert_eq!(network("::ffff:192.0.2.1".parse().unwrap()), network(HERE.parse().unwrap()));
    }
}
