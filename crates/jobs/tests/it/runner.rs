use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use bordereau_base::refusal::{Refusal, RefusalCode};
use bordereau_engine::Error as EngineError;
use bordereau_jobs::{Caller, Fault, Jobs, JobsOptions, ScoreBatch};

use crate::world::{self, World, add_user, catalog, fetch, request, run_until_final, states, submit};

async fn open(world: &World, score: ScoreBatch) -> (Jobs, Caller) {
    let jobs = Jobs::open(JobsOptions { score, ..world.options() }).await.unwrap();
    let jane = add_user(&jobs, "jane", "valen").await;
    (jobs, jane)
}

#[tokio::test]
async fn a_batch_runs_to_its_results() {
    let world = World::new();
    let (jobs, jane, _) = world.open_with_customers().await;
    let key = submit(&jobs, &jane, request(), b"a zip").await.unwrap().key();
    run_until_final(&jobs, jane.customer(), &[key]).await;
    assert_eq!(states(&jobs, jane.customer(), key).await, ["accepted", "running", "finished"]);
    assert_eq!(fetch(&jobs, &jane, key).await.unwrap(), b"results by 1.0.0 of a zip");
    let status = jobs.status(jane.customer(), key).await.unwrap().unwrap();
    assert_eq!((status.attempt, status.progress, status.report), (1, None, None));
    assert_eq!(status.summary.unwrap()["records"]["read"], 2);
    assert_eq!(world.files("objects/results"), ["1/1.zip"]);
}

