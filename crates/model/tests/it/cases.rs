//! Folders of a model with its input, expected scores and contributions, and the comparison with ours.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
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

/// Names a model file may have in its folder; a folder has one or more of them, which are the same model.
const FILES: [(&str, Format); 7] = [
    ("model.txt", Format::LightGbm),
    ("dump.json", Format::LightGbm),
    ("model.pmml", Format::Pmml),
    ("model.ubj", Format::XgBoost),
    ("model.cbm", Format::CatBoost),
    ("model.json", Format::XgBoost),
    ("model.onnx", Format::Onnx),
];

/// The files of a folder that hold its model.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let files: Vec<PathBuf> = FILES.iter().map(|(name, _)| folder.join(name)).filter(|path| path.exists()).collect();
    assert!(!files.is_empty(), "no model in {}", folder.display());
    files
}

pub fn load(folder: &Path) -> Model {
    load_file(&files(folder)[0])
}

/// Open a file by its content, which must be of the format that its name tells.
pub fn load_file(path: &Path) -> Model {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let model = Model::open(&fs::read(path).unwrap()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let expected = FILES.iter().find(|(file, _)| *file == name).unwrap().1;
    assert!(model.format() == expected || name == "model.json", "{}: {}", path.display(), model.format());
    model
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
    /// Of our contributions with the base from the raw score; 0 when there are none.
    pub sum_abs: f64,
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows: raw {:.1e}, prediction {:.1e} (relative)", self.rows, self.raw_abs, self.prediction_rel)?;
        match self.contributions_abs {
            Some(error) => write!(f, ", contributions {error:.1e}, their sum {:.1e}", self.sum_abs),
            None => write!(f, ", no contributions to compare, their sum {:.1e}", self.sum_abs),
        }
    }
}

/// Compare all rows of one of a folder's files. Panics where the shape differs.
pub fn compare(file: &Path) -> Errors {
    let (model, folder) = (load_file(file), file.parent().unwrap());
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
                errors.raw_abs = larger(errors.raw_abs, scores.raw[at] - exact(&model, raw[row]));
            }
            let scale = prediction[row].abs().max(f64::MIN_POSITIVE);
            let difference = scores.prediction[at] - exact(&model, prediction[row]);
            errors.prediction_rel = larger(errors.prediction_rel, difference / scale);
        }
    }
    let path = folder.join("contribs.csv");
    if model.explains() {
        let expected = path.exists().then(|| Table::read(&path));
        compare_contributions(&model, &features, &scores.raw, expected.as_ref(), &mut errors);
    } else {
        assert!(!path.exists(), "{} is not explained", folder.display());
    }
    errors
}

fn compare_contributions(
    model: &Model,
    features: &Features,
    raw: &[f64],
    expected: Option<&Table>,
    errors: &mut Errors,
) {
    let ours = model.explain(features).unwrap();
    let (inputs, outputs) = (model.inputs().len(), model.outputs());
    let rows = features.rows();
    assert!(expected.is_none_or(|expected| expected.rows.len() == rows));
    let mut largest = 0.0;
    for output in 0..outputs {
        let name = |what: &str| if outputs == 1 { what.to_owned() } else { format!("{what}@{output}") };
        let mut sums = vec![ours.bias[output]; rows];
        for (at, input) in model.inputs().iter().enumerate() {
            let values = expected.map(|expected| expected.numbers(&name(&input.name)));
            for (row, sum) in sums.iter_mut().enumerate() {
                let value = ours.values[(row * inputs + at) * outputs + output];
                if let Some(values) = &values {
                    largest = larger(largest, value - values.as_ref().map_or(0.0, |values| values[row]));
                }
                *sum += value;
            }
        }
        for (row, sum) in sums.iter().enumerate() {
            errors.sum_abs = larger(errors.sum_abs, sum - raw[row * outputs + output]);
        }
        for bias in expected.map(|expected| expected.numbers(&name("__bias__")).unwrap()).unwrap_or_default() {
            largest = larger(largest, ours.bias[output] - bias);
        }
    }
    errors.contributions_abs = expected.map(|_| largest);
}

/// The number of single precision that XGBoost's nine digits stand for, others as they are.
fn exact(model: &Model, expected: f64) -> f64 {
    if model.format() == Format::XgBoost { f64::from(expected as f32) } else { expected }
}

/// The larger absolute value; not a number counts as infinite.
fn larger(largest: f64, difference: f64) -> f64 {
    if difference.is_nan() { f64::INFINITY } else { largest.max(difference.abs()) }
}
