//! `GeneralRegressionModel`: parameters, and which predictors each is the coefficient of.

use std::collections::{HashMap, HashSet};

use super::fields::{Fields, Kind};
use super::predicates;
use super::xml::Element;
use super::{After, Body, PASSED_OVER, cox};
use crate::Error;
use crate::forest::Precision;
use crate::graph::Step;
use crate::linear::{Equation, Expression, Factor, Term, key};
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
    "cumulativeLink",
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

const KINDS: [&str; 6] =
    ["regression", "generalLinear", "generalizedLinear", "multinomialLogistic", "ordinalMultinomial", "CoxRegression"];

pub(super) fn read(model: &Element, fields: &mut Fields) -> Result<Body, Error> {
    let kind = model.one_of("modelType", &KINDS, "")?;
    let is_cox = kind == "CoxRegression";
    match is_cox {
        true => {
            model.only(&[ATTRIBUTES, cox::ATTRIBUTES].concat(), &[&PARTS[..], &cox::PARTS, &PASSED_OVER].concat())?
        }
        false => model.only(ATTRIBUTES, &[&PARTS[..], &PASSED_OVER].concat())?,
    }
    let function = model.one_of("functionName", &["regression", "classification"], "")?;
    model.one_of("x-mathContext", &["double"], "double")?;
    let distribution = model.get("distribution").unwrap_or_default().to_owned();
    let is_of_classes = matches!(kind, "multinomialLogistic" | "ordinalMultinomial");
    if is_of_classes != (function == "classification") && kind != "generalizedLinear" {
        return Err(model.unsupported(format!("{function} by modelType {kind:?}")));
    }
    let cells = cells(model, fields)?;
    let (mut equations, link, after, classes) = match kind {
        "multinomialLogistic" => multinomial(model, &cells, fields)?,
        "ordinalMultinomial" => ordinal(model, &cells, fields)?,
        _ => {
            let link = match (kind, model.get("linkFunction")) {
                ("generalizedLinear", Some(_)) => link(model)?,
                ("CoxRegression", _) => Link::Log,
                ("generalizedLinear", None) => return Err(model.invalid("attribute linkFunction is missing")),
                _ => Link::Identity,
            };
            let (after, classes) = match function {
                "classification" => (After::Pair, pair(model, &cells, fields)?),
                _ => (After::Number, Vec::new()),
            };
            (vec![cells.equation(|_| true)?], link, after, classes)
        }
    };
    let offset = model.get("offsetVariable").map(|name| fields.number(name, model)).transpose()?;
    let more = model.number("offsetValue")?.unwrap_or(0.0);
    for equation in &mut equations {
        let factors = |field| vec![Factor::Power(field, 1.0)];
        equation.terms.extend(offset.map(|field| Term { coefficient: 1.0, factors: factors(field) }));
        equation.intercept += more;
    }
    let mut trials = model.get("trialsVariable").map(|name| fields.number(name, model)).transpose()?;
    let trials_count = model.number("trialsValue")?.unwrap_or(1.0);
    if is_cox {
        if trials.is_some() || trials_count != 1.0 {
            return Err(model.unsupported("trials of a hazard"));
        }
        // The hazard up to the row's time is the baseline's as many times as its risk is the reference's.
        trials = Some(cox::baseline(model, fields)?);
    }
    let objective = if distribution.is_empty() { kind.to_owned() } else { distribution };
    let precision = Precision::Double;
    Ok(Body { equations, link, objective, trials, trials_count, precision, after, classes })
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

/// The two classes, that of the predicted probability first: the one that the coefficients are of, or the one that is
/// not the reference.
fn pair(model: &Element, cells: &Cells<'_>, fields: &Fields) -> Result<Vec<String>, Error> {
    let named = cells.cells.iter().find_map(|cell| cell.category);
    let reference = model.get("targetReferenceCategory");
    let other = |of: &str| fields.classes.iter().find(|class| *class != of).cloned();
    let first = named.map(str::to_owned).or_else(|| reference.and_then(other));
    let second = first.as_deref().and_then(|first| match reference {
        Some(reference) if reference != first => Some(reference.to_owned()),
        _ => other(first),
    });
    match (first, second) {
        (Some(first), Some(second)) => Ok(vec![first, second]),
        _ => Err(model.unsupported("a classification that does not say which class is the reference")),
    }
}

/// Equations, link, what follows, and the classes.
type Classified = (Vec<Equation>, Link, After, Vec<String>);

/// One equation for each class; that of the reference is 0.
fn multinomial(model: &Element, cells: &Cells<'_>, fields: &Fields) -> Result<Classified, Error> {
    let mut classes: Vec<String> = fields.classes.clone();
    if classes.is_empty() {
        classes = cells.categories();
        let reference = model.need("targetReferenceCategory")?;
        if !classes.iter().any(|class| class == reference) {
            classes.push(reference.to_owned());
        }
    }
    let mut missing = classes.iter().filter(|class| !cells.has(class));
    let reference = match (missing.next(), missing.next(), model.get("targetReferenceCategory")) {
        (Some(class), None, None) => class.clone(),
        (Some(class), None, Some(reference)) if class == reference => class.clone(),
        _ => return Err(model.unsupported("coefficients that are not of all classes but the reference")),
    };
    let mut equations = Vec::with_capacity(classes.len());
    for class in &classes {
        let is_own = |category: Option<&str>| category.is_none_or(|category| category == class);
        equations.push(match *class == reference {
            true => Equation::default(),
            false => cells.equation(is_own)?,
        });
    }
    Ok((equations, Link::Softmax, After::Classes, classes))
}

/// One equation for each class but the last: the link gives the probability of it and all before it.
fn ordinal(model: &Element, cells: &Cells<'_>, fields: &Fields) -> Result<Classified, Error> {
    let link = match model.one_of("cumulativeLink", &["logit", "probit", "cloglog", "loglog", "cauchit"], "")? {
        "logit" => Link::Logit { slope: 1.0 },
        "probit" => Link::Probit,
        "cloglog" => Link::ComplementaryLogLog,
        "loglog" => Link::LogLog,
        _ => Link::Cauchit,
    };
    let classes = fields.classes.clone();
    let Some((last, before)) = classes.split_last() else {
        return Err(model.unsupported("ordered classes that the data dictionary does not list"));
    };
    if before.is_empty() || cells.has(last) || !before.iter().all(|class| cells.has(class)) {
        return Err(model.unsupported("coefficients that are not of all classes but the last"));
    }
    let mut equations = Vec::with_capacity(before.len());
    for class in before {
        equations.push(cells.equation(|category| category.is_none_or(|category| category == class))?);
    }
    Ok((equations, link, After::Cumulated, classes))
}

/// What the parameters multiply, and their coefficients.
struct Cells<'m> {
    factors: Vec<Vec<Factor>>,
    /// Of each parameter the value that its coefficient is counted from.
    references: Vec<f64>,
    cells: Vec<Cell<'m>>,
}

