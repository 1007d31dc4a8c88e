//! Customers who send their uploads in pieces (tus), and some who think better of it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bordereau_base::ids::BatchKey;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::RequestBuilder;
use sha2::{Digest, Sha256};
use std::sync::atomic::Ordering;

use super::campaign::{Answer, Campaign};

/// An upload has about so many pieces.
const PIECES: usize = 8;
const CREATED: u16 = 201;
const TAKEN: u16 = 204;
const NOT_THERE: u16 = 404;
/// A piece of before the break is still being put away.
const LOCKED: u16 = 423;

fn tus(request: RequestBuilder) -> RequestBuilder {
    request.header("Tus-Resumable", "1.0.0")
}

fn offset(answer: &Answer) -> usize {
    answer.header("upload-offset").unwrap().parse().unwrap()
}

impl Campaign {
    /// Sends an upload that is to be scored in pieces, some with checksums, until it is there as a whole. Whatever the
    /// server has said to be there must be there when it is asked again.
    pub async fn send_in_pieces(&self, key: BatchKey, zip: &[u8]) {
        let mut chance =
            StdRng::seed_from_u64(key.to_string()[..8].bytes().fold(0, |sum, digit| sum * 31 + u64::from(digit)));
        if chance.random_range(0..3) == 0 {
            self.think_better(zip, &mut chance).await;
        }
        let place = self.create(Some(key), zip.len()).await;
        let (mut acknowledged, mut sent) = (0, 0);
        loop {
            let there = self.look(&place).await;
            assert_eq!(there.status, 200, "{place} is gone");
            let at = offset(&there);
            assert!((acknowledged..=sent).contains(&at), "{place} is at {at}; {acknowledged} were acknowledged");
            if at == zip.len() {
                return;
            }
            let to = (at + chance.random_range(1..=2 * zip.len() / PIECES)).min(zip.len());
            sent = sent.max(to);
            if let Some(taken) = self.piece(&place, at, &zip[at..to], chance.random_range(0..2) == 0).await {
                assert_eq!((taken.status, offset(&taken)), (TAKEN, to), "{}", String::from_utf8_lossy(&taken.body));
                acknowledged = to;
            }
        }
    }

    /// Begins an upload and removes it again; what was said to be gone stays so.
    async fn think_better(&self, zip: &[u8], chance: &mut StdRng) {
        let place = self.create(None, zip.len()).await;
        let to = chance.random_range(1..zip.len());
        let _ = self.piece(&place, 0, &zip[..to], false).await;
        loop {
            let gone = self.ask(|http, url| tus(http.delete(format!("{url}{place}")))).await;
            match gone.status {
                TAKEN | NOT_THERE => break,
                LOCKED => {}
                status => panic!("removing {place}: {status}"),
            }
        }
        assert_eq!(self.look(&place).await.status, NOT_THERE);
        self.removed.lock().unwrap().push(place);
    }

    /// What was removed must not be there.
    pub async fn hold_removed(&self) -> usize {
        let removed = self.removed.lock().unwrap().clone();
        for place in &removed {
            assert_eq!(self.look(place).await.status, NOT_THERE, "{place} was removed");
        }
        removed.len()
    }

    async fn create(&self, key: Option<BatchKey>, bytes: usize) -> String {
        let key = key.unwrap_or_else(BatchKey::random).to_string();
        let pairs = [("solution", "insureright"), ("submission", "scoring"), ("batchKey", key.as_str())];
        let metadata = pairs.map(|(name, value)| format!("{name} {}", BASE64_STANDARD.encode(value))).join(",");
        let answer = self.ask(|http, url| {
            let request = tus(http.post(format!("{url}/api/2/uploads"))).header("Upload-Length", bytes);
            request.header("Upload-Metadata", metadata.clone())
        });
        let answer = answer.await;
        assert_eq!(answer.status, CREATED, "{}", String::from_utf8_lossy(&answer.body));
        answer.header("location").unwrap().to_owned()
    }

    async fn look(&self, place: &str) -> Answer {
        self.ask(|http, url| tus(http.head(format!("{url}{place}")))).await
    }

    /// Sends one piece once; none when the line broke or the piece before it is still being put away.
    async fn piece(&self, place: &str, at: usize, bytes: &[u8], is_summed: bool) -> Option<Answer> {
        let request = |http: &reqwest::Client, url: &str| {
            let request = tus(http.patch(format!("{url}{place}"))).header("Upload-Offset", at);
            let request = request.header("Content-Type", "application/offset+octet-stream").body(bytes.to_vec());
            match is_summed {
                true => request
                    .header("Upload-Checksum", format!("sha256 {}", BASE64_STANDARD.encode(Sha256::digest(bytes)))),
                false => request,
            }
        };
        self.sending_pieces.fetch_add(1, Ordering::Relaxed);
        let answer = self.once(&request).await;
        self.sending_pieces.fetch_sub(1, Ordering::Relaxed);
        answer.filter(|answer| answer.status != LOCKED)
    }
}
