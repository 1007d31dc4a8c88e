//! Dates, datetimes, times, years and months.

use super::bounds::Bounds;
use super::calendar::{MICROS_OF_DAY, days_from_date};
use super::temporal::Pattern;
use super::{ReadCell, Violation, iso};
use crate::dictionary::{Constraints, TemporalFormat, Value};

/// The date spellings of the format `any`, tried in this order after the default.
const ANY_DATES: [&str; 13] = [
    "%Y-%m-%d",
    "%m/%d/%Y",
    "%m/%d/%y",
    "%m-%d-%Y",
    "%Y/%m/%d",
    "%Y%m%d",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%b %d %Y",
    "%B %d %Y",
    "%d-%b-%Y",
];
/// The time spellings of the format `any`, tried in this order after the default.
const ANY_TIMES: [&str; 6] = ["%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p", "%I:%M%p", "%I %p"];

fn compiled<'a>(sources: impl IntoIterator<Item = &'a str>) -> Vec<Pattern> {
    sources.into_iter().filter_map(|source| Pattern::new(source).ok()).collect()
}

/// A date spelling, a blank and a time spelling.
fn any_datetimes() -> Vec<Pattern> {
    let with_time = ANY_DATES.iter().flat_map(|date| ANY_TIMES.iter().map(move |time| format!("{date} {time}")));
    let sources: Vec<String> = with_time.chain(["%Y-%m-%dT%H:%M".to_owned()]).collect();
    compiled(ANY_DATES.into_iter().chain(sources.iter().map(String::as_str)))
}

/// Whether a text of `any` starts with digits that only `%Y%m%d` fits, but not eight of them: strptime would read
/// `071417` as a day of the year 714, which is a guess.
fn starts_like_a_cut_date(text: &str) -> bool {
    (5..8).contains(&text.bytes().take_while(u8::is_ascii_digit).count())
}

/// Reads dates into days since 1970-01-01.
#[derive(Debug, Clone)]
pub struct DateReader {
    patterns: Vec<Pattern>,
    takes_datetimes: bool,
    bounds: Bounds<i32>,
}

impl DateReader {
    pub(super) fn new(format: &TemporalFormat, constraints: &Constraints) -> Self {
        let bounds = days_bounds(constraints);
        let takes_datetimes = *format == TemporalFormat::Any;
        let patterns = match format {
            TemporalFormat::Default => compiled(["%Y-%m-%d"]),
            TemporalFormat::Any => compiled(ANY_DATES),
            TemporalFormat::Patterns(patterns) => patterns.clone(),
        };
        Self { patterns, takes_datetimes, bounds }
    }

    #[inline]
    fn days(&self, text: &str) -> Option<i32> {
        if self.takes_datetimes && starts_like_a_cut_date(text) {
            return None;
        }
        match self.patterns.iter().find_map(|pattern| pattern.parse_days(text)) {
            None if self.takes_datetimes => {
                // The day as written, whatever the zone.
                let date = text.get(..10)?;
                iso::datetime(text)?;
                self.patterns.first()?.parse_days(date)
            }
            days => days,
        }
    }
}

impl ReadCell for DateReader {
    type Value = i32;

    #[inline]
    fn read(&self, text: &str) -> Result<i32, Violation> {
        self.bounds.check(self.days(text).ok_or(Violation::Type)?)
    }
}

fn days_bounds(constraints: &Constraints) -> Bounds<i32> {
    Bounds::new(constraints, |value| match value {
        Value::Date(days) => Some(*days),
        _ => None,
    })
}

/// Reads datetimes into microseconds since 1970-01-01T00:00:00, in UTC when they have a zone.
#[derive(Debug, Clone)]
pub struct DatetimeReader {
    iso: bool,
    patterns: Vec<Pattern>,
    bounds: Bounds<i64>,
}

impl DatetimeReader {
    pub(super) fn new(format: &TemporalFormat, constraints: &Constraints) -> Self {
        let bounds = Bounds::new(constraints, |value| match value {
            Value::Datetime(micros) => Some(*micros),
            _ => None,
        });
        let (iso, patterns) = match format {
            TemporalFormat::Default => (true, Vec::new()),
            TemporalFormat::Any => (true, any_datetimes()),
            TemporalFormat::Patterns(patterns) => (false, patterns.clone()),
        };
        Self { iso, patterns, bounds }
    }
}

impl ReadCell for DatetimeReader {
    type Value = i64;

