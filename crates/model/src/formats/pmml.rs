//! PMML 3.0 to 4.4: regressions, trees, ensembles, scorecards, neural networks, naive Bayes, support vector machines,
//! clusters, nearest neighbours, rule sets and anomaly detection.
//!
//! [`xml`] makes a tree of elements with their lines. [`fields`] reads data dictionary and mining schema: the active
//! fields become the model's inputs with their treatment of missing, invalid and outlying values. [`expressions`] turns
//! derived fields into [`crate::linear::Expression`]s, [`regression`] and [`general`] the models into terms.
//! [`models`] makes steps of a [`Graph`] of models in models ([`tree`], [`mining`], [`network`], ...), [`mod@output`]
//! the fields of `Output`. Every document becomes a [`Document`]: the graph of all it says. A regression alone is made
//! linear as well, a scorecard alone a scorecard, a sum of trees below a link a forest ([`forest`]): these are faster,
//! and explained.
//!
//! Every element is asked for the attributes and children that are known; any other is refused with its line, because
//! it may change the scores. What cannot change them is passed over: `Header`, `MiningBuildTask`, `ModelStats`,
//! `ModelExplanation`, `Extension`. `ModelVerification` is run ([`verification`]): a document whose own rows score
//! otherwise here is refused.

mod anomaly;
mod clustering;
mod cox;
mod expressions;
mod fields;
mod forest;
mod general;
mod measures;
mod mining;
mod models;
mod neighbors;
mod network;
mod output;
mod predicates;
mod regression;
mod rules;
mod scorecard;
mod texts;
mod tree;
mod vectors;
mod verification;
mod xml;

use std::sync::Arc;

use fields::{Fields, Kind};
use xml::Element;

use crate::features::Binding;
use crate::forest::Precision;
use crate::graph::{Graph, Prepared, Step};
use crate::linear::{Equation, Finish, Function, Linear};
use crate::link::Link;
use crate::model::{About, Form, Parts};
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

/// What a regression's own reader finds.
struct Body {
    equations: Vec<Equation>,
    link: Link,
    objective: String,
    trials: Option<usize>,
    trials_count: f64,
    precision: Precision,
    after: After,
    /// The classes that are told apart, in the order of what `after` gives.
    classes: Vec<String>,
}

/// What becomes of the equations' numbers after the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    Number,
    /// Each is a class's probability.
    Classes,
    /// The one is the probability of the first of two classes.
    Pair,
    /// Probabilities of the classes up to each but the last.
    Cumulated,
    /// Each is divided by their sum.
    Shares,
}

impl After {
    fn is_classes(self) -> bool {
        self != Self::Number
    }

    /// Add its steps to those of the fields, where the equations' numbers are from slot `to` on; the first slot of the
    /// classes.
    fn steps(self, to: usize, width: usize, fields: &mut Fields) -> usize {
        match self {
            Self::Number | Self::Classes => to,
            Self::Pair => {
                // The slot after the equation.
                let other = fields.slots(1);
                fields.steps.push(Step::Complement { of: to, to: other });
                to
            }
            Self::Cumulated => {
                let first = fields.slots(width + 1);
                fields.steps.push(Step::Cumulated { from: to, classes: width + 1, to: first });
                first
            }
            Self::Shares => {
                fields.steps.push(Step::Shares { from: to, count: width });
                to
            }
        }
    }
}

/// A field of the document's `Output` that the caller gets.
pub(crate) struct Served {
    pub name: String,
    pub slot: usize,
    /// Whether the slot holds a symbol.
    pub is_text: bool,
}

/// All that a document says, as one graph.
pub(crate) struct Document {
    pub graph: Arc<Graph>,
    pub served: Vec<Served>,
    /// The names of the target's mining fields.
    targets: Vec<String>,
    /// The slot of the predicted class's symbol, or of the number.
    predicted: Served,
}

