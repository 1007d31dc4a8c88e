//! Rows and values of delimited text.

use super::{OneFile, numbered, read_all, read_file, samples};
use bordereau_base::limits::IntakeLimits;
use bordereau_files::intake::{Delimiter, Encoding, HowKnown, LineEnds, Projection, Upload};

#[test]
fn the_guides_samples_read_as_they_are_written() {
    for (folder, files, values) in [
        ("insureright", ["class.psv", "insured.psv"].as_slice(), [5, 16].as_slice()),
        ("ca", &["term.csv", "unit.csv"], &[23, 9]),
        ("wc_claims", &["claim.csv"], &[28]),
    ] {
        let upload = Upload::open(&[samples(folder)], &IntakeLimits::default()).unwrap();
        let names: Vec<&str> = upload.entries().iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, files);
        for (entry, values) in values.iter().enumerate() {
            let table = read_all(upload.read(entry).unwrap()).unwrap();
            assert_eq!(table.header.len(), *values, "{folder}/{}", files[entry]);
            assert_eq!(table.rows[0].0, 2);
            assert!(table.ragged.is_empty());
        }
    }
}

#[test]
fn values_are_what_stands_between_delimiters() {
    let check = |line: &str, expected: &[&str]| {
        let header = "a,b,c\n";
        let table = read_file("t.csv", format!("{header}{line}\n").as_bytes()).unwrap();
        assert_eq!(table.rows, numbered(&[expected]), "{line:?}");
        let without_end = read_file("t.csv", format!("{header}{line}").as_bytes()).unwrap();
        assert_eq!(without_end, table, "{line:?}");
    };
    check("1,2,3", &["1", "2", "3"]);
    check(",,", &["", "", ""]);
    check(" 1 , 2\t,3 ", &[" 1 ", " 2\t", "3 "]);
    check(r#""1","2","3""#, &["1", "2", "3"]);
    check(r#""1,5","","3""#, &["1,5", "", "3"]);
    check("\"line\nbreak\",\"dos\r\nbreak\",3", &["line\nbreak", "dos\r\nbreak", "3"]);
    check(r#""say ""hi""","""","a""b""#, &["say \"hi\"", "\"", "a\"b"]);
    check(r#" "1" ,  "2,2"  ,3"#, &["1", "2,2", "3"]);
    check(r#"5" pipe,a"b"c,3"#, &["5\" pipe", "a\"b\"c", "3"]);
    check(r#""1" x,"2"2","3" "4""#, &["1 x", "22\"", "3 \"4\""]);
    check(
        r#""more than twelve bytes ""quoted""",more than twelve bytes,3"#,
        &["more than twelve bytes \"quoted\"", "more than twelve bytes", "3"],
    );
}

#[test]
fn lines_end_in_lf_cr_lf_or_both_or_in_cr() {
    let check = |text: &str, ends: LineEnds| {
        let file = OneFile::new("t.csv", text.as_bytes());
        let rows = file.upload().unwrap().read(0).unwrap();
        assert_eq!(rows.assumptions().line_ends, ends, "{text:?}");
        read_all(rows).unwrap().rows
    };
    let expected = numbered(&[&["1", "2"], &["3", "4"]]);
    assert_eq!(check("a,b\n1,2\n3,4\n", LineEnds::Lf), expected);
    assert_eq!(check("a,b\r\n1,2\r\n3,4\r\n", LineEnds::CrLf), expected);
    assert_eq!(check("a,b\r\n1,2\n3,4\r\n", LineEnds::Mixed), expected);
    assert_eq!(check("a,b\n1,2\r\n3,\"4\"\r\n", LineEnds::Mixed), expected);
    assert_eq!(check("a,b\r1,2\r3,4\r", LineEnds::Cr), expected);
    assert_eq!(check("a,b\r1,2\r3,4", LineEnds::Cr), expected);
    assert_eq!(check("a,b\r\n1,2\r\n3,4\r", LineEnds::CrLf), expected);
    assert_eq!(check("a,b", LineEnds::None), numbered(&[]));
    assert_eq!(check("a,b\r", LineEnds::Cr), numbered(&[]));
    assert_eq!(check("a,b\n1\r2,3\n", LineEnds::Lf), numbered(&[&["1\r2", "3"]]));
    assert_eq!(check("a,b\r\"1\n2\",3\r", LineEnds::Cr), numbered(&[&["1\n2", "3"]]));
}

#[test]
fn blank_lines_are_skipped_and_counted() {
    let table = read_file("t.csv", b"\n \n a ,b\n\n1,2\n  \r\n\t\n\"x\ny\",3\n\n,\n4,5").unwrap();
    assert_eq!(table.header, ["a", "b"]);
    let numbers: Vec<u64> = table.rows.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [5, 8, 10, 11]);
    assert_eq!(table.rows[2].1, [Some(String::new()), Some(String::new())]);
    let one_column = read_file("t.csv", b"a\n1\n\n\"\"\n  \n 2\n").unwrap();
    let values: Vec<_> = one_column.rows.iter().map(|(number, row)| (*number, row[0].as_deref().unwrap())).collect();
    assert_eq!(values, [(2, "1"), (4, ""), (6, " 2")]);
}

#[test]
fn ragged_rows_are_read_and_told() {
    let table = read_file("t.csv", b"a,b,c\n1,2,3\n4\n\n5,6,7,8,\n9,10\n").unwrap();
    let value = |text: &str| Some(text.to_owned());
    assert_eq!(
        table.rows,
        [
            (2, vec![value("1"), value("2"), value("3")]),
            (3, vec![value("4"), None, None]),
            (5, vec![value("5"), value("6"), value("7")]),
            (6, vec![value("9"), value("10"), None]),
        ]
    );
    assert_eq!(table.ragged, [(3, 1, 3), (5, 5, 3), (6, 2, 3)]);
}

#[test]
fn headers_are_trimmed_and_kept_as_written() {
    let header = |text: &str| read_file("t.csv", text.as_bytes()).unwrap().header;
    assert_eq!(header(" Policy No ,\"a,b\" , \"say \"\"hi\"\" \",\t\n"), ["Policy No", "a,b", "say \"hi\"", ""]);
    assert_eq!(header("a,,b,,"), ["a", "", "b", "", ""]);
    assert_eq!(header("\"two\nlines\",b\n"), ["two\nlines", "b"]);
}

#[test]
fn delimiters_are_known_by_extension_or_found() {
    let check = |name: &str, text: &str, delimiter: Delimiter, known_by: HowKnown| {
        let rows = OneFile::new(name, text.as_bytes()).upload().unwrap().read(0).unwrap();
        let assumed = rows.assumptions();
        assert_eq!((assumed.delimiter, assumed.delimiter_known_by), (delimiter, known_by), "{name} {text:?}");
    };
    use Delimiter::{Comma, Pipe, Semicolon, Tab};
    use HowKnown::{Detected, Extension};
    check("t.csv", "a,b;c;d\n", Comma, Extension);
    check("t.psv", "a,b\n", Pipe, Extension);
    check("t.tsv", "a,b\n", Tab, Extension);
    check("t.csv", "a;b\n1,5;2\n", Semicolon, Detected);
    check("t.csv", "a|b\n", Pipe, Detected);
    check("t.csv", "\"a,b\";c\n", Semicolon, Detected);
    check("t.csv", "a\n1;2\n", Comma, Extension);
    check("t.txt", "a,b\n", Comma, Detected);
    check("t.txt", "a\n", Comma, Detected);
    check("t.txt", "a\tb\n1\t2\n", Tab, Detected);
    check("t.txt", "name, first|born\nA, B|1\nC|2\n", Pipe, Detected);
    check("t.txt", "a|b,c|d\n1|2|3\n4|5|6\n", Pipe, Detected);
    check("t.txt", "\"a|b\"\tc\n\"1|2\"\t3\n", Tab, Detected);
    check("t.txt", "a;b\r1;2\r", Semicolon, Detected);
}

#[test]
fn encodings_are_found() {
    let check = |bytes: &[u8], encoding: Encoding, known_by: HowKnown, mark: bool, value: &str| {
        let file = OneFile::new("t.csv", bytes);
        let rows = file.upload().unwrap().read(0).unwrap();
        let assumed = rows.assumptions().clone();
        let found = (assumed.encoding, assumed.encoding_known_by, assumed.byte_order_mark);
        assert_eq!(found, (encoding, known_by, mark));
        let table = read_all(rows).unwrap();
        assert_eq!(table.rows, numbered(&[&["1", value]]));
        assert!(table.undecodable.is_empty() && table.windows_1252_rows == 0);
    };
    use Encoding::{Utf8, Utf16Be, Utf16Le, Windows1252};
    use HowKnown::{ByteOrderMark, Detected};
    let text = "number,name\n1,Zoë 𝄞\n";
    let utf16 = |units: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(units).collect::<Vec<u8>>();
    let (le, be) = (utf16(u16::to_le_bytes), utf16(u16::to_be_bytes));
    check(text.as_bytes(), Utf8, Detected, false, "Zoë 𝄞");
    check(&[b"\xef\xbb\xbf", text.as_bytes()].concat(), Utf8, ByteOrderMark, true, "Zoë 𝄞");
    check(&le, Utf16Le, Detected, false, "Zoë 𝄞");
    check(&be, Utf16Be, Detected, false, "Zoë 𝄞");
    check(&[b"\xff\xfe", &*le].concat(), Utf16Le, ByteOrderMark, true, "Zoë 𝄞");
    check(&[b"\xfe\xff", &*be].concat(), Utf16Be, ByteOrderMark, true, "Zoë 𝄞");
    check(b"number,name\n1,Zo\xeb \x80\n", Windows1252, Detected, false, "Zoë €");
}

#[test]
fn rows_that_are_not_text_are_told() {
    let told = |bytes: &[u8]| {
        let table = read_file("t.csv", bytes).unwrap();
        let second = table.rows.iter().map(|(_, row)| row[1].clone().unwrap()).collect::<Vec<_>>();
        (second, table.undecodable, table.windows_1252_rows)
    };
    let strings = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    let (values, undecodable, windows) = told(b"a,b\n1,x\n\n2,y\0\n3,z\n");
    assert_eq!((values, undecodable, windows), (strings(&["x", "y\0", "z"]), vec![4], 0));
    let (values, undecodable, windows) = told(b"a,b\n1,\xe9\n2,\x81\n3,z\n");
    assert_eq!((values, undecodable, windows), (strings(&["é", "\u{81}", "z"]), vec![3], 0));
    let (values, undecodable, windows) = told(b"\xef\xbb\xbfa,b\n1,\xe9\n2,\x81\n3,\xc3\xa9\n");
    assert_eq!((values, undecodable, windows), (strings(&["é", "\u{81}", "é"]), vec![3], 2));
    let text = "a,b\n1,?\n2,z\n".encode_utf16().map(|unit| if unit == u16::from(b'?') { 0xd800 } else { unit });
    let (values, undecodable, windows) = told(&text.flat_map(u16::to_le_bytes).collect::<Vec<u8>>());
    assert_eq!((values, undecodable, windows), (strings(&["\u{fffd}", "z"]), vec![2], 0));
    let half =
        [b"\xff\xfe".as_slice(), &"a,b\n1,x".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>(), b"y"];
    let (values, undecodable, windows) = told(&half.concat());
    assert_eq!((values, undecodable, windows), (strings(&["x\u{fffd}"]), vec![2], 0));
}

#[test]
fn a_header_in_windows_1252_under_a_mark_of_utf_8_is_read_and_counted() {
    let file = OneFile::new("t.csv", b"\xef\xbb\xbfpr\xe9nom,b\n1,2\n");
    let rows = file.upload().unwrap().read(0).unwrap();
    assert_eq!(rows.header(), ["prénom", "b"]);
    assert_eq!(rows.assumptions().windows_1252_rows, 1);
}

#[test]
fn bytes_deep_in_the_file_do_not_change_its_encoding() {
    let head = format!("a,b\n{}", "1,é\n".repeat(100_000));
    let table = read_file("t.csv", &[head.as_bytes(), b"2,\xe9\n3,\xc3\xa9\n"].concat()).unwrap();
    assert_eq!(table.windows_1252_rows, 1);
    let last: Vec<_> = table.rows[99_999..].iter().map(|(number, row)| (*number, row[1].as_deref().unwrap())).collect();
    assert_eq!(last, [(100_001, "é"), (100_002, "é"), (100_003, "é")]);
}

#[test]
fn a_character_that_the_first_window_cuts_in_two_is_no_fault() {
    for shift in 0..3 {
        let mut text = format!("{},b\n", "a".repeat(shift));
        text.push_str(&"1,€€€€\n".repeat(40_000));
        let table = read_file("t.psv", format!("x{text}").as_bytes()).unwrap();
        assert_eq!((table.rows.len(), table.windows_1252_rows), (40_000, 0));
    }
}

#[test]
fn a_projection_orders_repeats_and_leaves_out() {
    let file = OneFile::new("t.csv", b"a,b,c\n1,2,3\n4\n");
    let mut rows = file.upload().unwrap().read(0).unwrap();
    let wanted = Projection::new(vec![Some(2), None, Some(0), Some(2), Some(9)]);
    let raw = rows.next_block().unwrap().unwrap().tokenize(&wanted).unwrap();
    let columns: Vec<Vec<Option<&str>>> = raw.columns.iter().map(|column| column.iter().collect()).collect();
    let (c, none) = (vec![Some("3"), None], vec![None, None]);
    assert_eq!(columns, [c.clone(), none.clone(), vec![Some("1"), Some("4")], c, none]);
    assert!(rows.next_block().unwrap().is_none());
    assert!(rows.next_block().unwrap().is_none());
    assert_eq!(rows.bytes_read(), 14);
}

#[test]
fn a_header_alone_is_a_file_without_rows() {
    for text in ["a,b", "a,b\n", "\n\na,b\r\n\r\n"] {
        assert_eq!(read_file("t.csv", text.as_bytes()).unwrap().rows, []);
    }
}
