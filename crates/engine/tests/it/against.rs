//! Uploads held against releases: columns, refusals, reasons, and the numbers of a real batch.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bordereau_engine::Error;
use bordereau_engine::against::{Asked, AskedError, against, against_all, against_upload};
use bordereau_engine::catalog::Catalog;
use bordereau_engine::progress::Progress;
use bordereau_engine::release::Release;
use bordereau_engine::stages::resources::Resources;
use bordereau_engine::stages::validate::{Input, RowsFile};
use bordereau_profile::document::{Against, AgainstStatus};

use crate::books::{file, fleet, without_models};
use crate::fixture::{options, release_with, score};

const POLICIES: &str = "\
number,effective,amount,kind,renewal,holder,colour
P1,2020-01-31,100,shop,N,Ann,red
P2,2/1/2020,900,boat,Y,,red
P3,2020-03-01,,farm,N,Cid,red
P4,2020-03-01,many,farm,N,Dee,red
P4,2020-03-01,5000,farm,N,Dee,red
P5,2020-03-01,0,farm,Y,Eve,red
P6,2020-03-01,50,barn,N,Fay,red
P7,2020-03-01,50
P8,2020-03-01,50,farm,,Hal,red
";
const ITEMS: &str = "number,effective,item\nP2,2020-02-01,1\nP1,1/31/2020,1\nP1,1/31/2020,1\nP9,2020-01-01,0\n";

fn resources() -> Resources {
    Resources::new(NonZeroUsize::new(2).unwrap(), &std::env::temp_dir())
}

fn scoring(release: Arc<Release>) -> Asked {
    Asked::new(release, "scoring".parse().unwrap()).unwrap()
}

/// Holds rows made in memory against a release.
fn held(release: Release, files: &[RowsFile]) -> Against {
    against(Input::Rows(files), &scoring(Arc::new(release)), &resources(), &Progress::default()).unwrap()
}

/// Holds files given as name and text against what is asked.
fn held_files(files: &[(&str, &str)], asked: &[Asked]) -> Vec<Against> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let paths = [folder.path().to_owned()];
    against_upload(&paths, &Default::default(), asked, &resources(), &Progress::default()).unwrap()
}

fn status(answer: &Against, relation: &str, name: &str) -> (AgainstStatus, u64) {
    let found = answer.columns.iter().find(|column| column.relation == relation && column.name == name);
    let column = found.unwrap_or_else(|| panic!("no {relation}.{name} in {:?}", answer.columns));
    (column.status, column.values_rejected)
}

/// One line for each reason.
fn reasons(answer: &Against) -> Vec<String> {
    let rows = answer.rejected_rows.iter().map(|row| ("error", row));
    let rows = rows.chain(answer.warned_rows.iter().map(|row| ("warning", row)));
    rows.map(|(severity, row)| {
        format!("{} {severity} {} {}.{}: {}", row.rows, row.code, row.relation, row.field, row.reason)
    })
    .collect()
}

/// Findings by relation, field, code and severity, from an answer.
fn counts(answer: &Against) -> BTreeMap<(String, String, String, &'static str), u64> {
    let mut counts = BTreeMap::new();
    for (severity, rows) in [("error", &answer.rejected_rows), ("warning", &answer.warned_rows)] {
        for row in rows {
            *counts.entry((row.relation.clone(), row.field.clone(), row.code.clone(), severity)).or_default() +=
                row.rows;
        }
    }
    counts
}

/// Checks that the numbers are those of the summary of a batch that was really scored.
fn agrees_with_batch(release: &Arc<Release>, files: &[(&str, &str)]) -> Against {
    let summary = score(release, files, &options()).unwrap().outcome.summary;
    let answer = held_files(files, &[scoring(Arc::clone(release))]).remove(0);
    let found = summary.findings.iter().map(|found| {
        let field = found.field.clone().unwrap_or_default();
        ((found.relation.clone(), field, found.code.as_str().to_owned(), found.severity.as_str()), found.count)
    });
    assert_eq!(counts(&answer), found.collect());
    let records = (answer.records_read, answer.records_accepted, answer.records_rejected);
    assert_eq!(records, (summary.records.read, summary.records.scored, summary.records.rejected));
    assert_eq!(answer.fits, summary.records.scored > 0);
    assert_eq!(answer.refusal, None);
    answer
}

