//! One delimited file as it lies on disk, or packed as a whole by gzip or Zstandard, unpacked while it is read.
//!
//! Memory: the window of the decoder, at most 128 MiB for Zstandard (files that ask for more are refused). Unpacked
//! bytes are counted as they come, whatever the file claims, and held against the caps of the upload as a whole.

use super::digest::HashedFile;
use bordereau_base::limits::IntakeLimits;
use bordereau_base::refusal::{Refusal, RefusalCode};
use bordereau_files::intake::{ByteStream, IntakeError};
use flate2::bufread::MultiGzDecoder;
use std::fmt;
use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const INPUT_BYTES: usize = 128 << 10;

/// Exponent of two of the largest window of Zstandard.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// From here on the ratio of unpacked to packed bytes is judged, as for the entries of a zip.
const RATIO_FREE_BYTES: u64 = 16 << 20;

/// How a file is packed, known by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    /// Not at all.
    Plain,
    Gzip,
    Zstd,
}

impl Packing {
    /// By the first bytes of a file.
    pub(crate) fn of(first: &[u8]) -> Self {
        match first {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            // A skippable frame of Zstandard, which some tools write first.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            _ => Self::Plain,
        }
    }
}

/// Unpacked bytes of the files of an upload, each counted once however often it is opened.
#[derive(Debug)]
pub(crate) struct Meter {
    files: Vec<AtomicU64>,
    max: u64,
}

impl Meter {
    pub(crate) fn new(files: usize, max: u64) -> Self {
        Self { files: (0..files).map(|_| AtomicU64::new(0)).collect(), max }
    }

    /// Whether all files together are within the cap when `file` has given `bytes`.
    fn allows(&self, file: usize, bytes: u64) -> bool {
        if let Some(most) = self.files.get(file) {
            most.fetch_max(bytes, Ordering::Relaxed);
        }
        self.files.iter().fold(0_u64, |sum, most| sum.saturating_add(most.load(Ordering::Relaxed))) <= self.max
    }
}

/// The caps that hold for one file.
#[derive(Debug, Clone)]
pub(crate) struct Caps {
    pub(crate) meter: Arc<Meter>,
    /// Place of the file among those of the meter.
    pub(crate) file: usize,
    pub(crate) packed_bytes: u64,
    pub(crate) ratio_max: u64,
}

impl Caps {
    pub(crate) fn new(meter: &Arc<Meter>, file: usize, packed_bytes: u64, limits: &IntakeLimits) -> Self {
        Self { meter: Arc::clone(meter), file, packed_bytes, ratio_max: limits.unpack_ratio_max }
    }
}

enum Decoder {
    Plain(HashedFile),
    Gzip(Box<MultiGzDecoder<BufReader<HashedFile>>>),
    Zstd(zstd::Decoder<'static, BufReader<HashedFile>>),
}

impl Decoder {
    fn file(&self) -> &HashedFile {
        match self {
            Self::Plain(file) => file,
            Self::Gzip(decoder) => decoder.get_ref().get_ref(),
            Self::Zstd(decoder) => decoder.get_ref().get_ref(),
        }
    }
}

/// The unpacked bytes of one file.
pub(crate) struct PackedStream {
    /// Fit to be shown.
    name: String,
    decoder: Decoder,
    caps: Caps,
    bytes: u64,
    /// Bytes of the file that were read, for whoever wants to know how far this is.
    position: Arc<AtomicU64>,
}

impl fmt::Debug for PackedStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PackedStream").field("name", &self.name).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl PackedStream {
    /// `name` is fit to be shown.
    pub(crate) fn new(name: String, file: HashedFile, packing: Packing, caps: Caps) -> io::Result<Self> {
        let buffered = |file| BufReader::with_capacity(INPUT_BYTES, file);
        let decoder = match packing {
            Packing::Plain => Decoder::Plain(file),
            Packing::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(buffered(file)))),
            Packing::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(buffered(file))?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                Decoder::Zstd(decoder)
            }
        };
        Ok(Self { name, decoder, caps, bytes: 0, position: Arc::default() })
    }

    /// Bytes of the file that were read so far; goes on counting.
    pub(crate) fn position(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.position)
    }

    fn check(&self) -> Result<(), IntakeError> {
        let Caps { meter, file, packed_bytes, ratio_max } = &self.caps;
        if self.bytes > RATIO_FREE_BYTES && self.bytes > packed_bytes.saturating_mul(*ratio_max) {
            let message = format!(
                "{} unpacks to more than {ratio_max} bytes for each byte it takes (unpack_ratio_max)",
                self.name
            );
            return Err(refused(RefusalCode::LimitExceeded, message));
        }
        if !meter.allows(*file, self.bytes) {
            let max = meter.max;
            let message = format!("the files of the upload have more than {max} bytes (unpacked_bytes_max)");
            return Err(refused(RefusalCode::LimitExceeded, message));
        }
        Ok(())
    }

    fn fault(&self, error: io::Error) -> IntakeError {
        let name = &self.name;
        match &self.decoder {
            decoder if decoder.file().failed() => IntakeError::Io(error),
            Decoder::Plain(_) => IntakeError::Io(error),
            _ if error.kind() == io::ErrorKind::UnexpectedEof => {
                refused(RefusalCode::Truncated, format!("{name} is cut short: its packed bytes end too early"))
            }
            Decoder::Zstd(_) if error.to_string().contains("too much memory") => {
                let message =
                    format!("{name} needs more than 128 MiB of memory to be unpacked; pack it without a long window");
                refused(RefusalCode::LimitExceeded, message)
            }
            _ => refused(RefusalCode::WrongChecksum, format!("{name} is damaged: its packed bytes cannot be unpacked")),
        }
    }
}

fn refused(code: RefusalCode, message: String) -> IntakeError {
    IntakeError::Refused(Refusal::new(code, message))
}

impl ByteStream for PackedStream {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, IntakeError> {
        let read = loop {
            let read = match &mut self.decoder {
                Decoder::Plain(file) => file.read(buffer),
                Decoder::Gzip(decoder) => decoder.read(buffer),
                Decoder::Zstd(decoder) => decoder.read(buffer),
            };
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.fault(error)),
                Ok(read) => break read,
            }
        };
        self.bytes += read as u64;
        self.position.store(self.decoder.file().bytes(), Ordering::Relaxed);
        if !matches!(self.decoder, Decoder::Plain(_)) {
            self.check()?;
        }
        Ok(read)
    }
}
