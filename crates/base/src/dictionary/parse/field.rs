//! A field of a schema: its type, format and missing values.

use std::collections::HashSet;

use super::constraints;
use super::json::{Node, Problems};
use crate::cell::temporal::Pattern;
use crate::cell::trim_blanks;
use crate::dictionary::{BooleanFormat, Constraints, Field, FieldKind, NumberFormat, StringFormat, TemporalFormat};

/// The extension key of several accepted patterns.
const FORMATS: &str = "bordereau:formats";
/// Types of the standard that hold something other than one value, or a kind of value that no file of ours has.
const UNREAD_TYPES: [&str; 6] = ["object", "array", "list", "duration", "geopoint", "geojson"];

/// A field, when all of it can be read; `missing_values` are those of its schema.
pub(super) fn field(
    node: &Node<'_>,
    name: Option<&str>,
    missing_values: Option<&[String]>,
    problems: &mut Problems,
) -> Option<Field> {
    let own = self::missing_values(node, problems);
    let title = node.text_at("title", problems);
    let description = node.text_at("description", problems);
    let kind = kind(node, problems);
    let default = || vec![String::new()];
    let mut field = Field {
        name: name?.to_owned(),
        title,
        description,
        kind: kind?,
        constraints: Constraints::default(),
        missing_values: own.or_else(|| missing_values.map(<[String]>::to_vec)).unwrap_or_else(default),
    };
    field.constraints = constraints::constraints(node, &field, problems);
    Some(field)
}

/// `missingValues` of a package, schema or field: texts, or objects with a value and a label.
pub(super) fn missing_values(node: &Node<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    let list = node.get("missingValues")?.list(problems);
    let value = |item: &Node<'_>, problems: &mut Problems| {
        if item.value().is_object() {
            item.text_at("label", problems);
            return item.need("value", problems)?.text(problems).map(str::to_owned);
        }
        if !item.value().is_string() {
            problems.add(item, "must be text, or an object with a `value`");
        }
        item.value().as_str().map(str::to_owned)
    };
    Some(list.iter().filter_map(|item| value(item, problems)).collect())
}

/// Type and format. Without a type it is `any`, as the standard has it.
fn kind(node: &Node<'_>, problems: &mut Problems) -> Option<FieldKind> {
    let type_node = node.get("type");
    let name = match &type_node {
        Some(node) => node.text(problems)?,
        None => "any",
    };
    let kind = match name {
        "string" => FieldKind::String(string_format(node, problems)?),
        "number" | "integer" => {
            plain_format(node, name, problems);
            let format = number_format(node, name, problems)?;
            if name == "number" { FieldKind::Number(format) } else { FieldKind::Integer(format) }
        }
        "boolean" => {
            plain_format(node, name, problems);
            FieldKind::Boolean(boolean_format(node, problems)?)
        }
        "date" => FieldKind::Date(temporal_format(node, name, problems)?),
        "datetime" => FieldKind::Datetime(temporal_format(node, name, problems)?),
        "time" => FieldKind::Time(temporal_format(node, name, problems)?),
        "year" | "yearmonth" | "any" => {
            plain_format(node, name, problems);
            match name {
                "year" => FieldKind::Year,
                "yearmonth" => FieldKind::Yearmonth,
                _ => FieldKind::Any,
            }
        }
        other => {
            let unread = UNREAD_TYPES.contains(&other);
            let what = if unread { "a type of the standard that is not read" } else { "no type of the standard" };
            problems.add(type_node.as_ref().unwrap_or(node), format!("`{other}` is {what}"));
            return None;
        }
    };
    let temporal = matches!(kind, FieldKind::Date(_) | FieldKind::Datetime(_) | FieldKind::Time(_));
    if let Some(formats) = node.get(FORMATS).filter(|_| !temporal) {
        problems.add(&formats, format!("applies to date, datetime and time, not to {name}"));
    }
    Some(kind)
}

/// `format` without the prefix that patterns once had.
fn format<'a>(node: &Node<'a>, problems: &mut Problems) -> Option<(Node<'a>, &'a str)> {
    let format = node.get("format")?;
    let text = format.text(problems)?;
    Some((format, text.strip_prefix("fmt:").unwrap_or(text)))
}

fn plain_format(node: &Node<'_>, type_name: &str, problems: &mut Problems) {
    if let Some((place, text)) = format(node, problems).filter(|(_, text)| *text != "default") {
        problems.add(&place, format!("`{text}` is no format of the type {type_name}, which has only default"));
    }
}

