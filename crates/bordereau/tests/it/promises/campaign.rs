//! Customers who send, wait and fetch while the server under them dies and comes back.
//!
//! A client does what a good one does: it chooses its keys, sends again what was not answered, and asks until there is
//! an end. So every request here is repeated until it is answered in full, and whatever the answer says must hold from
//! then on. What the results must be is known from a server that nobody harmed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bordereau_base::ids::BatchKey;
use rand::RngExt;
use rand::rngs::StdRng;
use reqwest::header::HeaderMap;
use reqwest::multipart::{Form, Part};
use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use tokio::sync::watch;

use crate::program::{PASSWORD, USER, bordereau};
use crate::results::comparable;

/// What has not come to its end by then never will. Long: every kill sends a batch back to its beginning.
const PATIENCE: Duration = Duration::from_secs(1_800);
const PAUSE: Duration = Duration::from_millis(20);
/// As in the paths of both families.
pub const SCORING: &str = "insureright/scoring";
const CONTRIBUTING: &str = "manage/claim_detail";

/// An upload, and what must come of it.
struct Book {
    zip: Vec<u8>,
    results: BTreeMap<String, Vec<u8>>,
    profile: Value,
}

impl Book {
    fn new(zip: Vec<u8>) -> Self {
        Self { zip, results: BTreeMap::new(), profile: Value::Null }
    }
}

/// What is asked for with an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Score,
    /// To be scored, sent in pieces.
    ScoreInPieces,
    Profile,
    ProfileThenSubmit,
    Contribute,
}

impl Kind {
    fn path(self) -> &'static str {
        match self {
            Self::Score | Self::ScoreInPieces | Self::ProfileThenSubmit => SCORING,
            Self::Profile => "profile",
            Self::Contribute => CONTRIBUTING,
        }
    }

    /// How many of it are scored: one or none.
    pub fn scored(self) -> usize {
        usize::from(self.path() == SCORING)
    }

    /// How many of it are profiled: one or none.
    pub fn profiled(self) -> usize {
        usize::from(matches!(self, Self::Profile | Self::ProfileThenSubmit))
    }

    /// How many of it are contributed: one or none.
    pub fn contributed(self) -> usize {
        usize::from(self == Self::Contribute)
    }
}

/// What was answered.
pub struct Answer {
    pub status: u16,
    headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Status, and the body as text.
    pub fn text(self) -> (u16, String) {
        (self.status, String::from_utf8(self.body).unwrap())
    }
}

/// One upload on its way.
#[derive(Debug, Clone, Copy)]
pub struct Job {
    pub kind: Kind,
    pub book: usize,
    pub key: BatchKey,
}

/// The customers of one server.
pub struct Campaign {
    http: Client,
    /// Where the server is, or was last.
    url: watch::Receiver<String>,
    books: Vec<Book>,
    claims: Vec<Book>,
    done: Mutex<Vec<Job>>,
    /// Uploads that are being sent.
    posting: AtomicUsize,
    /// Pieces of uploads that are being sent.
    pub sending_pieces: AtomicUsize,
    /// Where uploads were that came in pieces and were removed.
    pub removed: Mutex<Vec<String>>,
    stopping: AtomicBool,
}

/// A zip of a made-up book.
pub fn book(folder: &Path, insureds: u32, seed: u32) -> Vec<u8> {
    let demo = folder.join(format!("demo-{insureds}"));
    let (insureds, seed) = (insureds.to_string(), seed.to_string());
    let mut command = bordereau();
    command.args(["demo", "--book-only", "--insureds", &insureds, "--seed", &seed, "--dir"]).arg(&demo);
    assert!(command.status().unwrap().success());
    std::fs::read(demo.join("book.zip")).unwrap()
}

