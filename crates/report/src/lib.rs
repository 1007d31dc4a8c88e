//! A profile as a page: one self-contained HTML document with SVG charts.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
