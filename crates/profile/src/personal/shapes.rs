//! The shapes of personal data inside a text: where an e-mail address, a telephone number, a social security number, a
//! payment card, a VIN or an account number begins and ends.
//!
//! Each `*_at` function reads from the start of what it is given and answers with the bytes that belong to the shape,
//! so that the same code recognises a whole value and a few characters in a sentence. All are linear in what they read
//! and look no further than a shape is long, so a text of any length costs a bounded number of steps for each byte.

use super::checked;

/// Longest e-mail address (RFC 5321).
const EMAIL_BYTES_MAX: usize = 254;
/// Longest local part of one.
const LOCAL_BYTES_MAX: usize = 64;
/// Digits of an international telephone number (ITU-T E.164), and the fewest that are taken for one.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 8..=15;
/// Fewest digits of an international number that is written without a separator.
const PHONE_DIGITS_PLAIN_MIN: usize = 10;

/// Bytes of the e-mail address that `text` begins with.
pub fn email_at(text: &[u8]) -> Option<usize> {
    let local = text.iter().take(LOCAL_BYTES_MAX + 1).take_while(|byte| is_local(**byte)).count();
    if local == 0 || local > LOCAL_BYTES_MAX || text.get(local) != Some(&b'@') || text[0] == b'.' {
        return None;
    }
    let rest = &text[local + 1..];
    let mut domain = rest.iter().take(EMAIL_BYTES_MAX).take_while(|byte| is_domain(**byte)).count();
    while domain > 0 && matches!(rest[domain - 1], b'.' | b'-') {
        domain -= 1;
    }
    is_domain_name(&rest[..domain]).then_some(local + 1 + domain)
}

const fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || byte >= 0x80
        || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-' | b'\'' | b'#' | b'&' | b'~' | b'=' | b'/' | b'*' | b'!')
}

const fn is_domain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || matches!(byte, b'.' | b'-')
}

/// At least two labels, none empty, the last of letters only.
fn is_domain_name(domain: &[u8]) -> bool {
    let mut labels = domain.rsplit(|byte| *byte == b'.');
    let last = labels.next().unwrap_or_default();
    let last_is_name = last.len() >= 2 && last.iter().all(|byte| !byte.is_ascii_digit());
    let others = labels.clone().count();
    last_is_name && others > 0 && labels.all(|label| !label.is_empty())
}

/// Bytes of the social security number `AAA-GG-SSSS` (or with blanks) that `text` begins with, if its number was ever
/// given out: not area 000, 666 or 900 and above, not group 00, not serial 0000 (SSA, 42 CFR 422.103 and its practice).
pub fn ssn_at(text: &[u8]) -> Option<usize> {
    let shown = text.get(..11)?;
    let separator = shown[3];
    let in_shape = shown.iter().enumerate().all(|(at, byte)| match at {
        3 | 6 => *byte == separator && matches!(separator, b'-' | b' '),
        _ => byte.is_ascii_digit(),
    });
    let digits: Vec<u8> = shown.iter().copied().filter(u8::is_ascii_digit).collect();
    (in_shape && is_ssn(&digits)).then_some(11)
}

/// Whether nine digits are a social security number that was ever given out.
pub fn is_ssn(digits: &[u8]) -> bool {
    let [area @ .., g1, g2, s1, s2, s3, s4] = digits else { return false };
    digits.iter().all(u8::is_ascii_digit)
        && area.len() == 3
        && area != b"000"
        && area != b"666"
        && area[0] != b'9'
        && [*g1, *g2] != *b"00"
        && [*s1, *s2, *s3, *s4] != *b"0000"
}

/// Bytes of the telephone number that `text` begins with: of North America with separators, or any with `+`.
pub fn phone_at(text: &[u8]) -> Option<usize> {
    nanp_at(text).or_else(|| international_at(text))
}

