//! What was scored and explained so far: saved when the batch is to stop, and gone on with.
//!
//! What [`super::Gathered`] holds is that of a prefix of the ranges, and ranges are the same whenever upload, release
//! and program are. So the members are saved as they are, with the counts and what waits for explaining by rank, and
//! another process goes on at the next range: its results have the same bytes as if nothing had happened. Busy times
//! are not saved: they are of one attempt.
//!
//! Bodies of the file (see [`crate::checkpoint`]): the members `outputs` and `explanations`, then what waits.

use std::io;
use std::sync::atomic::Ordering;

use arrow::datatypes::SchemaRef;
use bordereau_files::results::{Member, MemberLengths};
use serde::{Deserialize, Serialize};

use super::later::{Chosen, Waiting, WaitingLengths};
use super::{BusyTime, Gathered, ModelCounts, Scored, Work, explanations_asked};
use crate::batch::{Options, ResultFormat};
use crate::checkpoint::{self, Checkpoint, Told, Unusable};
use crate::error::Result;
use crate::release::Release;
use crate::stages::link::Linked;
use crate::stages::tables::Table;
use crate::summary::Counts;

/// How much is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Ranges that are scored: the first ones.
    pub ranges: usize,
    /// Their records.
    pub records: u64,
    /// Ranges that are explained, where explaining waits until all are scored.
    pub explained: usize,
}

/// All that decides what is in the ranges and what is made of them.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Origin {
    build: String,
    of: String,
    release: String,
    explanations: String,
    format: ResultFormat,
    records: Counts,
    ranges: usize,
}

impl Origin {
    /// None when it is not known which build runs.
    fn new(checkpoint: &Checkpoint, release: &Release, linked: &Linked, options: &Options) -> Option<Self> {
        Some(Self {
            build: checkpoint::build()?.to_owned(),
            of: checkpoint.of.clone(),
            release: release.sha256.clone(),
            explanations: format!("{:?}", explanations_asked(release, options)),
            format: options.format,
            records: linked.records,
            ranges: linked.ranges(),
        })
    }
}

/// What says how the bodies are to be read.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    origin: Origin,
    done: Done,
    outputs: MemberLengths,
    explanations: Option<MemberLengths>,
    models: Vec<ModelCounts>,
    waiting: Option<WaitingLengths>,
}

/// What is to be saved.
struct Stopped<'a> {
    outputs: &'a Member,
    explanations: Option<&'a Member>,
    models: &'a [ModelCounts],
    waiting: Option<&'a Waiting>,
    done: Done,
}

impl Stopped<'_> {
    /// Saves it and tells so.
    fn save(&self, checkpoint: &Checkpoint, release: &Release, linked: &Linked, options: &Options) {
        let told = match self.write(checkpoint, release, linked, options) {
            Ok(bytes) => Told::Saved { ranges: self.done.ranges, records: self.done.records, bytes },
            Err(error) => Told::NotSaved(error.kind().to_string()),
        };
        (checkpoint.tell)(told);
    }

    fn write(&self, checkpoint: &Checkpoint, release: &Release, linked: &Linked, options: &Options) -> io::Result<u64> {
        let origin = Origin::new(checkpoint, release, linked, options).ok_or(io::ErrorKind::Unsupported)?;
        let head = Head {
            origin,
            done: self.done,
            outputs: self.outputs.lengths(),
            explanations: self.explanations.map(Member::lengths),
            models: self.models.to_vec(),
            waiting: self.waiting.map(Waiting::lengths),
        };
        checkpoint::write(checkpoint, &serde_json::to_vec(&head)?, |out| {
            self.outputs.save(out)?;
            self.explanations.map_or(Ok(()), |member| member.save(out))?;
            self.waiting.map_or(Ok(()), |waiting| waiting.save(out))
        })
    }
}

impl Scored {
    /// Saves all that was scored, where there is a place for it and an earlier attempt has not done so.
    pub fn keep(&self, release: &Release, linked: &Linked, options: &Options) {
        let Some(checkpoint) = &options.checkpoint else { return };
        if self.done != self.resumed {
            let (outputs, explanations) = (&self.outputs, self.explanations.as_ref());
            let stopped = Stopped { outputs, explanations, models: &self.models, waiting: None, done: self.done };
            stopped.save(checkpoint, release, linked, options);
        }
    }
}

