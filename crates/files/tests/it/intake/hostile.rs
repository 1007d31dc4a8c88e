//! Zips made to do harm, generated: each has its sentence, and costs no more than its own bytes.

use super::messages::{When, check_zip_of, good, refused};
use super::writer::{Item, zip, zip_of_count};
use super::{OneFile, read_all};
use bordereau_base::limits::IntakeLimits;
use bordereau_base::refusal::{Refusal, RefusalCode};
use bordereau_files::intake::IntakeError;

const CONTENT: &str = "policy,state\n1,CO\n2,MO\n";
const NOT_A_ZIP: &str = "error opening zipfile zipfile could not be opened";
const NO_DIRECTORY: &str = "the zip is cut short: its directory, which comes last, is not all there";
const FOLDERS: &str = "File contains subdirectories, provide zips with only files";

#[test]
fn promise_8_a_zip_cut_at_any_byte_has_one_of_two_sentences() {
    for (zip64, descriptor) in [(false, false), (false, true), (true, false), (true, true)] {
        let items = [
            Item { zip64, descriptor, ..Item::stored("insured.csv", CONTENT) },
            Item { zip64, descriptor, ..Item::deflated("class.csv", CONTENT) },
        ];
        let whole = zip(&items);
        for cut in 0..whole.len() {
            let (when, Refusal { code, message }) = refused("book.zip", &whole[..cut], &IntakeLimits::default());
            assert_eq!(when, When::AtOnce, "cut at {cut}");
            let expected = [(RefusalCode::NotAZip, NOT_A_ZIP), (RefusalCode::Truncated, NO_DIRECTORY)];
            assert!(expected.contains(&(code, message.as_str())), "cut at {cut}: {code:?} {message}");
        }
    }
}

/// The end of the directory says how many entries there are; what is not there is not made room for.
#[test]
fn promise_7_counts_beyond_all_measure_cost_nothing() {
    for count in [3, 65_535, 1 << 32, 1 << 62, u64::MAX] {
        let items = ["insured.csv", "class.csv"].map(|name| Item { zip64: true, ..good(name) });
        let (when, refusal) = refused("book.zip", &zip_of_count(&items, count), &IntakeLimits::default());
        assert_eq!((when, refusal), (When::AtOnce, Refusal::new(RefusalCode::NotAZip, NOT_A_ZIP)), "{count}");
    }
}

/// As the densest bombs are made: many entries, one and the same packed bytes.
#[test]
fn promise_7_any_number_of_entries_of_the_same_bytes_is_refused() {
    for count in [2, 30, 999] {
        let items: Vec<Item> = (0..count)
            .map(|number| Item { offset: Some(0), ..Item::stored(&format!("relation_{number:03}.csv"), CONTENT) })
            .collect();
        let (when, refusal) = refused("book.zip", &zip(&items), &IntakeLimits::default());
        assert_eq!((when, refusal.code), (When::AtOnce, RefusalCode::NotAZip), "{count}");
        assert!(refusal.message.ends_with(" share bytes of the zip"), "{}", refusal.message);
    }
}

/// An entry that begins within another one's bytes, where those hold a header of its own.
#[test]
fn promise_7_an_entry_within_another_is_refused() {
    let inner = zip(&[Item::stored("class.csv", CONTENT)]);
    let inner = String::from_utf8_lossy(&inner[..inner.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap()])
        .into_owned();
    let outer = Item::stored("insured.csv", &inner);
    let within = Item {
        offset: Some(30 + "insured.csv".len() as u64),
        packed: Some(Vec::new()),
        packed_bytes: Some(CONTENT.len() as u64),
        ..Item::stored("class.csv", CONTENT)
    };
    let (when, refusal) = refused("book.zip", &zip(&[outer, within]), &IntakeLimits::default());
    assert_eq!((when, refusal.code), (When::AtOnce, RefusalCode::NotAZip), "{}", refusal.message);
    assert_eq!(refusal.message, "insured.csv and class.csv share bytes of the zip");
}

#[test]
fn promise_8_no_name_leads_out_of_the_upload() {
    for name in [
        "/insured.csv",
        "//server/insured.csv",
        "/etc/cron.d/insured.csv",
        "../../insured.csv",
        "a/../insured.csv",
        "..\\..\\insured.csv",
        "C:\\insured.csv",
        "C:/insured.csv",
        "\\\\server\\share\\insured.csv",
        "\\\\?\\C:\\insured.csv",
    ] {
        check_zip_of(
            &[good("class.csv"), Item::stored(name, CONTENT)],
            When::AtOnce,
            RefusalCode::Subdirectories,
            FOLDERS,
        );
    }
    for (name, shown) in
        [("insured.csv\0.exe", "insured.csv\u{fffd}.exe"), ("CON", "CON"), ("insured.csv::$DATA", "insured.csv::$DATA")]
    {
        let message = format!("{shown} is not a csv, psv, tsv or txt file");
        check_zip_of(
            &[good("class.csv"), Item::stored(name, CONTENT)],
            When::AtOnce,
            RefusalCode::UnknownEntryType,
            &message,
        );
    }
}

/// A zip within the zip is never opened, whatever it is called.
#[test]
fn promise_7_zips_within_zips_stay_closed() {
    let inner = zip(&[Item::deflated("insured.csv", &"a".repeat(1 << 20))]);
    let nested = |name: &str| Item { content: inner.clone(), ..Item::deflated(name, "") };
    check_zip_of(
        &[nested("inner.zip")],
        When::AtOnce,
        RefusalCode::UnknownEntryType,
        "inner.zip is not a csv, psv, tsv or txt file",
    );
    let message = "the header of insured.csv holds bytes that are not text";
    check_zip_of(&[nested("insured.csv")], When::Reading, RefusalCode::UnreadableText, message);
}

/// Values that are not text make their row a finding; the rows beside it are read.
#[test]
fn promise_8_nuls_and_other_encodings_spoil_no_row_but_their_own() {
    let rows: [(&[u8], bool); 5] = [
        (b"1,CO\n", false),
        (b"2,\0\0\n", true),
        ("3,Caf\u{e9}\n".as_bytes(), false),
        (b"4,Caf\xe9\n", false),
        (b"5,MO\n", false),
    ];
    let content = [b"policy,state\n".to_vec(), rows.map(|(row, _)| row.to_vec()).concat()].concat();
    let table = read_all(OneFile::new("insured.csv", &content).upload().unwrap().read(0).unwrap()).unwrap();
    assert_eq!(table.rows.len(), rows.len());
    let spoilt: Vec<u64> = (2..).zip(rows).filter(|(_, (_, spoilt))| *spoilt).map(|(number, _)| number).collect();
    assert_eq!(table.undecodable, spoilt);
}

/// What a refusal costs does not depend on how often it is asked for.
#[test]
fn promise_8_a_damaged_entry_does_not_spoil_the_others() {
    let damaged = Item { crc: Some(1), ..Item::deflated("insured.csv", CONTENT) };
    let upload = OneFile::new("book.zip", &zip(&[damaged, Item::deflated("class.csv", CONTENT)])).upload().unwrap();
    assert!(matches!(upload.read(0).and_then(read_all), Err(IntakeError::Refused(_))));
    assert_eq!(read_all(upload.read(1).unwrap()).unwrap().rows.len(), 2);
}
