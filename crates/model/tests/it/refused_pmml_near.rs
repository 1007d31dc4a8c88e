//! What of clusters, nearest neighbours, rules and anomalies in PMML is refused, and in which words.

use bordereau_model::{Format, Model};

use crate::pmml_models::document;
use crate::refused_pmml::refuse_each;

/// Lines 7 to 13 of its document.
const CLUSTERS: &str = r#"
<ClusteringModel functionName="clustering" modelClass="centerBased" numberOfClusters="2">SCHEMA
<Output><OutputField name="near" feature="affinity" value="a"/></Output>
<ComparisonMeasure kind="distance"><euclidean/></ComparisonMeasure>
<ClusteringField field="x"/>
<Cluster id="a"><Array type="real" n="1">0</Array></Cluster>
<Cluster id="b"><Array type="real" n="1">3</Array></Cluster>
</ClusteringModel>"#;

#[test]
fn clusters_that_do_not_fit_are_refused() {
    let measure = "<ComparisonMeasure kind=\"distance\"><euclidean/></ComparisonMeasure>";
    let euclidean = "<euclidean/>";
    let field = "<ClusteringField field=\"x\"/>";
    refuse_each(
        CLUSTERS,
        &[
            (
                "functionName=\"clustering\"",
                "functionName=\"odd\"",
                "7: ClusteringModel: functionName=\"odd\" is not supported",
            ),
            (
                "centerBased",
                "distributionBased",
                "7: ClusteringModel: modelClass=\"distributionBased\" is not supported",
            ),
            ("affinity\" value=\"a\"", "affinity\" value=\"z\"", "8: OutputField: value is not an entity of the model"),
            (measure, "", "7: ClusteringModel: ComparisonMeasure is missing"),
            ("kind=\"distance\"", "kind=\"odd\"", "9: ComparisonMeasure: kind=\"odd\" is not supported"),
            ("kind=\"distance\"", "kind=\"similarity\"", "9: euclidean: as a similarity is not supported"),
            (
                "kind=\"distance\"",
                "kind=\"distance\" compareFunction=\"table\"",
                "9: ComparisonMeasure: compareFunction=\"table\" is not supported",
            ),
            (euclidean, "", "9: ComparisonMeasure: holds not exactly one measure"),
            (euclidean, "<euclidean/><cityBlock/>", "9: ComparisonMeasure: holds not exactly one measure"),
            (euclidean, "<jaccard/>", "9: jaccard: as a distance is not supported"),
            (euclidean, "<minkowski p-parameter=\"0\"/>", "9: minkowski: p-parameter is not above 0"),
            (euclidean, "<binarySimilarity/>", "9: binarySimilarity: attribute c11-parameter is missing"),
            (
                field,
                "<ClusteringField field=\"x\" isCenterField=\"false\"/>",
                "10: ClusteringField: isCenterField=\"false\" is not supported",
            ),
            (
                field,
                "<ClusteringField field=\"x\" compareFunction=\"gaussSim\"/>",
                "10: ClusteringField: attribute similarityScale is missing",
            ),
            (
                field,
                "<ClusteringField field=\"x\" compareFunction=\"table\"/>",
                "10: ClusteringField: compareFunction=\"table\" is not supported",
            ),
            (field, "<ClusteringField field=\"c\"/>", "10: ClusteringField: a difference of categories"),
            (
                field,
                "<ClusteringField field=\"x\"/><MissingValueWeights/>",
                "10: MissingValueWeights: Array is missing",
            ),
            ("<Array type=\"real\" n=\"1\">0</Array>", "", "11: Cluster: Array is missing"),
            ("n=\"1\">0<", "n=\"2\">0 1<", "11: Array: 2 values, not 1"),
            (
                "<Cluster id=\"b\">",
                "<Cluster id=\"b\"><KohonenMap/>",
                "12: KohonenMap: this part of a cluster is not supported",
            ),
            ("<Cluster id=\"b\">", "<Cluster id=\"a\">", "12: Cluster: its id is taken"),
            ("numberOfClusters=\"2\"", "numberOfClusters=\"3\"", "7: ClusteringModel: numberOfClusters is not 2"),
        ],
    );
    let start = CLUSTERS.find("<Cluster ").unwrap();
    let none = document(&[&CLUSTERS[1..start], "</ClusteringModel>"].concat());
    let refused = Model::load(Format::Pmml, none.as_bytes()).unwrap_err().to_string();
    assert_eq!(refused, "PMML model, line 7: ClusteringModel: no Cluster or no ClusteringField");
}

