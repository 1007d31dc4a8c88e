//! Primary and foreign keys, where the profile shows that every row keeps to them.

use serde_json::{Map, Value, json};

use super::RelationDraft;
use super::field::FieldDraft;
use crate::document::RelationLink;

/// Adds the keys of a relation to its schema.
pub(super) fn add(
    draft: &RelationDraft<'_>,
    all: &[RelationDraft<'_>],
    links: &[RelationLink],
    schema: &mut Map<String, Value>,
) {
    if let Some(key) = primary_key(draft) {
        schema.insert("primaryKey".to_owned(), names(&key));
    }
    let foreign: Vec<Value> = links
        .iter()
        .filter(|link| link.child == draft.relation.name)
        .filter_map(|link| foreign_key(draft, all, link))
        .collect();
    if !foreign.is_empty() {
        schema.insert("foreignKeys".to_owned(), json!(foreign));
    }
}

/// The first candidate that is certain: all rows were compared, no part of it is ever missing, and different texts are
/// different values.
fn primary_key<'a>(draft: &'a RelationDraft<'_>) -> Option<Vec<&'a FieldDraft<'a>>> {
    let certain = draft.relation.candidate_keys.iter().filter(|key| key.exact && draft.relation.rows >= 2);
    certain.filter_map(|key| fields(draft, &key.columns)).next()
}

/// The fields of the columns, when all can be parts of a key.
fn fields<'a>(draft: &'a RelationDraft<'_>, columns: &[String]) -> Option<Vec<&'a FieldDraft<'a>>> {
    let field = |column: &String| draft.field_index(column).and_then(|at| draft.fields.get(at));
    let fields: Option<Vec<&FieldDraft<'_>>> = columns.iter().map(field).collect();
    fields.filter(|fields| !fields.is_empty() && fields.iter().all(|field| field.required && field.distinguishes))
}

/// The reference of a link, when no row of the child is without its parent and both sides read values alike.
fn foreign_key(child: &RelationDraft<'_>, all: &[RelationDraft<'_>], link: &RelationLink) -> Option<Value> {
    let parent = all.iter().find(|draft| draft.relation.name == link.parent)?;
    if !(link.parent_is_unique && link.orphans.exact && link.orphans.value == 0) {
        return None;
    }
    let (own, theirs) = (fields(child, &link.child_columns)?, fields(parent, &link.columns)?);
    let alike = own.len() == theirs.len() && own.iter().zip(&theirs).all(|(own, their)| own.kind == their.kind);
    alike.then(|| json!({"fields": names(&own), "reference": {"resource": parent.name, "fields": names(&theirs)}}))
}

/// One name as a text, several as a list.
fn names(fields: &[&FieldDraft<'_>]) -> Value {
    match fields {
        [only] => json!(only.name),
        fields => json!(fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>()),
    }
}
