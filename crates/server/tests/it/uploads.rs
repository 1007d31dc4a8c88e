use bordereau_server::ServerOptions;
use reqwest::header::RETRY_AFTER;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{World, said, until};
use crate::zips::sample;

const PATH: &str = "/solutions/batch/5/insureright/scoring";
const HEAD: &str = "POST /solutions/batch/5/insureright/scoring HTTP/1.1\r\nHost: x\r\n\
                    Authorization: Basic amFuZTpvcGVuc2VzYW1l\r\nContent-Type: multipart/form-data; boundary=x\r\n";
const PART: &str = "--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n";

/// An upload under way: the file is there, the body is not at its end.
async fn begin(world: &World) -> TcpStream {
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let begun = format!("{HEAD}Content-Length: 100000\r\n\r\n{PART}PK");
    stream.write_all(begun.as_bytes()).await.unwrap();
    until(|| world.files("incoming") == 1).await;
    stream
}

#[tokio::test]
async fn promise_3_an_upload_that_breaks_off_leaves_nothing() {
    let world = World::start().await;
    drop(begin(&world).await);
    until(|| world.files("incoming") == 0).await;
    assert_eq!(world.files("objects"), 0);
}

#[tokio::test]
async fn promise_8_an_upload_that_stands_still_is_cut_off_and_leaves_nothing() {
    let options = ServerOptions { body_idle_ms: 50, ..ServerOptions::default() };
    let world = World::start_with(|_| {}, options).await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let begun = format!("{HEAD}Content-Length: 100000\r\n\r\n{PART}PK");
    stream.write_all(begun.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 408 ") && answer.ends_with("The body came too slowly. Send it again."),
        "{answer}"
    );
    assert_eq!((world.files("incoming"), world.files("objects")), (0, 0));
}

#[tokio::test]
async fn promise_8_a_head_that_never_ends_is_cut_off() {
    let options = ServerOptions { head_ms: 50, ..ServerOptions::default() };
    let world = World::start_with(|_| {}, options).await;
    let answer = world.raw(b"POST / HTTP/1.1\r\nHost:").await;
    assert!(!answer.contains("200"), "{answer}");
}

#[tokio::test]
async fn an_upload_over_the_cap_is_refused_as_announced_or_as_counted() {
    let world = World::start_with(|options| options.limits.upload_bytes_max = 1_000, ServerOptions::default()).await;
    let sentence = "The upload has more than 1000 bytes.".to_owned();
    for bytes in [1_001, 3_000_000] {
        assert_eq!(said(world.post("jane", PATH, vec![0; bytes])).await, (413, sentence.clone()), "{bytes}");
    }
    let chunked =
        format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{PART}{}\r\n", PART.len() + 1_001, "P".repeat(1_001));
    let answer = world.raw(chunked.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains(&sentence), "{answer}");
    assert_eq!((world.files("incoming"), world.files("objects")), (0, 0));
}

#[tokio::test]
async fn too_many_uploads_at_once_are_told_to_come_back() {
    let world = World::start_with(|options| options.uploads_at_once = 1, ServerOptions::default()).await;
    let first = begin(&world).await;
    let response = world.post("jane", PATH, sample()).send().await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()[RETRY_AFTER]), (429, &"2".parse().unwrap()));
    assert_eq!(response.text().await.unwrap(), "Too many uploads at once. Try again later.");
    drop(first);
    until(|| world.files("incoming") == 0).await;
    assert_eq!(said(world.post("jane", PATH, sample())).await.0, 200);
}

/// One connection has an upload under way when the shutdown begins, another is kept open: the first is let finish, the
/// second is told that the server goes.
#[tokio::test]
async fn a_shutdown_lets_uploads_under_way_finish_and_begins_none() {
    let world = World::start().await;
    let mut under_way = TcpStream::connect(world.address).await.unwrap();
    let rest = "\r\n--x--\r\n";
    let length = PART.len() + sample().len() + rest.len();
    let begun = format!("{HEAD}Content-Length: {length}\r\n\r\n{PART}");
    under_way.write_all(begun.as_bytes()).await.unwrap();
    until(|| world.files("incoming") == 1).await;
    world.stop();
    until(|| std::net::TcpStream::connect(world.address).is_err()).await;
    under_way.write_all(&[&sample(), rest.as_bytes()].concat()).await.unwrap();
    let mut answer = String::new();
    under_way.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(world.files("objects"), 1);
    world.ended().await;
}

/// Parts that a parser would have to hold as a whole: headers without an end, text without a boundary.
#[tokio::test]
async fn promise_7_what_would_have_to_be_held_in_memory_is_bounded() {
    let world = World::start().await;
    let filler = "x".repeat(4 << 20);
    for body in [filler.clone(), format!("--x\r\n{filler}"), format!("--x{}", " ".repeat(4 << 20))] {
        let request = format!("{HEAD}Content-Length: {}\r\n\r\n{body}", body.len());
        let answer = world.raw(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 ") || answer.is_empty(), "{}", &answer[..answer.len().min(200)]);
    }
    assert_eq!(world.files("incoming"), 0);
}
