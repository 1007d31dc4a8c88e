//! Likely personal data: which columns hold it, which single values do, and how a value is shown instead.
//!
//! A column is judged by its name ([`Words`]) and by a sample of its distinct values ([`detect`]), one value by itself
//! by [`found_in`]. What is found is likely, not certain: a rule says with which share of the sample it is believed,
//! and [`PersonalData::reason`] says why in words. [`masked`] is what stands in for a value; two values with the same
//! mask are shown as one. Nothing here knows where in a profile values are shown: `finish` does.

mod checked;
mod names;
mod shapes;
pub mod words;

use words::Words;

use crate::document::{PersonalData, PersonalDataKind};

/// Share of the sample that must have a shape for the column to be taken for it.
const SHARE_MIN: f64 = 0.5;
/// The same when the column's name says it, too.
const NAMED_SHARE_MIN: f64 = 0.05;
/// Share of the values shaped like a card or VIN whose check digit must hold; by chance it is a tenth.
const CHECK_SHARE_MIN: f64 = 0.9;
/// Share of a column that must be shaped like a card or VIN for a single one whose check holds to be taken for chance.
const CHANCE_SHARE_MIN: f64 = 0.5;
/// Bytes of a value that are looked at, as for values of ten megabytes.
const LOOKED_AT_BYTES: usize = 4_096;

/// Digits at the end of a text that was cut, and the bytes among which they are, that may be a part of a longer number.
const BEGUN_DIGITS_MIN: usize = 5;
const BEGUN_BYTES_MAX: usize = 42;

/// Names of columns with each kind that has a shape.
const EMAIL_WORDS: &[&str] = &["email", "mail", "courriel", "emailaddress"];
const PHONE_WORDS: &[&str] = &[
    "phone",
    "telephone",
    "tel",
    "mobile",
    "cell",
    "fax",
    "phonenumber",
    "cellphone",
    "phones",
    "telefon",
    "callback",
];
const SSN_WORDS: &[&str] = &["ssn", "ssns", "social", "socialsecurity", "tin", "itin", "ssnum"];
const CARD_WORDS: &[&str] = &["card", "creditcard", "cardnumber", "cc", "pan", "ccnum"];
const VIN_WORDS: &[&str] = &["vin", "vins", "vinnumber", "vehicleid"];
const IBAN_WORDS: &[&str] = &["iban", "ibans"];

/// What a shape needs to be believed.
struct ShapeRule {
    kind: PersonalDataKind,
    /// What the values are called in the reason.
    plural: &'static str,
    /// Whether a value has the shape by itself.
    has_shape: fn(&str) -> bool,
    /// Whether a value can be of the kind in a column whose name says it.
    is_possible: fn(&str) -> bool,
    names: &'static [&'static str],
}

/// In the order they are tried: those with a check before those without.
const SHAPES: &[ShapeRule] = &[
    ShapeRule {
        kind: PersonalDataKind::Email,
        plural: "e-mail addresses",
        has_shape: |text| whole(text, shapes::email_at),
        is_possible: |text| whole(text, shapes::email_at),
        names: EMAIL_WORDS,
    },
    ShapeRule {
        kind: PersonalDataKind::Iban,
        plural: "international bank account numbers (remainder of 97)",
        has_shape: |text| whole(text, shapes::iban_at),
        is_possible: |text| whole(text, shapes::iban_at) || digits_of(text).len() >= 8,
        names: IBAN_WORDS,
    },
    ShapeRule {
        kind: PersonalDataKind::Ssn,
        plural: "social security numbers in valid ranges",
        has_shape: |text| whole(text, shapes::ssn_at),
        is_possible: |text| whole(text, shapes::ssn_at) || is_plain_ssn(text),
        names: SSN_WORDS,
    },
    ShapeRule {
        kind: PersonalDataKind::PaymentCard,
        plural: "payment card numbers (prefix and check digit)",
        has_shape: |text| whole(text, shapes::card_at),
        is_possible: |text| whole(text, shapes::card_at),
        names: CARD_WORDS,
    },
    ShapeRule {
        kind: PersonalDataKind::Vin,
        plural: "vehicle identification numbers (check digit)",
        has_shape: |text| whole(text, shapes::vin_at),
        is_possible: |text| is_possible_vin(text),
        names: VIN_WORDS,
    },
    ShapeRule {
        kind: PersonalDataKind::Phone,
        plural: "telephone numbers",
        has_shape: |text| whole(text, shapes::phone_at),
        is_possible: |text| is_possible_phone(text),
        names: PHONE_WORDS,
    },
];

