//! Constraints of a field: which apply to its type, and the values written in them.

use std::cmp::Ordering;

use serde_json::Value as Json;

use super::json::{Node, Problems};
use crate::cell::{CellRules, Violation, trim_blanks};
use crate::dictionary::{Constraints, Field, FieldKind, Literal, TextPattern, Value};

/// The constraints of `field`, whose own are not set yet. Those with a problem are left out.
pub(super) fn constraints(node: &Node<'_>, field: &Field, problems: &mut Problems) -> Constraints {
    let mut constraints = Constraints::default();
    let literals = Literals { kind: &field.kind, rules: CellRules::new(field) };
    let place = node.get("constraints");
    let properties = place.as_ref().and_then(|place| place.object(problems)).unwrap_or_default();
    for (key, property) in properties {
        if applies(key, &property, &field.kind, problems) {
            read(key, &property, &literals, &mut constraints, problems);
        }
    }
    if let Some(place) = &place {
        contradictions(place, &constraints, problems);
    }
    categories(node, &literals, &mut constraints, problems);
    constraints
}

/// Whether the constraint is one for fields of the kind. One that is not would never be tested: that is a problem,
/// except for those of somebody's extension, whose keys have a colon.
fn applies(key: &str, place: &Node<'_>, kind: &FieldKind, problems: &mut Problems) -> bool {
    let fits = match key {
        "required" | "unique" | "enum" => true,
        "minLength" | "maxLength" | "pattern" => matches!(kind, FieldKind::String(_)),
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => {
            !matches!(kind, FieldKind::String(_) | FieldKind::Boolean(_) | FieldKind::Any)
        }
        "jsonSchema" => false,
        other => {
            if !other.contains(':') {
                problems.add(place, "is no constraint of the standard");
            }
            return false;
        }
    };
    if !fits {
        problems.add(place, format!("does not apply to the type {}", kind.as_str()));
    }
    fits
}

fn read(key: &str, place: &Node<'_>, literals: &Literals<'_>, into: &mut Constraints, problems: &mut Problems) {
    match key {
        "required" => into.required = flag(place, problems),
        "unique" => into.unique = flag(place, problems),
        "minLength" => into.min_length = count(place, problems),
        "maxLength" => into.max_length = count(place, problems),
        "minimum" => into.minimum = literals.read(place, problems),
        "maximum" => into.maximum = literals.read(place, problems),
        "exclusiveMinimum" => into.exclusive_minimum = literals.read(place, problems),
        "exclusiveMaximum" => into.exclusive_maximum = literals.read(place, problems),
        "pattern" => into.pattern = pattern(place, problems),
        "enum" => into.enumeration = members(place, literals, problems),
        _ => {}
    }
}

fn flag(place: &Node<'_>, problems: &mut Problems) -> bool {
    place.value().as_bool().unwrap_or_else(|| {
        problems.add(place, "must be true or false");
        false
    })
}

fn count(place: &Node<'_>, problems: &mut Problems) -> Option<usize> {
    let count = place.value().as_u64().and_then(|count| usize::try_from(count).ok());
    if count.is_none() {
        problems.add(place, "must be a whole number that is not negative");
    }
    count
}

fn pattern(place: &Node<'_>, problems: &mut Problems) -> Option<TextPattern> {
    let source = place.text(problems)?;
    let report = |problem: String| problems.add(place, format!("is not a pattern that can be used: {problem}"));
    TextPattern::new(source).map_err(report).ok()
}

fn members(place: &Node<'_>, literals: &Literals<'_>, problems: &mut Problems) -> Option<Vec<Literal>> {
    place.filled_list(problems).iter().map(|item| literals.read(item, problems)).collect()
}

