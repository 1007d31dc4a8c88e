//! `bordereau model`: what is said of a file, of rows that agree or do not, and of one row.

use std::fs;
use std::path::{Path, PathBuf};

use crate::program::{bordereau, project, run, said};

fn fixture(name: &str) -> PathBuf {
    project().join("crates/model/tests/fixtures").join(name)
}

/// Runs `model` in the folder of a fixture, so that files have short names; 80 characters wide.
fn model(name: &str, arguments: &[&str]) -> (i32, String, String) {
    let mut command = bordereau();
    command.current_dir(fixture(name)).arg("model").args(arguments).env("COLUMNS", "80").env("LC_ALL", "C.UTF-8");
    said(&command.output().unwrap())
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn inspect_tells_what_is_in_a_file() {
    let (code, text, errors) = model("regression", &["inspect", "model.txt"]);
    assert_eq!((code, errors.as_str()), (0, ""), "{text}");
    for part in [
        "model.txt  LightGBM v4, ",
        "  form        forest: 3 trees, 24 leaves, depth ",
        "  objective   regression\n",
        "  link        identity: prediction = raw score\n",
        "  explained   yes: exact TreeSHAP values, on the scale of the raw score\n",
        "Inputs  6\n",
        "  4  state     category  4: 10, CA, NY, TX, east\n",
        "  5  code      category  39: 1, 2, 3, 4,",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(!text.contains('\x1b'), "no colours in a pipe");

    let (_, text, _) = model("linear_tree", &["inspect", "dump.json"]);
    assert!(text.contains("  explained   no: linear trees have no agreed contributions\n"), "{text}");
    let (_, text, _) = model("random_forest", &["inspect", "model.txt"]);
    assert!(text.contains("note        a random forest: raw score and contributions are the sum of"), "{text}");
    let (code, text, _) = model("cat_named", &["inspect", "--json", "model.cbm"]);
    let facts = json(&text);
    assert_eq!(code, 0);
    assert_eq!(facts["format"], "CatBoost");
    assert_eq!(facts["version"], "1.2.10");
    assert_eq!(facts["classes"], serde_json::json!(["high", "low", "mid"]));
    assert_eq!(facts["inputs"][0], serde_json::json!({"name": "age", "kind": "number", "categories": []}));
}

#[test]
fn what_is_no_model_is_refused_with_a_sentence_and_2() {
    let (code, text, errors) = model("regression", &["inspect", "input.csv"]);
    assert_eq!((code, text.as_str()), (2, ""));
    assert!(errors.starts_with("bordereau: input.csv: not a model file of a format that is read"), "{errors}");
    let (code, _, errors) = model("regression", &["inspect", "nosuch"]);
    assert_eq!(code, 64);
    assert!(errors.starts_with("bordereau: nosuch: No such file"), "{errors}");
}

/// Every fixture agrees with its own answers, contributions and all, by the command that a user would say.
#[test]
fn check_agrees_with_what_the_libraries_answered() {
    for (name, file, tolerance) in [
        ("regression", "model.txt", "1e-9"),
        ("codes", "model.txt", "1e-9"),
        ("multiclass", "dump.json", "1e-9"),
        ("xgb_partition", "model.ubj", "1e-5"),
        ("xgb_softprob", "model.json", "1e-5"),
        ("cat_logloss", "model.cbm", "1e-9"),
        ("cat_multiclass", "model.json", "1e-9"),
    ] {
        let files = ["--input", "input.csv", "--expected", "expected.csv", "--contributions", "contribs.csv"];
        let arguments = [&["check", file][..], &files, &["--tolerance", tolerance]].concat();
        let (code, text, errors) = model(name, &arguments);
        assert_eq!(code, 0, "{name}: {text}{errors}");
        assert!(text.contains("20 rows, ") && text.contains("The same within 1.0e-"), "{name}: {text}");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
    let files = ["--input", "input.csv", "--expected", "expected.csv", "--tolerance", "0"];
    let (code, text, _) = model("xgb_gamma", &[&["check", "model.json"][..], &files].concat());
    assert!(text.contains("  raw              raw score         20          0                   0\n"), "{code} {text}");
}

/// Copies a fixture's files, with edits of a line of its expected values or of its input.
fn edited(name: &str, file: &str, edit: impl Fn(&str) -> String) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in ["model.txt", "input.csv", "expected.csv"] {
        let text = fs::read_to_string(fixture(name).join(entry)).unwrap();
        fs::write(folder.path().join(entry), if entry == file { edit(&text) } else { text }).unwrap();
    }
    folder
}

fn check_in(folder: &Path, more: &[&str]) -> (i32, String, String) {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let [model, input, expected] = ["model.txt", "input.csv", "expected.csv"].map(path);
    let arguments = ["model", "check", &model, "--input", &input, "--expected", &expected];
    said(&run(arguments.iter().chain(more)))
}

#[test]
fn check_lists_the_worst_rows_and_ends_with_1() {
    let folder = edited("regression", "expected.csv", |text| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines[3] = "7.5,1.25".to_owned();
        lines[5] = ",".to_owned();
        lines.join("\n")
    });
    let (code, text, _) = check_in(folder.path(), &[]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("DIFFERENT by more than 1.0e-6 in 2 of 20 rows; the worst:"), "{text}");
    let rows: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("DIFFERENT")).skip(2).collect();
    assert_eq!(rows.len(), 4, "{text}");
    assert!(rows[0].trim_start().starts_with("6 ") && rows[0].contains("none"), "{text}");
    assert!(rows.iter().any(|row| row.trim_start().starts_with("4  prediction") && row.contains(" 1.25 ")), "{text}");
    let (code, text, _) = check_in(folder.path(), &["--json", "--worst", "1"]);
    let document = json(&text);
    assert_eq!((code, document["same"].as_bool(), document["rows_different"].as_u64()), (1, Some(false), Some(2)));
    assert_eq!(document["worst"].as_array().unwrap().len(), 1);
}

