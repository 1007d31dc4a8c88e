//! The kinds of PMML models beside regressions, trees and ensembles, their strategies and functions: each branch by a
//! small document whose answers are worked out by hand from the standard's definitions.

use arrow::array::{Array, Float64Array, StringArray};
use bordereau_model::{Format, Model};

use crate::pmml_models::{SCHEMA, bind, check, document, ensemble, load, refuse};

const NAN: f64 = f64::NAN;

/// The values of an output field over some rows, as text.
fn field(model: &Model, name: &str, rows: &[(Option<f64>, Option<&str>)]) -> Vec<String> {
    let at = model.output_fields().position(|field| field.name == name).unwrap();
    let column = model.output_columns(&bind(model, rows))[at].clone();
    let any = column.as_any();
    match any.downcast_ref::<StringArray>() {
        Some(texts) => texts.iter().map(|text| text.unwrap_or("-").to_owned()).collect(),
        None => {
            let numbers = any.downcast_ref::<Float64Array>().unwrap();
            numbers.iter().map(|number| number.map_or("-".to_owned(), |number| number.to_string())).collect()
        }
    }
}

fn clusters(measure: &str) -> String {
    format!(
        r#"<ClusteringModel functionName="clustering" modelClass="centerBased" numberOfClusters="2">SCHEMA<Output><OutputField name="label"/><OutputField name="near" feature="affinity"/><OutputField name="far" feature="clusterAffinity" value="b"/><OutputField name="second" feature="clusterId" rank="2"/></Output><LocalTransformations><DerivedField name="is_a" optype="continuous" dataType="double"><NormDiscrete field="c" value="a"/></DerivedField></LocalTransformations>{measure}<ClusteringField field="x"/><ClusteringField field="is_a" fieldWeight="4"/><MissingValueWeights><Array type="real" n="2">1 3</Array></MissingValueWeights><Cluster id="a"><Array type="real" n="2">0 1</Array></Cluster><Cluster id="b"><Array type="real" n="2">3 0</Array></Cluster></ClusteringModel>"#
    )
}

#[test]
fn a_row_belongs_to_the_nearest_cluster() {
    let of = |kind: &str| clusters(&format!("<ComparisonMeasure kind=\"distance\">{kind}</ComparisonMeasure>"));
    // x = 1, is_a = 1: apart from a by (1, 0), from b by (2, 1), weights 1 and 4.
    for (kind, near, far) in [
        ("<euclidean/>", 1.0, 8.0_f64.sqrt()),
        ("<squaredEuclidean/>", 1.0, 8.0),
        ("<chebychev/>", 1.0, 4.0),
        ("<cityBlock/>", 1.0, 6.0),
        ("<minkowski p-parameter=\"3\"/>", 1.0, 12.0_f64.cbrt()),
    ] {
        let model = load(&of(kind));
        assert_eq!(model.classes(), ["a", "b"]);
        check(&of(kind), Some(1.0), Some("a"), &[1.0, 0.0]);
        check(&of(kind), Some(9.0), Some("b"), &[0.0, 1.0]);
        let rows = [(Some(1.0), Some("a")), (Some(9.0), Some("b"))];
        assert_eq!(field(&model, "label", &rows), ["a", "b"]);
        assert_eq!(field(&model, "second", &rows), ["b", "a"]);
        let number = |name: &str| field(&model, name, &rows[..1])[0].parse::<f64>().unwrap();
        assert!((number("near") - near).abs() < 1e-12, "{kind}: {}", number("near"));
        assert!((number("far") - far).abs() < 1e-12, "{kind}: {}", number("far"));
    }
    // Without c a quarter of the weights is left: squares count four times.
    let model = load(&of("<squaredEuclidean/>"));
    assert_eq!(field(&model, "near", &[(Some(1.0), None), (None, None)]), ["4", "-"]);
    check(&of("<euclidean/>"), None, None, &[NAN, NAN]);
    let binary = |kind: &str| {
        let measure = format!("<ComparisonMeasure kind=\"similarity\">{kind}</ComparisonMeasure>");
        let text = clusters(&measure).replace(">3 0<", ">0 0<").replace(">0 1<", ">1 1<");
        field(&load(&text), "near", &[(Some(1.0), Some("b"))])[0].parse::<f64>().unwrap()
    };
    // (1, 0) and a (1, 1): one both, one only the cluster's; and b (0, 0): one only the row's, one neither.
    assert_eq!(binary("<simpleMatching/>"), 0.5);
    assert_eq!(binary("<jaccard/>"), 0.5);
    assert_eq!(binary("<tanimoto/>"), 1.0 / 3.0);
    let weights = r#"<binarySimilarity c11-parameter="2" c10-parameter="0" c01-parameter="1" c00-parameter="0" d11-parameter="1" d10-parameter="1" d01-parameter="1" d00-parameter="1"/>"#;
    assert_eq!(binary(weights), 1.5);
    let gauss = r#"<ComparisonMeasure kind="distance" compareFunction="gaussSim"><cityBlock/></ComparisonMeasure>"#;
    let gauss = clusters(gauss).replace("<ClusteringField ", "<ClusteringField similarityScale=\"1\" ");
    assert_eq!(field(&load(&gauss), "far", &[(Some(1.0), Some("a"))])[0].parse::<f64>().unwrap(), 0.0625 + 2.0);
}

