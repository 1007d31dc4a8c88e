//! The directives of strptime patterns, one by one.

use super::{Parts, century};

/// One part of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    /// A byte of the text itself, in any letter case.
    Byte(u8),
    /// One blank or more.
    Blanks,
    /// Digits.
    Number(Amount),
    /// A word.
    Name(Name),
    /// `Z` or hours and minutes from UTC.
    Offset,
}

/// What digits stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Amount {
    Year,
    ShortYear,
    Month,
    Day,
    DayOfYear,
    Hour,
    HourOfHalf,
    Minute,
    Second,
    Fraction,
    WeekdayFromSunday,
    WeekdayFromMonday,
}

/// What a word stands for. The day of the week is read and not compared with the date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    Month,
    ShortMonth,
    Weekday,
    ShortWeekday,
    Half,
    Zone,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const SHORT_MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const SHORT_WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Cuts a pattern into items.
pub(super) fn compile(source: &str) -> Result<Vec<Item>, String> {
    let mut items = Vec::new();
    append(source, &mut items)?;
    for (at, item) in items.iter().enumerate() {
        let twice = items.iter().skip(at + 1).any(|later| clashes(*item, *later));
        if twice {
            return Err("names the same part of a date or time twice".to_owned());
        }
    }
    Ok(items)
}

fn append(source: &str, items: &mut Vec<Item>) -> Result<(), String> {
    let mut chars = source.chars();
    while let Some(c) = chars.next() {
        match c {
            '%' => {
                let letter = chars.next().ok_or("ends in a single %")?;
                directive(letter, items)?;
            }
            c if c.is_ascii_whitespace() => {
                if items.last() != Some(&Item::Blanks) {
                    items.push(Item::Blanks);
                }
            }
            c => items.extend(c.encode_utf8(&mut [0; 4]).bytes().map(Item::Byte)),
        }
    }
    Ok(())
}

fn directive(letter: char, items: &mut Vec<Item>) -> Result<(), String> {
    let item = match letter {
        '%' => Item::Byte(b'%'),
        'Y' => Item::Number(Amount::Year),
        'y' => Item::Number(Amount::ShortYear),
        'm' => Item::Number(Amount::Month),
        'd' | 'e' => Item::Number(Amount::Day),
        'j' => Item::Number(Amount::DayOfYear),
        'H' => Item::Number(Amount::Hour),
        'I' => Item::Number(Amount::HourOfHalf),
        'M' => Item::Number(Amount::Minute),
        'S' => Item::Number(Amount::Second),
        'f' => Item::Number(Amount::Fraction),
        'w' => Item::Number(Amount::WeekdayFromSunday),
        'u' => Item::Number(Amount::WeekdayFromMonday),
        'B' => Item::Name(Name::Month),
        'b' | 'h' => Item::Name(Name::ShortMonth),
        'A' => Item::Name(Name::Weekday),
        'a' => Item::Name(Name::ShortWeekday),
        'p' => Item::Name(Name::Half),
        'Z' => Item::Name(Name::Zone),
        'z' => Item::Offset,
        'F' => return append("%Y-%m-%d", items),
        'D' | 'x' => return append("%m/%d/%y", items),
        'T' | 'X' => return append("%H:%M:%S", items),
        'R' => return append("%H:%M", items),
        'c' => return append("%a %b %d %H:%M:%S %Y", items),
        'n' | 't' => return append(" ", items),
        'U' | 'W' | 'G' | 'V' => return Err(format!("has %{letter}, a count of weeks, which is not supported")),
        other => return Err(format!("has %{other}, which is no directive of strptime")),
    };
    items.push(item);
    Ok(())
}

fn clashes(one: Item, other: Item) -> bool {
    let group = |item: Item| match item {
        Item::Byte(_) | Item::Blanks => None,
        Item::Number(Amount::ShortYear) => Some(Item::Number(Amount::Year)),
        Item::Number(Amount::HourOfHalf) => Some(Item::Number(Amount::Hour)),
        Item::Name(Name::Month | Name::ShortMonth) => Some(Item::Number(Amount::Month)),
        other => Some(other),
    };
    group(one).is_some() && group(one) == group(other)
}

impl Amount {
    /// The most digits, the least and the greatest value; the fewest digits are one unless they are fixed.
    const fn form(self) -> (usize, u32, u32) {
        match self {
            Self::Year => (4, 0, 9_999),
            Self::ShortYear => (2, 0, 99),
            Self::Month | Self::HourOfHalf => (2, 1, 12),
            Self::Day => (2, 1, 31),
            Self::DayOfYear => (3, 1, 366),
            Self::Hour => (2, 0, 23),
            Self::Minute => (2, 0, 59),
            Self::Second => (2, 0, 61),
            Self::Fraction => (6, 0, 999_999),
            Self::WeekdayFromSunday => (1, 0, 6),
            Self::WeekdayFromMonday => (1, 1, 7),
        }
    }

    const fn is_fixed(self) -> bool {
        matches!(self, Self::Year | Self::ShortYear)
    }

    /// The values that the start of `text` can be read as, longest first, each with the text after it.
    pub(super) fn fits(self, text: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
        let (most, low, high) = self.form();
        let fewest = if self.is_fixed() { most } else { 1 };
        let padded = match text {
            [b' ', digit @ b'1'..=b'9', rest @ ..] if self == Self::Day => Some((u32::from(digit - b'0'), rest)),
            _ => None,
        };
        let plain = (fewest..=most).rev().filter_map(move |width| {
            let (head, rest) = text.split_at_checked(width)?;
            let digits = head.iter().all(u8::is_ascii_digit);
            let value = head.iter().fold(0, |value, byte| value * 10 + u32::from(byte.wrapping_sub(b'0')));
            let value = if self == Self::Fraction { value * 10_u32.pow(6 - width as u32) } else { value };
            (digits && (low..=high).contains(&value)).then_some((value, rest))
        });
        plain.chain(padded)
    }

