//! `outputs`: one row for each scored record, with its key, what is passed through, and the outputs of every model.
//!
//! All that does not depend on a record (columns, bounds, sentences) is made once per batch; a range then costs a
//! look-up per model and record. Texts are views into the buffers they came in, nothing is copied.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch, StringViewArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::error::Result;
use crate::functions::ScoreColumn;
use crate::release::Release;
use crate::release::manifest::ModelSpec;
use crate::release::models::output_columns;

/// What a model's bins stand for, one entry a bin.
#[derive(Debug)]
struct Bins {
    numbers: Int64Array,
    lower_bounds: Float64Array,
    upper_bounds: Float64Array,
    sentences: StringViewArray,
}

/// The table `outputs` of one release.
#[derive(Debug)]
pub struct Outputs<'a> {
    release: &'a Release,
    schema: SchemaRef,
    /// Columns of the accepted records that are copied: keys, then pass-through.
    copied: Vec<usize>,
    bins: Vec<Bins>,
}

/// How many records of a model are in each bin, and in none.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BinCounts {
    /// From bin 1.
    pub bins: Vec<u64>,
    /// Records without a prediction.
    pub without_prediction: u64,
}

/// The fields of the record relation that name a record, then those passed through.
pub fn copied_fields(release: &Release) -> Vec<usize> {
    let record = &release.dictionary.relations[release.layout.record];
    let mut fields = record.primary_key.clone();
    for name in &release.manifest.outputs.pass_through {
        if let Some(field) = record.field_index(name).filter(|field| !fields.contains(field)) {
            fields.push(field);
        }
    }
    fields
}

/// Places of fields of the record relation among the columns of [`crate::stages::link::RecordRange::records`].
pub fn places_in_records(release: &Release, fields: &[usize]) -> Vec<usize> {
    let texts = &release.layout.relations[release.layout.record].texts;
    fields.iter().filter_map(|field| texts.iter().position(|at| at == field)).map(|at| at + 1).collect()
}

impl<'a> Outputs<'a> {
    /// The table of a release.
    pub fn new(release: &'a Release) -> Self {
        let record = &release.dictionary.relations[release.layout.record];
        let fields = copied_fields(release);
        let mut columns: Vec<Field> =
            fields.iter().map(|at| Field::new(&record.fields[*at].name, DataType::Utf8View, true)).collect();
        for (spec, model) in release.manifest.models.iter().zip(&release.models) {
            let types = [DataType::Float64, DataType::Int64, DataType::Float64, DataType::Float64, DataType::Utf8View];
            columns.extend(output_columns(spec).iter().zip(types).map(|(name, kind)| Field::new(name, kind, true)));
            let own = model.fields.iter();
            columns.extend(own.map(|field| Field::new(&field.column, field.asked.data_type(), true)));
        }
        let bins = release.manifest.models.iter().zip(&release.models);
        let bins = bins.map(|(spec, model)| Bins::new(spec, &model.sentences)).collect();
        let copied = places_in_records(release, &fields);
        Self { release, schema: Arc::new(Schema::new(columns)), copied, bins }
    }

    /// Its columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The counts of each model before any record.
    pub fn bin_counts(&self) -> impl Iterator<Item = BinCounts> {
        self.bins.iter().map(|bins| BinCounts { bins: vec![0; bins.numbers.len()], without_prediction: 0 })
    }

    /// The rows of a range, and how the records of each model fall into bins.
    ///
    /// # Errors
    /// When Arrow cannot put the columns together.
    pub fn rows(&self, records: &RecordBatch, scores: &[ScoreColumn]) -> Result<(RecordBatch, Vec<BinCounts>)> {
        let mut columns: Vec<ArrayRef> = self.copied.iter().map(|at| Arc::clone(records.column(*at))).collect();
        let mut counts = Vec::with_capacity(scores.len());
        for ((spec, bins), score) in self.release.manifest.models.iter().zip(&self.bins).zip(scores) {
            let places = places(spec, &score.prediction);
            counts.push(counted(&places, spec.bins.len()));
            columns.push(Arc::new(score.prediction.clone()));
            columns.push(take(&bins.numbers, &places, None)?);
            columns.push(take(&bins.lower_bounds, &places, None)?);
            columns.push(take(&bins.upper_bounds, &places, None)?);
            columns.push(take(&bins.sentences, &places, None)?);
            columns.extend(score.fields.iter().map(Arc::clone));
        }
        Ok((RecordBatch::try_new(Arc::clone(&self.schema), columns)?, counts))
    }
}

impl Bins {
    fn new(spec: &ModelSpec, sentences: &[String]) -> Self {
        Self {
            numbers: spec.bins.iter().map(|bin| i64::from(bin.bin)).collect(),
            lower_bounds: spec.bins.iter().map(|bin| bin.lower_bound).collect::<Vec<_>>().into(),
            upper_bounds: spec.bins.iter().map(|bin| bin.upper_bound).collect::<Vec<_>>().into(),
            sentences: StringViewArray::from_iter_values(sentences),
        }
    }
}

/// The place of each prediction's bin, null without a prediction.
fn places(spec: &ModelSpec, prediction: &Float64Array) -> UInt32Array {
    prediction.iter().map(|value| value.and_then(|value| u32::try_from(spec.bin_of(value)).ok())).collect()
}

fn counted(places: &UInt32Array, bins: usize) -> BinCounts {
    let mut counts = BinCounts { bins: vec![0; bins], without_prediction: places.null_count() as u64 };
    places.iter().flatten().for_each(|bin| counts.bins[bin as usize] += 1);
    counts
}
