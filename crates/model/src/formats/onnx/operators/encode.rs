//! The encoders of ai.onnx.ml: from raw columns to the features of a model.

use std::collections::HashMap;
use std::sync::Arc;

use crate::formats::onnx::Refusal;
use crate::formats::onnx::functions::{One, Two};
use crate::formats::onnx::program::{All, Op};
use crate::formats::onnx::tensor::{Cell, Kind, LONG, Tensor};
use crate::formats::onnx::trace::{Call, Value};
use crate::linear::key;

/// One number for each element of the last axis, or one for all.
fn per_column(numbers: &[f64], width: usize, what: &str) -> Result<Vec<f64>, Refusal> {
    match numbers.len() {
        1 => Ok(vec![numbers[0]; width]),
        count if count == width => Ok(numbers.to_vec()),
        count => Err(Refusal::invalid(format!("{what} has {count} numbers for {width} columns"))),
    }
}

/// (x - offset) x scale.
pub(super) fn scaler(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    let tensor = call.numbers(0)?;
    let width = tensor.width();
    let offsets = per_column(&call.node.floats("offset")?, width, "offset")?;
    let scales = per_column(&call.node.floats("scale")?, width, "scale")?;
    let mut cells = Vec::with_capacity(tensor.cells.len());
    for (at, cell) in tensor.cells.iter().enumerate() {
        let (offset, scale) = (Cell::Is(offsets[at % width]), Cell::Is(scales[at % width]));
        let moved = call.trace.pair(Two::Subtract, Kind::Single, *cell, offset)?;
        cells.push(call.trace.pair(Two::Multiply, Kind::Single, moved, scale)?);
    }
    Ok(Tensor::new(Kind::Single, tensor.shape.clone(), cells))
}

pub(super) fn normalizer(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    let tensor = call.numbers(0)?;
    let all = match call.node.text("norm", "MAX")?.as_str() {
        "MAX" => All::ByMax,
        "L1" => All::ByL1,
        "L2" => All::ByL2,
        _ => return Err(Refusal::unsupported("this norm")),
    };
    let mut cells = Vec::with_capacity(tensor.cells.len());
    for row in tensor.cells.chunks(tensor.width().max(1)) {
        cells.extend(call.trace.emit(Op::All(all, Kind::Single, row.to_vec()))?);
    }
    Ok(Tensor::new(Kind::Single, tensor.shape.clone(), cells))
}

/// Another number in place of one, or in place of what is missing.
pub(super) fn imputer(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    let tensor = call.numbers(0)?;
    let (values, replaced) = match tensor.kind.is_whole() {
        true => (
            call.node.ints("imputed_value_int64s")?.iter().map(|x| *x as f64).collect(),
            call.node.int("replaced_value_int64", 0)? as f64,
        ),
        false => (call.node.floats("imputed_value_floats")?, call.node.float("replaced_value_float", 0.0)?.into()),
    };
    let width = tensor.width();
    let values = per_column(&values, width, "imputed_value")?;
    let mut cells = Vec::with_capacity(tensor.cells.len());
    for (at, cell) in tensor.cells.iter().enumerate() {
        let value = Cell::Is(values[at % width]);
        cells.push(match replaced.is_nan() {
            true => call.trace.pair(Two::OrElse, tensor.kind, *cell, value)?,
            false => {
                let is = call.trace.one(Op::Is(*cell, replaced))?;
                call.trace.one(Op::Choose(is, value, *cell))?
            }
        });
    }
    Ok(Tensor::new(tensor.kind, tensor.shape.clone(), cells))
}

/// 1 above the threshold, else 0.
pub(super) fn binarizer(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    let tensor = call.numbers(0)?;
    let threshold = Cell::Is(call.node.float("threshold", 0.0)?.into());
    let cells = tensor.cells.iter().map(|cell| call.trace.pair(Two::Greater, Kind::Single, *cell, threshold));
    let cells = cells.collect::<Result<_, _>>()?;
    Ok(Tensor::new(Kind::Single, tensor.shape.clone(), cells))
}

/// A new last axis of as many as there are categories; with `zeros` 0 a row with another one has no score.
pub(super) fn one_hot(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    let mut tensor = (*call.tensor(0)?).clone();
    let categories: Vec<f64> = match tensor.kind {
        Kind::Text => call.node.texts("cats_strings")?.iter().map(|text| call.trace.texts.number(text)).collect(),
        _ => call.node.ints("cats_int64s")?.iter().map(|x| *x as f64).collect(),
    };
    if categories.is_empty() {
        return Err(Refusal::invalid("no categories for the type of its input"));
    }
    match tensor.kind {
        Kind::Text => tensor.cells.iter().for_each(|cell| call.trace.tells(*cell, &categories)),
        kind if kind.is_float() => tensor = call.trace.map(One::Same, LONG, &tensor)?,
        _ => {}
    }
    if call.node.int("zeros", 1)? == 0 {
        tensor.cells.iter().try_for_each(|cell| call.trace.require(*cell, &categories))?;
    }
    let mut cells = Vec::new();
    for cell in &tensor.cells {
        for category in &categories {
            cells.push(call.trace.one(Op::Is(*cell, *category))?);
        }
    }
    let mut shape = tensor.shape.clone();
    shape.push(categories.len());
    Ok(Tensor::new(Kind::Single, shape, cells))
}

