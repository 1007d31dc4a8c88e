//! What of regressions, ensembles and scorecards in PMML is refused, and in which words.

use bordereau_model::{Format, Model};

use crate::pmml_models::document;
use crate::refused_pmml::refuse_each;

/// Lines 7 to 12 of its document.
const TABLES: &str = r#"
<RegressionModel functionName="classification" normalizationMethod="logit">SCHEMA
<RegressionTable intercept="1" targetCategory="yes">
<PredictorTerm coefficient="4"><FieldRef field="x"/></PredictorTerm>
</RegressionTable>
<RegressionTable intercept="0" targetCategory="no"/>
</RegressionModel>"#;

#[test]
fn regressions_that_do_not_fit_are_refused() {
    let last = "<RegressionTable intercept=\"0\" targetCategory=\"no\"/>";
    let filled = "<RegressionTable intercept=\"0\" targetCategory=\"no\"><NumericPredictor name=\"x\" coefficient=\"1\"/></RegressionTable>";
    let maybe = "<RegressionTable intercept=\"0\" targetCategory=\"maybe\"/>";
    refuse_each(
        TABLES,
        &[
            (
                "intercept=\"0\"",
                "intercept=\"2\"",
                "11: RegressionTable: a second table that is not empty is not supported",
            ),
            (last, filled, "11: RegressionTable: a second table that is not empty is not supported"),
            (last, "", "7: RegressionModel: classification with 1 tables is not supported"),
            (last, &[last, maybe].concat(), "7: RegressionModel: classification with 3 tables is not supported"),
            (
                "\"logit\"",
                "\"exp\"",
                "7: RegressionModel: normalizationMethod=\"exp\" for classification is not supported",
            ),
            ("\"logit\"", "\"odd\"", "7: RegressionModel: normalizationMethod=\"odd\" is not supported"),
            ("<FieldRef field=\"x\"/>", "<FieldRef field=\"c\"/>", "9: FieldRef: a product of a category"),
            ("<FieldRef field=\"x\"/>", "", "9: PredictorTerm: no FieldRef"),
            (
                "targetCategory=\"no\"",
                "targetCategory=\"nay\"",
                "7: RegressionModel: a targetCategory that the target does not have",
            ),
            ("targetCategory=\"yes\"", "", "8: RegressionTable: attribute targetCategory is missing"),
            (
                "functionName=\"classification\"",
                "functionName=\"clustering\"",
                "7: RegressionModel: functionName=\"clustering\" is not supported",
            ),
        ],
    );
    let three = "<Value value=\"maybe\"/></DataField>\n<DataField name=\"x\"";
    let of_three = |model: &str| document(model).replace("</DataField>\n<DataField name=\"x\"", three);
    let refuse = |text: String, message: &str| {
        let refused = Model::load(Format::Pmml, text.as_bytes()).unwrap_err().to_string();
        assert_eq!(refused, format!("PMML model, line {message}"));
    };
    let softmax = TABLES.trim_start().replace("logit", "softmax");
    refuse(of_three(&softmax), "7: RegressionModel: not a RegressionTable for each class of the target");
    let ordered = TABLES.trim_start().replace(last, &[maybe, filled].concat());
    let ordered = of_three(&ordered).replacen("categorical", "ordinal", 1);
    refuse(ordered, "11: RegressionTable: a last table of ordered classes that is not empty is not supported");
    refuse_each(
        "<RegressionModel functionName=\"regression\">SCHEMA\n<RegressionTable intercept=\"1\"/></RegressionModel>",
        &[
            ("<RegressionTable intercept=\"1\"/>", "", "7: RegressionModel: regression with 0 tables is not supported"),
            (
                "functionName",
                "normalizationMethod=\"simplemax\" functionName",
                "7: RegressionModel: normalizationMethod=\"simplemax\" for regression is not supported",
            ),
        ],
    );
}

