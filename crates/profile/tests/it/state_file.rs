//! States as bytes, and the laws of merging them.

use bordereau_base::digest::hex;
use bordereau_profile::document::Profile;
use bordereau_profile::state_file::{Error, StateFile};
use proptest::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::uploads::{file, kept, outcome, outcome_of, profile_of, rows};

/// Parts that a merged state does not give alike: what is of files and not of rows, what depends on which rows came
/// first, and figures that are compared apart.
const APART: [&str; 9] = [
    "upload",
    "digest",
    "timings",
    "bytes",
    "ragged_examples",
    "candidate_keys",
    "correlations",
    "exceptions",
    "assumed",
];

/// Compares two documents: numbers within rounding, all else exactly. Gives the first place where they differ.
fn difference(one: &Value, other: &Value, place: &str) -> Option<String> {
    match (one, other) {
        (Value::Object(a), Value::Object(b)) => {
            let keys = a.keys().chain(b.keys()).filter(|key| !APART.contains(&key.as_str()));
            keys.into_iter().find_map(|key| {
                let (a, b) = (a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null));
                difference(a, b, &format!("{place}/{key}"))
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(at, (a, b))| difference(a, b, &format!("{place}/{at}")))
        }
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            let close = (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0);
            (!close).then(|| format!("{place}: {a} and {b}"))
        }
        _ => (one != other).then(|| format!("{place}: {one} and {other}")),
    }
}

fn assert_alike(one: &Profile, other: &Profile) -> Result<(), TestCaseError> {
    let json = |profile: &Profile| {
        let mut profile = profile.clone();
        // Told of the candidate keys, which are compared apart.
        let of_keys = |code: &str| code == "no_candidate_key";
        profile.relations.iter_mut().for_each(|relation| relation.alerts.retain(|alert| !of_keys(&alert.code)));
        serde_json::to_value(profile).unwrap()
    };
    let (a, b) = (json(one), json(other));
    match difference(&a, &b, "") {
        None => Ok(()),
        Some(difference) => Err(TestCaseError::fail(difference)),
    }
}

fn merged(states: &[&StateFile]) -> StateFile {
    let mut merged = states[0].clone();
    states[1..].iter().for_each(|state| merged.merge(state).unwrap());
    merged
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn bytes_give_the_state_back(rows in rows(60)) {
        let (profile, state) = kept("book.csv", &file(&rows));
        let bytes = state.encode();
        let again = StateFile::decode(&bytes).unwrap();
        prop_assert_eq!(again.encode(), bytes);
        prop_assert_eq!(again.sources(), state.sources());
        let mut without_timings = profile;
        without_timings.timings = None;
        prop_assert_eq!(profile_of(&again), without_timings);
    }

    #[test]
    fn merged_parts_are_profiled_as_the_whole(rows in rows(80), cut in 0.0..1.0_f64) {
        let cut = (rows.len() as f64 * cut) as usize;
        let (whole, _) = kept("book.csv", &file(&rows));
        let (first, second) = (kept("book.csv", &file(&rows[..cut])).1, kept("book.csv", &file(&rows[cut..])).1);
        assert_alike(&profile_of(&merged(&[&first, &second])), &whole)?;
    }

    #[test]
    fn merging_is_associative(rows in rows(80), cuts in (0.0..1.0_f64, 0.0..1.0_f64)) {
        let at = |cut: f64| (rows.len() as f64 * cut) as usize;
        let (low, high) = (at(cuts.0.min(cuts.1)), at(cuts.0.max(cuts.1)));
        let part = |rows: &[String]| kept("book.csv", &file(rows)).1;
        let (a, b, c) = (part(&rows[..low]), part(&rows[low..high]), part(&rows[high..]));
        let left = merged(&[&merged(&[&a, &b]), &c]);
        let right = merged(&[&a, &merged(&[&b, &c])]);
        assert_alike(&profile_of(&left), &profile_of(&right))?;
        prop_assert_eq!(left.sources(), right.sources());
        let decoded = merged(&[&StateFile::decode(&a.encode()).unwrap(), &StateFile::decode(&b.encode()).unwrap()]);
        prop_assert_eq!(decoded.encode(), merged(&[&a, &b]).encode());
    }

    #[test]
    fn bytes_of_any_kind_are_refused_or_read(
        rows in rows(12), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(), shorten: bool
    ) {
        let mut bytes = kept("book.csv", &file(&rows)).1.encode();
        let length = bytes.len() - 32;
        bytes.truncate(length);
        for (at, byte) in &changes {
            bytes[15 + at.index(length - 15)] = *byte;
        }
        if shorten {
            bytes.truncate(15 + cut.index(length - 15));
        }
        let digest = Sha256::digest(&bytes);
        bytes.extend_from_slice(&digest);
        if let Ok(state) = StateFile::decode(&bytes) {
            profile_of(&state);
        }
    }
}

