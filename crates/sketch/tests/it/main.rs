//! The laws of the sketches: merging, order, bounds, bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bounds;
mod bytes;
mod generated;
mod laws;
mod sums;
