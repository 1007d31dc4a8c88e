//! Exact sums, the same for any order of adding, rounded once at the end.
//!
//! Decimals as they stand in files, a mantissa of 64 bits and up to 18 digits after the point, are summed as integers,
//! one sum for each number of digits. All other floats go to a superaccumulator (Neal 2015, "Fast exact summation using
//! small and large superaccumulators", arXiv 1505.05571, the small one): one fixed-point number that spans the whole
//! range of a float, in chunks of 64 bits that overlap by 32 so that carries can wait for 2,000 additions.
//!
//! **Error.** None before the end; [`ExactSum::to_f64`] and [`ExactSum::mean`] are the nearest floats to the exact sum
//! and mean, ties to even. A sum out of range is infinite, which also is its nearest float. **Bound.** Exact for up to
//! 2^64 - 1 numbers; 19 sums of 16 bytes and, once there are others than decimals, 560 bytes. **Cost.** About 1 ns a
//! decimal, 3 ns a float.

use crate::codec::{Codec, Error, Reader, Writer};

/// The most digits after the point of a decimal.
pub const SCALE_MAX: u8 = 18;

const SCALES: usize = SCALE_MAX as usize + 1;
/// Chunks of the superaccumulator; the lowest bit of chunk `i` is worth `2^(32 i - 1074)`.
const CHUNKS: usize = 70;
/// Additions of less than 2^53 to a chunk before its carry must go on.
const ADDITIONS_MAX: u32 = 1 << 10;
/// Limbs of a number that holds any sum times 10^18.
const LIMBS: usize = 38;
const TEN_TO_SCALE_MAX: u64 = 1_000_000_000_000_000_000;

/// An exact sum and its number of terms.
#[derive(Debug, Clone, Default)]
pub struct ExactSum {
    count: u64,
    refused: u64,
    /// By digits after the point.
    decimals: [i128; SCALES],
    others: Option<Box<Superaccumulator>>,
}

#[derive(Debug, Clone)]
struct Superaccumulator {
    chunks: [i64; CHUNKS],
    additions: u32,
}

impl Default for Superaccumulator {
    fn default() -> Self {
        Self { chunks: [0; CHUNKS], additions: 0 }
    }
}

impl ExactSum {
    /// Adds `mantissa * 10^-scale`, `count` times. A scale above [`SCALE_MAX`] is refused and counted as such.
    #[inline]
    pub fn add_decimal(&mut self, mantissa: i64, scale: u8, count: u64) {
        match self.decimals.get_mut(usize::from(scale)) {
            Some(sum) => {
                // No overflow: the count of all, below 2^64, times 2^63 is at most 2^127, reached by no real file.
                *sum = sum.saturating_add(i128::from(mantissa) * i128::from(count));
                self.count = self.count.saturating_add(count);
            }
            None => self.refused = self.refused.saturating_add(count),
        }
    }

    /// Adds `count` decimals of one scale whose mantissas add up to `mantissas`. As [`ExactSum::add_decimal`] for each.
    pub fn add_decimals(&mut self, mantissas: i128, scale: u8, count: u64) {
        match self.decimals.get_mut(usize::from(scale)) {
            Some(sum) => {
                *sum = sum.saturating_add(mantissas);
                self.count = self.count.saturating_add(count);
            }
            None => self.refused = self.refused.saturating_add(count),
        }
    }

    /// Adds a float, `count` times. Infinities and NaN are refused and counted as such.
    #[inline]
    pub fn add(&mut self, value: f64, count: u64) {
        if value.is_finite() {
            self.others.get_or_insert_default().add(value, count);
            self.count = self.count.saturating_add(count);
        } else {
            self.refused = self.refused.saturating_add(count);
        }
    }

    /// Adds each float once.
    pub fn add_all(&mut self, values: &[f64]) {
        let finite = values.iter().filter(|value| value.is_finite()).count() as u64;
        self.count = self.count.saturating_add(finite);
        self.refused = self.refused.saturating_add(values.len() as u64 - finite);
        if finite > 0 {
            let others = self.others.get_or_insert_default();
            values.iter().filter(|value| value.is_finite()).for_each(|value| others.add(*value, 1));
        }
    }

