//! Features, scores and explanations of the accepted records, range by range.
//!
//! Each range is read, put through the planned query ([`plan`]) and turned into rows of the results ([`outputs`],
//! [`explanations`]) on one worker thread, compression included; the calling thread appends the finished pieces in the
//! order of the ranges. Ranges are the same for any number of threads, so the results are too. Records are scored slice
//! by slice and explained by larger blocks ([`explain`]); where a release explains a share of them by their rank,
//! explaining waits until all are scored (`later`). Memory: two ranges a thread; of contributions no more than
//! `ENTRIES_MAX` a thread, whatever the number of features that are listed.
//!
//! What was taken is at any moment that of the ranges up to one, so it can be saved when the work is to stop and gone
//! on with by another process (`kept`).

pub mod explain;
pub mod explanations;
mod kept;
mod later;
pub mod outputs;
pub mod plan;
mod ranks;
mod slices;

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use bordereau_base::ordered;
use bordereau_files::results::Member;
use tokio::runtime::Runtime;

use crate::batch::{Options, ResultFormat};
use crate::checkpoint::Told;
use crate::error::{Error, Result};
use crate::functions::{Asked, take_kernel_time};
use crate::progress::Progress;
use crate::release::Release;
use crate::release::manifest::Explanations;
use crate::stages::link::Linked;
use crate::stages::tables::{Chunk, Table};
use explain::{Block, Explainer};
use explanations::ExplanationTable;
use kept::Done;
use later::{Chosen, Explained, Kept, Waiting};
use outputs::{BinCounts, Outputs};
use plan::{ScorePlan, ScoredRows};
use slices::SLICE_RECORDS;

/// Contributions that a thread holds at most, beside those of eight records.
const ENTRIES_MAX: usize = 1 << 18;

/// Records that are explained together at most: as many as the kernels take at once.
const EXPLAIN_RECORDS: usize = 8_192;

/// Rows of explanations that are written together, about.
const PIECE_ROWS: usize = 1 << 16;

/// What one model gave over all records.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ModelCounts {
    /// Records in each bin, and without a prediction.
    pub bins: BinCounts,
    /// For each input of the model, records whose category it does not know.
    pub unknown: Vec<u64>,
    /// For each field of the model's own output, records without a value.
    pub missing: Vec<u64>,
    /// Records that are explained, whether or not anything moved their prediction.
    pub explained: u64,
}

/// Time the workers spent on each kind of work, all threads together.
#[derive(Debug, Clone, Copy, Default)]
pub struct BusyTime {
    /// Reading ranges and running the feature query.
    pub features: Duration,
    /// Predicting.
    pub score: Duration,
    /// Explaining.
    pub explain: Duration,
    /// Turning rows into bytes.
    pub write: Duration,
}

/// What the stage gives.
#[derive(Debug)]
pub struct Scored {
    /// The member `outputs`.
    pub outputs: Member,
    /// The member `explanations`; absent when none were asked for.
    pub explanations: Option<Member>,
    /// Each model in the order of the manifest.
    pub models: Vec<ModelCounts>,
    /// Where the time went.
    pub busy: BusyTime,
    /// What was done, and what of it by an earlier attempt.
    done: Done,
    resumed: Done,
}

/// One range, finished.
struct Finished {
    records: u64,
    outputs: Chunk,
    explanations: Vec<Chunk>,
    models: Vec<ModelCounts>,
    kept: Option<Kept>,
    busy: BusyTime,
}

/// All that the workers share.
struct Work<'a> {
    release: &'a Release,
    linked: &'a Linked,
    progress: &'a Progress,
    format: ResultFormat,
    plan: ScorePlan,
    outputs: Outputs<'a>,
    explanations: Option<ExplanationTable>,
    explainer: Explainer<'a>,
    /// Records that are explained together.
    block_records: usize,
    /// Whether explaining waits until all are scored.
    waits: bool,
}

/// How many features explain a prediction: what is asked for, else what the release says.
pub fn explanations_asked(release: &Release, options: &Options) -> Explanations {
    options.explanations.unwrap_or(release.manifest.outputs.explanations)
}

