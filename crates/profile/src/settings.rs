//! What a profile is asked to be, and how much memory its columns may take.
//!
//! [`Settings`] are the user's; [`Limits`] follow from the number of columns alone, never from the data, the machine or
//! the number of threads, so that the same upload always gives the same profile. What a limit costs in exactness is
//! said by [`Limits::degraded`], in the words that stand in the document.

use jiff::civil::Date;

/// What is done with values that are likely personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PersonalDataMode {
    /// They are shown as masks (`AA-9999`).
    #[default]
    Mask,
    /// They are shown as they are.
    Show,
    /// They are left out.
    Drop,
}

/// What the user asks of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What is done with values that are likely personal data.
    pub pii: PersonalDataMode,
    /// The day after which a date lies in the future.
    pub as_of: Date,
}

impl Settings {
    /// The default settings; `as_of` comes from outside since nothing here reads a clock.
    pub fn new(as_of: Date) -> Self {
        Self { pii: PersonalDataMode::default(), as_of }
    }
}

/// How much the state of one column may hold, given how many columns there are.
///
/// With up to 32 columns everything is at its greatest. The total over all columns is bounded: about 300 MiB in the
/// worst case, whatever the file holds; beyond some 4,000 columns the least of everything adds up to 30 KiB a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Distinct values that are counted exactly before counts become estimates.
    pub exact_values_max: usize,
    /// Counters of frequent values afterwards.
    pub frequent_counters: usize,
    /// Values in the sample of distinct values.
    pub sample_values: usize,
    /// Masks with a count of their own.
    pub masks_max: usize,
    /// Registers of the count of distinct values are `2^precision`.
    pub distinct_precision: u8,
    /// Buckets of the histogram percentiles are read from.
    pub buckets_max: u32,
    /// Months whose days are counted.
    pub months_max: usize,
    /// Spellings of a kind (null, boolean, currency sign) with a count of their own.
    pub spellings_max: usize,
}

/// Columns up to which nothing is given up.
const COLUMNS_FULL: usize = 32;

impl Limits {
    /// The limits of a relation with `columns` columns (all relations of an upload together).
    pub fn for_columns(columns: usize) -> Self {
        let share = |total: usize, most: usize, least: usize| (total / columns.max(1)).clamp(least, most);
        Self {
            exact_values_max: share(COLUMNS_FULL * 65_536, 65_536, 128),
            frequent_counters: share(COLUMNS_FULL * 4_096, 4_096, 64),
            sample_values: share(COLUMNS_FULL * 4_096, 1_024, 32),
            masks_max: share(COLUMNS_FULL * 8_192, 1_024, 24),
            distinct_precision: match columns {
                0..=512 => 14,
                513..=2_048 => 12,
                _ => 10,
            },
            buckets_max: share(COLUMNS_FULL * 262_144, 32_768, 2_048) as u32,
            months_max: share(COLUMNS_FULL * 16_384, 4_096, 48),
            spellings_max: share(COLUMNS_FULL * 512, 64, 8),
        }
    }

    /// What is less exact than it is for few columns, one sentence each; empty when nothing is.
    pub fn degraded(&self) -> Vec<String> {
        let full = Self::for_columns(1);
        let mut said = Vec::new();
        if self.exact_values_max < full.exact_values_max {
            said.push(format!(
                "for the many columns, values are counted exactly up to {} distinct ones a column instead of {}",
                self.exact_values_max, full.exact_values_max
            ));
        }
        if self.frequent_counters < full.frequent_counters {
            said.push(format!(
                "for the many columns, {} counters a column find frequent values instead of {}",
                self.frequent_counters, full.frequent_counters
            ));
        }
        if self.distinct_precision < full.distinct_precision {
            said.push(format!(
                "for the many columns, estimated distinct counts have a standard error of {:.1} % instead of 0.8 %",
                104.0 / f64::from(1_u32 << self.distinct_precision).sqrt()
            ));
        }
        let smaller = [
            ("values are sampled", self.sample_values, full.sample_values),
            ("masks are counted", self.masks_max, full.masks_max),
            ("months are counted by day", self.months_max, full.months_max),
            ("buckets at most hold the numbers", self.buckets_max as usize, full.buckets_max as usize),
            ("spellings of a kind are counted", self.spellings_max, full.spellings_max),
        ];
        for (what, now, before) in smaller.into_iter().filter(|(_, now, before)| now < before) {
            said.push(format!("for the many columns, {now} {what} in a column instead of {before}"));
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_columns_give_nothing_up() {
        for columns in [0, 1, 20, COLUMNS_FULL] {
            assert_eq!(Limits::for_columns(columns), Limits::for_columns(1), "{columns}");
            assert!(Limits::for_columns(columns).degraded().is_empty());
        }
    }

    #[test]
    fn more_columns_never_get_more_each() {
        let mut before = Limits::for_columns(1);
        for columns in (1..20_000).step_by(97) {
            let now = Limits::for_columns(columns);
            assert!(now.exact_values_max <= before.exact_values_max && now.masks_max <= before.masks_max);
            assert!(now.frequent_counters <= before.frequent_counters && now.months_max <= before.months_max);
            assert!(now.sample_values <= before.sample_values && now.buckets_max <= before.buckets_max);
            assert_eq!(now.degraded().is_empty(), now == Limits::for_columns(1), "{columns}");
            before = now;
        }
    }
}
