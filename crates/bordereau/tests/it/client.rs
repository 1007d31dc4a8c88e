//! A customer's integrator: the HTTP lines of the specification.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::multipart::{Form, Part};

use crate::program::{PASSWORD, USER};

/// A batch that has not ended by then never will.
const PATIENCE: Duration = Duration::from_secs(240);

/// A client in a runtime of its own, so that the test itself can be plain code.
pub struct Client {
    solution: &'static str,
    runtime: tokio::runtime::Runtime,
    http: reqwest::Client,
}

/// A client of HTTP, for tests with a runtime of their own.
pub fn http() -> reqwest::Client {
    // Only the first one of a process is installed; all are the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

impl Client {
    pub fn new(solution: &'static str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self { solution, runtime, http: http() }
    }

    fn url(&self, server: &str, rest: &str) -> String {
        format!("{server}/solutions/batch/1/{}/scoring{rest}", self.solution)
    }

    /// Posts on a thread of its own; what was answered, or nothing when the connection broke.
    pub fn post(&self, server: &str, zip: Vec<u8>, query: &str) -> mpsc::Receiver<Option<(StatusCode, String)>> {
        let (answered, answer) = mpsc::channel();
        let form = Form::new().part("file", Part::bytes(zip).file_name("book.zip"));
        let request = self.http.post(self.url(server, query)).basic_auth(USER, Some(PASSWORD)).multipart(form);
        self.runtime.spawn(async move {
            let result = async {
                let response = request.send().await.ok()?;
                Some((response.status(), response.text().await.ok()?))
            };
            // The test may have ended.
            let _ = answered.send(result.await);
        });
        answer
    }

    /// Asks until the results are there.
    pub fn fetch(&self, server: &str, key: &str) -> Vec<u8> {
        let began = Instant::now();
        loop {
            let request = self.http.get(self.url(server, &format!("/{key}"))).basic_auth(USER, Some(PASSWORD));
            let (status, body) = self.runtime.block_on(async {
                let response = request.send().await.unwrap();
                (response.status(), response.bytes().await.unwrap())
            });
            match status {
                StatusCode::OK => return body.to_vec(),
                StatusCode::NOT_FOUND => assert!(began.elapsed() < PATIENCE, "the batch never ended"),
                other => panic!("{other}: {}", String::from_utf8_lossy(&body)),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