#[test]
fn the_numbers_are_those_of_a_batch() {
    let answer = agrees_with_batch(&release_with(&[]), &[("policy.csv", POLICIES), ("item.csv", ITEMS)]);
    assert_eq!((answer.solution.as_str(), answer.submission.as_str()), ("small", "scoring"));
    assert_eq!((answer.release.as_str(), answer.fits), ("1.0.0", true));
    assert_eq!((answer.records_read, answer.records_accepted, answer.records_rejected), (9, 3, 6));
    for (relation, name, expected) in [
        ("policy", "number", (AgainstStatus::Fits, 0)),
        ("policy", "amount", (AgainstStatus::SomeRejected, 2)),
        ("policy", "kind", (AgainstStatus::SomeRejected, 1)),
        ("policy", "renewal", (AgainstStatus::SomeRejected, 1)),
        ("policy", "colour", (AgainstStatus::Unknown, 0)),
        ("item", "number", (AgainstStatus::Fits, 0)),
        ("item", "item", (AgainstStatus::SomeRejected, 1)),
    ] {
        assert_eq!(status(&answer, relation, name), expected, "{relation}.{name}");
    }
    assert_eq!(
        reasons(&answer),
        [
            "2 error uniqueKey policy.number: number and effective must not repeat",
            "2 error uniqueKey item.number: number, effective and item must not repeat",
            "1 error raggedRow policy.: the row has more or fewer values than the header has names",
            "1 error invalidInputValue policy.amount: amount must be a number such as 1234.5",
            "1 error invalidInputValue policy.amount: amount must be at most 1000",
            "1 error dependency policy.amount: amount must be above 0 for a renewal",
            "1 error required policy.renewal: renewal is required",
            "1 error foreignKey item.number: policy has no row with this number and effective",
            "1 error invalidInputValue item.item: item must be at least 1",
            "1 warning invalidInputValue policy.kind: kind must be one of shop, farm, boat",
        ]
    );
    let words = |name: &str| answer.columns.iter().find(|column| column.name == name).unwrap().expected.clone();
    assert_eq!(words("number"), "string, required, primary key; matches P[0-9]{1,9}");
    assert_eq!(words("kind"), "string; one of shop, farm, boat; a fault is a warning");
    assert_eq!(words("colour"), "");
    let order: Vec<&str> = answer.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(order.last(), Some(&"colour"));
}

#[test]
fn the_samples_fit_their_solutions() {
    let catalog = Catalog::embedded().unwrap();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/samples");
    for solution in catalog.solutions() {
        // Some take the files of others.
        let folder = samples.join(match solution.as_str() {
            "wc" => "insureright",
            "manage" => "wc_claims",
            own => own,
        });
        for release in catalog.releases(solution) {
            let submission = release.manifest.submissions.keys().next().unwrap();
            let asked = [Asked::new(Arc::clone(release), submission.clone()).unwrap()];
            let paths = [folder.clone()];
            let limits = Default::default();
            let answer = against_upload(&paths, &limits, &asked, &resources(), &Progress::default()).unwrap().remove(0);
            assert!(answer.fits && answer.rejected_rows.is_empty(), "{solution}: {answer:?}");
            assert_eq!((answer.records_accepted, answer.refusal), (1, None));
            let statuses = answer.columns.iter().map(|column| column.status);
            assert!(
                statuses.clone().all(|status| matches!(
                    status,
                    AgainstStatus::Fits | AgainstStatus::Absent | AgainstStatus::Unknown
                ))
            );
        }
    }
}

#[test]
fn a_relation_that_may_be_absent_has_absent_columns() {
    let answer = agrees_with_batch(&release_with(&[]), &[("policy.csv", POLICIES)]);
    assert!(answer.fits);
    assert_eq!(status(&answer, "item", "number"), (AgainstStatus::Absent, 0));
}

