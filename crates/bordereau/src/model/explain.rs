//! `bordereau model explain`: one row's contributions, from the base to the prediction.

use std::path::Path;

use arrow::array::{Array, ArrayRef, Float64Array, StringArray};
use bordereau_base::figure::grouped;
use bordereau_engine::model_rows::{Bound, Matched, Rows};
use bordereau_model::{Contributions, Method, Model, OutputField, Scores};
use bordereau_report::number::percent;
use serde::Serialize;

use super::inspect::{link, number};
use super::{Opened, against, open, output_name, say_json, title};
use crate::cli::ModelExplain;
use crate::exit::{DONE, Failure, REFUSED};
use crate::profile::draw::bar;
use crate::profile::grid::{Cell, Grid, GridColumn};
use crate::profile::screen::{Paint, Screen};
use crate::settings::Settings;
use crate::table::Align;
use crate::terminal::say;

/// Characters of the bar of a contribution.
const BAR: usize = 12;

/// A row, explained.
#[derive(Debug, Serialize)]
struct Explained {
    model: String,
    row: u64,
    link: &'static str,
    outputs: Vec<OutputExplained>,
    /// Of a scorecard, the most important first.
    reason_codes: Option<Vec<String>>,
    /// The fields of the model's own output.
    output_fields: Vec<FieldValue>,
    not_explained_because: Option<&'static str>,
    /// How contributions are made: `path-dependent`, `interventional`, `terms` or `points`.
    method: Option<&'static str>,
    background_rows: Option<usize>,
    /// Inputs that the row has no column for.
    absent: Vec<String>,
    /// Inputs whose category the model does not know.
    unknown: Vec<String>,
}

#[derive(Debug, Serialize)]
struct OutputExplained {
    name: String,
    prediction: Option<f64>,
    raw: Option<f64>,
    base: Option<f64>,
    /// The largest first, equal ones in the order of the model's inputs.
    contributions: Vec<Part>,
}

#[derive(Debug, Serialize)]
struct Part {
    input: String,
    value: Option<String>,
    unknown: bool,
    contribution: f64,
    /// Of the sum of all absolute contributions.
    share: f64,
}

/// A field of the model's own output.
#[derive(Debug, Serialize)]
struct FieldValue {
    name: String,
    /// A number or a text; nothing where it is missing.
    value: serde_json::Value,
}

/// Runs the command.
pub fn run(args: &ModelExplain, settings: &Settings) -> Result<u8, Failure> {
    let Some(Opened { model, .. }) = open(&args.model)? else { return Ok(REFUSED) };
    let model = against(model, args.background.as_deref(), settings)?;
    let row = row(&args.row, settings)?;
    let bound = row.bind(&model)?;
    let (scores, fields) = model.score_and_fields(&bound.features);
    let contributions = model.explain(&bound.features);
    let reasons = model.reason_codes(&bound.features).and_then(|rows| rows.into_iter().next());
    let output = |output| explained(&model, output, &row, &bound, &scores, contributions.as_ref());
    let explained = Explained {
        model: title(&args.model, &model),
        row: row.numbers[0],
        link: model.link(),
        outputs: (0..model.outputs()).map(output).collect(),
        reason_codes: reasons.map(|codes| codes.into_iter().map(str::to_owned).collect()),
        output_fields: model
            .output_fields()
            .zip(&fields)
            .map(|(field, column)| FieldValue::new(field, column))
            .collect(),
        not_explained_because: model.unexplained(),
        method: model.method().map(Method::name),
        background_rows: model.method().and_then(Method::background_rows),
        absent: names(&bound, |input| input.column.is_none()),
        unknown: names(&bound, |input| input.unknown > 0),
    };
    match args.json {
        true => say_json(&explained)?,
        false => say(text(&Screen::of_standard_output(), args, &model, &explained))?,
    }
    Ok(DONE)
}

impl FieldValue {
    fn new(field: OutputField<'_>, column: &ArrayRef) -> Self {
        let any = column.as_any();
        let text = any.downcast_ref::<StringArray>().filter(|texts| texts.is_valid(0)).map(|texts| texts.value(0));
        let number = any.downcast_ref::<Float64Array>().filter(|numbers| numbers.is_valid(0));
        let number = number.and_then(|numbers| serde_json::Number::from_f64(numbers.value(0)));
        let value = text.map(serde_json::Value::from).or(number.map(serde_json::Value::Number));
        Self { name: field.name.to_owned(), value: value.unwrap_or_default() }
    }

