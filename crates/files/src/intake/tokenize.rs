//! From a block of text to columns: finds the values of each row and writes a view of each.
//!
//! Pure, and the same for the same block on any thread. Most values are never touched again: a view is made by one load
//! from the block's text, which the columns share. Only values with doubled quotes, or with text after a closing quote,
//! are written anew. Cost: 16 bytes a value beside the text.

use super::scan::Marks;
use super::text::Decoded;
use super::views::{Homes, rewritten_view, view};
use super::walk::{QUOTE, Syntax};
use arrow::array::{BooleanBufferBuilder, StringViewArray, UInt64Array};
use arrow::buffer::NullBuffer;

/// Which columns of a file are wanted, in the order wanted. A column may be absent from the file (all null then).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projection {
    columns: Vec<Option<usize>>,
}

impl Projection {
    /// One item for each wanted column: its place in [`Rows::header`](super::Rows::header), `None` when the file has
    /// it not.
    pub fn new(columns: Vec<Option<usize>>) -> Self {
        Self { columns }
    }

    /// All columns of a file with `columns` of them.
    pub fn all(columns: usize) -> Self {
        Self { columns: (0..columns).map(Some).collect() }
    }

    /// The wanted columns.
    pub fn columns(&self) -> &[Option<usize>] {
        &self.columns
    }
}

/// A row with more or fewer values than the header has names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RaggedRow {
    /// Row number in the file.
    pub row: u64,
    /// Values found.
    pub found: usize,
    /// Names in the header.
    pub expected: usize,
}

/// The rows of one block as string columns.
#[derive(Debug, Clone)]
pub struct RawRows {
    /// Row number in the file of each row; ascending; blank lines leave gaps. No nulls.
    pub row_numbers: UInt64Array,
    /// In the order of the projection, each as long as `row_numbers`. Values are as written (not trimmed, quotes
    /// removed); an empty value is "", a value that a short row lacks is null, a column the file lacks is all null.
    pub columns: Vec<StringViewArray>,
    /// Rows with too few or too many values, ascending. They are in the columns too: missing values null, extra ones
    /// dropped.
    pub ragged: Vec<RaggedRow>,
    /// Row numbers of rows with bytes that are not text (see the module page), ascending.
    pub undecodable: Vec<u64>,
    /// Rows of a UTF-8 file that were read as Windows-1252.
    pub windows_1252_rows: u64,
}

impl RawRows {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.row_numbers.values().len()
    }

    /// Whether there are no rows, as in a block of blank lines.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Makes columns of `rows` rows, the first of which has the number `first_row`, of a file with `expected` columns.
pub(crate) fn tokenize(
    decoded: Decoded,
    syntax: Syntax,
    first_row: u64,
    rows: u64,
    expected: usize,
    projection: &Projection,
) -> RawRows {
    let layout = Layout::new(projection, expected);
    let mut walk = Walk::new(decoded.text.as_bytes(), syntax, &layout, rows as usize);
    walk.run(first_row);
    let Walk { views, rewritten, row_numbers, ragged, short, .. } = walk;
    let rows = row_numbers.len();
    let homes = Homes::new(decoded.text, rewritten);
    let columns = views.into_iter().zip(&layout.wanted);
    let columns = columns.map(|(views, &column)| homes.column(views, missing(&short, column, rows))).collect();
    RawRows {
        columns: layout.project(projection, columns, rows),
        row_numbers: row_numbers.into(),
        ragged,
        undecodable: decoded.undecodable.iter().map(|place| first_row + place).collect(),
        windows_1252_rows: decoded.windows_1252_rows,
    }
}

/// Which rows of a column are null, given the short rows as place and values found.
fn missing(short: &[(usize, usize)], column: usize, rows: usize) -> Option<NullBuffer> {
    let mut missing = short.iter().filter(|&&(_, found)| found <= column).peekable();
    missing.peek()?;
    let mut valid = BooleanBufferBuilder::new(rows);
    valid.append_n(rows, true);
    for &(place, _) in missing {
        valid.set_bit(place, false);
    }
    Some(NullBuffer::new(valid.finish()))
}

/// Where the values of each column of the file go.
#[derive(Debug)]
struct Layout {
    /// For each column of the file its place in `wanted`, or [`Layout::UNWANTED`].
    slots: Vec<usize>,
    /// The columns of the file that are wanted, each once.
    wanted: Vec<usize>,
}

impl Layout {
    const UNWANTED: usize = usize::MAX;

    fn new(projection: &Projection, expected: usize) -> Self {
        let mut layout = Self { slots: vec![Self::UNWANTED; expected], wanted: Vec::new() };
        for &column in projection.columns().iter().flatten() {
            if let Some(slot @ &mut Self::UNWANTED) = layout.slots.get_mut(column) {
                *slot = layout.wanted.len();
                layout.wanted.push(column);
            }
        }
        layout
    }

    /// The columns in the order of `projection`, given those of `wanted`.
    fn project(&self, projection: &Projection, wanted: Vec<StringViewArray>, rows: usize) -> Vec<StringViewArray> {
        let absent = StringViewArray::new_null(rows);
        let place = |column: Option<usize>| column.and_then(|column| self.slots.get(column).copied());
        let columns = projection.columns().iter();
        columns.map(|&column| place(column).and_then(|slot| wanted.get(slot)).unwrap_or(&absent).clone()).collect()
    }
}

