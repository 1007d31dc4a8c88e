//! How one upload differs from an earlier one: drift, column by column, with a traffic light and a sentence.
//!
//! [`compare`] takes two profiles, each with or without the state it was made from. With the state, values are counted
//! one by one while a column has few enough of them, and distances are exact; a profile's JSON alone gives what its
//! histograms and its listed values tell. The comparison says which. Relations and columns are matched by their names
//! as names are compared everywhere. Formulas and thresholds are in `docs/profile-compare.md`.
//!
//! Data flow: each side's column becomes what is `known` of its distribution, both are cut into the same `bins`,
//! `measure` says how far they are apart, `judge` which of it matters. Values of columns with personal data are
//! compared by their masks, and never shown; a single value with personal data is told as its mask. Cost: the size of
//! the documents, plus that of the state where it is used.

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

use bordereau_base::dictionary::canonical_name;

use self::relation::RelationSide;
use crate::column::ColumnState;
use crate::document::{Profile, ProfileState};
use crate::state_file::StateFile;

/// Columns with at least this share of distinct values are identifiers: their values are all different by nature.
pub const IDENTIFIER_UNIQUENESS: f64 = 0.95;

/// One of the two uploads to compare.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    profile: &'a Profile,
    state: Option<&'a StateFile>,
}

impl<'a> Side<'a> {
    /// A profile alone.
    pub fn of_profile(profile: &'a Profile) -> Self {
        Self { profile, state: None }
    }

    /// A profile with the state it was made from. A state of other relations or columns is not used.
    pub fn of_state(profile: &'a Profile, state: &'a StateFile) -> Self {
        let records = &state.state.relations;
        let alike = records.len() == profile.relations.len()
            && records.iter().zip(&profile.relations).all(|(record, relation)| {
                record.name == relation.name
                    && record.header.len() == relation.columns.len()
                    && record.relation.rows == relation.rows
            });
        Self { profile, state: Some(state).filter(|_| alike) }
    }

    /// The states of the columns of the relation at `place`.
    fn states(&self, place: usize) -> Option<&'a [ColumnState]> {
        Some(self.state?.state.relations.get(place)?.columns.as_slice())
    }

    fn facts(&self) -> ComparedUpload {
        ComparedUpload {
            name: self.profile.upload.name.clone(),
            sha256: self.profile.upload.sha256.clone(),
            state: self.profile.state,
            basis: if self.state.is_some() { Basis::State } else { Basis::Document },
        }
    }
}

/// Relations of both sides, and the names of those of one side only.
struct Matched<'a> {
    both: Vec<(RelationSide<'a>, RelationSide<'a>)>,
    removed: Vec<String>,
    added: Vec<String>,
    notes: Vec<String>,
}

/// Compares two uploads. Equal inputs give equal comparisons; an upload compared with itself is green.
pub fn compare(old: &Side<'_>, new: &Side<'_>) -> Comparison {
    let Matched { both, removed, added, mut notes } = matched(old, new);
    for (side, which) in [(old, "old"), (new, "new")] {
        if side.profile.state == ProfileState::Preliminary {
            notes.push(format!("The {which} profile is preliminary: it is of the first rows only."));
        }
    }
    let relations: Vec<RelationComparison> =
        both.into_iter().map(|(one, other)| relation::compare(one, other)).collect();
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
fn matched<'a>(old: &Side<'a>, new: &Side<'a>) -> Matched<'a> {
    let mut matched = Matched { both: Vec::new(), removed: Vec::new(), added: Vec::new(), notes: Vec::new() };
    let (olds, mut news) = (sides(old), sides(new));
    if let ([one], [other]) = (olds.as_slice(), news.as_slice()) {
        let (old_name, new_name) = (&one.relation.name, &other.relation.name);
        if canonical_name(old_name) != canonical_name(new_name) {
            matched.notes.push(format!("`{old_name}` is compared with `{new_name}`: each is the only relation."));
        }
        matched.both.push((*one, *other));
        return matched;
    }
    for one in olds {
        let name = canonical_name(&one.relation.name);
        match news.iter().position(|other| canonical_name(&other.relation.name) == name) {
            Some(place) => matched.both.push((one, news.remove(place))),
            None => matched.removed.push(one.relation.name.clone()),
        }
    }
    matched.added = news.iter().map(|other| other.relation.name.clone()).collect();
    matched
}

/// The relations of a side, in their order.
fn sides<'a>(side: &Side<'a>) -> Vec<RelationSide<'a>> {
    let relations = side.profile.relations.iter().enumerate();
    relations.map(|(place, relation)| RelationSide { relation, states: side.states(place) }).collect()
}

fn sentence(relations: &[RelationComparison], removed: &[String], added: &[String]) -> String {
    let columns = || relations.iter().flat_map(|relation| &relation.columns);
    let count = |light: Light| columns().filter(|column| column.light == light).count();
    let (red, amber) = (count(Light::Red), count(Light::Amber));
    let mut sentences = Vec::new();
    if !removed.is_empty() {
        sentences.push(format!("Relations are gone: {}.", removed.join(", ")));
    }
    if !added.is_empty() {
        sentences.push(format!("Relations are new: {}.", added.join(", ")));
    }
    let named: Vec<&str> =
        relations.iter().filter(|relation| !relation.findings.is_empty()).map(|r| &*r.name).collect();
    if !named.is_empty() {
        sentences.push(format!("Rows or columns changed in {}.", named.join(", ")));
    }
    sentences.push(judge::lights(red, amber, columns().count()));
    sentences.join(" ")
}
