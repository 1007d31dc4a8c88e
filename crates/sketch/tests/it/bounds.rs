//! Estimates keep the error they state.

use bordereau_sketch::codec::Codec as _;
use bordereau_sketch::distinct::Distinct;
use bordereau_sketch::hash::hash_bytes;
use bordereau_sketch::keys::{Estimate, JoinStatistics, KeyCounts, Uniqueness};
use bordereau_sketch::moments::Moments;
use bordereau_sketch::quantiles::{BUCKETS_MAX_MIN, LogHistogram, Side};
use proptest::prelude::*;

use crate::generated::{any_number, shapes, uniform};

#[test]
fn distinct_counts_keep_their_error() {
    for precision in [8, 11, 14] {
        let mut squares = 0.0;
        let sizes = [0, 1, 2, 10, 100, 1_000, 3_000, 10_000, 40_000, 60_000, 100_000, 400_000];
        for size in sizes {
            let mut distinct = Distinct::new(precision);
            let hashes: Vec<u64> = (0..size).map(|i: u64| hash_bytes(&(i << 20 | size).to_le_bytes())).collect();
            distinct.add_hashes(&hashes);
            distinct.add_hashes(&hashes);
            let error = (distinct.estimate() - size as f64) / (size as f64).max(1.0);
            let stated = distinct.relative_standard_error();
            assert!(error.abs() <= 4.0 * stated, "{size} at {precision}: {error}, stated {stated}");
            squares += (error / stated).powi(2);
        }
        let rms = (squares / sizes.len() as f64).sqrt();
        assert!(rms < 1.5, "at {precision} errors are {rms} times what is stated");
    }
}

#[test]
fn percentiles_keep_their_error() {
    for (name, numbers) in shapes() {
        for buckets_max in [BUCKETS_MAX_MIN, 32_768, u32::MAX] {
            let mut histogram = LogHistogram::new(buckets_max);
            histogram.add_all(&numbers);
            check_percentiles(name, &histogram, &numbers);
        }
    }
}

#[test]
fn more_octaves_than_buckets_each_keep_one() {
    let magnitudes = (1..=2_046_u64).map(|exponent| f64::from_bits(exponent << 52));
    let subnormals = (0..52).map(|bit| f64::from_bits(1 << bit));
    let numbers: Vec<f64> = subnormals.chain(magnitudes).flat_map(|number| [number, -number]).collect();
    assert!(numbers.len() > BUCKETS_MAX_MIN as usize);
    let mut whole = LogHistogram::new(BUCKETS_MAX_MIN);
    whole.add_all(&numbers);
    check_percentiles("all octaves", &whole, &numbers);
    assert_eq!(whole.relative_error(), 0.5);
    let mut halves = [LogHistogram::new(BUCKETS_MAX_MIN), LogHistogram::new(BUCKETS_MAX_MIN)];
    numbers.iter().enumerate().for_each(|(at, number)| halves[at % 2].add(*number, 1));
    let [mut one, other] = halves;
    one.merge(&other).unwrap();
    let bytes = one.encode();
    assert_eq!(bytes, whole.encode());
    assert_eq!(LogHistogram::decode(&bytes).unwrap().encode(), bytes);
}

