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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::calendar::date_from_days;
    use super::*;

    /// 2017-07-31T00:00:00.
    const DAY: i64 = 17_378 * MICROS_OF_DAY;

    fn clock(hour: i64, minute: i64, second: i64) -> i64 {
        ((hour * 60 + minute) * 60 + second) * MICROS_OF_SECOND
    }

    #[test]
    fn datetimes() {
        for (text, expected) in [
            ("2017-07-31T15:30:00", Some(clock(15, 30, 0))),
            ("2017-07-31 15:30:00", Some(clock(15, 30, 0))),
            ("2017-07-31t15:30:00z", Some(clock(15, 30, 0))),
            ("2017-07-31T15:30:00Z", Some(clock(15, 30, 0))),
            ("2017-07-31T15:30:00+02:00", Some(clock(13, 30, 0))),
            ("2017-07-31T15:30:00-0530", Some(clock(21, 0, 0))),
            ("2017-07-31T15:30:00+01", Some(clock(14, 30, 0))),
            ("2017-07-31T00:30:00+01:00", Some(clock(0, -30, 0))),
            ("2017-07-31T15:30:00.5", Some(clock(15, 30, 0) + 500_000)),
            ("2017-07-31T15:30:00,25Z", Some(clock(15, 30, 0) + 250_000)),
            ("2017-07-31T15:30:00.1234569", Some(clock(15, 30, 0) + 123_456)),
            ("2017-07-31T24:00:00", Some(clock(24, 0, 0))),
            ("2017-07-31T24:00:00.000001", None),
            ("2017-07-31T24:00:01", None),
            ("2017-07-31T25:00:00", None),
            ("2017-07-31T15:60:00", None),
            ("2017-07-31T15:30:60", None),
            ("2017-07-31T15:30:00.", None),
            ("2017-07-31T15:30:00 Z", None),
            ("2017-07-31T15:30:00+24:00", None),
            ("2017-07-31T15:30:00+05:3", None),
            ("2017-07-31T15:30:00*05:30", None),
            ("2017-07-31T15:30", None),
            ("2017-07-31_15:30:00", None),
            ("2017-07-31", None),
            ("2017-02-29T00:00:00", None),
            ("20170731T153000", None),
            ("", None),
        ] {
            assert_eq!(datetime(text), expected.map(|micros| DAY + micros), "{text:?}");
        }
    }

    #[test]
    fn times_stay_within_their_day() {
        for (text, expected) in [
            ("15:30:00", Some(clock(15, 30, 0))),
            ("24:00:00", Some(0)),
            ("00:30:00+01:00", Some(clock(23, 30, 0))),
            ("23:30:00-01:00", Some(clock(0, 30, 0))),
            ("15:30:00.000001", Some(clock(15, 30, 0) + 1)),
            ("15:30", None),
            ("3:30:00", None),
            ("15:30:00 PM", None),
            ("１５:30:00", None),
        ] {
            assert_eq!(time(text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            days in -719_162_i32..2_932_896, of_day in 0..MICROS_OF_DAY, east in -1439_i64..1440
        ) {
            let (year, month, day) = date_from_days(days);
            let (seconds, micros) = (of_day / MICROS_OF_SECOND, of_day % MICROS_OF_SECOND);
            let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
            let sign = if east < 0 { '-' } else { '+' };
            let (hours_east, minutes_east) = (east.abs() / 60, east.abs() % 60);
            let text = format!(
                "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}{sign}{hours_east:02}:{minutes_east:02}"
            );
            let expected = i64::from(days) * MICROS_OF_DAY + of_day - east * 60 * MICROS_OF_SECOND;
            prop_assert_eq!(datetime(&text), Some(expected));
        }

        #[test]
        fn texts_of_any_kind_never_panic(text in ".{0,40}|[0-9T:+Z. -]{0,40}") {
            let _ = (datetime(&text), time(&text));
        }
    }
}
