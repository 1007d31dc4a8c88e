//! The one hash of all sketches: XXH3, 64 bits, with a fixed seed.
//!
//! States of different files and machines are merged, so the seed is a constant and stands in every encoded state. It
//! is no secret: whoever writes a file can make values collide. A collision makes a count wrong, never a crash; what
//! must be exact compares the bytes as well ([`crate::frequent`]).

/// The seed of [`hash_bytes`], written into every encoded state.
pub const SEED: u64 = 0x626f_7264_6572_6561;

/// Stands for a missing value in rows and keys. No relation to the hash of the empty text.
pub const NULL_HASH: u64 = 0x9e6c_63d0_876a_68e3;

/// The hash of a value's bytes.
#[inline]
#[must_use]
pub fn hash_bytes(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64_with_seed(bytes, SEED)
}

/// Mixes the hash of one more cell into the hash of a row: `combine(combine(a, b), c)` for three cells.
///
/// For a fixed `row` it is a bijection of `cell`, and the other way round, so that it adds no collision of two cells to
/// those of their hashes. It depends on the order of its arguments. Every bit of either argument changes every bit of
/// the result with a probability near one half: after a rotation that sets the row apart from the cell comes the
/// finaliser of MurmurHash3 with the constants that Evensen found by search ("moremur", 2019). About 1 ns when
/// neighbouring rows are independent.
#[inline]
#[must_use]
pub fn combine(row: u64, cell: u64) -> u64 {
    let mixed = row.rotate_left(29).wrapping_add(cell);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x3c79_ac49_2ba7_b653);
    let mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0x1c69_b3f7_4ac4_ae35);
    mixed ^ (mixed >> 27)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_what_states_on_disk_were_made_with() {
        let found = [hash_bytes(b""), hash_bytes(b"bordereau"), combine(1, 2)];
        assert_eq!(found, [1_140_371_252_305_192_689, 18_369_464_926_473_562_157, 2_144_133_710_264_610_391]);
        assert_ne!(NULL_HASH, hash_bytes(b""));
    }

    #[test]
    fn combining_depends_on_the_order() {
        assert_ne!(combine(1, 2), combine(2, 1));
        assert_ne!(combine(combine(1, 2), 3), combine(combine(1, 3), 2));
    }

    #[test]
    fn every_bit_of_either_argument_reaches_every_bit_of_the_result() {
        const ROUNDS: u64 = 4_000;
        for flipped in 0..128_u32 {
            let mut changed = [0_u64; 64];
            for round in 0..ROUNDS {
                let (row, cell) = (hash_bytes(&round.to_le_bytes()), hash_bytes(&(!round).to_le_bytes()));
                let (row_bit, cell_bit) = if flipped < 64 { (1 << flipped, 0) } else { (0, 1 << (flipped - 64)) };
                let difference = combine(row, cell) ^ combine(row ^ row_bit, cell ^ cell_bit);
                for (bit, count) in changed.iter_mut().enumerate() {
                    *count += (difference >> bit) & 1;
                }
            }
            for (bit, count) in changed.iter().enumerate() {
                let share = *count as f64 / ROUNDS as f64;
                assert!((0.4..=0.6).contains(&share), "bit {flipped} changes bit {bit} in {share} of all rounds");
            }
        }
    }
}
