//! Webhooks over HTTP: what a receiver on loopback gets, and what nobody can reach.

use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bordereau_server::{ServerOptions, webhook_options};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::events::{field, lines};
use crate::world::{PASSWORD, World, said, until};
use crate::zips::sample;

/// Heads and bodies of the requests that were made.
type Received = Arc<Mutex<Vec<(String, String)>>>;

/// Answers each request with `answer`, and keeps it.
async fn receiver(answer: &'static str) -> (String, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let received = Received::default();
    let kept = Arc::clone(&received);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut text = String::new();
            while !is_whole(&text) {
                let mut piece = [0; 4096];
                let read = stream.read(&mut piece).await.unwrap();
                text.push_str(std::str::from_utf8(&piece[..read]).unwrap());
            }
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            kept.lock().unwrap().push((head.to_owned(), body.to_owned()));
            let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, received)
}

fn is_whole(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    header(head, "content-length").parse::<usize>().unwrap() == body.len()
}

fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).unwrap().1
}

/// What a receiver does by the specification.
fn is_signed(head: &str, body: &str, secret: &str) -> bool {
    let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{}.{}.{body}", header(head, "webhook-id"), header(head, "webhook-timestamp")).as_bytes());
    let expected = format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()));
    header(head, "webhook-signature").split(' ').any(|found| found == expected)
}

async fn world(networks: &[&str]) -> World {
    let networks: Vec<_> = networks.iter().map(|network| network.parse().unwrap()).collect();
    World::start_with(|options| options.webhooks = webhook_options(&networks).unwrap(), ServerOptions::default()).await
}

async fn add(world: &World, url: &str, filters: Value) -> (u16, Value) {
    let request = world.client.post(world.url("/api/2/webhooks")).basic_auth("jane", Some(PASSWORD));
    let (status, text) = said(request.body(json!({ "url": url, "filters": filters }).to_string())).await;
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

#[tokio::test]
async fn events_arrive_signed_as_the_json_that_subscriptions_give() {
    let world = world(&["127.0.0.0/8"]).await;
    let (url, received) = receiver("204 No Content").await;
    let (status, webhook) = add(&world, &url, json!(["name,batchFinished"])).await;
    assert_eq!((status, webhook["state"].as_str()), (201, Some("enabled")));
    let (id, secret) = (webhook["id"].as_str().unwrap().to_owned(), webhook["secret"].as_str().unwrap().to_owned());
    let key = "ac5b3d51-50f8-40d1-e378-18f8db2fabc9";
    said(world.post("jane", &format!("/api/2/batch/insureright/scoring?batchKey={key}"), sample())).await;
    world.run("jane", &format!("/api/2/batch/insureright/scoring/{key}")).await;
    world.jobs.deliver_webhooks(until(|| !received.lock().unwrap().is_empty())).await.unwrap();
    let (head, body) = received.lock().unwrap()[0].clone();
    assert!(head.starts_with("POST /hook HTTP/1.1"), "{head}");
    assert!(is_signed(&head, &body, &secret), "{head}\n{body}");
    let path = format!("/solutions/longpoll/subscribe?filter=name,batchFinished,batchKey,{key}");
    let polled: Value = serde_json::from_str(&said(world.get("jane", &path)).await.1).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), polled["events"][0]);

    // A new secret signs beside the old one, and a ping tells whether the receiver is there.
    let post = |what: &str| {
        let path = format!("/api/2/webhooks/{id}/{what}");
        world.client.post(world.url(&path)).basic_auth("jane", Some(PASSWORD))
    };
    let rotated: Value = serde_json::from_str(&said(post("rotate")).await.1).unwrap();
    let pinged: Value = serde_json::from_str(&said(post("ping")).await.1).unwrap();
    assert_eq!((pinged["delivered"].as_bool(), pinged["status"].as_u64()), (Some(true), Some(204)));
    let (head, body) = received.lock().unwrap()[1].clone();
    assert!(is_signed(&head, &body, &secret) && is_signed(&head, &body, rotated["secret"].as_str().unwrap()));
    assert!(body.contains("\"ping\""), "{body}");

    let deliveries = said(world.get("jane", &format!("/api/2/webhooks/{id}/deliveries?limit=1"))).await.1;
    let page: Value = serde_json::from_str(&deliveries).unwrap();
    assert_eq!(page["deliveries"][0]["name"], "ping");
    let next = format!("/api/2/webhooks/{id}/deliveries?limit=1&cursor={}", page["cursor"].as_str().unwrap());
    let page: Value = serde_json::from_str(&said(world.get("jane", &next)).await.1).unwrap();
    assert_eq!((page["deliveries"][0]["name"].as_str(), page.get("cursor")), (Some("batchFinished"), None));
    for cursor in ["-1", "9223372036854775808", "x"] {
        let path = format!("/api/2/webhooks/{id}/deliveries?cursor={cursor}");
        assert_eq!(said(world.get("jane", &path)).await.0, 400, "{cursor}");
    }
    let listed = said(world.get("jane", "/api/2/webhooks")).await.1;
    assert!(listed.contains(&id) && !listed.contains("whsec_"), "{listed}");
}

