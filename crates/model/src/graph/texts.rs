//! Functions of texts and dates, and the texts that a document does not name.
//!
//! A category is the number of its symbol everywhere else. [`Symbols`] has the texts of a document; [`Texts`] adds
//! those that a row brings or a function makes, for as long as the row is scored. Equal texts have equal numbers.

use std::collections::HashMap;

use bordereau_base::cell::calendar::days_from_date;
use bordereau_base::cell::temporal::Pattern;
use regex::Regex;

use crate::linear::Expression;

/// Longest text that a function reads or makes; a longer one is missing. It bounds the memory of a row.
const LENGTH_MAX: usize = 1 << 16;

/// The texts of a document by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Symbols {
    texts: Vec<String>,
    by_text: HashMap<String, f64>,
}

impl Symbols {
    /// The number of a text, a new one where it has none.
    pub(crate) fn add(&mut self, text: &str) -> f64 {
        if let Some(symbol) = self.by_text.get(text) {
            return *symbol;
        }
        let symbol = self.texts.len() as f64;
        self.texts.push(text.to_owned());
        self.by_text.insert(text.to_owned(), symbol);
        symbol
    }

    /// The text of a number.
    pub(crate) fn text(&self, symbol: f64) -> Option<&str> {
        let at = if symbol >= 0.0 { symbol as usize } else { usize::MAX };
        self.texts.get(at).map(String::as_str)
    }
}

/// A document's texts and those of one row.
#[derive(Debug)]
pub(crate) struct Texts<'m> {
    known: &'m Symbols,
    more: Vec<String>,
}

impl<'m> Texts<'m> {
    pub(crate) fn new(known: &'m Symbols) -> Self {
        Self { known, more: Vec::new() }
    }

    /// Forget the last row's.
    pub(crate) fn clear(&mut self) {
        self.more.clear();
    }

    pub(crate) fn text(&self, symbol: f64) -> Option<&str> {
        let beyond = symbol - self.known.texts.len() as f64;
        match beyond >= 0.0 {
            true => self.more.get(beyond as usize).map(String::as_str),
            false => self.known.text(symbol),
        }
    }

    pub(crate) fn symbol(&mut self, text: &str) -> f64 {
        if let Some(symbol) = self.known.by_text.get(text) {
            return *symbol;
        }
        let place = self.more.iter().position(|known| known == text).unwrap_or_else(|| {
            self.more.push(text.to_owned());
            self.more.len() - 1
        });
        (self.known.texts.len() + place) as f64
    }
}

#[derive(Debug, Clone)]
pub(crate) enum TextFunction {
    Uppercase,
    Lowercase,
    Length,
    /// Of a text from a place (counted from 1), so many letters.
    Substring,
    TrimBlanks,
    Concat,
    /// Every part that matches by a text, in which `${1}` is a group.
    Replace(Regex, String),
    /// 1 where some part matches.
    Matches(Regex),
    /// A number by a pattern as of C's `printf`.
    FormatNumber(NumberFormat),
    /// A date or time by the fields of C's `strftime`.
    FormatDatetime(String),
    /// Days since the first of January of a year.
    DaysSinceYear,
    SecondsSinceYear,
    SecondsSinceMidnight,
}

/// An argument: its value, and whether that is a symbol.
#[derive(Debug)]
pub(crate) struct Argument {
    pub value: Expression,
    pub is_text: bool,
}

/// A function of texts, and the slot of its value.
#[derive(Debug)]
pub(crate) struct TextStep {
    pub function: TextFunction,
    pub arguments: Vec<Argument>,
    /// The value where an argument is missing.
    pub missing: f64,
    pub to: usize,
}

/// What a function makes.
enum Made {
    Text(String),
    Number(f64),
}

impl TextStep {
    pub(super) fn run(&self, fields: &mut [f64], texts: &mut Texts<'_>) {
        let values: Vec<f64> = self.arguments.iter().map(|argument| argument.value.value(fields)).collect();
        fields[self.to] = match values.iter().any(|value| value.is_nan()) {
            true => self.missing,
            false => match self.make(&values, texts) {
                Some(Made::Number(number)) => number,
                Some(Made::Text(text)) if text.len() <= LENGTH_MAX => texts.symbol(&text),
                _ => f64::NAN,
            },
        };
    }

