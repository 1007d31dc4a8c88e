//! Derived fields.

use std::collections::HashMap;

use super::fields::{Defined, Field, Fields, Kind, interval};
use super::texts;
use super::xml::Element;
use crate::Error;
use crate::graph::Step;
use crate::linear::{Expression, Function, Outliers, key};

/// Read a `DerivedField` and make it known.
pub(super) fn derive(element: &Element, fields: &mut Fields) -> Result<(), Error> {
    element.only(&["name", "displayName", "optype", "dataType"], EXPRESSIONS)?;
    element.one_of("optype", &["continuous", "categorical", "ordinal"], "")?;
    let data_type = element.one_of("dataType", TYPES, "")?;
    let wanted = kind_of_type(data_type);
    let (expression, kind) = only(element, Some(wanted), fields)?;
    if kind != wanted {
        return Err(element.unsupported("a dataType that is not what the expression gives"));
    }
    let expression = match data_type {
        "float" => Expression::Single(Box::new(expression)),
        _ => expression,
    };
    fields.derive(element, kind, expression)
}

/// The one expression that an element holds.
pub(super) fn only(element: &Element, wanted: Option<Kind>, fields: &mut Fields) -> Result<(Expression, Kind), Error> {
    let mut parts = element.parts().filter(|part| part.name != "Value" && part.name != "Decisions");
    match (parts.next(), parts.next()) {
        (Some(part), None) => expression(part, wanted, fields),
        _ => Err(element.invalid("holds not exactly one expression")),
    }
}

pub(super) const EXPRESSIONS: &[&str] =
    &["Constant", "FieldRef", "NormContinuous", "NormDiscrete", "Discretize", "MapValues", "Apply"];

/// Read an expression; `wanted` helps where the document does not say whether a constant is a number.
pub(super) fn expression(
    element: &Element,
    wanted: Option<Kind>,
    fields: &mut Fields,
) -> Result<(Expression, Kind), Error> {
    let (expression, kind) = match element.name.as_str() {
        "Constant" => constant(element, wanted, fields)?,
        "FieldRef" => {
            element.only(&["field", "mapMissingTo"], &[])?;
            let field = fields.find(element.need("field")?, element)?;
            (Expression::Field(field.at), field.kind)
        }
        "NormContinuous" => (lines(element, fields)?, Kind::Number),
        "NormDiscrete" => {
            element.only(&["field", "value", "method", "mapMissingTo"], &[])?;
            element.one_of("method", &["indicator"], "indicator")?;
            let field = fields.find(element.need("field")?, element)?;
            let symbol = fields.literal(field, element.need("value")?, element)?;
            (Expression::Is { field: field.at, symbol }, Kind::Number)
        }
        "Discretize" => bins(element, wanted, fields)?,
        "MapValues" => table(element, wanted, fields)?,
        "Apply" => return apply(element, wanted, fields),
        _ => return Err(element.unsupported("this expression")),
    };
    match element.get("mapMissingTo") {
        None => Ok((expression, kind)),
        Some(text) => {
            let other = fields.literal_of(kind, text, element)?;
            Ok((or_else(expression, other), kind))
        }
    }
}

/// `mapMissingTo` stands in for what goes in, not for a result that is missing because no bin, row or branch fits.
fn or_else(expression: Expression, missing: f64) -> Expression {
    match expression {
        Expression::Bins { field, bins, default, .. } => Expression::Bins { field, bins, default, missing },
        Expression::Table { fields, rows, default, .. } => Expression::Table { fields, rows, default, missing },
        Expression::Apply { function, arguments, .. } => {
            Expression::Apply { function, arguments, missing: Some(missing) }
        }
        other => Expression::OrElse(Box::new(other), missing),
    }
}

/// What an element's `dataType` says of its values.
pub(super) fn kind_of(element: &Element, wanted: Option<Kind>) -> Result<Option<Kind>, Error> {
    Ok(match element.get("dataType") {
        None => wanted,
        Some(_) => Some(kind_of_type(element.one_of("dataType", TYPES, "")?)),
    })
}

