//! Tests of the profile crate through its public interface.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod compare;
mod documents;
mod draft;
mod finish;
mod pass;
mod state_file;
mod uploads;
