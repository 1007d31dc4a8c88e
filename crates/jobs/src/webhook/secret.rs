//! Secrets of webhooks and the signatures made with them, by Standard Webhooks 1.0. Pure.
//!
//! A message is signed by HMAC-SHA256 over `id.timestamp.payload` with the secret's bytes. The header holds one
//! signature for each secret in use, so that a receiver may take a new one into use without missing a message.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use rand::RngExt;
use sha2::Sha256;

const SECRET_BYTES: usize = 32;

/// What messages to one webhook are signed with. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// A fresh random one.
    pub(crate) fn random() -> Self {
        Self(rand::rng().random::<[u8; SECRET_BYTES]>().to_vec())
    }

    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// As its owner is shown it, once: `whsec_` and base64.
    pub fn reveal(&self) -> String {
        format!("whsec_{}", BASE64_STANDARD.encode(&self.0))
    }

    fn sign(&self, id: &str, timestamp_s: i64, payload: &[u8]) -> String {
        // HMAC takes a key of any length, so there is always a signature.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            return String::new();
        };
        mac.update(format!("{id}.{timestamp_s}.").as_bytes());
        mac.update(payload);
        format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The header `webhook-signature`: a signature by each secret, parted by spaces.
pub(crate) fn signatures(secrets: &[Secret], id: &str, timestamp_s: i64, payload: &[u8]) -> String {
    let each: Vec<String> = secrets.iter().map(|secret| secret.sign(id, timestamp_s, payload)).collect();
    each.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    #[test]
    fn the_signature_is_that_of_the_specification() {
        let secret = Secret(BASE64_STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap());
        assert_eq!(secret.reveal(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let payload = br#"{"test": 2432232314}"#;
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(
            signatures(std::slice::from_ref(&secret), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, payload),
            expected
        );
        let both = signatures(&[Secret::random(), secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, payload);
        let (new, old) = both.split_once(' ').unwrap();
        assert_eq!((old, new.len()), (expected, expected.len()));
    }

    #[test]
    fn a_secret_is_random_and_never_printed() {
        assert_ne!(Secret::random(), Secret::random());
        assert_eq!(format!("{:?}", Secret::random()), "Secret(..)");
    }
}