#[test]
fn a_missing_relation_is_a_refusal_and_the_others_are_checked() {
    let insureright = without_models("solutions/insureright/1.0.7");
    let class = "original_policy_term_number|term_effective_date|state_code|class_code|payroll_amount_initial\n\
                 A|7/7/2017|CO|4771|-1\nA|7/7/2017|CO|477|2\nA|7/7/2017|CO|4771|3\n";
    let answer = held(insureright, &[file("class.psv", class, 2)]);
    assert_eq!(answer.refusal.as_deref(), Some("the upload has no file for the relation insured"));
    assert!(!answer.fits);
    assert_eq!((answer.records_read, answer.records_accepted, answer.records_rejected), (0, 0, 0));
    assert_eq!(status(&answer, "insured", "policy_zip_code").0, AgainstStatus::Missing);
    assert_eq!(status(&answer, "insured", "agency").0, AgainstStatus::Absent);
    assert_eq!(status(&answer, "class", "payroll_amount_initial"), (AgainstStatus::SomeRejected, 1));
    assert_eq!(status(&answer, "class", "class_code"), (AgainstStatus::SomeRejected, 1));
    assert_eq!(status(&answer, "class", "state_code"), (AgainstStatus::Fits, 0));
    let codes: Vec<&str> = answer.rejected_rows.iter().map(|row| row.code.as_str()).collect();
    // Nothing is said of parents, which were not sent; keys of the relation itself are compared.
    assert_eq!(codes, ["uniqueKey", "invalidInputValue", "invalidInputValue"], "{:?}", reasons(&answer));
}

#[test]
fn a_missing_column_is_a_refusal_and_the_others_are_checked() {
    let policies = "number,effective,amount,kind\nP1,2020-01-01,many,shop\nP1,2020-01-01,0,barn\n";
    let items = "number,item\nP1,1\nP7,0\nP8,1\n";
    let asked = [scoring(release_with(&[]))];
    let answer = held_files(&[("policy.csv", policies), ("item.csv", items)], &asked).remove(0);
    let refusal = "policy.csv lacks the required column renewal; item.csv lacks the required column effective";
    assert_eq!((answer.fits, answer.refusal.as_deref()), (false, Some(refusal)));
    assert_eq!((answer.records_read, answer.records_accepted, answer.records_rejected), (2, 0, 2));
    for (relation, name, expected) in [
        ("policy", "renewal", (AgainstStatus::Missing, 0)),
        ("policy", "holder", (AgainstStatus::Absent, 0)),
        ("policy", "amount", (AgainstStatus::SomeRejected, 1)),
        ("policy", "kind", (AgainstStatus::SomeRejected, 1)),
        ("item", "effective", (AgainstStatus::Missing, 0)),
        ("item", "item", (AgainstStatus::SomeRejected, 1)),
    ] {
        assert_eq!(status(&answer, relation, name), expected, "{relation}.{name}");
    }
    // The key of policies is there and compared; the rule that reads `renewal`, the key of items and their reference
    // are not judged.
    assert_eq!(
        reasons(&answer),
        [
            "2 error uniqueKey policy.number: number and effective must not repeat",
            "1 error invalidInputValue policy.amount: amount must be a number such as 1234.5",
            "1 error invalidInputValue item.item: item must be at least 1",
            "1 warning invalidInputValue policy.kind: kind must be one of shop, farm, boat",
        ]
    );
}

