//! The proleptic Gregorian calendar as plain arithmetic.

/// Microseconds of a second.
pub const MICROS_OF_SECOND: i64 = 1_000_000;
/// Microseconds of a day.
pub const MICROS_OF_DAY: i64 = 86_400 * MICROS_OF_SECOND;

/// Whether February has 29 days.
pub const fn is_leap_year(year: i32) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

/// Days of a month; 0 for a month that is not 1 to 12.
pub const fn days_of_month(year: i32, month: u32) -> u32 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap_year(year) => 29,
        2 => 28,
        _ => 0,
    }
}

/// Days since 1970-01-01 of a day of the years 1 to 9999; `None` when there is no such day.
#[inline]
pub const fn days_from_date(year: i32, month: u32, day: u32) -> Option<i32> {
    if year < 1 || year > 9999 || day < 1 || day > days_of_month(year, month) {
        return None;
    }
    // Years are counted from March, so that the leap day is the last of a year; 719_468 days lie between
    // 0000-03-01 and 1970-01-01.
    let before_march = (month <= 2) as i32;
    let year = year - before_march;
    let month = month as i32 - 3 + 12 * before_march;
    let leap_days = year / 4 - year / 100 + year / 400;
    Some(365 * year + leap_days + (153 * month + 2) / 5 + day as i32 - 1 - 719_468)
}

/// The year, month and day of a number of days since 1970-01-01, for the years 1 to 9999.
pub const fn date_from_days(days: i32) -> (i32, u32, u32) {
    let since = days + 719_468;
    let era = since.div_euclid(146_097);
    let of_era = since.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let year = year_of_era + era * 400 + (month >= 10) as i32;
    (year, (if month < 10 { month + 3 } else { month - 9 }) as u32, day as u32)
}

#[cfg(test)]
mod tests {
    use jiff::civil::Date;
    use proptest::prelude::*;

    use super::*;

    const FIRST: i32 = -719_162;
    const LAST: i32 = 2_932_896;

    #[test]
    fn known_days() {
        for (year, month, day, expected) in [
            (1970, 1, 1, Some(0)),
            (1969, 12, 31, Some(-1)),
            (2000, 2, 29, Some(11_016)),
            (2000, 3, 1, Some(11_017)),
            (1, 1, 1, Some(FIRST)),
            (9999, 12, 31, Some(LAST)),
            (1900, 2, 29, None),
            (2023, 2, 29, None),
            (0, 12, 31, None),
            (10_000, 1, 1, None),
            (2020, 0, 1, None),
            (2020, 13, 1, None),
            (2020, 4, 31, None),
            (2020, 4, 0, None),
            (i32::MIN, u32::MAX, u32::MAX, None),
        ] {
            assert_eq!(days_from_date(year, month, day), expected, "{year}-{month}-{day}");
        }
    }

    #[test]
    fn every_day_of_the_calendar_comes_after_the_one_before_and_reads_back() {
        let mut expected = FIRST;
        for year in 1..=9999 {
            for month in 1..=12 {
                for day in 1..=days_of_month(year, month) {
                    assert_eq!(days_from_date(year, month, day), Some(expected));
                    assert_eq!(date_from_days(expected), (year, month, day));
                    expected += 1;
                }
            }
        }
        assert_eq!(expected, LAST + 1);
    }

    proptest! {
        #[test]
        fn days_are_those_of_another_calendar(days in FIRST..=LAST) {
            let date = Date::constant(1970, 1, 1) + jiff::Span::new().days(days);
            let (year, month, day) = date_from_days(days);
            prop_assert_eq!((year, month as i8, day as i8), (i32::from(date.year()), date.month(), date.day()));
        }
    }
}