/// Judges a column by its name and by distinct values of it, nulls and their spellings apart. The order of the values
/// does not matter; an empty sample gives `None`.
pub fn detect(name: &str, distinct_values: &[&str]) -> Option<PersonalData> {
    if distinct_values.is_empty() {
        return None;
    }
    let words = Words::of(name);
    SHAPES
        .iter()
        .find_map(|rule| by_shape(rule, &words, distinct_values))
        .or_else(|| by_name(&words, distinct_values))
        .or_else(|| by_street(distinct_values))
}

fn by_shape(rule: &ShapeRule, words: &Words, values: &[&str]) -> Option<PersonalData> {
    let has_shape = share_of(values, rule.has_shape);
    if has_shape >= SHARE_MIN && check_is_no_chance(rule.kind, values) {
        let reason =
            format!("{} of {} distinct values looked at are {}", percent(has_shape), values.len(), rule.plural);
        return Some(PersonalData { kind: rule.kind, share: has_shape, reason });
    }
    if !words.has(rule.names) || is_about(words) {
        return None;
    }
    let is_possible = share_of(values, rule.is_possible);
    let needed = if has_shape >= NAMED_SHARE_MIN { NAMED_SHARE_MIN } else { SHARE_MIN };
    (is_possible >= needed).then(|| PersonalData {
        kind: rule.kind,
        share: has_shape,
        reason: format!(
            "its name says so, and {} of {} distinct values looked at can be {}",
            percent(is_possible),
            values.len(),
            rule.plural
        ),
    })
}

/// Whether the last word says that the column is about something personal, and does not hold it: `email_flag`.
fn is_about(words: &Words) -> bool {
    words.ends_in(&[
        "flag",
        "type",
        "count",
        "ind",
        "indicator",
        "code",
        "status",
        "date",
        "valid",
        "verified",
        "brand",
    ])
}

/// Whether enough of the values shaped like a card or VIN pass their check; others have no shape without the check.
fn check_is_no_chance(kind: PersonalDataKind, values: &[&str]) -> bool {
    let shaped: fn(&str) -> bool = match kind {
        PersonalDataKind::PaymentCard => is_card_shaped,
        PersonalDataKind::Vin => is_vin_shaped,
        _ => return true,
    };
    let passing: fn(&str) -> bool = match kind {
        PersonalDataKind::PaymentCard => |text| whole(text, shapes::card_at),
        _ => |text| whole(text, shapes::vin_at),
    };
    let shaped = values.iter().filter(|text| shaped(text)).count();
    let passing = values.iter().filter(|text| passing(text)).count();
    passing as f64 >= CHECK_SHARE_MIN * shaped as f64
}

fn by_name(words: &Words, values: &[&str]) -> Option<PersonalData> {
    names::rules(words).into_iter().find_map(|rule| {
        let possible = share_of(values, rule.possible);
        let what = match rule.kind {
            PersonalDataKind::BirthDate => "days",
            PersonalDataKind::Address => "addresses",
            _ => "names",
        };
        (possible >= rule.share_min).then(|| PersonalData {
            kind: rule.kind,
            share: possible,
            reason: format!(
                "its name says so, and {} of {} distinct values looked at can be {what}",
                percent(possible),
                values.len()
            ),
        })
    })
}

