//! Numbers as a reader wants them: grouped, with units, and with their error where they are estimates.

use bordereau_base::figure::{grouped, grouped_digits};
use bordereau_profile::document::{Count, Estimate};

/// What stands for a number that is not there.
pub const NONE: &str = "–";

/// A number with at least six significant digits, two decimals where it has any, and without trailing zeros; very large
/// and very small ones as `1.234e18`.
pub fn decimal(number: f64) -> String {
    let size = number.abs();
    if number.is_nan() {
        return NONE.to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "∞" } else { "−∞" }.to_owned();
    }
    let text = if size == 0.0 || (size < 1e15 && size.fract() == 0.0) {
        grouped_digits(&format!("{size:.0}"))
    } else if !(1e-4..1e15).contains(&size) {
        scientific(size)
    } else {
        let exponent = size.log10().floor() as i32;
        let decimals = (5 - exponent).clamp(2, 9) as usize;
        let written = format!("{size:.decimals$}");
        let (whole, fraction) = written.split_once('.').unwrap_or((&written, ""));
        trimmed(&grouped_digits(whole), fraction)
    };
    if number < 0.0 { format!("−{text}") } else { text }
}

fn scientific(size: f64) -> String {
    let written = format!("{size:.5e}");
    let (digits, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    format!("{}e{exponent}", trimmed(whole, fraction))
}

fn trimmed(whole: &str, fraction: &str) -> String {
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}

/// A number in at most six characters or so, for axes and tables: `1.25M`, `340k`, `0.012`.
pub fn short(number: f64) -> String {
    let size = number.abs();
    if !number.is_finite() || size == 0.0 {
        return decimal(number);
    }
    let scaled = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")].into_iter().find(|(from, _)| size >= *from);
    let text = match scaled {
        _ if !(1e-4..1e15).contains(&size) => {
            let written = format!("{size:.1e}");
            written.replace(".0e", "e")
        }
        Some((1e4, unit)) => significant(size / 1e3) + unit,
        Some((from, unit)) => significant(size / from) + unit,
        // Not grouped: four digits are often a year.
        None if size >= 1e3 => format!("{size:.0}"),
        None => significant(size),
    };
    if number < 0.0 { format!("−{text}") } else { text }
}

/// Three significant digits, more before the decimal point when there are.
fn significant(size: f64) -> String {
    let decimals = (2 - size.log10().floor() as i32).clamp(0, 6) as usize;
    let written = format!("{size:.decimals$}");
    match written.split_once('.') {
        Some((whole, fraction)) => trimmed(whole, fraction),
        None => written,
    }
}

/// A share of 0 to 1 as percent. What is not none is never shown as none, what is not all never as all.
pub fn percent(share: f64) -> String {
    match share {
        _ if share.is_nan() => NONE.to_owned(),
        _ if share <= 0.0 => "0 %".to_owned(),
        _ if share >= 1.0 => "100 %".to_owned(),
        _ if share < 0.0005 => "<0.1 %".to_owned(),
        _ if share >= 0.9995 => ">99.9 %".to_owned(),
        _ => match format!("{:.1}", share * 100.0).strip_suffix(".0") {
            Some(whole) => format!("{whole} %"),
            None => format!("{:.1} %", share * 100.0),
        },
    }
}

/// `part` of `whole` as percent; [`NONE`] of nothing.
pub fn share(part: u64, whole: u64) -> String {
    percent(ratio(part, whole))
}

/// `part` over `whole`; not a number when there is nothing.
pub fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { f64::NAN } else { part as f64 / whole as f64 }
}

/// Bytes in the binary unit that fits.
pub fn bytes(number: u64) -> String {
    let units = [(1_u64 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.into_iter().find(|(size, _)| number >= *size) {
        Some((size, unit)) => format!("{} {unit}", significant(number as f64 / size as f64)),
        None => format!("{number} B"),
    }
}

/// A time in the unit that fits.
pub fn duration_ms(elapsed_ms: u64) -> String {
    match elapsed_ms {
        0..1_000 => format!("{elapsed_ms} ms"),
        1_000..60_000 => format!("{:.1} s", elapsed_ms as f64 / 1e3),
        _ => format!("{}:{:02} min", elapsed_ms / 60_000, elapsed_ms / 1_000 % 60),
    }
}

/// How far off an estimate may be, such as `±0.8 %`.
pub fn error(relative_error: f64) -> String {
    let share = relative_error * 100.0;
    let text = if share > 0.0 && share < 0.001 { "<0.001".to_owned() } else { significant_error(share) };
    format!("±{text} %")
}

fn significant_error(percent: f64) -> String {
    if percent <= 0.0 || !percent.is_finite() {
        return "0".to_owned();
    }
    let decimals = (1 - percent.log10().floor() as i32).clamp(0, 4) as usize;
    let written = format!("{percent:.decimals$}");
    match written.split_once('.') {
        Some((whole, fraction)) => trimmed(whole, fraction),
        None => written,
    }
}

/// A count: `1,234`, or `≈ 812,334 ±0.8 %`.
pub fn count(count: &Count) -> String {
    with_error(grouped(count.value), count.exact, count.relative_error)
}

/// A number: `1,234.5`, or `≈ 1,234.5 ±0.1 %`.
pub fn estimate(estimate: &Estimate) -> String {
    with_error(decimal(estimate.value), estimate.exact, estimate.relative_error)
}

/// A number that was written already, with its error when it has one.
pub fn with_error(number: String, exact: bool, relative_error: Option<f64>) -> String {
    match (exact, relative_error) {
        (true, _) => number,
        (false, Some(relative)) => format!("≈ {number} {}", error(relative)),
        (false, None) => format!("≈ {number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_keep_what_matters() {
        for (number, expected) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1_234_567.0, "1,234,567"),
            (1_234_567.894, "1,234,567.89"),
            (-12.5, "−12.5"),
            (0.012_345_678, "0.0123457"),
            (1e-7, "1e-7"),
            (1.797_693_134_862_315_7e308, "1.79769e308"),
            (f64::NAN, "–"),
            (f64::NEG_INFINITY, "−∞"),
        ] {
            assert_eq!(decimal(number), expected);
        }
        for (number, expected) in [
            (0.0, "0"),
            (1_250_000.0, "1.25M"),
            (340_000.0, "340k"),
            (2_013.0, "2013"),
            (1_092.8, "1093"),
            (0.0123, "0.0123"),
            (-99.5, "−99.5"),
            (3.2e20, "3.2e20"),
        ] {
            assert_eq!(short(number), expected);
        }
    }

    #[test]
    fn shares_and_errors_do_not_lie_at_the_ends() {
        for (share, expected) in [
            (0.0, "0 %"),
            (1e-9, "<0.1 %"),
            (0.123, "12.3 %"),
            (0.5, "50 %"),
            (0.999_99, ">99.9 %"),
            (1.0, "100 %"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(percent(share), expected);
        }
        for (relative, expected) in [(0.008, "±0.8 %"), (0.000_976_562_5, "±0.098 %"), (0.123, "±12 %")] {
            assert_eq!(error(relative), expected);
        }
        let estimate = Count { value: 812_334, exact: false, relative_error: Some(0.008) };
        assert_eq!(count(&estimate), "≈ 812,334 ±0.8 %");
        assert_eq!((bytes(350_000_000), bytes(12)), ("334 MiB".to_owned(), "12 B".to_owned()));
        assert_eq!((duration_ms(12), duration_ms(61_000)), ("12 ms".to_owned(), "1:01 min".to_owned()));
    }
}
