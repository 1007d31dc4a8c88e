//! Three records of a results zip in words: what was predicted, and what moved it most.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use bordereau_engine::summary::Summary;
use simd_csv::{ByteRecord, Reader};

use super::archive;
use crate::table::{Align, Table};

/// Enough for the first records of each member.
const BYTES_MAX: u64 = 256 << 10;
const RECORDS_SHOWN: usize = 3;

/// The words. Empty when the results hold no records or are not CSV.
///
/// # Errors
/// When the zip cannot be read.
pub fn text(results: &Path, summary: &Summary) -> io::Result<String> {
    let outputs = rows(results, "outputs.csv")?;
    let explanations = rows(results, "explanations.csv")?;
    let mut text = String::new();
    for output in outputs.iter().take(RECORDS_SHOWN) {
        record(&mut text, output, &explanations, summary);
    }
    if !text.is_empty() {
        text.insert_str(0, "The first records, explained (positive importance: the value made the outcome better)\n");
    }
    Ok(text)
}

/// The rows of a member as cells by column name.
type Row = Vec<(String, String)>;

fn rows(results: &Path, name: &str) -> io::Result<Vec<Row>> {
    let bytes = archive::member(results, name, BYTES_MAX)?.unwrap_or_default();
    // The last row may be cut off in the middle.
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let mut reader = Reader::from_reader(bytes.get(..whole).unwrap_or_default());
    let cell = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let names: Vec<String> = match reader.byte_headers() {
        Ok(names) => names.iter().map(cell).collect(),
        Err(_) => return Ok(Vec::new()),
    };
    let (mut rows, mut row) = (Vec::new(), ByteRecord::new());
    // A cut inside quotes ends the reading; the rows before it are good.
    while matches!(reader.read_byte_record(&mut row), Ok(true)) {
        rows.push(names.iter().cloned().zip(row.iter().map(cell)).collect());
    }
    Ok(rows)
}

fn get<'a>(row: &'a Row, name: &str) -> &'a str {
    row.iter().find(|(known, _)| known == name).map_or("", |(_, cell)| cell.as_str())
}

fn record(text: &mut String, output: &Row, explanations: &[Row], summary: &Summary) {
    // The columns before the first model's are keys and passed-through values.
    let first = summary.models.first().map(|model| format!("{}_bin", model.name));
    let models_at = output.iter().position(|(name, _)| Some(name) == first.as_ref()).unwrap_or(1).saturating_sub(1);
    let known: Vec<String> =
        output.iter().take(models_at).map(|(name, cell)| format!("{name} {}", cell.trim())).collect();
    let _ = writeln!(text, "\n  {}", known.join(", "));
    for model in &summary.models {
        let name = &model.name;
        let at = output.iter().position(|(column, _)| *column == format!("{name}_bin")).unwrap_or(0);
        let (column, prediction) = output.get(at.saturating_sub(1)).map_or(("", ""), |(name, cell)| (name, cell));
        let (bin, sentence) = (get(output, &format!("{name}_bin")), get(output, &format!("{name}_interpretation")));
        let _ = writeln!(text, "    {column} {}, bin {bin}: {sentence}", short(prediction));
        let same = |row: &&Row| get(row, "model") == name && same_record(row, output, models_at);
        let columns =
            [("importance", Align::Right), ("feature", Align::Left), ("value", Align::Left), ("meaning", Align::Left)];
        let mut table = Table::new(columns);
        for row in explanations.iter().filter(same) {
            table.row([
                short(get(row, "importance")),
                get(row, "feature").to_owned(),
                short(get(row, "value")),
                get(row, "description").to_owned(),
            ]);
        }
        text.push_str(&table.text("      "));
    }
}

/// Explanations carry the record's key columns; those are among the outputs' first columns.
fn same_record(explanation: &Row, output: &Row, keys_max: usize) -> bool {
    let keys = explanation.iter().take_while(|(name, _)| name != "model");
    keys.into_iter().all(|(name, cell)| output.iter().take(keys_max).any(|(n, c)| n == name && c == cell))
}

/// A number with at most three decimals; other texts as they are.
fn short(text: &str) -> String {
    match text.parse::<f64>() {
        Ok(number) if text.contains('.') => format!("{number:.3}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shortened_and_texts_kept() {
        for (text, expected) in [("0.123456", "0.123"), ("12", "12"), ("CO", "CO"), ("-1.5e-7", "-0.000")] {
            assert_eq!(short(text), expected);
        }
    }
}