    pub(super) fn put(self, parts: Parts, value: u32) -> Parts {
        match self {
            Self::Year => Parts { year: value as i32, ..parts },
            Self::ShortYear => Parts { year: century(value), ..parts },
            Self::Month => Parts { month: value, ..parts },
            Self::Day => Parts { day: value, ..parts },
            Self::DayOfYear => Parts { day_of_year: Some(value), ..parts },
            Self::Hour => Parts { hour: value, ..parts },
            Self::HourOfHalf => Parts { hour_of_half: Some(value), ..parts },
            Self::Minute => Parts { minute: value, ..parts },
            Self::Second => Parts { second: value, ..parts },
            Self::Fraction => Parts { micros: value, ..parts },
            Self::WeekdayFromSunday | Self::WeekdayFromMonday => parts,
        }
    }

    fn format(self, parts: &Parts, padded: bool) -> String {
        let weekday = weekday(parts) as u32;
        match self {
            Self::Year => format!("{:04}", parts.year),
            Self::ShortYear => format!("{:02}", parts.year.rem_euclid(100)),
            Self::Month if padded => format!("{:02}", parts.month),
            Self::Month => parts.month.to_string(),
            Self::Day if padded => format!("{:02}", parts.day),
            Self::Day => parts.day.to_string(),
            Self::DayOfYear => format!("{:03}", parts.day_of_year.unwrap_or(1)),
            Self::Hour if padded => format!("{:02}", parts.hour),
            Self::Hour => parts.hour.to_string(),
            Self::HourOfHalf if padded => format!("{:02}", parts.hour_of_half.unwrap_or(parts.hour)),
            Self::HourOfHalf => parts.hour_of_half.unwrap_or(parts.hour).to_string(),
            Self::Minute => format!("{:02}", parts.minute),
            Self::Second => format!("{:02}", parts.second),
            Self::Fraction => format!("{:06}", parts.micros),
            Self::WeekdayFromSunday => ((weekday + 1) % 7).to_string(),
            Self::WeekdayFromMonday => (weekday + 1).to_string(),
        }
    }
}

impl Name {
    const fn words(self) -> &'static [&'static str] {
        match self {
            Self::Month => &MONTHS,
            Self::ShortMonth => &SHORT_MONTHS,
            Self::Weekday => &WEEKDAYS,
            Self::ShortWeekday => &SHORT_WEEKDAYS,
            Self::Half => &["AM", "PM"],
            Self::Zone => &["UTC", "GMT"],
        }
    }

    /// The index of the word that `text` starts with, and the text after it.
    pub(super) fn fit(self, text: &[u8]) -> Option<(u32, &[u8])> {
        self.words().iter().zip(0..).find_map(|(word, index)| {
            let (head, rest) = text.split_at_checked(word.len())?;
            head.eq_ignore_ascii_case(word.as_bytes()).then_some((index, rest))
        })
    }

    pub(super) fn put(self, parts: Parts, index: u32) -> Parts {
        match self {
            Self::Month | Self::ShortMonth => Parts { month: index + 1, ..parts },
            Self::Half => Parts { afternoon: index == 1, ..parts },
            Self::Weekday | Self::ShortWeekday | Self::Zone => parts,
        }
    }

    fn format(self, parts: &Parts) -> &'static str {
        let index = match self {
            Self::Month | Self::ShortMonth => parts.month as usize - 1,
            Self::Weekday | Self::ShortWeekday => weekday(parts),
            Self::Half => usize::from(parts.afternoon),
            Self::Zone => 0,
        };
        self.words().get(index).copied().unwrap_or_default()
    }
}

impl Item {
    pub(super) fn write(self, parts: &Parts, padded: bool, text: &mut Vec<u8>) {
        match self {
            Self::Byte(byte) => text.push(byte),
            Self::Blanks => text.push(b' '),
            Self::Number(amount) => text.extend(amount.format(parts, padded).bytes()),
            Self::Name(name) => text.extend(name.format(parts).bytes()),
            Self::Offset => text.push(b'Z'),
        }
    }
}

/// 0 for Monday. 1970-01-01 was a Thursday.
fn weekday(parts: &Parts) -> usize {
    (parts.days().unwrap_or(0) + 3).rem_euclid(7) as usize
}

/// `Z`, `+hh:mm` or `+hhmm`: minutes east of UTC, and the text after it.
pub(super) fn offset(text: &[u8]) -> Option<(i32, &[u8])> {
    let (sign, rest) = match text {
        [b'Z', rest @ ..] => return Some((0, rest)),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let two = |high: u8, low: u8| {
        let both = high.is_ascii_digit() && low.is_ascii_digit();
        both.then(|| i32::from(high - b'0') * 10 + i32::from(low - b'0'))
    };
    let ([h, hh, m, mm], rest) = match rest {
        [h, hh, b':', m, mm, rest @ ..] | [h, hh, m, mm, rest @ ..] => ([*h, *hh, *m, *mm], rest),
        _ => return None,
    };
    let (hours, minutes) = (two(h, hh)?, two(m, mm)?);
    (hours < 24 && minutes < 60).then_some((sign * (hours * 60 + minutes), rest))
}
