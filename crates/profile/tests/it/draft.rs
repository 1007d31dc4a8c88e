//! Drafted dictionaries: the file that a draft was made from has no finding under it.

use std::collections::BTreeSet;
use std::path::Path;

use bordereau_base::cell::{CellRules, trim_blanks};
use bordereau_base::dictionary::{Dictionary, FieldKind, Relation};
use bordereau_profile::datapackage::draft;
use bordereau_profile::document::Profile;
use proptest::prelude::*;
use serde_json::Value;

use crate::uploads::{file, outcome, rows};

/// The draft as a dictionary.
fn dictionary(profile: &Profile) -> Dictionary {
    let draft = draft(profile);
    Dictionary::from_json(draft.to_string().as_bytes()).unwrap_or_else(|problems| panic!("{draft:#}\n{problems:?}"))
}

/// The cells of a file, by a reader of its own: quotes are doubled inside quotes.
fn table(text: &str, delimiter: char) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' if quoted || cell.is_empty() => quoted = !quoted,
            c if c == delimiter && !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            c => cell.push(c),
        }
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    rows
}

/// All cells read, required, unique and primary keys hold.
fn assert_holds(relation: &Relation, rows: &[Vec<String>]) {
    let rules: Vec<CellRules> = relation.fields.iter().map(CellRules::new).collect();
    let mut keys = BTreeSet::new();
    let mut unique: Vec<BTreeSet<String>> = vec![BTreeSet::new(); rules.len()];
    for row in rows {
        let mut key = Vec::new();
        for (at, (field, rules)) in relation.fields.iter().zip(&rules).enumerate() {
            let cell = row.get(at).map(String::as_str).unwrap_or_default();
            let value = rules.read(cell);
            let shown = || format!("{}.{}: {cell:?}: {field:?}", relation.name, field.name);
            let value = value.unwrap_or_else(|violation| panic!("{violation:?} {}", shown()));
            let text = format!("{value:?}");
            if field.constraints.unique && value.is_some() {
                assert!(unique[at].insert(text.clone()), "unique {}", shown());
            }
            if relation.primary_key.contains(&at) {
                key.push(text);
            }
        }
        assert!(relation.primary_key.is_empty() || keys.insert(key), "primary key of {}", relation.name);
    }
}

fn assert_holds_for(files: &[(&str, &[u8])]) -> Dictionary {
    let dictionary = dictionary(&outcome(files).profile);
    for ((name, bytes), relation) in files.iter().zip(&dictionary.relations) {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let delimiter = if name.ends_with(".psv") { '|' } else { ',' };
        let mut rows = table(&text, delimiter);
        let header = rows.remove(0);
        assert_eq!(header.len(), relation.fields.len());
        assert!(header.iter().zip(&relation.fields).all(|(name, field)| trim_blanks(name) == field.name));
        assert_holds(relation, &rows);
    }
    dictionary
}

/// Cells of one flavour for a whole column, so that types other than text come up.
fn cells() -> impl Strategy<Value = Vec<String>> {
    let flavour = |pattern: &'static str| prop::collection::vec(pattern, 12);
    prop_oneof![
        flavour("-?[0-9]{1,6}"),
        flavour("-?[0-9]{1,4}\\.[0-9]{0,3}"),
        flavour("[0-9]{1,3}(,[0-9]{3}){0,2}\\.[0-9]{2}"),
        flavour("[0-9]{1,3}(\\.[0-9]{3}){0,2},[0-9]{2}"),
        flavour("\\$-?[0-9]{1,3}(,[0-9]{3})?"),
        flavour("-?\\$?[0-9]{0,2}\\.?[0-9]{1,2} ?%?"),
        flavour("[0-9]\\.[0-9]{1,9}e-?[0-9]{1,3}"),
        flavour("[1-9][0-9]{14,22}"),
        flavour("(20|19)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9])"),
        flavour("([1-9]|1[0-2])/([1-9]|[12][0-9])/(20|19)?[0-9]{2}"),
        flavour("([0-3]?[0-9])\\.([01]?[0-9])\\.20[0-9]{2}"),
        flavour("20[0-9]{2}-0[1-9]-0[1-9][T ][01][0-9]:[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,3})?)?(Z|\\+02:00)?"),
        flavour("Y|N"),
        flavour("true|False|1|0"),
        flavour("|NA|null|[0-9]{2}"),
        flavour("[A-C][0-9]{4}"),
        flavour("[a-zA-Zéß .()*+?|^$\\\\-]{0,12}"),
        flavour(" {0,2}[a-c]{0,3} {0,2}"),
        flavour("0[0-9]{4}|[0-9]{5}(-[0-9]{4})?"),
        flavour("inf|-inf|nan|[0-9]"),
        flavour("\\(?[0-9]{1,3}\\)?"),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn drafts_hold_for_columns_of_any_flavour(columns in prop::collection::vec(cells(), 1..6), repeat in 1..6_usize) {
        let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
        let names: Vec<String> = (0..columns.len()).map(|at| format!("c{at}")).collect();
        let mut lines = vec![names.join(",")];
        for row in 0..12 * repeat {
            let cells: Vec<String> = columns.iter().map(|column| quoted(&column[row % 12])).collect();
            lines.push(cells.join(","));
        }
        assert_holds_for(&[("table.csv", (lines.join("\n") + "\n").as_bytes())]);
    }

    #[test]
    fn drafts_hold_for_books(rows in rows(60)) {
        assert_holds_for(&[("book.csv", &file(&rows))]);
    }
}

#[test]
fn two_zeros_are_no_key() {
    let dictionary = assert_holds_for(&[("table.csv", b"n,m\n0,1\n-0,2\n5,3\n")]);
    let unique: Vec<bool> = dictionary.relations[0].fields.iter().map(|field| field.constraints.unique).collect();
    assert_eq!(unique, [false, true]);
}

fn field<'a>(draft: &'a Value, name: &str) -> &'a Value {
    let fields = draft["resources"][0]["schema"]["fields"].as_array().unwrap();
    fields.iter().find(|field| field["name"] == name).unwrap()
}

