//! Linear predictors that only sum coefficient x input: many rows side by side.
//!
//! The sums are made in the order of the file for each row, as [`super::Equation::value`] makes them, so they have the
//! same bits; many of them at once hide the time that each addition takes. A block of rows is first turned round, so
//! that the rows' values of an input are neighbours, and missing values replaced. Memory: [`ROWS`] x inputs. The only
//! `unsafe` is calling what is compiled for wider vectors, loading and storing them in [`turn_avx2`], and asking for
//! memory ahead.

#![allow(unsafe_code)]

use super::expression::Outliers;
use super::{Equation, Factor, Treatment, Validity};
use crate::level::{Kind, Level};

/// Rows side by side.
const ROWS: usize = 32;

/// Rows and inputs that are turned round together.
const SIDE: usize = 4;

type Four = [f64; SIDE];
type Square<T> = [T; SIDE];

/// The sums of all equations.
#[derive(Debug, Clone)]
pub(super) struct Sums {
    intercepts: Vec<f64>,
    /// Of all equations one after the other; where each ends.
    terms: Vec<(usize, f64)>,
    ends: Vec<usize>,
    /// In place of each input's missing values.
    replacements: Vec<f64>,
    level: Level,
}

impl Sums {
    /// Nothing where an input is treated in any way but that a missing value is replaced, or a term is no product of a
    /// coefficient and an input.
    pub(super) fn new(inputs: &[Treatment], equations: &[Equation]) -> Option<Self> {
        let replacements = inputs.iter().map(|input| input.replacement).collect();
        let (intercepts, terms, ends) = (Vec::new(), Vec::new(), Vec::new());
        let mut sums = Self { intercepts, terms, ends, replacements, level: Level::detect() };
        if inputs.is_empty() || !inputs.iter().all(is_plain) {
            return None;
        }
        for equation in equations {
            for term in &equation.terms {
                let [Factor::Power(input, 1.0)] = term.factors.as_slice() else { return None };
                inputs.get(*input)?;
                sums.terms.push((*input, term.coefficient));
            }
            sums.intercepts.push(equation.intercept);
            sums.ends.push(sums.terms.len());
        }
        Some(sums)
    }

