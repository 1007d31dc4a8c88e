//! A draft `datapackage.json` from a profile: what a data dictionary for such files could say.
//!
//! [`draft`] gives a Data Package (version 2) with a resource for each relation and a field for each column: types,
//! formats, missing values, constraints, keys. Two laws hold for every profile of all rows, files with ragged rows and
//! headers with a blank or repeated name apart: bordereau's own reader of dictionaries accepts the draft, and the very
//! file it was drafted from has no finding under it, neither with bordereau nor with `frictionless`, the reference
//! implementation. A type is only stated when all values have it; what is not certain from the profile is left out,
//! and the field's description says why. Values of columns with personal data never appear.
//!
//! How each property is found is written in `docs/datapackage-draft.md`. Cost: that of the document.

mod field;
mod keys;
mod limits;
mod masks;

use std::collections::BTreeMap;

use bordereau_base::dictionary::canonical_name;
use serde_json::{Map, Value, json};

use self::field::FieldDraft;
use crate::document::{Profile, ProfileState, RelationProfile};

/// The profile of the standard that drafts follow.
const SCHEMA: &str = "https://datapackage.org/profiles/2.0/datapackage.json";

/// A relation with the drafts of its fields, in the order of the file.
pub(crate) struct RelationDraft<'a> {
    relation: &'a RelationProfile,
    /// Name of the resource, unlike all others.
    name: String,
    fields: Vec<FieldDraft<'a>>,
}

impl RelationDraft<'_> {
    /// The place of a field by the name of its column.
    fn field_index(&self, column: &str) -> Option<usize> {
        let mut found = self.fields.iter().enumerate().filter(|(_, field)| field.column.name == column);
        let first = found.next()?;
        // Of two columns of one name it is not known which is meant.
        found.next().is_none().then_some(first.0)
    }
}

/// Drafts the descriptor of what was profiled.
pub fn draft(profile: &Profile) -> Value {
    let mut names = Names::default();
    let relations: Vec<RelationDraft<'_>> = profile
        .relations
        .iter()
        .map(|relation| RelationDraft { relation, name: names.distinct(&relation.name), fields: fields(relation) })
        .collect();
    let resources: Vec<Value> = relations.iter().map(|relation| resource(relation, &relations, profile)).collect();
    let mut package = Map::new();
    package.insert("$schema".to_owned(), json!(SCHEMA));
    package.insert("name".to_owned(), json!(package_name(&profile.upload.name)));
    package.insert("description".to_owned(), json!(description(profile)));
    package.insert("resources".to_owned(), json!(resources));
    Value::Object(package)
}

fn description(profile: &Profile) -> String {
    let seen = match profile.state {
        ProfileState::Full => "all rows",
        ProfileState::Preliminary => "the first rows only: other rows may break what it says",
    };
    format!("Draft made by bordereau from the data, from {seen}. It says what was found, not what is meant.")
}

/// The upload's name without its extensions, in the letters that names of packages have.
fn package_name(upload: &str) -> String {
    let stem = upload.rsplit(['/', '\\']).next().unwrap_or(upload).split('.').find(|part| !part.is_empty());
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = stem.unwrap_or_default().chars().map(plain).collect();
    match name.trim_matches('-') {
        "" => "upload".to_owned(),
        name => name.to_owned(),
    }
}

fn fields(relation: &RelationProfile) -> Vec<FieldDraft<'_>> {
    let mut names = Names::default();
    relation.columns.iter().map(|column| FieldDraft::new(column, names.distinct(&column.name))).collect()
}

fn resource(draft: &RelationDraft<'_>, all: &[RelationDraft<'_>], profile: &Profile) -> Value {
    let relation = draft.relation;
    let mut resource = Map::new();
    let mut put = |key: &str, value: Value| {
        resource.insert(key.to_owned(), value);
    };
    put("name", json!(draft.name));
    put("path", json!(relation.file));
    put("type", json!("table"));
    match &relation.delimiter {
        None => put("format", json!("parquet")),
        Some(delimiter) => {
            let mediatype = if delimiter == "\t" { "text/tab-separated-values" } else { "text/csv" };
            put("format", json!("csv"));
            put("mediatype", json!(mediatype));
            put("encoding", json!(relation.encoding.as_deref().unwrap_or("utf-8")));
            put("dialect", dialect(relation, delimiter));
        }
    }
    let fields: Vec<Value> = draft.fields.iter().map(FieldDraft::descriptor).collect();
    let mut schema = Map::new();
    schema.insert("fields".to_owned(), json!(fields));
    keys::add(draft, all, &profile.links, &mut schema);
    put("schema", Value::Object(schema));
    Value::Object(resource)
}

/// The delimiter; and, where values have blanks around them, that those before a value do not count. (Bordereau cuts
/// them off on both sides in any case.)
fn dialect(relation: &RelationProfile, delimiter: &str) -> Value {
    let blanks = |column: &crate::document::ColumnProfile| column.nulls.blank > 0 || column.strings.padded > 0;
    if relation.columns.iter().any(blanks) {
        json!({"delimiter": delimiter, "skipInitialSpace": true})
    } else {
        json!({"delimiter": delimiter})
    }
}

/// Names that are unlike each other as names are compared.
#[derive(Default)]
struct Names {
    taken: BTreeMap<String, usize>,
}

impl Names {
    /// The name, or with a number after it when it is taken; a blank one is `unnamed`.
    fn distinct(&mut self, name: &str) -> String {
        let name = if name.trim().is_empty() { "unnamed" } else { name.trim() };
        let mut distinct = name.to_owned();
        let mut number = 1;
        while self.taken.contains_key(&canonical_name(&distinct)) {
            number += 1;
            distinct = format!("{name}_{number}");
        }
        self.taken.insert(canonical_name(&distinct), number);
        distinct
    }
}
