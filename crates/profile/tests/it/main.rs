//! Tests of the profile crate through its public interface.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod compare;
mod draft;
mod pass;
mod state_file;
mod uploads;
