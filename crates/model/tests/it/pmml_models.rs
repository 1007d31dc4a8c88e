//! PMML trees, ensembles and scorecards, small and written by hand: what they score, and what is refused.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, StringArray};
use bordereau_model::{Features, Format, Model};

pub const SCHEMA: &str = r#"<MiningSchema><MiningField name="y" usageType="target"/><MiningField name="x"/><MiningField name="c" invalidValueTreatment="asIs"/></MiningSchema>"#;

/// A document of two inputs, `x` (number) and `c` (one of a and b), and a target of two classes, with one model.
pub fn document(model: &str) -> String {
    format!(
        r#"<PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4">
<DataDictionary>
<DataField name="y" optype="categorical" dataType="string"><Value value="no"/><Value value="yes"/></DataField>
<DataField name="x" optype="continuous" dataType="double"/>
<DataField name="c" optype="categorical" dataType="string"><Value value="a"/><Value value="b"/></DataField>
</DataDictionary>
{}
</PMML>"#,
        model.replace("SCHEMA", SCHEMA)
    )
}

pub fn load(model: &str) -> Model {
    Model::load(Format::Pmml, document(model).as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

pub fn bind(model: &Model, rows: &[(Option<f64>, Option<&str>)]) -> Features {
    let columns: [ArrayRef; 2] = [
        Arc::new(rows.iter().map(|row| row.0).collect::<Float64Array>()),
        Arc::new(rows.iter().map(|row| row.1).collect::<StringArray>()),
    ];
    model.bind(&columns).unwrap()
}

pub fn predict(model: &Model, x: Option<f64>, c: Option<&str>) -> Vec<f64> {
    model.score(&bind(model, &[(x, c)])).prediction
}

/// The values of an output field over some rows, as text.
pub fn field(model: &Model, name: &str, rows: &[(Option<f64>, Option<&str>)]) -> Vec<String> {
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

#[track_caller]
pub fn check(model: &str, x: Option<f64>, c: Option<&str>, expected: &[f64]) {
    let given = predict(&load(model), x, c);
    let same = |(a, b): (&f64, &f64)| (a.is_nan() && b.is_nan()) || (a - b).abs() < 1e-12;
    assert!(given.len() == expected.len() && given.iter().zip(expected).all(same), "{given:?} is not {expected:?}");
}

#[track_caller]
pub fn refuse(model: &str, message: &str) {
    let error = Model::load(Format::Pmml, document(model).as_bytes()).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), format!("PMML model, line 7: {message}"));
}

fn tree(attributes: &str) -> String {
    format!(
        r#"<TreeModel functionName="regression" {attributes}>SCHEMA<Node score="1" defaultChild="n3"><True/><Node id="n2" score="2"><SimplePredicate field="x" operator="lessThan" value="0"/></Node><Node id="n3" score="3"><CompoundPredicate booleanOperator="and"><SimplePredicate field="x" operator="lessOrEqual" value="9"/><SimpleSetPredicate field="c" booleanOperator="isIn"><Array type="string" n="2">a "q r"</Array></SimpleSetPredicate></CompoundPredicate></Node></Node></TreeModel>"#
    )
}

#[test]
fn trees_go_on_without_a_value_as_their_strategy_says() {
    let nan = f64::NAN;
    for (attributes, missing, no_child) in [
        ("", nan, nan),
        ("noTrueChildStrategy=\"returnLastPrediction\"", 1.0, 1.0),
        ("missingValueStrategy=\"lastPrediction\"", 1.0, nan),
        ("missingValueStrategy=\"nullPrediction\" noTrueChildStrategy=\"returnLastPrediction\"", nan, 1.0),
        ("missingValueStrategy=\"defaultChild\"", 3.0, nan),
    ] {
        let tree = tree(attributes);
        check(&tree, Some(-1.0), None, &[2.0]);
        check(&tree, Some(0.0), Some("a"), &[3.0]);
        check(&tree, None, Some("a"), &[missing]);
        check(&tree, Some(10.0), Some("a"), &[no_child]);
        check(&tree, Some(0.0), Some("zz"), &[no_child]);
    }
    let model = load(&tree(""));
    assert_eq!((model.form(), model.trees(), model.size(), model.explains()), ("graph", 1, 2, false));
}

#[test]
fn classes_have_the_shares_of_their_training_rows_or_given_probabilities() {
    let tree = r#"<TreeModel functionName="classification">SCHEMA<Node><True/><Node score="no"><SimplePredicate field="x" operator="lessThan" value="0"/><ScoreDistribution value="yes" recordCount="1"/><ScoreDistribution value="no" recordCount="3"/></Node><Node score="yes"><SimplePredicate field="x" operator="lessThan" value="5"/><ScoreDistribution value="yes" recordCount="3" probability="0.6"/><ScoreDistribution value="no" recordCount="1" probability="0.4"/></Node><Node score="yes"><True/></Node></Node></TreeModel>"#;
    let model = load(tree);
    assert_eq!(model.classes(), ["no", "yes"]);
    check(tree, Some(-1.0), None, &[0.75, 0.25]);
    check(tree, Some(1.0), None, &[0.4, 0.6]);
    check(tree, Some(6.0), None, &[0.0, 1.0]);
}

pub fn segment(attributes: &str, predicate: &str, score: &str) -> String {
    let rest = r#"<MiningSchema><MiningField name="x"/></MiningSchema><Node><True/>"#;
    let score = format!(
        "<Node score=\"{score}\"><SimplePredicate field=\"x\" operator=\"isNotMissing\"/></Node></Node></TreeModel>"
    );
    format!("<Segment {attributes}>{predicate}<TreeModel functionName=\"regression\">{rest}{score}</Segment>")
}

pub fn ensemble(segmentation: &str, segments: &str) -> String {
    format!(
        "<MiningModel functionName=\"regression\">SCHEMA<Segmentation {segmentation}>{segments}</Segmentation></MiningModel>"
    )
}

#[test]
fn segments_are_combined_by_every_method() {
    let small = "<SimplePredicate field=\"x\" operator=\"lessThan\" value=\"0\"/>";
    let segments =
        [segment("weight=\"3\"", small, "10"), segment("weight=\"1\"", "<True/>", "2"), segment("", "<True/>", "6")];
    let segments = segments.concat();
    for (method, all, two) in [
        ("sum", 18.0, 8.0),
        ("weightedSum", 38.0, 8.0),
        ("average", 6.0, 4.0),
        ("weightedAverage", 38.0 / 5.0, 4.0),
        ("median", 6.0, 4.0),
        ("max", 10.0, 6.0),
        ("selectFirst", 10.0, 2.0),
        ("modelChain", 6.0, 6.0),
    ] {
        let model = ensemble(&format!("multipleModelMethod=\"{method}\""), &segments);
        check(&model, Some(-1.0), None, &[all]);
        check(&model, Some(1.0), None, &[two]);
        check(&model, None, None, &[f64::NAN]);
    }
    let skip = "multipleModelMethod=\"sum\" missingPredictionTreatment=\"skipSegment\"";
    let two = [segment("", "<True/>", "2"), tree("").replace("SCHEMA", SCHEMA)].concat();
    let two = two
        .replace("<TreeModel functionName=\"regression\" >", "<Segment><True/><TreeModel functionName=\"regression\">");
    let two = format!("{two}</Segment>")
        .replace(SCHEMA, "<MiningSchema><MiningField name=\"x\"/><MiningField name=\"c\"/></MiningSchema>");
    check(&ensemble(skip, &two), Some(20.0), None, &[2.0]);
}

/// Each segment answers for itself, and `Output` may name any of them.
#[test]
fn segments_that_are_all_selected_answer_side_by_side() {
    let small = "<SimplePredicate field=\"x\" operator=\"lessThan\" value=\"0\"/>";
    let segments = [segment("id=\"low\"", small, "10"), segment("", "<True/>", "2")].concat();
    let all = ensemble("multipleModelMethod=\"selectAll\"", &segments);
    let output = "<Output><OutputField name=\"of_low\" segmentId=\"low\"/><OutputField name=\"node\" feature=\"entityId\" segmentId=\"2\"/></Output><Segmentation";
    let served = all.replace("<Segmentation", output);
    let nan = f64::NAN;
    check(&all, Some(-1.0), None, &[10.0, 2.0]);
    check(&all, Some(1.0), None, &[nan, 2.0]);
    check(&all, None, None, &[nan, nan]);
    let model = load(&served);
    assert_eq!((model.form(), model.outputs(), model.classes()), ("graph", 2, &["low".to_owned(), "2".to_owned()][..]));
    let rows = [(Some(-1.0), None), (Some(1.0), None), (None, None)];
    assert_eq!(field(&model, "of_low", &rows), ["10", "-", "-"]);
    assert_eq!(field(&model, "node", &rows), ["2", "2", "-"]);
    let scaled = all.replace("<Segmentation", "<Targets><Target rescaleFactor=\"2\"/></Targets><Segmentation");
    check(&scaled, Some(1.0), None, &[nan, 4.0]);
    // Of a sum as well.
    let sum = served.replace("selectAll", "sum");
    check(&sum, Some(-1.0), None, &[12.0]);
    assert_eq!(field(&load(&sum), "of_low", &rows), ["10", "-", "-"]);
    refuse(
        &served.replace("segmentId=\"low\"", "segmentId=\"high\""),
        "OutputField: segmentId is not the id of a segment",
    );
    refuse(
        &served.replace(" segmentId=\"low\"", ""),
        "OutputField: feature=\"predictedValue\" of this model is not supported",
    );
    let expression = served.replace("segmentId=\"low\"", "feature=\"transformedValue\" segmentId=\"low\"");
    refuse(&expression, "OutputField: an expression of a segment is not supported");
    refuse(&all.replace("<Segment >", "<Segment id=\"low\">"), "Segment: its id is taken");
    let treated = all.replace("\"selectAll\"", "\"selectAll\" missingPredictionTreatment=\"skipSegment\"");
    refuse(
        &treated,
        "Segmentation: a missingPredictionTreatment of multipleModelMethod=\"selectAll\" is not supported",
    );
    let target = "<Targets><Target><TargetValue defaultValue=\"1\"/></Target></Targets><Segmentation";
    refuse(&all.replace("<Segmentation", target), "MiningModel: a defaultValue of several segments is not supported");
    let inner = all.replace("SCHEMA", "<MiningSchema><MiningField name=\"x\"/></MiningSchema>");
    refuse(
        &ensemble("multipleModelMethod=\"sum\"", &format!("<Segment><True/>{inner}</Segment>")),
        "MiningModel: multipleModelMethod=\"selectAll\" of a model in another is not supported",
    );
}

#[test]
fn votes_are_shares_of_the_weights() {
    let vote = |weight: u32, score: &str| {
        format!(
            "<Segment weight=\"{weight}\"><True/><TreeModel functionName=\"classification\"><MiningSchema><MiningField name=\"x\"/></MiningSchema><Node score=\"{score}\"><True/></Node></TreeModel></Segment>"
        )
    };
    let segments = [vote(3, "yes"), vote(1, "no"), vote(1, "no")].concat();
    let model = |method: &str| {
        format!(
            "<MiningModel functionName=\"classification\">SCHEMA<Segmentation multipleModelMethod=\"{method}\">{segments}</Segmentation></MiningModel>"
        )
    };
    check(&model("majorityVote"), Some(1.0), None, &[2.0 / 3.0, 1.0 / 3.0]);
    check(&model("weightedMajorityVote"), Some(1.0), None, &[0.4, 0.6]);
}

/// A sum with a target, its output transformed, and a logistic regression of it.
#[test]
fn a_chain_hands_outputs_to_later_models() {
    let sum = format!(
        r#"<Segment><True/><MiningModel functionName="regression"><MiningSchema><MiningField name="x"/></MiningSchema><Output><OutputField name="sum" optype="continuous" dataType="double"/><OutputField name="twice" optype="continuous" dataType="double" feature="transformedValue"><Apply function="*"><FieldRef field="sum"/><Constant>2</Constant></Apply></OutputField></Output><Targets><Target rescaleConstant="1" rescaleFactor="0.5"/></Targets><Segmentation multipleModelMethod="sum">{}{}</Segmentation></MiningModel></Segment>"#,
        segment("", "<True/>", "2"),
        segment("", "<True/>", "4")
    );
    let last = r#"<Segment><True/><RegressionModel functionName="classification" normalizationMethod="logit"><MiningSchema><MiningField name="y" usageType="target"/><MiningField name="twice"/></MiningSchema><RegressionTable intercept="-8" targetCategory="yes"><NumericPredictor name="twice" coefficient="1"/></RegressionTable><RegressionTable intercept="0" targetCategory="no"/></RegressionModel></Segment>"#;
    let chain = format!(
        "<MiningModel functionName=\"classification\">SCHEMA<Segmentation multipleModelMethod=\"modelChain\">{sum}{last}</Segmentation></MiningModel>"
    );
    let model = load(&chain);
    assert_eq!((model.classes(), model.outputs()), (&["yes".to_owned()][..], 1));
    check(&chain, Some(1.0), None, &[0.5]);
    check(&chain, None, None, &[f64::NAN]);
}

fn scorecard(attributes: &str) -> String {
    format!(
        r#"<Scorecard functionName="regression" initialScore="10" {attributes}>SCHEMA<Characteristics><Characteristic name="p" reasonCode="P" baselineScore="5"><Attribute partialScore="1"><SimplePredicate field="x" operator="isMissing"/></Attribute><Attribute partialScore="9"><SimplePredicate field="x" operator="lessThan" value="0"/></Attribute><Attribute reasonCode="Q"><SimplePredicate field="x" operator="lessThan" value="100"/><ComplexPartialScore><Apply function="*"><FieldRef field="x"/><Constant>2</Constant></Apply></ComplexPartialScore></Attribute></Characteristic><Characteristic name="c" reasonCode="C" baselineScore="3"><Attribute partialScore="7"><SimplePredicate field="c" operator="equal" value="a"/></Attribute><Attribute partialScore="2"><True/></Attribute></Characteristic><Characteristic name="q" reasonCode="Q" baselineScore="0"><Attribute partialScore="0.5"><True/></Attribute></Characteristic></Characteristics></Scorecard>"#
    )
}

#[test]
fn scorecards_add_points_and_rank_reasons() {
    let model = load(&scorecard("reasonCodeAlgorithm=\"pointsAbove\""));
    assert_eq!((model.form(), model.size()), ("scorecard", 6));
    let features = bind(&model, &[(None, Some("a")), (Some(-1.0), None), (Some(4.0), Some("b")), (Some(200.0), None)]);
    let (scores, explained) = (model.score(&features), model.explain(&features).unwrap());
    assert_eq!(scores.prediction[..3], [18.5, 21.5, 20.5]);
    assert!(scores.prediction[3].is_nan());
    assert_eq!(explained.bias, [10.5]);
    assert_eq!(explained.values[..6], [1.0, 7.0, 9.0, 2.0, 8.0, 2.0]);
    assert!(explained.values[6].is_nan());
    let reasons = model.reason_codes(&features).unwrap();
    // Differences: P -4, C 4, Q 0.5; P 4, C -1, Q 0.5; Q 3 + 0.5, C -1; none.
    assert_eq!(reasons, [vec!["C", "Q", "P"], vec!["P", "Q", "C"], vec!["Q", "C"], vec![]]);
    let below = load(&scorecard("reasonCodeAlgorithm=\"pointsBelow\""));
    assert_eq!(below.reason_codes(&features).unwrap()[0], ["P", "Q", "C"]);
    assert_eq!(load(&scorecard("useReasonCodes=\"false\"")).reason_codes(&features), None);
}

#[test]
fn what_is_not_built_is_refused_with_its_element() {
    refuse(
        &tree("missingValueStrategy=\"weightedConfidence\""),
        "TreeModel: missingValueStrategy=\"weightedConfidence\" for regression is not supported",
    );
    refuse(
        &tree("").replace("operator=\"lessThan\"", "operator=\"near\""),
        "SimplePredicate: operator=\"near\" is not supported",
    );
    refuse(&tree("").replace("n=\"2\"", "n=\"3\""), "Array: 2 values, n is 3");
    refuse(&tree("").replace("<True/><Node", "<Node"), "Node: holds not exactly one predicate");
    let one = segment("", "<True/>", "2");
    refuse(
        &ensemble("multipleModelMethod=\"majorityVote\"", &one),
        "Segmentation: multipleModelMethod=\"majorityVote\" for regression is not supported",
    );
    refuse(
        &ensemble("multipleModelMethod=\"sum\" missingThreshold=\"1.5\"", &one),
        "Segmentation: missingThreshold is not between 0 and 1",
    );
    refuse(&ensemble("multipleModelMethod=\"sum\"", ""), "Segmentation: no Segment");
    refuse(&scorecard("").replace(" baselineScore=\"3\"", ""), "Characteristic: attribute baselineScore is missing");
    refuse(
        &scorecard("").replace("partialScore=\"7\"", ""),
        "Attribute: not exactly one of partialScore and ComplexPartialScore",
    );
}

#[test]
fn changed_bytes_give_a_model_or_an_error() {
    let models = [
        tree("missingValueStrategy=\"defaultChild\""),
        scorecard(""),
        ensemble("multipleModelMethod=\"sum\"", &segment("", "<True/>", "2")),
    ];
    for good in models.map(|model| document(&model)) {
        for at in 0..good.len() {
            for byte in [b'<', b'"', b'9', b'x'] {
                let mut bytes = good.clone().into_bytes();
                bytes[at] = byte;
                let Ok(model) = Model::load(Format::Pmml, &bytes) else { continue };
                if model.inputs().len() == 2 {
                    let columns: [ArrayRef; 2] = [
                        Arc::new(Float64Array::from(vec![Some(1.0), None])),
                        Arc::new(Float64Array::from(vec![Some(1.0), None])),
                    ];
                    let Ok(features) = model.bind(&columns) else { continue };
                    model.score(&features);
                    model.explain(&features);
                    model.reason_codes(&features);
                }
            }
        }
    }
}

#[test]
fn a_network_computes_its_layers_and_undoes_the_scale_of_its_target() {
    let network = |output: &str| {
        format!(
            r#"<NeuralNetwork functionName="regression" activationFunction="tanh">SCHEMA<NeuralInputs><NeuralInput id="i"><DerivedField optype="continuous" dataType="double"><FieldRef field="x"/></DerivedField></NeuralInput></NeuralInputs><NeuralLayer><Neuron id="h" bias="0.1"><Con from="i" weight="0.5"/></Neuron></NeuralLayer><NeuralLayer activationFunction="identity"><Neuron id="o"><Con from="h" weight="2"/></Neuron></NeuralLayer><NeuralOutputs><NeuralOutput outputNeuron="o"><DerivedField optype="continuous" dataType="double">{output}</DerivedField></NeuralOutput></NeuralOutputs></NeuralNetwork>"#
        )
    };
    let value = 2.0 * 0.6_f64.tanh();
    check(&network("<FieldRef field=\"y\"/>"), Some(1.0), None, &[value]);
    let norm = r#"<NormContinuous field="y"><LinearNorm orig="10" norm="0"/><LinearNorm orig="20" norm="1"/></NormContinuous>"#;
    check(&network(norm), Some(1.0), None, &[10.0 + 10.0 * value]);
    check(&network(norm), None, None, &[f64::NAN]);
    refuse(
        &network("<FieldRef field=\"y\"/>").replace("tanh", "spike"),
        "NeuralLayer: activationFunction=\"spike\" is not supported",
    );
    refuse(
        &network("<FieldRef field=\"y\"/>").replace("from=\"h\"", "from=\"o\""),
        "Con: from is no neuron or input before",
    );
}

#[test]
fn naive_bayes_multiplies_what_inputs_say() {
    let counts = |no: u32, yes: u32| {
        format!(
            "<TargetValueCounts><TargetValueCount value=\"no\" count=\"{no}\"/><TargetValueCount value=\"yes\" count=\"{yes}\"/></TargetValueCounts>"
        )
    };
    let bayes = format!(
        r#"<NaiveBayesModel functionName="classification" threshold="0.001">SCHEMA<BayesInputs><BayesInput fieldName="x"><TargetValueStats><TargetValueStat value="no"><GaussianDistribution mean="0" variance="1"/></TargetValueStat><TargetValueStat value="yes"><GaussianDistribution mean="2" variance="1"/></TargetValueStat></TargetValueStats></BayesInput><BayesInput fieldName="c"><PairCounts value="a">{}</PairCounts><PairCounts value="b">{}</PairCounts></BayesInput></BayesInputs><BayesOutput fieldName="y">{}</BayesOutput></NaiveBayesModel>"#,
        counts(2, 1),
        counts(1, 0),
        counts(3, 1)
    );
    check(&bayes, None, None, &[0.75, 0.25]);
    check(&bayes, Some(1.0), Some("zz"), &[0.75, 0.25]);
    let (no, yes) = (3.0 / 3.0, 0.001);
    check(&bayes, None, Some("b"), &[no / (no + yes), yes / (no + yes)]);
    let (no, yes) = (3.0, (2.0_f64).exp());
    check(&bayes, Some(2.0), None, &[no / (no + yes), yes / (no + yes)]);
}

#[test]
fn rows_of_the_author_are_scored_when_a_document_is_loaded() {
    let verified = |value: &str, precision: &str| {
        let fields = format!(
            r#"<VerificationFields><VerificationField field="x" column="data:X"/><VerificationField field="y" precision="{precision}"/></VerificationFields>"#
        );
        let rows =
            format!("<InlineTable><row><X>-1</X><y>2</y></row><row><X>0</X><c>a</c><y>{value}</y></row></InlineTable>");
        let check = format!("<ModelVerification recordCount=\"2\">{fields}{rows}</ModelVerification><Node score=\"1\"");
        tree("").replace("<Node score=\"1\"", &check)
    };
    let with_c = |document: String| {
        document
            .replace("<VerificationField field=\"x\"", "<VerificationField field=\"c\"/><VerificationField field=\"x\"")
    };
    load(&with_c(verified("3", "1E-6")));
    load(&with_c(verified("3.01", "0.01")));
    refuse(&with_c(verified("3.01", "1E-6")), "row: row 2: the model gives another y");
    refuse(&verified("3", "1E-6"), "row: row 2: the model gives another y");
}
