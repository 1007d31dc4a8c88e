//! The whole state of a profile as versioned bytes: to keep it, to merge it, to compare it.
//!
//! A state file is `BDPROF · version (1 byte) · seed of the hash (8 bytes) · limits · what was uploaded · relations
//! with their columns · links · SHA-256 of all before`. Sketches inside carry their own kind, version and seed
//! ([`bordereau_sketch::codec`]). Equal states have equal bytes.
//!
//! [`StateFile::decode`] refuses what this program cannot have written with a sentence: another format, version, seed
//! or limits, bytes cut short, left over or changed, figures that contradict each other. Bytes of any kind never panic
//! and never allocate more than a bounded multiple of their own length.
//!
//! [`StateFile::merge`] adds the state of another upload. The profile of the merged state is that of both uploads'
//! files one after the other: identical in what is exact, within the stated error in what is estimated. What that does
//! not cover is said in `docs/profile-compare.md` and in the notes of the merged profile.
//!
//! Does not know how values are counted. Cost: one pass over the state, which is bounded by its limits.

mod column;
mod merge;
mod parts;
mod relation;
mod single;

use std::num::NonZeroUsize;

use bordereau_base::digest::hex;
use bordereau_sketch::codec::{Error as CodecError, Reader, Writer};
use bordereau_sketch::hash::SEED;
use sha2::{Digest, Sha256};

pub use single::{decode_column, encode_column};

use crate::document::Profile;
use crate::pass::{Control, Outcome, State};
use crate::settings::{Limits, Settings};

const MAGIC: &[u8; 6] = b"BDPROF";
/// Raised with every change of the layout.
const VERSION: u8 = 1;
const DIGEST_BYTES: usize = 32;

/// Why bytes were not taken as a state, or two states not merged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The bytes do not begin as a state file does.
    #[error("this is no profile state: it does not begin with BDPROF")]
    NotAState,
    /// Written by another version of this program.
    #[error("profile state of version {found}; this program reads version {VERSION}")]
    Version {
        /// The version that the bytes name.
        found: u8,
    },
    /// Made with another hash.
    #[error("profile state made with another hash seed")]
    Seed,
    /// The bytes are not those that were written.
    #[error("profile state was changed or cut short: its digest is another")]
    Digest,
    /// The bytes contradict themselves.
    #[error("profile state cannot be read: {0}")]
    Unreadable(#[from] CodecError),
    /// Two states hold differently much of each column.
    #[error(
        "the states keep up to {own} and {other} values of a column, having been made for different numbers of columns; \
         profile the files together instead"
    )]
    Limits {
        /// Values of the first.
        own: usize,
        /// Values of the second.
        other: usize,
    },
    /// Two states follow things that cannot be joined.
    #[error("the states cannot be merged: {0}")]
    Merge(CodecError),
}

/// What was uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Name of the upload.
    pub name: String,
    /// Bytes as uploaded.
    pub bytes: u64,
    /// SHA-256 in hex.
    pub sha256: Option<String>,
}

/// The state of one or more uploads.
#[derive(Debug, Clone)]
pub struct StateFile {
    /// What was counted.
    pub(crate) state: State,
    /// The uploads it is made of, in the order of merging.
    pub(crate) sources: Vec<Source>,
}

impl StateFile {
    /// The state of a profile of all rows.
    pub fn new(outcome: Outcome) -> Self {
        let upload = &outcome.profile.upload;
        let source = Source { name: upload.name.clone(), bytes: upload.bytes, sha256: upload.sha256.clone() };
        Self { state: outcome.state, sources: vec![source] }
    }

