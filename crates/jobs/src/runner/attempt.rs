//! One attempt at one batch, from its claim to the transaction that ends it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bordereau_base::refusal::Refusal;
use bordereau_base::state::BatchState;
use bordereau_engine::Error as EngineError;
use bordereau_engine::batch::{BatchSpec, Options};
use bordereau_engine::contribution::{Contribution, Destination};
use bordereau_engine::progress::Progress;
use bordereau_engine::release::Release;
use bordereau_engine::release::manifest::SubmissionKind;
use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::task::JoinError;

use super::profile::{FinishedProfile, profile};
use super::{checkpoint, hold_lease, later};
use crate::artefact;
use crate::batch::{Fault, Report};
use crate::contribution::{Made, Unkept, keep};
use crate::error::{Error, Result};
use crate::folder;
use crate::jobs::{Jobs, service_report};
use crate::profile::{format_release, is_profile};
use crate::room::is_full;
use crate::store::{Claim, Finished};
use crate::trace::AttemptTrace;

/// How often a batch is tried that the disk has no room for.
const ROOM_WAIT_MS: u64 = 5_000;
/// For so long after it was accepted; from then on a full disk is a fault like any other.
const ROOM_PATIENCE_MS: u64 = 24 * 3_600_000;

/// How an attempt ended.
enum Ending {
    /// Results are in place and durable.
    Results(Finished),
    /// Results are in place and durable, and rows that are to be kept made ready.
    Contribution(Box<Made>),
    /// Its last transaction was tried: whether the batch was still its own.
    Ended(bool),
    /// The full profile is in place and durable.
    Profile(FinishedProfile),
    /// The batch will never have results.
    Report(Report),
    /// The disk is full. That is nobody's fault for a while.
    NoRoom,
    /// A fault of ours; the text is for the log.
    Fault(String),
    /// The work was cancelled.
    Cancelled,
}

impl Ending {
    fn outcome(&self) -> &'static str {
        match self {
            Self::Results(_) | Self::Profile(_) | Self::Contribution(_) | Self::Ended(_) => "finished",
            Self::Report(_) => "failed",
            Self::Fault(_) => "fault",
            Self::NoRoom => "full",
            Self::Cancelled => "cancelled",
        }
    }
}

fn traced(
    claim: &Claim,
    progress: &Progress,
    began: Timestamp,
    ended: Timestamp,
    outcome: &'static str,
) -> AttemptTrace {
    let counted = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    AttemptTrace {
        customer: claim.customer.clone(),
        key: claim.key,
        attempt: u64::try_from(claim.fence.attempt).unwrap_or_default(),
        solution: claim.solution.clone(),
        submission: claim.submission.clone(),
        release: claim.release_version.clone(),
        accepted: claim.accepted,
        began,
        ended,
        stages: progress.entered(),
        outcome,
        rows: counted(&progress.rows_read),
        bytes: counted(&progress.bytes_read),
        records: progress.records_scored_here(),
    }
}

/// The attempt, to be brought to its end. It can be cancelled from now on, before it has made its first step.
pub(super) fn begin(jobs: Jobs, claim: Claim) -> impl Future<Output = ()> {
    let progress = Arc::new(Progress::default());
    jobs.running().insert((claim.fence.id, claim.fence.attempt), Arc::clone(&progress));
    run(jobs, Arc::new(claim), progress)
}

/// Makes the attempt. Faults are logged here.
async fn run(jobs: Jobs, claim: Arc<Claim>, progress: Arc<Progress>) {
    let (key, attempt) = (claim.key, claim.fence.attempt);
    tracing::info!(customer = %claim.customer, %key, attempt, "batch taken up");
    let heartbeat = tokio::spawn(hold_lease(jobs.clone(), Arc::clone(&claim), Arc::clone(&progress)));
    let measures = &jobs.inner.measures;
    measures.attempt_began();
    let began = jobs.now();
    let mut ending = work(&jobs, &claim, Arc::clone(&progress)).await;
    if let Ending::Contribution(made) = ending {
        tracing::info!(%key, attempt, records = made.contribution.records, "keeping contributed rows");
        ending = match keep(&jobs, &claim, *made, &progress).await {
            Ok(held) => Ending::Ended(held),
            Err(Unkept::Damaged { .. }) => Ending::Report(damaged_contribution()),
            Err(Unkept::Failed(error)) => self::ending(error),
        };
    }
    if matches!(ending, Ending::Fault(_) | Ending::NoRoom) {
        forget(&jobs, &claim).await;
    }
    heartbeat.abort();
    measures.attempt_ended(&progress);
    let outcome = ending.outcome();
    let settled = settle(&jobs, &claim, ending).await;
    if let Some(trace) = &jobs.inner.options.trace {
        let outcome = if matches!(settled, Ok(true)) { outcome } else { "lost" };
        trace(traced(&claim, &progress, began, jobs.now(), outcome));
    }
    jobs.running().remove(&(claim.fence.id, attempt));
    if settled.is_ok() {
        // The batch's next attempt does so otherwise, when there is one.
        let _ = tidy(&jobs, claim.fence.id, attempt + 1).await;
    }
    match settled {
        Ok(true) => {}
        Ok(false) => tracing::warn!(%key, attempt, "the batch went to another attempt; this one comes to nothing"),
        // The lease runs out, and the batch is taken up again.
        Err(error) => tracing::error!(%error, %key, attempt, "cannot write down how the attempt ended"),
    }
}

