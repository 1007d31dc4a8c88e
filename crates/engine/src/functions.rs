//! Scoring as an SQL function, so that one plan serves embedded and on a cluster.
//!
//! `bordereau_score(model, top, feature, ...)` gives for each row a struct: the prediction, the sum of all absolute
//! contributions, and the list of the `top` inputs with the largest ones. The model travels by name (the SHA-256 of its
//! file); each process looks it up among the models it has loaded, see [`register_model`]. Features come as `DOUBLE` or
//! text, in the order of the model's inputs. The same row gives the same answer in whatever batch it comes.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock, Weak};

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, ListArray, StructArray, UInt16Array};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Fields};
use bordereau_model::{Features, Model, Top};
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use datafusion::scalar::ScalarValue;

/// Name of the scoring function in SQL.
pub const SCORE: &str = "bordereau_score";

static MODELS: LazyLock<RwLock<HashMap<String, Weak<Model>>>> = LazyLock::new(RwLock::default);

/// Makes a model known to the scoring function for as long as the caller keeps it.
pub fn register_model(sha256: &str, model: &Arc<Model>) {
    let mut models = MODELS.write().unwrap_or_else(PoisonError::into_inner);
    models.retain(|_, known| known.strong_count() > 0);
    models.insert(sha256.to_owned(), Arc::downgrade(model));
}

fn model(sha256: &str) -> Result<Arc<Model>> {
    let models = MODELS.read().unwrap_or_else(PoisonError::into_inner);
    let known = models.get(sha256).and_then(Weak::upgrade);
    known.ok_or_else(|| exec_datafusion_err!("the model {sha256} is not loaded in this process"))
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
        let bound = model.bind(&columns).map_err(|error| exec_datafusion_err!("{error}"))?;
        Ok(ColumnarValue::Array(Arc::new(scored(&model, &bound, usize::from(*top)))))
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
    ])
}

/// The struct array of [`score_fields`]; a prediction that the model does not give (NaN) is null.
fn scored(model: &Model, features: &Features, top: usize) -> StructArray {
    let prediction = model.score(features).prediction;
    let explained = if top == 0 { None } else { model.explain_top(features, top) };
    let given = NullBuffer::from_iter(prediction.iter().map(|value| !value.is_nan()));
    let explained = explained.unwrap_or(Top { k: 0, entries: Vec::new(), totals: Vec::new(), bias: Vec::new() });
    let totals: ArrayRef = match explained.totals.len() {
        0 => Arc::new(Float64Array::new_null(prediction.len())),
        _ => Arc::new(Float64Array::from(explained.totals)),
    };
    let inputs = explained.entries.iter().map(|entry| u16::try_from(entry.input).unwrap_or(u16::MAX));
    let inputs: ArrayRef = Arc::new(UInt16Array::from_iter_values(inputs));
    let contributions: ArrayRef =
        Arc::new(Float64Array::from_iter_values(explained.entries.iter().map(|entry| entry.contribution)));
    let entries = StructArray::new(entry_fields(), vec![inputs, contributions], None);
    let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(explained.k, prediction.len()));
    let item = Arc::new(Field::new_list_field(DataType::Struct(entry_fields()), false));
    let list = ListArray::new(item, offsets, Arc::new(entries), None);
    let prediction = Float64Array::new(ScalarBuffer::from(prediction), Some(given));
    StructArray::new(score_fields(), vec![Arc::new(prediction), totals, Arc::new(list)], None)
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
        let list = score.column(2).as_list_opt::<i32>().ok_or_else(wrong)?;
        let (first, last) = (list.value_offsets().first(), list.value_offsets().last());
        let (first, last) = (*first.unwrap_or(&0) as usize, *last.unwrap_or(&0) as usize);
        let entries = list.values().slice(first, last - first);
        let entries = entries.as_struct_opt().ok_or_else(wrong)?;
        let inputs = entries.column(0).as_any().downcast_ref::<UInt16Array>().cloned();
        let rows = score.len();
        Ok(Self {
            prediction: float(score.column(0)).ok_or_else(wrong)?,
            total: float(score.column(1)).ok_or_else(wrong)?,
            k: (last - first).checked_div(rows).unwrap_or(0),
            inputs: inputs.ok_or_else(wrong)?,
            contributions: float(entries.column(1)).ok_or_else(wrong)?,
        })
    }
}
