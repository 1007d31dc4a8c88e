//! Explaining after all records are scored: where a release explains the share with the highest or lowest predictions.
//!
//! While records are scored, what explaining needs of them (the texts of the key, features, predictions) goes to a
//! scratch file, range by range, and the predictions to [`Predictions`]. When all are there, the ranges are read again
//! and the chosen rows explained: neither features nor predictions are computed twice. Memory: one slice of a range a
//! thread.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema};

use super::Pieces;
use super::explanations::ExplanationTable;
use super::plan::ScoredRows;
use super::ranks::{Cut, Predictions};
use crate::batch::ResultFormat;
use crate::blocks::{BlockReader, encode};
use crate::error::{Error, Result};
use crate::functions::{Asked, Explanation, ScoreColumn};
use crate::release::Release;
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

    /// Works out who is explained; `asked` is for each model of the release.
    ///
    /// # Errors
    /// When a file cannot be written or read.
    pub fn ranked(mut self, asked: Vec<Asked>) -> Result<Chosen> {
        self.rows.seal()?;
        self.predictions.seal()?;
        let cuts = asked.iter().enumerate().map(|(model, asked)| self.predictions.cut(model, asked.rows));
        let cuts = cuts.collect::<std::io::Result<Vec<Option<Cut>>>>()?;
        Ok(Chosen { rows: Arc::new(self.rows), ranges: self.ranges, asked, cuts })
    }
}

/// All records, with what says who is explained.
#[derive(Debug)]
pub struct Chosen {
    rows: Arc<Spool>,
    /// How many there are.
    pub ranges: usize,
    asked: Vec<Asked>,
    cuts: Vec<Option<Cut>>,
}

impl Chosen {
    /// The rows of the table of one range, and for each model how many records are explained.
    ///
    /// # Errors
    /// When the scratch file cannot be read, or as the kernels say.
    pub fn explain(
        &self,
        release: &Release,
        table: &ExplanationTable,
        range: usize,
        format: ResultFormat,
    ) -> Result<Explained> {
        let mut reader = BlockReader::new(Arc::clone(&self.rows), range);
        let mut left: Vec<u32> = self.cuts.iter().map(|cut| cut.as_ref().map_or(0, |cut| cut.ties(range))).collect();
        let (mut pieces, mut counts) = (Pieces::new(format), vec![0; self.asked.len()]);
        let (mut explaining, began) = (std::time::Duration::ZERO, Instant::now());
        while let Some(batch) = reader.next_batch()? {
            let slice = Slice::of(&batch, release)?;
            let mut scores = Vec::with_capacity(self.asked.len());
            let kernels = Instant::now();
            for (model, left) in left.iter_mut().enumerate() {
                scores.push(self.model(release, model, &slice, left)?);
            }
            explaining += kernels.elapsed();
            counts.iter_mut().zip(&scores).for_each(|(count, score)| *count += score.explained_records());
            pieces.push(table.rows(&slice.records, &ScoredRows { features: slice.features, scores })?)?;
        }
        let chunks = pieces.finish()?;
        Ok(Explained { chunks, counts, explain: explaining, write: began.elapsed().saturating_sub(explaining) })
    }

    fn model(&self, release: &Release, model: usize, slice: &Slice, left: &mut u32) -> Result<ScoreColumn> {
        let (asked, prediction) = (&self.asked[model], slice.predictions[model].clone());
        let values: Vec<f64> = prediction.iter().map(|value| value.unwrap_or(f64::NAN)).collect();
        let rows = match &self.cuts[model] {
            Some(cut) => (0..values.len()).filter(|row| cut.holds(values[*row], left)).collect(),
            None => asked.rows_explained(&values, &slice.numbers).unwrap_or_else(|| (0..values.len()).collect()),
        };
        if rows.is_empty() {
            return Ok(ScoreColumn::explained(prediction, None)?);
        }
        let places: UInt32Array = rows.iter().map(|row| *row as u32).collect();
        let of_model = slice.inputs[model].iter().map(|at| Ok(take(&slice.features[*at], &places, None)?));
        let columns = of_model.collect::<Result<Vec<ArrayRef>>>()?;
        let model = &release.models[model].model;
        let explained = Explanation::new(model, &model.bind(&columns)?, asked, None);
        Ok(ScoreColumn::explained(prediction, explained.map(|explained| explained.of_rows(rows)))?)
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

/// A slice of a range, taken apart again.
struct Slice {
    records: RecordBatch,
    numbers: Vec<i64>,
    features: Vec<ArrayRef>,
    predictions: Vec<Float64Array>,
    /// For each model the places of its inputs among the features.
    inputs: Vec<Vec<usize>>,
}

impl Slice {
    fn of(batch: &RecordBatch, release: &Release) -> Result<Self> {
        let read = super::plan::features_read(release);
        let wrong = || Error::Worker("score");
        let models = release.models.len();
        let texts = batch.num_columns().checked_sub(read.len() + models).ok_or_else(wrong)?;
        let float = |column: &ArrayRef| column.as_primitive_opt::<Float64Type>().cloned();
        let predictions = batch.columns()[texts + read.len()..].iter().map(float).collect::<Option<Vec<_>>>();
        let numbers = batch.column(0).as_primitive_opt::<Int64Type>().ok_or_else(wrong)?.values().to_vec();
        let place = |input: &usize| read.binary_search(input).unwrap_or_default();
        Ok(Self {
            records: batch.project(&(0..texts).collect::<Vec<_>>())?,
            numbers,
            features: batch.columns()[texts..texts + read.len()].to_vec(),
            predictions: predictions.ok_or_else(wrong)?,
            inputs: release.models.iter().map(|model| model.inputs.iter().map(place).collect()).collect(),
        })
    }
}
