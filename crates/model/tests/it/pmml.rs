//! PMML documents, small and written by hand: what is read, computed and refused.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray};
use bordereau_model::{Format, Model};

/// A document of two inputs, `x` (number) and `c` (one of a and b), with the parts given.
fn document(mining: &str, derived: &str, model: &str) -> String {
    format!(
        r#"<PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4">
<DataDictionary>
<DataField name="y" optype="continuous" dataType="double"/>
<DataField name="x" optype="continuous" dataType="double"><Interval closure="closedClosed" leftMargin="-100" rightMargin="100"/></DataField>
<DataField name="c" optype="categorical" dataType="string"><Value value="a"/><Value value="b"/></DataField>
</DataDictionary>
{}
</PMML>"#,
        model
            .replace(
                "SCHEMA",
                &format!("<MiningSchema><MiningField name=\"y\" usageType=\"target\"/>{mining}</MiningSchema>")
            )
            .replace("DERIVED", &format!("<LocalTransformations>{derived}</LocalTransformations>"))
    )
}

const PLAIN: &str = r#"<MiningField name="x"/><MiningField name="c"/>"#;

fn load(text: &str) -> Model {
    Model::load(Format::Pmml, text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

fn score(model: &Model, x: Option<f64>, c: Option<&str>) -> f64 {
    let columns: Vec<ArrayRef> = vec![Arc::new(Float64Array::from(vec![x])), Arc::new(StringArray::from(vec![c]))];
    let columns = &columns[..model.inputs().len()];
    model.score(&model.bind(columns).unwrap()).prediction[0]
}

fn regression(mining: &str, derived: &str, predictors: &str) -> String {
    let model = "<RegressionModel functionName=\"regression\">SCHEMA DERIVED<RegressionTable intercept=\"1\">";
    document(mining, derived, &format!("{model}{predictors}</RegressionTable></RegressionModel>"))
}

#[track_caller]
fn check(actual: f64, expected: f64) {
    let same = (actual.is_nan() && expected.is_nan()) || (actual - expected).abs() < 1e-12;
    assert!(same, "{actual} is not {expected}");
}

#[test]
fn a_linear_predictor_differs_from_its_background_by_coefficient_times_difference() {
    let inputs = ["u", "v"].map(|name| format!(r#"<DataField name="{name}" optype="continuous" dataType="double"/>"#));
    let model = load(&format!(
        r#"<PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4"><Header/>
<DataDictionary>{}<DataField name="y" optype="continuous" dataType="double"/></DataDictionary>
<RegressionModel functionName="regression">
<MiningSchema><MiningField name="u"/><MiningField name="v"/><MiningField name="y" usageType="target"/></MiningSchema>
<RegressionTable intercept="1"><NumericPredictor name="u" coefficient="2"/><NumericPredictor name="v" coefficient="-3"/>
</RegressionTable></RegressionModel></PMML>"#,
        inputs.concat()
    ));
    let bind = |u: &[f64], v: &[f64]| {
        let columns: Vec<ArrayRef> =
            vec![Arc::new(Float64Array::from(u.to_vec())), Arc::new(Float64Array::from(v.to_vec()))];
        model.bind(&columns).unwrap()
    };
    let (rows, background) = (bind(&[5.0, 1.0], &[0.5, 0.0]), bind(&[0.0, 2.0], &[1.0, 0.0]));
    let given = model.with_background(&background).unwrap().explain(&rows).unwrap();
    assert_eq!(given.values, [8.0, 0.0, 0.0, 1.5]);
    assert_eq!(given.bias, [1.0 + 2.0 - 1.5]);
}

#[test]
fn predictors_sum_and_interactions_belong_to_their_first_input() {
    let predictors = r#"<NumericPredictor name="x" exponent="2" coefficient="3"/>
<CategoricalPredictor name="c" value="b" coefficient="10"/>
<PredictorTerm coefficient="2"><FieldRef field="is_b"/><FieldRef field="x"/></PredictorTerm>"#;
    let derived = r#"<DerivedField name="is_b" optype="continuous" dataType="double"><NormDiscrete field="c" value="b"/></DerivedField>"#;
    let model = load(&regression(PLAIN, derived, predictors));
    check(score(&model, Some(2.0), Some("a")), 13.0);
    check(score(&model, Some(2.0), Some("b")), 27.0);
    let columns: Vec<ArrayRef> = vec![Arc::new(Float64Array::from(vec![2.0])), Arc::new(StringArray::from(vec!["b"]))];
    let explained = model.explain(&model.bind(&columns).unwrap()).unwrap();
    assert_eq!((explained.values, explained.bias), (vec![12.0, 14.0], vec![1.0]));
    let background = model.bind(&columns).unwrap();
    assert_eq!(
        model.with_background(&background).unwrap_err().to_string(),
        "contributions against background rows are not given: a term reads several inputs"
    );
}

#[test]
fn terms_of_one_input_each_differ_from_their_mean_over_the_background() {
    let predictors = r#"<NumericPredictor name="x" exponent="2" coefficient="3"/>
<CategoricalPredictor name="c" value="b" coefficient="10"/><NumericPredictor name="is_b" coefficient="2"/>"#;
    let derived = r#"<DerivedField name="is_b" optype="continuous" dataType="double"><NormDiscrete field="c" value="b"/></DerivedField>"#;
    let model = load(&regression(PLAIN, derived, predictors));
    let bind = |x: &[f64], c: &[&str]| {
        let columns: Vec<ArrayRef> =
            vec![Arc::new(Float64Array::from(x.to_vec())), Arc::new(StringArray::from(c.to_vec()))];
        model.bind(&columns).unwrap()
    };
    let (rows, background, invalid) = (bind(&[2.0], &["b"]), bind(&[1.0, 3.0], &["a", "a"]), bind(&[1.0], &["z"]));
    let explained = model.with_background(&background).unwrap();
    let given = explained.explain(&rows).unwrap();
    assert_eq!((given.values, given.bias), (vec![-3.0, 12.0], vec![16.0]));
    let refused = explained.with_background(&invalid).unwrap_err().to_string();
    assert_eq!(refused, "the model has no score for row 1 of the background");
}

#[test]
fn missing_and_invalid_values_are_treated_as_the_mining_schema_says() {
    let check_field = |mining: &str, x: Option<f64>, c: Option<&str>, expected: f64| {
        let predictors = r#"<NumericPredictor name="x" coefficient="1"/><CategoricalPredictor name="c" value="b" coefficient="1000"/>"#;
        check(score(&load(&regression(mining, "", predictors)), x, c), expected);
    };
    check_field(PLAIN, None, Some("a"), f64::NAN);
    check_field(PLAIN, Some(1.0), None, 2.0);
    check_field(PLAIN, Some(1.0), Some("z"), f64::NAN);
    check_field(PLAIN, Some(101.0), Some("a"), f64::NAN);
    let x = |attributes: &str| format!("<MiningField name=\"x\" {attributes}/><MiningField name=\"c\"/>");
    check_field(&x("missingValueReplacement=\"7\""), None, Some("a"), 8.0);
    check_field(&x("missingValueReplacement=\"7\" invalidValueTreatment=\"asMissing\""), Some(101.0), Some("a"), 8.0);
    check_field(&x("invalidValueTreatment=\"asIs\""), Some(101.0), Some("a"), 102.0);
    check_field(&x("invalidValueTreatment=\"asValue\" invalidValueReplacement=\"5\""), Some(101.0), Some("a"), 6.0);
    check_field(&x("outliers=\"asExtremeValues\" lowValue=\"0\" highValue=\"9\""), Some(50.0), Some("a"), 10.0);
    check_field(&x("outliers=\"asMissingValues\" lowValue=\"0\" highValue=\"9\""), Some(-1.0), Some("a"), f64::NAN);
    check_field(&x("missingValueTreatment=\"returnInvalid\" missingValueReplacement=\"1\""), None, Some("a"), f64::NAN);
    let c = |attributes: &str| format!("<MiningField name=\"x\"/><MiningField name=\"c\" {attributes}/>");
    check_field(&c("invalidValueTreatment=\"asIs\""), Some(1.0), Some("z"), 2.0);
    check_field(&c("invalidValueTreatment=\"asMissing\" missingValueReplacement=\"b\""), Some(1.0), Some("z"), 1002.0);
}

#[test]
fn derived_fields_compute_what_the_built_in_functions_say() {
    let check_expression = |expression: &str, x: Option<f64>, expected: f64| {
        let derived =
            format!("<DerivedField name=\"d\" optype=\"continuous\" dataType=\"double\">{expression}</DerivedField>");
        let text = regression(PLAIN, &derived, "<NumericPredictor name=\"d\" coefficient=\"1\"/>");
        check(score(&load(&text), x, Some("b")), 1.0 + expected);
    };
    let x = "<FieldRef field=\"x\"/>";
    let of = |function: &str, rest: &str| format!("<Apply function=\"{function}\">{x}{rest}</Apply>");
    let two = "<Constant>2</Constant>";
    for (function, expected) in [
        ("+", 5.0),
        ("-", 1.0),
        ("*", 6.0),
        ("/", 1.5),
        ("min", 2.0),
        ("max", 3.0),
        ("sum", 5.0),
        ("product", 6.0),
        ("avg", 2.5),
        ("pow", 9.0),
        ("threshold", 1.0),
        ("equal", 0.0),
        ("notEqual", 1.0),
        ("lessThan", 0.0),
        ("lessOrEqual", 0.0),
        ("greaterThan", 1.0),
        ("greaterOrEqual", 1.0),
        ("isIn", 0.0),
        ("isNotIn", 1.0),
    ] {
        check_expression(&of(function, two), Some(3.0), expected);
    }
    for (function, at, expected) in [
        ("ln", 1.0, 0.0),
        ("log10", 100.0, 2.0),
        ("ln1p", 0.0, 0.0),
        ("exp", 0.0, 1.0),
        ("expm1", 0.0, 0.0),
        ("sqrt", 9.0, 3.0),
        ("abs", -4.0, 4.0),
        ("floor", 1.5, 1.0),
        ("ceil", 1.5, 2.0),
        ("round", 2.5, 3.0),
        ("rint", 2.5, 2.0),
        ("isMissing", 1.0, 0.0),
        ("isNotMissing", 1.0, 1.0),
        ("not", 0.0, 1.0),
    ] {
        check_expression(&of(function, ""), Some(at), expected);
    }
    check_expression(&of("sum", two), None, 2.0);
    check_expression(&of("+", two), None, f64::NAN);
    check_expression(
        "<Apply function=\"+\" mapMissingTo=\"9\"><FieldRef field=\"x\"/><Constant>1</Constant></Apply>",
        None,
        9.0,
    );
    check_expression("<FieldRef field=\"x\" mapMissingTo=\"4\"/>", None, 4.0);
    let when =
        |test: &str| format!("<Apply function=\"if\">{test}<Constant>5</Constant><Constant>6</Constant></Apply>");
    check_expression(&when(&of("lessThan", two)), Some(1.0), 5.0);
    check_expression(
        &when("<Apply function=\"equal\"><FieldRef field=\"c\"/><Constant>b</Constant></Apply>"),
        Some(1.0),
        5.0,
    );
    let both = "<Apply function=\"and\"><Apply function=\"isMissing\"><FieldRef field=\"x\"/></Apply><Constant>1</Constant></Apply>";
    check_expression(&when(both), None, 5.0);
    check_expression(
        "<NormContinuous field=\"x\"><LinearNorm orig=\"0\" norm=\"0\"/><LinearNorm orig=\"2\" norm=\"1\"/></NormContinuous>",
        Some(4.0),
        2.0,
    );
    check_expression(
        "<NormContinuous field=\"x\" outliers=\"asExtremeValues\"><LinearNorm orig=\"0\" norm=\"0\"/><LinearNorm orig=\"2\" norm=\"1\"/></NormContinuous>",
        Some(4.0),
        1.0,
    );
    let bins = "<Discretize field=\"x\" defaultValue=\"0\"><DiscretizeBin binValue=\"1\"><Interval closure=\"openClosed\" leftMargin=\"0\" rightMargin=\"2\"/></DiscretizeBin></Discretize>";
    check_expression(bins, Some(2.0), 1.0);
    check_expression(bins, Some(0.0), 0.0);
    let map = "<MapValues outputColumn=\"o\" defaultValue=\"8\"><FieldColumnPair field=\"c\" column=\"k\"/><InlineTable><row><k>b</k><o>3</o></row></InlineTable></MapValues>";
    check_expression(map, Some(1.0), 3.0);
}

/// `mapMissingTo` is for what is missing among the inputs, not for a value that no bin, row or argument answers.
#[test]
fn missing_is_mapped_where_an_input_is_missing_and_nowhere_else() {
    let check_expression = |expression: &str, x: Option<f64>, c: &str, expected: f64| {
        let derived =
            format!("<DerivedField name=\"d\" optype=\"continuous\" dataType=\"double\">{expression}</DerivedField>");
        let text = regression(PLAIN, &derived, "<NumericPredictor name=\"d\" coefficient=\"1\"/>");
        check(score(&load(&text), x, Some(c)), 1.0 + expected);
    };
    let bins = "<Discretize field=\"x\" mapMissingTo=\"9\"><DiscretizeBin binValue=\"1\"><Interval closure=\"openOpen\" leftMargin=\"0\"/></DiscretizeBin></Discretize>";
    check_expression(bins, Some(1.0), "a", 1.0);
    check_expression(bins, Some(-1.0), "a", f64::NAN);
    check_expression(bins, None, "a", 9.0);
    let map = "<MapValues outputColumn=\"o\" mapMissingTo=\"9\"><FieldColumnPair field=\"c\" column=\"k\"/><InlineTable><row><k>b</k><o>3</o></row></InlineTable></MapValues>";
    check_expression(map, Some(1.0), "b", 3.0);
    check_expression(map, Some(1.0), "a", f64::NAN);
    let sum = "<Apply function=\"sum\" mapMissingTo=\"9\"><FieldRef field=\"x\"/><Constant>2</Constant></Apply>";
    check_expression(sum, Some(1.0), "a", 3.0);
    check_expression(sum, None, "a", 9.0);
}

/// Each argument is computed once: were it twice, sixty levels would never end.
#[test]
fn nested_functions_take_time_in_proportion_to_their_number() {
    for attribute in ["", " mapMissingTo=\"0\""] {
        let open = format!("<Apply function=\"max\"{attribute}>").repeat(55);
        let nested = format!("{open}<FieldRef field=\"x\"/>{}", "</Apply>".repeat(55));
        let derived =
            format!("<DerivedField name=\"d\" optype=\"continuous\" dataType=\"double\">{nested}</DerivedField>");
        let text = regression(PLAIN, &derived, "<NumericPredictor name=\"d\" coefficient=\"1\"/>");
        check(score(&load(&text), Some(4.0), Some("a")), 5.0);
    }
}

#[test]
fn numbers_as_categories_are_compared_as_numbers() {
    let text = regression(PLAIN, "", "<CategoricalPredictor name=\"c\" value=\"2.0\" coefficient=\"10\"/>")
        .replace("dataType=\"string\"", "dataType=\"double\"")
        .replace("<Value value=\"b\"/>", "<Value value=\"2\"/>")
        .replace("<Value value=\"a\"/>", "<Value value=\"1\"/>");
    let model = load(&text);
    check(score(&model, Some(0.0), Some("2")), 11.0);
    check(score(&model, Some(0.0), Some("1")), 1.0);
}

#[test]
fn listed_values_of_a_float_field_are_as_precise_as_its_cells() {
    let text = regression(PLAIN, "", "<NumericPredictor name=\"x\" coefficient=\"1\"/>")
        .replace(
            "name=\"x\" optype=\"continuous\" dataType=\"double\"",
            "name=\"x\" optype=\"continuous\" dataType=\"float\"",
        )
        .replace(
            "<Interval closure=\"closedClosed\" leftMargin=\"-100\" rightMargin=\"100\"/>",
            "<Value value=\"0.1\"/>",
        );
    check(score(&load(&text), Some(0.1), Some("a")), 1.0 + f64::from(0.1_f32));
}

#[test]
fn links_offsets_trials_and_targets_change_the_prediction() {
    let check_general = |attributes: &str, rest: &str, expected: f64| {
        let model = format!(
            r#"<GeneralRegressionModel functionName="regression" modelType="generalizedLinear" {attributes}>SCHEMA{rest}
<ParameterList><Parameter name="p0"/><Parameter name="p1"/><Parameter name="p2"/></ParameterList>
<FactorList><Predictor name="c"/></FactorList><CovariateList><Predictor name="x"/></CovariateList>
<PPMatrix><PPCell value="1" predictorName="x" parameterName="p1"/><PPCell value="b" predictorName="c" parameterName="p2"/></PPMatrix>
<ParamMatrix><PCell parameterName="p0" beta="-1"/><PCell parameterName="p1" beta="0.25"/><PCell parameterName="p2" beta="0.25"/></ParamMatrix></GeneralRegressionModel>"#
        );
        check(score(&load(&document(PLAIN, "", &model)), Some(1.0), Some("b")), expected);
    };
    let eta = -0.5_f64;
    check_general("linkFunction=\"identity\"", "", eta);
    check_general("linkFunction=\"log\"", "", eta.exp());
    check_general("linkFunction=\"logit\"", "", 1.0 / (1.0 + (-eta).exp()));
    check_general("linkFunction=\"probit\"", "", 0.308_537_538_725_986_9);
    check_general("linkFunction=\"cloglog\"", "", 1.0 - (-eta.exp()).exp());
    check_general("linkFunction=\"loglog\"", "", (-(-eta).exp()).exp());
    check_general("linkFunction=\"cauchit\"", "", 0.5 + eta.atan() / std::f64::consts::PI);
    check_general("linkFunction=\"logc\"", "", 1.0 - eta.exp());
    check_general("linkFunction=\"negbin\" linkParameter=\"2\"", "", 1.0 / (2.0 * ((-eta).exp() - 1.0)));
    check_general("linkFunction=\"oddspower\" linkParameter=\"0.5\"", "", 1.0 / (1.0 + 0.75_f64.powf(-2.0)));
    check_general("linkFunction=\"power\" linkParameter=\"0.5\" offsetValue=\"2\"", "", 2.25);
    check_general("linkFunction=\"identity\" offsetVariable=\"x\"", "", 0.5);
    check_general("linkFunction=\"identity\" trialsValue=\"4\"", "", -2.0);
    check_general("linkFunction=\"identity\" trialsVariable=\"x\"", "", -0.5);
    let trials = r#"<GeneralRegressionModel functionName="regression" modelType="generalizedLinear" linkFunction="identity" trialsVariable="x">SCHEMA
<ParameterList><Parameter name="p0"/></ParameterList><ParamMatrix><PCell parameterName="p0" beta="2"/></ParamMatrix></GeneralRegressionModel>"#;
    check(score(&load(&document(PLAIN, "", trials)), None, Some("a")), f64::NAN);
    let targets = "<Targets><Target field=\"y\" rescaleFactor=\"-10\" rescaleConstant=\"0.2\" castInteger=\"ceiling\"/></Targets>";
    check_general("linkFunction=\"identity\"", targets, 6.0);
    check_general("linkFunction=\"identity\"", "<Targets><Target min=\"0\" max=\"1\"/></Targets>", 0.0);
}

#[test]
fn classes_are_the_logit_of_the_first_or_the_softmax_of_all() {
    let tables = |method: &str, tables: &str| {
        let head = format!("<RegressionModel functionName=\"classification\" normalizationMethod=\"{method}\">SCHEMA");
        document(PLAIN, "", &format!("{head}{tables}</RegressionModel>"))
    };
    let first = "<RegressionTable intercept=\"0.5\" targetCategory=\"1\"><NumericPredictor name=\"x\" coefficient=\"1\"/></RegressionTable>";
    let empty = "<RegressionTable intercept=\"0\" targetCategory=\"0\"/>";
    let logit = load(&tables("logit", &format!("{first}{empty}")));
    assert_eq!((logit.outputs(), logit.link()), (1, "logit"));
    check(score(&logit, Some(0.5), Some("a")), 1.0 / (1.0 + (-1.0_f64).exp()));
    let softmax = load(&tables("softmax", &format!("{first}{empty}{empty}")));
    assert_eq!((softmax.outputs(), softmax.link()), (3, "softmax"));
    check(score(&softmax, Some(0.5), Some("a")), 1.0_f64.exp() / (1.0_f64.exp() + 2.0));
}

#[test]
fn what_is_not_read_is_refused_with_element_and_line() {
    let good = regression(PLAIN, "", "<NumericPredictor name=\"x\" coefficient=\"1\"/>");
    let refuse = |from: &str, to: &str, message: &str| {
        assert!(good.contains(from), "{from}");
        let error = Model::load(Format::Pmml, good.replace(from, to).as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), format!("PMML model, line {message}"));
    };
    refuse("version=\"4.4\"", "version=\"9\"", "1: PMML: version=\"9\" is not supported");
    refuse("<DataDictionary>", "<!DOCTYPE x><DataDictionary>", "2: a document type declaration is not supported");
    refuse("RegressionModel", "TextModel", "7: TextModel: this kind of model is not supported");
    refuse(" functionName=\"regression\"", "", "7: RegressionModel: functionName=\"\" is not supported");
    refuse("coefficient=\"1\"", "", "7: NumericPredictor: attribute coefficient is missing");
    refuse("coefficient=\"1\"", "coefficient=\"inf\"", "7: NumericPredictor: coefficient is not a finite number");
    refuse("coefficient=\"1\"", "coefficient=\"1\" odd=\"1\"", "7: NumericPredictor: attribute odd is not supported");
    let unknown = "7: NumericPredictor: \"q\" is neither an active field nor derived before";
    refuse("NumericPredictor name=\"x\"", "NumericPredictor name=\"q\"", unknown);
    refuse(
        "NumericPredictor name=\"x\"",
        "NumericPredictor name=\"c\"",
        "7: NumericPredictor: \"c\" is a category, not a number",
    );
    let odd = "<Odd/><LocalTransformations>";
    refuse("<LocalTransformations>", odd, "7: Odd: inside RegressionModel is not supported");
    let aggregate = "<LocalTransformations><DerivedField name=\"d\" optype=\"continuous\" dataType=\"double\"><Apply function=\"odd\"/></DerivedField>";
    refuse("<LocalTransformations>", aggregate, "7: Apply: function \"odd\" is not supported");
    refuse(
        "<LocalTransformations>",
        "<LocalTransformations/><LocalTransformations>",
        "7: LocalTransformations: comes twice in RegressionModel",
    );
    refuse(
        "<MiningField name=\"x\"/>",
        "<MiningField name=\"x\" optype=\"categorical\"/>",
        "7: MiningField: an optype other than the data field's is not supported",
    );
    let attributes: String = (0..65).map(|at| format!(" a{at}=\"\"")).collect();
    refuse(
        "<DataDictionary>",
        &format!("<DataDictionary{attributes}>"),
        "2: DataDictionary: more than 64 attributes is not supported",
    );
    refuse("</PMML>", "", "8: the document ends early or has not exactly one root");
}

#[test]
fn changed_bytes_give_a_model_or_an_error() {
    let good = regression(PLAIN, "", "<NumericPredictor name=\"x\" coefficient=\"1\"/>");
    for at in 0..good.len() {
        for byte in [b'<', b'"', b'9', 0xff] {
            let mut bytes = good.clone().into_bytes();
            bytes[at] = byte;
            drop(Model::load(Format::Pmml, &bytes));
        }
        drop(Model::load(Format::Pmml, &good.as_bytes()[..at]));
    }
    let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
    assert!(Model::load(Format::Pmml, deep.as_bytes()).is_err());
}
