//! Requests nobody should send. None is answered with 5xx, and the server goes on.

use crate::world::{World, said};

/// The head is all a client without credentials can make the server hold.
#[tokio::test]
async fn promise_7_a_head_is_held_up_to_64_kib() {
    let world = World::start().await;
    for (bytes, status) in [(60_000, 200), (70_000, 431)] {
        let filler = "x".repeat(bytes);
        let head = format!("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: {filler}\r\n\r\n");
        let answer = world.raw(head.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{bytes}: {answer}");
    }
}

#[tokio::test]
async fn promise_8_no_request_is_answered_with_a_fault_of_ours() {
    let world = World::start().await;
    let long = "a".repeat(100_000);
    let auth = "Authorization: Basic amFuZTpvcGVuc2VzYW1l\r\n";
    let path = "/api/2/batch/insureright/scoring";
    let requests = [
        "\0\0\0\0".to_owned(),
        "GET\r\n\r\n".to_owned(),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", long.repeat(6)),
        format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: y\r\n".repeat(500)),
        format!("POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {long}\r\nContent-Length: 0\r\n\r\n"),
        format!("POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic \u{e9}\r\nContent-Length: 0\r\n\r\n"),
        format!("POST {path} HTTP/1.1\r\nHost: x\r\n{auth}Content-Length: 99999999999999999999\r\n\r\n"),
        format!("POST {path} HTTP/1.1\r\nHost: x\r\n{auth}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
        format!("POST {path} HTTP/1.1\r\nHost: x\r\n{auth}Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
        format!("POST {path}?%ff=%00&&&=== HTTP/1.1\r\nHost: x\r\n{auth}Content-Length: 0\r\n\r\n"),
        format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\n{auth}Content-Type: multipart/form-data; boundary=\"\"\r\nContent-Length: 2\r\n\r\n--"
        ),
        format!("POST {path} HTTP/1.1\r\nHost: x\r\n{auth}Content-Type: \u{fffd}\r\nContent-Length: 0\r\n\r\n"),
        format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\n{auth}Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 61\r\n\r\n\
             --x\r\nContent-Disposition: form-data; name=\"fi\u{0}le\"\r\n\r\n--x--\r\n"
        ),
    ];
    for request in requests {
        // The end of the request is the end of what the client sends.
        let request = request.replacen("Host: x\r\n", "Host: x\r\nConnection: close\r\n", 1);
        let answer = tokio::time::timeout(std::time::Duration::from_secs(60), world.raw(request.as_bytes())).await;
        let answer = answer.expect("an answer, or the end of the connection");
        let shown: String = request.chars().take(150).collect();
        assert!(!answer.starts_with("HTTP/1.1 5"), "{shown:?}: {answer}");
        assert!(!answer.starts_with("HTTP/1.1 200"), "{shown:?}: {answer}");
    }
    assert_eq!(said(world.client.get(world.url("/healthz"))).await.0, 200);
}
