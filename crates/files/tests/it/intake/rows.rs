//! Rows and values of delimited text.

use super::{numbered, read_all, read_file, samples};
use bordereau_base::limits::IntakeLimits;
use bordereau_files::intake::Upload;

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
