//! All that can be profiled, and what only looks like it.

use super::{Files, full, refusal, refused, relation, run};
use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array, Float64Array,
    Int64Array, ListArray, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{Int32Type, Int64Type};
use bordereau_base::limits::IntakeLimits;
use bordereau_base::refusal::RefusalCode;
use bordereau_profile::document::Profile;
use bordereau_profile::error::Error;
use bordereau_profile::input::Input;
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use sha2::{Digest, Sha256};
use std::io::Write;
use std::sync::Arc;

const TEXT: &[u8] = b"policy|state|premium\nA1|CO|10.5\nA2|MO|7\nA3|CO|\n";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

/// What is the same of a relation whatever it was packed in.
fn facts(profile: &Profile) -> (String, u64, Vec<String>) {
    let relation = &profile.relations[0];
    (relation.name.clone(), relation.rows, relation.columns.iter().map(|column| column.name.clone()).collect())
}

#[test]
fn packed_files_are_profiled_as_what_they_hold() {
    let (gz, zst) = (gzip(TEXT), zstd(TEXT));
    let two_members = [gzip(&TEXT[..30]), gzip(&TEXT[30..])].concat();
    let two_frames = [zstd(&TEXT[..30]), zstd(&TEXT[30..])].concat();
    let plain = full("book.psv", TEXT).unwrap();
    for (name, bytes) in [
        ("book.psv.gz", &gz),
        ("book.psv.zst", &zst),
        ("book.psv.ZSTD", &zst),
        ("book.psv", &gz),
        ("book.txt.gz", &gz),
        ("book.psv.gz", &two_members),
        ("book.psv.zst", &two_frames),
    ] {
        let profile = full(name, bytes).unwrap();
        assert_eq!(facts(&profile), facts(&plain), "{name}");
        assert_eq!(profile.relations[0].columns, plain.relations[0].columns, "{name}");
        assert_eq!(profile.upload.bytes, bytes.len() as u64);
        assert_eq!(profile.upload.unpacked_bytes, TEXT.len() as u64);
        let digest = bordereau_base::digest::hex(&Sha256::digest(bytes));
        assert_eq!(profile.upload.sha256, Some(digest), "{name}");
        assert!(profile.relations[0].assumed.iter().any(|said| said.starts_with("packed by")), "{name}");
    }
}

#[test]
fn digests_are_of_what_was_uploaded() {
    let hex = |bytes: &[u8]| Some(bordereau_base::digest::hex(&Sha256::digest(bytes)));
    assert_eq!(full("a.csv", b"x,y\n1,2\n").unwrap().upload.sha256, hex(b"x,y\n1,2\n"));
    let zip = Files::zip(&[("a.csv", b"x\n1\n")]);
    let bytes = std::fs::read(zip.path("book.zip")).unwrap();
    assert_eq!(run(&zip.open("book.zip").unwrap(), 1).unwrap().1.profile.upload.sha256, hex(&bytes));
    let folder = Files::new(&[("a.csv", b"x\n1\n"), ("b.csv", b"y\n1\n")]);
    let each = [Sha256::digest(b"x\n1\n"), Sha256::digest(b"y\n1\n")].concat();
    assert_eq!(run(&folder.open("").unwrap(), 1).unwrap().1.profile.upload.sha256, hex(&each));
}