#[test]
fn several_relations_below_each_other_are_followed() {
    let term = "policy|start|amount|code\nA|1/1/2020|1|c\nB|1/1/2020|1|c\nC|1/1/2020|1|\n";
    let unit = "vin|policy|start|used|partner\nU1|A|1/1/2020|Y|U1\nU2|B|1/1/2020|x|U9\nU3|C|1/1/2020|Y|\n";
    let damage = "damage_no|vin|cost\nD1|U3|5\nD2|U4|5\n";
    let payment = "damage no|paid\nD1|5\nD2|many\n|7\n";
    let files = [
        file("term.csv", term, 2),
        file("unit.csv", unit, 2),
        file("damage.csv", damage, 1),
        file("payment.csv", payment, 2),
    ];
    let answer = held(fleet(), &files);
    assert_eq!((answer.records_read, answer.records_accepted, answer.fits), (3, 1, true));
    // A field that must not repeat is a constraint of its column.
    assert_eq!(status(&answer, "term", "code"), (AgainstStatus::SomeRejected, 2));
    assert_eq!(status(&answer, "unit", "used"), (AgainstStatus::SomeRejected, 1));
    assert_eq!(status(&answer, "unit", "partner"), (AgainstStatus::Fits, 0));
    assert_eq!(
        reasons(&answer),
        [
            "2 error uniqueKey term.code: code must not repeat",
            "1 error foreignKey payment.damage no: without damage no the row belongs to no damage",
            "1 error invalidInputValue payment.paid: paid must be a number such as 1234.5",
            "1 error invalidInputValue unit.used: used must be one of Y, N",
            "1 error foreignKey damage.vin: unit has no row with this vin",
            "1 warning foreignKey unit.partner: unit has no row with this vin",
        ]
    );
    // The record relation's file is not sent: what lies between the others is still compared.
    let answer = held(fleet(), &files[1..]);
    assert_eq!(answer.refusal.as_deref(), Some("the upload has no file for the relation term"));
    assert!(reasons(&answer).contains(&"1 error foreignKey damage.vin: unit has no row with this vin".to_owned()));
    assert!(!reasons(&answer).iter().any(|reason| reason.contains("unit.policy")), "{:?}", reasons(&answer));
}

#[test]
fn what_cannot_be_read_is_not_checked() {
    let asked = [scoring(release_with(&[]))];
    let unclosed = "number,effective,item\nP2,\"2020-02-01,1\n";
    for (items, part, of_items) in [
        ("number,number\nP1,1\n", "number", AgainstStatus::NotChecked),
        (unclosed, "item.csv", AgainstStatus::NotChecked),
    ] {
        let answer = held_files(&[("policy.csv", POLICIES), ("item.csv", items)], &asked).remove(0);
        let refusal = answer.refusal.clone().unwrap_or_default();
        assert!(refusal.contains(part) && !answer.fits, "{refusal}");
        assert_eq!(status(&answer, "item", "item").0, of_items);
        assert_eq!(answer.records_accepted, 0);
    }
    // A header that cannot be read keeps nothing else from being checked, an end inside of a file does.
    let answer = held_files(&[("policy.csv", POLICIES), ("item.csv", "number,number\n")], &asked).remove(0);
    assert_eq!(status(&answer, "policy", "amount"), (AgainstStatus::SomeRejected, 2));
    assert_eq!(answer.records_read, 9);
    let answer = held_files(&[("policy.csv", POLICIES), ("item.csv", unclosed)], &asked).remove(0);
    assert_eq!(status(&answer, "policy", "amount"), (AgainstStatus::NotChecked, 0));
    assert_eq!((answer.records_read, answer.rejected_rows.len()), (0, 0));
}

#[test]
fn an_upload_that_cannot_be_opened_is_refused_in_the_answer() {
    let asked = [scoring(release_with(&[]))];
    let answer = held_files(&[("policy.csv.gz", "x")], &asked).remove(0);
    assert_eq!(answer.refusal.as_deref(), Some("policy.csv.gz is not a csv, psv, tsv or txt file"));
    assert!(answer.columns.iter().all(|column| column.status == AgainstStatus::NotChecked));
    let nowhere = [PathBuf::from("/nowhere/at/all")];
    let ended = against_upload(&nowhere, &Default::default(), &asked, &resources(), &Progress::default());
    assert!(matches!(ended, Err(Error::Io(_))), "{ended:?}");
}

#[test]
fn a_header_without_rows_does_not_fit() {
    let asked = [scoring(release_with(&[]))];
    let answer = held_files(&[("policy.csv", "number,effective,renewal\n")], &asked).remove(0);
    assert_eq!((answer.fits, answer.refusal, answer.records_read), (false, None, 0));
}

