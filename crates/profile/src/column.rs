//! One column: from the values of a block to a part, from parts to a state, from states to a merged state.
//!
//! Owns what is counted of a column and how fast. Data: [`ColumnKernel::observe`] reads one column of one block (any
//! thread, pure) and gives a [`ColumnPart`]; [`ColumnState::merge_part`] takes the parts in the order of the blocks;
//! [`ColumnState::merge`] takes the state of a later file. `finish` reads the fields of [`ColumnState`]; nothing here
//! chooses a type, computes a percentile or knows of documents.
//!
//! # What a value is
//! Null spellings, types, numbers and dates are judged by the value without the ASCII blanks around it, so ` 12 ` is
//! the integer 12. Distinct and frequent values, lengths, masks, character classes, minimum and maximum as texts are
//! those of the value as uploaded, blanks included; how many values are padded is counted. Nulls (absent, empty, blank,
//! and spellings such as `NA`) count as nulls only and are in nothing else.
//!
//! # Votes
//! One value may read as several types: `0` and `1` are integers and booleans, `20240131` is an integer and (a hint) a
//! date. `string` counts the values that are none of the others. An infinity is a decimal, and not in any
//! `NumberState`. NaN is a null. A number whose magnitude is beyond a 64-bit float is a string.
//!
//! # Order and exactness
//! Everything is the same whatever the number of threads, since blocks are cut the same and parts are merged in their
//! order. Tallies, sums, extremes, days and masks are exact (masks, spellings and months until their bound is reached,
//! then lower bounds beside an exact rest) and equal for any cut into blocks; how the sketches depend on the order is
//! said where they are made.

mod analyst;
mod dates;
mod dictionary;
mod formats;
mod image;
mod kernel;
mod mask;
mod merge;
mod numbers;
mod order;
mod part;
mod plan;
mod read;
mod shape;
mod state;
mod tallies;
#[cfg(test)]
mod tests;
mod texts;
mod values;

pub(crate) use dates::{DateReadings, DateState};
pub(crate) use formats::{ClockForm, DayForm, DayOrder, TemporalForm};
pub use kernel::{CellScratch, ColumnKernel};
pub(crate) use mask::{Mask, MaskCounts};
pub(crate) use numbers::{NumberState, NumberStyles};
pub(crate) use order::Order;
pub use part::ColumnPart;
pub(crate) use read::{Reading, boolean, read};
pub use state::{ColumnState, Hint};
pub(crate) use state::{Example, Spellings};
pub(crate) use tallies::{Kind, Tallies, Votes};
pub(crate) use texts::{CutText, LENGTHS_EXACT, Lengths, TextState};