/// What is asked of each model.
fn asked(release: &Release, top: u16) -> Vec<Asked> {
    let pairs = release.manifest.models.iter().zip(&release.models);
    let asked = pairs.map(|(spec, model)| {
        let fields = model.fields.iter().map(|field| field.asked).collect();
        Asked { output: model.output, top, rows: spec.explain, fields }
    });
    asked.collect()
}

/// Records explained at a time, so that their contributions stay below [`ENTRIES_MAX`].
fn block_records(release: &Release, top: u16) -> usize {
    let entries = release.models.iter().map(|model| model.inputs.len().min(usize::from(top)));
    (ENTRIES_MAX / entries.sum::<usize>().max(1)).clamp(8, EXPLAIN_RECORDS)
}

/// Runs the stage.
///
/// # Errors
/// [`crate::Error::Release`] when the feature query gives a record no row or more than one,
/// [`Error::Cancelled`], others as they say.
pub fn score(release: &Release, linked: &Linked, options: &Options, progress: &Progress) -> Result<Scored> {
    let features_asked = explanations_asked(release, options);
    let top = match features_asked {
        Explanations::Top(count) => count,
        Explanations::All => u16::MAX,
    };
    let all = asked(release, top);
    let waits = top > 0 && all.iter().any(|asked| asked.rows.by_rank());
    let plan = ScorePlan::new(release, &asked(release, 0), SLICE_RECORDS)?;
    let explanations = (top > 0).then(|| ExplanationTable::new(release, &plan.features, features_asked));
    let (outputs, format) = (Outputs::new(release), options.format);
    progress.records_total.store(linked.records.scored, Ordering::Relaxed);
    let (explainer, block_records) = (Explainer::new(release, all), block_records(release, top));
    let work = Work { release, linked, progress, format, plan, outputs, explanations, explainer, block_records, waits };
    let mut gathered = match kept::resumed(&work, options)? {
        Some(gathered) => gathered,
        None => Gathered::new(&work, &options.scratch)?,
    };
    let mut chosen = None;
    let filled = fill(&work, options, &mut gathered, &mut chosen);
    if matches!(filled, Err(Error::Cancelled)) && progress.is_draining() {
        gathered.keep(&work, options, chosen);
        return Err(Error::Cancelled);
    }
    filled.and_then(|()| gathered.finish())
}

/// Scores and explains what is not done yet. What is to be explained after all is scored goes to `chosen`.
fn fill(work: &Work<'_>, options: &Options, gathered: &mut Gathered, chosen: &mut Option<Chosen>) -> Result<()> {
    let mut ranges = gathered.done.ranges..work.linked.ranges();
    let worker = || {
        let mut runtime = None;
        move |range| work.range(&mut runtime, range)
    };
    let sink = |finished| {
        gathered.take(finished, work.progress)?;
        options.tell(Told::Scored { ranges: gathered.done.ranges });
        // After the last one there is nothing left to stop.
        if gathered.done.ranges < work.linked.ranges() { work.progress.check() } else { Ok(()) }
    };
    ordered::run("score", options.threads, || Ok(ranges.next()), worker, sink)?;
    match gathered.waiting.take() {
        Some(waiting) => explain_later(work, chosen.insert(waiting.ranked(&work.explainer.asked)?), options, gathered),
        None => Ok(()),
    }
}

/// Explains what has waited.
fn explain_later(work: &Work<'_>, chosen: &Chosen, options: &Options, gathered: &mut Gathered) -> Result<()> {
    let Some(table) = &work.explanations else { return Ok(()) };
    let mut ranges = gathered.done.explained..chosen.ranges();
    let worker = || {
        |range| {
            work.progress.check()?;
            chosen.explain(work, table, range)
        }
    };
    let sink = |explained| {
        gathered.take_explained(explained)?;
        options.tell(Told::Explained { ranges: gathered.done.explained });
        if gathered.done.explained < chosen.ranges() { work.progress.check() } else { Ok(()) }
    };
    ordered::run("score", options.threads, || Ok(ranges.next()), worker, sink)
}

