//! `/api/2/admin`, and what changes of accounts do to those who wait.

use bordereau_jobs::Role;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::world::{PASSWORD, World, said, until};

async fn started() -> World {
    let world = World::start().await;
    world.add_user("root", "acme", Role::Administrator).await;
    world
}

async fn asked(world: &World, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let mut request = world.client.request(method.parse().unwrap(), world.url(&format!("/api/2/admin{path}")));
    request = request.basic_auth("root", Some(PASSWORD));
    if let Some(body) = body {
        request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
    }
    let (status, text) = said(request).await;
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

#[tokio::test]
async fn a_customer_and_its_user_come_work_and_go() {
    let world = started().await;
    assert_eq!(asked(&world, "POST", "/customers", Some(json!({"name": "newco"}))).await.0, 201);
    let new =
        json!({"name": "ann", "customer": "newco", "password": "a password", "role": "analyst", "grants": ["ca/*"]});
    let (status, user) = asked(&world, "POST", "/users", Some(new)).await;
    assert_eq!(status, 201);
    let expected =
        json!({"name": "ann", "customer": "newco", "role": "analyst", "disabled": false, "grants": ["ca/*"]});
    assert_eq!(user, expected);
    let (status, made) = asked(&world, "POST", "/users/ann/tokens", Some(json!({"label": "nightly"}))).await;
    assert_eq!(status, 201);
    let batches = || world.client.get(world.url("/api/2/batches")).bearer_auth(made["token"].as_str().unwrap());
    assert_eq!(said(batches()).await.0, 200);
    let (_, listed) = asked(&world, "GET", "/users/ann/tokens", None).await;
    assert_eq!(listed["tokens"][0]["prefix"], made["prefix"]);
    assert!(listed["tokens"][0]["lastUsed"].is_string() && listed["tokens"][0].get("token").is_none());
    assert_eq!(asked(&world, "PATCH", "/customers/newco", Some(json!({"disabled": true}))).await.0, 200);
    assert_eq!(said(batches()).await.0, 401);
    assert_eq!(asked(&world, "DELETE", "/customers/newco", None).await.0, 409);
    assert_eq!(asked(&world, "DELETE", "/users/ann", None).await.0, 204);
    assert_eq!(asked(&world, "DELETE", "/customers/newco", None).await.0, 204);
    let (_, audit) = asked(&world, "GET", "/audit?customer=newco&limit=2", None).await;
    let deeds: Vec<&str> =
        audit["records"].as_array().unwrap().iter().map(|record| record["deed"].as_str().unwrap()).collect();
    assert_eq!(deeds, ["customerRemoved", "userRemoved"]);
    assert_eq!((&audit["records"][0]["actor"], &audit["records"][0]["address"]), (&json!("root"), &json!("127.0.0.1")));
    let next = format!("/audit?customer=newco&before={}", audit["cursor"]);
    let (_, older) = asked(&world, "GET", &next, None).await;
    assert_eq!(older["records"][0]["deed"], "customerStanding");
    assert!(!format!("{audit}{older}").contains("password\\\""));
}

#[tokio::test]
async fn lists_come_in_pages() {
    let world = started().await;
    let mut names = Vec::new();
    let mut path = "/users?limit=2".to_owned();
    loop {
        let (status, page) = asked(&world, "GET", &path, None).await;
        assert_eq!(status, 200);
        let users = page["users"].as_array().unwrap();
        names.extend(users.iter().map(|user| user["name"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["cursor"].as_str() else { break };
        path = format!("/users?limit=2&after={cursor}");
    }
    assert_eq!(names, ["clerk", "jane", "joe", "nobody", "root"]);
    let (_, page) = asked(&world, "GET", "/users?customer=valen", None).await;
    assert_eq!(page["users"].as_array().unwrap().len(), 2);
    let (_, page) = asked(&world, "GET", "/customers?limit=1", None).await;
    assert_eq!((&page["customers"][0]["name"], &page["cursor"]), (&json!("acme"), &json!("acme")));
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_a_problem_that_repeats_nothing() {
    let world = started().await;
    for (method, path, body, status, code) in [
        ("POST", "/customers", json!({"name": "acme"}), 409, "nameTaken"),
        ("POST", "/customers", json!({"name": "Not A Name"}), 400, "badBody"),
        ("POST", "/customers", json!({"name": "x", "nmae": "secret"}), 400, "badBody"),
        (
            "POST",
            "/users",
            json!({"name": "jane", "customer": "acme", "password": "secret-password"}),
            409,
            "nameTaken",
        ),
        ("POST", "/users", json!({"name": "x", "customer": "nobodys", "password": "secret-password"}), 404, "notFound"),
        ("POST", "/users", json!({"name": "x", "customer": "acme", "password": "secret"}), 400, "badBody"),
        ("POST", "/users", json!({"name": "x", "customer": "acme", "password": 7}), 400, "badBody"),
        ("POST", "/users", json!(["x", "acme", "secret-password", null, null]), 400, "badBody"),
        ("PATCH", "/users/jane", json!([null, null, null, null]), 400, "badBody"),
        ("POST", "/customers", json!(["x"]), 400, "badBody"),
        ("PATCH", "/users/jane", json!({"role": "king"}), 400, "badBody"),
        ("PATCH", "/users/jane", json!({"grants": ["secret"]}), 400, "badBody"),
        ("PATCH", "/users/nobody-here", json!({"disabled": true}), 404, "notFound"),
        ("PATCH", "/users/root", json!({"role": "analyst"}), 409, "oneself"),
        ("PATCH", "/users/root", json!({"disabled": true}), 409, "oneself"),
        ("PATCH", "/customers/acme", json!({"disabled": true}), 409, "oneself"),
        ("DELETE", "/users/root", Value::Null, 409, "oneself"),
        ("DELETE", "/customers/acme", Value::Null, 409, "inUse"),
        ("DELETE", "/users/jane/tokens/0123456789ab", Value::Null, 404, "notFound"),
        ("POST", "/users/jane/tokens", json!({"expires": "yesterday"}), 400, "badBody"),
        ("POST", "/users/jane/tokens", json!({"expires": "2001-01-01T00:00:00Z"}), 400, "badBody"),
        ("GET", "/users?limit=0", Value::Null, 400, "badQuery"),
        ("GET", "/users?colour=red", Value::Null, 400, "badQuery"),
        ("GET", "/audit?before=x", Value::Null, 400, "badQuery"),
        ("GET", "/audit?before=-1", Value::Null, 400, "badQuery"),
        ("GET", "/audit?before=%2B1", Value::Null, 400, "badQuery"),
        ("GET", "/audit?before=9223372036854775808", Value::Null, 400, "badQuery"),
        ("GET", "/audit?before=18446744073709551616", Value::Null, 400, "badQuery"),
    ] {
        let body = (!body.is_null()).then_some(body);
        let (answered, problem) = asked(&world, method, path, body).await;
        assert_eq!((answered, problem["code"].as_str()), (status, Some(code)), "{method} {path}: {problem}");
        assert!(!problem.to_string().contains("secret"), "{problem}");
    }
    let plain = world.client.post(world.url("/api/2/admin/customers")).basic_auth("root", Some(PASSWORD));
    assert_eq!(said(plain.body("{\"name\":\"x\"}")).await.0, 400, "it is not application/json");
    let large = json!({"name": "x".repeat(70_000)});
    assert_eq!(asked(&world, "POST", "/customers", Some(large)).await.0, 400);
}

#[tokio::test]
async fn who_waits_is_answered_when_the_user_is_disabled() {
    let world = started().await;
    let polling = tokio::spawn(said(world.get("jane", "/solutions/longpoll/subscribe?timeout=300")));
    let following = tokio::spawn(said(world.get("jane", "/api/2/events")));
    let other = tokio::spawn(said(world.get("joe", "/solutions/longpoll/subscribe?timeout=300")));
    until(|| world.jobs.subscriptions() == 3).await;
    assert_eq!(asked(&world, "PATCH", "/users/jane", Some(json!({"disabled": true}))).await.0, 200);
    assert_eq!(polling.await.unwrap().0, 401);
    assert_eq!(following.await.unwrap().0, 200, "the stream had begun, and ends");
    assert_eq!(world.jobs.subscriptions(), 1);
    assert!(!other.is_finished());
    assert_eq!(said(world.get("jane", "/api/2/batches")).await.0, 401);
}