    fn make(&self, values: &[f64], texts: &Texts<'_>) -> Option<Made> {
        let number = |at: usize| values.get(at).copied();
        let text = |at: usize| texts.text(number(at)?).filter(|text| text.len() <= LENGTH_MAX);
        Some(match &self.function {
            TextFunction::Uppercase => Made::Text(text(0)?.to_uppercase()),
            TextFunction::Lowercase => Made::Text(text(0)?.to_lowercase()),
            TextFunction::Length => Made::Number(text(0)?.chars().count() as f64),
            TextFunction::Substring => {
                let (from, count) = (number(1)?, number(2)?);
                if from < 1.0 || count < 0.0 {
                    return None;
                }
                Made::Text(text(0)?.chars().skip(from as usize - 1).take(count as usize).collect())
            }
            TextFunction::TrimBlanks => Made::Text(text(0)?.trim().to_owned()),
            TextFunction::Concat => {
                let mut all = String::new();
                for (argument, value) in self.arguments.iter().zip(values) {
                    match argument.is_text {
                        true => all.push_str(texts.text(*value)?),
                        false => all.push_str(&value.to_string()),
                    }
                }
                Made::Text(all)
            }
            TextFunction::Replace(pattern, by) => Made::Text(pattern.replace_all(text(0)?, by).into_owned()),
            TextFunction::Matches(pattern) => Made::Number(f64::from(u8::from(pattern.is_match(text(0)?)))),
            TextFunction::FormatNumber(format) => Made::Text(format.of(number(0)?)),
            TextFunction::FormatDatetime(format) => Made::Text(Moment::parse(text(0)?)?.format(format)?),
            TextFunction::DaysSinceYear => {
                let moment = Moment::parse(text(0)?)?;
                Made::Number(f64::from(moment.days_since(number(1)?)?))
            }
            TextFunction::SecondsSinceYear => {
                let moment = Moment::parse(text(0)?)?;
                let days = moment.days_since(number(1)?)?;
                Made::Number(f64::from(days) * 86400.0 + f64::from(moment.seconds))
            }
            TextFunction::SecondsSinceMidnight => Made::Number(f64::from(Moment::parse(text(0)?)?.seconds)),
        })
    }
}

/// A number's format: `%[-0+ ][width][.precision](d|f|e|g is not read)`, with text around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NumberFormat {
    before: String,
    after: String,
    flags: String,
    width: usize,
    precision: usize,
    kind: char,
}

impl NumberFormat {
    /// Nothing where it is no such pattern.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (before, rest) = text.split_once('%')?;
        let flags: String = rest.chars().take_while(|letter| "-0+ ".contains(*letter)).collect();
        let rest = &rest[flags.len()..];
        let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (size, rest) = rest.split_at(end);
        let (width, precision) = size.split_once('.').map_or((size, None), |(width, part)| (width, Some(part)));
        let kind = rest.chars().next().filter(|kind| matches!(kind, 'd' | 'f' | 'e'))?;
        let read = |text: &str, or: usize| match text {
            "" => Some(or),
            _ => text.parse().ok().filter(|size: &usize| *size <= 64),
        };
        let after = &rest[1..];
        Some(Self {
            before: before.to_owned(),
            after: (!after.contains('%')).then(|| after.to_owned())?,
            flags,
            width: read(width, 0)?,
            precision: precision.map_or(Some(6), |precision| read(precision, 0))?,
            kind,
        })
    }

    fn of(&self, x: f64) -> String {
        let has = |flag: char| self.flags.contains(flag);
        let size = x.abs();
        let digits = match self.kind {
            'd' => format!("{:.0}", size.trunc()),
            'e' => exponent(size, self.precision),
            _ => format!("{size:.*}", self.precision),
        };
        let sign = match (x < 0.0, has('+'), has(' ')) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        };
        let width = self.width.saturating_sub(sign.len());
        let body = match (has('-'), has('0')) {
            (true, _) => format!("{sign}{digits:<width$}"),
            (_, true) => format!("{sign}{digits:0>width$}"),
            _ => format!("{:>1$}", format!("{sign}{digits}"), self.width),
        };
        [self.before.as_str(), &body, &self.after].concat()
    }
}

