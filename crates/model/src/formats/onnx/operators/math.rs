//! Computation: element by element, along axes, and products of matrices.

use crate::formats::onnx::Refusal;
use crate::formats::onnx::functions::{One, Two};
use crate::formats::onnx::program::{All, Op};
use crate::formats::onnx::tensor::{self, Cell, Kind, LONG, Tensor, axis, strides};
use crate::formats::onnx::trace::Call;

pub(super) fn map(call: &mut Call<'_>, function: One, tensor: &Tensor) -> Result<Tensor, Refusal> {
    let kind = if matches!(function, One::IsNan | One::Not) { Kind::Truth } else { tensor.kind };
    call.trace.map(function, kind, tensor)
}

/// A function of two elements over all inputs.
pub(super) fn fold(call: &mut Call<'_>, function: Two) -> Result<Tensor, Refusal> {
    let mut result = (*call.tensor(0)?).clone();
    for at in 1..call.node.inputs.len() {
        let next = call.tensor(at)?;
        result = call.trace.zip(function, &result, &next)?;
    }
    Ok(result)
}

pub(super) fn run(call: &mut Call<'_>, operator: &str) -> Result<Tensor, Refusal> {
    match operator {
        "Cast" => {
            let kind = Kind::of(i32::try_from(call.node.int("to", 0)?).unwrap_or(0))?;
            cast(call, kind)
        }
        "CastLike" => {
            let kind = call.tensor(1)?.kind;
            cast(call, kind)
        }
        "Clip" => clip(call),
        "Where" => choose(call),
        "MatMul" => {
            let (a, b) = (call.numbers(0)?, call.numbers(1)?);
            matmul(call, &a, &b)
        }
        "Gemm" => gemm(call),
        "ArgMax" | "ArgMin" => largest(call, operator == "ArgMin"),
        "Softmax" => softmax(call, All::Softmax),
        "LogSoftmax" => softmax(call, All::LogSoftmax),
        "LpNormalization" => {
            let tensor = call.numbers(0)?;
            let all = if call.node.int("p", 2)? == 1 { All::ByL1 } else { All::ByL2 };
            let axes = [axis(call.node.int("axis", -1)?, tensor.rank())?];
            along(call, &tensor, &axes, all)
        }
        "Mean" => {
            let (sum, count) = (fold(call, Two::Add)?, call.node.inputs.len() as f64);
            let by = Tensor::new(sum.kind, Vec::new(), vec![Cell::Is(count)]);
            call.trace.zip(Two::Divide, &sum, &by)
        }
        _ => match operator.strip_prefix("Reduce") {
            Some(what) => reduce(call, what),
            None => Err(super::unknown()),
        },
    }
}

fn cast(call: &mut Call<'_>, kind: Kind) -> Result<Tensor, Refusal> {
    let tensor = call.tensor(0)?;
    match (tensor.kind, kind) {
        (from, to) if from == to => Ok((*tensor).clone()),
        // Every number of these is one of the other type as well.
        (Kind::Truth, Kind::Single | Kind::Double | Kind::Whole { .. }) | (Kind::Single, Kind::Double) => {
            Ok(Tensor::new(kind, tensor.shape.clone(), tensor.cells.clone()))
        }
        (Kind::Text, _) | (_, Kind::Text) => cast_text(call, &tensor, kind),
        _ => call.trace.map(One::Same, kind, &tensor),
    }
}

/// Texts are cast where they are constants.
fn cast_text(call: &mut Call<'_>, tensor: &Tensor, kind: Kind) -> Result<Tensor, Refusal> {
    let values = tensor.constants().ok_or_else(|| Refusal::unsupported("a cast of or to the text of a row"))?;
    let texts = &mut call.trace.texts;
    let cell = |value: f64| {
        if kind == Kind::Text {
            let text = match tensor.kind {
                Kind::Single => (value as f32).to_string(),
                _ => value.to_string(),
            };
            return Ok(Cell::Is(texts.number(&text)));
        }
        let text = texts.text(value).unwrap_or_default().trim();
        let number: Result<f64, _> = text.parse();
        let number = number.map_err(|_| Refusal::invalid("a text is not a number"))?;
        Ok(Cell::Is(kind.fit(number)))
    };
    let cells = values.into_iter().map(cell).collect::<Result<_, Refusal>>()?;
    Ok(Tensor::new(kind, tensor.shape.clone(), cells))
}

