//! Merging is associative and commutative, and the same as adding everything to one.

use std::collections::BTreeMap;

use bordereau_sketch::codec::{Codec, Error};
use bordereau_sketch::distinct::Distinct;
use bordereau_sketch::frequent::{BlockCounts, Capacity, Frequent};
use bordereau_sketch::hash::hash_bytes;
use bordereau_sketch::keys::{JoinStatistics, KeyCounts, Uniqueness};
use bordereau_sketch::moments::Moments;
use bordereau_sketch::quantiles::LogHistogram;
use bordereau_sketch::sample::BottomSample;
use bordereau_sketch::sum::ExactSum;
use proptest::prelude::*;

use crate::generated::{any_number, finite, rearranged, value, zipf};

/// That a sketch does not depend on the order, on the cuts, or on how parts are put together.
fn check_order<T: Clone, S: Codec + Clone>(
    items: &[T],
    cuts: [usize; 2],
    seed: u64,
    new: impl Fn() -> S,
    add: impl Fn(&mut S, &[T]),
    merge: impl Fn(&mut S, &S),
) {
    let mut whole = new();
    add(&mut whole, items);
    let whole = whole.encode();
    let shuffled = rearranged(items, seed);
    let mut bounds = cuts.map(|cut| cut % (items.len() + 1));
    bounds.sort_unstable();
    let part = |from: usize, to: usize| {
        let mut part = new();
        add(&mut part, &shuffled[from..to]);
        part
    };
    let (a, b, c) = (part(0, bounds[0]), part(bounds[0], bounds[1]), part(bounds[1], items.len()));
    let merged = |left: &S, right: &S| {
        let mut left = left.clone();
        merge(&mut left, right);
        left
    };
    assert_eq!(merged(&merged(&a, &b), &c).encode(), whole, "(a + b) + c");
    assert_eq!(merged(&a, &merged(&b, &c)).encode(), whole, "a + (b + c)");
    assert_eq!(merged(&merged(&c, &a), &b).encode(), whole, "(c + a) + b");
    let kept = S::decode(&whole).unwrap();
    assert_eq!(kept.encode(), whole, "decoded and encoded");
    assert_eq!(merged(&kept, &new()).encode(), whole, "with nothing");
    assert_eq!(merged(&new(), &kept).encode(), whole, "into nothing");
}

/// A float with its count, or a decimal: mantissa, scale, count.
type Term = Result<(f64, u64), (i64, u8, u64)>;

fn entry(value: &[u8]) -> (u64, &[u8], u64) {
    (hash_bytes(value), value, 1)
}

