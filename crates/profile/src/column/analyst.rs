//! What each value of a block adds to the tallies, numbers, days, masks and examples of its part.
//!
//! A value is looked at once, by the plan of its mask. What all values of a mask have in common (type, length, classes)
//! is added at the end, by the count of the mask. Nothing is allocated for a value, but for its number.

use arrow::array::StringViewArray;
use bordereau_base::cell::trim_blanks;

use super::dates::DateReadings;
use super::formats::{DayForm, TemporalForm};
use super::image::Image;
use super::mask::{BLOCK_MASKS_MAX, MASK_BYTES_MAX, Mask};
use super::part::ColumnPart;
use super::plan::{DayPlan, Plan};
use super::read::{NumberReading, Reading, Stamp, TemporalReading, boolean, read};
use super::shape::Shape;
use super::state::EXAMPLES_MAX;
use super::tallies::{Kind, Tallies};
use super::texts::{CutText, TextState};
use crate::settings::Limits;

mod gathered;
mod plans;

use gathered::Gathered;
use plans::{PlanEntry, Plans};

/// What a row is told of its value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Seen {
    /// It stands for no value.
    Null,
    /// It is neither a number nor a day.
    Text,
    /// It is a number.
    Number(f64),
    /// It is a day or a time: microseconds since 1970-01-01T00:00:00 with the month first and with the day first,
    /// [`NO_STAMP`] where there is none.
    Stamp(i64, i64),
}

/// There is no such day.
pub(super) const NO_STAMP: i64 = i64::MIN;

const PLAIN: usize = 0;
const COMMA: usize = 1;
const AMBIGUOUS_GROUPED: usize = 2;
const AMBIGUOUS_COMMA: usize = 3;

/// The least or the greatest text so far.
#[derive(Debug, Clone, Copy)]
struct Extreme {
    rank: u128,
    row: u32,
}

/// Collects what the values of one block add up to.
#[derive(Debug)]
pub(super) struct Analyst {
    limits: Limits,
    tallies: Tallies,
    null_spellings: Vec<(u32, u64)>,
    sentinels: Vec<(u32, u64)>,
    booleans: Vec<(u32, u64)>,
    currency_signs: Vec<(Box<str>, u64)>,
    forms: Vec<(TemporalForm, u64)>,
    plans: Plans,
    masks_other: u64,
    texts: TextState,
    least: Option<Extreme>,
    greatest: Option<Extreme>,
    gathered: [Gathered; 4],
    dates: Option<Box<DateReadings>>,
    examples: [Vec<u32>; Kind::COUNT],
}