/// A value between two delimiters.
#[derive(Debug, Clone, Copy)]
struct Value {
    start: usize,
    quoted: Option<Quoted>,
}

/// The places of a value's quotes, and whether there are doubled ones between them.
#[derive(Debug, Clone, Copy)]
struct Quoted {
    open: usize,
    close: usize,
    doubled: bool,
}

/// Where a walk along the text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    Outside,
    Inside,
    /// Inside, and the quote at this place is the second of two.
    InsideDoubled(usize),
}

#[derive(Debug)]
struct Walk<'a> {
    text: &'a [u8],
    syntax: Syntax,
    layout: &'a Layout,
    /// For each wanted column.
    views: Vec<Vec<u128>>,
    rewritten: String,
    row_numbers: Vec<u64>,
    ragged: Vec<RaggedRow>,
    /// Rows with too few values: their places, and the values found.
    short: Vec<(usize, usize)>,
}

impl<'a> Walk<'a> {
    /// `text` ends with the slack of `views`, bytes that are no rows.
    fn new(text: &'a [u8], syntax: Syntax, layout: &'a Layout, rows: usize) -> Self {
        Self {
            text,
            syntax,
            layout,
            views: layout.wanted.iter().map(|_| Vec::with_capacity(rows)).collect(),
            rewritten: String::new(),
            row_numbers: Vec::with_capacity(rows),
            ragged: Vec::new(),
            short: Vec::new(),
        }
    }

    fn run(&mut self, first_row: u64) {
        let Syntax { delimiter, newline } = self.syntax;
        let mut row = first_row;
        let mut column = 0;
        let mut value = Value { start: 0, quoted: None };
        let mut stand = Stand::Outside;
        for at in Marks::new(self.text, [delimiter, newline, QUOTE]) {
            let byte = self.text[at];
            if byte == QUOTE {
                stand = self.quote(at, stand, &mut value);
                continue;
            }
            if stand != Stand::Outside {
                continue;
            }
            if byte == delimiter {
                self.push(column, value, at);
                column += 1;
            } else {
                self.end_row(row, column, value, at);
                row += 1;
                column = 0;
            }
            value = Value { start: at + 1, quoted: None };
        }
    }

    #[inline]
    fn quote(&self, at: usize, stand: Stand, value: &mut Value) -> Stand {
        match (stand, &mut value.quoted) {
            (Stand::InsideDoubled(second), _) if second == at => Stand::Inside,
            // Looks back no further than the last mark, or a long run of blanks would be read again for each quote
            // after it.
            (Stand::Outside, quoted @ None) if self.syntax.opens_value(&self.text[value.start..at]) => {
                *quoted = Some(Quoted { open: at, close: at, doubled: false });
                Stand::Inside
            }
            (Stand::Outside, _) => Stand::Outside,
            (_, Some(quoted)) if self.text[at + 1] == QUOTE => {
                quoted.doubled = true;
                Stand::InsideDoubled(at + 1)
            }
            (_, Some(quoted)) => {
                quoted.close = at;
                Stand::Outside
            }
            (_, None) => Stand::Outside,
        }
    }

    // One of two callers is the hottest line of intake; the compiler alone would make this a call.
    #[inline(always)]
    fn push(&mut self, column: usize, value: Value, end: usize) {
        let Some(&slot) = self.layout.slots.get(column) else { return };
        if slot == Layout::UNWANTED {
            return;
        }
        let view = match value.quoted {
            None => view(self.text, value.start, end),
            Some(quoted) => self.quoted_view(quoted, end),
        };
        self.views[slot].push(view);
    }

    #[inline(never)]
    fn quoted_view(&mut self, quoted: Quoted, end: usize) -> u128 {
        let Quoted { open, close, doubled } = quoted;
        let after = &self.text[close + 1..end];
        let after_is_blank = self.syntax.all_blank(after);
        if after_is_blank && !doubled {
            return view(self.text, open + 1, close);
        }
        let start = self.rewritten.len();
        // Both lie between ASCII bytes of valid UTF-8, so neither is ever empty for being invalid.
        let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
        let mut inner = text(&self.text[open + 1..close]).split("\"\"");
        self.rewritten.extend(inner.next());
        inner.for_each(|piece| self.rewritten.extend(["\"", piece]));
        if !after_is_blank {
            self.rewritten.push_str(text(after));
        }
        rewritten_view(&self.rewritten, start)
    }

    #[inline]
    fn end_row(&mut self, row: u64, column: usize, value: Value, newline: usize) {
        let mut end = newline;
        if self.syntax.newline == b'\n' && end > value.start && self.text[end - 1] == b'\r' {
            end -= 1;
        }
        if column == 0 && value.quoted.is_none() && self.syntax.all_blank(&self.text[value.start..end]) {
            return;
        }
        self.push(column, value, end);
        let (found, expected) = (column + 1, self.layout.slots.len());
        if found != expected {
            self.ragged.push(RaggedRow { row, found, expected });
            self.fill_up(found);
        }
        self.row_numbers.push(row);
    }

    #[cold]
    fn fill_up(&mut self, found: usize) {
        if found < self.layout.slots.len() {
            self.short.push((self.row_numbers.len(), found));
        }
        for &slot in self.layout.slots.iter().skip(found).filter(|&&slot| slot != Layout::UNWANTED) {
            self.views[slot].push(0);
        }
    }
}
