//! Operators that move elements.

use crate::formats::onnx::Refusal;
use crate::formats::onnx::program::Op;
use crate::formats::onnx::tensor::{self, Cell, Kind, LONG, Tensor, axis, strides};
use crate::formats::onnx::trace::Call;

/// Nothing where the operator is none of these.
pub(super) fn run(call: &mut Call<'_>, operator: &str) -> Result<Option<Tensor>, Refusal> {
    Ok(Some(match operator {
        "Constant" => constant(call)?,
        "ConstantOfShape" => constant_of_shape(call)?,
        "Shape" => shape(call)?,
        "Size" => {
            let count = call.tensor(0)?.cells.len() as f64;
            Tensor::new(LONG, Vec::new(), vec![Cell::Is(count)])
        }
        "Reshape" => reshape(call)?,
        "Flatten" => flatten(call)?,
        "Squeeze" => squeeze(call)?,
        "Unsqueeze" => unsqueeze(call)?,
        "Transpose" => transpose(call)?,
        "Concat" => concat(call)?,
        "Slice" => slice(call)?,
        "Gather" => gather(call)?,
        "GatherElements" => gather_elements(call)?,
        "Expand" => expand(call)?,
        "Pad" => pad(call)?,
        _ => return Ok(None),
    }))
}

/// A tensor of another shape whose element at an index is that of `from` at the place `place` gives; others are `or`.
fn moved(
    call: &mut Call<'_>,
    from: &Tensor,
    shape: Vec<usize>,
    place: impl Fn(&[usize]) -> Option<usize>,
    or: Cell,
) -> Result<Tensor, Refusal> {
    call.trace.charge(tensor::count(&shape).unwrap_or(usize::MAX))?;
    let mut cells = Vec::new();
    tensor::indices(&shape, |index| {
        cells.push(place(index).and_then(|place| from.cells.get(place)).copied().unwrap_or(or));
    });
    Ok(Tensor::new(from.kind, shape, cells))
}

const NONE: Cell = Cell::Is(f64::NAN);

fn with_shape(tensor: &Tensor, shape: Vec<usize>) -> Result<Tensor, Refusal> {
    match tensor::count(&shape) == Some(tensor.cells.len()) {
        true => Ok(Tensor::new(tensor.kind, shape, tensor.cells.clone())),
        false => Err(Refusal::invalid(format!("{} elements in another shape", tensor.cells.len()))),
    }
}

fn constant(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    if let Some(tensor) = call.attribute("value")? {
        return Ok(tensor);
    }
    let node = call.node;
    let vector = |kind, numbers: Vec<f64>| {
        Tensor::new(kind, vec![numbers.len()], numbers.into_iter().map(Cell::Is).collect::<Vec<_>>())
    };
    if node.has("value_float") {
        return Ok(Tensor::new(Kind::Single, Vec::new(), vec![Cell::Is(node.float("value_float", 0.0)?.into())]));
    }
    if node.has("value_int") {
        return Ok(Tensor::new(LONG, Vec::new(), vec![Cell::Is(node.int("value_int", 0)? as f64)]));
    }
    if node.has("value_floats") {
        return Ok(vector(Kind::Single, node.floats("value_floats")?));
    }
    if node.has("value_ints") {
        return Ok(vector(LONG, node.ints("value_ints")?.iter().map(|x| *x as f64).collect()));
    }
    if node.has("value_strings") {
        let texts = node.texts("value_strings")?;
        return Ok(vector(Kind::Text, texts.iter().map(|text| call.trace.texts.number(text)).collect()));
    }
    Err(Refusal::unsupported("a constant of this kind"))
}

fn sizes(list: &[i64]) -> Result<Vec<usize>, Refusal> {
    let sizes = list.iter().map(|size| usize::try_from(*size).ok()).collect::<Option<Vec<usize>>>();
    sizes.ok_or_else(|| Refusal::invalid("a negative size"))
}

fn constant_of_shape(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    let shape = sizes(&call.tensor(0)?.whole("a shape")?)?;
    let zero = Tensor::new(Kind::Single, vec![1], vec![Cell::Is(0.0)]);
    let value = call.attribute("value")?.unwrap_or(zero);
    moved(call, &value, shape, |_| Some(0), NONE)
}

fn shape(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    let tensor = call.tensor(0)?;
    let rank = tensor.rank() as i64;
    let bound = |at: i64| (if at < 0 { at.saturating_add(rank) } else { at }).clamp(0, rank) as usize;
    let (start, end) = (bound(call.node.int("start", 0)?), bound(call.node.int("end", rank)?));
    let sizes = tensor.shape.get(start..end).unwrap_or_default();
    Ok(Tensor::new(LONG, vec![sizes.len()], sizes.iter().map(|size| Cell::Is(*size as f64)).collect()))
}

