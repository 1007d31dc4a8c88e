//! The stages of a batch, in the order they run. Each takes what the one before gave and changes nothing of it.

pub mod contribute;
pub mod link;
pub mod pack;
pub mod resources;
pub mod score;
pub mod tables;
pub mod validate;
