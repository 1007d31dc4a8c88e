//! The reference models: every row's prediction, raw score and contributions within the tolerance of their manifest.

use std::path::{Path, PathBuf};

use crate::cases;

fn models() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    std::env::var_os("BORDEREAU_REFERENCE_DATA").map_or_else(beside, PathBuf::from).join("models")
}

fn check(prefix: &str, at_least: usize) {
    let entries = std::fs::read_dir(models()).unwrap();
    let folders = entries.map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> =
        folders.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(prefix)).collect();
    folders.sort();
    assert!(folders.len() >= at_least, "{} models", folders.len());
    let mut wrong = Vec::new();
    for folder in &folders {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let manifest = std::fs::read(folder.join("manifest.json")).unwrap();
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
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
