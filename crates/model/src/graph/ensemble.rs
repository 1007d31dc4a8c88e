//! Ensembles: segments with predicates, and how their answers become one.

use super::{Predicate, Step, largest, run};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// The mean, weighted by the segments.
    Average,
    /// The sum, weighted by the segments; `single` rounds it to single precision at every step.
    Sum {
        single: bool,
    },
    Median,
    Max,
    /// Each segment's most probable class has its weight; answers are shares.
    Vote,
    First,
    /// Later segments read earlier ones' outputs; the last that ran answers.
    Chain,
}

/// What a segment without an answer does to the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MissingPrediction {
    ReturnMissing,
    SkipSegment,
}

#[derive(Debug)]
pub(crate) struct Segment {
    pub predicate: Predicate,
    pub weight: f64,
    pub steps: Vec<Step>,
    /// The first slot of its answer; nothing in a chain where the answer is of another shape than the whole's.
    pub answer: Option<usize>,
}

#[derive(Debug)]
pub(crate) struct Ensemble {
    pub method: Method,
    pub missing: MissingPrediction,
    pub segments: Vec<Segment>,
    /// The first of its slots, and how many they are.
    pub to: usize,
    pub width: usize,
}

impl Ensemble {
    pub(super) fn run(&self, fields: &mut [f64]) {
        let answer = match self.method {
            Method::First => self.first(fields),
            Method::Chain => self.chain(fields),
            _ => self.all(fields),
        };
        let to = &mut fields[self.to..self.to + self.width];
        match answer {
            Some(answer) => to.copy_from_slice(&answer),
            None => to.fill(f64::NAN),
        }
    }

    fn first(&self, fields: &mut [f64]) -> Option<Vec<f64>> {
        for segment in &self.segments {
            if segment.predicate.test(fields) != Some(true) {
                continue;
            }
            run(&segment.steps, fields);
            let answer = self.answer(segment, fields)?;
            if self.missing == MissingPrediction::ReturnMissing || !answer.iter().any(|value| value.is_nan()) {
                return Some(answer.to_vec());
            }
        }
        None
    }

    fn chain(&self, fields: &mut [f64]) -> Option<Vec<f64>> {
        let mut last = None;
        for segment in &self.segments {
            if segment.predicate.test(fields) == Some(true) {
                run(&segment.steps, fields);
                last = self.answer(segment, fields).map(<[f64]>::to_vec).or(last);
            }
        }
        last
    }

    /// The answers of all segments that apply, combined slot by slot.
    fn all(&self, fields: &mut [f64]) -> Option<Vec<f64>> {
        let mut answers: Vec<(f64, Vec<f64>)> = Vec::new();
        for segment in &self.segments {
            if segment.predicate.test(fields) != Some(true) {
                continue;
            }
            run(&segment.steps, fields);
            let answer = self.answer(segment, fields)?;
            match answer.iter().any(|value| value.is_nan()) {
                true if self.missing == MissingPrediction::ReturnMissing => return None,
                true => {}
                false => answers.push((segment.weight, answer.to_vec())),
            }
        }
        if answers.is_empty() {
            return None;
        }
        if self.method == Method::Vote {
            for (_, answer) in &mut answers {
                let best = largest(answer)?;
                answer.iter_mut().enumerate().for_each(|(at, value)| *value = f64::from(u8::from(at == best)));
            }
        }
        Some((0..self.width).map(|slot| self.combine(slot, &answers)).collect())
    }

    fn combine(&self, slot: usize, answers: &[(f64, Vec<f64>)]) -> f64 {
        let values = answers.iter().map(|(weight, answer)| (*weight, answer[slot]));
        match self.method {
            Method::Sum { single: true } => {
                f64::from(values.fold(0.0_f32, |sum, (weight, value)| sum + (weight * value) as f32))
            }
            Method::Sum { single: false } => values.map(|(weight, value)| weight * value).sum(),
            Method::Max => values.fold(f64::NEG_INFINITY, |most, (_, value)| most.max(value)),
            Method::Median => {
                let mut values: Vec<f64> = values.map(|(_, value)| value).collect();
                values.sort_by(f64::total_cmp);
                let middle = values.len() / 2;
                match values.len().is_multiple_of(2) {
                    true => 0.5 * (values[middle - 1] + values[middle]),
                    false => values[middle],
                }
            }
            _ => {
                let total: f64 = values.clone().map(|(weight, _)| weight).sum();
                values.map(|(weight, value)| weight * value).sum::<f64>() / total
            }
        }
    }

    fn answer<'f>(&self, segment: &Segment, fields: &'f [f64]) -> Option<&'f [f64]> {
        segment.answer.map(|from| &fields[from..from + self.width])
    }
}
