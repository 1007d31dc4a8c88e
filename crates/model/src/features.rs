//! Arrow columns into the numbers the kernels read: bound once, used by score and explain alike.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, StringArray, StringViewArray};

use crate::{Error, Input};

/// The rows of a batch as the kernels want them: numbers as they are, categories as codes, missing as NaN.
///
/// Made by [`crate::Model::bind`] for one model, and meant for that model alone: one with another number of inputs
/// gives NaN scores and no contributions for it.
#[derive(Debug, Clone)]
pub struct Features {
    rows: usize,
    width: usize,
    values: Vec<f64>,
    unseen: Vec<u64>,
    unseen_cells: Vec<(usize, usize)>,
    /// For each input whose texts matter those that its codes do not have.
    texts: Vec<Vec<String>>,
}

impl Features {
    /// Rows of the batch.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Row-major rows x inputs.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// For each input how many cells held a category the model does not know, or a number that its type does not have
    /// (ONNX: 2.5 in a column of whole numbers). What becomes of such a cell is the model's own rule: LightGBM takes it
    /// as missing, PMML has `invalidValueTreatment`, ONNX has no score for a whole number that is none.
    pub fn unseen(&self) -> &[u64] {
        &self.unseen
    }

    /// Row and input of each such cell, ascending.
    pub fn unseen_cells(&self) -> &[(usize, usize)] {
        &self.unseen_cells
    }

    /// Some of the rows, by their numbers, in the order given. Nothing of them is counted as unseen.
    #[must_use]
    pub fn of_rows(&self, rows: &[usize]) -> Self {
        let mut values = Vec::with_capacity(rows.len() * self.width);
        rows.iter().for_each(|row| values.extend_from_slice(&self.values[row * self.width..][..self.width]));
        let (unseen, unseen_cells) = (vec![0; self.width], Vec::new());
        Self { rows: rows.len(), width: self.width, values, unseen, unseen_cells, texts: self.texts.clone() }
    }

    /// For each input the texts of [`Binding::Text`].
    pub(crate) fn texts(&self) -> &[Vec<String>] {
        &self.texts
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }
}

/// How the cells of one input become numbers.
#[derive(Debug, Clone)]
pub(crate) enum Binding {
    Number,
    /// Rounded to single precision.
    Single,
    /// The same, the code of a category: all below 0 are no category.
    Code,
    /// The code of a category, of which those that the model knows are listed. The fraction of a code does not count,
    /// and below 0 it is missing. A code that is not listed stays what it is.
    Listed(HashSet<u64>),
    Category(Codes),
    /// The same for a model that computes with texts: an unseen category has a code of its own, from the code of unseen
    /// ones on, and the batch keeps its text.
    Text(Codes),
    /// Categories known by a hash of their text.
    Hashed(Hashes),
    /// A whole number within a range; any other number is none, and counted as unseen.
    Whole {
        low: f64,
        high: f64,
    },
    /// One of a list of numbers; any other is none, and counted as unseen.
    OneOf(Vec<f64>),
    /// The place of what another binding gives among ascending points: 0 below the first, 1 at it, 2 between it and the
    /// second, and so on.
    Ranked {
        binding: Box<Binding>,
        points: Vec<f64>,
    },
    /// As another binding, but a row where it gives nothing has no score.
    Required(Box<Binding>),
}

impl Binding {
    /// Whether a row that lacks it has no score.
    pub(crate) fn is_required(&self) -> bool {
        match self {
            Self::Required(_) => true,
            Self::Ranked { binding, .. } => binding.is_required(),
            _ => false,
        }
    }
}

/// The place of a number among ascending points, as [`Binding::Ranked`] counts.
fn rank(points: &[f64], x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    let below = points.partition_point(|point| *point < x);
    let is_point = points.get(below) == Some(&x);
    (2 * below + usize::from(is_point)) as f64
}

/// Hash of a category to its code, for those that a split is about.
#[derive(Debug, Clone)]
pub(crate) struct Hashes {
    pub hash: fn(&[u8]) -> u32,
    pub codes: HashMap<u32, f64>,
    /// Hashes of further categories that were there in training.
    pub known: Arc<HashSet<u32>>,
}

/// The code of a category that is in no split, which a number that is no code says as well.
const NO_CODE: f64 = -1.0;

