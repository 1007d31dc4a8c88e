//! Laws of the results zip: content comes back, and the same content gives the same bytes.

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use bordereau_files::results::csv::CsvRows;
use bordereau_files::results::parquet::ParquetRows;
use bordereau_files::results::{Member, Packed, Packing, Part, write_zip};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn member(name: &str, packing: Packing, parts: &[&[u8]]) -> Member {
    let mut member = Member::create(name, packing, scratch().path()).unwrap();
    for part in parts {
        member.append(&Part::deflated(part.to_vec())).unwrap();
    }
    member
}

fn zip(members: &[Member]) -> (Vec<u8>, Packed) {
    let mut bytes = Vec::new();
    let packed = write_zip(&mut bytes, members).unwrap();
    assert_eq!(packed.zip_bytes, bytes.len() as u64);
    (bytes, packed)
}

/// Names and contents of a zip, checksums and sizes verified.
fn unzip(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let archive = rawzip::ZipArchive::from_slice(bytes).unwrap();
    let mut entries = archive.entries();
    let mut found = Vec::new();
    while let Some(entry) = entries.next_entry().unwrap() {
        let name = entry.file_path().try_normalize().unwrap().as_ref().to_owned();
        let local = archive.get_entry(entry.wayfinder()).unwrap();
        let packed = local.data();
        let reader: Box<dyn Read> = if entry.compression_method() == rawzip::CompressionMethod::DEFLATE {
            Box::new(flate2::bufread::DeflateDecoder::new(packed))
        } else {
            assert_eq!(entry.compression_method(), rawzip::CompressionMethod::STORE);
            Box::new(packed)
        };
        let mut content = Vec::new();
        local.verifying_reader(reader).read_to_end(&mut content).unwrap();
        found.push((name, content));
    }
    found
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn members_come_back_in_their_order_with_their_digests() {
    let members = [
        member("outputs.csv", Packing::Deflated, &[b"a,b\n", b"1,2\n"]),
        member("empty.csv", Packing::Deflated, &[]),
        member("übersicht.json", Packing::Stored, &[b"{", b"}"]),
        member("nothing.parquet", Packing::Stored, &[]),
    ];
    let (bytes, packed) = zip(&members);
    let expected: [(&str, &[u8]); 4] =
        [("outputs.csv", b"a,b\n1,2\n"), ("empty.csv", b""), ("übersicht.json", b"{}"), ("nothing.parquet", b"")];
    let found = unzip(&bytes);
    assert_eq!(found.len(), expected.len());
    for (((name, content), (found_name, found_content)), digest) in expected.iter().zip(&found).zip(&packed.members) {
        assert_eq!((name, content), (&found_name.as_str(), &found_content.as_slice()));
        assert_eq!(digest.name, *name);
        assert_eq!(digest.sha256, sha256(content));
        assert_eq!(digest.bytes, content.len() as u64);
        assert_eq!(digest.rows, None);
    }
    assert_eq!(packed.zip_sha256, sha256(&bytes));
}

const SMALL_ZIP_SHA256: &str = "98aa984202f867a948a850ede9728cdc19e423b1290f2ebc693555bce885ba07";

/// A change of these bytes changes the digest of every result that is made again: say so in the changelog.
#[test]
fn the_bytes_of_a_small_zip_stay_as_they_are() {
    let mut csv = member("a.csv", Packing::Deflated, &[b"key,value\n", b"1,2\n1,2\n1,2\n"]);
    csv.count_rows(3);
    let mut text = Member::create("README.txt", Packing::Stored, scratch().path()).unwrap();
    text.append_bytes(b"What is what.\n").unwrap();
    let (bytes, packed) = zip(&[csv, text]);
    assert_eq!(packed.members[0].rows, Some(3));
    assert_eq!(packed.zip_sha256, SMALL_ZIP_SHA256, "{}", bytes.escape_ascii());
}

#[test]
fn a_zip_of_no_members_is_a_zip() {
    let (bytes, _) = zip(&[]);
    assert_eq!(bytes.len(), 22);
    assert_eq!(unzip(&bytes), []);
}

#[test]
fn names_that_are_no_plain_file_names_are_refused() {
    let long = "n".repeat(201);
    for name in ["", ".", "..", "a/b", "a\\b", "line\nend", "nul\0", &long] {
        let error = Member::create(name, Packing::Stored, scratch().path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name:?}");
    }
}

#[test]
fn two_members_of_one_name_are_refused_before_anything_is_written() {
    let members = [member("a.csv", Packing::Deflated, &[]), member("a.csv", Packing::Stored, &[])];
    let mut out = Vec::new();
    assert_eq!(write_zip(&mut out, &members).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert!(out.is_empty());
}

#[test]
fn a_scratch_folder_that_is_gone_is_an_error() {
    assert!(Member::create("a.csv", Packing::Stored, Path::new("/nowhere/at/all")).is_err());
}

/// A cell to be written, and what is read back.
#[derive(Debug, Clone)]
enum Cell {
    Text(String),
    Number(f64),
    Integer(i64),
    Count(u64),
    Missing,
}

impl Cell {
    fn add_to(&self, rows: &mut CsvRows) {
        match self {
            Self::Text(value) => rows.text(value),
            Self::Number(value) => rows.number(*value),
            Self::Integer(value) => rows.integer(*value),
            Self::Count(value) => rows.count(*value),
            Self::Missing => rows.missing(),
        }
    }

    fn is_read_as(&self, read: &str) -> bool {
        match self {
            Self::Text(value) => read == value,
            Self::Number(value) if value.is_finite() => {
                read.parse::<f64>().is_ok_and(|number| number.to_bits() == value.to_bits())
            }
            Self::Integer(value) => read == value.to_string(),
            Self::Count(value) => read == value.to_string(),
            Self::Number(_) | Self::Missing => read.is_empty(),
        }
    }
}

fn cell() -> impl Strategy<Value = Cell> {
    prop_oneof![
        "[a-z ,;\"\r\n\u{e9}\u{1f980}=+@-]{0,12}".prop_map(Cell::Text),
        any::<String>().prop_map(Cell::Text),
        any::<f64>().prop_map(Cell::Number),
        any::<i64>().prop_map(Cell::Integer),
        any::<u64>().prop_map(Cell::Count),
        Just(Cell::Missing),
    ]
}

fn table() -> impl Strategy<Value = Vec<Vec<Cell>>> {
    (1usize..6).prop_flat_map(|columns| prop::collection::vec(prop::collection::vec(cell(), columns), 0..12))
}

/// Bytes in pieces.
fn pieces() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        prop::collection::vec(0u8..4, 0..3_000),
        (any::<u8>(), 0usize..100_000).prop_map(|(byte, len)| vec![byte; len]),
    ];
    prop::collection::vec(piece, 0..6)
}