/// Lines 7 to 23 of its document.
const GENERAL: &str = r#"
<GeneralRegressionModel functionName="regression" modelType="generalizedLinear" linkFunction="log">SCHEMA
<ParameterList>
<Parameter name="p0"/>
<Parameter name="p1"/>
<Parameter name="p2"/>
</ParameterList>
<FactorList>
<Predictor name="c" contrastMatrixType="helmert"><Categories><Category value="a"/><Category value="b"/></Categories><Matrix><Array type="real">1</Array><Array type="real">-1</Array></Matrix></Predictor>
</FactorList>
<CovariateList><Predictor name="x"/></CovariateList>
<PPMatrix>
<PPCell value="1" predictorName="x" parameterName="p1"/>
<PPCell value="a" predictorName="c" parameterName="p2"/>
</PPMatrix>
<ParamMatrix>
<PCell parameterName="p0" beta="1"/>
<PCell parameterName="p1" beta="2"/>
<PCell parameterName="p2" beta="3"/>
</ParamMatrix>
</GeneralRegressionModel>"#;

#[test]
fn general_regressions_that_do_not_fit_are_refused() {
    let categories = "<Categories><Category value=\"a\"/><Category value=\"b\"/></Categories>";
    let matrix = "<Matrix><Array type=\"real\">1</Array><Array type=\"real\">-1</Array></Matrix>";
    let targets = "linkFunction=\"log\" trialsValue=\"2\">\n<Targets><Target min=\"0\"/></Targets>";
    let parameters = "<ParameterList>\n<Parameter name=\"p0\"/>\n<Parameter name=\"p1\"/>\n<Parameter name=\"p2\"/>\n</ParameterList>";
    let cells = "<ParamMatrix>\n<PCell parameterName=\"p0\" beta=\"1\"/>\n<PCell parameterName=\"p1\" beta=\"2\"/>\n<PCell parameterName=\"p2\" beta=\"3\"/>\n</ParamMatrix>";
    refuse_each(
        GENERAL,
        &[
            ("generalizedLinear", "odd", "7: GeneralRegressionModel: modelType=\"odd\" is not supported"),
            (
                "functionName=\"regression\"",
                "functionName=\"odd\"",
                "7: GeneralRegressionModel: functionName=\"odd\" is not supported",
            ),
            (
                "generalizedLinear",
                "multinomialLogistic",
                "7: GeneralRegressionModel: regression by modelType \"multinomialLogistic\" is not supported",
            ),
            ("linkFunction=\"log\"", "", "7: GeneralRegressionModel: attribute linkFunction is missing"),
            (
                "linkFunction=\"log\"",
                "linkFunction=\"odd\"",
                "7: GeneralRegressionModel: linkFunction=\"odd\" is not supported",
            ),
            (
                "linkFunction=\"log\"",
                "linkFunction=\"power\"",
                "7: GeneralRegressionModel: attribute linkParameter is missing",
            ),
            (
                "linkFunction",
                "offsetVariable=\"c\" linkFunction",
                "7: GeneralRegressionModel: \"c\" is a category, not a number",
            ),
            (
                "linkFunction",
                "trialsVariable=\"c\" linkFunction",
                "7: GeneralRegressionModel: \"c\" is a category, not a number",
            ),
            (
                "linkFunction=\"log\">",
                targets,
                "7: GeneralRegressionModel: trialsValue together with Target min or max is not supported",
            ),
            (parameters, "", "7: GeneralRegressionModel: ParameterList is missing"),
            (cells, "", "7: GeneralRegressionModel: ParamMatrix is missing"),
            (
                "name=\"p0\"/>",
                "name=\"p0\" referencePoint=\"1\"/>",
                "9: Parameter: a referencePoint other than 0 is not supported",
            ),
            ("name=\"p1\"/>", "name=\"p0\"/>", "10: Parameter: name comes twice"),
            (
                "parameterName=\"p1\"/>",
                "parameterName=\"p9\"/>",
                "18: PPCell: parameterName is not in the ParameterList",
            ),
            (
                "parameterName=\"p1\"/>",
                "parameterName=\"p1\" targetCategory=\"yes\"/>",
                "18: PPCell: a targetCategory is not supported",
            ),
            (
                "parameterName=\"p1\" beta",
                "parameterName=\"p9\" beta",
                "23: PCell: parameterName is not in the ParameterList",
            ),
            (
                "parameterName=\"p1\" beta",
                "parameterName=\"p0\" beta",
                "23: PCell: more than one coefficient of a parameter is not supported",
            ),
            (
                "parameterName=\"p1\" beta",
                "parameterName=\"p1\" targetCategory=\"yes\" beta",
                "24: PCell: more than one coefficient of a parameter is not supported",
            ),
            (
                "<CovariateList><Predictor name=\"x\"/></CovariateList>",
                "",
                "18: PPCell: predictorName is neither a factor nor a covariate",
            ),
            (
                "predictorName=\"c\" parameterName=\"p2\"",
                "predictorName=\"q\" parameterName=\"p2\"",
                "19: PPCell: \"q\" is neither an active field nor derived before",
            ),
            (
                "value=\"a\" predictorName",
                "value=\"b\" predictorName",
                "19: PPCell: value is not a column of the contrast matrix",
            ),
            (
                "value=\"a\" predictorName",
                "value=\"z\" predictorName",
                "19: PPCell: value is not a column of the contrast matrix",
            ),
            (matrix, "", "14: Predictor: contrastMatrixType without a Matrix is not supported"),
            (categories, "", "14: Predictor: Categories is missing"),
            ("<Array type=\"real\">-1</Array>", "", "14: Matrix: not one row of numbers for each category"),
            (
                "<Array type=\"real\">-1</Array>",
                "<Array type=\"real\">-1 1</Array>",
                "14: Matrix: not one row of numbers for each category",
            ),
            (
                "<Array type=\"real\">-1</Array>",
                "<Array type=\"real\">z</Array>",
                "14: Array: a value is not a finite number",
            ),
            ("<Matrix>", "<Matrix kind=\"odd\">", "14: Matrix: kind=\"odd\" is not supported"),
        ],
    );
    let covariate = GENERAL.replace("<Predictor name=\"x\"/>", "<Predictor name=\"x\"/><Predictor name=\"c\"/>");
    let start = covariate.find("<FactorList>").unwrap();
    let end = covariate.find("<CovariateList>").unwrap();
    let covariate = document(&[&covariate[1..start], &covariate[end..]].concat());
    let refused = Model::load(Format::Pmml, covariate.as_bytes()).unwrap_err().to_string();
    assert_eq!(refused, "PMML model, line 16: PPCell: a category as covariate");
}

