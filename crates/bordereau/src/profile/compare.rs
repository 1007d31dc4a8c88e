//! `bordereau profile compare`: what moved between two uploads, column by column.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use bordereau_profile::compare::{
    ColumnComparison, Comparison, Light, RelationComparison, Side, compare as compare_sides,
};
use bordereau_profile::document::{FORMAT, Profile};
use bordereau_profile::state_file::StateFile;
use bordereau_report::number::{decimal, percent};

use super::grid::{Cell, Grid, GridColumn};
use super::screen::{Glyphs, Paint, Screen};
use super::{STANDARD, Stop, failure, give_json, kept, outputs, passed, settings, wishes};
use crate::cli::{FailOn, ProfileCompare};
use crate::exit::{DONE, Failure};
use crate::settings::{Layers, Settings};
use crate::table::Align;
use crate::terminal::say;
use bordereau_base::figure::grouped;

/// Something moved that `--fail-on` names.
const MOVED: u8 = 1;
/// Columns of a relation up to which green ones are listed too.
const ALL_MAX: usize = 60;
/// Bytes that tell what a file is.
const START_BYTES: u64 = 64;
/// Bytes of a JSON document at most.
const DOCUMENT_BYTES_MAX: u64 = 1 << 30;

const COLUMNS: [GridColumn; 7] = [
    GridColumn { title: "light", align: Align::Left, rank: 0, shrinks_to: None },
    GridColumn { title: "column", align: Align::Left, rank: 0, shrinks_to: Some(16) },
    GridColumn { title: "type", align: Align::Left, rank: 4, shrinks_to: None },
    GridColumn { title: "missing", align: Align::Right, rank: 3, shrinks_to: None },
    GridColumn { title: "PSI", align: Align::Right, rank: 1, shrinks_to: None },
    GridColumn { title: "JS", align: Align::Right, rank: 6, shrinks_to: None },
    GridColumn { title: "KS", align: Align::Right, rank: 5, shrinks_to: None },
];

/// Runs the command.
///
/// # Errors
/// When one of the two cannot be read.
pub fn run(args: &ProfileCompare, layers: Layers) -> Result<u8, Failure> {
    let settings = settings(&args.how, layers)?;
    let json = args.json.as_deref();
    let file = json.filter(|path| *path != Path::new(STANDARD));
    outputs::look(
        &[args.old.clone(), args.new.clone()],
        &file.into_iter().chain(args.html.as_deref()).collect::<Vec<_>>(),
    )?;
    let stop = Stop::on_interrupt();
    let old = side(&args.old, args, &settings, &stop)?;
    let new = side(&args.new, args, &settings, &stop)?;
    let comparison = compare_sides(&old.as_side(), &new.as_side());
    if let Some(path) = &args.html {
        outputs::write(path, |out| bordereau_report::write_comparison_html(&comparison, out))?;
    }
    give_json(&comparison, json)?;
    if json != Some(Path::new(STANDARD)) {
        say(text(&Screen::of_standard_output(), &comparison))?;
    }
    let fails = match args.fail_on {
        FailOn::Amber => comparison.light >= Light::Amber,
        FailOn::Red => comparison.light >= Light::Red,
        FailOn::Never => false,
    };
    Ok(if fails { MOVED } else { DONE })
}

/// One of the two.
struct Compared {
    profile: Profile,
    /// All that was counted, where that is known.
    state: Option<StateFile>,
}

impl Compared {
    fn as_side(&self) -> Side<'_> {
        match &self.state {
            Some(state) => Side::of_state(&self.profile, state),
            None => Side::of_profile(&self.profile),
        }
    }
}

/// Reads one of the two: the JSON of a profile, a kept state, or an upload, which is profiled now.
fn side(path: &Path, args: &ProfileCompare, settings: &Settings, stop: &Stop) -> Result<Compared, Failure> {
    let start = start_of(path)?;
    if kept::is_state(&start) {
        let state = kept::read(path)?;
        let wishes = wishes(settings, &args.how);
        let profile = state.profile(&wishes, settings.threads, &stop.control).map_err(failure)?;
        return Ok(Compared { profile, state: Some(state) });
    }
    if start.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
        && let Some(profile) = document(path)?
    {
        return Ok(Compared { profile, state: None });
    }
    let outcome = passed(&[PathBuf::from(path)], settings, &args.how, stop)?;
    Ok(Compared { profile: outcome.profile.clone(), state: Some(StateFile::new(outcome)) })
}

/// The first bytes of a file; none of a folder and of standard input.
fn start_of(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut start = Vec::new();
    if path.is_file() {
        let unread = |error: std::io::Error| Failure::Usage(format!("{}: {error}", path.display()));
        File::open(path).map_err(unread)?.take(START_BYTES).read_to_end(&mut start).map_err(unread)?;
    }
    Ok(start)
}

