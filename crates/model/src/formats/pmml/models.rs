//! Models that become steps of a graph, alone or as segments of one another.

use super::fields::{Field, Fields, Kind};
use super::xml::Element;
use super::{
    Body, PASSED_OVER, TargetValues, anomaly, clustering, expressions, general, mining, neighbors, network, regression,
    rules, scorecard, target_values, targets, tree, vectors,
};
use crate::Error;
use crate::graph::{Rank, Step};
use crate::linear::{Expression, Invalid, Validity};

/// Attributes that every model may have.
pub(super) const MODEL: &[&str] = &["modelName", "functionName", "algorithmName", "isScorable", "x-mathContext"];

/// The models that are read, each of which may stand in a segment.
pub(super) const KINDS: &[&str] = &[
    "TreeModel",
    "MiningModel",
    "RegressionModel",
    "GeneralRegressionModel",
    "NeuralNetwork",
    "NaiveBayesModel",
    "Scorecard",
    "SupportVectorMachineModel",
    "ClusteringModel",
    "NearestNeighborModel",
    "RuleSetModel",
    "AnomalyDetectionModel",
];

/// Children that every model may have, and its own.
pub(super) fn parts(own: &[&'static str]) -> Vec<&'static str> {
    [&["MiningSchema", "LocalTransformations", "Targets"], own, &PASSED_OVER].concat()
}

/// Where a model's answer is.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub first: usize,
    /// 1, or the number of classes, whose probabilities are there in their order, or of segments that all answer.
    pub width: usize,
    pub is_classes: bool,
    /// The names of the answers, where they are several.
    pub classes: Vec<String>,
    /// Of two classes the one that the model is made for.
    pub positive: Option<usize>,
    /// The slot of the predicted class's symbol, where a step writes it.
    pub label: Option<usize>,
    pub entities: Entities,
    /// Classes, and what they are shown as.
    pub display: Vec<(String, String)>,
    /// The first slot of reason codes, and how many there are.
    pub reasons: Option<(usize, usize)>,
    /// The answers of segments, by their ids.
    pub segments: Vec<(String, Answer)>,
}

/// What a model finds on its way to the answer: clusters, rows of the training data, nodes, rules.
#[derive(Debug, Clone)]
pub(super) enum Entities {
    None,
    /// A measure of each from a slot on; the nearest is the answer.
    Measured {
        first: usize,
        ids: Vec<String>,
        is_likeness: bool,
    },
    /// The places of the nearest from a slot on, then their measures.
    Listed {
        first: usize,
        count: usize,
        ids: Vec<String>,
    },
    /// The place of the one.
    One {
        slot: usize,
        ids: Vec<String>,
    },
}

impl Answer {
    pub(super) fn new(is_classes: bool, fields: &mut Fields) -> Self {
        let classes = if is_classes { fields.classes.clone() } else { Vec::new() };
        let width = if is_classes { classes.len() } else { 1 };
        Self::at(fields.slots(width), is_classes, classes)
    }

    /// An answer whose label is behind its classes.
    pub(super) fn labelled(is_classes: bool, fields: &mut Fields) -> Self {
        let mut answer = Self::new(is_classes, fields);
        answer.label = is_classes.then(|| fields.slots(1));
        answer
    }

    pub(super) fn at(first: usize, is_classes: bool, classes: Vec<String>) -> Self {
        let width = if is_classes { classes.len() } else { 1 };
        let (positive, label, entities, reasons) = (None, None, Entities::None, None);
        let (display, segments) = (Vec::new(), Vec::new());
        Self { first, width, is_classes, classes, positive, label, entities, display, reasons, segments }
    }

    /// The slot of the predicted class's symbol.
    pub(super) fn label(&mut self, fields: &mut Fields) -> usize {
        if let Some(slot) = self.label {
            return slot;
        }
        let symbols = Some(self.symbols(fields));
        let to = fields.slots(1);
        let (from, count, rank) = (self.first, self.width, Rank::Highest(0));
        fields.steps.push(Step::Ranked { from, count, rank, symbols, to });
        self.label = Some(to);
        to
    }

    /// The symbols of the classes.
    pub(super) fn symbols(&self, fields: &mut Fields) -> Vec<f64> {
        self.classes.iter().map(|class| fields.symbol(class)).collect()
    }
}

/// Check the mining schema of a model in a segment: its fields come from around it, and are treated again where the
/// schema says so.
pub(super) fn enter(model: &Element, fields: &mut Fields) -> Result<(), Error> {
    let schema = model.child("MiningSchema")?.ok_or_else(|| model.invalid("MiningSchema is missing"))?;
    schema.only(&[], &["MiningField"])?;
    let method = model.child("Segmentation")?.and_then(|segmentation| segmentation.get("multipleModelMethod"));
    if method == Some("selectAll") {
        return Err(model.unsupported("multipleModelMethod=\"selectAll\" of a model in another"));
    }
    fields.target(schema);
    for mining in schema.all("MiningField") {
        if mining.get("usageType").is_some_and(|usage| usage != "active") {
            continue;
        }
        let name = mining.need("name")?;
        let field = fields.find(name, mining)?;
        let mut treatment = fields.treatment(field, mining, Vec::new(), Validity::Any)?;
        // Which values are valid was asked around it.
        if !matches!(treatment.invalid, Invalid::NoScore | Invalid::AsIs) {
            return Err(mining.unsupported("invalidValueTreatment of a segment's own"));
        }
        treatment.invalid = Invalid::AsIs;
        treatment.symbols = None;
        treatment.single = false;
        if treatment.changes() {
            let to = fields.slots(1);
            fields.steps.push(Step::Treat(field.at, treatment, to));
            fields.shadow(name, Field { at: to, ..field });
        }
    }
    Ok(())
}

/// Read a model, one of [`KINDS`], whose fields are known; its steps are added to those of the fields.
pub(super) fn read(model: &Element, fields: &mut Fields) -> Result<Answer, Error> {
    if model.get("isScorable") == Some("false") {
        return Err(model.unsupported("isScorable=\"false\""));
    }
    if let Some(holder) = model.child("LocalTransformations")? {
        holder.only(&[], &["DerivedField"])?;
        holder.all("DerivedField").try_for_each(|field| expressions::derive(field, fields))?;
    }
    let mut answer = match model.name.as_str() {
        "TreeModel" => tree::read(model, fields)?,
        "MiningModel" => mining::read(model, fields)?,
        "NeuralNetwork" => network::neural(model, fields)?,
        "NaiveBayesModel" => network::bayes(model, fields)?,
        "Scorecard" => scorecard::answer(model, fields)?,
        "SupportVectorMachineModel" => vectors::read(model, fields)?,
        "ClusteringModel" => clustering::read(model, fields)?,
        "NearestNeighborModel" => neighbors::read(model, fields)?,
        "RuleSetModel" => rules::read(model, fields)?,
        "RegressionModel" => {
            let body = regression::read(model, fields)?;
            equations(model, body, fields)?
        }
        "GeneralRegressionModel" => {
            let body = general::read(model, fields)?;
            equations(model, body, fields)?
        }
        // The last of `KINDS`.
        _ => anomaly::read(model, fields)?,
    };
    let values = target_values(model)?;
    answer.display = values.names.clone();
    if answer.width == 0 {
        return Err(model.unsupported("a classification without classes"));
    }
    let finish = targets(model)?;
    if finish.changes() {
        // Of a number: those of classes are refused.
        let slots = answer.first..answer.first + answer.width;
        fields.steps.extend(slots.map(|slot| Step::Finish(slot, finish.clone())));
    }
    default(model, &values, &mut answer, fields)?;
    Ok(answer)
}

/// What stands in for a missing prediction: a number, or the prior probabilities of the classes.
fn default(model: &Element, given: &TargetValues, answer: &mut Answer, fields: &mut Fields) -> Result<(), Error> {
    if !answer.is_classes {
        if answer.width > 1 && given.default.is_some() {
            return Err(model.unsupported("a defaultValue of several segments"));
        }
        let step = |default| Step::Default { to: answer.first, values: vec![default] };
        fields.steps.extend(given.default.map(step));
        return Ok(());
    }
    if given.priors.is_empty() {
        return Ok(());
    }
    let prior = |class: &String| given.priors.iter().find(|(name, _)| name == class).map(|(_, prior)| *prior);
    let values: Option<Vec<f64>> = answer.classes.iter().map(prior).collect();
    let values = values.ok_or_else(|| model.invalid("not a priorProbability for each class of the target"))?;
    let best = (0..values.len()).reduce(|best, at| if values[at] > values[best] { at } else { best });
    let symbol = best.map_or(f64::NAN, |best| fields.symbol(&answer.classes[best]));
    let label = answer.label(fields);
    fields.steps.push(Step::Default { to: answer.first, values });
    fields.steps.push(Step::Default { to: label, values: vec![symbol] });
    Ok(())
}

/// Equations, and where they are of classes the probabilities in the order of the target's classes.
fn equations(model: &Element, body: Body, fields: &mut Fields) -> Result<Answer, Error> {
    let width = body.equations.len();
    let to = fields.slots(width);
    let Body { equations, link, precision, after, .. } = body;
    fields.steps.push(Step::Equations { equations, link, precision, to });
    if !after.is_classes() {
        if let Some(by) = body.trials {
            fields.steps.push(Step::Times(to, by));
        }
        if body.trials_count != 1.0 {
            let by = fields.slots(1);
            fields.steps.push(Step::Derive(by, Expression::Constant(body.trials_count)));
            fields.steps.push(Step::Times(to, by));
        }
        return Ok(Answer::at(to, false, Vec::new()));
    }
    if body.trials.is_some() || body.trials_count != 1.0 {
        return Err(model.unsupported("trials of classes"));
    }
    let first = after.steps(to, width, fields);
    if fields.classes.is_empty() {
        fields.classes.clone_from(&body.classes);
    }
    let mut answer = Answer::new(true, fields);
    for (at, name) in body.classes.iter().enumerate() {
        let place = fields.classes.iter().position(|class| class == name);
        let place = place.ok_or_else(|| model.invalid("a targetCategory that the target does not have"))?;
        fields.steps.push(Step::Derive(answer.first + place, Expression::Field(first + at)));
        if at == 0 && after == super::After::Pair {
            answer.positive = Some(place);
        }
    }
    match answer.width == body.classes.len() {
        true => Ok(answer),
        false => Err(model.invalid("not a RegressionTable for each class of the target")),
    }
}

/// A field that holds a number.
pub(super) fn number(at: usize) -> Field {
    Field { at, kind: Kind::Number, single: false }
}
