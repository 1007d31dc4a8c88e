//! `bordereau solution show`: a release for people, on a terminal or as Markdown.

use bordereau_base::dictionary::{Field, Literal, Relation};
use bordereau_base::finding::Severity;
use bordereau_engine::release::Release;

use crate::table::{Align, Table};

/// For a terminal.
pub fn text(release: &Release) -> String {
    page(release, |heading| format!("\n{heading}\n"), |table| table.text("  "))
}

/// As Markdown.
pub fn markdown(release: &Release) -> String {
    format!("# {}", page(release, |heading| format!("\n## {heading}\n\n"), Table::markdown))
}

fn page(release: &Release, heading: impl Fn(&str) -> String, print: impl Fn(&Table) -> String) -> String {
    let manifest = &release.manifest;
    let mut page =
        format!("{} {}: {}\n\n{}\n", manifest.solution, manifest.version, manifest.title, manifest.description);
    if manifest.demonstration {
        page.push_str("\nIts models are demonstration models, trained on synthetic data: not for real decisions.\n");
    }
    page.push_str(&format!("\nActive from {}. Record: a row of {}.\n", manifest.active_from, manifest.record));
    for relation in &release.dictionary.relations {
        let title = relation.title.as_deref().unwrap_or(&relation.name);
        page.push_str(&heading(&format!("Relation {}: {title}", relation.name)));
        page.push_str(&print(&fields(relation)));
    }
    for (title, table) in [("Rules", rules(release)), ("Models", models(release))] {
        if !table.is_empty() {
            page.push_str(&heading(title));
            page.push_str(&print(&table));
        }
    }
    page
}

fn fields(relation: &Relation) -> Table {
    let columns = ["field", "type", "required", "key", "values", "description"];
    let mut table = Table::new(columns.map(|name| (name, Align::Left)));
    for (at, field) in relation.fields.iter().enumerate() {
        table.row([
            field.name.clone(),
            field.kind.as_str().to_owned(),
            if field.constraints.required { "yes" } else { "no" }.to_owned(),
            key(relation, at).to_owned(),
            values(field),
            field.description.clone().unwrap_or_default(),
        ]);
    }
    table
}

fn key(relation: &Relation, field: usize) -> &'static str {
    let refers = relation.foreign_keys.iter().any(|key| key.fields.contains(&field));
    match (relation.primary_key.contains(&field), refers) {
        (true, true) => "key, reference",
        (true, false) => "key",
        (false, true) => "reference",
        (false, false) => "",
    }
}

/// The constraints of a field in words.
fn values(field: &Field) -> String {
    let limits = &field.constraints;
    let literal = |words: &str, bound: &Option<Literal>| bound.as_ref().map(|bound| format!("{words} {}", bound.text));
    let length = match (limits.min_length, limits.max_length) {
        (Some(least), Some(most)) if least == most => Some(format!("{least} characters")),
        (Some(least), Some(most)) => Some(format!("{least} to {most} characters")),
        (Some(least), None) => Some(format!("at least {least} characters")),
        (None, Some(most)) => Some(format!("at most {most} characters")),
        (None, None) => None,
    };
    let members = limits.enumeration.as_ref().map(|members| {
        let texts: Vec<&str> = members.iter().map(|member| member.text.as_str()).collect();
        format!("one of {}", texts.join(", "))
    });
    let said = [
        length,
        limits.pattern.as_ref().map(|pattern| format!("form {}", pattern.as_str())),
        literal("at least", &limits.minimum),
        literal("at most", &limits.maximum),
        literal("more than", &limits.exclusive_minimum),
        literal("less than", &limits.exclusive_maximum),
        members,
        limits.unique.then(|| "unique".to_owned()),
    ];
    said.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn rules(release: &Release) -> Table {
    let mut table = Table::new(["rule", "relation", "severity", "sentence"].map(|name| (name, Align::Left)));
    for rule in &release.manifest.rules {
        let severity = if rule.severity == Severity::Error { "error" } else { "warning" };
        table.row([rule.id.clone(), rule.relation.clone(), severity.to_owned(), rule.sentence.clone()]);
    }
    table
}

fn models(release: &Release) -> Table {
    let columns = ["model", "form", "objective", "link", "inputs", "bins", "prediction", "title"];
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
            spec.title.clone(),
        ]);
    }
    table
}
