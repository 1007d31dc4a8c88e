//! A file of the results zip in the making, spooled outside memory.

use super::{Part, part};
use bordereau_base::digest::hex;
use crc32fast::Hasher as Crc32;
use flate2::bufread::DeflateDecoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// How a member's bytes lie in the zip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Deflated; for text.
    Deflated,
    /// As they are; for formats that are compressed in themselves.
    Stored,
}

/// A named member to which content is appended in order. The spool is an unnamed file that vanishes with the value.
#[derive(Debug)]
pub struct Member {
    name: String,
    packing: Packing,
    spool: File,
    /// Bytes of the spool that count; a write that failed may have left more.
    spooled_bytes: u64,
    crc32: Crc32,
    sha256: Sha256,
    bytes: u64,
    rows: Option<u64>,
}

/// What a member holds, whatever its packing and the parts it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberDigest {
    /// Name in the zip.
    pub name: String,
    /// SHA-256 of the plain bytes, in hex.
    pub sha256: String,
    /// Plain bytes.
    pub bytes: u64,
    /// Rows, without a header, of a member that counts them.
    pub rows: Option<u64>,
}

/// How much a member holds; with its name, packing and spooled bytes all that [`Member::restore`] needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberLengths {
    /// Bytes that [`Member::save`] writes.
    pub spooled_bytes: u64,
    /// Plain bytes.
    pub bytes: u64,
    /// Rows, of a member that counts them.
    pub rows: Option<u64>,
}

/// Bytes of a member's name at most; far below what a zip can hold.
const NAME_BYTES_MAX: usize = 200;