fn by_street(values: &[&str]) -> Option<PersonalData> {
    let share = share_of(values, names::is_street_address);
    (share >= SHARE_MIN).then(|| PersonalData {
        kind: PersonalDataKind::Address,
        share,
        reason: format!("{} of {} distinct values looked at begin like an address", percent(share), values.len()),
    })
}

/// Which kinds one value of a column is searched for: all shapes, less those that its values have by chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Searched {
    cards: bool,
    vins: bool,
}

impl Searched {
    /// All kinds but cards or VINs, when half of the values are shaped like them: a tenth of those passes by chance, as
    /// in a column of numbers of 16 digits.
    pub fn of(distinct_values: &[&str]) -> Self {
        let rare = |shaped: fn(&str) -> bool| share_of(distinct_values, shaped) < CHANCE_SHARE_MIN;
        Self { cards: rare(is_card_shaped), vins: rare(is_vin_shaped) }
    }
}

/// The first personal data that stands in a value, the whole of it or a part: an e-mail address, a telephone number
/// with separators or `+`, a social security number with hyphens, a payment card, a VIN, an IBAN. A text that was cut
/// (it ends in `…`) may end in a part of such, which is found, too: in a word with `@`, or in a number that goes on to
/// the cut.
pub fn found_in(text: &str, searched: Searched) -> Option<PersonalDataKind> {
    let bytes = text.as_bytes();
    let bytes = &bytes[..bytes.len().min(LOOKED_AT_BYTES)];
    (0..bytes.len()).filter(|at| may_begin(bytes, *at)).find_map(|at| kind_at(bytes, at, searched)).or_else(|| {
        let cut = text.strip_suffix('…')?;
        let word = cut.rsplit(' ').next()?;
        if word.contains('@') { Some(PersonalDataKind::Email) } else { begun_number(cut) }
    })
}

/// A number that a cut text ends in, which may be the beginning of that of a card, an account or a telephone.
fn begun_number(cut: &str) -> Option<PersonalDataKind> {
    let of_number = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_uppercase() || b" -.()+/".contains(byte);
    let end = cut.bytes().rev().take_while(of_number).take(BEGUN_BYTES_MAX);
    (end.filter(u8::is_ascii_digit).count() >= BEGUN_DIGITS_MIN).then_some(PersonalDataKind::Phone)
}

/// Whether personal data may begin at `at`: not within a word or number.
fn may_begin(bytes: &[u8], at: usize) -> bool {
    let in_number = |at: usize| at > 0 && bytes[at - 1].is_ascii_digit();
    match at.checked_sub(1).map(|before| bytes[before]) {
        None => true,
        Some(before) if before.is_ascii_alphanumeric() || before == b'_' => false,
        Some(b'.' | b'-' | b',' | b'/' | b'+') => !in_number(at - 1),
        Some(_) => true,
    }
}

/// Bytes of the shape that a text begins with.
type ReadShape = fn(&[u8]) -> Option<usize>;

fn kind_at(bytes: &[u8], at: usize, searched: Searched) -> Option<PersonalDataKind> {
    let rest = &bytes[at..];
    let ends_well = |length: &usize| may_end(bytes, at + length);
    let digit = matches!(rest[0], b'0'..=b'9' | b'+' | b'(');
    let checks: [(bool, PersonalDataKind, ReadShape); 6] = [
        (rest[0] != b'(', PersonalDataKind::Email, shapes::email_at),
        (digit, PersonalDataKind::Ssn, shapes::ssn_at),
        (digit, PersonalDataKind::Phone, shapes::phone_at),
        (digit && searched.cards, PersonalDataKind::PaymentCard, shapes::card_at),
        (searched.vins && rest[0].is_ascii_alphanumeric(), PersonalDataKind::Vin, shapes::vin_at),
        (rest[0].is_ascii_alphabetic(), PersonalDataKind::Iban, shapes::iban_at),
    ];
    checks.into_iter().find_map(|(tried, kind, reader)| {
        let found = tried.then(|| reader(rest)).flatten();
        found.filter(ends_well).map(|_| kind)
    })
}

