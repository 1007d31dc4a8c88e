//! Who is verified, and whether that still holds.
//!
//! [`Jobs::verify`] and [`Jobs::verify_token`] make a [`Caller`] of credentials. What was verified may end while a
//! request is still being answered: a long poll waits for minutes, a stream for days. [`Jobs::until_unwelcome`] waits
//! for that end. One task a process looks every 100 ms whether the store was changed (and at once after a change of
//! this process), and when accounts were, reads who may get in and tells everybody; so a change by the command line or
//! another process takes effect within about that time, and one by this process at once. Costs two queries for each
//! change of accounts, and memory for the names of users and tokens.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

use crate::account::{Caller, Password, UserName};
use crate::audit::{Actor, Deed, DeedName};
use crate::error::{Error, Result};
use crate::jobs::{Inner, Jobs};
use crate::store::Store;
use crate::token::{Token, TokenPrefix};

/// How often the store is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Who may get in.
#[derive(Debug, Default)]
struct Welcome {
    /// At least up to this change is known here. Whoever was verified later is taken for granted.
    version: i64,
    /// Those who may get in, with the number of the last change of each.
    users: HashMap<UserName, i64>,
    revoked: HashSet<TokenPrefix>,
}

impl Welcome {
    async fn read(store: &Store) -> Result<Self> {
        let version = store.access_version().await?;
        let users = store.standing_users().await?.into_iter().collect();
        Ok(Self { version, users, revoked: store.revoked_tokens().await?.into_iter().collect() })
    }

    fn holds(&self, caller: &Caller) -> bool {
        let Some(proof) = caller.proof() else { return true };
        let user_stands = proof.version > self.version || self.users.get(caller.name()) == Some(&proof.version);
        user_stands && proof.token.as_ref().is_none_or(|token| !self.revoked.contains(token))
    }
}

/// The watch over accounts of one process.
#[derive(Debug)]
pub(crate) struct AccessWatch {
    /// None until accounts were changed for the first time since the watch began.
    welcome: watch::Sender<Option<Arc<Welcome>>>,
    changed: Notify,
    watching: AtomicBool,
}

impl AccessWatch {
    pub(crate) fn new() -> Self {
        Self { welcome: watch::Sender::new(None), changed: Notify::new(), watching: AtomicBool::new(false) }
    }

    /// Says that this process has changed accounts.
    pub(crate) fn changed(&self) {
        self.changed.notify_one();
    }
}

impl Jobs {
    /// The user of that name, when the password is right and neither the user nor the customer is disabled. Costs
    /// microseconds when it was right a moment ago; an unknown name costs as much as a wrong password. `name` may be
    /// any text; `from` is where it came from.
    ///
    /// # Errors
    /// [`Error::Busy`] when too many checks are waiting, [`Error::TooOften`] after too many wrong ones
    /// (docs/access.md);
    /// when the store fails.
    pub async fn verify(&self, name: &str, password: &Password, from: Option<IpAddr>) -> Result<Option<Caller>> {
        self.watch_access().await?;
        let Inner { store, credentials, pace, .. } = &*self.inner;
        // Whoever is remembered is let in, however many others fail by the same name or from the same address.
        if let Some(caller) = credentials.remembered(name, password)? {
            return Ok(Some(caller.at(from)));
        }
        // Those who ask for the same at once are one attempt, or a client with many connections would be refused.
        let check = async || {
            let attempt = pace.attempt(name, from, Instant::now())?;
            let caller = credentials.verify(name, password, async || store.candidate(name).await).await?;
            if caller.is_some() {
                pace.succeeded(&attempt, Instant::now());
            } else if attempt.is_last_free {
                self.logins_refused(from).await;
            }
            Ok(caller)
        };
        let caller = credentials.shared(name, password, check).await?;
        Ok(caller.map(|caller| caller.at(from)))
    }