    fn shown(&self) -> String {
        match &self.value {
            serde_json::Value::Null => "(missing)".to_owned(),
            serde_json::Value::String(text) => text.clone(),
            other => other.as_f64().map(number).unwrap_or_default(),
        }
    }
}

fn names(bound: &Bound, which: impl Fn(&Matched) -> bool) -> Vec<String> {
    bound.inputs.iter().filter(|input| which(input)).map(|input| input.input.clone()).collect()
}

/// The row that is asked for: a JSON object, a file, or a file and a row's number.
fn row(asked: &str, settings: &Settings) -> Result<Rows, Failure> {
    if asked.trim_start().starts_with('{') {
        return Ok(Rows::of_json(asked)?);
    }
    // A file may have a colon in its name.
    let numbered = asked.rsplit_once(':').filter(|_| !Path::new(asked).exists());
    let (path, number) = match numbered.map(|(path, number)| (path, number.parse::<u64>())) {
        Some((path, Ok(number))) => (path, Some(number)),
        Some((_, Err(_))) | None => (asked, None),
    };
    let rows = Rows::read(Path::new(path), &settings.limits)?;
    rows.only(number).ok_or_else(|| {
        let last = rows.numbers.last().copied().unwrap_or_default();
        Failure::Usage(match number {
            Some(number) => format!("{path}: no row {number}; the first is 2 (the header is 1), the last {last}"),
            None => format!("{path}: holds no row"),
        })
    })
}

fn explained(
    model: &Model,
    output: usize,
    row: &Rows,
    bound: &Bound,
    scores: &Scores,
    contributions: Option<&Contributions>,
) -> OutputExplained {
    let outputs = model.outputs();
    let given = |value: f64| Some(value).filter(|value| !value.is_nan());
    let mut parts = Vec::new();
    if let Some(all) = contributions.filter(|_| !scores.raw[output].is_nan()) {
        let values: Vec<f64> = all.values.iter().skip(output).step_by(outputs).copied().collect();
        let total: f64 = values.iter().map(|value| value.abs()).sum();
        for (contribution, input) in values.into_iter().zip(&bound.inputs) {
            let share = if total > 0.0 { contribution.abs() / total } else { 0.0 };
            let value = row.cell(&input.input, 0).map(str::to_owned);
            let (input, unknown) = (input.input.clone(), input.unknown > 0);
            parts.push(Part { input, value, unknown, contribution, share });
        }
        parts.sort_by(|a, b| b.contribution.abs().total_cmp(&a.contribution.abs()));
    }
    OutputExplained {
        name: output_name(model, output),
        prediction: given(scores.prediction[output]),
        raw: given(scores.raw[output]),
        base: contributions.map(|all| all.bias[output]),
        contributions: parts,
    }
}

fn text(screen: &Screen, args: &ModelExplain, model: &Model, explained: &Explained) -> String {
    let mut text = format!("{}\n", screen.paint(&screen.text(&explained.model), Paint::Strong));
    if args.row.trim_start().starts_with('{') {
        text.push_str("  the row that was given\n");
    } else {
        text.push_str(&format!("  row {}\n", explained.row));
    }
    if !explained.absent.is_empty() {
        text.push_str(&screen.wrap("  not in the row, taken as missing: ", &screen.text(&explained.absent.join(", "))));
    }
    if !explained.unknown.is_empty() {
        let names = screen.text(&explained.unknown.join(", "));
        text.push_str(&screen.wrap("  holds a category that the model does not know: ", &names));
    }
    if let Some(rows) = explained.background_rows {
        text.push_str(&format!(
            "  against {} background rows, whose mean raw score is the base\n",
            grouped(rows as u64)
        ));
    }
    for output in &explained.outputs {
        text.push('\n');
        if model.outputs() > 1 {
            text.push_str(&format!(
                "{}\n",
                screen.paint(&screen.text(&format!("output {}", output.name)), Paint::Strong)
            ));
        }
        text.push_str(&scored(screen, explained, output));
        if !output.contributions.is_empty() {
            text.push('\n');
            text.push_str(&table(screen, output, args.top));
        }
    }
    if let Some(codes) = explained.reason_codes.as_ref().filter(|codes| !codes.is_empty()) {
        text.push('\n');
        text.push_str(&screen.wrap("  reason codes  ", &screen.text(&codes.join(", "))));
    }
    if !explained.output_fields.is_empty() {
        text.push_str("\n  output of the model's file\n");
    }
    for field in &explained.output_fields {
        text.push_str(&screen.wrap(&format!("    {}  ", screen.text(&field.name)), &screen.text(&field.shown())));
    }
    if let Some(reason) = explained.not_explained_because {
        text.push('\n');
        text.push_str(&screen.wrap("  not explained: ", reason));
    }
    text
}

