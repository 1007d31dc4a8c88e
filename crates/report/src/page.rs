//! The page, part by part: head, overview, alerts, links, solutions, then each relation with its columns.
//!
//! A part is a text of at most some kilobytes for each column, handed to the sink and forgotten. Each module below
//! makes one kind of part; what they share is here: the places of relations and columns, and how much is shown.

mod against;
mod alerts;
mod column;
pub(crate) mod comparison;
mod correlations;
mod facts;
mod frame;
mod index;
mod links;
mod overview;
mod relation;
mod values;

use bordereau_profile::document::{ColumnProfile, LogicalType, Profile};

use crate::chart::Detail;

/// Columns of a relation up to which they are shown open.
const OPEN_MAX: usize = 40;
/// Columns of a profile up to which each bar of a picture can be pointed at.
const BARS_MAX: usize = 200;
/// Columns of a profile up to which values, masks and all figures of each are shown.
const WHOLE_MAX: usize = 2_000;

/// How much of each column is shown, by how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Depth {
    /// How the pictures are drawn.
    pub(crate) detail: Detail,
    /// Whether everything is shown, or the picture and the most telling figures.
    pub(crate) whole: bool,
}

impl Depth {
    fn of(profile: &Profile) -> Self {
        let columns: usize = profile.relations.iter().map(|relation| relation.columns.len()).sum();
        let detail = if columns <= BARS_MAX { Detail::Bars } else { Detail::Outline };
        Self { detail, whole: columns <= WHOLE_MAX }
    }
}

/// Hands the page to `sink`, from its first byte to its last.
pub(crate) fn parts<E>(profile: &Profile, sink: &mut dyn FnMut(&str) -> Result<(), E>) -> Result<(), E> {
    let depth = Depth::of(profile);
    sink(&frame::head(profile))?;
    sink(&overview::section(profile, depth))?;
    sink(&alerts::section(profile))?;
    sink(&links::section(profile))?;
    sink(&against::section(profile))?;
    for (at, relation) in profile.relations.iter().enumerate() {
        sink(&relation::opening(at, relation))?;
        sink(&index::opening(at, relation))?;
        for column in &relation.columns {
            sink(&index::row(at, column))?;
        }
        sink(index::CLOSING)?;
        sink(&correlations::part(at, relation))?;
        let shown = if relation.columns.len() <= OPEN_MAX { " open" } else { "" };
        for column in &relation.columns {
            sink(&column::card(at, column, depth, shown))?;
        }
        sink(relation::CLOSING)?;
    }
    sink(&frame::foot(profile))
}

/// The anchor of a relation.
pub(crate) fn relation_id(at: usize) -> String {
    format!("r{}", at + 1)
}

/// The anchor of a column; names may hold anything and come twice, places do not.
pub(crate) fn column_id(relation: usize, column: &ColumnProfile) -> String {
    format!("r{}c{}", relation + 1, column.position)
}

/// The class that gives a type its colour.
pub(crate) fn hue(logical: LogicalType) -> &'static str {
    match logical {
        LogicalType::Integer | LogicalType::Number => "h-num",
        LogicalType::Date | LogicalType::Datetime => "h-date",
        LogicalType::Boolean | LogicalType::Code | LogicalType::Category => "h-cat",
        LogicalType::Text | LogicalType::Empty => "h-text",
    }
}

/// `1 row`, `2 rows`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", bordereau_base::figure::grouped(number), if number == 1 { one } else { many })
}
