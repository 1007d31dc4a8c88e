//! `bordereau model inspect`: what is in a model file.

use std::time::Instant;

use bordereau_base::figure::grouped;
use bordereau_model::{Input, InputKind, Model};
use bordereau_report::number::{bytes, decimal, duration_ms};
use serde::Serialize;

use super::{Opened, open, output_name, say_json};
use crate::cli::ModelInspect;
use crate::exit::{DONE, Failure, REFUSED};
use crate::profile::grid::{Cell, Grid, GridColumn};
use crate::profile::screen::{Paint, Screen};
use crate::table::Align;
use crate::terminal::say;

/// Inputs listed on a terminal; --json has all.
const INPUTS_SHOWN: usize = 200;
/// Letters of categories told of one input.
const CATEGORIES_SHOWN: usize = 400;

/// What a model file is.
#[derive(Debug, Serialize)]
struct Facts<'a> {
    file: String,
    file_bytes: u64,
    format: String,
    version: &'a str,
    producer: &'a str,
    form: &'static str,
    objective: &'a str,
    link: &'static str,
    outputs: usize,
    classes: &'a [String],
    trees: usize,
    /// Leaves, terms of a linear predictor or attributes of a scorecard.
    size: usize,
    depth: Option<usize>,
    load_ms: u64,
    /// By how much the memory of the process grew; absent where the system does not tell.
    memory_bytes: Option<u64>,
    verified_rows: usize,
    explained: bool,
    not_explained_because: Option<&'static str>,
    notes: Vec<String>,
    inputs: Vec<InputFacts<'a>>,
    /// The fields of the file's own output.
    output_fields: Vec<&'a str>,
}

#[derive(Debug, Serialize)]
struct InputFacts<'a> {
    name: &'a str,
    kind: &'static str,
    categories: &'a [String],
}

/// Runs the command.
pub fn run(args: &ModelInspect) -> Result<u8, Failure> {
    let (began, before) = (Instant::now(), resident_bytes());
    let Some(Opened { model, file_bytes }) = open(&args.model)? else { return Ok(REFUSED) };
    let load_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let memory_bytes = resident_bytes().zip(before).map(|(after, before)| after.saturating_sub(before));
    let facts = Facts {
        file: args.model.display().to_string(),
        file_bytes,
        format: model.format().to_string(),
        version: &model.about().version,
        producer: &model.about().producer,
        form: model.form(),
        objective: model.objective(),
        link: model.link(),
        outputs: model.outputs(),
        classes: model.classes(),
        trees: model.trees(),
        size: model.size(),
        depth: model.depth(),
        load_ms,
        memory_bytes,
        verified_rows: model.about().verified_rows,
        explained: model.explains(),
        not_explained_because: model.unexplained(),
        notes: super::notes::of(&model),
        inputs: inputs(&model),
        output_fields: model.output_fields().map(|field| field.name).collect(),
    };
    match args.json {
        true => say_json(&facts)?,
        false => say(text(&Screen::of_standard_output(), &facts, &model))?,
    }
    Ok(DONE)
}

fn inputs(model: &Model) -> Vec<InputFacts<'_>> {
    model.inputs().iter().map(of_input).collect()
}

fn of_input(input: &Input) -> InputFacts<'_> {
    let (kind, categories) = match &input.kind {
        InputKind::Number => ("number", &[][..]),
        InputKind::Category { values } => ("category", values.as_slice()),
    };
    InputFacts { name: &input.name, kind, categories }
}

/// Memory of the process that is not swapped out, as Linux tells it.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}

fn text(screen: &Screen, facts: &Facts<'_>, model: &Model) -> String {
    let version = if facts.version.is_empty() { String::new() } else { format!(" {}", facts.version) };
    let mut text = format!(
        "{}  {}\n",
        screen.paint(&screen.text(&facts.file), Paint::Strong),
        screen.text(&format!("{}{version}, {}", facts.format, bytes(facts.file_bytes)))
    );
    let mut line = |name: &str, said: &str| text.push_str(&screen.wrap(&format!("  {name:<10}  "), &screen.text(said)));
    if !facts.producer.is_empty() {
        line("made by", facts.producer);
    }
    line("form", &form(facts));
    line("objective", if facts.objective.is_empty() { "none named" } else { facts.objective });
    line("link", link(facts.link).as_str());
    line("outputs", &outputs(model));
    if !facts.output_fields.is_empty() {
        line("fields", &facts.output_fields.join(", "));
    }
    let memory = facts.memory_bytes.map(|size| format!("{} of memory, ", bytes(size))).unwrap_or_default();
    line("loaded", &format!("{memory}{}", duration_ms(facts.load_ms)));
    line("explained", &explained(model));
    match facts.verified_rows {
        0 => line("verified", "the file brings no rows with their answers"),
        rows => line("verified", &format!("{} rows of the file are scored as it says", grouped(rows as u64))),
    }
    facts.notes.iter().for_each(|note| line("note", note));
    text.push_str(&format!("\n{}  {}\n", screen.paint("Inputs", Paint::Strong), grouped(facts.inputs.len() as u64)));
    text.push_str(&table(screen, &facts.inputs));
    text
}

