//! Features, scores and explanations of the accepted records, range by range.
