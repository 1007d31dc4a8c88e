//! How one upload differs from an earlier one: drift, column by column, with a traffic light and a sentence.
//!
//! [`compare`] takes two profiles, each with or without the state it was made from. With the state, values are counted
//! one by one while a column has few enough of them, and distances are exact; a profile's JSON alone gives what its
//! histograms and its listed values tell. The comparison says which. Relations and columns are matched by their names
//! as names are compared everywhere. Formulas and thresholds are in `docs/profile-compare.md`.
//!
//! Data flow: each side's column becomes what is [`known`] of its distribution, both are cut into the same [`bins`],
//! [`measure`] says how far they are apart, [`judge`] which of it matters. Values of columns with personal data are
//! compared by their masks, and never shown. Cost: the size of the documents, plus that of the state where it is used.

mod bins;
mod column;
mod curve;
mod judge;
mod known;
mod measure;
mod relation;
mod result;

pub use result::{
    Basis, BinKind, BinShares, CategoryChange, ColumnComparison, ComparedUpload, Comparison, DateChange, Distribution,
    FORMAT, Light, Moved, NumberChange, RelationComparison,
};

use std::collections::BTreeMap;

use bordereau_base::dictionary::canonical_name;

use crate::document::{Profile, ProfileState, RelationProfile};

/// Columns with at least this share of distinct values are identifiers: their values are all different by nature.
pub const IDENTIFIER_UNIQUENESS: f64 = 0.95;

/// One of the two uploads to compare.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// Its profile.
    pub profile: &'a Profile,
}

impl Side<'_> {
    fn facts(&self) -> ComparedUpload {
        ComparedUpload {
            name: self.profile.upload.name.clone(),
            sha256: self.profile.upload.sha256.clone(),
            state: self.profile.state,
            basis: Basis::Document,
        }
    }
}

/// Relations of both sides, and the names of those of one side only.
struct Matched<'a> {
    both: Vec<(&'a RelationProfile, &'a RelationProfile)>,
    removed: Vec<String>,
    added: Vec<String>,
    notes: Vec<String>,
}

/// Compares two uploads. Equal inputs give equal comparisons; an upload compared with itself is green.
pub fn compare(old: &Side<'_>, new: &Side<'_>) -> Comparison {
    let Matched { both, removed, added, mut notes } = matched(old.profile, new.profile);
    for (side, which) in [(old, "old"), (new, "new")] {
        if side.profile.state == ProfileState::Preliminary {
            notes.push(format!("The {which} profile is preliminary: it is of the first rows only."));
        }
    }
    let relations: Vec<RelationComparison> = both.iter().map(|(one, other)| relation::compare(one, other)).collect();
    let structure = match (removed.is_empty(), added.is_empty()) {
        (false, _) => Light::Red,
        (true, false) => Light::Amber,
        (true, true) => Light::Green,
    };
    let light = relations.iter().map(|relation| relation.light).max().unwrap_or(Light::Green).max(structure);
    Comparison {
        format: FORMAT.to_owned(),
        light,
        sentence: sentence(&relations, &removed, &added),
        old: old.facts(),
        new: new.facts(),
        relations,
        relations_added: added,
        relations_removed: removed,
        notes,
    }
}

/// Relations by name; a single one on both sides is matched whatever its name.
fn matched<'a>(old: &'a Profile, new: &'a Profile) -> Matched<'a> {
    let mut matched = Matched { both: Vec::new(), removed: Vec::new(), added: Vec::new(), notes: Vec::new() };
    if let ([one], [other]) = (old.relations.as_slice(), new.relations.as_slice()) {
        if canonical_name(&one.name) != canonical_name(&other.name) {
            let (old_name, new_name) = (&one.name, &other.name);
            matched.notes.push(format!("`{old_name}` is compared with `{new_name}`: each is the only relation."));
        }
        matched.both.push((one, other));
        return matched;
    }
    let mut by_name: BTreeMap<String, &RelationProfile> = BTreeMap::new();
    for relation in &new.relations {
        by_name.entry(canonical_name(&relation.name)).or_insert(relation);
    }
    for relation in &old.relations {
        match by_name.remove(&canonical_name(&relation.name)) {
            Some(other) => matched.both.push((relation, other)),
            None => matched.removed.push(relation.name.clone()),
        }
    }
    let left = |relation: &&RelationProfile| by_name.contains_key(&canonical_name(&relation.name));
    matched.added = new.relations.iter().filter(left).map(|relation| relation.name.clone()).collect();
    matched
}

fn sentence(relations: &[RelationComparison], removed: &[String], added: &[String]) -> String {
    let columns = || relations.iter().flat_map(|relation| &relation.columns);
    let count = |light: Light| columns().filter(|column| column.light == light).count();
    let (red, amber) = (count(Light::Red), count(Light::Amber));
    let mut parts = Vec::new();
    if !removed.is_empty() {
        parts.push(format!("relations gone: {}", removed.join(", ")));
    }
    if !added.is_empty() {
        parts.push(format!("new relations: {}", added.join(", ")));
    }
    let named: Vec<&str> =
        relations.iter().filter(|relation| !relation.findings.is_empty()).map(|r| &*r.name).collect();
    if !named.is_empty() {
        parts.push(format!("rows or columns changed in {}", named.join(", ")));
    }
    parts.push(format!("of {} columns {red} are red and {amber} amber", columns().count()));
    judge::capitalised(&parts.join("; "))
}