impl Hashes {
    fn text(&self, value: &str) -> Option<f64> {
        let hash = (self.hash)(value.as_bytes());
        // Where no split is about the column, no category of it is unknown.
        let known = || (self.codes.is_empty() || self.known.contains(&hash)).then_some(NO_CODE);
        self.codes.get(&hash).copied().or_else(known)
    }

    /// A number is hashed as the text of an integer, or else as it is written shortest.
    fn number(&self, value: f64) -> Option<f64> {
        self.text(&value.to_string())
    }
}

/// Category to code.
#[derive(Debug, Clone)]
pub(crate) struct Codes {
    by_text: HashMap<String, f64>,
    by_number: HashMap<u64, f64>,
    /// The code of a category that is not in the list.
    unseen: f64,
}

impl Codes {
    /// Codes are positions in `values`. A value that reads as a number is also found by that number.
    pub(crate) fn new(values: &[String], unseen: f64) -> Self {
        let mut by_text = HashMap::with_capacity(values.len());
        let mut by_number = HashMap::new();
        for (code, value) in values.iter().enumerate() {
            by_text.entry(value.clone()).or_insert(code as f64);
            if let Ok(number) = value.parse::<f64>() {
                by_number.entry(number_key(number)).or_insert(code as f64);
            }
        }
        Self { by_text, by_number, unseen }
    }

    fn text(&self, value: &str) -> Option<f64> {
        self.by_text.get(value).copied()
    }

    fn number(&self, value: f64) -> Option<f64> {
        self.by_number.get(&number_key(value)).copied()
    }
}

fn number_key(value: f64) -> u64 {
    if value == 0.0 { 0 } else { value.to_bits() }
}

/// Fill a batch from one column per input, in the order of the inputs.
pub(crate) fn bind(inputs: &[Input], bindings: &[Binding], columns: &[ArrayRef]) -> Result<Features, Error> {
    if columns.len() != inputs.len() {
        return Err(Error::input("*", format!("{} columns for {} inputs", columns.len(), inputs.len())));
    }
    let rows = columns.first().map_or(0, |column| column.len());
    let width = inputs.len();
    let mut values = vec![f64::NAN; rows * width];
    let (mut unseen, mut unseen_cells) = (vec![0; width], Vec::new());
    let mut texts = vec![Vec::new(); width];
    for (at, (input, binding)) in inputs.iter().zip(bindings).enumerate() {
        let column = &columns[at];
        if column.len() != rows {
            return Err(Error::input(&input.name, format!("{} rows, the first column has {rows}", column.len())));
        }
        let cells = values.iter_mut().skip(at).step_by(width);
        let found = match binding {
            Binding::Text(codes) => fill_texts(cells, codes, column.as_ref(), &mut texts[at]),
            _ => fill(cells, binding, column.as_ref()),
        };
        let unknown = found.ok_or_else(|| {
            Error::input(&input.name, format!("a column of type {} does not fit", column.data_type()))
        })?;
        unseen[at] = unknown.len() as u64;
        unseen_cells.extend(unknown.into_iter().map(|row| (row, at)));
    }
    unseen_cells.sort_unstable();
    Ok(Features { rows, width, values, unseen, unseen_cells, texts })
}

