//! Dates and times by strptime patterns.
//!
//! The directives and what they fit are those of Python's `strptime` in the C locale, which the standard names: one or
//! two digits for `%m`, `%d`, `%H`, `%I`, `%M` and `%S`; names in any letter case; any blanks where the pattern has
//! blanks; two-digit years by the POSIX rule (69 to 99 are 1969 to 1999, 00 to 68 are 2000 to 2068). A pattern fits a
//! text or not; where it could be cut up in several ways the longest first number wins, as with Python.

use super::calendar::{MICROS_OF_DAY, MICROS_OF_SECOND, date_from_days, days_from_date};

mod directive;

use directive::{Amount, Item};

/// Items of a pattern; longer ones are refused.
const ITEMS_MAX: usize = 64;

/// A strptime pattern such as `%m/%d/%Y`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    source: String,
    items: Vec<Item>,
    simple_date: Option<SimpleDate>,
}

/// What a pattern finds in a text; what it does not name is as in 1900-01-01T00:00:00.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    year: i32,
    month: u32,
    day: u32,
    day_of_year: Option<u32>,
    hour: u32,
    hour_of_half: Option<u32>,
    afternoon: bool,
    minute: u32,
    second: u32,
    micros: u32,
    offset_minutes: i32,
}

impl Parts {
    const START: Self = Self {
        year: 1900,
        month: 1,
        day: 1,
        day_of_year: None,
        hour: 0,
        hour_of_half: None,
        afternoon: false,
        minute: 0,
        second: 0,
        micros: 0,
        offset_minutes: 0,
    };

    /// Days since 1970-01-01 of the date as written, whatever the zone; `None` when there is no such day.
    pub fn days(&self) -> Option<i32> {
        let Some(of_year) = self.day_of_year else { return days_from_date(self.year, self.month, self.day) };
        let first = days_from_date(self.year, 1, 1)?;
        let last = days_from_date(self.year, 12, 31)?;
        let days = first + of_year as i32 - 1;
        (days <= last).then_some(days)
    }

    /// Microseconds since midnight of the time as written, whatever the zone; `None` for a leap second.
    pub fn micros_of_day(&self) -> Option<i64> {
        let hour = match self.hour_of_half {
            Some(hour) => hour % 12 + if self.afternoon { 12 } else { 0 },
            None => self.hour,
        };
        let seconds = i64::from((hour * 60 + self.minute) * 60 + self.second);
        (self.second < 60).then_some(seconds * MICROS_OF_SECOND + i64::from(self.micros))
    }

    /// Microseconds since 1970-01-01T00:00:00, in UTC when the text has a zone.
    pub fn instant(&self) -> Option<i64> {
        Some(i64::from(self.days()?) * MICROS_OF_DAY + self.micros_of_day()? - self.offset_micros())
    }

    /// Microseconds since midnight, in UTC when the text has a zone.
    pub fn time(&self) -> Option<i64> {
        Some((self.micros_of_day()? - self.offset_micros()).rem_euclid(MICROS_OF_DAY))
    }

    fn offset_micros(&self) -> i64 {
        i64::from(self.offset_minutes) * 60 * MICROS_OF_SECOND
    }

    fn of(days: i32, micros_of_day: i64) -> Self {
        let (year, month, day) = date_from_days(days);
        let seconds = (micros_of_day / MICROS_OF_SECOND) as u32;
        let hour = seconds / 3_600;
        Self {
            year,
            month,
            day,
            day_of_year: days_from_date(year, 1, 1).map(|first| (days - first) as u32 + 1),
            hour,
            hour_of_half: Some((hour + 11) % 12 + 1),
            afternoon: hour >= 12,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            micros: (micros_of_day % MICROS_OF_SECOND) as u32,
            offset_minutes: 0,
        }
    }
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// A sentence about the first directive that is unknown, depends on a locale or a week count, or comes twice.
    pub fn new(source: &str) -> Result<Self, String> {
        let items = directive::compile(source)?;
        if items.len() > ITEMS_MAX {
            return Err(format!("has more than {ITEMS_MAX} parts"));
        }
        Ok(Self { source: source.to_owned(), simple_date: SimpleDate::of(&items), items })
    }

    /// The pattern as the descriptor has it.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether it names a year.
    pub fn has_year(&self) -> bool {
        let year = |item: &Item| matches!(item, Item::Number(Amount::Year | Amount::ShortYear));
        self.items.iter().any(year)
    }

