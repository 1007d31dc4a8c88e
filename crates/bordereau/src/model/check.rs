//! `bordereau model check`: the rows of a file scored here, held against what the model gave where it was made.

use bordereau_base::figure::grouped;
use bordereau_engine::model_rows::{Bound, How, Matched, Rows};
use bordereau_model::{Format, Model, Scores};
use bordereau_report::number::decimal;
use serde::Serialize;

use super::{Opened, against, open, output_name, say_json, title};
use crate::cli::ModelCheck;
use crate::exit::{DIFFERENT, DONE, Failure, REFUSED};
use crate::profile::grid::{Cell, Grid, GridColumn};
use crate::profile::screen::{Paint, Screen};
use crate::settings::Settings;
use crate::table::Align;
use crate::terminal::say;

/// Columns of contributions listed one by one, the most different first; the others are told together.
const COLUMNS_SHOWN: usize = 12;

/// A column of numbers to compare, with ours.
struct Series {
    column: String,
    what: What,
    expected: Vec<f64>,
    got: Vec<f64>,
}

/// What a column is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum What {
    Prediction,
    RawScore,
    Contribution,
}

/// The comparison.
#[derive(Debug, Serialize)]
struct Comparison {
    model: String,
    rows: usize,
    tolerance: f64,
    same: bool,
    rows_different: usize,
    inputs: Vec<Matched>,
    columns_not_read: Vec<String>,
    compared: Vec<Compared>,
    worst: Vec<Difference>,
}

#[derive(Debug, Serialize)]
struct Compared {
    column: String,
    with: What,
    /// Rows in which the numbers are the same.
    equal: usize,
    /// Rows beyond the tolerance.
    different: usize,
    largest: f64,
}

/// A row of a column, and how different it is.
#[derive(Debug, Clone, Serialize)]
struct Difference {
    row: u64,
    column: String,
    expected: f64,
    got: f64,
    /// In the measure of the tolerance.
    difference: f64,
}

/// Runs the command.
pub fn run(args: &ModelCheck, settings: &Settings) -> Result<u8, Failure> {
    let Some(Opened { model, .. }) = open(&args.model)? else { return Ok(REFUSED) };
    let model = against(model, args.background.as_deref(), settings)?;
    let input = Rows::read(&args.input, &settings.limits)?;
    let expected = Rows::read(&args.expected, &settings.limits)?;
    let bound = input.bind(&model)?;
    let scores = model.score(&bound.features);
    let mut series = predictions(&model, &expected, &args.columns, &scores)?;
    if let Some(path) = &args.contributions {
        let given = Rows::read(path, &settings.limits)?;
        series.extend(contributions(&model, &given, &bound)?);
    }
    if let Some(wrong) = series.iter().find(|series| series.expected.len() != input.numbers.len()) {
        let (rows, found) = (input.numbers.len(), wrong.expected.len());
        let message = format!("{rows} rows of input, but {found} of the expected column {:?}", wrong.column);
        return Err(Failure::Usage(message));
    }
    let comparison = compare(args, &model, &input, bound, series);
    match args.json {
        true => say_json(&comparison)?,
        false => say(text(&Screen::of_standard_output(), args, &model, &comparison))?,
    }
    Ok(if comparison.same { DONE } else { DIFFERENT })
}

/// The columns of expected values that are predictions or raw scores.
fn predictions(model: &Model, file: &Rows, asked: &[String], scores: &Scores) -> Result<Vec<Series>, Failure> {
    let outputs = model.outputs();
    let series = |column: &str, what: What, output: usize| {
        let all = if what == What::RawScore { &scores.raw } else { &scores.prediction };
        let got = all.iter().skip(output).step_by(outputs).copied().collect();
        let expected = file.numbers_of(column)?;
        Some(expected.map_err(Failure::from).map(|expected| Series { column: column.to_owned(), what, expected, got }))
    };
    if !asked.is_empty() {
        if asked.len() != outputs {
            return Err(Failure::Usage(format!("{} --column for {outputs} outputs", asked.len())));
        }
        let asked = asked.iter().enumerate().map(|(output, column)| {
            let none = || Failure::Usage(format!("{}: no column {column:?}", file.name));
            series(column, What::Prediction, output).ok_or_else(none)?
        });
        return asked.collect();
    }
    let mut found = Vec::new();
    for output in 0..outputs {
        for (what, name) in [(What::Prediction, "prediction"), (What::RawScore, "raw")] {
            let names = match outputs {
                1 => vec![name.to_owned()],
                _ if what == What::Prediction => vec![format!("{name}_{output}"), output_name(model, output)],
                _ => vec![format!("{name}_{output}")],
            };
            found.extend(names.iter().find_map(|name| series(name, what, output)).transpose()?);
        }
    }
    if found.is_empty() && file.header().len() == outputs {
        let all = file.header().iter().enumerate();
        found = all.filter_map(|(output, name)| series(name, What::Prediction, output)).collect::<Result<_, _>>()?;
    }
    match found.is_empty() {
        false => Ok(found),
        true => Err(Failure::Usage(format!(
            "{}: which column is the prediction? Name it `prediction`, or say --column NAME; it has {}",
            file.name,
            file.header().join(", ")
        ))),
    }
}