/// Lines 7 to 15 of its document.
const MULTINOMIAL: &str = r#"
<GeneralRegressionModel functionName="classification" modelType="multinomialLogistic" targetReferenceCategory="no">SCHEMA
<ParameterList>
<Parameter name="p0"/>
</ParameterList>
<ParamMatrix>
<PCell parameterName="p0" targetCategory="yes" beta="1"/>
</ParamMatrix>
</GeneralRegressionModel>"#;

#[test]
fn general_regressions_of_classes_that_do_not_fit_are_refused() {
    refuse_each(
        MULTINOMIAL,
        &[
            (
                "targetCategory=\"yes\"",
                "targetCategory=\"maybe\"",
                "7: GeneralRegressionModel: coefficients that are not of all classes but the reference is not supported",
            ),
            (
                "targetReferenceCategory=\"no\"",
                "trialsValue=\"2\" targetReferenceCategory=\"no\"",
                "7: GeneralRegressionModel: trials of classes is not supported",
            ),
            (
                "multinomialLogistic",
                "generalLinear",
                "7: GeneralRegressionModel: classification by modelType \"generalLinear\" is not supported",
            ),
            (
                "multinomialLogistic",
                "ordinalMultinomial",
                "7: GeneralRegressionModel: cumulativeLink=\"\" is not supported",
            ),
        ],
    );
    let ordinal = MULTINOMIAL.replace("multinomialLogistic\"", "ordinalMultinomial\" cumulativeLink=\"logit\"");
    let ordinal = ordinal.replace("targetCategory=\"yes\"", "targetCategory=\"no\"");
    refuse_each(
        &ordinal,
        &[
            (
                "targetCategory=\"no\" beta",
                "targetCategory=\"yes\" beta",
                "7: GeneralRegressionModel: coefficients that are not of all classes but the last is not supported",
            ),
            (
                "<Value value=\"no\"/><Value value=\"yes\"/>",
                "",
                "7: GeneralRegressionModel: ordered classes that the data dictionary does not list is not supported",
            ),
        ],
    );
    let pair = MULTINOMIAL.replace("multinomialLogistic\"", "generalizedLinear\" linkFunction=\"logit\"");
    let pair = pair.replace("targetCategory=\"yes\"", "");
    refuse_each(
        &pair,
        &[(
            "targetReferenceCategory=\"no\"",
            "",
            "7: GeneralRegressionModel: a classification that does not say which class is the reference is not supported",
        )],
    );
}

