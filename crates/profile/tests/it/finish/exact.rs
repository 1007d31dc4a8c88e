//! Statistics of small columns against their definitions.

use proptest::prelude::*;

use super::{column, repeated};

fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted[(percent * sorted.len()).div_ceil(100).max(1) - 1]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn numbers_are_as_defined(
        numbers in prop::collection::vec((-9_999_i32..9_999).prop_map(|n| f64::from(n) / 8.0), 2..80),
    ) {
        let values: Vec<String> = numbers.iter().map(f64::to_string).collect();
        let found = column("amount", &values);
        let stats = found.numbers.unwrap();
        let mut sorted = numbers.clone();
        sorted.sort_by(f64::total_cmp);
        prop_assert_eq!((stats.min, stats.max), (sorted[0], sorted[sorted.len() - 1]));
        prop_assert_eq!(stats.sum, numbers.iter().sum::<f64>());
        for found in &stats.percentiles {
            prop_assert_eq!(found.value, percentile(&sorted, usize::from(found.percent)));
            prop_assert!(found.exact && found.relative_error.is_none());
        }
        let (lower, upper) = (percentile(&sorted, 25), percentile(&sorted, 75));
        prop_assert_eq!(stats.interquartile_range.value, upper - lower);
        let fences = (lower - 1.5 * (upper - lower), upper + 1.5 * (upper - lower));
        prop_assert_eq!(stats.fences, fences);
        let outside = numbers.iter().filter(|n| **n < fences.0 || **n > fences.1).count() as u64;
        prop_assert_eq!(stats.outside_fences.value, outside);
        let median = percentile(&sorted, 50);
        let mut distances: Vec<f64> = numbers.iter().map(|n| (n - median).abs()).collect();
        distances.sort_by(f64::total_cmp);
        prop_assert_eq!(stats.median_absolute_deviation.value, percentile(&distances, 50));
        for histogram in [&stats.equal_width, &stats.equal_count] {
            prop_assert!(histogram.exact);
            prop_assert_eq!(histogram.bins.iter().map(|bin| bin.count).sum::<u64>(), numbers.len() as u64);
            for (place, bin) in histogram.bins.iter().enumerate() {
                let (from, to) = (bin.from.as_f64().unwrap(), bin.to.as_f64().unwrap());
                let last = place + 1 == histogram.bins.len();
                let inside = numbers.iter().filter(|n| **n >= from && (**n < to || last && **n <= to)).count() as u64;
                prop_assert_eq!(bin.count, inside);
            }
        }
    }

    #[test]
    fn texts_are_as_defined(values in prop::collection::vec("[abAB]{1,3}x", 1..60)) {
        let found = column("remark", &values);
        let mut counts = std::collections::BTreeMap::new();
        values.iter().for_each(|value| *counts.entry(value.as_str()).or_insert(0_u64) += 1);
        prop_assert_eq!(found.distinct.value, counts.len() as u64);
        let total = values.len() as f64;
        let entropy: f64 = counts.values().map(|count| -(*count as f64 / total) * (*count as f64 / total).log2()).sum();
        prop_assert!((found.entropy.value - entropy).abs() < 1e-9 && found.entropy.exact);
        let mut frequent: Vec<_> = counts.iter().map(|(value, count)| (*count, *value)).collect();
        frequent.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
        let shown: Vec<_> = found.frequent.values.iter().map(|value| (value.count, value.value.as_str())).collect();
        prop_assert_eq!(shown, frequent.iter().copied().take(20).collect::<Vec<_>>());
        let mut rare = frequent.clone();
        rare.sort();
        let shown: Vec<_> = found.rarest.iter().map(|value| (value.count, value.value.as_str())).collect();
        prop_assert_eq!(shown, rare.iter().copied().take(10).collect::<Vec<_>>());
        let lengths: u64 = found.strings.lengths.bins.iter().map(|bin| bin.count).sum();
        prop_assert_eq!(lengths, values.len() as u64);
        let mut folded: Vec<String> = counts.keys().map(|value| value.to_lowercase()).collect();
        folded.sort();
        let variants = folded.chunk_by(|a, b| a == b).filter(|group| group.len() > 1).count() as u64;
        prop_assert_eq!(found.strings.case_variants, variants);
    }
}

#[test]
fn days_are_counted_by_unit() {
    let dates = column("a", &["2024-01-01", "2024-01-03", "2024-01-03", "2030-05-01", "2024-02-30"]).dates.unwrap();
    assert_eq!((dates.count, dates.invalid, dates.future), (4, 1, 1));
    assert_eq!((dates.min.as_str(), dates.max.as_str()), ("2024-01-01", "2030-05-01"));
    assert_eq!(dates.histogram.bins.len(), 77);
    assert_eq!(dates.gaps, 75);
    assert_eq!(dates.longest_gap, Some(("2024-02".to_owned(), "2030-04".to_owned())));
}

#[test]
fn sentinels_are_hinted_at() {
    let mut values: Vec<String> = (20..80).map(|age| age.to_string()).collect();
    values.extend(repeated(&["9999"], 3));
    let hints = column("age", &values).nulls.sentinel_hints;
    assert_eq!(hints.iter().map(|hint| (hint.text.as_str(), hint.count)).collect::<Vec<_>>(), [("9999", 3)]);
    let mut values: Vec<String> = (0..80).map(|age| age.to_string()).collect();
    values.push("-1".to_owned());
    assert_eq!(column("age", &values).nulls.sentinel_hints.len(), 1);
    let ages: Vec<String> = (0..=99).map(|age| age.to_string()).collect();
    assert!(column("age", &ages).nulls.sentinel_hints.is_empty());
}

#[test]
fn extremes_are_finite() {
    let found = column("a", &["1e308", "-1e308", "1.7e308", "1e308", "5e-324", "-0"]);
    let numbers = found.numbers.unwrap();
    let json = serde_json::to_value(&numbers).unwrap();
    for name in ["range", "sum", "mean", "min", "max"] {
        assert!(json[name].is_number(), "{name}");
    }
    assert_eq!(numbers.equal_width.bins.iter().map(|bin| bin.count).sum::<u64>(), 6);
}

#[test]
fn the_order_of_numbers_with_a_decimal_comma_is_theirs() {
    use bordereau_profile::document::Sortedness::{Ascending, Descending, Unsorted};
    for (values, sorted) in [
        (["0,5", "1,234", "12,5", "13"], Ascending),
        (["13", "12,5", "1,234", "0,5"], Descending),
        (["1,5", "1,234", "12,5", "13"], Unsorted),
        // Grouped, as the point of the last says.
        (["0.5", "12", "1,234", "12.5"], Unsorted),
        (["0.5", "12", "1,234", "1,234.5"], Ascending),
    ] {
        assert_eq!(column("amount", &values).sorted, sorted, "{values:?}");
    }
}
