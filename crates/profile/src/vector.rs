//! What is compiled for the vector units that a processor may have.
//!
//! `widest!` makes a function that runs another one compiled for the widest vectors the processor has; that other one
//! is portable, safe Rust, and gives the same bits on every level: the same operations in the same order, none of them
//! fused. Looking at the sixteen bytes of a value at once is written for the vectors that every x86-64 has.
//!
//! # Why there is unsafe code here
//! A function compiled for a feature must not run without it. The processor is asked first, and SSE2 is part of x86-64.

/// What the processor can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg(target_arch = "x86_64")]
pub(crate) enum Level {
    Plain,
    Avx2,
    Avx512,
}

#[cfg(target_arch = "x86_64")]
impl Level {
    /// Asks the processor, once: the answers are kept.
    pub(crate) fn detect() -> Self {
        let avx2 = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt");
        let avx512 = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl");
        match (avx2, avx512) {
            (true, true) => Self::Avx512,
            (true, false) => Self::Avx2,
            (false, _) => Self::Plain,
        }
    }
}

/// Makes a function that runs another one, which is always inlined, compiled for the widest vectors there are.
macro_rules! widest {
    (
        $(#[$about:meta])*
        $visibility:vis fn $name:ident($($given:ident: $kind:ty),*) $(-> $result:ty)? = $body:path;
    ) => {
        $(#[$about])*
        #[allow(unsafe_code)]
        $visibility fn $name($($given: $kind),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
                fn avx2($($given: $kind),*) $(-> $result)? {
                    $body($($given),*)
                }
                #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,bmi1,bmi2,lzcnt,popcnt")]
                fn avx512($($given: $kind),*) $(-> $result)? {
                    $body($($given),*)
                }
                match $crate::vector::Level::detect() {
                    // SAFETY: the processor was asked for these features.
                    $crate::vector::Level::Avx512 => return unsafe { avx512($($given),*) },
                    // SAFETY: as above.
                    $crate::vector::Level::Avx2 => return unsafe { avx2($($given),*) },
                    $crate::vector::Level::Plain => {}
                }
            }
            $body($($given),*)
        }
    };
}
pub(crate) use widest;

/// Of sixteen bytes a bit for each that is of a class, the first lowest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Classes {
    pub(crate) digits: u16,
    pub(crate) upper: u16,
    pub(crate) lower: u16,
    pub(crate) blanks: u16,
    /// Not ASCII.
    pub(crate) high: u16,
    pub(crate) control: u16,
    /// Bytes of a character that are not its first.
    pub(crate) continued: u16,
}

/// `A` for each large letter, `a` for each small one, `9` for each digit.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
#[inline(always)]
pub(crate) fn masked(value: u128) -> u128 {
    // SAFETY: SSE2 is part of x86-64.
    unsafe { sse2::masked(value) }
}

/// The classes of sixteen bytes.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
#[inline(always)]
pub(crate) fn classes(value: u128) -> Classes {
    // SAFETY: SSE2 is part of x86-64.
    unsafe { sse2::classes(value) }
}

#[cfg(target_arch = "x86_64")]
mod sse2 {
    use super::Classes;
    use std::arch::x86_64::{
        __m128i, _mm_and_si128, _mm_andnot_si128, _mm_cmpeq_epi8, _mm_cvtsi128_si64, _mm_min_epu8, _mm_movemask_epi8,
        _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8, _mm_slli_epi16, _mm_sub_epi8, _mm_unpackhi_epi64,
    };

    #[target_feature(enable = "sse2")]
    #[inline]
    fn each(byte: u8) -> __m128i {
        _mm_set1_epi8(byte.cast_signed())
    }

    #[target_feature(enable = "sse2")]
    #[inline]
    fn loaded(value: u128) -> __m128i {
        _mm_set_epi64x((value >> 64) as i64, value as i64)
    }

    /// All bits of each byte that is one of `count` from `first` on.
    #[target_feature(enable = "sse2")]
    #[inline]
    fn within(bytes: __m128i, first: u8, count: u8) -> __m128i {
        let above = _mm_sub_epi8(bytes, each(first));
        _mm_cmpeq_epi8(_mm_min_epu8(above, each(count - 1)), above)
    }

    #[target_feature(enable = "sse2")]
    #[inline]
    pub(super) fn masked(value: u128) -> u128 {
        let bytes = loaded(value);
        let digits = within(bytes, b'0', 10);
        let letters = within(_mm_or_si128(bytes, each(0x20)), b'a', 26);
        // The bit that small letters have and large ones have not.
        let letter = _mm_or_si128(each(b'A'), _mm_and_si128(bytes, each(0x20)));
        let shown = _mm_or_si128(_mm_and_si128(digits, each(b'9')), _mm_and_si128(letters, letter));
        let masked = _mm_or_si128(shown, _mm_andnot_si128(_mm_or_si128(digits, letters), bytes));
        let high = _mm_cvtsi128_si64(_mm_unpackhi_epi64(masked, masked));
        u128::from(high.cast_unsigned()) << 64 | u128::from(_mm_cvtsi128_si64(masked).cast_unsigned())
    }

    #[target_feature(enable = "sse2")]
    #[inline]
    pub(super) fn classes(value: u128) -> Classes {
        let bits = |bytes: __m128i| _mm_movemask_epi8(bytes) as u16;
        let bytes = loaded(value);
        let letters = bits(within(_mm_or_si128(bytes, each(0x20)), b'a', 26));
        // Bit 5 becomes the top bit of its byte.
        let small = bits(_mm_slli_epi16::<2>(bytes));
        let control = _mm_or_si128(within(bytes, 0, 32), _mm_cmpeq_epi8(bytes, each(127)));
        let lead = _mm_and_si128(bytes, each(0xc0));
        Classes {
            digits: bits(within(bytes, b'0', 10)),
            upper: letters & !small,
            lower: letters & small,
            blanks: bits(_mm_cmpeq_epi8(bytes, each(b' '))),
            high: bits(bytes),
            control: bits(control),
            continued: bits(_mm_cmpeq_epi8(lead, each(0x80))),
        }
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::{Classes, classes};

    #[test]
    fn each_byte_has_its_classes_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for (place, other) in (0..16).zip([0, 0xff, b'z', b'0', 0x80, 0x7f, b'A'].into_iter().cycle()) {
                let mut bytes = [other; 16];
                bytes[place] = byte;
                let bits = |is: fn(&u8) -> bool| (0..16).fold(0, |bits, at| bits | u16::from(is(&bytes[at])) << at);
                let expected = Classes {
                    digits: bits(u8::is_ascii_digit),
                    upper: bits(u8::is_ascii_uppercase),
                    lower: bits(u8::is_ascii_lowercase),
                    blanks: bits(|byte| *byte == b' '),
                    high: bits(|byte| !byte.is_ascii()),
                    control: bits(u8::is_ascii_control),
                    continued: bits(|byte| (0x80..0xc0).contains(byte)),
                };
                assert_eq!(classes(u128::from_le_bytes(bytes)), expected, "{byte} at {place}");
            }
        }
    }
}
