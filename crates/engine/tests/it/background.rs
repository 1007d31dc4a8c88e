//! Releases whose model is explained against background rows: as by the definition, with the model's own library
//! (tests/fixtures/make_background.py).

use std::path::PathBuf;
use std::sync::Arc;

use bordereau_engine::release::Release;
use bordereau_engine::release::manifest::Explanations;

use crate::fixture::{Run, edited, explaining};
use crate::models::{POLICIES, predictions, run};

const INPUTS: [&str; 4] = ["amount", "item_count", "renewal", "kind"];

fn models() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models")
}

fn background() -> String {
    std::fs::read_to_string(models().join("background.csv")).unwrap()
}

/// The small release with one of our models in the place of its first, explained against rows where there are some, or
/// what is wrong with it.
fn load(file: &str, format: &str, rows: Option<&str>) -> Result<Arc<Release>, Vec<String>> {
    let background = if rows.is_some() { "\nbackground = \"models/background.csv\"" } else { "" };
    let named = format!("file = \"models/{file}\"\nformat = \"{format}\"{background}");
    let folder = edited(&[
        ("solution.toml", "file = \"models/risk.lgb.txt\"\nformat = \"lightgbm\"", named.as_str()),
        ("solution.toml", "warnings = [\"policy.kind\"]", "warnings = [\"policy.kind\", \"policy.amount\"]"),
    ]);
    if models().join(file).exists() {
        std::fs::copy(models().join(file), folder.path().join("models").join(file)).unwrap();
    }
    if let Some(rows) = rows.filter(|rows| !rows.is_empty()) {
        std::fs::write(folder.path().join("models/background.csv"), rows).unwrap();
    }
    let said = |problems: Vec<_>| problems.iter().map(ToString::to_string).collect::<Vec<String>>();
    Release::from_folder(folder.path()).map(Arc::new).map_err(said)
}

fn explained(release: &Arc<Release>) -> Run {
    run(release, POLICIES, &explaining(Explanations::All))
}

/// Record, input and contribution of each row of the first model's explanations.
fn contributions(run: &Run) -> Vec<(usize, usize, f64)> {
    let rows = run.rows("explanations.csv");
    let of_model = rows.iter().skip(1).filter(|row| row[2] == "risk");
    let read = |row: &Vec<&str>| {
        let input = INPUTS.iter().position(|input| *input == row[4]).unwrap();
        (row[0][1..].parse::<usize>().unwrap() - 1, input, row[row.len() - 2].parse().unwrap())
    };
    of_model.map(read).collect()
}

/// Also of trees that count no training rows.
#[test]
fn a_release_explains_against_its_background_as_shapley_values_are_defined() {
    let answers: serde_json::Value =
        serde_json::from_slice(&std::fs::read(models().join("background.json")).unwrap()).unwrap();
    for (file, format, tolerance) in [
        ("small.txt", "lightgbm", 1e-12),
        ("small.json", "xgboost", 1e-6),
        ("small.cbm", "catboost", 1e-12),
        ("small_trees.onnx", "onnx", 1e-6),
    ] {
        let run = explained(&load(file, format, Some(&background())).unwrap());
        let answer = &answers[file];
        let summary = run.outcome.summary.models[0].explanation.clone().unwrap();
        assert_eq!((summary.method.as_str(), summary.background_rows), ("interventional", Some(40)), "{file}");
        let base = summary.base.unwrap();
        assert!((base - answer["base"].as_f64().unwrap()).abs() < tolerance, "{file}: {base}");
        let mut sums = [base; 5];
        let given = contributions(&run);
        assert_eq!(given.len(), 5 * INPUTS.len(), "{file}");
        for (row, input, given) in given {
            let expected = answer["contributions"][row][input].as_f64().unwrap();
            assert!((given - expected).abs() < tolerance, "{file}, {row}, {input}: {given}, not {expected}");
            sums[row] += given;
        }
        for (row, (sum, prediction)) in sums.iter().zip(predictions(&run)).enumerate() {
            let raw = if format == "onnx" { prediction.unwrap() } else { prediction.unwrap().ln() };
            assert!((sum - raw).abs() < tolerance, "{file}, {row}: {sum}, not {raw}");
            assert!((sum - answer["raw"][row].as_f64().unwrap()).abs() < tolerance, "{file}, {row}");
        }
        let readme = run.text("README.txt");
        assert!(readme.contains("The model risk is explained against 40 background rows of the release"), "{readme}");
    }
}

/// Two releases may share a model file.
#[test]
fn a_background_belongs_to_its_release() {
    let (all, few) = (background(), background().lines().take(4).map(|line| format!("{line}\n")).collect::<String>());
    let load = |rows| load("small.txt", "lightgbm", rows).unwrap();
    let (all, few, none) = (load(Some(&all)), load(Some(&few)), load(None));
    assert_eq!((&all.models[0].sha256, &few.models[0].sha256), (&none.models[0].sha256, &none.models[0].sha256));
    let runs = [&all, &few, &none].map(explained);
    let said = runs.each_ref().map(|run| {
        let explanation = run.outcome.summary.models[0].explanation.clone().unwrap();
        (explanation.method, explanation.background_rows)
    });
    let interventional = |rows| ("interventional".to_owned(), Some(rows));
    assert_eq!(said, [interventional(40), interventional(3), ("path-dependent".to_owned(), None)]);
    for (one, other) in [(0, 1), (1, 2), (0, 2)] {
        assert_ne!(runs[one].text("explanations.csv"), runs[other].text("explanations.csv"));
        assert_eq!(runs[one].text("outputs.csv"), runs[other].text("outputs.csv"));
    }
    assert!(all.sha256 != few.sha256 && few.sha256 != none.sha256);
    assert!(!runs[2].text("README.txt").contains("background"));
}

#[test]
fn a_background_that_does_not_fit_is_refused() {
    let said = |file, format, rows| load(file, format, rows).unwrap_err().join("\n");
    let place = "solution.toml: models[0].background: ";
    let many: String = ["amount,item_count,renewal,kind\n".to_owned()]
        .into_iter()
        .chain((0..10_001).map(|at| format!("{at},1,0,farm\n")))
        .collect();
    for (rows, message) in [
        ("", "the release has no file models/background.csv"),
        ("amount,item_count,renewal,kind\n", "models/background.csv: a background has 1 to 10000 rows, this one has 0"),
        (&many, "models/background.csv: a background has 1 to 10000 rows, this one has 10001"),
        ("amount,item_count,kind\n1,1,farm\n", "models/background.csv: there is no column for the input renewal"),
        (
            "amount,item_count,renewal,kind\n1,1,0,farm\n,many,0,shop\n",
            "models/background.csv: row 3: the input item_count is a number, and the cell is none",
        ),
        ("amount,item_count,renewal,kind\n1,1\n", "models/background.csv: row 2 has 2 values for 4 names"),
        ("one,two\n1,1\n", "models/background.csv: holds none of the model's inputs"),
    ] {
        assert_eq!(said("small.txt", "lightgbm", Some(rows)), format!("{place}{message}"));
    }
    assert_eq!(
        said("small_trees.onnx", "onnx", None),
        "models/small_trees.onnx: cannot be explained: a split counts no training rows, which contributions are weighted \
         by; name a background, set explain to \"none\", or outputs.explanations to 0"
    );
}