const TYPES: &[&str] = &["string", "integer", "float", "double", "boolean", "date", "time", "dateTime"];

/// Texts and dates are categories.
fn kind_of_type(data_type: &str) -> Kind {
    match data_type {
        "string" | "date" | "time" | "dateTime" => Kind::Symbol,
        _ => Kind::Number,
    }
}

fn constant(element: &Element, wanted: Option<Kind>, fields: &mut Fields) -> Result<(Expression, Kind), Error> {
    element.only(&["dataType", "missing"], &[])?;
    let kind = kind_of(element, wanted)?;
    if element.one_of("missing", &["true", "false"], "false")? == "true" {
        return Ok((Expression::Constant(f64::NAN), kind.unwrap_or(Kind::Number)));
    }
    let text = element.text.as_str();
    let kind = kind.unwrap_or(if text.trim().parse::<f64>().is_ok() { Kind::Number } else { Kind::Symbol });
    let value = match (kind, text.trim()) {
        (Kind::Number, "true") => 1.0,
        (Kind::Number, "false") => 0.0,
        _ => fields.literal_of(kind, text, element)?,
    };
    Ok((Expression::Constant(value), kind))
}

fn lines(element: &Element, fields: &Fields) -> Result<Expression, Error> {
    element.only(&["field", "mapMissingTo", "outliers"], &["LinearNorm"])?;
    let field = fields.number(element.need("field")?, element)?;
    let mut points = Vec::new();
    for norm in element.all("LinearNorm") {
        norm.only(&["orig", "norm"], &[])?;
        points.push((norm.parse_number(norm.need("orig")?, "orig")?, norm.parse_number(norm.need("norm")?, "norm")?));
    }
    if points.len() < 2 || points.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
        return Err(element.invalid("LinearNorm are not at least two with ascending orig"));
    }
    let outliers = match element.one_of("outliers", &["asIs", "asMissingValues", "asExtremeValues"], "asIs")? {
        "asMissingValues" => Outliers::Missing,
        "asExtremeValues" => Outliers::Extreme,
        _ => Outliers::Kept,
    };
    Ok(Expression::Lines { field, points, outliers })
}

fn bins(element: &Element, wanted: Option<Kind>, fields: &mut Fields) -> Result<(Expression, Kind), Error> {
    element.only(&["field", "mapMissingTo", "defaultValue", "dataType"], &["DiscretizeBin"])?;
    let field = fields.number(element.need("field")?, element)?;
    let kind = kind_of(element, wanted)?.unwrap_or(Kind::Symbol);
    let mut bins = Vec::new();
    for bin in element.all("DiscretizeBin") {
        bin.only(&["binValue"], &["Interval"])?;
        let value = fields.literal_of(kind, bin.need("binValue")?, bin)?;
        let range = bin.child("Interval")?.ok_or_else(|| bin.invalid("Interval is missing"))?;
        bins.push((interval(range)?, value));
    }
    let default = default_value(element, kind, fields)?;
    Ok((Expression::Bins { field, bins, default, missing: f64::NAN }, kind))
}

fn default_value(element: &Element, kind: Kind, fields: &mut Fields) -> Result<f64, Error> {
    let text = element.get("defaultValue");
    text.map_or(Ok(f64::NAN), |text| fields.literal_of(kind, text, element))
}

/// Most fields of one table; it bounds the work and memory of a row.
const COLUMNS_MAX: usize = 64;

