//! A receiver of webhooks, which outlives every server that sends to it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::program::{run, said};

/// How long an answer takes at the most, so that many kills come between a message and its answer.
const ANSWER_MS_MAX: u64 = 40;
const PATIENCE: Duration = Duration::from_secs(600);

/// A message as it came.
struct Message {
    head: BTreeMap<String, String>,
    body: String,
}

/// What was received.
pub struct Receiver {
    messages: Mutex<Vec<Message>>,
    count: watch::Sender<usize>,
    /// Messages that are not answered yet.
    unanswered: AtomicUsize,
    answers: watch::Sender<bool>,
}

impl Receiver {
    /// Listens; the address to be called.
    pub async fn begin() -> (Arc<Self>, String) {
        let (count, answers) = (watch::Sender::new(0), watch::Sender::new(true));
        let receiver = Arc::new(Self { messages: Mutex::default(), count, unanswered: AtomicUsize::new(0), answers });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        let listening = Arc::clone(&receiver);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let receiver = Arc::clone(&listening);
                tokio::spawn(async move { receiver.serve(stream).await });
            }
        });
        (receiver, url)
    }

    /// Takes messages of one connection until it ends.
    async fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let mut bytes = Vec::new();
        loop {
            let message = next(&mut stream, &mut bytes).await?;
            let wait_ms = message.body.bytes().map(u64::from).sum::<u64>() % ANSWER_MS_MAX;
            self.messages.lock().unwrap().push(message);
            self.unanswered.fetch_add(1, Ordering::Relaxed);
            self.count.send_modify(|count| *count += 1);
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            let _ = self.answers.subscribe().wait_for(|answers| *answers).await;
            self.unanswered.fetch_sub(1, Ordering::Relaxed);
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.ok()?;
        }
    }

    /// Waits until another message is there.
    pub async fn next(&self) {
        let _ = self.count.subscribe().changed().await;
    }

    /// Waits until there are so many messages.
    pub async fn has(&self, count: usize) {
        let _ = self.count.subscribe().wait_for(|came| *came >= count).await;
    }

    /// Takes messages and answers none until [`Receiver::answer`].
    pub fn keep_silent(&self) {
        self.answers.send_replace(false);
    }

    /// Answers what waits and what will come.
    pub fn answer(&self) {
        self.answers.send_replace(true);
    }

    /// Whether a message is not answered yet.
    pub fn is_answering(&self) -> bool {
        self.unanswered.load(Ordering::Relaxed) > 0
    }

    /// Waits until the events, which are all there are, have come, and holds what came against them: each at least
    /// once, in order, signed, one `webhook-id` for each and the same bytes each time. How many came more than once.
    pub async fn hold(&self, events: &[Value], secret: &str) -> usize {
        let began = Instant::now();
        let wanted = events.last().map(|event| event["sequence"].as_u64());
        while wanted != self.last() {
            assert!(began.elapsed() < PATIENCE, "of {wanted:?} only {:?} came", self.last());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let messages = self.messages.lock().unwrap();
        let (mut ids, mut first) = (BTreeMap::new(), Vec::<Value>::new());
        let secret = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        for message in messages.iter() {
            assert!(message.is_signed(&secret), "{:?}", message.head);
            match ids.insert(message.head["webhook-id"].as_str(), message.body.as_str()) {
                Some(before) => assert_eq!(before, message.body, "the same id has the same bytes"),
                None => first.push(serde_json::from_str(&message.body).unwrap()),
            }
        }
        assert_eq!(first.len(), events.len());
        for (came, event) in first.iter().zip(events) {
            assert_eq!(came, event, "webhooks tell what long polls tell, in the same order");
        }
        messages.len() - first.len()
    }

    fn last(&self) -> Option<Option<u64>> {
        let messages = self.messages.lock().unwrap();
        let message = messages.last()?;
        Some(serde_json::from_str::<Value>(&message.body).unwrap()["sequence"].as_u64())
    }
}

impl Message {
    fn is_signed(&self, secret: &[u8]) -> bool {
        let (id, timestamp) = (&self.head["webhook-id"], &self.head["webhook-timestamp"]);
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
        mac.update(format!("{id}.{timestamp}.{}", self.body).as_bytes());
        self.head["webhook-signature"] == format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// Reads a message; `bytes` are those that came before and after. None at the end of the connection.
async fn next(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Message> {
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let text = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let pairs = text.lines().filter_map(|line| line.split_once(": "));
            let head: BTreeMap<_, _> =
                pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
            let whole = end + 4 + head["content-length"].parse::<usize>().unwrap();
            if bytes.len() >= whole {
                let body = String::from_utf8(bytes[end + 4..whole].to_vec()).unwrap();
                bytes.drain(..whole);
                return Some(Message { head, body });
            }
        }
        if stream.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// Has all events of the customer `valen` sent to `url`; the secret.
pub fn add_webhook(data: &std::path::Path, url: &str) -> String {
    let data = data.to_str().unwrap();
    let allowed = ["webhook", "add", url, "--customer", "valen", "--data", data];
    let output = crate::program::bordereau().args(allowed).env("BORDEREAU_WEBHOOK_NETWORKS", "127.0.0.0/8").output();
    let (code, text, errors) = said(&output.unwrap());
    assert_eq!(code, 0, "{errors}");
    text.lines().find_map(|line| line.strip_prefix("secret ")).unwrap().to_owned()
}

/// The lines of JSON that say what is contributed.
pub fn contributed(data: &std::path::Path) -> Vec<Value> {
    let (code, text, errors) = said(&run(["contributions", "--json", "--data", data.to_str().unwrap()]));
    assert_eq!(code, 0, "{errors}");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
