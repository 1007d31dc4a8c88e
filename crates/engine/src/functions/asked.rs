//! What is asked of a model for every row of a plan.

use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_datafusion_err};
use serde::{Deserialize, Serialize};

use crate::release::manifest::ExplainedRows;

/// What is asked of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// The output that is the prediction.
    pub output: usize,
    /// How many features explain it; 0 for none.
    pub top: u16,
    /// Which rows are explained; not by their rank, which takes all of them.
    pub rows: ExplainedRows,
    /// Fields of the model's own output.
    pub fields: Vec<AskedField>,
}

/// A field of the model's own output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedField {
    /// Its place among [`bordereau_model::Model::output_fields`].
    pub at: usize,
    /// Whether it holds texts.
    pub is_text: bool,
}

impl AskedField {
    /// The type of its column.
    pub fn data_type(&self) -> DataType {
        if self.is_text { DataType::Utf8View } else { DataType::Float64 }
    }
}

impl Asked {
    /// From [`Self::to_json`].
    ///
    /// # Errors
    /// When it is anything else.
    pub fn from_json(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|error| exec_datafusion_err!("what is asked of a model: {error}"))
    }

    /// As a plan carries it.
    ///
    /// # Errors
    /// When it cannot be written, which nothing causes.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| exec_datafusion_err!("what is asked of a model: {error}"))
    }

    /// The rows that are explained, ascending; nothing when all are. A row's answer hangs on its own prediction and
    /// record alone.
    pub fn rows_explained(&self, predictions: &[f64], records: &[i64]) -> Option<Vec<usize>> {
        let rows = |wanted: &dyn Fn(usize) -> bool| Some((0..predictions.len()).filter(|row| wanted(*row)).collect());
        match self.rows {
            ExplainedRows::None => Some(Vec::new()),
            ExplainedRows::AtLeast(bound) => rows(&|row| predictions[row] >= bound),
            ExplainedRows::AtMost(bound) => rows(&|row| predictions[row] <= bound),
            ExplainedRows::Sample(share) => rows(&|row| records.get(row).is_some_and(|at| unit(*at) < share)),
            ExplainedRows::All | ExplainedRows::Highest(_) | ExplainedRows::Lowest(_) => None,
        }
    }
}

/// A number from 0 to 1 for each record, the same in every run: its place, mixed (the finalizer of SplitMix64).
fn unit(record: i64) -> f64 {
    let mut x = (record as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^= x >> 31;
    (x >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(rows: ExplainedRows) -> Asked {
        Asked { output: 0, top: 5, rows, fields: vec![AskedField { at: 1, is_text: true }] }
    }

    #[test]
    fn a_row_is_explained_by_its_own_numbers() {
        let predictions = [0.5, f64::NAN, 0.7, -1.0];
        for (rows, expected) in [
            (ExplainedRows::All, None),
            (ExplainedRows::None, Some(vec![])),
            (ExplainedRows::AtLeast(0.5), Some(vec![0, 2])),
            (ExplainedRows::AtMost(0.5), Some(vec![0, 3])),
            (ExplainedRows::Sample(1.0), Some(vec![0, 1, 2, 3])),
        ] {
            assert_eq!(asked(rows).rows_explained(&predictions, &[0, 1, 2, 3]), expected, "{rows:?}");
        }
    }

    #[test]
    fn a_sample_has_its_share_and_is_the_same_however_rows_are_cut() {
        let (records, predictions) = ((0..20_000).collect::<Vec<i64>>(), vec![1.0; 20_000]);
        let all = asked(ExplainedRows::Sample(0.1)).rows_explained(&predictions, &records).unwrap();
        assert!((1_850..2_150).contains(&all.len()), "{}", all.len());
        let half = asked(ExplainedRows::Sample(0.1)).rows_explained(&predictions[..10_000], &records[10_000..]);
        let half: Vec<usize> = half.unwrap().into_iter().map(|row| row + 10_000).collect();
        assert_eq!(half, all.into_iter().filter(|row| *row >= 10_000).collect::<Vec<_>>());
    }

    #[test]
    fn json_keeps_every_bit() {
        for rows in [ExplainedRows::All, ExplainedRows::AtLeast(0.1 + 0.2), ExplainedRows::Highest(1.0 / 3.0)] {
            let asked = asked(rows);
            assert_eq!(Asked::from_json(&asked.to_json().unwrap()).unwrap(), asked);
        }
        assert!(Asked::from_json("{}").is_err());
    }
}
