//! Correlation of pairs of numeric columns, over the rows where both have a number.
//!
//! For each pair the number of common rows, both means and the three co-moments are kept. A block's are found from
//! values less the mean of their column in the block, so that nothing large cancels, and merged in the order of the
//! blocks (Chan, Golub and LeVeque 1983; Pébay 2008, SAND2008-6212, equation 3.12 for second co-moments). A mean is
//! kept as its distance from an origin near it: as one float, the mean of numbers that are large and close together
//! would be too coarse to tell blocks apart. Pearson's coefficient is `xy / sqrt(xx * yy)`.
//!
//! The order of additions is fixed by the rows alone, so the same blocks give the same bits on any machine. Cost: six
//! multiplications and additions a row and pair where a value is missing, one where none is.

use crate::vector::widest;

/// Numeric columns of a relation that are held against each other at most.
pub(crate) const COLUMNS_MAX: usize = 32;

/// Rows that are worked on at a time, so that they stay in the cache.
const TILE_ROWS: usize = 512;

const LANES: usize = 8;

/// What is known of two columns.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Pair {
    /// Rows where both have a number.
    pub(crate) rows: f64,
    /// A number near those of the first column, and near those of the second.
    pub(crate) origin_x: f64,
    pub(crate) origin_y: f64,
    /// Means less the origins.
    pub(crate) mean_x: f64,
    pub(crate) mean_y: f64,
    /// Sums of squares and products of the distances from the means.
    pub(crate) xx: f64,
    pub(crate) yy: f64,
    pub(crate) xy: f64,
}

impl Pair {
    /// Adds the rows that come after these.
    pub(crate) fn merge(&mut self, next: &Self) {
        if next.rows == 0.0 {
            return;
        }
        if self.rows == 0.0 {
            *self = *next;
            return;
        }
        let rows = self.rows + next.rows;
        let dx = (next.origin_x - self.origin_x) + (next.mean_x - self.mean_x);
        let dy = (next.origin_y - self.origin_y) + (next.mean_y - self.mean_y);
        let weight = self.rows * (next.rows / rows);
        self.xx += next.xx + dx * dx * weight;
        self.yy += next.yy + dy * dy * weight;
        self.xy += next.xy + dx * dy * weight;
        self.mean_x += dx * (next.rows / rows);
        self.mean_y += dy * (next.rows / rows);
        self.rows = rows;
    }

    /// Pearson's coefficient; none where it is not defined: fewer than two common rows, a constant, or numbers so large
    /// that their squares are no numbers.
    pub(crate) fn pearson(&self) -> Option<f64> {
        let (x, y) = (self.xx.sqrt(), self.yy.sqrt());
        let coefficient = (self.xy / x) / y;
        (self.rows >= 2.0 && x > 0.0 && y > 0.0 && coefficient.is_finite()).then(|| coefficient.clamp(-1.0, 1.0))
    }
}

/// The pairs of some columns: of 0 with 1, 0 with 2, 1 with 2, 0 with 3 and so on.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Pairs {
    pub(crate) pairs: Vec<Pair>,
}

impl Pairs {
    /// The pairs of columns of the same length; NaN and infinities stand for no number.
    pub(crate) fn of_block(columns: &[Vec<f64>]) -> Self {
        let columns = shifted(columns);
        let sums = all_sums(&columns);
        let mut sums = sums.into_iter();
        let mut pairs = Vec::with_capacity(sums.len());
        for (place, y) in columns.iter().enumerate() {
            pairs.extend(columns[..place].iter().zip(&mut sums).map(|(x, sums)| sums.pair(x, y)));
        }
        Self { pairs }
    }

    /// Adds the rows that come after these.
    pub(crate) fn merge(&mut self, next: &Self) {
        if self.pairs.is_empty() {
            self.pairs.clone_from(&next.pairs);
        } else {
            self.pairs.iter_mut().zip(&next.pairs).for_each(|(own, next)| own.merge(next));
        }
    }

