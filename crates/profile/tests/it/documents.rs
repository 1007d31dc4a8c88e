//! The published format: its JSON Schema, its pages, and that real profiles keep to it.
//!
//! With `BORDEREAU_REWRITE=1` the files that are written from code are written instead of compared.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use bordereau_profile::alerts::{CATALOGUE, Scope};
use bordereau_profile::document::{Profile, Severity};
use bordereau_profile::settings::PersonalDataMode;
use serde_json::Value;

use crate::finish::profiled;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Compares a file of the repository with what the code says it holds, or writes it.
fn holds(path: &str, expected: &str) {
    let file = root().join(path);
    if std::env::var_os("BORDEREAU_REWRITE").is_some() {
        fs::write(&file, expected).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == expected,
        "{path} is not what the code says; run this test with BORDEREAU_REWRITE=1 and look at it"
    );
}

fn schema() -> Value {
    schemars::schema_for!(Profile).to_value()
}

#[test]
fn the_schema_is_that_of_the_types() {
    holds("docs/profile.schema.json", &format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap()));
}

fn alerts_page() -> String {
    let mut page = String::from(
        "# Alerts of a profile\n\n\
         Written from the catalogue of `crates/profile/src/alerts/catalogue.rs`; a test compares the two.\n\n\
         An alert has a stable `code`, a `severity` and a `message`: one sentence with the figures, never a value of the file.\n\
         `error`: likely to give wrong results when the data is used as it is. `warning`: likely to need a look before. `info`:\n\
         good to know. They stand with the column, the relation or the upload they are about, most severe first.\n",
    );
    for (scope, title) in [
        (Scope::Column, "Columns"),
        (Scope::Relation, "Relations"),
        (Scope::Link, "Relations that share a key (these stand with the upload)"),
        (Scope::Upload, "The upload"),
    ] {
        write!(page, "\n## {title}\n\n| code | severity | raised when |\n| --- | --- | --- |\n").unwrap();
        for (_, entry) in CATALOGUE.iter().filter(|(_, entry)| entry.scope == scope) {
            let severity = match entry.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Info => "info",
            };
            writeln!(page, "| `{}` | {severity} | {} |", entry.code, entry.rule).unwrap();
        }
    }
    page
}

#[test]
fn the_page_of_alerts_is_that_of_the_catalogue() {
    holds("docs/alerts.md", &alerts_page());
}

/// Files of the repository that are data of users.
fn fixtures() -> Vec<PathBuf> {
    let samples = root().join("testdata/samples");
    let mut files = Vec::new();
    for folder in fs::read_dir(samples).unwrap() {
        files.extend(fs::read_dir(folder.unwrap().path()).unwrap().map(|file| file.unwrap().path()));
    }
    files.sort();
    files
}

fn validate(profile: &Profile) {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let json = serde_json::to_value(profile).unwrap();
    let errors: Vec<String> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    let back: Profile = serde_json::from_value(json).unwrap();
    assert_eq!(&back, profile);
}

#[test]
fn profiles_of_all_samples_keep_to_the_schema() {
    let files = fixtures();
    assert!(files.len() >= 5);
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let bytes = fs::read(&file).unwrap();
        for pii in [PersonalDataMode::Mask, PersonalDataMode::Show, PersonalDataMode::Drop] {
            validate(&profiled(&[(name, &bytes)], pii));
        }
    }
}

#[test]
fn profiles_of_extremes_keep_to_the_schema() {
    let cell = format!("a\n{}\n1e308\n", "x".repeat(1_000_000));
    for text in [
        "a,b\n",
        "a\n1\n",
        "a,b\n,\nNA,\n",
        "a,b\n1e308,-1e308\n-1.7e308,5e-324\ninf,-0\n",
        "d,e\n0001-01-01,9999-12-31T23:59:59\n9999-12-31,0001-01-01T00:00:00\n",
        "x,y\n1,2\n1,2\n3\n",
        cell.as_str(),
    ] {
        validate(&profiled(&[("data.csv", text.as_bytes())], PersonalDataMode::Mask));
    }
}

#[test]
fn the_samples_say_what_is_personal() {
    let read = |path: &str| fs::read(root().join("testdata/samples").join(path)).unwrap();
    let term = read("ca/term.csv");
    let profile = profiled(&[("term.csv", &term)], PersonalDataMode::Mask);
    let personal: Vec<&str> = profile.relations[0]
        .columns
        .iter()
        .filter(|column| column.personal_data.is_some())
        .map(|column| column.name.as_str())
        .collect();
    assert_eq!(personal, ["underwriter", "mailing_address", "insured_name"]);
    let json = serde_json::to_string(&profile).unwrap();
    assert!(!json.contains("Test Person") && !json.contains("1234 Test Street"));
}
