//! How far apart two rows are, or how alike: the comparison measures of PMML, and what is made of them.
//!
//! [`Clusters`] finds the nearest of some centres, [`Neighbors`] the nearest of some rows of the training data. A
//! missing number does not count; what is left of a distance is scaled up by the share of the weights that do.

/// What the comparisons of single fields add up to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Distance {
    Euclidean,
    SquaredEuclidean,
    Chebychev,
    CityBlock,
    Minkowski(f64),
    /// Counts of fields that are both 1, only the row's, only the other's, neither (in that order): the weighted sum
    /// by the first four numbers over that by the last four.
    Binary([f64; 4], [f64; 4]),
}

/// How the values of one field are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Comparison {
    /// |x - y|.
    Difference,
    /// exp(-ln 2 (x - y)^2 / scale^2).
    Gauss { scale: f64 },
    /// 0 where they are equal, else 1.
    Unequal,
    /// 1 where they are equal, else 0.
    Equal,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Compared {
    pub slot: usize,
    pub weight: f64,
    pub comparison: Comparison,
    /// Its share when other fields are missing.
    pub missing_weight: f64,
}

#[derive(Debug, Clone)]
pub(crate) struct Measure {
    pub distance: Distance,
    /// A measure of likeness: the largest is the nearest.
    pub is_likeness: bool,
    pub fields: Vec<Compared>,
}

impl Measure {
    /// Between a row's fields and a point that has a number for each compared field. NaN when all fields are missing.
    pub(crate) fn between(&self, row: &[f64], point: &[f64]) -> f64 {
        if let Distance::Binary(top, bottom) = self.distance {
            return self.binary(row, point, top, bottom);
        }
        let (mut sum, mut all, mut present) = (0.0_f64, 0.0, 0.0);
        for (field, y) in self.fields.iter().zip(point) {
            let x = row[field.slot];
            all += field.missing_weight;
            if x.is_nan() || y.is_nan() {
                continue;
            }
            present += field.missing_weight;
            let apart = field.comparison.of(x, *y);
            match self.distance {
                Distance::Euclidean | Distance::SquaredEuclidean => sum += field.weight * apart * apart,
                Distance::Chebychev => sum = sum.max(field.weight * apart),
                Distance::Minkowski(power) => sum += field.weight * libm::pow(apart, power),
                Distance::CityBlock | Distance::Binary(..) => sum += field.weight * apart,
            }
        }
        if present <= 0.0 {
            return f64::NAN;
        }
        let sum = if present == all { sum } else { sum * (all / present) };
        match self.distance {
            Distance::Euclidean => sum.sqrt(),
            Distance::Minkowski(power) => libm::pow(sum, 1.0 / power),
            _ => sum,
        }
    }

    fn binary(&self, row: &[f64], point: &[f64], top: [f64; 4], bottom: [f64; 4]) -> f64 {
        let mut counts = [0.0; 4];
        for (field, y) in self.fields.iter().zip(point) {
            let x = row[field.slot];
            if x.is_nan() || y.is_nan() {
                continue;
            }
            counts[usize::from(x != 1.0) * 2 + usize::from(*y != 1.0)] += 1.0;
        }
        let dot = |weights: [f64; 4]| (0..4).map(|at| weights[at] * counts[at]).sum::<f64>();
        dot(top) / dot(bottom)
    }

    /// Whether the first number means nearer than the second.
    fn is_nearer(&self, a: f64, b: f64) -> bool {
        if self.is_likeness { a > b } else { a < b }
    }
}

impl Comparison {
    fn of(self, x: f64, y: f64) -> f64 {
        match self {
            Self::Difference => (x - y).abs(),
            Self::Gauss { scale } => libm::exp(-std::f64::consts::LN_2 * (x - y) * (x - y) / (scale * scale)),
            Self::Unequal => f64::from(u8::from(x != y)),
            Self::Equal => f64::from(u8::from(x == y)),
        }
    }
}

/// Clusters by their centres: 1 for the nearest, 0 for the others, then the measure to each.
#[derive(Debug)]
pub(crate) struct Clusters {
    pub measure: Measure,
    pub centres: Vec<Vec<f64>>,
    /// The first of its slots: one per cluster for the answer, then one per cluster for the measure.
    pub to: usize,
}

