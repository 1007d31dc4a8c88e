//! What is known of the distribution function of a numeric column.
//!
//! A curve is a list of places in ascending order; at each it knows how many values lie below and how many lie at or
//! below. Between two places it knows only how many there are, and spreads them evenly. A curve of counted values has
//! a place for each value and nothing between; one of a histogram has the bounds of the bins. Cost: one place for each
//! value or bin.

use crate::document::{Histogram, NumberStatistics};

/// A place of a curve.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Place {
    at: f64,
    /// Values less than `at`.
    below: f64,
    /// Values of at most `at`.
    up_to: f64,
}

/// The distribution of the numbers of a column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Curve {
    places: Vec<Place>,
    total: f64,
}

/// Where a cut between two bins lies: at a number, which belongs to the lower or to the upper bin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cut {
    pub at: f64,
    pub side: Side,
}

/// Which bin the number at a cut belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    /// The upper bin: the lower one holds what is less.
    Below,
    /// The lower bin.
    UpTo,
}

/// The largest difference of two curves as shares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Distance {
    /// The largest difference at the places that are known.
    pub value: f64,
    /// The true one is no larger.
    pub at_most: f64,
}

impl Curve {
    /// The curve of values that were counted one by one, which come in ascending order; `None` without any.
    pub fn of_values(values: impl IntoIterator<Item = (f64, u64)>) -> Option<Self> {
        let mut places: Vec<Place> = Vec::new();
        let mut total = 0.0;
        for (at, count) in values.into_iter().filter(|(at, count)| at.is_finite() && *count > 0) {
            let up_to = total + count as f64;
            match places.last_mut().filter(|last| last.at == at) {
                Some(last) => last.up_to = up_to,
                None => places.push(Place { at, below: total, up_to }),
            }
            total = up_to;
        }
        (!places.is_empty()).then_some(Self { places, total })
    }

    /// The curve of bins `(from, to, count)` in ascending order, none of which overlap.
    pub fn of_bins(bins: impl IntoIterator<Item = (f64, f64, u64)>) -> Option<Self> {
        let mut places: Vec<Place> = Vec::new();
        let mut total = 0.0;
        for (from, to, count) in bins.into_iter().filter(|(from, to, count)| from <= to && *count > 0) {
            if places.last().is_none_or(|last| last.at < from) {
                places.push(Place { at: from, below: total, up_to: total });
            }
            total += count as f64;
            match places.last_mut().filter(|last| last.at >= to) {
                Some(last) => last.up_to = total,
                None => places.push(Place { at: to, below: total, up_to: total }),
            }
        }
        (!places.is_empty()).then_some(Self { places, total })
    }

