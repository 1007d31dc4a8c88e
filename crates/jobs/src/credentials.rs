//! Checking passwords: slow once, then fast for a minute, and as slow for a name nobody has.
//!
//! A stored password is an argon2id hash. A check costs some 20 ms of a core and 19 MiB, so at most
//! [`CHECKS_AT_ONCE`] run at once, on blocking threads, and at most [`CHECKS_WAITING_MAX`] wait. An unknown name is
//! checked against a fixed hash nobody's password has, with the same parameters: it takes as long as a known one.
//! A success is remembered for `ttl` under a MAC of name and password, whose key lives as long as the process; the
//! cache holds neither, and at most [`REMEMBERED_MAX`] entries. Tokens are remembered likewise; their secrets cannot be
//! guessed, so they are compared with a plain digest. Failures are not remembered. Who asks for the same name and
//! password while they are being checked gets that check's answer: a thousand requests of one client cost one check.
//! Invariant: a check that began before [`Credentials::forget`] is neither remembered nor shared after it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

use crate::account::{Caller, Password};
use crate::error::{Error, Result};
use crate::store::Candidate;
use crate::token::Token;

const CHECKS_AT_ONCE: usize = 2;
const CHECKS_WAITING_MAX: usize = 64;
const REMEMBERED_MAX: usize = 10_000;

/// Well-formed, with the parameters of [`Argon2::default`], and the hash of no password anybody knows.
const NOBODYS_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3MgcGFzc3dvcmQ$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

type Fingerprint = [u8; 32];
/// What is being checked, and how often everything was forgotten before.
type Question = (u64, Fingerprint);
type Checks = Mutex<HashMap<Question, Arc<OnceCell<Option<Caller>>>>>;

/// The checker of a process.
pub(crate) struct Credentials {
    key: [u8; 32],
    ttl: Duration,
    remembered: Mutex<Remembered>,
    under_way: Checks,
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
    checks: AtomicU64,
}

#[derive(Default)]
struct Remembered {
    callers: HashMap<Fingerprint, (Caller, Instant)>,
    /// How often everything was forgotten.
    epoch: u64,
}

impl Credentials {
    pub(crate) fn new(ttl: Duration) -> Self {
        Self {
            key: rand::random(),
            ttl,
            remembered: Mutex::default(),
            under_way: Mutex::default(),
            turns: Arc::new(Semaphore::new(CHECKS_AT_ONCE)),
            waiting: AtomicUsize::new(0),
            checks: AtomicU64::new(0),
        }
    }

    /// How many passwords were compared with a hash, the one of nobody included.
    pub(crate) fn checks(&self) -> u64 {
        self.checks.load(Ordering::Relaxed)
    }

    /// Forgets all successes: to be called after any change of users or rights.
    pub(crate) fn forget(&self) {
        let mut remembered = self.lock();
        remembered.callers.clear();
        remembered.epoch += 1;
    }

    /// The caller, when name and password were right a moment ago.
    pub(crate) fn remembered(&self, name: &str, password: &Password) -> Result<Option<Caller>> {
        Ok(self.recall(&self.fingerprint(name.as_bytes(), password.bytes())?))
    }

    /// What `check` says of a name and password, unless the same are being checked already: then what that check says.
    /// One that fails by an error speaks for nobody else.
    pub(crate) async fn shared<F>(&self, name: &str, password: &Password, check: F) -> Result<Option<Caller>>
    where
        F: AsyncFnOnce() -> Result<Option<Caller>>,
    {
        let question = (self.lock().epoch, self.fingerprint(name.as_bytes(), password.bytes())?);
        let joined = Joined::join(&self.under_way, question);
        joined.cell.get_or_try_init(|| check()).await.cloned()
    }

