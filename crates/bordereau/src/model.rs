//! `bordereau model`: a model file looked at, checked against where it was made, and explained for one row.
//!
//! Rows come from delimited files or JSON ([`bordereau_engine::model_rows`]) and are bound to inputs by name.
//! What is found is one document ([`inspect`], [`check`], [`explain`]), printed as tables or as JSON.

mod check;
mod explain;
mod inspect;
mod notes;

use std::path::Path;

use bordereau_engine::model_rows::Rows;
use bordereau_model::{Error, Model};
use serde::Serialize;

use crate::cli;
use crate::exit::{Failure, REFUSED};
use crate::settings::{Layers, Settings};
use crate::terminal::{say_all, warn};

/// Runs the command.
///
/// # Errors
/// When a file cannot be read, or columns do not go together.
pub fn run(command: cli::Model, layers: Layers) -> Result<u8, Failure> {
    match command {
        cli::Model::Inspect(args) => inspect::run(&args),
        cli::Model::Check(args) => check::run(&args, &layers.resolve()?.settings()?),
        cli::Model::Explain(args) => explain::run(&args, &layers.resolve()?.settings()?),
    }
}

/// A model, and the bytes its file has.
struct Opened {
    model: Model,
    file_bytes: u64,
}

/// Reads a model file; nothing where it is none that is read, which is said.
fn open(path: &Path) -> Result<Option<Opened>, Failure> {
    let bytes = std::fs::read(path).map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?;
    match Model::open(&bytes) {
        Ok(model) => Ok(Some(Opened { model, file_bytes: bytes.len() as u64 })),
        Err(error) => {
            refuse(path, &error);
            Ok(None)
        }
    }
}

/// The model as it is explained against the rows of a file, where there is one.
fn against(model: Model, background: Option<&Path>, settings: &Settings) -> Result<Model, Failure> {
    let Some(path) = background else { return Ok(model) };
    Ok(Rows::read(path, &settings.limits)?.as_background_of(model)?)
}

fn refuse(path: &Path, error: &Error) -> u8 {
    warn(format_args!("bordereau: {}: {error}", path.display()));
    REFUSED
}

/// The name of a model's file, its format and form, in one line.
fn title(path: &Path, model: &Model) -> String {
    let version = &model.about().version;
    let version = if version.is_empty() { String::new() } else { format!(" {version}") };
    let objective = if model.objective().is_empty() { String::new() } else { format!(", {}", model.objective()) };
    format!("{}  {}{version} {}{objective}, link {}", path.display(), model.format(), model.form(), model.link())
}

fn say_json(document: &impl Serialize) -> Result<(), Failure> {
    say_all(|out| {
        serde_json::to_writer_pretty(&mut *out, document)?;
        out.write_all(b"\n")
    })
}

/// The name of an output: its class, or its number.
fn output_name(model: &Model, output: usize) -> String {
    model.classes().get(output).cloned().unwrap_or_else(|| output.to_string())
}
