//! Numbers as people write them: groups of digits, decimal commas, currencies, percent, parentheses, exponents.
//!
//! The grammar, blanks allowed where marked `_`:
//!
//! ```text
//! value    = "(" _ unsigned _ ")" | [sign] _ unsigned | currency _ sign core
//! unsigned = [currency _] core [_ currency | _ "%"]
//! core     = digits ["." digits] [exponent] | groups | "." digits [exponent]
//! ```
//!
//! Groups are of three digits after a first one of one to three that does not start with a zero; between them stand
//! commas, points, apostrophes or no-break spaces, all the same. A comma alone is a decimal comma unless what is around
//! it could be groups as well.

use super::temporal::{Stamp, compact_day};

/// How a number is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct NumberForm {
    /// No decimal character and no exponent.
    pub(crate) integer: bool,
    /// Two or more digits and nothing else, the first a zero.
    pub(crate) zero_padded: bool,
    /// Digits after the decimal character.
    pub(crate) decimals: u32,
    /// A decimal point.
    pub(crate) decimal_point: bool,
    /// Certainly a decimal comma (of numbers grouped by points too).
    pub(crate) decimal_comma: bool,
    /// Groups of digits.
    pub(crate) grouped: bool,
    /// `1,234`
    pub(crate) ambiguous_comma: bool,
    /// A currency sign or code.
    pub(crate) currency: bool,
    /// A percent sign.
    pub(crate) percent: bool,
    /// Parentheses.
    pub(crate) parentheses: bool,
    /// An exponent.
    pub(crate) exponent: bool,
}

/// A number, and how it is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NumberReading {
    /// The float nearest to it; `1,234` as grouped.
    pub(crate) value: f64,
    /// Its digits as an integer, when there are at most 18 and no exponent: `value` is that by `10^decimals`.
    pub(crate) mantissa: Option<i64>,
    /// Of `1,234` the number when the comma is the decimal character, as mantissa.
    pub(crate) form: NumberForm,
    /// The sign or code of the currency, as a range of the text.
    pub(crate) currency: Option<(usize, usize)>,
    /// The day that eight digits are.
    pub(crate) compact: Option<Stamp>,
    /// As written, `-1` or nothing but nines after an optional minus sign.
    pub(crate) sentinel: bool,
}

/// Codes of currencies that stand before or after amounts.
const CODES: [&str; 14] =
    ["USD", "EUR", "GBP", "CHF", "CAD", "AUD", "JPY", "CNY", "INR", "MXN", "BRL", "SEK", "NOK", "DKK"];
/// Signs of currencies.
const SIGNS: [&str; 8] = ["$", "€", "£", "¥", "₹", "₩", "₽", "₪"];
/// Digits beyond these are put together on the heap.
const STACK_BYTES: usize = 64;

/// The number a value is, given without the blanks around it.
pub(crate) fn read(text: &str) -> Option<NumberReading> {
    let mut form = NumberForm::default();
    let mut rest = text;
    let mut negative = None;
    let mut currency = None;
    if let Some(inner) = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        form.parentheses = true;
        negative = Some(true);
        rest = inner.trim_ascii();
    }
    take_sign(&mut rest, &mut negative);
    if let Some(length) = starts_with_currency(rest) {
        currency = Some((offset_of(text, rest), length));
        rest = rest.get(length..)?.trim_ascii_start();
        take_sign(&mut rest, &mut negative);
    }
    if let Some(before) = rest.strip_suffix('%') {
        form.percent = true;
        rest = before.trim_ascii_end();
    } else if let Some(length) = ends_with_currency(rest).filter(|_| currency.is_none()) {
        let (before, sign) = rest.split_at_checked(rest.len() - length)?;
        currency = Some((offset_of(text, sign), length));
        rest = before.trim_ascii_end();
    }
    form.currency = currency.is_some();
    if form.currency && form.percent {
        return None;
    }
    let core = core(rest, &mut form)?;
    let plain = !(form.parentheses || form.currency || form.percent || form.grouped);
    form.zero_padded = form.integer && plain && negative.is_none() && rest.len() >= 2 && rest.starts_with('0');
    let (value, mantissa) = core.value(negative.unwrap_or(false))?;
    let digits_only = form.integer && plain;
    Some(NumberReading {
        value,
        mantissa,
        form,
        currency,
        compact: (digits_only && negative.is_none()).then(|| compact_day(rest.as_bytes())).flatten(),
        sentinel: is_sentinel(text),
    })
}