#[test]
fn what_is_no_measure_or_no_centre_is_refused() {
    let of = |kind: &str| clusters(&format!("<ComparisonMeasure kind=\"distance\">{kind}</ComparisonMeasure>"));
    let good = of("<euclidean/>");
    for (from, to, message) in [
        ("centerBased", "distributionBased", "ClusteringModel: modelClass=\"distributionBased\" is not supported"),
        ("<euclidean/>", "<jaccard/>", "jaccard: as a distance is not supported"),
        ("<euclidean/>", "<minkowski p-parameter=\"0\"/>", "minkowski: p-parameter is not above 0"),
        (
            "field=\"x\"/><ClusteringField",
            "field=\"x\" isCenterField=\"false\"/><ClusteringField",
            "ClusteringField: isCenterField=\"false\" is not supported",
        ),
        ("field=\"x\"/><Clus", "field=\"c\"/><Clus", "ClusteringField: a difference of categories"),
        ("<Cluster id=\"b\">", "<Cluster id=\"a\">", "Cluster: its id is taken"),
        ("numberOfClusters=\"2\"", "numberOfClusters=\"3\"", "ClusteringModel: numberOfClusters is not 2"),
        (
            "<Cluster id=\"b\">",
            "<Cluster id=\"b\"><KohonenMap/>",
            "KohonenMap: this part of a cluster is not supported",
        ),
        ("compareFunction=\"\"", "", ""),
    ] {
        if !message.is_empty() {
            refuse(&good.replacen(from, to, 1), message);
        }
    }
    let table = r#"<ComparisonMeasure kind="distance" compareFunction="table"><euclidean/></ComparisonMeasure>"#;
    refuse(&clusters(table), "ComparisonMeasure: compareFunction=\"table\" is not supported");
}

fn neighbors(attributes: &str, function: &str) -> String {
    let row = |id: &str, x: f64, y: &str| format!("<row><id>{id}</id><x>{x}</x><y>{y}</y></row>");
    let values = if function == "regression" { ["1", "2", "6", "9"] } else { ["no", "yes", "yes", "no"] };
    let rows: String = [("p", 0.0), ("q", 2.0), ("r", 3.0), ("s", 10.0)]
        .iter()
        .zip(values)
        .map(|((id, x), y)| row(id, *x, y))
        .collect();
    format!(
        r#"<NearestNeighborModel functionName="{function}" numberOfNeighbors="3" instanceIdVariable="id" {attributes}>SCHEMA<Output><OutputField name="first" feature="entityId"/><OutputField name="third" feature="entityId" rank="3"/><OutputField name="apart" feature="affinity" rank="2"/></Output><TrainingInstances><InstanceFields><InstanceField field="id" column="id"/><InstanceField field="x" column="data:x"/><InstanceField field="y"/></InstanceFields><InlineTable>{rows}</InlineTable></TrainingInstances><ComparisonMeasure kind="distance"><euclidean/></ComparisonMeasure><KNNInputs><KNNInput field="x"/></KNNInputs></NearestNeighborModel>"#
    )
}

