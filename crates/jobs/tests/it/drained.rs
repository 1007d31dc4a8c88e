//! Batches that are running when the runner is shut down: what they have scored is saved and gone on with.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bordereau_base::ids::BatchKey;
use bordereau_engine::Error as EngineError;
use bordereau_engine::batch::{Options, ResultFormat, score_batch};
use bordereau_engine::catalog::Catalog;
use bordereau_engine::checkpoint::{Checkpoint, Told};
use bordereau_engine::progress::Progress;
use bordereau_engine::release::Release;
use bordereau_files::results::{Member, Packing, write_zip};
use bordereau_jobs::{BatchRequest, BatchResults, Caller, Jobs, JobsOptions, ScoreBatch};
use futures::StreamExt;
use tokio::sync::Notify;

use crate::world::{World, add_user, request, run_until_final, states, submit};

/// Three ranges.
const RECORDS: usize = 20_000;

/// A runner that is shut down at a range of each attempt, in turn; attempts after the last of them run to their end.
struct Drains {
    ranges: Vec<usize>,
    attempts: AtomicUsize,
    stop: Notify,
}

impl Drains {
    fn at(ranges: &[usize]) -> Arc<Self> {
        Arc::new(Self { ranges: ranges.to_vec(), attempts: AtomicUsize::new(0), stop: Notify::new() })
    }

    /// Scores in earnest. At the range of the attempt it calls for the shutdown and waits for the drain.
    fn scoring(self: &Arc<Self>) -> ScoreBatch {
        let drains = Arc::clone(self);
        Arc::new(move |spec, options, progress, out| {
            let range = drains.ranges.get(drains.attempts.fetch_add(1, Ordering::SeqCst)).copied();
            let (own, ended) = (Arc::new(Progress::default()), AtomicBool::new(false));
            let checkpoint = options.checkpoint.clone().unwrap();
            let (inner, waiting, drains) = (Arc::clone(&checkpoint.tell), Arc::clone(&own), Arc::clone(&drains));
            let tell = Arc::new(move |told: Told| {
                let here = range.is_some_and(|ranges| told == Told::Scored { ranges });
                inner(told);
                if here {
                    drains.stop.notify_one();
                    while waiting.check().is_ok() {
                        std::thread::yield_now();
                    }
                }
            });
            let options = Options { checkpoint: Some(Checkpoint { tell, ..checkpoint }), ..options.clone() };
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    while progress.check().is_ok() && !ended.load(Ordering::SeqCst) {
                        std::thread::yield_now();
                    }
                    if progress.is_draining() { own.drain() } else { own.cancel() }
                });
                let outcome = score_batch(spec, &options, &own, out);
                ended.store(true, Ordering::SeqCst);
                outcome
            })
        })
    }
}

fn upload() -> Vec<u8> {
    let mut text = "number,effective,amount,kind,renewal,holder\n".to_owned();
    for at in 0..RECORDS {
        text.push_str(&format!("P{at},2020-01-31,{},shop,N,H{at}\n", (at * 7_919) % 970));
    }
    let scratch = tempfile::tempdir().unwrap();
    let mut member = Member::create("policy.csv", Packing::Deflated, scratch.path()).unwrap();
    member.append_bytes(text.as_bytes()).unwrap();
    let mut zip = Vec::new();
    write_zip(&mut zip, &[member]).unwrap();
    zip
}

async fn open(world: &World, score: ScoreBatch) -> (Jobs, Caller) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/fixtures/small");
    let mut catalog = Catalog::default();
    catalog.add(Release::from_folder(&folder).unwrap());
    let jobs = Jobs::open(JobsOptions { score, catalog: Arc::new(catalog), ..world.options() }).await.unwrap();
    let jane = add_user(&jobs, "jane", "valen").await;
    (jobs, jane)
}

fn asked(format: ResultFormat) -> BatchRequest {
    BatchRequest { solution: "small".parse().unwrap(), format, ..request() }
}

/// The bytes of the results before the summary, which has times in it, and its digest.
async fn results(jobs: &Jobs, jane: &Caller, key: BatchKey) -> (Vec<u8>, String) {
    let asked = asked(ResultFormat::Csv);
    let BatchResults::Ready(mut file) = jobs.results(jane, &asked.solution, &asked.submission, key).await.unwrap()
    else {
        panic!("there are no results");
    };
    let mut bytes = Vec::new();
    while let Some(piece) = file.content.next().await {
        bytes.extend_from_slice(&piece.unwrap());
    }
    let summary = bytes.windows(12).position(|bytes| bytes == b"summary.json").unwrap();
    // The local header before the name.
    bytes.truncate(summary - 30);
    let status = jobs.status(jane.customer(), key).await.unwrap().unwrap();
    (bytes, status.summary.unwrap()["digest"].as_str().unwrap().to_owned())
}

