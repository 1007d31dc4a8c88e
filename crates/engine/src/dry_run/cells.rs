//! Values that fit a field: a text is drawn from what type, format, pattern and bounds allow and kept when the field's
//! own reader accepts it. A field that chance cannot fill in some tries stays empty.

use bordereau_base::cell::CellRules;
use bordereau_base::dictionary::{
    BooleanFormat, Constraints, Field, FieldKind, Literal, NumberFormat, StringFormat, TemporalFormat, Value,
};
use regex_syntax::hir::{Class, Hir, HirKind};

use super::chance::Chance;

/// Texts drawn for one value before it stays empty.
const TRIES: usize = 64;
/// Share of the values of an optional field that are empty.
const MISSING_SHARE: f64 = 0.25;
/// Characters at most that a pattern may ask for.
const PATTERN_CHARACTERS_MAX: usize = 4096;
/// Repeats beyond the fewest that a pattern asks for.
const REPEATS_MORE: u32 = 6;
const MICROS_OF_DAY: i64 = 86_400_000_000;
/// 1990-01-01 and 2029-12-31 as days: dates of a field without bounds.
const USUAL_DAYS: (i64, i64) = (7_305, 21_914);

/// Makes the values of one field.
#[derive(Debug)]
pub struct Cells<'a> {
    field: &'a Field,
    rules: CellRules,
    pattern: Option<Hir>,
}

impl<'a> Cells<'a> {
    /// For a field of a dictionary.
    pub fn new(field: &'a Field) -> Self {
        let pattern = field.constraints.pattern.as_ref();
        let pattern = pattern.and_then(|pattern| regex_syntax::parse(pattern.as_str()).ok());
        Self { field, rules: CellRules::new(field), pattern }
    }

    /// What a text means to the field, nothing when it is missing or not accepted.
    pub fn value(&self, text: &str) -> Option<Value> {
        self.rules.read(text).ok().flatten()
    }

    /// A text with its value; nothing where the value is to be missing.
    pub fn draw(&self, chance: &mut Chance) -> Option<(String, Value)> {
        if !self.rules.required() && chance.share() < MISSING_SHARE {
            return None;
        }
        (0..TRIES).find_map(|_| {
            let text = self.text(chance);
            self.value(&text).map(|value| (text, value))
        })
    }

    /// The text that stands for a missing value.
    pub fn missing(&self) -> &str {
        let texts = &self.field.missing_values;
        if texts.iter().any(String::is_empty) { "" } else { texts.first().map_or("", String::as_str) }
    }

    fn text(&self, chance: &mut Chance) -> String {
        let constraints = &self.field.constraints;
        if let Some(listed) = constraints.enumeration.as_ref().and_then(|list| chance.one_of(list)) {
            return listed.text.clone();
        }
        if let Some(pattern) = &self.pattern {
            let mut text = String::new();
            fill(pattern, chance, &mut text);
            return text;
        }
        match &self.field.kind {
            FieldKind::String(format) => string(*format, constraints, chance),
            FieldKind::Any => string(StringFormat::Default, constraints, chance),
            FieldKind::Number(format) => number(format, constraints, chance),
            FieldKind::Integer(_) => whole(bounds(constraints, (0, 20)), chance).to_string(),
            FieldKind::Boolean(format) => boolean(format, chance),
            FieldKind::Date(format) => moment(format, whole(bounds(constraints, USUAL_DAYS), chance), 0, iso_date),
            FieldKind::Datetime(format) => {
                let usual = (USUAL_DAYS.0 * MICROS_OF_DAY, USUAL_DAYS.1 * MICROS_OF_DAY);
                let micros = whole(bounds(constraints, usual), chance) / 1_000_000 * 1_000_000;
                let (days, of_day) = (micros.div_euclid(MICROS_OF_DAY), micros.rem_euclid(MICROS_OF_DAY));
                moment(format, days, of_day, |days, micros| {
                    format!("{}T{}Z", iso_date(days, 0), iso_time(days, micros))
                })
            }
            FieldKind::Time(format) => {
                let micros = whole(bounds(constraints, (0, MICROS_OF_DAY - 1)), chance) / 1_000_000 * 1_000_000;
                moment(format, 0, micros, iso_time)
            }
            FieldKind::Year => format!("{:04}", whole(bounds(constraints, (1990, 2029)), chance)),
            FieldKind::Yearmonth => {
                iso_date(whole(bounds(constraints, USUAL_DAYS), chance), 0).chars().take(7).collect()
            }
        }
    }
}

fn string(format: StringFormat, constraints: &Constraints, chance: &mut Chance) -> String {
    let n = chance.whole(0, 999_999);
    match format {
        StringFormat::Email => return format!("person{n}@example.com"),
        StringFormat::Uri => return format!("https://example.com/{n}"),
        StringFormat::Binary => return "Ym9yZGVyZWF1".to_owned(),
        StringFormat::Uuid => return format!("{:08x}-0000-4000-8000-{n:012x}", chance.whole(0, i64::from(u32::MAX))),
        StringFormat::Default => {}
    }
    let least = constraints.min_length.unwrap_or(1).max(1);
    let most = constraints.max_length.unwrap_or(least + 11).min(least + 11).max(least);
    let len = chance.whole(least as i64, most as i64);
    (0..len).map(|_| char::from(b'A' + chance.place(26) as u8)).collect()
}

