//! The promises of the architecture, held against the real program: it is killed, its disk fails, and it is sent what
//! nobody should send. `docs/promises.md` says which test proves which promise.

mod campaign;
mod claims;
mod disk;
mod hostile;
mod kills;
mod listener;
mod pieces;
mod receiver;
// The writer of good and bad zips that the tests of intake have; it stands once.
#[path = "../../../files/tests/it/intake/writer.rs"]
mod zips;
