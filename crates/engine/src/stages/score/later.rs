//! Explaining after all records are scored: where a release explains the share with the highest or lowest predictions.
//!
//! While records are scored, what explaining needs of them (the texts of the key, features, predictions) goes to a
//! scratch file, range by range, and the predictions to [`Predictions`]. When all are there, the ranges are read again
//! and the chosen rows explained: neither features nor predictions are computed twice. Memory: one slice of a range a
//! thread.

use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use serde::{Deserialize, Serialize};

use super::explain::Block;
use super::explanations::ExplanationTable;
use super::plan::ScoredRows;
use super::ranks::{Cut, Predictions};
use super::{Pieces, Work};
use crate::blocks::{BlockReader, encode};
use crate::error::Result;
use crate::functions::Asked;
use crate::spool::Spool;

/// Bytes that wait in memory to be written.
const GATHERED_BYTES_MAX: usize = 8 << 20;

/// One range, as it waits.
#[derive(Debug, Default)]
pub struct Kept {
    rows: Vec<u8>,
    predictions: Vec<Vec<f64>>,
}

impl Kept {
    /// Adds a slice of the range.
    ///
    /// # Errors
    /// When Arrow cannot encode it.
    pub fn add(&mut self, records: &RecordBatch, scored: &ScoredRows) -> Result<()> {
        let predictions = scored.scores.iter().map(|score| Arc::new(score.prediction.clone()) as ArrayRef);
        let columns = records.columns().iter().chain(&scored.features).map(compacted).chain(predictions);
        let columns: Vec<ArrayRef> = columns.collect();
        let field = |(at, column): (usize, &ArrayRef)| Field::new(at.to_string(), column.data_type().clone(), true);
        let schema = Schema::new(columns.iter().enumerate().map(field).collect::<Vec<_>>());
        self.rows.extend(encode(&RecordBatch::try_new(Arc::new(schema), columns)?)?);
        self.predictions.resize_with(scored.scores.len(), Vec::new);
        for (kept, score) in self.predictions.iter_mut().zip(&scored.scores) {
            kept.extend(score.prediction.iter().map(|value| value.unwrap_or(f64::NAN)));
        }
        Ok(())
    }
}

/// A column that holds no more than its own texts.
fn compacted(column: &ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Utf8View => Arc::new(column.as_string_view().gc()),
        _ => Arc::clone(column),
    }
}

/// What waits until all predictions are known.
#[derive(Debug)]
pub struct Waiting {
    rows: Spool,
    predictions: Predictions,
    ranges: usize,
}

impl Waiting {
    /// Nothing yet; its files lie in `scratch`.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn create(scratch: &Path) -> Result<Self> {
        let (rows, predictions) = (Spool::create(scratch, GATHERED_BYTES_MAX)?, Predictions::create(scratch)?);
        Ok(Self { rows, predictions, ranges: 0 })
    }

    /// Takes the next range.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn append(&mut self, range: &Kept) -> Result<()> {
        self.rows.append(self.ranges, &range.rows)?;
        self.predictions.append(&range.predictions)?;
        self.ranges += 1;
        Ok(())
    }

    /// Ends writing, so that it can be saved.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn seal(&mut self) -> io::Result<()> {
        self.rows.seal()?;
        self.predictions.seal()
    }

    /// How much waits.
    pub fn lengths(&self) -> WaitingLengths {
        let bytes = (0..self.ranges).map(|range| self.rows.len(range)).collect();
        WaitingLengths { bytes, records: self.predictions.lengths().to_vec() }
    }

    /// Writes all that waits, once writing has ended.
    ///
    /// # Errors
    /// When a file cannot be read or `out` not be written.
    pub fn save(&self, out: &mut impl Write) -> io::Result<()> {
        (0..self.ranges).try_for_each(|range| self.rows.copy_to(range, out))?;
        self.predictions.save(out)
    }

    /// What [`Self::save`] wrote for `models` models, to be added to.
    ///
    /// # Errors
    /// As [`Self::create`] and [`Self::append`]; those of `from`.
    pub fn restore(scratch: &Path, lengths: WaitingLengths, models: usize, from: &mut impl Read) -> Result<Self> {
        let mut rows = Spool::create(scratch, GATHERED_BYTES_MAX)?;
        for (range, bytes) in lengths.bytes.iter().enumerate() {
            rows.append_from(range, from, *bytes)?;
        }
        let predictions = Predictions::restore(scratch, lengths.records, models, from)?;
        Ok(Self { rows, predictions, ranges: lengths.bytes.len() })
    }

    /// Works out who is explained; `asked` is for each model of the release.
    ///
    /// # Errors
    /// When a file cannot be written or read.
    pub fn ranked(mut self, asked: &[Asked]) -> Result<Chosen> {
        self.seal()?;
        let cuts = asked.iter().enumerate().map(|(model, asked)| self.predictions.cut(model, asked.rows));
        let cuts = cuts.collect::<std::io::Result<Vec<Option<Cut>>>>()?;
        Ok(Chosen { waiting: self, cuts })
    }
}

/// How much of what waits was saved.
#[derive(Debug, Serialize, Deserialize)]
pub struct WaitingLengths {
    /// Bytes of the rows of each range.
    bytes: Vec<u64>,
    /// Records of each range.
    records: Vec<u32>,
}

/// All records, with what says who is explained.
#[derive(Debug)]
pub struct Chosen {
    waiting: Waiting,
    cuts: Vec<Option<Cut>>,
}

impl Chosen {
    /// How many ranges there are.
    pub fn ranges(&self) -> usize {
        self.waiting.ranges
    }

    /// All that waited.
    pub fn into_waiting(self) -> Waiting {
        self.waiting
    }

    /// The rows of the table of one range, and for each model how many records are explained.
    ///
    /// # Errors
    /// [`crate::Error::Cancelled`]; when the scratch file cannot be read, or as the kernels say.
    pub fn explain(&self, work: &Work<'_>, table: &ExplanationTable, range: usize) -> Result<Explained> {
        let mut reader = BlockReader::new(&self.waiting.rows, range);
        let mut left: Vec<u32> = self.cuts.iter().map(|cut| cut.as_ref().map_or(0, |cut| cut.ties(range))).collect();
        let (mut pieces, mut counts) = (Pieces::new(work.format), vec![0; self.cuts.len()]);
        let (mut explaining, began) = (std::time::Duration::ZERO, Instant::now());
        while let Some(batch) = reader.next_batch()? {
            for block in Block::kept(&batch, &work.explainer)?.cut(work.block_records) {
                work.progress.check()?;
                let kernels = Instant::now();
                let scores = work.explainer.explain(&block, |model, values| {
                    let cut = self.cuts[model].as_ref()?;
                    Some((0..values.len()).filter(|row| cut.holds(values[*row], &mut left[model])).collect())
                })?;
                explaining += kernels.elapsed();
                counts.iter_mut().zip(&scores).for_each(|(count, score)| *count += score.explained_records());
                pieces.push(table.rows(&block.records, &ScoredRows { features: block.features, scores })?)?;
            }
        }
        let chunks = pieces.finish()?;
        Ok(Explained { chunks, counts, explain: explaining, write: began.elapsed().saturating_sub(explaining) })
    }
}

/// What was made of one range.
pub struct Explained {
    /// Rows of the table.
    pub chunks: Vec<crate::stages::tables::Chunk>,
    /// Records of each model that are explained.
    pub counts: Vec<u64>,
    /// Time of the kernels.
    pub explain: std::time::Duration,
    /// All other time.
    pub write: std::time::Duration,
}
