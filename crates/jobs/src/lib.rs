//! Batches that survive: store, artefacts, runner.
