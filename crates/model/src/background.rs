//! Contributions against background rows, of the forms that have exact ones.

use crate::Model;
use crate::explanation::Contributions;
use crate::features::{Binding, Features};
use crate::model::Form;

impl Model {
    /// Contributions of every input to every raw score against background rows: exact interventional Shapley values
    /// (Lundberg et al. 2020) of a forest, coefficient x difference from the background's mean of a linear predictor
    /// whose terms read one input each. The bias is the mean raw score of the background. Nothing for other models, for
    /// those where a row may have no score, without background rows, or where features are another model's.
    ///
    /// Cost: for a forest the rows x background rows x leaves.
    pub fn explain_against(&self, features: &Features, background: &Features) -> Option<Contributions> {
        let parts = &self.parts;
        let fits = |features: &Features| features.width() == parts.inputs.len();
        if !fits(features)
            || !fits(background)
            || background.rows() == 0
            || parts.bindings.iter().any(Binding::is_required)
        {
            return None;
        }
        let values = match &parts.form {
            Form::Forest(forest) => forest.explain_against(features.values(), background.values())?,
            Form::Linear(linear) => linear.explain_against(features.values(), background.values())?,
            Form::Treated(_) | Form::Scorecard(_) | Form::Graph(_) | Form::Traced(_) => return None,
        };
        let bias = mean(&self.score(background).raw, parts.outputs);
        Some(Contributions { values, bias })
    }
}

/// The mean of each column of rows x `columns`.
pub(crate) fn mean(values: &[f64], columns: usize) -> Vec<f64> {
    let mut sums = vec![0.0; columns];
    let rows = values.chunks_exact(columns);
    let count = rows.len() as f64;
    rows.for_each(|row| sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x));
    sums.iter().map(|sum| sum / count).collect()
}
