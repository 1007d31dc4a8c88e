//! Releases whose model is of each format: a small batch scored, explained and counted, as the model's own library
//! answers (tests/fixtures/make_models.py).

use std::path::PathBuf;
use std::sync::Arc;

use bordereau_engine::batch::Options;
use bordereau_engine::release::Release;
use bordereau_engine::release::manifest::Explanations;

use crate::fixture::{Run, edited, explaining, options, score};

/// A kind that is none of the model's, an amount that is missing, one that is no number, a kind that is none at all.
pub const POLICIES: &str = "\
number,effective,amount,kind,renewal,holder
P1,2020-01-31,100,shop,N,Ann
P2,2020-02-01,900,boat,Y,
P3,2020-03-01,,farm,N,Cid
P4,2020-03-01,many,farm,N,Dee
P5,2020-03-01,50,barn,N,Fay
";
const ITEMS: &str = "\
number,effective,item
P2,2020-02-01,1
P1,2020-01-31,1
P1,2020-01-31,2
";
const INPUTS: [&str; 4] = ["amount", "item_count", "renewal", "kind"];

fn models() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models")
}

/// The small release with one of our models in the place of its first, and amounts that may be wrong.
pub fn release_of(file: &str, format: &str, model: &[u8], edits: &[(&str, &str, &str)]) -> Arc<Release> {
    let named = format!("file = \"models/{file}\"\nformat = \"{format}\"");
    let mut all = vec![
        ("solution.toml", "file = \"models/risk.lgb.txt\"\nformat = \"lightgbm\"", named.as_str()),
        ("solution.toml", "warnings = [\"policy.kind\"]", "warnings = [\"policy.kind\", \"policy.amount\"]"),
    ];
    all.extend(edits);
    let folder = edited(&all);
    std::fs::write(folder.path().join("models").join(file), model).unwrap();
    let said = |problems: Vec<_>| problems.iter().map(ToString::to_string).collect::<Vec<String>>().join("\n");
    Arc::new(Release::from_folder(folder.path()).unwrap_or_else(|problems| panic!("{}", said(problems))))
}

pub fn run(release: &Arc<Release>, policies: &str, options: &Options) -> Run {
    score(release, &[("policy.csv", policies), ("item.csv", ITEMS)], options).unwrap()
}

/// The predictions of the first model.
pub fn predictions(run: &Run) -> Vec<Option<f64>> {
    run.rows("outputs.csv").iter().skip(1).map(|row| row[3].parse().ok()).collect()
}

/// The same release scores as the library, explains as the library, and counts what the model does not know.
#[test]
fn a_release_scores_and_explains_as_the_library_of_its_model() {
    let answers: serde_json::Value =
        serde_json::from_slice(&std::fs::read(models().join("answers.json")).unwrap()).unwrap();
    for (file, format, tolerance) in [
        ("small.txt", "lightgbm", 1e-12),
        ("small.json", "xgboost", 1e-6),
        ("small.ubj", "xgboost", 1e-6),
        ("small.cbm", "catboost", 1e-12),
        ("small_catboost.json", "catboost", 1e-12),
        ("small.onnx", "onnx", 1e-6),
    ] {
        let release = release_of(file, format, &std::fs::read(models().join(file)).unwrap(), &[]);
        let run = run(&release, POLICIES, &explaining(Explanations::All));
        let answer = &answers[file];
        let given = predictions(&run);
        assert_eq!(given.len(), 5, "{file}");
        for (row, given) in given.iter().enumerate() {
            let (given, expected) = (given.unwrap(), answer["prediction"][row].as_f64().unwrap());
            assert!((given / expected - 1.0).abs() < tolerance, "{file}, row {row}: {given}, not {expected}");
        }
        let mut compared = 0;
        for row in run.rows("explanations.csv").iter().skip(1).filter(|row| row[2] == "risk") {
            let at = row[0][1..].parse::<usize>().unwrap() - 1;
            let input = INPUTS.iter().position(|input| *input == row[4]).unwrap();
            let expected = answer["contributions"][at][input].as_f64().unwrap();
            let given: f64 = row[row.len() - 2].parse().unwrap();
            assert!((given - expected).abs() < tolerance.max(1e-9), "{file}, {row:?}: {expected}");
            compared += 1;
        }
        assert_eq!(compared, 5 * INPUTS.len(), "{file}");
        // A cbm has no more than the categories that a split is about, and of two kinds one is enough.
        counted(&run, file, if file == "small.cbm" { 2 } else { 1 });
    }
}

/// An unknown category is counted for the model; what is no amount and what is no kind are findings.
fn counted(run: &Run, file: &str, records: u64) {
    let summary = &run.outcome.summary;
    assert_eq!((summary.records.read, summary.records.scored), (5, 5), "{file}");
    let unknown = &summary.models[0].unknown_categories;
    assert_eq!(unknown.len(), 1, "{file}: {unknown:?}");
    assert_eq!((unknown[0].input.as_str(), unknown[0].records), ("kind", records), "{file}");
    for field in ["amount", "kind"] {
        let found = summary.findings.iter().find(|finding| finding.field.as_deref() == Some(field));
        assert_eq!(found.map(|finding| finding.count), Some(1), "{file}: {field}");
    }
}

