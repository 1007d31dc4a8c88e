//! What the fuzz targets do with the bytes they are given, where more than one does the same.
//!
//! A target fails when something panics, overflows, takes too long or too much memory, and when a law that it asserts is
//! broken. What is refused is refused: that is an answer like any other.

pub mod models;
pub mod rows;

#[allow(dead_code, unused_imports)]
#[path = "../../crates/files/src"]
mod files {
    pub mod intake;
}
pub use files::intake;
