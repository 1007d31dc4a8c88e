//! From files to typed columns and findings of single rows.

use bordereau_engine::progress::Progress;
use bordereau_engine::stages::resources::Budget;
use bordereau_engine::stages::validate::{Input, validate};
use bordereau_engine::{Error, release::Release};
use serde_json::json;

use bordereau_base::limits::IntakeLimits;
use bordereau_base::refusal::RefusalCode;
use bordereau_engine::stages::link::link;
use bordereau_files::intake::Upload;

use crate::books::{
    FLEET_MANIFEST, NOT_TEXT, file, findings, fleet, linked, refusal, release, resources, without_models,
};

const INSURED: &str = include_str!("../../../../testdata/samples/insureright/insured.psv");
const CLASS: &str = include_str!("../../../../testdata/samples/insureright/class.psv");

#[test]
fn the_sample_of_the_guide_is_accepted_as_it_is() {
    let insureright = without_models("solutions/insureright/1.0.7");
    let linked = linked(&insureright, &[file("insured.psv", INSURED, 10), file("class.psv", CLASS, 10)]).unwrap();
    assert_eq!(findings(&linked), [] as [&str; 0]);
    assert_eq!((linked.records.read, linked.records.scored, linked.records.rejected), (1, 1, 0));
    assert_eq!(linked.ranges(), 1);
    let range = linked.range(0).unwrap();
    assert_eq!(range.records.num_rows(), 1);
    assert_eq!(range.tables.iter().map(|table| table[0].num_rows()).collect::<Vec<_>>(), [1, 2]);
    let absent = &linked.relations[0].absent_columns;
    assert_eq!(absent, &["audit_method_code", "agency"]);
}

#[test]
fn the_other_samples_are_accepted_too() {
    let ca = without_models("solutions/ca/1.0.0");
    let csv = |text: &str| {
        // The tests' own files have no quotes.
        text.replace("\"1234 Test Street, Anytown CO 80309\"", "1234 Test Street").replace(',', "|")
    };
    let term = csv(include_str!("../../../../testdata/samples/ca/term.csv"));
    let unit = csv(include_str!("../../../../testdata/samples/ca/unit.csv"));
    let scored = linked(&ca, &[file("term.csv", &term, 10), file("unit.csv", &unit, 10)]).unwrap();
    assert_eq!((findings(&scored), scored.records.scored), (vec![], 1));
    let claims = without_models("solutions/wc_claims/1.0.0");
    let claim = csv(include_str!("../../../../testdata/samples/wc_claims/claim.csv"));
    let scored = linked(&claims, &[file("Claim.CSV", &claim, 10)]).unwrap();
    assert_eq!((findings(&scored), scored.records.scored), (vec![], 1));
}

fn with_match(fields_match: &str) -> Release {
    let field =
        |name: &str, required: bool| json!({"name": name, "type": "string", "constraints": {"required": required}});
    let dictionary = json!({"name": "one", "resources": [{"name": "claim", "path": "claim.csv", "schema": {
        "fieldsMatch": fields_match,
        "fields": [field("Claim Number", true), field("city", false), field("state", true)],
        "primaryKey": ["Claim Number"],
    }}]});
    let manifest = r#"
        solution = "one"
        version = "1.0.0"
        title = "One"
        active_from = "2024-01-01T00:00:00Z"
        record = "claim"
        submissions.scoring.title = "Score"
    "#;
    release(&dictionary, manifest, "SELECT record, city FROM claim")
}

