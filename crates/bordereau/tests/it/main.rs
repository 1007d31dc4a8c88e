//! The program from outside: the real binary, real processes, real HTTP.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod client;
mod command_line;
mod demo;
mod drafted;
mod kill;
mod model;
mod operating;
mod profile;
mod program;
mod promises;
mod reference;
mod results;
mod tls;