    /// Checks a name and password; `stored` finds the user and the hash by name and is called only when needed. One who
    /// is disabled is checked all the same.
    pub(crate) async fn verify<F>(&self, name: &str, password: &Password, stored: F) -> Result<Option<Caller>>
    where
        F: AsyncFnOnce() -> Result<Option<Candidate>>,
    {
        let fingerprint = self.fingerprint(name.as_bytes(), password.bytes())?;
        if let Some(caller) = self.recall(&fingerprint) {
            return Ok(Some(caller));
        }
        let _place = Waiting::enter(&self.waiting)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| Error::Task)?;
        // Another request may have done the work while this one waited.
        if let Some(caller) = self.recall(&fingerprint) {
            return Ok(Some(caller));
        }
        let epoch = self.lock().epoch;
        let found = stored().await?;
        let hash = found.as_ref().map_or(NOBODYS_HASH, |candidate| &candidate.hash).to_owned();
        self.checks.fetch_add(1, Ordering::Relaxed);
        let matched = matches(password.clone(), hash, turn).await?;
        let caller = found.filter(|_| matched).and_then(admitted);
        if let Some(caller) = &caller {
            self.remember(fingerprint, caller.clone(), epoch);
        }
        Ok(caller)
    }

    /// Checks a token; `stored` finds its user and the digest of its secret and is called only when needed. With the
    /// caller: whether it was not remembered.
    pub(crate) async fn verify_token<F>(&self, token: &Token, stored: F) -> Result<Option<(Caller, bool)>>
    where
        F: AsyncFnOnce() -> Result<Option<Candidate>>,
    {
        let fingerprint = self.fingerprint(token.prefix().as_str().as_bytes(), token.secret().as_bytes())?;
        if let Some(caller) = self.recall(&fingerprint) {
            return Ok(Some((caller, false)));
        }
        let epoch = self.lock().epoch;
        // Digests are compared, of which nobody can choose a beginning: how far they agree tells nothing.
        let found = stored().await?.filter(|candidate| candidate.hash == token.sha256());
        let Some(caller) = found.and_then(admitted) else { return Ok(None) };
        self.remember(fingerprint, caller.clone(), epoch);
        Ok(Some((caller, true)))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fingerprint(&self, name: &[u8], secret: &[u8]) -> Result<Fingerprint> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).map_err(|_| Error::Hash)?;
        mac.update(&(name.len() as u64).to_le_bytes());
        mac.update(name);
        mac.update(secret);
        Ok(mac.finalize().into_bytes().into())
    }

    fn recall(&self, fingerprint: &Fingerprint) -> Option<Caller> {
        let remembered = self.lock();
        let (caller, until) = remembered.callers.get(fingerprint)?;
        (Instant::now() < *until).then(|| caller.clone())
    }

    fn remember(&self, fingerprint: Fingerprint, caller: Caller, epoch: u64) {
        let now = Instant::now();
        let mut remembered = self.lock();
        if remembered.epoch != epoch {
            return;
        }
        if remembered.callers.len() >= REMEMBERED_MAX {
            remembered.callers.retain(|_, (_, until)| now < *until);
        }
        if remembered.callers.len() >= REMEMBERED_MAX {
            remembered.callers.clear();
        }
        remembered.callers.insert(fingerprint, (caller, now + self.ttl));
    }
}

/// Whoever is found and right, unless disabled.
fn admitted(candidate: Candidate) -> Option<Caller> {
    (!candidate.standing.is_disabled()).then(|| Caller::proven(candidate.user, candidate.verified))
}

/// A part in a check that is under way.
struct Joined<'a> {
    checks: &'a Checks,
    question: Question,
    cell: Arc<OnceCell<Option<Caller>>>,
}

impl<'a> Joined<'a> {
    fn join(checks: &'a Checks, question: Question) -> Self {
        let mut under_way = checks.lock().unwrap_or_else(PoisonError::into_inner);
        let cell = Arc::clone(under_way.entry(question).or_default());
        Self { checks, question, cell }
    }
}

impl Drop for Joined<'_> {
    /// A check that has its answer is over, and so is one that nobody waits for any more.
    fn drop(&mut self) {
        let mut under_way = self.checks.lock().unwrap_or_else(PoisonError::into_inner);
        let is_this = under_way.get(&self.question).is_some_and(|cell| Arc::ptr_eq(cell, &self.cell));
        // One is the map's and one this one's, which goes while the lock is held.
        let is_last = Arc::strong_count(&self.cell) <= 2;
        if is_this && (is_last || self.cell.initialized()) {
            under_way.remove(&self.question);
        }
        self.cell = Arc::default();
    }
}

/// A place among those that wait for a check.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(waiting: &'a AtomicUsize) -> Result<Self> {
        let place = Self(waiting);
        if waiting.fetch_add(1, Ordering::Relaxed) >= CHECKS_WAITING_MAX + CHECKS_AT_ONCE {
            return Err(Error::Busy("password checks"));
        }
        Ok(place)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The argon2id hash of a password with a fresh salt, as a PHC string.
pub(crate) async fn hash(password: Password) -> Result<String> {
    tokio::task::spawn_blocking(move || {
        let hash: PasswordHash = Argon2::default().hash_password(password.bytes()).map_err(|_| Error::Hash)?;
        Ok(hash.to_string())
    })
    .await?
}

