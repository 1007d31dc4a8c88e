//! Tests of the crate from outside, in one binary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod cases;
mod fixtures;
mod laws;
mod laws_single;
mod onnx;
mod pmml;
mod pmml_classes;
mod pmml_forest;
mod pmml_functions;
mod pmml_models;
mod pmml_near;
mod pmml_survival;
mod reference;
mod reference_onnx;
mod refused;
mod refused_json;
mod refused_pmml;
mod refused_pmml_models;
mod refused_pmml_near;
mod refused_pmml_networks;
mod refused_pmml_trees;
