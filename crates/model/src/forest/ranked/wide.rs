//! What the compiler does not find by itself of AVX-512: finding ranks, and looking leaves up in registers.
//!
//! A rank is found by comparing a value with every sixteenth (eighth) threshold at once, and then with those between
//! two of these. A tree's leaves, at most 64, are held as planes of 16 bits: one permutation looks 32 rows up in a
//! plane, and interleaving the planes gives whole numbers.
//!
//! `unsafe` is loading and storing whole vectors, each of an array of their size, and calling what is compiled for
//! AVX-512, which [`Wide`] stands for.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::{GROUP, Group, Kernel, Leaves, Number, Portable, Ranked, Scale, Sums};

/// That the processor has what is used here.
#[derive(Debug, Clone, Copy)]
pub(in crate::forest) struct Wide(());

impl Wide {
    /// # Safety
    /// The processor must have AVX-512 F, DQ, BW and VL, AVX2, BMI1 and POPCNT.
    pub(in crate::forest) unsafe fn new() -> Self {
        Self(())
    }

    #[inline(always)]
    pub(super) fn add_double(self, planes: &[[u16; GROUP]; 4], ends: &[Group], sums: &mut [Sums<f64>]) {
        // SAFETY: whoever made `self` says that the processor has these features.
        unsafe { add_double(planes, ends, sums) }
    }

    #[inline(always)]
    pub(super) fn add_single(self, planes: &[[u16; GROUP]; 2], ends: &[Group], sums: &mut [Sums<f32>]) {
        // SAFETY: as above.
        unsafe { add_single(planes, ends, sums) }
    }
}

impl Kernel for Wide {
    #[allow(private_interfaces)]
    #[inline(always)]
    fn ranks(self, scale: &Scale, values: impl Iterator<Item = f64>, to: &mut Group) {
        // SAFETY: as above.
        unsafe { ranks(scale, values, to) }
    }

    #[allow(private_interfaces, private_bounds)]
    #[inline(always)]
    fn add<S: Number>(self, leaves: &Leaves<S>, tree: &Ranked, ends: &[Group], sums: &mut [Sums<S>]) {
        match tree.words {
            Some(words) => S::add_wide(self, &leaves.words[words..], ends, sums),
            None => Portable.add(leaves, tree, ends, sums),
        }
    }
}

/// How many thresholds are below each value; the highest rank for a missing one that goes right.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,bmi1,popcnt")]
fn ranks(scale: &Scale, values: impl Iterator<Item = f64>, to: &mut Group) {
    match scale.count {
        0..64 => search::<1, 1>(scale, values, to),
        64..128 => search::<1, 2>(scale, values, to),
        _ => search::<2, 2>(scale, values, to),
    }
}

/// `PIVOTS` and `BLOCK` are vectors of eight.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,bmi1,popcnt")]
fn search<const PIVOTS: usize, const BLOCK: usize>(scale: &Scale, values: impl Iterator<Item = f64>, to: &mut Group) {
    let blocks = scale.thresholds.as_chunks::<8>().0.as_chunks::<BLOCK>().0;
    let mut pivots = [_mm512_setzero_pd(); PIVOTS];
    for (pivots, blocks) in pivots.iter_mut().zip(blocks.as_chunks::<8>().0) {
        *pivots = load(&blocks.map(|block| block[BLOCK - 1][7]));
    }
    let missing = scale.missing();
    for (to, x) in to.0.iter_mut().zip(values) {
        let value = _mm512_set1_pd(x);
        let mut before = 0;
        for pivot in pivots {
            before += _mm512_cmp_pd_mask::<_CMP_LT_OQ>(pivot, value).count_ones() as usize;
        }
        let mut rank = 8 * BLOCK * before;
        for thresholds in &blocks[before % blocks.len()] {
            rank += _mm512_cmp_pd_mask::<_CMP_LT_OQ>(load(thresholds), value).count_ones() as usize;
        }
        *to = if x.is_nan() { missing } else { rank as u8 };
    }
}

/// Where the pairs of rows must be for the planes of doubles to come together in the order of the rows.
const PAIRS: [u16; 32] = {
    let mut order = [0; 32];
    let mut at = 0;
    while at < 32 {
        let (half, lane, register) = (at / 16, at % 16 / 4, at % 4);
        order[at] = (16 * half + 4 * register + lane) as u16;
        at += 1;
    }
    order
};

