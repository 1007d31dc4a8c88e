//! The audit log: who did what, when, from where. Pure types; the log itself is in the store.
//!
//! What changes something (accounts, batches, webhooks) is recorded by the transaction that changes it, so neither is
//! there without the other. What only reads results is recorded when they are handed out. Nothing is ever changed or
//! removed: the store refuses it. A record holds names, keys, grants and roles; never a cell's value, a password or a
//! token.

use std::fmt;
use std::net::IpAddr;

use bordereau_base::ids::CustomerName;
use jiff::Timestamp;

use crate::account::Caller;

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The user's name; for others, what they are in parentheses.
    pub name: String,
    /// `password`, `commandLine`, `program`, or the prefix of the token.
    pub via: String,
    /// From where, when that is known.
    pub address: Option<IpAddr>,
}

impl Actor {
    /// Whoever may run commands on the data folder.
    pub fn command_line() -> Self {
        Self { name: "(operator)".to_owned(), via: "commandLine".to_owned(), address: None }
    }

    /// This program by itself.
    pub fn program() -> Self {
        Self { name: "(program)".to_owned(), via: "program".to_owned(), address: None }
    }
}

impl From<&Caller> for Actor {
    fn from(caller: &Caller) -> Self {
        let via = match caller.proof().map(|proof| &proof.token) {
            Some(Some(prefix)) => prefix.to_string(),
            Some(None) => "password".to_owned(),
            None => "program".to_owned(),
        };
        Self { name: caller.name().to_string(), via, address: caller.address() }
    }
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeedName {
    /// A customer was added.
    CustomerAdded,
    /// A customer was enabled or disabled.
    CustomerStanding,
    /// A customer was removed.
    CustomerRemoved,
    /// A customer was given another share of the runner.
    WeightChanged,
    /// It was said how long what a customer has is kept.
    RetentionChanged,
    /// A user was added.
    UserAdded,
    /// A password was changed.
    PasswordChanged,
    /// A user's role was changed.
    RoleChanged,
    /// What a user may use was changed.
    GrantsChanged,
    /// A user was enabled or disabled.
    UserStanding,
    /// A user was removed.
    UserRemoved,
    /// A token was made.
    TokenAdded,
    /// A token was revoked.
    TokenRevoked,
    /// An upload became a batch or profile.
    BatchSent,
    /// Results or a full profile were handed out.
    ResultsFetched,
    /// A batch was cancelled.
    BatchCancelled,
    /// A batch was deleted.
    BatchDeleted,
    /// A webhook was made.
    WebhookAdded,
    /// A webhook was changed, paused or enabled.
    WebhookChanged,
    /// A webhook was given a new secret.
    WebhookRotated,
    /// A webhook was removed.
    WebhookRemoved,
    /// A webhook was disabled because its receiver did not take an event.
    WebhookDisabled,
    /// A name or address gave wrong credentials too often.
    LoginsRefused,
}

impl DeedName {
    /// The stable spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CustomerAdded => "customerAdded",
            Self::CustomerStanding => "customerStanding",
            Self::CustomerRemoved => "customerRemoved",
            Self::WeightChanged => "weightChanged",
            Self::RetentionChanged => "retentionChanged",
            Self::UserAdded => "userAdded",
            Self::PasswordChanged => "passwordChanged",
            Self::RoleChanged => "roleChanged",
            Self::GrantsChanged => "grantsChanged",
            Self::UserStanding => "userStanding",
            Self::UserRemoved => "userRemoved",
            Self::TokenAdded => "tokenAdded",
            Self::TokenRevoked => "tokenRevoked",
            Self::BatchSent => "batchSent",
            Self::ResultsFetched => "resultsFetched",
            Self::BatchCancelled => "batchCancelled",
            Self::BatchDeleted => "batchDeleted",
            Self::WebhookAdded => "webhookAdded",
            Self::WebhookChanged => "webhookChanged",
            Self::WebhookRotated => "webhookRotated",
            Self::WebhookRemoved => "webhookRemoved",
            Self::WebhookDisabled => "webhookDisabled",
            Self::LoginsRefused => "loginsRefused",
        }
    }
}

/// Something that is done, about to be recorded.
#[derive(Debug, Clone)]
pub(crate) struct Deed<'a> {
    pub(crate) actor: &'a Actor,
    pub(crate) name: DeedName,
    pub(crate) customer: Option<&'a CustomerName>,
    pub(crate) subject: Option<String>,
    pub(crate) detail: Option<String>,
}

impl<'a> Deed<'a> {
    pub(crate) fn new(actor: &'a Actor, name: DeedName) -> Self {
        Self { actor, name, customer: None, subject: None, detail: None }
    }

    pub(crate) fn of(self, customer: &'a CustomerName) -> Self {
        Self { customer: Some(customer), ..self }
    }

    pub(crate) fn to(self, subject: &impl fmt::Display) -> Self {
        Self { subject: Some(subject.to_string()), ..self }
    }

    pub(crate) fn with(self, detail: &impl fmt::Display) -> Self {
        Self { detail: Some(detail.to_string()), ..self }
    }

    /// Writes it to the structured log too, under the target `audit`.
    pub(crate) fn tell(&self) {
        let Actor { name, via, address } = self.actor;
        let customer = self.customer.map(CustomerName::as_str).unwrap_or_default();
        let (subject, detail) =
            (self.subject.as_deref().unwrap_or_default(), self.detail.as_deref().unwrap_or_default());
        let address = address.map(|address| address.to_string()).unwrap_or_default();
        let deed = self.name.as_str();
        tracing::info!(target: "audit", actor = name, via, address, deed, customer, subject, detail, "done");
    }
}

/// A line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// 1, 2, 3, ... in the order in which it was done.
    pub id: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// `password`, `commandLine`, `program`, or the prefix of a token.
    pub via: String,
    /// From where.
    pub address: Option<String>,
    /// What, such as `userAdded`.
    pub deed: String,
    /// The customer it concerns.
    pub customer: Option<String>,
    /// The user, token, batch or webhook it was done to.
    pub subject: Option<String>,
    /// What more there is to say.
    pub detail: Option<String>,
}

/// Which records are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditRequest {
    /// Only what this one did.
    pub actor: Option<String>,
    /// Only what concerns this customer.
    pub customer: Option<CustomerName>,
    /// Only records older than this one: the last of the page before.
    pub before: Option<u64>,
}
