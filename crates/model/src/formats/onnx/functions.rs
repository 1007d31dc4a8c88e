//! Functions of one and of two numbers.

use super::tensor::Kind;
use crate::link::logit_by_half;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum One {
    /// The number itself, rounded to the type.
    Same,
    Negative,
    Not,
    Exp,
    Log,
    Sigmoid,
    /// The same as the transform of a model's scores, [`crate::link::Link::LogitByHalf`].
    Logistic,
    Tanh,
    Relu,
    Sqrt,
    Abs,
    Ceil,
    Floor,
    Round,
    Erf,
    IsNan,
    Reciprocal,
    Sign,
    Softplus,
    /// x below 0 times a number.
    LeakyRelu(f64),
    /// The inverse of the normal distribution, by ONNX Runtime's approximation.
    Probit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Two {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Min,
    Max,
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    And,
    Or,
    Xor,
    /// The second where the first is not a number.
    OrElse,
}

impl One {
    pub(super) fn of(self, x: f64) -> f64 {
        match self {
            Self::Same => x,
            Self::Negative => -x,
            Self::Not => truth(x == 0.0),
            Self::Exp => libm::exp(x),
            Self::Log => libm::log(x),
            Self::Sigmoid => {
                let less = 1.0 / (1.0 + libm::exp(-x.abs()));
                if x < 0.0 { 1.0 - less } else { less }
            }
            Self::Logistic => f64::from(logit_by_half(x as f32)),
            Self::Tanh => libm::tanh(x),
            Self::Relu => {
                if x < 0.0 {
                    0.0
                } else {
                    x
                }
            }
            Self::Sqrt => x.sqrt(),
            Self::Abs => x.abs(),
            Self::Ceil => x.ceil(),
            Self::Floor => x.floor(),
            Self::Round => x.round_ties_even(),
            Self::Erf => libm::erf(x),
            Self::IsNan => truth(x.is_nan()),
            Self::Reciprocal => 1.0 / x,
            Self::Sign if x == 0.0 || x.is_nan() => x,
            Self::Sign => x.signum(),
            Self::Softplus => x.max(0.0) + libm::log1p(libm::exp(-x.abs())),
            Self::LeakyRelu(slope) => {
                if x < 0.0 {
                    slope * x
                } else {
                    x
                }
            }
            Self::Probit => probit(x),
        }
    }
}

/// S. Winitzki's approximation of the inverse error function, in single precision as ONNX Runtime has it.
fn probit(x: f64) -> f64 {
    let x = (2.0 * x - 1.0) as f32;
    let log = libm::log(f64::from((1.0 - x) * (1.0 + x))) as f32;
    let v = 2.0 / (std::f32::consts::PI * 0.147) + 0.5 * log;
    let root = (-v + (v * v - log / 0.147).sqrt()).sqrt();
    f64::from(std::f32::consts::SQRT_2 * root.copysign(x))
}

impl Two {
    /// Whether the result is a truth value, whatever the arguments are.
    pub(super) fn compares(self) -> bool {
        use Two::{And, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, Or, Xor};
        matches!(self, Equal | Less | LessOrEqual | Greater | GreaterOrEqual | And | Or | Xor)
    }

    /// For arguments of a type, as that type holds it.
    pub(super) fn of(self, kind: Kind, a: f64, b: f64) -> f64 {
        match self {
            Self::Add => kind.fit(a + b),
            Self::Subtract => kind.fit(a - b),
            Self::Multiply => kind.fit(a * b),
            Self::Divide if kind.is_whole() && b == 0.0 => f64::NAN,
            Self::Divide => kind.fit(a / b),
            Self::Power => kind.fit(libm::pow(a, b)),
            Self::Min | Self::Max if a.is_nan() || b.is_nan() => f64::NAN,
            Self::Min => a.min(b),
            Self::Max => a.max(b),
            Self::OrElse => {
                if a.is_nan() {
                    b
                } else {
                    a
                }
            }
            Self::Equal => truth(a == b),
            Self::Less => truth(a < b),
            Self::LessOrEqual => truth(a <= b),
            Self::Greater => truth(a > b),
            Self::GreaterOrEqual => truth(a >= b),
            Self::And => truth(a != 0.0 && b != 0.0),
            Self::Or => truth(a != 0.0 || b != 0.0),
            Self::Xor => truth((a != 0.0) != (b != 0.0)),
        }
    }
}

fn truth(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}