/// Bounds are attributes up to version 6, inputs since version 11.
fn clip(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    let mut tensor = (*call.numbers(0)?).clone();
    for (at, name, function) in [(1, "min", Two::Max), (2, "max", Two::Min)] {
        let bound = match call.optional(at)? {
            Some(bound) => (*bound).clone(),
            None if call.node.has(name) => {
                Tensor::new(tensor.kind, Vec::new(), vec![Cell::Is(call.node.float(name, 0.0)?.into())])
            }
            None => continue,
        };
        tensor = call.trace.zip(function, &tensor, &bound)?;
    }
    Ok(tensor)
}

fn choose(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    let (condition, yes, no) = (call.numbers(0)?, call.tensor(1)?, call.tensor(2)?);
    if yes.kind != no.kind {
        return Err(Refusal::invalid("its inputs are of different types"));
    }
    let shape = tensor::broadcast(&condition.shape, &tensor::broadcast(&yes.shape, &no.shape)?)?;
    call.trace.charge(tensor::count(&shape).unwrap_or(usize::MAX))?;
    let mut places = Vec::new();
    let cell = |tensor: &Tensor, index: &[usize]| tensor.cells[tensor::place(&tensor.shape, index)];
    tensor::indices(&shape, |index| {
        places.push((cell(&condition, index), cell(&yes, index), cell(&no, index)));
    });
    let cells = places.into_iter().map(|(condition, yes, no)| match condition {
        Cell::Is(0.0) => Ok(no),
        Cell::Is(_) => Ok(yes),
        Cell::At(_) => call.trace.one(Op::Choose(condition, yes, no)),
    });
    let cells = cells.collect::<Result<_, _>>()?;
    Ok(Tensor::new(yes.kind, shape, cells))
}

/// The sum of products of pairs of cells.
pub(super) fn dot(
    call: &mut Call<'_>,
    kind: Kind,
    start: f64,
    pairs: impl Iterator<Item = (Cell, Cell)>,
) -> Result<Cell, Refusal> {
    let mut terms = Vec::new();
    for pair in pairs {
        match pair {
            (cell, Cell::Is(0.0)) | (Cell::Is(0.0), cell) if !matches!(cell, Cell::Is(_)) && !kind.is_float() => {}
            (cell, Cell::Is(weight)) | (Cell::Is(weight), cell) => terms.push((cell, weight)),
            (a, b) => terms.push((call.trace.one(Op::Two(Two::Multiply, kind, a, b))?, 1.0)),
        }
    }
    call.trace.charge(terms.len())?;
    call.trace.one(Op::Sum { kind, start, terms })
}

/// Rows and columns of the last two axes, all others broadcast; a vector counts as a row or a column.
pub(super) fn matmul(call: &mut Call<'_>, a: &Tensor, b: &Tensor) -> Result<Tensor, Refusal> {
    let (mut left, mut right) = (a.shape.clone(), b.shape.clone());
    if left.is_empty() || right.is_empty() {
        return Err(Refusal::invalid("a matrix is a scalar"));
    }
    if left.len() == 1 {
        left.insert(0, 1);
    }
    if right.len() == 1 {
        right.push(1);
    }
    let ((outer_a, [rows, inner]), (outer_b, [inner_b, columns])) =
        (left.split_last_chunk().unwrap_or((&[], &[0, 0])), right.split_last_chunk().unwrap_or((&[], &[0, 0])));
    if inner != inner_b {
        return Err(Refusal::invalid(format!("matrices of {inner} columns and {inner_b} rows")));
    }
    let outer = tensor::broadcast(outer_a, outer_b)?;
    let mut shape = outer.clone();
    shape.extend([*rows, *columns]);
    call.trace.charge(tensor::count(&shape).unwrap_or(usize::MAX))?;
    let mut places = Vec::new();
    tensor::indices(&shape, |index| {
        let (outer, [row, column]) = index.split_last_chunk().unwrap_or((&[], &[0, 0]));
        let from_a = (tensor::place(outer_a, outer) * rows + row) * inner;
        places.push((from_a, tensor::place(outer_b, outer) * inner * columns + column));
    });
    let mut cells = Vec::with_capacity(places.len());
    for (from_a, from_b) in places {
        let pairs = (0..*inner).map(|at| (a.cells[from_a + at], b.cells[from_b + at * columns]));
        cells.push(dot(call, a.kind, 0.0, pairs)?);
    }
    if b.rank() == 1 {
        shape.pop();
    }
    if a.rank() == 1 {
        shape.remove(shape.len().saturating_sub(if b.rank() == 1 { 1 } else { 2 }));
    }
    Ok(Tensor::new(a.kind, shape, cells))
}

