//! Exact interventional contributions of one row against one other, for trees with very long paths; see
//! [`super::against`] for all others.
//!
//! The game of a row x and a background row b: a coalition's value is the score of b with the coalition's inputs taken
//! from x (Lundberg et al. 2020, "interventional"). Down a tree both rows go together until they part; then the input
//! asked is one of those taken from x on x's way, and of those left to b on b's way, and further down it stays so. A
//! leaf of value v reached with p inputs from x and q from b gives each of the former v (p - 1)! q! / (p + q)!, and
//! takes v p! (q - 1)! / (p + q)! from each of the latter.
//!
//! Cost: the leaves that the pair reaches, at most all.

use super::score::{Step, Walk};

/// From whom the walk so far takes an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    Row,
    Background,
}

/// The walk of a row and a background row, both as slots.
pub(super) struct Pair<'a> {
    pub walk: &'a Walk,
    /// The input of each slot.
    pub inputs: &'a [usize],
    pub row: &'a [f64],
    pub background: &'a [f64],
    /// Of each input.
    taken: Vec<Option<Taken>>,
    /// Inputs taken from somebody, and how many from each.
    open: Vec<usize>,
    from_row: usize,
    from_background: usize,
}

impl<'a> Pair<'a> {
    pub(super) fn new(walk: &'a Walk, inputs: &'a [usize], rows: (&'a [f64], &'a [f64]), count: usize) -> Self {
        let taken = vec![None; count];
        let (row, background) = rows;
        Self { walk, inputs, row, background, taken, open: Vec::new(), from_row: 0, from_background: 0 }
    }

    /// Call `give` with what a tree adds to an input, one leaf after the other.
    pub(super) fn add(&mut self, root: u32, mut give: impl FnMut(usize, f64)) {
        self.go(root, &mut give);
    }

    fn go(&mut self, node: u32, give: &mut impl FnMut(usize, f64)) {
        let (mut node, both) = (node, [self.row, self.background]);
        let parted = loop {
            let [by_row, by_background] = both.map(|slots| self.walk.step(node, slots));
            let (Step::Down { slot, to: from_row }, Step::Down { to: from_background, .. }) = (by_row, by_background)
            else {
                if let Step::Leaf(value) = by_row {
                    self.leaf(value, give);
                }
                return;
            };
            let input = self.inputs[slot];
            node = match self.taken[input] {
                Some(Taken::Background) => from_background,
                Some(Taken::Row) => from_row,
                None if from_row == from_background => from_row,
                None => break [(Taken::Row, input, from_row), (Taken::Background, input, from_background)],
            };
        };
        for (taken, input, to) in parted {
            self.taken[input] = Some(taken);
            self.open.push(input);
            *self.count(taken) += 1;
            self.go(to, give);
            *self.count(taken) -= 1;
            self.open.pop();
            self.taken[input] = None;
        }
    }

    fn count(&mut self, taken: Taken) -> &mut usize {
        match taken {
            Taken::Row => &mut self.from_row,
            Taken::Background => &mut self.from_background,
        }
    }

    fn leaf(&self, value: f64, give: &mut impl FnMut(usize, f64)) {
        let gained = value * weight(self.from_row, self.from_background);
        let lost = value * weight(self.from_background, self.from_row);
        for input in &self.open {
            match self.taken[*input] {
                Some(Taken::Row) => give(*input, gained),
                _ => give(*input, -lost),
            }
        }
    }
}

