//! Cells of all types, against the descriptor of their field.

use bordereau_base::cell::{CellRules, Violation, trim_blanks};
use bordereau_base::dictionary::Value;
use proptest::prelude::*;

use crate::dictionary::field;

pub(crate) fn rules(properties: &str) -> CellRules {
    CellRules::new(&field(&format!(r#"{{"name": "x", {properties}}}"#)))
}

type Read = Result<Option<Value>, Violation>;

/// Reads each text by a field with these properties.
fn check(properties: &str, cells: &[(&str, Read)]) {
    let rules = rules(properties);
    for (text, expected) in cells {
        assert_eq!(rules.read(text), *expected, "{text:?} of {properties}");
    }
}

fn text(text: &str) -> Read {
    Ok(Some(Value::Text(text.to_owned())))
}

fn number(number: f64) -> Read {
    Ok(Some(Value::Number(number)))
}

fn integer(number: i64) -> Read {
    Ok(Some(Value::Integer(number)))
}

fn boolean(value: bool) -> Read {
    Ok(Some(Value::Boolean(value)))
}

fn date(days: i32) -> Read {
    Ok(Some(Value::Date(days)))
}

fn time(hour: i64, minute: i64) -> Read {
    Ok(Some(Value::Time((hour * 60 + minute) * 60_000_000)))
}

/// On 2017-07-31.
fn datetime(hour: i64, minute: i64) -> Read {
    Ok(Some(Value::Datetime((17_378 * 1_440 + hour * 60 + minute) * 60_000_000)))
}

const TYPE: Read = Err(Violation::Type);
const MISSING: Read = Ok(None);

#[test]
fn blanks_around_a_cell_do_not_count() {
    for (raw, trimmed) in [
        ("", ""),
        (" ", ""),
        (" \t\r\n\x0c", ""),
        (" a b ", "a b"),
        ("a", "a"),
        ("\u{a0}a", "\u{a0}a"),
        ("é ", "é"),
        (" é", "é"),
    ] {
        assert_eq!(trim_blanks(raw), trimmed, "{raw:?}");
    }
    check(r#""type": "integer""#, &[(" 5\t", integer(5)), ("  ", MISSING), ("\n", MISSING)]);
}

#[test]
fn missing_values_come_before_everything_else() {
    check(
        r#""type": "number", "missingValues": ["", "NA ", "-1"]"#,
        &[("NA", MISSING), (" NA ", MISSING), ("-1", MISSING), ("-1.0", number(-1.0)), ("", MISSING), ("na", TYPE)],
    );
    check(r#""type": "string", "missingValues": []"#, &[("", text("")), (" ", text(""))]);
    check(r#""type": "integer", "missingValues": []"#, &[("", TYPE)]);
    let required = r#""type": "integer", "missingValues": ["-"], "constraints": {"required": true}"#;
    check(
        required,
        &[("-", Err(Violation::Required)), (" - ", Err(Violation::Required)), ("", TYPE), ("1", integer(1))],
    );
    assert!(rules(required).required());
}

#[test]
fn numbers() {
    check(
        r#""type": "number""#,
        &[
            ("-1.23", number(-1.23)),
            ("+100000.00", number(100_000.0)),
            (".5", number(0.5)),
            ("5.", number(5.0)),
            ("1e-2", number(0.01)),
            ("INF", number(f64::INFINITY)),
            ("-inf", number(f64::NEG_INFINITY)),
            ("0.30000000000000004", number(0.300_000_000_000_000_04)),
            ("9007199254740993", number(9_007_199_254_740_992.0)),
            ("1e309", TYPE),
            ("1,000", TYPE),
            ("1_000", TYPE),
            ("0x10", TYPE),
            (".", TYPE),
            ("1e", TYPE),
            ("١", TYPE),
            ("12 34", TYPE),
        ],
    );
    let nan = rules(r#""type": "number""#).read("NaN");
    assert!(matches!(nan, Ok(Some(Value::Number(number))) if number.is_nan()));
    check(
        r#""type": "number", "decimalChar": ",", "groupChar": ".""#,
        &[("1.000,5", number(1000.5)), ("1,5", number(1.5)), ("1.5", number(15.0)), ("1,5,5", TYPE), ("", MISSING)],
    );
    check(r#""type": "number", "decimalChar": ",""#, &[("1,5", number(1.5)), ("1.5", TYPE), ("1€5", TYPE)]);
    check(
        r#""type": "number", "bareNumber": false, "groupChar": ",""#,
        &[
            ("$1,000.50", number(1000.5)),
            ("-5 %", number(-5.0)),
            ("EUR -5.25 (net)", number(-5.25)),
            ("$.5", number(0.5)),
            ("€5€", number(5.0)),
            ("5 of 6", TYPE),
            ("USD", TYPE),
            ("NaN", TYPE),
        ],
    );
}

#[test]
fn bounds_of_numbers() {
    let inclusive = r#""type": "number", "constraints": {"minimum": 0, "maximum": 1.5}"#;
    check(
        inclusive,
        &[
            ("0", number(0.0)),
            ("1.5", number(1.5)),
            ("-0.001", Err(Violation::Minimum)),
            ("1.501", Err(Violation::Maximum)),
            ("NaN", Err(Violation::Minimum)),
            ("INF", Err(Violation::Maximum)),
            ("x", TYPE),
        ],
    );
    check(
        r#""type": "number", "constraints": {"exclusiveMinimum": 0, "exclusiveMaximum": 1}"#,
        &[
            ("0", Err(Violation::ExclusiveMinimum)),
            ("1", Err(Violation::ExclusiveMaximum)),
            ("0.5", number(0.5)),
            ("NaN", Err(Violation::ExclusiveMinimum)),
        ],
    );
    check(
        r#""type": "number", "constraints": {"enum": [0.1, "2.50"]}"#,
        &[
            ("0.10", number(0.1)),
            ("2.5", number(2.5)),
            ("3", Err(Violation::Enumeration)),
            ("NaN", Err(Violation::Enumeration)),
        ],
    );
}

#[test]
fn whole_numbers() {
    check(
        r#""type": "integer""#,
        &[
            ("007", integer(7)),
            ("+5", integer(5)),
            ("-0", integer(0)),
            ("9223372036854775807", integer(i64::MAX)),
            ("-9223372036854775808", integer(i64::MIN)),
            ("9223372036854775808", TYPE),
            ("1.0", TYPE),
            ("1e3", TYPE),
            ("NaN", TYPE),
            ("", MISSING),
        ],
    );
    check(
        r#""type": "integer", "groupChar": ".""#,
        &[("1.000.000", integer(1_000_000)), ("-1.000", integer(-1000)), (".", TYPE)],
    );
    check(
        r#""type": "integer", "bareNumber": false"#,
        &[("95%", integer(95)), ("no 5", integer(5)), ("$-95", integer(-95)), ("95.5%", TYPE), (".7 kg", TYPE)],
    );
    check(
        r#""type": "integer", "constraints": {"minimum": 1, "exclusiveMaximum": 10, "enum": [1, 3, 20]}"#,
        &[
            ("0", Err(Violation::Minimum)),
            ("10", Err(Violation::ExclusiveMaximum)),
            ("2", Err(Violation::Enumeration)),
            ("20", Err(Violation::ExclusiveMaximum)),
            ("3", integer(3)),
        ],
    );
}

#[test]
fn true_and_false() {
    check(
        r#""type": "boolean""#,
        &[
            ("TRUE", boolean(true)),
            ("1", boolean(true)),
            ("False", boolean(false)),
            ("0", boolean(false)),
            ("tRUE", TYPE),
            ("Y", TYPE),
        ],
    );
    check(
        r#""type": "boolean", "trueValues": ["Y", " y "], "falseValues": ["N"], "constraints": {"enum": [true]}"#,
        &[("Y", boolean(true)), ("y", boolean(true)), ("N", Err(Violation::Enumeration)), ("n", TYPE), ("true", TYPE)],
    );
}

#[test]
fn dates() {
    check(
        r#""type": "date""#,
        &[
            ("2017-07-31", date(17_378)),
            ("2017-7-31", date(17_378)),
            ("2017-02-29", TYPE),
            ("7/31/2017", TYPE),
            ("20170731", TYPE),
            ("2017-07-31T00:00:00", TYPE),
        ],
    );
    check(
        r#""type": "date", "format": "%d.%m.%Y""#,
        &[("31.7.2017", date(17_378)), ("7.31.2017", TYPE), ("2017-07-31", TYPE)],
    );
    check(
        r#""type": "date", "format": "any", "bordereau:formats": ["%d/%m/%Y", "%m/%d/%Y"]"#,
        &[("7/8/2017", date(17_385)), ("7/31/2017", date(17_378)), ("31/7/2017", date(17_378)), ("2017-07-31", TYPE)],
    );
    check(
        r#""type": "date", "constraints": {"minimum": "2017-07-31", "exclusiveMaximum": "2017-08-02"}"#,
        &[
            ("2017-07-30", Err(Violation::Minimum)),
            ("2017-07-31", date(17_378)),
            ("2017-08-01", date(17_379)),
            ("2017-08-02", Err(Violation::ExclusiveMaximum)),
        ],
    );
}

#[test]
fn dates_of_any_are_those_of_a_list() {
    let any: Vec<(&str, Read)> = [
        "2017-07-31",
        "7/31/2017",
        "07/31/17",
        "07-31-2017",
        "2017/07/31",
        "20170731",
        "31 Jul 2017",
        "31 july 2017",
        "Jul 31, 2017",
        "July 31, 2017",
        "Jul 31 2017",
        "July 31 2017",
        "31-Jul-2017",
        "2017-07-31T23:30:00-05:00",
        "2017-07-31 15:30:00",
    ]
    .map(|text| (text, date(17_378)))
    .to_vec();
    check(r#""type": "date", "format": "any""#, &any);
    let none = [
        "31/7/2017",
        "31.7.2017",
        "2017",
        "July 2017",
        "10",
        "today",
        "17-07-31",
        "2017-07-31 3pm",
        "7/31/2017 15:30",
        "日本",
    ];
    check(r#""type": "date", "format": "any""#, &none.map(|text| (text, TYPE)));
}

#[test]
fn two_digit_years_are_1969_to_2068() {
    let rules = rules(r#""type": "date", "format": "%y-%m-%d""#);
    for (text, expected) in
        [("69-01-01", -365), ("70-01-01", 0), ("99-12-31", 10_956), ("00-01-01", 10_957), ("68-12-31", 36_159)]
    {
        assert_eq!(rules.read(text), date(expected), "{text}");
    }
}

#[test]
fn datetimes() {
    check(
        r#""type": "datetime""#,
        &[
            ("2017-07-31T15:30:00", datetime(15, 30)),
            ("2017-07-31 15:30:00Z", datetime(15, 30)),
            ("2017-07-31T15:30:00+02:00", datetime(13, 30)),
            ("2017-07-31T15:30", TYPE),
            ("7/31/2017 15:30", TYPE),
        ],
    );
    let any = [
        "2017-07-31T15:30:00",
        "2017-07-31T15:30",
        "2017-07-31 15:30",
        "7/31/2017 15:30",
        "7/31/17 3:30 PM",
        "31 Jul 2017 15:30:00",
        "July 31, 2017 3:30pm",
    ];
    check(r#""type": "datetime", "format": "any""#, &any.map(|text| (text, datetime(15, 30))));
    check(
        r#""type": "datetime", "format": "any""#,
        &[("7/31/2017", datetime(0, 0)), ("15:30", TYPE), ("2017-07-31 3 PM", datetime(15, 0)), ("x", TYPE)],
    );
    check(
        r#""type": "datetime", "format": "%d/%m/%Y %H.%M%z""#,
        &[("31/7/2017 15.30Z", datetime(15, 30)), ("31/7/2017 15.30+0130", datetime(14, 0)), ("31/7/2017 15.30", TYPE)],
    );
    check(
        r#""type": "datetime", "constraints": {"maximum": "2017-07-31T15:30:00Z"}"#,
        &[("2017-07-31T15:30:00", datetime(15, 30)), ("2017-07-31T15:30:00-01:00", Err(Violation::Maximum))],
    );
}

#[test]
fn times() {
    check(
        r#""type": "time""#,
        &[
            ("15:30:00", time(15, 30)),
            ("00:30:00+01:00", time(23, 30)),
            ("24:00:00", time(0, 0)),
            ("15:30", TYPE),
            ("3:30 PM", TYPE),
        ],
    );
    let any = ["15:30:00", "15:30", "3:30 PM", "3:30:00 pm", "03:30pm"];
    check(r#""type": "time", "format": "any""#, &any.map(|text| (text, time(15, 30))));
    check(
        r#""type": "time", "format": "any""#,
        &[("3 PM", time(15, 0)), ("15", TYPE), ("25:00", TYPE), ("13:30 PM", TYPE)],
    );
    check(
        r#""type": "time", "format": "%I:%M %p", "constraints": {"minimum": "8:00 AM"}"#,
        &[("12:30 AM", Err(Violation::Minimum)), ("12:30 PM", time(12, 30)), ("15:30", TYPE)],
    );
}

#[test]
fn years_and_months() {
    check(
        r#""type": "year", "constraints": {"minimum": 1900, "maximum": "2100"}"#,
        &[
            ("1987", integer(1987)),
            ("1899", Err(Violation::Minimum)),
            ("2101", Err(Violation::Maximum)),
            ("87", TYPE),
            ("+987", TYPE),
            ("19870", TYPE),
            ("1987Z", TYPE),
        ],
    );
    check(r#""type": "year""#, &[("0000", integer(0)), ("9999", integer(9999)), ("٢٠١٧", TYPE)]);
    check(
        r#""type": "yearmonth""#,
        &[
            ("1970-02", date(31)),
            ("1970-2", date(31)),
            ("1970-12", date(334)),
            ("1970-13", TYPE),
            ("1970-00", TYPE),
            ("1970-0", TYPE),
            ("1970-012", TYPE),
            ("0000-01", TYPE),
            ("70-02", TYPE),
            ("1970/02", TYPE),
            ("1970", TYPE),
            ("197é-02", TYPE),
        ],
    );
}

#[test]
fn texts() {
    check(
        r#""type": "string", "constraints": {"minLength": 2, "maxLength": 4}"#,
        &[
            ("é", Err(Violation::MinLength)),
            ("🎉", Err(Violation::MinLength)),
            (" é ", Err(Violation::MinLength)),
            ("éé", text("éé")),
            ("日本語文", text("日本語文")),
            ("日本語文字", Err(Violation::MaxLength)),
            ("abcde", Err(Violation::MaxLength)),
        ],
    );
    check(
        r#""type": "string", "constraints": {"pattern": "ab|c+"}"#,
        &[
            ("ab", text("ab")),
            ("ccc", text("ccc")),
            ("abc", Err(Violation::Pattern)),
            ("xab", Err(Violation::Pattern)),
            ("", MISSING),
        ],
    );
    check(
        r#""type": "string", "constraints": {"enum": ["N", " R "]}"#,
        &[("N", text("N")), ("R", text("R")), ("n", Err(Violation::Enumeration)), ("NR", Err(Violation::Enumeration))],
    );
    let many: Vec<String> = (0..40).map(|n| format!(r#""v{n}""#)).collect();
    check(
        &format!(r#""type": "string", "constraints": {{"enum": [{}]}}"#, many.join(",")),
        &[
            ("v0", text("v0")),
            ("v39", text("v39")),
            ("v40", Err(Violation::Enumeration)),
            ("v", Err(Violation::Enumeration)),
        ],
    );
    for pattern in ["[a-z--[aeiou]]+", r"[a\\-\\[]*x|b-[0-9]|\\[-[x]|xyz"] {
        check(&format!(r#""type": "string", "constraints": {{"pattern": "{pattern}"}}"#), &[("xyz", text("xyz"))]);
    }
    for (format, right, wrong) in [
        ("email", "a@example.com", "a@b"),
        ("uri", "https://example.com", "example.com"),
        ("binary", "YWI=", "YWI"),
        ("uuid", "95ecc380-afe9-11e4-9b6c-751b66dd541e", "95ecc380afe911e49b6c751b66dd541e"),
    ] {
        check(&format!(r#""type": "string", "format": "{format}""#), &[(right, text(right)), (wrong, TYPE)]);
    }
    check(
        r#""type": "any", "constraints": {"enum": [1, "x"]}"#,
        &[("1", text("1")), ("x", text("x")), ("2", Err(Violation::Enumeration))],
    );
}

const KINDS: [&str; 16] = [
    r#""type": "string", "constraints": {"minLength": 2, "maxLength": 3, "pattern": "[a-z0-9]+", "enum": ["ab", "12"]}"#,
    r#""type": "string", "format": "email""#,
    r#""type": "string", "format": "uri""#,
    r#""type": "string", "format": "binary""#,
    r#""type": "string", "format": "uuid""#,
    r#""type": "number", "constraints": {"minimum": -5, "exclusiveMaximum": 5}"#,
    r#""type": "number", "decimalChar": "·", "groupChar": "'", "bareNumber": false"#,
    r#""type": "integer", "groupChar": "’", "bareNumber": false"#,
    r#""type": "boolean""#,
    r#""type": "date", "format": "any""#,
    r#""type": "date", "format": "%a %d. %B %Y""#,
    r#""type": "datetime", "format": "any""#,
    r#""type": "time", "format": "any""#,
    r#""type": "year""#,
    r#""type": "yearmonth""#,
    r#""type": "any", "missingValues": ["-", "é"]"#,
];

proptest! {
    #[test]
    fn no_text_makes_a_reader_panic_and_blanks_around_it_change_nothing(
        at in 0..KINDS.len(), text in ".{0,40}|[-+0-9.,:/ TZapm·'’é%$]{0,80}", blanks in "[ \t\r\n]{0,3}"
    ) {
        let rules = rules(KINDS[at]);
        let read = rules.read(&text);
        // NaN is not equal to itself, so outcomes are compared as they print.
        prop_assert_eq!(format!("{:?}", rules.read(&format!("{blanks}{text}{blanks}"))), format!("{read:?}"));
        prop_assert_eq!(matches!(read, Ok(None)), rules.is_missing(trim_blanks(&text)));
    }
}
