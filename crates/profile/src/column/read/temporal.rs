//! Days and times as people write them.

use bordereau_base::cell::calendar::{MICROS_OF_DAY, days_from_date, days_of_month};

use crate::column::formats::{ClockForm, DayForm, TemporalForm};

/// A day, perhaps with a time, as written: zones are not applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    /// Months since the year 0: `12 * year + month - 1`.
    pub(crate) month: i32,
    /// From 1.
    pub(crate) day: u8,
    /// Microseconds since midnight; 0 without a time.
    pub(crate) clock_micros: i64,
}

impl Stamp {
    /// A day, if there is such.
    #[inline]
    pub(crate) fn of_day(year: u32, month: u32, day: u32) -> Option<Self> {
        let is = (1..=9999).contains(&year) && day >= 1 && day <= days_of_month(year as i32, month);
        is.then(|| Self { month: (12 * year + month) as i32 - 1, day: day as u8, clock_micros: 0 })
    }

    /// Microseconds since 1970-01-01T00:00:00.
    #[inline]
    pub(crate) fn micros(self) -> i64 {
        let (year, month) = (self.month.div_euclid(12), self.month.rem_euclid(12) as u32 + 1);
        let days = days_from_date(year, month, u32::from(self.day)).unwrap_or_default();
        i64::from(days) * MICROS_OF_DAY + self.clock_micros
    }
}

/// A day or time in its readings, at least one of which is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TemporalReading {
    /// How it is written.
    pub(crate) form: TemporalForm,
    /// With the month first.
    pub(crate) month_first: Option<Stamp>,
    /// With the day first; the same where the order is told.
    pub(crate) day_first: Option<Stamp>,
}

/// Whether a text is a day or a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Is(TemporalReading),
    Invalid,
    Not,
}

/// The day that eight digits are as `%Y%m%d`, from 1900 to 2099.
pub(crate) fn compact_day(digits: &[u8]) -> Option<Stamp> {
    let [c, d, y, z, m, n, e, f] = *digits else { return None };
    let two = |high: u8, low: u8| u32::from(high.wrapping_sub(b'0')) * 10 + u32::from(low.wrapping_sub(b'0'));
    let year = two(c, d) * 100 + two(y, z);
    if (1900..2100).contains(&year) { Stamp::of_day(year, two(m, n), two(e, f)) } else { None }
}

/// The year that two digits stand for, by the POSIX rule.
#[inline]
pub(crate) fn century(short: u32) -> u32 {
    short + if short >= 69 { 1900 } else { 2000 }
}

/// The parts of a day before it is known which days there are.
#[derive(Debug, Clone, Copy)]
struct Day {
    form: DayForm,
    year: u32,
    /// In the order of the text for forms whose order is not told, else month and day.
    first: u32,
    second: u32,
}

/// Shortest and longest text that can be a day or a time.
const BYTES_MIN: usize = 6;
const BYTES_MAX: usize = 48;

/// Whether a text, without the blanks around it, is a day or a time.
pub(super) fn read(text: &[u8]) -> Found {
    if !(BYTES_MIN..=BYTES_MAX).contains(&text.len()) {
        return Found::Not;
    }
    let mut rest = text;
    let Some(day) = day(&mut rest) else { return Found::Not };
    let Some((form, clock)) = clock(day.form, rest) else { return Found::Not };
    let Some(clock_micros) = clock else { return Found::Invalid };
    let stamp =
        |month, day_of_month| Stamp::of_day(day.year, month, day_of_month).map(|stamp| Stamp { clock_micros, ..stamp });
    let month_first = stamp(day.first, day.second);
    let day_first = if form.is_ordered_by_country() { stamp(day.second, day.first) } else { month_first };
    if month_first.is_none() && day_first.is_none() {
        return Found::Invalid;
    }
    Found::Is(TemporalReading { form, month_first, day_first })
}