/// Write a column's codes; the rows of unseen categories, or nothing when the type does not fit.
fn fill<'a>(mut cells: impl Iterator<Item = &'a mut f64>, binding: &Binding, column: &dyn Array) -> Option<Vec<usize>> {
    let any = column.as_any();
    match binding {
        Binding::Number => {
            let column = any.downcast_ref::<Float64Array>()?;
            cells.zip(column.iter()).for_each(|(cell, value)| *cell = value.unwrap_or(f64::NAN));
            Some(Vec::new())
        }
        Binding::Single | Binding::Code => {
            let column = any.downcast_ref::<Float64Array>()?;
            for (cell, value) in cells.zip(column.iter()) {
                let value = value.map_or(f64::NAN, |value| f64::from(value as f32));
                *cell = if value < 0.0 && matches!(binding, Binding::Code) { -1.0 } else { value };
            }
            Some(Vec::new())
        }
        Binding::Listed(codes) => {
            let column = any.downcast_ref::<Float64Array>()?;
            let mut unseen = Vec::new();
            for (row, (cell, value)) in cells.zip(column.iter()).enumerate() {
                *cell = value.unwrap_or(f64::NAN);
                if *cell >= 0.0 && !codes.contains(&(*cell as u64)) {
                    unseen.push(row);
                }
            }
            Some(unseen)
        }
        Binding::Whole { low, high } => {
            numbers(cells, column, |x| (x.fract() == 0.0 && (*low..=*high).contains(&x)).then_some(x))
        }
        Binding::OneOf(values) => numbers(cells, column, |x| values.contains(&x).then_some(x)),
        Binding::Required(binding) => fill(&mut cells as &mut dyn Iterator<Item = &'a mut f64>, binding, column),
        Binding::Ranked { binding, points } => {
            let mut values = vec![f64::NAN; column.len()];
            let unseen = fill(&mut values.iter_mut() as &mut dyn Iterator<Item = _>, binding, column)?;
            cells.zip(values).for_each(|(cell, value)| *cell = rank(points, value));
            Some(unseen)
        }
        Binding::Category(codes) | Binding::Text(codes) => {
            look_up(cells, column, |text| codes.text(text), |x| codes.number(x), codes.unseen)
        }
        Binding::Hashed(hashes) => look_up(cells, column, |text| hashes.text(text), |x| hashes.number(x), NO_CODE),
    }
}

/// Write a column's codes, and the texts that have none into `texts`, each once; the rows of these.
fn fill_texts<'a>(
    cells: impl Iterator<Item = &'a mut f64>,
    codes: &Codes,
    column: &dyn Array,
    texts: &mut Vec<String>,
) -> Option<Vec<usize>> {
    let any = column.as_any();
    let of_text = |text: &str| (codes.text(text), text.to_owned());
    let rows: Box<dyn Iterator<Item = Option<(Option<f64>, String)>>> =
        if let Some(column) = any.downcast_ref::<StringViewArray>() {
            Box::new(column.iter().map(|text| text.map(of_text)))
        } else if let Some(column) = any.downcast_ref::<StringArray>() {
            Box::new(column.iter().map(|text| text.map(of_text)))
        } else {
            let present = any.downcast_ref::<Float64Array>()?.iter().map(|value| value.filter(|value| !value.is_nan()));
            Box::new(present.map(|value| value.map(|value| (codes.number(value), value.to_string()))))
        };
    let (mut unseen, mut places) = (Vec::new(), HashMap::new());
    for (row, (cell, found)) in cells.zip(rows).enumerate() {
        let Some((code, text)) = found else { continue };
        *cell = code.unwrap_or_else(|| {
            unseen.push(row);
            let place = *places.entry(text).or_insert_with_key(|text: &String| {
                texts.push(text.clone());
                texts.len() - 1
            });
            codes.unseen + place as f64
        });
    }
    Some(unseen)
}

/// Write a column of numbers of which some are taken.
fn numbers<'a>(
    cells: impl Iterator<Item = &'a mut f64>,
    column: &dyn Array,
    take: impl Fn(f64) -> Option<f64>,
) -> Option<Vec<usize>> {
    let column = column.as_any().downcast_ref::<Float64Array>()?;
    Some(write(cells, column.iter().map(|value| value.filter(|value| !value.is_nan())), take, f64::NAN))
}

/// Write the codes of a column of texts or of categories that are numbers.
fn look_up<'a>(
    cells: impl Iterator<Item = &'a mut f64>,
    column: &dyn Array,
    text: impl Fn(&str) -> Option<f64>,
    number: impl Fn(f64) -> Option<f64>,
    other: f64,
) -> Option<Vec<usize>> {
    let any = column.as_any();
    Some(if let Some(column) = any.downcast_ref::<StringViewArray>() {
        write(cells, column.iter(), text, other)
    } else if let Some(column) = any.downcast_ref::<StringArray>() {
        write(cells, column.iter(), text, other)
    } else {
        let column = any.downcast_ref::<Float64Array>()?;
        write(cells, column.iter().map(|value| value.filter(|value| !value.is_nan())), number, other)
    })
}

fn write<'a, T>(
    cells: impl Iterator<Item = &'a mut f64>,
    column: impl Iterator<Item = Option<T>>,
    find: impl Fn(T) -> Option<f64>,
    other: f64,
) -> Vec<usize> {
    let mut unseen = Vec::new();
    for (row, (cell, value)) in cells.zip(column).enumerate() {
        let Some(value) = value else { continue };
        *cell = find(value).unwrap_or_else(|| {
            unseen.push(row);
            other
        });
    }
    unseen
}