proptest! {
    #[test]
    fn distinct_counts_are_order_independent(
        count in 0_u64..6_000, step in 1_u64..5, precision in 8_u8..=14, cuts: [usize; 2], seed: u64
    ) {
        let hashes: Vec<u64> = (0..count).map(|i| hash_bytes(&(i / step).to_le_bytes())).collect();
        let add = |sketch: &mut Distinct, hashes: &[u64]| sketch.add_hashes(hashes);
        check_order(&hashes, cuts, seed, || Distinct::new(precision), add, |a, b| a.merge(b).unwrap());
        check_order(&hashes, cuts, seed, || Distinct::dense(precision), add, |a, b| a.merge(b).unwrap());
    }

    #[test]
    fn histograms_are_order_independent(
        numbers in proptest::collection::vec(any_number(), 0..400), cuts: [usize; 2], seed: u64
    ) {
        let add = |sketch: &mut LogHistogram, numbers: &[f64]| sketch.add_all(numbers);
        check_order(&numbers, cuts, seed, || LogHistogram::new(0), add, |a, b| a.merge(b).unwrap());
        check_order(&numbers, cuts, seed, LogHistogram::default, add, |a, b| a.merge(b).unwrap());
    }

    #[test]
    fn sums_are_order_independent(
        numbers in proptest::collection::vec((any_number(), 0_u64..=u64::from(u32::MAX)), 0..100),
        decimals in proptest::collection::vec((any::<i64>(), 0_u8..20, 0_u64..1_000), 0..100),
        cuts: [usize; 2], seed: u64
    ) {
        let terms: Vec<Term> = numbers.into_iter().map(Ok).chain(decimals.into_iter().map(Err)).collect();
        let add = |sum: &mut ExactSum, terms: &[Term]| {
            for term in terms {
                match *term {
                    Ok((number, count)) => sum.add(number, count),
                    Err((mantissa, scale, count)) => sum.add_decimal(mantissa, scale, count),
                }
            }
        };
        check_order(&terms, cuts, seed, ExactSum::default, add, |a, b| a.merge(b));
    }

    #[test]
    fn samples_are_order_independent(
        values in proptest::collection::vec(value(), 0..200), size in 1_u32..50, cuts: [usize; 2], seed: u64
    ) {
        let add = |sample: &mut BottomSample, values: &[Vec<u8>]| {
            values.iter().for_each(|value| sample.add(hash_bytes(value), value, 1));
        };
        check_order(&values, cuts, seed, || BottomSample::new(size), add, |a, b| a.merge(b).unwrap());
    }

    #[test]
    fn a_sample_has_the_smallest_hashes_and_their_counts(values in proptest::collection::vec(value(), 0..200),
        size in 1_u32..50) {
        let mut sample = BottomSample::new(size);
        let mut counts = BTreeMap::new();
        for value in &values {
            sample.add(hash_bytes(value), value, 1);
            *counts.entry(hash_bytes(value)).or_insert(0) += 1;
        }
        let found: Vec<_> = sample.values().map(|value| (value.hash, value.count)).collect();
        prop_assert_eq!(sample.is_complete(), counts.len() <= size as usize);
        prop_assert_eq!(found, counts.into_iter().take(size as usize).collect::<Vec<_>>());
    }

    #[test]
    fn exact_values_are_order_independent(
        values in proptest::collection::vec(value(), 0..200), cuts: [usize; 2], seed: u64
    ) {
        let add = |frequent: &mut Frequent, values: &[Vec<u8>]| {
            frequent.merge_block(values.iter().map(|value| entry(value)), 0);
        };
        check_order(&values, cuts, seed, Frequent::default, add, |a, b| a.merge(b).unwrap());
    }

    #[test]
    fn values_keep_their_bounds_when_they_do_not_fit(
        blocks in proptest::collection::vec(proptest::collection::vec(0_u64..200, 0..300), 0..8),
        counters in 1_u32..40, room in 0_u32..60, k in 0_usize..40, cut in 0_usize..8
    ) {
        let capacity = Capacity { values_max: counters + room, bytes_max: 1 << 20, counters };
        let blocks: Vec<Vec<u64>> = blocks.iter().map(|b| b.iter().map(|v| v * v / 100).collect()).collect();
        let mut truth = BTreeMap::new();
        let mut parts = [Frequent::new(capacity), Frequent::new(capacity)];
        let mut block_errors = 0;
        for (index, block) in blocks.iter().enumerate() {
            let mut counts = BTreeMap::new();
            block.iter().for_each(|value| *counts.entry(value.to_be_bytes()).or_insert(0_u64) += 1);
            counts.iter().for_each(|(value, count)| *truth.entry(*value).or_insert(0) += count);
            let entries = counts.iter().map(|(value, count)| (hash_bytes(value), value.as_slice(), *count));
            let block = BlockCounts::top(entries, k);
            prop_assert!(block.len() <= k);
            block_errors += block.error();
            parts[usize::from(index >= cut)].merge_counts(&block);
        }
        let [mut all, second] = parts;
        all.merge(&second).unwrap();
        let rows: u64 = truth.values().sum();
        prop_assert!(all.absent_count_max() <= rows / u64::from(counters + 1) + block_errors);
        for (value, count) in &truth {
            match all.values().find(|held| held.bytes == value) {
                Some(held) => {
                    prop_assert!(held.count <= *count && *count <= held.count + held.error, "{:?} of {}", held, count);
                }
                None => prop_assert!(*count <= all.absent_count_max()),
            }
        }
        if all.is_exact() {
            prop_assert_eq!(all.len(), truth.len());
        }
        prop_assert_eq!(Frequent::decode(&all.encode()).unwrap().encode(), all.encode());
    }

    #[test]
    fn keys_are_order_independent(
        count in 0_u64..8_000, distinct in 1_u64..8_000, cuts: [usize; 2], seed: u64
    ) {
        let hashes: Vec<u64> = (0..count).map(|i| hash_bytes(&(i % distinct).to_le_bytes())).collect();
        let add = |keys: &mut KeyCounts, hashes: &[u64]| {
            let (first, rest) = hashes.split_at(hashes.len() / 3);
            keys.add(first);
            keys.settled();
            keys.add(rest);
        };
        check_order(&hashes, cuts, seed, || KeyCounts::new(1_024), add, |a, b| a.merge(b).unwrap());
    }

    #[test]
    fn keys_made_up_to_collide_are_counted(hashes in proptest::collection::vec(0_u64..1_000, 0..2_000)) {
        let mut keys = KeyCounts::new(1_024);
        let mut counts = BTreeMap::new();
        hashes.iter().for_each(|hash| *counts.entry(*hash).or_insert(0_u64) += 1);
        keys.add(&hashes);
        let settled = keys.settled();
        prop_assert!(settled.is_exact());
        prop_assert_eq!(settled.counts().collect::<Vec<_>>(), counts.clone().into_iter().collect::<Vec<_>>());
        prop_assert_eq!(settled.repeats().value as usize, hashes.len() - counts.len());
        prop_assert_eq!(settled.uniqueness() == Uniqueness::Unique, hashes.len() == counts.len());
    }

    #[test]
    fn moments_of_parts_are_those_of_the_whole(
        numbers in proptest::collection::vec(finite(), 1..200), cut: usize
    ) {
        let whole = Moments::of(&numbers);
        let (left, right) = numbers.split_at(cut % numbers.len());
        let mut merged = Moments::of(left);
        merged.merge(&Moments::of(right));
        check_close(&whole, &merged, &numbers);
        check_close(&whole, &Moments::of_weighted(numbers.iter().map(|number| (*number, 1))), &numbers);
        prop_assert_eq!(Moments::decode(&merged.encode()).unwrap(), merged);
    }

    #[test]
    fn numbers_with_counts_are_numbers_repeated(
        numbers in proptest::collection::vec((-1e3..1e3_f64, 0_u64..20), 0..50)
    ) {
        let repeated = numbers.iter().flat_map(|(number, count)| std::iter::repeat_n(*number, *count as usize));
        let repeated: Vec<f64> = repeated.collect();
        let (mut histogram, mut sum) = (LogHistogram::default(), ExactSum::default());
        for (number, count) in &numbers {
            histogram.add(*number, *count);
            sum.add(*number, *count);
        }
        let (mut one_by_one, mut sum_of_all) = (LogHistogram::default(), ExactSum::default());
        one_by_one.add_all(&repeated);
        sum_of_all.add_all(&repeated);
        prop_assert_eq!(histogram, one_by_one);
        prop_assert_eq!(sum, sum_of_all);
        check_close(&Moments::of(&repeated), &Moments::of_weighted(numbers.iter().copied()), &repeated);
    }

    #[test]
    fn joins_are_those_of_sets(
        parents in proptest::collection::vec(0_u64..300, 0..400),
        children in proptest::collection::vec(0_u64..400, 0..800)
    ) {
        let hashes = |keys: &[u64]| keys.iter().map(|key| hash_bytes(&key.to_le_bytes())).collect::<Vec<_>>();
        let (mut left, mut right) = (KeyCounts::new(1_024), KeyCounts::new(1_024));
        left.add(&hashes(&parents));
        right.add(&hashes(&children));
        let join = JoinStatistics::of(left.settled(), right.settled());
        let mut per_parent: BTreeMap<u64, u64> = parents.iter().map(|parent| (*parent, 0)).collect();
        let mut orphans = 0;
        for child in &children {
            match per_parent.get_mut(child) {
                Some(count) => *count += 1,
                None => orphans += 1,
            }
        }
        prop_assert_eq!(join.children_without_parent.value as u64, orphans);
        prop_assert_eq!(join.parents_without_child.value as usize, per_parent.values().filter(|n| **n == 0).count());
        let mut distribution = BTreeMap::new();
        per_parent.values().for_each(|children| *distribution.entry(*children).or_insert(0_u64) += 1);
        let found: Vec<_> = join.children_per_parent.iter().map(|with| (with.children, with.parents)).collect();
        prop_assert_eq!(found, distribution.into_iter().collect::<Vec<_>>());
        let mut sorted: Vec<u64> = per_parent.into_values().collect();
        sorted.sort_unstable();
        prop_assert_eq!(join.children_at(0.5), sorted.get(sorted.len().div_ceil(2).saturating_sub(1)).copied());
        prop_assert_eq!(join.children_at(1.0), sorted.last().copied());
    }
}

