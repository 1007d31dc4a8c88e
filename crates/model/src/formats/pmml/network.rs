//! `NeuralNetwork` and `NaiveBayesModel`.

use std::collections::HashMap;

use super::expressions;
use super::fields::{Fields, Kind};
use super::models::{self, Answer, MODEL};
use super::xml::Element;
use crate::Error;
use crate::graph::{Activation, Bayes, Evidence, Layer, Neuron, Normalization, Step};
use crate::linear::{Expression, Outliers, key};

const NETWORK: &[&str] =
    &["activationFunction", "normalizationMethod", "threshold", "numberOfLayers", "width", "altitude"];

const PARTS: &[&str] = &["NeuralInputs", "NeuralLayer", "NeuralOutputs"];

pub(super) fn neural(model: &Element, fields: &mut Fields) -> Result<Answer, Error> {
    model.only(&[MODEL, NETWORK].concat(), &models::parts(PARTS))?;
    model.one_of("x-mathContext", &["double"], "double")?;
    let is_classes = model.one_of("functionName", &["regression", "classification"], "")? == "classification";
    let mut slots: HashMap<String, usize> = HashMap::new();
    let inputs = model.child("NeuralInputs")?.ok_or_else(|| model.invalid("NeuralInputs is missing"))?;
    inputs.only(&["numberOfInputs"], &["NeuralInput"])?;
    for input in inputs.all("NeuralInput") {
        input.only(&["id"], &["DerivedField"])?;
        let slot = unnamed(input, fields)?;
        slots.insert(input.need("id")?.to_owned(), slot);
    }
    for element in model.all("NeuralLayer") {
        let layer = layer(element, model, &slots, fields)?;
        for (at, neuron) in element.all("Neuron").enumerate() {
            slots.insert(neuron.need("id")?.to_owned(), layer.to + at);
        }
        fields.steps.push(Step::Layer(layer));
    }
    let outputs = model.child("NeuralOutputs")?.ok_or_else(|| model.invalid("NeuralOutputs is missing"))?;
    outputs.only(&["numberOfOutputs"], &["NeuralOutput"])?;
    answers(outputs, &slots, is_classes, fields)
}

/// The slot of a derived field without a name.
fn unnamed(holder: &Element, fields: &mut Fields) -> Result<usize, Error> {
    let derived = holder.child("DerivedField")?.ok_or_else(|| holder.invalid("DerivedField is missing"))?;
    let (expression, kind) = expressions::only(derived, Some(Kind::Number), fields)?;
    if kind != Kind::Number {
        return Err(derived.unsupported("a category as number"));
    }
    let slot = fields.slots(1);
    fields.steps.push(Step::Derive(slot, expression));
    Ok(slot)
}

fn layer(
    element: &Element,
    model: &Element,
    slots: &HashMap<String, usize>,
    fields: &mut Fields,
) -> Result<Layer, Error> {
    let known = ["numberOfNeurons", "activationFunction", "threshold", "normalizationMethod"];
    element.only(&known, &["Neuron"])?;
    let of_both = |name: &str| element.get(name).or(model.get(name));
    let threshold = element.number("threshold")?.or(model.number("threshold")?).unwrap_or(0.0);
    let activation = match of_both("activationFunction") {
        Some("threshold") => Activation::Threshold(threshold),
        Some("logistic") => Activation::Logistic,
        Some("tanh") => Activation::Tanh,
        Some("identity") => Activation::Identity,
        Some("exponential") => Activation::Exponential,
        Some("reciprocal") => Activation::Reciprocal,
        Some("square") => Activation::Square,
        Some("Gauss") => Activation::Gauss,
        Some("sine") => Activation::Sine,
        Some("cosine") => Activation::Cosine,
        Some("Elliott") => Activation::Elliott,
        Some("arctan") => Activation::Arctan,
        Some("rectifier") => Activation::Rectifier,
        other => return Err(element.unsupported(format!("activationFunction={:.40?}", other.unwrap_or_default()))),
    };
    let normalization = match of_both("normalizationMethod").unwrap_or("none") {
        "none" => Normalization::None,
        "simplemax" => Normalization::Simplemax,
        "softmax" => Normalization::Softmax,
        other => return Err(element.unsupported(format!("normalizationMethod={other:.40?}"))),
    };
    let mut neurons = Vec::new();
    for neuron in element.all("Neuron") {
        neuron.only(&["id", "bias"], &["Con"])?;
        let mut inputs = Vec::new();
        for con in neuron.all("Con") {
            con.only(&["from", "weight"], &[])?;
            let from = slots.get(con.need("from")?).ok_or_else(|| con.invalid("from is no neuron or input before"))?;
            inputs.push((*from, con.parse_number(con.need("weight")?, "weight")?));
        }
        neurons.push(Neuron { bias: neuron.number("bias")?.unwrap_or(0.0), inputs });
    }
    let to = fields.slots(neurons.len());
    Ok(Layer { neurons, activation, normalization, to })
}

