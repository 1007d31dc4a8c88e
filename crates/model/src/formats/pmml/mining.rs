//! `MiningModel`: segments of models.

use super::fields::Fields;
use super::models::{self, Answer, MODEL};
use super::predicates::{self, PREDICATES};
use super::xml::Element;
use crate::Error;
use crate::graph::{Ensemble, Method, MissingPrediction, Segment, Step};

const METHODS: &[&str] = &[
    "majorityVote",
    "weightedMajorityVote",
    "average",
    "weightedAverage",
    "median",
    "max",
    "sum",
    "weightedSum",
    "selectFirst",
    "modelChain",
];

pub(super) fn read(model: &Element, fields: &mut Fields) -> Result<Answer, Error> {
    model.only(MODEL, &models::parts(&["Segmentation"]))?;
    let is_classes = model.one_of("functionName", &["regression", "classification"], "")? == "classification";
    let segmentation = model.child("Segmentation")?.ok_or_else(|| model.unsupported("no Segmentation"))?;
    segmentation.only(&["multipleModelMethod", "missingPredictionTreatment", "missingThreshold"], &["Segment"])?;
    let name = segmentation.one_of("multipleModelMethod", METHODS, "")?;
    let single = model.one_of("x-mathContext", &["double", "float"], "double")? == "float";
    let method = match name {
        "average" | "weightedAverage" => Method::Average,
        "majorityVote" | "weightedMajorityVote" if is_classes => Method::Vote,
        "median" if !is_classes => Method::Median,
        "max" if !is_classes => Method::Max,
        "sum" | "weightedSum" if !is_classes => Method::Sum { single },
        "selectFirst" => Method::First,
        "modelChain" => Method::Chain,
        _ => return Err(segmentation.unsupported(format!("multipleModelMethod={name:?} for {}", function(is_classes)))),
    };
    let treatments = ["returnMissing", "skipSegment"];
    let missing = match segmentation.one_of("missingPredictionTreatment", &treatments, "returnMissing")? {
        "skipSegment" => MissingPrediction::SkipSegment,
        _ => MissingPrediction::ReturnMissing,
    };
    if segmentation.number("missingThreshold")?.is_some_and(|threshold| threshold != 1.0) {
        return Err(segmentation.unsupported("missingThreshold"));
    }
    let is_weighted = name.starts_with("weighted");
    let outer = std::mem::take(&mut fields.steps);
    let mark = fields.mark();
    let mut read = Vec::new();
    for element in segmentation.all("Segment") {
        read.push(segment(element, method, is_weighted, fields)?);
    }
    fields.forget(mark);
    fields.steps = outer;
    let Some((_, last)) = read.last() else { return Err(segmentation.invalid("no Segment")) };
    let positive = if method == Method::Chain { last.positive } else { None };
    let mut answer = Answer::new(is_classes, fields);
    let mut segments = Vec::with_capacity(read.len());
    for (at, (mut segment, found)) in read.into_iter().enumerate() {
        if found.is_classes == is_classes && found.width == answer.width {
            segment.answer = Some(found.first);
        } else if method != Method::Chain {
            let element = segmentation.all("Segment").nth(at).unwrap_or(segmentation);
            return Err(element.unsupported("a model that answers another question than the whole"));
        }
        segments.push(segment);
    }
    if segments.last().is_none_or(|last| last.answer.is_none()) {
        return Err(segmentation.unsupported("a chain whose last model answers another question than the whole"));
    }
    answer.positive = positive;
    let (to, width) = (answer.first, answer.width);
    fields.steps.push(Step::Ensemble(Ensemble { method, missing, segments, to, width }));
    Ok(answer)
}

fn function(is_classes: bool) -> &'static str {
    if is_classes { "classification" } else { "regression" }
}

fn segment(
    element: &Element,
    method: Method,
    is_weighted: bool,
    fields: &mut Fields,
) -> Result<(Segment, Answer), Error> {
    element.only(&["id", "weight"], &[&PREDICATES[..], models::KINDS].concat())?;
    let predicate = predicates::of(element, fields)?;
    let mut found = element.parts().filter(|part| models::KINDS.contains(&part.name.as_str()));
    let (Some(model), None) = (found.next(), found.next()) else {
        return Err(element.invalid("holds not exactly one model"));
    };
    let mark = fields.mark();
    models::enter(model, fields)?;
    let answer = models::read(model, fields)?;
    let outputs = models::outputs(model, &answer, fields)?;
    fields.forget(mark);
    if method == Method::Chain {
        outputs.into_iter().try_for_each(|(name, field)| fields.name(&name, field, element))?;
    }
    let weight = if is_weighted { element.number("weight")?.unwrap_or(1.0) } else { 1.0 };
    let steps = std::mem::take(&mut fields.steps);
    Ok((Segment { predicate, weight, steps, answer: None }, answer))
}
