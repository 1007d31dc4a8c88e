//! Generated rows of all relations, written as the files of an upload.
//!
//! Records first, then each child relation under its parents: some children for each parent row, their references
//! copied from it. For each row several are drawn and the first that keeps all rules is taken. Rows that repeat a
//! unique key are dropped.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringViewArray,
    Time64MicrosecondArray, TimestampMicrosecondArray,
};
use arrow::datatypes::DataType;
use bordereau_base::dictionary::{FieldKind, Value};
use bordereau_base::finding::Severity;
use bordereau_files::results::csv::CsvRows;

use super::cells::Cells;
use super::chance::Chance;
use crate::error::Result;
use crate::release::layout::column_type;
use crate::release::{Release, row_schema};

/// How often a row is drawn until it keeps all rules.
const DRAWS_MAX: usize = 400;
/// Children of a parent row.
const CHILDREN: (i64, i64) = (1, 3);

type Cell = Option<(String, Value)>;
type Row = Vec<Cell>;

/// Writes a file for each relation into `folder`.
///
/// # Errors
/// When a file cannot be written.
pub fn write(release: &Release, records: usize, seed: u64, folder: &Path) -> Result<()> {
    let mut made: Vec<Vec<Row>> = vec![Vec::new(); release.dictionary.relations.len()];
    let mut chance = Chance::new(seed);
    let order = std::iter::once(release.layout.record).chain(release.layout.descent.iter().copied());
    for relation in order {
        let slots = slots(release, &made, relation, records, &mut chance);
        let rows = drawn(release, relation, &slots, &mut chance)?;
        made[relation] = without_repeats(release, relation, rows);
    }
    for (relation, rows) in made.iter().enumerate() {
        write_file(release, relation, rows, folder)?;
    }
    Ok(())
}

/// For each row to be made the cells that are given: those that refer to other rows.
fn slots(
    release: &Release,
    made: &[Vec<Row>],
    relation: usize,
    records: usize,
    chance: &mut Chance,
) -> Vec<Vec<(usize, Cell)>> {
    let layout = &release.layout;
    let Some(way_up) = layout.way_up(relation) else {
        return vec![Vec::new(); records];
    };
    let sets = (&layout.key_sets[way_up.child], &layout.key_sets[way_up.parent]);
    let mut slots = Vec::new();
    for parent in &made[sets.1.relation] {
        for _ in 0..chance.whole(CHILDREN.0, CHILDREN.1) {
            let mut given = Vec::new();
            for reference in &layout.references {
                let (child, other) = (&layout.key_sets[reference.child], &layout.key_sets[reference.parent]);
                if child.relation == relation
                    && !reference.leads_to_record
                    && let Some(row) = chance.one_of(&made[other.relation])
                {
                    given.extend(child.fields.iter().zip(&other.fields).map(|(own, at)| (*own, row[*at].clone())));
                }
            }
            // Last, so that it wins over other references that share fields.
            given.extend(sets.0.fields.iter().zip(&sets.1.fields).map(|(own, at)| (*own, parent[*at].clone())));
            slots.push(given);
        }
    }
    slots
}

/// A row for each slot: the first that keeps all rules, or the last one drawn where none does.
fn drawn(release: &Release, relation: usize, slots: &[Vec<(usize, Cell)>], chance: &mut Chance) -> Result<Vec<Row>> {
    let fields = &release.dictionary.relations[relation].fields;
    let cells: Vec<Cells<'_>> = fields.iter().map(Cells::new).collect();
    let mut rows: Vec<Row> = vec![Row::new(); slots.len()];
    let mut open: Vec<usize> = (0..slots.len()).collect();
    for _ in 0..DRAWS_MAX {
        let mut fresh: Vec<Row> = Vec::with_capacity(open.len());
        for slot in &open {
            let mut row: Row = cells.iter().map(|cell| cell.draw(chance)).collect();
            slots[*slot].iter().for_each(|(field, value)| row[*field].clone_from(value));
            fresh.push(row);
        }
        let holds = rules_hold(release, relation, &fresh)?;
        open.iter().zip(fresh).for_each(|(slot, row)| rows[*slot] = row);
        open = open.into_iter().zip(holds).filter_map(|(slot, holds)| (!holds).then_some(slot)).collect();
    }
    Ok(rows)
}

