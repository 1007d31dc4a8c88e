//! The bordereau program: command line, settings, roles.
//!
//! It parses the command line ([`cli`]), resolves settings once ([`settings`]), and calls the crates that do the work.
//! Exit codes live here ([`exit`]); HTTP statuses do not. It is the only crate that prints ([`terminal`]).
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod accounts;
mod backup;
mod cli;
mod complete;
mod configuration;
mod contributions;
mod demo;
mod exit;
mod interrupt;
mod logging;
mod model;
mod profile;
mod report;
mod score;
mod serve;
mod settings;
mod solution;
mod table;
mod terminal;
mod traces;
mod watch;
mod webhook;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use mimalloc::MiMalloc;

use cli::{Cli, Command};
use exit::Failure;
use settings::{Layers, SettingError};

/// Blocks of rows come and go by the megabyte; the system's allocator gives such memory back to the system each time,
/// and touching it anew costs more than reading the rows.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Printing help to a closed pipe may fail; there is nobody left to tell.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { exit::USAGE } else { exit::DONE });
        }
    };
    match run(cli) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            terminal::warn(format_args!("bordereau: {failure}"));
            ExitCode::from(failure.code())
        }
    }
}

fn run(cli: Cli) -> Result<u8, Failure> {
    let mut layers = layers(&cli)?;
    match cli.command {
        Command::Score(args) => score::run(&args, layers),
        Command::Profile(args) => profile::run(*args, layers),
        Command::Serve(args) => serve::run(&args, layers),
        Command::Demo(args) => demo::run(&args, layers),
        Command::Customer(command) => accounts::customer(command, layers),
        Command::Contributions(args) => contributions::run(args, layers),
        Command::User(command) => accounts::user(command, layers),
        Command::Model(command) => model::run(command, layers),
        Command::Token(command) => accounts::token(command, layers),
        Command::Audit(args) => accounts::audit(args, layers),
        Command::Webhook(command) => webhook::run(command, layers),
        Command::Backup(args) => backup::backup(args, layers),
        Command::Restore(args) => backup::restore(args, layers),
        Command::Solution(command) => solution::run(command, layers),
        Command::Config(command) => configuration::run(&command, &mut layers),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "bordereau", &mut script);
            terminal::say(String::from_utf8_lossy(&script))?;
            Ok(exit::DONE)
        }
    }
}

/// The layers of settings, apart from the flags of the command itself.
fn layers(cli: &Cli) -> Result<Layers, SettingError> {
    let mut layers = Layers::default();
    let here = PathBuf::from("bordereau.toml");
    let named = cli.config.clone().or_else(|| std::env::var_os("BORDEREAU_CONFIG").map(PathBuf::from));
    if let Some(file) = named.or_else(|| here.exists().then_some(here)) {
        layers.read_file(&file)?;
    }
    // Variables that are not text cannot be ours: all of our values are.
    layers.read_environment(
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
    );
    for (name, value) in &cli.assignments {
        layers.set_flag(name, value.clone());
    }
    Ok(layers)
}
