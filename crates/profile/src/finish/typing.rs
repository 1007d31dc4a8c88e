//! The type of a column, from what all its values read as.
//!
//! A type is chosen when at least 95 % of the values fit it; the rules are tried in the order of [`choose`]. They are a
//! pure function of [`Evidence`], a few counts, so that each stands in a table of tests. `docs/profile.md` says them to
//! users.

use crate::column::{NumberStyles, Votes};
use crate::document::{LogicalType, PersonalDataKind};
use crate::personal::words::Words;

/// Percent of the values that must fit a type.
const FIT_PERCENT: u64 = 95;
/// Distinct values that a category may have, and how often each must occur on average.
const CATEGORY_RULES: [(u64, u64); 2] = [(200, 2), (1_000, 20)];
/// Characters of the longest value of a category, and of a code.
const CATEGORY_LENGTH_MAX: u64 = 100;
const CODE_LENGTH_MAX: u64 = 64;
/// Digits from which an integer is no longer exact as a 64-bit float.
const LONG_DIGITS: u64 = 16;
/// One of so many values must have leading zeros for the column to be a code when widths differ.
const PADDED_ONE_OF: u64 = 1_000;
/// Distinct days that eight digits must be for a column of them to be dates.
const COMPACT_DISTINCT_MIN: u64 = 3;

/// How `1,234` is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Commas {
    /// As 1234.
    Grouping,
    /// As 1.234.
    Decimal,
}

/// How the comma is read, and how that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CommaBasis {
    pub(super) commas: Commas,
    /// Whether other values of the column say so.
    pub(super) evidence: bool,
}

/// Decides what the comma is: a decimal comma when more values certainly have one than a decimal point.
pub(super) fn comma_basis(styles: &NumberStyles) -> CommaBasis {
    if styles.decimal_comma > styles.decimal_point {
        return CommaBasis { commas: Commas::Decimal, evidence: true };
    }
    let grouped_surely = styles.grouped > styles.ambiguous_comma + styles.decimal_comma;
    CommaBasis { commas: Commas::Grouping, evidence: styles.decimal_point > 0 || grouped_surely }
}

/// What spellings of true and false there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Truths {
    /// Values that say true, `1` included.
    pub(super) trues: u64,
    /// Values that say false, `0` included.
    pub(super) falses: u64,
    /// Of both, those of one digit.
    pub(super) digits: u64,
    /// Of both, words of more than one letter: `yes`, not `Y`.
    pub(super) words: u64,
}

/// What the type is decided by.
#[derive(Debug, Clone)]
pub(super) struct Evidence<'a> {
    /// The column's name.
    pub(super) name: &'a Words,
    /// Likely personal data.
    pub(super) personal: Option<PersonalDataKind>,
    /// Values, nulls apart.
    pub(super) values: u64,
    /// By what they read as.
    pub(super) votes: Votes,
    /// Eight digits that are a day, within `votes.date`.
    pub(super) compact: u64,
    /// Digits with leading zeros.
    pub(super) zero_padded: u64,
    /// How numbers are written.
    pub(super) styles: NumberStyles,
    /// How `1,234` is read.
    pub(super) commas: Commas,
    /// Spellings of true and false.
    pub(super) truths: Truths,
    /// Distinct values.
    pub(super) distinct: u64,
    /// Characters.
    pub(super) length_min: u64,
    pub(super) length_max: u64,
    /// Values with a digit.
    pub(super) with_digits: u64,
    /// Values of the three most frequent masks that have a letter and a digit, and no blank.
    pub(super) patterned: u64,
}

/// The type that was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) logical: LogicalType,
    /// Values of that type.
    pub(super) fits: u64,
    /// Why it is a code.
    pub(super) code_reason: Option<&'static str>,
}

impl Evidence<'_> {
    fn is_most(&self, count: u64) -> bool {
        u128::from(count) * 100 >= u128::from(self.values) * u128::from(FIT_PERCENT)
    }

    fn integers(&self) -> u64 {
        match self.commas {
            Commas::Grouping => self.votes.integer,
            Commas::Decimal => self.votes.integer.saturating_sub(self.styles.ambiguous_comma),
        }
    }

    fn decimals(&self) -> u64 {
        match self.commas {
            Commas::Grouping => self.votes.decimal,
            Commas::Decimal => self.votes.decimal + self.styles.ambiguous_comma.min(self.votes.integer),
        }
    }

    /// Days that are not just eight digits.
    fn days(&self) -> u64 {
        self.votes.date.saturating_sub(self.compact)
    }

    /// Whether most values are whole numbers of digits only.
    fn is_digits(&self) -> bool {
        let styles = &self.styles;
        let plain = styles.grouped + styles.currency + styles.percent + styles.parentheses == 0;
        plain && self.votes.decimal == 0 && self.is_most(self.votes.integer)
    }
}