/// For each row whether it keeps all rules whose breach would leave its record out.
fn rules_hold(release: &Release, relation: usize, rows: &[Row]) -> Result<Vec<bool>> {
    let mut holds = vec![true; rows.len()];
    if rows.is_empty() {
        return Ok(holds);
    }
    let fields = &release.dictionary.relations[relation].fields;
    let columns = fields.iter().enumerate().map(|(at, field)| column(rows, at, &field.kind)).collect();
    let schema = Arc::new(row_schema(&release.dictionary, relation));
    let batch = RecordBatch::try_new(schema, columns)?;
    let hard = |rule: &&crate::release::Rule| rule.relation == relation && rule.severity == Severity::Error;
    for rule in release.rules.iter().filter(hard) {
        let verdict = rule.holds.evaluate(&batch)?.into_array(rows.len())?;
        for (row, verdict) in holds.iter_mut().zip(verdict.as_boolean()) {
            *row &= verdict != Some(false);
        }
    }
    Ok(holds)
}

fn column(rows: &[Row], field: usize, kind: &FieldKind) -> ArrayRef {
    let values = || rows.iter().map(|row| row[field].as_ref().map(|(_, value)| value));
    let whole = || {
        values().map(|value| match value {
            Some(Value::Integer(value) | Value::Datetime(value) | Value::Time(value)) => Some(*value),
            _ => None,
        })
    };
    match column_type(kind) {
        DataType::Utf8View => Arc::new(StringViewArray::from_iter(values().map(|value| match value {
            Some(Value::Text(text)) => Some(text.as_str()),
            _ => None,
        }))),
        DataType::Float64 => Arc::new(Float64Array::from_iter(values().map(|value| match value {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }))),
        DataType::Boolean => Arc::new(BooleanArray::from_iter(values().map(|value| match value {
            Some(Value::Boolean(flag)) => Some(*flag),
            _ => None,
        }))),
        DataType::Date32 => Arc::new(Date32Array::from_iter(values().map(|value| match value {
            Some(Value::Date(days)) => Some(*days),
            _ => None,
        }))),
        DataType::Timestamp(..) => Arc::new(TimestampMicrosecondArray::from_iter(whole())),
        DataType::Time64(_) => Arc::new(Time64MicrosecondArray::from_iter(whole())),
        _ => Arc::new(Int64Array::from_iter(whole())),
    }
}

fn without_repeats(release: &Release, relation: usize, rows: Vec<Row>) -> Vec<Row> {
    let unique = release.layout.key_sets_of(relation).filter(|(_, set)| set.unique);
    let mut seen: Vec<(&[usize], HashSet<Vec<String>>)> =
        unique.map(|(_, set)| (set.fields.as_slice(), HashSet::new())).collect();
    let mut kept = Vec::with_capacity(rows.len());
    for row in rows {
        // Spelt as values are, so that two spellings of one date are one key.
        let key = |fields: &[usize]| -> Option<Vec<String>> {
            fields.iter().map(|at| row[*at].as_ref().map(|(_, value)| format!("{value:?}"))).collect()
        };
        if seen.iter_mut().all(|(fields, keys)| key(fields).is_none_or(|key| keys.insert(key))) {
            kept.push(row);
        }
    }
    kept
}

fn write_file(release: &Release, relation: usize, rows: &[Row], folder: &Path) -> Result<()> {
    let relation = &release.dictionary.relations[relation];
    let cells: Vec<Cells<'_>> = relation.fields.iter().map(Cells::new).collect();
    let mut file = CsvRows::new();
    relation.fields.iter().for_each(|field| file.text(&field.name));
    file.end_row();
    for row in rows {
        for (cell, value) in cells.iter().zip(row) {
            file.text(value.as_ref().map_or(cell.missing(), |(text, _)| text));
        }
        file.end_row();
    }
    Ok(std::fs::write(folder.join(format!("{}.csv", relation.name)), file.into_bytes())?)
}
