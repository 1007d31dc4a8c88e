//! Layers of neurons, and naive Bayes: the other computations of a graph.

use std::collections::HashMap;

use crate::linear::key;

/// One layer: each neuron is its activation of the weighted sum of slots.
#[derive(Debug)]
pub(crate) struct Layer {
    pub neurons: Vec<Neuron>,
    pub activation: Activation,
    pub normalization: Normalization,
    /// The first of its slots.
    pub to: usize,
}

#[derive(Debug)]
pub(crate) struct Neuron {
    pub bias: f64,
    /// Slots and weights.
    pub inputs: Vec<(usize, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Activation {
    Threshold(f64),
    Logistic,
    Tanh,
    Identity,
    Exponential,
    Reciprocal,
    Square,
    Gauss,
    Sine,
    Cosine,
    Elliott,
    Arctan,
    Rectifier,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Normalization {
    None,
    Simplemax,
    Softmax,
}

impl Layer {
    pub(super) fn run(&self, fields: &mut [f64]) {
        for (at, neuron) in self.neurons.iter().enumerate() {
            let sum = neuron.inputs.iter().fold(neuron.bias, |sum, (slot, weight)| sum + weight * fields[*slot]);
            fields[self.to + at] = self.activation.of(sum);
        }
        let values = &mut fields[self.to..self.to + self.neurons.len()];
        if self.normalization == Normalization::Softmax {
            let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            values.iter_mut().for_each(|value| *value = libm::exp(*value - largest));
        }
        if self.normalization != Normalization::None {
            let sum: f64 = values.iter().sum();
            values.iter_mut().for_each(|value| *value /= sum);
        }
    }
}

impl Activation {
    fn of(self, x: f64) -> f64 {
        match self {
            Self::Threshold(threshold) if x.is_nan() || threshold.is_nan() => f64::NAN,
            Self::Threshold(threshold) => f64::from(u8::from(x > threshold)),
            Self::Logistic => 1.0 / (1.0 + libm::exp(-x)),
            Self::Tanh => libm::tanh(x),
            Self::Identity => x,
            Self::Exponential => libm::exp(x),
            Self::Reciprocal => 1.0 / x,
            Self::Square => x * x,
            Self::Gauss => libm::exp(-(x * x)),
            Self::Sine => libm::sin(x),
            Self::Cosine => libm::cos(x),
            Self::Elliott => x / (1.0 + x.abs()),
            Self::Arctan => 2.0 * libm::atan(x) / std::f64::consts::PI,
            Self::Rectifier if x.is_nan() => x,
            Self::Rectifier => x.max(0.0),
        }
    }
}

/// Naive Bayes: classes by prior counts, and what each input says of them. A missing input says nothing.
#[derive(Debug)]
pub(crate) struct Bayes {
    /// One per class.
    pub priors: Vec<f64>,
    pub inputs: Vec<(usize, Evidence)>,
    /// The least that a probability may be.
    pub threshold: f64,
    pub to: usize,
}

#[derive(Debug)]
pub(crate) enum Evidence {
    /// For each value ([`key`]) its share within each class. Another value says nothing.
    Shares(HashMap<u64, Vec<f64>>),
    /// Mean and variance within each class.
    Gaussian(Vec<(f64, f64)>),
}

impl Bayes {
    pub(super) fn run(&self, fields: &mut [f64]) {
        let mut logs: Vec<f64> = self.priors.iter().map(|prior| libm::log(*prior)).collect();
        for (slot, evidence) in &self.inputs {
            let x = fields[*slot];
            for (class, log) in logs.iter_mut().enumerate() {
                *log += match evidence {
                    _ if x.is_nan() => 0.0,
                    Evidence::Shares(shares) => match shares.get(&key(x)) {
                        Some(shares) => libm::log(shares[class].max(self.threshold)),
                        None => 0.0,
                    },
                    Evidence::Gaussian(moments) => {
                        let (mean, variance) = moments[class];
                        let log = -(x - mean) * (x - mean) / (2.0 * variance)
                            - 0.5 * libm::log(2.0 * std::f64::consts::PI * variance);
                        log.max(libm::log(self.threshold))
                    }
                };
            }
        }
        let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = logs.iter().map(|log| libm::exp(log - largest)).sum();
        for (at, log) in logs.iter().enumerate() {
            fields[self.to + at] = libm::exp(log - largest) / total;
        }
    }
}
