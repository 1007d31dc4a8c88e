//! Tests of intake and results from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod intake;
mod results;
