//! The unpacked bytes of one entry, counted and checked while they are read.
//!
//! Whatever the upload claims, memory here is one input buffer and the window of the inflater. Sizes and the checksum
//! of a zip entry are compared with what its bytes really are; a difference is a refusal as soon as it is found: at
//! the first byte more than claimed, else at the entry's end. So no entry gives more bytes than it claims, and the
//! caps on bytes, which opening an upload checks against the claims, hold for what is really unpacked. Knows nothing
//! of text.

use super::IntakeError;
use bordereau_base::refusal::RefusalCode;
use flate2::{Decompress, FlushDecompress, Status};
use rawzip::{FileReader, ReaderAt};
use std::fmt;
use std::io;
use std::sync::Arc;

const INPUT_BYTES: usize = 64 << 10;

/// Bytes `at..end` of an open file.
#[derive(Debug, Clone)]
pub(crate) struct Stretch {
    pub(crate) file: Arc<FileReader>,
    pub(crate) at: u64,
    pub(crate) end: u64,
}

impl Stretch {
    /// Fills a part of `buffer`; 0 at the end of the stretch or of the file.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(buffer.len());
        if room == 0 {
            return Ok(0);
        }
        let read = loop {
            match self.file.read_at(&mut buffer[..room], self.at) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.at += read as u64;
        Ok(read)
    }
}

/// How the bytes of a zip entry are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Stored,
    Deflated,
}

/// What the zip's directory says of an entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    pub(crate) packing: Packing,
    pub(crate) packed_bytes: u64,
    pub(crate) unpacked_bytes: u64,
    pub(crate) crc: u32,
}

/// The bytes of a file that somebody else unpacks, checks and counts, such as one that is packed as a whole.
pub trait ByteStream: Send + fmt::Debug {
    /// Fills a part of `buffer`, which is not empty; 0 at the end.
    ///
    /// # Errors
    /// A refusal, which names the file, when its bytes cannot be unpacked or are too many.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, IntakeError>;
}

#[derive(Debug)]
enum Unpacker {
    AsIs(Stretch),
    Inflate(Stretch, Box<Inflater>),
    Given(Box<dyn ByteStream>),
}

#[derive(Debug)]
struct Inflater {
    state: Decompress,
    input: Box<[u8]>,
    from: usize,
    to: usize,
    ended: bool,
}

/// Reads one entry.
#[derive(Debug)]
pub(crate) struct Source {
    name: String,
    unpacker: Unpacker,
    claim: Option<Claim>,
    crc: crc32fast::Hasher,
    bytes: u64,
}

impl Source {
    /// `claim` is absent for a file that is in no zip. `name` is fit to be shown.
    pub(crate) fn new(name: String, stretch: Stretch, claim: Option<Claim>) -> Self {
        let unpacker = match claim {
            Some(Claim { packing: Packing::Deflated, .. }) => {
                let input = vec![0; INPUT_BYTES].into();
                let state = Decompress::new(false);
                Unpacker::Inflate(stretch, Box::new(Inflater { state, input, from: 0, to: 0, ended: false }))
            }
            _ => Unpacker::AsIs(stretch),
        };
        Self { name, unpacker, claim, crc: Default::default(), bytes: 0 }
    }

    /// A file that `stream` unpacks. `name` is fit to be shown.
    pub(crate) fn given(name: String, stream: Box<dyn ByteStream>) -> Self {
        Self { name, unpacker: Unpacker::Given(stream), claim: None, crc: Default::default(), bytes: 0 }
    }

    /// The name of the entry, fit to be shown.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Unpacked bytes read so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Fills a part of `buffer`, which is not empty; 0 at the end, and only once size and checksum are as claimed.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, IntakeError> {
        let read = match &mut self.unpacker {
            Unpacker::AsIs(stretch) => stretch.read(buffer)?,
            Unpacker::Inflate(stretch, inflater) => match inflater.read(stretch, buffer)? {
                Inflated::Bytes(read) => read,
                Inflated::Damaged => return Err(self.damaged("its packed bytes cannot be unpacked")),
                Inflated::CutShort => return Err(self.cut_short()),
            },
            Unpacker::Given(stream) => stream.read(buffer)?,
        };
        self.bytes += read as u64;
        if let Some(claim) = self.claim {
            self.crc.update(&buffer[..read]);
            self.check(claim, read == 0)?;
        }
        Ok(read)
    }

    fn check(&self, claim: Claim, at_end: bool) -> Result<(), IntakeError> {
        if self.bytes > claim.unpacked_bytes {
            return Err(self.damaged("it unpacks to more bytes than the zip states"));
        }
        if at_end { self.check_whole(claim) } else { Ok(()) }
    }

    fn check_whole(&self, claim: Claim) -> Result<(), IntakeError> {
        match &self.unpacker {
            Unpacker::AsIs(stretch) if stretch.at < stretch.end => return Err(self.cut_short()),
            Unpacker::Inflate(_, inflater) if inflater.state.total_in() != claim.packed_bytes => {
                return Err(self.damaged("its packed bytes go on after their end"));
            }
            _ => {}
        }
        if self.bytes < claim.unpacked_bytes {
            return Err(self.damaged("it unpacks to fewer bytes than the zip states"));
        }
        if self.crc.clone().finalize() != claim.crc {
            return Err(self.damaged("its bytes do not have the checksum that the zip states"));
        }
        Ok(())
    }

    fn damaged(&self, how: &str) -> IntakeError {
        IntakeError::refused(RefusalCode::WrongChecksum, format!("{} is damaged: {how}", self.name))
    }

    fn cut_short(&self) -> IntakeError {
        cut_short(&self.name)
    }
}

pub(crate) fn cut_short(name: &str) -> IntakeError {
    IntakeError::refused(RefusalCode::Truncated, format!("{name} is cut short: the zip does not hold all of it"))
}

enum Inflated {
    /// So many; 0 at the end.
    Bytes(usize),
    CutShort,
    Damaged,
}

impl Inflater {
    fn read(&mut self, packed: &mut Stretch, buffer: &mut [u8]) -> io::Result<Inflated> {
        while !self.ended {
            if self.from == self.to {
                self.to = packed.read(&mut self.input)?;
                self.from = 0;
            }
            let (before_in, before_out) = (self.state.total_in(), self.state.total_out());
            let input = &self.input[self.from..self.to];
            let Ok(status) = self.state.decompress(input, buffer, FlushDecompress::None) else {
                return Ok(Inflated::Damaged);
            };
            self.from += (self.state.total_in() - before_in) as usize;
            self.ended = status == Status::StreamEnd;
            let read = (self.state.total_out() - before_out) as usize;
            if read > 0 {
                return Ok(Inflated::Bytes(read));
            }
            if !self.ended && self.to == 0 {
                return Ok(Inflated::CutShort);
            }
        }
        Ok(Inflated::Bytes(0))
    }
}
