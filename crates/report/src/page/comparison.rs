//! The page of a comparison: each column with its light, what moved, and both distributions side by side.

use bordereau_profile::compare::{ColumnComparison, Comparison, Distribution, Light, RelationComparison};

use super::frame;
use crate::chart;
use crate::escape::Text;
use crate::number::{decimal, percent};
use bordereau_base::figure::grouped;

/// Hands the page to `sink`, from its first byte to its last.
pub(crate) fn parts<E>(comparison: &Comparison, sink: &mut dyn FnMut(&str) -> Result<(), E>) -> Result<(), E> {
    let title = format!("{} → {}", comparison.old.name, comparison.new.name);
    sink(&frame::opening(&format!("{title} · comparison"), &navigation(comparison)))?;
    sink(&heading(comparison, &title))?;
    for (at, relation) in comparison.relations.iter().enumerate() {
        sink(&table(at, relation))?;
        for (place, column) in relation.columns.iter().enumerate() {
            sink(&card(&column_id(at, place), column))?;
        }
        sink("</section>\n")?;
    }
    sink(&frame::closing(&format!("<p>Format <code>{}</code>.</p>", Text(&comparison.format))))
}

fn column_id(relation: usize, column: usize) -> String {
    format!("r{}c{}", relation + 1, column + 1)
}

fn navigation(comparison: &Comparison) -> String {
    let mut html = String::from("<ul><li><a href=\"#overview\">Overview</a></li></ul><ul class=\"rels\">");
    for (at, relation) in comparison.relations.iter().enumerate() {
        put!(html, "<li><a href=\"#r{}\">{}</a></li>", at + 1, Text(&relation.name));
    }
    html.push_str("</ul>");
    html
}

/// A light as a word with its mark.
fn lamp(light: Light) -> String {
    let (class, mark, word) = match light {
        Light::Green => ("ok", "✓", "green"),
        Light::Amber => ("some", "▲", "amber"),
        Light::Red => ("no", "✕", "red"),
    };
    format!("<span class=\"fit {class}\"><span aria-hidden=\"true\">{mark}</span> {word}</span>")
}

fn heading(comparison: &Comparison, title: &str) -> String {
    let mut html = format!(
        "<section id=\"overview\" aria-labelledby=\"title\"><p class=\"over\">Comparison</p><h1 id=\"title\" \
         class=\"v\">{}</h1><p class=\"lead\">{} {}</p>",
        Text(title),
        lamp(comparison.light),
        Text(&comparison.sentence)
    );
    if !comparison.notes.is_empty() {
        html.push_str("<ul class=\"notes\">");
        comparison.notes.iter().for_each(|note| put!(html, "<li>{}</li>", Text(note)));
        html.push_str("</ul>");
    }
    html.push_str("</section>\n");
    html
}

fn table(at: usize, relation: &RelationComparison) -> String {
    let mut html = format!(
        "<section class=\"relation\" id=\"r{id}\" aria-labelledby=\"r{id}-h\"><p class=\"over\">Relation</p><h2 id=\"r{id}-h\" \
         class=\"v\">{}</h2><p class=\"lead\">{} {} → {} rows. {}</p><ul class=\"notes\">",
        Text(&relation.name),
        lamp(relation.light),
        grouped(relation.rows_old),
        grouped(relation.rows_new),
        Text(&relation.sentence),
        id = at + 1
    );
    relation.findings.iter().for_each(|finding| put!(html, "<li>{}</li>", Text(&finding.message)));
    html.push_str(
        "</ul><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Columns\"><table class=\"plain\"><caption>Columns</caption>\
         <thead><tr><th scope=\"col\">Light</th><th scope=\"col\">Column</th><th scope=\"col\">Type</th>\
         <th scope=\"col\" class=\"r\">Missing</th><th scope=\"col\" class=\"r\">PSI</th>\
         <th scope=\"col\" class=\"r\">Jensen-Shannon</th><th scope=\"col\" class=\"r\">Kolmogorov-Smirnov</th></tr></thead><tbody>",
    );
    for (place, column) in relation.columns.iter().enumerate() {
        html.push_str(&row(&column_id(at, place), column));
    }
    html.push_str("</tbody></table></div>\n");
    html
}

fn row(id: &str, column: &ColumnComparison) -> String {
    let moved = |old: String, new: String| if old == new { old } else { format!("{old} → {new}") };
    let figure = |number: Option<f64>| number.map_or_else(String::new, |number| decimal((number * 1e3).round() / 1e3));
    let distribution = column.distribution.as_ref();
    format!(
        "<tr><td>{}</td><th scope=\"row\"><a class=\"v\" href=\"#{id}\">{}</a></th><td>{}</td><td class=\"r\">{}</td>\
         <td class=\"r\">{}</td><td class=\"r\">{}</td><td class=\"r\">{}</td></tr>",
        lamp(column.light),
        Text(&column.name),
        moved(column.type_old.as_str().to_owned(), column.type_new.as_str().to_owned()),
        Text(&moved(percent(column.nulls_old), percent(column.nulls_new))),
        figure(distribution.map(|distribution| distribution.psi)),
        figure(distribution.map(|distribution| distribution.js)),
        figure(column.numbers.as_ref().map(|numbers| numbers.ks))
    )
}

fn card(id: &str, column: &ColumnComparison) -> String {
    let open = if column.light == Light::Green { "" } else { " open" };
    let mut html = format!(
        "<details class=\"col\"{open}><summary><h4 class=\"v\">{}</h4> {} <span class=\"head\">{}</span></summary>\
         <div class=\"body\" id=\"{id}\">",
        Text(&column.name),
        lamp(column.light),
        Text(&column.sentence)
    );
    if !column.findings.is_empty() {
        html.push_str("<ul class=\"notes\">");
        for finding in &column.findings {
            put!(html, "<li>{} <code>{}</code></li>", Text(&finding.message), Text(&finding.code));
        }
        html.push_str("</ul>");
    }
    column.distribution.iter().for_each(|distribution| html.push_str(&both(distribution)));
    html.push_str("</div></details>\n");
    html
}

/// Both distributions, bin by bin.
fn both(distribution: &Distribution) -> String {
    let most = distribution.bins.iter().map(|bin| bin.old.max(bin.new)).fold(0.0, f64::max);
    let exact = if distribution.exact { "" } else { ", estimated" };
    let mut html = format!(
        "<table class=\"bars both\"><caption>Share of the rows{exact}</caption><thead><tr><th scope=\"col\">Values</th>\
         <th scope=\"col\">Old</th><th scope=\"col\"><span class=\"hide\">Share</span></th><th scope=\"col\">New</th>\
         <th scope=\"col\"><span class=\"hide\">Share</span></th></tr></thead><tbody>"
    );
    let meter = |share: f64, class: &str| chart::meter(if most > 0.0 { share / most } else { 0.0 }, class);
    for bin in &distribution.bins {
        put!(
            html,
            "<tr><th scope=\"row\" class=\"v\">{}</th><td>{}</td><td class=\"r\">{}</td><td>{}</td><td class=\"r\">{}</td></tr>",
            Text(&bin.bin),
            meter(bin.old, "old"),
            Text(&percent(bin.old)),
            meter(bin.new, "wide"),
            Text(&percent(bin.new))
        );
    }
    html.push_str("</tbody></table>");
    html
}