struct Cell<'m> {
    parameter: usize,
    category: Option<&'m str>,
    beta: f64,
    element: &'m Element,
}

impl Cells<'_> {
    fn has(&self, class: &str) -> bool {
        self.cells.iter().any(|cell| cell.category == Some(class))
    }

    fn categories(&self) -> Vec<String> {
        let mut categories: Vec<String> = Vec::new();
        for category in self.cells.iter().filter_map(|cell| cell.category) {
            if !categories.iter().any(|known| known == category) {
                categories.push(category.to_owned());
            }
        }
        categories
    }

    /// The terms, in the order of the parameters, of the coefficients of some classes.
    fn equation(&self, of: impl Fn(Option<&str>) -> bool) -> Result<Equation, Error> {
        let mut betas = vec![None; self.factors.len()];
        for cell in self.cells.iter().filter(|cell| of(cell.category)) {
            if betas[cell.parameter].replace(cell.beta).is_some() {
                return Err(cell.element.unsupported("more than one coefficient of a parameter"));
            }
        }
        let (mut intercept, mut terms) = (0.0, Vec::new());
        for ((factors, reference), beta) in self.factors.iter().zip(&self.references).zip(betas) {
            intercept -= beta.unwrap_or(0.0) * reference;
            match beta {
                // Parameters of no predictor are part of the intercept.
                Some(beta) if factors.is_empty() => intercept += beta,
                Some(beta) if beta != 0.0 => terms.push(Term { coefficient: beta, factors: factors.clone() }),
                _ => {}
            }
        }
        Ok(Equation { intercept, terms })
    }
}

