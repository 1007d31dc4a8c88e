//! From manifest and dictionary to the [`Layout`]: names that must exist, keys, references, and the way each relation's
//! rows lead to their record.

use std::collections::BTreeSet;

use bordereau_base::dictionary::{Dictionary, Relation};

use super::Problem;
use super::layout::{KeySet, Layout, Reference, RelationLayout};
use super::manifest::{Children, Manifest};

const FILE: &str = "solution.toml";

/// Works the layout out; none where the manifest and the dictionary do not agree. The columns that the feature query
/// reads are filled in later.
pub fn layout(manifest: &Manifest, dictionary: &Dictionary, problems: &mut Vec<Problem>) -> Option<Layout> {
    check_names(manifest, dictionary, problems);
    let Some(record) = dictionary.relation_index(&manifest.record) else {
        problems.push(Problem::new(FILE, "record", format!("the dictionary has no relation {}", manifest.record)));
        return None;
    };
    if dictionary.relations[record].primary_key.is_empty() {
        let message = format!("the record relation {} needs a primary key", manifest.record);
        problems.push(Problem::new("datapackage.json", format!("/resources/{record}/schema/primaryKey"), message));
    }
    let (ways, descent) = ways_up(dictionary, record, problems);
    let mut layout = Layout {
        record,
        relations: relation_layouts(manifest, dictionary),
        key_sets: Vec::new(),
        references: Vec::new(),
        descent,
    };
    add_keys(&mut layout, manifest, dictionary, &ways);
    check_parents(&layout, dictionary, &ways, problems);
    add_record_keys(&mut layout, dictionary, &ways);
    add_texts(&mut layout, manifest, dictionary);
    Some(layout)
}

fn check_names(manifest: &Manifest, dictionary: &Dictionary, problems: &mut Vec<Problem>) {
    for name in manifest.relations.keys().filter(|name| dictionary.relation(name).is_none()) {
        problems.push(Problem::new(FILE, format!("relations.{name}"), "the dictionary has no such relation"));
    }
    for (at, name) in manifest.findings.warnings.iter().enumerate() {
        let message = match field_of(dictionary, name) {
            None => format!("{name} is not relation.field of the dictionary"),
            Some((relation, field)) if dictionary.relations[relation].primary_key.contains(&field) => {
                format!("{name} is part of a primary key, without which a row is not known")
            }
            Some(_) => continue,
        };
        problems.push(Problem::new(FILE, format!("findings.warnings[{at}]"), message));
    }
    if let Some(record) = dictionary.relation(&manifest.record) {
        for (at, name) in manifest.outputs.pass_through.iter().enumerate() {
            if record.field_index(name).is_none() {
                let message = format!("{} has no field {name}", manifest.record);
                problems.push(Problem::new(FILE, format!("outputs.pass_through[{at}]"), message));
            }
        }
    }
    if manifest.submissions.is_empty() {
        problems.push(Problem::new(FILE, "submissions", "there must be at least one"));
    }
}

fn field_of(dictionary: &Dictionary, name: &str) -> Option<(usize, usize)> {
    let (relation, field) = name.split_once('.')?;
    let relation = dictionary.relation_index(relation)?;
    Some((relation, dictionary.relations[relation].field_index(field)?))
}

/// For each relation the foreign key (index) by which its rows find their record, and the relations from parents to
/// children.
fn ways_up(dictionary: &Dictionary, record: usize, problems: &mut Vec<Problem>) -> (Vec<Option<usize>>, Vec<usize>) {
    let mut ways = vec![None; dictionary.relations.len()];
    let mut reached = BTreeSet::from([record]);
    let mut descent = Vec::new();
    while let Some((relation, key)) = next_reached(dictionary, &reached) {
        reached.insert(relation);
        descent.push(relation);
        ways[relation] = Some(key);
    }
    for (at, relation) in dictionary.relations.iter().enumerate().filter(|(at, _)| !reached.contains(at)) {
        let message = format!("no foreign key leads from {} to a record", relation.name);
        problems.push(Problem::new("datapackage.json", format!("/resources/{at}/schema/foreignKeys"), message));
    }
    (ways, descent)
}

fn next_reached(dictionary: &Dictionary, reached: &BTreeSet<usize>) -> Option<(usize, usize)> {
    let open = dictionary.relations.iter().enumerate().filter(|(at, _)| !reached.contains(at));
    open.flat_map(|(at, relation)| relation.foreign_keys.iter().enumerate().map(move |(key, fk)| (at, key, fk)))
        .find(|(_, _, fk)| reached.contains(&fk.relation))
        .map(|(at, key, _)| (at, key))
}