/// Whether what ends before `end` is not the beginning of a longer word or number.
fn may_end(bytes: &[u8], end: usize) -> bool {
    let digit_follows = bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
    match bytes.get(end) {
        None => true,
        Some(byte) if byte.is_ascii_alphanumeric() || *byte == b'_' => false,
        Some(b'.' | b'-' | b',' | b'/') => !digit_follows,
        Some(_) => true,
    }
}

/// The mask of a value: `A` for a capital, `a` for any other letter, `9` for a digit, everything else as it is. A mask
/// is its own mask.
pub fn masked(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            _ if character.is_uppercase() => 'A',
            _ if character.is_alphabetic() => 'a',
            _ if character.is_numeric() => '9',
            _ => character,
        })
        .collect()
}

fn whole(text: &str, reader: ReadShape) -> bool {
    let text = text.trim();
    text.len() <= LOOKED_AT_BYTES && reader(text.as_bytes()) == Some(text.len())
}

fn is_card_shaped(text: &str) -> bool {
    let only_digits = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b' ' | b'-'));
    only_digits && checked::is_card_shaped(&digits_of(text))
}

fn is_vin_shaped(text: &str) -> bool {
    checked::is_vin_shaped(text.trim().as_bytes())
}

/// Seven to nine digits that are a social security number once the leading zeros that a spreadsheet drops are back.
fn is_plain_ssn(text: &str) -> bool {
    let text = text.trim().as_bytes();
    let mut digits = [b'0'; 9];
    if !(7..=9).contains(&text.len()) {
        return false;
    }
    digits[9 - text.len()..].copy_from_slice(text);
    shapes::is_ssn(&digits)
}

/// Eleven to seventeen letters and digits, with digits among them, as VINs were before 1981 or are cut.
fn is_possible_vin(text: &str) -> bool {
    let text = text.trim().as_bytes();
    (11..=17).contains(&text.len()) && text.iter().all(u8::is_ascii_alphanumeric) && text.iter().any(u8::is_ascii_digit)
}

/// Seven to fifteen digits with what people write between them, and perhaps an extension.
fn is_possible_phone(text: &str) -> bool {
    let number = text.split(['x', 'X', 'e', 'E']).next().unwrap_or_default();
    let digits = digits_of(number);
    let allowed = |byte: u8| byte.is_ascii_digit() || matches!(byte, b' ' | b'-' | b'.' | b'(' | b')' | b'+' | b'/');
    (shapes::is_nanp(&digits) || (7..=15).contains(&digits.len())) && number.bytes().all(allowed)
}

fn digits_of(text: &str) -> Vec<u8> {
    text.bytes().take(LOOKED_AT_BYTES).filter(u8::is_ascii_digit).collect()
}

fn share_of(values: &[&str], is: fn(&str) -> bool) -> f64 {
    let count = values.iter().filter(|value| is(value)).count();
    if values.is_empty() { 0.0 } else { count as f64 / values.len() as f64 }
}

