//! A sum of parts of one input each as the crate's linear form.

use std::collections::HashMap;

use super::functions::{One, Two};
use super::margin::{Margin, Source};
use super::program::{Op, Program};
use super::tensor::{Cell, Kind};
use crate::forest::Precision;
use crate::linear::{Equation, Expression, Factor, Finish, Function, Linear, Term, Treatment};

/// Most terms of a sum within a part: it becomes an expression as deep.
const TERMS_MAX: usize = 32;

/// Nothing where a part is of several inputs, or computed by what the form does not have.
pub(super) fn make(program: &Program, inputs: &[Treatment], margin: &Margin, precision: Precision) -> Option<Linear> {
    let slots = margin.sums.iter().flat_map(|sum| sum.terms.iter().map(|(slot, _)| *slot));
    if slots.clone().any(|slot| margin.sources[slot as usize] == Source::Several) {
        return None;
    }
    let mut fields: HashMap<u32, usize> = (0..program.inputs).map(|at| (at as u32, at)).collect();
    let mut derived = Vec::new();
    for at in program.needed(slots.map(Cell::At)) {
        let step = &program.steps[at];
        derived.push(expression(&step.op, &fields)?);
        fields.insert(step.to, program.inputs + derived.len() - 1);
    }
    let equations = margin.sums.iter().map(|sum| {
        let term = |(slot, weight): &(u32, f64)| {
            Some(Term { coefficient: precision.fit(*weight), factors: vec![Factor::Power(*fields.get(slot)?, 1.0)] })
        };
        Some(Equation {
            intercept: precision.fit(sum.constant),
            terms: sum.terms.iter().map(term).collect::<Option<_>>()?,
        })
    });
    let equations = equations.collect::<Option<Vec<_>>>()?;
    Some(Linear::new(inputs.to_vec(), derived, equations, Finish::default()).in_precision(precision))
}

/// A step of one number as an expression of fields.
fn expression(op: &Op, fields: &HashMap<u32, usize>) -> Option<Expression> {
    let cell = |cell: &Cell| match cell {
        Cell::Is(x) => Some(Expression::Constant(*x)),
        Cell::At(slot) => fields.get(slot).copied().map(Expression::Field),
    };
    let field = |cell: &Cell| match cell {
        Cell::At(slot) => fields.get(slot).copied(),
        Cell::Is(_) => None,
    };
    Some(match op {
        Op::One(One::Same, kind, a) => fitted(*kind, cell(a)?)?,
        Op::One(One::Negative, kind, a) => {
            fitted(*kind, apply(Function::Subtract, vec![Expression::Constant(0.0), cell(a)?]))?
        }
        Op::One(function, kind, a) => fitted(*kind, apply(function_of_one(*function)?, vec![cell(a)?]))?,
        Op::Two(Two::OrElse, _, a, Cell::Is(b)) => Expression::OrElse(Box::new(cell(a)?), *b),
        Op::Two(function, kind, a, b) => {
            let function = match function {
                Two::Add => Function::Add,
                Two::Subtract => Function::Subtract,
                Two::Multiply => Function::Multiply,
                Two::Divide => Function::Divide,
                Two::Power => Function::Pow,
                _ => return None,
            };
            fitted(*kind, apply(function, vec![cell(a)?, cell(b)?]))?
        }
        // Unlike the form's own, missing is no number.
        Op::Is(of, symbol) => Expression::OrElse(Box::new(Expression::Is { field: field(of)?, symbol: *symbol }), 0.0),
        Op::Table { of, rows, default, missing } => Expression::Table {
            fields: vec![field(of)?],
            rows: rows.iter().map(|(from, to)| (vec![*from], *to)).collect(),
            default: *default,
            missing: *missing,
        },
        Op::Choose(condition, a, b) => apply(Function::If, vec![cell(condition)?, cell(a)?, cell(b)?]),
        Op::Sum { kind, start, terms } if terms.len() <= TERMS_MAX => {
            let mut sum = Expression::Constant(*start);
            for (of, weight) in terms {
                let term = apply(Function::Multiply, vec![cell(of)?, Expression::Constant(*weight)]);
                sum = fitted(*kind, apply(Function::Add, vec![sum, fitted(*kind, term)?]))?;
            }
            sum
        }
        _ => return None,
    })
}

fn apply(function: Function, arguments: Vec<Expression>) -> Expression {
    Expression::Apply { function, arguments, missing: None }
}

fn fitted(kind: Kind, expression: Expression) -> Option<Expression> {
    match kind {
        Kind::Single => Some(Expression::Single(Box::new(expression))),
        Kind::Double => Some(expression),
        _ => None,
    }
}

fn function_of_one(function: One) -> Option<Function> {
    Some(match function {
        One::Exp => Function::Exp,
        One::Log => Function::Ln,
        One::Sqrt => Function::Sqrt,
        One::Abs => Function::Abs,
        One::Ceil => Function::Ceil,
        One::Floor => Function::Floor,
        One::Round => Function::Rint,
        _ => return None,
    })
}
