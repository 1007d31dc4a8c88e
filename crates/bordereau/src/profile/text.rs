//! A profile on a terminal: the upload, each relation with its columns, links, solutions, alerts.

use bordereau_base::figure::grouped;
use bordereau_profile::document::{
    Against, CandidateKey, Profile, ProfileState, RelationLink, RelationProfile, Severity,
};
use bordereau_report::number::{bytes, count, decimal, duration_ms, percent, share};

use super::columns;
use super::screen::{Paint, Screen};

/// Alerts told; further ones are counted.
const ALERTS_MAX: usize = 40;
/// Reasons of rejected rows told.
const REASONS_MAX: usize = 10;
/// Candidate keys told.
const KEYS_MAX: usize = 3;

/// The profile.
pub fn profile(screen: &Screen, profile: &Profile) -> String {
    let mut text = heading(screen, profile);
    for relation in &profile.relations {
        text.push('\n');
        text.push_str(&head(screen, relation));
        for link in profile.links.iter().filter(|link| link.child == relation.name) {
            text.push_str(&screen.wrap("  ", &screen.text(&linked(link))));
        }
        text.push_str(&columns::table(screen, relation));
    }
    profile.against.iter().for_each(|against| text.push_str(&held_against(screen, against)));
    text.push_str(&alerts(screen, profile));
    text
}

fn heading(screen: &Screen, profile: &Profile) -> String {
    let upload = &profile.upload;
    let name = if upload.name == "-" { "standard input" } else { &upload.name };
    let rows: u64 = profile.relations.iter().map(|relation| relation.rows).sum();
    let mut facts = vec![bytes(upload.unpacked_bytes)];
    if profile.relations.len() != 1 {
        facts.push(format!("{} relations", profile.relations.len()));
        facts.push(format!("{} rows", grouped(rows)));
    }
    if let Some(timings) = &profile.timings {
        facts.push(duration_ms(timings.elapsed_ms));
    }
    if profile.state == ProfileState::Preliminary {
        facts.push(format!("PRELIMINARY, {} read", percent(profile.share_read)));
    }
    let mut text = format!("{}  {}\n", screen.paint(&screen.text(name), Paint::Strong), screen.text(&facts.join(", ")));
    for note in upload.notes.iter().chain(&profile.degraded) {
        text.push_str(&screen.wrap("  Note: ", &screen.text(note)));
    }
    text
}

fn head(screen: &Screen, relation: &RelationProfile) -> String {
    let mut facts = vec![
        format!("{} rows", grouped(relation.rows)),
        format!("{} columns", relation.columns.len()),
        bytes(relation.bytes),
    ];
    if relation.duplicate_rows.count.value > 0 {
        facts.push(format!("{} repeated rows", count(&relation.duplicate_rows.count)));
    }
    if relation.ragged_rows > 0 {
        facts.push(format!("{} ragged rows", grouped(relation.ragged_rows)));
    }
    if relation.undecodable_rows > 0 {
        facts.push(format!("{} undecodable rows", grouped(relation.undecodable_rows)));
    }
    let name = screen.text(&relation.name);
    let facts = screen.wrap(&format!("{name}  "), &screen.text(&facts.join(", ")));
    let mut text = facts.replacen(&name, &screen.paint(&name, Paint::Strong), 1);
    let keys: Vec<String> = relation.candidate_keys.iter().take(KEYS_MAX).map(key).collect();
    if !keys.is_empty() {
        text.push_str(&screen.wrap("  ", &screen.text(&format!("key: {}", keys.join(", or ")))));
    }
    let format: Vec<&str> = relation.encoding.as_deref().into_iter().collect();
    let delimiter = relation.delimiter.as_deref().map(|text| if text == "\t" { "tab" } else { text });
    let delimiter = delimiter.map(|delimiter| format!("delimiter {delimiter}"));
    let format: Vec<String> = format.into_iter().map(str::to_owned).chain(delimiter).collect();
    if !format.is_empty() {
        text.push_str(&screen.wrap("  ", &screen.text(&format.join(", "))));
    }
    text
}

