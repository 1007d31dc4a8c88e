//! Percentiles of numbers with a bounded relative error: counts in log-linear buckets cut straight from the bits of a
//! float. The idea of a bounded relative error is that of DDSketch (Masson, Rim, Lee 2019, "DDSketch: a fast and
//! fully-mergeable quantile sketch with relative-error guarantees"); the buckets are those of HdrHistogram: no
//! logarithm.
//!
//! A bucket is the sign, the exponent and the first `k` bits of the mantissa, so that an octave (a power of two) has
//! `2^k` buckets of equal width, allocated together when its first value arrives. `k` is 9: the middle of a bucket is
//! within `2^-10` (0.098 %) of every value in it. Subnormals have octaves of their own down to the smallest, so that
//! the bound holds for them too. Zero and -0 are one bucket. Infinities are counted apart and are in no percentile; NaN
//! is refused and counted as such.
//!
//! **Bound.** At most `buckets_max` buckets: when `octaves * 2^k` exceeds it, neighbours are merged and `k` falls by
//! one, and [`LogHistogram::relative_error`] grows to say so; of more octaves than that (there are 4,196) each is one
//! bucket. `k` depends on the number of octaves seen alone, and a bucket of a smaller `k` is a union of buckets of a
//! greater one, so the state is order-independent. Counts have 4 bytes to 2^32 - 1 values, then 8. **Cost:** 2 ns each.

mod octaves;

use octaves::{MANTISSA_BITS, OCTAVES, magnitudes, octave_and_mantissa, resize_exactly};

use crate::codec::{Codec, Error, Reader, Writer};

/// The default bound on buckets: 64 octaves at full precision.
pub const BUCKETS_MAX_DEFAULT: u32 = 32_768;
/// The smallest bound on buckets: 4 octaves at full precision, 32 at an eighth of it.
pub const BUCKETS_MAX_MIN: u32 = 2_048;

/// Bits of the mantissa at full precision.
const PRECISION_MAX: u32 = 9;
const UNSEEN: u16 = u16::MAX;

/// Counts of numbers by bucket.
#[derive(Debug, Clone)]
pub struct LogHistogram {
    buckets_max: u32,
    /// Bits of the mantissa that a bucket is cut by now.
    precision: u32,
    /// The octave of the first entry of `pages`.
    octave_first: u64,
    /// The page of each octave from `octave_first` on, `UNSEEN` for those without.
    pages: Vec<u16>,
    pages_used: u16,
    counts: Counts,
    finite: u64,
    zeros: u64,
    negative_infinities: u64,
    positive_infinities: u64,
    refused: u64,
    min: f64,
    max: f64,
}

/// The buckets of the pages, page by page. Narrow while the sum of all counts fits 4 bytes.
#[derive(Debug, Clone)]
enum Counts {
    Narrow(Vec<u32>),
    Wide(Vec<u64>),
}

/// A bucket that holds at least one number. Both edges belong to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// The smallest number that would be counted here.
    pub low: f64,
    /// The greatest number that would be counted here.
    pub high: f64,
    /// The number that stands for all: within the relative error of each.
    pub middle: f64,
    /// How many numbers it holds.
    pub count: u64,
}

/// How many numbers lie on one side of a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    /// How many.
    pub count: u64,
    /// Whether the bound cuts a bucket, whose numbers are then taken to be evenly spread. The count is exact otherwise.
    pub interpolated: bool,
}

impl Default for LogHistogram {
    fn default() -> Self {
        Self::new(BUCKETS_MAX_DEFAULT)
    }
}

impl LogHistogram {
    /// An empty histogram of at most `buckets_max` buckets (at least [`BUCKETS_MAX_MIN`]) of 4 or 8 bytes.
    #[must_use]
    pub fn new(buckets_max: u32) -> Self {
        Self {
            buckets_max: buckets_max.max(BUCKETS_MAX_MIN),
            precision: PRECISION_MAX,
            octave_first: 0,
            pages: Vec::new(),
            pages_used: 0,
            counts: Counts::Narrow(Vec::new()),
            finite: 0,
            zeros: 0,
            negative_infinities: 0,
            positive_infinities: 0,
            refused: 0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
        }
    }

    /// Adds a number `count` times.
    #[inline]
    pub fn add(&mut self, value: f64, count: u64) {
        match octave_and_mantissa(value) {
            Some((octave, mantissa)) if count > 0 => {
                self.see(value, count);
                self.count_in(octave, mantissa, count);
            }
            Some(_) => {}
            None => self.add_special(value, count),
        }
    }