impl Work<'_> {
    /// One range; `runtime` is the thread's own, made for its first range.
    fn range(&self, runtime: &mut Option<Runtime>, range: usize) -> Result<Finished> {
        self.progress.check()?;
        let began = Instant::now();
        let runtime = match runtime {
            Some(runtime) => runtime,
            None => runtime.insert(tokio::runtime::Builder::new_current_thread().build()?),
        };
        let range = self.linked.range(range)?;
        take_kernel_time();
        let mut made = Made::new(self);
        self.plan.run(runtime, range.tables, &range.records, |records, scored| {
            self.progress.check()?;
            made.take(self, records, scored)
        })?;
        made.explain(self)?;
        let kernels = take_kernel_time();
        let queried = Instant::now();
        let outputs = concat_batches(self.outputs.schema(), &made.outputs)?;
        let records = outputs.num_rows() as u64;
        let outputs = Chunk::new(outputs, self.format)?;
        let explanations = made.explanations.finish()?;
        let busy = BusyTime {
            features: (queried - began).saturating_sub(kernels.score + made.explaining + made.write),
            score: kernels.score,
            explain: made.explaining,
            write: made.write + queried.elapsed(),
        };
        Ok(Finished { records, outputs, explanations, models: made.models, kept: made.kept, busy })
    }

    /// The counts of each model before any record.
    fn no_counts(&self) -> Vec<ModelCounts> {
        let models = self.outputs.bin_counts().zip(&self.release.models);
        let counts = models.map(|(bins, model)| ModelCounts {
            bins,
            unknown: vec![0; model.inputs.len()],
            missing: vec![0; model.fields.len()],
            explained: 0,
        });
        counts.collect()
    }
}

/// What was made of the slices of a range so far.
struct Made {
    outputs: Vec<RecordBatch>,
    /// Slices that wait for being explained together.
    slices: Vec<(RecordBatch, ScoredRows)>,
    slice_rows: usize,
    explanations: Pieces,
    models: Vec<ModelCounts>,
    kept: Option<Kept>,
    explaining: Duration,
    write: Duration,
}

impl Made {
    fn new(work: &Work<'_>) -> Self {
        Self {
            outputs: Vec::new(),
            slices: Vec::new(),
            slice_rows: 0,
            explanations: Pieces::new(work.format),
            models: work.no_counts(),
            kept: work.waits.then(Kept::default),
            explaining: Duration::ZERO,
            write: Duration::ZERO,
        }
    }

    fn take(&mut self, work: &Work<'_>, records: &RecordBatch, scored: ScoredRows) -> Result<()> {
        let began = Instant::now();
        let (outputs, bins) = work.outputs.rows(records, &scored.scores)?;
        self.outputs.push(outputs);
        for ((sum, bins), score) in self.models.iter_mut().zip(bins).zip(&scored.scores) {
            sum.bins.add(&bins);
            score.unknown.values().iter().for_each(|input| sum.unknown[usize::from(*input)] += 1);
            let fields = sum.missing.iter_mut().zip(&score.fields);
            fields.for_each(|(missing, column)| *missing += column.null_count() as u64);
        }
        match (&mut self.kept, &work.explanations) {
            (Some(kept), _) => kept.add(records, &scored)?,
            (None, Some(_)) => {
                self.slice_rows += records.num_rows();
                self.slices.push((records.clone(), scored));
            }
            (None, None) => {}
        }
        self.write += began.elapsed();
        if self.slice_rows >= work.block_records { self.explain(work) } else { Ok(()) }
    }

    /// Explains what waits for it.
    fn explain(&mut self, work: &Work<'_>) -> Result<()> {
        let (slices, Some(table)) = (std::mem::take(&mut self.slices), &work.explanations) else { return Ok(()) };
        self.slice_rows = 0;
        if slices.is_empty() {
            return Ok(());
        }
        let began = Instant::now();
        let joined = Block::of_slices(&slices)?;
        self.write += began.elapsed();
        for block in joined.cut(work.block_records) {
            work.progress.check()?;
            let began = Instant::now();
            let scores = work.explainer.explain(&block, |_, _| None)?;
            let explained = Instant::now();
            let counts = self.models.iter_mut().zip(&scores);
            counts.for_each(|(sum, score)| sum.explained += score.explained_records());
            let rows = table.rows(&block.records, &ScoredRows { features: block.features, scores })?;
            self.explanations.push(rows)?;
            self.explaining += explained - began;
            self.write += explained.elapsed();
        }
        Ok(())
    }
}

