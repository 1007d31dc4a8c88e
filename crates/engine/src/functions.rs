//! Scoring as an SQL function, so that one plan serves embedded and on a cluster.
//!
//! `bordereau_score(model, top, feature, ...)` gives for each row a struct: the prediction, the sum of all absolute
//! contributions, the list of the `top` inputs with the largest ones, and the list of inputs whose category the model
//! does not know. The model travels by name (the SHA-256 of its file); each process looks it up among the models it
//! has loaded, see [`register_model`]. Features come as `DOUBLE` or text, in the order of the model's inputs. The same
//! row gives the same answer in whatever batch it comes.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, ListArray, StructArray, UInt16Array};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Fields, UInt16Type};
use bordereau_model::{Features, Model, Top};
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use datafusion::scalar::ScalarValue;

/// Name of the scoring function in SQL.
pub const SCORE: &str = "bordereau_score";

/// Releases may share a model file, and each keeps the model that it loaded for itself: all are noted, for one may go
/// while another is at work.
static MODELS: LazyLock<RwLock<HashMap<String, Vec<Weak<Model>>>>> = LazyLock::new(RwLock::default);

/// Makes a model known to the scoring function for as long as the caller keeps it.
pub fn register_model(sha256: &str, model: &Arc<Model>) {
    let mut models = MODELS.write().unwrap_or_else(PoisonError::into_inner);
    models.retain(|_, known| {
        known.retain(|known| known.strong_count() > 0);
        !known.is_empty()
    });
    let known = models.entry(sha256.to_owned()).or_default();
    if !known.iter().any(|known| known.as_ptr() == Arc::as_ptr(model)) {
        known.push(Arc::downgrade(model));
    }
}

fn model(sha256: &str) -> Result<Arc<Model>> {
    let models = MODELS.read().unwrap_or_else(PoisonError::into_inner);
    let known = models.get(sha256).and_then(|known| known.iter().find_map(Weak::upgrade));
    known.ok_or_else(|| exec_datafusion_err!("the model {sha256} is not loaded in this process"))
}

/// Time spent in the kernels of the models.
#[derive(Debug, Clone, Copy, Default)]
pub struct KernelTime {
    /// Binding features and predicting.
    pub score: Duration,
    /// Explaining.
    pub explain: Duration,
}

impl KernelTime {
    const NONE: Self = Self { score: Duration::ZERO, explain: Duration::ZERO };
}

thread_local! {
    static KERNEL_TIME: Cell<KernelTime> = const { Cell::new(KernelTime::NONE) };
}

/// The time that the scoring function took on this thread since this was last asked. For timings only.
pub fn take_kernel_time() -> KernelTime {
    KERNEL_TIME.take()
}

/// The function itself.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Score {
    signature: Signature,
}

impl Score {
    /// The function as DataFusion registers it.
    pub fn new() -> Self {
        Self { signature: Signature::variadic_any(Volatility::Immutable) }
    }
}

impl Default for Score {
    fn default() -> Self {
        Self::new()
    }
}

impl ScalarUDFImpl for Score {
    fn name(&self) -> &str {
        SCORE
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(score_fields()))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [ColumnarValue::Scalar(ScalarValue::Utf8(Some(name))), ColumnarValue::Scalar(top), features @ ..] =
            args.args.as_slice()
        else {
            return exec_err!("{SCORE} takes the name of a model, a number and features");
        };
        let ScalarValue::UInt16(Some(top)) = top else {
            return exec_err!("the second argument of {SCORE} is how many features explain a score");
        };
        let model = model(name)?;
        let columns =
            features.iter().map(|value| value.to_array(args.number_rows)).collect::<Result<Vec<ArrayRef>>>()?;
        let began = Instant::now();
        let bound = model.bind(&columns).map_err(|error| exec_datafusion_err!("{error}"))?;
        let unknown = unknown_categories(&bound);
        let prediction = model.score(&bound).prediction;
        let scored = Instant::now();
        let explained = if *top == 0 { None } else { model.explain_top(&bound, usize::from(*top)) };
        let mut spent = KERNEL_TIME.get();
        spent.score += scored - began;
        spent.explain += scored.elapsed();
        KERNEL_TIME.set(spent);
        Ok(ColumnarValue::Array(Arc::new(scores(prediction, explained, unknown)?)))
    }
}

fn entry_fields() -> Fields {
    Fields::from(vec![
        Field::new("input", DataType::UInt16, false),
        Field::new("contribution", DataType::Float64, false),
    ])
}

fn score_fields() -> Fields {
    let entry = Arc::new(Field::new_list_field(DataType::Struct(entry_fields()), false));
    Fields::from(vec![
        Field::new("prediction", DataType::Float64, true),
        Field::new("total", DataType::Float64, true),
        Field::new("top", DataType::List(entry), false),
        Field::new("unknown", DataType::List(unknown_field()), false),
    ])
}

fn unknown_field() -> Arc<Field> {
    Arc::new(Field::new_list_field(DataType::UInt16, false))
}

