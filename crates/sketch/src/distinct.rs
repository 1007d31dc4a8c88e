//! How many distinct values: HyperLogLog (Flajolet, Fusy, Gandouet, Meunier 2007, "HyperLogLog: the analysis of a
//! near-optimal cardinality estimation algorithm") with the improved raw estimator of Ertl (2017, "New cardinality
//! estimation algorithms for HyperLogLog sketches", arXiv 1702.01284, algorithm 6), which needs no table of bias
//! corrections and has no gap between small and large counts.
//!
//! A hash chooses one of `m = 2^precision` registers by its first bits; the register keeps the greatest position of the
//! first one bit in the rest. While at most `m / 8` registers are in use they are a list of codes, afterwards an
//! array of bytes. Which of both is written depends on the number of registers in use alone.
//!
//! **Error.** The relative standard error is `1.04 / sqrt(m)`: 0.81 % for the default of 14; smaller counts do better.
//! **Order.** Independent: merging takes the greater of two registers. **Cost.** About 1 ns a hash once it is an array.
//! **Bound.** `m` bytes.
//!
//! Why not the crate `datasketches`: its HyperLogLog keeps a historic inverse probability estimator, whose value (and
//! bytes) depend on the order of the updates and which merging abandons, and packs registers in 4 bits with exceptions,
//! which costs several times our add. Bytes must be the same for any order here, and one compare per value is the
//! budget.

use crate::codec::{Codec, Error, Reader, Writer};

/// The default precision: 16,384 registers.
pub const PRECISION_DEFAULT: u8 = 14;
/// The smallest precision.
pub const PRECISION_MIN: u8 = 8;
/// The greatest precision.
pub const PRECISION_MAX: u8 = 14;

const RANK_BITS: u32 = 6;

/// A count of distinct hashes.
#[derive(Debug, Clone)]
pub struct Distinct {
    precision: u8,
    registers: Registers,
}

#[derive(Debug, Clone)]
enum Registers {
    /// `register << RANK_BITS | rank`; may repeat registers until it is compacted.
    Few(Vec<u32>),
    /// The rank of each register, 0 while unused.
    All(Box<[u8]>),
}

impl Default for Distinct {
    fn default() -> Self {
        Self { precision: PRECISION_DEFAULT, registers: Registers::Few(Vec::new()) }
    }
}

impl Distinct {
    /// An empty count. A precision outside 8..=14 becomes the nearest one inside.
    #[must_use]
    pub fn new(precision: u8) -> Self {
        let precision = precision.clamp(PRECISION_MIN, PRECISION_MAX);
        Self { precision, registers: Registers::Few(Vec::new()) }
    }

    /// An empty count whose array stands from the start: the fastest to add many hashes to. The same state as
    /// [`Distinct::new`] in every other way.
    #[must_use]
    pub fn dense(precision: u8) -> Self {
        let mut distinct = Self::new(precision);
        distinct.spread();
        distinct
    }

    /// The number of the first bits of a hash that choose a register.
    #[must_use]
    pub fn precision(&self) -> u8 {
        self.precision
    }

    /// `1.04 / sqrt(2^precision)`: two of three estimates are within it, 19 of 20 within twice of it.
    #[must_use]
    pub fn relative_standard_error(&self) -> f64 {
        1.04 / f64::from(1_u32 << self.precision).sqrt()
    }

    /// Adds one hash; adding it again changes nothing.
    #[inline]
    pub fn add_hash(&mut self, hash: u64) {
        let (register, rank) = place(hash, self.precision);
        match &mut self.registers {
            Registers::All(ranks) => raise(ranks, register, rank),
            Registers::Few(codes) => {
                codes.push((register as u32) << RANK_BITS | u32::from(rank));
                if codes.len() >= 2 * listed_max(self.precision) {
                    self.compact();
                }
            }
        }
    }