#[test]
fn folders_and_several_files_are_several_relations() {
    let files =
        Files::new(&[("b.psv.gz", &gzip(TEXT)), ("a.csv", b"x,y\n1,2\n"), ("c.txt", b"x;y\n1;2\n"), (".hidden", b"?")]);
    let profile = run(&files.open("").unwrap(), 2).unwrap().1.profile;
    let names: Vec<_> = profile.relations.iter().map(|relation| relation.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(profile.upload.notes.len(), 1);
    assert_eq!(profile.upload.entries, ["a.csv", "b.psv.gz", "c.txt"]);
    let given = Input::open(&[files.path("c.txt"), files.path("a.csv")], &IntakeLimits::default()).unwrap();
    let profile = run(&given, 2).unwrap().1.profile;
    assert_eq!(profile.upload.name, "c.txt, a.csv");
    assert_eq!(profile.relations[0].delimiter.as_deref(), Some(";"));
}

#[test]
fn standard_input_may_hold_anything() {
    let zip = Files::zip(&[("book.psv", TEXT)]);
    let zip = std::fs::read(zip.path("book.zip")).unwrap();
    for (bytes, name, file) in [
        (TEXT.to_vec(), "stdin", "-"),
        (gzip(TEXT), "stdin", "-"),
        (zstd(TEXT), "stdin", "-"),
        (zip, "book", "book.psv"),
    ] {
        let scratch = tempfile::tempdir().unwrap();
        let input = Input::from_stream(bytes.as_slice(), scratch.path(), &IntakeLimits::default()).unwrap();
        assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
        let profile = run(&input, 2).unwrap().1.profile;
        let relation = &profile.relations[0];
        assert_eq!((profile.upload.name.as_str(), relation.name.as_str(), relation.file.as_str()), ("-", name, file));
        assert_eq!((relation.rows, relation.delimiter.as_deref()), (3, Some("|")));
        assert_eq!(profile.upload.sha256, Some(bordereau_base::digest::hex(&Sha256::digest(&bytes))));
    }
}

fn parquet(batch: &RecordBatch) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn typed() -> RecordBatch {
    let list = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1)]), None, None]);
    let dictionary: DictionaryArray<Int32Type> = [Some("CO"), Some("MO"), Some("CO")].into_iter().collect();
    let zoned = TimestampMicrosecondArray::from(vec![0, 1_500_000, 86_400_000_000]).with_timezone("America/Denver");
    let decimal = Decimal128Array::from(vec![1050, -5, 0]).with_precision_and_scale(10, 2).unwrap();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3]))),
        ("number", Arc::new(Float64Array::from(vec![Some(0.1), None, Some(1e300)]))),
        ("short", Arc::new(Float32Array::from(vec![0.1, 2.5, 3.0]))),
        ("name", Arc::new(StringArray::from(vec![Some("a"), None, Some("")]))),
        ("flag", Arc::new(BooleanArray::from(vec![true, false, true]))),
        ("day", Arc::new(Date32Array::from(vec![0, 18_993, -1]))),
        ("at", Arc::new(zoned)),
        ("money", Arc::new(decimal)),
        ("state", Arc::new(dictionary)),
        ("many", Arc::new(list)),
        ("raw", Arc::new(BinaryArray::from_vec(vec![b"a", b"b", b"c"]))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

#[test]
fn typed_columns_give_the_statistics_of_their_texts() {
    let found = relation("book.parquet", &parquet(&typed()));
    let text = "id,number,short,name,flag,day,at,money,state\n\
        1,0.1,0.1,a,true,1970-01-01,1970-01-01T00:00:00,10.50,CO\n\
        2,,2.5,,false,2022-01-01,1970-01-01T00:00:01.500,-0.05,MO\n\
        3,1e300,3.0,,true,1969-12-31,1970-01-02T00:00:00,0.00,CO\n";
    let expected = relation("book.csv", text.as_bytes());
    assert_eq!((found.rows, found.encoding.clone(), found.delimiter.clone()), (3, None, None));
    assert_eq!(found.columns.len(), expected.columns.len());
    for (found, expected) in found.columns.iter().zip(&expected.columns) {
        assert_eq!((&found.name, &found.typing), (&expected.name, &expected.typing));
        assert_eq!((&found.numbers, &found.dates), (&expected.numbers, &expected.dates), "{}", found.name);
        assert_eq!(found.frequent, expected.frequent);
        assert_eq!(found.nulls.total, expected.nulls.total);
    }
    for said in ["the column many was left out: it is nested", "the column raw was left out: it is binary"] {
        assert!(found.assumed.iter().any(|line| line == said), "{:?}", found.assumed);
    }
    assert!(found.assumed.iter().any(|line| line == "times of the column at are shown in UTC"));
}

#[test]
fn what_cannot_be_read_is_refused_with_a_sentence() {
    let (gz, zst) = (gzip(&TEXT.repeat(1_000)), zstd(&TEXT.repeat(1_000)));
    let table = parquet(&typed());
    let mut broken_gz = gz.clone();
    let middle = broken_gz.len() / 2;
    broken_gz[middle..middle + 8].fill(0x55);
    let mut wrong_sum = gz.clone();
    let end = wrong_sum.len();
    wrong_sum[end - 6] ^= 1;
    let trailing = [gz.as_slice(), b"and more"].concat();
    let only_binary =
        RecordBatch::try_from_iter([("raw", Arc::new(BinaryArray::from_vec(vec![b"a"])) as ArrayRef)]).unwrap();
    let cases: Vec<(&str, Vec<u8>, RefusalCode)> = vec![
        ("a.csv.gz", gz[..gz.len() - 20].to_vec(), RefusalCode::Truncated),
        ("a.csv.gz", gz[..6].to_vec(), RefusalCode::Truncated),
        ("a.csv.gz", broken_gz, RefusalCode::WrongChecksum),
        ("a.csv.gz", wrong_sum, RefusalCode::WrongChecksum),
        ("a.csv.gz", trailing, RefusalCode::WrongChecksum),
        ("a.csv.zst", zst[..zst.len() - 5].to_vec(), RefusalCode::Truncated),
        ("a.csv.zst", [&zst[..20], b"????????"].concat(), RefusalCode::WrongChecksum),
        ("a.csv.gz", gzip(b""), RefusalCode::EmptyFile),
        ("a.gz", gz, RefusalCode::UnknownEntryType),
        ("a.tar.zst", zst, RefusalCode::UnknownEntryType),
        ("a.pdf", b"%PDF".to_vec(), RefusalCode::UnknownEntryType),
        ("a.csv", Vec::new(), RefusalCode::EmptyFile),
        ("a.csv", b"\n\n".to_vec(), RefusalCode::EmptyFile),
        ("a.csv", b"x,X\n1,2\n".to_vec(), RefusalCode::DuplicateColumn),
        ("a.csv", b"x,y\n1,\"2\n".to_vec(), RefusalCode::UnclosedQuote),
        ("a.zip", b"not a zip".to_vec(), RefusalCode::NotAZip),
        ("a.parquet", table[..table.len() / 2].to_vec(), RefusalCode::WrongChecksum),
        ("a.parquet", b"PAR1 and nothing of the kind PAR1".to_vec(), RefusalCode::WrongChecksum),
        ("a.parquet", parquet(&only_binary), RefusalCode::EmptyFile),
    ];
    for (name, bytes, expected) in cases {
        let refusal = refusal(full(name, &bytes));
        // Damaged bytes may look like the beginning of more.
        let cut = expected == RefusalCode::WrongChecksum && refusal.code == RefusalCode::Truncated;
        assert!(refusal.code == expected || cut, "{name}: {refusal}");
        assert!(!refusal.message.is_empty() && refusal.message.lines().count() == 1);
    }
}

#[test]
fn every_cut_and_every_flipped_byte_is_survived() {
    let originals = [("a.csv.gz", gzip(TEXT)), ("a.csv.zst", zstd(TEXT)), ("a.parquet", parquet(&typed()))];
    for (name, bytes) in originals {
        for at in (0..bytes.len()).step_by(if name == "a.parquet" { 37 } else { 1 }) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x41;
            for bytes in [&bytes[..at], flipped.as_slice()] {
                match full(name, bytes) {
                    Ok(_) | Err(Error::Refused(_)) => {}
                    Err(error) => panic!("{name} at {at}: {error:?}"),
                }
            }
        }
    }
}