/// `(303) 555-0100`, `303-555-0100`, `+1 303.555.0100`, ...: area code and exchange begin with 2 to 9, and neither ends
/// in 11 (they would be services).
fn nanp_at(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    if text.first() == Some(&b'+') {
        at = 1;
    }
    if text.get(at) == Some(&b'1') {
        at += 1;
        at += usize::from(text.get(at).is_some_and(|byte| is_separator(*byte)));
    } else if at == 1 {
        return None;
    }
    let bracket = text.get(at) == Some(&b'(');
    at += usize::from(bracket);
    let area = three_digits(text, at)?;
    at += 3;
    if bracket {
        at += (text.get(at) == Some(&b')')).then_some(1)?;
        at += usize::from(text.get(at).is_some_and(|byte| is_separator(*byte)));
    } else {
        at += text.get(at).is_some_and(|byte| is_separator(*byte)).then_some(1)?;
    }
    let exchange = three_digits(text, at)?;
    at += 3;
    at += text.get(at).is_some_and(|byte| is_separator(*byte)).then_some(1)?;
    let line = text.get(at..at + 4)?;
    let valid = line.iter().all(u8::is_ascii_digit) && is_nanp_code(area) && is_nanp_code(exchange);
    valid.then_some(at + 4)
}

fn three_digits(text: &[u8], at: usize) -> Option<&[u8]> {
    text.get(at..at + 3).filter(|digits| digits.iter().all(u8::is_ascii_digit))
}

const fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'-' | b'.')
}

/// Whether three digits are an area code or an exchange of North America.
fn is_nanp_code(digits: &[u8]) -> bool {
    digits[0] >= b'2' && digits[1..] != *b"11"
}

/// Whether ten digits, or eleven that begin with 1, are a telephone number of North America.
pub fn is_nanp(digits: &[u8]) -> bool {
    let national = match digits {
        [b'1', rest @ ..] if rest.len() == 10 => rest,
        other => other,
    };
    national.len() == 10
        && national.iter().all(u8::is_ascii_digit)
        && is_nanp_code(&national[..3])
        && is_nanp_code(&national[3..6])
}

/// `+` and 8 to 15 digits, the first not 0, with blanks, hyphens, points, slashes or brackets between; at least ten
/// when there are none, as a number with a sign is written.
fn international_at(text: &[u8]) -> Option<usize> {
    if text.first() != Some(&b'+') || !text.get(1).is_some_and(|byte| matches!(byte, b'1'..=b'9')) {
        return None;
    }
    let (mut digits, mut separators, mut end) = (0, 0, 0);
    let mut before = b'+';
    for (at, &byte) in text.iter().enumerate().skip(1).take(30) {
        match byte {
            b'0'..=b'9' => {
                digits += 1;
                end = at + 1;
            }
            b' ' | b'-' | b'.' | b'/' | b'(' | b')' if before.is_ascii_digit() || matches!(before, b' ' | b')') => {
                separators += 1;
            }
            _ => break,
        }
        before = byte;
    }
    let enough = if separators == 0 { digits >= PHONE_DIGITS_PLAIN_MIN } else { PHONE_DIGITS.contains(&digits) };
    (enough && digits <= *PHONE_DIGITS.end()).then_some(end)
}

/// Bytes of the payment card number that `text` begins with; single blanks or hyphens may stand between digits.
pub fn card_at(text: &[u8]) -> Option<usize> {
    let (digits, ends) = digits_with_separators(text, 19);
    (13..=digits.len()).rev().find(|length| checked::is_payment_card(&digits[..*length])).map(|length| ends[length - 1])
}

/// The digits that `text` begins with, at most `digits_max` of them, and where each ends.
fn digits_with_separators(text: &[u8], digits_max: usize) -> (Vec<u8>, Vec<usize>) {
    let (mut digits, mut ends) = (Vec::new(), Vec::new());
    let mut after_digit = false;
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' if digits.len() < digits_max => {
                digits.push(byte);
                ends.push(at + 1);
                after_digit = true;
            }
            b' ' | b'-' if after_digit => after_digit = false,
            _ => break,
        }
    }
    (digits, ends)
}

