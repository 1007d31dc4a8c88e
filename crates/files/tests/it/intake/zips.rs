//! Zips as tools write them, and as nobody should: all the kinds that are read, and bytes that only try to look like
//! one.

use super::writer::{Item, deflate, zip};
use super::{OneFile, Table, numbered, read_all, read_file};
use bordereau_base::limits::IntakeLimits;
use bordereau_base::refusal::{Refusal, RefusalCode};
use bordereau_files::intake::{EntryKind, IntakeError, Upload};
use proptest::prelude::*;
use std::fs::{self, File};

const INSURED: &str = "policy,state\n1,CO\n2,\"MO\"\n";

fn insured() -> Table {
    Table {
        header: vec!["policy".into(), "state".into()],
        rows: numbered(&[&["1", "CO"], &["2", "MO"]]),
        ragged: vec![],
        undecodable: vec![],
        windows_1252_rows: 0,
    }
}

#[test]
fn every_kind_of_entry_is_read() {
    for zip64 in [false, true] {
        for descriptor in [false, true] {
            let stored = Item { zip64, descriptor, ..Item::stored("insured.csv", INSURED) };
            let deflated = Item { zip64, descriptor, ..Item::deflated("class.csv", INSURED) };
            let file = OneFile::new("book.zip", &zip(&[stored, deflated]));
            let upload = file.upload().unwrap();
            for entry in 0..2 {
                assert_eq!(read_all(upload.read(entry).unwrap()).unwrap(), insured(), "{zip64} {descriptor} {entry}");
            }
        }
    }
}

#[test]
fn a_zip_is_known_by_its_content_whatever_its_name_and_surroundings() {
    let plain = zip(&[Item::deflated("insured.csv", INSURED)]);
    let after_a_program = [b"#!/bin/unpacker\n".as_slice(), &plain].concat();
    let mut with_comment = plain.clone();
    let end = with_comment.len();
    with_comment[end - 2..].copy_from_slice(&5u16.to_le_bytes());
    with_comment.extend(b"hello");
    for (name, bytes) in [
        ("book.zip", &plain),
        ("book.csv", &plain),
        ("book", &plain),
        ("book.exe", &after_a_program),
        ("book.zip", &with_comment),
    ] {
        let upload = OneFile::new(name, bytes).upload().unwrap();
        assert_eq!(read_all(upload.read(0).unwrap()).unwrap(), insured(), "{name}");
    }
}

#[test]
fn entries_say_what_they_are() {
    let items = [
        Item::stored("Insured.CSV", INSURED),
        Item::deflated("./class.psv", INSURED),
        Item::deflated("loss run.tsv", INSURED),
        Item::deflated("v1.2 notes.txt", INSURED),
    ];
    let upload = OneFile::new("book.zip", &zip(&items)).upload().unwrap();
    let said: Vec<_> = upload.entries().iter().map(|entry| (&*entry.name, &*entry.stem, entry.kind)).collect();
    assert_eq!(
        said,
        [
            ("Insured.CSV", "Insured", EntryKind::Csv),
            ("class.psv", "class", EntryKind::Psv),
            ("loss run.tsv", "loss run", EntryKind::Tsv),
            ("v1.2 notes.txt", "v1.2 notes", EntryKind::Txt),
        ]
    );
    let bytes: Vec<_> = upload.entries().iter().map(|entry| (entry.packed_bytes, entry.declared_bytes)).collect();
    let size = INSURED.len() as u64;
    let packed = deflate(INSURED.as_bytes()).len() as u64;
    assert_eq!(bytes, [(size, size), (packed, size), (packed, size), (packed, size)]);
    assert_eq!(upload.bytes_total(), 4 * size);
}

#[test]
fn files_of_tools_are_ignored_and_noted() {
    let items = [
        Item::stored("__MACOSX/", ""),
        Item::stored("__MACOSX/._insured.csv", "x"),
        Item::stored(".DS_Store", "x"),
        Item { flags: 1, ..Item::stored("._insured.csv", "x") },
        Item::deflated("insured.csv", INSURED),
    ];
    let upload = OneFile::new("book.zip", &zip(&items)).upload().unwrap();
    assert_eq!(upload.entries().len(), 1);
    assert_eq!(
        upload.notes(),
        [
            "__MACOSX/ was ignored: it is not part of the data",
            "__MACOSX/._insured.csv was ignored: it is not part of the data",
            ".DS_Store was ignored: it is not part of the data",
            "._insured.csv was ignored: it is not part of the data",
        ]
    );
}

