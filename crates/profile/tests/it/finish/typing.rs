//! Types from all values, and how they are written.

use bordereau_profile::document::{DecimalStyle, LogicalType, Sortedness};

use super::{codes, column, repeated};

#[test]
fn types_are_chosen_from_all_values() {
    use LogicalType::{Boolean, Category, Code, Date, Datetime, Empty, Integer, Number, Text};
    let cases: &[(&str, &[&str], LogicalType, f64)] = &[
        ("a", &["", " ", "NA"], Empty, 1.0),
        ("a", &["1", "2", "3"], Integer, 1.0),
        ("a", &["1", "2.5", "NA"], Number, 1.0),
        ("a", &["$1,234.50", "(12.00)", "3 %"], Number, 1.0),
        ("a", &["2021-03-04", "2021-03-05"], Date, 1.0),
        ("a", &["3/4/2021", "3/14/2021"], Date, 1.0),
        ("a", &["2021-03-04T10:00:00", "2021-03-04 11:30"], Datetime, 1.0),
        ("a", &["Y", "N", "Y"], Boolean, 1.0),
        ("a", &["0", "1", "1"], Integer, 1.0),
        ("litigation_flag", &["0", "1", "1"], Boolean, 1.0),
        ("a", &["0066", "0101"], Code, 1.0),
        ("policy_zip_code", &["80309", "10001"], Code, 1.0),
        ("a", &["AB-1234", "CD-5678", "EF-9012"], Code, 1.0),
        ("loss_date", &["20210304", "20210305"], Date, 1.0),
        ("a", &["red", "blue", "red", "blue", "red"], Category, 1.0),
        ("a", &["working by stove", "fell"], Text, 1.0),
    ];
    for (name, values, logical, share) in cases {
        let typing = column(name, values).typing;
        assert_eq!((typing.logical, typing.share), (*logical, *share), "{name} {values:?}");
    }
}

#[test]
fn values_that_do_not_fit_are_shown() {
    let mut values = repeated(&["12"], 97);
    values.extend(["n.k.", "n.k.", "later"].map(str::to_owned));
    let found = column("amount", &values);
    assert_eq!(found.typing.logical, LogicalType::Integer);
    let shown: Vec<_> = found.typing.exceptions.iter().map(|e| (e.value.as_str(), e.count, e.count_error)).collect();
    assert_eq!(shown, [("n.k.", 2, 0), ("later", 1, 0)]);
    assert!(codes(&found).contains(&"mixed_types"));
}

#[test]
fn day_and_month_are_told_apart_by_the_column() {
    let assumed = column("a", &["3/4/2021", "5/6/2021"]);
    assert_eq!(assumed.typing.ambiguous_dates, 2);
    assert_eq!(assumed.typing.temporal_formats[0].format, "%m/%d/%Y");
    assert_eq!(assumed.dates.as_ref().unwrap().min, "2021-03-04");
    assert!(codes(&assumed).contains(&"ambiguous_dates"));
    let day_first = column("a", &["3/4/2021", "25/12/2021"]);
    assert_eq!(day_first.typing.temporal_formats.len(), 1);
    assert_eq!(day_first.typing.temporal_formats[0].format, "%d/%m/%Y");
    assert_eq!(day_first.dates.as_ref().unwrap().min, "2021-04-03");
    assert!(codes(&day_first).contains(&"date_order_inferred"));
    let both = column("a", &["3/4/2021", "25/12/2021", "12/25/2021", "12/26/2021"]);
    let formats: Vec<_> = both.typing.temporal_formats.iter().map(|f| (f.format.as_str(), f.count)).collect();
    assert_eq!(formats, [("%m/%d/%Y", 3), ("%d/%m/%Y", 1)]);
    assert!(codes(&both).contains(&"contradictory_date_orders"));
}

#[test]
fn commas_are_told_apart_by_the_column() {
    let grouped = column("a", &["1,234", "2,345"]);
    assert_eq!(grouped.numbers.as_ref().unwrap().min, 1_234.0);
    assert!(codes(&grouped).contains(&"ambiguous_numbers"));
    let decimal = column("a", &["1,234", "2,5"]);
    let style = decimal.typing.number_style.clone().unwrap();
    assert_eq!((style.decimal, style.ambiguous_comma, style.grouped), (DecimalStyle::Comma, 1, 0));
    let numbers = decimal.numbers.as_ref().unwrap();
    assert_eq!((numbers.min, numbers.max), (1.234, 2.5));
    assert_eq!(decimal.typing.logical, LogicalType::Number);
    assert!(codes(&decimal).contains(&"decimal_comma"));
    let known = column("a", &["1,234", "2.5"]);
    assert_eq!(known.numbers.as_ref().unwrap().max, 1_234.0);
    assert!(!codes(&known).contains(&"ambiguous_numbers"));
}

#[test]
fn order_follows_the_type() {
    for (values, sorted) in [
        (&["9", "10", "", "11"][..], Sortedness::Ascending),
        (&["b", "a", "a"], Sortedness::Descending),
        (&["12/1/2020", "1/13/2021"], Sortedness::Ascending),
        (&["7", "7"], Sortedness::Constant),
        (&["2", "1", "3"], Sortedness::Unsorted),
    ] {
        assert_eq!(column("a", values).sorted, sorted, "{values:?}");
    }
}