async fn checkpoints(jobs: &Jobs) -> Vec<(&'static str, u64)> {
    jobs.measures().await.unwrap().checkpoints.into_iter().filter(|(_, count)| *count > 0).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promise_1_4_a_batch_that_is_running_at_a_shutdown_goes_on_from_what_it_has_scored() {
    let upload = upload();
    for format in [ResultFormat::Csv, ResultFormat::Parquet] {
        let unharmed = World::new();
        let (jobs, jane) = open(&unharmed, Drains::at(&[]).scoring()).await;
        let key = BatchKey::random();
        let asked = BatchRequest { key: Some(key), ..asked(format) };
        submit(&jobs, &jane, asked.clone(), &upload).await.unwrap();
        run_until_final(&jobs, jane.customer(), &[key]).await;
        let expected = results(&jobs, &jane, key).await;
        let records = jobs.measures().await.unwrap().records;

        let world = World::new();
        let drains = Drains::at(&[1, 2]);
        let (jobs, jane) = open(&world, drains.scoring()).await;
        submit(&jobs, &jane, asked, &upload).await.unwrap();
        jobs.run(drains.stop.notified()).await.unwrap();
        assert_eq!(world.files("objects/results"), ["1/1.checkpoint"]);
        assert_eq!(states(&jobs, jane.customer(), key).await, ["accepted", "running", "accepted"]);
        jobs.run(drains.stop.notified()).await.unwrap();
        assert_eq!(world.files("objects/results"), ["1/2.checkpoint"]);
        run_until_final(&jobs, jane.customer(), &[key]).await;
        assert!(results(&jobs, &jane, key).await == expected);
        assert_eq!(checkpoints(&jobs).await, [("written", 2), ("resumed", 2)]);
        assert_eq!(jobs.measures().await.unwrap().records, records, "each record was scored once");
        let left = world.files("objects/results");
        assert!(left.len() == 1 && left[0].ends_with(".zip"), "{left:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promise_1_4_a_damaged_checkpoint_costs_time_only() {
    let upload = upload();
    let unharmed = World::new();
    let (jobs, jane) = open(&unharmed, Drains::at(&[]).scoring()).await;
    let key = BatchKey::random();
    let asked = BatchRequest { key: Some(key), ..asked(ResultFormat::Csv) };
    submit(&jobs, &jane, asked.clone(), &upload).await.unwrap();
    run_until_final(&jobs, jane.customer(), &[key]).await;
    let expected = results(&jobs, &jane, key).await;

    let world = World::new();
    let drains = Drains::at(&[2]);
    let (jobs, jane) = open(&world, drains.scoring()).await;
    submit(&jobs, &jane, asked, &upload).await.unwrap();
    jobs.run(drains.stop.notified()).await.unwrap();
    let path = world.data().join("objects/results/1/1.checkpoint");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    run_until_final(&jobs, jane.customer(), &[key]).await;
    assert!(results(&jobs, &jane, key).await == expected);
    assert_eq!(checkpoints(&jobs).await, [("written", 1), ("unusable", 1)]);
    assert_eq!(world.files("objects/results"), ["1/2.zip"]);
}

/// Its customer cancels it, deletes it, or a fault of ours ends its next attempt.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_goes_with_its_batch_and_after_a_fault() {
    let upload = upload();
    for way in 0..3 {
        let world = World::new();
        let drains = Drains::at(&[1]);
        let (scoring, attempts) = (drains.scoring(), AtomicUsize::new(0));
        let score: ScoreBatch =
            Arc::new(move |spec, options, progress, out: &File| match attempts.fetch_add(1, Ordering::SeqCst) {
                0 => scoring(spec, options, progress, out),
                _ => {
                    assert!(options.checkpoint.as_ref().unwrap().from.is_some());
                    Err(EngineError::Worker("score"))
                }
            });
        let (jobs, jane) = open(&world, score).await;
        let key = submit(&jobs, &jane, asked(ResultFormat::Csv), &upload).await.unwrap().key();
        jobs.run(drains.stop.notified()).await.unwrap();
        assert_eq!(world.files("objects/results"), ["1/1.checkpoint"]);
        match way {
            0 => _ = jobs.cancel(&jane, key).await.unwrap(),
            1 => {
                jobs.cancel(&jane, key).await.unwrap();
                jobs.delete(&jane, key).await.unwrap();
            }
            _ => {
                // The clock stands still, so there is no third attempt.
                let put_off = async {
                    while jobs.measures().await.unwrap().faults == 0 {
                        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                    }
                };
                jobs.run(put_off).await.unwrap();
            }
        }
        jobs.run(async {}).await.unwrap();
        assert_eq!(world.files("objects/results"), Vec::<String>::new(), "{way}");
    }
}
