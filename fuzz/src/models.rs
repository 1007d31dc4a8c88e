//! A model file is read, and what could be read scores and explains some rows.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, StringArray};
use bordereau_model::{Format, InputKind, Model};

/// Numbers at the ends of what there is, and some that trees and tables are likely to know.
const NUMBERS: [Option<f64>; 8] =
    [Some(1.5), None, Some(-1e300), Some(0.0), Some(1.0), Some(f64::INFINITY), Some(2_147_483_648.0), Some(f64::NAN)];
const TEXTS: [Option<&str>; 8] = [Some("a"), None, Some(""), Some("1"), Some("-0"), Some("zz"), Some("é"), Some("CA")];
/// Inputs x outputs beyond which rows are not scored: a file of few bytes may name many.
const CELLS_MAX: usize = 1 << 12;
/// Leaves x inputs x outputs beyond which nothing is explained, for the same reason.
const EXPLAINED_MAX: usize = 1 << 16;

/// Reads `bytes` as a model of `format` and uses it.
pub fn use_file(format: Format, bytes: &[u8]) {
    let Ok(model) = Model::load(format, bytes) else { return };
    let cells = model.inputs().len().saturating_mul(model.outputs());
    if cells > CELLS_MAX {
        return;
    }
    let columns: Vec<ArrayRef> = model.inputs().iter().map(|input| column(&input.kind)).collect();
    let features = model.bind(&columns).expect("columns are of the kinds that the model names");
    let (scores, fields) = model.score_and_fields(&features);
    assert_eq!(scores.raw.len(), features.rows() * model.outputs());
    assert_eq!(scores.prediction.len(), scores.raw.len());
    assert_eq!(fields.len(), model.output_fields().count());
    assert!(fields.iter().all(|field| field.len() == features.rows()));
    rows_stand_alone(&model, &features, &scores.prediction);
    model.reason_codes(&features);
    if cells.saturating_mul(model.size()) <= EXPLAINED_MAX {
        explain(&model, &features);
    }
}

fn column(kind: &InputKind) -> ArrayRef {
    match kind {
        InputKind::Number => Arc::new(Float64Array::from(NUMBERS.to_vec())),
        InputKind::Category { values } => {
            let mut texts = TEXTS;
            for (text, value) in texts.iter_mut().zip(values) {
                *text = Some(value);
            }
            Arc::new(StringArray::from(texts.to_vec()))
        }
    }
}

/// A row's numbers depend on that row alone.
fn rows_stand_alone(model: &Model, features: &bordereau_model::Features, together: &[f64]) {
    let outputs = model.outputs();
    if model.inputs().is_empty() || outputs == 0 {
        return;
    }
    for (row, among) in together.chunks_exact(outputs).enumerate() {
        let alone = model.score(&features.of_rows(&[row])).prediction;
        let same = |(one, other): (&f64, &f64)| one.to_bits() == other.to_bits() || (one.is_nan() && other.is_nan());
        assert!(alone.iter().zip(among).all(same), "row {row}: {alone:?} alone, {among:?} among others");
    }
}

fn explain(model: &Model, features: &bordereau_model::Features) {
    let contributions = model.explain(features);
    assert_eq!(contributions.is_some(), model.explains());
    let cells = features.rows() * model.inputs().len() * model.outputs();
    assert!(contributions.is_none_or(|all| all.values.len() == cells && all.bias.len() == model.outputs()));
    model.explain_top(features, 3);
    model.explain_output(features, model.outputs().saturating_sub(1), 3);
}
