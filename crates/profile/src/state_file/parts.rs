//! The parts of a column's state as bytes: texts, numbers, dates, orders.
//!
//! Every count read is held against a greatest one, so that sums of counts stay far from overflow whatever the bytes
//! say.

use std::collections::BTreeMap;

use bordereau_base::cell::calendar::{date_from_days, days_of_month};
use bordereau_sketch::codec::{Codec, Error, Reader, Writer};

use crate::column::{CutText, DateReadings, DateState, Lengths, NumberState, Order, Spellings, TextState};
use crate::settings::Limits;

/// Rows of a state at most; sums over many states stay within 64 bits.
pub(super) const ROWS_MAX: u64 = 1 << 44;
/// Characters of a text that is cut.
const CUT_CHARACTERS_MAX: usize = 200;
/// Bytes of a text that an order remembers.
const ORDER_BYTES_MAX: usize = 4_096;
/// Characters of one value, so that lengths add up.
const CHARACTERS_MAX: u64 = 1 << 40;
const MICROS_OF_DAY: i64 = 86_400_000_000;

/// A count of at most `most`.
pub(super) fn count(reader: &mut Reader<'_>, most: u64) -> Result<u64, Error> {
    let count = reader.uint()?;
    if count <= most { Ok(count) } else { Err(Error::Invalid("a count is greater than there are values")) }
}

/// A count of at least one.
fn some(reader: &mut Reader<'_>, most: u64) -> Result<u64, Error> {
    let count = count(reader, most)?;
    if count > 0 { Ok(count) } else { Err(Error::Invalid("a count is zero")) }
}

/// A mark, and what it marks.
pub(super) fn optional<T>(
    reader: &mut Reader<'_>,
    read: impl FnOnce(&mut Reader<'_>) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    if flag(reader)? { read(reader).map(Some) } else { Ok(None) }
}

/// A mark that is 0 or 1.
pub(super) fn flag(reader: &mut Reader<'_>) -> Result<bool, Error> {
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Error::Invalid("a mark is neither 0 nor 1")),
    }
}

/// Whether a list ascends without repeats: the next item.
pub(super) fn ascends<T: PartialOrd>(before: Option<&T>, next: &T) -> Result<(), Error> {
    if before.is_none_or(|before| before < next) { Ok(()) } else { Err(Error::Invalid("a list is not in order")) }
}

pub(super) fn write_spellings(writer: &mut Writer, spellings: &Spellings) {
    writer.length(spellings.counts.len());
    for (text, count) in &spellings.counts {
        writer.str(text);
        writer.uint(*count);
    }
    writer.uint(spellings.other);
}

pub(super) fn read_spellings(reader: &mut Reader<'_>, limits: &Limits, values: u64) -> Result<Spellings, Error> {
    let length = reader.length(2)?;
    if length > limits.spellings_max {
        return Err(Error::Length);
    }
    let mut counts: BTreeMap<Box<str>, u64> = BTreeMap::new();
    for _ in 0..length {
        let text: Box<str> = reader.str()?.into();
        ascends(counts.last_key_value().map(|(text, _)| text), &text)?;
        counts.insert(text, some(reader, values)?);
    }
    Ok(Spellings { counts, other: count(reader, values)? })
}

pub(super) fn write_cut(writer: &mut Writer, text: &CutText) {
    writer.str(&text.text);
    writer.u8(u8::from(text.is_cut));
}

pub(super) fn read_cut(reader: &mut Reader<'_>) -> Result<CutText, Error> {
    let text: Box<str> = reader.str()?.into();
    let is_cut = flag(reader)?;
    let characters = text.chars().count();
    if characters > CUT_CHARACTERS_MAX || (is_cut && characters < CUT_CHARACTERS_MAX) {
        return Err(Error::Invalid("a text is cut at another place"));
    }
    Ok(CutText { text, is_cut })
}

pub(super) fn write_texts(writer: &mut Writer, texts: &TextState) {
    let mut lengths = texts.lengths.clone();
    let used: Vec<(usize, u64)> =
        lengths.counters().iter().copied().enumerate().filter(|(_, count)| *count > 0).collect();
    writer.length(used.len());
    for (bin, count) in used {
        writer.uint(bin as u64);
        writer.uint(count);
    }
    for number in [texts.length_min, texts.length_max, texts.length_sum, texts.bytes] {
        writer.uint(number);
    }
    let mut classes = texts.classes.clone();
    classes_of(&mut classes).into_iter().for_each(|count| writer.uint(*count));
    writer.uint(texts.padded);
    for text in [&texts.min, &texts.max] {
        writer.u8(u8::from(text.is_some()));
        text.iter().for_each(|text| write_cut(writer, text));
    }
}