/// (p - 1)! q! / (p + q)!
pub(super) fn weight(p: usize, q: usize) -> f64 {
    let choices = (1..=p).fold(1.0, |choices, k| choices * (q + k) as f64 / k as f64);
    1.0 / (p as f64 * choices)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Child, Forest, Leaf, Rules, Split, Test, Tree};

    const INPUTS: usize = 4;

    /// A tree grown by splitting a leaf again and again.
    fn grown(splits: usize, output: usize, dice: &mut impl FnMut(u32) -> u32) -> Tree {
        let leaf = |at: usize| Leaf { value: 1.0 / (at as f64 - 2.5), cover: 1.0, linear: None };
        let mut tree = Tree { splits: Vec::new(), leaves: vec![leaf(0)], output };
        let mut parents: Vec<Option<(usize, bool)>> = vec![None];
        for at in 0..splits {
            let (old, new) = (dice(tree.leaves.len() as u32) as usize, tree.leaves.len());
            tree.hang(Child::Split(at as u32), parents[old]);
            let (missing_left, zero_missing) = (dice(2) == 0, dice(3) == 0);
            let test = match dice(4) {
                0 => Test::In { words: vec![dice(16)], missing_left },
                _ => Test::AtMost { threshold: f64::from(dice(6)) - 2.0, missing_left, zero_missing },
            };
            let (left, right) = (Child::Leaf(old as u32), Child::Leaf(new as u32));
            tree.splits.push(Split { input: dice(INPUTS as u32), test, left, right });
            parents[old] = Some((at, true));
            parents.push(Some((at, false)));
            tree.leaves.push(leaf(new));
        }
        tree
    }

    /// By the definition: over all coalitions of the other inputs.
    fn defined(forest: &Forest, row: &[f64], background: &[f64], input: usize, output: usize) -> f64 {
        let score = |coalition: usize, other: &[f64]| {
            let mixed: Vec<f64> =
                (0..INPUTS).map(|at| if coalition >> at & 1 != 0 { row[at] } else { other[at] }).collect();
            let mut raw = [0.0; 2];
            forest.score(&mixed, &mut raw);
            raw[output]
        };
        let factorial = |n: u32| (1..=n).map(f64::from).product::<f64>();
        let mut sum = 0.0;
        for other in background.chunks_exact(INPUTS) {
            for coalition in (0..1_usize << INPUTS).filter(|coalition| coalition >> input & 1 == 0) {
                let size = coalition.count_ones();
                let share = factorial(size) * factorial(INPUTS as u32 - size - 1) / factorial(INPUTS as u32);
                sum += share * (score(coalition | 1 << input, other) - score(coalition, other));
            }
        }
        sum / (background.len() / INPUTS) as f64
    }

    proptest! {
        #[test]
        fn contributions_are_the_shapley_values_of_their_definition(
            seed in 1_u32..,
            sizes in prop::collection::vec(0_usize..14, 1..4),
            rows in 1_usize..4,
            others in 1_usize..4,
        ) {
            let mut state = seed;
            let mut dice = |below: u32| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) % below
            };
            let trees = sizes.iter().enumerate().map(|(at, size)| grown(*size, at % 2, &mut dice)).collect();
            let mut cells = |rows: usize| -> Vec<f64> {
                let cell = |_| if dice(7) == 0 { f64::NAN } else { f64::from(dice(8)) - 3.0 };
                (0..rows * INPUTS).map(cell).collect()
            };
            let (values, background) = (cells(rows), cells(others));
            let forest = Forest::new(trees, INPUTS, Rules::plain(2)).unwrap();
            let against = forest.against(&background).unwrap();
            let mut given = Vec::new();
            forest.explain_against(&against, &values, |block| given.extend_from_slice(block));
            let mut paired = Vec::new();
            forest.explain_against(&against.paired(), &values, |block| paired.extend_from_slice(block));
            prop_assert!(given.iter().zip(&paired).all(|(a, b)| (a - b).abs() < 1e-12), "{:?} {:?}", given, paired);
            for (row, given) in values.chunks_exact(INPUTS).zip(given.chunks_exact(INPUTS * 2)) {
                for (at, given) in given.iter().enumerate() {
                    let expected = defined(&forest, row, &background, at / 2, at % 2);
                    prop_assert!((given - expected).abs() < 1e-12, "{} is not {}", given, expected);
                }
            }
        }
    }
}
