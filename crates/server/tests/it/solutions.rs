//! Solutions, releases and dictionaries over HTTP, and data that is contributed.

use reqwest::Method;
use serde_json::Value;

use crate::world::{PASSWORD, World, said};
use crate::zips::{entry, sample, zip};

async fn json(world: &World, user: &str, path: &str) -> (u16, Value) {
    let (status, text) = said(world.get(user, path)).await;
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

#[tokio::test]
async fn a_caller_sees_the_solutions_it_may_use_and_no_others() {
    let world = World::start().await;
    for (user, names) in [("jane", vec!["ca", "insureright", "manage"]), ("clerk", vec!["ca"]), ("nobody", Vec::new())]
    {
        let (_, list) = json(&world, user, "/api/2/solutions").await;
        let found: Vec<&str> =
            list["solutions"].as_array().unwrap().iter().map(|one| one["solution"].as_str().unwrap()).collect();
        assert_eq!(found, names, "{user}");
    }
    let (_, shown) = json(&world, "jane", "/api/2/solutions/manage").await;
    assert_eq!((&shown["activeRelease"], &shown["submissions"][0]["kind"]), (&"1.0.0".into(), &"contribution".into()));
    assert_eq!(shown["releases"][0]["active"], true);
    let (_, releases) = json(&world, "jane", "/api/2/solutions/insureright/releases").await;
    assert_eq!(releases["releases"][0]["release"], "1.0.7");
    for path in
        ["/api/2/solutions/insureright/dictionary", "/api/2/solutions/insureright/dictionary?solutionVersion=1.0.7"]
    {
        let (status, text) = said(world.get("jane", path)).await;
        let written = include_str!("../../../../solutions/insureright/1.0.7/datapackage.json");
        assert_eq!((status, text.as_str()), (200, written));
    }
    for (user, path) in [
        ("clerk", "/api/2/solutions/insureright"),
        ("clerk", "/api/2/solutions/nothing"),
        ("jane", "/api/2/solutions/nothing"),
        ("jane", "/api/2/solutions/NOTHING/dictionary"),
        ("jane", "/api/2/solutions/insureright/dictionary?solutionVersion=9"),
    ] {
        assert_eq!(said(world.get(user, path)).await, (404, "404:Not Found".to_owned()), "{user} {path}");
    }
}

fn claims(paid: &str) -> Vec<u8> {
    let sample = include_str!("../../../../testdata/samples/wc_claims/claim.csv").replace(",200,200,0", paid);
    zip(&[entry("claim.csv", Box::leak(sample.into_boxed_str()))])
}

/// The guide's own sample of claims, contributed twice.
#[tokio::test]
async fn claims_are_contributed_and_a_key_means_one_upload() {
    let world = World::start().await;
    let path = "/solutions/batch/version/manage/claim_detail";
    let first = said(world.post("jane", path, claims(",200,200,0"))).await.1;
    let results = world.run("jane", &format!("{path}/{first}")).await;
    assert!(results.bytes().await.unwrap().starts_with(b"PK"));
    let (_, shown) = json(&world, "jane", &format!("/api/2/batches/{first}")).await;
    assert_eq!((&shown["records"]["contributed"], &shown["records"]["scored"]), (&1.into(), &0.into()), "{shown}");
    let again = |upload| world.post("jane", &format!("{path}?batchKey={first}"), upload);
    assert_eq!(said(again(claims(",200,300,0"))).await.0, 409, "other bytes under the key");
    let same = said(world.post("jane", &format!("{path}?batchKey={first}"), claims(",200,200,0"))).await;
    assert_eq!(same, (200, first.clone()), "the same bytes again are the same batch");
    let second = said(world.post("jane", path, claims(",200,300,0"))).await.1;
    world.run("jane", &format!("{path}/{second}")).await;
    let kept = world.jobs.contributed(None, None, bordereau_jobs::Tests::Without).await.unwrap();
    assert_eq!(kept.iter().map(|file| (file.key.to_string(), file.rows)).collect::<Vec<_>>(), [(second, 1)]);
    assert_eq!(world.files("objects/contributions"), 1);
}

/// `HEAD` is answered like `GET` elsewhere; here that would submit.
#[tokio::test]
async fn to_look_at_the_path_of_a_submission_submits_nothing() {
    let world = World::start().await;
    let (_, key) = said(world.post("jane", "/api/2/batch/profile", sample())).await;
    for path in ["/api/2/batch/insureright/scoring", "/solutions/batch/1/insureright/scoring"] {
        let url = world.url(&format!("{path}/{key}/submit"));
        let response = world.client.request(Method::HEAD, url).basic_auth("jane", Some(PASSWORD)).send().await.unwrap();
        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()["allow"], "GET,POST");
    }
    let (_, shown) = json(&world, "jane", &format!("/api/2/batches/{key}")).await;
    assert_eq!(shown["submission"], "profile", "nothing was submitted");
}
