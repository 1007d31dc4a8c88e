//! Uploads that are profiled: preliminary, then full, under the same lease, fence and log as batches.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bordereau_base::ids::BatchKey;
use bordereau_base::refusal::{Refusal, RefusalCode};
use bordereau_base::state::BatchState;
use bordereau_engine::Error as EngineError;
use bordereau_engine::progress::Progress;
use bordereau_files::results::{Member, Packing, write_zip};
use bordereau_jobs::{
    BatchProfile, BatchRequest, BatchResults, Caller, Error, EventName, Jobs, JobsOptions, ProfileSink, ProfileSpec,
    ProfileUpload, User,
};
use bordereau_profile::document::{FORMAT, Profile, ProfileState, UploadFacts};
use futures::StreamExt;

use crate::world::{self, World, add_user, request, run_until_final, submit};

/// A profile of nothing that tells what it was made of.
pub fn document(state: ProfileState, name: &str) -> Profile {
    Profile {
        format: FORMAT.to_owned(),
        state,
        share_read: if state == ProfileState::Full { 1.0 } else { 0.5 },
        upload: UploadFacts {
            name: name.to_owned(),
            bytes: 1,
            unpacked_bytes: 1,
            sha256: None,
            entries: Vec::new(),
            notes: Vec::new(),
        },
        relations: Vec::new(),
        links: Vec::new(),
        against: Vec::new(),
        alerts: Vec::new(),
        degraded: Vec::new(),
        digest: String::new(),
        timings: None,
    }
}

/// Gives these preliminary profiles, a second apart, and then the full one.
pub fn profiles(world: &World, preliminary: &'static [&'static str]) -> ProfileUpload {
    let clock = world.clock.clone();
    Arc::new(move |spec: &ProfileSpec, progress: &Progress, sink: &mut ProfileSink<'_>| {
        for name in preliminary {
            progress.check()?;
            sink(document(ProfileState::Preliminary, name))?;
            clock.advance_ms(1_000);
        }
        let upload = std::fs::read_to_string(&spec.upload)?;
        sink(document(ProfileState::Full, &upload))?;
        Ok(b"the state".to_vec())
    })
}

pub async fn open(world: &World, profile: ProfileUpload) -> (Jobs, Caller) {
    let jobs = Jobs::open(JobsOptions { profile, ..world.options() }).await.unwrap();
    let jane = add_user(&jobs, "jane", "valen").await;
    (jobs, jane)
}

pub async fn send(jobs: &Jobs, caller: &Caller, upload: &[u8]) -> BatchKey {
    submit(jobs, caller, BatchRequest::profile(None), upload).await.unwrap().key()
}

async fn bytes(mut file: bordereau_jobs::ResultsFile) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(piece) = file.content.next().await {
        bytes.extend_from_slice(&piece.unwrap());
    }
    assert_eq!(bytes.len() as u64, file.bytes);
    bytes
}

/// The state of the newest profile and the name that it tells; none while there is no profile.
pub async fn newest(jobs: &Jobs, caller: &Caller, key: BatchKey) -> Option<(ProfileState, String)> {
    match jobs.profile(caller, key).await.unwrap() {
        BatchProfile::Ready { state, file } => {
            let document: Profile = serde_json::from_slice(&bytes(file).await).unwrap();
            assert_eq!(document.state, state);
            Some((state, document.upload.name))
        }
        BatchProfile::Pending(_) => None,
        other => panic!("neither a profile nor pending: {other:?}"),
    }
}

async fn events(jobs: &Jobs, caller: &Caller) -> Vec<(EventName, BatchState)> {
    let events = jobs.events(caller.customer(), 0).await.unwrap();
    let sequences: Vec<u64> = events.iter().map(|event| event.sequence).collect();
    assert_eq!(sequences, (1..=events.len() as u64).collect::<Vec<_>>(), "no holes");
    events.into_iter().map(|event| (event.name, event.batch().unwrap().state)).collect()
}

