//! What the data dictionary and its readers promise, from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod cells;
mod dictionary;
mod problems;
mod sentences;
