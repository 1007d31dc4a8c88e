//! What the masks of a column say of all its values, when all masks are known.
//!
//! A mask has `A` for an upper case letter, `a` for a lower case one, `9` for a digit, and all else as it is.

use bordereau_base::cell::CellRules;
use bordereau_base::dictionary::Dictionary;
use serde_json::{Value, json};

use crate::document::ColumnProfile;

/// Characters that mean something in a regular expression.
const SPECIAL: &str = r"\.^$|?*+()[]{}-";

/// The masks of a column; `None` unless every value has one of them, whole and in ASCII.
pub(super) fn all_masks(column: &ColumnProfile) -> Option<Vec<&str>> {
    let values = column.rows.saturating_sub(column.nulls.total);
    let masks = &column.strings.masks;
    let listed: u64 = masks.iter().map(|mask| mask.count).sum();
    let whole = masks.iter().all(|mask| mask.count_error == 0 && !mask.value.ends_with('…'));
    (values > 0 && listed == values && whole).then(|| masks.iter().map(|mask| mask.value.as_str()).collect())
}

/// The regular expression that the mask's values match, with runs counted.
pub(super) fn expression(mask: &str) -> String {
    let mut expression = String::new();
    let mut chars = mask.chars().peekable();
    while let Some(c) = chars.next() {
        let mut run = 1_usize;
        while chars.next_if_eq(&c).is_some() {
            run += 1;
        }
        match c {
            'A' => expression.push_str("[A-Z]"),
            'a' => expression.push_str("[a-z]"),
            '9' => expression.push_str("[0-9]"),
            c if SPECIAL.contains(c) => expression.extend(['\\', c]),
            c => expression.push(c),
        }
        if run > 1 {
            expression.push_str(&format!("{{{run}}}"));
        }
    }
    expression
}

/// Whether bordereau reads a value of each mask by the field, its nines taken as digits.
///
/// Currency signs, groups and signs stand literally in a mask: so a mask is a number that is written like all of its
/// values.
pub(super) fn are_read(masks: &[&str], field: &Value) -> bool {
    let package = json!({"resources": [{"name": "r", "schema": {"fields": [field]}}]});
    let Ok(dictionary) = Dictionary::from_json(package.to_string().as_bytes()) else { return false };
    let Some(field) = dictionary.relations.first().and_then(|relation| relation.fields.first()) else { return false };
    let rules = CellRules::new(field);
    masks.iter().all(|mask| matches!(rules.read(mask), Ok(Some(_))))
}

#[cfg(test)]
mod tests {

    #[test]
    fn a_mask_becomes_an_expression_with_its_runs_counted() {
        for (mask, expression) in [
            ("99999", "[0-9]{5}"),
            ("AA-9999", r"[A-Z]{2}\-[0-9]{4}"),
            ("9.9 a", r"[0-9]\.[0-9] [a-z]"),
            ("((A))", r"\({2}[A-Z]\){2}"),
        ] {
            assert_eq!(super::expression(mask), expression, "{mask}");
        }
    }
}