#[test]
fn headers_match_as_fields_match_says() {
    let lacks = |what: &str| format!("MissingColumn: claim.csv lacks the {what}");
    let has =
        |what: &str| format!("UnexpectedColumn: claim.csv has the {what}, which the relation claim does not have");
    let ok = String::new;
    for (fields_match, header, expected) in [
        ("exact", "claim number|CITY|state", ok()),
        ("exact", "claim_number|state|city", "UnexpectedColumn: claim.csv must have the column city in place 2".into()),
        ("exact", "claim_number|city", lacks("column state")),
        ("exact", "claim_number|city|state|x", has("column x")),
        ("exact", "claim_number|city|state|", has("column number 4 (without a name)")),
        ("equal", "state|city|claim_number", ok()),
        ("equal", "state", lacks("columns Claim Number and city")),
        ("equal", "state|city|claim_number|x|y", has("columns x and y")),
        ("subset", "x|state|city|claim_number", ok()),
        ("subset", "x|state|claim_number", lacks("column city")),
        ("superset", "state|claim_number", ok()),
        ("superset", "state|claim_number|x", has("column x")),
        ("superset", "city", lacks("required columns Claim Number and state")),
        ("partial", "state|claim_number|x", ok()),
        ("partial", "state|x", lacks("required column Claim Number")),
        ("partial", "x|y", lacks("required columns Claim Number and state")),
        (
            "equal",
            "city|state|n\u{7}",
            format!("{}; {}", lacks("column Claim Number"), has("column n\u{fffd}").replace("UnexpectedColumn: ", "")),
        ),
    ] {
        let release = with_match(fields_match);
        let files = [file("claim.csv", &format!("{header}\n"), 10)];
        match expected.as_str() {
            "" => assert_eq!(linked(&release, &files).unwrap().notes, ["claim.csv has a header but no rows"]),
            expected => assert_eq!(refusal(&release, &files), expected, "{fields_match} {header}"),
        }
    }
}

#[test]
fn a_file_without_any_known_column_is_refused() {
    let manifest = FLEET_MANIFEST.replace("[\"term.note\", \"term.low\", \"unit.partner\"]", "[]");
    let dictionary = json!({"name": "loose", "resources": [
        {"name": "term", "path": "term.csv", "schema": {"fieldsMatch": "partial", "fields":
            [{"name": "policy", "type": "string"}], "primaryKey": ["policy"]}},
        {"name": "extra", "path": "extra.csv", "schema": {"fieldsMatch": "partial", "fields":
            [{"name": "policy", "type": "string"}],
            "foreignKeys": [{"fields": ["policy"], "reference": {"resource": "term", "fields": ["policy"]}}]}},
    ]});
    let head = manifest.split("[relations.unit]").next().unwrap();
    let release = release(&dictionary, head, "SELECT record, policy FROM term");
    let files = [file("term.csv", "policy\nA", 1), file("extra.csv", "x|y\n1|2", 1)];
    assert_eq!(refusal(&release, &files), "MissingColumn: extra.csv has no column of the relation extra");
}

#[test]
fn all_that_is_wrong_with_names_is_one_report() {
    let files = [file("term.csv", "policy|amount\n", 1), file("Trailer.csv", "a\n", 1), file("b.csv", "a\n", 1)];
    let expected = "UnknownRelation: Trailer.csv and b.csv are for no relation of the solution, which has payment, term, unit \
                    and damage; the upload has no file for the relation unit; term.csv lacks the required column start";
    assert_eq!(refusal(&fleet(), &files), expected);
    let files = [file("payment.csv", "paid\n", 1)];
    let expected = "MissingRelation: the upload has no files for the relations term and unit";
    assert_eq!(refusal(&fleet(), &files), expected);
    let files = [
        file("term.csv", "policy|start|amount\n", 1),
        file("unit.csv", "vin|policy|start\n", 1),
        file("x.y", "a\n", 1),
    ];
    assert!(refusal(&fleet(), &files).starts_with("UnknownRelation: x.y is for no relation of the solution"));
}

#[test]
fn long_lists_of_names_are_cut() {
    let header: Vec<String> = (0..30).map(|n| format!("c{n}")).collect();
    let header = format!("claim number|city|state|{}\n", header.join("|"));
    let refused = refusal(&with_match("equal"), &[file("claim.csv", &header, 1)]);
    assert!(refused.contains("c18, c19 and 10 more, which"), "{refused}");
    let header = format!("claim number|city|state|{}\n", "x".repeat(5_000));
    let refused = refusal(&with_match("equal"), &[file("claim.csv", &header, 1)]);
    assert!(refused.len() < 300, "{refused}");
}