use BatchState::{Accepted, Failed, Finished, Running};
use EventName::{BatchFailed, BatchFinished, PreliminaryProfile, ProfileUpdated};

#[tokio::test]
async fn an_upload_is_profiled_to_its_end() {
    let world = World::new();
    let (jobs, jane) = open(&world, profiles(&world, &["first", "second"])).await;
    let key = send(&jobs, &jane, b"a zip").await;
    assert_eq!(newest(&jobs, &jane, key).await, None);
    assert!(jobs.profile_state(&jane, key).await.unwrap().is_none());
    run_until_final(&jobs, jane.customer(), &[key]).await;
    assert_eq!(newest(&jobs, &jane, key).await, Some((ProfileState::Full, "a zip".to_owned())));
    let state = jobs.profile_state(&jane, key).await.unwrap().unwrap();
    assert_eq!(bytes(state).await, b"the state");
    assert_eq!(
        events(&jobs, &jane).await,
        [
            (ProfileUpdated, Accepted),
            (ProfileUpdated, Running),
            (PreliminaryProfile, Running),
            (ProfileUpdated, Running),
            (ProfileUpdated, Running),
            (ProfileUpdated, Finished),
            (BatchFinished, Finished),
        ]
    );
    assert_eq!(world.files("objects/results"), ["1/1.profile.json", "1/1.profile.state"]);
    let status = jobs.status(jane.customer(), key).await.unwrap().unwrap();
    assert_eq!((status.solution.as_str(), status.submission.as_str()), ("unstructured", "profile"));
    assert_eq!((status.release.as_str(), status.attempt), ("1", 1));
    assert_eq!(status.summary.unwrap()["format"], FORMAT);
}

#[tokio::test]
async fn a_small_upload_has_its_preliminary_event_too() {
    let world = World::new();
    let (jobs, jane) = open(&world, profiles(&world, &[])).await;
    let key = send(&jobs, &jane, b"a zip").await;
    run_until_final(&jobs, jane.customer(), &[key]).await;
    assert_eq!(
        events(&jobs, &jane).await[2..],
        [(PreliminaryProfile, Finished), (ProfileUpdated, Finished), (BatchFinished, Finished)]
    );
}

#[tokio::test]
async fn profiles_that_come_too_fast_are_passed_over() {
    let world = World::new();
    let profile: ProfileUpload = Arc::new(|_, _, sink| {
        (0..50).try_for_each(|_| sink(document(ProfileState::Preliminary, "fast")))?;
        sink(document(ProfileState::Full, "full"))?;
        Ok(Vec::new())
    });
    let (jobs, jane) = open(&world, profile).await;
    let key = send(&jobs, &jane, b"a zip").await;
    run_until_final(&jobs, jane.customer(), &[key]).await;
    let updates = events(&jobs, &jane).await;
    assert_eq!(updates.iter().filter(|event| **event == (ProfileUpdated, Running)).count(), 2);
}

