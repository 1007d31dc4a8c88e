//! Keys and references: names of fields and relations to their indices.

use std::collections::HashSet;

use super::Draft;
use super::json::{Node, Problems};
use crate::dictionary::{Field, ForeignKey, canonical_name};

/// Names and fields of a schema, as far as they can be read.
type Fields = [(Option<String>, Option<Field>)];

pub(super) fn primary_key(schema: &Node<'_>, fields: &Fields, problems: &mut Problems) -> Vec<usize> {
    let key = schema.get("primaryKey");
    key.and_then(|key| indices(&key, fields, problems)).unwrap_or_default()
}

pub(super) fn unique_keys(schema: &Node<'_>, fields: &Fields, problems: &mut Problems) -> Vec<Vec<usize>> {
    let keys = schema.get("uniqueKeys").map(|keys| keys.filled_list(problems)).unwrap_or_default();
    keys.iter().filter_map(|key| indices(key, fields, problems)).collect()
}

/// The references of the relation at `at`.
pub(super) fn foreign_keys(drafts: &[Draft<'_>], at: usize, problems: &mut Problems) -> Vec<ForeignKey> {
    let Some(draft) = drafts.get(at) else { return Vec::new() };
    let keys = draft.schema.as_ref().and_then(|schema| schema.get("foreignKeys"));
    let keys = keys.map(|keys| keys.list(problems)).unwrap_or_default();
    keys.iter().filter_map(|key| foreign_key(key, drafts, at, problems)).collect()
}

fn foreign_key(key: &Node<'_>, drafts: &[Draft<'_>], at: usize, problems: &mut Problems) -> Option<ForeignKey> {
    key.object(problems)?;
    let own = &drafts.get(at)?.fields;
    let fields = key.need("fields", problems).and_then(|node| indices(&node, own, problems));
    let reference = key.need("reference", problems)?;
    reference.object(problems)?;
    let relation = referred(&reference, drafts, at, problems)?;
    let others = &drafts.get(relation)?.fields;
    let place = reference.need("fields", problems)?;
    let reference_fields = indices(&place, others, problems)?;
    let fields = fields?;
    if fields.len() != reference_fields.len() {
        problems.add(&place, format!("must name as many fields as refer to it: {}", fields.len()));
        return None;
    }
    for (one, other) in fields.iter().zip(&reference_fields) {
        let field = |list: &'_ Fields, at: usize| {
            list.get(at).and_then(|(_, field)| field.as_ref()).map(|field| (field.name.clone(), field.kind.as_str()))
        };
        let Some(((name, kind), (other_name, other_kind))) = field(own, *one).zip(field(others, *other)) else {
            continue;
        };
        if kind != other_kind {
            let problem =
                format!("`{name}` is of the type {kind} and refers to `{other_name}` of the type {other_kind}");
            problems.add(key, problem);
        }
    }
    Some(ForeignKey { fields, relation, reference_fields })
}

/// The relation referred to: the own one when none is named.
fn referred(reference: &Node<'_>, drafts: &[Draft<'_>], at: usize, problems: &mut Problems) -> Option<usize> {
    if let Some(package) = reference.get("package") {
        problems.add(&package, "refers to another package, which is not read");
        return None;
    }
    let Some(place) = reference.get("resource") else { return Some(at) };
    let name = place.text(problems)?;
    if name.is_empty() {
        return Some(at);
    }
    let wanted = canonical_name(name);
    let is_named = |draft: &Draft<'_>| draft.name.as_deref().is_some_and(|name| canonical_name(name) == wanted);
    let found = drafts.iter().position(is_named);
    if found.is_none() {
        problems.add(&place, format!("`{name}` is no resource of this package"));
    }
    found
}

/// The fields named by a text or a list of texts: at least one, none twice.
fn indices(place: &Node<'_>, fields: &Fields, problems: &mut Problems) -> Option<Vec<usize>> {
    if place.value().is_string() {
        return Some(vec![index(place, fields, problems)?]);
    }
    if !place.value().is_array() {
        problems.add(place, "must be a list of names of fields");
        return None;
    }
    let list = place.filled_list(problems);
    let mut seen = HashSet::new();
    let mut found = Vec::with_capacity(list.len());
    for item in &list {
        let index = index(item, fields, problems);
        if index.is_some_and(|index| !seen.insert(index)) {
            problems.add(item, "names a field for the second time");
        }
        found.push(index);
    }
    found.into_iter().collect::<Option<Vec<usize>>>().filter(|found| !found.is_empty())
}

fn index(place: &Node<'_>, fields: &Fields, problems: &mut Problems) -> Option<usize> {
    let name = place.text(problems)?;
    let wanted = canonical_name(name);
    let found = fields.iter().position(|(name, _)| name.as_deref().is_some_and(|name| canonical_name(name) == wanted));
    // A schema that is not readable has no fields, or one whose name is a problem of its own.
    let whole = !fields.is_empty() && fields.iter().all(|(name, _)| name.is_some());
    if found.is_none() && whole {
        problems.add(place, format!("`{name}` is no field of this relation"));
    }
    found
}
