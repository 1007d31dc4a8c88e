//! Every refusal, with its sentence.

use super::writer::{DEFLATED, Item, deflate, zip, zip_of_count};
use super::{OneFile, read_all};
use bordereau_base::limits::IntakeLimits;
use bordereau_base::refusal::{Refusal, RefusalCode};
use bordereau_files::intake::{IntakeError, Upload, check_zip};
use std::fs;

const GOOD: &str = "policy,state\n1,CO\n";

/// When a refusal is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// From names and the directory, at upload time.
    AtOnce,
    /// While the entry is read.
    Reading,
}

fn refusal(error: IntakeError) -> Refusal {
    match error {
        IntakeError::Refused(refusal) => refusal,
        IntakeError::Io(error) => panic!("not refused, but failed: {error}"),
    }
}

fn read_everything(upload: &Upload) -> Result<(), IntakeError> {
    (0..upload.entries().len()).try_for_each(|entry| read_all(upload.read(entry)?).map(drop))
}

/// What becomes of an upload that must be refused. `check_zip` must agree with opening.
pub fn refused(name: &str, bytes: &[u8], limits: &IntakeLimits) -> (When, Refusal) {
    let file = OneFile::new(name, bytes);
    let checked = name.ends_with(".zip").then(|| check_zip(&file.path, limits).map_err(refusal));
    match file.upload_within(limits) {
        Err(error) => {
            let refusal = refusal(error);
            assert!(checked.is_none_or(|checked| checked == Err(refusal.clone())));
            (When::AtOnce, refusal)
        }
        Ok(upload) => {
            assert!(checked.is_none_or(|checked| checked == Ok(())));
            (When::Reading, refusal(read_everything(&upload).unwrap_err()))
        }
    }
}

fn check(name: &str, bytes: &[u8], when: When, code: RefusalCode, message: &str) {
    check_within(&IntakeLimits::default(), name, bytes, when, code, message);
}

fn check_within(limits: &IntakeLimits, name: &str, bytes: &[u8], when: When, code: RefusalCode, message: &str) {
    assert_eq!(refused(name, bytes, limits), (when, Refusal::new(code, message)));
}

pub fn check_zip_of(items: &[Item], when: When, code: RefusalCode, message: &str) {
    check("book.zip", &zip(items), when, code, message);
}

/// The upload of one csv file.
fn check_csv(content: &str, code: RefusalCode, message: &str) {
    check("insured.csv", content.as_bytes(), When::Reading, code, message);
    check_zip_of(&[Item::deflated("insured.csv", content)], When::Reading, code, message);
}

pub fn good(name: &str) -> Item {
    Item::deflated(name, GOOD)
}

#[test]
fn what_is_no_zip_is_refused_in_the_guides_words() {
    let message = "error opening zipfile zipfile could not be opened";
    let lying_end = zip_of_count(&[good("insured.csv")], 2);
    let mut damaged_directory = zip(&[good("insured.csv")]);
    let directory = damaged_directory.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").unwrap();
    damaged_directory[directory] = b'X';
    let no_zips: [&[u8]; 5] =
        [b"", b"hello", b"\x1f\x8b\x08 this is another kind of archive", &lying_end, &damaged_directory];
    for bytes in no_zips {
        check("book.zip", bytes, When::AtOnce, RefusalCode::NotAZip, message);
    }
}

#[test]
fn passwords_are_refused_in_the_guides_words() {
    let message = "error opening zipfile Password protected zipfile not supported";
    let locked = Item { flags: 1, ..good("insured.csv") };
    let aes = Item { method: 99, ..Item::stored("insured.csv", GOOD) };
    let locked_in_folder = Item { flags: 1, ..good("2016/insured.csv") };
    for item in [locked, aes, locked_in_folder] {
        check_zip_of(&[good("class.csv"), item], When::AtOnce, RefusalCode::PasswordProtected, message);
    }
}

