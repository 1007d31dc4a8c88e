//! The table of a relation's columns: a line and a small picture for each.

use bordereau_profile::document::{ColumnProfile, LogicalType, RelationProfile};

use super::{alerts, column_id, hue, relation_id, type_name};
use crate::chart;
use crate::escape::Text;
use crate::number::{grouped, percent, ratio, share, short, with_error};

/// Values named in a line.
const VALUES_MAX: usize = 3;
/// Characters of each of them.
const VALUE_CHARACTERS_MAX: usize = 18;
/// Bars of a small picture of frequent values.
const BARS_MAX: usize = 16;

/// What ends the table.
pub(crate) const CLOSING: &str = "</tbody></table></div>\n";

/// The head of the table, and the search above it, which the script shows.
pub(crate) fn opening(at: usize, relation: &RelationProfile) -> String {
    let id = relation_id(at);
    let mut html = format!(
        "<h3 class=\"cols-h\" id=\"{id}-cols\">Columns</h3><div class=\"tools\" hidden data-for=\"{id}-t\"><label>Search columns \
         <input type=\"search\" placeholder=\"name, type or alert\" autocomplete=\"off\" spellcheck=\"false\"></label>\
         <label class=\"check\"><input type=\"checkbox\"> only with alerts</label>\
         <output role=\"status\" aria-live=\"polite\">{} columns</output></div>\
         <div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"{id}-cols\">\
         <table class=\"index\" id=\"{id}-t\"><thead><tr>",
        relation.columns.len()
    );
    for (name, class) in [
        ("#", "r"),
        ("Column", ""),
        ("Type", "w2"),
        ("Picture", "nosort"),
        ("Missing", ""),
        ("Distinct", "r w2"),
        ("In short", "nosort w3"),
        ("Alerts", ""),
    ] {
        put!(html, "<th scope=\"col\" class=\"{class}\">{name}</th>");
    }
    html.push_str("</tr></thead><tbody>");
    html
}

/// One line.
pub(crate) fn row(at: usize, column: &ColumnProfile) -> String {
    let id = column_id(at, column);
    let missing = ratio(column.nulls.total, column.rows);
    let codes: Vec<&str> = column.alerts.iter().map(|alert| alert.code.as_str()).collect();
    let kind = type_name(column.typing.logical);
    format!(
        "<tr class=\"{hue}\" data-card=\"{id}\" data-q=\"{query}\"><td class=\"r\" data-k=\"{place}\">{place}</td>\
         <th scope=\"row\" data-k=\"{name}\"><a class=\"v\" href=\"#{id}\">{name}</a></th>\
         <td class=\"w2\" data-k=\"{kind}\"><span class=\"chip\">{kind}</span></td><td class=\"pic\">{picture}</td>\
         <td class=\"miss\" data-k=\"{missing_key}\">{meter}<span>{missing}</span></td>\
         <td class=\"r w2\" data-k=\"{distinct_key}\">{distinct}</td><td class=\"w3 v\">{short}</td>\
         <td data-k=\"{weight}\">{marks}</td></tr>\n",
        hue = hue(column.typing.logical),
        query = Text(&format!("{} {kind} {}", column.name, codes.join(" ")).to_lowercase()),
        place = column.position,
        name = Text(&column.name),
        picture = picture(column),
        missing_key = if missing.is_nan() { 0.0 } else { missing },
        meter = chart::meter(missing, "nulls"),
        missing = percent(missing),
        distinct_key = column.distinct.value,
        distinct = with_error(grouped(column.distinct.value), column.distinct.exact, None),
        short = in_short(column),
        weight = alerts::weight(&column.alerts),
        marks = alerts::marks(&column.alerts),
    )
}

fn counts(histogram: &bordereau_profile::document::Histogram) -> Vec<u64> {
    histogram.bins.iter().map(|bin| bin.count).collect()
}

/// The small picture: numbers and dates by value, few values by frequency, other texts by length.
fn picture(column: &ColumnProfile) -> String {
    let (counts, what) = match (&column.numbers, &column.dates) {
        (Some(numbers), _) if by_value(column) => (counts(&numbers.equal_width), "Histogram"),
        (_, Some(dates)) if by_value(column) => (counts(&dates.histogram), "Histogram by time"),
        _ if by_frequency(column) => {
            let values = column.frequent.values.iter().take(BARS_MAX);
            (values.map(|value| value.count).collect(), "Most frequent values")
        }
        _ => (counts(&column.strings.lengths), "Lengths"),
    };
    if counts.is_empty() {
        return String::new();
    }
    chart::sparkline(&counts, &format!("{what} of {}", column.name))
}

/// Whether a column is drawn on an axis of its values.
pub(crate) fn by_value(column: &ColumnProfile) -> bool {
    use LogicalType::{Date, Datetime, Integer, Number};
    matches!(column.typing.logical, Integer | Number | Date | Datetime)
}

/// Whether the frequent values tell more than the lengths.
pub(crate) fn by_frequency(column: &ColumnProfile) -> bool {
    column.frequent.values.first().is_some_and(|most| most.count > 1) && column.uniqueness < 0.5
        || matches!(column.typing.logical, LogicalType::Boolean | LogicalType::Category)
}

fn in_short(column: &ColumnProfile) -> String {
    let middle = |percent: u8, numbers: &bordereau_profile::document::NumberStatistics| {
        numbers.percentiles.iter().find(|percentile| percentile.percent == percent).map_or(f64::NAN, |p| p.value)
    };
    match (&column.numbers, &column.dates) {
        (Some(numbers), _) if by_value(column) && !column.frequent.masked => {
            format!("{} … <b>{}</b> … {}", short(numbers.min), short(middle(50, numbers)), short(numbers.max))
        }
        (_, Some(dates)) if by_value(column) => format!("{} … {}", Text(&dates.min), Text(&dates.max)),
        _ if column.frequent.values.is_empty() => String::new(),
        _ if by_frequency(column) => {
            let filled = column.rows - column.nulls.total.min(column.rows);
            let values = column.frequent.values.iter().take(VALUES_MAX);
            let one = |value: &bordereau_profile::document::ValueCount| {
                format!("{} <small>{}</small>", Text(&cut(&value.value)), share(value.count, filled))
            };
            values.map(one).collect::<Vec<_>>().join(" · ")
        }
        _ => format!("{} to {} characters", column.strings.length_min, column.strings.length_max),
    }
}

fn cut(value: &str) -> String {
    if value.chars().count() <= VALUE_CHARACTERS_MAX {
        return value.to_owned();
    }
    value.chars().take(VALUE_CHARACTERS_MAX - 1).chain(['…']).collect()
}