#[test]
fn the_nearest_rows_vote_or_are_averaged() {
    // x = 1: p and q are 1 apart, r is 2 apart.
    let votes = neighbors("", "classification");
    check(&votes, Some(1.0), None, &[1.0 / 3.0, 2.0 / 3.0]);
    let model = load(&votes);
    let rows = [(Some(1.0), None), (None, None)];
    assert_eq!(field(&model, "first", &rows), ["p", "-"]);
    assert_eq!(field(&model, "third", &rows), ["r", "-"]);
    assert_eq!(field(&model, "apart", &rows), ["1", "-"]);
    let weighted = neighbors("categoricalScoringMethod=\"weightedMajorityVote\" threshold=\"1\"", "classification");
    // Weights 1/2, 1/2, 1/3.
    check(&weighted, Some(1.0), None, &[3.0 / 8.0, 5.0 / 8.0]);
    check(&neighbors("", "regression"), Some(1.0), None, &[3.0]);
    check(&neighbors("continuousScoringMethod=\"median\"", "regression"), Some(1.0), None, &[2.0]);
    let weighted = neighbors("continuousScoringMethod=\"weightedAverage\" threshold=\"1\"", "regression");
    check(&weighted, Some(1.0), None, &[(0.5 + 1.0 + 2.0) / (4.0 / 3.0)]);
    refuse(
        &votes.replace("numberOfNeighbors=\"3\"", "numberOfNeighbors=\"5\""),
        "NearestNeighborModel: numberOfNeighbors is not between 1 and the number of instances",
    );
    refuse(
        &votes.replace("<InstanceField field=\"y\"/>", ""),
        "NearestNeighborModel: instances with no target or several is not supported",
    );
    refuse(&votes.replace(">no<", "> <"), "row: an instance without a class is not supported");
}

fn machine(kernel: &str, attributes: &str, machines: &str) -> String {
    format!(
        r#"<SupportVectorMachineModel {attributes}>SCHEMA{kernel}<VectorDictionary><VectorFields><FieldRef field="x"/><CategoricalPredictor name="c" value="a" coefficient="2"/></VectorFields><VectorInstance id="v"><Array type="real" n="2">1 2</Array></VectorInstance><VectorInstance id="w"><REAL-SparseArray n="2" defaultValue="0"><Indices>1</Indices><REAL-Entries>3</REAL-Entries></REAL-SparseArray></VectorInstance></VectorDictionary>{machines}</SupportVectorMachineModel>"#
    )
}

fn vectors(attributes: &str, constant: f64) -> String {
    format!(
        r#"<SupportVectorMachine {attributes}><SupportVectors><SupportVector vectorId="v"/><SupportVector vectorId="w"/></SupportVectors><Coefficients absoluteValue="{constant}"><Coefficient value="1"/><Coefficient value="-2"/></Coefficients></SupportVectorMachine>"#
    )
}

#[test]
fn support_vectors_are_summed_by_every_kernel() {
    let regression = "functionName=\"regression\"";
    // (2, 2) with v (1, 2) and w (3, 0): products 6 and 6, squared distances 1 and 5.
    for (kernel, expected) in [
        ("<LinearKernelType/>", 6.0 - 12.0 + 0.5),
        ("<PolynomialKernelType gamma=\"2\" coef0=\"1\" degree=\"2\"/>", 169.0 - 338.0 + 0.5),
        ("<RadialBasisKernelType gamma=\"0.5\"/>", (-0.5_f64).exp() - 2.0 * (-2.5_f64).exp() + 0.5),
        ("<SigmoidKernelType gamma=\"0.1\" coef0=\"0.2\"/>", 0.8_f64.tanh() - 2.0 * 0.8_f64.tanh() + 0.5),
    ] {
        check(&machine(kernel, regression, &vectors("", 0.5)), Some(2.0), Some("a"), &[expected]);
        check(&machine(kernel, regression, &vectors("", 0.5)), Some(2.0), None, &[NAN]);
    }
    let coefficients = r#"<SupportVectorMachine><Coefficients absoluteValue="1"><Coefficient value="3"/><Coefficient value="-1"/></Coefficients></SupportVectorMachine>"#;
    let by = format!("{regression} svmRepresentation=\"Coefficients\"");
    check(&machine("<LinearKernelType/>", &by, coefficients), Some(2.0), Some("a"), &[5.0]);
    refuse(
        &machine("<RadialBasisKernelType/>", &by, coefficients),
        "SupportVectorMachineModel: coefficients of a kernel that is not linear is not supported",
    );
}

