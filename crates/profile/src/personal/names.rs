//! What a column's name says of personal data, and what its values must look like for the name to be believed.
//!
//! Values of these kinds have no shape of their own: `Smith` may be a person or a town. So the name decides, and the
//! values only have to be possible: a column `driver` of `Y` and `N` holds no names.

use super::words::Words;
use crate::document::PersonalDataKind;

/// Words for people: with `name` they say whose name it is, and alone, at the end, that the column names a person.
const PEOPLE: &[&str] = &[
    "adjuster",
    "adjustor",
    "applicant",
    "attorney",
    "beneficiary",
    "claimant",
    "claimants",
    "contact",
    "customer",
    "dependent",
    "doctor",
    "driver",
    "employee",
    "examiner",
    "holder",
    "insured",
    "investigator",
    "lawyer",
    "manager",
    "member",
    "owner",
    "passenger",
    "patient",
    "payee",
    "person",
    "physician",
    "policyholder",
    "spouse",
    "subscriber",
    "supervisor",
    "surgeon",
    "underwriter",
    "user",
    "witness",
    "worker",
    "cardholder",
    "client",
    "agent",
    "broker",
    "producer",
    "nurse",
    "representative",
    "rep",
    "officer",
    "guardian",
    "child",
    "mother",
    "father",
    "respondent",
    "plaintiff",
    "defendant",
    "tenant",
    "buyer",
    "seller",
];
/// Words that name a person by themselves.
const NAME_WORDS: &[&str] = &[
    "firstname",
    "lastname",
    "middlename",
    "surname",
    "forename",
    "givenname",
    "familyname",
    "maidenname",
    "fullname",
    "fname",
    "lname",
    "prenom",
    "prénom",
    "nachname",
    "vorname",
    "insuredname",
    "claimantname",
    "drivername",
    "employeename",
    "patientname",
    "customername",
    "contactname",
];
/// Words that with `name` say that it is a person's.
const NAME_PARTS: &[&str] =
    &["first", "last", "middle", "given", "family", "maiden", "full", "preferred", "legal", "nick"];
/// Words of names that are not of people, whatever stands beside them.
const NOT_PEOPLE: &[&str] = &[
    "address",
    "addr",
    "age",
    "amount",
    "amt",
    "agency",
    "brand",
    "business",
    "carrier",
    "category",
    "city",
    "class",
    "code",
    "column",
    "company",
    "cost",
    "count",
    "country",
    "county",
    "date",
    "desc",
    "description",
    "dob",
    "email",
    "employer",
    "field",
    "file",
    "flag",
    "gender",
    "group",
    "height",
    "ind",
    "indicator",
    "industry",
    "key",
    "license",
    "licence",
    "make",
    "model",
    "num",
    "number",
    "id",
    "org",
    "organization",
    "pct",
    "phone",
    "plan",
    "product",
    "region",
    "score",
    "sex",
    "size",
    "state",
    "status",
    "street",
    "table",
    "team",
    "type",
    "weight",
    "year",
    "zip",
    "domain",
    "host",
    "server",
    "bank",
    "school",
    "program",
    "project",
    "event",
    "department",
    "office",
    "store",
    "car",
    "vehicle",
    "history",
    "severity",
    "action",
    "percent",
    "share",
    "years",
    "rate",
    "risk",
    "total",
];

/// Words for a postal address.
const ADDRESS: &[&str] =
    &["address", "addr", "street", "streetaddress", "addressline", "adresse", "residence", "anschrift", "strasse"];
/// Words that make of an address something that is none.
const NOT_ADDRESS: &[&str] = &[
    "city",
    "state",
    "zip",
    "zipcode",
    "postal",
    "postcode",
    "country",
    "county",
    "type",
    "code",
    "flag",
    "ind",
    "id",
    "indicator",
    "count",
    "status",
    "email",
    "e",
    "mail",
    "ip",
    "mac",
    "web",
    "url",
    "date",
    "changed",
    "valid",
    "verified",
    "width",
    "class",
    "kind",
    "memory",
    "num",
    "latitude",
    "longitude",
    "quality",
    "score",
    "lat",
    "lon",
];

/// Words for a day of birth.
const BIRTH: &[&str] = &["dob", "birthdate", "birthday", "birth", "dateofbirth", "born", "naissance", "geburtsdatum"];
/// Words that make of a birth something that is no day.
const NOT_BIRTH: &[&str] = &["year", "city", "state", "country", "place", "county", "weight", "order", "flag", "code"];

/// Ends of streets' names, for addresses that are recognised without a name.
const STREETS: &[&str] = &[
    "st",
    "street",
    "ave",
    "avenue",
    "rd",
    "road",
    "blvd",
    "boulevard",
    "dr",
    "drive",
    "ln",
    "lane",
    "ct",
    "court",
    "way",
    "pl",
    "place",
    "ter",
    "terrace",
    "cir",
    "circle",
    "pkwy",
    "parkway",
    "hwy",
    "highway",
    "sq",
    "square",
];

/// What a name says, when the values bear it out.
pub struct NameRule {
    /// The kind of personal data.
    pub kind: PersonalDataKind,
    /// Whether a value can be of it.
    pub possible: fn(&str) -> bool,
    /// Share of the values that must be possible, 0 to 1.
    pub share_min: f64,
}