#[test]
fn folders_and_files_are_read_like_zips() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["insured.csv", "class.csv", ".hidden"] {
        fs::write(folder.path().join(name), INSURED).unwrap();
    }
    let limits = IntakeLimits::default();
    let whole = Upload::open(&[folder.path().to_owned()], &limits).unwrap();
    let files = ["class.csv", "insured.csv"].map(|name| folder.path().join(name));
    let single = Upload::open(&files, &limits).unwrap();
    assert_eq!(whole.entries(), single.entries());
    assert_eq!(whole.notes(), [".hidden was ignored: it is not part of the data"]);
    for upload in [whole, single] {
        assert_eq!(read_all(upload.read(0).unwrap()).unwrap(), insured());
        assert_eq!(read_all(upload.read(1).unwrap()).unwrap(), insured());
    }
}

#[test]
fn entries_are_read_on_several_threads() {
    let content = format!("a,b\n{}", "1,2\n".repeat(10_000));
    let items = ["a.csv", "b.csv"].map(|name| Item::deflated(name, &content));
    let upload = OneFile::new("book.zip", &zip(&items)).upload().unwrap();
    let upload = &upload;
    std::thread::scope(|scope| {
        let readers = [0, 1, 0, 1].map(|entry| scope.spawn(move || read_all(upload.read(entry).unwrap()).unwrap()));
        for reader in readers {
            assert_eq!(reader.join().unwrap().rows.len(), 10_000);
        }
    });
}

#[test]
fn promise_7_a_million_records_are_given_up_at_the_cap() {
    let one = zip(&[Item::stored("insured.csv", INSURED)]);
    let start = one.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    let record = &one[start..one.len() - 22];
    let mut bytes = one[..start].to_vec();
    (0..1_000_000).for_each(|_| bytes.extend(record));
    bytes.extend(b"PK\x05\x06\0\0\0\0\xff\xff\xff\xff");
    bytes.extend((record.len() as u32 * 1_000_000).to_le_bytes());
    bytes.extend((start as u32).to_le_bytes());
    bytes.extend([0, 0]);
    let refused = OneFile::new("book.zip", &bytes).upload().unwrap_err();
    assert_eq!(refused.to_string(), "the upload has more than 1000 entries (entries_max)");
}

#[test]
fn promise_7_a_line_of_five_gigabytes_is_given_up_at_the_cap() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("insured.csv");
    fs::write(&path, "a,b\n1,2\n").unwrap();
    File::options().write(true).open(&path).unwrap().set_len(5 << 30).unwrap();
    let upload = Upload::open(&[path], &IntakeLimits::default()).unwrap();
    let refused = read_all(upload.read(0).unwrap()).unwrap_err();
    assert_eq!(refused.to_string(), "row 3 of insured.csv is longer than 16777216 bytes (line_bytes_max)");
}

#[test]
fn promise_7_a_bomb_within_its_claims_is_stopped_by_its_first_row() {
    let limits = IntakeLimits { unpack_ratio_max: u64::MAX, ..IntakeLimits::default() };
    let bomb = zip(&[Item::deflated("insured.csv", &format!("a,b\n{}", "1".repeat(64 << 20)))]);
    let upload = OneFile::new("book.zip", &bomb).upload_within(&limits).unwrap();
    let mut rows = upload.read(0).unwrap();
    assert!(rows.next_block().is_err());
    assert!(rows.bytes_read() < 20 << 20, "{} bytes were unpacked", rows.bytes_read());
}

#[test]
fn promise_7_a_hundred_thousand_columns_are_refused() {
    let names: Vec<String> = (0..100_000).map(|number| format!("column_{number}")).collect();
    let items = [Item::deflated("insured.csv", &names.join(","))];
    let refused = OneFile::new("book.zip", &zip(&items)).upload().unwrap().read(0).unwrap_err();
    assert_eq!(refused.to_string(), "the header of insured.csv names more than 10000 columns (columns_max)");
}

