//! Keys, references and records over all rows.

use bordereau_base::finding::{FindingCode, Severity};
use bordereau_engine::Error;
use bordereau_engine::progress::Progress;
use bordereau_engine::stages::link::link;
use bordereau_engine::stages::resources::Budget;
use bordereau_engine::stages::validate::{Input, validate};

use crate::books::{file, findings, fleet, linked, linked_with, resources};

#[test]
fn keys_and_references_have_their_findings() {
    let term =
        "policy|start|amount|code\nA|1/1/2020|1|\nB|1/1/2020|1|c\nA|2020-01-01|1|\nC|1/1/2020|1|c\nD|1/1/2020|1|\n";
    let unit = "vin|policy|start|partner\nU1|A|1/1/2020|U2\nU2|B|1/1/2020|U9\nU3|C|1/1/2020|\nU3|D|1/1/2020|\n\
                U5|E|1/1/2020|\nU6||1/1/2020|\n";
    let linked = linked(&fleet(), &[file("unit.csv", unit, 2), file("term.csv", term, 2)]).unwrap();
    let twice = "policy and start must not repeat, and row";
    let code = "code must not repeat, and row";
    let vin = "vin must not repeat, and row";
    assert_eq!(
        findings(&linked),
        [
            format!("term | 2 | A | 1/1/2020 | policy | uniqueKey | error | A | {twice} 4 has the same"),
            format!("term | 3 | B | 1/1/2020 | code | uniqueKey | error | c | {code} 5 has the same"),
            format!("term | 4 | A | 2020-01-01 | policy | uniqueKey | error | A | {twice} 2 has the same"),
            format!("term | 5 | C | 1/1/2020 | code | uniqueKey | error | c | {code} 3 has the same"),
            "unit | 3 | B | 1/1/2020 | partner | foreignKey | warning | U9 | unit has no row with this vin".into(),
            format!("unit | 4 | C | 1/1/2020 | vin | uniqueKey | error | U3 | {vin} 5 has the same"),
            format!("unit | 5 | D | 1/1/2020 | vin | uniqueKey | error | U3 | {vin} 4 has the same"),
            "unit | 6 | E | 1/1/2020 | policy | foreignKey | error | E | term has no row with this policy and start".into(),
            "unit | 7 |  | 1/1/2020 | policy | foreignKey | error | - | without policy and start the row belongs to no term"
                .into(),
        ]
    );
    assert_eq!((linked.records.scored, linked.rows[2].scored), (0, 0));
    let kinds: Vec<_> = linked
        .finding_counts
        .iter()
        .map(|found| (found.relation.as_str(), found.field.as_deref(), found.code, found.severity, found.count))
        .collect();
    assert_eq!(
        kinds,
        [
            ("term", Some("policy"), FindingCode::UniqueKey, Severity::Error, 2),
            ("term", Some("code"), FindingCode::UniqueKey, Severity::Error, 2),
            ("unit", Some("vin"), FindingCode::UniqueKey, Severity::Error, 2),
            ("unit", Some("policy"), FindingCode::ForeignKey, Severity::Error, 2),
            ("unit", Some("partner"), FindingCode::ForeignKey, Severity::Warning, 1),
        ]
    );
}

#[test]
fn a_parent_without_a_needed_child_is_rejected() {
    let term = "policy|start|amount\nA|1/1/2020|1\nB|1/1/2020|1\n";
    let unit = "vin|policy|start\nU1|B|1/1/2020\n";
    let linked = linked(&fleet(), &[file("term.csv", term, 5), file("unit.csv", unit, 5)]).unwrap();
    let said = "unit has no row with this policy and start, and at least one is needed";
    let expected = format!("term | 2 | A | 1/1/2020 | policy | foreignKey | error | A | {said}");
    assert_eq!(findings(&linked), [expected]);
    assert_eq!((linked.records.scored, linked.records.rejected), (1, 1));
}