/// Whether a number is written as those are that stand for no value.
fn is_sentinel(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    text == "-1" || (!digits.is_empty() && digits.bytes().all(|byte| byte == b'9'))
}

impl NumberReading {
    /// Of `1,234` the number when the comma is the decimal character.
    pub(crate) fn with_decimal_comma(&self) -> f64 {
        self.value / 1_000.0
    }
}

fn offset_of(text: &str, part: &str) -> usize {
    part.as_ptr() as usize - text.as_ptr() as usize
}

fn take_sign(rest: &mut &str, negative: &mut Option<bool>) {
    if negative.is_some() {
        return;
    }
    let (sign, after) = match rest.as_bytes().first() {
        Some(b'-') => (true, rest.get(1..)),
        Some(b'+') => (false, rest.get(1..)),
        _ => return,
    };
    *negative = Some(sign);
    *rest = after.unwrap_or_default().trim_ascii_start();
}

fn starts_with_currency(text: &str) -> Option<usize> {
    match text.as_bytes().first()? {
        byte if byte.is_ascii_digit() || *byte == b'.' => None,
        byte if byte.is_ascii_alphabetic() => {
            let code = text.get(..3)?;
            CODES.iter().any(|known| code.eq_ignore_ascii_case(known)).then_some(3)
        }
        _ => SIGNS.iter().find(|sign| text.starts_with(**sign)).map(|sign| sign.len()),
    }
}

fn ends_with_currency(text: &str) -> Option<usize> {
    match text.as_bytes().last()? {
        byte if byte.is_ascii_digit() || *byte == b'.' => None,
        byte if byte.is_ascii_alphabetic() => {
            let code = text.get(text.len().checked_sub(3)?..)?;
            CODES.iter().any(|known| code.eq_ignore_ascii_case(known)).then_some(3)
        }
        _ => SIGNS.iter().find(|sign| text.ends_with(**sign)).map(|sign| sign.len()),
    }
}

/// Digits with at most one decimal character and an exponent, as parts of the text.
struct Core<'a> {
    /// Digits and group characters.
    whole: &'a str,
    /// Digits.
    fraction: &'a str,
    /// With its `e`.
    exponent: &'a str,
}

impl Core<'_> {
    /// The number and, when it fits, its digits as an integer.
    fn value(&self, negative: bool) -> Option<(f64, Option<i64>)> {
        let digits = || self.whole.bytes().filter(u8::is_ascii_digit).chain(self.fraction.bytes());
        if self.exponent.is_empty() && self.whole.len() + self.fraction.len() <= 24 {
            let count = digits().count();
            if count <= 18 {
                let mantissa = digits().fold(0_i64, |sum, digit| sum * 10 + i64::from(digit - b'0'));
                if count <= 15 {
                    let value = mantissa as f64 / POWERS.get(self.fraction.len())?;
                    let signed = if negative { (-value, -mantissa) } else { (value, mantissa) };
                    return Some((signed.0, Some(signed.1)));
                }
                let value = self.parsed()?;
                return Some(if negative { (-value, Some(-mantissa)) } else { (value, Some(mantissa)) });
            }
        }
        let value = self.parsed()?;
        Some((if negative { -value } else { value }, None))
    }

    /// By the standard library; nothing for what is out of range.
    fn parsed(&self) -> Option<f64> {
        let length = self.whole.len() + self.fraction.len() + self.exponent.len() + 1;
        let whole = self.whole.bytes().filter(u8::is_ascii_digit);
        let bytes = whole.chain([b'.']).chain(self.fraction.bytes()).chain(self.exponent.bytes());
        let value: f64 = if length <= STACK_BYTES {
            let mut room = [0; STACK_BYTES];
            let mut used = 0;
            room.iter_mut().zip(bytes).for_each(|(to, from)| {
                *to = from;
                used += 1;
            });
            std::str::from_utf8(room.get(..used)?).ok()?.parse().ok()?
        } else {
            String::from_utf8(bytes.collect()).ok()?.parse().ok()?
        };
        value.is_finite().then_some(value)
    }
}

