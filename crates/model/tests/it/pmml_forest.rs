//! Sums of trees in PMML become forests: scores and contributions are those of the same model in its own format.
//!
//! The fixtures of LightGBM (`dump.json`) and XGBoost (`model.json`) are written as PMML here, in the manners of the
//! usual converters: both children with opposite predicates and a default child, or one child and its parent's own
//! score.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use bordereau_model::{Format, Model};
use serde_json::Value;

use crate::cases;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// One node of a tree, whatever it was read from.
struct Node {
    records: f64,
    score: f64,
    split: Option<(Split, Box<Node>, Box<Node>)>,
}

struct Split {
    field: String,
    /// `lessOrEqual` or `lessThan` a number, or in a set of values.
    test: Result<(&'static str, &'static str, String), Vec<String>>,
    missing_left: bool,
}

fn lightgbm(node: &Value, names: &[String], categories: &[(String, Vec<String>)]) -> Node {
    let number = |key: &str| node[key].as_f64().unwrap();
    if node.get("split_index").is_none() {
        return Node { records: number("leaf_count"), score: number("leaf_value"), split: None };
    }
    let field = names[node["split_feature"].as_u64().unwrap() as usize].clone();
    let split = match node["decision_type"].as_str().unwrap() {
        "==" => {
            let values = &categories.iter().find(|(name, _)| *name == field).unwrap().1;
            let codes = node["threshold"].as_str().unwrap().split("||").map(|code| code.parse::<usize>().unwrap());
            let test = Err(codes.filter_map(|code| values.get(code).cloned()).collect());
            Split { field, test, missing_left: false }
        }
        _ => {
            let threshold = number("threshold");
            let missing_left = match node["missing_type"].as_str().unwrap() {
                "None" => 0.0 <= threshold,
                _ => node["default_left"].as_bool().unwrap(),
            };
            Split { field, test: Ok(("lessOrEqual", "greaterThan", threshold.to_string())), missing_left }
        }
    };
    let child = |key: &str| Box::new(lightgbm(&node[key], names, categories));
    let split = Some((split, child("left_child"), child("right_child")));
    Node { records: number("internal_count"), score: 0.0, split }
}

fn xgboost(tree: &Value, at: usize, names: &[String]) -> Node {
    let number = |key: &str| tree[key][at].as_f64().unwrap();
    let records = number("sum_hessian");
    let left = tree["left_children"][at].as_i64().unwrap();
    if left < 0 {
        return Node { records, score: number("split_conditions"), split: None };
    }
    let field = names[tree["split_indices"][at].as_u64().unwrap() as usize].clone();
    let test = Ok(("lessThan", "greaterOrEqual", number("split_conditions").to_string()));
    let split = Split { field, test, missing_left: number("default_left") == 1.0 };
    let right = tree["right_children"][at].as_u64().unwrap() as usize;
    let (left, right) = (xgboost(tree, left as usize, names), xgboost(tree, right, names));
    Node { records, score: 0.0, split: Some((split, Box::new(left), Box::new(right))) }
}

/// How trees are written.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Manner {
    /// Two children with opposite predicates and a default child.
    Opposite,
    /// The second child is always true.
    Otherwise,
    /// No counts of rows.
    Uncounted,
}

fn predicate(split: &Split, is_left: bool) -> String {
    match &split.test {
        Ok((left, right, value)) => {
            let operator = if is_left { left } else { right };
            format!("<SimplePredicate field=\"{}\" operator=\"{operator}\" value=\"{value}\"/>", split.field)
        }
        Err(values) => {
            let operator = if is_left { "isIn" } else { "isNotIn" };
            let list: String = values.iter().map(|value| format!("\"{value}\" ")).collect();
            format!(
                "<SimpleSetPredicate field=\"{}\" booleanOperator=\"{operator}\"><Array type=\"string\">{list}</Array></SimpleSetPredicate>",
                split.field
            )
        }
    }
}

fn write(node: &Node, id: &str, predicate_text: &str, manner: Manner, to: &mut String) {
    let records =
        if manner == Manner::Uncounted { String::new() } else { format!(" recordCount=\"{}\"", node.records) };
    let default = match &node.split {
        Some((split, ..)) => format!(" defaultChild=\"{id}{}\"", if split.missing_left { "l" } else { "r" }),
        None => String::new(),
    };
    write!(to, "<Node id=\"{id}\" score=\"{}\"{records}{default}>{predicate_text}", node.score).unwrap();
    if let Some((split, left, right)) = &node.split {
        let other = if manner == Manner::Otherwise { "<True/>".to_owned() } else { predicate(split, false) };
        write(left, &format!("{id}l"), &predicate(split, true), manner, to);
        write(right, &format!("{id}r"), &other, manner, to);
    }
    to.push_str("</Node>");
}

