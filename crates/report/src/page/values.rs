//! The values of a column as texts: the frequent and rare ones, masks, lengths, spellings of nothing, how it was typed.

use bordereau_profile::document::{ColumnProfile, DecimalStyle, NumberStatistics, ValueCount};

use super::column::personal_name;
use super::facts::Facts;
use crate::brief::{by_frequency, by_value, filled};
use crate::chart;
use crate::escape::Text;
use crate::number::{decimal, percent, share, with_error};
use bordereau_base::figure::grouped;

/// Frequent values and masks shown.
const SHOWN_MAX: usize = 10;

/// Everything below the picture.
pub(crate) fn part(column: &ColumnProfile) -> String {
    let mut html = String::from("<div class=\"texts\">");
    if !by_frequency(column) || by_value(column) {
        html.push_str(&frequent(column));
    }
    // The frequent values are all there are, or all are as rare.
    let is_told = column.frequent.exact && column.frequent.values.len() <= SHOWN_MAX
        || column.rarest.iter().all(|value| Some(value.count) == column.frequent.values.first().map(|most| most.count));
    if !is_told {
        html.push_str(&block("Rarest values", &column.rarest, filled(column), ""));
    }
    if column.strings.masks.len() > 1 || !column.constant {
        html.push_str(&block("Shapes", &column.strings.masks, filled(column), ""));
    }
    html.push_str(&nulls(column));
    html.push_str(&typing(column));
    html.push_str(&texts(column));
    html.push_str(&percentiles(column));
    html.push_str("</div>");
    html
}

/// The most frequent values as bars.
pub(crate) fn frequent(column: &ColumnProfile) -> String {
    let frequent = &column.frequent;
    let title = if frequent.masked { "Most frequent values, masked" } else { "Most frequent values" };
    let note =
        frequent.missed_at_most.map(|missed| format!("No other value comes more than {} times.", grouped(missed)));
    if frequent.values.iter().all(|value| value.count == 1 && value.count_error == 0) && frequent.exact {
        return String::new();
    }
    block(title, &frequent.values, filled(column), &note.unwrap_or_default())
}

/// A table of values with bars and a note below; nothing for no values.
fn block(title: &str, values: &[ValueCount], of: u64, note: &str) -> String {
    if values.is_empty() {
        return String::new();
    }
    let most = values.iter().map(|value| value.count).max().unwrap_or(1).max(1);
    let mut html = format!("<div class=\"block\"><table class=\"bars\"><caption>{title}</caption><tbody>");
    for value in values.iter().take(SHOWN_MAX) {
        let text = if value.value.is_empty() { "(empty)".to_owned() } else { Text(&value.value).to_string() };
        let (about, error) = match value.count_error {
            0 => ("", String::new()),
            more => ("≥ ", format!(" <small>+{} at most</small>", grouped(more))),
        };
        put!(
            html,
            "<tr><th scope=\"row\" class=\"v\">{text}</th><td>{}</td><td class=\"r\">{about}{}{error}</td><td \
             class=\"r quiet\">{}</td></tr>",
            chart::meter(value.count as f64 / most as f64, "wide"),
            grouped(value.count),
            Text(&share(value.count, of))
        );
    }
    html.push_str("</tbody></table>");
    let left = values.len().saturating_sub(SHOWN_MAX);
    let left = if left > 0 { format!("{left} more in the JSON of the profile. ") } else { String::new() };
    if !(left.is_empty() && note.is_empty()) {
        put!(html, "<p class=\"quiet\">{left}{}</p>", Text(note));
    }
    html.push_str("</div>");
    html
}

fn nulls(column: &ColumnProfile) -> String {
    let nulls = &column.nulls;
    let mut facts = Facts::default();
    facts.counted("Empty", nulls.empty, column.rows).counted("Blank", nulls.blank, column.rows);
    facts.counted("Row ended before", nulls.absent, column.rows);
    for spelling in &nulls.spellings {
        facts.counted(&format!("“{}”", spelling.text), spelling.count, column.rows);
    }
    for hint in &nulls.sentinel_hints {
        facts.counted(&format!("{} may stand for none", hint.text), hint.count, column.rows);
    }
    facts.under("No value")
}

