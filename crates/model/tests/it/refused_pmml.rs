//! What of a PMML document is refused, and in which words: the document itself, its fields, expressions, functions and
//! verification. A small valid document is changed in one place; element and line are part of what is asserted. The
//! kinds of models have files of their own.

use bordereau_model::{Format, Model};

use crate::pmml_models::document;

fn load(text: &[u8]) -> Result<Model, String> {
    Model::load(Format::Pmml, text).map_err(|error| error.to_string())
}

/// Each change of a valid model (what, by what), and the line and message that it is refused with.
#[track_caller]
pub fn refuse_each(model: &str, changes: &[(&str, &str, &str)]) {
    let good = document(model.trim_start());
    load(good.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    let mut wrong = Vec::new();
    for (from, to, message) in changes {
        let refused = match good.contains(from) {
            true => load(good.replacen(from, to, 1).as_bytes()).err().unwrap_or_default(),
            false => "not there".to_owned(),
        };
        if refused != format!("PMML model, line {message}") {
            wrong.push(format!("{from} by {to}: {refused}, not {message}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Lines 7 to 18 of its document.
pub const REGRESSION: &str = r#"
<RegressionModel functionName="regression">SCHEMA
<LocalTransformations>
<DerivedField name="d" optype="continuous" dataType="double">
<FieldRef field="x"/>
</DerivedField>
</LocalTransformations>
<RegressionTable intercept="1">
<NumericPredictor name="d" coefficient="2"/>
<CategoricalPredictor name="c" value="a" coefficient="3"/>
<PredictorTerm coefficient="4"><FieldRef field="x"/><FieldRef field="d"/></PredictorTerm>
</RegressionTable>
</RegressionModel>"#;

#[test]
fn what_is_no_document_is_refused() {
    let nested = format!("<Header>{}", "<a>".repeat(255));
    refuse_each(
        REGRESSION,
        &[
            (
                "</DataDictionary>",
                "</DataField>",
                "6: not well-formed: ill-formed document: expected `</DataDictionary>`, but `</DataField>` was found",
            ),
            ("<DataDictionary>", "<!DOCTYPE x><DataDictionary>", "2: a document type declaration is not supported"),
            ("<DataDictionary>", &nested, "2: nesting deeper than 256 is not supported"),
            ("<DataDictionary>", "&lol;<DataDictionary>", "2: an entity that XML does not define is not supported"),
            (
                "name=\"x\"",
                "name=\"x\" name=\"x\"",
                "4: DataField: position 19: duplicated attribute, previous declaration at position 10",
            ),
            ("name=\"x\"", "name=\"&lol;\"", "4: DataField: at 1..4: unrecognized entity `lol`"),
            ("</PMML>", "", "19: the document ends early or has not exactly one root"),
            ("</PMML>", "</PMML><PMML/>", "19: the document ends early or has not exactly one root"),
            ("version=\"4.4\"", "version=\"9\"", "1: PMML: version=\"9\" is not supported"),
            ("<DataDictionary>", "<DataDictionary/><DataDictionary>", "2: DataDictionary: comes twice in PMML"),
        ],
    );
    let good = document(REGRESSION.trim_start());
    let refuse =
        |text: &[u8], message: &str| assert_eq!(load(text).unwrap_err(), format!("PMML model, line {message}"));
    let mut bytes = good.clone().into_bytes();
    let at = good.find("dataType").unwrap();
    bytes[at] = 0xff;
    refuse(&bytes, "3: not UTF-8, the only encoding that is read");
    refuse(good.replace("PMML", "Pmml").as_bytes(), "1: Pmml: the root is not PMML");
    refuse(b"<PMML version=\"4.4\"><Header/></PMML>", "1: PMML: holds no model");
    let (before, after) = (good.find("<DataDictionary>").unwrap(), good.find("<RegressionModel").unwrap());
    let without = [&good[..before], &good[after..]].concat();
    refuse(without.as_bytes(), "1: PMML: DataDictionary is missing");
}

#[test]
fn a_model_of_another_kind_or_beside_another_is_refused() {
    let attributes: String = (0..65).map(|at| format!(" a{at}=\"\"")).collect();
    refuse_each(
        REGRESSION,
        &[
            ("</PMML>", "<TreeModel/></PMML>", "19: TreeModel: a second model is not supported"),
            ("<RegressionModel", "<TextModel/><RegressionModel", "7: RegressionModel: a second model is not supported"),
            ("<DataDictionary>", "<Odd/><DataDictionary>", "7: RegressionModel: a second model is not supported"),
            (
                "functionName=\"regression\"",
                "functionName=\"regression\" isScorable=\"false\"",
                "7: RegressionModel: isScorable=\"false\" is not supported",
            ),
            (
                "<RegressionTable ",
                &format!("<RegressionTable{attributes} "),
                "13: RegressionTable: more than 64 attributes is not supported",
            ),
            ("<RegressionTable ", "<RegressionTable odd=\"\" ", "13: RegressionTable: attribute odd is not supported"),
            ("<RegressionTable ", "<Odd/><RegressionTable ", "13: Odd: inside RegressionModel is not supported"),
            ("coefficient=\"2\"", "", "14: NumericPredictor: attribute coefficient is missing"),
            ("coefficient=\"2\"", "coefficient=\"inf\"", "14: NumericPredictor: coefficient is not a finite number"),
        ],
    );
    let good = document(REGRESSION.trim_start()).replace("RegressionModel", "TextModel");
    assert_eq!(
        load(good.as_bytes()).unwrap_err(),
        "PMML model, line 7: TextModel: this kind of model is not supported"
    );
}

#[test]
fn fields_that_do_not_fit_are_refused() {
    let x = "<MiningField name=\"x\"/>";
    let c = "<MiningField name=\"c\" invalidValueTreatment=\"asIs\"/>";
    let field = "<DataField name=\"x\" optype=\"continuous\" dataType=\"double\"/>";
    let of_x = |attributes: &str, inside: &str| format!("<DataField name=\"x\" {attributes}>{inside}</DataField>");
    let double = "optype=\"continuous\" dataType=\"double\"";
    let categories = "</DataField>\n</DataDictionary>";
    refuse_each(
        REGRESSION,
        &[
            ("name=\"x\"", "name=\"c\"", "5: DataField: name comes twice"),
            (x, "<MiningField name=\"q\"/>", "7: MiningField: not in the data dictionary"),
            (x, "<MiningField name=\"x\"/><MiningField name=\"x\"/>", "4: DataField: its name is taken"),
            (x, "<MiningField name=\"x\" usageType=\"odd\"/>", "7: MiningField: usageType=\"odd\" is not supported"),
            (
                x,
                "<MiningField name=\"x\" optype=\"ordinal\"/>",
                "7: MiningField: an optype other than the data field's is not supported",
            ),
            (
                x,
                "<MiningField name=\"x\" invalidValueReplacement=\"1\"/>",
                "7: MiningField: invalidValueReplacement does not fit invalidValueTreatment",
            ),
            (
                x,
                "<MiningField name=\"x\" invalidValueTreatment=\"asValue\"/>",
                "7: MiningField: invalidValueReplacement does not fit invalidValueTreatment",
            ),
            (
                x,
                "<MiningField name=\"x\" missingValueReplacement=\"z\"/>",
                "7: MiningField: a value is not a finite number",
            ),
            (
                x,
                "<MiningField name=\"x\" missingValueTreatment=\"odd\"/>",
                "7: MiningField: missingValueTreatment=\"odd\" is not supported",
            ),
            (x, "<MiningField name=\"x\" outliers=\"odd\"/>", "7: MiningField: outliers=\"odd\" is not supported"),
            (c, "<MiningField name=\"c\" outliers=\"asExtremeValues\"/>", "7: MiningField: outliers of a category"),
            (
                field,
                &of_x("optype=\"continuous\" dataType=\"string\"", ""),
                "4: DataField: continuous but no number is not supported",
            ),
            (
                field,
                &of_x("optype=\"continuous\" dataType=\"odd\"", ""),
                "4: DataField: dataType=\"odd\" is not supported",
            ),
            (field, &of_x("optype=\"odd\" dataType=\"double\"", ""), "4: DataField: optype=\"odd\" is not supported"),
            (field, &of_x(&format!("{double} isCyclic=\"1\""), ""), "4: DataField: isCyclic=\"1\" is not supported"),
            (field, &of_x(double, "<Interval closure=\"odd\"/>"), "4: Interval: closure=\"odd\" is not supported"),
            (
                field,
                &of_x(double, "<Value value=\"1\"/><Interval closure=\"openOpen\"/>"),
                "4: DataField: intervals of categories or beside values is not supported",
            ),
            (
                categories,
                "<Interval closure=\"openOpen\"/></DataField>\n</DataDictionary>",
                "5: DataField: intervals of categories or beside values is not supported",
            ),
            (
                field,
                &of_x(double, "<Value value=\"1\" property=\"invalid\"/>"),
                "4: DataField: a list of invalid values without one of valid ones is not supported",
            ),
            (
                field,
                &of_x(double, "<Value value=\"1\" property=\"odd\"/>"),
                "4: Value: property=\"odd\" is not supported",
            ),
            (
                "NumericPredictor name=\"d\"",
                "NumericPredictor name=\"q\"",
                "14: NumericPredictor: \"q\" is neither an active field nor derived before",
            ),
            (
                "NumericPredictor name=\"d\"",
                "NumericPredictor name=\"c\"",
                "14: NumericPredictor: \"c\" is a category, not a number",
            ),
            ("DerivedField name=\"d\"", "DerivedField name=\"x\"", "9: DerivedField: its name is taken"),
        ],
    );
    let good = document(REGRESSION.trim_start());
    let (before, after) = (good.find("<MiningSchema>").unwrap(), good.find("\n<LocalTransformations>").unwrap());
    let without = [&good[..before], &good[after..]].concat();
    assert_eq!(load(without.as_bytes()).unwrap_err(), "PMML model, line 7: RegressionModel: MiningSchema is missing");
    let without = good
        .replace("<MiningField name=\"x\"/>", "")
        .replace(c, "")
        .replace("name=\"d\" coefficient", "name=\"d\"  coefficient");
    let (before, after) = (without.find("<LocalTransformations>").unwrap(), without.find("<RegressionTable").unwrap());
    let end = without.find("\n</RegressionTable>").unwrap();
    let without = [&without[..before], "<RegressionTable intercept=\"1\">", &without[end..]].concat();
    assert!(after < end);
    assert_eq!(
        load(without.as_bytes()).unwrap_err(),
        "PMML model, line 7: RegressionModel: a model without an active field is not supported"
    );
}

/// The place of the one expression, of the field `d`.
const EXPRESSION: &str = "<FieldRef field=\"x\"/>\n";

#[test]
fn expressions_that_do_not_fit_are_refused() {
    let bin = |inside: &str| {
        format!("<Discretize field=\"x\"><DiscretizeBin binValue=\"1\">{inside}</DiscretizeBin></Discretize>\n")
    };
    let line = |inside: &str| {
        format!("<NormContinuous field=\"x\"><LinearNorm orig=\"0\" norm=\"0\"/>{inside}</NormContinuous>\n")
    };
    let map = |inside: &str| format!("<MapValues outputColumn=\"o\">{inside}</MapValues>\n");
    let pairs = "<FieldColumnPair field=\"c\" column=\"k\"/>".repeat(65);
    let pair = "<FieldColumnPair field=\"c\" column=\"k\"/><InlineTable>";
    let of = |function: &str, arguments: &str| format!("<Apply function=\"{function}\">{arguments}</Apply>\n");
    let (x, c, one) = ("<FieldRef field=\"x\"/>", "<FieldRef field=\"c\"/>", "<Constant>1</Constant>");
    let text = "<Constant dataType=\"string\">1</Constant>";
    refuse_each(
        REGRESSION,
        &[
            (EXPRESSION, "", "9: DerivedField: holds not exactly one expression"),
            (
                EXPRESSION,
                "<FieldRef field=\"x\"/><FieldRef field=\"x\"/>",
                "9: DerivedField: holds not exactly one expression",
            ),
            (
                EXPRESSION,
                "<FieldRef field=\"c\"/>",
                "9: DerivedField: a dataType that is not what the expression gives is not supported",
            ),
            (
                EXPRESSION,
                "<FieldRef field=\"d\"/>",
                "10: FieldRef: \"d\" is neither an active field nor derived before",
            ),
            (EXPRESSION, "<Lag field=\"x\"/>", "10: Lag: inside DerivedField is not supported"),
            (EXPRESSION, "<Constant dataType=\"odd\">1</Constant>", "10: Constant: dataType=\"odd\" is not supported"),
            (EXPRESSION, "<Constant>one</Constant>", "10: Constant: a value is not a finite number"),
            (
                EXPRESSION,
                "<NormDiscrete field=\"c\" value=\"a\" method=\"odd\"/>",
                "10: NormDiscrete: method=\"odd\" is not supported",
            ),
            (EXPRESSION, &line(""), "10: NormContinuous: LinearNorm are not at least two with ascending orig"),
            (
                EXPRESSION,
                &line("<LinearNorm orig=\"0\" norm=\"1\"/>"),
                "10: NormContinuous: LinearNorm are not at least two with ascending orig",
            ),
            (EXPRESSION, &bin(""), "10: DiscretizeBin: Interval is missing"),
            (EXPRESSION, &map(&pairs), "10: MapValues: more than 64 FieldColumnPair is not supported"),
            (EXPRESSION, &map(""), "10: MapValues: no InlineTable is not supported"),
            (EXPRESSION, &map(&format!("{pair}\n<row><o>1</o></row></InlineTable>")), "11: row: column k is missing"),
            (EXPRESSION, &map(&format!("{pair}\n<row><k>a</k></row></InlineTable>")), "11: row: column o is missing"),
            (EXPRESSION, &of("sqrt", &[x, x].concat()), "10: Apply: function sqrt with 2 arguments"),
            (EXPRESSION, &of("sqrt", c), "10: FieldRef: an argument of sqrt is a category"),
            (EXPRESSION, &of("odd", x), "10: Apply: function \"odd\" is not supported"),
            (EXPRESSION, &of("if", &[c, one].concat()), "10: FieldRef: a category is not a condition"),
            (EXPRESSION, &of("if", &[x, one, c].concat()), "10: Apply: its branches are a number and a category"),
            (
                EXPRESSION,
                &of("equal", &[x, c].concat()),
                "10: Apply: a comparison of a category and a number is not supported",
            ),
            (EXPRESSION, &of("equal", &[x, text].concat()), "10: Constant: compared with another kind of value"),
            (
                EXPRESSION,
                "<Apply function=\"sqrt\" invalidValueTreatment=\"asIs\"/>",
                "10: Apply: invalidValueTreatment=\"asIs\" is not supported",
            ),
        ],
    );
}

#[test]
fn functions_of_texts_that_do_not_fit_are_refused() {
    let of =
        |function: &str, arguments: &[&str]| format!("<Apply function=\"{function}\">{}</Apply>", arguments.concat());
    let (x, c) = ("<FieldRef field=\"x\"/>", "<FieldRef field=\"c\"/>");
    let replace = |by: &str| {
        of("stringLength", &[&of("replace", &[c, "<Constant>a</Constant>", &format!("<Constant>{by}</Constant>")])])
    };
    let long = "b".repeat(257);
    let wide = "<Constant>(a{1000}){1000}</Constant>";
    let format = |function: &str, of_what: &str, by: &str| of("stringLength", &[&of(function, &[of_what, by])]);
    refuse_each(
        REGRESSION,
        &[
            (EXPRESSION, &of("stringLength", &[]), "10: Apply: function stringLength with 0 arguments"),
            (EXPRESSION, &of("stringLength", &[&of("concat", &[])]), "10: Apply: function concat with 0 arguments"),
            (EXPRESSION, &of("stringLength", &[x]), "10: FieldRef: an argument of stringLength is of another kind"),
            (EXPRESSION, &of("matches", &[c, c]), "10: FieldRef: a pattern that is not a Constant is not supported"),
            (
                EXPRESSION,
                &of("matches", &[c, "<Constant>(?=a)</Constant>"]),
                "10: Constant: this regular expression is not supported",
            ),
            (EXPRESSION, &of("matches", &[c, wide]), "10: Constant: this regular expression is not supported"),
            (EXPRESSION, &replace("\\"), "10: Constant: a backslash that stands alone"),
            (EXPRESSION, &replace("$"), "10: Constant: a dollar sign without a group"),
            (EXPRESSION, &replace(&long), "10: Constant: a replacement of more than 256 bytes is not supported"),
            (
                EXPRESSION,
                &format("formatNumber", x, "<Constant>%s</Constant>"),
                "10: Constant: a pattern other than %d, %f or %e with its size is not supported",
            ),
            (
                EXPRESSION,
                &format("formatDatetime", c, "<Constant>%Q</Constant>"),
                "10: Constant: a letter of this pattern is not supported",
            ),
        ],
    );
}

/// Lines 6 to 11 hold a function, which the derived field of line 14 uses.
#[test]
fn defined_functions_that_do_not_fit_are_refused() {
    let dictionary = r#"</DataDictionary><TransformationDictionary>
<DefineFunction name="twice" optype="continuous" dataType="double">
<ParameterField name="v" optype="continuous" dataType="double"/>
<Apply function="+"><FieldRef field="v"/><FieldRef field="v"/></Apply>
</DefineFunction>
</TransformationDictionary>"#;
    let good = document(REGRESSION.trim_start()).replace("</DataDictionary>", dictionary);
    let good = good.replace(EXPRESSION, "<Apply function=\"twice\"><FieldRef field=\"x\"/></Apply>\n");
    load(good.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    let body = "<Apply function=\"+\"><FieldRef field=\"v\"/><FieldRef field=\"v\"/></Apply>";
    let mut levels = String::new();
    for level in 0..14 {
        let inner = if level == 0 { "twice".to_owned() } else { format!("f{}", level - 1) };
        let once = format!("<Apply function=\"{inner}\"><FieldRef field=\"v\"/></Apply>");
        levels += &format!(
            "<DefineFunction name=\"f{level}\" optype=\"continuous\"><ParameterField name=\"v\"/><Apply function=\"+\">{once}{once}</Apply></DefineFunction>"
        );
    }
    let levels = format!(
        "<TransformationDictionary>{levels}<DerivedField name=\"e\" optype=\"continuous\" dataType=\"double\"><Apply function=\"f13\"><Constant>1</Constant></Apply></DerivedField>\n"
    );
    for (from, to, message) in [
        (body, "", "7: DefineFunction: holds not exactly one expression"),
        (body, "<FieldRef field=\"v\"/><FieldRef field=\"v\"/>", "7: DefineFunction: holds not exactly one expression"),
        ("name=\"twice\"", "name=\"sqrt\"", "7: DefineFunction: its name is taken"),
        ("name=\"twice\"", "name=\"concat\"", "7: DefineFunction: its name is taken"),
        ("name=\"twice\"", "name=\"thrice\"", "15: Apply: function \"twice\" is not supported"),
        ("function=\"+\"", "function=\"twice\"", "9: Apply: function \"twice\" is not supported"),
        (
            "<ParameterField name=\"v\" optype=\"continuous\" dataType=\"double\"/>",
            "",
            "15: Apply: function twice with 1 arguments",
        ),
        (
            body,
            "<Constant dataType=\"string\">1</Constant>",
            "15: Apply: a dataType that is not what the function gives is not supported",
        ),
        ("<TransformationDictionary>", &levels, "6: Apply: more than 10000 uses of defined functions is not supported"),
    ] {
        assert!(good.contains(from), "{from}");
        let refused = load(good.replacen(from, to, 1).as_bytes()).map(|_| ()).expect_err(from);
        assert_eq!(refused, format!("PMML model, line {message}"), "{to}");
    }
}

#[test]
fn verifications_that_do_not_fit_are_refused() {
    let verified = REGRESSION.replace(
        "<LocalTransformations>",
        r#"<ModelVerification>
<VerificationFields><VerificationField field="x"/><VerificationField field="c"/><VerificationField field="y"/></VerificationFields>
<InlineTable>
<row><x>1</x><c>a</c><y>10</y></row>
<row><x>0</x><c>b</c><y>1</y></row>
</InlineTable>
</ModelVerification>
<LocalTransformations>"#,
    );
    let table =
        "<InlineTable>\n<row><x>1</x><c>a</c><y>10</y></row>\n<row><x>0</x><c>b</c><y>1</y></row>\n</InlineTable>";
    let names = "<VerificationFields><VerificationField field=\"x\"/><VerificationField field=\"c\"/><VerificationField field=\"y\"/></VerificationFields>";
    refuse_each(
        &verified,
        &[
            (names, "", "8: ModelVerification: VerificationFields is missing"),
            (table, "", "8: ModelVerification: InlineTable is missing"),
            ("<y>10</y>", "<y>11</y>", "11: row: row 1: the model gives another y"),
            ("<y>1</y>", "<y>1.1</y>", "12: row: row 2: the model gives another y"),
            ("<y>1</y>", "<y>z</y>", "12: row: a cell of a verified field is not a finite number"),
            ("<ModelVerification>", "<ModelVerification><Odd/>", "8: Odd: inside ModelVerification is not supported"),
        ],
    );
}
