//! Profiles of uploads.
//!
//! [`mod@column`] counts, [`settings`] bounds what it holds, [`finish`] turns counts into statistics, [`personal`] says
//! which values are likely personal data, [`alerts`] what to look at, and [`document`] is what a user reads:
//! everything that is known of an upload, its relations and its columns.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod alerts;
pub mod column;
pub mod compare;
pub mod datapackage;
pub mod document;
pub mod error;
pub mod finish;
pub mod input;
pub mod pass;
pub mod personal;
pub mod relation;
pub mod settings;
pub mod state_file;
mod vector;
