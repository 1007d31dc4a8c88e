//! `bordereau config`: what is set, and where.

use bordereau_server::{http_reference, openapi_json};

use crate::cli::{Config, Page};
use crate::exit::{DONE, Failure};
use crate::settings::{Layers, example, reference};
use crate::table::{Align, Table};
use crate::terminal::say;

/// Runs the command.
///
/// # Errors
/// When a setting cannot be used, or standard output not be written.
pub fn run(command: &Config, layers: &mut Layers) -> Result<u8, Failure> {
    match command {
        Config::Reference { page: Page::Settings } => say(reference())?,
        Config::Reference { page: Page::Example } => say(example())?,
        Config::Reference { page: Page::Http } => say(http_reference())?,
        Config::Reference { page: Page::Openapi } => say(format_args!("{}\n", openapi_json()))?,
        Config::Show => {
            let resolved = layers.resolve()?;
            // Values that cannot be used are said here, not only when a command stumbles over them.
            resolved.settings()?;
            let mut table = Table::new([("setting", Align::Left), ("value", Align::Left), ("origin", Align::Left)]);
            for (name, value, origin) in resolved.rows() {
                table.row([name.to_owned(), value.to_owned(), origin.to_string()]);
            }
            say(table.text(""))?;
        }
    }
    Ok(DONE)
}
