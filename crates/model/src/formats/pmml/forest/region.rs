//! Where a predicate of one input is true: a set of categories, or ranges of numbers.
//!
//! A predicate may read fields derived from the input. Each such field is constant between some points or goes one way
//! all along; its points are carried back to the input, exactly, by halving the range of all doubles. Then the
//! predicate is asked once at each point and once between each two.

use std::collections::HashMap;

use crate::graph::Predicate;
use crate::linear::{Expression, Function, Outliers, Treatment};

/// Most points of a predicate; it bounds the time that a tree takes.
const POINTS_MAX: usize = 4096;

/// How the fields that are no inputs are made.
pub(super) struct Sources<'g> {
    inputs: usize,
    made: HashMap<usize, Made<'g>>,
}

#[derive(Clone, Copy)]
enum Made<'g> {
    Derived(&'g Expression),
    Treated(usize, &'g Treatment),
}

/// Truth of a predicate by the value of its input: 1, 0 or unknown.
pub(super) type Truth = Option<bool>;

/// Where a predicate is true.
#[derive(Debug, PartialEq)]
pub(super) enum Region {
    /// The truth of each place of the input's categories, the last for all others; then of a missing one.
    Places(Vec<Truth>, Truth),
    /// The truth up to each of some ascending numbers (inclusive), then beyond; then of a missing one.
    Ranges(Vec<(f64, Truth)>, Truth, Truth),
}

impl<'g> Sources<'g> {
    pub(super) fn new(inputs: usize) -> Self {
        Self { inputs, made: HashMap::new() }
    }

    pub(super) fn derive(&mut self, to: usize, expression: &'g Expression) {
        self.made.insert(to, Made::Derived(expression));
    }

    pub(super) fn treat(&mut self, to: usize, from: usize, treatment: &'g Treatment) {
        self.made.insert(to, Made::Treated(from, treatment));
    }

    /// The one input that a predicate reads, and the fields on the way in the order they are made; nothing where it
    /// reads none, several, or what is no field of these.
    pub(super) fn input(&self, predicate: &Predicate) -> Option<(usize, Vec<usize>)> {
        let (mut input, mut way, mut fits) = (None, Vec::new(), true);
        predicate.reads(&mut |slot| fits &= self.follow(slot, &mut input, &mut way, 0));
        input.filter(|_| fits).map(|input| (input, way))
    }

    fn follow(&self, slot: usize, input: &mut Option<usize>, way: &mut Vec<usize>, depth: usize) -> bool {
        if slot < self.inputs {
            return *input.get_or_insert(slot) == slot;
        }
        if way.contains(&slot) {
            return true;
        }
        if depth > 64 || way.len() > 64 {
            return false;
        }
        let fits = match self.made.get(&slot) {
            None => false,
            Some(Made::Treated(from, _)) => self.follow(*from, input, way, depth + 1),
            Some(Made::Derived(expression)) => {
                let mut fits = true;
                expression.reads(&mut |from| fits &= self.follow(from, input, way, depth + 1));
                fits
            }
        };
        way.push(slot);
        fits
    }

    /// The truth of a predicate where the input has a value.
    fn truth(&self, predicate: &Predicate, input: usize, way: &[usize], x: f64, fields: &mut [f64]) -> Truth {
        self.fill(input, way, x, fields);
        predicate.test(fields)
    }

    fn fill(&self, input: usize, way: &[usize], x: f64, fields: &mut [f64]) {
        fields[input] = x;
        for slot in way {
            fields[*slot] = match self.made.get(slot) {
                Some(Made::Derived(expression)) => expression.value(fields),
                Some(Made::Treated(from, treatment)) => treatment.treat(fields[*from]).unwrap_or(f64::NAN),
                None => f64::NAN,
            };
        }
    }

    /// Where a predicate of one input is true; `symbols` are those of its places where it is a category.
    pub(super) fn region(
        &self,
        predicate: &Predicate,
        (input, way): (usize, &[usize]),
        symbols: Option<&[f64]>,
        fields: &mut [f64],
    ) -> Option<Region> {
        let missing = self.truth(predicate, input, way, f64::NAN, fields);
        if let Some(symbols) = symbols {
            let others = symbols.iter().copied().chain([crate::linear::OTHER]);
            let truths = others.map(|symbol| self.truth(predicate, input, way, symbol, fields)).collect();
            return Some(Region::Places(truths, missing));
        }
        let mut points = Vec::new();
        self.thresholds(predicate, &mut points, input, way, fields)?;
        points.retain(|point| point.is_finite());
        points.sort_by(f64::total_cmp);
        points.dedup();
        if points.len() > POINTS_MAX {
            return None;
        }
        let mut ranges: Vec<(f64, Truth)> = Vec::new();
        let mut push = |end: f64, truth: Truth| match ranges.last_mut() {
            Some((last, same)) if *same == truth => *last = end,
            _ => ranges.push((end, truth)),
        };
        for point in &points {
            let below = point.next_down();
            push(below, self.truth(predicate, input, way, below, fields));
            push(*point, self.truth(predicate, input, way, *point, fields));
        }
        let last = points.last().map_or(0.0, |point| point.next_up());
        push(f64::INFINITY, self.truth(predicate, input, way, last, fields));
        let (_, beyond) = ranges.pop()?;
        Some(Region::Ranges(ranges, beyond, missing))
    }

    /// The values of the input at which the predicate may change.
    fn thresholds(
        &self,
        predicate: &Predicate,
        points: &mut Vec<f64>,
        input: usize,
        way: &[usize],
        fields: &mut [f64],
    ) -> Option<()> {
        let mut back = |slot: usize, targets: &[f64]| {
            let found = self.back(slot, targets, input, way, fields)?;
            points.extend(found);
            (points.len() <= 2 * POINTS_MAX).then_some(())
        };
        match predicate {
            Predicate::True | Predicate::False => Some(()),
            Predicate::Compare(slot, _, value) => back(*slot, &[*value]),
            Predicate::IsMissing(slot) | Predicate::IsNotMissing(slot) => back(*slot, &[]),
            Predicate::In { field, keys, .. } => {
                back(*field, &keys.iter().map(|key| f64::from_bits(*key)).collect::<Vec<_>>())
            }
            Predicate::And(parts) | Predicate::Or(parts) | Predicate::Xor(parts) | Predicate::Surrogate(parts) => {
                parts.iter().try_for_each(|part| self.thresholds(part, points, input, way, fields))
            }
        }
    }

    /// The values of the input at which a field may pass one of some values, or become missing.
    fn back(&self, slot: usize, targets: &[f64], input: usize, way: &[usize], fields: &mut [f64]) -> Option<Vec<f64>> {
        if slot == input {
            return Some(targets.to_vec());
        }
        match self.made.get(&slot)? {
            Made::Treated(from, treatment) => {
                let mut all = targets.to_vec();
                if treatment.outliers != Outliers::Kept {
                    all.extend([treatment.low, treatment.high]);
                }
                self.back(*from, &all, input, way, fields)
            }
            Made::Derived(expression) => self.back_through(expression, targets, input, way, fields),
        }
    }

    fn back_through(
        &self,
        expression: &Expression,
        targets: &[f64],
        input: usize,
        way: &[usize],
        fields: &mut [f64],
    ) -> Option<Vec<f64>> {
        match expression {
            Expression::Constant(_) => Some(Vec::new()),
            Expression::Field(slot) => self.back(*slot, targets, input, way, fields),
            Expression::OrElse(inner, _) => self.back_through(inner, targets, input, way, fields),
            Expression::Bins { field, bins, .. } => {
                let margins: Vec<f64> = bins.iter().flat_map(|(range, _)| [range.low, range.high]).collect();
                self.back(*field, &margins, input, way, fields)
            }
            Expression::Apply { function: Function::If, arguments, .. } => {
                let mut all = Vec::new();
                for argument in arguments {
                    // A condition changes where it passes between 0 and 1.
                    let targets = if std::ptr::eq(argument, &raw const arguments[0]) { &[0.5] } else { targets };
                    all.extend(self.back_through(argument, targets, input, way, fields)?);
                }
                Some(all)
            }
            Expression::Apply { function, arguments, .. } if is_test(*function) => {
                let [inner, others @ ..] = arguments.as_slice() else { return None };
                let mut values = Vec::new();
                for other in others {
                    let Expression::Constant(value) = other else { return None };
                    values.push(*value);
                }
                self.back_through(inner, &values, input, way, fields)
            }
            _ => {
                let direction = monotone(expression)?;
                let slot = direction.field;
                let mut all = Vec::new();
                for target in targets {
                    let (below, upto) = direction.cross(expression, *target, slot, fields);
                    all.extend([below, upto]);
                }
                all.extend(direction.edges);
                self.back(slot, &all, input, way, fields)
            }
        }
    }
}

/// Functions of a number and constants that are true or false.
fn is_test(function: Function) -> bool {
    use Function::*;
    matches!(
        function,
        Equal
            | NotEqual
            | Less
            | LessOrEqual
            | Greater
            | GreaterOrEqual
            | IsIn
            | IsNotIn
            | IsMissing
            | IsNotMissing
            | Threshold
    )
}

/// An expression of one field that goes one way all along.
struct Monotone {
    field: usize,
    is_rising: bool,
    /// Values of the field at which it may become missing.
    edges: Vec<f64>,
}

/// Nothing where it may turn.
fn monotone(expression: &Expression) -> Option<Monotone> {
    match expression {
        Expression::Field(field) => Some(Monotone { field: *field, is_rising: true, edges: Vec::new() }),
        Expression::Single(inner) | Expression::OrElse(inner, _) => monotone(inner),
        Expression::Lines { field, points, outliers } => {
            let rising = points.windows(2).all(|pair| pair[0].1 <= pair[1].1);
            let falling = points.windows(2).all(|pair| pair[0].1 >= pair[1].1);
            let (first, last) = (points.first()?.0, points.last()?.0);
            let edges = if *outliers == Outliers::Kept { Vec::new() } else { vec![first, last] };
            (rising || falling).then_some(Monotone { field: *field, is_rising: rising, edges })
        }
        Expression::Apply { function, arguments, missing: None } => {
            let (inner, is_rising, edge) = match (function, arguments.as_slice()) {
                (Function::Add, [inner, Expression::Constant(_)] | [Expression::Constant(_), inner])
                | (Function::Subtract, [inner, Expression::Constant(_)]) => (inner, true, None),
                (Function::Subtract, [Expression::Constant(_), inner]) => (inner, false, None),
                (Function::Multiply, [inner, Expression::Constant(by)] | [Expression::Constant(by), inner])
                | (Function::Divide, [inner, Expression::Constant(by)])
                    if *by != 0.0 =>
                {
                    (inner, *by > 0.0, None)
                }
                (Function::Exp | Function::ExpM1 | Function::Floor | Function::Ceil | Function::Round, [inner]) => {
                    (inner, true, None)
                }
                (Function::Rint | Function::Atan | Function::Tanh | Function::Sinh, [inner]) => (inner, true, None),
                (Function::Ln | Function::Log10 | Function::Sqrt, [inner]) => (inner, true, Some(0.0)),
                (Function::Ln1p, [inner]) => (inner, true, Some(-1.0)),
                _ => return None,
            };
            let mut found = monotone(inner)?;
            if let Some(edge) = edge {
                // Where the inner one falls it would be missing behind all else.
                if !found.is_rising {
                    return None;
                }
                let (below, upto) = found.cross(inner, edge, found.field, &mut vec![f64::NAN; found.field + 1]);
                found.edges.extend([below, upto]);
            }
            found.is_rising = found.is_rising == is_rising;
            Some(found)
        }
        _ => None,
    }
}

impl Monotone {
    /// The largest values of the field before the expression reaches a target and before it passes it.
    fn cross(&self, expression: &Expression, target: f64, slot: usize, fields: &mut [f64]) -> (f64, f64) {
        let mut value = |x: f64| {
            let before = std::mem::replace(&mut fields[slot], x);
            let value = expression.value(fields);
            fields[slot] = before;
            // Where it is missing lies before all else.
            match (value.is_nan(), self.is_rising) {
                (false, _) => value,
                (true, true) => f64::NEG_INFINITY,
                (true, false) => f64::INFINITY,
            }
        };
        let rises = self.is_rising;
        let reaches = |y: f64| if rises { y >= target } else { y <= target };
        let passes = |y: f64| if rises { y > target } else { y < target };
        (last_before(|x| reaches(value(x))), last_before(|x| passes(value(x))))
    }
}

/// The largest finite double before a condition holds that holds from some number on.
fn last_before(mut holds: impl FnMut(f64) -> bool) -> f64 {
    // Doubles in their order as whole numbers.
    let double = |place: i64| match place < 0 {
        true => -f64::from_bits(!place as u64),
        false => f64::from_bits(place as u64),
    };
    let largest = f64::MAX.to_bits() as i64;
    let (mut low, mut high) = (-largest - 2, largest + 1);
    while low + 1 < high {
        let middle = ((i128::from(low) + i128::from(high)) / 2) as i64;
        if holds(double(middle)) { high = middle } else { low = middle }
    }
    double(low)
}
