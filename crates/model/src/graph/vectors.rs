//! Support vector machines: sums of kernels over vectors, or over one vector of coefficients.

use crate::linear::key;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kernel {
    Linear,
    /// (gamma x.y + constant)^degree.
    Polynomial {
        gamma: f64,
        constant: f64,
        degree: f64,
    },
    /// exp(-gamma |x - y|^2).
    Radial {
        gamma: f64,
    },
    /// tanh(gamma x.y + constant).
    Sigmoid {
        gamma: f64,
        constant: f64,
    },
}

/// One entry of a vector made of a row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Entry {
    Field(usize),
    /// The coefficient where the field is the symbol, else 0; missing stays missing.
    Is {
        field: usize,
        symbol: f64,
        coefficient: f64,
    },
}

#[derive(Debug)]
pub(crate) enum Machine {
    /// Places of vectors and their coefficients.
    Vectors(Vec<(usize, f64)>),
    Coefficients(Vec<f64>),
}

/// What the machines' numbers mean.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// The number of the one machine.
    Number,
    /// Each machine votes for one of two classes: the first where its number is below the threshold (above, with
    /// `is_max_wins`), else the second. Answers are shares of the votes.
    Pairs { votes: Vec<(usize, usize, f64)>, is_max_wins: bool },
    /// The class with the smallest number (the largest, with `is_max_wins`).
    Extreme { classes: Vec<usize>, is_max_wins: bool },
}

#[derive(Debug)]
pub(crate) struct Machines {
    pub kernel: Kernel,
    pub entries: Vec<Entry>,
    pub vectors: Vec<Vec<f64>>,
    /// Each with the constant that is added.
    pub machines: Vec<(Machine, f64)>,
    pub verdict: Verdict,
    /// The first of its slots: the answer, then one per machine.
    pub to: usize,
    pub width: usize,
}

impl Machines {
    pub(super) fn run(&self, fields: &mut [f64]) {
        let row: Vec<f64> = self.entries.iter().map(|entry| entry.of(fields)).collect();
        // A vector of several machines is compared once.
        let compared: Vec<f64> = self.vectors.iter().map(|vector| self.kernel.of(&row, vector)).collect();
        let sum = |(machine, constant): &(Machine, f64)| match machine {
            Machine::Vectors(parts) => parts.iter().fold(0.0, |sum, (at, part)| sum + part * compared[*at]) + constant,
            Machine::Coefficients(parts) => dot(&row, parts) + constant,
        };
        let numbers: Vec<f64> = self.machines.iter().map(sum).collect();
        fields[self.to + self.width..][..numbers.len()].copy_from_slice(&numbers);
        let to = &mut fields[self.to..self.to + self.width];
        if numbers.iter().any(|number| number.is_nan()) {
            return to.fill(f64::NAN);
        }
        to.fill(0.0);
        match &self.verdict {
            Verdict::Number => to[0] = numbers[0],
            Verdict::Pairs { votes, is_max_wins } => {
                for ((first, second, threshold), number) in votes.iter().zip(&numbers) {
                    let is_first = if *is_max_wins { number > threshold } else { number < threshold };
                    to[if is_first { *first } else { *second }] += 1.0 / votes.len() as f64;
                }
            }
            Verdict::Extreme { classes, is_max_wins } => {
                let wins = |a: f64, b: f64| if *is_max_wins { a > b } else { a < b };
                let best =
                    (0..numbers.len()).reduce(|best, at| if wins(numbers[at], numbers[best]) { at } else { best });
                best.into_iter().for_each(|best| to[classes[best]] = 1.0);
            }
        }
    }

    pub(super) fn parts(&self) -> usize {
        let parts = |(machine, _): &(Machine, f64)| match machine {
            Machine::Vectors(parts) => parts.len(),
            Machine::Coefficients(parts) => parts.len(),
        };
        self.machines.iter().map(parts).sum()
    }
}

impl Entry {
    fn of(self, fields: &[f64]) -> f64 {
        match self {
            Self::Field(field) => fields[field],
            Self::Is { field, .. } if fields[field].is_nan() => f64::NAN,
            Self::Is { field, symbol, coefficient } if key(fields[field]) == key(symbol) => coefficient,
            Self::Is { .. } => 0.0,
        }
    }
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

impl Kernel {
    fn of(self, x: &[f64], y: &[f64]) -> f64 {
        match self {
            Self::Linear => dot(x, y),
            Self::Polynomial { gamma, constant, degree } => libm::pow(gamma * dot(x, y) + constant, degree),
            Self::Radial { gamma } => {
                let apart: f64 = x.iter().zip(y).map(|(x, y)| (x - y) * (x - y)).sum();
                libm::exp(-gamma * apart)
            }
            Self::Sigmoid { gamma, constant } => libm::tanh(gamma * dot(x, y) + constant),
        }
    }
}