#[test]
fn types_and_constraints_are_those_of_the_data() {
    let lines: Vec<String> = (0..60)
        .map(|row| {
            let state = ["CO", "MO", "NY"][row % 3];
            let amount = if row % 7 == 0 { "NA".to_owned() } else { format!("{}.5", row * 31) };
            format!(
                "P{row:05},{state},{amount},{}/{}/2020,{},{:05}",
                row % 12 + 1,
                row % 28 + 1,
                if row % 2 == 0 { "Y" } else { "N" },
                501 + row * 7
            )
        })
        .collect();
    let text = format!("policy,state,amount,day,flag,zip\n{}\n", lines.join("\n"));
    let draft = draft(&outcome(&[("book.csv", text.as_bytes())]).profile);
    assert_eq!(draft["resources"][0]["dialect"]["delimiter"], ",");
    assert_eq!(draft["resources"][0]["schema"]["primaryKey"], "policy");
    assert_eq!(field(&draft, "state")["constraints"]["enum"], serde_json::json!(["CO", "MO", "NY"]));
    let amount = field(&draft, "amount");
    assert_eq!((&amount["type"], &amount["missingValues"]), (&"number".into(), &serde_json::json!(["", "NA"])));
    assert_eq!(amount["constraints"], serde_json::json!({"minimum": 31.5, "maximum": 1830}));
    let day = field(&draft, "day");
    assert_eq!((&day["type"], &day["format"]), (&"date".into(), &"%m/%d/%Y".into()));
    assert_eq!(day["constraints"]["minimum"], "1/1/2020");
    assert_eq!(field(&draft, "flag")["type"], "boolean");
    let zip = field(&draft, "zip");
    assert_eq!((&zip["type"], &zip["constraints"]["pattern"]), (&"string".into(), &"[0-9]{5}".into()));
    assert_holds_for(&[("book.csv", text.as_bytes())]);
}

#[test]
fn parents_and_children_get_keys() {
    let policies: Vec<String> = (0..40).map(|row| format!("P{row:03},{}", row % 5)).collect();
    let claims: Vec<String> = (0..90).map(|row| format!("{row},P{:03}", row % 30)).collect();
    let policy = format!("policy_number,units\n{}\n", policies.join("\n"));
    let claim = format!("claim_number,policy_number\n{}\n", claims.join("\n"));
    let dictionary = assert_holds_for(&[("policy.csv", policy.as_bytes()), ("claim.csv", claim.as_bytes())]);
    let keys = &dictionary.relation("claim").unwrap().foreign_keys;
    assert_eq!((keys.len(), keys[0].relation), (1, 0));
}

#[test]
fn values_of_personal_data_are_not_repeated() {
    let lines: Vec<String> = (0..60).map(|row| format!("jane{}@example.org,{},{}", row % 4, row % 4, row)).collect();
    let text = format!("email,units,row\n{}\n", lines.join("\n"));
    let draft = draft(&outcome(&[("book.csv", text.as_bytes())]).profile);
    assert!(!draft.to_string().contains("jane"), "{draft:#}");
    assert!(field(&draft, "email")["constraints"].get("enum").is_none());
}

#[test]
fn samples_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/samples");
    for names in [
        &["insureright/insured.psv", "insureright/class.psv"][..],
        &["ca/term.csv", "ca/unit.csv"],
        &["wc_claims/claim.csv"],
    ] {
        let read =
            |name: &&str| (name.rsplit('/').next().unwrap().to_owned(), std::fs::read(folder.join(name)).unwrap());
        let files: Vec<(String, Vec<u8>)> = names.iter().map(read).collect();
        let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        let dictionary = assert_holds_for(&files);
        assert!(
            dictionary
                .relations
                .iter()
                .all(|relation| { relation.fields.iter().all(|field| !matches!(field.kind, FieldKind::Time(_))) })
        );
    }
}

#[test]
fn single_values_that_are_masked_are_no_members() {
    let rows: String = (0..60).map(|n| format!("{}\n", ["phone", "letter", "a@b.org"][n % 3])).collect();
    let profile = outcome(&[("way.csv", format!("way\n{rows}").as_bytes())]).profile;
    let shown: Vec<&str> = profile.relations[0].columns[0].frequent.values.iter().map(|v| v.value.as_str()).collect();
    assert!(shown.contains(&"a@a.aaa"), "{shown:?}");
    let draft = draft(&profile);
    let constraints = &draft["resources"][0]["schema"]["fields"][0]["constraints"];
    assert!(constraints.is_object() && constraints.get("enum").is_none(), "{constraints}");
}
