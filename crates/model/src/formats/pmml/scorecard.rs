//! `Scorecard`.

use super::expressions;
use super::fields::{Fields, Kind};
use super::models::{self, Answer, MODEL};
use super::predicates::{self, PREDICATES};
use super::xml::Element;
use crate::Error;
use crate::graph::{Points, Step};
use crate::linear::Expression;
use crate::scorecard::{Attribute, Characteristic, Order, Reasons};

const ATTRIBUTES: &[&str] =
    &["initialScore", "useReasonCodes", "reasonCodeAlgorithm", "baselineScore", "baselineMethod"];

/// What a scorecard's own elements say.
pub(super) struct Body {
    pub initial: f64,
    pub characteristics: Vec<Characteristic>,
    pub reasons: Option<Reasons>,
}

/// A scorecard as part of a graph: the sum of the points, and reason codes behind it.
pub(super) fn answer(model: &Element, fields: &mut Fields) -> Result<Answer, Error> {
    let Body { initial, characteristics, reasons } = read(model, fields)?;
    let reasons = reasons.map(|reasons| {
        let symbols: Vec<f64> = reasons.codes.iter().map(|code| fields.symbol(code)).collect();
        (reasons, symbols)
    });
    let mut answer = Answer::new(false, fields);
    if let Some((_, symbols)) = &reasons {
        answer.reasons = Some((fields.slots(symbols.len()), symbols.len()));
    }
    let card = Box::new(Points { initial, characteristics, reasons });
    fields.steps.push(Step::Points { card, to: answer.first });
    Ok(answer)
}

pub(super) fn read(model: &Element, fields: &mut Fields) -> Result<Body, Error> {
    model.only(&[MODEL, ATTRIBUTES].concat(), &models::parts(&["Characteristics"]))?;
    model.one_of("functionName", &["regression"], "")?;
    let order = match model.one_of("reasonCodeAlgorithm", &["pointsAbove", "pointsBelow"], "pointsBelow")? {
        "pointsAbove" => Order::PointsAbove,
        _ => Order::PointsBelow,
    };
    let uses = model.one_of("useReasonCodes", &["true", "false"], "true")? == "true";
    let mut reasons = uses.then_some(Reasons { order, codes: Vec::new() });
    let baseline = model.number("baselineScore")?;
    let list = model.child("Characteristics")?.ok_or_else(|| model.invalid("Characteristics is missing"))?;
    list.only(&[], &["Characteristic"])?;
    let mut characteristics = Vec::new();
    for element in list.all("Characteristic") {
        element.only(&["name", "reasonCode", "baselineScore"], &["Attribute"])?;
        let own = element.number("baselineScore")?.or(baseline);
        if own.is_none() && uses {
            return Err(element.invalid("attribute baselineScore is missing"));
        }
        let mut attributes = Vec::new();
        for part in element.all("Attribute") {
            attributes.push(attribute(part, element, reasons.as_mut(), fields)?);
        }
        characteristics.push(Characteristic { baseline: own.unwrap_or(0.0), attributes });
    }
    Ok(Body { initial: model.number("initialScore")?.unwrap_or(0.0), characteristics, reasons })
}

fn attribute(
    element: &Element,
    characteristic: &Element,
    reasons: Option<&mut Reasons>,
    fields: &mut Fields,
) -> Result<Attribute, Error> {
    let children = [&PREDICATES[..], &["ComplexPartialScore"]].concat();
    element.only(&["partialScore", "reasonCode"], &children)?;
    let predicate = predicates::of(element, fields)?;
    let points = match (element.number("partialScore")?, element.child("ComplexPartialScore")?) {
        (Some(points), None) => Expression::Constant(points),
        (None, Some(complex)) => match expressions::only(complex, Some(Kind::Number), fields)? {
            (expression, Kind::Number) => expression,
            _ => return Err(complex.invalid("is no number")),
        },
        _ => return Err(element.invalid("not exactly one of partialScore and ComplexPartialScore")),
    };
    let code = match reasons {
        None => 0,
        Some(reasons) => {
            let code = element.get("reasonCode").or(characteristic.get("reasonCode"));
            let code = code.ok_or_else(|| element.invalid("attribute reasonCode is missing, also above"))?;
            reasons.codes.iter().position(|known| known == code).unwrap_or_else(|| {
                reasons.codes.push(code.to_owned());
                reasons.codes.len() - 1
            })
        }
    };
    Ok(Attribute { predicate, points, code })
}
