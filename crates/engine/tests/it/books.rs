//! Small solutions and files for the tests of validating and linking.

use std::num::NonZeroUsize;
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch, StringViewArray, UInt64Array};
use arrow::datatypes::UInt64Type;
use bordereau_engine::progress::Progress;
use bordereau_engine::release::{Release, ReleaseFiles};
use bordereau_engine::stages::link::{Linked, link};
use bordereau_engine::stages::resources::{Budget, Resources};
use bordereau_engine::stages::validate::{Input, RowsFile, validate};
use bordereau_engine::{Error, Result};
use bordereau_files::intake::{RaggedRow, RawRows};
use serde_json::{Value, json};

/// A character that a file made here uses for a byte that is not text.
pub const NOT_TEXT: char = '\u{fffd}';

/// Four levels of one upload: a term has units, a unit has damages, a damage has payments; a unit may name another.
pub fn fleet_dictionary() -> Value {
    let text = |name: &str, constraints: Value| json!({"name": name, "type": "string", "constraints": constraints});
    let parent = |fields: Value, relation: &str, of: Value| json!({"fields": fields, "reference": {"resource": relation, "fields": of}});
    let start = json!({"name": "start", "type": "date", "format": "any", "constraints": {"required": true}});
    let resource = |name: &str, schema: Value| json!({"name": name, "path": format!("{name}.csv"), "schema": schema});
    json!({"name": "fleet", "resources": [
        resource("payment", json!({
            "fieldsMatch": "partial",
            "fields": [text("damage no", json!({})), {"name": "paid", "type": "number"}],
            "foreignKeys": [parent(json!(["damage no"]), "damage", json!(["damage_no"]))],
        })),
        resource("term", json!({
            "fieldsMatch": "partial",
            "fields": [
                text("policy", json!({"required": true, "maxLength": 8})),
                start,
                {"name": "amount", "type": "number", "constraints": {"required": true, "minimum": 0}},
                {"name": "low", "type": "integer"},
                {"name": "high", "type": "integer"},
                text("note", json!({"maxLength": 20})),
                text("code", json!({"unique": true})),
            ],
            "primaryKey": ["policy", "start"],
        })),
        resource("unit", json!({
            "fieldsMatch": "partial",
            "fields": [
                text("vin", json!({})),
                text("policy", json!({})),
                start,
                {"name": "used", "type": "boolean", "trueValues": ["Y"], "falseValues": ["N"]},
                text("partner", json!({})),
            ],
            "primaryKey": ["vin"],
            "foreignKeys": [
                parent(json!(["partner"]), "", json!(["vin"])),
                parent(json!(["policy", "start"]), "term", json!(["policy", "start"])),
            ],
        })),
        resource("damage", json!({
            "fieldsMatch": "partial",
            "fields": [text("damage_no", json!({})), text("vin", json!({})), {"name": "cost", "type": "integer"}],
            "uniqueKeys": [["damage_no"]],
            "foreignKeys": [parent(json!(["vin"]), "unit", json!(["vin"]))],
        })),
    ]})
}

/// The manifest of [`fleet_dictionary`]: the note and the partner of a unit are warnings, a term needs a unit.
pub const FLEET_MANIFEST: &str = r#"
solution = "fleet"
version = "1.0.0"
title = "Fleet"
active_from = "2024-01-01T00:00:00Z"
record = "term"

[submissions.scoring]
title = "Score"

[relations.unit]
children = "at-least-one"

[relations.payment]
required = false

[relations.damage]
required = false

[findings]
warnings = ["term.note", "term.low", "unit.partner"]

[[rules]]
id = "low-below-high"
relation = "term"
fields = ["high", "low"]
holds = "low <= high"
sentence = "high must not be below low"

[[rules]]
id = "ratio"
relation = "term"
fields = ["low"]
holds = "100 / low > 1"
severity = "warning"
sentence = "low should be below 100"

[outputs]
pass_through = ["note"]
"#;

/// Reads a text, a number and a date of terms, all of units but the partner, the cost of damages, and payments.
pub const FLEET_FEATURES: &str = "
SELECT t.record AS record, t.amount AS amount, t.note AS note, u.units AS units, u.used AS used, d.cost AS cost,
  p.paid AS paid
FROM term t
LEFT JOIN (SELECT record, CAST(count(vin) AS DOUBLE) AS units, sum(CASE WHEN used THEN 1 ELSE 0 END) AS used
  FROM unit GROUP BY record) u ON u.record = t.record
LEFT JOIN (SELECT record, sum(cost) AS cost FROM damage GROUP BY record) d ON d.record = t.record
LEFT JOIN (SELECT record, sum(paid) AS paid FROM payment GROUP BY record) p ON p.record = t.record";