#[test]
fn all_solutions_are_answered_and_strangers_in_a_sentence() {
    let catalog = Catalog::embedded().unwrap();
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let asked = Asked::all(&catalog, now);
    let paths = [Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/samples/insureright")];
    let answers = against_all(&paths, &Default::default(), &asked, &resources(), &Progress::default()).unwrap();
    assert_eq!(answers.len(), asked.len());
    for answer in &answers {
        let is_its_own = matches!(answer.solution.as_str(), "insureright" | "wc");
        assert_eq!((answer.fits, answer.columns.is_empty()), (is_its_own, !is_its_own), "{}", answer.solution);
    }
    let ca = answers.iter().find(|answer| answer.solution == "ca").unwrap();
    let message = "no file is named after a relation of the solution, which has term and unit";
    assert_eq!(ca.refusal.as_deref(), Some(message));
    let mut solutions: Vec<&str> = answers.iter().map(|answer| answer.solution.as_str()).collect();
    solutions.dedup();
    assert_eq!(solutions, ["ca", "gl", "insureright", "manage", "wc", "wc_claims"]);
}

#[test]
fn submissions_of_a_release_have_the_same_numbers() {
    let both = ("solution.toml", "[relations.item]", "[submissions.quote]\ntitle = \"Quote\"\n\n[relations.item]");
    let mut catalog = Catalog::default();
    catalog.add(Arc::into_inner(release_with(&[both])).unwrap());
    let asked = Asked::all(&catalog, "2026-01-01T00:00:00Z".parse().unwrap());
    let answers = held_files(&[("policy.csv", POLICIES)], &asked);
    assert_eq!(answers.iter().map(|answer| answer.submission.as_str()).collect::<Vec<_>>(), ["quote", "scoring"]);
    assert_eq!(answers[0].rejected_rows, answers[1].rejected_rows);
}

#[test]
fn what_is_asked_is_named() {
    let catalog = Catalog::embedded().unwrap();
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let parse = |text: &str| Asked::parse(text, &catalog, now);
    let version = |text: &str| parse(text).map(|asked| asked.release().manifest.version.to_string());
    assert_eq!(version("insureright/scoring").unwrap(), "1.0.7");
    assert_eq!(version("insureright@1.1.0/scoring").unwrap(), "1.1.0");
    for (text, expected) in [
        ("insureright", AskedError::Form.to_string()),
        ("nobody/scoring", "there is no solution nobody".into()),
        ("insureright@9/scoring", "insureright has no release 9".into()),
        ("insureright/dance", "insureright has no submission dance; it has scoring".into()),
        ("insureright@x/scoring", "a release version must be one to four numbers, such as 1.0.7".into()),
    ] {
        assert_eq!(parse(text).unwrap_err().to_string(), expected, "{text}");
    }
    let before = Asked::parse("insureright/scoring", &catalog, "1990-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(before.unwrap_err().to_string(), "insureright has no active release");
}

#[test]
fn a_cancelled_answer_ends() {
    let progress = Progress::default();
    progress.cancel();
    let files = [file("policy.csv", &POLICIES.replace(',', "|"), 10)];
    let asked = scoring(release_with(&[]));
    let ended = against(Input::Rows(&files), &asked, &resources(), &progress);
    assert!(matches!(ended, Err(Error::Cancelled)));
}

#[test]
fn threads_change_nothing() {
    let mut policies = "number,effective,amount,kind,renewal\n".to_owned();
    for n in 0..40_000 {
        policies.push_str(&format!("P{},2020-01-{:02},{},shop,Y\n", n % 39_000, n % 28 + 1, n % 1_100));
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policy.csv"), policies).unwrap();
    let asked = [scoring(release_with(&[]))];
    let paths = [folder.path().to_owned()];
    let answer = |threads| {
        let resources = Resources::new(NonZeroUsize::new(threads).unwrap(), folder.path().parent().unwrap());
        against_upload(&paths, &Default::default(), &asked, &resources, &Progress::default()).unwrap()
    };
    assert_eq!(answer(1), answer(4));
    assert!(answer(1)[0].records_rejected > 1_000);
}
