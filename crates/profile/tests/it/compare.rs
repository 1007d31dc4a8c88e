//! Comparisons: their laws, their measures against a plain computation on the raw values, and their judgements.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use bordereau_profile::compare::{Basis, BinKind, ColumnComparison, Comparison, Distribution, Light, Side, compare};
use bordereau_profile::document::Profile;
use bordereau_profile::pass::{Control, Updates};
use bordereau_profile::settings::{PersonalDataMode, Settings};
use bordereau_profile::state_file::StateFile;
use proptest::prelude::*;

use crate::uploads::{file, kept, rows, settings};

fn by_states(old: &(Profile, StateFile), new: &(Profile, StateFile)) -> Comparison {
    compare(&Side::of_state(&old.0, &old.1), &Side::of_state(&new.0, &new.1))
}

fn by_documents(old: &Profile, new: &Profile) -> Comparison {
    compare(&Side::of_profile(old), &Side::of_profile(new))
}

fn column<'a>(comparison: &'a Comparison, name: &str) -> &'a ColumnComparison {
    let columns = comparison.relations.iter().flat_map(|relation| &relation.columns);
    columns.into_iter().find(|column| column.name == name).unwrap()
}

fn codes(column: &ColumnComparison) -> Vec<&str> {
    column.findings.iter().map(|moved| moved.code.as_str()).collect()
}

/// Values of a column of raw texts; `None` for nulls.
type Raw = Vec<Option<f64>>;

/// Shares of the rows by the definition in `docs/profile-compare.md`: the old values' deciles (nearest rank), and a bin
/// of its own for each value that makes up a tenth; then nulls.
fn naive_shares(old: &Raw, new: &Raw) -> Vec<(f64, f64)> {
    let mut sorted: Vec<f64> = old.iter().copied().flatten().collect();
    sorted.sort_by(f64::total_cmp);
    // A cut is a number and whether it belongs to the lower bin.
    let mut cuts: Vec<(f64, bool)> = Vec::new();
    for tenth in 1..10 {
        cuts.push((sorted[(tenth * sorted.len()).div_ceil(10) - 1], true));
    }
    for equal in sorted.chunk_by(|one, other| one == other) {
        if equal.len() * 10 >= sorted.len() {
            cuts.extend([(equal[0], false), (equal[0], true)]);
        }
    }
    cuts.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
    cuts.dedup();
    let bin = |value: f64| cuts.iter().filter(|(at, lower)| if *lower { *at < value } else { *at <= value }).count();
    let counts = |raw: &Raw| {
        let mut counts = vec![0.0; cuts.len() + 1];
        raw.iter().flatten().for_each(|value| counts[bin(*value)] += 1.0);
        counts
    };
    let nulls = |raw: &Raw| raw.iter().filter(|value| value.is_none()).count() as f64;
    let (n, m) = (old.len() as f64, new.len() as f64);
    let bins = counts(old).into_iter().zip(counts(new)).map(|(p, q)| (p / n, q / m));
    bins.chain([(nulls(old) / n, nulls(new) / m)]).collect()
}

fn naive_psi(shares: &[(f64, f64)]) -> f64 {
    let least = |share: f64| share.max(1e-4);
    shares.iter().map(|(p, q)| (least(*q) - least(*p)) * (least(*q) / least(*p)).ln()).sum()
}

fn naive_js(shares: &[(f64, f64)]) -> f64 {
    let part = |x: f64, y: f64| if x > 0.0 { x * (2.0 * x / (x + y)).log2() } else { 0.0 };
    let divergence: f64 = shares.iter().map(|(p, q)| (part(*p, *q) + part(*q, *p)) / 2.0).sum();
    divergence.max(0.0).sqrt()
}