#[test]
fn folders_are_refused_in_the_guides_words() {
    let message = "File contains subdirectories, provide zips with only files";
    for name in ["2016/", "2016/insured.csv", "2016\\insured.csv", "2016/.DS_Store", "../insured.csv"] {
        let items = [good("class.csv"), Item::stored(name, "")];
        check_zip_of(&items, When::AtOnce, RefusalCode::Subdirectories, message);
    }
}

#[test]
fn entries_that_are_no_delimited_files_are_named() {
    for name in ["insured.xlsx", "README", "inner.zip", "insured.csv.gz"] {
        let message = format!("{name} is not a csv, psv, tsv or txt file");
        check_zip_of(&[good("class.csv"), good(name)], When::AtOnce, RefusalCode::UnknownEntryType, &message);
    }
    let link = Item { attributes: 0o120777 << 16, ..Item::stored("insured.csv", "/etc/passwd") };
    let message = "insured.csv is a link, not a file";
    check_zip_of(&[link], When::AtOnce, RefusalCode::UnknownEntryType, message);
    let message = "in\u{fffd}sured.doc is not a csv, psv, tsv or txt file";
    check_zip_of(&[good("in\nsured.doc")], When::AtOnce, RefusalCode::UnknownEntryType, message);
}

#[test]
fn other_methods_of_packing_are_named() {
    let item = Item { method: 14, ..Item::stored("insured.csv", GOOD) };
    let message = "insured.csv is packed by the method 14 (LZMA), which is not supported; use deflate, the usual one";
    check_zip_of(&[item], When::AtOnce, RefusalCode::UnsupportedCompression, message);
}

#[test]
fn zips_that_are_cut_short_are_refused() {
    let whole = zip(&[good("insured.csv"), good("class.csv")]);
    let message = "the zip is cut short: its directory, which comes last, is not all there";
    for bytes in [&whole[..whole.len() / 2], &whole[..whole.len() - 1]] {
        check("book.zip", bytes, When::AtOnce, RefusalCode::Truncated, message);
    }
    let message = "class.csv is cut short: the zip does not hold all of it";
    let elsewhere = Item { offset: Some(1), ..good("class.csv") };
    let beyond = Item { offset: Some(1 << 30), ..good("class.csv") };
    let too_long = Item { packed_bytes: Some(1 << 20), ..good("class.csv") };
    let absurd = Item { offset: Some(1 << 63), zip64: true, ..good("class.csv") };
    for item in [elsewhere, beyond, absurd, too_long] {
        check_zip_of(&[good("insured.csv"), item], When::AtOnce, RefusalCode::Truncated, message);
    }
    let half = deflate(GOOD.as_bytes());
    let half = Item { packed: Some(half[..half.len() / 2].to_vec()), ..good("class.csv") };
    check_zip_of(&[half], When::Reading, RefusalCode::Truncated, message);
}

#[test]
fn bytes_other_than_the_zip_states_are_refused() {
    let check = |item: Item, how: &str| {
        let message = format!("insured.csv is damaged: {how}");
        check_zip_of(&[item], When::Reading, RefusalCode::WrongChecksum, &message);
    };
    for item in [good("insured.csv"), Item::stored("insured.csv", GOOD)] {
        check(Item { crc: Some(1), ..item.clone() }, "its bytes do not have the checksum that the zip states");
        let fewer = GOOD.len() as u64 - 1;
        check(Item { unpacked_bytes: Some(fewer), ..item.clone() }, "it unpacks to more bytes than the zip states");
        check(Item { unpacked_bytes: Some(fewer + 2), ..item }, "it unpacks to fewer bytes than the zip states");
    }
    let garbage = Item { packed: Some(vec![0xff; 20]), ..good("insured.csv") };
    check(garbage, "its packed bytes cannot be unpacked");
    let mut longer = deflate(GOOD.as_bytes());
    longer.push(0);
    check(Item { packed: Some(longer), ..good("insured.csv") }, "its packed bytes go on after their end");
}