fn typing(column: &ColumnProfile) -> String {
    let (typing, filled) = (&column.typing, filled(column));
    let votes = &typing.votes;
    let mut facts = Facts::default();
    facts.add("Chosen", format!("{}, fits {}", typing.logical.as_str(), percent(typing.share)));
    facts.add("Kept a code because", typing.code_reason.as_deref().unwrap_or_default().replace('_', " "));
    for (name, votes) in [
        ("Read as whole numbers", votes.integer),
        ("Read as decimals", votes.decimal),
        ("Read as days", votes.date),
        ("Read as times", votes.datetime),
        ("Read as true or false", votes.boolean),
        ("Read as none of these", votes.string),
        ("Leading zeros", typing.zero_padded),
    ] {
        facts.counted(name, votes, filled);
    }
    for format in &typing.temporal_formats {
        let name = if format.format == "default" { "ISO 8601" } else { &format.format };
        facts.counted(&format!("Format {name}"), format.count, filled);
    }
    for spelling in &typing.boolean_spellings {
        facts.counted(&format!("“{}” is {}", spelling.text, spelling.value), spelling.count, filled);
    }
    style(column, &mut facts);
    if let Some(personal) = &column.personal_data {
        facts.add(&format!("Likely {}", personal_name(personal.kind)), &personal.reason);
    }
    facts.under("Type") + &block("Not of the type", &typing.exceptions, filled, "")
}

fn style(column: &ColumnProfile, facts: &mut Facts) {
    let Some(style) = &column.typing.number_style else { return };
    if style.decimal == DecimalStyle::Comma {
        facts.add("Decimal character", "comma");
    }
    let filled = filled(column);
    facts.counted("Grouped digits", style.grouped, filled);
    facts.counted(&format!("Currency {}", style.currency_signs.join(" ")), style.currency, filled);
    facts.counted("Percent sign", style.percent, filled).counted("In parentheses", style.parentheses, filled);
    facts.counted("Comma may be either", style.ambiguous_comma, filled);
}

fn texts(column: &ColumnProfile) -> String {
    let (strings, filled) = (&column.strings, filled(column));
    if filled == 0 {
        return String::new();
    }
    let mut facts = Facts::default();
    let mean = decimal((strings.length_mean * 100.0).round() / 100.0);
    let (min, max) = (grouped(strings.length_min), grouped(strings.length_max));
    facts.add("Length", if min == max { format!("{min} characters") } else { format!("{min} to {max}, mean {mean}") });
    facts.add("First as text", strings.min.as_deref().unwrap_or_default());
    facts.add("Last as text", strings.max.as_deref().unwrap_or_default());
    let classes = &strings.classes;
    for (name, values) in [
        ("With digits", classes.digits),
        ("With A to Z", classes.upper),
        ("With a to z", classes.lower),
        ("With blanks inside", classes.blanks),
        ("With punctuation", classes.punctuation),
        ("Beyond ASCII", classes.non_ascii),
        ("Control characters", classes.control),
        ("Blanks around", strings.padded),
    ] {
        facts.counted(name, values, filled);
    }
    if strings.case_variants > 0 {
        facts.add("Differ in case only", format!("{} groups", grouped(strings.case_variants)));
    }
    facts.under("As texts")
}

fn percentiles(column: &ColumnProfile) -> String {
    let told = |numbers: &&NumberStatistics| by_value(column) && !numbers.percentiles.is_empty();
    let Some(numbers) = column.numbers.as_ref().filter(told) else {
        return String::new();
    };
    let mut facts = Facts::default();
    for percentile in &numbers.percentiles {
        let value = with_error(decimal(percentile.value), percentile.exact, percentile.relative_error);
        facts.add(&format!("{} %", percentile.percent), value);
    }
    facts.add("Interquartile range", crate::number::estimate(&numbers.interquartile_range));
    facts.add("Tukey’s fences", format!("{} to {}", decimal(numbers.fences.0), decimal(numbers.fences.1)));
    facts.under("Percentiles")
}
