//! Batches that survive: accounts, uploads, store, artefacts, runner.
//!
//! What it owns: the data folder of a server ([`Jobs`]) with its SQLite store and its objects; customers, users and
//! their rights; uploads on their way in ([`UploadReceiver`]); batches, their states and events; and the runner
//! ([`Jobs::run`]) that gives each batch to `bordereau-engine`. It knows no HTTP and prints nothing.
//!
//! A batch flows one way. [`Jobs::begin_upload`] checks rights and gives a receiver, which hashes the bytes on their
//! way to disk; [`UploadReceiver::finish`] checks the zip's directory, pins the release, makes file and row durable in
//! that order, and only then gives the key. The runner takes it up under a lease, and the results of an attempt are
//! written under the attempt's own path, made durable, then named in the row by the transaction that ends the batch.
//!
//! A profiled upload becomes a batch without being sent again by [`Jobs::submit_profiled`].
//!
//! Invariants: a key that was given stands for a durable batch or profile, and for one upload: a customer has at most
//! one batch and one profile under it. A customer sees its own only, and another's keys are free to it, so nothing can
//! be learnt of another's. A batch ends once, whatever crashes: every write of an attempt
//! is fenced by its owner and number. Each change of state has its event, in the same transaction.
//!
//! Cost: an upload holds at most [`upload::BUFFER_BYTES`] in memory. Results are never in memory as a whole.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod access;
mod account;
mod accounts;
mod artefact;
mod audit;
mod backup;
mod batch;
mod contribution;
mod credentials;
mod error;
mod event;
mod findings;
mod folder;
mod integrity;
mod jobs;
mod measures;
mod operations;
mod options;
mod owner;
mod pace;
mod profile;
mod resumable;
mod retention;
mod room;
mod runner;
mod store;
mod submit_profiled;
mod subscription;
mod sweep;
mod token;
mod trace;
pub mod upload;
mod waiters;
mod webhook;

pub use bordereau_engine::batch::ResultFormat;
pub use bordereau_engine::catalog::Catalog;
pub use bordereau_engine::release::Release;
pub use bordereau_engine::release::manifest::{Explanations, SubmissionKind};

pub use account::{Action, Caller, Customer, Grant, Password, Role, Standing, User, UserName};
pub use accounts::Accounts;
pub use audit::{Actor, AuditRecord, AuditRequest, DeedName};
pub use backup::{Copied, restore};
pub use batch::{Accepted, BatchProgress, BatchRequest, BatchResults, BatchStatus, Fault, Report, ResultsFile};
pub use contribution::ContributedFile;
pub use error::{Error, Result};
pub use event::{BatchChange, Cursor, Event, EventName, Filter, InvalidFilter, Subject};
pub use findings::{BatchFindings, FindingRow, FindingsPage, FindingsRequest};
pub use jobs::Jobs;
pub use measures::Reading;
pub use operations::{BatchHistory, BatchPage, Cancelling, KeyPrefix, ListRequest, PAGE_MAX, Tests};
pub use options::{CheckUpload, Clock, JobsOptions, Retry, ScoreBatch};
pub use pace::PaceLimits;
pub use profile::{BatchProfile, ProfileSink, ProfileSpec, ProfileUpload};
pub use resumable::{Checksum, Piece, Resumable, Taken as UploadTaken, UploadId};
pub use retention::Retention;
pub use room::FreeBytes;
pub use subscription::Subscription;
pub use token::{Token, TokenInfo, TokenLabel, TokenPrefix};
pub use trace::{AttemptTrace, TraceAttempt};
pub use upload::UploadReceiver;
pub use webhook::secret::Secret;
pub use webhook::{
    Answer, CheckUrl, DELIVERIES_PAGE_MAX, Delivery, Message, SendWebhook, Switch, Webhook, WebhookChange, WebhookId,
    WebhookOptions, WebhookState, WriteEvent,
};
