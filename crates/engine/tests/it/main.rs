//! Tests of the engine as its callers use it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod books;
mod link;
mod link_model;
mod validate;