/// What an error of the engine becomes: attempts made; fault, code and sentence of the report.
type Case = (&'static str, fn() -> EngineError, u64, Fault, &'static str, &'static str);

#[tokio::test]
async fn promise_3_each_way_to_fail_has_its_report() {
    let refused = || EngineError::Refused(Refusal::new(RefusalCode::MissingColumn, "insured.csv has no column x."));
    let cases: [Case; 4] = [
        ("refused", refused, 1, Fault::Upload, "missingColumn", "insured.csv has no column x."),
        (
            "release",
            || EngineError::Release("a record came twice".to_owned()),
            1,
            Fault::Release,
            "releaseBroken",
            "The release cannot do what it promises: a record came twice",
        ),
        ("io", || io::Error::other("disk").into(), 3, Fault::Service, "serviceFailed", SERVICE),
        ("worker", || EngineError::Worker("score"), 3, Fault::Service, "serviceFailed", SERVICE),
    ];
    for (name, error, attempts, fault, code, message) in cases {
        let world = World::new();
        let clock = world.clock.clone();
        let score: ScoreBatch = Arc::new(move |_, _, _, _| {
            // The wait before the next attempt is over at once.
            clock.advance_ms(1_000_000);
            Err(error())
        });
        let (jobs, jane) = open(&world, score).await;
        let key = submit(&jobs, &jane, request(), b"a zip").await.unwrap().key();
        advance_until_final(&world, &jobs, &jane, key).await;
        let report = fetch(&jobs, &jane, key).await.unwrap_err();
        assert_eq!((report.fault, report.code.as_str(), report.message.as_str()), (fault, code, message), "{name}");
        let status = jobs.status(jane.customer(), key).await.unwrap().unwrap();
        assert_eq!(status.attempt, attempts, "{name}");
        assert!(world.files("objects/results").is_empty(), "{name}");
        assert_eq!(world.files("objects/uploads").len(), 1, "{name}: the upload is kept");
    }
}

const SERVICE: &str = "The batch could not be scored because of a fault on our side, not of the upload. The upload is \
                       kept; please tell the operator of the service.";

/// Runs while the clock goes on, so that waits come to their end.
async fn advance_until_final(world: &World, jobs: &Jobs, jane: &Caller, key: bordereau_base::ids::BatchKey) {
    let ticking = async {
        while !jobs.status(jane.customer(), key).await.unwrap().unwrap().state.is_final() {
            world.clock.advance_ms(100);
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    jobs.run(ticking).await.unwrap();
}

#[tokio::test]
async fn a_fault_of_ours_is_tried_again_after_a_wait() {
    let world = World::new();
    let attempts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&attempts);
    let score: ScoreBatch =
        Arc::new(move |spec, options, progress, out| match counted.fetch_add(1, Ordering::SeqCst) {
            0 => Err(io::Error::other("disk").into()),
            _ => world::score(spec, options, progress, out),
        });
    let (jobs, jane) = open(&world, score).await;
    let key = submit(&jobs, &jane, request(), b"a zip").await.unwrap().key();
    // The clock stands still: the second attempt is not due.
    let put_off = async {
        while states(&jobs, jane.customer(), key).await.len() < 3 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    jobs.run(put_off).await.unwrap();
    assert_eq!(attempts.load(Ordering::SeqCst), 1);
    world.clock.advance_ms(1_000);
    run_until_final(&jobs, jane.customer(), &[key]).await;
    assert_eq!(fetch(&jobs, &jane, key).await.unwrap(), b"results by 1.0.0 of a zip");
    let expected = ["accepted", "running", "accepted", "running", "finished"];
    assert_eq!(states(&jobs, jane.customer(), key).await, expected);
}

#[tokio::test]
async fn a_panic_counts_as_a_failed_attempt_and_hurts_nothing_else() {
    let world = World::new();
    let score: ScoreBatch = Arc::new(|spec, options, progress, out| {
        assert!(!std::fs::read(&spec.upload[0])?.starts_with(b"poison"), "poisoned");
        world::score(spec, options, progress, out)
    });
    let (jobs, jane) = open(&world, score).await;
    let poison = submit(&jobs, &jane, request(), b"poison").await.unwrap().key();
    let sound = submit(&jobs, &jane, request(), b"a zip").await.unwrap().key();
    advance_until_final(&world, &jobs, &jane, poison).await;
    assert_eq!(fetch(&jobs, &jane, poison).await.unwrap_err().code, "serviceFailed");
    assert_eq!(fetch(&jobs, &jane, sound).await.unwrap(), b"results by 1.0.0 of a zip");
}

#[tokio::test]
async fn promise_5_a_batch_whose_release_is_gone_or_another_one_fails_and_says_so() {
    for (releases, code, message) in [
        (
            catalog(&["1.1.0"]),
            "releaseGone",
            "Release 1.0.0 of insureright, by which the batch was accepted, is no longer there.",
        ),
        (
            {
                let mut catalog = catalog(&["1.1.0"]);
                catalog.add(world::release("1.0.0", "another digest"));
                catalog
            },
            "releaseChanged",
            "Release 1.0.0 of insureright is not the one by which the batch was accepted.",
        ),
    ] {
        let world = World::new();
        let (jobs, jane, _) = world.open_with_customers().await;
        let key = submit(&jobs, &jane, request(), b"a zip").await.unwrap().key();
        drop(jobs);
        // As an attempt leaves it whose process was killed.
        let left = world.data().join("objects/results/1/0.zip");
        std::fs::create_dir_all(left.parent().unwrap()).unwrap();
        std::fs::write(left, b"half").unwrap();
        let jobs = Jobs::open(JobsOptions { catalog: Arc::new(releases), ..world.options() }).await.unwrap();
        run_until_final(&jobs, jane.customer(), &[key]).await;
        let report = fetch(&jobs, &jane, key).await.unwrap_err();
        assert_eq!((report.fault, report.code.as_str(), report.message.as_str()), (Fault::Release, code, message));
        assert!(world.files("objects/results").is_empty());
    }
}

#[tokio::test]
async fn a_shutdown_gives_the_running_batch_back() {
    let world = World::new();
    let tell = Arc::new(tokio::sync::Notify::new());
    let telling = Arc::clone(&tell);
    let score: ScoreBatch = Arc::new(move |_, _, progress, _| {
        telling.notify_one();
        loop {
            progress.check()?;
            std::thread::yield_now();
        }
    });
    let (jobs, jane) = open(&world, score).await;
    let key = submit(&jobs, &jane, request(), b"a zip").await.unwrap().key();
    jobs.run(tell.notified()).await.unwrap();
    assert_eq!(states(&jobs, jane.customer(), key).await, ["accepted", "running", "accepted"]);
    assert!(world.files("objects/results").is_empty());
    drop(jobs);
    let jobs = world.open().await;
    run_until_final(&jobs, jane.customer(), &[key]).await;
    assert_eq!(fetch(&jobs, &jane, key).await.unwrap(), b"results by 1.0.0 of a zip");
}

/// Work that ends only when it is cancelled; `begun` gets a permit for each that begins. It gives up in the end, so
/// that a test that fails comes to its end too.
#[derive(Clone)]
struct Endless {
    begun: Arc<tokio::sync::Semaphore>,
    gave_up: Arc<AtomicUsize>,
}

impl Endless {
    fn new() -> (Self, ScoreBatch) {
        let begun = Arc::new(tokio::sync::Semaphore::new(0));
        let endless = Self { begun, gave_up: Arc::default() };
        let work = endless.clone();
        let score: ScoreBatch = Arc::new(move |_, _, progress, _| {
            work.begun.add_permits(1);
            let began = std::time::Instant::now();
            while began.elapsed() < std::time::Duration::from_secs(20) {
                progress.check()?;
                std::thread::yield_now();
            }
            work.gave_up.fetch_add(1, Ordering::SeqCst);
            Err(EngineError::Worker("endless"))
        });
        (endless, score)
    }

    async fn begun(&self) {
        self.begun.acquire().await.unwrap().forget();
    }
}

/// On one thread the attempt has not made its first step when the shutdown is there.
#[tokio::test]
async fn a_shutdown_gives_back_what_was_taken_up_a_moment_before() {
    let world = World::new();
    let (endless, score) = Endless::new();
    let (jobs, jane) = open(&world, score).await;
    let key = submit(&jobs, &jane, request(), b"a zip").await.unwrap().key();
    jobs.run(async {}).await.unwrap();
    assert_eq!(endless.gave_up.load(Ordering::SeqCst), 0);
    assert_eq!(states(&jobs, jane.customer(), key).await, ["accepted", "running", "accepted"]);
}

/// The clock jumps, and the runner takes up again what it is running itself. The shutdown reaches both attempts, though
/// no heartbeat has told the first one that its lease is lost.
#[tokio::test]
async fn a_shutdown_reaches_each_of_two_attempts_at_one_batch() {
    let world = World::new();
    let (endless, score) = Endless::new();
    let options = JobsOptions { score, lease_ms: 1_000_000_000, ..world.options() };
    let jobs = Jobs::open(JobsOptions { batches_at_once: 2.try_into().unwrap(), ..options }).await.unwrap();
    let jane = add_user(&jobs, "jane", "valen").await;
    let key = submit(&jobs, &jane, request(), b"a zip").await.unwrap().key();
    let both = async {
        endless.begun().await;
        world.clock.advance_ms(2_000_000_000);
        endless.begun().await;
    };
    jobs.run(both).await.unwrap();
    assert_eq!(endless.gave_up.load(Ordering::SeqCst), 0);
    assert_eq!(states(&jobs, jane.customer(), key).await, ["accepted", "running", "accepted"]);
}

#[tokio::test]
async fn promise_2_two_runners_share_the_work_and_each_batch_is_scored_once() {
    let world = World::new();
    let scored = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&scored);
    let score: ScoreBatch = Arc::new(move |spec, options, progress, out| {
        counted.fetch_add(1, Ordering::SeqCst);
        world::score(spec, options, progress, out)
    });
    let (first, jane) = open(&world, Arc::clone(&score)).await;
    let second = Jobs::open(JobsOptions { score, ..world.options() }).await.unwrap();
    let mut keys = Vec::new();
    for at in 0..12 {
        let upload = format!("zip {at}");
        keys.push(submit(&first, &jane, request(), upload.as_bytes()).await.unwrap().key());
    }
    tokio::join!(run_until_final(&first, jane.customer(), &keys), run_until_final(&second, jane.customer(), &keys));
    for (at, key) in keys.iter().enumerate() {
        assert_eq!(states(&first, jane.customer(), *key).await, ["accepted", "running", "finished"]);
        assert_eq!(fetch(&second, &jane, *key).await.unwrap(), format!("results by 1.0.0 of zip {at}").as_bytes());
    }
    assert_eq!(scored.load(Ordering::SeqCst), 12);
}

/// The first runner stalls until its lease has run out and the second has finished the batch; then it wakes up with
/// results of its own, and may not name them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runner_that_lost_its_lease_commits_nothing() {
    let world = World::new();
    let (stalled, wake) = (Arc::new(tokio::sync::Notify::new()), Arc::new(Barrier::new(2)));
    let (telling, waiting) = (Arc::clone(&stalled), Arc::clone(&wake));
    let score: ScoreBatch = Arc::new(move |spec, options, _, out| {
        telling.notify_one();
        waiting.wait();
        // As if the heartbeat had not noticed.
        world::score(spec, options, &Default::default(), out)
    });
    let lease = |options: JobsOptions| JobsOptions { lease_ms: 1_000_000_000, ..options };
    let slow = Jobs::open(lease(JobsOptions { score, ..world.options() })).await.unwrap();
    let jane = add_user(&slow, "jane", "valen").await;
    let key = submit(&slow, &jane, request(), b"a zip").await.unwrap().key();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn({
        let slow = slow.clone();
        async move { slow.run(async { drop(stopped.await) }).await }
    });
    stalled.notified().await;
    world.clock.advance_ms(2_000_000_000);
    let fast = Jobs::open(lease(world.options())).await.unwrap();
    run_until_final(&fast, jane.customer(), &[key]).await;
    tokio::task::spawn_blocking(move || wake.wait()).await.unwrap();
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
    assert_eq!(states(&fast, jane.customer(), key).await, ["accepted", "running", "finished"]);
    assert_eq!(world.files("objects/results"), ["1/2.zip"]);
    assert_eq!(fetch(&slow, &jane, key).await.unwrap(), b"results by 1.0.0 of a zip");
}
