//! From what was counted of a column to what is said of it.
//!
//! [`column()`] reads a [`ColumnState`] and gives a [`ColumnProfile`]: it chooses the type, reads percentiles and
//! histograms, judges whether the column holds personal data, decides how values are shown, and raises the alerts. It
//! changes nothing, so it can be called at any time for a preliminary profile, for columns on several threads.
//!
//! Invariants: a pure function of the state and the settings, so the same bytes come out whenever the same was counted;
//! what is not exact says how far off it may be; no value leaves but through `show::Shown`.
//!
//! **Cost.** Most is reading the exact counts as numbers: some milliseconds for 65,536 distinct values; below one else.
//! Start with [`column()`], then `typing` for the rules; `docs/profile.md` says to users what is computed here.

mod cells;
mod dates;
mod edges;
mod frequent;
mod numbers;
mod show;
mod texts;
mod typed;
mod typing;

use show::{Shown, text_of};
use typed::Typed;
use typing::Commas;

use crate::alerts;
use crate::column::{ColumnState, DayOrder, Order};
use crate::document::{ColumnProfile, Count, LogicalType, NullSpelling, Nulls, NumberStatistics, Sortedness};
use crate::personal::{self, Searched};
use crate::settings::Settings;

/// Distinct values that are looked at for personal data.
const LOOKED_AT_MAX: usize = 512;
/// Nines that a sentinel among codes must have.
const SENTINEL_CODE_DIGITS: usize = 3;

/// The profile of a column. `position` counts from 1.
pub fn column(name: &str, position: usize, state: &ColumnState, settings: &Settings) -> ColumnProfile {
    let looked_at: Vec<String> = state.sample.values().take(LOOKED_AT_MAX).map(|value| text_of(&value)).collect();
    let looked_at: Vec<&str> = looked_at.iter().map(String::as_str).collect();
    let personal_data = personal::detect(name, &looked_at);
    let shown = Shown::new(settings.pii, personal_data.is_some(), Searched::of(&looked_at));
    let distinct = frequent::distinct(state);
    let typed = Typed::new(name, state, personal_data.as_ref().map(|found| found.kind), distinct.value);
    let values = state.tallies.values();
    let numbers = numbers(state, &typed, &shown);
    let constant = values > 0 && distinct.exact && distinct.value == 1;
    let mut profile = ColumnProfile {
        name: name.to_owned(),
        position,
        rows: state.tallies.rows,
        nulls: nulls(state, &typed, numbers.as_ref(), &shown),
        uniqueness: if values == 0 { 0.0 } else { (distinct.value as f64 / values as f64).min(1.0) },
        constant,
        sorted: sorted(state, &typed, &distinct),
        entropy: frequent::entropy(state, &distinct),
        dates: typed
            .dates(state)
            .and_then(|readings| dates::statistics(state, typed.date_order.order(), readings, settings.as_of, &shown)),
        strings: texts::statistics(state, &shown, settings.pii),
        frequent: frequent::frequent(state, &shown),
        rarest: frequent::rarest(state, &shown),
        typing: typed.typing(state, &shown),
        distinct,
        numbers,
        personal_data,
        alerts: Vec::new(),
    };
    profile.alerts = alerts::column(&profile, &typed.basis(state, texts::at_length_max(state)));
    profile
}

/// The numbers, when most values are and they are not hidden. Of what is read as days they would say nothing.
fn numbers(state: &ColumnState, typed: &Typed<'_>, shown: &Shown) -> Option<NumberStatistics> {
    let votes = &state.tallies.votes;
    let most = (votes.integer + votes.decimal) * 2 > state.tallies.values();
    let dated = matches!(typed.choice.logical, LogicalType::Date | LogicalType::Datetime);
    if !most || dated || shown.hides_all() {
        return None;
    }
    numbers::statistics(state, typed.commas.commas, typed.has_whole_numbers_only(state))
}

fn nulls(state: &ColumnState, typed: &Typed<'_>, numbers: Option<&NumberStatistics>, shown: &Shown) -> Nulls {
    let spellings = state.null_spellings.counts.iter();
    let mut spellings: Vec<_> =
        spellings.map(|(text, count)| NullSpelling { text: text.to_string(), count: *count }).collect();
    spellings.sort_by_key(|spelling| std::cmp::Reverse(spelling.count));
    Nulls {
        total: state.tallies.nulls(),
        empty: state.tallies.empty,
        blank: state.tallies.blank,
        absent: state.tallies.absent,
        spellings,
        sentinel_hints: if shown.hides_all() { Vec::new() } else { sentinels(state, typed, numbers) },
    }
}

/// Numbers that may stand for no value: -1 as the only negative number, nines outside of Tukey's fences at an end of
/// the numbers, and three nines or more among codes of digits.
fn sentinels(state: &ColumnState, typed: &Typed<'_>, numbers: Option<&NumberStatistics>) -> Vec<NullSpelling> {
    let Some(numbers) = numbers else { return Vec::new() };
    let is_hint = |text: &str, count: u64| {
        let Ok(number) = text.parse::<f64>() else { return false };
        let nines = text.bytes().filter(|byte| *byte == b'9').count();
        match typed.choice.logical {
            LogicalType::Code => {
                number > 0.0 && nines >= SENTINEL_CODE_DIGITS && state.texts.length_max == nines as u64
            }
            LogicalType::Integer | LogicalType::Number if nines == 0 => {
                numbers.negatives == count && numbers.min == number
            }
            LogicalType::Integer | LogicalType::Number => {
                let at_end = number == numbers.max || number == numbers.min;
                nines >= 2 && at_end && (number < numbers.fences.0 || number > numbers.fences.1)
            }
            _ => false,
        }
    };
    let hints = state.sentinels.counts.iter().filter(|(text, count)| is_hint(text, **count));
    hints.map(|(text, count)| NullSpelling { text: text.to_string(), count: *count }).collect()
}

/// By number, day or text, as the type asks. Where a value has no reading of that type, it is left out.
fn sorted(state: &ColumnState, typed: &Typed<'_>, distinct: &Count) -> Sortedness {
    if distinct.exact && distinct.value < 2 {
        return Sortedness::Constant;
    }
    let all_integers = state.tallies.votes.integer == state.tallies.values();
    match typed.choice.logical {
        LogicalType::Integer | LogicalType::Number => match typed.commas.commas {
            Commas::Grouping => sortedness(&state.number_order),
            Commas::Decimal => sortedness(&state.comma_order),
        },
        LogicalType::Code | LogicalType::Boolean if all_integers => sortedness(&state.number_order),
        LogicalType::Date | LogicalType::Datetime => match typed.date_order.order() {
            _ if all_integers => sortedness(&state.number_order),
            DayOrder::MonthFirst => sortedness(&state.month_first_order),
            DayOrder::DayFirst => sortedness(&state.day_first_order),
        },
        _ => sortedness(&state.text_order),
    }
}

fn sortedness<T>(order: &Order<T>) -> Sortedness {
    match (order.ends.is_some(), order.ascending, order.descending) {
        (false, _, _) | (_, true, true) => Sortedness::Constant,
        (_, true, false) => Sortedness::Ascending,
        (_, false, true) => Sortedness::Descending,
        (_, false, false) => Sortedness::Unsorted,
    }
}