impl Campaign {
    /// Learns from the server at `url` what must come of each book, and of each contribution.
    pub async fn learn(url: watch::Receiver<String>, zips: Vec<Vec<u8>>, claims: Vec<Vec<u8>>) -> Self {
        let mut campaign = Self {
            http: crate::client::http(),
            url,
            books: zips.into_iter().map(Book::new).collect(),
            claims: claims.into_iter().map(Book::new).collect(),
            done: Mutex::default(),
            posting: AtomicUsize::new(0),
            sending_pieces: AtomicUsize::new(0),
            removed: Mutex::default(),
            stopping: AtomicBool::new(false),
        };
        for book in 0..campaign.books.len() {
            let job = Job { kind: Kind::ProfileThenSubmit, book, key: BatchKey::random() };
            campaign.send(&job).await;
            let (results, profile) = (campaign.results(&job).await, campaign.profile(job.key).await);
            campaign.books[book].results = results;
            campaign.books[book].profile = profile;
        }
        for book in 0..campaign.claims.len() {
            let job = Job { kind: Kind::Contribute, book, key: BatchKey::random() };
            campaign.send(&job).await;
            campaign.claims[book].results = campaign.results(&job).await;
        }
        campaign
    }

    /// The same customers at another server.
    pub fn moved_to(self, url: watch::Receiver<String>) -> Self {
        Self { url, ..self }
    }

    /// Sends one upload after the other until [`Campaign::stop`]; holds each against what must come of it.
    pub async fn go_on(&self, mut chance: StdRng) {
        while !self.stopping.load(Ordering::Relaxed) {
            let kind = match chance.random_range(0..6) {
                0 => Kind::Profile,
                1 => Kind::ProfileThenSubmit,
                2 => Kind::Contribute,
                3 => Kind::ScoreInPieces,
                _ => Kind::Score,
            };
            self.carry_out(self.job(kind, &mut chance)).await;
        }
    }

    /// A fresh upload of a kind, of any book that there is of it.
    pub fn job(&self, kind: Kind, chance: &mut StdRng) -> Job {
        let books = if kind == Kind::Contribute { &self.claims } else { &self.books };
        Job { kind, book: chance.random_range(0..books.len()), key: BatchKey::random() }
    }

    fn book(&self, job: &Job) -> &Book {
        if job.kind == Kind::Contribute { &self.claims[job.book] } else { &self.books[job.book] }
    }

    /// Begins no further upload.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Sends one upload, waits for its end, and holds that against what it must be.
    pub async fn carry_out(&self, job: Job) {
        self.send(&job).await;
        // From here on it is acknowledged.
        self.done.lock().unwrap().push(job);
        self.hold(&job).await;
    }

    /// All that was acknowledged.
    pub fn acknowledged(&self) -> Vec<Job> {
        self.done.lock().unwrap().clone()
    }

    /// Whether an upload is being sent.
    pub fn is_posting(&self) -> bool {
        self.posting.load(Ordering::Relaxed) > 0
    }

    /// Holds what came of an upload against what it must be.
    pub async fn hold(&self, job: &Job) {
        let book = self.book(job);
        if job.kind.profiled() > 0 {
            assert_eq!(self.profile(job.key).await, book.profile, "the profile of {job:?} is another");
        }
        if job.kind != Kind::Profile {
            let results = self.results(job).await;
            assert!(results.keys().eq(book.results.keys()), "{job:?}: {:?}", results.keys());
            for (name, bytes) in &book.results {
                let found = &results[name];
                let from = found.iter().zip(bytes).take_while(|(one, other)| one == other).count();
                let shown = |bytes: &[u8]| {
                    String::from_utf8_lossy(&bytes[from.min(bytes.len())..]).chars().take(200).collect::<String>()
                };
                assert!(found == bytes, "{name} of {job:?} is another: {:?} was {:?}", shown(found), shown(bytes));
            }
        }
    }

    /// Keys of all that the customer has.
    pub async fn listed(&self) -> Vec<String> {
        let (mut keys, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/2/batches?limit=500{cursor}");
            let page: Value = serde_json::from_slice(&self.get(&path).await).unwrap();
            let batches = page["batches"].as_array().unwrap();
            keys.extend(batches.iter().map(|batch| batch["batchKey"].as_str().unwrap().to_owned()));
            match page["cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return keys,
            }
        }
    }

