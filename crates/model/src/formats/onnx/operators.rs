//! Operators by their names: which are known, and who runs them.
//!
//! [`math`] computes element by element and along axes, [`shapes`] moves elements, [`encode`] has the encoders of
//! ai.onnx.ml, [`predict`] its models, [`vectors`] those of support vectors.

mod encode;
mod math;
mod predict;
mod shapes;
mod vectors;

use std::sync::Arc;

use super::Refusal;
use super::functions::{One, Two};
use super::proto::Node;
use super::tensor::Tensor;
use super::trace::{Call, Trace, Value};

/// The values of a node's outputs.
pub(super) fn run(trace: &mut Trace, node: &Node) -> Result<Vec<Value>, Refusal> {
    let mut call = Call { trace, node, at_row: 0 };
    match node.domain.as_str() {
        "" => main(&mut call),
        "ai.onnx.ml" => learning(&mut call),
        _ => Err(unknown()),
    }
}

fn unknown() -> Refusal {
    Refusal::unsupported("this operator")
}

fn main(call: &mut Call<'_>) -> Result<Vec<Value>, Refusal> {
    let operator = call.node.operator.as_str();
    if let Some(function) = one(call)? {
        let tensor = call.numbers(0)?;
        return single(math::map(call, function, &tensor));
    }
    if let Some(function) = two(operator) {
        return single(math::fold(call, function));
    }
    match operator {
        "Identity" | "Dropout" => Ok(vec![call.value(0)?]),
        "Split" => Ok(shapes::split(call)?.into_iter().map(value).collect()),
        _ => match shapes::run(call, operator)? {
            Some(tensor) => Ok(vec![value(tensor)]),
            None => single(math::run(call, operator)),
        },
    }
}

fn value(tensor: Tensor) -> Value {
    Value::Tensor(Arc::new(tensor))
}

fn single(tensor: Result<Tensor, Refusal>) -> Result<Vec<Value>, Refusal> {
    Ok(vec![value(tensor?)])
}

/// Functions of one element.
fn one(call: &Call<'_>) -> Result<Option<One>, Refusal> {
    Ok(Some(match call.node.operator.as_str() {
        "Neg" => One::Negative,
        "Not" => One::Not,
        "Exp" => One::Exp,
        "Log" => One::Log,
        "Sigmoid" => One::Sigmoid,
        "Tanh" => One::Tanh,
        "Relu" => One::Relu,
        "Sqrt" => One::Sqrt,
        "Abs" => One::Abs,
        "Ceil" => One::Ceil,
        "Floor" => One::Floor,
        "Round" => One::Round,
        "Erf" => One::Erf,
        "IsNaN" => One::IsNan,
        "Reciprocal" => One::Reciprocal,
        "Sign" => One::Sign,
        "Softplus" => One::Softplus,
        "LeakyRelu" => One::LeakyRelu(call.node.float("alpha", 0.01)?.into()),
        _ => return Ok(None),
    }))
}

/// Functions of two elements; those of several inputs are taken from the left.
fn two(operator: &str) -> Option<Two> {
    Some(match operator {
        "Add" | "Sum" => Two::Add,
        "Sub" => Two::Subtract,
        "Mul" => Two::Multiply,
        "Div" => Two::Divide,
        "Pow" => Two::Power,
        "Min" => Two::Min,
        "Max" => Two::Max,
        "Equal" => Two::Equal,
        "Less" => Two::Less,
        "LessOrEqual" => Two::LessOrEqual,
        "Greater" => Two::Greater,
        "GreaterOrEqual" => Two::GreaterOrEqual,
        "And" => Two::And,
        "Or" => Two::Or,
        "Xor" => Two::Xor,
        _ => return None,
    })
}

fn learning(call: &mut Call<'_>) -> Result<Vec<Value>, Refusal> {
    match call.node.operator.as_str() {
        "Scaler" => single(encode::scaler(call)),
        "Normalizer" => single(encode::normalizer(call)),
        "Imputer" => single(encode::imputer(call)),
        "Binarizer" => single(encode::binarizer(call)),
        "OneHotEncoder" => single(encode::one_hot(call)),
        "LabelEncoder" => single(encode::labels(call)),
        "CategoryMapper" => single(encode::categories(call)),
        "DictVectorizer" => single(encode::dictionary(call)),
        "ArrayFeatureExtractor" => single(shapes::extract(call)),
        _ => by_row(call),
    }
}

/// What takes a row at a time, for every row.
fn by_row(call: &mut Call<'_>) -> Result<Vec<Value>, Refusal> {
    if call.rows()? == 1 {
        return row(call);
    }
    let mut tables: Vec<Tensor> = Vec::new();
    for at_row in 0..call.rows()? {
        call.at_row = at_row;
        for (at, output) in row(call)?.into_iter().enumerate() {
            let (Value::Tensor(tensor) | Value::Classes(tensor, _)) = output else { return Err(unknown()) };
            match tables.get_mut(at) {
                Some(table) => {
                    table.cells.extend_from_slice(&tensor.cells);
                    table.shape[0] += 1;
                }
                None => tables.push((*tensor).clone()),
            }
        }
    }
    match tables.is_empty() {
        true => Err(Refusal::unsupported("a table without rows")),
        false => Ok(tables.into_iter().map(value).collect()),
    }
}

fn row(call: &mut Call<'_>) -> Result<Vec<Value>, Refusal> {
    match call.node.operator.as_str() {
        "FeatureVectorizer" => single(encode::features(call)),
        "ZipMap" => predict::zip_map(call),
        "LinearRegressor" => single(predict::linear_regressor(call)),
        "LinearClassifier" => predict::linear_classifier(call),
        "TreeEnsembleRegressor" => single(predict::tree_regressor(call)),
        "TreeEnsembleClassifier" => predict::tree_classifier(call),
        "TreeEnsemble" => single(predict::tree_ensemble(call)),
        "SVMRegressor" => single(vectors::regressor(call)),
        "SVMClassifier" => vectors::classifier(call),
        _ => Err(unknown()),
    }
}
