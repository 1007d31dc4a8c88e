//! One relation of both sides: its rows, its columns as a list, and each column.

use bordereau_base::figure::grouped;
use std::collections::BTreeMap;

use bordereau_base::dictionary::canonical_name;

use super::column;
use super::column::percent;
use super::judge::{capitalised, lights, worst_first};
use super::known::{Known, Shown};
use super::result::{ColumnComparison, Light, Moved, RelationComparison};
use crate::column::ColumnState;
use crate::document::{ColumnProfile, RelationProfile};

/// Change of the number of rows, as a share of the old number, that is amber and red.
const ROWS: (f64, f64) = (0.25, 0.5);

/// A relation with the states of its columns, where they are there.
#[derive(Clone, Copy)]
pub(super) struct RelationSide<'a> {
    pub relation: &'a RelationProfile,
    pub states: Option<&'a [ColumnState]>,
}

/// Compares a relation of both sides.
pub(super) fn compare(old: RelationSide<'_>, new: RelationSide<'_>) -> RelationComparison {
    let (old_states, new_states) = (old.states, new.states);
    let (old, new) = (old.relation, new.relation);
    let mut by_name: BTreeMap<String, (usize, &ColumnProfile)> = BTreeMap::new();
    for (at, column) in new.columns.iter().enumerate() {
        by_name.entry(canonical_name(&column.name)).or_insert((at, column));
    }
    let mut columns = Vec::with_capacity(old.columns.len());
    let mut places = Vec::with_capacity(old.columns.len());
    let mut removed = Vec::new();
    for (place, column) in old.columns.iter().enumerate() {
        match by_name.remove(&canonical_name(&column.name)) {
            Some((at, other)) => {
                places.push(at);
                let states = (state_of(old_states, place), state_of(new_states, at));
                columns.push(compare_column(column, other, states));
            }
            None => removed.push(column.name.clone()),
        }
    }
    let left = |column: &&ColumnProfile| by_name.contains_key(&canonical_name(&column.name));
    let added: Vec<String> = new.columns.iter().filter(left).map(|column| column.name.clone()).collect();
    let reordered = !places.is_sorted();
    let findings = findings(old.rows, new.rows, &added, &removed);
    let lights = findings.iter().map(|moved| moved.light).chain(columns.iter().map(|column| column.light));
    RelationComparison {
        name: old.name.clone(),
        new_name: new.name.clone(),
        light: lights.max().unwrap_or(Light::Green),
        sentence: sentence(&findings, &columns, reordered),
        rows_old: old.rows,
        rows_new: new.rows,
        columns_added: added,
        columns_removed: removed,
        columns_reordered: reordered,
        findings,
        columns,
    }
}

fn state_of(states: Option<&[ColumnState]>, place: usize) -> Option<&ColumnState> {
    states.and_then(|states| states.get(place))
}

fn compare_column(
    old: &ColumnProfile,
    new: &ColumnProfile,
    states: (Option<&ColumnState>, Option<&ColumnState>),
) -> ColumnComparison {
    let shown = if hides_values(old) || hides_values(new) { Shown::Masks } else { Shown::Values };
    let known = |column, state: Option<&ColumnState>| match state {
        Some(state) => Known::of_state(column, state, shown),
        None => Known::of_document(column, shown),
    };
    column::compare(&known(old, states.0), &known(new, states.1))
}

/// Whether the profile of a column keeps its values to itself: it shows masks, or leaves personal data out.
fn hides_values(column: &ColumnProfile) -> bool {
    column.frequent.masked || (column.personal_data.is_some() && column.frequent.values.is_empty())
}

fn findings(rows_old: u64, rows_new: u64, added: &[String], removed: &[String]) -> Vec<Moved> {
    let mut findings = Vec::new();
    let mut add = |code: &str, light: Light, message: String| {
        findings.push(Moved { code: code.to_owned(), light, message: capitalised(&message) });
    };
    if !removed.is_empty() {
        add("columns_removed", Light::Red, format!("columns are gone: {}", removed.join(", ")));
    }
    if !added.is_empty() {
        add("columns_added", Light::Amber, format!("columns are new: {}", added.join(", ")));
    }
    let change = if rows_old == 0 {
        if rows_new == 0 { 0.0 } else { 1.0 }
    } else {
        (rows_new as f64 - rows_old as f64) / rows_old as f64
    };
    if change.abs() >= ROWS.0 {
        let light = if change.abs() >= ROWS.1 { Light::Red } else { Light::Amber };
        let sign = if change > 0.0 { "+" } else { "" };
        let (was, is) = (grouped(rows_old), grouped(rows_new));
        add("rows", light, format!("rows went from {was} to {is} ({sign}{})", percent(change)));
    }
    worst_first(&mut findings);
    findings
}

fn sentence(findings: &[Moved], columns: &[ColumnComparison], reordered: bool) -> String {
    let count = |light: Light| columns.iter().filter(|column| column.light == light).count();
    let mut sentences: Vec<String> = findings.iter().map(|moved| moved.message.clone()).collect();
    if reordered {
        sentences.push("The columns stand in another order.".to_owned());
    }
    sentences.push(lights(count(Light::Red), count(Light::Amber), columns.len()));
    sentences.join(" ")
}