/// That two moments of the same numbers differ by rounding alone.
fn check_close(left: &Moments, right: &Moments, numbers: &[f64]) {
    assert_eq!(left.count(), right.count());
    let greatest = numbers.iter().fold(0.0, |greatest: f64, number| greatest.max(number.abs()));
    let near = |a: Option<f64>, b: Option<f64>, scale: f64| match (a, b) {
        (Some(a), Some(b)) => a == b || (a - b).abs() <= 1e-12 * scale,
        (None, None) => true,
        _ => false,
    };
    assert!(near(left.mean(), right.mean(), greatest), "{left:?} {right:?}");
    assert!(near(left.standard_deviation(), right.standard_deviation(), greatest), "{left:?} {right:?}");
    // Where the spread is mere rounding, the shape means nothing.
    let spread = left.standard_deviation().unwrap_or(0.0);
    if spread > 1e-3 * greatest {
        assert!(near(left.skewness(), right.skewness(), 1e6), "{left:?} {right:?}");
        assert!(near(left.kurtosis(), right.kurtosis(), 1e8), "{left:?} {right:?}");
    }
}

#[test]
fn other_parameters_are_not_merged() {
    assert!(matches!(Distinct::new(8).merge(&Distinct::new(9)), Err(Error::Parameters(_))));
    assert!(matches!(LogHistogram::new(10_000).merge(&LogHistogram::new(20_000)), Err(Error::Parameters(_))));
    assert!(matches!(BottomSample::new(8).merge(&BottomSample::new(9)), Err(Error::Parameters(_))));
    assert!(matches!(KeyCounts::new(2_000).merge(&KeyCounts::new(3_000)), Err(Error::Parameters(_))));
    let other = Capacity { counters: 8, ..Capacity::default() };
    assert!(matches!(Frequent::default().merge(&Frequent::new(other)), Err(Error::Parameters(_))));
}

