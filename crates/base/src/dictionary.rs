//! The data dictionary of a solution: a Data Package (version 2) whose resources are relations with a Table Schema.

/// All relations of a solution.
#[derive(Debug, Clone)]
pub struct Dictionary {
    /// In the order of the descriptor.
    pub relations: Vec<Relation>,
}

/// One delimited file of an upload and what its rows must look like.
#[derive(Debug, Clone)]
pub struct Relation {
    /// Name of the relation, and of its file without the extension.
    pub name: String,
}
