//! The states of two uploads as one.
//!
//! Relations and columns are joined by their names as names are compared; a name that comes twice is joined place by
//! place. A column that only one of the uploads has is absent in all rows of the other. Hashes of whole rows depend on
//! the order of the columns: where headers differ, rows of one upload are not compared with rows of the other, and the
//! profile says so. Merging is associative: `(a + b) + c` is `a + (b + c)`, but for the last bits of moments and
//! correlations, and for the bounds of frequent values beyond the exact ones.

use std::collections::BTreeMap;

use bordereau_base::dictionary::canonical_name;

use super::{Error, StateFile};
use crate::column::ColumnState;
use crate::pass::{RelationRecord, State};
use crate::relation::{LinkPlan, Pair, Pairs, RelationState};
use crate::settings::Limits;

impl StateFile {
    /// Adds the state of another upload, whose files come after these.
    ///
    /// # Errors
    /// [`Error::Limits`] when the states were made for so different numbers of columns that they hold differently much
    /// of each; this state is not changed then.
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        if self.state.limits != other.state.limits {
            let values = |limits: &Limits| limits.exact_values_max;
            return Err(Error::Limits { own: values(&self.state.limits), other: values(&other.state.limits) });
        }
        let mut merged = self.state.clone();
        merge_states(&mut merged, &other.state)?;
        self.state = merged;
        self.sources.extend(other.sources.iter().cloned());
        Ok(())
    }
}

/// A link by what it is about: two relations and their columns.
type LinkedColumns = ([usize; 2], [Vec<usize>; 2]);

fn merge_states(own: &mut State, other: &State) -> Result<(), Error> {
    let mut links = linked_columns(own);
    own.name = format!("{}, {}", own.name, other.name);
    own.bytes += other.bytes;
    let mut places = Vec::with_capacity(other.relations.len());
    let mut maps = Vec::with_capacity(other.relations.len());
    for (key, record) in
        keyed(other.relations.iter().map(|record| record.name.as_str())).into_iter().zip(&other.relations)
    {
        let known = keyed(own.relations.iter().map(|record| record.name.as_str()));
        match known.iter().position(|own| *own == key) {
            Some(place) => {
                let limits = own.limits;
                let Some(into) = own.relations.get_mut(place) else { continue };
                maps.push(merge_records(into, record, limits, &mut own.notes)?);
                places.push(place);
            }
            None => {
                places.push(own.relations.len());
                maps.push((0..record.header.len()).collect());
                own.relations.push(record.clone());
            }
        }
    }
    add_notes(&mut own.notes, &other.notes);
    let mapped = linked_columns(other).into_iter().filter_map(|link| map_link(link, &places, &maps));
    links.extend(mapped);
    set_links(own, links);
    Ok(())
}

/// Names to join by: the canonical name, and which of that name it is.
fn keyed<'a>(names: impl Iterator<Item = &'a str>) -> Vec<(String, usize)> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    names
        .map(|name| {
            let name = canonical_name(name);
            let count = seen.entry(name.clone()).or_default();
            *count += 1;
            (name, *count)
        })
        .collect()
}

fn add_notes(notes: &mut Vec<String>, more: &[String]) {
    for note in more {
        if !notes.contains(note) {
            notes.push(note.clone());
        }
    }
}

/// Adds a record; gives for each of its columns the place in the merged one.
fn merge_records(
    own: &mut RelationRecord,
    other: &RelationRecord,
    limits: Limits,
    notes: &mut Vec<String>,
) -> Result<Vec<usize>, Error> {
    let (own_keys, other_keys) =
        (keyed(own.header.iter().map(String::as_str)), keyed(other.header.iter().map(String::as_str)));
    let mut map = Vec::with_capacity(other_keys.len());
    for (key, name) in other_keys.iter().zip(&other.header) {
        let place = own_keys.iter().position(|own| own == key).unwrap_or_else(|| {
            own.header.push(name.clone());
            own.columns.push(absent(limits, own.relation.rows));
            own.header.len() - 1
        });
        map.push(place);
    }
    let missing = absent(limits, other.relation.rows);
    for (place, column) in own.columns.iter_mut().enumerate() {
        let theirs = map.iter().position(|to| *to == place).and_then(|from| other.columns.get(from));
        column.merge(theirs.unwrap_or(&missing)).map_err(Error::Merge)?;
    }
    let columns = own.header.len();
    if own.relation.columns != columns || !map.iter().copied().eq(0..columns) {
        let sentence = format!(
            "`{}`: the columns of the merged files differ or stand in another order, so rows of one were not compared \
             with rows of another",
            own.name
        );
        add_notes(notes, &[sentence]);
    }
    own.relation.columns = columns;
    let mut theirs = mapped_relation(&other.relation, &map, columns);
    own.relation.merge(&mut theirs).map_err(Error::Merge)?;
    merge_facts(own, other, notes);
    Ok(map)
}