fn naive_ks(old: &Raw, new: &Raw) -> f64 {
    let sorted = |raw: &Raw| {
        let mut values: Vec<f64> = raw.iter().copied().flatten().collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let (old, new) = (sorted(old), sorted(new));
    let up_to = |values: &[f64], x: f64| values.partition_point(|value| *value <= x) as f64 / values.len() as f64;
    old.iter().chain(&new).map(|x| (up_to(&old, *x) - up_to(&new, *x)).abs()).fold(0.0, f64::max)
}

fn assert_measures(column: &ColumnComparison, old: &Raw, new: &Raw, tolerance: f64) {
    let shares = naive_shares(old, new);
    let Distribution { psi, js, bins, .. } = column.distribution.as_ref().unwrap();
    let ks = column.numbers.as_ref().unwrap();
    assert!((psi - naive_psi(&shares)).abs() <= tolerance, "{}: psi {psi} {}", column.name, naive_psi(&shares));
    assert!((js - naive_js(&shares)).abs() <= tolerance, "{}: js {js} {}", column.name, naive_js(&shares));
    let exact = naive_ks(old, new);
    assert!((ks.ks - exact).abs() <= tolerance, "{}: ks {} {exact}", column.name, ks.ks);
    assert!(ks.ks_at_most >= exact - 1e-9, "{}: ks at most {} {exact}", column.name, ks.ks_at_most);
    let sums = bins.iter().fold((0.0, 0.0), |sum, bin| (sum.0 + bin.old, sum.1 + bin.new));
    assert!((sums.0 - 1.0).abs() < 1e-6 && (sums.1 - 1.0).abs() < 1e-6, "{sums:?}");
}

fn raw(rows: &[String], place: usize) -> Raw {
    rows.iter().map(|row| row.split(',').nth(place).unwrap().parse().ok()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn an_upload_is_like_itself(rows in rows(60)) {
        let side = kept("book.csv", &file(&rows));
        for comparison in [by_states(&side, &side), by_documents(&side.0, &side.0)] {
            prop_assert_eq!(comparison.light, Light::Green, "{:?}", comparison);
            for column in &comparison.relations[0].columns {
                let distribution = column.distribution.iter();
                prop_assert!(distribution.into_iter().all(|d| d.psi == 0.0 && d.js == 0.0), "{:?}", column);
                prop_assert!(column.numbers.iter().all(|numbers| numbers.ks == 0.0));
            }
        }
    }

    #[test]
    fn measures_by_states_are_those_of_the_raw_values(old in rows(80), new in rows(80)) {
        let comparison = by_states(&kept("book.csv", &file(&old)), &kept("book.csv", &file(&new)));
        for (place, name) in [(0, "id"), (1, "amount")] {
            let column = column(&comparison, name);
            if column.numbers.is_some() {
                assert_measures(column, &raw(&old, place), &raw(&new, place), 1e-9);
            }
        }
    }

    #[test]
    fn a_document_bounds_the_distance(old in rows(120), new in rows(120)) {
        let comparison = by_documents(&kept("book.csv", &file(&old)).0, &kept("book.csv", &file(&new)).0);
        let column = column(&comparison, "id");
        if let Some(numbers) = &column.numbers {
            let exact = naive_ks(&raw(&old, 0), &raw(&new, 0));
            prop_assert!(numbers.ks_at_most >= exact - 1e-9, "{} {exact}", numbers.ks_at_most);
        }
    }
}

/// A file of one column.
fn single(name: &str, values: impl IntoIterator<Item = String>) -> (Profile, StateFile) {
    let lines: Vec<String> = values.into_iter().enumerate().map(|(row, value)| format!("{row},{value}")).collect();
    kept("book.csv", format!("row,{name}\n{}\n", lines.join("\n")).as_bytes())
}

/// Makes the value of a row.
type Maker = Box<dyn Fn(i32) -> String>;

#[test]
fn what_moved_is_told_with_its_light() {
    let spread = |row: i32| (row * 37) % 1_000;
    let state = |row: i32| ["CO", "MO", "NY"][(row % 3) as usize].to_owned();
    let cases: Vec<(&str, Maker, Maker, &str, Light)> = vec![
        (
            "same",
            Box::new(move |row| spread(row).to_string()),
            Box::new(move |row| spread(row).to_string()),
            "",
            Light::Green,
        ),
        (
            "type",
            Box::new(move |row| spread(row).to_string()),
            Box::new(move |row| format!("2024-01-{:02}", row % 28 + 1)),
            "type",
            Light::Red,
        ),
        (
            "nulls",
            Box::new(move |row| spread(row).to_string()),
            Box::new(move |row| if row % 10 == 0 { String::new() } else { spread(row).to_string() }),
            "nulls",
            Light::Amber,
        ),
        (
            "shift",
            Box::new(move |row| spread(row).to_string()),
            Box::new(move |row| (spread(row) + 300).to_string()),
            "psi",
            Light::Red,
        ),
        (
            "far",
            Box::new(move |row| spread(row).to_string()),
            Box::new(move |row| if row == 5 { "1000000".to_owned() } else { spread(row).to_string() }),
            "range",
            Light::Amber,
        ),
        (
            "appeared",
            Box::new(state),
            Box::new(move |row| if row % 20 == 0 { "TX".to_owned() } else { state(row) }),
            "new_categories",
            Light::Amber,
        ),
        ("vanished", Box::new(state), Box::new(move |row| state(row % 2)), "vanished_categories", Light::Red),
        (
            "format",
            Box::new(|row| format!("2024-01-{:02}", row % 28 + 1)),
            Box::new(|row| if row % 9 == 0 { "1/31/2024".to_owned() } else { format!("2024-01-{:02}", row % 28 + 1) }),
            "date_formats",
            Light::Amber,
        ),
    ];
    for (name, old, new, code, light) in cases {
        let (old, new) = (single(name, (0..600).map(old)), single(name, (0..600).map(new)));
        for comparison in [by_states(&old, &new), by_documents(&old.0, &new.0)] {
            let column = column(&comparison, name);
            assert!(code.is_empty() || codes(column).contains(&code), "{name}: {column:?}");
            let found = column.findings.iter().filter(|moved| moved.code == code).map(|moved| moved.light).max();
            assert_eq!(found.unwrap_or(Light::Green), light, "{name}: {column:?}");
            assert!(column.light >= light && comparison.light == column.light, "{name}: {comparison:?}");
            assert!(column.sentence.ends_with('.'), "{}", column.sentence);
        }
    }
}

#[test]
fn identifiers_may_be_new() {
    let policies = |from: usize| single("policy_number", (from..from + 500).map(|row| format!("WC{row:07}")));
    let comparison = by_states(&policies(0), &policies(10_000));
    let column = column(&comparison, "policy_number");
    assert_eq!(column.light, Light::Green, "{column:?}");
    assert!(column.distribution.is_none() && column.categories.is_none());
}

#[test]
fn values_of_personal_data_are_never_told() {
    let mails =
        |name: &'static str| single("email", (0..300).map(move |row| format!("{name}{}@example.org", row % 12)));
    let (old, new) = (mails("jane"), mails("john.doe"));
    for comparison in [by_states(&old, &new), by_documents(&old.0, &new.0)] {
        let text = serde_json::to_string(&comparison).unwrap();
        assert!(!text.contains("jane") && !text.contains("john"), "{text}");
        let distribution = column(&comparison, "email").distribution.as_ref().unwrap();
        assert_eq!(distribution.over, BinKind::Masks);
    }
}

#[test]
fn relations_and_columns_come_and_go() {
    let old = kept("book.csv", b"a,b,c\n1,2,3\n");
    let new = kept("other.csv", b"c,A,d\n3,1,4\n");
    let comparison = by_states(&old, &new);
    let relation = &comparison.relations[0];
    assert_eq!((relation.name.as_str(), relation.new_name.as_str()), ("book", "other"));
    assert_eq!((&relation.columns_removed[..], &relation.columns_added[..]), (&["b".into()][..], &["d".into()][..]));
    assert!(relation.columns_reordered && relation.light == Light::Red && comparison.notes.len() == 1);
    assert_eq!((comparison.old.basis, comparison.new.basis), (Basis::State, Basis::State));
    // A state of another upload is not used.
    let mixed = compare(&Side::of_state(&old.0, &new.1), &Side::of_profile(&new.0));
    assert_eq!((mixed.old.basis, mixed.new.basis), (Basis::Document, Basis::Document));
}

#[test]
fn the_published_schema_is_that_of_the_types() {
    let schema = serde_json::to_string_pretty(&schemars::schema_for!(Comparison)).unwrap() + "\n";
    let published = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/comparison.schema.json");
    if std::fs::read_to_string(&published).unwrap_or_default() != schema {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("comparison.schema.json");
        std::fs::write(&path, &schema).unwrap();
        panic!("docs/comparison.schema.json is not that of the types: take {}", path.display());
    }
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let (old, new) = (kept("book.csv", b"a,b\n1,x\n2,y\n"), kept("book.csv", b"a,c\n1,2020-01-01\n"));
    for comparison in [by_states(&old, &new), by_documents(&old.0, &new.0)] {
        let json = serde_json::to_value(&comparison).unwrap();
        let errors: Vec<String> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(serde_json::from_value::<Comparison>(json).unwrap(), comparison);
    }
}

fn reference_data() -> PathBuf {
    std::env::var_os("BORDEREAU_REFERENCE_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from)
}

/// Header and rows of a file of the reference data without quotes.
fn reference_file(name: &str) -> (String, Vec<String>) {
    let bytes = std::fs::read(reference_data().join("pg17_motor").join(name)).unwrap();
    let text = if name.ends_with(".gz") {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut text).unwrap();
        text
    } else {
        String::from_utf8(bytes).unwrap()
    };
    let mut lines = text.lines().map(str::to_owned);
    (lines.next().unwrap(), lines.collect())
}

/// A profile and its state with personal data treated in a way.
fn kept_as(bytes: &[u8], pii: PersonalDataMode) -> (Profile, StateFile) {
    let state = kept("book.csv", bytes).1;
    let settings = Settings { pii, ..settings() };
    (state.profile(&settings, NonZeroUsize::MIN, &Control::new(Updates::None)).unwrap(), state)
}

#[test]
fn personal_data_is_not_told_by_comparing_states() {
    let book = |mail: &str, note: &str| -> Vec<u8> {
        let row = |n: usize| format!("{}{mail},{}\n", n % 3, if n.is_multiple_of(9) { note } else { "none" });
        format!("contact,note\n{}", (0..400).map(row).collect::<String>()).into_bytes()
    };
    let (old, new) = (book("ann@old.org", "call bob@old.org"), book("eve@new.org", "ring 303-555-0100"));
    for pii in [PersonalDataMode::Mask, PersonalDataMode::Drop] {
        let (old, new) = (kept_as(&old, pii), kept_as(&new, pii));
        for comparison in [by_states(&old, &new), by_documents(&old.0, &new.0)] {
            let json = serde_json::to_string(&comparison).unwrap();
            for told in ["ann@", "eve@", "bob@", "555"] {
                assert!(!json.contains(told), "{pii:?}: {told} in {json}");
            }
        }
        let found = by_states(&old, &new);
        assert!(codes(column(&found, "note")).contains(&"new_categories"), "though it is not told which");
    }
}

#[test]
fn findings_are_sentences_with_grouped_figures() {
    let book = |rows: usize, from: usize| -> Vec<u8> {
        let row = |n: usize| format!("{},{}\n", from + n * 7_919 % 50_000, n % 2);
        format!("amount,flag\n{}", (0..rows).map(row).collect::<String>()).into_bytes()
    };
    let found = by_states(&kept("a.csv", &book(2_000, 0)), &kept("a.csv", &book(6_000, 1_000_000)));
    let relation = &found.relations[0];
    assert_eq!(relation.findings[0].message, "Rows went from 2,000 to 6,000 (+200 %).");
    assert!(relation.sentence.ends_with("Of 2 columns, 1 is red and 0 amber."), "{}", relation.sentence);
    let messages: Vec<&str> = relation.columns[0].findings.iter().map(|moved| moved.message.as_str()).collect();
    let range = messages.iter().find(|message| message.contains("outside")).unwrap();
    assert!(range.starts_with("6,000 numbers are outside 0 to 49,9"), "{range}");
    assert!(messages.iter().all(|message| message.ends_with('.') && !message.starts_with(char::is_lowercase)));
}

#[test]
#[ignore = "needs the reference data"]
fn reference_a_book_one_year_on() {
    for (old_name, new_name) in [("vehicle.csv.gz", "vehicle_year1.csv.gz"), ("client.csv", "client_year1.csv")] {
        let ((header, old), (_, new)) = (reference_file(old_name), reference_file(new_name));
        let keep = |rows: &[String]| kept("book.csv", (header.clone() + "\n" + &rows.join("\n") + "\n").as_bytes());
        let (old_side, new_side) = (keep(&old), keep(&new));
        let exact = by_states(&old_side, &new_side);
        let estimated = by_documents(&old_side.0, &new_side.0);
        assert_eq!(by_states(&old_side, &old_side).light, Light::Green);
        assert_eq!(by_documents(&old_side.0, &old_side.0).light, Light::Green);
        let mut compared = BTreeMap::new();
        for (place, name) in header.split(',').enumerate() {
            let column = column(&exact, name);
            if column.numbers.is_some() {
                let (old, new) = (raw(&old, place), raw(&new, place));
                assert_measures(column, &old, &new, 1e-9);
                let document = self::column(&estimated, name);
                let ks = document.numbers.as_ref().unwrap();
                assert!(ks.ks_at_most >= naive_ks(&old, &new) - 1e-9, "{name}");
                assert!((ks.ks - naive_ks(&old, &new)).abs() < 0.06, "{name}: {} {}", ks.ks, naive_ks(&old, &new));
            }
            compared.insert(name.to_owned(), column.light);
        }
        // Halves of one year, row by row, are alike.
        let half = |odd: usize| old.iter().skip(odd).step_by(2).cloned().collect::<Vec<_>>();
        let halves = by_states(&keep(&half(0)), &keep(&half(1)));
        // One record of a weight or a value beyond all others is in one half only, and is told.
        let moved: BTreeSet<&str> = halves.relations[0]
            .columns
            .iter()
            .filter(|column| codes(column).iter().any(|code| *code != "range"))
            .map(|column| column.name.as_str())
            .collect();
        assert!(moved.is_empty(), "{moved:?}");
        assert!(
            compared.values().filter(|light| **light == Light::Green).count() >= compared.len() / 2,
            "{compared:?}"
        );
    }
}
