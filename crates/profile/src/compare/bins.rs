//! Shares of the rows of both sides over common bins.

use super::curve::{Curve, Cut, Side};
use super::known::{Categories, Known};
use super::measure::{Pair, jensen_shannon, stability_by_chance, stability_index};
use super::result::{BinKind, BinShares, Distribution};

/// More categories than this are one bin, `(other)`.
const CATEGORIES_MAX: usize = 100;

/// The distribution of both sides over bins of the old one; `None` where there is nothing to compare.
pub(super) fn distribution(old: &Known<'_>, new: &Known<'_>, kind: BinKind) -> Option<Distribution> {
    if old.column.rows == 0 || new.column.rows == 0 {
        return None;
    }
    let (counts, exact) = match (&old.curve, &new.curve, &old.categories, &new.categories) {
        (Some(one), Some(other), ..) => (over_deciles(one, other), old.curve_is_exact && new.curve_is_exact),
        (_, _, Some(one), Some(other)) => {
            let (mut counts, exact) = over_categories(one, other, (old.values(), new.values()));
            counts.iter_mut().for_each(|(value, _)| *value = old.told(value));
            (counts, exact)
        }
        _ => return None,
    };
    Some(finish(old, new, kind, counts, exact))
}

/// The bins with what remains of the values (`(other)`) and the nulls, as shares of all rows, and their measures.
fn finish(
    old: &Known<'_>,
    new: &Known<'_>,
    kind: BinKind,
    mut counts: Vec<(String, Pair)>,
    exact: bool,
) -> Distribution {
    let binned = counts
        .iter()
        .fold(Pair { old: 0.0, new: 0.0 }, |sum, (_, pair)| Pair { old: sum.old + pair.old, new: sum.new + pair.new });
    let rest =
        Pair { old: (old.values() as f64 - binned.old).max(0.0), new: (new.values() as f64 - binned.new).max(0.0) };
    // Of numbers what remains are values that are none; usually there are none, and then there is no such bin.
    if kind != BinKind::Deciles || rest.old > 0.5 || rest.new > 0.5 {
        counts.push(("(other)".to_owned(), rest));
    }
    let nulls = Pair { old: old.column.nulls.total as f64, new: new.column.nulls.total as f64 };
    counts.push(("(null)".to_owned(), nulls));
    let (old_rows, new_rows) = (old.column.rows as f64, new.column.rows as f64);
    let shares: Vec<Pair> =
        counts.iter().map(|(_, pair)| Pair { old: pair.old / old_rows, new: pair.new / new_rows }).collect();
    let used = shares.iter().filter(|pair| pair.old > 0.0 || pair.new > 0.0).count();
    let labels = counts.into_iter().map(|(bin, _)| bin);
    Distribution {
        over: kind,
        psi: stability_index(&shares),
        psi_by_chance: stability_by_chance(used, old_rows, new_rows),
        js: jensen_shannon(&shares),
        exact,
        bins: labels.zip(&shares).map(|(bin, pair)| BinShares { bin, old: pair.old, new: pair.new }).collect(),
    }
}

/// Numbers between the decile cuts of the old side.
fn over_deciles(old: &Curve, new: &Curve) -> Vec<(String, Pair)> {
    let cuts = old.decile_cuts();
    let mut counts = Vec::with_capacity(cuts.len() + 1);
    let mut before: Option<Cut> = None;
    let mut below = Pair { old: 0.0, new: 0.0 };
    for cut in cuts.iter().copied().map(Some).chain([None]) {
        let up_to = match cut {
            Some(cut) => Pair { old: old.count(cut), new: new.count(cut) },
            None => Pair { old: old.total(), new: new.total() },
        };
        counts.push((label(before, cut), Pair { old: up_to.old - below.old, new: up_to.new - below.new }));
        (before, below) = (cut, up_to);
    }
    counts
}

/// An interval as mathematicians write it: `(3, 7]`, or the one number that it holds.
fn label(from: Option<Cut>, to: Option<Cut>) -> String {
    if let (Some(from), Some(to)) = (from, to)
        && from.at == to.at
    {
        return number(from.at);
    }
    let lower = match from {
        None => "(-∞".to_owned(),
        Some(Cut { at, side: Side::Below }) => format!("[{}", number(at)),
        Some(Cut { at, side: Side::UpTo }) => format!("({}", number(at)),
    };
    match to {
        None => format!("{lower}, ∞)"),
        Some(Cut { at, side: Side::Below }) => format!("{lower}, {})", number(at)),
        Some(Cut { at, side: Side::UpTo }) => format!("{lower}, {}]", number(at)),
    }
}

/// A number for people: at most six digits that count.
pub(super) fn number(value: f64) -> String {
    if value == value.trunc() && value.abs() < 1e15 {
        return format!("{value}");
    }
    let rounded: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    if (1e-5..1e15).contains(&rounded.abs()) { format!("{rounded}") } else { format!("{rounded:e}") }
}

/// The most frequent values of the old side. Whether all counts are exact is the second.
fn over_categories(old: &Categories, new: &Categories, totals: (u64, u64)) -> (Vec<(String, Pair)>, bool) {
    let mut exact = true;
    let scale = totals.1 as f64 / (totals.0 as f64).max(1.0);
    let count = |value: &crate::document::ValueCount| {
        let (least, most) = new.count(&value.value);
        exact &= least == most && value.count_error == 0;
        // Of a value that the new side does not list is taken that nothing changed, as far as what is known allows.
        let unchanged = (value.count as f64 * scale).clamp(least as f64, most as f64);
        (value.value.clone(), Pair { old: value.count as f64, new: unchanged })
    };
    let counts = old.listed.iter().take(CATEGORIES_MAX).map(count).collect();
    (counts, exact)
}