    /// Adds each number once. NaN stands for a cell without a number when `cells` are the rows of a column; it is
    /// counted as refused like any other.
    pub fn add_all(&mut self, cells: &[f64]) {
        if self.finite.saturating_add(cells.len() as u64) > u64::from(u32::MAX) {
            self.widen();
        }
        let (mut min, mut max, mut plain) = (self.min, self.max, 0);
        for &value in cells {
            let Some((octave, mantissa)) = octave_and_mantissa(value) else {
                self.add_special(value, 1);
                continue;
            };
            min = if value < min { value } else { min };
            max = if value > max { value } else { max };
            plain += 1;
            self.count_in(octave, mantissa, 1);
        }
        // Zeros among the cells have changed the bounds on their own.
        self.min = self.min.min(min);
        self.max = self.max.max(max);
        self.finite = self.finite.saturating_add(plain);
    }

    #[inline]
    fn see(&mut self, value: f64, count: u64) {
        if value < self.min {
            self.min = value;
        }
        if value > self.max {
            self.max = value;
        }
        self.finite = self.finite.saturating_add(count);
        if self.finite > u64::from(u32::MAX) {
            self.widen();
        }
    }

    #[inline]
    fn count_in(&mut self, octave: u64, mantissa: u64, count: u64) {
        let page = match self.pages.get(octave.wrapping_sub(self.octave_first) as usize) {
            Some(page) if *page != UNSEEN => *page,
            _ => self.open(octave),
        };
        let bucket = (usize::from(page) << self.precision) + (mantissa >> (MANTISSA_BITS - self.precision)) as usize;
        match &mut self.counts {
            // Fits: all counts together do.
            Counts::Narrow(counts) => counts.get_mut(bucket).into_iter().for_each(|held| *held += count as u32),
            Counts::Wide(counts) => {
                counts.get_mut(bucket).into_iter().for_each(|held| *held = held.saturating_add(count));
            }
        }
    }

    #[cold]
    fn add_special(&mut self, value: f64, count: u64) {
        if value.is_nan() {
            self.refused = self.refused.saturating_add(count);
        } else if value == f64::INFINITY {
            self.positive_infinities = self.positive_infinities.saturating_add(count);
        } else if value == f64::NEG_INFINITY {
            self.negative_infinities = self.negative_infinities.saturating_add(count);
        } else if count > 0 {
            self.see(0.0, count);
            self.zeros = self.zeros.saturating_add(count);
        }
    }

    #[cold]
    fn widen(&mut self) {
        if let Counts::Narrow(counts) = &self.counts {
            self.counts = Counts::Wide(counts.iter().map(|count| u64::from(*count)).collect());
        }
    }

    /// The new page of an octave.
    #[cold]
    fn open(&mut self, octave: u64) -> u16 {
        if self.pages.is_empty() {
            self.octave_first = octave;
        }
        if octave < self.octave_first {
            let before = (self.octave_first - octave) as usize;
            self.pages.splice(0..0, std::iter::repeat_n(UNSEEN, before));
            self.octave_first = octave;
        }
        let index = (octave - self.octave_first) as usize;
        if index >= self.pages.len() {
            self.pages.resize(index + 1, UNSEEN);
        }
        let page = self.pages_used;
        self.pages[index] = page;
        self.pages_used += 1;
        while self.precision > 0 && u32::from(self.pages_used) << self.precision > self.buckets_max {
            self.coarsen();
        }
        let buckets = usize::from(self.pages_used) << self.precision;
        match &mut self.counts {
            Counts::Narrow(counts) => resize_exactly(counts, buckets),
            Counts::Wide(counts) => resize_exactly(counts, buckets),
        }
        page
    }

    /// Merges each bucket with its neighbour.
    fn coarsen(&mut self) {
        self.precision -= 1;
        match &mut self.counts {
            Counts::Narrow(counts) => *counts = counts.chunks(2).map(|pair| pair.iter().sum()).collect(),
            Counts::Wide(counts) => {
                *counts =
                    counts.chunks(2).map(|pair| pair.iter().fold(0, |sum: u64, n| sum.saturating_add(*n))).collect();
            }
        }
    }

