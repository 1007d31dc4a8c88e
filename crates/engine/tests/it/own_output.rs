//! What a model file computes beside its prediction (PMML's `Output`) in the results: reason codes, probabilities,
//! clusters; chosen, renamed and left out.

use std::sync::Arc;

use bordereau_engine::batch::{Options, ResultFormat};
use bordereau_engine::release::Release;

use crate::fixture::{Run, edited, options};
use crate::models::{DICTIONARY, POLICIES, predictions, release_of, run, schema, scorecard};

const REASONS: &str = r#"<Output>
<OutputField name="score" feature="predictedValue" dataType="double" optype="continuous"/>
<OutputField name="Reason 1" feature="reasonCode" rank="1" dataType="string" optype="categorical"/>
<OutputField name="Reason 2" feature="reasonCode" rank="2" dataType="string" optype="categorical"/>
<OutputField name="half" feature="transformedValue" dataType="double" optype="continuous">
<Apply function="/"><FieldRef field="score"/><Constant dataType="double">2</Constant></Apply></OutputField></Output>"#;

fn of(release: &Arc<Release>) -> Run {
    run(release, POLICIES, &options())
}

/// The column of a name in the outputs.
fn column(run: &Run, name: &str) -> Vec<String> {
    let rows = run.rows("outputs.csv");
    let at = rows[0].iter().position(|column| *column == name).unwrap_or_else(|| panic!("{name} in {:?}", rows[0]));
    rows[1..].iter().map(|row| row[at].to_owned()).collect()
}

fn risk_with(lines: &str) -> [(&'static str, &'static str, String); 1] {
    let to = format!("name = \"risk\"\n{lines}");
    [("solution.toml", "name = \"risk\"", to)]
}

fn card_with(lines: &str) -> Arc<Release> {
    let edits = risk_with(lines);
    let edits: Vec<_> = edits.iter().map(|(file, from, to)| (*file, *from, to.as_str())).collect();
    release_of("card.pmml", "pmml", scorecard(REASONS).as_bytes(), &edits)
}

#[test]
fn reason_codes_are_columns_of_the_outputs_and_told_in_summary_and_readme() {
    let run = of(&card_with(""));
    assert_eq!(predictions(&run), [150.0, 113.0, 120.0, 120.0, 138.0].map(Some));
    let header = run.rows("outputs.csv")[0].join(",");
    assert!(header.contains("risk_interpretation,score,Reason 1,Reason 2,half,price_prediction"), "{header}");
    assert_eq!(column(&run, "Reason 1"), ["SIZE", "SIZE", "SIZE", "SIZE", "KIND"]);
    assert_eq!(column(&run, "Reason 2"), ["KIND", "KIND", "KIND", "KIND", "SIZE"]);
    assert_eq!(column(&run, "half"), ["75", "56.5", "60", "60", "69"]);
    let fields = serde_json::to_value(&run.outcome.summary.models[0].output_fields).unwrap();
    let told = serde_json::json!({"field": "Reason 1", "column": "Reason 1", "type": "text", "missing": 0});
    assert_eq!(fields[1], told);
    assert_eq!(fields[3]["type"], "number");
    assert!(run.outcome.summary.models[1].output_fields.is_empty());
    assert!(run.text("README.txt").contains("  Reason 2: the field Reason 2 of the model's own output\n"));
}

