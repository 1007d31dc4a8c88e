//! A linear predictor over derived features.
//!
//! A row's inputs are first *treated* as the file asks (missing and invalid values, outliers), then *derived* fields
//! are computed in the order of the file, then each output sums its terms: coefficient x product of factors. Every term
//! belongs to the input its first factor comes from, or to no input at all (then it is part of the base with the
//! intercept). Terms are summed in the order of the file in double precision. Memory: one row's fields and
//! contributions.

mod expression;
mod normal;
mod sums;

use std::collections::BTreeSet;

use crate::forest::Precision;

use sums::Sums;

pub(crate) use expression::{Expression, Function, Interval, Outliers, key};

/// The symbol of a category that the document names nowhere.
pub(crate) const OTHER: f64 = -1.0;

/// What is done to an input before anything reads it.
#[derive(Debug, Clone)]
pub(crate) struct Treatment {
    /// For a category: the symbol of each code, and whether it is a valid value.
    pub symbols: Option<Vec<f64>>,
    /// Values that are the same as missing.
    pub missing: Vec<f64>,
    pub validity: Validity,
    pub invalid: Invalid,
    pub outliers: Outliers,
    pub low: f64,
    pub high: f64,
    /// In place of a missing value; NaN for none.
    pub replacement: f64,
    pub missing_is_invalid: bool,
    pub single: bool,
}

/// Which values are valid.
#[derive(Debug, Clone)]
pub(crate) enum Validity {
    Any,
    Listed(Vec<f64>),
    Within(Vec<Interval>),
}

/// What becomes of an invalid value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Invalid {
    /// The row has no score.
    NoScore,
    AsIs,
    AsMissing,
    Replaced(f64),
}

#[derive(Debug, Clone)]
pub(crate) enum Factor {
    /// The field to a power.
    Power(usize, f64),
    /// 1 where the field is the symbol, else 0, also where it is missing.
    Is(usize, f64),
    /// As [`Factor::Is`], but a missing field makes the score missing.
    IsPresent(usize, f64),
}

#[derive(Debug, Clone)]
pub(crate) struct Term {
    pub coefficient: f64,
    pub factors: Vec<Factor>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Equation {
    pub intercept: f64,
    pub terms: Vec<Term>,
}

impl Equation {
    /// The sum for a row's fields; in single precision terms and sums are rounded to it.
    pub(crate) fn value(&self, fields: &[f64], precision: Precision) -> f64 {
        let terms = self.terms.iter();
        match precision {
            Precision::Double => terms.fold(self.intercept, |sum, term| sum + term.value(fields)),
            Precision::Single => {
                terms.fold(self.intercept, |sum, term| f64::from((sum + f64::from(term.value(fields) as f32)) as f32))
            }
        }
    }
}

/// How predictions are changed after the link.
#[derive(Debug, Clone)]
pub(crate) struct Finish {
    /// A field to multiply by: the number of trials.
    pub trials: Option<usize>,
    pub low: f64,
    pub high: f64,
    pub factor: f64,
    pub constant: f64,
    pub cast: Option<Function>,
}

impl Default for Finish {
    fn default() -> Self {
        let (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
        Self { trials: None, low, high, factor: 1.0, constant: 0.0, cast: None }
    }
}

impl Finish {
    /// A prediction within bounds, scaled and cast. A bound does not take the place of a score that is missing.
    pub(crate) fn of(&self, prediction: f64) -> f64 {
        if prediction.is_nan() {
            return prediction;
        }
        let scaled = prediction.max(self.low).min(self.high) * self.factor + self.constant;
        match self.cast {
            Some(Function::Floor) => scaled.floor(),
            Some(Function::Ceil) => scaled.ceil(),
            Some(_) => (scaled + 0.5).floor(),
            None => scaled,
        }
    }

    /// Whether it only scales and shifts.
    pub(crate) fn is_affine(&self) -> bool {
        let bounded = self.low > f64::NEG_INFINITY || self.high < f64::INFINITY;
        !bounded && self.trials.is_none() && self.cast.is_none()
    }

