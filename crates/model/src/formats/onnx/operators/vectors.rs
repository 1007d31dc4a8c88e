//! Support vector machines of ai.onnx.ml, as ONNX Runtime 1.32 computes them.

use std::sync::Arc;

use super::math;
use super::predict::{Labels, row};
use crate::formats::onnx::Refusal;
use crate::formats::onnx::functions::{One, Two};
use crate::formats::onnx::machines::{Kernel, Svm};
use crate::formats::onnx::program::Op;
use crate::formats::onnx::tensor::{Cell, Kind, Tensor};
use crate::formats::onnx::trace::{Call, Value};

pub(super) fn regressor(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    let features = call.row(0)?;
    let node = call.node;
    let (coefficients, rho) = (node.floats("coefficients")?, node.floats("rho")?);
    let vectors = usize::try_from(node.int("n_supports", 0)?).map_err(|_| Refusal::invalid("n_supports"))?;
    let rho = rho.first().copied().unwrap_or(0.0);
    let width = features.cells.len();
    let score = if vectors == 0 {
        if coefficients.len() != width {
            return Err(Refusal::invalid(format!("{} coefficients for {width} features", coefficients.len())));
        }
        let pairs = features.cells.iter().copied().zip(coefficients.iter().map(|x| Cell::Is(*x)));
        math::dot(call, Kind::Single, rho, pairs)?
    } else {
        let numbers = node.floats("support_vectors")?;
        if coefficients.len() != vectors || numbers.len() != vectors.saturating_mul(width) {
            return Err(Refusal::invalid("coefficients or support_vectors do not fit n_supports and the features"));
        }
        let svm = Shape::read(call)?.machine(width, numbers, coefficients, rho, Kind::Single);
        call.trace.charge(width)?;
        call.trace.one(Op::Svm(Arc::new(svm), features.cells.clone()))?
    };
    if call.node.int("one_class", 0)? == 0 {
        return Ok(row(vec![score]));
    }
    let above = call.trace.pair(Two::Greater, Kind::Single, score, Cell::Is(0.0))?;
    Ok(row(vec![call.trace.one(Op::Choose(above, Cell::Is(1.0), Cell::Is(-1.0)))?]))
}

/// A machine for each pair of classes. With `prob_a` and `prob_b` the scores are the probabilities of the classes, to
/// which those of the pairs are coupled; without, they are the numbers of the pairs, of two classes also the negative.
pub(super) fn classifier(call: &mut Call<'_>) -> Result<Vec<Value>, Refusal> {
    let labels = Labels::read(call, "classlabels_ints")?;
    let features = call.row(0)?;
    if call.node.text("post_transform", "NONE")? != "NONE" {
        return Err(Refusal::unsupported("a post_transform of support vectors"));
    }
    let classes = labels.numbers.len();
    let machines = pairs(call, classes, features.cells.len())?;
    let (slopes, constants) = (call.node.floats("prob_a")?, call.node.floats("prob_b")?);
    if slopes.len() != constants.len() || !(slopes.is_empty() || slopes.len() == machines.len()) {
        return Err(Refusal::invalid("prob_a or prob_b do not fit the pairs of classes"));
    }
    call.trace.charge(features.cells.len().saturating_mul(machines.len()))?;
    let mut numbers = Vec::with_capacity(machines.len());
    for machine in machines {
        numbers.push(call.trace.one(Op::Svm(Arc::new(machine), features.cells.clone()))?);
    }
    let place = winner(call, classes, &numbers)?;
    let label = labels.pick(call, place)?;
    if slopes.is_empty() {
        if let [number] = numbers[..] {
            numbers = vec![call.trace.one(Op::One(One::Negative, Kind::Single, number))?, number];
        }
        // Of more classes the numbers are of pairs, also where there are as many of these.
        let scores = Value::Tensor(Arc::new(row(numbers)));
        return Ok(vec![super::value(label), scores]);
    }
    let mut probabilities = Vec::with_capacity(numbers.len());
    for (number, (slope, constant)) in numbers.into_iter().zip(slopes.into_iter().zip(constants)) {
        probabilities.push(probability(call, number, slope, constant)?);
    }
    let scores = call.trace.emit(Op::Coupled { pairs: probabilities, classes })?;
    Ok(labels.answer(label, scores))
}

/// The probability of the first of two classes (Platt 1999), kept from 0 and 1.
fn probability(call: &mut Call<'_>, number: Cell, slope: f64, constant: f64) -> Result<Cell, Refusal> {
    let kind = Kind::Single;
    let least = f64::from(1e-7_f32);
    let scaled = call.trace.pair(Two::Multiply, kind, number, Cell::Is(slope))?;
    let scaled = call.trace.pair(Two::Add, kind, scaled, Cell::Is(constant))?;
    let other = call.trace.one(Op::One(One::Logistic, kind, scaled))?;
    let own = call.trace.pair(Two::Subtract, kind, Cell::Is(1.0), other)?;
    let own = call.trace.pair(Two::Max, kind, own, Cell::Is(least))?;
    call.trace.pair(Two::Min, kind, own, Cell::Is(kind.fit(1.0 - least)))
}

