//! What the stages need to know of a release's relations, worked out once: which columns the feature query reads, which
//! texts are kept as uploaded, which keys are checked, and which way a row leads to its record.

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use bordereau_base::dictionary::{Dictionary, FieldKind};
use std::sync::Arc;

use super::features_plan::RECORD_COLUMN;

/// A set of fields whose values are hashed and compared over rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySet {
    /// Index of the relation.
    pub relation: usize,
    /// Indices of its fields.
    pub fields: Vec<usize>,
    /// Whether two rows may not have the same values.
    pub unique: bool,
}

/// A reference from the rows of one relation to those of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Index of the child's key set.
    pub child: usize,
    /// Index of the parent's key set.
    pub parent: usize,
    /// Whether a child row belongs to the record of the parent row it finds here.
    pub leads_to_record: bool,
    /// Whether a parent row needs at least one child row.
    pub child_needed: bool,
}

/// One relation as the stages see it.
#[derive(Debug, Clone)]
pub struct RelationLayout {
    /// Name of its table in SQL.
    pub table: String,
    /// Whether the upload must hold its file.
    pub required: bool,
    /// Fields whose typed values the feature query reads, ascending.
    pub read: Vec<usize>,
    /// Fields whose text is kept as uploaded: parts of keys, and what is passed through. Ascending.
    pub texts: Vec<usize>,
    /// For each field of the record's key, the field of this relation that holds it, where there is one.
    pub record_key: Vec<Option<usize>>,
    /// Fields whose findings are warnings.
    pub warnings: Vec<bool>,
}

/// All relations, keys and references of a release.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Index of the relation whose rows are the records.
    pub record: usize,
    /// One for each relation of the dictionary.
    pub relations: Vec<RelationLayout>,
    /// All key sets; each set of fields is there once.
    pub key_sets: Vec<KeySet>,
    /// All references.
    pub references: Vec<Reference>,
    /// The relations other than the record's, parents before children.
    pub descent: Vec<usize>,
}

impl Layout {
    /// The same with all fields of all relations read.
    pub fn reading_all(&self, dictionary: &Dictionary) -> Self {
        let mut all = self.clone();
        for (layout, relation) in all.relations.iter_mut().zip(&dictionary.relations) {
            layout.read = (0..relation.fields.len()).collect();
        }
        all
    }

    /// The key sets of a relation with their indices.
    pub fn key_sets_of(&self, relation: usize) -> impl Iterator<Item = (usize, &KeySet)> {
        self.key_sets.iter().enumerate().filter(move |(_, set)| set.relation == relation)
    }

    /// The reference by which a relation's rows find their record.
    pub fn way_up(&self, relation: usize) -> Option<&Reference> {
        self.references
            .iter()
            .find(|reference| reference.leads_to_record && self.key_sets[reference.child].relation == relation)
    }
}

/// The Arrow type of a field's typed column.
pub fn column_type(kind: &FieldKind) -> DataType {
    match kind {
        FieldKind::String(_) | FieldKind::Any => DataType::Utf8View,
        FieldKind::Number(_) => DataType::Float64,
        FieldKind::Integer(_) | FieldKind::Year => DataType::Int64,
        FieldKind::Boolean(_) => DataType::Boolean,
        FieldKind::Date(_) | FieldKind::Yearmonth => DataType::Date32,
        FieldKind::Datetime(_) => DataType::Timestamp(TimeUnit::Microsecond, None),
        FieldKind::Time(_) => DataType::Time64(TimeUnit::Microsecond),
    }
}

/// The schema of a relation's table in SQL: the fields asked for, then `record`.
pub fn table_schema(dictionary: &Dictionary, relation: usize, fields: impl Iterator<Item = usize>) -> SchemaRef {
    let relation = &dictionary.relations[relation];
    let mut columns: Vec<Field> = fields
        .map(|at| Field::new(relation.fields[at].sql_name(), column_type(&relation.fields[at].kind), true))
        .collect();
    columns.push(Field::new(RECORD_COLUMN, DataType::Int64, false));
    Arc::new(Schema::new(columns))
}