/// Lines 7 to 19 of its document.
const NEIGHBORS: &str = r#"
<NearestNeighborModel functionName="classification" numberOfNeighbors="2" instanceIdVariable="id">SCHEMA
<LocalTransformations><DerivedField name="d" optype="continuous" dataType="double"><FieldRef field="x"/></DerivedField></LocalTransformations>
<TrainingInstances>
<InstanceFields><InstanceField field="id"/><InstanceField field="x"/><InstanceField field="d"/><InstanceField field="y"/></InstanceFields>
<InlineTable>
<row><id>p</id><x>0</x><y>no</y></row>
<row><id>q</id><x>1</x><y>yes</y></row>
</InlineTable>
</TrainingInstances>
<ComparisonMeasure kind="distance"><euclidean/></ComparisonMeasure>
<KNNInputs><KNNInput field="x"/></KNNInputs>
</NearestNeighborModel>"#;

#[test]
fn neighbors_that_do_not_fit_are_refused() {
    let start = NEIGHBORS.find("<TrainingInstances>").unwrap();
    let end = NEIGHBORS.find("<ComparisonMeasure").unwrap();
    let (from, to) = (NEIGHBORS.find("<InstanceFields>").unwrap(), NEIGHBORS.find("<InlineTable>").unwrap());
    let to_end = NEIGHBORS.find("\n</TrainingInstances>").unwrap();
    let number = "7: NearestNeighborModel: numberOfNeighbors is not between 1 and the number of instances";
    refuse_each(
        NEIGHBORS,
        &[
            (
                "functionName=\"classification\"",
                "functionName=\"odd\"",
                "7: NearestNeighborModel: functionName=\"odd\" is not supported",
            ),
            (&NEIGHBORS[start..end], "", "7: NearestNeighborModel: TrainingInstances is missing"),
            (&NEIGHBORS[from..to], "", "9: TrainingInstances: InstanceFields is missing"),
            (&NEIGHBORS[to..to_end], "", "9: TrainingInstances: no InlineTable is not supported"),
            (
                "<TrainingInstances>",
                "<TrainingInstances isTransformed=\"odd\">",
                "9: TrainingInstances: isTransformed=\"odd\" is not supported",
            ),
            ("numberOfNeighbors=\"2\"", "numberOfNeighbors=\"3\"", number),
            ("numberOfNeighbors=\"2\"", "numberOfNeighbors=\"1.5\"", number),
            ("instanceIdVariable=\"id\"", "instanceIdVariable=\"name\"", "12: row: no column of \"name\""),
            ("<x>1<", "<x>z<", "13: row: a cell is not a finite number"),
            (">yes<", "> <", "13: row: an instance without a class is not supported"),
            (">yes<", ">yea<", "13: row: a class that the target does not have"),
            (
                "<InstanceField field=\"y\"/>",
                "",
                "7: NearestNeighborModel: instances with no target or several is not supported",
            ),
            ("<KNNInputs><KNNInput field=\"x\"/></KNNInputs>", "", "7: NearestNeighborModel: KNNInputs is missing"),
            ("<KNNInput field=\"x\"/>", "", "17: KNNInputs: no KNNInput"),
            (
                "<KNNInput field=\"x\"/>",
                "<KNNInput field=\"c\"/>",
                "17: KNNInput: a derived field of instances that are not transformed is not supported",
            ),
            (
                "<KNNInput field=\"x\"/>",
                "<KNNInput field=\"d\"/>",
                "17: KNNInput: a derived field of instances that are not transformed is not supported",
            ),
            (
                "instanceIdVariable",
                "categoricalScoringMethod=\"weightedMajorityVote\" threshold=\"0\" instanceIdVariable",
                "7: NearestNeighborModel: threshold is not above 0",
            ),
            (
                "instanceIdVariable",
                "categoricalScoringMethod=\"odd\" instanceIdVariable",
                "7: NearestNeighborModel: categoricalScoringMethod=\"odd\" is not supported",
            ),
        ],
    );
    let category =
        NEIGHBORS.replace("<InstanceField field=\"id\"/>", "<InstanceField field=\"id\"/><InstanceField field=\"c\"/>");
    refuse_each(
        &category,
        &[("<KNNInput field=\"x\"/>", "<KNNInput field=\"c\"/>", "17: KNNInput: a difference of categories")],
    );
    let regression = NEIGHBORS.replace("classification", "regression").replace(">no<", ">1<").replace(">yes<", ">2<");
    refuse_each(
        &regression,
        &[
            (">2<", "><", "13: row: an instance without a value is not supported"),
            (">2<", ">z<", "13: row: a cell is not a finite number"),
            (
                "instanceIdVariable",
                "continuousScoringMethod=\"odd\" instanceIdVariable",
                "7: NearestNeighborModel: continuousScoringMethod=\"odd\" is not supported",
            ),
        ],
    );
}

/// Lines 7 to 16 of its document.
const RULES: &str = r#"
<RuleSetModel functionName="classification">SCHEMA
<RuleSet defaultScore="no">
<RuleSelectionMethod criterion="firstHit"/>
<SimpleRule id="r1" score="yes"><True/></SimpleRule>
<CompoundRule>
<True/>
<SimpleRule id="r2" score="no"><True/></SimpleRule>
</CompoundRule>
</RuleSet>
</RuleSetModel>"#;

