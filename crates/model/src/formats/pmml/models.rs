//! Models that become steps of a graph, alone or as segments of one another.

use super::fields::{Field, Fields, Kind};
use super::xml::Element;
use super::{Body, PASSED_OVER, expressions, general, mining, network, regression, targets, tree};
use crate::Error;
use crate::graph::Step;
use crate::linear::Expression;

/// Attributes that every model may have.
pub(super) const MODEL: &[&str] = &["modelName", "functionName", "algorithmName", "isScorable", "x-mathContext"];

/// The models that may stand in a segment.
pub(super) const KINDS: &[&str] =
    &["TreeModel", "MiningModel", "RegressionModel", "GeneralRegressionModel", "NeuralNetwork", "NaiveBayesModel"];

/// Children that every model may have, and its own.
pub(super) fn parts(own: &[&'static str]) -> Vec<&'static str> {
    [&["MiningSchema", "LocalTransformations", "Targets"], own, &PASSED_OVER].concat()
}

/// Where a model's answer is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    pub first: usize,
    /// 1, or the number of classes, whose probabilities are in the order of [`Fields::classes`].
    pub width: usize,
    pub is_classes: bool,
    /// Of two classes the one that the model is made for.
    pub positive: Option<usize>,
}

impl Answer {
    pub(super) fn new(is_classes: bool, fields: &mut Fields) -> Self {
        let width = if is_classes { fields.classes.len() } else { 1 };
        Self { first: fields.slots(width), width, is_classes, positive: None }
    }
}

/// Check the mining schema of a model in a segment: its fields come from around it, treated there.
pub(super) fn enter(model: &Element, fields: &Fields) -> Result<(), Error> {
    let schema = model.child("MiningSchema")?.ok_or_else(|| model.invalid("MiningSchema is missing"))?;
    schema.only(&[], &["MiningField"])?;
    for mining in schema.all("MiningField") {
        if mining.get("usageType").is_some_and(|usage| usage != "active") {
            continue;
        }
        let known = ["name", "usageType", "importance", "missingValueTreatment", "invalidValueTreatment", "optype"];
        mining.only(&known, &[])?;
        mining.one_of("missingValueTreatment", &["asIs"], "asIs")?;
        mining.one_of("invalidValueTreatment", &["returnInvalid", "asIs"], "asIs")?;
        fields.find(mining.need("name")?, mining)?;
    }
    Ok(())
}

/// Read a model whose fields are known; its steps are added to those of the fields.
pub(super) fn read(model: &Element, fields: &mut Fields) -> Result<Answer, Error> {
    if model.get("isScorable") == Some("false") {
        return Err(model.unsupported("isScorable=\"false\""));
    }
    if let Some(holder) = model.child("LocalTransformations")? {
        holder.only(&[], &["DerivedField"])?;
        holder.all("DerivedField").try_for_each(|field| expressions::derive(field, fields))?;
    }
    let answer = match model.name.as_str() {
        "TreeModel" => tree::read(model, fields)?,
        "MiningModel" => mining::read(model, fields)?,
        "NeuralNetwork" => network::neural(model, fields)?,
        "NaiveBayesModel" => network::bayes(model, fields)?,
        "RegressionModel" => {
            let body = regression::read(model, fields)?;
            equations(model, body, fields)?
        }
        "GeneralRegressionModel" => {
            let body = general::read(model, fields)?;
            equations(model, body, fields)?
        }
        _ => return Err(model.unsupported("this kind of model")),
    };
    let finish = targets(model)?;
    if finish.changes() {
        if answer.is_classes {
            return Err(model.unsupported("Targets that change a class's probability"));
        }
        fields.steps.push(Step::Finish(answer.first, finish));
    }
    Ok(answer)
}

/// Equations, and where they are of classes the probabilities in the order of the target's classes.
fn equations(model: &Element, body: Body, fields: &mut Fields) -> Result<Answer, Error> {
    if body.trials.is_some() || body.trials_count != 1.0 {
        return Err(model.unsupported("trials in a segment"));
    }
    let width = body.equations.len();
    let to = fields.slots(width);
    let Body { equations, link, precision, .. } = body;
    fields.steps.push(Step::Equations { equations, link, precision, to });
    if model.get("functionName") != Some("classification") {
        return Ok(Answer { first: to, width: 1, is_classes: false, positive: None });
    }
    let named: Vec<&str> = model.all("RegressionTable").filter_map(|table| table.get("targetCategory")).collect();
    if named.len() != width && named.len() != width + 1 {
        return Err(model.unsupported("classes without targetCategory"));
    }
    if fields.classes.is_empty() {
        fields.classes = named.iter().map(|name| (*name).to_owned()).collect();
    }
    let is_pair = named.len() == width + 1;
    if is_pair {
        let other = fields.slots(1);
        fields.steps.push(Step::Complement { of: to, to: other });
    }
    let mut answer = Answer::new(true, fields);
    for (at, name) in named.iter().enumerate() {
        let place = fields.classes.iter().position(|class| class == name);
        let place = place.ok_or_else(|| model.invalid("a targetCategory that the target does not have"))?;
        // The complement has the slot after the equations.
        fields.steps.push(Step::Derive(answer.first + place, Expression::Field(to + at)));
        if is_pair && at == 0 {
            answer.positive = Some(place);
        }
    }
    match answer.width == named.len() {
        true => Ok(answer),
        false => Err(model.invalid("not a RegressionTable for each class of the target")),
    }
}

/// The output fields of a model in a chain that later models may read.
pub(super) fn outputs(model: &Element, answer: &Answer, fields: &mut Fields) -> Result<Vec<(String, Field)>, Error> {
    let Some(output) = model.child("Output")? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for element in output.all("OutputField") {
        let name = element.need("name")?;
        let field = match element.get("feature").unwrap_or("predictedValue") {
            "predictedValue" if answer.is_classes => label(answer, fields),
            "predictedValue" => Field { at: answer.first, kind: Kind::Number, single: false },
            "probability" if answer.is_classes && element.get("value").is_some() => {
                let place = fields.classes.iter().position(|class| Some(class.as_str()) == element.get("value"));
                let place = place.ok_or_else(|| element.invalid("value is not a class of the target"))?;
                Field { at: answer.first + place, kind: Kind::Number, single: false }
            }
            "transformedValue" => {
                let (expression, kind) = expressions::only(element, None, fields)?;
                let at = fields.slots(1);
                fields.steps.push(Step::Derive(at, expression));
                Field { at, kind, single: false }
            }
            // What cannot be read here is missed where a later model asks for it.
            _ => continue,
        };
        fields.name(name, field, element)?;
        found.push((name.to_owned(), field));
    }
    Ok(found)
}

fn label(answer: &Answer, fields: &mut Fields) -> Field {
    let symbols = fields.classes.clone().iter().map(|class| fields.symbol(class)).collect();
    let to = fields.slots(1);
    fields.steps.push(Step::Label { from: answer.first, symbols, to });
    Field { at: to, kind: Kind::Symbol, single: false }
}
