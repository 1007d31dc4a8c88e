//! Words and signs that stand for null, true, false and infinity, in any letter case.

/// Bytes of the longest spelling of null.
pub(crate) const NULL_BYTES_MAX: usize = 8;
/// Bytes of the longest spelling of true or false.
pub(crate) const BOOLEAN_BYTES_MAX: usize = 5;

/// Spellings of null, in lower case. Errors of spreadsheets are among them.
const NULLS: [&str; 34] = [
    "na", "n/a", "n.a.", "#na", "#n/a", "<na>", "null", "(null)", "[null]", "<null>", "\\n", "nil", "none", "nan",
    "-nan", "+nan", "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan", "#null!", "#value!", "#ref!", "#div/0!", "#name?",
    "#num!", "-", "--", "---", "?", "??", ".", "..", "...",
];

/// Whether a value, without the blanks around it, is a spelling of null.
pub(crate) fn is_null(trimmed: &str) -> bool {
    let mut lower = [0; NULL_BYTES_MAX];
    let Some(lower) = lower_case(trimmed, &mut lower) else { return false };
    NULLS.iter().any(|null| null.as_bytes() == lower)
}

/// What a value, without the blanks around it, says of true and false.
pub(crate) fn boolean(trimmed: &str) -> Option<bool> {
    let mut lower = [0; BOOLEAN_BYTES_MAX];
    match lower_case(trimmed, &mut lower)? {
        b"true" | b"t" | b"yes" | b"y" | b"on" | b"1" => Some(true),
        b"false" | b"f" | b"no" | b"n" | b"off" | b"0" => Some(false),
        _ => None,
    }
}

/// Whether it is an infinity, and below zero.
pub(super) fn infinity(trimmed: &str) -> Option<bool> {
    let mut lower = [0; 9];
    match lower_case(trimmed, &mut lower)? {
        b"inf" | b"+inf" | b"infinity" | b"+infinity" => Some(false),
        b"-inf" | b"-infinity" => Some(true),
        _ => None,
    }
}

fn lower_case<'a>(text: &str, room: &'a mut [u8]) -> Option<&'a [u8]> {
    let lower = room.get_mut(..text.len())?;
    lower.copy_from_slice(text.as_bytes());
    lower.make_ascii_lowercase();
    Some(lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_fit_the_room_they_are_given() {
        assert!(NULLS.iter().all(|null| null.len() <= NULL_BYTES_MAX && is_null(&null.to_uppercase())));
        for (text, null, truth) in [
            ("NA", true, None),
            ("n/A", true, None),
            ("", false, None),
            ("nanananana", false, None),
            ("Yes", false, Some(true)),
            ("FALSE", false, Some(false)),
            ("0", false, Some(false)),
            ("falsey", false, None),
        ] {
            assert_eq!((is_null(text), boolean(text)), (null, truth), "{text:?}");
        }
    }
}
