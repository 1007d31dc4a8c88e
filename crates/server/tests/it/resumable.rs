//! Resumable uploads over HTTP: tus 1.0.0.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::{Method, RequestBuilder, Response};

use crate::world::{PASSWORD, World, said};
use crate::zips::{sample, zip};

const KEY: &str = "ac5b3d51-50f8-40d1-e378-18f8db2fabc9";
const PIECE: &str = "application/offset+octet-stream";

fn ask(world: &World, user: &str, method: &str, path: &str) -> RequestBuilder {
    let method: Method = method.parse().unwrap();
    world.client.request(method, world.url(path)).basic_auth(user, Some(PASSWORD)).header("Tus-Resumable", "1.0.0")
}

fn metadata(solution: &str, submission: &str, more: &[(&str, &str)]) -> String {
    let pairs = [("solution", solution), ("submission", submission)].into_iter().chain(more.iter().copied());
    pairs.map(|(name, value)| format!("{name} {}", BASE64_STANDARD.encode(value))).collect::<Vec<_>>().join(",")
}

async fn create(world: &World, user: &str, bytes: usize, metadata: &str) -> Response {
    let request = ask(world, user, "POST", "/api/2/uploads").header("Upload-Length", bytes);
    request.header("Upload-Metadata", metadata).send().await.unwrap()
}

fn patch(world: &World, user: &str, path: &str, offset: usize, bytes: &[u8]) -> RequestBuilder {
    let request = ask(world, user, "PATCH", path).header("Upload-Offset", offset).header("Content-Type", PIECE);
    request.body(bytes.to_vec())
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_book_in_pieces_becomes_the_batch_it_would_have_been() {
    let world = World::start().await;
    let book = sample();
    let asked = metadata("insureright", "scoring", &[("batchKey", KEY), ("filename", "book.zip")]);
    let made = create(&world, "jane", book.len(), &asked).await;
    assert_eq!((made.status().as_u16(), header(&made, "batch-key")), (201, KEY));
    assert!(header(&made, "upload-expires").ends_with(" GMT"));
    let path = header(&made, "location").to_owned();
    let half = book.len() / 2;
    let first = patch(&world, "jane", &path, 0, &book[..half]).send().await.unwrap();
    assert_eq!((first.status().as_u16(), header(&first, "upload-offset")), (204, &*half.to_string()));
    let look = ask(&world, "jane", "HEAD", &path).send().await.unwrap();
    assert_eq!((look.status().as_u16(), header(&look, "upload-offset")), (200, &*half.to_string()));
    assert_eq!(
        (header(&look, "upload-length"), header(&look, "cache-control")),
        (&*book.len().to_string(), "no-store")
    );
    assert_eq!(header(&look, "upload-metadata"), asked);
    let wrong = patch(&world, "jane", &path, 0, &book).send().await.unwrap();
    assert_eq!(wrong.status(), 409);
    let sum = BASE64_STANDARD.encode([0; 20]);
    let corrupt = patch(&world, "jane", &path, half, &book[half..]).header("Upload-Checksum", format!("sha1 {sum}"));
    assert_eq!(corrupt.send().await.unwrap().status().as_u16(), 460);
    let last = patch(&world, "jane", &path, half, &book[half..]).send().await.unwrap();
    assert_eq!((last.status().as_u16(), header(&last, "upload-offset")), (204, &*book.len().to_string()));
    let results = format!("/api/2/batch/insureright/scoring/{KEY}");
    assert_eq!(world.run("jane", &results).await.status(), 200);
    let posted = world.post("jane", &format!("/api/2/batch/insureright/scoring?batchKey={KEY}"), book);
    assert_eq!(said(posted).await, (200, KEY.to_owned()), "the same bytes at once are the same batch");
}

/// A client that goes away in the middle of a piece, and comes back.
#[tokio::test]
async fn a_line_that_breaks_costs_what_was_not_received() {
    use tokio::io::AsyncWriteExt;

    let world = World::start().await;
    let book = sample();
    let made = create(&world, "jane", book.len(), &metadata("insureright", "scoring", &[])).await;
    let (path, key) = (header(&made, "location").to_owned(), header(&made, "batch-key").to_owned());
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n\
         Content-Type: {PIECE}\r\nContent-Length: {}\r\n\r\n",
        BASE64_STANDARD.encode(format!("jane:{PASSWORD}")),
        book.len()
    );
    let mut line = tokio::net::TcpStream::connect(world.address).await.unwrap();
    line.write_all(head.as_bytes()).await.unwrap();
    line.write_all(&book[..100]).await.unwrap();
    line.shutdown().await.unwrap();
    let mut offset = 0;
    while offset == 0 {
        let look = ask(&world, "jane", "HEAD", &path).send().await.unwrap();
        offset = header(&look, "upload-offset").parse().unwrap();
    }
    assert_eq!(offset, 100);
    let rest = loop {
        let answer = patch(&world, "jane", &path, 100, &book[100..]).send().await.unwrap();
        // The broken piece is let go of a moment after it is kept.
        if answer.status() != 423 {
            break answer;
        }
    };
    assert_eq!((rest.status().as_u16(), header(&rest, "batch-key")), (204, &*key));
    assert_eq!(said(world.get("jane", &format!("/api/2/batches/{key}"))).await.0, 200);
}

