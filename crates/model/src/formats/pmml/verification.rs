//! `ModelVerification`: rows with the answers that the document's author got, which are checked when it is loaded.
//!
//! Checked are the target, and output fields that are the predicted value or a probability. A relative difference up
//! to the field's `precision` is accepted, numbers up to its `zeroThreshold` are 0. Other fields of the rows are passed
//! over.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray};

use super::expressions::local;
use super::xml::Element;
use crate::model::Model;
use crate::{Error, InputKind};

/// Score the rows of a model's verification, if it has one; their number.
pub(super) fn check(element: &Element, model: &Model) -> Result<usize, Error> {
    let Some(verification) = element.child("ModelVerification")? else { return Ok(0) };
    verification.only(&["recordCount", "fieldCount"], &["VerificationFields", "InlineTable"])?;
    let need = |name: &str| verification.child(name)?.ok_or_else(|| verification.invalid(format!("{name} is missing")));
    let (fields, table) = (need("VerificationFields")?, need("InlineTable")?);
    let rows: Vec<&Element> = table.all("row").collect();
    let column = |name: &str| fields.all("VerificationField").find(|field| field.get("field") == Some(name));
    let mut columns: Vec<ArrayRef> = Vec::new();
    for input in model.inputs() {
        let mut cells = Vec::with_capacity(rows.len());
        for row in &rows {
            cells.push(match column(&input.name) {
                Some(field) => cell(row, field)?,
                None => None,
            });
        }
        columns.push(match input.kind {
            InputKind::Number => {
                let number = |text: &str| text.trim().parse::<f64>().ok();
                Arc::new(cells.into_iter().map(|text| text.and_then(number)).collect::<Float64Array>())
            }
            InputKind::Category { .. } => Arc::new(cells.into_iter().collect::<StringArray>()),
        });
    }
    let features = model.bind(&columns).map_err(|error| verification.invalid(error))?;
    let prediction = model.score(&features).prediction;
    for field in fields.all("VerificationField") {
        let Some(answer) = answer(element, field.need("field")?, model) else { continue };
        for (at, row) in rows.iter().enumerate() {
            let given = answer.of(&prediction[at * model.outputs()..(at + 1) * model.outputs()], model);
            compare(field, row, &given, at)?;
        }
    }
    Ok(rows.len())
}

fn cell<'r>(row: &'r Element, field: &Element) -> Result<Option<&'r str>, Error> {
    let column = local(field.get("column").or(field.get("field")).unwrap_or_default());
    Ok(row.child(column)?.map(|cell| cell.text.as_str()).filter(|text| !text.trim().is_empty()))
}

/// What a field of the rows is compared with.
enum Answer {
    Number,
    Label,
    Probability(usize),
    /// Of the class that is not the output.
    Other,
}

/// What our outputs are to compare.
enum Given<'m> {
    Number(f64),
    Label(&'m str),
}

impl Answer {
    fn of<'m>(&self, outputs: &[f64], model: &'m Model) -> Given<'m> {
        match self {
            Self::Number => Given::Number(outputs[0]),
            Self::Probability(at) => Given::Number(outputs[*at]),
            Self::Other => Given::Number(1.0 - outputs[0]),
            Self::Label => {
                let best = (0..outputs.len()).reduce(|best, at| if outputs[at] > outputs[best] { at } else { best });
                Given::Label(best.and_then(|best| model.classes().get(best)).map_or("", String::as_str))
            }
        }
    }
}

fn answer(element: &Element, name: &str, model: &Model) -> Option<Answer> {
    let classes = model.classes();
    let predicted = || match classes.len() {
        0 if model.outputs() == 1 => Some(Answer::Number),
        // One class alone does not tell the other's name.
        0 | 1 => None,
        _ => Some(Answer::Label),
    };
    let mut outputs = element.all("Output").flat_map(|output| output.all("OutputField"));
    if let Some(field) = outputs.find(|field| field.get("name") == Some(name)) {
        return match (field.get("feature").unwrap_or("predictedValue"), field.get("value")) {
            ("predictedValue", _) => predicted(),
            ("probability", Some(value)) => match classes.iter().position(|class| class == value) {
                Some(at) => Some(Answer::Probability(at)),
                None => (classes.len() == 1).then_some(Answer::Other),
            },
            _ => None,
        };
    }
    let mut fields = element.all("MiningSchema").flat_map(|schema| schema.all("MiningField"));
    let is_target = |field: &Element| matches!(field.get("usageType"), Some("target" | "predicted"));
    fields.any(|field| field.get("name") == Some(name) && is_target(field)).then(predicted).flatten()
}

fn compare(field: &Element, row: &Element, given: &Given<'_>, at: usize) -> Result<(), Error> {
    let Some(text) = cell(row, field)? else { return Ok(()) };
    let (precision, zero) =
        (field.number("precision")?.unwrap_or(1e-6), field.number("zeroThreshold")?.unwrap_or(1e-16));
    let same = match given {
        Given::Label(label) => *label == text.trim(),
        Given::Number(given) => {
            let expected = row.parse_number(text, "a cell of a verified field")?;
            match expected.abs() <= zero {
                true => given.abs() <= zero,
                false => (given - expected).abs() <= precision * expected.abs(),
            }
        }
    };
    match same {
        true => Ok(()),
        false => Err(row.invalid(format!("row {}: the model gives another {:.40}", at + 1, field.need("field")?))),
    }
}