fn day(rest: &mut &[u8]) -> Option<Day> {
    if rest.first()?.is_ascii_alphabetic() {
        return name_first(rest);
    }
    let (length, first) = digits(rest)?;
    let mark = take(rest)?;
    match (length, mark) {
        (4, b'-' | b'/' | b'.') => {
            let (_, month) = digits_of(rest, 1..=2)?;
            (take(rest)? == mark).then_some(())?;
            let (_, day) = digits_of(rest, 1..=2)?;
            let form = match mark {
                b'-' => DayForm::Iso,
                b'/' => DayForm::YearFirstSlash,
                _ => DayForm::YearFirstDot,
            };
            Some(Day { form, year: first, first: month, second: day })
        }
        (1 | 2, b'-' | b' ') if rest.first()?.is_ascii_alphabetic() => name_between(rest, mark, first),
        (1 | 2, b'/' | b'-' | b'.') => {
            let (_, second) = digits_of(rest, 1..=2)?;
            (take(rest)? == mark).then_some(())?;
            let (length, year) = year(rest)?;
            let (form, first, second) = match (mark, length) {
                (b'/', 4) => (DayForm::Slash, first, second),
                (b'/', _) => (DayForm::SlashShort, first, second),
                (b'-', 4) => (DayForm::Dash, first, second),
                (b'-', _) => (DayForm::DashShort, first, second),
                (_, 4) => (DayForm::Dot, second, first),
                (_, _) => (DayForm::DotShort, second, first),
            };
            Some(Day { form, year, first, second })
        }
        _ => None,
    }
}

/// `4-Mar-2021`, `4 Mar 2021`, `4 March 2021`, after the day and its mark.
fn name_between(rest: &mut &[u8], mark: u8, day: u32) -> Option<Day> {
    let (long, month) = name(rest)?;
    (take(rest)? == mark).then_some(())?;
    let (length, year) = year(rest)?;
    let form = match (mark, long, length) {
        (b'-', false, 4) => DayForm::DashName,
        (b'-', false, _) => DayForm::DashNameShort,
        (b' ', false, 4) => DayForm::BlankName,
        (b' ', true, 4) => DayForm::BlankLongName,
        _ => return None,
    };
    Some(Day { form, year, first: month, second: day })
}

/// `Mar 4, 2021`, `March 4, 2021`.
fn name_first(rest: &mut &[u8]) -> Option<Day> {
    let (long, month) = name(rest)?;
    (take(rest)? == b' ').then_some(())?;
    let (_, day) = digits_of(rest, 1..=2)?;
    (take(rest)? == b',' && take(rest)? == b' ').then_some(())?;
    let (_, year) = digits_of(rest, 4..=4)?;
    let form = if long { DayForm::LongNameFirst } else { DayForm::NameFirst };
    Some(Day { form, year, first: month, second: day })
}

const NAMES: [&[u8]; 12] = [
    b"january",
    b"february",
    b"march",
    b"april",
    b"may",
    b"june",
    b"july",
    b"august",
    b"september",
    b"october",
    b"november",
    b"december",
];

/// The month of a name, and whether it is the long one. May is short.
fn name(rest: &mut &[u8]) -> Option<(bool, u32)> {
    let end = rest.iter().position(|byte| !byte.is_ascii_alphabetic())?;
    let (word, after) = rest.split_at_checked(end)?;
    let is =
        |name: &[u8]| word.eq_ignore_ascii_case(name) || name.get(..3).is_some_and(|s| word.eq_ignore_ascii_case(s));
    let month = NAMES.iter().position(|name| is(name))?;
    *rest = after;
    Some((word.len() > 3, month as u32 + 1))
}

/// Four digits, or two with their century.
fn year(rest: &mut &[u8]) -> Option<(usize, u32)> {
    match digits(rest)? {
        (4, year) => Some((4, year)),
        (2, short) => Some((2, century(short))),
        _ => None,
    }
}

fn take(rest: &mut &[u8]) -> Option<u8> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    Some(*first)
}

/// All digits ahead, at most four: how many, and the number.
fn digits(rest: &mut &[u8]) -> Option<(usize, u32)> {
    digits_of(rest, 1..=4)
}