#[test]
fn check_tells_how_columns_were_matched_and_what_the_model_cannot_use() {
    let folder = edited("regression", "input.csv", |text| {
        let text = text.replacen("age,value,ratio", "AGE,value,other", 1);
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines[1] = "many,1,1,ZZ,1,1".to_owned();
        lines.join("\n")
    });
    let (code, text, errors) = check_in(folder.path(), &[]);
    assert_eq!(code, 1, "{text}{errors}");
    for part in [
        "20 rows, 5 of 6 inputs found",
        "  found in other letters: age = AGE\n",
        "  not in the file, taken as missing: ratio\n",
        "  age: 1 cells are no numbers, taken as missing; the first in row 2\n",
        "  state: 5 cells hold a category that the model does not know\n",
        "  columns no input reads: other\n",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn check_says_which_columns_do_not_go_together() {
    let folder = edited("regression", "expected.csv", |text| text.replacen("raw,prediction", "a,b", 1));
    for (more, part) in [
        (&[][..], "which column is the prediction? Name it `prediction`, or say --column NAME; it has a, b"),
        (&["--column", "nosuch"], "no column \"nosuch\""),
        (&["--column", "a", "--column", "b"], "2 --column for 1 outputs"),
        (&["--tolerance=-1"], "must be a number from 0"),
    ] {
        let (code, _, errors) = check_in(folder.path(), more);
        assert_eq!(code, 64, "{errors}");
        assert!(errors.contains(part), "{part:?} is not in {errors}");
    }
    assert_eq!(check_in(folder.path(), &["--column", "b"]).0, 0);
    let short = edited("regression", "expected.csv", |text| text.lines().take(5).collect::<Vec<_>>().join("\n"));
    let (code, _, errors) = check_in(short.path(), &[]);
    assert_eq!(code, 64);
    assert!(errors.contains("20 rows of input, but 4 of the expected column \"prediction\""), "{errors}");
}

#[test]
fn explain_adds_contributions_up_to_the_raw_score() {
    for row in ["input.csv", "input.csv:5"] {
        let (code, text, errors) = model("poisson", &["explain", "model.txt", "--row", row, "--json"]);
        assert_eq!(code, 0, "{errors}");
        let document = json(&text);
        let output = &document["outputs"][0];
        let parts = output["contributions"].as_array().unwrap();
        let sum = parts
            .iter()
            .fold(output["base"].as_f64().unwrap(), |sum, part| sum + part["contribution"].as_f64().unwrap());
        let (raw, prediction) = (output["raw"].as_f64().unwrap(), output["prediction"].as_f64().unwrap());
        assert!((sum - raw).abs() < 1e-12 && (raw.exp() / prediction - 1.0).abs() < 1e-12, "{text}");
        assert_eq!(document["row"].as_u64(), Some(if row == "input.csv" { 2 } else { 5 }));
        let sizes: Vec<f64> = parts.iter().map(|part| part["contribution"].as_f64().unwrap().abs()).collect();
        assert!(sizes.is_sorted_by(|a, b| a >= b), "{text}");
    }
    let row = r#"{"age": 41, "state": "ZZ", "value": null, "code": 7}"#;
    let (code, text, errors) = model("poisson", &["explain", "model.txt", "--row", row, "--top", "3"]);
    assert_eq!(code, 0, "{errors}");
    for part in [
        "not in the row, taken as missing: ratio, constant",
        "holds a category that the model does not know: state",
        "base ",
        "3 other inputs",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let (_, text, _) = model("multiclass", &["explain", "model.txt", "--row", "input.csv"]);
    assert!(["output 0\n", "output 1\n", "output 2\n"].iter().all(|title| text.contains(title)), "{text}");
    let (code, text, _) = model("linear_tree", &["explain", "model.txt", "--row", "input.csv"]);
    assert!(code == 0 && text.contains("not explained: linear trees have no agreed contributions"), "{text}");
}

/// Trees that count no training rows are explained against rows of a file.
#[test]
fn explain_takes_background_rows() {
    let bare = |more: &[&str]| {
        let (code, text, errors) =
            model("onnx_lgbm_bare", &[&["explain", "model.onnx", "--row", "input.csv:3"], more].concat());
        assert_eq!(code, 0, "{errors}");
        text
    };
    assert!(bare(&[]).contains("not explained: a split counts no training rows"));
    let (_, text, _) = model("onnx_lgbm_bare", &["inspect", "model.onnx"]);
    assert!(text.contains("explained   against background rows only: a split counts no training rows"), "{text}");
    let text = bare(&["--background", "input.csv"]);
    assert!(text.contains("  against 20 background rows, whose mean raw score is the base\n"), "{text}");
    let document = json(&bare(&["--background", "input.csv", "--json"]));
    assert_eq!((&document["method"], &document["background_rows"]), (&"interventional".into(), &20.into()));
    let output = &document["outputs"][0];
    let parts = output["contributions"].as_array().unwrap();
    let sum =
        parts.iter().fold(output["base"].as_f64().unwrap(), |sum, part| sum + part["contribution"].as_f64().unwrap());
    assert!((sum - output["raw"].as_f64().unwrap()).abs() < 1e-6 && !parts.is_empty(), "{document}");
    let (code, _, errors) =
        model("onnx_lgbm_bare", &["explain", "model.onnx", "--row", "input.csv", "--background", "model.onnx"]);
    assert!(code == 64 && !errors.is_empty(), "{errors}");
    let without = ["check", "model.onnx", "--input", "input.csv", "--expected", "e.csv", "--background", "input.csv"];
    assert_eq!(model("onnx_lgbm_bare", &without).0, 64);
}

#[test]
fn explain_says_which_row_there_is_not() {
    for (row, part) in [
        ("input.csv:99", "input.csv: no row 99; the first is 2 (the header is 1), the last 21"),
        ("{\"age\": [1]}", "--row: \"age\" is neither number, text, true, false nor null"),
        ("{age", "--row: not a JSON object"),
        ("{\"nothing\": 1}", "holds none of the model's inputs"),
    ] {
        let (code, _, errors) = model("poisson", &["explain", "model.txt", "--row", row]);
        assert_eq!(code, 64, "{errors}");
        assert!(errors.contains(part), "{part:?} is not in {errors}");
    }
}

#[test]
fn explain_prints_what_the_file_computes_beside_its_prediction() {
    let folder = tempfile::tempdir().unwrap();
    let card = r#"<PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4"><Header/><DataDictionary>
<DataField name="age" optype="continuous" dataType="double"/></DataDictionary>
<Scorecard functionName="regression" initialScore="10" reasonCodeAlgorithm="pointsBelow" baselineMethod="max"><MiningSchema>
<MiningField name="age" invalidValueTreatment="asIs"/></MiningSchema><Output>
<OutputField name="why" feature="reasonCode" rank="1" dataType="string" optype="categorical"/>
<OutputField name="points" feature="predictedValue" dataType="double" optype="continuous"/></Output><Characteristics>
<Characteristic name="a" baselineScore="5"><Attribute partialScore="2" reasonCode="YOUNG">
<SimplePredicate field="age" operator="lessThan" value="25"/></Attribute>
<Attribute partialScore="5" reasonCode="OLDER"><True/></Attribute></Characteristic></Characteristics></Scorecard></PMML>"#;
    let path = folder.path().join("card.pmml");
    fs::write(&path, card).unwrap();
    let path = path.to_str().unwrap();
    let (code, text, errors) = said(&run(["model", "explain", path, "--row", "{\"age\": 21}"]));
    assert_eq!((code, errors.as_str()), (0, ""));
    assert!(text.contains("output of the model's file\n    why  YOUNG\n    points  12\n"), "{text}");
    let (_, text, _) = said(&run(["model", "explain", path, "--json", "--row", "{\"age\": 21}"]));
    let expected = serde_json::json!([{"name": "why", "value": "YOUNG"}, {"name": "points", "value": 12.0}]);
    assert_eq!(json(&text)["output_fields"], expected);
    let (_, text, _) = said(&run(["model", "inspect", path]));
    assert!(text.contains("  fields      why, points\n"), "{text}");
}
