//! Sums against a naive arithmetic of large integers.

use bordereau_sketch::sum::ExactSum;
use proptest::prelude::*;

use crate::generated::{any_number, finite, shapes};

/// A positive or negative integer: sign and magnitude, base 2^32, lowest digit first.
#[derive(Clone, Default)]
struct Integer {
    negative: bool,
    digits: Vec<u32>,
}

impl Integer {
    fn of(value: i128) -> Self {
        let magnitude = value.unsigned_abs();
        Self { negative: value < 0, digits: (0..4).map(|digit| (magnitude >> (32 * digit)) as u32).collect() }
    }

    fn times(mut self, factor: u32) -> Self {
        let mut carry = 0_u64;
        for digit in &mut self.digits {
            let product = u64::from(*digit) * u64::from(factor) + carry;
            *digit = product as u32;
            carry = product >> 32;
        }
        self.digits.push(carry as u32);
        self
    }

    fn shifted(self, bits: usize) -> Self {
        let mut shifted = self.times(1 << (bits % 32));
        shifted.digits.splice(0..0, std::iter::repeat_n(0, bits / 32));
        shifted
    }

    fn compare(left: &[u32], right: &[u32]) -> std::cmp::Ordering {
        let digit = |digits: &[u32], index| digits.get(index).copied().unwrap_or(0);
        let longest = left.len().max(right.len());
        let differs = (0..longest).rev().find(|index| digit(left, *index) != digit(right, *index));
        differs.map_or(std::cmp::Ordering::Equal, |index| digit(left, index).cmp(&digit(right, index)))
    }

    fn plus(&self, other: &Self) -> Self {
        let (great, small) = match Self::compare(&self.digits, &other.digits) {
            std::cmp::Ordering::Less => (other, self),
            _ => (self, other),
        };
        let sign = if great.negative == small.negative { 1 } else { -1 };
        let mut carry = 0_i64;
        let mut digits = Vec::new();
        for index in 0..=great.digits.len().max(small.digits.len()) {
            let digit = |digits: &[u32]| i64::from(digits.get(index).copied().unwrap_or(0));
            let sum = digit(&great.digits) + sign * digit(&small.digits) + carry;
            digits.push(sum.rem_euclid(1 << 32) as u32);
            carry = sum.div_euclid(1 << 32);
        }
        Self { negative: great.negative, digits }
    }
}

/// The number as an integer of `10^-18 2^-1076`.
fn scaled(number: f64) -> Integer {
    let bits = number.to_bits();
    let exponent = (bits >> 52) & 0x7ff;
    let fraction = (bits & ((1 << 52) - 1)) as i128;
    let (shift, mantissa) = if exponent == 0 { (0, fraction) } else { (exponent as usize - 1, fraction | 1 << 52) };
    let mut integer = ten_to(Integer::of(mantissa), 18).shifted(shift + 2);
    integer.negative = number < 0.0;
    integer
}

fn ten_to(integer: Integer, power: u8) -> Integer {
    (0..power).fold(integer, |integer, _| integer.times(10))
}

/// Whether `found` is the float nearest to `exact`, which is `factor` times what it should be; ties to even.
fn check_nearest(exact: &Integer, found: f64, factor: u32) {
    let up = |number: f64| if number == f64::MAX { f64::INFINITY } else { number.next_up() };
    let magnitude = found.abs();
    let lower = if magnitude == 0.0 {
        None
    } else {
        Some(if magnitude.is_infinite() { f64::MAX } else { magnitude.next_down() })
    };
    // Twice the middle of two neighbours is their sum; infinity stands for 2^1024.
    let value = |number: f64| if number.is_infinite() { scaled(2_f64.powi(1023)).times(2) } else { scaled(number) };
    let twice = exact.clone().times(2);
    let even = magnitude.to_bits() & 1 == 0;
    if let Some(lower) = lower {
        let middle = value(lower).plus(&value(magnitude)).times(factor);
        let order = Integer::compare(&twice.digits, &middle.digits);
        assert!(order.is_gt() || (order.is_eq() && even), "{found:e} is too great");
    }
    if magnitude.is_finite() {
        let middle = value(up(magnitude)).plus(&value(magnitude)).times(factor);
        let order = Integer::compare(&twice.digits, &middle.digits);
        assert!(order.is_lt() || (order.is_eq() && even), "{found:e} is too small");
    }
    let zero = exact.digits.iter().all(|digit| *digit == 0);
    assert!(zero || found == 0.0 || exact.negative == (found < 0.0), "{found:e} has the wrong sign");
}

