//! PMML 3.0 to 4.4: RegressionModel, GeneralRegressionModel, TreeModel, MiningModel, Scorecard, NeuralNetwork and
//! NaiveBayesModel.
//!
//! [`xml`] makes a tree of elements with their lines. [`fields`] reads data dictionary and mining schema: the active
//! fields become the model's inputs with their treatment of missing, invalid and outlying values. [`expressions`] turns
//! derived fields into [`crate::linear::Expression`]s, [`regression`] and [`general`] the models into terms.
//! [`models`] makes steps of a [`Graph`] of models in models ([`tree`], [`mining`], [`network`]), [`mod@scorecard`]
//! reads scorecards.
//!
//! Every element is asked for the attributes and children that are known; any other is refused with its line, because
//! it may change the scores. What cannot change them is passed over: `Header`, `MiningBuildTask`, `ModelStats`,
//! `ModelExplanation`, `Extension`, and `Output`, whose fields are computed from the prediction. `ModelVerification` is
//! run ([`verification`]): a document whose own rows score otherwise here is refused.

mod expressions;
mod fields;
mod general;
mod mining;
mod models;
mod network;
mod predicates;
mod regression;
mod scorecard;
mod tree;
mod verification;
mod xml;

use fields::Fields;
use xml::Element;

use crate::features::Binding;
use crate::forest::Precision;
use crate::graph::{Graph, Prepared, Step};
use crate::linear::{Equation, Finish, Function, Linear};
use crate::link::Link;
use crate::model::{About, Form, Model, Parts};
use crate::scorecard::{Characteristic, Scorecard};
use crate::{Error, Format, Input};

/// Children of a model that cannot change its scores.
const PASSED_OVER: [&str; 4] = ["ModelStats", "ModelExplanation", "ModelVerification", "Output"];

fn invalid(line: usize, message: impl Into<String>) -> Error {
    Error::invalid(Format::Pmml, line, message)
}

fn unsupported(line: usize, message: impl Into<String>) -> Error {
    Error::unsupported(Format::Pmml, line, message)
}

/// What a model's own reader finds.
struct Body {
    equations: Vec<Equation>,
    link: Link,
    objective: String,
    trials: Option<usize>,
    trials_count: f64,
    precision: Precision,
}

/// Read a document.
pub(crate) fn load(bytes: &[u8]) -> Result<Parts, Error> {
    let root = Element::parse(bytes)?;
    if root.name != "PMML" {
        return Err(root.invalid("the root is not PMML"));
    }
    let versions = ["3.0", "3.1", "3.2", "4.0", "4.1", "4.2", "4.2.1", "4.3", "4.4", "4.4.1"];
    root.one_of("version", &versions, "")?;
    let around = ["Header", "MiningBuildTask", "DataDictionary", "TransformationDictionary"];
    let mut models = root.parts().filter(|child| !around.contains(&child.name.as_str()));
    let model = models.next().ok_or_else(|| root.invalid("holds no model"))?;
    if let Some(other) = models.next() {
        return Err(other.unsupported("a second model"));
    }
    if model.name != "Scorecard" && !models::KINDS.contains(&model.name.as_str()) {
        return Err(model.unsupported("this kind of model"));
    }
    if model.get("isScorable") == Some("false") {
        return Err(model.unsupported("isScorable=\"false\""));
    }
    check_output(model)?;
    let dictionary = root.child("DataDictionary")?.ok_or_else(|| root.invalid("DataDictionary is missing"))?;
    let mut fields = Fields::read(dictionary, model)?;
    if let Some(holder) = root.child("TransformationDictionary")? {
        transform(holder, &mut fields)?;
    }
    let parts = match model.name.as_str() {
        "RegressionModel" | "GeneralRegressionModel" => linear(model, fields)?,
        "Scorecard" => scorecard(model, fields)?,
        _ => graph(model, fields)?,
    };
    let loaded = Model::from_parts(Format::Pmml, parts);
    let verified_rows = verification::check(model, &loaded)?;
    Ok(Parts { about: about(&root, verified_rows)?, ..loaded.into_parts() })
}

fn about(root: &Element, verified_rows: usize) -> Result<About, Error> {
    let application = root.child("Header")?.map(|header| header.child("Application")).transpose()?.flatten();
    let words = application.map(|application| ["name", "version"].into_iter().filter_map(|key| application.get(key)));
    Ok(About {
        version: root.get("version").unwrap_or_default().to_owned(),
        producer: words.map(|words| words.collect::<Vec<&str>>().join(" ")).unwrap_or_default(),
        notes: Vec::new(),
        verified_rows,
    })
}

fn transform(holder: &Element, fields: &mut Fields) -> Result<(), Error> {
    holder.only(&[], &["DerivedField"])?;
    holder.all("DerivedField").try_for_each(|field| expressions::derive(field, fields))
}

