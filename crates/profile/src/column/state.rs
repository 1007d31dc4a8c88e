//! Everything that is counted of one column of one relation.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bordereau_sketch::distinct::Distinct;
use bordereau_sketch::frequent::Frequent;
use bordereau_sketch::sample::BottomSample;

use super::{DateReadings, Kind, MaskCounts, NumberState, Order, Tallies, TemporalForm, TextState};
use crate::settings::Limits;

/// Spellings with their counts, a bounded number of them: those that came first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Spellings {
    /// As written, without the blanks around it.
    pub(crate) counts: BTreeMap<Box<str>, u64>,
    /// Values whose spelling has no count. While 0, all counts are exact.
    pub(crate) other: u64,
}

impl Spellings {
    /// Adds `count` values.
    pub(crate) fn add(&mut self, text: &str, count: u64, spellings_max: usize) {
        if let Some(own) = self.counts.get_mut(text) {
            *own += count;
        } else if self.counts.len() < spellings_max {
            self.counts.insert(text.into(), count);
        } else {
            self.other += count;
        }
    }

    /// Adds the values of a later part.
    pub(crate) fn merge(&mut self, next: &Self, spellings_max: usize) {
        self.other += next.other;
        next.counts.iter().for_each(|(text, count)| self.add(text, *count, spellings_max));
    }
}

/// One of the first values of its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Example {
    /// As uploaded, cut at 200 characters.
    pub(crate) text: super::CutText,
    /// It occurs at least as often.
    pub(crate) count: u64,
}

/// Examples that are kept of each kind.
pub(crate) const EXAMPLES_MAX: usize = 5;

/// What workers may leave out of their parts, given what the state has seen. It changes the work, never the outcome:
/// what is left out would not be looked at.
#[derive(Debug, Clone)]
pub struct Hint(pub(crate) Arc<Seen>);

#[derive(Debug)]
pub(crate) struct Seen {
    /// Whether values are still counted exactly.
    exact: AtomicBool,
    /// Values of a greater hash are not in the sample.
    sample_hash_max: AtomicU64,
}

impl Default for Hint {
    fn default() -> Self {
        Self(Arc::new(Seen { exact: AtomicBool::new(true), sample_hash_max: AtomicU64::new(u64::MAX) }))
    }
}

impl Hint {
    /// Whether values are still counted exactly. Once false it stays so.
    pub(crate) fn is_exact(&self) -> bool {
        self.0.exact.load(Ordering::Relaxed)
    }

    /// Values of a greater hash need not be sampled. It never grows.
    pub(crate) fn sample_hash_max(&self) -> u64 {
        self.0.sample_hash_max.load(Ordering::Relaxed)
    }

    /// Tells the workers.
    pub(crate) fn tell(&self, exact: bool, sample_hash_max: u64) {
        self.0.exact.store(exact, Ordering::Relaxed);
        self.0.sample_hash_max.store(sample_hash_max, Ordering::Relaxed);
    }
}

/// Everything that is counted of one column. Made of parts in the order of the file.
#[derive(Debug)]
pub struct ColumnState {
    /// What it may hold.
    pub(crate) limits: Limits,
    /// Rows, nulls, votes and styles.
    pub(crate) tallies: Tallies,
    /// Spellings of null such as `NA`, as written, without the blanks around them.
    pub(crate) null_spellings: Spellings,
    /// Numbers as written that may stand for no value: `-1`, one or more nines with or without a minus sign.
    pub(crate) sentinels: Spellings,
    /// Spellings of true and false, `0` and `1` included.
    pub(crate) booleans: Spellings,
    /// Currency signs and codes.
    pub(crate) currency_signs: Spellings,
    /// Values by form of date or time.
    pub(crate) forms: BTreeMap<TemporalForm, u64>,
    /// Values by mask.
    pub(crate) masks: MaskCounts,
    /// As texts.
    pub(crate) texts: TextState,
    /// Numbers with one reading: plain, a decimal point, certainly grouped by commas.
    pub(crate) numbers: Option<Box<NumberState>>,
    /// Numbers certainly with a decimal comma: `12,5`, `1.234,56`.
    pub(crate) comma_numbers: Option<Box<NumberState>>,
    /// Numbers such as `1,234`, the comma being between groups.
    pub(crate) ambiguous_as_grouped: Option<Box<NumberState>>,
    /// The same, the comma being the decimal character.
    pub(crate) ambiguous_as_comma: Option<Box<NumberState>>,
    /// Days and times.
    pub(crate) dates: Option<Box<DateReadings>>,
    /// Order of all numbers, ambiguous ones as grouped.
    pub(crate) number_order: Order<f64>,
    /// Order of all numbers, ambiguous ones with a decimal comma.
    pub(crate) comma_order: Order<f64>,
    /// Order of days and times, the month first where both could be (days of the day first only are left out).
    pub(crate) month_first_order: Order<i64>,
    /// Order of days and times, the day first.
    pub(crate) day_first_order: Order<i64>,
    /// Order of the values as uploaded, in byte order, by their first 4,096 bytes.
    pub(crate) text_order: Order<Box<[u8]>>,
    /// Distinct values by hash, nulls apart.
    pub(crate) distinct: Distinct,
    /// Values with their counts while they are few, the most frequent ones afterwards; nulls apart.
    pub(crate) frequent: Frequent,
    /// A sample of distinct values with exact counts; nulls apart.
    pub(crate) sample: BottomSample,
    /// The first distinct values of each [`Kind`], in the order of the file, at most five.
    pub(crate) examples: [Vec<Example>; Kind::COUNT],
    /// For the workers.
    pub(super) hint: Hint,
}