fn form(facts: &Facts<'_>) -> String {
    let size = grouped(facts.size as u64);
    let what = match (facts.form, facts.trees) {
        ("linear", _) => format!("{size} terms"),
        ("scorecard", _) => format!("{size} attributes"),
        ("graph", 0) => format!("{size} parts"),
        (_, trees) => format!("{} trees, {size} leaves", grouped(trees as u64)),
    };
    let depth = facts.depth.map(|depth| format!(", depth {depth}")).unwrap_or_default();
    format!("{}: {what}{depth}", facts.form)
}

/// What the prediction is of the raw score.
pub fn link(name: &str) -> String {
    let formula = match name {
        "identity" => "prediction = raw score",
        "log" => "prediction = exp(raw score)",
        "logit" => "prediction = 1 / (1 + exp(-raw score))",
        "softmax" => "predictions = the share of each exp(raw score)",
        "step" => "prediction = 1 above 0, else 0",
        _ => return name.to_owned(),
    };
    format!("{name}: {formula}")
}

fn outputs(model: &Model) -> String {
    match (model.outputs(), model.classes()) {
        (1, []) => "1".to_owned(),
        (1, [class]) => format!("1: the probability of {class}"),
        (count, []) => count.to_string(),
        (count, _) => {
            let names: Vec<String> = (0..count).map(|output| output_name(model, output)).collect();
            format!("{count}: the probabilities of {}", names.join(", "))
        }
    }
}

fn explained(model: &Model) -> String {
    if let Some(reason) = model.unexplained() {
        return match model.no_background() {
            None => format!("against background rows only: {reason}"),
            Some(_) => format!("no: {reason}"),
        };
    }
    let how = match model.form() {
        "forest" => "exact TreeSHAP values",
        "scorecard" => "points by input",
        _ => "coefficient x value",
    };
    format!("yes: {how}, on the scale of the raw score")
}

const COLUMNS: [GridColumn; 4] = [
    GridColumn { title: "#", align: Align::Right, rank: 1, shrinks_to: None },
    GridColumn { title: "input", align: Align::Left, rank: 0, shrinks_to: Some(16) },
    GridColumn { title: "type", align: Align::Left, rank: 0, shrinks_to: None },
    GridColumn { title: "categories", align: Align::Left, rank: 0, shrinks_to: Some(16) },
];

fn table(screen: &Screen, inputs: &[InputFacts<'_>]) -> String {
    let mut grid = Grid::new(&COLUMNS);
    for (at, input) in inputs.iter().take(INPUTS_SHOWN).enumerate() {
        let count = input.categories.len();
        let categories = match (input.kind, count) {
            ("number", _) => String::new(),
            (_, 0) => "not named by the file".to_owned(),
            (_, count) => format!("{}: {}", grouped(count as u64), some(input.categories)),
        };
        grid.row([
            Cell::painted((at + 1).to_string(), Paint::Faint),
            Cell::painted(screen.text(input.name), Paint::Strong),
            Cell::plain(input.kind),
            Cell::plain(screen.text(&categories)),
        ]);
    }
    let mut text = grid.text(screen, "  ");
    let left = inputs.len().saturating_sub(INPUTS_SHOWN);
    if left > 0 {
        text.push_str(&format!("  {} more (--json has all)\n", grouped(left as u64)));
    }
    text
}

/// The first categories, as many as a very wide line could show.
fn some(categories: &[String]) -> String {
    let mut text = String::new();
    for category in categories {
        if text.len() > CATEGORIES_SHOWN {
            text.push_str(", ...");
            break;
        }
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(if category.is_empty() { "\"\"" } else { category });
    }
    text
}

/// A number for a table.
pub fn number(value: f64) -> String {
    if value.is_nan() { "none".to_owned() } else { decimal(value) }
}
