//! Gauss-Legendre points: they integrate the products of a path exactly.

/// Points in (0, 1) and their weights; `n` points integrate polynomials of degree 2n - 1 exactly.
#[derive(Debug, Clone)]
pub(super) struct Quadrature {
    pub points: Vec<f64>,
    pub weights: Vec<f64>,
}

impl Quadrature {
    /// Roots of the Legendre polynomial by Newton's method from the usual cosine guesses (Abramowitz and Stegun
    /// 25.4.30), moved from (-1, 1) to (0, 1).
    pub(super) fn new(n: usize) -> Self {
        let (mut points, mut weights) = (Vec::with_capacity(n), Vec::with_capacity(n));
        for i in 0..n {
            let mut x = libm::cos(std::f64::consts::PI * (i as f64 + 0.75) / (n as f64 + 0.5));
            for _ in 0..16 {
                let (value, slope) = legendre(n, x);
                let step = value / slope;
                x -= step;
                if step.abs() < 1e-16 {
                    break;
                }
            }
            let (_, slope) = legendre(n, x);
            points.push(0.5 - 0.5 * x);
            weights.push(1.0 / ((1.0 - x * x) * slope * slope));
        }
        Self { points, weights }
    }
}

/// The Legendre polynomial of degree `n` at `x`, and its derivative.
fn legendre(n: usize, x: f64) -> (f64, f64) {
    let (mut last, mut value) = (1.0, x);
    for k in 2..=n {
        let k = k as f64;
        (last, value) = (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * last) / k);
    }
    (value, n as f64 * (x * value - last) / (x * x - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integrates_powers_exactly() {
        for n in 1..40 {
            let rule = Quadrature::new(n);
            for power in 0..2 * n {
                let terms = rule.points.iter().zip(&rule.weights);
                let sum: f64 = terms.map(|(t, w)| w * t.powi(power as i32)).sum();
                let exact = 1.0 / (power as f64 + 1.0);
                assert!((sum - exact).abs() < 1e-14, "{n} points, power {power}: {sum} is not {exact}");
            }
        }
    }
}
