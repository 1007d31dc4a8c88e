//! How values of one mask are read: found once for each mask, then applied to every value that has it.
//!
//! A mask of digits with a sign and a point, or of digits with marks as days have them, tells where each digit of the
//! number or the day stands, so that reading is a few shifts and multiplications on the 16 bytes of the value. A mask
//! that nothing but text can have needs no look at the value. All others ([`Plan::Read`]) go through
//! [`read()`](super::read::read).
//!
//! Law: what a plan gives is what [`read`](super::read::read) gives.

use super::formats::{DayForm, TemporalForm};
use super::mask::Mask;
use super::read::{NumberForm, century};

/// How values of a mask are read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Plan {
    /// They are texts.
    Text,
    /// They are numbers, plainly written.
    Number(NumberPlan),
    /// They have the form of a day.
    Day(DayPlan),
    /// Each has to be read.
    Read,
}

/// Where the digits of a plain number are, in its 16 bytes as an integer, the first lowest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct NumberPlan {
    /// Bits of the sign, 0 or 8.
    sign_bits: u32,
    /// Of the digits before the point.
    whole: u128,
    /// How far the digits have to move up so that the last is at the top.
    up_bits: u32,
    /// What to divide by.
    power: f64,
    /// -1 or 1.
    sign: f64,
    /// Digits after the point.
    pub(crate) decimals: u8,
    /// No point.
    pub(crate) integer: bool,
    /// Two or more digits, without a sign, and no point: zero-padded if the first is a zero.
    pub(crate) may_be_padded: bool,
    /// The value with all digits nine, as its 16 bytes; 0 when it is no sentinel.
    pub(crate) sentinel: u128,
    /// A one-digit integer with no sign: 0 and 1 are booleans too.
    pub(crate) one_digit: bool,
}

/// Where the parts of a day are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct DayPlan {
    /// How it is written.
    pub(crate) form: TemporalForm,
    year: Field,
    first: Field,
    second: Field,
}

/// One, two or four digits.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Field {
    start_bits: u32,
    digits: u32,
}

/// Digits whose integer is an exact float.
const DIGITS_MAX: usize = 15;

const DIGIT: u8 = b'9';

impl Plan {
    /// The plan of a mask.
    pub(crate) fn of(mask: &Mask) -> Self {
        // Nothing else has as many.
        if mask.has_three_words() {
            return Self::Text;
        }
        let bytes = mask.bytes();
        let bytes = bytes.get(..mask.len()).unwrap_or_default();
        if let Some(number) = NumberPlan::of(bytes) {
            return Self::Number(number);
        }
        if let Some(day) = DayPlan::of(bytes) {
            return Self::Day(day);
        }
        if is_text(bytes) { Self::Text } else { Self::Read }
    }
}

impl NumberPlan {
    fn of(mask: &[u8]) -> Option<Self> {
        let (sign, digits) = match mask {
            [b'-', rest @ ..] => (-1.0, rest),
            [b'+', rest @ ..] => (1.0, rest),
            rest => (1.0, rest),
        };
        let signed = digits.len() < mask.len();
        let point = digits.iter().position(|byte| *byte == b'.');
        let count = digits.iter().filter(|byte| **byte == DIGIT).count();
        let fits = mask.len() <= 16 && (1..=DIGITS_MAX).contains(&count);
        // Eight digits may be a day as well.
        let may_be_day = count == 8 && point.is_none() && !signed;
        if !fits || may_be_day || count + usize::from(point.is_some()) != digits.len() {
            return None;
        }
        let before = point.unwrap_or(count);
        let decimals = count - before;
        let nines = u128::from_le_bytes([DIGIT; 16]) & low_bytes(count);
        let sentinel = match (mask, point) {
            // Both -1 and -9 are sentinels.
            ([b'-', _], None) => return None,
            (_, Some(_)) | ([b'+', ..], None) => 0,
            ([b'-', ..], None) => nines << 8 | u128::from(b'-'),
            (_, None) => nines,
        };
        Some(Self {
            sign_bits: if signed { 8 } else { 0 },
            whole: low_bytes(before),
            up_bits: 8 * (16 - count as u32),
            power: *super::read::POWERS.get(decimals)?,
            sign,
            decimals: decimals as u8,
            integer: point.is_none(),
            may_be_padded: point.is_none() && !signed && count >= 2,
            sentinel,
            one_digit: mask.len() == 1,
        })
    }

    /// The number, as a float and as its digits.
    #[inline(always)]
    pub(crate) fn read(&self, value: u128) -> (f64, u64) {
        let digits = value >> self.sign_bits;
        let joined = (digits & self.whole) | (digits >> 8 & !self.whole);
        let at_top = joined << self.up_bits;
        let mantissa = eight_digits(at_top as u64) * 100_000_000 + eight_digits((at_top >> 64) as u64);
        (self.sign * (mantissa as f64 / self.power), mantissa)
    }

    /// Whether it is below zero or a zero with a minus sign.
    pub(crate) fn is_negative(&self) -> bool {
        self.sign < 0.0
    }

