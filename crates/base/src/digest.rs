//! How digests are shown. Computing them is for those who have the bytes.

use std::fmt::Write;

/// Bytes as lower-case hexadecimal digits, two a byte.
///
/// ```
/// assert_eq!(bordereau_base::digest::hex(&[0, 171]), "00ab");
/// ```
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