impl Member {
    /// An empty member, its spool in the folder `scratch`.
    ///
    /// # Errors
    /// When the spool cannot be made; [`io::ErrorKind::InvalidInput`] when the name is empty, longer than 200 bytes,
    /// `.`, `..`, or holds a slash, a backslash or a control character.
    pub fn create(name: &str, packing: Packing, scratch: &Path) -> io::Result<Self> {
        let bad = |c: char| c == '/' || c == '\\' || c.is_control();
        if matches!(name, "" | "." | "..") || name.len() > NAME_BYTES_MAX || name.contains(bad) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no name for a member of a zip"));
        }
        let spool = tempfile::tempfile_in(scratch)?;
        let (crc32, sha256) = (Crc32::new(), Sha256::new());
        Ok(Self { name: name.to_owned(), packing, spool, spooled_bytes: 0, crc32, sha256, bytes: 0, rows: None })
    }

    /// A member as it was when [`Member::save`] wrote `from`, to be appended to: what comes of both has the same bytes.
    /// Reads `lengths.spooled_bytes` bytes. Cost: unpacks and hashes all of them once.
    ///
    /// # Errors
    /// As [`Member::create`]; those of `from`; [`io::ErrorKind::InvalidData`] when it does not hold such a member.
    pub fn restore(
        name: &str,
        packing: Packing,
        scratch: &Path,
        lengths: MemberLengths,
        from: &mut impl Read,
    ) -> io::Result<Self> {
        let mut member = Self::create(name, packing, scratch)?;
        let mut spooling = Spooling { spool: &member.spool, at: 0, from: from.take(lengths.spooled_bytes) };
        let mut plain = Plain { crc32: Crc32::new(), sha256: Sha256::new(), bytes: 0 };
        let whole = match packing {
            Packing::Stored => {
                io::copy(&mut spooling, &mut plain)?;
                true
            }
            Packing::Deflated => {
                let buffered = BufReader::with_capacity(RESTORED_BYTES, &mut spooling);
                let mut unpacked = DeflateDecoder::new(buffered.chain(&part::LAST_BLOCK[..]));
                io::copy(&mut unpacked, &mut plain)?;
                unpacked.total_in() == lengths.spooled_bytes + part::LAST_BLOCK.len() as u64
            }
        };
        if !whole || spooling.at != lengths.spooled_bytes || plain.bytes != lengths.bytes {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "what was saved of a member is not whole"));
        }
        (member.spooled_bytes, member.rows) = (lengths.spooled_bytes, lengths.rows);
        (member.crc32, member.sha256, member.bytes) = (plain.crc32, plain.sha256, plain.bytes);
        Ok(member)
    }

    /// How much it holds so far.
    pub fn lengths(&self) -> MemberLengths {
        MemberLengths { spooled_bytes: self.spooled_bytes, bytes: self.bytes, rows: self.rows }
    }

    /// Writes what was appended so far, packed, for [`Member::restore`].
    ///
    /// # Errors
    /// When the spool cannot be read or `out` not be written.
    pub fn save(&self, out: &mut impl Write) -> io::Result<()> {
        let mut buffer = vec![0; RESTORED_BYTES];
        let mut at = 0;
        while at < self.spooled_bytes {
            let len = (self.spooled_bytes - at).min(buffer.len() as u64);
            // At most the buffer's length.
            let piece = &mut buffer[..len as usize];
            self.spool.read_exact_at(piece, at)?;
            out.write_all(piece)?;
            at += len;
        }
        Ok(())
    }

    /// Appends a part; a stored member takes its plain bytes.
    ///
    /// # Errors
    /// When the spool cannot be written, such as on a full disk; the member is then as it was before.
    pub fn append(&mut self, part: &Part) -> io::Result<()> {
        let spooled = match self.packing {
            Packing::Deflated => part.blocks(),
            Packing::Stored => part.plain(),
        };
        self.spool.write_all_at(spooled, self.spooled_bytes)?;
        self.spooled_bytes += spooled.len() as u64;
        self.crc32.combine(&Crc32::new_with_initial_len(part.crc32(), part.plain().len() as u64));
        self.count(part.plain());
        Ok(())
    }

    /// Appends bytes, deflating them here and now when the member is deflated. For small members such as a summary.
    ///
    /// # Errors
    /// As [`Member::append`].
    pub fn append_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.packing {
            Packing::Deflated => self.append(&Part::deflated(bytes.to_vec())),
            Packing::Stored => {
                self.spool.write_all_at(bytes, self.spooled_bytes)?;
                self.spooled_bytes += bytes.len() as u64;
                self.crc32.update(bytes);
                self.count(bytes);
                Ok(())
            }
        }
    }

    fn count(&mut self, plain: &[u8]) {
        self.sha256.update(plain);
        self.bytes += plain.len() as u64;
    }

    /// Counts `rows` more; content that is appended is not looked into.
    pub fn count_rows(&mut self, rows: u64) {
        self.rows = Some(self.rows.unwrap_or(0) + rows);
    }

    /// Its name in the zip.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Digest, bytes and rows of what was appended so far.
    pub fn digest(&self) -> MemberDigest {
        let sha256 = hex(&self.sha256.clone().finalize());
        MemberDigest { name: self.name.clone(), sha256, bytes: self.bytes, rows: self.rows }
    }

    pub(super) fn packing(&self) -> Packing {
        self.packing
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn crc32(&self) -> u32 {
        self.crc32.clone().finalize()
    }

    /// Bytes it takes in the zip, its header aside.
    pub(super) fn packed_bytes(&self) -> u64 {
        self.spooled_bytes + self.last_block().len() as u64
    }

    fn last_block(&self) -> &'static [u8] {
        match self.packing {
            Packing::Deflated => &part::LAST_BLOCK,
            Packing::Stored => &[],
        }
    }

    /// Writes its packed bytes.
    pub(super) fn copy_to(&self, out: &mut impl Write) -> io::Result<()> {
        self.save(out)?;
        out.write_all(self.last_block())
    }
}

/// Bytes that are copied at a time.
const RESTORED_BYTES: usize = 1 << 20;

