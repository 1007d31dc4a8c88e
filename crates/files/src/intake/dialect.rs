//! What is assumed of a delimited file: encoding, delimiter, line ends, and how each came to be known.
//!
//! Everything is decided from the first window of the file, so it is the same for any block size. Pure.

use super::upload::EntryKind;
use super::walk::{self, QUOTE, RowScan, Syntax};
use memchr::memchr3;
use serde::{Deserialize, Serialize};

/// How the bytes of a file are read as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    /// UTF-8; ASCII is UTF-8 too.
    #[serde(rename = "UTF-8")]
    Utf8,
    /// UTF-16, little end first.
    #[serde(rename = "UTF-16LE")]
    Utf16Le,
    /// UTF-16, big end first.
    #[serde(rename = "UTF-16BE")]
    Utf16Be,
    /// Windows-1252.
    #[serde(rename = "windows-1252")]
    Windows1252,
}

/// How an assumption came to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HowKnown {
    /// By the byte order mark.
    ByteOrderMark,
    /// By the extension of the file's name.
    Extension,
    /// By looking at the first bytes or rows.
    Detected,
}

/// The byte between values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Delimiter {
    /// `,`
    #[serde(rename = ",")]
    Comma,
    /// `;`
    #[serde(rename = ";")]
    Semicolon,
    /// Tab.
    #[serde(rename = "tab")]
    Tab,
    /// `|`
    #[serde(rename = "|")]
    Pipe,
}

impl Delimiter {
    /// In the order in which they are tried.
    pub const ALL: [Delimiter; 4] = [Self::Comma, Self::Semicolon, Self::Tab, Self::Pipe];

    /// The byte itself.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
            Self::Pipe => b'|',
        }
    }
}

/// How lines end, as seen outside quotes in the first window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LineEnds {
    /// LF.
    #[serde(rename = "LF")]
    Lf,
    /// CR LF.
    #[serde(rename = "CRLF")]
    CrLf,
    /// LF and CR LF in one file.
    #[serde(rename = "mixed")]
    Mixed,
    /// CR alone.
    #[serde(rename = "CR")]
    Cr,
    /// The first window holds no line end; LF is assumed.
    #[serde(rename = "none")]
    None,
}

/// What was assumed of one file; for the summary of the results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assumptions {
    /// How bytes are read as text.
    pub encoding: Encoding,
    /// How the encoding is known.
    pub encoding_known_by: HowKnown,
    /// Whether the file starts with a byte order mark.
    pub byte_order_mark: bool,
    /// The byte between values.
    pub delimiter: Delimiter,
    /// How the delimiter is known. `Detected` for a `.csv` means that its header holds no comma.
    pub delimiter_known_by: HowKnown,
    /// How lines end.
    pub line_ends: LineEnds,
    /// Rows of a UTF-8 file that were read as Windows-1252 because they are not UTF-8. Counts only the header when the
    /// file is opened: the caller adds [`RawRows::windows_1252_rows`](super::RawRows::windows_1252_rows) of each block.
    pub windows_1252_rows: u64,
}

/// What is found out about the rows of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub(crate) delimiter: Delimiter,
    pub(crate) known_by: HowKnown,
    pub(crate) line_ends: LineEnds,
}

impl Dialect {
    /// Finds out the dialect of a file by its kind and first window; `whole` when that is all of the file.
    pub(crate) fn find(kind: EntryKind, window: &[u8], whole: bool) -> Self {
        let (delimiter, known_by) = match kind {
            EntryKind::Psv => (Delimiter::Pipe, HowKnown::Extension),
            EntryKind::Tsv => (Delimiter::Tab, HowKnown::Extension),
            EntryKind::Txt => (find_delimiter(window, whole).unwrap_or(Delimiter::Comma), HowKnown::Detected),
            EntryKind::Csv if header_values(window, whole, Delimiter::Comma) > 1 => {
                (Delimiter::Comma, HowKnown::Extension)
            }
            EntryKind::Csv => match find_delimiter(window, whole) {
                Some(delimiter) => (delimiter, HowKnown::Detected),
                None => (Delimiter::Comma, HowKnown::Extension),
            },
        };
        Self { delimiter, known_by, line_ends: find_line_ends(window, whole, delimiter) }
    }

    pub(crate) fn syntax(self) -> Syntax {
        syntax(self.delimiter, self.line_ends)
    }
}

fn syntax(delimiter: Delimiter, line_ends: LineEnds) -> Syntax {
    let newline = if line_ends == LineEnds::Cr { b'\r' } else { b'\n' };
    Syntax { delimiter: delimiter.byte(), newline }
}

/// Rows that are looked at to find the delimiter.
const ROWS_LOOKED_AT: usize = 100;

/// Of the delimiters that part the header, the one for which most rows have as many values as the header; the one with
/// more values, then the earlier one, where that is equal.
fn find_delimiter(window: &[u8], whole: bool) -> Option<Delimiter> {
    let mut best = None;
    for delimiter in Delimiter::ALL {
        let counts = value_counts(window, whole, delimiter);
        let header = counts.first().copied().unwrap_or(0);
        let agreeing = counts.iter().filter(|&&count| count == header).count();
        let better = best.is_none_or(|(most, _)| (agreeing, header) > most);
        if header > 1 && better {
            best = Some(((agreeing, header), delimiter));
        }
    }
    best.map(|(_, delimiter)| delimiter)
}

fn header_values(window: &[u8], whole: bool, delimiter: Delimiter) -> usize {
    let syntax = syntax(delimiter, find_line_ends(window, whole, delimiter));
    filled_rows(window, syntax).next().map_or(0, |row| walk::count_values(row, syntax))
}

fn value_counts(window: &[u8], whole: bool, delimiter: Delimiter) -> Vec<usize> {
    let syntax = syntax(delimiter, find_line_ends(window, whole, delimiter));
    filled_rows(window, syntax).take(ROWS_LOOKED_AT).map(|row| walk::count_values(row, syntax)).collect()
}

fn filled_rows(window: &[u8], syntax: Syntax) -> impl Iterator<Item = &[u8]> {
    walk::rows(window, syntax).map(move |row| syntax.without_line_end(row)).filter(move |row| !syntax.all_blank(row))
}

/// How lines end outside quotes. A quote counts as opening a value after either kind of line end, since which one it is
/// remains to be found.
fn find_line_ends(window: &[u8], whole: bool, delimiter: Delimiter) -> LineEnds {
    let (mut lf, mut cr_lf, mut cr) = (false, false, false);
    let mut row = 0;
    let mut at = 0;
    while let Some(found) = memchr3(QUOTE, b'\r', b'\n', &window[at..]) {
        let place = at + found;
        at = place + 1;
        match window[place] {
            b'\n' if place > 0 && window[place - 1] == b'\r' => cr_lf = true,
            b'\n' => lf = true,
            b'\r' => cr |= whole || at < window.len(),
            _ if syntax(delimiter, LineEnds::Lf).opens_value(&window[row..place]) => {
                let mut scan = RowScan::in_quotes(at);
                if scan.leave_quotes(window).is_none() {
                    break;
                }
                at = scan.at;
                continue;
            }
            _ => continue,
        }
        row = at;
    }
    match (lf, cr_lf, cr) {
        (true, true, _) => LineEnds::Mixed,
        (true, false, _) => LineEnds::Lf,
        (false, true, _) => LineEnds::CrLf,
        (false, false, true) => LineEnds::Cr,
        (false, false, false) => LineEnds::None,
    }
}
