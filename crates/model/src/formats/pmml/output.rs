//! `Output`: fields computed from a model's answer, for later models of a chain and for the caller.

use super::expressions;
use super::fields::{Field, Fields, Kind};
use super::models::{Answer, Entities, number};
use super::xml::Element;
use crate::Error;
use crate::graph::{Rank, Step};
use crate::linear::Expression;

const ATTRIBUTES: &[&str] = &[
    "name",
    "displayName",
    "optype",
    "dataType",
    "targetField",
    "feature",
    "value",
    "rank",
    "rankBasis",
    "rankOrder",
    "isMultiValued",
    "ruleFeature",
    "algorithm",
    "segmentId",
    "isFinalResult",
];

const FEATURES: &[&str] = &[
    "predictedValue",
    "predictedDisplayValue",
    "probability",
    "transformedValue",
    "decision",
    "reasonCode",
    "entityId",
    "clusterId",
    "affinity",
    "entityAffinity",
    "clusterAffinity",
    "confidence",
];

/// A field of an output, in the order of the file.
pub(super) struct Named {
    pub name: String,
    pub field: Field,
    /// Whether the caller gets it.
    pub is_final: bool,
}

/// Read the output of a model; each field is known to those after it.
pub(super) fn read(model: &Element, answer: &mut Answer, fields: &mut Fields) -> Result<Vec<Named>, Error> {
    let Some(output) = model.child("Output")? else { return Ok(Vec::new()) };
    output.only(&[], &["OutputField"])?;
    let mut found = Vec::new();
    for element in output.all("OutputField") {
        let children = [expressions::EXPRESSIONS, &["Decisions", "Value"]].concat();
        element.only(ATTRIBUTES, &children)?;
        let name = element.need("name")?;
        let field = match element.get("segmentId") {
            None => field(element, answer, fields)?,
            Some(id) => {
                let segment = answer.segments.iter().find(|(known, _)| known == id);
                let (_, segment) = segment.ok_or_else(|| element.invalid("segmentId is not the id of a segment"))?;
                if matches!(element.get("feature"), Some("transformedValue" | "decision")) {
                    return Err(element.unsupported("an expression of a segment"));
                }
                // Its slots are missing where it is not chosen.
                field(element, &mut segment.clone(), fields)?
            }
        };
        // A field may bear the name of the target, or of one around it.
        fields.shadow(name, field);
        let is_final = element.one_of("isFinalResult", &["true", "false"], "true")? == "true";
        found.push(Named { name: name.to_owned(), field, is_final });
    }
    Ok(found)
}

fn field(element: &Element, answer: &mut Answer, fields: &mut Fields) -> Result<Field, Error> {
    let symbol = |at: usize| Field { at, kind: Kind::Symbol, single: false };
    let feature = element.one_of("feature", FEATURES, "predictedValue")?;
    let rank = rank(element)?;
    Ok(match feature {
        "predictedValue" if answer.is_classes && rank > 0 => {
            let symbols = answer.symbols(fields);
            symbol(ranked(answer, Rank::Highest(rank), Some(symbols), fields))
        }
        "predictedDisplayValue" if answer.is_classes && !answer.display.is_empty() => {
            let of = answer.label(fields);
            let names =
                answer.display.iter().map(|(name, shown)| (fields.symbol(name), fields.symbol(shown))).collect();
            let to = fields.slots(1);
            fields.steps.push(Step::Rename { of, names, to });
            symbol(to)
        }
        "predictedValue" | "predictedDisplayValue" if answer.is_classes => symbol(answer.label(fields)),
        "predictedValue" | "predictedDisplayValue" if answer.width == 1 => number(answer.first),
        "probability" | "confidence" if answer.is_classes => match element.get("value") {
            Some(value) => {
                let place = answer.classes.iter().position(|class| class == value);
                number(answer.first + place.ok_or_else(|| element.invalid("value is not a class of the target"))?)
            }
            None => number(ranked(answer, Rank::Highest(rank), None, fields)),
        },
        "transformedValue" | "decision" => {
            let wanted = expressions::kind_of(element, None)?;
            let (expression, kind) = expressions::only(element, wanted, fields)?;
            let at = fields.slots(1);
            fields.steps.push(Step::Derive(at, expression));
            Field { at, kind, single: false }
        }
        "reasonCode" => match answer.reasons {
            Some((first, count)) if rank < count => symbol(first + rank),
            Some(_) => {
                let at = fields.slots(1);
                fields.steps.push(Step::Derive(at, Expression::Constant(f64::NAN)));
                symbol(at)
            }
            None => return Err(element.unsupported("a reason code of this model")),
        },
        "entityId" | "clusterId" => symbol(entity(element, answer, rank, fields)?),
        "affinity" | "entityAffinity" | "clusterAffinity" => number(affinity(element, answer, rank, fields)?),
        _ => return Err(element.unsupported(format!("feature={feature:?} of this model"))),
    })
}