fn relation_layouts(manifest: &Manifest, dictionary: &Dictionary) -> Vec<RelationLayout> {
    let warned: BTreeSet<_> = manifest.findings.warnings.iter().filter_map(|name| field_of(dictionary, name)).collect();
    let layout = |(at, relation): (usize, &Relation)| RelationLayout {
        table: relation.sql_name(),
        required: manifest.relations.get(&relation.name).is_none_or(|spec| spec.required),
        read: Vec::new(),
        texts: Vec::new(),
        record_key: Vec::new(),
        warnings: (0..relation.fields.len()).map(|field| warned.contains(&(at, field))).collect(),
    };
    dictionary.relations.iter().enumerate().map(layout).collect()
}

fn add_keys(layout: &mut Layout, manifest: &Manifest, dictionary: &Dictionary, ways: &[Option<usize>]) {
    for (at, relation) in dictionary.relations.iter().enumerate() {
        let single = relation.fields.iter().enumerate().filter(|(_, f)| f.constraints.unique).map(|(i, _)| vec![i]);
        let primary = Some(relation.primary_key.clone()).filter(|key| !key.is_empty());
        for fields in primary.into_iter().chain(relation.unique_keys.iter().cloned()).chain(single) {
            key_set(&mut layout.key_sets, KeySet { relation: at, fields, unique: true });
        }
    }
    for (at, relation) in dictionary.relations.iter().enumerate() {
        let needed = manifest.relations.get(&relation.name).is_some_and(|spec| spec.children == Children::AtLeastOne);
        for (index, fk) in relation.foreign_keys.iter().enumerate() {
            let sets = &mut layout.key_sets;
            let child = key_set(sets, KeySet { relation: at, fields: fk.fields.clone(), unique: false });
            let parent =
                key_set(sets, KeySet { relation: fk.relation, fields: fk.reference_fields.clone(), unique: false });
            let leads_to_record = ways[at] == Some(index);
            layout.references.push(Reference {
                child,
                parent,
                leads_to_record,
                child_needed: needed && leads_to_record,
            });
        }
    }
}

/// A row belongs to one record only when its reference finds one parent: a key of the parent must be part of it.
fn check_parents(layout: &Layout, dictionary: &Dictionary, ways: &[Option<usize>], problems: &mut Vec<Problem>) {
    for &at in &layout.descent {
        let Some(index) = ways[at] else { continue };
        let key = &dictionary.relations[at].foreign_keys[index];
        let is_found = |fields: &[usize]| fields.iter().all(|field| key.reference_fields.contains(field));
        if !layout.key_sets_of(key.relation).any(|(_, set)| set.unique && is_found(&set.fields)) {
            let (child, parent) = (&dictionary.relations[at], &dictionary.relations[key.relation]);
            let fields: Vec<&str> =
                key.reference_fields.iter().map(|field| parent.fields[*field].name.as_str()).collect();
            let (fields, parent) = (fields.join(", "), &parent.name);
            let message =
                format!("{fields} of {parent} may repeat, so a row of {} may have several parents", child.name);
            let place = format!("/resources/{at}/schema/foreignKeys/{index}");
            problems.push(Problem::new("datapackage.json", place, message));
        }
    }
}

/// The index of a key set, added where it is not there yet. The order of the fields counts, for that is the order in
/// which both sides of a reference are hashed.
fn key_set(sets: &mut Vec<KeySet>, set: KeySet) -> usize {
    match sets.iter().position(|known| known.relation == set.relation && known.fields == set.fields) {
        Some(at) => {
            sets[at].unique |= set.unique;
            at
        }
        None => {
            sets.push(set);
            sets.len() - 1
        }
    }
}

fn add_record_keys(layout: &mut Layout, dictionary: &Dictionary, ways: &[Option<usize>]) {
    let key = &dictionary.relations[layout.record].primary_key;
    layout.relations[layout.record].record_key = key.iter().map(|field| Some(*field)).collect();
    for &at in &layout.descent {
        let Some(fk) = ways[at].map(|index| &dictionary.relations[at].foreign_keys[index]) else { continue };
        let local = |parent_field: &usize| {
            fk.reference_fields.iter().position(|field| field == parent_field).map(|i| fk.fields[i])
        };
        let parent = &layout.relations[fk.relation].record_key;
        let own = parent.iter().map(|field| field.as_ref().and_then(local)).collect();
        layout.relations[at].record_key = own;
    }
}

fn add_texts(layout: &mut Layout, manifest: &Manifest, dictionary: &Dictionary) {
    let mut texts: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); layout.relations.len()];
    for set in &layout.key_sets {
        texts[set.relation].extend(&set.fields);
    }
    for (at, relation) in layout.relations.iter().enumerate() {
        texts[at].extend(relation.record_key.iter().flatten());
    }
    let record = &dictionary.relations[layout.record];
    texts[layout.record].extend(manifest.outputs.pass_through.iter().filter_map(|name| record.field_index(name)));
    for (relation, texts) in layout.relations.iter_mut().zip(texts) {
        relation.texts = texts.into_iter().collect();
    }
}