    /// The stage of what runs now, as far as the server answers. What packs a contribution keeps its rows then.
    pub async fn stage(&self) -> Option<String> {
        let url = self.url.borrow().clone();
        let asked = self.http.get(format!("{url}/api/2/batches?state=running&limit=4"));
        let text = asked.basic_auth(USER, Some(PASSWORD)).send().await.ok()?.text().await.ok()?;
        let page: Value = serde_json::from_str(&text).ok()?;
        let stages = page["batches"].as_array()?.iter().filter_map(|batch| {
            let stage = batch["progress"]["stage"].as_str()?;
            let is_keeping = stage == "pack" && batch["submission"] == "claim_detail";
            Some(if is_keeping { "keep" } else { stage }.to_owned())
        });
        stages.into_iter().next()
    }

    /// Sends the upload until it is answered, with whatever.
    pub async fn post(&self, job: &Job) -> (u16, String) {
        let (key, zip) = (job.key, &self.book(job).zip);
        let path = if job.kind.profiled() > 0 { "profile" } else { job.kind.path() };
        let answer = self.ask(|http, url| {
            let form = Form::new().part("file", Part::bytes(zip.clone()).file_name("book.zip"));
            http.post(format!("{url}/api/2/batch/{path}?batchKey={key}")).multipart(form)
        });
        answer.await.text()
    }

    async fn send(&self, job: &Job) {
        if job.kind == Kind::ScoreInPieces {
            return self.send_in_pieces(job.key, &self.book(job).zip).await;
        }
        let key = job.key.to_string();
        self.posting.fetch_add(1, Ordering::Relaxed);
        assert_eq!(self.post(job).await, (200, key.clone()), "{job:?}");
        self.posting.fetch_sub(1, Ordering::Relaxed);
        if job.kind == Kind::ProfileThenSubmit {
            let answer =
                self.ask(|http, url| http.get(format!("{url}/solutions/batch/1/{SCORING}/{key}/submit"))).await;
            assert_eq!(answer.text(), (200, key), "{job:?}");
        }
    }

    /// The members of the results, without timings, key and digest.
    async fn results(&self, job: &Job) -> BTreeMap<String, Vec<u8>> {
        let (key, path) = (job.key, if job.kind == Kind::Contribute { CONTRIBUTING } else { SCORING });
        let mut members = comparable(&self.get(&format!("/api/2/batch/{path}/{key}")).await);
        let mut summary: Value = serde_json::from_slice(&members["summary.json"]).unwrap();
        let summary_members = summary.as_object_mut().unwrap();
        assert_eq!(summary_members.remove("batch_key").unwrap(), key.to_string());
        // It is over the key as well.
        assert!(summary_members.remove("digest").is_some());
        members.insert("summary.json".to_owned(), serde_json::to_vec(&summary).unwrap());
        members
    }

    /// The full profile, without timings.
    async fn profile(&self, key: BatchKey) -> Value {
        let began = Instant::now();
        loop {
            let bytes = self.get(&format!("/api/2/batch/unstructured/{key}/profile")).await;
            let mut profile: Value = serde_json::from_slice(&bytes).unwrap();
            if profile["state"] == "full" {
                assert!(profile.as_object_mut().unwrap().remove("timings").is_some());
                return profile;
            }
            assert!(began.elapsed() < PATIENCE, "the profile {key} never becomes full");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Asks until the answer is 200.
    async fn get(&self, path: &str) -> Vec<u8> {
        let began = Instant::now();
        loop {
            let answer = self.ask(|http, url| http.get(format!("{url}{path}"))).await;
            match answer.status {
                200 => return answer.body,
                404 => assert!(began.elapsed() < PATIENCE, "{path} never ends"),
                status => panic!("{path}: {status} {}", answer.text().1),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Sends a request until it is answered in full.
    pub async fn ask(&self, request: impl Fn(&Client, &str) -> RequestBuilder) -> Answer {
        let began = Instant::now();
        loop {
            if let Some(answer) = self.once(&request).await {
                return answer;
            }
            assert!(began.elapsed() < PATIENCE, "the server does not come back");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Sends a request once; none when it is not answered in full.
    pub async fn once(&self, request: &impl Fn(&Client, &str) -> RequestBuilder) -> Option<Answer> {
        let url = self.url.borrow().clone();
        let response = request(&self.http, &url).basic_auth(USER, Some(PASSWORD)).send().await.ok()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Some(Answer { status, headers, body: response.bytes().await.ok()?.to_vec() })
    }
}
