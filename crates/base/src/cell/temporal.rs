//! Dates and times by strptime patterns.

/// A strptime pattern such as `%m/%d/%Y`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    source: String,
}

impl Pattern {
    /// The pattern as the descriptor has it.
    pub fn as_str(&self) -> &str {
        &self.source
    }
}