/// A regression alone: it is linear and can be explained.
fn linear(model: &Element, mut fields: Fields) -> Result<Parts, Error> {
    if let Some(holder) = model.child("LocalTransformations")? {
        transform(holder, &mut fields)?;
    }
    let body = match model.name.as_str() {
        "RegressionModel" => regression::read(model, &mut fields)?,
        _ => general::read(model, &mut fields)?,
    };
    let mut finish = targets(model)?;
    if body.trials_count != 1.0 {
        // The number of trials comes before bounds and scale, which count in its unit.
        if finish.low.is_finite() || finish.high.is_finite() {
            return Err(model.unsupported("trialsValue together with Target min or max"));
        }
        finish.factor *= body.trials_count;
    }
    finish.trials = body.trials;
    let outputs = body.equations.len();
    let named = model.all("RegressionTable").filter_map(|table| table.get("targetCategory"));
    let classes = named.take(outputs).map(str::to_owned).collect();
    let (inputs, bindings, prepared) = into_parts(model, fields)?;
    let derived = prepared.steps.into_iter().filter_map(|step| match step {
        Step::Derive(_, expression) => Some(expression),
        _ => None,
    });
    let linear = Linear::new(prepared.inputs, derived.collect(), body.equations, finish);
    let (link, objective, precision) = (body.link, body.objective, body.precision);
    let form = Form::Linear(linear.in_precision(precision));
    let about = About::default();
    Ok(Parts { form, inputs, bindings, outputs, link, objective, precision, classes, about })
}

fn into_parts(model: &Element, fields: Fields) -> Result<(Vec<Input>, Vec<Binding>, Prepared), Error> {
    let parts = fields.into_parts();
    match parts.0.is_empty() {
        true => Err(model.unsupported("a model without an active field")),
        false => Ok(parts),
    }
}

fn graph(model: &Element, mut fields: Fields) -> Result<Parts, Error> {
    let answer = models::read(model, &mut fields)?;
    let all: Vec<usize> = (answer.first..answer.first + answer.width).collect();
    let (outputs, classes) = match (answer.positive, answer.is_classes) {
        (Some(place), _) => (vec![all[place]], vec![fields.classes[place].clone()]),
        (None, true) => (all, fields.classes.clone()),
        (None, false) => (all, Vec::new()),
    };
    if outputs.is_empty() {
        return Err(model.unsupported("a classification without classes"));
    }
    let objective = model.get("algorithmName").unwrap_or_default().to_owned();
    let (inputs, bindings, prepared) = into_parts(model, fields)?;
    let (count, link, precision) = (outputs.len(), Link::Identity, Precision::Double);
    let form = Form::Graph(Graph { prepared, outputs });
    let about = About::default();
    Ok(Parts { form, inputs, bindings, outputs: count, link, objective, precision, classes, about })
}

fn scorecard(model: &Element, mut fields: Fields) -> Result<Parts, Error> {
    if let Some(holder) = model.child("LocalTransformations")? {
        transform(holder, &mut fields)?;
    }
    let body = scorecard::read(model, &mut fields)?;
    let finish = targets(model)?;
    let objective = model.get("algorithmName").unwrap_or_default().to_owned();
    let (inputs, bindings, prepared) = into_parts(model, fields)?;
    let sources = prepared.sources();
    let owner = |characteristic: &Characteristic| {
        let mut first = None;
        let mut note = |field: usize| first = first.or(sources[field]);
        characteristic.attributes.iter().for_each(|attribute| attribute.predicate.reads(&mut note));
        characteristic.attributes.iter().for_each(|attribute| attribute.points.reads(&mut note));
        first
    };
    let owners: Vec<Option<usize>> = body.characteristics.iter().map(owner).collect();
    let mut unowned = body.characteristics.iter().zip(&owners).filter(|(_, owner)| owner.is_none());
    if unowned.any(|(characteristic, _)| characteristic.constant().is_none()) {
        return Err(model.unsupported("a characteristic that reads no input and is not constant"));
    }
    let scorecard::Body { initial, characteristics, reasons } = body;
    let card = Scorecard { prepared, initial, characteristics, owners, reasons, finish };
    let (form, link, precision) = (Form::Scorecard(card), Link::Identity, Precision::Double);
    let (classes, about) = (Vec::new(), About::default());
    Ok(Parts { form, inputs, bindings, outputs: 1, link, objective, precision, classes, about })
}

/// Output fields must be views of the prediction.
fn check_output(model: &Element) -> Result<(), Error> {
    let views =
        ["predictedValue", "probability", "transformedValue", "predictedDisplayValue", "reasonCode", "decision"];
    for field in model.all("Output").flat_map(|output| output.all("OutputField")) {
        field.one_of("feature", &views, "predictedValue")?;
    }
    Ok(())
}

/// Bounds, scale and cast of the predictions.
fn targets(model: &Element) -> Result<Finish, Error> {
    let mut finish = Finish::default();
    let Some(targets) = model.child("Targets")? else { return Ok(finish) };
    targets.only(&[], &["Target"])?;
    let mut found = targets.parts();
    let Some(target) = found.next() else { return Ok(finish) };
    if let Some(other) = found.next() {
        return Err(other.unsupported("a second target"));
    }
    target.only(&["field", "optype", "castInteger", "min", "max", "rescaleConstant", "rescaleFactor"], &[])?;
    finish.low = target.number("min")?.unwrap_or(finish.low);
    finish.high = target.number("max")?.unwrap_or(finish.high);
    finish.factor = target.number("rescaleFactor")?.unwrap_or(1.0);
    finish.constant = target.number("rescaleConstant")?.unwrap_or(0.0);
    if target.get("castInteger").is_some() {
        finish.cast = Some(match target.one_of("castInteger", &["round", "ceiling", "floor"], "round")? {
            "ceiling" => Function::Ceil,
            "floor" => Function::Floor,
            _ => Function::Round,
        });
    }
    if model.get("functionName") != Some("regression") && finish.changes() {
        return Err(target.unsupported("a change of a class's probability"));
    }
    Ok(finish)
}