/// Rows of a table in the making, made ready piece by piece.
struct Pieces {
    format: ResultFormat,
    waiting: Vec<RecordBatch>,
    rows: usize,
    chunks: Vec<Chunk>,
}

impl Pieces {
    fn new(format: ResultFormat) -> Self {
        Self { format, waiting: Vec::new(), rows: 0, chunks: Vec::new() }
    }

    fn push(&mut self, rows: RecordBatch) -> Result<()> {
        self.rows += rows.num_rows();
        self.waiting.push(rows);
        if self.rows >= PIECE_ROWS { self.make_ready() } else { Ok(()) }
    }

    fn make_ready(&mut self) -> Result<()> {
        if let Some(first) = self.waiting.first() {
            let rows = concat_batches(&first.schema(), &self.waiting)?;
            self.chunks.push(Chunk::new(rows, self.format)?);
        }
        self.waiting.clear();
        self.rows = 0;
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<Chunk>> {
        self.make_ready()?;
        Ok(self.chunks)
    }
}

/// What was taken so far, in the order of the ranges.
struct Gathered {
    outputs: Table,
    explanations: Option<Table>,
    models: Vec<ModelCounts>,
    waiting: Option<Waiting>,
    busy: BusyTime,
    done: Done,
    resumed: Done,
}

impl Gathered {
    fn new(work: &Work<'_>, scratch: &Path) -> Result<Self> {
        let table = |schema| Table::create("explanations", schema, work.format, scratch);
        Ok(Self {
            outputs: Table::create("outputs", work.outputs.schema(), work.format, scratch)?,
            explanations: work.explanations.as_ref().map(|it| table(it.schema())).transpose()?,
            models: work.no_counts(),
            waiting: work.waits.then(|| Waiting::create(scratch)).transpose()?,
            busy: BusyTime::default(),
            done: Done::default(),
            resumed: Done::default(),
        })
    }

    fn take(&mut self, finished: Finished, progress: &Progress) -> Result<()> {
        self.outputs.append(finished.outputs)?;
        self.append(finished.explanations)?;
        if let (Some(waiting), Some(kept)) = (&mut self.waiting, &finished.kept) {
            waiting.append(kept)?;
        }
        for (sum, model) in self.models.iter_mut().zip(finished.models) {
            sum.add(&model);
        }
        self.busy.add(finished.busy);
        self.done.ranges += 1;
        self.done.records += finished.records;
        progress.records_scored.fetch_add(finished.records, Ordering::Relaxed);
        Ok(())
    }

    fn take_explained(&mut self, explained: Explained) -> Result<()> {
        self.append(explained.chunks)?;
        self.models.iter_mut().zip(explained.counts).for_each(|(model, count)| model.explained += count);
        self.busy.explain += explained.explain;
        self.busy.write += explained.write;
        self.done.explained += 1;
        Ok(())
    }

    fn append(&mut self, explanations: Vec<Chunk>) -> Result<()> {
        let Some(table) = &mut self.explanations else { return Ok(()) };
        explanations.into_iter().try_for_each(|rows| table.append(rows))
    }

    fn finish(self) -> Result<Scored> {
        let explanations = self.explanations.map(Table::finish).transpose()?;
        let (outputs, models, busy) = (self.outputs.finish()?, self.models, self.busy);
        Ok(Scored { outputs, explanations, models, busy, done: self.done, resumed: self.resumed })
    }
}

impl ModelCounts {
    fn add(&mut self, other: &Self) {
        add(&mut self.unknown, &other.unknown);
        add(&mut self.missing, &other.missing);
        self.bins.add(&other.bins);
        self.explained += other.explained;
    }
}

impl BinCounts {
    fn add(&mut self, other: &Self) {
        add(&mut self.bins, &other.bins);
        self.without_prediction += other.without_prediction;
    }
}

fn add(sums: &mut [u64], more: &[u64]) {
    sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}

impl BusyTime {
    fn add(&mut self, other: Self) {
        self.features += other.features;
        self.score += other.score;
        self.explain += other.explain;
        self.write += other.write;
    }
}
