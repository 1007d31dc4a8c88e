//! The reference models in ONNX: predictions as ONNX Runtime and as the training library give them, contributions as
//! the training library does.
//!
//! The trees of these files do not say how many training rows came by a node (`nodes_hitrates`), so that they cannot be
//! explained; the test writes the numbers of the native model beside them into the file, as docs/models.md tells users.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray};
use bordereau_model::{Features, Format, InputKind, Model};
use prost::Message;

use crate::cases::Table;
use crate::reference::{folders, manifest};

/// Rows as the model's columns: by name, or by place where the file only knows one tensor.
fn bind(model: &Model, table: &Table, names: &[String]) -> Features {
    let columns = model.inputs().iter().enumerate().map(|(at, input)| -> ArrayRef {
        let cells = table.column(&input.name).or_else(|| table.column(&names[at])).unwrap();
        let cells = cells.iter().map(|cell| Some(*cell).filter(|cell| !cell.is_empty()));
        match input.kind {
            InputKind::Category { .. } => Arc::new(cells.collect::<StringArray>()),
            InputKind::Number => {
                Arc::new(cells.map(|cell| cell.map(|cell| cell.parse::<f64>().unwrap())).collect::<Float64Array>())
            }
        }
    });
    model.bind(&columns.collect::<Vec<_>>()).unwrap()
}

/// The largest difference relative to the expected number.
fn relative(given: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(given.len(), expected.len());
    let pairs = given.iter().zip(expected);
    pairs.map(|(a, b)| (a - b).abs() / b.abs().max(1e-12)).fold(0.0, |most, x| if x.is_nan() { x } else { most.max(x) })
}

