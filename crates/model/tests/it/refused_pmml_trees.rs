//! What of trees, their predicates, outputs and targets in PMML is refused, and in which words.

use bordereau_model::{Format, Model};

use crate::pmml_models::document;
use crate::refused_pmml::{REGRESSION, refuse_each};

/// Lines 7 to 17 of its document.
const TREE: &str = r#"
<TreeModel functionName="classification" missingValueStrategy="defaultChild">SCHEMA
<Output>
<OutputField name="label" feature="predictedValue"/>
</Output>
<Node score="no" recordCount="9" defaultChild="n"><True/>
<Node id="n" score="yes"><SimplePredicate field="x" operator="lessThan" value="0"/></Node>
<Node score="no"><SimpleSetPredicate field="c" booleanOperator="isIn"><Array type="string" n="2">a "b"</Array></SimpleSetPredicate></Node>
<Node><CompoundPredicate booleanOperator="and"><True/></CompoundPredicate>
<ScoreDistribution value="no" recordCount="3"/><ScoreDistribution value="yes" recordCount="1"/></Node>
</Node>
</TreeModel>"#;

#[test]
fn predicates_that_do_not_fit_are_refused() {
    refuse_each(
        TREE,
        &[
            ("><True/>\n", ">\n", "11: Node: holds not exactly one predicate"),
            ("><True/>\n", "><True/><True/>\n", "11: Node: holds not exactly one predicate"),
            ("operator=\"lessThan\"", "operator=\"near\"", "12: SimplePredicate: operator=\"near\" is not supported"),
            (
                "field=\"x\" operator",
                "field=\"c\" operator",
                "12: SimplePredicate: an order of categories is not supported",
            ),
            ("value=\"0\"", "", "12: SimplePredicate: attribute value is missing"),
            ("value=\"0\"", "value=\"z\"", "12: SimplePredicate: a value is not a finite number"),
            (
                "field=\"c\" booleanOperator",
                "field=\"q\" booleanOperator",
                "13: SimpleSetPredicate: \"q\" is neither an active field nor derived before",
            ),
            ("isIn", "isNear", "13: SimpleSetPredicate: booleanOperator=\"isNear\" is not supported"),
            ("<Array type=\"string\" n=\"2\">a \"b\"</Array>", "", "13: SimpleSetPredicate: Array is missing"),
            ("n=\"2\"", "n=\"3\"", "13: Array: 2 values, n is 3"),
            ("type=\"string\" n", "type=\"odd\" n", "13: Array: type=\"odd\" is not supported"),
            ("\"b\"</Array>", "\"b</Array>", "13: Array: a quote that does not end"),
            ("<True/></Comp", "</Comp", "14: CompoundPredicate: holds no predicate"),
            (
                "booleanOperator=\"and\"",
                "booleanOperator=\"nor\"",
                "14: CompoundPredicate: booleanOperator=\"nor\" is not supported",
            ),
        ],
    );
}

#[test]
fn trees_that_do_not_fit_are_refused() {
    let weighted = TREE
        .replace("defaultChild\">", "weightedConfidence\">")
        .replace("<Node score", "<Node recordCount=\"4\" score");
    let weighted =
        weighted.replace(" recordCount=\"9\"", "").replace("id=\"n\" score", "id=\"n\" recordCount=\"3\" score");
    refuse_each(
        &weighted,
        &[(" recordCount=\"3\" score", " score", "12: Node: weightedConfidence without recordCount is not supported")],
    );
    refuse_each(
        TREE,
        &[
            (
                "<ScoreDistribution value=\"no\" recordCount=\"3\"/>",
                "<ScoreDistribution value=\"no\" recordCount=\"-3\"/>",
                "15: ScoreDistribution: recordCount is below 0, or probability is not given for all",
            ),
            (
                "recordCount=\"3\"/>",
                "recordCount=\"3\" probability=\"0.75\"/>",
                "15: ScoreDistribution: recordCount is below 0, or probability is not given for all",
            ),
            ("recordCount=\"3\"/>", "/>", "15: ScoreDistribution: attribute recordCount is missing"),
            (
                "ScoreDistribution value=\"no\"",
                "ScoreDistribution value=\"nay\"",
                "15: ScoreDistribution: a class that the target does not have",
            ),
            ("score=\"yes\"", "score=\"yea\"", "12: Node: a class that the target does not have"),
            ("recordCount=\"9\"", "recordCount=\"-9\"", "11: Node: recordCount is below 0"),
            (
                "\"defaultChild\"",
                "\"aggregateNodes\"",
                "12: Node: aggregateNodes without ScoreDistribution is not supported",
            ),
            ("\"defaultChild\"", "\"odd\"", "7: TreeModel: missingValueStrategy=\"odd\" is not supported"),
            ("defaultChild=\"n\"", "defaultChild=\"m\"", "11: Node: defaultChild is not the id of a child"),
            (
                "functionName=\"classification\"",
                "functionName=\"clustering\"",
                "7: TreeModel: functionName=\"clustering\" is not supported",
            ),
            (
                "missingValueStrategy",
                "noTrueChildStrategy=\"odd\" missingValueStrategy",
                "7: TreeModel: noTrueChildStrategy=\"odd\" is not supported",
            ),
            (
                "missingValueStrategy",
                "splitCharacteristic=\"odd\" missingValueStrategy",
                "7: TreeModel: splitCharacteristic=\"odd\" is not supported",
            ),
        ],
    );
    let regression = TREE
        .replace("classification\" missingValueStrategy=\"defaultChild", "regression\" missingValueStrategy=\"none");
    let regression = regression
        .replace("\"no\" ", "\"1\" ")
        .replace("score=\"yes\"", "score=\"2\"")
        .replace("score=\"no\"", "score=\"3\"");
    let strategy = "7: TreeModel: missingValueStrategy=\"aggregateNodes\" for regression is not supported";
    refuse_each(&regression, &[("=\"none\"", "=\"aggregateNodes\"", strategy)]);
    let leaf = "<TreeModel functionName=\"classification\">SCHEMA<Node score=\"no\"><True/></Node></TreeModel>";
    let listed = "<Value value=\"no\"/><Value value=\"yes\"/>";
    let unscored = document(leaf).replace(listed, "").replace("<Node score=\"no\">", "<Node>");
    let refused = Model::load(Format::Pmml, unscored.as_bytes()).unwrap_err().to_string();
    assert_eq!(refused, "PMML model, line 7: TreeModel: a classification without classes is not supported");
    refuse_each(leaf, &[("<Node score=\"no\"><True/></Node>", "", "7: TreeModel: Node is missing")]);
}