fn number(format: &NumberFormat, constraints: &Constraints, chance: &mut Chance) -> String {
    let value = |literal: &Option<Literal>| match literal.as_ref().map(|literal| &literal.value) {
        Some(Value::Number(value)) => Some(*value),
        _ => None,
    };
    let low = value(&constraints.minimum).or(value(&constraints.exclusive_minimum));
    let high = value(&constraints.maximum).or(value(&constraints.exclusive_maximum));
    let (low, high) = match (low, high) {
        (Some(low), Some(high)) => (low, high),
        (Some(low), None) => (low, low.abs().mul_add(2.0, low + 10.0)),
        (None, Some(high)) => (high - high.abs() - 10.0, high),
        (None, None) => (0.0, 10.0),
    };
    let drawn = low + (high - low) * chance.share();
    let rounded = (drawn * 100.0).round() / 100.0;
    let value = if rounded >= low && rounded <= high { rounded } else { drawn };
    value.to_string().replace('.', &format.decimal_char)
}

fn boolean(format: &BooleanFormat, chance: &mut Chance) -> String {
    let list = if chance.share() < 0.5 { &format.true_values } else { &format.false_values };
    list.first().cloned().unwrap_or_default()
}

/// Least and greatest whole number that the bounds allow; `usual` where there are none.
fn bounds(constraints: &Constraints, usual: (i64, i64)) -> (i64, i64) {
    let value = |literal: &Option<Literal>| match literal.as_ref().map(|literal| &literal.value) {
        Some(Value::Integer(value) | Value::Datetime(value) | Value::Time(value)) => Some(*value),
        Some(Value::Date(value)) => Some(i64::from(*value)),
        _ => None,
    };
    let low = value(&constraints.minimum).or(value(&constraints.exclusive_minimum).map(|at| at.saturating_add(1)));
    let high = value(&constraints.maximum).or(value(&constraints.exclusive_maximum).map(|at| at.saturating_sub(1)));
    let width = usual.1 - usual.0;
    match (low, high) {
        (Some(low), Some(high)) => {
            // Wide bounds are there to catch nonsense; values near the usual ones say more.
            let (narrow_low, narrow_high) = (low.max(usual.0), high.min(usual.1));
            if narrow_low <= narrow_high { (narrow_low, narrow_high) } else { (low, high.max(low)) }
        }
        (Some(low), None) => (low.max(usual.0), low.max(usual.0).saturating_add(width)),
        (None, Some(high)) => (high.min(usual.1).saturating_sub(width), high.min(usual.1)),
        (None, None) => usual,
    }
}

fn whole((low, high): (i64, i64), chance: &mut Chance) -> i64 {
    chance.whole(low, high)
}

fn moment(format: &TemporalFormat, days: i64, micros: i64, iso: impl Fn(i64, i64) -> String) -> String {
    match format {
        TemporalFormat::Patterns(patterns) => {
            // Which pattern follows from the day, so that all of them are used.
            let at = days.unsigned_abs() as usize % patterns.len().max(1);
            let days = i32::try_from(days).unwrap_or_default();
            patterns.get(at).map(|pattern| pattern.format(days, micros)).unwrap_or_default()
        }
        TemporalFormat::Default | TemporalFormat::Any => iso(days, micros),
    }
}

fn iso_date(days: i64, _: i64) -> String {
    let (year, month, day) = bordereau_base::cell::calendar::date_from_days(i32::try_from(days).unwrap_or_default());
    format!("{year:04}-{month:02}-{day:02}")
}

fn iso_time(_: i64, micros: i64) -> String {
    let seconds = micros / 1_000_000;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Appends a text that the expression matches; printable ASCII where the expression leaves the choice.
fn fill(pattern: &Hir, chance: &mut Chance, text: &mut String) {
    if text.len() > PATTERN_CHARACTERS_MAX {
        return;
    }
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(&String::from_utf8_lossy(&literal.0)),
        HirKind::Class(class) => text.extend(character(class, chance)),
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(u32::MAX).min(repetition.min.saturating_add(REPEATS_MORE));
            let times = chance.whole(i64::from(repetition.min), i64::from(most.max(repetition.min)));
            (0..times).for_each(|_| fill(&repetition.sub, chance, text));
        }
        HirKind::Capture(capture) => fill(&capture.sub, chance, text),
        HirKind::Concat(parts) => parts.iter().for_each(|part| fill(part, chance, text)),
        HirKind::Alternation(parts) => {
            if let Some(part) = chance.one_of(parts) {
                fill(part, chance, text);
            }
        }
    }
}

fn character(class: &Class, chance: &mut Chance) -> Option<char> {
    let ranges: Vec<(u32, u32)> = match class {
        Class::Unicode(class) => class.ranges().iter().map(|r| (u32::from(r.start()), u32::from(r.end()))).collect(),
        Class::Bytes(class) => class.ranges().iter().map(|r| (u32::from(r.start()), u32::from(r.end()))).collect(),
    };
    let printable = |(start, end): &(u32, u32)| {
        let (start, end) = ((*start).max(0x21), (*end).min(0x7e));
        (start <= end).then_some((start, end))
    };
    let usual: Vec<(u32, u32)> = ranges.iter().filter_map(printable).collect();
    let (start, end) = *chance.one_of(if usual.is_empty() { &ranges } else { &usual })?;
    char::from_u32(chance.whole(i64::from(start), i64::from(end)) as u32)
}