/// What the output neurons say: a number, maybe normalised as its target was, or the probability of each class.
fn answers(
    outputs: &Element,
    slots: &HashMap<String, usize>,
    is_classes: bool,
    fields: &mut Fields,
) -> Result<Answer, Error> {
    let mut found = Vec::new();
    for output in outputs.all("NeuralOutput") {
        output.only(&["outputNeuron"], &["DerivedField"])?;
        let neuron = output.need("outputNeuron")?;
        let slot = *slots.get(neuron).ok_or_else(|| output.invalid("outputNeuron is no neuron"))?;
        let derived = output.child("DerivedField")?.ok_or_else(|| output.invalid("DerivedField is missing"))?;
        let part = derived.parts().next().ok_or_else(|| derived.invalid("is empty"))?;
        found.push((part, slot));
    }
    if is_classes && fields.classes.is_empty() {
        fields.classes = found.iter().filter_map(|(part, _)| part.get("value").map(str::to_owned)).collect();
    }
    let answer = Answer::new(is_classes, fields);
    if found.len() != answer.width {
        return Err(outputs.unsupported(format!("{} outputs for {} answers", found.len(), answer.width)));
    }
    for (part, slot) in found {
        let (place, expression) = match (part.name.as_str(), is_classes) {
            ("FieldRef", false) => (0, Expression::Field(slot)),
            ("NormContinuous", false) => (0, denormalized(part, slot)?),
            ("NormDiscrete", true) => {
                let class = part.need("value")?;
                let place = fields.classes.iter().position(|known| known == class);
                (place.ok_or_else(|| part.invalid("value is not a class of the target"))?, Expression::Field(slot))
            }
            _ => return Err(part.unsupported("this output")),
        };
        fields.steps.push(Step::Derive(answer.first + place, expression));
    }
    Ok(answer)
}

/// From the normalised number back to the target's.
fn denormalized(part: &Element, slot: usize) -> Result<Expression, Error> {
    part.only(&["field", "outliers"], &["LinearNorm"])?;
    part.one_of("outliers", &["asIs"], "asIs")?;
    let mut points = Vec::new();
    for norm in part.all("LinearNorm") {
        points.push((norm.parse_number(norm.need("norm")?, "norm")?, norm.parse_number(norm.need("orig")?, "orig")?));
    }
    match points.len() >= 2 && points.windows(2).all(|pair| pair[0].0 < pair[1].0) {
        true => Ok(Expression::Lines { field: slot, points, outliers: Outliers::Kept }),
        false => Err(part.unsupported("LinearNorm that are not at least two with ascending norm")),
    }
}