#[test]
fn promise_7_an_entry_that_claims_little_and_gives_much_is_stopped_at_its_claim() {
    let bomb = deflate(&vec![b'a'; 64 << 20]);
    let item = Item { packed: Some(bomb), method: DEFLATED, ..good("insured.csv") };
    let message = "insured.csv is damaged: it unpacks to more bytes than the zip states";
    check_zip_of(&[item], When::Reading, RefusalCode::WrongChecksum, message);
}

#[test]
fn uploads_without_files_are_refused() {
    let message = "the upload holds no csv, psv, tsv or txt file";
    for items in [vec![], vec![Item::stored("__MACOSX/._insured.csv", "x"), Item::stored(".DS_Store", "x")]] {
        check_zip_of(&items, When::AtOnce, RefusalCode::NoFiles, message);
    }
    let folder = tempfile::tempdir().unwrap();
    let opened = Upload::open(&[folder.path().to_owned()], &IntakeLimits::default());
    assert_eq!(refusal(opened.unwrap_err()), Refusal::new(RefusalCode::NoFiles, message));
}

#[test]
fn two_entries_for_one_relation_are_named() {
    for (first, second) in [
        ("insured.csv", "insured.csv"),
        ("insured.csv", "Insured.PSV"),
        ("loss run.csv", "loss_run.txt"),
        ("insured.csv", "./insured.csv"),
    ] {
        let named = second.trim_start_matches("./");
        let message = format!("{first} and {named} are for the same relation");
        check_zip_of(&[good(first), good(second)], When::AtOnce, RefusalCode::DuplicateRelation, &message);
    }
}

#[test]
fn empty_files_are_refused() {
    let message = "insured.csv is empty";
    check("insured.csv", b"", When::AtOnce, RefusalCode::EmptyFile, message);
    for item in [Item::stored("insured.csv", ""), Item::deflated("insured.csv", "")] {
        check_zip_of(&[item], When::AtOnce, RefusalCode::EmptyFile, message);
    }
    check_csv("\u{feff}", RefusalCode::EmptyFile, message);
    for content in ["\n", "  \r\n\r\n", ",,\n1,2,3\n", " \"\" \n"] {
        check_csv(content, RefusalCode::EmptyFile, "insured.csv has no header row that names its columns");
    }
}

#[test]
fn a_column_named_twice_is_told() {
    let code = RefusalCode::DuplicateColumn;
    check_csv("a,b,a\n", code, "the header of insured.csv names the column a twice");
    check_csv("a, b ,\"b\"\n1,2,3", code, "the header of insured.csv names the column b twice");
    check_csv(
        "Policy No,policy_no",
        code,
        "the header of insured.csv names one column twice, as Policy No and as policy_no",
    );
    // As the dictionary compares names: letter by letter, a final sigma no other than the rest.
    check_csv("ΣΑΣ,σασ", code, "the header of insured.csv names one column twice, as ΣΑΣ and as σασ");
}

#[test]
fn a_quote_that_is_never_closed_is_told_with_its_row() {
    let code = RefusalCode::UnclosedQuote;
    check_csv("a,b\n1,\"2\n3,4\n", code, "a quote in row 2 of insured.csv is never closed");
    check_csv("a,b\n\n1,2\n\"3\"\"", code, "a quote in row 4 of insured.csv is never closed");
    check_csv("\"a,b\n1,2\n", code, "a quote in row 1 of insured.csv is never closed");
}

#[test]
fn headers_that_are_not_text_are_refused() {
    let check = |content: &[u8], message: &str| {
        check("insured.csv", content, When::Reading, RefusalCode::UnreadableText, message);
    };
    let message = "the header of insured.csv holds bytes that are not text";
    check(b"a,\0b\n1,2\n", message);
    check(b"a,\x81\n1,2\n", message);
    check(b"\xff\xfea\0,\0\x00\xd8\n\0", message);
    let message = "insured.csv is not text in UTF-8, UTF-16 or Windows-1252";
    check(b"\xff\xfe\0\0a\0\0\0,\0\0\0", message);
    check(b"\0\0\xfe\xff\0\0\0a", message);
}