/// The rules that a column's name calls for, in the order they are to be tried.
pub fn rules(words: &Words) -> Vec<NameRule> {
    let mut rules = Vec::new();
    if (words.has(BIRTH) || words.has_pair(["birth", "date"])) && !words.has(NOT_BIRTH) {
        rules.push(NameRule { kind: PersonalDataKind::BirthDate, possible: is_day_like, share_min: 0.5 });
    }
    if words.has(ADDRESS) && !words.has(NOT_ADDRESS) {
        rules.push(NameRule { kind: PersonalDataKind::Address, possible: is_address_like, share_min: 0.3 });
    }
    if names_people(words) {
        rules.push(NameRule { kind: PersonalDataKind::PersonName, possible: is_name_like, share_min: 0.5 });
    } else if words.ends_in(&["name"]) && words.count() == 1 {
        rules.push(NameRule { kind: PersonalDataKind::PersonName, possible: is_full_name_like, share_min: 0.8 });
    }
    rules
}

/// Whether a name says that a column holds names of people.
fn names_people(words: &Words) -> bool {
    if words.has(NOT_PEOPLE) {
        return false;
    }
    words.has(NAME_WORDS)
        || words.ends_in(PEOPLE)
        || (words.has(&["name"]) && (words.has(PEOPLE) || words.has(NAME_PARTS)))
}

/// At least two letters, few digits, not too long: `Bob`, `O'Brien, Ann-Marie`, `CU Buffs`.
fn is_name_like(text: &str) -> bool {
    let letters = text.chars().filter(|character| character.is_alphabetic()).count();
    let digits = text.chars().filter(char::is_ascii_digit).count();
    letters >= 2 && digits * 4 <= letters && text.chars().count() <= 120 && !text.contains(['@', '_', '|', '='])
}

/// Two to four words that each begin with a capital and are written in letters.
fn is_full_name_like(text: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(char::is_uppercase)
            && word.chars().all(|c| c.is_alphabetic() || matches!(c, '.' | '\'' | '-' | ','))
    };
    (2..=4).contains(&text.split_whitespace().count()) && text.split_whitespace().all(is_word)
}

/// Letters, and either digits or more than one word.
fn is_address_like(text: &str) -> bool {
    let letters = text.chars().filter(|character| character.is_alphabetic()).count();
    let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
    letters >= 3 && (has_digit || text.split_whitespace().count() > 1)
}

/// A house number, a name, and a word that ends a street's name: `1234 Test Street, Anytown CO`.
pub fn is_street_address(text: &str) -> bool {
    let mut words = text.split([' ', ',']).filter(|word| !word.is_empty());
    let numbered =
        words.next().is_some_and(|first| first.len() <= 6 && first.starts_with(|c: char| c.is_ascii_digit()));
    let named = words.next().is_some_and(|second| second.chars().any(char::is_alphabetic));
    let is_street = |word: &str| STREETS.contains(&word.trim_end_matches('.').to_ascii_lowercase().as_str());
    numbered && named && words.take(6).any(is_street)
}

/// Six to eight digits, or digits around `-`, `/`, `.` or the name of a month; a time may follow.
fn is_day_like(text: &str) -> bool {
    let day = text.split(['T', ' ']).next().unwrap_or_default();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let separated = day.bytes().filter(|byte| matches!(byte, b'-' | b'/' | b'.')).count() == 2;
    let plain = day.bytes().all(|byte| byte.is_ascii_digit());
    let has_month = text.split(|c: char| !c.is_alphabetic()).any(|word| word.chars().count() >= 3);
    (separated && digits >= 3) || (plain && (6..=8).contains(&day.len())) || (has_month && digits >= 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str, values: &[&str]) -> Option<PersonalDataKind> {
        rules(&Words::of(name))
            .iter()
            .find(|rule| {
                let possible = values.iter().filter(|value| (rule.possible)(value)).count();
                possible as f64 >= rule.share_min * values.len() as f64
            })
            .map(|rule| rule.kind)
    }

    #[test]
    fn names_of_columns_with_possible_values() {
        use PersonalDataKind::{Address, BirthDate, PersonName};
        for (name, value, expected) in [
            ("insured_name", "CU Buffs", Some(PersonName)),
            ("claim_adjuster", "Bob", Some(PersonName)),
            ("underwriter", "Test Person", Some(PersonName)),
            ("underwriter", "17", None),
            ("injured_worker", "Ann Lee", Some(PersonName)),
            ("injured_worker_name", "LEE, ANN", Some(PersonName)),
            ("injured_worker_city", "Columbia", None),
            ("injured_worker_state", "MO", None),
            ("driver", "Y", None),
            ("driver_age", "44", None),
            ("LastName", "Müller", Some(PersonName)),
            ("name", "Ann Lee", Some(PersonName)),
            ("name", "widget", None),
            ("agency_name", "Smith Partners", None),
            ("policy_city_name", "Anytown", None),
            ("claim_type_code", "WC - Med Only", None),
            ("policy_address", "1234 Anystreet, Anytown, CO", Some(Address)),
            ("mailing_address", "PO Box 12", Some(Address)),
            ("mailing_city", "Anytown", None),
            ("mailing_zip_code", "80309", None),
            ("ip_address", "10.0.0.1", None),
            ("address_type", "home address", None),
            ("date_of_birth", "1950-03-04", Some(BirthDate)),
            ("DOB", "3/4/50", Some(BirthDate)),
            ("dob", "19500304", Some(BirthDate)),
            ("dob", "4 Mar 1950", Some(BirthDate)),
            ("birth_year", "1950", None),
            ("place_of_birth", "Paris", None),
            ("date_of_injury", "6/6/14", None),
        ] {
            assert_eq!(kind(name, &[value]), expected, "{name}: {value}");
        }
    }

    #[test]
    fn streets_without_a_name() {
        for (text, expected) in [
            ("1234 Test Street, Anytown CO 80309", true),
            ("12B Main St.", true),
            ("77 Martin Luther King Blvd", true),
            ("Main Street", false),
            ("1234", false),
            ("12 apples", false),
        ] {
            assert_eq!(is_street_address(text), expected, "{text}");
        }
    }
}
