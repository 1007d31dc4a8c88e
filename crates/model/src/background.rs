//! Contributions against background rows, of the forms that have exact ones.

use std::sync::OnceLock;

use crate::explanation::Method;
use crate::features::Features;
use crate::forest::Against;
use crate::model::Form;
use crate::{Error, Model};

/// The rows that a model is explained against.
pub(crate) struct Background {
    rows: usize,
    /// The mean raw score of each output.
    pub(crate) bias: Vec<f64>,
    kind: Kind,
}

/// What is known of the rows, by the model's form.
enum Kind {
    /// Rows x inputs, and what is counted of them, once, when something is first explained.
    Trees { values: Vec<f64>, counted: OnceLock<Option<Against>> },
    /// The mean contributions, inputs x outputs, as the model has them without a background.
    Terms(Vec<f64>),
}

impl Model {
    /// The same model, explained against background rows: [`Self::explain`] and its like then give exact interventional
    /// Shapley values (Lundberg et al. 2020), and the bias is the mean raw score of the background. A linear predictor
    /// has coefficient x difference from the background's mean. Nothing is asked about training rows.
    ///
    /// # Errors
    /// [`Error::Background`] where the model has no such contributions ([`Self::no_background`]), there are no rows,
    /// they are another model's, or one of them has no score.
    pub fn with_background(mut self, rows: &Features) -> Result<Self, Error> {
        let refused = |message: String| Err(Error::Background(message));
        if let Some(why) = self.no_background() {
            return refused(format!("contributions against background rows are not given: {why}"));
        }
        if rows.width() != self.parts.inputs.len() || rows.rows() == 0 {
            return refused("the background has no rows of this model".to_owned());
        }
        self.background = None;
        let (raw, outputs) = (self.score(rows).raw, self.parts.outputs);
        if let Some(cell) = raw.iter().position(|raw| !raw.is_finite()) {
            return refused(format!("the model has no score for row {} of the background", cell / outputs + 1));
        }
        let kind = match &self.parts.form {
            Form::Linear(linear) => {
                let mut all = Vec::new();
                linear.explain(rows.values(), |row| all.extend_from_slice(row));
                Kind::Terms(mean(&all, rows.width() * outputs))
            }
            _ => Kind::Trees { values: rows.values().to_vec(), counted: OnceLock::new() },
        };
        self.background = Some(Background { rows: rows.rows(), bias: mean(&raw, outputs), kind });
        Ok(self)
    }

    /// Why [`Self::with_background`] refuses the model whatever the rows, as the end of a sentence; nothing where it
    /// does not.
    pub fn no_background(&self) -> Option<&'static str> {
        match &self.parts.form {
            Form::Forest(forest) if forest.is_linear() => self.unexplained(),
            Form::Treated(treated) if !treated.is_answering() => Some("a tree may have no answer for a row"),
            Form::Linear(linear) if !linear.is_additive() => Some("a term reads several inputs"),
            Form::Scorecard(_) => Some("the points of a scorecard count from its initial score"),
            Form::Graph(_) | Form::Traced(_) => self.unexplained(),
            Form::Forest(_) | Form::Treated(_) | Form::Linear(_) => None,
        }
    }

    /// How [`Self::explain`] makes contributions; nothing where it gives none.
    pub fn method(&self) -> Option<Method> {
        match (&self.background, &self.parts.form) {
            (Some(background), _) => Some(Method::Interventional { rows: background.rows }),
            _ if !self.explains() => None,
            (None, Form::Forest(_) | Form::Treated(_)) => Some(Method::PathDependent),
            (None, Form::Scorecard(_)) => Some(Method::Points),
            (None, _) => Some(Method::Terms),
        }
    }

    /// Contributions against the background, as [`Self::explain_all`] gives others.
    pub(crate) fn explain_against(&self, background: &Background, features: &Features, mut each: impl FnMut(&[f64])) {
        match (&self.parts.form, &background.kind) {
            (Form::Forest(forest), Kind::Trees { values, counted }) => {
                if let Some(against) = counted.get_or_init(|| forest.against(values)) {
                    forest.explain_against(against, features.values(), each);
                }
            }
            (Form::Treated(treated), Kind::Trees { values, counted }) => {
                if let Some(against) = counted.get_or_init(|| treated.against(values)) {
                    treated.explain_against(against, features.values(), each);
                }
            }
            (Form::Linear(linear), Kind::Terms(means)) => {
                let mut cells = Vec::new();
                linear.explain(features.values(), |row| {
                    cells.clear();
                    cells.extend(row.iter().zip(means).map(|(x, mean)| x - mean));
                    each(&cells);
                });
            }
            _ => {}
        }
    }
}

/// The mean of each column of rows x `columns`.
fn mean(values: &[f64], columns: usize) -> Vec<f64> {
    let mut sums = vec![0.0; columns];
    let rows = values.chunks_exact(columns);
    let count = rows.len() as f64;
    rows.for_each(|row| sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x));
    sums.iter().map(|sum| sum / count).collect()
}