/// Powers of ten that a float holds exactly.
pub(crate) const POWERS: [f64; 16] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// Digits, groups, decimals and exponent of an unsigned number.
fn core<'a>(text: &'a str, form: &mut NumberForm) -> Option<Core<'a>> {
    let bytes = text.as_bytes();
    if !bytes.first().is_some_and(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b',')) {
        return None;
    }
    let Some(mark_at) = bytes.iter().position(|byte| !byte.is_ascii_digit()) else {
        form.integer = true;
        return Some(Core { whole: text, fraction: "", exponent: "" });
    };
    let (whole, rest) = text.split_at_checked(mark_at)?;
    match rest.as_bytes().first()? {
        b'e' | b'E' => exponent(whole, "", rest, form),
        b'.' => point(text, whole, rest.get(1..)?, form),
        b',' => comma(text, whole, rest.get(1..)?, form),
        b'\'' => grouped(text, "'", ".", form),
        _ if rest.starts_with('\u{a0}') => grouped(text, "\u{a0}", ".", form),
        _ if rest.starts_with('\u{202f}') => grouped(text, "\u{202f}", ".", form),
        _ => None,
    }
}

fn exponent<'a>(whole: &'a str, fraction: &'a str, text: &'a str, form: &mut NumberForm) -> Option<Core<'a>> {
    let digits = text.get(1..)?;
    let digits = digits.strip_prefix(['+', '-']).unwrap_or(digits);
    let plain = !(form.currency || form.percent || whole.is_empty() && fraction.is_empty());
    let fits = plain && (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    form.exponent = true;
    form.decimals = fraction.len() as u32;
    fits.then_some(Core { whole, fraction, exponent: text })
}

/// After a first point.
fn point<'a>(text: &'a str, whole: &'a str, after: &'a str, form: &mut NumberForm) -> Option<Core<'a>> {
    let end = after.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(after.len());
    let (fraction, rest) = after.split_at_checked(end)?;
    if rest.is_empty() {
        form.decimal_point = true;
        form.decimals = fraction.len() as u32;
        return (!whole.is_empty() || !fraction.is_empty()).then_some(Core { whole, fraction, exponent: "" });
    }
    match rest.as_bytes().first()? {
        b'e' | b'E' => {
            form.decimal_point = true;
            exponent(whole, fraction, rest, form)
        }
        // 1.234.567 or 1.234,5: points between groups, so commas are decimal.
        b'.' | b',' => {
            let core = grouped(text, ".", ",", form)?;
            form.decimal_comma = true;
            form.decimal_point = false;
            Some(core)
        }
        _ => None,
    }
}

/// After a first comma.
fn comma<'a>(text: &'a str, whole: &'a str, after: &'a str, form: &mut NumberForm) -> Option<Core<'a>> {
    let digits = after.bytes().all(|byte| byte.is_ascii_digit());
    if !digits {
        return grouped(text, ",", ".", form);
    }
    if after.is_empty() {
        return None;
    }
    if after.len() == 3 && is_first_group(whole) {
        form.grouped = true;
        form.ambiguous_comma = true;
        form.integer = true;
        return Some(Core { whole: text, fraction: "", exponent: "" });
    }
    form.decimal_comma = true;
    form.decimals = after.len() as u32;
    Some(Core { whole, fraction: after, exponent: "" })
}

/// At least two groups with `mark` between them, and after `decimal` a fraction.
fn grouped<'a>(text: &'a str, mark: &str, decimal: &str, form: &mut NumberForm) -> Option<Core<'a>> {
    let (whole, fraction) = match text.split_once(decimal) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let mut groups = whole.split(mark);
    let first = groups.next()?;
    let mut more = 0;
    for group in groups {
        let fits = group.len() == 3 && group.bytes().all(|byte| byte.is_ascii_digit());
        fits.then_some(())?;
        more += 1;
    }
    let fraction_fits = fraction.is_none_or(|fraction| fraction.bytes().all(|byte| byte.is_ascii_digit()));
    (more > 0 && is_first_group(first) && fraction_fits).then_some(())?;
    form.grouped = true;
    form.integer = fraction.is_none();
    form.decimal_point = fraction.is_some();
    form.decimals = fraction.map_or(0, |fraction| fraction.len() as u32);
    Some(Core { whole, fraction: fraction.unwrap_or_default(), exponent: "" })
}

