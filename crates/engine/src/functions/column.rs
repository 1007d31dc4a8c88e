//! The column that the scoring function makes: put together there, taken apart where results are written.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, ListArray, StructArray, UInt16Array};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, UInt16Type};
use bordereau_model::{Features, Model, Top};
use datafusion::common::{Result, exec_datafusion_err};

use super::{Asked, AskedField, SCORE};

/// Columns before those of the model's own output.
const COLUMNS: usize = 4;

fn entry_fields() -> Fields {
    Fields::from(vec![
        Field::new("input", DataType::UInt16, false),
        Field::new("contribution", DataType::Float64, false),
    ])
}

fn entry_item() -> Arc<Field> {
    Arc::new(Field::new_list_field(DataType::Struct(entry_fields()), false))
}

/// The columns of the struct.
pub(super) fn score_fields(own: &[AskedField]) -> Fields {
    let mut fields = vec![
        Field::new("prediction", DataType::Float64, true),
        Field::new("total", DataType::Float64, true),
        Field::new("top", DataType::List(entry_item()), false),
        Field::new("unknown", DataType::List(unknown_field()), false),
    ];
    let own = own.iter().enumerate();
    fields.extend(own.map(|(at, field)| Field::new(format!("field_{at}"), field.data_type(), true)));
    Fields::from(fields)
}

pub(super) fn unknown_field() -> Arc<Field> {
    Arc::new(Field::new_list_field(DataType::UInt16, false))
}

/// Contributions to the predictions of some rows.
#[derive(Debug)]
pub struct Explanation {
    /// The rows, ascending; nothing when they are all.
    rows: Option<Vec<usize>>,
    top: Top,
}

impl Explanation {
    /// Of a model's rows; nothing where nothing is asked or the model has no contributions.
    pub fn new(model: &Model, bound: &Features, asked: &Asked, rows: Option<Vec<usize>>) -> Option<Self> {
        if asked.top == 0 {
            return None;
        }
        let some = rows.as_ref().map(|rows| bound.of_rows(rows));
        let top = model.explain_output(some.as_ref().unwrap_or(bound), asked.output, usize::from(asked.top))?;
        Some(Self { rows, top })
    }

    /// The same, of rows that were some of more.
    #[must_use]
    pub fn of_rows(self, rows: Vec<usize>) -> Self {
        Self { rows: Some(rows), ..self }
    }
}

/// The struct array of [`score_fields`]; a prediction that is no number (NaN, or too large for one) is null.
pub(super) fn scores(
    prediction: Vec<f64>,
    explained: Option<Explanation>,
    unknown: ListArray,
    asked: &Asked,
    fields: &[ArrayRef],
) -> Result<StructArray> {
    let rows = prediction.len();
    let (total, list) = explanations(rows, explained)?;
    let given = NullBuffer::from_iter(prediction.iter().map(|value| value.is_finite()));
    let prediction = Float64Array::new(ScalarBuffer::from(prediction), Some(given));
    let mut columns: Vec<ArrayRef> = vec![Arc::new(prediction), Arc::new(total), Arc::new(list), Arc::new(unknown)];
    for field in &asked.fields {
        let column = fields.get(field.at).ok_or_else(|| exec_datafusion_err!("the model has no field {}", field.at))?;
        columns.push(finite(&cast(column, &field.data_type())?));
    }
    Ok(StructArray::try_new(score_fields(&asked.fields), columns, None)?)
}

/// A column in which what is no number is null.
fn finite(column: &ArrayRef) -> ArrayRef {
    match column.as_any().downcast_ref::<Float64Array>() {
        Some(numbers) => {
            Arc::new(numbers.iter().map(|value| value.filter(|value| value.is_finite())).collect::<Float64Array>())
        }
        None => Arc::clone(column),
    }
}

/// The sums of absolute contributions, null where a row is not explained, and the largest contributions.
fn explanations(rows: usize, explained: Option<Explanation>) -> Result<(Float64Array, ListArray)> {
    let none = Top { k: 0, entries: Vec::new(), totals: Vec::new(), bias: Vec::new() };
    let explained = explained.unwrap_or(Explanation { rows: Some(Vec::new()), top: none });
    let (mut lengths, mut totals) = (vec![0; rows], vec![None; rows]);
    let all = || (0..rows).collect();
    for (row, total) in explained.rows.unwrap_or_else(all).into_iter().zip(&explained.top.totals) {
        lengths[row] = explained.top.k;
        totals[row] = Some(*total);
    }
    let inputs = explained.top.entries.iter().map(|entry| u16::try_from(entry.input).unwrap_or(u16::MAX));
    let inputs: ArrayRef = Arc::new(UInt16Array::from_iter_values(inputs));
    let contributions = explained.top.entries.iter().map(|entry| entry.contribution);
    let contributions: ArrayRef = Arc::new(Float64Array::from_iter_values(contributions));
    let entries = StructArray::try_new(entry_fields(), vec![inputs, contributions], None)?;
    let list = ListArray::try_new(entry_item(), OffsetBuffer::from_lengths(lengths), Arc::new(entries), None)?;
    Ok((Float64Array::from(totals), list))
}

/// One model's scores of a batch, taken apart again.
#[derive(Debug, Clone)]
pub struct ScoreColumn {
    /// Null where the model gives none.
    pub prediction: Float64Array,
    /// Sum of the absolute contributions of all inputs; null where a row is not explained.
    pub total: Float64Array,
    /// Where the entries of each row begin, and the last ones end.
    offsets: Vec<usize>,
    /// Of all entries: index of the input.
    pub inputs: UInt16Array,
    /// Of all entries: contribution on the link scale.
    pub contributions: Float64Array,
    /// The inputs of all rows, one after the other, whose category the model does not know.
    pub unknown: UInt16Array,
    /// The fields of the model's own output, in the order asked: `Float64` or `Utf8View`.
    pub fields: Vec<ArrayRef>,
}