/// A column that the upload lacks is missing to every format, as a cell that is empty, and the summary names it.
#[test]
fn a_missing_column_is_missing_to_the_model_and_named_in_the_summary() {
    let without = "number,effective,kind,renewal\nP1,2020-01-31,farm,N\n";
    let empty = "number,effective,amount,kind,renewal\nP1,2020-01-31,,farm,N\n";
    let pmml = std::fs::read(crate::fixture::small_folder().join("models/price.pmml")).unwrap();
    for (file, format) in [
        ("small.txt", "lightgbm"),
        ("small.json", "xgboost"),
        ("small.cbm", "catboost"),
        ("small.onnx", "onnx"),
        ("price2.pmml", "pmml"),
    ] {
        let model = if format == "pmml" { pmml.clone() } else { std::fs::read(models().join(file)).unwrap() };
        let release = release_of(file, format, &model, &[]);
        let (lacking, given) = (run(&release, without, &options()), run(&release, empty, &options()));
        assert_eq!(predictions(&lacking), predictions(&given), "{file}");
        assert_eq!(predictions(&lacking)[0].is_none(), format == "pmml", "{file}");
        let absent = &lacking.outcome.summary.relations[0].absent_columns;
        assert!(absent.contains(&"amount".to_owned()), "{file}: {absent:?}");
        assert!(!given.outcome.summary.relations[0].absent_columns.contains(&"amount".to_owned()), "{file}");
        let none = u64::from(format == "pmml");
        assert_eq!(lacking.outcome.summary.models[0].without_prediction, none, "{file}");
    }
}

/// A dictionary that all PMML documents here begin with, and the schema of their models.
pub const DICTIONARY: &str = r#"<PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4"><Header/><DataDictionary>
<DataField name="price" optype="continuous" dataType="double"/>
<DataField name="amount" optype="continuous" dataType="double"/>
<DataField name="kind" optype="categorical" dataType="string"><Value value="shop"/><Value value="farm"/></DataField>
</DataDictionary>"#;

pub fn schema(kind: &str) -> String {
    format!(
        r#"<MiningSchema><MiningField name="price" usageType="target"/><MiningField name="amount"/>
<MiningField name="kind" {kind}/></MiningSchema>"#
    )
}

/// A tree whose first leaf has the amounts up to 500.
fn tree(low: f64, high: f64) -> String {
    format!(
        r#"<TreeModel functionName="regression" missingValueStrategy="defaultChild" splitCharacteristic="binarySplit">
<MiningSchema><MiningField name="amount"/></MiningSchema>
<Node id="0" score="0" recordCount="10" defaultChild="1"><True/>
<Node id="1" score="{low}" recordCount="6">
<SimplePredicate field="amount" operator="lessOrEqual" value="500"/></Node>
<Node id="2" score="{high}" recordCount="4">
<SimplePredicate field="amount" operator="greaterThan" value="500"/></Node></Node></TreeModel>"#
    )
}

#[test]
fn a_release_scores_an_ensemble_of_pmml_trees() {
    let segment = |id: u32, tree: &str| format!("<Segment id=\"{id}\"><True/>{tree}</Segment>");
    let model = format!(
        r#"{DICTIONARY}<MiningModel functionName="regression">{}
<Segmentation multipleModelMethod="sum">{}{}</Segmentation></MiningModel></PMML>"#,
        schema(r#"invalidValueTreatment="asMissing""#),
        segment(1, &tree(1.0, 2.0)),
        segment(2, &tree(0.25, 0.5)),
    );
    let edits = [("solution.toml", "explanations = 2", "explanations = 0")];
    let release = release_of("trees.pmml", "pmml", model.as_bytes(), &edits);
    let run = run(&release, POLICIES, &options());
    let expected = [1.25, 2.5, 1.25, 1.25, 1.25].map(Some);
    assert_eq!(predictions(&run), expected);
    counted(&run, "trees.pmml", 1);
}

/// A scorecard with reason codes, and what it has as its output.
pub fn scorecard(output: &str) -> String {
    let attribute = |points: u32, code: &str, predicate: &str| {
        format!("<Attribute partialScore=\"{points}\" reasonCode=\"{code}\">{predicate}</Attribute>")
    };
    let simple = |field: &str, operator: &str, value: &str| {
        format!("<SimplePredicate field=\"{field}\" operator=\"{operator}\" value=\"{value}\"/>")
    };
    format!(
        r#"{DICTIONARY}<Scorecard functionName="regression" initialScore="100" useReasonCodes="true"
reasonCodeAlgorithm="pointsBelow" baselineMethod="max">{}
{output}
<Characteristics><Characteristic name="size" baselineScore="30">{}{}{}</Characteristic>
<Characteristic name="kind" baselineScore="20">{}{}</Characteristic></Characteristics></Scorecard></PMML>"#,
        schema(r#"invalidValueTreatment="asMissing""#),
        attribute(30, "SIZE", &simple("amount", "lessOrEqual", "500")),
        attribute(5, "SIZE", &simple("amount", "greaterThan", "500")),
        attribute(12, "SIZE", "<True/>"),
        attribute(20, "KIND", &simple("kind", "equal", "shop")),
        attribute(8, "KIND", "<True/>"),
    )
}

#[test]
fn a_release_scores_and_explains_by_a_scorecard() {
    let model = scorecard("");
    let release = release_of("card.pmml", "pmml", model.as_bytes(), &[]);
    let run = run(&release, POLICIES, &options());
    assert_eq!(predictions(&run), [150.0, 113.0, 120.0, 120.0, 138.0].map(Some));
    counted(&run, "card.pmml", 1);
    let rows = run.rows("explanations.csv");
    let of = |number: &str| -> Vec<String> {
        let found = rows.iter().filter(|row| row[0] == number && row[2] == "risk");
        found.map(|row| format!("{} {}", row[4], row[row.len() - 2])).collect()
    };
    assert_eq!(of("P1"), ["amount 30", "kind 20"]);
    assert_eq!(of("P2"), ["kind 8", "amount 5"]);
}
