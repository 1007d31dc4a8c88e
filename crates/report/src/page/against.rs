//! How the upload fits solutions.

use bordereau_profile::document::{Against, AgainstStatus, Profile, RejectedRows};

use crate::chart;
use crate::escape::Text;
use crate::number::share;
use bordereau_base::figure::grouped;

/// Reasons shown; further ones are counted.
const REASONS_MAX: usize = 30;

/// The section; nothing when no solution was asked for.
pub(crate) fn section(profile: &Profile) -> String {
    if profile.against.is_empty() {
        return String::new();
    }
    let mut html = String::from(
        "<section id=\"against\" aria-labelledby=\"against-h\"><h2 id=\"against-h\">Against solutions</h2>",
    );
    profile.against.iter().for_each(|against| html.push_str(&one(against)));
    html.push_str("</section>\n");
    html
}

fn one(against: &Against) -> String {
    let (class, verdict) = if against.fits { ("ok", "✓ would be accepted") } else { ("no", "✕ would be refused") };
    let mut html = format!(
        "<article class=\"card\"><h3>{} / {} <small>release {}</small> <span class=\"verdict {class}\">{verdict}</span></h3>",
        Text(&against.solution),
        Text(&against.submission),
        Text(&against.release)
    );
    if let Some(refusal) = &against.refusal {
        put!(html, "<p>{}</p>", Text(refusal));
    }
    if against.records_read > 0 {
        html.push_str(&records(against));
    }
    html.push_str(&reasons("Why records are left out", &against.rejected_rows));
    html.push_str(&reasons("Warnings: scored, the value counts as missing", &against.warned_rows));
    html.push_str(&columns(against));
    html.push_str("</article>");
    html
}

fn records(against: &Against) -> String {
    let (read, accepted, rejected) = (against.records_read, against.records_accepted, against.records_rejected);
    format!(
        "<div class=\"split\">{}<p><b>{}</b> of {} records would be scored ({}), <b>{}</b> rejected ({}).</p></div>",
        chart::parts(&[("kept", accepted), ("lost", rejected)]),
        grouped(accepted),
        grouped(read),
        Text(&share(accepted, read)),
        grouped(rejected),
        Text(&share(rejected, read))
    )
}

fn reasons(title: &str, rows: &[RejectedRows]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut html = format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Reasons\"><table class=\"plain\">\
         <caption>{title}</caption><thead><tr><th scope=\"col\" class=\"r\">Rows</th>\
         <th scope=\"col\">Field</th><th scope=\"col\">Reason</th><th scope=\"col\">Code</th></tr></thead><tbody>",
    );
    for row in rows.iter().take(REASONS_MAX) {
        let field = if row.field.is_empty() { row.relation.clone() } else { format!("{}.{}", row.relation, row.field) };
        put!(
            html,
            "<tr><td class=\"r\">{}</td><th scope=\"row\" class=\"v\">{}</th><td>{}</td><td><code>{}</code></td></tr>",
            grouped(row.rows),
            Text(&field),
            Text(&row.reason),
            Text(&row.code)
        );
    }
    html.push_str("</tbody></table></div>");
    let left = rows.len().saturating_sub(REASONS_MAX);
    if left > 0 {
        put!(html, "<p class=\"quiet\">{left} more kinds of findings are in the JSON of the profile.</p>");
    }
    html
}

fn columns(against: &Against) -> String {
    let fitting = against.columns.iter().filter(|column| column.status == AgainstStatus::Fits).count();
    let mut html = format!(
        "<details class=\"more\"><summary>{fitting} of {} fields and columns fit</summary>\
         <div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Fields and columns\"><table class=\"plain\">\
         <thead><tr><th scope=\"col\">Field</th><th scope=\"col\">Fit</th><th scope=\"col\">Asked for</th>\
         <th scope=\"col\" class=\"r\">Values rejected</th></tr></thead><tbody>",
        against.columns.len()
    );
    for column in &against.columns {
        let (class, word) = status(column.status);
        put!(
            html,
            "<tr><th scope=\"row\" class=\"v\">{}.{}</th><td><span class=\"fit {class}\">{word}</span></td><td>{}</td>\
             <td class=\"r\">{}</td></tr>",
            Text(&column.relation),
            Text(&column.name),
            Text(&column.expected),
            if column.values_rejected > 0 { grouped(column.values_rejected) } else { String::new() }
        );
    }
    html.push_str("</tbody></table></div></details>");
    html
}

fn status(status: AgainstStatus) -> (&'static str, &'static str) {
    match status {
        AgainstStatus::Fits => ("ok", "✓ fits"),
        AgainstStatus::SomeRejected => ("some", "▲ some values rejected"),
        AgainstStatus::Absent => ("quiet", "○ absent, may be"),
        AgainstStatus::Missing => ("no", "✕ missing"),
        AgainstStatus::Unknown => ("quiet", "○ no field"),
        AgainstStatus::NotChecked => ("quiet", "○ not checked"),
    }
}
