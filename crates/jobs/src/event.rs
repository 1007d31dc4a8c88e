//! Events, filters and cursors: what a subscription is made of. Pure: no store, no waiting.
//!
//! Each change of a profile or batch is one `profileUpdatedEvent`; some changes are another event besides, such as
//! `batchFinished`. A webhook that is disabled is an event too, which has no batch. All events of a customer have one
//! sequence without holes. A [`Filter`] says which are wanted; a [`Cursor`] says up to where a client has seen the log.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use bordereau_base::digest::hex;
use bordereau_base::ids::{BatchKey, CustomerName, SolutionName, SubmissionName, WebhookId};
use bordereau_base::state::BatchState;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventName {
    /// The quick profile of an upload is there.
    PreliminaryProfile,
    /// A profile or batch changed in any way.
    ProfileUpdated,
    /// Results are ready.
    BatchFinished,
    /// A batch failed as a whole.
    BatchFailed,
    /// A webhook was disabled because its receiver did not take an event.
    WebhookDisabled,
}

impl EventName {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::PreliminaryProfile, Self::ProfileUpdated, Self::BatchFinished, Self::BatchFailed, Self::WebhookDisabled];

    /// The stable spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PreliminaryProfile => "preliminaryProfile",
            Self::ProfileUpdated => "profileUpdatedEvent",
            Self::BatchFinished => "batchFinished",
            Self::BatchFailed => "batchFailed",
            Self::WebhookDisabled => "webhookDisabled",
        }
    }
}

impl FromStr for EventName {
    type Err = InvalidFilter;

    fn from_str(text: &str) -> Result<Self, InvalidFilter> {
        Self::ALL.into_iter().find(|name| name.as_str() == text).ok_or(InvalidFilter::EventName)
    }
}

/// Something that happened, in the log of its customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The customer.
    pub customer: CustomerName,
    /// 1, 2, 3, ... of the customer, without holes, in the order of the commits.
    pub sequence: u64,
    /// What happened.
    pub name: EventName,
    /// To what.
    pub subject: Subject,
    /// When.
    pub at: Timestamp,
}

/// What an event happened to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A profile or batch.
    Batch(BatchChange),
    /// A webhook, which is disabled since.
    Webhook {
        /// The webhook.
        id: WebhookId,
        /// Why: a sentence.
        reason: String,
    },
}

/// A profile or batch, and the state it came into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchChange {
    /// Its key.
    pub key: BatchKey,
    /// The solution it was sent to.
    pub solution: SolutionName,
    /// What was asked of it.
    pub submission: SubmissionName,
    /// Whether a test user sent it.
    pub test: bool,
    /// The state it is in since.
    pub state: BatchState,
}

impl Event {
    /// The profile or batch that it happened to; none of another event.
    pub fn batch(&self) -> Option<&BatchChange> {
        if let Subject::Batch(batch) = &self.subject { Some(batch) } else { None }
    }
}

/// Which events are wanted: all that match every pair. Written `name,batchFinished,batchKey,...`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// What happened.
    pub name: Option<EventName>,
    /// The batch.
    pub key: Option<BatchKey>,
    /// The customer. Of another customer nothing ever matches, for a log has its own customer's events only.
    pub customer: Option<String>,
    /// The solution.
    pub solution: Option<String>,
    /// What was asked of it.
    pub submission: Option<String>,
    /// Whether the batch is a test. Absent: tests are wanted only when the filter names the batch.
    pub test: Option<bool>,
    /// The state that was come into.
    pub state: Option<BatchState>,
}

/// Why a text is no filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFilter {
    /// An odd number of parts, or none.
    #[error("must be pairs of a name and a value, all parted by commas")]
    Pairs,
    /// A name that no event has.
    #[error("a name is not known; known are name, batchKey, customer, solution, submission, test and state")]
    Name,
    /// A name that is there twice.
    #[error("a name is there twice")]
    Twice,
    /// No event is called so.
    #[error(
        "no event has that name; known are preliminaryProfile, profileUpdatedEvent, batchFinished, \
             batchFailed and webhookDisabled"
    )]
    EventName,
    /// Not a GUID.
    #[error("batchKey must be a GUID")]
    Key,
    /// Neither of the two.
    #[error("test must be true or false")]
    Test,
    /// No state of a batch.
    #[error("state must be accepted, running, finished, failed, cancelled or deleted")]
    State,
}

