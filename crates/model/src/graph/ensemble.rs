//! Ensembles: segments with predicates, and how their answers become one.

use super::{Predicate, Step, Texts, largest, run};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// The mean, weighted by the segments.
    Average,
    /// The sum, weighted by the segments; `single` rounds it to single precision at every step.
    Sum {
        single: bool,
    },
    Median,
    /// The number below which half of the weights are.
    WeightedMedian,
    Max,
    /// Each segment's label has its weight; answers are shares.
    Vote,
    First,
    /// The answers of all segments, side by side; those that do not apply have none.
    All,
    /// Later segments read earlier ones' outputs; the last that ran answers.
    Chain,
}

/// What a segment without an answer does to the whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum MissingPrediction {
    ReturnMissing,
    /// Leave it out, as long as not more than this share of the weights is missing.
    SkipSegment {
        threshold: f64,
    },
    /// Leave it out; where segments vote, missing is a class as well.
    Continue,
}

#[derive(Debug)]
pub(crate) struct Segment {
    pub predicate: Predicate,
    pub weight: f64,
    pub steps: Vec<Step>,
    /// The first slot of its answer; nothing in a chain where the answer is of another shape than the whole's.
    pub answer: Option<usize>,
    /// The slot of its label, where it is of classes.
    pub label: Option<usize>,
}

#[derive(Debug)]
pub(crate) struct Ensemble {
    pub method: Method,
    pub missing: MissingPrediction,
    pub segments: Vec<Segment>,
    /// The symbols of the classes; empty of a number.
    pub symbols: Vec<f64>,
    /// The first of its slots, and how many they are; one more holds the label where it is of classes.
    pub to: usize,
    pub width: usize,
}

/// A segment's answer and label, with its weight.
struct Said {
    weight: f64,
    values: Vec<f64>,
    label: f64,
}

impl Said {
    fn is_missing(&self) -> bool {
        self.values.iter().any(|value| value.is_nan())
    }
}

impl Ensemble {
    pub(super) fn run(&self, fields: &mut [f64], texts: &mut Texts<'_>) {
        let said = match self.method {
            Method::First => self.first(fields, texts),
            Method::Chain => self.chain(fields, texts),
            Method::All => Some((self.each(fields, texts), f64::NAN)),
            _ => self.all(fields, texts),
        };
        let is_classes = !self.symbols.is_empty();
        let to = &mut fields[self.to..self.to + self.width + usize::from(is_classes)];
        match said {
            Some((values, label)) => {
                to[..self.width].copy_from_slice(&values);
                if is_classes {
                    to[self.width] = label;
                }
            }
            None => to.fill(f64::NAN),
        }
    }

    /// The label of the most probable class.
    fn label(&self, values: &[f64]) -> f64 {
        largest(values).and_then(|best| self.symbols.get(best).copied()).unwrap_or(f64::NAN)
    }

    fn first(&self, fields: &mut [f64], texts: &mut Texts<'_>) -> Option<(Vec<f64>, f64)> {
        for segment in &self.segments {
            if segment.predicate.test(fields) != Some(true) {
                continue;
            }
            run(&segment.steps, fields, texts);
            let said = self.said(segment, fields)?;
            if !matches!(self.missing, MissingPrediction::SkipSegment { .. }) || !said.is_missing() {
                return Some((said.values, said.label));
            }
        }
        None
    }

    /// A number for each segment.
    fn each(&self, fields: &mut [f64], texts: &mut Texts<'_>) -> Vec<f64> {
        let value = |segment: &Segment| match segment.predicate.test(fields) {
            Some(true) => {
                run(&segment.steps, fields, texts);
                segment.answer.map_or(f64::NAN, |slot| fields[slot])
            }
            _ => f64::NAN,
        };
        self.segments.iter().map(value).collect()
    }

    fn chain(&self, fields: &mut [f64], texts: &mut Texts<'_>) -> Option<(Vec<f64>, f64)> {
        let mut last = None;
        for segment in &self.segments {
            if segment.predicate.test(fields) != Some(true) {
                continue;
            }
            run(&segment.steps, fields, texts);
            if let Some(said) = self.said(segment, fields) {
                if said.is_missing() && self.missing == MissingPrediction::ReturnMissing {
                    return None;
                }
                last = Some((said.values, said.label));
            }
        }
        last
    }

