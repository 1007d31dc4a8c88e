//! The batches of a customer over HTTP.

use serde_json::Value;

use crate::world::{World, said};
use crate::zips::{entry, sample, zip};

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
        (
            "page=2",
            "A query parameter is not known. Known are state, solution, submission, since, until, keyPrefix, test, limit and cursor.",
        ),
        ("since=yesterday", "The query parameter since must be a moment such as 2026-11-25T08:00:00Z."),
        (
            "keyPrefix=xyz",
            "The query parameter keyPrefix is not well-formed: must be 1 to 36 hexadecimal digits and dashes.",
        ),
        ("limit=1&limit=1", "The query parameter limit is there more than once."),
    ] {
        assert_eq!(said(world.get("jane", &format!("/api/2/batches?{query}"))).await, (400, sentence.to_owned()));
    }
    assert_eq!(said(world.get("jane", "/api/2/batches/no-key")).await.0, 404);
    assert_eq!(said(world.client.get(world.url("/api/2/batches"))).await.0, 401);
}

#[tokio::test]
async fn batches_are_found_by_time_and_by_the_beginning_of_their_key() {
    let world = World::start().await;
    said(world.post("jane", &format!("/api/2/batch/insureright/scoring?batchKey={KEY}"), sample())).await;
    for (query, found) in [
        ("keyPrefix=AC5B", 1),
        ("keyPrefix=ac5c", 0),
        ("since=2020-01-01T00:00:00Z", 1),
        ("until=2020-01-01T00:00:00Z", 0),
        ("since=2020-01-01T00:00:00Z&until=9000-01-01T00:00:00Z&keyPrefix=ac5b3d51-50f8", 1),
        ("since=9000-01-01T00:00:00Z", 0),
    ] {
        let (status, list) = json(&world, "jane", &format!("/api/2/batches?{query}")).await;
        assert_eq!((status, list["batches"].as_array().unwrap().len()), (200, found), "{query}");
    }
}

/// Rows with several faults, to be listed.
fn faulty() -> Vec<u8> {
    let insured = include_str!("../../../../testdata/samples/insureright/insured.psv");
    let (head, row) = insured.trim_end().split_once('\n').unwrap();
    let rows = (0..7).map(|at| row.replace("1234Test", &format!("P{at}")).replace("|N|Test Submit", "|Q|Test Submit"));
    let insured = format!("{head}\n{}\n", rows.collect::<Vec<_>>().join("\n"));
    let class = include_str!("../../../../testdata/samples/insureright/class.psv");
    zip(&[entry("insured.psv", Box::leak(insured.into_boxed_str())), entry("class.psv", class)])
}

#[tokio::test]
async fn findings_are_listed_page_by_page_and_filtered() {
    let world = World::start().await;
    for format in ["csv", "parquet"] {
        let path = format!("/api/2/batch/insureright/scoring?format={format}");
        let (_, key) = said(world.post("jane", &path, faulty())).await;
        let errors = format!("/api/2/batches/{key}/errors");
        assert_eq!(said(world.get("jane", &errors)).await, (404, "404:Not Found".to_owned()), "not ready");
        world.run("jane", &format!("/api/2/batch/insureright/scoring/{key}")).await;
        let (_, shown) = json(&world, "jane", &format!("/api/2/batches/{key}")).await;
        assert_eq!(shown["findingsByCode"]["invalidInputValue"], 7, "{shown}");
        let wanted = "relation=insured&field=new_renew_flag&code=invalidInputValue&severity=error";
        let (mut cursor, mut rows) = (String::new(), Vec::new());
        loop {
            let (status, page) = json(&world, "jane", &format!("{errors}?{wanted}&limit=3{cursor}")).await;
            assert_eq!(status, 200, "{page}");
            for finding in page["findings"].as_array().unwrap() {
                assert_eq!((&finding["value"], &finding["field"]), (&"Q".into(), &"new_renew_flag".into()));
                let row = finding["row"].as_u64().unwrap();
                assert_eq!(finding["key"]["original_policy_term_number"], format!("P{}", row - 2));
                rows.push(row);
            }
            match page["cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(rows, (2..9).collect::<Vec<u64>>());
        let (_, all) = json(&world, "jane", &format!("/solutions/batch/1/insureright/scoring/{key}/errors")).await;
        let all_rows = all["findings"].as_array().unwrap().len() as u64;
        let counted: u64 = shown["findings"].as_array().unwrap().iter().map(|one| one["count"].as_u64().unwrap()).sum();
        assert_eq!(all_rows, counted);
        let (_, none) = json(&world, "jane", &format!("{errors}?relation=class&field=nothing")).await;
        assert_eq!(none["findings"].as_array().unwrap().len(), 0);
        for (query, start) in [
            ("code=odd", "The query parameter code must be one of required,"),
            ("severity=odd", "The query parameter severity must be error or warning."),
            ("cursor=x", "The query parameter cursor is not well-formed:"),
            ("cursor=-1", "The query parameter cursor is not well-formed:"),
            ("cursor=9223372036854775808", "The query parameter cursor is not well-formed:"),
            ("page=1", "A query parameter is not known."),
        ] {
            let (status, text) = said(world.get("jane", &format!("{errors}?{query}"))).await;
            assert_eq!((status, text.starts_with(start)), (400, true), "{text}");
        }
    }
}
