//! What one leaf gives to the inputs on its path, for eight rows or for all patterns.
//!
//! [`compute`] and [`tabulate`] make the same numbers by the same operations in the same order: the weight of a point
//! times the factors of the leaf's players one after the other, then the sums over the points from the first to the
//! last, then the sum over the leaves of the group. The formula is in [`super::tables`].

use super::LANES;
use super::explain::Lanes;
use super::patterns::{Group, Need, PathLeaf, PatternTree, Player};
use super::quadrature::Quadrature;

/// The constants of one leaf at its points.
#[derive(Debug, Default)]
pub(super) struct Constants {
    points: usize,
    value: f64,
    /// Players x points: the factor of a row that does not pass, and of one that does.
    fails: Vec<f64>,
    passes: Vec<f64>,
    /// Players x points: one over the factor of a row that passes.
    without: Vec<f64>,
    weights: Vec<f64>,
    /// One over 1 - t.
    missed: Vec<f64>,
}

/// Working memory of [`tabulate`].
#[derive(Default)]
pub(super) struct Scratch {
    constants: Constants,
    /// Points x patterns.
    products: Vec<f64>,
    column: Vec<f64>,
    lost: Vec<f64>,
    /// Patterns x players.
    leaf: Vec<f64>,
    /// For each entry the players that fail, as bits.
    failing: Vec<u32>,
}

impl Constants {
    /// Tabulate a leaf's constants; `rules` has the rule of `n` points at `n`.
    #[inline(always)]
    pub(super) fn fill(&mut self, players: &[Player], value: f64, rules: &[Quadrature]) {
        let rule = &rules[players.len().div_ceil(2)];
        self.points = rule.points.len();
        self.value = value;
        for list in [&mut self.fails, &mut self.passes, &mut self.without, &mut self.missed] {
            list.clear();
        }
        for player in players {
            self.fails.extend(rule.points.iter().map(|t| player.ratio * (1.0 - t)));
            self.passes.extend(rule.points.iter().map(|t| player.ratio * (1.0 - t) + t));
        }
        self.without.extend(self.passes.iter().map(|factor| 1.0 / factor));
        self.missed.extend(rule.points.iter().map(|t| 1.0 / (1.0 - t)));
        self.weights.clone_from(&rule.weights);
    }
}

/// Add what a leaf gives to eight rows to `given` (places of the group x lanes). `passes` has all ones for the rows
/// that pass an edge.
#[inline(always)]
pub(super) fn compute(
    players: &[Player],
    constants: &Constants,
    passes: impl Fn(u32) -> [u16; LANES],
    given: &mut [Lanes],
) {
    match constants.points {
        1 => compute_at::<1>(players, constants, passes, given),
        2 => compute_at::<2>(players, constants, passes, given),
        3 => compute_at::<3>(players, constants, passes, given),
        4 => compute_at::<4>(players, constants, passes, given),
        5 => compute_at::<5>(players, constants, passes, given),
        6 => compute_at::<6>(players, constants, passes, given),
        7 => compute_at::<7>(players, constants, passes, given),
        8 => compute_at::<8>(players, constants, passes, given),
        9 => compute_at::<9>(players, constants, passes, given),
        10 => compute_at::<10>(players, constants, passes, given),
        11 => compute_at::<11>(players, constants, passes, given),
        12 => compute_at::<12>(players, constants, passes, given),
        13 => compute_at::<13>(players, constants, passes, given),
        14 => compute_at::<14>(players, constants, passes, given),
        15 => compute_at::<15>(players, constants, passes, given),
        _ => compute_at::<16>(players, constants, passes, given),
    }
}

#[inline(always)]
fn compute_at<const POINTS: usize>(
    players: &[Player],
    constants: &Constants,
    passes: impl Fn(u32) -> [u16; LANES],
    given: &mut [Lanes],
) {
    let Some(weights) = constants.weights.first_chunk::<POINTS>() else { return };
    let Some(missed) = constants.missed.first_chunk::<POINTS>() else { return };
    let mut products = weights.map(|weight| [weight; LANES]);
    let factors = constants.fails.as_chunks::<POINTS>().0.iter().zip(constants.passes.as_chunks::<POINTS>().0);
    for (player, (fail, pass)) in players.iter().zip(factors) {
        let mask = wide(passes(player.edge));
        for k in 0..POINTS {
            for lane in 0..LANES {
                products[k][lane] *= blend(mask[lane], pass[k], fail[k]);
            }
        }
    }
    let mut lost = weighted(&products, missed);
    lost.iter_mut().for_each(|lost| *lost *= -constants.value);
    for (player, without) in players.iter().zip(constants.without.as_chunks::<POINTS>().0) {
        let mask = wide(passes(player.edge));
        let gain = constants.value * (1.0 - player.ratio);
        let gained = weighted(&products, without);
        let given = &mut given[player.at as usize].0;
        for lane in 0..LANES {
            given[lane] += blend(mask[lane], gained[lane] * gain, lost[lane]);
        }
    }
}

