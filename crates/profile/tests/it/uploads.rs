//! Small uploads for tests: written to a folder that goes away, and profiled.

use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use bordereau_base::limits::IntakeLimits;
use bordereau_profile::document::Profile;
use bordereau_profile::input::Input;
use bordereau_profile::pass::{Control, Outcome, Updates, profile};
use bordereau_profile::settings::Settings;
use bordereau_profile::state_file::StateFile;
use proptest::prelude::*;

pub fn settings() -> Settings {
    Settings::new(jiff::civil::date(2026, 1, 1))
}

/// Profiles files together, in the order given.
pub fn outcome(files: &[(&str, &[u8])]) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let write = |(name, bytes): &(&str, &[u8])| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let paths: Vec<_> = files.iter().map(write).collect();
    outcome_of(&paths)
}

/// Profiles files where they are.
pub fn outcome_of(paths: &[PathBuf]) -> Outcome {
    let input = Input::open(paths, &IntakeLimits::default()).unwrap();
    profile(&input, &settings(), NonZeroUsize::MIN, &Control::new(Updates::None), &mut |_| {}).unwrap()
}

/// The profile and the state of one file.
pub fn kept(name: &str, bytes: &[u8]) -> (Profile, StateFile) {
    let outcome = outcome(&[(name, bytes)]);
    (outcome.profile.clone(), StateFile::new(outcome))
}

/// The profile of a state.
pub fn profile_of(state: &StateFile) -> Profile {
    state.profile(&settings(), NonZeroUsize::MIN, &Control::new(Updates::None)).unwrap()
}

pub const HEADER: &str = "id,amount,state,day,note,flag";

/// Rows under [`HEADER`]: whole numbers, decimals with missing values, codes, days in two formats, texts, booleans.
pub fn rows(most: usize) -> impl Strategy<Value = Vec<String>> {
    let amount = prop_oneof![
        6 => (-100_000..1_000_000_i64).prop_map(|cents| format!("{}.{:02}", cents / 100, cents.abs() % 100)),
        1 => Just(String::new()),
        1 => Just("NA".to_owned()),
    ];
    let state = prop::sample::select(vec!["CO", "MO", "NY", "CA", ""]);
    let day = (1990..2030_i32, 1..13_u32, 1..29_u32, any::<bool>()).prop_map(|(year, month, day, iso)| match iso {
        true => format!("{year}-{month:02}-{day:02}"),
        false => format!("{month}/{day}/{year}"),
    });
    let row = (0..5_000_u32, amount, state, day, "[a-c ]{0,4}", prop::sample::select(vec!["Y", "N"]));
    let line =
        row.prop_map(|(id, amount, state, day, note, flag)| format!("{id},{amount},{state},{day},{note},{flag}"));
    prop::collection::vec(line, 1..most)
}

/// A file of some rows.
pub fn file(rows: &[String]) -> Vec<u8> {
    let lines = std::iter::once(HEADER.to_owned()).chain(rows.iter().cloned());
    (lines.collect::<Vec<_>>().join("\n") + "\n").into_bytes()
}
