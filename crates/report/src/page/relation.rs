//! A relation: its head, with what is known of its rows.

use bordereau_profile::document::RelationProfile;

use super::facts::Facts;
use super::{alerts, counted, relation_id};
use crate::escape::Text;
use crate::number::{bytes, count};
use bordereau_base::figure::grouped;

/// Keys shown.
const KEYS_MAX: usize = 5;

/// What ends a relation.
pub(crate) const CLOSING: &str = "</section>\n";

/// The head of a relation.
pub(crate) fn opening(at: usize, relation: &RelationProfile) -> String {
    let id = relation_id(at);
    format!(
        "<section class=\"relation\" id=\"{id}\" aria-labelledby=\"{id}-h\"><p class=\"over\">Relation</p>\
         <h2 id=\"{id}-h\" class=\"v\">{}</h2><p class=\"lead\">{}</p>{}{}{}",
        Text(&relation.name),
        Text(&lead(relation)),
        alerts::list(&relation.alerts),
        facts(relation).list(),
        assumed(relation)
    )
}

fn lead(relation: &RelationProfile) -> String {
    let columns = counted(relation.columns.len() as u64, "column", "columns");
    format!("{}, {columns}, {}.", counted(relation.rows, "row", "rows"), bytes(relation.bytes))
}

fn facts(relation: &RelationProfile) -> Facts {
    let mut facts = Facts::default();
    facts.add("File", &relation.file);
    let delimiter = relation.delimiter.as_deref().map(|text| if text == "\t" { "tab" } else { text });
    let format: Vec<&str> = relation.encoding.as_deref().into_iter().chain(delimiter).collect();
    facts.add("Encoding, delimiter", format.join("  "));
    facts.add("Repeated rows", count(&relation.duplicate_rows.count));
    let keys: Vec<String> = relation.candidate_keys.iter().take(KEYS_MAX).map(key).collect();
    facts.add("Candidate keys", keys.join("; "));
    if relation.ragged_rows > 0 {
        let rows: Vec<String> = relation.ragged_examples.iter().map(|row| grouped(*row)).collect();
        let ragged = counted(relation.ragged_rows, "row", "rows");
        facts.add("Ragged", format!("{ragged} with fewer or more values than the header; first: {}", rows.join(", ")));
    }
    if relation.undecodable_rows > 0 {
        facts.add("Undecodable", counted(relation.undecodable_rows, "row", "rows"));
    }
    facts.add("Empty columns", relation.empty_columns.join(", "));
    facts
}

fn key(key: &bordereau_profile::document::CandidateKey) -> String {
    format!("{}{}", key.columns.join(" + "), if key.exact { "" } else { " (no repeat in a sample)" })
}

fn assumed(relation: &RelationProfile) -> String {
    if relation.assumed.is_empty() {
        return String::new();
    }
    let mut html = String::from("<ul class=\"notes\">");
    relation.assumed.iter().for_each(|sentence| put!(html, "<li>{}</li>", Text(sentence)));
    html.push_str("</ul>");
    html
}