/// The sum over the points.
#[inline(always)]
fn weighted<const POINTS: usize>(products: &[[f64; LANES]; POINTS], weights: &[f64; POINTS]) -> [f64; LANES] {
    let mut sum = products[0].map(|product| product * weights[0]);
    for k in 1..POINTS {
        for lane in 0..LANES {
            sum[lane] += products[k][lane] * weights[k];
        }
    }
    sum
}

#[inline(always)]
fn wide(marks: [u16; LANES]) -> [u64; LANES] {
    marks.map(|mark| i64::from(mark as i16) as u64)
}

#[inline(always)]
fn blend(mask: u64, yes: f64, no: f64) -> f64 {
    f64::from_bits((yes.to_bits() & mask) | (no.to_bits() & !mask))
}

/// Fill the table of a group, entries x `length`.
#[inline(always)]
pub(super) fn tabulate(
    tree: &PatternTree,
    group: &Group,
    rules: &[Quadrature],
    length: usize,
    table: &mut [f64],
    scratch: &mut Scratch,
) {
    table.fill(0.0);
    for leaf in &tree.leaves[group.leaves.clone()] {
        let players = tree.players(leaf);
        scratch.constants.fill(players, leaf.value, rules);
        scratch.patterns(players);
        scratch.fail(tree, group, leaf);
        let all = (1_u32 << players.len()) - 1;
        for (entry, failing) in table.chunks_exact_mut(length).zip(&scratch.failing) {
            let values = &scratch.leaf[(all & !failing) as usize * players.len()..][..players.len()];
            for (player, value) in players.iter().zip(values) {
                entry[player.at as usize] += value;
            }
        }
    }
}

impl Scratch {
    /// What the leaf gives in every pattern; player `j` passes where bit `j` is set.
    #[inline(always)]
    fn patterns(&mut self, players: &[Player]) {
        let (count, points) = (1 << players.len(), self.constants.points);
        for list in [&mut self.products, &mut self.column, &mut self.lost, &mut self.leaf] {
            list.clear();
        }
        self.products.resize(count * points, 0.0);
        self.column.resize(count, 0.0);
        self.lost.resize(count, 0.0);
        self.leaf.resize(count * players.len(), 0.0);
        let constants = &self.constants;
        for (k, products) in self.products.chunks_exact_mut(count).enumerate() {
            products[0] = constants.weights[k];
            for player in 0..players.len() {
                let (fail, pass) = (constants.fails[player * points + k], constants.passes[player * points + k]);
                let (low, high) = products[..2 << player].split_at_mut(1 << player);
                for (low, high) in low.iter_mut().zip(high) {
                    *high = *low * pass;
                    *low *= fail;
                }
            }
        }
        sum_points(&mut self.lost, &self.products, &constants.missed, -constants.value);
        for (j, player) in players.iter().enumerate() {
            let without = &constants.without[j * points..(j + 1) * points];
            sum_points(&mut self.column, &self.products, without, constants.value * (1.0 - player.ratio));
            let cells = self.leaf[j..].iter_mut().step_by(players.len());
            for (pattern, cell) in cells.enumerate() {
                *cell = if pattern >> j & 1 != 0 { self.column[pattern] } else { self.lost[pattern] };
            }
        }
    }

    /// For each entry the leaf's players that fail, digit after digit.
    #[inline(always)]
    fn fail(&mut self, tree: &PatternTree, group: &Group, leaf: &PathLeaf) {
        let needs = &tree.needs[leaf.needs.clone()];
        self.failing.clear();
        self.failing.push(0);
        for (digit, radix) in group.digits.iter().enumerate() {
            let known = self.failing.len();
            for value in (0..*radix).rev() {
                let fails = |need: &&Need| {
                    need.digit as usize == digit && !(u32::from(need.low)..=u32::from(need.high)).contains(&value)
                };
                let bits = needs.iter().filter(fails).fold(0, |bits, need| bits | 1 << need.player);
                self.spread(known, value as usize, *radix as usize, bits);
            }
        }
    }

    /// The entries of one value of a digit from those of its lower digits, the highest value first and value 0, which
    /// is where those are, last.
    #[inline(always)]
    fn spread(&mut self, known: usize, value: usize, radix: usize, bits: u32) {
        self.failing.resize(known * radix, 0);
        let (low, high) = self.failing.split_at_mut(known);
        match value {
            0 => low.iter_mut().for_each(|failing| *failing |= bits),
            _ => {
                let to = &mut high[(value - 1) * known..value * known];
                to.iter_mut().zip(low).for_each(|(to, from)| *to = *from | bits);
            }
        }
    }
}

/// For each pattern the sum over the points, times a constant.
#[inline(always)]
fn sum_points(to: &mut [f64], products: &[f64], weights: &[f64], factor: f64) {
    let count = to.len();
    for (k, (products, weight)) in products.chunks_exact(count).zip(weights).enumerate() {
        for (to, product) in to.iter_mut().zip(products) {
            *to = if k == 0 { product * weight } else { *to + product * weight };
        }
    }
    to.iter_mut().for_each(|to| *to *= factor);
}