    /// The curve of what a document says of numbers: the bounds of both histograms, least and greatest, and the values
    /// whose counts are known (`atoms`).
    pub fn of_statistics(numbers: &NumberStatistics, atoms: &[(f64, u64)]) -> Option<Self> {
        let total = numbers.count as f64;
        let mut bounds = cumulated(&numbers.equal_width);
        bounds.extend(cumulated(&numbers.equal_count));
        bounds.retain(|(at, _)| *at > numbers.min && *at < numbers.max);
        bounds.push((numbers.min, 0.0));
        bounds.push((numbers.max, total));
        bounds.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.total_cmp(&other.1)));
        let mut places: Vec<Place> = Vec::new();
        for (at, below) in bounds {
            let below = below.max(places.last().map_or(0.0, |last| last.below)).min(total);
            match places.last_mut().filter(|last| last.at == at) {
                Some(last) => last.up_to = last.up_to.max(below),
                None => places.push(Place { at, below, up_to: below }),
            }
        }
        if numbers.count == 0 {
            return None;
        }
        let mut curve = Self { places, total };
        curve.add_atoms(atoms);
        Some(curve)
    }

    /// Puts values of known counts in; what remains of a bin stays spread evenly.
    fn add_atoms(&mut self, atoms: &[(f64, u64)]) {
        let mut places: Vec<Place> = Vec::with_capacity(self.places.len() + atoms.len());
        for (at_index, place) in self.places.iter().enumerate() {
            let next = self.places.get(at_index + 1);
            let end = next.map_or(f64::INFINITY, |next| next.at);
            let inside: Vec<&(f64, u64)> = atoms.iter().filter(|(at, _)| *at >= place.at && *at < end).collect();
            let ceiling = next.map_or(self.total, |next| next.below);
            let known: f64 = inside.iter().map(|(_, count)| *count as f64).sum();
            let rest = (ceiling - place.up_to - known).max(0.0);
            places.push(*place);
            let mut counted = 0.0;
            for (at, count) in inside {
                let share = if end.is_finite() { (at - place.at) / (end - place.at) } else { 0.0 };
                let below = (place.up_to + rest * share + counted).min(ceiling);
                counted += *count as f64;
                let up_to = (below + *count as f64).min(ceiling);
                match places.last_mut().filter(|last| last.at == *at) {
                    Some(last) => last.up_to = up_to,
                    None => places.push(Place { at: *at, below, up_to }),
                }
            }
        }
        if let Some(last) = places.last_mut() {
            last.up_to = self.total;
        }
        self.places = places;
    }

    /// How many values there are.
    pub fn total(&self) -> f64 {
        self.total
    }

    /// The least and the greatest.
    pub fn range(&self) -> (f64, f64) {
        let at = |place: Option<&Place>| place.map_or(f64::NAN, |place| place.at);
        (at(self.places.first()), at(self.places.last()))
    }

    /// How many values lie in the lower part of a cut.
    pub fn count(&self, cut: Cut) -> f64 {
        let after = self.places.partition_point(|place| place.at < cut.at);
        match self.places.get(after) {
            Some(place) if place.at == cut.at && cut.side == Side::Below => place.below,
            Some(place) if place.at == cut.at => place.up_to,
            Some(place) => match after.checked_sub(1).and_then(|before| self.places.get(before)) {
                Some(before) => {
                    let share = (cut.at / 2.0 - before.at / 2.0) / (place.at / 2.0 - before.at / 2.0);
                    before.up_to + (place.below - before.up_to) * share
                }
                None => 0.0,
            },
            None => self.total,
        }
    }

    /// The least and the greatest number of values that may lie at or below `at`, given what is known.
    fn bounds(&self, cut: Cut) -> (f64, f64) {
        let after = self.places.partition_point(|place| place.at < cut.at);
        let before = after.checked_sub(1).and_then(|before| self.places.get(before)).map_or(0.0, |place| place.up_to);
        match self.places.get(after) {
            Some(place) if place.at == cut.at && cut.side == Side::Below => (place.below, place.below),
            Some(place) if place.at == cut.at => {
                // How many values of a bin lie at its lower bound is not known.
                let next = self.places.get(after + 1).map_or(place.up_to, |next| next.below);
                (place.up_to, next)
            }
            Some(place) => (before, place.below),
            None => (self.total, self.total),
        }
    }

    /// The smallest number with at least `share` of the values at or below it.
    pub fn quantile(&self, share: f64) -> f64 {
        // In floats a tenth of 30 is a little more than 3, and the value with that rank would be the fourth.
        let rank = share * self.total * (1.0 - 1e-12);
        let after = self.places.partition_point(|place| place.up_to < rank);
        let Some(place) = self.places.get(after) else { return self.range().1 };
        let before = after.checked_sub(1).and_then(|before| self.places.get(before));
        match before {
            Some(before) if place.below >= rank && place.below > before.up_to => {
                let share = (rank - before.up_to) / (place.below - before.up_to);
                before.at * (1.0 - share) + place.at * share
            }
            _ => place.at,
        }
    }

    /// Cuts into bins of a tenth of the values each: after each decile, and before and after each value that makes up
    /// a tenth or more by itself. Equal cuts count once.
    pub fn decile_cuts(&self) -> Vec<Cut> {
        let deciles = (1..10_u32).map(|tenth| Cut { at: self.quantile(f64::from(tenth) / 10.0), side: Side::UpTo });
        let heavy = self.places.iter().filter(|place| (place.up_to - place.below) * 10.0 >= self.total);
        let around = heavy.flat_map(|place| [Side::Below, Side::UpTo].map(|side| Cut { at: place.at, side }));
        let mut cuts: Vec<Cut> = deciles.chain(around).collect();
        cuts.sort_by(|one, other| one.at.total_cmp(&other.at).then(one.side.cmp(&other.side)));
        cuts.dedup();
        cuts
    }

    /// The Kolmogorov-Smirnov distance of two curves.
    pub fn distance(&self, other: &Self) -> Distance {
        let mut places: Vec<f64> = self.places.iter().chain(&other.places).map(|place| place.at).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        let mut distance = Distance { value: 0.0, at_most: 0.0 };
        // Where the curves stood after the place before: between two places neither falls below that.
        let mut floor = (0.0, 0.0);
        for at in places {
            for side in [Side::Below, Side::UpTo] {
                let cut = Cut { at, side };
                let difference = (self.count(cut) / self.total - other.count(cut) / other.total).abs();
                distance.value = distance.value.max(difference);
                let (low, high) = self.bounds(cut);
                let (other_low, other_high) = other.bounds(cut);
                let highest = (high / self.total, other_high / other.total);
                let lowest = match side {
                    Side::Below => floor,
                    Side::UpTo => (low / self.total, other_low / other.total),
                };
                let apart = (highest.0 - lowest.1).max(highest.1 - lowest.0);
                distance.at_most =
                    distance.at_most.max(if side == Side::Below && flat(floor, highest) { difference } else { apart });
                floor = (low / self.total, other_low / other.total);
            }
        }
        distance.at_most = distance.at_most.clamp(distance.value, 1.0);
        distance
    }
}