#[test]
fn every_kind_of_fault_of_a_row_has_its_finding() {
    let header = "policy|start|amount|low|high|note|code";
    let unit = "vin|policy|start|used|partner\nU1|A|1/1/2020|Y|\n";
    for (row, expected) in [
        // As it should be; blanks around values do not count.
        ("A|2020-01-01| 5 |1|2|a note|c1", vec![]),
        ("A|1/1/2020||1|2||", vec!["A | 1/1/2020 | amount | required | error | - | amount is required"]),
        (
            "A|1/1/2020|x |1|2||",
            vec!["A | 1/1/2020 | amount | invalidInputValue | error | x  | amount must be a number such as 1234.5"],
        ),
        (
            "A|1/1/2020|-1|1|2||",
            vec!["A | 1/1/2020 | amount | invalidInputValue | error | -1 | amount must be at least 0"],
        ),
        (
            "A|1/1/2020|1|1|2|a note that is far too long|",
            vec![
                "A | 1/1/2020 | note | invalidInputValue | warning | a note that is far too long | note must have at most 20 \
                 characters",
            ],
        ),
        ("A|1/1/2020|1|3|2||", vec!["A | 1/1/2020 | high | dependency | error | 2 | high must not be below low"]),
        ("A|1/1/2020|1|200|300||", vec!["A | 1/1/2020 | low | dependency | warning | 200 | low should be below 100"]),
        (
            "A|1/1/2020|1|0|300||",
            vec![
                "A | 1/1/2020 | low | dependency | warning | 0 | low should be below 100 (this could not be computed for the \
                 row)",
            ],
        ),
        // No rule is asked about a value that is at fault.
        (
            "A|1/1/2020|1|x|300||",
            vec!["A | 1/1/2020 | low | invalidInputValue | warning | x | low must be a whole number"],
        ),
        // Missing values leave a rule open.
        ("A|1/1/2020|1||300||", vec![]),
        (
            "A|1/1/2020|1",
            vec!["A | 1/1/2020 | - | raggedRow | error | - | the row has 3 values, but the header has 7 names"],
        ),
        (
            "A|1/1/2020|1|9|2|||more",
            vec!["A | 1/1/2020 | - | raggedRow | error | - | the row has 8 values, but the header has 7 names"],
        ),
    ] {
        let term = format!("{header}\n\n{row}\n");
        let linked = linked(&fleet(), &[file("term.csv", &term, 1), file("unit.csv", unit, 1)]).unwrap();
        let expected: Vec<String> = expected.iter().map(|line| format!("term | 3 | {line}")).collect();
        assert_eq!(findings(&linked), expected, "{row}");
        let rejected = expected.iter().any(|line| line.contains("| error |"));
        assert_eq!(linked.records.rejected, u64::from(rejected), "{row}");
        assert_eq!(linked.rows[2].rejected, u64::from(rejected), "{row}");
    }
}

#[test]
fn bytes_that_are_not_text_are_a_finding() {
    let term = format!("policy|start|amount|note\nA|1/1/2020|1|{NOT_TEXT}\n");
    let unit = "vin|policy|start\nU1|A|1/1/2020\n";
    let linked = linked(&fleet(), &[file("term.csv", &term, 1), file("unit.csv", unit, 1)]).unwrap();
    let expected = "term | 2 | A | 1/1/2020 | - | encoding | error | - | the row holds bytes that are not text in the encoding of the file";
    assert_eq!(findings(&linked), [expected]);
}

#[test]
fn a_rule_that_fails_for_some_rows_is_judged_for_all_others() {
    let rows: String =
        (0..100).map(|n| format!("P{n}|1/1/2020|1|{}|500\n", if n % 10 == 3 { 0 } else { n + 50 })).collect();
    let units: String = (0..100).map(|n| format!("U{n}|P{n}|1/1/2020\n")).collect();
    for block_rows in [1, 7, 100] {
        let term = file("term.csv", &format!("policy|start|amount|low|high\n{rows}"), block_rows);
        let unit = file("unit.csv", &format!("vin|policy|start\n{units}"), block_rows);
        let linked = linked(&fleet(), &[term, unit]).unwrap();
        let findings = findings(&linked);
        assert_eq!(findings.iter().filter(|line| line.contains("could not be computed")).count(), 10);
        // Of the others 100 / low, a whole number, is above 1 for P0 only.
        assert_eq!(findings.len(), 10 + 89);
        assert_eq!(linked.records.scored, 100);
    }
}