    /// Adds many hashes.
    pub fn add_hashes(&mut self, hashes: &[u64]) {
        let mut hashes = hashes;
        while let (Registers::Few(_), Some((first, rest))) = (&self.registers, hashes.split_first()) {
            self.add_hash(*first);
            hashes = rest;
        }
        if let Registers::All(ranks) = &mut self.registers {
            for &hash in hashes {
                let (register, rank) = place(hash, self.precision);
                raise(ranks, register, rank);
            }
        }
    }

    /// Takes in what another one has seen. Associative, commutative, idempotent.
    ///
    /// # Errors
    /// [`Error::Parameters`] for another precision; nothing is changed then.
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        if self.precision != other.precision {
            return Err(Error::Parameters("precision of distinct counts"));
        }
        match &other.registers {
            Registers::Few(codes) => self.add_codes(codes),
            Registers::All(theirs) => {
                for (rank, their) in self.spread().iter_mut().zip(theirs) {
                    *rank = (*rank).max(*their);
                }
            }
        }
        Ok(())
    }

    fn add_codes(&mut self, theirs: &[u32]) {
        match &mut self.registers {
            Registers::All(ranks) => {
                theirs.iter().for_each(|&code| raise(ranks, register_of(code), rank_of(code)));
            }
            Registers::Few(codes) => {
                codes.extend_from_slice(theirs);
                if codes.len() >= 2 * listed_max(self.precision) {
                    self.compact();
                }
            }
        }
    }

    /// The estimated number of distinct hashes, 0 when there are none. Infinite only if every register is full.
    #[must_use]
    pub fn estimate(&self) -> f64 {
        let mut counts = [0_u32; 65];
        match &self.registers {
            Registers::All(ranks) => ranks.iter().for_each(|&rank| counts[usize::from(rank)] += 1),
            Registers::Few(codes) => {
                let codes = compacted(codes);
                codes.iter().for_each(|&code| counts[usize::from(rank_of(code))] += 1);
                counts[0] = (1 << self.precision) - codes.len() as u32;
            }
        }
        improved_raw_estimate(&counts, self.precision)
    }

    /// The bytes it holds.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        match &self.registers {
            Registers::Few(codes) => codes.capacity() * size_of::<u32>(),
            Registers::All(ranks) => ranks.len(),
        }
    }

    fn compact(&mut self) {
        if let Registers::Few(codes) = &mut self.registers {
            *codes = compacted(codes);
            if codes.len() > listed_max(self.precision) {
                self.spread();
            }
        }
    }

    /// The array of ranks, made from the list if need be.
    fn spread(&mut self) -> &mut [u8] {
        if let Registers::Few(codes) = &self.registers {
            let mut ranks = vec![0; 1 << self.precision].into_boxed_slice();
            codes.iter().for_each(|&code| raise(&mut ranks, register_of(code), rank_of(code)));
            self.registers = Registers::All(ranks);
        }
        match &mut self.registers {
            Registers::All(ranks) => ranks,
            Registers::Few(_) => &mut [],
        }
    }

    /// The codes of all registers in use, by register.
    fn codes(&self) -> Vec<u32> {
        match &self.registers {
            Registers::Few(codes) => compacted(codes),
            Registers::All(ranks) => {
                let used = ranks.iter().enumerate().filter(|(_, rank)| **rank > 0);
                used.map(|(register, rank)| (register as u32) << RANK_BITS | u32::from(*rank)).collect()
            }
        }
    }
}

impl PartialEq for Distinct {
    fn eq(&self, other: &Self) -> bool {
        self.precision == other.precision && self.codes() == other.codes()
    }
}

impl Eq for Distinct {}

/// The register of a hash and the rank it asks for: the position of the first one bit after those of the register,
/// from 1 to `65 - precision`.
#[inline]
fn place(hash: u64, precision: u8) -> (usize, u8) {
    let register = hash >> (64 - precision);
    let rest = (hash << precision) | (1 << (precision - 1));
    (register as usize, rest.leading_zeros() as u8 + 1)
}

#[inline]
fn raise(ranks: &mut [u8], register: usize, rank: u8) {
    if let Some(kept) = ranks.get_mut(register)
        && *kept < rank
    {
        *kept = rank;
    }
}