/// Removes what could be gone on from: after a fault it may have to do with it, and a full disk needs the room.
async fn forget(jobs: &Jobs, claim: &Arc<Claim>) {
    let (folder, claim) = (jobs.inner.folder.clone(), Arc::clone(claim));
    let removed = tokio::task::spawn_blocking(move || checkpoint::remove(&folder, &claim.fence)).await;
    if let Ok(Err(error)) = removed {
        tracing::warn!(%error, "a checkpoint cannot be removed");
    }
}

async fn work(jobs: &Jobs, claim: &Arc<Claim>, progress: Arc<Progress>) -> Ending {
    if claim.cancel_requested {
        return Ending::Cancelled;
    }
    if claim.crashes >= jobs.inner.options.retry.crashes_max {
        return Ending::Report(service_report("serviceCrashed", undone(claim)));
    }
    if let Err(error) = tidy(jobs, claim.fence.id, claim.fence.attempt).await {
        return fault(&error);
    }
    match jobs.check_upload(claim, &progress).await {
        Ok(true) => {}
        Ok(false) => return Ending::Cancelled,
        Err(Error::Damaged(_)) => return Ending::Report(damaged_upload()),
        Err(error) => return fault(&error),
    }
    if is_profile(&claim.solution, &claim.submission) {
        return profile_upload(jobs, claim, progress).await;
    }
    let release = match pinned_release(jobs, claim) {
        Ok(release) => release,
        Err(report) => return Ending::Report(report),
    };
    let (jobs, claim) = (jobs.clone(), Arc::clone(claim));
    let scored = tokio::task::spawn_blocking(move || score(&jobs, &claim, release, &progress)).await;
    ended(scored, |scored| match scored {
        Scored { results, contribution: None } => Ending::Results(results),
        Scored { results, contribution: Some((folder, contribution)) } => {
            Ending::Contribution(Box::new(Made { results, folder, contribution }))
        }
    })
}

/// The report for an upload that our disk has changed. Of what it holds nothing is used.
fn damaged_upload() -> Report {
    let message = "The stored upload is no longer what was sent: its bytes have changed on our side. Please send it again \
                   under another key, and tell the operator of the service.";
    Report::new(Fault::Service, "uploadDamaged", message)
}

/// The report for a contribution that cannot be put beside what our disk has changed.
fn damaged_contribution() -> Report {
    let message = "What was contributed earlier is damaged on our side, so this upload cannot be put beside it; nothing \
                   was changed. Please tell the operator of the service, and send it again under another key afterwards.";
    Report::new(Fault::Service, "contributionDamaged", message)
}

async fn profile_upload(jobs: &Jobs, claim: &Arc<Claim>, progress: Arc<Progress>) -> Ending {
    match format_release() {
        Ok((version, sha256)) if (&version, &sha256) == (&claim.release_version, &claim.release_sha256) => {}
        _ => {
            let message = "The format of profiles is not the one by which the upload was accepted.";
            return Ending::Report(Report::new(Fault::Release, "releaseChanged", message));
        }
    }
    let (jobs, claim, runtime) = (jobs.clone(), Arc::clone(claim), Handle::current());
    let profiled = tokio::task::spawn_blocking(move || profile(&jobs, &claim, &progress, &runtime)).await;
    ended(profiled, Ending::Profile)
}

/// How work on a thread ended.
fn ended<T>(
    work: std::result::Result<bordereau_engine::Result<T>, JoinError>,
    done: impl FnOnce(T) -> Ending,
) -> Ending {
    match work {
        Ok(Ok(value)) => done(value),
        Ok(Err(error)) => ending(error),
        Err(panicked) if panicked.is_panic() => Ending::Fault("a worker panicked".to_owned()),
        Err(_) => Ending::Cancelled,
    }
}