fn cells<'m>(model: &'m Element, fields: &mut Fields) -> Result<Cells<'m>, Error> {
    let list = model.child("ParameterList")?.ok_or_else(|| model.invalid("ParameterList is missing"))?;
    list.only(&[], &["Parameter"])?;
    let has_references = model.get("modelType") == Some("CoxRegression");
    let mut places = HashMap::new();
    let (mut factors, mut references): (Vec<Vec<Factor>>, Vec<f64>) = (Vec::new(), Vec::new());
    for parameter in list.all("Parameter") {
        parameter.only(&["name", "label", "referencePoint"], &[])?;
        let reference = parameter.number("referencePoint")?.unwrap_or(0.0);
        if reference != 0.0 && !has_references {
            return Err(parameter.unsupported("a referencePoint other than 0"));
        }
        if places.insert(parameter.need("name")?, factors.len()).is_some() {
            return Err(parameter.invalid("name comes twice"));
        }
        factors.push(Vec::new());
        references.push(reference);
    }
    let place = |element: &Element| {
        let name = element.need("parameterName")?;
        places.get(name).copied().ok_or_else(|| element.invalid("parameterName is not in the ParameterList"))
    };
    let mut predictors = Predictors::read(model)?;
    let correlations = model.child("PPMatrix")?;
    correlations.map_or(Ok(()), |matrix| matrix.only(&[], &["PPCell"]))?;
    for cell in correlations.into_iter().flat_map(|matrix| matrix.parts()) {
        let at = place(cell)?;
        factors[at].push(predictors.factor(cell, fields)?);
    }
    let matrix = model.child("ParamMatrix")?.ok_or_else(|| model.invalid("ParamMatrix is missing"))?;
    matrix.only(&[], &["PCell"])?;
    let mut cells = Vec::new();
    for element in matrix.all("PCell") {
        element.only(&["parameterName", "targetCategory", "beta", "df"], &[])?;
        let beta = element.parse_number(element.need("beta")?, "beta")?;
        let (parameter, category) = (place(element)?, element.get("targetCategory"));
        cells.push(Cell { parameter, category, beta, element });
    }
    let categories: HashSet<Option<&str>> = cells.iter().map(|cell| cell.category).collect();
    let kind = model.get("modelType").unwrap_or_default();
    if !matches!(kind, "multinomialLogistic" | "ordinalMultinomial")
        && let Some(cell) = cells.last().filter(|_| categories.len() > 1)
    {
        return Err(cell.element.unsupported("more than one coefficient of a parameter"));
    }
    Ok(Cells { factors, references, cells })
}

/// Which predictors are factors and which covariates, and what the contrast matrices of factors say.
struct Predictors<'m> {
    factors: HashMap<&'m str, Option<Contrasts>>,
    covariates: HashSet<&'m str>,
    /// Slots of contrasts by predictor and column.
    derived: HashMap<(String, usize), usize>,
}

/// For each category of a factor the numbers that stand for it.
struct Contrasts {
    categories: Vec<String>,
    rows: Vec<Vec<f64>>,
}

impl<'m> Predictors<'m> {
    fn read(model: &'m Element) -> Result<Self, Error> {
        let (mut factors, mut covariates) = (HashMap::new(), HashSet::new());
        for name in ["FactorList", "CovariateList"] {
            let Some(list) = model.child(name)? else { continue };
            list.only(&[], &["Predictor"])?;
            for predictor in list.parts() {
                predictor.only(&["name", "contrastMatrixType"], &["Categories", "Matrix"])?;
                let field = predictor.need("name")?;
                if name == "FactorList" {
                    factors.insert(field, contrasts(predictor)?);
                } else {
                    covariates.insert(field);
                }
            }
        }
        Ok(Self { factors, covariates, derived: HashMap::new() })
    }