fn check_percentiles(name: &str, histogram: &LogHistogram, numbers: &[f64]) {
    let mut sorted: Vec<f64> = numbers.iter().copied().filter(|number| number.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    assert_eq!(histogram.count() as usize, sorted.len());
    let error = histogram.relative_error();
    for percent in (0..=100).step_by(5).chain([1, 99]) {
        let share = f64::from(percent) / 100.0;
        let Some(found) = histogram.quantile(share) else {
            assert!(sorted.is_empty());
            continue;
        };
        let rank = ((share * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len());
        let exact = sorted[rank - 1];
        let bound = exact.abs() * error * (1.0 + 1e-12);
        let apart = (found - exact).abs();
        assert!(apart <= bound, "{name}, {percent} %: {found:e} for {exact:e}, error {error}");
        assert!(sorted[0] <= found && found <= sorted[sorted.len() - 1]);
    }
    if let (Some(first), Some(last)) = (sorted.first(), sorted.last()) {
        assert_eq!((histogram.min(), histogram.max()), (Some(*first), Some(*last)));
        assert_eq!((histogram.quantile(0.0), histogram.quantile(1.0)), (Some(*first), Some(*last)));
    }
}

#[test]
fn a_histogram_is_precise_until_octaves_are_many() {
    for (name, numbers) in shapes() {
        let mut histogram = LogHistogram::default();
        histogram.add_all(&numbers);
        let precise = histogram.relative_error() == 2.0_f64.powi(-10);
        assert_eq!(precise, !["every octave", "bits"].contains(&name), "{name}");
        assert!(histogram.memory_bytes() <= 32_768 * 4 * 2 + 16_384, "{name}: {}", histogram.memory_bytes());
    }
}

#[test]
fn counts_beside_a_bound_are_exact_where_no_bucket_is_cut() {
    let mut histogram = LogHistogram::default();
    (-400..=400).for_each(|number| histogram.add(f64::from(number), 2));
    // A positive number is the lower edge of its bucket, a negative one the upper edge.
    for (bound, below) in [(0.0, 800), (17.0, 834), (400.0, 1_600), (1e9, 1_602), (-1e9, 0)] {
        assert_eq!(histogram.count_below(bound), Side { count: below, interpolated: false }, "below {bound}");
    }
    for (bound, at_most) in [(0.0, 802), (-17.0, 768), (-400.0, 2), (400.0, 1_602), (1e9, 1_602), (-1e9, 0)] {
        assert_eq!(histogram.count_at_most(bound), Side { count: at_most, interpolated: false }, "at most {bound}");
    }
    assert!(histogram.count_at_most(17.0).interpolated);
    assert_eq!(histogram.count_below(f64::NEG_INFINITY).count, 0);
    assert_eq!(histogram.count_at_most(f64::INFINITY).count, 1_602);
}

proptest! {
    #[test]
    fn buckets_hold_what_was_counted_in_them(numbers in proptest::collection::vec(any_number(), 0..200)) {
        let mut histogram = LogHistogram::new(0);
        histogram.add_all(&numbers);
        let buckets: Vec<_> = histogram.buckets().collect();
        prop_assert!(buckets.windows(2).all(|pair| pair[0].high < pair[1].low));
        for bucket in &buckets {
            let held = numbers.iter().filter(|number| bucket.low <= **number && **number <= bucket.high).count();
            prop_assert_eq!(held as u64, bucket.count);
            for number in numbers.iter().filter(|number| bucket.low <= **number && **number <= bucket.high) {
                let apart = (bucket.middle - number).abs();
                prop_assert!(apart <= number.abs() * histogram.relative_error(), "{} {:?}", number, bucket);
            }
        }
        let finite = numbers.iter().filter(|number| number.is_finite()).count() as u64;
        let (negative, positive) = histogram.infinities();
        prop_assert_eq!(finite, histogram.count());
        prop_assert_eq!(numbers.len() as u64, finite + negative + positive + histogram.refused());
        check_percentiles("any", &histogram, &numbers);
        for bound in [0.0, 1.0, -1.0, 5e-324, 123.456] {
            let side = histogram.count_at_most(bound);
            let exact = numbers.iter().filter(|number| number.is_finite() && **number <= bound).count() as u64;
            prop_assert!(side.interpolated || side.count == exact, "{} {:?} {}", bound, side, exact);
        }
    }
}

#[test]
fn counts_beyond_four_bytes_are_kept() {
    let mut histogram = LogHistogram::default();
    histogram.add(2.0, u64::from(u32::MAX));
    let mut other = histogram.clone();
    other.add(2.0, 10);
    histogram.merge(&other).unwrap();
    let expected = 2 * u64::from(u32::MAX) + 10;
    assert_eq!(histogram.buckets().map(|bucket| bucket.count).collect::<Vec<_>>(), [expected]);
    let hash = hash_bytes(b"key");
    let mut keys = KeyCounts::new(1_024);
    keys.add(&vec![hash; 70_000]);
    for _ in 0..17 {
        let twin = keys.clone();
        keys.merge(&twin).unwrap();
    }
    assert_eq!(keys.settled().counts().collect::<Vec<_>>(), [(hash, 70_000 << 17)]);
}

#[test]
fn moments_are_right_far_from_zero_and_at_the_ends_of_the_range() {
    let numbers: Vec<f64> = (0..10_000).map(|i| f64::from(i % 4)).collect();
    for (offset, factor) in
        [(0.0, 1.0), (1e9, 1.0), (-1e12, 1.0), (0.0, 1e307), (0.0, 1e-320), (0.0, 1e150), (0.0, 1e-160)]
    {
        let moved: Vec<f64> = numbers.iter().map(|number| number * factor + offset).collect();
        let mut moments = Moments::default();
        moved.chunks(999).for_each(|block| moments.merge(&Moments::of(block)));
        let near = |found: Option<f64>, expected: f64, name: &str| {
            let found = found.unwrap();
            assert!(
                (found - expected).abs() <= 1e-3 * expected.abs().min(1.0) + 1e-7,
                "{name} {found:e} {offset:e} {factor:e}"
            );
        };
        near(moments.mean().map(|mean| (mean - offset) / factor), 1.5, "mean");
        near(
            moments.standard_deviation().map(|deviation| deviation / factor),
            (12_500.0_f64 / 9_999.0).sqrt(),
            "deviation",
        );
        near(moments.skewness(), 0.0, "skewness");
        near(moments.kurtosis(), -1.36, "kurtosis");
    }
}

#[test]
fn moments_of_a_constant_have_no_spread() {
    for constant in [0.0, -0.0, 42.1, 1e308, -1e308, 5e-324, 0.1] {
        let mut moments = Moments::of(&vec![constant; 1_001]);
        moments.merge(&Moments::of(&vec![constant; 77]));
        assert_eq!((moments.mean(), moments.variance()), (Some(constant), Some(0.0)));
        assert_eq!((moments.skewness(), moments.kurtosis()), (None, None));
    }
}

#[test]
fn moments_leave_out_what_is_not_finite() {
    let moments = Moments::of(&[f64::NAN, 1.0, f64::INFINITY, 2.0, 6.0, f64::NEG_INFINITY]);
    assert_eq!((moments.count(), moments.mean(), moments.variance()), (3, Some(3.0), Some(7.0)));
    assert_eq!(Moments::of(&[f64::NAN]), Moments::default());
    assert_eq!((Moments::default().mean(), Moments::of(&[1.0]).variance()), (None, None));
}

/// That an estimate is within four of the deviations it states.
fn check(name: &str, estimate: Estimate, truth: f64) {
    assert!(!estimate.exact);
    let apart = (estimate.value - truth).abs();
    assert!(apart <= 4.0 * estimate.standard_error, "{name}: {estimate:?} for {truth}");
}

#[test]
fn keys_beyond_the_limit_keep_their_error() {
    const KEYS: u64 = 300_000;
    let hash = |key: u64| hash_bytes(&key.to_le_bytes());
    let parents: Vec<u64> = (0..KEYS).map(hash).collect();
    // Some keys repeat, some have no parent.
    let children: Vec<u64> = (0..2 * KEYS).map(|row| hash((uniform(row) * 1.2 * KEYS as f64) as u64)).collect();
    let (mut left, mut right) = (KeyCounts::new(10_000), KeyCounts::new(3_000));
    parents.chunks(777).for_each(|block| left.add(block));
    children.chunks(777).for_each(|block| right.add(block));
    let (left, right) = (left.into_settled(), right.into_settled());
    assert!(left.kept() <= 10_000 && left.kept() > 4_000, "{}", left.kept());
    check("parents", left.distinct(), KEYS as f64);
    check("repeats of parents", left.repeats(), 0.0);
    assert_eq!(left.uniqueness(), Uniqueness::UniqueInSample);
    let mut distinct = children.clone();
    distinct.sort_unstable();
    distinct.dedup();
    check("children", right.distinct(), distinct.len() as f64);
    check("repeats", right.repeats(), (children.len() - distinct.len()) as f64);
    assert_eq!(right.uniqueness(), Uniqueness::Repeated);
    let known: std::collections::BTreeSet<u64> = parents.into_iter().collect();
    let join = JoinStatistics::of(&left, &right);
    assert_eq!(join.level, left.level().max(right.level()));
    check(
        "orphans",
        join.children_without_parent,
        children.iter().filter(|child| !known.contains(child)).count() as f64,
    );
    let shared = distinct.iter().filter(|key| known.contains(key)).count();
    check("shared", join.shared_keys, shared as f64);
    check("orphan keys", join.child_keys_without_parent, (distinct.len() - shared) as f64);
    check("childless", join.parents_without_child, (known.len() - shared) as f64);
}
