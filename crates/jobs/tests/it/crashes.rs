//! Processes that are killed. A test starts this very binary again with [`child`] alone, which serves the data folder
//! named in the environment until it is killed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use bordereau_base::ids::BatchKey;
use bordereau_jobs::{
    Accepted, BatchRequest, Caller, Clock, EventName, Grant, Jobs, JobsOptions, ListRequest, ProfileUpload, ScoreBatch,
    User,
};
use bordereau_profile::document::ProfileState;
use jiff::Timestamp;

use crate::profiles::{document, newest};
use crate::submit_profiled::run_both;
use crate::world::{self, World, add_user, fetch, keyed, request, results_of, run_until_final, submit};

pub const DATA: &str = "BORDEREAU_TEST_DATA";
const KILLS: u64 = 12;

pub fn options(data: &Path) -> JobsOptions {
    // Slow enough to be killed in the middle.
    let score: ScoreBatch = Arc::new(|spec, options, progress, out| {
        std::thread::sleep(Duration::from_millis(5));
        let outcome = world::score(spec, options, progress, out);
        std::thread::sleep(Duration::from_millis(5));
        outcome
    });
    let profile: ProfileUpload = Arc::new(|spec, progress, sink| {
        std::thread::sleep(Duration::from_millis(3));
        progress.check()?;
        sink(document(ProfileState::Preliminary, "first"))?;
        std::thread::sleep(Duration::from_millis(3));
        sink(document(ProfileState::Full, &std::fs::read_to_string(&spec.upload)?))?;
        Ok(b"the state".to_vec())
    });
    let clock: Clock = Arc::new(|| Timestamp::from_millisecond(world::START_MS).unwrap());
    JobsOptions { score, profile, clock, ..world::options(data) }
}

pub fn jane() -> Caller {
    let (name, customer) = ("jane".parse().unwrap(), "valen".parse().unwrap());
    Caller::new(User::new(name, customer, vec![Grant::ALL]))
}

#[tokio::test]
#[ignore = "started by other tests as a process of its own"]
async fn child() {
    let data = std::env::var_os(DATA).expect("the test that starts this one names the data folder");
    let jobs = Jobs::open(options(Path::new(&data))).await.unwrap();
    let sending = async {
        for at in 0.. {
            let key = submit(&jobs, &jane(), request(), format!("zip {at}").as_bytes()).await.unwrap().key();
            println!("accepted {key} {at}");
        }
    };
    let (_, ran) = tokio::join!(sending, jobs.run(std::future::pending()));
    ran.unwrap();
}