/// 0 keeps a size (unless `allowzero`), -1 stands for what is left.
fn reshape(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    let tensor = call.tensor(0)?;
    let list = call.list("shape", 1)?.ok_or_else(|| Refusal::invalid("no shape"))?;
    let keeps = call.node.int("allowzero", 0)? == 0;
    let mut shape = Vec::with_capacity(list.len());
    for (at, size) in list.iter().enumerate() {
        shape.push(match *size {
            0 if keeps => *tensor.shape.get(at).ok_or_else(|| Refusal::invalid("a size of 0 that keeps nothing"))?,
            -1 => 1,
            size => usize::try_from(size).map_err(|_| Refusal::invalid("a negative size"))?,
        });
    }
    if let Some(open) = list.iter().position(|size| *size == -1) {
        let known = tensor::count(&shape).filter(|known| *known > 0).unwrap_or(1);
        shape[open] = tensor.cells.len() / known;
    }
    with_shape(&tensor, shape)
}

fn flatten(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    let tensor = call.tensor(0)?;
    let at = call.node.int("axis", 1)?;
    let at = if at == tensor.rank() as i64 { tensor.rank() } else { axis(at, tensor.rank())? };
    let size = |sizes: &[usize]| tensor::count(sizes).unwrap_or(0);
    with_shape(&tensor, vec![size(&tensor.shape[..at]), size(&tensor.shape[at..])])
}

fn squeeze(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    let tensor = call.tensor(0)?;
    let axes = match call.list("axes", 1)? {
        Some(axes) => axes.iter().map(|at| axis(*at, tensor.rank())).collect::<Result<Vec<_>, _>>()?,
        None => (0..tensor.rank()).filter(|at| tensor.shape[*at] == 1).collect(),
    };
    let kept = tensor.shape.iter().enumerate().filter(|(at, _)| !axes.contains(at));
    with_shape(&tensor, kept.map(|(_, size)| *size).collect())
}

fn unsqueeze(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    let tensor = call.tensor(0)?;
    let axes = call.list("axes", 1)?.ok_or_else(|| Refusal::invalid("no axes"))?;
    let rank = tensor.rank() + axes.len();
    let axes = axes.iter().map(|at| axis(*at, rank)).collect::<Result<Vec<_>, _>>()?;
    let mut sizes = tensor.shape.iter();
    let shape = (0..rank).map(|at| if axes.contains(&at) { 1 } else { sizes.next().copied().unwrap_or(1) });
    with_shape(&tensor, shape.collect())
}

pub(super) fn transposed(tensor: &Tensor, order: &[usize]) -> Result<Tensor, Refusal> {
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    if !sorted.iter().copied().eq(0..tensor.rank()) {
        return Err(Refusal::invalid("perm is no order of the axes"));
    }
    let steps = strides(&tensor.shape);
    let shape: Vec<usize> = order.iter().map(|at| tensor.shape[*at]).collect();
    let mut cells = Vec::with_capacity(tensor.cells.len());
    tensor::indices(&shape, |index| {
        cells.push(tensor.cells[order.iter().zip(index).map(|(axis, at)| steps[*axis] * at).sum::<usize>()]);
    });
    Ok(Tensor::new(tensor.kind, shape, cells))
}

fn transpose(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    let tensor = call.tensor(0)?;
    call.trace.charge(tensor.cells.len())?;
    match call.node.has("perm") {
        true => transposed(&tensor, &sizes(call.node.ints("perm")?)?),
        false => transposed(&tensor, &(0..tensor.rank()).rev().collect::<Vec<_>>()),
    }
}

fn concat(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    let parts = (0..call.node.inputs.len()).map(|at| call.tensor(at)).collect::<Result<Vec<_>, _>>()?;
    let first = parts.first().ok_or_else(|| Refusal::invalid("no input"))?;
    let along = axis(call.node.int("axis", 1)?, first.rank())?;
    let fits = |part: &Tensor| {
        let other = |shape: &[usize]| {
            shape.iter().enumerate().filter(|(at, _)| *at != along).map(|(_, size)| *size).collect::<Vec<_>>()
        };
        part.kind == first.kind && part.rank() == first.rank() && other(&part.shape) == other(&first.shape)
    };
    if !parts.iter().all(|part| fits(part)) {
        return Err(Refusal::invalid("its inputs are of different types or shapes"));
    }
    let mut shape = first.shape.clone();
    shape[along] = parts.iter().fold(0, |sum: usize, part| sum.saturating_add(part.shape[along]));
    let outer = tensor::count(&shape[..along]).unwrap_or(0);
    let mut cells = Vec::new();
    call.trace.charge(tensor::count(&shape).unwrap_or(usize::MAX))?;
    for at in 0..outer {
        for part in &parts {
            let size = part.cells.len() / outer;
            cells.extend_from_slice(&part.cells[at * size..(at + 1) * size]);
        }
    }
    Ok(Tensor::new(first.kind, shape, cells))
}

