//! A profiled upload is submitted over HTTP, by the requests of the guide.

use bordereau_base::ids::BatchKey;
use reqwest::RequestBuilder;
use reqwest::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use serde_json::Value;

use crate::world::{PASSWORD, World, said};
use crate::zips::{entry, sample, zip};

const KEY: &str = "ac5b3d51-50f8-40d1-e378-18f8db2fabc9";
const RESULTS: &str = "/solutions/batch/version/insureright/scoring/ac5b3d51-50f8-40d1-e378-18f8db2fabc9";
const SUBMIT: &str = "/solutions/batch/version/insureright/scoring/ac5b3d51-50f8-40d1-e378-18f8db2fabc9/submit";

/// Sends the sample to be profiled.
async fn profile(world: &World) {
    let path = format!("/solutions/batch/5/profile?batchKey={KEY}");
    assert_eq!(said(world.post("jane", &path, sample())).await, (200, KEY.to_owned()));
}

/// Runs until the full profile and the results are there.
pub async fn run_both(world: &World, key: &str) {
    let profile = format!("/api/2/batch/unstructured/{key}/profile");
    let ended = async {
        while world
            .get("jane", &profile)
            .send()
            .await
            .unwrap()
            .headers()
            .get("profile-state")
            .is_none_or(|it| it != "full")
            || said(world.get("jane", &format!("/api/2/batch/insureright/scoring/{key}"))).await.0 != 200
        {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    };
    world.jobs.run(ended).await.unwrap();
}

async fn json(request: RequestBuilder) -> Value {
    serde_json::from_str(&said(request).await.1).unwrap()
}

#[tokio::test]
async fn a_profiled_upload_is_submitted_by_get_and_by_post_under_both_families_of_paths() {
    let world = World::start().await;
    for (method, path) in [
        ("GET", "/solutions/batch/version/insureright/scoring"),
        ("POST", "/solutions/batch/1/insureright/scoring"),
        ("GET", "/api/2/batch/insureright/scoring"),
        ("POST", "/api/2/batch/insureright/scoring"),
    ] {
        let (_, key) = said(world.post("jane", "/api/2/batch/profile", sample())).await;
        for _ in 0..2 {
            let url = world.url(&format!("{path}/{key}/submit?format=parquet&explanations=2&solutionVersion=1.0.7"));
            let request = world.client.request(method.parse().unwrap(), url).basic_auth("jane", Some(PASSWORD));
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 200, "{method} {path}");
            assert_eq!(response.headers()[CONTENT_TYPE], "text/plain; charset=utf-8");
            assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
            assert_eq!(response.text().await.unwrap(), key);
        }
        let batch: Value = json(world.get("jane", &format!("/api/2/batches/{key}"))).await;
        assert_eq!((&batch["solution"], &batch["release"]), (&"insureright".into(), &"1.0.7".into()));
    }
}

#[tokio::test]
async fn a_batch_and_its_profile_are_both_fetched_and_deleted_under_one_key() {
    let world = World::start().await;
    profile(&world).await;
    let shown: Value = json(world.get("jane", &format!("/api/2/batches/{KEY}"))).await;
    assert_eq!(shown["submission"], "profile");
    assert_eq!(shown["links"]["results"], format!("/api/2/batch/unstructured/{KEY}/profile"));
    assert_eq!(said(world.get("jane", SUBMIT)).await, (200, KEY.to_owned()));
    run_both(&world, KEY).await;
    let shown: Value = json(world.get("jane", &format!("/api/2/batches/{KEY}"))).await;
    assert_eq!((&shown["submission"], &shown["state"]), (&"scoring".into(), &"finished".into()));
    assert_eq!(shown["links"]["results"], format!("/api/2/batch/insureright/scoring/{KEY}"));
    let states: Vec<&Value> = shown["states"].as_array().unwrap().iter().map(|one| &one["state"]).collect();
    assert_eq!(states, ["accepted", "running", "finished"]);
    let listed: Value = json(world.get("jane", "/api/2/batches")).await;
    assert_eq!(listed["batches"].as_array().unwrap().len(), 1);
    assert!(world.get("jane", RESULTS).send().await.unwrap().bytes().await.unwrap().starts_with(b"PK"));
    let delete =
        |user: &str| world.client.delete(world.url(&format!("/api/2/batches/{KEY}"))).basic_auth(user, Some(PASSWORD));
    assert_eq!(said(delete("jane")).await.0, 204);
    for path in [RESULTS, SUBMIT, &format!("/api/2/batch/unstructured/{KEY}/profile")] {
        assert_eq!(said(world.get("jane", path)).await, (404, "404:Not Found".to_owned()), "{path}");
    }
    assert_eq!(world.files("objects"), 0);
}