struct Document<'d> {
    numbers: Vec<&'d str>,
    categories: &'d [(String, Vec<String>)],
    /// `double` or `float`.
    data_type: &'d str,
    context: &'d str,
}

impl Document<'_> {
    fn schema(&self) -> String {
        let names = self.numbers.iter().copied().chain(self.categories.iter().map(|(name, _)| name.as_str()));
        let fields: String =
            names.map(|name| format!("<MiningField name=\"{name}\" invalidValueTreatment=\"asIs\"/>")).collect();
        format!("<MiningSchema>{fields}</MiningSchema>")
    }

    fn ensemble(&self, method: &str, trees: &[Node], manner: Manner, more: &str) -> String {
        let mut segments = String::new();
        for tree in trees {
            let mut nodes = String::new();
            write(tree, "n", "<True/>", manner, &mut nodes);
            write!(
                segments,
                "<Segment><True/><TreeModel functionName=\"regression\" missingValueStrategy=\"defaultChild\" {}>{}{nodes}</TreeModel></Segment>",
                self.context,
                self.schema()
            )
            .unwrap();
        }
        format!(
            "<MiningModel functionName=\"regression\" {}>{}{more}<Segmentation multipleModelMethod=\"{method}\" missingPredictionTreatment=\"returnMissing\">{segments}</Segmentation></MiningModel>",
            self.context,
            self.schema()
        )
    }

    fn load(&self, model: &str) -> Model {
        let mut fields = String::new();
        for name in &self.numbers {
            write!(fields, "<DataField name=\"{name}\" optype=\"continuous\" dataType=\"{}\"/>", self.data_type)
                .unwrap();
        }
        for (name, values) in self.categories {
            let values: String = values.iter().map(|value| format!("<Value value=\"{value}\"/>")).collect();
            write!(
                fields,
                "<DataField name=\"{name}\" optype=\"categorical\" dataType=\"string\">{values}</DataField>"
            )
            .unwrap();
        }
        let text = format!("<PMML version=\"4.4\"><DataDictionary>{fields}</DataDictionary>{model}</PMML>");
        Model::load(Format::Pmml, text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// Predictions are equal, and contributions are `scale` times the native ones.
fn compare(name: &str, native: &Model, pmml: &Model, scale: f64, tolerance: f64) {
    assert_eq!((pmml.form(), pmml.explains()), ("forest", true), "{name}");
    let table = cases::Table::read(&folder(name).join("input.csv"));
    let (ours, theirs) = (cases::bind(pmml, &table), cases::bind(native, &table));
    let (a, b) = (pmml.score(&ours), native.score(&theirs));
    let close = |a: f64, b: f64| (a - b).abs() <= tolerance * b.abs().max(1.0);
    for (a, b) in a.prediction.iter().zip(&b.prediction) {
        assert!(close(*a, *b), "{name}: {a} is not {b}");
    }
    let (a, b) = (pmml.explain(&ours).unwrap(), native.explain(&theirs).unwrap());
    let outputs = native.outputs();
    for (at, (a, b)) in a.bias.iter().zip(&b.bias).enumerate() {
        assert!(close(*a, scale * b), "{name}: base {at}: {a} is not {}", scale * b);
    }
    let width = native.inputs().len();
    for (place, input) in pmml.inputs().iter().enumerate() {
        let other = native.inputs().iter().position(|known| known.name == input.name).unwrap();
        for row in 0..ours.rows() {
            for output in 0..outputs {
                let a = a.values[(row * pmml.inputs().len() + place) * outputs + output];
                let b = scale * b.values[(row * width + other) * outputs + output];
                assert!(close(a, b), "{name}: row {row}, {}: {a} is not {b}", input.name);
            }
        }
    }
}

fn check_lightgbm(name: &str) {
    let dump = json(&folder(name).join("dump.json"));
    let texts = |value: &Value| -> Vec<String> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        value.as_array().unwrap().iter().map(text).collect()
    };
    let names = texts(&dump["feature_names"]);
    let lists = dump["pandas_categorical"].as_array().unwrap();
    let categories: Vec<(String, Vec<String>)> =
        ["state", "code"].iter().zip(lists).map(|(name, list)| ((*name).to_owned(), texts(list))).collect();
    let numbers = names.iter().map(String::as_str).filter(|name| !["state", "code"].contains(name)).collect();
    let document = Document { numbers, categories: &categories, data_type: "double", context: "" };
    let trees: Vec<Node> = dump["tree_info"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tree| lightgbm(&tree["tree_structure"], &names, &categories))
        .collect();
    let native = cases::load_file(&folder(name).join("model.txt"));
    for manner in [Manner::Opposite, Manner::Otherwise] {
        let (model, scale) = match name {
            "no_missing" => (document.ensemble("sum", &trees, manner, ""), 1.0),
            "multiclass" => (softmax(&document, trees.as_slice(), manner), 1.0),
            "random_forest" => (logit(&document, "average", &trees, 1.0, manner), 1.0 / trees.len() as f64),
            _ => (logit(&document, "sum", &trees, 0.7, manner), 0.7),
        };
        compare(name, &native, &document.load(&model), scale, 1e-9);
    }
}

fn output(name: &str) -> String {
    format!("<Output><OutputField name=\"{name}\" isFinalResult=\"false\"/></Output>")
}

fn chain(document: &Document<'_>, function: &str, segments: &str) -> String {
    let segments = segments
        .replace("<MiningModel ", "<Segment><True/><MiningModel ")
        .replace("</MiningModel>", "</MiningModel></Segment>");
    format!(
        "<MiningModel functionName=\"{function}\" {}>{}<Segmentation multipleModelMethod=\"modelChain\">{segments}</Segmentation></MiningModel>",
        document.context,
        document.schema()
    )
}

fn logit(document: &Document<'_>, method: &str, trees: &[Node], slope: f64, manner: Manner) -> String {
    let sum = document.ensemble(method, trees, manner, &output("s"));
    let last = format!(
        r#"<Segment><True/><RegressionModel functionName="classification" normalizationMethod="logit"><MiningSchema><MiningField name="s"/></MiningSchema><RegressionTable intercept="0" targetCategory="1"><NumericPredictor name="s" coefficient="{slope}"/></RegressionTable><RegressionTable intercept="0" targetCategory="0"/></RegressionModel></Segment>"#
    );
    chain(document, "classification", &format!("{sum}{last}"))
}

fn softmax(document: &Document<'_>, trees: &[Node], manner: Manner) -> String {
    let (mut segments, mut tables) = (String::new(), String::new());
    for class in 0..3 {
        let own: Vec<Node> = trees.iter().skip(class).step_by(3).map(copy).collect();
        segments += &document.ensemble("sum", &own, manner, &output(&format!("s{class}")));
        write!(
            tables,
            "<RegressionTable intercept=\"0\" targetCategory=\"{class}\"><NumericPredictor name=\"s{class}\" coefficient=\"1\"/></RegressionTable>"
        )
        .unwrap();
    }
    let fields: String = (0..3).map(|class| format!("<MiningField name=\"s{class}\"/>")).collect();
    let last = format!(
        "<Segment><True/><RegressionModel functionName=\"classification\" normalizationMethod=\"softmax\"><MiningSchema>{fields}</MiningSchema>{tables}</RegressionModel></Segment>"
    );
    chain(document, "classification", &format!("{segments}{last}"))
}

fn copy(node: &Node) -> Node {
    let split = node.split.as_ref().map(|(split, left, right)| {
        let same = Split { field: split.field.clone(), test: split.test.clone(), missing_left: split.missing_left };
        (same, Box::new(copy(left)), Box::new(copy(right)))
    });
    Node { records: node.records, score: node.score, split }
}

#[test]
fn lightgbm_in_pmml_is_explained_as_by_itself() {
    for name in ["no_missing", "binary_slope", "random_forest", "multiclass"] {
        check_lightgbm(name);
    }
}

#[test]
fn xgboost_in_pmml_is_explained_as_by_itself() {
    let model = json(&folder("xgb_squarederror").join("model.json"));
    let learner = &model["learner"];
    let names: Vec<String> =
        learner["feature_names"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect();
    let trees: Vec<Node> = learner["gradient_booster"]["model"]["trees"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tree| xgboost(tree, 0, &names))
        .collect();
    let base = learner["learner_model_param"]["base_score"].as_str().unwrap();
    let base: f64 = base.trim_matches(['[', ']']).parse().unwrap();
    let numbers = names.iter().map(String::as_str).collect();
    let document = Document { numbers, categories: &[], data_type: "float", context: "x-mathContext=\"float\"" };
    let targets = format!("<Targets><Target rescaleConstant=\"{base}\"/></Targets>");
    let native = cases::load_file(&folder("xgb_squarederror").join("model.json"));
    for manner in [Manner::Opposite, Manner::Otherwise] {
        let pmml = document.load(&document.ensemble("sum", &trees, manner, &targets));
        compare("xgb_squarederror", &native, &pmml, 1.0, 1e-5);
    }
    // Without counts both sides of a split count alike: other contributions, which add up all the same.
    let pmml = document.load(&document.ensemble("sum", &trees, Manner::Uncounted, &targets));
    let features = cases::bind(&pmml, &cases::Table::read(&folder("xgb_squarederror").join("input.csv")));
    let (scores, explained) = (pmml.score(&features), pmml.explain(&features).unwrap());
    for (row, raw) in explained.values.chunks_exact(pmml.inputs().len()).zip(&scores.raw) {
        assert!((row.iter().sum::<f64>() + explained.bias[0] - raw).abs() < 1e-4);
    }
}

/// A tree on derived fields of one input each: a scaled one, bins, a one-hot column, a logarithm.
#[test]
fn splits_of_derived_fields_are_carried_back_to_their_input() {
    let derived = |name: &str, op: &str, kind: &str, expression: &str| {
        format!("<DerivedField name=\"{name}\" optype=\"{op}\" dataType=\"{kind}\">{expression}</DerivedField>")
    };
    let transformations = [
        derived("z", "continuous", "float", "<Apply function=\"/\"><Apply function=\"-\"><Constant>10</Constant><FieldRef field=\"x\"/></Apply><Constant>3</Constant></Apply>"),
        derived("l", "continuous", "double", "<Apply function=\"ln1p\"><FieldRef field=\"x\"/></Apply>"),
        derived("b", "categorical", "string", "<Discretize field=\"x\" defaultValue=\"high\" mapMissingTo=\"none\"><DiscretizeBin binValue=\"low\"><Interval closure=\"openOpen\" rightMargin=\"4\"/></DiscretizeBin></Discretize>"),
        derived("is_a", "continuous", "double", "<NormDiscrete field=\"c\" value=\"a\" mapMissingTo=\"0\"/>"),
    ]
    .concat();
    let tree = |field: &str, test: &str, inner: &str| {
        format!(
            "<Segment><True/><TreeModel functionName=\"regression\" missingValueStrategy=\"none\" noTrueChildStrategy=\"returnLastPrediction\"><MiningSchema><MiningField name=\"x\"/></MiningSchema><Node score=\"1\" recordCount=\"10\"><True/><Node score=\"5\" recordCount=\"4\"><SimplePredicate field=\"{field}\" {test}/>{inner}</Node></Node></TreeModel></Segment>"
        )
    };
    let inner = "<Node score=\"9\" recordCount=\"1\"><SimplePredicate field=\"is_a\" operator=\"greaterThan\" value=\"0.5\"/></Node>";
    let segments = [
        tree("z", "operator=\"lessOrEqual\" value=\"1.1\"", inner),
        tree("l", "operator=\"greaterThan\" value=\"2\"", ""),
        tree("b", "operator=\"equal\" value=\"low\"", inner),
        tree("b", "operator=\"equal\" value=\"none\"", ""),
    ]
    .concat();
    let model = format!(
        "<PMML version=\"4.4\"><DataDictionary><DataField name=\"x\" optype=\"continuous\" dataType=\"double\"/><DataField name=\"c\" optype=\"categorical\" dataType=\"string\"><Value value=\"a\"/></DataField></DataDictionary><MiningModel functionName=\"regression\"><MiningSchema><MiningField name=\"x\"/><MiningField name=\"c\" invalidValueTreatment=\"asIs\"/></MiningSchema><LocalTransformations>{transformations}</LocalTransformations><Segmentation multipleModelMethod=\"METHOD\" missingPredictionTreatment=\"returnMissing\">{segments}</Segmentation></MiningModel></PMML>"
    );
    let load = |method: &str| Model::load(Format::Pmml, model.replace("METHOD", method).as_bytes()).unwrap();
    let (forest, graph) = (load("sum"), load("median"));
    assert_eq!((forest.form(), graph.form()), ("forest", "graph"));
    // The same trees one by one as graphs would be summed: compare with a vote-free sum by a segment that never runs.
    let guarded = model.replace("METHOD", "sum").replacen("<Segment><True/>", "<Segment><False/><TreeModel functionName=\"regression\"><MiningSchema/><Node score=\"0\"><True/></Node></TreeModel></Segment><Segment><True/>", 1);
    let guarded = Model::load(Format::Pmml, guarded.as_bytes()).unwrap();
    assert_eq!(guarded.form(), "graph");
    let edge = 10.0 - 3.0 * f64::from(1.1_f32);
    let mut rows: BTreeSet<u64> =
        [0.0_f64, 4.0, 2.0_f64.exp_m1(), edge, 10.0, 6.7].iter().map(|x| x.to_bits()).collect();
    for bits in rows.clone() {
        rows.extend((1..4).flat_map(|step| [bits + step, bits.saturating_sub(step)]));
        rows.extend((1..40).flat_map(|step| [bits + (step << 20), bits.saturating_sub(step << 20)]));
    }
    let xs: Vec<Option<f64>> =
        rows.into_iter().map(f64::from_bits).map(Some).chain([None, Some(-2.0), Some(-1.0)]).collect();
    for c in [Some("a"), Some("other"), None] {
        let pairs: Vec<(Option<f64>, Option<&str>)> = xs.iter().map(|x| (*x, c)).collect();
        let features = crate::pmml_models::bind(&forest, &pairs);
        let (a, b) = (forest.score(&features), guarded.score(&features));
        for (row, (a, b)) in a.raw.iter().zip(&b.raw).enumerate() {
            assert_eq!(a.to_bits(), b.to_bits(), "{:?}, {c:?}: {a} is not {b}", xs[row]);
        }
        let explained = forest.explain(&features).unwrap();
        for (row, raw) in explained.values.chunks_exact(2).zip(&a.raw) {
            assert!((row[0] + row[1] + explained.bias[0] - raw).abs() < 1e-12);
        }
    }
    // Against two rows: of two inputs each has the mean of what it changes alone and of what it changes last.
    let pairs = [(Some(4.0), Some("a")), (Some(-1.0), None)];
    let value = |x, c| forest.score(&crate::pmml_models::bind(&forest, &[(x, c)])).raw[0];
    let rows = [(Some(0.0), Some("other")), (Some(6.7), Some("a")), (None, None)];
    let expected = rows.map(|(x, c)| {
        pairs.iter().fold([0.0; 2], |[of_x, of_c], (x0, c0)| {
            let (both, neither, only_x, only_c) = (value(x, c), value(*x0, *c0), value(x, *c0), value(*x0, c));
            let halves = [only_x - neither + both - only_c, only_c - neither + both - only_x];
            [of_x + halves[0] / 4.0, of_c + halves[1] / 4.0]
        })
    });
    let (features, background) = (crate::pmml_models::bind(&forest, &rows), crate::pmml_models::bind(&forest, &pairs));
    let given = forest.with_background(&background).unwrap().explain(&features).unwrap();
    for (given, expected) in given.values.chunks_exact(2).zip(expected) {
        assert!((given[0] - expected[0]).abs() < 1e-12 && (given[1] - expected[1]).abs() < 1e-12, "{given:?}");
    }
}

/// A row without an answer has no contributions; others are not touched by it.
#[test]
fn rows_without_an_answer_have_no_contributions() {
    let text = r#"<PMML version="4.4"><DataDictionary><DataField name="x" optype="continuous" dataType="double"/><DataField name="c" optype="categorical" dataType="string"><Value value="a"/></DataField></DataDictionary><TreeModel functionName="regression" missingValueStrategy="nullPrediction"><MiningSchema><MiningField name="x"/><MiningField name="c" invalidValueTreatment="asIs"/></MiningSchema><Node recordCount="4"><True/><Node score="3" recordCount="1"><SimplePredicate field="x" operator="lessThan" value="0"/></Node><Node score="7" recordCount="3"><SimplePredicate field="x" operator="greaterOrEqual" value="0"/></Node></Node></TreeModel></PMML>"#;
    let model = Model::load(Format::Pmml, text.as_bytes()).unwrap();
    assert_eq!((model.form(), model.trees()), ("forest", 1));
    let features = crate::pmml_models::bind(&model, &[(Some(-1.0), None), (None, None), (Some(1.0), Some("a"))]);
    let (scores, explained) = (model.score(&features), model.explain(&features).unwrap());
    assert_eq!((scores.raw[0], scores.raw[2], explained.bias[0]), (3.0, 7.0, 6.0));
    assert!(scores.raw[1].is_nan() && explained.values[2].is_nan());
    assert_eq!((explained.values[0], explained.values[4]), (-3.0, 1.0));
    let refused = model.with_background(&features.of_rows(&[0])).unwrap_err().to_string();
    assert!(refused.ends_with("a tree may have no answer for a row"), "{refused}");
}