impl Clusters {
    pub(super) fn run(&self, fields: &mut [f64]) {
        let count = self.centres.len();
        let found: Vec<f64> = self.centres.iter().map(|centre| self.measure.between(fields, centre)).collect();
        let known = !found.iter().any(|value| value.is_nan());
        let nearer = |best: usize, at: usize| if self.measure.is_nearer(found[at], found[best]) { at } else { best };
        let best = (0..count).reduce(nearer).filter(|_| known);
        for (at, value) in found.iter().enumerate() {
            fields[self.to + at] = best.map_or(f64::NAN, |best| f64::from(u8::from(best == at)));
            fields[self.to + count + at] = *value;
        }
    }
}

/// What the nearest rows of the training data are asked for.
#[derive(Debug, Clone)]
pub(crate) enum Ask {
    /// The shares of the classes among them; each row's class. Of classes with equal shares the first of `order` wins.
    Classes { classes: Vec<usize>, order: Vec<usize>, symbols: Vec<f64> },
    /// The mean of their numbers.
    Mean(Vec<f64>),
    /// The median of their numbers.
    Median(Vec<f64>),
}

/// Whether the nearest rows count alike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Weighing {
    Alike,
    /// By 1 / (distance + threshold), or by the likeness.
    ByDistance {
        threshold: f64,
    },
}

/// The nearest rows of the training data, and what they say.
#[derive(Debug)]
pub(crate) struct Neighbors {
    pub measure: Measure,
    pub points: Vec<Vec<f64>>,
    pub count: usize,
    pub ask: Ask,
    pub weighing: Weighing,
    /// The first of its slots: the answer, its label where it is of classes, the places of the nearest rows, their
    /// distances.
    pub to: usize,
}

impl Neighbors {
    /// Slots of the answer with its label.
    pub(crate) fn answer_width(&self) -> usize {
        match &self.ask {
            Ask::Classes { symbols, .. } => symbols.len() + 1,
            _ => 1,
        }
    }

    pub(super) fn run(&self, fields: &mut [f64]) {
        let answer = self.answer_width();
        let nearest = self.nearest(fields);
        let to = &mut fields[self.to..self.to + answer + 2 * self.count];
        to.fill(f64::NAN);
        let Some(nearest) = nearest else { return };
        for (rank, (at, apart)) in nearest.iter().enumerate() {
            to[answer + rank] = *at as f64;
            to[answer + self.count + rank] = *apart;
        }
        let weights: Vec<f64> = nearest.iter().map(|(_, apart)| self.weight(*apart)).collect();
        let total: f64 = weights.iter().sum();
        match &self.ask {
            Ask::Classes { classes, order, symbols } => {
                let shares = &mut to[..symbols.len()];
                shares.fill(0.0);
                nearest.iter().zip(&weights).for_each(|((at, _), weight)| shares[classes[*at]] += weight / total);
                let best = order.iter().copied().reduce(|best, at| if shares[at] > shares[best] { at } else { best });
                to[symbols.len()] = best.map_or(f64::NAN, |best| symbols[best]);
            }
            Ask::Mean(values) => {
                let sum: f64 = nearest.iter().zip(&weights).map(|((at, _), weight)| weight * values[*at]).sum();
                to[0] = sum / total;
            }
            Ask::Median(values) => to[0] = super::ensemble::median(nearest.iter().map(|(at, _)| values[*at]).collect()),
        }
    }

    /// Places and measures of the nearest points, of equal ones the first in the file; nothing when one is unknown.
    fn nearest(&self, row: &[f64]) -> Option<Vec<(usize, f64)>> {
        let mut best: Vec<(usize, f64)> = Vec::with_capacity(self.count + 1);
        for (at, point) in self.points.iter().enumerate() {
            let apart = self.measure.between(row, point);
            if apart.is_nan() {
                return None;
            }
            let place = best.partition_point(|(_, other)| !self.measure.is_nearer(apart, *other));
            if place < self.count {
                best.insert(place, (at, apart));
                best.truncate(self.count);
            }
        }
        Some(best)
    }

    fn weight(&self, apart: f64) -> f64 {
        match self.weighing {
            Weighing::Alike => 1.0,
            Weighing::ByDistance { .. } if self.measure.is_likeness => apart,
            Weighing::ByDistance { threshold } => 1.0 / (apart + threshold),
        }
    }
}
