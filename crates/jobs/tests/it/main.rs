//! The jobs crate from outside: accounts, uploads, runner, crashes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod access;
mod accounts;
mod contributions;
mod crashes;
mod events;
mod logs;
mod operations;
mod profiles;
mod promises;
mod resumable;
mod retention;
mod runner;
mod submit_profiled;
mod uploads;
mod webhooks;
mod world;