/// RFC 4180 by the letter: no leniency that could hide a fault of the writer.
fn parse(text: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let cell;
        (cell, rest) = parse_cell(rest);
        row.push(cell);
        let end = rest.chars().next().expect("a row ends in a line feed");
        rest = &rest[1..];
        match end {
            ',' => assert!(!rest.is_empty(), "a row ends in a line feed"),
            '\n' => rows.push(std::mem::take(&mut row)),
            other => panic!("{other:?} after a cell"),
        }
    }
    rows
}

fn parse_cell(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', '\n', '"', '\r']).expect("a row ends in a line feed");
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut cell = String::new();
    let mut rest = quoted;
    loop {
        let end = rest.find('"').expect("a quote is closed");
        cell.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => rest = after,
            None => return (cell, rest),
        }
        cell.push('"');
    }
}

proptest! {
    #[test]
    fn any_rows_are_read_back_equal(table in table()) {
        let mut rows = CsvRows::with_capacity(100);
        for row in &table {
            row.iter().for_each(|cell| cell.add_to(&mut rows));
            rows.end_row();
        }
        prop_assert_eq!(rows.rows(), table.len() as u64);
        let text = String::from_utf8(rows.into_bytes()).unwrap();
        let read = parse(&text);
        prop_assert_eq!(read.len(), table.len());
        for (row, read) in table.iter().zip(&read) {
            prop_assert_eq!(row.len(), read.len());
            for (cell, read) in row.iter().zip(read) {
                prop_assert!(cell.is_read_as(read), "{cell:?} is read as {read:?}");
            }
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn promise_4_any_split_gives_the_same_content_and_digest(pieces in pieces()) {
        let whole = pieces.concat();
        for packing in [Packing::Deflated, Packing::Stored] {
            let slices: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let split = zip(&[member("m", packing, &slices)]);
            let joined = zip(&[member("m", packing, &[&whole])]);
            prop_assert_eq!(&unzip(&split.0), &vec![("m".to_owned(), whole.clone())]);
            prop_assert_eq!(unzip(&joined.0), unzip(&split.0));
            prop_assert_eq!(&split.1.members, &joined.1.members);
            prop_assert_eq!(&split.1.members[0].sha256, &sha256(&whole));
        }
    }

    #[test]
    fn promise_4_the_same_parts_give_the_same_bytes_whoever_made_them(pieces in pieces()) {
        let slices: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        let here = member("m", Packing::Deflated, &slices);
        let parts: Vec<Part> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                pieces.iter().map(|piece| scope.spawn(|| Part::deflated(piece.clone()))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let mut there = Member::create("m", Packing::Deflated, scratch().path()).unwrap();
        parts.iter().for_each(|part| there.append(part).unwrap());
        prop_assert_eq!(zip(&[here]), zip(&[there]));
    }
}

/// 70,000 rows of three types: more than one row group.
fn batch(rows: std::ops::Range<i64>) -> RecordBatch {
    let number = |row: i64| (row % 5 != 0).then_some(row as f64 / 7.0);
    let columns: [(&str, ArrayRef); 3] = [
        ("key", Arc::new(rows.clone().map(|row| Some(format!("policy {row}"))).collect::<StringArray>())),
        ("count", Arc::new(rows.clone().map(|row| (row % 3 != 0).then_some(row)).collect::<Int64Array>())),
        ("prediction", Arc::new(rows.map(number).collect::<Float64Array>())),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap()
}

fn parquet_member(step: usize) -> Member {
    let mut rows = ParquetRows::create("outputs.parquet", batch(0..0).schema(), scratch().path()).unwrap();
    for start in (0..70_000).step_by(step) {
        rows.append(batch(start..(start + step as i64).min(70_000))).unwrap();
    }
    rows.finish().unwrap()
}

#[test]
fn parquet_rows_come_back_and_their_bytes_do_not_depend_on_the_batches() {
    let member = parquet_member(70_000);
    assert_eq!(member.digest().rows, Some(70_000));
    let (bytes, packed) = zip(&[member]);
    for step in [8_192, 9_999, 317] {
        assert_eq!(zip(&[parquet_member(step)]), (bytes.clone(), packed.clone()), "{step}");
    }

    let (name, content) = unzip(&bytes).remove(0);
    assert_eq!(name, "outputs.parquet");
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, &content).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let metadata = builder.metadata().clone();
    assert_eq!(metadata.file_metadata().created_by(), Some("bordereau"));
    assert_eq!(metadata.row_groups().iter().map(|group| group.num_rows()).collect::<Vec<_>>(), [65_536, 4_464]);
    let read: Vec<RecordBatch> = builder.with_batch_size(70_000).build().unwrap().map(Result::unwrap).collect();
    let read = arrow::compute::concat_batches(&read[0].schema(), &read).unwrap();
    assert_eq!(read.columns(), batch(0..70_000).columns());
}

#[test]
fn a_parquet_file_without_rows_has_its_columns() {
    let rows = ParquetRows::create("errors.parquet", batch(0..0).schema(), scratch().path()).unwrap();
    let member = rows.finish().unwrap();
    assert_eq!(member.digest().rows, Some(0));
    let content = unzip(&zip(&[member]).0).remove(0).1;
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, &content).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let names: Vec<_> = builder.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["key", "count", "prediction"]);
}

#[test]
fn a_batch_of_another_shape_is_an_error() {
    let mut rows = ParquetRows::create("a.parquet", batch(0..0).schema(), scratch().path()).unwrap();
    let other = batch(0..3).project(&[0]).unwrap();
    assert!(rows.append(other).is_err());
}
