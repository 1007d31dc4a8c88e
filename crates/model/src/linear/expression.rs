//! Expressions over the fields of a row: what PMML's transformations become.
//!
//! A value is a number; missing is NaN; a category is the number of its symbol (see [`super::OTHER`]); true and false
//! are 1 and 0. Whether a field holds numbers or symbols was checked when the expression was made.

use std::collections::HashMap;

use super::normal;

#[derive(Debug, Clone)]
pub(crate) enum Expression {
    Field(usize),
    Constant(f64),
    Apply {
        function: Function,
        arguments: Vec<Expression>,
        /// The value where any argument is missing; without it the function decides.
        missing: Option<f64>,
    },
    /// 1 where the field is the symbol, else 0; missing stays missing.
    Is {
        field: usize,
        symbol: f64,
    },
    /// Piecewise linear through points of ascending `x`.
    Lines {
        field: usize,
        points: Vec<(f64, f64)>,
        outliers: Outliers,
    },
    /// The value of the first interval that holds the field's value, `default` if none does, `missing` if there is
    /// none.
    Bins {
        field: usize,
        bins: Vec<(Interval, f64)>,
        default: f64,
        missing: f64,
    },
    /// A look-up by the values of some fields: `default` where no row has them, `missing` where one of them is.
    Table {
        fields: Vec<usize>,
        rows: HashMap<Vec<u64>, f64>,
        default: f64,
        missing: f64,
    },
    /// `value` where the expression is missing.
    OrElse(Box<Expression>, f64),
    /// Rounded to single precision.
    Single(Box<Expression>),
}

/// What becomes of numbers outside a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outliers {
    Kept,
    Missing,
    Extreme,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Interval {
    pub low: f64,
    pub high: f64,
    pub low_open: bool,
    pub high_open: bool,
}

impl Interval {
    pub(crate) fn contains(&self, x: f64) -> bool {
        let above = if self.low_open { x > self.low } else { x >= self.low };
        let below = if self.high_open { x < self.high } else { x <= self.high };
        above && below
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Add,
    Subtract,
    Multiply,
    Divide,
    Min,
    Max,
    Sum,
    Product,
    Average,
    Ln,
    Log10,
    Ln1p,
    Exp,
    ExpM1,
    Sqrt,
    Abs,
    Pow,
    Threshold,
    Floor,
    Ceil,
    Round,
    Rint,
    Modulo,
    Median,
    Hypot,
    Sin,
    Asin,
    Sinh,
    Cos,
    Acos,
    Cosh,
    Tan,
    Atan,
    Tanh,
    Erf,
    NormalCdf,
    NormalPdf,
    NormalIdf,
    StdNormalCdf,
    StdNormalPdf,
    StdNormalIdf,
    IsMissing,
    IsNotMissing,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    And,
    Or,
    Not,
    IsIn,
    IsNotIn,
    If,
}

/// A number as a key of a table: both zeros are one.
pub(crate) fn key(x: f64) -> u64 {
    if x == 0.0 { 0 } else { x.to_bits() }
}

impl Expression {
    /// The value for a row whose fields are known up to those the expression reads.
    pub(crate) fn value(&self, fields: &[f64]) -> f64 {
        match self {
            Self::Field(field) => fields[*field],
            Self::Constant(value) => *value,
            Self::Apply { function, arguments, missing: None } => {
                apply(*function, arguments.len(), |at| arguments.get(at).map_or(f64::NAN, |part| part.value(fields)))
            }
            Self::Apply { function, arguments, missing: Some(missing) } => {
                // Once each: an argument may hold others of its kind.
                let values: Vec<f64> = arguments.iter().map(|part| part.value(fields)).collect();
                match values.iter().any(|x| x.is_nan()) {
                    true => *missing,
                    false => apply(*function, values.len(), |at| values.get(at).copied().unwrap_or(f64::NAN)),
                }
            }
            Self::Is { field, symbol } => match fields[*field] {
                x if x.is_nan() => f64::NAN,
                x => truth(x == *symbol),
            },
            Self::Lines { field, points, outliers } => lines(points, *outliers, fields[*field]),
            Self::Bins { field, bins, default, missing } => match fields[*field] {
                x if x.is_nan() => *missing,
                x => bins.iter().find(|(interval, _)| interval.contains(x)).map_or(*default, |(_, value)| *value),
            },
            Self::Table { fields: columns, rows, default, missing } => {
                let values = columns.iter().map(|field| fields[*field]);
                if values.clone().any(f64::is_nan) {
                    return *missing;
                }
                rows.get(&values.map(key).collect::<Vec<_>>()).copied().unwrap_or(*default)
            }
            Self::OrElse(inner, other) => match inner.value(fields) {
                x if x.is_nan() => *other,
                x => x,
            },
            Self::Single(inner) => f64::from(inner.value(fields) as f32),
        }
    }

