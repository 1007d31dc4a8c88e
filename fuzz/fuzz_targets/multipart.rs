//! The first line is a media type, all else the body; what comes of it is the same however the body arrives.
#![no_main]

#[allow(dead_code)]
#[path = "../../crates/server/src/multipart/parts.rs"]
mod parts;

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use parts::{FilePart, PartFault};

fuzz_target!(|bytes: &[u8]| {
    let Some(at) = bytes.iter().position(|byte| *byte == b'\n') else { return };
    let stated = std::str::from_utf8(&bytes[..at]).ok().and_then(parts::boundary);
    let boundary = stated.unwrap_or_else(|| "cut".to_owned());
    let body = &bytes[at + 1..];
    let whole = read(body, &boundary, body.len().max(1));
    for piece_bytes in [1, 5, 64] {
        assert_eq!(read(body, &boundary, piece_bytes), whole, "in pieces of {piece_bytes}");
    }
});

fn read(body: &[u8], boundary: &str, piece_bytes: usize) -> Result<Vec<u8>, PartFault> {
    let pieces: Vec<_> =
        body.chunks(piece_bytes).map(|piece| Ok::<_, Infallible>(Bytes::copy_from_slice(piece))).collect();
    let reading = async {
        let pieces = futures::stream::iter(pieces);
        let mut file = FilePart::of(pieces, boundary.to_owned(), 1 << 20, Duration::from_secs(600));
        let mut bytes = Vec::new();
        while let Some(piece) = file.next().await? {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    };
    RUNTIME.with(|runtime| runtime.block_on(reading))
}

thread_local! {
    static RUNTIME: tokio::runtime::Runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
}
