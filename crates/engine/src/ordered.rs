//! [`bordereau_base::ordered`] with the engine's errors.

use std::num::NonZeroUsize;

use bordereau_base::ordered;

use crate::error::Result;

/// As [`ordered::run`].
///
/// # Errors
/// The first error in the order of the inputs; [`Error::Worker`](crate::error::Error::Worker) for a panic.
pub fn run<I: Send, O: Send, S: FnMut(I) -> Result<O>>(
    stage: &'static str,
    threads: NonZeroUsize,
    source: impl FnMut() -> Result<Option<I>> + Send,
    worker: impl Fn() -> S + Sync,
    sink: impl FnMut(O) -> Result<()>,
) -> Result<()> {
    ordered::run(stage, threads, source, worker, sink)
}

/// As [`ordered::each`].
///
/// # Errors
/// As [`run`].
pub fn each(
    stage: &'static str,
    threads: NonZeroUsize,
    count: usize,
    step: impl Fn(usize) -> Result<()> + Sync,
) -> Result<()> {
    ordered::each(stage, threads, count, step)
}
