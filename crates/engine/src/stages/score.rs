//! Features, scores and explanations of the accepted records, range by range.
//!
//! Each range is read, put through the planned query ([`plan`]) and turned into rows of the results ([`outputs`],
//! [`explanations`]) on one worker thread, compression included; the calling thread appends the finished pieces in the
//! order of the ranges. Ranges are the same for any number of threads, so the results are too. Memory: two ranges a
//! thread.

pub mod explanations;
pub mod outputs;
pub mod plan;
mod slices;

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use bordereau_base::ordered;
use bordereau_files::results::Member;
use tokio::runtime::Runtime;

use crate::batch::{Options, ResultFormat};
use crate::error::{Error, Result};
use crate::functions::take_kernel_time;
use crate::progress::Progress;
use crate::release::Release;
use crate::release::manifest::Explanations;
use crate::stages::link::Linked;
use crate::stages::tables::{Chunk, Table};
use explanations::ExplanationTable;
use outputs::{BinCounts, Outputs};
use plan::ScorePlan;

/// What one model gave over all records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCounts {
    /// Records in each bin, and without a prediction.
    pub bins: BinCounts,
    /// For each input of the model, records whose category it does not know.
    pub unknown: Vec<u64>,
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
}

/// One range, finished.
struct Finished {
    records: u64,
    outputs: Chunk,
    explanations: Option<Chunk>,
    models: Vec<ModelCounts>,
    busy: BusyTime,
}

/// All that the workers share.
struct Work<'a> {
    linked: &'a Linked,
    progress: &'a Progress,
    format: ResultFormat,
    plan: ScorePlan,
    outputs: Outputs<'a>,
    explanations: Option<ExplanationTable>,
    /// Inputs of each model.
    inputs: Vec<usize>,
}

/// How many features explain a prediction: what is asked for, else what the release says.
pub fn explanations_asked(release: &Release, options: &Options) -> Explanations {
    options.explanations.unwrap_or(release.manifest.outputs.explanations)
}

/// Runs the stage.
///
/// # Errors
/// [`Error::Release`] when the feature query gives a record no row or more than one, [`Error::Cancelled`], others as
/// they say.
pub fn score(release: &Release, linked: &Linked, options: &Options, progress: &Progress) -> Result<Scored> {
    let asked = explanations_asked(release, options);
    let top = match asked {
        Explanations::Top(count) => count,
        Explanations::All => u16::MAX,
    };
    let plan = ScorePlan::new(release, top)?;
    let explanations = (top > 0).then(|| ExplanationTable::new(release, &plan.features, asked));
    let inputs = release.models.iter().map(|model| model.inputs.len()).collect();
    let (outputs, format) = (Outputs::new(release), options.format);
    progress.records_total.store(linked.records.scored, Ordering::Relaxed);
    let work = Work { linked, progress, format, plan, outputs, explanations, inputs };
    let mut gathered = Gathered::new(&work, &options.scratch)?;
    let mut ranges = 0..linked.ranges();
    let worker = || {
        let (work, mut runtime) = (&work, None);
        move |range| work.range(&mut runtime, range)
    };
    let sink = |finished| gathered.take(finished, progress);
    ordered::run("score", options.threads, || Ok(ranges.next()), worker, sink)?;
    gathered.finish()
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
        let numbers = range.records.column(0).as_primitive_opt::<Int64Type>().ok_or(Error::Worker("link"))?;
        take_kernel_time();
        let scored = self.plan.run(runtime, range.tables, numbers)?;
        let kernels = take_kernel_time();
        let queried = Instant::now();
        let (outputs, bins) = self.outputs.rows(&range.records, &scored.scores)?;
        let explanations = self.explanations.as_ref().map(|table| table.rows(&range.records, &scored)).transpose()?;
        let models = bins.into_iter().zip(&scored.scores).zip(&self.inputs).map(|((bins, score), inputs)| {
            let mut unknown = vec![0; *inputs];
            score.unknown.values().iter().for_each(|input| unknown[usize::from(*input)] += 1);
            ModelCounts { bins, unknown }
        });
        let models = models.collect();
        let records = outputs.num_rows() as u64;
        let outputs = Chunk::new(outputs, self.format)?;
        let explanations = explanations.map(|rows| Chunk::new(rows, self.format)).transpose()?;
        let busy = BusyTime {
            features: (queried - began).saturating_sub(kernels.score + kernels.explain),
            score: kernels.score,
            explain: kernels.explain,
            write: queried.elapsed(),
        };
        Ok(Finished { records, outputs, explanations, models, busy })
    }
}

/// What was taken so far, in the order of the ranges.
struct Gathered {
    outputs: Table,
    explanations: Option<Table>,
    models: Vec<ModelCounts>,
    busy: BusyTime,
}

impl Gathered {
    fn new(work: &Work<'_>, scratch: &Path) -> Result<Self> {
        let table = |schema| Table::create("explanations", schema, work.format, scratch);
        let models = work.outputs.bin_counts().zip(&work.inputs);
        Ok(Self {
            outputs: Table::create("outputs", work.outputs.schema(), work.format, scratch)?,
            explanations: work.explanations.as_ref().map(|it| table(it.schema())).transpose()?,
            models: models.map(|(bins, inputs)| ModelCounts { bins, unknown: vec![0; *inputs] }).collect(),
            busy: BusyTime::default(),
        })
    }

    fn take(&mut self, finished: Finished, progress: &Progress) -> Result<()> {
        self.outputs.append(finished.outputs)?;
        if let (Some(table), Some(rows)) = (&mut self.explanations, finished.explanations) {
            table.append(rows)?;
        }
        for (sum, model) in self.models.iter_mut().zip(finished.models) {
            sum.add(&model);
        }
        self.busy.add(finished.busy);
        progress.records_scored.fetch_add(finished.records, Ordering::Relaxed);
        Ok(())
    }

    fn finish(self) -> Result<Scored> {
        let explanations = self.explanations.map(Table::finish).transpose()?;
        Ok(Scored { outputs: self.outputs.finish()?, explanations, models: self.models, busy: self.busy })
    }
}

impl ModelCounts {
    fn add(&mut self, other: &Self) {
        let add = |sums: &mut [u64], more: &[u64]| sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        add(&mut self.bins.bins, &other.bins.bins);
        add(&mut self.unknown, &other.unknown);
        self.bins.without_prediction += other.bins.without_prediction;
    }
}

impl BusyTime {
    fn add(&mut self, other: Self) {
        self.features += other.features;
        self.score += other.score;
        self.explain += other.explain;
        self.write += other.write;
    }
}
