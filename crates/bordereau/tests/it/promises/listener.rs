//! A client that follows the events of its customer by long polls, across restarts of the server.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use tokio::sync::watch;

use super::campaign::Campaign;

/// What was heard, in the order in which it came.
pub struct Listener {
    events: Mutex<Vec<Value>>,
    cursor: Mutex<String>,
    /// How many ends of batches and profiles were told.
    ends: watch::Sender<usize>,
    stopping: AtomicBool,
}

impl Listener {
    /// Begins with what happens from now on.
    pub async fn begin(campaign: &Campaign) -> Self {
        let (ends, stopping) = (watch::Sender::new(0), AtomicBool::new(false));
        let listener = Self { events: Mutex::default(), cursor: Mutex::default(), ends, stopping };
        listener.poll(campaign, "timeout=0").await;
        listener
    }

    /// Listens until [`Listener::stop`], and then to what there is.
    pub async fn listen(&self, campaign: &Campaign) {
        while !self.stopping.load(Ordering::Relaxed) {
            self.poll_on(campaign, 2).await;
        }
        while self.poll_on(campaign, 0).await > 0 {}
    }

    /// Ends [`Listener::listen`].
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Waits until the end of another batch or profile is told.
    pub async fn next_end(&self) {
        let _ = self.ends.subscribe().changed().await;
    }

    async fn poll_on(&self, campaign: &Campaign, timeout_s: u32) -> usize {
        let cursor = self.cursor.lock().unwrap().clone();
        self.poll(campaign, &format!("since={cursor}&timeout={timeout_s}")).await
    }

    /// One poll, repeated until it is answered: a client whose connection broke goes on from the cursor it has.
    async fn poll(&self, campaign: &Campaign, query: &str) -> usize {
        let answer = campaign.ask(|http, url| http.get(format!("{url}/solutions/longpoll/subscribe?{query}"))).await;
        let (status, body) = answer.text();
        assert_eq!(status, 200, "{body}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(answer.get("reset"), None, "a cursor of this log is good for ever");
        let events = answer["events"].as_array().unwrap();
        self.events.lock().unwrap().extend(events.iter().cloned());
        answer["cursor"].as_str().unwrap().clone_into(&mut self.cursor.lock().unwrap());
        let ends = events.iter().filter(|event| event["name"] == "batchFinished").count();
        self.ends.send_if_modified(|told| {
            *told += ends;
            ends > 0
        });
        events.len()
    }

    /// All events, in the order in which they came.
    pub fn events(&self) -> Vec<Value> {
        self.events.lock().unwrap().clone()
    }

    /// How often each event of each key was heard; panics when one is missing, came twice or out of turn.
    pub fn account(&self) -> BTreeMap<(String, String, String), usize> {
        let events = self.events.lock().unwrap();
        let first = events.first().map_or(1, |event| event["sequence"].as_u64().unwrap());
        let mut counts = BTreeMap::new();
        for (at, event) in events.iter().enumerate() {
            assert_eq!(event["sequence"].as_u64(), Some(first + at as u64), "a hole or a repetition in the events");
            let part = |name: &str| event[name].as_str().unwrap().to_owned();
            *counts.entry((part("batchKey"), part("submission"), part("name"))).or_default() += 1;
        }
        counts
    }
}