/// The release pinned at acceptance, byte for byte, or a report that says why not.
fn pinned_release(jobs: &Jobs, claim: &Claim) -> std::result::Result<Arc<Release>, Report> {
    let (solution, version) = (&claim.solution, &claim.release_version);
    let Some(release) = jobs.catalog().release(solution, version) else {
        let message = format!("Release {version} of {solution}, by which the batch was accepted, is no longer there.");
        return Err(Report::new(Fault::Release, "releaseGone", message));
    };
    if release.sha256 != claim.release_sha256 {
        let message = format!("Release {version} of {solution} is not the one by which the batch was accepted.");
        return Err(Report::new(Fault::Release, "releaseChanged", message));
    }
    Ok(Arc::clone(release))
}

/// What scoring gave; of a submission that contributes, also where the rows lie that are to be kept.
struct Scored {
    results: Finished,
    contribution: Option<(PathBuf, Contribution)>,
}

/// Scores the batch to the attempt's own path and makes the results durable. Blocks.
fn score(jobs: &Jobs, claim: &Claim, release: Arc<Release>, progress: &Progress) -> bordereau_engine::Result<Scored> {
    let (folder, settings) = (&jobs.inner.folder, &jobs.inner.options);
    let object = results_object(claim);
    let (batch, path) = (folder.object(&artefact::folder_of(&claim.fence)), folder.object(&object));
    folder::make(&batch)?;
    let options = options(jobs, claim, &release)?;
    let spec = BatchSpec {
        release,
        submission: claim.submission.clone(),
        customer: Some(claim.customer.clone()),
        batch_key: Some(claim.key),
        upload: vec![folder.object(&claim.upload_object)],
    };
    let out = File::options().read(true).write(true).create_new(true).open(&path)?;
    let outcome = (settings.score)(&spec, &options, progress, &out);
    if matches!(outcome, Err(EngineError::Cancelled))
        && let Err(error) = checkpoint::place(folder, &claim.fence)
    {
        tracing::warn!(%error, key = %claim.key, "a checkpoint cannot be put in its place; the batch starts over");
    }
    let outcome = outcome?;
    if out.metadata()?.len() != outcome.zip_bytes {
        return Err(io::Error::other("the results have another length than they should").into());
    }
    out.sync_all()?;
    folder::sync_names(&batch)?;
    for stage in &outcome.summary.timings.stages {
        jobs.inner.measures.stage(&stage.stage, stage.ms);
    }
    let summary = serde_json::to_string(&outcome.summary).map_err(io::Error::from)?;
    let results = Finished { object, sha256: outcome.zip_sha256, bytes: outcome.zip_bytes, summary };
    let contribution = options.contribution.map(|to| to.folder).zip(outcome.contribution);
    Ok(Scored { results, contribution })
}

/// How a batch is run; with a folder of the attempt for rows that are to be kept where the submission contributes.
fn options(jobs: &Jobs, claim: &Claim, release: &Release) -> io::Result<Options> {
    let (folder, settings) = (&jobs.inner.folder, &jobs.inner.options);
    let contribution = match release.kind_of(&claim.submission) {
        SubmissionKind::Scoring => None,
        SubmissionKind::Contribution => {
            let name = format!("{}/{}.contribution", artefact::folder_of(&claim.fence), claim.fence.attempt);
            let rows = folder.object(&name);
            folder::make(&rows)?;
            Some(Destination { folder: rows, accepted: claim.accepted })
        }
    };
    Ok(Options {
        limits: settings.limits.clone(),
        threads: settings.threads,
        explanations: claim.explanations,
        format: claim.format,
        scratch: settings.scratch.clone().unwrap_or_else(|| folder.scratch()),
        contribution,
        checkpoint: Some(checkpoint::of(jobs, claim)?),
    })
}

fn results_object(claim: &Claim) -> String {
    format!("{}/{}.zip", artefact::folder_of(&claim.fence), claim.fence.attempt)
}

/// Removes what attempts before `before` left in the batch's folder of results, but for what the batch names and, as
/// long as it has not ended, the newest checkpoint. Never what later ones made: this attempt may have lost its lease
/// without knowing. An earlier attempt that is still at work (it lost its lease) keeps writing to a file without a
/// name, and its commit is refused.
pub(crate) async fn tidy(jobs: &Jobs, batch: i64, before: i64) -> Result<()> {
    let store = &jobs.inner.store;
    let named = store.objects_of(batch).await?;
    let goes_on = !store.among(&[batch], &[BatchState::Accepted, BatchState::Running]).await?.is_empty();
    let folder = jobs.inner.folder.object(&format!("results/{batch}"));
    let mut kept: Vec<PathBuf> = named.iter().map(|object| jobs.inner.folder.object(object)).collect();
    let removed = tokio::task::spawn_blocking(move || {
        if goes_on {
            kept.extend(checkpoint::newest(&folder)?);
        }
        remove_left(&folder, before, &kept)
    });
    Ok(removed.await??)
}