    /// The answers of all segments that apply, combined slot by slot.
    fn all(&self, fields: &mut [f64], texts: &mut Texts<'_>) -> Option<(Vec<f64>, f64)> {
        let mut answers: Vec<Said> = Vec::new();
        let (mut lost, mut total) = (0.0, 0.0);
        for segment in &self.segments {
            if segment.predicate.test(fields) != Some(true) {
                continue;
            }
            run(&segment.steps, fields, texts);
            let said = self.said(segment, fields)?;
            total += said.weight;
            match said.is_missing() {
                true if self.missing == MissingPrediction::ReturnMissing => return None,
                true => lost += said.weight,
                false => answers.push(said),
            }
        }
        if answers.is_empty() {
            return None;
        }
        if matches!(self.missing, MissingPrediction::SkipSegment { threshold } if lost / total > threshold) {
            return None;
        }
        match self.method {
            Method::Vote => self.vote(&answers, lost),
            Method::Max | Method::Median | Method::WeightedMedian if !self.symbols.is_empty() => {
                let values = self.of_chosen(&answers)?;
                let label = self.label(&values);
                Some((values, label))
            }
            _ => {
                let values: Vec<f64> = (0..self.width).map(|slot| self.combine(slot, &answers)).collect();
                let label = self.label(&values);
                Some((values, label))
            }
        }
    }

    /// The weights of the labels as shares; nothing where more is missing than any label has and that counts.
    fn vote(&self, answers: &[Said], lost: f64) -> Option<(Vec<f64>, f64)> {
        let mut votes = vec![0.0; self.width];
        for said in answers {
            let class = self.symbols.iter().position(|symbol| *symbol == said.label)?;
            votes[class] += said.weight;
        }
        let best = largest(&votes)?;
        if self.missing == MissingPrediction::Continue && lost > votes[best] {
            return None;
        }
        let total: f64 = votes.iter().sum();
        votes.iter_mut().for_each(|vote| *vote /= total);
        Some((votes, self.symbols[best]))
    }

    /// The probabilities of the segments that decide which class has the largest maximum (or median), averaged.
    fn of_chosen(&self, answers: &[Said]) -> Option<Vec<f64>> {
        let combined: Vec<f64> = (0..self.width).map(|slot| self.combine(slot, answers)).collect();
        let best = largest(&combined)?;
        let apart = |said: &Said| (said.values[best] - combined[best]).abs();
        let nearest = answers.iter().map(apart).fold(f64::INFINITY, f64::min);
        let chosen: Vec<&Said> = answers.iter().filter(|said| apart(said) == nearest).collect();
        let mean = |slot| chosen.iter().map(|said| said.values[slot]).sum::<f64>() / chosen.len() as f64;
        Some((0..self.width).map(mean).collect())
    }

    fn combine(&self, slot: usize, answers: &[Said]) -> f64 {
        let values = answers.iter().map(|said| (said.weight, said.values[slot]));
        match self.method {
            Method::Sum { single: true } => {
                f64::from(values.fold(0.0_f32, |sum, (weight, value)| sum + (weight * value) as f32))
            }
            Method::Sum { single: false } => values.map(|(weight, value)| weight * value).sum(),
            Method::Max => values.fold(f64::NEG_INFINITY, |most, (_, value)| most.max(value)),
            Method::Median => median(values.map(|(_, value)| value).collect()),
            Method::WeightedMedian => weighted_median(values.collect()),
            _ => {
                let total: f64 = values.clone().map(|(weight, _)| weight).sum();
                values.map(|(weight, value)| weight * value).sum::<f64>() / total
            }
        }
    }

    fn said(&self, segment: &Segment, fields: &[f64]) -> Option<Said> {
        let from = segment.answer?;
        let values = fields[from..from + self.width].to_vec();
        Some(Said { weight: segment.weight, values, label: segment.label.map_or(f64::NAN, |slot| fields[slot]) })
    }
}

/// The middle one, or the mean of the two in the middle; NaN of none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.len().is_multiple_of(2), values.get(middle)) {
        (_, None) => f64::NAN,
        (true, Some(above)) => 0.5 * (values[middle - 1] + above),
        (false, Some(value)) => *value,
    }
}

/// The first value up to which at least half of the weights are; the mean with the next one where it is just half.
fn weighted_median(mut values: Vec<(f64, f64)>) -> f64 {
    values.sort_by(|a, b| a.1.total_cmp(&b.1));
    let half = 0.5 * values.iter().map(|(weight, _)| weight).sum::<f64>();
    let mut below = 0.0;
    for (at, (weight, value)) in values.iter().enumerate() {
        below += weight;
        if below == half
            && let Some((_, next)) = values.get(at + 1)
        {
            return 0.5 * (value + next);
        }
        if below >= half {
            return *value;
        }
    }
    f64::NAN
}