#[test]
fn an_error_far_below_rejects_the_whole_record() {
    let term = "policy|start|amount\nA|1/1/2020|1\nB|1/1/2020|2\n";
    let unit = "vin|policy|start|used\nU1|A|1/1/2020|Y\nU2|B|1/1/2020|N\nU3|A|1/1/2020|N\n";
    let damage = "damage_no|vin|cost\nD1|U3|5\nD2|U2|6\nD3|U9|7\n";
    let payment = "damage no|paid\nD1|x\nD2|1.5\nD2|2.5\nD3|1\n";
    let files = [
        file("term.csv", term, 5),
        file("unit.csv", unit, 5),
        file("damage.csv", damage, 5),
        file("payment.csv", payment, 5),
    ];
    let linked = linked(&fleet(), &files).unwrap();
    assert_eq!(
        findings(&linked),
        [
            "payment | 2 | - | - | paid | invalidInputValue | error | x | paid must be a number such as 1234.5",
            "damage | 4 | - | - | vin | foreignKey | error | U9 | unit has no row with this vin",
        ]
    );
    let counts: Vec<_> = linked.rows.iter().map(|rows| (rows.read, rows.scored, rows.rejected)).collect();
    // Payment 5 is paid for a damage that belongs to no record.
    assert_eq!(counts, [(4, 2, 2), (2, 1, 1), (3, 1, 2), (3, 1, 2)]);
    let range = linked.range(0).unwrap();
    assert_eq!(range.tables.iter().map(|table| table[0].num_rows()).collect::<Vec<_>>(), [2, 1, 1, 1]);
}

#[test]
fn a_file_with_a_header_and_no_rows_is_no_refusal() {
    let files = [file("term.csv", "policy|start|amount\n", 5), file("unit.csv", "vin|policy|start\n", 5)];
    let linked = linked(&fleet(), &files).unwrap();
    assert_eq!(linked.ranges(), 0);
    assert_eq!(linked.notes, ["term.csv has a header but no rows", "unit.csv has a header but no rows"]);
    assert_eq!((linked.records.read, findings(&linked).len()), (0, 0));
    assert_eq!(linked.relations[0].file, None);
    assert_eq!(linked.relations[1].file.as_deref(), Some("term.csv"));
}

#[test]
fn one_parent_of_very_many_children_in_any_order() {
    let term = "policy|start|amount\nA|1/1/2020|1\nB|1/1/2020|1\n";
    let units: String =
        (0..3_000).map(|n| format!("U{n}|{}|1/1/2020\n", if n % 1_000 == 0 { "B" } else { "A" })).collect();
    let files = [file("term.csv", term, 5), file("unit.csv", &format!("vin|policy|start\n{units}"), 100)];
    let budget =
        Budget { keys_max: 400, key_partition_bits: Some(1), page_rows: 64, range_cells: 100, ..Budget::default() };
    let budget = Budget { range_records_max: 1, ..budget };
    let linked = linked_with(&fleet(), &files, 3, budget).unwrap();
    assert_eq!((findings(&linked).len(), linked.ranges()), (0, 2));
    let rows = |range: usize| linked.range(range).unwrap().tables[2][0].num_rows();
    assert_eq!((rows(0), rows(1)), (2_997, 3));
}

#[test]
fn cancelling_ends_linking() {
    let release = fleet();
    let files = [
        file("term.csv", "policy|start|amount\nA|1/1/2020|1\n", 1),
        file("unit.csv", "vin|policy|start\nU1|A|1/1/2020\n", 1),
    ];
    let scratch = tempfile::tempdir().unwrap();
    let resources = resources(2, scratch.path(), Budget::default());
    let progress = Progress::default();
    let validated = validate(Input::Rows(&files), (&release).into(), &resources, &progress).unwrap();
    progress.cancel();
    let ended = link(validated, (&release).into(), &resources, &progress);
    assert!(matches!(ended, Err(Error::Cancelled)), "{ended:?}");
}
