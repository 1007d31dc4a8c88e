//! The DataFusion session and the stages of a batch.