/// As [`child`], but each upload is profiled and submitted, and its key told after both.
#[tokio::test]
#[ignore = "started by other tests as a process of its own"]
async fn profiling_child() {
    let data = std::env::var_os(DATA).expect("the test that starts this one names the data folder");
    let jobs = Jobs::open(options(Path::new(&data))).await.unwrap();
    let sending = async {
        for at in 0.. {
            let upload = format!("zip {at}");
            let key = submit(&jobs, &jane(), BatchRequest::profile(None), upload.as_bytes()).await.unwrap().key();
            if at % 2 == 0 {
                // So that some are profiled before they are submitted.
                while newest(&jobs, &jane(), key).await.is_none() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            jobs.submit_profiled(&jane(), &keyed(key)).await.unwrap();
            println!("accepted {key} {at}");
        }
    };
    let (_, ran) = tokio::join!(sending, jobs.run(std::future::pending()));
    ran.unwrap();
}

fn start_child(data: &Path, child: &str) -> (Child, mpsc::Receiver<String>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", child, "--ignored", "--nocapture", "--test-threads=1"])
        .env(DATA, data)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let (send, lines) = mpsc::channel();
    std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
    (child, lines)
}

/// Reads keys until the child has answered `count`, then a little longer, then kills it.
pub fn kill_after(data: &Path, child: &str, count: usize, wait: Duration, accepted: &mut BTreeMap<BatchKey, String>) {
    let (mut child, lines) = start_child(data, child);
    let mut answered = 0;
    let mut note = |line: String| {
        let mut words = line.split_whitespace().skip_while(|word| *word != "accepted").skip(1);
        if let (Some(key), Some(at)) = (words.next(), words.next()) {
            accepted.insert(key.parse().unwrap(), format!("zip {at}"));
            return 1;
        }
        0
    };
    while answered < count {
        answered += note(lines.recv_timeout(Duration::from_secs(60)).expect("the child answers"));
    }
    std::thread::sleep(wait);
    child.kill().unwrap();
    child.wait().unwrap();
    // What was answered until the kill counts as well.
    while let Ok(line) = lines.recv() {
        note(line);
    }
}

#[tokio::test]
async fn promise_1_whatever_was_answered_before_a_kill_ends_in_its_results() {
    let world = World::new();
    let data = world.data();
    let jobs = Jobs::open(options(&data)).await.unwrap();
    let jane = add_user(&jobs, "jane", "valen").await;
    let mut accepted = BTreeMap::new();
    for kill in 0..KILLS {
        kill_after(
            &data,
            "crashes::child",
            1 + (kill % 3) as usize,
            Duration::from_millis(kill * 7 % 23),
            &mut accepted,
        );
    }
    assert!(accepted.len() as u64 >= KILLS);
    let keys: Vec<BatchKey> = accepted.keys().copied().collect();
    run_until_final(&jobs, jane.customer(), &keys).await;
    for (key, upload) in &accepted {
        assert_eq!(fetch(&jobs, &jane, *key).await.unwrap(), results_of(upload.as_bytes(), "1.0.0"));
    }
    let mut ends = BTreeMap::<BatchKey, u32>::new();
    let mut after = 0;
    loop {
        let events = jobs.events(jane.customer(), after).await.unwrap();
        let Some(last) = events.last() else { break };
        after = last.sequence;
        for event in events.iter().filter(|event| event.name == EventName::BatchFinished) {
            *ends.entry(event.batch().unwrap().key).or_default() += 1;
        }
    }
    assert!(keys.iter().all(|key| ends.get(key) == Some(&1)), "each batch finishes once");
    // What may be left: uploads that were committed and not answered. Those are batches too.
    let uploads = world.files("objects/uploads").len();
    drop(jobs);
    let jobs = world.open().await;
    jobs.run(async {}).await.unwrap();
    assert!(world.files("incoming").is_empty());
    assert!(world.files("objects/uploads").len() <= uploads);
    assert_eq!(world.files("owners").len(), 1, "of the dead no lock file is left");
}

#[tokio::test]
async fn promise_1_2_6_whatever_was_submitted_after_profiling_ends_once_under_its_key() {
    let world = World::new();
    let data = world.data();
    let jobs = Jobs::open(options(&data)).await.unwrap();
    let jane = add_user(&jobs, "jane", "valen").await;
    let mut accepted = BTreeMap::new();
    for kill in 0..KILLS {
        let wait = Duration::from_millis(kill * 5 % 19);
        kill_after(&data, "crashes::profiling_child", 1 + (kill % 2) as usize, wait, &mut accepted);
    }
    // What was not answered is there too, perhaps not submitted yet.
    let listed = jobs.list_batches(&jane, &ListRequest::default(), 500).await.unwrap().batches;
    let keys: Vec<BatchKey> = listed.iter().map(|status| status.key).collect();
    run_both(&jobs, &jane, &keys).await;
    for (key, upload) in &accepted {
        assert_eq!(jobs.submit_profiled(&jane, &keyed(*key)).await.unwrap(), Accepted::Again(*key));
        assert_eq!(fetch(&jobs, &jane, *key).await.unwrap(), results_of(upload.as_bytes(), "1.0.0"));
        assert_eq!(newest(&jobs, &jane, *key).await, Some((ProfileState::Full, upload.clone())));
    }
    let (mut ends, mut last) = (BTreeMap::<(BatchKey, String), u32>::new(), 0);
    while let events @ [_, ..] = &*jobs.events(jane.customer(), last).await.unwrap() {
        for event in events {
            assert_eq!(event.sequence, last + 1, "no holes");
            last = event.sequence;
            if event.name == EventName::BatchFinished {
                *ends
                    .entry((event.batch().unwrap().key, event.batch().unwrap().submission.to_string()))
                    .or_default() += 1;
            }
        }
    }
    assert!(ends.values().all(|count| *count == 1), "each profile and each batch finishes once");
    assert!(ends.len() >= 2 * accepted.len());
    for key in keys {
        jobs.delete(&jane, key).await.unwrap();
    }
    jobs.run(async {}).await.unwrap();
    assert!(world.files("objects/uploads").is_empty() && world.files("objects/results").is_empty());
}

/// An upload that is in place without a batch, and one half received, as a kill leaves them.
#[tokio::test]
async fn promise_1_the_leavings_of_dead_processes_are_swept_and_those_of_living_ones_are_not() {
    let world = World::new();
    let (living, jane, _) = world.open_with_customers().await;
    let _receiver = living.begin_upload(&jane, request()).await.unwrap();
    let key = BatchKey::random();
    submit(&living, &jane, keyed(key), b"a zip").await.unwrap();
    for left in ["incoming/dead/half", "objects/uploads/dead/orphan.zip", "owners/dead.lock"] {
        let path = world.data().join(left);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"left").unwrap();
    }
    let jobs = world.open().await;
    jobs.run(async {}).await.unwrap();
    assert_eq!(world.files("incoming").len(), 1);
    assert_eq!(world.files("objects/uploads").len(), 1);
    assert!(world.files("owners").iter().all(|name| name != "dead.lock"));
    run_until_final(&jobs, jane.customer(), &[key]).await;
    assert_eq!(fetch(&jobs, &jane, key).await.unwrap(), b"results by 1.0.0 of a zip");
}

