//! `ModelVerification`: rows with the answers that the document's author got, which are checked when it is loaded.
//!
//! Checked are the target and all output fields. A relative difference up to the field's `precision` is accepted,
//! numbers up to its `zeroThreshold` are 0. Other fields of the rows are passed over.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, StringArray};

use super::expressions::local;
use super::xml::Element;
use super::{Document, Served};
use crate::graph::Texts;
use crate::model::Parts;
use crate::{Error, Features, InputKind, features};

impl Document {
    /// The values of the served fields, one column each.
    pub(crate) fn columns(&self, features: &Features) -> Vec<ArrayRef> {
        self.of(&self.served, features, |_| {})
    }

    /// The outputs of the graph (rows x outputs), and [`Self::columns`], of one run.
    pub(crate) fn scored(&self, features: &Features) -> (Vec<f64>, Vec<ArrayRef>) {
        let mut raw = Vec::with_capacity(features.rows() * self.graph.outputs.len());
        let columns = self.of(&self.served, features, |fields| {
            raw.extend(self.graph.outputs.iter().map(|slot| fields.map_or(f64::NAN, |fields| fields[*slot])));
        });
        (raw, columns)
    }

    fn of<'s>(
        &self,
        served: impl IntoIterator<Item = &'s Served>,
        features: &Features,
        mut each: impl FnMut(Option<&[f64]>),
    ) -> Vec<ArrayRef> {
        let served: Vec<&Served> = served.into_iter().collect();
        let mut numbers: Vec<Vec<Option<f64>>> = vec![Vec::new(); served.len()];
        let mut texts: Vec<Vec<Option<String>>> = vec![Vec::new(); served.len()];
        self.graph.prepared.rows_and(&self.graph.more, features, |_, row| {
            each(row.map(|(fields, _)| fields));
            for (at, field) in served.iter().enumerate() {
                let value = row.map(|(fields, _)| fields[field.slot]).filter(|value| !value.is_nan());
                match field.is_text {
                    true => {
                        let text = |known: &Texts<'_>| known.text(value?).map(str::to_owned);
                        texts[at].push(row.and_then(|(_, known)| text(known)));
                    }
                    false => numbers[at].push(value),
                }
            }
        });
        let pairs = served.iter().zip(numbers.into_iter().zip(texts));
        pairs.map(|(field, (numbers, texts))| column(field, numbers, texts)).collect()
    }
}

fn column(field: &Served, numbers: Vec<Option<f64>>, texts: Vec<Option<String>>) -> ArrayRef {
    match field.is_text {
        true => Arc::new(StringArray::from(texts)),
        false => Arc::new(Float64Array::from(numbers)),
    }
}

/// Score the rows of a model's verification, if it has one; how many there were.
pub(super) fn check(element: &Element, parts: &Parts, document: &Document) -> Result<usize, Error> {
    let Some(verification) = element.child("ModelVerification")? else { return Ok(0) };
    verification.only(&["recordCount", "fieldCount"], &["VerificationFields", "InlineTable"])?;
    let need = |name: &str| verification.child(name)?.ok_or_else(|| verification.invalid(format!("{name} is missing")));
    let (fields, table) = (need("VerificationFields")?, need("InlineTable")?);
    let rows: Vec<&Element> = table.all("row").collect();
    let features = features(parts, fields, &rows)?;
    for field in fields.all("VerificationField") {
        let name = field.need("field")?;
        let named = document.served.iter().find(|served| served.name == name);
        let target = || document.targets.iter().any(|target| target == name).then_some(&document.predicted);
        let Some(served) = named.or_else(target) else { continue };
        let given = document.of([served], &features, |_| {});
        for (at, row) in rows.iter().enumerate() {
            compare(field, row, &given[0], at)?;
        }
    }
    Ok(rows.len())
}

/// The rows as columns of the inputs.
fn features(parts: &Parts, fields: &Element, rows: &[&Element]) -> Result<Features, Error> {
    let column = |name: &str| fields.all("VerificationField").find(|field| field.get("field") == Some(name));
    let mut columns: Vec<ArrayRef> = Vec::new();
    for input in &parts.inputs {
        let mut cells = Vec::with_capacity(rows.len());
        for row in rows {
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
    features::bind(&parts.inputs, &parts.bindings, &columns)
}

fn cell<'r>(row: &'r Element, field: &Element) -> Result<Option<&'r str>, Error> {
    let column = local(field.get("column").or(field.get("field")).unwrap_or_default());
    Ok(row.child(column)?.map(|cell| cell.text.as_str()).filter(|text| !text.trim().is_empty()))
}

fn compare(field: &Element, row: &Element, given: &ArrayRef, at: usize) -> Result<(), Error> {
    let Some(text) = cell(row, field)? else { return Ok(()) };
    let (precision, zero) =
        (field.number("precision")?.unwrap_or(1e-6), field.number("zeroThreshold")?.unwrap_or(1e-16));
    let any = given.as_any();
    let same = if let Some(given) = any.downcast_ref::<StringArray>() {
        given.is_valid(at) && same_text(given.value(at), text.trim())
    } else if let Some(given) = any.downcast_ref::<Float64Array>() {
        let expected = match text.trim() {
            "true" => 1.0,
            "false" => 0.0,
            text => row.parse_number(text, "a cell of a verified field")?,
        };
        let given = if given.is_valid(at) { given.value(at) } else { f64::NAN };
        match expected.abs() <= zero {
            true => given.abs() <= zero,
            false => (given - expected).abs() <= precision * expected.abs(),
        }
    } else {
        false
    };
    match same {
        true => Ok(()),
        false => Err(row.invalid(format!("row {}: the model gives another {:.40}", at + 1, field.need("field")?))),
    }
}

/// Equal, or the same number (`1` and `1.0`).
fn same_text(a: &str, b: &str) -> bool {
    let numbers = (a.parse::<f64>(), b.parse::<f64>());
    a == b || matches!(numbers, (Ok(a), Ok(b)) if a == b)
}
