//! What is said to people of a value that breaks a rule: the rule, never the value.

use super::Violation;
use super::calendar::MICROS_OF_SECOND;
use super::temporal::Pattern;
use crate::dictionary::{Field, FieldKind, Literal, NumberFormat, StringFormat, TemporalFormat};

/// Members of an enumeration that are named before the rest is counted.
const NAMED_MEMBERS: usize = 20;
/// Spellings of a date that are shown.
const SHOWN_SPELLINGS: usize = 3;
/// 2017-07-31, whose day and month cannot be taken for each other.
const SAMPLE_DAYS: i32 = 17_378;
/// 15:30:00.
const SAMPLE_MICROS: i64 = (15 * 60 + 30) * 60 * MICROS_OF_SECOND;

pub(super) fn of(field: &Field, violation: Violation) -> String {
    let constraints = &field.constraints;
    let text = |literal: &Option<Literal>| literal.as_ref().map(|literal| literal.text.clone()).unwrap_or_default();
    let temporal =
        matches!(field.kind, FieldKind::Date(_) | FieldKind::Datetime(_) | FieldKind::Time(_) | FieldKind::Yearmonth);
    let bound = |plain: &str, of_time: &str, literal| {
        format!("must {} {}", if temporal { of_time } else { plain }, text(literal))
    };
    match violation {
        Violation::Required => "is required".to_owned(),
        Violation::Type => of_kind(&field.kind),
        Violation::MinLength => format!("must have at least {}", characters(constraints.min_length)),
        Violation::MaxLength => format!("must have at most {}", characters(constraints.max_length)),
        Violation::Pattern => {
            let pattern = constraints.pattern.as_ref().map(|pattern| pattern.as_str()).unwrap_or_default();
            format!("must have the form {pattern}")
        }
        Violation::Minimum => bound("be at least", "not be before", &constraints.minimum),
        Violation::Maximum => bound("be at most", "not be after", &constraints.maximum),
        Violation::ExclusiveMinimum => bound("be greater than", "be after", &constraints.exclusive_minimum),
        Violation::ExclusiveMaximum => bound("be less than", "be before", &constraints.exclusive_maximum),
        Violation::Enumeration => {
            let members = constraints.enumeration.as_deref().unwrap_or_default();
            one_of(&members.iter().map(|member| member.text.as_str()).collect::<Vec<_>>())
        }
    }
}

fn of_kind(kind: &FieldKind) -> String {
    match kind {
        FieldKind::String(StringFormat::Email) => "must be an e-mail address".to_owned(),
        FieldKind::String(StringFormat::Uri) => "must be a URI such as https://example.com/a".to_owned(),
        FieldKind::String(StringFormat::Binary) => "must be base64 text".to_owned(),
        FieldKind::String(StringFormat::Uuid) => "must be a UUID".to_owned(),
        FieldKind::String(StringFormat::Default) | FieldKind::Any => "must be text".to_owned(),
        FieldKind::Number(format) => format!("must be a number such as {}", number_sample(format)),
        FieldKind::Integer(_) => "must be a whole number".to_owned(),
        FieldKind::Boolean(format) => {
            let all = format.true_values.iter().chain(&format.false_values);
            one_of(&all.map(String::as_str).collect::<Vec<_>>())
        }
        FieldKind::Date(format) => format!("must be a date such as {}", spellings(format, "%Y-%m-%d", "%m/%d/%Y")),
        FieldKind::Datetime(format) => {
            let shown = spellings(format, "%Y-%m-%dT%H:%M:%S", "%m/%d/%Y %H:%M");
            format!("must be a date and time such as {shown}")
        }
        FieldKind::Time(format) => format!("must be a time such as {}", spellings(format, "%H:%M:%S", "%I:%M %p")),
        FieldKind::Year => "must be a year of four digits".to_owned(),
        FieldKind::Yearmonth => "must be a month such as 2017-07".to_owned(),
    }
}

fn number_sample(format: &NumberFormat) -> String {
    format!("1{}234{}5", format.group_char.as_deref().unwrap_or_default(), format.decimal_char)
}

fn spellings(format: &TemporalFormat, default: &str, other: &str) -> String {
    let sample = |pattern: &Pattern| pattern.format(SAMPLE_DAYS, SAMPLE_MICROS);
    let samples = |sources: &[&str]| -> Vec<String> {
        sources.iter().filter_map(|source| Pattern::new(source).ok()).map(|pattern| sample(&pattern)).collect()
    };
    let mut samples = match format {
        TemporalFormat::Default => samples(&[default]),
        TemporalFormat::Any => samples(&[default, other]),
        TemporalFormat::Patterns(patterns) => patterns.iter().take(SHOWN_SPELLINGS).map(sample).collect(),
    };
    match samples.pop() {
        Some(last) if samples.is_empty() => last,
        Some(last) => format!("{} or {last}", samples.join(", ")),
        None => String::new(),
    }
}

fn one_of(texts: &[&str]) -> String {
    match texts.get(NAMED_MEMBERS..) {
        Some(rest) if !rest.is_empty() => {
            let named = texts.get(..NAMED_MEMBERS).unwrap_or_default().join(", ");
            format!("must be one of {named} and {} more", rest.len())
        }
        _ => format!("must be one of {}", texts.join(", ")),
    }
}

fn characters(count: Option<usize>) -> String {
    match count.unwrap_or_default() {
        1 => "1 character".to_owned(),
        count => format!("{count} characters"),
    }
}