#[tokio::test]
async fn what_is_wrong_is_said_and_others_see_nothing() {
    let world = World::start().await;
    let both = metadata("insureright", "scoring", &[]);
    for (user, bytes, metadata, status) in [
        ("clerk", 10, both.clone(), 403),
        ("jane", 10, metadata("nothing", "scoring", &[]), 404),
        ("jane", 10, metadata("insureright", "scoring", &[("solutionVersion", "9")]), 404),
        ("jane", 0, both.clone(), 400),
        ("jane", 10, "solution aW5zdXJlcmlnaHQ=".to_owned(), 400),
        ("jane", usize::MAX >> 1, both.clone(), 413),
    ] {
        assert_eq!(create(&world, user, bytes, &metadata).await.status(), status, "{user} {bytes} {metadata}");
    }
    let bare = world.client.post(world.url("/api/2/uploads")).basic_auth("jane", Some(PASSWORD)).send().await.unwrap();
    assert_eq!((bare.status().as_u16(), header(&bare, "tus-version")), (412, "1.0.0"));
    let options = world.client.request(Method::OPTIONS, world.url("/api/2/uploads")).send().await.unwrap();
    assert_eq!((options.status().as_u16(), header(&options, "tus-checksum-algorithm")), (204, "sha1,sha256"));
    let made = create(&world, "jane", 10, &both).await;
    let path = header(&made, "location").to_owned();
    for user in ["joe", "nobody"] {
        for method in ["HEAD", "DELETE"] {
            assert_eq!(ask(&world, user, method, &path).send().await.unwrap().status(), 404, "{user} {method}");
        }
        assert_eq!(patch(&world, user, &path, 0, b"x").send().await.unwrap().status(), 404);
    }
    assert_eq!(ask(&world, "clerk", "HEAD", &path).send().await.unwrap().status(), 403);
    let plain = ask(&world, "jane", "PATCH", &path).header("Upload-Offset", "0").body("x").send().await.unwrap();
    assert_eq!(plain.status(), 415);
    assert_eq!(patch(&world, "jane", &path, 0, &[7; 11]).send().await.unwrap().status(), 413);
    let refused = patch(&world, "jane", &path, 0, &[7; 10]).send().await.unwrap();
    assert_eq!(refused.status(), 400);
    assert_eq!(refused.text().await.unwrap(), "error opening zipfile zipfile could not be opened");
    assert_eq!(ask(&world, "jane", "HEAD", &path).send().await.unwrap().status(), 404);
    // Made with all of its bytes, for a profile.
    let empty = zip(&[]);
    let request = ask(&world, "jane", "POST", "/api/2/uploads").header("Upload-Length", sample().len());
    let request =
        request.header("Upload-Metadata", metadata("unstructured", "profile", &[])).header("Content-Type", PIECE);
    let whole = request.body(sample()).send().await.unwrap();
    assert_eq!((whole.status().as_u16(), header(&whole, "upload-offset")), (201, &*sample().len().to_string()));
    let key = header(&whole, "batch-key").to_owned();
    assert!(said(world.get("jane", &format!("/api/2/batches/{key}"))).await.1.contains("\"profile\""));
    let made = create(&world, "jane", empty.len(), &both).await;
    let gone = ask(&world, "jane", "DELETE", header(&made, "location")).send().await.unwrap();
    assert_eq!(gone.status(), 204);
    assert_eq!(world.files("resumable"), 0);
}