#[test]
fn other_bytes_are_refused_with_a_sentence() {
    let bytes = kept("book.csv", b"id,name\n1,a\n2,b\n").1.encode();
    let refused = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = bytes.clone();
        change(&mut bytes);
        StateFile::decode(&bytes).unwrap_err()
    };
    assert_eq!(refused(&|bytes| bytes[0] = b'X'), Error::NotAState);
    assert_eq!(refused(&|bytes| bytes.clear()), Error::NotAState);
    assert_eq!(refused(&|bytes| bytes[6] = 9), Error::Version { found: 9 });
    assert_eq!(refused(&|bytes| bytes[7] ^= 1), Error::Seed);
    assert_eq!(refused(&|bytes| bytes.push(0)), Error::Digest);
    assert_eq!(refused(&|bytes| bytes.truncate(60)), Error::Digest);
    assert_eq!(refused(&|bytes| bytes[40] ^= 1), Error::Digest);
    let resealed = |bytes: &mut Vec<u8>, change: &dyn Fn(&mut Vec<u8>)| {
        bytes.truncate(bytes.len() - 32);
        change(bytes);
        let digest = Sha256::digest(&*bytes);
        bytes.extend_from_slice(&digest);
    };
    assert!(matches!(refused(&|bytes| resealed(bytes, &|bytes| bytes.push(0))), Error::Unreadable(_)));
    assert!(matches!(refused(&|bytes| resealed(bytes, &|bytes| bytes.truncate(200))), Error::Unreadable(_)));
    assert!(refused(&|bytes| bytes[6] = 9).to_string().contains("version 9"));
}

#[test]
fn columns_are_joined_by_their_names() {
    let (_, mut state) = kept("Book.csv", b"id,Paid Amount\n1,10\n2,20\n");
    let (_, other) = kept("book.csv", b"paid_amount,extra,ID\n30,x,3\n,y,4\n");
    state.merge(&other).unwrap();
    let profile = profile_of(&state);
    assert_eq!(profile.relations.len(), 1);
    let columns = &profile.relations[0].columns;
    let facts: Vec<(&str, u64, u64)> =
        columns.iter().map(|column| (column.name.as_str(), column.rows, column.nulls.total)).collect();
    assert_eq!(facts, [("id", 4, 0), ("Paid Amount", 4, 1), ("extra", 4, 2)]);
    assert_eq!(columns[2].nulls.absent, 2);
    assert_eq!(columns[1].numbers.as_ref().unwrap().max, 30.0);
    assert!(profile.upload.notes.iter().any(|note| note.contains("another order")), "{:?}", profile.upload.notes);
    let named = profile.upload.notes.iter().filter(|note| note.starts_with("merged from")).count();
    assert_eq!((named, profile.upload.bytes), (2, 58));
    // The key is one of both files, whatever its place.
    assert!(profile.relations[0].candidate_keys.iter().any(|key| key.columns == ["id"]));
}

