//! The data dictionary of a solution: a Data Package (version 2) whose resources are relations with a Table Schema.
//!
//! [`Dictionary::from_json`] reads the bytes of a `datapackage.json` and either gives a dictionary in which everything
//! is resolved (missing values inherited, references as indices, formats and bounds parsed, patterns compiled) or
//! every problem it found, each with its place. A dictionary is immutable plain data; it knows nothing of files,
//! columns in memory or rows. How a cell is read by a field is [`crate::cell`]. What is honoured of the standard, and
//! where we differ from it, is written in `docs/table-schema.md`.
//!
//! Cost: a dictionary is as large as its descriptor, patterns apart, whose compiled size is capped.

mod literal;
mod parse;

use std::fmt;

use regex::Regex;

use crate::cell::temporal::Pattern;

pub use literal::{Literal, Value};

/// All relations of a solution.
#[derive(Debug, Clone)]
pub struct Dictionary {
    /// `name` of the package.
    pub name: Option<String>,
    /// `title` of the package, for people.
    pub title: Option<String>,
    /// `description` of the package, Markdown.
    pub description: Option<String>,
    /// In the order of the descriptor.
    pub relations: Vec<Relation>,
}

/// One delimited file of an upload and what its rows must look like.
#[derive(Debug, Clone)]
pub struct Relation {
    /// Name of the relation, and of its file without the extension.
    pub name: String,
    /// `path` as the descriptor has it, such as `insured.csv`; absent when it has none.
    pub path: Option<String>,
    /// `title`, for people.
    pub title: Option<String>,
    /// `description`, Markdown.
    pub description: Option<String>,
    /// In the order of the schema; their canonical names differ from each other.
    pub fields: Vec<Field>,
    /// The fields (indices) whose values together name a row; empty when there is no primary key. They are required.
    pub primary_key: Vec<usize>,
    /// Further sets of fields whose values together may not repeat; a field with the constraint `unique` is not listed
    /// here but in its constraints. A row with a missing value in the set does not take part.
    pub unique_keys: Vec<Vec<usize>>,
    /// References to fields of this or another relation.
    pub foreign_keys: Vec<ForeignKey>,
    /// How the columns of a file must match the fields.
    pub fields_match: FieldsMatch,
}

/// Rows of a relation refer to rows of a relation: `fields[i]` has the value of `reference_fields[i]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// Indices into the fields of the referring relation; at least one.
    pub fields: Vec<usize>,
    /// Index of the relation referred to; its own index for a reference to itself.
    pub relation: usize,
    /// Indices into the fields of the relation referred to, as many as `fields`, each of the same kind.
    pub reference_fields: Vec<usize>,
}

/// How the columns of a file must match the fields of the schema (`fieldsMatch`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FieldsMatch {
    /// The same number in the same order, with the same names.
    #[default]
    Exact,
    /// The same names in any order.
    Equal,
    /// The file has at least all fields; further columns are ignored.
    Subset,
    /// The file has no column that is not a field; fields may be absent.
    Superset,
    /// At least one column is a field.
    Partial,
}

/// One column of a relation.
#[derive(Debug, Clone)]
pub struct Field {
    /// `name` as written.
    pub name: String,
    /// `title`, for people.
    pub title: Option<String>,
    /// `description`, Markdown.
    pub description: Option<String>,
    /// Type and format together.
    pub kind: FieldKind,
    /// What values must keep to, beyond their type.
    pub constraints: Constraints,
    /// Texts that mean "no value": those of the field, else of the schema, else of the package, else the empty text.
    pub missing_values: Vec<String>,
}

/// The type of a field with all that decides how its values are read.
#[derive(Debug, Clone)]
pub enum FieldKind {
    /// Text.
    String(StringFormat),
    /// A 64-bit floating point number.
    Number(NumberFormat),
    /// A 64-bit whole number; of the format only `group_char` and `bare_number` apply.
    Integer(NumberFormat),
    /// True or false.
    Boolean(BooleanFormat),
    /// A day, 0001-01-01 to 9999-12-31.
    Date(TemporalFormat),
    /// A day and time; with a zone it is turned into UTC, without one it is taken as it is.
    Datetime(TemporalFormat),
    /// A time of day, microsecond precision.
    Time(TemporalFormat),
    /// A calendar year, 0 to 9999.
    Year,
    /// A month of a year, kept as its first day.
    Yearmonth,
    /// Text of any form.
    Any,
}

impl FieldKind {
    /// The `type` of the standard, such as `yearmonth`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::String(_) => "string",
            Self::Number(_) => "number",
            Self::Integer(_) => "integer",
            Self::Boolean(_) => "boolean",
            Self::Date(_) => "date",
            Self::Datetime(_) => "datetime",
            Self::Time(_) => "time",
            Self::Year => "year",
            Self::Yearmonth => "yearmonth",
            Self::Any => "any",
        }
    }
}

/// What a text must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum StringFormat {
    /// Anything.
    #[default]
    Default,
    /// An e-mail address.
    Email,
    /// A URI with a scheme (RFC 3986).
    Uri,
    /// Base64 (RFC 4648, section 4, padded).
    Binary,
    /// A UUID with its hyphens.
    Uuid,
}

/// How a number is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberFormat {
    /// Between whole part and fraction.
    pub decimal_char: String,
    /// Between groups of digits; absent when there is none.
    pub group_char: Option<String>,
    /// False when other characters before and after the number, such as `$` and `%`, are passed over.
    pub bare_number: bool,
}