fn contributions(model: &Model, file: &Rows, bound: &Bound) -> Result<Vec<Series>, Failure> {
    let Some(ours) = model.explain(&bound.features) else {
        let reason = model.unexplained().unwrap_or("it has none");
        return Err(Failure::Usage(format!("contributions cannot be compared: {reason}")));
    };
    let (inputs, outputs) = (model.inputs().len(), model.outputs());
    let rows = bound.features.rows();
    let mut found = Vec::new();
    for output in 0..outputs {
        let suffix = if outputs == 1 { String::new() } else { format!("@{output}") };
        let names = model.inputs().iter().map(|input| input.name.as_str()).chain(["__bias__"]);
        for (at, name) in names.enumerate() {
            let column = format!("{name}{suffix}");
            let Some(expected) = file.numbers_of(&column) else { continue };
            let value = |row: usize| match at == inputs {
                true => ours.bias[output],
                false => ours.values[(row * inputs + at) * outputs + output],
            };
            let got = (0..rows).map(value).collect();
            found.push(Series { column, what: What::Contribution, expected: expected?, got });
        }
    }
    match found.is_empty() {
        false => Ok(found),
        true => Err(Failure::Usage(format!("{}: no column has the name of an input", file.name))),
    }
}

fn compare(args: &ModelCheck, model: &Model, input: &Rows, bound: Bound, series: Vec<Series>) -> Comparison {
    let (mut compared, mut worst) = (Vec::new(), Vec::new());
    let mut is_different = vec![false; input.numbers.len()];
    for Series { column, what, expected, got } in series {
        let (mut equal, mut different, mut largest) = (0, 0, 0.0_f64);
        for (row, (expected, got)) in expected.into_iter().zip(got).enumerate() {
            // Nine digits stand for a number of single precision.
            let expected = if model.format() == Format::XgBoost { f64::from(expected as f32) } else { expected };
            let difference = difference(what, expected, got);
            equal += usize::from(difference == 0.0);
            largest = largest.max(difference);
            if difference > args.tolerance {
                different += 1;
                is_different[row] = true;
                worst.push(Difference { row: input.numbers[row], column: column.clone(), expected, got, difference });
            }
        }
        compared.push(Compared { column, with: what, equal, different, largest });
    }
    worst.sort_by(|a, b| b.difference.total_cmp(&a.difference));
    worst.truncate(args.worst);
    let rows_different = is_different.iter().filter(|different| **different).count();
    Comparison {
        model: title(&args.model, model),
        rows: input.numbers.len(),
        tolerance: args.tolerance,
        same: rows_different == 0,
        rows_different,
        inputs: bound.inputs,
        columns_not_read: bound.not_read,
        compared,
        worst,
    }
}

/// How different two numbers are, in the measure of the tolerance; a missing one is as different as can be.
fn difference(what: What, expected: f64, got: f64) -> f64 {
    if expected == got || expected.is_nan() && got.is_nan() {
        return 0.0;
    }
    let gap = (got - expected).abs();
    let scale = match what {
        What::Prediction if expected != 0.0 => expected.abs(),
        What::Prediction => 1.0,
        What::RawScore | What::Contribution => expected.abs().max(1.0),
    };
    if gap.is_nan() { f64::INFINITY } else { gap / scale }
}

fn text(screen: &Screen, args: &ModelCheck, model: &Model, comparison: &Comparison) -> String {
    let mut text = format!("{}\n", screen.paint(&screen.text(&title(&args.model, model)), Paint::Strong));
    text.push_str(&matched(screen, args, comparison));
    text.push('\n');
    text.push_str(&columns(screen, &comparison.compared));
    let (rows, tolerance) = (grouped(comparison.rows as u64), measure(comparison.tolerance));
    if comparison.same {
        let verdict = screen.paint("The same", Paint::Green);
        let within = if comparison.tolerance == 0.0 { String::new() } else { format!(" within {tolerance}") };
        text.push_str(&format!("\n{verdict}{within} in {rows} rows\n"));
        return text;
    }
    let verdict = screen.paint("DIFFERENT", Paint::Red);
    let different = grouped(comparison.rows_different as u64);
    text.push_str(&format!("\n{verdict} by more than {tolerance} in {different} of {rows} rows; the worst:\n"));
    text.push_str(&worst(screen, &comparison.worst));
    text
}

