//! Limits on requests and on wrong credentials, as a client meets them.

use bordereau_jobs::{AuditRequest, PaceLimits};
use bordereau_server::ServerOptions;
use reqwest::header::RETRY_AFTER;

use crate::world::{World, said};

async fn world(pace: PaceLimits) -> World {
    World::start_with(|options| options.pace = pace, ServerOptions::default()).await
}

#[tokio::test]
async fn a_customer_that_asks_too_often_is_told_when_to_come_back_and_no_other() {
    let world = world(PaceLimits { requests_per_s: 1, requests_burst: 2, ..PaceLimits::default() }).await;
    let mut refused = None;
    for _ in 0..20 {
        let response = world.get("jane", "/api/2/batches").send().await.unwrap();
        if response.status() == 429 {
            refused = Some(response);
            break;
        }
    }
    let refused = refused.unwrap();
    assert_eq!(refused.headers()[RETRY_AFTER], "1");
    assert_eq!(refused.headers()["ratelimit"], "\"customer\";r=0;t=1");
    assert_eq!(said(world.get("joe", "/api/2/batches")).await.0, 200);
}

#[tokio::test]
async fn after_some_wrong_passwords_the_next_must_wait_whether_there_is_such_a_user_or_not() {
    let world = world(PaceLimits { failures_free: 3, ..PaceLimits::default() }).await;
    for name in ["clerk", "clark"] {
        let asked = || world.client.get(world.url("/api/2/batches")).basic_auth(name, Some("wrong password"));
        for _ in 0..3 {
            assert_eq!(said(asked()).await, (401, "401:Unauthorized".to_owned()), "{name}");
        }
        let refused = asked().send().await.unwrap();
        assert_eq!(refused.status(), 429, "{name}");
        assert!(refused.headers()[RETRY_AFTER].to_str().unwrap().parse::<u64>().unwrap() >= 1);
        assert_eq!(refused.text().await.unwrap(), "Too many failed logins. Try again later.");
    }
}

#[tokio::test]
async fn whoever_was_in_before_is_not_kept_out_by_who_guesses() {
    let world = world(PaceLimits { failures_free: 2, ..PaceLimits::default() }).await;
    assert_eq!(said(world.get("jane", "/api/2/batches")).await.0, 200);
    for name in ["jane", "joe", "jim", "jan"] {
        for _ in 0..4 {
            said(world.client.get(world.url("/api/2/batches")).basic_auth(name, Some("wrong password"))).await;
        }
    }
    assert_eq!(said(world.get("jane", "/api/2/batches")).await.0, 200);
    assert_eq!(said(world.get("clerk", "/api/2/batches")).await.0, 429, "this one was never here");
}

#[tokio::test]
async fn clients_behind_a_trusted_proxy_have_addresses_of_their_own() {
    for (trusted, others_wait) in [("127.0.0.0/8", false), ("192.0.2.0/24", true)] {
        let pace = PaceLimits { failures_free: 3, ..PaceLimits::default() };
        let options = ServerOptions { trusted_proxies: vec![trusted.parse().unwrap()], ..ServerOptions::default() };
        let world = World::start_with(|options| options.pace = pace, options).await;
        let asked = |client: &str, password: &str| {
            let request = world.client.get(world.url("/api/2/batches")).basic_auth("clerk", Some(password));
            said(request.header("x-forwarded-for", format!("203.0.113.1, {client}")))
        };
        for _ in 0..3 {
            assert_eq!(asked("198.51.100.7", "wrong password").await.0, 401);
        }
        assert_eq!(asked("198.51.100.7", "wrong password").await.0, 429, "{trusted}");
        let expected = if others_wait { 429 } else { 200 };
        assert_eq!(asked("198.51.100.8", crate::world::PASSWORD).await.0, expected, "{trusted}");
        let from: Vec<_> = world.jobs.audit(&AuditRequest::default(), 9).await.unwrap();
        let refused = from.iter().find(|record| record.deed == "loginsRefused").unwrap();
        let expected = if others_wait { "127.0.0.1" } else { "198.51.100.7" };
        assert_eq!(refused.address.as_deref(), Some(expected));
    }
}
