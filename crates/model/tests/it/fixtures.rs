//! The committed fixtures of LightGBM, XGBoost and CatBoost: as the reference models, one per branch of the readers.

use std::path::Path;

use bordereau_model::Method;

use crate::cases;

/// Largest differences of raw score, prediction (relative) and contributions.
struct Within(f64, f64, f64);

/// The same bits for raw scores; functions may be rounded otherwise.
const DOUBLE: Within = Within(0.0, 1e-12, 1e-9);

/// CatBoost multiplies the sum of its leaves by a scale, here each leaf is.
const SCALED: Within = Within(1e-14, 1e-12, 1e-9);

/// The same raw score, as a number of single precision; XGBoost's own contributions are sums in it.
const SINGLE: Within = Within(0.0, 1e-7, 1e-5);

#[track_caller]
fn check(name: &str, link: &str) {
    check_within(name, link, DOUBLE);
}

#[track_caller]
fn check_within(name: &str, link: &str, within: Within) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    let model = cases::load(&folder);
    assert_eq!(model.link(), link, "{name}");
    for file in cases::files(&folder) {
        let errors = cases::compare(&file);
        let bad = errors.raw_abs > within.0
            || errors.prediction_rel > within.1
            || errors.contributions_abs.unwrap_or(0.0) > within.2
            || errors.sum_abs > within.2;
        assert!(!bad, "{}: {errors}", file.display());
    }
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
fn every_way_to_train_scores_and_explains_as_lightgbm() {
    check("dart", "logit");
    check("monotone", "identity");
    check("custom", "identity");
    check("codes", "identity");
}

fn model_and_features(name: &str) -> (bordereau_model::Model, bordereau_model::Features) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    let model = cases::load(&folder);
    let features = cases::bind(&model, &cases::Table::read(&folder.join("input.csv")));
    (model, features)
}

/// With the mean score of the background they give the row's score; a row against itself differs in nothing.
#[test]
fn contributions_against_background_rows_add_up() {
    for name in ["regression", "multiclass", "codes", "poisson", "xgb_softprob", "cat_multiclass"] {
        let (model, features) = model_and_features(name);
        let (rows, background) = (features.of_rows(&[0, 1, 2]), features.of_rows(&[3, 4, 5, 6]));
        let (own, raw) = (model.score(&background).raw, model.score(&rows).raw);
        let model = model.with_background(&background).unwrap();
        assert_eq!(model.method(), Some(Method::Interventional { rows: 4 }));
        let given = model.explain(&rows).unwrap();
        let (inputs, outputs) = (model.inputs().len(), model.outputs());
        for (at, raw) in raw.iter().enumerate() {
            let row = &given.values[at / outputs * inputs * outputs..][..inputs * outputs];
            let sum: f64 = row.iter().skip(at % outputs).step_by(outputs).sum();
            assert!((given.bias[at % outputs] + sum - raw).abs() < 1e-5, "{name}");
        }
        for (output, bias) in given.bias.iter().enumerate() {
            let mean = own.iter().skip(output).step_by(outputs).sum::<f64>() / 4.0;
            assert!((bias - mean).abs() < 1e-12, "{name}");
        }
        let itself = features.of_rows(&[7]);
        let model = model.with_background(&itself).unwrap();
        assert!(model.explain(&itself).unwrap().values.iter().all(|value| *value == 0.0), "{name}");
        let refused = model.with_background(&features.of_rows(&[])).unwrap_err().to_string();
        assert_eq!(refused, "the background has no rows of this model", "{name}");
    }
}

