//! The numbers of a block in one reading, before they are summed up.

use bordereau_sketch::moments::Moments;
use bordereau_sketch::sum::{ExactSum, SCALE_MAX};

use super::super::part::NumberPart;

/// Numbers with their counts.
#[derive(Debug, Default)]
pub(in super::super) struct Gathered {
    values: Vec<f64>,
    counts: Vec<u32>,
    /// Whether any count is not 1.
    weighted: bool,
    /// Exact.
    pub(super) sum: ExactSum,
    /// Most decimals.
    pub(super) decimals_max: u32,
}

impl Gathered {
    /// Adds a number, but not to the sum.
    #[inline(always)]
    pub(super) fn push(&mut self, value: f64, count: u64) {
        self.values.push(value);
        if count != 1 && !self.weighted {
            self.start_counts();
        }
        if self.weighted {
            self.counts.push(count as u32);
        }
    }

    #[cold]
    fn start_counts(&mut self) {
        self.weighted = true;
        self.counts = vec![1; self.values.len() - 1];
    }

    /// Adds a number: `mantissa` by `10^decimals` when it is known.
    pub(super) fn add(&mut self, value: f64, mantissa: Option<i64>, decimals: u32, count: u64) {
        self.push(value, count);
        self.decimals_max = self.decimals_max.max(decimals);
        match (mantissa, u8::try_from(decimals)) {
            (Some(mantissa), Ok(decimals)) if decimals <= SCALE_MAX => self.sum.add_decimal(mantissa, decimals, count),
            _ => self.sum.add(value, count),
        }
    }

    /// Sums them up; nothing when there are none.
    pub(super) fn into_part(self) -> Option<Box<NumberPart>> {
        let Self { values, counts, sum, decimals_max, .. } = self;
        if values.is_empty() {
            return None;
        }
        let (min, max) = extremes(&values);
        let mut part = NumberPart { min, max, sum, decimals_max, ..NumberPart::default() };
        if counts.is_empty() {
            part.count = values.len() as u64;
            part.moments = Moments::of(&values);
            part.tally(values.iter().map(|value| (*value, 1)));
        } else {
            let weighted = || values.iter().zip(&counts).map(|(value, count)| (*value, u64::from(*count)));
            part.count = counts.iter().map(|count| u64::from(*count)).sum();
            part.moments = Moments::of_weighted(weighted());
            part.tally(weighted());
        }
        (part.values, part.counts) = (values, counts);
        Some(Box::new(part))
    }
}

impl NumberPart {
    #[inline(always)]
    fn tally(&mut self, values: impl Iterator<Item = (f64, u64)>) {
        const MINUS_ZERO: u64 = 1 << 63;
        for (value, count) in values {
            self.negatives += if value < 0.0 { count } else { 0 };
            self.zeros += if value == 0.0 { count } else { 0 };
            self.negative_zeros += if value.to_bits() == MINUS_ZERO { count } else { 0 };
        }
    }
}

/// The least and the greatest; zeros lose their sign.
fn extremes(values: &[f64]) -> (f64, f64) {
    const LANES: usize = 8;
    let (mut least, mut greatest) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
    let chunks = values.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks.chain([rest]) {
        for ((least, greatest), value) in least.iter_mut().zip(&mut greatest).zip(chunk) {
            *least = if *value < *least { *value } else { *least };
            *greatest = if *value > *greatest { *value } else { *greatest };
        }
    }
    let min = least.into_iter().fold(f64::INFINITY, f64::min);
    let max = greatest.into_iter().fold(f64::NEG_INFINITY, f64::max);
    // Minus zero plus zero is zero.
    (min + 0.0, max + 0.0)
}