#[tokio::test]
async fn the_preliminary_profile_outlives_an_attempt() {
    let world = World::new();
    let attempts = Arc::new(AtomicUsize::new(0));
    let (counted, whole) = (Arc::clone(&attempts), profiles(&world, &["again"]));
    let profile: ProfileUpload = Arc::new(move |spec, progress, sink| match counted.fetch_add(1, Ordering::SeqCst) {
        0 => {
            sink(document(ProfileState::Preliminary, "first"))?;
            Err(io::Error::other("disk").into())
        }
        _ => whole(spec, progress, sink),
    });
    let (jobs, jane) = open(&world, profile).await;
    let key = send(&jobs, &jane, b"a zip").await;
    let put_off = async {
        while events(&jobs, &jane).await.last() != Some(&(ProfileUpdated, Accepted))
            || attempts.load(Ordering::SeqCst) == 0
        {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    jobs.run(put_off).await.unwrap();
    assert_eq!(newest(&jobs, &jane, key).await, Some((ProfileState::Preliminary, "first".to_owned())));
    assert_eq!(world.files("objects/results"), ["1/1.preliminary-1.json"]);
    world.clock.advance_ms(1_000);
    run_until_final(&jobs, jane.customer(), &[key]).await;
    assert_eq!(newest(&jobs, &jane, key).await, Some((ProfileState::Full, "a zip".to_owned())));
    assert_eq!(world.files("objects/results"), ["1/2.profile.json", "1/2.profile.state"]);
    let first = events(&jobs, &jane).await.into_iter().filter(|(name, _)| *name == PreliminaryProfile);
    assert_eq!(first.count(), 1, "it is there once, whatever crashes");
}

#[tokio::test]
async fn an_upload_that_cannot_be_read_fails_with_its_report() {
    let world = World::new();
    let refused = || EngineError::Refused(Refusal::new(RefusalCode::UnclosedQuote, "a.csv has a quote without end"));
    let (jobs, jane) = open(&world, Arc::new(move |_, _, _| Err(refused()))).await;
    let key = send(&jobs, &jane, b"a zip").await;
    run_until_final(&jobs, jane.customer(), &[key]).await;
    match jobs.profile(&jane, key).await.unwrap() {
        BatchProfile::Failed(report) => assert_eq!(report.code, "unclosedQuote"),
        other => panic!("not failed: {other:?}"),
    }
    assert_eq!(events(&jobs, &jane).await[2..], [(ProfileUpdated, Failed), (BatchFailed, Failed)]);
    assert!(world.files("objects/results").is_empty());
    assert_eq!(world.files("objects/uploads").len(), 1, "the upload is kept");
}

#[tokio::test]
async fn work_that_gives_no_full_profile_is_a_fault_of_ours() {
    let world = World::new();
    let clock = world.clock.clone();
    let profile: ProfileUpload = Arc::new(move |_, _, _| {
        clock.advance_ms(1_000_000);
        Ok(Vec::new())
    });
    let (jobs, jane) = open(&world, profile).await;
    let key = send(&jobs, &jane, b"a zip").await;
    let ticking = async {
        while !jobs.status(jane.customer(), key).await.unwrap().unwrap().state.is_final() {
            world.clock.advance_ms(100);
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    jobs.run(ticking).await.unwrap();
    match jobs.profile(&jane, key).await.unwrap() {
        BatchProfile::Failed(report) => {
            assert_eq!(report.code, "serviceFailed");
            assert!(report.message.starts_with("The upload could not be profiled because"), "{}", report.message);
        }
        other => panic!("not failed: {other:?}"),
    }
}

/// The first runner wakes up after the second has taken the upload over, and may name neither profile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runner_that_lost_its_lease_names_no_profile() {
    let world = World::new();
    let (stalled, wake) = (Arc::new(tokio::sync::Notify::new()), Arc::new(std::sync::Barrier::new(2)));
    let (telling, waiting) = (Arc::clone(&stalled), Arc::clone(&wake));
    let profile: ProfileUpload = Arc::new(move |_, _, sink| {
        telling.notify_one();
        waiting.wait();
        let ended = sink(document(ProfileState::Preliminary, "late"));
        assert!(matches!(ended, Err(EngineError::Cancelled)), "{ended:?}");
        sink(document(ProfileState::Full, "late"))?;
        Ok(Vec::new())
    });
    let lease = |options: JobsOptions| JobsOptions { lease_ms: 1_000_000_000, ..options };
    let slow = Jobs::open(lease(JobsOptions { profile, ..world.options() })).await.unwrap();
    let jane = add_user(&slow, "jane", "valen").await;
    let key = send(&slow, &jane, b"a zip").await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn({
        let slow = slow.clone();
        async move { slow.run(async { drop(stopped.await) }).await }
    });
    stalled.notified().await;
    world.clock.advance_ms(2_000_000_000);
    let profile = profiles(&world, &["in time"]);
    let fast = Jobs::open(lease(JobsOptions { profile, ..world.options() })).await.unwrap();
    run_until_final(&fast, jane.customer(), &[key]).await;
    tokio::task::spawn_blocking(move || wake.wait()).await.unwrap();
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
    assert_eq!(newest(&slow, &jane, key).await, Some((ProfileState::Full, "a zip".to_owned())));
    assert_eq!(world.files("objects/results"), ["1/2.profile.json", "1/2.profile.state"]);
    let ends = events(&fast, &jane).await.into_iter().filter(|(name, _)| *name == BatchFinished);
    assert_eq!(ends.count(), 1);
}

#[tokio::test]
async fn a_profile_is_its_customers_and_needs_the_right() {
    let world = World::new();
    let (jobs, jane) = open(&world, profiles(&world, &[])).await;
    let joe = add_user(&jobs, "joe", "acme").await;
    let key = send(&jobs, &jane, b"a zip").await;
    let batch = submit(&jobs, &jane, request(), b"a zip").await.unwrap().key();
    run_until_final(&jobs, jane.customer(), &[key, batch]).await;
    for (caller, key) in [(&joe, key), (&jane, batch), (&jane, BatchKey::random())] {
        assert!(matches!(jobs.profile(caller, key).await.unwrap(), BatchProfile::Unknown));
    }
    assert!(jobs.profile_state(&joe, key).await.unwrap().is_none());
    // A profile is not handed out as results.
    let asked = BatchRequest::profile(None);
    let results = jobs.results(&jane, &asked.solution, &asked.submission, key).await.unwrap();
    assert!(matches!(results, BatchResults::Unknown), "{}", world::name(&results));
    let grants = vec!["insureright/scoring".parse().unwrap()];
    let other = Caller::new(User::new("jim".parse().unwrap(), jane.customer().clone(), grants));
    assert!(matches!(jobs.profile(&other, key).await, Err(Error::Forbidden)));
    let sent = submit(&jobs, &other, BatchRequest::profile(None), b"a zip").await;
    assert!(matches!(sent, Err(Error::Forbidden)));
}

#[tokio::test]
async fn a_key_is_for_one_upload_and_one_request() {
    let world = World::new();
    let (jobs, jane) = open(&world, profiles(&world, &[])).await;
    let key = send(&jobs, &jane, b"a zip").await;
    let again = submit(&jobs, &jane, BatchRequest::profile(Some(key)), b"a zip").await.unwrap();
    assert_eq!(again, bordereau_jobs::Accepted::Again(key));
    for (asked, upload) in [(BatchRequest::profile(Some(key)), b"other"), (world::keyed(key), b"other")] {
        assert!(matches!(submit(&jobs, &jane, asked, upload).await, Err(Error::Conflict)));
    }
    let version = Some("2".parse().unwrap());
    let asked = BatchRequest { version, ..BatchRequest::profile(None) };
    assert!(matches!(submit(&jobs, &jane, asked, b"a zip").await, Err(Error::Unknown)));
}

/// A zip of one file.
fn zipped(name: &str, text: &str) -> Vec<u8> {
    let mut member = Member::create(name, Packing::Stored, &std::env::temp_dir()).unwrap();
    member.append_bytes(text.as_bytes()).unwrap();
    let mut zip = Vec::new();
    write_zip(&mut zip, &[member]).unwrap();
    zip
}

async fn open_real(world: &World) -> (Jobs, Caller) {
    let real = JobsOptions::new(world.data(), Arc::clone(&world.options().catalog)).profile;
    open(world, real).await
}

#[tokio::test]
async fn a_real_upload_has_a_real_profile() {
    let rows: String = (1..=3_000).map(|n| format!("P{n},{}\n", n % 7)).collect();
    let upload = zipped("policy.csv", &format!("number,amount\n{rows}"));
    let mut made = Vec::new();
    for _ in 0..2 {
        let world = World::new();
        let (jobs, jane) = open_real(&world).await;
        let key = send(&jobs, &jane, &upload).await;
        run_until_final(&jobs, jane.customer(), &[key]).await;
        let BatchProfile::Ready { state: ProfileState::Full, file } = jobs.profile(&jane, key).await.unwrap() else {
            panic!("no full profile");
        };
        let mut document: Profile = serde_json::from_slice(&bytes(file).await).unwrap();
        assert_eq!((document.relations[0].name.as_str(), document.relations[0].rows), ("policy", 3_000));
        assert_eq!(document.upload.name, "upload.zip");
        let first = events(&jobs, &jane).await.into_iter().filter(|(name, _)| *name == PreliminaryProfile);
        assert_eq!(first.count(), 1);
        document.timings = None;
        let state = bytes(jobs.profile_state(&jane, key).await.unwrap().unwrap()).await;
        assert!(state.starts_with(b"BDPROF"), "the state has its own form");
        made.push((document, state));
    }
    assert!(made[0] == made[1], "the same upload has the same profile and state");
}

#[tokio::test]
async fn a_real_upload_that_cannot_be_read_is_refused() {
    let world = World::new();
    let (jobs, jane) = open_real(&world).await;
    let key = send(&jobs, &jane, &zipped("policy.csv", "number,number\nP1,1\n")).await;
    run_until_final(&jobs, jane.customer(), &[key]).await;
    match jobs.profile(&jane, key).await.unwrap() {
        BatchProfile::Failed(report) => assert_eq!(report.code, "duplicateColumn"),
        other => panic!("not failed: {other:?}"),
    }
}

/// Cancelled while it gives its first profile: the attempt comes to nothing and the upload back in line.
#[tokio::test]
async fn a_shutdown_ends_a_real_pass() {
    let world = World::new();
    let real = JobsOptions::new(world.data(), Arc::clone(&world.options().catalog)).profile;
    let begun = Arc::new(tokio::sync::Notify::new());
    let telling = Arc::clone(&begun);
    let profile: ProfileUpload = Arc::new(move |spec, progress, sink| {
        real(spec, progress, &mut |profile| {
            telling.notify_one();
            while progress.check().is_ok() {
                std::thread::yield_now();
            }
            sink(profile)
        })?;
        progress.check()?;
        Ok(Vec::new())
    });
    let (jobs, jane) = open(&world, profile).await;
    send(&jobs, &jane, &zipped("policy.csv", "number\nP1\n")).await;
    jobs.run(begun.notified()).await.unwrap();
    assert_eq!(events(&jobs, &jane).await.last(), Some(&(ProfileUpdated, Accepted)));
}

#[tokio::test]
async fn a_cancelled_profile_keeps_what_was_there_until_it_is_deleted() {
    let world = World::new();
    let begun = Arc::new(tokio::sync::Semaphore::new(0));
    let telling = Arc::clone(&begun);
    let profile: ProfileUpload = Arc::new(move |_, progress, sink| {
        sink(document(ProfileState::Preliminary, "first"))?;
        telling.add_permits(1);
        loop {
            progress.check()?;
            std::thread::yield_now();
        }
    });
    let (jobs, jane) = open(&world, profile).await;
    let key = send(&jobs, &jane, b"a zip").await;
    let waiting = send(&jobs, &jane, b"another zip").await;
    jobs.cancel(&jane, waiting).await.unwrap();
    let running = tokio::spawn({
        let (jobs, jane) = (jobs.clone(), jane.clone());
        async move { run_until_final(&jobs, jane.customer(), &[key]).await }
    });
    begun.acquire().await.unwrap().forget();
    jobs.cancel(&jane, key).await.unwrap();
    running.await.unwrap();
    assert_eq!(newest(&jobs, &jane, key).await, Some((ProfileState::Preliminary, "first".to_owned())));
    assert!(matches!(jobs.profile(&jane, waiting).await.unwrap(), BatchProfile::Ended(BatchState::Cancelled)));
    jobs.delete(&jane, key).await.unwrap();
    assert!(matches!(jobs.profile(&jane, key).await.unwrap(), BatchProfile::Ended(BatchState::Deleted)));
    assert!(world.files("objects/results").is_empty());
}
