//! The header of a file against the fields of its relation.

use bordereau_base::dictionary::{Field, FieldsMatch, Relation, canonical_name};
use bordereau_base::refusal::{Refusal, RefusalCode};

/// Names listed in one sentence before the rest is counted.
const LISTED_NAMES: usize = 20;
/// Characters of a name that are shown.
const SHOWN_CHARS: usize = 100;

/// Where the fields of a relation are in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchedHeader {
    /// For each field its column in the file, where the file has one.
    pub columns: Vec<Option<usize>>,
    /// Columns that are no field, as written; they are ignored.
    pub ignored: Vec<String>,
    /// Names of the fields without a column.
    pub absent: Vec<String>,
}

/// Whether a file of the relation is refused when it has no column for the field.
pub fn must_be_there(relation: &Relation, field: &Field) -> bool {
    match relation.fields_match {
        FieldsMatch::Exact | FieldsMatch::Equal | FieldsMatch::Subset => true,
        FieldsMatch::Superset | FieldsMatch::Partial => field.constraints.required,
    }
}

/// Matches the header of `file` with the fields of its relation, and says what is wrong with it as the relation's
/// `fieldsMatch` says: one refusal for each kind of fault, none for a header that is taken.
pub fn match_header(relation: &Relation, file: &str, header: &[String]) -> (MatchedHeader, Vec<Refusal>) {
    let names: Vec<String> = header.iter().map(|name| canonical_name(name)).collect();
    let columns: Vec<Option<usize>> = relation
        .fields
        .iter()
        .map(|field| {
            let wanted = field.sql_name();
            names.iter().position(|name| *name == wanted)
        })
        .collect();
    let mut is_field = vec![false; header.len()];
    columns.iter().flatten().for_each(|column| is_field[*column] = true);
    let others = (1..).zip(header).zip(is_field).filter(|(_, is_field)| !is_field);
    let ignored: Vec<String> = others.map(|((at, name), _)| shown(name, at)).collect();
    let fields = || relation.fields.iter().zip(&columns).filter(|(_, column)| column.is_none());
    let absent: Vec<String> = fields().map(|(field, _)| field.name.clone()).collect();
    let needed = fields().filter(|(field, _)| must_be_there(relation, field));
    let missing: Vec<String> = needed.map(|(field, _)| field.name.clone()).collect();
    let which = match relation.fields_match {
        FieldsMatch::Exact | FieldsMatch::Equal | FieldsMatch::Subset => "",
        FieldsMatch::Superset | FieldsMatch::Partial => "required ",
    };
    let missing = lacks(file, which, &missing);
    let none = columns.iter().all(Option::is_none);
    let nothing = (missing.is_none() && none && relation.fields_match == FieldsMatch::Partial).then(|| {
        let message = format!("{} has no column of the relation {}", shown(file, 1), relation.name);
        Refusal::new(RefusalCode::MissingColumn, message)
    });
    let unexpected = match relation.fields_match {
        FieldsMatch::Exact | FieldsMatch::Equal | FieldsMatch::Superset => unknown(relation, file, &ignored),
        FieldsMatch::Subset | FieldsMatch::Partial => None,
    };
    let mut refusals: Vec<Refusal> = [missing, nothing, unexpected].into_iter().flatten().collect();
    if refusals.is_empty() && relation.fields_match == FieldsMatch::Exact {
        refusals.extend(misplaced(relation, file, &columns));
    }
    (MatchedHeader { columns, ignored, absent }, refusals)
}

fn lacks(file: &str, which: &str, names: &[String]) -> Option<Refusal> {
    let columns = if names.len() == 1 { "column" } else { "columns" };
    let message = || format!("{} lacks the {which}{columns} {}", shown(file, 1), listed(names));
    (!names.is_empty()).then(|| Refusal::new(RefusalCode::MissingColumn, message()))
}

fn unknown(relation: &Relation, file: &str, names: &[String]) -> Option<Refusal> {
    let columns = if names.len() == 1 { "the column" } else { "the columns" };
    let message = || {
        let file = shown(file, 1);
        format!("{file} has {columns} {}, which the relation {} does not have", listed(names), relation.name)
    };
    (!names.is_empty()).then(|| Refusal::new(RefusalCode::UnexpectedColumn, message()))
}

/// The first field that is not in its place.
fn misplaced(relation: &Relation, file: &str, columns: &[Option<usize>]) -> Option<Refusal> {
    let (place, _) = columns.iter().enumerate().find(|(place, column)| **column != Some(*place))?;
    let name = &relation.fields[place].name;
    let message = format!("{} must have the column {name} in place {}", shown(file, 1), place + 1);
    Some(Refusal::new(RefusalCode::UnexpectedColumn, message))
}

/// Names for a sentence, the last after an "and"; a long list is cut.
pub fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] if names.len() <= LISTED_NAMES => format!("{} and {last}", first.join(", ")),
        _ => format!("{} and {} more", names[..LISTED_NAMES].join(", "), names.len() - LISTED_NAMES),
    }
}

/// A name from an upload as a sentence shows it: one line, cut where it is long, and where it is empty its place.
pub fn shown(name: &str, place: usize) -> String {
    let name = name.trim();
    if name.is_empty() {
        return format!("number {place} (without a name)");
    }
    name.chars().take(SHOWN_CHARS).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
