//! One column of both sides: what moved, by how much, and whether that matters.

use std::collections::BTreeSet;

use super::bins::{distribution, number};
use super::curve::{Curve, Cut, Side};
use super::judge::{Judge, worst_first};
use super::known::{Categories, Known};
use super::measure::{Pair, distance_by_chance, shares_differ};
use super::result::{BinKind, CategoryChange, ColumnComparison, DateChange, Light, Moved, NumberChange};
use crate::document::{ColumnProfile, NumberStatistics, Percentile, ValueCount};

/// Values that are listed as appeared or vanished.
const LISTED_MAX: usize = 20;

/// Compares a column of both sides.
pub(super) fn compare(old: &Known<'_>, new: &Known<'_>) -> ColumnComparison {
    let mut judge = Judge::new(old, new);
    judge.types();
    let (nulls_old, nulls_new) = (share(old.column), share(new.column));
    let nulls_significant = judge.nulls(Pair { old: nulls_old, new: nulls_new });
    let masked = old.is_masked() || new.is_masked();
    let identifiers = old.is_identifier() && new.is_identifier();
    let kind = match (old.curve.is_some() && new.curve.is_some(), masked) {
        (true, _) => BinKind::Deciles,
        (false, true) => BinKind::Masks,
        (false, false) => BinKind::Categories,
    };
    // Each value of an identifier is its own category: there only masks and, for numbers, deciles mean anything.
    let distribution = if identifiers && kind == BinKind::Categories { None } else { distribution(old, new, kind) };
    if let Some(distribution) = &distribution {
        judge.distribution(distribution);
    }
    let numbers = if masked { None } else { numbers(old, new) };
    if let Some(numbers) = &numbers {
        judge.numbers(numbers);
    }
    let dates = dates(old.column, new.column, masked);
    if let Some(dates) = &dates {
        judge.dates(dates);
    }
    let categories = if identifiers { None } else { categories(old, new, masked) };
    if let Some(categories) = &categories {
        judge.categories(categories);
    }
    let new_masks = new_masks(old.column, new.column);
    judge.masks(&new_masks);
    let (findings, sentence) = judge.finish(distribution.as_ref(), numbers.as_ref());
    finish(old, new, findings, sentence, |column| {
        column.nulls_old = nulls_old;
        column.nulls_new = nulls_new;
        column.nulls_significant = nulls_significant;
        column.distribution = distribution;
        column.numbers = numbers;
        column.dates = dates;
        column.categories = categories;
        column.new_masks = new_masks;
    })
}

/// The column with its findings; `fill` sets the rest.
fn finish(
    old: &Known<'_>,
    new: &Known<'_>,
    mut findings: Vec<Moved>,
    sentence: String,
    fill: impl FnOnce(&mut ColumnComparison),
) -> ColumnComparison {
    worst_first(&mut findings);
    let mut column = ColumnComparison {
        name: old.column.name.clone(),
        light: findings.first().map_or(Light::Green, |moved| moved.light),
        sentence,
        findings,
        type_old: old.column.typing.logical,
        type_new: new.column.typing.logical,
        nulls_old: 0.0,
        nulls_new: 0.0,
        nulls_significant: false,
        distribution: None,
        numbers: None,
        dates: None,
        categories: None,
        new_masks: Vec::new(),
    };
    fill(&mut column);
    column
}

/// Share of nulls.
fn share(column: &ColumnProfile) -> f64 {
    if column.rows == 0 { 0.0 } else { column.nulls.total as f64 / column.rows as f64 }
}

fn numbers(old: &Known<'_>, new: &Known<'_>) -> Option<NumberChange> {
    let (one, other) = (old.curve.as_ref()?, new.curve.as_ref()?);
    let (was, is) = (old.column.numbers.as_ref()?, new.column.numbers.as_ref()?);
    let distance = one.distance(other);
    let (below_old_min, above_old_max, outside_exact) = outside(was, is, other, new.curve_is_exact);
    let deviation = was.standard_deviation.filter(|deviation| *deviation > 0.0);
    let exact = old.curve_is_exact && new.curve_is_exact;
    Some(NumberChange {
        ks: distance.value,
        ks_at_most: if exact { distance.value } else { distance.at_most },
        ks_by_chance: distance_by_chance(one.total(), other.total()),
        mean_old: was.mean,
        mean_new: is.mean,
        mean_shift: deviation.map(|deviation| (is.mean - was.mean) / deviation).filter(|shift| shift.is_finite()),
        median_old: median(was),
        median_new: median(is),
        below_old_min,
        above_old_max,
        outside_exact,
    })
}