/// For each format: how many cells hold a category that the model does not know, and in which row the first does.
#[test]
fn categories_that_a_model_does_not_know_are_counted_by_row() {
    for (name, input, count, first) in [
        // Of the codes below 0, which are missing, none is counted; a fraction does not make another code.
        ("codes", "code", 3, Some(0)),
        ("codes", "state", 1, Some(7)),
        ("regression", "age", 0, None),
    ] {
        let (model, features) = model_and_features(name);
        let at = model.inputs().iter().position(|known| known.name == input).unwrap();
        let mut rows = features.unseen_cells().iter().filter(|(_, found)| *found == at).map(|(row, _)| *row);
        assert_eq!((features.unseen()[at], rows.next()), (count, first), "{name}: {input}");
        assert_eq!(rows.count() as u64 + 1, count.max(1));
    }
    for (name, column, unknown) in [("regression/model.txt", "state", "ZZ"), ("cat_rmse/model.json", "code", "99")] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
        let table = cases::Table::read(&file.parent().unwrap().join("input.csv"));
        let model = cases::load_file(&file);
        let features = cases::bind(&model, &table);
        let at = model.inputs().iter().position(|known| known.name == column).unwrap();
        let states = table.column(column).unwrap();
        let expected: Vec<(usize, usize)> =
            (0..states.len()).filter(|row| states[*row] == unknown).map(|row| (row, at)).collect();
        assert!(!expected.is_empty());
        let cells = features.unseen_cells().iter().copied();
        assert_eq!(cells.filter(|(_, input)| *input == at).collect::<Vec<_>>(), expected, "{name}");
    }
    // A cbm has no more than the categories of its splits: of `state` there is none, of `code` one.
    let (_, features) = model_and_features("cat_rmse");
    assert_eq!((features.unseen()[3], features.unseen()[4] > 10), (0, true));
}

#[test]
fn a_file_tells_its_version_its_classes_and_how_deep_its_trees_are() {
    for (name, version, depth, classes) in [
        ("dart", "v4", 5, &[][..]),
        ("xgb_early", "3.2.0", 3, &[]),
        ("xgb_1_7_linear", "1.7.6", 0, &[]),
        ("cat_named", "1.2.10", 3, &["high", "low", "mid"]),
        ("cat_named_two", "1.2.10", 3, &["yes"]),
        ("cat_rmse", "1.2.10", 3, &[]),
    ] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
        for file in cases::files(&folder) {
            let model = cases::load_file(&file);
            let known = (model.about().version.as_str(), model.depth().unwrap_or(0), model.classes());
            let classes: Vec<String> = classes.iter().map(|class| (*class).to_owned()).collect();
            assert_eq!(known, (version, depth, classes.as_slice()), "{}", file.display());
        }
    }
    let (model, _) = model_and_features("random_forest");
    assert!(model.about().notes[0].contains("the sum of 3 rounds"));
    let (model, _) = model_and_features("linear_tree");
    assert_eq!(model.unexplained(), Some("linear trees have no agreed contributions"));
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

#[test]
fn every_objective_of_xgboost_scores_and_explains_as_xgboost() {
    let identity = ["squarederror", "squaredlogerror", "pseudohuber", "absolute", "quantiles", "logitraw", "rank"];
    for name in identity.into_iter().chain(["targets", "2_1_targets"]) {
        check_within(&format!("xgb_{name}"), "identity", SINGLE);
    }
    for name in ["poisson", "gamma", "tweedie", "cox", "aft"] {
        check_within(&format!("xgb_{name}"), "log", SINGLE);
    }
    check_within("xgb_logistic", "logit", SINGLE);
    check_within("xgb_hinge", "step", SINGLE);
    check_within("xgb_softprob", "softmax", SINGLE);
    check_within("xgb_1_7_softprob", "softmax", SINGLE);
}

#[test]
fn every_booster_of_xgboost_scores_and_explains_as_xgboost() {
    check_within("xgb_linear", "softmax", SINGLE);
    check_within("xgb_1_7_linear", "log", SINGLE);
    check_within("xgb_dart", "logit", SINGLE);
    check_within("xgb_2_1_dart", "logit", SINGLE);
    check_within("xgb_forest", "logit", SINGLE);
}

#[test]
fn categories_of_xgboost_are_known_by_name_since_their_file_names_them() {
    check_within("xgb_onehot", "log", SINGLE);
    check_within("xgb_partition", "log", SINGLE);
    check_within("xgb_1_7_categories", "log", SINGLE);
}

#[test]
fn a_model_that_stopped_early_predicts_with_its_best_iteration() {
    check_within("xgb_early", "logit", SINGLE);
    check_within("xgb_1_7_early", "logit", SINGLE);
}

#[test]
fn every_loss_and_way_to_grow_scores_and_explains_as_catboost() {
    for name in ["cat_rmse", "cat_nan_max", "cat_forbidden", "cat_depthwise", "cat_stumps"] {
        check(name, "identity");
    }
    for name in ["cat_poisson", "cat_tweedie"] {
        check(name, "log");
    }
    check_within("cat_scaled", "identity", SCALED);
    check("cat_logloss", "logit");
    check("cat_named_two", "logit");
    check("cat_named", "softmax");
    check("cat_one_vs_all", "logit");
    check("cat_multiclass", "softmax");
    check("cat_lossguide", "softmax");
}
