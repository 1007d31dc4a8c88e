//! Functions of texts and dates: each use becomes a step of its own.

use regex::{Regex, RegexBuilder};

use super::expressions;
use super::fields::{Fields, Kind};
use super::xml::Element;
use crate::Error;
use crate::graph::{Argument, NumberFormat, Step, TextFunction, TextStep, is_date_format};
use crate::linear::Expression;

/// Name, and the kinds of its arguments; `concat` takes any number of any kind.
const FUNCTIONS: &[(&str, &[Kind])] = &[
    ("uppercase", &[Kind::Symbol]),
    ("lowercase", &[Kind::Symbol]),
    ("stringLength", &[Kind::Symbol]),
    ("substring", &[Kind::Symbol, Kind::Number, Kind::Number]),
    ("trimBlanks", &[Kind::Symbol]),
    ("concat", &[]),
    ("replace", &[Kind::Symbol, Kind::Symbol, Kind::Symbol]),
    ("matches", &[Kind::Symbol, Kind::Symbol]),
    ("formatNumber", &[Kind::Number, Kind::Symbol]),
    ("formatDatetime", &[Kind::Symbol, Kind::Symbol]),
    ("dateDaysSinceYear", &[Kind::Symbol, Kind::Number]),
    ("dateSecondsSinceYear", &[Kind::Symbol, Kind::Number]),
    ("dateSecondsSinceMidnight", &[Kind::Symbol]),
];

/// Largest program of a pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// Longest replacement: it is put in for each match.
const REPLACEMENT_MAX: usize = 256;

pub(super) fn is_function(name: &str) -> bool {
    FUNCTIONS.iter().any(|(known, _)| *known == name)
}

/// A use of such a function; nothing where it is another one.
pub(super) fn apply(element: &Element, fields: &mut Fields) -> Result<Option<(Expression, Kind)>, Error> {
    let name = element.need("function")?;
    let Some((_, kinds)) = FUNCTIONS.iter().find(|(known, _)| *known == name) else { return Ok(None) };
    let parts: Vec<&Element> = element.parts().collect();
    if name == "concat" && parts.is_empty() || name != "concat" && parts.len() != kinds.len() {
        return Err(element.invalid(format!("function {name} with {} arguments", parts.len())));
    }
    fields.keeps_texts = true;
    let mut arguments = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let wanted = kinds.get(at).copied();
        let (value, kind) = expressions::expression(part, wanted, fields)?;
        if wanted.is_some_and(|wanted| wanted != kind) {
            return Err(part.invalid(format!("an argument of {name} is of another kind")));
        }
        arguments.push(Argument { value, is_text: kind == Kind::Symbol });
    }
    let (function, kind) = function(element, &parts)?;
    // What the document says once and for all is no argument.
    arguments.truncate(match function {
        TextFunction::Replace(..) | TextFunction::Matches(_) | TextFunction::FormatNumber(_) => 1,
        TextFunction::FormatDatetime(_) => 1,
        _ => arguments.len(),
    });
    let text = element.get("mapMissingTo");
    let missing = text.map_or(Ok(f64::NAN), |text| fields.literal_of(kind, text, element))?;
    let to = fields.slots(1);
    fields.steps.push(Step::Text(TextStep { function, arguments, missing, to }));
    Ok(Some((Expression::Field(to), kind)))
}

fn function(element: &Element, parts: &[&Element]) -> Result<(TextFunction, Kind), Error> {
    Ok(match element.need("function")? {
        "uppercase" => (TextFunction::Uppercase, Kind::Symbol),
        "lowercase" => (TextFunction::Lowercase, Kind::Symbol),
        "stringLength" => (TextFunction::Length, Kind::Number),
        "substring" => (TextFunction::Substring, Kind::Symbol),
        "trimBlanks" => (TextFunction::TrimBlanks, Kind::Symbol),
        "concat" => (TextFunction::Concat, Kind::Symbol),
        "replace" => {
            let by = replacement(parts[2])?;
            (TextFunction::Replace(pattern(parts[1])?, by), Kind::Symbol)
        }
        "matches" => (TextFunction::Matches(pattern(parts[1])?), Kind::Number),
        "formatNumber" => {
            let format = NumberFormat::parse(constant(parts[1])?);
            let format =
                format.ok_or_else(|| parts[1].unsupported("a pattern other than %d, %f or %e with its size"))?;
            (TextFunction::FormatNumber(format), Kind::Symbol)
        }
        "formatDatetime" => {
            let format = constant(parts[1])?;
            if !is_date_format(format) {
                return Err(parts[1].unsupported("a letter of this pattern"));
            }
            (TextFunction::FormatDatetime(format.to_owned()), Kind::Symbol)
        }
        "dateDaysSinceYear" => (TextFunction::DaysSinceYear, Kind::Number),
        "dateSecondsSinceYear" => (TextFunction::SecondsSinceYear, Kind::Number),
        _ => (TextFunction::SecondsSinceMidnight, Kind::Number),
    })
}

/// Patterns and replacements must be known when the document is read.
fn constant(part: &Element) -> Result<&str, Error> {
    match part.name.as_str() {
        "Constant" => Ok(&part.text),
        _ => Err(part.unsupported("a pattern that is not a Constant")),
    }
}

fn pattern(part: &Element) -> Result<Regex, Error> {
    let built = RegexBuilder::new(constant(part)?).size_limit(PATTERN_BYTES_MAX).build();
    built.map_err(|_| part.unsupported("this regular expression"))
}

/// `$1` is a group, `\$` a dollar sign and `\\` a backslash.
fn replacement(part: &Element) -> Result<String, Error> {
    let text = constant(part)?;
    let mut result = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('$') => result.push_str("$$"),
                Some('\\') => result.push('\\'),
                _ => return Err(part.invalid("a backslash that stands alone")),
            },
            '$' => {
                let mut group = String::new();
                while let Some(digit) = letters.next_if(char::is_ascii_digit) {
                    group.push(digit);
                }
                if group.is_empty() {
                    return Err(part.invalid("a dollar sign without a group"));
                }
                result.push_str(&format!("${{{group}}}"));
            }
            letter => result.push(letter),
        }
    }
    match result.len() <= REPLACEMENT_MAX {
        true => Ok(result),
        false => Err(part.unsupported(format!("a replacement of more than {REPLACEMENT_MAX} bytes"))),
    }
}