/// Whether neither curve rose.
fn flat(floor: (f64, f64), highest: (f64, f64)) -> bool {
    floor.0 == highest.0 && floor.1 == highest.1
}

/// How many values lie below the lower bound of each bin, and below the upper bound of the last.
fn cumulated(histogram: &Histogram) -> Vec<(f64, f64)> {
    let mut below = 0.0;
    let mut bounds = Vec::with_capacity(histogram.bins.len());
    for bin in &histogram.bins {
        if let Some(from) = bin.from.as_f64() {
            bounds.push((from, below));
        }
        below += bin.count as f64;
    }
    bounds
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counted(values: &[i32]) -> Curve {
        let mut sorted = values.to_vec();
        sorted.sort_unstable();
        Curve::of_values(sorted.iter().map(|value| (f64::from(*value), 1))).unwrap()
    }

    fn share(values: &[i32], is_in: impl Fn(i32) -> bool) -> f64 {
        values.iter().filter(|value| is_in(**value)).count() as f64 / values.len() as f64
    }

    /// The distance by its definition, over all values of both.
    fn naive_distance(one: &[i32], other: &[i32]) -> f64 {
        let at = |value: i32| (share(one, |x| x <= value) - share(other, |x| x <= value)).abs();
        one.iter().chain(other).map(|value| at(*value)).fold(0.0, f64::max)
    }

    fn in_bins(values: &[i32], width: i32) -> Curve {
        let mut bins: BTreeMap<i32, u64> = BTreeMap::new();
        values.iter().for_each(|value| *bins.entry(value.div_euclid(width)).or_default() += 1);
        let bounds = |bin: i32| (f64::from(bin * width), f64::from((bin + 1) * width));
        Curve::of_bins(bins.iter().map(|(bin, count)| (bounds(*bin).0, bounds(*bin).1, *count))).unwrap()
    }

    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn counted_values_give_the_exact_distance(
            one in prop::collection::vec(-20..20_i32, 1..60), other in prop::collection::vec(-20..20_i32, 1..60)
        ) {
            let distance = counted(&one).distance(&counted(&other));
            prop_assert!((distance.value - naive_distance(&one, &other)).abs() < 1e-12);
            prop_assert_eq!(distance.value, distance.at_most);
        }

        #[test]
        fn bins_bound_the_distance(
            one in prop::collection::vec(-50..50_i32, 1..80), other in prop::collection::vec(-50..50_i32, 1..80),
            width in 1..20_i32, other_width in 1..20_i32
        ) {
            let exact = naive_distance(&one, &other);
            let distance = in_bins(&one, width).distance(&in_bins(&other, other_width));
            prop_assert!(distance.at_most >= exact - 1e-12, "{distance:?} {exact}");
            let mixed = counted(&one).distance(&in_bins(&other, other_width));
            prop_assert!(mixed.at_most >= exact - 1e-12, "{mixed:?} {exact}");
        }

        #[test]
        fn quantiles_are_those_of_the_nearest_rank(values in prop::collection::vec(-20..20_i32, 1..60)) {
            let mut sorted = values.clone();
            sorted.sort_unstable();
            for tenth in 1..10_usize {
                let rank = (tenth * sorted.len()).div_ceil(10);
                let quantile = counted(&values).quantile(tenth as f64 / 10.0);
                prop_assert_eq!(quantile, f64::from(sorted[rank - 1]), "{}", tenth);
            }
        }

        #[test]
        fn cuts_part_the_values(values in prop::collection::vec(-9..9_i32, 1..60)) {
            let curve = counted(&values);
            let cuts = curve.decile_cuts();
            prop_assert!(cuts.windows(2).all(|pair| curve.count(pair[0]) <= curve.count(pair[1])));
            for cut in cuts {
                let naive = share(&values, |x| match cut.side {
                    Side::Below => f64::from(x) < cut.at,
                    Side::UpTo => f64::from(x) <= cut.at,
                });
                prop_assert!((curve.count(cut) / curve.total() - naive).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_value_that_makes_up_most_has_a_bin_of_its_own() {
        let values: Vec<i32> = (0..100).map(|at| if at < 90 { 0 } else { at }).collect();
        let cuts = counted(&values).decile_cuts();
        assert_eq!(cuts, [Cut { at: 0.0, side: Side::Below }, Cut { at: 0.0, side: Side::UpTo }]);
    }
}
