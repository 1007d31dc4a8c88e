//! A column of more distinct values than are counted: every estimate lies within the error it states.

use bordereau_profile::document::Estimate;

use super::column;

/// Numbers that look random, the same every time.
fn scattered(count: u64) -> Vec<f64> {
    let mix = |n: u64| {
        let mixed = (n ^ (n >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40
    };
    (1..=count).map(|n| (mix(n) as f64 / 64.0).powi(2) / 1e4 - 500.0).collect()
}

fn holds(found: &Estimate, truth: f64) -> bool {
    let error = found.relative_error.unwrap_or(0.0);
    (found.value - truth).abs() <= error * found.value.abs() * (1.0 + 1e-9) + truth.abs() * 1e-9
}

#[test]
fn estimates_lie_within_their_stated_errors() {
    let mut numbers = scattered(90_000);
    numbers.extend(std::iter::repeat_n(17.0, 10_000));
    let values: Vec<String> = numbers.iter().map(f64::to_string).collect();
    let found = column("amount", &values);
    let mut sorted = numbers.clone();
    sorted.sort_by(f64::total_cmp);
    let rank = |sorted: &[f64], percent: usize| sorted[(percent * sorted.len()).div_ceil(100).max(1) - 1];
    let stats = found.numbers.unwrap();
    for percentile in &stats.percentiles {
        let truth = rank(&sorted, usize::from(percentile.percent));
        let found =
            Estimate { value: percentile.value, exact: percentile.exact, relative_error: percentile.relative_error };
        assert!(holds(&found, truth), "{} {truth} {found:?}", percentile.percent);
        assert_eq!(percentile.exact, percentile.relative_error.is_none());
    }
    assert!(holds(&stats.interquartile_range, rank(&sorted, 75) - rank(&sorted, 25)));
    let median = rank(&sorted, 50);
    let mut distances: Vec<f64> = numbers.iter().map(|number| (number - median).abs()).collect();
    distances.sort_by(f64::total_cmp);
    assert!(holds(&stats.median_absolute_deviation, rank(&distances, 50)));

    let mut counts = std::collections::BTreeMap::new();
    values.iter().for_each(|value| *counts.entry(value.as_str()).or_insert(0_u64) += 1);
    let error = found.distinct.relative_error.unwrap();
    assert!(!found.distinct.exact);
    assert!((found.distinct.value as f64 / counts.len() as f64 - 1.0).abs() < 3.0 * error);
    let total = values.len() as f64;
    let entropy: f64 = counts.values().map(|count| -(*count as f64 / total) * (*count as f64 / total).log2()).sum();
    assert!(holds(&found.entropy, entropy), "{entropy} {:?}", found.entropy);
    let top = &found.frequent.values[0];
    assert_eq!(top.value, "17");
    assert!(top.count <= 10_000 && top.count + top.count_error >= 10_000);
    assert!(!found.frequent.exact && found.frequent.missed_at_most.unwrap() < 10_000);
    for histogram in [&stats.equal_width, &stats.equal_count] {
        assert_eq!(histogram.bins.iter().map(|bin| bin.count).sum::<u64>(), values.len() as u64);
    }
    let outside = &stats.outside_fences;
    let fences = {
        let (lower, upper) = (rank(&sorted, 25), rank(&sorted, 75));
        (lower - 1.5 * (upper - lower), upper + 1.5 * (upper - lower))
    };
    let truth = numbers.iter().filter(|number| **number < fences.0 || **number > fences.1).count() as f64;
    let off = outside.relative_error.unwrap_or(0.0) * outside.value.max(1) as f64;
    assert!((outside.value as f64 - truth).abs() <= off, "{truth} {outside:?}");
}