/// Reads saved bytes and spools them on the way.
struct Spooling<'a, R> {
    spool: &'a File,
    at: u64,
    from: R,
}

impl<R: Read> Read for Spooling<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        self.spool.write_all_at(&into[..read], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// Takes plain bytes for their digests.
struct Plain {
    crc32: Crc32,
    sha256: Sha256,
    bytes: u64,
}

impl Write for Plain {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.crc32.update(bytes);
        self.sha256.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::write_zip;
    use super::*;

    fn text(from: usize, to: usize) -> Vec<u8> {
        (from..to).flat_map(|at| format!("line {at} of {}\n", at * 7_919 % 101).into_bytes()).collect()
    }

    fn append(member: &mut Member, cuts: &[usize]) {
        for cut in cuts.windows(2) {
            member.append(&Part::deflated(text(cut[0], cut[1]))).unwrap();
            member.count_rows((cut[1] - cut[0]) as u64);
        }
    }

    fn saved(member: &Member) -> (MemberLengths, Vec<u8>) {
        let mut bytes = Vec::new();
        member.save(&mut bytes).unwrap();
        (member.lengths(), bytes)
    }

    #[test]
    fn promise_4_a_member_that_was_saved_and_restored_goes_on_to_the_same_bytes() {
        let scratch = tempfile::tempdir().unwrap();
        let cuts = [0, 1, 2_000, 2_000, 40_000, 90_000];
        for packing in [Packing::Deflated, Packing::Stored] {
            let create = || Member::create("outputs.csv", packing, scratch.path()).unwrap();
            let mut whole = create();
            append(&mut whole, &cuts);
            let (expected, mut zip) = (whole.digest(), Vec::new());
            write_zip(&mut zip, &[whole]).unwrap();
            for at in 0..cuts.len() {
                let mut member = create();
                append(&mut member, &cuts[..=at]);
                // Twice, as a batch that is stopped twice.
                for _ in 0..2 {
                    let (lengths, bytes) = saved(&member);
                    let mut from = [bytes.as_slice(), b"something else"].concat();
                    let mut from = from.as_mut_slice() as &[u8];
                    member = Member::restore("outputs.csv", packing, scratch.path(), lengths, &mut from).unwrap();
                    assert_eq!(from, b"something else");
                }
                append(&mut member, &cuts[at..]);
                assert_eq!(member.digest(), expected);
                let mut again = Vec::new();
                write_zip(&mut again, &[member]).unwrap();
                assert!(again == zip, "{packing:?} {at}");
            }
        }
    }

    #[test]
    fn what_is_no_saved_member_is_not_restored() {
        let scratch = tempfile::tempdir().unwrap();
        for packing in [Packing::Deflated, Packing::Stored] {
            let mut member = Member::create("outputs.csv", packing, scratch.path()).unwrap();
            append(&mut member, &[0, 500]);
            let (lengths, bytes) = saved(&member);
            let restored = |lengths, mut bytes: &[u8]| {
                Member::restore("outputs.csv", packing, scratch.path(), lengths, &mut bytes).map(drop)
            };
            assert!(restored(lengths, &bytes).is_ok());
            assert!(restored(lengths, &bytes[..bytes.len() - 1]).is_err());
            let other = |spooled_bytes, bytes| MemberLengths { spooled_bytes, bytes, rows: None };
            assert!(restored(other(lengths.spooled_bytes - 1, lengths.bytes), &bytes).is_err());
            assert!(restored(other(lengths.spooled_bytes, lengths.bytes + 1), &bytes).is_err());
            if packing == Packing::Deflated {
                assert!(restored(lengths, &vec![0xff; bytes.len()]).is_err());
                // A stream that ends too early, with something behind it.
                let mut ended = part::LAST_BLOCK.to_vec();
                ended.resize(bytes.len(), 0);
                assert!(restored(other(lengths.spooled_bytes, 0), &ended).is_err());
            }
        }
    }
}
