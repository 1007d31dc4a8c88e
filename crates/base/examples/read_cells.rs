//! Reads cells for the cross-check in `scripts/oracle`: a JSON object per line, `{"field": {...}, "text": "..."}`,
//! in; what the readers make of each, a JSON object per line, out.
//!
//! The field is a field descriptor of Table Schema. The answer has a `verdict` (`ok`, `missing` or `violation`; or
//! `descriptor` with all its problems when the field cannot be read) and the `value` in the unit of its column or the
//! name of the `rule` that is broken.

use std::collections::HashMap;
use std::io::{self, BufRead, BufWriter, Write};

use bordereau_base::cell::{CellRules, Violation};
use bordereau_base::dictionary::{Dictionary, Value};
use serde_json::{Value as Json, json};

fn main() -> io::Result<()> {
    let mut known: HashMap<String, Result<CellRules, Json>> = HashMap::new();
    let mut out = BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let question: Json = serde_json::from_str(&line?)?;
        let field = question.get("field").cloned().unwrap_or_default();
        let text = question.get("text").and_then(Json::as_str).unwrap_or_default();
        let rules = known.entry(field.to_string()).or_insert_with(|| rules(&field));
        let answer = rules.as_ref().map_or_else(Json::clone, |rules| answer(rules, text));
        writeln!(out, "{answer}")?;
    }
    out.flush()
}

fn rules(field: &Json) -> Result<CellRules, Json> {
    let package = json!({"resources": [{"name": "r", "schema": {"fields": [field]}}]});
    let problems = match Dictionary::from_json(package.to_string().as_bytes()) {
        Ok(dictionary) => match dictionary.relations.first().and_then(|relation| relation.fields.first()) {
            Some(field) => return Ok(CellRules::new(field)),
            None => Vec::new(),
        },
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    };
    Err(json!({"verdict": "descriptor", "problems": problems}))
}

fn answer(rules: &CellRules, text: &str) -> Json {
    match rules.read(text) {
        Ok(None) => json!({"verdict": "missing"}),
        Ok(Some(value)) => json!({"verdict": "ok", "value": shown(value)}),
        Err(violation) => json!({"verdict": "violation", "rule": name(violation)}),
    }
}

/// Floats that JSON does not know are texts.
fn shown(value: Value) -> Json {
    match value {
        Value::Text(text) => json!(text),
        Value::Number(number) if number.is_finite() => json!(number),
        Value::Number(number) => json!(number.to_string()),
        Value::Integer(number) | Value::Datetime(number) | Value::Time(number) => json!(number),
        Value::Boolean(value) => json!(value),
        Value::Date(days) => json!(days),
    }
}

/// As the standard calls the constraint.
fn name(violation: Violation) -> &'static str {
    match violation {
        Violation::Required => "required",
        Violation::Type => "type",
        Violation::MinLength => "minLength",
        Violation::MaxLength => "maxLength",
        Violation::Pattern => "pattern",
        Violation::Minimum => "minimum",
        Violation::Maximum => "maximum",
        Violation::ExclusiveMinimum => "exclusiveMinimum",
        Violation::ExclusiveMaximum => "exclusiveMaximum",
        Violation::Enumeration => "enum",
    }
}