/// Work must grow with the bytes alone: a reader that looks back over the blanks for each quote needs an hour here.
#[test]
fn marks_after_a_long_run_of_blanks_are_no_work() {
    let (blanks, quotes) = (" ".repeat(6 << 20), "\"".repeat(6 << 20));
    let table = read_file("t.csv", format!("a,b\n1,{blanks}x{quotes}\n").as_bytes()).unwrap();
    assert_eq!(table.rows[0].1[1].as_ref().unwrap().len(), (12 << 20) + 1);
}

/// A decoder that makes room anew for each of them takes ten times as long, and more for every byte it reads at once.
#[test]
fn lone_surrogates_are_no_work() {
    let row = [&b"1\0,\0"[..], &b"\x00\xd8".repeat(1000), b"\n\0"].concat();
    let bytes = [b"\xff\xfea\0,\0b\0\n\0".as_slice(), &row.repeat(10_000)].concat();
    let table = read_file("t.csv", &bytes).unwrap();
    assert_eq!((table.rows.len(), table.undecodable.len()), (10_000, 10_000));
    assert!(table.rows.iter().all(|(_, row)| row[1].as_deref() == Some("\u{fffd}".repeat(1000).as_str())));
}

#[test]
fn promise_7_short_rows_under_many_columns_take_no_more_memory_than_long_ones() {
    let names: Vec<String> = (0..10_000).map(|number| number.to_string()).collect();
    let content = format!("{}\n{}", names.join(","), "x\n".repeat(200_000));
    let upload = OneFile::new("insured.csv", content.as_bytes()).upload().unwrap();
    let mut rows = upload.read(0).unwrap();
    let mut bytes = 0;
    while let Some(block) = rows.next_block().unwrap() {
        assert!(block.bytes() <= 2 * (1 << 20) / 10_000, "{} bytes in a block", block.bytes());
        bytes += block.bytes();
    }
    assert_eq!(bytes, 400_000);
}

fn read_whatever_it_is(bytes: &[u8]) -> Result<usize, IntakeError> {
    let upload = OneFile::new("book.zip", bytes).upload()?;
    let tables = (0..upload.entries().len()).map(|entry| Ok(read_all(upload.read(entry)?)?.rows.len()));
    tables.sum()
}

/// An error of reading is a refusal, never our own disk's.
fn is_answered(outcome: Result<usize, IntakeError>) -> bool {
    match outcome {
        Ok(_) => true,
        Err(IntakeError::Refused(Refusal { code, message })) => {
            !message.is_empty() && code != RefusalCode::MissingColumn
        }
        Err(IntakeError::Io(_)) => false,
    }
}

proptest! {
    #[test]
    fn promise_8_a_zip_with_changed_bytes_is_read_or_refused(
        zip64: bool,
        descriptor: bool,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let items = [
            Item { zip64, descriptor, ..Item::stored("insured.csv", INSURED) },
            Item { zip64, descriptor, ..Item::deflated("class.psv", INSURED) },
        ];
        let mut bytes = zip(&items);
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        prop_assert!(is_answered(read_whatever_it_is(&bytes)));
    }

    #[test]
    fn a_zip_that_is_cut_anywhere_is_refused(cut in any::<prop::sample::Index>(), zip64: bool) {
        let bytes = zip(&[Item { zip64, ..Item::deflated("insured.csv", INSURED) }]);
        let cut = cut.index(bytes.len());
        let outcome = read_whatever_it_is(&bytes[..cut]);
        let code = match outcome {
            Err(IntakeError::Refused(refusal)) => refusal.code,
            other => panic!("cut at {cut}: {other:?}"),
        };
        prop_assert!(matches!(code, RefusalCode::Truncated | RefusalCode::NotAZip), "{:?}", code);
    }

    #[test]
    fn promise_8_any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(is_answered(read_whatever_it_is(&bytes)));
        for name in ["insured.csv", "insured.txt", "insured.tsv"] {
            let table = OneFile::new(name, &bytes).upload().and_then(|upload| upload.read(0)).and_then(read_all);
            prop_assert!(is_answered(table.map(|table| table.rows.len())));
        }
    }
}