    /// The pairs of some of the columns, given the names of all and of those wanted, ascending.
    pub(crate) fn of_columns(&self, all: &[usize], wanted: &[usize]) -> Self {
        let places: Vec<usize> = (0..all.len()).filter(|&at| wanted.contains(&all[at])).collect();
        let of_place = |(high, &y): (usize, &usize)| -> Vec<Pair> {
            places[..high].iter().map(|&x| self.get(x, y).copied().unwrap_or_default()).collect()
        };
        Self { pairs: places.iter().enumerate().flat_map(of_place).collect() }
    }

    /// The pair of two different columns.
    pub(crate) fn get(&self, a: usize, b: usize) -> Option<&Pair> {
        let (low, high) = (a.min(b), a.max(b));
        self.pairs.get(high * high.checked_sub(1)? / 2 + low)
    }
}

widest! {
    /// The sums of all pairs of columns.
    fn all_sums(columns: &[Shifted]) -> Vec<PairSums> = sums_of_tiles;
}

#[inline(always)]
fn sums_of_tiles(columns: &[Shifted]) -> Vec<PairSums> {
    let mut sums = vec![PairSums::default(); columns.len() * columns.len().saturating_sub(1) / 2];
    let rows = columns.first().map_or(0, |column| column.values.len());
    for start in (0..rows).step_by(TILE_ROWS) {
        let tile = start..(start + TILE_ROWS).min(rows);
        let mut sums = sums.iter_mut();
        for (place, y) in columns.iter().enumerate() {
            for (x, sums) in columns[..place].iter().zip(&mut sums) {
                if x.is_whole() && y.is_whole() {
                    sums.xy += dot(&x.values[tile.clone()], &y.values[tile.clone()]);
                } else {
                    sums.add(x.tile(tile.clone()), y.tile(tile.clone()));
                }
            }
        }
    }
    sums
}

/// A column less its mean, with its missing values as zeros.
struct Shifted {
    mean: f64,
    values: Vec<f64>,
    /// 1 where there is a value, 0 where there is none; empty when none is missing.
    present: Vec<f64>,
    count: f64,
    sum: f64,
    squares: f64,
}

widest! {
    /// Columns of the same length less their means.
    fn shifted(columns: &[Vec<f64>]) -> Vec<Shifted> = shifted_columns;
}

#[inline(always)]
fn shifted_columns(columns: &[Vec<f64>]) -> Vec<Shifted> {
    let mut shifted: Vec<Shifted> = columns.iter().map(|values| Shifted::divided(values)).collect();
    let means = sums_in_order(&shifted, 0.0);
    for ((column, values), mean) in shifted.iter_mut().zip(columns).zip(means) {
        let shift = |value: &f64| if value.is_finite() { value - mean } else { 0.0 };
        column.values.iter_mut().zip(values).for_each(|(to, value)| *to = shift(value));
        (column.mean, column.squares) = (mean, dot(&column.values, &column.values));
    }
    let sums = sums_in_order(&shifted, -0.0);
    shifted.iter_mut().zip(sums).for_each(|(column, sum)| column.sum = sum);
    shifted
}

/// The sums of the values of columns, each from its first row to its last. An addition waits for the one before, so
/// several columns are summed side by side.
#[inline(always)]
fn sums_in_order(columns: &[Shifted], start: f64) -> Vec<f64> {
    let mut sums = Vec::with_capacity(columns.len());
    let (fours, rest) = columns.as_chunks::<4>();
    for [a, b, c, d] in fours {
        let mut four = [start; 4];
        for (((a, b), c), d) in a.values.iter().zip(&b.values).zip(&c.values).zip(&d.values) {
            four.iter_mut().zip([a, b, c, d]).for_each(|(sum, value)| *sum += value);
        }
        sums.extend(four);
    }
    sums.extend(rest.iter().map(|column| column.values.iter().fold(start, |sum, value| sum + value)));
    sums
}