/// The same of four rows, for the planes of singles.
const FOURS: [u32; 16] = {
    let mut order = [0; 16];
    let mut at = 0;
    while at < 16 {
        let (half, lane, register) = (at / 8, at % 8 / 2, at % 2);
        order[at] = (8 * half + 4 * register + lane) as u32;
        at += 1;
    }
    order
};

/// Add the leaves (planes of their words) where rows end to the rows' sums.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,bmi1,popcnt")]
fn add_double(planes: &[[u16; GROUP]; 4], ends: &[Group], sums: &mut [Sums<f64>]) {
    let planes = [table(&planes[0]), table(&planes[1]), table(&planes[2]), table(&planes[3])];
    // SAFETY: 64 bytes are read of an array of 64.
    let order = unsafe { _mm512_loadu_si512(PAIRS.as_ptr().cast()) };
    for (ends, sums) in ends.iter().zip(sums) {
        let ends = _mm512_permutexvar_epi16(order, bytes(&ends.0));
        let halves = [_mm512_castsi512_si256(ends), _mm512_extracti64x4_epi64::<1>(ends)];
        for (half, sums) in halves.into_iter().zip(sums.0.as_chunks_mut::<32>().0) {
            let [a, b, c, d] = look_up(&planes, _mm512_cvtepu8_epi16(half));
            let (low, low_high) = (_mm512_unpacklo_epi16(a, b), _mm512_unpacklo_epi16(c, d));
            let (high, high_high) = (_mm512_unpackhi_epi16(a, b), _mm512_unpackhi_epi16(c, d));
            let leaves = [
                _mm512_unpacklo_epi32(low, low_high),
                _mm512_unpackhi_epi32(low, low_high),
                _mm512_unpacklo_epi32(high, high_high),
                _mm512_unpackhi_epi32(high, high_high),
            ];
            for (leaves, sums) in leaves.into_iter().zip(sums.as_chunks_mut::<8>().0) {
                store(sums, _mm512_add_pd(load(sums), _mm512_castsi512_pd(leaves)));
            }
        }
    }
}

/// As [`add_double`].
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,bmi1,popcnt")]
fn add_single(planes: &[[u16; GROUP]; 2], ends: &[Group], sums: &mut [Sums<f32>]) {
    let planes = [table(&planes[0]), table(&planes[1])];
    // SAFETY: 64 bytes are read of an array of 64.
    let order = unsafe { _mm512_loadu_si512(FOURS.as_ptr().cast()) };
    for (ends, sums) in ends.iter().zip(sums) {
        let ends = _mm512_permutexvar_epi32(order, bytes(&ends.0));
        let halves = [_mm512_castsi512_si256(ends), _mm512_extracti64x4_epi64::<1>(ends)];
        for (half, sums) in halves.into_iter().zip(sums.0.as_chunks_mut::<32>().0) {
            let [a, b] = look_up(&planes, _mm512_cvtepu8_epi16(half));
            let leaves = [_mm512_unpacklo_epi16(a, b), _mm512_unpackhi_epi16(a, b)];
            for (leaves, sums) in leaves.into_iter().zip(sums.as_chunks_mut::<16>().0) {
                // SAFETY: 64 bytes are read and written of an array of 64.
                unsafe {
                    let sum = _mm512_add_ps(_mm512_loadu_ps(sums.as_ptr()), _mm512_castsi512_ps(leaves));
                    _mm512_storeu_ps(sums.as_mut_ptr(), sum);
                }
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn look_up<const PLANES: usize>(planes: &[[__m512i; 2]; PLANES], at: __m512i) -> [__m512i; PLANES] {
    let mut found = [at; PLANES];
    for (found, [first, second]) in found.iter_mut().zip(planes) {
        *found = _mm512_permutex2var_epi16(*first, at, *second);
    }
    found
}

#[inline]
#[target_feature(enable = "avx512f")]
fn table(words: &[u16; GROUP]) -> [__m512i; 2] {
    let at = words.as_ptr();
    // SAFETY: twice 64 bytes are read of an array of 128.
    unsafe { [_mm512_loadu_si512(at.cast()), _mm512_loadu_si512(at.add(GROUP / 2).cast())] }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn bytes(bytes: &[u8; GROUP]) -> __m512i {
    // SAFETY: 64 bytes are read of an array of 64.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(numbers: &[f64; 8]) -> __m512d {
    // SAFETY: 64 bytes are read of an array of 64.
    unsafe { _mm512_loadu_pd(numbers.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(numbers: &mut [f64; 8], value: __m512d) {
    // SAFETY: 64 bytes are written of an array of 64.
    unsafe { _mm512_storeu_pd(numbers.as_mut_ptr(), value) }
}