fn digits_of(rest: &mut &[u8], lengths: std::ops::RangeInclusive<usize>) -> Option<(usize, u32)> {
    let length = rest.iter().take(5).take_while(|byte| byte.is_ascii_digit()).count();
    lengths.contains(&length).then_some(())?;
    let (digits, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some((length, digits.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'))))
}

/// The form with the time after a day, and the microseconds since midnight when there is such a time; nothing when it
/// is no time at all.
fn clock(day: DayForm, text: &[u8]) -> Option<(TemporalForm, Option<i64>)> {
    let mut rest = text;
    if rest.is_empty() {
        return Some((TemporalForm::day(day), Some(0)));
    }
    let marked = match take(&mut rest)? {
        b'T' | b't' if day == DayForm::Iso => true,
        b' ' => false,
        _ => return None,
    };
    let (_, hour) = digits_of(&mut rest, 1..=2)?;
    (take(&mut rest)? == b':').then_some(())?;
    let (_, minute) = digits_of(&mut rest, 2..=2)?;
    let mut form = TemporalForm { day, clock: ClockForm::Minutes, marked, zoned: false };
    let (mut second, mut micros) = (0, 0);
    if rest.first() == Some(&b':') {
        take(&mut rest);
        (_, second) = digits_of(&mut rest, 2..=2)?;
        form.clock = ClockForm::Seconds;
        if matches!(rest.first(), Some(b'.' | b',')) {
            take(&mut rest);
            micros = fraction(&mut rest)?;
            form.clock = ClockForm::Fraction;
        }
    }
    let hour = half_day(&mut rest, &mut form, hour)?;
    if !rest.is_empty() {
        zone(rest).then_some(())?;
        form.zoned = true;
    }
    let fits = hour.is_some_and(|hour| hour < 24) && minute < 60 && second < 60;
    let seconds = i64::from((hour.unwrap_or_default() * 60 + minute) * 60 + second);
    Some((form, fits.then_some(seconds * 1_000_000 + i64::from(micros))))
}

/// Microseconds after the point; further digits are cut off.
fn fraction(rest: &mut &[u8]) -> Option<u32> {
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, after) = rest.split_at_checked(length)?;
    *rest = after;
    let padded = digits.iter().copied().chain(std::iter::repeat(b'0')).take(6);
    (1..=9).contains(&length).then(|| padded.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')))
}

/// The hour of the day, after `AM` or `PM` if that is there; an inner nothing when there is no such hour.
fn half_day(rest: &mut &[u8], form: &mut TemporalForm, hour: u32) -> Option<Option<u32>> {
    let word = rest.strip_prefix(b" ").unwrap_or(rest);
    let afternoon = if word.eq_ignore_ascii_case(b"am") {
        false
    } else if word.eq_ignore_ascii_case(b"pm") {
        true
    } else {
        return Some(Some(hour));
    };
    *rest = &[];
    form.clock = match form.clock {
        ClockForm::Minutes => ClockForm::HalfMinutes,
        ClockForm::Seconds => ClockForm::HalfSeconds,
        _ => return None,
    };
    Some((1..=12).contains(&hour).then_some(hour % 12 + if afternoon { 12 } else { 0 }))
}

/// `Z`, `+hh`, `+hhmm` or `+hh:mm`, a blank before it allowed.
fn zone(text: &[u8]) -> bool {
    let text = text.strip_prefix(b" ").unwrap_or(text);
    match text {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', h, hh] => [h, hh].iter().all(|byte| byte.is_ascii_digit()),
        [b'+' | b'-', h, hh, b':', m, mm] | [b'+' | b'-', h, hh, m, mm] => {
            [h, hh, m, mm].iter().all(|byte| byte.is_ascii_digit())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::formats::DayOrder;

    fn stamp(year: u32, month: u32, day: u32) -> Option<Stamp> {
        Stamp::of_day(year, month, day)
    }

    #[test]
    fn days_are_read_in_their_readings() {
        for (text, pattern, month_first, day_first) in [
            ("2021-03-04", "default", stamp(2021, 3, 4), stamp(2021, 3, 4)),
            ("2021-3-4", "default", stamp(2021, 3, 4), stamp(2021, 3, 4)),
            ("2021/03/04", "%Y/%m/%d", stamp(2021, 3, 4), stamp(2021, 3, 4)),
            ("2021.03.04", "%Y.%m.%d", stamp(2021, 3, 4), stamp(2021, 3, 4)),
            ("3/4/2021", "%m/%d/%Y", stamp(2021, 3, 4), stamp(2021, 4, 3)),
            ("13/4/2021", "%m/%d/%Y", None, stamp(2021, 4, 13)),
            ("4/13/2021", "%m/%d/%Y", stamp(2021, 4, 13), None),
            ("04-13-69", "%m-%d-%y", stamp(1969, 4, 13), None),
            ("4.3.2021", "%d.%m.%Y", stamp(2021, 3, 4), stamp(2021, 3, 4)),
            ("4.3.21", "%d.%m.%y", stamp(2021, 3, 4), stamp(2021, 3, 4)),
            ("4-Mar-2021", "%d-%b-%Y", stamp(2021, 3, 4), stamp(2021, 3, 4)),
            ("4-MAR-21", "%d-%b-%y", stamp(2021, 3, 4), stamp(2021, 3, 4)),
            ("4 Mar 2021", "%d %b %Y", stamp(2021, 3, 4), stamp(2021, 3, 4)),
            ("04 march 2021", "%d %B %Y", stamp(2021, 3, 4), stamp(2021, 3, 4)),
            ("Mar 4, 2021", "%b %d, %Y", stamp(2021, 3, 4), stamp(2021, 3, 4)),
            ("March 4, 2021", "%B %d, %Y", stamp(2021, 3, 4), stamp(2021, 3, 4)),
        ] {
            let Found::Is(found) = read(text.as_bytes()) else { panic!("{text:?}") };
            assert_eq!((found.month_first, found.day_first), (month_first, day_first), "{text:?}");
            assert_eq!(found.form.pattern(DayOrder::MonthFirst), pattern, "{text:?}");
        }
    }

    #[test]
    fn times_are_read() {
        let clock = |hour: i64, minute: i64, second: i64| ((hour * 60 + minute) * 60 + second) * 1_000_000;
        for (text, pattern, micros) in [
            ("2021-03-04T15:30:01", "default", clock(15, 30, 1)),
            ("2021-03-04T15:30:01Z", "default", clock(15, 30, 1)),
            ("2021-03-04 15:30:01", "%Y-%m-%d %H:%M:%S", clock(15, 30, 1)),
            ("2021-03-04 15:30", "%Y-%m-%d %H:%M", clock(15, 30, 0)),
            ("2021-03-04 15:30:01.25", "%Y-%m-%d %H:%M:%S.%f", clock(15, 30, 1) + 250_000),
            ("2021-03-04T15:30:01.1234567+01:00", "default", clock(15, 30, 1) + 123_456),
            ("3/4/2021 3:30 PM", "%m/%d/%Y %I:%M %p", clock(15, 30, 0)),
            ("3/4/2021 12:30:00 am", "%m/%d/%Y %I:%M:%S %p", clock(0, 30, 0)),
            ("4 Mar 2021 9:05 +0100", "%d %b %Y %H:%M%z", clock(9, 5, 0)),
        ] {
            let Found::Is(found) = read(text.as_bytes()) else { panic!("{text:?}") };
            assert_eq!(found.month_first.map(|stamp| stamp.clock_micros), Some(micros), "{text:?}");
            assert_eq!(found.form.pattern(DayOrder::MonthFirst), pattern, "{text:?}");
        }
    }

    #[test]
    fn days_that_are_not_are_told_from_texts() {
        for (text, expected) in [
            ("2021-02-30", Found::Invalid),
            ("13/13/2021", Found::Invalid),
            ("0000-00-00", Found::Invalid),
            ("2021-03-04 25:00", Found::Invalid),
            ("2021-03-04 13:00 PM", Found::Invalid),
            ("31-Feb-2021", Found::Invalid),
            ("123-45-6789", Found::Not),
            ("2021-03", Found::Not),
            ("2021-03/04", Found::Not),
            ("3/4/21 or so", Found::Not),
            ("4 Marc 2021", Found::Not),
            ("March", Found::Not),
            ("15:30:00", Found::Not),
            ("2021-03-04X10:00", Found::Not),
            ("2021-03-04 10:00:00.", Found::Not),
        ] {
            assert_eq!(read(text.as_bytes()), expected, "{text:?}");
        }
    }
}
