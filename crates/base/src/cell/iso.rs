//! The standard's default form of datetimes and times: ISO 8601 as XML Schema has it.

use super::calendar::{MICROS_OF_DAY, MICROS_OF_SECOND, days_from_date};

/// `2017-07-31T15:30:00`, with an optional fraction and zone; a blank may stand for the `T`. Microseconds since
/// 1970-01-01T00:00:00, in UTC when there is a zone.
#[inline]
pub(super) fn datetime(text: &str) -> Option<i64> {
    let (date, rest) = text.as_bytes().split_first_chunk::<10>()?;
    let [y, yy, yyy, yyyy, b'-', m, mm, b'-', d, dd] = *date else { return None };
    let days = days_from_date((two(y, yy)? * 100 + two(yyy, yyyy)?) as i32, two(m, mm)?, two(d, dd)?)?;
    let ([b'T' | b't' | b' '], clock) = rest.split_first_chunk::<1>()? else { return None };
    Some(i64::from(days) * MICROS_OF_DAY + micros(clock)?)
}

/// `15:30:00`, with an optional fraction and zone. Microseconds since midnight, in UTC when there is a zone.
#[inline]
pub(super) fn time(text: &str) -> Option<i64> {
    Some(micros(text.as_bytes())?.rem_euclid(MICROS_OF_DAY))
}

/// Microseconds since the midnight of the date written, in UTC when there is a zone. `24:00:00` is the end of the day.
fn micros(text: &[u8]) -> Option<i64> {
    let (clock, rest) = text.split_first_chunk::<8>()?;
    let [h, hh, b':', m, mm, b':', s, ss] = *clock else { return None };
    let (hour, minute, second) = (two(h, hh)?, two(m, mm)?, two(s, ss)?);
    let (fraction, rest) = fraction(rest)?;
    let midnight = hour == 24 && minute == 0 && second == 0 && fraction == 0;
    if (hour > 23 && !midnight) || minute > 59 || second > 59 {
        return None;
    }
    let seconds = i64::from((hour * 60 + minute) * 60 + second) - 60 * i64::from(offset_minutes(rest)?);
    Some(seconds * MICROS_OF_SECOND + i64::from(fraction))
}

/// Microseconds after the point (or comma); further digits are cut off. Nothing at all is zero.
fn fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    let [b'.' | b',', rest @ ..] = text else { return Some((0, text)) };
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = rest.split_at_checked(count)?;
    let padded = digits.iter().copied().chain(std::iter::repeat(b'0')).take(6);
    let value = padded.fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
    (count > 0).then_some((value, rest))
}

/// Nothing, `Z`, `+hh`, `+hhmm` or `+hh:mm`.
fn offset_minutes(text: &[u8]) -> Option<i32> {
    let (sign, hours, minutes) = match *text {
        [] | [b'Z' | b'z'] => return Some(0),
        [sign, h, hh] => (sign, two(h, hh)?, 0),
        [sign, h, hh, m, mm] | [sign, h, hh, b':', m, mm] => (sign, two(h, hh)?, two(m, mm)?),
        _ => return None,
    };
    let minutes = (hours < 24 && minutes < 60).then_some((hours * 60 + minutes) as i32)?;
    match sign {
        b'+' => Some(minutes),
        b'-' => Some(-minutes),
        _ => None,
    }
}

#[inline]
fn two(high: u8, low: u8) -> Option<u32> {
    let (high, low) = (high.wrapping_sub(b'0'), low.wrapping_sub(b'0'));
    (high < 10 && low < 10).then_some(u32::from(high) * 10 + u32::from(low))
}
