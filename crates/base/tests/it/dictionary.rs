//! Descriptors that are dictionaries.

use std::path::{Path, PathBuf};

use bordereau_base::cell::{CellRules, Violation};
use bordereau_base::dictionary::{
    Dictionary, Field, FieldKind, FieldsMatch, ForeignKey, StringFormat, TemporalFormat, Value,
};

fn read(descriptor: &str) -> Dictionary {
    Dictionary::from_json(descriptor.as_bytes()).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// A package of one relation `r` with the fields `a` and `b` and further properties of the schema.
fn relation(further: &str) -> String {
    format!(
        r#"{{"resources": [{{"name": "r", "schema": {{
            "fields": [{{"name": "a", "type": "string"}}, {{"name": "b", "type": "integer"}}] {further}}}}}]}}"#
    )
}

/// The field of a relation that has no other.
pub(crate) fn field(descriptor: &str) -> Field {
    let package = format!(r#"{{"resources": [{{"name": "r", "schema": {{"fields": [{descriptor}]}}}}]}}"#);
    read(&package).relations.remove(0).fields.remove(0)
}

#[test]
fn all_shipped_dictionaries_load() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folders = |path: PathBuf| -> Vec<PathBuf> {
        std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect()
    };
    let mut count = 0;
    let solutions = ["solutions", "testdata/solutions"].into_iter().flat_map(|kind| folders(root.join(kind)));
    for release in solutions.flat_map(folders) {
        let bytes = std::fs::read(release.join("datapackage.json")).unwrap();
        let dictionary = Dictionary::from_json(&bytes).unwrap_or_else(|e| panic!("{}: {e:?}", release.display()));
        assert!(dictionary.relations.iter().all(|relation| !relation.fields.is_empty()));
        count += 1;
    }
    assert!(count >= 4, "{count}");
}

#[test]
fn the_dictionary_of_workers_compensation_is_resolved() {
    let dictionary = read(include_str!("../../../../solutions/insureright/1.0.7/datapackage.json"));
    assert_eq!(dictionary.name.as_deref(), Some("insureright"));
    let (insured, class) = (dictionary.relation("insured").unwrap(), dictionary.relation(" CLASS ").unwrap());
    assert_eq!(insured.path.as_deref(), Some("insured.csv"));
    assert_eq!(insured.primary_key, [0, 1]);
    assert_eq!(class.primary_key, [0, 1, 2, 3]);
    assert_eq!(class.foreign_keys, [ForeignKey { fields: vec![0, 1], relation: 0, reference_fields: vec![0, 1] }]);
    assert_eq!(class.fields_match, FieldsMatch::Partial);
    let date = insured.field("Term Effective Date").unwrap();
    let FieldKind::Date(TemporalFormat::Patterns(patterns)) = &date.kind else { panic!("{:?}", date.kind) };
    assert_eq!(patterns.iter().map(|p| p.as_str()).collect::<Vec<_>>(), ["%m/%d/%Y", "%m/%d/%y", "%Y-%m-%d"]);
    let minimum = date.constraints.minimum.as_ref().unwrap();
    assert_eq!((minimum.text.as_str(), &minimum.value), ("1950-01-01", &Value::Date(-7_305)));
    let rules = CellRules::new(date);
    for text in ["7/7/2017", "07/07/17", "2017-07-07", " 7/7/2017 "] {
        assert_eq!(rules.read(text), Ok(Some(Value::Date(17_354))), "{text}");
    }
    assert_eq!(rules.read("2017/07/07"), Err(Violation::Type));
    assert_eq!(rules.read(""), Err(Violation::Required));
}

