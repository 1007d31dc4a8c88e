//! One batch from upload to results zip: the stages in run order.
//!
//! [`score_batch`] opens the upload and runs `validate`, `link`, `score` (or `contribute`, where the submission
//! contributes data) and `pack`, each over what the one before gave. Everything between two stages lies in unnamed
//! scratch files, so memory does not grow with the upload. The results depend on upload, release, format and the number
//! of explanations, and on nothing else. A batch that was cut short starts over, but for what a
//! [`Checkpoint`] saves of the stage `score`.

use std::borrow::Cow;
use std::fs::File;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bordereau_base::ids::{BatchKey, CustomerName, SubmissionName};
use bordereau_base::limits::IntakeLimits;
use bordereau_base::ordered;
use bordereau_base::state::Stage;
use bordereau_files::intake::Upload;
use bordereau_files::results::Member;

use crate::checkpoint::{Checkpoint, Told};
use crate::contribution::{Contribution, Destination};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::release::manifest::{Explanations, ModelSpec, SubmissionKind};
use crate::release::{Release, ReleaseModel};
use crate::stages::contribute::contribute;
use crate::stages::link::{Linked, link};
use crate::stages::pack::{RowMembers, pack};
use crate::stages::resources::Resources;
use crate::stages::score::{BusyTime, ModelCounts, Scored, score};
use crate::stages::tables::{Chunk, Table};
use crate::stages::validate::{Input, Judgement, validate};
use crate::summary::{
    Counts, ExplanationSummary, ModelSummary, OutputFieldSummary, RelationSummary, ReleaseSummary, ScoreBusy,
    StageTiming, Summary, Timings, UnknownCategories,
};

/// What is to be scored, and for whom.
#[derive(Debug, Clone)]
pub struct BatchSpec {
    /// The release, pinned when the batch was accepted.
    pub release: Arc<Release>,
    /// What is asked of the solution.
    pub submission: SubmissionName,
    /// Absent on the command line.
    pub customer: Option<CustomerName>,
    /// Absent on the command line.
    pub batch_key: Option<BatchKey>,
    /// One zip, or one folder, or single delimited files.
    pub upload: Vec<PathBuf>,
}

/// The format of the members with rows of a results zip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResultFormat {
    /// `outputs.csv`, `explanations.csv`, `errors.csv`.
    #[default]
    Csv,
    /// `outputs.parquet`, `explanations.parquet`, `errors.parquet`.
    Parquet,
}

/// How a batch is run. Nothing here but `explanations` and `format` changes the results.
#[derive(Debug, Clone)]
pub struct Options {
    /// Caps on the upload.
    pub limits: IntakeLimits,
    /// Worker threads.
    pub threads: NonZeroUsize,
    /// How many features explain a prediction; the release's own setting when absent.
    pub explanations: Option<Explanations>,
    /// Format of the results.
    pub format: ResultFormat,
    /// Folder for scratch files; they are unnamed and vanish with the process.
    pub scratch: PathBuf,
    /// Where the rows of a submission that contributes data go; when absent they go nowhere.
    pub contribution: Option<Destination>,
    /// How scoring is saved when it is to stop, and gone on with; it starts over when absent.
    pub checkpoint: Option<Checkpoint>,
}

impl Options {
    /// Tells what becomes of the checkpoint, where there is one.
    pub(crate) fn tell(&self, told: Told) {
        self.checkpoint.iter().for_each(|checkpoint| (checkpoint.tell)(told.clone()));
    }
}

/// What a batch gave.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// As in `summary.json` of the results.
    pub summary: Summary,
    /// SHA-256 of the whole results zip, in hex.
    pub zip_sha256: String,
    /// Bytes of the results zip.
    pub zip_bytes: u64,
    /// What was written to [`Options::contribution`].
    pub contribution: Option<Contribution>,
}

/// Scores a batch, or contributes it, and writes its results zip to `out`, which is left unsynced. Blocks; starts its
/// own threads.
///
/// # Errors
/// [`crate::Error::Refused`] when the upload as a whole is not taken, [`crate::Error::Cancelled`] soon after
/// [`Progress::cancel`], others as they say. `out` then holds nothing of use.
pub fn score_batch(spec: &BatchSpec, options: &Options, progress: &Progress, out: &File) -> Result<Outcome> {
    let began = Instant::now();
    progress.enter(Stage::Validate);
    let upload = Upload::open(&spec.upload, &options.limits)?;
    score_input(spec, Input::Upload(&upload), upload.notes(), began, options, progress, out)
}