impl Default for NumberFormat {
    fn default() -> Self {
        Self { decimal_char: ".".to_owned(), group_char: None, bare_number: true }
    }
}

/// How true and false are written; compared exactly, letter case included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BooleanFormat {
    /// Texts that mean true.
    pub true_values: Vec<String>,
    /// Texts that mean false.
    pub false_values: Vec<String>,
}

/// How a date, datetime or time is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemporalFormat {
    /// As the standard's default for the type: ISO 8601.
    Default,
    /// Any of the spellings listed in `docs/table-schema.md`.
    Any,
    /// One of these patterns; the first that fits decides.
    Patterns(Vec<Pattern>),
}

/// What the values of a field must keep to. Bounds and members are of the field's own kind.
#[derive(Debug, Clone, Default)]
pub struct Constraints {
    /// A value may not be missing. True for the fields of a primary key.
    pub required: bool,
    /// A value may not repeat within the relation.
    pub unique: bool,
    /// Fewest characters (Unicode scalar values).
    pub min_length: Option<usize>,
    /// Most characters (Unicode scalar values).
    pub max_length: Option<usize>,
    /// Least value.
    pub minimum: Option<Literal>,
    /// Greatest value.
    pub maximum: Option<Literal>,
    /// Values must be greater.
    pub exclusive_minimum: Option<Literal>,
    /// Values must be less.
    pub exclusive_maximum: Option<Literal>,
    /// The whole text must match.
    pub pattern: Option<TextPattern>,
    /// The values allowed, of `enum` or `categories`; `None` when all are. Never empty.
    pub enumeration: Option<Vec<Literal>>,
}

/// A regular expression for a whole value. Matching takes time linear in the value.
#[derive(Debug, Clone)]
pub struct TextPattern {
    source: String,
    regex: Regex,
}

/// Compiled patterns above this many bytes are refused.
const PATTERN_BYTES_MAX: usize = 1 << 20;

impl TextPattern {
    /// Compiles `source`, which must match a whole value.
    ///
    /// # Errors
    /// When it is not a regular expression of the `regex` crate (no back references, no look-around), means something
    /// else in XML Schema, which the standard names, or is too large.
    pub fn new(source: &str) -> Result<Self, String> {
        if subtracts_class(source) {
            return Err("subtraction of classes is written `[a-z--[aeiou]]`".to_owned());
        }
        let bounded = |text: &str| {
            regex::RegexBuilder::new(text)
                .size_limit(PATTERN_BYTES_MAX)
                .dfa_size_limit(PATTERN_BYTES_MAX)
                .build()
                .map_err(|e| e.to_string())
        };
        // First alone: `a)(b` must not become an expression by being wrapped.
        bounded(source)?;
        let regex = bounded(&format!(r"\A(?:{source})\z"))?;
        Ok(Self { source: source.to_owned(), regex })
    }

    /// The expression as the descriptor has it.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether all of `text` matches.
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

/// Whether a class holds `-[` as in `[a-z-[aeiou]]`: XML Schema takes away what we would add.
fn subtracts_class(source: &str) -> bool {
    let mut depth = 0_usize;
    let mut before = [' '; 2];
    let mut chars = source.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '[' if depth > 0 && before[1] == '-' && before[0] != '-' => return true,
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        before = [before[1], c];
    }
    false
}

/// Something in a descriptor that keeps it from being a dictionary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// JSON pointer (RFC 6901), such as `/resources/0/schema/fields/3/type`; empty for the descriptor as a whole.
    pub place: String,
    /// One sentence, lower case, without the place.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", if self.place.is_empty() { "/" } else { &self.place }, self.message)
    }
}

/// A name as it is compared and as SQL knows it: trimmed, lower case, spaces as underscores.
///
/// Two names that give the same text are the same name.
///
/// ```
/// use bordereau_base::dictionary::canonical_name;
/// assert_eq!(canonical_name(" Claimant Height "), "claimant_height");
/// ```
pub fn canonical_name(name: &str) -> String {
    name.trim().chars().flat_map(char::to_lowercase).map(|c| if c.is_whitespace() { '_' } else { c }).collect()
}

impl Dictionary {
    /// Reads a descriptor.
    ///
    /// # Errors
    /// All problems found, in the order of the descriptor; never an empty list.
    pub fn from_json(bytes: &[u8]) -> Result<Dictionary, Vec<Problem>> {
        parse::dictionary(bytes)
    }

    /// The relation of that name; compared as names are, see [`canonical_name`].
    pub fn relation(&self, name: &str) -> Option<&Relation> {
        self.relation_index(name).and_then(|at| self.relations.get(at))
    }

    /// The index of the relation of that name.
    pub fn relation_index(&self, name: &str) -> Option<usize> {
        let wanted = canonical_name(name);
        self.relations.iter().position(|relation| relation.sql_name() == wanted)
    }
}

impl Relation {
    /// The name of its table in SQL.
    pub fn sql_name(&self) -> String {
        canonical_name(&self.name)
    }

    /// The field of that name; compared as names are, see [`canonical_name`].
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.field_index(name).and_then(|at| self.fields.get(at))
    }

    /// The index of the field of that name.
    pub fn field_index(&self, name: &str) -> Option<usize> {
        let wanted = canonical_name(name);
        self.fields.iter().position(|field| field.sql_name() == wanted)
    }
}

impl Field {
    /// The name of its column in SQL.
    pub fn sql_name(&self) -> String {
        canonical_name(&self.name)
    }
}