/// A release from its three files; it has no models.
pub fn release(dictionary: &Value, manifest: &str, features: &str) -> Release {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("datapackage.json"), dictionary.to_string()).unwrap();
    std::fs::write(folder.path().join("solution.toml"), manifest).unwrap();
    std::fs::write(folder.path().join("features.sql"), features).unwrap();
    load(folder.path())
}

pub fn fleet() -> Release {
    release(&fleet_dictionary(), FLEET_MANIFEST, FLEET_FEATURES)
}

/// A release of the repository without its models.
pub fn without_models(folder: &str) -> Release {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
    let read = |name: &str| std::fs::read_to_string(from.join(name)).unwrap();
    let mut manifest: toml::Table = read("solution.toml").parse().unwrap();
    manifest.remove("models");
    manifest.remove("explanations");
    let dictionary = serde_json::from_str(&read("datapackage.json")).unwrap();
    release(&dictionary, &manifest.to_string(), &read("features.sql"))
}

fn load(folder: &Path) -> Release {
    let files = ReleaseFiles::from_folder(folder).unwrap();
    Release::load(&files).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// A file as intake would give it, in blocks of `block_rows` rows. Lines end in a newline, values are told apart by
/// `|`; blank lines are passed over.
pub fn file(name: &str, text: &str, block_rows: usize) -> RowsFile {
    let mut lines = (1u64..).zip(text.split('\n'));
    let (_, header) = lines.next().unwrap();
    let header: Vec<String> = header.split('|').map(|name| name.trim().to_owned()).collect();
    let rows: Vec<(u64, Vec<&str>)> = lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(number, line)| (number, line.split('|').collect()))
        .collect();
    let blocks = rows.chunks(block_rows).map(|rows| block(rows, header.len())).collect();
    RowsFile { name: name.to_owned(), header, blocks }
}

fn block(rows: &[(u64, Vec<&str>)], expected: usize) -> RawRows {
    let column = |at: usize| StringViewArray::from_iter(rows.iter().map(|(_, values)| values.get(at).copied()));
    let ragged = rows.iter().filter(|(_, values)| values.len() != expected);
    let undecodable = rows.iter().filter(|(_, values)| values.iter().any(|value| value.contains(NOT_TEXT)));
    RawRows {
        row_numbers: UInt64Array::from_iter_values(rows.iter().map(|(number, _)| *number)),
        columns: (0..expected).map(column).collect(),
        ragged: ragged.map(|(row, values)| RaggedRow { row: *row, found: values.len(), expected }).collect(),
        undecodable: undecodable.map(|(number, _)| *number).collect(),
        windows_1252_rows: 0,
    }
}

pub fn resources(threads: usize, scratch: &Path, budget: Budget) -> Resources {
    Resources { threads: NonZeroUsize::new(threads).unwrap(), scratch: scratch.to_owned(), budget }
}

/// Validates and links with the default budget.
pub fn linked(release: &Release, files: &[RowsFile]) -> Result<Linked> {
    linked_with(release, files, 2, Budget::default())
}

pub fn linked_with(release: &Release, files: &[RowsFile], threads: usize, budget: Budget) -> Result<Linked> {
    let scratch = tempfile::tempdir().unwrap();
    let resources = resources(threads, scratch.path(), budget);
    let progress = Progress::default();
    let validated = validate(Input::Rows(files), release.into(), &resources, &progress)?;
    link(validated, release.into(), &resources, &progress)
}

/// The sentence of the refusal that these files get.
pub fn refusal(release: &Release, files: &[RowsFile]) -> String {
    match linked(release, files) {
        Err(Error::Refused(refusal)) => format!("{:?}: {}", refusal.code, refusal.message),
        other => panic!("not refused: {other:?}"),
    }
}

/// One finding as text: relation, row, key, field, code, severity, value, message; `-` where there is none.
pub fn findings(linked: &Linked) -> Vec<String> {
    linked.findings().flat_map(|batch| finding_lines(&batch.unwrap())).collect()
}

fn finding_lines(batch: &RecordBatch) -> Vec<String> {
    let cell = |column: usize, row: usize| {
        let column = batch.column(column);
        match column.as_string_view_opt() {
            None => column.as_primitive::<UInt64Type>().value(row).to_string(),
            Some(texts) if texts.is_null(row) => "-".to_owned(),
            Some(texts) => texts.value(row).to_owned(),
        }
    };
    (0..batch.num_rows())
        .map(|row| (0..batch.num_columns()).map(|column| cell(column, row)).collect::<Vec<_>>().join(" | "))
        .collect()
}
