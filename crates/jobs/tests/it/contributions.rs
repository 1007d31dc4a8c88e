//! Data that is contributed: kept once, replaced by key, withdrawn, whatever crashes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::AsArray;
use bordereau_base::ids::BatchKey;
use bordereau_engine::batch::{BatchSpec, score_batch};
use bordereau_engine::catalog::Catalog;
use bordereau_engine::contribution::rows;
use bordereau_jobs::{BatchRequest, Caller, Jobs, JobsOptions, ListRequest, ScoreBatch, Tests};

use crate::crashes::{DATA, jane, kill_after};
use crate::world::{self, World, run_until_final, submit};

const MANIFEST: &str = "solution = 'pool'\nversion = '1.0.0'\ntitle = 'Pool'\nactive_from = '2020-01-01T00:00:00Z'\n\
    record = 'claim'\n[submissions.claim_detail]\ntitle = 'Contribute'\nkind = 'contribution'\n\
    [relations.note]\nrequired = false\n";
const DICTIONARY: &str = r#"{"name": "pool", "resources": [
    {"name": "claim", "schema": {"fieldsMatch": "partial", "primaryKey": "number", "fields": [
        {"name": "number", "type": "integer", "constraints": {"required": true}},
        {"name": "paid", "type": "number"}]}},
    {"name": "note", "schema": {"fieldsMatch": "partial", "fields": [
        {"name": "number", "type": "integer"}, {"name": "text", "type": "string"}],
        "foreignKeys": [{"fields": "number", "reference": {"resource": "claim", "fields": "number"}}]}}]}"#;

fn catalog() -> Arc<Catalog> {
    let folder = tempfile::tempdir().unwrap();
    let release = folder.path().join("pool/1.0.0");
    std::fs::create_dir_all(&release).unwrap();
    std::fs::write(release.join("solution.toml"), MANIFEST).unwrap();
    std::fs::write(release.join("datapackage.json"), DICTIONARY).unwrap();
    let mut catalog = Catalog::default();
    catalog.add_folder(folder.path()).unwrap();
    Arc::new(catalog)
}

/// Uploads are numbers with blanks between; each becomes a claim and a note. Runs the real stages.
fn score() -> ScoreBatch {
    Arc::new(|spec, options, progress, out| {
        let folder = tempfile::tempdir()?;
        let (mut claims, mut notes) = ("number,paid\n".to_owned(), "number,text\n".to_owned());
        for number in std::fs::read_to_string(&spec.upload[0])?.split_whitespace() {
            claims.push_str(&format!("{number},1.5\n"));
            notes.push_str(&format!("{number},a note\n"));
        }
        std::fs::write(folder.path().join("claim.csv"), claims)?;
        std::fs::write(folder.path().join("note.csv"), notes)?;
        score_batch(&BatchSpec { upload: vec![folder.path().to_owned()], ..spec.clone() }, options, progress, out)
    })
}

fn options(options: JobsOptions) -> JobsOptions {
    JobsOptions { catalog: catalog(), score: score(), ..options }
}

fn contribution(key: BatchKey) -> BatchRequest {
    let (solution, submission) = ("pool".parse().unwrap(), "claim_detail".parse().unwrap());
    BatchRequest { key: Some(key), ..BatchRequest::new(solution, submission) }
}

async fn send(jobs: &Jobs, caller: &Caller, numbers: &str) -> BatchKey {
    let key = BatchKey::random();
    submit(jobs, caller, contribution(key), numbers.as_bytes()).await.unwrap();
    key
}

/// Number and batch of every row of a relation that is kept; each number must be there once.
async fn kept(jobs: &Jobs, relation: &str, tests: Tests) -> BTreeMap<i64, String> {
    let mut found = BTreeMap::new();
    for file in jobs.contributed(None, None, tests).await.unwrap().iter().filter(|file| file.relation == relation) {
        let mut count = 0;
        for batch in rows::read(File::open(&file.path).unwrap()).unwrap().map(Result::unwrap) {
            let numbers = batch.column_by_name("number").unwrap().as_primitive::<arrow::datatypes::Int64Type>();
            let keys = batch.column_by_name("batch_key").unwrap().as_string::<i32>();
            for (number, key) in numbers.values().iter().zip(keys) {
                assert_eq!(key, Some(&*file.key.to_string()));
                assert_eq!(found.insert(*number, key.unwrap().to_owned()), None, "{number} is there twice");
                count += 1;
            }
        }
        assert_eq!(file.rows, count);
    }
    found
}

