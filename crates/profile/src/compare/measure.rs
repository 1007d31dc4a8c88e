//! How far apart two distributions are, given as shares of the same bins. Pure arithmetic; `docs/profile-compare.md`
//! has the formulas and where they come from.

/// Shares below this are taken as this for the stability index, so that an empty bin gives a number.
pub(crate) const SHARE_MIN: f64 = 1e-4;
/// The quantile of the normal distribution that 999 of 1,000 differences by chance stay within, two-sided.
const NORMAL_999: f64 = 3.290_526_731_491_895;
/// The same, one-sided.
const NORMAL_999_ONE_SIDED: f64 = 3.090_232_306_167_813;
/// `sqrt(-ln(0.001 / 2) / 2)`: Kolmogorov's limit for a level of 0.001.
const KOLMOGOROV_999: f64 = 1.949_473_500_946_217;

/// A part of all rows or values, on both sides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pair {
    pub old: f64,
    pub new: f64,
}

/// The population stability index: the sum of `(new - old) * ln(new / old)`, each share at least [`SHARE_MIN`].
/// Symmetric, 0 for equal shares, never negative.
pub(crate) fn stability_index(shares: &[Pair]) -> f64 {
    let term = |pair: &Pair| {
        let (old, new) = (pair.old.max(SHARE_MIN), pair.new.max(SHARE_MIN));
        (new - old) * (new / old).ln()
    };
    shares.iter().map(term).sum()
}

/// The Jensen-Shannon distance to base 2: the square root of the divergence, from 0 (equal) to 1 (nothing in common).
pub(crate) fn jensen_shannon(shares: &[Pair]) -> f64 {
    let part = |share: f64, middle: f64| if share > 0.0 { share * (share / middle).log2() } else { 0.0 };
    let term = |pair: &Pair| {
        let middle = pair.old / 2.0 + pair.new / 2.0;
        part(pair.old, middle) + part(pair.new, middle)
    };
    (shares.iter().map(term).sum::<f64>() / 2.0).clamp(0.0, 1.0).sqrt()
}

/// What the stability index of two samples of these sizes from one distribution stays below in 999 of 1,000 cases.
///
/// It is about `(1 / old + 1 / new)` times a chi-squared variable with one degree of freedom less than bins (B.
/// Yurdakul and J. Naranjo, "Statistical properties of the population stability index", 2020). The quantile is that of
/// Wilson and Hilferty (1931), within 4 % from 1 degree of freedom on.
pub(crate) fn stability_by_chance(bins: usize, old: f64, new: f64) -> f64 {
    if bins < 2 {
        return 0.0;
    }
    let degrees = (bins - 1) as f64;
    let spread = 2.0 / (9.0 * degrees);
    let quantile = degrees * (1.0 - spread + NORMAL_999_ONE_SIDED * spread.sqrt()).powi(3);
    (1.0 / old + 1.0 / new) * quantile
}

/// What the Kolmogorov-Smirnov distance of two samples of one distribution stays below in 999 of 1,000 cases.
pub(crate) fn distance_by_chance(old: f64, new: f64) -> f64 {
    KOLMOGOROV_999 * ((old + new) / (old * new)).sqrt()
}

/// Whether two shares of samples of these sizes differ by more than chance: the two-proportion test with the common
/// share, at a level of 0.001.
pub(crate) fn shares_differ(shares: Pair, old: f64, new: f64) -> bool {
    let common = (shares.old * old + shares.new * new) / (old + new);
    let deviation = (common * (1.0 - common) * (1.0 / old + 1.0 / new)).sqrt();
    (shares.new - shares.old).abs() > NORMAL_999 * deviation
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(old: &[f64], new: &[f64]) -> Vec<Pair> {
        old.iter().zip(new).map(|(old, new)| Pair { old: *old, new: *new }).collect()
    }

    /// Against `scipy.spatial.distance.jensenshannon(p, q, base=2)`, `scipy.stats.chi2.ppf(0.999, k)` and
    /// `numpy.sum((q - p) * numpy.log(q / p))`.
    #[test]
    fn measures_agree_with_scipy() {
        let shares = pairs(&[0.1, 0.4, 0.5], &[0.2, 0.3, 0.5]);
        assert!((stability_index(&shares) - 0.098_082_925_301_172_64).abs() < 1e-12);
        assert!((jensen_shannon(&shares) - 0.132_006_731_948_937_33).abs() < 1e-12);
        for (bins, quantile) in [(2, 10.828), (5, 18.467), (11, 29.588), (102, 150.667)] {
            let approximate = stability_by_chance(bins, 2.0, 2.0);
            assert!((approximate / quantile - 1.0).abs() < 0.04, "{bins} {approximate}");
        }
    }

    proptest! {
        #[test]
        fn measures_are_symmetric_zero_for_equals_and_bounded(
            weights in prop::collection::vec((0..50_u32, 0..50_u32), 2..12)
        ) {
            let sum = |side: fn(&(u32, u32)) -> u32| f64::from(weights.iter().map(side).sum::<u32>().max(1));
            let (old, new) = (sum(|pair| pair.0), sum(|pair| pair.1));
            let shares: Vec<Pair> = weights.iter()
                .map(|(one, other)| Pair { old: f64::from(*one) / old, new: f64::from(*other) / new }).collect();
            let swapped: Vec<Pair> = shares.iter().map(|pair| Pair { old: pair.new, new: pair.old }).collect();
            let same: Vec<Pair> = shares.iter().map(|pair| Pair { old: pair.old, new: pair.old }).collect();
            prop_assert!((stability_index(&shares) - stability_index(&swapped)).abs() < 1e-12);
            prop_assert!((jensen_shannon(&shares) - jensen_shannon(&swapped)).abs() < 1e-7);
            prop_assert!(stability_index(&shares) >= 0.0 && (0.0..=1.0).contains(&jensen_shannon(&shares)));
            prop_assert_eq!(stability_index(&same), 0.0);
            prop_assert!(jensen_shannon(&same) < 1e-7);
        }
    }
}
