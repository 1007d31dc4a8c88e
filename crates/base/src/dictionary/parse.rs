//! Descriptor bytes to a dictionary.
//!
//! Three passes: the bytes become JSON ([`json`]), each resource a relation with its fields ([`field`],
//! [`constraints`]) and its own keys, then references find the relations they name ([`keys`]). Nothing stops at the
//! first problem: what cannot be read leaves a gap, the rest is read on, and with any problem at all there is no
//! dictionary. A gap makes no further problems of its own: who refers to an unreadable field is not told so.

mod constraints;
mod field;
mod json;
mod keys;

use std::collections::HashMap;

use serde_json::Value;

use self::json::{Node, Problems};
use super::{Dictionary, Field, FieldsMatch, ForeignKey, Problem, Relation, canonical_name};

pub(super) fn dictionary(bytes: &[u8]) -> Result<Dictionary, Vec<Problem>> {
    let root = json::parse(bytes).map_err(|problem| vec![problem])?;
    let mut problems = Problems::default();
    let dictionary = package(&Node::root(&root), &mut problems);
    let problems = problems.in_order_of(&root);
    match dictionary {
        Some(dictionary) if problems.is_empty() => Ok(dictionary),
        _ => Err(problems),
    }
}

fn package(root: &Node<'_>, problems: &mut Problems) -> Option<Dictionary> {
    let missing_values = field::missing_values(root, problems);
    let resources = root.need("resources", problems).map(|list| list.filled_list(problems)).unwrap_or_default();
    let drafts: Vec<Draft<'_>> =
        resources.iter().map(|resource| Draft::new(resource, missing_values.as_deref(), problems)).collect();
    report_repeated(drafts.iter().map(|draft| (&draft.name, &draft.node)), problems);
    let foreign_keys: Vec<Vec<ForeignKey>> =
        (0..drafts.len()).map(|at| keys::foreign_keys(&drafts, at, problems)).collect();
    let relations = drafts.into_iter().zip(foreign_keys).map(|(draft, foreign_keys)| draft.finish(foreign_keys));
    let relations: Option<Vec<Relation>> = relations.collect();
    Some(Dictionary {
        name: root.text_at("name", problems),
        title: root.text_at("title", problems),
        description: root.text_at("description", problems),
        relations: relations?,
    })
}

/// A relation whose references are not resolved yet.
struct Draft<'a> {
    /// The resource; its schema is in it.
    node: Node<'a>,
    schema: Option<Node<'a>>,
    name: Option<String>,
    path: Option<String>,
    title: Option<String>,
    description: Option<String>,
    /// As many as the schema has, with their canonical names, as far as they can be read.
    fields: Vec<(Option<String>, Option<Field>)>,
    primary_key: Vec<usize>,
    unique_keys: Vec<Vec<usize>>,
    fields_match: FieldsMatch,
}

impl<'a> Draft<'a> {
    fn new(node: &Node<'a>, missing_values: Option<&[String]>, problems: &mut Problems) -> Self {
        let mut draft = Self {
            node: node.clone(),
            schema: None,
            name: name(node, problems),
            path: path(node, problems),
            title: node.text_at("title", problems),
            description: node.text_at("description", problems),
            fields: Vec::new(),
            primary_key: Vec::new(),
            unique_keys: Vec::new(),
            fields_match: FieldsMatch::default(),
        };
        if let Some(kind) = node.get("type").filter(|kind| kind.value() != "table") {
            problems.add(&kind, "must be table: only tables are read");
        }
        match node.need("schema", problems) {
            Some(schema) if schema.value().is_string() => {
                problems.add(&schema, "must be the schema itself: schemas of other files are not read");
            }
            Some(schema) if schema.object(problems).is_some() => draft.read_schema(schema, missing_values, problems),
            _ => {}
        }
        draft
    }

    fn read_schema(&mut self, schema: Node<'a>, inherited: Option<&[String]>, problems: &mut Problems) {
        let own = field::missing_values(&schema, problems);
        let missing_values = own.as_deref().or(inherited);
        let list = schema.need("fields", problems).map(|list| list.filled_list(problems)).unwrap_or_default();
        for node in &list {
            let name = name(node, problems);
            let field = field::field(node, name.as_deref(), missing_values, problems);
            self.fields.push((name, field));
        }
        report_repeated(self.fields.iter().map(|(name, _)| name).zip(&list), problems);
        self.fields_match = fields_match(&schema, problems);
        self.primary_key = keys::primary_key(&schema, &self.fields, problems);
        self.unique_keys = keys::unique_keys(&schema, &self.fields, problems);
        for at in &self.primary_key {
            if let Some((_, Some(field))) = self.fields.get_mut(*at) {
                field.constraints.required = true;
            }
        }
        self.schema = Some(schema);
    }

    fn finish(self, foreign_keys: Vec<ForeignKey>) -> Option<Relation> {
        Some(Relation {
            name: self.name?,
            path: self.path,
            title: self.title,
            description: self.description,
            fields: self.fields.into_iter().map(|(_, field)| field).collect::<Option<_>>()?,
            primary_key: self.primary_key,
            unique_keys: self.unique_keys,
            foreign_keys,
            fields_match: self.fields_match,
        })
    }
}

/// `name` of a resource or field, which both must have.
fn name(node: &Node<'_>, problems: &mut Problems) -> Option<String> {
    let place = node.object(problems).and_then(|_| node.need("name", problems))?;
    let name = place.text(problems)?;
    if canonical_name(name).is_empty() {
        problems.add(&place, "must not be blank");
        return None;
    }
    Some(name.to_owned())
}

/// `path` of a resource: a text, or a list of one.
fn path(node: &Node<'_>, problems: &mut Problems) -> Option<String> {
    let path = node.get("path")?;
    let Value::Array(list) = path.value() else { return path.text(problems).map(str::to_owned) };
    if list.len() != 1 {
        problems.add(&path, "must name one file: a relation is one file");
        return None;
    }
    path.list(problems).first()?.text(problems).map(str::to_owned)
}

/// Names that are the same once they are compared as names are.
fn report_repeated<'a: 'b, 'b>(
    names: impl Iterator<Item = (&'b Option<String>, &'b Node<'a>)>,
    problems: &mut Problems,
) {
    let mut seen: HashMap<String, &str> = HashMap::new();
    for (name, node) in names {
        let Some(name) = name else { continue };
        if let Some(first) = seen.insert(canonical_name(name), name) {
            let place = node.get("name").unwrap_or_else(|| node.clone());
            problems
                .add(&place, format!("is the same name as `{first}`: letter case, blanks around and `_` do not count"));
        }
    }
}

/// `fieldsMatch`: a word, or a list of one word as the profile of the standard has it.
fn fields_match(schema: &Node<'_>, problems: &mut Problems) -> FieldsMatch {
    let Some(node) = schema.get("fieldsMatch") else { return FieldsMatch::default() };
    let word = match node.value() {
        Value::Array(list) if list.len() == 1 => list.first().and_then(Value::as_str),
        value => value.as_str(),
    };
    match word {
        Some("exact") => FieldsMatch::Exact,
        Some("equal") => FieldsMatch::Equal,
        Some("subset") => FieldsMatch::Subset,
        Some("superset") => FieldsMatch::Superset,
        Some("partial") => FieldsMatch::Partial,
        _ => {
            problems.add(&node, "must be one of exact, equal, subset, superset, partial");
            FieldsMatch::default()
        }
    }
}