impl Filter {
    /// Whether an event is wanted. One that has no batch is not, where the filter says anything of batches.
    pub fn matches(&self, event: &Event) -> bool {
        self.name.is_none_or(|name| name == event.name)
            && self.customer.as_deref().is_none_or(|customer| customer == event.customer.as_str())
            && match &event.subject {
                Subject::Batch(batch) => self.matches_batch(batch),
                Subject::Webhook { .. } => !self.is_of_batches(),
            }
    }

    fn matches_batch(&self, batch: &BatchChange) -> bool {
        self.key.is_none_or(|key| key == batch.key)
            && self.solution.as_deref().is_none_or(|solution| solution == batch.solution.as_str())
            && self.submission.as_deref().is_none_or(|submission| submission == batch.submission.as_str())
            && self.test.map_or(self.key.is_some() || !batch.test, |test| test == batch.test)
            && self.state.is_none_or(|state| state == batch.state)
    }

    /// Whether it names something that only batches have.
    fn is_of_batches(&self) -> bool {
        let Self { name: _, customer: _, key, solution, submission, test, state } = self;
        key.is_some() || solution.is_some() || submission.is_some() || test.is_some() || state.is_some()
    }
}

impl FromStr for Filter {
    type Err = InvalidFilter;

    fn from_str(text: &str) -> Result<Self, InvalidFilter> {
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        let mut filter = Self::default();
        let (pairs, []) = parts.as_chunks::<2>() else {
            return Err(InvalidFilter::Pairs);
        };
        for [name, value] in pairs {
            let twice = match *name {
                "name" => filter.name.replace(value.parse()?).is_some(),
                "batchKey" => filter.key.replace(value.parse().map_err(|_| InvalidFilter::Key)?).is_some(),
                "customer" => filter.customer.replace((*value).to_owned()).is_some(),
                "solution" => filter.solution.replace((*value).to_owned()).is_some(),
                "submission" => filter.submission.replace((*value).to_owned()).is_some(),
                "test" => filter.test.replace(value.parse().map_err(|_| InvalidFilter::Test)?).is_some(),
                "state" => filter.state.replace(BatchState::named(value).ok_or(InvalidFilter::State)?).is_some(),
                _ => return Err(InvalidFilter::Name),
            };
            if twice {
                return Err(InvalidFilter::Twice);
            }
        }
        Ok(filter)
    }
}

/// A place in one customer's log: everything up to `sequence` is known. Written `epoch-sequence`, opaque to clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    epoch: Arc<str>,
    /// The last sequence that is known.
    pub(crate) sequence: u64,
}

impl Cursor {
    /// A place in the log of `customer` in the store of that epoch. Another customer's or store's is another epoch,
    /// from which neither can be told.
    pub(crate) fn new(store_epoch: &str, customer: &CustomerName, sequence: u64) -> Self {
        let digest =
            Sha256::new().chain_update(store_epoch).chain_update([0]).chain_update(customer.as_str()).finalize();
        Self { epoch: hex(&digest[..8]).into(), sequence }
    }

    /// Another place in the same log.
    pub(crate) fn at(&self, sequence: u64) -> Self {
        Self { epoch: Arc::clone(&self.epoch), sequence }
    }

