//! One row's contributions: the numbers of [`super::tables`] without what only pays for many rows.
//!
//! Nothing is tabulated and no constants are kept: each factor is made when it is multiplied, by the same operations in
//! the same order as there, so the sums have the same bits. Cost: for each leaf 3 x inputs x points flops.

use super::explain::Lanes;
use super::paths::{LEFT, SlotTest};
use super::patterns::{PatternTree, Player};
use super::quadrature::Quadrature;
use super::score::in_words;

/// A row: one lane of slots x lanes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    pub features: &'a [Lanes],
    pub lane: usize,
}

/// Working memory, made once for a call.
#[derive(Debug, Default)]
pub(super) struct Single {
    rights: Vec<bool>,
    passes: Vec<bool>,
    given: Vec<f64>,
    sums: Vec<f64>,
}

impl Single {
    /// Add the contributions of trees to those of a row: an input's is at `input x outputs + output`.
    #[inline(always)]
    pub(super) fn add(
        &mut self,
        trees: &[PatternTree],
        rules: &[Quadrature],
        row: Row<'_>,
        (to, outputs): (&mut [f64], usize),
    ) {
        for tree in trees {
            self.ask(tree, row);
            self.sums.clear();
            self.sums.resize(tree.inputs.len(), 0.0);
            for group in &tree.groups {
                self.given.clear();
                self.given.resize(group.places.len(), 0.0);
                for leaf in &tree.leaves[group.leaves.clone()] {
                    self.leaf(tree.players(leaf), leaf.value, rules);
                }
                for (given, place) in self.given.iter().zip(&group.places) {
                    self.sums[*place as usize] += given;
                }
            }
            for (input, sum) in tree.inputs.iter().zip(&self.sums) {
                to[*input as usize * outputs + tree.output] += sum;
            }
        }
    }

    /// Which edges the row passes.
    #[inline(always)]
    fn ask(&mut self, tree: &PatternTree, row: Row<'_>) {
        let cell = |slot: u32| row.features[slot as usize].0[row.lane];
        self.rights.clear();
        self.rights.extend(tree.tests.iter().map(|test| match test {
            SlotTest::AtMost { slot, threshold, missing_left } => {
                let x = cell(*slot);
                !((x <= *threshold) | (x.is_nan() & missing_left))
            }
            SlotTest::In { slot, words, missing_left } => !in_words(words, *missing_left, cell(*slot)),
        }));
        self.passes.clear();
        for edge in &tree.edges {
            let before = edge.before.is_none_or(|before| self.passes[before as usize]);
            self.passes.push(before & (self.rights[edge.test as usize] != (edge.side == LEFT)));
        }
    }

    #[inline(always)]
    fn leaf(&mut self, players: &[Player], value: f64, rules: &[Quadrature]) {
        let points = players.len().div_ceil(2);
        let rule = &rules[points];
        match points {
            1 => self.leaf_at::<1>(players, value, rule),
            2 => self.leaf_at::<2>(players, value, rule),
            3 => self.leaf_at::<3>(players, value, rule),
            4 => self.leaf_at::<4>(players, value, rule),
            5 => self.leaf_at::<5>(players, value, rule),
            6 => self.leaf_at::<6>(players, value, rule),
            7 => self.leaf_at::<7>(players, value, rule),
            8 => self.leaf_at::<8>(players, value, rule),
            9 => self.leaf_at::<9>(players, value, rule),
            10 => self.leaf_at::<10>(players, value, rule),
            11 => self.leaf_at::<11>(players, value, rule),
            12 => self.leaf_at::<12>(players, value, rule),
            13 => self.leaf_at::<13>(players, value, rule),
            14 => self.leaf_at::<14>(players, value, rule),
            15 => self.leaf_at::<15>(players, value, rule),
            _ => self.leaf_at::<16>(players, value, rule),
        }
    }