    /// The user whose token it is, when it is neither revoked nor past its end and neither the user nor the customer is
    /// disabled.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn verify_token(&self, token: &Token, from: Option<IpAddr>) -> Result<Option<Caller>> {
        self.watch_access().await?;
        let (store, now) = (&self.inner.store, self.now());
        let caller = self.inner.credentials.verify_token(token, async || store.token_candidate(token).await).await?;
        let lasts =
            |caller: &Caller| caller.proof().and_then(|proof| proof.expires).is_none_or(|expires| now < expires);
        let Some((caller, newly)) = caller.filter(|(caller, _)| lasts(caller)) else { return Ok(None) };
        if newly {
            // Only to look at; a full disk keeps nobody out.
            if let Err(error) = store.token_used(token.prefix(), now).await {
                tracing::warn!(%error, "cannot write down that a token was used");
            }
        }
        Ok(Some(caller.at(from)))
    }

    /// Takes a request of the caller's customer into account.
    ///
    /// # Errors
    /// [`Error::TooOften`] when there were too many lately.
    pub fn admit(&self, caller: &Caller) -> Result<()> {
        self.inner.pace.request(caller.customer(), Instant::now())
    }

    /// Records that from now on wrong credentials must wait. The name is not written down: it may be a password that
    /// somebody typed into the wrong field.
    async fn logins_refused(&self, address: Option<IpAddr>) {
        let actor = Actor { address, ..Actor::program() };
        if let Err(error) = self.inner.store.record(&Deed::new(&actor, DeedName::LoginsRefused), self.now()).await {
            tracing::error!(%error, "the audit log cannot be written");
        }
    }

    /// Waits until what the caller was verified by is worth nothing any more: password, role or grants changed, token
    /// revoked or past its end, user or customer disabled or removed. May wait for ever.
    pub async fn until_unwelcome(&self, caller: &Caller) {
        let mut welcome = self.inner.access.welcome.subscribe();
        let ends = caller.proof().and_then(|proof| proof.expires);
        let revoked = welcome.wait_for(|welcome| welcome.as_ref().is_some_and(|welcome| !welcome.holds(caller)));
        match ends {
            Some(ends) => {
                let left = ends.duration_since(self.now());
                let left = Duration::try_from(left).unwrap_or_default();
                let _ = tokio::time::timeout(left, revoked).await;
            }
            // The sender lives as long as the folder is open.
            None => _ = revoked.await,
        }
    }

    /// Whether what the caller was verified by is still worth something, as far as this process knows.
    pub fn is_welcome(&self, caller: &Caller) -> bool {
        let lasts = caller.proof().and_then(|proof| proof.expires).is_none_or(|expires| self.now() < expires);
        lasts && self.inner.access.welcome.borrow().as_ref().is_none_or(|welcome| welcome.holds(caller))
    }

    /// Begins the watch when nobody has.
    async fn watch_access(&self) -> Result<()> {
        if !self.inner.access.watching.swap(true, Ordering::Relaxed) {
            let version = self.inner.store.access_version().await?;
            let (access, store) = (Arc::clone(&self.inner.access), self.inner.store.clone());
            tokio::spawn(watch(Arc::downgrade(&self.inner), access, store, version));
        }
        Ok(())
    }
}

/// Looks for changes of accounts, as long as the data folder is open.
async fn watch(inner: Weak<Inner>, access: Arc<AccessWatch>, store: Store, mut version: i64) {
    let (mut connection, mut seen) = (None, None);
    while inner.strong_count() > 0 {
        let looked = async {
            let data = store.data_version(&mut connection).await?;
            let found = if seen == Some(data) { version } else { store.access_version().await? };
            if found != version {
                let welcome = Arc::new(Welcome::read(&store).await?);
                if let Some(inner) = inner.upgrade() {
                    inner.credentials.forget();
                }
                access.welcome.send_replace(Some(welcome));
                version = found;
            }
            seen = Some(data);
            Ok::<(), Error>(())
        };
        if let Err(error) = looked.await {
            tracing::warn!(%error, "cannot look for changes of accounts");
        }
        // Either is a reason to look.
        let _ = tokio::time::timeout(LOOK, access.changed.notified()).await;
    }
}
