//! Statistics of the values of a column that are days or times, in one reading.
//!
//! Days are counted in pages of a month, as many as [`Limits::months_max`](crate::settings::Limits). The days of further
//! months are in `elsewhere`; minimum and maximum know of them all the same.

use std::collections::BTreeMap;

use bordereau_base::cell::calendar::{MICROS_OF_DAY, date_from_days};

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
    pub(crate) months: BTreeMap<i32, Box<MonthPage>>,
    /// Values of months without a page.
    pub(crate) elsewhere: u64,
}

impl Default for DateState {
    fn default() -> Self {
        Self { count: 0, with_time: 0, min: i64::MAX, max: i64::MIN, months: BTreeMap::new(), elsewhere: 0 }
    }
}

impl DateState {
    /// Adds `count` values of a day without a time, in days since 1970-01-01.
    pub(crate) fn add_day(&mut self, day: i32, count: u64, months_max: usize) {
        let micros = i64::from(day) * MICROS_OF_DAY;
        self.add(day, micros, count, months_max);
    }

    /// Adds `count` values of a time, in microseconds since 1970-01-01T00:00:00.
    pub(crate) fn add_time(&mut self, micros: i64, count: u64, months_max: usize) {
        self.with_time += count;
        self.add(micros.div_euclid(MICROS_OF_DAY) as i32, micros, count, months_max);
    }

    fn add(&mut self, day: i32, micros: i64, count: u64, months_max: usize) {
        self.count += count;
        self.min = self.min.min(micros);
        self.max = self.max.max(micros);
        let (year, month, day) = date_from_days(day);
        let mut page = MonthPage::default();
        if let Some(cell) = page.get_mut(day as usize - 1) {
            *cell = count;
        }
        self.add_page(12 * year + month as i32 - 1, &page, months_max);
    }

    /// Adds the values of another state: those that come after these where `elsewhere` makes a difference.
    pub(crate) fn merge(&mut self, other: &Self, months_max: usize) {
        self.count += other.count;
        self.with_time += other.with_time;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.elsewhere += other.elsewhere;
        for (&month, page) in &other.months {
            self.add_page(month, page, months_max);
        }
    }

    fn add_page(&mut self, month: i32, page: &MonthPage, months_max: usize) {
        if let Some(own) = self.months.get_mut(&month) {
            own.iter_mut().zip(page).for_each(|(own, more)| *own += more);
        } else if self.months.len() < months_max {
            self.months.insert(month, Box::new(*page));
        } else {
            self.elsewhere += page.iter().sum::<u64>();
        }
    }

    /// Days since 1970-01-01 with their counts, ascending, those of `elsewhere` missing.
    pub(crate) fn days(&self) -> impl Iterator<Item = (i32, u64)> + '_ {
        self.months.iter().flat_map(|(month, page)| {
            let first = first_day(*month);
            page.iter().enumerate().filter(|(_, count)| **count > 0).map(move |(at, count)| (first + at as i32, *count))
        })
    }
}

/// The first day of a month numbered as in [`DateState::months`].
fn first_day(month: i32) -> i32 {
    let (year, month) = (month.div_euclid(12), month.rem_euclid(12) as u32 + 1);
    bordereau_base::cell::calendar::days_from_date(year, month, 1).unwrap_or_default()
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