#[test]
fn progress_is_counted_and_cancelling_ends_the_batch() {
    let release = fleet();
    let files = [
        file("term.csv", "policy|start|amount\nA|1/1/2020|1\nB|1/1/2020|1\n", 1),
        file("unit.csv", "vin|policy|start\nU1|A|1/1/2020\n", 1),
    ];
    let scratch = tempfile::tempdir().unwrap();
    let resources = resources(2, scratch.path(), Budget::default());
    let progress = Progress::default();
    validate(Input::Rows(&files), (&release).into(), &resources, &progress).unwrap();
    assert_eq!(progress.rows_read.into_inner(), 3);
    let progress = Progress::default();
    progress.cancel();
    let ended = validate(Input::Rows(&files), (&release).into(), &resources, &progress);
    assert!(matches!(ended, Err(Error::Cancelled)), "{ended:?}");
}

/// Files of an upload in a folder, opened.
fn uploaded(folder: &tempfile::TempDir, files: &[(&str, &str)]) -> Upload {
    files.iter().for_each(|(name, text)| std::fs::write(folder.path().join(name), text).unwrap());
    Upload::open(&[folder.path().to_owned()], &IntakeLimits::default()).unwrap()
}

#[test]
fn an_upload_goes_the_way_of_rows_in_memory() {
    let terms: String = (0..40_000)
        .map(|n| format!("P{n},1/1/2020, {n}.25 ,1,2,\"a note, {n}\"\r\n{}", if n % 1_000 == 7 { "\r\n" } else { "" }))
        .collect();
    let units: String = (0..40_000).map(|n| format!("U{n}|P{}|1/1/2020|{}\n", n * 7 % 40_000, n % 3 == 0)).collect();
    let term = format!("Policy,START,amount,low,high,Note\r\n{terms}");
    let unit = format!("vin|policy|start|used\n{units}");
    let folder = tempfile::tempdir().unwrap();
    let upload = uploaded(&folder, &[("term.csv", &term), ("UNIT.psv", &unit)]);
    let release = fleet();
    let scratch = tempfile::tempdir().unwrap();
    for threads in [1, 3] {
        let resources = resources(threads, scratch.path(), Budget::default());
        let progress = Progress::default();
        let validated = validate(Input::Upload(&upload), (&release).into(), &resources, &progress).unwrap();
        assert_eq!(progress.rows_read.load(std::sync::atomic::Ordering::Relaxed), 80_000);
        assert_eq!(progress.bytes_read.load(std::sync::atomic::Ordering::Relaxed), (term.len() + unit.len()) as u64);
        let linked = link(validated, (&release).into(), &resources, &progress).unwrap();
        // Every unit has `true` or `false` where only Y and N are known.
        assert_eq!((linked.records.read, linked.records.rejected, linked.rows[2].read), (40_000, 40_000, 40_000));
        let lines = findings(&linked);
        assert_eq!(lines.len(), 40_000);
        let said =
            "unit | 40001 | P39993 | 1/1/2020 | used | invalidInputValue | error | true | used must be one of Y, N";
        assert_eq!(lines[39_999], said);
        assert!(linked.relations[2].assumptions.is_some());
        assert_eq!(linked.relations[2].file.as_deref(), Some("UNIT.psv"));
    }
}

#[test]
fn what_intake_refuses_is_in_the_report_too() {
    let folder = tempfile::tempdir().unwrap();
    let upload = uploaded(&folder, &[("term.csv", "policy,Policy \n"), ("damage.csv", "damage no,cost\n")]);
    let scratch = tempfile::tempdir().unwrap();
    let resources = resources(1, scratch.path(), Budget::default());
    let ended = validate(Input::Upload(&upload), (&fleet()).into(), &resources, &Progress::default());
    let Err(Error::Refused(refusal)) = ended else { panic!("{ended:?}") };
    assert_eq!(refusal.code, RefusalCode::MissingRelation);
    let (first, second) = refusal.message.split_once("; ").unwrap();
    assert_eq!(first, "the upload has no file for the relation unit");
    assert!(second.contains("term.csv") && second.contains("policy"), "{second}");
}
