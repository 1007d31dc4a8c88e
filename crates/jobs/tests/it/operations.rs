//! Listing, cancelling and deleting batches.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bordereau_base::ids::BatchKey;
use bordereau_base::state::BatchState;
use bordereau_jobs::{Caller, Cancelling, Error, Grant, Jobs, JobsOptions, ListRequest, ScoreBatch, User};

use crate::world::{World, keyed, request, run_until_final, states, submit};

/// The keys of all pages of `limit`.
async fn listed(jobs: &Jobs, caller: &Caller, request: ListRequest, limit: u32) -> Vec<BatchKey> {
    let (mut keys, mut request) = (Vec::new(), request);
    loop {
        let page = jobs.list_batches(caller, &request, limit).await.unwrap();
        assert!(page.batches.len() <= limit as usize);
        keys.extend(page.batches.iter().map(|status| status.key));
        match page.next {
            Some(next) => request.before = Some(next),
            None => return keys,
        }
    }
}

#[tokio::test]
async fn batches_are_listed_newest_first_page_by_page_and_to_their_customer_only() {
    let world = World::new();
    let (jobs, jane, joe) = world.open_with_customers().await;
    let mut keys = Vec::new();
    for number in 0..7_u8 {
        submit(&jobs, &joe, request(), &[number]).await.unwrap();
        keys.push(submit(&jobs, &jane, request(), &[number]).await.unwrap().key());
    }
    run_until_final(&jobs, jane.customer(), &keys[..2]).await;
    keys.reverse();
    for limit in [1, 2, 3, 7, 500] {
        assert_eq!(listed(&jobs, &jane, ListRequest::default(), limit).await, keys);
    }
    let finished = ListRequest { state: Some(BatchState::Finished), ..ListRequest::default() };
    let done = listed(&jobs, &jane, finished, 3).await;
    assert!(done.len() >= 2 && keys.ends_with(&done));
    let other = ListRequest { solution: Some("ca".parse().unwrap()), ..ListRequest::default() };
    assert!(listed(&jobs, &jane, other, 3).await.is_empty());
    // Without a right to the solution there is nothing to see, and another customer's cursor is none.
    let clerk = with_grant(&jane, "ca/*");
    assert!(listed(&jobs, &clerk, ListRequest::default(), 3).await.is_empty());
    let foreign = ListRequest { before: Some(keys[0]), ..ListRequest::default() };
    assert!(listed(&jobs, &joe, foreign, 3).await.is_empty());
}

fn with_grant(caller: &Caller, grant: &str) -> Caller {
    let grants = vec![grant.parse::<Grant>().unwrap()];
    Caller::new(User::new(caller.name().clone(), caller.customer().clone(), grants))
}

#[tokio::test]
async fn a_batch_that_waits_is_cancelled_at_once_and_never_runs() {
    let world = World::new();
    let (jobs, jane, joe) = world.open_with_customers().await;
    let key = submit(&jobs, &jane, request(), b"a book").await.unwrap().key();
    assert!(matches!(jobs.cancel(&joe, key).await, Err(Error::Unknown)));
    assert!(matches!(jobs.cancel(&with_grant(&jane, "ca/*"), key).await, Err(Error::Forbidden)));
    assert_eq!(jobs.cancel(&jane, key).await.unwrap(), Cancelling::Cancelled);
    assert_eq!(jobs.cancel(&jane, key).await.unwrap(), Cancelling::Ended(BatchState::Cancelled));
    let other = submit(&jobs, &jane, request(), b"another").await.unwrap().key();
    run_until_final(&jobs, jane.customer(), &[key, other]).await;
    assert_eq!(states(&jobs, jane.customer(), key).await, ["accepted", "cancelled"]);
    let history = jobs.batch(&jane, key).await.unwrap();
    let of_history: Vec<_> = history.states.iter().map(|(state, _)| *state).collect();
    assert_eq!(of_history, [BatchState::Accepted, BatchState::Cancelled]);
}

#[tokio::test]
async fn a_batch_that_runs_stops_and_is_not_taken_up_again() {
    let began = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&began);
    let score: ScoreBatch = Arc::new(move |_, _, progress, _| {
        told.store(true, Ordering::SeqCst);
        loop {
            progress.check()?;
            std::thread::yield_now();
        }
    });
    let world = World::new();
    let (_, jane, _) = world.open_with_customers().await;
    let jobs = Jobs::open(JobsOptions { score, ..world.options() }).await.unwrap();
    let other = world.open().await;
    // Once by the process that runs it, once by another.
    for canceller in [&jobs, &other] {
        let key = submit(&jobs, &jane, request(), b"a book").await.unwrap().key();
        let cancelling = async {
            while !began.swap(false, Ordering::SeqCst) {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
            assert_eq!(canceller.cancel(&jane, key).await.unwrap(), Cancelling::Stopping);
        };
        let keys = [key];
        tokio::join!(run_until_final(&jobs, jane.customer(), &keys), cancelling);
        assert_eq!(states(&jobs, jane.customer(), key).await, ["accepted", "running", "cancelled"]);
    }
}

#[tokio::test]
async fn a_deleted_batch_leaves_its_key_and_nothing_else() {
    let world = World::new();
    let (jobs, jane, joe) = world.open_with_customers().await;
    let key = BatchKey::random();
    submit(&jobs, &jane, keyed(key), b"a book").await.unwrap();
    assert!(matches!(jobs.delete(&jane, key).await, Err(Error::NotEnded)));
    run_until_final(&jobs, jane.customer(), &[key]).await;
    assert_eq!((world.files("objects/uploads").len(), world.files("objects/results").len()), (1, 1));
    assert!(matches!(jobs.delete(&joe, key).await, Err(Error::Unknown)));
    for _ in 0..2 {
        jobs.delete(&jane, key).await.unwrap();
    }
    assert!(world.files("objects/uploads").is_empty() && world.files("objects/results").is_empty());
    assert!(jobs.list_batches(&jane, &ListRequest::default(), 9).await.unwrap().batches.is_empty());
    assert_eq!(jobs.batch(&jane, key).await.unwrap().status.state, BatchState::Deleted);
    assert!(matches!(submit(&jobs, &jane, keyed(key), b"a book").await, Err(Error::Conflict)));
    assert_eq!(states(&jobs, jane.customer(), key).await, ["accepted", "running", "finished", "deleted"]);
}

/// The row says deleted and the files are there, as a kill between the two leaves it.
#[tokio::test]
async fn what_a_kill_left_of_a_deleted_batch_is_swept() {
    let world = World::new();
    let (jobs, jane, _) = world.open_with_customers().await;
    let key = submit(&jobs, &jane, request(), b"a book").await.unwrap().key();
    run_until_final(&jobs, jane.customer(), &[key]).await;
    let results = world.files("objects/results").remove(0);
    jobs.delete(&jane, key).await.unwrap();
    let left = world.data().join("objects/results").join(&results);
    std::fs::create_dir_all(left.parent().unwrap()).unwrap();
    std::fs::write(&left, b"left").unwrap();
    drop(jobs);
    world.open().await.run(async {}).await.unwrap();
    assert!(world.files("objects/results").is_empty());
}