fn string_format(node: &Node<'_>, problems: &mut Problems) -> Option<StringFormat> {
    let Some((place, text)) = format(node, problems) else { return Some(StringFormat::Default) };
    match text {
        "default" => Some(StringFormat::Default),
        "email" => Some(StringFormat::Email),
        "uri" => Some(StringFormat::Uri),
        "binary" => Some(StringFormat::Binary),
        "uuid" => Some(StringFormat::Uuid),
        other => {
            let known = "default, email, uri, binary, uuid";
            problems.add(&place, format!("`{other}` is no format of the type string: {known}"));
            None
        }
    }
}

fn number_format(node: &Node<'_>, type_name: &str, problems: &mut Problems) -> Option<NumberFormat> {
    let mut mark = |key: &str| -> Result<Option<String>, ()> {
        let Some(place) = node.get(key) else { return Ok(None) };
        let text = place.text(problems).ok_or(())?;
        if text.is_empty() || text.contains(|c: char| c.is_alphanumeric() || matches!(c, '+' | '-')) {
            problems.add(&place, "must be one or more characters, none of them a digit, a letter or a sign");
            return Err(());
        }
        Ok(Some(text.to_owned()))
    };
    let default = NumberFormat::default();
    let decimal_char = if type_name == "number" { mark("decimalChar") } else { Ok(None) };
    let group_char = mark("groupChar");
    let bare_number = node.flag_at("bareNumber", default.bare_number, problems);
    let decimal_char = decimal_char.ok()?.unwrap_or(default.decimal_char);
    let group_char = group_char.ok()?;
    let overlap = |group: &String| group.contains(&decimal_char) || decimal_char.contains(group);
    if let Some(place) = node.get("groupChar").filter(|_| type_name == "number" && group_char.iter().any(overlap)) {
        problems.add(&place, "must differ from the decimal character");
    }
    Some(NumberFormat { decimal_char, group_char, bare_number })
}

fn boolean_format(node: &Node<'_>, problems: &mut Problems) -> Option<BooleanFormat> {
    let mut texts = |key: &str, default: [&str; 4]| -> Option<Vec<String>> {
        let Some(list) = node.get(key) else { return Some(default.map(str::to_owned).to_vec()) };
        let texts = list.filled_list(problems);
        texts.iter().map(|item| item.text(problems).map(str::to_owned)).collect()
    };
    let true_values = texts("trueValues", ["true", "True", "TRUE", "1"]);
    let false_values = texts("falseValues", ["false", "False", "FALSE", "0"]);
    let (true_values, false_values) = (true_values?, false_values?);
    let meaning_true: HashSet<&str> = true_values.iter().map(|text| trim_blanks(text)).collect();
    if let Some(both) = false_values.iter().find(|text| meaning_true.contains(trim_blanks(text))) {
        problems.add(node, format!("`{both}` means true and false at once"));
    }
    Some(BooleanFormat { true_values, false_values })
}

fn temporal_format(node: &Node<'_>, type_name: &str, problems: &mut Problems) -> Option<TemporalFormat> {
    let format = format(node, problems);
    if let Some(list) = node.get(FORMATS) {
        // Other tools do not know the key and must not refuse what we accept.
        if format.as_ref().is_none_or(|(_, text)| *text != "any") {
            problems.add(&list, "needs the `format` any beside it, for tools that do not know it");
        }
        let items = list.filled_list(problems);
        let patterns: Vec<Option<Pattern>> = items
            .iter()
            .map(|item| item.text(problems).and_then(|text| pattern(item, text, type_name, problems)))
            .collect();
        return Some(TemporalFormat::Patterns(patterns.into_iter().collect::<Option<_>>()?));
    }
    match format {
        None | Some((_, "default")) => Some(TemporalFormat::Default),
        Some((_, "any")) => Some(TemporalFormat::Any),
        Some((place, text)) => Some(TemporalFormat::Patterns(vec![pattern(&place, text, type_name, problems)?])),
    }
}

fn pattern(place: &Node<'_>, text: &str, type_name: &str, problems: &mut Problems) -> Option<Pattern> {
    if !text.contains('%') {
        let known = "default, any or a pattern such as %m/%d/%Y";
        problems.add(place, format!("`{text}` is no format of the type {type_name}: {known}"));
        return None;
    }
    let pattern = Pattern::new(text).map_err(|problem| problems.add(place, problem)).ok()?;
    let needed = match type_name {
        "time" => (!pattern.has_hour()).then_some("an hour"),
        _ => (!pattern.has_year()).then_some("a year"),
    };
    if let Some(part) = needed {
        problems.add(place, format!("must name {part}"));
        return None;
    }
    Some(pattern)
}
