//! `ClusteringModel`: the nearest of some centres.

use super::fields::{Fields, Kind};
use super::measures;
use super::models::{self, Answer, Entities, MODEL};
use super::predicates;
use super::xml::Element;
use crate::Error;
use crate::graph::{Clusters, Compared, Comparison, Measure, Step};

const PARTS: &[&str] = &["ComparisonMeasure", "ClusteringField", "MissingValueWeights", "Cluster"];

pub(super) fn read(model: &Element, fields: &mut Fields) -> Result<Answer, Error> {
    model.only(&[MODEL, &["modelClass", "numberOfClusters"]].concat(), &models::parts(PARTS))?;
    model.one_of("functionName", &["clustering"], "")?;
    model.one_of("modelClass", &["centerBased"], "")?;
    model.one_of("x-mathContext", &["double"], "double")?;
    let comparing = measures::read(model)?;
    let mut compared = Vec::new();
    for element in model.all("ClusteringField") {
        let known = ["field", "isCenterField", "fieldWeight", "similarityScale", "compareFunction"];
        element.only(&known, &[])?;
        if element.one_of("isCenterField", &["true", "false"], "true")? == "false" {
            return Err(element.unsupported("isCenterField=\"false\""));
        }
        let field = fields.find(element.need("field")?, element)?;
        let comparison = comparing.comparison(element)?;
        if field.kind == Kind::Symbol && matches!(comparison, Comparison::Difference | Comparison::Gauss { .. }) {
            return Err(element.invalid("a difference of categories"));
        }
        let weight = element.number("fieldWeight")?.unwrap_or(1.0);
        compared.push(Compared { slot: field.at, weight, comparison, missing_weight: 1.0 });
    }
    if let Some(weights) = model.child("MissingValueWeights")? {
        let weights = numbers(weights, compared.len())?;
        compared.iter_mut().zip(weights).for_each(|(compared, weight)| compared.missing_weight = weight);
    }
    let (mut centres, mut ids) = (Vec::new(), Vec::new());
    for cluster in model.all("Cluster") {
        cluster.only(&["id", "name", "size"], &["Array", "KohonenMap", "Covariances", "Partition"])?;
        if let Some(part) = cluster.child("KohonenMap")? {
            return Err(part.unsupported("this part of a cluster"));
        }
        centres.push(numbers(cluster, compared.len())?);
        let implicit = (ids.len() + 1).to_string();
        let id = cluster.get("id").or(cluster.get("name")).map_or(implicit, str::to_owned);
        if ids.contains(&id) {
            return Err(cluster.invalid("its id is taken"));
        }
        ids.push(id);
    }
    if centres.is_empty() || compared.is_empty() {
        return Err(model.invalid("no Cluster or no ClusteringField"));
    }
    if model.number("numberOfClusters")?.is_some_and(|count| count != centres.len() as f64) {
        return Err(model.invalid(format!("numberOfClusters is not {}", centres.len())));
    }
    let (to, count) = (fields.slots(2 * centres.len()), centres.len());
    let is_likeness = comparing.is_likeness;
    let measure = Measure { distance: comparing.distance, is_likeness, fields: compared };
    fields.steps.push(Step::Clusters(Clusters { measure, centres, to }));
    fields.classes.clone_from(&ids);
    let mut answer = Answer::at(to, true, ids.clone());
    answer.entities = Entities::Measured { first: to + count, ids, is_likeness };
    Ok(answer)
}

/// The numbers of the array that an element holds.
pub(super) fn numbers(holder: &Element, count: usize) -> Result<Vec<f64>, Error> {
    let array = holder.child("Array")?.ok_or_else(|| holder.invalid("Array is missing"))?;
    let texts = predicates::array(array)?;
    if texts.len() != count {
        return Err(array.invalid(format!("{} values, not {count}", texts.len())));
    }
    texts.iter().map(|text| array.parse_number(text, "a value")).collect()
}