    /// One predictor's part of a parameter's product: a factor is 1 at its value, or what its contrast matrix says; a
    /// covariate is raised to it.
    fn factor(&mut self, cell: &Element, fields: &mut Fields) -> Result<Factor, Error> {
        cell.only(&["value", "predictorName", "parameterName", "targetCategory"], &[])?;
        if cell.get("targetCategory").is_some() {
            return Err(cell.unsupported("a targetCategory"));
        }
        let (name, value) = (cell.need("predictorName")?, cell.need("value")?);
        let field = fields.find(name, cell)?;
        match (self.factors.get(name), self.covariates.contains(name), field.kind) {
            (Some(None), ..) => {
                let value = fields.literal(field, value, cell)?;
                Ok(Factor::IsPresent(field.at, value))
            }
            (Some(Some(contrasts)), ..) => {
                let column = contrasts.column(cell, value)?;
                if let Some(slot) = self.derived.get(&(name.to_owned(), column)) {
                    return Ok(Factor::Power(*slot, 1.0));
                }
                let mut rows = HashMap::new();
                for (category, row) in contrasts.categories.iter().zip(&contrasts.rows) {
                    rows.insert(vec![key(fields.literal(field, category, cell)?)], row[column]);
                }
                let slot = fields.slots(1);
                let (default, missing) = (f64::NAN, f64::NAN);
                let table = Expression::Table { fields: vec![field.at], rows, default, missing };
                fields.steps.push(Step::Derive(slot, table));
                self.derived.insert((name.to_owned(), column), slot);
                Ok(Factor::Power(slot, 1.0))
            }
            (None, true, Kind::Number) => Ok(Factor::Power(field.at, cell.parse_number(value, "value")?)),
            (None, true, Kind::Symbol) => Err(cell.invalid("a category as covariate")),
            (None, false, _) => Err(cell.invalid("predictorName is neither a factor nor a covariate")),
        }
    }
}

impl Contrasts {
    /// The column that a value stands for: that of its category.
    fn column(&self, cell: &Element, value: &str) -> Result<usize, Error> {
        let found = self.categories.iter().position(|category| category == value);
        let width = self.rows.first().map_or(0, Vec::len);
        match found {
            Some(column) if column < width => Ok(column),
            _ => Err(cell.invalid("value is not a column of the contrast matrix")),
        }
    }
}

/// A predictor's contrast matrix: a row for each category, a column for each parameter.
fn contrasts(predictor: &Element) -> Result<Option<Contrasts>, Error> {
    let Some(matrix) = predictor.child("Matrix")? else {
        return match predictor.get("contrastMatrixType") {
            Some(_) => Err(predictor.unsupported("contrastMatrixType without a Matrix")),
            None => Ok(None),
        };
    };
    let list = predictor.child("Categories")?.ok_or_else(|| predictor.invalid("Categories is missing"))?;
    list.only(&[], &["Category"])?;
    let mut categories = Vec::new();
    for category in list.all("Category") {
        category.only(&["value"], &[])?;
        categories.push(category.need("value")?.to_owned());
    }
    matrix.only(&["kind", "nbRows", "nbCols", "diagDefault", "offDiagDefault"], &["Array"])?;
    matrix.one_of("kind", &["any"], "any")?;
    let mut rows: Vec<Vec<f64>> = Vec::new();
    for array in matrix.all("Array") {
        let texts = predicates::array(array)?;
        rows.push(texts.iter().map(|text| array.parse_number(text, "a value")).collect::<Result<_, _>>()?);
    }
    let width = rows.first().map_or(0, Vec::len);
    match rows.len() == categories.len() && rows.iter().all(|row| row.len() == width) {
        true => Ok(Some(Contrasts { categories, rows })),
        false => Err(matrix.invalid("not one row of numbers for each category")),
    }
}