    /// Whether it names an hour.
    pub fn has_hour(&self) -> bool {
        self.items.iter().any(|item| matches!(item, Item::Number(Amount::Hour | Amount::HourOfHalf)))
    }

    /// What the whole of `text` says, when the pattern fits it.
    pub fn parse(&self, text: &str) -> Option<Parts> {
        fit(&self.items, text.as_bytes(), Parts::START)
    }

    /// Days since 1970-01-01, when the pattern fits and there is such a day. Quicker than [`Pattern::parse`].
    #[inline]
    pub fn parse_days(&self, text: &str) -> Option<i32> {
        match &self.simple_date {
            // Only a blank before a day makes the two differ.
            Some(simple) => match simple.days(text.as_bytes()) {
                None if text.as_bytes().contains(&b' ') => self.parse(text)?.days(),
                days => days,
            },
            None => self.parse(text)?.days(),
        }
    }

    /// A text that the pattern fits. Months, days and hours have a leading zero only when the year comes first or
    /// when there are digits next to them.
    ///
    /// Law: parsing it gives the day and time back as far as the pattern names their parts.
    pub fn format(&self, days: i32, micros_of_day: i64) -> String {
        let is_number = |at: Option<usize>| at.is_some_and(|at| matches!(self.items.get(at), Some(Item::Number(_))));
        let year_first = matches!(self.items.first(), Some(Item::Number(Amount::Year)));
        let parts = Parts::of(days, micros_of_day);
        let mut text = Vec::new();
        for (at, item) in self.items.iter().enumerate() {
            let padded = year_first || is_number(at.checked_sub(1)) || is_number(Some(at + 1));
            item.write(&parts, padded, &mut text);
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}

fn fit(items: &[Item], text: &[u8], parts: Parts) -> Option<Parts> {
    let Some((item, rest)) = items.split_first() else { return text.is_empty().then_some(parts) };
    match item {
        Item::Byte(byte) => {
            let (first, after) = text.split_first()?;
            if first.eq_ignore_ascii_case(byte) { fit(rest, after, parts) } else { None }
        }
        Item::Blanks => {
            let after = text.trim_ascii_start();
            if after.len() < text.len() { fit(rest, after, parts) } else { None }
        }
        Item::Number(amount) => amount.fits(text).find_map(|(value, after)| fit(rest, after, amount.put(parts, value))),
        Item::Name(name) => name.fit(text).and_then(|(value, after)| fit(rest, after, name.put(parts, value))),
        Item::Offset => {
            let (minutes, after) = directive::offset(text)?;
            fit(rest, after, Parts { offset_minutes: minutes, ..parts })
        }
    }
}

/// Year, month and day as numbers with a mark between them: nearly all dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SimpleDate {
    order: [Amount; 3],
    marks: [u8; 2],
}

impl SimpleDate {
    fn of(items: &[Item]) -> Option<Self> {
        let [Item::Number(a), Item::Byte(first), Item::Number(b), Item::Byte(second), Item::Number(c)] = items else {
            return None;
        };
        let order = [*a, *b, *c];
        let whole = order.contains(&Amount::Month)
            && order.contains(&Amount::Day)
            && (order.contains(&Amount::Year) || order.contains(&Amount::ShortYear));
        let marks = [*first, *second];
        (whole && marks.iter().all(|mark| mark.is_ascii_punctuation())).then_some(Self { order, marks })
    }

