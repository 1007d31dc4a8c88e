//! How figures are shown to people.

/// A whole number with commas between groups of three digits.
///
/// ```
/// assert_eq!(bordereau_base::figure::grouped(1_234_567), "1,234,567");
/// ```
pub fn grouped(number: u64) -> String {
    grouped_digits(&number.to_string())
}

/// As [`grouped`], of the digits of a whole number that may be too large for one.
pub fn grouped_digits(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, expected) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), expected);
        }
    }
}