fn merge_facts(own: &mut RelationRecord, other: &RelationRecord, notes: &mut Vec<String>) {
    if own.facts.encoding != other.facts.encoding || own.facts.delimiter != other.facts.delimiter {
        let sentence =
            format!("`{}`: encodings or delimiters of the merged files differ; those of the first are shown", own.name);
        add_notes(notes, &[sentence]);
    }
    add_notes(&mut own.facts.assumed, &other.facts.assumed);
    own.bytes_read = own.bytes_read.zip(other.bytes_read).map(|(own, other)| own + other);
    own.position += other.position;
    own.size += other.size;
}

/// A column without a value in so many rows.
fn absent(limits: Limits, rows: u64) -> ColumnState {
    let mut state = ColumnState::new(limits);
    state.tallies.rows = rows;
    state.tallies.absent = rows;
    state
}

/// The relation with its columns at other places. Keys of several columns are hashed in the order of the file: their
/// places are left in that order, and so only meet keys that were hashed alike.
fn mapped_relation(relation: &RelationState, map: &[usize], columns: usize) -> RelationState {
    let mut mapped = relation.clone();
    mapped.columns = columns;
    let keys = mapped.singles.iter_mut().chain(&mut mapped.composites).map(|key| &mut key.columns);
    for places in keys.chain(mapped.link_keys.iter_mut().map(|keys| &mut keys.columns)) {
        *places = map_places(places, map);
    }
    let numeric = map_places(&relation.numeric, map);
    let mut order: Vec<usize> = (0..numeric.len()).collect();
    order.sort_by_key(|at| numeric.get(*at).copied());
    mapped.numeric = order.iter().filter_map(|at| numeric.get(*at).copied()).collect();
    if !relation.pairs.pairs.is_empty() {
        mapped.pairs = ordered_pairs(&relation.pairs, &order);
    }
    mapped
}

fn map_places(places: &[usize], map: &[usize]) -> Vec<usize> {
    places.iter().filter_map(|place| map.get(*place).copied()).collect()
}

/// The pairs of columns that stand in another order.
fn ordered_pairs(pairs: &Pairs, order: &[usize]) -> Pairs {
    let turned = |pair: &Pair| Pair {
        origin_x: pair.origin_y,
        origin_y: pair.origin_x,
        mean_x: pair.mean_y,
        mean_y: pair.mean_x,
        xx: pair.yy,
        yy: pair.xx,
        ..*pair
    };
    let pair = |x: usize, y: usize| {
        let pair = pairs.get(x, y).copied().unwrap_or_default();
        if x < y { pair } else { turned(&pair) }
    };
    let of_place =
        |(high, y): (usize, &usize)| -> Vec<Pair> { order.iter().take(high).map(|x| pair(*x, *y)).collect() };
    Pairs { pairs: order.iter().enumerate().flat_map(of_place).collect() }
}

/// The links of a state by their columns.
fn linked_columns(state: &State) -> Vec<LinkedColumns> {
    let columns =
        |relation: usize, set: usize| Some(state.relations.get(relation)?.relation.link_keys.get(set)?.columns.clone());
    let link = |link: &LinkPlan| {
        let ([one, other], [set, other_set]) = (link.relations, link.sets);
        Some((link.relations, [columns(one, set)?, columns(other, other_set)?]))
    };
    state.links.iter().filter_map(link).collect()
}

fn map_link(link: LinkedColumns, places: &[usize], maps: &[Vec<usize>]) -> Option<LinkedColumns> {
    let ([one, other], [set, other_set]) = link;
    let sets = [map_places(&set, maps.get(one)?), map_places(&other_set, maps.get(other)?)];
    let relations = [*places.get(one)?, *places.get(other)?];
    // The relation that comes first is named first.
    let [set, other_set] = sets;
    let [one, other] = relations;
    Some(if one < other { (relations, [set, other_set]) } else { ([other, one], [other_set, set]) })
}

/// The links whose keys both relations still have, each once.
fn set_links(state: &mut State, links: Vec<LinkedColumns>) {
    let place = |relation: usize, columns: &[usize]| {
        let keys = &state.relations.get(relation)?.relation.link_keys;
        keys.iter().position(|keys| keys.columns == columns)
    };
    let mut known: Vec<LinkPlan> = Vec::new();
    for (relations, [set, other_set]) in links {
        let sets = place(relations[0], &set).zip(place(relations[1], &other_set));
        let link = sets.map(|(set, other_set)| LinkPlan { relations, sets: [set, other_set] });
        known.extend(link.filter(|link| !known.contains(link)));
    }
    known.sort_by_key(|link| (link.relations, link.sets));
    state.links = known;
}
