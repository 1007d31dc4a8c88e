//! One column of a block: texts to typed values, and the cells that break a rule of their field.
//!
//! The type of a column is looked at once; each type has a loop of its own over the texts. Nothing is allocated for a
//! cell, and texts are not copied: a typed text column shares the bytes of the block it was cut from.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, BooleanArray, BooleanBufferBuilder, NullBufferBuilder, PrimitiveArray,
    StringViewArray, StringViewBuilder,
};
use arrow::compute::nullif;
use arrow::datatypes::{Date32Type, Float64Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType};
use bordereau_base::cell::{CellRules, ReadCell, Reader, TextReader, Violation, trim_blanks};

use crate::error::Result;

/// What becomes of the values of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// They are checked and dropped.
    Nothing,
    /// They are made into a typed column.
    Typed,
}

/// A column after checking.
#[derive(Debug)]
pub struct CheckedColumn {
    /// The typed values, when they were wanted; null where missing or unusable.
    pub typed: Option<ArrayRef>,
    /// The cells that break a rule, by their place in the block, ascending.
    pub faults: Vec<(u32, Violation)>,
}

/// Checks a column of texts as they are in the file. A null text is a cell that its row does not have; it is missing
/// without being a fault, for the row has one.
///
/// # Errors
/// When Arrow cannot build the column.
pub fn check(texts: &StringViewArray, rules: &CellRules, keep: Keep) -> Result<CheckedColumn> {
    match rules.reader() {
        Reader::Text(reader) => check_texts(texts, rules, reader, keep),
        Reader::Number(reader) => Ok(values::<Float64Type, _>(texts, rules, reader, keep)),
        Reader::Integer(reader) => Ok(values::<Int64Type, _>(texts, rules, reader, keep)),
        Reader::Year(reader) => Ok(values::<Int64Type, _>(texts, rules, reader, keep)),
        Reader::Date(reader) => Ok(values::<Date32Type, _>(texts, rules, reader, keep)),
        Reader::Yearmonth(reader) => Ok(values::<Date32Type, _>(texts, rules, reader, keep)),
        Reader::Datetime(reader) => Ok(values::<TimestampMicrosecondType, _>(texts, rules, reader, keep)),
        Reader::Time(reader) => Ok(values::<Time64MicrosecondType, _>(texts, rules, reader, keep)),
        Reader::Boolean(reader) => Ok(booleans(texts, rules, reader, keep)),
    }
}

/// Calls `take` with the value of each cell, none where it is missing or unusable, and gives the faults.
#[inline]
fn each_cell<R: ReadCell>(
    texts: &StringViewArray,
    rules: &CellRules,
    reader: &R,
    mut take: impl FnMut(Option<R::Value>),
) -> Vec<(u32, Violation)> {
    let mut faults = Vec::new();
    let required = rules.required();
    for (at, text) in (0u32..).zip(texts.iter()) {
        let Some(text) = text else {
            take(None);
            continue;
        };
        let text = trim_blanks(text);
        let read = if !rules.is_missing(text) {
            reader.read(text).map(Some)
        } else if required {
            Err(Violation::Required)
        } else {
            Ok(None)
        };
        match read {
            Ok(value) => take(value),
            Err(violation) => {
                faults.push((at, violation));
                take(None);
            }
        }
    }
    faults
}

fn values<T: ArrowPrimitiveType, R: ReadCell<Value = T::Native>>(
    texts: &StringViewArray,
    rules: &CellRules,
    reader: &R,
    keep: Keep,
) -> CheckedColumn {
    if keep == Keep::Nothing {
        return CheckedColumn { typed: None, faults: each_cell(texts, rules, reader, |_| ()) };
    }
    let mut values = Vec::with_capacity(texts.len());
    let mut nulls = NullBufferBuilder::new(texts.len());
    let faults = each_cell(texts, rules, reader, |value| {
        values.push(value.unwrap_or_default());
        nulls.append(value.is_some());
    });
    let typed: ArrayRef = Arc::new(PrimitiveArray::<T>::new(values.into(), nulls.finish()));
    CheckedColumn { typed: Some(typed), faults }
}

fn booleans<R: ReadCell<Value = bool>>(
    texts: &StringViewArray,
    rules: &CellRules,
    reader: &R,
    keep: Keep,
) -> CheckedColumn {
    let mut values = BooleanBufferBuilder::new(texts.len());
    let mut nulls = NullBufferBuilder::new(texts.len());
    let faults = each_cell(texts, rules, reader, |value| {
        values.append(value.unwrap_or_default());
        nulls.append(value.is_some());
    });
    let typed = || Arc::new(BooleanArray::new(values.finish(), nulls.finish())) as ArrayRef;
    CheckedColumn { typed: (keep == Keep::Typed).then(typed), faults }
}

fn check_texts(texts: &StringViewArray, rules: &CellRules, reader: &TextReader, keep: Keep) -> Result<CheckedColumn> {
    if keep == Keep::Nothing {
        let faults = if reader.accepts_all() && !rules.required() {
            Vec::new()
        } else {
            each_cell(texts, rules, reader, |_| ())
        };
        return Ok(CheckedColumn { typed: None, faults });
    }
    let mut valid = NullBufferBuilder::new(texts.len());
    let faults = each_cell(texts, rules, reader, |value| valid.append(value.is_some()));
    let trimmed = texts.iter().flatten().any(|text| trim_blanks(text).len() != text.len());
    let typed: ArrayRef = match valid.finish() {
        valid if trimmed => {
            let is_valid = |at: usize| valid.as_ref().is_none_or(|valid| valid.is_valid(at));
            Arc::new(trimmed_texts(texts, is_valid)?)
        }
        Some(valid) => nullif(texts, &BooleanArray::new(!valid.inner(), None))?,
        None => Arc::new(texts.clone()),
    };
    Ok(CheckedColumn { typed: Some(typed), faults })
}

/// The texts without the blanks around them, over the same bytes; null where not valid.
fn trimmed_texts(texts: &StringViewArray, is_valid: impl Fn(usize) -> bool) -> Result<StringViewArray> {
    let mut builder = StringViewBuilder::with_capacity(texts.len());
    let blocks: Vec<u32> = texts.data_buffers().iter().map(|buffer| builder.append_block(buffer.clone())).collect();
    for (at, view) in texts.views().iter().enumerate() {
        if texts.is_null(at) || !is_valid(at) {
            builder.append_null();
            continue;
        }
        let text = texts.value(at);
        let trimmed = trim_blanks(text);
        let view = arrow::array::ByteView::from(*view);
        match blocks.get(view.buffer_index as usize) {
            // Longer texts lie in a block; what is cut off in front moves their start.
            Some(block) if text.len() > INLINE_BYTES_MAX => {
                let front = text.len() - text.trim_ascii_start().len();
                builder.try_append_view(*block, view.offset + front as u32, trimmed.len() as u32)?;
            }
            _ => builder.append_value(trimmed),
        }
    }
    Ok(builder.finish())
}

/// Longest text that a view holds itself.
const INLINE_BYTES_MAX: usize = 12;
