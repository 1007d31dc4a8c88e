//! `README.txt` of a results zip: what each member holds, for whoever opens it without our documentation.
//!
//! The text depends on what the members depend on: upload, release, format and number of explanations.

use std::fmt::Write;

use bordereau_model::Method;

use crate::batch::{BatchSpec, Options};
use crate::release::manifest::{Direction, ExplainedRows, Explanations, SubmissionKind};
use crate::release::models::output_columns;
use crate::release::{ModelField, Release};
use crate::stages::score::explanations_asked;
use crate::stages::score::outputs::copied_fields;
use crate::stages::tables::member_name;
use crate::summary::Summary;

/// The whole page.
pub fn text(spec: &BatchSpec, options: &Options, summary: &Summary) -> String {
    let mut page = String::new();
    // Writing to a string cannot fail.
    let _ = match spec.release.kind_of(&spec.submission) {
        SubmissionKind::Scoring => write_page(&mut page, &spec.release, options, summary),
        SubmissionKind::Contribution => write_contributed(&mut page, &spec.release, options, summary),
    };
    page
}

fn write_contributed(page: &mut String, release: &Release, options: &Options, summary: &Summary) -> std::fmt::Result {
    let manifest = &release.manifest;
    let (record, counts) = (&manifest.record, summary.records);
    writeln!(page, "Data contributed to {} ({} {})\n", manifest.title, manifest.solution, manifest.version)?;
    writeln!(page, "A record is one row of the relation {record} with all rows that belong to it.")?;
    writeln!(page, "Read {}, accepted {}, rejected {}.\n", counts.read, counts.accepted(), counts.rejected)?;
    match options.contribution {
        Some(_) => {
            writeln!(page, "The accepted records are kept. A record that was contributed before under the same key")?;
            writeln!(page, "is replaced. Nothing is scored, so there are no outputs.\n")?;
        }
        None => writeln!(page, "This was a trial: nothing is kept, and nothing is scored.\n")?,
    }
    let errors = member_name("errors", options.format);
    writeln!(
        page,
        "{errors}: everything found wrong with the rows of the upload. A finding of severity error keeps its"
    )?;
    writeln!(page, "record from being kept; with a warning it is kept, and a value that cannot be used counts as")?;
    writeln!(page, "missing. Row numbers are those of the file, its header is row 1.\n")?;
    writeln!(
        page,
        "summary.json: counts, what was assumed of the files, the release, and a digest over all members but"
    )?;
    writeln!(page, "for the time that was taken.")
}

fn write_page(page: &mut String, release: &Release, options: &Options, summary: &Summary) -> std::fmt::Result {
    let manifest = &release.manifest;
    writeln!(page, "Results of {} ({} {})", manifest.title, manifest.solution, manifest.version)?;
    writeln!(page)?;
    if manifest.demonstration {
        writeln!(page, "The models of this release are demonstration models, trained on synthetic data. Their")?;
        writeln!(page, "predictions say nothing about real business.\n")?;
    }
    let record = &manifest.record;
    writeln!(page, "A record is one row of the relation {record} with all rows that belong to it.")?;
    let counts = summary.records;
    writeln!(page, "Read {}, scored {}, rejected {}.\n", counts.read, counts.scored, counts.rejected)?;
    write_outputs(page, release, &member_name("outputs", options.format))?;
    write_explanations(page, release, options)?;
    let errors = member_name("errors", options.format);
    writeln!(
        page,
        "{errors}: everything found wrong with the rows of the upload. A finding of severity error keeps its"
    )?;
    writeln!(page, "record from being scored; with a warning it is scored, and a value that cannot be used counts as")?;
    writeln!(page, "missing. Row numbers are those of the file, its header is row 1.\n")?;
    writeln!(
        page,
        "summary.json: counts, what was assumed of the files, the release and the digest of each model, and a"
    )?;
    writeln!(page, "digest over all members but for the time that was taken.")
}