    /// Adds all terms of another sum. Associative and commutative, exactly.
    pub fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.refused = self.refused.saturating_add(other.refused);
        for (sum, their) in self.decimals.iter_mut().zip(&other.decimals) {
            *sum = sum.saturating_add(*their);
        }
        if let Some(theirs) = &other.others {
            self.others.get_or_insert_default().merge(theirs);
        }
    }

    /// How many terms were added.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many terms were refused.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// The float nearest to the exact sum; 0 for no terms.
    #[must_use]
    pub fn to_f64(&self) -> f64 {
        self.quotient(1)
    }

    /// The float nearest to the exact mean. None for no terms.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.quotient(self.count))
    }

    /// The float nearest to the exact sum divided by `divisor`.
    fn quotient(&self, divisor: u64) -> f64 {
        // The sum times 10^18 2^1074 is an integer; one bit more tells halves of the smallest float.
        let mut total = Wide::default();
        if let Some(others) = &self.others {
            for (chunk, value) in others.carried().iter().enumerate() {
                total.add(i128::from(*value), 32 * chunk);
            }
            total.multiply(TEN_TO_SCALE_MAX);
        }
        let mut factor = TEN_TO_SCALE_MAX;
        for sum in self.decimals {
            if sum != 0 {
                let mut scaled = Wide::default();
                scaled.add(sum, 1074);
                scaled.multiply(factor);
                total.add_all(&scaled);
            }
            factor /= 10;
        }
        total.multiply(2);
        let negative = total.make_positive();
        let rest = total.divide(TEN_TO_SCALE_MAX) | total.divide(divisor);
        let nearest = total.nearest(rest != 0);
        if negative { -nearest } else { nearest }
    }
}

impl PartialEq for ExactSum {
    fn eq(&self, other: &Self) -> bool {
        self.encode() == other.encode()
    }
}

impl Eq for ExactSum {}

impl Superaccumulator {
    #[inline]
    fn add(&mut self, value: f64, count: u64) {
        let bits = value.to_bits();
        let exponent = (bits >> 52) & 0x7ff;
        let fraction = bits & ((1 << 52) - 1);
        // A subnormal has the exponent of the smallest normal and no leading one.
        let (position, mantissa) = if exponent == 0 { (0, fraction) } else { (exponent - 1, fraction | 1 << 52) };
        let (chunk, shift) = ((position >> 5) as usize, (position & 31) as u32);
        let negative = bits >> 63 == 1;
        if count == 1 {
            let low = ((mantissa << shift) & 0xffff_ffff) as i64;
            let high = (mantissa >> (32 - shift)) as i64;
            self.add_pair(chunk, if negative { -low } else { low }, if negative { -high } else { high });
        } else {
            self.add_many(chunk, shift, u128::from(mantissa) * u128::from(count), negative);
        }
    }

    #[inline]
    fn add_pair(&mut self, chunk: usize, low: i64, high: i64) {
        if let Some([first, second]) = self.chunks.get_mut(chunk..chunk + 2) {
            *first += low;
            *second += high;
        }
        self.additions += 1;
        if self.additions >= ADDITIONS_MAX {
            self.carry();
        }
    }

    /// Adds `magnitude * 2^shift`, of up to 148 bits, from a chunk on.
    fn add_many(&mut self, chunk: usize, shift: u32, magnitude: u128, negative: bool) {
        let (mut rest, mut at) = (magnitude, chunk);
        let mut part = ((rest as u64) << shift) & 0xffff_ffff;
        rest >>= 32 - shift;
        loop {
            let signed = if negative { -(part as i64) } else { part as i64 };
            if let Some(held) = self.chunks.get_mut(at) {
                *held += signed;
            }
            if rest == 0 {
                break;
            }
            part = rest as u64 & 0xffff_ffff;
            rest >>= 32;
            at += 1;
        }
        self.additions += 1;
        if self.additions >= ADDITIONS_MAX {
            self.carry();
        }
    }

    fn merge(&mut self, other: &Self) {
        let theirs = other.carried();
        self.carry();
        for (held, their) in self.chunks.iter_mut().zip(theirs) {
            // Saturates for states made up by hand alone.
            *held = held.saturating_add(their);
        }
        self.additions = 1;
    }

    /// Leaves 32 bits in every chunk but the last, which has the sign.
    fn carry(&mut self) {
        self.chunks = self.carried();
        self.additions = 0;
    }

    fn carried(&self) -> [i64; CHUNKS] {
        let mut chunks = self.chunks;
        let mut carry = 0;
        for chunk in chunks.iter_mut().take(CHUNKS - 1) {
            let sum = *chunk + carry;
            *chunk = sum & 0xffff_ffff;
            carry = sum >> 32;
        }
        if let Some(last) = chunks.last_mut() {
            *last = last.saturating_add(carry);
        }
        chunks
    }
}

/// An integer of 2,432 bits in two's complement, lowest limb first.
struct Wide {
    limbs: [u64; LIMBS],
}

impl Default for Wide {
    fn default() -> Self {
        Self { limbs: [0; LIMBS] }
    }
}

impl Wide {
    /// Adds `value * 2^shift`.
    fn add(&mut self, value: i128, shift: usize) {
        let mut added = Self::default();
        let fill = if value < 0 { u64::MAX } else { 0 };
        let (first, bits) = (shift / 64, shift % 64);
        let limb_of_value = |index: usize| match index {
            0 => value as u64,
            1 => (value >> 64) as u64,
            _ => fill,
        };
        for index in first..LIMBS {
            let low = limb_of_value(index - first) << bits;
            let high = if bits > 0 && index > first { limb_of_value(index - first - 1) >> (64 - bits) } else { 0 };
            added.limbs[index] = low | high;
        }
        self.add_all(&added);
    }