/// For each row the inputs whose category the model does not know, ascending.
fn unknown_categories(bound: &Features) -> ListArray {
    let mut lengths = vec![0; bound.rows()];
    bound.unseen_cells().iter().for_each(|(row, _)| lengths[*row] += 1);
    let inputs = bound.unseen_cells().iter().map(|(_, input)| u16::try_from(*input).unwrap_or(u16::MAX));
    let inputs = UInt16Array::from_iter_values(inputs);
    ListArray::new(unknown_field(), OffsetBuffer::from_lengths(lengths), Arc::new(inputs), None)
}

/// The struct array of [`score_fields`]; a prediction that is no number (NaN, or too large for one) is null.
fn scores(prediction: Vec<f64>, explained: Option<Top>, unknown: ListArray) -> Result<StructArray> {
    let rows = prediction.len();
    let explained = explained.unwrap_or(Top { k: 0, entries: Vec::new(), totals: Vec::new(), bias: Vec::new() });
    let totals: ArrayRef = match explained.totals.len() {
        0 => Arc::new(Float64Array::new_null(rows)),
        _ => Arc::new(Float64Array::from(explained.totals)),
    };
    let inputs = explained.entries.iter().map(|entry| u16::try_from(entry.input).unwrap_or(u16::MAX));
    let inputs: ArrayRef = Arc::new(UInt16Array::from_iter_values(inputs));
    let contributions: ArrayRef =
        Arc::new(Float64Array::from_iter_values(explained.entries.iter().map(|entry| entry.contribution)));
    let entries = StructArray::try_new(entry_fields(), vec![inputs, contributions], None)?;
    let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(explained.k, rows));
    let item = Arc::new(Field::new_list_field(DataType::Struct(entry_fields()), false));
    let list = ListArray::try_new(item, offsets, Arc::new(entries), None)?;
    let given = NullBuffer::from_iter(prediction.iter().map(|value| value.is_finite()));
    let prediction = Float64Array::new(ScalarBuffer::from(prediction), Some(given));
    Ok(StructArray::try_new(
        score_fields(),
        vec![Arc::new(prediction), totals, Arc::new(list), Arc::new(unknown)],
        None,
    )?)
}

/// One model's scores of a batch, taken apart again.
#[derive(Debug)]
pub struct ScoreColumn {
    /// Null where the model gives none.
    pub prediction: Float64Array,
    /// Sum of the absolute contributions of all inputs; null where nothing was explained.
    pub total: Float64Array,
    /// Entries per row.
    pub k: usize,
    /// Row-major rows x k: index of the input.
    pub inputs: UInt16Array,
    /// Row-major rows x k: contribution on the link scale.
    pub contributions: Float64Array,
    /// The inputs of all rows, one after the other, whose category the model does not know.
    pub unknown: UInt16Array,
}

impl ScoreColumn {
    /// From a column that [`Score`] made.
    ///
    /// # Errors
    /// When it is not such a column.
    pub fn from_array(array: &ArrayRef) -> Result<Self> {
        let wrong = || exec_datafusion_err!("not a column of {SCORE}");
        let score = array.as_struct_opt().ok_or_else(wrong)?;
        let float = |column: &ArrayRef| column.as_any().downcast_ref::<Float64Array>().cloned();
        let entries = listed(score.column(2)).ok_or_else(wrong)?;
        let k = entries.len().checked_div(score.len()).unwrap_or(0);
        let entries = entries.as_struct_opt().ok_or_else(wrong)?;
        let unknown = listed(score.column(3)).ok_or_else(wrong)?;
        Ok(Self {
            prediction: float(score.column(0)).ok_or_else(wrong)?,
            total: float(score.column(1)).ok_or_else(wrong)?,
            k,
            inputs: entries.column(0).as_primitive_opt::<UInt16Type>().cloned().ok_or_else(wrong)?,
            contributions: float(entries.column(1)).ok_or_else(wrong)?,
            unknown: unknown.as_primitive_opt::<UInt16Type>().cloned().ok_or_else(wrong)?,
        })
    }
}

/// The items of all lists of a column, one after the other.
fn listed(column: &ArrayRef) -> Option<ArrayRef> {
    let list = column.as_list_opt::<i32>()?;
    let (first, last) = (*list.value_offsets().first()? as usize, *list.value_offsets().last()? as usize);
    Some(list.values().slice(first, last - first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::new_empty_array;
    use bordereau_model::Format;

    fn price() -> Arc<Model> {
        let bytes = include_bytes!("../tests/fixtures/small/models/price.pmml");
        Arc::new(Model::load(Format::Pmml, bytes).unwrap())
    }

    #[test]
    fn a_model_is_known_while_any_release_that_has_it_lives() {
        let (one, other) = (price(), price());
        register_model("a file of two releases", &one);
        register_model("a file of two releases", &other);
        drop(other);
        assert!(Arc::ptr_eq(&model("a file of two releases").unwrap(), &one));
        drop(one);
        assert!(model("a file of two releases").is_err());
    }

    #[test]
    fn what_is_no_finite_number_is_no_prediction() {
        let none = ListArray::new(
            unknown_field(),
            OffsetBuffer::from_lengths([0; 4]),
            new_empty_array(&DataType::UInt16),
            None,
        );
        let given = scores(vec![1.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY], None, none).unwrap();
        let column = ScoreColumn::from_array(&(Arc::new(given) as ArrayRef)).unwrap();
        assert_eq!(column.prediction, Float64Array::from(vec![Some(1.5), None, None, None]));
    }
}