fn write_outputs(page: &mut String, release: &Release, name: &str) -> std::fmt::Result {
    let record = &release.dictionary.relations[release.layout.record];
    writeln!(page, "{name}: one row for each scored record, in the order of the upload. Columns as uploaded:")?;
    for field in copied_fields(release) {
        writeln!(page, "  {}", record.fields[field].name)?;
    }
    for (spec, model) in release.manifest.models.iter().zip(&release.models) {
        let [prediction, bin, lower, upper, interpretation] = output_columns(spec);
        let worse = if spec.worse == Direction::Higher { "higher" } else { "lower" };
        writeln!(page, "Columns of the model {}: {}", spec.name, spec.title)?;
        writeln!(page, "  {prediction}: the prediction; {worse} is worse")?;
        writeln!(page, "  {bin}: its bin, 1 to {}", spec.bins.len())?;
        writeln!(page, "  {lower}, {upper}: what the bin stands for")?;
        writeln!(page, "  {interpretation}: the same as a sentence")?;
        for ModelField { name, column, .. } in &model.fields {
            writeln!(page, "  {column}: the field {name} of the model's own output")?;
        }
    }
    writeln!(page, "The columns of a model are empty where it gives no prediction.\n")
}

fn write_explanations(page: &mut String, release: &Release, options: &Options) -> std::fmt::Result {
    let name = member_name("explanations", options.format);
    let many = match explanations_asked(release, options) {
        Explanations::Top(0) => {
            return writeln!(page, "There is no {name}: no explanations were asked for.\n");
        }
        Explanations::Top(count) => format!("the features that moved it most, at most {count}"),
        Explanations::All => "all features, those that moved it most first".to_owned(),
    };
    writeln!(page, "{name}: for each scored record and prediction {many}.")?;
    writeln!(page, "  model, rank: which prediction, and the place of the feature from 1")?;
    writeln!(page, "  feature, description, value: the feature, what it says, its value for the record")?;
    writeln!(page, "  contribution: how far it moved the prediction, on the scale of the model's link")?;
    writeln!(page, "  importance: the contribution divided by the sum of the absolute contributions of all features,")?;
    writeln!(page, "  negative where the value made the outcome worse, positive where better\n")?;
    for (spec, model) in release.manifest.models.iter().zip(&release.models) {
        let name = &spec.name;
        match explained(spec.explain) {
            _ if !model.model.explains() => {
                writeln!(page, "The model {name} cannot be explained; its predictions have no rows there.\n")?;
            }
            Some(which) => writeln!(page, "Of the model {name} {which}; the others have no rows there.\n")?,
            None => {}
        }
        if let Some(rows) = model.model.method().and_then(Method::background_rows) {
            writeln!(
                page,
                "The model {name} is explained against {rows} background rows of the release: a contribution"
            )?;
            writeln!(page, "is what the feature's value changes on average where it takes the place of theirs.\n")?;
        }
    }
    Ok(())
}

/// Which records are explained, as a clause; nothing where all are.
fn explained(rows: ExplainedRows) -> Option<String> {
    let percent = |share: f64| format!("{}%", (share * 1e8).round() / 1e6);
    Some(match rows {
        ExplainedRows::All => return None,
        ExplainedRows::None => "no record is explained".to_owned(),
        ExplainedRows::AtLeast(bound) => format!("the records are explained whose prediction is at least {bound}"),
        ExplainedRows::AtMost(bound) => format!("the records are explained whose prediction is at most {bound}"),
        ExplainedRows::Highest(share) => {
            format!("the {} of the records with the highest predictions are explained", percent(share))
        }
        ExplainedRows::Lowest(share) => {
            format!("the {} of the records with the lowest predictions are explained", percent(share))
        }
        ExplainedRows::Sample(share) => format!("a sample of {} of the records is explained", percent(share)),
    })
}