impl Shifted {
    /// The values divided by their number, before their mean is known. Divided first, or the sum of very large numbers
    /// is no number.
    #[inline(always)]
    fn divided(values: &[f64]) -> Self {
        let count = values.iter().filter(|value| value.is_finite()).count();
        let divisor = count.max(1) as f64;
        let divide = |value: &f64| if value.is_finite() { value / divisor } else { 0.0 };
        let present = |value: &f64| if value.is_finite() { 1.0 } else { 0.0 };
        let whole = count == values.len();
        let present = if whole { Vec::new() } else { values.iter().map(present).collect() };
        let values = values.iter().map(divide).collect();
        Self { mean: 0.0, values, present, count: count as f64, sum: 0.0, squares: 0.0 }
    }

    #[inline(always)]
    fn is_whole(&self) -> bool {
        self.present.is_empty()
    }

    #[inline(always)]
    fn tile(&self, rows: std::ops::Range<usize>) -> Tile<'_> {
        let present = if self.is_whole() { &ONES[..rows.len()] } else { &self.present[rows.clone()] };
        Tile { values: &self.values[rows], present }
    }
}

const ONES: [f64; TILE_ROWS] = [1.0; TILE_ROWS];

#[derive(Clone, Copy)]
struct Tile<'a> {
    values: &'a [f64],
    present: &'a [f64],
}

/// Sums over the common rows of two columns, of values less their means.
#[derive(Debug, Clone, Copy, Default)]
struct PairSums {
    rows: f64,
    x: f64,
    y: f64,
    xx: f64,
    yy: f64,
    xy: f64,
}

impl PairSums {
    #[inline(always)]
    fn add(&mut self, x: Tile<'_>, y: Tile<'_>) {
        let mut lanes = [[0.0; LANES]; 6];
        let [xs, ys] = [x.values.as_chunks::<LANES>(), y.values.as_chunks::<LANES>()];
        let [px, py] = [x.present.as_chunks::<LANES>(), y.present.as_chunks::<LANES>()];
        for (((x, y), px), py) in xs.0.iter().zip(ys.0).zip(px.0).zip(py.0) {
            for lane in 0..LANES {
                let (both_x, both_y) = (x[lane] * py[lane], y[lane] * px[lane]);
                lanes[0][lane] += px[lane] * py[lane];
                lanes[1][lane] += both_x;
                lanes[2][lane] += both_y;
                lanes[3][lane] += x[lane] * both_x;
                lanes[4][lane] += y[lane] * both_y;
                lanes[5][lane] += x[lane] * y[lane];
            }
        }
        for (((x, y), px), py) in xs.1.iter().zip(ys.1).zip(px.1).zip(py.1) {
            let (both_x, both_y) = (x * py, y * px);
            let rest = [px * py, both_x, both_y, x * both_x, y * both_y, x * y];
            lanes.iter_mut().zip(rest).for_each(|(lanes, more)| lanes[0] += more);
        }
        let [rows, x, y, xx, yy, xy] = lanes.map(|lanes| lanes.iter().sum::<f64>());
        self.rows += rows;
        self.x += x;
        self.y += y;
        self.xx += xx;
        self.yy += yy;
        self.xy += xy;
    }

    fn pair(self, x: &Shifted, y: &Shifted) -> Pair {
        let sums = if x.is_whole() && y.is_whole() {
            Self { rows: x.count, x: x.sum, y: y.sum, xx: x.squares, yy: y.squares, xy: self.xy }
        } else {
            self
        };
        if sums.rows == 0.0 {
            return Pair::default();
        }
        let (dx, dy) = (sums.x / sums.rows, sums.y / sums.rows);
        let mut pair = Pair {
            rows: sums.rows,
            origin_x: x.mean,
            origin_y: y.mean,
            mean_x: dx,
            mean_y: dy,
            xx: (sums.xx - dx * sums.x).max(0.0),
            yy: (sums.yy - dy * sums.y).max(0.0),
            xy: sums.xy - dx * sums.y,
        };
        if pair.xx < CANCELLED * sums.xx || pair.yy < CANCELLED * sums.yy {
            pair.read_again(x, y);
        }
        pair
    }
}

/// A sum of squares about the mean of less than this share of the sum about the origin has lost digits that count: the
/// common rows lie together, far from the mean of all rows of one column.
const CANCELLED: f64 = 1e-4;