#[test]
fn caps_hold_for_what_is_unpacked() {
    let zeros = [b"x\n".as_slice(), &b"1\n".repeat(16 << 20)].concat();
    let limits = IntakeLimits { unpacked_bytes_max: 1 << 20, ..IntakeLimits::default() };
    for (name, bytes) in [("a.csv.gz", gzip(&zeros)), ("a.csv.zst", zstd(&zeros))] {
        assert_eq!(refused(full(name, &bytes)), RefusalCode::LimitExceeded, "{name}");
        let files = Files::new(&[(name, &gzip(&zeros[..3 << 20]))]);
        let input = Input::open(&[files.path(name)], &limits).unwrap();
        assert!(matches!(run(&input, 2), Err(Error::Refused(refusal)) if refusal.code == RefusalCode::LimitExceeded));
    }
}

#[test]
fn files_of_one_relation_are_refused() {
    let files = Files::new(&[("a.csv", TEXT), ("A.psv.gz", &gzip(TEXT))]);
    let ended = files.open("");
    assert!(matches!(ended, Err(Error::Refused(refusal)) if refusal.code == RefusalCode::DuplicateRelation));
}

#[test]
fn odd_files_have_a_profile() {
    let header = relation("a.csv", b"x,,z\n");
    let names: Vec<_> = header.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!((header.rows, names), (0, vec!["x", "column_2", "z"]));
    assert_eq!(header.empty_columns, ["x", "column_2", "z"]);
    let long = [b"x,y\n1,".as_slice(), &b"long ".repeat(2 << 20), b"\n2,short\n"].concat();
    assert_eq!(relation("a.csv", &long).rows, 2);
    let columns: Vec<String> = (0..10_000).map(|n| format!("c{n}")).collect();
    let wide = format!("{}\n{}\n", columns.join(","), vec!["7"; 10_000].join(","));
    let files = Files::new(&[("a.csv", wide.as_bytes())]);
    let profile = run(&files.open("a.csv").unwrap(), 2).unwrap().1.profile;
    assert_eq!((profile.relations[0].columns.len(), profile.relations[0].rows), (10_000, 1));
    assert!(!profile.degraded.is_empty());
}

#[test]
fn ragged_and_undecodable_rows_are_counted_and_never_fatal() {
    let mut text = b"x,y\n1,2\n1\n1,2,3\n\xe9,1\n".to_vec();
    text.extend(b"a\0b,1\n");
    for _ in 0..20 {
        text.extend(b"1\n");
    }
    let relation = relation("a.csv", &text);
    assert_eq!((relation.rows, relation.ragged_rows, relation.undecodable_rows), (25, 22, 1));
    assert_eq!(relation.ragged_examples, [3, 4, 7, 8, 9, 10, 11, 12, 13, 14]);
    assert_eq!(relation.encoding.as_deref(), Some("windows-1252"));
}
