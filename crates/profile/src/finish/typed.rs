//! A column whose type has been chosen: what the document says of it, and what its statistics need.

use std::collections::BTreeMap;

use bordereau_base::cell::trim_blanks;

use super::dates::{self, OrderBasis, Readings};
use super::show::{Counted, Shown, cut_text, whole_characters};
use super::typing::{self, Choice, CommaBasis, Commas, Evidence, Truths};
use crate::alerts::{Basis, DateOrder};
use crate::column::{ColumnState, Kind, boolean};
use crate::document::{
    BooleanSpelling, DecimalStyle, LogicalType, NumberStyle, PersonalDataKind, TypeVotes, Typing, ValueCount,
};
use crate::personal::words::Words;

/// Values that do not fit that are shown at most.
const EXCEPTIONS_MAX: usize = 5;
/// Masks that a code may have.
const CODE_MASKS_MAX: usize = 3;

/// The type of a column and how its values are read.
pub(super) struct Typed<'a> {
    pub(super) choice: Choice,
    pub(super) commas: CommaBasis,
    pub(super) date_order: OrderBasis,
    readings: Readings,
    booleans: Vec<(&'a str, bool, u64)>,
}

impl<'a> Typed<'a> {
    /// Chooses the type.
    pub(super) fn new(name: &str, state: &'a ColumnState, personal: Option<PersonalDataKind>, distinct: u64) -> Self {
        let tallies = &state.tallies;
        let commas = typing::comma_basis(&tallies.styles);
        let booleans: Vec<(&str, bool, u64)> =
            state.booleans.counts.iter().filter_map(|(text, count)| Some((&**text, boolean(text)?, *count))).collect();
        let compact = state.dates.as_ref().map_or(0, |dates| dates.compact.count);
        let choice = typing::choose(&Evidence {
            name: &Words::of(name),
            personal,
            values: tallies.values(),
            votes: tallies.votes.clone(),
            compact,
            zero_padded: tallies.zero_padded,
            styles: tallies.styles.clone(),
            commas: commas.commas,
            truths: truths(&booleans),
            distinct,
            length_min: state.texts.length_min,
            length_max: state.texts.length_max,
            with_digits: state.texts.classes.digits,
            patterned: patterned(state),
        });
        let written = (tallies.votes.date - compact.min(tallies.votes.date)) + tallies.votes.datetime;
        let readings = if choice.logical == LogicalType::Date && compact > written {
            Readings::WithCompact
        } else {
            Readings::Written
        };
        Self { choice, commas, date_order: dates::order(state.dates.as_deref()), readings, booleans }
    }

    /// Whether every number is written as a whole one.
    pub(super) fn has_whole_numbers_only(&self, state: &ColumnState) -> bool {
        let decimal_commas = self.commas.commas == Commas::Decimal && state.tallies.styles.ambiguous_comma > 0;
        state.tallies.votes.decimal == 0 && !decimal_commas
    }

    /// What is read as dates, when most of the values are dates.
    pub(super) fn dates(&self, state: &ColumnState) -> Option<Readings> {
        let dates = state.dates.as_ref()?;
        let compact = if self.readings == Readings::WithCompact { 0 } else { dates.compact.count };
        let votes = &state.tallies.votes;
        let count = (votes.date + votes.datetime).saturating_sub(compact);
        (count * 2 > state.tallies.values()).then_some(self.readings)
    }

    /// What the document says of the type.
    pub(super) fn typing(&self, state: &ColumnState, shown: &Shown) -> Typing {
        let (tallies, values) = (&state.tallies, state.tallies.values());
        let votes = &tallies.votes;
        Typing {
            logical: self.choice.logical,
            share: if values == 0 { 1.0 } else { self.choice.fits as f64 / values as f64 },
            votes: TypeVotes {
                integer: votes.integer,
                decimal: votes.decimal,
                date: votes.date,
                datetime: votes.datetime,
                boolean: votes.boolean,
                string: votes.string,
            },
            exceptions: self.exceptions(state, shown),
            code_reason: self.choice.code_reason.map(str::to_owned),
            number_style: self.number_style(state),
            temporal_formats: dates::formats(state, self.date_order, self.readings),
            ambiguous_dates: state.dates.as_ref().map_or(0, |dates| dates.ambiguous_month.count),
            boolean_spellings: self.boolean_spellings(),
            zero_padded: tallies.zero_padded,
        }
    }

    /// What alerts need beside the document.
    pub(super) fn basis(&self, state: &ColumnState, at_length_max: u64) -> Basis {
        let styles = &state.tallies.styles;
        let only = |of: fn(&crate::column::DateReadings) -> u64| state.dates.as_deref().map_or(0, of);
        Basis {
            date_order: match self.date_order {
                OrderBasis::NotNeeded => DateOrder::NotNeeded,
                OrderBasis::Evidence(_) => DateOrder::Evidence,
                OrderBasis::Majority(_) => {
                    DateOrder::Contradictory(only(|dates| dates.month_only.count), only(|dates| dates.day_only.count))
                }
                OrderBasis::Assumed => DateOrder::Assumed,
            },
            decimal_points: styles.decimal_point,
            decimal_commas: styles.decimal_comma,
            comma_is_known: self.commas.evidence,
            at_length_max,
        }
    }

