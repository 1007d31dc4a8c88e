//! No personal value of a column stands anywhere in a profile, unless the user asked for it.

use bordereau_profile::document::PersonalDataKind;
use bordereau_profile::settings::PersonalDataMode;
use proptest::prelude::*;

use super::{column_as, file_of, profiled};

fn digits(count: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0_u8..10, count)
}

fn text(digits: &[u8]) -> String {
    digits.iter().map(|digit| char::from(b'0' + digit)).collect()
}

fn card() -> impl Strategy<Value = String> {
    digits(14).prop_map(|rest| {
        let mut all = vec![4];
        all.extend(rest);
        let sum: u32 = all
            .iter()
            .rev()
            .enumerate()
            .map(|(place, digit)| {
                let doubled = u32::from(*digit) * if place % 2 == 0 { 2 } else { 1 };
                doubled / 10 + doubled % 10
            })
            .sum();
        all.push(((10 - sum % 10) % 10) as u8);
        text(&all)
    })
}

/// As 49 CFR 565.15 has them: a check digit at the ninth place, and digits at the last four.
fn vin() -> impl Strategy<Value = String> {
    const LETTERS: &[u8] = b"0123456789ABCDEFGHJKLMNPRSTUVWXYZ";
    const VALUES: &[u32] =
        &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9];
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    (prop::collection::vec(0..LETTERS.len(), 11), prop::collection::vec(0_usize..10, 4)).prop_map(
        |(mut places, last)| {
            places.insert(0, 11);
            places.insert(8, 0);
            places.extend(last);
            let sum: u32 = places.iter().zip(WEIGHTS).map(|(place, weight)| VALUES[*place] * weight).sum();
            let mut vin: Vec<u8> = places.iter().map(|place| LETTERS[*place]).collect();
            vin[8] = if sum % 11 == 10 { b'X' } else { b'0' + (sum % 11) as u8 };
            String::from_utf8(vin).unwrap()
        },
    )
}

fn iban() -> impl Strategy<Value = String> {
    digits(18).prop_map(|account| {
        let turned = format!("{}131400", text(&account));
        let remainder = turned.bytes().fold(0_u32, |sum, digit| (sum * 10 + u32::from(digit - b'0')) % 97);
        format!("DE{:02}{}", 98 - remainder, text(&account))
    })
}

/// A kind, a column's name, whether a value can stand in a sentence, and values.
fn personal() -> impl Strategy<Value = (PersonalDataKind, &'static str, bool, Vec<String>)> {
    use PersonalDataKind::{Address, BirthDate, Email, Iban, PaymentCard, PersonName, Phone, Ssn, Vin};
    let some = |kind, name, alone, value: BoxedStrategy<String>| {
        prop::collection::vec(value, 1..40).prop_map(move |values| (kind, name, alone, values)).boxed()
    };
    let ssn = (1_u32..666, 1_u32..100, 1_u32..10_000).prop_map(|(a, g, s)| (a, g, s));
    prop_oneof![
        some(Email, "contact", true, "[a-z]{2,8}[.][a-z]{2,8}@[a-z]{3,9}[.](com|org)".boxed()),
        some(Phone, "reach", true, "[(][2-9][02-9][0-9][)] [2-9][02-9][0-9]-[0-9]{4}".boxed()),
        some(Phone, "work_phone", false, "[2-9][02-9][0-9][2-9][02-9][0-9][0-9]{4}".boxed()),
        some(Ssn, "x", true, ssn.clone().prop_map(|(a, g, s)| format!("{a:03}-{g:02}-{s:04}")).boxed()),
        some(Ssn, "ssn", false, ssn.prop_map(|(a, g, s)| format!("{a:03}{g:02}{s:04}")).boxed()),
        some(PaymentCard, "x", true, card().boxed()),
        some(Vin, "x", true, vin().boxed()),
        some(Iban, "x", true, iban().boxed()),
        some(PersonName, "insured_name", false, "[A-Z][b-z]{3,8} [B-Z][b-z]{3,9}".boxed()),
        some(Address, "mailing_address", false, "[1-8][0-9]{2,3} [B-Z][b-z]{3,9} Street".boxed()),
        some(
            BirthDate,
            "date_of_birth",
            false,
            (1930_u32..2010, 1_u32..13, 1_u32..29).prop_map(|(y, m, d)| format!("{y}-{m:02}-{d:02}")).boxed(),
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_value_of_a_personal_column_is_seen((kind, name, _, values) in personal()) {
        for pii in [PersonalDataMode::Mask, PersonalDataMode::Drop] {
            let found = column_as(name, &values, pii);
            prop_assert_eq!(found.personal_data.as_ref().map(|data| data.kind), Some(kind), "{:?}", values);
            let file = file_of(name, &values);
            let json = serde_json::to_string(&profiled(&[("data.csv", file.as_bytes())], pii)).unwrap();
            for value in &values {
                prop_assert!(!json.contains(value.as_str()), "{} in {}", value, json);
            }
            prop_assert!(pii == PersonalDataMode::Mask || found.frequent.values.is_empty());
            prop_assert_eq!(found.frequent.masked, pii == PersonalDataMode::Mask);
        }
        let seen = column_as(name, &values, PersonalDataMode::Show);
        prop_assert!(seen.frequent.values.iter().any(|shown| values.contains(&shown.value)));
    }

    #[test]
    fn no_single_personal_value_is_seen((_, _, alone, values) in personal()) {
        prop_assume!(alone);
        let mut notes: Vec<String> = (0..values.len() + 5).map(|n| format!("called {} times about it", n * 3)).collect();
        notes.extend(values.iter().take(5).map(|value| format!("said {value}, wants an answer")));
        for pii in [PersonalDataMode::Mask, PersonalDataMode::Drop] {
            let file = file_of("notes", &notes);
            let json = serde_json::to_string(&profiled(&[("data.csv", file.as_bytes())], pii)).unwrap();
            for value in values.iter().take(5) {
                prop_assert!(!json.contains(value.as_str()), "{} in {}", value, json);
            }
        }
    }
}

#[test]
fn masks_stand_for_values_with_summed_counts() {
    let found = column_as("insured_name", &["Ann Lee", "Bob Ray", "Ann Lee", "Eve Stone"], PersonalDataMode::Mask);
    let shown: Vec<_> = found.frequent.values.iter().map(|value| (value.value.as_str(), value.count)).collect();
    assert_eq!(shown, [("Aaa Aaa", 3), ("Aaa Aaaaa", 1)]);
    assert_eq!(found.strings.min.as_deref(), Some("Aaa Aaa"));
    assert_eq!(found.distinct.value, 3);
    let dropped = column_as("insured_name", &["Ann Lee", "Bob Ray"], PersonalDataMode::Drop);
    assert!(dropped.strings.min.is_none() && dropped.strings.masks.is_empty() && dropped.rarest.is_empty());
}

#[test]
fn numbers_and_days_of_people_are_not_seen() {
    let ssn = column_as("ssn", &["123456789", "234567891"], PersonalDataMode::Mask);
    assert!(ssn.numbers.is_none() && ssn.nulls.sentinel_hints.is_empty());
    let birth = column_as("dob", &["1950-03-04", "1961-05-06"], PersonalDataMode::Mask);
    let dates = birth.dates.unwrap();
    assert_eq!((dates.min.as_str(), dates.histogram.bins.len()), ("9999-99-99", 12));
}