    /// Adds all that another one holds. Associative and commutative.
    ///
    /// # Errors
    /// [`Error::Parameters`] for another bound on buckets; nothing is changed then.
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        if self.buckets_max != other.buckets_max {
            return Err(Error::Parameters("bound on buckets"));
        }
        self.zeros = self.zeros.saturating_add(other.zeros);
        self.negative_infinities = self.negative_infinities.saturating_add(other.negative_infinities);
        self.positive_infinities = self.positive_infinities.saturating_add(other.positive_infinities);
        self.refused = self.refused.saturating_add(other.refused);
        self.finite = self.finite.saturating_add(other.finite);
        if self.finite > u64::from(u32::MAX) {
            self.widen();
        }
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        other.each_bucket(|octave, prefix, count| {
            self.count_in(octave, prefix << (MANTISSA_BITS - other.precision), count);
        });
        // Octaves of the other make pages here one by one, so the precision ends where all octaves together put it.
        Ok(())
    }

    /// How many finite numbers were added.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.finite
    }

    /// How many zeros were added, -0 among them.
    #[must_use]
    pub fn zeros(&self) -> u64 {
        self.zeros
    }

    /// How many infinities were added: negative, positive.
    #[must_use]
    pub fn infinities(&self) -> (u64, u64) {
        (self.negative_infinities, self.positive_infinities)
    }

    /// How many NaN were offered.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// The smallest finite number, exactly.
    #[must_use]
    pub fn min(&self) -> Option<f64> {
        (self.finite > 0).then_some(self.min)
    }

    /// The greatest finite number, exactly.
    #[must_use]
    pub fn max(&self) -> Option<f64> {
        (self.finite > 0).then_some(self.max)
    }

    /// The most that the middle of a bucket differs from a number in it, as a share of that number: `2^-10` unless the
    /// bound on buckets has been reached.
    #[must_use]
    pub fn relative_error(&self) -> f64 {
        0.5_f64.powi(self.precision as i32 + 1)
    }

    /// The percentile of nearest rank: the number at rank `ceil(share * count)` (at least 1) of the finite numbers in
    /// ascending order, within [`LogHistogram::relative_error`]; never outside of minimum and maximum, which are exact
    /// for shares of 0 and 1. None if there are none or the share is not a number.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        if self.finite == 0 || share.is_nan() {
            return None;
        }
        // Ranks of more than 2^53 numbers are off by rounding, far below the error of the value.
        let rank = ((share.clamp(0.0, 1.0) * self.finite as f64).ceil() as u64).clamp(1, self.finite);
        if rank == 1 {
            return Some(self.min);
        }
        if rank == self.finite {
            return Some(self.max);
        }
        let mut seen = 0_u64;
        for bucket in self.buckets() {
            seen = seen.saturating_add(bucket.count);
            if seen >= rank {
                return Some(bucket.middle.clamp(self.min, self.max));
            }
        }
        Some(self.max)
    }

    /// How many finite numbers are below `bound`.
    #[must_use]
    pub fn count_below(&self, bound: f64) -> Side {
        self.side(bound, |bucket| bucket.high < bound, |bucket| bucket.low >= bound)
    }

    /// How many finite numbers are at most `bound`.
    #[must_use]
    pub fn count_at_most(&self, bound: f64) -> Side {
        self.side(bound, |bucket| bucket.high <= bound, |bucket| bucket.low > bound)
    }

    fn side(&self, bound: f64, inside: impl Fn(&Bucket) -> bool, outside: impl Fn(&Bucket) -> bool) -> Side {
        let mut side = Side { count: 0, interpolated: false };
        for bucket in self.buckets() {
            // No number of a bucket is outside of minimum and maximum.
            let (low, high) = (bucket.low.max(self.min), bucket.high.min(self.max));
            let held = Bucket { low, high, ..bucket };
            if inside(&held) {
                side.count = side.count.saturating_add(bucket.count);
            } else if !outside(&held) && bound.is_finite() {
                let share = ((bound - low) / (high - low)).clamp(0.0, 1.0);
                side.count = side.count.saturating_add((share * bucket.count as f64).round() as u64);
                side.interpolated = true;
            }
        }
        side
    }

    /// The buckets that hold numbers, in ascending order.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> + '_ {
        let negative = self.octaves(1).rev().flat_map(|(octave, page)| self.page(octave, page).rev());
        let zero = Bucket { low: 0.0, high: 0.0, middle: 0.0, count: self.zeros };
        let positive = self.octaves(0).flat_map(|(octave, page)| self.page(octave, page));
        negative.chain(std::iter::once(zero)).chain(positive).filter(|bucket| bucket.count > 0)
    }

    /// The octaves seen of one sign with their pages, by magnitude.
    fn octaves(&self, sign: u64) -> impl DoubleEndedIterator<Item = (u64, u16)> + '_ {
        let numbered = self.pages.iter().enumerate().map(|(index, page)| (self.octave_first + index as u64, *page));
        numbered.filter(move |(octave, page)| octave & 1 == sign && *page != UNSEEN)
    }

    /// All buckets of a page, by magnitude.
    fn page(&self, octave: u64, page: u16) -> impl DoubleEndedIterator<Item = Bucket> + '_ {
        let first = usize::from(page) << self.precision;
        (0..1_usize << self.precision).map(move |prefix| {
            let (low, middle, high) = magnitudes(octave, prefix as u64, self.precision);
            let count = self.held(first + prefix);
            if octave & 1 == 0 {
                Bucket { low, high, middle, count }
            } else {
                Bucket { low: -high, high: -low, middle: -middle, count }
            }
        })
    }

    fn held(&self, bucket: usize) -> u64 {
        match &self.counts {
            Counts::Narrow(counts) => counts.get(bucket).map_or(0, |count| u64::from(*count)),
            Counts::Wide(counts) => counts.get(bucket).copied().unwrap_or(0),
        }
    }

    /// Octave, prefix and count of each bucket that holds numbers, by octave and prefix.
    fn each_bucket(&self, mut visit: impl FnMut(u64, u64, u64)) {
        for (index, page) in self.pages.iter().enumerate().filter(|(_, page)| **page != UNSEEN) {
            let first = usize::from(*page) << self.precision;
            for prefix in 0..1_usize << self.precision {
                let count = self.held(first + prefix);
                if count > 0 {
                    visit(self.octave_first + index as u64, prefix as u64, count);
                }
            }
        }
    }

    /// The bytes it holds.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let counts = match &self.counts {
            Counts::Narrow(counts) => counts.capacity() * size_of::<u32>(),
            Counts::Wide(counts) => counts.capacity() * size_of::<u64>(),
        };
        counts + self.pages.capacity() * size_of::<u16>()
    }
}

