//! `NearestNeighborModel`: the nearest rows of the training data.

use std::collections::HashMap;

use super::expressions::local;
use super::fields::{Field, Fields, Kind};
use super::measures::{self, Comparing};
use super::models::{self, Answer, Entities, MODEL};
use super::xml::Element;
use crate::Error;
use crate::graph::{Ask, Compared, Comparison, Measure, Neighbors, Step, Weighing};

const ATTRIBUTES: &[&str] =
    &["numberOfNeighbors", "continuousScoringMethod", "categoricalScoringMethod", "instanceIdVariable", "threshold"];
const PARTS: &[&str] = &["TrainingInstances", "ComparisonMeasure", "KNNInputs"];

pub(super) fn read(model: &Element, fields: &mut Fields) -> Result<Answer, Error> {
    model.only(&[MODEL, ATTRIBUTES].concat(), &models::parts(PARTS))?;
    let is_classes = model.one_of("functionName", &["regression", "classification"], "")? == "classification";
    model.one_of("x-mathContext", &["double"], "double")?;
    let table = Instances::read(model)?;
    let (measure, columns) = inputs(model, &table, fields)?;
    let mut points = Vec::with_capacity(table.rows.len());
    for row in &table.rows {
        let cell = |(name, field): &(String, Field)| table.cell(row, name, *field, fields);
        points.push(columns.iter().map(cell).collect::<Result<Vec<f64>, Error>>()?);
    }
    let count = model.parse_number(model.need("numberOfNeighbors")?, "numberOfNeighbors")?;
    if count < 1.0 || count.fract() != 0.0 || count > points.len() as f64 {
        return Err(model.invalid("numberOfNeighbors is not between 1 and the number of instances"));
    }
    let target = target(model, &table)?;
    let (ask, weighing) =
        if is_classes { classes(model, &table, target, fields)? } else { average(model, &table, target)? };
    let mut answer = Answer::labelled(is_classes, fields);
    let count = count as usize;
    let first = fields.slots(2 * count);
    answer.entities = Entities::Listed { first, count, ids: table.ids(model)? };
    fields.steps.push(Step::Neighbors(Neighbors { measure, points, count, ask, weighing, to: answer.first }));
    Ok(answer)
}

/// The rows of the training data, and which column each field has.
struct Instances<'m> {
    rows: Vec<&'m Element>,
    columns: HashMap<&'m str, &'m str>,
}

impl<'m> Instances<'m> {
    fn read(model: &'m Element) -> Result<Self, Error> {
        let holder = model.child("TrainingInstances")?.ok_or_else(|| model.invalid("TrainingInstances is missing"))?;
        let known = ["isTransformed", "recordCount", "fieldCount"];
        holder.only(&known, &["InstanceFields", "InlineTable"])?;
        let list = holder.child("InstanceFields")?.ok_or_else(|| holder.invalid("InstanceFields is missing"))?;
        list.only(&[], &["InstanceField"])?;
        let mut columns = HashMap::new();
        for field in list.all("InstanceField") {
            field.only(&["field", "column"], &[])?;
            let name = field.need("field")?;
            columns.insert(name, local(field.get("column").unwrap_or(name)));
        }
        let inline = holder.child("InlineTable")?.ok_or_else(|| holder.unsupported("no InlineTable"))?;
        inline.only(&[], &["row"])?;
        Ok(Self { rows: inline.all("row").collect(), columns })
    }

