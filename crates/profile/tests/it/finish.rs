//! What is said of columns, from files to profiles.

mod alerts;
mod estimates;
mod exact;
mod masking;
mod typing;

use std::fs;
use std::num::NonZeroUsize;

use bordereau_base::limits::IntakeLimits;
use bordereau_profile::document::{ColumnProfile, Profile};
use bordereau_profile::input::Input;
use bordereau_profile::pass::{Control, Updates, profile};
use bordereau_profile::settings::{PersonalDataMode, Settings};

/// The profile of files, each a name and its bytes.
pub(crate) fn profiled(files: &[(&str, &[u8])], pii: PersonalDataMode) -> Profile {
    let folder = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for (name, bytes) in files {
        paths.push(folder.path().join(name));
        fs::write(paths.last().unwrap(), bytes).unwrap();
    }
    let input = Input::open(&paths, &IntakeLimits::default()).unwrap();
    let settings = Settings { pii, ..Settings::new(jiff::civil::date(2025, 1, 1)) };
    let threads = NonZeroUsize::new(2).unwrap();
    profile(&input, &settings, threads, &Control::new(Updates::None), &mut |_| {}).unwrap().profile
}

/// A file of one column and a second one that keeps empty values from being empty rows.
fn file_of(name: &str, values: &[impl AsRef<str>]) -> String {
    let mut text = format!("{name},row\n");
    for value in values {
        text.push('"');
        text.push_str(&value.as_ref().replace('"', "\"\""));
        text.push_str("\",x\n");
    }
    text
}

/// The profile of one column.
fn column_as(name: &str, values: &[impl AsRef<str>], pii: PersonalDataMode) -> ColumnProfile {
    let text = file_of(name, values);
    let mut profile = profiled(&[("data.csv", text.as_bytes())], pii);
    profile.relations.remove(0).columns.remove(0)
}

fn column(name: &str, values: &[impl AsRef<str>]) -> ColumnProfile {
    column_as(name, values, PersonalDataMode::Mask)
}

fn repeated(values: &[&str], times: usize) -> Vec<String> {
    (0..times).flat_map(|_| values.iter().map(|value| (*value).to_owned())).collect()
}

fn codes(column: &ColumnProfile) -> Vec<&str> {
    column.alerts.iter().map(|alert| alert.code.as_str()).collect()
}
