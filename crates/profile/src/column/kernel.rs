//! From a column of a block to its part, in one of two ways.
//!
//! A look at the first 1,024 rows decides: when most values would be new ones all along, each row is looked at on its
//! own (`direct`); otherwise distinct values are counted first and each is looked at once (`counted`). Both ways
//! give the same but for what part of the distinct values is handed on, which says how exact it is. The choice depends
//! on the block alone.

use arrow::array::{Array, StringViewArray};
use bordereau_base::cell::trim_blanks;
use bordereau_sketch::hash::{NULL_HASH, hash_bytes};

use super::analyst::{Analyst, NO_STAMP, Seen};
use super::dictionary::{Dictionary, NULL_CODE};
use super::image::Image;
use super::part::{ColumnPart, Counts, TextOrder};
use super::read::{Reading, read};
use super::state::Hint;
use super::values::Values;
use crate::settings::Limits;
use crate::vector::widest;

/// What a column of a block says of each of its rows, beside its part. Reused from block to block.
#[derive(Debug, Clone, Default)]
pub struct CellScratch {
    /// For each row the hash of its value as uploaded
    /// ([`hash_bytes`]), [`NULL_HASH`] for nulls
    /// of every kind.
    pub hashes: Vec<u64>,
    /// For each row its number as in `ColumnState::number_order`, NaN for none; absent when no row of the block has
    /// one.
    pub numbers: Option<Vec<f64>>,
}

/// How the values of a block are gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Distinct values first.
    Counted,
    /// Row by row.
    Direct,
}

/// Rows that decide on the way.
const PROBE_ROWS: usize = 1_024;

/// Reads columns of blocks. One for each worker, for all its columns; holds nothing from one call to the next but room.
#[derive(Debug)]
pub struct ColumnKernel {
    dictionary: Dictionary,
    analyst: Analyst,
    values: Values,
    seen: Vec<Seen>,
    hashes: Vec<u64>,
}

impl ColumnKernel {
    /// A kernel for relations of these limits.
    pub fn new(limits: Limits) -> Self {
        Self {
            dictionary: Dictionary::default(),
            analyst: Analyst::new(limits),
            values: Values::new(limits),
            seen: Vec::new(),
            hashes: Vec::new(),
        }
    }

    /// Reads one column of one block. The part depends on `values` alone, but for what `hint` lets it leave out, which
    /// is not looked at by the state that gave the hint. `scratch` is overwritten.
    pub fn observe(&mut self, values: &StringViewArray, hint: &Hint, scratch: &mut CellScratch) -> ColumnPart {
        self.observe_by(values, hint, scratch, None)
    }

    /// [`ColumnKernel::observe`] by a way that is not chosen by the block.
    pub(super) fn observe_by(
        &mut self,
        values: &StringViewArray,
        hint: &Hint,
        scratch: &mut CellScratch,
        way: Option<Way>,
    ) -> ColumnPart {
        scratch.hashes.clear();
        scratch.hashes.reserve(values.len());
        let numbers = scratch.numbers.get_or_insert_default();
        numbers.clear();
        numbers.reserve(values.len());
        let mut part = ColumnPart::new(values.clone());
        self.values.start(hint, values.len());
        self.dictionary.clear();
        self.dictionary.add(values, values.len().min(PROBE_ROWS));
        let has_numbers = match way.unwrap_or_else(|| self.way(values.len())) {
            Way::Counted => counted(self, values, scratch, &mut part),
            Way::Direct => direct(self, values, scratch, &mut part),
        };
        self.analyst.finish(&mut part);
        match &scratch.numbers {
            Some(numbers) if has_numbers => order_numbers(values, numbers, &mut part),
            _ => scratch.numbers = None,
        }
        part
    }

