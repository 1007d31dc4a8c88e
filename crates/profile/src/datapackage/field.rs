//! The draft of one field: a type that all values have, how they are written, and what they keep to.

use serde_json::{Map, Value, json};

use super::limits;
use super::masks::{all_masks, are_read, expression};
use crate::document::{ColumnProfile, DecimalStyle, LogicalType, NumberStyle};
use crate::personal;

/// An enumeration has at most this many values, each seen this many times on average.
const MEMBERS_MAX: usize = 20;
const SEEN_EACH: u64 = 5;
/// A pattern has at most this many masks, and is drafted from this many values.
const PATTERN_MASKS_MAX: usize = 3;
const PATTERN_VALUES_MIN: u64 = 5;
/// Texts are given as members only up to this length; longer ones are cut in the profile.
const MEMBER_CHARACTERS_MAX: usize = 200;

/// Letters and digits of the shortest personal data that is found in single values, addresses with an `@` apart.
const PERSONAL_CHARACTERS_MIN: usize = 8;

/// The type of a field, as far as keys depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Any,
    String,
    Integer,
    Number,
    Boolean,
    /// Its format; `None` when several are mixed.
    Date(Option<String>),
    Datetime(Option<String>),
}

/// A field with the column it is drafted from.
pub(super) struct FieldDraft<'a> {
    pub column: &'a ColumnProfile,
    pub name: String,
    pub kind: Kind,
    /// Whether it has a value in each row.
    pub required: bool,
    /// Whether different texts are different values, to bordereau and to others: then keys of texts are keys of values.
    pub distinguishes: bool,
    properties: Map<String, Value>,
    constraints: Map<String, Value>,
    remarks: Vec<String>,
}

impl<'a> FieldDraft<'a> {
    /// Drafts a field called `name`.
    pub fn new(column: &'a ColumnProfile, name: String) -> Self {
        let mut draft = Self {
            column,
            name,
            kind: Kind::Any,
            required: column.rows > 0 && column.nulls.total == 0,
            distinguishes: false,
            properties: Map::new(),
            constraints: Map::new(),
            remarks: Vec::new(),
        };
        draft.read_type();
        draft.distinguishes = draft.tells_texts_apart();
        if draft.required {
            draft.constraints.insert("required".to_owned(), json!(true));
        }
        if draft.is_unique() {
            draft.constraints.insert("unique".to_owned(), json!(true));
        }
        if column.personal_data.is_some() {
            draft.remarks.push("Likely personal data: nothing here repeats a value.".to_owned());
        }
        draft
    }

    /// The descriptor.
    pub fn descriptor(&self) -> Value {
        let kind = match self.kind {
            Kind::Any => "any",
            Kind::String => "string",
            Kind::Integer => "integer",
            Kind::Number => "number",
            Kind::Boolean => "boolean",
            Kind::Date(_) => "date",
            Kind::Datetime(_) => "datetime",
        };
        let mut field = Map::new();
        field.insert("name".to_owned(), json!(self.name));
        if !self.remarks.is_empty() {
            field.insert("description".to_owned(), json!(self.remarks.join(" ")));
        }
        field.insert("type".to_owned(), json!(kind));
        field.extend(self.properties.clone());
        let missing = missing_values(self.column);
        if missing.len() > 1 {
            field.insert("missingValues".to_owned(), json!(missing));
        }
        if !self.constraints.is_empty() {
            field.insert("constraints".to_owned(), json!(self.constraints));
        }
        Value::Object(field)
    }

    fn values(&self) -> u64 {
        self.column.rows.saturating_sub(self.column.nulls.total)
    }

    /// The type that all values have, or text.
    fn read_type(&mut self) {
        let padded = self.column.strings.padded > 0;
        let fits = match self.column.typing.logical {
            LogicalType::Empty => {
                self.remarks.push("No value was seen.".to_owned());
                return;
            }
            LogicalType::Integer | LogicalType::Number => self.read_number(),
            // A blank after a date or a word of a boolean counts for other tools.
            LogicalType::Date | LogicalType::Datetime => !padded && self.read_temporal(),
            LogicalType::Boolean => !padded && self.read_boolean(),
            LogicalType::Code | LogicalType::Category | LogicalType::Text => return self.read_text(),
        };
        if !fits {
            self.properties.clear();
            self.remark_misfit();
            self.read_text();
        }
    }

    fn remark_misfit(&mut self) {
        let typing = &self.column.typing;
        let kind = match typing.logical {
            LogicalType::Integer => "whole numbers",
            LogicalType::Number => "numbers",
            LogicalType::Boolean => "booleans",
            LogicalType::Datetime => "days with a time",
            _ => "days",
        };
        let values = self.values();
        let fitting = (typing.share * values as f64).round() as u64;
        self.remarks.push(if fitting < values {
            format!("Text, for {} of {values} values are no {kind}.", values - fitting)
        } else {
            format!("Text, for its {kind} are written in ways that no one type of the standard reads.")
        });
    }