fn check(numbers: &[f64], decimals: &[(i64, u8)]) {
    let mut sum = ExactSum::default();
    sum.add_all(numbers);
    decimals.iter().for_each(|(mantissa, scale)| sum.add_decimal(*mantissa, *scale, 1));
    let mut exact = Integer::default();
    numbers.iter().for_each(|number| exact = exact.plus(&scaled(*number)));
    for (mantissa, scale) in decimals {
        let decimal = ten_to(Integer::of(i128::from(*mantissa)), 18 - scale).shifted(1074 + 2);
        exact = exact.plus(&decimal);
    }
    check_nearest(&exact, sum.to_f64(), 1);
    let count = (numbers.len() + decimals.len()) as u32;
    if count > 0 {
        check_nearest(&exact, sum.mean().unwrap(), count);
    }
}

proptest! {
    #[test]
    fn a_sum_is_the_nearest_float(
        numbers in proptest::collection::vec(finite(), 0..40),
        decimals in proptest::collection::vec((any::<i64>(), 0_u8..=18), 0..20)
    ) {
        check(&numbers, &decimals);
        check(&numbers, &[]);
        check(&[], &decimals);
    }

    #[test]
    fn a_sum_that_nearly_cancels_is_the_nearest_float(
        numbers in proptest::collection::vec(finite(), 0..20), rest in finite(), decimal in (any::<i64>(), 0_u8..=18)
    ) {
        let all: Vec<f64> = numbers.iter().flat_map(|number| [*number, -number]).chain([rest]).collect();
        check(&all, &[]);
        check(&all, &[decimal]);
    }

    #[test]
    fn what_is_not_finite_is_refused(numbers in proptest::collection::vec(any_number(), 0..40)) {
        let mut sum = ExactSum::default();
        sum.add_all(&numbers);
        let kept = numbers.iter().filter(|number| number.is_finite()).count();
        prop_assert_eq!((sum.count() as usize, sum.refused() as usize), (kept, numbers.len() - kept));
    }
}

#[test]
fn a_sum_is_right_at_the_ends_of_the_range() {
    for (numbers, expected) in [
        (vec![1e308, 1e308, -1e308], 1e308),
        (vec![f64::MAX, f64::MAX], f64::INFINITY),
        (vec![f64::MIN, f64::MIN], f64::NEG_INFINITY),
        (vec![f64::MAX, f64::MAX / 2.0_f64.powi(55)], f64::MAX),
        (vec![5e-324, 5e-324], 1e-323),
        (vec![5e-324, 1.0, -1.0], 5e-324),
        (vec![1.0, 1e-16, 1e-16], 1.0 + f64::EPSILON),
        (vec![-0.0], 0.0),
        (vec![], 0.0),
    ] {
        let mut sum = ExactSum::default();
        sum.add_all(&numbers);
        assert_eq!(sum.to_f64(), expected, "{numbers:?}");
    }
}

#[test]
fn decimals_are_summed_as_they_stand() {
    let mut sum = ExactSum::default();
    sum.add_decimal(1, 1, 3);
    assert_eq!((sum.to_f64(), sum.mean()), (0.3, Some(0.1)));
    sum.add_decimal(i64::MIN, 18, 1);
    sum.add_decimal(i64::MAX, 18, 1);
    sum.add_decimal(1, 18, 1);
    assert_eq!(sum.to_f64(), 0.3);
    sum.add_decimal(1, 19, 2);
    assert_eq!((sum.count(), sum.refused()), (6, 2));
}

#[test]
fn sums_of_every_shape_are_the_nearest_floats() {
    for (_, numbers) in shapes() {
        check(&numbers[..numbers.len().min(1_000)], &[]);
    }
}

#[test]
fn carries_go_on_after_many_additions() {
    let mut sum = ExactSum::default();
    (0..100_000).for_each(|_| sum.add(f64::MAX / 1e6, 1));
    (0..100_000).for_each(|_| sum.add(-f64::MAX / 1e6, 1));
    (0..10).for_each(|_| sum.add(f64::MAX / 1e6, u64::from(u32::MAX)));
    (0..10).for_each(|_| sum.add(-f64::MAX / 1e6, u64::from(u32::MAX)));
    sum.add(0.5, 7);
    assert_eq!(sum.to_f64(), 3.5);
}

#[test]
fn decimals_added_together_are_as_those_added_one_by_one() {
    let (mut one_by_one, mut together) = (ExactSum::default(), ExactSum::default());
    for (mantissa, scale, count) in [(12_345, 2, 3), (-7, 2, 1), (i64::MAX, 0, 4), (1, 19, 5)] {
        (0..count).for_each(|_| one_by_one.add_decimal(mantissa, scale, 1));
        together.add_decimals(i128::from(mantissa) * i128::from(count), scale, count);
    }
    assert_eq!(together, one_by_one);
}
