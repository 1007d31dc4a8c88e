//! Descriptors that are no dictionaries, and what is said of them.

use bordereau_base::dictionary::Dictionary;
use proptest::prelude::*;

fn problems(descriptor: &str) -> Vec<String> {
    let problems = Dictionary::from_json(descriptor.as_bytes()).map(|_| ()).unwrap_err();
    assert!(!problems.is_empty(), "never an empty list");
    problems.iter().map(ToString::to_string).collect()
}

/// What is said of a field, whose place is cut off.
fn of_field(properties: &str) -> Vec<String> {
    let place = "/resources/0/schema/fields/0";
    let descriptor =
        format!(r#"{{"resources": [{{"name": "r", "schema": {{"fields": [{{"name": "a", {properties}}}]}}}}]}}"#);
    problems(&descriptor).iter().map(|problem| problem.strip_prefix(place).unwrap_or(problem).to_owned()).collect()
}

/// What is said of the keys of a schema with the fields `a` (string) and `b` (integer), whose place is cut off.
fn of_schema(properties: &str) -> Vec<String> {
    let place = "/resources/0/schema";
    let descriptor = format!(
        r#"{{"resources": [{{"name": "r", "schema": {{{properties},
            "fields": [{{"name": "a", "type": "string"}}, {{"name": "b", "type": "integer"}}]}}}}]}}"#
    );
    problems(&descriptor).iter().map(|problem| problem.strip_prefix(place).unwrap_or(problem).to_owned()).collect()
}