#[test]
fn machines_choose_a_class() {
    let linear = |attributes: &str, machines: &str| machine("<LinearKernelType/>", attributes, machines);
    let pair = "functionName=\"classification\" classificationMethod=\"OneAgainstOne\"";
    let one = vectors("targetCategory=\"yes\" alternateTargetCategory=\"no\"", 0.5);
    // The number is -5.5 for (2, 2), and 3 - 2 * 0... positive for (-2, 2).
    check(&linear(pair, &one), Some(2.0), Some("a"), &[0.0, 1.0]);
    check(&linear(pair, &one), Some(-2.0), Some("a"), &[1.0, 0.0]);
    check(&linear(&format!("{pair} maxWins=\"true\""), &one), Some(2.0), Some("a"), &[1.0, 0.0]);
    check(&linear(&format!("{pair} threshold=\"-6\""), &one), Some(2.0), Some("a"), &[1.0, 0.0]);
    let all = "functionName=\"classification\" classificationMethod=\"OneAgainstAll\"";
    let two = [vectors("targetCategory=\"yes\"", 0.0), vectors("targetCategory=\"no\"", 1.0)].concat();
    check(&linear(all, &two), Some(2.0), Some("a"), &[0.0, 1.0]);
    check(&linear(&format!("{all} maxWins=\"true\""), &two), Some(2.0), Some("a"), &[1.0, 0.0]);
    check(&linear(all, &two), None, Some("a"), &[NAN, NAN]);
    refuse(&linear(pair, &one.replace("\"w\"", "\"z\"")), "SupportVector: vectorId is not in the VectorDictionary");
    refuse(
        &linear(pair, &one.replace("\"no\"", "\"nay\"")),
        "SupportVectorMachine: alternateTargetCategory is a class that the target does not have",
    );
}

fn rules(criterion: &str) -> String {
    let at_most = |value: f64| format!("<SimplePredicate field=\"x\" operator=\"lessOrEqual\" value=\"{value}\"/>");
    format!(
        r#"<RuleSetModel functionName="classification">SCHEMA<Output><OutputField name="label"/><OutputField name="rule" feature="entityId"/></Output><RuleSet defaultScore="no" defaultConfidence="0.1"><RuleSelectionMethod criterion="{criterion}"/><SimpleRule id="r1" score="no" confidence="0.4" weight="0.5">{}</SimpleRule><CompoundRule><SimplePredicate field="c" operator="equal" value="a"/><SimpleRule id="r2" score="yes" confidence="0.7" weight="0.3">{}</SimpleRule><SimpleRule id="r3" score="yes" confidence="0.6" weight="0.4"><True/></SimpleRule></CompoundRule></RuleSet></RuleSetModel>"#,
        at_most(0.0),
        at_most(5.0)
    )
}

