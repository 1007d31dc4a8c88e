//! A small release with edits, uploads made of text, and results taken apart.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bordereau_engine::batch::{BatchSpec, Options, Outcome, ResultFormat, score_batch};
use bordereau_engine::progress::Progress;
use bordereau_engine::release::Release;
use bordereau_engine::release::manifest::Explanations;

/// The folder of the small release.
pub fn small_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/small")
}

/// A copy of the small release in which `from` is replaced by `to` in one file (or the file is left out where `from`
/// is empty and `to` too); the folder goes with the value.
pub fn edited(edits: &[(&str, &str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["solution.toml", "datapackage.json", "features.sql", "models/risk.lgb.txt", "models/price.pmml"] {
        let mut text = std::fs::read_to_string(small_folder().join(name)).unwrap();
        for (file, from, to) in edits.iter().filter(|(file, ..)| *file == name) {
            assert!(text.contains(from), "{file} does not hold {from}");
            text = text.replace(from, to);
        }
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

/// The small release with edits, which must be fine.
pub fn release_with(edits: &[(&str, &str, &str)]) -> Arc<Release> {
    let folder = edited(edits);
    Arc::new(Release::from_folder(folder.path()).unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }))
}

/// What is wrong with the small release after edits.
pub fn problems_with(edits: &[(&str, &str, &str)]) -> Vec<String> {
    let folder = edited(edits);
    match Release::from_folder(folder.path()) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

/// A batch that was scored, with the members of its results.
pub struct Run {
    pub outcome: Outcome,
    pub names: Vec<String>,
    pub members: BTreeMap<String, Vec<u8>>,
    pub zip: Vec<u8>,
}

impl Run {
    /// A member as text.
    pub fn text(&self, name: &str) -> &str {
        std::str::from_utf8(&self.members[name]).unwrap()
    }

    /// The rows of a member, header first, split at commas: for members without quotes.
    pub fn rows(&self, name: &str) -> Vec<Vec<&str>> {
        self.text(name).lines().map(|line| line.split(',').collect()).collect()
    }
}

/// Options of a test: one thread, a scratch folder of the system.
pub fn options() -> Options {
    Options {
        limits: Default::default(),
        threads: NonZeroUsize::MIN,
        explanations: None,
        format: ResultFormat::Csv,
        scratch: std::env::temp_dir(),
        contribution: None,
        checkpoint: None,
    }
}

/// As [`options`] with more explanations or none.
pub fn explaining(explanations: Explanations) -> Options {
    Options { explanations: Some(explanations), ..options() }
}

/// Scores files given as name and text.
pub fn score(release: &Arc<Release>, files: &[(&str, &str)], options: &Options) -> bordereau_engine::Result<Run> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let spec = BatchSpec {
        release: Arc::clone(release),
        submission: "scoring".parse().unwrap(),
        customer: Some("valen".parse().unwrap()),
        batch_key: None,
        upload: vec![folder.path().to_owned()],
    };
    let mut out = tempfile::tempfile().unwrap();
    let outcome = score_batch(&spec, options, &Progress::default(), &out)?;
    let (names, members, zip) = unzipped(&mut out);
    Ok(Run { outcome, names, members, zip })
}

/// Members of a results zip in order, and all its bytes. Reads local headers only, which our zips fill in.
fn unzipped(file: &mut File) -> (Vec<String>, BTreeMap<String, Vec<u8>>, Vec<u8>) {
    let mut zip = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut zip).unwrap();
    let (mut names, mut members) = (Vec::new(), BTreeMap::new());
    let mut at = 0;
    let number = |at: usize, len: usize| {
        zip[at..at + len].iter().rev().fold(0usize, |value, byte| value << 8 | usize::from(*byte))
    };
    while zip[at..at + 4] == *b"PK\x03\x04" {
        let (method, packed, name_len, extra_len) =
            (number(at + 8, 2), number(at + 18, 4), number(at + 26, 2), number(at + 28, 2));
        let name = String::from_utf8(zip[at + 30..at + 30 + name_len].to_vec()).unwrap();
        let start = at + 30 + name_len + extra_len;
        let bytes = &zip[start..start + packed];
        let mut plain = Vec::new();
        match method {
            0 => plain.extend_from_slice(bytes),
            _ => _ = flate2::read::DeflateDecoder::new(bytes).read_to_end(&mut plain).unwrap(),
        }
        names.push(name.clone());
        members.insert(name, plain);
        at = start + packed;
    }
    (names, members, zip)
}
