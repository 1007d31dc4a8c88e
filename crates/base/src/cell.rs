//! Reading one cell: text to a typed value by a field of the dictionary.

pub mod temporal;