fn is_first_group(group: &str) -> bool {
    (1..=3).contains(&group.len()) && !group.starts_with('0') && group.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(change: impl FnOnce(&mut NumberForm)) -> NumberForm {
        let mut form = NumberForm::default();
        change(&mut form);
        form
    }

    #[test]
    fn numbers_are_read_as_written() {
        let integer = form(|form| form.integer = true);
        let decimals = |decimals| form(|form| (form.decimals, form.decimal_point) = (decimals, true));
        let comma = |decimals| form(|form| (form.decimals, form.decimal_comma) = (decimals, true));
        let grouped = |form: NumberForm| NumberForm { grouped: true, ..form };
        let exponent = |form: NumberForm| NumberForm { exponent: true, ..form };
        for (text, value, form) in [
            ("0", 0.0, integer),
            ("-12", -12.0, integer),
            ("+12", 12.0, integer),
            ("- 12", -12.0, integer),
            ("007", 7.0, NumberForm { zero_padded: true, ..integer }),
            ("12.50", 12.5, decimals(2)),
            ("5.", 5.0, decimals(0)),
            (".5", 0.5, decimals(1)),
            ("123456789012345678.5", 123_456_789_012_345_678.5, decimals(1)),
            ("1e3", 1e3, exponent(NumberForm::default())),
            ("1.5E-3", 1.5e-3, exponent(decimals(1))),
            ("5e-324", 5e-324, exponent(NumberForm::default())),
            ("1,234", 1234.0, NumberForm { ambiguous_comma: true, ..grouped(integer) }),
            ("0,234", 0.234, comma(3)),
            ("12,5", 12.5, comma(1)),
            ("1234,567", 1234.567, comma(3)),
            (",5", 0.5, comma(1)),
            ("1,234,567", 1_234_567.0, grouped(integer)),
            ("1,234.5", 1234.5, grouped(decimals(1))),
            ("1.234,5", 1234.5, grouped(comma(1))),
            ("1.234.567", 1_234_567.0, NumberForm { decimal_comma: true, ..grouped(integer) }),
            ("1'234.5", 1234.5, grouped(decimals(1))),
            ("1\u{a0}234", 1234.0, grouped(integer)),
            ("$12", 12.0, NumberForm { currency: true, ..integer }),
            ("-$ 12.5", -12.5, NumberForm { currency: true, ..decimals(1) }),
            ("€-12", -12.0, NumberForm { currency: true, ..integer }),
            ("12 EUR", 12.0, NumberForm { currency: true, ..integer }),
            ("usd 1,234.50", 1234.5, NumberForm { currency: true, ..grouped(decimals(2)) }),
            ("12.5 %", 12.5, NumberForm { percent: true, ..decimals(1) }),
            ("($12)", -12.0, NumberForm { currency: true, parentheses: true, ..integer }),
            ("(12)", -12.0, NumberForm { parentheses: true, ..integer }),
        ] {
            let found = read(text);
            assert_eq!(found.as_ref().map(|found| found.value), Some(value), "{text:?}");
            assert_eq!(found.map(|found| found.form), Some(form), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in [
            ".",
            ",",
            "-",
            "e5",
            "1e",
            "1e+",
            "1e99999",
            "1e400",
            "1.2.3",
            "1,23,456",
            "1,234,56",
            "01,234,567",
            "1.2,3.4",
            "$",
            "%",
            "12 34",
            "--12",
            "-+1",
            "1-2",
            "12 XYZ",
            "$1%",
            "USD 1e5",
            "()",
            "(1",
            "1)",
            "١٢",
            "1,",
            "0x12",
            "1_000",
            "USD 12 EUR",
            "1.234,56,7",
            "..5",
            "(-5)",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn sentinels_and_days_are_seen() {
        for (text, sentinel, compact) in [
            ("9", true, false),
            ("-9999", true, false),
            ("-1", true, false),
            ("1", false, false),
            ("99.0", false, false),
            ("20210304", false, true),
            ("20210230", false, false),
            ("-20210304", false, false),
        ] {
            let found = read(text).unwrap();
            assert_eq!((found.sentinel, found.compact.is_some()), (sentinel, compact), "{text:?}");
        }
    }
}
