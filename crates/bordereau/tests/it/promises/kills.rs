//! Promises 1, 2, 4 and 6: a server that is killed again and again loses nothing it has acknowledged, does nothing
//! twice, ends in the same results, and tells of all of it once and in order.
//!
//! The kills go round: while an upload arrives as a whole or in pieces, in each stage of a batch, of a contribution and
//! of a profile, while rows are put into the pool, and while events are told by long poll and by webhook.
//! `BORDEREAU_KILLS` says how many (25 when not set, which each stage sees two of), `BORDEREAU_SEED` by which chance,
//! and `BORDEREAU_PROGRAM` names another program than the one these tests were built with.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::campaign::{Campaign, Job, Kind, book};
use super::claims::{self, claims, hold_pool};
use super::listener::Listener;
use super::receiver::{Receiver, add_webhook};
use crate::program::{Server, bordereau, data_folder};

const KILLS: u64 = 25;
const SEED: u64 = 20_261_125;
const CUSTOMERS_AT_ONCE: u64 = 3;
/// From so many kills on each target must have been hit.
const KILLS_FOR_ALL: u64 = 100;
/// How long a kill waits for its moment; then it takes any.
const MOMENT_PATIENCE: Duration = Duration::from_secs(60);

/// Where a kill is aimed, and the time in which it strikes from there on.
const TARGETS: [(Target, Duration); 12] = [
    (Target::Sending(Kind::Score, "upload"), Duration::from_millis(60)),
    (Target::Stage("validate"), Duration::from_millis(80)),
    (Target::Sending(Kind::ScoreInPieces, "piece"), Duration::from_millis(60)),
    (Target::Stage("link"), Duration::from_millis(30)),
    (Target::Events, Duration::from_millis(20)),
    (Target::Stage("score"), Duration::from_millis(1_500)),
    (Target::Webhook, Duration::from_millis(60)),
    (Target::Stage("pack"), Duration::from_millis(15)),
    (Target::StageOf(Kind::Contribute, "contribute"), Duration::from_millis(60)),
    (Target::StageOf(Kind::Profile, "profile"), Duration::from_millis(150)),
    (Target::StageOf(Kind::Contribute, "keep"), Duration::from_millis(80)),
    (Target::Events, Duration::from_millis(20)),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Sending(Kind, &'static str),
    Stage(&'static str),
    /// A stage of what is sent for it.
    StageOf(Kind, &'static str),
    /// When the end of a batch has just been told. Without these nothing would ever come to its end.
    Events,
    /// When a webhook has just been sent a message.
    Webhook,
}

impl Target {
    /// What the server is seen doing when it is hit.
    fn name(self) -> &'static str {
        match self {
            Self::Sending(_, name) | Self::Stage(name) | Self::StageOf(_, name) => name,
            Self::Events => "end told",
            Self::Webhook => "webhook",
        }
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

fn start(data: &Path) -> Server {
    let mut command = bordereau();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
    command.env("BORDEREAU_LOG", "error").env("BORDEREAU_WEBHOOK_NETWORKS", "127.0.0.0/8");
    Server::of(command)
}

/// The server, its customers, and who follows what is told of them.
struct Siege {
    campaign: Arc<Campaign>,
    listener: Arc<Listener>,
    receiver: Arc<Receiver>,
    /// The stage that was seen last.
    stage: watch::Receiver<Option<String>>,
    customers: Vec<JoinHandle<()>>,
    /// Uploads that were sent for the sake of a kill.
    others: Vec<JoinHandle<()>>,
    following: JoinHandle<()>,
    watching: JoinHandle<()>,
}

impl Siege {
    async fn begin(campaign: Campaign, receiver: Arc<Receiver>, seed: u64) -> Self {
        let campaign = Arc::new(campaign);
        let listener = Arc::new(Listener::begin(&campaign).await);
        let customers = (1..=CUSTOMERS_AT_ONCE).map(|customer| {
            let campaign = Arc::clone(&campaign);
            tokio::spawn(async move { campaign.go_on(StdRng::seed_from_u64(seed + customer)).await })
        });
        let customers = customers.collect();
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
        Self { campaign, listener, receiver, stage, customers, others: Vec::new(), following, watching }
    }

    fn send(&mut self, job: Job) {
        let campaign = Arc::clone(&self.campaign);
        self.others.push(tokio::spawn(async move { campaign.carry_out(job).await }));
    }

    /// Waits for the moment a kill is aimed at.
    async fn reach(&mut self, target: Target, chance: &mut StdRng) {
        match target {
            Target::Sending(kind, _) => return self.send(self.campaign.job(kind, chance)),
            Target::StageOf(kind, _) => self.send(self.campaign.job(kind, chance)),
            Target::Stage(_) | Target::Events | Target::Webhook => {}
        }
        let reached = async {
            match target {
                Target::Events => self.listener.next_end().await,
                Target::Webhook => self.receiver.next().await,
                at => {
                    let _ = self.stage.wait_for(|seen| seen.as_deref() == Some(at.name())).await;
                }
            }
        };
        let _ = tokio::time::timeout(MOMENT_PATIENCE, reached).await;
    }

    /// All that the server was last seen at.
    fn doing(&self) -> Vec<String> {
        let mut doing: Vec<String> = self.stage.borrow().clone().into_iter().collect();
        let pieces = self.campaign.sending_pieces.load(Ordering::Relaxed) > 0;
        let seen =
            [(self.campaign.is_posting(), "upload"), (pieces, "piece"), (self.receiver.is_answering(), "webhook")];
        doing.extend(seen.iter().filter(|(is_seen, _)| *is_seen).map(|(_, name)| (*name).to_owned()));
        doing
    }

    /// Lets what was sent for the sake of kills come to its end, so that it does not pile up.
    async fn settle(&mut self) {
        for other in self.others.drain(..) {
            other.await.unwrap();
        }
    }

    /// Lets everything come to its end.
    async fn end(mut self) -> (Arc<Campaign>, Arc<Listener>) {
        self.campaign.stop();
        self.settle().await;
        for customer in self.customers {
            customer.await.unwrap();
        }
        self.watching.abort();
        self.listener.stop();
        self.following.await.unwrap();
        (self.campaign, self.listener)
    }

    fn assert_none_failed(&self) {
        let failed = self.following.is_finished() || self.customers.iter().any(JoinHandle::is_finished);
        assert!(!failed, "a customer was answered what must not be, see above");
    }
}

#[test]
fn promise_1_2_4_6_kills_at_random_points_lose_nothing_and_repeat_nothing() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(besiege(setting("BORDEREAU_KILLS", KILLS), setting("BORDEREAU_SEED", SEED)));
}

/// The message is there and not answered when its server is killed: nobody can know whether it arrived.
#[test]
fn promise_6_what_a_webhook_was_sent_when_its_server_was_killed_comes_again_with_the_same_id() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let data = data_folder(folder.path());
        let mut server = start(&data);
        let (moved, url) = watch::channel(server.url.clone());
        let campaign = Campaign::learn(url, vec![book(folder.path(), 300, 1)], Vec::new()).await;
        let (receiver, address) = Receiver::begin().await;
        let secret = add_webhook(&data, &address);
        let listener = Listener::begin(&campaign).await;
        let job = campaign.job(Kind::Score, &mut StdRng::seed_from_u64(SEED));
        for killed in 0..2 {
            receiver.keep_silent();
            assert_eq!(campaign.post(&job).await, (200, job.key.to_string()));
            receiver.has(killed + 1).await;
            server.kill();
            receiver.answer();
            server = start(&data);
            moved.send_replace(server.url.clone());
        }
        campaign.hold(&job).await;
        listener.stop();
        listener.listen(&campaign).await;
        // The first message came once more for each kill, unless the first was answered before the second.
        let repeated = receiver.hold(&listener.events(), &secret).await;
        assert!((1..=2).contains(&repeated), "{repeated} came again");
        server.kill();
    });
}