impl Analyst {
    /// An analyst for blocks of relations of these limits.
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            tallies: Tallies::default(),
            null_spellings: Vec::new(),
            sentinels: Vec::new(),
            booleans: Vec::new(),
            currency_signs: Vec::new(),
            forms: Vec::new(),
            plans: Plans::new(limits.masks_max.min(BLOCK_MASKS_MAX)),
            masks_other: 0,
            texts: TextState::default(),
            least: None,
            greatest: None,
            gathered: Default::default(),
            dates: None,
            examples: Default::default(),
        }
    }

    /// Adds `count` rows that are null in Arrow.
    pub(super) fn absent(&mut self, count: u64) {
        self.tallies.rows += count;
        self.tallies.absent += count;
    }

    /// Adds a value that `count` rows have, `row` being the first of them. `count` is 1 for all values of a block or
    /// each distinct value comes once.
    #[inline(always)]
    pub(super) fn value(&mut self, values: &StringViewArray, row: u32, image: Image, count: u64) -> Seen {
        self.tallies.rows += count;
        if image.length == 0 {
            self.tallies.empty += count;
            return Seen::Null;
        }
        if image.length as usize > MASK_BYTES_MAX {
            return self.unmasked(values, row, image, None, count);
        }
        let mask = Mask::of_parts(image.start, image.end, image.length as u8);
        let Some(entry) = self.plans.entry(mask) else {
            return self.unmasked(values, row, image, Some(mask), count);
        };
        let (seen, kind) = match &entry.plan {
            Plan::Text => (Seen::Text, Kind::String),
            Plan::Number(plan) => {
                let (number, mantissa) = plan.read(image.start);
                let numbers = &mut self.gathered[PLAIN];
                numbers.push(number, count);
                // No overflow: at most fifteen digits, and of a block.
                entry.mantissas += u128::from(mantissa) * u128::from(count);
                if plan.may_be_padded && image.start as u8 == b'0' {
                    self.tallies.zero_padded += count;
                }
                if image.start == plan.sentinel {
                    spell(&mut self.sentinels, values, row, count);
                }
                if plan.one_digit && mantissa < 2 {
                    self.tallies.votes.boolean += count;
                    spell(&mut self.booleans, values, row, count);
                }
                (Seen::Number(number), if plan.integer { Kind::Integer } else { Kind::Decimal })
            }
            Plan::Day(plan) => match temporal_of(plan, image.start) {
                Some(reading) => (self.dates.get_or_insert_default().add(&reading, count, self.limits), Kind::Date),
                None => {
                    entry.invalid += count;
                    (Seen::Text, Kind::String)
                }
            },
            Plan::Read => return self.masked(values, row, image, mask, count),
        };
        entry.count += count;
        self.extremes(values, row, &image);
        self.example(values, row, kind);
        seen
    }

    /// A value that has to be read, of a mask that is counted.
    #[inline(never)]
    fn masked(&mut self, values: &StringViewArray, row: u32, image: Image, mask: Mask, count: u64) -> Seen {
        let (seen, kind) = self.read(values, row, count);
        if seen != Seen::Null {
            if let Some(entry) = self.plans.entry(mask) {
                entry.count += count;
            }
            self.extremes(values, row, &image);
            self.example(values, row, kind);
        }
        seen
    }

    /// A value without a mask that is counted.
    #[inline(never)]
    fn unmasked(&mut self, values: &StringViewArray, row: u32, image: Image, mask: Option<Mask>, count: u64) -> Seen {
        let text = values.value(row as usize);
        let (seen, kind) = if mask.is_some_and(|mask| Plan::of(&mask) == Plan::Text) {
            self.tallies.votes.string += count;
            (Seen::Text, Kind::String)
        } else {
            self.read(values, row, count)
        };
        if seen != Seen::Null {
            self.masks_other += count;
            self.texts.add_shape(&Shape::of_image(&image, text.as_bytes()), text.len() as u64, count);
            self.extremes(values, row, &image);
            self.example(values, row, kind);
        }
        seen
    }

    fn read(&mut self, values: &StringViewArray, row: u32, count: u64) -> (Seen, Kind) {
        let text = trim_blanks(values.value(row as usize));
        if text.is_empty() {
            self.tallies.blank += count;
            return (Seen::Null, Kind::String);
        }
        let votes = &mut self.tallies.votes;
        match read(text) {
            Reading::Null => {
                self.tallies.spelled += count;
                spell(&mut self.null_spellings, values, row, count);
                (Seen::Null, Kind::String)
            }
            Reading::Number(number) => self.number(values, row, text, &number, count),
            Reading::Infinity { negative } => {
                votes.decimal += count;
                let sign = if negative { &mut self.tallies.negative_infinities } else { &mut self.tallies.infinities };
                *sign += count;
                (Seen::Text, Kind::Decimal)
            }
            Reading::Temporal(reading) => {
                let is_day = reading.form == TemporalForm::day(reading.form.day);
                let (vote, kind) =
                    if is_day { (&mut votes.date, Kind::Date) } else { (&mut votes.datetime, Kind::Datetime) };
                *vote += count;
                add_to(&mut self.forms, reading.form, count);
                (self.dates.get_or_insert_default().add(&reading, count, self.limits), kind)
            }
            Reading::InvalidDate => {
                votes.string += count;
                self.tallies.invalid_dates += count;
                (Seen::Text, Kind::String)
            }
            Reading::Boolean => {
                votes.boolean += count;
                spell(&mut self.booleans, values, row, count);
                (Seen::Text, Kind::Boolean)
            }
            Reading::Text => {
                votes.string += count;
                (Seen::Text, Kind::String)
            }
        }
    }

    fn number(
        &mut self,
        values: &StringViewArray,
        row: u32,
        text: &str,
        number: &NumberReading,
        count: u64,
    ) -> (Seen, Kind) {
        let form = &number.form;
        self.tallies.add_number(form, count);
        if let Some((start, length)) = number.currency {
            let sign = text.get(start..start + length).unwrap_or_default();
            add_to(&mut self.currency_signs, sign.into(), count);
        }
        if number.sentinel {
            spell(&mut self.sentinels, values, row, count);
        }
        if boolean(text).is_some() {
            self.tallies.votes.boolean += count;
            spell(&mut self.booleans, values, row, count);
        }
        if let Some(day) = number.compact {
            self.tallies.votes.date += count;
            add_to(&mut self.forms, TemporalForm::day(DayForm::Compact), count);
            self.dates.get_or_insert_default().compact.add(day, false, count, self.limits.months_max);
        }
        let at = match (form.ambiguous_comma, form.decimal_comma) {
            (true, _) => AMBIGUOUS_GROUPED,
            (_, true) => COMMA,
            _ => PLAIN,
        };
        self.gathered[at].add(number.value, number.mantissa, form.decimals, count);
        if form.ambiguous_comma {
            self.gathered[AMBIGUOUS_COMMA].add(number.with_decimal_comma(), number.mantissa, 3, count);
        }
        (Seen::Number(number.value), if form.integer { Kind::Integer } else { Kind::Decimal })
    }

    #[inline(always)]
    fn extremes(&mut self, values: &StringViewArray, row: u32, image: &Image) {
        let rank = image.rank();
        let text = |row: u32| values.value(row as usize);
        match &mut self.least {
            Some(least) if rank > least.rank || (rank == least.rank && text(row) >= text(least.row)) => {}
            least => *least = Some(Extreme { rank, row }),
        }
        match &mut self.greatest {
            Some(most) if rank < most.rank || (rank == most.rank && text(row) <= text(most.row)) => {}
            most => *most = Some(Extreme { rank, row }),
        }
    }

    #[inline(always)]
    fn example(&mut self, values: &StringViewArray, row: u32, kind: Kind) {
        let rows = &mut self.examples[kind as usize];
        if rows.len() < EXAMPLES_MAX {
            add_example(rows, values, row);
        }
    }

    /// Puts all of it into the part, and starts anew.
    pub(super) fn finish(&mut self, part: &mut ColumnPart) {
        for entry in self.plans.entries() {
            entry.tell(&mut self.tallies, &mut self.texts, &mut self.forms, &mut self.gathered[PLAIN]);
        }
        let cut = |extreme: &Extreme| CutText::new(part.value(extreme.row));
        self.texts.min = self.least.take().as_ref().map(cut);
        self.texts.max = self.greatest.take().as_ref().map(cut);
        part.masks.extend(self.plans.entries().iter().filter(|e| e.count > 0).map(|e| (e.mask, e.count)));
        self.plans.clear();
        part.masks_other = std::mem::take(&mut self.masks_other);
        part.tallies = std::mem::take(&mut self.tallies);
        part.texts = std::mem::take(&mut self.texts);
        part.forms = std::mem::take(&mut self.forms);
        part.null_spellings = std::mem::take(&mut self.null_spellings);
        part.sentinels = std::mem::take(&mut self.sentinels);
        part.booleans = std::mem::take(&mut self.booleans);
        part.currency_signs = std::mem::take(&mut self.currency_signs);
        part.dates = self.dates.take();
        part.examples = std::mem::take(&mut self.examples);
        part.numbers = std::mem::take(&mut self.gathered).map(Gathered::into_part);
    }
}