/// As a kill leaves them between the end of a batch and the tidying up after it.
#[tokio::test]
async fn promise_1_what_attempts_left_of_ended_batches_is_swept_and_what_is_named_stays() {
    let world = World::new();
    let (jobs, jane, _) = world.open_with_customers().await;
    let key = BatchKey::random();
    submit(&jobs, &jane, keyed(key), b"a zip").await.unwrap();
    let cancelled = submit(&jobs, &jane, request(), b"another").await.unwrap().key();
    jobs.cancel(&jane, cancelled).await.unwrap();
    run_until_final(&jobs, jane.customer(), &[key]).await;
    drop(jobs);
    for left in ["1/0.zip", "1/1.preliminary-3.json", "2/1.zip"] {
        let path = world.data().join("objects/results").join(left);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"left").unwrap();
    }
    let jobs = world.open().await;
    jobs.run(async {}).await.unwrap();
    assert_eq!(world.files("objects/results"), ["1/1.zip"]);
    assert_eq!(fetch(&jobs, &jane, key).await.unwrap(), results_of(b"a zip", "1.0.0"));
}

/// The lease is far from its end, yet the batch of a dead process is taken up at once.
#[tokio::test]
async fn promise_1_a_dead_process_is_noticed_without_waiting_for_its_lease() {
    let world = World::new();
    let (jobs, jane, _) = world.open_with_customers().await;
    let mut accepted = BTreeMap::new();
    kill_after(&world.data(), "crashes::child", 3, Duration::from_millis(8), &mut accepted);
    let keys: Vec<BatchKey> = accepted.keys().copied().collect();
    // The clock of this world stands still, so no lease ever runs out.
    run_until_final(&jobs, jane.customer(), &keys).await;
    assert!(fetch(&jobs, &jane, keys[0]).await.is_ok());
}
