//! What is assumed of a delimited file: encoding, delimiter, line ends, and how each came to be known.
//!
//! Everything is decided from the first window of the file, so it is the same for any block size. Pure.

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
    /// Rows of a UTF-8 file that were read as Windows-1252 because they are not UTF-8. Zero when the file is opened: the
    /// caller adds [`RawRows::windows_1252_rows`](super::RawRows::windows_1252_rows) of each block.
    pub windows_1252_rows: u64,
}