    fn add_all(&mut self, other: &Self) {
        let mut carry = false;
        for (limb, their) in self.limbs.iter_mut().zip(&other.limbs) {
            let (sum, first) = limb.overflowing_add(*their);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            (*limb, carry) = (sum, first | second);
        }
    }

    /// Multiplies modulo 2^2432, which is right for both signs.
    fn multiply(&mut self, factor: u64) {
        let mut carry = 0_u128;
        for limb in &mut self.limbs {
            let product = u128::from(*limb) * u128::from(factor) + carry;
            *limb = product as u64;
            carry = product >> 64;
        }
    }

    /// Makes it its magnitude, and says whether it was negative.
    fn make_positive(&mut self) -> bool {
        let negative = self.limbs[LIMBS - 1] >> 63 == 1;
        if negative {
            self.limbs.iter_mut().for_each(|limb| *limb = !*limb);
            let mut one = Self::default();
            one.limbs[0] = 1;
            self.add_all(&one);
        }
        negative
    }

    /// Divides a positive one and gives the remainder.
    fn divide(&mut self, divisor: u64) -> u64 {
        let mut rest = 0_u64;
        for limb in self.limbs.iter_mut().rev() {
            let value = u128::from(rest) << 64 | u128::from(*limb);
            *limb = (value / u128::from(divisor.max(1))) as u64;
            rest = (value % u128::from(divisor.max(1))) as u64;
        }
        rest
    }

    /// The float nearest to a positive one times 2^-1075; `more` if the exact value is greater by less than one unit.
    fn nearest(&self, more: bool) -> f64 {
        let Some(top) = self.limbs.iter().rposition(|limb| *limb != 0) else {
            // Less than half of the smallest float.
            return 0.0;
        };
        let length = 64 * top + 64 - self.limbs[top].leading_zeros() as usize;
        // At least the one bit below the smallest float is cut off.
        let cut = length.saturating_sub(53).max(1);
        let mantissa = self.bits(cut, 53);
        let half = self.bits(cut - 1, 1) == 1;
        let below = more || (0..cut - 1).step_by(64).any(|at| self.bits(at, (cut - 1 - at).min(64)) != 0);
        let up = u64::from(half && (below || mantissa & 1 == 1));
        // The leading one of a normal mantissa, and the carry of one that is rounded up, add to the exponent.
        let bits = ((cut as u64 - 1) << 52) + mantissa + up;
        f64::from_bits(bits.min(f64::INFINITY.to_bits()))
    }

    /// `count` (up to 64) bits from bit `at` on.
    fn bits(&self, at: usize, count: usize) -> u64 {
        let (limb, shift) = (at / 64, at % 64);
        let low = self.limbs[limb] >> shift;
        let high = if shift > 0 && limb + 1 < LIMBS { self.limbs[limb + 1] << (64 - shift) } else { 0 };
        let all = low | high;
        if count >= 64 { all } else { all & ((1 << count) - 1) }
    }
}

impl Codec for ExactSum {
    const KIND: u8 = 4;
    const VERSION: u8 = 1;

    fn write(&self, writer: &mut Writer) {
        writer.uint(self.count);
        writer.uint(self.refused);
        let used = self.decimals.iter().filter(|sum| **sum != 0).count();
        writer.u8(used as u8);
        for (scale, sum) in self.decimals.iter().enumerate().filter(|(_, sum)| **sum != 0) {
            writer.u8(scale as u8);
            writer.i128(*sum);
        }
        let chunks = self.others.as_ref().map_or([0; CHUNKS], |others| others.carried());
        let used = chunks.iter().filter(|chunk| **chunk != 0).count();
        writer.u8(used as u8);
        for (index, chunk) in chunks.iter().enumerate().filter(|(_, chunk)| **chunk != 0) {
            writer.u8(index as u8);
            writer.i64(*chunk);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let mut sum = Self { count: reader.uint()?, refused: reader.uint()?, ..Self::default() };
        let mut after = 0;
        for _ in 0..reader.u8()? {
            let (scale, value) = (reader.u8()?, reader.i128()?);
            let held = sum.decimals.get_mut(usize::from(scale)).filter(|_| scale >= after && value != 0);
            *held.ok_or(Error::Invalid("decimals of a sum"))? = value;
            after = scale + 1;
        }
        let used = reader.u8()?;
        if used > 0 {
            let mut others = Superaccumulator::default();
            let mut after = 0;
            for _ in 0..used {
                let (index, value) = (usize::from(reader.u8()?), reader.i64()?);
                let in_range = index + 1 == CHUNKS || (0..1 << 32).contains(&value);
                let held = others.chunks.get_mut(index).filter(|_| index >= after && value != 0 && in_range);
                *held.ok_or(Error::Invalid("chunks of a sum"))? = value;
                after = index + 1;
            }
            sum.others = Some(Box::new(others));
        }
        Ok(sum)
    }
}