pub(super) fn bayes(model: &Element, fields: &mut Fields) -> Result<Answer, Error> {
    model.only(&[MODEL, &["threshold"]].concat(), &models::parts(&["BayesInputs", "BayesOutput"]))?;
    model.one_of("functionName", &["classification"], "")?;
    let threshold = model.parse_number(model.need("threshold")?, "threshold")?;
    let output = model.child("BayesOutput")?.ok_or_else(|| model.invalid("BayesOutput is missing"))?;
    output.only(&["fieldName"], &["TargetValueCounts"])?;
    let counts = output.child("TargetValueCounts")?.ok_or_else(|| output.invalid("TargetValueCounts is missing"))?;
    if fields.classes.is_empty() {
        fields.classes =
            counts.all("TargetValueCount").filter_map(|count| count.get("value").map(str::to_owned)).collect();
    }
    let priors = by_class(counts, fields)?;
    if !priors.iter().all(|prior| *prior > 0.0) {
        return Err(counts.unsupported("a class without rows"));
    }
    let list = model.child("BayesInputs")?.ok_or_else(|| model.invalid("BayesInputs is missing"))?;
    list.only(&[], &["BayesInput"])?;
    let mut inputs = Vec::new();
    for input in list.all("BayesInput") {
        input.only(&["fieldName"], &["PairCounts", "TargetValueStats"])?;
        let field = fields.find(input.need("fieldName")?, input)?;
        let evidence = match (input.child("TargetValueStats")?, field.kind) {
            (Some(stats), Kind::Number) => Evidence::Gaussian(moments(stats, fields)?),
            (None, _) => Evidence::Shares(shares(input, field, fields)?),
            _ => return Err(input.invalid("a distribution of a category")),
        };
        inputs.push((field.at, evidence));
    }
    let answer = Answer::new(true, fields);
    fields.steps.push(Step::Bayes(Bayes { priors, inputs, threshold, to: answer.first }));
    Ok(answer)
}

fn place(element: &Element, fields: &Fields) -> Result<usize, Error> {
    let value = element.need("value")?;
    let found = fields.classes.iter().position(|class| class == value);
    found.ok_or_else(|| element.invalid("value is not a class of the target"))
}

/// `TargetValueCount` by class, 0 where there is none.
fn by_class(counts: &Element, fields: &Fields) -> Result<Vec<f64>, Error> {
    counts.only(&[], &["TargetValueCount"])?;
    let mut by_class = vec![0.0; fields.classes.len()];
    for count in counts.all("TargetValueCount") {
        count.only(&["value", "count"], &[])?;
        let number = count.parse_number(count.need("count")?, "count")?;
        if number < 0.0 {
            return Err(count.invalid("count is below 0"));
        }
        by_class[place(count, fields)?] = number;
    }
    Ok(by_class)
}

fn moments(stats: &Element, fields: &Fields) -> Result<Vec<(f64, f64)>, Error> {
    stats.only(&[], &["TargetValueStat"])?;
    let mut moments = vec![None; fields.classes.len()];
    for stat in stats.all("TargetValueStat") {
        stat.only(&["value"], &["GaussianDistribution"])?;
        let gauss = stat.child("GaussianDistribution")?.ok_or_else(|| stat.unsupported("no GaussianDistribution"))?;
        gauss.only(&["mean", "variance"], &[])?;
        let variance = gauss.parse_number(gauss.need("variance")?, "variance")?;
        if variance <= 0.0 {
            return Err(gauss.invalid("variance is not above 0"));
        }
        moments[place(stat, fields)?] = Some((gauss.parse_number(gauss.need("mean")?, "mean")?, variance));
    }
    let all: Option<Vec<(f64, f64)>> = moments.into_iter().collect();
    all.ok_or_else(|| stats.invalid("not a distribution for each class"))
}

/// The share of each value within each class.
fn shares(input: &Element, field: super::fields::Field, fields: &mut Fields) -> Result<HashMap<u64, Vec<f64>>, Error> {
    let mut shares = HashMap::new();
    let mut totals = vec![0.0; fields.classes.len()];
    for pair in input.all("PairCounts") {
        pair.only(&["value"], &["TargetValueCounts"])?;
        let counts = pair.child("TargetValueCounts")?.ok_or_else(|| pair.invalid("TargetValueCounts is missing"))?;
        let counts = by_class(counts, fields)?;
        totals.iter_mut().zip(&counts).for_each(|(total, count)| *total += count);
        let value = fields.literal(field, pair.need("value")?, pair)?;
        shares.insert(key(value), counts);
    }
    for counts in shares.values_mut() {
        counts.iter_mut().zip(&totals).for_each(|(count, total)| *count /= total.max(f64::MIN_POSITIVE));
    }
    Ok(shares)
}
