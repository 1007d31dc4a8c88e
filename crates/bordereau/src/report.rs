//! The final tables of a batch, from its summary.

use std::fmt::Write as _;

use bordereau_engine::summary::{Counts, Summary};

use crate::table::{Align, Table};
use bordereau_base::figure::grouped;

/// Kinds of findings shown; the rest is counted in one line.
const FINDINGS_SHOWN: usize = 20;

/// The tables as text.
pub fn text(summary: &Summary) -> String {
    let mut text = heading(summary);
    text.push_str(&rows(summary).text("  "));
    for relation in &summary.relations {
        for (what, names) in
            [("ignored columns", &relation.ignored_columns), ("absent columns", &relation.absent_columns)]
        {
            if !names.is_empty() {
                let _ = writeln!(text, "  {}: {what}: {}", relation.name, names.join(", "));
            }
        }
    }
    summary.notes.iter().for_each(|note| _ = writeln!(text, "  Note: {note}"));
    text.push_str(&findings(summary));
    text.push_str(&bins(summary));
    text.push_str(&timings(summary));
    text
}

fn heading(summary: &Summary) -> String {
    let release = &summary.release;
    let mut text = format!("\n{} {} ({})\n", summary.solution, release.version, release.title);
    if release.demonstration {
        text.push_str("Demonstration models, trained on synthetic data: not for real decisions.\n");
    }
    text.push('\n');
    text
}

fn rows(summary: &Summary) -> Table {
    let right = |name| (name, Align::Right);
    let accepted = if summary.records.contributed.is_some() { "accepted" } else { "scored" };
    let columns =
        [("relation", Align::Left), ("file", Align::Left), right("rows read"), right(accepted), right("rejected")];
    let mut table = Table::new(columns);
    let cells = |name: &str, file: &str, counts: &Counts| {
        let [read, scored, rejected] = [counts.read, counts.accepted(), counts.rejected].map(grouped);
        [name.to_owned(), file.to_owned(), read, scored, rejected]
    };
    for relation in &summary.relations {
        table.row(cells(&relation.name, relation.file.as_deref().unwrap_or("(not sent)"), &relation.rows));
    }
    table.row(cells("records", "", &summary.records));
    table
}

fn findings(summary: &Summary) -> String {
    if summary.findings.is_empty() {
        return "\nNo findings.\n".to_owned();
    }
    let left = |name| (name, Align::Left);
    let mut table =
        Table::new([left("severity"), left("relation"), left("field"), left("finding"), ("count", Align::Right)]);
    let mut ordered: Vec<_> = summary.findings.iter().collect();
    ordered.sort_by_key(|finding| (finding.severity, std::cmp::Reverse(finding.count)));
    for finding in ordered.iter().take(FINDINGS_SHOWN) {
        table.row([
            finding.severity.as_str().to_owned(),
            finding.relation.clone(),
            finding.field.clone().unwrap_or_default(),
            finding.code.as_str().to_owned(),
            grouped(finding.count),
        ]);
    }
    let mut text = format!("\nFindings (each one is in the errors member of the results)\n{}", table.text("  "));
    if let Some(more) = ordered.len().checked_sub(FINDINGS_SHOWN).filter(|more| *more > 0) {
        let _ = writeln!(text, "  and {more} more kinds; all are in summary.json");
    }
    text
}

fn bins(summary: &Summary) -> String {
    let most = summary.models.iter().map(|model| model.bins.len()).max().unwrap_or(0);
    if most == 0 {
        return String::new();
    }
    let names: Vec<String> = (1..=most).map(|bin| bin.to_string()).collect();
    let columns = [("model", Align::Left)].into_iter().chain(names.iter().map(|name| (name.as_str(), Align::Right)));
    let mut table = Table::new(columns);
    for model in &summary.models {
        table.row([model.name.clone()].into_iter().chain(model.bins.iter().map(|count| grouped(*count))));
    }
    let mut text = format!("\nRecords in each bin\n{}", table.text("  "));
    for model in &summary.models {
        if model.without_prediction > 0 {
            let _ =
                writeln!(text, "  {}: {} records without a prediction", model.name, grouped(model.without_prediction));
        }
        if model.explained > 0 && model.not_explained > 0 {
            let (name, few, all) = (&model.name, model.explained, model.explained + model.not_explained);
            let _ = writeln!(text, "  {name}: {} of {} predictions are explained", grouped(few), grouped(all));
        }
        for unknown in &model.unknown_categories {
            let (name, input, records) = (&model.name, &unknown.input, grouped(unknown.records));
            let _ =
                writeln!(text, "  {name}: {records} records have a category of {input} that the model does not know");
        }
    }
    text
}

fn timings(summary: &Summary) -> String {
    let right = |name| (name, Align::Right);
    let mut table = Table::new([("stage", Align::Left), right("ms"), right("rows/s")]);
    for stage in &summary.timings.stages {
        table.row([stage.stage.clone(), grouped(stage.ms), grouped(stage.rows_per_second as u64)]);
    }
    table.row(["total".to_owned(), grouped(summary.timings.total_ms), String::new()]);
    let busy = &summary.timings.score_busy;
    let [features, score, explain, write] =
        [busy.features_ms, busy.score_ms, busy.explain_ms, busy.write_ms].map(grouped);
    format!(
        "\nTime\n{}  Work of the score stage in ms, all threads together: features {features}, predictions {score}, \
         explanations {explain}, writing {write}\n\n",
        table.text("  ")
    )
}