/// Holds its turn until the work is done, also when nobody waits for the answer any more.
async fn matches(password: Password, hash: String, turn: OwnedSemaphorePermit) -> Result<bool> {
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let hash = PasswordHash::new(&hash).map_err(|_| Error::Stored("password hash"))?;
        Ok(Argon2::default().verify_password(password.bytes(), &hash).is_ok())
    })
    .await?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{Standing, User, Verified};

    fn stored_user(hash: &str) -> Option<Candidate> {
        let (name, customer) = ("jane".parse().unwrap(), "valen".parse().unwrap());
        let user = User::new(name, customer, vec![crate::account::Grant::ALL]);
        let verified = Verified { version: 1, token: None, expires: None };
        Some(Candidate { user, hash: hash.to_owned(), verified, standing: Standing::Enabled })
    }

    #[tokio::test]
    async fn the_hash_of_nobody_has_the_parameters_of_a_fresh_one() {
        let fresh = hash(Password::given("opensesame")).await.unwrap();
        let parameters = |text: &str| text.split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
        let lengths = |text: &str| text.split('$').skip(4).map(str::len).collect::<Vec<_>>();
        assert_eq!(parameters(&fresh), parameters(NOBODYS_HASH));
        assert_eq!(lengths(&fresh)[1], lengths(NOBODYS_HASH)[1]);
        assert!(PasswordHash::new(NOBODYS_HASH).is_ok());
    }

    #[tokio::test]
    async fn an_unknown_name_costs_a_check_and_a_known_one_only_the_first_time() {
        let credentials = Credentials::new(Duration::from_secs(60));
        let password = Password::given("opensesame");
        assert_eq!(credentials.verify("nobody", &password, async || Ok(None)).await.unwrap(), None);
        assert_eq!(credentials.checks(), 1);
        let hash = hash(password.clone()).await.unwrap();
        for _ in 0..3 {
            let found = credentials.verify("jane", &password, async || Ok(stored_user(&hash))).await;
            assert_eq!(found.unwrap().unwrap().name().as_str(), "jane");
        }
        assert_eq!(credentials.checks(), 2);
        let wrong = Password::given("opensesamf");
        let found = credentials.verify("jane", &wrong, async || Ok(stored_user(&hash))).await;
        assert_eq!((found.unwrap(), credentials.checks()), (None, 3));
    }

    #[tokio::test]
    async fn a_check_that_began_before_a_change_is_not_remembered_after_it() {
        let credentials = Credentials::new(Duration::from_secs(60));
        let password = Password::given("opensesame");
        let hash = hash(password.clone()).await.unwrap();
        let changed_meanwhile = async || {
            credentials.forget();
            Ok(stored_user(&hash))
        };
        assert!(credentials.verify("jane", &password, changed_meanwhile).await.unwrap().is_some());
        assert_eq!(credentials.verify("jane", &password, async || Ok(None)).await.unwrap(), None);
    }

    #[tokio::test]
    async fn the_same_credentials_are_checked_once_at_a_time_and_not_over_a_change() {
        let credentials = Credentials::new(Duration::from_secs(60));
        let password = Password::given("opensesame");
        let hash = hash(password.clone()).await.unwrap();
        let verified = || credentials.verify("jane", &password, async || Ok(stored_user(&hash)));
        let many = CHECKS_AT_ONCE + CHECKS_WAITING_MAX + 100;
        let asked = (0..many).map(|_| credentials.shared("jane", &password, async || verified().await));
        let found = futures::future::join_all(asked).await;
        assert!(found.iter().all(|found| found.as_ref().is_ok_and(Option::is_some)));
        assert_eq!((credentials.checks(), credentials.under_way.lock().unwrap().len()), (1, 0));

        // Who asks after a change does not get the answer of before.
        let changed = async || {
            credentials.forget();
            let asked = credentials.shared("jane", &password, async || Ok(None)).await;
            assert_eq!(asked.unwrap(), None);
            verified().await
        };
        assert!(credentials.shared("jane", &password, changed).await.unwrap().is_some());
        // Nor does an error speak for others, and one who goes leaves nothing.
        let failed = credentials.shared("jane", &password, async || Err(Error::Hash));
        let found = credentials.shared("jane", &password, async || verified().await);
        let (failed, found) = futures::join!(failed, found);
        assert!(failed.is_err() && found.unwrap().is_some());
        let gone = credentials.shared("jane", &password, async || std::future::pending().await);
        assert!(futures::FutureExt::now_or_never(gone).is_none());
        assert_eq!(credentials.under_way.lock().unwrap().len(), 0);
    }

    #[tokio::test]
    async fn a_success_is_forgotten_after_its_time() {
        let credentials = Credentials::new(Duration::ZERO);
        let password = Password::given("opensesame");
        let hash = hash(password.clone()).await.unwrap();
        for _ in 0..2 {
            let found = credentials.verify("jane", &password, async || Ok(stored_user(&hash))).await;
            assert!(found.unwrap().is_some());
        }
        assert_eq!(credentials.checks(), 2);
    }

    #[tokio::test]
    async fn of_too_many_checks_at_once_some_are_turned_away() {
        let credentials = Credentials::new(Duration::from_secs(60));
        let password = Password::given("opensesame");
        let tried = CHECKS_AT_ONCE + CHECKS_WAITING_MAX + 5;
        let checks = (0..tried).map(|_| credentials.verify("nobody", &password, async || Ok(None)));
        let found = futures::future::join_all(checks).await;
        let busy = found.iter().filter(|found| matches!(found, Err(Error::Busy("password checks")))).count();
        assert_eq!((busy, credentials.checks()), (5, (tried - 5) as u64));
        assert!(credentials.verify("nobody", &password, async || Ok(None)).await.is_ok());
    }
}
