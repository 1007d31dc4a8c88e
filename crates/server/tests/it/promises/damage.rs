//! Promise 3: what a disk has changed is found by its digest, said, and never served.

use std::path::{Path, PathBuf};

use reqwest::header::ACCEPT;
use serde_json::Value;

use crate::world::{World, said};
use crate::zips::{entry, sample, zip};

const PATH: &str = "/api/2/batch/insureright/scoring";
const PROFILE: &str = "/api/2/batch/profile";
const NOT_HANDED_OUT: &str =
    "What is stored is damaged and is not handed out. Please tell the operator of the service.";

/// What a disk may do to the bytes of a file.
type Change = fn(&mut Vec<u8>);
const CHANGES: [(&str, Change); 5] = [
    ("its first byte", |bytes| bytes[0] ^= 1),
    ("a byte in the middle", |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x80;
    }),
    ("its last byte", |bytes| *bytes.last_mut().unwrap() ^= 1),
    ("its end, which is gone", |bytes| bytes.truncate(bytes.len() - 1)),
    ("its length", |bytes| bytes.push(0)),
];

/// All files below a folder whose name ends so.
fn stored(folder: &Path, end: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found = entries.flat_map(|path| if path.is_dir() { stored(&path, end) } else { vec![path] });
    found.filter(|path| path.to_str().unwrap().ends_with(end)).collect()
}

/// The one file below `part` of the data folder whose name ends so.
fn one(world: &World, part: &str, end: &str) -> PathBuf {
    let mut found = stored(&world.folder.path().join("data/objects").join(part), end);
    assert_eq!(found.len(), 1, "{part} {end}: {found:?}");
    found.remove(0)
}

async fn key(world: &World, path: &str) -> String {
    let claims = include_str!("../../../../../testdata/samples/wc_claims/claim.csv");
    let upload = if path.contains("claim_detail") { zip(&[entry("claim.csv", claims)]) } else { sample() };
    let (status, key) = said(world.post("jane", path, upload)).await;
    assert_eq!(status, 200, "{key}");
    key
}

#[tokio::test]
async fn promise_3_results_and_profiles_that_a_disk_has_changed_are_found_and_never_served() {
    let world = World::start().await;
    let batch = key(&world, PATH).await;
    let (results, errors) = (format!("{PATH}/{batch}"), format!("/api/2/batches/{batch}/errors"));
    let profile = format!("/api/2/batch/unstructured/{}/profile", key(&world, PROFILE).await);
    world.run("jane", &results).await;
    world.run("jane", &format!("{profile}?format=sketch")).await;
    let mut found = 0;
    for (file, paths) in [
        (one(&world, "results", ".zip"), vec![results.clone(), errors.clone()]),
        (
            one(&world, "results", ".profile.json"),
            ["", "?format=html", "?format=datapackage"].map(|form| format!("{profile}{form}")).to_vec(),
        ),
        (one(&world, "results", ".profile.state"), vec![format!("{profile}?format=sketch")]),
    ] {
        let sound = std::fs::read(&file).unwrap();
        for (what, change) in CHANGES {
            let mut bytes = sound.clone();
            change(&mut bytes);
            std::fs::write(&file, bytes).unwrap();
            for path in &paths {
                let answer = said(world.get("jane", path)).await;
                assert_eq!(answer, (500, NOT_HANDED_OUT.to_owned()), "{path}: {what}");
                found += 1;
                assert_eq!(world.jobs.measures().await.unwrap().damaged, found, "{path}: {what}");
            }
        }
        std::fs::write(&file, sound).unwrap();
        for path in &paths {
            assert_eq!(world.get("jane", path).send().await.unwrap().status(), 200, "{path}: unharmed again");
        }
    }
}

#[tokio::test]
async fn promise_3_results_and_errors_of_a_contribution_are_served_sound_or_not_at_all() {
    let world = World::start().await;
    let key = key(&world, "/api/2/batch/manage/claim_detail").await;
    let results = format!("/api/2/batch/manage/claim_detail/{key}");
    assert_eq!(world.run("jane", &results).await.status(), 200);
    let file = one(&world, "results", ".zip");
    let mut bytes = std::fs::read(&file).unwrap();
    CHANGES[1].1(&mut bytes);
    std::fs::write(&file, bytes).unwrap();
    for path in [results, format!("/api/2/batches/{key}/errors")] {
        assert_eq!(said(world.get("jane", &path)).await, (500, NOT_HANDED_OUT.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn promise_3_an_upload_that_a_disk_has_changed_is_not_worked_on() {
    let sentence = "The stored upload is no longer what was sent: its bytes have changed on our side. Please send it \
                    again under another key, and tell the operator of the service.";
    for (path, what, change) in [
        (PATH, CHANGES[1].0, Some(CHANGES[1].1)),
        (PROFILE, CHANGES[2].0, Some(CHANGES[2].1)),
        (PATH, CHANGES[3].0, Some(CHANGES[3].1)),
        (PATH, "all of it, which is gone", None),
    ] {
        let world = World::start().await;
        let key = key(&world, path).await;
        let file = one(&world, "uploads", ".zip");
        match change {
            Some(change) => {
                let mut bytes = std::fs::read(&file).unwrap();
                change(&mut bytes);
                std::fs::write(&file, bytes).unwrap();
            }
            None => std::fs::remove_file(&file).unwrap(),
        }
        let asked =
            if path == PATH { format!("{PATH}/{key}") } else { format!("/api/2/batch/unstructured/{key}/profile") };
        let answer = world.run("jane", &asked).await;
        assert_eq!(
            (answer.status().as_u16(), answer.text().await.unwrap().as_str()),
            (422, sentence),
            "{path}: {what}"
        );
        let (_, problem) = said(world.get("jane", &asked).header(ACCEPT, "application/problem+json")).await;
        assert_eq!(serde_json::from_str::<Value>(&problem).unwrap()["code"], "uploadDamaged");
        let poll = format!("/solutions/longpoll/subscribe?filter=name,batchFailed,batchKey,{key}&timeout=0");
        let told: Value = serde_json::from_str(&said(world.get("jane", &poll)).await.1).unwrap();
        assert_eq!(told["events"].as_array().unwrap().len(), 1, "{told}");
        assert_eq!(world.jobs.measures().await.unwrap().damaged, 1);
    }
}
