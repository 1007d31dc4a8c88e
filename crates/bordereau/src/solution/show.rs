//! `bordereau solution show`: a release for people, on a terminal or as Markdown. What is said of fields and relations
//! is worded by [`bordereau_engine::release::table`].

use bordereau_base::figure::grouped;
use bordereau_engine::release::Release;
use bordereau_engine::release::table::{FieldRow, field_rows, relation_words};
use bordereau_model::Model;

pub use bordereau_engine::release::table::markdown;

use crate::table::{Align, Table};

/// For a terminal.
pub fn text(release: &Release) -> String {
    let manifest = &release.manifest;
    let mut page =
        format!("{} {}: {}\n\n{}\n", manifest.solution, manifest.version, manifest.title, manifest.description);
    if manifest.demonstration {
        page.push_str("\nIts models are demonstration models, trained on synthetic data: not for real decisions.\n");
    }
    page.push_str(&format!("\nActive from {}. Record: a row of {}.\n", manifest.active_from, manifest.record));
    let rows = field_rows(release);
    for (at, relation) in release.dictionary.relations.iter().enumerate() {
        let own = rows.iter().filter(|row| row.relation == relation.name);
        let words = relation_words(release, at);
        page.push_str(&format!("\nRelation {}\n  {words}\n\n{}", relation.name, fields(own).text("  ")));
    }
    for (title, table) in [("Rules", rules(release)), ("Models", models(release))] {
        if !table.is_empty() {
            page.push_str(&format!("\n{title}\n{}", table.text("  ")));
        }
    }
    page
}

fn fields<'r>(rows: impl Iterator<Item = &'r FieldRow>) -> Table {
    let columns = ["field", "type", "required", "key", "constraints", "description"];
    let mut table = Table::new(columns.map(|name| (name, Align::Left)));
    for row in rows {
        let required = if row.required { "yes" } else { "no" }.to_owned();
        let (field, kind, key) = (row.field.clone(), row.kind.clone(), row.key.clone());
        table.row([field, kind, required, key, row.constraints.clone(), row.description.clone()]);
    }
    table
}

fn rules(release: &Release) -> Table {
    let mut table = Table::new(["rule", "relation", "severity", "sentence"].map(|name| (name, Align::Left)));
    for rule in &release.manifest.rules {
        let severity = rule.severity.as_str().to_owned();
        table.row([rule.id.clone(), rule.relation.clone(), severity, rule.sentence.clone()]);
    }
    table
}

/// By which method a model is explained.
fn explained(model: &Model) -> String {
    let Some(method) = model.method() else { return "no".to_owned() };
    match method.background_rows() {
        Some(rows) => format!("{}, {} background rows", method.name(), grouped(rows as u64)),
        None => method.name().to_owned(),
    }
}

fn models(release: &Release) -> Table {
    let columns = ["model", "form", "objective", "link", "inputs", "bins", "prediction", "explained", "title"];
    let mut table = Table::new(columns.map(|name| (name, Align::Left)));
    for (spec, loaded) in release.manifest.models.iter().zip(&release.models) {
        let model = &loaded.model;
        table.row([
            spec.name.clone(),
            model.form().to_owned(),
            model.objective().to_owned(),
            model.link().to_owned(),
            model.inputs().len().to_string(),
            spec.bins.len().to_string(),
            spec.prediction.clone(),
            explained(model),
            spec.title.clone(),
        ]);
    }
    table
}
