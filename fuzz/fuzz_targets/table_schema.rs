//! A data dictionary is read, and the cells that its own fields name and some others by its rules.
#![no_main]

use bordereau_base::cell::{CellRules, Violation};
use bordereau_base::dictionary::{Dictionary, Field};
use libfuzzer_sys::fuzz_target;

/// Parted by bars.
const CELLS: &str = "| |0|-1|1,234.50|(12)%|1e400|true|2024-02-29|02/30/2024|2024-02-29T23:59:60Z|24:00|\
    -12345678901234567890|a@b.c|e\u{301}|9999-12";

fuzz_target!(|bytes: &[u8]| match Dictionary::from_json(bytes) {
    Ok(dictionary) => dictionary.relations.iter().for_each(|relation| {
        let places = |places: &[usize]| places.iter().all(|place| *place < relation.fields.len());
        assert!(places(&relation.primary_key) && relation.unique_keys.iter().all(|key| places(key)));
        assert!(
            relation.foreign_keys.iter().all(|key| key.relation < dictionary.relations.len() && places(&key.fields))
        );
        relation.fields.iter().take(50).for_each(use_field);
    }),
    Err(problems) => assert!(!problems.is_empty()),
});

fn use_field(field: &Field) {
    let rules = CellRules::new(field);
    Violation::ALL.iter().for_each(|violation| assert!(!rules.sentence(*violation).is_empty()));
    for cell in CELLS.split('|').chain(field.missing_values.iter().map(String::as_str)) {
        let _ = rules.read(cell);
    }
}
