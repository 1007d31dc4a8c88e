use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::RequestBuilder;
use reqwest::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use reqwest::multipart::{Form, Part};
use serde_json::Value;
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

/// Who asks. All passwords but one are right.
const CALLERS: [(&str, Option<(&str, &str)>); 6] = [
    ("nobody", None),
    ("the right user with a wrong password", Some(("jane", "wrong password"))),
    ("an unknown user", Some(("nobody-here", PASSWORD))),
    ("another customer's user", Some(("joe", PASSWORD))),
    ("a user of the customer without the right", Some(("clerk", PASSWORD))),
    ("the right user", Some(("jane", PASSWORD))),
];

/// What is answered to each of [`CALLERS`].
type Answers = [u16; 6];

/// To whoever may send to its own customer.
const SENT: Answers = [401, 401, 401, 200, 403, 200];
/// To whoever asks for something of a customer.
const FOUND: Answers = [401, 401, 401, 404, 403, 200];
/// To whoever asks for its own customer's, which is something else to each.
const OWN: Answers = [401, 401, 401, 200, 200, 200];
/// To whoever may see all of its own customer's webhooks.
const WEBHOOKS: Answers = [401, 401, 401, 200, 403, 200];
/// No customer has the webhook that is asked for; a body that is not there is not reached. Another test asks for one
/// that is there.
const NO_WEBHOOK: Answers = [401, 401, 401, 404, 403, 404];
/// To whoever asks for a solution: without a right to it there is none.
const USED: Answers = [401, 401, 401, 200, 404, 200];
/// To whoever does not speak tus; another test does.
const TUS: Answers = [401, 401, 401, 412, 412, 412];
const OPEN: Answers = [200; 6];

/// Every operation, and what is asked in its place. What takes something away comes last.
const MATRIX: &[(&str, &str, &str, Answers)] = &[
    ("POST", "/solutions/batch/{version}/profile", "/solutions/batch/5/profile", SENT),
    ("POST", "/api/2/batch/profile", "/api/2/batch/profile", SENT),
    ("POST", "/solutions/batch/{version}/{solution}/{submission}", PATH, SENT),
    ("POST", "/api/2/batch/{solution}/{submission}", "/api/2/batch/insureright/scoring", SENT),
    (
        "GET",
        "/solutions/batch/{version}/unstructured/{key}/profile",
        "/solutions/batch/5/unstructured/ac5b3d51-50f8-40d1-e378-18f8db2fabc9/profile",
        FOUND,
    ),
    (
        "GET",
        "/api/2/batch/unstructured/{key}/profile",
        "/api/2/batch/unstructured/ac5b3d51-50f8-40d1-e378-18f8db2fabc9/profile",
        FOUND,
    ),
    ("GET", "/solutions/batch/{version}/{solution}/{submission}/{key}/submit", SUBMIT, FOUND),
    ("POST", "/solutions/batch/{version}/{solution}/{submission}/{key}/submit", SUBMIT, FOUND),
    ("GET", "/api/2/batch/{solution}/{submission}/{key}/submit", SUBMIT_2, FOUND),
    ("POST", "/api/2/batch/{solution}/{submission}/{key}/submit", SUBMIT_2, FOUND),
    (
        "GET",
        "/solutions/batch/{version}/{solution}/{submission}/{key}",
        "/solutions/batch/5/insureright/scoring/ac5b3d51-50f8-40d1-e378-18f8db2fabc9",
        FOUND,
    ),
    (
        "GET",
        "/api/2/batch/{solution}/{submission}/{key}",
        "/api/2/batch/insureright/scoring/ac5b3d51-50f8-40d1-e378-18f8db2fabc9",
        FOUND,
    ),
    (
        "GET",
        "/solutions/batch/{version}/{solution}/{submission}/{key}/errors",
        "/solutions/batch/5/insureright/scoring/ac5b3d51-50f8-40d1-e378-18f8db2fabc9/errors",
        FOUND,
    ),
    (
        "GET",
        "/api/2/batch/{solution}/{submission}/{key}/errors",
        "/api/2/batch/insureright/scoring/ac5b3d51-50f8-40d1-e378-18f8db2fabc9/errors",
        FOUND,
    ),
    ("GET", "/api/2/batches/{key}/errors", "/api/2/batches/ac5b3d51-50f8-40d1-e378-18f8db2fabc9/errors", FOUND),
    ("OPTIONS", "/api/2/uploads", "/api/2/uploads", [204; 6]),
    ("POST", "/api/2/uploads", "/api/2/uploads", TUS),
    ("HEAD", "/api/2/uploads/{id}", "/api/2/uploads/0123456789abcdef0123456789abcdef", TUS),
    ("PATCH", "/api/2/uploads/{id}", "/api/2/uploads/0123456789abcdef0123456789abcdef", TUS),
    ("DELETE", "/api/2/uploads/{id}", "/api/2/uploads/0123456789abcdef0123456789abcdef", TUS),
    ("GET", "/api/2/solutions", "/api/2/solutions", OWN),
    ("GET", "/api/2/solutions/{solution}", "/api/2/solutions/insureright", USED),
    ("GET", "/api/2/solutions/{solution}/releases", "/api/2/solutions/insureright/releases", USED),
    ("GET", "/api/2/solutions/{solution}/dictionary", "/api/2/solutions/insureright/dictionary", USED),
    ("GET", "/api/2/batches", "/api/2/batches", OWN),
    ("GET", "/solutions/longpoll/subscribe", "/solutions/longpoll/subscribe?timeout=0", OWN),
    ("GET", "/api/2/events", "/api/2/events", OWN),
    ("GET", "/api/2/webhooks", "/api/2/webhooks", WEBHOOKS),
    ("POST", "/api/2/webhooks", "/api/2/webhooks", [401, 401, 401, 400, 403, 400]),
    ("GET", "/api/2/webhooks/{id}", WEBHOOK, NO_WEBHOOK),
    ("PATCH", "/api/2/webhooks/{id}", WEBHOOK, NO_WEBHOOK),
    ("POST", "/api/2/webhooks/{id}/rotate", WEBHOOK_ROTATE, NO_WEBHOOK),
    ("POST", "/api/2/webhooks/{id}/ping", WEBHOOK_PING, NO_WEBHOOK),
    ("GET", "/api/2/webhooks/{id}/deliveries", WEBHOOK_DELIVERIES, NO_WEBHOOK),
    ("DELETE", "/api/2/webhooks/{id}", WEBHOOK, NO_WEBHOOK),
    ("GET", "/healthz", "/healthz", OPEN),
    ("GET", "/api/2/batches/{key}", BATCH, FOUND),
    ("POST", "/api/2/batches/{key}/cancel", "/api/2/batches/ac5b3d51-50f8-40d1-e378-18f8db2fabc9/cancel", FOUND),
    ("DELETE", "/api/2/batches/{key}", BATCH, [401, 401, 401, 404, 403, 204]),
];

