//! The promises of the architecture, held against the real program: it is killed, its disk fails, and it is sent what
//! nobody should send. `docs/promises.md` says which test proves which promise.

mod campaign;
mod kills;
mod listener;