fn expected(parts: &[(BatchKey, &[i64])]) -> BTreeMap<i64, String> {
    parts.iter().flat_map(|(key, numbers)| numbers.iter().map(move |number| (*number, key.to_string()))).collect()
}

async fn is_kept(jobs: &Jobs, parts: &[(BatchKey, &[i64])]) {
    for relation in ["claim", "note"] {
        assert_eq!(kept(jobs, relation, Tests::Without).await, expected(parts), "{relation}");
    }
}

#[tokio::test]
async fn a_record_that_is_contributed_again_replaces_the_one_before() {
    let world = World::new();
    let jobs = Jobs::open(options(world.options())).await.unwrap();
    let jane = world::add_user(&jobs, "jane", "valen").await;
    let joe = world::add_user(&jobs, "joe", "acme").await;
    let first = send(&jobs, &jane, "1 2 3").await;
    run_until_final(&jobs, jane.customer(), &[first]).await;
    is_kept(&jobs, &[(first, &[1, 2, 3])]).await;
    // Another month, and another customer with the same keys.
    world.clock.advance_ms(40 * 86_400_000);
    let second = send(&jobs, &jane, "3 2 4").await;
    run_until_final(&jobs, jane.customer(), &[second]).await;
    is_kept(&jobs, &[(first, &[1]), (second, &[2, 3, 4])]).await;
    let foreign = send(&jobs, &joe, "9").await;
    run_until_final(&jobs, joe.customer(), &[foreign]).await;
    is_kept(&jobs, &[(first, &[1]), (second, &[2, 3, 4]), (foreign, &[9])]).await;
    let files = world.files("objects/contributions");
    for start in [
        "valen/pool/claim/2027-01/",
        "valen/pool/note/2027-01/",
        "valen/pool/claim/2027-02/",
        "acme/pool/note/2027-02/",
    ] {
        assert_eq!(files.iter().filter(|file| file.starts_with(start)).count(), 1, "{start} in {files:?}");
    }
    assert_eq!(files.len(), 6, "nothing of what was replaced is left: {files:?}");
    assert_eq!(world.files("objects/contribution-keys").len(), 3);
    assert_eq!(world.files("objects/results").len(), 3, "the attempts left their results only");
    let status = jobs.status(jane.customer(), second).await.unwrap().unwrap();
    let records = &status.summary.unwrap()["records"];
    assert_eq!(records.to_string(), r#"{"read":3,"scored":0,"contributed":3,"rejected":0}"#);
    jobs.delete(&jane, second).await.unwrap();
    is_kept(&jobs, &[(first, &[1]), (foreign, &[9])]).await;
    jobs.delete(&jane, first).await.unwrap();
    is_kept(&jobs, &[(foreign, &[9])]).await;
    assert_eq!((world.files("objects/contributions").len(), world.files("objects/contribution-keys").len()), (2, 1));
}

/// What counts is when an upload was accepted, not when it was run.
#[tokio::test]
async fn of_two_contributions_the_one_accepted_last_stands_whichever_runs_first() {
    let world = World::new();
    let failed = AtomicBool::new(false);
    let sound = score();
    let score: ScoreBatch = Arc::new(move |spec, options, progress, out| {
        let is_first = std::fs::read_to_string(&spec.upload[0])?.starts_with("1 ");
        if is_first && !failed.swap(true, Ordering::SeqCst) {
            return Err(std::io::Error::other("a fault of ours").into());
        }
        sound(spec, options, progress, out)
    });
    let jobs = Jobs::open(JobsOptions { score, ..options(world.options()) }).await.unwrap();
    let jane = world::add_user(&jobs, "jane", "valen").await;
    let first = send(&jobs, &jane, "1 2 3").await;
    let second = send(&jobs, &jane, "3 2 4").await;
    run_until_final(&jobs, jane.customer(), &[second]).await;
    is_kept(&jobs, &[(second, &[2, 3, 4])]).await;
    world.clock.advance_ms(2_000);
    run_until_final(&jobs, jane.customer(), &[first]).await;
    is_kept(&jobs, &[(first, &[1]), (second, &[2, 3, 4])]).await;
    // One whose records were all replaced meanwhile leaves nothing.
    let third = send(&jobs, &jane, "1 2 3 4").await;
    run_until_final(&jobs, jane.customer(), &[third]).await;
    is_kept(&jobs, &[(third, &[1, 2, 3, 4])]).await;
    assert_eq!(world.files("objects/contributions").len(), 2);
}

/// What a test user contributes replaces nothing of production, nor the other way round.
#[tokio::test]
async fn what_test_users_contribute_is_a_pool_of_its_own() {
    let world = World::new();
    let jobs = Jobs::open(options(world.options())).await.unwrap();
    let jane = world::add_user(&jobs, "jane", "valen").await;
    let tim = world::add_tester(&jobs, "tim", "valen").await;
    let first = send(&jobs, &jane, "1 2 3").await;
    let trial = send(&jobs, &tim, "3 4").await;
    let again = send(&jobs, &tim, "4 5").await;
    let last = send(&jobs, &jane, "2 4").await;
    run_until_final(&jobs, jane.customer(), &[first, trial, again, last]).await;
    is_kept(&jobs, &[(first, &[1, 3]), (last, &[2, 4])]).await;
    for relation in ["claim", "note"] {
        let tests = kept(&jobs, relation, Tests::Only).await;
        assert_eq!(tests, expected(&[(trial, &[3]), (again, &[4, 5])]), "{relation}");
    }
    assert_eq!(jobs.contributed(None, None, Tests::With).await.unwrap().len(), 8);
    let (others, tests) = (world.files("objects/contributions"), world.files("objects/test-contributions"));
    assert_eq!((others.len(), tests.len()), (4, 4), "no file of a test lies among the others");
    jobs.delete(&tim, trial).await.unwrap();
    is_kept(&jobs, &[(first, &[1, 3]), (last, &[2, 4])]).await;
    assert_eq!(kept(&jobs, "claim", Tests::Only).await, expected(&[(again, &[4, 5])]));
}

/// Rows, of which some would have to go to the new contribution, and keys, which all are compared with.
#[tokio::test]
async fn promise_3_a_contribution_changes_nothing_where_the_pool_is_damaged() {
    let sentence = "What was contributed earlier is damaged on our side, so this upload cannot be put beside it; nothing \
                    was changed. Please tell the operator of the service, and send it again under another key afterwards.";
    let world = World::new();
    let jobs = Jobs::open(options(world.options())).await.unwrap();
    let jane = world::add_user(&jobs, "jane", "valen").await;
    let (first, second) = (send(&jobs, &jane, "1 2 3").await, send(&jobs, &jane, "7 8").await);
    run_until_final(&jobs, jane.customer(), &[first, second]).await;
    let all = || (world.files("objects/contributions"), world.files("objects/contribution-keys"));
    let (before, objects) = (all(), world.data().join("objects"));
    let (mut found, mut key) = (0, first);
    let of_first = |folder: &str, files: &[String]| {
        let files = files.iter().filter(|file| file.contains(&first.to_string()));
        files.map(|file| objects.join(folder).join(file)).collect::<Vec<_>>()
    };
    let files = [of_first("contributions", &before.0), of_first("contribution-keys", &before.1)].concat();
    assert_eq!(files.len(), 3, "claims, notes, keys");
    for file in files {
        let sound = std::fs::read(&file).unwrap();
        let mut flipped = sound.clone();
        flipped[sound.len() / 2] ^= 1;
        let shortened = sound[..sound.len() - 1].to_vec();
        for damaged in [Some(flipped), Some(shortened), None] {
            match &damaged {
                Some(bytes) => std::fs::write(&file, bytes).unwrap(),
                None => std::fs::remove_file(&file).unwrap(),
            }
            key = send(&jobs, &jane, "2 9").await;
            run_until_final(&jobs, jane.customer(), &[key]).await;
            let status = jobs.status(jane.customer(), key).await.unwrap().unwrap();
            let report = status.report.unwrap_or_else(|| panic!("{file:?} was taken for sound"));
            assert_eq!((report.code.as_str(), report.message.as_str()), ("contributionDamaged", sentence));
            found += 1;
            assert_eq!(jobs.measures().await.unwrap().damaged, found);
            std::fs::write(&file, &sound).unwrap();
            assert_eq!(all(), before, "{file:?}");
        }
    }
    is_kept(&jobs, &[(first, &[1, 2, 3]), (second, &[7, 8])]).await;
    // Put back, it is as if nothing had been.
    assert_ne!(key, first);
    let after = send(&jobs, &jane, "2 9").await;
    run_until_final(&jobs, jane.customer(), &[after]).await;
    is_kept(&jobs, &[(first, &[1, 3]), (second, &[7, 8]), (after, &[2, 9])]).await;
}

/// Deleting the batch whose rows are damaged helps too, and rows that nobody takes anything from are not looked at.
#[tokio::test]
async fn a_batch_whose_rows_are_damaged_can_be_deleted_and_stands_in_nobodys_way() {
    let world = World::new();
    let jobs = Jobs::open(options(world.options())).await.unwrap();
    let jane = world::add_user(&jobs, "jane", "valen").await;
    let first = send(&jobs, &jane, "1 2 3").await;
    run_until_final(&jobs, jane.customer(), &[first]).await;
    for file in world.files("objects/contributions") {
        std::fs::write(world.data().join("objects/contributions").join(file), b"no rows").unwrap();
    }
    let others = send(&jobs, &jane, "4").await;
    run_until_final(&jobs, jane.customer(), &[others]).await;
    assert_eq!(jobs.status(jane.customer(), others).await.unwrap().unwrap().report, None);
    jobs.delete(&jane, first).await.unwrap();
    let again = send(&jobs, &jane, "1 2 3").await;
    run_until_final(&jobs, jane.customer(), &[again]).await;
    is_kept(&jobs, &[(others, &[4]), (again, &[1, 2, 3])]).await;
}

/// The numbers that an upload of this key has, so that whoever knows the key knows the upload.
fn numbers(key: BatchKey) -> BTreeSet<i64> {
    key.to_string().bytes().filter(u8::is_ascii_alphanumeric).take(5).map(|byte| i64::from(byte % 24)).collect()
}

#[tokio::test]
#[ignore = "started by other tests as a process of its own"]
async fn child() {
    let data = std::env::var_os(DATA).expect("the test that starts this one names the data folder");
    let settings = options(world::options(Path::new(&data)));
    let batches_at_once = std::num::NonZeroUsize::new(2).unwrap();
    let jobs = Jobs::open(JobsOptions { batches_at_once, ..settings }).await.unwrap();
    let sending = async {
        for at in 0.. {
            let key = BatchKey::random();
            let upload: Vec<String> = numbers(key).iter().map(ToString::to_string).collect();
            submit(&jobs, &jane(), contribution(key), upload.join(" ").as_bytes()).await.unwrap();
            println!("accepted {key} {at}");
            while !jobs.status(jane().customer(), key).await.unwrap().unwrap().state.is_final() && at % 3 == 0 {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        }
    };
    let (_, ran) = tokio::join!(sending, jobs.run(std::future::pending()));
    ran.unwrap();
}

#[tokio::test]
async fn whatever_is_killed_each_record_is_kept_once_as_it_was_contributed_last() {
    let world = World::new();
    let data = world.data();
    let jobs = Jobs::open(options(world::options(&data))).await.unwrap();
    let jane = world::add_user(&jobs, "jane", "valen").await;
    let mut accepted = BTreeMap::new();
    for kill in 0..10 {
        let wait = std::time::Duration::from_millis(kill * 13 % 47);
        kill_after(&data, "contributions::child", 1 + (kill % 3) as usize, wait, &mut accepted);
    }
    let listed = jobs.list_batches(&jane, &ListRequest::default(), 500).await.unwrap().batches;
    let keys: Vec<BatchKey> = listed.iter().map(|status| status.key).collect();
    run_until_final(&jobs, jane.customer(), &keys).await;
    drop(jobs);
    let jobs = Jobs::open(options(world::options(&data))).await.unwrap();
    jobs.run(async {}).await.unwrap();
    let mut expected = BTreeMap::new();
    for key in keys.iter().rev() {
        expected.extend(numbers(*key).into_iter().map(|number| (number, key.to_string())));
    }
    for relation in ["claim", "note"] {
        assert_eq!(kept(&jobs, relation, Tests::Without).await, expected);
    }
    let named = jobs.contributed(None, None, Tests::Without).await.unwrap().len();
    assert_eq!(world.files("objects/contributions").len(), named, "what a kill left is swept");
    assert_eq!(2 * world.files("objects/contribution-keys").len(), named);
    assert!(accepted.keys().all(|key| keys.contains(key)));
}