async fn besiege(kills: u64, seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let zips = vec![book(folder.path(), 300, 1), book(folder.path(), 1_200, 2)];
    let unharmed = start(&data_folder(&folder.path().join("unharmed")));
    let contributions = (0..claims::COUNT).map(claims).collect();
    let campaign = Campaign::learn(watch::channel(unharmed.url.clone()).1, zips, contributions).await;
    drop(unharmed);

    let data = data_folder(folder.path());
    let (receiver, address) = Receiver::begin().await;
    let secret = add_webhook(&data, &address);
    let mut server = start(&data);
    let (moved, url) = watch::channel(server.url.clone());
    let mut siege = Siege::begin(campaign.moved_to(url), Arc::clone(&receiver), seed).await;
    let (mut chance, mut struck) = (StdRng::seed_from_u64(seed), BTreeMap::<String, u64>::new());
    for kill in 0..kills {
        let (target, span) = TARGETS[kill as usize % TARGETS.len()];
        siege.reach(target, &mut chance).await;
        tokio::time::sleep(span.mul_f64(chance.random_range(0.0..1.0))).await;
        let told = (target == Target::Events).then(|| target.name().to_owned());
        for doing in siege.doing().into_iter().chain(told) {
            *struck.entry(doing).or_default() += 1;
        }
        server.kill();
        siege.assert_none_failed();
        server = start(&data);
        moved.send_replace(server.url.clone());
        if kill as usize % TARGETS.len() == TARGETS.len() - 1 {
            siege.settle().await;
        }
    }
    let (campaign, listener) = siege.end().await;
    let acknowledged = judge(&campaign, &listener).await;
    let repeated = receiver.hold(&listener.events(), &secret).await;
    let removed = campaign.hold_removed().await;
    let contributed = in_order_of_acceptance(&campaign, &acknowledged).await;
    server.kill();
    judge_files(&data, &acknowledged);
    let rows = hold_pool(&data, &contributed);
    println!("{kills} kills of seed {seed}, all of it right and told of once:");
    println!("  {} uploads acknowledged, {removed} removed in the middle", acknowledged.len());
    println!("  {} contributions, of which the pool holds {rows} claims, each once", contributed.len());
    println!("  {} events, {repeated} of them sent to the webhook again", listener.events().len());
    for (doing, count) in &struck {
        println!("  {count:4} kills during {doing}");
    }
    assert!(acknowledged.len() as u64 >= kills / 8, "only {} uploads were acknowledged", acknowledged.len());
    let missed: Vec<_> =
        TARGETS.iter().map(|(target, _)| target.name()).filter(|name| !struck.contains_key(*name)).collect();
    assert!(kills < KILLS_FOR_ALL || missed.is_empty(), "no kill came during {missed:?}");
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
        for (submission, asked) in [("scoring", job.kind.scored()), ("claim_detail", job.kind.contributed())] {
            assert_eq!(count(submission, "batchFinished"), asked, "{job:?}");
            // Accepted, running, finished; a crash is no change.
            assert_eq!(count(submission, "profileUpdatedEvent"), 3 * asked, "{job:?}");
        }
        let profiled = job.kind.profiled();
        assert_eq!(count("profile", "batchFinished"), profiled, "{job:?}");
        assert_eq!(count("profile", "preliminaryProfile"), profiled, "{job:?}");
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

/// Which claims were contributed under which key, the first that was accepted first.
async fn in_order_of_acceptance(campaign: &Campaign, acknowledged: &[Job]) -> Vec<(usize, String)> {
    let contributed: BTreeMap<String, usize> = acknowledged
        .iter()
        .filter(|job| job.kind == Kind::Contribute)
        .map(|job| (job.key.to_string(), job.book))
        .collect();
    let newest_first = campaign.listed().await;
    newest_first.into_iter().rev().filter_map(|key| Some((*contributed.get(&key)?, key))).collect()
}

/// Every file of the data folder is one that something names.
fn judge_files(data: &Path, acknowledged: &[Job]) {
    let uploads: BTreeSet<_> = files(&data.join("objects/uploads")).into_iter().collect();
    assert_eq!(uploads.len(), acknowledged.len(), "an upload is there twice, or one that nothing names");
    // Of a profile also its state.
    let wanted = acknowledged.iter().map(|job| job.kind.scored() + job.kind.contributed() + 2 * job.kind.profiled());
    assert_eq!(files(&data.join("objects/results")).len(), wanted.sum::<usize>(), "what attempts left is still there");
    for folder in ["incoming", "resumable"] {
        assert_eq!(files(&data.join(folder)), Vec::<String>::new());
    }
}

/// All files below a folder.
pub fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path.display().to_string()] }).collect()
}
