//! The table of a relation's columns: a line and a small picture for each.

use bordereau_profile::document::{ColumnProfile, RelationProfile};

use super::{alerts, column_id, hue, relation_id};
use crate::brief;
use crate::chart;
use crate::escape::Text;
use crate::number::{percent, ratio, share, short, with_error};
use bordereau_base::figure::grouped;

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
        grouped(relation.columns.len() as u64)
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
    let kind = column.typing.logical.as_str();
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
        missing = Text(&percent(missing)),
        distinct_key = column.distinct.value,
        distinct = with_error(grouped(column.distinct.value), column.distinct.exact, None),
        short = in_short(column),
        weight = alerts::weight(&column.alerts),
        marks = alerts::marks(&column.alerts),
    )
}

fn picture(column: &ColumnProfile) -> String {
    let (counts, what) = brief::picture(column);
    if counts.is_empty() {
        return String::new();
    }
    chart::sparkline(&counts, &format!("{what} of {}", column.name))
}

/// The values in short; as [`brief::values`], with the weights of a page.
fn in_short(column: &ColumnProfile) -> String {
    match &column.numbers {
        Some(numbers) if brief::by_value(column) && !column.frequent.masked => {
            format!("{} … <b>{}</b> … {}", short(numbers.min), short(brief::median(numbers)), short(numbers.max))
        }
        _ if brief::by_frequency(column) && !brief::by_value(column) => {
            let of = brief::filled(column);
            let values = column.frequent.values.iter().take(brief::VALUES_MAX);
            let one = |value: &bordereau_profile::document::ValueCount| {
                format!("{} <small>{}</small>", Text(&brief::cut(&value.value)), Text(&share(value.count, of)))
            };
            values.map(one).collect::<Vec<_>>().join(" · ")
        }
        _ => Text(&brief::values(column)).to_string(),
    }
}
