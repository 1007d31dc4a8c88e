//! The normal distribution.

/// Density at `x`.
pub(super) fn density(x: f64, mean: f64, deviation: f64) -> f64 {
    let z = (x - mean) / deviation;
    libm::exp(-0.5 * z * z) / (deviation * libm::sqrt(2.0 * std::f64::consts::PI))
}

/// Probability of a value up to `x`.
pub(super) fn below(x: f64, mean: f64, deviation: f64) -> f64 {
    0.5 * libm::erfc(-(x - mean) / (deviation * std::f64::consts::SQRT_2))
}

/// The value up to which the probability is `p`; NaN outside 0 to 1.
///
/// A rational start (Acklam 2003, relative error below 1.2e-9) and two of Halley's steps, which reach double precision.
pub(super) fn quantile(p: f64, mean: f64, deviation: f64) -> f64 {
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    if p == 0.0 || p == 1.0 {
        return if p == 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    // Below the middle no digits are lost.
    let tail = p.min(1.0 - p);
    let mut z = start(tail);
    for _ in 0..2 {
        let error = below(z, 0.0, 1.0) - tail;
        let step = error * libm::sqrt(2.0 * std::f64::consts::PI) * libm::exp(0.5 * z * z);
        z -= step / (1.0 + 0.5 * z * step);
    }
    mean + deviation * if p < 0.5 { z } else { -z }
}

fn start(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] =
        [7.784_695_709_041_462e-3, 3.224_671_290_700_398e-1, 2.445_134_137_142_996, 3.754_408_661_907_416];
    let polynomial = |parts: &[f64], x: f64| parts.iter().fold(0.0, |sum, part| sum * x + part);
    if p < 0.024_25 {
        let q = libm::sqrt(-2.0 * libm::log(p));
        return polynomial(&C, q) / (polynomial(&D, q) * q + 1.0);
    }
    let q = p - 0.5;
    let r = q * q;
    polynomial(&A, r) * q / (polynomial(&B, r) * r + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantile_undoes_the_probability() {
        for p in [1e-300, 1e-20, 1e-5, 0.02, 0.024_25, 0.3, 0.5, 0.9, 0.999, 1.0 - 1e-12] {
            let back = below(quantile(p, 3.0, 2.0), 3.0, 2.0);
            assert!((back - p).abs() <= 1e-12 * p.max(1e-15) + 1e-15, "{p}: {back}");
        }
        assert!((quantile(0.975, 0.0, 1.0) - 1.959_963_984_540_054).abs() < 1e-14);
    }
}
