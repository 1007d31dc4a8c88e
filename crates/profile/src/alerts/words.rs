//! Figures in sentences.

use bordereau_base::figure::grouped;

/// A share of a whole in percent; never 0 or 100 unless it is.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if part == 0 || whole == 0 {
        return "0 %".to_owned();
    }
    if part >= whole {
        return "100 %".to_owned();
    }
    let percent = part as f64 / whole as f64 * 100.0;
    match percent {
        _ if percent < 0.1 => "less than 0.1 %".to_owned(),
        _ if percent > 99.9 => "more than 99.9 %".to_owned(),
        _ => format!("{percent:.1} %"),
    }
}

/// `12 of 3,400 values (0.4 %)`.
pub(crate) fn of(part: u64, whole: u64, what: &str) -> String {
    format!("{} of {} {what} ({})", grouped(part), grouped(whole), percent(part, whole))
}

/// `1 value`, `2 values`.
pub(crate) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// Up to `most` of the names, and how many more there are.
pub(crate) fn listed(names: &[String], most: usize) -> String {
    let shown = names.iter().take(most).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures() {
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(999), "999");
        assert_eq!(of(1, 3, "rows"), "1 of 3 rows (33.3 %)");
        assert_eq!(percent(1, 1_000_000), "less than 0.1 %");
        assert_eq!(percent(999_999, 1_000_000), "more than 99.9 %");
        assert_eq!(percent(5, 5), "100 %");
        assert_eq!(counted(1, "value", "values"), "1 value");
        assert_eq!(listed(&["a".to_owned(), "b".to_owned(), "c".to_owned()], 2), "a, b and 1 more");
    }
}
