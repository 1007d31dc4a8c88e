//! Contributions of inputs to a raw score, all of them or the largest few.

/// Contributions of every input to the raw scores of a batch, on the scale of the link (log odds, log claims, ...).
///
/// Law: for each row and output, the values over all inputs plus the bias equal [`crate::Scores::raw`], up to rounding.
#[derive(Debug, Clone, PartialEq)]
pub struct Contributions {
    /// Row-major rows x inputs x outputs: value of row `r`, input `i`, output `o` is at `(r * inputs + i) * outputs +
    /// o`.
    pub values: Vec<f64>,
    /// One per output: the raw score that no input explains.
    pub bias: Vec<f64>,
}

/// How contributions are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Of trees: by the training rows counted in them.
    PathDependent,
    /// Of a linear predictor: coefficient x value.
    Terms,
    /// Of a scorecard: points.
    Points,
    /// Against background rows.
    Interventional {
        /// So many.
        rows: usize,
    },
}

impl Method {
    /// Its name in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::PathDependent => "path-dependent",
            Self::Terms => "terms",
            Self::Points => "points",
            Self::Interventional { .. } => "interventional",
        }
    }

    /// The number of background rows, where there are some.
    pub fn background_rows(self) -> Option<usize> {
        match self {
            Self::Interventional { rows } => Some(rows),
            Self::PathDependent | Self::Terms | Self::Points => None,
        }
    }
}

/// One of the largest contributions of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TopEntry {
    /// Index into [`crate::Model::inputs`].
    pub input: u32,
    /// Its contribution on the scale of the link.
    pub contribution: f64,
}

/// The `k` largest contributions by absolute value of every row and output.
#[derive(Debug, Clone, PartialEq)]
pub struct Top {
    /// Entries per row and output: the number asked for, at most the number of inputs.
    pub k: usize,
    /// Row-major rows x outputs x k: entry of row `r`, output `o`, rank `n` is at `(r * outputs + o) * k + n`. Largest
    /// first; equal absolute values in the order of the inputs.
    pub entries: Vec<TopEntry>,
    /// Row-major rows x outputs: the sum of the absolute contributions of all inputs, the denominator of an importance.
    pub totals: Vec<f64>,
    /// One per output, as in [`Contributions::bias`].
    pub bias: Vec<f64>,
}

impl Top {
    pub(crate) fn with_capacity(rows: usize, outputs: usize, k: usize, bias: Vec<f64>) -> Self {
        let cells = rows * outputs;
        Self { k, entries: Vec::with_capacity(cells * k), totals: Vec::with_capacity(cells), bias }
    }

    /// Append one row's and output's entries from its contributions, which are `stride` apart in `values`.
    pub(crate) fn push(&mut self, values: &[f64], stride: usize) {
        let start = self.entries.len();
        let mut total = 0.0;
        for (input, value) in values.iter().step_by(stride).enumerate() {
            total += value.abs();
            let entry = TopEntry { input: u32::try_from(input).unwrap_or(u32::MAX), contribution: *value };
            insert(&mut self.entries, start, self.k, entry);
        }
        self.totals.push(total);
    }
}

/// Keep the list from `start` sorted, largest first, at most `k` long; an equal one stays behind those before it.
fn insert(entries: &mut Vec<TopEntry>, start: usize, k: usize, entry: TopEntry) {
    let size = |entry: &TopEntry| if entry.contribution.is_nan() { 0.0 } else { entry.contribution.abs() };
    if entries.len() - start == k {
        match entries.last() {
            Some(last) if k > 0 && size(last) < size(&entry) => _ = entries.pop(),
            _ => return,
        }
    }
    let mut at = entries.len();
    while at > start && size(&entries[at - 1]) < size(&entry) {
        at -= 1;
    }
    entries.insert(at, entry);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_largest_and_breaks_ties_by_order() {
        let mut top = Top::with_capacity(1, 1, 3, vec![0.0]);
        top.push(&[1.0, -2.0, 0.5, 2.0, f64::NAN, -1.0], 1);
        let order: Vec<u32> = top.entries.iter().map(|entry| entry.input).collect();
        assert_eq!(order, [1, 3, 0]);
        let mut none = Top::with_capacity(1, 1, 0, vec![0.0]);
        none.push(&[1.0, -2.0], 1);
        assert!(none.entries.is_empty());
        assert_eq!(none.totals, [3.0]);
    }
}
