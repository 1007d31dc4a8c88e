//! The pass, from files on disk to profiles.

mod cancel;
mod inputs;
mod laws;
mod relations;

use bordereau_base::limits::IntakeLimits;
use bordereau_base::refusal::{Refusal, RefusalCode};
use bordereau_files::results::{Member, Packing, write_zip};
use bordereau_profile::document::{Profile, ProfileState, RelationProfile};
use bordereau_profile::error::Error;
use bordereau_profile::input::Input;
use bordereau_profile::pass::{Control, Outcome, Updates, profile};
use bordereau_profile::settings::Settings;
use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use tempfile::TempDir;

fn settings() -> Settings {
    Settings::new(jiff::civil::date(2025, 1, 1))
}

fn threads(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

/// Files in a folder that goes away.
struct Files {
    folder: TempDir,
}

impl Files {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        Self { folder }
    }

    /// A zip of some files.
    fn zip(files: &[(&str, &[u8])]) -> Self {
        let made = Self::new(&[]);
        let mut members = Vec::new();
        for (name, bytes) in files {
            let mut member = Member::create(name, Packing::Deflated, made.folder.path()).unwrap();
            member.append_bytes(bytes).unwrap();
            members.push(member);
        }
        write_zip(fs::File::create(made.path("book.zip")).unwrap(), &members).unwrap();
        made
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn open(&self, name: &str) -> Result<Input, Error> {
        Input::open(&[self.path(name)], &IntakeLimits::default())
    }
}

/// All profiles of a run, the full one last.
fn run(input: &Input, count: usize) -> Result<(Vec<Profile>, Outcome), Error> {
    let mut profiles = Vec::new();
    let control = Control::new(Updates::None);
    let outcome = profile(input, &settings(), threads(count), &control, &mut |profile| profiles.push(profile))?;
    assert_eq!(profiles.last(), Some(&outcome.profile));
    Ok((profiles, outcome))
}

/// The full profile of one file.
fn full(name: &str, bytes: &[u8]) -> Result<Profile, Error> {
    Ok(run(&Files::new(&[(name, bytes)]).open(name)?, 2)?.1.profile)
}

/// The only relation of one file.
fn relation(name: &str, bytes: &[u8]) -> RelationProfile {
    let mut profile = full(name, bytes).unwrap();
    assert_eq!(profile.relations.len(), 1);
    profile.relations.remove(0)
}

fn refusal(result: Result<Profile, Error>) -> Refusal {
    match result {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

fn refused(result: Result<Profile, Error>) -> RefusalCode {
    refusal(result).code
}

/// The JSON without what differs between two runs.
fn json(profile: &Profile) -> String {
    let mut profile = profile.clone();
    profile.timings = None;
    serde_json::to_string(&profile).unwrap()
}

#[test]
fn the_stream_is_a_preliminary_profile_and_then_the_full_one() {
    let input = Files::new(&[("a.csv", b"x,y\n1,2\n3,4\n")]);
    let (profiles, _) = run(&input.open("a.csv").unwrap(), 2).unwrap();
    let states: Vec<_> = profiles.iter().map(|profile| profile.state).collect();
    assert_eq!(states, [ProfileState::Preliminary, ProfileState::Full]);
    assert!(profiles[0].upload.sha256.is_none() && profiles[1].upload.sha256.is_some());
    assert_eq!(profiles[1].share_read, 1.0);
    assert_ne!(profiles[0].digest, profiles[1].digest);
}

#[test]
fn a_long_file_gives_a_preliminary_profile_of_its_first_rows() {
    let rows: String = (0..400_000).map(|n| format!("{n},{}\n", n % 7)).collect();
    let files = Files::new(&[("a.csv", format!("id,b\n{rows}").as_bytes())]);
    let (profiles, outcome) = run(&files.open("a.csv").unwrap(), 2).unwrap();
    assert_eq!(profiles.len(), 2);
    let (first, share) = (&profiles[0].relations[0], profiles[0].share_read);
    assert!(first.rows < 400_000 && share > 0.0 && share < 1.0, "{} {share}", first.rows);
    assert_eq!(outcome.profile.relations[0].rows, 400_000);
    assert_eq!(outcome.profile.relations[0].columns[0].rows, 400_000);
    // Where nobody looks at it, the preliminary one is made of all rows, and the full one is the same.
    let mut last = Vec::new();
    let control = Control::new(Updates::Full);
    profile(&files.open("a.csv").unwrap(), &settings(), threads(2), &control, &mut |profile| last.push(profile))
        .unwrap();
    let [preliminary, whole] = last.as_slice() else { panic!("{} profiles", last.len()) };
    assert_eq!((preliminary.state, preliminary.share_read), (ProfileState::Preliminary, 1.0));
    assert_eq!(json(whole), json(&outcome.profile));
}