#[test]
#[ignore = "needs the reference data"]
fn reference_onnx_models_score_and_explain_as_onnx_runtime_and_the_native_model() {
    let folders = folders("onnx_");
    assert!(folders.len() >= 13, "{} models", folders.len());
    let mut wrong = Vec::new();
    for folder in &folders {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let manifest = manifest(folder);
        let tolerance = |key: &str| manifest["tolerance"][key].as_f64().unwrap();
        let names: Vec<String> = serde_json::from_value(manifest["feature_names"].clone()).unwrap();
        let bytes = std::fs::read(folder.join("model.onnx")).unwrap();
        let model = Model::open(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((model.format(), model.outputs()), (Format::Onnx, 1));
        let features = bind(&model, &Table::read(&folder.join("input.csv")), &names);
        let expected = Table::read(&folder.join("expected.csv"));
        let scores = model.score(&features);
        let ort = expected.numbers("ort_probabilities_1").or_else(|| expected.numbers("ort_variable")).unwrap();
        let by_ort = relative(&scores.prediction, &ort);
        let by_native = relative(&scores.prediction, &expected.numbers("prediction").unwrap());
        let mut is_wrong = !(by_ort <= tolerance("ort_rel") && by_native <= tolerance("native_rel"));
        let mut line = format!("{name}: {}, link {}, ONNX Runtime {by_ort:.1e}", model.form(), model.link());
        line += &format!(", native {by_native:.1e}");
        if folder.join("contribs.csv").exists() {
            let (largest, sum) = contributions(folder, &bytes, &features, &names);
            line += &format!(", contributions {largest:.1e}, their sum {sum:.1e} (relative to the largest margin)");
            is_wrong |= !(largest <= tolerance("native_rel") && sum <= tolerance("ort_rel"));
        }
        println!("{line}");
        if is_wrong {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "outside the tolerance of their manifest: {wrong:?}");
}

/// The largest differences of contributions and of their sums, relative to the largest margin (at least 1).
fn contributions(folder: &Path, bytes: &[u8], features: &Features, names: &[String]) -> (f64, f64) {
    let mut model = Model::open(bytes).unwrap();
    if model.form() == "forest" {
        assert!(!model.explains(), "the file says nothing of training rows");
        model = Model::open(&with_hit_rates(bytes, &native(folder))).unwrap();
    }
    let expected = Table::read(&folder.join("contribs.csv"));
    let ours = model.explain(features).unwrap();
    let raw = model.score(features).raw;
    let scale = raw.iter().fold(1.0_f64, |most, raw| most.max(raw.abs()));
    let (mut largest, mut sums) = (0.0_f64, vec![ours.bias[0]; features.rows()]);
    let column = |name: &str| expected.numbers(name).unwrap();
    column("__bias__").iter().for_each(|bias| largest = largest.max((bias - ours.bias[0]).abs() / scale));
    for (at, input) in model.inputs().iter().enumerate() {
        let name = if expected.column(&input.name).is_some() { &input.name } else { &names[at] };
        for (row, value) in column(name).iter().enumerate() {
            let given = ours.values[row * model.inputs().len() + at];
            largest = if given.is_nan() { f64::NAN } else { largest.max((given - value).abs() / scale) };
            sums[row] += given;
        }
    }
    let sum = sums.iter().zip(&raw).map(|(a, b)| (a - b).abs() / scale).fold(0.0_f64, f64::max);
    (largest, sum)
}

/// A tree of a native model: for each node its rows and children, the one of `x <= t` or `x < t` first.
type NativeTree = Vec<(f64, Option<(usize, usize)>)>;

fn native(folder: &Path) -> Vec<NativeTree> {
    match std::fs::read_to_string(folder.join("native_model.txt")) {
        Ok(text) => text.split("\nTree=").skip(1).map(lightgbm).collect(),
        Err(_) => {
            let text = std::fs::read_to_string(folder.join("native_model.json")).unwrap();
            let model: serde_json::Value = serde_json::from_str(&text).unwrap();
            let trees = model["learner"]["gradient_booster"]["model"]["trees"].as_array().unwrap().clone();
            trees.iter().map(xgboost).collect()
        }
    }
}

fn lightgbm(text: &str) -> NativeTree {
    let list = |key: &str| -> Vec<i64> {
        let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
        line.split_whitespace().map(|word| word.parse().unwrap()).collect()
    };
    let (left, right) = (list("left_child="), list("right_child="));
    let place = |child: i64| if child < 0 { left.len() + !child as usize } else { child as usize };
    let splits = list("internal_count=").into_iter().enumerate();
    let splits = splits.map(|(at, rows)| (rows as f64, Some((place(left[at]), place(right[at])))));
    splits.chain(list("leaf_count=").into_iter().map(|rows| (rows as f64, None))).collect()
}

fn xgboost(tree: &serde_json::Value) -> NativeTree {
    let list = |key: &str| tree[key].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect::<Vec<_>>();
    let (left, right) = (list("left_children"), list("right_children"));
    let child = |at: usize| (left[at] >= 0.0).then(|| (left[at] as usize, right[at] as usize));
    list("sum_hessian").into_iter().enumerate().map(|(at, rows)| (rows, child(at))).collect()
}

#[derive(Clone, PartialEq, Message)]
struct Attribute {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(float, repeated, tag = "7")]
    floats: Vec<f32>,
    #[prost(int64, repeated, tag = "8")]
    ints: Vec<i64>,
    #[prost(int32, tag = "20")]
    kind: i32,
}

/// The file with the rows of the native trees at the nodes of its ensemble.
fn with_hit_rates(model: &[u8], native: &[NativeTree]) -> Vec<u8> {
    edit(model, 7, |graph| {
        edit(graph, 1, |node| {
            let mut lists: HashMap<String, Vec<i64>> = HashMap::new();
            edit(node, 5, |attribute| {
                let read = Attribute::decode(attribute).unwrap();
                lists.insert(read.name, read.ints);
                attribute.to_vec()
            });
            let Some(rates) = lists.contains_key("nodes_treeids").then(|| rates(&lists, native)) else {
                return node.to_vec();
            };
            let name = "nodes_hitrates".to_owned();
            let mut edited = edit(node, 5, |attribute| {
                let same = Attribute::decode(attribute).unwrap().name == name;
                if same { Attribute::default().encode_to_vec() } else { attribute.to_vec() }
            });
            let added = Attribute { name, floats: rates, ints: Vec::new(), kind: 6 }.encode_to_vec();
            prost::encoding::encode_key(5, prost::encoding::WireType::LengthDelimited, &mut edited);
            prost::encoding::encode_varint(added.len() as u64, &mut edited);
            edited.extend(added);
            edited
        })
    })
}

fn rates(lists: &HashMap<String, Vec<i64>>, native: &[NativeTree]) -> Vec<f32> {
    let (trees, nodes) = (&lists["nodes_treeids"], &lists["nodes_nodeids"]);
    let places: HashMap<(i64, i64), usize> = trees.iter().zip(nodes).map(|(a, b)| (*a, *b)).zip(0..).collect();
    let mut rates = vec![0.0; trees.len()];
    for (tree, native) in native.iter().enumerate() {
        let mut open = vec![(places[&(tree as i64, 0)], 0)];
        while let Some((at, of)) = open.pop() {
            let (rows, children) = native[of];
            rates[at] = rows as f32;
            if let Some((yes, no)) = children {
                let child = |list: &str| places[&(tree as i64, lists[list][at])];
                open.extend([(child("nodes_truenodeids"), yes), (child("nodes_falsenodeids"), no)]);
            }
        }
    }
    rates
}

/// A message with the fields of a number (messages themselves) changed.
fn edit(mut bytes: &[u8], number: u32, mut change: impl FnMut(&[u8]) -> Vec<u8>) -> Vec<u8> {
    use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint};
    let mut edited = Vec::with_capacity(bytes.len());
    while !bytes.is_empty() {
        let (tag, wire) = decode_key(&mut bytes).unwrap();
        encode_key(tag, wire, &mut edited);
        match wire {
            WireType::Varint => encode_varint(decode_varint(&mut bytes).unwrap(), &mut edited),
            WireType::LengthDelimited => {
                let (own, rest) = {
                    let len = decode_varint(&mut bytes).unwrap() as usize;
                    bytes.split_at(len)
                };
                let own = if tag == number { change(own) } else { own.to_vec() };
                encode_varint(own.len() as u64, &mut edited);
                edited.extend(own);
                bytes = rest;
            }
            _ => {
                let (own, rest) = bytes.split_at(if wire == WireType::ThirtyTwoBit { 4 } else { 8 });
                edited.extend_from_slice(own);
                bytes = rest;
            }
        }
    }
    edited
}
