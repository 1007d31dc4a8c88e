//! Statistics of the values that are days or times.
//!
//! Which of day and month comes first is decided here ([`order`]): by the values that are a day in one order only,
//! for the whole column. Values that are a day in one order only keep that reading; the decision is for those with
//! two.

use std::collections::BTreeMap;

use bordereau_base::cell::calendar::{MICROS_OF_DAY, MICROS_OF_SECOND, date_from_days, days_from_date};
use jiff::civil::Date;

use super::show::Shown;
use crate::column::{ColumnState, DateReadings, DateState, DayForm, DayOrder};
use crate::document::{Bin, DateStatistics, DateUnit, Histogram, TemporalFormat};

/// Longest span in days that is shown by day.
const DAYS_MAX: i64 = 92;
/// Longest span in months that is shown by month.
const MONTHS_MAX: i64 = 120;
/// Most bins of years; more years are put together.
const YEAR_BINS_MAX: i64 = 100;

/// Which of day and month comes first, and how that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OrderBasis {
    /// No value has two readings.
    NotNeeded,
    /// Values that are a day in this order only say so, and none says otherwise.
    Evidence(DayOrder),
    /// There are such values of both orders; those of this order are more, or as many with the month first.
    Majority(DayOrder),
    /// There is none; the month is taken to come first.
    Assumed,
}

impl OrderBasis {
    /// The order that values with two readings are read in.
    pub(super) fn order(self) -> DayOrder {
        match self {
            Self::Evidence(order) | Self::Majority(order) => order,
            Self::NotNeeded | Self::Assumed => DayOrder::MonthFirst,
        }
    }
}

/// Decides for a column.
pub(super) fn order(dates: Option<&DateReadings>) -> OrderBasis {
    let Some(dates) = dates else { return OrderBasis::NotNeeded };
    match (dates.month_only.count, dates.day_only.count) {
        (0, 0) if dates.ambiguous_month.count > 0 => OrderBasis::Assumed,
        (0, 0) => OrderBasis::NotNeeded,
        (_, 0) => OrderBasis::Evidence(DayOrder::MonthFirst),
        (0, _) => OrderBasis::Evidence(DayOrder::DayFirst),
        (month, day) if day > month => OrderBasis::Majority(DayOrder::DayFirst),
        _ => OrderBasis::Majority(DayOrder::MonthFirst),
    }
}

/// What is read as dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readings {
    /// Texts that are days or times.
    Written,
    /// Those, and eight digits that are a day.
    WithCompact,
}

/// The formats found, most frequent first, equal counts by format.
pub(super) fn formats(state: &ColumnState, basis: OrderBasis, readings: Readings) -> Vec<TemporalFormat> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let ordered = state.forms.keys().filter(|form| form.is_ordered_by_country()).count();
    let other = state.dates.as_ref().map_or(0, |dates| match basis.order() {
        DayOrder::MonthFirst => dates.day_only.count,
        DayOrder::DayFirst => dates.month_only.count,
    });
    for (form, &count) in &state.forms {
        if form.day == DayForm::Compact && readings == Readings::Written {
            continue;
        }
        // With one such form, it is known how many of its values are of the other order.
        let of_other = if ordered == 1 && form.is_ordered_by_country() { other.min(count) } else { 0 };
        let other_order = match basis.order() {
            DayOrder::MonthFirst => DayOrder::DayFirst,
            DayOrder::DayFirst => DayOrder::MonthFirst,
        };
        for (order, count) in [(basis.order(), count - of_other), (other_order, of_other)] {
            if count > 0 {
                *counts.entry(form.pattern(order)).or_default() += count;
            }
        }
    }
    let mut formats: Vec<_> = counts.into_iter().map(|(format, count)| TemporalFormat { format, count }).collect();
    formats.sort_by_key(|format| std::cmp::Reverse(format.count));
    formats
}

/// All days and times of a column.
fn all_dates(dates: &DateReadings, order: DayOrder, readings: Readings) -> DateState {
    let ambiguous = match order {
        DayOrder::MonthFirst => &dates.ambiguous_month,
        DayOrder::DayFirst => &dates.ambiguous_day,
    };
    let mut all = dates.plain.clone();
    let compact = (readings == Readings::WithCompact).then_some(&dates.compact);
    for more in [Some(&dates.month_only), Some(&dates.day_only), Some(ambiguous), compact].into_iter().flatten() {
        all.merge(more, usize::MAX);
    }
    all
}

