//! The hash that stands for a category: the low half of CityHash64 in its first version (Pike and Alakuijala 2011).

const K0: u64 = 0xc3a5_c85c_97cb_3127;
const K1: u64 = 0xb492_b66f_be98_f273;
const K2: u64 = 0x9ae1_6a3b_2f90_404f;
const K3: u64 = 0xc949_d7c7_509e_6557;

/// The number a category has in CatBoost's files.
pub(super) fn of_category(text: &[u8]) -> u32 {
    city(text) as u32
}

fn city(text: &[u8]) -> u64 {
    match text.len() {
        0..=16 => up_to_16(text),
        17..=32 => up_to_32(text),
        33..=64 => up_to_64(text),
        _ => longer(text),
    }
}

/// Eight bytes from `at`; zeros beyond the end, which callers never read.
fn word(text: &[u8], at: usize) -> u64 {
    text.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes)
}

fn half(text: &[u8], at: usize) -> u64 {
    text.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, |bytes| u64::from(u32::from_le_bytes(bytes)))
}

fn mix(x: u64) -> u64 {
    x ^ (x >> 47)
}

/// Murmur's way to make one word of two.
fn pair(low: u64, high: u64) -> u64 {
    const MULTIPLIER: u64 = 0x9ddf_ea08_eb38_2d69;
    let a = mix((low ^ high).wrapping_mul(MULTIPLIER));
    mix((high ^ a).wrapping_mul(MULTIPLIER)).wrapping_mul(MULTIPLIER)
}

fn up_to_16(text: &[u8]) -> u64 {
    let len = text.len();
    let long = len as u64;
    match len {
        0 => K2,
        1..=3 => {
            let [first, middle, last] = [text[0], text[len / 2], text[len - 1]].map(u64::from);
            let (y, z) = (first + (middle << 8), long + (last << 2));
            mix(y.wrapping_mul(K2) ^ z.wrapping_mul(K3)).wrapping_mul(K2)
        }
        4..=8 => pair(long.wrapping_add(half(text, 0) << 3), half(text, len - 4)),
        _ => {
            let (a, b) = (word(text, 0), word(text, len - 8));
            pair(a, b.wrapping_add(long).rotate_right(len as u32)) ^ b
        }
    }
}

fn up_to_32(text: &[u8]) -> u64 {
    let len = text.len();
    let a = word(text, 0).wrapping_mul(K1);
    let b = word(text, 8);
    let c = word(text, len - 8).wrapping_mul(K2);
    let d = word(text, len - 16).wrapping_mul(K0);
    let low = a.wrapping_sub(b).rotate_right(43).wrapping_add(c.rotate_right(30)).wrapping_add(d);
    let high = a.wrapping_add((b ^ K3).rotate_right(20)).wrapping_sub(c).wrapping_add(len as u64);
    pair(low, high)
}

fn up_to_64(text: &[u8]) -> u64 {
    let len = text.len();
    let side = |seed: u64, from: usize, last: u64, first: u64| {
        let mut a = first;
        let b = a.wrapping_add(last).rotate_right(52);
        let mut c = a.rotate_right(37);
        a = a.wrapping_add(word(text, from + 8));
        c = c.wrapping_add(a.rotate_right(7));
        a = a.wrapping_add(word(text, from + 16));
        let high = b.wrapping_add(a.rotate_right(31)).wrapping_add(c);
        (a.wrapping_add(seed), high)
    };
    let z = word(text, 24);
    let seeded = (len as u64).wrapping_add(word(text, len - 16)).wrapping_mul(K0);
    let (v_low, v_high) = side(z, 0, z, word(text, 0).wrapping_add(seeded));
    let z = word(text, len - 8);
    let (w_low, w_high) = side(z, len - 32, z, word(text, 16).wrapping_add(word(text, len - 32)));
    let r = v_low.wrapping_add(w_high).wrapping_mul(K2).wrapping_add(w_low.wrapping_add(v_high).wrapping_mul(K0));
    mix(mix(r).wrapping_mul(K0).wrapping_add(v_high)).wrapping_mul(K2)
}

/// 32 bytes from `at` into two words.
fn weak(text: &[u8], at: usize, a: u64, b: u64) -> (u64, u64) {
    let (w, x, y, z) = (word(text, at), word(text, at + 8), word(text, at + 16), word(text, at + 24));
    let mut a = a.wrapping_add(w);
    let mut b = b.wrapping_add(a).wrapping_add(z).rotate_right(21);
    let c = a;
    a = a.wrapping_add(x).wrapping_add(y);
    b = b.wrapping_add(a.rotate_right(44));
    (a.wrapping_add(z), b.wrapping_add(c))
}

fn longer(text: &[u8]) -> u64 {
    let len = text.len();
    let mut x = word(text, 0);
    let mut y = word(text, len - 16) ^ K1;
    let mut z = word(text, len - 56) ^ K0;
    let mut v = weak(text, len - 64, len as u64, y);
    let mut w = weak(text, len - 32, (len as u64).wrapping_mul(K1), K0);
    z = z.wrapping_add(mix(v.1).wrapping_mul(K1));
    x = z.wrapping_add(x).rotate_right(39).wrapping_mul(K1);
    y = y.rotate_right(33).wrapping_mul(K1);
    for at in (0..(len - 1) / 64).map(|block| block * 64) {
        let sum = x.wrapping_add(y).wrapping_add(v.0).wrapping_add(word(text, at + 16));
        x = sum.rotate_right(37).wrapping_mul(K1);
        y = y.wrapping_add(v.1).wrapping_add(word(text, at + 48)).rotate_right(42).wrapping_mul(K1);
        x ^= w.1;
        y ^= v.0;
        z = (z ^ w.0).rotate_right(33);
        v = weak(text, at, v.1.wrapping_mul(K1), x.wrapping_add(w.0));
        w = weak(text, at + 32, z.wrapping_add(w.1), y);
        std::mem::swap(&mut z, &mut x);
    }
    let low = pair(v.0, w.0).wrapping_add(mix(y).wrapping_mul(K1)).wrapping_add(z);
    pair(low, pair(v.1, w.1).wrapping_add(x))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hashes that CatBoost writes into its JSON files, one for each way that lengths are treated.
    #[test]
    fn hashes_are_those_of_catboost() {
        for (text, hash) in [
            ("abc", 978243121),
            ("Maxi7ab", 1671553343),
            ("a", 3489901818),
            ("abcd", 345588365),
            ("WorkPrivate", 3890149684),
            (
                "Insurance of a very long category name that goes beyond one hundred and twenty-eight bytes, so that several blocks of the hash are needed",
                3469797691,
            ),
            ("", 797982799),
            ("ab", 4090249022),
            ("yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy", 1213635094),
            ("0123456789abcdef", 2645308183),
            ("zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", 1972452671),
            ("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 664286079),
            ("äöü", 743693011),
            ("Diesel", 1084940098),
            ("0123456789abcdefg", 3849924666),
            ("The quick brown fox jumps over the lazy dog!", 2702531649),
        ] {
            assert_eq!(of_category(text.as_bytes()), hash, "{text:?}");
        }
    }
}
