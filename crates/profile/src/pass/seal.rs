//! The digest of a profile.

use crate::document::{Against, Alert, Profile, ProfileState, RelationLink, RelationProfile, UploadFacts};
use bordereau_base::digest::hex;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::io::{self, Write};

/// A profile without its digest and its timings; names and order as in [`Profile`].
#[derive(Serialize)]
struct Sealed<'a> {
    format: &'a str,
    state: ProfileState,
    share_read: f64,
    upload: &'a UploadFacts,
    relations: &'a [RelationProfile],
    links: &'a [RelationLink],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    against: &'a [Against],
    alerts: &'a [Alert],
    degraded: &'a [String],
}

/// Puts the digest into a profile: SHA-256 in hex of its JSON (as `serde_json` writes it without white space) without
/// the digest and the timings. Must be called after any change.
pub fn seal(profile: &mut Profile) {
    // Named one by one, so that a field that is added to the document is not forgotten here.
    let Profile { format, state, share_read, upload, relations, links, against, alerts, degraded, digest, timings: _ } =
        profile;
    let sealed =
        Sealed { format, state: *state, share_read: *share_read, upload, relations, links, against, alerts, degraded };
    let mut hasher = HashingWriter(Sha256::new());
    // Writing to a hasher cannot fail, and the document has nothing that JSON has no form for.
    let _ = serde_json::to_writer(&mut hasher, &sealed);
    *digest = hex(&hasher.0.finalize());
}

struct HashingWriter(Sha256);

impl Write for HashingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