/// Chooses the type: the first of empty, boolean, date, code, number, category, text that fits.
pub(super) fn choose(evidence: &Evidence<'_>) -> Choice {
    if evidence.values == 0 {
        return Choice { logical: LogicalType::Empty, fits: 0, code_reason: None };
    }
    boolean(evidence)
        .or_else(|| temporal(evidence))
        .or_else(|| code(evidence))
        .or_else(|| number(evidence))
        .unwrap_or_else(|| text(evidence))
}

/// Both meanings occur, written with letters; or with digits and a name that says so; or one meaning, as a word or with
/// such a name.
fn boolean(evidence: &Evidence<'_>) -> Option<Choice> {
    let Truths { trues, falses, digits, words } = evidence.truths;
    let said = trues + falses;
    let named = evidence.name.has(&["flag", "is", "has", "ind", "indicator", "bool", "boolean", "yn"]);
    let both = trues > 0 && falses > 0;
    let letters = said - digits;
    let fits = if letters == 0 {
        named && said == evidence.values
    } else if both {
        evidence.is_most(said) && (letters * 20 >= said)
    } else {
        said == evidence.values && (words == said || named)
    };
    fits.then_some(Choice { logical: LogicalType::Boolean, fits: said, code_reason: None })
}

fn temporal(evidence: &Evidence<'_>) -> Option<Choice> {
    let chosen = |logical, fits| Some(Choice { logical, fits, code_reason: None });
    if evidence.is_most(evidence.votes.datetime) {
        return chosen(LogicalType::Datetime, evidence.votes.datetime);
    }
    if evidence.is_most(evidence.days()) {
        return chosen(LogicalType::Date, evidence.days());
    }
    if evidence.is_most(evidence.days() + evidence.votes.datetime) {
        return chosen(LogicalType::Datetime, evidence.days() + evidence.votes.datetime);
    }
    let named = evidence.name.has(&["date", "day", "dt", "dob", "birth", "birthdate", "effective", "expiration"]);
    let eight = evidence.length_min == 8 && evidence.length_max == 8;
    if eight && evidence.is_most(evidence.votes.date) && (named || evidence.distinct >= COMPACT_DISTINCT_MIN) {
        return chosen(LogicalType::Date, evidence.votes.date);
    }
    None
}

fn code(evidence: &Evidence<'_>) -> Option<Choice> {
    let digits = evidence.is_digits();
    let fixed_width = evidence.length_min == evidence.length_max;
    let chosen = |reason, fits| Some(Choice { logical: LogicalType::Code, fits, code_reason: Some(reason) });
    if let Some(reason) = personal_code(evidence.personal) {
        return chosen(reason, evidence.values);
    }
    if digits {
        if let Some(reason) = code_hint(evidence.name) {
            return chosen(reason, evidence.votes.integer);
        }
        if evidence.zero_padded > 0 && (fixed_width || evidence.zero_padded * PADDED_ONE_OF >= evidence.values) {
            return chosen("zero_padded", evidence.votes.integer);
        }
        if evidence.length_min >= LONG_DIGITS {
            return chosen("long_digits", evidence.votes.integer);
        }
        return None;
    }
    let numbers = evidence.votes.integer + evidence.votes.decimal;
    if evidence.is_most(numbers) || evidence.length_max > CODE_LENGTH_MAX {
        return None;
    }
    if evidence.with_digits * 2 > evidence.values
        && let Some(reason) = code_hint(evidence.name)
    {
        return chosen(reason, evidence.values);
    }
    let patterned = evidence.is_most(evidence.patterned) && !is_category(evidence) && evidence.distinct > 1;
    patterned.then_some(Choice { logical: LogicalType::Code, fits: evidence.patterned, code_reason: Some("pattern") })
}

fn number(evidence: &Evidence<'_>) -> Option<Choice> {
    let (integers, decimals) = (evidence.integers(), evidence.decimals());
    if !evidence.is_most(integers + decimals) {
        return None;
    }
    let logical = if decimals == 0 { LogicalType::Integer } else { LogicalType::Number };
    Some(Choice { logical, fits: integers + decimals, code_reason: None })
}

