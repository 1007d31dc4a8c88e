//! Promises 7 and 8: bodies that nobody should send, and clients that send or take as good as nothing.

use std::time::Duration;

use bordereau_server::ServerOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use crate::world::{World, said, until};
use crate::zips::sample;

const PATH: &str = "/api/2/batch/insureright/scoring";
const NOT_MULTIPART: &str = "The body is not multipart/form-data. Send the zip in a part named file or batch-file.";
const NO_PART: &str = "The body has no part named file or batch-file. Send the zip in a part of one of these names.";
const TWO_PARTS: &str = "The body has more than one part named file or batch-file. Send one zip in one part.";
const BROKEN: &str = "The multipart body breaks off or is not well-formed.";
const NOT_A_ZIP: &str = "error opening zipfile zipfile could not be opened";
const TOO_SLOW: &str = "The body came too slowly. Send it again.";
const FORM: &str = "multipart/form-data; boundary=x";

fn head(kind: &str, rest: &str) -> String {
    format!(
        "POST {PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Basic amFuZTpvcGVuc2VzYW1l\r\n\
         Content-Type: {kind}\r\n{rest}\r\n"
    )
}

fn part(name: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}

/// A request with a body, whose length is stated as it is.
fn request(kind: &str, body: &[u8]) -> Vec<u8> {
    [head(kind, &format!("Content-Length: {}\r\n", body.len())).as_bytes(), body].concat()
}

fn chunked(body: &str) -> Vec<u8> {
    [head(FORM, "Transfer-Encoding: chunked\r\n").as_bytes(), body.as_bytes()].concat()
}

/// Requests by what is wrong with them, and the answer.
fn cases() -> Vec<(&'static str, Vec<u8>, u16, &'static str)> {
    let zip = sample();
    let (whole, end) = (part("file", &zip), b"--x--\r\n".as_slice());
    let many: Vec<u8> = (0..20_000).flat_map(|number| part(&format!("part {number}"), b"x")).collect();
    let wide = "y".repeat(71);
    let nested = b"Content-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\nPK\r\n--y--";
    vec![
        ("no boundary", request("multipart/form-data", &whole), 400, NOT_MULTIPART),
        ("an empty boundary", request("multipart/form-data; boundary=", &whole), 400, NOT_MULTIPART),
        ("a wide boundary", request(&format!("multipart/form-data; boundary={wide}"), &whole), 400, NOT_MULTIPART),
        ("another kind", request("application/zip", &zip), 400, NOT_MULTIPART),
        ("a kind that is none", request("; ;;=\"", &zip), 400, NOT_MULTIPART),
        ("an empty body", request(FORM, b""), 400, BROKEN),
        ("no parts", request(FORM, end), 400, NO_PART),
        (
            "parts of other names",
            request(FORM, &[part("", &zip), part("File", &zip), end.to_vec()].concat()),
            400,
            NO_PART,
        ),
        ("very many parts", request(FORM, &[&many, end].concat()), 400, NO_PART),
        ("two zips", request(FORM, &[&whole, &part("batch-file", &zip), end].concat()), 400, TWO_PARTS),
        ("no last boundary", request(FORM, &whole), 400, BROKEN),
        ("half a boundary", request(FORM, &[&whole[..], b"--"].concat()), 400, BROKEN),
        ("a part without a blank line", request(FORM, b"--x\r\nContent-Disposition: form-data"), 400, BROKEN),
        ("a form in the part", request(FORM, &[&part("file", nested), end].concat()), 400, NOT_A_ZIP),
        ("an empty zip", request(FORM, &[&part("file", b""), end].concat()), 400, NOT_A_ZIP),
        ("a chunk that is none", chunked("what?\r\n"), 400, BROKEN),
        ("a chunk of all numbers", chunked("ffffffffffffffff\r\nabc"), 408, TOO_SLOW),
        ("a flood of extensions", chunked(&format!("5;{}\r\nhello\r\n0\r\n\r\n", "e".repeat(1 << 20))), 400, BROKEN),
        ("a short length", [head(FORM, "Content-Length: 40\r\n").as_bytes(), &whole, end].concat(), 400, BROKEN),
    ]
}

#[tokio::test]
async fn promise_8_each_body_that_is_none_is_told_why_and_leaves_nothing() {
    // One that never comes is not waited for much.
    let options = ServerOptions { body_idle_ms: 300, ..ServerOptions::default() };
    let world = World::start_with(|_| {}, options).await;
    let mut others = Vec::new();
    for (what, request, status, sentence) in cases() {
        let answer = world.raw(&request).await;
        let as_said =
            answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.ends_with(&format!("\r\n\r\n{sentence}"));
        if !as_said {
            others.push(format!("{what}: {answer}"));
        }
        until(|| world.files("incoming") == 0).await;
    }
    assert!(others.is_empty(), "{}", others.join("\n\n"));
    assert_eq!(world.files("objects"), 0);
    assert_eq!(said(world.post("jane", PATH, sample())).await.0, 200);
}

/// More length is announced than sent, and the client goes: there is nobody to tell.
#[tokio::test]
async fn promise_8_a_body_that_is_shorter_than_its_length_leaves_nothing() {
    let world = World::start().await;
    let mut stream = tokio::net::TcpStream::connect(world.address).await.unwrap();
    let body = part("file", &sample());
    let announced = head(FORM, &format!("Content-Length: {}\r\n", body.len() + 7));
    stream.write_all(&[announced.as_bytes(), &body].concat()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    until(|| world.files("incoming") == 0).await;
    assert_eq!(world.files("objects"), 0);
}

#[tokio::test]
async fn promise_7_a_flood_of_headers_is_cut_off() {
    let world = World::start().await;
    for headers in [101, 100_000] {
        let flood = format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: y\r\n".repeat(headers));
        let answer = world.raw(flood.as_bytes()).await;
        // The rest of a large one is not read, and may take the answer with it.
        assert!(answer.starts_with("HTTP/1.1 431 ") || (headers > 101 && answer.is_empty()), "{headers}: {answer}");
    }
    assert_eq!(said(world.client.get(world.url("/healthz"))).await.0, 200);
}

/// A byte now and then is enough for a limit on silence, and would hold one of few places for ever.
#[tokio::test]
async fn promise_8_an_upload_that_drips_is_cut_off() {
    let options = ServerOptions { body_idle_ms: 120, ..ServerOptions::default() };
    let world = World::start_with(|options| options.uploads_at_once = 1, options).await;
    let stream = tokio::net::TcpStream::connect(world.address).await.unwrap();
    let (mut from, mut to) = stream.into_split();
    let begun = [head(FORM, "Content-Length: 100000\r\n").as_bytes(), &part("file", b"PK")[..]].concat();
    to.write_all(&begun).await.unwrap();
    let dripping = tokio::spawn(async move {
        while to.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let mut answer = String::new();
    let _ = from.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.ends_with(TOO_SLOW), "{answer}");
    until(|| world.files("incoming") == 0).await;
    assert_eq!(said(world.post("jane", PATH, sample())).await.0, 200);
    dripping.abort();
}

/// One that asks and asks and reads no answer.
#[tokio::test]
async fn promise_8_a_client_that_takes_nothing_is_cut_off() {
    let options = ServerOptions { write_idle_ms: 100, ..ServerOptions::default() };
    let world = World::start_with(|_| {}, options).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(world.address).await.unwrap();
    let asking = async {
        while stream.write_all(b"GET /api/2/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n").await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), asking).await.expect("the server ends the connection");
}