#[test]
fn the_forms_of_the_first_version_of_the_standard_are_read() {
    let relation = read(&relation(
        r#", "primaryKey": "b", "uniqueKeys": ["a"], "foreignKeys": [
            {"fields": "a", "reference": {"resource": "", "fields": "a"}},
            {"fields": "b", "reference": {"fields": ["b"]}},
            {"fields": ["b"], "reference": {"resource": "R", "fields": "B"}}]"#,
    ))
    .relations
    .remove(0);
    assert_eq!(relation.primary_key, [1]);
    assert_eq!(relation.unique_keys, [[0]]);
    let references: Vec<_> = relation.foreign_keys.iter().map(|key| (key.relation, &key.reference_fields)).collect();
    assert_eq!(references, [(0, &vec![0]), (0, &vec![1]), (0, &vec![1])]);
    assert!(relation.fields[1].constraints.required, "fields of the primary key are required");
    assert!(!relation.fields[0].constraints.required);
}

#[test]
fn fields_match_is_a_word_or_a_list_of_one() {
    for (written, expected) in [
        ("", FieldsMatch::Exact),
        (r#", "fieldsMatch": "equal""#, FieldsMatch::Equal),
        (r#", "fieldsMatch": ["subset"]"#, FieldsMatch::Subset),
        (r#", "fieldsMatch": ["superset"]"#, FieldsMatch::Superset),
        (r#", "fieldsMatch": "partial""#, FieldsMatch::Partial),
    ] {
        assert_eq!(read(&relation(written)).relations[0].fields_match, expected);
    }
}

#[test]
fn missing_values_of_a_field_replace_those_of_the_schema_and_these_those_of_the_package() {
    let dictionary = read(
        r#"{"missingValues": ["-"], "resources": [
            {"name": "r", "schema": {"missingValues": ["", {"value": "NA", "label": "not asked"}], "fields": [
                {"name": "a"}, {"name": "b", "missingValues": []}, {"name": "c", "missingValues": ["?"]}]}},
            {"name": "s", "schema": {"fields": [{"name": "a"}]}}]}"#,
    );
    let missing: Vec<_> =
        dictionary.relations.iter().flat_map(|r| &r.fields).map(|field| field.missing_values.join("|")).collect();
    assert_eq!(missing, ["|NA", "", "?", "-"]);
    assert!(dictionary.relations[0].fields[1].missing_values.is_empty());
    assert_eq!(field(r#"{"name": "a"}"#).missing_values, [""]);
}

#[test]
fn a_field_without_a_type_is_of_any() {
    assert!(matches!(field(r#"{"name": "a"}"#).kind, FieldKind::Any));
    assert!(matches!(field(r#"{"name": "a", "type": "string"}"#).kind, FieldKind::String(StringFormat::Default)));
}

#[test]
fn formats_become_what_their_type_makes_of_them() {
    let date = |format: &str| match field(&format!(r#"{{"name": "a", "type": "date"{format}}}"#)).kind {
        FieldKind::Date(format) => format,
        other => panic!("{other:?}"),
    };
    assert_eq!(date(""), TemporalFormat::Default);
    assert_eq!(date(r#", "format": "default""#), TemporalFormat::Default);
    assert_eq!(date(r#", "format": "any""#), TemporalFormat::Any);
    for format in ["%d.%m.%Y", "fmt:%d.%m.%Y"] {
        match date(&format!(r#", "format": "{format}""#)) {
            TemporalFormat::Patterns(patterns) => assert_eq!(patterns[0].as_str(), "%d.%m.%Y"),
            other => panic!("{other:?}"),
        }
    }
    match field(r#"{"name": "a", "type": "number", "decimalChar": ",", "groupChar": ".", "bareNumber": false}"#).kind {
        FieldKind::Number(format) => {
            assert_eq!((format.decimal_char.as_str(), format.group_char.as_deref()), (",", Some(".")));
            assert!(!format.bare_number);
        }
        other => panic!("{other:?}"),
    }
    match field(r#"{"name": "a", "type": "boolean", "trueValues": ["Y"]}"#).kind {
        FieldKind::Boolean(format) => {
            assert_eq!(format.true_values, ["Y"]);
            assert_eq!(format.false_values, ["false", "False", "FALSE", "0"]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn literals_are_read_as_json_or_by_the_reader_of_the_field() {
    for (descriptor, expected) in [
        (r#""type": "number", "constraints": {"minimum": 0.5}"#, Value::Number(0.5)),
        (r#""type": "number", "decimalChar": ",", "constraints": {"minimum": "0,5"}"#, Value::Number(0.5)),
        (r#""type": "number", "decimalChar": ",", "constraints": {"minimum": 0.5}"#, Value::Number(0.5)),
        (r#""type": "integer", "constraints": {"minimum": 5}"#, Value::Integer(5)),
        (r#""type": "integer", "constraints": {"minimum": 5.0}"#, Value::Integer(5)),
        (r#""type": "integer", "groupChar": ",", "constraints": {"minimum": "1,000"}"#, Value::Integer(1000)),
        (r#""type": "year", "constraints": {"minimum": 1999}"#, Value::Integer(1999)),
        (r#""type": "year", "constraints": {"minimum": "1999"}"#, Value::Integer(1999)),
        (r#""type": "yearmonth", "constraints": {"minimum": "1970-02"}"#, Value::Date(31)),
        (r#""type": "date", "constraints": {"minimum": "1970-01-02"}"#, Value::Date(1)),
        (r#""type": "date", "format": "%d/%m/%Y", "constraints": {"minimum": "2/1/1970"}"#, Value::Date(1)),
        (r#""type": "time", "constraints": {"minimum": "00:00:01"}"#, Value::Time(1_000_000)),
        (r#""type": "datetime", "constraints": {"minimum": "1970-01-01T00:00:01"}"#, Value::Datetime(1_000_000)),
        (r#""type": "datetime", "constraints": {"minimum": "1970-01-01T01:00:00+01:00"}"#, Value::Datetime(0)),
    ] {
        let field = field(&format!(r#"{{"name": "a", {descriptor}}}"#));
        assert_eq!(field.constraints.minimum.map(|literal| literal.value), Some(expected), "{descriptor}");
    }
}

#[test]
fn members_are_of_the_kind_of_the_field() {
    for (descriptor, expected) in [
        (
            r#""type": "string", "constraints": {"enum": ["N", "R"]}"#,
            vec![Value::Text("N".into()), Value::Text("R".into())],
        ),
        (r#""type": "boolean", "trueValues": ["Y"], "constraints": {"enum": [true]}"#, vec![Value::Boolean(true)]),
        (r#""type": "boolean", "trueValues": ["Y"], "constraints": {"enum": ["Y"]}"#, vec![Value::Boolean(true)]),
        (
            r#""type": "any", "constraints": {"enum": [1, "x", true]}"#,
            vec![Value::Text("1".into()), Value::Text("x".into()), Value::Text("true".into())],
        ),
        (
            r#""type": "integer", "categories": [{"value": 0, "label": "no"}, {"value": 1}]"#,
            vec![Value::Integer(0), Value::Integer(1)],
        ),
        (
            r#""type": "string", "categories": ["a", "b"], "constraints": {"enum": ["a"]}"#,
            vec![Value::Text("a".into())],
        ),
    ] {
        let field = field(&format!(r#"{{"name": "a", {descriptor}}}"#));
        let members: Vec<Value> =
            field.constraints.enumeration.unwrap().into_iter().map(|member| member.value).collect();
        assert_eq!(members, expected, "{descriptor}");
    }
}

#[test]
fn properties_nobody_knows_and_a_byte_order_mark_are_passed_over() {
    let text = "\u{feff}".to_owned() + &relation(r#", "x": 1, "y:z": {}"#).replace(r#""type": "integer""#, r#""type": "integer", "example": 1, "rdfType": "http://schema.org/Thing", "constraints": {"other:rule": 3}"#);
    assert_eq!(read(&text).relations[0].fields.len(), 2);
    assert_eq!(
        read(
            &relation("")
                .replace(r#""name": "r""#, r#""name": "r", "type": "table", "path": ["r.csv"], "dialect": {}"#)
        )
        .relations[0]
            .path
            .as_deref(),
        Some("r.csv")
    );
}
