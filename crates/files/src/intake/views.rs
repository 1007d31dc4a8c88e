//! String views into a shared text: sixteen bytes a value, no copy of its bytes.
//!
//! The layout is that of Arrow's `Utf8View`: the length, then the value itself when it has at most twelve bytes, else
//! its first four bytes, the number of its buffer and its place in it.
//!
//! # Why there is unsafe code here
//! Arrow's checked constructor validates UTF-8 value by value, which costs more than finding the values. The text of a
//! block is validated once as a whole, and a slice of valid UTF-8 between two ASCII bytes is valid UTF-8. [`array()`]
//! is the only place that relies on it; builds with debug assertions go through the checked constructor all the same.

use arrow::array::StringViewArray;
use arrow::buffer::{Buffer, NullBuffer, ScalarBuffer};

/// Bytes a text must have beyond its last value, so that a view is made by one load.
pub(crate) const SLACK: usize = 64;

/// Longest value that lies in its view.
const INLINE_MAX: u32 = 12;

/// By length the bytes of a value that lies in its view. Shifts of 128 bits by a variable cost more than the load.
const KEPT: [u128; INLINE_MAX as usize + 1] = {
    let mut kept = [0; INLINE_MAX as usize + 1];
    let mut length = 1;
    while length < kept.len() {
        kept[length] = kept[length - 1] << 8 | 0xff;
        length += 1;
    }
    kept
};

/// The text of a block, or values of it that had to be written anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Home {
    /// The first buffer.
    Text = 0,
    /// The second buffer.
    Rewritten = 1,
}

/// The view of `text[start..end]`. `text` goes on for at least 16 bytes after `start`.
#[inline]
pub(crate) fn view(text: &[u8], start: usize, end: usize) -> u128 {
    match text.get(start..).and_then(|rest| rest.first_chunk::<16>()) {
        Some(bytes) => made(*bytes, start, end, Home::Text),
        // Never so, since the slack is there; an empty value is the safe answer.
        None => 0,
    }
}

/// The view of `rewritten[start..]`.
pub(crate) fn rewritten_view(rewritten: &str, start: usize) -> u128 {
    let value = rewritten.as_bytes().get(start..).unwrap_or_default();
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(value) {
        *to = *from;
    }
    made(bytes, start, rewritten.len(), Home::Rewritten)
}

/// The view of the value at `start..end` of `home`, given the bytes from `start` on.
#[inline]
fn made(bytes: [u8; 16], start: usize, end: usize, home: Home) -> u128 {
    let bytes = u128::from_le_bytes(bytes);
    let length = (end - start) as u32;
    if let Some(kept) = KEPT.get(length as usize) {
        (bytes & kept) << 32 | u128::from(length)
    } else {
        let prefix = bytes & 0xffff_ffff;
        u128::from(start as u32) << 96 | u128::from(home as u32) << 64 | prefix << 32 | u128::from(length)
    }
}

/// The buffers that views of one block point into, in the order of [`Home`].
#[derive(Debug, Clone)]
pub(crate) struct Homes {
    buffers: [Buffer; 2],
}

impl Homes {
    /// `rewritten` has no slack.
    pub(crate) fn new(text: String, rewritten: String) -> Self {
        Self { buffers: [Buffer::from_vec(text.into_bytes()), Buffer::from_vec(rewritten.into_bytes())] }
    }

    /// A column of views made by [`view`] over these buffers, each starting and ending beside an ASCII byte or an end
    /// of its buffer. A column whose values all lie in their views keeps no buffer alive.
    pub(crate) fn column(&self, views: Vec<u128>, nulls: Option<NullBuffer>) -> StringViewArray {
        let is_far = |view: &u128| *view as u32 > INLINE_MAX;
        let is_rewritten = |view: &u128| is_far(view) && (view >> 64) as u32 == Home::Rewritten as u32;
        let [_, rewritten] = &self.buffers;
        let buffers = if !rewritten.is_empty() && views.iter().any(is_rewritten) {
            self.buffers.to_vec()
        } else if views.iter().any(is_far) {
            self.buffers[..1].to_vec()
        } else {
            Vec::new()
        };
        array(views, buffers, nulls)
    }
}

#[allow(unsafe_code)]
fn array(views: Vec<u128>, buffers: Vec<Buffer>, nulls: Option<NullBuffer>) -> StringViewArray {
    let views = ScalarBuffer::from(views);
    debug_assert!(StringViewArray::try_new(views.clone(), buffers.clone(), nulls.clone()).is_ok());
    // SAFETY: `view` writes length, prefix, number and place as the layout asks, within a buffer that is kept; buffers
    // come from `String`s, and views start and end beside ASCII bytes or an end, so each is valid UTF-8. `nulls` has a
    // bit for each view (the only caller builds both from the same rows).
    unsafe { StringViewArray::new_unchecked(views, buffers, nulls) }
}

#[cfg(test)]
mod tests {
    use super::{Homes, SLACK, rewritten_view, view};
    use arrow::array::Array;
    use proptest::prelude::*;

    fn padded(text: &str) -> String {
        text.to_owned() + &" ".repeat(SLACK)
    }

    proptest! {
        #[test]
        fn a_view_says_what_its_place_says(values in prop::collection::vec("[a-zé€ ]{0,20}", 1..20)) {
            let text = padded(&values.join(","));
            let mut start = 0;
            let mut rewritten = String::new();
            let mut views = Vec::new();
            for value in &values {
                views.push(view(text.as_bytes(), start, start + value.len()));
                start += value.len() + 1;
                let place = rewritten.len();
                rewritten.push_str(value);
                views.push(rewritten_view(&rewritten, place));
            }
            let column = Homes::new(text, rewritten).column(views, None);
            prop_assert!(column.to_data().validate_full().is_ok());
            let twice: Vec<&str> = values.iter().flat_map(|value| [value.as_str(); 2]).collect();
            prop_assert_eq!(column.iter().flatten().collect::<Vec<_>>(), twice);
        }
    }

    #[test]
    fn a_column_of_short_values_keeps_no_text_alive() {
        let text = padded("short,a value of more than twelve bytes");
        let homes = Homes::new(text.clone(), String::new());
        let short = homes.column(vec![view(text.as_bytes(), 0, 5)], None);
        let long = homes.column(vec![view(text.as_bytes(), 6, 39)], None);
        assert_eq!((short.data_buffers().len(), long.data_buffers().len()), (0, 1));
        assert_eq!((short.value(0), long.value(0)), ("short", "a value of more than twelve bytes"));
    }
}