fn key(key: &CandidateKey) -> String {
    format!("{}{}", key.columns.join(" + "), if key.exact { "" } else { " (in a sample)" })
}

fn linked(link: &RelationLink) -> String {
    let pair = |(parent, child): (&String, &String)| {
        if parent == child { parent.clone() } else { format!("{child} = {parent}") }
    };
    let columns: Vec<String> = link.columns.iter().zip(&link.child_columns).map(pair).collect();
    let children = &link.children;
    format!(
        "refers to {} by {}: {} to {} rows each, {} on average; {} orphans, {} without a row",
        link.parent,
        columns.join(" + "),
        grouped(children.min),
        grouped(children.max),
        decimal((children.mean * 100.0).round() / 100.0),
        count(&link.orphans),
        count(&link.childless)
    )
}

fn held_against(screen: &Screen, against: &Against) -> String {
    let (verdict, paint) = if against.fits { ("fits", Paint::Green) } else { ("does not fit", Paint::Red) };
    let asked = screen.text(&format!("{}/{} {}", against.solution, against.submission, against.release));
    let mut text = format!("\nAgainst {asked}: {}\n", screen.paint(verdict, paint));
    if let Some(refusal) = &against.refusal {
        text.push_str(&screen.wrap("  ", &screen.text(refusal)));
    }
    if against.records_read > 0 {
        let (read, rejected) = (against.records_read, against.records_rejected);
        let sentence = format!(
            "{} of {} records would be scored, {} rejected ({})",
            grouped(against.records_accepted),
            grouped(read),
            grouped(rejected),
            share(rejected, read)
        );
        text.push_str(&screen.wrap("  ", &sentence));
    }
    for row in against.rejected_rows.iter().take(REASONS_MAX) {
        let field = if row.field.is_empty() { row.relation.clone() } else { format!("{}.{}", row.relation, row.field) };
        let first = format!("  {:>10}  ", grouped(row.rows));
        text.push_str(&screen.wrap(&first, &screen.text(&format!("{field}: {}", row.reason))));
    }
    let left = against.rejected_rows.len().saturating_sub(REASONS_MAX);
    if left > 0 {
        text.push_str(&format!("  {left} more kinds of findings (--json or --html has all)\n"));
    }
    text
}

fn alerts(screen: &Screen, profile: &Profile) -> String {
    let mut all: Vec<(Severity, String, &str)> = Vec::new();
    for alert in &profile.alerts {
        all.push((alert.severity, String::new(), &alert.message));
    }
    for relation in &profile.relations {
        all.extend(relation.alerts.iter().map(|alert| (alert.severity, relation.name.clone(), &*alert.message)));
        for column in &relation.columns {
            let place = || match profile.relations.len() {
                1 => column.name.clone(),
                _ => format!("{}.{}", relation.name, column.name),
            };
            all.extend(column.alerts.iter().map(|alert| (alert.severity, place(), &*alert.message)));
        }
    }
    if all.is_empty() {
        return String::new();
    }
    all.sort_by_key(|(severity, _, _)| std::cmp::Reverse(*severity));
    let number = |severity: Severity| all.iter().filter(|(of, _, _)| *of == severity).count();
    let [errors, warnings, hints] = [Severity::Error, Severity::Warning, Severity::Info].map(number);
    let title = screen.paint("Alerts", Paint::Strong);
    let mut text = format!("\n{title}  errors: {errors}, warnings: {warnings}, hints: {hints}\n");
    for (severity, place, message) in all.iter().take(ALERTS_MAX) {
        let (mark, paint) = columns::mark(screen, *severity);
        let place = if place.is_empty() { String::new() } else { format!("{place}: ") };
        let lines = screen.wrap(&format!("  {mark} "), &screen.text(&format!("{place}{message}")));
        text.push_str(&lines.replacen(mark, &screen.paint(mark, paint), 1));
    }
    let left = all.len().saturating_sub(ALERTS_MAX);
    if left > 0 {
        text.push_str(&format!("  {left} more (--json or --html has all)\n"));
    }
    text
}