    /// Chosen by how many of the first rows have a value of their own, empty ones apart.
    ///
    /// With `f` values that occur once and `g` twice among the distinct ones, the share `f / rows` of the rows to
    /// come is new (Good 1953), and there are about `distinct + f^2 / 2 g` distinct values (Chao 1984).
    fn way(&self, rows: usize) -> Way {
        let probed = self.dictionary.codes.len();
        if probed == rows {
            return Way::Counted;
        }
        let filled = self.dictionary.entries().iter().filter(|entry| entry.view != 0);
        let (mut once, mut twice, mut distinct, mut filled_rows) = (0.0, 0.0, 0.0, 0.0);
        for entry in filled {
            once += f64::from(u8::from(entry.count == 1));
            twice += f64::from(u8::from(entry.count == 2));
            distinct += 1.0;
            filled_rows += f64::from(entry.count);
        }
        let expected = distinct + once * once / (2.0 * f64::max(twice, 0.5));
        let all_filled = filled_rows * rows as f64 / probed as f64;
        if once > 0.5 * filled_rows && expected > 0.3 * all_filled { Way::Direct } else { Way::Counted }
    }

    /// Counts distinct values, looks at each once, and tells the rows.
    #[inline(always)]
    fn counted(&mut self, values: &StringViewArray, scratch: &mut CellScratch, part: &mut ColumnPart) -> bool {
        let Self { dictionary, analyst, values: found, seen, hashes } = self;
        dictionary.add(values, values.len());
        seen.clear();
        hashes.clear();
        for entry in dictionary.entries() {
            let outcome = analyst.value(values, entry.row, Image::of(values, entry.view), u64::from(entry.count));
            let hash = || entry.known_hash().unwrap_or_else(|| hash_bytes(values.value(entry.row as usize).as_bytes()));
            let hash = if outcome == Seen::Null { NULL_HASH } else { hash() };
            if outcome != Seen::Null {
                found.distinct_value(Counts { hash, row: entry.row, count: entry.count });
            }
            seen.push(outcome);
            hashes.push(hash);
        }
        analyst.absent(values.null_count() as u64);
        let codes = dictionary.codes.as_slice();
        let hash_of = |code: &u32| hashes.get(*code as usize).copied().unwrap_or(NULL_HASH);
        scratch.hashes.extend(codes.iter().map(hash_of));
        part.counted = found.finish_counted();
        part.text_order = text_order(values, dictionary, seen);
        let has = |what: fn(&Seen) -> bool| seen.iter().any(what);
        if has(|seen| matches!(seen, Seen::Stamp(..))) {
            tell_stamps(seen, codes, part);
        }
        let has_numbers = has(|seen| matches!(seen, Seen::Number(_)));
        if has_numbers {
            let number_of = |code: &u32| match seen.get(*code as usize) {
                Some(Seen::Number(number)) => *number,
                _ => f64::NAN,
            };
            scratch.numbers.iter_mut().for_each(|numbers| numbers.extend(codes.iter().map(number_of)));
        }
        has_numbers
    }

    /// Looks at each row.
    #[inline(always)]
    fn direct(&mut self, values: &StringViewArray, scratch: &mut CellScratch, part: &mut ColumnPart) -> bool {
        let Self { analyst, values: found, .. } = self;
        let Some(numbers) = &mut scratch.numbers else { return false };
        let mut has_numbers = false;
        let mut order = RowOrder::default();
        for (row, &view) in values.views().iter().enumerate() {
            let image = Image::of(values, view);
            let outcome = if values.is_null(row) {
                analyst.absent(1);
                Seen::Null
            } else {
                analyst.value(values, row as u32, image, 1)
            };
            let mut number = f64::NAN;
            match outcome {
                Seen::Null => {
                    scratch.hashes.push(NULL_HASH);
                    numbers.push(number);
                    continue;
                }
                Seen::Text => {}
                Seen::Number(found) => {
                    number = found;
                    has_numbers = true;
                }
                Seen::Stamp(month_first, day_first) => push_stamps(part, month_first, day_first),
            }
            numbers.push(number);
            let hash = hash_bytes(values.value(row).as_bytes());
            scratch.hashes.push(hash);
            found.row(hash, row as u32);
            order.push(values, row as u32, &image);
        }
        part.text_order = order.order;
        (part.counted, part.distinct) = found.finish_direct(&scratch.hashes);
        has_numbers
    }
}

