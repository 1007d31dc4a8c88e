//! From delimited rows to typed columns and findings.
