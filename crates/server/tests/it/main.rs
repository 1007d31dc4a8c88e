//! A real server on a free port, asked over HTTP.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod admin;
mod batches;
mod curl;
mod events;
mod hostile;
mod logs;
mod metrics;
mod openapi;
mod pace;
mod profiles;
mod promises;
mod results;
mod resumable;
mod solutions;
mod submit;
mod submit_profiled;
mod timing;
mod tls;
mod uploads;
mod webhooks;
mod world;
mod zips;
