//! PMML 3.0 to 4.4: RegressionModel and GeneralRegressionModel.
//!
//! [`xml`] makes a tree of elements with their lines. [`fields`] reads data dictionary and mining schema: the active
//! fields become the model's inputs with their treatment of missing, invalid and outlying values. [`expressions`] turns
//! derived fields into [`crate::linear::Expression`]s, [`regression`] and [`general`] the models into terms.
//!
//! Every element is asked for the attributes and children that are known; any other is refused with its line, because
//! it may change the scores. What cannot change them is passed over: `Header`, `MiningBuildTask`, `ModelStats`,
//! `ModelExplanation`, `ModelVerification`, `Extension`, and `Output`, whose fields are computed from the prediction.

mod expressions;
mod fields;
mod general;
mod regression;
mod xml;

use fields::Fields;
use xml::Element;

use crate::forest::Precision;
use crate::linear::{Equation, Finish, Function, Linear};
use crate::link::Link;
use crate::model::{Form, Parts};
use crate::{Error, Format};

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
    let known = ["RegressionModel", "GeneralRegressionModel"];
    if !known.contains(&model.name.as_str()) {
        return Err(model.unsupported("this kind of model"));
    }
    if model.get("isScorable") == Some("false") {
        return Err(model.unsupported("isScorable=\"false\""));
    }
    check_output(model)?;
    let dictionary = root.child("DataDictionary")?.ok_or_else(|| root.invalid("DataDictionary is missing"))?;
    let mut fields = Fields::read(dictionary, model)?;
    for holder in [root.child("TransformationDictionary")?, model.child("LocalTransformations")?].into_iter().flatten()
    {
        holder.only(&[], &["DerivedField"])?;
        holder.all("DerivedField").try_for_each(|field| expressions::derive(field, &mut fields))?;
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
    let (inputs, bindings, treatments, derived) = fields.into_parts();
    if inputs.is_empty() {
        return Err(model.unsupported("a model without an active field"));
    }
    let form = Form::Linear(Linear::new(treatments, derived, body.equations, finish));
    Ok(Parts {
        form,
        inputs,
        bindings,
        outputs,
        link: body.link,
        objective: body.objective,
        precision: Precision::Double,
    })
}

/// Output fields must be views of the prediction.
fn check_output(model: &Element) -> Result<(), Error> {
    let views = ["predictedValue", "probability", "transformedValue", "predictedDisplayValue"];
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
