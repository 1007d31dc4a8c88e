//! Where the bytes that matter are: sixty-four bytes at a time, by the vector instructions that every x86-64 has;
//! elsewhere in plain arithmetic that compilers turn into some.
//!
//! Pure. The one `unsafe` is the call of a function compiled for those instructions; it takes and gives plain numbers.

/// Bytes that are looked at together.
pub(crate) const LANES: usize = 64;

/// The places in a text of three given bytes, ascending.
#[derive(Debug, Clone)]
pub(crate) struct Marks<'a> {
    bytes: &'a [u8],
    needles: [u8; 3],
    /// Where the chunk of `hits` starts.
    chunk: usize,
    /// A bit for each byte of the chunk that is still to be told.
    hits: u64,
}

impl<'a> Marks<'a> {
    /// The places of `needles` in `bytes`. No needle may be NUL.
    pub(crate) fn new(bytes: &'a [u8], needles: [u8; 3]) -> Self {
        let mut marks = Self { bytes, needles, chunk: 0, hits: 0 };
        marks.hits = marks.look();
        marks
    }

    // Of two callers one is in the loop.
    #[inline(always)]
    fn look(&self) -> u64 {
        let rest = self.bytes.get(self.chunk..).unwrap_or_default();
        match rest.first_chunk::<LANES>() {
            Some(chunk) => hits(chunk, self.needles),
            None => {
                let mut padded = [0; LANES];
                padded[..rest.len()].copy_from_slice(rest);
                hits(&padded, self.needles)
            }
        }
    }
}

impl Iterator for Marks<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.hits == 0 {
            self.chunk += LANES;
            if self.chunk >= self.bytes.len() {
                return None;
            }
            self.hits = self.look();
        }
        let at = self.chunk + self.hits.trailing_zeros() as usize;
        self.hits &= self.hits - 1;
        Some(at)
    }
}

/// A bit for each byte of `chunk` that is one of `needles`.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
#[inline(always)]
pub(crate) fn hits<const NEEDLES: usize>(chunk: &[u8; LANES], needles: [u8; NEEDLES]) -> u64 {
    // SAFETY: SSE2 is part of x86-64, so every processor that runs this has it.
    unsafe { vector_hits(chunk, needles) }
}

/// [`hits`] by vector instructions.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
fn vector_hits<const NEEDLES: usize>(chunk: &[u8; LANES], needles: [u8; NEEDLES]) -> u64 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_or_si128};
    use std::arch::x86_64::{_mm_set_epi64x, _mm_set1_epi8, _mm_setzero_si128};
    let mut hits = 0;
    for (place, sixteen) in chunk.as_chunks::<16>().0.iter().enumerate() {
        let both = u128::from_le_bytes(*sixteen);
        let bytes = _mm_set_epi64x((both >> 64) as i64, both as i64);
        let mut found = _mm_setzero_si128();
        for needle in needles {
            found = _mm_or_si128(found, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(needle.cast_signed())));
        }
        hits |= u64::from(_mm_movemask_epi8(found) as u16) << (place * 16);
    }
    hits
}

/// A bit for each byte of `chunk` that is one of `needles`.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub(crate) fn hits<const NEEDLES: usize>(chunk: &[u8; LANES], needles: [u8; NEEDLES]) -> u64 {
    gathered_hits(chunk, needles)
}

/// [`hits`] of any machine.
#[cfg(any(test, not(target_arch = "x86_64")))]
#[inline]
fn gathered_hits<const NEEDLES: usize>(chunk: &[u8; LANES], needles: [u8; NEEDLES]) -> u64 {
    let mut flags = [0u8; LANES];
    for (flag, &byte) in flags.iter_mut().zip(chunk) {
        *flag = needles.iter().fold(0, |flag, &needle| flag | u8::from(byte == needle));
    }
    let mut hits = 0;
    for (place, word) in flags.as_chunks::<8>().0.iter().enumerate() {
        // The product moves the lowest bit of byte i to bit 56 + i; no two terms meet, so nothing carries.
        let gathered = u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        hits |= gathered << (place * 8);
    }
    hits
}

#[cfg(test)]
mod tests {
    use super::{LANES, Marks, gathered_hits, hits};
    use proptest::prelude::*;

    #[test]
    fn every_byte_of_every_place_is_a_hit_of_itself_alone() {
        for byte in 0..=u8::MAX {
            for place in 0..LANES {
                let mut chunk = [!byte; LANES];
                chunk[place] = byte;
                for needles in [[byte, b',', b'"'], [b',', byte, b'"'], [b',', b'"', byte]] {
                    let expected: u64 = (0..LANES).map(|at| u64::from(needles.contains(&chunk[at])) << at).sum();
                    assert_eq!((hits(&chunk, needles), gathered_hits(&chunk, needles)), (expected, expected));
                }
            }
        }
    }

    proptest! {
        #[test]
        fn marks_are_the_places_of_the_needles(bytes in prop::collection::vec(prop::sample::select(&b"ab,\"\n\xff\0"[..]), 0..300)) {
            let needles = [b',', b'\n', b'"'];
            let expected: Vec<usize> = (0..bytes.len()).filter(|&at| needles.contains(&bytes[at])).collect();
            prop_assert_eq!(Marks::new(&bytes, needles).collect::<Vec<_>>(), expected);
        }
    }
}
