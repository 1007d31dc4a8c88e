//! The cases of operators: what each node gives, compared with what is written down beside it.

use std::path::{Path, PathBuf};

use super::proto::{GraphMessage, ModelMessage, TensorMessage, TypeMessage, ValueMessage, decode};
use super::tensor::{Cell, Kind, Tensor, count};
use super::trace::{Trace, Value};
use super::{Refusal, Texts, versions};
use prost::bytes::Bytes;

/// A sequence of tensors, or an optional one, in a file of its own.
#[derive(Clone, PartialEq, prost::Message)]
struct SequenceMessage {
    #[prost(bytes = "bytes", repeated, tag = "3")]
    tensors: Vec<Bytes>,
    /// Of an optional value.
    #[prost(bytes = "bytes", optional, tag = "4")]
    sequence: Option<Bytes>,
}

fn cases(folder: &str) -> Vec<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = std::env::var_os("BORDEREAU_REFERENCE_DATA").map_or_else(beside, PathBuf::from);
    let entries = std::fs::read_dir(data.join("onnx").join(folder)).unwrap();
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

fn bytes(path: &Path) -> Bytes {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into()
}

fn tensor(bytes: &Bytes, texts: &mut Texts) -> Tensor {
    Tensor::read(&decode::<TensorMessage>(bytes, "a tensor").unwrap(), texts).unwrap()
}

fn value(bytes: &Bytes, kind: &TypeMessage, texts: &mut Texts) -> Value {
    if kind.tensor.is_some() {
        return Value::Tensor(tensor(bytes, texts).into());
    }
    let message: SequenceMessage = decode(bytes, "a sequence").unwrap();
    let message = match &message.sequence {
        Some(inner) if message.tensors.is_empty() => decode(inner, "a sequence").unwrap(),
        _ => message,
    };
    Value::List(message.tensors.iter().map(|bytes| Value::Tensor(tensor(bytes, texts).into())).collect())
}

/// A row's numbers given as columns, those inputs aside that decide on shapes.
fn as_columns(trace: &mut Trace, value: Value, row: &mut Vec<f64>) -> Value {
    match value {
        Value::Tensor(tensor) if tensor.kind != Kind::Text => {
            let cells = tensor.constants().unwrap().into_iter().map(|x| {
                row.push(x);
                trace.column("x".to_owned(), tensor.kind).unwrap()
            });
            let cells = cells.collect();
            Value::Tensor(Tensor::new(tensor.kind, tensor.shape.clone(), cells).into())
        }
        other => other,
    }
}

/// What a case's graph gives; with `unknown` inputs as columns of a row, else as constants.
fn outputs(folder: &Path, unknown: &[usize]) -> Result<(Vec<Value>, Texts, Vec<Value>), Refusal> {
    let model: ModelMessage = decode(&bytes(&folder.join("model.onnx")), "a model").unwrap();
    let graph: GraphMessage = decode(model.graph.as_ref().unwrap(), "a graph").unwrap();
    let mut trace = Trace::new(versions(&model)?);
    let described = |list: &[Bytes]| list.iter().map(|bytes| decode(bytes, "a value").unwrap()).collect::<Vec<_>>();
    let set = folder.join("test_data_set_0");
    let mut row = Vec::new();
    for (at, input) in described(&graph.inputs).into_iter().enumerate() {
        let ValueMessage { name, kind } = input;
        let mut given = value(&bytes(&set.join(format!("input_{at}.pb"))), &kind.unwrap(), &mut trace.texts);
        if unknown.contains(&at) {
            given = as_columns(&mut trace, given, &mut row);
        }
        trace.values.insert(name, given);
    }
    let outputs: Vec<ValueMessage> = described(&graph.outputs);
    let names: Vec<&str> = outputs.iter().map(|output| output.name.as_str()).collect();
    trace.walk(&graph, &names)?;
    let mut expected = Vec::new();
    for (at, output) in outputs.iter().enumerate() {
        let path = set.join(format!("output_{at}.pb"));
        expected.push(value(&bytes(&path), output.kind.as_ref().unwrap(), &mut trace.texts));
    }
    let given = names.iter().map(|name| known(&trace, trace.values[*name].clone(), &row)).collect();
    Ok((given, trace.texts, expected))
}

