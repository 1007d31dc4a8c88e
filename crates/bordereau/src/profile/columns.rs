//! The table of a relation's columns.

use bordereau_base::figure::grouped;
use bordereau_profile::document::{Alert, ColumnProfile, RelationProfile, Severity};
use bordereau_report::brief;
use bordereau_report::number::{ratio, share, with_error};

use super::draw::{bar, sparkline};
use super::grid::{Cell, Grid, GridColumn};
use super::screen::{Glyphs, Paint, Screen};
use crate::table::Align;

/// Characters of the bar of missing values, and of the picture.
const BAR: usize = 6;
const PICTURE: usize = 16;

const COLUMNS: [GridColumn; 9] = [
    GridColumn { title: "#", align: Align::Right, rank: 5, shrinks_to: None },
    GridColumn { title: "column", align: Align::Left, rank: 0, shrinks_to: Some(16) },
    GridColumn { title: "type", align: Align::Left, rank: 1, shrinks_to: None },
    GridColumn { title: "", align: Align::Left, rank: 6, shrinks_to: None },
    GridColumn { title: "missing", align: Align::Right, rank: 0, shrinks_to: None },
    GridColumn { title: "distinct", align: Align::Right, rank: 3, shrinks_to: None },
    GridColumn { title: "values", align: Align::Left, rank: 0, shrinks_to: Some(16) },
    GridColumn { title: "picture", align: Align::Left, rank: 4, shrinks_to: None },
    GridColumn { title: "alerts", align: Align::Left, rank: 2, shrinks_to: None },
];

/// The table.
pub fn table(screen: &Screen, relation: &RelationProfile) -> String {
    let mut grid = Grid::new(&COLUMNS);
    relation.columns.iter().for_each(|column| grid.row(row(screen, column)));
    grid.text(screen, "  ")
}

fn row(screen: &Screen, column: &ColumnProfile) -> [Cell; 9] {
    let missing = ratio(column.nulls.total, column.rows);
    let missing_paint = if column.nulls.total == 0 { Paint::Faint } else { Paint::Normal };
    let distinct = with_error(grouped(column.distinct.value), column.distinct.exact, None);
    let (counts, _) = brief::picture(column);
    let (marks, worst) = marks(screen, &column.alerts);
    let kind = column.typing.logical.as_str();
    [
        Cell::painted(column.position.to_string(), Paint::Faint),
        Cell::painted(screen.text(&column.name), Paint::Strong),
        Cell::plain(if column.personal_data.is_some() { format!("{kind} (pii)") } else { kind.to_owned() }),
        Cell::painted(bar(screen, if missing.is_nan() { 0.0 } else { missing }, BAR), Paint::Yellow),
        Cell::painted(screen.text(&share(column.nulls.total, column.rows)), missing_paint),
        Cell::plain(screen.text(&distinct)),
        Cell::plain(screen.text(&brief::values(column))),
        Cell::painted(sparkline(screen, &counts, PICTURE), Paint::Blue),
        Cell::painted(marks, worst),
    ]
}

/// The mark of a severity and its colour.
pub fn mark(screen: &Screen, severity: Severity) -> (&'static str, Paint) {
    let unicode = screen.glyphs == Glyphs::Unicode;
    match severity {
        Severity::Error => (if unicode { "✕" } else { "x" }, Paint::Red),
        Severity::Warning => (if unicode { "▲" } else { "!" }, Paint::Yellow),
        Severity::Info => (if unicode { "●" } else { "i" }, Paint::Blue),
    }
}

/// How many alerts of each severity, and the colour of the worst.
fn marks(screen: &Screen, alerts: &[Alert]) -> (String, Paint) {
    let mut text = Vec::new();
    for severity in [Severity::Error, Severity::Warning, Severity::Info] {
        let number = alerts.iter().filter(|alert| alert.severity == severity).count();
        if number > 0 {
            text.push(format!("{}{number}", mark(screen, severity).0));
        }
    }
    let worst = alerts.iter().map(|alert| alert.severity).max();
    (text.join(" "), worst.map_or(Paint::Normal, |severity| mark(screen, severity).1))
}
