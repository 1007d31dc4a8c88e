//! From parts to a state, and from states to one.

use bordereau_base::cell::trim_blanks;
use bordereau_sketch::codec::Error;
use bordereau_sketch::distinct::Distinct;
use bordereau_sketch::frequent::{Capacity, Frequent};
use bordereau_sketch::sample::BottomSample;

use super::part::{ColumnPart, Counted, Counts, NumberPart, TextOrder};
use super::state::EXAMPLES_MAX;
use super::{ColumnState, CutText, Example, Hint, NumberState, Order, Spellings};
use crate::settings::Limits;

/// Bytes of a text that its order is judged by.
const ORDER_BYTES_MAX: usize = 4_096;

impl ColumnState {
    /// The state of no rows.
    pub fn new(limits: Limits) -> Self {
        let capacity = Capacity {
            values_max: limits.exact_values_max as u32,
            bytes_max: (limits.exact_values_max * 64) as u32,
            counters: limits.frequent_counters as u32,
        };
        Self {
            limits,
            tallies: Default::default(),
            null_spellings: Spellings::default(),
            sentinels: Spellings::default(),
            booleans: Spellings::default(),
            currency_signs: Spellings::default(),
            forms: Default::default(),
            masks: Default::default(),
            texts: Default::default(),
            numbers: None,
            comma_numbers: None,
            ambiguous_as_grouped: None,
            ambiguous_as_comma: None,
            dates: None,
            number_order: Order::default(),
            comma_order: Order::default(),
            month_first_order: Order::default(),
            day_first_order: Order::default(),
            text_order: Order::default(),
            distinct: Distinct::new(limits.distinct_precision),
            frequent: Frequent::new(capacity),
            sample: BottomSample::new(limits.sample_values as u32),
            examples: Default::default(),
            hint: Hint::default(),
        }
    }

    /// What workers may leave out of the parts of later blocks. Shared with this state, not with its clones.
    pub fn hint(&self) -> Hint {
        self.hint.clone()
    }

    /// Adds the next block of the file. Blocks come in their order.
    pub fn merge_part(&mut self, part: ColumnPart) {
        self.tallies.add(&part.tallies);
        self.merge_spellings(&part);
        part.forms.iter().for_each(|(form, count)| *self.forms.entry(*form).or_default() += count);
        part.masks.iter().for_each(|(mask, count)| self.masks.add(*mask, *count, self.limits.masks_max));
        self.masks.other += part.masks_other;
        self.texts.merge(&part.texts);
        self.merge_numbers(&part);
        if let Some(dates) = &part.dates {
            self.dates.get_or_insert_default().merge(dates, self.limits.months_max);
        }
        self.number_order.append(&part.number_order);
        self.comma_order.append(&part.comma_order);
        self.month_first_order.append(&part.month_first_order);
        self.day_first_order.append(&part.day_first_order);
        self.text_order.append(&text_order(&part, &part.text_order));
        self.merge_examples(&part);
        self.merge_counted(&part);
    }

    pub(super) fn tell_hint(&self) {
        self.hint.tell(self.frequent.is_exact(), self.sample.threshold());
    }

    fn merge_spellings(&mut self, part: &ColumnPart) {
        let max = self.limits.spellings_max;
        for (own, rows) in [
            (&mut self.null_spellings, &part.null_spellings),
            (&mut self.sentinels, &part.sentinels),
            (&mut self.booleans, &part.booleans),
        ] {
            rows.iter().for_each(|(row, count)| own.add(trim_blanks(part.value(*row)), *count, max));
        }
        part.currency_signs.iter().for_each(|(sign, count)| self.currency_signs.add(sign, *count, max));
    }

    fn merge_numbers(&mut self, part: &ColumnPart) {
        let buckets_max = self.limits.buckets_max;
        for (own, part) in self.accumulators().into_iter().zip(&part.numbers) {
            if let Some(part) = part {
                own.get_or_insert_with(|| Box::new(NumberState::new(buckets_max))).merge_part(part);
            }
        }
    }

    /// Plain, comma, ambiguous as grouped, ambiguous as comma.
    pub(crate) fn accumulators(&mut self) -> [&mut Option<Box<NumberState>>; 4] {
        [&mut self.numbers, &mut self.comma_numbers, &mut self.ambiguous_as_grouped, &mut self.ambiguous_as_comma]
    }

    fn merge_examples(&mut self, part: &ColumnPart) {
        for (own, rows) in self.examples.iter_mut().zip(&part.examples) {
            for row in rows {
                add_example(own, Example { text: CutText::new(part.value(*row)), count: 1 });
            }
        }
    }