    /// Reads a cursor; none when it is of another epoch, or no cursor.
    pub(crate) fn read(text: &str, store_epoch: &str, customer: &CustomerName) -> Option<Self> {
        let (epoch, sequence) = text.split_once('-')?;
        let cursor = Self::new(store_epoch, customer, sequence.parse().ok()?);
        (*cursor.epoch == *epoch).then_some(cursor)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ac5b3d51-50f8-40d1-e378-18f8db2fabc9";

    fn event() -> Event {
        Event {
            customer: "valen".parse().unwrap(),
            sequence: 7,
            name: EventName::BatchFinished,
            subject: Subject::Batch(BatchChange {
                key: KEY.parse().unwrap(),
                solution: "insureright".parse().unwrap(),
                submission: "scoring".parse().unwrap(),
                test: false,
                state: BatchState::Finished,
            }),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_filter_matches_when_all_its_pairs_do() {
        for (text, matches) in [
            ("name,batchFinished", true),
            ("name,batchFinished,batchKey,ac5b3d51-50f8-40d1-e378-18f8db2fabc9", true),
            ("batchKey,AC5B3D51-50F8-40D1-E378-18F8DB2FABC9", true),
            ("name, batchFinished ,customer,valen,solution,insureright,submission,scoring,state,finished", true),
            ("name,batchFailed", false),
            ("name,batchFinished,customer,acme", false),
            ("solution,ca", false),
            ("submission,claim_detail", false),
            ("state,failed", false),
            ("batchKey,00000000-50f8-40d1-e378-18f8db2fabc9", false),
        ] {
            assert_eq!(text.parse::<Filter>().unwrap().matches(&event()), matches, "{text}");
        }
    }

    #[test]
    fn tests_are_wanted_by_who_says_so_or_names_the_batch() {
        let mut test = event();
        if let Subject::Batch(batch) = &mut test.subject {
            batch.test = true;
        }
        for (text, of_test, of_other) in [
            ("name,batchFinished", false, true),
            ("batchKey,ac5b3d51-50f8-40d1-e378-18f8db2fabc9", true, true),
            ("test,true", true, false),
            ("test,false", false, true),
            ("batchKey,ac5b3d51-50f8-40d1-e378-18f8db2fabc9,test,false", false, true),
        ] {
            let filter: Filter = text.parse().unwrap();
            assert_eq!((filter.matches(&test), filter.matches(&event())), (of_test, of_other), "{text}");
        }
    }

    #[test]
    fn an_event_without_a_batch_matches_no_filter_that_says_anything_of_batches() {
        let subject = Subject::Webhook { id: KEY.parse().unwrap(), reason: "Gone.".to_owned() };
        let disabled = Event { name: EventName::WebhookDisabled, subject, ..event() };
        assert!(Filter::default().matches(&disabled));
        for (text, matches) in [
            ("name,webhookDisabled", true),
            ("customer,valen", true),
            ("name,webhookDisabled,customer,valen", true),
            ("name,batchFailed", false),
            ("customer,acme", false),
            ("name,webhookDisabled,batchKey,ac5b3d51-50f8-40d1-e378-18f8db2fabc9", false),
            ("batchKey,ac5b3d51-50f8-40d1-e378-18f8db2fabc9", false),
            ("solution,insureright", false),
            ("submission,scoring", false),
            ("test,false", false),
            ("state,failed", false),
        ] {
            assert_eq!(text.parse::<Filter>().unwrap().matches(&disabled), matches, "{text}");
        }
    }

    #[test]
    fn what_is_no_filter_says_why() {
        for (text, why) in [
            ("", InvalidFilter::Pairs),
            ("name", InvalidFilter::Pairs),
            ("name,batchFinished,batchKey", InvalidFilter::Pairs),
            ("colour,red", InvalidFilter::Name),
            ("Name,batchFinished", InvalidFilter::Name),
            ("name,batchFinished,name,batchFinished", InvalidFilter::Twice),
            ("name,finished", InvalidFilter::EventName),
            ("batchKey,12", InvalidFilter::Key),
            ("state,done", InvalidFilter::State),
            ("test,yes", InvalidFilter::Test),
        ] {
            assert_eq!(text.parse::<Filter>(), Err(why), "{text:?}");
        }
    }

    #[test]
    fn a_cursor_is_of_one_customer_and_store() {
        let (valen, acme) = ("valen".parse().unwrap(), "acme".parse().unwrap());
        let written = Cursor::new("epoch", &valen, 12).to_string();
        assert_eq!(Cursor::read(&written, "epoch", &valen), Some(Cursor::new("epoch", &valen, 12)));
        for (epoch, customer) in [("epoch", &acme), ("other", &valen)] {
            assert_eq!(Cursor::read(&written, epoch, customer), None);
        }
        for text in ["", "-", "12", "x-12", &format!("{written}x")] {
            assert_eq!(Cursor::read(text, "epoch", &valen), None, "{text:?}");
        }
    }
}
