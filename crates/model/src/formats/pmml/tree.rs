//! `TreeModel`.

use std::collections::HashMap;

use super::fields::Fields;
use super::models::{Answer, Entities, MODEL};
use super::predicates::{self, PREDICATES};
use super::xml::Element;
use crate::Error;
use crate::graph::{MissingValue, NoTrueChild, Node, Step, Tree};

const ATTRIBUTES: &[&str] =
    &["missingValueStrategy", "missingValuePenalty", "noTrueChildStrategy", "splitCharacteristic"];

pub(super) fn read(model: &Element, fields: &mut Fields) -> Result<Answer, Error> {
    model.only(&[MODEL, ATTRIBUTES].concat(), &super::models::parts(&["Node"]))?;
    let single = model.one_of("x-mathContext", &["double", "float"], "double")? == "float";
    let is_classes = model.one_of("functionName", &["regression", "classification"], "")? == "classification";
    let missing = strategy(model, is_classes)?;
    // It lowers confidences, which are not served, and no probability.
    model.number("missingValuePenalty")?;
    model.one_of("splitCharacteristic", &["binarySplit", "multiSplit"], "multiSplit")?;
    let strategies = ["returnNullPrediction", "returnLastPrediction"];
    let no_true_child = match model.one_of("noTrueChildStrategy", &strategies, "returnNullPrediction")? {
        "returnLastPrediction" => NoTrueChild::LastPrediction,
        _ => NoTrueChild::Null,
    };
    let root = model.child("Node")?.ok_or_else(|| model.invalid("Node is missing"))?;
    if is_classes && fields.classes.is_empty() {
        fields.classes = named_classes(root);
    }
    let mut answer = Answer::labelled(is_classes, fields);
    let slot = fields.slots(1);
    let mut reader = Reader { is_classes, single, nodes: Vec::new(), ids: Vec::new(), missing };
    reader.node(root, fields)?;
    let ids = std::mem::take(&mut reader.ids);
    answer.entities = Entities::One { slot, ids };
    let (to, width, symbols) = (answer.first, answer.width, answer.symbols(fields));
    fields.steps.push(Step::Tree(Tree { nodes: reader.nodes, missing, no_true_child, symbols, to, width }));
    Ok(answer)
}

fn strategy(model: &Element, is_classes: bool) -> Result<MissingValue, Error> {
    Ok(match model.one_of("missingValueStrategy", STRATEGIES, "none")? {
        "lastPrediction" => MissingValue::LastPrediction,
        "nullPrediction" => MissingValue::NullPrediction,
        "defaultChild" => MissingValue::DefaultChild,
        "weightedConfidence" if is_classes => MissingValue::WeightedConfidence,
        "aggregateNodes" if is_classes => MissingValue::AggregateNodes,
        "none" => MissingValue::None,
        name => return Err(model.unsupported(format!("missingValueStrategy={name:?} for regression"))),
    })
}

const STRATEGIES: &[&str] =
    &["none", "lastPrediction", "nullPrediction", "defaultChild", "weightedConfidence", "aggregateNodes"];

/// The classes of the first node that counts them; else all scores, in the order of the file.
fn named_classes(root: &Element) -> Vec<String> {
    let mut open = vec![root];
    let mut scores: Vec<String> = Vec::new();
    while let Some(node) = open.pop() {
        let counted: Vec<String> =
            node.all("ScoreDistribution").filter_map(|part| part.get("value").map(str::to_owned)).collect();
        if !counted.is_empty() {
            return counted;
        }
        if let Some(score) = node.get("score").filter(|score| !scores.iter().any(|known| known == score)) {
            scores.push(score.to_owned());
        }
        let before = open.len();
        open.extend(node.all("Node"));
        open[before..].reverse();
    }
    scores
}

struct Reader {
    is_classes: bool,
    /// Scores are numbers of single precision.
    single: bool,
    nodes: Vec<Node>,
    /// The ids of the nodes; their places, counted from 1, where they have none.
    ids: Vec<String>,
    missing: MissingValue,
}