    pub(crate) fn changes(&self) -> bool {
        let plain = Self::default();
        let numbers = |finish: &Self| [finish.low, finish.high, finish.factor, finish.constant];
        self.trials.is_some() || self.cast.is_some() || numbers(self) != numbers(&plain)
    }
}

pub(crate) struct Linear {
    inputs: Vec<Treatment>,
    derived: Vec<Expression>,
    equations: Vec<Equation>,
    /// For each equation, for each term the input it belongs to.
    owners: Vec<Vec<Option<usize>>>,
    bias: Vec<f64>,
    finish: Finish,
    precision: Precision,
    /// The quick way, where nothing but sums is asked.
    sums: Option<Sums>,
    is_additive: bool,
}

impl Linear {
    /// Derived fields may only read inputs and earlier derived fields.
    pub(crate) fn new(
        inputs: Vec<Treatment>,
        derived: Vec<Expression>,
        equations: Vec<Equation>,
        finish: Finish,
    ) -> Self {
        let mut sources: Vec<Option<usize>> = (0..inputs.len()).map(Some).collect();
        for expression in &derived {
            let mut first = None;
            expression.reads(&mut |field| first = first.or(sources.get(field).copied().flatten()));
            sources.push(first);
        }
        let is_additive = is_additive(inputs.len(), &derived, &equations);
        let owner = |term: &Term| term.factors.iter().find_map(|factor| sources[factor.field()]);
        let owners = equations.iter().map(|equation| equation.terms.iter().map(owner).collect()).collect();
        let precision = Precision::Double;
        let sums = if derived.is_empty() { Sums::new(&inputs, &equations) } else { None };
        let mut linear =
            Self { inputs, derived, equations, owners, bias: Vec::new(), finish, precision, sums, is_additive };
        linear.bias = linear.constant_part();
        linear
    }

    /// The same in another precision: terms and sums are rounded to it.
    pub(crate) fn in_precision(self, precision: Precision) -> Self {
        Self { precision, sums: self.sums.filter(|_| precision == Precision::Double), ..self }
    }

    /// Intercepts, with the terms that read no input.
    fn constant_part(&self) -> Vec<f64> {
        let mut fields = vec![f64::NAN; self.inputs.len()];
        self.derive(&mut fields);
        let pairs = self.equations.iter().zip(&self.owners);
        let constant = |(equation, owners): (&Equation, &Vec<Option<usize>>)| {
            let own = equation.terms.iter().zip(owners).filter(|(_, owner)| owner.is_none());
            own.fold(equation.intercept, |sum, (term, _)| sum + term.value(&fields))
        };
        pairs.map(constant).collect()
    }

    pub(crate) fn terms(&self) -> usize {
        self.equations.iter().map(|equation| equation.terms.len()).sum()
    }

    pub(crate) fn bias(&self) -> &[f64] {
        &self.bias
    }

    /// The linear predictors (rows x outputs) of rows x inputs.
    pub(crate) fn score(&self, values: &[f64], raw: &mut [f64]) {
        if let Some(sums) = &self.sums {
            sums.add(values, raw);
            return;
        }
        let mut fields = Vec::new();
        let rows = values.chunks_exact(self.inputs.len().max(1));
        for (row, raw) in rows.zip(raw.chunks_exact_mut(self.equations.len())) {
            let scored = self.fields(row, &mut fields);
            for (raw, equation) in raw.iter_mut().zip(&self.equations) {
                let sum = equation.value(&fields, self.precision);
                *raw = if scored { sum } else { f64::NAN };
            }
        }
    }

    /// Change predictions (rows x outputs) as the file's targets ask.
    pub(crate) fn finish(&self, values: &[f64], predictions: &mut [f64]) {
        let finish = &self.finish;
        let mut fields = Vec::new();
        let rows = values.chunks_exact(self.inputs.len().max(1));
        for (row, predictions) in rows.zip(predictions.chunks_exact_mut(self.equations.len())) {
            let trials = finish.trials.map_or(1.0, |field| {
                self.fields(row, &mut fields);
                fields[field]
            });
            predictions.iter_mut().for_each(|prediction| *prediction *= trials);
            predictions.iter_mut().for_each(|prediction| *prediction = finish.of(*prediction));
        }
    }

    /// Whether predictions need [`Self::finish`].
    pub(crate) fn has_finish(&self) -> bool {
        self.finish.changes()
    }

    /// Call `each` with the contributions (inputs x outputs) of one row after the other.
    pub(crate) fn explain(&self, values: &[f64], mut each: impl FnMut(&[f64])) {
        let (inputs, outputs) = (self.inputs.len(), self.equations.len());
        let (mut fields, mut cells) = (Vec::new(), vec![0.0; inputs * outputs]);
        for row in values.chunks_exact(inputs.max(1)) {
            let scored = self.fields(row, &mut fields);
            cells.fill(if scored { 0.0 } else { f64::NAN });
            for (output, (equation, owners)) in self.equations.iter().zip(&self.owners).enumerate() {
                for (term, owner) in equation.terms.iter().zip(owners) {
                    if let Some(input) = owner {
                        cells[input * outputs + output] += term.value(&fields);
                    }
                }
            }
            each(&cells);
        }
    }

