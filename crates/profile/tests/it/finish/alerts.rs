//! Every alert on a column is raised by a column made for it, and its rule is in the catalogue.

use std::collections::BTreeSet;

use bordereau_profile::alerts::{CATALOGUE, Scope};

use super::{codes, column, repeated};

fn numbered(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

fn with(mut values: Vec<String>, more: &[&str]) -> Vec<String> {
    values.extend(more.iter().map(|value| (*value).to_owned()));
    values
}

/// A code, a column's name and values that raise it.
fn cases() -> Vec<(&'static str, &'static str, Vec<String>)> {
    let text = |count: usize, of: fn(usize) -> String| (0..count).map(of).collect::<Vec<_>>();
    vec![
        ("contradictory_date_orders", "a", repeated(&["12/25/2021", "25/12/2021"], 1)),
        ("invalid_dates", "a", with(repeated(&["2021-01-01"], 30), &["2021-02-30"])),
        ("mixed_number_styles", "a", repeated(&["1.5", "1,5"], 1)),
        ("mixed_currencies", "a", repeated(&["$1.50", "€2.50"], 1)),
        ("infinite", "a", with(numbered(0..30), &["inf"])),
        ("all_null", "a", repeated(&["", "NA"], 1)),
        ("mostly_null", "a", repeated(&["", "", "1"], 1)),
        ("constant", "a", repeated(&["7"], 2)),
        ("mixed_types", "a", with(numbered(0..30), &["x1 y"])),
        ("ambiguous_dates", "a", repeated(&["3/4/2021"], 2)),
        ("ambiguous_numbers", "a", repeated(&["1,234"], 2)),
        ("mixed_date_formats", "a", repeated(&["2021-03-04", "Mar 4, 2021"], 1)),
        ("future_dates", "a", repeated(&["2024-01-01", "2099-01-01"], 1)),
        ("sentinel_values", "a", with(numbered(0..30), &["9999"])),
        ("control_characters", "a", repeated(&["a\u{1}b"], 1)),
        ("leading_trailing_blanks", "a", repeated(&[" a"], 1)),
        ("case_variants", "a", repeated(&["Red", "red"], 1)),
        (
            "truncated_lengths",
            "a",
            with(text(20, |n| format!("a remark of some length {n:02}")), &["short", "a bit longer"]),
        ),
        ("personal_data", "email", repeated(&["a@b.com"], 1)),
        ("date_order_inferred", "a", repeated(&["3/4/2021", "12/25/2021"], 1)),
        ("decimal_comma", "a", repeated(&["1,5"], 2)),
        ("number_signs", "a", repeated(&["$1.50"], 2)),
        ("zero_padded", "a", repeated(&["007"], 2)),
        ("long_digits", "a", repeated(&["1234567890123456789", "2234567890123456789"], 1)),
        ("null_spellings", "a", repeated(&["NA", "1"], 1)),
        ("nulls", "a", repeated(&["", "1", "2"], 1)),
        ("nearly_constant", "a", with(repeated(&["x"], 199), &["y"])),
        ("imbalance", "a", with(repeated(&["x"], 95), &["y", "y", "z", "z"])),
        ("high_cardinality", "a", text(5_000, |n| format!("remark about {}", n % 1_500))),
        ("unique", "a", repeated(&["1", "2"], 1)),
        ("skewed", "a", with(repeated(&["1", "2"], 600), &["1000000"])),
        ("outliers", "a", with(numbered(0..30), &["1000"])),
        ("zeros", "a", repeated(&["0", "1", "2"], 1)),
        ("uniform", "a", numbered(0..2_000)),
        ("date_gaps", "a", with((1..29).map(|day| format!("2024-01-{day:02}")).collect(), &["2024-02-10"])),
        ("non_ascii", "a", repeated(&["é"], 1)),
    ]
}

#[test]
fn every_alert_on_a_column_is_raised() {
    let mut raised = BTreeSet::new();
    for (code, name, values) in cases() {
        let found = column(name, &values);
        assert!(codes(&found).contains(&code), "{code}: {:?}", codes(&found));
        raised.insert(code);
    }
    let listed: BTreeSet<_> =
        CATALOGUE.iter().filter(|(_, entry)| entry.scope == Scope::Column).map(|(_, entry)| entry.code).collect();
    assert_eq!(raised, listed);
}

#[test]
fn plain_columns_raise_none() {
    let amounts: Vec<String> = (1..400).map(|n| (n * n).to_string()).collect();
    let twice = [amounts.clone(), amounts].concat();
    assert_eq!(codes(&column("amount", &twice)), [] as [&str; 0]);
    assert_eq!(codes(&column("state", &repeated(&["CO", "NY", "TX"], 30))), [] as [&str; 0]);
    assert_eq!(codes(&column("available", &repeated(&["Y", "N"], 30))), [] as [&str; 0]);
}