/// Numbers of the texts or numbers of a list among the attributes, and their type.
fn list(call: &mut Call<'_>, stem: &str) -> Result<Option<(Kind, Vec<f64>)>, Refusal> {
    if let Some(tensor) = call.attribute(&format!("{stem}_tensor"))? {
        return Ok(tensor.constants().map(|numbers| (tensor.kind, numbers)));
    }
    let (texts, ints, floats) = (format!("{stem}_strings"), format!("{stem}_int64s"), format!("{stem}_floats"));
    Ok(if call.node.has(&texts) {
        let texts = call.node.texts(&texts)?;
        Some((Kind::Text, texts.iter().map(|text| call.trace.texts.number(text)).collect()))
    } else if call.node.has(&ints) {
        Some((LONG, call.node.ints(&ints)?.iter().map(|x| *x as f64).collect()))
    } else if call.node.has(&floats) {
        Some((Kind::Single, call.node.floats(&floats)?))
    } else {
        None
    })
}

/// The value of an unknown key.
fn default(call: &mut Call<'_>, kind: Kind) -> Result<f64, Refusal> {
    if let Some(tensor) = call.attribute("default_tensor")? {
        return Ok(tensor.constants().and_then(|values| values.first().copied()).unwrap_or(f64::NAN));
    }
    Ok(match kind {
        Kind::Text => {
            let text = call.node.text("default_string", "_Unused")?;
            call.trace.texts.number(&text)
        }
        Kind::Whole { .. } => call.node.int("default_int64", -1)? as f64,
        _ => call.node.float("default_float", -0.0)?.into(),
    })
}

/// Look every element up; the first of equal keys counts.
fn look_up(
    call: &mut Call<'_>,
    tensor: &Tensor,
    keys: &[f64],
    (kind, values): (Kind, &[f64]),
    default: f64,
) -> Result<Tensor, Refusal> {
    if keys.len() != values.len() {
        return Err(Refusal::invalid(format!("{} keys for {} values", keys.len(), values.len())));
    }
    let (mut rows, mut missing) = (HashMap::with_capacity(keys.len()), default);
    for (from, to) in keys.iter().zip(values) {
        match from.is_nan() {
            // Before version 4 nothing equals a key that is no number.
            true if call.trace.versions.learning < 4 => {}
            true => missing = *to,
            false => _ = rows.entry(key(*from)).or_insert(*to),
        }
    }
    if tensor.kind == Kind::Text {
        tensor.cells.iter().for_each(|cell| call.trace.tells(*cell, keys));
    }
    let rows = Arc::new(rows);
    let mut cells = Vec::with_capacity(tensor.cells.len());
    for of in &tensor.cells {
        cells.push(call.trace.one(Op::Table { of: *of, rows: Arc::clone(&rows), default, missing })?);
    }
    Ok(Tensor::new(kind, tensor.shape.clone(), cells))
}

/// LabelEncoder: version 1 knows a list of texts and their places, later ones keys and values.
pub(super) fn labels(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    let tensor = call.tensor(0)?;
    let (keys, values) = match call.node.has("classes_strings") {
        true => {
            let texts = list(call, "classes")?.map_or(Vec::new(), |(_, texts)| texts);
            let places = (0..texts.len()).map(|at| at as f64).collect();
            match tensor.kind {
                Kind::Text => ((Kind::Text, texts), (LONG, places)),
                _ => ((LONG, places), (Kind::Text, texts)),
            }
        }
        false => {
            let missing = || Refusal::invalid("no keys or values");
            (list(call, "keys")?.ok_or_else(missing)?, list(call, "values")?.ok_or_else(missing)?)
        }
    };
    if (keys.0 == Kind::Text) != (tensor.kind == Kind::Text) {
        return Err(Refusal::invalid("its keys are of another type than its input"));
    }
    let default = default(call, values.0)?;
    look_up(call, &tensor, &keys.1, (values.0, &values.1), default)
}

/// CategoryMapper: from texts to whole numbers or back.
pub(super) fn categories(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    let tensor = call.tensor(0)?;
    let texts: Vec<f64> = call.node.texts("cats_strings")?.iter().map(|text| call.trace.texts.number(text)).collect();
    let numbers: Vec<f64> = call.node.ints("cats_int64s")?.iter().map(|x| *x as f64).collect();
    let (keys, kind, values) = match tensor.kind {
        Kind::Text => (texts, LONG, numbers),
        _ => (numbers, Kind::Text, texts),
    };
    let default = default(call, kind)?;
    look_up(call, &tensor, &keys, (kind, &values), default)
}

/// DictVectorizer: a map's values in the order of a vocabulary, 0 for a name it lacks.
pub(super) fn dictionary(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    let Value::Map(entries) = call.value(0)? else { return Err(Refusal::unsupported("an input that is not a map")) };
    let mut names = call.node.texts("string_vocabulary")?;
    if names.is_empty() {
        names = call.node.ints("int64_vocabulary")?.iter().map(i64::to_string).collect();
    }
    let cells: HashMap<&str, Cell> = entries.iter().map(|(name, cell)| (name.as_str(), *cell)).collect();
    let mut row = Vec::with_capacity(names.len());
    for name in &names {
        let cell = cells.get(name.as_str()).copied().unwrap_or(Cell::Is(0.0));
        row.push(call.trace.pair(Two::OrElse, Kind::Single, cell, Cell::Is(0.0))?);
    }
    Ok(Tensor::new(Kind::Single, vec![1, row.len()], row))
}

/// FeatureVectorizer: its inputs side by side, as numbers of single precision.
pub(super) fn features(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    let mut cells = Vec::new();
    for at in 0..call.node.inputs.len() {
        let tensor = call.row(at)?;
        cells.extend(call.trace.map(One::Same, Kind::Single, &tensor)?.cells);
    }
    call.trace.charge(cells.len())?;
    Ok(Tensor::new(Kind::Single, vec![1, cells.len()], cells))
}
