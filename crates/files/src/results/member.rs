//! A file of the results zip in the making, spooled outside memory.

use super::{Part, part};
use bordereau_base::digest::hex;
use crc32fast::Hasher as Crc32;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Write};
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
        let mut buffer = vec![0; 1 << 20];
        let mut at = 0;
        while at < self.spooled_bytes {
            let len = (self.spooled_bytes - at).min(buffer.len() as u64);
            // At most the buffer's length.
            let piece = &mut buffer[..len as usize];
            self.spool.read_exact_at(piece, at)?;
            out.write_all(piece)?;
            at += len;
        }
        out.write_all(self.last_block())
    }
}