/// A share in percent, never rounded to 0 or 100 unless it is.
fn percent(share: f64) -> String {
    let percent = (share * 100.0).round();
    let percent = if share < 1.0 { percent.min(99.0) } else { percent };
    format!("{} %", if share > 0.0 { percent.max(1.0) } else { percent })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Searched = Searched { cards: true, vins: true };

    #[test]
    fn columns_by_name_and_values() {
        use PersonalDataKind::{Address, Email, Iban, PaymentCard, PersonName, Phone, Ssn, Vin};
        let cases: &[(&str, &[&str], Option<PersonalDataKind>)] = &[
            ("x", &["a@b.com", "c@d.org"], Some(Email)),
            ("x", &["a@b.com", "none", "unknown"], None),
            ("email", &["a@b.com", "none", "unknown"], Some(Email)),
            ("email_flag", &["Y", "N"], None),
            ("x", &["303-555-0100", "(303) 555-0101"], Some(Phone)),
            ("x", &["3035550100", "3035550101"], None),
            ("work_phone", &["3035550100", "3035550101"], Some(Phone)),
            ("phone_type", &["3035550100"], None),
            ("x", &["123-45-6789", "219-09-9999"], Some(Ssn)),
            ("x", &["123456789", "219099999"], None),
            ("ssn", &["123456789", "12345678"], Some(Ssn)),
            ("ssn_verified", &["Y", "N"], None),
            ("x", &["4111111111111111", "5555555555554444"], Some(PaymentCard)),
            ("x", &["4111111111111111", "5555555555554445"], None),
            ("card_brand", &["VISA"], None),
            ("x", &["1M8GDM9AXKP042788", "5GZCZ43D13S812715"], Some(Vin)),
            ("unit_vin", &["1ABCD23EFG567890"], Some(Vin)),
            ("unit_reference", &["1ABCD23EFG567890"], None),
            ("x", &["GB82 WEST 1234 5698 7654 32"], Some(Iban)),
            ("insured_name", &["CU Buffs", "Test Submit"], Some(PersonName)),
            ("x", &["12 Main St", "7 Oak Avenue"], Some(Address)),
            ("state", &["CO", "NY"], None),
            ("x", &[], None),
            ("amount", &["12.5", "-3"], None),
            ("policy_number", &["1234Test", "test123"], None),
        ];
        for (name, values, expected) in cases {
            assert_eq!(detect(name, values).map(|found| found.kind), *expected, "{name} {values:?}");
        }
    }

    #[test]
    fn one_value_by_itself() {
        use PersonalDataKind::{Email, Iban, PaymentCard, Phone, Ssn, Vin};
        for (text, expected) in [
            ("write to bob@example.com, please", Some(Email)),
            ("<bob@example.com>", Some(Email)),
            ("call (303) 555-0100.", Some(Phone)),
            ("call +44 20 7946 0958", Some(Phone)),
            ("SSN:123-45-6789", Some(Ssn)),
            ("1123-45-6789", None),
            ("123-45-67890", None),
            ("0.4111111111111111", None),
            ("card 4111 1111 1111 1111 exp 01/30", Some(PaymentCard)),
            ("1M8GDM9AXKP042788 is red", Some(Vin)),
            ("pay GB82WEST12345698765432", Some(Iban)),
            ("long text that ends in bob@exa…", Some(Email)),
            ("long text that ends in 123-45-67…", Some(Phone)),
            ("long text that ends in DE89 3704 0044…", Some(Phone)),
            ("long text of 2021…", None),
            ("123-45-67 is in the middle of a long text…", None),
            ("2021-03-04", None),
            ("working by stove", None),
            ("1234567890", None),
            ("", None),
            ("…", None),
            ("日本語 a@b", None),
        ] {
            assert_eq!(found_in(text, ALL), expected, "{text}");
        }
    }

    #[test]
    fn numbers_that_pass_by_chance_are_no_cards() {
        let ids: Vec<String> = (0..200_u64).map(|id| format!("4{:015}", id * 7_919)).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        assert_eq!(detect("transaction", &ids), None);
        let searched = Searched::of(&ids);
        assert!(ids.iter().all(|id| found_in(id, searched).is_none()));
        assert!(ids.iter().any(|id| found_in(id, ALL).is_some()));
    }

    #[test]
    fn masks_are_their_own_masks() {
        for (text, expected) in
            [("José Müller", "Aaaa Aaaaaa"), ("123-45-6789", "999-99-9999"), ("張偉 №٣", "aa №9"), ("", "")]
        {
            assert_eq!(masked(text), expected);
            assert_eq!(masked(expected), expected);
        }
    }

    #[test]
    fn shares_are_not_rounded_to_none_or_all() {
        assert_eq!(percent(0.999), "99 %");
        assert_eq!(percent(0.001), "1 %");
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent(0.0), "0 %");
    }
}
