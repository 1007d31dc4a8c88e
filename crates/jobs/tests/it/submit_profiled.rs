//! Uploads that are profiled and submitted under one key.

use std::sync::Arc;

use bordereau_base::ids::BatchKey;
use bordereau_base::refusal::{Refusal, RefusalCode};
use bordereau_base::state::BatchState;
use bordereau_engine::Error as EngineError;
use bordereau_engine::batch::ResultFormat;
use bordereau_engine::release::manifest::Explanations;
use bordereau_jobs::{
    Accepted, BatchProfile, BatchRequest, Caller, Cancelling, Error, Event, EventName, Jobs, JobsOptions, ListRequest,
    ProfileUpload, User,
};
use bordereau_profile::document::ProfileState;

use crate::profiles::{document, newest, open, profiles, send};
use crate::world::{World, add_user, fetch, keyed, request, run_until_final, submit};

/// Runs until neither the batch nor the profile of any key changes any more.
pub async fn run_both(jobs: &Jobs, caller: &Caller, keys: &[BatchKey]) {
    let ended = async {
        for key in keys {
            while !jobs.status(caller.customer(), *key).await.unwrap().unwrap().state.is_final()
                || !profile_ended(jobs, caller, *key).await
            {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        }
    };
    jobs.run(ended).await.unwrap();
}

async fn profile_ended(jobs: &Jobs, caller: &Caller, key: BatchKey) -> bool {
    match jobs.profile(caller, key).await.unwrap() {
        BatchProfile::Ready { state, .. } => state == ProfileState::Full,
        BatchProfile::Pending(_) | BatchProfile::Unknown => false,
        BatchProfile::Failed(_) | BatchProfile::Ended(_) => true,
    }
}

async fn log(jobs: &Jobs, caller: &Caller) -> Vec<Event> {
    let events = jobs.events(caller.customer(), 0).await.unwrap();
    let sequences: Vec<u64> = events.iter().map(|event| event.sequence).collect();
    assert_eq!(sequences, (1..=events.len() as u64).collect::<Vec<_>>(), "no holes");
    events
}

/// The states of the batch and those of the profile of a key.
async fn states(jobs: &Jobs, caller: &Caller, key: BatchKey) -> [Vec<&'static str>; 2] {
    let events = log(jobs, caller).await;
    let of = |submission: &str| {
        let changes = events.iter().filter(|event| event.name == EventName::ProfileUpdated);
        let its = changes.filter_map(|event| event.batch()).filter(|batch| batch.key == key);
        its.filter(|batch| batch.submission.as_str() == submission).map(|batch| batch.state.as_str()).collect()
    };
    [of("scoring"), of("profile")]
}

fn with_grants(caller: &Caller, grants: &[&str]) -> Caller {
    let grants = grants.iter().map(|grant| grant.parse().unwrap()).collect();
    Caller::new(User::new(caller.name().clone(), caller.customer().clone(), grants))
}

/// Works until it is cancelled.
fn endless() -> ProfileUpload {
    Arc::new(|_, progress, sink| {
        sink(document(ProfileState::Preliminary, "first"))?;
        loop {
            progress.check()?;
            std::thread::yield_now();
        }
    })
}

#[tokio::test]
async fn a_profiled_upload_is_submitted_without_sending_it_again() {
    let world = World::new();
    let (jobs, jane) = open(&world, profiles(&world, &[])).await;
    let key = send(&jobs, &jane, b"a zip").await;
    run_both(&jobs, &jane, &[key]).await;
    for expected in [Accepted::New(key), Accepted::Again(key), Accepted::Again(key)] {
        assert_eq!(jobs.submit_profiled(&jane, &keyed(key)).await.unwrap(), expected);
    }
    assert_eq!(jobs.status(jane.customer(), key).await.unwrap().unwrap().solution.as_str(), "insureright");
    run_both(&jobs, &jane, &[key]).await;
    assert_eq!(fetch(&jobs, &jane, key).await.unwrap(), b"results by 1.0.0 of a zip");
    assert_eq!(newest(&jobs, &jane, key).await, Some((ProfileState::Full, "a zip".to_owned())));
    let whole = vec!["accepted", "running", "finished"];
    assert_eq!(states(&jobs, &jane, key).await, [whole.clone(), whole]);
    assert_eq!(world.files("objects/uploads").len(), 1, "both name the same file");
    let history = jobs.batch(&jane, key).await.unwrap();
    let seen: Vec<BatchState> = history.states.iter().map(|(state, _)| *state).collect();
    assert_eq!(seen, [BatchState::Accepted, BatchState::Running, BatchState::Finished]);
    assert_eq!(history.status.submission.as_str(), "scoring");
}

/// Before it was taken up, and after: the batch does not wait for the profile.
#[tokio::test]
async fn an_upload_may_be_submitted_while_it_is_profiled() {
    let world = World::new();
    let batches_at_once = 3.try_into().unwrap();
    let jobs = Jobs::open(JobsOptions { profile: endless(), batches_at_once, ..world.options() }).await.unwrap();
    let jane = add_user(&jobs, "jane", "valen").await;
    let (early, late) = (send(&jobs, &jane, b"early").await, send(&jobs, &jane, b"late").await);
    jobs.submit_profiled(&jane, &keyed(early)).await.unwrap();
    let both = async {
        while newest(&jobs, &jane, late).await.is_none() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        jobs.submit_profiled(&jane, &keyed(late)).await.unwrap();
        for key in [early, late] {
            while fetched(&jobs, &jane, key).await.is_none() {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        }
    };
    jobs.run(both).await.unwrap();
    for (key, upload) in [(early, "early"), (late, "late")] {
        assert_eq!(fetched(&jobs, &jane, key).await.unwrap(), format!("results by 1.0.0 of {upload}").as_bytes());
        assert_eq!(newest(&jobs, &jane, key).await, Some((ProfileState::Preliminary, "first".to_owned())));
    }
}

async fn fetched(jobs: &Jobs, caller: &Caller, key: BatchKey) -> Option<Vec<u8>> {
    let state = jobs.status(caller.customer(), key).await.unwrap().unwrap().state;
    if state == BatchState::Finished { fetch(jobs, caller, key).await.ok() } else { None }
}

#[tokio::test]
async fn a_key_has_one_batch_of_one_request() {
    let world = World::new();
    let (jobs, jane) = open(&world, profiles(&world, &[])).await;
    let key = send(&jobs, &jane, b"a zip").await;
    jobs.submit_profiled(&jane, &keyed(key)).await.unwrap();
    for other in [
        BatchRequest { submission: "quick".parse().unwrap(), ..keyed(key) },
        BatchRequest { version: Some("1.0.0".parse().unwrap()), ..keyed(key) },
        BatchRequest { format: ResultFormat::Parquet, ..keyed(key) },
        BatchRequest { explanations: Some(Explanations::All), ..keyed(key) },
    ] {
        let refused = jobs.submit_profiled(&jane, &other).await;
        assert!(matches!(refused, Err(Error::Conflict)), "{other:?}: {refused:?}");
    }
    // The same upload sent again is the same batch, and the release that is active meanwhile changes nothing.
    world.clock.advance_ms(7_200_000);
    assert_eq!(submit(&jobs, &jane, keyed(key), b"a zip").await.unwrap(), Accepted::Again(key));
    assert_eq!(jobs.submit_profiled(&jane, &keyed(key)).await.unwrap(), Accepted::Again(key));
    assert!(matches!(submit(&jobs, &jane, keyed(key), b"other").await, Err(Error::Conflict)));
    run_both(&jobs, &jane, &[key]).await;
    assert_eq!(fetch(&jobs, &jane, key).await.unwrap(), b"results by 1.0.0 of a zip");
    assert_eq!(world.files("objects/uploads").len(), 1);
}

#[tokio::test]
async fn promise_2_of_many_submissions_at_once_one_becomes_the_batch() {
    let world = World::new();
    let (jobs, jane) = open(&world, profiles(&world, &[])).await;
    let other = world.open().await;
    let key = send(&jobs, &jane, b"a zip").await;
    let quick = BatchRequest { submission: "quick".parse().unwrap(), ..keyed(key) };
    let (scoring, jane) = (keyed(key), &jane);
    let asked = (0..16).map(|at| {
        let (jobs, asked) = (if at % 4 < 2 { &jobs } else { &other }, if at % 2 == 0 { &scoring } else { &quick });
        async move { jobs.submit_profiled(jane, asked).await }
    });
    let answers = futures::future::join_all(asked).await;
    let count = |wanted: &dyn Fn(&Result<Accepted, Error>) -> bool| answers.iter().filter(|one| wanted(one)).count();
    assert_eq!(count(&|one| matches!(one, Ok(Accepted::New(_)))), 1);
    assert_eq!(count(&|one| matches!(one, Ok(Accepted::Again(_)))), 7);
    assert_eq!(count(&|one| matches!(one, Err(Error::Conflict))), 8);
}

/// An upload that is sent twice under one key, to a solution and to be profiled, in either order.
#[tokio::test]
async fn promise_2_the_same_upload_may_be_sent_under_the_key_of_its_profile_and_the_other_way_round() {
    let world = World::new();
    let (jobs, jane) = open(&world, profiles(&world, &[])).await;
    let [first, second] = [BatchKey::random(), BatchKey::random()];
    for (key, profile_first) in [(first, true), (second, false)] {
        let mut both = [BatchRequest::profile(Some(key)), keyed(key)];
        if !profile_first {
            both.reverse();
        }
        let [one, other] = both;
        assert_eq!(submit(&jobs, &jane, one.clone(), b"a zip").await.unwrap(), Accepted::New(key));
        assert!(matches!(submit(&jobs, &jane, other.clone(), b"other").await, Err(Error::Conflict)));
        assert_eq!(submit(&jobs, &jane, other.clone(), b"a zip").await.unwrap(), Accepted::New(key));
        for again in [one, other] {
            assert_eq!(submit(&jobs, &jane, again, b"a zip").await.unwrap(), Accepted::Again(key));
        }
        assert_eq!(jobs.submit_profiled(&jane, &keyed(key)).await.unwrap(), Accepted::Again(key));
    }
    assert!(world.files("incoming").is_empty());
    run_both(&jobs, &jane, &[first, second]).await;
    for key in [first, second] {
        assert_eq!(fetch(&jobs, &jane, key).await.unwrap(), b"results by 1.0.0 of a zip");
        assert_eq!(newest(&jobs, &jane, key).await, Some((ProfileState::Full, "a zip".to_owned())));
        jobs.delete(&jane, key).await.unwrap();
    }
    assert!(world.files("objects/uploads").is_empty() && world.files("objects/results").is_empty());
}

#[tokio::test]
async fn what_was_not_profiled_cannot_be_submitted() {
    let world = World::new();
    let refused = || EngineError::Refused(Refusal::new(RefusalCode::UnclosedQuote, "a.csv has a quote without end"));
    let (jobs, jane) = open(&world, Arc::new(move |_, _, _| Err(refused()))).await;
    let joe = add_user(&jobs, "joe", "acme").await;
    let failed = send(&jobs, &jane, b"a zip").await;
    run_until_final(&jobs, jane.customer(), &[failed]).await;
    let cancelled = send(&jobs, &jane, b"a zip").await;
    jobs.cancel(&jane, cancelled).await.unwrap();
    let deleted = send(&jobs, &jane, b"a zip").await;
    jobs.cancel(&jane, deleted).await.unwrap();
    jobs.delete(&jane, deleted).await.unwrap();
    let batch = submit(&jobs, &jane, request(), b"a zip").await.unwrap().key();
    let waiting = send(&jobs, &jane, b"a zip").await;
    for (caller, key) in [
        (&jane, BatchKey::random()),
        (&jane, failed),
        (&jane, cancelled),
        (&jane, deleted),
        (&jane, batch),
        (&joe, waiting),
    ] {
        let refused = jobs.submit_profiled(caller, &keyed(key)).await;
        assert!(matches!(refused, Err(Error::Unknown)), "{refused:?}");
    }
    for asked in [
        BatchRequest::profile(Some(waiting)),
        BatchRequest { solution: "nothing".parse().unwrap(), ..keyed(waiting) },
        BatchRequest { submission: "nothing".parse().unwrap(), ..keyed(waiting) },
        BatchRequest { version: Some("9.9.9".parse().unwrap()), ..keyed(waiting) },
        request(),
    ] {
        let refused = jobs.submit_profiled(&jane, &asked).await;
        assert!(matches!(refused, Err(Error::Unknown)), "{asked:?}: {refused:?}");
    }
    // A key that was deleted means nothing else, whoever sends what.
    assert!(matches!(submit(&jobs, &jane, keyed(deleted), b"a zip").await, Err(Error::Conflict)));
    // The upload of a profile that came to nothing may be sent again, under its key too.
    assert_eq!(submit(&jobs, &jane, keyed(failed), b"a zip").await.unwrap(), Accepted::New(failed));
    assert_eq!(jobs.submit_profiled(&jane, &keyed(failed)).await.unwrap(), Accepted::Again(failed));
}

#[tokio::test]
async fn the_right_to_the_solution_is_enough_to_submit_and_deleting_needs_both() {
    let world = World::new();
    let (jobs, jane) = open(&world, endless()).await;
    let key = send(&jobs, &jane, b"a zip").await;
    let [scorer, profiler] = ["insureright/scoring", "unstructured/profile"].map(|grant| with_grants(&jane, &[grant]));
    assert!(matches!(jobs.submit_profiled(&profiler, &keyed(key)).await, Err(Error::Forbidden)));
    assert_eq!(jobs.submit_profiled(&scorer, &keyed(key)).await.unwrap(), Accepted::New(key));
    // The batch stands for the key now.
    assert!(jobs.batch(&scorer, key).await.is_ok());
    assert!(matches!(jobs.batch(&profiler, key).await, Err(Error::Forbidden)));
    assert!(matches!(jobs.profile(&profiler, key).await.unwrap(), BatchProfile::Pending(_)));
    assert_eq!(jobs.cancel(&scorer, key).await.unwrap(), Cancelling::Cancelled);
    assert_eq!(states(&jobs, &jane, key).await, [vec!["accepted", "cancelled"], vec!["accepted"]]);
    assert!(matches!(jobs.delete(&jane, key).await, Err(Error::NotEnded)));
    assert_eq!(jobs.cancel(&jane, key).await.unwrap(), Cancelling::Cancelled);
    assert_eq!(states(&jobs, &jane, key).await, [vec!["accepted", "cancelled"], vec!["accepted", "cancelled"]]);
    assert!(matches!(jobs.delete(&scorer, key).await, Err(Error::Forbidden)));
    jobs.delete(&jane, key).await.unwrap();
    // The same again had the same answer as long as there was a batch.
    assert!(matches!(jobs.submit_profiled(&scorer, &keyed(key)).await, Err(Error::Unknown)));
}

#[tokio::test]
async fn cancelling_stops_both_and_a_batch_outlives_its_profile() {
    let world = World::new();
    let (jobs, jane) = open(&world, endless()).await;
    let key = send(&jobs, &jane, b"a zip").await;
    let cancelling = async {
        while newest(&jobs, &jane, key).await.is_none() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        jobs.submit_profiled(&jane, &keyed(key)).await.unwrap();
        // The only place is taken by the profile, so the batch waits and the profile runs.
        assert_eq!(jobs.cancel(&jane, key).await.unwrap(), Cancelling::Stopping);
        assert_eq!(jobs.submit_profiled(&jane, &keyed(key)).await.unwrap(), Accepted::Again(key));
        while log(&jobs, &jane)
            .await
            .iter()
            .filter(|event| event.batch().unwrap().state == BatchState::Cancelled)
            .count()
            < 2
        {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    jobs.run(cancelling).await.unwrap();
    let [batch, profile] = states(&jobs, &jane, key).await;
    assert_eq!((batch, profile.last()), (vec!["accepted", "cancelled"], Some(&"cancelled")));
    assert_eq!(jobs.cancel(&jane, key).await.unwrap(), Cancelling::Ended(BatchState::Cancelled));
    assert_eq!(newest(&jobs, &jane, key).await, Some((ProfileState::Preliminary, "first".to_owned())));
}

#[tokio::test]
async fn deleting_removes_batch_profile_and_upload_and_uses_the_key_up() {
    let world = World::new();
    let (jobs, jane) = open(&world, profiles(&world, &[])).await;
    let key = send(&jobs, &jane, b"a zip").await;
    run_both(&jobs, &jane, &[key]).await;
    jobs.submit_profiled(&jane, &keyed(key)).await.unwrap();
    assert!(matches!(jobs.delete(&jane, key).await, Err(Error::NotEnded)), "the batch waits");
    run_both(&jobs, &jane, &[key]).await;
    assert_eq!((world.files("objects/uploads").len(), world.files("objects/results").len()), (1, 3));
    for _ in 0..2 {
        jobs.delete(&jane, key).await.unwrap();
    }
    assert!(world.files("objects/uploads").is_empty() && world.files("objects/results").is_empty());
    let whole = vec!["accepted", "running", "finished", "deleted"];
    assert_eq!(states(&jobs, &jane, key).await, [whole.clone(), whole]);
    for asked in [BatchRequest::profile(Some(key)), keyed(key)] {
        assert!(matches!(submit(&jobs, &jane, asked, b"a zip").await, Err(Error::Conflict)));
    }
    assert!(matches!(jobs.submit_profiled(&jane, &keyed(key)).await, Err(Error::Unknown)));
    assert!(jobs.list_batches(&jane, &ListRequest::default(), 9).await.unwrap().batches.is_empty());
}

/// The process that received the upload has ended. Its file stays as long as a row names it, and what a kill left of a
/// deletion goes.
#[tokio::test]
async fn a_shared_upload_is_swept_when_no_row_names_it() {
    let world = World::new();
    let (jobs, jane) = open(&world, profiles(&world, &[])).await;
    let key = send(&jobs, &jane, b"a zip").await;
    jobs.submit_profiled(&jane, &keyed(key)).await.unwrap();
    let upload = world.data().join("objects/uploads").join(&world.files("objects/uploads")[0]);
    drop(jobs);
    let again = || async {
        let profile = profiles(&world, &[]);
        Jobs::open(JobsOptions { profile, ..world.options() }).await.unwrap()
    };
    let jobs = again().await;
    run_both(&jobs, &jane, &[key]).await;
    assert_eq!(fetch(&jobs, &jane, key).await.unwrap(), b"results by 1.0.0 of a zip");
    assert!(upload.exists());
    jobs.delete(&jane, key).await.unwrap();
    std::fs::create_dir_all(upload.parent().unwrap()).unwrap();
    std::fs::write(&upload, b"left").unwrap();
    for id in ["1", "2"] {
        let results = world.data().join("objects/results").join(id);
        std::fs::create_dir_all(&results).unwrap();
        std::fs::write(results.join("left"), b"left").unwrap();
    }
    drop(jobs);
    again().await.run(async {}).await.unwrap();
    assert!(world.files("objects/uploads").is_empty() && world.files("objects/results").is_empty());
}

#[tokio::test]
async fn a_list_shows_one_for_each_key() {
    let world = World::new();
    let (jobs, jane) = open(&world, profiles(&world, &[])).await;
    let mut keys = Vec::new();
    for upload in [b"0", b"1", b"2", b"3"] {
        keys.push(send(&jobs, &jane, upload).await);
    }
    for key in [keys[0], keys[2]] {
        jobs.submit_profiled(&jane, &keyed(key)).await.unwrap();
    }
    for limit in [1, 2, 9] {
        let (mut listed, mut asked) = (Vec::new(), ListRequest::default());
        loop {
            let page = jobs.list_batches(&jane, &asked, limit).await.unwrap();
            listed.extend(page.batches.into_iter().map(|status| (status.key, status.submission.to_string())));
            asked.before = page.next;
            if asked.before.is_none() {
                break;
            }
        }
        let expected = [(2, "scoring"), (0, "scoring"), (3, "profile"), (1, "profile")];
        assert_eq!(listed, expected.map(|(at, submission)| (keys[at], submission.to_owned())));
    }
    let profiles = ListRequest { submission: Some("profile".parse().unwrap()), ..ListRequest::default() };
    assert_eq!(jobs.list_batches(&jane, &profiles, 9).await.unwrap().batches.len(), 2);
}

#[tokio::test]
async fn a_subscription_to_the_key_hears_of_both() {
    let world = World::new();
    let (jobs, jane) = open(&world, profiles(&world, &[])).await;
    let key = BatchKey::random();
    let filter = |text: &str| vec![format!("{text},batchKey,{key}").parse().unwrap()];
    let mut both = jobs.subscribe(&jane, filter("name,batchFinished"), None).await.unwrap();
    let mut batch = jobs.subscribe(&jane, filter("name,batchFinished,submission,scoring"), None).await.unwrap();
    submit(&jobs, &jane, BatchRequest::profile(Some(key)), b"a zip").await.unwrap();
    run_both(&jobs, &jane, &[key]).await;
    jobs.submit_profiled(&jane, &keyed(key)).await.unwrap();
    run_both(&jobs, &jane, &[key]).await;
    assert_eq!(both.next().await.unwrap().batch().unwrap().submission.as_str(), "profile");
    assert_eq!(both.next().await.unwrap().batch().unwrap().submission.as_str(), "scoring");
    assert_eq!(batch.next().await.unwrap().batch().unwrap().submission.as_str(), "scoring");
    // The present state has the newest of each name of both.
    let mut reset = jobs.subscribe(&jane, Vec::new(), Some("no cursor")).await.unwrap();
    let mut newest = Vec::new();
    while let Some(event) = reset.ready().await.unwrap() {
        newest.push((event.batch().unwrap().submission.to_string(), event.name));
    }
    let named = |submission: &str, name| (submission.to_owned(), name);
    assert_eq!(
        newest,
        [
            named("profile", EventName::PreliminaryProfile),
            named("profile", EventName::ProfileUpdated),
            named("profile", EventName::BatchFinished),
            named("scoring", EventName::ProfileUpdated),
            named("scoring", EventName::BatchFinished),
        ]
    );
}