impl Reader {
    /// Read a node and everything below it; its place.
    fn node(&mut self, element: &Element, fields: &mut Fields) -> Result<usize, Error> {
        let children = [&PREDICATES[..], &["Node", "ScoreDistribution", "Partition"]].concat();
        element.only(&["id", "score", "recordCount", "defaultChild"], &children)?;
        let shares = if self.is_classes { shares(element, self.missing, fields)? } else { Shares::default() };
        let values = if self.is_classes { shares.values } else { self.score(element)? };
        let label = if self.is_classes { label(element, values.as_deref(), fields)? } else { f64::NAN };
        let predicate = predicates::of(element, fields)?;
        let records = element.number("recordCount")?.or(shares.total);
        if records.is_some_and(|records| records < 0.0) {
            return Err(element.invalid("recordCount is below 0"));
        }
        if self.missing == MissingValue::WeightedConfidence && records.is_none() && !self.nodes.is_empty() {
            return Err(element.unsupported("weightedConfidence without recordCount"));
        }
        let is_leaf = element.all("Node").next().is_none();
        if self.missing == MissingValue::AggregateNodes && is_leaf && shares.counts.is_empty() {
            return Err(element.unsupported("aggregateNodes without ScoreDistribution"));
        }
        let at = self.nodes.len();
        self.ids.push(element.get("id").map_or_else(|| (at + 1).to_string(), str::to_owned));
        let (children, default_child, counts) = (Vec::new(), None, shares.counts);
        self.nodes.push(Node { predicate, children, default_child, values, label, records, counts });
        let mut ids = HashMap::new();
        for child in element.all("Node") {
            let place = self.node(child, fields)?;
            self.nodes[at].children.push(place);
            ids.extend(child.get("id").map(|id| (id, place)));
        }
        if let (Some(id), MissingValue::DefaultChild) = (element.get("defaultChild"), self.missing) {
            let child = ids.get(id).copied().ok_or_else(|| element.invalid("defaultChild is not the id of a child"))?;
            self.nodes[at].default_child = Some(child);
        }
        Ok(at)
    }

    fn score(&self, element: &Element) -> Result<Option<Vec<f64>>, Error> {
        let round = |score: f64| if self.single { f64::from(score as f32) } else { score };
        Ok(element.number("score")?.map(|score| vec![round(score)]))
    }
}

/// The symbol of a node's class: as it says, else the most probable.
fn label(element: &Element, values: Option<&[f64]>, fields: &mut Fields) -> Result<f64, Error> {
    if let Some(score) = element.get("score") {
        place(element, score, fields)?;
        return Ok(fields.symbol(score));
    }
    let Some(values) = values else { return Ok(f64::NAN) };
    let best = (0..values.len()).reduce(|best, at| if values[at] > values[best] { at } else { best });
    let class = best.and_then(|best| fields.classes.get(best).cloned());
    Ok(class.map_or(f64::NAN, |class| fields.symbol(&class)))
}

fn place(part: &Element, value: &str, fields: &Fields) -> Result<usize, Error> {
    let found = fields.classes.iter().position(|class| class == value);
    found.ok_or_else(|| part.invalid("a class that the target does not have"))
}

/// What a node says of the classes.
#[derive(Default)]
struct Shares {
    /// As given, or the share of training rows, or 1 for the class that is the score.
    values: Option<Vec<f64>>,
    /// Training rows of each class, and of all.
    counts: Vec<f64>,
    total: Option<f64>,
}

fn shares(element: &Element, missing: MissingValue, fields: &Fields) -> Result<Shares, Error> {
    let mut counts = vec![0.0; fields.classes.len()];
    let mut shares = counts.clone();
    let (mut total, mut given, mut any) = (0.0, false, false);
    for part in element.all("ScoreDistribution") {
        part.only(&["value", "recordCount", "confidence", "probability"], &[])?;
        let count = part.parse_number(part.need("recordCount")?, "recordCount")?;
        // Confidences are what this strategy weighs.
        let own = if missing == MissingValue::WeightedConfidence { part.number("confidence")? } else { None };
        let probability = own.or(part.number("probability")?);
        if count < 0.0 || (any && probability.is_some() != given) {
            return Err(part.invalid("recordCount is below 0, or probability is not given for all"));
        }
        (any, given) = (true, probability.is_some());
        let place = place(part, part.need("value")?, fields)?;
        shares[place] = probability.unwrap_or(count);
        counts[place] = count;
        total += count;
    }
    if total > 0.0 || given {
        if !given {
            shares.iter_mut().for_each(|share| *share /= total);
        }
        return Ok(Shares { values: Some(shares), counts, total: Some(total).filter(|total| *total > 0.0) });
    }
    let Some(score) = element.get("score") else { return Ok(Shares::default()) };
    shares[place(element, score, fields)?] = 1.0;
    Ok(Shares { values: Some(shares), ..Shares::default() })
}
