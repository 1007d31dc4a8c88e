use std::sync::Arc;

use bordereau_jobs::{Catalog, JobsOptions};
use bordereau_server::ServerOptions;
use reqwest::StatusCode;
use reqwest::header::{ACCEPT, HeaderMap, RETRY_AFTER};

use crate::world::{World, said};
use crate::zips::{sample, without_class};

const PATH: &str = "/solutions/batch/5/insureright/scoring";
const UNKNOWN: &str = "51956d71-62be-c223-8cb0-518de3e7d048";

async fn submit(world: &World, user: &str, upload: Vec<u8>) -> String {
    let (status, key) = said(world.post(user, PATH, upload)).await;
    assert_eq!(status, 200, "{key}");
    key
}

/// Everything of an answer but its date.
async fn whole(world: &World, user: &str, path: &str, accept: &str) -> (StatusCode, HeaderMap, String) {
    let response = world.get(user, path).header(ACCEPT, accept).send().await.unwrap();
    let (status, mut headers) = (response.status(), response.headers().clone());
    headers.remove("date");
    (status, headers, response.text().await.unwrap())
}

#[tokio::test]
async fn promise_3_results_are_the_zip_with_its_digest_under_both_path_families() {
    let world = World::start().await;
    let key = submit(&world, "jane", sample()).await;
    let response = world.run("jane", &format!("{PATH}/{key}")).await;
    assert_eq!(response.status(), 200);
    let headers = response.headers().clone();
    assert_eq!(headers["content-type"], "application/zip");
    assert_eq!(headers["content-disposition"], format!("attachment; filename=\"{key}.zip\""));
    let bytes = response.bytes().await.unwrap();
    assert_eq!(headers["content-length"], bytes.len().to_string());
    assert!(bytes.starts_with(b"PK"));
    for path in ["/api/2/batch/insureright/scoring", "/solutions/batch/version/insureright/scoring"] {
        let path = format!("{path}/{}", key.to_uppercase());
        let again = world.get("jane", &path).send().await.unwrap();
        assert_eq!(again.headers()["etag"], headers["etag"]);
        assert_eq!(again.bytes().await.unwrap(), bytes);
        let known = world.get("jane", &path).header("if-none-match", &headers["etag"]).send().await.unwrap();
        assert_eq!((known.status().as_u16(), known.bytes().await.unwrap().len()), (304, 0));
        let head = world.client.head(world.url(&path)).basic_auth("jane", Some(crate::world::PASSWORD));
        let head = head.send().await.unwrap();
        assert_eq!((head.status().as_u16(), &head.headers()["content-length"]), (200, &headers["content-length"]));
    }
}

#[tokio::test]
async fn a_pending_batch_is_not_found_yet_and_says_more_only_in_the_problem_body() {
    let world = World::start().await;
    let key = submit(&world, "jane", sample()).await;
    let path = format!("{PATH}/{key}");
    let (status, headers, text) = whole(&world, "jane", &path, "*/*").await;
    assert_eq!((status.as_u16(), text.as_str(), &headers[RETRY_AFTER]), (404, "404:Not Found", &"5".parse().unwrap()));
    let (status, headers, text) = whole(&world, "jane", &path, "application/problem+json").await;
    assert_eq!((status.as_u16(), &headers[RETRY_AFTER]), (404, &"5".parse().unwrap()));
    let body: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&body["code"], &body["batch"]["state"]), (&"batchPending".into(), &"accepted".into()));
}

#[tokio::test]
async fn promise_8_another_customers_batch_looks_exactly_like_one_that_does_not_exist() {
    let world = World::start().await;
    let pending = submit(&world, "jane", sample()).await;
    let done = submit(&world, "jane", without_class()).await;
    world.run("jane", &format!("{PATH}/{done}")).await;
    for accept in ["*/*", "application/problem+json"] {
        let unknown = whole(&world, "joe", &format!("{PATH}/{UNKNOWN}"), accept).await;
        assert_eq!(unknown.0, 404);
        assert!(unknown.1.get(RETRY_AFTER).is_none());
        for key in [&pending, &done] {
            assert_eq!(whole(&world, "joe", &format!("{PATH}/{key}"), accept).await, unknown);
        }
        // Under another solution or submission the batch does not exist either, not even for its customer.
        for path in [format!("/api/2/batch/ca/scoring/{pending}"), format!("/api/2/batch/insureright/x/{pending}")] {
            assert_eq!(whole(&world, "jane", &path, accept).await, unknown, "{path}");
        }
        for key in ["profile", "ac5b3d51", "..%2f", "%00"] {
            assert_eq!(whole(&world, "jane", &format!("{PATH}/{key}"), accept).await, unknown, "{key}");
        }
    }
}

/// With its models: the guide's one record is scored by the release inside the program.
#[tokio::test]
async fn the_shipped_release_scores_the_guides_sample() {
    let shipped = |options: &mut JobsOptions| options.catalog = Arc::new(Catalog::embedded().unwrap());
    let world = World::start_with(shipped, ServerOptions::default()).await;
    let key = submit(&world, "jane", sample()).await;
    assert_eq!(world.run("jane", &format!("{PATH}/{key}")).await.status(), 200);
    let status = world.jobs.status(&"valen".parse().unwrap(), key.parse().unwrap()).await.unwrap().unwrap();
    let records = &status.summary.unwrap()["records"];
    assert_eq!(records, &serde_json::json!({"read": 1, "scored": 1, "rejected": 0}));
}

#[tokio::test]
async fn a_failed_batch_answers_its_one_report() {
    let world = World::start().await;
    let key = submit(&world, "jane", without_class()).await;
    let path = format!("{PATH}/{key}");
    let response = world.run("jane", &path).await;
    assert_eq!(response.status(), 422);
    let text = response.text().await.unwrap();
    assert!(text.contains("class"), "{text}");
    let (status, _, json) = whole(&world, "jane", &path, "application/problem+json").await;
    let body: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((status.as_u16(), &body["code"], &body["detail"]), (422, &"missingRelation".into(), &text.into()));
}