    /// Whether every term reads at most one input, so that contributions against background rows are differences from
    /// their mean.
    pub(crate) fn is_additive(&self) -> bool {
        self.is_additive
    }

    /// Treated inputs, then derived fields; false when an invalid value leaves the row without a score.
    fn fields(&self, row: &[f64], fields: &mut Vec<f64>) -> bool {
        let scored = Treatment::treat_row(&self.inputs, row, fields);
        self.derive(fields);
        scored
    }

    fn derive(&self, fields: &mut Vec<f64>) {
        for expression in &self.derived {
            let value = expression.value(fields);
            fields.push(value);
        }
    }
}

/// Whether every term reads at most one of so many inputs.
fn is_additive(inputs: usize, derived: &[Expression], equations: &[Equation]) -> bool {
    let mut sources: Vec<BTreeSet<usize>> = (0..inputs).map(|input| BTreeSet::from([input])).collect();
    for expression in derived {
        let mut all = BTreeSet::new();
        expression.reads(&mut |field| all.extend(sources.get(field).into_iter().flatten()));
        sources.push(all);
    }
    let terms = equations.iter().flat_map(|equation| &equation.terms);
    let mut read = terms
        .map(|term| term.factors.iter().flat_map(|factor| &sources[factor.field()]).collect::<BTreeSet<_>>().len());
    read.all(|inputs| inputs <= 1)
}

impl Treatment {
    /// A number that is taken as it is, with another in place of a missing one.
    pub(crate) fn missing_is(replacement: f64) -> Self {
        Self {
            symbols: None,
            missing: Vec::new(),
            validity: Validity::Any,
            invalid: Invalid::AsIs,
            outliers: Outliers::Kept,
            low: f64::NEG_INFINITY,
            high: f64::INFINITY,
            replacement,
            missing_is_invalid: false,
            single: false,
        }
    }

    /// Whether it makes another value of some value.
    pub(crate) fn changes(&self) -> bool {
        !self.replacement.is_nan() || self.missing_is_invalid || self.outliers != Outliers::Kept
    }

    /// The treated values of a row into `fields`; false when an invalid one leaves the row without a score.
    pub(crate) fn treat_row(treatments: &[Self], row: &[f64], fields: &mut Vec<f64>) -> bool {
        fields.clear();
        let mut scored = true;
        for (treatment, value) in treatments.iter().zip(row) {
            let value = treatment.treat(*value);
            scored &= value.is_some();
            fields.push(value.unwrap_or(f64::NAN));
        }
        scored
    }

    /// The value as others read it; nothing when the row has no score because of it.
    pub(crate) fn treat(&self, cell: f64) -> Option<f64> {
        let mut x = match &self.symbols {
            Some(symbols) if !cell.is_nan() => {
                symbols.get(cell as usize).copied().filter(|_| cell >= 0.0).unwrap_or(OTHER)
            }
            _ if self.single => f64::from(cell as f32),
            _ => cell,
        };
        if self.missing.contains(&x) {
            x = f64::NAN;
        }
        let valid = x.is_nan()
            || match &self.validity {
                Validity::Any => true,
                Validity::Listed(values) => values.contains(&x),
                Validity::Within(intervals) => intervals.iter().any(|interval| interval.contains(x)),
            };
        if !valid {
            match self.invalid {
                Invalid::NoScore => return None,
                Invalid::AsIs => {}
                Invalid::AsMissing => x = f64::NAN,
                Invalid::Replaced(value) => x = value,
            }
        }
        match self.outliers {
            Outliers::Missing if x < self.low || x > self.high => x = f64::NAN,
            Outliers::Extreme if x < self.low => x = self.low,
            Outliers::Extreme if x > self.high => x = self.high,
            _ => {}
        }
        match x.is_nan() {
            true if self.missing_is_invalid => None,
            true => Some(self.replacement),
            false => Some(x),
        }
    }
}

impl Factor {
    fn field(&self) -> usize {
        match self {
            Self::Power(field, _) | Self::Is(field, _) | Self::IsPresent(field, _) => *field,
        }
    }

    fn value(&self, fields: &[f64]) -> f64 {
        let x = fields[self.field()];
        match self {
            Self::Power(_, exponent) if *exponent == 1.0 => x,
            Self::Power(_, exponent) => libm::pow(x, *exponent),
            Self::IsPresent(..) if x.is_nan() => x,
            Self::Is(_, symbol) | Self::IsPresent(_, symbol) => f64::from(u8::from(x == *symbol)),
        }
    }
}

impl Term {
    fn value(&self, fields: &[f64]) -> f64 {
        self.factors.iter().fold(self.coefficient, |product, factor| product * factor.value(fields))
    }
}
