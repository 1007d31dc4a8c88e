//! The state of a column as bytes.

use bordereau_sketch::codec::{Error, Reader, Writer};
use bordereau_sketch::distinct::Distinct;
use bordereau_sketch::frequent::Frequent;
use bordereau_sketch::sample::BottomSample;

use super::parts::{
    ROWS_MAX, ascends, count, like, optional, order_bytes, read_cut, read_dates, read_numbers, read_order,
    read_spellings, read_texts, write_cut, write_dates, write_numbers, write_order, write_spellings, write_texts,
};
use crate::column::{ClockForm, ColumnState, DayForm, Example, Mask, NumberState, Tallies, TemporalForm};
use crate::settings::Limits;

/// Examples of a kind at most.
const EXAMPLES_MAX: usize = 5;

/// All forms of days, by their numbers.
const DAYS: [DayForm; 16] = [
    DayForm::Iso,
    DayForm::YearFirstSlash,
    DayForm::YearFirstDot,
    DayForm::Compact,
    DayForm::Slash,
    DayForm::SlashShort,
    DayForm::Dash,
    DayForm::DashShort,
    DayForm::Dot,
    DayForm::DotShort,
    DayForm::DashName,
    DayForm::DashNameShort,
    DayForm::BlankName,
    DayForm::BlankLongName,
    DayForm::NameFirst,
    DayForm::LongNameFirst,
];

/// All forms of times, by their numbers.
const CLOCKS: [ClockForm; 6] = [
    ClockForm::None,
    ClockForm::Minutes,
    ClockForm::Seconds,
    ClockForm::Fraction,
    ClockForm::HalfMinutes,
    ClockForm::HalfSeconds,
];

/// Writes a column without its limits, which are those of the whole state.
pub(super) fn write(writer: &mut Writer, state: &ColumnState) {
    let mut tallies = state.tallies.clone();
    tallies.counters().into_iter().for_each(|count| writer.uint(*count));
    for spellings in [&state.null_spellings, &state.sentinels, &state.booleans, &state.currency_signs] {
        write_spellings(writer, spellings);
    }
    write_forms(writer, state);
    let masks = state.masks.sorted();
    writer.length(masks.len());
    for (mask, count) in masks {
        writer.str(&mask.text());
        writer.uint(count);
    }
    writer.uint(state.masks.other);
    write_texts(writer, &state.texts);
    for numbers in [&state.numbers, &state.comma_numbers, &state.ambiguous_as_grouped, &state.ambiguous_as_comma] {
        writer.u8(u8::from(numbers.is_some()));
        numbers.iter().for_each(|numbers| write_numbers(writer, numbers));
    }
    writer.u8(u8::from(state.dates.is_some()));
    state.dates.iter().for_each(|dates| write_dates(writer, dates));
    write_order(writer, &state.number_order, |writer, value| writer.f64(*value));
    write_order(writer, &state.comma_order, |writer, value| writer.f64(*value));
    write_order(writer, &state.month_first_order, |writer, value| writer.i64(*value));
    write_order(writer, &state.day_first_order, |writer, value| writer.i64(*value));
    write_order(writer, &state.text_order, |writer, value| writer.bytes(value));
    writer.sketch(&state.distinct);
    writer.sketch(&state.frequent);
    writer.sketch(&state.sample);
    for examples in &state.examples {
        writer.length(examples.len());
        for example in examples {
            write_cut(writer, &example.text);
            writer.uint(example.count);
        }
    }
}

fn write_forms(writer: &mut Writer, state: &ColumnState) {
    writer.length(state.forms.len());
    for (form, count) in &state.forms {
        writer.u8(form.day as u8);
        writer.u8(form.clock as u8);
        writer.u8(u8::from(form.marked) | u8::from(form.zoned) << 1);
        writer.uint(*count);
    }
}

