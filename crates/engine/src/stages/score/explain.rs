//! Explaining records whose features and predictions are known.
//!
//! The query gives its records in small slices; the kernels that explain make tables for a call, which pay from
//! thousands of rows on. So slices are gathered to a [`Block`] before its rows are explained. The same row gets the
//! same contributions in whatever block it comes.

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::{concat, concat_batches, take};
use arrow::datatypes::{Float64Type, Int64Type};

use super::plan::{ScoredRows, features_read};
use crate::error::{Error, Result};
use crate::functions::{Asked, Explanation, ScoreColumn};
use crate::release::Release;

/// Records with what explaining needs of them.
#[derive(Debug)]
pub struct Block {
    /// Their numbers, then the texts of the record relation.
    pub records: RecordBatch,
    /// As [`ScoredRows::features`].
    pub features: Vec<ArrayRef>,
    predictions: Vec<Float64Array>,
}

impl Block {
    /// Of slices that follow each other, of which there must be one.
    ///
    /// # Errors
    /// When Arrow cannot join them.
    pub fn of_slices(slices: &[(RecordBatch, ScoredRows)]) -> Result<Self> {
        let (first, scored) = slices.first().ok_or(Error::Worker("score"))?;
        let joined = |column: &dyn Fn(&ScoredRows) -> ArrayRef| {
            let columns: Vec<ArrayRef> = slices.iter().map(|(_, scored)| column(scored)).collect();
            concat(&columns.iter().map(AsRef::as_ref).collect::<Vec<&dyn Array>>())
        };
        let features = (0..scored.features.len()).map(|at| joined(&|scored| scored.features[at].clone()));
        let predictions = (0..scored.scores.len()).map(|at| {
            let joined = joined(&|scored| std::sync::Arc::new(scored.scores[at].prediction.clone()))?;
            Ok(joined.as_primitive::<Float64Type>().clone())
        });
        Ok(Self {
            records: concat_batches(first.schema_ref(), slices.iter().map(|(records, _)| records))?,
            features: features.collect::<std::result::Result<_, _>>()?,
            predictions: predictions.collect::<Result<_>>()?,
        })
    }

    /// From a batch of records, features and predictions.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn kept(batch: &RecordBatch, explainer: &Explainer<'_>) -> Result<Self> {
        let wrong = || Error::Worker("score");
        let models = explainer.release.models.len();
        let texts = batch.num_columns().checked_sub(explainer.features + models).ok_or_else(wrong)?;
        let features = texts..texts + explainer.features;
        let float = |column: &ArrayRef| column.as_primitive_opt::<Float64Type>().cloned();
        let predictions = batch.columns()[features.end..].iter().map(float).collect::<Option<Vec<_>>>();
        Ok(Self {
            records: batch.project(&(0..texts).collect::<Vec<_>>())?,
            features: batch.columns()[features].to_vec(),
            predictions: predictions.ok_or_else(wrong)?,
        })
    }

    /// Its rows in blocks of so many.
    pub fn cut(&self, rows: usize) -> impl Iterator<Item = Self> {
        let all = self.records.num_rows();
        (0..all).step_by(rows).map(move |from| self.slice(from, rows.min(all - from)))
    }

    fn slice(&self, from: usize, rows: usize) -> Self {
        Self {
            records: self.records.slice(from, rows),
            features: self.features.iter().map(|column| column.slice(from, rows)).collect(),
            predictions: self.predictions.iter().map(|column| column.slice(from, rows)).collect(),
        }
    }

    fn numbers(&self) -> Result<&Int64Array> {
        self.records.column(0).as_primitive_opt::<Int64Type>().ok_or(Error::Worker("link"))
    }
}

/// What is explained of each model of a release.
#[derive(Debug)]
pub struct Explainer<'a> {
    release: &'a Release,
    /// For each model.
    pub asked: Vec<Asked>,
    /// How many features some model reads.
    features: usize,
    /// For each model the places of its inputs among these.
    inputs: Vec<Vec<usize>>,
}

impl<'a> Explainer<'a> {
    /// `asked` is for each model.
    pub fn new(release: &'a Release, asked: Vec<Asked>) -> Self {
        let read = features_read(release);
        let place = |input: &usize| read.binary_search(input).unwrap_or_default();
        let inputs = release.models.iter().map(|model| model.inputs.iter().map(place).collect());
        Self { release, asked, features: read.len(), inputs: inputs.collect() }
    }

    /// The scores of the models, with their explanations. `chosen` gets a model and its predictions (NaN where there is
    /// none) and may choose the rows that are explained; where it does not, they are those that are asked for.
    ///
    /// # Errors
    /// As the kernels say.
    pub fn explain(
        &self,
        block: &Block,
        mut chosen: impl FnMut(usize, &[f64]) -> Option<Vec<usize>>,
    ) -> Result<Vec<ScoreColumn>> {
        let numbers = block.numbers()?.values();
        let each = block.predictions.iter().zip(&self.asked).enumerate().map(|(model, (prediction, asked))| {
            let values: Vec<f64> = prediction.iter().map(|value| value.unwrap_or(f64::NAN)).collect();
            let rows = chosen(model, &values).or_else(|| asked.rows_explained(&values, numbers));
            self.model(model, block, prediction.clone(), rows)
        });
        each.collect()
    }

    fn model(
        &self,
        at: usize,
        block: &Block,
        prediction: Float64Array,
        rows: Option<Vec<usize>>,
    ) -> Result<ScoreColumn> {
        if rows.as_ref().is_some_and(Vec::is_empty) {
            return Ok(ScoreColumn::explained(prediction, None)?);
        }
        let places = rows.as_ref().map(|rows| rows.iter().map(|row| *row as u32).collect::<UInt32Array>());
        let column = |input: &usize| match &places {
            Some(places) => Ok(take(&block.features[*input], places, None)?),
            None => Ok(block.features[*input].clone()),
        };
        let columns = self.inputs[at].iter().map(column).collect::<Result<Vec<ArrayRef>>>()?;
        let model = &self.release.models[at].model;
        let explained = Explanation::new(model, &model.bind(&columns)?, &self.asked[at], None);
        let explained = explained.map(|explained| match rows {
            Some(rows) => explained.of_rows(rows),
            None => explained,
        });
        Ok(ScoreColumn::explained(prediction, explained)?)
    }
}
