//! Promises 1, 2, 4 and 6: a server that is killed again and again loses nothing it has acknowledged, does nothing
//! twice, ends in the same results, and tells of all of it once and in order.
//!
//! The kills go round: while an upload arrives, in each stage of a batch and of a profile, and while events are
//! delivered. `BORDEREAU_KILLS` says how many (25 when not set, which each stage sees a few of), `BORDEREAU_SEED` by
//! which chance, and `BORDEREAU_PROGRAM` names another program than the one these tests were built with.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bordereau_base::ids::BatchKey;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::campaign::{Campaign, Job, Kind, book};
use super::listener::Listener;
use crate::program::{Server, bordereau, data_folder};

const KILLS: u64 = 25;
const SEED: u64 = 20_261_125;
const CUSTOMERS_AT_ONCE: u64 = 3;
/// How long a kill waits for its moment; then it takes any.
const MOMENT_PATIENCE: Duration = Duration::from_secs(60);

/// Where a kill is aimed, and the time in which it strikes from there on.
const TARGETS: [(Target, Duration); 8] = [
    (Target::Upload, Duration::from_millis(60)),
    (Target::Stage("validate"), Duration::from_millis(80)),
    (Target::Stage("link"), Duration::from_millis(30)),
    (Target::Events, Duration::from_millis(20)),
    (Target::Stage("score"), Duration::from_millis(1_500)),
    (Target::Stage("pack"), Duration::from_millis(15)),
    (Target::Stage("profile"), Duration::from_millis(150)),
    (Target::Events, Duration::from_millis(20)),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Upload,
    Stage(&'static str),
    /// When the end of a batch has just been told. Without these nothing would ever come to its end.
    Events,
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

fn start(data: &Path) -> Server {
    let mut command = bordereau();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data).env("BORDEREAU_LOG", "error");
    Server::of(command)
}

/// The server, its customers, and who follows what is told of them.
struct Siege {
    campaign: Arc<Campaign>,
    listener: Arc<Listener>,
    /// The stage that was seen last.
    stage: watch::Receiver<Option<String>>,
    tasks: Vec<JoinHandle<()>>,
    following: JoinHandle<()>,
    watching: JoinHandle<()>,
}

impl Siege {
    async fn begin(campaign: Campaign, seed: u64) -> Self {
        let campaign = Arc::new(campaign);
        let listener = Arc::new(Listener::begin(&campaign).await);
        let tasks = (1..=CUSTOMERS_AT_ONCE).map(|customer| {
            let campaign = Arc::clone(&campaign);
            tokio::spawn(async move { campaign.go_on(StdRng::seed_from_u64(seed + customer)).await })
        });
        let tasks = tasks.collect();
        let (heard, asked) = (Arc::clone(&listener), Arc::clone(&campaign));
        let following = tokio::spawn(async move { heard.listen(&asked).await });
        let (tell, stage) = watch::channel(None);
        let watched = Arc::clone(&campaign);
        let watching = tokio::spawn(async move {
            loop {
                tell.send_replace(watched.stage().await);
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
        Self { campaign, listener, stage, tasks, following, watching }
    }

    /// Waits for the moment a kill is aimed at.
    async fn reach(&mut self, target: Target, book: usize) {
        let reached = async {
            match target {
                Target::Upload => {
                    let (campaign, job) =
                        (Arc::clone(&self.campaign), Job { kind: Kind::Score, book, key: BatchKey::random() });
                    self.tasks.push(tokio::spawn(async move { campaign.carry_out(job).await }));
                }
                Target::Stage(stage) => {
                    let _ = self.stage.wait_for(|seen| seen.as_deref() == Some(stage)).await;
                }
                Target::Events => self.listener.next_end().await,
            }
        };
        let _ = tokio::time::timeout(MOMENT_PATIENCE, reached).await;
    }

    /// What the server was last seen at.
    fn doing(&self) -> String {
        let stage = self.stage.borrow().clone();
        match (self.campaign.is_posting(), stage) {
            (true, Some(stage)) => format!("upload beside {stage}"),
            (true, None) => "upload".to_owned(),
            (false, Some(stage)) => stage,
            (false, None) => "nothing".to_owned(),
        }
    }

    /// Lets everything come to its end.
    async fn end(self) -> (Arc<Campaign>, Arc<Listener>) {
        self.campaign.stop();
        for task in self.tasks {
            task.await.unwrap();
        }
        self.watching.abort();
        self.listener.stop();
        self.following.await.unwrap();
        (self.campaign, self.listener)
    }

    fn assert_none_failed(&self) {
        let failed = self.following.is_finished()
            || self.tasks[..CUSTOMERS_AT_ONCE as usize].iter().any(JoinHandle::is_finished);
        assert!(!failed, "a customer was answered what must not be, see above");
    }
}

#[test]
fn promise_1_2_4_6_kills_at_random_points_lose_nothing_and_repeat_nothing() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(besiege(setting("BORDEREAU_KILLS", KILLS), setting("BORDEREAU_SEED", SEED)));
}

async fn besiege(kills: u64, seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let zips = vec![book(folder.path(), 300, 1), book(folder.path(), 1_200, 2)];
    let unharmed = start(&data_folder(&folder.path().join("unharmed")));
    let campaign = Campaign::learn(watch::channel(unharmed.url.clone()).1, zips).await;
    drop(unharmed);

    let data = data_folder(folder.path());
    let mut server = start(&data);
    let (moved, url) = watch::channel(server.url.clone());
    let mut siege = Siege::begin(campaign.moved_to(url), seed).await;
    let (mut chance, mut struck) = (StdRng::seed_from_u64(seed), BTreeMap::<String, u64>::new());
    for kill in 0..kills {
        let (target, span) = TARGETS[kill as usize % TARGETS.len()];
        siege.reach(target, chance.random_range(0..2)).await;
        tokio::time::sleep(span.mul_f64(chance.random_range(0.0..1.0))).await;
        *struck.entry(siege.doing()).or_default() += 1;
        server.kill();
        siege.assert_none_failed();
        server = start(&data);
        moved.send_replace(server.url.clone());
    }
    let (campaign, listener) = siege.end().await;
    let acknowledged = judge(&campaign, &listener).await;
    server.kill();
    judge_files(&data, &acknowledged);
    println!(
        "{kills} kills of seed {seed}: {} uploads acknowledged, all of them right and told of once",
        acknowledged.len()
    );
    for (doing, count) in struck {
        println!("  {count:4} during {doing}");
    }
    assert!(acknowledged.len() as u64 >= kills / 8, "only {} uploads were acknowledged", acknowledged.len());
}

/// All that was acknowledged is there, as it must be, once, and was told of once.
async fn judge(campaign: &Campaign, listener: &Listener) -> Vec<Job> {
    let acknowledged = campaign.acknowledged();
    let mut told = listener.account();
    for job in &acknowledged {
        campaign.hold(job).await;
        let key = job.key.to_string();
        let mut count = |submission: &str, name: &str| {
            told.remove(&(key.clone(), submission.to_owned(), name.to_owned())).unwrap_or_default()
        };
        let (scored, profiled) = (usize::from(job.kind != Kind::Profile), usize::from(job.kind != Kind::Score));
        assert_eq!(count("scoring", "batchFinished"), scored, "{job:?}");
        assert_eq!(count("profile", "batchFinished"), profiled, "{job:?}");
        assert_eq!(count("profile", "preliminaryProfile"), profiled, "{job:?}");
        // Accepted, running, finished; a crash is no change.
        assert_eq!(count("scoring", "profileUpdatedEvent"), 3 * scored, "{job:?}");
        // And each preliminary profile, of which there may be more.
        assert!(count("profile", "profileUpdatedEvent") >= 3 * profiled, "{job:?}");
    }
    assert!(told.is_empty(), "told of what must not be: {told:?}");
    let mut listed = campaign.listed().await;
    listed.sort();
    let mut keys: Vec<String> = acknowledged.iter().map(|job| job.key.to_string()).collect();
    keys.sort();
    assert_eq!(listed, keys, "each is there once, and nothing else");
    acknowledged
}

/// Every file of the data folder is one that something names.
fn judge_files(data: &Path, acknowledged: &[Job]) {
    let uploads: BTreeSet<_> = files(&data.join("objects/uploads")).into_iter().collect();
    assert_eq!(uploads.len(), acknowledged.len(), "an upload is there twice, or one that nothing names");
    let wanted: usize = acknowledged
        .iter()
        .map(|job| match job.kind {
            Kind::Score => 1,
            // The profile and its state.
            Kind::Profile => 2,
            Kind::ProfileThenSubmit => 3,
        })
        .sum();
    assert_eq!(files(&data.join("objects/results")).len(), wanted, "what attempts left is still there");
    assert_eq!(files(&data.join("incoming")), Vec::<String>::new());
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path.display().to_string()] }).collect()
}
