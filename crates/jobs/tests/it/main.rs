//! The jobs crate from outside: accounts, uploads, runner, crashes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod access;
mod accounts;
mod backup;
mod contributions;
mod crashes;
mod drained;
mod events;
mod logs;
mod operations;
mod profiles;
mod promises;
mod resumable;
mod retention;
mod room;
mod runner;
mod submit_profiled;
mod turns;
mod uploads;
mod webhooks;
mod world;
