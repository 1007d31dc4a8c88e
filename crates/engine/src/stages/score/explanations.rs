//! `explanations`: for each scored record and model the features that moved the prediction most.
//!
//! A row has the record's key, the model, the rank from 1, the feature with its text and value, the contribution (on
//! the scale of the model's link) and the importance: the contribution divided by the sum of the absolute
//! contributions of all features of the model, negative where the value made the outcome worse. So the absolute
//! importances of a record and model sum to 1 at most. Features that did not move a prediction are listed only when
//! all are asked for. Rows are in the order of records, of models, of ranks. A record that is not explained by the
//! release's choice has none.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringViewArray, StringViewBuilder, UInt32Array,
};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef};
use bordereau_files::results::csv::push_number;

use super::outputs::places_in_records;
use super::plan::ScoredRows;
use crate::error::Result;
use crate::release::Release;
use crate::release::manifest::{Direction, ExplanationSpec, Explanations};

/// The columns after the record's key.
pub const COLUMNS: [&str; 7] = ["model", "rank", "feature", "description", "value", "contribution", "importance"];

/// Texts of one feature: what it is, and what is said where its value made the outcome better or worse.
const TEXTS_PER_FEATURE: usize = 3;

/// One model as explanations need it.
#[derive(Debug)]
struct ExplainedModel {
    /// 1 where a larger prediction is better, -1 where it is worse.
    sign: f64,
    /// For each input its column among [`ScoredRows::features`].
    columns: Vec<usize>,
    /// Place of the first input among the names of all inputs.
    first: usize,
}

/// The table `explanations` of one release.
#[derive(Debug)]
pub struct ExplanationTable {
    schema: SchemaRef,
    keys: Vec<usize>,
    asked: Explanations,
    models: Vec<ExplainedModel>,
    model_names: StringViewArray,
    /// Names of the inputs of all models, one after the other.
    feature_names: StringViewArray,
    /// [`TEXTS_PER_FEATURE`] for each of `feature_names`.
    texts: StringViewArray,
}

/// Rows in the making, column by column; texts as places in the lists of the table.
#[derive(Default)]
struct Rows {
    records: Vec<u32>,
    models: Vec<u32>,
    ranks: Vec<i64>,
    features: Vec<u32>,
    texts: Vec<u32>,
    values: StringViewBuilder,
    contributions: Vec<f64>,
    importances: Vec<f64>,
}

impl ExplanationTable {
    /// The table of a release whose query gives the features `features` (indices into [`Release::features`]).
    pub fn new(release: &Release, features: &[usize], asked: Explanations) -> Self {
        let record = &release.dictionary.relations[release.layout.record];
        let key = |at: &usize| Field::new(&record.fields[*at].name, DataType::Utf8View, true);
        let mut columns: Vec<Field> = record.primary_key.iter().map(key).collect();
        columns.extend(COLUMNS.iter().map(|name| match *name {
            "rank" => Field::new(*name, DataType::Int64, false),
            "contribution" | "importance" => Field::new(*name, DataType::Float64, false),
            "value" => Field::new(*name, DataType::Utf8View, true),
            _ => Field::new(*name, DataType::Utf8View, false),
        }));
        let texts_by_name: HashMap<_, _> =
            release.manifest.explanations.iter().map(|(name, text)| (name.to_lowercase(), text)).collect();
        let (mut models, mut names, mut texts) = (Vec::new(), Vec::new(), Vec::new());
        for (spec, model) in release.manifest.models.iter().zip(&release.models) {
            let column = |input: &usize| features.binary_search(input).unwrap_or_default();
            models.push(ExplainedModel {
                sign: if spec.worse == Direction::Higher { -1.0 } else { 1.0 },
                columns: model.inputs.iter().map(column).collect(),
                first: names.len(),
            });
            for input in model.model.inputs() {
                names.push(input.name.clone());
                texts.extend(three_texts(texts_by_name.get(&input.name.to_lowercase()).copied()));
            }
        }
        Self {
            schema: Arc::new(Schema::new(columns)),
            keys: places_in_records(release, &record.primary_key),
            asked,
            models,
            model_names: StringViewArray::from_iter_values(release.manifest.models.iter().map(|spec| &spec.name)),
            feature_names: StringViewArray::from_iter_values(names),
            texts: StringViewArray::from_iter_values(texts),
        }
    }

