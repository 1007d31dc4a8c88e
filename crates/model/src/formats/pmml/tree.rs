//! `TreeModel`.

use std::collections::HashMap;

use super::fields::Fields;
use super::models::{Answer, MODEL};
use super::predicates::{self, PREDICATES};
use super::xml::Element;
use crate::Error;
use crate::graph::{MissingValue, NoTrueChild, Node, Step, Tree};

const ATTRIBUTES: &[&str] =
    &["missingValueStrategy", "missingValuePenalty", "noTrueChildStrategy", "splitCharacteristic"];

pub(super) fn read(model: &Element, fields: &mut Fields) -> Result<Answer, Error> {
    model.only(&[MODEL, ATTRIBUTES].concat(), &super::models::parts(&["Node"]))?;
    let single = model.one_of("x-mathContext", &["double", "float"], "double")? == "float";
    let missing = match model.one_of("missingValueStrategy", STRATEGIES, "none")? {
        "lastPrediction" => MissingValue::LastPrediction,
        "nullPrediction" => MissingValue::NullPrediction,
        "defaultChild" => MissingValue::DefaultChild,
        _ => MissingValue::None,
    };
    if model.number("missingValuePenalty")?.is_some_and(|penalty| penalty != 1.0) {
        return Err(model.unsupported("missingValuePenalty"));
    }
    let strategies = ["returnNullPrediction", "returnLastPrediction"];
    let no_true_child = match model.one_of("noTrueChildStrategy", &strategies, "returnNullPrediction")? {
        "returnLastPrediction" => NoTrueChild::LastPrediction,
        _ => NoTrueChild::Null,
    };
    let root = model.child("Node")?.ok_or_else(|| model.invalid("Node is missing"))?;
    let is_classes = model.one_of("functionName", &["regression", "classification"], "")? == "classification";
    if is_classes && fields.classes.is_empty() {
        let mut distributions = descendants(root);
        let named = distributions.find(|node| node.all("ScoreDistribution").next().is_some());
        let values = named.into_iter().flat_map(|node| node.all("ScoreDistribution"));
        fields.classes = values.filter_map(|part| part.get("value").map(str::to_owned)).collect();
    }
    let answer = Answer::new(is_classes, fields);
    let mut reader = Reader { is_classes, single, nodes: Vec::new(), missing };
    reader.node(root, fields)?;
    let tree = Tree { nodes: reader.nodes, missing, no_true_child, to: answer.first, width: answer.width };
    fields.steps.push(Step::Tree(tree));
    Ok(answer)
}

const STRATEGIES: &[&str] = &["none", "lastPrediction", "nullPrediction", "defaultChild"];

fn descendants(root: &Element) -> impl Iterator<Item = &Element> {
    let mut open = vec![root];
    std::iter::from_fn(move || {
        let node = open.pop()?;
        open.extend(node.all("Node"));
        Some(node)
    })
}

struct Reader {
    is_classes: bool,
    /// Scores are numbers of single precision.
    single: bool,
    nodes: Vec<Node>,
    missing: MissingValue,
}

impl Reader {
    /// Read a node and everything below it; its place.
    fn node(&mut self, element: &Element, fields: &mut Fields) -> Result<usize, Error> {
        let children = [&PREDICATES[..], &["Node", "ScoreDistribution", "Partition"]].concat();
        element.only(&["id", "score", "recordCount", "defaultChild"], &children)?;
        let values = if self.is_classes { shares(element, fields)? } else { self.score(element)? };
        let predicate = predicates::of(element, fields)?;
        let at = self.nodes.len();
        self.nodes.push(Node { predicate, children: Vec::new(), default_child: None, values });
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

/// The probability of each class: as given, or the share of training rows, or 1 for the class that is the score.
fn shares(element: &Element, fields: &Fields) -> Result<Option<Vec<f64>>, Error> {
    let mut shares = vec![0.0; fields.classes.len()];
    let place = |part: &Element, value: &str| {
        let found = fields.classes.iter().position(|class| class == value);
        found.ok_or_else(|| part.invalid("a class that the target does not have"))
    };
    let (mut total, mut given) = (0.0, false);
    for part in element.all("ScoreDistribution") {
        part.only(&["value", "recordCount", "confidence", "probability"], &[])?;
        let count = part.parse_number(part.need("recordCount")?, "recordCount")?;
        let probability = part.number("probability")?;
        if count < 0.0 || (total > 0.0 && probability.is_some() != given) {
            return Err(part.invalid("recordCount is below 0, or probability is not given for all"));
        }
        given = probability.is_some();
        shares[place(part, part.need("value")?)?] = probability.unwrap_or(count);
        total += count;
    }
    if total > 0.0 {
        if !given {
            shares.iter_mut().for_each(|share| *share /= total);
        }
        return Ok(Some(shares));
    }
    let Some(score) = element.get("score") else { return Ok(None) };
    shares[place(element, score)?] = 1.0;
    Ok(Some(shares))
}
