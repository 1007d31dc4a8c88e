//! PMML of classes: trees, ensembles and general regressions, priors of targets, and segments of any kind: each branch
//! by a small document whose answers are worked out by hand from the standard's definitions.

use crate::pmml_models::{SCHEMA, bind, check, ensemble, field, load, refuse};

const NAN: f64 = f64::NAN;

pub fn class_tree(strategy: &str) -> String {
    let leaf = |score: &str, predicate: &str, records: u32, yes: u32| {
        format!(
            "<Node score=\"{score}\" recordCount=\"{records}\">{predicate}<ScoreDistribution value=\"yes\" recordCount=\"{yes}\"/><ScoreDistribution value=\"no\" recordCount=\"{}\"/></Node>",
            records - yes
        )
    };
    let x = |operator: &str| format!("<SimplePredicate field=\"x\" operator=\"{operator}\" value=\"0\"/>");
    let c = |value: &str| format!("<SimplePredicate field=\"c\" operator=\"equal\" value=\"{value}\"/>");
    let inner = [leaf("yes", &c("a"), 20, 15), leaf("no", &c("b"), 20, 2)].concat();
    let outer = leaf("yes", &x("lessThan"), 60, 45);
    format!(
        "<TreeModel functionName=\"classification\" missingValueStrategy=\"{strategy}\" missingValuePenalty=\"0.8\">SCHEMA<Node recordCount=\"100\"><True/>{outer}<Node recordCount=\"40\">{}{inner}</Node></Node></TreeModel>",
        x("greaterOrEqual")
    )
}

#[test]
fn unknown_predicates_mix_what_may_be_reached() {
    let weighted = class_tree("weightedConfidence");
    check(&weighted, Some(-1.0), None, &[0.25, 0.75]);
    check(&weighted, Some(1.0), Some("a"), &[0.25, 0.75]);
    // 20 and 20 rows: 0.75 and 0.1.
    check(&weighted, Some(1.0), None, &[0.575, 0.425]);
    check(&weighted, None, Some("b"), &[0.6 * 0.25 + 0.4 * 0.9, 0.6 * 0.75 + 0.4 * 0.1]);
    let aggregated = class_tree("aggregateNodes");
    check(&aggregated, Some(1.0), None, &[23.0 / 40.0, 17.0 / 40.0]);
    check(&aggregated, None, None, &[38.0 / 100.0, 62.0 / 100.0]);
    check(&aggregated, None, Some("b"), &[33.0 / 80.0, 47.0 / 80.0]);
    refuse(
        &weighted.replace(" recordCount=\"40\"", ""),
        "Node: weightedConfidence without recordCount is not supported",
    );
}

/// A segment that predicts probabilities of no and yes by its distribution, where x is not missing.
fn says(weight: f64, no: f64) -> String {
    format!(
        "<Segment weight=\"{weight}\"><True/><TreeModel functionName=\"classification\"><MiningSchema><MiningField name=\"x\"/></MiningSchema><Node><True/><Node><SimplePredicate field=\"x\" operator=\"greaterThan\" value=\"{weight}\"/><ScoreDistribution value=\"no\" recordCount=\"{}\"/><ScoreDistribution value=\"yes\" recordCount=\"{}\"/></Node></Node></TreeModel></Segment>",
        no * 10.0,
        10.0 - no * 10.0
    )
}

