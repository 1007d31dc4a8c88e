//! A data folder in a temporary place with two tiny releases, a scoring function that can be made faulty, and a clock
//! that stands still.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bordereau_base::dictionary::Dictionary;
use bordereau_base::digest::hex;
use bordereau_base::ids::{BatchKey, CustomerName};
use bordereau_base::refusal::{Refusal, RefusalCode};
use bordereau_engine::batch::{BatchSpec, Options, Outcome, ResultFormat};
use bordereau_engine::catalog::Catalog;
use bordereau_engine::progress::Progress;
use bordereau_engine::release::Release;
use bordereau_engine::release::layout::Layout;
use bordereau_engine::summary::{Counts, ReleaseSummary, Summary, Timings};
use bordereau_files::intake::IntakeError;
use bordereau_jobs::{
    Accepted, Actor, BatchRequest, BatchResults, Caller, Error, EventName, Grant, Jobs, JobsOptions, Password, Report,
    Retry, Role, User,
};
use bytes::Bytes;
use futures::StreamExt;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

pub const START_MS: i64 = 1_800_000_000_000;

/// A clock that a test moves.
#[derive(Clone)]
pub struct TestClock(Arc<AtomicI64>);

impl TestClock {
    pub fn advance_ms(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

pub struct World {
    pub folder: tempfile::TempDir,
    pub clock: TestClock,
}

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, clock: TestClock(Arc::new(AtomicI64::new(START_MS))) }
    }

    pub fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    pub fn options(&self) -> JobsOptions {
        let clock = self.clock.clone();
        JobsOptions {
            clock: Arc::new(move || Timestamp::from_millisecond(clock.0.load(Ordering::SeqCst)).unwrap()),
            ..options(&self.data())
        }
    }

    pub async fn open(&self) -> Jobs {
        Jobs::open(self.options()).await.unwrap()
    }

    /// Opens the folder and adds customers `valen` and `acme` with a user each.
    pub async fn open_with_customers(&self) -> (Jobs, Caller, Caller) {
        let jobs = self.open().await;
        let jane = add_user(&jobs, "jane", "valen").await;
        let joe = add_user(&jobs, "joe", "acme").await;
        (jobs, jane, joe)
    }

    /// All files of the data folder below `part`, as paths from there.
    pub fn files(&self, part: &str) -> Vec<String> {
        let mut found = Vec::new();
        list(&self.data().join(part), "", &mut found);
        found.sort();
        found
    }
}

fn list(folder: &Path, prefix: &str, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            list(&entry.path(), &format!("{name}/"), found);
        } else {
            found.push(name);
        }
    }
}

pub fn options(data: &Path) -> JobsOptions {
    JobsOptions {
        score: Arc::new(score),
        check_upload: Arc::new(|path, _| check_upload(path)),
        poll_ms: 2,
        retry: Retry { failures_max: 3, crashes_max: 100, wait_ms: 1_000, wait_ms_max: 1_500 },
        ..JobsOptions::new(data, Arc::new(catalog(&["1.0.0", "1.1.0"])))
    }
}

pub fn catalog(versions: &[&str]) -> Catalog {
    let mut catalog = Catalog::default();
    for version in versions {
        catalog.add(release(version, &format!("digest of {version}")));
    }
    catalog
}

/// A release that nothing can be scored by; version 1.1.0 becomes active an hour after the test's start.
pub fn release(version: &str, sha256: &str) -> Release {
    let ms = if version == "1.1.0" { START_MS + 3_600_000 } else { START_MS - 1 };
    let active_from = Timestamp::from_millisecond(ms).unwrap();
    let manifest = format!(
        "solution = 'insureright'\nversion = '{version}'\ntitle = 'Tiny'\nactive_from = '{active_from}'\nrecord = 'insured'\n\
         [submissions.scoring]\ntitle = 'Scoring'\n[submissions.quick]\ntitle = 'Quick'\n"
    );
    Release {
        manifest: toml::from_str(&manifest).unwrap(),
        dictionary: Dictionary { name: None, title: None, description: None, relations: Vec::new() },
        datapackage: String::new(),
        features_sql: String::new(),
        features: Arc::new(arrow::datatypes::Schema::empty()),
        layout: Layout { record: 0, relations: vec![], key_sets: vec![], references: vec![], descent: vec![] },
        rules: Vec::new(),
        models: Vec::new(),
        sha256: sha256.to_owned(),
    }
}

fn check_upload(path: &Path) -> Result<(), IntakeError> {
    if std::fs::read(path)?.starts_with(b"bad") {
        let message = "error opening zipfile zipfile could not be opened";
        return Err(IntakeError::Refused(Refusal::new(RefusalCode::NotAZip, message)));
    }
    Ok(())
}

/// Results that tell which upload, release and format they were made of, and nothing of the attempt.
pub fn results_of(upload: &[u8], version: &str) -> Vec<u8> {
    let mut results = format!("results by {version} of ").into_bytes();
    results.extend_from_slice(upload);
    results
}