widest! {
    fn counted(
        kernel: &mut ColumnKernel,
        values: &StringViewArray,
        scratch: &mut CellScratch,
        part: &mut ColumnPart
    ) -> bool = ColumnKernel::counted;
}

widest! {
    fn direct(
        kernel: &mut ColumnKernel,
        values: &StringViewArray,
        scratch: &mut CellScratch,
        part: &mut ColumnPart
    ) -> bool = ColumnKernel::direct;
}

/// The order of the numbers, in both readings of `1,234`. Few values are read again: none without such numbers, and no
/// more once it is known that there is no order.
fn order_numbers(values: &StringViewArray, numbers: &[f64], part: &mut ColumnPart) {
    let rows = || numbers.iter().copied().enumerate().filter(|(_, number)| !number.is_nan());
    part.number_order.extend(rows().map(|(_, number)| number));
    if part.tallies.styles.ambiguous_comma == 0 {
        part.comma_order = part.number_order.clone();
        return;
    }
    let with_comma = |(row, number): (usize, f64)| match read(trim_blanks(values.value(row))) {
        Reading::Number(reading) if reading.form.ambiguous_comma => reading.with_decimal_comma(),
        _ => number,
    };
    part.comma_order.extend(rows().map(with_comma));
}

fn push_stamps(part: &mut ColumnPart, month_first: i64, day_first: i64) {
    if month_first != NO_STAMP {
        part.month_first_order.push(month_first);
    }
    if day_first != NO_STAMP {
        part.day_first_order.push(day_first);
    }
}

fn tell_stamps(seen: &[Seen], codes: &[u32], part: &mut ColumnPart) {
    let stamps = || {
        codes.iter().filter_map(|code| match seen.get(*code as usize) {
            Some(Seen::Stamp(month_first, day_first)) => Some((*month_first, *day_first)),
            _ => None,
        })
    };
    part.month_first_order.extend(stamps().map(|(month_first, _)| month_first).filter(|stamp| *stamp != NO_STAMP));
    part.day_first_order.extend(stamps().map(|(_, day_first)| day_first).filter(|stamp| *stamp != NO_STAMP));
}

/// The order of the values of a block that were counted.
fn text_order(values: &StringViewArray, dictionary: &Dictionary, seen: &[Seen]) -> TextOrder {
    let is_value = |code: &u32| *code != NULL_CODE && seen.get(*code as usize).is_some_and(|seen| *seen != Seen::Null);
    let codes = dictionary.codes.as_slice();
    let (Some(first), Some(last)) = (codes.iter().position(is_value), codes.iter().rposition(is_value)) else {
        return TextOrder::default();
    };
    let mut order = TextOrder { ends: Some((first as u32, last as u32)), falls: false, rises: false };
    let row_of = |code: u32| dictionary.entries().get(code as usize).map_or(0, |entry| entry.row as usize);
    let mut before = None;
    for &code in codes.iter().filter(|code| is_value(code)) {
        if let Some(before) = before.replace(code).filter(|before| *before != code) {
            let falls = values.value(row_of(code)) < values.value(row_of(before));
            order.falls |= falls;
            order.rises |= !falls;
        }
        if order.falls && order.rises {
            break;
        }
    }
    order
}

/// The order of values row by row.
#[derive(Default)]
struct RowOrder {
    order: TextOrder,
    rank: u128,
}

impl RowOrder {
    #[inline(always)]
    fn push(&mut self, values: &StringViewArray, row: u32, image: &Image) {
        let Some((_, last)) = &mut self.order.ends else {
            self.order.ends = Some((row, row));
            self.rank = image.rank();
            return;
        };
        let before = std::mem::replace(last, row);
        if self.order.falls && self.order.rises {
            return;
        }
        let rank_before = std::mem::replace(&mut self.rank, image.rank());
        let ordering = self.rank.cmp(&rank_before);
        let ordering = ordering.then_with(|| values.value(row as usize).cmp(values.value(before as usize)));
        self.order.falls |= ordering.is_lt();
        self.order.rises |= ordering.is_gt();
    }
}
