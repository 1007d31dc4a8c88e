//! The reference models: every row's prediction, raw score and contributions within the tolerance of their manifest.

use std::path::{Path, PathBuf};

use bordereau_model::Model;

use crate::cases;

fn models() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    std::env::var_os("BORDEREAU_REFERENCE_DATA").map_or_else(beside, PathBuf::from).join("models")
}

fn folders(prefix: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(models()).unwrap();
    let folders = entries.map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> =
        folders.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(prefix)).collect();
    folders.sort();
    folders
}

fn manifest(folder: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap()
}

fn check(prefix: &str, at_least: usize) {
    let folders = folders(prefix);
    assert!(folders.len() >= at_least, "{} models", folders.len());
    let mut wrong = Vec::new();
    for folder in &folders {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let manifest = manifest(folder);
        let tolerance = |key: &str, or: f64| manifest["tolerance"][key].as_f64().unwrap_or(or);
        let raw_abs = tolerance("raw_abs", 0.0);
        for file in cases::files(folder) {
            let errors = cases::compare(&file);
            let file = file.file_name().unwrap().to_string_lossy().into_owned();
            println!("{name}/{file}: {errors}");
            if errors.raw_abs > raw_abs
                || errors.prediction_rel > tolerance("prediction_rel", raw_abs)
                || errors.contributions_abs.unwrap_or(0.0) > tolerance("contribs_abs", raw_abs)
            {
                wrong.push(format!("{name}/{file}"));
            }
        }
    }
    assert!(wrong.is_empty(), "outside the tolerance of their manifest: {wrong:?}");
}

#[test]
#[ignore = "needs the reference data"]
fn reference_lightgbm_models_score_and_explain_as_lightgbm() {
    check("lgbm_", 17);
}

#[test]
#[ignore = "needs the reference data"]
fn reference_xgboost_models_score_and_explain_as_xgboost() {
    check("xgb_", 14);
}

#[test]
#[ignore = "needs the reference data"]
fn reference_catboost_models_score_and_explain_as_catboost() {
    check("catboost_", 4);
}

#[test]
#[ignore = "needs the reference data"]
fn reference_pmml_generalized_linear_models_score_and_explain_as_documented() {
    check("glm_", 5);
}