#[test]
fn outputs_and_targets_that_do_not_fit_are_refused() {
    let field = "feature=\"predictedValue\"";
    let as_text = "<Targets><Target rescaleFactor=\"2\"/></Targets>\n<Output>";
    refuse_each(
        TREE,
        &[
            (field, "segmentId=\"1\"", "9: OutputField: segmentId is not the id of a segment"),
            (field, "feature=\"residual\"", "9: OutputField: feature=\"residual\" is not supported"),
            (field, "feature=\"probability\" value=\"nay\"", "9: OutputField: value is not a class of the target"),
            (field, "feature=\"reasonCode\"", "9: OutputField: a reason code of this model is not supported"),
            (
                field,
                "feature=\"entityId\" rank=\"2\"",
                "9: OutputField: an entity of this rank or model is not supported",
            ),
            (field, "feature=\"affinity\"", "9: OutputField: an affinity of this rank or model is not supported"),
            (field, "rank=\"0\"", "9: OutputField: rank is not a number from 1 on"),
            (field, "rank=\"1.5\"", "9: OutputField: rank is not a number from 1 on"),
            (field, "rankBasis=\"support\"", "9: OutputField: rankBasis=\"support\" is not supported"),
            (field, "rankOrder=\"ascending\"", "9: OutputField: rankOrder=\"ascending\" is not supported"),
            (field, "algorithm=\"rule\"", "9: OutputField: algorithm=\"rule\" is not supported"),
            (field, "isMultiValued=\"1\"", "9: OutputField: isMultiValued=\"1\" is not supported"),
            (field, "isFinalResult=\"maybe\"", "9: OutputField: isFinalResult=\"maybe\" is not supported"),
            (field, "feature=\"transformedValue\"", "9: OutputField: holds not exactly one expression"),
            ("<OutputField", "<Odd/><OutputField", "9: Odd: inside Output is not supported"),
            ("<Output>", as_text, "8: Target: a change of a class's probability is not supported"),
            (
                "<Output>",
                "<Targets><Target/><Target/></Targets><Output>",
                "8: Target: a second target is not supported",
            ),
            ("<Output>", "<Targets><Target odd=\"\"/></Targets><Output>", "8: Target: attribute odd is not supported"),
            (
                "<Output>",
                "<Targets><Target castInteger=\"odd\"/></Targets><Output>",
                "8: Target: castInteger=\"odd\" is not supported",
            ),
            (
                "<Output>",
                "<Targets><Target><TargetValue value=\"no\" priorProbability=\"1\"/></Target></Targets><Output>",
                "7: TreeModel: not a priorProbability for each class of the target",
            ),
        ],
    );
    let table = "<RegressionTable intercept";
    refuse_each(
        REGRESSION,
        &[(
            table,
            "<Output>\n<OutputField name=\"p\" feature=\"probability\"/></Output><RegressionTable intercept",
            "14: OutputField: feature=\"probability\" of this model is not supported",
        )],
    );
}