/// For every axis the first element, the step and how many.
fn slice(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    let tensor = call.tensor(0)?;
    let need = |list: Option<Vec<i64>>| list.ok_or_else(|| Refusal::invalid("no starts or ends"));
    let (starts, ends) = (need(call.list("starts", 1)?)?, need(call.list("ends", 2)?)?);
    let axes = call.list("axes", 3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = call.list("steps", 4)?.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
        return Err(Refusal::invalid("starts, ends, axes and steps are not of one length"));
    }
    let mut ranges: Vec<(i64, i64, usize)> = tensor.shape.iter().map(|size| (0, 1, *size)).collect();
    for at in 0..starts.len() {
        let along = axis(axes[at], tensor.rank())?;
        let (size, step) = (tensor.shape[along] as i64, steps[at]);
        let front = |at: i64| if at < 0 { at.saturating_add(size) } else { at };
        let (low, high) = if step > 0 { (0, size) } else { (-1, size - 1) };
        let start = front(starts[at]).clamp(low.max(0), high.max(0));
        let end = front(ends[at]).clamp(low, high);
        let count = match step {
            0 => return Err(Refusal::invalid("a step of 0")),
            step => (end - start).saturating_add(step - step.signum()).checked_div(step).unwrap_or(0).max(0),
        };
        ranges[along] = (start, step, count as usize);
    }
    let distances = strides(&tensor.shape);
    let shape = ranges.iter().map(|(.., count)| *count).collect();
    let place = |index: &[usize]| {
        let places = index.iter().zip(&ranges).zip(&distances);
        let place: i64 = places.map(|((at, (start, step, _)), by)| (start + *at as i64 * step) * *by as i64).sum();
        usize::try_from(place).ok()
    };
    moved(call, &tensor, shape, place, NONE)
}

/// A place along an axis from either end.
fn front(at: i64, size: usize) -> Result<usize, Refusal> {
    axis(at, size).map_err(|_| Refusal::invalid(format!("index {at} of {size}")))
}

fn gather(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    let (tensor, indices) = (call.tensor(0)?, call.tensor(1)?);
    let along = axis(call.node.int("axis", 0)?, tensor.rank())?;
    let mut shape = tensor.shape[..along].to_vec();
    shape.extend_from_slice(&indices.shape);
    shape.extend_from_slice(&tensor.shape[along + 1..]);
    let distances = strides(&tensor.shape);
    let inner = strides(&indices.shape);
    let (size, rank) = (tensor.shape[along], indices.rank());
    let at_place = |index: &[usize]| -> usize {
        let outer: usize = index[..along].iter().zip(&distances).map(|(at, by)| at * by).sum();
        let rest: usize = index[along + rank..].iter().zip(&distances[along + 1..]).map(|(at, by)| at * by).sum();
        outer + rest
    };
    let picked = |index: &[usize]| index[along..along + rank].iter().zip(&inner).map(|(at, by)| at * by).sum::<usize>();
    if let Some(numbers) = indices.constants() {
        let places = numbers.iter().map(|at| front(*at as i64, size)).collect::<Result<Vec<_>, _>>()?;
        let place = |index: &[usize]| Some(at_place(index) + places[picked(index)] * distances[along]);
        return moved(call, &tensor, shape, place, NONE);
    }
    // Which element it is depends on the row.
    let elements = tensor::count(&shape).and_then(|count| count.checked_mul(size));
    call.trace.charge(elements.unwrap_or(usize::MAX))?;
    let mut picks = Vec::new();
    tensor::indices(&shape, |index| {
        let from = at_place(index);
        let cells = (0..size).map(|at| tensor.cells[from + at * distances[along]]).collect();
        picks.push(Op::Pick(indices.cells[picked(index)], cells));
    });
    let cells = picks.into_iter().map(|op| call.trace.one(op)).collect::<Result<_, _>>()?;
    Ok(Tensor::new(tensor.kind, shape, cells))
}

fn gather_elements(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    let (tensor, indices) = (call.tensor(0)?, call.tensor(1)?);
    let along = axis(call.node.int("axis", 0)?, tensor.rank())?;
    let within = indices.shape.iter().zip(&tensor.shape).enumerate().all(|(at, (a, b))| at == along || a <= b);
    if indices.rank() != tensor.rank() || !within {
        return Err(Refusal::invalid("indices of another shape"));
    }
    let numbers = indices.whole("an index")?;
    let places = numbers.iter().map(|at| front(*at, tensor.shape[along])).collect::<Result<Vec<_>, _>>()?;
    let (distances, inner) = (strides(&tensor.shape), strides(&indices.shape));
    let place = |index: &[usize]| {
        let own: usize = index.iter().zip(&inner).map(|(at, by)| at * by).sum();
        let at = |axis: usize| if axis == along { places[own] } else { index[axis] };
        Some((0..index.len()).map(|axis| at(axis) * distances[axis]).sum())
    };
    moved(call, &tensor, indices.shape.clone(), place, NONE)
}