    /// As [`read`](super::read::read) describes it.
    pub(crate) fn form(&self) -> NumberForm {
        NumberForm {
            integer: self.integer,
            decimals: u32::from(self.decimals),
            decimal_point: !self.integer,
            ..NumberForm::default()
        }
    }
}

/// The number of eight ASCII digits or zero bytes, the first lowest.
#[inline(always)]
fn eight_digits(digits: u64) -> u64 {
    let digits = digits & 0x0f0f_0f0f_0f0f_0f0f;
    let pairs = (digits.wrapping_mul(10) + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100) + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    (fours.wrapping_mul(10_000) + (fours >> 32)) & 0xffff_ffff
}

fn low_bytes(count: usize) -> u128 {
    if count >= 16 { u128::MAX } else { (1 << (8 * count)) - 1 }
}

impl DayPlan {
    fn of(mask: &[u8]) -> Option<Self> {
        if mask.len() > 10 {
            return None;
        }
        let first_mark = mask.iter().position(|byte| *byte != DIGIT)?;
        let mark = *mask.get(first_mark)?;
        let after = mask.get(first_mark + 1..)?;
        let second_mark = first_mark + 1 + after.iter().position(|byte| *byte != DIGIT)?;
        let last = mask.get(second_mark + 1..)?;
        let digits = last.iter().all(|byte| *byte == DIGIT) && *mask.get(second_mark)? == mark;
        let field = |start: usize, end: usize| Field { start_bits: 8 * start as u32, digits: (end - start) as u32 };
        let a = field(0, first_mark);
        let b = field(first_mark + 1, second_mark);
        let c = field(second_mark + 1, mask.len());
        let form = match (mark, a.digits, b.digits, c.digits) {
            (b'-', 4, 1 | 2, 1 | 2) => DayForm::Iso,
            (b'/', 4, 1 | 2, 1 | 2) => DayForm::YearFirstSlash,
            (b'.', 4, 1 | 2, 1 | 2) => DayForm::YearFirstDot,
            (b'/', 1 | 2, 1 | 2, 4) => DayForm::Slash,
            (b'/', 1 | 2, 1 | 2, 2) => DayForm::SlashShort,
            (b'-', 1 | 2, 1 | 2, 4) => DayForm::Dash,
            (b'-', 1 | 2, 1 | 2, 2) => DayForm::DashShort,
            (b'.', 1 | 2, 1 | 2, 4) => DayForm::Dot,
            (b'.', 1 | 2, 1 | 2, 2) => DayForm::DotShort,
            _ => return None,
        };
        // Shorter texts are not looked at as days.
        if !digits || mask.len() < 6 {
            return None;
        }
        let (year, first, second) = match form {
            DayForm::Iso | DayForm::YearFirstSlash | DayForm::YearFirstDot => (a, b, c),
            DayForm::Dot | DayForm::DotShort => (c, b, a),
            _ => (c, a, b),
        };
        Some(Self { form: TemporalForm::day(form), year, first, second })
    }

    /// Year, month and day where the order is told; else year and the other two in the order of the text.
    #[inline]
    pub(crate) fn read(&self, value: u128) -> (u32, u32, u32) {
        let year = self.year.read(value);
        let year = if self.year.digits == 2 { century(year) } else { year };
        (year, self.first.read(value), self.second.read(value))
    }
}

impl Field {
    #[inline(always)]
    fn read(self, value: u128) -> u32 {
        let digits = ((value >> self.start_bits) as u32) << (32 - 8 * self.digits);
        let digits = digits & 0x0f0f_0f0f;
        let pairs = (digits.wrapping_mul(10) + (digits >> 8)) & 0x00ff_00ff;
        (pairs.wrapping_mul(100) + (pairs >> 16)) & 0xffff
    }
}

