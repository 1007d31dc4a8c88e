//! A table that fits a width: wide columns shrink first, then the least telling columns go.

use super::screen::{Paint, Screen};
use crate::table::Align;

/// Blanks between columns.
const GAP: usize = 2;

/// A column of the table.
#[derive(Debug, Clone, Copy)]
pub struct GridColumn {
    /// Its heading.
    pub title: &'static str,
    /// How its cells stand.
    pub align: Align,
    /// When it goes: the highest number first; 0 stays.
    pub rank: u8,
    /// The width down to which it shrinks; nothing when it does not.
    pub shrinks_to: Option<usize>,
}

/// A cell.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    /// Its text.
    pub text: String,
    /// How it stands out.
    pub paint: Paint,
}

impl Cell {
    /// A cell that does not stand out.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), paint: Paint::Normal }
    }

    /// A cell that does.
    pub fn painted(text: impl Into<String>, paint: Paint) -> Self {
        Self { text: text.into(), paint }
    }
}

/// A table in the making. Cells must have gone through [`Screen::text`].
#[derive(Debug)]
pub struct Grid {
    columns: Vec<GridColumn>,
    rows: Vec<Vec<Cell>>,
}

impl Grid {
    /// A table with these columns and no rows.
    pub fn new(columns: &[GridColumn]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row: a cell for each column.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table as lines, each behind `indent`.
    pub fn text(&self, screen: &Screen, indent: &str) -> String {
        let widths = self.widths(screen.width.saturating_sub(indent.chars().count()));
        let mut text = String::new();
        let titles = self.columns.iter().map(|column| Cell::painted(column.title, Paint::Faint)).collect::<Vec<_>>();
        for row in std::iter::once(&titles).chain(&self.rows) {
            text.push_str(indent);
            text.push_str(&self.line(screen, row, &widths));
            text.push('\n');
        }
        text
    }

    fn line(&self, screen: &Screen, row: &[Cell], widths: &[Option<usize>]) -> String {
        let mut line = String::new();
        let mut blanks = 0;
        let nothing = Cell::default();
        for (at, (column, width)) in self.columns.iter().zip(widths).enumerate() {
            let Some(width) = *width else { continue };
            let cell = row.get(at).unwrap_or(&nothing);
            let shown = screen.cut(&cell.text, width);
            let room = width - shown.chars().count();
            if column.align == Align::Right {
                blanks += room;
            }
            // Blanks are written only before something, so that lines do not end in them.
            if !shown.trim().is_empty() {
                let visible = shown.trim_end();
                line.push_str(&" ".repeat(blanks));
                line.push_str(&screen.paint(visible, cell.paint));
                blanks = shown.chars().count() - visible.chars().count();
            } else {
                blanks += shown.chars().count();
            }
            if column.align == Align::Left {
                blanks += room;
            }
            blanks += GAP;
        }
        line
    }

    /// The width of each column; nothing for those that go.
    fn widths(&self, room: usize) -> Vec<Option<usize>> {
        let natural = |at: usize, column: &GridColumn| {
            let cells = self.rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.text.chars().count());
            cells.chain([column.title.chars().count()]).max().unwrap_or(0)
        };
        let mut widths: Vec<Option<usize>> =
            self.columns.iter().enumerate().map(|(at, column)| Some(natural(at, column))).collect();
        loop {
            let total = total(&widths);
            if total <= room {
                return widths;
            }
            let mut shrunk = widths.clone();
            self.shrink(&mut shrunk, total - room);
            if self::total(&shrunk) <= room {
                return shrunk;
            }
            let least = self
                .columns
                .iter()
                .enumerate()
                .filter(|(at, column)| column.rank > 0 && widths.get(*at).copied().flatten().is_some());
            match least.max_by_key(|(_, column)| column.rank) {
                Some((at, _)) => widths.iter_mut().skip(at).take(1).for_each(|width| *width = None),
                None => return shrunk,
            }
        }
    }

    /// Takes up to `excess` characters from the columns that shrink, one by one from the widest.
    fn shrink(&self, widths: &mut [Option<usize>], excess: usize) {
        for _ in 0..excess {
            let widest = self.columns.iter().zip(widths.iter_mut()).filter_map(|(column, width)| {
                let (least, width) = (column.shrinks_to?, width.as_mut()?);
                (*width > least).then_some(width)
            });
            match widest.max_by_key(|width| **width) {
                Some(width) => *width -= 1,
                None => return,
            }
        }
    }
}

fn total(widths: &[Option<usize>]) -> usize {
    let kept = widths.iter().flatten();
    kept.clone().sum::<usize>() + GAP * kept.count().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::super::screen::{Colours, Glyphs};
    use super::*;

    #[test]
    fn a_table_shrinks_then_loses_columns_and_lines_have_no_blanks_at_their_end() {
        let column = |title, align, rank, shrinks_to| GridColumn { title, align, rank, shrinks_to };
        let mut grid = Grid::new(&[
            column("name", Align::Left, 0, Some(4)),
            column("rows", Align::Right, 2, None),
            column("values", Align::Left, 1, None),
        ]);
        grid.row(["insured_name", "12", ""].map(Cell::plain));
        grid.row(["x", "1,234", "abc"].map(Cell::plain));
        let at = |width| grid.text(&Screen { width, glyphs: Glyphs::Unicode, colours: Colours::None }, " ");
        assert_eq!(at(40), " name           rows  values\n insured_name     12\n x             1,234  abc\n");
        assert_eq!(at(24), " name       rows  values\n insured…     12\n x         1,234  abc\n");
        assert_eq!(at(15), " name    values\n insur…\n x       abc\n");
    }
}
