//! The words of bordereau as types: ids, the data dictionary, findings, refusals, limits and batch states.
//!
//! Everything here is plain data and pure functions, but for [`ordered`], which runs the steps of others on threads.
//! The crate does no I/O, reads no clock and knows nothing of Arrow, DataFusion, SQL or HTTP; every other crate may
//! depend on it and it depends on none of them.
//! Start with [`dictionary::Dictionary`], what a solution says its files must look like, and [`finding::Finding`],
//! what is said when they do not.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod cell;
pub mod dictionary;
pub mod digest;
pub mod figure;
pub mod finding;
pub mod ids;
pub mod limits;
pub mod ordered;
pub mod refusal;
pub mod state;
