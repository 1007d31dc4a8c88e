//! Folders of a model with its input, expected scores and contributions, and the comparison with ours.

use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray};
use bordereau_model::{Features, Format, InputKind, Model};

/// A table of text: header and rows; an empty cell is missing.
pub struct Table {
    pub header: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    pub fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut rows = text.lines().map(cells);
        let header = rows.next().unwrap_or_default();
        Self { header, rows: rows.collect() }
    }

    pub fn column(&self, name: &str) -> Option<Vec<&str>> {
        let at = self.header.iter().position(|header| header == name)?;
        Some(self.rows.iter().map(|row| row[at].as_str()).collect())
    }

    pub fn numbers(&self, name: &str) -> Option<Vec<f64>> {
        Some(self.column(name)?.iter().map(|cell| cell.parse().unwrap_or(f64::NAN)).collect())
    }
}

fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => cell.extend(letters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            _ => cell.push(letter),
        }
    }
    cells.push(cell);
    cells
}

pub fn load(folder: &Path) -> Model {
    let (format, file) = match folder.join("model.txt").exists() {
        true => (Format::LightGbm, "model.txt"),
        false => (Format::Pmml, "model.pmml"),
    };
    let bytes = fs::read(folder.join(file)).unwrap();
    Model::load(format, &bytes).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
}

/// The rows of a table as the model's columns.
pub fn bind(model: &Model, table: &Table) -> Features {
    let column = |input: &bordereau_model::Input| -> ArrayRef {
        let cells = table.column(&input.name).unwrap_or_else(|| panic!("no column {}", input.name));
        let filled = cells.iter().map(|cell| Some(*cell).filter(|cell| !cell.is_empty()));
        match input.kind {
            InputKind::Number => {
                let numbers = filled.map(|cell| cell.map(|cell| cell.parse::<f64>().unwrap()));
                Arc::new(numbers.collect::<Float64Array>())
            }
            InputKind::Category { .. } => Arc::new(filled.collect::<StringArray>()),
        }
    };
    let columns: Vec<ArrayRef> = model.inputs().iter().map(column).collect();
    model.bind(&columns).unwrap()
}

/// The largest differences of a case.
#[derive(Debug, Default)]
pub struct Errors {
    pub rows: usize,
    pub raw_abs: f64,
    pub prediction_rel: f64,
    /// Nothing when the case has no contributions.
    pub contributions_abs: Option<f64>,
    pub sum_abs: f64,
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows: raw {:.1e}, prediction {:.1e} (relative)", self.rows, self.raw_abs, self.prediction_rel)?;
        match self.contributions_abs {
            Some(error) => write!(f, ", contributions {error:.1e}, their sum {:.1e}", self.sum_abs),
            None => write!(f, ", no contributions"),
        }
    }
}

/// Compare all rows. Panics where the shape differs.
pub fn compare(folder: &Path) -> Errors {
    let model = load(folder);
    let input = Table::read(&folder.join("input.csv"));
    let expected = Table::read(&folder.join("expected.csv"));
    let features = bind(&model, &input);
    let scores = model.score(&features);
    let (rows, outputs) = (input.rows.len(), model.outputs());
    assert_eq!(rows, expected.rows.len());
    let mut errors = Errors { rows, ..Errors::default() };
    for output in 0..outputs {
        let name = |what: &str| if outputs == 1 { what.to_owned() } else { format!("{what}_{output}") };
        let (raw, prediction) = (expected.numbers(&name("raw")), expected.numbers(&name("prediction")).unwrap());
        for row in 0..rows {
            let at = row * outputs + output;
            if let Some(raw) = &raw {
                errors.raw_abs = larger(errors.raw_abs, scores.raw[at] - raw[row]);
            }
            let scale = prediction[row].abs().max(f64::MIN_POSITIVE);
            errors.prediction_rel = larger(errors.prediction_rel, (scores.prediction[at] - prediction[row]) / scale);
        }
    }
    let path = folder.join("contribs.csv");
    assert_eq!(path.exists(), model.explains());
    if path.exists() {
        compare_contributions(&model, &features, &scores.raw, &Table::read(&path), &mut errors);
    }
    errors
}

fn compare_contributions(model: &Model, features: &Features, raw: &[f64], expected: &Table, errors: &mut Errors) {
    let ours = model.explain(features).unwrap();
    let (inputs, outputs) = (model.inputs().len(), model.outputs());
    assert_eq!(expected.rows.len() * inputs * outputs, ours.values.len());
    let mut largest = 0.0;
    for output in 0..outputs {
        let name = |what: &str| if outputs == 1 { what.to_owned() } else { format!("{what}@{output}") };
        let bias = expected.numbers(&name("__bias__")).unwrap();
        let mut sums = vec![ours.bias[output]; bias.len()];
        for (at, input) in model.inputs().iter().enumerate() {
            let values = expected.numbers(&name(&input.name));
            for (row, sum) in sums.iter_mut().enumerate() {
                let value = ours.values[(row * inputs + at) * outputs + output];
                largest = larger(largest, value - values.as_ref().map_or(0.0, |values| values[row]));
                *sum += value;
            }
        }
        for (row, sum) in sums.iter().enumerate() {
            largest = larger(largest, ours.bias[output] - bias[row]);
            errors.sum_abs = larger(errors.sum_abs, sum - raw[row * outputs + output]);
        }
    }
    errors.contributions_abs = Some(largest);
}

/// The larger absolute value; not a number counts as infinite.
fn larger(largest: f64, difference: f64) -> f64 {
    if difference.is_nan() { f64::INFINITY } else { largest.max(difference.abs()) }
}