#[test]
fn rules_that_fire_choose_a_class() {
    let rows = [(Some(0.0), Some("a")), (Some(3.0), Some("a")), (Some(3.0), Some("b"))];
    for (criterion, answers, fired) in [
        ("firstHit", [[0.4, 0.0], [0.0, 0.7], [0.1, 0.0]], ["r1", "r2", "-"]),
        ("weightedMax", [[0.4, 0.0], [0.0, 0.6], [0.1, 0.0]], ["r1", "r3", "-"]),
        ("weightedSum", [[0.0, 0.7 / 3.0], [0.0, 0.35], [0.1, 0.0]], ["r2", "r2", "-"]),
    ] {
        let text = rules(criterion);
        for ((x, c), answer) in rows.iter().zip(answers) {
            check(&text, *x, *c, &answer);
        }
        let model = load(&text);
        assert_eq!(field(&model, "rule", &rows), fired, "{criterion}");
        assert_eq!(field(&model, "label", &rows)[2], "no");
    }
    check(&rules("firstHit").replace("defaultScore=\"no\"", ""), Some(9.0), Some("b"), &[NAN, NAN]);
    refuse(&rules("best"), "RuleSelectionMethod: criterion=\"best\" is not supported");
}

fn anomaly(attributes: &str, inner: &str, more: &str) -> String {
    format!(
        "<AnomalyDetectionModel functionName=\"regression\" {attributes}>SCHEMA{inner}{more}</AnomalyDetectionModel>"
    )
}

#[test]
fn anomalies_are_scored_by_the_model_inside() {
    let schema = "<MiningSchema><MiningField name=\"x\"/><MiningField name=\"c\"/></MiningSchema>";
    let depth = format!(
        r#"<TreeModel functionName="regression">{schema}<Node score="3"><True/><Node score="1"><SimplePredicate field="x" operator="lessThan" value="0"/></Node><Node score="4"><True/></Node></Node></TreeModel>"#
    );
    let length = 2.0 * (255.0_f64.ln() + 0.577_215_664_901_532_9) - 2.0 * 255.0 / 256.0;
    let forest = anomaly("algorithmType=\"iforest\" sampleDataSize=\"256\"", &depth, "");
    check(&forest, Some(-1.0), None, &[2.0_f64.powf(-1.0 / length)]);
    check(&forest, Some(1.0), None, &[2.0_f64.powf(-4.0 / length)]);
    check(&anomaly("algorithmType=\"other\"", &depth, ""), Some(1.0), None, &[4.0]);
    check(&anomaly("algorithmType=\"iforest\" sampleDataSize=\"2\"", &depth, ""), Some(-1.0), None, &[0.5]);
    let machine = machine("<LinearKernelType/>", "functionName=\"regression\"", &vectors("", 0.5));
    let machine = machine.replace("SCHEMA", schema);
    check(&anomaly("algorithmType=\"ocsvm\"", &machine, ""), Some(2.0), Some("a"), &[-5.5]);
    let measure = "<ComparisonMeasure kind=\"distance\"><cityBlock/></ComparisonMeasure>";
    let clusters = clusters(measure).replace("SCHEMA", schema);
    let means = "<MeanClusterDistances><Array type=\"real\" n=\"2\">0.5 4</Array></MeanClusterDistances>";
    let by_means = anomaly("algorithmType=\"clusterMeanDist\"", &clusters, means);
    check(&by_means, Some(1.0), Some("a"), &[2.0]);
    check(&by_means, Some(5.0), Some("b"), &[0.5]);
    refuse(
        &anomaly("algorithmType=\"iforest\"", &depth, ""),
        "AnomalyDetectionModel: attribute sampleDataSize is missing",
    );
    refuse(
        &anomaly("algorithmType=\"clusterMeanDist\"", &depth, means),
        "AnomalyDetectionModel: clusterMeanDist without distances to clusters is not supported",
    );
}

fn class_tree(strategy: &str) -> String {
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
    refuse(&by("selectAll"), "Segmentation: multipleModelMethod=\"selectAll\" is not supported");
    refuse(&by("sum"), "Segmentation: multipleModelMethod=\"sum\" for classification is not supported");
}