/// The counters of classes, in a fixed order.
fn classes_of(classes: &mut crate::document::CharacterClasses) -> [&mut u64; 7] {
    let crate::document::CharacterClasses { digits, upper, lower, blanks, punctuation, non_ascii, control } = classes;
    [digits, upper, lower, blanks, punctuation, non_ascii, control]
}

pub(super) fn read_texts(reader: &mut Reader<'_>, values: u64) -> Result<TextState, Error> {
    let mut texts = TextState { lengths: read_lengths(reader, values)?, ..TextState::default() };
    texts.length_min = count(reader, CHARACTERS_MAX)?;
    texts.length_max = count(reader, CHARACTERS_MAX)?;
    let most = texts.length_max.saturating_mul(values).min(1 << 60);
    texts.length_sum = count(reader, most)?;
    texts.bytes = count(reader, most.saturating_mul(4))?;
    for class in classes_of(&mut texts.classes) {
        *class = count(reader, values)?;
    }
    texts.padded = count(reader, values)?;
    texts.min = optional(reader, read_cut)?;
    texts.max = optional(reader, read_cut)?;
    let some = values > 0;
    if texts.length_min > texts.length_max
        || texts.min.is_some() != some
        || texts.max.is_some() != some
        || texts.min > texts.max
    {
        return Err(Error::Invalid("texts without a least or a greatest"));
    }
    Ok(texts)
}

fn read_lengths(reader: &mut Reader<'_>, values: u64) -> Result<Lengths, Error> {
    let mut lengths = Lengths::default();
    let mut before = None;
    let mut left = values;
    for _ in 0..reader.length(2)? {
        let bin = reader.uint()? as usize;
        ascends(before.as_ref(), &bin)?;
        before = Some(bin);
        let counted = some(reader, left)?;
        left -= counted;
        *lengths.counters().get_mut(bin).ok_or(Error::Length)? = counted;
    }
    if left == 0 { Ok(lengths) } else { Err(Error::Invalid("values without a length")) }
}

pub(super) fn write_numbers(writer: &mut Writer, numbers: &NumberState) {
    writer.uint(numbers.count);
    writer.f64(numbers.min);
    writer.f64(numbers.max);
    for number in [numbers.zeros, numbers.negative_zeros, numbers.negatives, u64::from(numbers.decimals_max)] {
        writer.uint(number);
    }
    writer.sketch(&numbers.sum);
    writer.sketch(&numbers.moments);
    writer.sketch(&numbers.histogram);
}

pub(super) fn read_numbers(reader: &mut Reader<'_>, limits: &Limits, values: u64) -> Result<NumberState, Error> {
    let mut numbers = NumberState::new(limits.buckets_max);
    numbers.count = some(reader, values)?;
    numbers.min = reader.finite()?;
    numbers.max = reader.finite()?;
    numbers.zeros = count(reader, numbers.count)?;
    numbers.negative_zeros = count(reader, numbers.zeros)?;
    numbers.negatives = count(reader, numbers.count)?;
    numbers.decimals_max = u32::try_from(reader.uint()?).map_err(|_| Error::Length)?;
    numbers.sum = reader.sketch()?;
    numbers.moments = reader.sketch()?;
    let histogram = reader.sketch()?;
    // Refuses another bound on buckets.
    numbers.histogram.merge(&histogram)?;
    numbers.histogram = histogram;
    let counts = [numbers.sum.count(), numbers.moments.count(), numbers.histogram.count()];
    let found = (numbers.histogram.min(), numbers.histogram.max());
    if counts.iter().any(|count| *count != numbers.count)
        || found != (Some(numbers.min), Some(numbers.max))
        || numbers.zeros + numbers.negatives > numbers.count
    {
        return Err(Error::Invalid("statistics of numbers that do not agree"));
    }
    Ok(numbers)
}

/// The readings of dates, in a fixed order.
fn readings(dates: &DateReadings) -> [&DateState; 6] {
    let DateReadings { plain, month_only, day_only, ambiguous_month, ambiguous_day, compact } = dates;
    [plain, month_only, day_only, ambiguous_month, ambiguous_day, compact]
}

pub(super) fn write_dates(writer: &mut Writer, dates: &DateReadings) {
    readings(dates).into_iter().for_each(|state| write_date_state(writer, state));
}

pub(super) fn read_dates(reader: &mut Reader<'_>, limits: &Limits, values: u64) -> Result<DateReadings, Error> {
    let mut next = || read_date_state(reader, limits, values);
    let dates = DateReadings {
        plain: next()?,
        month_only: next()?,
        day_only: next()?,
        ambiguous_month: next()?,
        ambiguous_day: next()?,
        compact: next()?,
    };
    if dates.ambiguous_month.count != dates.ambiguous_day.count {
        return Err(Error::Invalid("two readings of different numbers of dates"));
    }
    Ok(dates)
}