fn scored(screen: &Screen, explained: &Explained, output: &OutputExplained) -> String {
    let Some(prediction) = output.prediction else {
        return screen.wrap("  ", "no prediction: a value that the model needs is missing or not valid");
    };
    let raw = output.raw.unwrap_or(f64::NAN);
    let mut text = format!("  prediction  {}\n", screen.paint(&screen.text(&number(prediction)), Paint::Strong));
    text.push_str(&format!("  raw score   {}\n", screen.text(&number(raw))));
    text.push_str(&format!("  link        {}\n", link(explained.link)));
    text
}

const COLUMNS: [GridColumn; 5] = [
    GridColumn { title: "input", align: Align::Left, rank: 0, shrinks_to: Some(14) },
    GridColumn { title: "value", align: Align::Left, rank: 0, shrinks_to: Some(12) },
    GridColumn { title: "contribution", align: Align::Right, rank: 0, shrinks_to: None },
    GridColumn { title: "share", align: Align::Right, rank: 1, shrinks_to: None },
    GridColumn { title: "", align: Align::Left, rank: 2, shrinks_to: None },
];

fn table(screen: &Screen, output: &OutputExplained, top: usize) -> String {
    let mut grid = Grid::new(&COLUMNS);
    let largest = output.contributions.first().map_or(0.0, |part| part.contribution.abs());
    for part in output.contributions.iter().take(top) {
        let (value, paint) = match (&part.value, part.unknown) {
            (Some(value), true) => (value.clone(), Paint::Yellow),
            (Some(value), false) => (value.clone(), Paint::Normal),
            (None, _) => ("(missing)".to_owned(), Paint::Faint),
        };
        let share = if largest > 0.0 { part.contribution.abs() / largest } else { 0.0 };
        let colour = if part.contribution < 0.0 { Paint::Yellow } else { Paint::Blue };
        grid.row([
            Cell::painted(screen.text(&part.input), Paint::Strong),
            Cell::painted(screen.text(&value), paint),
            Cell::plain(screen.text(&signed(part.contribution))),
            Cell::painted(screen.text(&percent(part.share)), Paint::Faint),
            Cell::painted(bar(screen, share, BAR), colour),
        ]);
    }
    let rest: &[Part] = output.contributions.get(top..).unwrap_or_default();
    if !rest.is_empty() {
        let sum: f64 = rest.iter().map(|part| part.contribution).sum();
        let title = format!("{} other inputs", grouped(rest.len() as u64));
        grid.row([Cell::painted(title, Paint::Faint), Cell::default(), Cell::plain(screen.text(&signed(sum)))]);
    }
    let base = output.base.unwrap_or(f64::NAN);
    grid.row([Cell::plain("base"), Cell::default(), Cell::plain(screen.text(&signed(base)))]);
    let sum = output.contributions.iter().fold(base, |sum, part| sum + part.contribution);
    grid.row([
        Cell::painted("raw score", Paint::Strong),
        Cell::plain("their sum"),
        Cell::painted(screen.text(&signed(sum)), Paint::Strong),
    ]);
    grid.text(screen, "  ")
}

/// A number with its sign.
fn signed(value: f64) -> String {
    let text = number(value);
    if value > 0.0 { format!("+{text}") } else { text }
}
