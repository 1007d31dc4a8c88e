//! Rule sets: rules with predicates, each of which says a class.

use super::Predicate;

/// How the class is chosen from the rules that fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    FirstHit,
    /// The largest sum of weights; its confidence is that sum divided by the number of rules that fire.
    WeightedSum,
    /// The largest weight.
    WeightedMax,
}

#[derive(Debug)]
pub(crate) struct Rule {
    pub predicate: Predicate,
    pub class: usize,
    pub weight: f64,
    pub confidence: f64,
}

/// The class and confidence of the rules that fire, or a default.
#[derive(Debug)]
pub(crate) struct Rules {
    pub rules: Vec<Rule>,
    pub choice: Choice,
    pub default: Option<(usize, f64)>,
    pub symbols: Vec<f64>,
    /// The first of its slots: the confidence of the chosen class (0 for others), the class's symbol, the place of the
    /// rule that decided (missing for the default).
    pub to: usize,
}

impl Rules {
    pub(super) fn run(&self, fields: &mut [f64]) {
        let mut fired = (0..self.rules.len()).filter(|at| self.rules[*at].predicate.test(fields) == Some(true));
        let found = match self.choice {
            Choice::FirstHit => fired.next().map(|at| (at, self.rules[at].confidence)),
            Choice::WeightedMax => {
                let best = fired.reduce(|a, b| if self.rules[b].weight > self.rules[a].weight { b } else { a });
                best.map(|at| (at, self.rules[at].confidence))
            }
            Choice::WeightedSum => self.heaviest(fired),
        };
        let answer = found.map(|(at, confidence)| (self.rules[at].class, confidence)).or(self.default);
        let width = self.symbols.len();
        let to = &mut fields[self.to..self.to + width + 2];
        to.fill(f64::NAN);
        if let Some((class, confidence)) = answer {
            to[..width].fill(0.0);
            to[class] = confidence;
            to[width] = self.symbols[class];
            to[width + 1] = found.map_or(f64::NAN, |(at, _)| at as f64);
        }
    }

    /// The class of the largest sum of weights, of equal ones the one that fired first, by its first rule.
    fn heaviest(&self, fired: impl Iterator<Item = usize>) -> Option<(usize, f64)> {
        let (mut sums, mut order, mut count) = (vec![0.0; self.symbols.len()], Vec::new(), 0.0);
        for at in fired {
            let rule = &self.rules[at];
            if !order.iter().any(|first: &usize| self.rules[*first].class == rule.class) {
                order.push(at);
            }
            sums[rule.class] += rule.weight;
            count += 1.0;
        }
        let sum = |at: usize| sums[self.rules[at].class];
        let best = order.into_iter().reduce(|best, at| if sum(at) > sum(best) { at } else { best })?;
        Some((best, sum(best) / count))
    }
}