#[test]
fn rules_that_do_not_fit_are_refused() {
    refuse_each(
        RULES,
        &[
            (
                "functionName=\"classification\"",
                "functionName=\"regression\"",
                "7: RuleSetModel: functionName=\"regression\" is not supported",
            ),
            ("<RuleSelectionMethod criterion=\"firstHit\"/>", "", "8: RuleSet: RuleSelectionMethod is missing"),
            ("\"firstHit\"", "\"odd\"", "9: RuleSelectionMethod: criterion=\"odd\" is not supported"),
            ("defaultScore=\"no\"", "defaultScore=\"nay\"", "8: RuleSet: a class that the target does not have"),
            ("score=\"yes\"", "score=\"yea\"", "10: SimpleRule: a class that the target does not have"),
            (" score=\"yes\"", "", "10: SimpleRule: attribute score is missing"),
            ("<CompoundRule>\n<True/>", "<CompoundRule>\n", "11: CompoundRule: holds not exactly one predicate"),
            ("<CompoundRule>", "<CompoundRule odd=\"\">", "11: CompoundRule: attribute odd is not supported"),
        ],
    );
    let empty = "<RuleSetModel functionName=\"classification\">SCHEMA</RuleSetModel>";
    let refused = Model::load(Format::Pmml, document(empty).as_bytes()).unwrap_err().to_string();
    assert_eq!(refused, "PMML model, line 7: RuleSetModel: RuleSet is missing");
    // A wide predicate is repeated in each rule below it.
    let wide = format!("<CompoundPredicate booleanOperator=\"or\">{}</CompoundPredicate>", "<True/>".repeat(2048));
    let rules = "<SimpleRule score=\"no\"><True/></SimpleRule>".repeat(600);
    let large = RULES[1..].replace("<CompoundRule>\n<True/>", &format!("<CompoundRule>\n{wide}{rules}"));
    let refused = Model::load(Format::Pmml, document(&large).as_bytes()).unwrap_err().to_string();
    assert_eq!(
        refused,
        "PMML model, line 12: SimpleRule: more than 1048576 predicates of compound rules is not supported"
    );
}

/// Lines 7 to 10 of its document.
const ANOMALY: &str = r#"
<AnomalyDetectionModel functionName="regression" algorithmType="iforest" sampleDataSize="9">SCHEMA
<TreeModel functionName="regression"><MiningSchema/><Node score="3"><True/></Node></TreeModel>
</AnomalyDetectionModel>"#;

#[test]
fn anomalies_that_do_not_fit_are_refused() {
    let tree = "<TreeModel functionName=\"regression\"><MiningSchema/><Node score=\"3\"><True/></Node></TreeModel>";
    let classes =
        "<TreeModel functionName=\"classification\"><MiningSchema/><Node score=\"yes\"><True/></Node></TreeModel>";
    refuse_each(
        ANOMALY,
        &[
            (
                "functionName=\"regression\"",
                "functionName=\"odd\"",
                "7: AnomalyDetectionModel: functionName=\"odd\" is not supported",
            ),
            ("iforest", "odd", "7: AnomalyDetectionModel: algorithmType=\"odd\" is not supported"),
            (tree, "", "7: AnomalyDetectionModel: holds not exactly one model"),
            (tree, &[tree, tree].concat(), "7: AnomalyDetectionModel: holds not exactly one model"),
            (tree, classes, "8: TreeModel: a classification as anomaly score is not supported"),
            ("sampleDataSize=\"9\"", "", "7: AnomalyDetectionModel: attribute sampleDataSize is missing"),
            ("sampleDataSize=\"9\"", "sampleDataSize=\"1\"", "7: AnomalyDetectionModel: sampleDataSize is not above 1"),
            (
                "iforest",
                "clusterMeanDist",
                "7: AnomalyDetectionModel: clusterMeanDist without distances to clusters is not supported",
            ),
        ],
    );
    let clusters = CLUSTERS[1..].replace("SCHEMA", "<MiningSchema><MiningField name=\"x\"/></MiningSchema>");
    let means = "<MeanClusterDistances><Array type=\"real\" n=\"2\">1 2</Array></MeanClusterDistances>";
    let by_means = ANOMALY.replace("iforest", "clusterMeanDist").replace(tree, &format!("{clusters}\n{means}"));
    refuse_each(
        &by_means,
        &[
            (means, "", "7: AnomalyDetectionModel: MeanClusterDistances is missing"),
            (">1 2<", ">1 0<", "15: MeanClusterDistances: a mean distance that is not above 0"),
            ("n=\"2\">1 2<", ">1<", "15: Array: 1 values, not 2"),
        ],
    );
}
