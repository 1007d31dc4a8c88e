//! The dictionary of a release for people: a row for each field, and the whole as Markdown.

use std::fmt::Write;

use bordereau_base::dictionary::{Constraints, Field, FieldKind, Literal, TemporalFormat};
use bordereau_model::Method;

use super::Release;
use super::manifest::Children;

/// One field of a relation, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldRow {
    /// Name of the relation.
    pub relation: String,
    /// Name of the field.
    pub field: String,
    /// The type of the standard, such as `number`.
    pub kind: String,
    /// Whether a value may not be missing.
    pub required: bool,
    /// What the field is part of: `primary key`, `unique`, `refers to insured.number`; empty when nothing.
    pub key: String,
    /// What values must keep to, such as `from 0 to 100; one of A, B`; empty when anything goes.
    pub constraints: String,
    /// Description, else title, of the field.
    pub description: String,
}

/// All fields of all relations, in the order of the dictionary.
pub fn field_rows(release: &Release) -> Vec<FieldRow> {
    let relations = 0..release.dictionary.relations.len();
    let rows = relations.flat_map(|relation| {
        let fields = 0..release.dictionary.relations[relation].fields.len();
        fields.map(move |field| field_row(release, relation, field))
    });
    rows.collect()
}

impl FieldRow {
    /// Type, key and constraints as one text, such as `date, required, primary key; from 2000-01-01`.
    pub fn expected(&self) -> String {
        let required = if self.required { "required" } else { "" };
        let first = [self.kind.as_str(), required, self.key.as_str()];
        let first: Vec<&str> = first.into_iter().filter(|text| !text.is_empty()).collect();
        match self.constraints.as_str() {
            "" => first.join(", "),
            constraints => format!("{}; {constraints}", first.join(", ")),
        }
    }
}

fn field_row(release: &Release, relation: usize, at: usize) -> FieldRow {
    let owner = &release.dictionary.relations[relation];
    let field = &owner.fields[at];
    let mut constraints = constraints(field);
    if release.layout.relations[relation].warnings[at] {
        constraints.push("a fault is a warning".to_owned());
    }
    FieldRow {
        relation: owner.name.clone(),
        field: field.name.clone(),
        kind: field.kind.as_str().to_owned(),
        required: field.constraints.required,
        key: keys(release, relation, at).join(", "),
        constraints: constraints.join("; "),
        description: field.description.as_ref().or(field.title.as_ref()).cloned().unwrap_or_default(),
    }
}

fn keys(release: &Release, relation: usize, field: usize) -> Vec<String> {
    let owner = &release.dictionary.relations[relation];
    let mut keys = Vec::new();
    if owner.primary_key.contains(&field) {
        keys.push("primary key".to_owned());
    }
    if owner.fields[field].constraints.unique {
        keys.push("unique".to_owned());
    }
    if owner.unique_keys.iter().any(|key| key.contains(&field)) {
        keys.push("part of a unique key".to_owned());
    }
    for key in &owner.foreign_keys {
        let parent = &release.dictionary.relations[key.relation];
        let own = key.fields.iter().zip(&key.reference_fields).filter(|(own, _)| **own == field);
        keys.extend(own.map(|(_, other)| format!("refers to {}.{}", parent.name, parent.fields[*other].name)));
    }
    keys
}

fn constraints(field: &Field) -> Vec<String> {
    let all = &field.constraints;
    let mut said = format(&field.kind);
    said.extend(length(all));
    said.extend(range(all));
    said.extend(all.pattern.as_ref().map(|pattern| format!("matches {}", pattern.as_str())));
    said.extend(all.enumeration.as_ref().map(|list| {
        let texts: Vec<&str> = list.iter().map(|literal| literal.text.as_str()).collect();
        format!("one of {}", texts.join(", "))
    }));
    said
}

fn format(kind: &FieldKind) -> Vec<String> {
    match kind {
        FieldKind::Boolean(format) => {
            vec![format!("{} or {}", format.true_values.join(", "), format.false_values.join(", "))]
        }
        FieldKind::Date(TemporalFormat::Patterns(patterns))
        | FieldKind::Datetime(TemporalFormat::Patterns(patterns))
        | FieldKind::Time(TemporalFormat::Patterns(patterns)) => {
            let patterns: Vec<&str> = patterns.iter().map(|pattern| pattern.as_str()).collect();
            vec![format!("as {}", patterns.join(" or "))]
        }
        _ => Vec::new(),
    }
}

fn length(all: &Constraints) -> Option<String> {
    match (all.min_length, all.max_length) {
        (Some(least), Some(most)) if least == most => Some(format!("{least} characters")),
        (Some(least), Some(most)) => Some(format!("{least} to {most} characters")),
        (Some(least), None) => Some(format!("at least {least} characters")),
        (None, Some(most)) => Some(format!("at most {most} characters")),
        (None, None) => None,
    }
}

