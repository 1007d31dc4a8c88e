//! A stream that cannot be read twice, kept in a file without a name.

use super::digest::DigestSlot;
use crate::error::{Error, Result};
use bordereau_base::refusal::RefusalCode;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

const READ_BYTES: usize = 256 << 10;

/// Keeps `stream` in a file that is gone when it is closed, and puts its digest into `slot`.
pub(crate) fn keep(mut stream: impl Read, scratch: &Path, bytes_max: u64, slot: &DigestSlot) -> Result<File> {
    let mut file = tempfile::tempfile_in(scratch)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; READ_BYTES];
    let mut bytes = 0_u64;
    loop {
        let read = match stream.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        let Some(read @ [_, ..]) = buffer.get(..read) else { break };
        bytes += read.len() as u64;
        if bytes > bytes_max {
            let message = format!("the upload has more than {bytes_max} bytes (upload_bytes_max)");
            return Err(Error::refused(RefusalCode::LimitExceeded, message));
        }
        hasher.update(read);
        file.write_all(read)?;
    }
    let _ = slot.set(hasher.finalize().into());
    Ok(file)
}
