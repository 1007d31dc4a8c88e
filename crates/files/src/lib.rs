//! Delimited files in, results zip out.