#[test]
fn promise_7_each_cap_is_named_with_its_value() {
    let check = |limits: IntakeLimits, bytes: &[u8], when: When, message: &str| {
        check_within(&limits, "book.zip", bytes, when, RefusalCode::LimitExceeded, message);
    };
    let limits = IntakeLimits::default;
    let book = zip(&[good("insured.csv"), good("class.csv"), Item::stored(".DS_Store", "x")]);
    let message = "the upload has more than 100 bytes (upload_bytes_max)";
    check(IntakeLimits { upload_bytes_max: 100, ..limits() }, &book, When::AtOnce, message);
    let message = "the upload has more than 2 entries (entries_max)";
    check(IntakeLimits { entries_max: 2, ..limits() }, &book, When::AtOnce, message);
    let message = "the files of the upload have more than 35 bytes (unpacked_bytes_max)";
    check(IntakeLimits { unpacked_bytes_max: 35, ..limits() }, &book, When::AtOnce, message);
    let message = "the header of insured.csv names more than 1 columns (columns_max)";
    check(IntakeLimits { columns_max: 1, ..limits() }, &book, When::Reading, message);
    let message = "row 1 of insured.csv is longer than 11 bytes (line_bytes_max)";
    check(IntakeLimits { line_bytes_max: 11, ..limits() }, &book, When::Reading, message);
    let bomb = zip(&[Item::deflated("insured.csv", &"a".repeat((16 << 20) + 1))]);
    let message = "insured.csv unpacks to more than 200 bytes for each byte it takes in the zip (unpack_ratio_max)";
    check(limits(), &bomb, When::AtOnce, message);
}

#[test]
fn names_beyond_all_measure_are_refused() {
    let message = "the zip holds an entry whose name is longer than 1024 bytes";
    let name = |bytes: usize| format!("{}.csv", "x".repeat(bytes - 4));
    for long in [name(1025), name(65_535), format!("__MACOSX/{}", name(1024))] {
        check_zip_of(&[good("class.csv"), good(&long)], When::AtOnce, RefusalCode::LimitExceeded, message);
    }
    let longest = OneFile::new("book.zip", &zip(&[good(&name(1024))])).upload().unwrap();
    assert_eq!(longest.entries().len(), 1);
}

#[test]
fn caps_hold_for_files_and_folders_too() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["class.csv", "insured.csv"].map(|name| folder.path().join(name));
    names.iter().for_each(|name| fs::write(name, GOOD).unwrap());
    let check = |limits: IntakeLimits, message: &str| {
        for paths in [&names[..], &[folder.path().to_owned()]] {
            let refusal = refusal(Upload::open(paths, &limits).unwrap_err());
            assert_eq!(refusal, Refusal::new(RefusalCode::LimitExceeded, message));
        }
    };
    let limits = IntakeLimits::default;
    check(IntakeLimits { entries_max: 1, ..limits() }, "the upload has more than 1 entries (entries_max)");
    check(IntakeLimits { upload_bytes_max: 35, ..limits() }, "the upload has more than 35 bytes (upload_bytes_max)");
    let message = "the files of the upload have more than 35 bytes (unpacked_bytes_max)";
    check(IntakeLimits { unpacked_bytes_max: 35, ..limits() }, message);
}

#[test]
fn long_rows_are_refused_wherever_they_are() {
    let limits = IntakeLimits { line_bytes_max: 20, ..IntakeLimits::default() };
    let check = |content: &str, message: &str| {
        let code = RefusalCode::LimitExceeded;
        check_within(&limits, "insured.csv", content.as_bytes(), When::Reading, code, message);
    };
    let long = "row 3 of insured.csv is longer than 20 bytes (line_bytes_max)";
    check(&format!("a,b\n1,2\n3,{}\n5,6\n", "x".repeat(19)), long);
    check(&format!("a,b\n1,2\n3,{}", "x".repeat(19)), long);
    let quoted =
        "row 3 of insured.csv is longer than 20 bytes (line_bytes_max); it may hold a quote that is never closed";
    check("a,b\n1,2\n3,\"4\n5,6\n7,8\n9,10\n11,12\n", quoted);
    let fits = format!("a,b\n1,2\n3,{}\n5,6\n", "x".repeat(18));
    let table = read_all(OneFile::new("insured.csv", fits.as_bytes()).upload_within(&limits).unwrap().read(0).unwrap());
    assert_eq!(table.unwrap().rows.len(), 3);
}

