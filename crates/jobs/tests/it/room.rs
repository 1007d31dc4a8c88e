//! A disk that fills up: uploads are refused in time, and batches wait without losing an attempt.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bordereau_jobs::{Error, Jobs, JobsOptions, ScoreBatch};

use crate::world::{self, World, add_user, fetch, request, run_until_final, submit};

#[tokio::test]
async fn uploads_are_refused_before_the_disk_is_full_and_taken_when_there_is_room_again() {
    let world = World::new();
    let free = Arc::new(AtomicU64::new(1_000));
    let told = Arc::clone(&free);
    let options = JobsOptions {
        disk_free_bytes_min: 1_000,
        free_bytes: Arc::new(move |_| Ok(told.load(Ordering::SeqCst))),
        ..world.options()
    };
    let jobs = Jobs::open(options).await.unwrap();
    let jane = add_user(&jobs, "jane", "valen").await;
    let first = submit(&jobs, &jane, request(), b"a zip").await.unwrap().key();
    assert_eq!(jobs.unready().await, None);

    free.store(999, Ordering::SeqCst);
    assert!(matches!(submit(&jobs, &jane, request(), b"another").await, Err(Error::Full)));
    assert_eq!(jobs.unready().await, Some("the disk has too little room left"));
    assert_eq!(jobs.measures().await.unwrap().free_bytes, 999);
    assert!(world.files("incoming").is_empty());
    // What was accepted still has room.
    run_until_final(&jobs, jane.customer(), &[first]).await;

    // It fills up while an upload comes in.
    free.store(1_000, Ordering::SeqCst);
    let mut receiver = jobs.begin_upload(&jane, request()).await.unwrap();
    free.store(500, Ordering::SeqCst);
    receiver.write(bytes::Bytes::from_static(b"a zip")).await.unwrap();
    assert!(matches!(receiver.finish().await, Err(Error::Full)));

    free.store(1_000, Ordering::SeqCst);
    let second = submit(&jobs, &jane, request(), b"a second").await.unwrap().key();
    // Below half no batch is taken up.
    free.store(499, Ordering::SeqCst);
    jobs.run(tokio::time::sleep(Duration::from_millis(30))).await.unwrap();
    assert_eq!(jobs.status(jane.customer(), second).await.unwrap().unwrap().attempt, 0);
    free.store(500, Ordering::SeqCst);
    run_until_final(&jobs, jane.customer(), &[second]).await;
}

/// As many attempts as would fail a batch for good, had they been counted.
#[tokio::test]
async fn a_batch_that_finds_the_disk_full_waits_and_loses_no_attempt() {
    let world = World::new();
    let attempts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&attempts);
    let score: ScoreBatch =
        Arc::new(move |spec, options, progress, out| match counted.fetch_add(1, Ordering::SeqCst) {
            0..10 => Err(io::Error::from(io::ErrorKind::StorageFull).into()),
            _ => world::score(spec, options, progress, out),
        });
    let jobs = Jobs::open(JobsOptions { score, ..world.options() }).await.unwrap();
    let jane = add_user(&jobs, "jane", "valen").await;
    let key = submit(&jobs, &jane, request(), b"a zip").await.unwrap().key();
    let once = async {
        while attempts.load(Ordering::SeqCst) < 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        world.clock.advance_ms(4_900);
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    jobs.run(once).await.unwrap();
    assert_eq!(attempts.load(Ordering::SeqCst), 1, "not before its wait is over");
    let ticking = async {
        while !jobs.status(jane.customer(), key).await.unwrap().unwrap().state.is_final() {
            world.clock.advance_ms(1_000);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    jobs.run(ticking).await.unwrap();
    assert_eq!(fetch(&jobs, &jane, key).await.unwrap(), b"results by 1.0.0 of a zip");
    assert_eq!(attempts.load(Ordering::SeqCst), 11);
}
