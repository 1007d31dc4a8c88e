//! What one column of one block leaves behind: lean, without copies of values.
//!
//! Values are named by their row in the block's array, which the part shares. A part of few rows costs little: tallies,
//! a handful of short vectors, and sketches only where numbers or dates are.

use arrow::array::{Array, StringViewArray};
use bordereau_sketch::distinct::Distinct;
use bordereau_sketch::moments::Moments;
use bordereau_sketch::sum::ExactSum;

use super::{DateReadings, Kind, Mask, Order, Tallies, TemporalForm, TextState};

/// One column of one block, as [`ColumnKernel::observe`](super::ColumnKernel::observe) found it.
#[derive(Debug)]
pub struct ColumnPart {
    /// The column of the block; rows below are places in it.
    pub(crate) values: StringViewArray,
    /// Rows, nulls, votes and styles.
    pub(crate) tallies: Tallies,
    /// Spellings by a row that has it, and their counts.
    pub(crate) null_spellings: Vec<(u32, u64)>,
    /// Likewise.
    pub(crate) sentinels: Vec<(u32, u64)>,
    /// Likewise.
    pub(crate) booleans: Vec<(u32, u64)>,
    /// Signs and codes with their counts.
    pub(crate) currency_signs: Vec<(Box<str>, u64)>,
    /// Values by form of date or time.
    pub(crate) forms: Vec<(TemporalForm, u64)>,
    /// Values by mask, in the order of their first value.
    pub(crate) masks: Vec<(Mask, u64)>,
    /// Values whose mask is not counted.
    pub(crate) masks_other: u64,
    /// As texts.
    pub(crate) texts: TextState,
    /// The four accumulators of numbers: plain, comma, ambiguous as grouped, ambiguous as comma.
    pub(crate) numbers: [Option<Box<NumberPart>>; 4],
    /// Days and times.
    pub(crate) dates: Option<Box<DateReadings>>,
    /// Order of all numbers.
    pub(crate) number_order: Order<f64>,
    /// Likewise, `1,234` with a decimal comma.
    pub(crate) comma_order: Order<f64>,
    /// Order of days, month first.
    pub(crate) month_first_order: Order<i64>,
    /// Order of days, day first.
    pub(crate) day_first_order: Order<i64>,
    /// Order of texts.
    pub(crate) text_order: TextOrder,
    /// Hashes of the values, for a block of many distinct ones.
    pub(crate) distinct: Option<Distinct>,
    /// Distinct values.
    pub(crate) counted: Counted,
    /// Rows of the first distinct values of each kind.
    pub(crate) examples: [Vec<u32>; Kind::COUNT],
}

/// Order of texts by rows.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TextOrder {
    /// Rows of the first and the last value.
    pub(crate) ends: Option<(u32, u32)>,
    /// Some value is less than the one before.
    pub(crate) falls: bool,
    /// Some value is greater than the one before.
    pub(crate) rises: bool,
}

/// A value of a block: a row that has it, how often, and its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Its hash.
    pub(crate) hash: u64,
    /// A row.
    pub(crate) row: u32,
    /// How often.
    pub(crate) count: u32,
}

/// The values of a block, to be counted.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    /// All values, when they are counted exactly; a value may come in several items.
    pub(crate) all: Option<Vec<Counts>>,
    /// All values of the block that occur more than `error` times, each once.
    pub(crate) heavy: Vec<Counts>,
    /// How often a value that is not in `heavy` may occur.
    pub(crate) error: u64,
    /// All values that may be in the sample; a value may come in several items.
    pub(crate) sampled: Vec<Counts>,
}

/// Numbers of a block in one reading.
#[derive(Debug, Default)]
pub(crate) struct NumberPart {
    /// The numbers; each once for every value that has it when `counts` is empty.
    pub(crate) values: Vec<f64>,
    /// How many values have each number.
    pub(crate) counts: Vec<u32>,
    /// Values.
    pub(crate) count: u64,
    /// The least.
    pub(crate) min: f64,
    /// The greatest.
    pub(crate) max: f64,
    /// Zeros.
    pub(crate) zeros: u64,
    /// Zeros with a minus sign.
    pub(crate) negative_zeros: u64,
    /// Values below zero.
    pub(crate) negatives: u64,
    /// Most decimals.
    pub(crate) decimals_max: u32,
    /// Their sum.
    pub(crate) sum: ExactSum,
    /// Their moments.
    pub(crate) moments: Moments,
}

impl ColumnPart {
    /// A part of nothing yet.
    pub(crate) fn new(values: StringViewArray) -> Self {
        Self {
            values,
            tallies: Tallies::default(),
            null_spellings: Vec::new(),
            sentinels: Vec::new(),
            booleans: Vec::new(),
            currency_signs: Vec::new(),
            forms: Vec::new(),
            masks: Vec::new(),
            masks_other: 0,
            texts: TextState::default(),
            numbers: Default::default(),
            dates: None,
            number_order: Order::default(),
            comma_order: Order::default(),
            month_first_order: Order::default(),
            day_first_order: Order::default(),
            text_order: TextOrder::default(),
            distinct: None,
            counted: Counted::default(),
            examples: Default::default(),
        }
    }

    /// The value of a row; empty for a null.
    pub(crate) fn value(&self, row: u32) -> &str {
        let row = row as usize;
        if row < self.values.len() { self.values.value(row) } else { "" }
    }
}
