//! A sum of tree ensembles as the crate's forest, on the raw columns.
//!
//! A node of the file says how many training rows came by in `nodes_hitrates`. Converters leave it out or write 1
//! everywhere; then there is nothing to explain the trees by, and the forest only scores. Rates count where those of
//! the children add up to that of their parent, in all trees.

use super::margin::{Margin, writer};
use super::program::{Op, Program};
use super::sources::{Mode, Sources};
use super::tensor::Cell;
use super::trace::Column;
use super::trees::{Aggregate, Ensemble, Knot, Part};
use crate::features::Binding;
use crate::forest::{self, Base, Child, Forest, Leaf, Precision, Rules, Tree};
use crate::linear::Treatment;

/// Most contributions per row: the kernels hold them for a block of rows.
const CELLS_MAX: usize = 1 << 18;

/// Most nodes of all trees of all outputs.
const NODES_MAX: usize = 1 << 25;

/// Trees of one target that belong to an output.
struct Share<'a> {
    output: usize,
    weight: f64,
    ensemble: &'a Ensemble,
    features: &'a [Cell],
    target: usize,
}

/// Nothing where the sums are not of trees, or a tree asks what the forest cannot.
pub(super) fn make(
    program: &Program,
    (columns, inputs): (&[Column], &[Treatment]),
    margin: &Margin,
    bindings: &mut [Binding],
    precision: Precision,
) -> Option<Forest> {
    let shares = shares(program, margin)?;
    if columns.len().saturating_mul(margin.sums.len()) > CELLS_MAX {
        return None;
    }
    let mut tests = Vec::new();
    for share in &shares {
        for knot in &share.ensemble.knots {
            if let Part::Split(split) = &knot.part {
                match share.features[split.feature] {
                    Cell::At(slot) => tests.push((slot, split)),
                    Cell::Is(_) => return None,
                }
            }
        }
    }
    let mut sources = Sources::of(program, (columns, inputs), &margin.sources, &tests)?;
    let counts = shares.iter().all(|share| counts_rows(share.ensemble));
    let mut trees = Vec::new();
    for share in &shares {
        for root in &share.ensemble.roots {
            trees.extend(tree(share, *root, &mut sources, (precision, counts))?);
        }
    }
    // ONNX Runtime adds base values last, and trees in a run for each thread; the bits of its sums are those of two.
    let base = base(margin, &shares, precision);
    let rules = Rules { precision, base, base_comes: Base::Last, runs: 2, ..Rules::plain(0) };
    let forest = Forest::new(trees, columns.len(), rules).ok()?;
    for (input, mode) in sources.modes {
        if let Mode::Ranked(points) = mode {
            let binding = Box::new(bindings[input].clone());
            bindings[input] = Binding::Ranked { binding, points };
        }
    }
    Some(forest)
}

fn shares<'a>(program: &'a Program, margin: &Margin) -> Option<Vec<Share<'a>>> {
    let mut shares = Vec::new();
    let mut nodes = 0_usize;
    for (output, sum) in margin.sums.iter().enumerate() {
        for (slot, weight) in &sum.terms {
            let step = writer(program, Cell::At(*slot))?;
            let Op::Trees(ensemble, features) = &step.op else { return None };
            if !matches!(ensemble.aggregate, Aggregate::Sum | Aggregate::Average) {
                return None;
            }
            nodes = nodes.saturating_add(ensemble.knots.len());
            let target = (slot - step.to) as usize;
            shares.push(Share { output, weight: *weight, ensemble, features, target });
        }
    }
    (!shares.is_empty() && nodes <= NODES_MAX).then_some(shares)
}

/// Constants, and the base values of the ensembles.
fn base(margin: &Margin, shares: &[Share<'_>], precision: Precision) -> Vec<f64> {
    let mut base: Vec<f64> = margin.sums.iter().map(|sum| sum.constant).collect();
    for share in shares {
        base[share.output] += share.weight * share.ensemble.base.get(share.target).copied().unwrap_or(0.0);
    }
    base.into_iter().map(|base| precision.fit(base)).collect()
}

/// Whether the rates of children add up to those of their parents.
fn counts_rows(ensemble: &Ensemble) -> bool {
    ensemble.knots.iter().all(|knot| match &knot.part {
        Part::Split(split) => {
            let rows = |at: usize| ensemble.knots[at].rows;
            let children = rows(split.yes) + rows(split.no);
            knot.rows > 0.0 && (knot.rows - children).abs() <= 1e-3 * knot.rows
        }
        Part::Leaf(_) => knot.rows >= 0.0,
    })
}

/// The tree of a target; no tree where no leaf speaks of it.
fn tree(
    share: &Share<'_>,
    root: usize,
    sources: &mut Sources<'_>,
    (precision, counts): (Precision, bool),
) -> Option<Option<Tree>> {
    let by = match share.ensemble.aggregate {
        Aggregate::Average => share.weight / share.ensemble.roots.len() as f64,
        _ => share.weight,
    };
    let mut tree = Tree { splits: Vec::new(), leaves: Vec::new(), output: share.output };
    let (mut open, mut speaks) = (vec![(root, None)], false);
    while let Some((at, parent)) = open.pop() {
        let Knot { part, rows } = &share.ensemble.knots[at];
        match part {
            Part::Leaf(weights) => {
                tree.hang(Child::Leaf(tree.leaves.len() as u32), parent);
                let own = weights.iter().filter(|(target, _)| *target == share.target);
                speaks |= own.clone().next().is_some();
                let value = precision.fit(by * own.map(|(_, weight)| weight).sum::<f64>());
                // A tree without splits needs no rows to be explained.
                let cover = if tree.splits.is_empty() {
                    1.0
                } else if counts {
                    *rows
                } else {
                    0.0
                };
                tree.leaves.push(Leaf { value, cover, linear: None });
            }
            Part::Split(split) => {
                let Cell::At(slot) = share.features[split.feature] else { return None };
                let (test, is_turned) = sources.test(slot, split)?;
                let here = tree.splits.len();
                tree.hang(Child::Split(here as u32), parent);
                let input = sources.input(slot)? as u32;
                let none = Child::Leaf(0);
                tree.splits.push(forest::Split { input, test, left: none, right: none });
                let (left, right) = if is_turned { (split.no, split.yes) } else { (split.yes, split.no) };
                open.push((right, Some((here, false))));
                open.push((left, Some((here, true))));
            }
        }
    }
    Some(speaks.then_some(tree))
}
