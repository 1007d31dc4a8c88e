//! Functions in PMML, built in and defined: what they give, by the standard's definitions, and which are refused.

use bordereau_model::{Format, Model};

use crate::pmml_models::{bind, check, document, field, load, refuse};

const NAN: f64 = f64::NAN;

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
        ("dateDaysSinceYear", &["'2023-02-28", "1e300"], NAN),
        ("dateSecondsSinceYear", &["'2023-02-28", "-1e300"], NAN),
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
