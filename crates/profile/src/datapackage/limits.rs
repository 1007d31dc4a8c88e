//! Least and greatest values as constraints that the data itself keeps to.
//!
//! Bounds are rounded outward: numbers to three digits that count, days to whole years. So they tell the range and not
//! a single record, and what differs in the last place of a float cannot break them.

use bordereau_base::cell::calendar::days_from_date;
use bordereau_base::cell::temporal::Pattern;
use serde_json::{Value, json};

use crate::document::{DateStatistics, NumberStatistics};

/// Whole numbers beyond this are not exact as floats.
const EXACT_WHOLE: f64 = 9_007_199_254_740_992.0;
/// Numbers with more digits after the point have no bounds: as floats they are not exact.
const DECIMALS_MAX: u32 = 15;

/// Bounds of whole numbers; `None` where they are not known exactly.
pub(super) fn whole_bounds(numbers: &NumberStatistics) -> Option<(Value, Value)> {
    let (least, most) = (outward(numbers.min, Direction::Down), outward(numbers.max, Direction::Up));
    let exact = least.abs().max(most.abs()) <= EXACT_WHOLE;
    exact.then(|| (json!(least.floor() as i64), json!(most.ceil() as i64)))
}

/// Bounds of numbers.
pub(super) fn number_bounds(numbers: &NumberStatistics) -> Option<(Value, Value)> {
    let (least, most) = (outward(numbers.min, Direction::Down), outward(numbers.max, Direction::Up));
    let usable = numbers.infinities == 0 && numbers.decimals_max <= DECIMALS_MAX;
    let bounded = least.is_finite() && most.is_finite() && least.abs().max(most.abs()) <= EXACT_WHOLE;
    (usable && bounded).then(|| (plain(least), plain(most)))
}

/// Whole numbers without a point.
fn plain(value: f64) -> Value {
    if value == value.trunc() && value.abs() <= EXACT_WHOLE { json!(value as i64) } else { json!(value) }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Down,
    Up,
}

/// The nearest number with three digits that is not inside.
fn outward(value: f64, direction: Direction) -> f64 {
    let mut rounded: f64 = format!("{value:.2e}").parse().unwrap_or(value);
    let inside = |rounded: f64| match direction {
        Direction::Down => rounded > value,
        Direction::Up => rounded < value,
    };
    if inside(rounded) {
        let exponent = value.abs().log10().floor() as i32 - 2;
        let step: f64 = format!("1e{exponent}").parse().unwrap_or(0.0);
        let moved = if direction == Direction::Down { rounded - step } else { rounded + step };
        // The sum of two floats may have digits that neither had.
        rounded = format!("{moved:.2e}").parse().unwrap_or(moved);
    }
    if inside(rounded) || !rounded.is_finite() { value } else { rounded }
}

/// The first day of the year of the least and the last day of the year of the greatest, written by the format.
pub(super) fn date_bounds(dates: &DateStatistics, format: &str) -> Option<(Value, Value)> {
    let year = |text: &str| text.get(..4)?.parse::<i32>().ok().filter(|year| (1..=9999).contains(year));
    let (first, last) = (year(&dates.min)?, year(&dates.max)?);
    if format == "default" {
        return Some((json!(format!("{first:04}-01-01")), json!(format!("{last:04}-12-31"))));
    }
    let pattern = Pattern::new(format).ok()?;
    let written = |days: i32| {
        let text = pattern.format(days, 0);
        // Two digits of a year are a year of their century only.
        (pattern.parse_days(&text) == Some(days)).then(|| json!(text))
    };
    Some((written(days_from_date(first, 1, 1)?)?, written(days_from_date(last, 12, 31)?)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_rounded_outward_to_three_digits() {
        for (value, down, up) in [
            (1987.0, 1980.0, 1990.0),
            (-1987.0, -1990.0, -1980.0),
            (0.0, 0.0, 0.0),
            (100.0, 100.0, 100.0),
            (999.5, 999.0, 1000.0),
            (0.123456, 0.123, 0.124),
            (80309.0, 80300.0, 80400.0),
        ] {
            assert_eq!((outward(value, Direction::Down), outward(value, Direction::Up)), (down, up), "{value}");
        }
    }

    proptest! {
        #[test]
        fn what_is_rounded_outward_is_never_inside(value in any::<f64>().prop_filter("finite", |x| x.is_finite())) {
            let (down, up) = (outward(value, Direction::Down), outward(value, Direction::Up));
            prop_assert!(down <= value && value <= up, "{down} {value} {up}");
        }
    }
}