pub fn score(spec: &BatchSpec, _: &Options, progress: &Progress, mut out: &File) -> bordereau_engine::Result<Outcome> {
    progress.check()?;
    let upload = std::fs::read(&spec.upload[0])?;
    let results = results_of(&upload, spec.release.manifest.version.as_str());
    out.write_all(&results)?;
    Ok(Outcome {
        summary: summary(spec),
        zip_sha256: hex(&Sha256::digest(&results)),
        zip_bytes: results.len() as u64,
        contribution: None,
    })
}

fn summary(spec: &BatchSpec) -> Summary {
    let manifest = &spec.release.manifest;
    Summary {
        customer: spec.customer.clone(),
        batch_key: spec.batch_key,
        solution: manifest.solution.clone(),
        submission: spec.submission.clone(),
        release: ReleaseSummary {
            version: manifest.version.clone(),
            title: manifest.title.clone(),
            sha256: spec.release.sha256.clone(),
            demonstration: true,
        },
        records: Counts { read: 2, scored: 1, contributed: None, rejected: 1 },
        relations: Vec::new(),
        models: Vec::new(),
        findings: Vec::new(),
        notes: Vec::new(),
        digest: String::new(),
        timings: Timings::default(),
    }
}

pub async fn add_user(jobs: &Jobs, name: &str, customer: &str) -> Caller {
    let customer: CustomerName = customer.parse().unwrap();
    jobs.accounts(Actor::program()).add_customer(&customer).await.unwrap();
    let user = User::new(name.parse().unwrap(), customer, vec![Grant::ALL]);
    jobs.accounts(Actor::program()).add_user(&user, Password::chosen("opensesame").unwrap()).await.unwrap();
    Caller::new(user)
}

/// A test user of a customer that is there already.
pub async fn add_tester(jobs: &Jobs, name: &str, customer: &str) -> Caller {
    let user =
        User { role: Role::TestUser, ..User::new(name.parse().unwrap(), customer.parse().unwrap(), vec![Grant::ALL]) };
    jobs.accounts(Actor::program()).add_user(&user, Password::chosen("opensesame").unwrap()).await.unwrap();
    Caller::new(user)
}

pub fn request() -> BatchRequest {
    BatchRequest {
        solution: "insureright".parse().unwrap(),
        submission: "scoring".parse().unwrap(),
        version: None,
        key: None,
        format: ResultFormat::Csv,
        explanations: None,
    }
}

pub fn keyed(key: BatchKey) -> BatchRequest {
    BatchRequest { key: Some(key), ..request() }
}

pub async fn submit(jobs: &Jobs, caller: &Caller, request: BatchRequest, upload: &[u8]) -> Result<Accepted, Error> {
    let mut receiver = jobs.begin_upload(caller, request).await?;
    for piece in upload.chunks(7) {
        receiver.write(Bytes::copy_from_slice(piece)).await?;
    }
    receiver.finish().await
}

/// Runs batches until none of `keys` changes any more.
pub async fn run_until_final(jobs: &Jobs, customer: &CustomerName, keys: &[BatchKey]) {
    let all_final = async {
        for key in keys {
            while !jobs.status(customer, *key).await.unwrap().unwrap().state.is_final() {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        }
    };
    jobs.run(all_final).await.unwrap();
}

/// The bytes of a batch's results, or its report.
pub async fn fetch(jobs: &Jobs, caller: &Caller, key: BatchKey) -> Result<Vec<u8>, Report> {
    let asked = request();
    match jobs.results(caller, &asked.solution, &asked.submission, key).await.unwrap() {
        BatchResults::Ready(mut file) => {
            let mut bytes = Vec::new();
            while let Some(piece) = file.content.next().await {
                bytes.extend_from_slice(&piece.unwrap());
            }
            assert_eq!(bytes.len() as u64, file.bytes);
            Ok(bytes)
        }
        BatchResults::Failed(report) => Err(report),
        other => panic!("neither results nor report: {}", name(&other)),
    }
}

pub fn name(results: &BatchResults) -> &'static str {
    match results {
        BatchResults::Unknown => "unknown",
        BatchResults::Pending(_) => "pending",
        BatchResults::Failed(_) => "failed",
        BatchResults::Ended(_) => "ended",
        BatchResults::Ready(_) => "ready",
    }
}

pub async fn states(jobs: &Jobs, customer: &CustomerName, key: BatchKey) -> Vec<&'static str> {
    let events = jobs.events(customer, 0).await.unwrap();
    let sequences: Vec<u64> = events.iter().map(|event| event.sequence).collect();
    assert_eq!(sequences, (1..=events.len() as u64).collect::<Vec<_>>(), "no holes");
    let changes = events.iter().filter(|event| event.name == EventName::ProfileUpdated);
    changes
        .filter_map(|event| event.batch())
        .filter(|batch| batch.key == key)
        .map(|batch| batch.state.as_str())
        .collect()
}
