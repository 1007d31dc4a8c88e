//! What holds of any table: written as delimited text in any dialect and read in blocks of any size, it comes back.

use super::{OneFile, Table, numbered, read_all};
use bordereau_files::intake::{Delimiter, Encoding};
use proptest::prelude::*;

/// How a table is written.
#[derive(Debug, Clone)]
struct Dialect {
    delimiter: Delimiter,
    line_end: &'static str,
    encoding: Encoding,
    byte_order_mark: bool,
    /// Quote values that need no quotes.
    quote_all: bool,
    /// Blanks around quoted values.
    blanks: usize,
    end_last_line: bool,
}

fn dialects() -> impl Strategy<Value = Dialect> {
    let delimiter = prop::sample::select(&Delimiter::ALL[..]);
    let line_end = prop::sample::select(&["\n", "\r\n", "\r"][..]);
    let encodings = &[Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be, Encoding::Windows1252];
    let encoding = prop::sample::select(&encodings[..]);
    (delimiter, line_end, encoding, any::<bool>(), any::<bool>(), 0..3usize, any::<bool>()).prop_map(
        |(delimiter, line_end, encoding, byte_order_mark, quote_all, blanks, end_last_line)| Dialect {
            delimiter,
            line_end,
            encoding,
            byte_order_mark,
            quote_all,
            blanks,
            end_last_line,
        },
    )
}

impl Dialect {
    fn name(&self) -> &'static str {
        match self.delimiter {
            Delimiter::Comma => "t.csv",
            Delimiter::Semicolon => "t.txt",
            Delimiter::Tab => "t.tsv",
            Delimiter::Pipe => "t.psv",
        }
    }

    fn write(&self, rows: &[Vec<String>]) -> Vec<u8> {
        let delimiter = char::from(self.delimiter.byte()).to_string();
        let row = |row: &Vec<String>| row.iter().map(|value| self.value(value)).collect::<Vec<_>>().join(&delimiter);
        let mut text = rows.iter().map(row).collect::<Vec<_>>().join(self.line_end);
        if self.end_last_line {
            text.push_str(self.line_end);
        }
        self.encode(&text)
    }

    fn value(&self, value: &str) -> String {
        let special = |c: char| "\"\r\n".contains(c) || c == char::from(self.delimiter.byte());
        let blank_ends = value.trim() != value || value.is_empty();
        if self.quote_all || blank_ends || value.contains(special) {
            let blanks = " ".repeat(self.blanks);
            format!("{blanks}\"{}\"{blanks}", value.replace('"', "\"\""))
        } else {
            value.to_owned()
        }
    }

    fn encode(&self, text: &str) -> Vec<u8> {
        let marked = if self.byte_order_mark { format!("\u{feff}{text}") } else { text.to_owned() };
        match self.encoding {
            Encoding::Utf8 => marked.into_bytes(),
            Encoding::Utf16Le => marked.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Encoding::Utf16Be => marked.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            Encoding::Windows1252 => encoding_rs::WINDOWS_1252.encode(text).0.into_owned(),
        }
    }
}

/// Tables of up to four columns under a long header of ASCII, so that every encoding can be told from the first bytes,
/// with a value that no encoding but the right one can read.
fn tables() -> impl Strategy<Value = Vec<Vec<String>>> {
    (2..5usize).prop_flat_map(|columns| {
        let value = prop_oneof!["[a-z0-9 ]{0,6}", "[a-zäé€,;|\t\"\r\n' .]{0,30}", Just("\"".to_owned())];
        prop::collection::vec(prop::collection::vec(value, columns), 0..12).prop_map(move |mut rows| {
            let names = ["policy_number_of_the_insured", "state_of_the_insured", "third_column", "fourth_column"];
            rows.insert(0, names[..columns].iter().map(|name| (*name).to_owned()).collect());
            rows.push(vec!["é".to_owned(); columns]);
            rows
        })
    })
}

fn read_in_blocks(name: &str, bytes: &[u8], block_bytes: usize) -> Table {
    let upload = OneFile::new(name, bytes).upload().unwrap();
    read_all(upload.read_in_blocks(0, block_bytes).unwrap()).unwrap()
}

proptest! {
    #[test]
    fn any_table_comes_back(rows in tables(), dialect in dialects(), block_bytes in 1..200usize) {
        let bytes = dialect.write(&rows);
        let table = read_in_blocks(dialect.name(), &bytes, block_bytes);
        prop_assert_eq!(&table.header, &rows[0]);
        let values: Vec<Vec<&str>> = rows[1..].iter().map(|row| row.iter().map(String::as_str).collect()).collect();
        let expected: Vec<&[&str]> = values.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(table.rows, numbered(&expected));
        prop_assert!(table.ragged.is_empty() && table.undecodable.is_empty());
        prop_assert_eq!(table.windows_1252_rows, 0);
    }

    #[test]
    fn blocks_of_any_size_give_the_same_rows(
        text in "(a,b\n)([a-b \t,;\"\r\n\u{e9}]{0,200})",
        windows_1252: bool,
        mut sizes in prop::collection::vec(1..300usize, 1..4),
    ) {
        let encoded = |text: String| encoding_rs::WINDOWS_1252.encode(&text).0.into_owned();
        let bytes = if windows_1252 { encoded(text) } else { text.into_bytes() };
        let read = |block_bytes: usize| {
            let upload = OneFile::new("t.csv", &bytes).upload().unwrap();
            upload.read_in_blocks(0, block_bytes).and_then(read_all).map_err(|error| error.to_string())
        };
        let whole = read(1 << 20);
        sizes.push(1);
        for size in sizes {
            prop_assert_eq!(&read(size), &whole);
        }
    }

    #[test]
    fn damaged_text_gives_the_same_rows_in_blocks_of_any_size(
        tail in prop::collection::vec(prop::sample::select(&b"ab,\"\n\r\0\x81\xe9\xc3\xa9\xff"[..]), 0..100),
        block_bytes in 1..60usize,
    ) {
        let bytes = [b"\xef\xbb\xbfa,b\n1,2\n".as_slice(), &tail].concat();
        let read = |block_bytes: usize| {
            let upload = OneFile::new("t.csv", &bytes).upload().unwrap();
            upload.read_in_blocks(0, block_bytes).and_then(read_all).map_err(|error| error.to_string())
        };
        prop_assert_eq!(read(block_bytes), read(1 << 20));
    }
}
