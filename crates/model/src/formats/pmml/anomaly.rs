//! `AnomalyDetectionModel`: how unusual a row is, by another model.

use super::clustering;
use super::fields::Fields;
use super::models::{self, Answer, Entities, MODEL};
use super::xml::Element;
use crate::Error;
use crate::graph::{Rank, Step};
use crate::linear::{Expression, Function};

pub(super) fn read(model: &Element, fields: &mut Fields) -> Result<Answer, Error> {
    let own = [models::KINDS, &["MeanClusterDistances"]].concat();
    model.only(&[MODEL, &["algorithmType", "sampleDataSize"]].concat(), &models::parts(&own))?;
    model.one_of("functionName", &["regression"], "")?;
    let algorithm = model.one_of("algorithmType", &["iforest", "ocsvm", "clusterMeanDist", "other"], "")?;
    let mut found = model.parts().filter(|part| models::KINDS.contains(&part.name.as_str()));
    let (Some(inner), None) = (found.next(), found.next()) else {
        return Err(model.invalid("holds not exactly one model"));
    };
    let mark = fields.mark();
    models::enter(inner, fields)?;
    let answer = models::read(inner, fields)?;
    fields.forget(mark);
    if algorithm == "clusterMeanDist" {
        return by_clusters(model, &answer, fields);
    }
    if answer.is_classes {
        return Err(inner.unsupported("a classification as anomaly score"));
    }
    if algorithm != "iforest" {
        return Ok(answer);
    }
    let size = model.parse_number(model.need("sampleDataSize")?, "sampleDataSize")?;
    let length = path_length(size);
    if length <= 0.0 {
        return Err(model.invalid("sampleDataSize is not above 1"));
    }
    // 2^(-h / c), of the mean path length h.
    let call = |function, arguments| Expression::Apply { function, arguments, missing: None };
    let share = call(Function::Divide, vec![Expression::Field(answer.first), Expression::Constant(-length)]);
    let score = call(Function::Pow, vec![Expression::Constant(2.0), share]);
    let first = fields.slots(1);
    fields.steps.push(Step::Derive(first, score));
    Ok(Answer::at(first, false, Vec::new()))
}

/// The mean length of an unsuccessful search in a binary tree of so many rows (Liu, Ting and Zhou 2008, equation 1).
fn path_length(size: f64) -> f64 {
    const EULER: f64 = 0.577_215_664_901_532_9;
    match size {
        size if size > 2.0 => 2.0 * (libm::log(size - 1.0) + EULER) - 2.0 * (size - 1.0) / size,
        size if size > 1.0 => 1.0,
        _ => 0.0,
    }
}

/// The distance to the nearest cluster, in means of that cluster's distances.
fn by_clusters(model: &Element, answer: &Answer, fields: &mut Fields) -> Result<Answer, Error> {
    let Entities::Measured { first, ids, is_likeness: false } = &answer.entities else {
        return Err(model.unsupported("clusterMeanDist without distances to clusters"));
    };
    let list = model.child("MeanClusterDistances")?;
    let list = list.ok_or_else(|| model.invalid("MeanClusterDistances is missing"))?;
    list.only(&[], &["Array"])?;
    let means = clustering::numbers(list, ids.len())?;
    if !means.iter().all(|mean| *mean > 0.0) {
        return Err(list.invalid("a mean distance that is not above 0"));
    }
    let (distance, mean, score) = (fields.slots(1), fields.slots(1), fields.slots(1));
    let (from, count, rank) = (*first, ids.len(), Rank::Lowest(0));
    fields.steps.push(Step::Ranked { from, count, rank, symbols: None, to: distance });
    fields.steps.push(Step::Ranked { from, count, rank, symbols: Some(means), to: mean });
    let arguments = vec![Expression::Field(distance), Expression::Field(mean)];
    let share = Expression::Apply { function: Function::Divide, arguments, missing: None };
    fields.steps.push(Step::Derive(score, share));
    Ok(Answer::at(score, false, Vec::new()))
}
