//! The kernels compiled for the vector units a processor may have.
//!
//! The kernels themselves are portable, safe Rust in [`super::explain`], [`super::tables`] and [`super::ranked`]; here
//! they are compiled again with wider vectors switched on, and the widest that the processor has is called. A function
//! compiled for a feature must not run without it, so those calls are `unsafe`; a [`Level`] is only made by asking the
//! processor.

#![allow(unsafe_code)]

use super::explain::{Lanes, Work, run as kernel};
use super::paths::PathTree;
use super::patterns::PatternTree;
use super::quadrature::Quadrature;
#[cfg(target_arch = "x86_64")]
use super::ranked::wide::Wide;
use super::ranked::{Portable, RankWork, Ranks};
use super::single::{Row, Single};
use super::tables::{Block, Cells, Tables, add};
use crate::level::{Kind, Level};

/// [`super::explain::run`] for `points`, one of the numbers of points it is made for.
pub(super) fn run(
    level: Level,
    tree: &PathTree,
    points: usize,
    features: &[Lanes],
    work: &mut Work,
    phi: &mut [Lanes],
) {
    match level.kind() {
        Kind::Plain => by_points(tree, points, features, work, phi),
        // SAFETY: a level is only made by asking the processor for these features.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => unsafe { avx2(tree, points, features, work, phi) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 => unsafe { avx512(tree, points, features, work, phi) },
        #[cfg(not(target_arch = "x86_64"))]
        _ => by_points(tree, points, features, work, phi),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2(tree: &PathTree, points: usize, features: &[Lanes], work: &mut Work, phi: &mut [Lanes]) {
    by_points(tree, points, features, work, phi);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx2")]
fn avx512(tree: &PathTree, points: usize, features: &[Lanes], work: &mut Work, phi: &mut [Lanes]) {
    by_points(tree, points, features, work, phi);
}

/// [`super::tables::add`].
pub(super) fn add_tables(
    level: Level,
    tree: &PatternTree,
    rules: &[Quadrature],
    block: Block<'_>,
    to: Cells<'_>,
    tables: &mut Tables,
) {
    match level.kind() {
        Kind::Plain => add(tree, rules, block, to, tables),
        // SAFETY: a level is only made by asking the processor for these features.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => unsafe { add_tables_avx2(tree, rules, block, to, tables) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 => unsafe { add_tables_avx512(tree, rules, block, to, tables) },
        #[cfg(not(target_arch = "x86_64"))]
        _ => add(tree, rules, block, to, tables),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1")]
fn add_tables_avx2(tree: &PatternTree, rules: &[Quadrature], block: Block<'_>, to: Cells<'_>, tables: &mut Tables) {
    add(tree, rules, block, to, tables);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,bmi1")]
fn add_tables_avx512(tree: &PatternTree, rules: &[Quadrature], block: Block<'_>, to: Cells<'_>, tables: &mut Tables) {
    add(tree, rules, block, to, tables);
}

/// [`super::single::Single::add`] of all trees, to a row's contributions and for so many outputs.
pub(super) fn add_row(
    level: Level,
    trees: &[PatternTree],
    rules: &[Quadrature],
    row: Row<'_>,
    to: (&mut [f64], usize),
    single: &mut Single,
) {
    match level.kind() {
        Kind::Plain => single.add(trees, rules, row, to),
        // SAFETY: a level is only made by asking the processor for these features.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => unsafe { add_row_avx2(trees, rules, row, to, single) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 => unsafe { add_row_avx512(trees, rules, row, to, single) },
        #[cfg(not(target_arch = "x86_64"))]
        _ => single.add(trees, rules, row, to),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1")]
fn add_row_avx2(
    trees: &[PatternTree],
    rules: &[Quadrature],
    row: Row<'_>,
    to: (&mut [f64], usize),
    single: &mut Single,
) {
    single.add(trees, rules, row, to);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,bmi1")]
fn add_row_avx512(
    trees: &[PatternTree],
    rules: &[Quadrature],
    row: Row<'_>,
    to: (&mut [f64], usize),
    single: &mut Single,
) {
    single.add(trees, rules, row, to);
}

/// [`Ranks::add`], for rows x inputs.
pub(super) fn add_ranks(
    level: Level,
    ranks: &Ranks,
    rows: (&[f64], usize),
    raw: &mut [f64],
    outputs: usize,
    work: &mut RankWork,
) {
    match level.kind() {
        Kind::Plain => ranks.add(Portable, rows, raw, outputs, work),
        // SAFETY: a level is only made by asking the processor for these features.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => unsafe { add_ranks_avx2(ranks, rows, raw, outputs, work) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 => unsafe { add_ranks_avx512(ranks, rows, raw, outputs, work) },
        #[cfg(not(target_arch = "x86_64"))]
        _ => ranks.add(Portable, rows, raw, outputs, work),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1")]
fn add_ranks_avx2(ranks: &Ranks, rows: (&[f64], usize), raw: &mut [f64], outputs: usize, work: &mut RankWork) {
    ranks.add(Portable, rows, raw, outputs, work);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,bmi1,popcnt")]
fn add_ranks_avx512(ranks: &Ranks, rows: (&[f64], usize), raw: &mut [f64], outputs: usize, work: &mut RankWork) {
    // SAFETY: this function is compiled for these features, so the processor that runs it has them.
    let kernel = unsafe { Wide::new() };
    ranks.add(kernel, rows, raw, outputs, work);
}

#[inline(always)]
fn by_points(tree: &PathTree, points: usize, features: &[Lanes], work: &mut Work, phi: &mut [Lanes]) {
    match points {
        1 => kernel::<1>(tree, features, work, phi),
        2 => kernel::<2>(tree, features, work, phi),
        3 => kernel::<3>(tree, features, work, phi),
        4 => kernel::<4>(tree, features, work, phi),
        5 => kernel::<5>(tree, features, work, phi),
        6 => kernel::<6>(tree, features, work, phi),
        7 => kernel::<7>(tree, features, work, phi),
        8 => kernel::<8>(tree, features, work, phi),
        12 => kernel::<12>(tree, features, work, phi),
        _ => kernel::<32>(tree, features, work, phi),
    }
}