fn gemm(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    let turn = |tensor: &Tensor, turned: bool| match turned {
        true => super::shapes::transposed(tensor, &[1, 0]),
        false => Ok(tensor.clone()),
    };
    let (a, b) = (call.numbers(0)?, call.numbers(1)?);
    if a.rank() != 2 || b.rank() != 2 {
        return Err(Refusal::invalid("not two matrices"));
    }
    let a = turn(&a, call.node.int("transA", 0)? != 0)?;
    let b = turn(&b, call.node.int("transB", 0)? != 0)?;
    let mut product = matmul(call, &a, &b)?;
    let scale = |x: f32| Tensor::new(a.kind, Vec::new(), vec![Cell::Is(x.into())]);
    let alpha = scale(call.node.float("alpha", 1.0)?);
    product = call.trace.zip(Two::Multiply, &product, &alpha)?;
    let Some(c) = call.optional(2)? else { return Ok(product) };
    let beta = scale(call.node.float("beta", 1.0)?);
    let c = call.trace.zip(Two::Multiply, &c, &beta)?;
    call.trace.zip(Two::Add, &product, &c)
}

/// The cells of a tensor in groups along one axis, with the shape that is left.
fn groups(tensor: &Tensor, axes: &[usize]) -> (Vec<usize>, Vec<Vec<Cell>>) {
    let kept: Vec<usize> = (0..tensor.rank()).filter(|axis| !axes.contains(axis)).collect();
    let shape: Vec<usize> = kept.iter().map(|axis| tensor.shape[*axis]).collect();
    let inner = strides(&shape);
    let mut groups = vec![Vec::new(); tensor::count(&shape).unwrap_or(0)];
    let mut at = 0;
    tensor::indices(&tensor.shape, |index| {
        let place: usize = kept.iter().zip(&inner).map(|(axis, stride)| index[*axis] * stride).sum();
        groups[place].push(tensor.cells[at]);
        at += 1;
    });
    (shape, groups)
}

/// The shape after axes were reduced.
fn reduced(tensor: &Tensor, axes: &[usize], keep: bool) -> Vec<usize> {
    let sizes = tensor.shape.iter().enumerate();
    sizes.filter_map(|(at, size)| if axes.contains(&at) { keep.then_some(1) } else { Some(*size) }).collect()
}

fn largest(call: &mut Call<'_>, smallest: bool) -> Result<Tensor, Refusal> {
    let mut tensor = (*call.numbers(0)?).clone();
    let axes = [axis(call.node.int("axis", 0)?, tensor.rank())?];
    let shape = reduced(&tensor, &axes, call.node.int("keepdims", 1)? != 0);
    let last = call.node.int("select_last_index", 0)? != 0;
    if smallest {
        tensor = call.trace.map(One::Negative, tensor.kind, &tensor)?;
    }
    let (_, groups) = groups(&tensor, &axes);
    if groups.iter().any(Vec::is_empty) {
        return Err(Refusal::invalid("the largest of nothing"));
    }
    let cells = groups.into_iter().map(|of| call.trace.one(Op::Largest { of, last })).collect::<Result<_, _>>()?;
    Ok(Tensor::new(LONG, shape, cells))
}