fn register_of(code: u32) -> usize {
    (code >> RANK_BITS) as usize
}

fn rank_of(code: u32) -> u8 {
    (code & ((1 << RANK_BITS) - 1)) as u8
}

/// How many registers in use are a list in memory, where sorting costs more than bytes do.
fn listed_max(precision: u8) -> usize {
    (1 << precision) / 64
}

/// How many registers in use are written as a list.
fn few_max(precision: u8) -> usize {
    (1 << precision) / 8
}

/// Sorted, with the greatest rank of each register alone.
fn compacted(codes: &[u32]) -> Vec<u32> {
    let mut codes = codes.to_vec();
    codes.sort_unstable_by(|left, right| right.cmp(left));
    codes.dedup_by_key(|code| register_of(*code));
    codes.reverse();
    codes
}

/// Algorithm 6 of Ertl: `counts[k]` registers have rank `k`.
fn improved_raw_estimate(counts: &[u32; 65], precision: u8) -> f64 {
    let registers = f64::from(1_u32 << precision);
    let last = 65 - usize::from(precision);
    let mut sum = registers * tau(1.0 - f64::from(counts[last]) / registers);
    for rank in (1..last).rev() {
        sum = 0.5 * (sum + f64::from(counts[rank]));
    }
    sum += registers * sigma(f64::from(counts[0]) / registers);
    registers / (2.0 * std::f64::consts::LN_2) * (registers / sum)
}

/// `x + sum over k of x^(2^k) 2^(k-1)`: corrects for unused registers.
fn sigma(x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut power, mut weight, mut sum) = (x, 1.0, x);
    loop {
        power *= power;
        let before = sum;
        sum += power * weight;
        weight += weight;
        if sum <= before {
            return sum;
        }
    }
}

/// `(1 - x - sum over k of (1 - x^(2^-k))^2 2^-k) / 3`: corrects for full registers.
fn tau(x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut root, mut weight, mut rest) = (x, 1.0, 1.0 - x);
    loop {
        root = root.sqrt();
        let before = rest;
        weight *= 0.5;
        rest -= (1.0 - root) * (1.0 - root) * weight;
        if rest >= before {
            return rest / 3.0;
        }
    }
}

impl Codec for Distinct {
    const KIND: u8 = 1;
    const VERSION: u8 = 1;

    fn write(&self, writer: &mut Writer) {
        writer.u8(self.precision);
        let codes = self.codes();
        writer.length(codes.len());
        if codes.len() <= few_max(self.precision) {
            codes.iter().for_each(|code| writer.u32(*code));
        } else {
            let mut ranks = vec![0; 1 << self.precision];
            codes.iter().for_each(|&code| raise(&mut ranks, register_of(code), rank_of(code)));
            writer.raw(&ranks);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let precision = reader.u8()?;
        if !(PRECISION_MIN..=PRECISION_MAX).contains(&precision) {
            return Err(Error::Parameters("precision of distinct counts"));
        }
        let rank_max = 65 - precision;
        let used = reader.length(1)?;
        if used > few_max(precision) {
            let ranks = reader.raw(1 << precision)?;
            if ranks.iter().any(|rank| *rank > rank_max) || ranks.iter().filter(|rank| **rank > 0).count() != used {
                return Err(Error::Invalid("ranks of a distinct count"));
            }
            return Ok(Self { precision, registers: Registers::All(ranks.into()) });
        }
        let codes = (0..used).map(|_| reader.u32()).collect::<Result<Vec<_>, _>>()?;
        let in_range = |code: &u32| register_of(*code) < 1 << precision && (1..=rank_max).contains(&rank_of(*code));
        let sorted = codes.windows(2).all(|pair| register_of(pair[0]) < register_of(pair[1]));
        if !sorted || !codes.iter().all(in_range) {
            return Err(Error::Invalid("registers of a distinct count"));
        }
        Ok(Self { precision, registers: Registers::Few(codes) })
    }
}