impl PartialEq for LogHistogram {
    fn eq(&self, other: &Self) -> bool {
        self.encode() == other.encode()
    }
}

impl Codec for LogHistogram {
    const KIND: u8 = 2;
    const VERSION: u8 = 1;

    fn write(&self, writer: &mut Writer) {
        writer.u32(self.buckets_max);
        writer.u8(self.precision as u8);
        for count in [self.finite, self.zeros, self.negative_infinities, self.positive_infinities, self.refused] {
            writer.uint(count);
        }
        if self.finite > 0 {
            writer.f64(self.min);
            writer.f64(self.max);
        }
        let mut buckets = Vec::new();
        self.each_bucket(|octave, prefix, count| buckets.push((octave << self.precision | prefix, count)));
        writer.length(buckets.len());
        let mut after = 0;
        for (bucket, count) in buckets {
            writer.uint(bucket - after);
            writer.uint(count);
            after = bucket + 1;
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let buckets_max = reader.u32()?;
        let precision = u32::from(reader.u8()?);
        if buckets_max < BUCKETS_MAX_MIN || precision > PRECISION_MAX {
            return Err(Error::Parameters("bound on buckets"));
        }
        let mut histogram = Self::new(buckets_max);
        let finite = reader.uint()?;
        histogram.zeros = reader.uint()?;
        histogram.negative_infinities = reader.uint()?;
        histogram.positive_infinities = reader.uint()?;
        histogram.refused = reader.uint()?;
        if finite > 0 {
            (histogram.min, histogram.max) = (reader.finite()?, reader.finite()?);
        }
        histogram.finite = finite;
        if finite > u64::from(u32::MAX) {
            histogram.widen();
        }
        let mut sum = histogram.zeros;
        let mut after = 0_u64;
        for _ in 0..reader.length(2)? {
            let bucket = after.checked_add(reader.uint()?).ok_or(Error::Length)?;
            let count = reader.uint()?;
            sum = sum.checked_add(count).filter(|sum| *sum <= finite && count > 0).ok_or(Error::Invalid("counts"))?;
            if bucket >> precision >= OCTAVES {
                return Err(Error::Invalid("an octave of a histogram"));
            }
            let mantissa = (bucket & ((1 << precision) - 1)) << (MANTISSA_BITS - precision);
            histogram.count_in(bucket >> precision, mantissa, count);
            after = bucket + 1;
        }
        let bounds = finite == 0 || histogram.holds_bounds();
        if sum != finite || histogram.precision != precision || !bounds {
            return Err(Error::Invalid("counts of a histogram"));
        }
        Ok(histogram)
    }
}

impl LogHistogram {
    /// Whether minimum and maximum are in the first and the last bucket.
    fn holds_bounds(&self) -> bool {
        let holds = |bucket: Option<Bucket>, value: f64| bucket.is_some_and(|b| b.low <= value && value <= b.high);
        let is_plain = |value: f64| value.to_bits() != (-0.0_f64).to_bits();
        holds(self.buckets().next(), self.min)
            && holds(self.buckets().last(), self.max)
            && is_plain(self.min)
            && is_plain(self.max)
    }
}
