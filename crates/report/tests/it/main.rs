//! The page of a profile: structure, escaping, size.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixture;
mod hostile;
mod structure;
