//! The bytes of a value of an Arrow view as two integers, by loads of fixed size.

use arrow::array::StringViewArray;

use super::dictionary::INLINE_MAX;

/// The bytes of a value at its two ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Image {
    /// The first 16 bytes, the first lowest; zeros beyond the end of the value.
    pub(super) start: u128,
    /// The last 16 bytes of values of more than 16 bytes, else 0.
    pub(super) end: u128,
    /// Bytes of the value.
    pub(super) length: u32,
}

impl Image {
    /// Of a view of `values`.
    #[inline(always)]
    pub(super) fn of(values: &StringViewArray, view: u128) -> Self {
        let length = view as u32;
        if length <= INLINE_MAX {
            return Self { start: view >> 32, end: 0, length };
        }
        Self::of_long(values, view, length)
    }

    #[inline(always)]
    fn of_long(values: &StringViewArray, view: u128, length: u32) -> Self {
        let (buffer, offset) = ((view >> 64) as u32 as usize, (view >> 96) as u32 as usize);
        let bytes = values.data_buffers().get(buffer).and_then(|buffer| buffer.get(offset..)).unwrap_or_default();
        let value = bytes.get(..length as usize).unwrap_or(bytes);
        if length <= 16 {
            return Self { start: Self::short(bytes, value), end: 0, length };
        }
        let load = |chunk: Option<&[u8; 16]>| chunk.map_or(0, |chunk| u128::from_le_bytes(*chunk));
        Self { start: load(value.first_chunk()), end: load(value.last_chunk()), length }
    }

    /// Thirteen to sixteen bytes; blocks nearly always go on for 16.
    #[inline(always)]
    fn short(bytes: &[u8], value: &[u8]) -> u128 {
        match bytes.first_chunk::<16>() {
            Some(chunk) => u128::from_le_bytes(*chunk) & u128::MAX >> (128 - 8 * value.len().clamp(1, 16)),
            None => {
                let mut room = [0; 16];
                room.iter_mut().zip(value).for_each(|(to, from)| *to = *from);
                u128::from_le_bytes(room)
            }
        }
    }

    /// The order of the first 16 bytes.
    #[inline(always)]
    pub(super) fn rank(&self) -> u128 {
        self.start.swap_bytes()
    }
}
