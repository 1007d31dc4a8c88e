//! The DataFusion session and the stages of a batch.
//!
//! What it owns: solution releases ([`release`], [`catalog`]), the one session builder ([`session`]) with our
//! functions ([`functions`], [`profile_column`]), and the stages of a batch in run order ([`stages`]), put together by
//! [`batch::score_batch`]. Rows come from `bordereau-files`, models from `bordereau-model`; what comes out is a
//! results zip and a [`summary::Summary`]. It keeps nothing between two batches and knows no customer's rights, no
//! store and no HTTP. Start with [`batch::score_batch`].
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod against;
pub mod batch;
pub mod blocks;
pub mod catalog;
pub mod checkpoint;
pub mod contribution;
pub mod distinct_count;
pub mod dry_run;
pub mod error;
pub mod functions;
pub mod keys;
pub mod model_rows;
pub mod places;
pub mod profile_column;
pub mod progress;
pub mod release;
pub mod session;
pub mod spool;
pub mod stages;
pub mod summary;

pub use error::{Error, Result};