    fn merge_counted(&mut self, part: &ColumnPart) {
        let Counted { all, heavy, error, sampled } = &part.counted;
        let seen = |counts: &Counts| (counts.hash, part.value(counts.row).as_bytes(), u64::from(counts.count));
        match all {
            Some(all) if self.frequent.is_exact() => self.frequent.merge_block(all.iter().map(seen), 0),
            _ => self.frequent.merge_block(heavy.iter().map(seen), *error),
        }
        for (hash, value, count) in sampled.iter().map(seen) {
            self.sample.add(hash, value, count);
        }
        match &part.distinct {
            // Only for another precision, which no kernel of the same limits makes.
            Some(distinct) => self.distinct.merge(distinct).unwrap_or_default(),
            None => all.as_ref().unwrap_or(heavy).iter().for_each(|counts| self.distinct.add_hash(counts.hash)),
        }
        self.tell_hint();
    }

    /// Adds the state of a later file.
    ///
    /// # Errors
    /// [`Error::Parameters`] for a state of other limits; nothing is changed then.
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        if self.limits != other.limits {
            return Err(Error::Parameters("limits of a column"));
        }
        let limits = self.limits;
        self.tallies.add(&other.tallies);
        self.null_spellings.merge(&other.null_spellings, limits.spellings_max);
        self.sentinels.merge(&other.sentinels, limits.spellings_max);
        self.booleans.merge(&other.booleans, limits.spellings_max);
        self.currency_signs.merge(&other.currency_signs, limits.spellings_max);
        other.forms.iter().for_each(|(form, count)| *self.forms.entry(*form).or_default() += count);
        self.masks.merge(&other.masks, limits.masks_max);
        self.texts.merge(&other.texts);
        let theirs = [&other.numbers, &other.comma_numbers, &other.ambiguous_as_grouped, &other.ambiguous_as_comma];
        for (own, their) in self.accumulators().into_iter().zip(theirs) {
            if let Some(their) = their {
                own.get_or_insert_with(|| Box::new(NumberState::new(limits.buckets_max))).merge(their)?;
            }
        }
        if let Some(dates) = &other.dates {
            self.dates.get_or_insert_default().merge(dates, limits.months_max);
        }
        self.number_order.append(&other.number_order);
        self.comma_order.append(&other.comma_order);
        self.month_first_order.append(&other.month_first_order);
        self.day_first_order.append(&other.day_first_order);
        self.text_order.append(&other.text_order);
        for (own, theirs) in self.examples.iter_mut().zip(&other.examples) {
            theirs.iter().for_each(|example| add_example(own, example.clone()));
        }
        self.distinct.merge(&other.distinct)?;
        self.frequent.merge(&other.frequent)?;
        self.sample.merge(&other.sample)?;
        self.tell_hint();
        Ok(())
    }
}

impl Clone for ColumnState {
    /// A state of its own: its hints are not those of the original.
    fn clone(&self) -> Self {
        let mut clone = Self::new(self.limits);
        // The limits are the same.
        clone.merge(self).unwrap_or_default();
        clone
    }
}

fn add_example(own: &mut Vec<Example>, example: Example) {
    if let Some(same) = own.iter_mut().find(|same| same.text == example.text) {
        same.count += example.count;
    } else if own.len() < EXAMPLES_MAX {
        own.push(example);
    }
}

fn text_order(part: &ColumnPart, order: &TextOrder) -> Order<Box<[u8]>> {
    let cut = |row: u32| {
        let bytes = part.value(row).as_bytes();
        bytes.get(..ORDER_BYTES_MAX).unwrap_or(bytes).into()
    };
    Order {
        ends: order.ends.map(|(first, last)| (cut(first), cut(last))),
        ascending: !order.falls,
        descending: !order.rises,
    }
}

impl NumberState {
    fn merge_part(&mut self, part: &NumberPart) {
        self.count += part.count;
        self.min = self.min.min(part.min);
        self.max = self.max.max(part.max);
        self.zeros += part.zeros;
        self.negative_zeros += part.negative_zeros;
        self.negatives += part.negatives;
        self.decimals_max = self.decimals_max.max(part.decimals_max);
        self.sum.merge(&part.sum);
        self.moments.merge(&part.moments);
        if part.counts.is_empty() {
            self.histogram.add_all(&part.values);
        } else {
            part.values
                .iter()
                .zip(&part.counts)
                .for_each(|(value, count)| self.histogram.add(*value, u64::from(*count)));
        }
    }

    /// Adds another's numbers.
    ///
    /// # Errors
    /// For another bound on buckets.
    pub(crate) fn merge(&mut self, other: &Self) -> Result<(), Error> {
        self.histogram.merge(&other.histogram)?;
        self.count += other.count;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.zeros += other.zeros;
        self.negative_zeros += other.negative_zeros;
        self.negatives += other.negatives;
        self.decimals_max = self.decimals_max.max(other.decimals_max);
        self.sum.merge(&other.sum);
        self.moments.merge(&other.moments);
        Ok(())
    }
}
