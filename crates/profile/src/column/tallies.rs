//! The plain counters of a column: the same in a part and in a state, merged by adding.

use super::numbers::NumberStyles;
use super::read::NumberForm;

/// What a value reads as, for [`ColumnState::examples`](super::ColumnState).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(crate) enum Kind {
    /// A whole number.
    Integer,
    /// Any other number, infinities included.
    Decimal,
    /// A day, `%Y%m%d` not included.
    Date,
    /// A day with a time.
    Datetime,
    /// A spelling of true or false that is no number.
    Boolean,
    /// None of these.
    String,
}

impl Kind {
    /// How many there are.
    pub(crate) const COUNT: usize = 6;
    /// All of them, in the order of their numbers.
    pub(crate) const ALL: [Self; Self::COUNT] =
        [Self::Integer, Self::Decimal, Self::Date, Self::Datetime, Self::Boolean, Self::String];
}

/// How many values read as each type; see the page of [`column`](super).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Votes {
    /// Whole numbers: no decimal character, or nothing but zeros after it in none of the spellings (`1.0` is a
    /// decimal).
    pub(crate) integer: u64,
    /// Other numbers and infinities.
    pub(crate) decimal: u64,
    /// Days, `%Y%m%d` included.
    pub(crate) date: u64,
    /// Days with a time.
    pub(crate) datetime: u64,
    /// Spellings of true and false, `0` and `1` included.
    pub(crate) boolean: u64,
    /// None of these.
    pub(crate) string: u64,
}

/// Counters of values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tallies {
    /// Rows, nulls included.
    pub(crate) rows: u64,
    /// Arrow nulls: the row ended before this column.
    pub(crate) absent: u64,
    /// `""`.
    pub(crate) empty: u64,
    /// ASCII blanks only.
    pub(crate) blank: u64,
    /// Spellings of null; [`ColumnState::null_spellings`](super::ColumnState) says which.
    pub(crate) spelled: u64,
    /// By type.
    pub(crate) votes: Votes,
    /// Values of two or more digits only, the first of them a zero.
    pub(crate) zero_padded: u64,
    /// Positive infinities.
    pub(crate) infinities: u64,
    /// Negative infinities.
    pub(crate) negative_infinities: u64,
    /// Values with the form of a date and no such day in any reading.
    pub(crate) invalid_dates: u64,
    /// How numbers are written.
    pub(crate) styles: NumberStyles,
}

impl Tallies {
    /// Values that stand for no value.
    pub(crate) fn nulls(&self) -> u64 {
        self.absent + self.empty + self.blank + self.spelled
    }

    /// Values, nulls apart.
    pub(crate) fn values(&self) -> u64 {
        self.rows - self.nulls()
    }

    /// Every counter, in a fixed order: for adding and for bytes.
    pub(crate) fn counters(&mut self) -> [&mut u64; 23] {
        let (votes, styles) = (&mut self.votes, &mut self.styles);
        [
            &mut self.rows,
            &mut self.absent,
            &mut self.empty,
            &mut self.blank,
            &mut self.spelled,
            &mut votes.integer,
            &mut votes.decimal,
            &mut votes.date,
            &mut votes.datetime,
            &mut votes.boolean,
            &mut votes.string,
            &mut self.zero_padded,
            &mut self.infinities,
            &mut self.negative_infinities,
            &mut self.invalid_dates,
            &mut styles.grouped,
            &mut styles.decimal_comma,
            &mut styles.decimal_point,
            &mut styles.ambiguous_comma,
            &mut styles.currency,
            &mut styles.percent,
            &mut styles.parentheses,
            &mut styles.exponent,
        ]
    }

    /// Adds `count` numbers of a form.
    pub(crate) fn add_number(&mut self, form: &NumberForm, count: u64) {
        let vote = if form.integer { &mut self.votes.integer } else { &mut self.votes.decimal };
        *vote += count;
        for (is, own) in [
            (form.zero_padded, &mut self.zero_padded),
            (form.grouped, &mut self.styles.grouped),
            (form.decimal_comma, &mut self.styles.decimal_comma),
            (form.decimal_point, &mut self.styles.decimal_point),
            (form.ambiguous_comma, &mut self.styles.ambiguous_comma),
            (form.currency, &mut self.styles.currency),
            (form.percent, &mut self.styles.percent),
            (form.parentheses, &mut self.styles.parentheses),
            (form.exponent, &mut self.styles.exponent),
        ] {
            *own += if is { count } else { 0 };
        }
    }

    /// Adds another's counts.
    pub(crate) fn add(&mut self, other: &Self) {
        let mut other = other.clone();
        for (own, more) in self.counters().into_iter().zip(other.counters()) {
            *own += *more;
        }
    }
}
