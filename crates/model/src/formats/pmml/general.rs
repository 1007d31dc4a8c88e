//! `GeneralRegressionModel`: parameters, and which predictors each is the coefficient of.

use std::collections::{HashMap, HashSet};

use super::fields::{Fields, Kind};
use super::xml::Element;
use super::{Body, PASSED_OVER};
use crate::Error;
use crate::forest::Precision;
use crate::linear::{Equation, Factor, Term};
use crate::link::Link;

const ATTRIBUTES: &[&str] = &[
    "modelName",
    "functionName",
    "algorithmName",
    "modelType",
    "targetVariableName",
    "targetReferenceCategory",
    "distribution",
    "distParameter",
    "linkFunction",
    "linkParameter",
    "offsetVariable",
    "offsetValue",
    "trialsVariable",
    "trialsValue",
    "modelDF",
    "isScorable",
    "x-mathContext",
];

const PARTS: [&str; 9] = [
    "MiningSchema",
    "LocalTransformations",
    "Targets",
    "ParameterList",
    "FactorList",
    "CovariateList",
    "PPMatrix",
    "PCovMatrix",
    "ParamMatrix",
];

pub(super) fn read(model: &Element, fields: &mut Fields) -> Result<Body, Error> {
    model.only(ATTRIBUTES, &[&PARTS[..], &PASSED_OVER].concat())?;
    let kinds = ["regression", "generalLinear", "generalizedLinear"];
    let kind = model.one_of("modelType", &kinds, "")?;
    let function = model.one_of("functionName", &["regression", "classification"], "")?;
    model.one_of("x-mathContext", &["double"], "double")?;
    let distribution = model.get("distribution").unwrap_or_default().to_owned();
    let link = match (kind, model.get("linkFunction")) {
        ("generalizedLinear", Some(_)) => link(model)?,
        ("generalizedLinear", None) => return Err(model.invalid("attribute linkFunction is missing")),
        _ => Link::Identity,
    };
    if function == "classification" && kind != "generalizedLinear" {
        return Err(model.unsupported(format!("classification by modelType {kind:?}")));
    }
    let mut equation = equation(model, fields)?;
    if let Some(name) = model.get("offsetVariable") {
        let factors = vec![Factor::Power(fields.number(name, model)?, 1.0)];
        equation.terms.push(Term { coefficient: 1.0, factors });
    }
    equation.intercept += model.number("offsetValue")?.unwrap_or(0.0);
    let trials = model.get("trialsVariable").map(|name| fields.number(name, model)).transpose()?;
    let trials_count = model.number("trialsValue")?.unwrap_or(1.0);
    let objective = if distribution.is_empty() { kind.to_owned() } else { distribution };
    let precision = Precision::Double;
    Ok(Body { equations: vec![equation], link, objective, trials, trials_count, precision })
}

fn link(model: &Element) -> Result<Link, Error> {
    let links =
        ["identity", "log", "logit", "probit", "cloglog", "loglog", "cauchit", "logc", "negbin", "oddspower", "power"];
    let name = model.one_of("linkFunction", &links, "")?;
    let parameter = model.number("linkParameter")?;
    let need = || parameter.ok_or_else(|| model.invalid("attribute linkParameter is missing"));
    Ok(match name {
        "log" => Link::Log,
        "logit" => Link::Logit { slope: 1.0 },
        "probit" => Link::Probit,
        "cloglog" => Link::ComplementaryLogLog,
        "loglog" => Link::LogLog,
        "cauchit" => Link::Cauchit,
        "logc" => Link::LogComplement,
        "negbin" => Link::NegativeBinomial { dispersion: need()? },
        "oddspower" => Link::OddsPower { exponent: need()? },
        "power" => Link::Power { exponent: need()? },
        _ => Link::Identity,
    })
}

