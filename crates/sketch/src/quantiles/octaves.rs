//! The octaves of floats, numbered by magnitude from the smallest subnormal on, and the edges of buckets in them.
//!
//! An octave holds the floats from one power of two to the next. Subnormals, which have no leading one bit of their
//! own, are shifted until they have, so that an octave of them is cut like any other.

/// Bits of a float after the leading one.
pub(super) const MANTISSA_BITS: u32 = 52;
/// Octaves of subnormals: one for each length of their mantissa. They come before those of the exponents 1..=2046.
const SUBNORMAL_OCTAVES: u64 = 52;
/// Octaves of both signs; the sign is the lowest bit of an octave's number.
pub(super) const OCTAVES: u64 = 2 * (SUBNORMAL_OCTAVES + 2046);
/// The octave of a number and the 52 bits after its first one bit; none for zeros, infinities and NaN.
#[inline]
pub(super) fn octave_and_mantissa(value: f64) -> Option<(u64, u64)> {
    const MANTISSA: u64 = (1 << MANTISSA_BITS) - 1;
    let bits = value.to_bits();
    let (sign, exponent, mantissa) = (bits >> 63, (bits >> MANTISSA_BITS) & 0x7ff, bits & MANTISSA);
    if exponent.wrapping_sub(1) < 2046 {
        return Some((2 * (exponent + SUBNORMAL_OCTAVES - 1) + sign, mantissa));
    }
    if exponent != 0 || mantissa == 0 {
        return None;
    }
    let length = 64 - mantissa.leading_zeros();
    Some((2 * u64::from(length - 1) + sign, (mantissa << (MANTISSA_BITS + 1 - length)) & MANTISSA))
}

/// The smallest magnitude of a bucket, its middle and its greatest magnitude. The bits of positive floats ascend with
/// their values in equal steps within an octave, so the middle is found in bits.
pub(super) fn magnitudes(octave: u64, prefix: u64, precision: u32) -> (f64, f64, f64) {
    let exponent_and_length = octave >> 1;
    let (low, after) = (prefix << (MANTISSA_BITS - precision), (prefix + 1) << (MANTISSA_BITS - precision));
    let (low, after) = if exponent_and_length >= SUBNORMAL_OCTAVES {
        let base = (exponent_and_length - SUBNORMAL_OCTAVES + 1) << MANTISSA_BITS;
        (base + low, base + after)
    } else {
        // A bucket narrower than the distance of two floats holds its lower edge alone.
        let one = 1 << MANTISSA_BITS;
        let cut = SUBNORMAL_OCTAVES - exponent_and_length;
        let low = (one + low) >> cut;
        (low, ((one + after) >> cut).max(low + 1))
    };
    (f64::from_bits(low), f64::from_bits(low + (after - low) / 2), f64::from_bits(after - 1))
}

/// Makes room for the buckets of new octaves and for no more: there may be a histogram for each of 10,000 columns.
pub(super) fn resize_exactly<T: Copy + Default>(counts: &mut Vec<T>, buckets: usize) {
    counts.reserve_exact(buckets.saturating_sub(counts.len()));
    counts.resize(buckets, T::default());
}