    fn read_number(&mut self) -> bool {
        let column = self.column;
        let (votes, values) = (&column.typing.votes, self.values());
        let Some(numbers) = &column.numbers else { return false };
        if numbers.count != values || numbers.infinities > 0 || column.strings.classes.control > 0 {
            return false;
        }
        let whole = votes.integer == values && numbers.min.abs().max(numbers.max.abs()) < 9e18;
        self.kind = if whole { Kind::Integer } else { Kind::Number };
        match &column.typing.number_style {
            Some(style) if !self.read_style(style) => return false,
            None if column.strings.classes.non_ascii > 0 => return false,
            _ => {}
        }
        let bounds =
            if self.kind == Kind::Integer { limits::whole_bounds(numbers) } else { limits::number_bounds(numbers) };
        self.bound(bounds);
        true
    }

    /// Decimal and group character and signs, checked against the masks.
    fn read_style(&mut self, style: &NumberStyle) -> bool {
        let decimal = match style.decimal {
            DecimalStyle::Point => '.',
            DecimalStyle::Comma => ',',
        };
        let grouped = style.grouped > 0;
        let bare = style.currency == 0 && style.percent == 0;
        if style.decimal == DecimalStyle::Comma && self.kind == Kind::Number {
            self.properties.insert("decimalChar".to_owned(), json!(","));
        }
        if bare && !grouped && style.parentheses == 0 {
            return true;
        }
        let Some(masks) = all_masks(self.column).filter(|_| style.parentheses == 0) else { return false };
        if grouped {
            // Others do not know groups in whole numbers, though the standard has them.
            self.kind = Kind::Number;
            let Some(group) = group_character(&masks, decimal) else { return false };
            self.properties.insert("groupChar".to_owned(), json!(group.to_string()));
            if decimal == ',' {
                self.properties.insert("decimalChar".to_owned(), json!(","));
            }
        }
        if !bare {
            self.properties.insert("bareNumber".to_owned(), json!(false));
            // `$.5` is 5 to others.
            if masks.iter().any(|mask| mask.split('9').next().is_some_and(|before| before.ends_with(decimal))) {
                return false;
            }
        }
        if style.ambiguous_comma > 0 {
            let count = style.ambiguous_comma;
            self.remarks.push(format!("{count} values such as 1,234 could be read with a decimal comma."));
        }
        if style.percent > 0 {
            self.remarks.push("Percent as written, not divided by 100.".to_owned());
        }
        are_read(&masks, &self.descriptor())
    }

    fn read_temporal(&mut self) -> bool {
        let column = self.column;
        let formats = &column.typing.temporal_formats;
        let values = self.values();
        let Some(dates) = column.dates.as_ref().filter(|dates| dates.count == values && dates.invalid == 0) else {
            return false;
        };
        let day = column.typing.logical == LogicalType::Date;
        let kind = |format: Option<String>| if day { Kind::Date(format) } else { Kind::Datetime(format) };
        if column.typing.ambiguous_dates > 0 {
            let count = column.typing.ambiguous_dates;
            self.remarks.push(format!("Day and month of {count} values could be swapped."));
        }
        match formats.as_slice() {
            [only] if only.count == values => {
                if only.format != "default" {
                    self.properties.insert("format".to_owned(), json!(only.format));
                }
                self.kind = kind(Some(only.format.clone()));
                if day {
                    self.bound(limits::date_bounds(dates, &only.format));
                }
                true
            }
            [_, _, ..] if day && formats.iter().map(|format| format.count).sum::<u64>() >= values => {
                let patterns: Vec<&str> = formats.iter().map(|format| pattern(&format.format)).collect();
                self.properties.insert("format".to_owned(), json!("any"));
                self.properties.insert("bordereau:formats".to_owned(), json!(patterns));
                self.remarks.push(format!("Days in {} formats.", formats.len()));
                self.kind = kind(None);
                true
            }
            _ => false,
        }
    }

    fn read_boolean(&mut self) -> bool {
        let spellings = &self.column.typing.boolean_spellings;
        let counted: u64 = spellings.iter().map(|spelling| spelling.count).sum();
        if counted != self.values() {
            return false;
        }
        for (key, value) in [("trueValues", true), ("falseValues", false)] {
            let texts: Vec<&str> =
                spellings.iter().filter(|spelling| spelling.value == value).map(|spelling| &*spelling.text).collect();
            if !texts.is_empty() {
                self.properties.insert(key.to_owned(), json!(texts));
            }
        }
        self.kind = Kind::Boolean;
        true
    }