fn median(numbers: &NumberStatistics) -> f64 {
    let middle = numbers.percentiles.iter().find(|percentile| percentile.percent == 50);
    middle.map_or(numbers.mean, |Percentile { value, .. }| *value)
}

/// How many numbers of the new side lie below and above those of the old one.
fn outside(old: &NumberStatistics, new: &NumberStatistics, curve: &Curve, exact: bool) -> (u64, u64, bool) {
    let below = curve.count(Cut { at: old.min, side: Side::Below });
    let above = curve.total() - curve.count(Cut { at: old.max, side: Side::UpTo });
    // The least and the greatest are exact: whether there is any is known whatever the curve says.
    let at_least = |count: f64, any: bool| if any { (count.round() as u64).max(1) } else { 0 };
    let (any_below, any_above) = (new.min < old.min, new.max > old.max);
    (at_least(below, any_below), at_least(above, any_above), exact || !(any_below || any_above))
}

fn dates(old: &ColumnProfile, new: &ColumnProfile, masked: bool) -> Option<DateChange> {
    let (was, is) = (old.dates.as_ref()?, new.dates.as_ref()?);
    let known: BTreeSet<&str> = old.typing.temporal_formats.iter().map(|format| format.format.as_str()).collect();
    let found = new.typing.temporal_formats.iter().filter(|format| !known.contains(format.format.as_str()));
    Some(DateChange {
        range_old: (!masked).then(|| (was.min.clone(), was.max.clone())),
        range_new: (!masked).then(|| (is.min.clone(), is.max.clone())),
        new_formats: found
            .map(|format| ValueCount { value: format.format.clone(), count: format.count, count_error: 0 })
            .collect(),
    })
}

fn categories(old: &Known<'_>, new: &Known<'_>, masked: bool) -> Option<CategoryChange> {
    let (one, other) = (old.categories.as_ref()?, new.categories.as_ref()?);
    let (appeared, vanished) = (only_in(other, one), only_in(one, other));
    let rows = |values: &[ValueCount]| values.iter().map(|value| value.count).sum();
    Some(CategoryChange {
        appeared_values: appeared.len() as u64,
        appeared_rows: rows(&appeared),
        vanished_values: vanished.len() as u64,
        vanished_rows: rows(&vanished),
        appeared: told(new, appeared),
        vanished: told(old, vanished),
        complete: one.is_complete() && other.is_complete(),
        masked,
    })
}

/// The first of the values, as they may be told.
fn told(side: &Known<'_>, values: Vec<ValueCount>) -> Vec<ValueCount> {
    values.into_iter().take(LISTED_MAX).map(|value| ValueCount { value: side.told(&value.value), ..value }).collect()
}

/// Values of `these` that are certainly not among `those`.
fn only_in(these: &Categories, those: &Categories) -> Vec<ValueCount> {
    these.listed.iter().filter(|value| value.count > 0 && those.count(&value.value).1 == 0).cloned().collect()
}

/// Masks of the new side that the old side has not; empty unless all masks of the old side are known.
fn new_masks(old: &ColumnProfile, new: &ColumnProfile) -> Vec<ValueCount> {
    let values = old.rows.saturating_sub(old.nulls.total);
    let listed: u64 = old.strings.masks.iter().map(|mask| mask.count).sum();
    if values == 0 || listed < values {
        return Vec::new();
    }
    let known: BTreeSet<&str> = old.strings.masks.iter().map(|mask| mask.value.as_str()).collect();
    new.strings.masks.iter().filter(|mask| !known.contains(mask.value.as_str())).cloned().collect()
}

/// Percent for people.
pub(super) fn percent(share: f64) -> String {
    format!("{} %", number((share * 1000.0).round() / 10.0))
}

/// Whether a part of the new side is larger than chance allows, when `expected` of the old side was like it.
pub(super) fn more_than(expected: f64, found: f64, old: f64, new: f64) -> bool {
    found > expected && shares_differ(Pair { old: expected, new: found }, old, new)
}
