//! Contributions of a forest; in the making.

use super::layout::Visit;
use super::{LANES, Slot, Tree};

pub(super) struct Paths;

pub(super) struct Scratch;

impl Paths {
    pub(super) fn new(_: &[Tree], _: &[Vec<Visit>], _: &[Slot], _: usize) -> Option<Self> {
        None
    }

    pub(super) fn bias(&self) -> &[f64] {
        &[]
    }

    pub(super) fn scratch(&self, _: usize, _: usize) -> Scratch {
        Scratch
    }

    pub(super) fn explain<'a>(&self, _: &[[f64; LANES]], _: usize, _: &'a mut Scratch) -> &'a [f64] {
        &[]
    }
}