/// Read a document: the model, and all fields of its output where there are some.
pub(crate) fn load(bytes: &[u8]) -> Result<(Parts, Option<Document>), Error> {
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
    if !models::KINDS.contains(&model.name.as_str()) {
        return Err(model.unsupported("this kind of model"));
    }
    if model.get("isScorable") == Some("false") {
        return Err(model.unsupported("isScorable=\"false\""));
    }
    let fields = || -> Result<Fields, Error> {
        let dictionary = root.child("DataDictionary")?.ok_or_else(|| root.invalid("DataDictionary is missing"))?;
        let mut fields = Fields::read(dictionary, model)?;
        if let Some(holder) = root.child("TransformationDictionary")? {
            holder.only(&[], &["DefineFunction", "DerivedField"])?;
            holder.all("DefineFunction").try_for_each(|function| expressions::define(function, &mut fields))?;
            holder.all("DerivedField").try_for_each(|field| expressions::derive(field, &mut fields))?;
        }
        Ok(fields)
    };
    let (parts, document) = graph(model, fields()?)?;
    let special = match model.name.as_str() {
        "RegressionModel" | "GeneralRegressionModel" => linear(model, fields()?)?,
        "Scorecard" => scorecard(model, fields()?)?,
        _ => None,
    };
    let verified_rows = verification::check(model, &parts, &document)?;
    let parts = match (special, forest::convert(&document.graph)) {
        (Some(special), _) => special,
        (None, Some((treated, link, precision))) => {
            Parts { form: Form::Treated(Box::new(treated)), link, precision, ..parts }
        }
        (None, None) => parts,
    };
    let keeps = !document.served.is_empty();
    let parts = Parts { about: about(&root, verified_rows)?, ..parts };
    Ok((parts, keeps.then_some(document)))
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

/// A regression alone: it is linear and can be explained, unless its numbers are cumulated or it computes with texts.
fn linear(model: &Element, mut fields: Fields) -> Result<Option<Parts>, Error> {
    if let Some(holder) = model.child("LocalTransformations")? {
        transform(holder, &mut fields)?;
    }
    let body = match model.name.as_str() {
        "RegressionModel" => regression::read(model, &mut fields)?,
        _ => general::read(model, &mut fields)?,
    };
    let defaults = target_values(model)?;
    let has_default = defaults.default.is_some() || !defaults.priors.is_empty();
    if matches!(body.after, After::Cumulated | After::Shares) || has_default {
        return Ok(None);
    }
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
    let classes = body.classes.into_iter().take(outputs).collect();
    let (inputs, bindings, prepared) = into_parts(model, fields)?;
    let mut derived = Vec::with_capacity(prepared.steps.len());
    for step in prepared.steps {
        let Step::Derive(_, expression) = step else { return Ok(None) };
        derived.push(expression);
    }
    let linear = Linear::new(prepared.inputs, derived, body.equations, finish);
    let (link, objective, precision) = (body.link, body.objective, body.precision);
    let (form, about) = (Form::Linear(linear.in_precision(precision)), About::default());
    Ok(Some(Parts { form, inputs, bindings, outputs, link, objective, precision, classes, about }))
}

fn into_parts(model: &Element, fields: Fields) -> Result<(Vec<Input>, Vec<Binding>, Prepared), Error> {
    let parts = fields.into_parts();
    match parts.0.is_empty() {
        true => Err(model.unsupported("a model without an active field")),
        false => Ok(parts),
    }
}

/// The model as a graph, and with it all fields of its output. The parts are those of the graph without the output.
fn graph(model: &Element, mut fields: Fields) -> Result<(Parts, Document), Error> {
    let mut answer = models::read(model, &mut fields)?;
    let all: Vec<usize> = (answer.first..answer.first + answer.width).collect();
    let (outputs, classes) = match (answer.positive, answer.is_classes) {
        (Some(place), _) => (vec![all[place]], vec![answer.classes[place].clone()]),
        (None, true) => (all, answer.classes.clone()),
        // Of one number the name is empty; several are those of segments.
        (None, false) => (all, answer.classes.clone()),
    };
    let predicted = match answer.is_classes {
        true => Served { name: String::new(), slot: answer.label(&mut fields), is_text: true },
        false => Served { name: String::new(), slot: answer.first, is_text: false },
    };
    let before = fields.steps.len();
    let named = output::read(model, &mut answer, &mut fields)?;
    let more = fields.steps.split_off(before);
    let served = named.into_iter().filter(|named| named.is_final);
    let is_text = |kind: Kind| kind == Kind::Symbol;
    let served = served
        .map(|named| Served { name: named.name, slot: named.field.at, is_text: is_text(named.field.kind) })
        .collect();
    let schema = model.all("MiningSchema").flat_map(|schema| schema.all("MiningField"));
    let is_target = |field: &&Element| matches!(field.get("usageType"), Some("target" | "predicted"));
    let named = schema.filter(is_target).filter_map(|field| field.get("name").map(str::to_owned));
    // Several numbers are no one value of a target.
    let targets = named.filter(|_| answer.is_classes || answer.width == 1).collect();
    let objective = model.get("algorithmName").unwrap_or_default().to_owned();
    let (inputs, bindings, prepared) = into_parts(model, fields)?;
    let (count, link, precision) = (outputs.len(), Link::Identity, Precision::Double);
    let graph = Arc::new(Graph { prepared, outputs, more });
    let document = Document { graph: Arc::clone(&graph), served, targets, predicted };
    let (form, about) = (Form::Graph(graph), About::default());
    Ok((Parts { form, inputs, bindings, outputs: count, link, objective, precision, classes, about }, document))
}

fn scorecard(model: &Element, mut fields: Fields) -> Result<Option<Parts>, Error> {
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
    let about = About::default();
    Ok(Some(Parts { form, inputs, bindings, outputs: 1, link, objective, precision, classes: Vec::new(), about }))
}

/// The values of a target: what they are called, and what stands in for a missing prediction.
#[derive(Default)]
struct TargetValues {
    /// A value, and what it is shown as.
    names: Vec<(String, String)>,
    /// The number that is the default.
    default: Option<f64>,
    /// The prior probability of each value.
    priors: Vec<(String, f64)>,
}

fn target_values(model: &Element) -> Result<TargetValues, Error> {
    let mut found = TargetValues::default();
    let Some(targets) = model.child("Targets")? else { return Ok(found) };
    for value in targets.all("Target").flat_map(|target| target.all("TargetValue")) {
        value.only(&["value", "displayValue", "priorProbability", "defaultValue"], &["Partition"])?;
        if let (Some(name), Some(display)) = (value.get("value"), value.get("displayValue")) {
            found.names.push((name.to_owned(), display.to_owned()));
        }
        if let (Some(name), Some(prior)) = (value.get("value"), value.number("priorProbability")?) {
            found.priors.push((name.to_owned(), prior));
        }
        if let Some(default) = value.number("defaultValue")? {
            found.default = Some(default);
        }
    }
    Ok(found)
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
    let known = ["field", "optype", "castInteger", "min", "max", "rescaleConstant", "rescaleFactor"];
    target.only(&known, &["TargetValue"])?;
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