    /// Call `each` with every field the expression reads, in the order of the file.
    pub(crate) fn reads(&self, each: &mut impl FnMut(usize)) {
        match self {
            Self::Constant(_) => {}
            Self::Field(field) | Self::Is { field, .. } | Self::Lines { field, .. } | Self::Bins { field, .. } => {
                each(*field);
            }
            Self::Apply { arguments, .. } => arguments.iter().for_each(|argument| argument.reads(each)),
            Self::Table { fields, .. } => fields.iter().for_each(|field| each(*field)),
            Self::OrElse(inner, _) | Self::Single(inner) => inner.reads(each),
        }
    }
}

fn truth(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}

fn lines(points: &[(f64, f64)], outliers: Outliers, x: f64) -> f64 {
    let ([first, .., last], false) = (points, x.is_nan()) else { return f64::NAN };
    let outside = x < first.0 || x > last.0;
    match outliers {
        Outliers::Missing if outside => return f64::NAN,
        Outliers::Extreme if x < first.0 => return first.1,
        Outliers::Extreme if x > last.0 => return last.1,
        _ => {}
    }
    let right = points.partition_point(|point| point.0 < x).clamp(1, points.len() - 1);
    let ((a, a_to), (b, b_to)) = (points[right - 1], points[right]);
    a_to + (x - a) / (b - a) * (b_to - a_to)
}

/// A function of `count` arguments; each is asked for once at most, so that nesting stays cheap.
fn apply(function: Function, count: usize, value: impl Fn(usize) -> f64) -> f64 {
    match function {
        Function::IsMissing => truth(value(0).is_nan()),
        Function::IsNotMissing => truth(!value(0).is_nan()),
        Function::If => match value(0) {
            x if x.is_nan() => f64::NAN,
            0.0 => value(2),
            _ => value(1),
        },
        Function::And => all((0..count).map(value), 1.0),
        Function::Or => all((0..count).map(value), 0.0),
        Function::Min | Function::Max | Function::Sum | Function::Product | Function::Average => {
            aggregate(function, (0..count).map(value))
        }
        Function::Median => {
            let mut values: Vec<f64> = (0..count).map(value).filter(|x| !x.is_nan()).collect();
            values.sort_by(f64::total_cmp);
            let middle = values.len() / 2;
            match values.len() {
                0 => f64::NAN,
                length if length.is_multiple_of(2) => 0.5 * (values[middle - 1] + values[middle]),
                _ => values[middle],
            }
        }
        Function::NormalCdf | Function::NormalPdf | Function::NormalIdf => {
            let (x, mean, deviation) = (value(0), value(1), value(2));
            match function {
                _ if x.is_nan() || mean.is_nan() || deviation.is_nan() => f64::NAN,
                _ if deviation <= 0.0 => f64::NAN,
                Function::NormalCdf => normal::below(x, mean, deviation),
                Function::NormalPdf => normal::density(x, mean, deviation),
                _ => normal::quantile(x, mean, deviation),
            }
        }
        Function::IsIn | Function::IsNotIn => {
            let x = value(0);
            let found = (1..count).any(|at| value(at) == x);
            if x.is_nan() { x } else { truth(found == (function == Function::IsIn)) }
        }
        _ => {
            let (x, y) = (value(0), value(1));
            if x.is_nan() || (count > 1 && y.is_nan()) { f64::NAN } else { simple(function, x, y) }
        }
    }
}

/// Three-valued `and` (`neutral` 1) and `or` (`neutral` 0): the other truth value decides, missing outweighs the
/// neutral.
fn all(values: impl Iterator<Item = f64>, neutral: f64) -> f64 {
    let mut result = neutral;
    for x in values {
        if x.is_nan() {
            result = x;
        } else if x != neutral {
            return x;
        }
    }
    result
}

/// Missing arguments do not count.
fn aggregate(function: Function, values: impl Iterator<Item = f64>) -> f64 {
    let mut result = match function {
        Function::Min => f64::INFINITY,
        Function::Max => f64::NEG_INFINITY,
        Function::Product => 1.0,
        _ => 0.0,
    };
    let mut count = 0.0;
    for x in values.filter(|x| !x.is_nan()) {
        count += 1.0;
        result = match function {
            Function::Min => x.min(result),
            Function::Max => x.max(result),
            Function::Product => result * x,
            _ => result + x,
        };
    }
    match function {
        _ if count == 0.0 => f64::NAN,
        Function::Average => result / count,
        _ => result,
    }
}

fn simple(function: Function, x: f64, y: f64) -> f64 {
    match function {
        Function::Add => x + y,
        Function::Subtract => x - y,
        Function::Multiply => x * y,
        Function::Divide => x / y,
        Function::Ln => libm::log(x),
        Function::Log10 => libm::log10(x),
        Function::Ln1p => libm::log1p(x),
        Function::Exp => libm::exp(x),
        Function::ExpM1 => libm::expm1(x),
        Function::Sqrt => x.sqrt(),
        Function::Abs => x.abs(),
        Function::Pow => libm::pow(x, y),
        Function::Threshold => truth(x > y),
        Function::Floor => x.floor(),
        Function::Ceil => x.ceil(),
        // Half up, as Java's Math.round and the specification's examples have it.
        Function::Round => (x + 0.5).floor(),
        Function::Rint => x.round_ties_even(),
        // With the sign of the divisor.
        Function::Modulo => x - y * (x / y).floor(),
        Function::Hypot => libm::hypot(x, y),
        Function::Sin => libm::sin(x),
        Function::Asin => libm::asin(x),
        Function::Sinh => libm::sinh(x),
        Function::Cos => libm::cos(x),
        Function::Acos => libm::acos(x),
        Function::Cosh => libm::cosh(x),
        Function::Tan => libm::tan(x),
        Function::Atan => libm::atan(x),
        Function::Tanh => libm::tanh(x),
        Function::Erf => libm::erf(x),
        Function::StdNormalCdf => normal::below(x, 0.0, 1.0),
        Function::StdNormalPdf => normal::density(x, 0.0, 1.0),
        Function::StdNormalIdf => normal::quantile(x, 0.0, 1.0),
        Function::Equal => truth(x == y),
        Function::NotEqual => truth(x != y),
        Function::Less => truth(x < y),
        Function::LessOrEqual => truth(x <= y),
        Function::Greater => truth(x > y),
        Function::GreaterOrEqual => truth(x >= y),
        Function::Not => truth(x == 0.0),
        _ => f64::NAN,
    }
}
