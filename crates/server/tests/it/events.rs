//! The long poll and the stream of events, as a client sees them.

use std::time::Duration;

use bordereau_jobs::{Actor, Password};
use bordereau_server::ServerOptions;
use futures::StreamExt;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{World, said, until};
use crate::zips::sample;

const KEY: &str = "ac5b3d51-50f8-40d1-e378-18f8db2fabc9";
const POST: &str = "/solutions/batch/1/insureright/scoring?batchKey=ac5b3d51-50f8-40d1-e378-18f8db2fabc9";

async fn poll(world: &World, user: &str, query: &str) -> Value {
    let (status, text) = said(world.get(user, &format!("/solutions/longpoll/subscribe?{query}"))).await;
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn names(answer: &Value) -> Vec<&str> {
    answer["events"].as_array().unwrap().iter().map(|event| event["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_client_that_subscribes_first_is_answered_when_it_posts() {
    let world = World::start().await;
    let filter = format!("filter=name,profileUpdatedEvent,batchKey,{KEY}&timeout=300");
    let waiting = poll(&world, "jane", &filter);
    let posting = async {
        until(|| world.jobs.subscriptions() == 1).await;
        assert_eq!(said(world.post("jane", POST, sample())).await, (200, KEY.to_owned()));
    };
    let (answer, ()) = tokio::join!(waiting, posting);
    let event = &answer["events"][0];
    assert_eq!(names(&answer), ["profileUpdatedEvent"]);
    for (name, value) in [
        ("batchKey", KEY),
        ("customer", "valen"),
        ("solution", "insureright"),
        ("submission", "scoring"),
        ("state", "accepted"),
    ] {
        assert_eq!(event[name], value);
    }
    assert_eq!((&event["sequence"], answer.get("reset")), (&Value::from(1), None));
    // What is there already is answered at once, and the cursor goes on behind it.
    let cursor = answer["cursor"].as_str().unwrap();
    assert_eq!(names(&poll(&world, "jane", &filter).await), ["profileUpdatedEvent"]);
    assert!(names(&poll(&world, "jane", &format!("since={cursor}&timeout=0")).await).is_empty());
    // Another customer waits for nothing, whatever it asks for.
    let others = format!("filter=batchKey,{KEY}&filter=customer,valen&timeout=0");
    assert!(names(&poll(&world, "joe", &others).await).is_empty());
}

#[tokio::test]
async fn the_guides_filters_hear_the_end_of_a_batch() {
    let world = World::start().await;
    let before = poll(&world, "jane", "timeout=0").await;
    said(world.post("jane", POST, sample())).await;
    world.run("jane", &format!("/api/2/batch/insureright/scoring/{KEY}")).await;
    let since = before["cursor"].as_str().unwrap();
    let filter = "filter=name,profileUpdatedEvent,customer,valen";
    let answer = poll(&world, "jane", &format!("{filter}&since={since}")).await;
    let states: Vec<&Value> = answer["events"].as_array().unwrap().iter().map(|event| &event["state"]).collect();
    assert_eq!(states, ["accepted", "running", "finished"]);
    let either = format!("filter=name,batchFailed&filter=name,batchFinished,batchKey,{KEY}");
    assert_eq!(names(&poll(&world, "jane", &either).await), ["batchFinished"]);
    let reset = poll(&world, "jane", "since=of-another-store").await;
    assert_eq!((&reset["reset"], names(&reset)), (&Value::Bool(true), vec!["profileUpdatedEvent", "batchFinished"]));
}

#[tokio::test]
async fn what_is_no_subscription_is_told_why() {
    let world = World::start().await;
    for (query, sentence) in [
        (
            "filter=name",
            "The query parameter filter is not well-formed: must be pairs of a name and a value, all parted by commas.",
        ),
        (
            "filter=name,nothing",
            "The query parameter filter is not well-formed: no event has that name; known are preliminaryProfile, profileUpdatedEvent, batchFinished, batchFailed and webhookDisabled.",
        ),
        ("timeout=301", "The query parameter timeout must be whole seconds from 0 to 300."),
        ("timeout=-1", "The query parameter timeout must be whole seconds from 0 to 300."),
        ("since=a&since=b", "The query parameter since is there more than once."),
        ("cursor=a", "A query parameter is not known. Known are filter, since and timeout."),
    ] {
        for path in ["/solutions/longpoll/subscribe", "/api/2/events"] {
            let answer = said(world.get("jane", &format!("{path}?{query}"))).await;
            assert_eq!(answer, (400, sentence.to_owned()), "{path}?{query}");
        }
    }
    let filters = vec!["filter=name,batchFinished"; 65].join("&");
    assert_eq!(said(world.get("jane", &format!("/solutions/longpoll/subscribe?{filters}"))).await.0, 400);
    assert_eq!(
        said(world.client.get(world.url("/solutions/longpoll/subscribe"))).await,
        (401, "401:Unauthorized".to_owned())
    );
}

#[tokio::test]
async fn too_many_subscriptions_are_told_to_come_back_and_all_are_answered_at_shutdown() {
    let world = World::start_with(|options| options.subscriptions_max = 2, ServerOptions::default()).await;
    let request = || world.get("jane", "/solutions/longpoll/subscribe?timeout=300");
    let first = tokio::spawn(said(request()));
    let second = tokio::spawn(said(request()));
    until(|| world.jobs.subscriptions() == 2).await;
    assert_eq!(said(request()).await, (429, "Too many subscriptions at once. Try again later.".to_owned()));
    world.stop();
    for waiting in [first, second] {
        let (status, text) = waiting.await.unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((status, names(&answer).len()), (200, 0));
    }
    world.ended().await;
}

#[tokio::test]
async fn promise_6_a_stream_goes_on_after_the_last_id_it_had() {
    let world = World::start().await;
    said(world.post("jane", POST, sample())).await;
    let open = |last: Option<String>| {
        let request = world.get("jane", &format!("/api/2/events?filter=batchKey,{KEY}"));
        match last {
            Some(last) => request.header("Last-Event-ID", last),
            None => request,
        }
    };
    let first = lines(open(None), 4).await;
    assert_eq!(field(&first, "event"), "profileUpdatedEvent");
    assert!(field(&first, "data").contains("\"state\":\"accepted\""));
    world.run("jane", &format!("/api/2/batch/insureright/scoring/{KEY}")).await;
    let second = lines(open(Some(field(&first, "id"))), 4).await;
    assert!(field(&second, "data").contains("\"state\":\"running\""));
    let reset = lines(open(Some("of another store".to_owned())), 4).await;
    assert_eq!(field(&reset, "event"), "reset");
}

/// The first lines of a stream.
pub async fn lines(request: reqwest::RequestBuilder, count: usize) -> Vec<String> {
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.bytes_stream();
    let mut text = String::new();
    while text.lines().count() < count {
        let piece = tokio::time::timeout(Duration::from_secs(60), body.next()).await.expect("an event comes");
        text.push_str(std::str::from_utf8(&piece.unwrap().unwrap()).unwrap());
    }
    text.lines().map(str::to_owned).collect()
}

pub fn field(lines: &[String], name: &str) -> String {
    let values = lines.iter().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    values.map(str::trim).next().unwrap_or_default().to_owned()
}

/// All that a connection is sent until the server closes it.
async fn spoken(mut stream: TcpStream) -> String {
    let mut answers = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut answers)).await;
    read.expect("the server closes the connection").unwrap();
    String::from_utf8(answers).unwrap()
}

fn head(path: &str, rest: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic amFuZTpvcGVuc2VzYW1l\r\n{rest}\r\n")
}

#[tokio::test]
async fn what_is_sent_behind_a_long_poll_is_answered_after_it_on_the_same_connection() {
    let world = World::start().await;
    let poll = head("/solutions/longpoll/subscribe?timeout=300", "");
    let last = head("/healthz", "Connection: close\r\n");
    // Together with the poll, and in two pieces while it waits.
    let mut together = TcpStream::connect(world.address).await.unwrap();
    together.write_all(format!("{poll}{last}").as_bytes()).await.unwrap();
    let mut later = TcpStream::connect(world.address).await.unwrap();
    later.write_all(poll.as_bytes()).await.unwrap();
    until(|| world.jobs.subscriptions() == 2).await;
    later.write_all(&last.as_bytes()[..20]).await.unwrap();
    said(world.post("jane", POST, sample())).await;
    later.write_all(&last.as_bytes()[20..]).await.unwrap();
    for stream in [together, later] {
        let answers = spoken(stream).await;
        let (first, second) = answers.split_once("}HTTP/1.1 200 OK\r\n").unwrap();
        assert!(first.starts_with("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncache-control: no-store\r\n"));
        assert!(first.contains("\r\ndate: ") && first.contains("\"state\":\"accepted\""), "{first}");
        assert!(second.ends_with("\r\n\r\nok"), "{second}");
    }
}

#[tokio::test]
async fn a_long_poll_that_cannot_be_parked_is_answered_too() {
    let world = World::start().await;
    let mut streams = Vec::new();
    for request in [
        head("/solutions/longpoll/subscribe?timeout=300", "Connection: close\r\n"),
        head("/solutions/longpoll/subscribe?timeout=300", "").replace("HTTP/1.1", "HTTP/1.0"),
    ] {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        streams.push(stream);
    }
    until(|| world.jobs.subscriptions() == 2).await;
    said(world.post("jane", POST, sample())).await;
    for stream in streams {
        let answer = spoken(stream).await;
        assert!(answer.contains(" 200 OK\r\n") && answer.contains("\"state\":\"accepted\""), "{answer}");
    }
}

#[tokio::test]
async fn a_client_that_goes_while_it_waits_is_waited_for_no_longer() {
    let world = World::start().await;
    let mut streams = Vec::new();
    for rest in ["", "Connection: keep-alive\r\n", "Connection: close\r\n"] {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(head("/solutions/longpoll/subscribe?timeout=300", rest).as_bytes()).await.unwrap();
        streams.push(stream);
    }
    until(|| world.jobs.subscriptions() == 3).await;
    drop(streams);
    until(|| world.jobs.subscriptions() == 0).await;
}

#[tokio::test]
async fn a_long_poll_is_counted_when_it_is_answered_and_told_when_its_credentials_end() {
    let world = World::start().await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let poll = head("/solutions/longpoll/subscribe?timeout=300", "Accept: application/problem+json\r\n");
    stream.write_all(format!("{poll}{}", head("/healthz", "Connection: close\r\n")).as_bytes()).await.unwrap();
    until(|| world.jobs.subscriptions() == 1).await;
    let password = Password::chosen("another one").unwrap();
    world.jobs.accounts(Actor::program()).set_password(&"jane".parse().unwrap(), password).await.unwrap();
    let answers = spoken(stream).await;
    let (first, second) = answers.split_once("}HTTP/1.1 200 OK\r\n").unwrap();
    assert!(first.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{first}");
    assert!(first.contains("content-type: application/problem+json\r\n") && first.contains("www-authenticate: "));
    assert!(second.ends_with("\r\n\r\nok"), "{second}");
    let text = world.measured().await;
    let counted =
        "bordereau_http_requests_total{route=\"/solutions/longpoll/subscribe\",method=\"GET\",status=\"401\"} 1";
    assert!(text.contains(counted), "{text}");
}