fn text(evidence: &Evidence<'_>) -> Choice {
    let logical = if is_category(evidence) { LogicalType::Category } else { LogicalType::Text };
    Choice { logical, fits: evidence.values, code_reason: None }
}

/// Few distinct values, each of which occurs several times on average, none long.
fn is_category(evidence: &Evidence<'_>) -> bool {
    evidence.length_max <= CATEGORY_LENGTH_MAX
        && CATEGORY_RULES.iter().any(|(distinct_max, times)| {
            evidence.distinct <= *distinct_max && evidence.distinct.saturating_mul(*times) <= evidence.values
        })
}

/// Personal data that is no number though it may be digits.
fn personal_code(kind: Option<PersonalDataKind>) -> Option<&'static str> {
    match kind? {
        PersonalDataKind::Vin => Some("vin"),
        PersonalDataKind::Ssn => Some("ssn"),
        PersonalDataKind::Phone => Some("phone"),
        PersonalDataKind::PaymentCard => Some("payment_card"),
        PersonalDataKind::Iban => Some("iban"),
        _ => None,
    }
}

/// Why a column of digits with such a name is a code.
fn code_hint(name: &Words) -> Option<&'static str> {
    const NUMBERS: &[&str] = &["number", "num", "no", "nbr", "nr"];
    if name.has(&["zip", "zipcode", "zip3", "zip5", "postcode", "postal", "postalcode", "cp"]) {
        Some("zip_code")
    } else if name.has(&["vin"]) {
        Some("vin")
    } else if name.has(&["npi"]) {
        Some("npi")
    } else if name.ends_in(&["ssn"]) {
        Some("ssn")
    } else if name.ends_in(&["phone", "telephone", "fax", "mobile"]) {
        Some("phone")
    } else if name.ends_in(&["class"]) || (name.has(&["class"]) && name.ends_in(&["code", "cd", "number", "no"])) {
        Some("class_code")
    } else if name
        .ends_in(&["code", "codes", "cd", "naics", "sic", "icd", "cpt", "fips", "insee", "fein", "ein", "isbn"])
    {
        Some("code")
    } else if name.has(&["policy", "pol"]) && name.ends_in(NUMBERS) {
        Some("policy_number")
    } else if name.ends_in(NUMBERS)
        || name.ends_in(&["identifier", "key", "guid", "uuid", "reference", "ref", "account", "acct", "serial"])
        || name.has(&["id"])
    {
        Some("identifier")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Case {
        name: &'static str,
        values: u64,
        /// Integer, decimal, date, datetime, boolean, string.
        votes: [u64; 6],
        change: fn(&mut Evidence<'_>),
        expected: (LogicalType, u64, Option<&'static str>),
    }

    fn chosen(case: &Case) -> (LogicalType, u64, Option<&'static str>) {
        let [integer, decimal, date, datetime, boolean, string] = case.votes;
        let words = Words::of(case.name);
        let mut evidence = Evidence {
            name: &words,
            personal: None,
            values: case.values,
            votes: Votes { integer, decimal, date, datetime, boolean, string },
            compact: 0,
            zero_padded: 0,
            styles: NumberStyles::default(),
            commas: Commas::Grouping,
            truths: Truths::default(),
            distinct: case.values,
            length_min: 1,
            length_max: 9,
            with_digits: integer + decimal + date + datetime,
            patterned: 0,
        };
        (case.change)(&mut evidence);
        let choice = choose(&evidence);
        (choice.logical, choice.fits, choice.code_reason)
    }

    fn case(
        name: &'static str,
        values: u64,
        votes: [u64; 6],
        change: fn(&mut Evidence<'_>),
        expected: (LogicalType, u64, Option<&'static str>),
    ) -> Case {
        Case { name, values, votes, change, expected }
    }

    fn check(cases: &[Case]) {
        for case in cases {
            assert_eq!(chosen(case), case.expected, "{} {:?}", case.name, case.votes);
        }
    }

    const NONE: fn(&mut Evidence<'_>) = |_| {};

    #[test]
    fn numbers_and_texts() {
        use LogicalType::{Category, Empty, Integer, Number, Text};
        check(&[
            case("x", 0, [0; 6], NONE, (Empty, 0, None)),
            case("x", 100, [100, 0, 0, 0, 0, 0], NONE, (Integer, 100, None)),
            case("x", 100, [95, 0, 0, 0, 0, 5], NONE, (Integer, 95, None)),
            case("x", 100, [94, 0, 0, 0, 0, 6], NONE, (Text, 100, None)),
            case("x", 100, [99, 1, 0, 0, 0, 0], NONE, (Number, 100, None)),
            case("x", 100, [0, 96, 0, 0, 0, 4], NONE, (Number, 96, None)),
            case("x", 100, [0, 0, 0, 0, 0, 100], NONE, (Text, 100, None)),
            case("x", 100, [0, 0, 0, 0, 0, 100], |e| e.distinct = 50, (Category, 100, None)),
            case("x", 100, [0, 0, 0, 0, 0, 100], |e| e.distinct = 51, (Text, 100, None)),
            case("x", 20_000, [0, 0, 0, 0, 0, 20_000], |e| e.distinct = 1_000, (Category, 20_000, None)),
            case("x", 20_000, [0, 0, 0, 0, 0, 20_000], |e| e.distinct = 1_001, (Text, 20_000, None)),
            case("x", 100, [0, 0, 0, 0, 0, 100], |e| (e.distinct, e.length_max) = (3, 101), (Text, 100, None)),
        ]);
    }

    #[test]
    fn days_and_times() {
        use LogicalType::{Date, Datetime, Integer, Text};
        let compact: fn(&mut Evidence<'_>) = |e| (e.compact, e.length_min, e.length_max) = (e.votes.date, 8, 8);
        let few: fn(&mut Evidence<'_>) =
            |e| (e.compact, e.length_min, e.length_max, e.distinct) = (e.votes.date, 8, 8, 2);
        check(&[
            case("x", 100, [0, 0, 95, 0, 0, 5], NONE, (Date, 95, None)),
            case("x", 100, [0, 0, 0, 95, 0, 5], NONE, (Datetime, 95, None)),
            case("x", 100, [0, 0, 50, 50, 0, 0], NONE, (Datetime, 100, None)),
            case("x", 100, [0, 0, 50, 40, 0, 10], NONE, (Text, 100, None)),
            case("x", 100, [100, 0, 100, 0, 0, 0], compact, (Date, 100, None)),
            case("x", 100, [100, 0, 100, 0, 0, 0], few, (Integer, 100, None)),
            case("loss_date", 100, [100, 0, 100, 0, 0, 0], few, (Date, 100, None)),
            case("x", 100, [100, 0, 60, 0, 0, 0], compact, (Integer, 100, None)),
        ]);
    }

    #[test]
    fn booleans() {
        use LogicalType::{Boolean, Category, Integer};
        let yes_no: fn(&mut Evidence<'_>) =
            |e| (e.truths, e.distinct) = (Truths { trues: 60, falses: 40, digits: 0, words: 0 }, 2);
        let digits: fn(&mut Evidence<'_>) =
            |e| (e.truths, e.distinct) = (Truths { trues: 60, falses: 40, digits: 100, words: 0 }, 2);
        let mixed: fn(&mut Evidence<'_>) =
            |e| (e.truths, e.distinct) = (Truths { trues: 60, falses: 40, digits: 50, words: 0 }, 4);
        let only_n: fn(&mut Evidence<'_>) =
            |e| (e.truths, e.distinct) = (Truths { trues: 0, falses: 96, digits: 0, words: 0 }, 2);
        let all_f: fn(&mut Evidence<'_>) =
            |e| (e.truths, e.distinct) = (Truths { trues: 0, falses: 100, digits: 0, words: 0 }, 1);
        let all_false: fn(&mut Evidence<'_>) =
            |e| (e.truths, e.distinct) = (Truths { trues: 0, falses: 100, digits: 0, words: 100 }, 1);
        check(&[
            case("x", 100, [0, 0, 0, 0, 100, 0], yes_no, (Boolean, 100, None)),
            case("x", 105, [0, 0, 0, 0, 100, 5], yes_no, (Boolean, 100, None)),
            case("x", 110, [0, 0, 0, 0, 100, 10], yes_no, (Category, 110, None)),
            case("x", 100, [100, 0, 0, 0, 100, 0], digits, (Integer, 100, None)),
            case("litigation_flag", 100, [100, 0, 0, 0, 100, 0], digits, (Boolean, 100, None)),
            case("x", 100, [50, 0, 0, 0, 100, 0], mixed, (Boolean, 100, None)),
            case("new_renew", 100, [0, 0, 0, 0, 96, 4], only_n, (Category, 100, None)),
            case("sex", 100, [0, 0, 0, 0, 100, 0], all_f, (Category, 100, None)),
            case("sex_flag", 100, [0, 0, 0, 0, 100, 0], all_f, (Boolean, 100, None)),
            case("x", 100, [0, 0, 0, 0, 100, 0], all_false, (Boolean, 100, None)),
        ]);
    }

    #[test]
    fn codes() {
        use LogicalType::{Code, Integer, Number, Text};
        let all = [100, 0, 0, 0, 0, 0];
        let texts = [0, 0, 0, 0, 0, 100];
        check(&[
            case("policy_zip_code", 100, all, NONE, (Code, 100, Some("zip_code"))),
            case("class_code", 100, all, NONE, (Code, 100, Some("class_code"))),
            case("body_part_code", 100, all, NONE, (Code, 100, Some("code"))),
            case("policy_num", 100, all, NONE, (Code, 100, Some("policy_number"))),
            case("dot_number", 100, all, NONE, (Code, 100, Some("identifier"))),
            case("IDpol", 100, all, NONE, (Code, 100, Some("identifier"))),
            case("provider_npi", 100, all, NONE, (Code, 100, Some("npi"))),
            case("num_claims", 100, all, NONE, (Integer, 100, None)),
            case("claim_nb", 100, all, NONE, (Integer, 100, None)),
            case("policy_num", 100, [99, 1, 0, 0, 0, 0], NONE, (Number, 100, None)),
            case("policy_num", 100, all, |e| e.styles.currency = 3, (Integer, 100, None)),
            case("x", 100, all, |e| (e.zero_padded, e.length_min) = (1, 9), (Code, 100, Some("zero_padded"))),
            case("x", 100, all, |e| e.zero_padded = 1, (Code, 100, Some("zero_padded"))),
            case("x", 100_000, [100_000, 0, 0, 0, 0, 0], |e| e.zero_padded = 1, (Integer, 100_000, None)),
            case("x", 100, all, |e| (e.length_min, e.length_max) = (16, 18), (Code, 100, Some("long_digits"))),
            case("unit_vin", 100, texts, |e| e.with_digits = 100, (Code, 100, Some("vin"))),
            case("policy_number", 100, texts, |e| e.with_digits = 100, (Code, 100, Some("policy_number"))),
            case("policy_number", 100, texts, NONE, (Text, 100, None)),
            case("x", 100, texts, |e| e.patterned = 95, (Code, 95, Some("pattern"))),
            case("x", 100, texts, |e| e.personal = Some(PersonalDataKind::Ssn), (Code, 100, Some("ssn"))),
        ]);
    }

    #[test]
    fn commas_are_read_by_what_is_around_them() {
        let styles = |decimal_comma, decimal_point, grouped, ambiguous_comma| NumberStyles {
            decimal_comma,
            decimal_point,
            grouped,
            ambiguous_comma,
            ..NumberStyles::default()
        };
        for (styles, commas, evidence) in [
            (styles(0, 0, 5, 5), Commas::Grouping, false),
            (styles(1, 0, 5, 5), Commas::Decimal, true),
            (styles(0, 1, 5, 5), Commas::Grouping, true),
            (styles(0, 0, 6, 5), Commas::Grouping, true),
            (styles(3, 4, 0, 0), Commas::Grouping, true),
            (styles(4, 3, 0, 0), Commas::Decimal, true),
        ] {
            assert_eq!(comma_basis(&styles), CommaBasis { commas, evidence });
        }
    }

    #[test]
    fn ambiguous_commas_make_numbers_when_they_are_decimal() {
        use LogicalType::{Integer, Number};
        let ambiguous: fn(&mut Evidence<'_>) = |e| (e.styles.ambiguous_comma, e.styles.grouped) = (10, 10);
        let decimal: fn(&mut Evidence<'_>) =
            |e| (e.styles.ambiguous_comma, e.styles.grouped, e.commas) = (10, 10, Commas::Decimal);
        check(&[
            case("x", 10, [10, 0, 0, 0, 0, 0], ambiguous, (Integer, 10, None)),
            case("x", 10, [10, 0, 0, 0, 0, 0], decimal, (Number, 10, None)),
        ]);
    }
}