    /// Said when most values are numbers and some are not written plainly.
    fn number_style(&self, state: &ColumnState) -> Option<NumberStyle> {
        let (votes, styles) = (&state.tallies.votes, &state.tallies.styles);
        let most = (votes.integer + votes.decimal) * 2 > state.tallies.values();
        let special = styles.grouped + styles.currency + styles.percent + styles.parentheses + styles.decimal_comma > 0;
        let decimal = match self.commas.commas {
            Commas::Decimal => DecimalStyle::Comma,
            Commas::Grouping => DecimalStyle::Point,
        };
        (most && special).then(|| NumberStyle {
            decimal,
            // Read as a decimal comma, `1,234` has no groups.
            grouped: match self.commas.commas {
                Commas::Grouping => styles.grouped,
                Commas::Decimal => styles.grouped.saturating_sub(styles.ambiguous_comma),
            },
            currency: styles.currency,
            currency_signs: state.currency_signs.counts.keys().map(|sign| sign.to_string()).collect(),
            percent: styles.percent,
            parentheses: styles.parentheses,
            ambiguous_comma: styles.ambiguous_comma,
        })
    }

    /// Said of booleans only: that some values of other columns are `0` or `N` says nothing.
    fn boolean_spellings(&self) -> Vec<BooleanSpelling> {
        if self.choice.logical != LogicalType::Boolean {
            return Vec::new();
        }
        let mut spellings: Vec<_> = self
            .booleans
            .iter()
            .map(|(text, value, count)| BooleanSpelling { text: (*text).to_owned(), value: *value, count: *count })
            .collect();
        spellings.sort_by_key(|spelling| std::cmp::Reverse(spelling.count));
        spellings
    }

    /// Whether values of a kind may be other than the type.
    fn misses(&self, kind: Kind, text: &str) -> bool {
        let text = trim_blanks(text);
        match self.choice.logical {
            LogicalType::Integer | LogicalType::Number => !matches!(kind, Kind::Integer | Kind::Decimal),
            LogicalType::Date if self.readings == Readings::WithCompact => {
                let compact = kind == Kind::Integer && text.len() == 8;
                !compact && kind != Kind::Date
            }
            LogicalType::Date => kind != Kind::Date,
            LogicalType::Datetime => !matches!(kind, Kind::Date | Kind::Datetime),
            LogicalType::Boolean => boolean(text).is_none(),
            LogicalType::Code => match self.choice.code_reason {
                Some("pattern") => !is_pattern(text),
                _ => kind != Kind::Integer,
            },
            LogicalType::Empty | LogicalType::Category | LogicalType::Text => false,
        }
    }

    /// The first distinct values that are not of the type, by how often they occur at least.
    fn exceptions(&self, state: &ColumnState, shown: &Shown) -> Vec<ValueCount> {
        if self.choice.fits == state.tallies.values() {
            return Vec::new();
        }
        let mut missed: BTreeMap<String, Counted> = BTreeMap::new();
        for (kind, examples) in Kind::ALL.into_iter().zip(&state.examples) {
            for example in examples.iter().filter(|example| self.misses(kind, &example.text.text)) {
                let text = cut_text(&example.text);
                let error = state.frequent.absent_count_max().saturating_sub(example.count);
                missed.insert(text.clone(), Counted { text, count: example.count, error });
            }
        }
        for value in state.frequent.values().filter(|value| !value.is_cut()) {
            if let Some(counted) = missed.get_mut(whole_characters(value.bytes)) {
                counted.count = value.count.max(counted.count);
                counted.error = value.error;
            }
        }
        let mut exceptions = shown.counts(missed.into_values());
        exceptions.truncate(EXCEPTIONS_MAX);
        exceptions
    }
}

fn truths(booleans: &[(&str, bool, u64)]) -> Truths {
    let mut truths = Truths::default();
    for &(text, value, count) in booleans {
        *(if value { &mut truths.trues } else { &mut truths.falses }) += count;
        truths.digits += if matches!(text, "0" | "1") { count } else { 0 };
        truths.words += if text.len() > 1 { count } else { 0 };
    }
    truths
}

/// Values of the most frequent masks that look like codes.
fn patterned(state: &ColumnState) -> u64 {
    let masks = state.masks.most_frequent();
    masks.iter().take(CODE_MASKS_MAX).filter(|(mask, _)| is_pattern(mask)).map(|(_, count)| count).sum()
}

/// Whether a value or a mask has a letter and a digit and no blank: `AB-1234`.
fn is_pattern(text: &str) -> bool {
    let has = |class: fn(&u8) -> bool| text.bytes().any(|byte| class(&byte));
    has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic) && !has(u8::is_ascii_whitespace)
}
