//! Support vector machines with a kernel: one number per row; and probabilities of classes from those of pairs.

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
    /// What the sum is rounded to at every step: classifiers have it in double precision.
    pub sums: Kind,
}

impl Svm {
    /// rho + the sum of coefficient x kernel of the vector and the row, each of single precision, as is the whole.
    pub(super) fn value(&self, feature: impl Fn(usize) -> f64) -> f64 {
        let fit = |x: f64| Kind::Single.fit(x);
        let vectors = self.vectors.chunks_exact(self.features.max(1));
        let terms = vectors.zip(&self.coefficients).map(|(vector, coefficient)| {
            let pairs = vector.iter().enumerate().map(|(at, x)| (feature(at), *x));
            fit(coefficient * fit(self.kernel(pairs)))
        });
        fit(terms.fold(0.0, |sum, term| self.sums.fit(sum + term)) + self.rho)
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

/// Most rounds of [`couple`].
const ROUNDS_MAX: usize = 100;

/// The probabilities of classes that agree best with those of the first of each pair of them, in the order 0-1, 0-2,
/// ..., 1-2, ... (Wu, Lin and Weng 2004, algorithm 2): `to` is one number per class. It stops where no class is off by
/// 0.005 / classes, as libsvm and ONNX Runtime do, so that the answer depends on the way there.
pub(super) fn couple(pairs: &[f64], to: &mut [f64]) {
    let classes = to.len();
    to.fill(1.0 / classes as f64);
    if pairs.iter().any(|pair| pair.is_nan()) {
        to.fill(f64::NAN);
        return;
    }
    // Of two classes the probability of the first.
    let mut first = vec![0.0; classes * classes];
    let mut given = pairs.iter();
    for a in 0..classes {
        for b in a + 1..classes {
            let own = given.next().copied().unwrap_or(0.5);
            (first[a * classes + b], first[b * classes + a]) = (own, 1.0 - own);
        }
    }
    let mut matrix = vec![0.0; classes * classes];
    for a in 0..classes {
        for b in (0..classes).filter(|b| *b != a) {
            let against = first[b * classes + a];
            matrix[a * classes + a] += against * against;
            matrix[a * classes + b] = -against * first[a * classes + b];
        }
    }
    let mut products = vec![0.0; classes];
    for _ in 0..ROUNDS_MAX {
        for (product, row) in products.iter_mut().zip(matrix.chunks_exact(classes)) {
            *product = row.iter().zip(&*to).map(|(a, b)| a * b).sum();
        }
        let mut whole: f64 = products.iter().zip(&*to).map(|(a, b)| a * b).sum();
        let off = products.iter().map(|product| (product - whole).abs()).fold(0.0, f64::max);
        if off < 0.005 / classes as f64 {
            break;
        }
        for class in 0..classes {
            let row = &matrix[class * classes..][..classes];
            let more = (whole - products[class]) / row[class];
            to[class] += more;
            whole = (whole + more * (more * row[class] + 2.0 * products[class])) / (1.0 + more) / (1.0 + more);
            for (product, entry) in products.iter_mut().zip(row) {
                *product = (*product + more * entry) / (1.0 + more);
            }
            to.iter_mut().for_each(|probability| *probability /= 1.0 + more);
        }
    }
}
