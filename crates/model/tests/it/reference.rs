//! The reference models: every row's prediction, raw score and contributions within the tolerance of their manifest.

use std::path::{Path, PathBuf};

use arrow::array::{Array, Float64Array, StringArray};
use bordereau_model::{Features, Model};

use crate::cases;

fn models() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    std::env::var_os("BORDEREAU_REFERENCE_DATA").map_or_else(beside, PathBuf::from).join("models")
}

pub fn folders(prefix: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(models()).unwrap();
    let folders = entries.map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> =
        folders.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(prefix)).collect();
    folders.sort();
    folders
}

pub fn manifest(folder: &Path) -> serde_json::Value {
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

/// What the other PMML models predict, and every output field that another evaluator gives as well. What is explained
/// adds up to the raw score.
#[test]
#[ignore = "needs the reference data"]
fn reference_pmml_models_predict_as_documented() {
    let mut wrong = Vec::new();
    for folder in folders("pmml_") {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let (model, manifest) = (cases::load(&folder), manifest(&folder));
        let features = cases::bind(&model, &cases::Table::read(&folder.join("input.csv")));
        let scores = model.score(&features);
        let mut largest = 0.0_f64;
        for (output, expected) in predictions(&folder, &model, &manifest).iter().enumerate() {
            assert_eq!(expected.len(), features.rows());
            let of_output = scores.prediction.iter().skip(output).step_by(model.outputs());
            largest = largest.max(difference(of_output.copied(), expected));
        }
        let (fields, most) = output_fields(&folder, &model, &features);
        let off = explained(&model, &features, &scores.raw);
        let form = model.form();
        println!(
            "{name}: {form}, {} rows x {}: prediction {largest:.1e}, {fields} output fields {most:.1e}, contributions {}",
            features.rows(),
            model.outputs(),
            off.map_or("none".to_owned(), |off| format!("add up to {off:.1e}")),
        );
        let tolerance = manifest["tolerance"]["prediction_rel"].as_f64().unwrap();
        if largest > tolerance || most > tolerance || off.unwrap_or(0.0) > tolerance.max(1e-9) {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "outside the tolerance of their manifest: {wrong:?}");
}

/// The largest relative difference; infinite where one is missing and the other is not.
fn difference(given: impl Iterator<Item = f64>, expected: &[f64]) -> f64 {
    let apart = |(given, expected): (f64, &f64)| match given.is_nan() && expected.is_nan() {
        true => 0.0,
        false => (given - expected).abs() / expected.abs().max(1e-12),
    };
    let apart = given.zip(expected).map(apart);
    apart.fold(0.0, |largest, apart| if apart.is_nan() { f64::INFINITY } else { largest.max(apart) })
}

/// How far contributions are from adding up to the raw score.
fn explained(model: &Model, features: &Features, raw: &[f64]) -> Option<f64> {
    let explained = model.explain(features)?;
    let (inputs, outputs) = (model.inputs().len(), model.outputs());
    let mut most = 0.0_f64;
    for (row, raw) in explained.values.chunks_exact(inputs * outputs).zip(raw.chunks_exact(outputs)) {
        for (output, raw) in raw.iter().enumerate() {
            let sum: f64 = row.iter().skip(output).step_by(outputs).sum();
            most = most.max((sum + explained.bias[output] - raw).abs() / raw.abs().max(1.0));
        }
    }
    Some(most)
}

/// How many output fields another evaluator has as well, and how far they are apart.
fn output_fields(folder: &Path, model: &Model, features: &Features) -> (usize, f64) {
    let expected = cases::Table::read(&folder.join("expected_jpmml.csv"));
    let (mut compared, mut most) = (0, 0.0_f64);
    for (name, column) in model.output_fields().map(|field| field.name).zip(model.output_columns(features)) {
        let Some(expected) = expected.column(name) else { continue };
        compared += 1;
        let any = column.as_any();
        if let Some(numbers) = any.downcast_ref::<Float64Array>() {
            let number = |text: &&str| match *text {
                "True" | "true" => 1.0,
                "False" | "false" => 0.0,
                text => text.parse().unwrap_or(f64::NAN),
            };
            let expected: Vec<f64> = expected.iter().map(number).collect();
            let given = numbers.iter().map(|value| value.unwrap_or(f64::NAN));
            most = most.max(difference(given, &expected));
        } else {
            let texts = any.downcast_ref::<StringArray>().unwrap();
            let same = texts.iter().zip(&expected).all(|(given, expected)| given.unwrap_or("") == *expected);
            most = if same { most } else { f64::INFINITY };
        }
    }
    (compared, most)
}

/// Models whose document says something else than their training library, and the column of another evaluator's
/// answers: the mean depth, of which an output field makes the score; derived fields in single precision.
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
    let kind = manifest["kind"].as_str().unwrap();
    if matches!(kind, "clustering" | "classification_label") {
        // Only the label is known. The neighbours' votes are checked by it, too.
        let labels = expected.column("prediction").unwrap();
        let is_votes = name == "pmml_knn_pg17";
        let share = |class: &String, label: &str| f64::from(u8::from(class == label));
        let given = model.score(&cases::bind(model, &cases::Table::read(&folder.join("input.csv"))));
        let rows = given.prediction.chunks_exact(model.outputs());
        let column = |(at, class): (usize, &String)| {
            let of_row = |(label, row): (&&str, &[f64])| match is_votes {
                true if (row[at] > 0.5) == (class == *label) => row[at],
                _ => share(class, label),
            };
            labels.iter().zip(rows.clone()).map(of_row).collect()
        };
        return model.classes().iter().enumerate().map(column).collect();
    }
    let classes = manifest["classes"].as_array().unwrap();
    let column = |class: &String| {
        let at = classes.iter().position(|known| known.as_str() == Some(class)).unwrap();
        expected.numbers(&format!("prediction_{at}")).unwrap()
    };
    model.classes().iter().map(column).collect()
}

/// The score of an isolation forest, which its document computes as an output field.
#[test]
#[ignore = "needs the reference data"]
fn reference_isolation_forest_scores_by_an_output_field() {
    let folder = models().join("pmml_iforest_pg17");
    let model = cases::load(&folder);
    let features = cases::bind(&model, &cases::Table::read(&folder.join("input.csv")));
    let expected = cases::Table::read(&folder.join("expected.csv")).numbers("prediction").unwrap();
    let at = model.output_fields().position(|field| field.name == "decisionFunction").unwrap();
    let column = model.output_columns(&features)[at].clone();
    let given = column.as_any().downcast_ref::<Float64Array>().unwrap();
    let apart = |(given, expected): (f64, &f64)| (given - expected).abs();
    let most = given.iter().flatten().zip(&expected).map(apart).fold(0.0, f64::max);
    println!("pmml_iforest_pg17: decisionFunction {most:.1e} over {} rows", expected.len());
    assert!(given.iter().flatten().count() == expected.len() && most < 1e-12);
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