    fn text(&self, row: &'m Element, name: &str) -> Result<Option<&'m str>, Error> {
        let column = self.columns.get(name).copied().ok_or_else(|| row.invalid(format!("no column of {name:.40?}")))?;
        Ok(row.child(column)?.map(|cell| cell.text.as_str()).filter(|text| !text.trim().is_empty()))
    }

    fn cell(&self, row: &'m Element, name: &str, field: Field, fields: &mut Fields) -> Result<f64, Error> {
        match (self.text(row, name)?, field.kind) {
            (None, _) => Ok(f64::NAN),
            (Some(text), Kind::Number) => row.parse_number(text, "a cell"),
            (Some(text), Kind::Symbol) => fields.literal(field, text, row),
        }
    }

    /// What the rows are called: as a column says, else by their number.
    fn ids(&self, model: &'m Element) -> Result<Vec<String>, Error> {
        let name = model.get("instanceIdVariable");
        let id = |(at, row): (usize, &&'m Element)| {
            let text = name.map_or(Ok(None), |name| self.text(row, name))?;
            Ok(text.map_or_else(|| (at + 1).to_string(), str::to_owned))
        };
        self.rows.iter().enumerate().map(id).collect()
    }
}

/// The measure, and the name and field of what it compares.
fn inputs(model: &Element, table: &Instances<'_>, fields: &Fields) -> Result<(Measure, Vec<(String, Field)>), Error> {
    let comparing = measures::read(model)?;
    let list = model.child("KNNInputs")?.ok_or_else(|| model.invalid("KNNInputs is missing"))?;
    list.only(&[], &["KNNInput"])?;
    let holder = model.child("TrainingInstances")?;
    let transformed =
        holder.map_or(Ok("false"), |holder| holder.one_of("isTransformed", &["true", "false"], "false"))?;
    let (mut compared, mut columns) = (Vec::new(), Vec::new());
    for element in list.all("KNNInput") {
        element.only(&["field", "fieldWeight", "compareFunction", "similarityScale"], &[])?;
        let name = element.need("field")?;
        let field = fields.find(name, element)?;
        if !table.columns.contains_key(name) || (transformed == "false" && !fields.is_input(field)) {
            return Err(element.unsupported("a derived field of instances that are not transformed"));
        }
        let comparison = comparing.comparison(element)?;
        if field.kind == Kind::Symbol && matches!(comparison, Comparison::Difference | Comparison::Gauss { .. }) {
            return Err(element.invalid("a difference of categories"));
        }
        let weight = element.number("fieldWeight")?.unwrap_or(1.0);
        compared.push(Compared { slot: field.at, weight, comparison, missing_weight: 1.0 });
        columns.push((name.to_owned(), field));
    }
    if compared.is_empty() {
        return Err(list.invalid("no KNNInput"));
    }
    let Comparing { distance, is_likeness, .. } = comparing;
    Ok((Measure { distance, is_likeness, fields: compared }, columns))
}

/// The one target among the fields of the instances.
fn target<'m>(model: &'m Element, table: &Instances<'m>) -> Result<&'m str, Error> {
    let fields = model.all("MiningSchema").flat_map(|schema| schema.all("MiningField"));
    let is_target = |field: &&Element| matches!(field.get("usageType"), Some("target" | "predicted"));
    let mut names = fields.filter(is_target).filter_map(|field| field.get("name"));
    let mut names = names.by_ref().filter(|name| table.columns.contains_key(name));
    match (names.next(), names.next()) {
        (Some(name), None) => Ok(name),
        _ => Err(model.unsupported("instances with no target or several")),
    }
}

fn threshold(model: &Element) -> Result<Weighing, Error> {
    let threshold = model.number("threshold")?.unwrap_or(0.001);
    match threshold > 0.0 {
        true => Ok(Weighing::ByDistance { threshold }),
        false => Err(model.invalid("threshold is not above 0")),
    }
}

fn classes(
    model: &Element,
    table: &Instances<'_>,
    target: &str,
    fields: &mut Fields,
) -> Result<(Ask, Weighing), Error> {
    let methods = ["majorityVote", "weightedMajorityVote"];
    let weighing = match model.one_of("categoricalScoringMethod", &methods, "majorityVote")? {
        "majorityVote" => Weighing::Alike,
        _ => threshold(model)?,
    };
    let mut labels = Vec::with_capacity(table.rows.len());
    for row in &table.rows {
        labels.push(table.text(row, target)?.ok_or_else(|| row.unsupported("an instance without a class"))?.trim());
    }
    if fields.classes.is_empty() {
        let mut known: Vec<String> = Vec::new();
        for label in &labels {
            if !known.iter().any(|known| known == label) {
                known.push((*label).to_owned());
            }
        }
        fields.classes = known;
    }
    let mut classes = Vec::with_capacity(labels.len());
    for (label, row) in labels.iter().zip(&table.rows) {
        let place = fields.classes.iter().position(|class| class == label);
        classes.push(place.ok_or_else(|| row.invalid("a class that the target does not have"))?);
    }
    // Of equal votes the class with the most instances wins, then the one that comes first in the alphabet.
    let mut counts = vec![0_usize; fields.classes.len()];
    classes.iter().for_each(|class| counts[*class] += 1);
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by(|a, b| counts[*b].cmp(&counts[*a]).then_with(|| fields.classes[*a].cmp(&fields.classes[*b])));
    let symbols = fields.classes.clone().iter().map(|class| fields.symbol(class)).collect();
    Ok((Ask::Classes { classes, order, symbols }, weighing))
}

fn average(model: &Element, table: &Instances<'_>, target: &str) -> Result<(Ask, Weighing), Error> {
    let mut values = Vec::with_capacity(table.rows.len());
    for row in &table.rows {
        let text = table.text(row, target)?.ok_or_else(|| row.unsupported("an instance without a value"))?;
        values.push(row.parse_number(text, "a cell")?);
    }
    Ok(match model.one_of("continuousScoringMethod", &["average", "weightedAverage", "median"], "average")? {
        "average" => (Ask::Mean(values), Weighing::Alike),
        "median" => (Ask::Median(values), Weighing::Alike),
        _ => (Ask::Mean(values), threshold(model)?),
    })
}
