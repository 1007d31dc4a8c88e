//! `RegressionModel`: one table of predictors per output.

use super::fields::{Fields, Kind};
use super::xml::Element;
use super::{After, Body, PASSED_OVER};
use crate::Error;
use crate::forest::Precision;
use crate::linear::{Equation, Factor, Term};
use crate::link::Link;

const ATTRIBUTES: &[&str] = &[
    "modelName",
    "functionName",
    "algorithmName",
    "modelType",
    "targetFieldName",
    "normalizationMethod",
    "isScorable",
    "x-mathContext",
];

const METHODS: [&str; 9] = ["none", "softmax", "logit", "probit", "cloglog", "exp", "loglog", "cauchit", "simplemax"];

pub(super) fn read(model: &Element, fields: &mut Fields) -> Result<Body, Error> {
    let parts = ["MiningSchema", "LocalTransformations", "Targets", "RegressionTable"];
    model.only(ATTRIBUTES, &[&parts[..], &PASSED_OVER].concat())?;
    let function = model.one_of("functionName", &["regression", "classification"], "")?;
    let precision = match model.one_of("x-mathContext", &["double", "float"], "double")? {
        "float" => Precision::Single,
        _ => Precision::Double,
    };
    let method = model.one_of("normalizationMethod", &METHODS, "none")?;
    let tables: Vec<&Element> = model.all("RegressionTable").collect();
    let mut equations = Vec::with_capacity(tables.len());
    for table in &tables {
        equations.push(equation(table, fields)?);
    }
    let mut classes = Vec::new();
    if function == "classification" {
        for table in &tables {
            classes.push(table.need("targetCategory")?.to_owned());
        }
    }
    let mut after = After::Classes;
    let link = match (function, tables.len()) {
        ("regression", 1) => {
            after = After::Number;
            of_number(method)
        }
        ("classification", 2..) if method == "softmax" => Some(Link::Softmax),
        ("classification", 2..) if method == "simplemax" => {
            after = After::Shares;
            Some(Link::Identity)
        }
        ("classification", 2) => {
            let last = equations.pop().unwrap_or_default();
            if last.intercept != 0.0 || !last.terms.is_empty() {
                return Err(tables[1].unsupported("a second table that is not empty"));
            }
            after = After::Pair;
            if method == "exp" { None } else { of_number(method) }
        }
        ("classification", 3..) if fields.is_ordinal && method != "none" && method != "exp" => {
            let last = equations.pop().unwrap_or_default();
            if !last.terms.is_empty() {
                return Err(tables[tables.len() - 1].unsupported("a last table of ordered classes that is not empty"));
            }
            after = After::Cumulated;
            of_number(method)
        }
        _ => return Err(model.unsupported(format!("{function} with {} tables", tables.len()))),
    };
    let link = link.ok_or_else(|| model.unsupported(format!("normalizationMethod={method:?} for {function}")))?;
    let objective = model.get("algorithmName").unwrap_or_default().to_owned();
    Ok(Body { equations, link, objective, trials: None, trials_count: 1.0, precision, after, classes })
}

fn of_number(method: &str) -> Option<Link> {
    Some(match method {
        "none" => Link::Identity,
        "softmax" | "logit" => Link::Logit { slope: 1.0 },
        "exp" => Link::Log,
        "probit" => Link::Probit,
        "cloglog" => Link::ComplementaryLogLog,
        "loglog" => Link::LogLog,
        "cauchit" => Link::Cauchit,
        _ => return None,
    })
}

fn equation(table: &Element, fields: &mut Fields) -> Result<Equation, Error> {
    table.only(&["intercept", "targetCategory"], &["NumericPredictor", "CategoricalPredictor", "PredictorTerm"])?;
    let intercept = table.parse_number(table.need("intercept")?, "intercept")?;
    let mut terms = Vec::new();
    for predictor in table.parts() {
        let coefficient = predictor.parse_number(predictor.need("coefficient")?, "coefficient")?;
        let factors = match predictor.name.as_str() {
            "NumericPredictor" => {
                predictor.only(&["name", "exponent", "coefficient"], &[])?;
                let exponent = predictor.number("exponent")?.unwrap_or(1.0);
                vec![Factor::Power(fields.number(predictor.need("name")?, predictor)?, exponent)]
            }
            "CategoricalPredictor" => {
                predictor.only(&["name", "value", "coefficient"], &[])?;
                let field = fields.find(predictor.need("name")?, predictor)?;
                let symbol = fields.literal(field, predictor.need("value")?, predictor)?;
                vec![Factor::Is(field.at, symbol)]
            }
            _ => {
                predictor.only(&["name", "coefficient"], &["FieldRef"])?;
                product(predictor, fields)?
            }
        };
        terms.push(Term { coefficient, factors });
    }
    Ok(Equation { intercept, terms })
}

/// The fields of a `PredictorTerm`.
fn product(term: &Element, fields: &Fields) -> Result<Vec<Factor>, Error> {
    let mut factors = Vec::new();
    for reference in term.all("FieldRef") {
        reference.only(&["field"], &[])?;
        let field = fields.find(reference.need("field")?, reference)?;
        if field.kind == Kind::Symbol {
            return Err(reference.invalid("a product of a category"));
        }
        factors.push(Factor::Power(field.at, 1.0));
    }
    match factors.is_empty() {
        true => Err(term.invalid("no FieldRef")),
        false => Ok(factors),
    }
}
