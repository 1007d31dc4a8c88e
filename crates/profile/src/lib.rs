//! Profiles of uploads.
//!
//! [`column`] counts, [`settings`] bounds what it holds, and
//! [`document`] is what a user reads: everything that is known of an upload, its relations and its columns.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod column;
pub mod compare;
pub mod datapackage;
pub mod document;
pub mod error;
pub mod input;
pub mod pass;
pub mod relation;
pub mod settings;
pub mod state_file;