/// The value with the numbers of the row.
fn known(trace: &Trace, value: Value, row: &[f64]) -> Value {
    match value {
        Value::Tensor(tensor) | Value::Classes(tensor, _) => {
            let mut cells = vec![0.0; tensor.cells.len()];
            if tensor.constants().is_none() {
                trace.program.run(row, &tensor.cells, &mut cells);
            } else {
                cells = tensor.constants().unwrap();
            }
            let cells = cells.into_iter().map(Cell::Is).collect();
            Value::Tensor(Tensor::new(tensor.kind, tensor.shape.clone(), cells).into())
        }
        Value::List(list) => Value::List(list.into_iter().map(|value| known(trace, value, row)).collect()),
        other => other,
    }
}

/// The largest difference, relative where numbers are large; nothing where shape, type or text differ.
fn difference(given: &Value, expected: &Value, texts: &Texts) -> Option<f64> {
    match (given, expected) {
        (Value::Tensor(given), Value::Tensor(expected)) => {
            if given.shape != expected.shape || given.kind != expected.kind || count(&given.shape)? != given.cells.len()
            {
                return None;
            }
            let pairs = given.constants()?.into_iter().zip(expected.constants()?);
            pairs.map(|(a, b)| differ(given.kind, a, b, texts)).try_fold(0.0_f64, |most, x| Some(most.max(x?)))
        }
        (Value::List(given), Value::List(expected)) if given.len() == expected.len() => {
            let pairs = given.iter().zip(expected);
            pairs.map(|(a, b)| difference(a, b, texts)).try_fold(0.0_f64, |most, x| Some(most.max(x?)))
        }
        _ => None,
    }
}

fn differ(kind: Kind, a: f64, b: f64, texts: &Texts) -> Option<f64> {
    if kind == Kind::Text {
        let (a, b) = (texts.text(a)?, texts.text(b)?);
        let numbers = (a.parse::<f32>().ok(), b.parse::<f32>().ok());
        // A number may be written in several ways.
        return (a == b || matches!(numbers, (Some(a), Some(b)) if a == b || (a.is_nan() && b.is_nan())))
            .then_some(0.0);
    }
    Some(match (a, b) {
        (a, b) if a == b || (a.is_nan() && b.is_nan()) => 0.0,
        (a, b) if a.is_nan() || b.is_nan() => f64::INFINITY,
        (a, b) => (a - b).abs() / b.abs().max(1.0),
    })
}

/// The tolerance of the models' manifests.
const TOLERANCE: f64 = 1e-5;

fn check(folder: &str, at_least: usize) {
    let cases = cases(folder);
    assert!(cases.len() >= at_least, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        // All as columns, else the first as columns (sizes and axes are constants in every file), else none.
        let count = std::fs::read_dir(case.join("test_data_set_0")).unwrap().count();
        let tries: [Vec<usize>; 3] = [(0..count).collect(), vec![0], Vec::new()];
        let mut messages = Vec::new();
        let found = tries.iter().find_map(|unknown| match outputs(case, unknown) {
            Ok(found) => Some((unknown.len().min(2), found)),
            Err(refusal) => {
                messages.push(refusal.message);
                None
            }
        });
        let Some((unknown, (given, texts, expected))) = found else {
            println!("{name}: refused: {messages:?}");
            wrong.push(name);
            continue;
        };
        let pairs = given.iter().zip(&expected);
        let most = pairs.map(|(a, b)| difference(a, b, &texts)).try_fold(0.0_f64, |most, x| Some(most.max(x?)));
        let how = ["constants", "the first input of a row", "all inputs of a row"][unknown];
        match most {
            Some(most) => println!("{name}: {how}: {most:.1e}"),
            None => println!("{name}: {how}: {given:?}\n  expected {expected:?}"),
        }
        if most.is_none_or(|most| most > TOLERANCE) {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "outside the tolerance: {wrong:?}");
}

#[test]
#[ignore = "needs the reference data"]
fn reference_onnx_nodes_compute_as_specified() {
    check("onnx_node", 257);
}

#[test]
#[ignore = "needs the reference data"]
fn reference_onnx_learning_operators_compute_as_onnx_runtime() {
    check("onnx_ml_extra", 49);
}