/// As [`score_batch`], over an input that is open already; `spec.upload` is not looked at. `notes` go into the summary,
/// `began` is when the batch did.
///
/// # Errors
/// As [`score_batch`].
pub fn score_input(
    spec: &BatchSpec,
    input: Input<'_>,
    notes: &[String],
    began: Instant,
    options: &Options,
    progress: &Progress,
    out: &File,
) -> Result<Outcome> {
    let release = spec.release.as_ref();
    let kind = release.kind_of(&spec.submission);
    let layout = match kind {
        SubmissionKind::Scoring => Cow::Borrowed(&release.layout),
        SubmissionKind::Contribution => Cow::Owned(release.layout.reading_all(&release.dictionary)),
    };
    let judgement = Judgement { layout: &layout, ..release.into() };
    let resources = Resources::new(options.threads, &options.scratch);
    let mut clock = StageClock::new(began);
    let validated = validate(input, judgement, &resources, progress)?;
    clock.ends(Stage::Validate, progress.rows_read.load(Ordering::Relaxed));
    let linked = link(validated, judgement, &resources, progress)?;
    clock.ends(Stage::Link, linked.rows.iter().map(|rows| rows.read).sum());
    let made = match kind {
        SubmissionKind::Scoring => scored(release, &linked, options, progress, &mut clock)?,
        SubmissionKind::Contribution => contributed(spec, &linked, options, progress, &mut clock)?,
    };
    progress.enter(Stage::Pack);
    let models = made.scored.as_ref().map_or(&[][..], |scored| &scored.models);
    let mut summary = summary(spec, &linked, notes, models);
    let errors = match errors(&linked, options, progress) {
        Err(Error::Cancelled) if progress.is_draining() => {
            // Nothing of it is to be done again.
            made.scored.iter().for_each(|scored| scored.keep(release, &linked, options));
            return Err(Error::Cancelled);
        }
        errors => errors?,
    };
    clock.ends(Stage::Pack, linked.records.scored);
    summary.timings = clock.total();
    let (outputs, explanations) = made.scored.map(|scored| (scored.outputs, scored.explanations)).unzip();
    let rows = RowMembers { outputs, explanations: explanations.flatten(), errors };
    let packed = pack(spec, options, rows, &mut summary, out)?;
    // The zip itself cannot say how long it took to write it.
    clock.extends_last(linked.records.scored);
    summary.timings = clock.total();
    let (zip_sha256, zip_bytes) = (packed.zip_sha256, packed.zip_bytes);
    Ok(Outcome { summary, zip_sha256, zip_bytes, contribution: made.contribution })
}

/// What became of the accepted records.
#[derive(Default)]
struct Made {
    scored: Option<Scored>,
    contribution: Option<Contribution>,
}

fn scored(
    release: &Release,
    linked: &Linked,
    options: &Options,
    progress: &Progress,
    clock: &mut StageClock,
) -> Result<Made> {
    progress.enter(Stage::Score);
    let scored = score(release, linked, options, progress)?;
    clock.ends(Stage::Score, linked.records.scored);
    clock.timings.score_busy = scored.busy.in_ms();
    Ok(Made { scored: Some(scored), contribution: None })
}

fn contributed(
    spec: &BatchSpec,
    linked: &Linked,
    options: &Options,
    progress: &Progress,
    clock: &mut StageClock,
) -> Result<Made> {
    let Some(to) = &options.contribution else { return Ok(Made::default()) };
    let resources = Resources::new(options.threads, &options.scratch);
    let contribution = contribute(spec, linked, to, &resources, progress)?;
    clock.ends(Stage::Contribute, linked.records.scored);
    Ok(Made { contribution: Some(contribution), ..Made::default() })
}

/// Times the stages, one after the other.
struct StageClock {
    began: Instant,
    stage_began: Instant,
    last: Instant,
    timings: Timings,
}

impl StageClock {
    fn new(began: Instant) -> Self {
        Self { began, stage_began: began, last: began, timings: Timings::default() }
    }

