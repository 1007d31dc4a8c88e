//! Numbers that carry a check: payment cards, vehicle identification numbers, bank accounts.
//!
//! Each function takes the compact form, without blanks or hyphens, and is exact: it says whether the check holds.
//! By chance it holds for one in ten cards, one in eleven VINs and one in 97 IBANs, so callers ask for a share.

/// Whether `digits` (ASCII digits only) can be the number of a payment card: 13 to 19 digits, the prefix of an issuer
/// with a length that issuer uses, and a valid check digit (Luhn; ISO/IEC 7812-1, annex B).
pub fn is_payment_card(digits: &[u8]) -> bool {
    is_card_shaped(digits) && luhn(digits)
}

/// As [`is_payment_card`] without the check digit.
pub fn is_card_shaped(digits: &[u8]) -> bool {
    let length = digits.len();
    if !(13..=19).contains(&length) || !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let prefix = |digits_of: usize| {
        digits[..digits_of].iter().fold(0_u32, |number, digit| 10 * number + u32::from(digit - b'0'))
    };
    match prefix(2) {
        34 | 37 => length == 15,
        40..=49 => matches!(length, 13 | 16 | 19),
        51..=55 => length == 16,
        36 | 38 | 39 => (14..=19).contains(&length),
        30 => (300..=305).contains(&prefix(3)) && length >= 14,
        22..=27 => (2221..=2720).contains(&prefix(4)) && length == 16,
        35 => (3528..=3589).contains(&prefix(4)) && length >= 16,
        50 | 56..=59 | 63 | 67 => length >= 13,
        60 => prefix(4) == 6011 && length >= 16,
        62 | 64 | 65 => length >= 16,
        _ => false,
    }
}

/// Whether the last digit makes the weighted sum a multiple of ten.
fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte - b'0');
            match place % 2 {
                0 => digit,
                _ if digit > 4 => 2 * digit - 9,
                _ => 2 * digit,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Weights of the places of a VIN; the check digit stands at the ninth (49 CFR 565.15).
const VIN_WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];

/// Whether `text` has 17 characters that a VIN may have (ISO 3779: no I, O, Q), with digits and letters among them: a
/// VIN ends in a serial number, and a word of 17 letters is none.
pub fn is_vin_shaped(text: &[u8]) -> bool {
    text.len() == 17
        && text.iter().all(|&byte| vin_value(byte).is_some())
        && text.iter().any(u8::is_ascii_digit)
        && text.iter().any(u8::is_ascii_alphabetic)
}

/// Whether `text` is a VIN whose check digit holds, as it must for vehicles of North America (49 CFR 565).
pub fn is_vin(text: &[u8]) -> bool {
    if !is_vin_shaped(text) {
        return false;
    }
    let sum: u32 = text.iter().zip(VIN_WEIGHTS).map(|(&byte, weight)| weight * vin_value(byte).unwrap_or(0)).sum();
    match (text[8].to_ascii_uppercase(), sum % 11) {
        (b'X', 10) => true,
        (check, remainder) => check.is_ascii_digit() && u32::from(check - b'0') == remainder,
    }
}

/// The number a character of a VIN stands for.
fn vin_value(byte: u8) -> Option<u32> {
    Some(match byte.to_ascii_uppercase() {
        digit @ b'0'..=b'9' => u32::from(digit - b'0'),
        letter @ b'A'..=b'H' => u32::from(letter - b'A') + 1,
        letter @ b'J'..=b'N' => u32::from(letter - b'J') + 1,
        b'P' => 7,
        b'R' => 9,
        letter @ b'S'..=b'Z' => u32::from(letter - b'S') + 2,
        _ => return None,
    })
}

/// Lengths of the bank account numbers of the countries of the IBAN registry (ISO 13616).
const IBAN_LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

/// The length that the account numbers of a country have, by the first two characters of `text`.
pub fn iban_length(text: &[u8]) -> Option<usize> {
    let country = [text.first()?.to_ascii_uppercase(), text.get(1)?.to_ascii_uppercase()];
    IBAN_LENGTHS.iter().find(|(code, _)| **code == country).map(|(_, length)| *length)
}

/// Whether `text` is an international bank account number: a country with its length, and remainder 1 of 97.
pub fn is_iban(text: &[u8]) -> bool {
    if iban_length(text) != Some(text.len()) || !text.iter().all(u8::is_ascii_alphanumeric) {
        return false;
    }
    let turned = text[4..].iter().chain(&text[..4]);
    let remainder = turned.fold(0_u32, |remainder, &byte| match byte {
        digit @ b'0'..=b'9' => (10 * remainder + u32::from(digit - b'0')) % 97,
        letter => (100 * remainder + u32::from(letter.to_ascii_uppercase() - b'A') + 10) % 97,
    });
    text[2..4].iter().all(u8::is_ascii_digit) && remainder == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_have_prefix_length_and_check_digit() {
        for (digits, expected) in [
            ("4111111111111111", true),
            ("4111111111111112", false),
            ("5555555555554444", true),
            ("2223003122003222", true),
            ("378282246310005", true),
            ("6011111111111117", true),
            ("3530111333300000", true),
            ("30569309025904", true),
            ("4222222222222", true),
            ("0000000000000000", false),
            ("9111111111111111", false),
            ("41111111111111", false),
            ("411111111111", false),
            ("4111111111111111111111", false),
            ("411111111111111a", false),
            ("", false),
        ] {
            assert_eq!(is_payment_card(digits.as_bytes()), expected, "{digits}");
        }
    }

    #[test]
    fn vins_have_a_check_digit() {
        for (text, expected) in [
            ("1M8GDM9AXKP042788", true),
            ("1m8gdm9axkp042788", true),
            ("1M8GDM9A1KP042788", false),
            ("5GZCZ43D13S812715", true),
            ("11111111111111111", false),
            ("1M8GDM9AXKP04278", false),
            ("IM8GDM9AXKP042788", false),
            ("ABCDEFGHJKLMNPRST", false),
            // The check holds, but a VIN ends in digits: this is a word.
            ("BGFDNPHEXREKEJLRA", false),
        ] {
            assert_eq!(is_vin(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn ibans_have_length_and_remainder() {
        for (text, expected) in [
            ("GB82WEST12345698765432", true),
            ("DE89370400440532013000", true),
            ("FR1420041010050500013M02606", true),
            ("no9386011117947", true),
            ("GB82WEST12345698765433", false),
            ("GB82WEST1234569876543", false),
            ("ZZ82WEST12345698765432", false),
            ("DE", false),
            ("", false),
            ("DE8937040044053201300é", false),
        ] {
            assert_eq!(is_iban(text.as_bytes()), expected, "{text}");
        }
    }
}