/// The terms in the order of the parameters.
fn equation(model: &Element, fields: &mut Fields) -> Result<Equation, Error> {
    let list = model.child("ParameterList")?.ok_or_else(|| model.invalid("ParameterList is missing"))?;
    list.only(&[], &["Parameter"])?;
    let mut places = HashMap::new();
    let mut terms: Vec<Term> = Vec::new();
    for parameter in list.all("Parameter") {
        parameter.only(&["name", "label", "referencePoint"], &[])?;
        if parameter.number("referencePoint")?.unwrap_or(0.0) != 0.0 {
            return Err(parameter.unsupported("a referencePoint other than 0"));
        }
        if places.insert(parameter.need("name")?, terms.len()).is_some() {
            return Err(parameter.invalid("name comes twice"));
        }
        terms.push(Term { coefficient: 0.0, factors: Vec::new() });
    }
    let place = |element: &Element| {
        let name = element.need("parameterName")?;
        places.get(name).copied().ok_or_else(|| element.invalid("parameterName is not in the ParameterList"))
    };
    let factors = predictors(model, "FactorList")?;
    let covariates = predictors(model, "CovariateList")?;
    let correlations = model.child("PPMatrix")?;
    correlations.map_or(Ok(()), |matrix| matrix.only(&[], &["PPCell"]))?;
    for cell in correlations.into_iter().flat_map(|matrix| matrix.parts()) {
        let at = place(cell)?;
        terms[at].factors.push(factor(cell, &factors, &covariates, fields)?);
    }
    let matrix = model.child("ParamMatrix")?.ok_or_else(|| model.invalid("ParamMatrix is missing"))?;
    matrix.only(&[], &["PCell"])?;
    let (mut seen, mut target) = (HashSet::new(), None);
    for cell in matrix.all("PCell") {
        cell.only(&["parameterName", "targetCategory", "beta", "df"], &[])?;
        let at = place(cell)?;
        if !seen.insert(at) || *target.get_or_insert(cell.get("targetCategory")) != cell.get("targetCategory") {
            return Err(cell.unsupported("more than one coefficient of a parameter"));
        }
        terms[at].coefficient = cell.parse_number(cell.need("beta")?, "beta")?;
    }
    // Parameters of no predictor are part of the intercept.
    let (constants, terms): (Vec<Term>, Vec<Term>) = terms.into_iter().partition(|term| term.factors.is_empty());
    let intercept = constants.iter().map(|term| term.coefficient).sum();
    Ok(Equation { intercept, terms: terms.into_iter().filter(|term| term.coefficient != 0.0).collect() })
}

fn predictors<'a>(model: &'a Element, list: &str) -> Result<HashSet<&'a str>, Error> {
    let mut names = HashSet::new();
    let Some(list) = model.child(list)? else { return Ok(names) };
    list.only(&[], &["Predictor"])?;
    for predictor in list.parts() {
        predictor.only(&["name", "contrastMatrixType"], &[])?;
        if predictor.get("contrastMatrixType").is_some() {
            return Err(predictor.unsupported("contrastMatrixType"));
        }
        names.insert(predictor.need("name")?);
    }
    Ok(names)
}

/// One predictor's part of a parameter's product: a factor is 1 at its value, a covariate is raised to it.
fn factor(
    cell: &Element,
    factors: &HashSet<&str>,
    covariates: &HashSet<&str>,
    fields: &mut Fields,
) -> Result<Factor, Error> {
    cell.only(&["value", "predictorName", "parameterName", "targetCategory"], &[])?;
    if cell.get("targetCategory").is_some() {
        return Err(cell.unsupported("a targetCategory"));
    }
    let (name, value) = (cell.need("predictorName")?, cell.need("value")?);
    let field = fields.find(name, cell)?;
    if factors.contains(name) {
        let value = fields.literal(field, value, cell)?;
        return Ok(Factor::IsPresent(field.at, value));
    }
    if !covariates.contains(name) {
        return Err(cell.invalid("predictorName is neither a factor nor a covariate"));
    }
    match field.kind {
        Kind::Number => Ok(Factor::Power(field.at, cell.parse_number(value, "value")?)),
        Kind::Symbol => Err(cell.invalid("a category as covariate")),
    }
}