/// Bytes of the VIN with a valid check digit that `text` begins with.
pub fn vin_at(text: &[u8]) -> Option<usize> {
    text.get(..17).filter(|token| checked::is_vin(token)).map(<[u8]>::len)
}

/// Bytes of the account number that `text` begins with; single blanks may stand between groups.
pub fn iban_at(text: &[u8]) -> Option<usize> {
    let length = checked::iban_length(text)?;
    let mut compact = Vec::with_capacity(length);
    let mut blank = true;
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            b' ' if !blank => blank = true,
            _ if byte.is_ascii_alphanumeric() => {
                compact.push(byte);
                blank = false;
            }
            _ => return None,
        }
        if compact.len() == length {
            return checked::is_iban(&compact).then_some(at + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(reader: fn(&[u8]) -> Option<usize>, cases: &[(&str, Option<usize>)]) {
        for (text, expected) in cases {
            assert_eq!(reader(text.as_bytes()), *expected, "{text}");
        }
    }

    #[test]
    fn emails() {
        check(
            email_at,
            &[
                ("ann.lee+x@mail.example.com", Some(26)),
                ("a@b.io, then", Some(6)),
                ("a@b.io.", Some(6)),
                ("jürgen@müller.de", Some(18)),
                ("a@b", None),
                ("a@b.1", None),
                ("a@@b.com", None),
                ("@b.com", None),
                (".a@b.com", None),
                ("a@.com", None),
                ("a@b..com", None),
                ("a b@c.com", None),
                ("", None),
            ],
        );
    }

    #[test]
    fn social_security_numbers() {
        check(
            ssn_at,
            &[
                ("123-45-6789", Some(11)),
                ("123 45 6789", Some(11)),
                ("123-45 6789", None),
                ("000-45-6789", None),
                ("666-45-6789", None),
                ("900-45-6789", None),
                ("123-00-6789", None),
                ("123-45-0000", None),
                ("12-345-6789", None),
                ("123-45-678", None),
                ("123456789", None),
            ],
        );
        assert!(is_ssn(b"123456789"));
        assert!(!is_ssn(b"12345678"));
        assert!(!is_ssn(b"666456789"));
    }

    #[test]
    fn telephone_numbers() {
        check(
            phone_at,
            &[
                ("(303) 555-0100", Some(14)),
                ("(303)555-0100", Some(13)),
                ("303-555-0100", Some(12)),
                ("303.555.0100 x5", Some(12)),
                ("+1 303 555 0100", Some(15)),
                ("1-303-555-0100", Some(14)),
                ("+1 (303) 555-0100", Some(17)),
                ("+44 20 7946 0958", Some(16)),
                ("+49 (0)30 901820", Some(16)),
                ("+33123456789", Some(12)),
                ("3035550100", None),
                ("303-5550100", None),
                ("103-555-0100", None),
                ("303-155-0100", None),
                ("911-555-0100", None),
                ("303-911-0100", None),
                ("+1234567", None),
                ("+0123456789", None),
                ("2021-03-04", None),
                ("+12345678901234567", None),
            ],
        );
        assert!(is_nanp(b"3035550100"));
        assert!(is_nanp(b"13035550100"));
        assert!(!is_nanp(b"1035550100"));
        assert!(!is_nanp(b"303555010"));
    }

    #[test]
    fn cards_vins_and_accounts_inside_text() {
        check(
            card_at,
            &[
                ("4111 1111 1111 1111", Some(19)),
                ("4111-1111-1111-1111 exp", Some(19)),
                ("4111111111111111", Some(16)),
                ("4111  1111 1111 1111", None),
                ("1234 5678 9012 3456", None),
                ("", None),
            ],
        );
        check(vin_at, &[("1M8GDM9AXKP042788 red", Some(17)), ("1M8GDM9A1KP042788", None), ("short", None)]);
        check(
            iban_at,
            &[
                ("GB82 WEST 1234 5698 7654 32", Some(27)),
                ("GB82WEST12345698765432 paid", Some(22)),
                ("GB82  WEST", None),
                ("GB83 WEST 1234 5698 7654 32", None),
                ("é", None),
            ],
        );
    }
}