/// Which columns were found, and what in them the model cannot use.
fn matched(screen: &Screen, args: &ModelCheck, comparison: &Comparison) -> String {
    let inputs = &comparison.inputs;
    let found = inputs.iter().filter(|input| input.how != How::Absent).count();
    let mut text = String::new();
    let mut say = |first: &str, said: &str| text.push_str(&screen.wrap(first, &screen.text(said)));
    let rows = grouped(comparison.rows as u64);
    say("  ", &format!("{}: {rows} rows, {found} of {} inputs found", args.input.display(), inputs.len()));
    let named = |how: How| -> Vec<String> {
        let those = inputs.iter().filter(|input| input.how == how);
        those
            .map(|input| match &input.column {
                Some(column) => format!("{} = {column}", input.input),
                None => input.input.clone(),
            })
            .collect()
    };
    for (how, said) in
        [(How::OtherCase, "found in other letters: "), (How::Absent, "not in the file, taken as missing: ")]
    {
        let names = named(how);
        if !names.is_empty() {
            say(&format!("  {said}"), &names.join(", "));
        }
    }
    for input in inputs {
        if input.not_numbers > 0 {
            let first = input.first_not_number.unwrap_or_default();
            let cells = grouped(input.not_numbers);
            say(
                "  ",
                &format!("{}: {cells} cells are no numbers, taken as missing; the first in row {first}", input.input),
            );
        }
        if input.unknown > 0 {
            let cells = grouped(input.unknown);
            say("  ", &format!("{}: {cells} cells hold a category that the model does not know", input.input));
        }
    }
    if !comparison.columns_not_read.is_empty() {
        say("  columns no input reads: ", &comparison.columns_not_read.join(", "));
    }
    text
}

const COMPARED: [GridColumn; 5] = [
    GridColumn { title: "expected column", align: Align::Left, rank: 0, shrinks_to: Some(12) },
    GridColumn { title: "compared with", align: Align::Left, rank: 1, shrinks_to: None },
    GridColumn { title: "equal", align: Align::Right, rank: 2, shrinks_to: None },
    GridColumn { title: "different", align: Align::Right, rank: 0, shrinks_to: None },
    GridColumn { title: "largest difference", align: Align::Right, rank: 0, shrinks_to: None },
];

fn columns(screen: &Screen, compared: &[Compared]) -> String {
    let mut grid = Grid::new(&COMPARED);
    let mut order: Vec<&Compared> = compared.iter().collect();
    order.sort_by(|a, b| (a.with as u8).cmp(&(b.with as u8)).then(b.largest.total_cmp(&a.largest)));
    for column in order.iter().take(COLUMNS_SHOWN) {
        let with = match column.with {
            What::Prediction => "prediction",
            What::RawScore => "raw score",
            What::Contribution => "contribution",
        };
        let paint = if column.different > 0 { Paint::Red } else { Paint::Normal };
        grid.row([
            Cell::plain(screen.text(&column.column)),
            Cell::plain(with),
            Cell::plain(grouped(column.equal as u64)),
            Cell::painted(grouped(column.different as u64), paint),
            Cell::plain(screen.text(&measure(column.largest))),
        ]);
    }
    let mut text = grid.text(screen, "  ");
    let left = order.len().saturating_sub(COLUMNS_SHOWN);
    if left > 0 {
        text.push_str(&format!("  {left} more columns, none of them more different (--json has all)\n"));
    }
    text
}

const WORST: [GridColumn; 5] = [
    GridColumn { title: "row", align: Align::Right, rank: 0, shrinks_to: None },
    GridColumn { title: "column", align: Align::Left, rank: 0, shrinks_to: Some(10) },
    GridColumn { title: "expected", align: Align::Right, rank: 0, shrinks_to: None },
    GridColumn { title: "got", align: Align::Right, rank: 0, shrinks_to: None },
    GridColumn { title: "difference", align: Align::Right, rank: 1, shrinks_to: None },
];

fn worst(screen: &Screen, worst: &[Difference]) -> String {
    let mut grid = Grid::new(&WORST);
    for row in worst {
        grid.row([
            Cell::plain(row.row.to_string()),
            Cell::plain(screen.text(&row.column)),
            Cell::plain(exact(row.expected)),
            Cell::painted(exact(row.got), Paint::Red),
            Cell::plain(screen.text(&measure(row.difference))),
        ]);
    }
    grid.text(screen, "  ")
}

/// A number with all its digits.
fn exact(value: f64) -> String {
    if value.is_nan() { "none".to_owned() } else { value.to_string() }
}

fn measure(difference: f64) -> String {
    match difference {
        0.0 => "0".to_owned(),
        small if small < 1e-2 => format!("{small:.1e}"),
        endless if endless.is_infinite() => "one is missing".to_owned(),
        other => decimal(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_relative_where_that_makes_sense() {
        for (what, expected, got, difference_expected) in [
            (What::Prediction, 0.001, 0.0011, 0.1),
            (What::Prediction, 0.0, 0.5, 0.5),
            (What::RawScore, 0.001, 0.0011, 0.0001),
            (What::RawScore, -200.0, -202.0, 0.01),
            (What::Contribution, f64::NAN, f64::NAN, 0.0),
            (What::Prediction, f64::NAN, 1.0, f64::INFINITY),
            (What::Prediction, f64::INFINITY, f64::INFINITY, 0.0),
        ] {
            let given = difference(what, expected, got);
            let close = given == difference_expected || (given - difference_expected).abs() < 1e-12;
            assert!(close, "{what:?} {expected} {got}: {given}");
        }
    }
}
