//! Promise 1 and 4: a server killed without warning at any moment loses nothing it has acknowledged, does nothing twice, and
//! ends in the same results.

use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::StatusCode;
use reqwest::multipart::{Form, Part};

use crate::program::{PASSWORD, Server, USER, bordereau, data_folder};
use crate::results::{comparable, summary};

const KILLS: usize = 50;
const KEY: &str = "fdb46259-6eb0-4f6d-860d-a7886b05b138";
/// A batch that has not ended by then never will.
const PATIENCE: Duration = Duration::from_secs(120);

/// A client in a runtime of its own, so that the test itself can be plain code.
struct Client {
    runtime: tokio::runtime::Runtime,
    http: reqwest::Client,
}

impl Client {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self { runtime, http: reqwest::Client::new() }
    }

    fn url(server: &str, rest: &str) -> String {
        format!("{server}/solutions/batch/1/insureright/scoring{rest}")
    }

    /// Posts on a thread of its own; what was answered, or nothing when the connection broke.
    fn post(&self, server: &str, zip: Vec<u8>) -> mpsc::Receiver<Option<(StatusCode, String)>> {
        let (answered, answer) = mpsc::channel();
        let form = Form::new().part("file", Part::bytes(zip).file_name("book.zip"));
        let url = Self::url(server, &format!("?batchKey={KEY}"));
        let request = self.http.post(url).basic_auth(USER, Some(PASSWORD)).multipart(form);
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
    fn fetch(&self, server: &str) -> Vec<u8> {
        let began = Instant::now();
        loop {
            let request = self.http.get(Self::url(server, &format!("/{KEY}"))).basic_auth(USER, Some(PASSWORD));
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

fn book(folder: &Path) -> Vec<u8> {
    let demo = folder.join("demo");
    let status = bordereau().args(["demo", "--book-only", "--insureds", "3000", "--dir"]).arg(&demo).status().unwrap();
    assert!(status.success());
    std::fs::read(demo.join("book.zip")).unwrap()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn fifty_kills_at_random_moments_lose_nothing_and_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let zip = book(folder.path());
    let template = data_folder(folder.path());
    let client = Client::new();

    // Unharmed: what the results must be, and how long the way to them takes.
    let data = folder.path().join("unharmed");
    copy(&template, &data);
    let server = Server::start(&data, &[]);
    let began = Instant::now();
    let (status, key) = client.post(&server.url, zip.clone()).recv().unwrap().unwrap();
    assert_eq!((status, key.as_str()), (StatusCode::OK, KEY));
    let expected = comparable(&client.fetch(&server.url));
    let way = began.elapsed();
    drop(server);
    assert!(summary(&expected)["records"]["scored"].as_u64().unwrap() > 2_000);

    let seed = 20_261_124;
    let mut chance = StdRng::seed_from_u64(seed);
    let mut acknowledged = 0;
    for kill in 0..KILLS {
        let data = folder.path().join(format!("kill-{kill}"));
        copy(&template, &data);
        let mut server = Server::start(&data, &[]);
        let answer = client.post(&server.url, zip.clone());
        // A little beyond the end too: then the results are there and must stay as they are.
        std::thread::sleep(way.mul_f64(chance.random_range(0.0..1.1)));
        server.kill();
        let answer = answer.recv().unwrap();

        let mut server = Server::start(&data, &[]);
        match answer {
            Some((status, key)) => {
                assert_eq!((status, key.as_str()), (StatusCode::OK, KEY), "kill {kill} of seed {seed}");
                acknowledged += 1;
            }
            // Not acknowledged: the client sends it again under the same key, as it would after a broken connection.
            None => {
                let (status, key) = client.post(&server.url, zip.clone()).recv().unwrap().unwrap();
                assert_eq!((status, key.as_str()), (StatusCode::OK, KEY), "kill {kill} of seed {seed}");
            }
        }
        let results = comparable(&client.fetch(&server.url));
        assert_eq!(results.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        for (name, bytes) in &expected {
            assert!(results[name] == *bytes, "{name} differs after kill {kill} of seed {seed}");
        }
        server.kill();
        std::fs::remove_dir_all(&data).unwrap();
    }
    // Both sides of the acknowledgement were tried.
    println!("{acknowledged} of {KILLS} kills came after the acknowledgement");
    assert!(acknowledged > KILLS / 4, "only {acknowledged} kills came after the acknowledgement");
}
