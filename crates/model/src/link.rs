//! From raw scores to predictions.

use crate::exponential;
use crate::forest::Precision;
use crate::level::Level;

/// The inverse link of a model: how its raw scores become predictions. Functions come from `libm`, so the same raw
/// score gives the same bits on every machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Link {
    Identity,
    /// exp(x).
    Log,
    /// 1 / (1 + exp(-slope x)).
    Logit {
        slope: f64,
    },
    /// The logistic function as ONNX Runtime has it: half of it by its symmetry, which in single precision is exact to
    /// 6e-8 and no more where it is small.
    LogitByHalf,
    /// log(1 + exp(x)), LightGBM's cross_entropy_lambda.
    LogOneMore,
    /// sign(x) x^2, LightGBM's `regression sqrt`.
    SignedSquare,
    /// The standard normal distribution function.
    Probit,
    /// 1 - exp(-exp(x)).
    ComplementaryLogLog,
    /// exp(-exp(-x)).
    LogLog,
    /// 1/2 + atan(x) / pi.
    Cauchit,
    /// 1 - exp(x).
    LogComplement,
    /// 1 / (dispersion (exp(-x) - 1)).
    NegativeBinomial {
        dispersion: f64,
    },
    /// 1 / (1 + (1 + exponent x)^(-1 / exponent)), the logit at 0.
    OddsPower {
        exponent: f64,
    },
    /// x^(1 / exponent), exp(x) at 0.
    Power {
        exponent: f64,
    },
    /// 1 above 0, else 0, XGBoost's `binary:hinge`.
    Step,
    /// exp(x_k) / sum of exp(x), over the outputs of a row.
    Softmax,
}

impl Link {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Log => "log",
            Self::Logit { .. } | Self::LogitByHalf => "logit",
            Self::LogOneMore => "log1p(exp)",
            Self::SignedSquare => "signed square root",
            Self::Probit => "probit",
            Self::ComplementaryLogLog => "cloglog",
            Self::LogLog => "loglog",
            Self::Cauchit => "cauchit",
            Self::LogComplement => "logc",
            Self::NegativeBinomial { .. } => "negbin",
            Self::OddsPower { .. } => "oddspower",
            Self::Power { .. } => "power",
            Self::Step => "step",
            Self::Softmax => "softmax",
        }
    }

    /// Turn raw scores (row-major rows x outputs) into predictions in place.
    pub(crate) fn apply(self, values: &mut [f64], outputs: usize, precision: Precision) {
        match (self, precision) {
            (Self::Softmax, Precision::Double) => values.chunks_exact_mut(outputs.max(1)).for_each(softmax),
            (Self::Softmax, Precision::Single) => values.chunks_exact_mut(outputs.max(1)).for_each(softmax_single),
            (Self::Log, Precision::Double) => exponential::exp(Level::detect(), values),
            (Self::Logit { slope }, Precision::Double) => {
                values.iter_mut().for_each(|x| *x *= -slope);
                exponential::exp(Level::detect(), values);
                values.iter_mut().for_each(|x| *x = 1.0 / (1.0 + *x));
            }
            (_, Precision::Double) => values.iter_mut().for_each(|value| *value = self.one(*value)),
            (_, Precision::Single) => values.iter_mut().for_each(|value| *value = f64::from(self.single(*value))),
        }
    }

    /// As XGBoost computes it: functions rounded to single precision, sums and quotients made there.
    fn single(self, x: f64) -> f32 {
        match self {
            Self::Logit { slope: 1.0 } => {
                let (x, tiny) = (x as f32, 1e-16_f32);
                let power = libm::exp(f64::from((-x).min(88.7))) as f32;
                1.0 / (power + 1.0 + tiny)
            }
            Self::LogitByHalf => logit_by_half(x as f32),
            _ => self.one(x) as f32,
        }
    }

    fn one(self, x: f64) -> f64 {
        match self {
            Self::Identity | Self::Softmax => x,
            Self::Log => libm::exp(x),
            Self::Step => f64::from(u8::from(x > 0.0)),
            Self::LogitByHalf => f64::from(logit_by_half(x as f32)),
            Self::Logit { slope } => 1.0 / (1.0 + libm::exp(-slope * x)),
            Self::LogOneMore => libm::log1p(libm::exp(x)),
            Self::Probit => 0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2),
            Self::ComplementaryLogLog => -libm::expm1(-libm::exp(x)),
            Self::LogLog => libm::exp(-libm::exp(-x)),
            Self::Cauchit => 0.5 + libm::atan(x) * std::f64::consts::FRAC_1_PI,
            Self::LogComplement => -libm::expm1(x),
            Self::NegativeBinomial { dispersion } => 1.0 / (dispersion * libm::expm1(-x)),
            Self::OddsPower { exponent: 0.0 } => 1.0 / (1.0 + libm::exp(-x)),
            Self::OddsPower { exponent } => 1.0 / (1.0 + libm::pow(1.0 + exponent * x, -1.0 / exponent)),
            Self::Power { exponent: 0.0 } => libm::exp(x),
            Self::Power { exponent } => libm::pow(x, 1.0 / exponent),
            Self::SignedSquare => {
                if x < 0.0 {
                    -x * x
                } else {
                    x * x
                }
            }
        }
    }
}

/// 1 / (1 + exp(-|x|)) in single precision, or 1 less that.
pub(crate) fn logit_by_half(x: f32) -> f32 {
    let upper = 1.0 / (1.0 + libm::exp(-f64::from(x.abs())) as f32);
    if x < 0.0 { 1.0 - upper } else { upper }
}

/// LightGBM's softmax: the largest is subtracted first.
fn softmax(row: &mut [f64]) {
    let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for value in row.iter_mut() {
        *value = libm::exp(*value - largest);
        sum += *value;
    }
    row.iter_mut().for_each(|value| *value /= sum);
}

/// XGBoost's softmax: single precision, the sum in double.
fn softmax_single(row: &mut [f64]) {
    let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for value in row.iter_mut() {
        *value = f64::from(libm::exp(f64::from((*value - largest) as f32)) as f32);
        sum += *value;
    }
    let sum = sum as f32;
    row.iter_mut().for_each(|value| *value = f64::from(*value as f32 / sum));
}
