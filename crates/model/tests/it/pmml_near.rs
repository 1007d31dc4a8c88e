//! PMML clusters, nearest neighbours, support vectors, rules and anomalies: each branch by a small document
//! whose answers are worked out by hand from the standard's definitions.

use bordereau_model::{Format, Model};

use crate::pmml_classes::class_tree;
use crate::pmml_models::{bind, check, document, field, load, refuse};

const NAN: f64 = f64::NAN;

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
