//! What is said of a column in one line: its type, its values in short, and the counts that draw its small picture.

use bordereau_profile::document::{ColumnProfile, Histogram, LogicalType, NumberStatistics, ValueCount};

use crate::number::{share, short};

/// Bars of a small picture of frequent values.
const BARS_MAX: usize = 16;
/// Values named in a line.
pub(crate) const VALUES_MAX: usize = 3;
/// Characters of each of them.
const VALUE_CHARACTERS_MAX: usize = 18;

/// Whether a column is drawn on an axis of its values.
pub fn by_value(column: &ColumnProfile) -> bool {
    use LogicalType::{Date, Datetime, Integer, Number};
    matches!(column.typing.logical, Integer | Number | Date | Datetime)
}

/// Whether the frequent values tell more than the lengths.
pub fn by_frequency(column: &ColumnProfile) -> bool {
    column.frequent.values.first().is_some_and(|most| most.count > 1) && column.uniqueness < 0.5
        || matches!(column.typing.logical, LogicalType::Boolean | LogicalType::Category)
}

/// The counts of the small picture, and what they are: numbers and dates by value, few values by frequency, other texts
/// by length. No counts when there is nothing to draw, and when all texts are of one length.
pub fn picture(column: &ColumnProfile) -> (Vec<u64>, &'static str) {
    let counts = |histogram: &Histogram| histogram.bins.iter().map(|bin| bin.count).collect();
    match (&column.numbers, &column.dates) {
        (Some(numbers), _) if by_value(column) => (counts(&numbers.equal_width), "Histogram"),
        (_, Some(dates)) if by_value(column) => (counts(&dates.histogram), "Histogram by time"),
        _ if by_frequency(column) => {
            let values = column.frequent.values.iter().take(BARS_MAX);
            (values.map(|value| value.count).collect(), "Most frequent values")
        }
        _ if column.strings.lengths.bins.len() > 1 => (counts(&column.strings.lengths), "Lengths"),
        _ => (Vec::new(), "Lengths"),
    }
}

/// Values that are not null.
pub fn filled(column: &ColumnProfile) -> u64 {
    column.rows - column.nulls.total.min(column.rows)
}

/// The values in short, as plain text: `0 … 30.4k … 98.4k`, `CA 31 %, TX 22 %`, `4 to 38 characters`.
pub fn values(column: &ColumnProfile) -> String {
    match (&column.numbers, &column.dates) {
        (Some(numbers), _) if by_value(column) && !column.frequent.masked => {
            format!("{} … {} … {}", short(numbers.min), short(median(numbers)), short(numbers.max))
        }
        (_, Some(dates)) if by_value(column) => format!("{} … {}", dates.min, dates.max),
        _ if column.frequent.values.is_empty() => String::new(),
        _ if by_frequency(column) => {
            let of = filled(column);
            let one = |value: &ValueCount| format!("{} {}", cut(&value.value), share(value.count, of));
            column.frequent.values.iter().take(VALUES_MAX).map(one).collect::<Vec<_>>().join(", ")
        }
        _ => {
            let (least, most) = (column.strings.length_min, column.strings.length_max);
            if least == most { format!("{least} characters") } else { format!("{least} to {most} characters") }
        }
    }
}

/// The median; not a number when there is none.
pub(crate) fn median(numbers: &NumberStatistics) -> f64 {
    numbers.percentiles.iter().find(|percentile| percentile.percent == 50).map_or(f64::NAN, |median| median.value)
}

/// A value, cut where it is long.
pub(crate) fn cut(value: &str) -> String {
    if value.chars().count() <= VALUE_CHARACTERS_MAX {
        return value.to_owned();
    }
    value.chars().take(VALUE_CHARACTERS_MAX - 1).chain(['…']).collect()
}