impl ScoreColumn {
    /// From a column that the scoring function made.
    ///
    /// # Errors
    /// When it is not such a column.
    pub fn from_array(array: &ArrayRef) -> Result<Self> {
        let wrong = || exec_datafusion_err!("not a column of {SCORE}");
        let score = array.as_struct_opt().filter(|score| score.num_columns() >= COLUMNS).ok_or_else(wrong)?;
        let (offsets, entries) = listed(score.column(2)).ok_or_else(wrong)?;
        let entries = entries.as_struct_opt().ok_or_else(wrong)?;
        let (_, unknown) = listed(score.column(3)).ok_or_else(wrong)?;
        Ok(Self {
            prediction: float(score.column(0)).ok_or_else(wrong)?,
            total: float(score.column(1)).ok_or_else(wrong)?,
            offsets,
            inputs: entries.column(0).as_primitive_opt::<UInt16Type>().cloned().ok_or_else(wrong)?,
            contributions: float(entries.column(1)).ok_or_else(wrong)?,
            unknown: unknown.as_primitive_opt::<UInt16Type>().cloned().ok_or_else(wrong)?,
            fields: score.columns()[COLUMNS..].to_vec(),
        })
    }

    /// Of predictions that were made before.
    ///
    /// # Errors
    /// When Arrow cannot put it together.
    pub fn explained(prediction: Float64Array, explained: Option<Explanation>) -> Result<Self> {
        let (total, list) = explanations(prediction.len(), explained)?;
        let wrong = || exec_datafusion_err!("not a column of {SCORE}");
        let (offsets, entries) = listed(&(Arc::new(list) as ArrayRef)).ok_or_else(wrong)?;
        let entries = entries.as_struct_opt().ok_or_else(wrong)?;
        let inputs = entries.column(0).as_primitive_opt::<UInt16Type>().cloned().ok_or_else(wrong)?;
        let contributions = float(entries.column(1)).ok_or_else(wrong)?;
        let unknown = UInt16Array::new(ScalarBuffer::from(Vec::new()), None);
        Ok(Self { prediction, total, offsets, inputs, contributions, unknown, fields: Vec::new() })
    }

    /// Records that have a prediction and are explained.
    pub fn explained_records(&self) -> u64 {
        let both = NullBuffer::union(self.prediction.nulls(), self.total.nulls());
        (self.total.len() - both.map_or(0, |nulls| nulls.null_count())) as u64
    }

    /// The entries of a row, the largest contribution first.
    pub fn entries(&self, row: usize) -> Range<usize> {
        self.offsets[row]..self.offsets[row + 1]
    }
}

fn float(column: &ArrayRef) -> Option<Float64Array> {
    column.as_any().downcast_ref::<Float64Array>().cloned()
}

/// The items of all lists of a column, one after the other, and where each list's begin.
fn listed(column: &ArrayRef) -> Option<(Vec<usize>, ArrayRef)> {
    let list = column.as_list_opt::<i32>()?;
    let first = *list.value_offsets().first()?;
    let offsets: Vec<usize> = list.value_offsets().iter().map(|at| (at - first) as usize).collect();
    let items = list.values().slice(first as usize, *offsets.last()?);
    Some((offsets, items))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{StringViewArray, new_empty_array};
    use bordereau_model::TopEntry;

    use crate::release::manifest::ExplainedRows;

    fn column(prediction: Vec<f64>, explained: Option<Explanation>) -> ScoreColumn {
        let offsets = OffsetBuffer::from_lengths(vec![0; prediction.len()]);
        let unknown = ListArray::new(unknown_field(), offsets, new_empty_array(&DataType::UInt16), None);
        let fields = vec![AskedField { at: 1, is_text: true }];
        let asked = Asked { output: 0, top: 2, rows: ExplainedRows::All, fields };
        let texts: ArrayRef = Arc::new(StringViewArray::from_iter((0..prediction.len()).map(|_| Some("a"))));
        let own = [Arc::new(Float64Array::from(vec![0.0; prediction.len()])) as ArrayRef, texts];
        let scores = scores(prediction, explained, unknown, &asked, &own).unwrap();
        ScoreColumn::from_array(&(Arc::new(scores) as ArrayRef)).unwrap()
    }

    #[test]
    fn what_is_no_finite_number_is_no_prediction() {
        let column = column(vec![1.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY], None);
        assert_eq!(column.prediction, Float64Array::from(vec![Some(1.5), None, None, None]));
        assert_eq!(column.total.null_count(), 4);
        assert_eq!(column.fields[0].as_string_view().value(3), "a");
    }

    #[test]
    fn rows_that_are_not_explained_have_no_entries() {
        let entry = |input, contribution| TopEntry { input, contribution };
        let top = Top { k: 2, entries: vec![entry(3, -2.0), entry(0, 1.0)], totals: vec![3.5], bias: vec![0.0] };
        let column = column(vec![1.0, 2.0, 3.0], Some(Explanation { rows: Some(vec![1]), top }));
        assert_eq!((0..3).map(|row| column.entries(row)).collect::<Vec<_>>(), [0..0, 0..2, 2..2]);
        assert_eq!(column.total, Float64Array::from(vec![None, Some(3.5), None]));
        assert_eq!(column.inputs.values(), &[3, 0]);
    }
}
