//! Readers of model files, one module per format. Each gives the parts of a [`crate::Model`] or an error with a line.

pub(crate) mod lightgbm;
pub(crate) mod pmml;
