//! Members joined to one zip, and the digest of the whole.

use super::headers::{self, Method, Record};
use super::{Member, MemberDigest, Packing};
use bordereau_base::digest::hex;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::io::{self, Write};

/// A zip that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// SHA-256 of the whole zip, in hex.
    pub zip_sha256: String,
    /// Bytes of the whole zip.
    pub zip_bytes: u64,
    /// Its members, in the order they were given.
    pub members: Vec<MemberDigest>,
}

/// Writes `members` as a zip, in the order given. The same members give the same bytes. `out` is flushed, not synced;
/// pass `&file` to keep the file. Cost: reads each spool once, 1 MiB of memory.
///
/// # Errors
/// When a spool cannot be read or `out` not be written, and then `out` holds nothing of use;
/// [`io::ErrorKind::InvalidInput`] when two members have one name, before anything is written.
pub fn write_zip(out: impl Write, members: &[Member]) -> io::Result<Packed> {
    let mut names = HashSet::new();
    if !members.iter().all(|member| names.insert(member.name())) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "two members of a zip have one name"));
    }
    let mut out = Metered { out, sha256: Sha256::new(), bytes: 0 };
    let mut directory = Vec::new();
    for member in members {
        let record = record(member, out.bytes);
        out.write_all(&record.local_header())?;
        member.copy_to(&mut out)?;
        directory.extend(record.central_header());
    }
    let offset = out.bytes;
    out.write_all(&directory)?;
    out.write_all(&headers::end(members.len() as u64, offset, directory.len() as u64))?;
    out.flush()?;
    Ok(Packed {
        zip_sha256: hex(&out.sha256.finalize()),
        zip_bytes: out.bytes,
        members: members.iter().map(Member::digest).collect(),
    })
}

fn record(member: &Member, offset: u64) -> Record {
    Record {
        name: member.name().to_owned(),
        method: match member.packing() {
            Packing::Deflated => Method::Deflated,
            Packing::Stored => Method::Stored,
        },
        crc32: member.crc32(),
        packed_bytes: member.packed_bytes(),
        bytes: member.bytes(),
        offset,
    }
}

/// Counts and hashes what passes through.
struct Metered<W> {
    out: W,
    sha256: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Metered<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.out.write(bytes)?;
        self.sha256.update(&bytes[..len]);
        self.bytes += len as u64;
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
