//! Operating a server: stopping it while it works, back-up and restoring, traces.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use prost::Message;
use reqwest::StatusCode;

use crate::client::Client;
use crate::program::{Server, bordereau, data_folder, run, said};
use crate::results::comparable;

const KEY: &str = "fdb46259-6eb0-4f6d-860d-a7886b05b138";

fn book(folder: &std::path::Path, insureds: &str) -> Vec<u8> {
    let demo = folder.join("demo");
    let made = bordereau().args(["demo", "--book-only", "--insureds", insureds, "--dir"]).arg(&demo).status().unwrap();
    assert!(made.success());
    std::fs::read(demo.join("book.zip")).unwrap()
}

/// What the server says of the batch.
fn state(url: &str) -> String {
    let mut answer = Vec::new();
    let mut stream = ask(url, &format!("GET /api/2/batches/{KEY}"));
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn terminate(server: &Server) {
    assert!(Command::new("kill").arg(server.id().to_string()).status().unwrap().success());
}

/// Sends a request, and gives the connection, which ends with the answer.
fn ask(url: &str, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    // ann:correct horse
    let head = "Host: x\r\nAuthorization: Basic YW5uOmNvcnJlY3QgaG9yc2U=\r\nConnection: close\r\n\r\n";
    stream.write_all(format!("{request} HTTP/1.1\r\n{head}").as_bytes()).unwrap();
    stream
}

#[test]
fn a_server_that_is_told_to_stop_answers_who_waits_and_gives_back_what_runs() {
    let folder = tempfile::tempdir().unwrap();
    let data = data_folder(folder.path());
    let zip = book(folder.path(), "20000");
    let client = Client::new("insureright");
    let mut server = Server::start(&data, &[]);
    let (status, _) = client.post(&server.url, zip, &format!("?batchKey={KEY}")).recv().unwrap().unwrap();
    assert_eq!(status, StatusCode::OK);
    let began = Instant::now();
    while !state(&server.url).contains("\"state\":\"running\",\"attempt\"") {
        assert!(began.elapsed() < Duration::from_secs(120), "it never ran");
    }
    let mut waiting = ask(&server.url, "GET /solutions/longpoll/subscribe?filter=name,batchFailed&timeout=300");
    // Connections are taken one after the other: what is answered on a later one says that the server has that one.
    for _ in 0..3 {
        assert!(state(&server.url).starts_with("HTTP/1.1 200"));
    }
    terminate(&server);
    let mut answer = String::new();
    waiting.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"cursor\""), "{answer}");
    assert_eq!(server.wait(), 0);
    let mut server = Server::start(&data, &[]);
    assert!(!client.fetch(&server.url, KEY).is_empty());
    server.kill();
}

/// Stopped again and again while it scores, each time a little further.
#[test]
fn promise_1_4_a_server_that_is_told_to_stop_saves_what_is_scored_and_scores_on_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let template = data_folder(folder.path());
    let zip = book(folder.path(), "30000");
    let client = Client::new("insureright");
    let whole = folder.path().join("whole");
    crate::kill::copy(&template, &whole);
    let mut server = Server::start(&whole, &[]);
    client.post(&server.url, zip.clone(), &format!("?batchKey={KEY}")).recv().unwrap().unwrap();
    let expected = comparable(&client.fetch(&server.url, KEY));
    server.kill();

    // On one thread, so that there is time to stop it.
    let start = || Server::start_in(&template, &[], &[("BORDEREAU_THREADS", "1")]);
    let mut server = start();
    client.post(&server.url, zip, &format!("?batchKey={KEY}")).recv().unwrap().unwrap();
    let results = template.join("objects/results/1");
    let (mut scored, mut saved) = (0, 0);
    while saved < 2 {
        // Until some more records are scored, or all are and there is nothing left to stop.
        let now = loop {
            let state = state(&server.url);
            let number = state.split("\"recordsScored\":").nth(1).and_then(|rest| rest.split([',', '}']).next());
            let now = number.and_then(|number| number.parse::<u64>().ok()).unwrap_or_default();
            if now > scored || state.contains("\"state\":\"finished\"") {
                break now;
            }
        };
        terminate(&server);
        assert_eq!(server.wait(), 0);
        let names: Vec<_> = std::fs::read_dir(&results).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        let names: Vec<String> = names.into_iter().map(|name| name.into_string().unwrap()).collect();
        server = start();
        match names[..] {
            [ref name] if name.ends_with(".checkpoint") => (scored, saved) = (now, saved + 1),
            [ref name] if name.ends_with(".zip") => break,
            _ => panic!("{names:?}"),
        }
    }
    assert!(saved > 0, "all was scored before the server could be stopped");
    assert!(comparable(&client.fetch(&server.url, KEY)) == expected);
    server.kill();
}

