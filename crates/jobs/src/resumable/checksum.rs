//! Checksums of pieces.

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// A checksum that a client sent with a piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checksum {
    /// Twenty bytes of SHA-1, which clients of tus all know. It tells broken lines, not forgers.
    Sha1(Vec<u8>),
    /// Thirty-two bytes of SHA-256.
    Sha256(Vec<u8>),
}

impl Checksum {
    /// The names of the algorithms.
    pub const ALGORITHMS: [&str; 2] = ["sha1", "sha256"];

    /// The checksum of an algorithm of that name; none when it is none of ours.
    pub fn named(algorithm: &str, bytes: Vec<u8>) -> Option<Self> {
        match algorithm {
            "sha1" => Some(Self::Sha1(bytes)),
            "sha256" => Some(Self::Sha256(bytes)),
            _ => None,
        }
    }

    pub(super) fn begin(&self) -> Sum {
        match self {
            Self::Sha1(_) => Sum::Sha1(Box::default()),
            Self::Sha256(_) => Sum::Sha256(Box::default()),
        }
    }

    /// Whether it is that of the bytes that were summed.
    pub(super) fn is(&self, sum: Sum) -> bool {
        match (self, sum) {
            (Self::Sha1(wanted), Sum::Sha1(sum)) => sum.finalize()[..] == wanted[..],
            (Self::Sha256(wanted), Sum::Sha256(sum)) => sum.finalize()[..] == wanted[..],
            _ => false,
        }
    }
}

/// A checksum in the making.
pub(super) enum Sum {
    Sha1(Box<Sha1>),
    Sha256(Box<Sha256>),
}

impl Sum {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(sum) => sum.update(bytes),
            Self::Sha256(sum) => sum.update(bytes),
        }
    }
}