fn table(element: &Element, wanted: Option<Kind>, fields: &mut Fields) -> Result<(Expression, Kind), Error> {
    element.only(&["mapMissingTo", "defaultValue", "outputColumn", "dataType"], &["FieldColumnPair", "InlineTable"])?;
    let kind = kind_of(element, wanted)?.unwrap_or(Kind::Symbol);
    let mut columns = Vec::new();
    for pair in element.all("FieldColumnPair") {
        pair.only(&["field", "column"], &[])?;
        columns.push((fields.find(pair.need("field")?, pair)?, local(pair.need("column")?)));
    }
    if columns.len() > COLUMNS_MAX {
        return Err(element.unsupported(format!("more than {COLUMNS_MAX} FieldColumnPair")));
    }
    let output = local(element.need("outputColumn")?);
    let inline = element.child("InlineTable")?.ok_or_else(|| element.unsupported("no InlineTable"))?;
    inline.only(&[], &["row"])?;
    let mut rows = HashMap::new();
    for row in inline.all("row") {
        let cell = |name: &str| {
            let cell = row.child(name)?.ok_or_else(|| row.invalid(format!("column {name:.40} is missing")));
            cell.map(|cell| cell.text.as_str())
        };
        let mut values = Vec::with_capacity(columns.len());
        for (field, column) in &columns {
            values.push(key(fields.literal(*field, cell(column)?, row)?));
        }
        let value = fields.literal_of(kind, cell(output)?, row)?;
        rows.entry(values).or_insert(value);
    }
    let default = default_value(element, kind, fields)?;
    let fields = columns.iter().map(|(field, _)| field.at).collect();
    Ok((Expression::Table { fields, rows, default, missing: f64::NAN }, kind))
}

/// A column's name without its namespace prefix, as elements have theirs.
pub(super) fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, name)| name)
}

/// Name, function, fewest and most arguments.
const FUNCTIONS: &[(&str, Function, usize, usize)] = &[
    ("+", Function::Add, 2, 2),
    ("-", Function::Subtract, 2, 2),
    ("*", Function::Multiply, 2, 2),
    ("/", Function::Divide, 2, 2),
    ("min", Function::Min, 1, usize::MAX),
    ("max", Function::Max, 1, usize::MAX),
    ("sum", Function::Sum, 1, usize::MAX),
    ("product", Function::Product, 1, usize::MAX),
    ("avg", Function::Average, 1, usize::MAX),
    ("ln", Function::Ln, 1, 1),
    ("log10", Function::Log10, 1, 1),
    ("ln1p", Function::Ln1p, 1, 1),
    ("exp", Function::Exp, 1, 1),
    ("expm1", Function::ExpM1, 1, 1),
    ("sqrt", Function::Sqrt, 1, 1),
    ("abs", Function::Abs, 1, 1),
    ("pow", Function::Pow, 2, 2),
    ("threshold", Function::Threshold, 2, 2),
    ("floor", Function::Floor, 1, 1),
    ("ceil", Function::Ceil, 1, 1),
    ("round", Function::Round, 1, 1),
    ("rint", Function::Rint, 1, 1),
    ("modulo", Function::Modulo, 2, 2),
    ("median", Function::Median, 1, usize::MAX),
    ("hypot", Function::Hypot, 2, 2),
    ("sin", Function::Sin, 1, 1),
    ("asin", Function::Asin, 1, 1),
    ("sinh", Function::Sinh, 1, 1),
    ("cos", Function::Cos, 1, 1),
    ("acos", Function::Acos, 1, 1),
    ("cosh", Function::Cosh, 1, 1),
    ("tan", Function::Tan, 1, 1),
    ("atan", Function::Atan, 1, 1),
    ("tanh", Function::Tanh, 1, 1),
    ("erf", Function::Erf, 1, 1),
    ("normalCDF", Function::NormalCdf, 3, 3),
    ("normalPDF", Function::NormalPdf, 3, 3),
    ("normalIDF", Function::NormalIdf, 3, 3),
    ("stdNormalCDF", Function::StdNormalCdf, 1, 1),
    ("stdNormalPDF", Function::StdNormalPdf, 1, 1),
    ("stdNormalIDF", Function::StdNormalIdf, 1, 1),
    // An invalid value leaves the row without a score, or was made missing.
    ("isValid", Function::IsNotMissing, 1, 1),
    ("isNotValid", Function::IsMissing, 1, 1),
    ("isMissing", Function::IsMissing, 1, 1),
    ("isNotMissing", Function::IsNotMissing, 1, 1),
    ("equal", Function::Equal, 2, 2),
    ("notEqual", Function::NotEqual, 2, 2),
    ("lessThan", Function::Less, 2, 2),
    ("lessOrEqual", Function::LessOrEqual, 2, 2),
    ("greaterThan", Function::Greater, 2, 2),
    ("greaterOrEqual", Function::GreaterOrEqual, 2, 2),
    ("and", Function::And, 2, usize::MAX),
    ("or", Function::Or, 2, usize::MAX),
    ("not", Function::Not, 1, 1),
    ("isIn", Function::IsIn, 2, usize::MAX),
    ("isNotIn", Function::IsNotIn, 2, usize::MAX),
    ("if", Function::If, 2, 3),
];