/// At least two digits of exponent, with its sign.
fn exponent(x: f64, precision: usize) -> String {
    let text = format!("{x:.precision$e}");
    match text.split_once('e') {
        Some((digits, power)) => {
            let (sign, power) = power.strip_prefix('-').map_or(('+', power), |power| ('-', power));
            format!("{digits}e{sign}{power:0>2}")
        }
        None => text,
    }
}

/// A date, a time, or both, without a zone.
#[derive(Debug, Clone, Copy)]
struct Moment {
    /// Days since 1970-01-01; nothing of a time alone.
    days: Option<i32>,
    /// Year, month, day.
    date: (i32, u32, u32),
    seconds: u32,
}

impl Moment {
    /// `2024-02-29`, `2024-02-29T13:45:00` (or a space between), `13:45:00`; fractions of seconds are cut off.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if !text.contains('-') {
            return Some(Self { days: None, date: (1970, 1, 1), seconds: time(text)? });
        }
        let (date, seconds) = match text.split_once(['T', ' ']) {
            Some((date, time_of_day)) => (date, time(time_of_day)?),
            None => (text, 0),
        };
        let mut parts = date.splitn(3, '-');
        let (year, month, day) = (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
        let date = (year as i32, month, day);
        Some(Self { days: Some(days_from_date(date.0, month, day)?), date, seconds })
    }

    /// Days since the first of January of a year, of the years 1 to 9999.
    fn days_since(&self, year: f64) -> Option<i32> {
        Some(self.days? - days_from_date(year as i32, 1, 1)?)
    }

    /// Nothing for a letter that is not read, or of a date where there is none.
    fn format(&self, format: &str) -> Option<String> {
        let (year, month, day) = self.date;
        let (hour, minute, second) = (self.seconds / 3600, self.seconds / 60 % 60, self.seconds % 60);
        let mut text = String::new();
        let mut letters = format.chars();
        while let Some(letter) = letters.next() {
            if letter != '%' {
                text.push(letter);
                continue;
            }
            let letter = letters.next()?;
            if "YymdejBbAaDF".contains(letter) && self.days.is_none() {
                return None;
            }
            text.push_str(&match letter {
                'Y' => format!("{year:04}"),
                'y' => format!("{:02}", year.rem_euclid(100)),
                'm' => format!("{month:02}"),
                'd' => format!("{day:02}"),
                'e' => format!("{day:>2}"),
                'j' => format!("{:03}", self.days_since(f64::from(year))? + 1),
                'B' | 'b' | 'A' | 'a' => Pattern::new(&format!("%{letter}")).ok()?.format(self.days?, 0),
                'D' => format!("{month:02}/{day:02}/{:02}", year.rem_euclid(100)),
                'F' => format!("{year:04}-{month:02}-{day:02}"),
                'H' => format!("{hour:02}"),
                'I' => format!("{:02}", (hour + 11) % 12 + 1),
                'M' => format!("{minute:02}"),
                'S' => format!("{second:02}"),
                'T' => format!("{hour:02}:{minute:02}:{second:02}"),
                'p' => if hour < 12 { "AM" } else { "PM" }.to_owned(),
                '%' => "%".to_owned(),
                _ => return None,
            });
        }
        Some(text)
    }
}

/// Whether every letter after a `%` is read.
pub(crate) fn is_date_format(format: &str) -> bool {
    let moment = Moment { days: Some(0), date: (1970, 1, 1), seconds: 0 };
    moment.format(format).is_some()
}

fn digits(text: &str, count: usize) -> Option<u32> {
    let fits = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

/// Seconds since midnight of `13:45` or `13:45:30.5`.
fn time(text: &str) -> Option<u32> {
    let mut parts = text.splitn(3, ':');
    let (hour, minute) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let second = match parts.next() {
        Some(part) => {
            let (whole, rest) = part.split_once('.').unwrap_or((part, ""));
            digits(whole, 2).filter(|_| rest.bytes().all(|byte| byte.is_ascii_digit()))?
        }
        None => 0,
    };
    (hour < 24 && minute < 60 && second < 60).then_some(hour * 3600 + minute * 60 + second)
}