/// The statistics; `None` without days.
pub(super) fn statistics(
    state: &ColumnState,
    order: DayOrder,
    readings: Readings,
    as_of: Date,
    shown: &Shown,
) -> Option<DateStatistics> {
    let dates = all_dates(state.dates.as_ref()?, order, readings);
    if dates.count == 0 {
        return None;
    }
    let (first, last) = (day_of(dates.min), day_of(dates.max));
    let unit = if shown.hides_all() { DateUnit::Year } else { unit_of(first, last) };
    let counts = by_unit(&dates, unit);
    let (gaps, longest) = gaps(&counts, unit_number(first, unit), unit_number(last, unit));
    let today = days_from_date(i32::from(as_of.year()), as_of.month() as u32, as_of.day() as u32).unwrap_or(i32::MAX);
    let with_time = dates.with_time > 0;
    Some(DateStatistics {
        count: dates.count,
        min: shown.text(&moment(dates.min, with_time)).unwrap_or_default(),
        max: shown.text(&moment(dates.max, with_time)).unwrap_or_default(),
        invalid: state.tallies.invalid_dates,
        future: dates.days().filter(|(day, _)| *day > today).map(|(_, count)| count).sum(),
        as_of: as_of.to_string(),
        unit,
        histogram: histogram(&counts, unit, (unit_number(first, unit), unit_number(last, unit)), dates.elsewhere == 0),
        gaps,
        longest_gap: longest.map(|(from, to)| (unit_text(from, unit), unit_text(to, unit))),
    })
}

fn day_of(micros: i64) -> i32 {
    micros.div_euclid(MICROS_OF_DAY) as i32
}

/// The unit that gives a readable number of bins.
fn unit_of(first: i32, last: i32) -> DateUnit {
    if i64::from(last) - i64::from(first) < DAYS_MAX {
        DateUnit::Day
    } else if unit_number(last, DateUnit::Month) - unit_number(first, DateUnit::Month) < MONTHS_MAX {
        DateUnit::Month
    } else {
        DateUnit::Year
    }
}

/// The number of the day, month or year of a day.
fn unit_number(day: i32, unit: DateUnit) -> i64 {
    let (year, month, _) = date_from_days(day);
    match unit {
        DateUnit::Day => i64::from(day),
        DateUnit::Month => 12 * i64::from(year) + i64::from(month) - 1,
        DateUnit::Year => i64::from(year),
    }
}

/// A day, month or year as ISO 8601 writes it.
fn unit_text(number: i64, unit: DateUnit) -> String {
    match unit {
        DateUnit::Day => moment(number * MICROS_OF_DAY, false),
        DateUnit::Month => format!("{:04}-{:02}", number.div_euclid(12), number.rem_euclid(12) + 1),
        DateUnit::Year => format!("{number:04}"),
    }
}

/// A moment in microseconds since 1970-01-01T00:00:00, as ISO 8601 writes it.
fn moment(micros: i64, with_time: bool) -> String {
    let (year, month, day) = date_from_days(day_of(micros));
    let date = format!("{year:04}-{month:02}-{day:02}");
    if !with_time {
        return date;
    }
    let of_day = micros.rem_euclid(MICROS_OF_DAY);
    let (seconds, fraction) = (of_day / MICROS_OF_SECOND, of_day % MICROS_OF_SECOND);
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if fraction == 0 { format!("{date}T{clock}") } else { format!("{date}T{clock}.{fraction:06}") }
}

/// Values by unit, ascending, units without values left out.
fn by_unit(dates: &DateState, unit: DateUnit) -> Vec<(i64, u64)> {
    let mut counts: Vec<(i64, u64)> = Vec::new();
    for (day, count) in dates.days() {
        let number = unit_number(day, unit);
        match counts.last_mut() {
            Some((last, total)) if *last == number => *total += count,
            _ => counts.push((number, count)),
        }
    }
    counts
}

/// Units between `first` and `last` without values, and the first and last of the longest run of them (the earliest
/// when there are several).
fn gaps(counts: &[(i64, u64)], first: i64, last: i64) -> (u64, Option<(i64, i64)>) {
    let units = counts.iter().map(|(number, _)| *number);
    let (mut gaps, mut longest) = (0, None::<(i64, i64)>);
    let mut before = first;
    for number in units.chain([last]).filter(|number| *number >= first) {
        let missing = number - before - 1;
        if missing > 0 {
            gaps += missing as u64;
            if longest.is_none_or(|(from, to)| to - from + 1 < missing) {
                longest = Some((before + 1, number - 1));
            }
        }
        before = before.max(number);
    }
    (gaps, longest)
}