fn range(all: &Constraints) -> Vec<String> {
    let text = |literal: &Option<Literal>| literal.as_ref().map(|literal| literal.text.clone());
    let mut said = match (text(&all.minimum), text(&all.maximum)) {
        (Some(least), Some(most)) => vec![format!("from {least} to {most}")],
        (Some(least), None) => vec![format!("at least {least}")],
        (None, Some(most)) => vec![format!("at most {most}")],
        (None, None) => Vec::new(),
    };
    said.extend(text(&all.exclusive_minimum).map(|bound| format!("above {bound}")));
    said.extend(text(&all.exclusive_maximum).map(|bound| format!("below {bound}")));
    said
}

/// What a relation is, and whether its file and its rows must be there, in sentences.
pub fn relation_words(release: &Release, at: usize) -> String {
    let relation = &release.dictionary.relations[at];
    let spec = release.manifest.relations.get(&relation.name);
    let is_required = release.layout.relations[at].required;
    let needed = spec.is_some_and(|spec| spec.children == Children::AtLeastOne);
    let said = [
        relation.description.as_deref().or(relation.title.as_deref()),
        Some(if is_required { "The file is required." } else { "The file may be absent." }),
        needed.then_some("Each row of its parent needs at least one row here."),
    ];
    said.into_iter().flatten().collect::<Vec<&str>>().join(" ")
}

/// The dictionary as a Markdown page: a table for each relation, then the rules between fields and the models.
pub fn markdown(release: &Release) -> String {
    let mut page = String::new();
    // Writing to a string cannot fail.
    let _ = write_page(&mut page, release);
    page
}

fn write_page(page: &mut String, release: &Release) -> std::fmt::Result {
    let manifest = &release.manifest;
    writeln!(page, "# {} {}: {}\n", manifest.solution, manifest.version, manifest.title)?;
    if !manifest.description.is_empty() {
        writeln!(page, "{}\n", manifest.description)?;
    }
    writeln!(page, "Active from {}.", manifest.active_from)?;
    if manifest.demonstration {
        writeln!(page, "Its models are demonstration models, trained on synthetic data.")?;
    }
    writeln!(page, "A record is a row of `{}`.", manifest.record)?;
    let rows = field_rows(release);
    for (at, relation) in release.dictionary.relations.iter().enumerate() {
        writeln!(page, "\n## {}\n", relation.name)?;
        writeln!(page, "{}\n", relation_words(release, at))?;
        writeln!(page, "| field | type | required | key | constraints | description |")?;
        writeln!(page, "| --- | --- | --- | --- | --- | --- |")?;
        for row in rows.iter().filter(|row| row.relation == relation.name) {
            let required = if row.required { "yes" } else { "no" };
            let cells = [&row.field, &row.kind, required, &row.key, &row.constraints, &row.description];
            writeln!(page, "| {} |", cells.map(cell).join(" | "))?;
        }
        write_rules(page, release, at)?;
    }
    write_models(page, release)
}

fn write_rules(page: &mut String, release: &Release, relation: usize) -> std::fmt::Result {
    let mut rules = release.rules.iter().filter(|rule| rule.relation == relation).peekable();
    if rules.peek().is_some() {
        writeln!(page, "\nRules between its fields:\n")?;
    }
    for rule in rules {
        writeln!(page, "- {} ({}): {}", rule.id, rule.severity.as_str(), rule.sentence)?;
    }
    Ok(())
}

fn write_models(page: &mut String, release: &Release) -> std::fmt::Result {
    if release.models.is_empty() {
        return Ok(());
    }
    writeln!(page, "\n## Models\n")?;
    writeln!(page, "| model | title | form | objective | link | inputs | prediction | bins |")?;
    writeln!(page, "| --- | --- | --- | --- | --- | --- | --- | --- |")?;
    for (spec, loaded) in release.manifest.models.iter().zip(&release.models) {
        let (model, inputs, bins) = (&loaded.model, loaded.inputs.len().to_string(), spec.bins.len().to_string());
        let said = [model.form(), model.objective(), model.link(), &inputs, &spec.prediction, &bins];
        let cells = [&spec.name, &spec.title].map(String::as_str).into_iter().chain(said).map(cell);
        writeln!(page, "| {} |", cells.collect::<Vec<String>>().join(" | "))?;
    }
    for (spec, loaded) in release.manifest.models.iter().zip(&release.models) {
        if let Some(rows) = loaded.model.method().and_then(Method::background_rows) {
            writeln!(page, "\nThe model {} is explained against {rows} background rows.", cell(&spec.name))?;
        }
    }
    Ok(())
}

/// A text as a cell of a Markdown table; a terminal must not obey what is in it.
fn cell(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('|', "\\|").replace(['\r', '\n'], " ");
    text.replace(char::is_control, "\u{fffd}")
}