/// Reads what [`write()`] wrote.
pub(super) fn read(reader: &mut Reader<'_>, limits: Limits) -> Result<ColumnState, Error> {
    let mut state = ColumnState::new(limits);
    state.tallies = read_tallies(reader)?;
    let (rows, values) = (state.tallies.rows, state.tallies.values());
    state.null_spellings = read_spellings(reader, &limits, rows)?;
    state.sentinels = read_spellings(reader, &limits, values)?;
    state.booleans = read_spellings(reader, &limits, values)?;
    state.currency_signs = read_spellings(reader, &limits, values)?;
    read_forms(reader, &mut state, values)?;
    read_masks(reader, &mut state, values)?;
    state.texts = read_texts(reader, values)?;
    let mut numbers = || -> Result<Option<Box<NumberState>>, Error> {
        Ok(optional(reader, |reader| read_numbers(reader, &limits, values))?.map(Box::new))
    };
    state.numbers = numbers()?;
    state.comma_numbers = numbers()?;
    state.ambiguous_as_grouped = numbers()?;
    state.ambiguous_as_comma = numbers()?;
    state.dates = optional(reader, |reader| read_dates(reader, &limits, values))?.map(Box::new);
    state.number_order = read_order(reader, |reader| reader.finite())?;
    state.comma_order = read_order(reader, |reader| reader.finite())?;
    state.month_first_order = read_order(reader, |reader| reader.i64())?;
    state.day_first_order = read_order(reader, |reader| reader.i64())?;
    state.text_order = read_order(reader, order_bytes)?;
    let empty = ColumnState::new(limits);
    state.distinct = like(reader, empty.distinct.clone(), Distinct::merge)?;
    state.frequent = like(reader, empty.frequent.clone(), Frequent::merge)?;
    state.sample = like(reader, empty.sample.clone(), BottomSample::merge)?;
    check_counts(&state, values)?;
    for examples in &mut state.examples {
        let length = reader.length(3)?;
        if length > EXAMPLES_MAX {
            return Err(Error::Length);
        }
        for _ in 0..length {
            examples.push(Example { text: read_cut(reader)?, count: count(reader, values)? });
        }
    }
    state.hint().tell(state.frequent.is_exact(), state.sample.threshold());
    Ok(state)
}

/// The counters, none of which is greater than there are rows, or values.
fn read_tallies(reader: &mut Reader<'_>) -> Result<Tallies, Error> {
    let mut tallies = Tallies::default();
    for counter in tallies.counters() {
        *counter = count(reader, ROWS_MAX)?;
    }
    let rows = tallies.rows;
    let nulls = tallies.nulls();
    let values = rows.checked_sub(nulls).ok_or(Error::Invalid("more nulls than rows"))?;
    let most = [rows; 5].into_iter().chain(std::iter::repeat(values));
    if tallies.counters().into_iter().zip(most).any(|(count, most)| *count > most) {
        return Err(Error::Invalid("a count is greater than there are values"));
    }
    Ok(tallies)
}

fn read_forms(reader: &mut Reader<'_>, state: &mut ColumnState, values: u64) -> Result<(), Error> {
    for _ in 0..reader.length(4)? {
        let day = *DAYS.get(usize::from(reader.u8()?)).ok_or(Error::Invalid("unknown form of a day"))?;
        let clock = *CLOCKS.get(usize::from(reader.u8()?)).ok_or(Error::Invalid("unknown form of a time"))?;
        let marks = reader.u8()?;
        if marks > 3 {
            return Err(Error::Invalid("unknown marks of a time"));
        }
        let form = TemporalForm { day, clock, marked: marks & 1 != 0, zoned: marks & 2 != 0 };
        ascends(state.forms.last_key_value().map(|(form, _)| form), &form)?;
        state.forms.insert(form, count(reader, values)?);
    }
    Ok(())
}

fn read_masks(reader: &mut Reader<'_>, state: &mut ColumnState, values: u64) -> Result<(), Error> {
    let length = reader.length(2)?;
    if length > state.limits.masks_max {
        return Err(Error::Length);
    }
    let mut before: Option<Mask> = None;
    let mut left = values;
    for _ in 0..length {
        let text = reader.str()?;
        let mask = Mask::of(text.as_bytes()).filter(|mask| mask.text() == text);
        let mask = mask.ok_or(Error::Invalid("a text that is no mask"))?;
        ascends(before.as_ref(), &mask)?;
        before = Some(mask);
        let counted = count(reader, left)?;
        left -= counted;
        state.masks.add(mask, counted, state.limits.masks_max);
    }
    state.masks.other = count(reader, left)?;
    if state.masks.other == left { Ok(()) } else { Err(Error::Invalid("values without a mask")) }
}

/// Counts of values, which together are those of the column while all are kept.
fn check_counts(state: &ColumnState, values: u64) -> Result<(), Error> {
    let add = u64::checked_add;
    let counted = state.frequent.values().map(|value| value.count).try_fold(0, add);
    let sampled = state.sample.values().map(|value| value.count).try_fold(0, add);
    let whole = if state.frequent.is_exact() { counted == Some(values) } else { counted.is_some_and(|n| n <= values) };
    let bounded = state.frequent.absent_count_max() <= values
        && state.frequent.values().all(|value| value.count.saturating_add(value.error) <= values);
    if whole && bounded && sampled.is_some_and(|n| n <= values) {
        Ok(())
    } else {
        Err(Error::Invalid("counts of values that do not agree"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_found_by_their_numbers() {
        assert!(DAYS.iter().enumerate().all(|(at, day)| *day as usize == at));
        assert!(CLOCKS.iter().enumerate().all(|(at, clock)| *clock as usize == at));
    }
}
