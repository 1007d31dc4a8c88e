use bordereau_base::ids::BatchKey;
use bordereau_engine::batch::ResultFormat;
use bordereau_engine::release::manifest::Explanations;
use bordereau_jobs::{Accepted, BatchRequest, Caller, Error, Grant, Jobs, User};
use bytes::Bytes;

use crate::world::{World, fetch, keyed, name, request, run_until_final, states, submit};

#[tokio::test]
async fn an_upload_becomes_an_accepted_batch_with_its_file_in_place() {
    let world = World::new();
    let (jobs, jane, _) = world.open_with_customers().await;
    let key = submit(&jobs, &jane, request(), b"a zip").await.unwrap().key();
    let status = jobs.status(jane.customer(), key).await.unwrap().unwrap();
    assert_eq!((status.state.as_str(), status.release.as_str()), ("accepted", "1.0.0"));
    assert_eq!(states(&jobs, jane.customer(), key).await, ["accepted"]);
    let placed = world.files("objects/uploads");
    assert_eq!(placed.len(), 1);
    assert_eq!(std::fs::read(world.data().join("objects/uploads").join(&placed[0])).unwrap(), b"a zip");
    assert!(world.files("incoming").is_empty());
}

#[tokio::test]
async fn promise_2_the_same_key_is_the_same_batch_for_the_same_request_and_bytes_only() {
    let world = World::new();
    let (jobs, jane, _) = world.open_with_customers().await;
    let key = BatchKey::random();
    assert_eq!(submit(&jobs, &jane, keyed(key), b"a zip").await.unwrap(), Accepted::New(key));
    assert_eq!(submit(&jobs, &jane, keyed(key), b"a zip").await.unwrap(), Accepted::Again(key));
    let others = [
        (keyed(key), &b"another zip"[..]),
        (BatchRequest { submission: "quick".parse().unwrap(), ..keyed(key) }, b"a zip"),
        (BatchRequest { version: Some("1.0.0".parse().unwrap()), ..keyed(key) }, b"a zip"),
        (BatchRequest { format: ResultFormat::Parquet, ..keyed(key) }, b"a zip"),
        (BatchRequest { explanations: Some(Explanations::Top(0)), ..keyed(key) }, b"a zip"),
    ];
    for (other, upload) in others {
        let refused = submit(&jobs, &jane, other.clone(), upload).await;
        assert!(matches!(refused, Err(Error::Conflict)), "{other:?}: {refused:?}");
    }
    assert_eq!(world.files("objects/uploads").len(), 1);
    assert_eq!(states(&jobs, jane.customer(), key).await, ["accepted"]);
    // The release that is active meanwhile is another one; the request is still the same.
    world.clock.advance_ms(7_200_000);
    assert_eq!(submit(&jobs, &jane, keyed(key), b"a zip").await.unwrap(), Accepted::Again(key));
}

#[tokio::test]
async fn promise_2_of_many_uploads_under_one_key_at_once_one_becomes_the_batch() {
    let world = World::new();
    let (jobs, jane, _) = world.open_with_customers().await;
    let key = BatchKey::random();
    let sent = futures::future::join_all((0..8).map(|_| submit(&jobs, &jane, keyed(key), b"a zip"))).await;
    let new = sent.iter().filter(|sent| matches!(sent, Ok(Accepted::New(_)))).count();
    assert_eq!((new, sent.iter().filter(|sent| sent.is_ok()).count()), (1, 8));
    assert_eq!(world.files("objects/uploads").len(), 1);
}

#[tokio::test]
async fn promise_8_customers_may_use_the_same_key_and_see_nothing_of_each_other() {
    let world = World::new();
    let (jobs, jane, joe) = world.open_with_customers().await;
    let key = BatchKey::random();
    submit(&jobs, &jane, keyed(key), b"jane's zip").await.unwrap();
    let asked = request();
    let seen = jobs.results(&joe, &asked.solution, &asked.submission, key).await.unwrap();
    assert_eq!(name(&seen), "unknown");
    assert!(jobs.status(joe.customer(), key).await.unwrap().is_none());
    assert_eq!(submit(&jobs, &joe, keyed(key), b"joe's zip").await.unwrap(), Accepted::New(key));
    run_until_final(&jobs, jane.customer(), &[key]).await;
    run_until_final(&jobs, joe.customer(), &[key]).await;
    assert_eq!(fetch(&jobs, &jane, key).await.unwrap(), b"results by 1.0.0 of jane's zip");
    assert_eq!(fetch(&jobs, &joe, key).await.unwrap(), b"results by 1.0.0 of joe's zip");
}

#[tokio::test]
async fn results_are_found_under_their_solution_and_submission_only() {
    let world = World::new();
    let (jobs, jane, _) = world.open_with_customers().await;
    let key = submit(&jobs, &jane, request(), b"a zip").await.unwrap().key();
    for (solution, submission, expected) in
        [("insureright", "scoring", "pending"), ("insureright", "quick", "unknown"), ("ca", "scoring", "unknown")]
    {
        let found = jobs.results(&jane, &solution.parse().unwrap(), &submission.parse().unwrap(), key).await.unwrap();
        assert_eq!(name(&found), expected, "{solution}/{submission}");
    }
}