    fn ends(&mut self, stage: Stage, rows: u64) {
        self.stage_began = self.last;
        self.last = Instant::now();
        self.timings.stages.push(timing(stage, rows, self.last - self.stage_began));
    }

    /// What came after the last stage's end belongs to it too.
    fn extends_last(&mut self, rows: u64) {
        self.last = Instant::now();
        if let Some(last) = self.timings.stages.last_mut() {
            *last = timing(Stage::Pack, rows, self.last - self.stage_began);
        }
    }

    fn total(&self) -> Timings {
        Timings { total_ms: in_ms(self.last - self.began), ..self.timings.clone() }
    }
}

fn timing(stage: Stage, rows: u64, took: Duration) -> StageTiming {
    let per_second = rows as f64 / took.as_secs_f64().max(1e-9);
    StageTiming { stage: stage.as_str().to_owned(), ms: in_ms(took), rows_per_second: per_second.round() }
}

/// The member `errors`: every finding.
fn errors(linked: &Linked, options: &Options, progress: &Progress) -> Result<Member> {
    let mut table = Table::create("errors", &linked.findings_schema(), options.format, &options.scratch)?;
    let mut findings = linked.findings();
    let worker = || |batch| Chunk::new(batch, options.format);
    let source = || {
        progress.check()?;
        findings.next().transpose()
    };
    ordered::run("pack", options.threads, source, worker, |chunk| table.append(chunk))?;
    table.finish()
}

fn summary(spec: &BatchSpec, linked: &Linked, notes: &[String], models: &[ModelCounts]) -> Summary {
    let release = &spec.release;
    let contributes = release.kind_of(&spec.submission) == SubmissionKind::Contribution;
    let counts = |counts: Counts| if contributes { counts.as_contributed() } else { counts };
    let relations =
        linked.relations.iter().map(|relation| RelationSummary { rows: counts(relation.rows), ..relation.clone() });
    let models = release.models.iter().zip(&release.manifest.models).zip(models);
    Summary {
        customer: spec.customer.clone(),
        batch_key: spec.batch_key,
        solution: release.manifest.solution.clone(),
        submission: spec.submission.clone(),
        release: ReleaseSummary {
            version: release.manifest.version.clone(),
            title: release.manifest.title.clone(),
            sha256: release.sha256.clone(),
            demonstration: release.manifest.demonstration,
        },
        records: counts(linked.records),
        relations: relations.collect(),
        models: models.map(model_summary).collect(),
        findings: linked.finding_counts.clone(),
        notes: notes.iter().chain(&linked.notes).cloned().collect(),
        digest: String::new(),
        timings: Timings::default(),
    }
}

fn model_summary(((model, spec), counts): ((&ReleaseModel, &ModelSpec), &ModelCounts)) -> ModelSummary {
    let unknown = model.model.inputs().iter().zip(&counts.unknown).filter(|(_, records)| **records > 0);
    let unknown = unknown.map(|(input, records)| UnknownCategories { input: input.name.clone(), records: *records });
    let predicted: u64 = counts.bins.bins.iter().sum();
    let fields = model.fields.iter().zip(&counts.missing).map(|(field, missing)| OutputFieldSummary {
        field: field.name.clone(),
        column: field.column.clone(),
        kind: if field.asked.is_text { "text" } else { "number" }.to_owned(),
        missing: *missing,
    });
    ModelSummary {
        name: spec.name.clone(),
        title: spec.title.clone(),
        file: spec.file.clone(),
        sha256: model.sha256.clone(),
        bins: counts.bins.bins.clone(),
        without_prediction: counts.bins.without_prediction,
        unknown_categories: unknown.collect(),
        explained: counts.explained,
        not_explained: predicted.saturating_sub(counts.explained),
        explanation: model.model.method().map(|method| ExplanationSummary {
            method: method.name().to_owned(),
            background_rows: method.background_rows().map(|rows| rows as u64),
            base: model.model.bias().get(model.output).copied().filter(|base| base.is_finite()),
        }),
        output_fields: fields.collect(),
    }
}

impl BusyTime {
    fn in_ms(self) -> ScoreBusy {
        ScoreBusy {
            features_ms: in_ms(self.features),
            score_ms: in_ms(self.score),
            explain_ms: in_ms(self.explain),
            write_ms: in_ms(self.write),
        }
    }
}

fn in_ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