/// The profile of a file that begins like JSON; nothing when it is no JSON after all: a delimited file may begin so.
fn document(path: &Path) -> Result<Option<Profile>, Failure> {
    let unread = |error: std::io::Error| Failure::Usage(format!("{}: {error}", path.display()));
    if std::fs::metadata(path).map_err(unread)?.len() > DOCUMENT_BYTES_MAX {
        return Ok(None);
    }
    let bytes = std::fs::read(path).map_err(unread)?;
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(&bytes) else { return Ok(None) };
    let known = value.get("format").and_then(serde_json::Value::as_str) == Some(FORMAT);
    let wrong =
        |why: String| Failure::Usage(format!("{}: is JSON, but no profile of format {FORMAT}{why}", path.display()));
    if !known {
        return Err(wrong(String::new()));
    }
    serde_json::from_value(value).map(Some).map_err(|error| wrong(format!(": {error}")))
}

/// The comparison as tables.
fn text(screen: &Screen, comparison: &Comparison) -> String {
    let (old, new) = (screen.text(&comparison.old.name), screen.text(&comparison.new.name));
    let arrow = if screen.glyphs == Glyphs::Unicode { "→" } else { "->" };
    let mut text = format!("{}  {old} {arrow} {new}\n", lamp(screen, comparison.light));
    text.push_str(&screen.wrap("  ", &screen.text(&comparison.sentence)));
    for note in &comparison.notes {
        text.push_str(&screen.wrap("  Note: ", &screen.text(note)));
    }
    comparison.relations.iter().for_each(|relation| text.push_str(&of_relation(screen, relation)));
    text
}

fn of_relation(screen: &Screen, relation: &RelationComparison) -> String {
    let name = screen.paint(&screen.text(&relation.name), Paint::Strong);
    let (old, new) = (grouped(relation.rows_old), grouped(relation.rows_new));
    let arrow = if screen.glyphs == Glyphs::Unicode { "→" } else { "->" };
    let mut text = format!("\n{name}  {old} {arrow} {new} rows, {}\n", lamp(screen, relation.light));
    for finding in &relation.findings {
        text.push_str(&screen.wrap("  ", &screen.text(&finding.message)));
    }
    let all = relation.columns.len() <= ALL_MAX;
    let listed = || relation.columns.iter().filter(|column| all || column.light != Light::Green);
    let mut grid = Grid::new(&COLUMNS);
    listed().for_each(|column| grid.row(row(screen, column, arrow)));
    text.push_str(&grid.text(screen, "  "));
    let left = relation.columns.len() - listed().count();
    if left > 0 {
        let columns = if left == 1 { "column is" } else { "columns are" };
        text.push_str(&format!("  {} green {columns} not listed\n", grouped(left as u64)));
    }
    for column in relation.columns.iter().filter(|column| column.light != Light::Green) {
        let (word, paint) = word(column.light);
        let place = format!("  {word:<5} {}: ", screen.text(&column.name));
        let said = column.findings.iter().map(|finding| screen.text(&finding.message)).collect::<Vec<_>>().join(" ");
        let lines = screen.wrap("  ", &format!("{}{said}", place.trim_start()));
        text.push_str(&lines.replacen(word, &screen.paint(word, paint), 1));
    }
    text
}

fn row(screen: &Screen, column: &ColumnComparison, arrow: &str) -> [Cell; 7] {
    let (word, paint) = word(column.light);
    let (old, new) = (column.type_old.as_str(), column.type_new.as_str());
    let kind = if old == new { old.to_owned() } else { format!("{old} {arrow} {new}") };
    let (nulls_old, nulls_new) = (percent(column.nulls_old), percent(column.nulls_new));
    let nulls = if nulls_old == nulls_new { nulls_old } else { format!("{nulls_old} {arrow} {nulls_new}") };
    let figure = |number: Option<f64>| number.map_or_else(String::new, |number| decimal((number * 1e3).round() / 1e3));
    let distribution = column.distribution.as_ref();
    [
        Cell::painted(format!("{} {word}", dot(screen)), paint),
        Cell::painted(screen.text(&column.name), Paint::Strong),
        Cell::plain(kind),
        Cell::plain(screen.text(&nulls)),
        Cell::plain(screen.text(&figure(distribution.map(|distribution| distribution.psi)))),
        Cell::plain(screen.text(&figure(distribution.map(|distribution| distribution.js)))),
        Cell::plain(screen.text(&figure(column.numbers.as_ref().map(|numbers| numbers.ks)))),
    ]
}

fn dot(screen: &Screen) -> char {
    if screen.glyphs == Glyphs::Unicode { '●' } else { '*' }
}

fn lamp(screen: &Screen, light: Light) -> String {
    let (word, paint) = word(light);
    screen.paint(&format!("{} {word}", dot(screen)), paint)
}

fn word(light: Light) -> (&'static str, Paint) {
    match light {
        Light::Green => ("green", Paint::Green),
        Light::Amber => ("amber", Paint::Yellow),
        Light::Red => ("red", Paint::Red),
    }
}