#[test]
fn packages_and_resources() {
    let field = r#""schema": {"fields": [{"name": "a"}]}"#;
    for (descriptor, expected) in [
        ("nonsense".to_owned(), "/: is not JSON: expected ident at line 1 column 2"),
        (
            r#"{"name": "x", "name": "y"}"#.to_owned(),
            "/: is not JSON: the property `name` comes twice in one object at line 1 column 26",
        ),
        ("[]".to_owned(), "/: must be an object"),
        ("{}".to_owned(), "/: must have the property `resources`"),
        (r#"{"resources": {}}"#.to_owned(), "/resources: must be a list"),
        (r#"{"resources": []}"#.to_owned(), "/resources: must not be empty"),
        (r#"{"resources": [3]}"#.to_owned(), "/resources/0: must be an object"),
        (format!(r#"{{"title": 3, "resources": [{{"name": "r", {field}}}]}}"#), "/title: must be text"),
        (format!(r#"{{"resources": [{{{field}}}]}}"#), "/resources/0: must have the property `name`"),
        (format!(r#"{{"resources": [{{"name": " ", {field}}}]}}"#), "/resources/0/name: must not be blank"),
        (r#"{"resources": [{"name": "r"}]}"#.to_owned(), "/resources/0: must have the property `schema`"),
        (
            r#"{"resources": [{"name": "r", "schema": "schema.json"}]}"#.to_owned(),
            "/resources/0/schema: must be the schema itself: schemas of other files are not read",
        ),
        (
            r#"{"resources": [{"name": "r", "schema": {}}]}"#.to_owned(),
            "/resources/0/schema: must have the property `fields`",
        ),
        (
            r#"{"resources": [{"name": "r", "schema": {"fields": []}}]}"#.to_owned(),
            "/resources/0/schema/fields: must not be empty",
        ),
        (
            r#"{"resources": [{"name": "r", "schema": {"fields": ["a"]}}]}"#.to_owned(),
            "/resources/0/schema/fields/0: must be an object",
        ),
        (
            format!(r#"{{"resources": [{{"name": "r", "type": "json", {field}}}]}}"#),
            "/resources/0/type: must be table: only tables are read",
        ),
        (
            format!(r#"{{"resources": [{{"name": "r", "path": ["a.csv", "b.csv"], {field}}}]}}"#),
            "/resources/0/path: must name one file: a relation is one file",
        ),
        (
            format!(r#"{{"resources": [{{"name": "r", {field}}}, {{"name": " R ", {field}}}]}}"#),
            "/resources/1/name: is the same name as `r`: letter case, blanks around and `_` do not count",
        ),
        (
            r#"{"resources": [{"name": "r", "schema": {"fields": [{"name": "a b"}, {"name": "A_B"}]}}]}"#.to_owned(),
            "/resources/0/schema/fields/1/name: \
             is the same name as `a b`: letter case, blanks around and `_` do not count",
        ),
    ] {
        assert_eq!(problems(&descriptor), [expected], "{descriptor}");
    }
}

#[test]
fn types_and_formats() {
    for (properties, expected) in [
        (r#""type": 3"#, "/type: must be text"),
        (r#""type": "decimal""#, "/type: `decimal` is no type of the standard"),
        (r#""type": "geopoint""#, "/type: `geopoint` is a type of the standard that is not read"),
        (r#""type": "list""#, "/type: `list` is a type of the standard that is not read"),
        (
            r#""type": "string", "format": "phone""#,
            "/format: `phone` is no format of the type string: default, email, uri, binary, uuid",
        ),
        (
            r#""type": "number", "format": "%f""#,
            "/format: `%f` is no format of the type number, which has only default",
        ),
        (r#""type": "year", "format": "any""#, "/format: `any` is no format of the type year, which has only default"),
        (
            r#""type": "date", "format": "YYYY-MM-DD""#,
            "/format: `YYYY-MM-DD` is no format of the type date: default, any or a pattern such as %m/%d/%Y",
        ),
        (r#""type": "date", "format": "%Q""#, "/format: has %Q, which is no directive of strptime"),
        (r#""type": "date", "format": "%G-%V""#, "/format: has %G, a count of weeks, which is not supported"),
        (r#""type": "date", "format": "%m/%d""#, "/format: must name a year"),
        (r#""type": "time", "format": "%M:%S""#, "/format: must name an hour"),
        (
            r#""type": "date", "format": "any", "bordereau:formats": ["%Y", "%m"]"#,
            "/bordereau:formats/1: must name a year",
        ),
        (r#""type": "date", "format": "any", "bordereau:formats": []"#, "/bordereau:formats: must not be empty"),
        (
            r#""type": "date", "bordereau:formats": ["%Y-%m-%d"]"#,
            "/bordereau:formats: needs the `format` any beside it, for tools that do not know it",
        ),
        (
            r#""type": "year", "bordereau:formats": ["%Y"]"#,
            "/bordereau:formats: applies to date, datetime and time, not to year",
        ),
        (
            r#""type": "number", "decimalChar": """#,
            "/decimalChar: must be one or more characters, none of them a digit, a letter or a sign",
        ),
        (
            r#""type": "integer", "groupChar": "-""#,
            "/groupChar: must be one or more characters, none of them a digit, a letter or a sign",
        ),
        (r#""type": "number", "groupChar": ".""#, "/groupChar: must differ from the decimal character"),
        (r#""type": "number", "bareNumber": "no""#, "/bareNumber: must be true or false"),
        (r#""type": "boolean", "trueValues": []"#, "/trueValues: must not be empty"),
        (r#""type": "boolean", "falseValues": [0]"#, "/falseValues/0: must be text"),
        (r#""type": "boolean", "trueValues": ["0 "]"#, ": `0` means true and false at once"),
        (r#""missingValues": "NA""#, "/missingValues: must be a list"),
        (r#""missingValues": [3]"#, "/missingValues/0: must be text, or an object with a `value`"),
        (r#""missingValues": [{"label": "x"}]"#, "/missingValues/0: must have the property `value`"),
    ] {
        assert_eq!(of_field(properties), [expected], "{properties}");
    }
}

#[test]
fn constraints() {
    for (kind, constraints, expected) in [
        ("string", r#""required": "yes""#, "/constraints/required: must be true or false"),
        ("string", r#""unique": 1"#, "/constraints/unique: must be true or false"),
        ("string", r#""minLength": -1"#, "/constraints/minLength: must be a whole number that is not negative"),
        ("string", r#""maxLength": 1.5"#, "/constraints/maxLength: must be a whole number that is not negative"),
        ("string", r#""minLength": 3, "maxLength": 2"#, "/constraints: `minLength` is above `maxLength`"),
        ("string", r#""minimum": "a""#, "/constraints/minimum: does not apply to the type string"),
        ("boolean", r#""maximum": true"#, "/constraints/maximum: does not apply to the type boolean"),
        ("any", r#""minLength": 1"#, "/constraints/minLength: does not apply to the type any"),
        ("number", r#""pattern": "1""#, "/constraints/pattern: does not apply to the type number"),
        ("string", r#""jsonSchema": {}"#, "/constraints/jsonSchema: does not apply to the type string"),
        ("string", r#""maxlength": 3"#, "/constraints/maxlength: is no constraint of the standard"),
        ("string", r#""enum": []"#, "/constraints/enum: must not be empty"),
        ("string", r#""enum": ["a", 1]"#, "/constraints/enum/1: must be text"),
        ("integer", r#""enum": [1, 1.5]"#, "/constraints/enum/1: must be a whole number"),
        ("integer", r#""minimum": null"#, "/constraints/minimum: must be a whole number"),
        ("number", r#""minimum": "x""#, "/constraints/minimum: must be a number such as 1234.5"),
        ("number", r#""minimum": "NaN""#, "/constraints/minimum: must not be NaN"),
        ("year", r#""minimum": 10000"#, "/constraints/minimum: must be a year of four digits"),
        ("date", r#""minimum": "1/1/2000""#, "/constraints/minimum: must be a date such as 2017-07-31"),
        ("date", r#""minimum": 2000"#, "/constraints/minimum: must be a date such as 2017-07-31"),
        ("number", r#""minimum": 2, "maximum": 1"#, "/constraints: `minimum` leaves no value below `maximum`"),
        (
            "date",
            r#""minimum": "2000-01-01", "exclusiveMaximum": "2000-01-01""#,
            "/constraints: `minimum` leaves no value below `exclusiveMaximum`",
        ),
    ] {
        let said = of_field(&format!(r#""type": "{kind}", "constraints": {{{constraints}}}"#));
        assert_eq!(said, [expected], "{kind} {constraints}");
    }
    assert_eq!(of_field(r#""constraints": []"#), ["/constraints: must be an object"]);
    for bad in [r"(", r"(?=a)", r"(a)\\1", r"a)(b", "[a-z-[aeiou]]", r"[\\]a-[b]]", r"\\i", "a{1000}{1000}"] {
        let said = of_field(&format!(r#""type": "string", "constraints": {{"pattern": "{bad}"}}"#));
        assert!(said[0].starts_with("/constraints/pattern: is not a pattern that can be used: "), "{said:?}");
    }
}

#[test]
fn categories() {
    for (properties, expected) in [
        (r#""type": "number", "categories": [1]"#, "/categories: does not apply to the type number"),
        (r#""type": "integer", "categories": ["a"]"#, "/categories/0: must be a whole number"),
        (r#""type": "string", "categories": [{}]"#, "/categories/0: must have the property `value`"),
        (
            r#""type": "string", "categories": ["a"], "constraints": {"enum": ["b"]}"#,
            "/categories: must hold `b`, which `enum` allows",
        ),
    ] {
        assert_eq!(of_field(properties), [expected], "{properties}");
    }
}

#[test]
fn keys_and_references() {
    let reference =
        |fields: &str, reference: &str| format!(r#""foreignKeys": [{{"fields": {fields}, "reference": {reference}}}]"#);
    for (properties, expected) in [
        (r#""fieldsMatch": "some""#.to_owned(), "/fieldsMatch: must be one of exact, equal, subset, superset, partial"),
        (
            r#""fieldsMatch": ["exact", "equal"]"#.to_owned(),
            "/fieldsMatch: must be one of exact, equal, subset, superset, partial",
        ),
        (r#""primaryKey": 3"#.to_owned(), "/primaryKey: must be a list of names of fields"),
        (r#""primaryKey": []"#.to_owned(), "/primaryKey: must not be empty"),
        (r#""primaryKey": ["a", "A"]"#.to_owned(), "/primaryKey/1: names a field for the second time"),
        (r#""primaryKey": "c""#.to_owned(), "/primaryKey: `c` is no field of this relation"),
        (r#""uniqueKeys": [["a", "c"]]"#.to_owned(), "/uniqueKeys/0/1: `c` is no field of this relation"),
        (r#""uniqueKeys": []"#.to_owned(), "/uniqueKeys: must not be empty"),
        (r#""foreignKeys": {}"#.to_owned(), "/foreignKeys: must be a list"),
        (r#""foreignKeys": [{"fields": "a"}]"#.to_owned(), "/foreignKeys/0: must have the property `reference`"),
        (reference(r#""c""#, r#"{"fields": "a"}"#), "/foreignKeys/0/fields: `c` is no field of this relation"),
        (
            reference(r#""a""#, r#"{"resource": "r", "fields": "c"}"#),
            "/foreignKeys/0/reference/fields: `c` is no field of this relation",
        ),
        (
            reference(r#""a""#, r#"{"resource": "s", "fields": "a"}"#),
            "/foreignKeys/0/reference/resource: `s` is no resource of this package",
        ),
        (
            reference(r#""a""#, r#"{"package": "p.json", "resource": "s", "fields": "a"}"#),
            "/foreignKeys/0/reference/package: refers to another package, which is not read",
        ),
        (
            reference(r#"["a", "b"]"#, r#"{"fields": ["a"]}"#),
            "/foreignKeys/0/reference/fields: must name as many fields as refer to it: 2",
        ),
        (
            reference(r#""a""#, r#"{"fields": "b"}"#),
            "/foreignKeys/0: `a` is of the type string and refers to `b` of the type integer",
        ),
    ] {
        assert_eq!(of_schema(&properties), [expected], "{properties}");
    }
}

#[test]
fn all_problems_are_told_in_the_order_of_the_descriptor() {
    let said = problems(
        r#"{"resources": [
            {"name": "r", "schema": {
                "foreignKeys": [{"fields": "a", "reference": {"resource": "x", "fields": "b"}}],
                "fields": [
                    {"name": "a", "type": "number", "constraints": {"enum": [], "minimum": "x"}},
                    {"name": "b", "type": "what"}],
                "primaryKey": "b"}},
            {"name": "s", "title": 1, "schema": {"fields": [{"name": "a/b", "type": "nope"}], "primaryKey": "z"}}]}"#,
    );
    assert_eq!(
        said,
        [
            "/resources/0/schema/foreignKeys/0/reference/resource: `x` is no resource of this package",
            "/resources/0/schema/fields/0/constraints/enum: must not be empty",
            "/resources/0/schema/fields/0/constraints/minimum: must be a number such as 1234.5",
            "/resources/0/schema/fields/1/type: `what` is no type of the standard",
            "/resources/1/title: must be text",
            "/resources/1/schema/fields/0/type: `nope` is no type of the standard",
            "/resources/1/schema/primaryKey: `z` is no field of this relation",
        ]
    );
}

proptest! {
    #[test]
    fn bytes_of_any_kind_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Dictionary::from_json(&bytes);
    }

    #[test]
    fn a_descriptor_with_one_value_replaced_never_panics(at in 0_usize..400, with in 0_usize..7) {
        let values = ["null", "true", "-1", "1e300", "\"%Y\"", "[]", "{}"];
        let text = include_str!("../../../../solutions/insureright/1.0.7/datapackage.json");
        let starts: Vec<usize> = text.match_indices(": ").map(|(at, _)| at + 2).collect();
        let start = starts[at % starts.len()];
        let rest = &text[start..];
        let end = start + rest.find([',', '}', '\n']).unwrap();
        let mutated = format!("{}{}{}", &text[..start], values[with], &text[end..]);
        if let Err(problems) = Dictionary::from_json(mutated.as_bytes()) {
            prop_assert!(!problems.is_empty());
        }
    }
}
