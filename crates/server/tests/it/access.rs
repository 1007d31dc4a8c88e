use std::time::Duration;

use reqwest::header::WWW_AUTHENTICATE;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{PASSWORD, World, said};
use crate::zips::sample;

const PATH: &str = "/solutions/batch/5/insureright/scoring";
const KEY: &str = "ac5b3d51-50f8-40d1-e378-18f8db2fabc9";

#[tokio::test]
async fn missing_and_wrong_credentials_are_answered_alike() {
    let world = World::start().await;
    let results = format!("{PATH}/{KEY}");
    for path in [PATH, &results, "/api/2/batch/insureright/scoring", "/solutions/batch/0/nothing/nothing"] {
        let method = if path == results { "GET" } else { "POST" };
        let bare = || world.client.request(method.parse().unwrap(), world.url(path));
        for request in [
            bare(),
            bare().basic_auth("jane", Some("wrong password")),
            bare().basic_auth("jane", None::<&str>),
            bare().basic_auth("nobody-here", Some(PASSWORD)),
            bare().bearer_auth("token"),
        ] {
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 401, "{method} {path}");
            let challenge = response.headers()[WWW_AUTHENTICATE].to_str().unwrap().to_owned();
            assert_eq!(challenge, "Basic realm=\"bordereau\", charset=\"UTF-8\"");
            assert_eq!(response.text().await.unwrap(), "401:Unauthorized");
        }
    }
}

#[tokio::test]
async fn a_user_without_the_right_is_forbidden_to_send_and_to_fetch() {
    let world = World::start().await;
    let forbidden = (403, "403:Forbidden".to_owned());
    for (user, path, allowed) in [
        ("clerk", "/api/2/batch/insureright/scoring", false),
        ("clerk", "/api/2/batch/nothing/scoring", false),
        ("nobody", "/api/2/batch/insureright/scoring", false),
        ("clerk", "/api/2/batch/ca/scoring", true),
        ("jane", "/api/2/batch/insureright/scoring", true),
    ] {
        assert_eq!(said(world.post(user, path, sample())).await == forbidden, !allowed, "{user} POST {path}");
        let key = format!("{path}/{KEY}");
        assert_eq!(said(world.get(user, &key)).await == forbidden, !allowed, "{user} GET {key}");
    }
}

/// The head asks whether to go on; the answer is no, before any byte of the body was sent.
#[tokio::test]
async fn no_byte_of_a_body_is_asked_for_without_the_right() {
    let world = World::start().await;
    let head = |credentials: &str| {
        format!(
            "POST {PATH} HTTP/1.1\r\nHost: x\r\n{credentials}Content-Type: multipart/form-data; boundary=x\r\n\
             Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n"
        )
    };
    for (credentials, expected) in [
        ("", "HTTP/1.1 401"),
        ("Authorization: Basic Y2xlcms6b3BlbnNlc2FtZQ==\r\n", "HTTP/1.1 403"),
        ("Authorization: Basic amFuZTpvcGVuc2VzYW1l\r\n", "HTTP/1.1 100"),
    ] {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(head(credentials).as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        tokio::time::timeout(Duration::from_secs(30), stream.read_exact(&mut answer)).await.unwrap().unwrap();
        assert_eq!(String::from_utf8_lossy(&answer), expected);
    }
    assert_eq!(world.files("objects"), 0);
}

#[tokio::test]
async fn health_and_the_document_need_no_credentials() {
    let world = World::start().await;
    assert_eq!(said(world.client.get(world.url("/healthz"))).await, (200, "ok".to_owned()));
    let (status, text) = said(world.client.get(world.url("/api/2/openapi.json"))).await;
    assert_eq!((status, text), (200, bordereau_server::openapi_json()));
}