/// Functions that take categories as well as numbers.
const OF_ANY: [Function; 6] = [
    Function::IsMissing,
    Function::IsNotMissing,
    Function::Equal,
    Function::NotEqual,
    Function::IsIn,
    Function::IsNotIn,
];

fn apply(element: &Element, wanted: Option<Kind>, fields: &mut Fields) -> Result<(Expression, Kind), Error> {
    element.only(&["function", "mapMissingTo", "defaultValue", "invalidValueTreatment"], EXPRESSIONS)?;
    element.one_of("invalidValueTreatment", &["returnInvalid", "asMissing"], "returnInvalid")?;
    let name = element.need("function")?;
    let (expression, kind) = match FUNCTIONS.iter().find(|(known, ..)| *known == name) {
        Some((_, function, fewest, most)) => {
            let count = element.parts().count();
            if count < *fewest || count > *most {
                return Err(element.invalid(format!("function {name} with {count} arguments")));
            }
            built_in(element, *function, wanted, fields)?
        }
        None => match texts::apply(element, fields)? {
            Some(found) => found,
            None => defined(element, fields)?,
        },
    };
    let expression = match element.get("mapMissingTo").filter(|_| !texts::is_function(name)) {
        None => expression,
        Some(text) => or_else(expression, fields.literal_of(kind, text, element)?),
    };
    match default_value(element, kind, fields)? {
        default if default.is_nan() => Ok((expression, kind)),
        default => Ok((Expression::OrElse(Box::new(expression), default), kind)),
    }
}

fn built_in(
    element: &Element,
    function: Function,
    wanted: Option<Kind>,
    fields: &mut Fields,
) -> Result<(Expression, Kind), Error> {
    let parts: Vec<&Element> = element.parts().collect();
    let (arguments, kind) = match function {
        Function::If => branches(element, &parts, wanted, fields)?,
        function if OF_ANY.contains(&function) => (alike(element, &parts, fields)?, Kind::Number),
        _ => {
            let number = |part: &&Element| match expression(part, Some(Kind::Number), fields)? {
                (argument, Kind::Number) => Ok(argument),
                _ => Err(part.invalid(format!("an argument of {} is a category", element.need("function")?))),
            };
            (parts.iter().map(number).collect::<Result<Vec<_>, Error>>()?, Kind::Number)
        }
    };
    Ok((Expression::Apply { function, arguments, missing: None }, kind))
}

/// Most uses of user-defined functions: each use is written out, also within one another.
const USES_MAX: usize = 10_000;

/// Read a `DefineFunction` and make it known.
pub(super) fn define(element: &Element, fields: &mut Fields) -> Result<(), Error> {
    element.only(&["name", "optype", "dataType"], &[EXPRESSIONS, &["ParameterField"]].concat())?;
    let name = element.need("name")?;
    let mut parameters = Vec::new();
    for parameter in element.all("ParameterField") {
        parameter.only(&["name", "optype", "dataType", "displayName"], &[])?;
        parameters.push(parameter.need("name")?.to_owned());
    }
    let mut bodies = element.parts().filter(|part| part.name != "ParameterField");
    let (Some(body), None) = (bodies.next(), bodies.next()) else {
        return Err(element.invalid("holds not exactly one expression"));
    };
    let is_taken = FUNCTIONS.iter().any(|(known, ..)| *known == name) || texts::is_function(name);
    let single = element.get("dataType") == Some("float");
    let defined = Defined { parameters, body: body.clone(), kind: kind_of(element, None)?, single };
    match is_taken || fields.functions.insert(name.to_owned(), defined).is_some() {
        true => Err(element.invalid("its name is taken")),
        false => Ok(()),
    }
}