    fn read_text(&mut self) {
        self.kind = Kind::String;
        let column = self.column;
        if let Some(reason) = &column.typing.code_reason {
            self.remarks.push(format!("Digits that are a code ({reason}), not a number."));
        }
        if column.strings.padded > 0 {
            self.remarks.push("Values have blanks around them, which count for other tools: so no limits.".to_owned());
            return;
        }
        if self.values() == 0 {
            return;
        }
        self.constraints.insert("minLength".to_owned(), json!(column.strings.length_min));
        self.constraints.insert("maxLength".to_owned(), json!(column.strings.length_max));
        if let Some(members) = self.members() {
            self.constraints.insert("enum".to_owned(), json!(members));
        } else if column.typing.logical == LogicalType::Code
            && self.values() >= PATTERN_VALUES_MIN
            && let Some(masks) = all_masks(column).filter(|masks| masks.len() <= PATTERN_MASKS_MAX)
            && masks.iter().all(|mask| mask.is_ascii())
        {
            let mut expressions: Vec<String> = masks.iter().map(|mask| expression(mask)).collect();
            expressions.sort();
            let pattern =
                if expressions.len() == 1 { expressions.concat() } else { format!("({})", expressions.join("|")) };
            self.constraints.insert("pattern".to_owned(), json!(pattern));
        }
    }

    /// All values, where there are few, each seen often, and none is personal.
    fn members(&self) -> Option<Vec<&'a str>> {
        let column = self.column;
        let values = &column.frequent.values;
        let listed: u64 = values.iter().map(|value| value.count).sum();
        let open = column.personal_data.is_none() && !column.frequent.masked && column.frequent.exact;
        let all = listed == self.values() && values.len() <= MEMBERS_MAX && listed >= SEEN_EACH * values.len() as u64;
        let whole = values
            .iter()
            .all(|value| value.value.chars().count() < MEMBER_CHARACTERS_MAX && !may_be_a_mask(&value.value));
        let kinds = matches!(column.typing.logical, LogicalType::Category | LogicalType::Code);
        if !(open && all && whole && kinds) {
            return None;
        }
        let mut members: Vec<&str> = values.iter().map(|value| value.value.as_str()).collect();
        members.sort_unstable();
        Some(members)
    }

    fn bound(&mut self, bounds: Option<(Value, Value)>) {
        let Some((least, most)) = bounds.filter(|_| self.column.personal_data.is_none()) else { return };
        self.constraints.insert("minimum".to_owned(), least);
        self.constraints.insert("maximum".to_owned(), most);
    }

    /// Values differ when their texts do. `1.50` and `1.5` are one number, so are `-0` and `0`, and `7/7/2017` and
    /// `07/07/2017` are one day.
    fn tells_texts_apart(&self) -> bool {
        let column = self.column;
        let masks = || all_masks(column).unwrap_or_default();
        match &self.kind {
            Kind::String => column.strings.padded == 0,
            Kind::Integer => {
                let plain = |mask: &&str| mask.chars().all(|c| c == '9');
                let masks = masks();
                column.typing.zero_padded == 0 && !masks.is_empty() && masks.iter().all(plain)
            }
            Kind::Date(Some(_)) => masks().len() == 1,
            _ => false,
        }
    }

    fn is_unique(&self) -> bool {
        let distinct = self.column.distinct;
        self.distinguishes && distinct.exact && distinct.value >= 2 && distinct.value == self.values()
    }
}

/// Whether a text may be what stands in for a single value with personal data: then it is no member.
fn may_be_a_mask(text: &str) -> bool {
    let telling = text.chars().filter(|c| c.is_alphanumeric()).count() >= PERSONAL_CHARACTERS_MIN || text.contains('@');
    telling && personal::masked(text) == text
}

/// What stands between digits, when it is always the same; the decimal character apart.
fn group_character(masks: &[&str], decimal: char) -> Option<char> {
    let mut found: Option<char> = None;
    for mask in masks {
        let chars: Vec<char> = mask.chars().collect();
        for window in chars.windows(3) {
            if let ['9', between, '9'] = *window
                && between != '9'
                && between != decimal
            {
                if between.is_alphanumeric() || found.is_some_and(|found| found != between) {
                    return None;
                }
                found = Some(between);
            }
        }
    }
    found
}

/// The pattern of a format; the default of days is one too.
fn pattern(format: &str) -> &str {
    if format == "default" { "%Y-%m-%d" } else { format }
}

/// The texts that stand for no value, the empty one first.
fn missing_values(column: &ColumnProfile) -> Vec<&str> {
    let mut texts = vec![""];
    for spelling in &column.nulls.spellings {
        if !texts.contains(&spelling.text.as_str()) {
            texts.push(&spelling.text);
        }
    }
    texts
}