/// Whether nothing but texts have a mask. May be false for masks that only texts have.
fn is_text(mask: &[u8]) -> bool {
    let letters = |byte: &u8| byte.is_ascii_alphabetic();
    if mask.len() > super::mask::MASK_BYTES_MAX || mask.iter().any(|byte| *byte >= 0x80) {
        return false;
    }
    let trimmed = mask.trim_ascii();
    // The longest null, boolean or infinity has nine bytes.
    if !trimmed.contains(&DIGIT) {
        return trimmed.len() > 9;
    }
    if trimmed.iter().any(|byte| !(byte.is_ascii_alphanumeric() || b" +-.,:/'()%$#!?\\".contains(byte))) {
        return true;
    }
    let mut runs = trimmed.chunk_by(|a, b| letters(a) == letters(b)).filter(|run| run.first().is_some_and(letters));
    let Some(first) = runs.next() else { return false };
    let second = runs.next();
    // A number has a code of a currency or an exponent; a day the name of a month or `T`, and then `PM` or `Z`.
    match (second, runs.next()) {
        (_, Some(_)) => true,
        (Some(second), None) => !trimmed.contains(&b':') || second.len() > 2,
        (None, None) => {
            let starts = trimmed.first().is_some_and(letters);
            let ends = trimmed.last().is_some_and(letters);
            let next = trimmed.get(first.len());
            first.len() > 9
                || (ends && first.len() > 3 && !trimmed.contains(&b'#'))
                || (starts && first.len() < 3)
                || (starts && first.len() > 3 && next != Some(&b' '))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::read::{Reading, read};
    use super::*;

    fn image(text: &str) -> u128 {
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
        u128::from_le_bytes(bytes)
    }

    /// Holds the plan of a value's mask against reading it.
    fn check(text: &str) {
        let Some(mask) = Mask::of(text.as_bytes()) else { return };
        if text.trim_ascii().is_empty() {
            return;
        }
        let reading = read(text.trim_ascii());
        match Plan::of(&mask) {
            Plan::Read => {}
            Plan::Text => assert_eq!(reading, Reading::Text, "{text:?}"),
            Plan::Number(plan) => {
                let Reading::Number(number) = reading else { panic!("{text:?} is {reading:?}") };
                let (value, mantissa) = plan.read(image(text));
                assert_eq!(value.to_bits(), number.value.to_bits(), "{text:?}");
                assert_eq!(Some(mantissa as i64), number.mantissa.map(i64::abs), "{text:?}");
                let padded = plan.may_be_padded && text.starts_with('0');
                assert_eq!(NumberForm { zero_padded: padded, ..plan.form() }, number.form, "{text:?}");
                assert_eq!(plan.sentinel == image(text), number.sentinel, "{text:?}");
                assert_eq!(number.compact, None, "{text:?}");
            }
            Plan::Day(plan) => check_day(text, plan, &reading),
        }
    }

    fn check_day(text: &str, plan: DayPlan, reading: &Reading) {
        use super::super::read::Stamp;
        let (year, first, second) = plan.read(image(text));
        let month_first = Stamp::of_day(year, first, second);
        let swapped = Stamp::of_day(year, second, first);
        let day_first = if plan.form.is_ordered_by_country() { swapped } else { month_first };
        match reading {
            Reading::Temporal(found) => {
                assert_eq!((found.month_first, found.day_first), (month_first, day_first), "{text:?}");
                assert_eq!(found.form, plan.form, "{text:?}");
            }
            other => {
                assert_eq!((other, month_first, day_first), (&Reading::InvalidDate, None, None), "{text:?}");
            }
        }
    }

    #[test]
    fn plans_read_what_reading_reads() {
        for text in [
            "0",
            "1",
            "-1",
            "+1",
            "9",
            "-9",
            "99",
            "9999999",
            "-9999",
            "+99",
            "007",
            "-007",
            "-01",
            "-0001",
            "-09",
            "+01",
            "1.50",
            "-0.0",
            ".5",
            "5.",
            "-.5",
            "123456789012345",
            "1234567890.12345",
            "-1234567890.1234",
            "20210304",
            "12345678",
            "-12345678",
            "3/4/2021",
            "13/4/2021",
            "04-13-69",
            "4.3.21",
            "2021-03-04",
            "2021-3-4",
            "2021-02-30",
            "0000-00-00",
            "31/12/99",
            "1.2.3",
            "1.23.45",
            "1.2.10",
            "99.99.9999",
            ".",
            "-",
            "+",
            "-.",
            "1.2.345",
            "192.168.100.200",
        ] {
            check(text);
        }
    }

    #[test]
    fn common_texts_are_known_by_their_mask() {
        for (text, known) in [
            ("WC2020-0001234-02", true),
            ("0f3a9b27c1d44e01", true),
            ("9999 Industrial Pkwy, Suite 12", true),
            ("A1500", true),
            ("12 Oak Ave", true),
            ("Springfield", true),
            ("NA", false),
            ("4 March 2021", false),
            ("Mar 4, 2021", false),
            ("USD 12", false),
            ("1e5", false),
            ("2021-03-04T10:00:00Z", false),
        ] {
            assert_eq!(Plan::of(&Mask::of(text.as_bytes()).unwrap()) == Plan::Text, known, "{text:?}");
            check(text);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]
        #[test]
        fn plans_give_what_reading_gives(
            text in r"[0-9]{1,4}[-/.][0-9]{1,4}[-/.][0-9]{1,4}|[-+]?[0-9]{0,16}\.?[0-9]{0,8}|[ (]?[-$€]?[ ]?[0-9]{1,3}([,.'][0-9]{3}){0,2}[,.]?[0-9]{0,3}[%)e]?[-0-9]{0,2}( ?(USD|EUR|xyz))?|(USD |Mar |March |[A-Z]{1,4} ?)?[0-9]{1,2}[-, ]{0,2}(Jan|june|sept|T|e)?[-, T]{0,2}[0-9]{2,4}( [0-9]{1,2}:[0-9]{2}(:[0-9]{2})?( ?[AP]M|Z)?)?|[ -~]{0,14}|[NnAa/#<>.?-]{1,5}"
        ) {
            check(&text);
        }
    }
}
