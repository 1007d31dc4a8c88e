//! Three bytes say how a file is called and cut, all else is the file; its rows are the same for any cut.
#![no_main]

use std::io::{Cursor, Read as _};

use bordereau_base::limits::IntakeLimits;
use bordereau_fuzz::intake::{ByteStream, EntryKind, IntakeError, Rows};
use bordereau_fuzz::rows::{self, Read};
use libfuzzer_sys::fuzz_target;

const KINDS: [EntryKind; 4] = [EntryKind::Csv, EntryKind::Psv, EntryKind::Tsv, EntryKind::Txt];

fuzz_target!(|bytes: &[u8]| {
    let [kind, block_bytes, piece_bytes, file @ ..] = bytes else { return };
    let kind = KINDS[usize::from(*kind) % KINDS.len()];
    let whole = read(file, kind, 1 << 20, file.len());
    let cut = read(file, kind, usize::from(*block_bytes) + 1, usize::from(*piece_bytes) + 1);
    assert_eq!(cut, whole);
});

fn read(file: &[u8], kind: EntryKind, block_bytes: usize, piece_bytes: usize) -> Result<Read, String> {
    let limits = IntakeLimits { columns_max: 200, line_bytes_max: 1000, ..IntakeLimits::default() };
    let stream = Pieces { bytes: Cursor::new(file.to_vec()), piece_bytes: piece_bytes.max(1) };
    rows::read(Rows::of_stream("file", kind, Box::new(stream), &limits, block_bytes))
}

/// A file that comes a piece at a time.
#[derive(Debug)]
struct Pieces {
    bytes: Cursor<Vec<u8>>,
    piece_bytes: usize,
}

impl ByteStream for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, IntakeError> {
        let room = buffer.len().min(self.piece_bytes);
        Ok(self.bytes.read(&mut buffer[..room])?)
    }
}