impl PlanEntry {
    /// What all values of the mask have in common.
    fn tell(
        &self,
        tallies: &mut Tallies,
        texts: &mut TextState,
        forms: &mut Vec<(TemporalForm, u64)>,
        numbers: &mut Gathered,
    ) {
        let Self { mask, plan, count, invalid, mantissas } = self;
        if *count == 0 {
            return;
        }
        let bytes = mask.bytes();
        let bytes = bytes.get(..mask.len()).unwrap_or_default();
        texts.add_shape(&Shape::of(bytes), bytes.len() as u64, *count);
        match plan {
            Plan::Text => tallies.votes.string += count,
            Plan::Number(plan) => {
                tallies.add_number(&plan.form(), *count);
                numbers.decimals_max = numbers.decimals_max.max(u32::from(plan.decimals));
                let sum = mantissas.cast_signed();
                numbers.sum.add_decimals(if plan.is_negative() { -sum } else { sum }, plan.decimals, *count);
            }
            Plan::Day(plan) => {
                tallies.votes.date += count - invalid;
                tallies.votes.string += invalid;
                tallies.invalid_dates += invalid;
                if count > invalid {
                    add_to(forms, plan.form, count - invalid);
                }
            }
            Plan::Read => {}
        }
    }
}

/// The readings of a day, nothing when there is none.
#[inline(always)]
fn temporal_of(plan: &DayPlan, value: u128) -> Option<TemporalReading> {
    let (year, first, second) = plan.read(value);
    let month_first = Stamp::of_day(year, first, second);
    let day_first = if plan.form.is_ordered_by_country() { Stamp::of_day(year, second, first) } else { month_first };
    let reading = TemporalReading { form: plan.form, month_first, day_first };
    (month_first.is_some() || day_first.is_some()).then_some(reading)
}

/// Counts a spelling by a row that has it.
#[inline(never)]
fn spell(spellings: &mut Vec<(u32, u64)>, values: &StringViewArray, row: u32, count: u64) {
    let text = |row: u32| trim_blanks(values.value(row as usize));
    match spellings.iter_mut().find(|(same, _)| text(*same) == text(row)) {
        Some((_, own)) => *own += count,
        None => spellings.push((row, count)),
    }
}

#[inline(never)]
fn add_example(rows: &mut Vec<u32>, values: &StringViewArray, row: u32) {
    let text = |row: u32| values.value(row as usize);
    if rows.iter().all(|same| text(*same) != text(row)) {
        rows.push(row);
    }
}

fn add_to<K: PartialEq>(counts: &mut Vec<(K, u64)>, key: K, count: u64) {
    match counts.iter_mut().find(|(same, _)| *same == key) {
        Some((_, own)) => *own += count,
        None => counts.push((key, count)),
    }
}
