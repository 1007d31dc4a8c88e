//! Cutting.
use super::{Assumptions, IntakeError, Projection, RawRows};

/// The rows of one entry, cut into blocks on one thread.
#[derive(Debug)]
pub struct Rows {
    header: Vec<String>,
    assumptions: Assumptions,
}

impl Rows {
    /// The names in the header, trimmed, as written. At least one; no two compare equal (empty ones aside).
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// What is assumed of the file.
    pub fn assumptions(&self) -> &Assumptions {
        &self.assumptions
    }

    /// The next block of whole rows, `None` after the last.
    pub fn next_block(&mut self) -> Result<Option<Block>, IntakeError> {
        Ok(None)
    }

    /// Unpacked bytes read so far, for progress.
    pub fn bytes_read(&self) -> u64 {
        0
    }
}

/// Whole rows of a file as bytes, not yet tokenised. Owned: send it to any thread.
#[derive(Debug)]
pub struct Block {}

impl Block {
    /// Makes columns of the block. Pure computation.
    pub fn tokenize(self, columns: &Projection) -> Result<RawRows, IntakeError> {
        let _ = columns;
        Err(std::io::Error::from(std::io::ErrorKind::Unsupported).into())
    }
}
