//! Tests of the engine as its callers use it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod against;
mod background;
mod batch;
mod books;
mod catalog;
mod contribute;
mod drained;
mod explained;
mod fixture;
mod link;
mod link_model;
mod models;
mod own_output;
mod release;
mod results;
mod validate;