#[tokio::test]
async fn rights_are_asked_before_knowledge() {
    let world = World::new();
    let (jobs, ..) = world.open_with_customers().await;
    let user = |grants: &[&str]| {
        let grants = grants.iter().map(|grant| grant.parse().unwrap()).collect::<Vec<Grant>>();
        Caller::new(User::new("jane".parse().unwrap(), "valen".parse().unwrap(), grants))
    };
    for (grants, solution, submission, version, expected) in [
        (&[][..], "insureright", "scoring", None, "forbidden"),
        (&["ca/*"], "insureright", "scoring", None, "forbidden"),
        (&["ca/*"], "nothing", "scoring", None, "forbidden"),
        (&["*/quick"], "insureright", "scoring", None, "forbidden"),
        (&["ca/*", "insureright/scoring"], "insureright", "scoring", None, "received"),
        (&["*/*"], "insureright", "scoring", Some("1.1.0"), "received"),
        (&["*/*"], "insureright", "scoring", Some("1.2.0"), "unknown"),
        (&["*/*"], "insureright", "nothing", None, "unknown"),
        (&["*/*"], "nothing", "scoring", None, "unknown"),
    ] {
        let request = BatchRequest {
            solution: solution.parse().unwrap(),
            submission: submission.parse().unwrap(),
            version: version.map(|version| version.parse().unwrap()),
            ..request()
        };
        let begun = match jobs.begin_upload(&user(grants), request.clone()).await {
            Ok(_) => "received",
            Err(Error::Forbidden) => "forbidden",
            Err(Error::Unknown) => "unknown",
            Err(other) => panic!("{other}"),
        };
        assert_eq!(begun, expected, "{grants:?} {request:?}");
        let asked = jobs.results(&user(grants), &request.solution, &request.submission, BatchKey::random()).await;
        assert_eq!(matches!(asked, Err(Error::Forbidden)), expected == "forbidden", "{grants:?} {request:?}");
    }
}

#[tokio::test]
async fn promise_5_the_release_is_pinned_when_the_upload_is_accepted() {
    let world = World::new();
    let (jobs, jane, _) = world.open_with_customers().await;
    let before = submit(&jobs, &jane, request(), b"a zip").await.unwrap().key();
    let future = BatchRequest { version: Some("1.1.0".parse().unwrap()), ..request() };
    let future = submit(&jobs, &jane, future, b"a zip").await.unwrap().key();
    world.clock.advance_ms(7_200_000);
    let after = submit(&jobs, &jane, request(), b"a zip").await.unwrap().key();
    run_until_final(&jobs, jane.customer(), &[before, future, after]).await;
    for (key, version) in [(before, "1.0.0"), (future, "1.1.0"), (after, "1.1.0")] {
        let expected = format!("results by {version} of a zip");
        assert_eq!(fetch(&jobs, &jane, key).await.unwrap(), expected.as_bytes());
    }
}

#[tokio::test]
async fn what_is_refused_or_broken_off_leaves_nothing() {
    let world = World::new();
    let (jobs, jane, _) = world.open_with_customers().await;
    let refused = submit(&jobs, &jane, request(), b"bad zip").await;
    let Err(Error::Refused(refusal)) = refused else { panic!("{refused:?}") };
    assert_eq!(refusal.message, "error opening zipfile zipfile could not be opened");
    let mut receiver = jobs.begin_upload(&jane, request()).await.unwrap();
    receiver.write(Bytes::from(vec![0; 3 << 20])).await.unwrap();
    assert_eq!(world.files("incoming").len(), 1);
    drop(receiver);
    assert!(world.files("incoming").is_empty());
    assert!(world.files("objects").is_empty());
}

/// The row cannot be written: here because the customer went meanwhile.
#[tokio::test]
async fn promise_1_an_upload_whose_row_cannot_be_written_leaves_nothing() {
    let world = World::new();
    let (jobs, ..) = world.open_with_customers().await;
    let (name, customer) = ("jim".parse().unwrap(), "gone".parse().unwrap());
    let jim = Caller::new(User::new(name, customer, vec![Grant::ALL]));
    let refused = submit(&jobs, &jim, request(), b"a zip").await;
    assert!(matches!(refused, Err(Error::Store(_))), "{refused:?}");
    assert!(world.files("incoming").is_empty());
    assert!(world.files("objects").is_empty());
}

#[tokio::test]
async fn promise_7_an_upload_over_the_cap_is_stopped_at_the_cap() {
    let world = World::new();
    let mut options = world.options();
    options.limits.upload_bytes_max = 10;
    let jobs = Jobs::open(options).await.unwrap();
    let jane = crate::world::add_user(&jobs, "jane", "valen").await;
    submit(&jobs, &jane, request(), &[0; 10]).await.unwrap();
    let mut receiver = jobs.begin_upload(&jane, request()).await.unwrap();
    receiver.write(Bytes::from_static(&[0; 10])).await.unwrap();
    let refused = receiver.write(Bytes::from_static(&[0])).await;
    assert!(matches!(refused, Err(Error::TooLarge { upload_bytes_max: 10 })));
    assert!(receiver.finish().await.is_err(), "what was cut off is never accepted");
    assert!(world.files("incoming").is_empty());
}

#[tokio::test]
async fn no_more_uploads_at_once_than_allowed() {
    let world = World::new();
    let jobs = Jobs::open(bordereau_jobs::JobsOptions { uploads_at_once: 1, ..world.options() }).await.unwrap();
    let jane = crate::world::add_user(&jobs, "jane", "valen").await;
    let first = jobs.begin_upload(&jane, request()).await.unwrap();
    assert!(matches!(jobs.begin_upload(&jane, request()).await, Err(Error::Busy("uploads"))));
    first.finish().await.unwrap();
    assert!(jobs.begin_upload(&jane, request()).await.is_ok());
}
