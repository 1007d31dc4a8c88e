//! Scoring as an SQL function, so that one plan serves embedded and on a cluster.
//!
//! `bordereau_score(model, asked, record, feature, ...)` gives for each row a struct: the prediction, the sum of all
//! absolute contributions, the list of the inputs with the largest ones, the list of inputs whose category the model
//! does not know, and the fields of the model's own output that are asked for. The model travels by name
//! ([`crate::release::ReleaseModel::key`]); each process looks it up among the models it has loaded, see
//! [`register_model`]. What is asked ([`Asked`]) travels as JSON. Features come as `DOUBLE` or text, in the order of
//! the model's inputs. The same row gives the same answer in whatever batch it comes.

mod asked;
mod column;

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, AsArray, ListArray, UInt16Array};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use bordereau_model::{Features, Model};
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;

pub use asked::{Asked, AskedField};
pub use column::{Explanation, ScoreColumn};
use column::{score_fields, scores, unknown_field};

/// Name of the scoring function in SQL.
pub const SCORE: &str = "bordereau_score";

/// Releases may share a model file, and each keeps the model that it loaded for itself: all are noted, for one may go
/// while another is at work.
static MODELS: LazyLock<RwLock<HashMap<String, Vec<Weak<Model>>>>> = LazyLock::new(RwLock::default);

/// Makes a model known to the scoring function for as long as the caller keeps it.
pub fn register_model(key: &str, model: &Arc<Model>) {
    let mut models = MODELS.write().unwrap_or_else(PoisonError::into_inner);
    models.retain(|_, known| {
        known.retain(|known| known.strong_count() > 0);
        !known.is_empty()
    });
    let known = models.entry(key.to_owned()).or_default();
    if !known.iter().any(|known| known.as_ptr() == Arc::as_ptr(model)) {
        known.push(Arc::downgrade(model));
    }
}

fn model(key: &str) -> Result<Arc<Model>> {
    let models = MODELS.read().unwrap_or_else(PoisonError::into_inner);
    let known = models.get(key).and_then(|known| known.iter().find_map(Weak::upgrade));
    known.ok_or_else(|| exec_datafusion_err!("the model {key} is not loaded in this process"))
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
        exec_err!("the type of {SCORE} depends on what is asked")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        // A call that is not ours is refused by the checks of a release, or else when it is run.
        let fields = match args.scalar_arguments.get(1) {
            Some(Some(ScalarValue::Utf8(Some(text)))) => Asked::from_json(text).map(|asked| asked.fields),
            _ => Ok(Vec::new()),
        };
        let fields = score_fields(&fields.unwrap_or_default());
        Ok(Arc::new(Field::new(SCORE, DataType::Struct(fields), false)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [
            ColumnarValue::Scalar(ScalarValue::Utf8(Some(name))),
            ColumnarValue::Scalar(ScalarValue::Utf8(Some(asked))),
            record,
            features @ ..,
        ] = args.args.as_slice()
        else {
            return exec_err!("{SCORE} takes the name of a model, what is asked, the record and features");
        };
        let (model, asked) = (model(name)?, Asked::from_json(asked)?);
        let array = |value: &ColumnarValue| value.to_array(args.number_rows);
        let columns = features.iter().map(array).collect::<Result<Vec<ArrayRef>>>()?;
        let record = array(record)?;
        let records = record.as_primitive_opt::<Int64Type>();
        let records = records.ok_or_else(|| exec_datafusion_err!("the third argument of {SCORE} is the record"))?;
        let began = Instant::now();
        let bound = model.bind(&columns).map_err(|error| exec_datafusion_err!("{error}"))?;
        let unknown = unknown_categories(&bound);
        let (given, fields) = match asked.fields.is_empty() {
            true => (model.score(&bound), Vec::new()),
            false => model.score_and_fields(&bound),
        };
        let prediction: Vec<f64> =
            given.prediction.into_iter().skip(asked.output).step_by(model.outputs().max(1)).collect();
        let scored = Instant::now();
        let rows = asked.rows_explained(&prediction, records.values());
        let explained = Explanation::new(&model, &bound, &asked, rows);
        note_time(scored - began, scored.elapsed());
        Ok(ColumnarValue::Array(Arc::new(scores(prediction, explained, unknown, &asked, &fields)?)))
    }
}

/// Adds to what [`take_kernel_time`] will give on this thread.
pub fn note_time(score: Duration, explain: Duration) {
    let mut spent = KERNEL_TIME.get();
    spent.score += score;
    spent.explain += explain;
    KERNEL_TIME.set(spent);
}

/// For each row the inputs whose category the model does not know, ascending.
fn unknown_categories(bound: &Features) -> ListArray {
    let mut lengths = vec![0; bound.rows()];
    bound.unseen_cells().iter().for_each(|(row, _)| lengths[*row] += 1);
    let inputs = bound.unseen_cells().iter().map(|(_, input)| u16::try_from(*input).unwrap_or(u16::MAX));
    let inputs = UInt16Array::from_iter_values(inputs);
    ListArray::new(unknown_field(), OffsetBuffer::from_lengths(lengths), Arc::new(inputs), None)
}

#[cfg(test)]
mod tests {
    use super::*;
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
}
