//! The batches of a customer over HTTP.

use serde_json::Value;

use crate::world::{World, said};
use crate::zips::sample;

const KEY: &str = "ac5b3d51-50f8-40d1-e378-18f8db2fabc9";

async fn json(world: &World, user: &str, path: &str) -> (u16, Value) {
    let (status, text) = said(world.get(user, path)).await;
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

#[tokio::test]
async fn a_batch_is_listed_shown_and_deleted() {
    let world = World::start().await;
    said(world.post("jane", &format!("/api/2/batch/insureright/scoring?batchKey={KEY}"), sample())).await;
    let path = format!("/api/2/batches/{KEY}");
    let (_, waiting) = json(&world, "jane", &path).await;
    assert_eq!((&waiting["state"], &waiting["release"]), (&"accepted".into(), &"1.0.7".into()));
    assert_eq!(
        said(world.client.delete(world.url(&path)).basic_auth("jane", Some(crate::world::PASSWORD))).await.0,
        409
    );
    world.run("jane", &format!("/api/2/batch/insureright/scoring/{KEY}")).await;
    let (_, done) = json(&world, "jane", &path).await;
    assert_eq!(done["state"], "finished");
    assert_eq!(done["records"]["read"], 1);
    assert_eq!(done["links"]["results"], format!("/api/2/batch/insureright/scoring/{KEY}"));
    let states: Vec<&Value> = done["states"].as_array().unwrap().iter().map(|one| &one["state"]).collect();
    assert_eq!(states, ["accepted", "running", "finished"]);
    let (_, list) = json(&world, "jane", "/api/2/batches?state=finished&limit=1").await;
    assert_eq!(list["batches"][0]["batchKey"], KEY);
    assert_eq!(list.get("cursor"), None);
    // Another customer and a user without the right.
    for (user, status) in [("joe", 404), ("clerk", 403)] {
        assert_eq!(json(&world, user, &path).await.0, status);
        let cancel = world.client.post(world.url(&format!("{path}/cancel")));
        assert_eq!(said(cancel.basic_auth(user, Some(crate::world::PASSWORD))).await.0, status);
        let delete = world.client.delete(world.url(&path));
        assert_eq!(said(delete.basic_auth(user, Some(crate::world::PASSWORD))).await.0, status);
        let (_, list) = json(&world, user, "/api/2/batches").await;
        assert_eq!(list["batches"].as_array().unwrap().len(), 0);
    }
    let delete = world.client.delete(world.url(&path)).basic_auth("jane", Some(crate::world::PASSWORD));
    assert_eq!(said(delete).await, (204, String::new()));
    assert_eq!(json(&world, "jane", &path).await.1["state"], "deleted");
    let (status, _) = json(&world, "jane", &format!("/api/2/batch/insureright/scoring/{KEY}")).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_batch_is_cancelled_and_what_is_no_list_is_told_why() {
    let world = World::start().await;
    said(world.post("jane", &format!("/api/2/batch/insureright/scoring?batchKey={KEY}"), sample())).await;
    let cancel = || {
        world
            .client
            .post(world.url(&format!("/api/2/batches/{KEY}/cancel")))
            .basic_auth("jane", Some(crate::world::PASSWORD))
    };
    for _ in 0..2 {
        let (status, text) = said(cancel()).await;
        assert_eq!((status, text.contains("\"state\":\"cancelled\"")), (200, true), "{text}");
    }
    for (query, sentence) in [
        ("limit=0", "The query parameter limit must be a whole number from 1 to 500."),
        ("limit=501", "The query parameter limit must be a whole number from 1 to 500."),
        ("state=deleted", "The query parameter state must be accepted, running, finished, failed or cancelled."),
        ("page=2", "A query parameter is not known. Known are state, solution, submission, limit and cursor."),
        ("limit=1&limit=1", "The query parameter limit is there more than once."),
    ] {
        assert_eq!(said(world.get("jane", &format!("/api/2/batches?{query}"))).await, (400, sentence.to_owned()));
    }
    assert_eq!(said(world.get("jane", "/api/2/batches/no-key")).await.0, 404);
    assert_eq!(said(world.client.get(world.url("/api/2/batches"))).await.0, 401);
}