    #[inline]
    fn read(&self, text: &str) -> Result<i64, Violation> {
        if self.iso && starts_like_a_cut_date(text) {
            return Err(Violation::Type);
        }
        let default = if self.iso { iso::datetime(text) } else { None };
        let micros = default.or_else(|| self.patterns.iter().find_map(|pattern| pattern.parse(text)?.instant()));
        self.bounds.check(micros.ok_or(Violation::Type)?)
    }
}

/// Reads times into microseconds since midnight, in UTC when they have a zone.
#[derive(Debug, Clone)]
pub struct TimeReader {
    iso: bool,
    patterns: Vec<Pattern>,
    bounds: Bounds<i64>,
}

impl TimeReader {
    pub(super) fn new(format: &TemporalFormat, constraints: &Constraints) -> Self {
        let bounds = Bounds::new(constraints, |value| match value {
            Value::Time(micros) => Some(*micros),
            _ => None,
        });
        let (iso, patterns) = match format {
            TemporalFormat::Default => (true, Vec::new()),
            TemporalFormat::Any => (true, compiled(ANY_TIMES)),
            TemporalFormat::Patterns(patterns) => (false, patterns.clone()),
        };
        Self { iso, patterns, bounds }
    }
}

impl ReadCell for TimeReader {
    type Value = i64;

    #[inline]
    fn read(&self, text: &str) -> Result<i64, Violation> {
        let default = if self.iso { iso::time(text) } else { None };
        let micros = default.or_else(|| self.patterns.iter().find_map(|pattern| pattern.parse(text)?.time()));
        debug_assert!(micros.is_none_or(|micros| (0..MICROS_OF_DAY).contains(&micros)));
        self.bounds.check(micros.ok_or(Violation::Type)?)
    }
}

/// Reads years: four digits.
#[derive(Debug, Clone)]
pub struct YearReader {
    bounds: Bounds<i64>,
}

impl YearReader {
    pub(super) fn new(constraints: &Constraints) -> Self {
        let bounds = Bounds::new(constraints, |value| match value {
            Value::Integer(year) => Some(*year),
            _ => None,
        });
        Self { bounds }
    }
}

impl ReadCell for YearReader {
    type Value = i64;

    #[inline]
    fn read(&self, text: &str) -> Result<i64, Violation> {
        let year = four_digits(text.as_bytes()).ok_or(Violation::Type)?;
        self.bounds.check(i64::from(year))
    }
}

/// Reads months, such as `2017-07` or `2017-7`, into the first day of the month.
#[derive(Debug, Clone)]
pub struct YearmonthReader {
    bounds: Bounds<i32>,
}

impl YearmonthReader {
    pub(super) fn new(constraints: &Constraints) -> Self {
        Self { bounds: days_bounds(constraints) }
    }
}

impl ReadCell for YearmonthReader {
    type Value = i32;

    #[inline]
    fn read(&self, text: &str) -> Result<i32, Violation> {
        self.bounds.check(first_of_month(text.as_bytes()).ok_or(Violation::Type)?)
    }
}

fn four_digits(text: &[u8]) -> Option<u32> {
    let whole = text.len() == 4 && text.iter().all(u8::is_ascii_digit);
    whole.then(|| text.iter().fold(0, |year, digit| year * 10 + u32::from(digit - b'0')))
}

fn first_of_month(text: &[u8]) -> Option<i32> {
    let (year, rest) = text.split_at_checked(4)?;
    let month = match *rest {
        [b'-', month @ b'1'..=b'9'] | [b'-', b'0', month] => u32::from(month.wrapping_sub(b'0')),
        [b'-', b'1', month @ b'0'..=b'2'] => 10 + u32::from(month - b'0'),
        _ => return None,
    };
    days_from_date(four_digits(year)? as i32, month, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_takes_a_date_of_digits_alone_only_with_all_eight() {
        let date = DateReader::new(&TemporalFormat::Any, &Constraints::default());
        let datetime = DatetimeReader::new(&TemporalFormat::Any, &Constraints::default());
        assert_eq!(date.read("20190201"), Ok(17_928));
        assert_eq!(datetime.read("20190201 00:00"), Ok(17_928 * MICROS_OF_DAY));
        for text in ["071417", "201921", "2019201", "20191"] {
            assert_eq!(date.read(text), Err(Violation::Type), "{text}");
            assert_eq!(datetime.read(&format!("{text} 10:30")), Err(Violation::Type), "{text}");
        }
    }

    #[test]
    fn all_spellings_of_any_compile() {
        assert_eq!(compiled(ANY_DATES).len(), ANY_DATES.len());
        assert_eq!(compiled(ANY_TIMES).len(), ANY_TIMES.len());
        assert_eq!(any_datetimes().len(), ANY_DATES.len() * (ANY_TIMES.len() + 1) + 1);
    }
}
