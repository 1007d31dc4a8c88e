//! Profiles of uploads.
//!
//! [`document`] is what a user reads: everything that is known of an upload, its relations and its columns.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod document;