fn expand(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    let tensor = call.tensor(0)?;
    let shape = tensor::broadcast(&tensor.shape, &sizes(&call.tensor(1)?.whole("a shape")?)?)?;
    let place = |index: &[usize]| Some(tensor::place(&tensor.shape, index));
    moved(call, &tensor, shape, place, NONE)
}

fn pad(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    let tensor = call.tensor(0)?;
    if call.node.text("mode", "constant")? != "constant" {
        return Err(Refusal::unsupported("a mode other than constant"));
    }
    let pads = call.list("pads", 1)?.ok_or_else(|| Refusal::invalid("no pads"))?;
    let value = match call.optional(2)? {
        Some(value) => value.cells.first().copied().unwrap_or(Cell::Is(0.0)),
        None => Cell::Is(call.node.float("value", 0.0)?.into()),
    };
    let axes = call.list("axes", 3)?.unwrap_or_else(|| (0..tensor.rank() as i64).collect());
    if pads.len() != 2 * axes.len() {
        return Err(Refusal::invalid("pads do not fit the axes"));
    }
    let mut sides = vec![(0, 0); tensor.rank()];
    for (at, along) in axes.iter().enumerate() {
        sides[axis(*along, tensor.rank())?] = (pads[at], pads[axes.len() + at]);
    }
    let size = |(size, (before, after)): (&usize, &(i64, i64))| {
        let total = (*size as i64).checked_add(*before).and_then(|sum| sum.checked_add(*after));
        total.and_then(|total| usize::try_from(total).ok()).ok_or_else(|| Refusal::invalid("pads below nothing"))
    };
    let shape = tensor.shape.iter().zip(&sides).map(size).collect::<Result<Vec<_>, _>>()?;
    let distances = strides(&tensor.shape);
    let place = |index: &[usize]| {
        let mut place = 0;
        for (at, (before, _)) in index.iter().zip(&sides).enumerate().map(|(axis, (at, side))| ((axis, *at), side)) {
            let from = (at.1 as i64).checked_sub(*before).and_then(|from| usize::try_from(from).ok());
            place += from.filter(|from| *from < tensor.shape[at.0])? * distances[at.0];
        }
        Some(place)
    };
    moved(call, &tensor, shape, place, value)
}

/// Parts along an axis: by sizes, or as equal as their number allows.
pub(super) fn split(call: &mut Call<'_>) -> Result<Vec<Tensor>, Refusal> {
    let tensor = call.tensor(0)?;
    let along = axis(call.node.int("axis", 0)?, tensor.rank())?;
    let size = tensor.shape[along];
    let parts = match call.list("split", 1)? {
        Some(list) => sizes(&list)?,
        None => {
            let count = call.node.outputs.len().max(1);
            let each = size.div_ceil(count);
            (0..count).map(|at| each.min(size.saturating_sub(at * each))).collect()
        }
    };
    if parts.iter().try_fold(0_usize, |sum, part| sum.checked_add(*part)) != Some(size) {
        return Err(Refusal::invalid("the parts are not the whole"));
    }
    let distances = strides(&tensor.shape);
    let mut from = 0;
    let mut tensors = Vec::with_capacity(parts.len());
    for part in parts {
        let mut shape = tensor.shape.clone();
        shape[along] = part;
        let start = from * distances[along];
        let place = |index: &[usize]| Some(start + index.iter().zip(&distances).map(|(at, by)| at * by).sum::<usize>());
        tensors.push(moved(call, &tensor, shape, place, NONE)?);
        from += part;
    }
    Ok(tensors)
}

/// ArrayFeatureExtractor: elements of the last axis; a vector is one row.
pub(super) fn extract(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    let (tensor, indices) = (call.tensor(0)?, call.tensor(1)?);
    let width = tensor.width();
    let mut shape = tensor.shape.clone();
    match shape.last_mut() {
        Some(last) if tensor.rank() > 1 => *last = indices.cells.len(),
        _ => shape = vec![1, indices.cells.len()],
    }
    let mut cells = Vec::new();
    for row in tensor.cells.chunks(width.max(1)) {
        for index in &indices.cells {
            cells.push(match index {
                Cell::Is(at) => row[front(*at as i64, row.len())?],
                Cell::At(_) => call.trace.one(Op::Pick(*index, row.to_vec()))?,
            });
        }
    }
    call.trace.charge(cells.len())?;
    Ok(Tensor::new(tensor.kind, shape, cells))
}