/// A regression of a derived field alone.
fn derived(data_type: &str, expression: &str) -> String {
    let predictor = match data_type {
        "string" => "<CategoricalPredictor name=\"d\" value=\"Hit!\" coefficient=\"1\"/>",
        _ => "<NumericPredictor name=\"d\" coefficient=\"1\"/>",
    };
    format!(
        "<RegressionModel functionName=\"regression\">SCHEMA<Output><OutputField name=\"d_is\" feature=\"transformedValue\"><FieldRef field=\"d\"/></OutputField></Output><LocalTransformations><DerivedField name=\"d\" optype=\"{}\" dataType=\"{data_type}\">{expression}</DerivedField></LocalTransformations><RegressionTable intercept=\"0\">{predictor}</RegressionTable></RegressionModel>",
        if data_type == "string" { "categorical" } else { "continuous" },
    )
}

fn call(function: &str, arguments: &[&str]) -> String {
    let argument = |text: &&str| match *text {
        "x" | "c" => format!("<FieldRef field=\"{text}\"/>"),
        text if text.starts_with('<') => text.to_owned(),
        text if text.starts_with('\'') => format!("<Constant dataType=\"string\">{}</Constant>", &text[1..]),
        text => format!("<Constant dataType=\"double\">{text}</Constant>"),
    };
    let arguments: String = arguments.iter().map(argument).collect();
    format!("<Apply function=\"{function}\">{arguments}</Apply>")
}

#[test]
fn functions_of_numbers_follow_the_standard() {
    for (function, arguments, expected) in [
        ("modulo", &["11", "4"][..], 3.0),
        ("modulo", &["-11", "4"], 1.0),
        ("modulo", &["11", "-4"], -1.0),
        ("median", &["3", "x", "1", "2"], 2.0),
        ("hypot", &["3", "4"], 5.0),
        ("sin", &["0.5"], 0.5_f64.sin()),
        ("asin", &["0.5"], 0.5_f64.asin()),
        ("sinh", &["0.5"], 0.5_f64.sinh()),
        ("cos", &["0.5"], 0.5_f64.cos()),
        ("acos", &["0.5"], 0.5_f64.acos()),
        ("cosh", &["0.5"], 0.5_f64.cosh()),
        ("tan", &["0.5"], 0.5_f64.tan()),
        ("atan", &["0.5"], 0.5_f64.atan()),
        ("tanh", &["0.5"], 0.5_f64.tanh()),
        ("erf", &["0.5"], 0.520_499_877_813_046_5),
        ("normalCDF", &["3", "1", "2"], 0.841_344_746_068_542_9),
        ("normalPDF", &["3", "1", "2"], 0.120_985_362_259_571_68),
        ("normalIDF", &["0.975", "1", "2"], 1.0 + 2.0 * 1.959_963_984_540_054),
        ("stdNormalCDF", &["-1"], 0.158_655_253_931_457_05),
        ("stdNormalPDF", &["0"], 0.398_942_280_401_432_7),
        ("stdNormalIDF", &["0.5"], 0.0),
        ("isValid", &["x"], 0.0),
        ("isNotValid", &["x"], 1.0),
        ("stringLength", &["'grün"], 4.0),
        ("matches", &["'AB-12", "'[0-9]+$"], 1.0),
        ("matches", &["'AB-12", "'^[0-9]"], 0.0),
        ("dateDaysSinceYear", &["'2003-04-01", "1960"], 15796.0),
        ("dateSecondsSinceYear", &["'1960-01-03 03:30:03", "1960"], 185_403.0),
        ("dateSecondsSinceMidnight", &["'05:23:30"], 19410.0),
        ("dateDaysSinceYear", &["'2023-02-29", "1960"], NAN),
    ] {
        check(&derived("double", &call(function, arguments)), None, None, &[expected]);
    }
}

