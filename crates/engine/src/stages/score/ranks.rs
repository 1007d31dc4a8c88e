//! Which records are the share with the highest or lowest predictions, exactly and in bounded memory.
//!
//! The predictions of all records go to a scratch file, eight bytes each. The number at which the share ends is found
//! by its digits of sixteen bits, from the first to the last: four passes over the file, each of which counts what the
//! next digit of the numbers still in question is (65,536 counters). A fifth pass counts by range how many of the equal
//! ones are taken. Memory: the counters, and eight bytes for each range. What is found depends on the predictions and
//! on the order of the records alone.

use std::io::{self, Read, Write};
use std::path::Path;

use crate::release::manifest::ExplainedRows;
use crate::spool::Spool;

/// Numbers read at a time.
const READ_NUMBERS: usize = 1 << 14;

const DIGITS: usize = 1 << 16;

/// Bytes that wait in memory to be written.
const GATHERED_BYTES_MAX: usize = 1 << 20;

/// The predictions of all records, model by model; NaN where there is none.
#[derive(Debug)]
pub struct Predictions {
    spool: Spool,
    /// Records of each range.
    lengths: Vec<u32>,
}

/// The records that are in a share.
#[derive(Debug, PartialEq, Eq)]
pub struct Cut {
    is_lowest: bool,
    /// The key at which the share ends.
    bound: u64,
    /// For each range how many records with that key are in it.
    ties: Vec<u32>,
}

impl Predictions {
    /// Of no record, to lie in `scratch`.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn create(scratch: &Path) -> io::Result<Self> {
        Ok(Self { spool: Spool::create(scratch, GATHERED_BYTES_MAX)?, lengths: Vec::new() })
    }

    /// Adds the next range: for each model the predictions of its records, all of one length.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append(&mut self, models: &[Vec<f64>]) -> io::Result<()> {
        self.lengths.push(models.first().map_or(0, |model| model.len() as u32));
        for (at, model) in models.iter().enumerate() {
            let bytes: Vec<u8> = model.iter().flat_map(|value| value.to_le_bytes()).collect();
            self.spool.append(at, &bytes)?;
        }
        Ok(())
    }

    /// Ends writing.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn seal(&mut self) -> io::Result<()> {
        self.spool.seal()
    }

    /// Records of each range.
    pub fn lengths(&self) -> &[u32] {
        &self.lengths
    }

    /// Writes all predictions, once writing has ended.
    ///
    /// # Errors
    /// When the file cannot be read or `out` not be written.
    pub fn save(&self, out: &mut impl Write) -> io::Result<()> {
        (0..self.spool.buckets()).try_for_each(|model| self.spool.copy_to(model, out))
    }

    /// The predictions of `models` models that [`Self::save`] wrote, to be added to; `lengths` as it was then.
    ///
    /// # Errors
    /// As [`Self::create`] and [`Self::append`]; those of `from`.
    pub fn restore(scratch: &Path, lengths: Vec<u32>, models: usize, from: &mut impl Read) -> io::Result<Self> {
        let mut restored = Self::create(scratch)?;
        let bytes = 8 * lengths.iter().copied().map(u64::from).sum::<u64>();
        (0..models).try_for_each(|model| restored.spool.append_from(model, from, bytes))?;
        Ok(Self { lengths, ..restored })
    }

    /// The records of a model that are in a share; nothing where the choice is not by rank.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn cut(&self, model: usize, rows: ExplainedRows) -> io::Result<Option<Cut>> {
        let (share, is_lowest) = match rows {
            ExplainedRows::Highest(share) => (share, false),
            ExplainedRows::Lowest(share) => (share, true),
            _ => return Ok(None),
        };
        let mut records = 0;
        self.each(model, |value| records += u64::from(!value.is_nan()))?;
        let mut wanted = rounded_up(share, records);
        let (mut bound, mut known) = (0, 0);
        for shift in [48, 32, 16, 0] {
            let mut counts = vec![0_u64; DIGITS];
            self.each(model, |value| {
                if let Some(key) = key(value, is_lowest).filter(|key| key & known == bound) {
                    counts[(key >> shift) as usize % DIGITS] += 1;
                }
            })?;
            let mut digit = DIGITS - 1;
            while digit > 0 && counts[digit] < wanted {
                wanted -= counts[digit];
                digit -= 1;
            }
            bound |= (digit as u64) << shift;
            known |= (DIGITS as u64 - 1) << shift;
        }
        let ties = self.ties(model, is_lowest, bound, wanted)?;
        Ok(Some(Cut { is_lowest, bound, ties }))
    }

    /// For each range how many of the records with that key are among the first `wanted`.
    fn ties(&self, model: usize, is_lowest: bool, bound: u64, wanted: u64) -> io::Result<Vec<u32>> {
        let mut ties = vec![0; self.lengths.len()];
        let (mut left, mut range, mut row) = (wanted, 0, 0);
        self.each(model, |value| {
            while self.lengths.get(range).is_some_and(|length| row >= *length) {
                (range, row) = (range + 1, 0);
            }
            if left > 0 && key(value, is_lowest) == Some(bound) {
                ties[range] += 1;
                left -= 1;
            }
            row += 1;
        })?;
        Ok(ties)
    }

    fn each(&self, model: usize, mut look: impl FnMut(f64)) -> io::Result<()> {
        let (mut at, end) = (0, self.spool.len(model));
        let mut bytes = vec![0; READ_NUMBERS * 8];
        while at < end {
            let piece = ((end - at) as usize).min(bytes.len());
            self.spool.read_at(model, at, &mut bytes[..piece])?;
            bytes[..piece].as_chunks::<8>().0.iter().for_each(|bytes| look(f64::from_le_bytes(*bytes)));
            at += piece as u64;
        }
        Ok(())
    }
}