#[tokio::test]
async fn that_a_webhook_is_disabled_is_told_by_long_poll_and_by_stream() {
    let world = world(&["127.0.0.0/8"]).await;
    let (url, received) = receiver("410 Gone").await;
    let (_, webhook) = add(&world, &url, json!([])).await;
    let subscribe = "/solutions/longpoll/subscribe";
    let poll = async |query: &str| {
        let text = said(world.get("jane", &format!("{subscribe}?{query}"))).await.1;
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let cursor = poll("timeout=0").await["cursor"].as_str().unwrap().to_owned();
    let waiting = poll("filter=name,webhookDisabled&timeout=300");
    let failing = async {
        until(|| world.jobs.subscriptions() == 1).await;
        let key = said(world.post("jane", "/api/2/batch/insureright/scoring", sample())).await.1;
        world.jobs.deliver_webhooks(until(|| !received.lock().unwrap().is_empty())).await.unwrap();
        key
    };
    let (told, key) = tokio::join!(waiting, failing);
    let mut event = told["events"][0].clone();
    assert!(event["at"].is_string());
    event.as_object_mut().unwrap().remove("at");
    let expected = json!({
        "name": "webhookDisabled", "customer": "valen", "webhook": webhook["id"], "sequence": 2,
        "reason": "The receiver answered 410: it wants no more events.",
    });
    assert_eq!(event, expected);
    let of_batch = poll(&format!("filter=batchKey,{key}&timeout=0")).await;
    assert_eq!(of_batch["events"].as_array().unwrap().len(), 1, "{of_batch}");
    let stream = world.get("jane", "/api/2/events?filter=customer,valen&filter=name,webhookDisabled");
    let streamed = lines(stream.header("Last-Event-ID", cursor), 8).await;
    let second = streamed.iter().position(String::is_empty).unwrap();
    assert_eq!(field(&streamed[second..], "event"), "webhookDisabled");
    let data: Value = serde_json::from_str(&field(&streamed[second..], "data")).unwrap();
    assert_eq!(data["webhook"], webhook["id"]);
}

#[tokio::test]
async fn what_is_inside_is_not_reached_and_redirects_are_not_followed() {
    let closed = world(&[]).await;
    for (url, sentence) in [
        ("https://127.0.0.1/", "The url is not of a public address."),
        ("https://169.254.169.254/latest/meta-data", "The url is not of a public address."),
        ("http://hooks.example/", "The url must begin with https://."),
    ] {
        assert_eq!(add(&closed, url, json!([])).await, (400, Value::String(sentence.to_owned())), "{url}");
    }
    let (inner, inside) = receiver("200 OK").await;
    let port = inner.rsplit(':').next().unwrap();
    let (_, webhook) = add(&closed, &format!("https://localhost:{port}"), json!([])).await;
    let path = format!("/api/2/webhooks/{}/ping", webhook["id"].as_str().unwrap());
    let (_, pinged) = said(closed.client.post(closed.url(&path)).basic_auth("jane", Some(PASSWORD))).await;
    assert!(pinged.contains("the address is not a public one"), "{pinged}");

    let open = world(&["127.0.0.1"]).await;
    let (url, received) =
        receiver(Box::leak(format!("307 Temporary Redirect\r\nlocation: {inner}").into_boxed_str())).await;
    let (_, webhook) = add(&open, &url, json!([])).await;
    let path = format!("/api/2/webhooks/{}/ping", webhook["id"].as_str().unwrap());
    let (_, pinged) = said(open.client.post(open.url(&path)).basic_auth("jane", Some(PASSWORD))).await;
    assert!(pinged.contains("\"delivered\":false,\"status\":307"), "{pinged}");
    assert_eq!(received.lock().unwrap().len(), 1);
    assert!(inside.lock().unwrap().is_empty());
}

#[tokio::test]
async fn bodies_that_are_not_taken_say_why_and_change_nothing() {
    let world = world(&["127.0.0.0/8"]).await;
    let (status, webhook) = add(&world, "http://127.0.0.1:9/", json!([])).await;
    assert_eq!(status, 201);
    let id = webhook["id"].as_str().unwrap();
    for (method, path, body, status, sentence) in [
        (
            "POST",
            "/api/2/webhooks".to_owned(),
            "{",
            400,
            "The body is not the JSON object that is expected (line 1, column 1).",
        ),
        ("POST", "/api/2/webhooks".to_owned(), r#"{"url":"http://127.0.0.1:9/","colour":1}"#, 400, "The body is not"),
        (
            "POST",
            "/api/2/webhooks".to_owned(),
            r#"{"url":"http://127.0.0.1:9/","filters":["colour,red"]}"#,
            400,
            "A filter is not well-formed",
        ),
        ("PATCH", format!("/api/2/webhooks/{id}"), r#"{"state":"disabled"}"#, 400, "The body is not"),
        (
            "PATCH",
            format!("/api/2/webhooks/{id}"),
            r#"{"url":"http://10.0.0.1/"}"#,
            400,
            "The url is not of a public address.",
        ),
        ("PATCH", "/api/2/webhooks/12".to_owned(), "{}", 404, "404:Not Found"),
        ("PATCH", format!("/api/2/webhooks/{id}"), r#"{"state":"paused"}"#, 200, "\"paused\""),
    ] {
        let request =
            world.client.request(method.parse().unwrap(), world.url(&path)).basic_auth("jane", Some(PASSWORD));
        let (found, text) = said(request.body(body)).await;
        assert_eq!(found, status, "{method} {path} {body}: {text}");
        assert!(text.contains(sentence), "{method} {path} {body}: {text}");
    }
    for _ in 1..20 {
        assert_eq!(add(&world, "http://127.0.0.1:9/", json!([])).await.0, 201);
    }
    assert_eq!(add(&world, "http://127.0.0.1:9/", json!([])).await.0, 400);
}