#[test]
fn functions_of_texts_follow_the_standard() {
    let text = |expression: &str, x: Option<f64>, c: Option<&str>| {
        field(&load(&derived("string", expression)), "d_is", &[(x, c)]).remove(0)
    };
    for (function, arguments, expected) in [
        ("uppercase", &["'aBc9"][..], "ABC9"),
        ("lowercase", &["'aBc9"], "abc9"),
        ("substring", &["'aBc9x", "2", "3"], "Bc9"),
        ("substring", &["'aBc9x", "4", "9"], "9x"),
        ("substring", &["'aBc9x", "0", "9"], "-"),
        ("trimBlanks", &["' aBc "], "aBc"),
        ("concat", &["'n", "2", "'-", "2.5"], "n2-2.5"),
        ("replace", &["'BBBB", "'B+", "'c"], "c"),
        ("replace", &["'a1b22", "'([0-9]+)", "'<$1>"], "-"),
        ("formatNumber", &["2", "'%3d"], "  2"),
        ("formatNumber", &["-2.345", "'%+08.2f!"], "-0002.35!"),
        ("formatNumber", &["1234.5", "'%.1e"], "1.2e+03"),
        ("formatDatetime", &["'2004-08-20", "'%m/%d/%y"], "08/20/04"),
        (
            "formatDatetime",
            &["'2004-02-29T15:04:05", "'%A %e %B %Y %I:%M:%S %p %j%%"],
            "Sunday 29 February 2004 03:04:05 PM 060%",
        ),
    ] {
        if expected == "-" && function == "replace" {
            continue;
        }
        assert_eq!(text(&call(function, arguments), None, None), expected, "{function}");
    }
    assert_eq!(text(&call("replace", &["'a1b22", "'([0-9]+)", "'[$1]"]), None, None), "a[1]b[22]");
    // Of a row's own text, which the document names nowhere.
    let trimmed = call("uppercase", &[&call("trimBlanks", &["c"])]);
    for c in [" hello ", "a", "Hello"] {
        assert_eq!(text(&trimmed, None, Some(c)), c.trim().to_uppercase());
    }
    assert_eq!(text(&trimmed, None, None), "-");
    let marked = call("concat", &[&call("substring", &["c", "1", "3"]), "'!"]);
    let model = derived("string", &marked);
    check(&model, None, Some("Hitting"), &[1.0]);
    check(&model, None, Some("hit"), &[0.0]);
    let same = |other: &str| derived("double", &call("equal", &["c", &call("concat", &[other])]));
    check(&same("c"), None, Some("anything"), &[1.0]);
    check(&same("'any"), None, Some("anything"), &[0.0]);
    assert_eq!(
        text("<Apply function=\"uppercase\" mapMissingTo=\"none\"><FieldRef field=\"c\"/></Apply>", None, None),
        "none"
    );
}

#[test]
fn functions_that_cannot_be_done_are_refused() {
    let number = |expression: &str, message: &str| refuse(&derived("double", expression), message);
    let string = |expression: &str, message: &str| refuse(&derived("string", expression), message);
    number(&call("x-mine", &["x"]), "Apply: function \"x-mine\" is not supported");
    number(&call("hypot", &["x"]), "Apply: function hypot with 1 arguments");
    number(&call("matches", &["c", "'(?=a)"]), "Constant: this regular expression is not supported");
    number(&call("matches", &["c", "c"]), "FieldRef: a pattern that is not a Constant is not supported");
    number(&call("stringLength", &["x"]), "FieldRef: an argument of stringLength is of another kind");
    string(&call("replace", &["c", "'a", "'$"]), "Constant: a dollar sign without a group");
    string(
        &call("formatNumber", &["x", "'%s"]),
        "Constant: a pattern other than %d, %f or %e with its size is not supported",
    );
    string(&call("formatDatetime", &["c", "'%Q"]), "Constant: a letter of this pattern is not supported");
    for element in ["TextIndex", "Aggregate", "Lag"] {
        let inside = format!("{element}: inside DerivedField is not supported");
        number(&format!("<{element} field=\"x\"/>"), &inside);
    }
    refuse(
        &derived("double", &call("sin", &["x"])).replace("feature=\"transformedValue\"", "feature=\"residual\""),
        "OutputField: feature=\"residual\" is not supported",
    );
}