/// The share of a number of records, rounded up; a share that is a whole number but for the last digits is that number.
fn rounded_up(share: f64, records: u64) -> u64 {
    let exact = share * records as f64;
    let near = exact.round();
    let wanted = if (exact - near).abs() <= 1e-9 * exact.max(1.0) { near } else { exact.ceil() };
    (wanted as u64).min(records)
}

/// A number that is the larger the more a prediction is wanted; nothing for one that is none.
fn key(prediction: f64, is_lowest: bool) -> Option<u64> {
    if prediction.is_nan() {
        return None;
    }
    // Adding zero turns -0 into 0.
    let bits = (prediction + 0.0).to_bits();
    let ascending = if bits >> 63 == 0 { bits | 1 << 63 } else { !bits };
    Some(if is_lowest { !ascending } else { ascending })
}

impl Cut {
    /// How many records with the last key are in the share, in one range.
    pub fn ties(&self, range: usize) -> u32 {
        self.ties.get(range).copied().unwrap_or_default()
    }

    /// Whether a record is in the share; `ties` is what is left of [`Self::ties`] of its range.
    pub fn holds(&self, prediction: f64, ties: &mut u32) -> bool {
        match key(prediction, self.is_lowest) {
            Some(key) if key == self.bound && *ties > 0 => {
                *ties -= 1;
                true
            }
            key => key > Some(self.bound),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The records of a share, by sorting all.
    fn sorted(predictions: &[f64], share: f64, is_lowest: bool) -> Vec<usize> {
        let mut places: Vec<usize> = (0..predictions.len()).filter(|at| !predictions[*at].is_nan()).collect();
        let wanted = rounded_up(share, places.len() as u64) as usize;
        places.sort_by(|a, b| {
            let order = predictions[*a].partial_cmp(&predictions[*b]).unwrap();
            if is_lowest { order } else { order.reverse() }
        });
        places.truncate(wanted);
        places.sort_unstable();
        places
    }

    fn cut(predictions: &[f64], range: usize, rows: ExplainedRows) -> Vec<usize> {
        let scratch = tempfile::tempdir().unwrap();
        let mut all = Predictions::create(scratch.path()).unwrap();
        for range in predictions.chunks(range) {
            all.append(&[vec![0.0; range.len()], range.to_vec()]).unwrap();
        }
        all.seal().unwrap();
        let cut = all.cut(1, rows).unwrap().unwrap();
        let mut found = Vec::new();
        for (at, values) in predictions.chunks(range).enumerate() {
            let mut ties = cut.ties(at);
            let held = values.iter().enumerate().filter(|(_, value)| cut.holds(**value, &mut ties));
            found.extend(held.map(|(row, _)| at * range + row));
        }
        found
    }

    #[test]
    fn a_share_is_what_sorting_gives_however_ranges_are_cut() {
        let mut random = 1_u64;
        for (count, values) in [(1, 1), (10, 3), (1_000, 7), (1_000, 1_000_000), (3_000, 40)] {
            let predictions: Vec<f64> = (0..count)
                .map(|_| {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let value = (random >> 33) as i64 % values - values / 2;
                    if random >> 60 == 0 { f64::NAN } else { value as f64 * 0.37 }
                })
                .collect();
            for share in [0.001, 0.1, 0.3, 0.5, 1.0] {
                for range in [1, 7, 1_000] {
                    let highest = cut(&predictions, range, ExplainedRows::Highest(share));
                    assert_eq!(highest, sorted(&predictions, share, false), "{count} {values} {share}");
                    let lowest = cut(&predictions, range, ExplainedRows::Lowest(share));
                    assert_eq!(lowest, sorted(&predictions, share, true), "{count} {values} {share}");
                }
            }
        }
    }

    #[test]
    fn nothing_is_in_a_share_of_nothing() {
        assert!(cut(&[f64::NAN, f64::NAN], 1, ExplainedRows::Highest(1.0)).is_empty());
        assert_eq!(cut(&[f64::NAN, -0.0, 0.0], 2, ExplainedRows::Lowest(0.5)), [1]);
    }

    #[test]
    fn shares_are_rounded_up_but_not_by_the_last_digits() {
        for (share, records, expected) in [(0.1, 30, 3), (0.1, 31, 4), (0.7, 10, 7), (1.0, 5, 5), (0.001, 10, 1)] {
            assert_eq!(rounded_up(share, records), expected, "{share} of {records}");
        }
    }
}