    /// Its columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The rows of a range.
    ///
    /// # Errors
    /// When Arrow cannot put the columns together.
    pub fn rows(&self, records: &RecordBatch, scored: &ScoredRows) -> Result<RecordBatch> {
        let values: Vec<_> = scored.features.iter().map(Value::of).collect();
        let mut rows = Rows::default();
        for record in 0..records.num_rows() {
            for (at, score) in scored.scores.iter().enumerate() {
                if score.prediction.is_valid(record) && score.total.is_valid(record) {
                    let total = score.total.value(record);
                    for (entry, rank) in score.entries(record).zip(1..) {
                        let (input, contribution) = (score.inputs.value(entry), score.contributions.value(entry));
                        if contribution == 0.0 && self.asked != Explanations::All {
                            break;
                        }
                        self.push(&mut rows, &values, (record, at, usize::from(input)), rank, contribution, total);
                    }
                }
            }
        }
        self.table(records, rows)
    }

    fn push(
        &self,
        rows: &mut Rows,
        values: &[Value<'_>],
        (record, model, input): (usize, usize, usize),
        rank: i64,
        contribution: f64,
        total: f64,
    ) {
        let explained = &self.models[model];
        let feature = explained.first + input;
        // Adding zero turns -0 into 0.
        let importance = if total > 0.0 { explained.sign * contribution / total + 0.0 } else { 0.0 };
        let value = &values[explained.columns[input]];
        // The texts of better and worse speak of a value; where there is none, the description does.
        let said = match importance {
            _ if value.is_missing(record) => 0,
            better if better > 0.0 => 1,
            worse if worse < 0.0 => 2,
            _ => 0,
        };
        rows.records.push(record as u32);
        rows.models.push(model as u32);
        rows.ranks.push(rank);
        rows.features.push(feature as u32);
        rows.texts.push((feature * TEXTS_PER_FEATURE + said) as u32);
        value.append_to(&mut rows.values, record);
        rows.contributions.push(contribution);
        rows.importances.push(importance);
    }

    fn table(&self, records: &RecordBatch, mut rows: Rows) -> Result<RecordBatch> {
        let of_record = UInt32Array::from(rows.records);
        let mut columns = Vec::with_capacity(self.keys.len() + COLUMNS.len());
        for key in &self.keys {
            columns.push(take(records.column(*key), &of_record, None)?);
        }
        columns.push(take(&self.model_names, &UInt32Array::from(rows.models), None)?);
        columns.push(Arc::new(Int64Array::from(rows.ranks)));
        columns.push(take(&self.feature_names, &UInt32Array::from(rows.features), None)?);
        columns.push(take(&self.texts, &UInt32Array::from(rows.texts), None)?);
        columns.push(Arc::new(rows.values.finish()));
        columns.push(Arc::new(Float64Array::from(rows.contributions)));
        columns.push(Arc::new(Float64Array::from(rows.importances)));
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

fn three_texts(spec: Option<&ExplanationSpec>) -> [String; TEXTS_PER_FEATURE] {
    let text = |own: Option<&String>| own.or(spec.map(|spec| &spec.description)).cloned().unwrap_or_default();
    [text(None), text(spec.and_then(|spec| spec.better.as_ref())), text(spec.and_then(|spec| spec.worse.as_ref()))]
}

/// The values of a feature, as they are shown: numbers in their shortest form, nothing where missing.
enum Value<'a> {
    Number(&'a Float64Array),
    Text(&'a StringViewArray),
    None,
}

impl<'a> Value<'a> {
    fn of(column: &'a ArrayRef) -> Self {
        if let Some(numbers) = column.as_primitive_opt::<Float64Type>() {
            Self::Number(numbers)
        } else {
            column.as_string_view_opt().map_or(Self::None, Self::Text)
        }
    }

    fn is_missing(&self, row: usize) -> bool {
        match self {
            Self::Number(numbers) => numbers.is_null(row) || numbers.value(row).is_nan(),
            Self::Text(texts) => texts.is_null(row),
            Self::None => true,
        }
    }

    fn append_to(&self, values: &mut StringViewBuilder, row: usize) {
        match self {
            _ if self.is_missing(row) => values.append_null(),
            Self::Number(numbers) => {
                let mut text = Vec::with_capacity(24);
                push_number(&mut text, numbers.value(row));
                match std::str::from_utf8(&text) {
                    Ok("") => values.append_value(numbers.value(row).to_string()),
                    Ok(text) => values.append_value(text),
                    Err(_) => values.append_null(),
                }
            }
            Self::Text(texts) => values.append_value(texts.value(row)),
            Self::None => values.append_null(),
        }
    }
}
