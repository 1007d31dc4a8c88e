//! Correlations of a relation: the heat map and the strongest pairs.

use bordereau_profile::document::{Correlations, RelationProfile};

use super::{column_id, counted};
use crate::chart;
use crate::escape::Text;

/// Columns on the heat map; of more, those with the strongest correlations are drawn.
const DRAWN_MAX: usize = 32;
/// Pairs that are listed.
const PAIRS_MAX: usize = 12;
/// What is listed has at least this coefficient.
const STRONG: f64 = 0.1;

/// The part; nothing for a relation without two numeric columns.
pub(crate) fn part(at: usize, relation: &RelationProfile) -> String {
    let Some(correlations) = relation.correlations.as_ref().filter(|found| found.columns.len() > 1) else {
        return String::new();
    };
    let drawn = drawn(correlations);
    let names: Vec<&str> = drawn.iter().filter_map(|at| correlations.columns.get(*at)).map(String::as_str).collect();
    let matrix: Vec<Vec<Option<f64>>> =
        drawn.iter().map(|row| drawn.iter().map(|column| coefficient(correlations, *row, *column)).collect()).collect();
    let mut html = format!(
        "<details class=\"more wide\" open><summary>Correlations <small>Pearson, {} numeric columns</small></summary>\
         <div class=\"corr\"><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Heat map of \
         correlations\">{}</div><div>{}",
        correlations.columns.len(),
        chart::heat_map(&names, &matrix),
        strongest(at, relation, correlations)
    );
    if drawn.len() < correlations.columns.len() {
        let left = correlations.columns.len() - drawn.len();
        put!(html, "<p class=\"quiet\">{left} columns with weaker correlations are not drawn; the JSON has them.</p>");
    }
    if !correlations.left_out.is_empty() {
        let left = counted(correlations.left_out.len() as u64, "numeric column was", "numeric columns were");
        put!(html, "<p class=\"quiet\">{left} left out because there are too many.</p>");
    }
    html.push_str("</div></div></details>");
    html
}

fn coefficient(correlations: &Correlations, row: usize, column: usize) -> Option<f64> {
    correlations.pearson.get(row).and_then(|line| line.get(column)).copied().flatten()
}

/// Which columns are drawn, in the order of the file.
fn drawn(correlations: &Correlations) -> Vec<usize> {
    let mut columns: Vec<usize> = (0..correlations.columns.len()).collect();
    if columns.len() > DRAWN_MAX {
        let strength = |row: usize| {
            let others = columns.iter().filter(|column| **column != row);
            others.filter_map(|column| coefficient(correlations, row, *column)).map(f64::abs).fold(0.0, f64::max)
        };
        let mut ranked: Vec<(usize, f64)> = columns.iter().map(|row| (*row, strength(*row))).collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        columns = ranked.into_iter().take(DRAWN_MAX).map(|(row, _)| row).collect();
        columns.sort_unstable();
    }
    columns
}

fn strongest(at: usize, relation: &RelationProfile, correlations: &Correlations) -> String {
    let size = correlations.columns.len();
    let mut pairs: Vec<(usize, usize, f64)> = (0..size)
        .flat_map(|row| (0..row).map(move |column| (column, row)))
        .filter_map(|(column, row)| Some((column, row, coefficient(correlations, row, column)?)))
        .filter(|(_, _, value)| value.abs() >= STRONG)
        .collect();
    pairs.sort_by(|a, b| b.2.abs().total_cmp(&a.2.abs()).then((a.0, a.1).cmp(&(b.0, b.1))));
    if pairs.is_empty() {
        return "<p class=\"quiet\">No pair has a coefficient of 0.1 or more.</p>".to_owned();
    }
    let link = |index: usize| {
        let name = correlations.columns.get(index).map_or("", String::as_str);
        let column = relation.columns.iter().find(|column| column.name == name);
        let text = Text(name);
        column.map_or_else(|| text.to_string(), |c| format!("<a class=\"v\" href=\"#{}\">{text}</a>", column_id(at, c)))
    };
    let mut html = String::from("<table class=\"plain\"><caption>Strongest pairs</caption><tbody>");
    for (column, row, value) in pairs.iter().take(PAIRS_MAX) {
        let shown = format!("{value:.2}").replace('-', "−");
        put!(html, "<tr><th scope=\"row\">{} · {}</th><td class=\"r\">{shown}</td></tr>", link(*column), link(*row));
    }
    html.push_str("</tbody></table>");
    html
}