#[test]
fn fields_are_chosen_renamed_and_left_out() {
    let run = of(&card_with(r#"output_fields = [{ field = "Reason 1", column = "why" }, "half"]"#));
    let header = run.rows("outputs.csv")[0].join(",");
    assert!(header.contains("risk_interpretation,why,half,price_prediction"), "{header}");
    assert_eq!(column(&run, "why"), ["SIZE", "SIZE", "SIZE", "SIZE", "KIND"]);
    let field = &run.outcome.summary.models[0].output_fields[0];
    assert_eq!((field.field.as_str(), field.column.as_str()), ("Reason 1", "why"));
    let none = of(&card_with("output_fields = []"));
    assert!(none.rows("outputs.csv")[0].join(",").contains("risk_interpretation,price_prediction"));
    assert_eq!(predictions(&none), predictions(&run));
}

#[test]
fn parquet_has_the_same_fields_with_their_types() {
    let options = Options { format: ResultFormat::Parquet, ..options() };
    let run = run(&card_with(""), POLICIES, &options);
    let bytes = bytes::Bytes::from(run.members["outputs.parquet"].clone());
    let builder = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
    let schema = builder.schema();
    assert!(schema.field_with_name("half").unwrap().data_type().is_floating());
    assert!(schema.field_with_name("Reason 1").unwrap().data_type().is_string());
}

/// A classification of three kinds of amount, whose output is of everything that a class can be asked for.
fn classes() -> String {
    let leaf = |score: &str, counts: [u32; 3], predicate: &str| {
        let [small, middle, large] = counts;
        format!(
            r#"<Node score="{score}" recordCount="10">{predicate}
<ScoreDistribution value="small" recordCount="{small}"/><ScoreDistribution value="middle" recordCount="{middle}"/>
<ScoreDistribution value="large" recordCount="{large}"/></Node>"#
        )
    };
    let dictionary = DICTIONARY.replace(
        r#"<DataField name="price" optype="continuous" dataType="double"/>"#,
        r#"<DataField name="price" optype="categorical" dataType="string"><Value value="small"/>
<Value value="middle"/><Value value="large"/></DataField>"#,
    );
    format!(
        r#"{dictionary}<TreeModel functionName="classification" missingValueStrategy="lastPrediction"
noTrueChildStrategy="returnLastPrediction">{}<Output>
<OutputField name="class" feature="predictedValue" dataType="string" optype="categorical"/>
<OutputField name="probability(small)" feature="probability" value="small" dataType="double" optype="continuous"/>
<OutputField name="probability(large)" feature="probability" value="large" dataType="double" optype="continuous"/>
</Output>{}{}{}</Node></TreeModel></PMML>"#,
        schema(r#"invalidValueTreatment="asMissing""#),
        leaf("middle", [3, 4, 3], "<True/>").trim_end_matches("</Node>"),
        leaf("small", [8, 1, 1], r#"<SimplePredicate field="amount" operator="lessOrEqual" value="500"/>"#),
        leaf("large", [0, 2, 8], r#"<SimplePredicate field="amount" operator="greaterThan" value="500"/>"#),
    )
}

#[test]
fn of_a_model_with_classes_one_is_the_prediction_and_its_output_has_all() {
    let edits = [
        ("solution.toml", "name = \"risk\"", "name = \"risk\"\nclass = \"large\""),
        ("solution.toml", "explanations = 2", "explanations = 0"),
    ];
    let run = of(&release_of("classes.pmml", "pmml", classes().as_bytes(), &edits));
    assert_eq!(predictions(&run), [0.1, 0.8, 0.3, 0.3, 0.1].map(Some));
    assert_eq!(column(&run, "class"), ["small", "large", "middle", "middle", "small"]);
    assert_eq!(column(&run, "probability(small)"), ["0.8", "0", "0.3", "0.3", "0.8"]);
    assert_eq!(column(&run, "probability(large)"), ["0.1", "0.8", "0.3", "0.3", "0.1"]);
}

#[test]
fn clusters_are_named_beside_the_prediction() {
    let cluster = |name: &str, at: f64| {
        format!(r#"<Cluster name="{name}" id="{name}"><Array n="1" type="real">{at}</Array></Cluster>"#)
    };
    let model = format!(
        r#"{DICTIONARY}<ClusteringModel functionName="clustering" modelClass="centerBased" numberOfClusters="2">
<MiningSchema><MiningField name="amount" missingValueReplacement="400"/></MiningSchema><Output>
<OutputField name="nearest" feature="clusterId" dataType="string" optype="categorical"/>
<OutputField name="distance" feature="affinity" dataType="double" optype="continuous"/></Output>
<ComparisonMeasure kind="distance"><euclidean/></ComparisonMeasure>
<ClusteringField field="amount" compareFunction="absDiff"/>{}{}</ClusteringModel></PMML>"#,
        cluster("near", 100.0),
        cluster("far", 1000.0),
    );
    let edits = [
        ("solution.toml", "name = \"risk\"", "name = \"risk\"\nclass = \"far\""),
        ("solution.toml", "explanations = 2", "explanations = 0"),
    ];
    let run = of(&release_of("clusters.pmml", "pmml", model.as_bytes(), &edits));
    assert_eq!(predictions(&run), [0.0, 1.0, 0.0, 0.0, 0.0].map(Some));
    assert_eq!(column(&run, "nearest"), ["near", "far", "near", "near", "near"]);
    assert_eq!(column(&run, "distance"), ["0", "100", "300", "300", "50"]);
}

#[test]
fn of_segments_that_all_answer_one_is_the_prediction_and_the_output_has_others() {
    let segment = |id: &str, predicate: &str, score: f64| {
        format!(
            r#"<Segment id="{id}">{predicate}<TreeModel functionName="regression"><MiningSchema>
<MiningField name="amount"/></MiningSchema><Node score="{score}"><True/></Node></TreeModel></Segment>"#
        )
    };
    let model = format!(
        r#"{DICTIONARY}<MiningModel functionName="regression">{}<Output>
<OutputField name="of small ones" segmentId="small" dataType="double" optype="continuous"/></Output>
<Segmentation multipleModelMethod="selectAll">{}{}</Segmentation></MiningModel></PMML>"#,
        schema(r#"invalidValueTreatment="asMissing""#),
        segment("small", r#"<SimplePredicate field="amount" operator="lessOrEqual" value="500"/>"#, 3.0),
        segment("any", "<True/>", 5.0),
    );
    let edits = [
        ("solution.toml", "name = \"risk\"", "name = \"risk\"\nclass = \"any\""),
        ("solution.toml", "explanations = 2", "explanations = 0"),
    ];
    let run = of(&release_of("all.pmml", "pmml", model.as_bytes(), &edits));
    assert_eq!(predictions(&run), [Some(5.0); 5]);
    assert_eq!(column(&run, "of small ones"), ["3", "", "", "", "3"]);
}

/// What is wrong with the small release when the scorecard is its first model, with these lines in its part.
fn problems(model: &str, lines: &str) -> String {
    let edits = risk_with(lines);
    let mut edits: Vec<_> = edits.iter().map(|(file, from, to)| (*file, *from, to.as_str())).collect();
    let named = "file = \"models/card.pmml\"\nformat = \"pmml\"";
    edits.push(("solution.toml", "file = \"models/risk.lgb.txt\"\nformat = \"lightgbm\"", named));
    let folder = edited(&edits);
    std::fs::write(folder.path().join("models/card.pmml"), model).unwrap();
    let problems = Release::from_folder(folder.path()).err().unwrap_or_default();
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_cannot_be_meant_is_a_problem() {
    let card = scorecard(REASONS);
    for (lines, expected) in [
        (
            r#"output_fields = ["Reason 9"]"#,
            "models[0].output_fields: the output of the model has no field Reason 9; it has score, Reason 1, Reason 2, half",
        ),
        (
            r#"output_fields = [{ field = "half", column = "risk_bin" }]"#,
            "models[0].output_fields: the output column risk_bin is there twice",
        ),
        (r#"output_fields = [{ field = "half", column = " " }]"#, "the column of the field half has no name"),
        (r#"class = "bad""#, "models[0].class: the model has no class bad; it has 0"),
        ("explain = { highest = 0 }", "models[0].explain: a share is above 0 and at most 1"),
        ("explain = { sample = 1.5 }", "models[0].explain: a share is above 0 and at most 1"),
        ("explain = { at_least = nan }", "models[0].explain: must be a number"),
    ] {
        let problems = problems(&card, lines);
        assert!(problems.contains(expected), "{lines}: {problems}");
    }
    let expected = "gives 3 values for a record; `class` says which one is the prediction: small, middle, large";
    assert!(problems(&classes(), "").contains(expected));
}
