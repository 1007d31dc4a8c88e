//! Column sketches: pure mathematics over hashes, numbers and bytes, each mergeable, each with versioned bytes.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