impl Pair {
    /// The sums about the means once more, row by row.
    #[cold]
    fn read_again(&mut self, x: &Shifted, y: &Shifted) {
        (self.xx, self.yy, self.xy) = (0.0, 0.0, 0.0);
        for row in 0..x.values.len().min(y.values.len()) {
            let is_common =
                |column: &Shifted| column.is_whole() || column.present.get(row).is_some_and(|one| *one > 0.0);
            if is_common(x) && is_common(y) {
                let (from_x, from_y) = (x.values[row] - self.mean_x, y.values[row] - self.mean_y);
                self.xx += from_x * from_x;
                self.yy += from_y * from_y;
                self.xy += from_x * from_y;
            }
        }
    }
}

/// The sum of products, in an order that is fixed and that compilers turn into vector instructions.
#[inline(always)]
fn dot(x: &[f64], y: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    let (xs, ys) = (x.as_chunks::<LANES>(), y.as_chunks::<LANES>());
    for (x, y) in xs.0.iter().zip(ys.0) {
        for lane in 0..LANES {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    for (x, y) in xs.1.iter().zip(ys.1) {
        lanes[0] += x * y;
    }
    lanes.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// By two readings of the rows, as the textbook has it.
    fn naive(x: &[f64], y: &[f64]) -> Option<f64> {
        let both: Vec<(f64, f64)> =
            x.iter().zip(y).map(|(x, y)| (*x, *y)).filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
        let rows = both.len() as f64;
        let (mx, my) = (both.iter().map(|b| b.0).sum::<f64>() / rows, both.iter().map(|b| b.1).sum::<f64>() / rows);
        let sum = |f: &dyn Fn(f64, f64) -> f64| both.iter().map(|(x, y)| f(x - mx, y - my)).sum::<f64>();
        let (xx, yy, xy) = (sum(&|x, _| x * x), sum(&|_, y| y * y), sum(&|x, y| x * y));
        (both.len() >= 2 && xx > 0.0 && yy > 0.0).then(|| xy / (xx.sqrt() * yy.sqrt()))
    }

    fn number() -> impl Strategy<Value = f64> {
        prop_oneof![4 => -100.0..100.0, 1 => Just(f64::NAN), 1 => Just(0.0), 1 => 1e6..1e6 + 1.0]
    }

    proptest! {
        #[test]
        fn merged_blocks_give_what_the_textbook_gives(
            rows in prop::collection::vec([number(), number(), number()], 0..1_500),
            cuts in prop::collection::vec(1_usize..700, 1..20),
        ) {
            let mut pairs = Pairs::default();
            let mut rest = rows.as_slice();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break }
                let (block, after) = rest.split_at((*cut).min(rest.len()));
                let column = |at: usize| block.iter().map(|row| row[at]).collect::<Vec<f64>>();
                pairs.merge(&Pairs::of_block(&[column(0), column(1), column(2)]));
                rest = after;
            }
            for (a, b) in [(0, 1), (0, 2), (1, 2)] {
                let column = |at: usize| rows.iter().map(|row| row[at]).collect::<Vec<f64>>();
                let found = pairs.get(a, b).and_then(Pair::pearson);
                match naive(&column(a), &column(b)) {
                    Some(expected) => prop_assert!((found.unwrap() - expected).abs() < 1e-9, "{found:?} {expected}"),
                    None if rows.is_empty() => prop_assert!(found.is_none()),
                    None => {}
                }
            }
        }
    }

    /// One column as the formulas have it.
    fn shifted_alone(values: &[f64]) -> Shifted {
        let count = values.iter().filter(|value| value.is_finite()).count();
        let divisor = count.max(1) as f64;
        let mean = values.iter().filter(|value| value.is_finite()).fold(0.0, |sum, value| sum + value / divisor);
        let shift = |value: &f64| if value.is_finite() { value - mean } else { 0.0 };
        let shifted: Vec<f64> = values.iter().map(shift).collect();
        let present = |value: &f64| if value.is_finite() { 1.0 } else { 0.0 };
        let whole = count == values.len();
        let present = if whole { Vec::new() } else { values.iter().map(present).collect() };
        let (sum, squares) = (shifted.iter().sum(), dot(&shifted, &shifted));
        Shifted { mean, values: shifted, present, count: count as f64, sum, squares }
    }

    proptest! {
        #[test]
        fn every_level_gives_the_same_bits(
            rows in prop::collection::vec([number(), number(), number(), number(), number()], 0..1_500),
        ) {
            let columns: Vec<Vec<f64>> = (0..5).map(|at| rows.iter().map(|row| row[at]).collect()).collect();
            let bits = |column: &Shifted| {
                let numbers = [column.mean, column.count, column.sum, column.squares];
                let all: Vec<f64> = [&numbers[..], &column.values, &column.present].concat();
                all.into_iter().map(f64::to_bits).collect::<Vec<u64>>()
            };
            let (wide, plain) = (shifted(&columns), shifted_columns(&columns));
            for ((wide, plain), values) in wide.iter().zip(&plain).zip(&columns) {
                prop_assert_eq!(bits(wide), bits(plain));
                prop_assert_eq!(bits(wide), bits(&shifted_alone(values)));
            }
            let bits = |sums: &PairSums| [sums.rows, sums.x, sums.y, sums.xx, sums.yy, sums.xy].map(f64::to_bits);
            let (wide, plain) = (all_sums(&wide), sums_of_tiles(&plain));
            prop_assert_eq!(wide.iter().map(bits).collect::<Vec<_>>(), plain.iter().map(bits).collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_outlier_in_other_rows_cancels_nothing() {
        let x = [1e6, -36.683170904739015, -5.294694858081271];
        let y = [f64::NAN, 0.0, 22.13862505715524];
        let mut pairs = Pairs::default();
        pairs.merge(&Pairs::of_block(&[x.to_vec(), y.to_vec()]));
        let found = pairs.get(0, 1).and_then(Pair::pearson).unwrap();
        assert!((found - 1.0).abs() < 1e-9, "{found}");
    }

    #[test]
    fn a_large_offset_cancels_nothing() {
        let x: Vec<f64> = (0..5_000).map(|i| 1e9 + f64::from(i % 97)).collect();
        let y: Vec<f64> = x.iter().map(|x| 3e12 - 2.0 * (x - 1e9)).collect();
        let mut pairs = Pairs::default();
        for at in (0..5_000).step_by(700) {
            let end = (at + 700).min(5_000);
            pairs.merge(&Pairs::of_block(&[x[at..end].to_vec(), y[at..end].to_vec()]));
        }
        let found = pairs.get(1, 0).and_then(Pair::pearson).unwrap();
        assert!((found + 1.0).abs() < 1e-9, "{found}");
    }

    #[test]
    fn numbers_close_together_far_from_zero_keep_their_digits() {
        // Exactly 1/2, in blocks of one row whose means differ in the last digits of a float only.
        let step = 2.0_f64.powi(-20);
        let (x, y) = ([0.0, 0.0, 1.0], [1e6, 1e6 + step, 1e6 + step]);
        let mut pairs = Pairs::default();
        for at in 0..3 {
            pairs.merge(&Pairs::of_block(&[vec![x[at]], vec![y[at]]]));
        }
        let found = pairs.get(0, 1).and_then(Pair::pearson).unwrap();
        assert!((found - 0.5).abs() < 1e-14, "{found}");
    }

    #[test]
    fn what_is_not_defined_is_none() {
        let cases: [(&[f64], &[f64]); 5] = [
            (&[1.0], &[2.0]),
            (&[1.0, 1.0], &[2.0, 3.0]),
            (&[1.0, f64::NAN], &[2.0, 3.0]),
            (&[1e308, -1e308, 1.0], &[1e308, 1e300, 2.0]),
            (&[f64::INFINITY, 1.0], &[1.0, 2.0]),
        ];
        for (x, y) in cases {
            let pairs = Pairs::of_block(&[x.to_vec(), y.to_vec()]);
            assert_eq!(pairs.get(0, 1).and_then(Pair::pearson), None, "{x:?} {y:?}");
        }
    }
}