#[test]
fn what_is_said_of_a_long_row_does_not_depend_on_the_size_of_blocks() {
    let limits = IntakeLimits { line_bytes_max: 400_000, ..IntakeLimits::default() };
    let (long, short) = ("x".repeat(500_000), "x".repeat(300_000));
    let open = "; it may hold a quote that is never closed";
    for (row, hint) in [(format!("1,\"{long}\""), open), (format!("1,\"{short}\"{long}"), "")] {
        let file = OneFile::new("insured.csv", format!("a,b\n{row}\n").as_bytes());
        for block_bytes in [1, 1 << 20, 64 << 20] {
            let upload = file.upload_within(&limits).unwrap();
            let refusal = refusal(upload.read_in_blocks(0, block_bytes).and_then(read_all).unwrap_err());
            let message = format!("row 2 of insured.csv is longer than 400000 bytes (line_bytes_max){hint}");
            assert_eq!(refusal.message, message, "{block_bytes}");
        }
    }
}

#[test]
fn entries_that_share_bytes_are_refused() {
    let first = Item::stored("insured.csv", GOOD);
    let second = Item { offset: Some(0), ..Item::stored("classes.csv", GOOD) };
    let message = "insured.csv and classes.csv share bytes of the zip";
    let refusal = refused("book.zip", &zip(&[first, second]), &IntakeLimits::default());
    let (first, second) = ("classes.csv", "insured.csv");
    let other_order = format!("{first} and {second} share bytes of the zip");
    assert!(refusal.1.message == message || refusal.1.message == other_order);
    assert_eq!((refusal.0, refusal.1.code), (When::AtOnce, RefusalCode::NotAZip));
}

#[test]
fn folders_and_files_that_are_not_what_they_should_be_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("2016");
    fs::create_dir(&inner).unwrap();
    let open = |paths: &[std::path::PathBuf]| Upload::open(paths, &IntakeLimits::default()).map_err(refusal).map(drop);
    let message = "the folder holds another folder, 2016; give only files";
    assert_eq!(open(&[folder.path().to_owned()]), Err(Refusal::new(RefusalCode::Subdirectories, message)));
    fs::write(inner.join("insured.csv"), GOOD).unwrap();
    fs::write(inner.join("notes.doc"), GOOD).unwrap();
    let message = "notes.doc is not a csv, psv, tsv or txt file";
    let notes = Refusal::new(RefusalCode::UnknownEntryType, message);
    assert_eq!(open(std::slice::from_ref(&inner)), Err(notes.clone()));
    assert_eq!(open(&[inner.join("insured.csv"), inner.join("notes.doc")]), Err(notes));
    let message = "2016 is not a file";
    let not_a_file = Refusal::new(RefusalCode::UnknownEntryType, message);
    assert_eq!(open(&[inner.join("insured.csv"), inner]), Err(not_a_file));
}

#[test]
fn a_file_that_is_not_there_is_no_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let error = Upload::open(&[folder.path().join("book.zip")], &IntakeLimits::default()).unwrap_err();
    assert_eq!(error.to_string(), "the upload cannot be read");
    assert!(matches!(error, IntakeError::Io(error) if error.kind() == std::io::ErrorKind::NotFound));
}

#[test]
fn a_refusal_is_given_again() {
    let file = OneFile::new("insured.csv", b"a,b\n1,\"2\n");
    let mut rows = file.upload().unwrap().read(0).unwrap();
    let first = refusal(rows.next_block().unwrap_err());
    assert_eq!(refusal(rows.next_block().unwrap_err()), first);
}