/// One bin a unit from the first to the last, empty ones included; of more than 100 years, bins of 2, 5, 10, ... years.
fn histogram(counts: &[(i64, u64)], unit: DateUnit, (first, last): (i64, i64), exact: bool) -> Histogram {
    let widths = std::iter::successors(Some(1_i64), |width| Some(width * 10)).flat_map(|ten| [ten, 2 * ten, 5 * ten]);
    let spans = |width: &i64| last.div_euclid(*width) - first.div_euclid(*width) < YEAR_BINS_MAX;
    let width = if unit == DateUnit::Year { widths.take(12).find(spans).unwrap_or(1_000) } else { 1 };
    let from = first.div_euclid(width);
    let mut bins: Vec<Bin> = (from..=last.div_euclid(width))
        .map(|bin| Bin {
            from: unit_text(bin * width, unit).into(),
            to: unit_text((bin + 1) * width, unit).into(),
            count: 0,
        })
        .collect();
    for (number, count) in counts {
        let place = usize::try_from(number.div_euclid(width) - from).unwrap_or_default();
        if let Some(bin) = bins.get_mut(place) {
            bin.count += count;
        }
    }
    Histogram { bins, exact }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> i32 {
        let date: Date = text.parse().unwrap();
        days_from_date(i32::from(date.year()), date.month() as u32, date.day() as u32).unwrap()
    }

    fn readings(month_only: u64, day_only: u64, ambiguous: u64) -> DateReadings {
        let mut dates = DateReadings::default();
        dates.month_only.count = month_only;
        dates.day_only.count = day_only;
        dates.ambiguous_month.count = ambiguous;
        dates.ambiguous_day.count = ambiguous;
        dates
    }

    #[test]
    fn the_order_of_day_and_month_is_found() {
        use DayOrder::{DayFirst, MonthFirst};
        for (month_only, day_only, ambiguous, expected) in [
            (0, 0, 0, OrderBasis::NotNeeded),
            (0, 0, 9, OrderBasis::Assumed),
            (1, 0, 9, OrderBasis::Evidence(MonthFirst)),
            (0, 1, 9, OrderBasis::Evidence(DayFirst)),
            (2, 3, 9, OrderBasis::Majority(DayFirst)),
            (3, 3, 0, OrderBasis::Majority(MonthFirst)),
        ] {
            assert_eq!(order(Some(&readings(month_only, day_only, ambiguous))), expected);
        }
        assert_eq!(order(None), OrderBasis::NotNeeded);
    }

    #[test]
    fn units_follow_the_span() {
        for (first, last, unit) in [
            ("2024-01-01", "2024-04-01", DateUnit::Day),
            ("2024-01-01", "2024-04-02", DateUnit::Month),
            ("2014-01-31", "2023-12-01", DateUnit::Month),
            ("2014-01-31", "2024-01-01", DateUnit::Year),
        ] {
            assert_eq!(unit_of(day(first), day(last)), unit, "{first} {last}");
        }
    }

    #[test]
    fn gaps_are_counted() {
        assert_eq!(gaps(&[(3, 1), (4, 1), (7, 1), (12, 1), (17, 2)], 3, 17), (10, Some((8, 11))));
        assert_eq!(gaps(&[(3, 1)], 3, 3), (0, None));
        assert_eq!(gaps(&[(3, 1), (4, 1)], 3, 4), (0, None));
    }

    #[test]
    fn bins_are_units_without_gaps() {
        let shown = |counts: &[(i64, u64)], unit, span| {
            let bins = histogram(counts, unit, span, true).bins;
            bins.iter().map(|bin| format!("{}<{}:{}", bin.from, bin.to, bin.count)).collect::<Vec<_>>().join(" ")
        };
        let month = unit_number(day("2023-12-05"), DateUnit::Month);
        assert_eq!(
            shown(&[(month, 2), (month + 2, 1)], DateUnit::Month, (month, month + 2)),
            r#""2023-12"<"2024-01":2 "2024-01"<"2024-02":0 "2024-02"<"2024-03":1"#
        );
        assert_eq!(shown(&[(1900, 1), (9999, 3)], DateUnit::Year, (1900, 9999)).split(' ').count(), 81);
        assert_eq!(shown(&[(2024, 1)], DateUnit::Year, (2024, 2024)), r#""2024"<"2025":1"#);
    }

    #[test]
    fn moments_are_iso() {
        assert_eq!(moment(0, false), "1970-01-01");
        assert_eq!(moment(-1, true), "1969-12-31T23:59:59.999999");
        assert_eq!(moment(3_661 * MICROS_OF_SECOND, true), "1970-01-01T01:01:01");
    }
}
