//! Model files into a few forms, and the kernels that score and explain them.
//!
//! What it owns: [`Model::open`] reads a file of LightGBM, XGBoost, CatBoost, PMML or ONNX, known by its content, into
//! one of a few forms: a *forest* of decision trees, a *linear* predictor over derived features, a *scorecard*, or a
//! *graph* of anything else that PMML or ONNX can say. [`Model::bind`] turns Arrow columns into [`Features`]
//! (categories become codes, missing becomes NaN), [`Model::score`] and [`Model::explain`] are the kernels: one call
//! for many rows, one thread, no allocation per row. Callers get parallelism by calling them from several threads with
//! different rows: a [`Model`] is immutable.
//!
//! Invariants: a row's numbers depend on that row alone (never on its neighbours or on how rows are cut into batches)
//! and are the same bits on every machine (no fused multiply-add, transcendental functions from `libm` in Rust). A
//! model file is hostile input: whatever its bytes, loading gives a model or an [`Error`] that names line and element.
//!
//! What it does not know: DataFusion, files, SQL, bins, sentences. It never prints or logs a value.
//!
//! Start reading at [`Model`], then `forest/` and `linear/`, then `formats/`.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod background;
mod error;
mod explanation;
mod exponential;
mod features;
mod forest;
mod formats;
mod graph;
mod level;
mod linear;
mod link;
mod model;
mod scorecard;

pub use error::Error;
pub use explanation::{Contributions, Method, Top, TopEntry};
pub use features::Features;
pub use model::{About, Format, Input, InputKind, Model, OutputField, Scores};