/// Up to version 12 over all axes from the given one on, since then along that axis alone.
fn softmax(call: &mut Call<'_>, all: All) -> Result<Tensor, Refusal> {
    let tensor = call.numbers(0)?;
    let old = call.trace.versions.main < 13;
    let first = axis(call.node.int("axis", if old { 1 } else { -1 })?, tensor.rank())?;
    let axes: Vec<usize> = if old { (first..tensor.rank()).collect() } else { vec![first] };
    along(call, &tensor, &axes, all)
}

/// A function of all elements along axes.
fn along(call: &mut Call<'_>, tensor: &Tensor, axes: &[usize], all: All) -> Result<Tensor, Refusal> {
    let (shape, groups) = groups(tensor, axes);
    let inner = strides(&shape);
    let mut results = Vec::with_capacity(groups.len());
    for group in groups {
        results.push(call.trace.emit(Op::All(all, tensor.kind, group))?.into_iter());
    }
    let mut cells = Vec::with_capacity(tensor.cells.len());
    tensor::indices(&tensor.shape, |index| {
        let kept = (0..tensor.rank()).filter(|axis| !axes.contains(axis));
        let place: usize = kept.zip(&inner).map(|(axis, stride)| index[axis] * stride).sum();
        cells.extend(results[place].next());
    });
    Ok(Tensor::new(tensor.kind, tensor.shape.clone(), cells))
}

fn reduce(call: &mut Call<'_>, what: &str) -> Result<Tensor, Refusal> {
    let tensor = call.numbers(0)?;
    let axes = call.list("axes", 1)?.unwrap_or_default();
    if axes.is_empty() && call.node.int("noop_with_empty_axes", 0)? != 0 {
        return Ok((*tensor).clone());
    }
    let all: Vec<usize> = (0..tensor.rank()).collect();
    let axes = match axes.is_empty() {
        true => all,
        false => axes.iter().map(|at| axis(*at, tensor.rank())).collect::<Result<_, _>>()?,
    };
    let shape = reduced(&tensor, &axes, call.node.int("keepdims", 1)? != 0);
    call.trace.charge(tensor.cells.len())?;
    let (_, groups) = groups(&tensor, &axes);
    let mut cells = Vec::with_capacity(groups.len());
    for group in groups {
        cells.push(reduce_one(call, what, tensor.kind, &group)?);
    }
    Ok(Tensor::new(tensor.kind, shape, cells))
}

fn reduce_one(call: &mut Call<'_>, what: &str, kind: Kind, group: &[Cell]) -> Result<Cell, Refusal> {
    let ones = || group.iter().map(|cell| (*cell, Cell::Is(1.0)));
    let squares = || group.iter().map(|cell| (*cell, *cell));
    let count = Cell::Is(group.len() as f64);
    match what {
        "Sum" => dot(call, kind, 0.0, ones()),
        "Mean" => {
            let sum = dot(call, kind, 0.0, ones())?;
            call.trace.pair(Two::Divide, kind, sum, count)
        }
        "SumSquare" => dot(call, kind, 0.0, squares()),
        "L2" => {
            let sum = dot(call, kind, 0.0, squares())?;
            call.trace.one(Op::One(One::Sqrt, kind, sum))
        }
        "L1" => {
            let mut sizes = Vec::with_capacity(group.len());
            for cell in group {
                sizes.push((call.trace.one(Op::One(One::Abs, kind, *cell))?, Cell::Is(1.0)));
            }
            dot(call, kind, 0.0, sizes.into_iter())
        }
        "Max" | "Min" | "Prod" => {
            let function = match what {
                "Max" => Two::Max,
                "Min" => Two::Min,
                _ => Two::Multiply,
            };
            let mut cells = group.iter().copied();
            let first = cells.next().ok_or_else(|| Refusal::unsupported("a reduction of nothing"))?;
            cells.try_fold(first, |so_far, cell| call.trace.pair(function, kind, so_far, cell))
        }
        _ => Err(super::unknown()),
    }
}
