//! What the bytes of a value tell of it as a text: from its mask as well as from the value itself.

use super::image::Image;
use crate::document::CharacterClasses;

/// Length, classes and blanks of one value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// Unicode scalar values.
    pub(super) characters: u64,
    /// 1 for each class that the value has a character of.
    pub(super) classes: CharacterClasses,
    /// ASCII blanks before or after.
    pub(super) padded: bool,
}

impl Shape {
    /// Of a value given its image and the whole of it.
    #[inline]
    pub(super) fn of_image(image: &Image, bytes: &[u8]) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(shape) = Self::without_blanks(image) {
            return shape;
        }
        Self::of(bytes)
    }

    /// Of a value of at most 32 bytes without blanks and control characters.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    fn without_blanks(image: &Image) -> Option<Self> {
        let length = image.length;
        if !(1..=32).contains(&length) {
            return None;
        }
        // The last 16 bytes overlap the first; of those, the ones that come after them count.
        let (start, end) = (crate::vector::classes(image.start), crate::vector::classes(image.end));
        let (in_start, in_end) = (0xffff_u32 >> (16 - length.min(16)), !(0xffff_u32 >> length.saturating_sub(16)));
        let of_value = |start: u16, end: u16| u32::from(start) & in_start | (u32::from(end) & in_end) << 16;
        if of_value(start.blanks | start.control, end.blanks | end.control) != 0 {
            return None;
        }
        let is = |bits: u32| u64::from(bits != 0);
        let digits = of_value(start.digits, end.digits);
        let upper = of_value(start.upper, end.upper);
        let lower = of_value(start.lower, end.lower);
        let non_ascii = of_value(start.high, end.high);
        let others = of_value(u16::MAX, u16::MAX) & !(digits | upper | lower | non_ascii);
        let classes = CharacterClasses {
            digits: is(digits),
            upper: is(upper),
            lower: is(lower),
            blanks: 0,
            punctuation: is(others),
            non_ascii: is(non_ascii),
            control: 0,
        };
        let continued = of_value(start.continued, end.continued);
        Some(Self { characters: u64::from(length - continued.count_ones()), classes, padded: false })
    }

    /// Of a value, or of its mask: they have the same.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let seen = bytes.iter().fold(0, |seen, byte| seen | CLASS_OF.get(usize::from(*byte)).unwrap_or(&0));
        let is = |class: u32| u64::from(seen >> class & 1);
        let inner = bytes.trim_ascii();
        let [digits, upper, lower, punctuation, non_ascii, control] = [is(0), is(1), is(2), is(4), is(5), is(6)];
        let blanks = if is(3) == 1 { u64::from(inner.contains(&b' ')) } else { 0 };
        let characters = match non_ascii {
            0 => bytes.len() as u64,
            _ => bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count() as u64,
        };
        let classes = CharacterClasses { digits, upper, lower, blanks, punctuation, non_ascii, control };
        Self { characters, classes, padded: inner.len() < bytes.len() }
    }
}

/// The class of each byte as a bit: digit, upper, lower, blank, punctuation, not ASCII, control.
const CLASS_OF: [u8; 256] = {
    let mut classes = [1 << 5; 256];
    let mut byte = 0;
    while byte < 128 {
        classes[byte] = match byte as u8 {
            b'0'..=b'9' => 1,
            b'A'..=b'Z' => 1 << 1,
            b'a'..=b'z' => 1 << 2,
            b' ' => 1 << 3,
            0..=31 | 127 => 1 << 6,
            _ => 1 << 4,
        };
        byte += 1;
    }
    classes
};

#[cfg(test)]
mod tests {
    use arrow::array::StringViewArray;
    use proptest::prelude::*;

    use super::*;
    use crate::column::Mask;

    #[test]
    fn shapes_of_values_and_masks_are_the_same() {
        for (value, characters, classes, padded) in [
            ("", 0, [0, 0, 0, 0, 0, 0, 0], false),
            ("Aa 9-", 5, [1, 1, 1, 1, 1, 0, 0], false),
            (" x ", 3, [0, 0, 1, 0, 0, 0, 0], true),
            ("é\u{7f}", 2, [0, 0, 0, 0, 0, 1, 1], false),
            ("\tx", 2, [0, 0, 1, 0, 0, 0, 1], true),
        ] {
            let shape = Shape::of(value.as_bytes());
            let c = &shape.classes;
            let found = [c.digits, c.upper, c.lower, c.blanks, c.punctuation, c.non_ascii, c.control];
            assert_eq!((shape.characters, found, shape.padded), (characters, classes, padded), "{value:?}");
            let mask = Mask::of(value.as_bytes()).unwrap();
            assert_eq!(Shape::of(&mask.bytes()[..mask.len()]), shape, "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn shapes_of_images_are_those_of_their_values(value in "[ -~é€\u{1f600}\t\u{7f}\u{0}]{0,40}|[!-~é€\u{1f600}]{0,40}") {
            let array: StringViewArray = [Some(value.as_str())].into_iter().collect();
            let image = Image::of(&array, array.views()[0]);
            prop_assert_eq!(Shape::of_image(&image, value.as_bytes()), Shape::of(value.as_bytes()));
        }
    }
}