fn write_date_state(writer: &mut Writer, state: &DateState) {
    writer.uint(state.count);
    if state.count == 0 {
        return;
    }
    writer.uint(state.with_time);
    writer.i64(state.min);
    writer.i64(state.max);
    writer.uint(state.elsewhere);
    writer.length(state.months.len());
    let mut months: Vec<_> = state.months.iter().collect();
    months.sort_unstable_by_key(|(month, _)| **month);
    for (month, page) in months {
        writer.u32(*month as u32);
        let used = page.iter().enumerate().filter(|(_, count)| **count > 0);
        writer.u8(used.clone().count() as u8);
        for (day, count) in used {
            writer.u8(day as u8);
            writer.uint(*count);
        }
    }
}

fn read_date_state(reader: &mut Reader<'_>, limits: &Limits, values: u64) -> Result<DateState, Error> {
    let mut state = DateState { count: count(reader, values)?, ..DateState::default() };
    if state.count == 0 {
        return Ok(state);
    }
    state.with_time = count(reader, state.count)?;
    state.min = moment(reader)?;
    state.max = moment(reader)?;
    state.elsewhere = count(reader, state.count)?;
    let mut left = state.count - state.elsewhere;
    let length = reader.length(7)?;
    if length > limits.months_max || state.min > state.max {
        return Err(Error::Invalid("dates beyond their bounds"));
    }
    let mut before = None;
    for _ in 0..length {
        let month = reader.u32()? as i32;
        ascends(before.as_ref(), &month)?;
        before = Some(month);
        let page = read_page(reader, month, &mut left)?;
        state.months.insert(month, Box::new(page));
    }
    if left == 0 { Ok(state) } else { Err(Error::Invalid("dates without a day")) }
}

fn read_page(reader: &mut Reader<'_>, month: i32, left: &mut u64) -> Result<[u64; 31], Error> {
    let (year, month) = (month.div_euclid(12), month.rem_euclid(12) as u32 + 1);
    if !(0..=9999).contains(&year) {
        return Err(Error::Invalid("a month that no calendar has"));
    }
    let mut page = [0_u64; 31];
    let mut before = None;
    for _ in 0..reader.u8()? {
        let day = reader.u8()?;
        ascends(before.as_ref(), &day)?;
        before = Some(day);
        if u32::from(day) >= days_of_month(year, month) {
            return Err(Error::Invalid("a day that no month has"));
        }
        let counted = some(reader, *left)?;
        *left -= counted;
        *page.get_mut(usize::from(day)).ok_or(Error::Length)? = counted;
    }
    Ok(page)
}

/// Microseconds of a day from year 0 to 9999.
fn moment(reader: &mut Reader<'_>) -> Result<i64, Error> {
    let micros = reader.i64()?;
    let days = i32::try_from(micros.div_euclid(MICROS_OF_DAY)).map_err(|_| Error::Invalid("a day beyond all years"))?;
    let in_range = (-800_000..=2_932_896).contains(&days) && (0..=9999).contains(&date_from_days(days).0);
    if in_range { Ok(micros) } else { Err(Error::Invalid("a day beyond all years")) }
}

/// An order and how its values are written.
pub(super) fn write_order<T>(writer: &mut Writer, order: &Order<T>, write: impl Fn(&mut Writer, &T)) {
    writer.u8(u8::from(order.ends.is_some()) | u8::from(order.ascending) << 1 | u8::from(order.descending) << 2);
    for value in order.ends.iter().flat_map(|(first, last)| [first, last]) {
        write(writer, value);
    }
}

pub(super) fn read_order<T>(
    reader: &mut Reader<'_>,
    read: impl Fn(&mut Reader<'_>) -> Result<T, Error>,
) -> Result<Order<T>, Error> {
    let marks = reader.u8()?;
    if marks > 7 {
        return Err(Error::Invalid("unknown marks of an order"));
    }
    let ends = if marks & 1 == 1 { Some((read(reader)?, read(reader)?)) } else { None };
    Ok(Order { ends, ascending: marks & 2 != 0, descending: marks & 4 != 0 })
}

/// The bytes that an order of texts remembers.
pub(super) fn order_bytes(reader: &mut Reader<'_>) -> Result<Box<[u8]>, Error> {
    let bytes = reader.bytes()?;
    if bytes.len() <= ORDER_BYTES_MAX { Ok(bytes.into()) } else { Err(Error::Length) }
}

/// A sketch of a state, after it was found to have the parameters of `empty`.
pub(super) fn like<S: Codec>(
    reader: &mut Reader<'_>,
    mut empty: S,
    merge: impl Fn(&mut S, &S) -> Result<(), Error>,
) -> Result<S, Error> {
    let sketch = reader.sketch()?;
    merge(&mut empty, &sketch)?;
    Ok(sketch)
}
