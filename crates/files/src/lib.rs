//! Delimited files in, results zip out.
//!
//! [`intake`] opens an upload (a zip, a folder, or single files), unpacks it under caps, finds out encoding and
//! dialect, and turns rows into Arrow string columns with their row numbers. [`results`] writes the results zip, the
//! same bytes for the same content. Neither knows the data dictionary, a plan, or HTTP. Start with [`intake::Upload`]
//! and [`results::write_zip`].
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod intake;
pub mod results;