    #[inline(always)]
    fn leaf_at<const POINTS: usize>(&mut self, players: &[Player], value: f64, rule: &Quadrature) {
        let (Some(points), Some(weights)) = (rule.points.first_chunk::<POINTS>(), rule.weights.first_chunk::<POINTS>())
        else {
            return;
        };
        let rest = points.map(|t| 1.0 - t);
        let mut products = *weights;
        for player in players {
            let passes = self.passes[player.edge as usize];
            for k in 0..POINTS {
                let fail = player.ratio * rest[k];
                products[k] *= if passes { fail + points[k] } else { fail };
            }
        }
        let lost = weighted(&products, &rest) * -value;
        for player in players {
            self.given[player.at as usize] += match self.passes[player.edge as usize] {
                true => {
                    let factors: [f64; POINTS] = std::array::from_fn(|k| player.ratio * rest[k] + points[k]);
                    weighted(&products, &factors) * (value * (1.0 - player.ratio))
                }
                false => lost,
            };
        }
    }
}

/// The sum over the points, each without a factor.
#[inline(always)]
fn weighted<const POINTS: usize>(products: &[f64; POINTS], factors: &[f64; POINTS]) -> f64 {
    let terms: [f64; POINTS] = std::array::from_fn(|k| products[k] * (1.0 / factors[k]));
    terms.into_iter().skip(1).fold(terms[0], |sum, term| sum + term)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::explain::Paths;
    use super::super::{Child, Leaf, Rules, Split, Test, Tree, layout};

    const INPUTS: usize = 6;

    /// A tree grown by splitting a leaf again and again.
    fn grown(splits: usize, dice: &mut impl FnMut(u32) -> u32) -> Tree {
        let leaf = |at: usize| Leaf { value: 1.0 / (at as f64 - 2.5), cover: (at % 5 + 1) as f64, linear: None };
        let mut tree = Tree { splits: Vec::new(), leaves: vec![leaf(0)], output: 0 };
        let mut parents: Vec<Option<(usize, bool)>> = vec![None];
        for at in 0..splits {
            let (old, new) = (dice(tree.leaves.len() as u32) as usize, tree.leaves.len());
            tree.hang(Child::Split(at as u32), parents[old]);
            let missing_left = dice(2) == 0;
            let test = match dice(4) {
                0 => Test::In { words: vec![dice(16)], missing_left },
                _ => Test::AtMost { threshold: f64::from(dice(9)) - 4.0, missing_left, zero_missing: false },
            };
            let (left, right) = (Child::Leaf(old as u32), Child::Leaf(new as u32));
            tree.splits.push(Split { input: dice(INPUTS as u32), test, left, right });
            parents[old] = Some((at, true));
            parents.push(Some((at, false)));
            tree.leaves.push(leaf(new));
        }
        tree
    }

    proptest! {
        #[test]
        fn a_row_alone_has_the_bits_it_has_among_many(
            seed in 1_u32..,
            sizes in prop::collection::vec(0_usize..40, 1..6),
            rows in 3_usize..60,
        ) {
            let mut state = seed;
            let mut dice = |below: u32| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) % below
            };
            let trees: Vec<Tree> = sizes.iter().map(|size| grown(*size, &mut dice)).collect();
            let cell = |_| if dice(9) == 0 { f64::NAN } else { f64::from(dice(12)) - 5.0 };
            let values: Vec<f64> = (0..rows * INPUTS).map(cell).collect();
            let orders: Vec<_> = trees.iter().map(|tree| layout::preorder(tree, INPUTS).unwrap()).collect();
            let slots = layout::slots(&trees);
            let paths = Paths::new(&trees, &orders, &slots, &Rules::plain(1)).unwrap();
            let mut scratch = paths.scratch(INPUTS, 1);
            let mut block = Vec::new();
            layout::gather_lanes(&mut block, &values, INPUTS, &slots);
            let many = paths.explain(&block, rows, &mut scratch).to_vec();
            for (row, expected) in values.chunks_exact(INPUTS).zip(many.chunks_exact(INPUTS)) {
                layout::gather_lanes(&mut block, row, INPUTS, &slots);
                let given = paths.explain(&block, 1, &mut scratch);
                let bits = |values: &[f64]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                prop_assert_eq!(bits(given), bits(expected));
            }
        }
    }
}