#[test]
fn classes_and_missing_predictions_are_combined_by_every_method() {
    let of = |segmentation: &str| {
        let segments = [says(1.0, 0.9), says(2.0, 0.2), says(3.0, 0.4)].concat();
        format!(
            "<MiningModel functionName=\"classification\">SCHEMA<Segmentation {segmentation}>{segments}</Segmentation></MiningModel>"
        )
    };
    let by = |method: &str| of(&format!("multipleModelMethod=\"{method}\""));
    let all = Some(9.0);
    check(&by("average"), all, None, &[0.5, 0.5]);
    check(&by("weightedAverage"), all, None, &[2.5 / 6.0, 3.5 / 6.0]);
    check(&by("max"), all, None, &[0.9, 0.1]);
    check(&by("median"), all, None, &[0.4, 0.6]);
    check(&by("weightedMedian"), all, None, &[0.4, 0.6]);
    check(&by("majorityVote"), all, None, &[1.0 / 3.0, 2.0 / 3.0]);
    check(&by("weightedMajorityVote"), all, None, &[1.0 / 6.0, 5.0 / 6.0]);
    // At x = 1.5 only the first segment answers.
    let some = Some(1.5);
    check(&by("average"), some, None, &[0.9, 0.1]);
    check(&by("majorityVote"), some, None, &[NAN, NAN]);
    check(&by("selectFirst"), Some(0.0), None, &[NAN, NAN]);
    let treated =
        |method: &str, more: &str| of(&format!("multipleModelMethod=\"{method}\" missingPredictionTreatment={more}"));
    check(&treated("average", "\"returnMissing\""), some, None, &[NAN, NAN]);
    check(&treated("majorityVote", "\"skipSegment\""), some, None, &[1.0, 0.0]);
    check(&treated("average", "\"skipSegment\" missingThreshold=\"0.5\""), some, None, &[NAN, NAN]);
    check(&treated("average", "\"skipSegment\" missingThreshold=\"0.7\""), some, None, &[0.9, 0.1]);
    check(&treated("weightedAverage", "\"skipSegment\" missingThreshold=\"0.7\""), some, None, &[NAN, NAN]);
    check(&treated("selectFirst", "\"skipSegment\""), all, None, &[0.9, 0.1]);
    refuse(
        &treated("modelChain", "\"skipSegment\""),
        "Segmentation: missingPredictionTreatment=\"skipSegment\" of a chain is not supported",
    );
    refuse(&by("selectAll"), "Segmentation: multipleModelMethod=\"selectAll\" for classification is not supported");
    refuse(&by("sum"), "Segmentation: multipleModelMethod=\"sum\" for classification is not supported");
}

fn general(attributes: &str, factor: &str, cells: &str) -> String {
    format!(
        r#"<GeneralRegressionModel {attributes}>SCHEMA<ParameterList><Parameter name="p0"/><Parameter name="p1"/><Parameter name="p2"/></ParameterList><FactorList>{factor}</FactorList><CovariateList><Predictor name="x"/></CovariateList><PPMatrix><PPCell value="1" predictorName="x" parameterName="p1"/><PPCell value="a" predictorName="c" parameterName="p2"/></PPMatrix><ParamMatrix>{cells}</ParamMatrix></GeneralRegressionModel>"#
    )
}

#[test]
fn classes_by_general_regressions() {
    let cell = |parameter: &str, category: &str, beta: f64| {
        let category = if category.is_empty() { String::new() } else { format!("targetCategory=\"{category}\"") };
        format!("<PCell parameterName=\"{parameter}\" {category} beta=\"{beta}\"/>")
    };
    let plain = "<Predictor name=\"c\"/>";
    let of_yes = [cell("p0", "yes", 0.5), cell("p1", "yes", 2.0), cell("p2", "yes", -1.0)].concat();
    let multinomial =
        "functionName=\"classification\" modelType=\"multinomialLogistic\" targetReferenceCategory=\"no\"";
    let text = general(multinomial, plain, &of_yes);
    let odds = (0.5_f64 + 2.0 * 1.0 - 1.0).exp();
    check(&text, Some(1.0), Some("a"), &[1.0 / (1.0 + odds), odds / (1.0 + odds)]);
    let explained = load(&text).explain(&bind(&load(&text), &[(Some(1.0), Some("a"))])).unwrap();
    assert_eq!((explained.values, explained.bias), (vec![0.0, 2.0, 0.0, -1.0], vec![0.0, 0.5]));
    let ordinal = "functionName=\"classification\" modelType=\"ordinalMultinomial\" cumulativeLink=\"logit\"";
    let cells = [cell("p0", "no", 0.5), cell("p1", "", 2.0), cell("p2", "", -1.0)].concat();
    let up_to = 1.0 / (1.0 + (-1.5_f64).exp());
    check(&general(ordinal, plain, &cells), Some(1.0), Some("a"), &[up_to, 1.0 - up_to]);
    let pair = "functionName=\"classification\" modelType=\"generalizedLinear\" linkFunction=\"logit\" targetReferenceCategory=\"no\"";
    let cells = [cell("p0", "", 0.5), cell("p1", "", 2.0), cell("p2", "", -1.0)].concat();
    let text = general(pair, plain, &cells);
    assert_eq!(load(&text).classes(), ["yes"]);
    check(&text, Some(1.0), Some("a"), &[up_to]);
    let contrasts = r#"<Predictor name="c" contrastMatrixType="helmert"><Categories><Category value="a"/><Category value="b"/></Categories><Matrix><Array type="real">1</Array><Array type="real">-1</Array></Matrix></Predictor>"#;
    let regression = "functionName=\"regression\" modelType=\"generalLinear\"";
    check(&general(regression, contrasts, &cells), Some(1.0), Some("a"), &[1.5]);
    check(&general(regression, contrasts, &cells), Some(1.0), Some("b"), &[3.5]);
    check(&general(regression, contrasts, &cells), Some(1.0), None, &[NAN]);
    refuse(
        &general(regression, "<Predictor name=\"c\" contrastMatrixType=\"helmert\"/>", &cells),
        "Predictor: contrastMatrixType without a Matrix is not supported",
    );
}

