//! Promises of the architecture that are kept, or broken, in this crate; `docs/promises.md` names them all.

mod histories;
mod life;
