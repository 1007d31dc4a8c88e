//! All alerts of the profile, by severity and code, most severe first.

use std::collections::BTreeMap;

use bordereau_profile::document::{Alert, Profile, Severity};

use super::{column_id, counted, relation_id};
use crate::escape::Text;
use bordereau_base::figure::grouped;

/// Sentences of one code that are shown at once; the rest unfolds.
const SHOWN_MAX: usize = 3;
/// Sentences of one code on the list; all stand at their columns.
const LISTED_MAX: usize = 200;

/// What an alert is about: its name and anchor.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    name: String,
    anchor: String,
}

/// Every alert with its place: those of the upload, then of relations and their columns.
pub(crate) fn all(profile: &Profile) -> impl Iterator<Item = (Place, &Alert)> {
    let place = |name: &str, anchor: String| Place { name: name.to_owned(), anchor };
    let upload = profile.alerts.iter().map(move |alert| (place(&profile.upload.name, "overview".to_owned()), alert));
    let many = profile.relations.len() > 1;
    let relations = profile.relations.iter().enumerate().flat_map(move |(at, relation)| {
        let own = relation.alerts.iter().map(move |alert| (place(&relation.name, relation_id(at)), alert));
        let columns = relation.columns.iter().flat_map(move |column| {
            let name = if many { format!("{} · {}", relation.name, column.name) } else { column.name.clone() };
            column.alerts.iter().map(move |alert| (place(&name, column_id(at, column)), alert))
        });
        own.chain(columns)
    });
    upload.chain(relations)
}

/// The word and the mark of a severity.
pub(crate) fn word(severity: Severity) -> (&'static str, &'static str) {
    match severity {
        Severity::Error => ("error", "✕"),
        Severity::Warning => ("warning", "▲"),
        Severity::Info => ("info", "●"),
    }
}

/// Alerts with their places by severity, worst first, and code.
type Groups<'a> = BTreeMap<(std::cmp::Reverse<Severity>, &'a str), Vec<(Place, &'a Alert)>>;

/// The section.
pub(crate) fn section(profile: &Profile) -> String {
    let mut groups: Groups<'_> = BTreeMap::new();
    for (place, alert) in all(profile) {
        groups.entry((std::cmp::Reverse(alert.severity), &alert.code)).or_default().push((place, alert));
    }
    let mut html = String::from("<section id=\"alerts\" aria-labelledby=\"alerts-h\"><h2 id=\"alerts-h\">Alerts</h2>");
    if groups.is_empty() {
        html.push_str("<p class=\"quiet\">Nothing to look at.</p>");
    }
    for ((severity, code), group) in &groups {
        html.push_str(&grouped_alerts(severity.0, code, group));
    }
    html.push_str("</section>\n");
    html
}

fn grouped_alerts(severity: Severity, code: &str, group: &[(Place, &Alert)]) -> String {
    let (class, mark) = word(severity);
    let times =
        if group.len() > 1 { format!(" <small>{}×</small>", grouped(group.len() as u64)) } else { String::new() };
    let mut html = format!(
        "<div class=\"group {class}\"><h3><span class=\"mark\" aria-hidden=\"true\">{mark}</span> <span \
         class=\"hide\">{class}: </span>{}{times}</h3>",
        Text(&title(code))
    );
    let (first, rest) = group.split_at(group.len().min(SHOWN_MAX));
    html.push_str(&sentences(first));
    if !rest.is_empty() {
        let (listed, left) = rest.split_at(rest.len().min(LISTED_MAX));
        put!(
            html,
            "<details class=\"more\"><summary>{} more</summary>{}",
            grouped(rest.len() as u64),
            sentences(listed)
        );
        if !left.is_empty() {
            let left = counted(left.len() as u64, "more stands at its column", "more stand at their columns");
            put!(html, "<p class=\"quiet\">{left}.</p>");
        }
        html.push_str("</details>");
    }
    html.push_str("</div>");
    html
}

fn sentences(group: &[(Place, &Alert)]) -> String {
    let mut html = String::from("<ul>");
    for (place, alert) in group {
        let (anchor, name) = (&place.anchor, Text(&place.name));
        put!(html, "<li><a class=\"v\" href=\"#{anchor}\">{name}</a> <span>{}</span></li>", Text(&alert.message));
    }
    html.push_str("</ul>");
    html
}

/// A code as words: `mostly_null` becomes `Mostly null`.
fn title(code: &str) -> String {
    let words = code.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The alerts of one relation or column, as a list of sentences; nothing when there are none.
pub(crate) fn list(alerts: &[Alert]) -> String {
    if alerts.is_empty() {
        return String::new();
    }
    let mut sorted: Vec<&Alert> = alerts.iter().collect();
    sorted.sort_by_key(|alert| std::cmp::Reverse(alert.severity));
    let mut html = String::from("<ul class=\"alerts\">");
    for alert in sorted {
        let (class, mark) = word(alert.severity);
        put!(
            html,
            "<li class=\"{class}\"><span class=\"mark\" aria-hidden=\"true\">{mark}</span> <span><span class=\"hide\">{class}: \
             </span>{} <code>{}</code></span></li>",
            Text(&alert.message),
            Text(&alert.code)
        );
    }
    html.push_str("</ul>");
    html
}

/// Marks for a table: one for each severity with its number; nothing when there are none.
pub(crate) fn marks(alerts: &[Alert]) -> String {
    let mut html = String::new();
    for severity in [Severity::Error, Severity::Warning, Severity::Info] {
        let number = alerts.iter().filter(|alert| alert.severity == severity).count() as u64;
        if number > 0 {
            let (class, mark) = word(severity);
            let said = counted(number, class, &format!("{class}s")).replace("infos", "hints").replace("info", "hint");
            put!(
                html,
                "<span class=\"sev {class}\"><span aria-hidden=\"true\">{mark} {number}</span><span \
                 class=\"hide\">{said}</span></span> "
            );
        }
    }
    html
}

/// Errors, warnings and hints as one number to sort by.
pub(crate) fn weight(alerts: &[Alert]) -> u64 {
    let weight = |alert: &Alert| match alert.severity {
        Severity::Error => 1_000_000,
        Severity::Warning => 1_000,
        Severity::Info => 1,
    };
    alerts.iter().map(weight).sum()
}
