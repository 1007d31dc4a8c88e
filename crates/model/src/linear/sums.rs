//! Linear predictors that only sum coefficient x input: eight rows side by side.
//!
//! The sums are made in the order of the file for each row, as [`super::Equation::value`] makes them, so they have the
//! same bits; eight of them at once hide the time that each addition takes.

use super::expression::Outliers;
use super::{Equation, Factor, Treatment, Validity};

/// Rows side by side.
const LANES: usize = 8;

/// The sums of all equations.
#[derive(Debug, Clone)]
pub(super) struct Sums {
    intercepts: Vec<f64>,
    /// Of all equations one after the other; where each ends.
    terms: Vec<Product>,
    ends: Vec<usize>,
}

#[derive(Debug, Clone, Copy)]
struct Product {
    input: usize,
    coefficient: f64,
    /// In place of a missing value.
    replacement: f64,
}

impl Sums {
    /// Nothing where an input is treated in any way but that a missing value is replaced, or a term is no product of a
    /// coefficient and an input.
    pub(super) fn new(inputs: &[Treatment], equations: &[Equation]) -> Option<Self> {
        let mut sums = Self { intercepts: Vec::new(), terms: Vec::new(), ends: Vec::new() };
        if inputs.is_empty() || !inputs.iter().all(is_plain) {
            return None;
        }
        for equation in equations {
            for term in &equation.terms {
                let [Factor::Power(input, 1.0)] = term.factors.as_slice() else { return None };
                let replacement = inputs.get(*input)?.replacement;
                sums.terms.push(Product { input: *input, coefficient: term.coefficient, replacement });
            }
            sums.intercepts.push(equation.intercept);
            sums.ends.push(sums.terms.len());
        }
        Some(sums)
    }

    /// The linear predictors (rows x equations) of rows x inputs.
    pub(super) fn add(&self, values: &[f64], inputs: usize, raw: &mut [f64]) {
        let outputs = self.intercepts.len();
        for (values, raw) in values.chunks(LANES * inputs).zip(raw.chunks_mut(LANES * outputs)) {
            let last = values.len() / inputs - 1;
            let rows: [&[f64]; LANES] = std::array::from_fn(|lane| &values[lane.min(last) * inputs..][..inputs]);
            let mut start = 0;
            for (output, (intercept, end)) in self.intercepts.iter().zip(&self.ends).enumerate() {
                let mut sums = [*intercept; LANES];
                for term in &self.terms[start..*end] {
                    for lane in 0..LANES {
                        let x = rows[lane][term.input];
                        sums[lane] += term.coefficient * if x.is_nan() { term.replacement } else { x };
                    }
                }
                start = *end;
                raw[output..].iter_mut().step_by(outputs).zip(sums).for_each(|(raw, sum)| *raw = sum);
            }
        }
    }
}

fn is_plain(treatment: &Treatment) -> bool {
    treatment.symbols.is_none()
        && treatment.missing.is_empty()
        && matches!(treatment.validity, Validity::Any)
        && treatment.outliers == Outliers::Kept
        && !treatment.missing_is_invalid
        && !treatment.single
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Finish, Linear, Term};
    use super::*;

    proptest! {
        #[test]
        fn sums_are_those_of_the_equations_bit_by_bit(
            coefficients in prop::collection::vec((0_usize..4, -3.0..3.0), 0..12),
            cells in prop::collection::vec(prop_oneof![Just(f64::NAN), -9.0..9.0], 0..200),
            replacements in prop::array::uniform4(prop_oneof![Just(f64::NAN), -1.0..1.0]),
        ) {
            let inputs = replacements.map(Treatment::missing_is).to_vec();
            let term = |(input, coefficient): &(usize, f64)| {
                Term { coefficient: *coefficient, factors: vec![Factor::Power(*input, 1.0)] }
            };
            let (first, second) = coefficients.split_at(coefficients.len() / 3);
            let equation = |intercept, terms: &[(usize, f64)]| {
                Equation { intercept, terms: terms.iter().map(term).collect() }
            };
            let equations = vec![equation(0.5, first), equation(-2.0, second)];
            let rows = cells.len() / 4;
            let values = &cells[..4 * rows];
            let mut quick = vec![0.0; 2 * rows];
            Sums::new(&inputs, &equations).unwrap().add(values, 4, &mut quick);
            let mut linear = Linear::new(inputs, Vec::new(), equations, Finish::default());
            linear.sums = None;
            let mut slow = vec![0.0; 2 * rows];
            linear.score(values, &mut slow);
            let bits = |values: &[f64]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&quick), bits(&slow));
        }
    }
}