    /// The uploads it is made of.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.raw(MAGIC);
        writer.u8(VERSION);
        writer.u64(SEED);
        write_limits(&mut writer, &self.state.limits);
        writer.length(self.sources.len());
        for source in &self.sources {
            writer.str(&source.name);
            writer.uint(source.bytes);
            writer.u8(u8::from(source.sha256.is_some()));
            source.sha256.iter().for_each(|digest| writer.str(digest));
        }
        relation::write_state(&mut writer, &self.state);
        let mut bytes = writer.into_bytes();
        let digest = Sha256::digest(&bytes);
        bytes.extend_from_slice(&digest);
        bytes
    }

    /// The state of [`StateFile::encode`].
    ///
    /// # Errors
    /// For any bytes that `encode` did not write.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(Error::NotAState)?;
        let found = *rest.first().ok_or(Error::Digest)?;
        if found != VERSION {
            return Err(Error::Version { found });
        }
        let (written, digest) = bytes.split_last_chunk::<DIGEST_BYTES>().ok_or(Error::Digest)?;
        let mut reader = Reader::new(written.get(MAGIC.len() + 1..).ok_or(Error::Digest)?);
        if reader.u64().map_err(|_| Error::Digest)? != SEED {
            return Err(Error::Seed);
        }
        if Sha256::digest(written).as_slice() != digest {
            return Err(Error::Digest);
        }
        let limits = read_limits(&mut reader)?;
        let sources = read_sources(&mut reader)?;
        let state = relation::read_state(&mut reader, limits)?;
        reader.end()?;
        Ok(Self { state, sources })
    }

    /// The profile of what was counted.
    ///
    /// # Errors
    /// Only when it was cancelled.
    pub fn profile(
        &self,
        settings: &Settings,
        threads: NonZeroUsize,
        control: &Control,
    ) -> Result<Profile, crate::error::Error> {
        let mut state = self.state.clone();
        let digest = match self.sources.as_slice() {
            [only] => only.sha256.as_deref().and_then(from_hex),
            several => {
                state.notes.extend(several.iter().map(note));
                None
            }
        };
        crate::pass::of_state(&mut state, settings, digest, threads, control)
    }
}

fn note(source: &Source) -> String {
    let digest = source.sha256.as_deref().map(|digest| format!(", SHA-256 {digest}")).unwrap_or_default();
    format!("merged from `{}` ({} bytes{digest})", source.name, source.bytes)
}

fn write_limits(writer: &mut Writer, limits: &Limits) {
    for number in numbers(limits) {
        writer.uint(number);
    }
}

/// The limits, in a fixed order.
fn numbers(limits: &Limits) -> [u64; 8] {
    let Limits {
        exact_values_max,
        frequent_counters,
        sample_values,
        masks_max,
        distinct_precision,
        buckets_max,
        months_max,
        spellings_max,
    } = *limits;
    [
        exact_values_max as u64,
        frequent_counters as u64,
        sample_values as u64,
        masks_max as u64,
        u64::from(distinct_precision),
        u64::from(buckets_max),
        months_max as u64,
        spellings_max as u64,
    ]
}

/// Limits between those of one column and those of very many.
fn read_limits(reader: &mut Reader<'_>) -> Result<Limits, CodecError> {
    let (most, least) = (numbers(&Limits::for_columns(1)), numbers(&Limits::for_columns(usize::MAX)));
    let mut read = [0_u64; 8];
    for ((number, least), most) in read.iter_mut().zip(least).zip(most) {
        *number = reader.uint()?;
        if !(least..=most).contains(number) {
            return Err(CodecError::Parameters("limits of a column"));
        }
    }
    let [values, counters, sample, masks, precision, buckets, months, spellings] = read;
    Ok(Limits {
        exact_values_max: values as usize,
        frequent_counters: counters as usize,
        sample_values: sample as usize,
        masks_max: masks as usize,
        distinct_precision: precision as u8,
        buckets_max: buckets as u32,
        months_max: months as usize,
        spellings_max: spellings as usize,
    })
}

fn read_sources(reader: &mut Reader<'_>) -> Result<Vec<Source>, CodecError> {
    let mut sources = Vec::new();
    for _ in 0..reader.length(3)? {
        let name = reader.str()?.to_owned();
        let bytes = reader.uint()?;
        let sha256 = parts::optional(reader, |reader| Ok(reader.str()?.to_owned()))?;
        if sha256.as_deref().is_some_and(|digest| from_hex(digest).is_none()) {
            return Err(CodecError::Invalid("a digest that is none"));
        }
        sources.push(Source { name, bytes, sha256 });
    }
    Ok(sources)
}

/// The bytes of a digest in lower case hex.
fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0_u8; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    (hex(&digest) == text).then_some(digest)
}
