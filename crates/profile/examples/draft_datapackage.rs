//! Profiles files and prints a draft of their data dictionary, for the cross-check in `scripts/oracle`:
//! `draft_datapackage PATH...`.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use bordereau_base::limits::IntakeLimits;
use bordereau_profile::datapackage::draft;
use bordereau_profile::input::Input;
use bordereau_profile::pass::{Control, Updates, profile};
use bordereau_profile::settings::Settings;

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<PathBuf> = std::env::args().skip(1).map(PathBuf::from).collect();
    let input = Input::open(&paths, &IntakeLimits::default())?;
    let settings = Settings::new(jiff::civil::date(2026, 1, 1));
    let outcome = profile(&input, &settings, NonZeroUsize::MIN, &Control::new(Updates::None), &mut |_| {})?;
    println!("{}", serde_json::to_string_pretty(&draft(&outcome.profile))?);
    Ok(())
}
