//! What is said of a cell that breaks a rule.

use bordereau_base::cell::Violation;
use bordereau_base::finding::FindingCode;

use crate::cells::rules;

#[test]
fn only_a_missing_value_that_is_required_has_a_code_of_its_own() {
    for violation in Violation::ALL {
        let expected =
            if violation == Violation::Required { FindingCode::Required } else { FindingCode::InvalidInputValue };
        assert_eq!(violation.code(), expected);
    }
    assert!(Violation::ALL.iter().enumerate().all(|(at, violation)| *violation as usize == at));
}

#[test]
fn sentences_state_the_rule() {
    let said = |properties: &str, violation| rules(properties).sentence(violation).to_owned();
    for (properties, expected) in [
        (r#""type": "string""#, "must be text"),
        (r#""type": "any""#, "must be text"),
        (r#""type": "string", "format": "email""#, "must be an e-mail address"),
        (r#""type": "string", "format": "uri""#, "must be a URI such as https://example.com/a"),
        (r#""type": "string", "format": "binary""#, "must be base64 text"),
        (r#""type": "string", "format": "uuid""#, "must be a UUID"),
        (r#""type": "number""#, "must be a number such as 1234.5"),
        (r#""type": "number", "decimalChar": ",", "groupChar": ".""#, "must be a number such as 1.234,5"),
        (r#""type": "integer""#, "must be a whole number"),
        (r#""type": "boolean", "trueValues": ["Y"], "falseValues": ["N"]"#, "must be one of Y, N"),
        (r#""type": "date""#, "must be a date such as 2017-07-31"),
        (r#""type": "date", "format": "any""#, "must be a date such as 2017-07-31 or 7/31/2017"),
        (r#""type": "date", "format": "%d%m%Y""#, "must be a date such as 31072017"),
        (r#""type": "date", "format": "%Y年%m月%d日""#, "must be a date such as 2017年07月31日"),
        (
            r#""type": "date", "format": "any", "bordereau:formats": ["%m/%d/%Y", "%d %b %y", "%Y-%m-%d", "%Y"]"#,
            "must be a date such as 7/31/2017, 31 Jul 17 or 2017-07-31",
        ),
        (r#""type": "datetime""#, "must be a date and time such as 2017-07-31T15:30:00"),
        (
            r#""type": "datetime", "format": "any""#,
            "must be a date and time such as 2017-07-31T15:30:00 or 7/31/2017 15:30",
        ),
        (r#""type": "time""#, "must be a time such as 15:30:00"),
        (r#""type": "time", "format": "any""#, "must be a time such as 15:30:00 or 3:30 PM"),
        (r#""type": "year""#, "must be a year of four digits"),
        (r#""type": "yearmonth""#, "must be a month such as 2017-07"),
    ] {
        assert_eq!(said(properties, Violation::Type), expected, "{properties}");
    }
    let text = r#""type": "string", "constraints": {"minLength": 1, "maxLength": 50, "pattern": "[0-9]{4}", "enum": ["N", "R"]}"#;
    assert_eq!(said(text, Violation::Required), "is required");
    assert_eq!(said(text, Violation::MinLength), "must have at least 1 character");
    assert_eq!(said(text, Violation::MaxLength), "must have at most 50 characters");
    assert_eq!(said(text, Violation::Pattern), "must have the form [0-9]{4}");
    assert_eq!(said(text, Violation::Enumeration), "must be one of N, R");
    let number = r#""type": "number", "constraints": {"minimum": 0, "maximum": "1.50"}"#;
    assert_eq!(said(number, Violation::Minimum), "must be at least 0");
    assert_eq!(said(number, Violation::Maximum), "must be at most 1.50");
    let number = r#""type": "year", "constraints": {"exclusiveMinimum": 1900, "exclusiveMaximum": 2100}"#;
    assert_eq!(said(number, Violation::ExclusiveMinimum), "must be greater than 1900");
    assert_eq!(said(number, Violation::ExclusiveMaximum), "must be less than 2100");
    let day = r#""type": "date", "constraints": {"minimum": "2000-01-01", "maximum": "2009-12-31"}"#;
    assert_eq!(said(day, Violation::Minimum), "must not be before 2000-01-01");
    assert_eq!(said(day, Violation::Maximum), "must not be after 2009-12-31");
    let day = r#""type": "yearmonth", "constraints": {"exclusiveMinimum": "2000-01", "exclusiveMaximum": "2009-12"}"#;
    assert_eq!(said(day, Violation::ExclusiveMinimum), "must be after 2000-01");
    assert_eq!(said(day, Violation::ExclusiveMaximum), "must be before 2009-12");
    let members: Vec<String> = (0..25).map(|n| n.to_string()).collect();
    let many = format!(r#""type": "integer", "constraints": {{"enum": [{}]}}"#, members.join(","));
    assert_eq!(said(&many, Violation::Enumeration), format!("must be one of {} and 5 more", members[..20].join(", ")));
}
