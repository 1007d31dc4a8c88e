//! Alerts on a relation, on two that share a key, and on the upload as a whole.

use super::words::{counted, listed, of};
use super::{Alerts, Code};
use crate::document::{Alert, Correlations, Count, Profile, RelationLink, RelationProfile};
use bordereau_base::figure::grouped;

/// Absolute correlation that is worth saying.
const CORRELATION_MIN: f64 = 0.9;
/// Names and pairs that are listed in a sentence.
const LISTED_MAX: usize = 5;

/// The alerts of a relation, given everything else of its profile.
pub fn relation(profile: &RelationProfile) -> Vec<Alert> {
    let mut alerts = Alerts::default();
    let rows = profile.rows;
    alerts.raise_if(rows == 0, Code::NoRows, || "the file has a header and no row".to_owned());
    alerts.raise_if(profile.ragged_rows > 0, Code::RaggedRows, || {
        format!("{} more or fewer values than the header", of(profile.ragged_rows, rows, "rows have"))
    });
    alerts.raise_if(profile.undecodable_rows > 0, Code::UndecodableRows, || {
        format!("{} bytes that are no text", of(profile.undecodable_rows, rows, "rows hold"))
    });
    let duplicates = &profile.duplicate_rows.count;
    alerts.raise_if(duplicates.value > 0, Code::DuplicateRows, || {
        format!("{}{} repeat another row", about(duplicates), of(duplicates.value, rows, "rows"))
    });
    alerts.raise_if(!profile.empty_columns.is_empty() && rows > 0, Code::EmptyColumns, || {
        let empty = counted(profile.empty_columns.len() as u64, "column has", "columns have");
        format!("{empty} no value: {}", listed(&profile.empty_columns, LISTED_MAX))
    });
    alerts.raise_if(profile.candidate_keys.is_empty() && rows > 1, Code::NoCandidateKey, || {
        format!("no column and no tried combination of columns names each of {} rows", grouped(rows))
    });
    if let Some(correlations) = &profile.correlations {
        let pairs = high_correlations(correlations);
        alerts.raise_if(!pairs.is_empty(), Code::HighCorrelation, || {
            format!(
                "{} highly correlated: {}",
                counted(pairs.len() as u64, "pair of columns is", "pairs of columns are"),
                listed(&pairs, LISTED_MAX)
            )
        });
    }
    match profile.encoding.as_deref() {
        Some("windows-1252") => {
            alerts.raise(Code::Windows1252, "the file is no UTF-8 and is read as Windows-1252".to_owned());
        }
        Some(encoding) if encoding.starts_with("utf-16") => {
            alerts.raise(Code::Utf16, format!("the file is {}", encoding.to_uppercase()));
        }
        _ => {}
    }
    alerts.sorted()
}

fn about(count: &Count) -> &'static str {
    if count.exact { "" } else { "about " }
}

/// Pairs with a high correlation, the strongest first, as `a and b (0.98)`.
fn high_correlations(correlations: &Correlations) -> Vec<String> {
    let mut pairs: Vec<(f64, &str, &str)> = Vec::new();
    for (row, (first, coefficients)) in correlations.columns.iter().zip(&correlations.pearson).enumerate() {
        let others = correlations.columns.iter().zip(coefficients).skip(row + 1);
        for (second, coefficient) in others {
            if let Some(coefficient) = coefficient.filter(|coefficient| coefficient.abs() >= CORRELATION_MIN) {
                pairs.push((coefficient, first, second));
            }
        }
    }
    // Stable, so equal ones stay in the order of the file.
    pairs.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
    pairs.iter().map(|(coefficient, first, second)| format!("{first} and {second} ({coefficient:.2})")).collect()
}

/// The alerts on relations that share a key; they stand with the upload.
pub fn links(links: &[RelationLink]) -> Vec<Alert> {
    let mut alerts = Alerts::default();
    for link in links {
        let RelationLink { parent, child, columns, orphans, childless, .. } = link;
        let by = columns.join(", ");
        alerts.raise_if(orphans.value > 0, Code::Orphans, || {
            let rows = counted(orphans.value, "row", "rows");
            format!("{}{rows} of {child} refer by {by} to no row of {parent}", about(orphans))
        });
        alerts.raise_if(!link.parent_is_unique, Code::ParentNotUnique, || {
            format!("{by}, shared with {child}, does not name one row of {parent}")
        });
        alerts.raise_if(childless.value > 0, Code::ChildlessParents, || {
            let rows = counted(childless.value, "row", "rows");
            format!("{}{rows} of {parent} have no row in {child} by {by}", about(childless))
        });
    }
    alerts.sorted()
}

/// All alerts of the upload: those of its links and those on it as a whole.
pub fn upload(profile: &Profile) -> Vec<Alert> {
    let mut alerts = Alerts::default();
    alerts.raise_if(profile.relations.is_empty(), Code::NothingProfiled, || {
        "the upload holds no file that can be profiled".to_owned()
    });
    let degraded = profile.degraded.len() as u64;
    alerts.raise_if(degraded > 0, Code::Degraded, || {
        format!("{} computed less exactly than usual", counted(degraded, "thing is", "things are"))
    });
    let linked = |name: &str| profile.links.iter().any(|link| link.parent == name || link.child == name);
    let alone: Vec<String> = profile.relations.iter().map(|r| r.name.clone()).filter(|name| !linked(name)).collect();
    alerts.raise_if(!alone.is_empty() && profile.relations.len() > 1, Code::UnlinkedRelations, || {
        format!("no key is shared with another relation by {}", listed(&alone, LISTED_MAX))
    });
    let mut all = links(&profile.links);
    all.extend(alerts.sorted());
    all.sort_by_key(|alert| std::cmp::Reverse(alert.severity));
    all
}