impl Gathered {
    /// As [`Scored::keep`], of what was taken so far; `chosen` is what is being explained.
    pub(super) fn keep(mut self, work: &Work<'_>, options: &Options, chosen: Option<Chosen>) {
        let Some(checkpoint) = &options.checkpoint else { return };
        if self.done == self.resumed {
            return;
        }
        let waiting = chosen.map(Chosen::into_waiting).or(self.waiting.take());
        if let Err(error) = self.save(checkpoint, work, options, waiting) {
            (checkpoint.tell)(Told::NotSaved(error.to_string()));
        }
    }

    fn save(
        self,
        checkpoint: &Checkpoint,
        work: &Work<'_>,
        options: &Options,
        mut waiting: Option<Waiting>,
    ) -> Result<()> {
        waiting.as_mut().map_or(Ok(()), Waiting::seal)?;
        let (outputs, explanations) = (self.outputs.finish()?, self.explanations.map(Table::finish).transpose()?);
        let (explanations, waiting) = (explanations.as_ref(), waiting.as_ref());
        let stopped = Stopped { outputs: &outputs, explanations, models: &self.models, waiting, done: self.done };
        stopped.save(checkpoint, work.release, work.linked, options);
        Ok(())
    }
}

/// What an earlier attempt has saved; none when all starts over.
///
/// # Errors
/// [`crate::Error::Cancelled`].
pub(super) fn resumed(work: &Work<'_>, options: &Options) -> Result<Option<Gathered>> {
    let Some(checkpoint) = &options.checkpoint else { return Ok(None) };
    let restored = match restored(checkpoint, work, options) {
        Ok(restored) => restored,
        Err(Unusable(why)) => {
            // Then it may be of use to another attempt.
            work.progress.check()?;
            (checkpoint.tell)(Told::Unusable(why));
            return Ok(None);
        }
    };
    if let Some(Gathered { done: Done { ranges, records, .. }, .. }) = restored {
        work.progress.records_resumed.store(records, Ordering::Relaxed);
        work.progress.records_scored.store(records, Ordering::Relaxed);
        (checkpoint.tell)(Told::Resumed { ranges, records });
    }
    Ok(restored)
}

fn restored(checkpoint: &Checkpoint, work: &Work<'_>, options: &Options) -> Result<Option<Gathered>, Unusable> {
    let Some(path) = &checkpoint.from else { return Ok(None) };
    let (head, mut from) = checkpoint::open(path, work.progress)?;
    let head: Head = serde_json::from_slice(&head).map_err(|_| Unusable::new("its head cannot be read"))?;
    fits(&head, checkpoint, work, options)?;
    let mut table = |stem: &str, schema: &SchemaRef, lengths| {
        Table::restore(stem, schema, work.format, &options.scratch, lengths, &mut from)
    };
    let outputs = table("outputs", work.outputs.schema(), head.outputs)?;
    let explanations = match (&work.explanations, head.explanations) {
        (Some(explained), Some(lengths)) => Some(table("explanations", explained.schema(), lengths)?),
        _ => None,
    };
    let models = work.release.models.len();
    let waiting = head.waiting.map(|lengths| Waiting::restore(&options.scratch, lengths, models, &mut from));
    Ok(Some(Gathered {
        outputs,
        explanations,
        models: head.models,
        waiting: waiting.transpose()?,
        busy: BusyTime::default(),
        done: head.done,
        resumed: head.done,
    }))
}

/// Whether what was saved is of this very work.
fn fits(head: &Head, checkpoint: &Checkpoint, work: &Work<'_>, options: &Options) -> Result<(), Unusable> {
    let origin = Origin::new(checkpoint, work.release, work.linked, options);
    let origin = origin.ok_or_else(|| Unusable::new("it is not known which build runs"))?;
    if head.origin.build != origin.build {
        return Err(Unusable::new("it is of another build of the program"));
    }
    let whole =
        head.explanations.is_some() == work.explanations.is_some() && head.models.len() == work.release.models.len();
    if head.origin == origin && whole && head.done.ranges <= origin.ranges {
        Ok(())
    } else {
        Err(Unusable::new("it is of another upload, release or request"))
    }
}