/// What the other PMML models predict; kinds of models that are not built are refused by name.
#[test]
#[ignore = "needs the reference data"]
fn reference_pmml_models_predict_as_documented() {
    let mut wrong = Vec::new();
    for folder in folders("pmml_") {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = std::fs::read(folder.join("model.pmml")).unwrap();
        if let Some((_, element)) = NOT_BUILT.iter().find(|(model, _)| *model == name) {
            let error = Model::open(&bytes).unwrap_err().to_string();
            assert!(error.contains(element) && error.ends_with("is not supported"), "{name}: {error}");
            println!("{name}: refused: {error}");
            continue;
        }
        let (model, manifest) = (cases::load(&folder), manifest(&folder));
        let features = cases::bind(&model, &cases::Table::read(&folder.join("input.csv")));
        let scores = model.score(&features);
        let mut largest = 0.0_f64;
        for (output, expected) in predictions(&folder, &model, &manifest).iter().enumerate() {
            assert_eq!(expected.len(), features.rows());
            for (row, expected) in expected.iter().enumerate() {
                let given = scores.prediction[row * model.outputs() + output];
                let difference = match given.is_nan() && expected.is_nan() {
                    true => 0.0,
                    false => (given - expected).abs() / expected.abs().max(1e-12),
                };
                largest = if difference.is_nan() { f64::INFINITY } else { largest.max(difference) };
            }
        }
        let form = model.form();
        println!("{name}: {form}, {} rows x {}: prediction {largest:.1e}", features.rows(), model.outputs());
        if largest > manifest["tolerance"]["prediction_rel"].as_f64().unwrap() {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "outside the tolerance of their manifest: {wrong:?}");
}

/// Reference models whose kind is not built, and the element that says so.
const NOT_BUILT: [(&str, &str); 3] = [
    ("pmml_kmeans_pg17", "ClusteringModel"),
    ("pmml_knn_pg17", "NearestNeighborModel"),
    ("pmml_svc_pg17", "SupportVectorMachineModel"),
];

/// Models whose document says something else than their training library, and the column of another evaluator's
/// answers: an output field instead of the mean depth, derived fields in single precision.
const AS_DOCUMENT: [(&str, &str); 3] =
    [("pmml_iforest_pg17", "rawAnomalyScore"), ("pmml_stacking_pg17", "vh_din"), ("pmml_voting_pg17", "vh_din")];

/// Expected predictions for each output of a model.
fn predictions(folder: &Path, model: &Model, manifest: &serde_json::Value) -> Vec<Vec<f64>> {
    let expected = cases::Table::read(&folder.join("expected.csv"));
    let name = folder.file_name().unwrap().to_string_lossy().into_owned();
    if let Some((_, column)) = AS_DOCUMENT.iter().find(|(model, _)| *model == name) {
        let answers = cases::Table::read(&folder.join("expected_jpmml.csv"));
        return vec![answers.numbers(column).unwrap()];
    }
    if model.classes().is_empty() {
        return vec![expected.numbers("prediction").unwrap()];
    }
    let classes = manifest["classes"].as_array().unwrap();
    let column = |class: &String| {
        let at = classes.iter().position(|known| known.as_str() == Some(class)).unwrap();
        expected.numbers(&format!("prediction_{at}")).unwrap()
    };
    model.classes().iter().map(column).collect()
}

/// Scores, contributions and reason codes of scorecards.
#[test]
#[ignore = "needs the reference data"]
fn reference_scorecards_score_explain_and_give_reasons() {
    for folder in folders("scorecard_") {
        let model = cases::load(&folder);
        let features = cases::bind(&model, &cases::Table::read(&folder.join("input.csv")));
        let (scores, explained) = (model.score(&features), model.explain(&features).unwrap());
        let reasons = model.reason_codes(&features).unwrap();
        let expected = cases::Table::read(&folder.join("expected.csv"));
        assert_eq!(scores.prediction, expected.numbers("prediction").unwrap());
        let contributions = cases::Table::read(&folder.join("contribs.csv"));
        for (at, input) in model.inputs().iter().enumerate() {
            // The characteristic of the second driver reads two inputs, this one first.
            let column = if input.name == "drv_drv2" { "second_driver" } else { &input.name };
            let Some(values) = contributions.numbers(column) else { continue };
            for (row, value) in values.iter().enumerate() {
                assert_eq!(explained.values[row * model.inputs().len() + at], *value, "row {row}, {column}");
            }
        }
        assert_eq!(Some(explained.bias[0]), contributions.numbers("__bias__").unwrap().first().copied());
        let (ties, mut compared) = (expected.column("tie_in_top5").unwrap(), 0);
        for (rank, column) in ["reason_1", "reason_2", "reason_3", "reason_4"].into_iter().enumerate() {
            let codes = expected.column(column).unwrap();
            for row in (0..codes.len()).filter(|row| ties[*row] == "False" && !codes[*row].is_empty()) {
                assert_eq!(reasons[row].get(rank), Some(&codes[row]), "row {row}, rank {rank}");
                compared += 1;
            }
        }
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        println!("{name}: {} rows: scores and contributions equal, {compared} reason codes equal", features.rows());
        assert!(compared > 100);
    }
}

/// ONNX is not built; each file says so.
#[test]
#[ignore = "needs the reference data"]
fn reference_onnx_models_are_refused() {
    for folder in folders("onnx_") {
        let error = Model::open(&std::fs::read(folder.join("model.onnx")).unwrap()).unwrap_err().to_string();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        println!("{name}: refused: {error}");
        assert!(error.contains("it looks like ONNX, which is not read yet"), "{name}: {error}");
    }
}
