//! A real server on a free port, asked over HTTP.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod batches;
mod curl;
mod events;
mod hostile;
mod logs;
mod metrics;
mod openapi;
mod profiles;
mod promises;
mod results;
mod resumable;
mod solutions;
mod submit;
mod submit_profiled;
mod uploads;
mod webhooks;
mod world;
mod zips;