/// The place of the class that most pairs are decided for.
fn winner(call: &mut Call<'_>, classes: usize, numbers: &[Cell]) -> Result<Cell, Refusal> {
    let mut votes: Vec<Vec<Cell>> = vec![Vec::new(); classes];
    let mut numbers = numbers.iter();
    for first in 0..classes {
        for second in first + 1..classes {
            let Some(number) = numbers.next() else { continue };
            let above = call.trace.pair(Two::Greater, Kind::Single, *number, Cell::Is(0.0))?;
            votes[first].push(above);
            votes[second].push(call.trace.pair(Two::Subtract, Kind::Single, Cell::Is(1.0), above)?);
        }
    }
    let mut of = Vec::with_capacity(classes);
    for votes in votes {
        of.push(math::dot(call, Kind::Single, 0.0, votes.into_iter().map(|vote| (vote, Cell::Is(1.0))))?);
    }
    call.trace.one(Op::Largest { of, last: false })
}

/// The machines of the pairs, in the order 0-1, 0-2, ..., 1-2, ...: each has the vectors of its two classes. There is a
/// row of coefficients for each class but one; a class's vectors have theirs against a later class in the row before
/// that class's, and against an earlier one in that class's own.
fn pairs(call: &Call<'_>, classes: usize, width: usize) -> Result<Vec<Svm>, Refusal> {
    let node = call.node;
    let counts = node.ints("vectors_per_class")?.iter().map(|count| usize::try_from(*count));
    let counts = counts.collect::<Result<Vec<usize>, _>>().map_err(|_| Refusal::invalid("vectors_per_class"))?;
    let vectors = counts.iter().fold(0_usize, |sum, count| sum.saturating_add(*count));
    if vectors == 0 {
        return Err(Refusal::unsupported("a classifier without support vectors"));
    }
    let (numbers, rho) = (node.floats("support_vectors")?, node.floats("rho")?);
    let coefficients = node.floats("coefficients")?;
    let fits = classes > 1
        && counts.len() == classes
        && numbers.len() == vectors.saturating_mul(width)
        && coefficients.len() == vectors.saturating_mul(classes - 1)
        && rho.len() == classes.saturating_mul(classes - 1) / 2;
    if !fits {
        return Err(Refusal::invalid("support_vectors, coefficients or rho do not fit the classes and features"));
    }
    let starts: Vec<usize> = counts.iter().scan(0, |sum, count| Some(std::mem::replace(sum, *sum + count))).collect();
    let shape = Shape::read(call)?;
    let mut rho = rho.into_iter();
    let mut machines = Vec::new();
    for first in 0..classes {
        for second in first + 1..classes {
            let mut own = (Vec::new(), Vec::new());
            for (class, coefficient_row) in [(first, second - 1), (second, first)] {
                let (from, to) = (starts[class], starts[class] + counts[class]);
                own.0.extend_from_slice(&numbers[from * width..to * width]);
                own.1.extend_from_slice(&coefficients[coefficient_row * vectors..][from..to]);
            }
            machines.push(shape.machine(width, own.0, own.1, rho.next().unwrap_or(0.0), Kind::Double));
        }
    }
    Ok(machines)
}

/// What all machines of a node have in common.
struct Shape {
    kernel: Kernel,
    parameters: [f64; 3],
}

impl Shape {
    fn read(call: &Call<'_>) -> Result<Self, Refusal> {
        let kernel = match call.node.text("kernel_type", "LINEAR")?.as_str() {
            "LINEAR" => Kernel::Linear,
            "POLY" => Kernel::Polynomial,
            "RBF" => Kernel::Radial,
            "SIGMOID" => Kernel::Sigmoid,
            _ => return Err(Refusal::unsupported("this kernel_type")),
        };
        let given = call.node.floats("kernel_params")?;
        let parameter = |at: usize| given.get(at).copied().unwrap_or(0.0);
        Ok(Self { kernel, parameters: [parameter(0), parameter(1), parameter(2)] })
    }

    fn machine(&self, features: usize, vectors: Vec<f64>, coefficients: Vec<f64>, rho: f64, sums: Kind) -> Svm {
        let [gamma, coef0, degree] = self.parameters;
        Svm { kernel: self.kernel, gamma, coef0, degree, features, vectors, coefficients, rho, sums }
    }
}