/// A user-defined function: its arguments become fields that its body reads. It sees no other fields, and no functions
/// defined after it.
fn defined(element: &Element, fields: &mut Fields) -> Result<(Expression, Kind), Error> {
    let name = element.need("function")?;
    let unknown = || element.unsupported(format!("function {name:.40?}"));
    let Some(Defined { parameters, body, kind, single }) = fields.functions.get(name).cloned() else {
        return Err(unknown());
    };
    fields.uses += 1;
    if fields.uses > USES_MAX {
        return Err(element.unsupported(format!("more than {USES_MAX} uses of defined functions")));
    }
    let parts: Vec<&Element> = element.parts().collect();
    if parts.len() != parameters.len() {
        return Err(element.invalid(format!("function {name} with {} arguments", parts.len())));
    }
    let mut arguments = Vec::with_capacity(parts.len());
    for part in parts {
        let (argument, kind) = expression(part, None, fields)?;
        let at = fields.slots(1);
        fields.steps.push(Step::Derive(at, argument));
        arguments.push(Field { at, kind, single: false });
    }
    let mark = fields.mark();
    parameters.iter().zip(arguments).for_each(|(name, field)| fields.shadow(name, field));
    // A function that uses itself would have no end.
    let own = fields.functions.remove(name);
    let found = expression(&body, kind, fields);
    fields.functions.extend(own.map(|own| (name.to_owned(), own)));
    fields.forget(mark);
    match found? {
        (_, found) if kind.is_some_and(|kind| kind != found) => {
            Err(element.unsupported("a dataType that is not what the function gives"))
        }
        (expression, kind) if single => Ok((Expression::Single(Box::new(expression)), kind)),
        found => Ok(found),
    }
}

/// `if`: a truth value, then one or two values of one kind.
fn branches(
    element: &Element,
    parts: &[&Element],
    wanted: Option<Kind>,
    fields: &mut Fields,
) -> Result<(Vec<Expression>, Kind), Error> {
    let (condition, Kind::Number) = expression(parts[0], Some(Kind::Number), fields)? else {
        return Err(parts[0].invalid("a category is not a condition"));
    };
    let (first, kind) = expression(parts[1], wanted, fields)?;
    let mut arguments = vec![condition, first];
    for part in &parts[2..] {
        let (second, other) = expression(part, Some(kind), fields)?;
        if other != kind {
            return Err(element.invalid("its branches are a number and a category"));
        }
        arguments.push(second);
    }
    Ok((arguments, kind))
}

/// Arguments of one kind, whichever. Where two categories are compared, rows keep the texts that the document does not
/// name.
fn alike(element: &Element, parts: &[&Element], fields: &mut Fields) -> Result<Vec<Expression>, Error> {
    let (mut known, mut compared) = (None, None);
    let mut arguments: Vec<Option<Expression>> = Vec::with_capacity(parts.len());
    for part in parts {
        if part.name == "Constant" {
            arguments.push(None);
            continue;
        }
        let (argument, kind) = expression(part, None, fields)?;
        if known.is_some_and(|known| known != kind) {
            return Err(element.unsupported("a comparison of a category and a number"));
        }
        if known == Some(Kind::Symbol) {
            fields.keeps_texts = true;
        }
        known = Some(kind);
        if let Expression::Field(at) = argument {
            compared = Some(Field { at, kind, single: false });
        }
        arguments.push(Some(argument));
    }
    let finish = |(part, argument): (&&Element, Option<Expression>)| match (argument, known, compared) {
        (Some(argument), ..) => Ok(argument),
        (None, Some(Kind::Symbol), Some(field)) => Ok(Expression::Constant(fields.literal(field, &part.text, part)?)),
        (None, ..) => match expression(part, known, fields)? {
            (_, kind) if known.is_some_and(|known| known != kind) => {
                Err(part.invalid("compared with another kind of value"))
            }
            (argument, _) => Ok(argument),
        },
    };
    parts.iter().zip(arguments).map(finish).collect()
}
