//! The state of one column by itself, as it travels between the processes of a cluster.
//!
//! `BDPCOL · version (1 byte) · seed of the hash (8 bytes) · limits · column`. There is no digest: what carries the
//! bytes checks them. Equal states have equal bytes.

use bordereau_sketch::codec::{Reader, Writer};
use bordereau_sketch::hash::SEED;

use super::{Error, column, read_limits, write_limits};
use crate::column::ColumnState;

const MAGIC: &[u8; 6] = b"BDPCOL";
/// Raised with every change of the layout.
const VERSION: u8 = 1;

/// The bytes of a column.
pub fn encode_column(state: &ColumnState) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.raw(MAGIC);
    writer.u8(VERSION);
    writer.u64(SEED);
    write_limits(&mut writer, &state.limits);
    column::write(&mut writer, state);
    writer.into_bytes()
}

/// The column of [`encode_column`].
///
/// # Errors
/// For bytes that it did not write.
pub fn decode_column(bytes: &[u8]) -> Result<ColumnState, Error> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(Error::NotAState)?;
    let mut reader = Reader::new(rest);
    let found = reader.u8()?;
    if found != VERSION {
        return Err(Error::Version { found });
    }
    if reader.u64()? != SEED {
        return Err(Error::Seed);
    }
    let limits = read_limits(&mut reader)?;
    let state = column::read(&mut reader, limits)?;
    reader.end()?;
    Ok(state)
}
