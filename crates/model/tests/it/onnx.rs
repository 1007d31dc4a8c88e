//! ONNX: the committed fixtures as ONNX Runtime and the training libraries answer, what is refused and in which words,
//! cells that a column's type does not have, and bytes that are no model.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray};
use bordereau_model::{Format, InputKind, Model};

use crate::cases;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(folder(name).join("model.onnx")).unwrap()
}

fn open(name: &str) -> Model {
    Model::open(&bytes(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Form, link, and whether it is explained, for each fixture.
const FIXTURES: [(&str, &str, &str, bool); 41] = [
    ("onnx_dictionary", "linear", "identity", true),
    ("onnx_doubles", "linear", "identity", true),
    ("onnx_encoded_trees", "forest", "identity", true),
    ("onnx_glm", "linear", "log", true),
    ("onnx_isolation", "graph", "identity", false),
    ("onnx_lgbm_bare", "forest", "log", false),
    ("onnx_lgbm_binary", "forest", "logit", true),
    ("onnx_lgbm_multiclass", "forest", "softmax", true),
    ("onnx_lgbm_poisson", "forest", "log", true),
    ("onnx_lgbm_zipmap", "forest", "logit", true),
    ("onnx_logistic", "linear", "logit", true),
    ("onnx_mlp", "graph", "identity", false),
    ("onnx_mlp_classes", "graph", "identity", false),
    ("onnx_mode_eq", "forest", "identity", true),
    ("onnx_mode_gt", "forest", "identity", true),
    ("onnx_mode_gte", "forest", "identity", true),
    ("onnx_mode_leq", "forest", "identity", true),
    ("onnx_mode_lt", "forest", "identity", true),
    ("onnx_mode_neq", "forest", "identity", true),
    ("onnx_one_vs_rest", "graph", "identity", false),
    ("onnx_operators", "graph", "identity", false),
    ("onnx_ordinal_trees", "forest", "identity", true),
    ("onnx_pca_forest", "graph", "identity", false),
    ("onnx_scaled_gbm", "forest", "logit", true),
    ("onnx_softmax", "graph", "identity", false),
    ("onnx_strict", "linear", "identity", true),
    ("onnx_svc_label", "graph", "identity", false),
    ("onnx_svc_pair", "graph", "identity", false),
    ("onnx_svc_pairs", "graph", "identity", false),
    ("onnx_svc_three", "graph", "identity", false),
    ("onnx_svc_two", "graph", "identity", false),
    ("onnx_svr", "graph", "identity", false),
    ("onnx_svr_poly", "graph", "identity", false),
    ("onnx_targets", "linear", "identity", true),
    ("onnx_version_5", "forest", "identity", false),
    ("onnx_voting", "forest", "identity", false),
    ("onnx_whole_trees", "forest", "identity", true),
    ("onnx_xgb_logistic", "forest", "logit", true),
    ("onnx_xgb_softprob", "forest", "softmax", true),
    ("onnx_xgb_squarederror", "forest", "identity", true),
    ("onnx_xgb_tweedie", "forest", "log", true),
];

#[test]
fn every_fixture_scores_as_onnx_runtime_and_explains_as_its_library() {
    let mut wrong = Vec::new();
    for (name, form, link, explained) in FIXTURES {
        let model = open(name);
        let given = (model.format(), model.form(), model.link(), model.explains());
        if given != (Format::Onnx, form, link, explained) {
            wrong.push(format!("{name}: {given:?}"));
        }
        let errors = cases::compare(&folder(name).join("model.onnx"));
        println!("{name}: {errors}");
        let bad = errors.prediction_rel > 1e-5 || errors.sum_abs > 1e-5;
        if bad || errors.contributions_abs.unwrap_or(0.0) > 1e-5 {
            wrong.push(format!("{name}: {errors}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A file's bytes with a text in place of another of the same length.
fn changed(name: &str, from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes(name);
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes());
    let at = at.unwrap_or_else(|| panic!("no {from} in {name}"));
    bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
    bytes
}

#[test]
fn what_is_not_built_is_refused_with_its_node() {
    let check = |name: &str, from: &str, to: &str, message: &str| {
        let error = Model::open(&changed(name, from, to)).unwrap_err().to_string();
        assert!(error.starts_with("ONNX model, line 1: "), "{error}");
        assert!(error.contains(message), "{error}");
    };
    check("onnx_operators", "Tanh", "Celu", "(ai.onnx.Celu): this operator is not supported");
    check("onnx_operators", "ReduceMean", "ReduceNone", "(ai.onnx.ReduceNone): this operator is not supported");
    check("onnx_svr", "SVMRegressor", "SVMXegressor", "(ai.onnx.ml.SVMXegressor): this operator is not supported");
    check("onnx_svr", "RBF", "XBF", "this kernel_type is not supported");
    let vectors = "support_vectors, coefficients or rho do not fit the classes and features";
    check("onnx_svc_pairs", "coefficients", "koefficients", vectors);
    check("onnx_svc_pairs", "support_vectors", "xupport_vectors", vectors);
    check("onnx_svc_pairs", "rho", "xho", vectors);
    check("onnx_svc_pairs", "classlabels_ints", "xlasslabels_ints", vectors);
    check(
        "onnx_svc_pairs",
        "vectors_per_class",
        "xectors_per_class",
        "a classifier without support vectors is not supported",
    );
    check("onnx_svc_pairs", "SIGMOID", "XIGMOID", "this kernel_type is not supported");
    check("onnx_svc_three", "prob_a", "xrob_a", "prob_a or prob_b do not fit the pairs of classes");
    check("onnx_mode_leq", "BRANCH_LEQ", "BRANCH_XEQ", "node \"trees\" (ai.onnx.ml.TreeEnsembleRegressor): node mode");
    check("onnx_mode_leq", "nodes_modes", "nodes_mo_es", "the arrays nodes_... are not of one length");
    check("onnx_dictionary", "DictVectorizer", "DictVectorised", "input \"D\": a map that no DictVectorizer reads");
}

#[test]
fn bytes_that_are_no_model_are_refused_and_never_panic() {
    assert!(Model::open(&[8, 8, 0x3a, 200]).is_err());
    assert!(Model::open(b"\x08\x08").is_err());
    let mut seed = 1_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let mut opened = 0;
    for (name, ..) in FIXTURES {
        let bytes = bytes(name);
        for _ in 0..60 {
            let mut broken = bytes.clone();
            match random(3) {
                0 => broken.truncate(random(bytes.len())),
                1 => broken[random(bytes.len())] ^= 1 << random(8),
                _ => broken[random(bytes.len())] = random(256) as u8,
            }
            let Ok(model) = Model::load(Format::Onnx, &broken) else { continue };
            opened += 1;
            let features = model.bind(&columns(&model, &[None, Some(1.5)])).unwrap();
            let scores = model.score(&features);
            assert_eq!(scores.prediction.len(), 2 * model.outputs());
            let explained = model.explain(&features);
            assert_eq!(explained.is_some(), model.explains());
        }
    }
    assert!(opened > 100, "{opened} opened");
}

/// The same number, or its text, in every column.
fn columns(model: &Model, rows: &[Option<f64>]) -> Vec<ArrayRef> {
    let column = |kind: &InputKind| -> ArrayRef {
        match kind {
            InputKind::Number => Arc::new(rows.iter().copied().collect::<Float64Array>()),
            InputKind::Category { .. } => {
                Arc::new(rows.iter().map(|x| x.map(|x| x.to_string())).collect::<StringArray>())
            }
        }
    };
    model.inputs().iter().map(|input| column(&input.kind)).collect()
}

/// One column from its cells, all others 1 (a text that is no category, or the first that is).
fn score(model: &Model, name: &str, column: &ArrayRef) -> (Vec<f64>, Vec<bool>, u64) {
    let at = model.inputs().iter().position(|input| input.name == name).unwrap();
    let others = model.inputs().iter().map(|input| -> ArrayRef {
        match &input.kind {
            InputKind::Number => Arc::new(Float64Array::from(vec![3.0; column.len()])),
            InputKind::Category { values } => Arc::new(StringArray::from(vec![values[0].as_str(); column.len()])),
        }
    });
    let mut columns: Vec<ArrayRef> = others.collect();
    columns[at] = Arc::clone(column);
    let features = model.bind(&columns).unwrap();
    let scores = model.score(&features).prediction;
    let explained = model.explain(&features).unwrap();
    let rows = explained.values.chunks_exact(model.inputs().len());
    let known = rows.map(|row| row.iter().all(|value| value.is_finite())).collect();
    (scores, known, features.unseen()[at])
}

fn scored(scores: &[f64]) -> Vec<bool> {
    scores.iter().map(|score| score.is_finite()).collect()
}

#[test]
fn an_unknown_text_is_no_category_and_counted_and_an_empty_one_is_not_counted() {
    let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("CA"), Some("ZZ"), None]));
    let (scores, known, unseen) = score(&open("onnx_glm"), "state", &texts);
    assert_eq!((scored(&scores), known, unseen), (vec![true; 3], vec![true; 3], 1));
    assert_eq!(scores[1], scores[2]);
    let (scores, _, unseen) = score(&open("onnx_ordinal_trees"), "state", &texts);
    assert_eq!((scored(&scores), unseen), (vec![true; 3], 1));
}

/// Where the encoder of the file stops at an unknown category, the row has no score.
#[test]
fn a_row_with_a_category_that_must_be_known_has_no_score() {
    let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("CA"), Some("ZZ"), None]));
    let (scores, known, unseen) = score(&open("onnx_strict"), "state", &texts);
    assert_eq!((scored(&scores), known, unseen), (vec![true, false, false], vec![true, false, false], 1));
}

#[test]
fn a_whole_number_that_is_none_leaves_no_score() {
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![Some(3.0), Some(4.0), Some(3.5), None, Some(1e300)]));
    let (scores, known, unseen) = score(&open("onnx_whole_trees"), "code", &numbers);
    let expected = vec![true, true, false, false, false];
    assert_eq!((scored(&scores), known, unseen), (expected.clone(), expected, 2));
}

#[test]
fn a_model_says_what_it_predicts_and_why_trees_are_not_explained() {
    let model = open("onnx_lgbm_zipmap");
    assert_eq!((model.classes(), model.outputs()), (&["1".to_owned()][..], 1));
    assert!(model.about().notes[0].contains("probability of class 1"), "{:?}", model.about());
    assert!(open("onnx_lgbm_bare").about().notes.iter().any(|note| note.contains("nodes_hitrates")));
    let names: Vec<_> = model.inputs().iter().map(|input| input.name.as_str()).collect();
    assert_eq!(names, ["age", "value", "ratio", "code", "constant"]);
}
