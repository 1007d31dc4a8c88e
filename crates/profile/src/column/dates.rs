//! Statistics of the values of a column that are days or times, in one reading.
//!
//! Days are counted in pages of a month, as many as [`Limits::months_max`](crate::settings::Limits). The days of
//! further months are in `elsewhere`; minimum and maximum know of them all the same.

use bordereau_base::cell::calendar::days_from_date;

use super::analyst::{NO_STAMP, Seen};
use super::formats::ClockForm;
use super::mask::Mixed;
use super::read::{Stamp, TemporalReading};
use crate::settings::Limits;

/// Days of a month, from the first; u64 each.
pub(crate) type MonthPage = [u64; 31];

/// Days and times in one reading. Exact and independent of the order while `elsewhere` is 0; else which months have
/// pages depends on the order of the file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DateState {
    /// Values.
    pub(crate) count: u64,
    /// Of those, the ones with a time of day.
    pub(crate) with_time: u64,
    /// The earliest as written (zones are not applied), in microseconds since 1970-01-01T00:00:00; `i64::MAX` without
    /// values.
    pub(crate) min: i64,
    /// The latest; `i64::MIN` without values.
    pub(crate) max: i64,
    /// By month, numbered `12 * year + month - 1`.
    pub(crate) months: Mixed<i32, Box<MonthPage>>,
    /// Values of months without a page.
    pub(crate) elsewhere: u64,
}

impl Default for DateState {
    fn default() -> Self {
        Self { count: 0, with_time: 0, min: i64::MAX, max: i64::MIN, months: Mixed::default(), elsewhere: 0 }
    }
}

impl DateState {
    /// Adds `count` values of a day or time; returns its microseconds since 1970-01-01T00:00:00.
    #[inline]
    pub(crate) fn add(&mut self, stamp: Stamp, has_clock: bool, count: u64, months_max: usize) -> i64 {
        let micros = stamp.micros();
        self.count += count;
        self.with_time += if has_clock { count } else { 0 };
        self.min = self.min.min(micros);
        self.max = self.max.max(micros);
        match self.page(stamp.month, months_max).and_then(|page| page.get_mut(usize::from(stamp.day) - 1)) {
            Some(own) => *own += count,
            None => self.elsewhere += count,
        }
        micros
    }

    /// The page of a month; nothing when there is none and no room for it.
    #[inline]
    fn page(&mut self, month: i32, months_max: usize) -> Option<&mut MonthPage> {
        if self.months.len() >= months_max {
            return self.months.get_mut(&month).map(Box::as_mut);
        }
        Some(self.months.entry(month).or_insert_with(|| Box::new([0; 31])))
    }

    /// Adds the values of another state: those that come after these where `elsewhere` makes a difference.
    pub(crate) fn merge(&mut self, other: &Self, months_max: usize) {
        self.count += other.count;
        self.with_time += other.with_time;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.elsewhere += other.elsewhere;
        for month in other.sorted_months() {
            let Some(more) = other.months.get(&month) else { continue };
            match self.page(month, months_max) {
                Some(own) => own.iter_mut().zip(more.iter()).for_each(|(own, more)| *own += more),
                None => self.elsewhere += more.iter().sum::<u64>(),
            }
        }
    }

    /// The months with a page, ascending.
    pub(crate) fn sorted_months(&self) -> Vec<i32> {
        let mut months: Vec<i32> = self.months.keys().copied().collect();
        months.sort_unstable();
        months
    }

    /// Days since 1970-01-01 with their counts, ascending, those of `elsewhere` missing.
    pub(crate) fn days(&self) -> impl Iterator<Item = (i32, u64)> + '_ {
        self.sorted_months().into_iter().flat_map(|month| {
            let first = first_day(month);
            let page = self.months.get(&month).into_iter().flat_map(|page| page.iter().enumerate());
            page.filter(|(_, count)| **count > 0).map(move |(at, count)| (first + at as i32, *count))
        })
    }
}

/// The first day of a month numbered as in [`DateState::months`].
fn first_day(month: i32) -> i32 {
    let (year, month) = (month.div_euclid(12), month.rem_euclid(12) as u32 + 1);
    days_from_date(year, month, 1).unwrap_or_default()
}

/// The readings of dates such as 03/04/2021. Finish chooses: month first is `plain`, `month_only` and
/// `ambiguous_month`; day first is `plain`, `day_only` and `ambiguous_day`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct DateReadings {
    /// Dates with one reading: ISO, names of months, year first, day and month the same, dots (day first).
    pub(crate) plain: DateState,
    /// Dates that are one with the month first only.
    pub(crate) month_only: DateState,
    /// Dates that are one with the day first only.
    pub(crate) day_only: DateState,
    /// Dates with two readings, read with the month first.
    pub(crate) ambiguous_month: DateState,
    /// The same values, read with the day first.
    pub(crate) ambiguous_day: DateState,
    /// Eight digits that are a day as `%Y%m%d`, from 1900 to 2099. They are integers as well and count as dates only as
    /// a hint.
    pub(crate) compact: DateState,
}

impl DateReadings {
    /// Adds `count` values of a day or time.
    #[inline]
    pub(super) fn add(&mut self, reading: &TemporalReading, count: u64, limits: Limits) -> Seen {
        let has_clock = reading.form.clock != ClockForm::None;
        let max = limits.months_max;
        match (reading.month_first, reading.day_first) {
            (Some(month), Some(day)) if month == day => {
                let micros = self.plain.add(month, has_clock, count, max);
                Seen::Stamp(micros, micros)
            }
            (Some(month), Some(day)) => Seen::Stamp(
                self.ambiguous_month.add(month, has_clock, count, max),
                self.ambiguous_day.add(day, has_clock, count, max),
            ),
            (Some(month), None) => Seen::Stamp(self.month_only.add(month, has_clock, count, max), NO_STAMP),
            (None, Some(day)) => Seen::Stamp(NO_STAMP, self.day_only.add(day, has_clock, count, max)),
            (None, None) => Seen::Text,
        }
    }

    /// Adds another's values.
    pub(crate) fn merge(&mut self, other: &Self, months_max: usize) {
        self.plain.merge(&other.plain, months_max);
        self.month_only.merge(&other.month_only, months_max);
        self.day_only.merge(&other.day_only, months_max);
        self.ambiguous_month.merge(&other.ambiguous_month, months_max);
        self.ambiguous_day.merge(&other.ambiguous_day, months_max);
        self.compact.merge(&other.compact, months_max);
    }
}
