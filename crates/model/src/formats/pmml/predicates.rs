//! Predicates, and the arrays they hold.

use super::fields::{Fields, Kind};
use super::xml::Element;
use crate::Error;
use crate::graph::{Compare, Predicate};
use crate::linear::key;

pub(super) const PREDICATES: [&str; 5] =
    ["True", "False", "SimplePredicate", "SimpleSetPredicate", "CompoundPredicate"];

/// The one predicate among the children of an element.
pub(super) fn of(holder: &Element, fields: &mut Fields) -> Result<Predicate, Error> {
    let mut found = holder.parts().filter(|part| PREDICATES.contains(&part.name.as_str()));
    match (found.next(), found.next()) {
        (Some(part), None) => read(part, fields),
        _ => Err(holder.invalid("holds not exactly one predicate")),
    }
}

fn read(element: &Element, fields: &mut Fields) -> Result<Predicate, Error> {
    match element.name.as_str() {
        "True" | "False" => {
            element.only(&[], &[])?;
            Ok(if element.name == "True" { Predicate::True } else { Predicate::False })
        }
        "SimplePredicate" => simple(element, fields),
        "SimpleSetPredicate" => set(element, fields),
        _ => compound(element, fields),
    }
}

fn simple(element: &Element, fields: &mut Fields) -> Result<Predicate, Error> {
    element.only(&["field", "operator", "value"], &[])?;
    let field = fields.find(element.need("field")?, element)?;
    let compare = match element.need("operator")? {
        "isMissing" => return Ok(Predicate::IsMissing(field.at)),
        "isNotMissing" => return Ok(Predicate::IsNotMissing(field.at)),
        "equal" => Compare::Equal,
        "notEqual" => Compare::NotEqual,
        "lessThan" => Compare::Less,
        "lessOrEqual" => Compare::LessOrEqual,
        "greaterThan" => Compare::Greater,
        "greaterOrEqual" => Compare::GreaterOrEqual,
        other => return Err(element.unsupported(format!("operator={other:.40?}"))),
    };
    if field.kind == Kind::Symbol && !matches!(compare, Compare::Equal | Compare::NotEqual) {
        return Err(element.unsupported("an order of categories"));
    }
    let value = fields.literal(field, element.need("value")?, element)?;
    Ok(Predicate::Compare(field.at, compare, value))
}

fn set(element: &Element, fields: &mut Fields) -> Result<Predicate, Error> {
    element.only(&["field", "booleanOperator"], &["Array"])?;
    let field = fields.find(element.need("field")?, element)?;
    let is_in = element.one_of("booleanOperator", &["isIn", "isNotIn"], "")? == "isIn";
    let list = element.child("Array")?.ok_or_else(|| element.invalid("Array is missing"))?;
    let mut keys = Vec::new();
    for text in array(list)? {
        keys.push(key(fields.literal(field, &text, list)?));
    }
    keys.sort_unstable();
    Ok(Predicate::In { field: field.at, keys, is_in })
}

fn compound(element: &Element, fields: &mut Fields) -> Result<Predicate, Error> {
    element.only(&["booleanOperator"], &PREDICATES)?;
    let parts = element.parts().map(|part| read(part, fields)).collect::<Result<Vec<_>, Error>>()?;
    if parts.is_empty() {
        return Err(element.invalid("holds no predicate"));
    }
    Ok(match element.one_of("booleanOperator", &["and", "or", "xor", "surrogate"], "")? {
        "and" => Predicate::And(parts),
        "or" => Predicate::Or(parts),
        "xor" => Predicate::Xor(parts),
        _ => Predicate::Surrogate(parts),
    })
}

/// The values of an `Array`: separated by white space, in quotes where they hold some.
pub(super) fn array(element: &Element) -> Result<Vec<String>, Error> {
    element.only(&["n", "type"], &[])?;
    element.one_of("type", &["string", "int", "real"], "")?;
    let mut values = Vec::new();
    let mut letters = element.text.chars().peekable();
    while let Some(first) = letters.next_if(|_| true) {
        if first.is_whitespace() {
            continue;
        }
        let mut value = String::new();
        if first == '"' {
            loop {
                match letters.next() {
                    Some('"') => break,
                    Some('\\') if letters.peek() == Some(&'"') => value.extend(letters.next()),
                    Some(letter) => value.push(letter),
                    None => return Err(element.invalid("a quote that does not end")),
                }
            }
        } else {
            value.push(first);
            while let Some(letter) = letters.next_if(|letter| !letter.is_whitespace()) {
                value.push(letter);
            }
        }
        values.push(value);
    }
    match element.number("n")? {
        Some(count) if count != values.len() as f64 => {
            Err(element.invalid(format!("{} values, n is {count}", values.len())))
        }
        _ => Ok(values),
    }
}
