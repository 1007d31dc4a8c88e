//! An upload is profiled over HTTP, by the requests of the guide.

use bordereau_base::state::BatchState;
use serde_json::Value;

use crate::world::{PASSWORD, World, said};
use crate::zips::{encrypted, sample, zip};

const KEY: &str = "ac5b3d51-50f8-40d1-e378-18f8db2fabc9";

/// Sends the sample to be profiled and runs it to its end.
async fn profiled(world: &World) {
    let path = format!("/solutions/batch/1/profile?batchKey={KEY}");
    assert_eq!(said(world.post("jane", &path, sample())).await, (200, KEY.to_owned()));
    assert_eq!(said(world.get("jane", &profile())).await.0, 404);
    world.run("jane", &profile()).await;
    let customer = "valen".parse().unwrap();
    let ended = async {
        while !world.jobs.status(&customer, KEY.parse().unwrap()).await.unwrap().unwrap().state.is_final() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    world.jobs.run(ended).await.unwrap();
    let status = world.jobs.status(&customer, KEY.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(status.state, BatchState::Finished);
}

fn profile() -> String {
    format!("/solutions/batch/version/unstructured/{KEY}/profile")
}

#[tokio::test]
async fn an_upload_of_any_shape_is_profiled_under_both_families_of_paths() {
    let world = World::start().await;
    profiled(&world).await;
    for path in [profile(), format!("/api/2/batch/unstructured/{KEY}/profile")] {
        let response = world.get("jane", &path).send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(response.headers()["profile-state"], "full");
        let tag = response.headers()["etag"].to_str().unwrap().to_owned();
        let document: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        assert_eq!(document["state"], "full");
        let names: Vec<&Value> = document["relations"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
        assert_eq!(names, ["insured", "class"]);
        let again = world.get("jane", &path).header("If-None-Match", tag).send().await.unwrap();
        assert_eq!(again.status(), 304);
    }
    // The same upload under the same key is the same profile; of two keys there are two.
    let path = format!("/api/2/batch/profile?batchKey={KEY}");
    assert_eq!(said(world.post("jane", &path, sample())).await, (200, KEY.to_owned()));
    let (status, other) = said(world.post("jane", "/api/2/batch/profile", sample())).await;
    assert_eq!((status, other.len()), (200, KEY.len()));
}

#[tokio::test]
async fn a_profile_comes_in_the_form_that_is_asked_for() {
    let world = World::start().await;
    profiled(&world).await;
    let browser = world.get("jane", &profile()).header("Accept", "text/html,*/*;q=0.8").send().await.unwrap();
    assert_eq!(browser.headers()["content-type"], "text/html; charset=utf-8");
    let page = browser.text().await.unwrap();
    assert!(page.to_ascii_lowercase().starts_with("<!doctype html>"), "{page}");
    let (status, page) = said(world.get("jane", &format!("{}?format=html", profile()))).await;
    assert!(status == 200 && page.contains("insured"), "{page}");
    let (_, draft) = said(world.get("jane", &format!("{}?format=datapackage", profile()))).await;
    let draft: Value = serde_json::from_str(&draft).unwrap();
    assert_eq!(draft["resources"][0]["name"], "insured");
    let sketch = world.get("jane", &format!("{}?format=sketch", profile())).send().await.unwrap();
    assert!(sketch.headers()["content-disposition"].to_str().unwrap().ends_with(".state\""));
    assert!(sketch.bytes().await.unwrap().starts_with(b"BDPROF"));
    for (query, sentence) in [
        ("format=xml", "The query parameter format must be json, html, datapackage or sketch."),
        ("format=json&format=json", "The query parameter format is there more than once."),
        ("colour=red", "A query parameter is not known. Known is format."),
    ] {
        assert_eq!(said(world.get("jane", &format!("{}?{query}", profile()))).await, (400, sentence.to_owned()));
    }
}

#[tokio::test]
async fn a_profile_is_its_customers_and_of_those_with_the_right() {
    let world = World::start().await;
    profiled(&world).await;
    for (user, status) in [("joe", 404), ("clerk", 403), ("nobody", 403)] {
        assert_eq!(said(world.get(user, &profile())).await.0, status, "{user}");
        let post = said(world.post(user, "/solutions/batch/1/profile", sample())).await.0;
        assert_eq!(post, if user == "joe" { 200 } else { 403 }, "{user}");
    }
    assert_eq!(said(world.client.get(world.url(&profile())).basic_auth("jane", Some("wrong"))).await.0, 401);
    assert_eq!(
        said(world.client.post(world.url("/api/2/batch/profile")).basic_auth("jane", Some(PASSWORD))).await.0,
        400
    );
}

#[tokio::test]
async fn what_cannot_be_profiled_is_told_why() {
    let world = World::start().await;
    for (upload, sentence) in [
        (b"no zip".to_vec(), "error opening zipfile zipfile could not be opened"),
        (zip(&[encrypted("a.csv")]), "error opening zipfile Password protected zipfile not supported"),
    ] {
        assert_eq!(said(world.post("jane", "/api/2/batch/profile", upload)).await, (400, sentence.to_owned()));
    }
    let (status, sentence) = said(world.post("jane", "/api/2/batch/profile?solutionVersion=1.0.7", sample())).await;
    assert_eq!((status, sentence.as_str()), (400, "A query parameter is not known. Known is batchKey."));
    assert_eq!(said(world.post("jane", "/solutions/batch/0/profile", sample())).await.0, 404);
}