fn remove_left(folder: &Path, before: i64, kept: &[PathBuf]) -> io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let left = entry?.path();
        let name = left.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let attempt = name.split('.').next().and_then(|number| number.parse::<i64>().ok());
        if attempt.is_some_and(|attempt| attempt < before) && !kept.contains(&left) {
            let removed = match left.is_dir() {
                true => std::fs::remove_dir_all(left),
                false => std::fs::remove_file(left),
            };
            // The sweep of another process may have been there first.
            removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
        }
    }
    Ok(())
}

/// What an error of the engine means for the batch. Texts of errors below ours may quote cells, so they are not logged.
fn ending(error: EngineError) -> Ending {
    match error {
        error if is_full(&error) => Ending::NoRoom,
        EngineError::Refused(Refusal { code, message }) => Ending::Report(Refusal { code, message }.into()),
        EngineError::Cancelled => Ending::Cancelled,
        EngineError::Release(message) => {
            let message = format!("The release cannot do what it promises: {message}");
            Ending::Report(Report::new(Fault::Release, "releaseBroken", message))
        }
        EngineError::Io(error) if folder::is_full(&error) => Ending::NoRoom,
        EngineError::Io(error) => Ending::Fault(format!("reading or writing failed: {}", error.kind())),
        error @ (EngineError::Arrow(_)
        | EngineError::DataFusion(_)
        | EngineError::Model(_)
        | EngineError::Worker(_)) => Ending::Fault(error.to_string()),
    }
}

/// What an error of ours means for the batch.
fn fault(error: &Error) -> Ending {
    match error {
        Error::Full => Ending::NoRoom,
        error => Ending::Fault(error.to_string()),
    }
}

/// What a fault of ours kept from being done.
fn undone(claim: &Claim) -> &'static str {
    match is_profile(&claim.solution, &claim.submission) {
        true => "The upload could not be profiled",
        false => "The batch could not be scored",
    }
}

/// Writes down how the attempt ended. False: the batch has gone to another attempt.
async fn settle(jobs: &Jobs, claim: &Claim, ending: Ending) -> Result<bool> {
    let (store, now) = (&jobs.inner.store, jobs.now());
    let (key, attempt) = (claim.key, claim.fence.attempt);
    match ending {
        Ending::Results(results) => {
            tracing::info!(%key, attempt, bytes = results.bytes, "batch finished");
            store.finish(claim, &results, now).await
        }
        Ending::Ended(held) => Ok(held),
        // Kept before, under the lease.
        Ending::Contribution(_) => Ok(false),
        Ending::Profile(FinishedProfile { profile, state }) => {
            tracing::info!(%key, attempt, bytes = profile.bytes, "upload profiled");
            store.finish_profile(claim, &profile, &state, now).await
        }
        Ending::Report(report) => {
            tracing::info!(%key, attempt, code = report.code, "batch failed");
            store.fail(claim, &report, now).await
        }
        Ending::Cancelled if store.cancel_requested(&claim.fence).await? => {
            tracing::info!(%key, attempt, "batch cancelled");
            store.cancelled(claim, now).await
        }
        Ending::Cancelled => {
            tracing::info!(%key, attempt, "batch given back");
            store.give_back(claim, now).await
        }
        Ending::NoRoom if now < later(claim.accepted, ROOM_PATIENCE_MS) => {
            tracing::error!(%key, attempt, "the data folder has no room left; the batch waits");
            store.wait_for_room(claim, later(now, ROOM_WAIT_MS), now).await
        }
        Ending::NoRoom => fault_again(jobs, claim, "the data folder has no room left").await,
        Ending::Fault(what) => fault_again(jobs, claim, &what).await,
    }
}

/// Puts the batch off after a fault of ours, or ends it when there were too many.
async fn fault_again(jobs: &Jobs, claim: &Claim, what: &str) -> Result<bool> {
    let (store, now, retry) = (&jobs.inner.store, jobs.now(), jobs.inner.options.retry);
    let (key, attempt) = (claim.key, claim.fence.attempt);
    jobs.inner.measures.fault();
    tracing::error!(%key, attempt, failures = claim.failures + 1, what, "an attempt failed by a fault of ours");
    if claim.failures + 1 >= retry.failures_max {
        return store.fail(claim, &service_report("serviceFailed", undone(claim)), now).await;
    }
    let doublings = u32::try_from(claim.failures).unwrap_or(u32::MAX).min(32);
    let wait_ms = retry.wait_ms.saturating_mul(1 << doublings).min(retry.wait_ms_max);
    store.put_off(claim, later(now, wait_ms), now).await
}