#[test]
fn frequent_values_are_ranked_by_count_then_bytes() {
    let mut frequent = Frequent::default();
    let values: [(&[u8], u64); 5] = [(b"b", 3), (b"a", 3), (b"c", 9), (b"", 1), (b"long enough for the arena", 2)];
    frequent.merge_block(values.map(|(value, count)| (hash_bytes(value), value, count)), 0);
    let names = |found: Vec<bordereau_sketch::frequent::Frequency<'_>>| {
        found.iter().map(|value| String::from_utf8_lossy(value.bytes).into_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(frequent.top(3)), ["c", "a", "b"]);
    assert_eq!(names(frequent.rarest(2).unwrap()), ["", "long enough for the arena"]);
    assert_eq!(frequent.top(0).len(), 0);
    assert_eq!(frequent.top(99).len(), 5);
}

#[test]
fn a_block_of_unique_values_merges_for_free() {
    let values: Vec<[u8; 8]> = (0..5_000_u64).map(u64::to_le_bytes).collect();
    let block = BlockCounts::top(values.iter().map(|value| entry(value)), 1_024);
    assert_eq!((block.len(), block.error()), (0, 1));
}

#[test]
fn heavy_values_survive_a_long_tail() {
    let mut frequent = Frequent::new(Capacity { values_max: 4_096, bytes_max: 1 << 20, counters: 256 });
    let mut truth = BTreeMap::new();
    for block in 0..50_u64 {
        let mut counts = BTreeMap::new();
        for row in 0..2_000 {
            let rank = zipf(block * 2_000 + row).to_be_bytes();
            *counts.entry(rank).or_insert(0_u64) += 1;
            *truth.entry(rank).or_insert(0_u64) += 1;
        }
        frequent.merge_block(counts.iter().map(|(value, count)| (hash_bytes(value), value.as_slice(), *count)), 0);
    }
    assert!(!frequent.is_exact());
    let mut expected: Vec<_> = truth.into_iter().collect();
    expected.sort_by(|left, right| right.1.cmp(&left.1).then(left.0.cmp(&right.0)));
    for (found, (value, count)) in frequent.top(20).iter().zip(expected) {
        assert_eq!((found.bytes, found.count, found.error), (value.as_slice(), count, 0));
    }
}