#[test]
fn a_backup_of_a_running_server_is_restored_with_the_same_results() {
    let folder = tempfile::tempdir().unwrap();
    let data = data_folder(folder.path());
    let zip = book(folder.path(), "300");
    let client = Client::new("insureright");
    let mut server = Server::start(&data, &[]);
    client.post(&server.url, zip, &format!("?batchKey={KEY}")).recv().unwrap().unwrap();
    let results = client.fetch(&server.url, KEY);
    let (target, restored) = (folder.path().join("backup"), folder.path().join("restored"));
    let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let (code, text, errors) = said(&run(["backup", &path(&target), "--data", &path(&data)]));
    assert_eq!((code, text.starts_with("backed up: the store and ")), (0, true), "{text}{errors}");
    server.kill();
    assert_eq!(said(&run(["backup", &path(&target), "--data", &path(&data)])).0, 64);
    assert_eq!(said(&run(["restore", &path(&target), "--data", &path(&data)])).0, 64, "what is there is kept");
    let (code, text, errors) = said(&run(["restore", &path(&target), "--data", &path(&restored)]));
    assert_eq!(code, 0, "{text}{errors}");
    let mut server = Server::start(&restored, &[]);
    assert!(client.fetch(&server.url, KEY) == results);
    server.kill();
}

/// A span of a request to a collector, as far as it is looked at.
#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(bytes, tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes, tag = "4")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(fixed64, tag = "7")]
    start_ns: u64,
    #[prost(fixed64, tag = "8")]
    end_ns: u64,
}

#[derive(Clone, PartialEq, Message)]
struct Spans {
    #[prost(message, repeated, tag = "2")]
    spans: Vec<Span>,
}

#[derive(Clone, PartialEq, Message)]
struct OfResource {
    #[prost(message, repeated, tag = "2")]
    scopes: Vec<Spans>,
}

#[derive(Clone, PartialEq, Message)]
struct Exported {
    #[prost(message, repeated, tag = "1")]
    resources: Vec<OfResource>,
}

/// A collector on loopback; the spans it is sent.
fn collector() -> (String, mpsc::Receiver<(String, Vec<Span>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut bytes = Vec::new();
            let (head, length) = loop {
                let mut piece = [0; 4096];
                let read = stream.read(&mut piece).unwrap();
                bytes.extend_from_slice(&piece[..read]);
                let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
                let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
                let length: usize = length.parse().unwrap();
                if bytes.len() >= end + 4 + length {
                    break (head, length);
                }
            };
            let exported = Exported::decode(&bytes[bytes.len() - length..]).unwrap();
            let spans = exported.resources.into_iter().flat_map(|of| of.scopes).flat_map(|of| of.spans).collect();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
            if sender.send((head, spans)).is_err() {
                return;
            }
        }
    });
    (url, receiver)
}

#[test]
fn a_batch_is_traced_over_its_stages_when_the_environment_names_a_collector() {
    let folder = tempfile::tempdir().unwrap();
    let data = data_folder(folder.path());
    let zip = book(folder.path(), "300");
    let (url, collected) = collector();
    let client = Client::new("insureright");
    let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()), ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=secret")];
    let mut server = Server::start_in(&data, &[], &environment);
    client.post(&server.url, zip, &format!("?batchKey={KEY}")).recv().unwrap().unwrap();
    client.fetch(&server.url, KEY);
    let mut spans: Vec<Span> = Vec::new();
    while !spans.iter().any(|span| span.name == "batch") {
        let (head, more) = collected.recv_timeout(Duration::from_secs(60)).expect("a batch is traced");
        assert!(head.starts_with("post /v1/traces ") && head.contains("x-key: secret"), "{head}");
        spans.extend(more);
    }
    server.kill();
    let root = spans.iter().find(|span| span.name == "batch").unwrap();
    assert!(root.parent_span_id.is_empty());
    for name in ["wait", "validate", "link", "score", "pack"] {
        let span = spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no span {name}"));
        assert_eq!(span.trace_id, root.trace_id);
        assert!(root.start_ns <= span.start_ns && span.start_ns <= span.end_ns && span.end_ns <= root.end_ns, "{name}");
    }
}