#[test]
fn relations_of_one_upload_only_are_kept_and_links_hold() {
    let policy = |from: usize| -> Vec<u8> {
        let lines: Vec<String> = (from..from + 30).map(|row| format!("P{row},{}", row % 7)).collect();
        format!("policy_number,units\n{}\n", lines.join("\n")).into_bytes()
    };
    let claim = |from: usize| -> Vec<u8> {
        let lines: Vec<String> = (from..from + 20).map(|row| format!("{row},P{}", from + row % 10)).collect();
        format!("claim_number,policy_number\n{}\n", lines.join("\n")).into_bytes()
    };
    let state = |from: usize| StateFile::new(outcome(&[("policy.csv", &policy(from)), ("claim.csv", &claim(from))]));
    let mut merged = state(0);
    merged.merge(&state(100)).unwrap();
    let profile = profile_of(&merged);
    let link = &profile.links[0];
    assert_eq!((link.parent.as_str(), link.child.as_str()), ("policy", "claim"));
    assert_eq!((link.orphans.value, link.childless.value), (0, 40));
    merged.merge(&kept("agents.csv", b"agent,city\nA,Rome\nB,Bonn\n").1).unwrap();
    let names: Vec<String> = profile_of(&merged).relations.iter().map(|relation| relation.name.clone()).collect();
    assert_eq!(names, ["policy", "claim", "agents"]);
    let bytes = merged.encode();
    assert_eq!(StateFile::decode(&bytes).unwrap().encode(), bytes);
}

#[test]
fn states_of_other_limits_are_refused() {
    let wide = |columns: usize| -> Vec<u8> {
        let names: Vec<String> = (0..columns).map(|column| format!("c{column}")).collect();
        format!("{}\n{}\n", names.join(","), vec!["1"; columns].join(",")).into_bytes()
    };
    let mut few = kept("wide.csv", &wide(10)).1;
    let before = few.encode();
    let error = few.merge(&kept("wide.csv", &wide(400)).1).unwrap_err();
    assert!(matches!(error, Error::Limits { .. }), "{error}");
    assert_eq!(few.encode(), before);
}

/// States of the samples of this repository, by themselves and as the uploads that they are.
#[test]
fn states_of_real_files_come_back_whole() {
    let samples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/samples");
    let mut uploads: Vec<Vec<std::path::PathBuf>> = Vec::new();
    for folder in std::fs::read_dir(samples).unwrap() {
        let files = std::fs::read_dir(folder.unwrap().path()).unwrap();
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        uploads.extend(files.iter().map(|file| vec![file.clone()]));
        uploads.push(files);
    }
    assert!(uploads.len() >= 6);
    for paths in uploads {
        let state = StateFile::new(outcome_of(&paths));
        let bytes = state.encode();
        let again = StateFile::decode(&bytes).unwrap_or_else(|error| panic!("{paths:?}: {error}"));
        assert!(again.encode() == bytes, "{paths:?}");
        assert_eq!(profile_of(&again), profile_of(&state), "{paths:?}");
        let mut twice = again.clone();
        twice.merge(&state).unwrap();
        let bytes = twice.encode();
        assert!(StateFile::decode(&bytes).unwrap().encode() == bytes, "{paths:?}");
    }
}

/// A state that was written by version 1: it must be read for ever, or refused by its version.
#[test]
fn a_state_of_version_1_is_still_read() {
    const SAMPLE: &str = include_str!("state_1.hex");
    let table =
        b"policy,state,amount,day\n007,CO,10.5,2020-01-31\n008,MO,,2020-02-29\n009,CO,-3,7/4/2021\n009,NA,1e3,\n";
    let (_, state) = kept("sample.csv", table);
    let written = hex_lines(&state.encode());
    if written != SAMPLE {
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("state_1.hex");
        std::fs::write(&path, &written).unwrap();
        panic!("the layout of states has changed: raise its version, and keep {} as a new sample", path.display());
    }
    let bytes: Vec<u8> = {
        let digits: String = SAMPLE.split_whitespace().collect();
        (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap()).collect()
    };
    let profile = profile_of(&StateFile::decode(&bytes).unwrap());
    assert_eq!((profile.relations[0].rows, profile.relations[0].columns.len()), (4, 4));
    assert_eq!(profile.upload.sha256, Some(hex(&Sha256::digest(table))));
}

fn hex_lines(bytes: &[u8]) -> String {
    let lines: Vec<String> = bytes.chunks(56).map(hex).collect();
    lines.join("\n") + "\n"
}