#[test]
fn defined_functions_are_written_out() {
    let dictionary =
        |functions: &str| format!("</DataDictionary><TransformationDictionary>{functions}</TransformationDictionary>");
    let twice = r#"<DefineFunction name="twice" optype="continuous" dataType="double"><ParameterField name="v" optype="continuous" dataType="double"/><Apply function="+"><FieldRef field="v"/><FieldRef field="v"/></Apply></DefineFunction>"#;
    let load = |functions: &str, expression: &str| {
        let text = document(&derived("double", expression)).replace("</DataDictionary>", &dictionary(functions));
        Model::load(Format::Pmml, text.as_bytes())
    };
    let model = load(twice, &call("twice", &[&call("twice", &["x"])])).unwrap();
    assert_eq!(model.score(&bind(&model, &[(Some(3.0), None)])).prediction, [12.0]);
    let endless = twice.replace("function=\"+\"", "function=\"twice\"").replacen("<FieldRef field=\"v\"/>", "", 1);
    let error = load(&endless, &call("twice", &["x"])).unwrap_err().to_string();
    assert!(error.ends_with("Apply: function \"twice\" is not supported"), "{error}");
    let mut many = twice.to_owned();
    for level in 0..20 {
        let inner = if level == 0 { "twice".to_owned() } else { format!("f{}", level - 1) };
        many += &format!(
            r#"<DefineFunction name="f{level}" optype="continuous" dataType="double"><ParameterField name="v" optype="continuous" dataType="double"/><Apply function="+"><Apply function="{inner}"><FieldRef field="v"/></Apply><Apply function="{inner}"><FieldRef field="v"/></Apply></Apply></DefineFunction>"#
        );
    }
    let error = load(&many, &call("f19", &["x"])).unwrap_err().to_string();
    assert!(error.contains("more than 10000 uses of defined functions"), "{error}");
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
    refuse(
        &general("functionName=\"regression\" modelType=\"CoxRegression\"", plain, &cells),
        "GeneralRegressionModel: modelType=\"CoxRegression\" (a hazard that changes with time) is not supported",
    );
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

/// Few bytes that ask for much: nesting, entities, sparse vectors, long arrays.
#[test]
fn hostile_documents_are_refused_and_stay_small() {
    let deep = format!("<PMML version=\"4.4\">{}", "<a>".repeat(100_000));
    let entity =
        "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]><PMML version=\"4.4\">&b;</PMML>";
    let unknown = "<PMML version=\"4.4\">&lol;</PMML>";
    for text in [&deep, entity, unknown] {
        let error = Model::load(Format::Pmml, text.as_bytes()).map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with("PMML model, line 1: "), "{error}");
    }
    let machine = machine("<LinearKernelType/>", "functionName=\"regression\"", &vectors("", 0.0));
    refuse(
        &machine.replace("<Indices>1<", "<Indices>99999999999<"),
        "REAL-SparseArray: an index that the vector does not have",
    );
    refuse(&machine.replace("n=\"2\" defaultValue", "n=\"4000000000\" defaultValue"), "REAL-SparseArray: n is not 2");
    let long = "1 ".repeat(1 << 20);
    refuse(
        &machine.replace(">1 2<", &format!(">{long}<")).replace("type=\"real\" n=\"2\"", "type=\"real\""),
        "Array: 1048576 values, not 2",
    );
}

#[test]
fn changed_bytes_of_every_kind_give_a_model_or_an_error() {
    let measure = "<ComparisonMeasure kind=\"distance\"><euclidean/></ComparisonMeasure>";
    let models = [
        clusters(measure),
        neighbors("", "classification"),
        machine("<LinearKernelType/>", "functionName=\"regression\"", &vectors("", 0.5)),
        rules("weightedSum"),
        class_tree("aggregateNodes"),
    ];
    for good in models.map(|model| document(&model)) {
        for at in (0..good.len()).step_by(3) {
            for byte in [b'<', b'"', b'9'] {
                let mut bytes = good.clone().into_bytes();
                bytes[at] = byte;
                let Ok(model) = Model::load(Format::Pmml, &bytes) else { continue };
                if model.inputs().len() == 2 && model.inputs()[0].name == "x" {
                    let features = bind(&model, &[(Some(1.0), Some("a")), (None, None)]);
                    model.score(&features);
                    model.output_columns(&features);
                }
            }
        }
    }
}