#[tokio::test]
async fn another_submission_under_the_key_is_refused_and_the_same_again_is_not() {
    let world = World::start().await;
    profile(&world).await;
    assert_eq!(said(world.get("jane", SUBMIT)).await, (200, KEY.to_owned()));
    let conflict = (409, "The batch key was already used for another upload or request.".to_owned());
    let other = format!("/api/2/batch/ca/scoring/{KEY}/submit");
    for path in [&other, &format!("{SUBMIT}?solutionVersion=1.0.7"), &format!("{SUBMIT}?format=parquet")] {
        assert_eq!(said(world.get("jane", path)).await, conflict, "{path}");
    }
    let path = format!("/api/2/batch/insureright/scoring?batchKey={KEY}");
    assert_eq!(said(world.post("jane", &path, sample())).await, (200, KEY.to_owned()));
    assert_eq!(said(world.post("jane", &path, zip(&[entry("insured.csv", "a\n1\n")]))).await, conflict);
}

#[tokio::test]
async fn what_cannot_be_submitted_is_told_why() {
    let world = World::start().await;
    profile(&world).await;
    let not_found = (404, "404:Not Found".to_owned());
    let random = BatchKey::random();
    for (user, path) in [
        ("joe", SUBMIT.to_owned()),
        ("jane", format!("/api/2/batch/insureright/scoring/{random}/submit")),
        ("jane", "/api/2/batch/insureright/scoring/no-key/submit".to_owned()),
        ("jane", format!("/api/2/batch/insureright/nothing/{KEY}/submit")),
        ("jane", format!("/api/2/batch/nothing/scoring/{KEY}/submit")),
        ("jane", format!("/api/2/batch/unstructured/profile/{KEY}/submit")),
        ("jane", format!("/solutions/batch/0/insureright/scoring/{KEY}/submit")),
        ("jane", format!("/solutions/batch/1/unstructured/profile/{KEY}/submit")),
        ("jane", format!("{SUBMIT}?solutionVersion=9.9")),
    ] {
        assert_eq!(said(world.get(user, &path)).await, not_found, "{user} {path}");
    }
    for (query, sentence) in [
        (format!("batchKey={KEY}"), "The query parameter batchKey is not taken here: the key is the one of the path."),
        ("format=zip".to_owned(), "The query parameter format is not well-formed: must be csv or parquet."),
    ] {
        let refused = said(world.get("jane", &format!("{SUBMIT}?{query}"))).await;
        assert_eq!(refused, (400, sentence.to_owned()));
    }
    let problem = world.get("joe", SUBMIT).header(ACCEPT, "application/problem+json").send().await.unwrap();
    assert_eq!(problem.headers()[CACHE_CONTROL], "no-store");
    assert_eq!(serde_json::from_str::<Value>(&problem.text().await.unwrap()).unwrap()["code"], "notFound");
    // A clerk with a right to commercial auto needs none to profiles.
    let path = format!("/api/2/batch/ca/scoring/{KEY}/submit");
    assert_eq!(said(world.get("clerk", SUBMIT)).await, (403, "403:Forbidden".to_owned()));
    assert_eq!(said(world.get("clerk", &path)).await, (200, KEY.to_owned()));
}
