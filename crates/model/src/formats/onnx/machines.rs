//! Support vector machines with a kernel: one number per row.

use super::tensor::Kind;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kernel {
    Linear,
    Polynomial,
    Radial,
    Sigmoid,
}

#[derive(Debug, Clone)]
pub(super) struct Svm {
    pub kernel: Kernel,
    pub gamma: f64,
    pub coef0: f64,
    pub degree: f64,
    /// Vectors x features.
    pub vectors: Vec<f64>,
    pub features: usize,
    /// One per vector.
    pub coefficients: Vec<f64>,
    pub rho: f64,
}

impl Svm {
    /// rho + the sum of coefficient x kernel of the vector and the row, in single precision.
    pub(super) fn value(&self, feature: impl Fn(usize) -> f64) -> f64 {
        let fit = |x: f64| Kind::Single.fit(x);
        let vectors = self.vectors.chunks_exact(self.features.max(1));
        let terms = vectors.zip(&self.coefficients).map(|(vector, coefficient)| {
            let pairs = vector.iter().enumerate().map(|(at, x)| (feature(at), *x));
            fit(coefficient * fit(self.kernel(pairs)))
        });
        fit(terms.fold(0.0, |sum, term| fit(sum + term)) + self.rho)
    }

    fn kernel(&self, pairs: impl Iterator<Item = (f64, f64)>) -> f64 {
        if self.kernel == Kernel::Radial {
            return libm::exp(-self.gamma * pairs.map(|(a, b)| (a - b) * (a - b)).sum::<f64>());
        }
        let product: f64 = pairs.map(|(a, b)| a * b).sum();
        match self.kernel {
            Kernel::Polynomial => libm::pow(self.gamma * product + self.coef0, self.degree),
            Kernel::Sigmoid => libm::tanh(self.gamma * product + self.coef0),
            _ => product,
        }
    }
}
