//! Tests of the crate from outside, in one binary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod cases;
mod fixtures;
mod laws;
mod laws_single;
mod onnx;
mod pmml;
mod pmml_forest;
mod pmml_kinds;
mod pmml_models;
mod reference;
mod reference_onnx;
mod refused;
mod refused_json;