    #[inline]
    fn days(&self, text: &[u8]) -> Option<i32> {
        let (mut year, mut month, mut day) = (0, 0, 0);
        let mut rest = text;
        for (at, amount) in self.order.iter().enumerate() {
            if at > 0 {
                let (mark, after) = rest.split_first()?;
                if Some(mark) != self.marks.get(at - 1) {
                    return None;
                }
                rest = after;
            }
            match amount {
                Amount::Year => (year, rest) = four_digits(rest)?,
                Amount::ShortYear => (year, rest) = short_year(rest)?,
                Amount::Month => (month, rest) = one_or_two_digits(rest)?,
                _ => (day, rest) = one_or_two_digits(rest)?,
            }
        }
        if rest.is_empty() { days_from_date(year, month, day) } else { None }
    }
}

#[inline]
fn digit(byte: u8) -> Option<u32> {
    let digit = byte.wrapping_sub(b'0');
    (digit < 10).then_some(u32::from(digit))
}

#[inline]
fn one_or_two_digits(text: &[u8]) -> Option<(u32, &[u8])> {
    let (first, rest) = text.split_first()?;
    let first = digit(*first)?;
    match rest.split_first() {
        Some((second, after)) => match digit(*second) {
            Some(second) => Some((first * 10 + second, after)),
            None => Some((first, rest)),
        },
        None => Some((first, rest)),
    }
}

#[inline]
fn four_digits(text: &[u8]) -> Option<(i32, &[u8])> {
    let (head, rest) = text.split_first_chunk::<4>()?;
    let [a, b, c, d] = *head;
    let year = digit(a)? * 1_000 + digit(b)? * 100 + digit(c)? * 10 + digit(d)?;
    Some((year as i32, rest))
}

#[inline]
fn short_year(text: &[u8]) -> Option<(i32, &[u8])> {
    let (head, rest) = text.split_first_chunk::<2>()?;
    let [a, b] = *head;
    Some((century(digit(a)? * 10 + digit(b)?), rest))
}

/// The POSIX rule.
fn century(short: u32) -> i32 {
    short as i32 + if short >= 69 { 1900 } else { 2000 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_by_pattern() {
        let day = |year, month, day| days_from_date(year, month, day);
        for (pattern, text, expected) in [
            ("%m/%d/%Y", "7/7/2017", day(2017, 7, 7)),
            ("%m/%d/%Y", "07/31/2017", day(2017, 7, 31)),
            ("%m/%d/%Y", "13/1/2017", None),
            ("%m/%d/%Y", "2/29/2017", None),
            ("%m/%d/%Y", "7/ 7/2017", day(2017, 7, 7)),
            ("%m/%d/%Y", "7/7/17", None),
            ("%m/%d/%y", "6/6/14", day(2014, 6, 6)),
            ("%m/%d/%y", "6/6/69", day(1969, 6, 6)),
            ("%m/%d/%y", "6/6/68", day(2068, 6, 6)),
            ("%Y-%m-%d", "2019-02-01", day(2019, 2, 1)),
            ("%Y-%m-%d", "2019-2-1", day(2019, 2, 1)),
            ("%Y-%m-%d", "0000-02-01", None),
            ("%Y%m%d", "20190201", day(2019, 2, 1)),
            ("%Y%m%d", "201921", day(2019, 2, 1)),
            ("%d %B %Y", "3  march 2020", day(2020, 3, 3)),
            ("%b %d, %Y", "Mar 3, 2020", day(2020, 3, 3)),
            ("%a %d.%m.%Y", "Mon 3.3.2020", day(2020, 3, 3)),
            ("%Y-%j", "2020-366", day(2020, 12, 31)),
            ("%Y-%j", "2019-366", None),
            ("100%% %Y", "100% 2019", day(2019, 1, 1)),
        ] {
            let pattern = Pattern::new(pattern).unwrap();
            assert_eq!(pattern.parse_days(text), expected, "{} {text:?}", pattern.as_str());
        }
    }

    #[test]
    fn times_by_pattern() {
        let micros = |hour: i64, minute: i64, micros: i64| Some((hour * 60 + minute) * 60_000_000 + micros);
        for (pattern, text, expected) in [
            ("%H:%M", "9:05", micros(9, 5, 0)),
            ("%I:%M %p", "12:30 am", micros(0, 30, 0)),
            ("%I:%M %p", "1:30 PM", micros(13, 30, 0)),
            ("%H:%M:%S.%f", "09:05:01.5", micros(9, 5, 1_500_000)),
            ("%H:%M:%S", "09:05:60", None),
            ("%H:%M%z", "01:00+02:30", micros(22, 30, 0)),
            ("%H:%M%z", "01:00Z", micros(1, 0, 0)),
        ] {
            let pattern = Pattern::new(pattern).unwrap();
            assert_eq!(pattern.parse(text).and_then(|parts| parts.time()), expected, "{} {text:?}", pattern.as_str());
        }
    }

    #[test]
    fn patterns_that_cannot_be_are_refused() {
        for bad in ["%Q", "%", "%Y %Y", "%Y %y", "%H %I", "%U %Y", "%G", &"x".repeat(65)] {
            assert!(Pattern::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn directives_of_c_stand_for_what_they_abbreviate() {
        for (pattern, same, text) in [
            ("%F", "%Y-%m-%d", "2019-02-01"),
            ("%D", "%m/%d/%y", "02/01/19"),
            ("%x", "%m/%d/%y", "02/01/19"),
            ("%T", "%H:%M:%S", "15:30:01"),
            ("%X", "%H:%M:%S", "15:30:01"),
            ("%R", "%H:%M", "15:30"),
            ("%c", "%a %b %d %H:%M:%S %Y", "Fri Feb 01 15:30:01 2019"),
            ("%e%n%h%t%Y", "%d %b %Y", "1 Feb 2019"),
            ("%d %B %Y %Z", "%d %B %Y UTC", "1 February 2019 utc"),
            ("%u %Y", "%w %Y", "3 2019"),
        ] {
            let parts = Pattern::new(pattern).unwrap().parse(text);
            assert!(parts.is_some(), "{pattern} {text:?}");
            assert_eq!(parts, Pattern::new(same).unwrap().parse(text), "{pattern} {text:?}");
        }
    }

    #[test]
    fn patterns_know_what_they_name() {
        for (pattern, year, hour) in [
            ("%Y-%m-%d", true, false),
            ("%y", true, false),
            ("%I %p", false, true),
            ("%c", true, true),
            ("%j", false, false),
        ] {
            let pattern = Pattern::new(pattern).unwrap();
            assert_eq!((pattern.has_year(), pattern.has_hour()), (year, hour), "{}", pattern.as_str());
        }
    }

    const WHOLE_PATTERNS: [&str; 14] = [
        "%Y-%m-%dT%H:%M:%S.%f",
        "%m/%d/%Y %I:%M:%S.%f %p",
        "%d.%m.%Y %H%M%S%f",
        "%Y%m%d%H%M%S%f",
        "%Y-%j %H:%M:%S,%f",
        "%A, %d %B %Y %I.%M.%S.%f%p",
        "%a %b %e %T.%f %Y",
        "%f %S:%M:%H %d/%m/%Y",
        "%Y-%m-%d %H:%M:%S.%f%z",
        "%Z %Y-%m-%d %H:%M:%S.%f",
        "%w %F %X %f",
        "%u|%Y|%m|%d|%H|%M|%S|%f",
        "100%% %Y %m %d é %H %M %S %f",
        "%F%n%R:%S%t%f",
    ];

    proptest! {
        #[test]
        fn what_a_pattern_writes_it_reads(
            at in 0..WHOLE_PATTERNS.len(), days in -719_162_i32..=2_932_896, micros in 0..MICROS_OF_DAY
        ) {
            let pattern = Pattern::new(WHOLE_PATTERNS[at]).unwrap();
            let text = pattern.format(days, micros);
            let parts = pattern.parse(&text);
            prop_assert_eq!(parts.and_then(|parts| parts.days()), Some(days), "{}", &text);
            prop_assert_eq!(parts.and_then(|parts| parts.time()), Some(micros), "{}", &text);
            prop_assert_eq!(parts.and_then(|parts| parts.instant()), Some(i64::from(days) * MICROS_OF_DAY + micros));
        }

        #[test]
        fn the_quick_way_gives_the_same_days(
            at in 0_usize..6, text in "[0-9]{1,4}[-/. ]? ?[0-9]{1,3}[-/. ] ?[0-9]{1,4}|[0-9/ .-]{0,12}"
        ) {
            let sources = ["%m/%d/%Y", "%m/%d/%y", "%Y-%m-%d", "%d.%m.%Y", "%y-%d-%m", "%Y/%m/%d"];
            let pattern = Pattern::new(sources[at]).unwrap();
            prop_assert!(pattern.simple_date.is_some());
            prop_assert_eq!(pattern.parse_days(&text), pattern.parse(&text).and_then(|parts| parts.days()));
        }

        #[test]
        fn sources_and_texts_of_any_kind_never_panic(source in "(%[a-zA-Z%]|.){0,12}", text in ".{0,24}|[0-9:/ -]{0,24}") {
            if let Ok(pattern) = Pattern::new(&source) {
                let _ = pattern.parse(&text).map(|parts| (parts.days(), parts.time(), parts.instant()));
                let _ = pattern.parse_days(&text);
                let _ = pattern.format(17_378, 55_800_000_000);
            }
        }
    }
}
