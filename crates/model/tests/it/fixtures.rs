//! The committed LightGBM fixtures: as the reference models, one per branch of the reader.

use std::path::Path;

use crate::cases;

#[track_caller]
fn check(name: &str, link: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    let model = cases::load(&folder);
    assert_eq!(model.link(), link, "{name}");
    let errors = cases::compare(&folder);
    let bad = errors.raw_abs > 1e-12
        || errors.prediction_rel > 1e-12
        || errors.contributions_abs.unwrap_or(0.0) > 1e-9
        || errors.sum_abs > 1e-9;
    assert!(!bad, "{name}: {errors}");
}

#[test]
fn every_objective_scores_and_explains_as_lightgbm() {
    for name in ["regression", "l1", "huber", "fair", "quantile", "mape", "lambdarank", "rank_xendcg", "stumps"] {
        check(name, "identity");
    }
    for name in ["poisson", "gamma", "tweedie"] {
        check(name, "log");
    }
    for name in ["binary_slope", "multiclassova", "cross_entropy"] {
        check(name, "logit");
    }
    check("sqrt", "signed square root");
    check("multiclass", "softmax");
    check("cross_entropy_lambda", "log1p(exp)");
}

#[test]
fn missing_values_follow_the_type_of_missing_that_the_model_names() {
    check("no_missing", "identity");
    check("zero_as_missing", "identity");
}

#[test]
fn a_random_forest_predicts_the_link_of_its_average() {
    check("random_forest", "logit");
}

#[test]
fn linear_trees_score_and_do_not_explain() {
    check("linear_tree", "identity");
}
