//! Plain tables for a terminal: a header, columns as wide as their widest cell, numbers to the right.

use std::fmt::Write as _;

/// How the cells of a column stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Texts.
    Left,
    /// Numbers.
    Right,
}

/// A table in the making.
#[derive(Debug)]
pub struct Table {
    columns: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns and no rows.
    pub fn new<'a>(columns: impl IntoIterator<Item = (&'a str, Align)>) -> Self {
        let columns = columns.into_iter().map(|(name, align)| (name.to_owned(), align)).collect();
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row; cells that are missing at its end are empty.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as lines of text, each behind `indent`.
    pub fn text(&self, indent: &str) -> String {
        let width_of = |at: usize, name: &str| {
            let cells = self.rows.iter().filter_map(|row| row.get(at)).map(|cell| shown(cell).chars().count());
            cells.chain([name.chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = self.columns.iter().enumerate().map(|(at, (name, _))| width_of(at, name)).collect();
        let mut text = String::new();
        let names: Vec<String> = self.columns.iter().map(|(name, _)| name.clone()).collect();
        let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        for row in [&names, &rules].into_iter().chain(&self.rows) {
            text.push_str(indent);
            text.push_str(self.line(row, &widths).trim_end());
            text.push('\n');
        }
        text
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for (at, (width, (_, align))) in widths.iter().zip(&self.columns).enumerate() {
            let cell = row.get(at).map(|cell| shown(cell)).unwrap_or_default();
            let gap = if at == 0 { "" } else { "  " };
            // Writing to a String cannot fail.
            let _ = match align {
                Align::Left => write!(line, "{gap}{cell:<width$}"),
                Align::Right => write!(line, "{gap}{cell:>width$}"),
            };
        }
        line
    }
}

/// Texts from files may hold anything; a terminal must not obey it.
fn shown(cell: &str) -> String {
    cell.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_control_characters_are_shown_harmless() {
        let mut table = Table::new([("name", Align::Left), ("rows", Align::Right)]);
        table.row(["insured".to_owned(), "20,000".to_owned()]);
        table.row(["a\x1b[31m|b".to_owned()]);
        assert_eq!(table.text("  "), "  name        rows\n  --------  ------\n  insured   20,000\n  a\u{fffd}[31m|b\n");
    }
}
