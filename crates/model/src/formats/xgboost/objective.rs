//! Objectives: how raw scores become predictions, and `base_score` a raw score.

use crate::Error;
use crate::formats::data::Part;
use crate::link::Link;

pub(super) struct Objective {
    pub name: String,
    pub link: Link,
    margin: Margin,
}

/// From a prediction back to a raw score.
#[derive(Debug, Clone, Copy)]
enum Margin {
    Same,
    Log,
    Logit,
}

impl Objective {
    pub(super) fn read(part: &Part<'_>, outputs: usize) -> Result<Self, Error> {
        let name = part.need("name")?;
        let logit = Link::Logit { slope: 1.0 };
        let (link, margin) = match name.text()? {
            "reg:squarederror" | "reg:linear" | "reg:squaredlogerror" | "reg:pseudohubererror" => {
                (Link::Identity, Margin::Same)
            }
            "reg:absoluteerror" | "reg:quantileerror" | "reg:expectileerror" | "binary:logitraw" => {
                (Link::Identity, Margin::Same)
            }
            "rank:pairwise" | "rank:ndcg" | "rank:map" => (Link::Identity, Margin::Same),
            "reg:logistic" | "binary:logistic" => (logit, Margin::Logit),
            "binary:hinge" => (Link::Step, Margin::Same),
            "count:poisson" | "reg:gamma" | "reg:tweedie" | "survival:cox" | "survival:aft" => (Link::Log, Margin::Log),
            "multi:softprob" | "multi:softmax" => (Link::Softmax, Margin::Same),
            other => return Err(name.unsupported(format!("objective {other:.40?}"))),
        };
        if link == Link::Softmax && outputs < 2 {
            return Err(name.invalid("several classes, but num_class is less than 2"));
        }
        Ok(Self { name: name.text()?.to_owned(), link, margin })
    }

    /// The raw score of a prediction, in single precision as XGBoost computes it.
    pub(super) fn raw(&self, prediction: f32) -> f32 {
        let ln = |x: f32| libm::log(f64::from(x)) as f32;
        match self.margin {
            Margin::Same => prediction,
            Margin::Log => ln(prediction),
            Margin::Logit => -ln(1.0 / prediction - 1.0),
        }
    }
}