/// Lines 7 to 16 of its document.
const ENSEMBLE: &str = r#"
<MiningModel functionName="regression">SCHEMA
<Segmentation multipleModelMethod="weightedSum">
<Segment weight="2"><True/>
<TreeModel functionName="regression"><MiningSchema><MiningField name="x"/></MiningSchema><Node score="1"><True/></Node></TreeModel>
</Segment>
<Segment weight="2"><True/>
<TreeModel functionName="regression"><MiningSchema/><Node score="1"><True/></Node></TreeModel>
</Segment>
</Segmentation>
</MiningModel>"#;

#[test]
fn ensembles_that_do_not_fit_are_refused() {
    let tree = "<TreeModel functionName=\"regression\"><MiningSchema/><Node score=\"1\"><True/></Node></TreeModel>";
    let classes =
        "<TreeModel functionName=\"classification\"><MiningSchema/><Node score=\"yes\"><True/></Node></TreeModel>";
    let field = "<MiningField name=\"x\"/></MiningSchema><Node";
    refuse_each(
        ENSEMBLE,
        &[
            ("\"weightedSum\"", "\"odd\"", "8: Segmentation: multipleModelMethod=\"odd\" is not supported"),
            (
                "\"weightedSum\"",
                "\"majorityVote\"",
                "8: Segmentation: multipleModelMethod=\"majorityVote\" for regression is not supported",
            ),
            (
                "\"weightedSum\"",
                "\"sum\" missingThreshold=\"1.5\"",
                "8: Segmentation: missingThreshold is not between 0 and 1",
            ),
            (
                "\"weightedSum\"",
                "\"sum\" missingPredictionTreatment=\"odd\"",
                "8: Segmentation: missingPredictionTreatment=\"odd\" is not supported",
            ),
            (
                "\"weightedSum\"",
                "\"modelChain\" missingPredictionTreatment=\"skipSegment\"",
                "8: Segmentation: missingPredictionTreatment=\"skipSegment\" of a chain is not supported",
            ),
            ("weight=\"2\"", "weight=\"-2\"", "9: Segment: weight is below 0"),
            (tree, "", "12: Segment: holds not exactly one model"),
            (tree, &[tree, tree].concat(), "12: Segment: holds not exactly one model"),
            (tree, &tree.replace("<MiningSchema/>", ""), "13: TreeModel: MiningSchema is missing"),
            (
                tree,
                &tree.replace("functionName", "isScorable=\"false\" functionName"),
                "13: TreeModel: isScorable=\"false\" is not supported",
            ),
            (tree, classes, "12: Segment: a model that answers another question than the whole is not supported"),
            (
                field,
                "<MiningField name=\"q\"/></MiningSchema><Node",
                "10: MiningField: \"q\" is neither an active field nor derived before",
            ),
            (
                field,
                "<MiningField name=\"x\" invalidValueTreatment=\"asMissing\"/></MiningSchema><Node",
                "10: MiningField: invalidValueTreatment of a segment's own is not supported",
            ),
            (
                "functionName=\"regression\">",
                "functionName=\"odd\">",
                "7: MiningModel: functionName=\"odd\" is not supported",
            ),
            (
                "functionName=\"regression\">",
                "functionName=\"regression\" x-mathContext=\"odd\">",
                "7: MiningModel: x-mathContext=\"odd\" is not supported",
            ),
        ],
    );
    let chain = ENSEMBLE.replace("weightedSum", "modelChain");
    refuse_each(
        &chain,
        &[(
            tree,
            classes,
            "8: Segmentation: a chain whose last model answers another question than the whole is not supported",
        )],
    );
    let none = "<MiningModel functionName=\"regression\">SCHEMA</MiningModel>";
    let none = Model::load(Format::Pmml, document(none).as_bytes()).unwrap_err().to_string();
    assert_eq!(none, "PMML model, line 7: MiningModel: no Segmentation is not supported");
    let empty =
        "<MiningModel functionName=\"regression\">SCHEMA\n<Segmentation multipleModelMethod=\"sum\"/></MiningModel>";
    let empty = Model::load(Format::Pmml, document(empty).as_bytes()).unwrap_err().to_string();
    assert_eq!(empty, "PMML model, line 8: Segmentation: no Segment");
    let votes = ENSEMBLE.replace("regression", "classification").replace("score=\"1\"", "score=\"yes\"");
    let votes = votes.replace("weightedSum", "majorityVote");
    let sum = "8: Segmentation: multipleModelMethod=\"sum\" for classification is not supported";
    refuse_each(&votes, &[("\"majorityVote\"", "\"sum\"", sum)]);
}

