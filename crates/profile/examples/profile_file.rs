//! Profiles files and prints the JSON: `profile_file [--threads N] [--quiet] PATH...`. For measuring.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use bordereau_base::limits::IntakeLimits;
use bordereau_profile::document::ProfileState;
use bordereau_profile::input::Input;
use bordereau_profile::pass::{Control, Updates, profile};
use bordereau_profile::settings::Settings;
use std::error::Error;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let mut threads = std::thread::available_parallelism()?;
    let mut quiet = false;
    let mut updates = Updates::default();
    let mut paths = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--threads" => threads = arguments.next().unwrap_or_default().parse::<NonZeroUsize>()?,
            "--quiet" => quiet = true,
            "--no-updates" => updates = Updates::Full,
            path => paths.push(PathBuf::from(path)),
        }
    }
    let started = Instant::now();
    let input = Input::open(&paths, &IntakeLimits::default())?;
    let settings = Settings::new(jiff::civil::date(2025, 1, 1));
    let outcome = profile(&input, &settings, threads, &Control::new(updates), &mut |profile| {
        if profile.state == ProfileState::Preliminary {
            eprintln!("{:?}: {:.1} % read", started.elapsed(), profile.share_read * 100.0);
        }
    })?;
    eprintln!("{:?}: done, digest {}", started.elapsed(), outcome.profile.digest);
    if !quiet {
        println!("{}", serde_json::to_string_pretty(&outcome.profile)?);
    }
    Ok(())
}
