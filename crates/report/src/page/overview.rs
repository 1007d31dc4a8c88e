//! What the upload is, in a few figures.

use bordereau_profile::document::{Profile, RelationProfile, Severity};

use super::facts::Facts;
use super::{Depth, alerts, counted, relation_id};
use crate::chart;
use crate::escape::Text;
use crate::number::{bytes, count, duration_ms, share};
use bordereau_base::figure::grouped;

/// The first section.
pub(crate) fn section(profile: &Profile, depth: Depth) -> String {
    let upload = &profile.upload;
    let mut html = format!(
        "<section id=\"overview\" aria-labelledby=\"title\"><p class=\"over\">Profile</p>\
         <h1 id=\"title\" class=\"v\">{}</h1><p class=\"lead\">{}</p>",
        Text(if upload.name == "-" { "standard input" } else { &upload.name }),
        Text(&lead(profile))
    );
    html.push_str(&tiles(profile));
    html.push_str(&relations(&profile.relations));
    html.push_str(&remarks(profile, depth));
    html.push_str("</section>\n");
    html
}

fn lead(profile: &Profile) -> String {
    let columns: usize = profile.relations.iter().map(|relation| relation.columns.len()).sum();
    let rows: u64 = profile.relations.iter().map(|relation| relation.rows).sum();
    format!(
        "{} with {} and {}.",
        counted(profile.relations.len() as u64, "relation", "relations"),
        counted(rows, "row", "rows"),
        counted(columns as u64, "column", "columns")
    )
}

fn tiles(profile: &Profile) -> String {
    let rows: u64 = profile.relations.iter().map(|relation| relation.rows).sum();
    let columns = || profile.relations.iter().flat_map(|relation| &relation.columns);
    let cells: u64 = columns().map(|column| column.rows).sum();
    let nulls: u64 = columns().map(|column| column.nulls.total).sum();
    let personal = columns().filter(|column| column.personal_data.is_some()).count() as u64;
    let [errors, warnings, hints] = [Severity::Error, Severity::Warning, Severity::Info]
        .map(|severity| alerts::all(profile).filter(|(_, alert)| alert.severity == severity).count() as u64);
    let mut html = String::from("<ul class=\"tiles\">");
    for (figure, unit, note) in [
        (grouped(rows), "rows", String::new()),
        (grouped(columns().count() as u64), "columns", String::new()),
        (bytes(profile.upload.unpacked_bytes), "of data", packed(profile)),
        (share(nulls, cells), "cells without a value", format!("{} of {}", grouped(nulls), grouped(cells))),
        (grouped(personal), "columns of personal data, likely", String::new()),
    ] {
        let note = if note.is_empty() { note } else { format!("<small>{}</small>", Text(&note)) };
        put!(html, "<li><b>{}</b> <span>{unit}</span>{note}</li>", Text(&figure));
    }
    put!(
        html,
        "<li><a href=\"#alerts\"><b>{}</b> <span>alerts</span><small><span class=\"sev error\">{}</span> \
         <span class=\"sev warning\">{}</span> <span class=\"sev info\">{}</span></small></a></li></ul>",
        grouped(errors + warnings + hints),
        counted(errors, "error", "errors"),
        counted(warnings, "warning", "warnings"),
        counted(hints, "hint", "hints")
    );
    html
}

fn packed(profile: &Profile) -> String {
    match (profile.upload.bytes, profile.upload.unpacked_bytes) {
        (packed, unpacked) if packed == unpacked => String::new(),
        (packed, _) => format!("{} as uploaded", bytes(packed)),
    }
}

fn relations(relations: &[RelationProfile]) -> String {
    let mut html = String::from(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Relations\"><table class=\"plain\">\
         <caption>Relations</caption><thead><tr><th scope=\"col\">Name</th><th scope=\"col\" class=\"r\">Rows</th>\
         <th scope=\"col\" class=\"r\">Columns</th><th scope=\"col\" class=\"r\">Bytes</th>\
         <th scope=\"col\" class=\"r\">Missing</th><th scope=\"col\" class=\"r\">Repeated rows</th>\
         <th scope=\"col\">Key</th></tr></thead><tbody>",
    );
    for (at, relation) in relations.iter().enumerate() {
        let cells: u64 = relation.columns.iter().map(|column| column.rows).sum();
        let nulls: u64 = relation.columns.iter().map(|column| column.nulls.total).sum();
        let key = relation.candidate_keys.first().map(|key| key.columns.join(" + ")).unwrap_or_default();
        put!(
            html,
            "<tr><th scope=\"row\"><a class=\"v\" href=\"#{}\">{}</a></th><td class=\"r\">{}</td><td class=\"r\">{}</td>\
             <td class=\"r\">{}</td><td class=\"r\">{}</td><td class=\"r\">{}</td><td class=\"v\">{}</td></tr>",
            relation_id(at),
            Text(&relation.name),
            grouped(relation.rows),
            grouped(relation.columns.len() as u64),
            bytes(relation.bytes),
            Text(&share(nulls, cells)),
            Text(&count(&relation.duplicate_rows.count)),
            Text(&key)
        );
    }
    html.push_str("</tbody></table></div>");
    html
}

/// What is known of the upload as a file, what was assumed, and what is less exact than usual.
fn remarks(profile: &Profile, depth: Depth) -> String {
    let upload = &profile.upload;
    let mut facts = Facts::default();
    facts.add("SHA-256", upload.sha256.as_deref().unwrap_or_default());
    if upload.entries.len() > 1 || upload.entries.first() != Some(&upload.name) {
        facts.add("Entries", upload.entries.join(", "));
    }
    if let Some(timings) = &profile.timings {
        let threads = counted(timings.threads as u64, "thread", "threads");
        facts.add("Profiled in", format!("{} on {threads}", duration_ms(timings.elapsed_ms)));
    }
    let mut html = format!("<div class=\"file\">{}</div>", facts.list());
    let mut notes: Vec<String> = upload.notes.iter().chain(&profile.degraded).cloned().collect();
    if depth.detail == chart::Detail::Outline && !depth.whole {
        notes.push(
            "This page shows the picture and the most telling figures of each column, because there are so many; the JSON \
             of the profile has all."
                .to_owned(),
        );
    }
    if !notes.is_empty() {
        html.push_str("<ul class=\"notes\">");
        notes.iter().for_each(|note| put!(html, "<li>{}</li>", Text(note)));
        html.push_str("</ul>");
    }
    html
}