#[test]
fn targets_give_defaults_and_names() {
    let tree = |targets: &str, function: &str, score: &str| {
        format!(
            "<TreeModel functionName=\"{function}\">SCHEMA<Output><OutputField name=\"shown\" feature=\"predictedDisplayValue\"/></Output><Targets><Target field=\"y\">{targets}</Target></Targets><Node><True/><Node score=\"{score}\"><SimplePredicate field=\"x\" operator=\"greaterThan\" value=\"0\"/></Node></Node></TreeModel>"
        )
    };
    let number = tree("<TargetValue defaultValue=\"7\"/>", "regression", "2");
    check(&number, Some(1.0), None, &[2.0]);
    check(&number, None, None, &[7.0]);
    let priors = r#"<TargetValue value="no" displayValue="Nay" priorProbability="0.7"/><TargetValue value="yes" displayValue="Yea" priorProbability="0.3"/>"#;
    let classes = tree(priors, "classification", "yes");
    check(&classes, Some(1.0), None, &[0.0, 1.0]);
    check(&classes, None, None, &[0.7, 0.3]);
    assert_eq!(field(&load(&classes), "shown", &[(Some(1.0), None), (None, None)]), ["Yea", "Nay"]);
}

#[test]
fn a_segment_may_treat_its_fields_again_and_be_any_kind_of_model() {
    let tree = |field: &str| {
        format!(
            "<Segment><True/><TreeModel functionName=\"regression\"><MiningSchema>{field}</MiningSchema><Node><True/><Node score=\"1\"><SimplePredicate field=\"x\" operator=\"lessThan\" value=\"5\"/></Node><Node score=\"10\"><SimplePredicate field=\"x\" operator=\"greaterOrEqual\" value=\"5\"/></Node></Node></TreeModel></Segment>"
        )
    };
    let segments = [
        tree("<MiningField name=\"x\" missingValueReplacement=\"9\"/>"),
        tree("<MiningField name=\"x\" missingValueReplacement=\"0\"/>"),
    ]
    .concat();
    let sum = ensemble("multipleModelMethod=\"sum\"", &segments);
    check(&sum, None, None, &[11.0]);
    check(&sum, Some(1.0), None, &[2.0]);
    let card = r#"<Segment><True/><Scorecard functionName="regression" initialScore="5" useReasonCodes="false"><MiningSchema><MiningField name="x"/></MiningSchema><Characteristics><Characteristic name="p"><Attribute partialScore="3"><True/></Attribute></Characteristic></Characteristics></Scorecard></Segment>"#;
    check(&ensemble("multipleModelMethod=\"sum\"", card), Some(1.0), None, &[8.0]);
    assert!(SCHEMA.contains("MiningSchema"));
}