/// Lines 7 to 15 of its document.
const SCORECARD: &str = r#"
<Scorecard functionName="regression" initialScore="10">SCHEMA
<LocalTransformations><DerivedField name="k" optype="continuous" dataType="double"><Constant>1</Constant></DerivedField></LocalTransformations>
<Characteristics>
<Characteristic name="p" reasonCode="P" baselineScore="5">
<Attribute partialScore="9"><SimplePredicate field="x" operator="lessThan" value="0"/></Attribute>
<Attribute><True/><ComplexPartialScore><FieldRef field="x"/></ComplexPartialScore></Attribute>
</Characteristic>
</Characteristics>
</Scorecard>"#;

#[test]
fn scorecards_that_do_not_fit_are_refused() {
    refuse_each(
        SCORECARD,
        &[
            (
                "functionName=\"regression\"",
                "functionName=\"odd\"",
                "7: Scorecard: functionName=\"odd\" is not supported",
            ),
            (
                "initialScore",
                "useReasonCodes=\"odd\" initialScore",
                "7: Scorecard: useReasonCodes=\"odd\" is not supported",
            ),
            (
                "initialScore",
                "reasonCodeAlgorithm=\"odd\" initialScore",
                "7: Scorecard: reasonCodeAlgorithm=\"odd\" is not supported",
            ),
            ("baselineScore=\"5\"", "", "10: Characteristic: attribute baselineScore is missing"),
            ("reasonCode=\"P\"", "", "11: Attribute: attribute reasonCode is missing, also above"),
            ("partialScore=\"9\"", "", "11: Attribute: not exactly one of partialScore and ComplexPartialScore"),
            (
                "<Attribute><True/>",
                "<Attribute partialScore=\"1\"><True/>",
                "12: Attribute: not exactly one of partialScore and ComplexPartialScore",
            ),
            ("<FieldRef field=\"x\"/></Com", "<FieldRef field=\"c\"/></Com", "12: ComplexPartialScore: is no number"),
            ("<FieldRef field=\"x\"/></Com", "<Lag field=\"x\"/></Com", "12: Lag: this expression is not supported"),
            (
                "<SimplePredicate field=\"x\" operator=\"lessThan\" value=\"0\"/></Attribute>\n<Attribute><True/><ComplexPartialScore><FieldRef field=\"x\"/>",
                "<SimplePredicate field=\"k\" operator=\"lessThan\" value=\"0\"/></Attribute>\n<Attribute><True/><ComplexPartialScore><FieldRef field=\"k\"/>",
                "7: Scorecard: a characteristic that reads no input and is not constant is not supported",
            ),
        ],
    );
    let empty = "<Scorecard functionName=\"regression\">SCHEMA</Scorecard>";
    let empty = Model::load(Format::Pmml, document(empty).as_bytes()).unwrap_err().to_string();
    assert_eq!(empty, "PMML model, line 7: Scorecard: Characteristics is missing");
}