/// `rank`, counted from 0.
fn rank(element: &Element) -> Result<usize, Error> {
    element.one_of("rankBasis", &["confidence"], "confidence")?;
    element.one_of("rankOrder", &["descending"], "descending")?;
    element.one_of("algorithm", &["exclusiveRecommendation"], "exclusiveRecommendation")?;
    element.one_of("isMultiValued", &["0"], "0")?;
    match element.number("rank")?.unwrap_or(1.0) {
        rank if rank >= 1.0 && rank.fract() == 0.0 && rank < 1e6 => Ok(rank as usize - 1),
        _ => Err(element.invalid("rank is not a number from 1 on")),
    }
}

fn ranked(answer: &Answer, rank: Rank, symbols: Option<Vec<f64>>, fields: &mut Fields) -> usize {
    let to = fields.slots(1);
    fields.steps.push(Step::Ranked { from: answer.first, count: answer.width, rank, symbols, to });
    to
}

/// The slot of the symbol of a cluster, row, node or rule.
fn entity(element: &Element, answer: &Answer, rank: usize, fields: &mut Fields) -> Result<usize, Error> {
    let mut symbols = |ids: &[String]| ids.iter().map(|id| fields.symbol(id)).collect::<Vec<f64>>();
    let step = match &answer.entities {
        Entities::Measured { first, ids, is_likeness } => {
            let (symbols, rank) = (Some(symbols(ids)), nearest(*is_likeness, rank));
            Step::Ranked { from: *first, count: ids.len(), rank, symbols, to: 0 }
        }
        Entities::Listed { first, count, ids } if rank < *count => {
            Step::Pick { of: first + rank, symbols: symbols(ids), to: 0 }
        }
        Entities::One { slot, ids } if rank == 0 => Step::Pick { of: *slot, symbols: symbols(ids), to: 0 },
        _ => return Err(element.unsupported("an entity of this rank or model")),
    };
    let at = fields.slots(1);
    fields.steps.push(match step {
        Step::Ranked { from, count, rank, symbols, .. } => Step::Ranked { from, count, rank, symbols, to: at },
        Step::Pick { of, symbols, .. } => Step::Pick { of, symbols, to: at },
        other => other,
    });
    Ok(at)
}

/// The slot of the distance of a cluster or row.
fn affinity(element: &Element, answer: &Answer, rank: usize, fields: &mut Fields) -> Result<usize, Error> {
    match (&answer.entities, element.get("value")) {
        (Entities::Measured { first, ids, .. }, Some(value)) => {
            let place = ids.iter().position(|id| id == value);
            Ok(first + place.ok_or_else(|| element.invalid("value is not an entity of the model"))?)
        }
        (Entities::Measured { first, ids, is_likeness }, None) => {
            let (to, rank) = (fields.slots(1), nearest(*is_likeness, rank));
            fields.steps.push(Step::Ranked { from: *first, count: ids.len(), rank, symbols: None, to });
            Ok(to)
        }
        (Entities::Listed { first, count, .. }, None) if rank < *count => Ok(first + count + rank),
        _ => Err(element.unsupported("an affinity of this rank or model")),
    }
}

fn nearest(is_likeness: bool, rank: usize) -> Rank {
    if is_likeness { Rank::Highest(rank) } else { Rank::Lowest(rank) }
}
