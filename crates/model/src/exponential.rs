//! `exp` of many numbers, with the bits of [`libm::exp`].
//!
//! The steps are those of FreeBSD's `e_exp.c`, which `libm` has: reduce by a multiple of ln 2, a rational function of
//! the rest, scale by a power of two. Here every lane goes one way: what `libm` decides by branches is picked. Numbers
//! whose result is no normal one are left to `libm`. The only `unsafe` is calling what is compiled for wider vectors.

#![allow(unsafe_code)]

use crate::level::{Kind, Level};

/// Numbers side by side.
const LANES: usize = 16;

const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
const INVERSE_LN2: f64 = std::f64::consts::LOG2_E;
const P1: f64 = 1.666_666_666_666_660_2e-1;
const P2: f64 = -2.777_777_777_701_559_3e-3;
const P3: f64 = 6.613_756_321_437_934e-5;
const P4: f64 = -1.653_390_220_546_525_2e-6;
const P5: f64 = 4.138_136_797_057_238_5e-8;

/// Bounds on the upper 32 bits of |x|: where the result may be infinite, 0 or subnormal; 1.5 and 0.5 ln 2; 2^-28.
const EXTREME: u64 = 0x4086_232b;
const LARGE: u64 = 0x3ff0_a2b2;
const MIDDLE: u64 = 0x3fd6_2e42;
const SMALL: u64 = 0x3e30_0000;

/// Added to a whole number it leaves that number + 1023 in the lowest bits.
const BIASED: f64 = 6_755_399_441_055_744.0 + 1023.0;

/// Replace every number by its exponential.
pub(crate) fn exp(level: Level, values: &mut [f64]) {
    match level.kind() {
        Kind::Plain => values.iter_mut().for_each(|x| *x = libm::exp(*x)),
        // SAFETY: a level is only made by asking the processor for these features.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => unsafe { avx2(values) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 => unsafe { avx512(values) },
        #[cfg(not(target_arch = "x86_64"))]
        _ => values.iter_mut().for_each(|x| *x = libm::exp(*x)),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2(values: &mut [f64]) {
    all(values);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2")]
fn avx512(values: &mut [f64]) {
    all(values);
}

#[inline(always)]
fn all(values: &mut [f64]) {
    let (groups, rest) = values.as_chunks_mut::<LANES>();
    for group in groups {
        let usual = group.iter().fold(true, |usual, x| usual & (high(*x) < EXTREME));
        match usual {
            true => *group = group.map(one),
            false => group.iter_mut().for_each(|x| *x = libm::exp(*x)),
        }
    }
    rest.iter_mut().for_each(|x| *x = libm::exp(*x));
}

/// The upper 32 bits of |x|.
#[inline(always)]
fn high(x: f64) -> u64 {
    x.abs().to_bits() >> 32
}

#[inline(always)]
fn one(x: f64) -> f64 {
    let high = high(x);
    let near = 1.0_f64.copysign(x);
    let far = (INVERSE_LN2 * x + 0.5_f64.copysign(x)).trunc();
    let k = if high > MIDDLE { near } else { 0.0 };
    let k = if high >= LARGE { far } else { k };
    let (upper, lower) = (x - k * LN2_HIGH, k * LN2_LOW);
    let rest = upper - lower;
    let square = rest * rest;
    let c = rest - square * (P1 + square * (P2 + square * (P3 + square * (P4 + square * P5))));
    let y = 1.0 + (rest * c / (2.0 - c) - lower + upper);
    let y = if high > SMALL { y } else { 1.0 + x };
    y * f64::from_bits((k + BIASED).to_bits() << 52)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(values: &[f64]) {
        for level in Level::all() {
            let mut given = values.to_vec();
            exp(level, &mut given);
            for (x, given) in values.iter().zip(given) {
                assert_eq!(given.to_bits(), libm::exp(*x).to_bits(), "{x}");
            }
        }
    }

    #[test]
    fn every_bound_and_its_neighbours_have_the_bits_of_libm() {
        let bounds = [EXTREME, LARGE, MIDDLE, SMALL].map(|bound| f64::from_bits(bound << 32));
        let special = [0.0, 1e-310, 1e-20, 1.0, 709.0, 745.0, 746.0, f64::INFINITY, f64::NAN];
        let near = |x: f64| (-3..=3).map(move |step: i64| f64::from_bits(x.to_bits().wrapping_add_signed(step)));
        let ticks = (0..=1_600).map(|at| f64::from(at) * std::f64::consts::LN_2 / 2.0);
        let all: Vec<f64> = bounds.into_iter().chain(special).chain(ticks).flat_map(near).collect();
        for x in all {
            check(&[x; LANES]);
            check(&[-x; LANES]);
        }
    }

    proptest! {
        #[test]
        fn all_numbers_have_the_bits_of_libm(
            values in prop::collection::vec(
                prop_oneof![-2.0..2.0, -30.0..30.0, -750.0..750.0, prop::num::f64::ANY],
                0..70,
            ),
        ) {
            check(&values);
        }
    }
}