    /// The linear predictors (rows x equations) of rows x inputs.
    pub(super) fn add(&self, values: &[f64], raw: &mut [f64]) {
        match self.level.kind() {
            Kind::Plain => self.add_blocks(values, raw, turn_square),
            // SAFETY: a level is only made by asking the processor for these features.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { self.add_avx2(values, raw) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { self.add_avx512(values, raw) },
            #[cfg(not(target_arch = "x86_64"))]
            _ => self.add_blocks(values, raw, turn_square),
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn add_avx2(&self, values: &[f64], raw: &mut [f64]) {
        self.add_blocks(values, raw, |square, replacements| turn_avx2(square, replacements));
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2")]
    fn add_avx512(&self, values: &[f64], raw: &mut [f64]) {
        self.add_blocks(values, raw, |square, replacements| turn_avx2(square, replacements));
    }

    #[inline(always)]
    fn add_blocks(&self, values: &[f64], raw: &mut [f64], square: impl Fn(Square<&Four>, &Four) -> Square<Four>) {
        let (inputs, outputs) = (self.replacements.len(), self.intercepts.len());
        let mut columns = vec![[0.0; ROWS]; inputs];
        let mut near = Vec::with_capacity(ROWS * inputs);
        for (at, raw) in raw.chunks_mut(ROWS * outputs).enumerate() {
            let (values, next) = values[at * ROWS * inputs..].split_at(raw.len() / outputs * inputs);
            fetch(&next[..next.len().min(ROWS * inputs)]);
            // One after the other, which a processor foresees; four rows at once it does not.
            near.clear();
            near.extend_from_slice(values);
            self.turn(&near, &mut columns, &square);
            let mut start = 0;
            for (output, (intercept, end)) in self.intercepts.iter().zip(&self.ends).enumerate() {
                let mut sums = [*intercept; ROWS];
                for (input, coefficient) in &self.terms[start..*end] {
                    let column = &columns[*input];
                    for row in 0..ROWS {
                        sums[row] += coefficient * column[row];
                    }
                }
                start = *end;
                if outputs == 1
                    && let Ok(raw) = <&mut [f64; ROWS]>::try_from(&mut *raw)
                {
                    *raw = sums;
                } else {
                    raw[output..].iter_mut().step_by(outputs).zip(sums).for_each(|(raw, sum)| *raw = sum);
                }
            }
        }
    }

    /// Rows x inputs into inputs x rows, without missing values. Where rows lack, their columns keep what they had.
    #[inline(always)]
    fn turn(
        &self,
        values: &[f64],
        columns: &mut [[f64; ROWS]],
        square: &impl Fn(Square<&Four>, &Four) -> Square<Four>,
    ) {
        let inputs = self.replacements.len();
        let rows = values.len() / inputs;
        for first in (0..rows - rows % SIDE).step_by(SIDE) {
            let block: Square<&[f64]> = std::array::from_fn(|row| &values[(first + row) * inputs..][..inputs]);
            let [a, b, c, d] = block.map(|row| row.as_chunks::<SIDE>().0);
            let wanted = columns.as_chunks_mut::<SIDE>().0.iter_mut().zip(self.replacements.as_chunks::<SIDE>().0);
            for ((columns, replacements), (((a, b), c), d)) in wanted.zip(a.iter().zip(b).zip(c).zip(d)) {
                let turned = square([a, b, c, d], replacements);
                for (column, turned) in columns.iter_mut().zip(turned) {
                    column[first..first + SIDE].copy_from_slice(&turned);
                }
            }
            for input in inputs - inputs % SIDE..inputs {
                for row in 0..SIDE {
                    columns[input][first + row] = filled(block[row][input], self.replacements[input]);
                }
            }
        }
        for row in rows - rows % SIDE..rows {
            for (input, column) in columns.iter_mut().enumerate() {
                column[row] = filled(values[row * inputs + input], self.replacements[input]);
            }
        }
    }
}

/// Asks for numbers to be brought near while others are worked on.
#[inline(always)]
fn fetch(values: &[f64]) {
    #[cfg(target_arch = "x86_64")]
    for line in values.chunks(64 / size_of::<f64>()) {
        // SAFETY: nothing is read or written.
        unsafe { std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = values;
}

/// Four rows x four inputs into inputs x rows.
fn turn_square(rows: Square<&Four>, replacements: &Four) -> Square<Four> {
    std::array::from_fn(|input| std::array::from_fn(|row| filled(rows[row][input], replacements[input])))
}

/// The same in registers.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
fn turn_avx2(rows: Square<&Four>, replacements: &Four) -> Square<Four> {
    use std::arch::x86_64::*;
    let mut turned = [[0.0; SIDE]; SIDE];
    // SAFETY: each load and each store is of the 32 bytes of an array of four.
    unsafe {
        let replacements = _mm256_loadu_pd(replacements.as_ptr());
        let filled = |row: &Four| {
            let row = _mm256_loadu_pd(row.as_ptr());
            _mm256_blendv_pd(row, replacements, _mm256_cmp_pd::<_CMP_UNORD_Q>(row, row))
        };
        let [a, b, c, d] = [filled(rows[0]), filled(rows[1]), filled(rows[2]), filled(rows[3])];
        let (even, odd) = (_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
        let (even_below, odd_below) = (_mm256_unpacklo_pd(c, d), _mm256_unpackhi_pd(c, d));
        _mm256_storeu_pd(turned[0].as_mut_ptr(), _mm256_permute2f128_pd::<0x20>(even, even_below));
        _mm256_storeu_pd(turned[1].as_mut_ptr(), _mm256_permute2f128_pd::<0x20>(odd, odd_below));
        _mm256_storeu_pd(turned[2].as_mut_ptr(), _mm256_permute2f128_pd::<0x31>(even, even_below));
        _mm256_storeu_pd(turned[3].as_mut_ptr(), _mm256_permute2f128_pd::<0x31>(odd, odd_below));
    }
    turned
}

#[inline(always)]
fn filled(x: f64, replacement: f64) -> f64 {
    if x.is_nan() { replacement } else { x }
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

    fn check(terms: &[(usize, f64)], cells: &[f64], replacements: &[f64]) {
        let inputs: Vec<Treatment> = replacements.iter().copied().map(Treatment::missing_is).collect();
        let term = |(input, coefficient): &(usize, f64)| Term {
            coefficient: *coefficient,
            factors: vec![Factor::Power(*input, 1.0)],
        };
        let (first, second) = terms.split_at(terms.len() / 3);
        let equation =
            |intercept, terms: &[(usize, f64)]| Equation { intercept, terms: terms.iter().map(term).collect() };
        // Which NaN it is that comes of one, the language does not say.
        let bits = |x: &f64| if x.is_nan() { f64::NAN.to_bits() } else { x.to_bits() };
        let bits = |values: &[f64]| values.iter().map(bits).collect::<Vec<_>>();
        for equations in [vec![equation(0.5, terms)], vec![equation(0.5, first), equation(-2.0, second)]] {
            let rows = cells.len() / inputs.len();
            let (values, sums) = (&cells[..inputs.len() * rows], Sums::new(&inputs, &equations).unwrap());
            let mut linear = Linear::new(inputs.clone(), Vec::new(), equations.clone(), Finish::default());
            linear.sums = None;
            let mut slow = vec![0.0; equations.len() * rows];
            linear.score(values, &mut slow);
            for level in Level::all() {
                let mut quick = vec![0.0; equations.len() * rows];
                Sums { level, ..sums.clone() }.add(values, &mut quick);
                assert_eq!(bits(&quick), bits(&slow));
            }
        }
    }

    proptest! {
        #[test]
        fn sums_are_those_of_the_equations_bit_by_bit(
            terms in prop::collection::vec((0_usize..99, -3.0..3.0), 0..12),
            cells in prop::collection::vec(prop_oneof![Just(f64::NAN), -9.0..9.0], 0..900),
            replacements in prop::collection::vec(prop_oneof![Just(f64::NAN), -1.0..1.0], 1..14),
        ) {
            let inputs = replacements.len();
            let terms: Vec<(usize, f64)> = terms.into_iter().map(|(input, x)| (input % inputs, x)).collect();
            check(&terms, &cells, &replacements);
        }
    }
}