/// `categories`: the values allowed, of which the members of `enum` must be some.
fn categories(node: &Node<'_>, literals: &Literals<'_>, into: &mut Constraints, problems: &mut Problems) {
    let Some(place) = node.get("categories") else { return };
    if !matches!(literals.kind, FieldKind::String(_) | FieldKind::Integer(_)) {
        problems.add(&place, format!("does not apply to the type {}", literals.kind.as_str()));
        return;
    }
    let value = |item: &Node<'_>, problems: &mut Problems| {
        let value = if item.value().is_object() { item.need("value", problems)? } else { item.clone() };
        literals.read(&value, problems)
    };
    let list = place.filled_list(problems);
    let categories: Vec<Literal> = list.iter().filter_map(|item| value(item, problems)).collect();
    match &into.enumeration {
        None => into.enumeration = (categories.len() == list.len()).then_some(categories),
        Some(members) => {
            let known = |member: &Literal| categories.iter().any(|category| category.value == member.value);
            if let Some(stranger) = members.iter().find(|member| !known(member)) {
                problems.add(&place, format!("must hold `{}`, which `enum` allows", stranger.text));
            }
        }
    }
}

/// Constraints that no value at all can keep to.
fn contradictions(place: &Node<'_>, constraints: &Constraints, problems: &mut Problems) {
    if constraints.min_length.zip(constraints.max_length).is_some_and(|(least, most)| least > most) {
        problems.add(place, "`minLength` is above `maxLength`");
    }
    let Constraints { minimum, maximum, exclusive_minimum, exclusive_maximum, .. } = constraints;
    for (low, low_name, high, high_name, equal_fits) in [
        (minimum, "minimum", maximum, "maximum", true),
        (minimum, "minimum", exclusive_maximum, "exclusiveMaximum", false),
        (exclusive_minimum, "exclusiveMinimum", maximum, "maximum", false),
        (exclusive_minimum, "exclusiveMinimum", exclusive_maximum, "exclusiveMaximum", false),
    ] {
        let order = low.as_ref().zip(high.as_ref()).and_then(|(low, high)| order(&low.value, &high.value));
        if order == Some(Ordering::Greater) || (order == Some(Ordering::Equal) && !equal_fits) {
            problems.add(place, format!("`{low_name}` leaves no value below `{high_name}`"));
        }
    }
}

/// The order of two values of one kind that has an order.
fn order(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.partial_cmp(other),
        (Value::Integer(one), Value::Integer(other))
        | (Value::Datetime(one), Value::Datetime(other))
        | (Value::Time(one), Value::Time(other)) => Some(one.cmp(other)),
        (Value::Date(one), Value::Date(other)) => Some(one.cmp(other)),
        _ => None,
    }
}

/// Reads the values in constraints: as JSON has them, or as text that a cell of the field may hold.
struct Literals<'a> {
    kind: &'a FieldKind,
    rules: CellRules,
}

impl Literals<'_> {
    fn read(&self, place: &Node<'_>, problems: &mut Problems) -> Option<Literal> {
        let json = place.value();
        let value = match json {
            Json::String(text) => self.rules.reader().read(trim_blanks(text)).ok(),
            Json::Number(number) => self.number(number),
            Json::Bool(value) => self.flag(*value),
            _ => None,
        };
        match value {
            None => problems.add(place, self.rules.sentence(Violation::Type)),
            Some(Value::Number(number)) if number.is_nan() => problems.add(place, "must not be NaN"),
            Some(value) => {
                let text = json.as_str().map_or_else(|| json.to_string(), str::to_owned);
                return Some(Literal { text, value });
            }
        }
        None
    }

    fn number(&self, number: &serde_json::Number) -> Option<Value> {
        // Whole numbers may be written with a fraction of zero.
        let whole = || {
            let float = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 9.0e15)?;
            Some(float as i64)
        };
        match self.kind {
            FieldKind::Number(_) => number.as_f64().map(Value::Number),
            FieldKind::Integer(_) => number.as_i64().or_else(whole).map(Value::Integer),
            FieldKind::Year => {
                number.as_i64().or_else(whole).filter(|year| (0..=9999).contains(year)).map(Value::Integer)
            }
            FieldKind::Any => Some(Value::Text(number.to_string())),
            _ => None,
        }
    }

    fn flag(&self, value: bool) -> Option<Value> {
        match self.kind {
            FieldKind::Boolean(_) => Some(Value::Boolean(value)),
            FieldKind::Any => Some(Value::Text(value.to_string())),
            _ => None,
        }
    }
}