const WEBHOOK: &str = "/api/2/webhooks/ac5b3d51-50f8-40d1-e378-18f8db2fabc9";
const WEBHOOK_ROTATE: &str = "/api/2/webhooks/ac5b3d51-50f8-40d1-e378-18f8db2fabc9/rotate";
const WEBHOOK_PING: &str = "/api/2/webhooks/ac5b3d51-50f8-40d1-e378-18f8db2fabc9/ping";
const WEBHOOK_DELIVERIES: &str = "/api/2/webhooks/ac5b3d51-50f8-40d1-e378-18f8db2fabc9/deliveries";
const SUBMIT: &str = "/solutions/batch/5/insureright/scoring/ac5b3d51-50f8-40d1-e378-18f8db2fabc9/submit";
const SUBMIT_2: &str = "/api/2/batch/insureright/scoring/ac5b3d51-50f8-40d1-e378-18f8db2fabc9/submit";
const BATCH: &str = "/api/2/batches/ac5b3d51-50f8-40d1-e378-18f8db2fabc9";

/// Methods and paths of the document.
fn operations() -> BTreeSet<(String, String)> {
    let document: Value = serde_json::from_str(&bordereau_server::openapi_json()).unwrap();
    let of_path = |(path, methods): (&String, &Value)| {
        let methods: Vec<String> = methods.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        methods.into_iter().map(|method| (method, path.clone())).collect::<Vec<_>>()
    };
    document["paths"].as_object().unwrap().iter().flat_map(of_path).collect()
}

/// Paths of the router, as its source names them.
fn routes() -> BTreeSet<&'static str> {
    let source = include_str!("../../src/routes.rs");
    let quoted = source.split(".route(").skip(1).map(|rest| rest.split('"').nth(1).unwrap());
    quoted.collect()
}

#[test]
fn promise_8_the_matrix_has_every_route_of_the_router_and_the_document() {
    let named = |(method, path, ..): &(&str, &str, &str, Answers)| ((*method).to_owned(), (*path).to_owned());
    let matrix: BTreeSet<_> = MATRIX.iter().map(named).collect();
    assert_eq!(matrix.len(), MATRIX.len(), "none is there twice");
    let missing: Vec<_> = operations().symmetric_difference(&matrix).cloned().collect();
    assert!(missing.is_empty(), "not in both the matrix and the document: {missing:?}");
    let mut paths: BTreeSet<&str> = MATRIX.iter().map(|row| row.1).collect();
    // The document itself, which another test asks for.
    paths.insert("/api/2/openapi.json");
    assert_eq!(routes(), paths);
}

/// All of it is asked by everybody, and what it answers to others tells nothing of the customer's key.
#[tokio::test]
async fn promise_8_every_route_answers_everybody_as_the_matrix_says() {
    let world = World::start().await;
    let path = format!("/solutions/batch/5/profile?batchKey={KEY}");
    assert_eq!(said(world.post("jane", &path, sample())).await.0, 200);
    assert_eq!(said(world.get("jane", SUBMIT)).await.0, 200);
    crate::submit_profiled::run_both(&world, KEY).await;
    for &(method, path, asked, answers) in MATRIX {
        for ((who, credentials), expected) in CALLERS.into_iter().zip(answers) {
            let request = ask(&world, method, asked, credentials, answers == SENT);
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), expected, "{method} {path} by {who}");
            let endless = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
            if !endless && who != "the right user" {
                assert!(!response.text().await.unwrap().contains(KEY), "{method} {path} tells {who}");
            }
        }
    }
    assert!(said(world.get("jane", BATCH)).await.1.contains("\"deleted\""));
}

fn ask(world: &World, method: &str, path: &str, credentials: Option<(&str, &str)>, sends: bool) -> RequestBuilder {
    let mut request = world.client.request(method.parse().unwrap(), world.url(path));
    if sends {
        request = request.multipart(Form::new().part("file", Part::bytes(sample())));
    }
    match credentials {
        Some((name, password)) => request.basic_auth(name, Some(password)),
        None => request,
    }
}
