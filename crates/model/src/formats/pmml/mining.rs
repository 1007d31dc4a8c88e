//! `MiningModel`: segments of models.

use super::fields::Fields;
use super::models::{self, Answer, MODEL};
use super::output;
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
    "x-weightedMedian",
    "weightedMedian",
    "max",
    "sum",
    "x-weightedSum",
    "weightedSum",
    "selectFirst",
    "selectAll",
    "modelChain",
];

pub(super) fn read(model: &Element, fields: &mut Fields) -> Result<Answer, Error> {
    model.only(MODEL, &models::parts(&["Segmentation"]))?;
    let functions = ["regression", "classification", "clustering"];
    let is_classes = model.one_of("functionName", &functions, "")? != "regression";
    let segmentation = model.child("Segmentation")?.ok_or_else(|| model.unsupported("no Segmentation"))?;
    segmentation.only(&["multipleModelMethod", "missingPredictionTreatment", "missingThreshold"], &["Segment"])?;
    let (method, is_weighted) = method(model, segmentation, is_classes)?;
    let missing = missing(segmentation, method)?;
    let outer = std::mem::take(&mut fields.steps);
    let mark = fields.mark();
    let mut read = Vec::new();
    let mut ids: Vec<String> = Vec::new();
    for element in segmentation.all("Segment") {
        let id = element.get("id").map_or_else(|| (ids.len() + 1).to_string(), str::to_owned);
        if ids.contains(&id) {
            return Err(element.invalid("its id is taken"));
        }
        ids.push(id);
        read.push(segment(element, method, is_weighted, fields)?);
    }
    fields.forget(mark);
    fields.steps = outer;
    let Some((_, last)) = read.last() else { return Err(segmentation.invalid("no Segment")) };
    let positive = if method == Method::Chain { last.positive } else { None };
    if is_classes && fields.classes.is_empty() {
        fields.classes.clone_from(&last.classes);
    }
    let mut answer = match method {
        Method::All => Answer { width: ids.len(), ..Answer::at(fields.slots(ids.len()), false, ids.clone()) },
        _ => Answer::labelled(is_classes, fields),
    };
    let mut segments = Vec::with_capacity(read.len());
    for (at, ((mut segment, found), id)) in read.into_iter().zip(ids).enumerate() {
        if found.is_classes == is_classes && (!is_classes || found.classes == answer.classes) {
            segment.answer = Some(found.first);
            segment.label = found.label;
        } else if method != Method::Chain {
            let element = segmentation.all("Segment").nth(at).unwrap_or(segmentation);
            return Err(element.unsupported("a model that answers another question than the whole"));
        }
        segments.push(segment);
        answer.segments.push((id, found));
    }
    if segments.last().is_none_or(|last| last.answer.is_none()) {
        return Err(segmentation.unsupported("a chain whose last model answers another question than the whole"));
    }
    answer.positive = positive;
    let (to, width) = (answer.first, answer.width);
    let symbols = if is_classes { answer.symbols(fields) } else { Vec::new() };
    fields.steps.push(Step::Ensemble(Ensemble { method, missing, segments, symbols, to, width }));
    Ok(answer)
}

/// How answers are combined, and whether segments have weights.
fn method(model: &Element, segmentation: &Element, is_classes: bool) -> Result<(Method, bool), Error> {
    let name = segmentation.one_of("multipleModelMethod", METHODS, "")?;
    let single = model.one_of("x-mathContext", &["double", "float"], "double")? == "float";
    let method = match name {
        "average" | "weightedAverage" => Method::Average,
        "majorityVote" | "weightedMajorityVote" if is_classes => Method::Vote,
        "median" => Method::Median,
        "weightedMedian" | "x-weightedMedian" => Method::WeightedMedian,
        "max" => Method::Max,
        "sum" | "weightedSum" | "x-weightedSum" if !is_classes => Method::Sum { single },
        "selectFirst" => Method::First,
        "selectAll" if !is_classes => Method::All,
        "modelChain" => Method::Chain,
        _ => {
            let function = if is_classes { "classification" } else { "regression" };
            return Err(segmentation.unsupported(format!("multipleModelMethod={name:?} for {function}")));
        }
    };
    Ok((method, name.trim_start_matches("x-").starts_with("weighted")))
}

/// What a segment without an answer does.
fn missing(segmentation: &Element, method: Method) -> Result<MissingPrediction, Error> {
    let treatments = ["returnMissing", "skipSegment", "continue"];
    let threshold = segmentation.number("missingThreshold")?.unwrap_or(1.0);
    if !(0.0..=1.0).contains(&threshold) {
        return Err(segmentation.invalid("missingThreshold is not between 0 and 1"));
    }
    Ok(match segmentation.one_of("missingPredictionTreatment", &treatments, "continue")? {
        "skipSegment" if method == Method::Chain => {
            return Err(segmentation.unsupported("missingPredictionTreatment=\"skipSegment\" of a chain"));
        }
        "skipSegment" | "returnMissing" if method == Method::All => {
            return Err(segmentation.unsupported("a missingPredictionTreatment of multipleModelMethod=\"selectAll\""));
        }
        "skipSegment" => MissingPrediction::SkipSegment { threshold },
        "continue" => MissingPrediction::Continue,
        _ => MissingPrediction::ReturnMissing,
    })
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
    let weight = if is_weighted { element.number("weight")?.unwrap_or(1.0) } else { 1.0 };
    if weight < 0.0 {
        return Err(element.invalid("weight is below 0"));
    }
    let (mark, outer) = (fields.mark(), fields.classes.clone());
    models::enter(model, fields)?;
    if fields.classes.is_empty() {
        fields.classes.clone_from(&outer);
    }
    let mut answer = models::read(model, fields)?;
    if answer.is_classes {
        answer.label(fields);
    }
    let outputs = output::read(model, &mut answer, fields)?;
    fields.forget(mark);
    fields.classes = outer;
    if method == Method::Chain {
        outputs.into_iter().try_for_each(|named| fields.name(&named.name, named.field, element))?;
    }
    let steps = std::mem::take(&mut fields.steps);
    Ok((Segment { predicate, weight, steps, answer: None, label: None }, answer))
}
